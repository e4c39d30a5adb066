//! Bills as they were posted: their rows, and what is read of them. Acceptance writes them
//! ([`crate::posting`]).

use crate::schema::{accounts, bill_directory, bills, segments};
use crate::{Cursor, JsonText, Page, Result, Tx};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Date as SqlDate, Json, Nullable, Text};
use serde_json::Value;
use time::{Date, OffsetDateTime};
use vocab::{
    AccountId, BillKind, BillState, ContractId, FtKind, Money, RateScheduleId, RunId, SegmentState, SiteId,
    WindowId,
};

/// A posted bill.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = bills, treat_none_as_default_value = false)]
pub struct Bill {
    /// Whose.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
    /// Its number.
    pub number: i64,
    /// The window it bills; none for off-cycle bills.
    pub window_id: Option<WindowId>,
    /// The run that made it.
    pub run_id: Option<RunId>,
    /// The bill before it.
    pub previous_bill_id: Option<i64>,
    /// Life.
    pub state: BillState,
    /// Its date.
    pub bill_on: Date,
    /// When it is due.
    pub due_on: Date,
    /// First charged day.
    pub period_first_on: Date,
    /// Last charged day.
    pub period_last_on: Date,
    /// Ending balance of the bill before it.
    pub previous_minor: Money,
    /// Sum of what was swept onto it.
    pub swept_minor: Money,
    /// Sum of its own transactions.
    pub new_minor: Money,
    /// Previous + swept + new.
    pub ending_minor: Money,
    /// To whom and where it goes: a list of `billing::Routing`.
    pub routings: JsonText,
    /// When it was completed.
    pub completed_at: OffsetDateTime,
    /// Goes up by one with every change.
    pub version: i64,
    /// Why there is a bill.
    pub kind: BillKind,
    /// When it was opened again last.
    pub reopened_at: Option<OffsetDateTime>,
    /// What is said on it: a list of `billing::PrintedMessage`; none when nothing is.
    pub messages: Option<JsonText>,
}

/// A posted segment.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = segments, treat_none_as_default_value = false)]
pub struct Segment {
    /// Whose.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
    /// The bill it stands on.
    pub bill_id: i64,
    /// The contract it bills.
    pub contract_id: i64,
    /// The rate.
    pub schedule_id: Option<RateScheduleId>,
    /// Life.
    pub state: SegmentState,
    /// First charged day.
    pub first_on: Date,
    /// Last charged day.
    pub last_on: Date,
    /// Sum of its lines.
    pub total_minor: Money,
    /// Whether an estimated read was used.
    pub estimated: bool,
    /// Its arithmetic: `billing::Calculation`.
    pub document: JsonText,
    /// The segment whose place it takes; it stands under that one's bill, and its transactions on a later one.
    pub rebills_id: Option<i64>,
    /// Reversed on its own bill while that was open again: no document has shown it.
    pub withdrawn: bool,
}

/// A transaction that a bill swept up, with the name of its kind of adjustment.
#[derive(Debug, Clone, QueryableByName)]
pub struct Swept {
    /// Whose.
    #[diesel(sql_type = BigInt)]
    pub account_id: AccountId,
    /// The bill it stands on.
    #[diesel(sql_type = BigInt)]
    pub bill_id: i64,
    /// The transaction.
    #[diesel(sql_type = BigInt)]
    pub ft_id: i64,
    /// What it records.
    #[diesel(sql_type = Text)]
    pub kind: FtKind,
    /// The row it comes from.
    #[diesel(sql_type = BigInt)]
    pub source_id: i64,
    /// What it added to the balance.
    #[diesel(sql_type = BigInt)]
    pub current_minor: Money,
    /// Its effective date.
    #[diesel(sql_type = SqlDate)]
    pub effective_on: Date,
    /// The kind of adjustment, for adjustments and their cancellations.
    #[diesel(sql_type = Nullable<Text>)]
    pub adjustment_code: Option<String>,
    /// Its name.
    #[diesel(sql_type = Nullable<Text>)]
    pub adjustment_name: Option<String>,
    /// The name of the contract's type, for corrections of segments.
    #[diesel(sql_type = Nullable<Text>)]
    pub service_name: Option<String>,
    /// First charged day of the segment, for corrections.
    #[diesel(sql_type = Nullable<SqlDate>)]
    pub segment_first_on: Option<Date>,
    /// Last charged day of the segment, for corrections.
    #[diesel(sql_type = Nullable<SqlDate>)]
    pub segment_last_on: Option<Date>,
}

/// What a row of [`Swept`] takes from adjustments and segments.
const SWEPT_NAMES: &str = "t.code AS adjustment_code, t.name AS adjustment_name, k.name AS service_name, \
     g.first_on AS segment_first_on, g.last_on AS segment_last_on";
const SWEPT_JOINS: &str = "\
     LEFT JOIN adjustments a ON a.account_id = f.account_id AND a.id = f.source_id \
          AND f.kind IN ('adjustment', 'adjustment_cancel') \
     LEFT JOIN adjustment_types t ON t.id = a.type_id \
     LEFT JOIN segments g ON g.account_id = f.account_id AND g.id = f.source_id \
          AND f.kind IN ('segment', 'segment_cancel') \
     LEFT JOIN contracts c ON c.account_id = g.account_id AND c.id = g.contract_id \
     LEFT JOIN contract_types k ON k.id = c.contract_type_id";

/// What a contract used in a charged period, for charts.
#[derive(Debug, Clone, QueryableByName)]
pub struct PastUsage {
    /// Whose.
    #[diesel(sql_type = BigInt)]
    pub account_id: AccountId,
    /// The contract.
    #[diesel(sql_type = BigInt)]
    pub contract_id: i64,
    /// First charged day.
    #[diesel(sql_type = SqlDate)]
    pub first_on: Date,
    /// Last charged day.
    #[diesel(sql_type = SqlDate)]
    pub last_on: Date,
    /// Whether it was estimated.
    #[diesel(sql_type = Bool)]
    pub estimated: bool,
    /// The reads of its calculation: a list of `metering::ReadUsed`.
    #[diesel(sql_type = Json)]
    pub reads: Value,
}

/// What an account owed from before a day.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct Overdue {
    /// Whose.
    #[diesel(sql_type = BigInt)]
    pub account_id: AccountId,
    /// Unpaid debits, summed.
    #[diesel(sql_type = BigInt)]
    pub unpaid_minor: Money,
    /// The oldest due date among them.
    #[diesel(sql_type = SqlDate)]
    pub since_on: Date,
}

/// Which bills a list shows.
#[derive(Debug, Clone, Default)]
pub struct BillFilter {
    /// Only these sites.
    pub sites: Option<Vec<SiteId>>,
    /// Only this account.
    pub account: Option<AccountId>,
    /// Only bills of this run.
    pub run: Option<RunId>,
    /// Only bills of this window.
    pub window: Option<WindowId>,
    /// Due on this day or later.
    pub due_from_on: Option<Date>,
    /// Due on this day or earlier.
    pub due_to_on: Option<Date>,
    /// Only posted bills of which every copy has its invoice, or of which one has none.
    pub invoiced: Option<bool>,
}

/// How many copies of a bill have an invoice.
const INVOICES: &str =
    "(SELECT count(*) FROM invoices i WHERE i.account_id = bills.account_id AND i.bill_id = bills.id)";

/// One bill.
pub fn find(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<Option<Bill>> {
    Ok(bills::table
        .filter(bills::account_id.eq(account).and(bills::id.eq(id)))
        .select(Bill::as_select())
        .first(tx.conn)
        .optional()?)
}

/// The account and bill with this number.
pub fn id_by_number(tx: &mut Tx<'_>, number: i64) -> Result<Option<(AccountId, i64)>> {
    Ok(bill_directory::table
        .find(number)
        .select((bill_directory::account_id, bill_directory::bill_id))
        .first::<(i64, i64)>(tx.conn)
        .optional()?
        .map(|(account, bill)| (AccountId(account), bill)))
}

/// A list of bills, newest first.
pub fn list(tx: &mut Tx<'_>, filter: &BillFilter, after: Option<&Cursor>, limit: i64) -> Result<Page<Bill>> {
    let mut query = bills::table
        .inner_join(accounts::table.on(accounts::account_id.eq(bills::account_id)))
        .select(Bill::as_select())
        .into_boxed();
    if let Some(sites) = &filter.sites {
        query = query.filter(accounts::site_id.eq_any(sites));
    }
    if let Some(account) = filter.account {
        query = query.filter(bills::account_id.eq(account));
    }
    if let Some(run) = filter.run {
        query = query.filter(bills::run_id.eq(run));
    }
    if let Some(window) = filter.window {
        query = query.filter(bills::window_id.eq(window));
    }
    if let Some(from) = filter.due_from_on {
        query = query.filter(bills::due_on.ge(from));
    }
    if let Some(to) = filter.due_to_on {
        query = query.filter(bills::due_on.le(to));
    }
    if let Some(invoiced) = filter.invoiced {
        let compared = if invoiced { "BETWEEN 1 AND" } else { ">" };
        let copies = sql::<Bool>(&format!("jsonb_array_length(bills.routings) {compared} {INVOICES}"));
        query = query.filter(bills::state.eq(BillState::Complete).and(copies));
    }
    if let Some(number) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(bills::number.lt(number));
    }
    // Numbers grow with time and are unique over all accounts.
    let rows = query.order(bills::number.desc()).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &Bill| Cursor::new([row.number])))
}

/// The completed bills of these accounts in a window, by account.
pub fn of_window(tx: &mut Tx<'_>, window: WindowId, accounts: &[AccountId]) -> Result<Vec<Bill>> {
    Ok(bills::table
        .filter(bills::account_id.eq_any(accounts))
        .filter(bills::window_id.eq(window).and(bills::state.eq(BillState::Complete)))
        .select(Bill::as_select())
        .order(bills::account_id)
        .load(tx.conn)?)
}

/// The bill that an account has in a window, unless it was given up.
pub fn live_in_window(tx: &mut Tx<'_>, account: AccountId, window: WindowId) -> Result<Option<i64>> {
    Ok(bills::table
        .filter(bills::account_id.eq(account).and(bills::window_id.eq(window)))
        .filter(bills::state.ne(BillState::Cancelled))
        .select(bills::id)
        .first(tx.conn)
        .optional()?)
}

/// Bills by account and id.
pub fn load(tx: &mut Tx<'_>, ids: &[(AccountId, i64)]) -> Result<Vec<Bill>> {
    let (accounts, bills): (Vec<AccountId>, Vec<i64>) = ids.iter().copied().unzip();
    Ok(bills::table
        .filter(bills::account_id.eq_any(accounts).and(bills::id.eq_any(bills)))
        .select(Bill::as_select())
        .order((bills::account_id, bills::id))
        .load(tx.conn)?)
}

/// The segments that stand on these bills as documents, by account and row: also those reversed since, not
/// those made by corrections.
pub fn segments(tx: &mut Tx<'_>, ids: &[(AccountId, i64)]) -> Result<Vec<Segment>> {
    let (accounts, bills): (Vec<AccountId>, Vec<i64>) = ids.iter().copied().unzip();
    Ok(segments::table
        .filter(segments::account_id.eq_any(accounts).and(segments::bill_id.eq_any(bills)))
        .filter(segments::rebills_id.is_null().and(diesel::dsl::not(segments::withdrawn)))
        .select(Segment::as_select())
        .order((segments::account_id, segments::id))
        .load(tx.conn)?)
}

/// Segments of an account, also reversed ones, by row.
pub fn segments_by_id(tx: &mut Tx<'_>, account: AccountId, ids: &[i64]) -> Result<Vec<Segment>> {
    Ok(segments::table
        .filter(segments::account_id.eq(account).and(segments::id.eq_any(ids)))
        .select(Segment::as_select())
        .order(segments::id)
        .load(tx.conn)?)
}

/// The frozen segments of these contracts that end on a day or later, by account, contract and first day.
pub fn frozen_since(tx: &mut Tx<'_>, contracts: &[ContractId], from_on: Date) -> Result<Vec<Segment>> {
    let accounts: Vec<AccountId> = contracts.iter().map(|contract| contract.owner).collect();
    let ids: Vec<i64> = contracts.iter().map(|contract| contract.n).collect();
    let rows: Vec<Segment> = segments::table
        .filter(segments::account_id.eq_any(accounts).and(segments::contract_id.eq_any(ids)))
        .filter(segments::last_on.ge(from_on).and(segments::state.eq(SegmentState::Frozen)))
        .select(Segment::as_select())
        .order((segments::account_id, segments::contract_id, segments::first_on, segments::id))
        .load(tx.conn)?;
    let is_of = |row: &Segment| contracts.contains(&ContractId::new(row.account_id, row.contract_id));
    Ok(rows.into_iter().filter(is_of).collect())
}

/// What these bills swept up, by account and effective date.
pub fn swept(tx: &mut Tx<'_>, ids: &[(AccountId, i64)]) -> Result<Vec<Swept>> {
    let (accounts, bills): (Vec<i64>, Vec<i64>) =
        ids.iter().map(|(account, bill)| (account.0, *bill)).unzip();
    Ok(diesel::sql_query(format!(
        "SELECT f.account_id, s.bill_id, f.id AS ft_id, f.kind, f.source_id, f.current_minor, f.effective_on, \
                {SWEPT_NAMES} \
         FROM swept_fts s \
         JOIN fts f ON f.account_id = s.account_id AND f.id = s.ft_id {SWEPT_JOINS} \
         WHERE s.account_id = ANY($1) AND s.bill_id = ANY($2) \
         ORDER BY f.account_id, f.effective_on, f.id",
    ))
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<Array<BigInt>, _>(bills)
    .load(tx.conn)?)
}

/// Transactions that stand on no bill and would be swept by one of `bill_on`.
pub fn would_sweep(tx: &mut Tx<'_>, account: AccountId, bill_on: Date) -> Result<Vec<Swept>> {
    Ok(diesel::sql_query(format!(
        "SELECT f.account_id, 0::bigint AS bill_id, f.id AS ft_id, f.kind, f.source_id, f.current_minor, \
                f.effective_on, {SWEPT_NAMES} \
         FROM fts f \
         LEFT JOIN swept_fts s ON s.account_id = f.account_id AND s.ft_id = f.id {SWEPT_JOINS} \
         WHERE f.account_id = $1 AND f.born_on_bill_id IS NULL AND f.accounting_on <= $2 AND s.ft_id IS NULL \
         ORDER BY f.effective_on, f.id",
    ))
    .bind::<BigInt, _>(account.0)
    .bind::<SqlDate, _>(bill_on)
    .load(tx.conn)?)
}

/// What the accounts' contracts used in periods that ended after `after_on`.
pub fn past_usage(tx: &mut Tx<'_>, accounts: &[AccountId], after_on: Date) -> Result<Vec<PastUsage>> {
    let accounts: Vec<i64> = accounts.iter().map(|account| account.0).collect();
    Ok(diesel::sql_query(
        "SELECT account_id, contract_id, first_on, last_on, estimated, document::json -> 'reads' AS reads \
         FROM segments \
         WHERE account_id = ANY($1) AND last_on > $2 AND state = 'frozen' AND document::json -> 'reads' IS NOT NULL \
         ORDER BY account_id, contract_id, last_on, id",
    )
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<SqlDate, _>(after_on)
    .load(tx.conn)?)
}

/// Of debits due before `bill_on`, what no credit has paid; accounts without any are left out.
pub fn overdue(tx: &mut Tx<'_>, accounts: &[AccountId], bill_on: Date) -> Result<Vec<Overdue>> {
    let accounts: Vec<i64> = accounts.iter().map(|account| account.0).collect();
    Ok(diesel::sql_query(
        "SELECT account_id, sum(unpaid)::bigint AS unpaid_minor, min(due_on) AS since_on FROM ( \
            SELECT f.account_id, coalesce(f.due_on, b.due_on) AS due_on, f.current_minor - coalesce(( \
                SELECT sum(a.amount_minor) FROM allocations a \
                WHERE a.account_id = f.account_id AND a.debit_ft_id = f.id AND a.freed_at IS NULL), 0) AS unpaid \
            FROM fts f \
            LEFT JOIN swept_fts s ON s.account_id = f.account_id AND s.ft_id = f.id AND f.due_on IS NULL \
            LEFT JOIN bills b ON b.account_id = s.account_id AND b.id = s.bill_id \
            WHERE f.account_id = ANY($1) AND coalesce(f.due_on, b.due_on) < $2 AND f.current_minor > 0) open_debits \
         WHERE unpaid > 0 GROUP BY account_id ORDER BY account_id",
    )
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<SqlDate, _>(bill_on)
    .load(tx.conn)?)
}

/// A contract as a bill names it.
#[derive(Debug, Clone, QueryableByName)]
pub struct BilledContract {
    /// Whose.
    #[diesel(sql_type = BigInt)]
    pub account_id: AccountId,
    /// Row id.
    #[diesel(sql_type = BigInt)]
    pub contract_id: i64,
    /// Name of its type.
    #[diesel(sql_type = Text)]
    pub type_name: String,
    /// What is delivered.
    #[diesel(sql_type = Text)]
    pub commodity: vocab::Commodity,
    /// Order on the bill.
    #[diesel(sql_type = diesel::sql_types::Integer)]
    pub sequence: i32,
    /// Name of its rate.
    #[diesel(sql_type = Nullable<Text>)]
    pub rate_name: Option<String>,
    /// Where: street and number.
    #[diesel(sql_type = Text)]
    pub line1: String,
    /// Flat.
    #[diesel(sql_type = Nullable<Text>)]
    pub line2: Option<String>,
    /// City.
    #[diesel(sql_type = Text)]
    pub city: String,
}

/// The contracts of these accounts as bills name them, in billing sequence.
pub fn billed_contracts(tx: &mut Tx<'_>, accounts: &[AccountId]) -> Result<Vec<BilledContract>> {
    let accounts: Vec<i64> = accounts.iter().map(|account| account.0).collect();
    Ok(diesel::sql_query(
        "SELECT c.account_id, c.id AS contract_id, t.name AS type_name, t.commodity, t.sequence, \
                r.name AS rate_name, l.line1, l.line2, l.city \
         FROM contracts c \
         JOIN contract_types t ON t.id = c.contract_type_id \
         LEFT JOIN rate_schedules r ON r.id = c.schedule_id \
         JOIN service_locations l ON l.id = c.location_id \
         WHERE c.account_id = ANY($1) ORDER BY c.account_id, t.sequence, c.id",
    )
    .bind::<Array<BigInt>, _>(accounts)
    .load(tx.conn)?)
}

/// What autopay is going to draw for a bill.
#[derive(Debug, Clone, QueryableByName)]
pub struct PlannedDraw {
    /// Whose.
    #[diesel(sql_type = BigInt)]
    pub account_id: AccountId,
    /// The bill.
    #[diesel(sql_type = BigInt)]
    pub bill_id: i64,
    /// When.
    #[diesel(sql_type = SqlDate)]
    pub draw_on: Date,
    /// The method, masked.
    #[diesel(sql_type = Text)]
    pub method_label: String,
}

/// The planned draws of these bills.
pub fn planned_draws(tx: &mut Tx<'_>, ids: &[(AccountId, i64)]) -> Result<Vec<PlannedDraw>> {
    let (accounts, bills): (Vec<i64>, Vec<i64>) =
        ids.iter().map(|(account, bill)| (account.0, *bill)).unzip();
    Ok(diesel::sql_query(
        "SELECT d.account_id, d.bill_id, d.draw_on, m.label AS method_label \
         FROM draws d JOIN payment_methods m ON m.account_id = d.account_id AND m.id = d.method_id \
         WHERE d.account_id = ANY($1) AND d.bill_id = ANY($2) AND d.state = 'planned' \
         ORDER BY d.account_id, d.id",
    )
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<Array<BigInt>, _>(bills)
    .load(tx.conn)?)
}
