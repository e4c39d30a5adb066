//! What a file says, as rows to be judged one by one: a read of a day, or the part of a day that
//! interval data cover.

use meterdata::{Accumulated, Channel, Fault, Intervals, Moment, QualityRun, Reading};
use std::sync::Arc;
use time::macros::date;
use time::{Date, OffsetDateTime, Time};
use vocab::{Decimal, ReadQuality, Zone};

/// Days from this one on have no end in every zone.
pub(crate) const LAST_ON: Date = date!(9999 - 12 - 30);

/// A value on a register's dials, or a consumption of its own.
#[derive(Debug)]
pub(super) struct ReadRow {
    pub line: u64,
    pub channel: Arc<Channel>,
    pub value: DayValue,
    /// The register's reading before this one, where the record has it too.
    pub before: Option<DayValue>,
    /// Whether the place that it names is not known, and its meter alone was found.
    pub place_is_unknown: bool,
}

/// A value with the day that it closes.
#[derive(Debug, Clone)]
pub(super) struct DayValue {
    pub read_on: Date,
    /// When it was read, if the file says the time of day.
    pub read_at: Option<OffsetDateTime>,
    pub value: Decimal,
    pub quality: ReadQuality,
    /// A trouble code or reason that came with it.
    pub trouble: Option<String>,
}

/// Interval data of one civil day, or of a part of it.
#[derive(Debug)]
pub(super) struct DayRow {
    pub line: u64,
    pub channel: Arc<Channel>,
    pub on: Date,
    pub minutes: u16,
    /// How many intervals the day has.
    pub slots: usize,
    /// The first interval of these.
    pub slot: usize,
    pub values: Vec<Decimal>,
    /// Qualities of the values in order; none is a value that is missing.
    pub runs: Vec<(usize, Option<ReadQuality>)>,
}

/// Why a record says nothing that can be judged, and what is to be known besides.
pub(super) type Refused = (&'static str, String);

impl ReadRow {
    /// Of a reading; none when it has no value.
    pub fn of(reading: Reading, zone: &Zone) -> Result<Option<Self>, Refused> {
        let Some(value) = DayValue::of(&reading, zone)? else { return Ok(None) };
        let (line, channel) = (reading.line, reading.channel);
        Ok(Some(Self { line, channel, value, before: None, place_is_unknown: false }))
    }

    /// Of two readings in one record.
    pub fn of_both(both: Accumulated, zone: &Zone) -> Result<Option<Self>, Refused> {
        let before = both.from.map(|from| DayValue::of(&from, zone)).transpose()?.flatten();
        Ok(Self::of(both.to, zone)?.map(|row| Self { before, ..row }))
    }
}

impl DayValue {
    fn of(reading: &Reading, zone: &Zone) -> Result<Option<Self>, Refused> {
        let Some(quality) = reading.quality.kind else { return Ok(None) };
        let outside = || (Fault::BadTime.as_str(), "outside the calendar".to_owned());
        let read_on = reading.at.read_on(zone).filter(|on| *on < LAST_ON).ok_or_else(outside)?;
        let read_at = match reading.at {
            Moment::Day(_) => None,
            at => Some(at.instant(zone).ok_or_else(outside)?),
        };
        let trouble = reading.quality.reason.clone();
        Ok(Some(Self { read_on, read_at, value: reading.value, quality, trouble }))
    }
}

/// Cuts interval data at the midnights of the utility's zone.
pub(super) fn by_day(of: Intervals, zone: &Zone) -> Result<Vec<DayRow>, Refused> {
    let outside = || (Fault::BadTime.as_str(), "outside the calendar".to_owned());
    if !matches!(of.minutes, 5 | 10 | 15 | 20 | 30 | 60) {
        let detail = format!("intervals of {} minutes; kept are those of 5 to 60", of.minutes);
        return Err((Fault::BadInterval.as_str(), detail));
    }
    let minutes = i64::from(of.minutes);
    let mut at = of.begins.instant(zone).ok_or_else(outside)?;
    let mut left = of.values;
    let mut runs = Runs::new(of.qualities);
    let mut days = Vec::with_capacity(1);
    while !left.is_empty() {
        let (on, _) = zone.civil(at);
        let midnight = zone.instant(on, Time::MIDNIGHT).ok_or_else(outside)?;
        let (elapsed, length) = ((at - midnight).whole_minutes(), zone.minutes_of(on).ok_or_else(outside)?);
        if elapsed % minutes != 0 || length % minutes != 0 || at.second() != 0 {
            let detail = format!("intervals of {minutes} minutes that do not begin with the day's");
            return Err((Fault::BadInterval.as_str(), detail));
        }
        let count = |minutes: i64| usize::try_from(minutes).map_err(|_| outside());
        let (slot, slots) = (count(elapsed / minutes)?, count(length / minutes)?);
        let here = left.len().min(slots - slot.min(slots));
        if here == 0 {
            return Err(outside());
        }
        let rest = left.split_off(here);
        let values = std::mem::replace(&mut left, rest);
        days.push(DayRow {
            line: of.line,
            channel: Arc::clone(&of.channel),
            on,
            minutes: of.minutes,
            slots,
            slot,
            runs: runs.take(here),
            values,
        });
        at += time::Duration::minutes(minutes * i64::try_from(here).map_err(|_| outside())?);
    }
    Ok(days)
}

/// Qualities, handed out by the number of values.
struct Runs(std::iter::Peekable<std::vec::IntoIter<(usize, Option<ReadQuality>)>>);

impl Runs {
    fn new(all: Vec<QualityRun>) -> Self {
        let runs: Vec<_> = all.into_iter().map(|run| (run.count, run.quality.kind)).collect();
        Self(runs.into_iter().peekable())
    }

    fn take(&mut self, mut count: usize) -> Vec<(usize, Option<ReadQuality>)> {
        let mut taken = Vec::with_capacity(1);
        while count > 0 {
            let Some(run) = self.0.peek_mut() else { break };
            let here = run.0.min(count);
            taken.push((here, run.1));
            count -= here;
            run.0 -= here;
            if run.0 == 0 {
                self.0.next();
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meterdata::{Flow, Quality};
    use time::macros::{date, datetime};

    fn intervals(begins: Moment, minutes: u16, counts: &[(usize, Option<ReadQuality>)]) -> Intervals {
        let channel = Channel {
            point: Some("P".to_owned()),
            serial: None,
            register: None,
            unit_text: "KWH".to_owned(),
            unit: Some(vocab::Unit::Kwh),
            flow: Flow::Delivered,
        };
        let quality = |kind| Quality { kind, flag: String::new(), reason: None };
        let total: usize = counts.iter().map(|(count, _)| count).sum();
        Intervals {
            line: 7,
            channel: Arc::new(channel),
            begins,
            minutes,
            values: (0..total).map(|n| Decimal::from(n as u64)).collect(),
            qualities: counts
                .iter()
                .map(|&(count, kind)| QualityRun { count, quality: quality(kind) })
                .collect(),
        }
    }

    #[test]
    fn days_are_cut_at_the_utilitys_midnights() {
        let denver: Zone = "America/Denver".parse().unwrap();
        // Two days from 22:00 before the clock is set forward: 2 + 23 + 23 hours.
        let begins = Moment::Local(datetime!(2026-03-07 22:00));
        let (actual, estimated) = (Some(ReadQuality::Actual), Some(ReadQuality::Estimated));
        let days =
            by_day(intervals(begins, 60, &[(1, actual), (20, estimated), (27, None)]), &denver).unwrap();
        let seen: Vec<_> = days.iter().map(|day| (day.on, day.slot, day.slots, day.values.len())).collect();
        assert_eq!(
            seen,
            [
                (date!(2026 - 03 - 07), 22, 24, 2),
                (date!(2026 - 03 - 08), 0, 23, 23),
                (date!(2026 - 03 - 09), 0, 24, 23),
            ]
        );
        assert_eq!(days[0].runs, [(1, actual), (1, estimated)]);
        assert_eq!(days[1].runs, [(19, estimated), (4, None)]);
        assert_eq!(days[2].runs, [(23, None)]);
        assert_eq!(days[2].values[0], Decimal::from(25));
    }

    #[test]
    fn intervals_that_do_not_fit_the_day_are_refused() {
        let zone = Zone::utc();
        for (begins, minutes) in [
            (datetime!(2026-03-07 00:10), 15),
            (datetime!(2026-03-07 00:00), 7),
            (datetime!(2026-03-07 0:00:30), 15),
        ] {
            let of = intervals(Moment::Local(begins), minutes, &[(4, Some(ReadQuality::Actual))]);
            assert_eq!(by_day(of, &zone).unwrap_err().0, "bad_interval");
        }
    }
}
