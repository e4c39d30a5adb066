//! The ledger: financial transactions, the balances they move, what is on which bill.
//!
//! Whoever writes here has locked the account's row before and reads the ledger under that lock.
//! Transactions are immutable and come from `billing`'s posting functions alone; a balance is
//! moved by as much as its transactions say, in the same database transaction.

mod open;

pub use open::{
    allocate, free_credit, free_debit, joins_of_credit, joins_of_debit, open_credits, open_debits, unapplied,
};

use crate::schema::{accounts, fts, swept_fts};
use crate::{BadCursor, Cursor, Error, Page, Result, Tx};
use billing::LooseFt;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Timestamptz};
use std::collections::BTreeMap;
use time::{Date, OffsetDateTime};
use vocab::{AccountId, BillId, FtId, FtKind, GlAccountId, Money};

/// A financial transaction as stored.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = fts, treat_none_as_default_value = false)]
pub struct FtRow {
    /// Whose.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
    /// What it records.
    pub kind: FtKind,
    /// Row number of the segment, adjustment or payment.
    pub source_id: i64,
    /// The bill whose completion wrote it.
    pub born_on_bill_id: Option<i64>,
    /// What it adds to the balance that is asked now.
    pub current_minor: Money,
    /// What it adds to what is owed if closed today.
    pub payoff_minor: Money,
    /// Which accounting period it falls into.
    pub accounting_on: Date,
    /// The day it is about.
    pub effective_on: Date,
    /// When it falls due, when its completion said so.
    pub due_on: Option<Date>,
    /// When it was posted.
    pub posted_at: OffsetDateTime,
    /// Ledger accounts of its journal.
    pub gl_account_ids: Vec<GlAccountId>,
    /// Ledger amounts of its journal, debits positive.
    pub gl_minor: Vec<Money>,
}

impl FtRow {
    /// Its id.
    pub const fn ft_id(&self) -> FtId {
        FtId::new(self.account_id, self.id)
    }

    /// What it did, to be turned around.
    pub fn posted(&self) -> Result<billing::PostedFt> {
        let lines = self.gl_account_ids.iter().copied().zip(self.gl_minor.iter().copied()).collect();
        let journal = billing::Journal::new(lines)
            .map_err(|fault| Error::Corrupt { what: "journal", why: fault.to_string() })?;
        Ok(billing::PostedFt { current: self.current_minor, payoff: self.payoff_minor, journal })
    }
}

impl From<&billing::Ft> for FtRow {
    fn from(ft: &billing::Ft) -> Self {
        let dates = ft.dates();
        let (gl_account_ids, gl_minor) = ft.journal().lines().iter().copied().unzip();
        Self {
            account_id: ft.account(),
            id: ft.id().n,
            kind: ft.kind(),
            source_id: ft.source(),
            born_on_bill_id: ft.born_on().map(|bill| bill.n),
            current_minor: ft.current(),
            payoff_minor: ft.payoff(),
            accounting_on: dates.accounting_on,
            effective_on: dates.effective_on,
            due_on: ft.due_on(),
            posted_at: dates.posted_at,
            gl_account_ids,
            gl_minor,
        }
    }
}

/// Posts transactions: writes them and moves the balances of their accounts.
pub fn post(tx: &mut Tx<'_>, all: &[billing::Ft]) -> Result<()> {
    insert(tx, all)?;
    let mut sums: BTreeMap<AccountId, (Money, Money)> = BTreeMap::new();
    for ft in all {
        let sum = sums.entry(ft.account()).or_default();
        let overflow = |_| Error::Refused { constraint: "balance".to_owned() };
        sum.0 = sum.0.plus(ft.current()).map_err(overflow)?;
        sum.1 = sum.1.plus(ft.payoff()).map_err(overflow)?;
    }
    let moves: Vec<_> =
        sums.into_iter().map(|(account, (current, payoff))| (account, current, payoff)).collect();
    move_balances(tx, &moves)
}

/// Writes transactions without moving balances: for few of them.
pub fn insert(tx: &mut Tx<'_>, all: &[billing::Ft]) -> Result<()> {
    let rows: Vec<FtRow> = all.iter().map(FtRow::from).collect();
    diesel::insert_into(fts::table).values(&rows).execute(tx.conn)?;
    Ok(())
}

/// Writes transactions without moving balances, by COPY: for a chunk of them.
pub fn copy(tx: &mut Tx<'_>, all: &[billing::Ft]) -> Result<()> {
    let rows: Vec<FtRow> = all.iter().map(FtRow::from).collect();
    diesel::copy_from(fts::table).from_insertable(rows).execute(tx.conn)?;
    Ok(())
}

/// Adds to the current and payoff balances of locked accounts.
pub fn move_balances(tx: &mut Tx<'_>, moves: &[(AccountId, Money, Money)]) -> Result<()> {
    let ids: Vec<AccountId> = moves.iter().map(|row| row.0).collect();
    let current: Vec<Money> = moves.iter().map(|row| row.1).collect();
    let payoff: Vec<Money> = moves.iter().map(|row| row.2).collect();
    diesel::sql_query(
        "UPDATE accounts AS a SET current_minor = a.current_minor + d.current_minor, \
         payoff_minor = a.payoff_minor + d.payoff_minor \
         FROM UNNEST($1, $2, $3) AS d (account_id, current_minor, payoff_minor) \
         WHERE a.account_id = d.account_id",
    )
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Array<BigInt>, _>(current)
    .bind::<Array<BigInt>, _>(payoff)
    .execute(tx.conn)?;
    Ok(())
}

/// Every transaction of these accounts that is on no bill, by account and number.
pub fn loose(tx: &mut Tx<'_>, ids: &[AccountId]) -> Result<Vec<LooseFt>> {
    let swept = swept_fts::table
        .filter(swept_fts::account_id.eq(fts::account_id).and(swept_fts::ft_id.eq(fts::id)))
        .select(swept_fts::ft_id);
    let rows: Vec<(AccountId, i64, FtKind, Money, Date)> = fts::table
        .filter(fts::account_id.eq_any(ids).and(fts::born_on_bill_id.is_null()))
        .filter(diesel::dsl::not(diesel::dsl::exists(swept)))
        .select((fts::account_id, fts::id, fts::kind, fts::current_minor, fts::accounting_on))
        .order((fts::account_id, fts::id))
        .load(tx.conn)?;
    Ok(rows
        .into_iter()
        .map(|(account, id, kind, current, accounting_on)| LooseFt {
            id: FtId::new(account, id),
            kind,
            current,
            accounting_on,
        })
        .collect())
}

/// Adjustments and their cancellations that are on no bill and fall on one of that day, with their
/// amounts, by account.
pub fn loose_adjustments(tx: &mut Tx<'_>, ids: &[AccountId], bill_on: Date) -> Result<Vec<(FtId, Money)>> {
    let swept = swept_fts::table
        .filter(swept_fts::account_id.eq(fts::account_id).and(swept_fts::ft_id.eq(fts::id)))
        .select(swept_fts::ft_id);
    let rows: Vec<(AccountId, i64, Money)> = fts::table
        .filter(fts::account_id.eq_any(ids).and(fts::born_on_bill_id.is_null()))
        .filter(fts::kind.eq_any([FtKind::Adjustment, FtKind::AdjustmentCancel]))
        .filter(fts::accounting_on.le(bill_on))
        .filter(diesel::dsl::not(diesel::dsl::exists(swept)))
        .select((fts::account_id, fts::id, fts::current_minor))
        .order((fts::account_id, fts::id))
        .load(tx.conn)?;
    Ok(rows.into_iter().map(|(account, id, current)| (FtId::new(account, id), current)).collect())
}

/// Puts loose transactions onto bills, by COPY.
pub fn sweep(tx: &mut Tx<'_>, swept: &[(FtId, BillId)]) -> Result<()> {
    #[derive(Insertable)]
    #[diesel(table_name = swept_fts, treat_none_as_default_value = false)]
    struct Row {
        account_id: AccountId,
        ft_id: i64,
        bill_id: i64,
    }
    let rows: Vec<Row> =
        swept.iter().map(|(ft, bill)| Row { account_id: ft.owner, ft_id: ft.n, bill_id: bill.n }).collect();
    if !rows.is_empty() {
        diesel::copy_from(swept_fts::table).from_insertable(rows).execute(tx.conn)?;
    }
    Ok(())
}

/// One transaction.
pub fn find(tx: &mut Tx<'_>, id: FtId) -> Result<Option<FtRow>> {
    Ok(fts::table.find((id.owner, id.n)).select(FtRow::as_select()).first(tx.conn).optional()?)
}

/// The transaction of this kind that records this segment, adjustment or payment.
pub fn find_by_source(
    tx: &mut Tx<'_>,
    account: AccountId,
    kind: FtKind,
    source_id: i64,
) -> Result<Option<FtRow>> {
    Ok(fts::table
        .filter(fts::account_id.eq(account).and(fts::kind.eq(kind)).and(fts::source_id.eq(source_id)))
        .select(FtRow::as_select())
        .first(tx.conn)
        .optional()?)
}

/// Current and payoff balance of accounts as their rows say.
pub fn balances(tx: &mut Tx<'_>, ids: &[AccountId]) -> Result<Vec<(AccountId, Money, Money)>> {
    Ok(accounts::table
        .filter(accounts::account_id.eq_any(ids))
        .select((accounts::account_id, accounts::current_minor, accounts::payoff_minor))
        .order(accounts::account_id)
        .load(tx.conn)?)
}

/// A transaction in an account's history.
#[derive(Debug, Clone, QueryableByName)]
pub struct HistoryRow {
    /// Whose.
    #[diesel(sql_type = BigInt)]
    pub account_id: AccountId,
    /// Row id.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// What it records.
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub kind: FtKind,
    /// Row number of the segment, adjustment or payment.
    #[diesel(sql_type = BigInt)]
    pub source_id: i64,
    /// The bill that it stands on, born or swept.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub bill_id: Option<i64>,
    /// What it added to the balance.
    #[diesel(sql_type = BigInt)]
    pub current_minor: Money,
    /// The balance after it.
    #[diesel(sql_type = BigInt)]
    pub balance_minor: Money,
    /// Which accounting period it falls into.
    #[diesel(sql_type = diesel::sql_types::Date)]
    pub accounting_on: Date,
    /// The day it is about.
    #[diesel(sql_type = diesel::sql_types::Date)]
    pub effective_on: Date,
    /// When it was posted.
    #[diesel(sql_type = Timestamptz)]
    pub posted_at: OffsetDateTime,
}

/// The history of an account, newest first, each row with the balance after it.
pub fn history(
    tx: &mut Tx<'_>,
    account: AccountId,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<HistoryRow>> {
    let (nanos, id) = after.map(Cursor::two::<i128, i64>).transpose()?.unzip();
    let posted_at =
        nanos.map(OffsetDateTime::from_unix_timestamp_nanos).transpose().map_err(|_| BadCursor)?;
    let rows: Vec<HistoryRow> = diesel::sql_query(
        "SELECT h.* FROM (\
           SELECT f.account_id, f.id, f.kind, f.source_id, coalesce(f.born_on_bill_id, s.bill_id) AS bill_id, \
                  f.current_minor, f.accounting_on, f.effective_on, f.posted_at, \
                  (sum(f.current_minor) OVER (ORDER BY f.posted_at, f.id))::bigint AS balance_minor \
           FROM fts f LEFT JOIN swept_fts s ON s.account_id = f.account_id AND s.ft_id = f.id \
           WHERE f.account_id = $1) h \
         WHERE $2 IS NULL OR (h.posted_at, h.id) < ($2, $3) \
         ORDER BY h.posted_at DESC, h.id DESC LIMIT $4",
    )
    .bind::<BigInt, _>(account)
    .bind::<Nullable<Timestamptz>, _>(posted_at)
    .bind::<Nullable<BigInt>, _>(id)
    .bind::<BigInt, _>(limit + 1)
    .load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row| {
        Cursor::new([row.posted_at.unix_timestamp_nanos(), i128::from(row.id)])
    }))
}
