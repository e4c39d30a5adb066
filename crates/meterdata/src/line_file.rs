//! Files of records that are one line each: blank lines, the mark at the beginning, the end.

use std::collections::VecDeque;
use std::io::BufRead;

use metering::exchange::{Lines, RawLine};

use crate::item::{Fault, FileFault, Item, Rejected};

/// Most characters of a file that are repeated in a detail.
const EXCERPT_CHARS: usize = 60;

/// Why a record cannot be taken, and what is to be known besides.
pub(crate) type Refused = (Fault, String);

/// The rejection of the record on a line.
pub(crate) fn rejected(line: u64, (fault, detail): Refused) -> Item {
    Item::Rejected(Rejected { line, fault, detail })
}

/// A field of the file as a detail repeats it.
pub(crate) fn excerpt(text: &str) -> String {
    if text.chars().nth(EXCERPT_CHARS).is_none() {
        return text.to_owned();
    }
    text.chars().take(EXCERPT_CHARS).chain(['…']).collect()
}

/// What a format makes of its records.
pub(crate) trait Format {
    /// Takes one record that is not blank.
    fn record(&mut self, raw: &RawLine, items: &mut VecDeque<Item>) -> Result<(), FileFault>;

    /// The file ends after this line.
    fn end(&mut self, _line: u64) -> Result<(), FileFault> {
        Ok(())
    }
}

/// Items of a file whose records are lines.
#[derive(Debug)]
pub(crate) struct LineFile<R, F> {
    lines: Lines<R>,
    format: F,
    /// What the last record said.
    items: VecDeque<Item>,
    line: u64,
    is_begun: bool,
    is_over: bool,
}

impl<R: BufRead, F: Format> LineFile<R, F> {
    pub const fn new(input: R, format: F) -> Self {
        let items = VecDeque::new();
        Self { lines: Lines::new(input), format, items, line: 0, is_begun: false, is_over: false }
    }

    /// Reads on; `false` at the end.
    fn step(&mut self) -> Result<bool, FileFault> {
        let Some(mut raw) = self.lines.next_line()? else {
            if !self.is_begun {
                return Err(FileFault::Empty);
            }
            return self.format.end(self.line).map(|()| false);
        };
        self.line = raw.number;
        if raw.number == 1 {
            without_mark(&mut raw)?;
        }
        if raw.bytes.iter().all(u8::is_ascii_whitespace) && !raw.is_cut {
            return Ok(true);
        }
        self.is_begun = true;
        self.format.record(&raw, &mut self.items).map(|()| true)
    }
}

impl<R: BufRead, F: Format> Iterator for LineFile<R, F> {
    type Item = Result<Item, FileFault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Some(Ok(item));
            }
            if self.is_over {
                return None;
            }
            match self.step() {
                Ok(goes_on) => self.is_over = !goes_on,
                Err(fault) => {
                    self.is_over = true;
                    self.items.clear();
                    return Some(Err(fault));
                }
            }
        }
    }
}

/// Takes the byte order mark off the first line.
fn without_mark(raw: &mut RawLine) -> Result<(), FileFault> {
    if raw.bytes.starts_with(&[0xFF, 0xFE]) || raw.bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(FileFault::Format { line: 1, reason: "the text is UTF-16, not UTF-8".to_owned() });
    }
    if raw.bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
        raw.bytes.drain(..3);
    }
    Ok(())
}
