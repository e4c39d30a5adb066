//! Figures over all accounts of some sites: reports, which may visit every account.

use crate::schema::accounts;
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Nullable, Text};
use time::Date;
use vocab::{AccountId, AccountNumber, AccountState, Money, SiteId};

/// Balances and counts as of now.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct Standing {
    /// Accounts in all.
    #[diesel(sql_type = BigInt)]
    pub accounts: i64,
    /// Those that autopay draws from.
    #[diesel(sql_type = BigInt)]
    pub autopay: i64,
    /// Sum of the balances above nothing.
    #[diesel(sql_type = BigInt)]
    pub outstanding_minor: Money,
    /// Sum of the balances below nothing.
    #[diesel(sql_type = BigInt)]
    pub credit_minor: Money,
}

/// An amount of one month.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct MonthAmount {
    /// First day of the month.
    #[diesel(sql_type = SqlDate)]
    pub month_on: Date,
    /// How much.
    #[diesel(sql_type = BigInt)]
    pub amount_minor: Money,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

fn raw(sites: Option<&[SiteId]>) -> Option<Vec<i64>> {
    sites.map(|sites| sites.iter().map(|site| site.0).collect())
}

/// Balances and counts.
pub fn standing(tx: &mut Tx<'_>, sites: Option<&[SiteId]>) -> Result<Standing> {
    Ok(diesel::sql_query(
        "SELECT count(*) AS accounts, count(autopay_method_id) AS autopay, \
           coalesce(sum(current_minor) FILTER (WHERE current_minor > 0), 0)::bigint AS outstanding_minor, \
           coalesce(sum(current_minor) FILTER (WHERE current_minor < 0), 0)::bigint AS credit_minor \
         FROM accounts WHERE $1 IS NULL OR site_id = ANY($1)",
    )
    .bind::<Nullable<Array<BigInt>>, _>(raw(sites))
    .get_result(tx.conn)?)
}

/// Accounts by state.
pub fn by_state(tx: &mut Tx<'_>, sites: Option<&[SiteId]>) -> Result<Vec<(AccountState, i64)>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        state: AccountState,
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT state, count(*) AS n FROM accounts WHERE $1 IS NULL OR site_id = ANY($1) \
         GROUP BY state ORDER BY state",
    )
    .bind::<Nullable<Array<BigInt>>, _>(raw(sites))
    .load(tx.conn)?;
    Ok(rows.into_iter().map(|row| (row.state, row.n)).collect())
}

/// Accounts with a debit that was due before `today` and is not fully paid.
pub fn delinquent(tx: &mut Tx<'_>, sites: Option<&[SiteId]>, today: Date) -> Result<i64> {
    let row: Number = diesel::sql_query(
        "SELECT count(*) AS n FROM accounts a WHERE a.current_minor > 0 AND ($1 IS NULL OR a.site_id = ANY($1)) \
         AND EXISTS (SELECT 1 FROM fts f \
           LEFT JOIN swept_fts s ON s.account_id = f.account_id AND s.ft_id = f.id AND f.due_on IS NULL \
           LEFT JOIN bills b ON b.account_id = s.account_id AND b.id = s.bill_id \
           WHERE f.account_id = a.account_id AND f.current_minor > 0 AND coalesce(f.due_on, b.due_on) < $2 \
             AND f.current_minor > (SELECT coalesce(sum(l.amount_minor), 0) FROM allocations l \
               WHERE l.account_id = f.account_id AND l.debit_ft_id = f.id AND l.freed_at IS NULL))",
    )
    .bind::<Nullable<Array<BigInt>>, _>(raw(sites))
    .bind::<SqlDate, _>(today)
    .get_result(tx.conn)?;
    Ok(row.n)
}

/// What posted segments have charged by the month of their bill, from `from_on` on; cancelled ones are left out.
/// What they only ask for (a deposit, an instalment) moves nothing owed, and a loan's principal was lent before.
pub fn billed_by_month(tx: &mut Tx<'_>, sites: Option<&[SiteId]>, from_on: Date) -> Result<Vec<MonthAmount>> {
    Ok(diesel::sql_query(
        "WITH standing AS (SELECT g.account_id, g.id, g.contract_id, b.bill_on \
           FROM segments g JOIN bills b ON b.account_id = g.account_id AND b.id = g.bill_id \
           JOIN accounts a ON a.account_id = g.account_id \
           WHERE b.bill_on >= $2 AND g.state <> 'cancelled' AND ($1 IS NULL OR a.site_id = ANY($1))) \
         SELECT date_trunc('month', bill_on::timestamp)::date AS month_on, sum(minor)::bigint AS amount_minor \
         FROM (SELECT s.bill_on, f.payoff_minor AS minor FROM standing s \
             JOIN fts f ON f.account_id = s.account_id AND f.source_id = s.id AND f.kind = 'segment' \
           UNION ALL SELECT s.bill_on, -(line ->> 'amount')::bigint FROM standing s \
             JOIN contracts c ON c.account_id = s.account_id AND c.id = s.contract_id \
             JOIN contract_types t ON t.id = c.contract_type_id AND t.method = 'loan' \
             JOIN segments g ON g.account_id = s.account_id AND g.id = s.id \
             CROSS JOIN LATERAL json_array_elements(g.document::json -> 'terms') AS line \
             WHERE line ->> 'kind' = 'principal') charged \
         GROUP BY 1 ORDER BY 1",
    )
    .bind::<Nullable<Array<BigInt>>, _>(raw(sites))
    .bind::<SqlDate, _>(from_on)
    .load(tx.conn)?)
}

/// Payments that stand, by the month in which they were received, from `from_on` on.
pub fn collected_by_month(
    tx: &mut Tx<'_>,
    sites: Option<&[SiteId]>,
    from_on: Date,
) -> Result<Vec<MonthAmount>> {
    Ok(diesel::sql_query(
        "SELECT date_trunc('month', p.received_on::timestamp)::date AS month_on, \
           sum(p.amount_minor)::bigint AS amount_minor \
         FROM payments p JOIN accounts a ON a.account_id = p.account_id \
         WHERE p.received_on >= $2 AND p.state = 'posted' AND ($1 IS NULL OR a.site_id = ANY($1)) \
         GROUP BY 1 ORDER BY 1",
    )
    .bind::<Nullable<Array<BigInt>>, _>(raw(sites))
    .bind::<SqlDate, _>(from_on)
    .load(tx.conn)?)
}

/// An account that owes.
#[derive(Debug, Clone, Queryable)]
pub struct Owing {
    /// The account.
    pub account_id: AccountId,
    /// Its number.
    pub number: AccountNumber,
    /// Its site.
    pub site_id: SiteId,
    /// What it owes.
    pub balance: Money,
}

/// Accounts that owe, the most first.
pub fn owing(
    tx: &mut Tx<'_>,
    sites: Option<&[SiteId]>,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<Owing>> {
    let mut query = accounts::table
        .filter(accounts::current_minor.gt(Money::ZERO))
        .select((accounts::account_id, accounts::number, accounts::site_id, accounts::current_minor))
        .into_boxed();
    if let Some(sites) = sites {
        query = query.filter(accounts::site_id.eq_any(sites.to_vec()));
    }
    if let Some((balance, id)) = after.map(Cursor::two::<i64, i64>).transpose()? {
        let balance = Money::from_minor(balance);
        query = query.filter(
            accounts::current_minor
                .lt(balance)
                .or(accounts::current_minor.eq(balance).and(accounts::account_id.gt(AccountId(id)))),
        );
    }
    let rows: Vec<Owing> =
        query.order((accounts::current_minor.desc(), accounts::account_id)).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row| Cursor::new([row.balance.minor(), row.account_id.0])))
}
