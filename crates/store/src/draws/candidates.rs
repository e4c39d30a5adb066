//! Which draws a payment run may take, with all that the decision needs, in one query.

use crate::{Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Date as SqlDate, Nullable, SmallInt, Text, Timestamptz};
use time::{Date, OffsetDateTime};
use vocab::{
    AccountId, AccountNumber, CycleId, GatewayKind, MethodState, Money, PaymentRunId, RunId, SiteId,
    TenderKind,
};

/// Which accounts and bills; what is absent does not narrow.
#[derive(Debug, Clone, Default)]
pub struct CandidateFilter {
    /// Only this cycle.
    pub cycle: Option<CycleId>,
    /// Only bills of this bill run.
    pub bill_run: Option<RunId>,
    /// Only these sites.
    pub sites: Option<Vec<SiteId>>,
    /// Only these accounts.
    pub accounts: Option<Vec<AccountId>>,
    /// Only this kind of method.
    pub kind: Option<TenderKind>,
    /// Only this draw (within `accounts`), whatever its run.
    pub draw: Option<i64>,
    /// Also draws that this run holds already.
    pub of_run: Option<PaymentRunId>,
}

/// A draw that a run may take.
#[derive(Debug, Clone, QueryableByName)]
pub struct Candidate {
    /// Whose.
    #[diesel(sql_type = BigInt)]
    pub account_id: AccountId,
    /// The draw's row id.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// The draw's version as it was chosen.
    #[diesel(sql_type = BigInt)]
    pub version: i64,
    /// For which bill.
    #[diesel(sql_type = BigInt)]
    pub bill_id: i64,
    /// The bill's number.
    #[diesel(sql_type = BigInt)]
    pub bill_number: i64,
    /// When the bill is due.
    #[diesel(sql_type = SqlDate)]
    pub due_on: Date,
    /// When it may be taken: its day, or that of its next try.
    #[diesel(sql_type = SqlDate)]
    pub draw_on: Date,
    /// What the bill and those before it ask for and is not yet paid.
    #[diesel(sql_type = BigInt)]
    pub unpaid_minor: Money,
    /// The account's balance.
    #[diesel(sql_type = BigInt)]
    pub balance_minor: Money,
    /// The customer's maximum.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub maximum_minor: Option<Money>,
    /// Whether autopay is switched on.
    #[diesel(sql_type = Bool)]
    pub autopay_on: bool,
    /// Last day of a hold on the account.
    #[diesel(sql_type = Nullable<SqlDate>)]
    pub held_until_on: Option<Date>,
    /// The account's number.
    #[diesel(sql_type = BigInt)]
    pub number: AccountNumber,
    /// Declines so far.
    #[diesel(sql_type = SmallInt)]
    pub attempts: i16,
    /// Card or bank debit.
    #[diesel(sql_type = Text)]
    pub kind: TenderKind,
    /// Who collects.
    #[diesel(sql_type = Text)]
    pub gateway: GatewayKind,
    /// Whether the method may be drawn from.
    #[diesel(sql_type = Text)]
    pub method_state: MethodState,
    /// The gateway's token of the customer; empty where it has none.
    #[diesel(sql_type = Text)]
    pub customer_token: String,
    /// The gateway's token of the method.
    #[diesel(sql_type = Text)]
    pub method_token: String,
}

/// Draws of posted bills whose day has come by `target_on` and whose review delay is over, that
/// no other live run holds. A failed draw counts from its next try on. While money of the same
/// account is under way, or may be, none of its other draws is taken: what is unpaid is not known.
pub fn candidates(
    tx: &mut Tx<'_>,
    filter: &CandidateFilter,
    target_on: Date,
    as_of: OffsetDateTime,
) -> Result<Vec<Candidate>> {
    let sites = filter.sites.as_ref().map(|all| all.iter().map(|site| site.0).collect::<Vec<i64>>());
    let accounts = filter.accounts.as_ref().map(|all| all.iter().map(|id| id.0).collect::<Vec<i64>>());
    Ok(diesel::sql_query(QUERY)
        .bind::<SqlDate, _>(target_on)
        .bind::<Timestamptz, _>(as_of)
        .bind::<Nullable<BigInt>, _>(filter.cycle.map(|cycle| cycle.0))
        .bind::<Nullable<BigInt>, _>(filter.bill_run.map(|run| run.0))
        .bind::<Nullable<Array<BigInt>>, _>(sites)
        .bind::<Nullable<Array<BigInt>>, _>(accounts)
        .bind::<Nullable<Text>, _>(filter.kind.map(TenderKind::as_str))
        .bind::<Nullable<BigInt>, _>(filter.draw)
        .bind::<Nullable<BigInt>, _>(filter.of_run.map(|run| run.0))
        .load(tx.conn)?)
}

/// What is unpaid of a bill are the open debits that stand on it and on the bills before it; what was billed again
/// stands on the bill that it corrects until another one takes it up.
const QUERY: &str = "\
    SELECT d.account_id, d.id, d.version, d.bill_id, b.number AS bill_number, b.due_on, \
           CASE WHEN d.state = 'failed' THEN d.retry_on ELSE d.draw_on END AS draw_on, \
           coalesce(u.unpaid_minor, 0)::bigint AS unpaid_minor, a.current_minor AS balance_minor, \
           a.autopay_maximum_minor AS maximum_minor, a.autopay_method_id IS NOT NULL AS autopay_on, \
           a.held_until_on, a.number, d.attempts, m.kind, m.gateway, m.state AS method_state, \
           m.customer_token, m.method_token \
    FROM draws d \
    JOIN bills b ON b.account_id = d.account_id AND b.id = d.bill_id \
    JOIN accounts a ON a.account_id = d.account_id \
    JOIN payment_methods m ON m.account_id = d.account_id AND m.id = d.method_id \
    LEFT JOIN LATERAL (\
        SELECT sum(f.current_minor - coalesce(j.amount_minor, 0)) AS unpaid_minor \
        FROM fts f \
        LEFT JOIN swept_fts s ON s.account_id = f.account_id AND s.ft_id = f.id \
        LEFT JOIN segments g ON g.account_id = f.account_id AND g.id = f.source_id AND f.kind = 'segment' \
             AND f.born_on_bill_id IS NULL AND s.bill_id IS NULL \
        JOIN bills ob ON ob.account_id = f.account_id AND ob.id = coalesce(f.born_on_bill_id, s.bill_id, g.bill_id) \
        LEFT JOIN LATERAL (SELECT sum(amount_minor) AS amount_minor FROM allocations l \
                           WHERE l.account_id = f.account_id AND l.debit_ft_id = f.id AND l.freed_at IS NULL) j ON true \
        WHERE f.account_id = d.account_id AND f.current_minor > 0 AND ob.completed_at <= b.completed_at) u ON true \
    WHERE b.state = 'complete' \
      AND ((d.state = 'planned' AND d.draw_on <= $1) OR (d.state = 'failed' AND d.retry_on <= $1) \
           OR (d.state = 'planned' AND d.payment_run_id = $9)) \
      AND d.not_before_at <= $2 \
      AND (d.state = 'failed' OR d.payment_run_id IS NULL OR d.payment_run_id = $9 OR NOT EXISTS (\
           SELECT 1 FROM payment_runs r WHERE r.id = d.payment_run_id AND r.state IN ('planned', 'running'))) \
      AND NOT EXISTS (\
           SELECT 1 FROM draws o WHERE o.account_id = d.account_id AND o.id <> d.id \
           AND o.state IN ('submitting', 'pending', 'unknown')) \
      AND ($3 IS NULL OR a.cycle_id = $3) \
      AND ($4 IS NULL OR b.run_id = $4) \
      AND ($5 IS NULL OR a.site_id = ANY($5)) \
      AND ($6 IS NULL OR d.account_id = ANY($6)) \
      AND ($7 IS NULL OR m.kind = $7) \
      AND ($8 IS NULL OR d.id = $8) \
    ORDER BY d.account_id, d.id";
