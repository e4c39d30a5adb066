//! Contract types: how contracts of a kind bill.

use crate::audit::{self, Action};
use crate::ledger_setup::known_gl;
use crate::naming::{check_code, check_name, unless_stale, unless_taken};
use crate::{App, Caller, Result};
use serde_json::{Value, json};
use store::Tx;
use store::contract_types::ContractType;
use vocab::{Code, Commodity, ContractTypeId, EndDateMethod, GlAccountId, Money, Problem, SegmentMethod};

/// A contract type to define.
#[derive(Debug, Clone)]
pub struct NewContractType {
    /// The utility's code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What is delivered.
    pub commodity: Commodity,
    /// How segments are made.
    pub method: SegmentMethod,
    /// How their last day is found.
    pub end_date: EndDateMethod,
    /// Billing sequence: lower first.
    pub sequence: i32,
    /// A shorter segment that is not final is deferred.
    pub minimum_days: i16,
    /// A higher segment is flagged.
    pub maximum: Option<Money>,
    /// Whether missing reads may be estimated; the rate must allow it too.
    pub estimation: bool,
    /// What segments debit.
    pub receivable_gl: GlAccountId,
    /// What segments credit, unless a rule or charge names another.
    pub revenue_gl: GlAccountId,
}

/// Changes of a contract type; what is absent stays. Code, commodity and method stay for ever:
/// contracts rest on them.
#[derive(Debug, Clone, Default)]
pub struct ContractTypeChanges {
    /// Its name.
    pub name: Option<String>,
    /// How segments' last day is found.
    pub end_date: Option<EndDateMethod>,
    /// Billing sequence.
    pub sequence: Option<i32>,
    /// A shorter segment that is not final is deferred.
    pub minimum_days: Option<i16>,
    /// A higher segment is flagged; `Some(None)` takes the limit away.
    pub maximum: Option<Option<Money>>,
    /// Whether missing reads may be estimated.
    pub estimation: Option<bool>,
    /// What segments debit.
    pub receivable_gl: Option<GlAccountId>,
    /// What segments credit.
    pub revenue_gl: Option<GlAccountId>,
}

/// Defines a contract type.
pub fn define(tx: &mut Tx<'_>, caller: &Caller, new: NewContractType) -> Result<ContractType> {
    check_code("/code", &new.code)?;
    let row = ContractType {
        id: ContractTypeId(tx.new_id()?),
        code: new.code,
        name: new.name,
        commodity: new.commodity,
        method: new.method,
        end_date: new.end_date,
        sequence: new.sequence,
        minimum_days: new.minimum_days,
        maximum_minor: new.maximum,
        estimation: new.estimation,
        receivable_gl_id: new.receivable_gl,
        revenue_gl_id: new.revenue_gl,
        version: 1,
    };
    check(tx, &row)?;
    unless_taken(store::contract_types::insert(tx, &row), &row.code)?;
    record(tx, caller, "contract_type.define", None, &row)?;
    Ok(row)
}

fn check(tx: &mut Tx<'_>, row: &ContractType) -> Result<()> {
    check_name("/name", &row.name)?;
    if row.end_date == EndDateMethod::MeterRead && row.method != SegmentMethod::Metered {
        let detail = "only a metered contract ends its segments at a read";
        return Err(Problem::field("/end_date", Code::FieldRange, detail).into());
    }
    let own_day = matches!(row.end_date, EndDateMethod::Anniversary | EndDateMethod::AsOfDate);
    if own_day && matches!(row.method, SegmentMethod::Metered | SegmentMethod::SubContract) {
        let detail =
            "a metered contract ends its segments at a read or with the window, what rests on it too";
        return Err(Problem::field("/end_date", Code::FieldRange, detail).into());
    }
    if !(0..=60).contains(&row.minimum_days) {
        return Err(Problem::field("/minimum_days", Code::FieldRange, "0 to 60 days").into());
    }
    if row.maximum_minor.is_some_and(|maximum| !maximum.is_positive()) {
        let detail = "more than nothing";
        return Err(Problem::field("/maximum", Code::AmountNotPositive, detail).into());
    }
    known_gl(tx, "/receivable_gl_account_id", row.receivable_gl_id)?;
    known_gl(tx, "/revenue_gl_account_id", row.revenue_gl_id)
}

fn record(
    tx: &mut Tx<'_>,
    caller: &Caller,
    action: &str,
    before: Option<Value>,
    row: &ContractType,
) -> Result<()> {
    let subject = row.id.to_string();
    audit::record(tx, caller, Action { action, subject, before, after: Some(summary(row)), reason: None })
}

fn summary(row: &ContractType) -> Value {
    json!({
        "code": row.code,
        "name": row.name,
        "commodity": row.commodity,
        "method": row.method,
        "end_date": row.end_date,
        "sequence": row.sequence,
        "minimum_days": row.minimum_days,
        "maximum_minor": row.maximum_minor.map(Money::minor),
        "estimation": row.estimation,
        "receivable_gl": row.receivable_gl_id,
        "revenue_gl": row.revenue_gl_id,
    })
}

impl App {
    /// All contract types, in billing sequence.
    pub fn contract_types(&self) -> Result<Vec<ContractType>> {
        self.db().tx(|tx| Ok(store::contract_types::all(tx)?))
    }

    /// One contract type.
    pub fn contract_type(&self, id: ContractTypeId) -> Result<ContractType> {
        self.db().tx(|tx| Ok(store::contract_types::find(tx, id)?.ok_or_else(Problem::not_found)?))
    }

    /// Changes a contract type that the caller read as `version`.
    pub fn change_contract_type(
        &self,
        caller: &Caller,
        id: ContractTypeId,
        version: i64,
        changes: ContractTypeChanges,
    ) -> Result<ContractType> {
        self.db().tx(|tx| {
            let old = store::contract_types::find(tx, id)?.ok_or_else(Problem::not_found)?;
            let before = summary(&old);
            let new = ContractType {
                name: changes.name.unwrap_or(old.name),
                end_date: changes.end_date.unwrap_or(old.end_date),
                sequence: changes.sequence.unwrap_or(old.sequence),
                minimum_days: changes.minimum_days.unwrap_or(old.minimum_days),
                maximum_minor: changes.maximum.unwrap_or(old.maximum_minor),
                estimation: changes.estimation.unwrap_or(old.estimation),
                receivable_gl_id: changes.receivable_gl.unwrap_or(old.receivable_gl_id),
                revenue_gl_id: changes.revenue_gl.unwrap_or(old.revenue_gl_id),
                version: version + 1,
                ..old
            };
            check(tx, &new)?;
            unless_stale(store::contract_types::update(tx, &new, version)?)?;
            record(tx, caller, "contract_type.change", Some(before), &new)?;
            Ok(new)
        })
    }
}
