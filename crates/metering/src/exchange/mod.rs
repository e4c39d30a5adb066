//! Exchange of readings. One module per format; all stream, none holds more than a line.

mod column_map;
pub mod csv;
mod date_text;
mod export;
mod faults;
mod fields;
mod lines;
mod spreadsheet;

pub use column_map::{ColumnMap, Columns, ControlLine, DecimalMark, Delimiter, ReadTime};
pub use csv::{Line, ReadingFile, ReadingRow, RejectedLines, RejectedRow};
pub use date_text::DateFormat;
pub use export::{COLUMNS, ExportRow, ReadingExport};
pub use faults::{FileError, RowFault};
pub use fields::Fields;
pub use lines::{LINE_BYTES_MAX, Lines, RawLine};
pub use spreadsheet::neutralised;
