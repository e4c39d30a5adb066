//! Decimals out of JSON, and tolerances.

use crate::Stop;
use serde_json::Value;
use vocab::Decimal;
use vocab::decimal;

/// A decimal of a JSON string or number. A number counts as its shortest text.
pub fn read(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => parse(&number.to_string()),
        Value::String(text) => parse(text),
        _ => None,
    }
}

/// Plain or scientific notation, with blanks or thousands' commas nowhere.
pub fn parse(text: &str) -> Option<Decimal> {
    let text = text.trim();
    if let Some(plain) = decimal::parse(text) {
        return Some(plain);
    }
    if let Some((mantissa, exponent)) = text.split_once(['e', 'E']) {
        let exponent: i32 = exponent.parse().ok()?;
        return scaled(parse_long(mantissa)?, exponent);
    }
    parse_long(text)
}

/// Plain notation with more digits than are kept: cut to those that are.
fn parse_long(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = digits.bytes().any(|b| b.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().filter(|b| *b == b'.').count() <= 1;
    let negative = text.starts_with('-');
    let value: Decimal = if plain { digits.parse().ok()? } else { return None };
    Some(if negative { -value } else { value })
}

/// × 10^exponent; `None` out of range.
pub fn scaled(value: Decimal, exponent: i32) -> Option<Decimal> {
    let steps = exponent.unsigned_abs();
    if steps > 28 {
        return None;
    }
    if exponent < 0 {
        let mut moved = value.normalize();
        let scale = moved.scale().checked_add(steps)?;
        if scale > Decimal::MAX_SCALE {
            return Some(decimal::round(value, 0, decimal::Rounding::Down)).filter(|v| v.is_zero());
        }
        moved.set_scale(scale).ok()?;
        return Some(moved);
    }
    (0..steps).try_fold(value, |value, _| value.checked_mul(Decimal::TEN))
}

/// The leading number of a tolerance (`"1e-4 (…)"`); `"exact"` is 0.
pub fn tolerance(value: &Value) -> Option<Decimal> {
    let Value::String(text) = value else { return read(value) };
    let word = text.split_whitespace().next()?.trim_end_matches([',', ';', ':']);
    if word.eq_ignore_ascii_case("exact") { Some(Decimal::ZERO) } else { parse(word) }
}

/// The text that our tariffs have for a decimal.
pub fn text(value: Decimal) -> String {
    value.normalize().to_string()
}

/// A binary number that was written out to its last digits (`0.015203000000000001`) as the decimal
/// that was meant. Any other keeps its digits, and the engine refuses it if they are too many.
pub fn without_noise(value: Decimal) -> Decimal {
    let near = decimal::round(value, decimal::STORED_SCALE, decimal::Rounding::HalfEven);
    let noise = decimal::sub(value, near).map(|noise| noise.abs());
    let most = Decimal::new(1, 15);
    if noise.is_ok_and(|noise| noise < most) { near } else { value }
}

/// A whole number of at most this.
pub fn whole(value: Decimal, most: i64) -> Option<i64> {
    let value = value.normalize();
    let whole = i64::try_from(value.mantissa()).ok().filter(|_| value.scale() == 0)?;
    (whole.abs() <= most).then_some(whole)
}

/// For what must be a number: its place is named.
pub fn needed(value: &Value, at: &str) -> Result<Decimal, Stop> {
    read(value).ok_or_else(|| Stop::because(format!("`{at}` is not a number")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_read_from_their_text() {
        for (value, expected) in [
            (json!(0.1), "0.1"),
            (json!("12.50"), "12.50"),
            (json!(1e-7), "0.0000001"),
            (json!(2.5e3), "2500"),
            (json!("-1E+2"), "-100"),
            (json!(".5"), "0.5"),
            (json!("0.8241095890410958904109589041"), "0.8241095890410958904109589041"),
        ] {
            assert_eq!(read(&value).map(|value| value.to_string()).as_deref(), Some(expected), "{value}");
        }
        for bad in
            [json!("1,000"), json!("x"), json!(null), json!([1]), json!("1e999"), json!("e"), json!("")]
        {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }

    #[test]
    fn the_last_digits_of_a_binary_number_are_noise() {
        for (text, expected) in
            [("0.015203000000000001", "0.015203"), ("0.12345678901", "0.12345678901"), ("3.5", "3.5")]
        {
            assert_eq!(super::text(without_noise(parse(text).unwrap())), expected);
        }
    }

    #[test]
    fn a_tolerance_is_its_leading_number() {
        for (text, expected) in
            [("exact", "0"), ("0.005", "0.005"), ("1e-4 (an engine)", "0.0001"), ("0.01, each", "0.01")]
        {
            assert_eq!(tolerance(&json!(text)).map(self::text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(tolerance(&json!("about a cent")), None);
    }
}
