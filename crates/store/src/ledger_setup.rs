//! What the ledger and the due dates are set up with: accounts of the general ledger, customer
//! classes, adjustment types. Few rows each, so lists are whole.

use crate::schema::{adjustment_types, customer_classes, gl_accounts};
use crate::{Result, Tx};
use diesel::prelude::*;
use vocab::{AdjustmentPurpose, AdjustmentTypeId, GlAccountId};

/// An account of the general ledger.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = gl_accounts)]
pub struct GlAccount {
    /// Row id.
    pub id: GlAccountId,
    /// The utility's code; tariffs name it.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Goes up by one with every change.
    pub version: i64,
}

/// A class of customers.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = customer_classes, treat_none_as_default_value = false)]
pub struct CustomerClass {
    /// The utility's code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Days from bill date to due date; without them no bill of the class can be completed.
    pub due_days: Option<i16>,
    /// Goes up by one with every change.
    pub version: i64,
}

/// A kind of charge or credit that does not come from a segment.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = adjustment_types)]
pub struct AdjustmentType {
    /// Row id.
    pub id: AdjustmentTypeId,
    /// The utility's code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The account that is credited by a charge.
    pub gl_id: GlAccountId,
    /// What its adjustments are for.
    pub purpose: AdjustmentPurpose,
    /// Goes up by one with every change.
    pub version: i64,
}

/// Adds an account of the general ledger.
pub fn insert_gl_account(tx: &mut Tx<'_>, row: &GlAccount) -> Result<()> {
    diesel::insert_into(gl_accounts::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// All accounts of the general ledger, by code.
pub fn gl_accounts(tx: &mut Tx<'_>) -> Result<Vec<GlAccount>> {
    Ok(gl_accounts::table.select(GlAccount::as_select()).order(gl_accounts::code).load(tx.conn)?)
}

/// One account of the general ledger.
pub fn gl_account(tx: &mut Tx<'_>, id: GlAccountId) -> Result<Option<GlAccount>> {
    Ok(gl_accounts::table
        .filter(gl_accounts::id.eq(id))
        .select(GlAccount::as_select())
        .first(tx.conn)
        .optional()?)
}

/// Renames an account when `version` is still the stored one. Its code stays: tariffs name it.
pub fn rename_gl_account(tx: &mut Tx<'_>, row: &GlAccount, version: i64) -> Result<bool> {
    let stored = gl_accounts::table.filter(gl_accounts::id.eq(row.id).and(gl_accounts::version.eq(version)));
    let changed = diesel::update(stored)
        .set((gl_accounts::name.eq(&row.name), gl_accounts::version.eq(version + 1)))
        .execute(tx.conn)?;
    Ok(changed == 1)
}

/// Adds a customer class.
pub fn insert_customer_class(tx: &mut Tx<'_>, row: &CustomerClass) -> Result<()> {
    diesel::insert_into(customer_classes::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// All customer classes, by code.
pub fn customer_classes(tx: &mut Tx<'_>) -> Result<Vec<CustomerClass>> {
    Ok(customer_classes::table
        .select(CustomerClass::as_select())
        .order(customer_classes::code)
        .load(tx.conn)?)
}

/// One customer class.
pub fn customer_class(tx: &mut Tx<'_>, code: &str) -> Result<Option<CustomerClass>> {
    Ok(customer_classes::table.find(code).select(CustomerClass::as_select()).first(tx.conn).optional()?)
}

/// Changes name and due days of a class when `version` is still the stored one.
pub fn update_customer_class(tx: &mut Tx<'_>, row: &CustomerClass, version: i64) -> Result<bool> {
    let stored = customer_classes::table
        .filter(customer_classes::code.eq(&row.code).and(customer_classes::version.eq(version)));
    let changed = diesel::update(stored)
        .set((
            customer_classes::name.eq(&row.name),
            customer_classes::due_days.eq(row.due_days),
            customer_classes::version.eq(version + 1),
        ))
        .execute(tx.conn)?;
    Ok(changed == 1)
}

/// Adds an adjustment type.
pub fn insert_adjustment_type(tx: &mut Tx<'_>, row: &AdjustmentType) -> Result<()> {
    diesel::insert_into(adjustment_types::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// All adjustment types, by code.
pub fn adjustment_types(tx: &mut Tx<'_>) -> Result<Vec<AdjustmentType>> {
    Ok(adjustment_types::table
        .select(AdjustmentType::as_select())
        .order(adjustment_types::code)
        .load(tx.conn)?)
}

/// One adjustment type.
pub fn adjustment_type(tx: &mut Tx<'_>, id: AdjustmentTypeId) -> Result<Option<AdjustmentType>> {
    Ok(adjustment_types::table
        .filter(adjustment_types::id.eq(id))
        .select(AdjustmentType::as_select())
        .first(tx.conn)
        .optional()?)
}

/// Changes name and account of an adjustment type when `version` is still the stored one.
pub fn update_adjustment_type(tx: &mut Tx<'_>, row: &AdjustmentType, version: i64) -> Result<bool> {
    let stored = adjustment_types::table
        .filter(adjustment_types::id.eq(row.id).and(adjustment_types::version.eq(version)));
    let changed = diesel::update(stored)
        .set((
            adjustment_types::name.eq(&row.name),
            adjustment_types::gl_id.eq(row.gl_id),
            adjustment_types::version.eq(version + 1),
        ))
        .execute(tx.conn)?;
    Ok(changed == 1)
}
