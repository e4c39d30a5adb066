//! Hours of load and generation.

use super::options::Chosen;
use crate::{Case, Fields, Stop, number};
use vocab::Decimal;
use vocab::decimal::{self, Rounding, STORED_SCALE};

/// What flowed through the meter in each hour of the year, kWh.
pub(super) struct Flows {
    /// Taken from the grid.
    pub(super) taken: Vec<Decimal>,
    /// Given to the grid.
    pub(super) given: Vec<Decimal>,
    /// What was used, whoever made it.
    pub(super) load: Vec<Decimal>,
    /// What was made.
    pub(super) generation: Vec<Decimal>,
    pub(super) has_generation: bool,
}

/// Hours of the simulator's year.
const HOURS: usize = 8_760;
/// Its calendar: 1 January is a Monday, and no day is missing or doubled.
pub(super) const YEAR: i32 = 2018;
/// Its clock, as cases say it.
const CLOCK: &str = "local standard time, no DST";

/// The flows of the year under the metering option.
pub(super) fn flows(case: &Case, chosen: &Chosen) -> Result<Flows, Stop> {
    let inputs = case.inputs();
    inputs.describe(&["note", "notes"]);
    if inputs.whole("interval_minutes")? != Some(60) {
        return Err(Stop::because("intervals of other than 60 minutes"));
    }
    if inputs.whole("calendar_year")?.is_some_and(|year| year != i64::from(YEAR)) {
        return Err(inputs.wrong("calendar_year", "2018: the simulator knows no other"));
    }
    if let Some(clock) = inputs.text("timezone")?.filter(|clock| *clock != CLOCK) {
        return Err(inputs.unknown("timezone", clock));
    }
    let load = scaled(case, &inputs, "load_file", "load_scale")?;
    let load = load.ok_or_else(|| Stop::because("there is no load_file"))?;
    let generation = scaled(case, &inputs, "generation_file", "generation_scale")?;
    inputs.finish()?;
    let has_generation = generation.is_some();
    let generation = generation.unwrap_or_else(|| vec![Decimal::ZERO; load.len()]);
    let (taken, given) = if chosen.metering == 4 {
        (load.clone(), generation.clone())
    } else {
        let hours = load.iter().zip(&generation);
        let net = hours.map(|(load, generation)| decimal::sub(*load, *generation));
        let net = net.collect::<Result<Vec<_>, _>>()?;
        let above = |hour: &Decimal| (*hour).max(Decimal::ZERO);
        (net.iter().map(above).collect(), net.iter().map(|hour| above(&-*hour)).collect())
    };
    Ok(Flows { taken, given, load, generation, has_generation })
}

/// A file of a value per hour, × its scale, rounded to the decimals that are kept.
fn scaled(case: &Case, inputs: &Fields<'_>, file: &str, scale: &str) -> Result<Option<Vec<Decimal>>, Stop> {
    let (path, factor) = (inputs.text(file)?, inputs.number(scale)?);
    let Some(path) = path else {
        let alone = factor.map(|_| Stop::because(format!("a {scale} without a {file}")));
        return alone.map_or(Ok(None), Err);
    };
    let factor = factor.unwrap_or(Decimal::ONE);
    let text = case.file(path)?;
    let values = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let hour = |line: &str| -> Result<Decimal, Stop> {
        let value = number::parse(line).filter(|value| *value >= Decimal::ZERO);
        let value =
            value.ok_or_else(|| Stop::because(format!("`{line}` in {path} is not a number of 0 or more")))?;
        Ok(decimal::round(decimal::mul(value, factor)?, STORED_SCALE, Rounding::HalfEven))
    };
    // A header, when there is one, is a word.
    let is_word = |line: &str| line.starts_with(|first: char| first.is_alphabetic());
    let skipped = values.clone().next().is_some_and(is_word);
    let all = values.skip(usize::from(skipped)).map(hour).collect::<Result<Vec<_>, Stop>>()?;
    if all.len() != HOURS {
        return Err(Stop::because(format!("{path} has {} values, a year has {HOURS}", all.len())));
    }
    Ok(Some(all))
}
