//! When a component holds: windows as buckets of times of use.

use super::plan::{Component, Plan, Usage, Window};
use super::rules::id;
use crate::Stop;
use crate::bill::Parts;
use serde_json::{Value, json};
use vocab::Period;

/// The rules of a usage component with the months of each: one, unless its steps begin anew inside
/// the bill.
pub fn use_rules(place: usize, usage: &Usage, period: Period) -> Result<Vec<(String, Vec<u8>)>, Stop> {
    let whole = vec![(id(place), Vec::new())];
    let Some(blocks) = &usage.blocks else { return Ok(whole) };
    let span = match blocks.period.as_str() {
        "day" | "billing_period" => return Ok(whole),
        "month" => 1,
        "quarter" => 3,
        "year" => 12,
        other => return Err(Stop::because(format!("blocks of a `{other}`"))),
    };
    let mut spans: Vec<(i32, Vec<u8>)> = Vec::new();
    let mut on = Some(period.first_on());
    while let Some(day) = on.filter(|day| *day <= period.last_on()) {
        let month = u8::from(day.month());
        let place = (day.year() * 12 + i32::from(month) - 1).div_euclid(span);
        match spans.last_mut() {
            Some((last, months)) if *last == place => {
                if !months.contains(&month) {
                    months.push(month);
                }
            }
            _ => spans.push((place, vec![month])),
        }
        on = day.next_day();
    }
    let months: usize = spans.iter().map(|(_, months)| months.len()).sum();
    if let [_] = spans.as_slice() {
        return Ok(whole);
    }
    if months != self::months(period).len() {
        return Err(Stop::because("steps that begin anew in the same month of two years"));
    }
    Ok(spans
        .into_iter()
        .enumerate()
        .map(|(at, (_, months))| (format!("{}_part_{at}", id(place)), months))
        .collect())
}

/// The months of the period.
pub fn months(period: Period) -> Vec<u8> {
    let mut months = Vec::new();
    let mut on = Some(period.first_on());
    while let Some(day) = on.filter(|day| *day <= period.last_on()) {
        let month = u8::from(day.month());
        if !months.contains(&month) {
            months.push(month);
        }
        on = day.next_day();
    }
    months
}

/// Whether a usage component has hours of its own among the others of its register.
pub fn is_alone(plan: &Plan, place: usize, usage: &Usage) -> bool {
    let plain = usage.schedule.is_none() && usage.season.is_none();
    let others = plan.components.iter().enumerate().any(|(other, component)| {
        let Component::Usage(of) = component else { return false };
        other != place && !of.stack && of.register == usage.register && of.export == usage.export
    });
    plain && (usage.stack || !others)
}

/// The times of use: of the components of a register and direction, one holds at any time, the most
/// specific first; one that is stacked holds besides.
pub fn groups(plan: &Plan, period: Period, parts: &mut Parts) -> Result<(), Stop> {
    let mut done: Vec<(String, bool)> = Vec::new();
    for (place, component) in plan.components.iter().enumerate() {
        let Component::Usage(usage) = component else { continue };
        let own = use_rules(place, usage, period)?;
        if is_alone(plan, place, usage) && own.len() == 1 {
            continue;
        }
        if usage.stack {
            let windows: Vec<Value> = own.iter().flat_map(|rule| windows_of(rule, usage)).collect();
            parts.times_of_use.push(json!({ "id": id(place), "windows": windows }));
            continue;
        }
        let group = (usage.register.clone(), usage.export);
        if done.contains(&group) {
            continue;
        }
        let mut members: Vec<(usize, &Usage)> = plan
            .components
            .iter()
            .enumerate()
            .filter_map(|(place, component)| match component {
                Component::Usage(of) if !of.stack => Some((place, of.as_ref())),
                _ => None,
            })
            .filter(|(_, of)| of.register == group.0 && of.export == group.1)
            .collect();
        members.sort_by_key(|(place, of)| (of.schedule.is_none(), of.season.is_none(), *place));
        let mut windows = Vec::new();
        for (place, of) in members {
            windows.extend(use_rules(place, of, period)?.iter().flat_map(|rule| windows_of(rule, of)));
        }
        parts.times_of_use.push(json!({ "id": format!("group of {}", id(place)), "windows": windows }));
        done.push(group);
    }
    Ok(())
}

fn windows_of((rule, months): &(String, Vec<u8>), usage: &Usage) -> Vec<Value> {
    windows(rule, usage.schedule.as_deref(), usage.season.as_deref(), months)
}

/// Windows of a bucket. One over midnight belongs to the day that it begins on.
pub fn windows(bucket: &str, schedule: Option<&[Window]>, season: Option<&str>, months: &[u8]) -> Vec<Value> {
    const NAMES: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let mut made = Vec::new();
    let mut add = |days: [bool; 7], from: u16, to: u16| {
        let names: Vec<&str> = NAMES.iter().zip(days).filter(|(_, is)| *is).map(|(name, _)| *name).collect();
        if from == to || names.is_empty() {
            return;
        }
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let mut window = json!({ "bucket": bucket, "days": names, "from": clock(from), "to": clock(to) });
        if let Some(season) = season {
            window["season"] = season.into();
        }
        if !months.is_empty() {
            window["months"] = json!(months);
        }
        made.push(window);
    };
    match schedule {
        None => add([true; 7], 0, 1_440),
        Some(schedule) => {
            for window in schedule {
                // Midnight as an end is the end of the day; equal times are the whole day.
                let to = if window.to == 0 { 1_440 } else { window.to };
                if window.from == window.to % 1_440 {
                    add(window.days, 0, 1_440);
                } else if window.from < to {
                    add(window.days, window.from, to);
                } else {
                    add(window.days, window.from, 1_440);
                    let mut next = window.days;
                    next.rotate_right(1);
                    add(next, 0, to);
                }
            }
        }
    }
    made
}
