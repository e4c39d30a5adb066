//! The eight steps of a window: how far each is, who did it last and with what result, what may come next,
//! what stands in the way, and how it can be undone. All of it is read off what the rooms of the steps wrote.

use crate::{App, Caller, Result, operations};
use serde_json::Value;
use std::collections::HashMap;
use store::audit::AuditEntry;
use store::window_steps::{self, HandOver, LastEvent, Noted, Seen, SingleBill, StepEvent, WindowCounts};
use store::windows::{Window, WindowFilter};
use store::{Cursor, Page, Tx};
use time::OffsetDateTime;
use vocab::{
    BillId, InvoiceRunId, PaymentRunId, PaymentRunState, Problem, ReadingExportId, ReadingImportId,
    StepState, TestId, WindowId, WindowState, WindowStep,
};

/// Hand-overs of letters, and bills of one account alone, that are looked at.
const NOTED: i64 = 5000;
/// The state of a payment run that has drawn nothing yet.
const PLANNED: &str = PaymentRunState::Planned.as_str();

/// Who did something about a step, when, and what it made.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    /// Business time.
    pub at: OffsetDateTime,
    /// Opaque id of who.
    pub by: String,
    /// Kinds and opaque ids of what it made.
    pub links: Vec<(&'static str, String)>,
    /// How far the work is: an operation's state; `planned` of a payment run that has drawn nothing yet.
    pub state: String,
    /// What came of it.
    pub result: Option<Value>,
    /// How many things it was about.
    pub count: Option<i64>,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Which.
    pub step: WindowStep,
    /// How far it is.
    pub state: StepState,
    /// For how many it is done.
    pub done: i64,
    /// Of how many.
    pub of: i64,
    /// Whether it may be taken now.
    pub may_start: bool,
    /// Why not.
    pub why_not: Option<String>,
    /// What is open, or has stopped the automatic mode.
    pub note: Option<String>,
    /// What was done about it last.
    pub last: Option<Act>,
    /// Whether anything of it can be undone now.
    pub can_undo: bool,
    /// How.
    pub undo: &'static str,
}

/// A window with its steps.
#[derive(Debug, Clone)]
pub struct WindowSteps {
    /// The window.
    pub window: Window,
    /// The eight steps.
    pub steps: Vec<Step>,
}

impl WindowSteps {
    /// The steps that may be taken now.
    pub fn next(&self) -> impl Iterator<Item = WindowStep> + '_ {
        self.steps.iter().filter(|step| step.may_start).map(|step| step.step)
    }
}

/// The steps of windows, for the accounts that the caller may see: a query for each kind of thing.
fn of_windows(tx: &mut Tx<'_>, caller: &Caller, windows: Vec<Window>) -> Result<Vec<WindowSteps>> {
    let ids: Vec<WindowId> = windows.iter().map(|window| window.id).collect();
    let sites = caller.sites();
    let mut counts: HashMap<WindowId, WindowCounts> = window_steps::counts(tx, &ids, sites.as_deref())?
        .into_iter()
        .map(|counts| (counts.window_id, counts))
        .collect();
    let noted = noted(tx, &ids)?;
    let seen = seen(tx, caller, &ids, &noted)?;
    let mut events: HashMap<WindowId, Vec<LastEvent>> = HashMap::new();
    for last in window_steps::last(tx, &ids, &noted, seen.as_ref())? {
        events.entry(last.event.window_id).or_default().push(last);
    }
    windows
        .into_iter()
        .map(|window| {
            let counts = counts.remove(&window.id).ok_or_else(Problem::not_found)?;
            let events = events.remove(&window.id).unwrap_or_default();
            Ok(WindowSteps { steps: steps(window.state, &counts, &events), window })
        })
        .collect()
}

/// What the audit log alone has of these windows.
fn noted(tx: &mut Tx<'_>, windows: &[WindowId]) -> Result<Noted> {
    Ok(Noted { letters: hand_overs(tx, windows)?, bills: single_bills(tx, windows)? })
}

/// Letters that were handed over for these windows.
fn hand_overs(tx: &mut Tx<'_>, windows: &[WindowId]) -> Result<Vec<HandOver>> {
    let runs: HashMap<String, (InvoiceRunId, WindowId)> = window_steps::invoice_runs(tx, windows)?
        .into_iter()
        .map(|(run, window)| (run.to_string(), (run, window)))
        .collect();
    let entries = of_subjects(tx, "invoice_run.hand_over", runs.keys().cloned().collect())?;
    Ok(entries
        .into_iter()
        .filter_map(|entry| {
            let &(run, window) = runs.get(&entry.subject)?;
            let letters = entry.after.as_ref().and_then(|after| after["letters"].as_i64());
            Some(HandOver { window, run, at: entry.at, by: entry.actor, letters })
        })
        .collect())
}

/// Bills of these windows that were made for one account alone, with who posted them when.
fn single_bills(tx: &mut Tx<'_>, windows: &[WindowId]) -> Result<Vec<(SingleBill, OffsetDateTime, String)>> {
    let mut bills: HashMap<String, SingleBill> = window_steps::single_bills(tx, windows, NOTED)?
        .into_iter()
        .map(|bill| (BillId::new(bill.account_id, bill.id).to_string(), bill))
        .collect();
    let entries = of_subjects(tx, "bill.post", bills.keys().cloned().collect())?;
    Ok(entries
        .into_iter()
        .filter_map(|entry| Some((bills.remove(&entry.subject)?, entry.at, entry.actor)))
        .collect())
}

fn of_subjects(tx: &mut Tx<'_>, action: &str, subjects: Vec<String>) -> Result<Vec<AuditEntry>> {
    if subjects.is_empty() {
        return Ok(Vec::new());
    }
    Ok(store::audit::of_subjects(tx, action, &subjects, NOTED)?)
}

/// What a caller limited to sites sees of these windows: no work that reaches beyond them.
fn seen(tx: &mut Tx<'_>, caller: &Caller, windows: &[WindowId], noted: &Noted) -> Result<Option<Seen>> {
    let Some(sites) = caller.sites() else { return Ok(None) };
    let (work, runs) = window_steps::work(tx, windows, noted)?;
    Ok(Some(Seen {
        hidden_operations: operations::hidden(tx, caller, &work)?,
        hidden_runs: store::run_sets::reaching_beyond(tx, &runs, &sites)?,
        actor: caller.actor(),
        sites,
    }))
}

fn act(event: &StepEvent) -> Act {
    let mut links = Vec::with_capacity(3);
    match event.step {
        1 => links.push(("reading_export", ReadingExportId(event.made).to_string())),
        2 => links.push(("reading_import", ReadingImportId(event.made).to_string())),
        3 => links.push(("test", TestId(event.made).to_string())),
        5 => {
            let bill = event.account_id.map(|account| BillId::new(account, event.made));
            links.extend(bill.map(|bill| ("bill", bill.to_string())));
        }
        6 | 7 => links.push(("invoice_run", InvoiceRunId(event.made).to_string())),
        8 => links.push(("payment_run", PaymentRunId(event.made).to_string())),
        _ => {}
    }
    links.extend(event.run_id.map(|run| ("bill_run", run.to_string())));
    links.extend(event.operation_id.map(|operation| ("operation", operation.to_string())));
    Act {
        at: event.at,
        by: event.by.clone(),
        links,
        state: event.state.clone(),
        result: event.result.clone(),
        count: event.count,
    }
}

/// What stopped the automatic mode before this step: noted with the work that it would have followed.
fn stopped_before(step: WindowStep, events: &[LastEvent]) -> Option<String> {
    let before = match step {
        WindowStep::Accept => WindowStep::Test,
        WindowStep::GenerateInvoices => WindowStep::Accept,
        WindowStep::Send => WindowStep::GenerateInvoices,
        _ => return None,
    };
    let said = &event_of(before, events)?.event.result.as_ref()?["automatic"];
    if said["step"] != step.as_str() {
        return None;
    }
    said["stopped"]["detail"].as_str().map(|detail| format!("stopped by itself: {detail}"))
}

fn event_of(step: WindowStep, events: &[LastEvent]) -> Option<&LastEvent> {
    events.iter().find(|last| last.event.step == i16::from(step.number()))
}

/// Done for how many of how many, what stands in the way, what is open.
struct Measure {
    done: i64,
    of: i64,
    why_not: Option<String>,
    note: Option<String>,
}

fn plural(count: i64, one: &str) -> Option<String> {
    (count > 0).then(|| format!("{count} {one}{}", if count == 1 { "" } else { "s" }))
}

fn measure(step: WindowStep, state: WindowState, counts: &WindowCounts, events: &[LastEvent]) -> Measure {
    let once = i64::from(event_of(step, events).is_some_and(|last| last.event.state == "done"));
    let shut = match state {
        WindowState::Planned => Some("the window is planned; open it first".to_owned()),
        WindowState::Open => None,
        WindowState::Closed => Some("the window is closed".to_owned()),
    };
    let unless = |may: bool, why: &str| (!may).then(|| why.to_owned());
    let tested = counts.tested.max(counts.accepted);
    let untested = || unless(counts.tested > 0, "no test yet");
    let (done, of, why_not, note) = match step {
        WindowStep::ExportReadings | WindowStep::ImportReads => (once, 1, shut, None),
        WindowStep::Test => (
            tested,
            counts.accounts,
            shut.or_else(|| unless(counts.accepted < counts.accounts, "every account has its bill")),
            plural(counts.errors, "open error"),
        ),
        WindowStep::Review => (
            i64::from(counts.tested > 0 && counts.open_flags == 0),
            1,
            shut.or_else(untested),
            plural(counts.open_flags, "open blocking flag"),
        ),
        WindowStep::Accept => (
            counts.accepted,
            counts.accounts,
            shut.or_else(untested)
                .or_else(|| unless(tested > counts.accepted, "every tested account is accepted")),
            None,
        ),
        WindowStep::GenerateInvoices => {
            let why =
                if counts.accepted == 0 { "no accepted bill" } else { "every accepted bill has its invoice" };
            (counts.invoiced, counts.accepted, unless(counts.accepted > counts.invoiced, why), None)
        }
        WindowStep::Send => {
            let why = if counts.invoiced == 0 { "no invoice" } else { "every invoice is sent" };
            (counts.sent, counts.invoiced, unless(counts.invoiced > counts.sent, why), None)
        }
        WindowStep::PaymentRun => {
            let of = counts.collected + counts.to_collect;
            (counts.collected, of, unless(counts.to_collect > 0, "no autopay waits to be collected"), None)
        }
    };
    Measure { done, of, why_not, note }
}

fn steps(state: WindowState, counts: &WindowCounts, events: &[LastEvent]) -> Vec<Step> {
    let open = state == WindowState::Open;
    WindowStep::ALL
        .iter()
        .map(|&step| {
            let Measure { done, of, why_not, note } = measure(step, state, counts, events);
            let last = event_of(step, events);
            let automatic = stopped_before(step, events).filter(|_| why_not.is_none());
            let is_done = of > 0 && done >= of;
            let stuck = match step {
                WindowStep::Test => counts.errors > 0,
                WindowStep::Accept => automatic.is_some(),
                _ => false,
            };
            let state = if last.is_some_and(|last| last.under_way) {
                StepState::InProgress
            } else if is_done && !stuck {
                StepState::Done
            } else if stuck || (state == WindowState::Closed && done < of && step.number() <= 5) {
                StepState::Blocked
            } else if why_not.is_none() {
                StepState::Possible
            } else {
                StepState::NotStarted
            };
            let begun = done > 0 || last.is_some_and(|last| last.event.state != PLANNED);
            let (needs_open, undo) = undo(step);
            Step {
                step,
                state,
                done,
                of,
                may_start: why_not.is_none(),
                why_not,
                note: automatic.or(note),
                last: last.map(|last| act(&last.event)),
                can_undo: begun && (open || !needs_open),
                undo,
            }
        })
        .collect()
}

/// Whether undoing a step needs an open window, and how it is done.
const fn undo(step: WindowStep) -> (bool, &'static str) {
    match step {
        WindowStep::ExportReadings => (true, "export again"),
        WindowStep::ImportReads => (
            false,
            "import again, which supersedes; undo the import while nothing rests on it; reject single reads",
        ),
        WindowStep::Test => (true, "test again, or cancel the run: nothing is posted"),
        WindowStep::Review => (true, "decide again"),
        WindowStep::Accept => (false, "by financial correction only"),
        WindowStep::GenerateInvoices => (false, "render again only: the account is frozen in this window"),
        WindowStep::Send => (false, "send again"),
        WindowStep::PaymentRun => (false, "refund or reverse the payments"),
    }
}

impl App {
    /// The steps of a window, for the accounts that the caller may see.
    pub fn window_steps(&self, caller: &Caller, id: WindowId) -> Result<WindowSteps> {
        self.db().tx(|tx| {
            let window = store::windows::find(tx, id)?.ok_or_else(Problem::not_found)?;
            Ok(of_windows(tx, caller, vec![window])?.pop().ok_or_else(Problem::not_found)?)
        })
    }

    /// What was done about a step of a window, newest first.
    pub fn step_history(
        &self,
        caller: &Caller,
        id: WindowId,
        step: WindowStep,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<Act>> {
        self.db().tx(|tx| {
            store::windows::find(tx, id)?.ok_or_else(Problem::not_found)?;
            let noted = noted(tx, &[id])?;
            let seen = seen(tx, caller, &[id], &noted)?;
            let page = window_steps::history(tx, id, step, (&noted, seen.as_ref()), after, limit)?;
            Ok(page.map(|event| act(&event)))
        })
    }

    /// A list of windows with their steps, by first day.
    pub fn windows_with_steps(
        &self,
        caller: &Caller,
        filter: &WindowFilter,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<WindowSteps>> {
        self.db().tx(|tx| {
            let page = store::windows::list(tx, filter, after, limit)?;
            Ok(Page { items: of_windows(tx, caller, page.items)?, next: page.next })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    fn counts() -> WindowCounts {
        WindowCounts {
            window_id: WindowId(1),
            accounts: 3,
            tested: 0,
            accepted: 0,
            invoiced: 0,
            sent: 0,
            collected: 0,
            to_collect: 0,
            errors: 0,
            open_flags: 0,
        }
    }

    fn event(step: WindowStep, state: &str, result: Option<Value>) -> LastEvent {
        let under_way = state == "running";
        let event = StepEvent {
            window_id: WindowId(1),
            step: i16::from(step.number()),
            at: datetime!(2026-02-03 12:00 UTC),
            by: "user_1".to_owned(),
            made: 5,
            run_id: None,
            operation_id: None,
            state: state.to_owned(),
            result,
            count: None,
            account_id: None,
        };
        LastEvent { event, under_way }
    }

    fn states(state: WindowState, counts: &WindowCounts, events: &[LastEvent]) -> String {
        steps(state, counts, events).iter().map(|step| step.state.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn steps_open_one_after_the_other() {
        use WindowState::{Closed, Open, Planned};
        let ns = "not_started";
        let none = counts();
        assert_eq!(states(Planned, &none, &[]), [ns; 8].join(" "));
        assert_eq!(states(Open, &none, &[]), format!("possible possible possible {ns} {ns} {ns} {ns} {ns}"));
        let testing =
            [event(WindowStep::ExportReadings, "done", None), event(WindowStep::Test, "running", None)];
        assert_eq!(
            states(Open, &none, &testing),
            format!("done possible in_progress {ns} {ns} {ns} {ns} {ns}")
        );
        let tested = WindowCounts { tested: 3, errors: 1, open_flags: 2, ..none.clone() };
        assert_eq!(
            states(Open, &tested, &testing[..1]),
            format!("done possible blocked possible possible {ns} {ns} {ns}")
        );
        let accepted = WindowCounts { tested: 3, accepted: 2, invoiced: 1, to_collect: 1, ..none.clone() };
        assert_eq!(
            states(Open, &accepted, &[]),
            "possible possible done done possible possible possible possible"
        );
        assert_eq!(
            states(Closed, &accepted, &[]),
            "blocked blocked done done blocked possible possible possible"
        );
        let all = WindowCounts { tested: 3, accepted: 3, invoiced: 3, sent: 3, collected: 1, ..none };
        assert_eq!(
            states(Closed, &all, &[]).rsplit_once("done done done").unwrap().0,
            "blocked blocked done done done "
        );
    }

    #[test]
    fn what_stopped_the_automatic_mode_stands_at_the_step_it_would_have_taken() {
        let tested = WindowCounts { tested: 3, open_flags: 1, ..counts() };
        let stopped = json!({ "automatic": { "step": "accept", "stopped": { "code": "review_open", "detail": "1 flag" } } });
        let events = [event(WindowStep::Test, "done", Some(stopped))];
        let all = steps(WindowState::Open, &tested, &events);
        assert_eq!(all[4].state, StepState::Blocked);
        assert_eq!(all[4].note.as_deref(), Some("stopped by itself: 1 flag"));
        assert!(all[4].may_start, "a person may");
        assert_eq!(all[3].note.as_deref(), Some("1 open blocking flag"));
        assert!(all[2].can_undo && !all[4].can_undo);
    }
}
