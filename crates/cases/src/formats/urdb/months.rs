//! Twelve calendar months, each with the memory of those before it.

use super::loads::{Flows, YEAR};
use super::options::{Chosen, word};
use crate::bill::month_period;
use crate::{Stop, series};
use rating::{
    BankBalance, InForce, Past, Quantity, QuantityKey, RateVersion, Rated, RatingInput, Series, rate,
};
use vocab::{Currency, Decimal, Frequency, Period, RateScheduleId, RateVersionId, Unit};

/// A month of the year.
pub(super) struct RatedMonth {
    /// First and last hour of the year, half open.
    pub(super) hours: std::ops::Range<usize>,
    pub(super) rated: Rated,
}

/// A month of a year.
pub(super) fn days(year: i32, month: u8) -> Result<Period, Stop> {
    month_period(year, month).ok_or_else(|| Stop::because("no such year"))
}

/// Rates the year month by month, each by its own version of the tariff.
pub(super) fn rate_year<'v>(
    version_of: impl Fn(u8) -> &'v RateVersion,
    flows: &Flows,
    chosen: &Chosen,
) -> Result<Vec<RatedMonth>, Stop> {
    let first_on = days(YEAR, 1)?.first_on();
    let taken = series::plain(Unit::Kwh, 60, first_on, &flows.taken)?;
    let given = series::plain(Unit::Kwh, 60, first_on, &flows.given)?;
    let given = Series { name: Some(word("export")?), ..given };
    let intervals = [taken.lent(), given.lent()];
    let mut history = year_zero(chosen)?;
    let mut banks: Vec<BankBalance> = Vec::new();
    let mut months = Vec::with_capacity(12);
    let mut hour = 0;
    for month in 1..=12 {
        let period = days(YEAR, month)?;
        let count = usize::try_from(period.days()).map_err(|error| Stop::because(error.to_string()))?;
        let hours = hour..hour + 24 * count;
        hour = hours.end;
        let versions = [InForce { id: RateVersionId(1), version: version_of(month) }];
        let rated = rate(&RatingInput {
            intervals: &intervals,
            history: &history,
            banks: &banks,
            ..RatingInput::new(RateScheduleId(1), period, Frequency::Monthly, &versions, Currency::UNROUNDED)
        })?;
        let peak = flows.taken.get(hours.clone()).and_then(|hours| hours.iter().max()).copied();
        let demand = Quantity { key: QuantityKey::peak(Unit::Kw), value: peak.unwrap_or(Decimal::ZERO) };
        history.push(Past::of_lines(period, vec![demand], rated.lines())?);
        BankBalance::carry(&mut banks, BankBalance::closing(rated.lines()));
        months.push(RatedMonth { hours, rated });
    }
    Ok(months)
}

/// The peaks of the year before.
fn year_zero(chosen: &Chosen) -> Result<Vec<Past>, Stop> {
    let Some(ratchet) = &chosen.ratchet else { return Ok(Vec::new()) };
    (1..)
        .zip(&ratchet.year_zero)
        .map(|(month, peak)| {
            let quantity = Quantity { key: QuantityKey::peak(Unit::Kw), value: *peak };
            Ok(Past { period: days(YEAR - 1, month)?, quantities: vec![quantity], charged: Vec::new() })
        })
        .collect()
}
