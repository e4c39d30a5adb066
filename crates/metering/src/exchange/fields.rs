//! The fields of one delimited line.

use super::faults::RowFault;

/// Most columns of a file of readings.
pub(super) const COLUMNS_MAX: usize = 512;

/// The fields of the line last split; the buffers are used again from line to line.
#[derive(Debug)]
pub struct Fields {
    reader: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
    delimiter: u8,
    is_quoted: bool,
    most: usize,
}

impl Fields {
    /// Fields of a table, that may stand in quotes.
    pub fn new(delimiter: u8) -> Self {
        Self { most: COLUMNS_MAX, ..Self::of_records(delimiter, true) }
    }

    /// Fields of records that are as long as a line can be.
    pub fn of_records(delimiter: u8, is_quoted: bool) -> Self {
        let reader = csv_core::ReaderBuilder::new().delimiter(delimiter).quoting(is_quoted).build();
        let (text, ends) = (Vec::new(), Vec::new());
        Self { reader, text, ends, fields: 0, delimiter, is_quoted, most: usize::MAX }
    }

    /// Splits a line; afterwards the fields are its.
    pub fn split(&mut self, line: &str) -> Result<(), RowFault> {
        self.fields = 0;
        if line.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
            return Err(RowFault::ControlCharacter);
        }
        // Quotes are doubled inside quoted fields, so a readable line has an even number of them.
        if self.is_quoted && line.bytes().filter(|&byte| byte == b'"').count() % 2 == 1 {
            return Err(RowFault::UnclosedQuote);
        }
        let most = line.bytes().filter(|&byte| byte == self.delimiter).count() + 1;
        if most > self.most {
            return Err(RowFault::TooManyColumns);
        }
        self.text.resize(line.len() + 1, 0);
        self.ends.resize(most + 1, 0);
        self.reader.reset();
        let (_, used, written, ended) =
            self.reader.read_record(line.as_bytes(), &mut self.text, &mut self.ends);
        // An empty input ends the last field.
        let (_, _, _, last) = self.reader.read_record(
            &line.as_bytes()[used..],
            &mut self.text[written..],
            &mut self.ends[ended..],
        );
        self.fields = ended + last;
        Ok(())
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.fields
    }

    /// Whether there is none: no line was split.
    pub const fn is_empty(&self) -> bool {
        self.fields == 0
    }

    /// A field without blanks around it.
    pub fn get(&self, place: usize) -> Option<&str> {
        if place >= self.fields {
            return None;
        }
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        self.text
            .get(start..self.ends[place])
            .and_then(|field| std::str::from_utf8(field).ok())
            .map(str::trim)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.fields).filter_map(|place| self.get(place))
    }
}
