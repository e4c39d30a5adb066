//! NEM13: pairs of readings (250) and the orders they come from (550).

use super::{
    Kind, Ready,
    fields::Fields,
    values::{self, Refused, refused, shown},
};
use crate::cells::Measure;
use crate::{Accumulated, Channel, Fault, Flow, Item, Moment, Reading};
use rust_decimal::Decimal;
use std::sync::Arc;

/// The 250 to which a 550 belongs.
#[derive(Debug, Default)]
pub(super) enum Readings {
    /// There was none yet.
    #[default]
    Before,
    Rejected,
    Open(Box<Accumulated>),
    /// It is told already.
    Closed,
}

impl Readings {
    pub fn record(&mut self, kind: Kind, line: u64, row: Result<&Fields, Refused>, ready: &mut Ready) {
        match kind {
            Kind::Readings => {
                self.close(ready);
                *self = match row.and_then(|row| parse(line, row)) {
                    Ok(accumulated) => Self::Open(Box::new(accumulated)),
                    Err(refused) => Self::rejected(line, refused, ready),
                };
            }
            Kind::Orders => {
                let outcome = match self {
                    Self::Open(_) => row.and_then(|row| row.at_most(5)),
                    Self::Rejected => Err(refused(Fault::Orphaned, "its readings were rejected")),
                    Self::Before | Self::Closed => {
                        Err(refused(Fault::OutOfPlace, "it belongs to no readings"))
                    }
                };
                if let Err(refused) = outcome {
                    ready.reject(line, refused);
                }
            }
            Kind::Header
            | Kind::Stream
            | Kind::Day
            | Kind::Qualities
            | Kind::Event
            | Kind::End
            | Kind::Unknown => {
                self.close(ready);
                let refused = row.map_or_else(|refused| refused, |row| kind.stray(row));
                *self = Self::rejected(line, refused, ready);
            }
        }
    }

    /// Tells the open readings.
    pub fn close(&mut self, ready: &mut Ready) {
        if let Self::Open(accumulated) = std::mem::replace(self, Self::Closed) {
            ready.push(Item::Accumulated(*accumulated));
        }
    }

    /// The line of the readings that are not yet told.
    pub fn open_line(&self) -> Option<u64> {
        if let Self::Open(accumulated) = self { Some(accumulated.to.line) } else { None }
    }

    fn rejected(line: u64, refused: Refused, ready: &mut Ready) -> Self {
        ready.reject(line, refused);
        Self::Rejected
    }
}

fn parse(line: u64, row: &Fields) -> Result<Accumulated, Refused> {
    row.at_most(23)?;
    let (point, suffix) = (row.named(1, "NMI")?, row.named(4, "NMI suffix")?);
    let flow = match row.get(7) {
        "E" => Flow::Delivered,
        "I" => Flow::Received,
        "" => Flow::Unstated,
        other => {
            return Err(refused(Fault::Contradiction, format!("direction {}, not E or I", shown(other))));
        }
    };
    let unit_text = row.get(19);
    let measure = Measure::of(unit_text);
    let channel = Arc::new(Channel {
        point: Some(point.to_owned()),
        serial: row.optional(6),
        register: Some(suffix.to_owned()),
        unit_text: unit_text.to_owned(),
        unit: measure.map(|measure| measure.unit),
        flow,
    });
    let read_at = |first| reading(line, row, first, &channel, measure);
    let has_previous = (8..13).any(|place| !row.get(place).is_empty());
    let from = if has_previous { Some(read_at(8)?) } else { None };
    let to = read_at(13)?;
    if let (Some(Moment::Instant(from)), Moment::Instant(to)) = (from.as_ref().map(|from| from.at), to.at)
        && to < from
    {
        return Err(refused(Fault::Contradiction, "the current reading is older than the previous one"));
    }
    let quantity = or_missing(row.get(18), "quantity", &to, measure)?;
    Ok(Accumulated { from, to, quantity })
}

/// Five fields: value, time, quality, reason code and description.
fn reading(
    line: u64,
    row: &Fields,
    first: usize,
    channel: &Arc<Channel>,
    measure: Option<Measure>,
) -> Result<Reading, Refused> {
    let name = if first == 8 { "previous" } else { "current" };
    let at = row.named(first + 1, &format!("time of the {name} reading"))?;
    let at = values::instant(at)
        .ok_or_else(|| refused(Fault::BadTime, format!("time of the {name} reading {}", shown(at))))?;
    let quality = values::quality(row.get(first + 2), row.get(first + 3), row.get(first + 4))?;
    let channel = Arc::clone(channel);
    let mut reading = Reading { line, channel, at: Moment::Instant(at), value: Decimal::ZERO, quality };
    reading.value = or_missing(row.get(first), &format!("{name} reading"), &reading, measure)?;
    Ok(reading)
}

/// A number, which may be left out where the reading is said to be missing.
fn or_missing(
    text: &str,
    name: &str,
    reading: &Reading,
    measure: Option<Measure>,
) -> Result<Decimal, Refused> {
    match (text, reading.quality.kind) {
        ("", None) => Ok(Decimal::ZERO),
        ("", Some(_)) => Err(refused(Fault::MissingField, name)),
        _ => values::value(text, measure).ok_or_else(|| values::bad_number(name, text)),
    }
}
