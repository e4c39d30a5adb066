//! Codes, names and numbers that the utility gives its own things, checked alike everywhere.

use crate::{Error, Result};
use vocab::{Code, Decimal, Problem};

/// Longest code.
const CODE_LENGTH_MAX: usize = 40;
/// Longest name.
const NAME_LENGTH_MAX: usize = 200;

/// Refuses what is not a code: letters, digits, `.`, `_`, `-`.
pub(crate) fn check_code(pointer: &str, code: &str) -> Result<()> {
    let valid = (1..=CODE_LENGTH_MAX).contains(&code.len())
        && code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if valid {
        return Ok(());
    }
    let detail = format!("1 to {CODE_LENGTH_MAX} letters, digits, `.`, `_` or `-`");
    Err(Problem::field(pointer, Code::FieldFormat, detail).into())
}

/// Refuses what is not a name or sentence of one line.
pub(crate) fn check_name(pointer: &str, name: &str) -> Result<()> {
    let length = name.chars().count();
    if !name.trim().is_empty() && length <= NAME_LENGTH_MAX && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let detail = format!("1 to {NAME_LENGTH_MAX} characters on one line");
    Err(Problem::field(pointer, Code::FieldRange, detail).into())
}

/// Refuses a list that is too long.
pub(crate) fn few(pointer: &str, count: usize, most: usize) -> Result<()> {
    if count <= most {
        return Ok(());
    }
    Err(Problem::field(pointer, Code::FieldRange, format!("at most {most}")).into())
}

/// The stored value of a decimal text: at most 10 decimals and 18 digits before the point.
pub(crate) fn decimal(pointer: &str, text: &str) -> Result<Decimal> {
    let fits = |value: &Decimal| {
        value.normalize().scale() <= vocab::decimal::STORED_SCALE
            && value.abs() < vocab::decimal::whole(1_000_000_000_000_000_000)
    };
    vocab::decimal::parse(text).filter(fits).ok_or_else(|| {
        let detail = "a decimal in a string with at most 10 digits after the point, like \"12.50\"";
        Problem::field(pointer, Code::FieldFormat, detail).into()
    })
}

/// A 409 for a code that is taken; the fault otherwise.
pub(crate) fn unless_taken(outcome: store::Result<()>, code: &str) -> Result<()> {
    match outcome {
        Err(store::Error::Exists { .. }) => {
            let detail = format!("`{code}` exists already");
            Err(Problem::new(Code::AlreadyExists, detail).with("existing", code).into())
        }
        other => Ok(other?),
    }
}

/// A 412 unless the compare-and-set found the version that the caller read.
pub(crate) fn unless_stale(changed: bool) -> Result<()> {
    if changed {
        return Ok(());
    }
    Err(Error::from(Problem::new(Code::EtagMismatch, Code::EtagMismatch.meaning())))
}

/// The field names something that does not exist.
pub(crate) fn unknown(pointer: &str) -> Problem {
    Problem::field(pointer, Code::UnknownReference, "there is no such thing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_short_words_and_names_one_line() {
        for good in ["E-1", "4000.10", "water_r1"] {
            assert!(check_code("/code", good).is_ok(), "{good}");
        }
        for bad in ["", " a", "a b", "ä", &"a".repeat(41)] {
            assert!(check_code("/code", bad).is_err(), "{bad}");
        }
        assert!(check_name("/name", "Agua potable").is_ok());
        assert!(check_name("/name", "two\nlines").is_err());
        assert!(check_name("/name", "nul\0").is_err());
    }

    #[test]
    fn decimals_fit_their_column() {
        assert!(decimal("/v", "123456789012345678.0123456789").is_ok());
        assert!(decimal("/v", "0.12345678901").is_err());
        assert!(decimal("/v", "1000000000000000000").is_err());
        assert!(decimal("/v", "1e3").is_err());
    }
}
