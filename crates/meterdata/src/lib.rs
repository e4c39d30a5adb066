//! Files of readings, of people and of systems of meters, read record by record: every format, in and out.
//!
//! [`FileForm`] says how a file is read, [`parts`] cuts a big one into pieces. Each format is an iterator over
//! [`Item`]s: values on dials, stretches of interval data, records that cannot be taken. Invariants:
//! - memory holds one record (and what its header says), however long the file; of Green Button, whose
//!   resources name each other, also those that are named and the readings that wait for them, within the
//!   bounds of [`espi`];
//! - a record is taken whole or not at all, and a bad one harms only itself and what hangs on it;
//! - no bytes whatever make a reader panic, and nothing in a file makes it hold more than its bounds;
//! - numbers are decimals, read from their text.
//!
//! Deliberately missing: which register of which service point a channel is (the caller knows the
//! meters), and whether a value is plausible (`metering::validate`).

pub mod beacon;
mod cells;
mod clock;
pub mod cmep;
pub mod csv;
pub mod d0010;
pub mod espi;
mod fields;
pub mod fixed_width;
pub mod form;
pub mod item;
pub mod itron;
mod line_file;
mod lines;
pub mod nem;
pub mod parts;
mod stamp;

pub use fields::Fields;
pub use form::{FileForm, Items, detect};
pub use item::{
    Accumulated, Channel, Fault, FileFault, Flow, Intervals, Item, Moment, Quality, QualityRun, Reading,
    Rejected,
};
pub use lines::{LINE_BYTES_MAX, Lines, RawLine};
