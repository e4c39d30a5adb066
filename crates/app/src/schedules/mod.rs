//! Schedules: work that starts by itself, for a cycle or for sites, with the rights of who made it.
//!
//! When a schedule is due next stands in its row. It is worked out again whenever what it rests on changes:
//! the schedule itself, the windows of its cycle, holidays and zone. Business time decides, so a clock that
//! was moved, like a server that was away, leaves starts behind: they are made up for by one.

mod starting;
mod work;

use crate::audit::{self, Action};
use crate::exchange::sites_in_scope;
use crate::naming::{check_name, few, unknown, unless_stale};
use crate::{App, Caller, Error, Result, Utility};
use access::Permission;
use serde_json::{Value, json};
use store::schedules::{self, Schedule, Start};
use store::windows::Window;
use store::{Cursor, Page, Tx};
use time::{OffsetDateTime, Time};
use vocab::calendar::Holidays;
use vocab::timetable::{BadPattern, DaysFrom, Pattern};
use vocab::{Code, CycleId, Problem, ScheduleId, ScheduledWork, SiteId, WindowDay, WindowId};

/// Most sites of a schedule.
const SITES_MAX: usize = 200;
/// Longest pattern.
const PATTERN_MAX: usize = 200;
/// Furthest from a window's day.
const DAYS_MAX: i16 = 60;
/// Starts ahead that are shown.
const AHEAD: usize = 5;

/// When a schedule is due.
#[derive(Debug, Clone)]
pub enum Rule {
    /// By a cron pattern of five fields.
    Pattern(String),
    /// So many days from a day of each window of the cycle.
    Days {
        /// The day that is counted from.
        from: WindowDay,
        /// Days after it; negative: before.
        days: i16,
        /// When on that day.
        at: Time,
    },
}

/// A schedule to make.
#[derive(Debug, Clone)]
pub struct NewSchedule {
    /// For people.
    pub name: String,
    /// What it starts.
    pub work: ScheduledWork,
    /// For which cycle; none: for all.
    pub cycle: Option<CycleId>,
    /// Only these sites; empty: all that the caller sees.
    pub sites: Vec<SiteId>,
    /// When.
    pub rule: Rule,
    /// Closed days move to the next business day.
    pub business_days: bool,
    /// Whether it starts anything.
    pub enabled: bool,
}

/// Changes of a schedule; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct ScheduleChanges {
    /// For people.
    pub name: Option<String>,
    /// When.
    pub rule: Option<Rule>,
    /// Closed days move to the next business day.
    pub business_days: Option<bool>,
    /// Whether it starts anything.
    pub enabled: Option<bool>,
}

/// What a schedule started, and what it will start.
#[derive(Debug, Clone)]
pub struct Starts {
    /// Past starts, newest first.
    pub past: Page<Start>,
    /// The next ones, with the window that each is counted from.
    pub ahead: Vec<(OffsetDateTime, Option<WindowId>)>,
}

/// What one must be allowed to do by hand to have it done by a schedule.
const fn permission(work: ScheduledWork) -> Permission {
    match work {
        ScheduledWork::OpenWindow | ScheduledWork::CloseWindow => Permission::WindowsWrite,
        ScheduledWork::ExportReadings => Permission::ReadsExport,
        ScheduledWork::BillTest => Permission::BillRunsTest,
        ScheduledWork::BillAccept => Permission::BillRunsAccept,
        ScheduledWork::Invoices => Permission::InvoicesGenerate,
        ScheduledWork::Send => Permission::DeliveriesSend,
        ScheduledWork::PaymentRun => Permission::PaymentRunsExecute,
    }
}

/// Makes a schedule.
pub fn create(tx: &mut Tx<'_>, caller: &Caller, new: NewSchedule) -> Result<Schedule> {
    caller.may(permission(new.work))?;
    check_name("/name", &new.name)?;
    check_scope(tx, caller, &new)?;
    let mut row = Schedule {
        id: ScheduleId(tx.new_id()?),
        name: new.name,
        work: new.work,
        cycle_id: new.cycle,
        site_ids: new.sites.iter().map(|site| site.0).collect(),
        pattern: None,
        counted_from: None,
        days: None,
        at_time: None,
        business_days: new.business_days,
        enabled: new.enabled,
        next_at: None,
        created_by: caller.actor(),
        created_at: tx.as_of(),
        version: 1,
    };
    set_rule(&mut row, new.rule)?;
    let utility = Utility::load(tx)?;
    reckon(tx, &utility, &mut row)?;
    schedules::insert(tx, &row)?;
    record(tx, caller, "schedule.create", None, &row)?;
    Ok(row)
}

fn check_scope(tx: &mut Tx<'_>, caller: &Caller, new: &NewSchedule) -> Result<()> {
    let wrong = |pointer: &str, code, detail: &str| Error::from(Problem::field(pointer, code, detail));
    few("/site_ids", new.sites.len(), SITES_MAX)?;
    sites_in_scope(caller, &new.sites)?;
    for (at, &site) in new.sites.iter().enumerate() {
        store::places::site(tx, site)?.ok_or_else(|| unknown(&format!("/site_ids/{at}")))?;
    }
    match new.cycle {
        // Whoever plans windows holds the cycle's row: none is added unseen.
        Some(cycle) => drop(store::cycles::lock(tx, cycle)?.ok_or_else(|| unknown("/cycle_id"))?),
        None if new.sites.is_empty() => {
            return Err(wrong("/cycle_id", Code::FieldRequired, "a cycle, or sites"));
        }
        None if matches!(new.rule, Rule::Days { .. }) => {
            let detail = "days are counted from the windows of a cycle";
            return Err(wrong("/cycle_id", Code::FieldRequired, detail));
        }
        None => {}
    }
    let of_cycle = matches!(new.work, ScheduledWork::OpenWindow | ScheduledWork::CloseWindow);
    if of_cycle && new.cycle.is_none() {
        return Err(wrong(
            "/cycle_id",
            Code::FieldRequired,
            "a window is opened and closed for its whole cycle",
        ));
    }
    if of_cycle && !new.sites.is_empty() {
        return Err(wrong("/site_ids", Code::FieldRange, "a window is opened and closed for all its sites"));
    }
    Ok(())
}

fn set_rule(row: &mut Schedule, rule: Rule) -> Result<()> {
    (row.pattern, row.counted_from, row.days, row.at_time) = match rule {
        Rule::Pattern(text) => {
            let refused =
                |error: BadPattern| Problem::field("/pattern", Code::FieldFormat, error.to_string());
            if text.len() > PATTERN_MAX {
                let detail = format!("at most {PATTERN_MAX} characters");
                return Err(Problem::field("/pattern", Code::FieldRange, detail).into());
            }
            text.parse::<Pattern>().map_err(refused)?;
            (Some(text), None, None, None)
        }
        Rule::Days { from, days, at } => {
            if row.cycle_id.is_none() {
                let detail = "days are counted from the windows of a cycle";
                return Err(Problem::field("/relative", Code::FieldRange, detail).into());
            }
            if !(-DAYS_MAX..=DAYS_MAX).contains(&days) {
                let detail = format!("{DAYS_MAX} days before to {DAYS_MAX} days after");
                return Err(Problem::field("/relative/days", Code::FieldRange, detail).into());
            }
            (None, Some(from), Some(days), Some(at))
        }
    };
    Ok(())
}

/// When the schedule is due, in a form to ask.
enum Timetable {
    Pattern(Box<Pattern>),
    Days(WindowDay, DaysFrom),
}

fn timetable(row: &Schedule) -> Result<Timetable> {
    let corrupt = || Error::Fault(format!("schedule {} has no rule", row.id));
    match (&row.pattern, row.counted_from, row.days, row.at_time) {
        (Some(pattern), None, ..) => {
            let parsed: Pattern = pattern.parse().map_err(|_| corrupt())?;
            Ok(Timetable::Pattern(Box::new(parsed)))
        }
        (None, Some(from), Some(days), Some(at)) => Ok(Timetable::Days(from, DaysFrom { days, at })),
        _ => Err(corrupt()),
    }
}

fn holidays<'a>(utility: &'a Utility, row: &Schedule) -> Option<&'a Holidays> {
    row.business_days.then_some(&utility.holidays)
}

/// The starts that windows of the cycle give, in order; closed windows are among them.
fn by_window(
    tx: &mut Tx<'_>,
    utility: &Utility,
    row: &Schedule,
    from: WindowDay,
    rule: DaysFrom,
) -> Result<Vec<(OffsetDateTime, Window)>> {
    let Some(cycle) = row.cycle_id else { return Ok(Vec::new()) };
    let mut starts = Vec::new();
    for window in store::windows::of_cycle(tx, cycle)? {
        let day = match from {
            WindowDay::StartsOn => window.starts_on,
            WindowDay::EndsOn => window.ends_on,
            WindowDay::BillOn => window.bill_on,
        };
        if let Some(at) = rule.instant(&utility.zone, day, holidays(utility, row)) {
            starts.push((at, window));
        }
    }
    starts.sort_by_key(|(at, window)| (*at, window.starts_on));
    Ok(starts)
}

/// The next starts after now, at most `count`.
fn ahead(
    tx: &mut Tx<'_>,
    utility: &Utility,
    row: &Schedule,
    count: usize,
) -> Result<Vec<(OffsetDateTime, Option<WindowId>)>> {
    let mut after = tx.as_of();
    match timetable(row)? {
        Timetable::Pattern(pattern) => {
            let mut starts = Vec::with_capacity(count);
            while starts.len() < count
                && let Some(at) = pattern.next_after(&utility.zone, after, holidays(utility, row))
            {
                starts.push((at, None));
                after = at;
            }
            Ok(starts)
        }
        Timetable::Days(from, rule) => {
            let all = by_window(tx, utility, row, from, rule)?;
            let later = all.into_iter().filter(|(at, window)| *at > after && !window.is_closed());
            Ok(later.map(|(at, window)| (at, Some(window.id))).take(count).collect())
        }
    }
}

/// Works out when the schedule is due next. A pattern that never comes is refused.
fn reckon(tx: &mut Tx<'_>, utility: &Utility, row: &mut Schedule) -> Result<()> {
    let next = ahead(tx, utility, row, 1)?.first().map(|(at, _)| *at);
    if next.is_none() && row.pattern.is_some() {
        return Err(Problem::field("/pattern", Code::FieldRange, "that never comes").into());
    }
    row.next_at = next.filter(|_| row.enabled);
    Ok(())
}

/// Before a window is changed: its cycle and the schedules that count from it, in the order of locks.
pub(crate) fn lock_for_windows(tx: &mut Tx<'_>, cycle: CycleId) -> Result<()> {
    store::cycles::lock(tx, cycle)?.ok_or_else(Problem::not_found)?;
    schedules::lock_counting(tx, cycle)?;
    Ok(())
}

/// The windows of a cycle have changed; the caller holds the cycle's row.
pub(crate) fn windows_changed(tx: &mut Tx<'_>, cycle: CycleId) -> Result<()> {
    let rows = schedules::lock_counting(tx, cycle)?;
    reckon_again(tx, rows)
}

/// Holidays or the zone have changed.
pub(crate) fn calendar_changed(tx: &mut Tx<'_>) -> Result<()> {
    // Who closes a window holds its cycle, and then comes to the schedules of it.
    store::cycles::lock_all(tx)?;
    let rows = schedules::lock_enabled(tx)?;
    reckon_again(tx, rows)
}

fn reckon_again(tx: &mut Tx<'_>, rows: Vec<Schedule>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let utility = Utility::load(tx)?;
    for row in rows {
        // What is due already stays due.
        if row.next_at.is_some_and(|at| at <= tx.as_of()) {
            continue;
        }
        let next_at = ahead(tx, &utility, &row, 1)?.first().map(|(at, _)| *at);
        if next_at != row.next_at {
            schedules::set_next(tx, row.id, next_at)?;
        }
    }
    Ok(())
}

/// "Not found" for a schedule of foreign sites, unless the caller made it.
fn see(caller: &Caller, row: &Schedule) -> std::result::Result<(), Problem> {
    let Some(own) = caller.sites() else { return Ok(()) };
    let within = row.sites().is_some_and(|sites| sites.iter().all(|site| own.contains(site)));
    if within || row.created_by == caller.actor() { Ok(()) } else { Err(Problem::not_found()) }
}

fn record(
    tx: &mut Tx<'_>,
    caller: &Caller,
    action: &str,
    old: Option<&Schedule>,
    row: &Schedule,
) -> Result<()> {
    let (before, after) = (old.map(summary), Some(summary(row)));
    audit::record(tx, caller, Action { action, subject: row.id.to_string(), before, after, reason: None })
}

fn summary(row: &Schedule) -> Value {
    let counted = row
        .counted_from
        .map(|from| json!({ "from": from, "days": row.days, "at": row.at_time.map(|at| at.to_string()) }));
    json!({ "name": row.name, "work": row.work, "cycle": row.cycle_id, "sites": row.sites(), "pattern": row.pattern,
        "counted": counted, "business_days": row.business_days, "enabled": row.enabled })
}

impl App {
    /// The schedules that the caller may see, newest first.
    pub fn schedules(
        &self,
        caller: &Caller,
        cycle: Option<CycleId>,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<Schedule>> {
        self.db().tx(|tx| {
            let mut page = schedules::list(tx, cycle, after, limit)?;
            page.items.retain(|row| see(caller, row).is_ok());
            Ok(page)
        })
    }

    /// One schedule.
    pub fn schedule(&self, caller: &Caller, id: ScheduleId) -> Result<Schedule> {
        self.db().tx(|tx| {
            let row = schedules::find(tx, id)?.ok_or_else(Problem::not_found)?;
            see(caller, &row)?;
            Ok(row)
        })
    }

    /// Changes a schedule that the caller read as `version`. Its rights stay those of who made it, so only
    /// who may do its work by hand changes it.
    pub fn change_schedule(
        &self,
        caller: &Caller,
        id: ScheduleId,
        version: i64,
        changes: ScheduleChanges,
    ) -> Result<Schedule> {
        self.db().tx(|tx| {
            let old = self.lock_schedule(tx, caller, id)?;
            let mut row = Schedule { version: version + 1, ..old.clone() };
            if let Some(name) = changes.name {
                check_name("/name", &name)?;
                row.name = name;
            }
            let has_new_rule = changes.rule.is_some();
            if let Some(rule) = changes.rule {
                set_rule(&mut row, rule)?;
            }
            row.business_days = changes.business_days.unwrap_or(old.business_days);
            row.enabled = changes.enabled.unwrap_or(old.enabled);
            // A start that is due stays due while the rule does.
            if has_new_rule || row.business_days != old.business_days || row.enabled != old.enabled {
                let utility = Utility::load(tx)?;
                reckon(tx, &utility, &mut row)?;
            }
            unless_stale(schedules::update(tx, &row, version)?)?;
            record(tx, caller, "schedule.change", Some(&old), &row)?;
            Ok(row)
        })
    }

    /// Takes a schedule out; what it started stays known to the audit log and to the windows.
    pub fn delete_schedule(&self, caller: &Caller, id: ScheduleId) -> Result<()> {
        self.db().tx(|tx| {
            let row = self.lock_schedule(tx, caller, id)?;
            let at = tx.as_of();
            schedules::delete(tx, id, at)?;
            record(tx, caller, "schedule.delete", Some(&row), &row)
        })
    }

    /// In the order of locks: its cycle, then it.
    fn lock_schedule(&self, tx: &mut Tx<'_>, caller: &Caller, id: ScheduleId) -> Result<Schedule> {
        let seen = schedules::find(tx, id)?.ok_or_else(Problem::not_found)?;
        see(caller, &seen)?;
        caller.may(permission(seen.work))?;
        if let Some(cycle) = seen.cycle_id {
            store::cycles::lock(tx, cycle)?;
        }
        Ok(schedules::lock(tx, id)?.ok_or_else(Problem::not_found)?)
    }

    /// What a schedule started, newest first, and what it will start next.
    pub fn schedule_starts(
        &self,
        caller: &Caller,
        id: ScheduleId,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Starts> {
        self.db().tx(|tx| {
            let row = schedules::find(tx, id)?.ok_or_else(Problem::not_found)?;
            see(caller, &row)?;
            let utility = Utility::load(tx)?;
            let ahead = if row.enabled { ahead(tx, &utility, &row, AHEAD)? } else { Vec::new() };
            Ok(Starts { past: schedules::starts(tx, id, after, limit)?, ahead })
        })
    }
}
