//! Long work: filing it, its progress, pausing, resuming and cancelling it.

use crate::audit::{self, Action};
use crate::{App, Caller, Error, Result, real_time, time_left};
use serde_json::Value;
use store::queue::{self, NewChunk, Operation, Progress};
use store::{Cursor, Page, Tx};
use time::format_description::well_known::Rfc3339;
use vocab::{Code, OperationId, OperationKind, OperationState, Problem};

/// Long work to file.
#[derive(Debug)]
pub struct NewOperation {
    /// What it does.
    pub kind: OperationKind,
    /// What it works on.
    pub subject_id: Option<i64>,
    /// What its chunks need to know.
    pub params: Value,
    /// Its items, cut into chunks, in the order in which they are to be taken.
    pub chunks: Vec<NewChunk>,
    /// Items in all; the chunks' items when absent.
    pub total: Option<i64>,
}

/// An operation with its progress.
#[derive(Debug, Clone)]
pub struct OperationView {
    /// The operation.
    pub operation: Operation,
    /// How far it is.
    pub progress: Progress,
}

impl OperationView {
    /// Items per thousand seconds since the start, by the machine's clock.
    pub fn per_kilosecond(&self) -> Option<i64> {
        let started_at = self.operation.started_at?;
        let ended_at = self.operation.finished_at.unwrap_or_else(real_time::now);
        let elapsed_ms = i64::try_from((ended_at - started_at).whole_milliseconds()).ok()?.max(1);
        (self.progress.done + self.progress.failed).checked_mul(1_000_000)?.checked_div(elapsed_ms)
    }

    /// Seconds until the end at the pace of those who work on it; none before the first chunk and after the end.
    pub fn time_left_s(&self) -> Option<i64> {
        let Progress { open_weight, paces, .. } = &self.progress;
        if self.operation.finished_at.is_some() {
            return None;
        }
        time_left::estimate_s(*open_weight, paces, real_time::now())
    }
}

/// Files long work; a worker takes it up after the commit.
pub fn file(tx: &mut Tx<'_>, created_by: &str, new: NewOperation) -> Result<Operation> {
    let id = OperationId(tx.new_id()?);
    file_as(tx, id, created_by, new)
}

/// The same under an id that rows of its items name already.
pub(crate) fn file_as(
    tx: &mut Tx<'_>,
    id: OperationId,
    created_by: &str,
    new: NewOperation,
) -> Result<Operation> {
    let items: usize = new.chunks.iter().map(|chunk| chunk.items.len()).sum();
    let operation = Operation {
        id,
        kind: new.kind,
        state: OperationState::Queued,
        subject_id: new.subject_id,
        params: new.params,
        total: new.total.unwrap_or_else(|| i64::try_from(items).unwrap_or(i64::MAX)),
        result: None,
        error: None,
        created_by: created_by.to_owned(),
        created_at: real_time::now(),
        started_at: None,
        finished_at: None,
    };
    queue::insert_operation(tx, &operation)?;
    queue::insert_chunks(tx, operation.id, new.chunks)?;
    Ok(operation)
}

/// What the chunks need to know, with the business time at which the work was filed: operations themselves keep
/// real time.
pub(crate) fn with_time(tx: &Tx<'_>, mut params: Value) -> Result<Value> {
    let at = tx.as_of().format(&Rfc3339).map_err(|error| Error::Fault(error.to_string()))?;
    params["at"] = Value::String(at);
    Ok(params)
}

/// What a person may do with long work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Chunks under way finish, no further one begins.
    Pause,
    /// Goes on exactly where it stopped.
    Resume,
    /// Chunks under way finish, the others are withdrawn.
    Cancel,
}

impl Control {
    const fn action(self) -> &'static str {
        match self {
            Self::Pause => "operation.pause",
            Self::Resume => "operation.resume",
            Self::Cancel => "operation.cancel",
        }
    }

    /// The one table of what may follow what.
    const fn next(self, state: OperationState) -> Option<OperationState> {
        use OperationState::{Cancelled, Failed, Paused, Queued, Running};
        match (self, state) {
            (Self::Pause, Queued | Running) => Some(Paused),
            (Self::Resume, Paused | Failed) => Some(Running),
            (Self::Cancel, Queued | Running | Paused | Failed) => Some(Cancelled),
            _ => None,
        }
    }
}

/// Pauses, resumes or cancels the work alone; rooms whose own state goes with it call this.
pub(crate) fn steer(tx: &mut Tx<'_>, caller: &Caller, id: OperationId, control: Control) -> Result<()> {
    let operation = queue::lock_operation(tx, id)?.ok_or_else(Problem::not_found)?;
    let Some(next) = control.next(operation.state) else { return Err(refused(operation.state)) };
    if control == Control::Cancel {
        queue::cancel_chunks(tx, id)?;
    }
    queue::set_state(tx, id, next, None, None, real_time::now())?;
    audit::record(
        tx,
        caller,
        Action { action: control.action(), subject: id.to_string(), ..Action::default() },
    )
}

/// The refusal of what does not follow this state.
pub(crate) fn refused(state: OperationState) -> Error {
    Problem::new(Code::WrongState, format!("the operation is {state}")).with("state", state).into()
}

/// An operation with its progress, within a transaction.
pub fn view(tx: &mut Tx<'_>, id: OperationId) -> Result<OperationView> {
    let operation = queue::operation(tx, id)?.ok_or_else(Problem::not_found)?;
    let progress = queue::progress(tx, &[id])?.pop().unwrap_or_default();
    Ok(OperationView { operation, progress })
}

/// Whether nothing comes after this state; a failed operation may be resumed.
pub(crate) const fn is_over(state: OperationState) -> bool {
    matches!(state, OperationState::Done | OperationState::Cancelled)
}

/// "Not found" for work on things beyond the caller's sites.
pub(crate) fn visible(tx: &mut Tx<'_>, caller: &Caller, id: OperationId) -> Result<()> {
    if hidden(tx, caller, &[id])?.is_empty() { Ok(()) } else { Err(Problem::not_found().into()) }
}

/// Those of the operations that the caller does not see: one that reaches beyond their sites tells how
/// much there is of what, and whose items failed.
pub(crate) fn hidden(tx: &mut Tx<'_>, caller: &Caller, ids: &[OperationId]) -> Result<Vec<OperationId>> {
    Ok(match caller.sites() {
        Some(own) => queue::reaching_beyond(tx, ids, &own, &caller.actor())?,
        None => Vec::new(),
    })
}

impl App {
    /// Pauses, resumes or cancels an operation, and with it what it is the work of.
    pub fn control_operation(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        id: OperationId,
        what: Control,
    ) -> Result<()> {
        let operation = queue::operation(tx, id)?.ok_or_else(Problem::not_found)?;
        self.handler(operation.kind)?.control(tx, caller, &operation, what)
    }

    /// An operation that the caller may see, with its progress.
    pub fn operation(&self, caller: &Caller, id: OperationId) -> Result<OperationView> {
        self.db().tx(|tx| {
            visible(tx, caller, id)?;
            view(tx, id)
        })
    }

    /// Several operations with their progress; those that do not exist are left out.
    pub fn operations_by_id(&self, ids: &[OperationId]) -> Result<Vec<OperationView>> {
        self.db().tx(|tx| {
            let progress = queue::progress(tx, ids)?;
            let mut views = Vec::with_capacity(ids.len());
            for (&id, progress) in ids.iter().zip(progress) {
                if let Some(operation) = queue::operation(tx, id)? {
                    views.push(OperationView { operation, progress });
                }
            }
            Ok(views)
        })
    }

    /// The operations that the caller may see, newest first.
    pub fn operations(
        &self,
        caller: &Caller,
        kind: Option<OperationKind>,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<OperationView>> {
        self.db().tx(|tx| {
            let mut page = queue::operations(tx, kind, None, after, limit)?;
            let mut ids: Vec<OperationId> = page.items.iter().map(|operation| operation.id).collect();
            let hidden = hidden(tx, caller, &ids)?;
            ids.retain(|id| !hidden.contains(id));
            page.items.retain(|operation| !hidden.contains(&operation.id));
            let mut progress = queue::progress(tx, &ids)?.into_iter();
            Ok(page
                .map(|operation| OperationView { operation, progress: progress.next().unwrap_or_default() }))
        })
    }

    /// What went wrong with items of an operation: the first notes of its chunks.
    pub fn operation_notes(&self, caller: &Caller, id: OperationId, limit: i64) -> Result<Vec<String>> {
        self.db().tx(|tx| {
            queue::operation(tx, id)?.ok_or_else(Problem::not_found)?;
            visible(tx, caller, id)?;
            Ok::<_, Error>(queue::notes(tx, id, limit)?)
        })
    }
}
