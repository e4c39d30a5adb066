//! What the interval data of a service point are in rating: one series per unit and name.
//!
//! Registers of one unit add up; of an exchanged meter each has its part of the day. A day that any
//! installed register lacks ends the series, so that a rate that needs it says which day is missing;
//! the days of an exchange need not be whole in either meter.

use crate::account::RegisterReads;
use metering::IntervalDay;
use rating::{Series, Word};
use time::Date;
use vocab::decimal::Overflow;
use vocab::zone::ClockChange;
use vocab::{Period, Unit};

/// The series of the registers over these days, in the order of the registers.
pub fn load_profile(
    registers: &[RegisterReads],
    period: Period,
    clock_changes: &[ClockChange],
) -> Result<Vec<Series>, Overflow> {
    let mut all: Vec<Series> = Vec::new();
    for of in registers.iter().filter(|of| !of.days.is_empty()) {
        let (unit, name) = (of.register.unit, named(of));
        if all.iter().any(|series| series.unit == unit && series.name == name) {
            continue;
        }
        let alike: Vec<&RegisterReads> = registers
            .iter()
            .filter(|other| other.register.unit == unit && named(other) == name && !other.days.is_empty())
            .collect();
        all.extend(series(&alike, unit, name, period, clock_changes)?);
    }
    Ok(all)
}

fn named(of: &RegisterReads) -> Option<Word> {
    of.register.quantity_name.as_deref().and_then(|name| name.parse().ok())
}

/// The registers of one unit and name, added up.
fn series(
    alike: &[&RegisterReads],
    unit: Unit,
    name: Option<Word>,
    period: Period,
    clock_changes: &[ClockChange],
) -> Result<Option<Series>, Overflow> {
    let within = alike.iter().flat_map(|of| &of.days).filter(|day| period.contains(day.on));
    let (mut minutes, mut scale) = (0, 0);
    for day in within {
        minutes = minutes.max(day.data.minutes());
        scale = scale.max(day.data.scale());
    }
    if minutes == 0 {
        return Ok(None);
    }
    let mut values: Vec<i64> = Vec::new();
    let mut on = period.first_on();
    while let Some(day) = added_up(alike, unit, on, minutes, scale)? {
        values.extend(day);
        match on.next_day() {
            Some(next) if period.contains(next) => on = next,
            _ => break,
        }
    }
    Ok(Some(Series {
        unit,
        name,
        minutes,
        first_on: period.first_on(),
        scale,
        values,
        clock_changes: clock_changes.to_vec(),
    }))
}

/// What the registers have on a day, each interval; none when any is lacking.
fn added_up(
    alike: &[&RegisterReads],
    unit: Unit,
    on: Date,
    minutes: u16,
    scale: u32,
) -> Result<Option<Vec<i64>>, Overflow> {
    let mut sums: Vec<Option<i64>> = Vec::new();
    for of in alike.iter().filter(|of| of.register.installed_at(on)) {
        let is_exchange = of.register.stay().is_edge(on);
        let day = of.days.binary_search_by_key(&on, |day| day.on).ok().and_then(|at| of.days.get(at));
        let Some(values) = day.map(|day| coarsened(&day.data, unit, minutes, scale)).transpose()?.flatten()
        else {
            if is_exchange {
                continue;
            }
            return Ok(None);
        };
        if !is_exchange && values.contains(&None) {
            return Ok(None);
        }
        if sums.is_empty() {
            sums = values;
        } else if sums.len() == values.len() {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum = match (*sum, value) {
                    (Some(sum), Some(value)) => Some(sum.checked_add(value).ok_or(Overflow)?),
                    (one, other) => one.or(other),
                };
            }
        } else {
            return Ok(None);
        }
    }
    let whole: Option<Vec<i64>> = sums.into_iter().collect();
    Ok(whole.filter(|values| !values.is_empty()))
}

/// A day in longer intervals and with more decimals; none when its own do not add up to them. Power
/// is averaged, not added, and so is never made coarser.
fn coarsened(
    day: &IntervalDay,
    unit: Unit,
    minutes: u16,
    scale: u32,
) -> Result<Option<Vec<Option<i64>>>, Overflow> {
    let per = usize::from(minutes / day.minutes().max(1));
    let is_power = matches!(unit, Unit::Kw | Unit::Kva);
    let fits = minutes.is_multiple_of(day.minutes()) && day.slots().is_multiple_of(per.max(1));
    if !fits || (is_power && per != 1) {
        return Ok(None);
    }
    let factor = 10_i64.checked_pow(scale - day.scale()).ok_or(Overflow)?;
    let mut longer = Vec::with_capacity(day.slots() / per);
    for first in (0..day.slots()).step_by(per) {
        if (first..first + per).any(|slot| !day.has(slot)) {
            longer.push(None);
            continue;
        }
        let sum = day.raw()[first..first + per].iter().try_fold(0_i64, |sum, value| sum.checked_add(*value));
        longer.push(Some(sum.and_then(|sum| sum.checked_mul(factor)).ok_or(Overflow)?));
    }
    Ok(Some(longer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::DayOfIntervals;
    use crate::samples::register;
    use metering::Register;
    use time::macros::date;
    use vocab::{Decimal, ReadQuality};

    fn day(on: Date, minutes: u16, values: &[i64], scale: u32) -> DayOfIntervals {
        let mut data = IntervalDay::new(minutes, 1_440 / usize::from(minutes)).unwrap();
        let values: Vec<Decimal> = values.iter().map(|value| Decimal::new(*value, scale)).collect();
        data.set(0, &values, ReadQuality::Actual).unwrap();
        DayOfIntervals { on, data }
    }

    fn of(register: Register, days: Vec<DayOfIntervals>) -> RegisterReads {
        RegisterReads { register, reads: Vec::new(), days }
    }

    const FIRST: Date = date!(2026 - 01 - 10);
    const SECOND: Date = date!(2026 - 01 - 11);

    fn two_days() -> Period {
        Period::new(FIRST, SECOND).unwrap()
    }

    #[test]
    fn registers_of_a_unit_add_up_in_the_coarser_intervals() {
        let one = of(register(1), vec![day(FIRST, 60, &[1; 24], 0), day(SECOND, 30, &[5; 48], 1)]);
        let other = of(register(2), vec![day(FIRST, 60, &[25; 24], 2), day(SECOND, 60, &[50; 24], 2)]);
        let all = load_profile(&[one, other], two_days(), &[]).unwrap();
        assert_eq!((all.len(), all[0].minutes, all[0].scale), (1, 60, 2));
        assert_eq!(all[0].values, [[125; 24], [150; 24]].concat());
    }

    #[test]
    fn flows_are_kept_apart() {
        let export = Register { quantity_name: Some("export".into()), ..register(2) };
        let one = of(register(1), vec![day(FIRST, 60, &[1; 24], 0)]);
        let other = of(export, vec![day(FIRST, 60, &[2; 24], 0)]);
        let all = load_profile(&[one, other], two_days(), &[]).unwrap();
        let names: Vec<_> = all.iter().map(|series| series.name.as_ref().map(Word::as_str)).collect();
        assert_eq!(names, [None, Some("export")]);
    }

    #[test]
    fn a_lacking_day_ends_the_series_and_an_exchange_does_not() {
        let holed = of(register(1), vec![day(FIRST, 60, &[1; 24], 0), day(SECOND, 60, &[1; 23], 0)]);
        assert_eq!(load_profile(&[holed], two_days(), &[]).unwrap()[0].values.len(), 24);
        let old = Register { removed_on: Some(FIRST), ..register(1) };
        let new = Register { installed_on: FIRST, ..register(2) };
        let mut later = IntervalDay::new(60, 24).unwrap();
        later.set(10, &[Decimal::TWO; 14], ReadQuality::Actual).unwrap();
        let old = of(old, vec![day(FIRST, 60, &[1; 10], 0)]);
        let new = of(new, vec![DayOfIntervals { on: FIRST, data: later }, day(SECOND, 60, &[3; 24], 0)]);
        let all = load_profile(&[old, new], two_days(), &[]).unwrap();
        assert_eq!(all[0].values, [vec![1; 10], vec![2; 14], vec![3; 24]].concat());
    }
}
