//! The fields of one record.

use super::values::{Refused, refused};
use crate::Fault;
use crate::cells::Cells;
use crate::lines::RawLine;

/// The fields of the line last split.
pub(crate) struct Fields {
    cells: Cells,
    used: usize,
}

impl Fields {
    pub fn new() -> Self {
        Self { cells: Cells::comma(), used: 0 }
    }

    pub fn split(&mut self, line: &RawLine) -> Result<(), Refused> {
        self.used = 0;
        self.cells.split(line).map_err(|(fault, detail)| refused(fault, detail))?;
        let places = (0..self.cells.len()).rev();
        self.used = places
            .map(|place| (place, self.cells.get(place)))
            .find(|(_, cell)| !cell.is_empty())
            .map_or(0, |(place, _)| place + 1);
        Ok(())
    }

    /// How many there are, without empty ones at the end: some programs leave those out, some add more.
    pub const fn used(&self) -> usize {
        self.used
    }

    /// A field without blanks around it; empty where the record has ended.
    pub fn get(&self, place: usize) -> &str {
        if place < self.used { self.cells.get(place) } else { "" }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> RawLine {
        RawLine { bytes: text.as_bytes().to_vec(), ..RawLine::default() }
    }

    #[test]
    fn fields_of_a_line() {
        let mut fields = Fields::new();
        fields.split(&line("300, 20240101 ,\"a, \"\"b\"\"\",,é,,")).unwrap();
        assert_eq!(fields.used(), 5);
        let found: Vec<&str> = (0..7).map(|place| fields.get(place)).collect();
        assert_eq!(found, ["300", "20240101", "a, \"b\"", "", "é", "", ""]);
        assert_eq!(fields.at_most(4).unwrap_err().fault, Fault::FieldCount);
        assert_eq!(fields.named(3, "reason").unwrap_err().fault, Fault::MissingField);
        fields.split(&line("900")).unwrap();
        assert_eq!((fields.used(), fields.get(0), fields.get(1)), (1, "900", ""));
        fields.split(&line(",,")).unwrap();
        assert_eq!(fields.used(), 0);
    }

    #[test]
    fn nothing_is_left_of_a_line_that_is_no_text() {
        let mut fields = Fields::new();
        fields.split(&line("300,1")).unwrap();
        assert_eq!(fields.split(&line("300,\u{1}")).unwrap_err().fault, Fault::NotText);
        assert_eq!((fields.used(), fields.get(0)), (0, ""));
    }
}
