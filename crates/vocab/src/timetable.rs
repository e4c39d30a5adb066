//! Timetables: when something that a utility does again and again is due.
//!
//! A time of day is the utility's own. Patterns are worked out on a clock without summer time and only then
//! put into the zone, so that a time in a gap is the first instant after it and a time that comes twice is
//! the first of the two ([`Zone::instant`]).

use crate::Zone;
use crate::calendar::Holidays;
use crate::dates::plus_days;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Zoned;
use jiff::tz::TimeZone;
use std::str::FromStr;
use time::{Date, Month, OffsetDateTime, Time};

/// Occurrences that are looked at before a pattern is taken to have none: a long weekend of minutes.
const LOOKS_MAX: usize = 20_000;
/// Days in a row on which a utility may be closed.
const CLOSED_DAYS_MAX: i64 = 366;

/// A cron pattern of five fields: minute, hour, day of month, month, day of week.
#[derive(Debug, Clone)]
pub struct Pattern(Cron);

/// A text that is no such pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a pattern like `0 6 1 * *`: {0}")]
pub struct BadPattern(String);

impl FromStr for Pattern {
    type Err = BadPattern;
    fn from_str(text: &str) -> Result<Self, BadPattern> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        parser.parse(text).map(Self).map_err(|error| BadPattern(error.to_string()))
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// A day and time of day that the utility's clock shows.
type Civil = (Date, Time);

impl Pattern {
    /// The first time after `after`. With `holidays`, what falls on a closed day moves to the next business
    /// day at the same time. `None` when it never comes.
    pub fn next_after(
        &self,
        zone: &Zone,
        after: OffsetDateTime,
        holidays: Option<&Holidays>,
    ) -> Option<OffsetDateTime> {
        let shown = zone.civil(after);
        let mut from = match holidays {
            // What fell on the closed days just before may have moved to this day.
            Some(holidays) => (closed_since(holidays, shown.0), Time::MIDNIGHT),
            None => shown,
        };
        let mut inclusive = true;
        for _ in 0..LOOKS_MAX {
            let (day, time) = self.next(from, inclusive)?;
            let on = match holidays {
                Some(holidays) => holidays.business_day_from(day)?,
                None => day,
            };
            let at = zone.instant(on, time)?;
            if at > after {
                return Some(at);
            }
            (from, inclusive) = ((day, time), false);
        }
        None
    }

    /// The next time on a clock that is never set.
    fn next(&self, from: Civil, inclusive: bool) -> Option<Civil> {
        let found = self.0.find_next_occurrence(&unset_clock(from)?, inclusive).ok()?;
        let number = |value: i8| u8::try_from(value).ok();
        let month = Month::try_from(number(found.month())?).ok()?;
        let day = Date::from_calendar_date(i32::from(found.year()), month, number(found.day())?).ok()?;
        let time =
            Time::from_hms(number(found.hour())?, number(found.minute())?, number(found.second())?).ok()?;
        Some((day, time))
    }
}

fn unset_clock((day, time): Civil) -> Option<Zoned> {
    let number = |value: u8| i8::try_from(value).ok();
    let civil = jiff::civil::DateTime::new(
        i16::try_from(day.year()).ok()?,
        number(u8::from(day.month()))?,
        number(day.day())?,
        number(time.hour())?,
        number(time.minute())?,
        number(time.second())?,
        0,
    );
    civil.ok()?.to_zoned(TimeZone::UTC).ok()
}

/// The first of the closed days right before this one; the day itself when there are none.
fn closed_since(holidays: &Holidays, day: Date) -> Date {
    let mut first = day;
    for _ in 0..CLOSED_DAYS_MAX {
        match first.previous_day() {
            Some(before) if !holidays.is_business_day(before) => first = before,
            _ => break,
        }
    }
    first
}

/// So many days from a day of a window, at a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaysFrom {
    /// Days after it; negative: before.
    pub days: i16,
    /// When on that day.
    pub at: Time,
}

impl DaysFrom {
    /// The instant, counted from this day. With `holidays`, a closed day moves to the next business day.
    pub fn instant(&self, zone: &Zone, from: Date, holidays: Option<&Holidays>) -> Option<OffsetDateTime> {
        let day = plus_days(from, self.days.into())?;
        let on = match holidays {
            Some(holidays) => holidays.business_day_from(day)?,
            None => day,
        };
        zone.instant(on, self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime, time};

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    fn next(pattern: &str, zone_name: &str, after: OffsetDateTime, count: usize) -> Vec<OffsetDateTime> {
        let (pattern, zone) = (pattern.parse::<Pattern>().unwrap(), zone(zone_name));
        let mut found = Vec::new();
        let mut after = after;
        for _ in 0..count {
            after = pattern.next_after(&zone, after, None).unwrap();
            found.push(after);
        }
        found
    }

    #[test]
    fn a_time_in_a_gap_runs_right_after_it_and_one_in_an_overlap_once() {
        // New York 2026: 8 March 02:00 becomes 03:00, 1 November 02:00 becomes 01:00.
        let spring = next("30 2 * * *", "America/New_York", datetime!(2026-03-07 05:00 UTC), 3);
        let expected = [
            datetime!(2026-03-07 07:30 UTC),
            datetime!(2026-03-08 07:00 UTC),
            datetime!(2026-03-09 06:30 UTC),
        ];
        assert_eq!(spring, expected);
        let autumn = next("30 1 * * *", "America/New_York", datetime!(2026-10-31 12:00 UTC), 2);
        assert_eq!(autumn, [datetime!(2026-11-01 05:30 UTC), datetime!(2026-11-02 06:30 UTC)]);
        // Asked within the hour that comes again: not a second time.
        let within = next("30 1 * * *", "America/New_York", datetime!(2026-11-01 06:10 UTC), 1);
        assert_eq!(within, [datetime!(2026-11-02 06:30 UTC)]);
        // Sydney 2026: 5 April 03:00 becomes 02:00, 4 October 02:00 becomes 03:00.
        let autumn = next("30 2 * * *", "Australia/Sydney", datetime!(2026-04-04 12:00 UTC), 2);
        assert_eq!(autumn, [datetime!(2026-04-04 15:30 UTC), datetime!(2026-04-05 16:30 UTC)]);
        let spring = next("15 2 * * *", "Australia/Sydney", datetime!(2026-10-02 17:00 UTC), 2);
        assert_eq!(spring, [datetime!(2026-10-03 16:00 UTC), datetime!(2026-10-04 15:15 UTC)]);
        // Every quarter of an hour: the gap's four are one, and nothing comes twice.
        let quarters = next("*/15 * * * *", "America/New_York", datetime!(2026-03-08 06:45 UTC), 2);
        assert_eq!(quarters, [datetime!(2026-03-08 07:00 UTC), datetime!(2026-03-08 07:15 UTC)]);
    }

    #[test]
    fn ends_of_months_and_leap_days() {
        let table: &[(&str, OffsetDateTime, &[OffsetDateTime])] = &[
            (
                "0 6 31 * *",
                datetime!(2026-01-31 06:00 UTC),
                &[datetime!(2026-03-31 06:00 UTC), datetime!(2026-05-31 06:00 UTC)],
            ),
            (
                "0 6 L * *",
                datetime!(2026-01-31 06:00 UTC),
                &[datetime!(2026-02-28 06:00 UTC), datetime!(2026-03-31 06:00 UTC)],
            ),
            ("0 6 29 2 *", datetime!(2026-01-01 00:00 UTC), &[datetime!(2028-02-29 06:00 UTC)]),
            ("0 6 1 */3 *", datetime!(2026-01-15 00:00 UTC), &[datetime!(2026-04-01 06:00 UTC)]),
            ("0 6 * * MON#1", datetime!(2026-02-02 06:00 UTC), &[datetime!(2026-03-02 06:00 UTC)]),
        ];
        for (pattern, after, expected) in table {
            assert_eq!(&next(pattern, "UTC", *after, expected.len()), expected, "{pattern}");
        }
    }

    #[test]
    fn closed_days_move_to_the_next_business_day() {
        let pattern: Pattern = "0 6 15 * *".parse().unwrap();
        // 15 February 2026 is a Sunday, the 16th a holiday.
        let holidays: Holidays = [date!(2026 - 02 - 16)].into_iter().collect();
        let after = |at| pattern.next_after(&Zone::utc(), at, Some(&holidays)).unwrap();
        let moved = datetime!(2026-02-17 06:00 UTC);
        for at in [
            datetime!(2026-01-15 06:00 UTC),
            datetime!(2026-02-15 06:00 UTC),
            datetime!(2026-02-16 23:00 UTC),
            datetime!(2026-02-17 05:59 UTC),
        ] {
            assert_eq!(after(at), moved, "{at}");
        }
        // Sunday again, in March.
        assert_eq!(after(moved), datetime!(2026-03-16 06:00 UTC));
        // Daily: Saturday's and Sunday's are Monday's.
        let daily: Pattern = "0 6 * * *".parse().unwrap();
        let friday = datetime!(2026-02-06 06:00 UTC);
        let monday = daily.next_after(&Zone::utc(), friday, Some(&holidays)).unwrap();
        assert_eq!(monday, datetime!(2026-02-09 06:00 UTC));
        let tuesday = daily.next_after(&Zone::utc(), monday, Some(&holidays)).unwrap();
        assert_eq!(tuesday, datetime!(2026-02-10 06:00 UTC));
    }

    #[test]
    fn what_is_no_pattern_is_refused_and_what_never_comes_has_no_next() {
        for bad in ["", "every day", "0 6 * *", "0 0 6 1 * *", "61 6 * * *", "0 6 32 * *"] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
        let never: Pattern = "0 6 30 2 *".parse().unwrap();
        assert_eq!(never.next_after(&Zone::utc(), datetime!(2026-01-01 00:00 UTC), None), None);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(400))]

        #[test]
        fn no_text_makes_it_stumble(text in "([0-9*/,LW#?@MONFRI-]{1,5} ){4}[0-9*,L#MON-]{1,4}|\\PC{0,30}") {
            if let Ok(pattern) = text.parse::<Pattern>() {
                let after = datetime!(2026-03-08 06:45 UTC);
                let holidays = Holidays::default();
                for holidays in [None, Some(&holidays)] {
                    let next = pattern.next_after(&zone("America/New_York"), after, holidays);
                    proptest::prop_assert!(next.is_none_or(|at| at > after));
                }
            }
        }
    }

    #[test]
    fn days_from_a_windows_day() {
        let ends_on = date!(2026 - 02 - 28);
        let rule = |days| DaysFrom { days, at: time!(2:30) };
        let new_york = zone("America/New_York");
        // Eight days on: the clock has no 02:30.
        assert_eq!(rule(8).instant(&new_york, ends_on, None), Some(datetime!(2026-03-08 07:00 UTC)));
        assert_eq!(rule(-1).instant(&new_york, ends_on, None), Some(datetime!(2026-02-27 07:30 UTC)));
        let holidays: Holidays = [date!(2026 - 03 - 02)].into_iter().collect();
        let moved = rule(0).instant(&new_york, ends_on, Some(&holidays));
        assert_eq!(moved, Some(datetime!(2026-03-03 07:30 UTC)));
    }
}
