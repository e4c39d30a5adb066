//! Files of records that are one line each: blank lines, the mark at the beginning, the end.

use std::collections::VecDeque;
use std::io::BufRead;

use crate::item::{Fault, FileFault, Item, Rejected};
use crate::lines::{Lines, RawLine};

/// Most characters of a file that are repeated in a detail.
const EXCERPT_CHARS: usize = 60;

/// Why a record cannot be taken, and what is to be known besides.
pub(crate) type Refused = (Fault, String);

/// The rejection of the record on a line.
pub(crate) fn rejected(line: u64, (fault, detail): Refused) -> Item {
    Item::Rejected(Rejected::new(line, fault, detail))
}

/// Refuses a record that may be cut: the last line of a file, without an end of its own.
pub(crate) fn needs_end(raw: &RawLine) -> Result<(), Refused> {
    if raw.is_ended {
        return Ok(());
    }
    Err((Fault::Contradiction, "the file ends inside this line".to_owned()))
}

/// A field of the file as a detail repeats it.
pub(crate) fn excerpt(text: &str) -> String {
    shortened(text, EXCERPT_CHARS)
}

/// The beginning of what a file says, for people.
pub(crate) fn shortened(text: &str, chars: usize) -> String {
    let mut short: String = text.chars().take(chars).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
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
    raw: RawLine,
    is_begun: bool,
    is_over: bool,
}

impl<R: BufRead, F: Format> LineFile<R, F> {
    pub fn new(lines: Lines<R>, format: F) -> Self {
        let is_begun = !lines.piece().begins_file;
        Self { lines, format, items: VecDeque::new(), raw: RawLine::default(), is_begun, is_over: false }
    }

    /// Reads on; `false` at the end.
    fn step(&mut self) -> Result<bool, FileFault> {
        let last = self.raw.number;
        if !self.lines.read_line(&mut self.raw)? {
            return match () {
                () if !self.is_begun => Err(FileFault::Empty),
                () if self.lines.piece().ends_file => self.format.end(last).map(|()| false),
                () => Ok(false),
            };
        }
        if self.raw.is_blank(b' ') {
            return Ok(true);
        }
        self.is_begun = true;
        self.format.record(&self.raw, &mut self.items).map(|()| true)
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
