//! Gaps in interval data, filled by estimates.
//!
//! A gap of two hours or less between two values is bridged by a straight line; a longer one takes the
//! average of the same slots on like days (the caller chooses them: weekdays for a weekday, the nearest
//! first). A slot that no like day has stays missing. Filled values are estimates and rounded to the
//! finest decimals that stand around them.

use crate::IntervalDay;
use rust_decimal::Decimal;
use vocab::ReadQuality;
use vocab::decimal::{self, Overflow, Rounding};

/// The longest gap that a straight line bridges.
const LINE_MINUTES_MAX: usize = 120;
/// Like days that are averaged at most.
const LIKE_MAX: usize = 4;

/// Fills what it can; answers how many intervals. `before` and `after` are the days on either side.
pub fn fill(
    day: &mut IntervalDay,
    before: Option<&IntervalDay>,
    after: Option<&IntervalDay>,
    like: &[&IntervalDay],
) -> Result<usize, Overflow> {
    let places = like.iter().chain(&before).chain(&after).map(|day| day.scale()).fold(day.scale(), u32::max);
    let mut filled = 0;
    let mut first = 0;
    while first < day.slots() {
        if day.has(first) {
            first += 1;
            continue;
        }
        let after_gap = (first..day.slots()).find(|slot| day.has(*slot)).unwrap_or(day.slots());
        let values = match line(day, before, after, first..after_gap, places)? {
            Some(values) => values.into_iter().map(Some).collect(),
            None => averages(day, like, first..after_gap, places)?,
        };
        for (slot, value) in (first..after_gap).zip(values) {
            if let Some(value) = value {
                day.set(slot, &[value], ReadQuality::Estimated)?;
                filled += 1;
            }
        }
        first = after_gap;
    }
    Ok(filled)
}

/// Values on a straight line between those on either side of a short gap.
fn line(
    day: &IntervalDay,
    before: Option<&IntervalDay>,
    after: Option<&IntervalDay>,
    gap: std::ops::Range<usize>,
    places: u32,
) -> Result<Option<Vec<Decimal>>, Overflow> {
    if gap.len() * usize::from(day.minutes()) > LINE_MINUTES_MAX {
        return Ok(None);
    }
    let alike = |other: &&IntervalDay| other.minutes() == day.minutes();
    let left = match gap.start.checked_sub(1) {
        Some(slot) => day.get(slot),
        None => before.filter(alike).and_then(|before| before.get(before.slots() - 1)),
    };
    let right = if gap.end < day.slots() {
        day.get(gap.end)
    } else {
        after.filter(alike).and_then(|after| after.get(0))
    };
    let (Some((left, _)), Some((right, _))) = (left, right) else { return Ok(None) };
    let steps = Decimal::from(gap.len() + 1);
    let rise = decimal::sub(right, left)?;
    let value = |step: usize| {
        let risen = decimal::mul_div(rise, Decimal::from(step), steps)?;
        Ok(decimal::round(decimal::add(left, risen)?, places, Rounding::HalfAwayFromZero))
    };
    (1..=gap.len()).map(value).collect::<Result<_, _>>().map(Some)
}

/// The average of each slot on the first like days that have it.
fn averages(
    day: &IntervalDay,
    like: &[&IntervalDay],
    gap: std::ops::Range<usize>,
    places: u32,
) -> Result<Vec<Option<Decimal>>, Overflow> {
    let alike = |other: &&&IntervalDay| other.minutes() == day.minutes() && other.slots() == day.slots();
    let of_slot = |slot: usize| {
        let known: Vec<Decimal> = like
            .iter()
            .filter(alike)
            .filter_map(|other| other.get(slot))
            .map(|(value, _)| value)
            .take(LIKE_MAX)
            .collect();
        if known.is_empty() {
            return Ok(None);
        }
        let count = Decimal::from(known.len());
        let average = decimal::mul_div(decimal::sum(known)?, Decimal::ONE, count)?;
        Ok(Some(decimal::round(average, places, Rounding::HalfAwayFromZero)))
    };
    gap.map(of_slot).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::samples::dec;

    fn day(known: &[(usize, &str)]) -> IntervalDay {
        let mut day = IntervalDay::new(60, 24).unwrap();
        for (slot, value) in known {
            day.set(*slot, &[dec(value)], ReadQuality::Actual).unwrap();
        }
        day
    }

    fn whole(value: &str) -> IntervalDay {
        let mut day = IntervalDay::new(60, 24).unwrap();
        day.set(0, &[dec(value); 24], ReadQuality::Actual).unwrap();
        day
    }

    #[test]
    fn a_short_gap_is_a_straight_line_also_over_midnight() {
        let mut one = whole("1.00");
        one.merge(&day(&[(3, "2.50")])).unwrap();
        let mut holed = day(&[]);
        for slot in (0..24).filter(|slot| ![0, 4, 5].contains(slot)) {
            holed.set(slot, &[one.get(slot).unwrap().0], ReadQuality::Actual).unwrap();
        }
        assert_eq!(fill(&mut holed, Some(&whole("3")), None, &[]), Ok(3));
        let value = |slot| holed.get(slot).unwrap();
        assert_eq!(value(0), (dec("2"), ReadQuality::Estimated));
        assert_eq!((value(4).0, value(5).0), (dec("2"), dec("1.5")));
        assert_eq!(value(6), (dec("1"), ReadQuality::Actual));
    }

    #[test]
    fn a_long_gap_is_like_other_days() {
        let mut holed = day(&[(0, "1"), (23, "1")]);
        let likes = [whole("1"), whole("2"), whole("2"), day(&[(5, "4")]), whole("9.999")];
        let like: Vec<&IntervalDay> = likes.iter().collect();
        assert_eq!(fill(&mut holed, None, None, &like), Ok(22));
        // 1, 2, 2 and 9.999; where the fourth has a value it comes before the fifth.
        assert_eq!(holed.get(1).unwrap().0, dec("3.75"));
        assert_eq!(holed.get(5).unwrap().0, dec("2.25"));
        assert_eq!(holed.estimated(), 22);
    }

    #[test]
    fn what_nothing_tells_stays_missing() {
        let mut holed = day(&[(0, "1")]);
        assert_eq!(fill(&mut holed, None, None, &[&day(&[(7, "3")])]), Ok(1));
        assert_eq!(holed.missing(), 22);
        let quarter = IntervalDay::new(15, 96).unwrap();
        assert_eq!(fill(&mut holed, Some(&quarter), Some(&quarter), &[&quarter]), Ok(0));
    }
}
