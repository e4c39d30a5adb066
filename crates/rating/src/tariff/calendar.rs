//! Seasons, holidays and time-of-use windows of a tariff.
//!
//! ```json
//! {"seasons": [{"id": "summer", "spans": [{"from": "06-01", "to": "09-30"}]}],
//!  "holidays": [{"kind": "fixed", "on": "07-04", "observed": "nearest_weekday"},
//!               {"kind": "nth", "nth": 1, "weekday": "monday", "month": 9}],
//!  "times_of_use": [{"id": "energy", "otherwise": "off_peak", "windows": [
//!     {"bucket": "on_peak", "season": "summer", "days": ["weekday"], "from": "16:00", "to": "21:00"}]}]}
//! ```
//!
//! The clock is the utility's civil time. A holiday counts as a day of the weekend; a weekday's
//! own name does not match on it.

use crate::word::Word;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{Date, Month};

/// Seasons, holidays and time-of-use windows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffCalendar))]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// Parts of the year.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seasons: Vec<Season>,
    /// Days that count as weekend.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<Holiday>,
    /// How the hours of interval data fall into buckets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times_of_use: Vec<TimeOfUse>,
}

impl Calendar {
    /// Whether it says nothing.
    pub const fn is_empty(&self) -> bool {
        self.seasons.is_empty() && self.holidays.is_empty() && self.times_of_use.is_empty()
    }

    /// Place of the time of use that has the bucket.
    pub fn home(&self, bucket: &Word) -> Option<usize> {
        self.times_of_use.iter().position(|times| times.buckets().any(|of| of == bucket))
    }
}

/// A part of the year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffSeason))]
#[serde(deny_unknown_fields)]
pub struct Season {
    /// Its name.
    pub id: Word,
    /// Its days; a span may run over the new year.
    pub spans: Vec<Span>,
}

impl Season {
    /// Whether the day lies in it.
    pub fn contains(&self, day: Date) -> bool {
        let day = MonthDay::of(day);
        self.spans.iter().any(|span| {
            if span.from <= span.to {
                span.from <= day && day <= span.to
            } else {
                span.from <= day || day <= span.to
            }
        })
    }
}

/// Days of every year, both ends inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffSeasonSpan))]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The first day.
    pub from: MonthDay,
    /// The last day.
    pub to: MonthDay,
}

/// A day of every year: `"06-01"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonthDay {
    month: u8,
    day: u8,
}

impl MonthDay {
    /// `None` unless a leap year has it.
    pub fn new(month: u8, day: u8) -> Option<Self> {
        let length = Month::try_from(month).ok()?.length(2024);
        (1..=length).contains(&day).then_some(Self { month, day })
    }

    /// Of a date.
    pub fn of(date: Date) -> Self {
        Self { month: u8::from(date.month()), day: date.day() }
    }

    /// In a year; 29 February is 1 March where there is none.
    pub fn in_year(self, year: i32) -> Option<Date> {
        let month = Month::try_from(self.month).ok()?;
        Date::from_calendar_date(year, month, self.day)
            .or_else(|_| Date::from_calendar_date(year, month.next(), 1))
            .ok()
    }
}

impl std::fmt::Display for MonthDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}-{:02}", self.month, self.day)
    }
}

impl Serialize for MonthDay {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MonthDay {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        two_digits(&text, '-')
            .and_then(|(month, day)| Self::new(month, day))
            .ok_or_else(|| serde::de::Error::custom("not a day of the year like \"06-01\""))
    }
}

/// Days that count as weekend, by rule or by date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffHoliday))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Holiday {
    /// `{"kind": "fixed", "on": "07-04", "observed": "nearest_weekday"}`: the same day every year.
    Fixed {
        /// The day.
        on: MonthDay,
        /// What happens on a weekend. Default: nothing.
        #[serde(default, skip_serializing_if = "Observed::is_same_day")]
        observed: Observed,
    },
    /// `{"kind": "nth", "nth": 4, "weekday": "thursday", "month": 11}`; `nth` −1 is the last of the month.
    Nth {
        /// 1 to 5, or −1 for the last.
        nth: i8,
        /// Which weekday.
        weekday: DayKind,
        /// 1 for January.
        month: u8,
        /// Days after it: 1 is the day after Thanksgiving.
        #[serde(default, skip_serializing_if = "is_zero")]
        plus_days: u8,
    },
    /// `{"kind": "easter", "plus_days": -2}`: Good Friday.
    Easter {
        /// Days from Easter Sunday.
        plus_days: i8,
    },
    /// `{"kind": "once", "date": "2026-11-03"}`: once.
    Once {
        /// The day.
        #[serde(with = "vocab::dates::civil")]
        date: Date,
    },
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(value: &u8) -> bool {
    *value == 0
}

/// Where a holiday moves to when it falls on a weekend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffObserved))]
#[serde(rename_all = "snake_case")]
pub enum Observed {
    /// It stays.
    #[default]
    SameDay,
    /// From Saturday to Friday, from Sunday to Monday.
    NearestWeekday,
    /// From Sunday to Monday only.
    MondayAfterSunday,
}

impl Observed {
    /// For serde.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) const fn is_same_day(&self) -> bool {
        matches!(self, Self::SameDay)
    }
}

/// How the hours fall into buckets. A bucket belongs to one time of use only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffTimeOfUse))]
#[serde(deny_unknown_fields)]
pub struct TimeOfUse {
    /// Its name.
    pub id: Word,
    /// The first window that matches decides.
    pub windows: Vec<Window>,
    /// The bucket of all other hours; without it they are in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Word>,
}

impl TimeOfUse {
    /// Its buckets, in the order of writing; one of several windows comes several times.
    pub fn buckets(&self) -> impl Iterator<Item = &Word> {
        self.windows.iter().map(|window| &window.bucket).chain(&self.otherwise)
    }
}

/// Hours that belong to a bucket: all of its conditions hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffWindow))]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The bucket.
    pub bucket: Word,
    /// Only in this season.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<Word>,
    /// Only in these months, 1 for January. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub months: Vec<u8>,
    /// Only on these dates: called events. Default: all.
    #[serde(default, with = "crate::dates", skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<Date>,
    /// Only on days of these kinds. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<DayKind>,
    /// From this minute. Default: midnight.
    #[serde(default, skip_serializing_if = "TimeOfDay::is_start")]
    pub from: TimeOfDay,
    /// Before this minute. Default: 24:00. Not after `from`: over midnight, each day's own hours.
    #[serde(default = "TimeOfDay::end", skip_serializing_if = "TimeOfDay::is_end")]
    pub to: TimeOfDay,
}

/// Kinds of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffDayKind))]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names of the days say it")]
pub enum DayKind {
    /// Monday to Friday, no holiday.
    Weekday,
    /// Saturday, Sunday and holidays.
    Weekend,
    /// Holidays only.
    Holiday,
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// A minute of the day, a multiple of five: `"16:00"`; `"24:00"` is the day's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// `None` unless a multiple of five up to 1,440.
    pub const fn from_minutes(minutes: u16) -> Option<Self> {
        if minutes <= 1_440 && minutes.is_multiple_of(5) { Some(Self(minutes)) } else { None }
    }

    /// Minutes after midnight.
    pub const fn minutes(self) -> u16 {
        self.0
    }

    const fn end() -> Self {
        Self(1_440)
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    const fn is_start(&self) -> bool {
        self.0 == 0
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    const fn is_end(&self) -> bool {
        self.0 == 1_440
    }
}

impl std::fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        two_digits(&text, ':')
            .filter(|(_, minute)| *minute < 60)
            .and_then(|(hour, minute)| Self::from_minutes(u16::from(hour) * 60 + u16::from(minute)))
            .ok_or_else(|| {
                serde::de::Error::custom("not a time of day like \"16:00\", in steps of 5 minutes")
            })
    }
}

fn two_digits(text: &str, between: char) -> Option<(u8, u8)> {
    let (a, b) = text.split_once(between)?;
    let read = |part: &str| {
        (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok())?
    };
    Some((read(a)?, read(b)?))
}

/// Over which minutes demand is averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffDemand))]
#[serde(deny_unknown_fields)]
pub struct Demand {
    /// A whole multiple of the interval data's minutes.
    pub minutes: u16,
    /// Whether the minutes slide by the data's interval; else they start at midnight.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rolling: bool,
}
