//! Trials of other rates on what has been billed: runs, what each account comes to, and totals.
//! Their chunks read segments and write here; nothing that bills or posts is touched.

use crate::schema::{accounts, what_if_accounts, what_if_runs, what_if_totals};
use crate::{Cursor, JsonText, Page, Result, Tx};
use diesel::pg::PgRowByRowLoadingMode;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Nullable, Text};
use serde_json::Value;
use time::{Date, OffsetDateTime};
use vocab::{
    AccountId, AccountNumber, Money, OperationId, RateScheduleId, SiteId, WhatIfOutcome, WhatIfRunId,
};

/// One trial.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = what_if_runs)]
pub struct WhatIfRun {
    /// Row id.
    pub id: WhatIfRunId,
    /// For people.
    pub name: String,
    /// The work that makes it.
    pub operation_id: OperationId,
    /// Segments whose last charged day is not before this one.
    pub from_on: Date,
    /// Nor after this one.
    pub to_on: Date,
    /// Sites, classes or accounts chosen; empty for all.
    pub scope: Value,
    /// Which rate stands in for which.
    pub replacements: Value,
    /// Opaque id of who asked for it.
    pub created_by: String,
    /// Business time.
    pub created_at: OffsetDateTime,
}

/// Which accounts are tried; what is absent does not narrow.
#[derive(Debug, Clone, Default)]
pub struct WhatIfScope {
    /// Only these sites.
    pub sites: Option<Vec<SiteId>>,
    /// Only these customer classes.
    pub classes: Option<Vec<String>>,
    /// Only these accounts.
    pub accounts: Option<Vec<AccountId>>,
}

/// Which segments are tried.
#[derive(Debug, Clone)]
pub struct SegmentsTried {
    /// The first day on which one may end.
    pub from_on: Date,
    /// The last.
    pub to_on: Date,
    /// Only those that these rates have made.
    pub schedules: Vec<RateScheduleId>,
}

/// Which of them come when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentOrder {
    /// As they lie: nothing is sorted.
    Any,
    /// By contract and day.
    ByDay,
}

/// Files a trial.
pub fn insert(tx: &mut Tx<'_>, row: &WhatIfRun) -> Result<()> {
    diesel::insert_into(what_if_runs::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// A trial.
pub fn find(tx: &mut Tx<'_>, id: WhatIfRunId) -> Result<Option<WhatIfRun>> {
    Ok(what_if_runs::table
        .filter(what_if_runs::id.eq(id))
        .select(WhatIfRun::as_select())
        .first(tx.conn)
        .optional()?)
}

/// Trials, newest first.
pub fn list(tx: &mut Tx<'_>, after: Option<&Cursor>, limit: i64) -> Result<Page<WhatIfRun>> {
    let mut query = what_if_runs::table.select(WhatIfRun::as_select()).into_boxed();
    if let Some(id) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(what_if_runs::id.lt(WhatIfRunId(id)));
    }
    let rows = query.order(what_if_runs::id.desc()).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &WhatIfRun| Cursor::new([row.id.0])))
}

/// The accounts of the scope that have a bill, ascending.
pub fn accounts(tx: &mut Tx<'_>, scope: &WhatIfScope) -> Result<Vec<i64>> {
    let mut query = accounts::table
        .filter(accounts::last_bill_id.is_not_null())
        .select(accounts::account_id)
        .into_boxed();
    if let Some(sites) = &scope.sites {
        query = query.filter(accounts::site_id.eq_any(sites));
    }
    if let Some(classes) = &scope.classes {
        query = query.filter(accounts::class_code.eq_any(classes));
    }
    if let Some(ids) = &scope.accounts {
        query = query.filter(accounts::account_id.eq_any(ids));
    }
    Ok(query.order(accounts::account_id).load(tx.conn)?)
}

/// A posted segment as a trial needs it.
#[derive(Debug, Clone, QueryableByName)]
pub struct SegmentTried {
    /// Whose.
    #[diesel(sql_type = BigInt)]
    pub account_id: AccountId,
    /// Row id.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// On which bill.
    #[diesel(sql_type = BigInt)]
    pub bill_id: i64,
    /// Under which contract.
    #[diesel(sql_type = BigInt)]
    pub contract_id: i64,
    /// The rate that made it.
    #[diesel(sql_type = BigInt)]
    pub schedule_id: RateScheduleId,
    /// First charged day.
    #[diesel(sql_type = SqlDate)]
    pub first_on: Date,
    /// Last charged day.
    #[diesel(sql_type = SqlDate)]
    pub last_on: Date,
    /// What it came to.
    #[diesel(sql_type = BigInt)]
    pub total_minor: Money,
    /// First day of the window that billed it; none off cycle.
    #[diesel(sql_type = Nullable<SqlDate>)]
    pub window_starts_on: Option<Date>,
    /// That window's last day.
    #[diesel(sql_type = Nullable<SqlDate>)]
    pub window_ends_on: Option<Date>,
    /// Its arithmetic: `billing::Calculation`.
    #[diesel(sql_type = Text)]
    pub document: JsonText,
}

/// Hands over the segments of accounts that stand as they come from the server: a year of records of a
/// chunk of accounts is never in memory at once.
pub fn each_segment<E: From<crate::Error>>(
    tx: &mut Tx<'_>,
    accounts: &[AccountId],
    tried: &SegmentsTried,
    order: SegmentOrder,
    work: impl FnMut(SegmentTried) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let accounts: Vec<i64> = accounts.iter().map(|account| account.0).collect();
    let order = match order {
        SegmentOrder::Any => "",
        SegmentOrder::ByDay => " ORDER BY s.account_id, s.contract_id, s.first_on",
    };
    let rows = diesel::sql_query(format!(
        "SELECT s.account_id, s.id, s.bill_id, s.contract_id, s.schedule_id, s.first_on, s.last_on, s.total_minor, \
           w.starts_on AS window_starts_on, w.ends_on AS window_ends_on, s.document \
         FROM segments s \
         LEFT JOIN bills b ON b.account_id = s.account_id AND b.id = s.bill_id \
         LEFT JOIN cycle_windows w ON w.id = b.window_id \
         WHERE s.account_id = ANY($1) AND s.last_on BETWEEN $2 AND $3 AND s.schedule_id = ANY($4) \
           AND s.state = 'frozen'{order}"
    ))
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<SqlDate, _>(tried.from_on)
    .bind::<SqlDate, _>(tried.to_on)
    .bind::<Array<BigInt>, _>(raw(&tried.schedules))
    .load_iter::<SegmentTried, PgRowByRowLoadingMode>(tx.conn)
    .map_err(crate::Error::from)?;
    crate::db::each(rows, work)
}

/// The record of a standing segment on the bill of one that is tried.
#[derive(Debug, Clone, QueryableByName)]
pub struct SegmentBeside {
    /// Whose.
    #[diesel(sql_type = BigInt)]
    pub account_id: AccountId,
    /// On which bill.
    #[diesel(sql_type = BigInt)]
    pub bill_id: i64,
    /// Under which contract.
    #[diesel(sql_type = BigInt)]
    pub contract_id: i64,
    /// The code of the contract's type.
    #[diesel(sql_type = Text)]
    pub type_code: String,
    /// Its arithmetic: `billing::Calculation`.
    #[diesel(sql_type = Text)]
    pub document: JsonText,
}

/// Hands over all standing segments of the bills that have a segment tried, those included.
pub fn each_beside<E: From<crate::Error>>(
    tx: &mut Tx<'_>,
    accounts: &[AccountId],
    tried: &SegmentsTried,
    work: impl FnMut(SegmentBeside) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let accounts: Vec<i64> = accounts.iter().map(|account| account.0).collect();
    let rows = diesel::sql_query(
        "SELECT o.account_id, o.bill_id, o.contract_id, t.code AS type_code, o.document \
         FROM segments o \
         JOIN contracts c ON c.account_id = o.account_id AND c.id = o.contract_id \
         JOIN contract_types t ON t.id = c.contract_type_id \
         WHERE o.account_id = ANY($1) AND o.state = 'frozen' \
           AND EXISTS (SELECT 1 FROM segments s WHERE s.account_id = o.account_id AND s.bill_id = o.bill_id \
             AND s.last_on BETWEEN $2 AND $3 AND s.schedule_id = ANY($4) AND s.state = 'frozen') \
         ORDER BY o.account_id, o.bill_id, o.id",
    )
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<SqlDate, _>(tried.from_on)
    .bind::<SqlDate, _>(tried.to_on)
    .bind::<Array<BigInt>, _>(raw(&tried.schedules))
    .load_iter::<SegmentBeside, PgRowByRowLoadingMode>(tx.conn)
    .map_err(crate::Error::from)?;
    crate::db::each(rows, work)
}

fn raw(schedules: &[RateScheduleId]) -> Vec<i64> {
    schedules.iter().map(|id| id.0).collect()
}

/// Throws a trial away, with what it came to.
pub fn delete(tx: &mut Tx<'_>, id: WhatIfRunId) -> Result<()> {
    diesel::delete(what_if_accounts::table.filter(what_if_accounts::run_id.eq(id))).execute(tx.conn)?;
    diesel::delete(what_if_totals::table.filter(what_if_totals::run_id.eq(id.0))).execute(tx.conn)?;
    diesel::delete(what_if_runs::table.filter(what_if_runs::id.eq(id))).execute(tx.conn)?;
    Ok(())
}

/// What one account comes to.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = what_if_accounts, treat_none_as_default_value = false)]
pub struct AccountResult {
    /// Whose.
    pub account_id: AccountId,
    /// In which trial.
    pub run_id: WhatIfRunId,
    /// Its customer class.
    pub class_code: String,
    /// Segments that were rated again.
    pub segments: i32,
    /// How it fares.
    pub outcome: WhatIfOutcome,
    /// What was billed.
    pub billed_minor: Money,
    /// What it would have been; none when that is not known.
    pub alternative_minor: Option<Money>,
    /// How much more; nothing when that is not known.
    pub difference_minor: Money,
    /// The stable code of what stands in the way.
    pub error_code: Option<String>,
    /// The same for a clerk.
    pub error_detail: Option<String>,
}

/// What the accounts of one class come to, those with an error only counted.
#[derive(Debug, Clone, Default, QueryableByName, Insertable)]
#[diesel(table_name = what_if_totals)]
pub struct ClassTotals {
    /// The customer class.
    #[diesel(sql_type = Text)]
    pub class_code: String,
    /// Accounts that would have paid less.
    #[diesel(sql_type = BigInt)]
    pub winners: i64,
    /// Accounts that would have paid more.
    #[diesel(sql_type = BigInt)]
    pub losers: i64,
    /// Accounts that would have paid the same.
    #[diesel(sql_type = BigInt)]
    pub unchanged: i64,
    /// Accounts that cannot be rated again.
    #[diesel(sql_type = BigInt)]
    pub errors: i64,
    /// What was billed.
    #[diesel(sql_type = BigInt)]
    pub billed_minor: Money,
    /// What it would have been.
    #[diesel(sql_type = BigInt)]
    pub alternative_minor: Money,
}

/// Writes what the accounts of a chunk come to, and the sums of it.
pub fn save(
    tx: &mut Tx<'_>,
    run: WhatIfRunId,
    rows: Vec<AccountResult>,
    totals: &[ClassTotals],
) -> Result<()> {
    diesel::copy_from(what_if_accounts::table).from_insertable(rows).execute(tx.conn)?;
    let ids = tx.new_ids(totals.len())?;
    let totals: Vec<_> = totals
        .iter()
        .zip(ids)
        .map(|(row, id)| (what_if_totals::id.eq(id), what_if_totals::run_id.eq(run.0), row))
        .collect();
    diesel::insert_into(what_if_totals::table).values(totals).execute(tx.conn)?;
    Ok(())
}

/// What was billed to an account, when its records cannot even be read: its class, how many segments
/// there are, and their sum.
pub fn billed(
    tx: &mut Tx<'_>,
    account: AccountId,
    tried: &SegmentsTried,
) -> Result<Option<(String, i64, Money)>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        class_code: String,
        #[diesel(sql_type = BigInt)]
        segments: i64,
        #[diesel(sql_type = BigInt)]
        billed_minor: Money,
    }
    let row: Option<Row> = diesel::sql_query(
        "SELECT a.class_code, count(*) AS segments, sum(s.total_minor)::bigint AS billed_minor \
         FROM segments s JOIN accounts a ON a.account_id = s.account_id \
         WHERE s.account_id = $1 AND s.last_on BETWEEN $2 AND $3 AND s.schedule_id = ANY($4) \
           AND s.state = 'frozen' GROUP BY a.class_code",
    )
    .bind::<BigInt, _>(account.0)
    .bind::<SqlDate, _>(tried.from_on)
    .bind::<SqlDate, _>(tried.to_on)
    .bind::<Array<BigInt>, _>(raw(&tried.schedules))
    .get_result(tx.conn)
    .optional()?;
    Ok(row.map(|row| (row.class_code, row.segments, row.billed_minor)))
}

/// What a trial comes to so far, by class.
pub fn totals(tx: &mut Tx<'_>, run: WhatIfRunId) -> Result<Vec<ClassTotals>> {
    Ok(diesel::sql_query(
        "SELECT class_code, sum(winners)::bigint AS winners, sum(losers)::bigint AS losers, \
           sum(unchanged)::bigint AS unchanged, sum(errors)::bigint AS errors, \
           sum(billed_minor)::bigint AS billed_minor, sum(alternative_minor)::bigint AS alternative_minor \
         FROM what_if_totals WHERE run_id = $1 GROUP BY class_code ORDER BY class_code",
    )
    .bind::<BigInt, _>(run.0)
    .load(tx.conn)?)
}

/// The order of the accounts of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccountOrder {
    /// By account.
    #[default]
    Account,
    /// Those that would have paid the least more, or the most less, first.
    Difference,
    /// Those that would have paid the most more first.
    DifferenceDescending,
}

/// Which accounts of a trial to list.
#[derive(Debug, Clone, Default)]
pub struct ResultFilter {
    /// Only these.
    pub outcome: Option<WhatIfOutcome>,
    /// Only this customer class.
    pub class_code: Option<String>,
    /// In this order.
    pub order: AccountOrder,
}

/// An account of a trial.
#[derive(Debug, Clone, Queryable)]
pub struct ListedResult {
    /// Whose.
    pub account_id: AccountId,
    /// Its number.
    pub number: AccountNumber,
    /// Its customer class.
    pub class_code: String,
    /// Segments that were rated again.
    pub segments: i32,
    /// How it fares.
    pub outcome: WhatIfOutcome,
    /// What was billed.
    pub billed_minor: Money,
    /// What it would have been.
    pub alternative_minor: Option<Money>,
    /// How much more; nothing when that is not known.
    pub difference_minor: Money,
    /// The stable code of what stands in the way.
    pub error_code: Option<String>,
    /// The same for a clerk.
    pub error_detail: Option<String>,
}

/// The accounts of a trial.
pub fn results(
    tx: &mut Tx<'_>,
    run: WhatIfRunId,
    filter: &ResultFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<ListedResult>> {
    use what_if_accounts::{account_id, difference_minor};
    let mut query = what_if_accounts::table
        .inner_join(accounts::table.on(accounts::account_id.eq(account_id)))
        .filter(what_if_accounts::run_id.eq(run))
        .select((
            account_id,
            accounts::number,
            what_if_accounts::class_code,
            what_if_accounts::segments,
            what_if_accounts::outcome,
            what_if_accounts::billed_minor,
            what_if_accounts::alternative_minor,
            difference_minor,
            what_if_accounts::error_code,
            what_if_accounts::error_detail,
        ))
        .into_boxed();
    if let Some(outcome) = filter.outcome {
        query = query.filter(what_if_accounts::outcome.eq(outcome));
    }
    if let Some(class) = &filter.class_code {
        query = query.filter(what_if_accounts::class_code.eq(class));
    }
    // Both columns go the same way, so that one index serves either direction.
    query = match filter.order {
        AccountOrder::Account => {
            if let Some(id) = after.map(Cursor::one::<i64>).transpose()? {
                query = query.filter(account_id.gt(AccountId(id)));
            }
            query.order(account_id)
        }
        AccountOrder::Difference => {
            if let Some((by, id)) = difference(after, RISING)? {
                query =
                    query.filter(difference_minor.ge(by).and(difference_minor.gt(by).or(account_id.gt(id))));
            }
            query.order((difference_minor, account_id))
        }
        AccountOrder::DifferenceDescending => {
            if let Some((by, id)) = difference(after, FALLING)? {
                query =
                    query.filter(difference_minor.le(by).and(difference_minor.lt(by).or(account_id.lt(id))));
            }
            query.order((difference_minor.desc(), account_id.desc()))
        }
    };
    let rows = query.limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &ListedResult| match filter.order {
        AccountOrder::Account => Cursor::new([row.account_id.0]),
        AccountOrder::Difference => by_difference(RISING, row),
        AccountOrder::DifferenceDescending => by_difference(FALLING, row),
    }))
}

/// The directions of cursors by difference: one is refused where the other is meant.
const RISING: i64 = 1;
const FALLING: i64 = -1;

fn by_difference(direction: i64, row: &ListedResult) -> Cursor {
    Cursor::new([direction, row.difference_minor.minor(), row.account_id.0])
}

fn difference(after: Option<&Cursor>, direction: i64) -> Result<Option<(Money, AccountId)>> {
    let Some(after) = after else { return Ok(None) };
    if after.get::<i64>(0)? != direction {
        return Err(crate::BadCursor.into());
    }
    Ok(Some((Money::from_minor(after.get(1)?), AccountId(after.get(2)?))))
}
