//! Reports of Badger's BEACON 360: CSV with a header, a row a meter and time, in which the dials
//! (`Read`, `Read_Time`, `Read_Unit`) and the consumption up to then (`Flow`, `Flow_Time`, `Flow_Unit`)
//! stand side by side.
//!
//! Columns are found by their names, in any order and case; others are not looked at. A report has the
//! one trio, the other or both, and something that names the meter: `Location_ID` (else `Account_ID`) is
//! the point, `Meter_SN` (else `Meter_ID`, else `Endpoint_SN`) the serial.
//!
//! The report does not say how long a flow's interval is: hourly unless the caller knows better. Times
//! are of the utility's own clock; in the hour that it shows twice, the order of a meter's rows tells which
//! flow is which. A flow's time is taken for the last minute of its interval where the
//! interval would end with that minute (00:59 of an hour), else for its end; the sample at hand has only
//! the former, and no vendor's text was found that says so.

use std::collections::VecDeque;
use std::io::BufRead;
use std::sync::Arc;

use time::{Duration, OffsetDateTime, PrimitiveDateTime};
use vocab::{ReadQuality, Zone};

use crate::cells::{Cells, Header, Measure, measured, needed_number, shared};
use crate::clock::{self, DAY_MINUTES};
use crate::item::{Channel, Fault, FileFault, Flow, Intervals, Item, Moment, Quality, QualityRun, Reading};
use crate::line_file::{Format, LineFile, Refused, excerpt, needs_end, rejected};
use crate::lines::{Lines, RawLine};
use crate::stamp;

const TIMES: &[&str] =
    &["YYYY-MM-DD hh:mm", "YYYY-MM-DD hh:mm:ss", "MM/DD/YYYY hh:mm", "MM/DD/YYYY hh:mm:ss"];
/// Of flows, unless the caller knows better.
pub(crate) const HOURLY_MINUTES: u16 = 60;

/// Items of a BEACON report.
#[derive(Debug)]
pub struct BeaconFile<'z, R>(LineFile<R, Beacon<'z>>);

impl<'z, R: BufRead> BeaconFile<'z, R> {
    /// A report of hourly flows.
    pub fn new(input: R, zone: &'z Zone) -> Self {
        Self::with_interval(input, HOURLY_MINUTES, zone)
    }

    /// A report of flows over so many minutes, which divide a day; otherwise each row is rejected.
    pub fn with_interval(input: R, minutes: u16, zone: &'z Zone) -> Self {
        Self::of(Lines::new(input), minutes, zone)
    }

    pub(crate) fn of(lines: Lines<R>, minutes: u16, zone: &'z Zone) -> Self {
        let channels = Channels::default();
        Self(LineFile::new(lines, Beacon { zone, cells: Cells::comma(), columns: None, minutes, channels }))
    }
}

impl<R: BufRead> Iterator for BeaconFile<'_, R> {
    type Item = Result<Item, FileFault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

#[derive(Debug)]
struct Beacon<'z> {
    zone: &'z Zone,
    cells: Cells,
    columns: Option<Columns>,
    minutes: u16,
    channels: Channels,
}

/// What is known of the rows before: the channels of the last one, and when the flows were.
#[derive(Debug, Default)]
struct Channels {
    read: Option<Arc<Channel>>,
    flow: Option<Arc<Channel>>,
    order: clock::Order,
}

/// Where a value, its time and its unit stand.
#[derive(Debug, Clone, Copy)]
struct Trio {
    name: &'static str,
    value: Option<usize>,
    time: Option<usize>,
    unit: Option<usize>,
}

#[derive(Debug)]
struct Columns {
    width: usize,
    read: Trio,
    flow: Trio,
    points: [Option<usize>; 2],
    serials: [Option<usize>; 3],
    register: Option<usize>,
    estimated: Option<usize>,
}

impl Columns {
    fn find(header: &Header) -> Result<Self, String> {
        let place = |name| header.place(name);
        let trio = |name: &'static str, time, unit| -> Result<Trio, String> {
            Ok(Trio { name, value: place(name)?, time: place(time)?, unit: place(unit)? })
        };
        let columns = Self {
            width: header.len(),
            read: trio("Read", "Read_Time", "Read_Unit")?,
            flow: trio("Flow", "Flow_Time", "Flow_Unit")?,
            points: [place("Location_ID")?, place("Account_ID")?],
            serials: [place("Meter_SN")?, place("Meter_ID")?, place("Endpoint_SN")?],
            register: place("Register_Number")?,
            estimated: place("Estimated_Flag")?,
        };
        let is_whole = |trio: &Trio| trio.value.is_some() && trio.time.is_some();
        if !is_whole(&columns.read) && !is_whole(&columns.flow) {
            return Err("no columns Read and Read_Time, nor Flow and Flow_Time".to_owned());
        }
        if columns.points.iter().chain(&columns.serials).all(Option::is_none) {
            return Err("no column that names the meter, such as Location_ID or Meter_SN".to_owned());
        }
        Ok(columns)
    }

    /// Whether the last column is one that is read, so that the end of a file may cut it.
    fn is_last_read(&self) -> bool {
        let trios = [self.read, self.flow].map(|trio| [trio.value, trio.time, trio.unit]);
        let named = self.points.iter().chain(&self.serials).chain([&self.register, &self.estimated]);
        named.chain(trios.as_flattened()).flatten().any(|&place| place + 1 == self.width)
    }
}

/// Whether the cells are the header of a report.
pub(crate) fn is_header(cells: &Cells) -> bool {
    Columns::find(&Header::of(cells)).is_ok()
}

impl Format for Beacon<'_> {
    fn record(&mut self, raw: &RawLine, items: &mut VecDeque<Item>) -> Result<(), FileFault> {
        let Some(columns) = &self.columns else {
            self.columns = Some(self.cells.columns(raw, Columns::find)?);
            return Ok(());
        };
        let row = Row { line: raw.number, minutes: self.minutes, zone: self.zone, columns };
        let needs = |()| if columns.is_last_read() { needs_end(raw) } else { Ok(()) };
        match self.cells.split(raw).and_then(needs).and_then(|()| row.taken(&self.cells, &mut self.channels))
        {
            Ok(taken) => items.extend(taken),
            Err(refused) => items.push_back(rejected(raw.number, refused)),
        }
        Ok(())
    }
}

struct Row<'c> {
    line: u64,
    minutes: u16,
    zone: &'c Zone,
    columns: &'c Columns,
}

impl Row<'_> {
    fn taken(&self, cells: &Cells, last: &mut Channels) -> Result<Vec<Item>, Refused> {
        let columns = self.columns;
        if cells.len() != columns.width {
            let detail = format!("{} fields below a header of {}", cells.len(), columns.width);
            return Err((Fault::FieldCount, detail));
        }
        let quality = estimated(cells.at(columns.estimated))?;
        let mut items = Vec::new();
        if let Some((channel, at, value)) = self.value(cells, columns.read)? {
            let channel = shared(&mut last.read, channel);
            let at = Moment::Local(at);
            items.push(Item::Reading(Reading {
                line: self.line,
                channel,
                at,
                value,
                quality: quality.clone(),
            }));
        }
        if let Some((channel, at, value)) = self.value(cells, columns.flow)? {
            let channel = shared(&mut last.flow, channel);
            let begins = begins((self.zone, &mut last.order), &channel, at, self.minutes)?;
            items.push(Item::Intervals(Intervals {
                line: self.line,
                channel,
                begins: Moment::Instant(begins),
                minutes: self.minutes,
                values: vec![value],
                qualities: vec![QualityRun { count: 1, quality }],
            }));
        }
        if items.is_empty() {
            return Err((Fault::MissingField, "neither Read nor Flow".to_owned()));
        }
        Ok(items)
    }

    /// A value with its time and channel, where the row has one.
    fn value(
        &self,
        cells: &Cells,
        trio: Trio,
    ) -> Result<Option<(Channel, PrimitiveDateTime, rust_decimal::Decimal)>, Refused> {
        let text = cells.at(trio.value);
        if text.is_empty() {
            return Ok(None);
        }
        let time = cells.at(trio.time);
        if time.is_empty() {
            return Err((Fault::MissingField, format!("{}_Time", trio.name)));
        }
        let at = stamp::local(time, TIMES)
            .ok_or_else(|| (Fault::BadTime, format!("{}_Time `{}`", trio.name, excerpt(time))))?;
        let first = |places: &[Option<usize>]| places.iter().find_map(|place| cells.named(*place));
        let (point, serial) = (first(&self.columns.points), first(&self.columns.serials));
        if point.is_none() && serial.is_none() {
            return Err((Fault::MissingField, "nothing names the meter".to_owned()));
        }
        let unit_text = cells.at(trio.unit).to_owned();
        let measure = Measure::of(&unit_text);
        let channel = Channel {
            point,
            serial,
            register: cells.named(self.columns.register),
            unit: measure.map(|measure| measure.unit),
            unit_text,
            flow: Flow::Unstated,
        };
        Ok(Some((channel, at, measured(needed_number(trio.name, text)?, measure)?)))
    }
}

fn estimated(flag: &str) -> Result<Quality, Refused> {
    let kind = match flag.to_ascii_lowercase().as_str() {
        "" | "0" | "n" | "no" | "false" => ReadQuality::Actual,
        "1" | "y" | "yes" | "true" => ReadQuality::Estimated,
        _ => return Err((Fault::BadQuality, format!("Estimated_Flag `{}`", excerpt(flag)))),
    };
    Ok(Quality { kind: Some(kind), flag: flag.to_owned(), reason: None })
}

/// When the interval of a flow begins.
fn begins(
    (zone, order): (&Zone, &mut clock::Order),
    channel: &Arc<Channel>,
    at: PrimitiveDateTime,
    minutes: u16,
) -> Result<OffsetDateTime, Refused> {
    if !DAY_MINUTES.is_multiple_of(minutes) {
        return Err((Fault::BadInterval, format!("{minutes} minutes do not divide a day")));
    }
    let minute_of_day = u16::from(at.hour()) * 60 + u16::from(at.minute());
    let is_last_minute = minutes > 1 && (minute_of_day + 1) % minutes == 0;
    at.replace_second(0)
        .ok()
        .and_then(|at| order.instant(zone, channel, at))
        .and_then(|at| at.checked_add(Duration::minutes(is_last_minute.into())))
        .and_then(|ends| clock::step(zone, ends, minutes, true))
        .ok_or_else(|| (Fault::BadTime, "before all times".to_owned()))
}
