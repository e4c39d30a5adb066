//! Intervals of any length on an even grid of the local clock: what spans several steps is spread
//! evenly over time, as the source's engine splits it.

use super::load::{Conversion, Interval, converted};
use crate::Stop;
use crate::series;
use rating::Series;
use rating::{ClockChange, Word};
use time::{Date, Duration, OffsetDateTime, Time};
use vocab::decimal::{self, Rounding, STORED_SCALE};
use vocab::{Decimal, Period, Unit, Zone};

/// A local clock over billed days.
pub struct Grid<'z> {
    zone: &'z Zone,
    period: Period,
    start: OffsetDateTime,
    minutes: i64,
    steps: usize,
    changes: Vec<ClockChange>,
}

/// What a series is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    pub export: bool,
    /// The register that is read.
    pub register: String,
    pub factor: Decimal,
    /// The unit that is billed.
    pub unit: String,
}

impl<'z> Grid<'z> {
    /// The widest grid on which all intervals and all boundaries of windows lie.
    pub fn new(
        zone: &'z Zone,
        period: Period,
        intervals: &[Interval],
        boundaries: impl Iterator<Item = u16>,
    ) -> Result<Self, Stop> {
        let start = midnight(zone, period.first_on())?;
        let end = midnight(zone, period.last_on().next_day().ok_or_else(outside)?)?;
        let mut minutes = boundaries.fold(60, |all, one| gcd(all, i64::from(one)));
        for of in intervals {
            let offset = of.start - start;
            if offset.whole_seconds() % 60 != 0 {
                return Err(Stop::because("an interval that does not begin at a minute"));
            }
            minutes = gcd(gcd(minutes, of.minutes), offset.whole_minutes().abs());
        }
        let changes = zone.clock_changes(period);
        for change in &changes {
            minutes = gcd(gcd(minutes, i64::from(change.at_minute)), i64::from(change.forward_minutes.abs()));
        }
        if minutes % 5 != 0 {
            return Err(Stop::because("intervals or windows that do not lie on steps of five minutes"));
        }
        let steps = usize::try_from((end - start).whole_minutes() / minutes).map_err(|_| outside())?;
        Ok(Self { zone, period, start, minutes, steps, changes })
    }

    /// Minutes of a step.
    pub const fn minutes(&self) -> i64 {
        self.minutes
    }

    /// The source splits a long read by the clock at the read's end, also where another clock held.
    pub fn no_read_over_a_clock_change(&self, intervals: &[Interval]) -> Result<(), Stop> {
        let local = |at: OffsetDateTime| {
            let (day, clock) = self.zone.civil(at);
            day.with_time(clock).assume_utc() - at
        };
        let over = |of: &&Interval| {
            of.minutes > 60 && local(of.start) != local(of.start + Duration::minutes(of.minutes))
        };
        match intervals.iter().find(over) {
            Some(_) => Err(Stop::because("a read over a change of the clock, priced by the time of use")),
            None => Ok(()),
        }
    }

    /// The series of a stream under its name.
    pub fn series(
        &self,
        of: &Stream,
        name: Word,
        unit: Unit,
        intervals: &[Interval],
        conversions: &[Conversion],
    ) -> Result<Series, Stop> {
        let mut values = vec![Decimal::ZERO; self.steps];
        for interval in intervals.iter().filter(|interval| interval.register == of.register) {
            let amount = if of.export { interval.export } else { interval.import };
            let on = self.zone.date_of(interval.start.max(self.start));
            let amount = decimal::mul(amount, of.factor)?;
            let amount = converted(amount, interval, &of.unit, on, conversions)?;
            self.spread(interval, amount, &mut values)?;
        }
        let minutes = u16::try_from(self.minutes).unwrap_or(60);
        let plain = series::plain(unit, minutes, self.period.first_on(), &values)?;
        Ok(Series { name: Some(name), clock_changes: self.changes.clone(), ..plain })
    }

    fn spread(&self, interval: &Interval, amount: Decimal, values: &mut [Decimal]) -> Result<(), Stop> {
        let first = (interval.start - self.start).whole_minutes() / self.minutes;
        let count = interval.minutes / self.minutes;
        let each = decimal::div(amount, Decimal::from(count))?;
        let each = decimal::round(each, STORED_SCALE, Rounding::HalfAwayFromZero);
        let others = decimal::mul(each, Decimal::from(count - 1))?;
        let last = decimal::sub(amount, others)?;
        for step in 0..count {
            let Ok(place) = usize::try_from(first + step) else { continue };
            if let Some(value) = values.get_mut(place) {
                *value = decimal::add(*value, if step + 1 == count { last } else { each })?;
            }
        }
        Ok(())
    }
}

fn outside() -> Stop {
    Stop::because("the period lies outside the calendar")
}

fn midnight(zone: &Zone, day: Date) -> Result<OffsetDateTime, Stop> {
    zone.instant(day, Time::MIDNIGHT).ok_or_else(outside)
}

const fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
