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
    /// A test without open blocking flags and errors is accepted.
    pub auto_accept: bool,
    /// Invoices are made after an acceptance.
    pub auto_generate: bool,
    /// The deliveries of an invoice run are approved and sent.
    pub auto_send: bool,
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

/// Locks every cycle, ascending.
pub fn lock_all(tx: &mut Tx<'_>) -> Result<()> {
    let _: Vec<CycleId> = bill_cycles::table
        .select(bill_cycles::id)
        .order(bill_cycles::id)
        .for_no_key_update()
        .load(tx.conn)?;
    Ok(())
}

/// The same as [`lock`], unless somebody else holds it; answers whether.
pub fn try_lock(tx: &mut Tx<'_>, id: CycleId) -> Result<bool> {
    let locked: Option<CycleId> = bill_cycles::table
        .filter(bill_cycles::id.eq(id))
        .select(bill_cycles::id)
        .for_no_key_update()
        .skip_locked()
        .first(tx.conn)
        .optional()?;
    Ok(locked.is_some())
}

/// Replaces the name and the automatic mode of a cycle when `version` is still the stored one.
pub fn update(tx: &mut Tx<'_>, row: &Cycle, version: i64) -> Result<bool> {
    let stored = bill_cycles::table.filter(bill_cycles::id.eq(row.id).and(bill_cycles::version.eq(version)));
    let changed = diesel::update(stored)
        .set((
            bill_cycles::name.eq(&row.name),
            bill_cycles::auto_accept.eq(row.auto_accept),
            bill_cycles::auto_generate.eq(row.auto_generate),
            bill_cycles::auto_send.eq(row.auto_send),
            bill_cycles::version.eq(version + 1),
        ))
        .execute(tx.conn)?;
    Ok(changed == 1)
}
