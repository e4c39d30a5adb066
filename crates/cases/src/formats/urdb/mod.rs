//! The public utility rate database's form (`urdb`), under the conventions of PySAM's Utilityrate5
//! (kind `pysam_hourly`) and of REopt (kind `reopt_test`).
//!
//! The product's own importer makes the tariff; [`options`] rewrites it for the simulator's options
//! of metering and billing demand; [`loads`] reads hours; a year is twelve calendar months, each
//! rated with the memory of those before it; [`compare`] reads the lines by rule.

mod compare;
mod loads;
mod months;
mod options;
mod reopt;

use crate::{Case, Checks, Stop};
use rating::RateVersion;
use rating::tariff::Tariff;
use rating::urdb::{PerDay, Terms, import};
use serde_json::Value;
use vocab::Currency;

/// Fields of the form that neither simulator prices.
const LEFT_OUT: &[&str] = &["demandreactivepowercharge", "fixedchargeeaaddl"];

/// Rates a case and compares.
///
/// # Errors
/// [`Stop`]: why there is nothing to compare.
pub fn run(case: &Case, checks: &mut Checks) -> Result<(), Stop> {
    if case.kind == "reopt_test" {
        return reopt::run(case, checks);
    }
    let (form, chosen) = options::separate(&case.tariff)?;
    let flows = loads::flows(case, &chosen)?;
    let tariff = imported(&form, PerDay::TwelfthOfYear)?;
    let tariff = options::rewritten(tariff, &form, &chosen, flows.has_generation)?;
    let version = checked(tariff)?;
    let year = months::rate_year(&version, &flows, &chosen)?;
    compare::check(case, &year, &flows, &chosen, checks)
}

/// The tariff by the product's own importer; fields that the simulators do not price are left out.
fn imported(form: &Value, per_day: PerDay) -> Result<Tariff, Stop> {
    let leave_out = LEFT_OUT.iter().map(|name| (*name).to_owned()).collect();
    let terms = Terms { per_day, leave_out, ..Terms::default() };
    let imported = import(form, &terms).map_err(|refusals| {
        let all: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        Stop::because(all.join("; "))
    })?;
    // The case's year may lie before the tariff's own start.
    Ok(Tariff { effective_on: Terms::default().effective_on, ..imported.tariff })
}

fn checked(tariff: Tariff) -> Result<RateVersion, Stop> {
    Ok(RateVersion::from_tariff(tariff, &Currency::UNROUNDED)?)
}
