//! The proof that nothing was forgotten: what became of the accounts of a run and of their contracts, by site,
//! and the contracts of which nothing became anything.

use crate::schema::run_items;
use crate::{Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date as SqlDate, Integer, Nullable, Text};
use time::Date;
use vocab::{AccountId, ItemState, RunId, ServicePointId, SiteId};

/// How many contracts of a site have an outcome.
#[derive(Debug, Clone, QueryableByName)]
pub struct OutcomeCount {
    /// The site.
    #[diesel(sql_type = BigInt)]
    pub site_id: SiteId,
    /// A `vocab::SegmentOutcome`, or `stale`: its account has changed since.
    #[diesel(sql_type = Text)]
    pub outcome: String,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub contracts: i64,
}

/// An open contract of the run's accounts that no standing draft names.
#[derive(Debug, Clone, QueryableByName)]
pub struct Forgotten {
    /// Whose.
    #[diesel(sql_type = BigInt)]
    pub account_id: AccountId,
    /// Row id of the contract.
    #[diesel(sql_type = BigInt)]
    pub contract_id: i64,
    /// The account's site.
    #[diesel(sql_type = BigInt)]
    pub site_id: SiteId,
    /// Where it is metered.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub service_point_id: Option<ServicePointId>,
}

/// How many accounts of each site are in each state.
pub fn account_states(tx: &mut Tx<'_>, run: RunId) -> Result<Vec<(SiteId, ItemState, i64)>> {
    Ok(run_items::table
        .filter(run_items::run_id.eq(run.0))
        .group_by((run_items::site_id, run_items::state))
        .select((run_items::site_id, run_items::state, diesel::dsl::count_star()))
        .order((run_items::site_id, run_items::state))
        .load(tx.conn)?)
}

const STANDING: &str = "\
    WITH standing AS (SELECT DISTINCT ON (d.account_id) d.account_id, d.contracts, d.outcomes \
      FROM drafts d JOIN run_tests t ON t.id = d.test_id \
      WHERE d.run_id = $1 AND t.run_id = $1 AND t.number <= $2 ORDER BY d.account_id, t.number DESC)";

/// What became of the contracts that the standing drafts name, by site.
pub fn outcomes(tx: &mut Tx<'_>, run: RunId, number: i32) -> Result<Vec<OutcomeCount>> {
    Ok(diesel::sql_query(format!(
        "{STANDING} SELECT i.site_id, CASE i.state WHEN 'stale' THEN 'stale' ELSE o.outcome END AS outcome, \
           count(*) AS contracts \
         FROM standing s JOIN run_items i ON i.account_id = s.account_id AND i.run_id = $1 \
         CROSS JOIN LATERAL UNNEST(s.outcomes) AS o (outcome) GROUP BY 1, 2 ORDER BY 1, 2"
    ))
    .bind::<BigInt, _>(run.0)
    .bind::<Integer, _>(number)
    .load(tx.conn)?)
}

/// Contracts that may be billed by the last day of the window and are named by no standing draft, by account;
/// at most `limit`.
pub fn forgotten(
    tx: &mut Tx<'_>,
    run: RunId,
    number: i32,
    last_on: Date,
    limit: i64,
) -> Result<Vec<Forgotten>> {
    Ok(diesel::sql_query(format!(
        "{STANDING} SELECT i.account_id, c.id AS contract_id, i.site_id, c.service_point_id FROM run_items i \
         JOIN contracts c ON c.account_id = i.account_id AND c.state IN ('pending', 'active', 'stopped') \
           AND c.starts_on <= $3 \
         LEFT JOIN standing s ON s.account_id = i.account_id \
         WHERE i.run_id = $1 AND (s.account_id IS NULL OR NOT c.id = ANY(s.contracts)) \
         ORDER BY i.account_id, c.id LIMIT $4"
    ))
    .bind::<BigInt, _>(run.0)
    .bind::<Integer, _>(number)
    .bind::<SqlDate, _>(last_on)
    .bind::<BigInt, _>(limit)
    .load(tx.conn)?)
}

/// How many of these there are, by site.
pub fn forgotten_counts(
    tx: &mut Tx<'_>,
    run: RunId,
    number: i32,
    last_on: Date,
) -> Result<Vec<OutcomeCount>> {
    Ok(diesel::sql_query(format!(
        "{STANDING} SELECT i.site_id, 'forgotten' AS outcome, count(*) AS contracts FROM run_items i \
         JOIN contracts c ON c.account_id = i.account_id AND c.state IN ('pending', 'active', 'stopped') \
           AND c.starts_on <= $3 \
         LEFT JOIN standing s ON s.account_id = i.account_id \
         WHERE i.run_id = $1 AND (s.account_id IS NULL OR NOT c.id = ANY(s.contracts)) GROUP BY 1 ORDER BY 1"
    ))
    .bind::<BigInt, _>(run.0)
    .bind::<Integer, _>(number)
    .bind::<SqlDate, _>(last_on)
    .load(tx.conn)?)
}
