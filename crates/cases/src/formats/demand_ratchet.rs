//! `demand_ratchet`: a price per kW and month on a billed demand that looks back.
//!
//! Billed is the greater of the month's peak and a percentage of the highest peak of the months
//! that count: some months of the year, or the months before. The year is treated as repeating, so
//! it is its own past.

use crate::bill::{Parts, key_json, month_period, named, price};
use crate::{Case, Checks, Fields, Rating, Stop, number};
use rating::{Characteristic, Past, Quantity, QuantityKey, QuantityKind};
use serde_json::{Map, Value, json};
use vocab::{Decimal, Unit, decimal};

const BILLED: &str = "billed";
const MONTH: &str = "month";

/// Rates a case and compares.
pub fn run(case: &Case, checks: &mut Checks) -> Result<(), Stop> {
    let (tariff, inputs) = (case.tariff(), case.inputs());
    let parts = translate(&tariff)?;
    let peaks = monthly(&inputs, "monthly_peak_kw")?;
    let year = i32::try_from(inputs.whole("year")?.unwrap_or(2022)).unwrap_or(2022);
    inputs.describe(&["note"]);
    inputs.finish()?;
    let mut billed = Vec::with_capacity(12);
    let mut charges = Vec::with_capacity(12);
    for month in 1..=12 {
        let bill = rating(parts.clone(), &peaks, year, month)?.rate()?;
        billed.push(bill.derived(BILLED).unwrap_or_default());
        charges.push(bill.total()?);
    }
    let expected = case.expected();
    for (key, found) in [("billing_demand_kw", &billed), ("monthly_demand_charge", &charges)] {
        if let Some(wanted) = expected.get(key) {
            checks.numbers(&expected.place(key), wanted, found);
        }
    }
    if let Some(wanted) = expected.get("annual_demand_charge") {
        checks.number("expected.annual_demand_charge", wanted, decimal::sum(charges)?);
    }
    checks.finish(&expected)
}

fn peak() -> QuantityKey {
    QuantityKey::peak(Unit::Kw)
}

fn translate(tariff: &Fields<'_>) -> Result<Parts, Stop> {
    tariff.describe(&["currency", "name", "note"]);
    let rates = monthly(tariff, "monthly_rates")?;
    let share = tariff.need_number("lookback_percent")?;
    if share > Decimal::ONE || share < Decimal::ZERO {
        return Err(tariff.wrong("lookback_percent", "a share from 0 to 1"));
    }
    let percent = number::scaled(share, 2);
    let percent = percent.ok_or_else(|| Stop::because("`lookback_percent` is out of range"))?;
    let in_months = tariff
        .list("lookback_months")?
        .iter()
        .map(|month| {
            let month = number::read(month).and_then(|month| number::whole(month, 12));
            month
                .filter(|month| *month >= 1)
                .ok_or_else(|| tariff.wrong("lookback_months", "a list of months"))
        })
        .collect::<Result<Vec<i64>, Stop>>()?;
    let months = match (in_months.is_empty(), tariff.whole("lookback_range")?) {
        (false, None | Some(0)) => 12,
        (true, Some(months @ 1..=12)) => months,
        _ => return Err(Stop::because("either months that count or a number of months to look back")),
    };
    tariff.finish()?;
    let mut parts = Parts::default();
    parts.quantities.push(json!({
        "name": BILLED, "unit": "kw",
        "from": {
            "method": "ratchet", "quantity": key_json(&peak()), "months": months, "in_months": in_months,
            "percent": price(percent),
        },
    }));
    let values: Map<String, Value> =
        (1..).zip(rates).map(|(month, rate): (u8, _)| (month.to_string(), price(rate))).collect();
    let billed = key_json(&named(Unit::Kw, QuantityKind::Level, BILLED)?);
    let rate = json!({ "from": "lookup", "characteristic": MONTH, "values": values });
    parts.rule("demand", json!({ "kind": "unit", "quantity": billed, "price": rate }), None);
    Ok(parts)
}

/// Twelve numbers, or one for all.
fn monthly(fields: &Fields<'_>, key: &str) -> Result<Vec<Decimal>, Stop> {
    let value = fields.need(key)?;
    if let Some(one) = number::read(value) {
        return Ok(vec![one; 12]);
    }
    let list: Option<Vec<Decimal>> =
        value.as_array().and_then(|list| list.iter().map(number::read).collect());
    list.filter(|list| list.len() == 12).ok_or_else(|| fields.wrong(key, "a number for each month"))
}

/// A month with the twelve before it.
fn rating(parts: Parts, peaks: &[Decimal], year: i32, month: u8) -> Result<Rating, Stop> {
    let period = |year, month| month_period(year, month).ok_or_else(|| Stop::because("no such year"));
    let mut rating = Rating::new(period(year, month)?);
    let peak_of = |month: u8| peaks.get(usize::from(month) - 1).copied().unwrap_or_default();
    for (year, months) in [(year - 1, month..=12), (year, 1..=month - 1)] {
        for month in months {
            let quantities = vec![Quantity { key: peak(), value: peak_of(month) }];
            rating.history.push(Past { period: period(year, month)?, quantities, charged: Vec::new() });
        }
    }
    rating.quantity(peak(), peak_of(month));
    let name = crate::bill::word(MONTH)?;
    rating.characteristics.push(Characteristic { name, value: month.to_string() });
    rating.tariff(parts);
    Ok(rating)
}
