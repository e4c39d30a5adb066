//! The fields of one record.

use super::values::{Refused, refused};
use crate::Fault;

/// The fields of the line last split; the buffers reused from line to line.
pub(super) struct Fields {
    reader: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    used: usize,
}

impl Fields {
    pub fn new() -> Self {
        Self { reader: csv_core::Reader::new(), text: Vec::new(), ends: Vec::new(), used: 0 }
    }

    pub fn split(&mut self, line: &str) -> Result<(), Refused> {
        self.used = 0;
        if line.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
            return Err(refused(Fault::NotText, "a control character stands in it"));
        }
        // Quotes are doubled inside quoted fields, so a readable line has an even number of them.
        if line.bytes().filter(|&byte| byte == b'"').count() % 2 == 1 {
            return Err(refused(Fault::Contradiction, "a quote is not closed"));
        }
        let most = line.bytes().filter(|&byte| byte == b',').count() + 1;
        self.text.resize(line.len() + 1, 0);
        self.ends.resize(most + 1, 0);
        self.reader.reset();
        let (_, read, written, ended) =
            self.reader.read_record(line.as_bytes(), &mut self.text, &mut self.ends);
        // An empty input ends the last field.
        let (_, _, _, last) = self.reader.read_record(
            &line.as_bytes()[read..],
            &mut self.text[written..],
            &mut self.ends[ended..],
        );
        let fields = ended + last;
        self.used = (0..fields).rev().find(|&place| !self.between(place).is_empty()).map_or(0, |at| at + 1);
        Ok(())
    }

    /// How many there are, without empty ones at the end: some programs leave those out, some add more.
    pub const fn used(&self) -> usize {
        self.used
    }

    /// A field without blanks around it; empty where the record has ended.
    pub fn get(&self, place: usize) -> &str {
        if place < self.used { self.between(place) } else { "" }
    }

    /// A field that must not be empty.
    pub fn named(&self, place: usize, name: &str) -> Result<&str, Refused> {
        let field = self.get(place);
        if field.is_empty() { Err(refused(Fault::MissingField, name)) } else { Ok(field) }
    }

    /// The same, when it may be.
    pub fn optional(&self, place: usize) -> Option<String> {
        Some(self.get(place)).filter(|field| !field.is_empty()).map(str::to_owned)
    }

    /// Refuses a record with more fields than its kind has.
    pub fn at_most(&self, fields: usize) -> Result<(), Refused> {
        if self.used <= fields {
            return Ok(());
        }
        Err(refused(Fault::FieldCount, format!("{} fields instead of {fields}", self.used)))
    }

    fn between(&self, place: usize) -> &str {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        self.text
            .get(start..self.ends[place])
            .and_then(|field| std::str::from_utf8(field).ok())
            .map_or("", str::trim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_line() {
        let mut fields = Fields::new();
        fields.split("300, 20240101 ,\"a, \"\"b\"\"\",,é,,").unwrap();
        assert_eq!(fields.used(), 5);
        let found: Vec<&str> = (0..7).map(|place| fields.get(place)).collect();
        assert_eq!(found, ["300", "20240101", "a, \"b\"", "", "é", "", ""]);
        assert_eq!(fields.at_most(4).unwrap_err().fault, Fault::FieldCount);
        assert_eq!(fields.named(3, "reason").unwrap_err().fault, Fault::MissingField);
        fields.split("900").unwrap();
        assert_eq!((fields.used(), fields.get(0), fields.get(1)), (1, "900", ""));
        fields.split(",,").unwrap();
        assert_eq!(fields.used(), 0);
    }

    #[test]
    fn what_is_not_text() {
        for (line, fault) in
            [("300,\u{1}", Fault::NotText), ("300\r,", Fault::NotText), ("300,\"a", Fault::Contradiction)]
        {
            let mut fields = Fields::new();
            assert_eq!(fields.split(line).unwrap_err().fault, fault, "{line:?}");
            assert_eq!(fields.get(0), "");
        }
    }
}
