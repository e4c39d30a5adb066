//! Accounts of the general ledger, customer classes and adjustment types.

use crate::audit::{self, Action};
use crate::naming::{check_code, check_name, unknown, unless_stale, unless_taken};
use crate::{App, Caller, Result};
use serde_json::json;
use store::Tx;
use store::ledger_setup::{AdjustmentType, CustomerClass, GlAccount};
use vocab::{AdjustmentPurpose, AdjustmentTypeId, Code, GlAccountId, Problem};

/// Adds an account of the general ledger.
pub fn add_gl_account(tx: &mut Tx<'_>, caller: &Caller, code: String, name: String) -> Result<GlAccount> {
    check_code("/code", &code)?;
    check_name("/name", &name)?;
    let row = GlAccount { id: GlAccountId(tx.new_id()?), code, name, version: 1 };
    unless_taken(store::ledger_setup::insert_gl_account(tx, &row), &row.code)?;
    let after = json!({ "code": row.code, "name": row.name });
    record(tx, caller, "gl_account.add", row.id.to_string(), after)?;
    Ok(row)
}

/// Adds a customer class.
pub fn add_customer_class(
    tx: &mut Tx<'_>,
    caller: &Caller,
    code: String,
    name: String,
    due_days: Option<i16>,
) -> Result<CustomerClass> {
    check_code("/code", &code)?;
    check_name("/name", &name)?;
    check_due_days(due_days)?;
    let row = CustomerClass { code, name, due_days, version: 1 };
    unless_taken(store::ledger_setup::insert_customer_class(tx, &row), &row.code)?;
    let after = json!({ "name": row.name, "due_days": row.due_days });
    record(tx, caller, "customer_class.add", row.code.clone(), after)?;
    Ok(row)
}

/// Adds an adjustment type.
pub fn add_adjustment_type(
    tx: &mut Tx<'_>,
    caller: &Caller,
    code: String,
    name: String,
    gl_id: GlAccountId,
    purpose: AdjustmentPurpose,
) -> Result<AdjustmentType> {
    check_code("/code", &code)?;
    check_name("/name", &name)?;
    known_gl(tx, "/gl_account_id", gl_id)?;
    let row = AdjustmentType { id: AdjustmentTypeId(tx.new_id()?), code, name, gl_id, purpose, version: 1 };
    unless_taken(store::ledger_setup::insert_adjustment_type(tx, &row), &row.code)?;
    let after = json!({ "code": row.code, "name": row.name, "gl": row.gl_id, "purpose": row.purpose });
    record(tx, caller, "adjustment_type.add", row.id.to_string(), after)?;
    Ok(row)
}

/// Refuses an account of the general ledger that does not exist.
pub(crate) fn known_gl(tx: &mut Tx<'_>, pointer: &str, id: GlAccountId) -> Result<()> {
    match store::ledger_setup::gl_account(tx, id)? {
        Some(_) => Ok(()),
        None => Err(unknown(pointer).into()),
    }
}

fn check_due_days(days: Option<i16>) -> Result<()> {
    if days.is_none_or(|days| (0..=120).contains(&days)) {
        return Ok(());
    }
    Err(Problem::field("/due_days", Code::FieldRange, "0 to 120 days").into())
}

fn record(
    tx: &mut Tx<'_>,
    caller: &Caller,
    action: &str,
    subject: String,
    after: serde_json::Value,
) -> Result<()> {
    audit::record(tx, caller, Action { action, subject, after: Some(after), ..Action::default() })
}

impl App {
    /// All accounts of the general ledger.
    pub fn gl_accounts(&self) -> Result<Vec<GlAccount>> {
        self.db().tx(|tx| Ok(store::ledger_setup::gl_accounts(tx)?))
    }

    /// One account of the general ledger.
    pub fn gl_account(&self, id: GlAccountId) -> Result<GlAccount> {
        self.db().tx(|tx| Ok(store::ledger_setup::gl_account(tx, id)?.ok_or_else(Problem::not_found)?))
    }

    /// Renames an account of the general ledger that the caller read as `version`.
    pub fn rename_gl_account(
        &self,
        caller: &Caller,
        id: GlAccountId,
        version: i64,
        name: String,
    ) -> Result<GlAccount> {
        check_name("/name", &name)?;
        self.db().tx(|tx| {
            let old = store::ledger_setup::gl_account(tx, id)?.ok_or_else(Problem::not_found)?;
            let new = GlAccount { name, version: version + 1, ..old };
            unless_stale(store::ledger_setup::rename_gl_account(tx, &new, version)?)?;
            record(tx, caller, "gl_account.rename", id.to_string(), json!({ "name": new.name }))?;
            Ok(new)
        })
    }

    /// All customer classes.
    pub fn customer_classes(&self) -> Result<Vec<CustomerClass>> {
        self.db().tx(|tx| Ok(store::ledger_setup::customer_classes(tx)?))
    }

    /// One customer class.
    pub fn customer_class(&self, code: &str) -> Result<CustomerClass> {
        self.db().tx(|tx| Ok(store::ledger_setup::customer_class(tx, code)?.ok_or_else(Problem::not_found)?))
    }

    /// Changes a customer class that the caller read as `version`; what is absent stays.
    pub fn change_customer_class(
        &self,
        caller: &Caller,
        code: &str,
        version: i64,
        name: Option<String>,
        due_days: Option<Option<i16>>,
    ) -> Result<CustomerClass> {
        self.db().tx(|tx| {
            let mut new = store::ledger_setup::customer_class(tx, code)?.ok_or_else(Problem::not_found)?;
            if let Some(name) = name {
                check_name("/name", &name)?;
                new.name = name;
            }
            if let Some(due_days) = due_days {
                check_due_days(due_days)?;
                new.due_days = due_days;
            }
            unless_stale(store::ledger_setup::update_customer_class(tx, &new, version)?)?;
            new.version = version + 1;
            let after = json!({ "name": new.name, "due_days": new.due_days });
            record(tx, caller, "customer_class.change", new.code.clone(), after)?;
            Ok(new)
        })
    }

    /// All adjustment types.
    pub fn adjustment_types(&self) -> Result<Vec<AdjustmentType>> {
        self.db().tx(|tx| Ok(store::ledger_setup::adjustment_types(tx)?))
    }

    /// One adjustment type.
    pub fn adjustment_type(&self, id: AdjustmentTypeId) -> Result<AdjustmentType> {
        self.db().tx(|tx| Ok(store::ledger_setup::adjustment_type(tx, id)?.ok_or_else(Problem::not_found)?))
    }

    /// Changes an adjustment type that the caller read as `version`; what is absent stays.
    pub fn change_adjustment_type(
        &self,
        caller: &Caller,
        id: AdjustmentTypeId,
        version: i64,
        name: Option<String>,
        gl_id: Option<GlAccountId>,
    ) -> Result<AdjustmentType> {
        self.db().tx(|tx| {
            let mut new = store::ledger_setup::adjustment_type(tx, id)?.ok_or_else(Problem::not_found)?;
            if let Some(name) = name {
                check_name("/name", &name)?;
                new.name = name;
            }
            if let Some(gl_id) = gl_id {
                known_gl(tx, "/gl_account_id", gl_id)?;
                new.gl_id = gl_id;
            }
            unless_stale(store::ledger_setup::update_adjustment_type(tx, &new, version)?)?;
            new.version = version + 1;
            let after = json!({ "name": new.name, "gl": new.gl_id });
            record(tx, caller, "adjustment_type.change", id.to_string(), after)?;
            Ok(new)
        })
    }
}
