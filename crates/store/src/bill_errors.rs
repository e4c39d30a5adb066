//! Errors of contracts that tests found: replaced with the drafts that have them, listed, grouped, assigned.

use crate::schema::{bill_errors as errors, bill_runs, run_items};
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz};
use time::OffsetDateTime;
use vocab::{AccountId, Code, CycleId, RateScheduleId, RunId, SiteId, WindowId};

/// A contract's error in a run.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = errors)]
pub struct ErrorRow {
    /// Whose.
    pub account_id: AccountId,
    /// In which run.
    pub run_id: RunId,
    /// On which contract.
    pub contract_id: i64,
    /// The stable code's word.
    pub code: String,
    /// Its parameters.
    pub params: serde_json::Value,
    /// A sentence.
    pub detail: String,
    /// When it was found first.
    pub first_seen_at: OffsetDateTime,
    /// When it was found last.
    pub last_seen_at: OffsetDateTime,
    /// How often it was found.
    pub attempts: i32,
    /// Whether it still stands.
    pub open: bool,
    /// The contract's rate.
    pub schedule_id: Option<RateScheduleId>,
    /// Who is to look at it.
    pub assignee: Option<String>,
}

/// An error that a test found.
#[derive(Debug, Clone)]
pub struct FoundError {
    /// Whose.
    pub account: AccountId,
    /// On which contract.
    pub contract: i64,
    /// The contract's rate.
    pub schedule: Option<RateScheduleId>,
    /// What.
    pub code: Code,
    /// Its parameters, as JSON text.
    pub params: String,
    /// A sentence.
    pub detail: String,
}

/// What names an error: run, account, contract and code.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorKey {
    /// In which run.
    pub run: RunId,
    /// Whose.
    pub account: AccountId,
    /// On which contract, by row id.
    pub contract: i64,
    /// The stable code's word.
    pub code: String,
}

impl ErrorRow {
    /// What names it.
    pub fn key(&self) -> ErrorKey {
        ErrorKey {
            run: self.run_id,
            account: self.account_id,
            contract: self.contract_id,
            code: self.code.clone(),
        }
    }
}

/// Which errors are meant.
#[derive(Debug, Clone, Default)]
pub struct ErrorFilter {
    /// Only of this run.
    pub run: Option<RunId>,
    /// Only of runs over this window.
    pub window: Option<WindowId>,
    /// Only this code.
    pub code: Option<Code>,
    /// Only of accounts of these sites.
    pub sites: Option<Vec<SiteId>>,
    /// Only of contracts with this rate.
    pub schedule: Option<RateScheduleId>,
    /// Only what this person is to look at.
    pub assignee: Option<String>,
    /// Only those that stand, or only those that do not any more.
    pub open: Option<bool>,
}

/// Errors alike: of one code, cycle and rate.
#[derive(Debug, Clone, QueryableByName)]
pub struct ErrorGroup {
    /// The stable code's word.
    #[diesel(sql_type = Text)]
    pub code: String,
    /// The cycle whose windows are billed.
    #[diesel(sql_type = BigInt)]
    pub cycle_id: CycleId,
    /// The contracts' rate.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub schedule_id: Option<RateScheduleId>,
    /// How many errors.
    #[diesel(sql_type = BigInt)]
    pub errors: i64,
    /// Of how many accounts.
    #[diesel(sql_type = BigInt)]
    pub accounts: i64,
    /// When the first was found first.
    #[diesel(sql_type = Timestamptz)]
    pub first_seen_at: OffsetDateTime,
    /// When one was found last.
    #[diesel(sql_type = Timestamptz)]
    pub last_seen_at: OffsetDateTime,
}

/// Closes the errors of accounts in a run and opens those that were found again; who is to look at one stays.
pub fn replace(tx: &mut Tx<'_>, run: RunId, accounts: &[AccountId], found: &[FoundError]) -> Result<()> {
    let at = tx.as_of();
    diesel::update(
        errors::table
            .filter(errors::run_id.eq(run).and(errors::account_id.eq_any(accounts)).and(errors::open)),
    )
    .set(errors::open.eq(false))
    .execute(tx.conn)?;
    if found.is_empty() {
        return Ok(());
    }
    let accounts: Vec<i64> = found.iter().map(|error| error.account.0).collect();
    let contracts: Vec<i64> = found.iter().map(|error| error.contract).collect();
    let codes: Vec<&str> = found.iter().map(|error| error.code.as_str()).collect();
    let params: Vec<&str> = found.iter().map(|error| error.params.as_str()).collect();
    let details: Vec<&str> = found.iter().map(|error| error.detail.as_str()).collect();
    let schedules: Vec<Option<i64>> = found.iter().map(|error| error.schedule.map(|id| id.0)).collect();
    diesel::sql_query(
        "INSERT INTO bill_errors (account_id, run_id, contract_id, code, params, detail, first_seen_at, last_seen_at, \
           attempts, open, schedule_id) \
         SELECT DISTINCT ON (t.account, t.contract, t.code) t.account, $1, t.contract, t.code, t.params::jsonb, t.detail, \
           $7, $7, 1, true, t.schedule \
         FROM UNNEST($2, $3, $4, $5, $6, $8) AS t (account, contract, code, params, detail, schedule) \
         ON CONFLICT (account_id, run_id, contract_id, code) DO UPDATE SET params = excluded.params, detail = excluded.detail, \
         last_seen_at = excluded.last_seen_at, attempts = bill_errors.attempts + 1, open = true, \
         schedule_id = excluded.schedule_id",
    )
    .bind::<BigInt, _>(run.0)
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<Array<BigInt>, _>(contracts)
    .bind::<Array<Text>, _>(codes)
    .bind::<Array<Text>, _>(params)
    .bind::<Array<Text>, _>(details)
    .bind::<Timestamptz, _>(at)
    .bind::<Array<Nullable<BigInt>>, _>(schedules)
    .execute(tx.conn)?;
    Ok(())
}

/// Errors by account, contract, run and code.
pub fn list(
    tx: &mut Tx<'_>,
    filter: &ErrorFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<ErrorRow>> {
    let mut query = errors::table.select(ErrorRow::as_select()).into_boxed();
    if let Some(run) = filter.run {
        query = query.filter(errors::run_id.eq(run));
    }
    if let Some(window) = filter.window {
        let runs = bill_runs::table.filter(bill_runs::window_id.eq(window)).select(bill_runs::id);
        query = query.filter(errors::run_id.eq_any(runs));
    }
    if let Some(code) = filter.code {
        query = query.filter(errors::code.eq(code.as_str()));
    }
    if let Some(sites) = &filter.sites {
        let items = run_items::table
            .filter(run_items::account_id.eq(errors::account_id).and(run_items::site_id.eq_any(sites)))
            .filter(run_items::run_id.eq(errors::run_id));
        query = query.filter(diesel::dsl::exists(items.select(run_items::account_id)));
    }
    if let Some(schedule) = filter.schedule {
        query = query.filter(errors::schedule_id.eq(schedule));
    }
    if let Some(assignee) = &filter.assignee {
        query = query.filter(errors::assignee.eq(assignee));
    }
    if let Some(open) = filter.open {
        query = query.filter(errors::open.eq(open));
    }
    if let Some(after) = after {
        let (account, contract) = (AccountId(after.get(0)?), after.get::<i64>(1)?);
        let (run, code) = (RunId(after.get(2)?), after.get::<String>(3)?);
        let same = errors::account_id.eq(account);
        let next_contract = same.and(errors::contract_id.gt(contract));
        let same = same.and(errors::contract_id.eq(contract));
        let next_run = same.and(errors::run_id.gt(run));
        let next_code = same.and(errors::run_id.eq(run)).and(errors::code.gt(code));
        query = query.filter(errors::account_id.gt(account).or(next_contract).or(next_run).or(next_code));
    }
    let rows = query
        .order((errors::account_id, errors::contract_id, errors::run_id, errors::code))
        .limit(limit + 1)
        .load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &ErrorRow| {
        let (account, contract) = (row.account_id.0.to_string(), row.contract_id.to_string());
        Cursor::new([account, contract, row.run_id.0.to_string(), row.code.clone()])
    }))
}

/// Errors of a run, or of one account in it, are open no longer: the run has let go of them.
pub fn close(tx: &mut Tx<'_>, run: RunId, account: Option<AccountId>) -> Result<usize> {
    let of_run = errors::table.filter(errors::run_id.eq(run).and(errors::open));
    Ok(match account {
        Some(account) => diesel::update(of_run.filter(errors::account_id.eq(account)))
            .set(errors::open.eq(false))
            .execute(tx.conn)?,
        None => diesel::update(of_run).set(errors::open.eq(false)).execute(tx.conn)?,
    })
}

/// The errors of a filter by code, cycle and rate, the most frequent first; at most `limit` groups.
pub fn groups(tx: &mut Tx<'_>, filter: &ErrorFilter, limit: i64) -> Result<Vec<ErrorGroup>> {
    let sites: Option<Vec<i64>> = filter.sites.as_ref().map(|all| all.iter().map(|id| id.0).collect());
    Ok(diesel::sql_query(
        "SELECT e.code, w.cycle_id, e.schedule_id, count(*) AS errors, count(DISTINCT e.account_id) AS accounts, \
           min(e.first_seen_at) AS first_seen_at, max(e.last_seen_at) AS last_seen_at \
         FROM bill_errors e JOIN bill_runs r ON r.id = e.run_id JOIN cycle_windows w ON w.id = r.window_id \
         WHERE ($1 IS NULL OR e.run_id = $1) AND ($2 IS NULL OR r.window_id = $2) AND ($3 IS NULL OR e.code = $3) \
           AND ($4 IS NULL OR EXISTS (SELECT 1 FROM run_items i WHERE i.account_id = e.account_id \
             AND i.run_id = e.run_id AND i.site_id = ANY($4))) \
           AND ($5 IS NULL OR e.schedule_id = $5) AND ($6 IS NULL OR e.assignee = $6) AND ($7 IS NULL OR e.open = $7) \
         GROUP BY 1, 2, 3 ORDER BY errors DESC, e.code, w.cycle_id, e.schedule_id LIMIT $8",
    )
    .bind::<Nullable<BigInt>, _>(filter.run.map(|id| id.0))
    .bind::<Nullable<BigInt>, _>(filter.window.map(|id| id.0))
    .bind::<Nullable<Text>, _>(filter.code.map(|code| code.as_str()))
    .bind::<Nullable<Array<BigInt>>, _>(sites)
    .bind::<Nullable<BigInt>, _>(filter.schedule.map(|id| id.0))
    .bind::<Nullable<Text>, _>(filter.assignee.as_deref())
    .bind::<Nullable<diesel::sql_types::Bool>, _>(filter.open)
    .bind::<BigInt, _>(limit)
    .load(tx.conn)?)
}

/// Errors by their names, each with its account's site; those that are not there are left out.
pub fn by_key(tx: &mut Tx<'_>, keys: &[ErrorKey]) -> Result<Vec<(ErrorRow, SiteId)>> {
    let accounts: Vec<AccountId> = keys.iter().map(|key| key.account).collect();
    let runs: Vec<RunId> = keys.iter().map(|key| key.run).collect();
    let of_item = run_items::account_id.eq(errors::account_id).and(run_items::run_id.eq(errors::run_id));
    let mut rows: Vec<(ErrorRow, SiteId)> = errors::table
        .inner_join(run_items::table.on(of_item))
        .filter(errors::account_id.eq_any(accounts).and(errors::run_id.eq_any(runs)))
        .select((ErrorRow::as_select(), run_items::site_id))
        .order((errors::account_id, errors::run_id, errors::contract_id, errors::code))
        .load(tx.conn)?;
    let wanted: std::collections::HashSet<&ErrorKey> = keys.iter().collect();
    rows.retain(|(row, _)| wanted.contains(&row.key()));
    Ok(rows)
}

/// Says who is to look at errors; nobody when there is none.
pub fn assign(tx: &mut Tx<'_>, keys: &[ErrorKey], assignee: Option<&str>) -> Result<usize> {
    let accounts: Vec<i64> = keys.iter().map(|key| key.account.0).collect();
    let runs: Vec<i64> = keys.iter().map(|key| key.run.0).collect();
    let contracts: Vec<i64> = keys.iter().map(|key| key.contract).collect();
    let codes: Vec<&str> = keys.iter().map(|key| key.code.as_str()).collect();
    Ok(diesel::sql_query(
        "UPDATE bill_errors e SET assignee = $5 FROM UNNEST($1, $2, $3, $4) AS of (account_id, run_id, contract_id, code) \
         WHERE e.account_id = of.account_id AND e.run_id = of.run_id AND e.contract_id = of.contract_id AND e.code = of.code",
    )
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<Array<BigInt>, _>(runs)
    .bind::<Array<BigInt>, _>(contracts)
    .bind::<Array<Text>, _>(codes)
    .bind::<Nullable<Text>, _>(assignee)
    .execute(tx.conn)?)
}
