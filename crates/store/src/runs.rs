//! Bill runs, their items and their tests.

use crate::schema::{accounts, bill_errors, bill_runs, run_items, run_tests};
use crate::{Cursor, Page, Result, Tx};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use serde_json::Value;
use time::OffsetDateTime;
use vocab::{AccountId, Code, ItemState, OperationId, RunId, RunState, SiteId, TestId, WindowId};

/// One batch over a window and a scope.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = bill_runs, treat_none_as_default_value = false)]
pub struct BillRun {
    /// Row id.
    pub id: RunId,
    /// Which window.
    pub window_id: WindowId,
    /// For people.
    pub name: String,
    /// Opaque id of who owns it.
    pub owner: String,
    /// Sites or accounts chosen; empty for all.
    pub scope: Value,
    /// Life.
    pub state: RunState,
    /// Accounts in it.
    pub accounts: i64,
    /// The last finished test.
    pub latest_test_id: Option<TestId>,
    /// Business time.
    pub created_at: OffsetDateTime,
    /// Goes up by one with every change.
    pub version: i64,
}

/// One account in a run.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = run_items)]
pub struct RunItem {
    /// Whose.
    pub account_id: AccountId,
    /// In which run.
    pub run_id: RunId,
    /// The account's billing site.
    pub site_id: SiteId,
    /// Life.
    pub state: ItemState,
    /// Its posted bill.
    pub bill_id: Option<i64>,
    /// Why it stays behind.
    pub reason: Option<String>,
    /// Who approved its draft.
    pub approved_by: Option<String>,
    /// Why it stays behind, as a stable word.
    pub reason_code: Option<String>,
}

/// One test of a run.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = run_tests, treat_none_as_default_value = false)]
pub struct RunTest {
    /// Row id.
    pub id: TestId,
    /// Of which run.
    pub run_id: RunId,
    /// 1, 2, 3 …
    pub number: i32,
    /// The work that makes it.
    pub operation_id: OperationId,
    /// The test before it.
    pub previous_id: Option<TestId>,
    /// Business time that all its accounts are drafted at.
    pub as_of: OffsetDateTime,
    /// Opaque id of who asked for it.
    pub created_by: String,
    /// Which part of the run it was of; empty for all.
    pub scope: Value,
}

/// Which accounts of a cycle a run takes.
#[derive(Debug, Clone, Default)]
pub struct RunScope {
    /// Only these sites.
    pub sites: Option<Vec<SiteId>>,
    /// Only these accounts.
    pub accounts: Option<Vec<AccountId>>,
}

/// Files a run with an empty set of items and the partition that its drafts go to.
pub fn insert(tx: &mut Tx<'_>, row: &BillRun) -> Result<()> {
    diesel::insert_into(bill_runs::table).values(row).execute(tx.conn)?;
    // Attaching locks the parent far less than creating a partition in place would. Two packed drafts fit a page:
    // moved out of line, each would be three rows in two tables.
    let partition = partition(row.id);
    tx.conn.batch_execute(&format!(
        "CREATE TABLE {partition} (LIKE drafts INCLUDING ALL) WITH (toast_tuple_target = 4080); \
         ALTER TABLE drafts ATTACH PARTITION {partition} FOR VALUES IN ({})",
        row.id.0
    ))?;
    Ok(())
}

/// Drops the drafts of a run.
pub fn drop_drafts(tx: &mut Tx<'_>, id: RunId) -> Result<()> {
    tx.conn.batch_execute(&format!("DROP TABLE IF EXISTS {}", partition(id)))?;
    Ok(())
}

pub(crate) fn partition(id: RunId) -> String {
    format!("drafts_run_{}", id.0)
}

/// Puts every billable account of the scope that has no bill in the window yet into the run;
/// answers how many. Fails as `Exists` when another live run holds one of them.
pub fn insert_items(
    tx: &mut Tx<'_>,
    run: RunId,
    window: WindowId,
    cycle: vocab::CycleId,
    scope: &RunScope,
) -> Result<usize> {
    let sites: Option<Vec<i64>> = scope.sites.as_ref().map(|all| all.iter().map(|id| id.0).collect());
    let ids: Option<Vec<i64>> = scope.accounts.as_ref().map(|all| all.iter().map(|id| id.0).collect());
    Ok(diesel::sql_query(
        "INSERT INTO run_items (account_id, run_id, window_id, site_id, state, live) \
         SELECT a.account_id, $1, $2, a.site_id, 'queued', true FROM accounts a \
         WHERE a.cycle_id = $3 AND a.state IN ('pending', 'active', 'final') \
         AND ($4 IS NULL OR a.site_id = ANY($4)) AND ($5 IS NULL OR a.account_id = ANY($5)) \
         AND NOT EXISTS (SELECT 1 FROM bills b WHERE b.account_id = a.account_id \
           AND b.window_id = $2 AND b.state <> 'cancelled')",
    )
    .bind::<BigInt, _>(run.0)
    .bind::<BigInt, _>(window.0)
    .bind::<BigInt, _>(cycle.0)
    .bind::<Nullable<Array<BigInt>>, _>(sites)
    .bind::<Nullable<Array<BigInt>>, _>(ids)
    .execute(tx.conn)?)
}

/// The live run of a window that holds an account.
pub fn live_run_of(tx: &mut Tx<'_>, account: AccountId, window: WindowId) -> Result<Option<BillRun>> {
    let run: Option<RunId> = run_items::table
        .filter(run_items::account_id.eq(account).and(run_items::window_id.eq(window.0)))
        .filter(run_items::live)
        .select(run_items::run_id)
        .first(tx.conn)
        .optional()?;
    match run {
        Some(run) => find(tx, run),
        None => Ok(None),
    }
}

/// An account whose bill was given up is free for other runs of the window.
pub fn free_item(tx: &mut Tx<'_>, run: RunId, account: AccountId, reason: &str) -> Result<()> {
    let item = run_items::table.filter(run_items::account_id.eq(account).and(run_items::run_id.eq(run)));
    diesel::update(item)
        .set((
            run_items::state.eq(ItemState::Skipped),
            run_items::live.eq(false),
            run_items::bill_id.eq(None::<i64>),
            run_items::reason.eq(reason),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// A live run of the window that holds accounts of the scope, with how many it holds.
pub fn overlap(
    tx: &mut Tx<'_>,
    window: WindowId,
    cycle: vocab::CycleId,
    scope: &RunScope,
) -> Result<Option<(BillRun, i64)>> {
    let mut query = run_items::table
        .inner_join(accounts::table.on(accounts::account_id.eq(run_items::account_id)))
        .filter(run_items::window_id.eq(window.0).and(run_items::live))
        .filter(accounts::cycle_id.eq(cycle))
        .group_by(run_items::run_id)
        .select((run_items::run_id, diesel::dsl::count_star()))
        .into_boxed();
    if let Some(sites) = &scope.sites {
        query = query.filter(run_items::site_id.eq_any(sites));
    }
    if let Some(ids) = &scope.accounts {
        query = query.filter(run_items::account_id.eq_any(ids));
    }
    let Some((run, held)) = query.first::<(RunId, i64)>(tx.conn).optional()? else { return Ok(None) };
    Ok(find(tx, run)?.map(|run| (run, held)))
}

/// A run.
pub fn find(tx: &mut Tx<'_>, id: RunId) -> Result<Option<BillRun>> {
    Ok(bill_runs::table
        .filter(bill_runs::id.eq(id))
        .select(BillRun::as_select())
        .first(tx.conn)
        .optional()?)
}

/// A run, locked: taken before its state changes.
pub fn lock(tx: &mut Tx<'_>, id: RunId) -> Result<Option<BillRun>> {
    Ok(bill_runs::table
        .filter(bill_runs::id.eq(id))
        .select(BillRun::as_select())
        .for_no_key_update()
        .first(tx.conn)
        .optional()?)
}

/// Runs, newest first.
pub fn list(
    tx: &mut Tx<'_>,
    window: Option<WindowId>,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<BillRun>> {
    let mut query = bill_runs::table.select(BillRun::as_select()).into_boxed();
    if let Some(window) = window {
        query = query.filter(bill_runs::window_id.eq(window));
    }
    if let Some(id) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(bill_runs::id.lt(id));
    }
    let rows = query.order(bill_runs::id.desc()).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &BillRun| Cursor::new([row.id.0])))
}

/// The runs of a window that are not over, by id.
pub fn unfinished(tx: &mut Tx<'_>, window: WindowId) -> Result<Vec<BillRun>> {
    Ok(bill_runs::table
        .filter(bill_runs::window_id.eq(window))
        .filter(bill_runs::state.ne_all([RunState::Closed, RunState::Cancelled]))
        .select(BillRun::as_select())
        .order(bill_runs::id)
        .load(tx.conn)?)
}

/// Sets state, size and latest test of a locked run.
pub fn update(tx: &mut Tx<'_>, row: &BillRun) -> Result<()> {
    diesel::update(bill_runs::table.filter(bill_runs::id.eq(row.id)))
        .set((
            bill_runs::state.eq(row.state),
            bill_runs::accounts.eq(row.accounts),
            bill_runs::latest_test_id.eq(row.latest_test_id),
            bill_runs::version.eq(row.version + 1),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// Whether any account of the run lies outside these sites.
pub fn reaches_beyond(tx: &mut Tx<'_>, run: RunId, sites: &[SiteId]) -> Result<bool> {
    Ok(diesel::select(diesel::dsl::exists(
        run_items::table
            .filter(run_items::run_id.eq(run).and(run_items::site_id.ne_all(sites)))
            .select(run_items::account_id),
    ))
    .get_result(tx.conn)?)
}

/// Which items of a run are meant.
#[derive(Debug, Clone, Default)]
pub struct ItemFilter {
    /// Only this state.
    pub state: Option<ItemState>,
    /// Only those that stay behind for this reason.
    pub reason_code: Option<String>,
    /// Only these sites.
    pub sites: Option<Vec<SiteId>>,
    /// Only these accounts.
    pub accounts: Option<Vec<AccountId>>,
    /// Only accounts with an open error of one of these codes.
    pub errors: Option<Vec<Code>>,
    /// Only those whose drafts are approved, or are not.
    pub approved: Option<bool>,
}

type ItemQuery<'a> = run_items::BoxedQuery<'a, diesel::pg::Pg>;

/// The items of a run that a filter means.
fn chosen<'a>(run: RunId, filter: &'a ItemFilter) -> ItemQuery<'a> {
    let mut query = run_items::table.filter(run_items::run_id.eq(run.0)).into_boxed();
    if let Some(state) = filter.state {
        query = query.filter(run_items::state.eq(state));
    }
    if let Some(code) = &filter.reason_code {
        query = query.filter(run_items::reason_code.eq(code));
    }
    if let Some(sites) = &filter.sites {
        query = query.filter(run_items::site_id.eq_any(sites));
    }
    if let Some(accounts) = &filter.accounts {
        let accounts: Vec<i64> = accounts.iter().map(|id| id.0).collect();
        query = query.filter(run_items::account_id.eq_any(accounts));
    }
    if let Some(codes) = &filter.errors {
        let codes: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
        let with_error = bill_errors::table
            .filter(bill_errors::run_id.eq(run).and(bill_errors::open))
            .filter(bill_errors::code.eq_any(codes))
            .select(bill_errors::account_id);
        query = query.filter(run_items::account_id.eq_any(with_error));
    }
    match filter.approved {
        Some(true) => query.filter(run_items::approved_by.is_not_null()),
        Some(false) => query.filter(run_items::approved_by.is_null()),
        None => query,
    }
}

/// Accounts of a run that are not yet accepted, ascending.
pub fn open_accounts(tx: &mut Tx<'_>, run: RunId, filter: &ItemFilter) -> Result<Vec<i64>> {
    let open = chosen(run, filter).filter(run_items::live);
    Ok(open.select(run_items::account_id).order(run_items::account_id).load(tx.conn)?)
}

/// How many items are in each state.
pub fn item_counts(tx: &mut Tx<'_>, run: RunId) -> Result<Vec<(ItemState, i64)>> {
    Ok(run_items::table
        .filter(run_items::run_id.eq(run.0))
        .group_by(run_items::state)
        .select((run_items::state, diesel::dsl::count_star()))
        .load(tx.conn)?)
}

/// The same of the accounts that the run still holds.
pub fn live_counts(tx: &mut Tx<'_>, run: RunId) -> Result<Vec<(ItemState, i64)>> {
    Ok(run_items::table
        .filter(run_items::run_id.eq(run.0).and(run_items::live))
        .group_by(run_items::state)
        .select((run_items::state, diesel::dsl::count_star()))
        .load(tx.conn)?)
}

/// Items of a run by account.
pub fn items(
    tx: &mut Tx<'_>,
    run: RunId,
    filter: &ItemFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<RunItem>> {
    let mut query = chosen(run, filter).select(RunItem::as_select());
    if let Some(id) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(run_items::account_id.gt(id));
    }
    let rows = query.order(run_items::account_id).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &RunItem| Cursor::new([row.account_id.0])))
}

/// How many items stay behind for each reason, in each state.
pub fn reason_counts(tx: &mut Tx<'_>, run: RunId) -> Result<Vec<(ItemState, String, i64)>> {
    Ok(run_items::table
        .filter(run_items::run_id.eq(run.0).and(run_items::reason_code.is_not_null()))
        .group_by((run_items::state, run_items::reason_code))
        .select((run_items::state, run_items::reason_code.assume_not_null(), diesel::dsl::count_star()))
        .order((run_items::state, run_items::reason_code))
        .load(tx.conn)?)
}

/// Approves the drafts of accounts, or takes approvals back; answers how many were changed.
pub fn approve(tx: &mut Tx<'_>, run: RunId, accounts: &[AccountId], by: Option<&str>) -> Result<usize> {
    let accounts: Vec<i64> = accounts.iter().map(|id| id.0).collect();
    let theirs = run_items::account_id.eq_any(accounts).and(run_items::run_id.eq(run.0)).and(run_items::live);
    Ok(diesel::update(run_items::table.filter(theirs).filter(run_items::approved_by.is_distinct_from(by)))
        .set(run_items::approved_by.eq(by))
        .execute(tx.conn)?)
}

/// One item.
pub fn item(tx: &mut Tx<'_>, run: RunId, account: AccountId) -> Result<Option<RunItem>> {
    Ok(run_items::table.find((account.0, run.0)).select(RunItem::as_select()).first(tx.conn).optional()?)
}

/// What becomes of an item.
#[derive(Debug, Clone)]
pub struct ItemUpdate {
    /// Whose.
    pub account: AccountId,
    /// Its state.
    pub state: ItemState,
    /// Its bill.
    pub bill: Option<i64>,
    /// Why it stays behind.
    pub reason: Option<String>,
    /// The same as a stable word.
    pub reason_code: Option<String>,
}

/// Sets items of a run. An accepted item is no longer live: the bill itself keeps the account
/// from being billed twice in the window.
///
/// `run_id + 0` and the list of accounts keep the planner from walking the whole run by its index for
/// each chunk, which it takes for cheap while it knows nothing of a new run's size.
pub fn update_items(tx: &mut Tx<'_>, run: RunId, updates: &[ItemUpdate]) -> Result<()> {
    let accounts: Vec<i64> = updates.iter().map(|update| update.account.0).collect();
    let states: Vec<&str> = updates.iter().map(|update| update.state.as_str()).collect();
    let bills: Vec<Option<i64>> = updates.iter().map(|update| update.bill).collect();
    let reasons: Vec<Option<&str>> = updates.iter().map(|update| update.reason.as_deref()).collect();
    let codes: Vec<Option<&str>> = updates.iter().map(|update| update.reason_code.as_deref()).collect();
    diesel::sql_query(
        "UPDATE run_items i SET state = u.state, bill_id = u.bill, reason = u.reason, reason_code = u.reason_code, \
           live = i.live AND u.state <> 'accepted' \
         FROM (SELECT * FROM UNNEST($2, $3, $4, $5, $6) AS t (account, state, bill, reason, reason_code)) u \
         WHERE i.run_id + 0 = $1 AND i.account_id = ANY($2) AND i.account_id = u.account \
         AND (i.state, i.reason, i.reason_code) IS DISTINCT FROM (u.state, u.reason, u.reason_code)",
    )
    .bind::<BigInt, _>(run.0)
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<Array<Text>, _>(states)
    .bind::<Array<Nullable<BigInt>>, _>(bills)
    .bind::<Array<Nullable<Text>>, _>(reasons)
    .bind::<Array<Nullable<Text>>, _>(codes)
    .execute(tx.conn)?;
    Ok(())
}

/// Lets the accounts of a run that are not accepted go: other runs may take them.
pub fn release_items(tx: &mut Tx<'_>, run: RunId) -> Result<usize> {
    crate::bill_errors::close(tx, run, None)?;
    Ok(diesel::update(run_items::table.filter(run_items::run_id.eq(run.0).and(run_items::live)))
        .set(run_items::live.eq(false))
        .execute(tx.conn)?)
}

/// Lets one account of a run go that is not accepted; `false` when it is not in it any more.
pub fn release_item(tx: &mut Tx<'_>, run: RunId, account: AccountId) -> Result<bool> {
    crate::bill_errors::close(tx, run, Some(account))?;
    let item = run_items::table
        .filter(run_items::account_id.eq(account.0).and(run_items::run_id.eq(run.0)).and(run_items::live));
    Ok(diesel::update(item).set(run_items::live.eq(false)).execute(tx.conn)? == 1)
}

/// Files a test.
pub fn insert_test(tx: &mut Tx<'_>, row: &RunTest) -> Result<()> {
    diesel::insert_into(run_tests::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// A test.
pub fn test(tx: &mut Tx<'_>, id: TestId) -> Result<Option<RunTest>> {
    Ok(run_tests::table
        .filter(run_tests::id.eq(id))
        .select(RunTest::as_select())
        .first(tx.conn)
        .optional()?)
}

/// The tests of a run, in order.
pub fn tests(tx: &mut Tx<'_>, run: RunId) -> Result<Vec<RunTest>> {
    Ok(run_tests::table
        .filter(run_tests::run_id.eq(run))
        .select(RunTest::as_select())
        .order(run_tests::number)
        .load(tx.conn)?)
}
