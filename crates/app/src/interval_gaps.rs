//! Filling the gaps of a register's interval data with estimates, so that a period can be billed.
//!
//! Invariants: nothing that was measured changes; a billed day is not touched; the day before it was
//! filled is kept in its history; the real data, when they come, replace the estimates.

use crate::audit::{self, Action};
use crate::places::{find_point, lock_point};
use crate::{Caller, Result, Utility, reads};
use metering::validate::Rule;
use metering::{IntervalDay, gaps};
use serde_json::json;
use std::collections::BTreeMap;
use store::Tx;
use store::intervals::StoredDay;
use store::registers::RegisterRow;
use time::{Date, Weekday};
use vocab::dates::{civil, plus_days};
use vocab::{Code, Decimal, Period, Problem, RegisterId, RegisterKind};

/// Days that are filled at a time.
const DAYS_MAX: i64 = 62;
/// Older days are not filled: 20 years.
const OLDEST_DAYS: i64 = 7_305;
/// How far like days are looked for, on either side.
const LIKE_DAYS: i64 = 28;

/// Which gaps are to be filled.
#[derive(Debug, Clone)]
pub struct Filling {
    /// Of which register.
    pub register: RegisterId,
    /// From this day …
    pub first_on: Date,
    /// … to this one.
    pub last_on: Date,
    /// Why.
    pub reason: String,
    /// Only to see what would come of it.
    pub dry_run: bool,
}

/// A day that had a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilledDay {
    /// Which.
    pub on: Date,
    /// Intervals that were filled.
    pub filled: usize,
    /// Intervals that nothing tells, which are missing still.
    pub missing: usize,
    /// The day's sum now.
    pub total: Decimal,
}

/// Fills gaps; answers the days that had one.
pub fn fill(tx: &mut Tx<'_>, caller: &Caller, asked: &Filling) -> Result<Vec<FilledDay>> {
    crate::naming::check_name("/reason", &asked.reason)?;
    let utility = Utility::load(tx)?;
    let point = asked.register.owner;
    find_point(tx, caller, point)?;
    let today_on = utility.day(tx.as_of());
    let period = Period::new(asked.first_on, asked.last_on)
        .filter(|period| period.days() <= DAYS_MAX && period.first_on() > shifted(today_on, -OLDEST_DAYS))
        .ok_or_else(|| Problem::field("/last_on", Code::FieldRange, "from first_on, at most 62 days"))?;
    if asked.last_on >= today_on {
        return Err(Problem::field("/last_on", Code::FieldRange, "a day that is over").into());
    }
    store::intervals::make_months(tx, each_day(period))?;
    lock_point(tx, caller, point)?;
    let register = store::registers::at(tx, &[point])?
        .into_iter()
        .find(|row| row.id == asked.register.n)
        .ok_or_else(Problem::not_found)?;
    let period = days_to_fill(tx, period, &register)?;
    let (from, to) = (shifted(period.first_on(), -LIKE_DAYS), shifted(period.last_on(), LIKE_DAYS));
    let stored: BTreeMap<Date, StoredDay> = store::intervals::of_register(tx, asked.register, from, to)?
        .into_iter()
        .map(|row| (row.day, row))
        .collect();
    let known: BTreeMap<Date, IntervalDay> =
        stored.iter().map(|(on, row)| Ok((*on, row.data()?))).collect::<Result<_>>()?;
    // What waits for a person, or was estimated itself, tells nothing of other days.
    let measured: BTreeMap<Date, &IntervalDay> = known
        .iter()
        .filter(|(on, data)| data.estimated() == 0 && stored.get(on).is_some_and(|row| !row.is_held))
        .map(|(on, data)| (*on, data))
        .collect();
    let mut filled = Vec::new();
    let (mut new, mut replaced) = (Vec::new(), Vec::new());
    for on in each_day(period) {
        let Some(mut data) = day_of(&utility, &register, &known, on) else { continue };
        // Where the meter came or went, the rest of the day is another's.
        if data.missing() == 0 || register.stay().is_edge(on) {
            continue;
        }
        let like = like_days(&measured, on);
        let beside = |days: i64| plus_days(on, days).and_then(|day| measured.get(&day).copied());
        let count = gaps::fill(&mut data, beside(-1), beside(1), &like)?;
        filled.push(FilledDay { on, filled: count, missing: data.missing(), total: data.total()? });
        if count > 0 {
            replaced.extend(stored.get(&on).map(|_| (asked.register, on)));
            let before = stored.get(&on);
            let is_held = before.is_some_and(|row| row.is_held);
            let rules = before.and_then(|row| row.rules.as_deref()).unwrap_or_default();
            let row = StoredDay::new(asked.register, on, &data, None, is_held)?;
            new.push(row.with_rules(still_broken(rules, data.missing())));
        }
    }
    if asked.dry_run || new.is_empty() {
        return Ok(filled);
    }
    store::intervals::supersede(tx, &replaced, None)?;
    store::intervals::copy_in(tx, &new)?;
    let days = filled.iter().map(|day| json!({ "on": civil::format(day.on), "filled": day.filled }));
    audit::record(
        tx,
        caller,
        Action {
            action: "interval_data.fill",
            subject: asked.register.to_string(),
            after: Some(json!({ "days": days.collect::<Vec<_>>() })),
            reason: Some(asked.reason.clone()),
            ..Action::default()
        },
    )?;
    Ok(filled)
}

/// The days that may be filled: past, not billed, of a register that was there.
fn days_to_fill(tx: &mut Tx<'_>, period: Period, register: &RegisterRow) -> Result<Period> {
    let services = store::reads::services(tx, &[register.service_point_id])?;
    let billed = reads::billed_through(&services).filter(|through_on| period.first_on() <= *through_on);
    if let Some(through_on) = billed {
        let detail = format!("billed through {}; correct the bill instead", civil::format(through_on));
        return Err(Problem::new(Code::ReadBilled, detail).into());
    }
    let installed = Period::new(register.installed_on, register.removed_on.unwrap_or(Date::MAX));
    let inside = installed.and_then(|installed| period.intersection(&installed));
    let outside =
        || Problem::field("/first_on", Code::FieldRange, "days on which the register was installed");
    Ok(inside.ok_or_else(outside)?)
}

/// A day's data; of a day without any an empty one, where the register gives nothing but interval data or
/// has some around it.
fn day_of(
    utility: &Utility,
    register: &RegisterRow,
    known: &BTreeMap<Date, IntervalDay>,
    on: Date,
) -> Option<IntervalDay> {
    if let Some(data) = known.get(&on) {
        return Some(data.clone());
    }
    let nearest = known.range(..on).next_back().or_else(|| known.range(on..).next())?.1;
    let minutes = utility.zone.minutes_of(on).filter(|_| register.kind == RegisterKind::Interval)?;
    let slots = usize::try_from(minutes).ok()? / usize::from(nearest.minutes());
    IntervalDay::new(nearest.minutes(), slots)
}

/// The rules that a filled day breaks still: a gap that is closed is none.
fn still_broken(rules: &str, missing: usize) -> String {
    let gap = Rule::GapOrOverlap.as_str();
    rules.split(", ").filter(|rule| missing > 0 || *rule != gap).collect::<Vec<_>>().join(", ")
}

/// Whole days of the same kind, the nearest first.
fn like_days<'d>(known: &BTreeMap<Date, &'d IntervalDay>, on: Date) -> Vec<&'d IntervalDay> {
    let is_weekend = |day: Date| matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let mut like: Vec<(i64, &IntervalDay)> = known
        .iter()
        .filter(|(day, data)| **day != on && is_weekend(**day) == is_weekend(on) && data.missing() == 0)
        .map(|(day, data)| ((*day - on).whole_days().abs(), *data))
        .collect();
    like.sort_by_key(|(distance, _)| *distance);
    like.into_iter().map(|(_, data)| data).collect()
}

fn each_day(period: Period) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(period.first_on()), |day| day.next_day())
        .take_while(move |day| period.contains(*day))
}

fn shifted(day: Date, days: i64) -> Date {
    plus_days(day, days).unwrap_or(day)
}
