//! `tou_calendar`: seasons, windows and prices in short texts.
//!
//! A key that names a season has its days (`"06-01..09-30"`); the one season without days has the
//! rest of the year. `windows` are by `<season>_<days>_<bucket>` with hours, or by `<season>_<days>`
//! with the bucket of the whole day; the season may be left out. Hours that no window names are
//! `off_peak`. Loads are texts too: see [`load`].

mod load;
mod windows;

use crate::bill::{Parts, key_json, price, slug};
use crate::{Case, Checks, Fields, Rating, Stop, number};
use rating::QuantityKey;
use serde_json::json;
use vocab::{Decimal, Unit, decimal};

/// Rates a case and compares.
pub fn run(case: &Case, checks: &mut Checks) -> Result<(), Stop> {
    let tariff = case.tariff();
    let prices = windows::Prices::read(&tariff)?;
    let series = load::read(&case.inputs())?;
    let mut parts = Parts::default();
    prices.calendar(&tariff, &mut parts)?;
    for (season, bucket, rate) in &prices.all {
        let bucket_of = windows::bucket(season, bucket)?;
        // A price without hours is never charged.
        if !windows::has_hours(&parts, bucket_of.as_str()) {
            continue;
        }
        let key = QuantityKey::usage(Unit::Kwh).in_bucket(bucket_of);
        let charge = json!({ "kind": "unit", "quantity": key_json(&key), "price": price(*rate) });
        parts.rule(&energy(season, bucket), charge, None);
    }
    extras(&tariff, &mut parts)?;
    tariff.finish()?;
    let mut rating = Rating::new(crate::series::days(&series)?);
    rating.series.push(series);
    rating.tariff(parts);
    let bill = rating.rate()?;
    let expected = case.expected();
    let is_energy = |rule: &str| prices.all.iter().any(|(season, bucket, _)| energy(season, bucket) == rule);
    for key in expected.keys() {
        let found = match key {
            "energy" => bill.sum(|line| is_energy(line.rule.as_str()))?,
            "surcharge" | "basic_fee" => bill.amount(key)?,
            "total" => bill.total()?,
            _ => {
                let bucket =
                    key.strip_suffix("_kwh").map(|bucket| if bucket == "total" { "" } else { bucket });
                let Some(bucket) = bucket.filter(|name| name.is_empty() || prices.has(name)) else {
                    continue;
                };
                let of = prices.all.iter().filter(|(_, name, _)| bucket.is_empty() || name == bucket);
                let used = of.map(|(season, bucket, _)| bill.quantity(&energy(season, bucket)));
                decimal::sum(used.collect::<Result<Vec<_>, _>>()?)?
            }
        };
        checks.number(&expected.place(key), expected.need(key)?, found);
    }
    checks.finish(&expected)
}

fn energy(season: &str, bucket: &str) -> String {
    slug(&format!("energy {season} {bucket}"))
}

/// The charges besides energy.
fn extras(tariff: &Fields<'_>, parts: &mut Parts) -> Result<(), Stop> {
    tariff.describe(&["currency", "plan", "note"]);
    if let Some(text) = tariff.text("basic_fee")? {
        let amount = text.strip_suffix("per month").and_then(number::parse);
        let amount = amount.ok_or_else(|| tariff.unknown("basic_fee", text))?;
        parts.rule("basic_fee", json!({ "kind": "flat", "amount": price(amount) }), None);
    }
    if let Some(text) = tariff.text("surcharge")? {
        let (rate, above) = surcharge(text).ok_or_else(|| tariff.unknown("surcharge", text))?;
        let quantity = key_json(&QuantityKey::usage(Unit::Kwh));
        let tiers = json!([{ "up_to": price(above), "price": "0" }, { "price": price(rate) }]);
        parts.rule("surcharge", json!({ "kind": "tiered", "quantity": quantity, "tiers": tiers }), None);
    }
    Ok(())
}

/// `1.04 per kWh above 2000 kWh per month`.
fn surcharge(text: &str) -> Option<(Decimal, Decimal)> {
    let (rate, above) = text.split_once(" per kWh above ")?;
    let above = above.strip_suffix("per month")?.trim().strip_suffix("kWh")?;
    Some((number::parse(rate)?, number::parse(above)?))
}
