//! Cases of REopt with a tariff of the database: a year of hours given in words.

use super::{checked, form, imported, months, options};
use crate::{Case, Checks, Fields, Stop, number, series};
use rating::urdb::PerDay;
use rating::{InForce, RatingInput, rate};
use vocab::{Currency, Decimal, Frequency, RateScheduleId, RateVersionId, Unit, decimal};

/// Where a case does not depend on the year.
const ANY_YEAR: i32 = 2017;

pub(super) fn run(case: &Case, checks: &mut Checks) -> Result<(), Stop> {
    if case.tariff.contains_key("pysam") {
        return Err(Stop::because("`tariff.pysam`: another simulator's options"));
    }
    let (form, _) = options::separate(&form(case))?;
    let version = checked(imported(&form, PerDay::Days, &[])?)?;
    let inputs = case.inputs();
    inputs.describe(&["note", "notes"]);
    let year = inputs.whole("year")?.map_or(Ok(ANY_YEAR), i32::try_from);
    let year = year.map_err(|_| inputs.wrong("year", "a year"))?;
    let values = hours(&inputs, year)?;
    inputs.finish()?;
    let series = series::plain(Unit::Kwh, 60, months::days(year, 1)?.first_on(), &values)?;
    let intervals = [series.lent()];
    let versions = [InForce { id: RateVersionId(1), version: &version }];
    let (mut energy, mut demand) = (Decimal::ZERO, Decimal::ZERO);
    for month in 1..=12 {
        let schedule = RateScheduleId(1);
        let period = months::days(year, month)?;
        let rated = rate(&RatingInput {
            intervals: &intervals,
            ..RatingInput::new(schedule, period, Frequency::Monthly, &versions, Currency::UNROUNDED)
        })?;
        for line in rated.lines() {
            if line.rule.as_str().starts_with("energy") {
                energy = decimal::add(energy, line.unrounded)?;
            } else if line.rule.as_str().starts_with("demand") {
                demand = decimal::add(demand, line.unrounded)?;
            }
        }
    }
    let expected = case.expected();
    for (name, found) in [("annual_energy_charge", energy), ("annual_demand_charge", demand)] {
        if let Some(stated) = expected.get(name) {
            checks.number(&expected.place(name), stated, found);
        }
    }
    checks.finish(&expected)
}

/// The year's hours: a constant, or zero but for some hours that a sentence names.
fn hours(inputs: &Fields<'_>, year: i32) -> Result<Vec<Decimal>, Stop> {
    let count = usize::from(time::util::days_in_year(year)) * 24;
    let (constant, text) = (inputs.number("constant_kw")?, inputs.text("hourly")?);
    let text = match (constant, text) {
        (Some(constant), None) => return Ok(vec![constant; count]),
        (None, Some(text)) => text,
        _ => return Err(Stop::because("either `constant_kw` or `hourly`")),
    };
    let value = inputs.need_number("value_kw")?;
    let named = named(text, value).ok_or_else(|| Stop::because(format!("hours in these words: {text}")))?;
    let mut values = vec![Decimal::ZERO; count];
    for number in named {
        let hour = number.checked_sub(1).and_then(|hour| values.get_mut(hour));
        *hour.ok_or_else(|| Stop::because("an hour outside of the year"))? = value;
    }
    Ok(values)
}

/// The hours, from 1, of `zero except 10 kW in hours number 1400 and 1424 of the year (1-based)`, or
/// of `zero except one hour of 10 kW: hour number 1528 of the year (1-based)`; a remark may count
/// them from 0 too. Every word counts: what is said besides is not understood.
fn named(text: &str, value: Decimal) -> Option<Vec<usize>> {
    let rest = text.strip_prefix("zero except ")?;
    let (single, rest) = match rest.strip_prefix("one hour of ") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let (power, rest) = rest.split_once(if single { " kW: " } else { " kW in " })?;
    if number::parse(power)? != value {
        return None;
    }
    let rest = rest.strip_prefix("hour number ").or_else(|| rest.strip_prefix("hours number "))?;
    let (numbers, remark) = rest.split_once(" of the year (1-based")?;
    let hours = list(numbers)?;
    let remark = remark.strip_suffix(')')?;
    if !remark.is_empty() {
        let again = remark.strip_prefix("; i.e. ")?.strip_suffix(" counted from 0")?;
        let again = again.strip_prefix("hour ").or_else(|| again.strip_prefix("hours "))?;
        let alike = list(again)?.iter().map(|hour| hour.checked_add(1)).eq(hours.iter().map(|of| Some(*of)));
        alike.then_some(())?;
    }
    (!single || hours.len() == 1).then_some(hours)
}

/// `1400`, `1400 and 1424`, `1, 2 and 3`, `1, 2, and 3`.
fn list(text: &str) -> Option<Vec<usize>> {
    let (first, last) = match text.split_once(" and ") {
        Some((first, last)) => (first.strip_suffix(',').unwrap_or(first), Some(last)),
        None => (text, None),
    };
    first.split(", ").chain(last).map(|hour| hour.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_of_hours_is_understood_whole_or_not_at_all() {
        let ten = Decimal::TEN;
        for (text, hours) in [
            ("zero except 10 kW in hours number 1400 and 1424 of the year (1-based)", vec![1400, 1424]),
            ("zero except 10 kW in hours number 1, 2, and 3 of the year (1-based)", vec![1, 2, 3]),
            (
                "zero except one hour of 10 kW: hour number 9 of the year (1-based; i.e. hour 8 counted from 0)",
                vec![9],
            ),
        ] {
            assert_eq!(named(text, ten), Some(hours), "{text}");
        }
        for bad in [
            "zero except 99 kW in hours number 1400 and 1424 of the year (1-based)",
            "zero except 10 kW in hours number 14 of the year and 500 kW in hours number 50 of the year (1-based)",
            "zero except 10 kW in hours number 14 of the year, and hour number 15 of the year (1-based)",
            "zero except 10 kW in hours number 14 of the year",
            "zero except one hour of 10 kW: hour number 9 of the year (1-based; i.e. hour 9 counted from 0)",
            "zero except one hour of 10 kW: hour number 9 and 10 of the year (1-based)",
            "10 kW in hours number 14 of the year (1-based)",
        ] {
            assert_eq!(named(bad, ten), None, "{bad}");
        }
    }
}
