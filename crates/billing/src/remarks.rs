//! What of the reads that broke rules of validation a contract's segment may rest on.
//!
//! A read is a remark of its own; the days of interval data of a register are one, for those held and one
//! for those taken with a warning: a month that waits is looked at once.

use crate::account::{AccountInputs, Contract, ReadRemark};
use crate::context::{ContractType, RunContext};
use crate::period::{Due, due};
use std::collections::BTreeSet;
use time::Date;
use vocab::dates::civil;
use vocab::{Decimal, RegisterId, SegmentMethod};

/// What the review is shown.
pub(crate) struct Remark {
    pub(crate) register: RegisterId,
    /// The read's value, or the sum of the days.
    pub(crate) value: Decimal,
    pub(crate) is_held: bool,
    /// The rules that were broken, and on which days.
    pub(crate) rules: String,
}

/// The remarks on a contract, in order of register and day; reads before days.
pub(crate) fn of_contract(
    context: &RunContext,
    inputs: &AccountInputs,
    contract: &Contract,
    of: Option<&ContractType>,
) -> Vec<Remark> {
    let mut own = about(context, inputs, contract, of);
    own.sort_unstable_by_key(|of| (of.is_day, of.register, of.is_day && !of.is_held, of.read_on, of.value));
    let alike = |a: &&ReadRemark, b: &&ReadRemark| {
        a.is_day && b.is_day && (a.register, a.is_held) == (b.register, b.is_held)
    };
    own.chunk_by(alike).filter_map(together).collect()
}

/// The held ones alone, as they are: one that comes after a test would have been seen by it.
pub(crate) fn held<'a>(
    context: &RunContext,
    inputs: &'a AccountInputs,
    contract: &Contract,
    of: Option<&ContractType>,
) -> Vec<&'a ReadRemark> {
    let mut own = about(context, inputs, contract, of);
    own.retain(|of| of.is_held);
    own.sort_unstable_by_key(|of| (of.is_day, of.register, of.read_on, of.value));
    own
}

/// Those of the days that the segment charges or may end on. What follows the window's end ends no segment
/// of interval data for want of a day.
fn about<'a>(
    context: &RunContext,
    inputs: &'a AccountInputs,
    contract: &Contract,
    of: Option<&ContractType>,
) -> Vec<&'a ReadRemark> {
    let Some(of) = of.filter(|of| of.method == SegmentMethod::Metered && !inputs.remarks.is_empty()) else {
        return Vec::new();
    };
    let Some((point, first_on)) = contract.service_point.zip(contract.first_charge_on()) else {
        return Vec::new();
    };
    let own: Vec<&ReadRemark> = inputs.remarks.iter().filter(|of| of.register.owner == point).collect();
    let until = |last_on: Date| contract.ends_on.map_or(last_on, |ends_on| ends_on.min(last_on));
    let last_read_on = until(context.last_read_on());
    let last_day_on = if own.iter().any(|of| of.is_day) {
        let ends_on = context.window().ends_on;
        match due(context, inputs, contract, of) {
            Ok(Due::Days(charged)) => until(charged.period.last_on().max(ends_on)),
            _ => until(ends_on),
        }
    } else {
        last_read_on
    };
    let counts = |of: &&ReadRemark| {
        let last_on = if of.is_day { last_day_on } else { last_read_on };
        first_on <= of.read_on && of.read_on <= last_on
    };
    own.into_iter().filter(counts).collect()
}

/// A read by itself, or a register's days as one.
fn together(alike: &[&ReadRemark]) -> Option<Remark> {
    let (first, last) = (alike.first()?, alike.last()?);
    let mut value = first.value;
    for of in alike.get(1..).unwrap_or_default() {
        // A sum that is too large to be written is told by its days.
        value = vocab::decimal::add(value, of.value).unwrap_or(value);
    }
    let rules = if first.is_day {
        let broken: BTreeSet<&str> =
            alike.iter().flat_map(|of| of.rules.split(", ")).filter(|rule| !rule.is_empty()).collect();
        let broken = broken.into_iter().collect::<Vec<_>>().join(", ");
        let (from, to) = (civil::format(first.read_on), civil::format(last.read_on));
        let days = match alike.len() {
            1 => from,
            count => format!("{count} days {from} to {to}"),
        };
        if broken.is_empty() { days } else { format!("{days}: {broken}") }
    } else {
        first.rules.clone()
    };
    Some(Remark { register: first.register, value, is_held: first.is_held, rules })
}
