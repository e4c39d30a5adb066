//! Interval data: rows of a batch are put together by register and day, joined with what is stored of
//! the day, and judged as a day.

use super::batch::{Known, Work};
use super::register::Brings;
use super::rows::{DayRow, Refused};
use crate::{Result, reads};
use metering::intervals::{self, IntervalFinding, ObservedDay};
use metering::validate::{Action, Rule};
use metering::{IntervalDay, Merged};
use std::collections::BTreeMap;
use store::Tx;
use store::intervals::StoredDay;
use store::registers::RegisterRow;
use time::Date;
use vocab::dates::plus_days;
use vocab::{Commodity, Decimal, RegisterId};

/// Older days are refused: 20 years.
const OLDEST_DAYS: i64 = 7_305;
/// Days before a day that tell what its register usually counts.
const USUAL_DAYS: i32 = 30;

/// A day of a register as the batch has it.
struct Day {
    /// None where the first row is in intervals that none are kept of.
    data: Option<IntervalDay>,
    /// Line and sum of each of its rows.
    rows: Vec<(u64, Decimal)>,
    /// How many of them say otherwise than one before them.
    overlaps: u64,
    commodity: Commodity,
    billed_through_on: Option<Date>,
}

/// A day joined with what is stored of it, that may be taken.
struct Whole {
    data: IntervalDay,
    merged: Merged,
    rows: Vec<(u64, Decimal)>,
    /// How many rows say otherwise than others of the same file.
    overlaps: u64,
    commodity: Commodity,
}

/// Makes the months that days go to, those aside that no row can be taken for.
pub(super) fn make_months(tx: &mut Tx<'_>, rows: &[DayRow], today_on: Date) -> Result<()> {
    let days = rows.iter().map(|row| row.on).filter(|on| in_reach(*on, today_on));
    Ok(store::intervals::make_months(tx, days)?)
}

fn in_reach(on: Date, today_on: Date) -> bool {
    on <= today_on && plus_days(today_on, -OLDEST_DAYS).is_none_or(|oldest| oldest <= on)
}

/// Judges the rows and writes what is taken.
pub(super) fn judge(tx: &mut Tx<'_>, work: &mut Work<'_>, known: &Known, rows: Vec<DayRow>) -> Result<()> {
    let mut days: BTreeMap<(RegisterId, Date), Day> = BTreeMap::new();
    for row in rows {
        gather(work, known, &mut days, row)?;
    }
    let keys: Vec<(RegisterId, Date)> = days.keys().copied().collect();
    let mut stored: BTreeMap<(RegisterId, Date), StoredDay> =
        store::intervals::find(tx, &keys)?.into_iter().map(|row| ((row.register(), row.day), row)).collect();
    let mut whole: Vec<(RegisterId, Date, Whole)> = Vec::with_capacity(days.len());
    for ((register, on), day) in days {
        let before = stored.get(&(register, on));
        whole.extend(joined(work, on, day, before)?.map(|day| (register, on, day)));
    }
    let findings = findings(tx, work, known, &whole)?;
    let (mut new, mut replaced) = (Vec::with_capacity(whole.len()), Vec::new());
    for ((register, on, day), findings) in whole.into_iter().zip(findings) {
        let key = (register, on);
        let before = stored.remove(&key);
        if let Some(row) = settle(work, key, day, &findings)? {
            replaced.extend(before.map(|_| key));
            new.push(row);
        }
    }
    store::intervals::supersede(tx, &replaced, Some(work.import.0))?;
    store::intervals::copy_in(tx, &new)?;
    Ok(())
}

/// Puts a row to its day, or refuses it.
fn gather(
    work: &mut Work<'_>,
    known: &Known,
    days: &mut BTreeMap<(RegisterId, Date), Day>,
    row: DayRow,
) -> Result<()> {
    let sum = vocab::decimal::sum(row.values.iter().copied())?;
    let place = match known.directory.find(&row.channel, row.on, Brings::Intervals) {
        Ok(place) => place,
        Err(why) => return work.reject_unknown(row.line, &row.channel, sum, why),
    };
    let register = &known.directory.registers()[place];
    let (line, on) = (row.line, row.on);
    if let Err((code, detail)) = check(work.today_on, register, &row) {
        work.reject_unread(line, code, None, detail);
        return Ok(());
    }
    let id = RegisterId::new(register.service_point_id, register.id);
    let empty = IntervalDay::new(row.minutes, row.slots);
    let day = days.entry((id, on)).or_insert_with(|| Day {
        data: empty.clone(),
        rows: Vec::with_capacity(1),
        overlaps: 0,
        commodity: register.commodity,
        billed_through_on: reads::billed_through(known.services(id.owner)),
    });
    match added(&day.data, row) {
        // The file has said so already, as a file before it might have.
        Ok((_, Merged::Same)) if !day.rows.is_empty() => {
            work.report.found(sum)?;
            work.report.duplicates += 1;
        }
        Ok((data, merged)) => {
            day.overlaps += u64::from(merged == Merged::Changed);
            day.data = Some(data);
            day.rows.push((line, sum));
        }
        Err((code, detail)) => work.reject_unread(line, code, None, detail),
    }
    Ok(())
}

/// Whether a row can be taken at all.
fn check(today_on: Date, register: &RegisterRow, row: &DayRow) -> std::result::Result<(), Refused> {
    if row.on > today_on {
        return Err(("future_date", "the day has not come".to_owned()));
    }
    if !in_reach(row.on, today_on) {
        return Err(("stale_date", "more than 20 years ago".to_owned()));
    }
    if !register.stay().covers(row.on) {
        return Err(("not_installed", "the register was not installed on that day".to_owned()));
    }
    let is_another = |serial: &String| !serial.trim().eq_ignore_ascii_case(register.serial.trim());
    if row.channel.serial.as_ref().is_some_and(is_another) {
        return Err(("serial_mismatch", format!("the meter installed there is {}", register.serial)));
    }
    Ok(())
}

/// The day with a row on it, taken whole or not at all, and what the row does to those before it.
fn added(day: &Option<IntervalDay>, row: DayRow) -> std::result::Result<(IntervalDay, Merged), Refused> {
    let Some(mut all) = day.clone() else {
        return Err(("bad_interval", format!("intervals of {} minutes", row.minutes)));
    };
    if all.minutes() != row.minutes {
        return Err(("bad_interval", format!("the day began in intervals of {} minutes", all.minutes())));
    }
    let too_many = || ("bad_number", "a value has more digits than are kept".to_owned());
    let mut data = IntervalDay::new(row.minutes, row.slots).ok_or_else(too_many)?;
    let (mut slot, mut values) = (row.slot, row.values.as_slice());
    for (count, quality) in row.runs {
        let (here, rest) = values.split_at(count.min(values.len()));
        if let Some(quality) = quality
            && data.set(slot, here, quality).is_err()
        {
            return Err(too_many());
        }
        (slot, values) = (slot + count, rest);
    }
    let merged = all.merge(&data).map_err(|_| too_many())?;
    if can_be_stored(&all) { Ok((all, merged)) } else { Err(("bad_number", TOO_MUCH.to_owned())) }
}

/// Why a day cannot be stored.
const TOO_MUCH: &str = "the day adds up to more than is kept";

fn can_be_stored(data: &IntervalDay) -> bool {
    data.total().is_ok_and(|total| vocab::decimal::stored(total).is_some())
}

/// A day with what is stored of it; none when all of it is known or none may be taken.
fn joined(work: &mut Work<'_>, on: Date, day: Day, before: Option<&StoredDay>) -> Result<Option<Whole>> {
    let count = u64::try_from(day.rows.len()).unwrap_or(u64::MAX);
    let Some(mut data) = day.data.filter(|_| !day.rows.is_empty()) else { return Ok(None) };
    let (mut merged, mut overlaps) = (Merged::Filled, day.overlaps);
    if let Some(before) = before {
        let mut joined = before.data()?;
        match joined.merge(&data) {
            Ok(how) if can_be_stored(&joined) => {
                // What another part of this file has brought.
                let is_own = before.import_id == Some(work.import.0);
                overlaps += u64::from(is_own && how == Merged::Changed);
                (merged, data) = (how, joined);
            }
            _ => {
                for (_, sum) in &day.rows {
                    work.report.found(*sum)?;
                }
                reject(work, &day.rows, "bad_number", TOO_MUCH);
                return Ok(None);
            }
        }
    }
    for (_, sum) in &day.rows {
        work.report.found(*sum)?;
    }
    if merged == Merged::Same {
        work.report.duplicates += count;
        return Ok(None);
    }
    if day.billed_through_on.is_some_and(|through_on| on <= through_on) {
        reject(work, &day.rows, "already_billed", "the day has been billed; correct the bill instead");
        return Ok(None);
    }
    Ok(Some(Whole { data, merged, rows: day.rows, overlaps, commodity: day.commodity }))
}

fn reject(work: &mut Work<'_>, rows: &[(u64, Decimal)], code: &str, detail: &str) {
    for (line, _) in rows {
        work.report.reject_found(*line, code);
        work.reject(*line, code, detail.to_owned());
    }
}

/// What the rules find in each day. What a register usually counts is asked for only where something
/// looks like a spike.
fn findings(
    tx: &mut Tx<'_>,
    work: &Work<'_>,
    known: &Known,
    days: &[(RegisterId, Date, Whole)],
) -> Result<Vec<Vec<IntervalFinding>>> {
    let judge = |at: usize, usual_per_day: Option<Decimal>| -> Result<Vec<IntervalFinding>> {
        let Some((register, on, day)) = days.get(at) else { return Ok(Vec::new()) };
        let rules = work.rules.at(known.services(register.owner), day.commodity, *on);
        let values: Vec<Option<Decimal>> =
            (0..day.data.slots()).map(|slot| day.data.get(slot).map(|(value, _)| value)).collect();
        let observed = ObservedDay { values: &values, expected: day.data.slots(), usual_per_day };
        let mut found = intervals::judge(rules, observed)?;
        // The rest of today is to come.
        found.retain(|finding| finding.rule != Rule::GapOrOverlap || *on < work.today_on);
        Ok(found)
    };
    let mut all = (0..days.len()).map(|at| judge(at, None)).collect::<Result<Vec<_>>>()?;
    let is_spike = |of: &IntervalFinding| of.rule == Rule::IntervalSpike;
    let suspects: Vec<usize> = (0..all.len()).filter(|at| all[*at].iter().any(is_spike)).collect();
    let asked: Vec<(RegisterId, Date)> = suspects.iter().map(|at| (days[*at].0, days[*at].1)).collect();
    if !asked.is_empty() {
        let usual = store::intervals::usual_per_day(tx, &asked, USUAL_DAYS)?;
        for (at, key) in suspects.into_iter().zip(asked) {
            all[at] = judge(at, usual.get(&key).copied())?;
        }
    }
    Ok(all)
}

/// What is to be stored of a day, and how; none when a rule refuses it.
fn settle(
    work: &mut Work<'_>,
    (register, on): (RegisterId, Date),
    day: Whole,
    findings: &[IntervalFinding],
) -> Result<Option<StoredDay>> {
    let count = u64::try_from(day.rows.len()).unwrap_or(u64::MAX);
    let Whole { data, merged, .. } = day;
    for finding in findings {
        *work.report.findings.entry(finding.rule.as_str().to_owned()).or_default() += 1;
    }
    let worst = findings.iter().max_by_key(|finding| finding.action);
    let action = worst.map_or(Action::Off, |finding| finding.action);
    if let Some(worst) = worst.filter(|_| action == Action::Reject) {
        reject(work, &day.rows, worst.rule.as_str(), "the day breaks a rule of validation");
        return Ok(None);
    }
    if action == Action::Hold {
        work.report.held += count;
    } else {
        work.report.accepted += count;
        work.report.warned += if action == Action::Warn { count } else { 0 };
    }
    work.report.intervals += u64::try_from(data.slots() - data.missing()).unwrap_or(0);
    if merged == Merged::Changed || day.overlaps > 0 {
        work.report.superseded += 1;
    }
    if day.overlaps > 0 {
        let findings = &mut work.report.findings;
        *findings.entry(Rule::GapOrOverlap.as_str().to_owned()).or_default() += day.overlaps;
    }
    work.report.took_days(Some(on), Some(on));
    let mut rules: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    let row = StoredDay::new(register, on, &data, Some(work.import.0), action == Action::Hold)?;
    Ok(Some(row.with_rules(rules.join(", "))))
}
