//! Billed periods that a read puts in doubt: whether it does, and what they would be instead.
//!
//! A read off the meter, or told by the customer, for a billed day says that what was billed around it
//! is wrong; so does a read off the meter that lies below an estimate that was billed. From the last good
//! read before on, the periods are cut anew: what the register moved between two good reads is spread by
//! days, and the last period before a good read takes the residue. Invariants: the quantities add up to what
//! the register moved, and boundary reads never decrease.
//!
//! Deliberately missing: which segments these are, and what they cost; the caller joins them.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use time::Date;
use vocab::{
    ReadQuality, RebillKind, RegisterKind,
    dates::{civil, plus_days},
    decimal::{self, Overflow, Rounding},
};

use crate::{
    consumption::{ReadUsed, RolloverLimit, advance_between, join},
    error::Error,
    read_rules::ReadRules,
    register::{Metered, Read, Register},
    validate::{Incoming, Known},
};

/// Rollovers between the good reads around a billed day, at most.
const WRAPS_MAX: usize = 4;

/// What a read proposes to bill again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebill {
    /// Why.
    pub kind: RebillKind,
    /// The day after the last good read before it; without one, the day of the installation.
    #[serde(with = "civil")]
    pub from_on: Date,
    /// The last billed day.
    #[serde(with = "civil")]
    pub through_on: Date,
    /// What was billed and does not agree with it; none where the day has no read.
    pub against: Option<Against>,
}

/// A read that was billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Against {
    /// The day that it closes.
    #[serde(with = "civil")]
    pub read_on: Date,
    /// Its value.
    pub value: Decimal,
    /// Its quality.
    pub quality: ReadQuality,
}

impl From<&Read> for Against {
    fn from(read: &Read) -> Self {
        Self { read_on: read.read_on, value: read.value, quality: read.quality }
    }
}

/// What a read that is taken or held proposes; `replaced` is the valid read of its day.
pub(crate) fn proposed(
    rules: &ReadRules,
    read: Incoming<'_>,
    known: Known<'_>,
    replaced: Option<&Read>,
) -> Result<Option<Rebill>, Overflow> {
    let Some(through_on) = known.billed_through_on else { return Ok(None) };
    let found = if read.read_on > through_on {
        below_estimate(rules, read, known.metered, through_on)?
            .map(|estimate| (RebillKind::ActualBelowEstimate, Some(estimate)))
    } else {
        match (read.quality, replaced.map(|other| other.quality)) {
            (ReadQuality::Estimated | ReadQuality::Adjusted, _) => None,
            (_, Some(ReadQuality::Actual | ReadQuality::Customer)) => {
                Some((RebillKind::CorrectedRead, replaced))
            }
            _ => Some((RebillKind::LateActual, replaced)),
        }
    };
    Ok(found.map(|(kind, against)| Rebill {
        kind,
        from_on: last_good(known.metered, read.read_on)
            .and_then(|good| good.read_on.next_day())
            .unwrap_or_else(|| known.metered.register.installed_on.min(read.read_on)),
        through_on,
        against: against.map(Against::from),
    }))
}

/// Whether a read for a billed day may say anything new of what was billed: not where it lies, by day and by
/// value, between two good ones, with no estimate among them.
pub(crate) fn may_matter(metered: Metered<'_>, read: Incoming<'_>) -> bool {
    let valid = || metered.reads.iter().filter(|other| other.is_valid());
    let before = valid().filter(|other| other.read_on < read.read_on).max_by_key(|other| other.read_on);
    let after = valid().filter(|other| other.read_on > read.read_on).min_by_key(|other| other.read_on);
    let (Some(before), Some(after)) = (before, after) else { return true };
    let is_good = |other: &Read| matches!(other.quality, ReadQuality::Actual | ReadQuality::Customer);
    let is_between = metered.register.kind == RegisterKind::Subtractive
        && metered.valid_on(read.read_on).is_none()
        && is_good(before)
        && is_good(after)
        && (before.value..=after.value).contains(&read.value);
    !is_between
}

/// The latest good read before a day.
fn last_good<'a>(metered: Metered<'a>, day: Date) -> Option<&'a Read> {
    metered.last_actual(plus_days(day, -1)?)
}

/// The billed read from which the next bill would start and below which this one lies, though not below
/// the last good one. The first good read after the billed days says so; those after that say nothing more.
fn below_estimate<'a>(
    rules: &ReadRules,
    read: Incoming<'_>,
    metered: Metered<'a>,
    through_on: Date,
) -> Result<Option<&'a Read>, Overflow> {
    let register = metered.register;
    if read.quality != ReadQuality::Actual || register.kind != RegisterKind::Subtractive {
        return Ok(None);
    }
    let others = || metered.reads.iter().filter(|other| other.is_valid() && other.read_on != read.read_on);
    let billed = others().filter(|other| other.read_on <= through_on).max_by_key(|other| other.read_on);
    let is_first = !others().any(|other| {
        through_on < other.read_on && other.read_on < read.read_on && other.quality == ReadQuality::Actual
    });
    let Some(billed) = billed.filter(|billed| is_first && billed.quality != ReadQuality::Actual) else {
        return Ok(None);
    };
    let Some(good) = last_good(metered, billed.read_on) else { return Ok(None) };
    let moved = |to| advance_between(register, good.value, to, rules.rollover);
    let is_below = match (moved(billed.value)?, moved(read.value)?) {
        (Some(billed), Some(read)) => read.dial_units < billed.dial_units,
        _ => false,
    };
    Ok(is_below.then_some(billed))
}

/// A register's value at the close of a day that divides two periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boundary {
    /// The day.
    #[serde(with = "civil")]
    pub on: Date,
    /// The value.
    pub value: Decimal,
    /// Of the read that it is, or `adjusted` where it is found by days.
    pub quality: ReadQuality,
}

/// A period as it would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebilled {
    /// Where it stands among the uses that were given; none for the days that are not billed yet.
    pub place: Option<usize>,
    /// The close of the day before it.
    #[serde(with = "civil")]
    pub start_on: Date,
    /// The close of its last day.
    #[serde(with = "civil")]
    pub end_on: Date,
    /// None for a register whose reads are consumptions.
    pub start: Option<Boundary>,
    /// None for a register whose reads are consumptions.
    pub end: Option<Boundary>,
    /// What was used.
    pub quantity: Decimal,
}

/// What the billed uses of a register would be if a read of it held, in their order; those that it does not
/// touch are left out. A read after the last billed day adds the days up to it. The reads that are given
/// reach back to the last good one before it.
pub fn rebilled(
    metered: Metered<'_>,
    read: &Read,
    uses: &[ReadUsed],
    limit: RolloverLimit,
) -> Result<Vec<Rebilled>, Error> {
    if metered.register.kind != RegisterKind::Subtractive {
        return counted(metered, read, uses);
    }
    let good = |other: &&Read| {
        other.is_valid() && other.quality == ReadQuality::Actual && other.read_on != read.read_on
    };
    let before = metered.reads.iter().filter(good).filter(|other| other.read_on < read.read_on);
    let before = before.max_by_key(|other| other.read_on);
    let after = metered.reads.iter().filter(good).filter(|other| other.read_on > read.read_on);
    let after = after.min_by_key(|other| other.read_on);
    let is_touched = |used: &ReadUsed| {
        before.is_none_or(|before| used.end_on > before.read_on)
            && after.is_none_or(|after| used.start_on < after.read_on)
    };
    let touched: Vec<(usize, &ReadUsed)> =
        uses.iter().enumerate().filter(|(_, used)| is_touched(used)).collect();
    let Some((_, first)) = touched.first() else { return Ok(Vec::new()) };
    let course = Course::new(metered.register, limit, before, read, after, first)?;
    let mut periods = Vec::with_capacity(touched.len() + 1);
    let mut so_far = None;
    for &(place, used) in &touched {
        let start = course.start_of(used, so_far)?;
        let end = course.end_of(used, start)?;
        let start_at = course.boundary(used.start_on, start, used.start_quality)?;
        let end_at = course.boundary(used.end_on, end, Some(used.end_quality))?;
        periods.push(course.period(Some(place), (start, start_at), (end, end_at))?);
        so_far = Some(end);
    }
    if let (Some((_, last)), Some(end)) = (touched.last(), so_far)
        && last.end_on < read.read_on
    {
        let start_at = course.boundary(last.end_on, end, None)?;
        let end_at = course.boundary(read.read_on, course.at_read, None)?;
        periods.push(course.period(None, (end, start_at), (course.at_read, end_at))?);
    }
    Ok(periods)
}

/// Reads that are consumptions: the read takes its day's place in the sum of its period.
fn counted(metered: Metered<'_>, read: &Read, uses: &[ReadUsed]) -> Result<Vec<Rebilled>, Error> {
    let register = metered.register;
    let mut periods = Vec::new();
    for (place, used) in uses.iter().enumerate() {
        let is_inside = |day: Date| used.start_on < day && day <= used.end_on;
        if !is_inside(read.read_on) {
            continue;
        }
        let mut value = read.value;
        let others = metered.reads.iter().filter(|other| other.is_valid() && other.read_on != read.read_on);
        for other in others.filter(|other| is_inside(other.read_on)) {
            value = join(register.unit, value, other.value)?;
        }
        let quantity = decimal::mul(value, register.multiplier)?;
        let (start_on, end_on) = (used.start_on, used.end_on);
        periods.push(Rebilled { place: Some(place), start_on, end_on, start: None, end: None, quantity });
    }
    Ok(periods)
}

/// How the register moved, in dial units since the last good read before the one in question.
struct Course<'a> {
    register: &'a Register,
    limit: RolloverLimit,
    from: Against,
    read: Against,
    at_read: Decimal,
    /// The next good read, and how far the register had come by then.
    after: Option<(Against, Decimal)>,
}

impl<'a> Course<'a> {
    fn new(
        register: &'a Register,
        limit: RolloverLimit,
        before: Option<&Read>,
        read: &Read,
        after: Option<&Read>,
        first: &ReadUsed,
    ) -> Result<Self, Error> {
        let read = Against::from(read);
        // Where nobody read it before, the first bill's start is what there is.
        let from = match (before, first.start_value, first.start_quality) {
            (Some(before), ..) => Against::from(before),
            (None, Some(value), Some(quality)) if first.start_on < read.read_on => {
                Against { read_on: first.start_on, value, quality }
            }
            _ => read,
        };
        let mut course = Self { register, limit, from, read, at_read: Decimal::ZERO, after: None };
        course.at_read = course.moved(from.value, read.value)?;
        if let Some(after) = after {
            let moved = course.moved(read.value, after.value)?;
            course.after = Some((Against::from(after), decimal::add(course.at_read, moved)?));
        }
        Ok(course)
    }

    fn moved(&self, start: Decimal, end: Decimal) -> Result<Decimal, Error> {
        let advance = advance_between(self.register, start, end, self.limit)?;
        advance.map(|advance| advance.dial_units).ok_or_else(|| Error::RolloverImplausible {
            register: self.register.id,
            serial: self.register.serial.clone(),
            start,
            end,
        })
    }

    /// Part of what was moved in `whole_days`, on the register's decimals and never more than all of it.
    fn share(&self, moved: Decimal, days: i64, whole_days: i64) -> Result<Decimal, Overflow> {
        let share = decimal::mul_div(moved, decimal::whole(days), decimal::whole(whole_days))?;
        let share = decimal::round(share, u32::from(self.register.decimals), Rounding::HalfAwayFromZero);
        Ok(share.min(moved))
    }

    /// Where it stood at the close of a day that lies no later than the read, or before a good one; `billed`
    /// is the value that was billed for the day. None where only the use as billed can tell.
    fn place_of(&self, on: Date, billed: Option<Decimal>) -> Result<Option<Decimal>, Error> {
        if on == self.from.read_on {
            return Ok(Some(Decimal::ZERO));
        }
        if on < self.from.read_on {
            // What was billed before the last good read stays.
            let before = self.moved(billed.unwrap_or(self.from.value), self.from.value)?;
            return Ok(Some(decimal::sub(Decimal::ZERO, before)?));
        }
        if on <= self.read.read_on {
            let whole = days_between(self.from.read_on, self.read.read_on);
            return Ok(Some(self.share(self.at_read, days_between(self.from.read_on, on), whole)?));
        }
        let Some((after, at_after)) = self.after else { return Ok(None) };
        if on <= after.read_on {
            let whole = days_between(self.read.read_on, after.read_on);
            let moved = decimal::sub(at_after, self.at_read)?;
            let moved = self.share(moved, days_between(self.read.read_on, on), whole)?;
            return Ok(Some(decimal::add(self.at_read, moved)?));
        }
        // What lies after the next good read stays as well.
        let moved = self.moved(after.value, billed.unwrap_or(after.value))?;
        Ok(Some(decimal::add(at_after, moved)?))
    }

    /// Days between two contracts that nobody was billed for count nothing when nothing tells more.
    fn start_of(&self, used: &ReadUsed, so_far: Option<Decimal>) -> Result<Decimal, Error> {
        let place = self.place_of(used.start_on, used.start_value)?;
        Ok(place.or(so_far).unwrap_or(self.at_read))
    }

    /// After the read, with no good one to follow, an estimate of use stands: the register goes on from the
    /// read by as much as was billed for these days.
    fn end_of(&self, used: &ReadUsed, start: Decimal) -> Result<Decimal, Error> {
        if let Some(place) = self.place_of(used.end_on, Some(used.end_value))? {
            return Ok(place);
        }
        let (since, at) = if used.start_on < self.read.read_on {
            (self.read.read_on, self.at_read)
        } else {
            (used.start_on, start)
        };
        let billed = decimal::div(used.quantity, self.register.multiplier)?;
        let (days, whole) = (days_between(since, used.end_on), days_between(used.start_on, used.end_on));
        Ok(decimal::add(at, self.share(billed, days, whole)?)?)
    }

    /// `billed` is the quality of the read that was billed for the day.
    fn boundary(&self, on: Date, place: Decimal, billed: Option<ReadQuality>) -> Result<Boundary, Overflow> {
        let mut value = decimal::add(self.from.value, place)?;
        if let Some(capacity) = self.register.capacity() {
            for _ in 0..WRAPS_MAX {
                if value >= capacity {
                    value = decimal::sub(value, capacity)?;
                } else if value < Decimal::ZERO {
                    value = decimal::add(value, capacity)?;
                }
            }
        }
        let after = self.after.map(|(after, _)| after);
        let mut good = [Some(self.from), Some(self.read), after].into_iter().flatten();
        let stays = on < self.from.read_on || after.is_some_and(|after| on > after.read_on);
        let quality = match good.find(|good| good.read_on == on) {
            Some(good) => good.quality,
            None => billed.filter(|_| stays).unwrap_or(ReadQuality::Adjusted),
        };
        Ok(Boundary { on, value, quality })
    }

    fn period(
        &self,
        place: Option<usize>,
        (start, start_at): (Decimal, Boundary),
        (end, end_at): (Decimal, Boundary),
    ) -> Result<Rebilled, Error> {
        let quantity = decimal::mul(decimal::sub(end, start)?, self.register.multiplier)?;
        let (start_on, end_on) = (start_at.on, end_at.on);
        Ok(Rebilled { place, start_on, end_on, start: Some(start_at), end: Some(end_at), quantity })
    }
}

fn days_between(from: Date, to: Date) -> i64 {
    (to - from).whole_days()
}

#[cfg(test)]
#[path = "rebill_tests.rs"]
mod tests;
