//! Loads in short texts: one hour, or every hour of a month by clauses.
//!
//! `"weekend 1.5 kWh; weekday 09-24 h 2.5 kWh"`: the first clause that matches an hour has its
//! energy; an hour of no clause is refused. `"100 kWh every hour (74,400 kWh)"`.

use crate::bill::{is_weekend, month_period};
use crate::series;
use crate::{Fields, Stop, number};
use rating::Series;
use vocab::{Decimal, Period, Unit};

/// The hours of whole days.
pub fn read(inputs: &Fields<'_>) -> Result<Series, Stop> {
    inputs.describe(&["note"]);
    let (period, values) = match inputs.text("hour_start")? {
        Some(start) => one_hour(start, inputs.need_number("kwh")?)?,
        None => {
            let month = inputs.need_text("month")?;
            let period = month
                .split_once('-')
                .and_then(|(year, month)| month_period(year.parse().ok()?, month.parse().ok()?));
            let period = period.ok_or_else(|| inputs.unknown("month", month))?;
            let clauses = inputs.need_text("hourly")?;
            (period, hourly(period, clauses)?)
        }
    };
    inputs.finish()?;
    series::plain(Unit::Kwh, 60, period.first_on(), &values)
}

fn one_hour(start: &str, kwh: Decimal) -> Result<(Period, Vec<Decimal>), Stop> {
    let unknown = || Stop::because(format!("`{start}` is not the start of an hour"));
    let (day, clock) = start.split_once('T').ok_or_else(unknown)?;
    let day = crate::fields::date(day).ok_or_else(unknown)?;
    let hour: usize = match clock.split_once(':') {
        Some((hour, "00" | "00:00")) => hour.parse().ok().filter(|hour| *hour < 24).ok_or_else(unknown)?,
        _ => return Err(unknown()),
    };
    let mut values = vec![Decimal::ZERO; 24];
    values[hour] = kwh;
    Ok((Period::new(day, day).ok_or_else(unknown)?, values))
}

struct Clause {
    days: Option<bool>,
    hours: std::ops::Range<usize>,
    kwh: Decimal,
}

fn hourly(period: Period, text: &str) -> Result<Vec<Decimal>, Stop> {
    let unknown = |part: &str| Stop::because(format!("the load `{part}` is not known"));
    let clauses: Vec<Clause> = text
        .split(';')
        .map(|part| clause(part.trim()).ok_or_else(|| unknown(part)))
        .collect::<Result<_, _>>()?;
    let mut values = Vec::new();
    let mut day = period.first_on();
    loop {
        for hour in 0..24 {
            let matches = |clause: &&Clause| {
                clause.hours.contains(&hour) && clause.days.is_none_or(|weekend| weekend == is_weekend(day))
            };
            let clause = clauses.iter().find(matches);
            values.push(clause.ok_or_else(|| Stop::because("the load leaves hours out"))?.kwh);
        }
        match day.next_day() {
            Some(next) if day < period.last_on() => day = next,
            _ => return Ok(values),
        }
    }
}

/// `[weekday|weekend] [09-24 h] 2.5 kWh [every hour] [(a remark)]`.
fn clause(text: &str) -> Option<Clause> {
    let text = match text.split_once('(') {
        Some((said, remark)) if remark.find(')').is_some_and(|at| at + 1 == remark.len()) => said.trim(),
        Some(_) => return None,
        None => text,
    };
    let text = text.strip_suffix("every hour").unwrap_or(text).trim();
    let mut words: Vec<&str> = text.split_whitespace().collect();
    if words.pop()? != "kWh" {
        return None;
    }
    let kwh = number::parse(words.pop()?)?;
    let mut words = words.into_iter().peekable();
    let days = words.next_if(|word| matches!(*word, "weekday" | "weekend")).map(|word| word == "weekend");
    let hours = match words.next() {
        None => 0..24,
        Some(hours) => {
            let (from, to) = hours.split_once('-')?;
            let (from, to): (usize, usize) = (from.parse().ok()?, to.parse().ok()?);
            (words.next()? == "h" && from < to && to <= 24).then_some(from..to)?
        }
    };
    words.next().is_none().then_some(Clause { days, hours, kwh })
}
