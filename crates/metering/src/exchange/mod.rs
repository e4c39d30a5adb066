//! Exchange of readings. One module per format; all stream, none holds more than a line.

mod column_map;
pub mod csv;
mod date_text;
mod export;
mod lines;
mod spreadsheet;

pub use column_map::{ColumnMap, Columns, ControlLine, DecimalMark, Delimiter, ReadTime};
pub use date_text::DateFormat;
pub use export::{COLUMNS, ExportRow, ReadingExport};
pub use lines::LINE_BYTES_MAX;
