//! Pausing, resuming and cancelling a run: asked of the run, or of the operation that is its work.
//!
//! The operation is locked before its run, as when it comes to its end. The making of invoices is
//! not a run's own work, it may serve several: it is steered where it was filed, and the runs
//! follow ([`super::invoicing`]).

use super::{RunView, lock, step, view};
use crate::audit::{self, Action};
use crate::operations::{self, Control};
use crate::{Caller, Result};
use access::Permission;
use billing::RunEvent;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use store::Tx;
use store::queue::{self, Operation};
use store::runs::BillRun;
use vocab::{Code, OperationKind, Problem, RunId, RunState};

/// The kinds of work by which a run visits its accounts.
const OWN_WORK: [OperationKind; 2] = [OperationKind::BillTest, OperationKind::BillAccept];

/// The newest test or acceptance of each run that has any.
pub(super) fn latest_operations(tx: &mut Tx<'_>, runs: &[RunId]) -> Result<HashMap<RunId, Operation>> {
    let ids: Vec<i64> = runs.iter().map(|id| id.0).collect();
    let newest = queue::latest_of(tx, &OWN_WORK, &ids)?;
    Ok(newest.into_iter().filter_map(|of| Some((RunId(of.subject_id?), of))).collect())
}

/// The run's test or acceptance that has not come to its end.
fn work_of(tx: &mut Tx<'_>, id: RunId) -> Result<Option<Operation>> {
    Ok(latest_operations(tx, &[id])?.remove(&id).filter(|operation| !operations::is_over(operation.state)))
}

/// Those of the runs that are at a test or acceptance, even when it stands still.
pub(super) fn at_own_work(tx: &mut Tx<'_>, runs: &[BillRun]) -> Result<HashSet<RunId>> {
    let ids: Vec<RunId> = runs.iter().map(|run| run.id).collect();
    let newest = latest_operations(tx, &ids)?;
    Ok(newest
        .into_iter()
        .filter(|(_, operation)| !operations::is_over(operation.state))
        .map(|(id, _)| id)
        .collect())
}

/// Pauses, resumes or cancels the run with the work under way.
pub fn control(tx: &mut Tx<'_>, caller: &Caller, id: RunId, what: Control) -> Result<RunView> {
    let run = steer(tx, caller, id, None, what)?;
    view(tx, run)
}

/// The same, asked of a test or an acceptance.
pub(super) fn control_work(tx: &mut Tx<'_>, caller: &Caller, asked: &Operation, what: Control) -> Result<()> {
    caller.may(Permission::BillRunsTest)?;
    steer(tx, caller, run_of(asked), Some(asked), what)?;
    Ok(())
}

/// A fault has stopped a test or an acceptance.
pub(super) fn stopped(tx: &mut Tx<'_>, operation: &Operation) -> Result<()> {
    let mut run = store::runs::lock(tx, run_of(operation))?.ok_or_else(Problem::not_found)?;
    step(&mut run, RunEvent::Fail)?;
    Ok(store::runs::update(tx, &run)?)
}

fn run_of(operation: &Operation) -> RunId {
    RunId(operation.subject_id.unwrap_or_default())
}

fn steer(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: RunId,
    asked: Option<&Operation>,
    what: Control,
) -> Result<BillRun> {
    if let Some(work) = work_of(tx, id)? {
        queue::lock_operation(tx, work.id)?;
    }
    let mut run = lock(tx, caller, id)?;
    // Read again: it may have ended while the locks were waited for.
    let work = work_of(tx, id)?;
    if let Some(asked) = asked.filter(|asked| work.as_ref().is_none_or(|work| work.id != asked.id)) {
        return Err(operations::refused(
            queue::operation(tx, asked.id)?.unwrap_or_else(|| asked.clone()).state,
        ));
    }
    let before = run.state;
    step(&mut run, event_of(what, work.as_ref()))?;
    match work {
        Some(work) => operations::steer(tx, caller, work.id, what)?,
        None if what == Control::Cancel => {}
        None => return Err(at_invoices(before).into()),
    }
    if what == Control::Cancel {
        store::runs::release_items(tx, id)?;
        store::runs::drop_drafts(tx, id)?;
    }
    store::runs::update(tx, &run)?;
    run.version += 1;
    audit::record(
        tx,
        caller,
        Action {
            action: "bill_run.control",
            subject: id.to_string(),
            before: Some(json!({ "state": before })),
            after: Some(json!({ "state": run.state })),
            reason: None,
        },
    )?;
    Ok(run)
}

fn event_of(what: Control, work: Option<&Operation>) -> RunEvent {
    match (what, work.map(|work| work.kind)) {
        (Control::Pause, _) => RunEvent::Pause,
        (Control::Resume, Some(OperationKind::BillAccept)) => RunEvent::ResumeAccept,
        (Control::Resume, _) => RunEvent::ResumeTest,
        (Control::Cancel, _) => RunEvent::Cancel,
    }
}

fn at_invoices(state: RunState) -> Problem {
    let detail = "its invoices are the work of an invoice run; steer that run's operation";
    Problem::new(Code::WrongState, detail).with("state", state)
}
