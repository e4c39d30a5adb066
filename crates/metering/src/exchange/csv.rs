//! CSV readings in: a stream of rows and rejections.
//!
//! A row is one physical line; a quoted field may hold delimiters and doubled quotes, not line
//! ends, so that a missing quote can't swallow the rows after it. Nothing but I/O ends the
//! reading early. Deliberately missing: finding the meter, and judging the read.

use std::io::{self, BufReader, Read, Write};

use rust_decimal::Decimal;
use time::{Date, OffsetDateTime};
use vocab::{ReadQuality, Zone, decimal};

use super::{
    column_map::{ColumnMap, DecimalMark, ReadTime},
    faults::{FileError, RowFault},
    fields::Fields,
    lines::{Lines, RawLine},
    spreadsheet::restored,
};
use crate::report::ControlTotals;

/// Non-blank lines among which the header is looked for.
const HEADER_LINES_MAX: usize = 10;
/// Lines of any kind that may stand above the header.
const LEADING_LINES_MAX: u64 = 1_000;

/// A reading as the file gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadingRow {
    /// Line number, from 1.
    pub line: u64,
    /// Service point, as written.
    pub service_point: Option<String>,
    /// Serial number of the meter, as written.
    pub meter_serial: Option<String>,
    /// Register, as written.
    pub register: Option<String>,
    /// The day that the read closes; local midnight closes the day before.
    pub read_on: Date,
    /// When it was read, if the file gives a time of day.
    pub read_at: Option<OffsetDateTime>,
    /// The value, without trailing zeros.
    pub value: Decimal,
    /// Its quality.
    pub quality: ReadQuality,
    /// The line, for the file of rejected lines.
    pub raw: Vec<u8>,
}

/// A line that is not a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedRow {
    /// Line number, from 1.
    pub line: u64,
    /// Why.
    pub fault: RowFault,
    /// The mapped column at fault, when it is one.
    pub column: Option<String>,
    /// The line; of one that was too long its beginning.
    pub raw: Vec<u8>,
}

/// One line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A reading.
    Row(ReadingRow),
    /// Not a reading.
    Rejected(RejectedRow),
    /// A row with neither date nor value: a meter that nobody read.
    Unfilled {
        /// Line number, from 1.
        line: u64,
    },
    /// Totals that the file states.
    Control(ControlTotals),
}

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

/// Reads a file of readings.
pub struct ReadingFile<'m, R> {
    lines: Lines<BufReader<R>>,
    map: &'m ColumnMap,
    zone: &'m Zone,
    row: Fields,
    places: Places,
    header: Vec<u8>,
    header_line: u64,
    is_over: bool,
}

impl<'m, R: Read> ReadingFile<'m, R> {
    /// Finds the header among the first lines; what stands above it is passed over.
    pub fn open(input: R, map: &'m ColumnMap, zone: &'m Zone) -> Result<Self, FileError> {
        let mut lines = Lines::new(BufReader::new(input));
        let mut row = Fields::new(map.delimiter.byte());
        let mut closest: Option<(usize, FileError)> = None;
        let mut candidates = 0;
        while candidates < HEADER_LINES_MAX {
            let Some(mut raw) = lines.next_line()?.filter(|raw| raw.number <= LEADING_LINES_MAX) else {
                break;
            };
            if raw.number == 1 {
                without_mark(&mut raw)?;
            }
            let Ok(text) = std::str::from_utf8(&raw.bytes) else { continue };
            if text.trim().is_empty() || raw.is_cut || row.split(text).is_err() {
                continue;
            }
            candidates += 1;
            match find_columns(map, raw.number, &row) {
                Ok(places) => {
                    let (header, header_line) = (raw.bytes, raw.number);
                    return Ok(Self { lines, map, zone, row, places, header, header_line, is_over: false });
                }
                Err((lacking, error)) => {
                    if closest.as_ref().is_none_or(|(least, _)| lacking < *least) {
                        closest = Some((lacking, error));
                    }
                }
            }
        }
        Err(closest.map_or(FileError::Empty, |(_, error)| error))
    }

    /// The header line, to begin a file of rejected lines with.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// The header's line number, from 1: the rows stand below it.
    pub fn header_line(&self) -> u64 {
        self.header_line
    }

    fn parse(&mut self, raw: RawLine) -> Line {
        match self.line(&raw) {
            Ok(line) => line,
            Err((fault, column)) => Line::Rejected(RejectedRow {
                line: raw.number,
                fault,
                column: column.map(str::to_owned),
                raw: raw.bytes,
            }),
        }
    }

    fn line(&mut self, raw: &RawLine) -> Result<Line, (RowFault, Option<&'m str>)> {
        let whole = |fault| (fault, None);
        if raw.is_cut {
            return Err(whole(RowFault::TooLong));
        }
        let text = std::str::from_utf8(&raw.bytes).map_err(|_| whole(RowFault::NotUtf8))?;
        self.row.split(text).map_err(whole)?;
        let (map, places, row) = (self.map, self.places, &self.row);
        let columns = &map.columns;
        let marker = map.control.as_ref().map(|control| control.marker.as_str());
        if marker.is_some() && row.get(0) == marker {
            return control_totals(row, map.decimal_mark)
                .map(Line::Control)
                .ok_or_else(|| whole(RowFault::BadControlLine));
        }
        // Spreadsheets leave out empty cells at the end of a row; a line that is one piece only is
        // no row at all.
        if row.len() < 2 {
            return Err(whole(RowFault::MissingColumn));
        }
        let read_on = row.get(places.read_on).unwrap_or_default();
        let value = row.get(places.value).unwrap_or_default();
        let named = |place: Option<usize>| {
            place
                .and_then(|place| row.get(place))
                .map(restored)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let (service_point, meter_serial) = (named(places.service_point), named(places.meter_serial));
        let register = named(places.register);
        if service_point.is_none() && meter_serial.is_none() && register.is_none() {
            return Err(whole(RowFault::MissingIdentity));
        }
        if read_on.is_empty() && value.is_empty() {
            return Ok(Line::Unfilled { line: raw.number });
        }
        let at_date = |fault| (fault, Some(columns.read_on.as_str()));
        if read_on.is_empty() {
            return Err(at_date(RowFault::MissingDate));
        }
        let (read_on, read_at) = match map.read_time {
            ReadTime::Date => map.date_format.date(read_on).map(|date| (date, None)),
            ReadTime::DateOrTime => map.date_format.read_time(read_on, self.zone),
        }
        .ok_or_else(|| at_date(RowFault::BadDate))?;
        let value = number(value, map.decimal_mark).map_err(|fault| (fault, Some(columns.value.as_str())))?;
        let quality = places.quality.and_then(|place| row.get(place)).unwrap_or_default();
        let quality = quality_of(map, quality).ok_or((RowFault::BadQuality, columns.quality.as_deref()))?;
        Ok(Line::Row(ReadingRow {
            line: raw.number,
            service_point,
            meter_serial,
            register,
            read_on,
            read_at,
            value,
            quality,
            raw: raw.bytes.clone(),
        }))
    }
}

impl<R: Read> Iterator for ReadingFile<'_, R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_over {
            match self.lines.next_line() {
                Ok(Some(raw)) if is_blank(&raw, self.map.delimiter.byte()) => {}
                Ok(Some(raw)) => return Some(Ok(self.parse(raw))),
                Ok(None) => self.is_over = true,
                Err(error) => {
                    self.is_over = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// Nothing but blanks and delimiters, as spreadsheets leave below a table.
fn is_blank(raw: &RawLine, delimiter: u8) -> bool {
    !raw.is_cut && raw.bytes.iter().all(|&byte| byte == delimiter || byte.is_ascii_whitespace())
}

/// Takes the byte order mark off the first line.
fn without_mark(raw: &mut RawLine) -> Result<(), FileError> {
    if raw.bytes.starts_with(&[0xFF, 0xFE]) || raw.bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(FileError::Utf16);
    }
    if raw.bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
        raw.bytes.drain(..3);
    }
    Ok(())
}

/// Places of the mapped columns, or how many are lacking and the error that says so.
fn find_columns(map: &ColumnMap, line: u64, header: &Fields) -> Result<Places, (usize, FileError)> {
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
            Some(column) => Err((0, FileError::AmbiguousColumn { line, column })),
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
    Err((missing.len(), FileError::MissingColumns { line, missing, found }))
}

/// A plain number that can be stored.
fn number(text: &str, mark: DecimalMark) -> Result<Decimal, RowFault> {
    if text.is_empty() {
        return Err(RowFault::MissingValue);
    }
    let value = match mark {
        DecimalMark::Point => decimal::parse(text),
        DecimalMark::Comma if text.contains('.') => None,
        DecimalMark::Comma => decimal::parse(&text.replacen(',', ".", 1)),
    };
    let value = value.ok_or(RowFault::BadValue)?.normalize();
    let whole_digits_fit = value.trunc().abs() < Decimal::from(10_u64.pow(18));
    if whole_digits_fit && value.scale() <= decimal::STORED_SCALE {
        Ok(value)
    } else {
        Err(RowFault::ValueOutOfRange)
    }
}

fn quality_of(map: &ColumnMap, text: &str) -> Option<ReadQuality> {
    if text.is_empty() {
        return Some(map.default_quality);
    }
    map.qualities
        .iter()
        .find(|(word, _)| word.trim().eq_ignore_ascii_case(text))
        .map(|(_, quality)| *quality)
        .or_else(|| text.to_ascii_lowercase().parse().ok())
}

fn control_totals(row: &Fields, mark: DecimalMark) -> Option<ControlTotals> {
    let field = |place| row.get(place).filter(|text: &&str| !text.is_empty());
    let rows = field(1).map(str::parse).transpose().ok()?;
    let values = field(2).map(|text| number(text, mark)).transpose().ok()?;
    Some(ControlTotals { rows, values })
}

/// Writes the rejected lines under their header, as they came, to be mended and loaded again.
pub struct RejectedLines<W> {
    output: W,
}

impl<W: Write> RejectedLines<W> {
    /// Writes the header.
    pub fn new(mut output: W, header: &[u8]) -> io::Result<Self> {
        output.write_all(header)?;
        output.write_all(b"\r\n")?;
        Ok(Self { output })
    }

    /// Writes a line.
    pub fn push(&mut self, raw: &[u8]) -> io::Result<()> {
        self.output.write_all(raw)?;
        self.output.write_all(b"\r\n")
    }

    /// Writes what is still buffered and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
