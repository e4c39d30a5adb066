//! Itron's CSV exports of registers and of intervals: a header, then a row a meter and time.
//!
//! Both kinds have the same columns (`Timestamp`, `Read_Value`, `Meter_Serial_Number`, `EndpointID`,
//! `Location_ID`, `Meter_Install_Date`, `Read_Units`), so the caller says which a file is, as its name
//! does; and of intervals how long they are and which end of them `Timestamp` is: neither the columns nor
//! the sample at hand tells. Columns are found by name, in any order and case; others are not looked at.
//! `Location_ID` is the point, `Meter_Serial_Number` the serial. Times are of the utility's own clock;
//! of intervals in the hour that it shows twice, the order of a meter's rows tells which is which. The
//! files say nothing of quality: each value is taken as read off the meter.

use std::collections::VecDeque;
use std::io::BufRead;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, PrimitiveDateTime};
use vocab::{ReadQuality, Zone};

use crate::cells::{Cells, Header, Measure, measured, needed_number, shared};
use crate::clock::{self, DAY_MINUTES};
use crate::item::{Channel, Fault, FileFault, Flow, Intervals, Item, Moment, Quality, QualityRun, Reading};
use crate::line_file::{Format, LineFile, Refused, excerpt, needs_end, rejected};
use crate::lines::{Lines, RawLine};
use crate::stamp;

const TIMES: &[&str] = &["MM/DD/YYYY hh:mm:ss.ffffff", "MM/DD/YYYY hh:mm:ss", "MM/DD/YYYY hh:mm"];

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = ReadingFileHolds))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Holds {
    /// Values on dials.
    #[default]
    Registers,
    /// Consumption of intervals.
    Intervals {
        /// Their length, which divides a day; otherwise each row is rejected.
        minutes: u16,
        /// Which end of them the time is.
        stamped: Stamped,
    },
}

/// Which end of an interval its time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = ReadingFileStamped))]
#[serde(rename_all = "snake_case")]
pub enum Stamped {
    /// The beginning.
    Beginning,
    /// The end.
    End,
}

/// Items of an Itron export.
#[derive(Debug)]
pub struct ItronFile<'z, R>(LineFile<R, Itron<'z>>);

impl<'z, R: BufRead> ItronFile<'z, R> {
    /// A file of which the caller knows what it holds.
    pub fn new(input: R, holds: Holds, zone: &'z Zone) -> Self {
        Self::of(Lines::new(input), holds, zone)
    }

    pub(crate) fn of(lines: Lines<R>, holds: Holds, zone: &'z Zone) -> Self {
        Self(LineFile::new(
            lines,
            Itron { zone, cells: Cells::comma(), columns: None, holds, channels: Channels::default() },
        ))
    }
}

impl<R: BufRead> Iterator for ItronFile<'_, R> {
    type Item = Result<Item, FileFault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

#[derive(Debug)]
struct Itron<'z> {
    zone: &'z Zone,
    cells: Cells,
    columns: Option<Columns>,
    holds: Holds,
    channels: Channels,
}

/// What is known of the rows before.
#[derive(Debug, Default)]
struct Channels {
    /// The channel of the row before.
    last: Option<Arc<Channel>>,
    order: clock::Order,
}

#[derive(Debug)]
struct Columns {
    width: usize,
    time: usize,
    value: usize,
    serial: Option<usize>,
    point: Option<usize>,
    unit: Option<usize>,
}

impl Columns {
    fn find(header: &Header) -> Result<Self, String> {
        let needed = |name| header.place(name)?.ok_or_else(|| format!("no column {name}"));
        let columns = Self {
            width: header.len(),
            time: needed("Timestamp")?,
            value: needed("Read_Value")?,
            serial: header.place("Meter_Serial_Number")?,
            point: header.place("Location_ID")?,
            unit: header.place("Read_Units")?,
        };
        if columns.serial.is_none() && columns.point.is_none() {
            return Err("no column Meter_Serial_Number nor Location_ID".to_owned());
        }
        Ok(columns)
    }

    /// Whether the last column is one that is read, so that the end of a file may cut it.
    fn is_last_read(&self) -> bool {
        let read = [Some(self.time), Some(self.value), self.serial, self.point, self.unit];
        read.iter().flatten().any(|&place| place + 1 == self.width)
    }
}

/// Whether the cells are the header of an export.
pub(crate) fn is_header(cells: &Cells) -> bool {
    Columns::find(&Header::of(cells)).is_ok()
}

impl Format for Itron<'_> {
    fn record(&mut self, raw: &RawLine, items: &mut VecDeque<Item>) -> Result<(), FileFault> {
        let Some(columns) = &self.columns else {
            self.columns = Some(self.cells.columns(raw, Columns::find)?);
            return Ok(());
        };
        let taken = self
            .cells
            .split(raw)
            .and_then(|()| if columns.is_last_read() { needs_end(raw) } else { Ok(()) })
            .and_then(|()| {
                row((raw.number, self.zone), &self.cells, columns, self.holds, &mut self.channels)
            });
        items.push_back(taken.unwrap_or_else(|refused| rejected(raw.number, refused)));
        Ok(())
    }
}

fn row(
    (line, zone): (u64, &Zone),
    cells: &Cells,
    columns: &Columns,
    holds: Holds,
    channels: &mut Channels,
) -> Result<Item, Refused> {
    if cells.len() != columns.width {
        let detail = format!("{} fields below a header of {}", cells.len(), columns.width);
        return Err((Fault::FieldCount, detail));
    }
    let time = cells.get(columns.time);
    if time.is_empty() {
        return Err((Fault::MissingField, "Timestamp".to_owned()));
    }
    let at = stamp::local(time, TIMES)
        .ok_or_else(|| (Fault::BadTime, format!("Timestamp `{}`", excerpt(time))))?;
    let channel = channel(cells, columns)?;
    let value = needed_number("Read_Value", cells.get(columns.value))?;
    let value = measured(value, measure(&channel.unit_text))?;
    let quality = Quality { kind: Some(ReadQuality::Actual), flag: String::new(), reason: None };
    let channel = shared(&mut channels.last, channel);
    Ok(match holds {
        Holds::Registers => Item::Reading(Reading { line, channel, at: Moment::Local(at), value, quality }),
        Holds::Intervals { minutes, stamped } => Item::Intervals(Intervals {
            line,
            begins: Moment::Instant(begins((zone, &mut channels.order), &channel, at, minutes, stamped)?),
            channel,
            minutes,
            values: vec![value],
            qualities: vec![QualityRun { count: 1, quality }],
        }),
    })
}

fn channel(cells: &Cells, columns: &Columns) -> Result<Channel, Refused> {
    let (point, serial) = (cells.named(columns.point), cells.named(columns.serial));
    if point.is_none() && serial.is_none() {
        return Err((Fault::MissingField, "Meter_Serial_Number and Location_ID".to_owned()));
    }
    let unit_text = cells.at(columns.unit).to_owned();
    let unit = measure(&unit_text).map(|measure| measure.unit);
    Ok(Channel { point, serial, register: None, unit_text, unit, flow: Flow::Unstated })
}

/// `CF_WAT` is cubic feet, of water.
fn measure(unit_text: &str) -> Option<Measure> {
    let upper = unit_text.to_ascii_uppercase();
    Measure::of(upper.strip_suffix("_WAT").unwrap_or(&upper))
}

fn begins(
    (zone, order): (&Zone, &mut clock::Order),
    channel: &Arc<Channel>,
    at: PrimitiveDateTime,
    minutes: u16,
    stamped: Stamped,
) -> Result<OffsetDateTime, Refused> {
    if !DAY_MINUTES.is_multiple_of(minutes) {
        return Err((Fault::BadInterval, format!("{minutes} minutes do not divide a day")));
    }
    let found = order.instant(zone, channel, at);
    match stamped {
        Stamped::Beginning => found,
        Stamped::End => found.and_then(|at| clock::step(zone, at, minutes, true)),
    }
    .ok_or_else(|| (Fault::BadTime, "outside of the calendar".to_owned()))
}
