//! Several bill runs at once: a page of them with what they come to, those of a window with how
//! far their invoices are. One query each, however many runs.

use crate::runs::{BillRun, RunTest};
use crate::schema::{bill_runs, run_items, run_tests};
use crate::{Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool};
use vocab::{ItemState, RunId, RunState, SiteId, WindowId};

/// What one register with interval data is, when a contract is 1: a month of days to read, unpack and price.
const INTERVAL_REGISTER_WEIGHT: i64 = 4;

#[derive(QueryableByName)]
struct WeightRow {
    #[diesel(sql_type = BigInt)]
    account_id: i64,
    #[diesel(sql_type = BigInt)]
    weight: i64,
}

/// How much work the contracts of accounts are, in contracts; accounts without any are left out. One query,
/// however many accounts.
pub fn weights(tx: &mut Tx<'_>, accounts: &[i64]) -> Result<Vec<(i64, i64)>> {
    let rows: Vec<WeightRow> = diesel::sql_query(
        "SELECT c.account_id, (count(*) + $2 * coalesce(sum(r.registers), 0))::bigint AS weight \
         FROM unnest($1) AS chosen (account_id) \
         JOIN contracts c ON c.account_id = chosen.account_id AND c.state IN ('pending', 'active', 'stopped') \
         LEFT JOIN (SELECT service_point_id, count(*) AS registers FROM registers WHERE kind = 'interval' \
           GROUP BY service_point_id) r ON r.service_point_id = c.service_point_id \
         GROUP BY c.account_id",
    )
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<BigInt, _>(INTERVAL_REGISTER_WEIGHT)
    .load(tx.conn)?;
    Ok(rows.into_iter().map(|row| (row.account_id, row.weight)).collect())
}

/// Runs, locked in ascending order.
pub fn lock(tx: &mut Tx<'_>, ids: &[RunId]) -> Result<Vec<BillRun>> {
    Ok(bill_runs::table
        .filter(bill_runs::id.eq_any(ids))
        .select(BillRun::as_select())
        .order(bill_runs::id)
        .for_no_key_update()
        .load(tx.conn)?)
}

/// The runs of a window that are in one of these states, locked in ascending order.
pub fn lock_in(tx: &mut Tx<'_>, window: WindowId, states: &[RunState]) -> Result<Vec<BillRun>> {
    Ok(bill_runs::table
        .filter(bill_runs::window_id.eq(window).and(bill_runs::state.eq_any(states)))
        .select(BillRun::as_select())
        .order(bill_runs::id)
        .for_no_key_update()
        .load(tx.conn)?)
}

/// Those of the runs with an account outside these sites.
pub fn reaching_beyond(tx: &mut Tx<'_>, ids: &[RunId], sites: &[SiteId]) -> Result<Vec<RunId>> {
    Ok(run_items::table
        .filter(run_items::run_id.eq_any(ids).and(run_items::site_id.ne_all(sites)))
        .select(run_items::run_id)
        .distinct()
        .load(tx.conn)?)
}

/// How many items of each run are in each state.
pub fn item_counts(tx: &mut Tx<'_>, ids: &[RunId]) -> Result<Vec<(RunId, ItemState, i64)>> {
    Ok(run_items::table
        .filter(run_items::run_id.eq_any(ids))
        .group_by((run_items::run_id, run_items::state))
        .select((run_items::run_id, run_items::state, diesel::dsl::count_star()))
        .load(tx.conn)?)
}

/// The tests of the runs, each run's in order.
pub fn tests(tx: &mut Tx<'_>, ids: &[RunId]) -> Result<Vec<RunTest>> {
    Ok(run_tests::table
        .filter(run_tests::run_id.eq_any(ids))
        .select(RunTest::as_select())
        .order((run_tests::run_id, run_tests::number))
        .load(tx.conn)?)
}

/// How far the invoices of a run's bills are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Invoiced {
    /// Which run.
    #[diesel(sql_type = BigInt)]
    pub run_id: RunId,
    /// It has an accepted bill.
    #[diesel(sql_type = Bool)]
    pub billed: bool,
    /// An accepted bill of it lacks an invoice.
    #[diesel(sql_type = Bool)]
    pub lacking: bool,
}

/// How far the invoices of these runs' bills are.
pub fn invoiced(tx: &mut Tx<'_>, ids: &[RunId]) -> Result<Vec<Invoiced>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    Ok(diesel::sql_query(
        "SELECT r.id AS run_id, \
                EXISTS (SELECT 1 FROM bills b WHERE b.run_id = r.id AND b.state = 'complete') AS billed, \
                EXISTS (SELECT 1 FROM bills b WHERE b.run_id = r.id AND b.state = 'complete' \
                        AND jsonb_array_length(b.routings) > \
                            (SELECT count(*) FROM invoices i WHERE i.account_id = b.account_id AND i.bill_id = b.id)) \
                AS lacking \
         FROM unnest($1) r (id)",
    )
    .bind::<Array<BigInt>, _>(ids)
    .load(tx.conn)?)
}
