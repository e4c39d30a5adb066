//! Contract types: how contracts of a kind bill. Few rows, so the list is whole.

use crate::schema::contract_types;
use crate::{Result, Tx};
use diesel::prelude::*;
use vocab::{Commodity, ContractTypeId, EndDateMethod, GlAccountId, Money, SegmentMethod};

/// How contracts of a kind bill.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = contract_types, treat_none_as_default_value = false)]
pub struct ContractType {
    /// Row id.
    pub id: ContractTypeId,
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
    pub maximum_minor: Option<Money>,
    /// Whether missing reads may be estimated; the rate must allow it too.
    pub estimation: bool,
    /// What segments debit.
    pub receivable_gl_id: GlAccountId,
    /// What segments credit, unless a rule or charge names another.
    pub revenue_gl_id: GlAccountId,
    /// Goes up by one with every change.
    pub version: i64,
}

/// Adds a contract type.
pub fn insert(tx: &mut Tx<'_>, row: &ContractType) -> Result<()> {
    diesel::insert_into(contract_types::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// All contract types, in billing sequence.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<ContractType>> {
    Ok(contract_types::table
        .select(ContractType::as_select())
        .order((contract_types::sequence, contract_types::code))
        .load(tx.conn)?)
}

/// One contract type.
pub fn find(tx: &mut Tx<'_>, id: ContractTypeId) -> Result<Option<ContractType>> {
    Ok(contract_types::table
        .filter(contract_types::id.eq(id))
        .select(ContractType::as_select())
        .first(tx.conn)
        .optional()?)
}

/// Changes a contract type when `version` is still the stored one. Code, commodity and method
/// stay: contracts rest on them.
pub fn update(tx: &mut Tx<'_>, row: &ContractType, version: i64) -> Result<bool> {
    let stored =
        contract_types::table.filter(contract_types::id.eq(row.id).and(contract_types::version.eq(version)));
    let changed = diesel::update(stored)
        .set((
            contract_types::name.eq(&row.name),
            contract_types::end_date.eq(row.end_date),
            contract_types::sequence.eq(row.sequence),
            contract_types::minimum_days.eq(row.minimum_days),
            contract_types::maximum_minor.eq(row.maximum_minor),
            contract_types::estimation.eq(row.estimation),
            contract_types::receivable_gl_id.eq(row.receivable_gl_id),
            contract_types::revenue_gl_id.eq(row.revenue_gl_id),
            contract_types::version.eq(version + 1),
        ))
        .execute(tx.conn)?;
    Ok(changed == 1)
}
