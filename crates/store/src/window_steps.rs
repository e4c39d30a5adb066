//! How far windows are: for how many accounts each step is done, who did what when, and what is left. A
//! query each, however many windows.

use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, SmallInt, Text, Timestamptz};
use serde_json::Value;
use time::OffsetDateTime;
use vocab::{
    AccountId, AccountNumber, InvoiceRunId, ItemState, OperationId, RunId, SiteId, WindowId, WindowStep,
};

/// Per step of a window: how many accounts of the cycle are in a run, drafted, accepted, invoiced.
#[derive(Debug, Clone, QueryableByName)]
pub struct WindowCounts {
    /// Which window.
    #[diesel(sql_type = BigInt)]
    pub window_id: WindowId,
    /// Billable accounts of the cycle.
    #[diesel(sql_type = BigInt)]
    pub accounts: i64,
    /// With a standing draft or beyond.
    #[diesel(sql_type = BigInt)]
    pub tested: i64,
    /// With a posted bill.
    #[diesel(sql_type = BigInt)]
    pub accepted: i64,
    /// With an invoice: frozen.
    #[diesel(sql_type = BigInt)]
    pub invoiced: i64,
    /// With a delivery handed over.
    #[diesel(sql_type = BigInt)]
    pub sent: i64,
    /// Whose autopay was drawn.
    #[diesel(sql_type = BigInt)]
    pub collected: i64,
    /// Whose autopay is still to be drawn.
    #[diesel(sql_type = BigInt)]
    pub to_collect: i64,
    /// Open errors.
    #[diesel(sql_type = BigInt)]
    pub errors: i64,
    /// Open blocking flags.
    #[diesel(sql_type = BigInt)]
    pub open_flags: i64,
}

/// What the step tables of these windows show, of the accounts at these sites that are in the window's cycle
/// now. Items are found by the runs of the windows; those that were let go count no more.
pub fn counts(tx: &mut Tx<'_>, windows: &[WindowId], sites: Option<&[SiteId]>) -> Result<Vec<WindowCounts>> {
    Ok(diesel::sql_query(
        "WITH w AS (SELECT id, cycle_id FROM cycle_windows WHERE id = ANY($1)), \
         scope AS (SELECT account_id, cycle_id FROM accounts WHERE cycle_id IN (SELECT cycle_id FROM w) \
                   AND state IN ('pending', 'active', 'final') AND ($2 IS NULL OR site_id = ANY($2))), \
         sizes AS (SELECT cycle_id, count(*) AS n FROM scope GROUP BY cycle_id), \
         items AS (SELECT r.window_id, i.account_id, i.run_id, i.state, i.live FROM bill_runs r \
                   JOIN w ON w.id = r.window_id JOIN run_items i ON i.run_id = r.id \
                   JOIN scope ON scope.account_id = i.account_id AND scope.cycle_id = w.cycle_id \
                   WHERE i.live OR i.state = 'accepted'), \
         posted AS (SELECT b.window_id, b.account_id, b.id FROM scope JOIN bills b ON b.account_id = scope.account_id \
                    JOIN w ON w.id = b.window_id AND w.cycle_id = scope.cycle_id WHERE b.state = 'complete'), \
         tested AS (SELECT window_id, count(DISTINCT account_id) AS n FROM items WHERE state <> 'queued' GROUP BY window_id), \
         billed AS (SELECT p.window_id, count(*) AS n, \
            count(*) FILTER (WHERE EXISTS (SELECT 1 FROM invoices v WHERE v.account_id = p.account_id AND v.bill_id = p.id)) AS invoiced, \
            count(*) FILTER (WHERE EXISTS (SELECT 1 FROM deliveries d WHERE d.account_id = p.account_id AND d.bill_id = p.id \
               AND d.state IN ('sent', 'delivered'))) AS sent FROM posted p GROUP BY p.window_id), \
         drawn AS (SELECT p.window_id, count(*) FILTER (WHERE d.state = 'succeeded') AS collected, \
            count(*) FILTER (WHERE d.state IN ('planned', 'submitting', 'pending', 'failed', 'unknown')) AS to_collect \
            FROM posted p JOIN draws d ON d.account_id = p.account_id AND d.bill_id = p.id GROUP BY p.window_id), \
         faults AS (SELECT i.window_id, count(*) AS n FROM items i JOIN bill_errors e \
            ON e.account_id = i.account_id AND e.run_id = i.run_id WHERE e.open AND i.live GROUP BY i.window_id), \
         flagged AS (SELECT i.window_id, count(*) AS n FROM items i JOIN flags f \
            ON f.account_id = i.account_id AND f.run_id = i.run_id \
            WHERE f.severity = 'block' AND f.disposition = 'open' AND i.live GROUP BY i.window_id) \
         SELECT w.id AS window_id, coalesce(sizes.n, 0) AS accounts, coalesce(tested.n, 0) AS tested, \
           coalesce(billed.n, 0) AS accepted, coalesce(billed.invoiced, 0) AS invoiced, coalesce(billed.sent, 0) AS sent, \
           coalesce(drawn.collected, 0) AS collected, coalesce(drawn.to_collect, 0) AS to_collect, \
           coalesce(faults.n, 0) AS errors, coalesce(flagged.n, 0) AS open_flags \
         FROM w LEFT JOIN sizes ON sizes.cycle_id = w.cycle_id LEFT JOIN tested ON tested.window_id = w.id \
         LEFT JOIN billed ON billed.window_id = w.id LEFT JOIN drawn ON drawn.window_id = w.id \
         LEFT JOIN faults ON faults.window_id = w.id LEFT JOIN flagged ON flagged.window_id = w.id",
    )
    .bind::<Array<BigInt>, _>(raw(windows))
    .bind::<Nullable<Array<BigInt>>, _>(sites.map(|all| all.iter().map(|id| id.0).collect::<Vec<_>>()))
    .load(tx.conn)?)
}

/// Something that was done about a step.
#[derive(Debug, Clone, QueryableByName)]
pub struct StepEvent {
    /// In which window.
    #[diesel(sql_type = BigInt)]
    pub window_id: WindowId,
    /// Which step, 1 to 8.
    #[diesel(sql_type = SmallInt)]
    pub step: i16,
    /// Business time.
    #[diesel(sql_type = Timestamptz)]
    pub at: OffsetDateTime,
    /// Opaque id of who did it.
    #[diesel(sql_type = Text)]
    pub by: String,
    /// Row id of what was made: an export, import, test, invoice run, payment run; of a review and an
    /// acceptance the bill run, of a sending the invoice run; the bill, of one account billed by itself.
    #[diesel(sql_type = BigInt)]
    pub made: i64,
    /// The bill run that it is about.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub run_id: Option<RunId>,
    /// The work.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub operation_id: Option<OperationId>,
    /// How far the work is: an operation's state, or that of a payment run that has none.
    #[diesel(sql_type = Text)]
    pub state: String,
    /// What came of the work.
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub result: Option<Value>,
    /// How many things: rows, flags.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub count: Option<i64>,
    /// Whose, when it was about one account alone.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub account_id: Option<AccountId>,
}

/// The last event of a step.
#[derive(Debug, Clone, QueryableByName)]
pub struct LastEvent {
    /// It.
    #[diesel(embed)]
    pub event: StepEvent,
    /// Whether any work on the step is under way.
    #[diesel(sql_type = Bool)]
    pub under_way: bool,
}

/// Letters of an invoice run that were handed over, which the audit log alone knows.
#[derive(Debug, Clone)]
pub struct HandOver {
    /// In which window.
    pub window: WindowId,
    /// Of which run.
    pub run: InvoiceRunId,
    /// Business time.
    pub at: OffsetDateTime,
    /// Opaque id of who did it.
    pub by: String,
    /// How many.
    pub letters: Option<i64>,
}

/// A bill of one account alone, which belongs to no run.
#[derive(Debug, Clone, QueryableByName)]
pub struct SingleBill {
    /// In which window.
    #[diesel(sql_type = BigInt)]
    pub window_id: WindowId,
    /// Whose.
    #[diesel(sql_type = BigInt)]
    pub account_id: AccountId,
    /// Its row id.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// Where the account is served.
    #[diesel(sql_type = BigInt)]
    pub site_id: SiteId,
}

/// The latest bills of these windows that belong to no run.
pub fn single_bills(tx: &mut Tx<'_>, windows: &[WindowId], limit: i64) -> Result<Vec<SingleBill>> {
    Ok(diesel::sql_query(
        "SELECT b.window_id, b.account_id, b.id, a.site_id FROM bills b JOIN accounts a ON a.account_id = b.account_id \
         WHERE b.run_id IS NULL AND b.window_id = ANY($1) ORDER BY b.completed_at DESC, b.id LIMIT $2",
    )
    .bind::<Array<BigInt>, _>(raw(windows))
    .bind::<BigInt, _>(limit)
    .load(tx.conn)?)
}

/// What is known of the steps beside the rows of their work, which only the audit log has.
#[derive(Debug, Clone, Default)]
pub struct Noted {
    /// Letters that were handed over.
    pub letters: Vec<HandOver>,
    /// Bills of one account alone: when, and who posted them.
    pub bills: Vec<(SingleBill, OffsetDateTime, String)>,
}

/// What a caller limited to sites sees: what they did themselves, and what reaches beyond none of their sites.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Their sites.
    pub sites: Vec<SiteId>,
    /// Their opaque id.
    pub actor: String,
    /// Work that they do not see.
    pub hidden_operations: Vec<OperationId>,
    /// Runs that they do not see.
    pub hidden_runs: Vec<RunId>,
}

/// The invoice runs of the windows.
pub fn invoice_runs(tx: &mut Tx<'_>, windows: &[WindowId]) -> Result<Vec<(InvoiceRunId, WindowId)>> {
    use crate::schema::invoice_runs as runs;
    Ok(runs::table
        .filter(runs::window_id.eq_any(windows))
        .select((runs::id, runs::window_id.assume_not_null()))
        .load(tx.conn)?)
}

/// Everything that was done about the steps of the windows `$1`; `$2` to `$6` are hand-overs, `$7` to `$12`
/// bills of one account alone. What is limited to sites names them; no site at all means every site.
const EVENTS: &str = "WITH runs AS (SELECT id, window_id FROM bill_runs WHERE window_id = ANY($1)), events AS (\
    SELECT e.window_id, 1::smallint AS step, e.created_at AS at, e.created_by AS by, e.id AS made, NULL::bigint AS run_id, \
      NULL::bigint AS operation_id, 'done' AS state, NULL::jsonb AS result, e.rows AS count, e.site_ids, NULL::bigint AS account_id \
    FROM reading_exports e WHERE e.window_id = ANY($1) \
    UNION ALL SELECT i.window_id, 2::smallint, i.created_at, i.created_by, i.id, NULL, o.id, o.state, o.result, NULL, NULL, NULL \
    FROM reading_imports i JOIN operations o ON o.id = i.operation_id WHERE i.window_id = ANY($1) \
    UNION ALL SELECT r.window_id, 3::smallint, t.as_of, t.created_by, t.id, r.id, o.id, o.state, o.result, o.total, NULL, NULL \
    FROM runs r JOIN run_tests t ON t.run_id = r.id JOIN operations o ON o.id = t.operation_id \
    UNION ALL SELECT r.window_id, 4::smallint, f.decided_at, f.decided_by, r.id, r.id, NULL, 'done', NULL, count(*), NULL, NULL \
    FROM runs r JOIN flags f ON f.run_id = r.id WHERE f.decided_at IS NOT NULL AND f.decided_by IS NOT NULL \
    GROUP BY r.window_id, r.id, f.decided_at, f.decided_by \
    UNION ALL SELECT r.window_id, 5::smallint, coalesce((o.params->>'at')::timestamptz, o.created_at), o.created_by, r.id, r.id, \
      o.id, o.state, o.result, o.total, NULL, NULL \
    FROM runs r JOIN operations o ON o.kind = 'bill_accept' AND o.subject_id = r.id \
    UNION ALL SELECT s.window_id, 5::smallint, s.at, s.by, s.made, NULL, NULL, 'done', NULL, 1, ARRAY[s.site_id], s.account_id \
    FROM unnest($7, $8, $9, $10, $11, $12) s (window_id, at, by, made, account_id, site_id) \
    UNION ALL SELECT n.window_id, 6::smallint, n.created_at, n.created_by, n.id, n.bill_run_id, o.id, o.state, o.result, o.total, NULL, NULL \
    FROM invoice_runs n JOIN operations o ON o.id = n.operation_id WHERE n.window_id = ANY($1) \
    UNION ALL SELECT n.window_id, 7::smallint, coalesce((o.params->>'at')::timestamptz, o.created_at), o.created_by, n.id, \
      n.bill_run_id, o.id, o.state, o.result, o.total, NULL, NULL \
    FROM invoice_runs n JOIN operations o ON o.kind = 'delivery_send' AND o.subject_id = n.id WHERE n.window_id = ANY($1) \
    UNION ALL SELECT h.window_id, 7::smallint, h.at, h.by, h.made, n.bill_run_id, n.operation_id, 'done', NULL, h.count, NULL, NULL \
    FROM unnest($2, $3, $4, $5, $6) h (window_id, at, by, made, count) JOIN invoice_runs n ON n.id = h.made \
    UNION ALL SELECT d.window_id, 8::smallint, p.created_at, p.created_by, p.id, NULL, o.id, \
      coalesce(o.state, p.state), o.result, d.n, d.site_ids, NULL \
    FROM (SELECT r.window_id, w.payment_run_id, count(*) AS n, array_agg(DISTINCT a.site_id) AS site_ids \
          FROM runs r JOIN bills b ON b.run_id = r.id JOIN accounts a ON a.account_id = b.account_id \
          JOIN draws w ON w.account_id = b.account_id AND w.bill_id = b.id WHERE w.payment_run_id IS NOT NULL \
          GROUP BY r.window_id, w.payment_run_id) d \
    JOIN payment_runs p ON p.id = d.payment_run_id LEFT JOIN operations o ON o.id = p.operation_id) ";

/// Of these events the ones that a caller limited to the sites `$13` sees; all when there is no limit.
const SEEN: &str = ", seen AS (SELECT * FROM events WHERE $13 IS NULL OR (\
      (site_ids IS NULL OR by = $14 OR (site_ids <> '{}' AND site_ids <@ $13)) \
      AND (operation_id IS NULL OR operation_id <> ALL($15)) AND (run_id IS NULL OR run_id <> ALL($16)))) ";

/// The query with the windows and what was noted bound.
macro_rules! events {
    ($query:expr, $windows:expr, $noted:expr) => {{
        let (letters, bills) = (&$noted.letters, &$noted.bills);
        diesel::sql_query($query)
            .bind::<Array<BigInt>, _>(raw($windows))
            .bind::<Array<BigInt>, _>(letters.iter().map(|of| of.window.0).collect::<Vec<_>>())
            .bind::<Array<Timestamptz>, _>(letters.iter().map(|of| of.at).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(letters.iter().map(|of| of.by.as_str()).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(letters.iter().map(|of| of.run.0).collect::<Vec<_>>())
            .bind::<Array<Nullable<BigInt>>, _>(letters.iter().map(|of| of.letters).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(bills.iter().map(|(of, ..)| of.window_id.0).collect::<Vec<_>>())
            .bind::<Array<Timestamptz>, _>(bills.iter().map(|(_, at, _)| *at).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(bills.iter().map(|(.., by)| by.as_str()).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(bills.iter().map(|(of, ..)| of.id).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(bills.iter().map(|(of, ..)| of.account_id.0).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(bills.iter().map(|(of, ..)| of.site_id.0).collect::<Vec<_>>())
    }};
}

/// The same with who looks bound, too.
macro_rules! seen {
    ($query:expr, $windows:expr, $noted:expr, $seen:expr) => {{
        let seen: Option<&Seen> = $seen;
        let sites = seen.map(|of| of.sites.iter().map(|id| id.0).collect::<Vec<_>>());
        let operations = seen.map(|of| of.hidden_operations.iter().map(|id| id.0).collect::<Vec<_>>());
        let runs = seen.map(|of| of.hidden_runs.iter().map(|id| id.0).collect::<Vec<_>>());
        events!($query, $windows, $noted)
            .bind::<Nullable<Array<BigInt>>, _>(sites)
            .bind::<Nullable<Text>, _>(seen.map(|of| of.actor.as_str()))
            .bind::<Array<BigInt>, _>(operations.unwrap_or_default())
            .bind::<Array<BigInt>, _>(runs.unwrap_or_default())
    }};
}

/// The work and the runs that the events of the windows are of.
pub fn work(tx: &mut Tx<'_>, windows: &[WindowId], noted: &Noted) -> Result<(Vec<OperationId>, Vec<RunId>)> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Nullable<BigInt>)]
        operation_id: Option<OperationId>,
        #[diesel(sql_type = Nullable<BigInt>)]
        run_id: Option<RunId>,
    }
    let query = format!("{EVENTS} SELECT DISTINCT operation_id, run_id FROM events");
    let rows: Vec<Row> = events!(query, windows, noted).load(tx.conn)?;
    Ok((
        rows.iter().filter_map(|row| row.operation_id).collect(),
        rows.iter().filter_map(|row| row.run_id).collect(),
    ))
}

/// The last event of each step of the windows, of those that are seen.
pub fn last(
    tx: &mut Tx<'_>,
    windows: &[WindowId],
    noted: &Noted,
    seen: Option<&Seen>,
) -> Result<Vec<LastEvent>> {
    let query = format!(
        "{EVENTS}{SEEN} SELECT DISTINCT ON (window_id, step) *, \
         bool_or(state IN ('queued', 'running')) OVER (PARTITION BY window_id, step) AS under_way \
         FROM seen ORDER BY window_id, step, at DESC, made DESC, operation_id DESC"
    );
    Ok(seen!(query, windows, noted, seen).load(tx.conn)?)
}

/// What was done about one step of a window, newest first, of what is seen.
pub fn history(
    tx: &mut Tx<'_>,
    window: WindowId,
    step: WindowStep,
    (noted, seen): (&Noted, Option<&Seen>),
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<StepEvent>> {
    // The place of the last row seen: microseconds, what was made, the work.
    let place = |cursor: &Cursor| -> Result<(OffsetDateTime, i64, i64)> {
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(cursor.get::<i64>(0)?) * 1000);
        Ok((at.map_err(|_| crate::BadCursor)?, cursor.get(1)?, cursor.get(2)?))
    };
    let before = after.map(place).transpose()?;
    let query = format!(
        "{EVENTS}{SEEN} SELECT * FROM seen WHERE step = $17 \
         AND ($19 IS NULL OR (at, made, coalesce(operation_id, 0)) < ($19, $20, $21)) \
         ORDER BY at DESC, made DESC, coalesce(operation_id, 0) DESC LIMIT $18"
    );
    let rows: Vec<StepEvent> = seen!(query, &[window], noted, seen)
        .bind::<SmallInt, _>(i16::from(step.number()))
        .bind::<BigInt, _>(limit + 1)
        .bind::<Nullable<Timestamptz>, _>(before.map(|before| before.0))
        .bind::<BigInt, _>(before.map_or(0, |before| before.1))
        .bind::<BigInt, _>(before.map_or(0, |before| before.2))
        .load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &StepEvent| {
        let micros = i64::try_from(row.at.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX);
        Cursor::new([micros, row.made, row.operation_id.map_or(0, |id| id.0)])
    }))
}

/// An account that has no bill in a window.
#[derive(Debug, Clone, QueryableByName)]
pub struct Unbilled {
    /// Which.
    #[diesel(sql_type = BigInt)]
    pub account_id: AccountId,
    /// Its number.
    #[diesel(sql_type = BigInt)]
    pub number: AccountNumber,
    /// The run that it was in last.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub run_id: Option<RunId>,
    /// What became of it there.
    #[diesel(sql_type = Nullable<Text>)]
    pub state: Option<ItemState>,
    /// Why it stayed behind.
    #[diesel(sql_type = Nullable<Text>)]
    pub reason: Option<String>,
}

/// The first accounts of the window's cycle, at these sites, without a posted bill in it.
pub fn unbilled(
    tx: &mut Tx<'_>,
    window: WindowId,
    sites: Option<&[SiteId]>,
    limit: i64,
) -> Result<Vec<Unbilled>> {
    Ok(diesel::sql_query(
        "SELECT a.account_id, a.number, i.run_id, i.state, i.reason FROM cycle_windows w \
         JOIN accounts a ON a.cycle_id = w.cycle_id AND a.state IN ('pending', 'active', 'final') \
         LEFT JOIN LATERAL (SELECT run_id, state, reason FROM run_items r \
            WHERE r.account_id = a.account_id AND r.window_id = w.id ORDER BY r.run_id DESC LIMIT 1) i ON true \
         WHERE w.id = $1 AND ($3 IS NULL OR a.site_id = ANY($3)) AND NOT EXISTS (SELECT 1 FROM bills b WHERE b.account_id = a.account_id \
           AND b.window_id = w.id AND b.state = 'complete') \
         ORDER BY a.account_id LIMIT $2",
    )
    .bind::<BigInt, _>(window.0)
    .bind::<BigInt, _>(limit)
    .bind::<Nullable<Array<BigInt>>, _>(sites.map(|all| all.iter().map(|id| id.0).collect::<Vec<_>>()))
    .load(tx.conn)?)
}

/// How many accounts have a draft in a live run of the window that was not accepted.
pub fn standing_drafts(tx: &mut Tx<'_>, window: WindowId) -> Result<i64> {
    use crate::schema::{bill_runs, run_items};
    Ok(run_items::table
        .inner_join(bill_runs::table.on(bill_runs::id.eq(run_items::run_id)))
        .filter(bill_runs::window_id.eq(window).and(run_items::live))
        .filter(run_items::state.eq(ItemState::Drafted))
        .count()
        .get_result(tx.conn)?)
}

fn raw(windows: &[WindowId]) -> Vec<i64> {
    windows.iter().map(|id| id.0).collect()
}
