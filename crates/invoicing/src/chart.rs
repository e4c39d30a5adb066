//! The usage chart: bars as whole per-mille of the highest, so that templates only draw.

use crate::{InvoicingError, format::Writer, model::ServiceCharges, texts};
use rust_decimal::Decimal;
use serde::Serialize;
use std::collections::BTreeMap;
use vocab::decimal::{self, Rounding, whole};

/// Months shown: this bill's and a year before it.
const MONTHS_SHOWN: usize = 13;

/// A service's usage by month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chart {
    /// The unit of every quantity.
    pub unit: String,
    /// Oldest first.
    pub bars: Vec<Bar>,
    /// The highest bar, written.
    pub highest: String,
    /// This bill's average per day, such as `26.2 kWh`.
    pub average_now: String,
    /// The average per day a year ago, when known.
    pub average_last_year: Option<String>,
    /// The chart in words, for those who do not see it.
    pub alt: String,
}

/// A month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// `Mar`.
    pub month: String,
    /// `26`.
    pub year: String,
    /// Height in per-mille of the highest bar.
    pub height: u16,
    /// The quantity.
    pub quantity: String,
    /// Whether it was estimated.
    pub estimated: bool,
    /// Whether it is this bill's month.
    pub current: bool,
    /// Whether it is the same month a year ago.
    pub year_ago: bool,
}

/// `None` for a service without usage.
pub(crate) fn chart(
    service: &ServiceCharges,
    name: &str,
    writer: &Writer<'_>,
) -> Result<Option<Chart>, InvoicingError> {
    let (Some(unit), Some(last)) = (service.usage_unit, service.usage.last()) else { return Ok(None) };
    let shown = &service.usage[service.usage.len().saturating_sub(MONTHS_SHOWN)..];
    let highest = shown.iter().map(|month| month.quantity).max().unwrap_or_default();
    let unit = writer.unit(unit);
    let a_year_ago =
        |day: time::Date| day.month() == last.ended_on.month() && day.year() < last.ended_on.year();
    let mut bars = Vec::with_capacity(shown.len());
    let mut spoken = Vec::with_capacity(shown.len());
    let mut average_last_year = None;
    for (at, month) in shown.iter().enumerate() {
        let quantity = writer.number(month.quantity);
        let year_ago = a_year_ago(month.ended_on);
        if year_ago {
            average_last_year = Some(average(month.quantity, month.days, &unit, writer)?);
        }
        let label = writer.month(month.ended_on);
        spoken.push(texts::message(
            writer.language(),
            "chart-alt-item",
            &BTreeMap::from([
                ("month", label.clone()),
                ("quantity", quantity.clone()),
                ("unit", unit.clone()),
            ]),
        ));
        bars.push(Bar {
            month: label,
            year: format!("{:02}", month.ended_on.year().rem_euclid(100)),
            height: per_mille(month.quantity, highest)?,
            quantity,
            estimated: month.estimated,
            current: at + 1 == shown.len(),
            year_ago,
        });
    }
    let args = BTreeMap::from([("service", name.to_owned()), ("list", spoken.join(", "))]);
    Ok(Some(Chart {
        alt: texts::message(writer.language(), "chart-alt", &args),
        average_now: average(last.quantity, last.days, &unit, writer)?,
        average_last_year,
        highest: writer.number(highest),
        unit,
        bars,
    }))
}

/// Energy returned (a negative quantity) draws no bar.
fn per_mille(quantity: Decimal, highest: Decimal) -> Result<u16, InvoicingError> {
    if quantity <= Decimal::ZERO || highest <= Decimal::ZERO {
        return Ok(0);
    }
    let height = decimal::mul_div(quantity, whole(1000), highest)?;
    let height = decimal::round(height, 0, Rounding::HalfAwayFromZero);
    Ok(u16::try_from(height).unwrap_or(1000).clamp(1, 1000))
}

fn average(quantity: Decimal, days: u16, unit: &str, writer: &Writer<'_>) -> Result<String, InvoicingError> {
    let per_day = decimal::div(quantity, whole(i64::from(days.max(1))))?;
    let places = if per_day < whole(10) { 2 } else { 1 };
    let per_day = decimal::round(per_day, places, Rounding::HalfAwayFromZero);
    Ok(format!("{}\u{a0}{unit}", writer.number(per_day)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_are_shares_of_the_highest() {
        let per_mille = |q: i64, high: i64| per_mille(whole(q), whole(high)).unwrap();
        assert_eq!(per_mille(500, 1000), 500);
        assert_eq!(per_mille(2, 3), 667);
        assert_eq!(per_mille(1, 1_000_000), 1, "use is never invisible");
        assert_eq!(per_mille(0, 10), 0);
        assert_eq!(per_mille(-4, 10), 0);
        assert_eq!(per_mille(0, 0), 0);
    }
}
