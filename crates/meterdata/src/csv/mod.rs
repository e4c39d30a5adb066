//! CSV: readings in, by a stored mapping of columns; the meters to read, and rejected lines, out.
//!
//! A row is one physical line; a quoted field may hold delimiters and doubled quotes, not line
//! ends, so that a missing quote can't swallow the rows after it. Nothing but I/O ends the
//! reading early. Deliberately missing: finding the meter, and judging the read.

mod column_map;
mod date_text;
mod export;
mod spreadsheet;
mod suggest;

use std::io::BufRead;
use std::sync::Arc;

use rust_decimal::Decimal;
use vocab::{ReadQuality, Zone, decimal};

use crate::cells::text;
use crate::fields::Fields;
use crate::item::{Channel, Fault, FileFault, Flow, Item, Moment, Quality, Reading, Rejected};
use crate::line_file::{excerpt, needs_end};
use crate::lines::{Lines, RawLine};
pub use column_map::{ColumnMap, Columns, ControlLine, DecimalMark, Delimiter, ReadTime};
pub use date_text::DateFormat;
pub use export::{COLUMNS, ExportRow, ReadingExport};
pub use spreadsheet::neutralised;
use spreadsheet::restored;
pub use suggest::{columns, suggested};

/// Non-blank lines among which the header is looked for.
const HEADER_LINES_MAX: usize = 10;
/// Lines of any kind that may stand above the header.
const LEADING_LINES_MAX: u64 = 1_000;

/// Where the mapped columns stand.
#[derive(Debug, Clone, Copy)]
struct Places {
    service_point: Option<usize>,
    meter_serial: Option<usize>,
    register: Option<usize>,
    read_on: usize,
    value: usize,
    quality: Option<usize>,
}

/// Items of a CSV file of readings.
#[derive(Debug)]
pub struct CsvFile<'m, R> {
    lines: Lines<R>,
    map: &'m ColumnMap,
    zone: &'m Zone,
    raw: RawLine,
    row: Fields,
    places: Places,
    /// Columns of the header.
    width: usize,
    header: Vec<u8>,
    header_line: u64,
    /// The channel of the row before.
    last: Option<Arc<Channel>>,
    /// The date of the row before and what it means: rows of a round share it.
    last_at: Option<(String, Moment)>,
    is_over: bool,
}

impl<'m, R: BufRead> CsvFile<'m, R> {
    /// Finds the header among the first lines; what stands above it is passed over.
    pub fn open(input: R, map: &'m ColumnMap, zone: &'m Zone) -> Result<Self, FileFault> {
        Self::of(Lines::new(input), map, zone)
    }

    pub(crate) fn of(mut lines: Lines<R>, map: &'m ColumnMap, zone: &'m Zone) -> Result<Self, FileFault> {
        let mut row = Fields::new(map.delimiter.byte());
        let (places, raw) = header(&mut lines, map, &mut row)?;
        let (header, header_line, width) = (raw.bytes.clone(), raw.number, row.len());
        Ok(Self {
            lines,
            map,
            zone,
            raw,
            row,
            places,
            width,
            header,
            header_line,
            last: None,
            last_at: None,
            is_over: false,
        })
    }

    /// The header line, to begin a file of rejected lines with.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// The header's line number, from 1: the rows stand below it.
    pub const fn header_line(&self) -> u64 {
        self.header_line
    }

    fn item(&mut self) -> Item {
        match self.taken() {
            Ok(item) => item,
            Err(Refused { fault, detail, column }) => {
                let column = column.map(str::to_owned);
                Item::Rejected(Rejected { line: self.raw.number, fault, detail, column })
            }
        }
    }

    fn taken(&mut self) -> Result<Item, Refused<'m>> {
        let line = self.raw.number;
        self.row.split(text(&self.raw)?)?;
        let (map, places, row) = (self.map, self.places, &self.row);
        let columns = &map.columns;
        let marker = map.control.as_ref().map(|control| control.marker.as_str());
        if marker.is_some() && row.get(0) == marker {
            return control_totals(line, row, map.decimal_mark)
                .ok_or_else(|| Refused::whole(Fault::BadControlLine));
        }
        // Spreadsheets leave out empty cells at the end of a row; a line that is one piece only is
        // no row at all.
        if row.len() < 2 {
            return Err(Refused::whole(Fault::MissingColumn));
        }
        // Spreadsheets leave the last line without an end; one that is cut has fewer columns.
        if row.len() < self.width {
            needs_end(&self.raw)?;
        }
        let read_on = row.get(places.read_on).unwrap_or_default();
        let value = row.get(places.value).unwrap_or_default();
        let named = |place: Option<usize>| {
            place.and_then(|place| row.get(place)).map(restored).filter(|text| !text.is_empty())
        };
        let (point, serial) = (named(places.service_point), named(places.meter_serial));
        let register = named(places.register);
        if point.is_none() && serial.is_none() && register.is_none() {
            return Err(Refused::whole(Fault::MissingIdentity));
        }
        if read_on.is_empty() && value.is_empty() {
            return Ok(Item::Unfilled { line });
        }
        if read_on.is_empty() {
            return Err(Refused::at(Fault::MissingDate, &columns.read_on, read_on));
        }
        let at = match (&self.last_at, map.read_time) {
            (Some((text, at)), _) if text == read_on => Some(*at),
            (_, ReadTime::Date) => map.date_format.date(read_on).map(Moment::Day),
            (_, ReadTime::DateOrTime) => map.date_format.moment(read_on, self.zone),
        }
        .ok_or_else(|| Refused::at(Fault::BadDate, &columns.read_on, read_on))?;
        if self.last_at.as_ref().is_none_or(|(text, _)| text != read_on) {
            self.last_at = Some((read_on.to_owned(), at));
        }
        let value =
            number(value, map.decimal_mark).map_err(|fault| Refused::at(fault, &columns.value, value))?;
        let flag = places.quality.and_then(|place| row.get(place)).unwrap_or_default();
        let kind = quality_of(map, flag).ok_or_else(|| Refused {
            column: columns.quality.as_deref(),
            ..Refused::at(Fault::BadQuality, &columns.value, flag)
        })?;
        let quality = Quality { kind: Some(kind), flag: flag.to_owned(), reason: None };
        let channel = channel(&mut self.last, [point, serial, register]);
        Ok(Item::Reading(Reading { line, channel, at, value, quality }))
    }
}

impl<R: BufRead> Iterator for CsvFile<'_, R> {
    type Item = Result<Item, FileFault>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_over {
            match self.lines.read_line(&mut self.raw) {
                Ok(true) if self.raw.is_blank(self.map.delimiter.byte()) => {}
                Ok(true) => return Some(Ok(self.item())),
                Ok(false) => self.is_over = true,
                Err(error) => {
                    self.is_over = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// Why a row is not taken, and the mapped column at fault.
struct Refused<'m> {
    fault: Fault,
    detail: String,
    column: Option<&'m str>,
}

impl<'m> Refused<'m> {
    const fn whole(fault: Fault) -> Self {
        Self { fault, detail: String::new(), column: None }
    }

    fn at(fault: Fault, column: &'m str, found: &str) -> Self {
        let detail = if found.is_empty() { String::new() } else { format!("`{}`", excerpt(found)) };
        Self { fault, detail, column: Some(column) }
    }
}

impl From<crate::line_file::Refused> for Refused<'_> {
    fn from((fault, detail): crate::line_file::Refused) -> Self {
        Self { fault, detail, column: None }
    }
}

/// The channel of a point, serial and register; the one of the row before when it is the same.
fn channel(last: &mut Option<Arc<Channel>>, named: [Option<&str>; 3]) -> Arc<Channel> {
    let [point, serial, register] = named;
    let is_same = |last: &&Arc<Channel>| {
        last.serial.as_deref() == serial
            && last.point.as_deref() == point
            && last.register.as_deref() == register
    };
    if let Some(last) = last.as_ref().filter(is_same) {
        return Arc::clone(last);
    }
    let channel = Arc::new(Channel {
        point: point.map(str::to_owned),
        serial: serial.map(str::to_owned),
        register: register.map(str::to_owned),
        unit_text: String::new(),
        unit: None,
        flow: Flow::Unstated,
    });
    *last = Some(Arc::clone(&channel));
    channel
}

/// Finds the header among the first lines.
fn header<R: BufRead>(
    lines: &mut Lines<R>,
    map: &ColumnMap,
    row: &mut Fields,
) -> Result<(Places, RawLine), FileFault> {
    let mut closest: Option<(usize, FileFault)> = None;
    let mut candidates = 0;
    while candidates < HEADER_LINES_MAX {
        let Some(raw) = lines.next_line()?.filter(|raw| raw.number <= LEADING_LINES_MAX) else {
            break;
        };
        let Ok(line) = text(&raw) else { continue };
        if line.trim().is_empty() || row.split(line).is_err() {
            continue;
        }
        candidates += 1;
        match find_columns(map, raw.number, row) {
            Ok(places) => return Ok((places, raw)),
            Err((lacking, error)) => {
                if closest.as_ref().is_none_or(|(least, _)| lacking < *least) {
                    closest = Some((lacking, error));
                }
            }
        }
    }
    Err(closest.map_or(FileFault::Empty, |(_, error)| error))
}

/// The header's line alone, the lines being read up to it.
pub(crate) fn header_line<R: BufRead>(lines: &mut Lines<R>, map: &ColumnMap) -> Result<RawLine, FileFault> {
    let mut row = Fields::new(map.delimiter.byte());
    header(lines, map, &mut row).map(|(_, raw)| raw)
}

/// Places of the mapped columns, or how many are lacking and the error that says so.
fn find_columns(map: &ColumnMap, line: u64, header: &Fields) -> Result<Places, (usize, FileFault)> {
    let names: Vec<String> = header.iter().map(str::to_lowercase).collect();
    let mut missing = Vec::new();
    let mut twice = None;
    let mut place = |column: &str| {
        let wanted = column.trim().to_lowercase();
        let mut places = names.iter().enumerate().filter(|(_, name)| **name == wanted).map(|(at, _)| at);
        let first = places.next();
        if first.is_none() {
            missing.push(column.to_owned());
        }
        if places.next().is_some() {
            twice = Some(column.to_owned());
        }
        first
    };
    let columns = &map.columns;
    let service_point = columns.service_point.as_deref().map(&mut place);
    let meter_serial = columns.meter_serial.as_deref().map(&mut place);
    let register = columns.register.as_deref().map(&mut place);
    let quality = columns.quality.as_deref().map(&mut place);
    let (read_on, value) = (place(&columns.read_on), place(&columns.value));
    if let (Some(read_on), Some(value), true) = (read_on, value, missing.is_empty()) {
        return match twice {
            Some(column) => Err((0, FileFault::AmbiguousColumn { line, column })),
            None => Ok(Places {
                service_point: service_point.flatten(),
                meter_serial: meter_serial.flatten(),
                register: register.flatten(),
                read_on,
                value,
                quality: quality.flatten(),
            }),
        };
    }
    let found = header.iter().take(40).map(str::to_owned).collect();
    Err((missing.len(), FileFault::MissingColumns { line, missing, found }))
}

/// A plain number that can be stored.
fn number(text: &str, mark: DecimalMark) -> Result<Decimal, Fault> {
    if text.is_empty() {
        return Err(Fault::MissingValue);
    }
    let value = match mark {
        DecimalMark::Point => decimal::parse(text),
        DecimalMark::Comma if text.contains('.') => None,
        DecimalMark::Comma => decimal::parse(&text.replacen(',', ".", 1)),
    };
    decimal::stored(value.ok_or(Fault::BadValue)?).ok_or(Fault::ValueOutOfRange)
}

fn quality_of(map: &ColumnMap, text: &str) -> Option<ReadQuality> {
    if text.is_empty() {
        return Some(map.default_quality);
    }
    map.qualities
        .iter()
        .find(|(word, _)| word.trim().eq_ignore_ascii_case(text))
        .map(|(_, quality)| *quality)
        .or_else(|| text.parse().ok())
        .or_else(|| text.to_ascii_lowercase().parse().ok())
}

fn control_totals(line: u64, row: &Fields, mark: DecimalMark) -> Option<Item> {
    let field = |place| row.get(place).filter(|text: &&str| !text.is_empty());
    let rows = field(1).map(str::parse).transpose().ok()?;
    let values = field(2).map(|text| number(text, mark)).transpose().ok()?;
    Some(Item::Totals { line, rows, values })
}

#[cfg(test)]
mod tests;
