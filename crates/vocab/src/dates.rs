//! Civil dates and inclusive periods.

use time::{Date, Month};

/// An inclusive civil period: both days are charged days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Days", into = "Days")]
pub struct Period {
    first_on: Date,
    last_on: Date,
}

/// The JSON form of a [`Period`].
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Days {
    #[serde(with = "civil")]
    first_on: Date,
    #[serde(with = "civil")]
    last_on: Date,
}

/// A period whose last day lies before its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the period ends before it begins")]
pub struct Backwards;

impl TryFrom<Days> for Period {
    type Error = Backwards;
    fn try_from(days: Days) -> Result<Self, Backwards> {
        Self::new(days.first_on, days.last_on).ok_or(Backwards)
    }
}

impl From<Period> for Days {
    fn from(period: Period) -> Self {
        Self { first_on: period.first_on, last_on: period.last_on }
    }
}

impl Period {
    /// `None` when the last day lies before the first.
    pub fn new(first_on: Date, last_on: Date) -> Option<Self> {
        (first_on <= last_on).then_some(Self { first_on, last_on })
    }

    /// The first charged day.
    pub const fn first_on(&self) -> Date {
        self.first_on
    }

    /// The last charged day.
    pub const fn last_on(&self) -> Date {
        self.last_on
    }

    /// Number of days, both ends counted; at least 1.
    pub fn days(&self) -> i64 {
        (self.last_on - self.first_on).whole_days() + 1
    }

    /// Whether the day lies inside.
    pub fn contains(&self, day: Date) -> bool {
        self.first_on <= day && day <= self.last_on
    }

    /// The days that both have.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        Self::new(self.first_on.max(other.first_on), self.last_on.min(other.last_on))
    }
}

/// `day` moved by a number of days; `None` outside the calendar.
pub fn plus_days(day: Date, days: i64) -> Option<Date> {
    day.checked_add(time::Duration::days(days))
}

/// The same day `months` later, or the last day of that month when it has no such day.
pub fn months_later(day: Date, months: u16) -> Option<Date> {
    let count = i32::from(u8::from(day.month())) - 1 + i32::from(months);
    let year = day.year().checked_add(count / 12)?;
    let month = Month::try_from(u8::try_from(count % 12 + 1).ok()?).ok()?;
    Date::from_calendar_date(year, month, day.day().min(month.length(year))).ok()
}

/// Serde form of a civil date: `2026-03-31`. Use as `#[serde(with = "vocab::dates::civil")]`.
pub mod civil {
    use serde::{Deserialize, Deserializer, Serializer};
    use time::{Date, format_description::FormatItem, macros::format_description};

    /// `2026-03-31`.
    pub const FORMAT: &[FormatItem<'static>] = format_description!("[year]-[month]-[day]");

    /// Reads `2026-03-31`, years 1 to 9999.
    pub fn parse(text: &str) -> Option<Date> {
        Date::parse(text, FORMAT).ok().filter(|day| day.year() >= 1)
    }

    /// Writes `2026-03-31`.
    pub fn format(day: Date) -> String {
        String::from_utf8_lossy(&text(day)).into_owned()
    }

    /// Ten digits and dashes: documents hold too many days for the formatting machinery.
    fn text(day: Date) -> [u8; 10] {
        let (year, month, day) = day.to_calendar_date();
        let (year, month, day) = (year.unsigned_abs(), u32::from(u8::from(month)), u32::from(day));
        let digit = |number: u32| b"0123456789"[number as usize % 10];
        [
            digit(year / 1000),
            digit(year / 100),
            digit(year / 10),
            digit(year),
            b'-',
            digit(month / 10),
            digit(month),
            b'-',
            digit(day / 10),
            digit(day),
        ]
    }

    /// For serde.
    pub fn serialize<S: Serializer>(day: &Date, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(std::str::from_utf8(&text(*day)).unwrap_or_default())
    }

    /// For serde.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Date, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        parse(&text).ok_or_else(|| serde::de::Error::custom("not a date like 2026-03-31"))
    }

    /// The same for a date that may be absent. Add `#[serde(default)]` when the field may be left out.
    pub mod option {
        use serde::{Deserialize, Deserializer, Serializer};
        use time::Date;

        /// For serde.
        pub fn serialize<S: Serializer>(day: &Option<Date>, to: S) -> Result<S::Ok, S::Error> {
            match day {
                Some(day) => super::serialize(day, to),
                None => to.serialize_none(),
            }
        }

        /// For serde.
        pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Date>, D::Error> {
            Option::<std::borrow::Cow<'de, str>>::deserialize(from)?
                .map(|text| {
                    super::parse(&text).ok_or_else(|| serde::de::Error::custom("not a date like 2026-03-31"))
                })
                .transpose()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn both_ends_are_charged() {
        let period = Period::new(date!(2026 - 01 - 17), date!(2026 - 01 - 31)).unwrap();
        assert_eq!(period.days(), 15);
        assert_eq!(Period::new(date!(2026 - 02 - 01), date!(2026 - 01 - 31)), None);
        let text = serde_json::to_string(&period).unwrap();
        assert_eq!(text, r#"{"first_on":"2026-01-17","last_on":"2026-01-31"}"#);
        assert_eq!(serde_json::from_str::<Period>(&text).unwrap(), period);
        assert!(
            serde_json::from_str::<Period>(r#"{"first_on":"2026-02-01","last_on":"2026-01-31"}"#).is_err()
        );
    }
}
