//! What a schedule starts: the use cases that a person would call, for the window of the day.

use super::starting::{Done, Link};
use crate::deliveries;
use crate::exchange::{self, NewExport};
use crate::payment_runs::{self, RunFilter};
use crate::runs::{self, NewRun};
use crate::windows::{self, left};
use crate::{App, Caller, Error, Result, Utility, invoice_runs};
use billing::{RunEvent, WindowEvent, transition};
use std::collections::HashSet;
use store::Tx;
use store::runs::BillRun;
use store::schedules::Schedule;
use store::windows::Window;
use vocab::dates::plus_days;
use vocab::{Code, Problem, RunState, ScheduledWork, WindowId, WindowState};

/// Runs of a window that are looked at.
const RUNS: i64 = 500;

impl App {
    /// Does the work of a schedule, for the window given or those that the day has.
    pub(super) fn do_scheduled(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        row: &Schedule,
        window: Option<Window>,
    ) -> Result<Done> {
        if row.work == ScheduledWork::PaymentRun {
            return Ok(Done { window: window.map(|of| of.id), links: collect(tx, caller, row)? });
        }
        let windows = match window {
            Some(window) => vec![window],
            None => windows_of_today(tx, row)?,
        };
        if let [window] = windows.as_slice() {
            let links = self.do_in(tx, caller, row, window)?;
            return Ok(Done { window: Some(window.id), links });
        }
        // Several, of one cycle or of many: where nothing is to be done, that keeps no other back.
        let (mut links, mut refused) = (Vec::new(), Vec::new());
        for window in &windows {
            match tx.attempt(|tx| self.do_in(tx, caller, row, window)) {
                Ok(made) => links.extend(made),
                Err(Error::Refused(problem)) => refused.push((window.id, problem)),
                Err(error) => return Err(error),
            }
        }
        match refused.first() {
            Some((_, problem)) if links.is_empty() => Err(problem.clone().into()),
            _ => {
                // What was refused beside it stands with it, under its code.
                let worth_it =
                    |problem: &Problem| !matches!(problem.code, Code::NothingOpen | Code::EmptyScope);
                let noted = refused.into_iter().filter(|(_, problem)| worth_it(problem));
                links.extend(noted.map(|(window, problem)| (problem.code.as_str(), window.to_string())));
                Ok(Done { window: None, links })
            }
        }
    }

    fn do_in(&self, tx: &mut Tx<'_>, caller: &Caller, row: &Schedule, window: &Window) -> Result<Vec<Link>> {
        if matches!(row.work, ScheduledWork::BillTest | ScheduledWork::BillAccept) {
            // The window before its runs, as whoever closes it does.
            runs::open_window(tx, window.id)?;
        }
        match row.work {
            ScheduledWork::OpenWindow => {
                windows::step(tx, caller, window, window.version, WindowEvent::Open, None)?;
                Ok(vec![("cycle_window", window.id.to_string())])
            }
            ScheduledWork::CloseWindow => close(tx, caller, row, window),
            ScheduledWork::ExportReadings => {
                let new = NewExport { site_ids: row.sites().unwrap_or_default(), ..NewExport::default() };
                let export = exchange::export(tx, self, caller, window.id, new)?;
                Ok(vec![("reading_export", export.id.to_string())])
            }
            ScheduledWork::BillTest => test(tx, caller, row, window),
            ScheduledWork::BillAccept => accept(tx, caller, window),
            ScheduledWork::Invoices => {
                let view = invoice_runs::start(tx, caller, window.id, None)?;
                Ok(vec![
                    ("invoice_run", view.run.id.to_string()),
                    ("operation", view.run.operation_id.to_string()),
                ])
            }
            ScheduledWork::Send => send(tx, caller, window),
            ScheduledWork::PaymentRun => collect(tx, caller, row),
        }
    }
}

/// The windows that the work is for today, the oldest first: planned ones that have begun are opened; what is
/// tested, accepted or closed is over; readings are exported for the oldest that is still read; invoices and
/// sending are for all that have begun.
fn windows_of_today(tx: &mut Tx<'_>, row: &Schedule) -> Result<Vec<Window>> {
    let utility = Utility::load(tx)?;
    let today = utility.day(tx.as_of());
    let state = match row.work {
        ScheduledWork::OpenWindow => WindowState::Planned,
        _ => WindowState::Open,
    };
    let read_days = i64::from(utility.settings.read_days_after);
    let mut found = store::windows::in_state(tx, row.cycle_id, state)?;
    found.retain(|window| match row.work {
        // A window that is not over would be billed before it was used.
        ScheduledWork::BillTest | ScheduledWork::BillAccept => window.ends_on <= today,
        ScheduledWork::CloseWindow => window.ends_on < today,
        ScheduledWork::ExportReadings => {
            window.starts_on <= today && plus_days(window.ends_on, read_days).is_none_or(|last| today <= last)
        }
        _ => window.starts_on <= today,
    });
    if row.work == ScheduledWork::ExportReadings {
        let mut seen = HashSet::new();
        found.retain(|window| seen.insert(window.cycle_id));
    }
    if found.is_empty() {
        let detail = format!("no {state} window of the cycle is for this today");
        return Err(Problem::new(Code::NothingOpen, detail).into());
    }
    Ok(found)
}

/// A machine closes only where nothing is left: a reason is a person's.
fn close(tx: &mut Tx<'_>, caller: &Caller, row: &Schedule, window: &Window) -> Result<Vec<Link>> {
    let left = left(tx, caller, window.id)?;
    if !left.is_nothing() {
        let detail =
            format!("{} accounts of the window have no bill, or work on it is not done", left.unbilled);
        return Err(Problem::new(Code::SomethingLeft, detail).with("accounts", left.unbilled).into());
    }
    let reason = format!("Everything is billed; closed by the schedule {}.", row.name);
    windows::close(tx, caller, window.id, window.version, &reason)?;
    Ok(vec![("cycle_window", window.id.to_string())])
}

fn runs_of(tx: &mut Tx<'_>, window: WindowId) -> Result<Vec<BillRun>> {
    Ok(store::runs::list(tx, Some(window), None, RUNS)?.items)
}

/// Tests the schedule's own run again, where it waits for its acceptance; otherwise a new run takes every
/// account that no run holds and no bill has, those among them that stayed behind in the schedule's last.
fn test(tx: &mut Tx<'_>, caller: &Caller, row: &Schedule, window: &Window) -> Result<Vec<Link>> {
    let own = caller.actor();
    let mut waiting = None;
    for run in runs_of(tx, window.id)?.into_iter().filter(|run| run.owner == own) {
        match run.state {
            RunState::Scheduled | RunState::Tested => waiting = waiting.or(Some(run.id)),
            RunState::Accepted | RunState::Invoiced => drop(runs::close(tx, caller, run.id)?),
            _ => {}
        }
    }
    let run = match waiting {
        Some(run) => run,
        None => {
            let new = NewRun { window: window.id, name: row.name.clone(), sites: None, accounts: None };
            runs::create(tx, caller, new)?.run.id
        }
    };
    let (test, operation) = runs::start_test(tx, caller, run)?;
    Ok(vec![
        ("bill_run", run.to_string()),
        ("test", test.id.to_string()),
        ("operation", operation.id.to_string()),
    ])
}

/// Accepts the tests of runs that schedules made; those of people wait for people.
fn accept(tx: &mut Tx<'_>, caller: &Caller, window: &Window) -> Result<Vec<Link>> {
    let (mut links, mut first_refusal) = (Vec::new(), None);
    for run in runs_of(tx, window.id)? {
        let Some(test) = run.latest_test_id else { continue };
        let is_ready = run.state == RunState::Tested && transition(run.state, RunEvent::StartAccept).is_ok();
        if !is_ready || !run.owner.starts_with("schedule:") {
            continue;
        }
        match tx.attempt(|tx| runs::start_accept(tx, caller, run.id, test)) {
            Ok(operation) => {
                links.push(("bill_run", run.id.to_string()));
                links.push(("operation", operation.id.to_string()));
            }
            Err(Error::Refused(problem)) => first_refusal = first_refusal.or(Some(problem)),
            Err(error) => return Err(error),
        }
    }
    match first_refusal {
        _ if !links.is_empty() => Ok(links),
        Some(problem) => Err(problem.into()),
        None => Err(Problem::new(Code::NoTest, "no test of a scheduled run waits in the window").into()),
    }
}

/// Sends the approved e-mail of the window's invoices.
fn send(tx: &mut Tx<'_>, caller: &Caller, window: &Window) -> Result<Vec<Link>> {
    let mut links = Vec::new();
    for run in store::invoices::runs(tx, Some(window.id), None, RUNS)?.items {
        match deliveries::send(tx, caller, Some(run.id)) {
            Ok(view) => links.push(("operation", view.operation.id.to_string())),
            Err(Error::Refused(problem)) if problem.code == Code::EmptyScope => {}
            Err(error) => return Err(error),
        }
    }
    if links.is_empty() {
        let detail = "no approved e-mail of the window waits to be sent";
        return Err(Problem::new(Code::EmptyScope, detail).into());
    }
    Ok(links)
}

/// Collects what is to be drawn by today.
fn collect(tx: &mut Tx<'_>, caller: &Caller, row: &Schedule) -> Result<Vec<Link>> {
    let today = Utility::load(tx)?.day(tx.as_of());
    let filter = RunFilter { cycle_id: row.cycle_id, site_ids: row.sites(), ..RunFilter::default() };
    let run = payment_runs::create(tx, caller, &filter, today)?.run.id;
    let operation = payment_runs::execute(tx, caller, run)?;
    Ok(vec![("payment_run", run.to_string()), ("operation", operation.id.to_string())])
}
