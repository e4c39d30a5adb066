//! Steps from one end of an interval to the other, on the utility's own clock.

use time::{Duration, OffsetDateTime, PrimitiveDateTime};
use vocab::Zone;

pub(crate) const DAY_MINUTES: u16 = 24 * 60;

/// By how much clocks are set back, anywhere.
const SET_BACK_MINUTES: [i64; 4] = [60, 30, 120, 20];

/// The instant at which the clock showed this; of two the earlier.
pub(crate) fn instant(zone: &Zone, at: PrimitiveDateTime) -> Option<OffsetDateTime> {
    zone.instant(at.date(), at.time())
}

/// The instant at which the clock showed the same again, on a day on which it was set back.
pub(crate) fn again(zone: &Zone, at: PrimitiveDateTime, earlier: OffsetDateTime) -> Option<OffsetDateTime> {
    SET_BACK_MINUTES
        .iter()
        .filter_map(|&minutes| earlier.checked_add(Duration::minutes(minutes)))
        .find(|&later| zone.civil(later) == (at.date(), at.time()))
}

/// One interval on, or back. Days are the calendar's, whatever their hours.
pub(crate) fn step(zone: &Zone, at: OffsetDateTime, minutes: u16, is_back: bool) -> Option<OffsetDateTime> {
    if minutes == DAY_MINUTES {
        let (on, time) = zone.civil(at);
        let on = if is_back { on.previous_day()? } else { on.next_day()? };
        return zone.instant(on, time);
    }
    let length = Duration::minutes(minutes.into());
    if is_back { at.checked_sub(length) } else { at.checked_add(length) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn steps_over_changes_of_the_clock() {
        let zone: Zone = "America/Los_Angeles".parse().unwrap();
        let at = |local| instant(&zone, local).unwrap();
        // Set forward on 8 March, back on 1 November.
        assert_eq!(
            step(&zone, at(datetime!(2026-03-08 03:00)), 60, true),
            Some(at(datetime!(2026-03-08 01:00)))
        );
        let midnight = at(datetime!(2026-11-02 00:00));
        assert_eq!(step(&zone, midnight, DAY_MINUTES, true), Some(at(datetime!(2026-11-01 00:00))));
        assert_eq!(step(&zone, at(datetime!(2026-11-01 00:00)), DAY_MINUTES, false), Some(midnight));
        let earlier = at(datetime!(2026-11-01 01:30));
        assert_eq!(again(&zone, datetime!(2026-11-01 01:30), earlier), Some(earlier + Duration::HOUR));
        let ordinary = datetime!(2026-10-25 01:30);
        assert_eq!(again(&zone, ordinary, at(ordinary)), None);
        assert_eq!(step(&zone, earlier, 60, false), Some(earlier + Duration::HOUR));
    }
}
