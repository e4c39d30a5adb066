//! Cells of delimited records: their split, their numbers and units, and a header's names.

use std::sync::Arc;

use rust_decimal::Decimal;
use vocab::{Unit, decimal};

use crate::fields::Fields;
use crate::item::{Channel, Fault, FileFault};
use crate::line_file::{Refused, excerpt};
use crate::lines::RawLine;

/// The cells of the line last split.
#[derive(Debug)]
pub(crate) struct Cells(Fields);

impl Cells {
    /// Cells between commas that may stand in quotes.
    pub fn comma() -> Self {
        Self(Fields::of_records(b',', true))
    }

    /// Cells between bars; quotes are text.
    pub fn bar() -> Self {
        Self(Fields::of_records(b'|', false))
    }

    /// Splits a line; afterwards the cells are its.
    pub fn split(&mut self, raw: &RawLine) -> Result<(), Refused> {
        self.0.split(text(raw)?)
    }

    /// The columns that a header names; a file without them is none of the format.
    pub fn columns<T>(
        &mut self,
        raw: &RawLine,
        find: impl FnOnce(&Header) -> Result<T, String>,
    ) -> Result<T, FileFault> {
        self.split(raw)
            .map_err(|(fault, detail)| format!("{}: {detail}", fault.as_str()))
            .and_then(|()| find(&Header::of(self)))
            .map_err(|reason| FileFault::Format { line: raw.number, reason })
    }

    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// A cell without blanks around it; empty where there is none.
    pub fn get(&self, place: usize) -> &str {
        self.0.get(place).unwrap_or_default()
    }

    /// The cell of a column that may be missing.
    pub fn at(&self, place: Option<usize>) -> &str {
        place.map_or("", |place| self.get(place))
    }

    /// The same, when it says something.
    pub fn named(&self, place: Option<usize>) -> Option<String> {
        Some(self.at(place)).filter(|text| !text.is_empty()).map(str::to_owned)
    }
}

/// The text of a line that is whole.
pub(crate) fn text(raw: &RawLine) -> Result<&str, Refused> {
    if raw.is_cut {
        return Err((Fault::TooLong, format!("more than {} bytes", raw.bytes.len())));
    }
    std::str::from_utf8(&raw.bytes)
        .map_err(|fault| (Fault::NotText, format!("byte {} is no UTF-8", fault.valid_up_to() + 1)))
}

/// The names of a header's columns.
#[derive(Debug, Default)]
pub(crate) struct Header {
    names: Vec<String>,
}

impl Header {
    pub fn of(cells: &Cells) -> Self {
        Self { names: (0..cells.len()).map(|place| cells.get(place).to_ascii_lowercase()).collect() }
    }

    pub const fn len(&self) -> usize {
        self.names.len()
    }

    /// Where a column stands; one that stands there twice is an error.
    pub fn place(&self, name: &str) -> Result<Option<usize>, String> {
        let name_lower = name.to_ascii_lowercase();
        let mut places = self.names.iter().enumerate().filter(|(_, found)| **found == name_lower);
        let first = places.next().map(|(place, _)| place);
        match places.next() {
            Some(_) => Err(format!("the column {name} stands there twice")),
            None => Ok(first),
        }
    }
}

/// A plain number that can be stored.
pub(crate) fn number(text: &str) -> Option<Decimal> {
    decimal::parse(text).and_then(decimal::stored)
}

/// A number in a cell that must have one.
pub(crate) fn needed_number(name: &str, text: &str) -> Result<Decimal, Refused> {
    if text.is_empty() {
        return Err((Fault::MissingField, name.to_owned()));
    }
    number(text).ok_or_else(|| (Fault::BadNumber, format!("{name} `{}`", excerpt(text))))
}

/// A file's unit in the product's words, and what takes its values into it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measure {
    pub unit: Unit,
    factor: Decimal,
}

impl Measure {
    /// By the word of a file. Words of more than one meaning (`MCF`) are left out.
    pub fn of(text: &str) -> Option<Self> {
        let thousandth = Decimal::new(1, 3);
        let (unit, factor) = match text.to_ascii_uppercase().as_str() {
            "KWH" => (Unit::Kwh, Decimal::ONE),
            "WH" => (Unit::Kwh, thousandth),
            "MWH" => (Unit::Kwh, Decimal::ONE_THOUSAND),
            "KW" => (Unit::Kw, Decimal::ONE),
            "W" => (Unit::Kw, thousandth),
            "MW" => (Unit::Kw, Decimal::ONE_THOUSAND),
            "KVARH" => (Unit::Kvarh, Decimal::ONE),
            "VARH" => (Unit::Kvarh, thousandth),
            "MVARH" => (Unit::Kvarh, Decimal::ONE_THOUSAND),
            "KVA" => (Unit::Kva, Decimal::ONE),
            "VA" => (Unit::Kva, thousandth),
            "MVA" => (Unit::Kva, Decimal::ONE_THOUSAND),
            "CF" | "FT3" | "CUFT" | "CUBIC FEET" | "CUBIC_FEET" => (Unit::CubicFoot, Decimal::ONE),
            "CCF" | "HCF" => (Unit::Ccf, Decimal::ONE),
            "GAL" | "GALLON" | "GALLONS" => (Unit::Gallon, Decimal::ONE),
            "KGAL" => (Unit::Kgal, Decimal::ONE),
            "M3" | "CUBIC METERS" | "CUBIC_METERS" | "CUBIC METRES" => (Unit::CubicMetre, Decimal::ONE),
            "KL" => (Unit::Kilolitre, Decimal::ONE),
            "L" | "LITERS" | "LITRES" => (Unit::Kilolitre, thousandth),
            "THERM" | "THERMS" => (Unit::Therm, Decimal::ONE),
            "MJ" => (Unit::Megajoule, Decimal::ONE),
            _ => return None,
        };
        Some(Self { unit, factor })
    }
}

/// A value in the unit that its channel says; as it is where that is no unit of the product.
pub(crate) fn measured(value: Decimal, measure: Option<Measure>) -> Result<Decimal, Refused> {
    times(value, measure.map_or(Decimal::ONE, |measure| measure.factor))
}

/// A product that can be stored.
pub(crate) fn times(value: Decimal, factor: Decimal) -> Result<Decimal, Refused> {
    decimal::mul(value, factor)
        .ok()
        .and_then(decimal::stored)
        .ok_or_else(|| (Fault::BadNumber, format!("{value} × {factor} has more digits than are stored")))
}

/// The channel, the one that was there before when it is the same.
pub(crate) fn shared(last: &mut Option<Arc<Channel>>, channel: Channel) -> Arc<Channel> {
    match last {
        Some(last) if **last == channel => Arc::clone(last),
        _ => {
            let channel = Arc::new(channel);
            *last = Some(Arc::clone(&channel));
            channel
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> RawLine {
        RawLine { bytes: text.as_bytes().to_vec(), ..RawLine::default() }
    }

    #[test]
    fn lines_are_split() {
        let mut cells = Cells::comma();
        cells.split(&line("a,\" b \"\"c\"\"\",,")).unwrap();
        let found: Vec<_> = (0..cells.len() + 1).map(|place| cells.get(place)).collect();
        assert_eq!(found, ["a", "b \"c\"", "", "", ""]);
        let mut cells = Cells::bar();
        cells.split(&line("028|A\"1|D|")).unwrap();
        assert_eq!((cells.len(), cells.get(1)), (4, "A\"1"));
        assert_eq!(Cells::comma().split(&line("a\"b")).unwrap_err().0, Fault::UnclosedQuote);
        assert_eq!(Cells::comma().split(&line("a\0b")).unwrap_err().0, Fault::NotText);
    }

    #[test]
    fn numbers_that_can_be_stored() {
        assert_eq!(number("43490.000000000").unwrap().to_string(), "43490");
        assert!(number("999999999999999999.9999999999").is_some());
        for bad in ["1000000000000000000", "0.00000000001", "1e3", "", " 1", "1,5"] {
            assert!(number(bad).is_none(), "{bad}");
        }
        let wh = Measure::of("Wh");
        assert_eq!(measured(Decimal::from(1500), wh).unwrap().to_string(), "1.5");
        assert_eq!(measured(Decimal::new(1, 9), wh).unwrap_err().0, Fault::BadNumber);
        assert_eq!(measured(Decimal::new(1, 9), None), Ok(Decimal::new(1, 9)));
    }
}
