//! What a file says, in the order in which it says it.

use rust_decimal::Decimal;
use std::sync::Arc;
use time::{Date, OffsetDateTime, PrimitiveDateTime};
use vocab::{ReadQuality, Unit, Zone};

/// One thing that a file says.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A value on a register's dials.
    Reading(Reading),
    /// A stretch of interval data.
    Intervals(Intervals),
    /// Two values on a register's dials and what it counted between them.
    Accumulated(Accumulated),
    /// A record that cannot be taken.
    Rejected(Rejected),
    /// A row with neither date nor value: a meter that nobody read.
    Unfilled {
        /// Its line, from 1.
        line: u64,
    },
    /// What the file says it has.
    Totals {
        /// The line that says it.
        line: u64,
        /// Rows or records; which of them count is the format's.
        rows: Option<u64>,
        /// The sum of the values.
        values: Option<Decimal>,
    },
}

/// One series of values: a register, or a channel of a meter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Channel {
    /// Number of the place, as the file writes it: NMI, usage point, location, meter point.
    pub point: Option<String>,
    /// Serial number of the meter.
    pub serial: Option<String>,
    /// The register or channel at it: `E1`, `11`, `01`.
    pub register: Option<String>,
    /// What it counts, as the file writes it: `KWH`, `CF_WAT`.
    pub unit_text: String,
    /// The same, when it is a unit that can be billed. Values are in it: a file's Wh are kWh here.
    pub unit: Option<Unit>,
    /// Which way it flows.
    pub flow: Flow,
}

/// Which way what is measured flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flow {
    /// To the customer.
    Delivered,
    /// From the customer.
    Received,
    /// Neither, or the file does not say.
    Unstated,
}

/// When something was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// An instant.
    Instant(OffsetDateTime),
    /// What the utility's own clock showed.
    Local(PrimitiveDateTime),
    /// A day without a time of day: the value closes it.
    Day(Date),
}

impl Moment {
    /// The day that a value of this moment closes; local midnight closes the day before. None outside of
    /// the calendar.
    pub fn read_on(self, zone: &Zone) -> Option<Date> {
        match self {
            Self::Day(on) => Some(on),
            other => other.instant(zone).map(|at| zone.read_on(at)),
        }
    }

    /// The instant; of a day its end.
    pub fn instant(self, zone: &Zone) -> Option<OffsetDateTime> {
        match self {
            Self::Instant(at) => Some(at),
            Self::Local(at) => zone.instant(at.date(), at.time()),
            Self::Day(on) => zone.end_of(on),
        }
    }
}

/// How good a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quality {
    /// In the product's words; none for a value that is missing.
    pub kind: Option<ReadQuality>,
    /// As the file writes it: `A`, `S14`, `R0`; empty when it says nothing.
    pub flag: String,
    /// Why, as the file writes it: `77 Access difficult`.
    pub reason: Option<String>,
}

/// A value on the dials.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Where it stands in the file, from 1.
    pub line: u64,
    /// Of which register.
    pub channel: Arc<Channel>,
    /// When it was read.
    pub at: Moment,
    /// What the dials showed, in the channel's unit.
    pub value: Decimal,
    /// How good it is.
    pub quality: Quality,
}

/// What a register counted from one reading of it to the next, as the file itself says.
///
/// The readings are readings like others, and the former usually is the latter of the record before.
/// The quantity is a control: it knows of dials that passed their end, and its sign is the file's
/// (NEM13 counts what is received from the customer negative in some files); nobody has checked it
/// against the readings.
#[derive(Debug, Clone, PartialEq)]
pub struct Accumulated {
    /// The former reading; none when the file has the latter alone.
    pub from: Option<Reading>,
    /// The latter; line and channel of the record are its.
    pub to: Reading,
    /// What was counted, in the channel's unit; zero when the latter is missing.
    pub quantity: Decimal,
}

/// Consecutive interval values.
#[derive(Debug, Clone, PartialEq)]
pub struct Intervals {
    /// Where they begin in the file, from 1.
    pub line: u64,
    /// Of which channel.
    pub channel: Arc<Channel>,
    /// When the first interval begins.
    pub begins: Moment,
    /// Minutes of an interval.
    pub minutes: u16,
    /// In order of time, without gaps, in the channel's unit.
    pub values: Vec<Decimal>,
    /// How good they are, in order; the counts add up to the values.
    pub qualities: Vec<QualityRun>,
}

/// So many values of one quality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QualityRun {
    /// How many.
    pub count: usize,
    /// Their quality.
    pub quality: Quality,
}

impl QualityRun {
    /// One value more, in the last run when that is of its quality.
    pub(crate) fn push(runs: &mut Vec<Self>, quality: Quality) {
        match runs.last_mut() {
            Some(run) if run.quality == quality => run.count += 1,
            _ => runs.push(Self { count: 1, quality }),
        }
    }
}

/// A record that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its line, from 1.
    pub line: u64,
    /// Why.
    pub fault: Fault,
    /// What is to be known besides: the field, the value found.
    pub detail: String,
    /// The mapped column at fault, of a table whose columns are mapped.
    pub column: Option<String>,
}

impl Rejected {
    pub(crate) fn new(line: u64, fault: Fault, detail: impl Into<String>) -> Self {
        Self { line, fault, detail: detail.into(), column: None }
    }
}

/// Why a record cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Longer than a line of the format can be.
    TooLong,
    /// Not UTF-8, or with control characters.
    NotText,
    /// A kind of record that the format does not have.
    UnknownRecord,
    /// A record where none of its kind may stand.
    OutOfPlace,
    /// It hangs on a record that was rejected.
    Orphaned,
    /// More or fewer fields than such a record has.
    FieldCount,
    /// A field that must be there is empty.
    MissingField,
    /// A date or time that is none.
    BadTime,
    /// A number that is none, or has more digits than are stored (18 before, 10 after the point).
    BadNumber,
    /// A quality that the format does not have.
    BadQuality,
    /// Qualities that do not cover each value once.
    QualityGaps,
    /// An interval length that does not divide a day.
    BadInterval,
    /// A quote is not closed on the line.
    UnclosedQuote,
    /// The line has one column only, and the table has more.
    MissingColumn,
    /// Neither service point nor meter nor register is given.
    MissingIdentity,
    /// The date is missing.
    MissingDate,
    /// The date is not of the mapped format.
    BadDate,
    /// The value is missing.
    MissingValue,
    /// The value is not a plain number.
    BadValue,
    /// The value has more digits than are stored (18 before, 10 after the point).
    ValueOutOfRange,
    /// The totals line is not readable.
    BadControlLine,
    /// Anything else that contradicts the format; the detail says it.
    Contradiction,
}

impl Fault {
    /// The word as it is stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::NotText => "not_text",
            Self::UnknownRecord => "unknown_record",
            Self::OutOfPlace => "out_of_place",
            Self::Orphaned => "orphaned",
            Self::FieldCount => "field_count",
            Self::MissingField => "missing_field",
            Self::BadTime => "bad_time",
            Self::BadNumber => "bad_number",
            Self::BadQuality => "bad_quality",
            Self::QualityGaps => "quality_gaps",
            Self::BadInterval => "bad_interval",
            Self::UnclosedQuote => "unclosed_quote",
            Self::MissingColumn => "missing_column",
            Self::MissingIdentity => "missing_identity",
            Self::MissingDate => "missing_date",
            Self::BadDate => "bad_date",
            Self::MissingValue => "missing_value",
            Self::BadValue => "bad_value",
            Self::ValueOutOfRange => "value_out_of_range",
            Self::BadControlLine => "bad_control_line",
            Self::Contradiction => "contradiction",
        }
    }
}

impl FileFault {
    /// The line at fault, where it is one.
    pub const fn line(&self) -> Option<u64> {
        match self {
            Self::MissingColumns { line, .. }
            | Self::AmbiguousColumn { line, .. }
            | Self::Format { line, .. }
            | Self::CutOff { line } => Some(*line),
            Self::Io(_) | Self::Empty | Self::Utf16 | Self::Form { .. } => None,
        }
    }
}

/// Why a file cannot be read on, or at all.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// The input failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It is UTF-16, as some spreadsheets write.
    #[error("the file is UTF-16; save it as UTF-8")]
    Utf16,
    /// No line among the first has all mapped columns.
    #[error("line {line} comes closest to a header but lacks: {}; it has: {}", missing.join(", "), found.join(", "))]
    MissingColumns {
        /// The line that has most of them.
        line: u64,
        /// Mapped columns that it lacks.
        missing: Vec<String>,
        /// What it has.
        found: Vec<String>,
    },
    /// A mapped column stands twice in the header.
    #[error("line {line}: the column {column} stands there twice")]
    AmbiguousColumn {
        /// The header's line.
        line: u64,
        /// The column.
        column: String,
    },
    /// The form by which it is to be read is none: where in it, as a JSON pointer, and why.
    #[error("the form is not usable: {pointer}: {reason}")]
    Form {
        /// Where in the form.
        pointer: String,
        /// Why.
        reason: String,
    },
    /// It is no file of the format, or stops being one.
    #[error("line {line}: {reason}")]
    Format {
        /// Where, from 1.
        line: u64,
        /// Why.
        reason: String,
    },
    /// It ends before its end.
    #[error("line {line}: the file ends before its last record")]
    CutOff {
        /// The last line.
        line: u64,
    },
}
