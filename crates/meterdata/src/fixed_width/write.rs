//! Readings into fixed-width records, for handhelds and other programs.

use std::io::{self, Write};
use std::sync::Arc;

use rust_decimal::Decimal;
use time::{Date, Time};
use vocab::ReadQuality;

use super::layout::{Align, CheckedLayout, Field, Layout, Meaning, RecordKind, Role, ValueForm};
use super::read::FixedWidthFile;
use crate::item::{Channel, Item, Moment, Quality, Reading};
use crate::stamp;

/// Why a reading is not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteFault {
    /// The output failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The layout cannot say it.
    #[error("{pointer}: {reason}")]
    Unfit {
        /// The field that cannot, as a JSON pointer into the layout; empty for the layout as a whole.
        pointer: String,
        /// Why.
        reason: String,
    },
}

fn unfit(pointer: &str, reason: impl Into<String>) -> WriteFault {
    WriteFault::Unfit { pointer: pointer.to_owned(), reason: reason.into() }
}

/// A register that somebody is to read: a record whose reading is left empty.
#[derive(Debug, Clone, Copy)]
pub struct ToRead<'a> {
    /// Which register; what the layout has no field for is left out.
    pub channel: &'a Channel,
    /// Whether its meter has no other register: then none need be named.
    pub is_alone: bool,
    /// The day it is to be read for, which stands in contexts that have a day.
    pub on: Date,
    /// The highest value that its dials show.
    pub highest: Decimal,
}

/// Writes readings by a layout, each with those contexts that have changed.
///
/// A reading is written so that it is read back as it is, or not at all; but for its line, the text of its
/// unit and its direction, which the file has no room for, and for a flag where it has none of its own: it
/// comes back with the layout's word for its quality. Its contexts are those of the layout; of
/// several kinds of reading the first is written, and kinds that are skipped are not.
#[derive(Debug)]
pub struct FixedWidthWriter<'l, W> {
    layout: &'l CheckedLayout,
    output: W,
    /// The contexts last written, in the layout's order.
    contexts: Vec<Vec<u8>>,
}

impl<'l, W: Write> FixedWidthWriter<'l, W> {
    /// Begins a file.
    pub const fn new(output: W, layout: &'l CheckedLayout) -> Self {
        Self { layout, output, contexts: Vec::new() }
    }

    /// Writes a reading, whole or not at all.
    pub fn push(&mut self, reading: &Reading) -> Result<(), WriteFault> {
        let (contexts, own) = self.records(reading)?;
        self.put(contexts, &own)
    }

    /// Writes the records of a register that is to be read: what a reader fills in is blank. Refused where
    /// the register's highest value, filled in, would not be read back as this register's.
    pub fn push_to_read(&mut self, of: &ToRead<'_>) -> Result<(), WriteFault> {
        let layout = self.layout.layout();
        let says = |meaning: &Meaning| layout.says(meaning);
        if !says(&Meaning::Register) && !of.is_alone {
            return Err(unfit("/records", "no field is the register, and the meter has several"));
        }
        let named = |text: &Option<String>, meaning: Meaning| text.clone().filter(|_| says(&meaning));
        let channel = Channel {
            point: named(&of.channel.point, Meaning::Point),
            serial: named(&of.channel.serial, Meaning::Serial),
            register: named(&of.channel.register, Meaning::Register),
            ..of.channel.clone()
        };
        let noon = Time::from_hms(12, 0, 0).unwrap_or(Time::MIDNIGHT);
        let filled = Reading {
            line: 0,
            channel: Arc::new(channel),
            at: if says(&Meaning::Time(String::new())) {
                Moment::Local(of.on.with_time(noon))
            } else {
                Moment::Day(of.on)
            },
            value: of.highest,
            quality: Quality { kind: Some(layout.default_quality), flag: String::new(), reason: None },
        };
        let (contexts, mut own) = self.records(&filled)?;
        let kind = layout.records.iter().find(|kind| kind.role == Role::Reading);
        for field in kind.into_iter().flat_map(|kind| &kind.fields) {
            if field.meaning.is_of_the_reading() {
                let start = field.start.saturating_sub(1);
                own.splice(start..field.end(), std::iter::repeat_n(b' ', field.length));
            }
        }
        self.put(contexts, &own)
    }

    /// The contexts of a reading and its own record, which are read back as the reading.
    fn records(&self, reading: &Reading) -> Result<(Vec<Vec<u8>>, Vec<u8>), WriteFault> {
        let layout = self.layout.layout();
        if layout.unit.is_some() && reading.channel.unit != layout.unit {
            return Err(unfit("/unit", "the reading is in another unit"));
        }
        let mut contexts = Vec::new();
        let mut own = None;
        for (place, kind) in layout.records.iter().enumerate() {
            match kind.role {
                Role::Context => contexts.push(record(layout, place, kind, reading)?),
                Role::Reading if own.is_none() => own = Some(record(layout, place, kind, reading)?),
                Role::Reading | Role::Skip => {}
            }
        }
        let own = own.unwrap_or_default();
        let mut whole = contexts.concat();
        whole.extend_from_slice(&own);
        if !is_read_back(self.layout, &whole, reading) {
            return Err(unfit("", "the layout has no room for all that the reading says"));
        }
        Ok((contexts, own))
    }

    fn put(&mut self, contexts: Vec<Vec<u8>>, own: &[u8]) -> Result<(), WriteFault> {
        // From the first context that has changed on: the deeper ones end with it.
        let same = contexts.iter().zip(&self.contexts).take_while(|(new, old)| new == old).count();
        let mut changed = contexts[same..].concat();
        changed.extend_from_slice(own);
        self.output.write_all(&changed)?;
        self.contexts = contexts;
        Ok(())
    }

    /// Writes what is still buffered and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }
}

fn record(
    layout: &Layout,
    place: usize,
    kind: &RecordKind,
    reading: &Reading,
) -> Result<Vec<u8>, WriteFault> {
    let mut line = vec![b' '; kind.length];
    line.splice(..kind.prefix.len(), kind.prefix.bytes());
    for (at, field) in kind.fields.iter().enumerate() {
        let pointer = format!("/records/{place}/fields/{at}");
        let text = text(layout, field, reading).map_err(|reason| unfit(&pointer, reason))?;
        if text.len() > field.length {
            let word = field.meaning.as_str();
            let reason = format!("the {word} has {} bytes, not at most {}", text.len(), field.length);
            return Err(unfit(&pointer, reason));
        }
        let is_right = matches!(field.meaning, Meaning::Value(_)) || field.align == Align::Right;
        let left = if is_right { field.length - text.len() } else { 0 };
        let start = field.start.saturating_sub(1) + left;
        line.splice(start..start + text.len(), text.bytes());
    }
    line.extend_from_slice(b"\r\n");
    Ok(line)
}

/// What stands in a field.
fn text(layout: &Layout, field: &Field, reading: &Reading) -> Result<String, String> {
    let own = |text: &Option<String>| Ok(text.clone().unwrap_or_default());
    let channel = &reading.channel;
    match &field.meaning {
        Meaning::Point => own(&channel.point),
        Meaning::Serial => own(&channel.serial),
        Meaning::Register => own(&channel.register),
        Meaning::TroubleCode => own(&reading.quality.reason),
        Meaning::Filler => Ok(String::new()),
        Meaning::Date(pattern) | Meaning::Time(pattern) => match reading.at {
            Moment::Local(at) => {
                stamp::written(at, pattern).ok_or_else(|| "the year has no place in it".to_owned())
            }
            Moment::Day(on) if matches!(field.meaning, Meaning::Date(_)) => {
                stamp::written(on.midnight(), pattern).ok_or_else(|| "the year has no place in it".to_owned())
            }
            Moment::Day(_) => Ok(String::new()),
            Moment::Instant(_) => Err("an instant, not a local time".to_owned()),
        },
        Meaning::Value(form) => value(reading, *form, field.length),
        Meaning::Quality(words) => {
            let quality = &reading.quality;
            if !quality.flag.is_empty() || quality.kind == Some(layout.default_quality) {
                return Ok(quality.flag.clone());
            }
            let means = |(_, kind): &(&String, &Option<ReadQuality>)| **kind == quality.kind;
            words
                .iter()
                .find(means)
                .map(|(word, _)| word.clone())
                .ok_or_else(|| "no word for the quality".to_owned())
        }
    }
}

fn value(reading: &Reading, form: ValueForm, length: usize) -> Result<String, String> {
    let value = reading.value.normalize();
    let Some(decimals) = form.implied_decimals else { return Ok(value.to_string()) };
    let units = decimals
        .checked_sub(value.scale())
        .and_then(|more| 10_i128.checked_pow(more))
        .and_then(|factor| value.mantissa().checked_mul(factor))
        .ok_or_else(|| format!("the value {value} has more than {decimals} decimals"))?;
    let sign = if units < 0 { "-" } else { "" };
    let width = length.saturating_sub(sign.len());
    Ok(format!("{sign}{:0>width$}", units.unsigned_abs()))
}

fn is_read_back(layout: &CheckedLayout, whole: &[u8], reading: &Reading) -> bool {
    let mut file = FixedWidthFile::new(whole, layout);
    let Some(Ok(Item::Reading(back))) = file.next() else { return false };
    let names = |reading: &Reading| {
        let channel = &reading.channel;
        (channel.point.clone(), channel.serial.clone(), channel.register.clone())
    };
    let (new, old) = (&back.quality, &reading.quality);
    file.next().is_none()
        && names(&back) == names(reading)
        && back.at == reading.at
        && back.value == reading.value
        && (new.kind, &new.reason) == (old.kind, &old.reason)
        && (old.flag.is_empty() || new.flag == old.flag)
}
