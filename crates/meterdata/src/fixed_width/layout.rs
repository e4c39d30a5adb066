//! What stands where in the records of a fixed-width file: data, checked before it is used.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vocab::{ReadQuality, Unit, decimal};

use crate::lines::LINE_BYTES_MAX;
use crate::stamp;

/// Most kinds of records of a layout, and most fields of one.
const RECORDS_MAX: usize = 50;
const FIELDS_MAX: usize = 200;

/// A layout as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = ReadingFileLayout))]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// What it is called.
    pub name: String,
    /// Whether a real file of the vendor was read by it.
    pub verified: bool,
    /// Where it comes from.
    pub note: String,
    /// The unit of all values, as the channel says it.
    #[serde(default)]
    pub unit_text: String,
    /// The same, when it is a unit that can be billed.
    #[serde(default)]
    pub unit: Option<Unit>,
    /// Of values that have no word of quality.
    pub default_quality: ReadQuality,
    /// The kinds of records: those that others hang on stand above them.
    pub records: Vec<RecordKind>,
}

/// A kind of records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = ReadingFileRecord))]
#[serde(deny_unknown_fields)]
pub struct RecordKind {
    /// How each begins; empty when there is no other kind.
    pub prefix: String,
    /// What it is for.
    pub role: Role,
    /// Bytes of the whole record.
    pub length: usize,
    /// Whether more may follow, which is passed over.
    #[serde(default)]
    pub open_ended: bool,
    /// Its fields; what none of them covers is passed over.
    #[serde(default)]
    pub fields: Vec<Field>,
}

/// What a kind of records is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = ReadingFileRecordRole))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Its fields hold for the readings after it, until a record of its kind or of one above it.
    Context,
    /// A reading, with what the contexts say.
    Reading,
    /// Nothing that is needed.
    Skip,
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = ReadingFileField))]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its first byte, from 1.
    pub start: usize,
    /// Its bytes.
    pub length: usize,
    /// What it says.
    pub meaning: Meaning,
    /// On which side of the field its text stands; numbers stand on the right.
    #[serde(default)]
    pub align: Align,
}

impl Field {
    /// One behind its last byte, from 0.
    pub(super) const fn end(&self) -> usize {
        self.start.saturating_sub(1).saturating_add(self.length)
    }
}

/// The side of a field that is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = ReadingFileAlign))]
#[serde(rename_all = "snake_case")]
pub enum Align {
    /// Blanks follow.
    #[default]
    Left,
    /// Blanks come before.
    Right,
}

/// What a field says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Meaning {
    /// Number of the place.
    Point,
    /// Serial number of the meter.
    Serial,
    /// The register at it.
    Register,
    /// The day of the reading, by a pattern such as `YYYYMMDD`, `MMDDYY`, `MM/DD/YYYY`.
    Date(String),
    /// The local time of the reading, by a pattern such as `hhmm`, `hh:mm:ss`.
    Time(String),
    /// What the dials show.
    Value(ValueForm),
    /// How good it is: the words of the file and what they mean; `null` for one that says that there is
    /// no reading.
    Quality(BTreeMap<String, Option<ReadQuality>>),
    /// Why it was hard to read or was not.
    TroubleCode,
    /// Nothing that is needed.
    Filler,
}

impl Meaning {
    /// The word for it in a layout.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Point => "point",
            Self::Serial => "serial",
            Self::Register => "register",
            Self::Date(_) => "date",
            Self::Time(_) => "time",
            Self::Value(_) => "value",
            Self::Quality(_) => "quality",
            Self::TroubleCode => "trouble_code",
            Self::Filler => "filler",
        }
    }

    /// Whether it comes with the reading, and is not known before.
    pub(super) const fn is_of_the_reading(&self) -> bool {
        matches!(self, Self::Date(_) | Self::Time(_) | Self::Value(_) | Self::Quality(_) | Self::TroubleCode)
    }
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = ReadingFileValueForm))]
#[serde(deny_unknown_fields)]
pub struct ValueForm {
    /// How many of its digits are decimals, without a point; left out when the point is written.
    #[serde(default)]
    pub implied_decimals: Option<u32>,
}

/// What is wrong with a layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {reason}")]
pub struct LayoutFault {
    /// Where, as a JSON pointer into the layout.
    pub pointer: String,
    /// Why.
    pub reason: String,
}

/// A layout by which files can be read and written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedLayout(Layout);

impl CheckedLayout {
    /// As it is written down.
    pub const fn layout(&self) -> &Layout {
        &self.0
    }
}

impl TryFrom<Layout> for CheckedLayout {
    type Error = Vec<LayoutFault>;

    fn try_from(layout: Layout) -> Result<Self, Vec<LayoutFault>> {
        let faults = layout.faults();
        if faults.is_empty() { Ok(Self(layout)) } else { Err(faults) }
    }
}

impl Layout {
    /// Whether a record that is written has a field of this kind.
    pub(super) fn says(&self, meaning: &Meaning) -> bool {
        let contexts = self.records.iter().filter(|kind| kind.role == Role::Context);
        let own = self.records.iter().find(|kind| kind.role == Role::Reading);
        let word = meaning.as_str();
        contexts.chain(own).flat_map(|kind| &kind.fields).any(|field| field.meaning.as_str() == word)
    }

    /// All that is wrong with it.
    pub fn faults(&self) -> Vec<LayoutFault> {
        let mut found = Faults(Vec::new());
        if self.name.trim().is_empty() {
            found.add("/name", "a layout has a name");
        }
        if self.records.len() > RECORDS_MAX {
            found.add("/records", &format!("more than {RECORDS_MAX} kinds"));
            return found.0;
        }
        if !self.records.iter().any(|kind| kind.role == Role::Reading) {
            found.add("/records", "no kind of record is a reading");
        }
        for (place, kind) in self.records.iter().enumerate() {
            let pointer = format!("/records/{place}");
            self.prefix_faults(place, kind, &mut found);
            if kind.length == 0 || kind.length > LINE_BYTES_MAX {
                found.add(&format!("{pointer}/length"), &format!("1 to {LINE_BYTES_MAX} bytes"));
            }
            if kind.fields.len() > FIELDS_MAX {
                found.add(&format!("{pointer}/fields"), &format!("more than {FIELDS_MAX} fields"));
                continue;
            }
            kind.field_faults(&pointer, &mut found);
            if kind.role == Role::Reading {
                self.reading_faults(kind, &pointer, &mut found);
            }
        }
        found.0
    }

    fn prefix_faults(&self, place: usize, kind: &RecordKind, found: &mut Faults) {
        let pointer = format!("/records/{place}/prefix");
        if kind.prefix.bytes().any(|byte| byte.is_ascii_control()) {
            found.add(&pointer, "control characters");
        }
        if kind.prefix.is_empty() && self.records.len() > 1 {
            found.add(&pointer, "kinds are told apart by their prefixes");
        }
        if kind.prefix.len() > kind.length {
            found.add(&pointer, "longer than the record");
        }
        let mut before = self.records[..place].iter().map(|other| other.prefix.as_str());
        let is_alike = |other: &str| other.starts_with(&kind.prefix) || kind.prefix.starts_with(other);
        if let Some(other) =
            before.find(|other| !kind.prefix.is_empty() && !other.is_empty() && is_alike(other))
        {
            found.add(&pointer, &format!("cannot be told from `{other}`"));
        }
    }

    /// A reading has, with its contexts, a value of its own, a date and a meter; and nothing twice.
    fn reading_faults(&self, kind: &RecordKind, pointer: &str, found: &mut Faults) {
        let is_value = |field: &&Field| matches!(field.meaning, Meaning::Value(_));
        if !kind.fields.iter().any(|field| is_value(&field)) {
            found.add(pointer, "no field is the value");
        }
        let contexts = || self.records.iter().filter(|other| other.role == Role::Context);
        let inherited = || contexts().flat_map(|context| &context.fields);
        let all = || kind.fields.iter().chain(inherited());
        if !all().any(|field| matches!(field.meaning, Meaning::Date(_))) {
            found.add(pointer, "no field is the date");
        }
        if !all().any(|field| matches!(field.meaning, Meaning::Point | Meaning::Serial)) {
            found.add(pointer, "no field is the point or the serial");
        }
        for (place, field) in kind.fields.iter().enumerate() {
            let word = field.meaning.as_str();
            if word != "filler" && inherited().any(|other| other.meaning.as_str() == word) {
                let pointer = format!("{pointer}/fields/{place}/meaning");
                found.add(&pointer, &format!("a context says the {word} too"));
            }
        }
        for (place, context) in self.records.iter().enumerate().filter(|(_, of)| of.role == Role::Context) {
            for (at, field) in context.fields.iter().enumerate() {
                let word = field.meaning.as_str();
                let mut before = self.records[..place].iter().filter(|other| other.role == Role::Context);
                let says_it = |other: &RecordKind| other.fields.iter().any(|of| of.meaning.as_str() == word);
                let pointer = format!("/records/{place}/fields/{at}/meaning");
                if word == "value" {
                    found.add(&pointer, "a value stands in the reading itself");
                } else if word != "filler" && before.any(says_it) {
                    found.add(&pointer, &format!("a context above says the {word} too"));
                }
            }
        }
    }
}

impl RecordKind {
    fn field_faults(&self, pointer: &str, found: &mut Faults) {
        let mut spans: Vec<(usize, usize, usize)> = Vec::new();
        for (place, field) in self.fields.iter().enumerate() {
            let pointer = format!("{pointer}/fields/{place}");
            if field.start == 0 {
                found.add(&format!("{pointer}/start"), "the first byte of a record is 1");
            } else if field.length == 0 {
                found.add(&format!("{pointer}/length"), "a field has at least one byte");
            } else if field.end() > self.length {
                let detail = format!("ends at byte {} of {}", field.end(), self.length);
                found.add(&pointer, &format!("outside of the record: {detail}"));
            } else if field.start <= self.prefix.len() {
                found.add(&pointer, "overlaps the prefix");
            } else {
                spans.push((field.start, field.end(), place));
            }
            field.meaning_faults(&pointer, found);
            let word = field.meaning.as_str();
            if word != "filler" && self.fields[..place].iter().any(|other| other.meaning.as_str() == word) {
                found.add(&format!("{pointer}/meaning"), &format!("a second {word}"));
            }
        }
        spans.sort_unstable();
        for pair in spans.windows(2) {
            let ((_, end, before), (start, _, after)) = (pair[0], pair[1]);
            if start <= end {
                let (first, second) = (before.min(after), before.max(after));
                found.add(&format!("{pointer}/fields/{second}"), &format!("overlaps the field {first}"));
            }
        }
    }
}

impl Field {
    fn meaning_faults(&self, pointer: &str, found: &mut Faults) {
        match &self.meaning {
            Meaning::Date(pattern) => {
                let fault = stamp::date_pattern_fault(pattern);
                self.pattern_faults(pattern, fault, &format!("{pointer}/meaning/date"), found);
            }
            Meaning::Time(pattern) => {
                let fault = stamp::time_pattern_fault(pattern);
                self.pattern_faults(pattern, fault, &format!("{pointer}/meaning/time"), found);
            }
            Meaning::Value(ValueForm { implied_decimals: Some(decimals) })
                if *decimals > decimal::STORED_SCALE =>
            {
                let pointer = format!("{pointer}/meaning/value/implied_decimals");
                found.add(&pointer, &format!("at most {}", decimal::STORED_SCALE));
            }
            Meaning::Quality(words) => {
                let pointer = format!("{pointer}/meaning/quality");
                if words.is_empty() {
                    found.add(&pointer, "no words");
                }
                for word in words.keys() {
                    let is_plain = word.trim() == word && !word.bytes().any(|byte| byte.is_ascii_control());
                    if word.is_empty() || !is_plain || word.len() > self.length {
                        found.add(&pointer, &format!("the word `{word}` cannot stand in the field"));
                    }
                }
            }
            _ => {}
        }
    }

    fn pattern_faults(&self, pattern: &str, fault: Option<&'static str>, pointer: &str, found: &mut Faults) {
        if let Some(fault) = fault {
            found.add(pointer, fault);
        } else if pattern.len() != self.length {
            found.add(pointer, &format!("{} bytes in a field of {}", pattern.len(), self.length));
        }
    }
}

struct Faults(Vec<LayoutFault>);

impl Faults {
    fn add(&mut self, pointer: &str, reason: &str) {
        let fault = LayoutFault { pointer: pointer.to_owned(), reason: reason.to_owned() };
        if !self.0.contains(&fault) {
            self.0.push(fault);
        }
    }
}
