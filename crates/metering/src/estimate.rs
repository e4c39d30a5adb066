//! Estimates: the read of a register for a day on which nobody read it.
//!
//! The methods are tried in the configured order; the first that has evidence decides. An
//! estimate goes on from the latest valid read, estimated or not, by the use per day that the
//! evidence shows; a demand is a peak, which days do not scale. Invariants:
//! - only spans between reads that are no estimates are evidence;
//! - an odometer's estimate lies below the read that it goes on from only where it wraps;
//! - multiplied before divided, and rounded once, to the register's decimals.
//!
//! Deliberately missing: whether estimation is allowed and its date has come, which billing
//! decides; intervals, which are not estimated.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use time::Date;
use vocab::codes::FieldError;
use vocab::{
    Code, Commodity, Period, RegisterId, RegisterKind, Unit,
    dates::{civil, plus_days},
    decimal::{self, Rounding},
};

use crate::{
    consumption::{Charged, RolloverLimit, Start, start_day},
    error::Error,
    evidence::{Evidence, is_read},
    register::{Metered, Register},
};

/// Decimals of a use that is shown.
const SHOWN_PLACES: u32 = 6;

/// More estimates in a row than this cannot be allowed.
const MOST_IN_A_ROW: u8 = 24;

/// Periods are not taken to be shorter than a month where a row of estimates is looked for.
const PERIOD_DAYS: i64 = 31;

/// Estimates that lie closer together than this are one of a row.
const APART_DAYS: i64 = 14;

/// Days of a leap year: how far back the same period of last year may lie.
const YEAR_DAYS: i64 = 366;

/// Where an estimate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EstimateBy {
    /// The straight line to a later read that is known already: no guess at all.
    LaterRead,
    /// Use per day of the same period last year; of a demand its peak.
    LastYear,
    /// Recent use per day; of a demand the highest of the recent ones.
    RecentAverage,
    /// What the customer's class uses on a day of the month.
    ClassProfile,
}

impl EstimateBy {
    /// The word as it is stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LaterRead => "later_read",
            Self::LastYear => "last_year",
            Self::RecentAverage => "recent_average",
            Self::ClassProfile => "class_profile",
        }
    }
}

/// How estimates are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EstimationRules {
    /// The methods, the one to try first in front. One that is not named is not used.
    pub order: Vec<EstimateBy>,
    /// So many estimates may follow each other; then somebody must read the meter.
    pub most_in_a_row: u8,
    /// How far before the last read recent use goes back, in days.
    pub recent_days: u16,
    /// How far a read of last year may lie from the same day, in days.
    pub last_year_tolerance_days: u8,
}

impl Default for EstimationRules {
    fn default() -> Self {
        use EstimateBy::{ClassProfile, LastYear, LaterRead, RecentAverage};
        Self {
            order: vec![LaterRead, LastYear, RecentAverage, ClassProfile],
            most_in_a_row: 3,
            recent_days: 100,
            last_year_tolerance_days: 10,
        }
    }
}

impl EstimationRules {
    /// What is wrong with the rules, with pointers into their JSON form.
    pub fn check(&self) -> Vec<FieldError> {
        let fault = |pointer: String, code, detail: &str| FieldError { pointer, code, detail: detail.into() };
        let mut faults = Vec::new();
        if self.order.is_empty() {
            faults.push(fault("/order".into(), Code::FieldRequired, "at least one method"));
        }
        for (at, by) in self.order.iter().enumerate() {
            if self.order.iter().take(at).any(|before| before == by) {
                faults.push(fault(format!("/order/{at}"), Code::FieldRange, "the method is named before"));
            }
        }
        if !(1..=MOST_IN_A_ROW).contains(&self.most_in_a_row) {
            faults.push(fault("/most_in_a_row".into(), Code::FieldRange, "from 1 to 24"));
        }
        if !(1..=366).contains(&self.recent_days) {
            faults.push(fault("/recent_days".into(), Code::FieldRange, "from 1 to 366"));
        }
        if self.last_year_tolerance_days > 31 {
            faults.push(fault("/last_year_tolerance_days".into(), Code::FieldRange, "at most 31"));
        }
        faults
    }

    /// The first day whose reads may decide an estimate for these charged days, or how many there were in a
    /// row: back to the same period of last year, and over so many periods as may be estimated. Reads before
    /// it are not looked at, so that it does not matter whether they were loaded.
    pub fn reads_from(&self, charged: Period) -> Date {
        let most = self.recent_days.max(u16::from(self.last_year_tolerance_days));
        let a_year = YEAR_DAYS + 1 + i64::from(most);
        let row = (i64::from(self.most_in_a_row) + 1) * charged.days().max(PERIOD_DAYS);
        plus_days(charged.first_on(), -a_year.max(row)).unwrap_or(Date::MIN)
    }
}

/// What a class of customers uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageProfile {
    /// Code of the customer class.
    pub class: String,
    /// What is delivered.
    pub commodity: Commodity,
    /// Unit of the quantity.
    pub unit: Unit,
    /// Time-of-use bucket of the registers that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tou_bucket: Option<String>,
    /// Use on a day of each month, January first; of a demand the month's peak.
    pub per_day: [Decimal; 12],
}

impl UsageProfile {
    /// Whether it is for this register of a customer of the class.
    pub fn is_for(&self, class: &str, commodity: Commodity, register: &Register) -> bool {
        self.class == class
            && self.commodity == commodity
            && self.unit == register.unit
            && self.tou_bucket == register.tou_bucket
            // What a class takes says nothing of what its customers give.
            && register.quantity_name.is_none()
    }

    /// What is wrong with it, with pointers into its JSON form.
    pub fn check(&self) -> Vec<FieldError> {
        let negative = self.per_day.iter().enumerate().filter(|(_, value)| value.is_sign_negative());
        let fault = |(at, _)| FieldError {
            pointer: format!("/per_day/{at}"),
            code: Code::FieldRange,
            detail: "not less than nothing".into(),
        };
        negative.map(fault).collect()
    }
}

/// What is asked for, and what may be looked at.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The charged days: the read for the close of the last one is wanted.
    pub charged: Charged,
    /// The day whose close begins the customer's own history: use before it is somebody else's.
    pub since_on: Date,
    /// The last day whose reads may be looked at.
    pub until_on: Date,
    /// The profile of the customer's class for the register, when there is one.
    pub profile: Option<&'a UsageProfile>,
    /// When a fall is a rollover.
    pub rollover: RolloverLimit,
}

impl Wanted<'_> {
    /// The day that is to be closed.
    pub(crate) const fn on(&self) -> Date {
        self.charged.period.last_on()
    }
}

/// An estimated read, and how it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// The register.
    pub register: RegisterId,
    /// Serial number of its meter.
    pub serial: String,
    /// Unit of what it counts.
    pub unit: Unit,
    /// Time-of-use bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tou_bucket: Option<String>,
    /// The day that the estimate closes.
    #[serde(with = "civil")]
    pub read_on: Date,
    /// The estimated value, to the register's decimals.
    pub value: Decimal,
    /// The day that it goes on from.
    #[serde(with = "civil")]
    pub from_on: Date,
    /// The value that it goes on from; none for a consumptive register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_value: Option<Decimal>,
    /// The estimated use of the days since then, after the multiplier, to six decimals; of a demand
    /// the peak.
    pub quantity: Decimal,
    /// Factor from dial units to the unit of measure.
    pub multiplier: Decimal,
    /// Where the register began again from zero, when the estimate lies beyond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrapped_at: Option<Decimal>,
    /// Which estimate in a row it is, from 1.
    pub nth: u32,
    /// What it rests on.
    pub evidence: Found,
}

/// What an estimate rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The method.
    pub by: EstimateBy,
    /// The days that were looked at; of a profile the estimated ones.
    pub period: Period,
    /// What was used in them; of a demand the peak.
    pub quantity: Decimal,
    /// Use per day, for showing; none for a demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<Decimal>,
}

/// Whether a unit is of a demand, whose highest value counts.
pub const fn is_demand(unit: Unit) -> bool {
    matches!(unit, Unit::Kw | Unit::Kva)
}

/// Which estimate in a row the end of the charged days is since somebody last read the register: 1 when the
/// days began with a read, 0 when somebody read it on the last of them.
///
/// Estimates within the charged days are one, and so are those of an earlier period of about their length:
/// a file that brings one for each day brings one a bill. Reads before [`EstimationRules::reads_from`] do
/// not count, so that it does not matter whether they were loaded.
pub fn estimates_in_a_row(rules: &EstimationRules, metered: Metered<'_>, charged: Charged) -> u32 {
    let period = charged.period;
    if is_read(metered, period.last_on()) {
        return 0;
    }
    let from_on = rules.reads_from(period);
    let inside = |day: Date| from_on <= day && day < period.last_on();
    let days = || {
        let valid = metered.reads.iter().filter(|read| read.is_valid() && inside(read.read_on));
        valid.map(|read| read.read_on)
    };
    let last_read_on = days().filter(|day| is_read(metered, *day)).max();
    // Of the first segment a read of its first day is the start.
    let before = |day: Date| match charged.start {
        Start::OfService => day <= period.first_on(),
        Start::Continuing => day < period.first_on(),
    };
    let length = period.days().max(APART_DAYS);
    let earlier: BTreeSet<i64> = days()
        .filter(|day| before(*day) && last_read_on.is_none_or(|last_on| *day > last_on))
        .map(|day| ((period.first_on() - day).whole_days().max(1) - 1 + length / 2) / length)
        .collect();
    u32::try_from(earlier.len()).unwrap_or(u32::MAX).saturating_add(1)
}

/// Estimates a register's read for the close of the last charged day.
///
/// `all` are the registers of the service point: a meter that was exchanged leaves its history to
/// the one after it.
///
/// # Errors
/// [`Error::TooManyEstimates`] beyond the limit; [`Error::MissingEndRead`] when no method has
/// evidence or there is nothing to go on from; [`Error::BelowEstimate`] and
/// [`Error::RolloverImplausible`] when a later read that is known contradicts what was billed, or
/// the evidence would turn the register all the way round.
pub fn estimate(
    rules: &EstimationRules,
    of: Metered<'_>,
    all: &[Metered<'_>],
    wanted: Wanted<'_>,
) -> Result<Estimate, Error> {
    let register = of.register;
    let on = wanted.on();
    let missing =
        || Error::MissingEndRead { register: register.id, serial: register.serial.clone(), from: on, to: on };
    if register.kind == RegisterKind::Interval {
        // A sum of a day would say nothing of its hours.
        let (serial, unit) = (register.serial.clone(), register.unit);
        return Err(Error::MissingIntervals { register: register.id, serial, unit, on });
    }
    let nth = estimates_in_a_row(rules, of, wanted.charged);
    check_row(rules, register, nth)?;
    let base = base(of, wanted.charged).filter(|base| base.on < on).ok_or_else(missing)?;
    let evidence = Evidence::new(of, all, base.on, wanted, rules);
    // What a factor of nothing counts cannot be turned back into dial units.
    if register.multiplier <= Decimal::ZERO || evidence.is_read_since() {
        return Err(missing());
    }
    for by in &rules.order {
        if let Some((period, quantity)) = evidence.by(*by)? {
            let basis = Basis { by: *by, period, quantity };
            return made(register, &base, basis, nth, wanted);
        }
    }
    Err(missing())
}

/// Refuses an estimate that comes after too many, whoever made them.
///
/// # Errors
/// [`Error::TooManyEstimates`].
pub fn check_row(rules: &EstimationRules, register: &Register, nth: u32) -> Result<(), Error> {
    if nth <= u32::from(rules.most_in_a_row) {
        return Ok(());
    }
    Err(Error::TooManyEstimates {
        register: register.id,
        serial: register.serial.clone(),
        found: nth - 1,
        most: rules.most_in_a_row,
    })
}

/// What an estimate goes on from.
struct Base {
    on: Date,
    value: Option<Decimal>,
}

/// The latest valid read of the charged days before the last, else the one that starts them. A
/// consumptive register goes on from the day before the first that is not counted yet.
fn base(of: Metered<'_>, charged: Charged) -> Option<Base> {
    let (register, period) = (of.register, charged.period);
    let start_on = start_day(register, period);
    let counts = register.kind == RegisterKind::Consumptive;
    let inside = |day: Date| (start_on < day || (!counts && start_on == day)) && day < period.last_on();
    let reads = of.reads.iter().filter(|read| read.is_valid() && inside(read.read_on));
    let latest = reads.map(|read| read.read_on).max().and_then(|day| of.valid_on(day));
    match (register.kind, latest) {
        (RegisterKind::Consumptive, latest) => {
            Some(Base { on: latest.map_or(start_on, |read| read.read_on), value: None })
        }
        (RegisterKind::Subtractive, Some(read)) => {
            // A start read of the first charged day also counts as the close of the day before.
            let starts = charged.start == Start::OfService
                && read.read_on == period.first_on()
                && of.valid_on(start_on).is_none();
            Some(Base { on: if starts { start_on } else { read.read_on }, value: Some(read.value) })
        }
        (RegisterKind::Subtractive, None) | (RegisterKind::Interval, _) => None,
    }
}

struct Basis {
    by: EstimateBy,
    period: Period,
    quantity: Decimal,
}

fn made(
    register: &Register,
    base: &Base,
    basis: Basis,
    nth: u32,
    wanted: Wanted<'_>,
) -> Result<Estimate, Error> {
    let on = wanted.on();
    let days = decimal::whole((on - base.on).whole_days());
    let of_days = decimal::whole(basis.period.days());
    let (quantity, dial_units, per_day) = if is_demand(register.unit) {
        (basis.quantity, decimal::div(basis.quantity, register.multiplier)?, None)
    } else {
        let divisor = decimal::mul(of_days, register.multiplier)?;
        let per_day = decimal::div(basis.quantity, of_days)?;
        (
            decimal::mul_div(basis.quantity, days, of_days)?,
            decimal::mul_div(basis.quantity, days, divisor)?,
            Some(shown(per_day)),
        )
    };
    let (value, wrapped_at) = shown_value(register, base.value, dial_units)?;
    Ok(Estimate {
        register: register.id,
        serial: register.serial.clone(),
        unit: register.unit,
        tou_bucket: register.tou_bucket.clone(),
        read_on: on,
        value,
        from_on: base.on,
        from_value: base.value,
        quantity: shown(quantity),
        multiplier: register.multiplier,
        wrapped_at,
        nth,
        evidence: Found { by: basis.by, period: basis.period, quantity: basis.quantity.normalize(), per_day },
    })
}

fn shown(quantity: Decimal) -> Decimal {
    decimal::round(quantity, SHOWN_PLACES, Rounding::HalfAwayFromZero).normalize()
}

/// What the register would show, and its capacity where it wraps.
fn shown_value(
    register: &Register,
    from: Option<Decimal>,
    dial_units: Decimal,
) -> Result<(Decimal, Option<Decimal>), Error> {
    let rounded = |value| decimal::round(value, u32::from(register.decimals), Rounding::HalfAwayFromZero);
    let Some(from) = from else { return Ok((rounded(dial_units), None)) };
    let mut value = rounded(decimal::add(from, dial_units)?);
    if value < from {
        // The read before it has more decimals than the register.
        value = decimal::round(from, u32::from(register.decimals), Rounding::Up);
    }
    match register.capacity() {
        Some(capacity) if dial_units >= capacity => Err(Error::RolloverImplausible {
            register: register.id,
            serial: register.serial.clone(),
            start: from,
            end: value,
        }),
        Some(capacity) if value >= capacity => Ok((decimal::sub(value, capacity)?, Some(capacity))),
        _ => Ok((value, None)),
    }
}

#[cfg(test)]
#[path = "estimate_tests.rs"]
mod tests;
