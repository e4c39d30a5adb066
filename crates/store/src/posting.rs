//! Writing completed bills, a chunk at a time, by COPY and set-based updates. The accounts were
//! locked before.

use crate::bills::{Bill, Segment};
use crate::schema::{bill_directory, bills, segments};
use crate::{Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Integer, Nullable, Text};
use time::Date;
use vocab::{AccountId, Money};

/// What becomes of a billed contract.
#[derive(Debug, Clone)]
pub struct ContractMove {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub contract: i64,
    /// Its last charged day.
    pub billed_through_on: Option<Date>,
    /// How many segments it has had.
    pub segments: i32,
    /// Its state.
    pub state: vocab::ContractState,
    /// How far its terms have come.
    pub progress: Money,
    /// Its last charged day, when its segment has ended it.
    pub ended_on: Option<Date>,
}

/// What becomes of a billed account.
#[derive(Debug, Clone, Copy)]
pub struct AccountMove {
    /// Which.
    pub account: AccountId,
    /// Its balance.
    pub current: Money,
    /// Its payoff balance.
    pub payoff: Money,
    /// Its last bill.
    pub bill: i64,
    /// That bill's ending balance.
    pub ending: Money,
}

/// So many bill numbers. Gaps are allowed: a chunk that fails leaves its numbers unused.
pub fn take_bill_numbers(tx: &mut Tx<'_>, count: usize) -> Result<Vec<i64>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }
    let count = i64::try_from(count).unwrap_or(0);
    let rows: Vec<Row> =
        diesel::sql_query("SELECT nextval('bill_numbers') AS number FROM generate_series(1, $1)")
            .bind::<BigInt, _>(count)
            .load(tx.conn)?;
    Ok(rows.into_iter().map(|row| row.number).collect())
}

/// Writes bills and their directory.
pub fn copy_bills(tx: &mut Tx<'_>, rows: Vec<Bill>) -> Result<()> {
    #[derive(Insertable)]
    #[diesel(table_name = bill_directory, treat_none_as_default_value = false)]
    struct Entry {
        number: i64,
        account_id: i64,
        bill_id: i64,
    }
    let entries: Vec<Entry> = rows
        .iter()
        .map(|row| Entry { number: row.number, account_id: row.account_id.0, bill_id: row.id })
        .collect();
    diesel::copy_from(bills::table).from_insertable(rows).execute(tx.conn)?;
    diesel::copy_from(bill_directory::table).from_insertable(entries).execute(tx.conn)?;
    Ok(())
}

/// Writes segments.
pub fn copy_segments(tx: &mut Tx<'_>, rows: Vec<Segment>) -> Result<()> {
    diesel::copy_from(segments::table).from_insertable(rows).execute(tx.conn)?;
    Ok(())
}

/// Moves contracts on; those that still wait for their start become active.
pub fn move_contracts(tx: &mut Tx<'_>, moves: &[ContractMove]) -> Result<()> {
    let accounts: Vec<i64> = moves.iter().map(|row| row.account.0).collect();
    let contracts: Vec<i64> = moves.iter().map(|row| row.contract).collect();
    let through: Vec<Option<Date>> = moves.iter().map(|row| row.billed_through_on).collect();
    let segments: Vec<i32> = moves.iter().map(|row| row.segments).collect();
    let states: Vec<&str> = moves.iter().map(|row| row.state.as_str()).collect();
    let progress: Vec<i64> = moves.iter().map(|row| row.progress.minor()).collect();
    let ended: Vec<Option<Date>> = moves.iter().map(|row| row.ended_on).collect();
    diesel::sql_query(
        "UPDATE contracts c SET billed_through_on = m.through, segments = m.segments, state = m.state, \
         progress_minor = m.progress, ends_on = coalesce(m.ended, c.ends_on) \
         FROM (SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7) \
               AS t (account, contract, through, segments, state, progress, ended)) m \
         WHERE c.account_id = ANY($1) AND c.account_id = m.account AND c.id = m.contract",
    )
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<Array<BigInt>, _>(contracts)
    .bind::<Array<Nullable<SqlDate>>, _>(through)
    .bind::<Array<Integer>, _>(segments)
    .bind::<Array<Text>, _>(states)
    .bind::<Array<BigInt>, _>(progress)
    .bind::<Array<Nullable<SqlDate>>, _>(ended)
    .execute(tx.conn)?;
    Ok(())
}

/// Marks charges as billed: account, charge, segment.
pub fn mark_charges(tx: &mut Tx<'_>, billed: &[(AccountId, i64, i64)]) -> Result<()> {
    if billed.is_empty() {
        return Ok(());
    }
    let accounts: Vec<i64> = billed.iter().map(|row| row.0.0).collect();
    let charges: Vec<i64> = billed.iter().map(|row| row.1).collect();
    let segments: Vec<i64> = billed.iter().map(|row| row.2).collect();
    diesel::sql_query(
        "UPDATE billable_charges c SET segment_id = m.segment FROM (SELECT * FROM UNNEST($1, $2, $3) AS t (account, charge, segment)) m \
         WHERE c.account_id = ANY($1) AND c.account_id = m.account AND c.id = m.charge AND c.segment_id IS NULL",
    )
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<Array<BigInt>, _>(charges)
    .bind::<Array<BigInt>, _>(segments)
    .execute(tx.conn)?;
    Ok(())
}

/// Sets balances and last bills of accounts that were locked.
pub fn move_accounts(tx: &mut Tx<'_>, moves: &[AccountMove]) -> Result<()> {
    let accounts: Vec<i64> = moves.iter().map(|row| row.account.0).collect();
    let current: Vec<i64> = moves.iter().map(|row| row.current.minor()).collect();
    let payoff: Vec<i64> = moves.iter().map(|row| row.payoff.minor()).collect();
    let bills: Vec<i64> = moves.iter().map(|row| row.bill).collect();
    let ending: Vec<i64> = moves.iter().map(|row| row.ending.minor()).collect();
    diesel::sql_query(
        "UPDATE accounts a SET current_minor = m.current, payoff_minor = m.payoff, last_bill_id = m.bill, \
         last_bill_ending_minor = m.ending \
         FROM (SELECT * FROM UNNEST($1, $2, $3, $4, $5) AS t (account, current, payoff, bill, ending)) m \
         WHERE a.account_id = ANY($1) AND a.account_id = m.account",
    )
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<Array<BigInt>, _>(current)
    .bind::<Array<BigInt>, _>(payoff)
    .bind::<Array<BigInt>, _>(bills)
    .bind::<Array<BigInt>, _>(ending)
    .execute(tx.conn)?;
    Ok(())
}

/// Writes an outbox row that names what a chunk or action made.
pub fn announce(tx: &mut Tx<'_>, topic: &str, payload: &serde_json::Value) -> Result<()> {
    use crate::schema::outbox;
    let id = tx.new_id()?;
    diesel::insert_into(outbox::table)
        .values((
            outbox::id.eq(id),
            outbox::topic.eq(topic),
            outbox::payload.eq(payload),
            outbox::created_at.eq(tx.as_of()),
        ))
        .execute(tx.conn)?;
    Ok(())
}
