//! A stored column mapping: which column of somebody's file holds what.

use serde::{Deserialize, Serialize};
use vocab::ReadQuality;

use super::date_text::DateFormat;

/// What separates columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = ReadingFileDelimiter))]
#[serde(rename_all = "snake_case")]
pub enum Delimiter {
    /// `,`
    #[default]
    Comma,
    /// `;`
    Semicolon,
    /// A tab.
    Tab,
    /// `|`
    Pipe,
}

impl Delimiter {
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }
}

/// What marks decimals. Thousands are never separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = ReadingFileDecimalMark))]
#[serde(rename_all = "snake_case")]
pub enum DecimalMark {
    /// `1.5`
    #[default]
    Point,
    /// `1,5`
    Comma,
}

/// What the date column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = ReadingFileReadTime))]
#[serde(rename_all = "snake_case")]
pub enum ReadTime {
    /// A date, or a local date-time in the utility's zone.
    #[default]
    DateOrTime,
    /// A date only.
    Date,
}

/// Header names. They are compared without regard to case and surrounding blanks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = ReadingFileColumns))]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// Service point.
    #[serde(default)]
    pub service_point: Option<String>,
    /// Serial number of the meter.
    #[serde(default)]
    pub meter_serial: Option<String>,
    /// Register, when a meter has several.
    #[serde(default)]
    pub register: Option<String>,
    /// Date or local time of the read.
    pub read_on: String,
    /// Value.
    pub value: String,
    /// Quality.
    #[serde(default)]
    pub quality: Option<String>,
}

/// A line that states totals: its first field is the marker, then come the number of rows and
/// the sum of the values, either of which may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = ReadingFileControlLine))]
#[serde(deny_unknown_fields)]
pub struct ControlLine {
    /// First field of the line: `TOTAL`.
    pub marker: String,
}

/// How a file is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = ReadingFileColumnMap))]
#[serde(deny_unknown_fields)]
pub struct ColumnMap {
    /// Header names.
    pub columns: Columns,
    /// What separates columns.
    #[serde(default)]
    pub delimiter: Delimiter,
    /// What marks decimals.
    #[serde(default)]
    pub decimal_mark: DecimalMark,
    /// Order of a date's parts.
    #[serde(default)]
    pub date_format: DateFormat,
    /// Whether the date may carry a time of day.
    #[serde(default)]
    pub read_time: ReadTime,
    /// The file's words for qualities, without regard to case. The house's own words are always read.
    #[serde(default)]
    pub qualities: Vec<(String, ReadQuality)>,
    /// Quality when the file does not say.
    #[serde(default = "actual")]
    pub default_quality: ReadQuality,
    /// The totals line, when the file has one.
    #[serde(default)]
    pub control: Option<ControlLine>,
}

const fn actual() -> ReadQuality {
    ReadQuality::Actual
}

impl ColumnMap {
    /// Reads the file that [`super::ReadingExport`] writes, filled in.
    pub fn reading_export() -> Self {
        let named = |name: &str| Some(name.to_owned());
        Self {
            columns: Columns {
                service_point: named("service_point"),
                meter_serial: named("meter_serial"),
                register: named("register"),
                read_on: "read_on".to_owned(),
                value: "value".to_owned(),
                quality: named("quality"),
            },
            delimiter: Delimiter::Comma,
            decimal_mark: DecimalMark::Point,
            date_format: DateFormat::YearMonthDay,
            read_time: ReadTime::DateOrTime,
            qualities: Vec::new(),
            default_quality: ReadQuality::Actual,
            control: None,
        }
    }
}
