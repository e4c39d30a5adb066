//! What meters show: a year of months with their seasons, in whole steps of the dials.

use super::dice::Dice;
use time::{Date, Duration};

/// Months of history before the month to be billed.
pub const HISTORY: usize = 12;

/// Per mille of an average month, January first: heating and cooling.
const ELECTRICITY: [i64; 12] = [1250, 1180, 1020, 860, 800, 960, 1200, 1230, 980, 840, 930, 1170];
/// Per mille of an average month: gardens.
const WATER: [i64; 12] = [780, 780, 800, 900, 1100, 1350, 1500, 1450, 1200, 920, 800, 780];

/// What a register counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// Kilowatt-hours.
    Electricity,
    /// Hundredths of a thousand gallons.
    Water,
}

/// What is wrong with the month's read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// Nothing.
    None,
    /// Twelve times the usual.
    Leak,
    /// No consumption at all.
    Stopped,
    /// The dials wrap around, rightly.
    Rollover,
    /// The read does not come.
    Missing,
}

/// What one register shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The closing reads of the months before, oldest first, in steps of the dials.
    pub history: Vec<(Date, i64)>,
    /// The read of the month to be billed.
    pub current: Option<i64>,
}

/// Reads at month ends up to the month that begins on `month_on`, for a register that wraps at
/// `modulus` and counts about `average` steps a month.
pub fn shown(
    dice: &mut Dice,
    counts: Counts,
    average: i64,
    modulus: i64,
    month_on: Date,
    odd: Oddity,
) -> Shown {
    let ends: Vec<Date> = month_ends_before(month_on);
    let mut use_of = |month: u8| {
        let season = match counts {
            Counts::Electricity => ELECTRICITY,
            Counts::Water => WATER,
        };
        let season = season.get(usize::from(month.saturating_sub(1))).copied().unwrap_or(1000);
        (average * season / 1000 * dice.between(880, 1120) / 1000).max(1)
    };
    let months: Vec<i64> = ends.iter().skip(1).map(|end| use_of(u8::from(end.month()))).collect();
    let usual = use_of(u8::from(month_on.month()));
    let used = match odd {
        Oddity::Leak => usual * 12,
        Oddity::Stopped => 0,
        Oddity::None | Oddity::Rollover | Oddity::Missing => usual,
    };
    let year: i64 = months.iter().sum();
    let start = match odd {
        // The last read before is half a month short of the top.
        Oddity::Rollover => modulus - year - usual / 2,
        _ => dice.between(modulus / 20, modulus / 3),
    };
    let mut value = start;
    let mut history = Vec::with_capacity(ends.len());
    for (at, end) in ends.into_iter().enumerate() {
        if let Some(month) = at.checked_sub(1).and_then(|before| months.get(before)) {
            value += month;
        }
        history.push((end, value.rem_euclid(modulus)));
    }
    let current = (odd != Oddity::Missing).then(|| (value + used).rem_euclid(modulus));
    Shown { history, current }
}

/// The last days of the [`HISTORY`] + 1 months before a month, oldest first.
fn month_ends_before(month_on: Date) -> Vec<Date> {
    let mut ends = Vec::with_capacity(HISTORY + 1);
    let mut first = month_on;
    for _ in 0..=HISTORY {
        let end = first - Duration::days(1);
        ends.push(end);
        first = end.replace_day(1).unwrap_or(end);
    }
    ends.reverse();
    ends
}

/// The last day of the month that begins on `month_on`.
pub fn month_end(month_on: Date) -> Date {
    let days = month_on.month().length(month_on.year());
    month_on.replace_day(days).unwrap_or(month_on)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn of(odd: Oddity) -> Shown {
        shown(&mut Dice::new(7, 1), Counts::Electricity, 600, 100_000, date!(2026 - 03 - 01), odd)
    }

    #[test]
    fn a_year_of_month_ends_rises_to_the_month_before() {
        let shown = of(Oddity::None);
        assert_eq!(shown.history.len(), HISTORY + 1);
        assert_eq!(shown.history[0].0, date!(2025 - 02 - 28));
        assert_eq!(shown.history[HISTORY].0, date!(2026 - 02 - 28));
        assert!(shown.history.windows(2).all(|pair| pair[0].1 < pair[1].1));
        let used = shown.current.unwrap() - shown.history[HISTORY].1;
        assert!((450..750).contains(&used), "{used}");
    }

    #[test]
    fn oddities_are_what_they_say() {
        let last = |shown: &Shown| shown.history[HISTORY].1;
        let stopped = of(Oddity::Stopped);
        assert_eq!(stopped.current, Some(last(&stopped)));
        let leak = of(Oddity::Leak);
        assert!(leak.current.unwrap() - last(&leak) > 4_000);
        let rollover = of(Oddity::Rollover);
        assert!(rollover.current.unwrap() < 1_000 && last(&rollover) > 99_000);
        assert_eq!(of(Oddity::Missing).current, None);
    }

    #[test]
    fn months_end_on_their_last_day() {
        assert_eq!(month_end(date!(2028 - 02 - 01)), date!(2028 - 02 - 29));
        assert_eq!(month_end(date!(2026 - 12 - 01)), date!(2026 - 12 - 31));
    }
}
