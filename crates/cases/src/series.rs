//! Interval data as cases state them: whole days on a clock that is never set.

use crate::Stop;
use rating::Series;
use time::{Date, Duration};
use vocab::{Decimal, Period, Unit};

/// Values from a midnight on.
pub fn plain(unit: Unit, minutes: u16, first_on: Date, values: &[Decimal]) -> Result<Series, Stop> {
    Series::new(unit, minutes, first_on, values)
        .map_err(|_| Stop::because("a value of the load is too large"))
}

/// The whole days that a series covers.
pub fn days(series: &Series) -> Result<Period, Stop> {
    let whole = || Stop::because("the load is not of whole days");
    let per_day = 1_440 / usize::from(series.minutes.max(1));
    if per_day == 0 || series.values.is_empty() || !series.values.len().is_multiple_of(per_day) {
        return Err(whole());
    }
    let days = i64::try_from(series.values.len() / per_day).map_err(|_| whole())?;
    series
        .first_on
        .checked_add(Duration::days(days - 1))
        .and_then(|last_on| Period::new(series.first_on, last_on))
        .ok_or_else(whole)
}
