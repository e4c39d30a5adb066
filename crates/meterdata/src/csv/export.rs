//! The reading export: one row per register to read, its last three columns empty for filling.
//!
//! Filled in, it imports unchanged through [`super::ColumnMap::reading_export`].

use std::io::Write;

use rust_decimal::Decimal;
use time::Date;
use vocab::{Unit, dates::civil};

use super::spreadsheet::neutralised;

/// The columns, in order.
pub const COLUMNS: [&str; 13] = [
    "account_number",
    "service_point",
    "meter_serial",
    "register",
    "address",
    "unit",
    "previous_on",
    "previous_value",
    "expected_low",
    "expected_high",
    "read_on",
    "value",
    "quality",
];

/// A register to read.
#[derive(Debug, Clone, Copy)]
pub struct ExportRow<'a> {
    /// Number of the account in service; empty for a vacant service point.
    pub account_number: &'a str,
    /// The service point.
    pub service_point: &'a str,
    /// Serial number of the meter.
    pub meter_serial: &'a str,
    /// The register.
    pub register: &'a str,
    /// Where it is.
    pub address: &'a str,
    /// Unit of measure.
    pub unit: Unit,
    /// Date and value of the previous valid read.
    pub previous: Option<(Date, Decimal)>,
    /// Lowest and highest value to be expected.
    pub expected: Option<(Decimal, Decimal)>,
}

/// Writes the file a row at a time. Text that a spreadsheet would run as a formula is neutralised.
pub struct ReadingExport<W: Write> {
    output: csv::Writer<W>,
}

impl<W: Write> ReadingExport<W> {
    /// Writes the header.
    pub fn new(output: W) -> csv::Result<Self> {
        let mut output = csv::Writer::from_writer(output);
        output.write_record(COLUMNS)?;
        Ok(Self { output })
    }

    /// Writes a row.
    pub fn push(&mut self, row: &ExportRow<'_>) -> csv::Result<()> {
        for text in [row.account_number, row.service_point, row.meter_serial, row.register, row.address] {
            self.output.write_field(neutralised(text).as_bytes())?;
        }
        self.output.write_field(row.unit.as_str())?;
        let decimal = |value: Option<Decimal>| value.map(|value| value.to_string()).unwrap_or_default();
        self.output.write_field(row.previous.map(|(on, _)| civil::format(on)).unwrap_or_default())?;
        self.output.write_field(decimal(row.previous.map(|(_, value)| value)))?;
        self.output.write_field(decimal(row.expected.map(|(low, _)| low)))?;
        self.output.write_field(decimal(row.expected.map(|(_, high)| high)))?;
        for _ in 0..3 {
            self.output.write_field("")?;
        }
        self.output.write_record(None::<&[u8]>)
    }

    /// Writes what is still buffered and gives the output back.
    pub fn finish(self) -> std::io::Result<W> {
        self.output.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}
