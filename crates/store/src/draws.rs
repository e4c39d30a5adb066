//! Autopay: the instruction of a bill (a draw), payment runs, what gateways tell.

mod candidates;

pub use candidates::{Candidate, CandidateFilter, candidates};

use crate::schema::{draw_references, draws, gateway_events, payment_runs};
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};
use serde_json::Value;
use time::{Date, OffsetDateTime};
use vocab::{AccountId, DrawId, DrawState, Money, OperationId, PaymentRunId, PaymentRunState, SiteId};

/// What is to be drawn for a bill, when, and what became of it.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = draws, treat_none_as_default_value = false, treat_none_as_null = true)]
#[diesel(primary_key(account_id, id))]
pub struct Draw {
    /// Whose.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
    /// For which bill.
    pub bill_id: i64,
    /// From which stored way to pay.
    pub method_id: i64,
    /// The banking day from which a run may take it.
    pub draw_on: Date,
    /// The instant before which no run may take it.
    pub not_before_at: OffsetDateTime,
    /// When a failed draw is tried again; none: not by itself.
    pub retry_on: Option<Date>,
    /// Life.
    pub state: DrawState,
    /// How much was asked for last.
    pub amount_minor: Option<Money>,
    /// Declines so far.
    pub attempts: i16,
    /// The key of the last request.
    pub idempotency_key: Option<String>,
    /// The gateway's name of the charge.
    pub gateway_reference: Option<String>,
    /// Why it failed or was skipped, a word.
    pub reason_code: Option<String>,
    /// The same for people.
    pub reason: Option<String>,
    /// The run that took it last.
    pub payment_run_id: Option<PaymentRunId>,
    /// What it collected.
    pub payment_id: Option<i64>,
    /// Real time of the last request.
    pub submitted_at: Option<OffsetDateTime>,
    /// Goes up by one with every change.
    pub version: i64,
}

impl Draw {
    /// Its id.
    pub const fn draw_id(&self) -> DrawId {
        DrawId::new(self.account_id, self.id)
    }
}

/// Writes draws.
pub fn insert(tx: &mut Tx<'_>, rows: &[Draw]) -> Result<()> {
    for part in rows.chunks(1000) {
        diesel::insert_into(draws::table).values(part).execute(tx.conn)?;
    }
    Ok(())
}

/// One draw.
pub fn find(tx: &mut Tx<'_>, id: DrawId) -> Result<Option<Draw>> {
    Ok(draws::table.find((id.owner, id.n)).select(Draw::as_select()).first(tx.conn).optional()?)
}

/// One draw, locked; the account's row is locked before.
pub fn lock(tx: &mut Tx<'_>, id: DrawId) -> Result<Option<Draw>> {
    Ok(draws::table
        .find((id.owner, id.n))
        .select(Draw::as_select())
        .for_no_key_update()
        .first(tx.conn)
        .optional()?)
}

/// Saves a locked draw; its version goes up by one.
pub fn save(tx: &mut Tx<'_>, row: &Draw) -> Result<()> {
    let row = Draw { version: row.version + 1, ..row.clone() };
    diesel::update(draws::table.find((row.account_id, row.id))).set(&row).execute(tx.conn)?;
    Ok(())
}

/// A draw as a choice saw it: what has changed since is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen {
    /// Which.
    pub id: DrawId,
    /// Its version then.
    pub version: i64,
}

/// Puts draws into a run, planned for that much; answers how many. What another run took since the
/// choice stays there. A failed draw keeps the day of its next try.
pub fn put_in_run(tx: &mut Tx<'_>, run: PaymentRunId, chosen: &[(Chosen, Money)]) -> Result<usize> {
    let accounts: Vec<AccountId> = chosen.iter().map(|(draw, _)| draw.id.owner).collect();
    let ids: Vec<i64> = chosen.iter().map(|(draw, _)| draw.id.n).collect();
    let versions: Vec<i64> = chosen.iter().map(|(draw, _)| draw.version).collect();
    let amounts: Vec<Money> = chosen.iter().map(|(_, amount)| *amount).collect();
    Ok(diesel::sql_query(
        "UPDATE draws AS d SET payment_run_id = $1, amount_minor = c.amount_minor, state = 'planned', \
         draw_on = CASE WHEN d.state = 'failed' THEN coalesce(d.retry_on, d.draw_on) ELSE d.draw_on END, \
         retry_on = NULL, version = d.version + 1 \
         FROM UNNEST($2, $3, $4, $5) AS c (account_id, id, version, amount_minor) \
         WHERE d.account_id = c.account_id AND d.id = c.id AND d.version = c.version \
           AND d.state IN ('planned', 'failed')",
    )
    .bind::<BigInt, _>(run)
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Array<BigInt>, _>(versions)
    .bind::<Array<BigInt>, _>(amounts)
    .execute(tx.conn)?)
}

/// Ends draws that have nothing left to collect, with the reason, as far as they are as chosen.
pub fn cancel(tx: &mut Tx<'_>, over: &[(Chosen, &'static str)]) -> Result<usize> {
    let accounts: Vec<AccountId> = over.iter().map(|(draw, _)| draw.id.owner).collect();
    let ids: Vec<i64> = over.iter().map(|(draw, _)| draw.id.n).collect();
    let versions: Vec<i64> = over.iter().map(|(draw, _)| draw.version).collect();
    let reasons: Vec<&str> = over.iter().map(|(_, reason)| *reason).collect();
    Ok(diesel::sql_query(
        "UPDATE draws AS d SET state = 'cancelled', reason_code = c.reason, version = d.version + 1 \
         FROM UNNEST($1, $2, $3, $4) AS c (account_id, id, version, reason) \
         WHERE d.account_id = c.account_id AND d.id = c.id AND d.version = c.version \
           AND d.state IN ('planned', 'failed')",
    )
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Array<BigInt>, _>(versions)
    .bind::<Array<diesel::sql_types::Text>, _>(reasons)
    .execute(tx.conn)?)
}

/// Number and due date of a bill, for what is said about its draw.
pub fn bill_of(tx: &mut Tx<'_>, account: AccountId, bill: i64) -> Result<(i64, Date)> {
    use crate::schema::bills;
    Ok(bills::table.find((account.0, bill)).select((bills::number, bills::due_on)).first(tx.conn)?)
}

/// Ids of the draws of a run, by account.
pub fn ids_of_run(tx: &mut Tx<'_>, run: PaymentRunId) -> Result<Vec<DrawId>> {
    let rows: Vec<(AccountId, i64)> = draws::table
        .filter(draws::payment_run_id.eq(run))
        .select((draws::account_id, draws::id))
        .order((draws::account_id, draws::id))
        .load(tx.conn)?;
    Ok(rows.into_iter().map(|(account, id)| DrawId::new(account, id)).collect())
}

/// Which of a run's draws have these row ids.
pub fn of_run(tx: &mut Tx<'_>, run: PaymentRunId, ids: &[i64]) -> Result<Vec<DrawId>> {
    let rows: Vec<(AccountId, i64)> = draws::table
        .filter(draws::payment_run_id.eq(run).and(draws::id.eq_any(ids)))
        .select((draws::account_id, draws::id))
        .order((draws::account_id, draws::id))
        .load(tx.conn)?;
    Ok(rows.into_iter().map(|(account, id)| DrawId::new(account, id)).collect())
}

/// Number and sum of a run's draws by state.
pub fn totals_of_run(tx: &mut Tx<'_>, run: PaymentRunId) -> Result<Vec<(DrawState, i64, Money)>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        state: DrawState,
        #[diesel(sql_type = BigInt)]
        draws: i64,
        #[diesel(sql_type = BigInt)]
        amount_minor: Money,
    }
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT state, count(*) AS draws, coalesce(sum(amount_minor), 0)::bigint AS amount_minor \
         FROM draws WHERE payment_run_id = $1 GROUP BY state ORDER BY state",
    )
    .bind::<BigInt, _>(run)
    .load(tx.conn)?;
    Ok(rows.into_iter().map(|row| (row.state, row.draws, row.amount_minor)).collect())
}

/// Which draws a list shows.
#[derive(Debug, Clone, Default)]
pub struct DrawFilter {
    /// Only accounts of these sites.
    pub sites: Option<Vec<SiteId>>,
    /// Only this run.
    pub run: Option<PaymentRunId>,
    /// Only this account.
    pub account: Option<AccountId>,
    /// Only in this state.
    pub state: Option<DrawState>,
}

/// A list of draws, by account.
pub fn list(tx: &mut Tx<'_>, filter: &DrawFilter, after: Option<&Cursor>, limit: i64) -> Result<Page<Draw>> {
    use crate::schema::accounts;
    let mut query = draws::table
        .inner_join(accounts::table.on(accounts::account_id.eq(draws::account_id)))
        .select(Draw::as_select())
        .into_boxed();
    if let Some(sites) = &filter.sites {
        query = query.filter(accounts::site_id.eq_any(sites));
    }
    if let Some(run) = filter.run {
        query = query.filter(draws::payment_run_id.eq(run));
    }
    if let Some(account) = filter.account {
        query = query.filter(draws::account_id.eq(account));
    }
    if let Some(state) = filter.state {
        query = query.filter(draws::state.eq(state));
    }
    if let Some((account, id)) =
        after.and_then(|cursor| Some((cursor.get::<i64>(0).ok()?, cursor.get::<i64>(1).ok()?)))
    {
        let account = AccountId(account);
        query = query
            .filter(draws::account_id.gt(account).or(draws::account_id.eq(account).and(draws::id.gt(id))));
    }
    let rows = query.order((draws::account_id, draws::id)).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row| Cursor::new([row.account_id.0, row.id])))
}

/// Remembers that a gateway reference or idempotency key is this draw's, and what was asked for.
pub fn remember(tx: &mut Tx<'_>, reference: &str, id: DrawId, amount: Option<Money>) -> Result<()> {
    diesel::insert_into(draw_references::table)
        .values((
            draw_references::reference.eq(reference),
            draw_references::account_id.eq(id.owner.0),
            draw_references::draw_id.eq(id.n),
            draw_references::amount_minor.eq(amount),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn)?;
    Ok(())
}

/// The draw of a gateway reference or idempotency key.
pub fn id_by_reference(tx: &mut Tx<'_>, reference: &str) -> Result<Option<DrawId>> {
    let row: Option<(i64, i64)> = draw_references::table
        .find(reference)
        .select((draw_references::account_id, draw_references::draw_id))
        .first(tx.conn)
        .optional()?;
    Ok(row.map(|(account, id)| DrawId::new(AccountId(account), id)))
}

/// How much was asked for under a gateway reference or idempotency key.
pub fn asked(tx: &mut Tx<'_>, reference: &str) -> Result<Option<Money>> {
    let found: Option<Option<Money>> = draw_references::table
        .find(reference)
        .select(draw_references::amount_minor)
        .first(tx.conn)
        .optional()?;
    Ok(found.flatten())
}

/// What a gateway told, and what came of it.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = gateway_events, treat_none_as_default_value = false)]
pub struct EventRow {
    /// Which gateway.
    pub gateway: String,
    /// Its name of the event.
    pub event_id: String,
    /// Real time.
    pub received_at: OffsetDateTime,
    /// What it told.
    pub kind: String,
    /// The charge that it is about.
    pub reference: Option<String>,
    /// What came of it.
    pub outcome: String,
}

/// Keeps an event; `false` when it was kept before.
pub fn keep_event(tx: &mut Tx<'_>, row: &EventRow) -> Result<bool> {
    let kept =
        diesel::insert_into(gateway_events::table).values(row).on_conflict_do_nothing().execute(tx.conn)?;
    Ok(kept == 1)
}

/// Forgets an event that is not dealt with yet.
pub fn forget_event(tx: &mut Tx<'_>, gateway: &str, event_id: &str) -> Result<()> {
    diesel::delete(gateway_events::table.find((gateway, event_id))).execute(tx.conn)?;
    Ok(())
}

/// Says what came of a kept event.
pub fn set_event_outcome(tx: &mut Tx<'_>, gateway: &str, event_id: &str, outcome: &str) -> Result<()> {
    diesel::update(gateway_events::table.find((gateway, event_id)))
        .set(gateway_events::outcome.eq(outcome))
        .execute(tx.conn)?;
    Ok(())
}

/// One batch that collects autopay.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = payment_runs, treat_none_as_default_value = false)]
pub struct PaymentRun {
    /// Row id.
    pub id: PaymentRunId,
    /// Life.
    pub state: PaymentRunState,
    /// What it was asked to collect.
    pub filter: Value,
    /// Draws on or before this day.
    pub target_on: Date,
    /// The work of its execution.
    pub operation_id: Option<OperationId>,
    /// Opaque id of who planned it.
    pub created_by: String,
    /// Business time.
    pub created_at: OffsetDateTime,
    /// Goes up by one with every change.
    pub version: i64,
}

/// Writes a run.
pub fn insert_run(tx: &mut Tx<'_>, row: &PaymentRun) -> Result<()> {
    diesel::insert_into(payment_runs::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// One run.
pub fn run(tx: &mut Tx<'_>, id: PaymentRunId) -> Result<Option<PaymentRun>> {
    Ok(payment_runs::table
        .filter(payment_runs::id.eq(id))
        .select(PaymentRun::as_select())
        .first(tx.conn)
        .optional()?)
}

/// One run, locked.
pub fn lock_run(tx: &mut Tx<'_>, id: PaymentRunId) -> Result<Option<PaymentRun>> {
    Ok(payment_runs::table
        .filter(payment_runs::id.eq(id))
        .select(PaymentRun::as_select())
        .for_no_key_update()
        .first(tx.conn)
        .optional()?)
}

/// Moves a locked run on.
pub fn set_run_state(
    tx: &mut Tx<'_>,
    id: PaymentRunId,
    state: PaymentRunState,
    operation: Option<OperationId>,
) -> Result<()> {
    diesel::update(payment_runs::table.filter(payment_runs::id.eq(id)))
        .set((
            payment_runs::state.eq(state),
            operation.map(|operation| payment_runs::operation_id.eq(operation)),
            payment_runs::version.eq(payment_runs::version + 1),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// Runs, newest first.
pub fn runs(tx: &mut Tx<'_>, after: Option<&Cursor>, limit: i64) -> Result<Page<PaymentRun>> {
    let mut query = payment_runs::table.select(PaymentRun::as_select()).into_boxed();
    if let Some(last) = after.and_then(|cursor| cursor.get::<i64>(0).ok()) {
        query = query.filter(payment_runs::id.lt(PaymentRunId(last)));
    }
    let rows = query.order(payment_runs::id.desc()).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row| Cursor::new([row.id.0])))
}
