//! Deliveries: one sending of an invoice or message to one address.

use crate::schema::{accounts, bills, deliveries, invoices};
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz};
use time::OffsetDateTime;
use vocab::{AccountId, AccountNumber, Channel, DeliveryState, InvoiceRunId, Money, SiteId, WindowId};

/// A delivery.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = deliveries, treat_none_as_default_value = false)]
pub struct Delivery {
    /// Whose.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
    /// The invoice that goes.
    pub invoice_id: Option<i64>,
    /// The message that goes.
    pub message_id: Option<i64>,
    /// The bill that it is about.
    pub bill_id: Option<i64>,
    /// The way it goes.
    pub channel: Channel,
    /// An e-mail address, or the lines of a letter.
    pub address: String,
    /// Life.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i16,
    /// The other side's last words, or what is being done.
    pub reason: Option<String>,
    /// Opaque id of who let it go.
    pub approved_by: Option<String>,
    /// Business time of the last change of state.
    pub state_at: OffsetDateTime,
    /// Goes up by one with every change.
    pub version: i64,
}

/// A delivery with its account as of now.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The delivery.
    pub delivery: Delivery,
    /// The account's number.
    pub account_number: AccountNumber,
    /// The account's balance as of now.
    pub balance: Money,
}

/// Which deliveries are meant.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// Only these sites.
    pub sites: Option<Vec<SiteId>>,
    /// Only of this account.
    pub account: Option<AccountId>,
    /// Only in this state.
    pub state: Option<DeliveryState>,
    /// Only for this way.
    pub channel: Option<Channel>,
    /// Only invoices of this run.
    pub invoice_run: Option<InvoiceRunId>,
    /// Only bills of this window.
    pub window: Option<WindowId>,
}

/// Inserts deliveries.
pub fn insert(tx: &mut Tx<'_>, rows: &[Delivery]) -> Result<()> {
    diesel::insert_into(deliveries::table).values(rows).execute(tx.conn)?;
    Ok(())
}

/// One delivery.
pub fn find(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<Option<Delivery>> {
    Ok(deliveries::table
        .filter(deliveries::account_id.eq(account).and(deliveries::id.eq(id)))
        .select(Delivery::as_select())
        .first(tx.conn)
        .optional()?)
}

/// One delivery, locked against others who would change its state.
pub fn lock(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<Option<Delivery>> {
    Ok(deliveries::table
        .filter(deliveries::account_id.eq(account).and(deliveries::id.eq(id)))
        .select(Delivery::as_select())
        .for_no_key_update()
        .first(tx.conn)
        .optional()?)
}

/// A list of deliveries, by account.
pub fn list(
    tx: &mut Tx<'_>,
    filter: &DeliveryFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<Listed>> {
    let mut query = deliveries::table
        .inner_join(accounts::table.on(accounts::account_id.eq(deliveries::account_id)))
        .left_join(
            invoices::table.on(invoices::account_id
                .eq(deliveries::account_id)
                .and(invoices::id.nullable().eq(deliveries::invoice_id))),
        )
        .left_join(bills::table.on(
            bills::account_id.eq(deliveries::account_id).and(bills::id.nullable().eq(deliveries::bill_id)),
        ))
        .select((Delivery::as_select(), accounts::number, accounts::current_minor))
        .into_boxed();
    if let Some(sites) = &filter.sites {
        query = query.filter(accounts::site_id.eq_any(sites));
    }
    if let Some(account) = filter.account {
        query = query.filter(deliveries::account_id.eq(account));
    }
    if let Some(state) = filter.state {
        query = query.filter(deliveries::state.eq(state));
    }
    if let Some(channel) = filter.channel {
        query = query.filter(deliveries::channel.eq(channel));
    }
    if let Some(run) = filter.invoice_run {
        query = query.filter(invoices::invoice_run_id.eq(run));
    }
    if let Some(window) = filter.window {
        query = query.filter(bills::window_id.eq(window));
    }
    if let Some((account, id)) = after.map(Cursor::two::<i64, i64>).transpose()? {
        let account = AccountId(account);
        query = query.filter(
            deliveries::account_id
                .gt(account)
                .or(deliveries::account_id.eq(account).and(deliveries::id.gt(id))),
        );
    }
    let rows: Vec<(Delivery, AccountNumber, Money)> =
        query.order((deliveries::account_id, deliveries::id)).limit(limit + 1).load(tx.conn)?;
    let rows = rows
        .into_iter()
        .map(|(delivery, account_number, balance)| Listed { delivery, account_number, balance })
        .collect();
    Ok(Page::from_rows(rows, limit, |row: &Listed| Cursor::new([row.delivery.account_id.0, row.delivery.id])))
}

/// A change of state.
#[derive(Debug, Clone)]
pub struct Step<'a> {
    /// The state it must be in.
    pub from: DeliveryState,
    /// The state it gets.
    pub to: DeliveryState,
    /// The other side's words, or what is being done.
    pub reason: Option<&'a str>,
    /// Who lets it go; kept as it is when absent.
    pub approved_by: Option<&'a str>,
    /// Where it goes now; kept as it is when absent.
    pub address: Option<&'a str>,
    /// Business time.
    pub at: OffsetDateTime,
}

/// Moves a delivery on; `false` when it is not in the state stated.
pub fn step(tx: &mut Tx<'_>, account: AccountId, id: i64, step: &Step<'_>) -> Result<bool> {
    let changed = diesel::sql_query(
        "UPDATE deliveries SET state = $4, reason = $5, approved_by = coalesce($6, approved_by), state_at = $7, \
                address = coalesce($8, address), \
                attempts = attempts + CASE WHEN $4 = 'sending' THEN 1 ELSE 0 END, version = version + 1 \
         WHERE account_id = $1 AND id = $2 AND state = $3",
    )
    .bind::<BigInt, _>(account.0)
    .bind::<BigInt, _>(id)
    .bind::<Text, _>(step.from)
    .bind::<Text, _>(step.to)
    .bind::<Nullable<Text>, _>(step.reason)
    .bind::<Nullable<Text>, _>(step.approved_by)
    .bind::<Timestamptz, _>(step.at)
    .bind::<Nullable<Text>, _>(step.address)
    .execute(tx.conn)?;
    Ok(changed == 1)
}

#[derive(QueryableByName)]
struct Moved {
    #[diesel(sql_type = BigInt)]
    account_id: i64,
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// Moves all deliveries of a run's invoices on that are in the state stated; answers which.
pub fn step_run(
    tx: &mut Tx<'_>,
    run: InvoiceRunId,
    channel: Option<Channel>,
    sites: Option<&[SiteId]>,
    step: &Step<'_>,
) -> Result<Vec<(AccountId, i64)>> {
    let sites: Option<Vec<i64>> = sites.map(|sites| sites.iter().map(|site| site.0).collect());
    let rows: Vec<Moved> = diesel::sql_query(
        "UPDATE deliveries d SET state = $5, reason = $6, approved_by = coalesce($7, d.approved_by), state_at = $8, \
                attempts = d.attempts + CASE WHEN $5 IN ('sending', 'sent') THEN 1 ELSE 0 END, version = d.version + 1 \
         FROM invoices i, accounts a \
         WHERE i.invoice_run_id = $1 AND ($2::text IS NULL OR d.channel = $2) \
           AND ($3::bigint[] IS NULL OR a.site_id = ANY($3)) AND d.state = $4 \
           AND d.account_id = i.account_id AND d.invoice_id = i.id AND a.account_id = i.account_id \
         RETURNING d.account_id, d.id",
    )
    .bind::<BigInt, _>(run.0)
    .bind::<Nullable<Text>, _>(channel)
    .bind::<Nullable<Array<BigInt>>, _>(sites)
    .bind::<Text, _>(step.from)
    .bind::<Text, _>(step.to)
    .bind::<Nullable<Text>, _>(step.reason)
    .bind::<Nullable<Text>, _>(step.approved_by)
    .bind::<Timestamptz, _>(step.at)
    .load(tx.conn)?;
    Ok(rows.into_iter().map(|row| (AccountId(row.account_id), row.id)).collect())
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// How many deliveries of a run's invoices are in a state.
pub fn count_run(
    tx: &mut Tx<'_>,
    run: InvoiceRunId,
    channel: Channel,
    state: DeliveryState,
    sites: Option<&[SiteId]>,
) -> Result<i64> {
    let sites: Option<Vec<i64>> = sites.map(|sites| sites.iter().map(|site| site.0).collect());
    let row: Number = diesel::sql_query(
        "SELECT count(*) AS number FROM deliveries d \
         JOIN invoices i ON i.account_id = d.account_id AND i.id = d.invoice_id \
         JOIN accounts a ON a.account_id = d.account_id \
         WHERE i.invoice_run_id = $1 AND d.channel = $2 AND d.state = $3 \
           AND ($4::bigint[] IS NULL OR a.site_id = ANY($4))",
    )
    .bind::<BigInt, _>(run.0)
    .bind::<Text, _>(channel)
    .bind::<Text, _>(state)
    .bind::<Nullable<Array<BigInt>>, _>(sites)
    .get_result(tx.conn)?;
    Ok(row.number)
}

/// Accounts with approved e-mail deliveries, all or of one invoice run.
pub fn accounts_to_send(
    tx: &mut Tx<'_>,
    run: Option<InvoiceRunId>,
    sites: Option<&[SiteId]>,
) -> Result<Vec<i64>> {
    let sites: Option<Vec<i64>> = sites.map(|sites| sites.iter().map(|site| site.0).collect());
    let rows: Vec<Number> = diesel::sql_query(
        "SELECT DISTINCT d.account_id AS number FROM deliveries d \
         JOIN accounts a ON a.account_id = d.account_id \
         LEFT JOIN invoices i ON i.account_id = d.account_id AND i.id = d.invoice_id \
         WHERE d.state = 'approved' AND d.channel = 'email' \
           AND ($1::bigint IS NULL OR i.invoice_run_id = $1) AND ($2::bigint[] IS NULL OR a.site_id = ANY($2)) \
         ORDER BY d.account_id",
    )
    .bind::<Nullable<BigInt>, _>(run.map(|run| run.0))
    .bind::<Nullable<Array<BigInt>>, _>(sites)
    .load(tx.conn)?;
    Ok(rows.into_iter().map(|row| row.number).collect())
}

/// E-mail deliveries of these accounts in a state, all or of one invoice run.
pub fn to_send(
    tx: &mut Tx<'_>,
    accounts: &[AccountId],
    run: Option<InvoiceRunId>,
    state: DeliveryState,
) -> Result<Vec<Delivery>> {
    let mut query = deliveries::table
        .left_join(
            invoices::table.on(invoices::account_id
                .eq(deliveries::account_id)
                .and(invoices::id.nullable().eq(deliveries::invoice_id))),
        )
        .filter(deliveries::account_id.eq_any(accounts.to_vec()))
        .filter(deliveries::state.eq(state).and(deliveries::channel.eq(Channel::Email)))
        .select(Delivery::as_select())
        .into_boxed();
    if let Some(run) = run {
        query = query.filter(invoices::invoice_run_id.eq(run));
    }
    Ok(query.order((deliveries::account_id, deliveries::id)).load(tx.conn)?)
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}

/// Whether the account has an invoice in the window, which freezes it there.
pub fn is_frozen(tx: &mut Tx<'_>, account: AccountId, window: WindowId) -> Result<bool> {
    let row: Answer = diesel::sql_query(
        "SELECT EXISTS (SELECT 1 FROM invoices i JOIN bills b ON b.account_id = i.account_id AND b.id = i.bill_id \
         WHERE i.account_id = $1 AND b.window_id = $2) AS answer",
    )
    .bind::<BigInt, _>(account.0)
    .bind::<BigInt, _>(window.0)
    .get_result(tx.conn)?;
    Ok(row.answer)
}
