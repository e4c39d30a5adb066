//! Corrections of many bills: what is asked of each, and what became of it.

use crate::schema::bulk_correction_items as items;
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use vocab::{AccountId, BillId, BillState, BulkItemState, Money, OperationId, RateScheduleId, RunId, SiteId};

/// One bill of many.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = items)]
pub struct BulkItem {
    /// Whose.
    pub account_id: AccountId,
    /// The bill.
    pub bill_id: i64,
    /// What became of it.
    pub state: BulkItemState,
    /// The correction; none of a preview.
    pub correction_id: Option<i64>,
    /// What the reversed segments had added to the balance.
    pub cancelled_minor: Money,
    /// What the new ones add.
    pub new_minor: Money,
    /// Why it was refused.
    pub code: Option<String>,
    /// The same for people.
    pub detail: Option<String>,
}

/// Which bills are to be corrected.
#[derive(Debug, Clone, Default)]
pub struct BulkScope {
    /// Bills of this run.
    pub run: Option<RunId>,
    /// These bills.
    pub bills: Option<Vec<BillId>>,
    /// Only those with a standing segment of this rate.
    pub schedule: Option<RateScheduleId>,
    /// Only of accounts that met this error in the bill's run.
    pub error_code: Option<String>,
    /// Only of accounts of these sites.
    pub sites: Option<Vec<SiteId>>,
}

/// Fixes the bills of this state that a bulk correction is about; answers the account of each, ascending.
pub fn insert(
    tx: &mut Tx<'_>,
    operation: OperationId,
    scope: &BulkScope,
    state: BillState,
) -> Result<Vec<i64>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        account_id: i64,
    }
    let sites: Option<Vec<i64>> = scope.sites.as_ref().map(|all| all.iter().map(|id| id.0).collect());
    let of =
        |part: fn(&BillId) -> i64| scope.bills.as_ref().map(|all| all.iter().map(part).collect::<Vec<i64>>());
    let rows: Vec<Row> = diesel::sql_query(
        "WITH made AS (INSERT INTO bulk_correction_items \
           (account_id, operation_id, bill_id, state, cancelled_minor, new_minor) \
         SELECT b.account_id, $1, b.id, 'queued', 0, 0 FROM bills b \
         JOIN accounts a ON a.account_id = b.account_id \
         WHERE b.state = $2 AND ($3 IS NULL OR b.run_id = $3) \
         AND ($4 IS NULL OR (b.account_id, b.id) IN (SELECT * FROM UNNEST($4, $5))) \
         AND ($6 IS NULL OR EXISTS (SELECT FROM segments s WHERE s.account_id = b.account_id AND s.bill_id = b.id \
           AND s.state = 'frozen' AND s.schedule_id = $6)) \
         AND ($7 IS NULL OR EXISTS (SELECT FROM bill_errors e WHERE e.account_id = b.account_id \
           AND e.run_id = b.run_id AND e.code = $7)) \
         AND ($8 IS NULL OR a.site_id = ANY($8)) RETURNING account_id) \
         SELECT account_id FROM made ORDER BY account_id",
    )
    .bind::<BigInt, _>(operation)
    .bind::<Text, _>(state.as_str())
    .bind::<Nullable<BigInt>, _>(scope.run.map(|run| run.0))
    .bind::<Nullable<Array<BigInt>>, _>(of(|bill| bill.owner.0))
    .bind::<Nullable<Array<BigInt>>, _>(of(|bill| bill.n))
    .bind::<Nullable<BigInt>, _>(scope.schedule.map(|schedule| schedule.0))
    .bind::<Nullable<Text>, _>(scope.error_code.as_deref())
    .bind::<Nullable<Array<BigInt>>, _>(sites)
    .load(tx.conn)?;
    Ok(rows.into_iter().map(|row| row.account_id).collect())
}

/// What waits of an operation for these accounts, by account and bill.
pub fn queued(tx: &mut Tx<'_>, operation: OperationId, accounts: &[AccountId]) -> Result<Vec<BulkItem>> {
    Ok(items::table
        .filter(items::operation_id.eq(operation.0).and(items::account_id.eq_any(accounts)))
        .filter(items::state.eq(BulkItemState::Queued))
        .select(BulkItem::as_select())
        .order((items::account_id, items::bill_id))
        .load(tx.conn)?)
}

/// Writes what became of bills.
pub fn settle(tx: &mut Tx<'_>, operation: OperationId, rows: &[BulkItem]) -> Result<()> {
    let accounts: Vec<i64> = rows.iter().map(|row| row.account_id.0).collect();
    let bills: Vec<i64> = rows.iter().map(|row| row.bill_id).collect();
    let states: Vec<&str> = rows.iter().map(|row| row.state.as_str()).collect();
    let corrections: Vec<Option<i64>> = rows.iter().map(|row| row.correction_id).collect();
    let cancelled: Vec<i64> = rows.iter().map(|row| row.cancelled_minor.minor()).collect();
    let new: Vec<i64> = rows.iter().map(|row| row.new_minor.minor()).collect();
    let codes: Vec<Option<&str>> = rows.iter().map(|row| row.code.as_deref()).collect();
    let details: Vec<Option<&str>> = rows.iter().map(|row| row.detail.as_deref()).collect();
    diesel::sql_query(
        "UPDATE bulk_correction_items i SET state = r.state, correction_id = r.correction, \
           cancelled_minor = r.cancelled, new_minor = r.made, code = r.code, detail = r.detail \
         FROM UNNEST($2, $3, $4, $5, $6, $7, $8, $9) \
           AS r (account, bill, state, correction, cancelled, made, code, detail) \
         WHERE i.operation_id = $1 AND i.account_id = r.account AND i.bill_id = r.bill",
    )
    .bind::<BigInt, _>(operation)
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<Array<BigInt>, _>(bills)
    .bind::<Array<Text>, _>(states)
    .bind::<Array<Nullable<BigInt>>, _>(corrections)
    .bind::<Array<BigInt>, _>(cancelled)
    .bind::<Array<BigInt>, _>(new)
    .bind::<Array<Nullable<Text>>, _>(codes)
    .bind::<Array<Nullable<Text>>, _>(details)
    .execute(tx.conn)?;
    Ok(())
}

/// What an operation has come to so far.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct BulkTotals {
    /// Bills in all.
    #[diesel(sql_type = BigInt)]
    pub bills: i64,
    /// Corrected, or looked at.
    #[diesel(sql_type = BigInt)]
    pub done: i64,
    /// Refused.
    #[diesel(sql_type = BigInt)]
    pub refused: i64,
    /// What the reversed segments had added to balances.
    #[diesel(sql_type = BigInt)]
    pub cancelled_minor: Money,
    /// What the new ones add.
    #[diesel(sql_type = BigInt)]
    pub new_minor: Money,
}

/// What an operation has come to so far.
pub fn totals(tx: &mut Tx<'_>, operation: OperationId) -> Result<BulkTotals> {
    Ok(diesel::sql_query(
        "SELECT count(*) AS bills, count(*) FILTER (WHERE state = 'done') AS done, \
           count(*) FILTER (WHERE state = 'refused') AS refused, \
           coalesce(sum(cancelled_minor), 0)::bigint AS cancelled_minor, \
           coalesce(sum(new_minor), 0)::bigint AS new_minor \
         FROM bulk_correction_items WHERE operation_id = $1",
    )
    .bind::<BigInt, _>(operation)
    .get_result(tx.conn)?)
}

/// The bills of an operation, by account and bill.
pub fn list(
    tx: &mut Tx<'_>,
    operation: OperationId,
    state: Option<BulkItemState>,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<BulkItem>> {
    let mut query =
        items::table.filter(items::operation_id.eq(operation.0)).select(BulkItem::as_select()).into_boxed();
    if let Some(state) = state {
        query = query.filter(items::state.eq(state));
    }
    if let Some((account, bill)) = after.map(Cursor::two::<i64, i64>).transpose()? {
        query = query.filter(
            items::account_id.gt(account).or(items::account_id.eq(account).and(items::bill_id.gt(bill))),
        );
    }
    let rows = query.order((items::account_id, items::bill_id)).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &BulkItem| {
        Cursor::new([i128::from(row.account_id.0), i128::from(row.bill_id)])
    }))
}
