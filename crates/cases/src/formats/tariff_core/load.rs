//! Interval data on the plan's own clock: read, or worked out from a rule in words.

use super::arithmetic;
use crate::{Fields, Stop, number};
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{Date, Duration, OffsetDateTime, Time};
use vocab::{Decimal, Period, Zone};

/// An interval: half-open, with what was taken and given.
#[derive(Debug, Clone)]
pub struct Interval {
    pub start: OffsetDateTime,
    pub minutes: i64,
    pub register: String,
    pub unit: String,
    pub import: Decimal,
    pub export: Decimal,
}

/// The billed days, which begin and end at local midnights.
pub fn period(inputs: &Fields<'_>, zone: &Zone) -> Result<Period, Stop> {
    let of = inputs.object("period")?.ok_or_else(|| Stop::because("`inputs.period` is missing"))?;
    let midnight = |key: &str| -> Result<Date, Stop> {
        let (day, clock) = zone.civil(instant(&of, key)?);
        if clock == Time::MIDNIGHT { Ok(day) } else { Err(of.wrong(key, "a local midnight")) }
    };
    let (first, end) = (midnight("start")?, midnight("end")?);
    of.finish()?;
    let last = end.previous_day();
    let period = last.and_then(|last| Period::new(first, last)).filter(|period| period.days() <= 1_000);
    period.ok_or_else(|| Stop::because("the period ends before it begins, or is longer than 1,000 days"))
}

fn instant(of: &Fields<'_>, key: &str) -> Result<OffsetDateTime, Stop> {
    OffsetDateTime::parse(of.need_text(key)?, &Rfc3339).map_err(|_| of.wrong(key, "a time with its offset"))
}

/// The intervals of the inputs.
pub fn read(inputs: &Fields<'_>, zone: &Zone, period: Period) -> Result<Vec<Interval>, Stop> {
    match inputs.need("intervals")? {
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(place, of)| interval(&Fields::of(inputs.place(&format!("intervals[{place}]")), of)?))
            .collect(),
        value => {
            let of = Fields::of(inputs.place("intervals"), value)?;
            let rule = of.need_text("rule")?;
            of.describe(&["note"]);
            of.finish()?;
            by_rule(rule, zone, period)
        }
    }
}

fn interval(of: &Fields<'_>) -> Result<Interval, Stop> {
    let minutes = of.whole("minutes")?.filter(|minutes| *minutes > 0);
    let minutes = minutes.ok_or_else(|| of.wrong("minutes", "a number of minutes"))?;
    let end = instant(of, "end")?;
    let start = end.checked_sub(Duration::minutes(minutes)).ok_or_else(|| of.wrong("end", "a time"))?;
    let made = Interval {
        start,
        minutes,
        register: of.text("register")?.unwrap_or("general").to_owned(),
        unit: of.need_text("unit")?.to_owned(),
        import: of.number("import_qty")?.unwrap_or_default(),
        export: of.number("export_qty")?.unwrap_or_default(),
    };
    of.finish()?;
    Ok(made)
}

/// `half-hourly; kWh per half hour = 2 + ((local hour*13 + local day*5) mod 29)/3 if 6 < hour < 22
/// else 0.75`.
fn by_rule(text: &str, zone: &Zone, period: Period) -> Result<Vec<Interval>, Stop> {
    let unknown = || Stop::because(format!("the load by the rule `{text}`"));
    let (every, rest) = text.split_once(';').ok_or_else(unknown)?;
    let minutes = match every.trim().to_lowercase().as_str() {
        "hourly" => 60,
        "half-hourly" | "half hourly" | "30-minute" | "30 min" => 30,
        "quarter-hourly" | "quarter hourly" | "15-minute" | "15 min" => 15,
        "5-minute" | "5 min" => 5,
        _ => return Err(unknown()),
    };
    let (named, formula) = rest.split_once('=').ok_or_else(unknown)?;
    let unit = named.split_once(" per ").map(|(unit, _)| unit.trim()).ok_or_else(unknown)?;
    let formula = arithmetic::Formula::read(formula).ok_or_else(unknown)?;
    let end = period.last_on().next_day().and_then(|day| zone.instant(day, Time::MIDNIGHT));
    let (mut at, end) = zone.instant(period.first_on(), Time::MIDNIGHT).zip(end).ok_or_else(unknown)?;
    let mut all = Vec::new();
    while at < end {
        let import = formula.value(zone.civil(at)).ok_or_else(unknown)?;
        let (register, unit) = ("general".to_owned(), unit.to_owned());
        all.push(Interval { start: at, minutes, register, unit, import, export: Decimal::ZERO });
        at = at.checked_add(Duration::minutes(minutes)).ok_or_else(unknown)?;
    }
    Ok(all)
}

/// A reading of a volume as energy, from a day on.
pub struct Conversion {
    from: Date,
    register: String,
    meter_unit: String,
    billed_unit: String,
    factors: (Decimal, Decimal),
}

impl Conversion {
    pub fn read(of: &Fields<'_>) -> Result<Self, Stop> {
        let from = match of.date("from_")? {
            Some(day) => Some(day),
            None => of.date("from")?,
        };
        let made = Self {
            from: from.ok_or_else(|| of.wrong("from", "a date"))?,
            register: of.need_text("register")?.to_owned(),
            meter_unit: of.need_text("meter_unit")?.to_owned(),
            billed_unit: of.need_text("billed_unit")?.to_owned(),
            factors: (of.need_number("heating_value")?, of.need_number("correction_factor")?),
        };
        of.finish()?;
        Ok(made)
    }
}

/// Units of one dimension in a common one.
const UNITS: &[(&str, &str, &str)] = &[
    ("Wh", "energy", "0.0036"),
    ("kWh", "energy", "3.6"),
    ("MWh", "energy", "3600"),
    ("MJ", "energy", "1"),
    ("GJ", "energy", "1000"),
    ("therm", "energy", "105.5056"),
    ("L", "volume", "1"),
    ("kL", "volume", "1000"),
    ("m3", "volume", "1000"),
    ("ft3", "volume", "28.316846592"),
    ("CCF", "volume", "2831.6846592"),
    ("gal", "volume", "3.785411784"),
];

/// A reading in the unit that is billed.
pub fn converted(
    value: Decimal,
    of: &Interval,
    unit: &str,
    on: Date,
    conversions: &[Conversion],
) -> Result<Decimal, Stop> {
    if of.unit == unit {
        return Ok(value);
    }
    let known = |unit: &str| UNITS.iter().find(|(name, _, _)| *name == unit);
    let impossible = || Stop::because(format!("{} cannot be read as {unit}", of.unit));
    let (from, to) = known(&of.unit).zip(known(unit)).ok_or_else(impossible)?;
    if from.1 == to.1 {
        let factors = number::parse(from.2).zip(number::parse(to.2)).ok_or_else(impossible)?;
        return Ok(vocab::decimal::mul_div(value, factors.0, factors.1)?);
    }
    let meant = |own: &&Conversion| {
        own.register == of.register && own.meter_unit == of.unit && own.billed_unit == unit && own.from <= on
    };
    let conversion = conversions.iter().filter(meant).max_by_key(|own| own.from).ok_or_else(impossible)?;
    if of.unit != "m3" || unit != "MJ" {
        return Err(impossible());
    }
    Ok(vocab::decimal::mul(vocab::decimal::mul(value, conversion.factors.0)?, conversion.factors.1)?)
}
