//! The cheapest hours in a row to charge in: the earliest of equals.

use super::tariff::{Book, days};
use crate::series;
use crate::{Checks, Fields, Rating, Stop};
use vocab::{Decimal, Period, Unit, decimal};

/// Longest window in which hours are priced one by one.
const MOST_DAYS: i64 = 62;

/// Finds the hours and compares.
pub fn run(
    book: &Book,
    inputs: &Fields<'_>,
    window: Period,
    expected: &Fields<'_>,
    checks: &mut Checks,
) -> Result<(), Stop> {
    let hours = inputs.whole("charge_hours")?.and_then(|hours| usize::try_from(hours).ok());
    let hours = hours.filter(|hours| *hours > 0).ok_or_else(|| inputs.wrong("charge_hours", "at least 1"))?;
    let tier = usize::try_from(inputs.whole("tier")?.unwrap_or(0));
    let tier = tier.map_err(|_| inputs.wrong("tier", "a number from 0"))?;
    inputs.finish()?;
    if window.days() > MOST_DAYS {
        return Err(Stop::because(format!("a window of more than {MOST_DAYS} days to charge in")));
    }
    let prices = hourly(book, window, tier)?;
    let sums = prices.windows(hours).map(|block| decimal::sum(block.iter().copied()));
    let sums = sums.collect::<Result<Vec<Decimal>, _>>()?;
    let least = sums.iter().min().ok_or_else(|| Stop::because("the window is shorter than the charging"))?;
    let start = sums.iter().position(|sum| sum == least).unwrap_or(0);
    let day = days(window).nth(start / 24).unwrap_or(window.first_on());
    let at = format!("{}T{:02}:00:00", vocab::dates::civil::format(day), start % 24);
    if let Some(wanted) = expected.get("start") {
        checks.equal("expected.start", wanted, at.into());
    }
    if let Some(wanted) = expected.get("hours") {
        checks.equal("expected.hours", wanted, hours.into());
    }
    if let Some(wanted) = expected.get("hourly_rates") {
        checks.numbers("expected.hourly_rates", wanted, &prices[start..start + hours]);
    }
    if let Some(wanted) = expected.get("avg_rate") {
        let average = decimal::div(*least, Decimal::from(hours))?;
        checks.number("expected.avg_rate", wanted, average);
    }
    checks.finish(expected)
}

/// Per hour of the window, the bill of a kilowatt-hour in it at the price of one tier.
fn hourly(book: &Book, window: Period, tier: usize) -> Result<Vec<Decimal>, Stop> {
    let only = Book::of_tier(book, tier);
    let mut prices = Vec::new();
    for day in days(window) {
        let day = Period::new(day, day).ok_or_else(|| Stop::because("no day"))?;
        let parts = only.parts(day, None);
        for hour in 0..24 {
            let mut load = vec![Decimal::ZERO; 24];
            load[hour] = Decimal::ONE;
            let mut rating = Rating::new(day);
            rating.series.push(series::plain(Unit::Kwh, 60, day.first_on(), &load)?);
            rating.items = only.items(day)?;
            rating.tariff(parts.clone());
            prices.push(rating.rate()?.sum(|line| line.quantity.is_some())?);
        }
    }
    Ok(prices)
}

impl Book {
    /// The same with the prices of one tier alone; of the last where a period has fewer.
    fn of_tier(&self, tier: usize) -> Self {
        let periods = self.periods.iter().map(|tiers| {
            let own = tiers.get(tier).or(tiers.last()).cloned();
            own.into_iter().collect()
        });
        self.with_periods(periods.collect())
    }
}
