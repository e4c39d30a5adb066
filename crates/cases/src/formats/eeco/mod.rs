//! `eeco_csv`: rows of charges, each with months, hours and weekdays.
//!
//! All rows that match an hour apply to it. Energy rows with a charge limit are tiers: a row prices
//! what is used while the month's use so far lies between its limit and the next limit of rows of
//! the same name (rows without a name are numbered within their limit). Demand rows of one name are
//! one window; its peak is of the month, or of each day. Customer charges are charged in full.
//! Revenue from exports is no part of the bill: those rows, and other utilities', are left out.

mod rows;
mod windows;

use crate::bill::{Parts, key_json, price};
use crate::series;
use crate::{Case, Checks, Fields, Rating, Stop, number};
use rating::Series;
use rating::{Line, QuantityKey, QuantityKind};
use rows::{Kind, Row};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use vocab::{Decimal, Unit};
use windows::Layers;

/// Rates a case and compares.
pub fn run(case: &Case, checks: &mut Checks) -> Result<(), Stop> {
    let (tariff, inputs) = (case.tariff(), case.inputs());
    tariff.describe(&["currency", "note"]);
    let utility = inputs.text("utility")?.unwrap_or("electric");
    if utility != "electric" {
        return Err(inputs.unknown("utility", utility));
    }
    let rows = rows::read(&case.file(tariff.need_text("file")?)?, utility)?;
    tariff.finish()?;
    let series = load(case, &inputs)?;
    let period = series::days(&series)?;
    if period.first_on().month() != period.last_on().month() {
        return Err(Stop::because("a load of more than a month: limits are of the month"));
    }
    if rows.iter().any(|row| row.is_dated && !row.covers(period)) {
        return Err(Stop::because("a row is in force on a part of the load's days"));
    }
    let mut rating = Rating::new(period);
    rating.series.push(series);
    rating.tariff(translate(&rows)?);
    let bill = rating.rate()?;
    let expected = case.expected();
    let of = |kind: &'static str| move |line: &Line| line.rule.as_str().starts_with(kind);
    for key in ["customer", "energy", "demand"] {
        if let Some(wanted) = expected.get(key) {
            checks.number(&expected.place(key), wanted, bill.sum(of(key))?);
        }
    }
    if let Some(wanted) = expected.get("total") {
        checks.number("expected.total", wanted, bill.total()?);
    }
    checks.finish(&expected)
}

fn load(case: &Case, inputs: &Fields<'_>) -> Result<Series, Stop> {
    let text = case.file(inputs.need_text("load_file")?)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let values: Option<Vec<Decimal>> = lines.map(number::parse).collect();
    let values = values.ok_or_else(|| Stop::because("the load is no list of numbers"))?;
    let unit = inputs.text("unit")?.unwrap_or("kW average");
    let unit = match unit {
        "kW average" | "kW" => Unit::Kw,
        other => return Err(inputs.unknown("unit", other)),
    };
    if let Some(timezone) = inputs.text("timezone")?
        && !timezone.starts_with("naive local")
    {
        return Err(inputs.unknown("timezone", timezone));
    }
    let start = inputs.date("start")?.ok_or_else(|| Stop::because("`inputs.start` is missing"))?;
    let minutes = inputs.whole("interval_minutes")?.unwrap_or(15);
    inputs.describe(&["note"]);
    inputs.finish()?;
    let series = series::plain(unit, u16::try_from(minutes).unwrap_or(0), start, &values)?;
    if series.lent().is_valid() {
        Ok(series)
    } else {
        Err(Stop::because("the load's minutes divide no hour"))
    }
}

fn translate(rows: &[Row]) -> Result<Parts, Stop> {
    let mut layers = Layers::default();
    let mut parts = Parts::default();
    for row in rows.iter().filter(|row| row.kind == Kind::Customer) {
        let id = format!("customer_{}", parts.rules.len());
        parts.rule(&id, json!({ "kind": "flat", "amount": price(row.charge) }), None);
    }
    for (_, of) in by_name(rows, Kind::Energy) {
        energy(&of, &mut layers, &mut parts)?;
    }
    for (name, of) in by_name(rows, Kind::Demand) {
        demand(&name, &of, &mut layers, &mut parts)?;
    }
    parts.times_of_use = layers.into_times_of_use()?;
    // Tiers in the order of time name all buckets of their layer, which is known only now.
    windows::complete(&mut parts);
    Ok(parts)
}

/// Rows by name, in order; a row without one has its number within its limit.
fn by_name(rows: &[Row], kind: Kind) -> Vec<(String, Vec<&Row>)> {
    let mut numbers: BTreeMap<Decimal, usize> = BTreeMap::new();
    let mut named: Vec<(String, Vec<&Row>)> = Vec::new();
    for row in rows.iter().filter(|row| row.kind == kind) {
        let number = numbers.entry(row.limit).or_default();
        let name = match &row.name {
            Some(name) => format!("{name} ({})", row.assessed()),
            None => format!("{number} ({})", row.assessed()),
        };
        *number += 1;
        match named.iter_mut().find(|(other, _)| *other == name) {
            Some((_, of)) => of.push(row),
            None => named.push((name, vec![row])),
        }
    }
    named
}

/// The limits of rows, each once, ascending.
fn limits(of: &[&Row]) -> Vec<Decimal> {
    let mut limits: Vec<Decimal> = of.iter().map(|row| row.limit).collect();
    limits.sort_unstable();
    limits.dedup();
    limits
}

/// A rule for each row: it prices its window between its limit and the next.
fn energy(of: &[&Row], layers: &mut Layers, parts: &mut Parts) -> Result<(), Stop> {
    let limits = limits(of);
    for row in of {
        let id = format!("energy_{}", parts.rules.len());
        let next = limits.iter().find(|limit| **limit > row.limit);
        let bucket = layers.bucket(&[row])?;
        if row.limit.is_zero() && next.is_none() {
            let key = QuantityKey::usage(Unit::Kwh).in_bucket(bucket);
            parts.rule(
                &id,
                json!({ "kind": "unit", "quantity": key_json(&key), "price": price(row.charge) }),
                None,
            );
            continue;
        }
        let mut tiers: Vec<Value> = Vec::new();
        if !row.limit.is_zero() {
            tiers.push(json!({ "up_to": price(row.limit), "price": "0" }));
        }
        match next {
            Some(next) => {
                tiers.push(json!({ "up_to": price(*next), "price": price(row.charge) }));
                tiers.push(json!({ "price": "0" }));
            }
            None => tiers.push(json!({ "price": price(row.charge) })),
        }
        let charge = json!({
            "kind": "time_of_use_tiered",
            "quantity": key_json(&QuantityKey::usage(Unit::Kwh)),
            "filling": "in_time_order",
            "buckets": [{ "bucket": bucket.as_str(), "tiers": tiers }],
        });
        parts.rule(&id, charge, None);
    }
    Ok(())
}

/// A rule for the window of a name: the peak in it, by tiers where there are limits.
fn demand(name: &str, of: &[&Row], layers: &mut Layers, parts: &mut Parts) -> Result<(), Stop> {
    let limits = limits(of);
    let daily = of.iter().any(|row| row.is_daily);
    let mut window: Option<Vec<&Row>> = None;
    let mut tiers = Vec::new();
    if limits.first().is_some_and(|first| !first.is_zero()) {
        tiers.push(json!({ "up_to": price(limits[0]), "price": "0" }));
    }
    for (place, limit) in limits.iter().enumerate() {
        let rows: Vec<&Row> = of.iter().copied().filter(|row| row.limit == *limit).collect();
        let Some(first) = rows.first() else { continue };
        if rows.iter().any(|row| row.charge != first.charge) {
            return Err(Stop::because(format!("demand `{name}`: one window with two prices")));
        }
        if windows::overlap(&rows)? {
            return Err(Stop::because(format!("demand `{name}`: one window twice at the same hours")));
        }
        if window.as_ref().is_some_and(|known| !windows::same(known, &rows).unwrap_or(false)) {
            return Err(Stop::because(format!("demand `{name}`: limits with different windows")));
        }
        let mut tier = json!({ "price": price(first.charge) });
        if let Some(next) = limits.get(place + 1) {
            tier["up_to"] = price(*next);
        }
        tiers.push(tier);
        window = window.or(Some(rows));
    }
    let Some(window) = window else { return Ok(()) };
    let kind = if daily { QuantityKind::DailyPeaks } else { QuantityKind::Peak };
    let bucket = layers.bucket(&window)?;
    let key = QuantityKey { unit: Unit::Kw, bucket: Some(bucket), name: None, kind };
    let thresholds = if daily { json!({ "per": "each_day" }) } else { json!({ "per": "period" }) };
    let charge =
        json!({ "kind": "tiered", "quantity": key_json(&key), "thresholds": thresholds, "tiers": tiers });
    parts.rule(&format!("demand_{}", parts.rules.len()), charge, None);
    Ok(())
}
