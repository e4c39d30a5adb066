//! Money received: tenders, payments, suspense.

use crate::schema::{accounts, payment_references, payments, tenders};
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use time::{Date, OffsetDateTime};
use vocab::dates::civil;
use vocab::{AccountId, Money, PaymentId, PaymentState, SiteId, TenderId, TenderKind};

/// Money received in one piece.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = tenders, treat_none_as_default_value = false)]
pub struct Tender {
    /// Row id.
    pub id: TenderId,
    /// How it came.
    pub kind: TenderKind,
    /// How much.
    pub amount_minor: Money,
    /// What no account has taken yet.
    pub suspense_minor: Money,
    /// When it came.
    pub received_on: Date,
    /// What the payer or the bank calls it: a check number.
    pub reference: Option<String>,
    /// The gateway that collected it.
    pub gateway: Option<String>,
    /// The gateway's name of the charge: one charge is one tender.
    pub gateway_reference: Option<String>,
    /// The account that the payer named, when there is none such.
    pub stated_account: Option<String>,
    /// The client's own name for it, unique for ever.
    pub client_reference: Option<String>,
    /// Opaque id of who took it.
    pub created_by: String,
    /// Business time.
    pub created_at: OffsetDateTime,
}

/// An account's share of a tender.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = payments, treat_none_as_default_value = false)]
pub struct Payment {
    /// Whose.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
    /// Of which tender.
    pub tender_id: TenderId,
    /// Life.
    pub state: PaymentState,
    /// How much.
    pub amount_minor: Money,
    /// When it came.
    pub received_on: Date,
    /// Why it was reversed.
    pub reversal_reason: Option<String>,
    /// The client's own name for it, unique for ever.
    pub client_reference: Option<String>,
    /// Opaque id of who took it.
    pub created_by: String,
    /// Business time.
    pub created_at: OffsetDateTime,
    /// Goes up by one with every change.
    pub version: i64,
}

/// Which payments a list shows.
#[derive(Debug, Clone, Default)]
pub struct PaymentFilter {
    /// Only accounts of these sites.
    pub sites: Option<Vec<SiteId>>,
    /// Only this account.
    pub account: Option<AccountId>,
    /// Only received on or after.
    pub received_from: Option<Date>,
    /// Only received on or before.
    pub received_to: Option<Date>,
}

/// Writes a tender.
pub fn insert_tender(tx: &mut Tx<'_>, row: &Tender) -> Result<()> {
    diesel::insert_into(tenders::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// One tender.
pub fn tender(tx: &mut Tx<'_>, id: TenderId) -> Result<Option<Tender>> {
    Ok(tenders::table.filter(tenders::id.eq(id)).select(Tender::as_select()).first(tx.conn).optional()?)
}

/// The tender with this client reference.
pub fn tender_by_reference(tx: &mut Tx<'_>, reference: &str) -> Result<Option<TenderId>> {
    Ok(tenders::table
        .filter(tenders::client_reference.eq(reference))
        .select(tenders::id)
        .first(tx.conn)
        .optional()?)
}

/// The tender of a gateway's charge.
pub fn tender_by_gateway(tx: &mut Tx<'_>, gateway: &str, reference: &str) -> Result<Option<Tender>> {
    Ok(tenders::table
        .filter(tenders::gateway.eq(gateway).and(tenders::gateway_reference.eq(reference)))
        .select(Tender::as_select())
        .first(tx.conn)
        .optional()?)
}

/// Tenders of which something waits in suspense, newest first.
pub fn suspense(tx: &mut Tx<'_>, after: Option<&Cursor>, limit: i64) -> Result<Page<Tender>> {
    let mut query = tenders::table
        .filter(tenders::suspense_minor.gt(Money::ZERO))
        .select(Tender::as_select())
        .into_boxed();
    if let Some(last) = after.and_then(|cursor| cursor.get::<i64>(0).ok()) {
        query = query.filter(tenders::id.lt(TenderId(last)));
    }
    let rows = query.order(tenders::id.desc()).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row| Cursor::new([row.id.0])))
}

/// Takes money out of suspense when that much is there; `false` otherwise.
pub fn take_suspense(tx: &mut Tx<'_>, id: TenderId, amount: Money) -> Result<bool> {
    let enough = tenders::table.filter(tenders::id.eq(id).and(tenders::suspense_minor.ge(amount)));
    let changed = diesel::update(enough)
        .set(tenders::suspense_minor.eq(tenders::suspense_minor - amount))
        .execute(tx.conn)?;
    Ok(changed == 1)
}

/// Puts money back into suspense.
pub fn return_to_suspense(tx: &mut Tx<'_>, id: TenderId, amount: Money) -> Result<()> {
    diesel::update(tenders::table.filter(tenders::id.eq(id)))
        .set(tenders::suspense_minor.eq(tenders::suspense_minor + amount))
        .execute(tx.conn)?;
    Ok(())
}

/// Writes a payment, and its client reference into the directory.
pub fn insert(tx: &mut Tx<'_>, row: &Payment) -> Result<()> {
    if let Some(reference) = &row.client_reference {
        diesel::insert_into(payment_references::table)
            .values((
                payment_references::reference.eq(reference),
                payment_references::account_id.eq(row.account_id.0),
                payment_references::payment_id.eq(row.id),
            ))
            .execute(tx.conn)?;
    }
    diesel::insert_into(payments::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// The payment with this client reference.
pub fn id_by_reference(tx: &mut Tx<'_>, reference: &str) -> Result<Option<PaymentId>> {
    let row: Option<(i64, i64)> = payment_references::table
        .find(reference)
        .select((payment_references::account_id, payment_references::payment_id))
        .first(tx.conn)
        .optional()?;
    Ok(row.map(|(account, id)| PaymentId::new(AccountId(account), id)))
}

/// One payment.
pub fn find(tx: &mut Tx<'_>, id: PaymentId) -> Result<Option<Payment>> {
    Ok(payments::table.find((id.owner, id.n)).select(Payment::as_select()).first(tx.conn).optional()?)
}

/// The payments of a tender.
pub fn of_tender(tx: &mut Tx<'_>, id: TenderId) -> Result<Vec<Payment>> {
    Ok(payments::table
        .filter(payments::tender_id.eq(id))
        .select(Payment::as_select())
        .order((payments::account_id, payments::id))
        .load(tx.conn)?)
}

/// A list of payments with their tenders, newest day first.
pub fn list(
    tx: &mut Tx<'_>,
    filter: &PaymentFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<(Payment, Tender)>> {
    let mut query = payments::table
        .inner_join(tenders::table.on(tenders::id.eq(payments::tender_id)))
        .inner_join(accounts::table.on(accounts::account_id.eq(payments::account_id)))
        .select((Payment::as_select(), Tender::as_select()))
        .into_boxed();
    if let Some(sites) = &filter.sites {
        query = query.filter(accounts::site_id.eq_any(sites));
    }
    if let Some(account) = filter.account {
        query = query.filter(payments::account_id.eq(account));
    }
    if let Some(from) = filter.received_from {
        query = query.filter(payments::received_on.ge(from));
    }
    if let Some(to) = filter.received_to {
        query = query.filter(payments::received_on.le(to));
    }
    let place = after
        .and_then(|cursor| Some((civil::parse(&cursor.get::<String>(0).ok()?)?, cursor.get::<i64>(1).ok()?)));
    if let Some((day, id)) = place {
        query = query
            .filter(payments::received_on.lt(day).or(payments::received_on.eq(day).and(payments::id.lt(id))));
    }
    let rows: Vec<(Payment, Tender)> =
        query.order((payments::received_on.desc(), payments::id.desc())).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |(row, _)| {
        Cursor::new([civil::format(row.received_on), row.id.to_string()])
    }))
}

/// Marks a payment reversed when it is still posted; `false` otherwise.
pub fn mark_reversed(tx: &mut Tx<'_>, id: PaymentId, version: i64, reason: &str) -> Result<bool> {
    let posted = payments::table
        .find((id.owner, id.n))
        .filter(payments::state.eq(PaymentState::Posted).and(payments::version.eq(version)));
    let changed = diesel::update(posted)
        .set((
            payments::state.eq(PaymentState::Reversed),
            payments::reversal_reason.eq(reason),
            payments::version.eq(version + 1),
        ))
        .execute(tx.conn)?;
    Ok(changed == 1)
}
