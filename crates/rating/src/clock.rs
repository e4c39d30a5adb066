//! A calendar made ready: which bucket a five-minute slot of a day belongs to, in two look-ups.

use crate::tariff::calendar::{Calendar, DayKind, Holiday, Observed, Season, TimeOfUse, Window};
use crate::word::Word;
use std::collections::BTreeMap;
use time::{Date, Duration, Month, Weekday};
use vocab::Period;

/// Five-minute slots of a day.
pub(crate) const SLOTS: usize = 288;
/// No bucket.
pub(crate) const NONE: u8 = u8::MAX;
/// Days of a leap year.
const DAYS: usize = 366;
/// Monday to Sunday, and holidays.
const KINDS: usize = 8;

/// A calendar made ready.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Clock {
    seasons: Vec<Season>,
    holidays: Vec<Holiday>,
    times: Vec<Times>,
}

/// A time of use made ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Times {
    buckets: Vec<Word>,
    rows: Vec<Row>,
    /// Row by day of a leap year and kind of day.
    by_day: Vec<u16>,
    /// Rows of dates that windows name.
    by_date: BTreeMap<Date, u16>,
}

/// The bucket of each slot of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    slots: [u8; SLOTS],
    /// The most slots that intervals may have so that none reaches over a change of bucket.
    grain: u16,
}

impl Row {
    fn new(slots: [u8; SLOTS]) -> Self {
        let mut grain = SLOTS;
        for slot in (1..SLOTS).filter(|slot| slots[*slot] != slots[slot - 1]) {
            let mut rest = slot;
            while rest != 0 {
                (grain, rest) = (rest, grain % rest);
            }
        }
        Self { slots, grain: u16::try_from(grain).unwrap_or(1) }
    }
}

impl Clock {
    /// A calendar that was checked.
    pub(crate) fn new(calendar: &Calendar) -> Self {
        let times = calendar.times_of_use.iter().map(|of| Times::new(of, calendar)).collect();
        Self { seasons: calendar.seasons.clone(), holidays: calendar.holidays.clone(), times }
    }

    /// The season of this name.
    pub(crate) fn season(&self, id: &Word) -> Option<&Season> {
        self.seasons.iter().find(|season| season.id == *id)
    }

    /// The time of use that has the bucket, its place, and the bucket's place in it.
    pub(crate) fn bucket(&self, bucket: &Word) -> Option<(usize, &Times, usize)> {
        self.times.iter().enumerate().find_map(|(at, times)| {
            let place = times.buckets.iter().position(|of| of == bucket)?;
            Some((at, times, place))
        })
    }

    /// Whether a bucket of a time of use has no time on any of these days; not known of other buckets.
    pub(crate) fn never_has(&self, bucket: &Word, period: Period) -> bool {
        let Some((_, times, place)) = self.bucket(bucket) else { return false };
        let holidays = self.holidays(period);
        let without = |day: Date| {
            let slots = times.row(day, &holidays, 1);
            slots.is_some_and(|slots| slots.iter().all(|slot| usize::from(*slot) != place))
        };
        let days = std::iter::successors(Some(period.first_on()), |day| day.next_day());
        days.take_while(|day| period.contains(*day)).all(without)
    }

    /// The holidays of the period, in order.
    pub(crate) fn holidays(&self, period: Period) -> Vec<Date> {
        within(period, &self.holidays)
    }
}

/// These holidays, where they fall or are observed inside a period, in order.
fn within(period: Period, holidays: &[Holiday]) -> Vec<Date> {
    let mut all: Vec<Date> = Vec::new();
    if holidays.is_empty() {
        return all;
    }
    // The new year of the next may be observed in this one.
    for year in period.first_on().year() - 1..=period.last_on().year() + 1 {
        all.extend(holidays.iter().filter_map(|holiday| holiday.in_year(year)));
    }
    all.retain(|day| period.contains(*day));
    all.sort_unstable();
    all.dedup();
    all
}

/// The holidays of the year of a date.
fn year_of(date: Date, holidays: &[Holiday]) -> Vec<Date> {
    let end = |month, day| Date::from_calendar_date(date.year(), month, day).unwrap_or(date);
    let year = Period::new(end(Month::January, 1), end(Month::December, 31));
    year.map_or_else(Vec::new, |year| within(year, holidays))
}

impl Times {
    fn new(of: &TimeOfUse, calendar: &Calendar) -> Self {
        let mut buckets: Vec<Word> = Vec::new();
        for bucket in of.windows.iter().map(|window| &window.bucket).chain(&of.otherwise) {
            if !buckets.contains(bucket) {
                buckets.push(bucket.clone());
            }
        }
        let mut times = Self {
            buckets,
            rows: Vec::new(),
            by_day: Vec::with_capacity(DAYS * KINDS),
            by_date: BTreeMap::new(),
        };
        let mut known: BTreeMap<Vec<usize>, u16> = BTreeMap::new();
        let windows: Vec<Ready<'_>> = of.windows.iter().map(|window| Ready::new(window, calendar)).collect();
        let mut day = leap_start();
        for _ in 0..DAYS {
            for kind in 0..KINDS {
                let row = times.row_of(of, &windows, day, kind, None, &mut known);
                times.by_day.push(row);
            }
            day = day.next_day().unwrap_or(day);
        }
        let mut holidays: BTreeMap<i32, Vec<Date>> = BTreeMap::new();
        for date in of.windows.iter().flat_map(|window| &window.dates) {
            let of_year = holidays.entry(date.year()).or_insert_with(|| year_of(*date, &calendar.holidays));
            let kind = kind_of(*date, of_year);
            let row = times.row_of(of, &windows, *date, kind, Some(*date), &mut known);
            times.by_date.insert(*date, row);
        }
        times
    }

    /// The row of the windows that match a day; equal days share one.
    fn row_of(
        &mut self,
        of: &TimeOfUse,
        windows: &[Ready<'_>],
        day: Date,
        kind: usize,
        date: Option<Date>,
        known: &mut BTreeMap<Vec<usize>, u16>,
    ) -> u16 {
        let matching: Vec<usize> =
            (0..windows.len()).filter(|at| windows[*at].matches(day, kind, date)).collect();
        if let Some(row) = known.get(&matching) {
            return *row;
        }
        let place = |bucket: &Word| {
            let place = self.buckets.iter().position(|of| of == bucket);
            place.and_then(|place| u8::try_from(place).ok()).unwrap_or(NONE)
        };
        let mut row = [of.otherwise.as_ref().map_or(NONE, place); SLOTS];
        for at in matching.iter().rev() {
            let window = windows[*at].window;
            let (from, to) = (usize::from(window.from.minutes() / 5), usize::from(window.to.minutes() / 5));
            let bucket = place(&window.bucket);
            for (slot, place) in row.iter_mut().enumerate() {
                let inside = if from < to { from <= slot && slot < to } else { from <= slot || slot < to };
                if inside {
                    *place = bucket;
                }
            }
        }
        let number = u16::try_from(self.rows.len()).unwrap_or(u16::MAX);
        self.rows.push(Row::new(row));
        known.insert(matching, number);
        number
    }

    /// Its buckets.
    pub(crate) fn buckets(&self) -> &[Word] {
        &self.buckets
    }

    /// The bucket of each slot of a day; `None` when intervals of so many slots are too long for it.
    pub(crate) fn row(&self, day: Date, holidays: &[Date], interval: u16) -> Option<&[u8; SLOTS]> {
        let row = match self.by_date.get(&day) {
            Some(row) => *row,
            None => self.by_day[day_of_leap_year(day) * KINDS + kind_of(day, holidays)],
        };
        let row = &self.rows[usize::from(row)];
        row.grain.is_multiple_of(interval.max(1)).then_some(&row.slots)
    }
}

/// A window with its season found and its kinds of days as a set.
struct Ready<'a> {
    window: &'a Window,
    season: Option<&'a Season>,
    kinds: [bool; KINDS],
}

impl<'a> Ready<'a> {
    fn new(window: &'a Window, calendar: &'a Calendar) -> Self {
        let season =
            window.season.as_ref().and_then(|id| calendar.seasons.iter().find(|season| season.id == *id));
        let mut kinds = [window.days.is_empty(); KINDS];
        for day in &window.days {
            for (kind, set) in kinds.iter_mut().enumerate() {
                *set |= day.includes(kind);
            }
        }
        Self { window, season, kinds }
    }

    fn matches(&self, day: Date, kind: usize, date: Option<Date>) -> bool {
        let window = self.window;
        let named = window.dates.is_empty() || date.is_some_and(|date| window.dates.contains(&date));
        named
            && self.kinds[kind]
            && (window.months.is_empty() || window.months.contains(&u8::from(day.month())))
            && self.season.is_none_or(|season| season.contains(day))
    }
}

impl DayKind {
    /// Whether days of this kind (0 to 6 from Monday, 7 a holiday) are meant.
    const fn includes(self, kind: usize) -> bool {
        match self {
            Self::Weekday => kind < 5,
            Self::Weekend => kind >= 5,
            Self::Holiday => kind == 7,
            Self::Monday => kind == 0,
            Self::Tuesday => kind == 1,
            Self::Wednesday => kind == 2,
            Self::Thursday => kind == 3,
            Self::Friday => kind == 4,
            Self::Saturday => kind == 5,
            Self::Sunday => kind == 6,
        }
    }

    /// The weekday of this name.
    pub(crate) const fn weekday(self) -> Option<Weekday> {
        Some(match self {
            Self::Monday => Weekday::Monday,
            Self::Tuesday => Weekday::Tuesday,
            Self::Wednesday => Weekday::Wednesday,
            Self::Thursday => Weekday::Thursday,
            Self::Friday => Weekday::Friday,
            Self::Saturday => Weekday::Saturday,
            Self::Sunday => Weekday::Sunday,
            _ => return None,
        })
    }
}

impl Holiday {
    /// Where it falls, or is observed, in a year.
    pub(crate) fn in_year(&self, year: i32) -> Option<Date> {
        match self {
            Self::Fixed { on, observed } => observed.moved(on.in_year(year)?),
            Self::Nth { nth, weekday, month, plus_days } => {
                let day = nth_weekday(year, *month, weekday.weekday()?, *nth)?;
                day.checked_add(Duration::days(i64::from(*plus_days)))
            }
            Self::Easter { plus_days } => easter(year)?.checked_add(Duration::days(i64::from(*plus_days))),
            Self::Once { date } => (date.year() == year).then_some(*date),
        }
    }
}

impl Observed {
    fn moved(self, day: Date) -> Option<Date> {
        match (self, day.weekday()) {
            (Self::NearestWeekday, Weekday::Saturday) => day.previous_day(),
            (Self::NearestWeekday | Self::MondayAfterSunday, Weekday::Sunday) => day.next_day(),
            _ => Some(day),
        }
    }
}

fn nth_weekday(year: i32, month: u8, weekday: Weekday, nth: i8) -> Option<Date> {
    let month = Month::try_from(month).ok()?;
    let length = month.length(year);
    let first = Date::from_calendar_date(year, month, 1).ok()?;
    let ahead = (7 + weekday.number_days_from_monday() - first.weekday().number_days_from_monday()) % 7;
    let day = if nth < 0 {
        1 + ahead + (length - 1 - ahead) / 7 * 7
    } else {
        1 + ahead + 7 * u8::try_from(nth).ok()?.checked_sub(1)?
    };
    Date::from_calendar_date(year, month, day).ok()
}

/// Easter Sunday of the Gregorian calendar (the anonymous algorithm of 1876).
fn easter(year: i32) -> Option<Date> {
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let f = (b + 8) / 25;
    let g = (b - f + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    let month = Month::try_from(u8::try_from(n / 31).ok()?).ok()?;
    Date::from_calendar_date(year, month, u8::try_from(n % 31 + 1).ok()?).ok()
}

/// 0 to 6 from Monday; 7 on a holiday.
fn kind_of(day: Date, holidays: &[Date]) -> usize {
    if holidays.binary_search(&day).is_ok() {
        return 7;
    }
    usize::from(day.weekday().number_days_from_monday())
}

fn leap_start() -> Date {
    Date::from_calendar_date(2024, Month::January, 1).unwrap_or(Date::MIN)
}

/// Place of a day in a leap year, from 0.
fn day_of_leap_year(day: Date) -> usize {
    let ordinal = usize::from(day.ordinal());
    let skipped = ordinal > 59 && !time::util::is_leap_year(day.year());
    ordinal - 1 + usize::from(skipped)
}
