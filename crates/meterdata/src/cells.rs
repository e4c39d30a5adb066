//! Cells of delimited records: their split, their numbers and units, and a header's names.

use std::sync::Arc;

use metering::exchange::RawLine;
use rust_decimal::Decimal;
use vocab::{Unit, decimal};

use crate::item::{Channel, Fault};
use crate::line_file::{Refused, excerpt};

/// The cells of the line last split; the buffers are used again from line to line.
#[derive(Debug)]
pub(crate) struct Cells {
    reader: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
    delimiter: u8,
    is_quoted: bool,
}

impl Cells {
    /// Cells between commas that may stand in quotes.
    pub fn comma() -> Self {
        Self::new(b',', true)
    }

    /// Cells between bars; quotes are text.
    pub fn bar() -> Self {
        Self::new(b'|', false)
    }

    fn new(delimiter: u8, is_quoted: bool) -> Self {
        let reader = csv_core::ReaderBuilder::new().delimiter(delimiter).quoting(is_quoted).build();
        Self { reader, text: Vec::new(), ends: Vec::new(), count: 0, delimiter, is_quoted }
    }

    /// Splits a line; afterwards the cells are its.
    pub fn split(&mut self, raw: &RawLine) -> Result<(), Refused> {
        self.count = 0;
        if raw.is_cut {
            return Err((Fault::TooLong, format!("more than {} bytes", raw.bytes.len())));
        }
        let line = std::str::from_utf8(&raw.bytes)
            .map_err(|fault| (Fault::NotText, format!("byte {} is no UTF-8", fault.valid_up_to() + 1)))?;
        if let Some(at) = line.bytes().position(|byte| byte.is_ascii_control() && byte != b'\t') {
            return Err((Fault::NotText, format!("byte {} is a control character", at + 1)));
        }
        // Quotes are doubled inside quoted cells, so a readable line has an even number of them.
        if self.is_quoted && line.bytes().filter(|&byte| byte == b'"').count() % 2 == 1 {
            return Err((Fault::Contradiction, "a quote is not closed".to_owned()));
        }
        let most = line.bytes().filter(|&byte| byte == self.delimiter).count() + 1;
        self.text.resize(line.len() + 1, 0);
        self.ends.resize(most + 1, 0);
        self.reader.reset();
        let (_, used, written, ended) =
            self.reader.read_record(line.as_bytes(), &mut self.text, &mut self.ends);
        // An empty input ends the last cell.
        let (_, _, _, last) = self.reader.read_record(
            &line.as_bytes()[used..],
            &mut self.text[written..],
            &mut self.ends[ended..],
        );
        self.count = ended + last;
        Ok(())
    }

    pub const fn len(&self) -> usize {
        self.count
    }

    /// A cell without blanks around it; empty where there is none.
    pub fn get(&self, place: usize) -> &str {
        if place >= self.count {
            return "";
        }
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        let cell = self.text.get(start..self.ends[place]).unwrap_or_default();
        std::str::from_utf8(cell).unwrap_or_default().trim()
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
    decimal::parse(text).and_then(stored)
}

/// The value without trailing zeros, when it can be stored.
pub(crate) fn stored(value: Decimal) -> Option<Decimal> {
    let value = value.normalize();
    let fits = value.trunc().abs() < Decimal::from(10_u64.pow(18)) && value.scale() <= decimal::STORED_SCALE;
    fits.then_some(value)
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
            "KW" => (Unit::Kw, Decimal::ONE),
            "KVARH" => (Unit::Kvarh, Decimal::ONE),
            "VARH" => (Unit::Kvarh, thousandth),
            "KVA" => (Unit::Kva, Decimal::ONE),
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
        .and_then(stored)
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
        RawLine { number: 1, bytes: text.as_bytes().to_vec(), is_cut: false }
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
        assert_eq!(Cells::comma().split(&line("a\"b")).unwrap_err().0, Fault::Contradiction);
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
