//! CMEP, the California Metering Exchange Protocol, as Sensus writes it: `MEPMD01` records, one line a
//! meter and channel, with triples of time, quality and value.
//!
//! What the fields mean, and how that is known:
//! - A time is the *end* of its interval: in a real file the hourly values stamped from 08:00 to 07:00
//!   of the next day add up to the difference of the dials read at 07:00 and 07:00. A run begins one
//!   interval before its first time.
//! - Times are the utility's own clock there, and go back when that does, on the days on which it is set
//!   back and on no others; an interval is counted back from the instant of its end. Other users of the
//!   protocol write UTC ([`Clock::Utc`]). The file does not say which.
//! - Values of a unit that ends in `REG` (`CFREG`, `KWHREG`) are dials, others are consumption.
//!   `MEPRD01`, of which no public description was found, is read as such a record of dials.
//! - A consumption times the calculation constant is in the unit. Dials show what they show: a register
//!   has a multiplier of its own, so a record of dials with another constant than 1 is rejected.
//! - Qualities: `R` read, `E` estimated, `N` none: a stretch says that its value is missing, of dials
//!   nothing is said. `N` comes with a zero or a stale value. Others are refused.
//! - A last line without an end may be cut inside of a value, and is rejected.
//! - A time may be left out after the first: it is one interval after the one before.
//!
//! The reader keeps the meter as the serial, and the receiver's customer as the point unless it is the
//! meter again. Deliberately missing: administrative, time-of-use and alarm records (rejected by name).

use std::collections::VecDeque;
use std::io::BufRead;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use vocab::{ReadQuality, Zone};

use crate::cells::{Cells, Measure, measured, needed_number, times};
use crate::item::{Channel, Fault, FileFault, Flow, Intervals, Item, Moment, Quality, QualityRun, Reading};
use crate::line_file::{Format, LineFile, Refused, excerpt, needs_end, rejected};
use crate::lines::{Lines, RawLine};
use crate::{clock, stamp};

/// Longest record: a month of quarter hours has 2,976 triples of about 22 bytes.
pub(crate) const LINE_BYTES_MAX: usize = 128 * 1024;

const RECEIVER_CUSTOMER: usize = 5;
const METER: usize = 7;
const PURPOSE: usize = 8;
const UNIT: usize = 10;
const CONSTANT: usize = 11;
const INTERVAL: usize = 12;
const COUNT: usize = 13;
/// Where the triples begin.
const TRIPLES: usize = 14;

/// Purposes whose values are the meter's own; `SUMMARY` and the like are sums and forecasts.
const PURPOSES: &[&str] = &["", "OK", "RESEND", "HISTORY"];

/// What the times of a file show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = ReadingFileClock))]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// The utility's own clock.
    #[default]
    Local,
    /// Coordinated Universal Time.
    Utc,
}

/// Items of a CMEP file.
#[derive(Debug)]
pub struct CmepFile<'z, R>(LineFile<R, Cmep<'z>>);

impl<'z, R: BufRead> CmepFile<'z, R> {
    /// A file with times of the utility's own clock, as Sensus writes it.
    pub fn new(input: R, zone: &'z Zone) -> Self {
        Self::with_clock(input, Clock::Local, zone)
    }

    /// A file with times of a known clock.
    pub fn with_clock(input: R, clock: Clock, zone: &'z Zone) -> Self {
        Self::of(Lines::new(input), clock, zone)
    }

    pub(crate) fn of(lines: Lines<R>, clock: Clock, zone: &'z Zone) -> Self {
        let is_begun = !lines.piece().begins_file;
        Self(LineFile::new(
            lines.at_most(LINE_BYTES_MAX),
            Cmep { cells: Cells::comma(), clock, zone, is_begun },
        ))
    }
}

impl<R: BufRead> Iterator for CmepFile<'_, R> {
    type Item = Result<Item, FileFault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

#[derive(Debug)]
struct Cmep<'z> {
    cells: Cells,
    clock: Clock,
    zone: &'z Zone,
    is_begun: bool,
}

impl Format for Cmep<'_> {
    fn record(&mut self, raw: &RawLine, items: &mut VecDeque<Item>) -> Result<(), FileFault> {
        let begins = |kind: &[u8]| raw.bytes.strip_prefix(b"\"").unwrap_or(&raw.bytes).starts_with(kind);
        if !self.is_begun && !begins(b"MEP") && !begins(b"MLA") {
            let reason = "no CMEP file: the first record is not of a kind MEP…".to_owned();
            return Err(FileFault::Format { line: raw.number, reason });
        }
        self.is_begun = true;
        match self.taken(raw) {
            Ok(taken) => items.extend(taken),
            Err(refused) => items.push_back(rejected(raw.number, refused)),
        }
        Ok(())
    }
}

impl Cmep<'_> {
    fn taken(&mut self, raw: &RawLine) -> Result<Vec<Item>, Refused> {
        needs_end(raw)?;
        self.cells.split(raw)?;
        let cells = &self.cells;
        let is_named_register = match cells.get(0) {
            "MEPMD01" => false,
            "MEPRD01" => true,
            other => return Err((Fault::UnknownRecord, format!("`{}`", excerpt(other)))),
        };
        let count = triples(cells)?;
        if !PURPOSES.contains(&cells.get(PURPOSE).to_ascii_uppercase().as_str()) {
            return Err((Fault::UnknownRecord, format!("purpose `{}`", excerpt(cells.get(PURPOSE)))));
        }
        let (channel, measure, has_register_unit) = channel(cells)?;
        let is_register = is_named_register || has_register_unit;
        let constant = constant(cells.get(CONSTANT))?;
        if is_register && constant != Decimal::ONE {
            let detail = format!("dials with a calculation constant of {constant}");
            return Err((Fault::Contradiction, detail));
        }
        let minutes = interval_minutes(cells.get(INTERVAL));
        // Dials need no interval but for times that are left out.
        let minutes = if is_register { minutes.ok() } else { Some(minutes?) };
        let mut record = Record {
            line: raw.number,
            clock: self.clock,
            zone: self.zone,
            channel: Arc::new(channel),
            minutes,
            last: None,
            items: Vec::new(),
        };
        for place in (0..count).map(|triple| TRIPLES + 3 * triple) {
            let (at, follows) = record.time(cells.get(place), is_register)?;
            let quality = quality(cells.get(place + 1))?;
            let value = match cells.get(place + 2) {
                "" if quality.kind.is_none() => Decimal::ZERO,
                text => times(measured(needed_number("value", text)?, measure)?, constant)?,
            };
            if is_register {
                record.push_reading(at, value, quality);
            } else {
                record.push_interval(at, follows, value, quality)?;
            }
        }
        Ok(record.items)
    }
}

/// How many triples there are, when that is how many the record says.
fn triples(cells: &Cells) -> Result<usize, Refused> {
    if cells.len() < TRIPLES {
        return Err((Fault::FieldCount, format!("{} fields, not at least {TRIPLES}", cells.len())));
    }
    let text = cells.get(COUNT);
    let count = Some(text)
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse::<u32>().ok())
        .and_then(|count| usize::try_from(count).ok())
        .ok_or_else(|| (Fault::BadNumber, format!("count `{}`", excerpt(text))))?;
    let found = cells.len() - TRIPLES;
    if count.checked_mul(3) != Some(found) {
        return Err((Fault::FieldCount, format!("{found} fields after a count of {count} triples")));
    }
    Ok(count)
}

/// The channel, the measure of its values, and whether they are dials.
fn channel(cells: &Cells) -> Result<(Channel, Option<Measure>, bool), Refused> {
    let serial = cells.named(Some(METER)).ok_or_else(|| (Fault::MissingField, "meter".to_owned()))?;
    let unit_text = cells.get(UNIT).to_owned();
    let upper = unit_text.to_ascii_uppercase();
    let register = upper.strip_suffix("REG");
    let measure = Measure::of(register.unwrap_or(&upper));
    let channel = Channel {
        point: cells.named(Some(RECEIVER_CUSTOMER)).filter(|point| *point != serial),
        serial: Some(serial),
        register: None,
        unit: measure.map(|measure| measure.unit),
        unit_text,
        flow: Flow::Unstated,
    };
    Ok((channel, measure, register.is_some()))
}

fn constant(text: &str) -> Result<Decimal, Refused> {
    if text.is_empty() {
        return Ok(Decimal::ONE);
    }
    let constant = needed_number("calculation constant", text)?;
    if constant <= Decimal::ZERO {
        return Err((Fault::Contradiction, format!("calculation constant {constant}")));
    }
    Ok(constant)
}

/// Minutes of `MMDDHHMM`: months, days, hours, minutes.
fn interval_minutes(text: &str) -> Result<u16, Refused> {
    let refused = || (Fault::BadInterval, format!("interval `{}`", excerpt(text)));
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused());
    }
    let part = |at: usize| text.get(at..at + 2).and_then(|part| part.parse::<u32>().ok()).ok_or_else(refused);
    let (months, days, hours, minutes) = (part(0)?, part(2)?, part(4)?, part(6)?);
    let minutes = u16::try_from((days * 24 + hours) * 60 + minutes).map_err(|_| refused())?;
    if months == 0 && clock::DAY_MINUTES.is_multiple_of(minutes) { Ok(minutes) } else { Err(refused()) }
}

fn quality(flag: &str) -> Result<Quality, Refused> {
    let refused = || (Fault::BadQuality, format!("`{}`", excerpt(flag)));
    let mut letters = flag.chars();
    let kind = match letters.next().map(|letter| letter.to_ascii_uppercase()) {
        None | Some('R') => Some(ReadQuality::Actual),
        Some('E') => Some(ReadQuality::Estimated),
        Some('N') => None,
        Some(_) => return Err(refused()),
    };
    if !letters.all(|letter| letter.is_ascii_digit()) {
        return Err(refused());
    }
    Ok(Quality { kind, flag: flag.to_owned(), reason: None })
}

/// A record while its triples are read.
struct Record<'z> {
    line: u64,
    clock: Clock,
    zone: &'z Zone,
    channel: Arc<Channel>,
    minutes: Option<u16>,
    /// The time of the triple before.
    last: Option<OffsetDateTime>,
    items: Vec<Item>,
}

impl Record<'_> {
    /// The time of a triple, and whether it is the next interval's after the triple before. Where the
    /// clock was set back, values go on and only their times step back.
    fn time(&mut self, text: &str, is_register: bool) -> Result<(OffsetDateTime, bool), Refused> {
        let next = match (self.last, self.minutes) {
            (Some(last), Some(minutes)) => self.step(last, minutes, false),
            _ => None,
        };
        let at = if text.is_empty() {
            next.ok_or_else(|| (Fault::MissingField, "time".to_owned()))?
        } else {
            self.shown(text, next).ok_or_else(|| (Fault::BadTime, format!("`{}`", excerpt(text))))?
        };
        let follows = next == Some(at);
        if !is_register && next.is_some_and(|next| at < next) {
            return Err((Fault::Contradiction, format!("the times go back to `{}`", excerpt(text))));
        }
        self.last = Some(at);
        Ok((at, follows))
    }

    /// The instant of a time; of an hour that the clock showed twice, the one that comes next.
    fn shown(&self, text: &str, next: Option<OffsetDateTime>) -> Option<OffsetDateTime> {
        let at = stamp::local(text, &["YYYYMMDDhhmm"])?;
        if self.clock == Clock::Utc {
            return Some(at.assume_utc());
        }
        let earlier = clock::instant(self.zone, at)?;
        match next {
            Some(next) if earlier < next => {
                clock::again(self.zone, at, earlier).filter(|later| *later >= next).or(Some(earlier))
            }
            _ => Some(earlier),
        }
    }

    fn step(&self, at: OffsetDateTime, minutes: u16, is_back: bool) -> Option<OffsetDateTime> {
        match self.clock {
            Clock::Local => clock::step(self.zone, at, minutes, is_back),
            Clock::Utc if is_back => at.checked_sub(Duration::minutes(minutes.into())),
            Clock::Utc => at.checked_add(Duration::minutes(minutes.into())),
        }
    }

    fn push_reading(&mut self, at: OffsetDateTime, value: Decimal, quality: Quality) {
        if quality.kind.is_some() {
            self.items.push(Item::Reading(Reading {
                line: self.line,
                channel: Arc::clone(&self.channel),
                at: Moment::Instant(at),
                value,
                quality,
            }));
        }
    }

    fn push_interval(
        &mut self,
        at: OffsetDateTime,
        follows: bool,
        value: Decimal,
        quality: Quality,
    ) -> Result<(), Refused> {
        if let (true, Some(Item::Intervals(run))) = (follows, self.items.last_mut()) {
            run.values.push(value);
            QualityRun::push(&mut run.qualities, quality);
            return Ok(());
        }
        let minutes = self.minutes.ok_or_else(|| (Fault::MissingField, "interval".to_owned()))?;
        let begins =
            self.step(at, minutes, true).ok_or_else(|| (Fault::BadTime, "before all times".to_owned()))?;
        self.items.push(Item::Intervals(Intervals {
            line: self.line,
            channel: Arc::clone(&self.channel),
            begins: Moment::Instant(begins),
            minutes,
            values: vec![value],
            qualities: vec![QualityRun { count: 1, quality }],
        }));
        Ok(())
    }
}
