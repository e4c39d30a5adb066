//! Runs go with the invoices of their bills: invoicing while these are made, invoiced when every
//! accepted bill has its own, accepted again when the work ends before that.

use super::steering::at_own_work;
use crate::{Error, Result};
use billing::{InvoiceWork, steps_with_invoices, transition};
use store::Tx;
use store::invoices::{self, OpenWork};
use store::run_sets;
use store::runs::BillRun;
use vocab::{OperationId, OperationState, RunId, RunState, WindowId};

/// States of runs that have posted bills and are not at a test or acceptance, nor closed.
const FOLLOWING: [RunState; 4] =
    [RunState::Accepted, RunState::Invoicing, RunState::Paused, RunState::Failed];

/// Work that makes invoices for these runs has been filed.
pub(crate) fn begin_invoices(tx: &mut Tx<'_>, ids: &[RunId]) -> Result<()> {
    let runs = run_sets::lock(tx, ids)?;
    let busy = at_own_work(tx, &runs)?;
    for run in runs.into_iter().filter(|run| !busy.contains(&run.id)) {
        follow(tx, run, true, Some(InvoiceWork::UnderWay))?;
    }
    Ok(())
}

/// Work that makes invoices of the window has moved. `ended` is on its way to its end in this
/// transaction.
pub(crate) fn follow_invoices(tx: &mut Tx<'_>, window: WindowId, ended: Option<OperationId>) -> Result<()> {
    let runs = run_sets::lock_in(tx, window, &FOLLOWING)?;
    settle(tx, window, runs, ended)
}

/// The run has just been accepted: it may be that nothing new was posted, and all is invoiced.
pub(super) fn settle_accepted(tx: &mut Tx<'_>, run: BillRun) -> Result<()> {
    settle(tx, run.window_id, vec![run], None)
}

fn settle(tx: &mut Tx<'_>, window: WindowId, runs: Vec<BillRun>, ended: Option<OperationId>) -> Result<()> {
    let busy = at_own_work(tx, &runs)?;
    let ids: Vec<RunId> = runs.iter().map(|run| run.id).filter(|id| !busy.contains(id)).collect();
    let invoiced = run_sets::invoiced(tx, &ids)?;
    let open = invoices::open_work(tx, window)?;
    for run in runs {
        let Some(of) = invoiced.iter().find(|of| of.run_id == run.id && of.billed) else { continue };
        let work = if run.state == RunState::Accepted { None } else { work_for(run.id, &open, ended) };
        follow(tx, run, of.lacking, work)?;
    }
    Ok(())
}

/// What is being done about the invoices of a run. Work under way hides work that stands still.
fn work_for(run: RunId, open: &[OpenWork], ended: Option<OperationId>) -> Option<InvoiceWork> {
    let of_run =
        |work: &&OpenWork| Some(work.operation) != ended && work.bill_run.is_none_or(|only| only == run);
    let states: Vec<OperationState> = open.iter().filter(of_run).map(|work| work.state).collect();
    let any = |wanted: &[OperationState]| states.iter().any(|state| wanted.contains(state));
    match () {
        () if any(&[OperationState::Queued, OperationState::Running]) => Some(InvoiceWork::UnderWay),
        () if any(&[OperationState::Paused]) => Some(InvoiceWork::Paused),
        () if any(&[OperationState::Failed]) => Some(InvoiceWork::Failed),
        () => None,
    }
}

fn follow(tx: &mut Tx<'_>, mut run: BillRun, lacking: bool, work: Option<InvoiceWork>) -> Result<()> {
    let before = run.state;
    for &event in steps_with_invoices(run.state, lacking, work) {
        run.state = transition(run.state, event).map_err(|refused| Error::Fault(refused.to_string()))?;
    }
    if run.state == before { Ok(()) } else { Ok(store::runs::update(tx, &run)?) }
}
