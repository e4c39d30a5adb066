//! Values with how far off one may be that keeps 28 digits, as the engine does.
//!
//! Where a value jumps (`floor`, `ceil`, `round`, comparisons) and at the end, the engine looks at
//! [`steady`] values, so that a third times three is one; so does the verifier. Where the digits
//! cannot tell on which side of a jump a value is, either side is right.

use crate::rational::{Mode, minor_to_major, round, size, whole};
use num_bigint::BigInt;
use num_rational::BigRational;

/// A value, and how far off one that keeps 28 digits may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Near {
    pub(crate) value: BigRational,
    pub(crate) off: BigRational,
}

impl Near {
    /// A value that was written down.
    pub(crate) fn exactly(value: BigRational) -> Self {
        Self { value, off: whole(0) }
    }

    /// A result: 28 digits, of which at most 28 are decimals, were kept of it.
    pub(crate) fn kept(value: BigRational, off: &BigRational) -> Self {
        let digits = size(&value) * minor_to_major(1, 27) + minor_to_major(1, 28);
        let off = round(&(off + digits), 40, Mode::Up);
        Self { value, off }
    }

    pub(crate) fn negated(&self) -> Self {
        Self { value: -&self.value, off: self.off.clone() }
    }

    pub(crate) fn plus(&self, other: &Self) -> Self {
        Self::kept(&self.value + &other.value, &(&self.off + &other.off))
    }

    pub(crate) fn times(&self, other: &Self) -> Self {
        let off = size(&self.value) * &other.off + (size(&other.value) + &other.off) * &self.off;
        Self::kept(&self.value * &other.value, &off)
    }

    /// `None` for a division by what is nothing to 16 decimals.
    pub(crate) fn over(&self, other: &Self) -> Option<Self> {
        if steady(&other.value) == whole(0) {
            return None;
        }
        let value = &self.value / &other.value;
        // How small the divisor may be in truth; half of it where its digits say nothing.
        let least = (size(&other.value) - &other.off).max(size(&other.value) / whole(2));
        let off = (size(&value) * &other.off + &self.off) / least;
        Some(Self::kept(value, &off))
    }

    /// The lowest and the highest that it may be.
    pub(crate) fn ends(&self) -> [BigRational; 2] {
        [&self.value - &self.off, &self.value + &self.off]
    }

    /// Through a function that never falls.
    pub(crate) fn jump(&self, through: impl Fn(&BigRational) -> BigRational) -> Self {
        let value = through(&self.value);
        let off = self.ends().iter().map(|end| size(&(through(end) - &value))).max();
        Self { value, off: off.unwrap_or_else(|| whole(0)) }
    }

    /// This or the other: either may be.
    pub(crate) fn or(&self, other: &Self) -> Self {
        let apart = size(&(&self.value - &other.value));
        Self { value: self.value.clone(), off: apart + (&self.off).max(&other.off) }
    }

    /// The least or the greatest of two.
    pub(crate) fn best(self, other: &Self, of: fn(BigRational, BigRational) -> BigRational) -> Self {
        Self { value: of(self.value, other.value.clone()), off: self.off.max(other.off.clone()) }
    }

    /// Whether a value to so many decimals follows from it.
    pub(crate) fn rounds_to(&self, stated: &BigRational, places: u32, mode: Mode) -> bool {
        let [low, high] = self.ends();
        round(stated, places, Mode::Down) == *stated
            && round(&low, places, mode) <= *stated
            && *stated <= round(&high, places, mode)
    }

    /// Whether a value is this one.
    pub(crate) fn is(&self, stated: &BigRational) -> bool {
        size(&(&self.value - stated)) <= self.off
    }
}

/// A value without the hair that its digits' limits left: what lies nearer to a steady value than a
/// product of 10 and 10 decimals can was meant to be that.
pub(crate) fn without_hair(value: &BigRational) -> BigRational {
    let steady = steady(value);
    if size(&(&steady - value)) < minor_to_major(1, 20) { steady } else { value.clone() }
}

/// A value to 16 decimals, or to 24 digits when that is less.
pub(crate) fn steady(value: &BigRational) -> BigRational {
    let before = size(value).floor().to_integer();
    let digits = if before == BigInt::from(0) { 0 } else { before.to_string().len() };
    let places = 24_usize.saturating_sub(digits).min(16);
    round(value, u32::try_from(places).unwrap_or(0), Mode::HalfAwayFromZero)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rational::number;

    fn near(text: &str) -> Near {
        Near::exactly(number(text).unwrap())
    }

    #[test]
    fn a_steady_value_has_at_most_24_digits() {
        let third = BigRational::new(BigInt::from(1), BigInt::from(3));
        assert_eq!(steady(&third), number("0.3333333333333333").unwrap());
        let large = number("123456789012345.1234567891234").unwrap();
        assert_eq!(steady(&large), number("123456789012345.123456789").unwrap());
    }

    #[test]
    fn what_the_digits_cannot_tell_is_let_pass_and_nothing_more() {
        let third = near("1").over(&near("3")).unwrap();
        let one = third.times(&near("3"));
        assert!(one.is(&number("0.9999999999999999999999999999").unwrap()));
        assert!(!one.is(&number("0.9999999999999999999999999").unwrap()));
        assert_eq!(one.jump(|value| steady(value).floor()), near("1"));
        assert!(one.rounds_to(&whole(1), 2, Mode::Down));
        assert!(!one.rounds_to(&number("0.99").unwrap(), 2, Mode::HalfAwayFromZero));
        assert_eq!(near("1").over(&near("0.00000000000000001")), None);
    }
}
