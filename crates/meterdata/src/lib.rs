//! Files that systems of meters write, read record by record.
//!
//! Each format is an iterator over [`Item`]s: values on dials, stretches of interval data, records
//! that cannot be taken. Invariants:
//! - memory holds one record (and what its header says), however long the file;
//! - a record is taken whole or not at all, and a bad one harms only itself and what hangs on it;
//! - no bytes whatever make a reader panic, and nothing in a file makes it hold more than its bounds;
//! - numbers are decimals, read from their text.
//!
//! Deliberately missing: which register of which service point a channel is (the caller knows the
//! meters), and whether a value is plausible (`metering::validate`).

pub mod beacon;
mod cells;
pub mod cmep;
pub mod d0010;
pub mod espi;
pub mod fixed_width;
pub mod item;
pub mod itron;
mod line_file;
pub mod nem;
mod stamp;

pub use item::{
    Accumulated, Channel, Fault, FileFault, Flow, Intervals, Item, Moment, Quality, QualityRun, Reading,
    Rejected,
};
