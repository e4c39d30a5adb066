//! One day of a register's interval data, and the form in which it is stored.
//!
//! A day has as many slots as its length has intervals: 23 or 25 hours when the clock is set. A slot
//! has a value with its quality, or is missing. Values are in the register's unit; no multiplier is
//! put on them.
//!
//! Stored is a version byte and then, by postcard: the decimals, the values as whole numbers of
//! `10^-decimals` (zigzag, 7 bits to the byte: one or two bytes for what a house uses in a quarter of
//! an hour) and runs of qualities. A day of quarter hours takes some 200 bytes.
//!
//! Deliberately missing: dates and zones (the caller knows which instant a slot is), and whether a
//! value is plausible.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use vocab::ReadQuality;
use vocab::decimal::{Overflow, STORED_SCALE};

/// Number of the stored form; another form takes another number.
const FORM: u8 = 1;
/// Most slots of a day: 25 hours of 5 minutes.
const SLOTS_MAX: usize = 300;

/// One day of interval data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntervalDay {
    minutes: u16,
    scale: u32,
    /// Whole numbers of `10^-scale`; 0 where missing.
    values: Vec<i64>,
    marks: Vec<Mark>,
}

/// What is known of a slot; the numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Mark {
    Actual = 0,
    Adjusted = 1,
    Customer = 2,
    Estimated = 3,
    Missing = 4,
}

impl Mark {
    const ALL: [Self; 5] = [Self::Actual, Self::Adjusted, Self::Customer, Self::Estimated, Self::Missing];

    const fn of(quality: ReadQuality) -> Self {
        match quality {
            ReadQuality::Actual => Self::Actual,
            ReadQuality::Adjusted => Self::Adjusted,
            ReadQuality::Customer => Self::Customer,
            ReadQuality::Estimated => Self::Estimated,
        }
    }

    const fn quality(self) -> Option<ReadQuality> {
        match self {
            Self::Actual => Some(ReadQuality::Actual),
            Self::Adjusted => Some(ReadQuality::Adjusted),
            Self::Customer => Some(ReadQuality::Customer),
            Self::Estimated => Some(ReadQuality::Estimated),
            Self::Missing => None,
        }
    }
}

/// The stored form, after its number.
#[derive(Serialize, Deserialize)]
struct Packed {
    scale: u8,
    values: Vec<i64>,
    runs: Vec<(u16, u8)>,
}

/// A stored day that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stored interval data cannot be read: {0}")]
pub struct Unreadable(String);

/// What putting newer data on a day has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merged {
    /// Nothing: all of it was known.
    Same,
    /// Slots that were missing have values now.
    Filled,
    /// Values or qualities that were known are others now.
    Changed,
}

impl IntervalDay {
    /// A day without a value. `None` for a length of intervals that none is kept in, and for too many.
    pub fn new(minutes: u16, slots: usize) -> Option<Self> {
        let fits = matches!(minutes, 5 | 10 | 15 | 20 | 30 | 60) && (1..=SLOTS_MAX).contains(&slots);
        fits.then(|| Self { minutes, scale: 0, values: vec![0; slots], marks: vec![Mark::Missing; slots] })
    }

    /// Minutes of an interval.
    pub const fn minutes(&self) -> u16 {
        self.minutes
    }

    /// How many intervals the day has.
    pub const fn slots(&self) -> usize {
        self.values.len()
    }

    /// Decimals of [`Self::raw`].
    pub const fn scale(&self) -> u32 {
        self.scale
    }

    /// The values as whole numbers of `10^-scale`, 0 where missing.
    pub fn raw(&self) -> &[i64] {
        &self.values
    }

    /// Whether a slot has a value.
    pub fn has(&self, slot: usize) -> bool {
        self.marks.get(slot).is_some_and(|mark| *mark != Mark::Missing)
    }

    /// A slot's value with its quality.
    pub fn get(&self, slot: usize) -> Option<(Decimal, ReadQuality)> {
        let quality = self.marks.get(slot)?.quality()?;
        let value =
            Decimal::try_from_i128_with_scale(i128::from(*self.values.get(slot)?), self.scale).ok()?;
        Some((value, quality))
    }

    /// Sets consecutive slots from one on. A value with more than ten decimals, or more digits than are
    /// kept, is refused and nothing is set; so are slots that the day does not have.
    pub fn set(&mut self, first: usize, values: &[Decimal], quality: ReadQuality) -> Result<(), Overflow> {
        let finest = values.iter().map(Decimal::scale).max().unwrap_or(0);
        // Zeros at the end are no decimals; looking for them costs time, so only where they must go.
        let scale = if finest > STORED_SCALE {
            values.iter().map(|value| value.normalize().scale()).max().unwrap_or(0)
        } else {
            finest
        };
        if scale > STORED_SCALE || first + values.len() > self.values.len() {
            return Err(Overflow);
        }
        let scale = scale.max(self.scale);
        let raw: Vec<i64> = values.iter().map(|value| raw(*value, scale)).collect::<Result<_, _>>()?;
        self.rescale(scale)?;
        self.values[first..first + raw.len()].copy_from_slice(&raw);
        self.marks[first..first + raw.len()].fill(Mark::of(quality));
        Ok(())
    }

    /// At least as many decimals; when they do not fit, nothing changes.
    fn rescale(&mut self, scale: u32) -> Result<(), Overflow> {
        let factor = 10_i64.checked_pow(scale - self.scale).ok_or(Overflow)?;
        let finer: Option<Vec<i64>> = self.values.iter().map(|value| value.checked_mul(factor)).collect();
        self.values = finer.ok_or(Overflow)?;
        self.scale = scale;
        Ok(())
    }

    /// Puts newer data on it: what they have goes before what is here. Data of other intervals take the
    /// whole place.
    pub fn merge(&mut self, newer: &Self) -> Result<Merged, Overflow> {
        if self.minutes != newer.minutes || self.slots() != newer.slots() {
            *self = newer.clone();
            return Ok(Merged::Changed);
        }
        let mut newer = newer.clone();
        let scale = self.scale.max(newer.scale);
        newer.rescale(scale)?;
        self.rescale(scale)?;
        let mut merged = Merged::Same;
        for slot in 0..self.slots() {
            let (was, is) = (self.marks[slot], newer.marks[slot]);
            if is == Mark::Missing || (was == is && self.values[slot] == newer.values[slot]) {
                continue;
            }
            if was != Mark::Missing {
                merged = Merged::Changed;
            } else if merged == Merged::Same {
                merged = Merged::Filled;
            }
            self.values[slot] = newer.values[slot];
            self.marks[slot] = is;
        }
        Ok(merged)
    }

    /// Slots without a value.
    pub fn missing(&self) -> usize {
        self.marks.iter().filter(|mark| **mark == Mark::Missing).count()
    }

    /// Slots whose value nobody read off the meter.
    pub fn estimated(&self) -> usize {
        self.marks.iter().filter(|mark| !matches!(mark, Mark::Missing | Mark::Actual)).count()
    }

    /// The quality of the day's total: the least certain of its values; none of a day without one.
    pub fn quality(&self) -> Option<ReadQuality> {
        self.marks.iter().filter(|mark| **mark != Mark::Missing).max().and_then(|mark| mark.quality())
    }

    /// Sum of the values.
    pub fn total(&self) -> Result<Decimal, Overflow> {
        let sum = self.values.iter().map(|value| i128::from(*value)).sum();
        Decimal::try_from_i128_with_scale(sum, self.scale).map_err(|_| Overflow)
    }

    /// The highest value; none of a day without one.
    pub fn highest(&self) -> Option<Decimal> {
        let known = self.values.iter().zip(&self.marks).filter(|(_, mark)| **mark != Mark::Missing);
        let highest = known.map(|(value, _)| *value).max()?;
        Decimal::try_from_i128_with_scale(i128::from(highest), self.scale).ok()
    }

    /// The stored form.
    pub fn pack(&self) -> Vec<u8> {
        let zeros = self.values.iter().map(|value| zeros_of(*value)).min().unwrap_or(0).min(self.scale);
        let divisor = 10_i64.pow(zeros);
        let mut runs: Vec<(u16, u8)> = Vec::new();
        for &mark in &self.marks {
            match runs.last_mut() {
                Some((count, of)) if *of == mark as u8 => *count += 1,
                _ => runs.push((1, mark as u8)),
            }
        }
        let packed = Packed {
            scale: u8::try_from(self.scale - zeros).unwrap_or(0),
            values: self.values.iter().map(|value| value / divisor).collect(),
            runs,
        };
        let form = Vec::with_capacity(8 + 3 * self.values.len());
        // Writing numbers into a vector cannot fail.
        postcard::to_extend(&(FORM, packed), form).unwrap_or_default()
    }

    /// Reads the stored form.
    pub fn unpack(minutes: u16, bytes: &[u8]) -> Result<Self, Unreadable> {
        let bad = |why: &str| Unreadable(why.to_owned());
        let (form, packed): (u8, Packed) =
            postcard::from_bytes(bytes).map_err(|error| Unreadable(error.to_string()))?;
        if form != FORM {
            return Err(Unreadable(format!("form {form}")));
        }
        let mut day = Self::new(minutes, packed.values.len()).ok_or_else(|| bad("its intervals"))?;
        day.scale = u32::from(packed.scale);
        let mut marks = Vec::with_capacity(packed.values.len());
        for (count, mark) in packed.runs {
            let mark = Mark::ALL.get(usize::from(mark)).ok_or_else(|| bad("a quality"))?;
            marks.extend(std::iter::repeat_n(*mark, usize::from(count)));
        }
        if marks.len() != packed.values.len() || day.scale > STORED_SCALE {
            return Err(bad("its qualities or decimals"));
        }
        (day.values, day.marks) = (packed.values, marks);
        Ok(day)
    }
}

/// A value as a whole number of `10^-scale`, exactly.
fn raw(value: Decimal, scale: u32) -> Result<i64, Overflow> {
    let value = if value.scale() > scale { value.normalize() } else { value };
    let missing = scale.checked_sub(value.scale()).ok_or(Overflow)?;
    let mantissa = i64::try_from(value.mantissa()).map_err(|_| Overflow)?;
    10_i64.checked_pow(missing).and_then(|factor| mantissa.checked_mul(factor)).ok_or(Overflow)
}

/// Zeros at the end of a number; as many as you like of 0.
fn zeros_of(mut value: i64) -> u32 {
    if value == 0 {
        return u32::MAX;
    }
    let mut zeros = 0;
    while value % 10 == 0 {
        value /= 10;
        zeros += 1;
    }
    zeros
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::samples::dec;
    use proptest::prelude::*;

    fn day(values: &[&str]) -> IntervalDay {
        let mut day = IntervalDay::new(60, 24).unwrap();
        let values: Vec<Decimal> = values.iter().map(|value| dec(value)).collect();
        day.set(0, &values, ReadQuality::Actual).unwrap();
        day
    }

    #[test]
    fn a_day_is_stored_small_and_read_back() {
        let mut day = IntervalDay::new(15, 96).unwrap();
        let values: Vec<Decimal> = (0..96).map(|slot| Decimal::new(100 + slot * 7, 3)).collect();
        day.set(0, &values[..90], ReadQuality::Actual).unwrap();
        day.set(90, &values[90..94], ReadQuality::Estimated).unwrap();
        let bytes = day.pack();
        assert!(bytes.len() < 210, "{}", bytes.len());
        let back = IntervalDay::unpack(15, &bytes).unwrap();
        assert_eq!(back, day);
        assert_eq!((back.missing(), back.estimated(), back.quality()), (2, 4, Some(ReadQuality::Estimated)));
        assert_eq!(back.get(93), Some((values[93], ReadQuality::Estimated)));
        assert_eq!(back.get(94), None);
        assert_eq!(back.total().unwrap(), values[..94].iter().copied().sum::<Decimal>());
        assert_eq!(back.highest(), Some(values[93]));
    }

    #[test]
    fn newer_data_fill_or_change() {
        let mut known = day(&["1", "2.5"]);
        assert_eq!(known.clone().merge(&day(&["1.00"])), Ok(Merged::Same));
        assert_eq!(known.merge(&day(&["1", "2.5", "3.125"])), Ok(Merged::Filled));
        assert_eq!(known.total().unwrap(), dec("6.625"));
        assert_eq!(known.merge(&day(&["1", "2"])), Ok(Merged::Changed));
        assert_eq!((known.total().unwrap(), known.missing()), (dec("6.125"), 21));
        let mut estimate = IntervalDay::new(60, 24).unwrap();
        estimate.set(0, &[Decimal::ONE], ReadQuality::Estimated).unwrap();
        assert_eq!(known.merge(&estimate), Ok(Merged::Changed));
        let other = IntervalDay::new(30, 48).unwrap();
        assert_eq!((known.merge(&other), known.minutes()), (Ok(Merged::Changed), 30));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_changes_nothing() {
        let mut known = day(&["1"]);
        let before = known.clone();
        let too_fine = Decimal::new(1, 11);
        let too_big = dec("99999999999.9999999999");
        for values in [&[too_fine][..], &[too_big], &[Decimal::ONE; 25]] {
            assert!(known.set(0, values, ReadQuality::Actual).is_err());
            assert_eq!(known, before);
        }
        // Zeros are no decimals.
        known.set(0, &[Decimal::new(15_000_000_000_000, 13)], ReadQuality::Actual).unwrap();
        assert_eq!(known.get(0).unwrap().0, dec("1.5"));
        assert!(IntervalDay::new(7, 24).is_none() && IntervalDay::new(5, 301).is_none());
    }

    proptest! {
        #[test]
        fn every_day_comes_back(values in prop::collection::vec((any::<i32>(), 0_u32..7, 0_u8..5), 1..300)) {
            let mut day = IntervalDay::new(5, values.len()).unwrap();
            for (slot, (value, scale, mark)) in values.iter().enumerate() {
                if let Some(quality) = Mark::ALL[usize::from(*mark)].quality() {
                    day.set(slot, &[Decimal::new(i64::from(*value), *scale)], quality).unwrap();
                }
            }
            let back = IntervalDay::unpack(5, &day.pack()).unwrap();
            for slot in 0..values.len() {
                prop_assert_eq!(back.get(slot), day.get(slot));
            }
            prop_assert_eq!(back.total(), day.total());
            // Packed again it is the same bytes: a known day can be told from a new one by them.
            prop_assert_eq!(back.pack(), day.pack());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = IntervalDay::unpack(15, &bytes);
        }
    }
}
