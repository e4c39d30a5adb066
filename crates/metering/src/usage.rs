//! Use against its own history per day: high, low, zero, negative.
//!
//! Comparisons are exact (cross-multiplied, never divided); only the value that is shown as
//! "compared with" is rounded. Deliberately missing: money, weather, neighbours.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use time::Date;
use vocab::{
    FlagCode, Period, Severity,
    codes::FieldError,
    dates::plus_days,
    decimal::{self, Overflow, Rounding},
};

use crate::{
    consumption::{Charged, RolloverLimit, Start, register_use},
    read_rules::{self, overridable},
    register::{Metered, Read, Register},
};

/// How far back the own history goes, in days: thirteen months.
const HISTORY_DAYS: i64 = 400;

/// Decimals of an expectation that is shown.
const SHOWN_PLACES: u32 = 3;

overridable! {
    /// When use is worth a look.
    #[derive(Copy)]
    ReadChecks,
    /// Some of what makes use worth a look.
    #[derive(Copy)]
    PartialReadChecks,
    {
        /// High when above the expectation by more than this.
        high_above_percent: u16 = 100,
        /// … and by at least so many units.
        high_least_units: Decimal = Decimal::from(5),
        /// Severity of high.
        high: Severity = Severity::Warn,
        /// Low when below the expectation by more than this.
        low_below_percent: u8 = 50,
        /// Severity of low.
        low: Severity = Severity::Warn,
        /// Severity of no use on an active service.
        zero: Severity = Severity::Warn,
        /// Severity of less than nothing.
        negative: Severity = Severity::Block,
    }
    nested {}
}

impl ReadChecks {
    /// What is out of bounds, with pointers into the JSON form.
    pub fn check(&self) -> Vec<FieldError> {
        let bounds = [
            (self.high_above_percent > 10_000, "/high_above_percent", "at most 10000"),
            (
                !read_rules::is_of_units(self.high_least_units),
                "/high_least_units",
                "from nothing to a thousand million, with at most 10 decimals",
            ),
            (self.low_below_percent > 100, "/low_below_percent", "at most 100"),
        ];
        read_rules::faults(&bounds)
    }
}

/// What was used in a number of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// How much, after the multiplier.
    pub quantity: Decimal,
    /// Charged days; 0 says nothing and is passed over.
    pub days: u32,
}

/// Something about the use that is worth a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageFinding {
    /// What.
    pub code: FlagCode,
    /// How loud.
    pub severity: Severity,
    /// What was used.
    pub value: Decimal,
    /// What the own history lets expect for as many days, when there is one.
    pub compared_with: Option<Decimal>,
}

/// Days and use of a history taken together; `None` without days.
fn summed(history: &[Usage]) -> Result<Option<(Decimal, Decimal)>, Overflow> {
    let quantity = decimal::sum(history.iter().filter(|usage| usage.days > 0).map(|usage| usage.quantity))?;
    let days: u64 = history.iter().map(|usage| u64::from(usage.days)).sum();
    Ok((days > 0).then(|| (quantity, Decimal::from(days))))
}

/// Compares use with its own history per day. Without a history only zero and negative show.
pub fn usage_check(
    checks: &ReadChecks,
    usage: Usage,
    history: &[Usage],
    service_is_active: bool,
) -> Result<Vec<UsageFinding>, Overflow> {
    let past = summed(history)?;
    let days = Decimal::from(usage.days);
    // Divided for show alone, and only when there is something to show: most use is as expected.
    let finding = |code, severity| -> Result<Vec<UsageFinding>, Overflow> {
        let expected = |(quantity, past_days)| decimal::mul_div(quantity, days, past_days);
        let compared_with = past
            .map(expected)
            .transpose()?
            .map(|value| decimal::round(value, SHOWN_PLACES, Rounding::HalfAwayFromZero).normalize());
        Ok(vec![UsageFinding { code, severity, value: usage.quantity, compared_with }])
    };
    if usage.quantity < Decimal::ZERO {
        return finding(FlagCode::Negative, checks.negative);
    }
    if usage.quantity.is_zero() {
        let is_odd = service_is_active && usage.days > 0;
        return if is_odd { finding(FlagCode::ZeroUsage, checks.zero) } else { Ok(Vec::new()) };
    }
    let Some((past_quantity, past_days)) = past.filter(|_| usage.days > 0) else { return Ok(Vec::new()) };
    // Everything times the days of the history, and shares times a hundred.
    let found = decimal::mul(usage.quantity, past_days)?;
    let expected = decimal::mul(past_quantity, days)?;
    let above = decimal::sub(found, expected)?;
    let is_beyond = |difference: Decimal, percent: u16| -> Result<bool, Overflow> {
        let most = decimal::mul(expected, Decimal::from(percent))?;
        Ok(decimal::mul(difference, Decimal::ONE_HUNDRED)? > most)
    };
    if above >= decimal::mul(checks.high_least_units, past_days)?
        && is_beyond(above, checks.high_above_percent)?
    {
        return finding(FlagCode::HighUsage, checks.high);
    }
    let below = decimal::sub(expected, found)?;
    if is_beyond(below, u16::from(checks.low_below_percent))? {
        return finding(FlagCode::LowUsage, checks.low);
    }
    Ok(Vec::new())
}

/// What a register counted in the thirteen months up to a day, but not before the close of `since_on`, as one
/// span; none when its reads do not reach back or cannot be joined.
pub fn past_use(
    metered: Metered<'_>,
    since_on: Option<Date>,
    until: Until,
    rollover: RolloverLimit,
) -> Option<Usage> {
    let until_on = until.day();
    let oldest_on = plus_days(until_on, -HISTORY_DAYS)?;
    let oldest_on = since_on.map_or(oldest_on, |since_on| since_on.max(oldest_on));
    let inside = |read: &&Read| read.is_valid() && oldest_on <= read.read_on && read.read_on < until_on;
    let days = || metered.reads.iter().filter(inside).map(|read| read.read_on);
    let last_on = match until {
        Until::Read(on) => on,
        Until::Before(_) => days().max()?,
    };
    let period = Period::new(days().min()?.next_day()?, last_on)?;
    let charged = Charged { period, start: Start::Continuing };
    let used = register_use(metered, charged, rollover).ok()??;
    Some(Usage { quantity: used.quantity, days: u32::try_from(period.days()).ok()? })
}

/// Where the past of a register ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// With the read of this day.
    Read(Date),
    /// With the last read before this day.
    Before(Date),
}

impl Until {
    const fn day(self) -> Date {
        match self {
            Self::Read(day) | Self::Before(day) => day,
        }
    }
}

/// The lowest and highest register value that would raise no finding so many days after the
/// previous read: what a meter reader is shown. `None` without a history, or with a multiplier of 0.
///
/// A value past the register's capacity is shown wrapped.
pub fn expected_values(
    checks: &ReadChecks,
    register: &Register,
    previous_value: Decimal,
    days: u32,
    history: &[Usage],
) -> Result<Option<(Decimal, Decimal)>, Overflow> {
    let Some((quantity, past_days)) = summed(history)?.filter(|_| !register.multiplier.is_zero()) else {
        return Ok(None);
    };
    let expected = decimal::mul_div(quantity, Decimal::from(days), past_days)?;
    let share = |percent: i64| decimal::mul_div(expected, Decimal::from(percent), Decimal::ONE_HUNDRED);
    let low = share((100 - i64::from(checks.low_below_percent)).max(0))?;
    let high = share(100 + i64::from(checks.high_above_percent))?
        .max(decimal::add(expected, checks.high_least_units)?);
    let shown = |used: Decimal, rounding| -> Result<Decimal, Overflow> {
        let dial_units = decimal::div(used, register.multiplier)?;
        let value = decimal::add(previous_value, dial_units)?;
        let value = match register.capacity() {
            Some(capacity) if value >= capacity => decimal::sub(value, capacity)?,
            _ => value,
        };
        Ok(decimal::round(value, u32::from(register.decimals), rounding))
    };
    Ok(Some((shown(low, Rounding::Down)?, shown(high, Rounding::Up)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::samples::*;

    fn used(quantity: &str, days: u32) -> Usage {
        Usage { quantity: dec(quantity), days }
    }

    fn codes(quantity: &str, days: u32, history: &[Usage]) -> Vec<FlagCode> {
        usage_check(&ReadChecks::default(), used(quantity, days), history, true)
            .unwrap()
            .into_iter()
            .map(|finding| finding.code)
            .collect()
    }

    #[test]
    fn high_and_low_per_day() {
        // 10 a day.
        let history = [used("300", 30), used("310", 31)];
        assert_eq!(codes("600", 30, &history), []);
        assert_eq!(codes("600.01", 30, &history), [FlagCode::HighUsage]);
        assert_eq!(codes("600.01", 31, &history), []);
        assert_eq!(codes("150", 30, &history), []);
        assert_eq!(codes("149.99", 30, &history), [FlagCode::LowUsage]);
        assert_eq!(codes("0", 30, &history), [FlagCode::ZeroUsage]);
        assert_eq!(codes("-1", 30, &history), [FlagCode::Negative]);
        let checks = ReadChecks::default();
        let finding = usage_check(&checks, used("700", 29), &history, true).unwrap()[0];
        assert_eq!((finding.value, finding.compared_with), (dec("700"), Some(dec("290"))));
    }

    #[test]
    fn high_needs_five_units() {
        let history = [used("4", 30)];
        assert_eq!(codes("8.99", 30, &history), []);
        assert_eq!(codes("9", 30, &history), [FlagCode::HighUsage]);
        // A vacant past: the five units alone decide.
        assert_eq!(codes("4.9", 30, &[used("0", 30)]), []);
        assert_eq!(codes("5", 30, &[used("0", 30)]), [FlagCode::HighUsage]);
    }

    #[test]
    fn without_history_or_service() {
        assert_eq!(codes("100000", 30, &[]), []);
        assert_eq!(codes("100000", 30, &[used("3", 0)]), []);
        let idle = usage_check(&ReadChecks::default(), used("0", 30), &[], false).unwrap();
        assert!(idle.is_empty());
    }

    #[test]
    fn thresholds_are_configuration() {
        let checks: ReadChecks = serde_json::from_str(r#"{"high_above_percent":10,"high":"block"}"#).unwrap();
        let found = usage_check(&checks, used("111", 30), &[used("100", 30)], true).unwrap();
        assert_eq!((found[0].code, found[0].severity), (FlagCode::HighUsage, Severity::Block));
        assert!(serde_json::from_str::<ReadChecks>(r#"{"hihg":"block"}"#).is_err());
    }

    #[test]
    fn what_a_reader_should_find() {
        let checks = ReadChecks::default();
        let history = [used("300", 30)];
        let range = |previous| {
            expected_values(&checks, &register(1, 4), dec(previous), 30, &history).unwrap().unwrap()
        };
        assert_eq!(range("1000"), (dec("1150"), dec("1600")));
        assert_eq!(range("9700"), (dec("9850"), dec("300")));
        assert_eq!(expected_values(&checks, &register(1, 4), dec("1"), 30, &[]).unwrap(), None);
    }
}
