//! Quantities that a tariff worked out: each from its own working, buckets from their records, and
//! what lines priced from what was worked out.

use crate::Findings;
use crate::formula;
use crate::rational::{minor_to_major, round, whole};
use crate::record::{Line, Named};
use crate::working::{Derived, PastValue, Working};
use num_rational::BigRational;
use std::collections::HashSet;

/// Finest rounding.
const FINEST: u8 = 10;

/// Works every record out again.
pub(crate) fn check(findings: &mut Findings, all: &[Derived], lines: &[Line]) {
    let mut known = HashSet::new();
    let begins = lines.iter().map(|line| line.period.first_on).min();
    for (index, of) in all.iter().enumerate() {
        let mut wrong = |detail: String| findings.derived(index, detail);
        if !known.insert((&of.version, &of.name, &of.bucket)) {
            wrong(format!("`{}` is worked out twice", of.name));
        }
        if !matches!(of.kind.as_str(), "usage" | "peak" | "level" | "daily_peaks") {
            wrong(format!("`{}` is no kind of quantity", of.kind));
        }
        if of.decimals > FINEST {
            wrong(format!("{} decimals are finer than {FINEST}", of.decimals));
            continue;
        }
        let by_buckets = matches!(of.working, Working::Buckets { .. });
        let netted = by_buckets || matches!(of.working, Working::Net { .. });
        if netted && of.kind != "usage" {
            wrong("a net quantity is usage".to_owned());
        }
        if of.bucket.is_some() && !matches!(of.working, Working::Net { .. }) {
            wrong("only a net quantity has buckets".to_owned());
        }
        if let Working::Average { of, .. } | Working::Ratchet { of, .. } = &of.working {
            let mut days = HashSet::new();
            let past = |of: &PastValue| begins.is_none_or(|begins| of.last_on < begins);
            if !of.iter().all(|of| past(of) && days.insert(of.last_on)) {
                wrong("a period that is not past, or counts twice".to_owned());
            }
        }
        match exact(&of.working) {
            Err(reason) => wrong(reason),
            Ok((value, tolerance)) => {
                let near = [value.clone(), &value - &tolerance, &value + &tolerance];
                let places = u32::from(of.decimals);
                if !near.iter().any(|near| round(near, places, of.rounding) == of.value.0) {
                    wrong(format!("{} is not {value} to {places} decimals", of.value.0));
                }
            }
        }
        if let Working::Buckets { of: parts } = &of.working {
            buckets(findings, all, index, of, parts);
        }
    }
}

/// The value before it is rounded, and how far the engine's digits may be off.
fn exact(working: &Working) -> Result<(BigRational, BigRational), String> {
    let surely = |value| Ok((value, minor_to_major(1, 18)));
    match working {
        Working::Formula { text, with } => {
            named_once(with)?;
            let outcome = formula::evaluate(text, with)?;
            let tolerance = outcome.tolerance();
            Ok((outcome.value, tolerance))
        }
        Working::Average { of, default, cap } => {
            let count = i64::try_from(of.len()).map_err(|_| "too many periods".to_owned())?;
            let mean = match (count, default) {
                (0, None) => return Err("an average of nothing, without a default".to_owned()),
                (0, Some(default)) => default.0.clone(),
                _ => of.iter().map(|past| &past.value.0).sum::<BigRational>() / whole(count),
            };
            surely(match cap {
                Some(cap) => mean.min(cap.0.clone()),
                None => mean,
            })
        }
        Working::Ratchet { present, of, percent, minimum } => {
            let highest = highest(of);
            let ratcheted = highest * &percent.0 / whole(100);
            let billed = ratcheted.max(present.0.clone());
            surely(match minimum {
                Some(minimum) => billed.max(minimum.0.clone()),
                None => billed,
            })
        }
        Working::Net { delivered, received, opening } => {
            surely((&delivered.0 - &received.0 - &opening.0).max(whole(0)))
        }
        Working::Buckets { of } => {
            named_once(of)?;
            surely(of.iter().map(|part| &part.value.0).sum())
        }
    }
}

fn highest(of: &[PastValue]) -> BigRational {
    of.iter().map(|past| &past.value.0).max().cloned().unwrap_or_else(|| whole(0))
}

/// A name has one value.
pub(crate) fn named_once(with: &[Named]) -> Result<(), String> {
    let mut names = HashSet::new();
    match with.iter().find(|of| !names.insert(&of.name)) {
        Some(twice) => Err(format!("`{}` is named twice", twice.name)),
        None => Ok(()),
    }
}

/// The parts are the values of the buckets' own records, all of them.
fn buckets(findings: &mut Findings, all: &[Derived], index: usize, total: &Derived, parts: &[Named]) {
    let own: Vec<&Derived> = all
        .iter()
        .filter(|of| of.version == total.version && of.name == total.name && of.bucket.is_some())
        .collect();
    let stands = |part: &Named| {
        own.iter().any(|of| of.bucket.as_deref() == Some(&*part.name) && of.value == part.value)
    };
    for part in parts.iter().filter(|part| !stands(part)) {
        findings.derived(index, format!("the bucket `{}` has another value of its own", part.name));
    }
    if own.len() != parts.len() {
        findings.derived(index, format!("{} buckets of {}", parts.len(), own.len()));
    }
}

/// A quantity whose name was worked out for the line's version has the value of its record.
pub(crate) fn check_line(findings: &mut Findings, all: &[Derived], index: usize, line: &Line) {
    let Some(quantity) = &line.quantity else { return };
    let (Some(name), Some(unit)) = (&quantity.name, &quantity.unit) else { return };
    let mut of_name =
        all.iter().filter(|of| of.version == line.version && of.name == *name && of.unit == *unit).peekable();
    if of_name.peek().is_none() {
        return;
    }
    let found = of_name.find(|of| of.bucket == quantity.bucket && of.kind == quantity.kind);
    let agrees = found.is_some_and(|of| of.value == quantity.total) && !quantity.measured;
    findings.unless(agrees, index, "quantity", || {
        format!("`{name}` was worked out to be another quantity than {}", quantity.total.0)
    });
}
