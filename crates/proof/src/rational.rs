//! Exact fractions of any size, and the four roundings, written anew for the verifier.

use num_bigint::BigInt;
use num_rational::BigRational;
use serde::{Deserialize, Deserializer};

/// A whole number.
pub(crate) fn whole(value: i64) -> BigRational {
    BigRational::from_integer(BigInt::from(value))
}

/// `minor` ÷ 10^`digits`.
pub(crate) fn minor_to_major(minor: i64, digits: u32) -> BigRational {
    BigRational::new(BigInt::from(minor), BigInt::from(10).pow(digits))
}

/// Without its sign.
pub(crate) fn size(value: &BigRational) -> BigRational {
    if *value < whole(0) { -value } else { value.clone() }
}

/// How the record says that an amount was rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    #[default]
    HalfAwayFromZero,
    HalfEven,
    Down,
    Up,
}

/// `value` rounded to `places` decimals.
pub(crate) fn round(value: &BigRational, places: u32, mode: Mode) -> BigRational {
    let shift = BigRational::from_integer(BigInt::from(10).pow(places));
    let shifted = value * &shift;
    let negative = shifted < whole(0);
    let distance = size(&shifted);
    let floor = distance.floor();
    let rest = &distance - &floor;
    let half = BigRational::new(BigInt::from(1), BigInt::from(2));
    let odd = !(&floor / whole(2)).is_integer();
    let up = match mode {
        Mode::Down => false,
        Mode::Up => rest > whole(0),
        Mode::HalfAwayFromZero => rest >= half,
        Mode::HalfEven => rest > half || (rest == half && odd),
    };
    let rounded = if up { floor + whole(1) } else { floor } / shift;
    if negative { -rounded } else { rounded }
}

/// A decimal of the record: a string in plain notation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Number(pub(crate) BigRational);

impl Number {
    /// What stands for a number that is left out.
    pub(crate) fn zero() -> Self {
        Self(whole(0))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        number(&text).map(Self).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a decimal")))
    }
}

pub(crate) fn number(text: &str) -> Option<BigRational> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if before.is_empty() || digits.len() > 64 || !plain(before) || !plain(after) || digits.ends_with('.') {
        return None;
    }
    let above: BigInt = format!("{before}{after}").parse().ok()?;
    let below = BigInt::from(10).pow(u32::try_from(after.len()).ok()?);
    Some(BigRational::new(above * sign, below))
}

/// A fraction of the record: `15/31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fraction {
    pub(crate) above: i64,
    pub(crate) below: i64,
}

impl Fraction {
    pub(crate) const WHOLE: Self = Self { above: 1, below: 1 };

    pub(crate) fn value(self) -> BigRational {
        BigRational::new(BigInt::from(self.above), BigInt::from(self.below))
    }

    pub(crate) const fn is_whole(self) -> bool {
        self.above == self.below
    }

    /// What stands for a fraction that is left out.
    pub(crate) const fn whole() -> Self {
        Self::WHOLE
    }
}

impl<'de> Deserialize<'de> for Fraction {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let parts = text.split_once('/').and_then(|(above, below)| {
            let (above, below) = (above.parse().ok()?, below.parse().ok()?);
            (above >= 0 && below > 0).then_some(Self { above, below })
        });
        parts.ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a fraction")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_roundings() {
        let table = [
            ("2.345", Mode::HalfAwayFromZero, "2.35"),
            ("-2.345", Mode::HalfAwayFromZero, "-2.35"),
            ("2.345", Mode::HalfEven, "2.34"),
            ("2.355", Mode::HalfEven, "2.36"),
            ("-2.349", Mode::Down, "-2.34"),
            ("2.341", Mode::Up, "2.35"),
            ("-2.341", Mode::Up, "-2.35"),
            ("2.34", Mode::Up, "2.34"),
        ];
        for (value, mode, expected) in table {
            assert_eq!(
                round(&number(value).unwrap(), 2, mode),
                number(expected).unwrap(),
                "{value} {mode:?}"
            );
        }
    }

    #[test]
    fn only_plain_numbers_are_read() {
        for bad in ["", "-", ".5", "5.", "1e3", "+1", "1.2.3", "NaN", "1_0"] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }
}
