//! The numbers that ESPI has for units, directions, services and qualities.
//!
//! Source: NAESB REQ.21, the enumerations of `espi.xsd`.

use rust_decimal::Decimal;
use vocab::{Commodity, ReadQuality, Unit, decimal};

use crate::item::{Flow, Quality};

/// Powers of ten that a ReadingType may have, and then some.
pub(super) const POWER_MAX: i32 = 24;

/// A unit of measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Uom {
    pub code: u16,
    pub symbol: &'static str,
    pub unit: Option<Unit>,
    /// A value in the unit is one in the uom times ten to this power.
    pub power: i32,
}

const fn uom(code: u16, symbol: &'static str, unit: Option<Unit>, power: i32) -> Uom {
    Uom { code, symbol, unit, power }
}

/// Those that meters of utilities have. The first of a unit is the one that is written.
const UOMS: &[Uom] = &[
    uom(72, "Wh", Some(Unit::Kwh), -3),
    uom(38, "W", Some(Unit::Kw), -3),
    uom(61, "VA", Some(Unit::Kva), -3),
    uom(71, "VAh", None, 0),
    uom(73, "varh", Some(Unit::Kvarh), -3),
    uom(63, "var", None, 0),
    uom(31, "J", Some(Unit::Megajoule), -6),
    uom(42, "m3", Some(Unit::CubicMetre), 0),
    uom(166, "m3 uncompensated", Some(Unit::CubicMetre), 0),
    uom(167, "m3 compensated", Some(Unit::CubicMetre), 0),
    uom(119, "ft3", Some(Unit::CubicFoot), 0),
    uom(120, "ft3 compensated", Some(Unit::CubicFoot), 0),
    uom(128, "US gal", Some(Unit::Gallon), 0),
    uom(130, "imperial gal", None, 0),
    uom(134, "litre", Some(Unit::Kilolitre), -3),
    uom(156, "litre uncompensated", Some(Unit::Kilolitre), -3),
    uom(157, "litre compensated", Some(Unit::Kilolitre), -3),
    uom(169, "therm", Some(Unit::Therm), 0),
    uom(132, "BTU", None, 0),
    uom(111, "count", Some(Unit::Item), 0),
    uom(5, "A", None, 0),
    uom(29, "V", None, 0),
    uom(33, "Hz", None, 0),
    uom(65, "cos φ", None, 0),
    uom(80, "money", None, 0),
];

/// What is known of a uom.
pub(super) fn uom_of(code: u16) -> Option<Uom> {
    UOMS.iter().find(|uom| uom.code == code).copied()
}

/// How a unit is written: a uom, and the power of ten of it that is one of the unit.
pub(super) fn written_as(unit: Unit) -> Option<(u16, i32)> {
    let (unit, more) = match unit {
        Unit::Ccf => (Unit::CubicFoot, 2),
        Unit::Kgal => (Unit::Gallon, 3),
        unit => (unit, 0),
    };
    UOMS.iter().find(|uom| uom.unit == Some(unit)).map(|uom| (uom.code, more - uom.power))
}

/// Way of flow: 1 is forward, 19 reverse.
pub(super) const fn flow_of(code: u16) -> Flow {
    match code {
        1 => Flow::Delivered,
        19 => Flow::Received,
        _ => Flow::Unstated,
    }
}

/// Whether values are what a register's dials show: bulk, continuously cumulative, cumulative.
pub(super) const fn is_dials(accumulation: u16) -> bool {
    matches!(accumulation, 1..=3)
}

/// `ServiceCategory/kind` as a commodity.
pub(super) const fn commodity_of(kind: u16) -> Option<Commodity> {
    match kind {
        0 => Some(Commodity::Electricity),
        1 => Some(Commodity::Gas),
        2 => Some(Commodity::Water),
        5 => Some(Commodity::Refuse),
        6 => Some(Commodity::Sewer),
        3 | 4 | 7..=9 => Some(Commodity::Other),
        _ => None,
    }
}

/// A commodity as `ServiceCategory/kind` and as `ReadingType/commodity`.
pub(super) const fn kinds_of(commodity: Commodity) -> (u16, u16) {
    match commodity {
        Commodity::Electricity => (0, 1),
        Commodity::Gas => (1, 7),
        Commodity::Water => (2, 9),
        Commodity::Sewer | Commodity::Stormwater => (6, 11),
        Commodity::Refuse => (5, 25),
        Commodity::Other => (4, 0),
    }
}

/// One quality of a reading, or none when ESPI has no such.
///
/// Projected and mixed values count as computed; a questionable one was measured, and its flag says
/// the rest.
pub(super) const fn kind_of(code: u8) -> Option<ReadQuality> {
    match code {
        0 | 10 | 14 | 16..=19 => Some(ReadQuality::Actual),
        7 | 15 => Some(ReadQuality::Adjusted),
        8 | 9 | 11..=13 => Some(ReadQuality::Estimated),
        _ => None,
    }
}

/// Several qualities of one reading: estimated before adjusted before actual; actual when the file
/// says nothing. None when one of them is no quality.
pub(super) fn quality_of(codes: &[u8]) -> Option<Quality> {
    let rank = |kind: ReadQuality| match kind {
        ReadQuality::Estimated => 3,
        ReadQuality::Adjusted => 2,
        ReadQuality::Customer => 1,
        ReadQuality::Actual => 0,
    };
    let kinds: Option<Vec<ReadQuality>> = codes.iter().map(|&code| kind_of(code)).collect();
    let kind = kinds?.into_iter().max_by_key(|&kind| rank(kind)).unwrap_or(ReadQuality::Actual);
    let flags: Vec<String> = codes.iter().map(u8::to_string).collect();
    Some(Quality { kind: Some(kind), flag: flags.join(" "), reason: None })
}

/// The qualities to write: the flag's when it is ESPI's own and says the same, else the kind's.
pub(super) fn codes_of(quality: &Quality) -> Vec<u8> {
    let own: Option<Vec<u8>> = quality.flag.split(' ').map(|code| code.parse().ok()).collect();
    if let Some(own) = own.filter(|own| {
        quality_of(own).is_some_and(|read| read.kind == quality.kind && read.flag == quality.flag)
    }) {
        return own;
    }
    match quality.kind {
        Some(ReadQuality::Actual) if quality.flag.is_empty() => Vec::new(),
        Some(ReadQuality::Actual) => vec![0],
        Some(ReadQuality::Estimated) => vec![8],
        Some(ReadQuality::Adjusted) => vec![7],
        Some(ReadQuality::Customer) | None => vec![16],
    }
}

/// Minutes of an interval: those that divide a day, and days and more as the clock makes them (23,
/// 24 or 25 hours, 30 days).
pub(super) fn minutes_of(seconds: u32) -> Option<u16> {
    let minutes = u16::try_from(seconds / 60).ok()?;
    let divides = minutes > 0 && 1440 % minutes == 0;
    let is_days = minutes >= 23 * 60 && minutes % 60 == 0;
    if seconds.is_multiple_of(60) && (divides || is_days) { Some(minutes) } else { None }
}

/// `value × 10^power`, exactly, when it can be stored: 18 digits before the point, 10 after it.
pub(super) fn scaled(value: Decimal, power: i32) -> Option<Decimal> {
    let mut value = value.normalize();
    if value.is_zero() {
        return Some(Decimal::ZERO);
    }
    let power_by_scale = power.min(i32::try_from(value.scale()).ok()?);
    let scale = u32::try_from(i32::try_from(value.scale()).ok()? - power_by_scale).ok()?;
    value.set_scale(scale).ok()?;
    let rest = u32::try_from(power - power_by_scale).ok()?;
    let factor = Decimal::try_from_i128_with_scale(10_i128.checked_pow(rest)?, 0).ok()?;
    decimal::mul(value, factor).ok().and_then(decimal::stored)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        decimal::parse(text).unwrap()
    }

    #[test]
    fn powers_of_ten_are_exact() {
        for (value, power, expected) in [
            ("703", -3, "0.703"),
            ("703", 0, "703"),
            ("0.5", 3, "500"),
            ("0.0005", 3, "0.5"),
            ("-12.50", 1, "-125"),
            ("100", -12, "0.0000000001"),
            ("0", -30, "0"),
            ("-0", 24, "0"),
            ("1", 17, "100000000000000000"),
            ("999999999999999999", 0, "999999999999999999"),
        ] {
            assert_eq!(scaled(number(value), power), Some(number(expected)), "{value} {power}");
        }
        for (value, power) in [("1", -11), ("1", 18), ("1", 24), ("1.23", -9), ("1", -30)] {
            assert_eq!(scaled(number(value), power), None, "{value} {power}");
        }
    }

    #[test]
    fn lengths_of_intervals() {
        for (seconds, minutes) in
            [(60, 1), (900, 15), (3600, 60), (86_400, 1440), (82_800, 1380), (90_000, 1500)]
        {
            assert_eq!(minutes_of(seconds), Some(minutes));
        }
        assert_eq!(minutes_of(30 * 86_400), Some(43_200));
        for seconds in [0, 1, 59, 61, 420, 90_060, 46 * 86_400, u32::MAX] {
            assert_eq!(minutes_of(seconds), None, "{seconds}");
        }
    }

    #[test]
    fn units_are_written_as_they_are_read() {
        for &unit in Unit::ALL {
            let (code, power) = written_as(unit).unwrap();
            let read = uom_of(code).unwrap();
            match unit {
                Unit::Ccf => assert_eq!((read.unit, power), (Some(Unit::CubicFoot), 2)),
                Unit::Kgal => assert_eq!((read.unit, power), (Some(Unit::Gallon), 3)),
                unit => assert_eq!((read.unit, power), (Some(unit), -read.power)),
            }
        }
    }

    #[test]
    fn qualities() {
        let kind = |codes: &[u8]| quality_of(codes).map(|quality| (quality.kind.unwrap(), quality.flag));
        assert_eq!(kind(&[]), Some((ReadQuality::Actual, String::new())));
        assert_eq!(kind(&[19]), Some((ReadQuality::Actual, "19".to_owned())));
        assert_eq!(kind(&[14, 8, 7]), Some((ReadQuality::Estimated, "14 8 7".to_owned())));
        assert_eq!(kind(&[14, 1]), None);
        for code in (0..=19).filter(|&code| kind_of(code).is_some()) {
            assert_eq!(codes_of(&quality_of(&[code]).unwrap()), [code]);
        }
        let foreign = |kind, flag: &str| Quality { kind: Some(kind), flag: flag.to_owned(), reason: None };
        assert_eq!(codes_of(&foreign(ReadQuality::Actual, "A")), [0]);
        assert_eq!(codes_of(&foreign(ReadQuality::Actual, "")), [0; 0]);
        assert_eq!(codes_of(&foreign(ReadQuality::Estimated, "14")), [8]);
        assert_eq!(codes_of(&foreign(ReadQuality::Adjusted, "S14")), [7]);
    }
}
