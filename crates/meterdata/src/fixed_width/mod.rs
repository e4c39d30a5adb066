//! Fixed-width files by a layout that is data: what stands at which bytes of which kind of record.
//!
//! A layout is JSON ([`Layout`]), checked ([`CheckedLayout`]) before files are read ([`FixedWidthFile`])
//! or written ([`FixedWidthWriter`]) by it. Invariants:
//! - places are bytes, so that a name with an accent in a field that nobody reads moves nothing;
//! - a number, date or time that the end of a line cuts is never taken;
//! - what hangs on a context that was rejected, or on a record of no known kind, is not put to the context
//!   before it;
//! - what is written is read back as it was, or is not written;
//! - a record whose reading nobody filled in (no value, day, time, quality or trouble code of its own) is
//!   not a reading and not rejected.
//!
//! A date without a time of day is a day that the value closes. The unit is the layout's, not the file's.
//! Deliberately missing: dates without a year, records over several lines, packed and binary numbers.

mod layout;
mod read;
mod write;

pub use layout::{Align, CheckedLayout, Field, Layout, LayoutFault, Meaning, RecordKind, Role, ValueForm};
pub use read::FixedWidthFile;
pub use write::{FixedWidthWriter, ToRead, WriteFault};

/// Layouts that come with the program, by name: JSON of [`Layout`]. None of them has been tried on a file
/// of its vendor (`verified`); each says in its note what it was made from.
pub const SHIPPED: &[(&str, &str)] = &[
    ("badger", include_str!("../../layouts/badger.json")),
    ("itron-mvrs", include_str!("../../layouts/itron-mvrs.json")),
    ("neptune", include_str!("../../layouts/neptune.json")),
    ("sensus", include_str!("../../layouts/sensus.json")),
];
