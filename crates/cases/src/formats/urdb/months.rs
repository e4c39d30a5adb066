//! Twelve calendar months, each with the memory of those before it.

use super::loads::{Flows, SCALE};
use super::options::{Chosen, word};
use crate::Stop;
use rating::{
    BankBalance, InForce, Intervals, Past, Quantity, QuantityKey, RateVersion, Rated, RatingInput, rate,
};
use time::{Date, Month};
use vocab::{Currency, Decimal, Frequency, Period, RateScheduleId, RateVersionId, Unit};

/// The simulator's year: 1 January is a Monday, and no day is missing or doubled.
const YEAR: i32 = 2018;

/// A month of the year.
pub(super) struct RatedMonth {
    /// First and last hour of the year, half open.
    pub(super) hours: std::ops::Range<usize>,
    pub(super) rated: Rated,
}

/// The days of a month.
pub(super) fn days(year: i32, month: u8) -> Option<Period> {
    let month = Month::try_from(month).ok()?;
    let day = |day| Date::from_calendar_date(year, month, day).ok();
    Period::new(day(1)?, day(month.length(year))?)
}

/// Rates the year month by month.
pub(super) fn rate_year(
    version: &RateVersion,
    flows: &Flows,
    chosen: &Chosen,
) -> Result<Vec<RatedMonth>, Stop> {
    let export = word("export")?;
    let first_on = Date::from_calendar_date(YEAR, Month::January, 1)
        .map_err(|error| Stop::because(error.to_string()))?;
    let series = |name, values| Intervals {
        unit: Unit::Kwh,
        name,
        minutes: 60,
        first_on,
        scale: SCALE,
        values,
        clock_changes: &[],
    };
    let intervals = [series(None, &flows.taken), series(Some(&export), &flows.given)];
    let versions = [InForce { id: RateVersionId(1), version }];
    let mut history = year_zero(chosen);
    let mut banks: Vec<BankBalance> = Vec::new();
    let mut months = Vec::with_capacity(12);
    let mut hour = 0;
    for month in 1..=12 {
        let period = days(YEAR, month).ok_or_else(|| Stop::because("a month"))?;
        let hours = hour..hour
            + usize::try_from(period.days() * 24).map_err(|error| Stop::because(error.to_string()))?;
        hour = hours.end;
        let schedule = RateScheduleId(1);
        let rated = rate(&RatingInput {
            intervals: &intervals,
            history: &history,
            banks: &banks,
            ..RatingInput::new(schedule, period, Frequency::Monthly, &versions, Currency::UNROUNDED)
        })
        .map_err(|error| Stop::because(error.to_string()))?;
        let peak = flows.taken.get(hours.clone()).and_then(|hours| hours.iter().max()).copied();
        let value = Decimal::new(peak.unwrap_or(0).max(0), SCALE);
        let demand = Quantity { key: QuantityKey::peak(Unit::Kw), value };
        let past = Past::of_lines(period, vec![demand], rated.lines());
        history.push(past.map_err(|error| Stop::because(error.to_string()))?);
        BankBalance::carry(&mut banks, BankBalance::closing(rated.lines()));
        months.push(RatedMonth { hours, rated });
    }
    Ok(months)
}

/// The peaks of the year before.
fn year_zero(chosen: &Chosen) -> Vec<Past> {
    let Some(ratchet) = &chosen.ratchet else { return Vec::new() };
    (1..)
        .zip(&ratchet.year_zero)
        .filter_map(|(month, peak)| {
            let quantity = Quantity { key: QuantityKey::peak(Unit::Kw), value: *peak };
            Some(Past { period: days(YEAR - 1, month)?, quantities: vec![quantity], charged: Vec::new() })
        })
        .collect()
}
