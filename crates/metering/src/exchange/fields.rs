//! The fields of one delimited line.

use super::faults::RowFault;

/// Most columns of a file.
pub(super) const COLUMNS_MAX: usize = 512;

/// The fields of the line last split; the buffers reused from line to line.
pub(super) struct Fields {
    reader: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
    delimiter: u8,
}

impl Fields {
    pub fn new(delimiter: u8) -> Self {
        let reader = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        Self { reader, text: Vec::new(), ends: Vec::new(), fields: 0, delimiter }
    }

    pub fn split(&mut self, line: &str) -> Result<(), RowFault> {
        self.fields = 0;
        if line.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
            return Err(RowFault::ControlCharacter);
        }
        // Quotes are doubled inside quoted fields, so a readable line has an even number of them.
        if line.bytes().filter(|&byte| byte == b'"').count() % 2 == 1 {
            return Err(RowFault::UnclosedQuote);
        }
        let most = line.bytes().filter(|&byte| byte == self.delimiter).count() + 1;
        if most > COLUMNS_MAX {
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

    pub fn len(&self) -> usize {
        self.fields
    }

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

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.fields).filter_map(|place| self.get(place))
    }
}
