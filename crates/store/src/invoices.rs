//! Invoice runs, invoices and messages: what was rendered and what was said.

use crate::schema::{accounts, bills, invoice_runs, invoices, messages, operations};
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text};
use time::OffsetDateTime;
use vocab::{
    AccountId, AccountNumber, BillId, BillState, Channel, DeliveryState, InvoiceRunId, Language, MessageKind,
    Money, OperationId, OperationState, PersonId, RunId, SiteId, WindowId,
};

/// One batch of invoices.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = invoice_runs, treat_none_as_default_value = false)]
pub struct InvoiceRun {
    /// Row id.
    pub id: InvoiceRunId,
    /// The window whose bills it renders; none for bills that were chosen.
    pub window_id: Option<WindowId>,
    /// Only bills of this run.
    pub bill_run_id: Option<RunId>,
    /// The work, with its progress.
    pub operation_id: OperationId,
    /// Opaque id of who started it.
    pub created_by: String,
    /// Business time.
    pub created_at: OffsetDateTime,
}

/// The rendered document of a bill for one recipient and channel. Its existence freezes the
/// account in the bill's window.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = invoices)]
pub struct Invoice {
    /// Whose.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
    /// Of which bill.
    pub bill_id: i64,
    /// The run that rendered it.
    pub invoice_run_id: InvoiceRunId,
    /// For whom.
    pub person_id: PersonId,
    /// The way it goes.
    pub channel: Channel,
    /// Its language.
    pub language: Language,
    /// Where the PDF is kept.
    pub document_key: String,
    /// Digest of the PDF.
    pub sha256: Vec<u8>,
    /// Size of the PDF.
    pub bytes: i64,
    /// Pages.
    pub pages: i32,
    /// Business time.
    pub created_at: OffsetDateTime,
}

/// Something said to a person.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = messages, treat_none_as_default_value = false)]
pub struct Message {
    /// Whose.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
    /// To whom.
    pub person_id: Option<PersonId>,
    /// What it is about.
    pub kind: MessageKind,
    /// Its language.
    pub language: Language,
    /// The subject.
    pub subject: String,
    /// The plain-text body.
    pub body_text: String,
    /// The HTML body.
    pub body_html: String,
    /// Business time.
    pub created_at: OffsetDateTime,
}

/// An invoice with what its file in an archive is named by.
#[derive(Debug, Clone, QueryableByName)]
pub struct Filed {
    /// Whose.
    #[diesel(sql_type = BigInt)]
    pub account_id: AccountId,
    /// The invoice.
    #[diesel(sql_type = BigInt)]
    pub invoice_id: i64,
    /// The account's number.
    #[diesel(sql_type = BigInt)]
    pub account_number: AccountNumber,
    /// The bill's number.
    #[diesel(sql_type = BigInt)]
    pub bill_number: i64,
    /// The bill's ending balance.
    #[diesel(sql_type = BigInt)]
    pub ending_minor: Money,
    /// The way it goes.
    #[diesel(sql_type = Text)]
    pub channel: Channel,
    /// Where the PDF is kept.
    #[diesel(sql_type = Text)]
    pub document_key: String,
    /// Pages.
    #[diesel(sql_type = Integer)]
    pub pages: i32,
    /// The address of its delivery: lines of a letter, or an e-mail address.
    #[diesel(sql_type = Nullable<Text>)]
    pub address: Option<String>,
}

/// How far the invoices of a run are, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, QueryableByName)]
pub struct Counts {
    /// For e-mail.
    #[diesel(sql_type = BigInt)]
    pub email: i64,
    /// On paper.
    #[diesel(sql_type = BigInt)]
    pub postal: i64,
    /// Pages of all of them.
    #[diesel(sql_type = BigInt)]
    pub pages: i64,
    /// Bytes of all of them.
    #[diesel(sql_type = BigInt)]
    pub bytes: i64,
}

/// Which invoices a list shows.
#[derive(Debug, Clone, Default)]
pub struct InvoiceFilter {
    /// Only these sites.
    pub sites: Option<Vec<SiteId>>,
    /// Only of this run.
    pub invoice_run: Option<InvoiceRunId>,
    /// Only for this way.
    pub channel: Option<Channel>,
}

/// Files an invoice run.
pub fn insert_run(tx: &mut Tx<'_>, row: &InvoiceRun) -> Result<()> {
    diesel::insert_into(invoice_runs::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// One invoice run.
pub fn run(tx: &mut Tx<'_>, id: InvoiceRunId) -> Result<Option<InvoiceRun>> {
    Ok(invoice_runs::table
        .filter(invoice_runs::id.eq(id))
        .select(InvoiceRun::as_select())
        .first(tx.conn)
        .optional()?)
}

/// Invoice runs, newest first, all or of one window.
pub fn runs(
    tx: &mut Tx<'_>,
    window: Option<WindowId>,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<InvoiceRun>> {
    let mut query = invoice_runs::table.select(InvoiceRun::as_select()).into_boxed();
    if let Some(window) = window {
        query = query.filter(invoice_runs::window_id.eq(window));
    }
    if let Some(id) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(invoice_runs::id.lt(InvoiceRunId(id)));
    }
    let rows = query.order(invoice_runs::id.desc()).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &InvoiceRun| Cursor::new([row.id.0])))
}

#[derive(QueryableByName)]
struct Wanted {
    #[diesel(sql_type = BigInt)]
    account_id: i64,
}

#[derive(QueryableByName)]
struct BillRunOf {
    #[diesel(sql_type = BigInt)]
    run_id: RunId,
}

/// How many copies a bill is to have, and has.
#[derive(Debug, Clone, QueryableByName)]
pub struct Copies {
    /// Whose.
    #[diesel(sql_type = BigInt)]
    pub account_id: AccountId,
    /// The bill.
    #[diesel(sql_type = BigInt)]
    pub bill_id: i64,
    /// The account's site.
    #[diesel(sql_type = BigInt)]
    pub site_id: SiteId,
    /// The bill's life.
    #[diesel(sql_type = Text)]
    pub state: BillState,
    /// Copies that are to go out.
    #[diesel(sql_type = BigInt)]
    pub wanted: i64,
    /// Copies that have an invoice.
    #[diesel(sql_type = BigInt)]
    pub made: i64,
}

/// The copies of these bills, by account and bill; bills that do not exist are left out.
pub fn copies(tx: &mut Tx<'_>, ids: &[BillId]) -> Result<Vec<Copies>> {
    let accounts: Vec<i64> = ids.iter().map(|id| id.owner.0).collect();
    let bills: Vec<i64> = ids.iter().map(|id| id.n).collect();
    Ok(diesel::sql_query(
        "SELECT b.account_id, b.id AS bill_id, a.site_id, b.state, \
                jsonb_array_length(b.routings)::bigint AS wanted, \
                (SELECT count(*) FROM invoices i WHERE i.account_id = b.account_id AND i.bill_id = b.id) AS made \
         FROM (SELECT DISTINCT * FROM UNNEST($1, $2) AS of (account_id, id)) AS of \
         JOIN bills b ON b.account_id = of.account_id AND b.id = of.id \
         JOIN accounts a ON a.account_id = b.account_id \
         ORDER BY b.account_id, b.id",
    )
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<Array<BigInt>, _>(bills)
    .load(tx.conn)?)
}

/// Completed bills of a window, a run and sites for which a routing has no invoice yet.
const WITHOUT: &str = "FROM bills b JOIN accounts a ON a.account_id = b.account_id \
     WHERE b.window_id = $1 AND b.state = 'complete' AND ($2::bigint IS NULL OR b.run_id = $2) \
       AND ($3::bigint[] IS NULL OR a.site_id = ANY($3)) \
       AND jsonb_array_length(b.routings) > \
           (SELECT count(*) FROM invoices i WHERE i.account_id = b.account_id AND i.bill_id = b.id)";

/// Accounts with a completed bill of the window for which a routing has no invoice yet.
pub fn accounts_without(
    tx: &mut Tx<'_>,
    window: WindowId,
    bill_run: Option<RunId>,
    sites: Option<&[SiteId]>,
) -> Result<Vec<i64>> {
    let sites: Option<Vec<i64>> = sites.map(|sites| sites.iter().map(|site| site.0).collect());
    let rows: Vec<Wanted> = diesel::sql_query(format!("SELECT b.account_id {WITHOUT} ORDER BY b.account_id"))
        .bind::<BigInt, _>(window.0)
        .bind::<Nullable<BigInt>, _>(bill_run.map(|run| run.0))
        .bind::<Nullable<Array<BigInt>>, _>(sites)
        .load(tx.conn)?;
    Ok(rows.into_iter().map(|row| row.account_id).collect())
}

/// Bill runs with a completed bill of the window for which a routing has no invoice yet.
pub fn bill_runs_without(
    tx: &mut Tx<'_>,
    window: WindowId,
    bill_run: Option<RunId>,
    sites: Option<&[SiteId]>,
) -> Result<Vec<RunId>> {
    let sites: Option<Vec<i64>> = sites.map(|sites| sites.iter().map(|site| site.0).collect());
    let rows: Vec<BillRunOf> =
        diesel::sql_query(format!("SELECT DISTINCT b.run_id {WITHOUT} AND b.run_id IS NOT NULL"))
            .bind::<BigInt, _>(window.0)
            .bind::<Nullable<BigInt>, _>(bill_run.map(|run| run.0))
            .bind::<Nullable<Array<BigInt>>, _>(sites)
            .load(tx.conn)?;
    Ok(rows.into_iter().map(|row| row.run_id).collect())
}

/// Work of an invoice run that has not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable)]
pub struct OpenWork {
    /// Only bills of this run; of the whole window when absent.
    pub bill_run: Option<RunId>,
    /// The work.
    pub operation: OperationId,
    /// Its life.
    pub state: OperationState,
}

/// The unfinished invoice work of a window, oldest first.
pub fn open_work(tx: &mut Tx<'_>, window: WindowId) -> Result<Vec<OpenWork>> {
    use OperationState::{Failed, Paused, Queued, Running};
    Ok(invoice_runs::table
        .inner_join(operations::table.on(operations::id.eq(invoice_runs::operation_id)))
        .filter(invoice_runs::window_id.eq(window))
        .filter(operations::state.eq_any([Queued, Running, Paused, Failed]))
        .select((invoice_runs::bill_run_id, operations::id, operations::state))
        .order(operations::id)
        .load(tx.conn)?)
}

/// Inserts invoices; answers the ids of those that were not there yet.
pub fn insert(tx: &mut Tx<'_>, rows: &[Invoice]) -> Result<Vec<i64>> {
    Ok(diesel::insert_into(invoices::table)
        .values(rows)
        .on_conflict((invoices::account_id, invoices::bill_id, invoices::person_id, invoices::channel))
        .do_nothing()
        .returning(invoices::id)
        .get_results(tx.conn)?)
}

/// Inserts messages.
pub fn insert_messages(tx: &mut Tx<'_>, rows: &[Message]) -> Result<()> {
    diesel::insert_into(messages::table).values(rows).execute(tx.conn)?;
    Ok(())
}

/// One message.
pub fn message(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<Option<Message>> {
    Ok(messages::table
        .filter(messages::account_id.eq(account).and(messages::id.eq(id)))
        .select(Message::as_select())
        .first(tx.conn)
        .optional()?)
}

/// One invoice.
pub fn find(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<Option<Invoice>> {
    Ok(invoices::table
        .filter(invoices::account_id.eq(account).and(invoices::id.eq(id)))
        .select(Invoice::as_select())
        .first(tx.conn)
        .optional()?)
}

/// The invoices of these bills.
pub fn of_bills(tx: &mut Tx<'_>, ids: &[(AccountId, i64)]) -> Result<Vec<Invoice>> {
    let (accounts, bills): (Vec<AccountId>, Vec<i64>) = ids.iter().copied().unzip();
    Ok(invoices::table
        .filter(invoices::account_id.eq_any(accounts).and(invoices::bill_id.eq_any(bills)))
        .select(Invoice::as_select())
        .order((invoices::account_id, invoices::id))
        .load(tx.conn)?)
}

/// A list of invoices, by account.
pub fn list(
    tx: &mut Tx<'_>,
    filter: &InvoiceFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<Invoice>> {
    let mut query = invoices::table
        .inner_join(accounts::table.on(accounts::account_id.eq(invoices::account_id)))
        .select(Invoice::as_select())
        .into_boxed();
    if let Some(sites) = &filter.sites {
        query = query.filter(accounts::site_id.eq_any(sites));
    }
    if let Some(run) = filter.invoice_run {
        query = query.filter(invoices::invoice_run_id.eq(run));
    }
    if let Some(channel) = filter.channel {
        query = query.filter(invoices::channel.eq(channel));
    }
    if let Some((account, id)) = after.map(Cursor::two::<i64, i64>).transpose()? {
        let account = AccountId(account);
        query = query.filter(
            invoices::account_id.gt(account).or(invoices::account_id.eq(account).and(invoices::id.gt(id))),
        );
    }
    let rows = query.order((invoices::account_id, invoices::id)).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &Invoice| Cursor::new([row.account_id.0, row.id])))
}

/// How many invoices a run has made.
pub fn counts(tx: &mut Tx<'_>, run: InvoiceRunId) -> Result<Counts> {
    Ok(diesel::sql_query(
        "SELECT count(*) FILTER (WHERE channel = 'email') AS email, \
                count(*) FILTER (WHERE channel = 'postal') AS postal, \
                coalesce(sum(pages), 0)::bigint AS pages, coalesce(sum(bytes), 0)::bigint AS bytes \
         FROM invoices WHERE invoice_run_id = $1",
    )
    .bind::<BigInt, _>(run.0)
    .get_result(tx.conn)?)
}

/// The next invoices of a run for an archive, after an account and invoice, by account; of the letters only
/// those in a state, when one is given.
pub fn filed(
    tx: &mut Tx<'_>,
    run: InvoiceRunId,
    sites: Option<&[SiteId]>,
    letters: Option<DeliveryState>,
    after: (i64, i64),
    limit: i64,
) -> Result<Vec<Filed>> {
    let sites: Option<Vec<i64>> = sites.map(|sites| sites.iter().map(|site| site.0).collect());
    Ok(diesel::sql_query(
        "SELECT i.account_id, i.id AS invoice_id, a.number AS account_number, b.number AS bill_number, \
                b.ending_minor, i.channel, i.document_key, i.pages, \
                (SELECT d.address FROM deliveries d WHERE d.account_id = i.account_id AND d.invoice_id = i.id \
                 ORDER BY d.id LIMIT 1) AS address \
         FROM invoices i \
         JOIN accounts a ON a.account_id = i.account_id \
         JOIN bills b ON b.account_id = i.account_id AND b.id = i.bill_id \
         WHERE i.invoice_run_id = $1 AND ($2::bigint[] IS NULL OR a.site_id = ANY($2)) \
           AND ($6::text IS NULL OR EXISTS (\
             SELECT 1 FROM deliveries d WHERE d.account_id = i.account_id AND d.invoice_id = i.id \
               AND d.channel = 'postal' AND d.state = $6)) \
           AND (i.account_id, i.id) > ($3, $4) \
         ORDER BY i.account_id, i.id LIMIT $5",
    )
    .bind::<BigInt, _>(run.0)
    .bind::<Nullable<Array<BigInt>>, _>(sites)
    .bind::<BigInt, _>(after.0)
    .bind::<BigInt, _>(after.1)
    .bind::<BigInt, _>(limit)
    .bind::<Nullable<Text>, _>(letters)
    .load(tx.conn)?)
}

/// The number of a bill.
pub fn bill_number(tx: &mut Tx<'_>, account: AccountId, bill: i64) -> Result<Option<i64>> {
    Ok(bills::table
        .filter(bills::account_id.eq(account).and(bills::id.eq(bill)))
        .select(bills::number)
        .first(tx.conn)
        .optional()?)
}
