//! A big file in pieces that several can work on: where it may be cut, what a piece says, and the text of
//! a rejected record with what it hangs on.
//!
//! Invariants:
//! - a part begins where nothing hangs on what stands before it, or names the lines that it hangs on
//!   ([`Part::context`]: the head of a file of a layout), so that the items of the parts, one after
//!   the other, are those of the whole file, with its line numbers and its faults;
//! - what the end of a file means is judged in the last part alone;
//! - a file that can't be opened is not cut either.

mod begin;
mod contexts;
mod cut;
mod record;

use std::io::Read;

use serde::{Deserialize, Serialize};
use vocab::Zone;

use crate::fixed_width::FixedWidthFile;
use crate::form::{FileForm, Items};
use crate::lines::{Lines, Piece};
pub use cut::{GROUP_BYTES_MAX, cut};
pub use record::{Records, record_at};

/// Where a file is cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The file's head, which stands before each part: its line with an end and without a byte order mark.
    /// Empty where the format has none.
    pub prelude: Vec<u8>,
    /// Lines of the file up to the head and with it; none where the format has no head.
    pub prelude_lines: u64,
    /// The parts, in their order. What is not in one says nothing.
    pub parts: Vec<Part>,
    /// Lines of the file.
    pub lines: u64,
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Number of its first line, from 1.
    pub first_line: u64,
    /// Its lines.
    pub lines: u64,
    /// Where it begins, in bytes of the file.
    pub offset: u64,
    /// Its bytes.
    pub length: u64,
    /// Records below the head that stand before it: what a trailer counts.
    pub records_before: u64,
    /// Whether the file ends with it.
    pub is_last: bool,
    /// Lines above it that it hangs on, where it begins between records that do.
    pub context: Vec<Stretch>,
}

/// Where a line of a file stands, with its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// Where it begins, in bytes of the file.
    pub offset: u64,
    /// Its bytes; of a longer line, those that are read.
    pub length: u64,
}

/// What a part says, as it says it in the whole file: `bytes` are the part's, `prelude` and `prelude_lines`
/// the cut's. Of a part with a context, the `prelude` is the lines of that, each with an end.
pub fn items<'a>(
    form: &'a FileForm,
    prelude: &'a [u8],
    prelude_lines: u64,
    part: &Part,
    bytes: &'a [u8],
    zone: &'a Zone,
) -> Items<'a> {
    let piece = Piece {
        prelude_line: (!prelude.is_empty()).then_some(prelude_lines),
        first_line: part.first_line,
        records_before: part.records_before,
        begins_file: false,
        ends_file: part.is_last,
    };
    if let FileForm::FixedWidth(layout) = form
        && !part.context.is_empty()
        && form.check().is_ok()
    {
        let lines = Lines::of_piece(bytes, Piece { prelude_line: None, ..piece });
        return Box::new(FixedWidthFile::below(lines, layout, prelude));
    }
    form.open_piece(prelude.chain(bytes), piece, zone)
        .unwrap_or_else(|fault| Box::new(std::iter::once(Err(fault))))
}
