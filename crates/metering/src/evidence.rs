//! What an estimate can rest on: spans between reads that are no estimates, and profiles.

use rust_decimal::Decimal;
use time::{Date, Month};
use vocab::{
    Period, ReadQuality, RegisterKind,
    dates::plus_days,
    decimal::{self, Overflow},
};

use crate::{
    consumption::{Charged, Consumption, Start, register_use},
    error::Error,
    estimate::{EstimateBy, EstimationRules, Wanted, is_demand},
    register::{Metered, Read, Register},
};

/// The evidence for one register's estimate.
pub(crate) struct Evidence<'a, 'b> {
    of: Metered<'a>,
    /// The register and, of exchanged meters, those before and after it.
    line: Vec<Metered<'a>>,
    /// Days, in order, whose close the whole line was read at by somebody.
    bounds: Vec<Date>,
    /// The first day whose reads may decide.
    from_on: Date,
    /// The day that the estimate goes on from.
    base_on: Date,
    wanted: Wanted<'b>,
    recent_days: i64,
    tolerance_days: i64,
}

impl<'a, 'b> Evidence<'a, 'b> {
    pub(crate) fn new(
        of: Metered<'a>,
        all: &[Metered<'a>],
        base_on: Date,
        wanted: Wanted<'b>,
        rules: &EstimationRules,
    ) -> Self {
        let oldest_on = rules.reads_from(wanted.charged.period);
        let from_on = wanted.since_on.max(oldest_on);
        let line = line(of, all, oldest_on, wanted.on());
        let bounds = bounds(&line, wanted.since_on, from_on, wanted.on());
        Self {
            of,
            line,
            bounds,
            from_on,
            base_on,
            wanted,
            recent_days: i64::from(rules.recent_days),
            tolerance_days: i64::from(rules.last_year_tolerance_days),
        }
    }

    /// Whether a consumptive register was read after the day: that read counts the days already.
    pub(crate) fn is_read_since(&self) -> bool {
        self.of.register.kind == RegisterKind::Consumptive && self.later_read_on().is_some()
    }

    /// The days looked at and what was used in them; of a demand its peak.
    pub(crate) fn by(&self, by: EstimateBy) -> Result<Option<(Period, Decimal)>, Error> {
        let demand = is_demand(self.of.register.unit);
        // A demand that is counted up by an odometer has no peak that could be read off it.
        if demand && self.of.register.kind == RegisterKind::Subtractive {
            return Ok(None);
        }
        Ok(match by {
            EstimateBy::LaterRead => self.later_read()?,
            EstimateBy::LastYear => self.last_year(demand)?,
            EstimateBy::RecentAverage => self.recent(demand)?,
            EstimateBy::ClassProfile => self.profile(demand)?,
        })
    }

    fn later_read_on(&self) -> Option<Date> {
        let (on, until_on) = (self.wanted.on(), self.wanted.until_on);
        let is_later = |day: Date| on < day && day <= until_on && self.of.register.installed_at(day);
        let reads = self.of.reads.iter().map(|read| read.read_on);
        reads.filter(|day| is_later(*day) && is_read(self.of, *day)).min()
    }

    fn later_read(&self) -> Result<Option<(Period, Decimal)>, Error> {
        if self.of.register.kind == RegisterKind::Consumptive {
            return Ok(None);
        }
        let Some(period) = self.later_read_on().and_then(|later_on| span(self.base_on, later_on)) else {
            return Ok(None);
        };
        let charged = Charged { period, start: self.wanted.charged.start };
        let used = register_use(self.of, charged, self.wanted.rollover)?;
        Ok(used.map(|used| (period, used.quantity)))
    }

    fn last_year(&self, demand: bool) -> Result<Option<(Period, Decimal)>, Overflow> {
        let (Some(from_on), Some(to_on)) = (year_before(self.base_on), year_before(self.wanted.on())) else {
            return Ok(None);
        };
        let Some(last_on) = self.nearest(to_on) else { return Ok(None) };
        let first = match self.nearest(from_on) {
            // Of a peak it matters little on which day its month began.
            None if demand => Some(from_on.max(self.wanted.since_on)),
            found => found,
        };
        first.map_or(Ok(None), |first_on| self.used(first_on, last_on, demand))
    }

    fn recent(&self, demand: bool) -> Result<Option<(Period, Decimal)>, Overflow> {
        let Some(&last_on) = self.bounds.last() else { return Ok(None) };
        let Some(oldest_on) = plus_days(last_on, -self.recent_days) else { return Ok(None) };
        let first = if demand {
            Some(oldest_on.max(self.from_on))
        } else {
            self.bounds.iter().copied().find(|day| *day >= oldest_on)
        };
        first.map_or(Ok(None), |first_on| self.used(first_on, last_on, demand))
    }

    fn profile(&self, demand: bool) -> Result<Option<(Period, Decimal)>, Overflow> {
        let Some(profile) = self.wanted.profile else { return Ok(None) };
        let Some(period) = span(self.base_on, self.wanted.on()) else { return Ok(None) };
        let mut day = period.first_on();
        let mut total = Decimal::ZERO;
        loop {
            let of_day =
                profile.per_day.get(usize::from(u8::from(day.month())) - 1).copied().unwrap_or_default();
            total = if demand { total.max(of_day) } else { decimal::add(total, of_day)? };
            match day.next_day().filter(|next| period.contains(*next)) {
                Some(next) => day = next,
                None => break,
            }
        }
        Ok((total >= Decimal::ZERO).then_some((period, total)))
    }

    /// The bound nearest to a day; of two the earlier.
    fn nearest(&self, to: Date) -> Option<Date> {
        let distance = |day: Date| (day - to).whole_days().abs();
        let near = self.bounds.iter().copied().filter(|day| distance(*day) <= self.tolerance_days);
        near.min_by_key(|day| (distance(*day), *day))
    }

    /// What the line used between the closes of two days; none when its reads do not say, when one
    /// of them is an estimate, or when it counted backwards.
    fn used(&self, from_on: Date, to_on: Date, demand: bool) -> Result<Option<(Period, Decimal)>, Overflow> {
        let Some(period) = span(from_on, to_on) else { return Ok(None) };
        let start = if from_on == self.wanted.since_on { Start::OfService } else { Start::Continuing };
        if demand {
            return Ok(self.peak(period)?.map(|peak| (period, peak)));
        }
        let mut parts = Vec::with_capacity(self.line.len());
        for metered in &self.line {
            match register_use(*metered, Charged { period, start }, self.wanted.rollover) {
                Ok(part) => parts.extend(part),
                Err(Error::Overflow(overflow)) => return Err(overflow),
                Err(_) => return Ok(None),
            }
        }
        let used = Consumption::of_reads(parts)?;
        if used.is_estimated() {
            return Ok(None);
        }
        let total = used.quantities.first().map(|of| of.quantity);
        Ok(total.filter(|total| *total >= Decimal::ZERO).map(|total| (period, total)))
    }

    /// The highest demand that somebody read in these days.
    fn peak(&self, period: Period) -> Result<Option<Decimal>, Overflow> {
        let mut highest: Option<Decimal> = None;
        for metered in &self.line {
            let inside = |day: Date| period.contains(day) && metered.register.installed_at(day);
            for read in metered.reads.iter().filter(|read| inside(read.read_on) && is_good(read)) {
                let demand = decimal::mul(read.value, metered.register.multiplier)?;
                highest = Some(highest.map_or(demand, |so_far| so_far.max(demand)));
            }
        }
        Ok(highest.filter(|demand| *demand >= Decimal::ZERO))
    }
}

/// The days after one close up to and including another.
fn span(from_on: Date, to_on: Date) -> Option<Period> {
    Period::new(from_on.next_day()?, to_on)
}

/// The same day of the year before; the 28th for a leap day.
pub(crate) fn year_before(day: Date) -> Option<Date> {
    let year = day.year().checked_sub(1)?;
    Date::from_calendar_date(year, day.month(), day.day())
        .or_else(|_| Date::from_calendar_date(year, Month::February, 28))
        .ok()
}

/// Whether it may be billed and is no estimate.
fn is_good(read: &Read) -> bool {
    read.is_valid() && read.quality != ReadQuality::Estimated
}

/// Whether the valid read of a day is no estimate.
pub(crate) fn is_read(metered: Metered<'_>, day: Date) -> bool {
    metered.valid_on(day).is_some_and(is_good)
}

/// The register with those that its meter replaced. Registers of one unit that ran side by side
/// do not follow each other: then only its own reads count.
/// Those that were there on none of the days in question do not matter.
fn line<'a>(of: Metered<'a>, all: &[Metered<'a>], oldest_on: Date, on: Date) -> Vec<Metered<'a>> {
    let same = |other: &&Metered<'a>| {
        other.register.stay().meets(oldest_on, on)
            && other.register.unit == of.register.unit
            && other.register.tou_bucket == of.register.tou_bucket
            && other.register.quantity_name == of.register.quantity_name
            && other.register.kind != RegisterKind::Interval
            && !(other.register.id == of.register.id
                && other.register.installed_on == of.register.installed_on)
    };
    let mut line: Vec<Metered<'a>> = all.iter().filter(same).copied().collect();
    line.push(of);
    line.sort_by_key(|metered| metered.register.installed_on);
    let follow = line.windows(2).all(|pair| match pair {
        [one, next] => is_over(one.register, next.register.installed_on),
        _ => true,
    });
    if follow { line } else { vec![of] }
}

/// Whether the register was gone on a day, or went on it.
fn is_over(register: &Register, on: Date) -> bool {
    register.removed_on.is_some_and(|removed_on| removed_on <= on)
}

/// Days before `on` and from `from_on` whose close every installed register of the line was read
/// at.
fn bounds(line: &[Metered<'_>], since_on: Date, from_on: Date, on: Date) -> Vec<Date> {
    let is_bound = |day: Date| {
        let mut there = line.iter().filter(|metered| metered.register.installed_at(day)).peekable();
        there.peek().is_some() && there.all(|metered| is_read(*metered, day))
    };
    let reads = line.iter().flat_map(|metered| metered.reads).map(|read| read.read_on);
    let mut days: Vec<Date> = reads.filter(|day| from_on <= *day && *day < on && is_bound(*day)).collect();
    days.sort_unstable();
    days.dedup();
    let counts = line.iter().all(|metered| metered.register.kind == RegisterKind::Consumptive);
    let installed_on = line.iter().map(|metered| metered.register.installed_on).min();
    if counts {
        // What is counted needs no read to start from.
        let start_on = installed_on.map_or(since_on, |installed_on| installed_on.max(since_on));
        if from_on <= start_on && start_on < on && days.first().is_none_or(|first| start_on < *first) {
            days.insert(0, start_on);
        }
    } else if from_on <= since_on
        && let Some(first) = days.first_mut()
        && Some(*first) == since_on.next_day()
    {
        // A start read of the first charged day also counts as the close of the day before.
        *first = since_on;
    }
    days
}
