//! Steps from one end of an interval to the other, on the utility's own clock.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime};
use vocab::Zone;

use crate::item::Channel;

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

/// The order of the rows of each channel, which tells the first from the second of an hour that the clock
/// showed twice: the one next to the row before, be the rows ascending or descending. A channel's first row
/// there, in a file or the part of one that is read, is taken for the first.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// The day last asked for, and whether the clock is set back on it or on one beside it.
    day: Option<(Date, bool)>,
    /// The times of the last rows, around such days, and whether they went back to it.
    last: HashMap<Arc<Channel>, (OffsetDateTime, bool)>,
}

impl Order {
    /// The instant of a channel's next row.
    pub fn instant(
        &mut self,
        zone: &Zone,
        channel: &Arc<Channel>,
        at: PrimitiveDateTime,
    ) -> Option<OffsetDateTime> {
        let earlier = instant(zone, at)?;
        if !self.is_near(zone, at.date()) {
            return Some(earlier);
        }
        let before = self.last.get(channel).copied();
        let found = match (before, again(zone, at, earlier)) {
            (Some((before, goes_back)), Some(later)) => {
                let distance = |of: OffsetDateTime| (of - before).abs();
                // The middle of half hours is as far from the one as from the other.
                let is_nearer = match distance(later).cmp(&distance(earlier)) {
                    Ordering::Less => true,
                    Ordering::Equal => !goes_back,
                    Ordering::Greater => false,
                };
                let is_later = before == earlier || before != later && is_nearer;
                if is_later { later } else { earlier }
            }
            _ => earlier,
        };
        let goes_back = before.is_some_and(|(before, _)| found < before);
        self.last.insert(Arc::clone(channel), (found, goes_back));
        Some(found)
    }

    fn is_near(&mut self, zone: &Zone, on: Date) -> bool {
        if let Some((day, is_near)) = self.day
            && day == on
        {
            return is_near;
        }
        let is_longer = |day: Date| zone.minutes_of(day).is_some_and(|minutes| minutes > DAY_MINUTES.into());
        let is_near = [on.previous_day(), Some(on), on.next_day()].into_iter().flatten().any(is_longer);
        self.day = Some((on, is_near));
        is_near
    }
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
