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
mod ratchet;
mod reopt;
mod seasons;

use crate::{Case, Checks, Stop};
use rating::RateVersion;
use rating::tariff::Tariff;
use rating::urdb::{PerDay, Terms, import};
use serde_json::value::to_raw_value;
use serde_json::{Map, Value};
use time::macros::date;
use vocab::Currency;

/// Fields of the form that neither simulator prices.
const LEFT_OUT: &[&str] = &["demandreactivepowercharge", "fixedchargeeaaddl"];
/// Those that PySAM's reading of the form passes over besides.
const LEFT_OUT_OF_HOURLY: &[&str] = &["fueladjustmentsmonthly", "minmonthlycharge"];

/// Rates a case and compares.
///
/// # Errors
/// [`Stop`]: why there is nothing to compare.
pub fn run(case: &Case, checks: &mut Checks) -> Result<(), Stop> {
    if case.kind == "reopt_test" {
        return reopt::run(case, checks);
    }
    let (form, chosen) = options::separate(&form(case))?;
    let flows = loads::flows(case, &chosen)?;
    let tariff = imported(&form, PerDay::TwelfthOfYear, LEFT_OUT_OF_HOURLY)?;
    let version = |look_back| {
        checked(options::rewritten(tariff.clone(), &form, &chosen, flows.has_generation, look_back)?)
    };
    let look_back = chosen.ratchet.as_ref().map_or(0, |ratchet| ratchet.look_back);
    // The simulator looks back one month further where that month is of the year before.
    let (far, near) = (version(look_back + 1)?, version(look_back)?);
    let version_of = |month: u8| if month <= look_back + 1 { &far } else { &near };
    let year = months::rate_year(version_of, &flows, &chosen)?;
    compare::check(case, &year, &flows, &chosen, checks)
}

/// The form with its names in lower case, as the database's own tools read them.
fn form(case: &Case) -> Map<String, Value> {
    case.tariff.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect()
}

/// The tariff by the product's own importer, without what the simulator does not price.
fn imported(form: &Value, per_day: PerDay, left_out: &[&str]) -> Result<Tariff, Stop> {
    let mut form = form.clone();
    if let Value::Object(fields) = &mut form {
        fields.retain(|name, _| !LEFT_OUT.contains(&name.as_str()) && !left_out.contains(&name.as_str()));
        let periods = fields.get_mut("energyratestructure").and_then(Value::as_array_mut);
        let tiers = periods.into_iter().flatten().filter_map(Value::as_array_mut).flatten();
        for tier in tiers.filter_map(Value::as_object_mut) {
            // What is sold is no charge: the metering option has these prices.
            tier.remove("sell");
        }
    }
    // The case's year may lie before the tariff's own start.
    let terms = Terms { effective_on: Some(date!(2000 - 01 - 01)), per_day, ..Terms::default() };
    let form = to_raw_value(&form).map_err(|error| Stop::because(error.to_string()))?;
    let imported = import(&form, &terms).map_err(|refusals| {
        let all: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        Stop::because(all.join("; "))
    })?;
    Ok(imported.tariff)
}

fn checked(tariff: Tariff) -> Result<RateVersion, Stop> {
    Ok(RateVersion::from_tariff(tariff, &Currency::UNROUNDED)?)
}
