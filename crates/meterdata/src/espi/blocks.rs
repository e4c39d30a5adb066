//! Readings of a block: from what the file writes to stretches, and from stretches to items.

use std::collections::VecDeque;
use std::sync::Arc;

use rust_decimal::Decimal;
use time::OffsetDateTime;
use vocab::decimal;

use super::codes::{self, Uom};
use super::links;
use crate::item::{Channel, Fault, Flow, Intervals, Item, Moment, Quality, QualityRun, Reading, Rejected};
use crate::line_file::shortened;

/// Values of one item at most; a longer stretch is several.
pub(super) const VALUES_MAX: usize = 1_500;
/// Stretches with gaps between them that a block may have.
pub(super) const STRETCHES_MAX: usize = 4_096;
/// What a stretch takes beside its readings, in readings.
const STRETCH_WEIGHT: usize = 40;
/// Qualities that one reading may have.
const QUALITIES_MAX: usize = 8;
/// Of a value that is repeated in a rejection.
pub(super) const FOUND_CHARS_MAX: usize = 60;

/// What a ReadingType says of the values that are of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ReadingType {
    uom: Option<Uom>,
    symbol: String,
    multiplier: i32,
    flow: Flow,
    is_dials: bool,
    default_quality: Option<Quality>,
}

/// The elements of a ReadingType as they come.
pub(super) struct RawType {
    pub line: u64,
    pub uom: Option<u16>,
    pub multiplier: Option<i32>,
    pub flow: Option<u16>,
    pub accumulation: Option<u16>,
    pub default_quality: Option<u8>,
    pub fault: Option<(Fault, String)>,
}

/// A number in an element; the fault names the element.
pub(super) fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, (Fault, String)> {
    if text.is_empty() {
        return Err((Fault::MissingField, name.to_owned()));
    }
    text.parse().map_err(|_| (Fault::BadNumber, format!("{name} {}", shortened(text, FOUND_CHARS_MAX))))
}

/// Keeps what is found, once, or the first fault.
pub(super) fn keep<T>(
    place: &mut Option<T>,
    fault: &mut Option<(Fault, String)>,
    name: &str,
    found: Result<T, (Fault, String)>,
) {
    let found = match found {
        Ok(_) if place.is_some() => Err((Fault::Contradiction, format!("{name} twice"))),
        found => found,
    };
    match found {
        Ok(value) => *place = Some(value),
        Err(found) => {
            fault.get_or_insert(found);
        }
    }
}

impl RawType {
    pub const fn new(line: u64) -> Self {
        Self {
            line,
            uom: None,
            multiplier: None,
            flow: None,
            accumulation: None,
            default_quality: None,
            fault: None,
        }
    }

    pub fn finished(mut self) -> Result<ReadingType, Rejected> {
        let multiplier = self.multiplier.unwrap_or(0);
        if multiplier.abs() > codes::POWER_MAX {
            self.fault.get_or_insert((Fault::BadNumber, format!("powerOfTenMultiplier {multiplier}")));
        }
        let default_quality = self.default_quality.map(|code| codes::quality_of(&[code]));
        if default_quality == Some(None) {
            self.fault.get_or_insert((Fault::BadQuality, "defaultQuality".to_owned()));
        }
        if let Some((fault, detail)) = self.fault {
            return Err(Rejected::new(self.line, fault, format!("ReadingType: {detail}")));
        }
        let uom = self.uom.and_then(codes::uom_of);
        Ok(ReadingType {
            uom,
            symbol: symbol(self.uom),
            multiplier,
            flow: codes::flow_of(self.flow.unwrap_or(0)),
            is_dials: codes::is_dials(self.accumulation.unwrap_or(0)),
            default_quality: default_quality.flatten(),
        })
    }
}

/// What a uom is called.
pub(super) fn symbol(uom: Option<u16>) -> String {
    match (uom, uom.and_then(codes::uom_of)) {
        (_, Some(known)) => known.symbol.to_owned(),
        (Some(code), None) => format!("uom {code}"),
        (None, None) => String::new(),
    }
}

impl ReadingType {
    /// The channel of a MeterReading whose values are of this type.
    pub fn channel(&self, meter_reading: Option<&str>) -> Channel {
        Channel {
            point: meter_reading.and_then(links::usage_point_of).map(str::to_owned),
            serial: None,
            register: meter_reading.and_then(links::number_of),
            unit_text: self.symbol.clone(),
            unit: self.uom.and_then(|uom| uom.unit),
            flow: self.flow,
        }
    }

    fn power(&self) -> i32 {
        self.multiplier + self.uom.map_or(0, |uom| uom.power)
    }

    fn quality(&self, own: &Quality) -> Quality {
        match &self.default_quality {
            Some(default) if own.flag.is_empty() => default.clone(),
            _ => own.clone(),
        }
    }
}

/// The elements of an IntervalReading as they come.
pub(super) struct RawReading {
    pub line: u64,
    pub start: Option<i64>,
    pub seconds: Option<u32>,
    pub value: Option<Decimal>,
    pub qualities: Vec<u8>,
    pub fault: Option<(Fault, String)>,
}

impl RawReading {
    pub const fn new(line: u64) -> Self {
        Self { line, start: None, seconds: None, value: None, qualities: Vec::new(), fault: None }
    }

    pub fn set_start(&mut self, text: &str) {
        let found = number("start", text).map_err(|(fault, detail)| match fault {
            Fault::BadNumber => (Fault::BadTime, detail),
            fault => (fault, detail),
        });
        keep(&mut self.start, &mut self.fault, "start", found);
    }

    pub fn set_seconds(&mut self, text: &str) {
        let found = number("duration", text).map_err(|(fault, detail)| match fault {
            Fault::BadNumber => (Fault::BadInterval, detail),
            fault => (fault, detail),
        });
        keep(&mut self.seconds, &mut self.fault, "duration", found);
    }

    pub fn set_value(&mut self, text: &str) {
        let found = if text.is_empty() {
            Err((Fault::MissingField, "value".to_owned()))
        } else {
            decimal::parse(text.strip_prefix('+').unwrap_or(text))
                .ok_or_else(|| (Fault::BadNumber, format!("value {}", shortened(text, FOUND_CHARS_MAX))))
        };
        keep(&mut self.value, &mut self.fault, "value", found);
    }

    pub fn add_quality(&mut self, text: &str) {
        let code = text.parse().ok().filter(|&code| codes::kind_of(code).is_some());
        match code {
            Some(code) if self.qualities.len() < QUALITIES_MAX => self.qualities.push(code),
            Some(_) => {
                let detail = format!("more than {QUALITIES_MAX} qualities");
                self.fault.get_or_insert((Fault::BadQuality, detail));
            }
            None => {
                let detail = format!("quality {}", shortened(text, FOUND_CHARS_MAX));
                self.fault.get_or_insert((Fault::BadQuality, detail));
            }
        }
    }

    fn finished(self) -> Result<Finished, Rejected> {
        let line = self.line;
        let rejected = |(fault, detail): (Fault, String)| Rejected::new(line, fault, detail);
        let missing = |name: &str| rejected((Fault::MissingField, name.to_owned()));
        if let Some(fault) = self.fault {
            return Err(rejected(fault));
        }
        let start = self.start.ok_or_else(|| missing("start"))?;
        let value = self.value.ok_or_else(|| missing("value"))?;
        let seconds = self.seconds.unwrap_or(0);
        let ends = start.checked_add(i64::from(seconds)).and_then(instant);
        if start < 0 || ends.is_none() {
            return Err(rejected((Fault::BadTime, format!("start {start}"))));
        }
        let quality = codes::quality_of(&self.qualities)
            .ok_or_else(|| rejected((Fault::BadQuality, "quality".to_owned())))?;
        Ok(Finished { line, start, seconds, value, quality })
    }
}

/// A reading that has all that it needs.
struct Finished {
    line: u64,
    start: i64,
    seconds: u32,
    value: Decimal,
    quality: Quality,
}

/// An instant of a year that has four digits.
pub(super) fn instant(seconds: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(seconds).ok().filter(|at| (0..=9999).contains(&at.year()))
}

/// Consecutive readings of equal length, as the file writes them.
#[derive(Debug)]
pub(super) struct Stretch {
    begins: i64,
    seconds: u32,
    /// Line and value.
    values: Vec<(u64, Decimal)>,
    qualities: Vec<QualityRun>,
}

impl Stretch {
    fn new(reading: Finished) -> Self {
        let Finished { line, start, seconds, value, quality } = reading;
        let qualities = vec![QualityRun { count: 1, quality }];
        Self { begins: start, seconds, values: vec![(line, value)], qualities }
    }

    fn instant_after(&self, values: usize) -> Option<i64> {
        let seconds = i64::try_from(values).ok()?.checked_mul(i64::from(self.seconds))?;
        self.begins.checked_add(seconds)
    }

    /// Adds a reading that goes on where this ends, or gives it back.
    fn extended(&mut self, reading: Finished) -> Result<(), Finished> {
        let goes_on = self.seconds > 0
            && self.seconds == reading.seconds
            && self.values.len() < VALUES_MAX
            && self.instant_after(self.values.len()) == Some(reading.start);
        if !goes_on {
            return Err(reading);
        }
        self.values.push((reading.line, reading.value));
        QualityRun::push(&mut self.qualities, reading.quality);
        Ok(())
    }

    /// How much it counts while it is held: its readings, and what it takes itself.
    pub const fn weight(&self) -> usize {
        self.values.len() + STRETCH_WEIGHT
    }

    /// As items, once it is known what it is of.
    pub fn items(self, channel: &Arc<Channel>, of: &ReadingType, items: &mut VecDeque<Item>) {
        let minutes = codes::minutes_of(self.seconds);
        let Some(minutes) = minutes.or(of.is_dials.then_some(0)) else {
            let line = self.values.first().map_or(0, |value| value.0);
            let detail = format!("{} readings of {} seconds", self.values.len(), self.seconds);
            items.push_back(Item::Rejected(Rejected::new(line, Fault::BadInterval, detail)));
            return;
        };
        let qualities = self.qualities.iter().flat_map(|run| std::iter::repeat_n(&run.quality, run.count));
        let mut part: Option<Intervals> = None;
        for (place, (&(line, value), quality)) in self.values.iter().zip(qualities).enumerate() {
            // A dial is read when its time is over.
            let after = if of.is_dials { place + 1 } else { place };
            let at = self.instant_after(after).and_then(instant).map(Moment::Instant);
            let (Some(value), Some(at)) = (codes::scaled(value, of.power()), at) else {
                items.extend(part.take().map(Item::Intervals));
                let detail = format!("value {value} × 10^{}", of.power());
                items.push_back(Item::Rejected(Rejected::new(line, Fault::BadNumber, detail)));
                continue;
            };
            let quality = of.quality(quality);
            if of.is_dials {
                let channel = Arc::clone(channel);
                items.push_back(Item::Reading(Reading { line, channel, at, value, quality }));
                continue;
            }
            let part = part.get_or_insert_with(|| Intervals {
                line,
                channel: Arc::clone(channel),
                begins: at,
                minutes,
                values: Vec::new(),
                qualities: Vec::new(),
            });
            part.values.push(value);
            QualityRun::push(&mut part.qualities, quality);
        }
        items.extend(part.map(Item::Intervals));
    }
}

/// Which times of a block have readings.
#[derive(Default)]
struct Covered {
    /// Begin and end, in order of time, apart from each other.
    times: Vec<(i64, i64)>,
}

impl Covered {
    fn add(&mut self, begins: i64, ends: i64) -> Result<(), String> {
        let place = self.times.partition_point(|time| time.1 <= begins);
        if self.times.get(place).is_some_and(|next| next.0 < ends) {
            return Err(format!("another reading of the block has the time of {begins}"));
        }
        let joins_last = place > 0 && self.times[place - 1].1 == begins;
        let joins_next = self.times.get(place).is_some_and(|next| next.0 == ends);
        match (joins_last, joins_next) {
            (true, true) => {
                self.times[place - 1].1 = self.times[place].1;
                self.times.remove(place);
            }
            (true, false) => self.times[place - 1].1 = ends,
            (false, true) => self.times[place].0 = begins,
            (false, false) if self.times.len() == STRETCHES_MAX => {
                return Err(format!("the block has more than {STRETCHES_MAX} stretches"));
            }
            (false, false) => self.times.insert(place, (begins, ends)),
        }
        Ok(())
    }
}

/// A block that is being read.
pub(super) struct Block {
    pub line: u64,
    covered: Covered,
    stretch: Option<Stretch>,
}

impl Block {
    pub fn new(line: u64) -> Self {
        Self { line, covered: Covered::default(), stretch: None }
    }

    /// Adds a reading; the stretch before it when that is over.
    pub fn add(&mut self, reading: RawReading) -> Result<Option<Stretch>, Rejected> {
        let reading = reading.finished()?;
        let line = reading.line;
        // A dial's reading may have no length; it has its second.
        let ends = reading.start + i64::from(reading.seconds.max(1));
        self.covered
            .add(reading.start, ends)
            .map_err(|detail| Rejected::new(line, Fault::Contradiction, detail))?;
        let Some(stretch) = &mut self.stretch else {
            self.stretch = Some(Stretch::new(reading));
            return Ok(None);
        };
        match stretch.extended(reading) {
            Ok(()) => Ok(None),
            Err(reading) => Ok(self.stretch.replace(Stretch::new(reading))),
        }
    }

    /// What is left.
    pub fn finish(&mut self) -> Option<Stretch> {
        self.stretch.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_covered_once() {
        let mut covered = Covered::default();
        for (begins, ends, fits) in [
            (10, 20, true),
            (30, 40, true),
            (20, 30, true),
            (10, 20, false),
            (39, 41, false),
            (0, 11, false),
            (0, 5, true),
            (50, 51, true),
            (5, 10, true),
            (40, 50, true),
        ] {
            assert_eq!(covered.add(begins, ends).is_ok(), fits, "{begins}–{ends}");
        }
        assert_eq!(covered.times, [(0, 51)]);
    }

    #[test]
    fn a_block_has_so_many_stretches() {
        let mut covered = Covered::default();
        for number in 0..STRETCHES_MAX {
            let begins = i64::try_from(number).unwrap() * 10;
            assert!(covered.add(begins, begins + 1).is_ok());
        }
        assert!(covered.add(1_000_000, 1_000_001).is_err());
        assert!(covered.add(1, 2).is_ok());
    }
}
