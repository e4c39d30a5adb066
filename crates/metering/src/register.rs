//! What is installed and what was read: light rows, borrowed by every calculation.

use rust_decimal::Decimal;
use time::Date;
use vocab::{ReadQuality, ReadStatus, RegisterId, RegisterKind, Unit};

/// A register of a meter during one installation at a service point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// The register.
    pub id: RegisterId,
    /// Serial number of its meter.
    pub serial: String,
    /// How it counts.
    pub kind: RegisterKind,
    /// Unit of measure after the multiplier.
    pub unit: Unit,
    /// Time-of-use bucket, when it counts only part of the day.
    pub tou_bucket: Option<String>,
    /// Name of its quantity in rates, when it is not what the customer took: `export`.
    pub quantity_name: Option<String>,
    /// Factor from dial units to the unit of measure.
    pub multiplier: Decimal,
    /// Whole-number positions: the register wraps at 10^dials.
    pub dials: u8,
    /// Decimal places shown; they don't change where the register wraps.
    pub decimals: u8,
    /// First day of the installation; its initial read has this date.
    pub installed_on: Date,
    /// Last day of the installation; its final read has this date. `None`: still there.
    pub removed_on: Option<Date>,
}

impl Register {
    /// The value at which the register starts again from zero. `None` when the dials are not
    /// known (0) or too many to compute with.
    pub fn capacity(&self) -> Option<Decimal> {
        if self.dials == 0 { None } else { 10_i128.checked_pow(u32::from(self.dials)).and_then(to_decimal) }
    }

    /// Its time at the service point.
    pub const fn stay(&self) -> Stay {
        Stay { installed_on: self.installed_on, removed_on: self.removed_on }
    }

    /// Whether it was installed at some time of the day.
    pub fn installed_at(&self, day: Date) -> bool {
        self.stay().covers(day)
    }
}

/// A meter's time at a service point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    /// First day.
    pub installed_on: Date,
    /// Last day. `None`: still there.
    pub removed_on: Option<Date>,
}

impl Stay {
    /// Whether the meter was there at some time of the day.
    pub fn covers(self, day: Date) -> bool {
        self.installed_on <= day && self.removed_on.is_none_or(|removed_on| day <= removed_on)
    }

    /// Whether it came or went on the day: the rest of the day is another meter's.
    pub fn is_edge(self, day: Date) -> bool {
        self.installed_on == day || self.removed_on == Some(day)
    }

    /// Whether it was there on any of the days.
    pub fn meets(self, from: Date, to: Date) -> bool {
        self.installed_on <= to && self.removed_on.is_none_or(|removed_on| from <= removed_on)
    }
}

fn to_decimal(value: i128) -> Option<Decimal> {
    Decimal::try_from_i128_with_scale(value, 0).ok()
}

/// A register's value on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// The day that the value closes.
    pub read_on: Date,
    /// As shown on the dials, or the consumption itself for a consumptive register.
    pub value: Decimal,
    /// How good it is.
    pub quality: ReadQuality,
    /// Whether it may be billed. Only valid reads are used.
    pub status: ReadStatus,
}

impl Read {
    /// Whether it may be billed.
    pub fn is_valid(&self) -> bool {
        self.status == ReadStatus::Valid
    }
}

/// A register with its reads, in any order, of any status.
#[derive(Debug, Clone, Copy)]
pub struct Metered<'a> {
    /// The register.
    pub register: &'a Register,
    /// Its reads: at least those of the charged period and, where estimates were billed, back
    /// to the last actual read.
    pub reads: &'a [Read],
}

impl<'a> Metered<'a> {
    /// The valid read of a day; the last one listed when there are several.
    pub fn valid_on(&self, day: Date) -> Option<&'a Read> {
        self.reads.iter().rev().find(|read| read.read_on == day && read.is_valid())
    }

    /// The latest valid actual read not after a day.
    pub fn last_actual(&self, not_after: Date) -> Option<&'a Read> {
        self.reads
            .iter()
            .filter(|read| {
                read.read_on <= not_after && read.is_valid() && read.quality == ReadQuality::Actual
            })
            .max_by_key(|read| read.read_on)
    }
}

#[cfg(test)]
mod tests {
    use super::samples::day;
    use super::*;

    #[test]
    fn a_meter_is_there_from_the_day_it_comes_to_the_day_it_goes() {
        let stay = Stay { installed_on: day("2026-01-10"), removed_on: Some(day("2026-01-20")) };
        let days = ["2026-01-09", "2026-01-10", "2026-01-15", "2026-01-20", "2026-01-21"].map(day);
        assert_eq!(days.map(|on| stay.covers(on)), [false, true, true, true, false]);
        assert_eq!(days.map(|on| stay.is_edge(on)), [false, true, false, true, false]);
        assert!(stay.meets(days[0], days[1]) && stay.meets(days[3], days[4]));
        assert!(!stay.meets(days[0], days[0]) && !stay.meets(days[4], days[4]));
        let still = Stay { removed_on: None, ..stay };
        assert!(still.covers(days[4]) && still.meets(days[4], days[4]) && !still.is_edge(days[3]));
    }
}

#[cfg(test)]
pub(crate) mod samples {
    //! Registers and reads for tests.
    use super::*;
    use vocab::ServicePointId;

    pub const POINT: ServicePointId = ServicePointId(7);

    pub fn day(text: &str) -> Date {
        vocab::dates::civil::parse(text).unwrap()
    }

    pub fn dec(text: &str) -> Decimal {
        vocab::decimal::parse(text).unwrap()
    }

    pub fn register(n: i64, dials: u8) -> Register {
        Register {
            id: RegisterId::new(POINT, n),
            serial: format!("M-{n}"),
            kind: RegisterKind::Subtractive,
            unit: Unit::Kwh,
            tou_bucket: None,
            quantity_name: None,
            multiplier: Decimal::ONE,
            dials,
            decimals: 0,
            installed_on: day("2020-01-01"),
            removed_on: None,
        }
    }

    pub fn read(on: &str, value: &str) -> Read {
        Read { read_on: day(on), value: dec(value), quality: ReadQuality::Actual, status: ReadStatus::Valid }
    }

    pub fn estimate(on: &str, value: &str) -> Read {
        Read { quality: ReadQuality::Estimated, ..read(on, value) }
    }
}
