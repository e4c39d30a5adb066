//! Faults of seasons, holidays and times of use.

use super::{Faults, month};
use crate::tariff::Tariff;
use crate::tariff::calendar::{Holiday, TimeOfUse, Window};
use crate::word::Word;

const MOST_SEASONS: usize = 24;
const MOST_HOLIDAYS: usize = 400;
const MOST_TIMES: usize = 40;
const MOST_WINDOWS: usize = 1_000;
/// Each date has a row of its own in the ready calendar, which has so many in all.
const MOST_DATES: usize = 5_000;
const MOST_SPANS: usize = 100;
const MOST_MONTHS: usize = 12;
/// As many as there are kinds of days.
const MOST_DAYS: usize = 10;
/// The place of a bucket is a byte, and one value of it says "none".
pub(super) const MOST_BUCKETS: usize = 200;

pub(super) fn check(faults: &mut Faults, tariff: &Tariff) {
    let calendar = &tariff.calendar;
    let few = |faults: &mut Faults, count: usize, most: usize, at: &str| {
        faults.unless(count <= most, at, format!("more than {most}"));
    };
    few(faults, calendar.seasons.len(), MOST_SEASONS, "/calendar/seasons");
    few(faults, calendar.holidays.len(), MOST_HOLIDAYS, "/calendar/holidays");
    few(faults, calendar.times_of_use.len(), MOST_TIMES, "/calendar/times_of_use");
    for (index, season) in calendar.seasons.iter().enumerate() {
        let at = format!("/calendar/seasons/{index}");
        let twice = calendar.seasons[..index].iter().any(|other| other.id == season.id);
        faults.unless(!twice, &format!("{at}/id"), format!("`{}` is already a season", season.id));
        let some = !season.spans.is_empty() && season.spans.len() <= MOST_SPANS;
        faults.unless(some, &format!("{at}/spans"), format!("1 to {MOST_SPANS} spans of days"));
    }
    for (index, holiday) in calendar.holidays.iter().enumerate() {
        let at = format!("/calendar/holidays/{index}");
        if let Holiday::Nth { nth, weekday, month: of, .. } = holiday {
            let fits = *nth == -1 || (1..=5).contains(nth);
            faults.unless(fits, &format!("{at}/nth"), "1 to 5, or -1 for the last");
            faults.unless(weekday.weekday().is_some(), &format!("{at}/weekday"), "monday to sunday");
            faults.unless(month(*of), &format!("{at}/month"), "1 to 12");
        }
    }
    for (index, times) in calendar.times_of_use.iter().enumerate().take(MOST_TIMES) {
        let at = format!("/calendar/times_of_use/{index}");
        times_of_use(faults, times, tariff, &calendar.times_of_use[..index], &at);
    }
    if let Some(demand) = tariff.demand {
        let fits = demand.minutes > 0 && 1_440 % demand.minutes == 0;
        faults.unless(fits, "/demand/minutes", "minutes that divide a day");
    }
}

fn times_of_use(faults: &mut Faults, times: &TimeOfUse, tariff: &Tariff, before: &[TimeOfUse], at: &str) {
    let twice = before.iter().any(|other| other.id == times.id);
    faults.unless(!twice, &format!("{at}/id"), format!("`{}` is already a time of use", times.id));
    let some = !times.windows.is_empty() || times.otherwise.is_some();
    faults.unless(some, &format!("{at}/windows"), "at least one window or `otherwise`");
    let few = times.windows.len() <= MOST_WINDOWS;
    faults.unless(few, &format!("{at}/windows"), format!("more than {MOST_WINDOWS}"));
    let dates = |times: &TimeOfUse| times.windows.iter().map(|window| window.dates.len()).sum::<usize>();
    let dates = before.iter().chain([times]).map(dates).sum::<usize>();
    faults.unless(dates <= MOST_DATES, &format!("{at}/windows"), format!("more than {MOST_DATES} dates"));
    let mut own: Vec<&Word> = times.buckets().collect();
    own.sort_unstable();
    own.dedup();
    let few = own.len() <= MOST_BUCKETS;
    faults.unless(few, &format!("{at}/windows"), format!("more than {MOST_BUCKETS} buckets"));
    for bucket in own {
        let other = before.iter().find(|other| other.buckets().any(|of| of == bucket));
        if let Some(other) = other {
            let reason = format!("the bucket `{bucket}` belongs to `{}` already", other.id);
            faults.unless(false, &format!("{at}/windows"), reason);
        }
    }
    for (index, window) in times.windows.iter().enumerate().take(MOST_WINDOWS) {
        check_window(faults, window, tariff, &format!("{at}/windows/{index}"));
    }
}

fn check_window(faults: &mut Faults, window: &Window, tariff: &Tariff, at: &str) {
    if let Some(id) = &window.season {
        season(faults, id, tariff, &format!("{at}/season"));
    }
    let months = window.months.len() <= MOST_MONTHS && window.months.iter().all(|of| month(*of));
    faults.unless(months, &format!("{at}/months"), "1 to 12, each once");
    let few = window.days.len() <= MOST_DAYS;
    faults.unless(few, &format!("{at}/days"), format!("more than {MOST_DAYS}"));
    let starts = window.from.minutes() < 1_440;
    faults.unless(starts, &format!("{at}/from"), "before the day's end");
}

/// A season that something refers to.
pub(super) fn season(faults: &mut Faults, id: &Word, tariff: &Tariff, at: &str) {
    let known = tariff.calendar.seasons.iter().any(|season| season.id == *id);
    faults.unless(known, at, format!("`{id}` is no season of the calendar"));
}
