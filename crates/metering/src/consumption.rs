//! Consumption of a charged period, with the reads that prove it.
//!
//! Odometer: (end − start, + 10^dials when it wrapped and the result is plausible) × multiplier.
//! Consumptive: the sum of the reads. Interval data: the same, a read for each whole day. A meter exchanged
//! inside the period gives both meters' parts: the removed meter up to its final read, the new one from its
//! initial read. Demand (kW, kVA) is a peak: the highest value counts, never a sum.
//!
//! Deliberately missing: a read between two others is never invented here; estimation makes
//! reads, this module only uses them.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use time::Date;
use vocab::{
    Period, ReadQuality, RegisterId, RegisterKind, ServicePointId, Unit,
    dates::{civil, plus_days},
    decimal::{self, Overflow},
};

use crate::{
    error::Error,
    estimate::is_demand,
    register::{Metered, Read, Register},
};

/// When a fall of an odometer is taken for a rollover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RolloverLimit {
    /// Most that may have passed the register, in percent of its dial capacity.
    pub of_capacity_percent: u8,
}

impl Default for RolloverLimit {
    fn default() -> Self {
        Self { of_capacity_percent: 50 }
    }
}

/// How the charged period begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// After an earlier segment: its end read starts this one.
    Continuing,
    /// With the contract: a start read taken on the first charged day also counts as the close
    /// of the day before.
    OfService,
}

/// The charged days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charged {
    /// First and last charged day.
    pub period: Period,
    /// How it begins.
    pub start: Start,
}

/// The reads that one register's part of a bill rests on; printed and digested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadUsed {
    /// The register.
    pub register: RegisterId,
    /// Serial number of its meter.
    pub serial: String,
    /// Unit of the quantity.
    pub unit: Unit,
    /// Time-of-use bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tou_bucket: Option<String>,
    /// Name of the quantity, when it is not what the customer took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity_name: Option<String>,
    /// Date of the start read; for a consumptive register the day before the first counted one.
    #[serde(with = "civil")]
    pub start_on: Date,
    /// Value at the start; none for a consumptive register.
    pub start_value: Option<Decimal>,
    /// Quality of the start read; none for a consumptive register.
    pub start_quality: Option<ReadQuality>,
    /// Date of the end read.
    #[serde(with = "civil")]
    pub end_on: Date,
    /// Value at the end; for a consumptive register the sum (demand: the highest) of its reads.
    pub end_value: Decimal,
    /// Quality of the end read; for a consumptive register the least certain of its reads. Not written when actual.
    #[serde(default = "actual", skip_serializing_if = "is_actual")]
    pub end_quality: ReadQuality,
    /// Whether the register went through its highest value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rolled_over: bool,
    /// Factor from dial units to the unit of measure. Not written when it is 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub multiplier: Decimal,
    /// What was used.
    pub quantity: Decimal,
}

const fn actual() -> ReadQuality {
    ReadQuality::Actual
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde lends the field")]
const fn is_actual(quality: &ReadQuality) -> bool {
    matches!(quality, ReadQuality::Actual)
}

fn is_one(multiplier: &Decimal) -> bool {
    *multiplier == Decimal::ONE
}

const fn one() -> Decimal {
    Decimal::ONE
}

/// What was used in one unit, time-of-use bucket and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantity {
    /// Unit of measure.
    pub unit: Unit,
    /// Time-of-use bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tou_bucket: Option<String>,
    /// Its name, when it is not what the customer took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How much.
    pub quantity: Decimal,
}

/// What a service point used, and the proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumption {
    /// By unit, bucket and name, in the order of the registers.
    pub quantities: Vec<Quantity>,
    /// One row per register and installation.
    pub reads: Vec<ReadUsed>,
}

impl Consumption {
    /// What the registers measured together, by unit and bucket.
    pub fn of_reads(reads: Vec<ReadUsed>) -> Result<Self, Overflow> {
        let mut quantities: Vec<Quantity> = Vec::new();
        for used in &reads {
            let same = quantities.iter_mut().find(|quantity| {
                quantity.unit == used.unit
                    && quantity.tou_bucket == used.tou_bucket
                    && quantity.name == used.quantity_name
            });
            match same {
                Some(total) => total.quantity = join(used.unit, total.quantity, used.quantity)?,
                None => quantities.push(Quantity {
                    unit: used.unit,
                    tou_bucket: used.tou_bucket.clone(),
                    name: used.quantity_name.clone(),
                    quantity: used.quantity,
                }),
            }
        }
        Ok(Self { quantities, reads })
    }

    /// Whether any read used was not read off the meter by anyone.
    pub fn is_estimated(&self) -> bool {
        self.reads.iter().any(|used| {
            used.end_quality == ReadQuality::Estimated || used.start_quality == Some(ReadQuality::Estimated)
        })
    }
}

/// What all registers of a service point measured in the charged period.
///
/// `registers` may include installations outside the period: they are passed over.
pub fn consumption(
    service_point: ServicePointId,
    registers: &[Metered<'_>],
    charged: Charged,
    limit: RolloverLimit,
) -> Result<Consumption, Error> {
    let mut reads = Vec::with_capacity(registers.len());
    for metered in registers {
        reads.extend(register_use(*metered, charged, limit)?);
    }
    if reads.is_empty() {
        Err(Error::NoRegister { service_point })
    } else {
        Ok(Consumption::of_reads(reads)?)
    }
}

/// What one register measured in the charged period; `None` when it was not installed then.
pub fn register_use(
    metered: Metered<'_>,
    charged: Charged,
    limit: RolloverLimit,
) -> Result<Option<ReadUsed>, Error> {
    let Some(span) = installed_days(metered.register, charged.period) else { return Ok(None) };
    match metered.register.kind {
        RegisterKind::Subtractive => odometer(metered, charged, span, limit),
        RegisterKind::Consumptive => counted(metered, charged, span),
        RegisterKind::Interval => by_day(metered, charged, span),
    }
    .map(Some)
}

/// The charged days on which the register was installed.
fn installed_days(register: &Register, period: Period) -> Option<Period> {
    let to = register.removed_on.map_or(period.last_on(), |removed_on| removed_on.min(period.last_on()));
    Period::new(register.installed_on.max(period.first_on()), to)
}

fn odometer(
    metered: Metered<'_>,
    charged: Charged,
    span: Period,
    limit: RolloverLimit,
) -> Result<ReadUsed, Error> {
    let register = metered.register;
    let start = start_read(metered, charged).ok_or_else(|| Error::MissingStartRead {
        register: register.id,
        serial: register.serial.clone(),
        on: start_day(register, charged.period),
    })?;
    let end = end_read(metered, span)?;
    let moved = advance(metered, start, end, limit)?;
    Ok(ReadUsed {
        start_on: start.read_on,
        start_value: Some(start.value),
        start_quality: Some(start.quality),
        end_on: end.read_on,
        end_value: end.value,
        end_quality: end.quality,
        rolled_over: moved.rolled_over,
        quantity: decimal::mul(moved.dial_units, register.multiplier)?,
        ..blank(register, end)
    })
}

/// Interval data count by the day: one that lacks some makes the sum too small. On the days of its
/// installation and removal a register has what it has.
fn by_day(metered: Metered<'_>, charged: Charged, span: Period) -> Result<ReadUsed, Error> {
    let register = metered.register;
    let mut days: Vec<&Read> =
        metered.reads.iter().filter(|read| read.is_valid() && span.contains(read.read_on)).collect();
    days.sort_by_key(|read| read.read_on);
    days.dedup_by_key(|read| read.read_on);
    let mut on = span.first_on();
    let mut left = days.iter().peekable();
    loop {
        let is_edge = on == register.installed_on || Some(on) == register.removed_on;
        if left.next_if(|read| read.read_on == on).is_none() && !is_edge {
            let (serial, unit) = (register.serial.clone(), register.unit);
            return Err(Error::MissingIntervals { register: register.id, serial, unit, on });
        }
        match on.next_day() {
            Some(next) if on < span.last_on() => on = next,
            _ => break,
        }
    }
    let mut total = Decimal::ZERO;
    let mut quality = ReadQuality::Actual;
    for day in &days {
        total = join(register.unit, total, day.value)?;
        quality = less_certain(quality, day.quality);
    }
    let end = Read { read_on: span.last_on(), value: total, quality, status: vocab::ReadStatus::Valid };
    Ok(ReadUsed {
        start_on: start_day(register, charged.period),
        quantity: decimal::mul(total, register.multiplier)?,
        ..blank(register, &end)
    })
}

fn counted(metered: Metered<'_>, charged: Charged, span: Period) -> Result<ReadUsed, Error> {
    let register = metered.register;
    let end = end_read(metered, span)?;
    let mut value = None;
    let mut quality = ReadQuality::Actual;
    for read in metered.reads.iter().filter(|read| read.is_valid() && span.contains(read.read_on)) {
        value = Some(match value {
            Some(so_far) => join(register.unit, so_far, read.value)?,
            None => read.value,
        });
        quality = less_certain(quality, read.quality);
    }
    let value = value.unwrap_or(end.value);
    Ok(ReadUsed {
        start_on: start_day(register, charged.period),
        end_value: value,
        end_quality: quality,
        quantity: decimal::mul(value, register.multiplier)?,
        ..blank(register, end)
    })
}

/// A row without a start, before it is filled.
fn blank(register: &Register, end: &Read) -> ReadUsed {
    ReadUsed {
        register: register.id,
        serial: register.serial.clone(),
        unit: register.unit,
        tou_bucket: register.tou_bucket.clone(),
        quantity_name: register.quantity_name.clone(),
        start_on: end.read_on,
        start_value: None,
        start_quality: None,
        end_on: end.read_on,
        end_value: end.value,
        end_quality: end.quality,
        rolled_over: false,
        multiplier: register.multiplier,
        quantity: Decimal::ZERO,
    }
}

/// The day whose close starts the register's part: its installation when that lies inside the
/// period, otherwise the day before the first charged day.
pub(crate) fn start_day(register: &Register, period: Period) -> Date {
    if register.installed_on >= period.first_on() {
        register.installed_on
    } else {
        plus_days(period.first_on(), -1).unwrap_or(period.first_on())
    }
}

fn start_read<'a>(metered: Metered<'a>, charged: Charged) -> Option<&'a Read> {
    let first_on = charged.period.first_on();
    metered.valid_on(start_day(metered.register, charged.period)).or_else(|| {
        // On a one-day period the same read can't both start and end it.
        let may_start_today = charged.start == Start::OfService && charged.period.days() > 1;
        if may_start_today { metered.valid_on(first_on) } else { None }
    })
}

fn end_read<'a>(metered: Metered<'a>, span: Period) -> Result<&'a Read, Error> {
    metered.valid_on(span.last_on()).ok_or_else(|| Error::MissingEndRead {
        register: metered.register.id,
        serial: metered.register.serial.clone(),
        from: span.last_on(),
        to: span.last_on(),
    })
}

/// How far an odometer moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Advance {
    /// In dial units, before the multiplier.
    pub dial_units: Decimal,
    /// Whether it went through its highest value.
    pub rolled_over: bool,
}

/// From one value to the next: `None` when the value fell and a rollover is not plausible.
pub(crate) fn advance_between(
    register: &Register,
    start: Decimal,
    end: Decimal,
    limit: RolloverLimit,
) -> Result<Option<Advance>, Overflow> {
    let difference = decimal::sub(end, start)?;
    if difference >= Decimal::ZERO {
        return Ok(Some(Advance { dial_units: difference, rolled_over: false }));
    }
    let Some(capacity) = register.capacity() else { return Ok(None) };
    let wrapped = decimal::add(difference, capacity)?;
    let most = decimal::mul_div(capacity, Decimal::from(limit.of_capacity_percent), Decimal::ONE_HUNDRED)?;
    let plausible = wrapped >= Decimal::ZERO && wrapped <= most;
    Ok(plausible.then_some(Advance { dial_units: wrapped, rolled_over: true }))
}

fn advance(metered: Metered<'_>, start: &Read, end: &Read, limit: RolloverLimit) -> Result<Advance, Error> {
    let register = metered.register;
    // An estimate may have gone through the highest value where the register has not, and the other
    // way round: both values are seen from the last one that was read off it. A value below the
    // estimate is no rollover: the estimate was too high, and no bill may come of it.
    if start.quality != ReadQuality::Actual
        && let Some(actual) = metered.last_actual(start.read_on)
        && let Some(estimated) = advance_between(register, actual.value, start.value, limit)?
        && let Some(read) = advance_between(register, actual.value, end.value, limit)?
    {
        if read.dial_units < estimated.dial_units {
            return Err(Error::BelowEstimate {
                register: register.id,
                serial: register.serial.clone(),
                start: start.value,
                end: end.value,
            });
        }
        return Ok(Advance {
            dial_units: decimal::sub(read.dial_units, estimated.dial_units)?,
            rolled_over: read.rolled_over && !estimated.rolled_over,
        });
    }
    advance_between(register, start.value, end.value, limit)?.ok_or_else(|| Error::RolloverImplausible {
        register: register.id,
        serial: register.serial.clone(),
        start: start.value,
        end: end.value,
    })
}

/// Energy and volume add up; of demands the highest counts.
pub(crate) fn join(unit: Unit, a: Decimal, b: Decimal) -> Result<Decimal, Overflow> {
    if is_demand(unit) { Ok(a.max(b)) } else { decimal::add(a, b) }
}

/// The quality that a total of both has.
fn less_certain(a: ReadQuality, b: ReadQuality) -> ReadQuality {
    let rank = |quality| match quality {
        ReadQuality::Actual => 0,
        ReadQuality::Adjusted => 1,
        ReadQuality::Customer => 2,
        ReadQuality::Estimated => 3,
    };
    if rank(a) >= rank(b) { a } else { b }
}

#[cfg(test)]
#[path = "consumption_tests.rs"]
mod tests;
