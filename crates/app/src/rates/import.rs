//! Tariffs of other forms, read into ours. Nothing is stored: the answer is there to be looked at,
//! completed (texts, accounts, taxes) and entered as a version.

use crate::naming::few;
use crate::{App, Error, Result, Utility};
use rating::urdb::{self, Place, Refusal, Terms};
use rating::{RateVersion, RuleFault, Word};
use serde_json::Value;
use serde_json::value::RawValue;
use time::Date;
use vocab::{Code, FieldError, Problem};

/// Most fields that are left out of one rate.
const LEFT_OUT_MAX: usize = 50;

/// A tariff to import.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// The rate in the database's form, its numbers as they were written.
    pub rate: Box<RawValue>,
    /// First day in force; the form's own start when absent.
    pub effective_on: Option<Date>,
    /// Fields to leave out although they would change a bill; at most [`LEFT_OUT_MAX`].
    pub leave_out: Vec<String>,
}

/// A tariff in our form.
#[derive(Debug, Clone)]
pub struct ImportedTariff {
    /// To be entered as a version.
    pub tariff: Value,
    /// Its name, where the form has one.
    pub name: Option<String>,
    /// The utility's name, where the form has one.
    pub utility: Option<String>,
    /// What the form says and no rule has, and which registers the rules need.
    pub notes: Vec<String>,
}

impl App {
    /// Reads a rate of the public Utility Rate Database. What cannot be expressed is refused with
    /// `rate_invalid`, each field by its name.
    pub fn import_tariff(&self, request: ImportRequest) -> Result<ImportedTariff> {
        few("/leave_out", request.leave_out.len(), LEFT_OUT_MAX)?;
        let currency = self.db().tx(|tx| Ok::<_, Error>(Utility::load(tx)?.currency))?;
        let terms =
            Terms { effective_on: request.effective_on, leave_out: request.leave_out, ..Terms::default() };
        let imported = urdb::import(&request.rate, &terms).map_err(|all| refused(all.into_iter().map(at)))?;
        let rules: Vec<Word> = imported.tariff.rules.iter().map(|rule| rule.id.clone()).collect();
        let version = RateVersion::from_tariff(imported.tariff, &currency)
            .map_err(|faults| refused(faults.into_iter().map(|fault| of_rule(&fault, &rules))))?;
        Ok(ImportedTariff {
            tariff: serde_json::to_value(&version)?,
            name: imported.name,
            utility: imported.utility,
            notes: imported.notes,
        })
    }
}

fn refused(errors: impl Iterator<Item = FieldError>) -> Error {
    let mut problem = Problem::new(Code::RateInvalid, Code::RateInvalid.meaning());
    problem.errors = errors.collect();
    problem.into()
}

/// A refusal by its place in the request.
fn at(refusal: Refusal) -> FieldError {
    let (pointer, code) = match refusal.place {
        Place::Form(pointer) => (format!("/rate{pointer}"), Code::RateInvalid),
        Place::EffectiveOn => ("/effective_on".to_owned(), Code::FieldRequired),
        Place::LeaveOut(at) => (format!("/leave_out/{at}"), Code::RateInvalid),
    };
    FieldError { pointer, code, detail: refusal.reason }
}

/// A fault of the tariff in our form, which the request does not have: the detail names the rule.
fn of_rule(fault: &RuleFault, rules: &[Word]) -> FieldError {
    let mut parts = fault.pointer.split('/').skip(1);
    let rule = match (parts.next(), parts.next().and_then(|number| number.parse::<usize>().ok())) {
        (Some("rules"), Some(number)) => rules.get(number),
        _ => None,
    };
    let detail = match rule {
        Some(rule) => format!("the rule `{rule}` that it comes to: {}", fault.reason),
        None => format!("in our form, {}: {}", fault.pointer, fault.reason),
    };
    FieldError { pointer: "/rate".to_owned(), code: Code::RateInvalid, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_points_into_the_request() {
        let places = [
            (Place::Form("/items/0/fixedChargeUnits".to_owned()), "/rate/items/0/fixedChargeUnits"),
            (Place::Form(String::new()), "/rate"),
            (Place::EffectiveOn, "/effective_on"),
            (Place::LeaveOut(3), "/leave_out/3"),
        ];
        for (place, pointer) in places {
            assert_eq!(at(Refusal { place, reason: String::new() }).pointer, pointer);
        }
    }

    #[test]
    fn a_fault_of_our_form_names_the_rule() {
        let rules: Vec<Word> = ["fixed", "energy"].iter().map(|id| id.parse().unwrap()).collect();
        let fault = |pointer: &str| RuleFault { pointer: pointer.to_owned(), reason: "too long".to_owned() };
        let error = of_rule(&fault("/rules/1/charge"), &rules);
        assert_eq!(error.pointer, "/rate");
        assert_eq!(error.detail, "the rule `energy` that it comes to: too long");
        let error = of_rule(&fault("/calendar/seasons"), &rules);
        assert_eq!(error.detail, "in our form, /calendar/seasons: too long");
    }
}
