//! `coincident_peak`: a price per kW of the highest power in named time steps.
//!
//! The steps are counted from 1, from the beginning of the load. Each set of steps has its own
//! price; its hours are a time of use of their own, on named dates.

use crate::bill::{Parts, days_from, key_json, price};
use crate::series;
use crate::{Case, Checks, Fields, Rating, Stop, number};
use rating::Series;
use rating::{QuantityKey, Word};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use time::{Date, Duration};
use vocab::{Decimal, Period, Unit};

/// What the time steps are called.
const STEPS: &[&str] = &[
    "coincident_peak_load_active_time_steps",
    "active_time_steps",
    "time_steps",
    "hours",
    "coincident_peak_load_active_timesteps",
];
/// What the prices are called.
const PRICES: &[&str] =
    &["coincident_peak_load_charge_per_kw", "charge_per_kw", "charges_per_kw", "price_per_kw", "rate_per_kw"];
/// What the load is called.
const LOADS: &[&str] = &["loads_kw", "load_kw", "hourly_kw", "kw"];

/// Rates a case and compares.
pub fn run(case: &Case, checks: &mut Checks) -> Result<(), Stop> {
    let (tariff, inputs) = (case.tariff(), case.inputs());
    let series = load(case, &inputs)?;
    let period = series::days(&series)?;
    let sets = sets(&tariff)?;
    let mut parts = Parts::default();
    for (place, (steps, rate)) in sets.iter().enumerate() {
        let bucket = bucket(place)?;
        let windows = windows(steps, &series, period, &bucket)?;
        parts.times_of_use.push(json!({ "id": bucket.as_str(), "windows": windows }));
        let quantity = key_json(&QuantityKey::peak(Unit::Kw).in_bucket(bucket.clone()));
        let charge = json!({ "kind": "unit", "quantity": quantity, "price": price(*rate) });
        parts.rule(bucket.as_str(), charge, None);
    }
    let mut rating = Rating::new(period);
    rating.series.push(series);
    rating.tariff(parts);
    let bill = rating.rate()?;
    let expected = case.expected();
    for key in ["annual_demand_charge", "coincident_peak_charge", "demand_charge", "annual_charge", "total"] {
        if let Some(wanted) = expected.get(key) {
            checks.number(&expected.place(key), wanted, bill.total()?);
        }
    }
    let ids = (0..sets.len()).map(bucket).collect::<Result<Vec<_>, _>>()?;
    let peaks = ids.iter().map(|id| bill.quantity(id.as_str())).collect::<Result<Vec<_>, _>>()?;
    let charges = ids.iter().map(|id| bill.amount(id.as_str())).collect::<Result<Vec<_>, _>>()?;
    for (keys, found) in [(["peaks_kw", "peak_kw"], peaks), (["charges", "charge_by_period"], charges)] {
        for key in keys {
            match expected.get(key) {
                Some(wanted @ Value::Array(_)) => checks.numbers(&expected.place(key), wanted, &found),
                Some(wanted) => {
                    let only = found.first().copied().filter(|_| found.len() == 1);
                    checks.number_or_none(&expected.place(key), wanted, only);
                }
                None => {}
            }
        }
    }
    checks.finish(&expected)
}

fn bucket(place: usize) -> Result<Word, Stop> {
    crate::bill::word(&format!("set_{place}"))
}

/// The steps of each set with its price.
fn sets(tariff: &Fields<'_>) -> Result<Vec<(Vec<i64>, Decimal)>, Stop> {
    tariff.describe(&["currency", "name", "note"]);
    let one = |keys: &[&'static str]| {
        let found = keys.iter().find_map(|key| Some((*key, tariff.get(key)?)));
        found.ok_or_else(|| Stop::because(format!("`{}` is missing", tariff.place(keys[0]))))
    };
    let (key, steps) = one(STEPS)?;
    let (_, prices) = one(PRICES)?;
    tariff.finish()?;
    let wrong = || tariff.wrong(key, "a list of time steps from 1, or of such lists, each with a price");
    let Value::Array(steps) = steps else { return Err(wrong()) };
    let nested = steps.iter().any(Value::is_array);
    let read = |list: &[Value]| -> Option<Vec<i64>> {
        let whole = |step| number::whole(number::read(step)?, 1_000_000).filter(|step| *step >= 1);
        list.iter().map(whole).collect()
    };
    let steps: Option<Vec<Vec<i64>>> = if nested {
        steps.iter().map(|list| read(list.as_array()?)).collect()
    } else {
        read(steps).map(|steps| vec![steps])
    };
    let steps = steps.ok_or_else(wrong)?;
    let prices = match prices {
        Value::Array(list) => list.iter().map(number::read).collect::<Option<Vec<_>>>(),
        one => number::read(one).map(|price| vec![price; steps.len()]),
    };
    let prices = prices.filter(|prices| prices.len() == steps.len()).ok_or_else(wrong)?;
    Ok(steps.into_iter().zip(prices).collect())
}

/// The load as average power.
fn load(case: &Case, inputs: &Fields<'_>) -> Result<Series, Stop> {
    let values: Vec<Decimal> = match LOADS.iter().find_map(|key| inputs.get(key)) {
        Some(Value::Array(list)) => list.iter().map(number::read).collect::<Option<_>>(),
        Some(_) => None,
        None => {
            let text = case.file(inputs.need_text("load_file")?)?;
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(number::parse).collect()
        }
    }
    .ok_or_else(|| Stop::because("the load is no list of numbers"))?;
    let per_hour = inputs.whole("time_steps_per_hour")?;
    let minutes = match (inputs.whole("interval_minutes")?, per_hour) {
        (Some(minutes @ 1..=60), None) => minutes,
        (None, Some(steps @ (1 | 2 | 4 | 12))) => 60 / steps,
        (None, None) => 60,
        _ => return Err(Stop::because("the load's time steps are not known")),
    };
    let year = inputs.whole("year")?.and_then(|year| i32::try_from(year).ok());
    let start = match (inputs.date("start")?, year) {
        (Some(start), None) => Some(start),
        (None, year) => Date::from_calendar_date(year.unwrap_or(2017), time::Month::January, 1).ok(),
        _ => None,
    };
    let start = start.ok_or_else(|| Stop::because("the load begins on no day"))?;
    inputs.describe(&["note"]);
    inputs.finish()?;
    let minutes = u16::try_from(minutes).unwrap_or(60);
    let whole = days_from(start, i64::try_from(values.len()).unwrap_or(i64::MAX) / 24 + 1)?;
    let series = series::plain(Unit::Kw, minutes, whole.first_on(), &values)?;
    if series.lent().is_valid() {
        Ok(series)
    } else {
        Err(Stop::because("the load's minutes divide no hour"))
    }
}

/// The steps as hours of dates: dates with the same hours share their windows.
fn windows(steps: &[i64], series: &Series, period: Period, bucket: &Word) -> Result<Vec<Value>, Stop> {
    let minutes = i64::from(series.minutes);
    let mut dates: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for step in steps {
        let at = (step - 1) * minutes;
        let day = period.first_on().checked_add(Duration::days(at / 1_440));
        let day = day.filter(|day| period.contains(*day));
        let day = day.ok_or_else(|| Stop::because(format!("time step {step} lies outside the load")))?;
        dates.entry(at % 1_440).or_default().push(vocab::dates::civil::format(day));
    }
    let window = |(from, dates): (&i64, &Vec<String>)| {
        let clock = |minute: i64| format!("{:02}:{:02}", minute / 60, minute % 60);
        json!({ "bucket": bucket.as_str(), "dates": dates, "from": clock(*from), "to": clock(from + minutes) })
    };
    Ok(dates.iter().map(window).collect())
}
