//! Account numbers: ten digits, random, the last a check digit (Damm).
//!
//! Random, so that a resident's look-up code tells nothing about its neighbours. Damm's
//! quasigroup finds every single wrong digit and every swap of neighbours.

/// Damm's weakly totally anti-symmetric quasigroup of order 10 (H. M. Damm, 2004).
const DAMM: [[u8; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];
/// Digits before the check digit.
const BODY_DIGITS: u64 = 9;

/// The resident's look-up code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::BigInt))]
pub struct AccountNumber(i64);

/// A text that is not an account number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an account number: ten digits, the last of them a check digit")]
pub struct NotAnAccountNumber;

/// The Damm check digit of a row of decimal digits.
pub fn check_digit(digits: impl IntoIterator<Item = u8>) -> u8 {
    digits.into_iter().fold(0, |row, digit| DAMM[usize::from(row % 10)][usize::from(digit % 10)])
}

impl AccountNumber {
    /// An account number from 64 random bits; the first digit is never 0.
    pub fn from_random(random: u64) -> Self {
        let lowest = 10u64.pow(BODY_DIGITS as u32 - 1);
        let body = lowest + random % (9 * lowest);
        let digits = (0..BODY_DIGITS).rev().map(|place| (body / 10u64.pow(place as u32) % 10) as u8);
        Self((body * 10) as i64 + i64::from(check_digit(digits)))
    }

    /// The number as stored.
    pub const fn as_i64(self) -> i64 {
        self.0
    }
}

impl std::fmt::Display for AccountNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:010}", self.0)
    }
}

impl std::str::FromStr for AccountNumber {
    type Err = NotAnAccountNumber;
    /// Blanks and hyphens between the digits are forgiven: people copy from paper.
    fn from_str(text: &str) -> Result<Self, NotAnAccountNumber> {
        if text.len() > 24 {
            return Err(NotAnAccountNumber);
        }
        let digits: Vec<u8> = text.bytes().filter(|b| !matches!(b, b' ' | b'-')).collect();
        let well_formed = digits.len() == BODY_DIGITS as usize + 1 && digits.iter().all(u8::is_ascii_digit);
        if !well_formed || digits[0] == b'0' || check_digit(digits.iter().map(|b| b - b'0')) != 0 {
            return Err(NotAnAccountNumber);
        }
        Ok(Self(digits.iter().fold(0, |number, b| number * 10 + i64::from(b - b'0'))))
    }
}

impl TryFrom<String> for AccountNumber {
    type Error = NotAnAccountNumber;
    fn try_from(text: String) -> Result<Self, NotAnAccountNumber> {
        text.parse()
    }
}

impl From<AccountNumber> for String {
    fn from(number: AccountNumber) -> Self {
        number.to_string()
    }
}

#[cfg(feature = "diesel")]
impl diesel::serialize::ToSql<diesel::sql_types::BigInt, diesel::pg::Pg> for AccountNumber {
    fn to_sql<'b>(
        &'b self,
        out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>,
    ) -> diesel::serialize::Result {
        diesel::serialize::ToSql::<diesel::sql_types::BigInt, diesel::pg::Pg>::to_sql(&self.0, out)
    }
}
#[cfg(feature = "diesel")]
impl diesel::deserialize::FromSql<diesel::sql_types::BigInt, diesel::pg::Pg> for AccountNumber {
    fn from_sql(bytes: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
        <i64 as diesel::deserialize::FromSql<diesel::sql_types::BigInt, diesel::pg::Pg>>::from_sql(bytes)
            .map(Self)
    }
}
#[cfg(feature = "utoipa")]
impl utoipa::PartialSchema for AccountNumber {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("Account number: ten digits, the last a check digit"))
            .pattern(Some("^[0-9]{10}$"))
            .into()
    }
}
#[cfg(feature = "utoipa")]
impl utoipa::ToSchema for AccountNumber {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_digit_or_a_swap_is_found() {
        // Damm's own example: 572 has check digit 4.
        assert_eq!(check_digit([5, 7, 2]), 4);
        for random in [0, 1, u64::MAX, 0x1234_5678_9abc_def0] {
            let number = AccountNumber::from_random(random);
            let text = number.to_string();
            assert_eq!(text.parse(), Ok(number));
            let digits = text.as_bytes();
            for at in 0..10 {
                for other in b'0'..=b'9' {
                    let mut wrong = digits.to_vec();
                    wrong[at] = other;
                    let parsed = String::from_utf8(wrong).unwrap().parse::<AccountNumber>();
                    assert_eq!(parsed.is_ok(), other == digits[at]);
                }
            }
            for at in 0..9 {
                let mut swapped = digits.to_vec();
                swapped.swap(at, at + 1);
                let parsed = String::from_utf8(swapped).unwrap().parse::<AccountNumber>();
                assert_eq!(parsed.is_ok(), digits[at] == digits[at + 1]);
            }
        }
    }
}
