//! What stands in a field: units, numbers, times, qualities.

use crate::cells::{self, Measure};
use crate::line_file::shortened;
use crate::stamp;
use crate::{Fault, Flow, Quality};
use rust_decimal::Decimal;
use time::{Date, OffsetDateTime, UtcOffset, macros::offset};
use vocab::ReadQuality;

/// Eastern Standard Time, which the market keeps all the year.
pub(super) const MARKET_TIME: UtcOffset = offset!(+10);
/// Longest description of a reason, in characters.
const DESCRIPTION_CHARS_MAX: usize = 240;
/// Characters of a field that a message repeats.
const SHOWN_CHARS_MAX: usize = 40;

/// Why a record is not taken.
#[derive(Debug)]
pub(crate) struct Refused {
    pub fault: Fault,
    pub detail: String,
}

pub(super) fn refused(fault: Fault, detail: impl Into<String>) -> Refused {
    Refused { fault, detail: detail.into() }
}

pub(super) fn bad_number(name: &str, text: &str) -> Refused {
    refused(Fault::BadNumber, format!("{name} {}", shown(text)))
}

/// A field's text as a message repeats it.
pub(super) fn shown(text: &str) -> String {
    format!("«{}»", shortened(text, SHOWN_CHARS_MAX))
}

/// A number in the unit that its channel says, exactly; `None` for what cannot be stored.
pub(super) fn value(text: &str, measure: Option<Measure>) -> Option<Decimal> {
    cells::measured(number(text)?, measure).ok()
}

/// A number as such files write it: `.05` is one as well.
pub(super) fn number(text: &str) -> Option<Decimal> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    if digits.starts_with('.') { cells::number(&format!("{sign}0{digits}")) } else { cells::number(text) }
}

/// `20240131`.
pub(crate) fn date(text: &str) -> Option<Date> {
    stamp::date(text, "YYYYMMDD").filter(has_next_year)
}

/// A year less than there are, so that the end of the day is a time as well.
fn has_next_year(date: &Date) -> bool {
    date.year() < Date::MAX.year()
}

/// `20240131235959` or, as some programs write, `202401312359`.
pub(super) fn instant(text: &str) -> Option<OffsetDateTime> {
    let at = stamp::local(text, &["YYYYMMDDhhmmss", "YYYYMMDDhhmm"])?;
    has_next_year(&at.date()).then(|| at.assume_offset(MARKET_TIME))
}

/// One to four ASCII digits.
pub(super) fn digits(text: &str) -> Option<u16> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// A quality flag with its method, and the reason given for it. `V` is no quality of a value.
///
/// E (forward estimate), S (substitute) and F (final substitute) are all computed, whatever the
/// method, except 67, a read that the customer told. A method that is left out is let pass.
pub(super) fn quality(flag: &str, code: &str, description: &str) -> Result<Quality, Refused> {
    let kind = match flag.as_bytes() {
        b"A" => Some(ReadQuality::Actual),
        b"N" => None,
        b"S67" | b"F67" => Some(ReadQuality::Customer),
        [b'E' | b'F' | b'S', method @ ..] if is_method(method) => Some(ReadQuality::Estimated),
        b"" => return Err(refused(Fault::MissingField, "quality")),
        _ => return Err(refused(Fault::BadQuality, format!("quality {}", shown(flag)))),
    };
    if code.chars().count() + description.chars().count() > DESCRIPTION_CHARS_MAX {
        let detail = format!("a reason of more than {DESCRIPTION_CHARS_MAX} characters");
        return Err(refused(Fault::TooLong, detail));
    }
    let reason = match (code, description) {
        ("", "") => None,
        (code, "") => Some(code.to_owned()),
        ("", description) => Some(description.to_owned()),
        (code, description) => Some(format!("{code} {description}")),
    };
    Ok(Quality { kind, flag: flag.to_owned(), reason })
}

fn is_method(method: &[u8]) -> bool {
    method.is_empty() || (method.len() == 2 && method.iter().all(u8::is_ascii_digit))
}

/// Which way the stream with this NMI suffix flows. «Export» is the market's word for what the grid
/// gives out. (MSATS National Metering Identifier Procedure, data stream suffixes.) D and J are
/// averages by one edition and nets by another.
pub(super) fn flow_of_suffix(suffix: &str) -> Flow {
    match suffix.as_bytes().first() {
        Some(b'E' | b'F' | b'P' | b'Q' | b'R') => Flow::Delivered,
        Some(b'A' | b'B' | b'C' | b'K' | b'L') => Flow::Received,
        _ => Flow::Unstated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime};
    use vocab::Unit;

    #[test]
    fn values_are_exact_in_the_billed_unit() {
        let value = |unit: &str, text| value(text, Measure::of(unit)).map(|value| value.to_string());
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(value("kWh", "0012.50"), is("12.5"));
        assert_eq!(value("kWh", ".048"), is("0.048"));
        assert_eq!(value("kWh", "-.5"), is("-0.5"));
        assert_eq!(value("kWh", "-0.0"), is("0"));
        assert_eq!(value("Wh", "123456.7"), is("123.4567"));
        assert_eq!(value("MWH", "0.0000000001"), is("0.0000001"));
        assert_eq!(value("MWH", "123456789012345"), is("123456789012345000"));
        assert_eq!(value("", "999999999999999999.9999999999"), is("999999999999999999.9999999999"));
        for (unit, text) in [
            ("kWh", "1000000000000000000"),
            ("kWh", "0.00000000001"),
            ("WH", "0.00000001"),
            ("MWh", "1234567890123456"),
            ("MWh", "0.00000000001"),
            ("kWh", "1e3"),
            ("kWh", "5."),
            ("kWh", "."),
            ("kWh", "+1"),
            ("kWh", "1,5"),
            ("kWh", ""),
        ] {
            assert_eq!(value(unit, text), None, "{text} {unit}");
        }
        let unit = |text| Measure::of(text).map(|measure| measure.unit);
        assert_eq!(unit("kVArh"), Some(Unit::Kvarh));
        assert_eq!(unit("MVA"), Some(Unit::Kva));
        assert_eq!(unit("w"), Some(Unit::Kw));
        assert_eq!(unit("kVAr"), None);
        assert_eq!(value("kVAr", "1.5"), is("1.5"));
    }

    #[test]
    fn times_are_of_the_market() {
        assert_eq!(date("20240229"), Some(date!(2024 - 02 - 29)));
        assert_eq!(instant("20240102003000"), Some(datetime!(2024-01-01 14:30 UTC)));
        assert_eq!(instant("202401020030"), Some(datetime!(2024-01-02 0:30 +10)));
        for bad in ["20230229", "2024013", "202401311", "99991231", "00001231", "2024-1-1", "é240101", ""] {
            assert_eq!(date(bad), None, "{bad}");
        }
        for bad in
            ["20240102240000", "20240102", "2024010200", "20240102003060", "2024010200300", "202401020é0"]
        {
            assert_eq!(instant(bad), None, "{bad}");
        }
    }

    #[test]
    fn qualities() {
        let kind = |flag| quality(flag, "", "").map(|quality| quality.kind).map_err(|refused| refused.fault);
        assert_eq!(kind("A"), Ok(Some(ReadQuality::Actual)));
        assert_eq!(kind("N"), Ok(None));
        assert_eq!(kind("S67"), Ok(Some(ReadQuality::Customer)));
        for flag in ["E52", "F14", "S14", "S"] {
            assert_eq!(kind(flag), Ok(Some(ReadQuality::Estimated)), "{flag}");
        }
        for flag in ["V", "A1", "N52", "S1", "S144", "Sx4", "a", "é"] {
            assert_eq!(kind(flag), Err(Fault::BadQuality), "{flag}");
        }
        assert_eq!(kind(""), Err(Fault::MissingField));
        let reason = |code, text| quality("A", code, text).unwrap().reason;
        assert_eq!(reason("77", "Access difficult").as_deref(), Some("77 Access difficult"));
        assert_eq!(reason("", ""), None);
        assert_eq!(quality("A", "0", &"x".repeat(240)).unwrap_err().fault, Fault::TooLong);
    }
}
