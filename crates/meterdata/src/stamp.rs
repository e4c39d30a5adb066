//! Dates and times by a pattern of the same length: `YYYY` or `YY` (20YY), `MM`, `DD`, `hh`, `mm`, `ss`
//! and any number of `f` for a fraction of a second that is dropped; every other character is itself.

use time::{Date, Month, PrimitiveDateTime, Time};

/// Letters of a pattern, in the order of the parts.
const LETTERS: &[u8; 6] = b"YMDhms";

/// The six numbers that a text has for a pattern; those that the pattern lacks are zero.
fn parts(text: &str, pattern: &str) -> Option<[u16; 6]> {
    if text.len() != pattern.len() {
        return None;
    }
    let mut found = [0_u16; 6];
    for (byte, letter) in text.bytes().zip(pattern.bytes()) {
        let digit = u16::from(byte.wrapping_sub(b'0'));
        match LETTERS.iter().position(|&known| known == letter) {
            Some(part) if digit < 10 => found[part] = found[part].checked_mul(10)?.checked_add(digit)?,
            None if letter == b'f' && digit < 10 => {}
            None if letter != b'f' && letter == byte => {}
            _ => return None,
        }
    }
    if pattern.contains("YY") && !pattern.contains("YYYY") {
        found[0] = found[0].checked_add(2000)?;
    }
    Some(found)
}

/// A date.
pub(crate) fn date(text: &str, pattern: &str) -> Option<Date> {
    let [year, month, day, ..] = parts(text, pattern)?;
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?)
        .ok()
        .filter(|date| date.year() >= 1)
}

/// A time of day.
pub(crate) fn time(text: &str, pattern: &str) -> Option<Time> {
    let [.., hour, minute, second] = parts(text, pattern)?;
    Time::from_hms(u8::try_from(hour).ok()?, u8::try_from(minute).ok()?, u8::try_from(second).ok()?).ok()
}

/// A date with a time of day, by the first pattern that fits.
pub(crate) fn local(text: &str, patterns: &[&str]) -> Option<PrimitiveDateTime> {
    patterns
        .iter()
        .find_map(|pattern| Some(PrimitiveDateTime::new(date(text, pattern)?, time(text, pattern)?)))
}

/// A local time by a pattern; `None` when the pattern has no room for its year.
pub(crate) fn written(at: PrimitiveDateTime, pattern: &str) -> Option<String> {
    let year = u16::try_from(at.year()).ok()?;
    let is_short = pattern.contains("YY") && !pattern.contains("YYYY");
    let year = if is_short { year.checked_sub(2000).filter(|year| *year < 100)? } else { year };
    let numbers = [
        year,
        u16::from(u8::from(at.month())),
        u16::from(at.day()),
        u16::from(at.hour()),
        u16::from(at.minute()),
        u16::from(at.second()),
    ];
    let mut left = numbers;
    // From the right: the last letter of a part is its last digit.
    let mut bytes = pattern.as_bytes().to_vec();
    for byte in bytes.iter_mut().rev() {
        if let Some(part) = LETTERS.iter().position(|letter| letter == byte) {
            *byte = b'0' + u8::try_from(left[part] % 10).ok()?;
            left[part] /= 10;
        } else if *byte == b'f' {
            *byte = b'0';
        }
    }
    String::from_utf8(bytes).ok()
}

/// What is wrong with a pattern of a date, or nothing.
pub(crate) fn date_pattern_fault(pattern: &str) -> Option<&'static str> {
    let years = letters(pattern, b'Y');
    let is_whole = (years == Some(2) || years == Some(4))
        && letters(pattern, b'M') == Some(2)
        && letters(pattern, b'D') == Some(2)
        && b"hmsf".iter().all(|&letter| letters(pattern, letter) == Some(0));
    (!is_whole || !pattern.is_ascii()).then_some("a date has YYYY or YY, MM and DD, each once")
}

/// What is wrong with a pattern of a time of day, or nothing.
pub(crate) fn time_pattern_fault(pattern: &str) -> Option<&'static str> {
    let seconds = letters(pattern, b's');
    let is_whole = letters(pattern, b'h') == Some(2)
        && letters(pattern, b'm') == Some(2)
        && (seconds == Some(0) || seconds == Some(2))
        && b"YMDf".iter().all(|&letter| letters(pattern, letter) == Some(0));
    (!is_whole || !pattern.is_ascii()).then_some("a time has hh and mm, and may have ss, each once")
}

/// How often a letter stands in a pattern; `None` when its places are not side by side.
fn letters(pattern: &str, letter: u8) -> Option<usize> {
    let places: Vec<usize> =
        pattern.bytes().enumerate().filter(|(_, byte)| *byte == letter).map(|(at, _)| at).collect();
    places.windows(2).all(|pair| pair[0] + 1 == pair[1]).then_some(places.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime, time};

    #[test]
    fn patterns_are_read_and_written() {
        let at = datetime!(2026-06-03 07:05:09);
        for (pattern, text) in [
            ("YYYYMMDDhhmmss", "20260603070509"),
            ("MM/DD/YYYY hh:mm:ss.ffffff", "06/03/2026 07:05:09.000000"),
            ("DD.MM.YY hh:mm:ss", "03.06.26 07:05:09"),
        ] {
            assert_eq!(local(text, &[pattern]), Some(at), "{pattern}");
            assert_eq!(written(at, pattern).unwrap(), text);
        }
        assert_eq!(date("260603", "YYMMDD"), Some(date!(2026 - 06 - 03)));
        assert_eq!(time("0705", "hhmm"), Some(time!(07:05)));
        assert_eq!(written(datetime!(1999-01-01 00:00), "YYMMDD"), None);
        for bad in ["20260231", "2026-2-3", "00000101", "2026060", "2026060é", "+2260603"] {
            assert_eq!(date(bad, "YYYYMMDD"), None, "{bad}");
        }
        assert_eq!(time("2400", "hhmm"), None);
        // Digits that do not fit are no time, and no panic.
        assert_eq!(date("99999999999999", "YYYYYYYYYYMMDD"), None);
    }

    #[test]
    fn patterns_are_checked() {
        for good in ["YYYYMMDD", "MMDDYY", "DD.MM.YYYY"] {
            assert_eq!(date_pattern_fault(good), None, "{good}");
        }
        for bad in ["", "YYYYMM", "YYYMMDD", "YYMMDDYY", "YYYYMMDDhh", "MDMDYYYY", "YYYYMMDDé"] {
            assert!(date_pattern_fault(bad).is_some(), "{bad}");
        }
        for good in ["hhmm", "hh:mm:ss"] {
            assert_eq!(time_pattern_fault(good), None, "{good}");
        }
        for bad in ["", "hh", "HHMM", "hhmms", "hhmmDD"] {
            assert!(time_pattern_fault(bad).is_some(), "{bad}");
        }
    }
}
