//! What a summary says was used.

use rust_decimal::Decimal;
use time::OffsetDateTime;
use vocab::{Unit, decimal};

use super::blocks::{self, FOUND_CHARS_MAX, keep, number};
use super::codes;
use crate::item::{Fault, Rejected};
use crate::line_file::shortened;

/// What the file says was used in a billing period, in a summary beside the readings.
#[derive(Debug, Clone, PartialEq)]
pub struct Total {
    /// Where it stands in the file, from 1.
    pub line: u64,
    /// Path of its usage point.
    pub point: Option<String>,
    /// When the billing period begins.
    pub begins: Option<OffsetDateTime>,
    /// How long it is.
    pub seconds: Option<u32>,
    /// How much, in the unit.
    pub value: Decimal,
    /// When it is one that can be billed.
    pub unit: Option<Unit>,
    /// As the file writes it.
    pub unit_text: String,
}

/// The parts of a summary as they come.
pub(super) struct RawTotal {
    line: u64,
    begins: Option<i64>,
    seconds: Option<u32>,
    uom: Option<u16>,
    multiplier: Option<i32>,
    value: Option<Decimal>,
    fault: Option<(Fault, String)>,
}

impl RawTotal {
    pub const fn new(line: u64) -> Self {
        Self { line, begins: None, seconds: None, uom: None, multiplier: None, value: None, fault: None }
    }

    pub fn leaf(&mut self, name: &str, text: &str) {
        match name {
            "start" => keep(&mut self.begins, &mut self.fault, name, number(name, text)),
            "duration" => keep(&mut self.seconds, &mut self.fault, name, number(name, text)),
            "uom" => keep(&mut self.uom, &mut self.fault, name, number(name, text)),
            "powerOfTenMultiplier" => keep(&mut self.multiplier, &mut self.fault, name, number(name, text)),
            _ => {
                let found = decimal::parse(text)
                    .ok_or_else(|| (Fault::BadNumber, format!("value {}", shortened(text, FOUND_CHARS_MAX))));
                keep(&mut self.value, &mut self.fault, name, found);
            }
        }
    }

    /// None when the summary says nothing of consumption.
    pub fn finished(self) -> Result<Option<Total>, Rejected> {
        let line = self.line;
        let rejected = |(fault, detail): (Fault, String)| {
            let detail = format!("UsageSummary: {detail}");
            Rejected::new(line, fault, detail)
        };
        if let Some(fault) = self.fault {
            return Err(rejected(fault));
        }
        let Some(value) = self.value else { return Ok(None) };
        let begins = self
            .begins
            .map(|begins| blocks::instant(begins).ok_or((Fault::BadTime, format!("start {begins}"))))
            .transpose()
            .map_err(rejected)?;
        let uom = self.uom.and_then(codes::uom_of);
        let power = self.multiplier.unwrap_or(0).clamp(-100, 100) + uom.map_or(0, |uom| uom.power);
        let scaled = codes::scaled(value, power)
            .ok_or_else(|| rejected((Fault::BadNumber, format!("value {value} × 10^{power}"))))?;
        Ok(Some(Total {
            line,
            point: None,
            begins,
            seconds: self.seconds,
            value: scaled,
            unit: uom.and_then(|uom| uom.unit),
            unit_text: blocks::symbol(self.uom),
        }))
    }
}
