//! An adapter per tariff format: translates, lets the engine rate, compares.

mod coincident_peak;
mod components;
mod demand_ratchet;
mod eeco;
mod owrs;
mod ratebook;
mod tou_calendar;
mod urdb;

use crate::{Case, Checks, Outcome, Stop};

/// Rates a case and compares; `Err` is why there is nothing to compare.
type Adapter = fn(&Case, &mut Checks) -> Result<(), Stop>;

/// The formats that are known.
const ADAPTERS: &[(&str, Adapter)] = &[
    ("coincident_peak", coincident_peak::run),
    ("components", components::run),
    ("demand_ratchet", demand_ratchet::run),
    ("eeco_csv", eeco::run),
    ("owrs", owrs::run),
    ("ratebook_v0", ratebook::run),
    ("tou_calendar", tou_calendar::run),
    ("urdb", urdb::run),
];

/// Runs a case.
pub fn run(case: &Case) -> Outcome {
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
