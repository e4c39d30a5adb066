//! The rows of a tariff file.

use crate::{Stop, number};
use std::collections::BTreeMap;
use time::Date;
use vocab::{Decimal, Period};

/// Columns that say nothing about amounts.
const DESCRIPTIONS: &[&str] = &["Notes", "notes", "charge (imperial)", "basic_charge_limit (imperial)"];

/// What a row charges for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Customer,
    Energy,
    Demand,
}

/// A row.
#[derive(Debug, Clone)]
pub struct Row {
    pub kind: Kind,
    pub name: Option<String>,
    pub charge: Decimal,
    /// Where its tier starts.
    pub limit: Decimal,
    pub is_daily: bool,
    /// Inclusive; the source's year may begin with month 0.
    pub months: (i64, i64),
    /// 0 for Monday, inclusive.
    pub weekdays: (i64, i64),
    /// Minutes of the day.
    pub minutes: (i64, i64),
    pub is_dated: bool,
    first_on: Option<Date>,
    last_on: Option<Date>,
}

impl Row {
    /// How a peak is assessed, as the source says it.
    pub const fn assessed(&self) -> &'static str {
        if self.is_daily { "daily" } else { "monthly" }
    }

    /// Whether it is in force on all days.
    pub fn covers(&self, period: Period) -> bool {
        self.first_on.is_none_or(|first| first <= period.first_on())
            && self.last_on.is_none_or(|last| period.last_on() <= last)
    }
}

/// A line of the file by column.
struct Record<'a> {
    line: usize,
    cells: BTreeMap<&'a str, &'a str>,
}

impl<'a> Record<'a> {
    fn text(&self, column: &str) -> Option<&'a str> {
        self.cells.get(column).copied().filter(|cell| !cell.is_empty())
    }

    fn wrong(&self, column: &str) -> Stop {
        let cell = self.text(column).unwrap_or_default();
        Stop::because(format!("line {}: `{column}`: `{cell}` is not known", self.line))
    }

    fn number(&self, column: &str) -> Result<Option<Decimal>, Stop> {
        let read = |cell| number::parse(cell).ok_or_else(|| self.wrong(column));
        self.text(column).map(read).transpose()
    }

    /// A whole number, or this.
    fn whole(&self, column: &str, otherwise: i64) -> Result<i64, Stop> {
        match self.number(column)? {
            None => Ok(otherwise),
            Some(value) => number::whole(value, 100).ok_or_else(|| self.wrong(column)),
        }
    }

    fn range(&self, columns: (&str, &str), most: (i64, i64)) -> Result<(i64, i64), Stop> {
        let (from, to) = (self.whole(columns.0, most.0)?, self.whole(columns.1, most.1)?);
        if from > to {
            return Err(Stop::because(format!("line {}: `{}` after `{}`", self.line, columns.0, columns.1)));
        }
        Ok((from, to))
    }

    /// An hour with its fraction as minutes.
    fn minutes(&self, column: &str, otherwise: i64) -> Result<i64, Stop> {
        let Some(hours) = self.number(column)? else { return Ok(otherwise * 60) };
        let minutes = hours.checked_mul(Decimal::from(60)).and_then(|minutes| number::whole(minutes, 1_440));
        let fine = |minutes: &i64| *minutes >= 0 && minutes % 5 == 0;
        minutes.filter(fine).ok_or_else(|| self.wrong(column))
    }

    fn date(&self, column: &str) -> Result<Option<Date>, Stop> {
        let read = |cell: &str| crate::fields::date(cell.trim()).ok_or_else(|| self.wrong(column));
        self.text(column).map(read).transpose()
    }
}

/// The rows of a utility, without those of exports.
pub fn read(text: &str, utility: &str) -> Result<Vec<Row>, Stop> {
    let unreadable = |error: csv::Error| Stop::because(format!("the tariff is no CSV: {error}"));
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(unreadable)?.clone();
    check(&headers)?;
    let mut rows = Vec::new();
    for (place, record) in reader.records().enumerate() {
        let record = record.map_err(unreadable)?;
        let record = Record { line: place + 2, cells: headers.iter().zip(record.iter()).collect() };
        match record.text("utility") {
            Some(of) if of == utility => {}
            Some("electric" | "gas") => continue,
            _ => return Err(record.wrong("utility")),
        }
        let kind = match record.text("type") {
            Some("customer") => Kind::Customer,
            Some("energy") => Kind::Energy,
            Some("demand") => Kind::Demand,
            Some("export") => continue,
            _ => return Err(record.wrong("type")),
        };
        rows.push(row(&record, kind)?);
    }
    if rows.is_empty() {
        return Err(Stop::because(format!("the tariff has no row for `{utility}`")));
    }
    Ok(rows)
}

/// Every column must be known, and those that matter be there.
fn check(headers: &csv::StringRecord) -> Result<(), Stop> {
    const KNOWN: &[&str] = &[
        "utility",
        "type",
        "name",
        "period",
        "assessed",
        "basic_charge_limit",
        "basic_charge_limit (metric)",
        "month_start",
        "month_end",
        "hour_start",
        "hour_end",
        "weekday_start",
        "weekday_end",
        "charge",
        "charge (metric)",
        "units",
        "effective_start_date",
        "effective_end_date",
    ];
    let unknown = headers.iter().find(|name| !KNOWN.contains(name) && !DESCRIPTIONS.contains(name));
    match unknown {
        Some(name) => Err(Stop::because(format!("the column `{name}` is not known"))),
        None => Ok(()),
    }
}

fn row(record: &Record<'_>, kind: Kind) -> Result<Row, Stop> {
    let unit = record.text("units").unwrap_or_default().to_ascii_lowercase();
    let right = match kind {
        Kind::Customer => unit == "$/month",
        Kind::Energy => unit == "$/kwh",
        Kind::Demand => unit == "$/kw",
    };
    if !right {
        return Err(record.wrong("units"));
    }
    // The metric column goes first; of electricity both are the same.
    let metric = |column: &str| -> Result<Option<Decimal>, Stop> {
        match record.number(&format!("{column} (metric)"))? {
            Some(value) => Ok(Some(value)),
            None => record.number(column),
        }
    };
    let charge = metric("charge")?.ok_or_else(|| record.wrong("charge"))?;
    let limit = metric("basic_charge_limit")?.unwrap_or_default();
    if number::whole(limit, 1_000_000_000).is_none_or(|limit| limit < 0) {
        return Err(record.wrong("basic_charge_limit"));
    }
    let is_daily = match record.text("assessed") {
        None | Some("monthly") => false,
        Some("daily") if kind == Kind::Demand => true,
        Some(_) => return Err(record.wrong("assessed")),
    };
    let minutes = (record.minutes("hour_start", 0)?, record.minutes("hour_end", 24)?);
    if minutes.0 >= minutes.1 {
        return Err(Stop::because(format!("line {}: no hours", record.line)));
    }
    let (first_on, last_on) = (record.date("effective_start_date")?, record.date("effective_end_date")?);
    Ok(Row {
        kind,
        name: record.text("name").or(record.text("period")).map(str::to_owned),
        charge,
        limit: limit.normalize(),
        is_daily,
        months: record.range(("month_start", "month_end"), (1, 12))?,
        weekdays: record.range(("weekday_start", "weekday_end"), (0, 6))?,
        minutes,
        is_dated: first_on.is_some() || last_on.is_some(),
        first_on,
        last_on,
    })
}
