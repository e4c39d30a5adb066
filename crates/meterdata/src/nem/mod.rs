//! NEM12 and NEM13: what meter data providers of Australia's electricity market send.
//! (AEMO, Meter Data File Format Specification NEM12 & NEM13.)
//!
//! A file has a header (100), records of data and an end (900). In NEM12 a 200 names a stream, each
//! 300 below it has the values of one day, 400s the qualities of a day that has several, 500s what
//! was done at the meter that day. In NEM13 a 250 has two readings of a register and the quantity
//! between them, a 550 the orders they come from. Times are Eastern Standard Time all the year.
//!
//! A day is taken whole: each value with its quality, or not at all. Days of a stream come in order;
//! where one does not, or a record can't be told, the 200 of what follows may be lost, and nothing
//! is taken until the next. The last record before a missing 900 is not taken either: it or what
//! hangs on it may be cut.
//!
//! Lenient where files are: empty fields at the end of a record may be left out or added, blank
//! lines are passed over, a quality's method may be missing, and 400s under a day of one quality
//! replace it where they say so.
//!
//! Deliberately missing: the index reads of 500s, times of update and load (which of two files is
//! the newer, the importer knows), and whether quantities follow from the readings.

mod accumulated;
mod fields;
mod interval;
mod values;

use crate::lines::Lines;
use crate::{Fault, FileFault, Item, Rejected};
use accumulated::Readings;
pub(crate) use fields::Fields;
use interval::Days;
use std::collections::VecDeque;
use std::io::BufRead;
pub(crate) use values::date;
use values::{Refused, refused, shown};

/// Reads a file of either kind, as its header says.
pub struct NemFile<R> {
    lines: Lines<R>,
    fields: Fields,
    stage: Stage,
    /// Non-blank lines after the header.
    records: u64,
    /// The last line that is not blank.
    line: u64,
    ready: Ready,
    fault: Option<FileFault>,
}

enum Stage {
    /// Before the header.
    Header,
    Data(Data),
    /// After the 900.
    Ended,
    /// There is nothing more to read.
    Over,
}

enum Data {
    Days(Days),
    Readings(Readings),
}

/// Kinds of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Header,
    Stream,
    Readings,
    Day,
    Qualities,
    Event,
    Orders,
    End,
    Unknown,
}

impl Kind {
    /// By the first field of a line that need not be readable.
    pub fn of(line: &[u8]) -> Self {
        let first = line.split(|&byte| byte == b',').next().unwrap_or_default();
        let first = first.trim_ascii();
        match first.strip_prefix(b"\"").and_then(|first| first.strip_suffix(b"\"")).unwrap_or(first) {
            b"100" => Self::Header,
            b"200" => Self::Stream,
            b"250" => Self::Readings,
            b"300" => Self::Day,
            b"400" => Self::Qualities,
            b"500" => Self::Event,
            b"550" => Self::Orders,
            b"900" => Self::End,
            _ => Self::Unknown,
        }
    }

    /// Why it can't stand where its kind never stands.
    fn stray(self, row: &Fields) -> Refused {
        match self {
            Self::Unknown => refused(Fault::UnknownRecord, format!("record {}", shown(row.get(0)))),
            Self::End => refused(Fault::FieldCount, "an end with more fields than its number"),
            Self::Header => refused(Fault::OutOfPlace, "a second header"),
            _ => refused(Fault::OutOfPlace, "a record of the other kind of file"),
        }
    }
}

/// What is known and not yet told: a few items at most.
#[derive(Debug, Default)]
struct Ready(VecDeque<Item>);

impl Ready {
    fn push(&mut self, item: Item) {
        self.0.push_back(item);
    }

    fn reject(&mut self, line: u64, Refused { fault, detail }: Refused) {
        self.push(Item::Rejected(Rejected::new(line, fault, detail)));
    }
}

impl<R: BufRead> NemFile<R> {
    /// From the beginning of an input.
    pub fn new(input: R) -> Self {
        Self::of(Lines::new(input))
    }

    pub(crate) fn of(lines: Lines<R>) -> Self {
        Self {
            lines,
            fields: Fields::new(),
            stage: Stage::Header,
            records: 0,
            line: 0,
            ready: Ready::default(),
            fault: None,
        }
    }

    /// Reads a line.
    fn step(&mut self) -> Result<(), FileFault> {
        let Some(raw) = self.lines.next_line()? else { return self.end_of_input() };
        if raw.is_blank(b',') {
            return Ok(());
        }
        self.line = raw.number;
        let row = self.fields.split(&raw);
        let data = match &mut self.stage {
            Stage::Header => {
                self.stage = Stage::Data(header(&self.fields, row, self.line)?);
                return Ok(());
            }
            Stage::Data(data) => data,
            Stage::Ended => return Err(format_fault(self.line, "a record stands after the last one (900)")),
            Stage::Over => return Ok(()),
        };
        let kind = Kind::of(&raw.bytes);
        if kind == Kind::End && row.is_ok() && self.fields.used() == 1 {
            if self.records == 0 && self.lines.piece().records_before == 0 {
                return Err(format_fault(self.line, "no data stand between the first record and the last"));
            }
            data.close(&mut self.ready);
            self.stage = Stage::Ended;
            return Ok(());
        }
        self.records += 1;
        let row = row.map(|()| &self.fields);
        match data {
            Data::Days(days) => days.record(kind, self.line, row, &mut self.ready),
            Data::Readings(readings) => readings.record(kind, self.line, row, &mut self.ready),
        }
        Ok(())
    }

    fn end_of_input(&mut self) -> Result<(), FileFault> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Header => Err(FileFault::Empty),
            Stage::Data(mut data) if !self.lines.piece().ends_file => {
                data.close(&mut self.ready);
                Ok(())
            }
            Stage::Data(data) => {
                data.cut(&mut self.ready);
                Err(FileFault::CutOff { line: self.line })
            }
            Stage::Ended | Stage::Over => Ok(()),
        }
    }
}

impl Data {
    /// Nothing more hangs on the last record.
    fn close(&mut self, ready: &mut Ready) {
        match self {
            Self::Days(days) => days.close(ready),
            Self::Readings(readings) => readings.close(ready),
        }
    }

    /// The last record may be cut.
    fn cut(self, ready: &mut Ready) {
        let line = match self {
            Self::Days(days) => days.open_line(),
            Self::Readings(readings) => readings.open_line(),
        };
        if let Some(line) = line {
            ready.reject(line, refused(Fault::Contradiction, "the file ends before it is known to be whole"));
        }
    }
}

impl<R: BufRead> Iterator for NemFile<R> {
    type Item = Result<Item, FileFault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.ready.0.pop_front() {
                return Some(Ok(item));
            }
            if let Some(fault) = self.fault.take() {
                return Some(Err(fault));
            }
            if matches!(self.stage, Stage::Over) {
                return None;
            }
            if let Err(fault) = self.step() {
                self.stage = Stage::Over;
                self.fault = Some(fault);
            }
        }
    }
}

/// What the header announces.
fn header(row: &Fields, split: Result<(), Refused>, line: u64) -> Result<Data, FileFault> {
    if let Err(Refused { detail, .. }) = split {
        return Err(format_fault(line, format!("the first record is not readable: {detail}")));
    }
    match (row.get(0), row.get(1)) {
        ("100", "NEM12") => Ok(Data::Days(Days::default())),
        ("100", "NEM13") => Ok(Data::Readings(Readings::default())),
        ("100", version) => {
            Err(format_fault(line, format!("the version is {}, not NEM12 or NEM13", shown(version))))
        }
        (first, _) => Err(format_fault(line, format!("the first record is {}, not 100", shown(first)))),
    }
}

fn format_fault(line: u64, reason: impl Into<String>) -> FileFault {
    FileFault::Format { line, reason: reason.into() }
}
