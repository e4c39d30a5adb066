//! Cycle windows: planned by hand or from a date rule, opened, and closed with a reason for what
//! is left.

use crate::audit::{self, Action};
use crate::naming::unless_stale;
use crate::operations::Control;
use crate::{App, Caller, Error, Result, Utility, schedules};
use billing::{WindowEvent, transition};
use serde_json::{Value, json};
use store::runs::BillRun;
use store::window_steps::Unbilled;
use store::windows::{Window, WindowFilter};
use store::{Cursor, Page, Tx};
use time::Date;
use vocab::dates::{civil, months_later, plus_days};
use vocab::{Code, CycleId, Period, Problem, RunId, RunState, WindowId, WindowState};

/// Longest window, days.
const DAYS_MAX: i64 = 400;
/// Accounts without a bill that are named.
const LEFT_SHOWN: i64 = 200;
/// Most months planned at once.
const MONTHS_MAX: u16 = 24;

/// The dates of a window.
#[derive(Debug, Clone, Copy)]
pub struct WindowDates {
    /// First day.
    pub starts_on: Date,
    /// Last day.
    pub ends_on: Date,
    /// Accounting date of its segments.
    pub accounting_on: Date,
    /// Date of its bills.
    pub bill_on: Date,
    /// The day from which missing reads are estimated, not before the last day; none: never.
    pub estimate_on: Option<Date>,
}

/// A date rule: monthly windows one after the other.
#[derive(Debug, Clone, Copy)]
pub struct MonthlyRule {
    /// First day of the first window. Every later one begins on the same day of its month, or on
    /// the month's last day when it has no such day.
    pub first_on: Date,
    /// How many.
    pub months: u16,
    /// Bills are dated so many days after the window's end, moved to the next business day.
    pub bill_days_after: u16,
    /// Missing reads are estimated so many days after the window's end; none: never.
    pub estimate_days_after: Option<u16>,
}

/// Plans a window of a cycle.
pub fn plan(tx: &mut Tx<'_>, caller: &Caller, cycle: CycleId, dates: WindowDates) -> Result<Window> {
    let row = new_row(tx, cycle, dates)?;
    save(tx, caller, cycle, std::slice::from_ref(&row))?;
    Ok(row)
}

/// Plans monthly windows from a date rule: all of them or, when one overlaps, none.
pub fn generate(tx: &mut Tx<'_>, caller: &Caller, cycle: CycleId, rule: MonthlyRule) -> Result<Vec<Window>> {
    let utility = Utility::load(tx)?;
    if !(1..=MONTHS_MAX).contains(&rule.months) {
        let detail = format!("1 to {MONTHS_MAX} months");
        return Err(Problem::field("/months", Code::FieldRange, detail).into());
    }
    if rule.bill_days_after > 60 {
        return Err(Problem::field("/bill_days_after", Code::FieldRange, "0 to 60 days").into());
    }
    if rule.estimate_days_after.is_some_and(|days| days > 60) {
        return Err(Problem::field("/estimate_days_after", Code::FieldRange, "0 to 60 days").into());
    }
    let mut rows = Vec::with_capacity(rule.months.into());
    for month in 0..rule.months {
        let dates = monthly(rule, month, &utility.holidays).ok_or_else(beyond)?;
        rows.push(new_row(tx, cycle, dates)?);
    }
    save(tx, caller, cycle, &rows)?;
    Ok(rows)
}

fn beyond() -> Problem {
    Problem::field("/first_on", Code::FieldRange, "beyond the calendar")
}

/// The dates of window number `month` (from 0) of the rule.
fn monthly(rule: MonthlyRule, month: u16, holidays: &vocab::calendar::Holidays) -> Option<WindowDates> {
    let starts_on = months_later(rule.first_on, month)?;
    let ends_on = months_later(rule.first_on, month.checked_add(1)?)?.previous_day()?;
    let bill_on = holidays.business_day_from(plus_days(ends_on, rule.bill_days_after.into())?)?;
    let estimate_on = match rule.estimate_days_after {
        Some(days) => Some(plus_days(ends_on, days.into())?),
        None => None,
    };
    Some(WindowDates { starts_on, ends_on, accounting_on: ends_on, bill_on, estimate_on })
}

fn new_row(tx: &mut Tx<'_>, cycle: CycleId, dates: WindowDates) -> Result<Window> {
    Ok(Window {
        id: WindowId(tx.new_id()?),
        cycle_id: cycle,
        starts_on: dates.starts_on,
        ends_on: dates.ends_on,
        accounting_on: dates.accounting_on,
        bill_on: dates.bill_on,
        estimate_on: dates.estimate_on,
        state: WindowState::Planned,
        closed_reason: None,
        version: 1,
    })
}

fn days_of(row: &Window) -> Result<Period> {
    let wrong = |pointer, detail: &str| Error::from(Problem::field(pointer, Code::FieldRange, detail));
    let days = Period::new(row.starts_on, row.ends_on)
        .ok_or_else(|| wrong("/ends_on", "not before the first day"))?;
    if days.days() > DAYS_MAX {
        return Err(wrong("/ends_on", "at most 400 days"));
    }
    if row.bill_on < row.starts_on {
        return Err(wrong("/bill_on", "not before the first day"));
    }
    if row.estimate_on.is_some_and(|estimate_on| estimate_on < row.ends_on) {
        return Err(wrong("/estimate_on", "not before the last day"));
    }
    Ok(days)
}

fn save(tx: &mut Tx<'_>, caller: &Caller, cycle: CycleId, rows: &[Window]) -> Result<()> {
    store::cycles::lock(tx, cycle)?.ok_or_else(Problem::not_found)?;
    for row in rows {
        let days = days_of(row)?;
        refuse_overlap(tx, cycle, days, None)?;
    }
    store::windows::insert(tx, rows)?;
    for row in rows {
        record(tx, caller, "window.plan", None, row, None)?;
    }
    schedules::windows_changed(tx, cycle)
}

fn refuse_overlap(tx: &mut Tx<'_>, cycle: CycleId, days: Period, except: Option<WindowId>) -> Result<()> {
    let Some(other) = store::windows::overlapping(tx, cycle, days, except)? else { return Ok(()) };
    let detail = format!(
        "the window {} – {} of the cycle has some of these days",
        civil::format(other.starts_on),
        civil::format(other.ends_on)
    );
    Err(Problem::new(Code::WindowOverlap, detail).with("window", other.id).into())
}

fn record(
    tx: &mut Tx<'_>,
    caller: &Caller,
    action: &str,
    before: Option<Value>,
    row: &Window,
    reason: Option<String>,
) -> Result<()> {
    let subject = row.id.to_string();
    audit::record(tx, caller, Action { action, subject, before, after: Some(summary(row)), reason })
}

fn summary(row: &Window) -> Value {
    json!({
        "cycle": row.cycle_id,
        "starts_on": civil::format(row.starts_on),
        "ends_on": civil::format(row.ends_on),
        "accounting_on": civil::format(row.accounting_on),
        "bill_on": civil::format(row.bill_on),
        "estimate_on": row.estimate_on.map(civil::format),
        "state": row.state,
    })
}

impl App {
    /// A list of windows, by first day.
    pub fn windows(&self, filter: &WindowFilter, after: Option<&Cursor>, limit: i64) -> Result<Page<Window>> {
        self.db().tx(|tx| Ok(store::windows::list(tx, filter, after, limit)?))
    }

    /// One window.
    pub fn window(&self, id: WindowId) -> Result<Window> {
        self.db().tx(|tx| find(tx, id))
    }

    /// Moves the dates of a window that the caller read as `version`, while it is planned; the day from
    /// which missing reads are estimated while it is open, too.
    pub fn reschedule_window(
        &self,
        caller: &Caller,
        id: WindowId,
        version: i64,
        dates: WindowDates,
    ) -> Result<Window> {
        self.db().tx(|tx| {
            let old = find(tx, id)?;
            store::cycles::lock(tx, old.cycle_id)?;
            let new = Window {
                starts_on: dates.starts_on,
                ends_on: dates.ends_on,
                accounting_on: dates.accounting_on,
                bill_on: dates.bill_on,
                estimate_on: dates.estimate_on,
                version: version + 1,
                ..old.clone()
            };
            let may = old.state == WindowState::Planned
                || (old.state == WindowState::Open && fixed_dates(&old) == fixed_dates(&new));
            if !may {
                let detail = format!("the window is {}; only a planned one moves", old.state);
                return Err(Problem::new(Code::WrongState, detail).with("state", old.state).into());
            }
            refuse_overlap(tx, new.cycle_id, days_of(&new)?, Some(id))?;
            unless_stale(store::windows::update(tx, &new, version)?)?;
            record(tx, caller, "window.reschedule", Some(summary(&old)), &new, None)?;
            schedules::windows_changed(tx, new.cycle_id)?;
            Ok(new)
        })
    }

    /// Opens a window: work on it begins.
    pub fn open_window(&self, caller: &Caller, id: WindowId, version: i64) -> Result<Window> {
        self.db().tx(|tx| {
            let old = find(tx, id)?;
            step(tx, caller, &old, version, WindowEvent::Open, None)
        })
    }

    /// Closes a window, with a reason for what is left; answers what that is.
    pub fn close_window(&self, caller: &Caller, id: WindowId, version: i64, reason: &str) -> Result<Closed> {
        self.db().tx(|tx| close(tx, caller, id, version, reason))
    }

    /// What would be left were the window closed now.
    pub fn left_in_window(&self, caller: &Caller, id: WindowId) -> Result<Left> {
        self.db().tx(|tx| {
            find(tx, id)?;
            left(tx, caller, id)
        })
    }
}

/// What is left in a window: counts of its whole cycle, accounts and runs as far as the caller sees them.
#[derive(Debug, Clone)]
pub struct Left {
    /// Billable accounts of the cycle without a bill.
    pub unbilled: i64,
    /// The first of them, with what became of them.
    pub accounts: Vec<Unbilled>,
    /// Of these accounts, those with a standing draft.
    pub drafts: i64,
    /// Open errors.
    pub errors: i64,
    /// Open blocking flags.
    pub flags: i64,
    /// Bills without an invoice.
    pub to_invoice: i64,
    /// Invoices of which nothing was sent.
    pub to_send: i64,
    /// Autopay that waits to be collected.
    pub to_collect: i64,
    /// Runs that are not over: they end with the window.
    pub runs: Vec<BillRun>,
}

impl Left {
    /// Whether every account is billed and every bill on its way.
    pub fn is_nothing(&self) -> bool {
        self.unbilled == 0 && self.errors == 0 && self.to_invoice == 0 && self.to_send == 0
    }
}

/// A closed window with what was left.
#[derive(Debug, Clone)]
pub struct Closed {
    /// The window.
    pub window: Window,
    /// What was left when it closed.
    pub left: Left,
}

/// What is left in a window.
pub(crate) fn left(tx: &mut Tx<'_>, caller: &Caller, id: WindowId) -> Result<Left> {
    let counts = store::window_steps::counts(tx, &[id], None)?.pop().ok_or_else(Problem::not_found)?;
    let sites = caller.sites();
    let mut runs = store::runs::unfinished(tx, id)?;
    if let Some(own) = &sites {
        let ids: Vec<RunId> = runs.iter().map(|run| run.id).collect();
        let hidden = store::run_sets::reaching_beyond(tx, &ids, own)?;
        runs.retain(|run| !hidden.contains(&run.id));
    }
    Ok(Left {
        unbilled: counts.accounts - counts.accepted,
        accounts: store::window_steps::unbilled(tx, id, sites.as_deref(), LEFT_SHOWN)?,
        drafts: store::window_steps::standing_drafts(tx, id)?,
        errors: counts.errors,
        flags: counts.open_flags,
        to_invoice: counts.accepted - counts.invoiced,
        to_send: counts.invoiced - counts.sent,
        to_collect: counts.to_collect,
        runs,
    })
}

/// Closes a window. Work under way refuses it; runs that stand still end with it, and let their accounts go.
pub(crate) fn close(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: WindowId,
    version: i64,
    reason: &str,
) -> Result<Closed> {
    if reason.trim().is_empty() || reason.chars().count() > 500 || reason.contains('\0') {
        return Err(Problem::field("/reason", Code::FieldRange, "1 to 500 characters").into());
    }
    let old = find(tx, id)?;
    schedules::lock_for_windows(tx, old.cycle_id)?;
    let old = find(tx, id)?;
    // From here on nobody begins a run or a test in it: they hold the window's row.
    let window = step(tx, caller, &old, version, WindowEvent::Close, Some(reason.to_owned()))?;
    let left = left(tx, caller, id)?;
    let runs = store::runs::unfinished(tx, id)?;
    let at_work =
        |run: &&BillRun| matches!(run.state, RunState::Running | RunState::Accepting | RunState::Invoicing);
    if let Some(run) = runs.iter().find(at_work) {
        let detail = format!("the run “{}” is {}", run.name, run.state);
        return Err(Problem::new(Code::WindowBusy, detail).with("run", run.id).into());
    }
    // Whoever may close the window for everybody ends the runs of everybody.
    let everywhere = caller.everywhere();
    for run in &runs {
        match run.state {
            RunState::Accepted | RunState::Invoiced => drop(crate::runs::close(tx, &everywhere, run.id)?),
            _ => drop(crate::runs::control(tx, &everywhere, run.id, Control::Cancel)?),
        }
    }
    schedules::windows_changed(tx, window.cycle_id)?;
    Ok(Closed { window, left })
}

/// Takes a window that the caller read as `version` a step on.
pub(crate) fn step(
    tx: &mut Tx<'_>,
    caller: &Caller,
    old: &Window,
    version: i64,
    event: WindowEvent,
    reason: Option<String>,
) -> Result<Window> {
    let state = transition(old.state, event)
        .map_err(|refused| Problem::new(Code::WrongState, refused.to_string()).with("state", old.state))?;
    let new = Window { state, closed_reason: reason.clone(), version: version + 1, ..old.clone() };
    unless_stale(store::windows::update(tx, &new, version)?)?;
    let action = match event {
        WindowEvent::Open => "window.open",
        WindowEvent::Close => "window.close",
    };
    record(tx, caller, action, Some(summary(old)), &new, reason)?;
    Ok(new)
}

/// The dates that stay once work on the window has begun.
const fn fixed_dates(row: &Window) -> [Date; 4] {
    [row.starts_on, row.ends_on, row.accounting_on, row.bill_on]
}

/// One window.
pub fn find(tx: &mut Tx<'_>, id: WindowId) -> Result<Window> {
    Ok(store::windows::find(tx, id)?.ok_or_else(Problem::not_found)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        civil::parse(text).unwrap()
    }

    #[test]
    fn monthly_windows_follow_each_other_without_gap() {
        let rule = MonthlyRule {
            first_on: day("2026-01-31"),
            months: 14,
            bill_days_after: 1,
            estimate_days_after: Some(3),
        };
        let holidays = [day("2026-03-02")].into_iter().collect();
        let mut expected = rule.first_on;
        for month in 0..rule.months {
            let dates = monthly(rule, month, &holidays).unwrap();
            assert_eq!(dates.starts_on, expected);
            assert!(dates.ends_on > dates.starts_on && dates.bill_on > dates.ends_on);
            assert!(holidays.is_business_day(dates.bill_on));
            expected = dates.ends_on.next_day().unwrap();
        }
        assert_eq!(months_later(day("2026-01-31"), 1), Some(day("2026-02-28")));
        assert_eq!(months_later(day("2027-12-15"), 13), Some(day("2029-01-15")));
        assert_eq!(monthly(rule, 0, &holidays).unwrap().estimate_on, Some(day("2026-03-02")));
        // The 28th is a Saturday, Monday a holiday.
        assert_eq!(monthly(rule, 0, &holidays).unwrap().bill_on, day("2026-03-03"));
    }
}
