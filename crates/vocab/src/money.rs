//! Amounts of the utility's one currency, in minor units.

use crate::decimal::{self, Overflow, Rounding};
use rust_decimal::Decimal;

/// An amount in minor units (cents); negative is a credit.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::BigInt))]
pub struct Money(i64);

#[cfg(feature = "diesel")]
impl diesel::serialize::ToSql<diesel::sql_types::BigInt, diesel::pg::Pg> for Money {
    fn to_sql<'b>(
        &'b self,
        out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>,
    ) -> diesel::serialize::Result {
        diesel::serialize::ToSql::<diesel::sql_types::BigInt, diesel::pg::Pg>::to_sql(&self.0, out)
    }
}
#[cfg(feature = "diesel")]
impl diesel::deserialize::FromSql<diesel::sql_types::BigInt, diesel::pg::Pg> for Money {
    fn from_sql(bytes: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
        <i64 as diesel::deserialize::FromSql<diesel::sql_types::BigInt, diesel::pg::Pg>>::from_sql(bytes)
            .map(Self)
    }
}

impl Money {
    /// Nothing owed.
    pub const ZERO: Self = Self(0);

    /// From minor units.
    pub const fn from_minor(minor: i64) -> Self {
        Self(minor)
    }

    /// In minor units.
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// `self + other`.
    pub const fn plus(self, other: Self) -> Result<Self, Overflow> {
        match self.0.checked_add(other.0) {
            Some(sum) => Ok(Self(sum)),
            None => Err(Overflow),
        }
    }

    /// `self − other`.
    pub const fn minus(self, other: Self) -> Result<Self, Overflow> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Ok(Self(rest)),
            None => Err(Overflow),
        }
    }

    /// `−self`.
    pub const fn negated(self) -> Result<Self, Overflow> {
        match self.0.checked_neg() {
            Some(value) => Ok(Self(value)),
            None => Err(Overflow),
        }
    }

    /// The sum of all; zero for none.
    pub fn sum(all: impl IntoIterator<Item = Self>) -> Result<Self, Overflow> {
        all.into_iter().try_fold(Self::ZERO, Self::plus)
    }

    /// More than nothing.
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Less than nothing: a credit.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// The utility's currency: ISO 4217 code and how many decimals it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency {
    code: [u8; 3],
    minor_digits: u8,
}

impl Currency {
    /// US dollars.
    pub const USD: Self = Self { code: *b"USD", minor_digits: 2 };

    /// No currency (ISO 4217 XXX), to nine decimals: for arithmetic that must not round, as when
    /// a tariff is compared with an engine that does not.
    pub const UNROUNDED: Self = Self { code: *b"XXX", minor_digits: 9 };

    /// `None` unless the code is three capital letters and the digits are at most 4.
    pub fn new(code: &str, minor_digits: u8) -> Option<Self> {
        let code: [u8; 3] = code.as_bytes().try_into().ok()?;
        let valid = code.iter().all(u8::is_ascii_uppercase) && minor_digits <= 4;
        valid.then_some(Self { code, minor_digits })
    }

    /// Three capital letters.
    pub fn code(&self) -> &str {
        // The constructor lets only ASCII capitals in.
        std::str::from_utf8(&self.code).unwrap_or("XXX")
    }

    /// Decimals of an amount: 2 for dollars, 0 for yen.
    pub const fn minor_digits(&self) -> u8 {
        self.minor_digits
    }

    /// `12.34` for 1234 minor units.
    pub fn format(&self, amount: Money) -> String {
        self.to_decimal(amount).to_string()
    }

    /// The amount in major units.
    pub fn to_decimal(&self, amount: Money) -> Decimal {
        Decimal::new(amount.0, u32::from(self.minor_digits))
    }

    /// Reads `12.34`; `None` when malformed, too fine or too large.
    pub fn parse(&self, text: &str) -> Option<Money> {
        let value = decimal::parse(text)?;
        self.exact(value)
    }

    /// Minor units of a value that is a whole number of them; `None` otherwise.
    pub fn exact(&self, value: Decimal) -> Option<Money> {
        let value = value.normalize();
        if value.scale() > u32::from(self.minor_digits) {
            return None;
        }
        self.round(value, Rounding::HalfAwayFromZero).ok()
    }

    /// The one place where a computed value becomes money.
    pub fn round(&self, value: Decimal, rounding: Rounding) -> Result<Money, Overflow> {
        let digits = u32::from(self.minor_digits);
        let mut rounded = decimal::round(value, digits, rounding);
        rounded.rescale(digits);
        if rounded.scale() != digits {
            return Err(Overflow);
        }
        i64::try_from(rounded.mantissa()).map(Money).map_err(|_| Overflow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_minor_units_agree() {
        let usd = Currency::USD;
        for (minor, text) in [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (123_456, "1234.56"), (-100, "-1.00")]
        {
            assert_eq!(usd.format(Money(minor)), text);
            assert_eq!(usd.parse(text), Some(Money(minor)));
        }
        assert_eq!(usd.parse("12"), Some(Money(1200)));
        assert_eq!(usd.parse("0.001"), None);
        assert_eq!(usd.parse("99999999999999999999"), None);
        assert_eq!(Currency::new("JPY", 0).unwrap().parse("12.0"), Some(Money(12)));
    }

    #[test]
    fn a_value_too_large_for_money_is_refused() {
        assert_eq!(Currency::USD.round(Decimal::MAX, Rounding::HalfEven), Err(Overflow));
        assert_eq!(Money(i64::MAX).plus(Money(1)), Err(Overflow));
    }
}
