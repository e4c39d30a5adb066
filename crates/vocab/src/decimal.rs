//! Checked decimal arithmetic: the only place where `Decimal` is added, multiplied or divided.
//!
//! `Decimal`'s own operators panic on overflow; these answer [`Overflow`] instead.

use rust_decimal::{Decimal, RoundingStrategy};

/// A result that does not fit 28 digits, or a division by zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the number is too large to compute exactly")]
pub struct Overflow;

/// Decimals that a stored price or quantity keeps: `numeric(28,10)`.
pub const STORED_SCALE: u32 = 10;

crate::text::words! {
    /// How the half is rounded.
    Rounding {
        /// 0.5 → 1, −0.5 → −1: the trade's default.
        HalfAwayFromZero = "half_away_from_zero",
        /// 0.5 → 0, 1.5 → 2.
        HalfEven = "half_even",
        /// Towards zero.
        Down = "down",
        /// Away from zero.
        Up = "up",
    }
}

impl Rounding {
    const fn strategy(self) -> RoundingStrategy {
        match self {
            Self::HalfAwayFromZero => RoundingStrategy::MidpointAwayFromZero,
            Self::HalfEven => RoundingStrategy::MidpointNearestEven,
            Self::Down => RoundingStrategy::ToZero,
            Self::Up => RoundingStrategy::AwayFromZero,
        }
    }
}

/// `a + b`.
pub fn add(a: Decimal, b: Decimal) -> Result<Decimal, Overflow> {
    a.checked_add(b).ok_or(Overflow)
}

/// `a − b`.
pub fn sub(a: Decimal, b: Decimal) -> Result<Decimal, Overflow> {
    a.checked_sub(b).ok_or(Overflow)
}

/// `a × b`.
pub fn mul(a: Decimal, b: Decimal) -> Result<Decimal, Overflow> {
    a.checked_mul(b).ok_or(Overflow)
}

/// `a ÷ b` to 28 digits; a zero divisor is an [`Overflow`].
pub fn div(a: Decimal, b: Decimal) -> Result<Decimal, Overflow> {
    a.checked_div(b).ok_or(Overflow)
}

/// `a × b ÷ c`, multiplied before it is divided.
pub fn mul_div(a: Decimal, b: Decimal, c: Decimal) -> Result<Decimal, Overflow> {
    div(mul(a, b)?, c)
}

/// The sum of all; zero for none.
pub fn sum(values: impl IntoIterator<Item = Decimal>) -> Result<Decimal, Overflow> {
    values.into_iter().try_fold(Decimal::ZERO, add)
}

/// Rounded to `places` decimals.
pub fn round(value: Decimal, places: u32, rounding: Rounding) -> Decimal {
    value.round_dp_with_strategy(places, rounding.strategy())
}

/// A whole number as a decimal.
pub fn whole(value: i64) -> Decimal {
    Decimal::from(value)
}

/// Reads plain decimal notation (`-12.50`): no exponent, no blanks, no separators.
pub fn parse(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty()
        && digits.len() <= 40
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.ends_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().filter(|&b| b == b'.').count() <= 1;
    if plain { Decimal::from_str_exact(text).ok() } else { None }
}

/// Sign, 29 digits, a point, a zero before it.
const LONGEST: usize = 32;

/// A decimal in plain notation (`-12.50`), as it displays itself, without the formatting machinery: documents hold
/// dozens.
#[derive(Debug, Clone, Copy)]
pub struct Plain {
    bytes: [u8; LONGEST],
    first: usize,
}

impl Plain {
    /// Its text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[self.first..]).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) {
        self.first -= 1;
        self.bytes[self.first] = byte;
    }
}

impl From<Decimal> for Plain {
    fn from(value: Decimal) -> Self {
        let mut text = Self { bytes: [0; LONGEST], first: LONGEST };
        let scale = value.scale();
        let mut wide = value.mantissa().unsigned_abs();
        let mut narrow = u64::try_from(wide).ok();
        let mut places = 0;
        // From the last digit to the first, and on to the zero before the point.
        loop {
            let digit = if let Some(rest) = &mut narrow {
                let digit = *rest % 10;
                *rest /= 10;
                digit as u8
            } else {
                let digit = wide % 10;
                wide /= 10;
                narrow = u64::try_from(wide).ok();
                digit as u8
            };
            text.push(b'0' + digit);
            places += 1;
            if places == scale {
                text.push(b'.');
            } else if places > scale && narrow == Some(0) {
                break;
            }
        }
        if value.is_sign_negative() {
            text.push(b'-');
        }
        text
    }
}

/// The value without trailing zeros, when it can be stored: 18 digits before the point, 10 after it.
pub fn stored(value: Decimal) -> Option<Decimal> {
    let value = value.normalize();
    let fits = value.trunc().abs() < Decimal::from(10_u64.pow(18)) && value.scale() <= STORED_SCALE;
    fits.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_stored() {
        let text = |text| stored(parse(text).unwrap()).map(|value| value.to_string());
        assert_eq!(text("-12.50").as_deref(), Some("-12.5"));
        assert_eq!(text("99999999999999999.00000000010"), Some("99999999999999999.0000000001".to_owned()));
        assert_eq!(text("1000000000000000000"), None);
        assert_eq!(text("0.00000000001"), None);
    }

    #[test]
    fn overflow_is_an_answer_not_a_panic() {
        assert_eq!(mul(Decimal::MAX, Decimal::TWO), Err(Overflow));
        assert_eq!(div(Decimal::ONE, Decimal::ZERO), Err(Overflow));
        assert_eq!(add(Decimal::MAX, Decimal::MAX), Err(Overflow));
    }

    #[test]
    fn halves_go_away_from_zero() {
        let half = parse("2.345").unwrap();
        assert_eq!(round(half, 2, Rounding::HalfAwayFromZero).to_string(), "2.35");
        assert_eq!(round(-half, 2, Rounding::HalfAwayFromZero).to_string(), "-2.35");
        assert_eq!(round(half, 2, Rounding::HalfEven).to_string(), "2.34");
    }

    #[test]
    fn the_plain_text_is_what_it_displays() {
        let mantissas = [0, 1, 9, 10, 105, 99_999, 1 << 63, u64::MAX.into(), 1 << 64, (1 << 96) - 1_i128];
        for mantissa in mantissas {
            for scale in 0..=28 {
                for value in [mantissa, -mantissa] {
                    let value = Decimal::from_i128_with_scale(value, scale);
                    assert_eq!(Plain::from(value).as_str(), value.to_string());
                }
            }
        }
    }

    #[test]
    fn only_plain_notation_is_read() {
        for bad in ["", "-", ".5", "5.", "1e3", "1,000", " 1", "+1", "1.2.3", "NaN", "٣"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(parse("-0.10").unwrap().to_string(), "-0.10");
    }
}
