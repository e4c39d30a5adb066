//! Dates and local times as files write them.

use serde::{Deserialize, Serialize};
use time::{Date, Month, Time};
use vocab::Zone;

use crate::item::Moment;
use crate::stamp;

/// The order of a date's parts. Separators `-`, `/` and `.` are all read; years have four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = ReadingFileDateFormat))]
#[serde(rename_all = "snake_case")]
pub enum DateFormat {
    /// `2026-01-31`.
    #[default]
    YearMonthDay,
    /// `1/31/2026`.
    MonthDayYear,
    /// `31.1.2026`.
    DayMonthYear,
    /// `20260131`.
    Compact,
}

impl DateFormat {
    /// A date alone.
    pub(super) fn date(self, text: &str) -> Option<Date> {
        let (year, month, day) = match self {
            Self::Compact => return stamp::date(text, "YYYYMMDD"),
            Self::YearMonthDay => three(text)?,
            Self::MonthDayYear => {
                let (month, day, year) = three(text)?;
                (year, month, day)
            }
            Self::DayMonthYear => {
                let (day, month, year) = three(text)?;
                (year, month, day)
            }
        };
        if year.len() != 4 {
            return None;
        }
        let year = i32::from(number(year)?);
        let month = Month::try_from(u8::try_from(number(month)?).ok()?).ok()?;
        let day = u8::try_from(number(day)?).ok()?;
        Date::from_calendar_date(year, month, day).ok().filter(|date| date.year() >= 1)
    }

    /// A date with or without a local time of day (`2026-01-31 23:45:00`, `1/31/2026 11:45 PM`): the
    /// instant when there is a time, else the day that a value closes.
    pub(super) fn moment(self, text: &str, zone: &Zone) -> Option<Moment> {
        let (date, time) = match text.split_once(['T', ' ']) {
            None => return self.date(text).map(Moment::Day),
            Some(parts) => parts,
        };
        zone.instant(self.date(date)?, time_of_day(time.trim())?).map(Moment::Instant)
    }
}

/// Three parts between the same separators.
fn three(text: &str) -> Option<(&str, &str, &str)> {
    let separator = text.chars().find(|c| matches!(c, '-' | '/' | '.'))?;
    let mut parts = text.split(separator);
    let found = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() { None } else { Some(found) }
}

/// One to four ASCII digits.
fn number(text: &str) -> Option<u16> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// `23:45`, `23:45:00`, `23:45:00.000`, `11:45 PM`. Fractions of a second are dropped.
fn time_of_day(text: &str) -> Option<Time> {
    let upper = text.to_ascii_uppercase();
    let (clock, afternoon) = match (upper.strip_suffix("AM"), upper.strip_suffix("PM")) {
        (Some(clock), _) => (clock.trim_end(), Some(false)),
        (_, Some(clock)) => (clock.trim_end(), Some(true)),
        _ => (upper.as_str(), None),
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut parts = clock.split(':');
    let hour = u8::try_from(number(parts.next()?)?).ok()?;
    let minute = u8::try_from(number(parts.next()?)?).ok()?;
    let second = parts.next().map_or(Some(0), |text| number(text).and_then(|n| u8::try_from(n).ok()))?;
    if parts.next().is_some() {
        return None;
    }
    let hour = match afternoon {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(afternoon) => hour % 12 + if afternoon { 12 } else { 0 },
    };
    Time::from_hms(hour, minute, second).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime};

    #[test]
    fn orders_and_separators() {
        let last = Some(date!(2026 - 01 - 31));
        assert_eq!(DateFormat::YearMonthDay.date("2026-01-31"), last);
        assert_eq!(DateFormat::MonthDayYear.date("1/31/2026"), last);
        assert_eq!(DateFormat::DayMonthYear.date("31.01.2026"), last);
        assert_eq!(DateFormat::Compact.date("20260131"), last);
        for bad in [
            "2026-02-30",
            "26-01-31",
            "2026/01-31",
            "2026-1",
            "2026-01-31-1",
            "",
            "0000-01-01",
            "２026-01-31",
        ] {
            assert_eq!(DateFormat::YearMonthDay.date(bad), None, "{bad}");
        }
        for bad in ["31/1/2026", "1/31/26"] {
            assert_eq!(DateFormat::MonthDayYear.date(bad), None, "{bad}");
        }
        for bad in ["2026013", "202601311", "2026-131", "é260131"] {
            assert_eq!(DateFormat::Compact.date(bad), None, "{bad}");
        }
    }

    #[test]
    fn local_times_belong_to_a_day() {
        let zone: Zone = "America/Denver".parse().unwrap();
        let found = |text| DateFormat::MonthDayYear.moment(text, &zone);
        assert_eq!(found("1/31/2026"), Some(Moment::Day(date!(2026 - 01 - 31))));
        // Local midnight closes the day before.
        let midnight = Moment::Instant(datetime!(2026-02-01 07:00 UTC));
        assert_eq!(midnight.read_on(&zone), Some(date!(2026 - 01 - 31)));
        assert_eq!(found("02/01/2026 00:00:00.000000"), Some(midnight));
        assert_eq!(found("2/1/2026 12:00 AM"), Some(midnight));
        let noon = Moment::Instant(datetime!(2026-02-01 19:00 UTC));
        assert_eq!(noon.read_on(&zone), Some(date!(2026 - 02 - 01)));
        assert_eq!(found("2/1/2026 12:00 pm"), Some(noon));
        assert_eq!(found("2/1/2026T12:00"), Some(noon));
        for bad in [
            "2/1/2026 24:00",
            "2/1/2026 13:00 PM",
            "2/1/2026 1",
            "2/1/2026 ",
            "2/1/2026 1:00:00.",
            "2/1/2026 1:2:3:4",
        ] {
            assert_eq!(found(bad), None, "{bad}");
        }
    }
}
