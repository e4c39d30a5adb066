//! `ratebook_v0`: periods with tiers over a schedule of months and hours, fixed charges, a minimum.
//!
//! Each period fills its own tiers; `kWh daily` tops are × the days on which the period occurs; a
//! charge per month is charged once for the window, one per day × its days; the last tier is open
//! whatever its top. A use without hours is only priced when the window has one price. Besides
//! bills, a case may ask for the cheapest hours to charge in: the price of an hour is the bill of a
//! kilowatt-hour in it. Warnings are about what the source's engine leaves out, and are not
//! compared.

mod charge_window;
mod tariff;

use crate::bill::{Bill, days_from};
use crate::series;
use crate::{Case, Checks, Fields, Rating, Stop, number};
use rating::{Line, LineKind, QuantityKey};
use serde_json::{Value, json};
use tariff::{Book, FIXED, MINIMUM};
use vocab::{Decimal, Period, Unit, decimal};

/// Rates a case and compares.
pub fn run(case: &Case, checks: &mut Checks) -> Result<(), Stop> {
    let (tariff, inputs) = (case.tariff(), case.inputs());
    let book = Book::read(&tariff)?;
    let window = inputs.object("window")?.ok_or_else(|| Stop::because("`inputs.window` is missing"))?;
    let start = window.date("start")?.ok_or_else(|| Stop::because("the window has no start"))?;
    let days = window.whole("days")?.filter(|days| (1..=366).contains(days));
    let period = days_from(start, days.ok_or_else(|| window.wrong("days", "1 to 366"))?)?;
    window.finish()?;
    inputs.describe(&["note"]);
    let expected = case.expected();
    if inputs.get("charge_hours").is_some() {
        return charge_window::run(&book, &inputs, period, &expected, checks);
    }
    if let Some(refusal) = book.refusal {
        return refused(&expected, refusal, checks);
    }
    let rating = match used(&inputs, &book, period)? {
        Ok(rating) => rating,
        Err(refusal) => return refused(&expected, refusal, checks),
    };
    inputs.finish()?;
    let bill = rating.rate()?;
    compare(&expected, &book, &bill, checks)
}

/// The rating, or why the source refuses to price.
fn used(inputs: &Fields<'_>, book: &Book, period: Period) -> Result<Result<Rating, &'static str>, Stop> {
    let usage = inputs.object("usage")?.ok_or_else(|| Stop::because("`inputs.usage` is missing"))?;
    let mut rating = Rating::new(period);
    let parts = match usage.number("total_kwh")? {
        Some(total) => {
            let Some(only) = book.only_price(period) else {
                return Ok(Err("aggregate_usage_multi_period"));
            };
            rating.quantity(QuantityKey::usage(Unit::Kwh), total);
            book.parts(period, Some(only))
        }
        None => {
            let values: Option<Vec<Decimal>> = usage.list("hourly_kwh")?.iter().map(number::read).collect();
            let values = values.ok_or_else(|| usage.wrong("hourly_kwh", "a list of numbers"))?;
            let series = series::plain(Unit::Kwh, 60, period.first_on(), &values)?;
            if series::days(&series)? != period {
                return Err(Stop::because("the load is not of the window's hours"));
            }
            rating.series.push(series);
            book.parts(period, None)
        }
    };
    usage.finish()?;
    rating.items = book.items(period)?;
    rating.tariff(parts);
    Ok(Ok(rating))
}

/// Where a refusal is expected, ours is compared; elsewhere there is nothing to compare.
fn refused(expected: &Fields<'_>, refusal: &str, checks: &mut Checks) -> Result<(), Stop> {
    if expected.get("ok") != Some(&Value::Bool(false)) {
        return Err(Stop::because(refusal));
    }
    if let Some(wanted) = expected.object("refusal")? {
        checks.equal("expected.refusal.reason", wanted.need("reason")?, refusal.into());
        // The source's own words about it are no part of the vector.
        wanted.describe(&["detail", "message", "details"]);
        checks.finish(&wanted)?;
    }
    checks.equal("expected.ok", &Value::Bool(false), Value::Bool(false));
    expected.describe(&["window", "warnings"]);
    checks.finish(expected)
}

fn compare(expected: &Fields<'_>, book: &Book, bill: &Bill, checks: &mut Checks) -> Result<(), Stop> {
    let energy = |line: &Line| line.quantity.is_some();
    let fixed = |line: &Line| line.rule.as_str().starts_with(FIXED);
    let floor = bill.lines().iter().find(|line| line.rule.as_str() == MINIMUM);
    for (key, found) in
        [("total", bill.total()?), ("energy_charge", bill.sum(energy)?), ("fixed_charge", bill.sum(fixed)?)]
    {
        if let Some(wanted) = expected.get(key) {
            checks.number(&expected.place(key), wanted, found);
        }
    }
    for (key, found) in [("ok", true), ("min_charge_floor_applied", floor.is_some())] {
        if let Some(wanted) = expected.get(key) {
            checks.equal(&expected.place(key), wanted, found.into());
        }
    }
    let found = items(book, bill)?;
    let wanted = expected.list("line_items")?;
    if expected.get("line_items").is_some() {
        checks.equal("the number of line items", &json!(wanted.len()), found.len().into());
    }
    for (place, (wanted, found)) in wanted.iter().zip(&found).enumerate() {
        let wanted = Fields::of(expected.place(&format!("line_items[{place}]")), wanted)?;
        for (key, found) in [("period", found.period), ("tier", found.tier)] {
            checks.number(&wanted.place(key), wanted.need(key)?, Decimal::from(found));
        }
        for (key, found) in [("kwh", found.kwh), ("rate", found.rate), ("subtotal", found.subtotal)] {
            checks.number(&wanted.place(key), wanted.need(key)?, found);
        }
    }
    expected.describe(&["window", "warnings"]);
    checks.finish(expected)
}

/// A row of the source's bill.
struct Item {
    period: i64,
    tier: i64,
    kwh: Decimal,
    rate: Decimal,
    subtotal: Decimal,
}

/// The source's rows: a tier's price and its adjustment are one.
fn items(book: &Book, bill: &Bill) -> Result<Vec<Item>, Stop> {
    let mut items: Vec<Item> = Vec::new();
    for line in bill.lines() {
        let amount = bill.amount_of(line);
        let Some(quantity) = &line.quantity else {
            let (kwh, rate) = (Decimal::ZERO, Decimal::ZERO);
            items.push(Item { period: -1, tier: -1, kwh, rate, subtotal: amount });
            continue;
        };
        if quantity.value.is_zero() || line.kind == LineKind::Flat {
            continue;
        }
        let period = book.period_of(line.rule.as_str());
        let tier = line.tier.as_ref().map_or(0, |tier| i64::from(tier.number) - 1);
        match items.iter_mut().find(|item| item.period == period && item.tier == tier) {
            Some(item) => {
                item.rate = decimal::add(item.rate, line.price)?;
                item.subtotal = decimal::add(item.subtotal, amount)?;
            }
            None => {
                items.push(Item { period, tier, kwh: quantity.value, rate: line.price, subtotal: amount });
            }
        }
    }
    Ok(items)
}
