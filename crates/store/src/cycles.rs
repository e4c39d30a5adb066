//! Bill cycles: recurring groups of accounts. Few rows, so the list is whole.

use crate::schema::bill_cycles;
use crate::{Result, Tx};
use diesel::prelude::*;
use vocab::CycleId;

/// A recurring group of accounts.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = bill_cycles)]
pub struct Cycle {
    /// Row id.
    pub id: CycleId,
    /// The utility's code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Goes up by one with every change.
    pub version: i64,
}

/// Adds a cycle.
pub fn insert(tx: &mut Tx<'_>, row: &Cycle) -> Result<()> {
    diesel::insert_into(bill_cycles::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// All cycles, by code.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<Cycle>> {
    Ok(bill_cycles::table.select(Cycle::as_select()).order(bill_cycles::code).load(tx.conn)?)
}

/// One cycle.
pub fn find(tx: &mut Tx<'_>, id: CycleId) -> Result<Option<Cycle>> {
    Ok(bill_cycles::table
        .filter(bill_cycles::id.eq(id))
        .select(Cycle::as_select())
        .first(tx.conn)
        .optional()?)
}

/// Locks a cycle while its windows are planned, so that two plans cannot overlap.
pub fn lock(tx: &mut Tx<'_>, id: CycleId) -> Result<Option<Cycle>> {
    Ok(bill_cycles::table
        .filter(bill_cycles::id.eq(id))
        .select(Cycle::as_select())
        .for_no_key_update()
        .first(tx.conn)
        .optional()?)
}

/// Renames a cycle when `version` is still the stored one.
pub fn rename(tx: &mut Tx<'_>, row: &Cycle, version: i64) -> Result<bool> {
    let stored = bill_cycles::table.filter(bill_cycles::id.eq(row.id).and(bill_cycles::version.eq(version)));
    let changed = diesel::update(stored)
        .set((bill_cycles::name.eq(&row.name), bill_cycles::version.eq(version + 1)))
        .execute(tx.conn)?;
    Ok(changed == 1)
}
