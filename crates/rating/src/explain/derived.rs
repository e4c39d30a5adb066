//! Worked-out quantities: formulas, averages, ratchets, net metering.

use super::notation::{name, names};
use super::{Note, Step, StepKind};
use crate::formula::Formula;
use crate::line::Named;
use crate::working::{DerivedQuantity, PastValue, Working};
use vocab::Decimal;
use vocab::decimal::{self, Overflow};

/// The steps from what the quantity was worked out from to its rounded value.
pub fn derived(of: &DerivedQuantity) -> Vec<Step> {
    let mut steps = Vec::with_capacity(2);
    let (value, exact) = match &of.working {
        Working::Formula { text, with } => formula(text, with),
        Working::Average { of, default, cap } => average(of, *default, *cap),
        Working::Ratchet { present, of, percent, minimum } => {
            ratchet(&mut steps, *present, of, *percent, *minimum)
        }
        Working::Net { delivered, received, opening } => net(*delivered, *received, *opening),
        Working::Buckets { of } => (sum(of), decimal::sum(of.iter().map(|part| part.value))),
    };
    // The record's value stands wherever the exact one is not to be had.
    let exact = exact.map_or(of.value, |exact| exact.normalize());
    steps.push(value.equals(exact));
    if exact != of.value {
        let rounded = Step::new(StepKind::Rounded, "round(value, decimals)");
        let decimals = Decimal::from(of.decimals);
        steps.push(rounded.with("value", exact).with("decimals", decimals).equals(of.value));
    }
    steps
}

fn formula(text: &str, with: &[Named]) -> (Step, Result<Decimal, Overflow>) {
    let values: Vec<Decimal> = with.iter().map(|of| of.value).collect();
    let compiled = Formula::compile(text, with.iter().map(|of| &of.name)).map_err(|_| Overflow);
    let exact = compiled.and_then(|formula| formula.value(&values));
    (named(Step::new(StepKind::Value, text), with), exact)
}

/// The names that the step's formula uses, with their values.
pub(super) fn named(step: Step, with: &[Named]) -> Step {
    with.iter().fold(step, |step, of| step.with(of.name.as_str(), of.value))
}

fn average(
    of: &[PastValue],
    default: Option<Decimal>,
    cap: Option<Decimal>,
) -> (Step, Result<Decimal, Overflow>) {
    let count = Decimal::from(of.len());
    let (inner, exact) = if of.is_empty() {
        ("default".to_owned(), default.ok_or(Overflow))
    } else {
        let names: Vec<String> = of.iter().map(period).collect();
        let sum = decimal::sum(of.iter().map(|past| past.value));
        (format!("({}) ÷ {count}", names.join(" + ")), sum.and_then(|sum| decimal::div(sum, count)))
    };
    let text = if cap.is_some() { format!("min({inner}, cap)") } else { inner };
    let mut step = past(Step::new(StepKind::Value, text), of);
    if let (true, Some(default)) = (of.is_empty(), default) {
        step = step.with("default", default).noted(Note::Default);
    }
    if let Some(cap) = cap {
        return (step.with("cap", cap), exact.map(|exact| exact.min(cap)));
    }
    (step, exact)
}

fn ratchet(
    steps: &mut Vec<Step>,
    present: Decimal,
    of: &[PastValue],
    percent: Decimal,
    minimum: Option<Decimal>,
) -> (Step, Result<Decimal, Overflow>) {
    let mut parts = vec!["present"];
    let mut values = vec![Ok(present)];
    let mut step = Step::new(StepKind::Value, "").with("present", present);
    if let Some(highest) = of.iter().map(|past| past.value).max() {
        let names: Vec<String> = of.iter().map(period).collect();
        let found = Step::new(StepKind::Highest, format!("max({})", names.join(", ")));
        steps.push(past(found, of).equals(highest));
        parts.push("percent × highest ÷ 100");
        values.push(decimal::mul_div(highest, percent, Decimal::ONE_HUNDRED));
        step = step.with("percent", percent).with("highest", highest);
    }
    if let Some(minimum) = minimum {
        parts.push("minimum");
        values.push(Ok(minimum));
        step = step.with("minimum", minimum);
    }
    step.formula = if parts.len() == 1 { "present".to_owned() } else { format!("max({})", parts.join(", ")) };
    let most = values.into_iter().try_fold(present, |most, value| Ok(most.max(value?)));
    (step, most)
}

fn net(delivered: Decimal, received: Decimal, opening: Decimal) -> (Step, Result<Decimal, Overflow>) {
    let step = Step::new(StepKind::Value, "max(0, delivered − received − opening)")
        .with("delivered", delivered)
        .with("received", received)
        .with("opening", opening);
    let left = decimal::sub(delivered, received).and_then(|left| decimal::sub(left, opening));
    (step, left.map(|left| left.max(Decimal::ZERO)))
}

fn sum(of: &[Named]) -> Step {
    let names = names(of.iter().map(|part| part.name.as_str()));
    let step = Step::new(StepKind::Value, names.join(" + "));
    of.iter().zip(names).fold(step, |step, (part, name)| step.with(name, part.value))
}

fn period(past: &PastValue) -> String {
    name(&format!("period_{}", vocab::dates::civil::format(past.last_on)))
}

fn past(step: Step, of: &[PastValue]) -> Step {
    of.iter().fold(step, |step, past| step.with(period(past), past.value))
}
