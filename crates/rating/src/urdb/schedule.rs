//! Schedules of twelve months by the hours of weekdays and weekends, as windows of a calendar.

use super::fields::{Fields, whole};
use super::json::Json;
use super::{Draft, word};
use crate::tariff::calendar::{DayKind, MonthDay, Span, TimeOfDay};
use crate::tariff::{Season, TimeOfUse, Window};

/// Per month, per part of the day, the period.
type Matrix = Vec<Vec<usize>>;

/// A weekday and a weekend schedule.
pub(super) struct Schedule {
    weekday: Matrix,
    weekend: Matrix,
}

impl Schedule {
    /// `None` with a refusal when there is none of the right shape. A single period needs no schedule.
    pub(super) fn read(fields: &Fields, draft: &mut Draft, kind: &str, periods: usize) -> Option<Self> {
        let names = [format!("{kind}weekdayschedule"), format!("{kind}weekendschedule")];
        let mut read = |name: &String| {
            if periods == 1 && fields.get(name).is_none() {
                return Some(vec![vec![0]; 12]);
            }
            let matrix = fields.get(name).and_then(matrix);
            if matrix.is_none() {
                draft.refuse(name, "twelve months of equally many parts of a day are needed");
            }
            let known =
                matrix.as_ref().is_none_or(|all| all.iter().flatten().all(|period| *period < periods));
            if !known {
                draft.refuse(name, format!("it names a period that is not one of the {periods}"));
            }
            matrix.filter(|_| known)
        };
        let weekday = read(&names[0]);
        let weekend = read(&names[1]);
        Some(Self { weekday: weekday?, weekend: weekend? })
    }

    /// The periods that occur, in order.
    pub(super) fn used(&self) -> Vec<usize> {
        let mut all: Vec<usize> = self.weekday.iter().chain(&self.weekend).flatten().copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether every month has one period for all its hours, on weekdays and at weekends alike: then it
    /// is a calendar of seasons, and no meter need know the hours.
    pub(super) fn is_of_months(&self) -> bool {
        self.weekday.iter().zip(&self.weekend).all(|(weekday, weekend)| {
            let mut all = weekday.iter().chain(weekend);
            let first = all.next();
            all.all(|other| Some(other) == first)
        })
    }

    /// The months, from 1, in which a period occurs.
    pub(super) fn months(&self, period: usize) -> Vec<u8> {
        let days = (1..).zip(self.weekday.iter().zip(&self.weekend));
        let own =
            days.filter(|(_, (weekday, weekend))| weekday.contains(&period) || weekend.contains(&period));
        own.map(|(month, _)| month).collect()
    }

    /// As a time of use whose buckets are the prefix and the period's number.
    pub(super) fn windows(&self, id: &str, prefix: &str) -> Option<TimeOfUse> {
        let common = self.most_common();
        let bucket = |period: usize| word(&format!("{prefix}{period}"));
        let mut windows: Vec<Window> = Vec::new();
        let both = self.weekday == self.weekend;
        let kinds = [(&self.weekday, DayKind::Weekday), (&self.weekend, DayKind::Weekend)];
        for (matrix, kind) in kinds.into_iter().take(if both { 1 } else { 2 }) {
            for month in 0..12 {
                // Months alike share their windows.
                if matrix[..month].contains(&matrix[month]) {
                    continue;
                }
                let alike = (month..12).filter(|other| matrix[*other] == matrix[month]);
                let months: Vec<u8> = alike.filter_map(|month| u8::try_from(month + 1).ok()).collect();
                let months = if months.len() == 12 { Vec::new() } else { months };
                for (period, from, to) in runs(&matrix[month]) {
                    if period == common {
                        continue;
                    }
                    windows.push(Window {
                        bucket: bucket(period)?,
                        season: None,
                        months: months.clone(),
                        dates: Vec::new(),
                        days: if both { Vec::new() } else { vec![kind] },
                        from: TimeOfDay::from_minutes(from)?,
                        to: TimeOfDay::from_minutes(to)?,
                    });
                }
            }
        }
        Some(TimeOfUse { id: word(id)?, windows, otherwise: bucket(common) })
    }

    fn most_common(&self) -> usize {
        let count = |period: &usize| {
            self.weekday.iter().chain(&self.weekend).flatten().filter(|other| *other == period).count()
        };
        self.used().into_iter().max_by_key(count).unwrap_or(0)
    }
}

fn matrix(value: &Json) -> Option<Matrix> {
    let months = value.as_list().filter(|months| months.len() == 12)?;
    let row = |month: &Json| -> Option<Vec<usize>> {
        month.as_list()?.iter().map(|part| usize::try_from(whole(part)?).ok()).collect()
    };
    let matrix: Matrix = months.iter().map(row).collect::<Option<_>>()?;
    let parts = matrix.first()?.len();
    // Five minutes are the finest.
    let whole = parts > 0 && 288 % parts == 0;
    (whole && matrix.iter().all(|month| month.len() == parts)).then_some(matrix)
}

/// Stretches of one period in a day, with the minutes from and to.
fn runs(day: &[usize]) -> Vec<(usize, u16, u16)> {
    let minutes = 1_440 / day.len().max(1);
    let at = |part: usize| u16::try_from(part * minutes).unwrap_or(1_440);
    let mut runs: Vec<(usize, u16, u16)> = Vec::new();
    for (part, period) in day.iter().enumerate() {
        match runs.last_mut() {
            Some(last) if last.0 == *period => last.2 = at(part + 1),
            _ => runs.push((*period, at(part), at(part + 1))),
        }
    }
    runs
}

/// The season of whole months, from 1.
pub(super) fn season(months: &[u8]) -> Option<Season> {
    let mut spans: Vec<Span> = Vec::new();
    for month in months {
        let length = time::Month::try_from(*month).ok()?.length(2024);
        let (from, to) = (MonthDay::new(*month, 1)?, MonthDay::new(*month, length)?);
        let follows = *month > 1 && months.contains(&(month - 1));
        match spans.last_mut() {
            Some(last) if follows => last.to = to,
            _ => spans.push(Span { from, to }),
        }
    }
    let named: Vec<String> = months.iter().map(|month| format!("{month:02}")).collect();
    Some(Season { id: word(&format!("months-{}", named.join("-")))?, spans })
}
