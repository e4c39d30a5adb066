//! Business days: weekends and the utility's holidays.

use std::collections::BTreeSet;
use time::{Date, Weekday};

/// The utility's holidays; Saturdays and Sundays are closed as well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holidays(BTreeSet<Date>);

impl FromIterator<Date> for Holidays {
    fn from_iter<I: IntoIterator<Item = Date>>(days: I) -> Self {
        Self(days.into_iter().collect())
    }
}

impl Holidays {
    /// Whether the utility (and its bank) works on that day.
    pub fn is_business_day(&self, day: Date) -> bool {
        !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !self.0.contains(&day)
    }

    /// The day itself, or the next business day after it; `None` at the end of the calendar.
    pub fn business_day_from(&self, day: Date) -> Option<Date> {
        let mut day = day;
        // A year of holidays in a row is not a calendar.
        for _ in 0..366 {
            if self.is_business_day(day) {
                return Some(day);
            }
            day = day.next_day()?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn a_sunday_before_a_holiday_moves_two_days() {
        let holidays: Holidays = [date!(2026 - 02 - 16)].into_iter().collect();
        assert_eq!(holidays.business_day_from(date!(2026 - 02 - 15)), Some(date!(2026 - 02 - 17)));
        assert_eq!(holidays.business_day_from(date!(2026 - 02 - 13)), Some(date!(2026 - 02 - 13)));
    }
}
