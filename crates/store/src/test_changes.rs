//! Two tests of a run beside each other: the accounts whose standing drafts differ.
//!
//! Only drafts of the tests between the two can have made a difference, so only they are visited.

use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text};
use vocab::{AccountId, ItemState, Money, RunId, SiteId, TestId};

/// Which changes are listed.
#[derive(Debug, Clone, Default)]
pub struct ChangeFilter {
    /// Only accounts of these sites.
    pub sites: Option<Vec<SiteId>>,
    /// Only where the totals lie at least so far apart.
    pub least_minor: i64,
}

/// The tests that are compared, by number: what stood after the one, and after the other.
#[derive(Debug, Clone, Copy)]
pub struct Between {
    /// The earlier test.
    pub low: i32,
    /// The later test.
    pub high: i32,
}

/// An account whose standing drafts differ.
#[derive(Debug, Clone, QueryableByName)]
pub struct ChangeRow {
    /// Whose.
    #[diesel(sql_type = BigInt)]
    pub account_id: AccountId,
    /// Its billing site.
    #[diesel(sql_type = BigInt)]
    pub site_id: SiteId,
    /// The test of the earlier draft; none when there was none.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub low_test_id: Option<TestId>,
    /// What became of the account then.
    #[diesel(sql_type = Nullable<Text>)]
    pub low_state: Option<ItemState>,
    /// New charges then.
    #[diesel(sql_type = BigInt)]
    pub low_minor: Money,
    /// The test of the later draft.
    #[diesel(sql_type = BigInt)]
    pub high_test_id: TestId,
    /// What becomes of the account in it.
    #[diesel(sql_type = Text)]
    pub high_state: ItemState,
    /// New charges in it.
    #[diesel(sql_type = BigInt)]
    pub high_minor: Money,
}

/// What all the changes come to.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct ChangeTotals {
    /// How many accounts.
    #[diesel(sql_type = BigInt)]
    pub accounts: i64,
    /// The sum of their charges in the earlier test.
    #[diesel(sql_type = BigInt)]
    pub low_minor: Money,
    /// The sum in the later one.
    #[diesel(sql_type = BigInt)]
    pub high_minor: Money,
}

const PAIRS: &str = "\
    WITH later AS (SELECT DISTINCT ON (d.account_id) d.account_id, d.test_id, d.digest, d.charges_digest, d.state, \
        d.total_minor FROM drafts d JOIN run_tests t ON t.id = d.test_id \
      WHERE d.run_id = $1 AND t.run_id = $1 AND t.number > $2 AND t.number <= $3 \
      ORDER BY d.account_id, t.number DESC), \
    pairs AS (SELECT l.account_id, i.site_id, e.test_id AS low_test_id, e.state AS low_state, \
        coalesce(e.total_minor, 0) AS low_minor, l.test_id AS high_test_id, l.state AS high_state, \
        l.total_minor AS high_minor, abs(l.total_minor - coalesce(e.total_minor, 0)) AS difference \
      FROM later l JOIN run_items i ON i.account_id = l.account_id AND i.run_id = $1 \
      LEFT JOIN LATERAL (SELECT d.test_id, d.digest, d.charges_digest, d.state, d.total_minor FROM drafts d \
        JOIN run_tests t ON t.id = d.test_id WHERE d.run_id = $1 AND d.account_id = l.account_id \
        AND t.run_id = $1 AND t.number <= $2 ORDER BY t.number DESC LIMIT 1) e ON true \
      WHERE (l.digest, l.charges_digest, l.state) IS DISTINCT FROM (e.digest, e.charges_digest, e.state) \
        AND ($4 IS NULL OR i.site_id = ANY($4)) \
        AND abs(l.total_minor - coalesce(e.total_minor, 0)) >= $5)";

/// The changes, the largest difference first.
pub fn list(
    tx: &mut Tx<'_>,
    run: RunId,
    between: Between,
    filter: &ChangeFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<ChangeRow>> {
    let after = after.map(Cursor::two::<i64, i64>).transpose()?;
    let (difference, account) = after.unzip();
    let rows: Vec<ChangeRow> = diesel::sql_query(format!(
        "{PAIRS} SELECT * FROM pairs WHERE $6 IS NULL OR difference < $6 OR (difference = $6 AND account_id > $7) \
         ORDER BY difference DESC, account_id LIMIT $8"
    ))
    .bind::<BigInt, _>(run.0)
    .bind::<Integer, _>(between.low)
    .bind::<Integer, _>(between.high)
    .bind::<Nullable<Array<BigInt>>, _>(raw(filter))
    .bind::<BigInt, _>(filter.least_minor)
    .bind::<Nullable<BigInt>, _>(difference)
    .bind::<Nullable<BigInt>, _>(account)
    .bind::<BigInt, _>(limit + 1)
    .load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, cursor))
}

/// Where a list goes on behind a row.
pub fn cursor(row: &ChangeRow) -> Cursor {
    let difference = i128::from(row.high_minor.minor()) - i128::from(row.low_minor.minor());
    Cursor::new([difference.unsigned_abs().to_string(), row.account_id.0.to_string()])
}

/// What the changes come to together.
pub fn totals(tx: &mut Tx<'_>, run: RunId, between: Between, filter: &ChangeFilter) -> Result<ChangeTotals> {
    Ok(diesel::sql_query(format!(
        "{PAIRS} SELECT count(*) AS accounts, coalesce(sum(low_minor), 0)::bigint AS low_minor, \
         coalesce(sum(high_minor), 0)::bigint AS high_minor FROM pairs"
    ))
    .bind::<BigInt, _>(run.0)
    .bind::<Integer, _>(between.low)
    .bind::<Integer, _>(between.high)
    .bind::<Nullable<Array<BigInt>>, _>(raw(filter))
    .bind::<BigInt, _>(filter.least_minor)
    .get_result(tx.conn)?)
}

fn raw(filter: &ChangeFilter) -> Option<Vec<i64>> {
    filter.sites.as_ref().map(|all| all.iter().map(|id| id.0).collect())
}
