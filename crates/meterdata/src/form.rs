//! How a file is read: its format, with what the file itself does not say. Data, as it is stored and sent.

mod detect;
#[cfg(feature = "utoipa")]
mod schema;

use std::collections::BTreeMap;
use std::io::BufRead;

use serde::{Deserialize, Serialize};
use vocab::Zone;

use crate::beacon::{self, BeaconFile};
use crate::clock::DAY_MINUTES;
use crate::cmep::{self, CmepFile};
use crate::csv::{ColumnMap, CsvFile};
use crate::d0010::D0010File;
use crate::espi::EspiFile;
use crate::fixed_width::{self, FixedWidthFile, Layout};
use crate::item::{FileFault, Item};
use crate::itron::{Holds, ItronFile};
use crate::lines::{Lines, Piece};
use crate::nem::NemFile;
pub use detect::detect;

/// What a file is read as: an iterator over what it says.
pub type Items<'a> = Box<dyn Iterator<Item = Result<Item, FileFault>> + 'a>;

/// Name of the form that reads the house's own export.
const READING_EXPORT: &str = "reading-export";

/// A format, with what a file of it does not say: `{"format": "nem"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format", rename_all = "snake_case", deny_unknown_fields)]
pub enum FileForm {
    /// CSV by a mapping of columns.
    Csv(ColumnMap),
    /// Fixed width by a layout.
    FixedWidth(Layout),
    /// NEM12 or NEM13, as the file says.
    Nem,
    /// CMEP.
    Cmep {
        /// What the times show.
        #[serde(default)]
        clock: cmep::Clock,
    },
    /// A report of BEACON 360.
    Beacon {
        /// Minutes of a flow's interval.
        #[serde(default = "hour")]
        interval_minutes: u16,
    },
    /// An export of Itron.
    Itron {
        /// What its values are; registers unless it is said.
        #[serde(default)]
        holds: Holds,
    },
    /// D0010.
    D0010,
    /// Green Button.
    GreenButton,
}

const fn hour() -> u16 {
    beacon::HOURLY_MINUTES
}

impl FileForm {
    /// The word for the format.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Csv(_) => "csv",
            Self::FixedWidth(_) => "fixed_width",
            Self::Nem => "nem",
            Self::Cmep { .. } => "cmep",
            Self::Beacon { .. } => "beacon",
            Self::Itron { .. } => "itron",
            Self::D0010 => "d0010",
            Self::GreenButton => "green_button",
        }
    }

    /// What is wrong with it, as JSON pointers into it and sentences.
    pub fn check(&self) -> Result<(), Vec<(String, String)>> {
        let faults = match self {
            Self::Csv(map) => map.faults(),
            Self::FixedWidth(layout) => {
                layout.faults().into_iter().map(|fault| (fault.pointer, fault.reason)).collect()
            }
            Self::Beacon { interval_minutes } => minutes_fault("/interval_minutes", *interval_minutes),
            Self::Itron { holds: Holds::Intervals { minutes, .. } } => {
                minutes_fault("/holds/intervals/minutes", *minutes)
            }
            Self::Nem | Self::Cmep { .. } | Self::Itron { .. } | Self::D0010 | Self::GreenButton => {
                Vec::new()
            }
        };
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// The forms that come with the program, by name: that of the house's own export, and the layouts of
    /// [`fixed_width::SHIPPED`].
    pub fn shipped() -> Vec<(&'static str, Self)> {
        let own = (READING_EXPORT, Self::Csv(ColumnMap::reading_export()));
        let layouts = fixed_width::SHIPPED.iter().filter_map(|(name, text)| {
            serde_json::from_str(text).ok().map(|layout| (*name, Self::FixedWidth(layout)))
        });
        std::iter::once(own).chain(layouts).collect()
    }

    /// What stands below the last record, so that records under a file's head are a file again.
    pub const fn end(&self) -> &'static [u8] {
        match self {
            Self::Nem => b"900\n",
            Self::D0010 => b"ZPT|\n",
            _ => b"",
        }
    }

    /// Reads a file from its beginning.
    pub fn open<'a>(&'a self, input: impl BufRead + 'a, zone: &'a Zone) -> Result<Items<'a>, FileFault> {
        self.open_piece(input, Piece::WHOLE, zone)
    }

    /// Reads a piece of a file.
    pub(crate) fn open_piece<'a>(
        &'a self,
        input: impl BufRead + 'a,
        piece: Piece,
        zone: &'a Zone,
    ) -> Result<Items<'a>, FileFault> {
        if let Err(faults) = self.check() {
            let (pointer, reason) = faults.into_iter().next().unwrap_or_default();
            return Err(FileFault::Form { pointer, reason });
        }
        let lines = |input| Lines::of_piece(input, piece);
        Ok(match self {
            Self::Csv(map) => Box::new(CsvFile::of(lines(input), map, zone)?),
            Self::FixedWidth(layout) => Box::new(FixedWidthFile::of(lines(input), layout)),
            Self::Nem => Box::new(NemFile::of(lines(input))),
            Self::Cmep { clock } => Box::new(CmepFile::of(lines(input), *clock, zone)),
            Self::Beacon { interval_minutes } => {
                Box::new(BeaconFile::of(lines(input), *interval_minutes, zone))
            }
            Self::Itron { holds } => Box::new(ItronFile::of(lines(input), *holds, zone)),
            Self::D0010 => Box::new(D0010File::of(lines(input))),
            Self::GreenButton => Box::new(EspiFile::new(input)),
        })
    }
}

fn minutes_fault(pointer: &str, minutes: u16) -> Vec<(String, String)> {
    let divides = minutes > 0 && DAY_MINUTES.is_multiple_of(minutes);
    let fault = || (pointer.to_owned(), "minutes that divide a day".to_owned());
    if divides { Vec::new() } else { vec![fault()] }
}

impl ColumnMap {
    /// All that is wrong with it, as JSON pointers into it and sentences.
    pub fn faults(&self) -> Vec<(String, String)> {
        let columns = &self.columns;
        let named = [
            ("service_point", columns.service_point.as_deref()),
            ("meter_serial", columns.meter_serial.as_deref()),
            ("register", columns.register.as_deref()),
            ("read_on", Some(columns.read_on.as_str())),
            ("value", Some(columns.value.as_str())),
            ("quality", columns.quality.as_deref()),
        ];
        let mut faults = Vec::new();
        let mut add = |pointer: String, reason: String| faults.push((pointer, reason));
        let mut taken: BTreeMap<String, &str> = BTreeMap::new();
        for (role, name) in named {
            let Some(name) = name.map(|name| name.trim().to_lowercase()) else { continue };
            let pointer = format!("/columns/{role}");
            if name.is_empty() {
                add(pointer, "a column has a name".to_owned());
            } else if let Some(other) = taken.insert(name, role) {
                add(pointer, format!("{other} has this column already"));
            }
        }
        if named[..3].iter().all(|(_, name)| name.is_none()) {
            add("/columns".to_owned(), "no column names the meter".to_owned());
        }
        for (place, (word, _)) in self.qualities.iter().enumerate() {
            let word = word.trim();
            let before =
                self.qualities[..place].iter().any(|(other, _)| other.trim().eq_ignore_ascii_case(word));
            if word.is_empty() {
                add(format!("/qualities/{place}/0"), "a word".to_owned());
            } else if before {
                add(format!("/qualities/{place}/0"), format!("`{word}` stands there twice"));
            }
        }
        if self.control.as_ref().is_some_and(|control| control.marker.trim().is_empty()) {
            add("/control/marker".to_owned(), "a marker".to_owned());
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::itron::Stamped;
    use serde_json::{from_value, json, to_value};

    #[test]
    fn forms_are_stored_and_come_back() {
        let nem: FileForm = from_value(json!({"format": "nem"})).unwrap();
        assert_eq!((nem.name(), to_value(&nem).unwrap()), ("nem", json!({"format": "nem"})));
        for text in [
            json!({"format": "cmep"}),
            json!({"format": "cmep", "clock": "utc"}),
            json!({"format": "beacon", "interval_minutes": 15}),
            json!({"format": "itron", "holds": {"intervals": {"minutes": 60, "stamped": "end"}}}),
            json!({"format": "d0010"}),
            json!({"format": "green_button"}),
            json!({"format": "csv", "columns": {"meter_serial": "M", "read_on": "D", "value": "V"}}),
        ] {
            let form: FileForm = from_value(text.clone()).unwrap();
            assert_eq!(form.check(), Ok(()), "{text}");
            assert_eq!(text["format"], form.name());
            assert_eq!(from_value::<FileForm>(to_value(&form).unwrap()).unwrap(), form);
        }
        for bad in [
            json!({"format": "xls"}),
            json!({"format": "cmep", "clocks": "utc"}),
            json!({"format": "csv", "columns": {"read_on": "D", "value": "V"}, "more": 1}),
        ] {
            assert!(from_value::<FileForm>(bad.clone()).is_err(), "{bad}");
        }
        let shipped = FileForm::shipped();
        assert_eq!(shipped.len(), 1 + fixed_width::SHIPPED.len());
        assert!(shipped.iter().all(|(_, form)| form.check().is_ok()));
    }

    #[test]
    fn forms_that_cannot_be_read_by_are_refused() {
        let columns = json!({"meter_serial": "A", "read_on": "a ", "value": ""});
        let csv: FileForm = from_value(json!({"format": "csv", "columns": columns,
            "qualities": [["E", "estimated"], ["e", "actual"]], "control": {"marker": " "}}))
        .unwrap();
        let faults = csv.check().unwrap_err();
        let pointers: Vec<&str> = faults.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/columns/read_on", "/columns/value", "/qualities/1/0", "/control/marker"]);
        assert!(matches!(csv.open(&b""[..], &Zone::utc()), Err(FileFault::Form { .. })));
        let holds = Holds::Intervals { minutes: 7, stamped: Stamped::End };
        assert_eq!(FileForm::Itron { holds }.check().unwrap_err()[0].0, "/holds/intervals/minutes");
        assert!(FileForm::Beacon { interval_minutes: 0 }.check().is_err());
    }
}
