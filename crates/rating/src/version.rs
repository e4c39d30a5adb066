//! A rate version that is known to be priceable: parsed, checked, and its references resolved.

use crate::check;
use crate::clock::Clock;
use crate::derive::days_name;
use crate::formula::{Formula, FormulaError};
use crate::tariff::{Bases, Charge, Derived, Operand, Price, Rule, Settlement, Source, Tariff, Thresholds};
use crate::word::Word;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use time::Date;
use vocab::Currency;

/// A run of eleven months may have begun 22 months ago.
const MONTHS_OF_AVERAGES: u8 = 24;
/// A year, and the month that its settling day lies in.
const MONTHS_OF_A_YEAR: u8 = 13;
/// As long as anything looks back: a bank holds what its last line says, however old.
pub const MONTHS_OF_BANKS: u8 = 39;

/// A dated version of a tariff. Every value of this type can be priced: references point to
/// earlier rules and to definitions that exist, tiers ascend, formulas compile, numbers are in
/// range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateVersion {
    tariff: Tariff,
    /// Per rule, the earlier rules that it is about.
    bases: Vec<Vec<usize>>,
    clock: Clock,
    /// Per defined quantity, its formula.
    derived_formulas: Vec<Option<Formula>>,
    /// Per rule, its formula.
    rule_formulas: Vec<Option<Formula>>,
}

/// Why a tariff is refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {reason}")]
pub struct RuleFault {
    /// JSON pointer into the tariff: `/rules/2/charge/tiers/0/up_to`.
    pub pointer: String,
    /// A sentence for the rates administrator.
    pub reason: String,
}

impl RateVersion {
    /// Reads and checks the JSON form; see [`crate::tariff`].
    pub fn parse(json: &str, currency: &Currency) -> Result<Self, Vec<RuleFault>> {
        let value: serde_json::Value = serde_json::from_str(json).map_err(|error| vec![fault("", error)])?;
        Self::from_value(value, currency)
    }

    /// The same from a JSON value.
    pub fn from_value(value: serde_json::Value, currency: &Currency) -> Result<Self, Vec<RuleFault>> {
        Self::from_tariff(check::form(value)?, currency)
    }

    /// Checks rules made in code.
    pub fn new(effective_on: Date, rules: Vec<Rule>, currency: &Currency) -> Result<Self, Vec<RuleFault>> {
        let tariff = Tariff {
            effective_on,
            calendar: Default::default(),
            demand: None,
            quantities: Vec::new(),
            rules,
        };
        Self::from_tariff(tariff, currency)
    }

    /// Checks a tariff made in code.
    pub fn from_tariff(tariff: Tariff, currency: &Currency) -> Result<Self, Vec<RuleFault>> {
        let faults = check::faults(&tariff, currency);
        if !faults.is_empty() {
            return Err(faults);
        }
        let bases = (0..tariff.rules.len()).map(|index| resolve(&tariff.rules, index)).collect();
        let derived_formulas =
            tariff.quantities.iter().map(|of| derived_formula(of).and_then(Result::ok)).collect();
        let rule_formulas = tariff.rules.iter().map(|of| rule_formula(of).and_then(Result::ok)).collect();
        let clock = Clock::new(&tariff.calendar);
        Ok(Self { tariff, bases, clock, derived_formulas, rule_formulas })
    }

    /// The first day it is in force.
    pub const fn effective_on(&self) -> Date {
        self.tariff.effective_on
    }

    /// As it is written.
    pub const fn tariff(&self) -> &Tariff {
        &self.tariff
    }

    /// The rules in order.
    pub fn rules(&self) -> &[Rule] {
        &self.tariff.rules
    }

    /// The JSON form.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// How many months before a period it looks back, for averages, ratchets, banks or the year so
    /// far; 0 when it does not. Earlier segments that ended before these need not be read.
    pub fn months_back(&self) -> u8 {
        let derived = |of: &Derived| match &of.from {
            Source::Formula { .. } => 0,
            Source::Average { .. } => MONTHS_OF_AVERAGES,
            Source::Ratchet { months, .. } => *months,
            Source::Net { .. } => MONTHS_OF_BANKS,
        };
        let charged = |rule: &Rule| match &rule.charge {
            Charge::Credit { .. } | Charge::Bank { .. } => MONTHS_OF_BANKS,
            Charge::Minimum { settled: Settlement::Year { .. }, .. } => MONTHS_OF_A_YEAR,
            Charge::Minimum { settled: Settlement::Never, .. } => MONTHS_OF_BANKS,
            _ => 0,
        };
        let derived = self.tariff.quantities.iter().map(derived);
        derived.chain(self.tariff.rules.iter().map(charged)).max().unwrap_or_default()
    }

    /// Whether it takes quantities from other segments.
    pub fn looks_aside(&self) -> bool {
        let aside = |operand: &Operand| matches!(operand, Operand::Segment(_));
        let derived = |of: &Derived| match &of.from {
            Source::Formula { with, .. } => with.values().any(aside),
            _ => false,
        };
        let charged = |rule: &Rule| match &rule.charge {
            Charge::Formula { with, .. } => with.values().any(aside),
            _ => false,
        };
        self.tariff.quantities.iter().any(derived) || self.tariff.rules.iter().any(charged)
    }

    /// Whether it may price what interval data alone tell: buckets of hours, peaks, amounts of each day.
    pub fn looks_into_the_day(&self) -> bool {
        let by_day = |rule: &Rule| match &rule.charge {
            Charge::Tiered { thresholds, .. }
            | Charge::Volume { thresholds, .. }
            | Charge::TimeOfUseTiered { thresholds, .. } => matches!(thresholds, Thresholds::EachDay),
            _ => false,
        };
        let peak = |rule: &Rule| rule.charge.quantity().is_some_and(|key| !key.kind.is_usage());
        let derived = |of: &Derived| match &of.from {
            Source::Formula { with, .. } => {
                with.values().any(|operand| matches!(operand, Operand::Quantity(key) if !key.kind.is_usage()))
            }
            Source::Ratchet { quantity, .. } | Source::Average { quantity, .. } => !quantity.kind.is_usage(),
            Source::Net { .. } => false,
        };
        let tariff = &self.tariff;
        !tariff.calendar.times_of_use.is_empty()
            || tariff.rules.iter().any(|rule| by_day(rule) || peak(rule))
            || tariff.quantities.iter().any(derived)
    }

    /// Every price, also those in quantities that it works out.
    pub fn prices(&self) -> Vec<&Price> {
        let mut all: Vec<&Price> = self.tariff.rules.iter().flat_map(|rule| rule.charge.prices()).collect();
        for of in &self.tariff.quantities {
            if let Source::Formula { with, .. } = &of.from {
                all.extend(with.values().filter_map(Operand::price));
            }
        }
        all
    }

    /// The banks of net quantities that a rule shows and settles.
    pub(crate) fn banks(&self) -> Vec<&Word> {
        let mut banks = Vec::new();
        for rule in &self.tariff.rules {
            let Charge::Bank { net, .. } = &rule.charge else { continue };
            let definition = self.tariff.quantities.iter().find(|of| of.name == *net);
            if let Some(Source::Net { bank, .. }) = definition.map(|of| &of.from) {
                banks.push(bank);
            }
        }
        banks
    }

    /// Earlier rules that the rule at `index` is about.
    pub(crate) fn bases(&self, index: usize) -> &[usize] {
        self.bases.get(index).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn position(&self, id: &Word) -> Option<usize> {
        self.tariff.rules.iter().position(|rule| rule.id == *id)
    }

    pub(crate) const fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn derived_formula(&self, index: usize) -> Option<&Formula> {
        self.derived_formulas.get(index)?.as_ref()
    }

    /// The formula of the rule of this id.
    pub(crate) fn rule_formula(&self, id: &Word) -> Option<&Formula> {
        self.rule_formulas.get(self.position(id)?)?.as_ref()
    }
}

impl Serialize for RateVersion {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.tariff.serialize(to)
    }
}

pub(crate) fn fault(pointer: &str, error: impl std::fmt::Display) -> RuleFault {
    RuleFault { pointer: pointer.to_owned(), reason: error.to_string() }
}

/// The formula of a defined quantity, when it has one.
pub(crate) fn derived_formula(of: &Derived) -> Option<Result<Formula, FormulaError>> {
    match &of.from {
        Source::Formula { with, value } => Some(compiled(with, value)),
        _ => None,
    }
}

/// The formula of a rule, when it has one.
pub(crate) fn rule_formula(of: &Rule) -> Option<Result<Formula, FormulaError>> {
    match &of.charge {
        Charge::Formula { with, amount } => Some(compiled(with, amount)),
        _ => None,
    }
}

/// Compiled over its names in order, and then the days: the order of [`crate::derive::evaluate`].
fn compiled(with: &BTreeMap<Word, Operand>, text: &str) -> Result<Formula, FormulaError> {
    let days = days_name();
    Formula::compile(text, with.keys().chain(days.iter().filter(|days| !with.contains_key(*days))))
}

fn resolve(rules: &[Rule], index: usize) -> Vec<usize> {
    let earlier = rules.iter().take(index).enumerate();
    let Some(rule) = rules.get(index) else { return Vec::new() };
    if let Charge::Formula { with, .. } = &rule.charge {
        let named = |id: &Word| with.values().any(|operand| matches!(operand, Operand::Rule(of) if of == id));
        return earlier.filter(|(_, rule)| named(&rule.id)).map(|(at, _)| at).collect();
    }
    match rule.charge.bases() {
        None => Vec::new(),
        Some(Bases::All) => earlier.filter(|(_, rule)| !rule.charge.is_apart()).map(|(at, _)| at).collect(),
        Some(Bases::Rules(ids)) => {
            earlier.filter(|(_, rule)| ids.contains(&rule.id)).map(|(at, _)| at).collect()
        }
    }
}
