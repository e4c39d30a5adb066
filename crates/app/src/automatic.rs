//! Automatic mode of a bill cycle: what follows an acceptable test, an acceptance and an invoice run without
//! a person. The house does it for the cycle, by the use cases that a person would call; what stops it is
//! noted with the work it would have followed, where the window's steps show it.

use crate::audit::{self, Action};
use crate::deliveries::{self, ToApprove};
use crate::{Caller, Error, Result, invoice_runs, runs};
use access::{Actor, Principal, SiteScope};
use serde_json::{Value, json};
use store::Tx;
use store::cycles::Cycle;
use vocab::{Code, CycleId, InvoiceRunId, ItemState, Problem, Role, RunId, TestId, WindowId, WindowStep};

fn speaking_for(cycle: CycleId) -> Caller {
    let principal =
        Principal { actor: Actor::Cycle(cycle), role: Role::Manager, sites: SiteScope::All, session: None };
    Caller { principal, request_id: None }
}

/// Takes the next step, when the window's cycle does that by itself; answers what it made or what stopped it.
fn follow(
    tx: &mut Tx<'_>,
    window: WindowId,
    next: WindowStep,
    is_on: impl Fn(&Cycle) -> bool,
    take: impl FnOnce(&mut Tx<'_>, &Caller) -> Result<Value>,
) -> Result<Option<Value>> {
    let window = store::windows::find(tx, window)?.ok_or_else(Problem::not_found)?;
    let cycle = store::cycles::find(tx, window.cycle_id)?.ok_or_else(Problem::not_found)?;
    if !is_on(&cycle) {
        return Ok(None);
    }
    let caller = speaking_for(cycle.id);
    match tx.attempt(|tx| take(tx, &caller)) {
        Ok(made) => Ok(Some(json!({ "step": next, "made": made }))),
        Err(error @ Error::Store(store::Error::Unavailable(_))) => Err(error),
        Err(error) => {
            let problem = error.problem();
            let stopped = json!({ "code": problem.code, "detail": problem.detail });
            let said = json!({ "step": next, "stopped": stopped });
            let (action, subject) = ("cycle_window.automatic_stopped", window.id.to_string());
            let after = Some(said.clone());
            audit::record(tx, &caller, Action { action, subject, after, ..Action::default() })?;
            Ok(Some(said))
        }
    }
}

/// A test has finished: it is accepted, unless something of it waits for a person.
pub(crate) fn after_test(tx: &mut Tx<'_>, run: RunId, test: TestId) -> Result<Option<Value>> {
    let of = store::runs::find(tx, run)?.ok_or_else(Problem::not_found)?;
    follow(
        tx,
        of.window_id,
        WindowStep::Accept,
        |cycle| cycle.auto_accept,
        |tx, caller| {
            let flags = store::flags::open_blocking(tx, run)?;
            let items = store::runs::live_counts(tx, run)?;
            let count = |state| items.iter().find(|(of, _)| *of == state).map_or(0, |(_, count)| *count);
            let errors = count(ItemState::Error);
            if flags > 0 || errors > 0 {
                let detail = format!("open blocking flags: {flags}, accounts with errors: {errors}");
                return Err(Problem::new(Code::ReviewOpen, detail)
                    .with("flags", flags)
                    .with("errors", errors)
                    .into());
            }
            if count(ItemState::Drafted) == 0 {
                return Err(Problem::new(Code::EmptyScope, "the test left no draft to accept").into());
            }
            let operation = runs::start_accept(tx, caller, run, test)?;
            Ok(json!({ "operation": operation.id }))
        },
    )
}

/// A run has been accepted: the invoices of its bills are made.
pub(crate) fn after_acceptance(tx: &mut Tx<'_>, run: RunId) -> Result<Option<Value>> {
    let of = store::runs::find(tx, run)?.ok_or_else(Problem::not_found)?;
    follow(
        tx,
        of.window_id,
        WindowStep::GenerateInvoices,
        |cycle| cycle.auto_generate,
        |tx, caller| {
            let view = invoice_runs::start(tx, caller, of.window_id, Some(run))?;
            Ok(json!({ "invoice_run": view.run.id, "operation": view.run.operation_id }))
        },
    )
}

/// Invoices have been made: their deliveries are approved, and what goes by e-mail is sent. Letters wait for
/// who hands them over.
pub(crate) fn after_invoices(tx: &mut Tx<'_>, run: InvoiceRunId) -> Result<Option<Value>> {
    let of = invoice_runs::find(tx, run)?;
    // What was chosen by a person goes out by a person.
    let Some(window) = of.window_id else { return Ok(None) };
    follow(
        tx,
        window,
        WindowStep::Send,
        |cycle| cycle.auto_send,
        |tx, caller| {
            let approved = deliveries::approve(tx, caller, ToApprove::Run(run, None))?.len();
            let sending = match deliveries::send(tx, caller, Some(run)) {
                Ok(view) => Some(view.operation.id),
                // Letters alone.
                Err(Error::Refused(problem)) if problem.code == Code::EmptyScope && approved > 0 => None,
                Err(error) => return Err(error),
            };
            Ok(json!({ "approved": approved, "operation": sending }))
        },
    )
}
