//! D0010, the meter readings of the UK's electricity data transfer catalogue, in its user file format:
//! lines of fields that each end with a bar.
//!
//! A file is `ZHV` (header), then for each meter point `026`, each meter at it `028`, each register `030`;
//! then `ZPT`, which states how many records lie between it and the header. Other records of the flow
//! (`027`, `029`, `031`–`033`: visits and checks) are counted and passed over.
//!
//! - The point is the MPAN (its check digit is the caller's to judge), the register the meter's own name
//!   of it. The unit stands in other flows: it is empty here.
//! - Times are local, as the flow has them: midnight for reads that have a date only.
//! - The reading's type (`028`) is its quality; the sample at hand has `C` and `D` only. A type that is no
//!   read (withdrawn) is refused.
//! - A validation status that is not `V` (`026`) and a reading flag `F` (`030`) are the reason of a
//!   quality, for the caller to judge.
//! - A bad record harms those that hang on it: the readings of a bad `028` up to the next, of a bad `026`
//!   or a record that cannot be known up to the next `026`.
//!
//! Deliberately missing: resets of demand registers.

use std::collections::VecDeque;
use std::io::BufRead;
use std::sync::Arc;

use vocab::ReadQuality;

use crate::cells::{Cells, needed_number, shared};
use crate::item::{Channel, Fault, FileFault, Flow, Item, Moment, Quality, Reading};
use crate::line_file::{Format, LineFile, Refused, excerpt, needs_end, rejected};
use crate::lines::{Lines, RawLine};
use crate::stamp;

/// Most fields of the records that are read, with the empty one after the last bar.
const POINT_FIELDS_MAX: usize = 4;
const METER_FIELDS_MAX: usize = 4;
const REGISTER_FIELDS_MAX: usize = 9;

/// Items of a D0010 file.
#[derive(Debug)]
pub struct D0010File<R>(LineFile<R, D0010>);

impl<R: BufRead> D0010File<R> {
    /// From the beginning of a file.
    pub fn new(input: R) -> Self {
        Self::of(Lines::new(input))
    }

    pub(crate) fn of(lines: Lines<R>) -> Self {
        let records = lines.piece().records_before;
        Self(LineFile::new(
            lines,
            D0010 {
                cells: Cells::bar(),
                header: None,
                is_closed: false,
                records,
                point: Held::None,
                meter: Held::None,
                last: None,
            },
        ))
    }
}

impl<R: BufRead> Iterator for D0010File<R> {
    type Item = Result<Item, FileFault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

#[derive(Debug)]
struct D0010 {
    cells: Cells,
    /// The identifier of the file, from its header.
    header: Option<String>,
    is_closed: bool,
    /// Lines between header and trailer.
    records: u64,
    point: Held<Point>,
    meter: Held<Meter>,
    /// The channel of the reading before.
    last: Option<Arc<Channel>>,
}

/// What later records hang on.
#[derive(Debug)]
enum Held<T> {
    None,
    Bad,
    Good(T),
}

impl<T> Held<T> {
    fn of(&self, kind: &str) -> Result<&T, Refused> {
        match self {
            Self::Good(held) => Ok(held),
            Self::Bad => Err((Fault::Orphaned, format!("its {kind} was rejected"))),
            Self::None => Err((Fault::OutOfPlace, format!("no {kind} before it"))),
        }
    }
}

#[derive(Debug)]
struct Point {
    mpan: String,
    status: String,
}

#[derive(Debug)]
struct Meter {
    serial: String,
    kind: ReadQuality,
    reading_type: String,
}

impl Format for D0010 {
    fn record(&mut self, raw: &RawLine, items: &mut VecDeque<Item>) -> Result<(), FileFault> {
        if self.header.is_none() {
            self.header = Some(self.opened(raw)?);
            return Ok(());
        }
        if self.is_closed {
            items.push_back(rejected(raw.number, (Fault::OutOfPlace, "after the trailer".to_owned())));
            return Ok(());
        }
        let taken = match self.cells.split(raw) {
            Ok(()) if self.cells.get(0) == "ZPT" => {
                self.is_closed = true;
                self.trailer(raw, items)
            }
            split => {
                self.records += 1;
                split.and_then(|()| needs_end(raw)).and_then(|()| self.taken(raw.number, items))
            }
        };
        if let Err(refused) = taken {
            self.spoil(raw, refused.0);
            items.push_back(rejected(raw.number, refused));
        }
        Ok(())
    }

    fn end(&mut self, line: u64) -> Result<(), FileFault> {
        if self.is_closed { Ok(()) } else { Err(FileFault::CutOff { line }) }
    }
}

impl D0010 {
    /// The identifier in the header.
    fn opened(&mut self, raw: &RawLine) -> Result<String, FileFault> {
        let refused = |reason: String| FileFault::Format { line: raw.number, reason };
        self.cells.split(raw).map_err(|(_, detail)| refused(detail))?;
        let (kind, flow) = (self.cells.get(0), self.cells.get(2));
        if kind != "ZHV" {
            return Err(refused("no D0010 file: the first record is not ZHV".to_owned()));
        }
        if !flow.starts_with("D0010") {
            return Err(refused(format!("the flow is `{}`, not D0010", excerpt(flow))));
        }
        Ok(self.cells.get(1).to_owned())
    }

    /// Takes a record between header and trailer.
    fn taken(&mut self, line: u64, items: &mut VecDeque<Item>) -> Result<(), Refused> {
        match self.cells.get(0) {
            "026" => {
                (self.point, self.meter) = (Held::Bad, Held::None);
                self.point = Held::Good(self.point()?);
            }
            "028" => {
                self.meter = Held::Bad;
                self.point.of("026")?;
                self.meter = Held::Good(self.meter()?);
            }
            "030" => {
                let reading = self.reading(line)?;
                items.push_back(Item::Reading(reading));
            }
            "027" | "029" | "031" | "032" | "033" => {}
            "ZHV" => return Err((Fault::OutOfPlace, "a second ZHV".to_owned())),
            other => return Err((Fault::UnknownRecord, format!("`{}`", excerpt(other)))),
        }
        Ok(())
    }

    /// What hangs on a record that cannot be known is not to be put to the meter before it.
    fn spoil(&mut self, raw: &RawLine, fault: Fault) {
        if raw.bytes.starts_with(b"030|") || raw.bytes.starts_with(b"ZPT|") {
            return;
        }
        let is_unknown = matches!(fault, Fault::UnknownRecord | Fault::NotText | Fault::TooLong);
        if is_unknown && !raw.bytes.starts_with(b"028|") {
            self.point = Held::Bad;
        }
        if is_unknown {
            self.meter = Held::Bad;
        }
    }

    fn fields(&self, least: usize, most: usize) -> Result<(), Refused> {
        let found = self.cells.len();
        if (least..=most).contains(&found) {
            return Ok(());
        }
        Err((Fault::FieldCount, format!("{found} fields, not {least} to {most}")))
    }

    fn needed(&self, place: usize, name: &str) -> Result<&str, Refused> {
        Some(self.cells.get(place))
            .filter(|text| !text.is_empty())
            .ok_or_else(|| (Fault::MissingField, name.to_owned()))
    }

    fn point(&self) -> Result<Point, Refused> {
        self.fields(2, POINT_FIELDS_MAX)?;
        let mpan = self.needed(1, "MPAN")?;
        if mpan.len() != 13 || !mpan.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err((Fault::Contradiction, format!("MPAN `{}` is not of 13 digits", excerpt(mpan))));
        }
        Ok(Point { mpan: mpan.to_owned(), status: self.cells.get(2).to_owned() })
    }

    fn meter(&self) -> Result<Meter, Refused> {
        self.fields(3, METER_FIELDS_MAX)?;
        let (serial, reading_type) = (self.needed(1, "meter")?, self.needed(2, "reading type")?);
        let kind = match reading_type {
            // Change of supplier, final, initial, MAR, through prepayment, routine, special, proving test,
            // change of tenancy.
            "A" | "F" | "I" | "M" | "P" | "R" | "S" | "T" | "Z" => ReadQuality::Actual,
            "C" => ReadQuality::Customer,
            // Deemed, and the old supplier's.
            "D" | "E" | "O" => ReadQuality::Estimated,
            "Q" => ReadQuality::Adjusted,
            "W" => return Err((Fault::BadQuality, "reading type `W`: withdrawn".to_owned())),
            other => return Err((Fault::BadQuality, format!("reading type `{}`", excerpt(other)))),
        };
        Ok(Meter { serial: serial.to_owned(), kind, reading_type: reading_type.to_owned() })
    }

    fn reading(&mut self, line: u64) -> Result<Reading, Refused> {
        let (point, meter) = (self.point.of("026")?, self.meter.of("028")?);
        self.fields(4, REGISTER_FIELDS_MAX)?;
        let register = self.needed(1, "register")?;
        let time = self.needed(2, "time of the reading")?;
        let at = stamp::local(time, &["YYYYMMDDhhmmss"])
            .ok_or_else(|| (Fault::BadTime, format!("`{}`", excerpt(time))))?;
        let value = needed_number("reading", self.cells.get(3))?;
        let mut reasons = Vec::new();
        if point.status != "V" {
            reasons.push(format!("validation status {}", excerpt(&point.status)));
        }
        if self.cells.get(6) == "F" {
            reasons.push("reading flag F".to_owned());
        }
        let channel = Channel {
            point: Some(point.mpan.clone()),
            serial: Some(meter.serial.clone()),
            register: Some(register.to_owned()),
            unit_text: String::new(),
            unit: None,
            flow: Flow::Unstated,
        };
        let quality = Quality {
            kind: Some(meter.kind),
            flag: meter.reading_type.clone(),
            reason: (!reasons.is_empty()).then(|| reasons.join(", ")),
        };
        let channel = shared(&mut self.last, channel);
        Ok(Reading { line, channel, at: Moment::Local(at), value, quality })
    }

    /// What the trailer states, and whether it is so.
    fn trailer(&self, raw: &RawLine, items: &mut VecDeque<Item>) -> Result<(), Refused> {
        let line = raw.number;
        // Records that were rejected end so when they are loaded again.
        if raw.is_ended && self.cells.len() <= 2 && self.cells.get(1).is_empty() {
            items.push_back(Item::Totals { line, rows: None, values: None });
            return Ok(());
        }
        let text = self.needed(2, "number of records")?;
        let stated = Some(text)
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse::<u64>().ok())
            .ok_or_else(|| (Fault::BadNumber, format!("number of records `{}`", excerpt(text))))?;
        items.push_back(Item::Totals { line, rows: Some(stated), values: None });
        let identifier = self.cells.get(1);
        if self.header.as_deref() != Some(identifier) {
            let detail = format!("the trailer is of the file `{}`", excerpt(identifier));
            return Err((Fault::Contradiction, detail));
        }
        if stated != self.records {
            let detail = format!("{stated} records stated, {} found", self.records);
            return Err((Fault::Contradiction, detail));
        }
        Ok(())
    }
}
