//! Interval data that an adapter owns.

use crate::Stop;
use rating::{ClockChange, Intervals, Word};
use time::{Date, Duration};
use vocab::decimal::{self, Rounding, STORED_SCALE};
use vocab::{Decimal, Period, Unit};

/// Interval data that an adapter owns; see [`Intervals`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Energy or volume per interval, or average power over it.
    pub unit: Unit,
    /// Which flow.
    pub name: Option<Word>,
    /// Minutes of an interval.
    pub minutes: u16,
    /// The day whose midnight the first value begins at.
    pub first_on: Date,
    /// Decimals of the values.
    pub scale: u32,
    /// In order of time.
    pub values: Vec<i64>,
    /// Changes of the clock.
    pub clock_changes: Vec<ClockChange>,
}

impl Series {
    /// Values from a midnight on, on a clock that is never set.
    pub fn plain(unit: Unit, minutes: u16, first_on: Date, values: &[Decimal]) -> Result<Self, Stop> {
        let scale = values.iter().map(|value| value.normalize().scale()).max().unwrap_or(0).min(STORED_SCALE);
        let values = values.iter().map(|value| raw(*value, scale)).collect::<Result<_, _>>()?;
        Ok(Self { unit, name: None, minutes, first_on, scale, values, clock_changes: Vec::new() })
    }

    /// The whole days that it covers, on a clock that is never set.
    pub fn period(&self) -> Result<Period, Stop> {
        let whole = || Stop::because("the load is not of whole days");
        let per_day = 1_440 / usize::from(self.minutes.max(1));
        if per_day == 0 || self.values.is_empty() || !self.values.len().is_multiple_of(per_day) {
            return Err(whole());
        }
        let days = i64::try_from(self.values.len() / per_day).map_err(|_| whole())?;
        self.first_on
            .checked_add(Duration::days(days - 1))
            .and_then(|last_on| Period::new(self.first_on, last_on))
            .ok_or_else(whole)
    }

    /// As the engine takes it.
    pub fn lent(&self) -> Intervals<'_> {
        Intervals {
            unit: self.unit,
            name: self.name.as_ref(),
            minutes: self.minutes,
            first_on: self.first_on,
            scale: self.scale,
            values: &self.values,
            clock_changes: &self.clock_changes,
        }
    }
}

/// A value as a whole number of 10^-scale.
pub fn raw(value: Decimal, scale: u32) -> Result<i64, Stop> {
    let large = || Stop::because("a value of the load is too large");
    let mut value = decimal::round(value, scale, Rounding::HalfAwayFromZero);
    value.rescale(scale);
    if value.scale() != scale {
        return Err(large());
    }
    i64::try_from(value.mantissa()).map_err(|_| large())
}
