//! Interval data: what was used in each quarter, half or whole hour, or day.
//!
//! Values are whole numbers of `10^-scale` units, so that a year is summed exactly and fast. One
//! pass over the days gives the sums and peaks of all buckets of a time of use; nothing is
//! allocated per interval. The clock is the utility's civil time: a day of 23 or 25 hours has as
//! many intervals as it has, and each falls into the bucket of its own local start.

use crate::clock::{Clock, SLOTS, Times};
use crate::error::RatingError;
use crate::tariff::Demand;
use crate::word::Word;
use time::Date;
use vocab::decimal::{self, Overflow, Rounding};
use vocab::zone::ClockChange;
use vocab::{Decimal, Period, Unit};

const DAY_MINUTES: i64 = 1_440;

/// A series of interval data.
#[derive(Debug, Clone, Copy)]
pub struct Intervals<'a> {
    /// Energy or volume per interval, or average power (kW) over it.
    pub unit: Unit,
    /// Which flow, when it is not what the customer took (`export`): the name of quantities.
    pub name: Option<&'a Word>,
    /// Minutes of an interval: 5, 10, 15, 20, 30, 60 or 1,440.
    pub minutes: u16,
    /// The day whose midnight the first value begins at.
    pub first_on: Date,
    /// Decimals of the values, at most 10.
    pub scale: u32,
    /// In order of time, without gaps.
    pub values: &'a [i64],
    /// Changes of the clock; those before the series do not matter.
    pub clock_changes: &'a [ClockChange],
}

/// Interval data that its holder owns; lent to the engine as [`Intervals`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// See [`Intervals::unit`].
    pub unit: Unit,
    /// See [`Intervals::name`].
    pub name: Option<Word>,
    /// See [`Intervals::minutes`].
    pub minutes: u16,
    /// See [`Intervals::first_on`].
    pub first_on: Date,
    /// See [`Intervals::scale`].
    pub scale: u32,
    /// See [`Intervals::values`].
    pub values: Vec<i64>,
    /// See [`Intervals::clock_changes`].
    pub clock_changes: Vec<ClockChange>,
}

impl Series {
    /// What the customer took from a midnight on, on a clock that is never set. Values keep their
    /// decimals, up to ten.
    pub fn new(unit: Unit, minutes: u16, first_on: Date, values: &[Decimal]) -> Result<Self, Overflow> {
        let finest = values.iter().map(|value| value.normalize().scale()).max().unwrap_or(0);
        let scale = finest.min(decimal::STORED_SCALE);
        let values = values.iter().map(|value| raw(*value, scale)).collect::<Result<_, _>>()?;
        Ok(Self { unit, name: None, minutes, first_on, scale, values, clock_changes: Vec::new() })
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

/// A value as a whole number of `10^-scale`.
fn raw(value: Decimal, scale: u32) -> Result<i64, Overflow> {
    let mut value = decimal::round(value, scale, Rounding::HalfAwayFromZero);
    value.rescale(scale);
    if value.scale() != scale {
        return Err(Overflow);
    }
    i64::try_from(value.mantissa()).map_err(|_| Overflow)
}

/// What a bucket, or all of a series, comes to in raw units of the series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Σ values.
    pub(crate) sum: i128,
    /// The highest sum of the intervals that demand is averaged over.
    pub(crate) peak: i128,
    /// Σ over the days of each day's highest.
    pub(crate) daily_peaks: i128,
}

/// One local day of a series.
#[derive(Clone, Copy)]
pub(crate) struct Day<'a> {
    pub(crate) on: Date,
    pub(crate) values: &'a [i64],
    /// Index in the series of the first.
    pub(crate) at: usize,
    change: Option<ClockChange>,
    minutes: i64,
}

impl Day<'_> {
    /// The slot of the local clock at which interval `index` of the day begins.
    pub(crate) fn slot(&self, index: usize) -> usize {
        let elapsed = i64::try_from(index).unwrap_or(0) * self.minutes;
        let shown = match self.change {
            Some(change) if elapsed >= i64::from(change.at_minute) => {
                elapsed + i64::from(change.forward_minutes)
            }
            _ => elapsed,
        };
        usize::try_from(shown / 5).unwrap_or(0).min(SLOTS - 1)
    }
}

impl<'a> Intervals<'a> {
    /// Whether the minutes and the scale are usable.
    pub fn is_valid(&self) -> bool {
        matches!(self.minutes, 5 | 10 | 15 | 20 | 30 | 60 | 1_440) && self.scale <= decimal::STORED_SCALE
    }

    fn per_day(&self) -> i64 {
        DAY_MINUTES / i64::from(self.minutes.max(1))
    }

    fn shift(&self, change: &ClockChange) -> i64 {
        i64::from(change.forward_minutes) / i64::from(self.minutes.max(1))
    }

    /// The days of a period, each whole.
    pub(crate) fn days(
        &self,
        period: Period,
        mut with: impl FnMut(Day<'a>) -> Result<(), RatingError>,
    ) -> Result<(), RatingError> {
        let missing = |on| RatingError::IntervalsMissing { unit: self.unit, on };
        if !self.is_valid() {
            return Err(missing(period.first_on()));
        }
        let before = (period.first_on() - self.first_on).whole_days();
        let shifted: i64 = self
            .clock_changes
            .iter()
            .filter(|change| change.on >= self.first_on && change.on < period.first_on())
            .map(|change| self.shift(change))
            .sum();
        let mut at =
            usize::try_from(before * self.per_day() - shifted).map_err(|_| missing(period.first_on()))?;
        let mut on = period.first_on();
        loop {
            let change = self.clock_changes.iter().find(|change| change.on == on).copied();
            let count = self.per_day() - change.as_ref().map_or(0, |change| self.shift(change));
            let count = usize::try_from(count).map_err(|_| missing(on))?;
            let values = self.values.get(at..at + count).ok_or_else(|| missing(on))?;
            with(Day { on, values, at, change, minutes: i64::from(self.minutes) })?;
            at += count;
            match on.next_day() {
                Some(next) if on < period.last_on() => on = next,
                _ => return Ok(()),
            }
        }
    }

    /// One pass over the period: a tally per bucket of the time of use, or one of all.
    pub(crate) fn tally(
        &self,
        period: Period,
        clock: &Clock,
        times: Option<&Times>,
        demand: Option<Demand>,
    ) -> Result<Vec<Tally>, RatingError> {
        self.tally_days(period, clock, times, demand, |_, _| {})
    }

    /// The same, telling of every day what the tallies have come to and the day's highest.
    pub(crate) fn tally_days(
        &self,
        period: Period,
        clock: &Clock,
        times: Option<&Times>,
        demand: Option<Demand>,
        mut of_day: impl FnMut(&[Tally], &[i128]),
    ) -> Result<Vec<Tally>, RatingError> {
        // Peaks over other minutes are refused where one is asked for.
        let blocks = self.blocks(demand).unwrap_or(1);
        let rolling = demand.is_some_and(|demand| demand.rolling);
        let holidays = times.map_or_else(Vec::new, |_| clock.holidays(period));
        let count = times.map_or(1, |times| times.buckets().len());
        // One more: the hours that are in no bucket.
        let mut tallies = vec![Tally::default(); count + 1];
        let mut highest = vec![0_i128; count + 1];
        self.days(period, |day| {
            highest.fill(0);
            let row = times.map(|times| self.row(times, day.on, &holidays)).transpose()?;
            match row {
                None => whole_day(&day, &mut tallies[0], &mut highest[0]),
                Some(row) => bucketed_day(&day, row, &mut tallies, &mut highest),
            }
            if blocks > 1 {
                highest.fill(0);
                self.averaged_peaks(&day, row, (blocks, rolling), &mut highest);
            }
            for (tally, highest) in tallies.iter_mut().zip(&highest) {
                tally.peak = tally.peak.max(*highest);
                tally.daily_peaks += highest;
            }
            of_day(&tallies, &highest);
            Ok(())
        })?;
        tallies.truncate(count);
        Ok(tallies)
    }

    /// The buckets of a day, when every interval lies in one of them.
    pub(crate) fn row<'t>(
        &self,
        times: &'t Times,
        on: Date,
        holidays: &[Date],
    ) -> Result<&'t [u8; SLOTS], RatingError> {
        times.row(on, holidays, self.minutes / 5).ok_or_else(|| self.too_coarse(on))
    }

    pub(crate) const fn too_coarse(&self, on: Date) -> RatingError {
        RatingError::IntervalsTooCoarse { unit: self.unit, minutes: self.minutes, on }
    }

    /// How many intervals demand is averaged over; `None` when that is no whole number.
    pub(crate) fn blocks(&self, demand: Option<Demand>) -> Option<usize> {
        let Some(demand) = demand else { return Some(1) };
        let whole = self.minutes > 0 && demand.minutes.is_multiple_of(self.minutes);
        whole.then(|| usize::from(demand.minutes / self.minutes))
    }

    /// The highest sums of as many intervals as demand is averaged over; each belongs to the bucket
    /// that it begins in.
    fn averaged_peaks(
        &self,
        day: &Day<'a>,
        row: Option<&[u8; SLOTS]>,
        (blocks, rolling): (usize, bool),
        highest: &mut [i128],
    ) {
        let last = highest.len() - 1;
        for index in (0..day.values.len()).step_by(if rolling { 1 } else { blocks }) {
            // A window that begins in the last minutes of the day reaches into the next.
            let Some(window) = self.values.get(day.at + index..day.at + index + blocks) else { return };
            let bucket = row.map_or(0, |row| usize::from(row[day.slot(index)]).min(last));
            highest[bucket] = highest[bucket].max(window.iter().map(|value| i128::from(*value)).sum());
        }
    }

    /// Raw units as a quantity that accumulates in `unit`.
    pub(crate) fn accumulated(&self, raw: i128, unit: Unit) -> Result<Decimal, Overflow> {
        let value = raw_decimal(raw, self.scale)?;
        if self.unit == unit {
            return Ok(value);
        }
        // Average power over the interval's minutes.
        decimal::mul_div(value, Decimal::from(self.minutes), Decimal::from(60))
    }

    /// Raw units, summed over the minutes of demand, as power.
    pub(crate) fn power(&self, raw: i128, demand: Option<Demand>) -> Result<Decimal, Overflow> {
        let value = raw_decimal(raw, self.scale)?;
        let minutes = demand.map_or(self.minutes, |demand| demand.minutes.max(self.minutes));
        if is_power(self.unit) {
            return decimal::mul_div(value, Decimal::from(self.minutes), Decimal::from(minutes));
        }
        decimal::mul_div(value, Decimal::from(60), Decimal::from(minutes))
    }

    /// Whether it measures a quantity of this unit and kind: energy in kWh is also power in kW. Power
    /// does not add up, so kVA have a peak and no sum.
    pub(crate) fn measures(&self, unit: Unit, accumulates_plainly: bool) -> bool {
        let same = self.unit == unit;
        if accumulates_plainly {
            (same && !is_power(unit)) || (self.unit == Unit::Kw && unit == Unit::Kwh)
        } else {
            (same && is_power(unit)) || (unit == Unit::Kw && self.unit == Unit::Kwh)
        }
    }
}

const fn is_power(unit: Unit) -> bool {
    matches!(unit, Unit::Kw | Unit::Kva)
}

fn whole_day(day: &Day<'_>, tally: &mut Tally, highest: &mut i128) {
    let (mut sum, mut most) = (0_i128, 0_i64);
    for value in day.values {
        sum += i128::from(*value);
        most = most.max(*value);
    }
    tally.sum += sum;
    *highest = i128::from(most);
}

/// The last tally is of the hours that are in no bucket.
fn bucketed_day(day: &Day<'_>, row: &[u8; SLOTS], tallies: &mut [Tally], highest: &mut [i128]) {
    let last = tallies.len() - 1;
    let mut add = |value: i64, bucket: u8| {
        let bucket = usize::from(bucket).min(last);
        let value = i128::from(value);
        tallies[bucket].sum += value;
        highest[bucket] = highest[bucket].max(value);
    };
    if day.change.is_some() {
        for (index, value) in day.values.iter().enumerate() {
            add(*value, row[day.slot(index)]);
        }
        return;
    }
    let step = usize::try_from(day.minutes / 5).unwrap_or(1).max(1);
    for (value, bucket) in day.values.iter().zip(row.iter().step_by(step)) {
        add(*value, *bucket);
    }
}

/// Raw units as a decimal of the scale.
pub(crate) fn raw_decimal(raw: i128, scale: u32) -> Result<Decimal, Overflow> {
    Decimal::try_from_i128_with_scale(raw, scale).map_err(|_| Overflow)
}
