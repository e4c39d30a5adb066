//! How much of a period a sub-period is: exact fractions of days.

use crate::tariff::{Proration, YearAmounts};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{Date, Month};
use vocab::decimal::{self, Overflow};
use vocab::{Decimal, Frequency, Period};

/// Decimals that a split quantity keeps.
pub(crate) const SPLIT_SCALE: u32 = 6;

/// An exact fraction, kept as it arose (`15/30`, not `1/2`) so that a reader sees the days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    numerator: i64,
    denominator: i64,
}

impl Ratio {
    /// `None` unless the numerator is not negative and the denominator is positive.
    pub const fn new(numerator: i64, denominator: i64) -> Option<Self> {
        if numerator >= 0 && denominator > 0 { Some(Self { numerator, denominator }) } else { None }
    }

    /// `1/1`.
    pub const fn whole() -> Self {
        Self { numerator: 1, denominator: 1 }
    }

    /// `0/1`.
    pub const fn nothing() -> Self {
        Self { numerator: 0, denominator: 1 }
    }

    /// Above the line.
    pub const fn numerator(&self) -> i64 {
        self.numerator
    }

    /// Below the line; positive.
    pub const fn denominator(&self) -> i64 {
        self.denominator
    }

    /// Whether it is `1/1` to the letter: `31/31` shows its days.
    pub const fn is_one(&self) -> bool {
        self.numerator == 1 && self.denominator == 1
    }

    /// Whether it changes nothing.
    pub const fn is_whole(&self) -> bool {
        self.numerator == self.denominator
    }

    /// `value` × this, multiplied before it is divided.
    pub(crate) fn of(&self, value: Decimal) -> Result<Decimal, Overflow> {
        if self.numerator == self.denominator {
            return Ok(value);
        }
        let product = decimal::mul(value, decimal::whole(self.numerator))?;
        if self.denominator == 1 {
            return Ok(product);
        }
        decimal::div(product, decimal::whole(self.denominator))
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

impl Serialize for Ratio {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        text.split_once('/')
            .and_then(|(above, below)| Self::new(above.parse().ok()?, below.parse().ok()?))
            .ok_or_else(|| serde::de::Error::custom("not a fraction like `15/31`"))
    }
}

/// The bill period that sub-periods are parts of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) period: Period,
    pub(crate) whole_period: Option<Period>,
    pub(crate) first_or_final: bool,
    pub(crate) frequency: Frequency,
}

impl Span {
    /// The factor F of a sub-period.
    pub(crate) fn factor(&self, basis: &Proration, part: Period) -> Result<Ratio, Overflow> {
        let days = part.days();
        let months = i64::from(self.frequency.months());
        let ratio = match basis {
            Proration::Nominal { days: nominal, tolerance, tolerance_on_first_and_final } => {
                let strict = self.first_or_final && !tolerance_on_first_and_final;
                let tolerance = if strict { Decimal::ZERO } else { *tolerance };
                return self.nominal(*nominal, tolerance, days);
            }
            Proration::WholePeriod => match self.whole_period {
                Some(whole) => Ratio::new(days, whole.days()),
                None => return calendar(part, self.frequency.months()),
            },
            Proration::Year { amounts: YearAmounts::PerYear } => Ratio::new(days, 365),
            Proration::Year { amounts: YearAmounts::PerPeriod } => Ratio::new(days * (12 / months), 365),
            Proration::PerDay => Ratio::new(days, 1),
            Proration::Never => Some(Ratio::whole()),
        };
        ratio.ok_or(Overflow)
    }

    /// N and tolerance scale with the months of the frequency. A period within tolerance of k × N
    /// counts as k whole periods (k·D/P), any other as its days against N (D/N).
    fn nominal(&self, nominal: Decimal, tolerance: Decimal, days: i64) -> Result<Ratio, Overflow> {
        let places = nominal.normalize().scale().max(tolerance.normalize().scale());
        let unit = 10_i64.checked_pow(places).ok_or(Overflow)?;
        let months = i64::from(self.frequency.months());
        let scaled = |value: Decimal| -> Result<i64, Overflow> {
            let mut value = value;
            value.rescale(places);
            let whole = i64::try_from(value.mantissa()).map_err(|_| Overflow)?;
            whole.checked_mul(months).ok_or(Overflow)
        };
        let (nominal, tolerance) = (scaled(nominal)?, scaled(tolerance)?);
        let all_days = self.period.days();
        let found = all_days.checked_mul(unit).ok_or(Overflow)?;
        let twice = found.checked_mul(2).and_then(|f| f.checked_add(nominal)).ok_or(Overflow)?;
        let times = twice.checked_div(nominal.checked_mul(2).ok_or(Overflow)?).ok_or(Overflow)?.max(1);
        let whole = times.checked_mul(nominal).ok_or(Overflow)?;
        let ratio = if found.abs_diff(whole) <= tolerance.unsigned_abs() {
            Ratio::new(times.checked_mul(days).ok_or(Overflow)?, all_days)
        } else {
            Ratio::new(days.checked_mul(unit).ok_or(Overflow)?, nominal)
        };
        ratio.ok_or(Overflow)
    }
}

/// Σ days ÷ days of the calendar period (month, quarter …) that they belong to.
fn calendar(part: Period, months: u8) -> Result<Ratio, Overflow> {
    let mut numerator = 0_i64;
    let mut denominator = 1_i64;
    let mut from = part.first_on();
    loop {
        let whole = calendar_period(from, months).ok_or(Overflow)?;
        let days = part.intersection(&whole).map_or(0, |both| both.days());
        let common = lcm(denominator, whole.days()).ok_or(Overflow)?;
        let grown = numerator.checked_mul(common / denominator).ok_or(Overflow)?;
        numerator = days
            .checked_mul(common / whole.days())
            .and_then(|more| grown.checked_add(more))
            .ok_or(Overflow)?;
        denominator = common;
        if whole.last_on() >= part.last_on() {
            return Ratio::new(numerator, denominator).ok_or(Overflow);
        }
        from = whole.last_on().next_day().ok_or(Overflow)?;
    }
}

fn calendar_period(day: Date, months: u8) -> Option<Period> {
    let index = u8::from(day.month()) - 1;
    let first_month = Month::try_from(index - index % months + 1).ok()?;
    let last_month = Month::try_from(u8::from(first_month) + months - 1).ok()?;
    let first_on = Date::from_calendar_date(day.year(), first_month, 1).ok()?;
    let last_on = Date::from_calendar_date(day.year(), last_month, last_month.length(day.year())).ok()?;
    Period::new(first_on, last_on)
}

/// The least common multiple of two positive numbers.
pub(crate) fn lcm(a: i64, b: i64) -> Option<i64> {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a / x).checked_mul(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn span(first_on: Date, last_on: Date, frequency: Frequency) -> Span {
        let period = Period::new(first_on, last_on).unwrap();
        Span { period, whole_period: None, first_or_final: false, frequency }
    }

    fn factor(span: Span, basis: &Proration) -> String {
        span.factor(basis, span.period).unwrap().to_string()
    }

    fn nominal(days: &str, tolerance: &str) -> Proration {
        let read = |text| decimal::parse(text).unwrap();
        Proration::Nominal {
            days: read(days),
            tolerance: read(tolerance),
            tolerance_on_first_and_final: false,
        }
    }

    #[test]
    fn a_period_within_tolerance_counts_whole() {
        let monthly = Proration::default();
        let days = |days: i64, frequency| {
            let first = date!(2026 - 01 - 01);
            factor(span(first, first + time::Duration::days(days - 1), frequency), &monthly)
        };
        assert_eq!(days(27, Frequency::Monthly), "27/27");
        assert_eq!(days(26, Frequency::Monthly), "26/30");
        assert_eq!(days(33, Frequency::Monthly), "33/33");
        assert_eq!(days(34, Frequency::Monthly), "34/30");
        assert_eq!(days(61, Frequency::Monthly), "122/61");
        assert_eq!(days(66, Frequency::Bimonthly), "66/66");
        assert_eq!(days(67, Frequency::Bimonthly), "67/60");
    }

    #[test]
    fn a_fractional_nominal_month_is_exact() {
        let january = span(date!(2026 - 01 - 01), date!(2026 - 01 - 31), Frequency::Monthly);
        assert_eq!(factor(january, &nominal("30.4375", "0")), "310000/304375");
    }

    #[test]
    fn first_and_final_segments_have_no_tolerance_unless_the_rule_says_so() {
        let january = span(date!(2026 - 01 - 01), date!(2026 - 01 - 31), Frequency::Monthly);
        let first = Span { first_or_final: true, ..january };
        assert_eq!(factor(first, &Proration::default()), "31/30");
        let lenient = Proration::Nominal {
            days: Decimal::from(30),
            tolerance: Decimal::from(3),
            tolerance_on_first_and_final: true,
        };
        assert_eq!(factor(first, &lenient), "31/31");
    }

    #[test]
    fn the_other_bases() {
        let april = span(date!(2025 - 04 - 12), date!(2025 - 04 - 30), Frequency::Monthly);
        assert_eq!(factor(april, &Proration::WholePeriod), "19/30");
        assert_eq!(factor(april, &Proration::Year { amounts: YearAmounts::PerYear }), "19/365");
        assert_eq!(factor(april, &Proration::Year { amounts: YearAmounts::PerPeriod }), "228/365");
        assert_eq!(factor(april, &Proration::PerDay), "19/1");
        assert_eq!(factor(april, &Proration::Never), "1/1");
        let two_months = span(date!(2026 - 02 - 15), date!(2026 - 03 - 31), Frequency::Monthly);
        assert_eq!(factor(two_months, &Proration::WholePeriod), "1302/868");
        let quarter = span(date!(2026 - 01 - 01), date!(2026 - 03 - 31), Frequency::Quarterly);
        assert_eq!(factor(quarter, &Proration::WholePeriod), "90/90");
        let window = Period::new(date!(2025 - 04 - 05), date!(2025 - 05 - 04));
        assert_eq!(factor(Span { whole_period: window, ..april }, &Proration::WholePeriod), "19/30");
    }
}
