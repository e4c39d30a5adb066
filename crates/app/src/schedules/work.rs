//! What a schedule starts: the use cases that a person would call, for the window of the day.

use super::starting::{Done, Link};
use crate::deliveries;
use crate::exchange::{self, NewExport};
use crate::operations::Control;
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
use vocab::{Code, Problem, RunId, RunState, ScheduledWork, SiteId, WindowId, WindowState};

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
        let (_, left_out) = sites_of(caller, row)?;
        let mut done = self.do_in_windows(tx, caller, row, window)?;
        done.links.extend(left_out.into_iter().map(|site| ("site_left_out", site.to_string())));
        Ok(done)
    }

    fn do_in_windows(
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
        // The window before its runs, as whoever closes it does; as strongly as a new run needs it.
        match row.work {
            ScheduledWork::BillTest => drop(runs::lock_open_window(tx, window.id)?),
            ScheduledWork::BillAccept => drop(runs::open_window(tx, window.id)?),
            _ => {}
        }
        match row.work {
            ScheduledWork::OpenWindow => {
                windows::step(tx, caller, window, window.version, WindowEvent::Open, None)?;
                Ok(vec![("cycle_window", window.id.to_string())])
            }
            ScheduledWork::CloseWindow => close(tx, caller, row, window),
            ScheduledWork::ExportReadings => {
                let (site_ids, _) = sites_of(caller, row)?;
                let new = NewExport { site_ids, ..NewExport::default() };
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

/// The schedule's own sites as far as the caller still sees them, and those that are left out; none at all
/// when it is for every site.
fn sites_of(caller: &Caller, row: &Schedule) -> Result<(Vec<SiteId>, Vec<SiteId>)> {
    let Some(own) = row.sites() else { return Ok((Vec::new(), Vec::new())) };
    let (kept, left_out): (Vec<SiteId>, Vec<SiteId>) =
        own.into_iter().partition(|site| caller.principal.sees_site(*site));
    if kept.is_empty() {
        let detail = "who made the schedule sees none of its sites any more";
        return Err(Problem::new(Code::Forbidden, detail).into());
    }
    Ok((kept, left_out))
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
/// account that no run holds and no bill has, those among them that stayed behind in the schedule's last. A
/// run of its own that a fault has stopped is given up, and so is one that reaches beyond the sites it has
/// left: their accounts are tried again by the new one.
fn test(tx: &mut Tx<'_>, caller: &Caller, row: &Schedule, window: &Window) -> Result<Vec<Link>> {
    let own = caller.actor();
    let mut runs = runs_of(tx, window.id)?;
    runs.retain(|run| run.owner == own);
    let ids: Vec<RunId> = runs.iter().map(|run| run.id).collect();
    let beyond = match caller.sites() {
        Some(sites) => store::run_sets::reaching_beyond(tx, &ids, &sites)?,
        None => Vec::new(),
    };
    // They are its own: it ends them whole, whatever sites it has now.
    let owner = caller.everywhere();
    let (mut waiting, mut links) = (None, Vec::new());
    for run in runs {
        match run.state {
            RunState::Scheduled | RunState::Tested if !beyond.contains(&run.id) => {
                waiting = waiting.or(Some(run.id));
            }
            RunState::Scheduled | RunState::Tested | RunState::Failed => {
                runs::control(tx, &owner, run.id, Control::Cancel)?;
                links.push(("bill_run_given_up", run.id.to_string()));
            }
            RunState::Accepted | RunState::Invoiced => drop(runs::close(tx, &owner, run.id)?),
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
    let made = [
        ("bill_run", run.to_string()),
        ("test", test.id.to_string()),
        ("operation", operation.id.to_string()),
    ];
    Ok(made.into_iter().chain(links).collect())
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
    let (sites, _) = sites_of(caller, row)?;
    let site_ids = (!sites.is_empty()).then_some(sites);
    let filter = RunFilter { cycle_id: row.cycle_id, site_ids, ..RunFilter::default() };
    let run = payment_runs::create(tx, caller, &filter, today)?.run.id;
    let operation = payment_runs::execute(tx, caller, run)?;
    Ok(vec![("payment_run", run.to_string()), ("operation", operation.id.to_string())])
}
