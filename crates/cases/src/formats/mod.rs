//! An adapter per tariff format: translates, lets the engine rate, compares.

mod au_cdr;
mod coincident_peak;
mod components;
mod demand_ratchet;
mod eeco;
mod owrs;
mod ratebook;
mod tariff_core;
mod tou_calendar;
mod urdb;

use crate::{Case, Checks, Outcome, Stop};
use std::panic::AssertUnwindSafe;

/// Rates a case and compares; `Err` is why there is nothing to compare.
type Adapter = fn(&Case, &mut Checks) -> Result<(), Stop>;

/// The formats that are known.
const ADAPTERS: &[(&str, Adapter)] = &[
    ("au_cdr_plan", au_cdr::run),
    ("coincident_peak", coincident_peak::run),
    ("components", components::run),
    ("demand_ratchet", demand_ratchet::run),
    ("eeco_csv", eeco::run),
    ("owrs", owrs::run),
    ("ratebook_v0", ratebook::run),
    ("tariff_core_plan_v1", tariff_core::run),
    ("tou_calendar", tou_calendar::run),
    ("urdb", urdb::run),
];

/// The names of the formats.
pub fn names() -> impl Iterator<Item = &'static str> {
    ADAPTERS.iter().map(|(name, _)| *name)
}

/// Runs a case. An adapter that panics has failed with its own case alone.
pub fn run(case: &Case) -> Outcome {
    guarded(|| adapted(case))
}

fn guarded(run: impl FnOnce() -> Outcome) -> Outcome {
    std::panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words");
        Outcome::error(&format!("the adapter panicked: {text}"))
    })
}

fn adapted(case: &Case) -> Outcome {
    let Some((_, adapter)) = ADAPTERS.iter().find(|(name, _)| *name == case.format) else {
        return Stop::because(format!("the tariff format `{}` is not known", case.format)).into();
    };
    let Some(tolerance) = case.tolerance else {
        return Stop::because("the tolerance does not begin with a number").into();
    };
    let mut checks = Checks::new(tolerance);
    match adapter(case, &mut checks) {
        Err(stop) => stop.into(),
        Ok(()) if checks.made() == 0 => Stop::because("nothing that is expected can be compared").into(),
        Ok(()) => {
            let notes = checks.notes().to_vec();
            match checks.into_differences() {
                None => Outcome::Passed { notes },
                Some((expected, found)) => Outcome::Failed { expected, found },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_one_failed_case() {
        let outcome = guarded(|| panic!("at the disco"));
        assert_eq!(outcome, Outcome::error("the adapter panicked: at the disco"));
    }
}
