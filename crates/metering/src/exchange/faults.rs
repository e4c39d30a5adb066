//! Why a file, or a line of it, is not readable.

use std::io;

/// Why a file can't be read at all.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The input failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There is no line in it.
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
}

/// Why a line is not a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowFault {
    /// Longer than [`super::LINE_BYTES_MAX`].
    TooLong,
    /// Not UTF-8.
    NotUtf8,
    /// A control character stands in it.
    ControlCharacter,
    /// A quote is not closed on the line.
    UnclosedQuote,
    /// More columns than any file has.
    TooManyColumns,
    /// The line has one column only, and the file has more.
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
    /// The quality is not a known word.
    BadQuality,
    /// The totals line is not readable.
    BadControlLine,
}

impl RowFault {
    /// The word as it is stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::NotUtf8 => "not_utf8",
            Self::ControlCharacter => "control_character",
            Self::UnclosedQuote => "unclosed_quote",
            Self::TooManyColumns => "too_many_columns",
            Self::MissingColumn => "missing_column",
            Self::MissingIdentity => "missing_identity",
            Self::MissingDate => "missing_date",
            Self::BadDate => "bad_date",
            Self::MissingValue => "missing_value",
            Self::BadValue => "bad_value",
            Self::ValueOutOfRange => "value_out_of_range",
            Self::BadQuality => "bad_quality",
            Self::BadControlLine => "bad_control_line",
        }
    }
}
