//! The work queue: operations (long work with progress) and their chunks.
//!
//! The lease of a chunk is its row lock: whoever works on it holds it in an open transaction,
//! and a process that dies frees it at once. Chunks never write the operation's row while they
//! work, so that workers do not wait for one another; progress is the sum over chunks.

use crate::schema::{chunks, operations};
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz};
use serde_json::Value;
use std::collections::HashMap;
use time::OffsetDateTime;
use vocab::{OperationId, OperationKind, OperationState, SiteId};

/// Long work.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = operations, treat_none_as_default_value = false)]
pub struct Operation {
    /// Row id.
    pub id: OperationId,
    /// What it does.
    pub kind: OperationKind,
    /// Life.
    pub state: OperationState,
    /// What it works on: a run, an import.
    pub subject_id: Option<i64>,
    /// What its chunks need to know.
    pub params: Value,
    /// Items in all.
    pub total: i64,
    /// What came of it.
    pub result: Option<Value>,
    /// What stopped it.
    pub error: Option<String>,
    /// Opaque id of who started it.
    pub created_by: String,
    /// Real time.
    pub created_at: OffsetDateTime,
    /// Real time.
    pub started_at: Option<OffsetDateTime>,
    /// Real time.
    pub finished_at: Option<OffsetDateTime>,
}

/// A part of an operation, worked on under one lease.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = chunks)]
pub struct Chunk {
    /// Row id.
    pub id: i64,
    /// Of which operation.
    pub operation_id: OperationId,
    /// Place in the operation.
    pub seq: i32,
    /// What to work on: account ids, draw ids, or a range, as the kind says.
    pub items: Vec<i64>,
    /// How often it has failed.
    pub attempts: i32,
}

/// A part to file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChunk {
    /// What to work on.
    pub items: Vec<i64>,
    /// How much work that is, beside the other chunks of the operation; at least 1.
    pub weight: i64,
}

impl From<&[i64]> for NewChunk {
    /// Items that are all the same work.
    fn from(items: &[i64]) -> Self {
        Self { items: items.to_vec(), weight: i64::try_from(items.len()).unwrap_or(i64::MAX) }
    }
}

/// How far an operation is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Items finished.
    pub done: i64,
    /// Items given up.
    pub failed: i64,
    /// Chunks still waiting or under way.
    pub open_chunks: i64,
    /// The weight of those.
    pub open_weight: i64,
    /// What each of its workers has done of it.
    pub paces: Vec<Pace>,
}

/// What a worker has done of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Pace {
    /// Chunks finished, at least one.
    #[diesel(sql_type = BigInt)]
    pub chunks: i64,
    /// Their weight.
    #[diesel(sql_type = BigInt)]
    pub weight: i64,
    /// When it took its first; real time.
    #[diesel(sql_type = Timestamptz)]
    pub began_at: OffsetDateTime,
    /// When it finished its latest; real time.
    #[diesel(sql_type = Timestamptz)]
    pub ended_at: OffsetDateTime,
}

/// Files an operation.
pub fn insert_operation(tx: &mut Tx<'_>, row: &Operation) -> Result<()> {
    diesel::insert_into(operations::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// Files the chunks of an operation, in the order in which they are to be taken.
pub fn insert_chunks(tx: &mut Tx<'_>, operation: OperationId, new: Vec<NewChunk>) -> Result<()> {
    let ids = tx.new_ids(new.len())?;
    let rows: Vec<_> = ids
        .into_iter()
        .zip(new)
        .zip(1_i32..)
        .map(|((id, NewChunk { items, weight }), seq)| {
            (
                chunks::id.eq(id),
                chunks::operation_id.eq(operation.0),
                chunks::seq.eq(seq),
                chunks::state.eq("queued"),
                chunks::items.eq(items),
                chunks::weight.eq(weight.max(1)),
                chunks::done.eq(0),
                chunks::failed.eq(0),
                chunks::attempts.eq(0),
            )
        })
        .collect();
    for part in rows.chunks(1000) {
        diesel::insert_into(chunks::table).values(part).execute(tx.conn)?;
    }
    Ok(())
}

/// An operation.
pub fn operation(tx: &mut Tx<'_>, id: OperationId) -> Result<Option<Operation>> {
    Ok(operations::table
        .filter(operations::id.eq(id))
        .select(Operation::as_select())
        .first(tx.conn)
        .optional()?)
}

/// An operation, locked against a change of its state by others.
pub fn lock_operation(tx: &mut Tx<'_>, id: OperationId) -> Result<Option<Operation>> {
    Ok(operations::table
        .filter(operations::id.eq(id))
        .select(Operation::as_select())
        .for_no_key_update()
        .first(tx.conn)
        .optional()?)
}

/// Operations, newest first, all or of one subject.
pub fn operations(
    tx: &mut Tx<'_>,
    kind: Option<OperationKind>,
    subject: Option<i64>,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<Operation>> {
    let mut query = operations::table.select(Operation::as_select()).into_boxed();
    if let Some(kind) = kind {
        query = query.filter(operations::kind.eq(kind));
    }
    if let Some(subject) = subject {
        query = query.filter(operations::subject_id.eq(subject));
    }
    if let Some(id) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(operations::id.lt(id));
    }
    let rows = query.order(operations::id.desc()).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &Operation| Cursor::new([row.id.0])))
}

/// The newest operation of each of these subjects, among these kinds.
pub fn latest_of(tx: &mut Tx<'_>, kinds: &[OperationKind], subjects: &[i64]) -> Result<Vec<Operation>> {
    Ok(operations::table
        .filter(operations::kind.eq_any(kinds).and(operations::subject_id.eq_any(subjects)))
        .distinct_on(operations::subject_id)
        .select(Operation::as_select())
        .order((operations::subject_id, operations::id.desc()))
        .load(tx.conn)?)
}

#[derive(QueryableByName)]
struct ProgressRow {
    #[diesel(sql_type = BigInt)]
    operation_id: i64,
    #[diesel(sql_type = BigInt)]
    done: i64,
    #[diesel(sql_type = BigInt)]
    failed: i64,
    #[diesel(sql_type = BigInt)]
    open_chunks: i64,
    #[diesel(sql_type = BigInt)]
    open_weight: i64,
}

#[derive(QueryableByName)]
struct PaceRow {
    #[diesel(sql_type = BigInt)]
    operation_id: i64,
    #[diesel(embed)]
    pace: Pace,
}

/// How far operations are, in the order asked for.
pub fn progress(tx: &mut Tx<'_>, ids: &[OperationId]) -> Result<Vec<Progress>> {
    let raw: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let rows: Vec<ProgressRow> = diesel::sql_query(
        "SELECT operation_id, coalesce(sum(done), 0)::bigint AS done, coalesce(sum(failed), 0)::bigint AS failed, \
         count(*) FILTER (WHERE state = 'queued') AS open_chunks, \
         coalesce(sum(weight) FILTER (WHERE state = 'queued'), 0)::bigint AS open_weight \
         FROM chunks WHERE operation_id = ANY($1) GROUP BY operation_id",
    )
    .bind::<Array<BigInt>, _>(&raw)
    .load(tx.conn)?;
    let mut progress: HashMap<i64, Progress> = HashMap::with_capacity(rows.len());
    for row in rows {
        let ProgressRow { operation_id, done, failed, open_chunks, open_weight } = row;
        let of = Progress { done, failed, open_chunks, open_weight, paces: Vec::new() };
        progress.insert(operation_id, of);
    }
    for PaceRow { operation_id, pace } in paces(tx, &raw)? {
        progress.entry(operation_id).or_default().paces.push(pace);
    }
    Ok(ids.iter().map(|id| progress.get(&id.0).cloned().unwrap_or_default()).collect())
}

/// What the workers of operations under way have done of each.
fn paces(tx: &mut Tx<'_>, operations: &[i64]) -> Result<Vec<PaceRow>> {
    Ok(diesel::sql_query(
        "SELECT c.operation_id, count(*) AS chunks, sum(c.weight)::bigint AS weight, \
           min(c.started_at) AS began_at, max(c.finished_at) AS ended_at \
         FROM chunks c JOIN operations o ON o.id = c.operation_id AND o.finished_at IS NULL \
         WHERE c.operation_id = ANY($1) AND c.state = 'done' AND c.worker IS NOT NULL \
           AND c.started_at IS NOT NULL AND c.finished_at IS NOT NULL \
         GROUP BY c.operation_id, c.worker ORDER BY c.operation_id, c.worker",
    )
    .bind::<Array<BigInt>, _>(operations)
    .load(tx.conn)?)
}

#[derive(QueryableByName)]
struct Hidden {
    #[diesel(sql_type = BigInt)]
    id: OperationId,
}

/// Those of the operations whose items reach beyond these sites, and the imports, whose files may hold
/// anything, of others than `actor`.
pub fn reaching_beyond(
    tx: &mut Tx<'_>,
    ids: &[OperationId],
    sites: &[SiteId],
    actor: &str,
) -> Result<Vec<OperationId>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let sites: Vec<i64> = sites.iter().map(|site| site.0).collect();
    let rows: Vec<Hidden> = diesel::sql_query(
        "SELECT o.id FROM operations o WHERE o.id = ANY($1) AND CASE o.kind \
           WHEN 'reading_import' THEN o.created_by <> $3 WHEN 'reading_import_undo' THEN o.created_by <> $3 \
           WHEN 'payment_run' THEN EXISTS (\
             SELECT 1 FROM draws d JOIN accounts a ON a.account_id = d.account_id \
             WHERE d.payment_run_id = o.subject_id AND a.site_id <> ALL($2)) \
           ELSE EXISTS (\
             SELECT 1 FROM chunks c CROSS JOIN unnest(c.items) item (account_id) \
             JOIN accounts a ON a.account_id = item.account_id \
             WHERE c.operation_id = o.id AND a.site_id <> ALL($2)) END",
    )
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Array<BigInt>, _>(sites)
    .bind::<Text, _>(actor)
    .load(tx.conn)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Notes of chunks in which items failed.
pub fn notes(tx: &mut Tx<'_>, id: OperationId, limit: i64) -> Result<Vec<String>> {
    Ok(chunks::table
        .filter(chunks::operation_id.eq(id.0).and(chunks::note.is_not_null()))
        .select(chunks::note.assume_not_null())
        .order(chunks::seq)
        .limit(limit)
        .load(tx.conn)?)
}

/// Operations that wait for their first worker become running; answers them.
pub fn start_queued(tx: &mut Tx<'_>, at: OffsetDateTime) -> Result<usize> {
    Ok(diesel::update(operations::table.filter(operations::state.eq(OperationState::Queued)))
        .set((operations::state.eq(OperationState::Running), operations::started_at.eq(at)))
        .execute(tx.conn)?)
}

#[derive(QueryableByName)]
struct Claimed {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    operation_id: i64,
    #[diesel(sql_type = Integer)]
    seq: i32,
    #[diesel(sql_type = Array<BigInt>)]
    items: Vec<i64>,
    #[diesel(sql_type = Integer)]
    attempts: i32,
}

/// Takes the next chunk that nobody works on: its row stays locked until the end of the
/// transaction. Operations take turns, by the place of their chunks; those put off wait aside.
pub fn claim(tx: &mut Tx<'_>, now: OffsetDateTime) -> Result<Option<Chunk>> {
    let row: Option<Claimed> = diesel::sql_query(
        "SELECT c.id, c.operation_id, c.seq, c.items, c.attempts FROM chunks c \
         WHERE c.state = 'queued' AND EXISTS (SELECT 1 FROM operations o WHERE o.id = c.operation_id \
           AND o.state = 'running' AND (o.retry_at IS NULL OR o.retry_at <= $1)) \
         ORDER BY c.seq, c.id LIMIT 1 FOR UPDATE OF c SKIP LOCKED",
    )
    .bind::<Timestamptz, _>(now)
    .get_result(tx.conn)
    .optional()?;
    Ok(row.map(|row| Chunk {
        id: row.id,
        operation_id: OperationId(row.operation_id),
        seq: row.seq,
        items: row.items,
        attempts: row.attempts,
    }))
}

/// Takes this chunk, when it is still queued and nobody works on it.
pub fn claim_one(tx: &mut Tx<'_>, id: i64) -> Result<Option<Chunk>> {
    Ok(chunks::table
        .filter(chunks::id.eq(id).and(chunks::state.eq("queued")))
        .select(Chunk::as_select())
        .for_update()
        .skip_locked()
        .first(tx.conn)
        .optional()?)
}

/// What came of a chunk.
#[derive(Debug, Clone, Copy)]
pub struct ChunkDone<'a> {
    /// Items finished.
    pub done: i32,
    /// Items that failed.
    pub failed: i32,
    /// Items, of both, that were as they had been.
    pub unchanged: i32,
    /// What is to be said about the failed ones.
    pub note: Option<&'a str>,
    /// The process and thread that did it.
    pub worker: &'a str,
}

/// Finishes a chunk that was claimed at `started_at`.
pub fn finish_chunk(
    tx: &mut Tx<'_>,
    id: i64,
    of: ChunkDone<'_>,
    started_at: OffsetDateTime,
    at: OffsetDateTime,
) -> Result<()> {
    diesel::sql_query(
        "UPDATE chunks SET state = 'done', done = $2, failed = $3, unchanged = $4, note = $5, finished_at = $6, \
         worker = $7, started_at = $8 WHERE id = $1",
    )
    .bind::<BigInt, _>(id)
    .bind::<Integer, _>(of.done)
    .bind::<Integer, _>(of.failed)
    .bind::<Integer, _>(of.unchanged)
    .bind::<Nullable<Text>, _>(of.note)
    .bind::<Timestamptz, _>(at)
    .bind::<Text, _>(of.worker)
    .bind::<Timestamptz, _>(started_at)
    .execute(tx.conn)?;
    Ok(())
}

/// How many items of an operation were as they had been.
pub fn unchanged(tx: &mut Tx<'_>, id: OperationId) -> Result<i64> {
    let of = chunks::table.filter(chunks::operation_id.eq(id.0));
    let sum: Option<i64> = of.select(diesel::dsl::sum(chunks::unchanged)).get_result(tx.conn)?;
    Ok(sum.unwrap_or_default())
}

/// Notes that a chunk failed; it stays queued. Skipped when somebody else has it already.
pub fn fail_chunk(tx: &mut Tx<'_>, id: i64) -> Result<()> {
    diesel::sql_query(
        "UPDATE chunks SET attempts = attempts + 1 WHERE id = (SELECT id FROM chunks WHERE id = $1 FOR UPDATE SKIP LOCKED)",
    )
    .bind::<BigInt, _>(id)
    .execute(tx.conn)?;
    Ok(())
}

/// No chunk of a running operation is taken up before this time: what it needs outside is away.
pub fn put_off(tx: &mut Tx<'_>, id: OperationId, until: OffsetDateTime) -> Result<()> {
    let running = operations::id.eq(id).and(operations::state.eq(OperationState::Running));
    diesel::update(operations::table.filter(running))
        .set(operations::retry_at.eq(Some(until)))
        .execute(tx.conn)?;
    Ok(())
}

/// A running operation without open chunks, locked, to be finished.
pub fn lock_finished(tx: &mut Tx<'_>) -> Result<Option<Operation>> {
    Ok(operations::table
        .filter(operations::state.eq(OperationState::Running))
        .filter(diesel::dsl::not(diesel::dsl::exists(
            chunks::table
                .filter(chunks::operation_id.eq(operations::id).and(chunks::state.eq("queued")))
                .select(chunks::id),
        )))
        .select(Operation::as_select())
        .order(operations::id)
        .for_update()
        .skip_locked()
        .first(tx.conn)
        .optional()?)
}

/// Sets an operation's state, with its result or error when it has ended.
pub fn set_state(
    tx: &mut Tx<'_>,
    id: OperationId,
    state: OperationState,
    result: Option<&Value>,
    error: Option<&str>,
    at: OffsetDateTime,
) -> Result<()> {
    let ended = matches!(state, OperationState::Done | OperationState::Failed | OperationState::Cancelled);
    diesel::update(operations::table.filter(operations::id.eq(id)))
        .set((
            operations::state.eq(state),
            operations::result.eq(result),
            operations::error.eq(error),
            operations::finished_at.eq(ended.then_some(at)),
            operations::retry_at.eq(None::<OffsetDateTime>),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// Withdraws the chunks of an operation that nobody works on; answers how many.
pub fn cancel_chunks(tx: &mut Tx<'_>, id: OperationId) -> Result<usize> {
    Ok(diesel::sql_query(
        "UPDATE chunks SET state = 'cancelled' WHERE id IN \
         (SELECT id FROM chunks WHERE operation_id = $1 AND state = 'queued' FOR UPDATE SKIP LOCKED)",
    )
    .bind::<BigInt, _>(id.0)
    .execute(tx.conn)?)
}
