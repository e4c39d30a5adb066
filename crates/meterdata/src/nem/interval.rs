//! NEM12: streams (200), their days (300), the days' qualities (400) and events (500).

use super::{
    Kind, Ready,
    fields::Fields,
    values::{self, MARKET_TIME, Refused, refused, shown},
};
use crate::cells::Measure;
use crate::{Channel, Fault, Intervals, Item, Moment, Quality, QualityRun};
use rust_decimal::Decimal;
use std::sync::Arc;
use time::Date;

const DAY_MINUTES: u16 = 24 * 60;

/// Where in the file we are.
#[derive(Debug, Default)]
pub(super) enum Days {
    /// No stream was named yet.
    #[default]
    Before,
    /// The record that names the stream was rejected, or may have been lost.
    Lost,
    Within(Stream, Open),
}

/// What a 200 says.
#[derive(Debug)]
pub(super) struct Stream {
    channel: Arc<Channel>,
    measure: Option<Measure>,
    minutes: u16,
    last_on: Option<Date>,
}

/// The 300 to which 400s and 500s belong.
#[derive(Debug)]
pub(super) enum Open {
    None,
    Rejected,
    Day(Day),
}

/// What a 300 says, until its qualities are known.
#[derive(Debug)]
pub(super) struct Day {
    line: u64,
    on: Date,
    values: Vec<Decimal>,
    /// Places of values that are left out, which only missing ones may be.
    blanks: Vec<usize>,
    /// `None` when the 400s say it.
    quality: Option<Quality>,
    runs: Vec<QualityRun>,
    /// How many values the runs cover.
    covered: usize,
    has_events: bool,
}

impl Days {
    pub fn record(&mut self, kind: Kind, line: u64, row: Result<&Fields, Refused>, ready: &mut Ready) {
        match kind {
            Kind::Stream => {
                self.close(ready);
                *self = match row.and_then(Stream::parse) {
                    Ok(stream) => Self::Within(stream, Open::None),
                    Err(refused) => Self::lose(line, refused, ready),
                };
            }
            Kind::Day => self.day(line, row, ready),
            Kind::Qualities | Kind::Event => self.hanging(kind, line, row, ready),
            Kind::Header | Kind::Readings | Kind::Orders | Kind::End | Kind::Unknown => {
                self.close(ready);
                let refused = row.map_or_else(|refused| refused, |row| kind.stray(row));
                *self = Self::lose(line, refused, ready);
            }
        }
    }

    /// Tells the open day.
    pub fn close(&mut self, ready: &mut Ready) {
        let Self::Within(stream, open) = self else { return };
        if let Open::Day(day) = std::mem::replace(open, Open::None) {
            let line = day.line;
            match day.finish(stream) {
                Ok(intervals) => ready.push(Item::Intervals(intervals)),
                Err(refused) => ready.reject(line, refused),
            }
        }
    }

    /// The line of the day that is not yet told.
    pub fn open_line(&self) -> Option<u64> {
        if let Self::Within(_, Open::Day(day)) = self { Some(day.line) } else { None }
    }

    fn lose(line: u64, refused: Refused, ready: &mut Ready) -> Self {
        ready.reject(line, refused);
        Self::Lost
    }

    fn day(&mut self, line: u64, row: Result<&Fields, Refused>, ready: &mut Ready) {
        self.close(ready);
        let (stream, open) = match self {
            Self::Within(stream, open) => (stream, open),
            Self::Before => return ready.reject(line, refused(Fault::OutOfPlace, "a day of no stream")),
            Self::Lost => return ready.reject(line, refused(Fault::Orphaned, "its stream is not known")),
        };
        let on = row.and_then(|row| Ok((row, day_of(row)?)));
        if let (Ok((_, on)), Some(last_on)) = (&on, stream.last_on)
            && *on <= last_on
        {
            let detail = format!("{on} does not come after {last_on}: the stream's name may be lost");
            *self = Self::lose(line, refused(Fault::Contradiction, detail), ready);
            return;
        }
        stream.last_on = on.as_ref().map_or(stream.last_on, |(_, on)| Some(*on));
        *open = match on.and_then(|(row, on)| Day::parse(line, on, row, stream)) {
            Ok(day) => Open::Day(day),
            Err(refused) => {
                ready.reject(line, refused);
                Open::Rejected
            }
        };
    }

    /// What belongs to a day.
    fn hanging(&mut self, kind: Kind, line: u64, row: Result<&Fields, Refused>, ready: &mut Ready) {
        let open = match self {
            Self::Within(_, open) => open,
            Self::Before => return ready.reject(line, refused(Fault::OutOfPlace, "it belongs to no day")),
            Self::Lost => return ready.reject(line, refused(Fault::Orphaned, "its stream is not known")),
        };
        let day = match open {
            Open::Day(day) => day,
            Open::None => return ready.reject(line, refused(Fault::OutOfPlace, "it belongs to no day")),
            Open::Rejected => return ready.reject(line, refused(Fault::Orphaned, "its day was rejected")),
        };
        if kind == Kind::Event {
            day.has_events = true;
            if let Err(refused) = row.and_then(check_event) {
                ready.reject(line, refused);
            }
        } else if let Err(why) = row.and_then(|row| day.qualify(row)) {
            let detail = format!("line {line}, which has qualities of this day, was rejected");
            let day_line = day.line;
            *open = Open::Rejected;
            ready.reject(line, why);
            ready.reject(day_line, refused(Fault::QualityGaps, detail));
        }
    }
}

impl Stream {
    fn parse(row: &Fields) -> Result<Self, Refused> {
        row.at_most(10)?;
        let (point, suffix) = (row.named(1, "NMI")?, row.named(4, "NMI suffix")?);
        let length = row.named(8, "interval length")?;
        // Two digits at most.
        let minutes = values::digits(length)
            .filter(|&minutes| (1..100).contains(&minutes) && DAY_MINUTES.is_multiple_of(minutes))
            .ok_or_else(|| refused(Fault::BadInterval, format!("interval length {}", shown(length))))?;
        let unit_text = row.get(7);
        let measure = Measure::of(unit_text);
        let channel = Channel {
            point: Some(point.to_owned()),
            serial: row.optional(6),
            register: Some(suffix.to_owned()),
            unit_text: unit_text.to_owned(),
            unit: measure.map(|measure| measure.unit),
            flow: values::flow_of_suffix(suffix),
        };
        Ok(Self { channel: Arc::new(channel), measure, minutes, last_on: None })
    }
}

fn day_of(row: &Fields) -> Result<Date, Refused> {
    let text = row.named(1, "interval date")?;
    values::date(text).ok_or_else(|| refused(Fault::BadTime, format!("interval date {}", shown(text))))
}

impl Day {
    fn parse(line: u64, on: Date, row: &Fields, stream: &Stream) -> Result<Self, Refused> {
        let count = usize::from(DAY_MINUTES / stream.minutes);
        // Number, date, values, quality, reason code and description, two times.
        let (least, most) = (count + 3, count + 7);
        if !(least..=most).contains(&row.used()) {
            let detail =
                format!("{} fields, where a day of {count} values has {least} to {most}", row.used());
            return Err(refused(Fault::FieldCount, detail));
        }
        let mut day = Self {
            line,
            on,
            values: Vec::with_capacity(count),
            blanks: Vec::new(),
            quality: None,
            runs: Vec::new(),
            covered: 0,
            has_events: false,
        };
        for place in 0..count {
            let text = row.get(2 + place);
            if text.is_empty() {
                day.blanks.push(place);
                day.values.push(Decimal::ZERO);
            } else {
                let value = values::value(text, stream.measure);
                day.values
                    .push(value.ok_or_else(|| values::bad_number(&format!("value {}", place + 1), text))?);
            }
        }
        let flag = row.get(2 + count);
        if flag != "V" {
            day.quality = Some(values::quality(flag, row.get(3 + count), row.get(4 + count))?);
        }
        Ok(day)
    }

    /// What a 400 says: from, to, quality, reason.
    fn qualify(&mut self, row: &Fields) -> Result<(), Refused> {
        if self.has_events {
            return Err(refused(Fault::OutOfPlace, "qualities of a day stand before its events"));
        }
        row.at_most(6)?;
        let (from, to) = (row.named(1, "first interval")?, row.named(2, "last interval")?);
        let number = |text| {
            values::digits(text).map(usize::from).ok_or_else(|| {
                refused(Fault::BadNumber, format!("intervals {} to {}", shown(from), shown(to)))
            })
        };
        let (from, to) = (number(from)?, number(to)?);
        let quality = values::quality(row.get(3), row.get(4), row.get(5))?;
        let count = self.values.len();
        if from < 1 || to < from || to > count {
            return Err(refused(Fault::QualityGaps, format!("intervals {from} to {to} of {count}")));
        }
        if from <= self.covered {
            let detail = format!("interval {from} has a quality already");
            return Err(refused(Fault::QualityGaps, detail));
        }
        self.fill(from - 1)?;
        self.runs.push(QualityRun { count: to + 1 - from, quality });
        self.covered = to;
        Ok(())
    }

    /// Gives the day's own quality to what no 400 covers, up to and with interval `to`.
    fn fill(&mut self, to: usize) -> Result<(), Refused> {
        if to > self.covered {
            let Some(quality) = self.quality.clone() else {
                let detail = format!("intervals {} to {to} have no quality", self.covered + 1);
                return Err(refused(Fault::QualityGaps, detail));
            };
            self.runs.push(QualityRun { count: to - self.covered, quality });
            self.covered = to;
        }
        Ok(())
    }

    fn finish(mut self, stream: &Stream) -> Result<Intervals, Refused> {
        self.fill(self.values.len())?;
        let mut blanks = self.blanks.iter().peekable();
        let mut end = 0;
        for run in &self.runs {
            end += run.count;
            while let Some(&place) = blanks.next_if(|&&place| place < end) {
                if run.quality.kind.is_some() {
                    return Err(refused(Fault::MissingField, format!("value {}", place + 1)));
                }
            }
        }
        Ok(Intervals {
            line: self.line,
            channel: Arc::clone(&stream.channel),
            begins: Moment::Instant(self.on.midnight().assume_offset(MARKET_TIME)),
            minutes: stream.minutes,
            values: self.values,
            qualities: self.runs,
        })
    }
}

/// A 500: what was done, by which order, when, and what the dials showed then.
fn check_event(row: &Fields) -> Result<(), Refused> {
    row.at_most(5)?;
    let (at, index) = (row.get(3), row.get(4));
    if !at.is_empty() && values::instant(at).is_none() {
        return Err(refused(Fault::BadTime, format!("time of the read {}", shown(at))));
    }
    if !index.is_empty() && values::number(index).is_none() {
        return Err(values::bad_number("index read", index));
    }
    Ok(())
}
