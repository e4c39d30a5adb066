//! What is still open: debits not fully paid, credits not fully used, and the joins between.
//!
//! A cancellation is joined to what it cancels, so that open is always an amount less its live
//! joins, whatever the kind. Credits are applied as soon as there is something to pay: an
//! account has an unapplied credit only while its balance is below nothing, and an open debit
//! only while it is above. Callers with many accounts ask about those alone.

use crate::schema::allocations;
use crate::{Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Nullable};
use payments::allocation::{Join, OpenCredit, OpenDebit};
use time::{Date, OffsetDateTime};
use vocab::{AccountId, FtId, Money};

#[derive(QueryableByName)]
struct OpenRow {
    #[diesel(sql_type = BigInt)]
    account_id: AccountId,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = SqlDate)]
    accounting_on: Date,
    #[diesel(sql_type = Nullable<SqlDate>)]
    due_on: Option<Date>,
    #[diesel(sql_type = BigInt)]
    rest_minor: Money,
}

/// The debits of these accounts of which something is not yet paid. A debit that was swept onto
/// a bill is due when the bill is.
pub fn open_debits(tx: &mut Tx<'_>, ids: &[AccountId]) -> Result<Vec<OpenDebit>> {
    let rows: Vec<OpenRow> = diesel::sql_query(
        "SELECT f.account_id, f.id, f.accounting_on, coalesce(f.due_on, b.due_on) AS due_on, \
                f.current_minor - coalesce(j.amount_minor, 0) AS rest_minor \
         FROM fts f \
         LEFT JOIN (SELECT account_id, debit_ft_id, sum(amount_minor)::bigint AS amount_minor FROM allocations \
                    WHERE account_id = ANY($1) AND freed_at IS NULL GROUP BY account_id, debit_ft_id) j \
                ON j.account_id = f.account_id AND j.debit_ft_id = f.id \
         LEFT JOIN swept_fts s ON s.account_id = f.account_id AND s.ft_id = f.id AND f.due_on IS NULL \
         LEFT JOIN bills b ON b.account_id = s.account_id AND b.id = s.bill_id \
         WHERE f.account_id = ANY($1) AND f.current_minor > coalesce(j.amount_minor, 0) \
         ORDER BY f.account_id, f.id",
    )
    .bind::<Array<BigInt>, _>(ids)
    .load(tx.conn)?;
    let debit = |row: OpenRow| OpenDebit {
        id: FtId::new(row.account_id, row.id),
        due_on: row.due_on,
        accounting_on: row.accounting_on,
        open: row.rest_minor,
    };
    Ok(rows.into_iter().map(debit).collect())
}

/// The credits of these accounts of which something is not yet applied.
pub fn open_credits(tx: &mut Tx<'_>, ids: &[AccountId]) -> Result<Vec<OpenCredit>> {
    let rows: Vec<OpenRow> = diesel::sql_query(
        "SELECT f.account_id, f.id, f.accounting_on, NULL::date AS due_on, \
                -f.current_minor - coalesce(j.amount_minor, 0) AS rest_minor \
         FROM fts f \
         LEFT JOIN (SELECT account_id, credit_ft_id, sum(amount_minor)::bigint AS amount_minor FROM allocations \
                    WHERE account_id = ANY($1) AND freed_at IS NULL GROUP BY account_id, credit_ft_id) j \
                ON j.account_id = f.account_id AND j.credit_ft_id = f.id \
         WHERE f.account_id = ANY($1) AND -f.current_minor > coalesce(j.amount_minor, 0) \
         ORDER BY f.account_id, f.id",
    )
    .bind::<Array<BigInt>, _>(ids)
    .load(tx.conn)?;
    let credit = |row: OpenRow| OpenCredit {
        id: FtId::new(row.account_id, row.id),
        accounting_on: row.accounting_on,
        left: row.rest_minor,
    };
    Ok(rows.into_iter().map(credit).collect())
}

/// What is not yet applied of an account's credits, in all.
pub fn unapplied(tx: &mut Tx<'_>, account: AccountId) -> Result<Money> {
    let credits = open_credits(tx, &[account])?;
    Money::sum(credits.into_iter().map(|credit| credit.left))
        .map_err(|_| crate::Error::Refused { constraint: "balance".to_owned() })
}

/// Writes joins.
pub fn allocate(tx: &mut Tx<'_>, joins: &[Join]) -> Result<()> {
    #[derive(Insertable)]
    #[diesel(table_name = allocations, treat_none_as_default_value = false)]
    struct Row {
        account_id: AccountId,
        id: i64,
        credit_ft_id: i64,
        debit_ft_id: i64,
        amount_minor: Money,
        freed_at: Option<OffsetDateTime>,
    }
    if joins.is_empty() {
        return Ok(());
    }
    let ids = tx.new_ids(joins.len())?;
    let rows: Vec<Row> = joins
        .iter()
        .zip(ids)
        .map(|(join, id)| Row {
            account_id: join.credit.owner,
            id,
            credit_ft_id: join.credit.n,
            debit_ft_id: join.debit.n,
            amount_minor: join.amount,
            freed_at: None,
        })
        .collect();
    if rows.len() > 100 {
        diesel::copy_from(allocations::table).from_insertable(rows).execute(tx.conn)?;
    } else {
        diesel::insert_into(allocations::table).values(&rows).execute(tx.conn)?;
    }
    Ok(())
}

type JoinRow = (AccountId, i64, i64, Money);

fn join((account, credit, debit, amount): JoinRow) -> Join {
    Join { credit: FtId::new(account, credit), debit: FtId::new(account, debit), amount }
}

/// The live joins of a credit.
pub fn joins_of_credit(tx: &mut Tx<'_>, credit: FtId) -> Result<Vec<Join>> {
    let rows: Vec<JoinRow> = live(credit.owner)
        .filter(allocations::credit_ft_id.eq(credit.n))
        .select(COLUMNS)
        .order(allocations::id)
        .load(tx.conn)?;
    Ok(rows.into_iter().map(join).collect())
}

/// The live joins of a debit.
pub fn joins_of_debit(tx: &mut Tx<'_>, debit: FtId) -> Result<Vec<Join>> {
    let rows: Vec<JoinRow> = live(debit.owner)
        .filter(allocations::debit_ft_id.eq(debit.n))
        .select(COLUMNS)
        .order(allocations::id)
        .load(tx.conn)?;
    Ok(rows.into_iter().map(join).collect())
}

/// Ends the live joins of a credit, and answers them.
pub fn free_credit(tx: &mut Tx<'_>, credit: FtId) -> Result<Vec<Join>> {
    let freed_at = tx.as_of();
    let rows: Vec<JoinRow> =
        diesel::update(live(credit.owner).filter(allocations::credit_ft_id.eq(credit.n)))
            .set(allocations::freed_at.eq(freed_at))
            .returning(COLUMNS)
            .get_results(tx.conn)?;
    Ok(rows.into_iter().map(join).collect())
}

/// Ends the live joins of a debit, and answers them.
pub fn free_debit(tx: &mut Tx<'_>, debit: FtId) -> Result<Vec<Join>> {
    let freed_at = tx.as_of();
    let rows: Vec<JoinRow> = diesel::update(live(debit.owner).filter(allocations::debit_ft_id.eq(debit.n)))
        .set(allocations::freed_at.eq(freed_at))
        .returning(COLUMNS)
        .get_results(tx.conn)?;
    Ok(rows.into_iter().map(join).collect())
}

const COLUMNS: (
    allocations::account_id,
    allocations::credit_ft_id,
    allocations::debit_ft_id,
    allocations::amount_minor,
) = (allocations::account_id, allocations::credit_ft_id, allocations::debit_ft_id, allocations::amount_minor);

#[diesel::dsl::auto_type]
fn live(account: AccountId) -> _ {
    allocations::table.filter(allocations::account_id.eq(account)).filter(allocations::freed_at.is_null())
}
