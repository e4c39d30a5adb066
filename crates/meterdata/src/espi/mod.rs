//! Green Button: ESPI resources in an Atom feed (NAESB REQ.21), in and out.
//!
//! [`EspiFile`] reads, [`EspiWriter`] writes a customer's own data.
//!
//! What hangs together: an IntervalBlock belongs to the MeterReading in whose path it is, that
//! names its ReadingType by a `related` link. ReadingTypes and MeterReadings may come before or
//! after the blocks, and an entry's links after its content. So what is small is kept by its
//! address, and blocks whose type is not known yet are held, [`HELD_READINGS_MAX`] readings of them;
//! blocks beyond that are rejected, and so are those whose type never comes. In a file without
//! links, as some utilities' exports are, blocks are of the ReadingType before them, or of the first
//! after them. A file that has one ReadingType only means that one, unless a link names another.
//!
//! A block's readings are joined while they follow each other; a gap begins another item, and so
//! does the 1,501st value. A second reading for a time of the same block is rejected. Values whose
//! ReadingType accumulates (bulk quantity, cumulative) are what dials showed at the end of their
//! time.
//!
//! Times are instants. The file's [`LocalTime`] is told, not applied.

mod blocks;
mod bounded;
mod codes;
mod file;
mod links;
mod tags;
mod total;
mod write;
mod xml;

pub use file::{EspiFile, HELD_READINGS_MAX, LocalTime, UsagePoint};
pub use total::Total;
pub use write::{EspiWriter, Feed, Series, WriteFault, usage_point_path};
