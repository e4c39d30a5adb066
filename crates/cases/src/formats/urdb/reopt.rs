//! Cases of REopt with a tariff of the database: a year of hours given in words.

use super::{checked, imported, months, options};
use crate::{Case, Checks, Stop, number};
use rating::urdb::PerDay;
use rating::{InForce, Intervals, RatingInput, rate};
use time::{Date, Month};
use vocab::decimal::{self, Rounding};
use vocab::{Currency, Decimal, Frequency, RateScheduleId, RateVersionId, Unit};

/// Decimals of the hours.
const SCALE: u32 = 10;
/// Where a case does not depend on the year.
const ANY_YEAR: i32 = 2017;

pub(super) fn run(case: &Case, checks: &mut Checks) -> Result<(), Stop> {
    let (form, _) = options::separate(&case.tariff)?;
    let version = checked(imported(&form, PerDay::Days)?)?;
    let year = match case.inputs.get("year") {
        None => ANY_YEAR,
        Some(year) => {
            year.as_i64().and_then(|year| i32::try_from(year).ok()).ok_or_else(|| Stop::because("a year"))?
        }
    };
    let values = hours(case, year)?;
    let first_on = Date::from_calendar_date(year, Month::January, 1)
        .map_err(|error| Stop::because(error.to_string()))?;
    let intervals = [Intervals {
        unit: Unit::Kwh,
        name: None,
        minutes: 60,
        first_on,
        scale: SCALE,
        values: &values,
        clock_changes: &[],
    }];
    let versions = [InForce { id: RateVersionId(1), version: &version }];
    let (mut energy, mut demand) = (Decimal::ZERO, Decimal::ZERO);
    for month in 1..=12 {
        let period = months::days(year, month).ok_or_else(|| Stop::because("a month"))?;
        let schedule = RateScheduleId(1);
        let rated = rate(&RatingInput {
            intervals: &intervals,
            ..RatingInput::new(schedule, period, Frequency::Monthly, &versions, Currency::UNROUNDED)
        })
        .map_err(|error| Stop::because(error.to_string()))?;
        for line in rated.lines() {
            if line.rule.as_str().starts_with("energy") {
                energy += line.unrounded;
            } else if line.rule.as_str().starts_with("demand") {
                demand += line.unrounded;
            }
        }
    }
    for (name, stated) in &case.expected {
        let found = match name.as_str() {
            "annual_energy_charge" => energy,
            "annual_demand_charge" => demand,
            other => return Err(Stop::because(format!("an expected `{other}`"))),
        };
        checks.number(name, stated, found);
    }
    Ok(())
}

/// The year's hours: a constant, or zero but for some hours that a sentence names.
fn hours(case: &Case, year: i32) -> Result<Vec<i64>, Stop> {
    let inputs = &case.inputs;
    let count = usize::from(time::util::days_in_year(year)) * 24;
    if let Some(constant) = inputs.get("constant_kw") {
        let constant = number::read(constant).ok_or_else(|| Stop::because("constant_kw is not a number"))?;
        return Ok(vec![raw(constant)?; count]);
    }
    let text =
        inputs.get("hourly").and_then(serde_json::Value::as_str).ok_or_else(|| Stop::because("no hours"))?;
    let value = inputs
        .get("value_kw")
        .and_then(number::read)
        .ok_or_else(|| Stop::because("value_kw is not a number"))?;
    let named = text.split_once("hour number ").or_else(|| text.split_once("hours number "));
    let in_words = text.starts_with("zero except") && text.contains("1-based");
    let (Some((_, rest)), true) = (named, in_words) else {
        return Err(Stop::because(format!("hours in these words: {text}")));
    };
    let rest = rest.split_once(" of the year").map_or(rest, |(numbers, _)| numbers);
    let mut values = vec![0; count];
    for number in rest.split([',', ' ']).filter(|word| !word.is_empty() && *word != "and") {
        let number: usize = number.parse().map_err(|_| Stop::because(format!("`{number}` is no hour")))?;
        let hour = number.checked_sub(1).and_then(|hour| values.get_mut(hour));
        *hour.ok_or_else(|| Stop::because("an hour outside of the year"))? = raw(value)?;
    }
    Ok(values)
}

fn raw(value: Decimal) -> Result<i64, Stop> {
    let mut value = decimal::round(value, SCALE, Rounding::HalfEven);
    value.rescale(SCALE);
    i64::try_from(value.mantissa()).map_err(|error| Stop::because(error.to_string()))
}
