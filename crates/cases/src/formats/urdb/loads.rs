//! Hours of load and generation.

use super::options::Chosen;
use crate::{Case, Stop, number};
use vocab::Decimal;
use vocab::decimal::{self, STORED_SCALE};

/// What flowed through the meter in each hour, in 10^-8 kWh.
pub(super) struct Flows {
    /// Taken from the grid.
    pub(super) taken: Vec<i64>,
    /// Given to the grid.
    pub(super) given: Vec<i64>,
    /// What was used, whoever made it.
    pub(super) load: Vec<i64>,
    pub(super) has_generation: bool,
}

/// Decimals of the flows.
pub(super) const SCALE: u32 = 8;

/// The flows of the year under the metering option.
pub(super) fn flows(case: &Case, chosen: &Chosen) -> Result<Flows, Stop> {
    let inputs = &case.inputs;
    if inputs.get("interval_minutes").and_then(serde_json::Value::as_u64) != Some(60) {
        return Err(Stop::because("intervals of other than 60 minutes"));
    }
    let load =
        scaled(case, "load_file", "load_scale")?.ok_or_else(|| Stop::because("there is no load_file"))?;
    let generation = scaled(case, "generation_file", "generation_scale")?;
    let has_generation = generation.is_some();
    let generation = generation.unwrap_or_else(|| vec![0; load.len()]);
    if generation.len() != load.len() {
        return Err(Stop::because("load and generation have different lengths"));
    }
    let net = |(load, generation): (&i64, &i64)| load - generation;
    let (taken, given) = if chosen.metering == 4 {
        (load.clone(), generation)
    } else {
        let net: Vec<i64> = load.iter().zip(&generation).map(net).collect();
        (net.iter().map(|hour| (*hour).max(0)).collect(), net.iter().map(|hour| (-hour).max(0)).collect())
    };
    Ok(Flows { taken, given, load, has_generation })
}

fn scaled(case: &Case, file: &str, scale: &str) -> Result<Option<Vec<i64>>, Stop> {
    let inputs = &case.inputs;
    let Some(path) = inputs.get(file).and_then(serde_json::Value::as_str) else { return Ok(None) };
    let factor = match inputs.get(scale) {
        None => Decimal::ONE,
        Some(value) => {
            number::read(value).ok_or_else(|| Stop::because(format!("{scale} is not a number")))?
        }
    };
    let text = case.file(path)?;
    let values = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let hour = |line: &str| -> Result<i64, Stop> {
        let value = decimal::parse(line)
            .ok_or_else(|| Stop::because(format!("`{line}` in {path} is not a number")))?;
        let value = decimal::mul(value, factor).map_err(|error| Stop::because(error.to_string()))?;
        raw(value).ok_or_else(|| Stop::because(format!("`{line}` in {path} has too many digits")))
    };
    // A header, when there is one, is no number.
    let skipped = values.clone().next().is_some_and(|first| decimal::parse(first).is_none());
    values.skip(usize::from(skipped)).map(hour).collect::<Result<_, _>>().map(Some)
}

fn raw(value: Decimal) -> Option<i64> {
    let mut value = value.normalize();
    if value.scale() > SCALE.min(STORED_SCALE) {
        return None;
    }
    value.rescale(SCALE);
    i64::try_from(value.mantissa()).ok()
}
