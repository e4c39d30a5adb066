//! The fields of one delimited line.

use crate::item::Fault;
use crate::line_file::Refused;

/// Most columns of a table of readings.
pub(crate) const COLUMNS_MAX: usize = 512;

/// The fields of the line last split; the buffers are used again from line to line.
#[derive(Debug)]
pub struct Fields {
    reader: csv_core::Reader,
    text: String,
    spans: Vec<(usize, usize)>,
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
        Self { reader, text: String::new(), spans: Vec::new(), delimiter, is_quoted, most: usize::MAX }
    }

    /// Splits a line; afterwards the fields are its.
    pub(crate) fn split(&mut self, line: &str) -> Result<(), Refused> {
        self.spans.clear();
        self.text.clear();
        let (mut quotes, mut from, mut control) = (0_usize, 0, None);
        for (at, byte) in line.bytes().enumerate() {
            if byte == self.delimiter {
                self.spans.push((from, at));
                from = at + 1;
            } else if byte == b'"' {
                quotes += 1;
            } else if byte.is_ascii_control() && byte != b'\t' {
                control = control.or(Some(at));
            }
        }
        self.spans.push((from, line.len()));
        if let Err(refused) = self.checked(quotes, control) {
            self.spans.clear();
            return Err(refused);
        }
        if self.is_quoted && quotes > 0 {
            return self.unquote(line);
        }
        self.text.push_str(line);
        Ok(())
    }

    fn checked(&self, quotes: usize, control: Option<usize>) -> Result<(), Refused> {
        if let Some(at) = control {
            return Err((Fault::NotText, format!("byte {} is a control character", at + 1)));
        }
        // Quotes are doubled inside quoted fields, so a readable line has an even number of them.
        if self.is_quoted && !quotes.is_multiple_of(2) {
            return Err((Fault::UnclosedQuote, "a quote is not closed".to_owned()));
        }
        if self.spans.len() > self.most {
            return Err((Fault::FieldCount, format!("more than {} columns", self.most)));
        }
        Ok(())
    }

    /// Takes quotes off. There are no more fields than delimiters outside and inside of them.
    fn unquote(&mut self, line: &str) -> Result<(), Refused> {
        let mut text = vec![0; line.len() + 1];
        let mut ends = vec![0; self.spans.len() + 1];
        self.spans.clear();
        self.reader.reset();
        let (_, used, written, ended) = self.reader.read_record(line.as_bytes(), &mut text, &mut ends);
        // An empty input ends the last field.
        let (_, _, more, last) =
            self.reader.read_record(&line.as_bytes()[used..], &mut text[written..], &mut ends[ended..]);
        text.truncate(written + more);
        self.text = String::from_utf8(text).map_err(|_| (Fault::NotText, "quotes".to_owned()))?;
        let mut from = 0;
        for &end in &ends[..ended + last] {
            self.spans.push((from, end));
            from = end;
        }
        Ok(())
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is none: no line was split.
    pub const fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// A field without blanks around it.
    pub fn get(&self, place: usize) -> Option<&str> {
        let &(from, to) = self.spans.get(place)?;
        self.text.get(from..to).map(str::trim)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|place| self.get(place))
    }
}
