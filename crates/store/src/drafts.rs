//! Drafts: what tests made of accounts. An account's draft stands until a later test of its run replaces it;
//! a test writes those that changed alone.
//!
//! "Of test N" therefore means the newest draft of a test whose number is not higher. The tests of a run are few,
//! and the drafts of an account neighbours in the primary key.

use crate::schema::{drafts, run_tests};
use crate::{Cursor, JsonText, Page, Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Json, Text};
use std::cmp::Reverse;
use std::collections::HashMap;
use vocab::{AccountId, ItemState, Money, RunId, TestId};

/// A draft as stored.
#[derive(Debug, Clone, Queryable, QueryableByName, Selectable, Insertable)]
#[diesel(table_name = drafts, treat_none_as_default_value = false)]
pub struct DraftRow {
    /// In which run.
    pub run_id: RunId,
    /// Whose.
    pub account_id: AccountId,
    /// Of which test.
    pub test_id: TestId,
    /// Of its inputs.
    pub digest: Vec<u8>,
    /// Of what became of its contracts, and every number of their arithmetic.
    pub charges_digest: Vec<u8>,
    /// What became of the account.
    pub state: ItemState,
    /// New charges.
    pub total_minor: Money,
    /// Against the draft before it.
    pub changed: String,
    /// `billing::Draft`.
    pub document: JsonText,
    /// Of what the review looked at besides.
    pub review_digest: Vec<u8>,
    /// Why the account stays behind.
    pub reason: Option<String>,
    /// The same as a stable word.
    pub reason_code: Option<String>,
    /// Its contracts, by row id.
    pub contracts: Vec<i64>,
    /// What became of them, each at the place of its contract.
    pub outcomes: Vec<String>,
}

/// What the next test and the acceptance compare with.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = drafts)]
pub struct StandingDraft {
    /// Whose.
    pub account_id: AccountId,
    /// Of which test.
    pub test_id: TestId,
    /// Of its inputs.
    pub digest: Vec<u8>,
    /// Of what became of its contracts, and every number of their arithmetic.
    pub charges_digest: Vec<u8>,
    /// Of what the review looked at besides.
    pub review_digest: Vec<u8>,
    /// What became of the account.
    pub state: ItemState,
    /// New charges.
    pub total_minor: Money,
    /// Why the account stays behind.
    pub reason: Option<String>,
    /// The same as a stable word.
    pub reason_code: Option<String>,
}

/// Writes drafts by COPY.
pub fn copy_in(tx: &mut Tx<'_>, rows: Vec<DraftRow>) -> Result<()> {
    diesel::copy_from(drafts::table).from_insertable(rows).execute(tx.conn)?;
    Ok(())
}

/// The drafts of accounts that stand after the test of this number, without their documents, ascending. An
/// account has few drafts: the newest is found here, where the server would sort them all.
pub fn standing(
    tx: &mut Tx<'_>,
    run: RunId,
    number: i32,
    accounts: &[AccountId],
) -> Result<Vec<StandingDraft>> {
    let numbers: HashMap<TestId, i32> = run_tests::table
        .filter(run_tests::run_id.eq(run).and(run_tests::number.le(number)))
        .select((run_tests::id, run_tests::number))
        .load(tx.conn)?
        .into_iter()
        .collect();
    let mut rows: Vec<StandingDraft> = drafts::table
        .filter(drafts::run_id.eq(run).and(drafts::account_id.eq_any(accounts)))
        .select(StandingDraft::as_select())
        .load(tx.conn)?;
    rows.retain(|row| numbers.contains_key(&row.test_id));
    // The newest of each account first.
    rows.sort_unstable_by_key(|row| (row.account_id, Reverse(numbers.get(&row.test_id).copied())));
    rows.dedup_by_key(|row| row.account_id);
    Ok(rows)
}

/// The draft of an account that stands after the test of this number.
pub fn of_account(tx: &mut Tx<'_>, run: RunId, number: i32, account: AccountId) -> Result<Option<DraftRow>> {
    let Some(standing) = standing(tx, run, number, &[account])?.pop() else { return Ok(None) };
    Ok(by_key(tx, run, &[(account, standing.test_id)])?.pop())
}

/// Drafts by account and test, by account.
pub fn by_key(tx: &mut Tx<'_>, run: RunId, keys: &[(AccountId, TestId)]) -> Result<Vec<DraftRow>> {
    let (accounts, tests) = raw(keys);
    Ok(diesel::sql_query(
        "SELECT d.* FROM UNNEST($2, $3) AS of (account_id, test_id) \
         JOIN drafts d ON d.run_id = $1 AND d.account_id = of.account_id AND d.test_id = of.test_id \
         ORDER BY d.account_id",
    )
    .bind::<BigInt, _>(run.0)
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<Array<BigInt>, _>(tests)
    .load(tx.conn)?)
}

fn raw(keys: &[(AccountId, TestId)]) -> (Vec<i64>, Vec<i64>) {
    keys.iter().map(|(account, test)| (account.0, test.0)).unzip()
}

#[derive(QueryableByName)]
struct Totals {
    #[diesel(sql_type = Json)]
    totals: JsonText,
}

/// The totals that stand in these drafts: lists of `billing::TotalRow`.
pub fn totals(tx: &mut Tx<'_>, run: RunId, keys: &[(AccountId, TestId)]) -> Result<Vec<JsonText>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let (accounts, tests) = raw(keys);
    let rows: Vec<Totals> = diesel::sql_query(
        "SELECT d.document::json -> 'totals' AS totals FROM UNNEST($2, $3) AS of (account_id, test_id) \
         JOIN drafts d ON d.run_id = $1 AND d.account_id = of.account_id AND d.test_id = of.test_id",
    )
    .bind::<BigInt, _>(run.0)
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<Array<BigInt>, _>(tests)
    .load(tx.conn)?;
    Ok(rows.into_iter().map(|row| row.totals).collect())
}

/// How many drafts of a test are new, same, changed in amount or outcome.
pub fn changed_counts(tx: &mut Tx<'_>, run: RunId, test: TestId) -> Result<Vec<(String, i64)>> {
    Ok(drafts::table
        .filter(drafts::run_id.eq(run).and(drafts::test_id.eq(test)))
        .group_by(drafts::changed)
        .select((drafts::changed, diesel::dsl::count_star()))
        .load(tx.conn)?)
}

/// Drafts of a test that differ from those they replaced, by account.
pub fn changes(
    tx: &mut Tx<'_>,
    run: RunId,
    test: TestId,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<DraftRow>> {
    let from = after.map(Cursor::one::<i64>).transpose()?.unwrap_or(0);
    let rows = drafts::table
        .filter(drafts::run_id.eq(run).and(drafts::test_id.eq(test)).and(drafts::changed.ne("same")))
        .filter(drafts::account_id.gt(AccountId(from)))
        .select(DraftRow::as_select())
        .order(drafts::account_id)
        .limit(limit + 1)
        .load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &DraftRow| Cursor::new([row.account_id.0])))
}

/// Whether a table exists: the drafts of a closed run are gone.
pub fn are_kept(tx: &mut Tx<'_>, run: RunId) -> Result<bool> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        found: bool,
    }
    let row: Row = diesel::sql_query("SELECT to_regclass($1) IS NOT NULL AS found")
        .bind::<Text, _>(crate::runs::partition(run))
        .get_result(tx.conn)?;
    Ok(row.found)
}
