//! A rate version that is known to be priceable: parsed, checked, and its references resolved.

use crate::check;
use crate::tariff::{Bases, Charge, Rule};
use crate::word::Word;
use serde::{Deserialize, Serialize};
use time::Date;
use vocab::Currency;

/// A dated version of a tariff. Every value of this type can be priced: references point to
/// earlier rules, tiers ascend, numbers are in range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RateVersion {
    #[serde(with = "vocab::dates::civil")]
    effective_on: Date,
    rules: Vec<Rule>,
    /// Per rule, the earlier rules that it is about.
    #[serde(skip)]
    bases: Vec<Vec<usize>>,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(with = "vocab::dates::civil")]
    effective_on: Date,
    rules: Vec<serde_json::Value>,
}

impl RateVersion {
    /// Reads and checks the JSON form; see [`crate::tariff`].
    pub fn parse(json: &str, currency: &Currency) -> Result<Self, Vec<RuleFault>> {
        let form: Form = serde_json::from_str(json).map_err(|error| vec![fault("", error)])?;
        Self::from_form(form, currency)
    }

    /// The same from a JSON value.
    pub fn from_value(value: serde_json::Value, currency: &Currency) -> Result<Self, Vec<RuleFault>> {
        let form: Form = serde_json::from_value(value).map_err(|error| vec![fault("", error)])?;
        Self::from_form(form, currency)
    }

    fn from_form(form: Form, currency: &Currency) -> Result<Self, Vec<RuleFault>> {
        let mut faults = Vec::new();
        let mut rules = Vec::with_capacity(form.rules.len());
        for (index, value) in form.rules.into_iter().enumerate() {
            match serde_json::from_value::<Rule>(value) {
                Ok(rule) => rules.push(rule),
                Err(error) => faults.push(fault(&format!("/rules/{index}"), error)),
            }
        }
        if faults.is_empty() { Self::new(form.effective_on, rules, currency) } else { Err(faults) }
    }

    /// Checks rules made in code.
    pub fn new(effective_on: Date, rules: Vec<Rule>, currency: &Currency) -> Result<Self, Vec<RuleFault>> {
        let faults = check::faults(&rules, currency);
        if !faults.is_empty() {
            return Err(faults);
        }
        let bases = (0..rules.len()).map(|index| resolve(&rules, index)).collect();
        Ok(Self { effective_on, rules, bases })
    }

    /// The first day it is in force.
    pub const fn effective_on(&self) -> Date {
        self.effective_on
    }

    /// The rules in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The JSON form.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Earlier rules that the rule at `index` is about.
    pub(crate) fn bases(&self, index: usize) -> &[usize] {
        self.bases.get(index).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn position(&self, id: &Word) -> Option<usize> {
        self.rules.iter().position(|rule| rule.id == *id)
    }
}

fn fault(pointer: &str, error: impl std::fmt::Display) -> RuleFault {
    RuleFault { pointer: pointer.to_owned(), reason: error.to_string() }
}

fn resolve(rules: &[Rule], index: usize) -> Vec<usize> {
    let earlier = rules.iter().take(index).enumerate();
    match rules.get(index).and_then(|rule| rule.charge.bases()) {
        None => Vec::new(),
        Some(Bases::All) => {
            earlier.filter(|(_, rule)| !matches!(rule.charge, Charge::Tax { .. })).map(|(at, _)| at).collect()
        }
        Some(Bases::Rules(ids)) => {
            earlier.filter(|(_, rule)| ids.contains(&rule.id)).map(|(at, _)| at).collect()
        }
    }
}
