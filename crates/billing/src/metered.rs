//! From reads to the quantities that a rate prices, and what their use is worth a look.

use crate::account::{AccountInputs, Contract, RegisterReads};
use crate::context::{ContractType, RunContext};
use crate::error::BillingError;
use crate::period::{Charged, Due, due};
use metering::validate::Action;
use metering::{
    Charged as ChargedDays, Consumption, Estimate, Read, ReadRules, ReadUsed, Start, Until, Usage,
    UsageFinding, Wanted, is_demand,
};
use rating::tariff::{QuantityKey, QuantityKind};
use rating::{Quantity, Word};
use time::Date;
use vocab::dates::plus_days;
use vocab::{
    Code, EndDateMethod, FlagCode, Period, Problem, ReadQuality, ReadStatus, RegisterKind, SegmentMethod,
    ServicePointId,
};

/// What a service point used in the charged days.
pub(crate) fn measured(
    service_point: ServicePointId,
    registers: &[RegisterReads],
    charged: &Charged,
    rules: &ReadRules,
) -> Result<Consumption, BillingError> {
    let registers: Vec<_> = registers.iter().map(RegisterReads::as_metered).collect();
    Ok(metering::consumption(service_point, &registers, days(charged), rules.rollover)?)
}

const fn days(charged: &Charged) -> ChargedDays {
    let start = if charged.is_first { Start::OfService } else { Start::Continuing };
    ChargedDays { period: charged.period, start }
}

/// The registers whose read for the last charged day is to be estimated.
pub(crate) fn unread<'a>(
    registers: &'a [RegisterReads],
    charged: &Charged,
) -> impl Iterator<Item = &'a RegisterReads> {
    let (on, estimates) = (charged.period.last_on(), charged.estimates);
    registers
        .iter()
        .filter(move |of| estimates && of.register.installed_at(on) && of.as_metered().valid_on(on).is_none())
}

/// The first day whose reads decide a contract's segment, where reads that it lacks are to be estimated;
/// none where nothing is. What the inputs have of the charged days and of the read window must be there;
/// more of them changes nothing.
pub fn estimate_reads_from(
    context: &RunContext,
    inputs: &AccountInputs,
    contract: &Contract,
) -> Option<Date> {
    let of = context.contract_type(contract.type_id).filter(|_| contract.in_scope())?;
    let registers = inputs.meters_of(contract.service_point?);
    let charged = ends_on_estimates(context, inputs, (contract, of), registers)?;
    Some(context.estimation().reads_from(charged.period))
}

/// The charged days, where they end on an estimate: one that is to be made, or one that came in. Nothing is
/// worked out where there is neither.
pub(crate) fn ends_on_estimates(
    context: &RunContext,
    inputs: &AccountInputs,
    (contract, of): (&Contract, &ContractType),
    registers: &[RegisterReads],
) -> Option<Charged> {
    let first_on = contract.first_charge_on()?;
    let is_estimate =
        |read: &Read| read.is_valid() && read.quality == ReadQuality::Estimated && first_on <= read.read_on;
    let has_any = || registers.iter().any(|of| has_dials(of) && of.reads.iter().any(is_estimate));
    if of.method != SegmentMethod::Metered || !(context.may_estimate(of, contract.schedule_id) || has_any()) {
        return None;
    }
    let Ok(Due::Days(charged)) = due(context, inputs, contract, of) else { return None };
    let ends =
        unread(registers, &charged).next().is_some() || estimated_ends(registers, &charged).next().is_some();
    ends.then_some(charged)
}

/// The registers whose read for the last charged day came in as an estimate. Interval data are as sure as
/// they are, day by day.
pub(crate) fn estimated_ends<'a>(
    registers: &'a [RegisterReads],
    charged: &Charged,
) -> impl Iterator<Item = &'a RegisterReads> {
    let on = charged.period.last_on();
    let is_estimate = move |of: &RegisterReads| {
        of.as_metered().valid_on(on).is_some_and(|read| read.quality == ReadQuality::Estimated)
    };
    registers.iter().filter(move |of| has_dials(of) && of.register.installed_at(on) && is_estimate(of))
}

fn has_dials(of: &RegisterReads) -> bool {
    of.register.kind != RegisterKind::Interval
}

/// Estimates what the last charged day lacks, and puts it among the reads.
pub(crate) fn estimated(
    context: &RunContext,
    inputs: &AccountInputs,
    (contract, of): (&Contract, &ContractType),
    registers: &[RegisterReads],
    charged: &Charged,
) -> Result<(Vec<RegisterReads>, Vec<Estimate>), BillingError> {
    let all: Vec<_> = registers.iter().map(RegisterReads::as_metered).collect();
    let estimate = |one: &RegisterReads| {
        let wanted = Wanted {
            charged: days(charged),
            since_on: own_since(contract),
            until_on: context.last_read_on(),
            profile: context.profile(&inputs.class_code, of.commodity, &one.register),
            rollover: context.read_rules(&inputs.class_code, of.commodity).rollover,
        };
        metering::estimate(context.estimation(), one.as_metered(), &all, wanted)
            .map_err(|error| of_window(error, context, (contract, of), charged))
    };
    let estimates = unread(registers, charged).map(estimate).collect::<Result<Vec<_>, _>>()?;
    let mut registers = registers.to_vec();
    for made in &estimates {
        let is_of = |of: &&mut RegisterReads| {
            of.register.id == made.register && of.register.installed_at(made.read_on)
        };
        if let Some(of) = registers.iter_mut().find(is_of) {
            of.reads.push(Read {
                read_on: made.read_on,
                value: made.value,
                quality: ReadQuality::Estimated,
                status: ReadStatus::Valid,
            });
        }
    }
    Ok((registers, estimates))
}

/// A read that is missed and cannot be estimated is missed as it would be without estimates: on any
/// day of the read window.
fn of_window(
    error: metering::Error,
    context: &RunContext,
    (contract, of): (&Contract, &ContractType),
    charged: &Charged,
) -> metering::Error {
    match error {
        metering::Error::MissingEndRead { register, serial, .. }
            if of.end_date == EndDateMethod::MeterRead && !charged.is_final =>
        {
            let ends_on = context.window().ends_on;
            let before = i64::from(context.read_window().days_before);
            let from = plus_days(ends_on, -before).unwrap_or(ends_on).max(charged.period.first_on());
            let last_on = context.last_read_on();
            let to = contract.ends_on.map_or(last_on, |ends_on| ends_on.min(last_on));
            metering::Error::MissingEndRead { register, serial, from, to }
        }
        other => other,
    }
}

/// The day whose close begins the customer's own use.
pub(crate) fn own_since(contract: &Contract) -> Date {
    plus_days(contract.starts_on, -1).unwrap_or(contract.starts_on)
}

/// Which estimate in a row ends a register's part; 0 when somebody read it.
///
/// # Errors
/// Too many estimates, whoever made them. Interval data are estimated by the day, and not counted so.
pub(crate) fn in_a_row(
    context: &RunContext,
    registers: &[RegisterReads],
    used: &ReadUsed,
    charged: &Charged,
) -> Result<u32, BillingError> {
    let is_of =
        |of: &&RegisterReads| of.register.id == used.register && of.register.installed_at(used.end_on);
    let Some(of) = registers.iter().find(is_of) else { return Ok(0) };
    let Some(period) = Period::new(charged.period.first_on(), used.end_on) else { return Ok(0) };
    let part = ChargedDays { period, ..days(charged) };
    let nth = metering::estimates_in_a_row(context.estimation(), of.as_metered(), part);
    if has_dials(of) && used.end_on == charged.period.last_on() {
        metering::check_row(context.estimation(), &of.register, nth)?;
    }
    Ok(nth)
}

/// Which estimate in a row ends the charged days of a register.
pub(crate) fn nth(context: &RunContext, of: &RegisterReads, charged: &Charged) -> u32 {
    metering::estimates_in_a_row(context.estimation(), of.as_metered(), days(charged))
}

/// The quantities under the keys that rules use: demands are peaks, all else accumulates.
pub(crate) fn priced(consumption: &Consumption) -> Result<Vec<Quantity>, BillingError> {
    let one = |of: &metering::Quantity| {
        let (bucket, name) = (word(of.tou_bucket.as_deref())?, word(of.name.as_deref())?);
        let kind = if is_demand(of.unit) { QuantityKind::Peak } else { QuantityKind::Usage };
        let key = QuantityKey { unit: of.unit, bucket, name, kind };
        Ok(Quantity { key, value: of.quantity })
    };
    let mut all = consumption.quantities.iter().map(one).collect::<Result<Vec<_>, BillingError>>()?;
    add_totals(&mut all)?;
    Ok(all)
}

/// A bucket or name as rules write it.
fn word(text: Option<&str>) -> Result<Option<Word>, BillingError> {
    text.map(str::parse).transpose().map_err(|_| {
        let text = text.unwrap_or_default();
        let detail = format!("the register's bucket or quantity `{text}` is not a name that rates can use");
        Problem::new(Code::QuantityMissing, detail).with("quantity", text).into()
    })
}

/// A service point with bucket registers only still has a total: rules may price either.
fn add_totals(all: &mut Vec<Quantity>) -> Result<(), BillingError> {
    for at in 0..all.len() {
        let Some(bucketed) = all.get(at).filter(|of| of.key.bucket.is_some()) else { continue };
        let key = QuantityKey { bucket: None, ..bucketed.key.clone() };
        if all.iter().any(|of| of.key == key) {
            continue;
        }
        let parts = all.iter().filter(|of| of.key.unit == key.unit && of.key.name == key.name);
        let of_unit = parts.map(|of| of.value);
        let value = match key.kind {
            QuantityKind::Usage | QuantityKind::DailyPeaks => vocab::decimal::sum(of_unit)?,
            QuantityKind::Peak | QuantityKind::Level => of_unit.max().unwrap_or_default(),
        };
        all.push(Quantity { key, value });
    }
    Ok(())
}

/// What is worth a look in the use of one register, with its unit.
pub(crate) fn findings(
    rules: &ReadRules,
    contract: &Contract,
    registers: &[RegisterReads],
    used: &ReadUsed,
    period: Period,
) -> Result<Vec<UsageFinding>, BillingError> {
    if is_demand(used.unit) {
        return Ok(Vec::new());
    }
    let days = (used.end_on - used.start_on).whole_days();
    let usage = Usage { quantity: used.quantity, days: u32::try_from(days).unwrap_or(0) };
    let past = registers.iter().find(|of| of.register.id == used.register).and_then(|of| {
        let until = Until::Read(used.start_on);
        metering::past_use(of.as_metered(), Some(own_since(contract)), until, rules.rollover)
    });
    let is_active = contract.ends_on.is_none_or(|ends_on| ends_on >= period.last_on());
    let mut found = metering::usage_check(&rules.checks, usage, past.as_slice(), is_active)?;
    // A rule that is off for reads says nothing in the review either.
    found.retain(|finding| match finding.code {
        FlagCode::HighUsage => rules.high_usage != Action::Off,
        FlagCode::LowUsage => rules.low_usage != Action::Off,
        FlagCode::ZeroUsage => rules.zero_usage != Action::Off,
        _ => true,
    });
    Ok(found)
}
