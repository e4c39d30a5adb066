//! What the meters to read are written as: the house's own CSV, or a layout of fixed width.

use super::formats;
use super::upload::Upload;
use crate::{Error, Result};
use meterdata::csv::{ColumnMap, ExportRow, ReadingExport};
use meterdata::fixed_width::{CheckedLayout, FixedWidthWriter, ToRead, WriteFault};
use meterdata::{Channel, FileForm, Flow};
use std::io::{BufWriter, Write as _};
use store::Tx;
use store::registers::RegisterRow;
use time::Date;
use vocab::{Code, Decimal, Problem};

/// Name of the house's own CSV.
pub(super) const OWN: &str = "reading-export";

/// Bytes that are put together before they go to the disk.
const BUFFER_BYTES: usize = 64 * 1024;

/// What an export is written as.
pub(super) enum SheetForm {
    Csv,
    FixedWidth(Box<CheckedLayout>),
}

impl SheetForm {
    /// Finds a form by its name. Refuses those that nothing can be exported by.
    pub fn named(tx: &mut Tx<'_>, name: &str) -> Result<Self> {
        let refused = |code, detail: String| Problem::field("/format", code, detail);
        let form = formats::named(tx, name)?.ok_or_else(|| {
            let detail = format!("there is no format {name:?}; GET /v1/reading-formats lists them");
            refused(Code::UnknownReference, detail)
        })?;
        match form {
            FileForm::Csv(map) if map == ColumnMap::reading_export() => Ok(Self::Csv),
            FileForm::FixedWidth(layout) => {
                let layout = CheckedLayout::try_from(layout).map_err(|faults| {
                    let fault = faults.first().map(ToString::to_string).unwrap_or_default();
                    refused(Code::FieldRange, format!("the layout {name} has a fault at {fault}"))
                })?;
                Ok(Self::FixedWidth(Box::new(layout)))
            }
            other => {
                let what = other.name();
                let detail = format!(
                    "meters to read are exported as {OWN} or by a layout of fixed width; {name} is {what}"
                );
                Err(refused(Code::FieldRange, detail).into())
            }
        }
    }

    /// How a file of it ends.
    pub const fn extension(&self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::FixedWidth(_) => "txt",
        }
    }

    /// Begins a file.
    pub fn begin(&self) -> Result<SheetFile<'_>> {
        let spool = BufWriter::with_capacity(BUFFER_BYTES, Upload::new()?);
        Ok(match self {
            Self::Csv => SheetFile::Csv(Box::new(ReadingExport::new(spool).map_err(unwritable)?)),
            Self::FixedWidth(layout) => SheetFile::FixedWidth(FixedWidthWriter::new(spool, layout)),
        })
    }
}

/// A file of meters to read, on its way to the disk.
pub(super) enum SheetFile<'l> {
    Csv(Box<ReadingExport<BufWriter<Upload>>>),
    FixedWidth(FixedWidthWriter<'l, BufWriter<Upload>>),
}

/// A register of the sheet.
pub(super) struct SheetRow<'a> {
    pub row: ExportRow<'a>,
    pub register: &'a RegisterRow,
    /// Whether a read at its service point can be no other register's.
    pub is_alone: bool,
    /// The day it is to be read for.
    pub on: Date,
}

impl SheetFile<'_> {
    /// Writes a row. Refused when the layout has no room for it.
    pub fn push(&mut self, of: &SheetRow<'_>) -> Result<()> {
        match self {
            Self::Csv(file) => file.push(&of.row).map_err(unwritable),
            Self::FixedWidth(file) => {
                let text = |text: &str| Some(text.to_owned());
                let channel = Channel {
                    point: text(of.row.service_point),
                    serial: text(of.row.meter_serial),
                    register: text(of.row.register),
                    unit_text: String::new(),
                    unit: Some(of.row.unit),
                    flow: Flow::Unstated,
                };
                let highest = highest(of.register);
                let to_read = ToRead { channel: &channel, is_alone: of.is_alone, on: of.on, highest };
                file.push_to_read(&to_read).map_err(|fault| match fault {
                    WriteFault::Io(error) => unwritable(error),
                    WriteFault::Unfit { pointer, reason } => {
                        let serial = of.row.meter_serial;
                        let place =
                            if pointer.is_empty() { String::new() } else { format!(" (at {pointer})") };
                        let detail = format!("the layout cannot say the meter {serial}: {reason}{place}");
                        Problem::field("/format", Code::FieldRange, detail).into()
                    }
                })
            }
        }
    }

    /// Ends the file.
    pub fn finish(self) -> Result<Upload> {
        let mut spool = match self {
            Self::Csv(file) => file.finish(),
            Self::FixedWidth(file) => file.finish(),
        }
        .map_err(unwritable)?;
        spool.flush().map_err(unwritable)?;
        spool.into_inner().map_err(unwritable)
    }
}

pub(super) fn unwritable(error: impl std::fmt::Display) -> Error {
    Error::Fault(format!("an export could not be written: {error}"))
}

/// The highest value that a register's dials show.
fn highest(register: &RegisterRow) -> Decimal {
    let digits = u32::try_from(i32::from(register.dials) + i32::from(register.decimals)).unwrap_or(0);
    let nines = 10_i128.checked_pow(digits).map_or(i128::MAX, |power| power - 1);
    let scale = u32::try_from(register.decimals).unwrap_or(0);
    Decimal::try_from_i128_with_scale(nines, scale).unwrap_or(Decimal::MAX)
}
