//! A plan's components as rules over streams of interval data.

use super::calendar::{groups, is_alone, months, use_rules, windows};
use super::grid::Stream;
use super::plan::{Blocks, Component, Demand, Fixed, Plan, Usage};
use crate::Stop;
use crate::bill::{Parts, key_json, price, word};
use rating::{ItemCount, QuantityKey, QuantityKind};
use serde_json::{Value, json};
use vocab::{Decimal, Period, Unit};

/// Periods in a year, as items that a year's share of days is multiplied by.
const OF_YEAR: &[(&str, &str, i64)] = &[
    ("per_month", "months of a year", 12),
    ("month", "months of a year", 12),
    ("per_quarter", "quarters of a year", 4),
    ("quarter", "quarters of a year", 4),
    ("per_year", "years of a year", 1),
    ("year", "years of a year", 1),
];

/// All streams that the plans price.
#[derive(Default)]
pub struct Streams(pub Vec<Stream>);

impl Streams {
    /// The name of a stream's series.
    fn name(&mut self, stream: Stream) -> String {
        let place = self.0.iter().position(|known| *known == stream);
        format!(
            "stream_{}",
            place.unwrap_or_else(|| {
                self.0.push(stream);
                self.0.len() - 1
            })
        )
    }
}

/// The id of a component's rule.
pub fn id(place: usize) -> String {
    format!("component_{place}")
}

/// The id of a demand's rule for a month.
pub fn month_id(place: usize, month: u8) -> String {
    format!("component_{place}_month_{month}")
}

/// Counts that the rules need.
pub fn items() -> Result<Vec<ItemCount>, Stop> {
    let mut items: Vec<ItemCount> = Vec::new();
    for (_, name, count) in OF_YEAR {
        let item = word(name)?;
        if items.iter().all(|known| known.item != item) {
            items.push(ItemCount { item, count: Decimal::from(*count) });
        }
    }
    Ok(items)
}

/// The unit of ours for one of the plan's.
pub fn unit(name: &str) -> Unit {
    match name {
        "kWh" => Unit::Kwh,
        "MJ" => Unit::Megajoule,
        "kL" => Unit::Kilolitre,
        "m3" => Unit::CubicMetre,
        "ft3" => Unit::CubicFoot,
        "CCF" => Unit::Ccf,
        "gal" => Unit::Gallon,
        "therm" => Unit::Therm,
        _ => Unit::Item,
    }
}

/// Translates the components of a plan.
pub fn translate(plan: &Plan, period: Period, streams: &mut Streams) -> Result<Parts, Stop> {
    let mut parts = Parts::default();
    for (name, spans) in &plan.seasons {
        parts.seasons.push(json!({ "id": name, "spans": spans }));
    }
    groups(plan, period, &mut parts)?;
    for (place, component) in plan.components.iter().enumerate() {
        match component {
            Component::Fixed(fixed) => charge_days(place, fixed, &mut parts)?,
            Component::Usage(usage) => {
                let alone = is_alone(plan, place, usage);
                for (rule, months) in use_rules(place, usage, period)? {
                    let bucket = if alone && months.is_empty() { None } else { Some(word(&rule)?) };
                    let (charge, basis) = use_of(usage, bucket, streams)?;
                    parts.rule(&rule, charge, basis);
                }
            }
            Component::Demand(demand) => power(place, demand, period, streams, &mut parts)?,
            Component::Discount { .. } | Component::Nothing => {}
        }
    }
    discounts(plan, period, &mut parts)?;
    Ok(parts)
}

fn charge_days(place: usize, fixed: &Fixed, parts: &mut Parts) -> Result<(), Stop> {
    let (charge, basis) = match fixed.unit.as_str() {
        "per_day" => (json!({ "kind": "flat", "amount": price(fixed.rate) }), json!({ "basis": "per_day" })),
        other => {
            let (_, item, _) = OF_YEAR
                .iter()
                .find(|(name, _, _)| *name == other && name.starts_with("per_"))
                .ok_or_else(|| Stop::because(format!("a fixed charge `{other}`")))?;
            (json!({ "kind": "item", "item": item, "price": price(fixed.rate) }), json!({ "basis": "year" }))
        }
    };
    parts.rule(&id(place), charge, Some(basis));
    if let (Some(season), Some(rule)) = (&fixed.season, parts.rules.last_mut()) {
        rule["season"] = season.as_str().into();
    }
    Ok(())
}

fn use_of(
    usage: &Usage,
    bucket: Option<rating::Word>,
    streams: &mut Streams,
) -> Result<(Value, Option<Value>), Stop> {
    let (register, factor) = match &usage.from {
        Some((register, factor)) => (register.clone(), *factor),
        None => (usage.register.clone(), Decimal::ONE),
    };
    let stream = Stream { export: usage.export, register, factor, unit: usage.unit.clone() };
    let name = word(&streams.name(stream))?;
    let key = QuantityKey { unit: unit(&usage.unit), bucket, name: Some(name), kind: QuantityKind::Usage };
    match (&usage.blocks, usage.rate) {
        (Some(blocks), _) => Ok(tiered(blocks, &key)),
        (None, Some(rate)) => {
            Ok((json!({ "kind": "unit", "quantity": key_json(&key), "price": price(rate) }), None))
        }
        (None, None) => Err(Stop::because("a usage component without a price")),
    }
}

fn tiered(blocks: &Blocks, key: &QuantityKey) -> (Value, Option<Value>) {
    let (thresholds, basis) = match OF_YEAR.iter().find(|(name, _, _)| *name == blocks.period) {
        Some((_, item, _)) if blocks.prorate => {
            (json!({ "per": "item", "item": item }), Some(json!({ "basis": "year" })))
        }
        _ if blocks.period == "day" => (json!({ "per": "each_day" }), Some(json!({ "basis": "per_day" }))),
        _ => (json!({ "per": "period" }), None),
    };
    let tiers: Vec<Value> = blocks
        .tiers
        .iter()
        .map(|(top, rate)| {
            let mut tier = json!({ "price": price(*rate) });
            if let Some(top) = top {
                tier["up_to"] = price(*top);
            }
            tier
        })
        .collect();
    let charge =
        json!({ "kind": "tiered", "quantity": key_json(key), "thresholds": thresholds, "tiers": tiers });
    (charge, basis)
}

/// The peak of the bill, or of each of its months.
fn power(
    place: usize,
    demand: &Demand,
    period: Period,
    streams: &mut Streams,
    parts: &mut Parts,
) -> Result<(), Stop> {
    let stream = Stream {
        export: false,
        register: "general".to_owned(),
        factor: Decimal::ONE,
        unit: "kWh".to_owned(),
    };
    let name = word(&streams.name(stream))?;
    let all = months(period);
    if demand.monthly && period.days() > 366 {
        return Err(Stop::because("monthly demand over more than a year"));
    }
    let months: Vec<Option<u8>> =
        if demand.monthly && all.len() > 1 { all.into_iter().map(Some).collect() } else { vec![None] };
    for month in months {
        let own = month.map_or_else(|| id(place), |month| month_id(place, month));
        let mut key = QuantityKey::peak(Unit::Kw).named(name.clone());
        if month.is_some() || demand.schedule.is_some() || demand.season.is_some() {
            let windows =
                windows(&own, demand.schedule.as_deref(), demand.season.as_deref(), month.as_slice());
            parts.times_of_use.push(json!({ "id": own, "windows": windows }));
            key = key.in_bucket(word(&own)?);
        }
        let quantity = key_json(&key);
        let charge = match demand.threshold {
            Some(threshold) if threshold > Decimal::ZERO => json!({
                "kind": "tiered", "quantity": quantity,
                "tiers": [{ "up_to": price(threshold), "price": "0" }, { "price": price(demand.rate) }],
            }),
            _ => json!({ "kind": "unit", "quantity": quantity, "price": price(demand.rate) }),
        };
        parts.rule(&own, charge, demand.per_day.then(|| json!({ "basis": "per_day" })));
    }
    Ok(())
}

/// Percentages off the charges that match and are no credits.
fn discounts(plan: &Plan, period: Period, parts: &mut Parts) -> Result<(), Stop> {
    for (place, component) in plan.components.iter().enumerate() {
        let Component::Discount { applies_to, percent } = component else { continue };
        let mut of: Vec<String> = Vec::new();
        for (other, component) in plan.components.iter().enumerate() {
            let is = |word: &str| applies_to.iter().any(|applies| applies == word || applies == "all");
            match component {
                Component::Usage(usage) => {
                    let direction = if usage.export { "export" } else { "import" };
                    let matches = is("usage")
                        || is(&format!("usage.{direction}"))
                        || is(&format!("usage.{}", usage.register));
                    let rates = usage.rates();
                    let credits = rates.iter().filter(|rate| is_credit(usage, **rate)).count();
                    if matches && credits != 0 && credits != rates.len() {
                        return Err(Stop::because("a discount on steps of which some are credits"));
                    }
                    if matches && credits == 0 {
                        of.extend(use_rules(other, usage, period)?.into_iter().map(|(rule, _)| rule));
                    }
                }
                Component::Fixed(fixed) if is("fixed") || is(&format!("fixed.{}", fixed.label)) => {
                    of.push(id(other));
                }
                Component::Demand(_) if is("demand") => {
                    let own = |rule: &&Value| {
                        rule["id"].as_str().is_some_and(|rule| {
                            rule == id(other) || rule.starts_with(&format!("{}_month_", id(other)))
                        })
                    };
                    of.extend(
                        parts
                            .rules
                            .iter()
                            .filter(own)
                            .filter_map(|rule| Some(rule["id"].as_str()?.to_owned())),
                    );
                }
                _ => {}
            }
        }
        if !of.is_empty() {
            let charge = json!({ "kind": "percentage", "percent": price(-*percent), "of": of });
            parts.rule(&id(place), charge, None);
        }
    }
    Ok(())
}

/// Whether a price is a credit to the customer.
pub fn is_credit(usage: &Usage, rate: Decimal) -> bool {
    rate < Decimal::ZERO || (usage.export && rate.is_zero())
}
