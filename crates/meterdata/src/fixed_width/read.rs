//! Readings out of fixed-width records.

use std::collections::VecDeque;
use std::io::BufRead;
use std::sync::Arc;

use rust_decimal::Decimal;
use time::{Date, PrimitiveDateTime, Time};
use vocab::{ReadQuality, decimal};

use super::layout::{Align, CheckedLayout, Field, Layout, Meaning, RecordKind, Role, ValueForm};
use crate::cells::{number, shared};
use crate::item::{Channel, Fault, FileFault, Flow, Item, Moment, Quality, Reading};
use crate::line_file::{Format, LineFile, Refused, excerpt, needs_end, rejected};
use crate::lines::{Lines, RawLine};
use crate::stamp;

/// Most digits of a value.
const DIGITS_MAX: usize = 28;
/// Bytes of a record that a detail repeats where its kind is not known.
const PREFIX_BYTES: usize = 8;

/// Items of a fixed-width file: readings and rejections.
#[derive(Debug)]
pub struct FixedWidthFile<'l, R>(LineFile<R, Fixed<'l>>);

impl<'l, R: BufRead> FixedWidthFile<'l, R> {
    /// A file of a layout.
    pub fn new(input: R, layout: &'l CheckedLayout) -> Self {
        Self::of(Lines::new(input), layout.layout())
    }

    /// Of a layout that has been checked.
    pub(crate) fn of(lines: Lines<R>, layout: &'l Layout) -> Self {
        let is_begun = !lines.piece().begins_file;
        Self(LineFile::new(lines, Fixed::new(layout, is_begun)))
    }

    /// Of a piece of a file that hangs on these lines above it; what is wrong with them is said there.
    pub(crate) fn below(lines: Lines<R>, layout: &'l Layout, context: &[u8]) -> Self {
        let mut fixed = Fixed::new(layout, true);
        let (mut above, mut said) = (Lines::new(context), VecDeque::new());
        while let Ok(Some(raw)) = above.next_line() {
            // A record of a layout ends no file.
            let _ = fixed.record(&raw, &mut said);
            said.clear();
        }
        Self(LineFile::new(lines, fixed))
    }
}

impl<R: BufRead> Iterator for FixedWidthFile<'_, R> {
    type Item = Result<Item, FileFault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

#[derive(Debug)]
struct Fixed<'l> {
    layout: &'l Layout,
    /// What the contexts say now, a place for each kind of record.
    slots: Vec<Slot>,
    is_begun: bool,
    /// The channel of the reading before.
    last: Option<Arc<Channel>>,
}

/// What a kind of context says now.
#[derive(Debug)]
enum Slot {
    Empty,
    Bad,
    Good(Said),
}

/// What the fields of one record say.
#[derive(Debug, Clone, Default)]
struct Said {
    point: Option<String>,
    serial: Option<String>,
    register: Option<String>,
    date: Option<Date>,
    time: Option<Time>,
    value: Option<Decimal>,
    quality: Option<(String, Option<ReadQuality>)>,
    trouble: Option<String>,
}

impl Format for Fixed<'_> {
    fn record(&mut self, raw: &RawLine, items: &mut VecDeque<Item>) -> Result<(), FileFault> {
        let begins = |kind: &RecordKind| raw.bytes.starts_with(kind.prefix.as_bytes());
        let found = self.layout.records.iter().enumerate().find(|(_, kind)| begins(kind));
        let Some((place, kind)) = found else {
            let prefix = String::from_utf8_lossy(&raw.bytes[..raw.bytes.len().min(PREFIX_BYTES)]);
            if !self.is_begun {
                let name = &self.layout.name;
                let reason = format!("the layout {name} has no record that begins like `{prefix}`");
                return Err(FileFault::Format { line: raw.number, reason });
            }
            self.spoil();
            items.push_back(rejected(raw.number, (Fault::UnknownRecord, format!("`{prefix}`"))));
            return Ok(());
        };
        self.is_begun = true;
        let taken = match kind.role {
            Role::Skip => return Ok(()),
            Role::Context => self.context(place, kind, raw),
            Role::Reading => self.reading(kind, raw).map(|reading| {
                items.push_back(reading.map_or(Item::Unfilled { line: raw.number }, Item::Reading));
            }),
        };
        if let Err(refused) = taken {
            items.push_back(rejected(raw.number, refused));
        }
        Ok(())
    }
}

impl<'l> Fixed<'l> {
    fn new(layout: &'l Layout, is_begun: bool) -> Self {
        let slots = layout.records.iter().map(|_| Slot::Empty).collect();
        Self { layout, slots, is_begun, last: None }
    }

    /// A record of no known kind may have been any context.
    fn spoil(&mut self) {
        for (slot, kind) in self.slots.iter_mut().zip(&self.layout.records) {
            let says_something = kind.fields.iter().any(|field| field.meaning != Meaning::Filler);
            if kind.role == Role::Context && says_something {
                *slot = Slot::Bad;
            }
        }
    }

    fn context(&mut self, place: usize, kind: &RecordKind, raw: &RawLine) -> Result<(), Refused> {
        for slot in &mut self.slots[place..] {
            *slot = Slot::Empty;
        }
        self.slots[place] = Slot::Bad;
        self.slots[place] = Slot::Good(said(kind, raw)?);
        Ok(())
    }

    /// None where nobody filled it in.
    fn reading(&mut self, kind: &RecordKind, raw: &RawLine) -> Result<Option<Reading>, Refused> {
        let mut all = said(kind, raw)?;
        if all.is_unfilled() {
            return Ok(None);
        }
        for slot in &self.slots {
            match slot {
                Slot::Empty => {}
                Slot::Good(context) => all.complete(context),
                Slot::Bad => {
                    return Err((Fault::Orphaned, "a record that it hangs on was rejected".to_owned()));
                }
            }
        }
        let missing = |what: &str| (Fault::MissingField, what.to_owned());
        let because = all.trouble.as_deref().map(|code| format!(", trouble code `{}`", excerpt(code)));
        let because = because.unwrap_or_default();
        let (flag, quality) =
            all.quality.unwrap_or_else(|| (String::new(), Some(self.layout.default_quality)));
        if quality.is_none() {
            return Err(missing(&format!("not read: quality `{}`{because}", excerpt(&flag))));
        }
        let value = all.value.ok_or_else(|| missing(&format!("value{because}")))?;
        let date = all.date.ok_or_else(|| missing("date"))?;
        if all.point.is_none() && all.serial.is_none() {
            return Err(missing("point and serial"));
        }
        let channel = Channel {
            point: all.point,
            serial: all.serial,
            register: all.register,
            unit_text: self.layout.unit_text.clone(),
            unit: self.layout.unit,
            flow: Flow::Unstated,
        };
        Ok(Some(Reading {
            line: raw.number,
            channel: shared(&mut self.last, channel),
            at: match all.time {
                Some(time) => Moment::Local(PrimitiveDateTime::new(date, time)),
                None => Moment::Day(date),
            },
            value,
            quality: Quality { kind: quality, flag, reason: all.trouble },
        }))
    }
}

impl Said {
    /// Whether a reader left nothing in it.
    const fn is_unfilled(&self) -> bool {
        self.value.is_none()
            && self.date.is_none()
            && self.time.is_none()
            && self.quality.is_none()
            && self.trouble.is_none()
    }

    /// Takes what it does not say itself; a layout says nothing in two places.
    fn complete(&mut self, context: &Self) {
        let text = |own: &mut Option<String>, other: &Option<String>| {
            if own.is_none() {
                own.clone_from(other);
            }
        };
        text(&mut self.point, &context.point);
        text(&mut self.serial, &context.serial);
        text(&mut self.register, &context.register);
        text(&mut self.trouble, &context.trouble);
        self.date = self.date.or(context.date);
        self.time = self.time.or(context.time);
        if self.quality.is_none() {
            self.quality.clone_from(&context.quality);
        }
    }
}

fn said(kind: &RecordKind, raw: &RawLine) -> Result<Said, Refused> {
    if raw.is_cut {
        return Err((Fault::TooLong, format!("more than {} bytes", raw.bytes.len())));
    }
    let rest = raw.bytes.get(kind.length..).unwrap_or_default();
    if !kind.open_ended && rest.iter().any(|&byte| byte != b' ') {
        let detail = format!("{} bytes in a record of {}", raw.bytes.len(), kind.length);
        return Err((Fault::FieldCount, detail));
    }
    let read = || kind.fields.iter().filter(|field| field.meaning != Meaning::Filler);
    if raw.bytes.len() < read().map(Field::end).max().unwrap_or(0) {
        needs_end(raw)?;
    }
    let mut said = Said::default();
    for field in read() {
        if let Some(text) = field_text(field, &raw.bytes)? {
            said.add(field, text)?;
        }
    }
    Ok(said)
}

/// What stands in a field, without blanks; `None` when there is nothing.
fn field_text<'b>(field: &Field, bytes: &'b [u8]) -> Result<Option<&'b str>, Refused> {
    let word = field.meaning.as_str();
    let start = field.start.saturating_sub(1).min(bytes.len());
    let found = &bytes[start..field.end().clamp(start, bytes.len())];
    let not_text = || (Fault::NotText, word.to_owned());
    let text = std::str::from_utf8(found).map_err(|_| not_text())?;
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(not_text());
    }
    let text = text.trim_matches(' ');
    let may_be_short = match field.meaning {
        Meaning::Date(_) | Meaning::Time(_) | Meaning::Value(_) => false,
        _ => field.align == Align::Left,
    };
    if !text.is_empty() && !may_be_short && bytes.len() < field.end() {
        return Err((Fault::FieldCount, format!("the line ends inside of the {word}")));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

impl Said {
    fn add(&mut self, field: &Field, text: &str) -> Result<(), Refused> {
        let refused = |fault| (fault, format!("{} `{}`", field.meaning.as_str(), excerpt(text)));
        match &field.meaning {
            Meaning::Point => self.point = Some(text.to_owned()),
            Meaning::Serial => self.serial = Some(text.to_owned()),
            Meaning::Register => self.register = Some(text.to_owned()),
            Meaning::TroubleCode => self.trouble = Some(text.to_owned()),
            Meaning::Date(pattern) => {
                self.date = Some(stamp::date(text, pattern).ok_or_else(|| refused(Fault::BadTime))?);
            }
            Meaning::Time(pattern) => {
                self.time = Some(stamp::time(text, pattern).ok_or_else(|| refused(Fault::BadTime))?);
            }
            Meaning::Value(form) => {
                self.value = Some(value(text, *form).ok_or_else(|| refused(Fault::BadNumber))?);
            }
            Meaning::Quality(words) => {
                let kind = words.get(text).ok_or_else(|| refused(Fault::BadQuality))?;
                self.quality = Some((text.to_owned(), *kind));
            }
            Meaning::Filler => {}
        }
        Ok(())
    }
}

fn value(text: &str, form: ValueForm) -> Option<Decimal> {
    let Some(decimals) = form.implied_decimals else { return number(text) };
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.len() > DIGITS_MAX || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut value = decimal::parse(text)?;
    value.set_scale(decimals).ok()?;
    decimal::stored(value)
}
