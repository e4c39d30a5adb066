//! Civil time: the only place that knows time zones (bundled database, so that every
//! machine agrees).

use jiff::{Timestamp, tz::TimeZone};
use time::{Date, Duration, OffsetDateTime, Time};

use crate::dates::Period;

const DAY_MINUTES: i64 = 1_440;

/// The utility's civil time zone.
#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

/// A name that is not in the time zone database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time zone like America/Denver")]
pub struct UnknownZone(pub String);

impl std::str::FromStr for Zone {
    type Err = UnknownZone;
    fn from_str(name: &str) -> Result<Self, UnknownZone> {
        TimeZone::get(name).map(Self).map_err(|_| UnknownZone(name.to_owned()))
    }
}

/// A change between winter and summer time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockChange {
    /// The day it happens.
    pub on: Date,
    /// Minute of the day that the clock shows when it is set.
    pub at_minute: u16,
    /// How far it is set forward; negative is back.
    pub forward_minutes: i16,
}

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The name in the database.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The civil date at an instant.
    pub fn date_of(&self, at: OffsetDateTime) -> Date {
        self.civil(at).0
    }

    /// The civil date and time of day at an instant.
    pub fn civil(&self, at: OffsetDateTime) -> (Date, Time) {
        let Ok(timestamp) = Timestamp::from_nanosecond(at.unix_timestamp_nanos()) else {
            return (at.date(), at.time());
        };
        let civil = self.0.to_datetime(timestamp);
        let date = u8::try_from(civil.month())
            .ok()
            .and_then(|month| time::Month::try_from(month).ok())
            .zip(u8::try_from(civil.day()).ok())
            .and_then(|(month, day)| Date::from_calendar_date(i32::from(civil.year()), month, day).ok());
        let part = |value: i8| u8::try_from(value).unwrap_or(0);
        let time = Time::from_hms(part(civil.hour()), part(civil.minute()), part(civil.second()));
        (date.unwrap_or(at.date()), time.unwrap_or(Time::MIDNIGHT))
    }

    /// The day a read belongs to: local midnight closes the day before.
    pub fn read_on(&self, at: OffsetDateTime) -> Date {
        self.date_of(at - Duration::nanoseconds(1))
    }

    /// The instant of a civil time. In a gap: the first instant after it; in an overlap:
    /// the earlier of the two. `None` outside the calendar.
    pub fn instant(&self, day: Date, time: Time) -> Option<OffsetDateTime> {
        let civil = jiff::civil::DateTime::new(
            i16::try_from(day.year()).ok()?,
            i8::try_from(u8::from(day.month())).ok()?,
            i8::try_from(day.day()).ok()?,
            i8::try_from(time.hour()).ok()?,
            i8::try_from(time.minute()).ok()?,
            i8::try_from(time.second()).ok()?,
            0,
        )
        .ok()?;
        let ambiguous = self.0.to_ambiguous_timestamp(civil);
        let timestamp = match ambiguous.offset() {
            jiff::tz::AmbiguousOffset::Gap { .. } => {
                // The later reading lies before the gap by its width; the transition is the first
                // instant whose civil time is past the gap.
                let before = ambiguous.earlier().ok()?;
                self.0.following(before).next().map(|transition| transition.timestamp())?
            }
            _ => ambiguous.earlier().ok()?,
        };
        OffsetDateTime::from_unix_timestamp_nanos(timestamp.as_nanosecond()).ok()
    }

    /// The last instant of a civil day: the end of it, half-open.
    pub fn end_of(&self, day: Date) -> Option<OffsetDateTime> {
        self.instant(day.next_day()?, Time::MIDNIGHT)
    }

    /// How long a civil day is, in minutes: 1,440 but where the clock is set.
    pub fn minutes_of(&self, day: Date) -> Option<i64> {
        Some((self.end_of(day)? - self.instant(day, Time::MIDNIGHT)?).whole_minutes())
    }

    /// The days of a period on which the clock is set, to five minutes.
    pub fn clock_changes(&self, period: Period) -> Vec<ClockChange> {
        let mut changes = Vec::new();
        let mut on = period.first_on();
        loop {
            if let Some(forward) =
                self.minutes_of(on).map(|minutes| DAY_MINUTES - minutes).filter(|by| *by != 0)
            {
                changes.extend(self.clock_change(on, forward));
            }
            match on.next_day() {
                Some(next) if period.contains(next) => on = next,
                _ => return changes,
            }
        }
    }

    fn clock_change(&self, on: Date, forward: i64) -> Option<ClockChange> {
        let start = self.instant(on, Time::MIDNIGHT)?;
        let shown = |minute: i64| {
            let (_, clock) = self.civil(start + Duration::minutes(minute));
            i64::from(clock.hour()) * 60 + i64::from(clock.minute())
        };
        let at = (0..DAY_MINUTES).step_by(5).find(|minute| shown(*minute) != *minute)?;
        Some(ClockChange {
            on,
            at_minute: u16::try_from(at).ok()?,
            forward_minutes: i16::try_from(forward).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime, time};

    fn denver() -> Zone {
        "America/Denver".parse().unwrap()
    }

    #[test]
    fn midnight_belongs_to_the_day_before() {
        let midnight = denver().instant(date!(2026 - 02 - 01), Time::MIDNIGHT).unwrap();
        assert_eq!(midnight, datetime!(2026-02-01 07:00 UTC));
        assert_eq!(denver().read_on(midnight), date!(2026 - 01 - 31));
        assert_eq!(denver().date_of(midnight), date!(2026 - 02 - 01));
    }

    #[test]
    fn days_on_which_the_clock_is_set() {
        let year = Period::new(date!(2026 - 01 - 01), date!(2026 - 12 - 31)).unwrap();
        let spring = ClockChange { on: date!(2026 - 03 - 08), at_minute: 120, forward_minutes: 60 };
        let autumn = ClockChange { on: date!(2026 - 11 - 01), at_minute: 120, forward_minutes: -60 };
        assert_eq!(denver().clock_changes(year), [spring, autumn]);
        assert_eq!(denver().minutes_of(autumn.on), Some(1_500));
        assert_eq!(Zone::utc().clock_changes(year), []);
    }

    #[test]
    fn gap_runs_after_it_and_overlap_once() {
        // 2026-03-08 02:00 → 03:00; 2026-11-01 02:00 → 01:00.
        let gap = denver().instant(date!(2026 - 03 - 08), time!(2:30)).unwrap();
        assert_eq!(gap, datetime!(2026-03-08 09:00 UTC));
        let overlap = denver().instant(date!(2026 - 11 - 01), time!(1:30)).unwrap();
        assert_eq!(overlap, datetime!(2026-11-01 07:30 UTC));
    }

    #[test]
    fn names_that_are_no_zones_are_refused() {
        assert!("Mars/Olympus".parse::<Zone>().is_err());
    }
}
