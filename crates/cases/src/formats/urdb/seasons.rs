//! Seasons of energy as a time of use: the simulator keeps credits by period, whatever its hours.

use super::options::{is_energy, period_of, word};
use crate::Stop;
use rating::Label;
use rating::tariff::calendar::TimeOfDay;
use rating::tariff::{
    BucketTiers, Charge, Filling, QuantityKey, Rule, Tariff, Thresholds, Tier, TimeOfUse, Window,
};
use vocab::Unit;

/// Energy rules of seasons price a bucket per period instead.
pub(super) fn as_times_of_use(tariff: &mut Tariff) -> Result<(), Stop> {
    let is_seasonal = |rule: &Rule| is_energy(rule) && rule.season.is_some();
    let Some(first) = tariff.rules.iter().position(is_seasonal) else { return Ok(()) };
    let (seasonal, mut rules): (Vec<Rule>, Vec<Rule>) =
        std::mem::take(&mut tariff.rules).into_iter().partition(is_seasonal);
    let mut windows = Vec::with_capacity(seasonal.len());
    for rule in &seasonal {
        windows.push(Window {
            bucket: bucket(rule)?,
            season: rule.season.clone(),
            months: Vec::new(),
            dates: Vec::new(),
            days: Vec::new(),
            from: time_of_day(0)?,
            to: time_of_day(1_440)?,
        });
    }
    tariff.calendar.times_of_use.push(TimeOfUse { id: word("energy")?, windows, otherwise: None });
    let single = seasonal.iter().all(|rule| matches!(rule.charge, Charge::Unit { .. }));
    let priced = if single { by_bucket(seasonal)? } else { vec![tiered(seasonal)?] };
    rules.splice(first..first, priced);
    tariff.rules = rules;
    Ok(())
}

fn time_of_day(minutes: u16) -> Result<TimeOfDay, Stop> {
    TimeOfDay::from_minutes(minutes).ok_or_else(|| Stop::because("no time of day"))
}

fn bucket(rule: &Rule) -> Result<rating::Word, Stop> {
    word(&format!("e{}", period_of(&rule.id)?))
}

fn by_bucket(seasonal: Vec<Rule>) -> Result<Vec<Rule>, Stop> {
    let mut all = seasonal;
    for rule in &mut all {
        let bucket = bucket(rule)?;
        rule.season = None;
        if let Charge::Unit { quantity, .. } = &mut rule.charge {
            quantity.bucket = Some(bucket);
        }
    }
    Ok(all)
}

/// One rule of all their tiers.
fn tiered(seasonal: Vec<Rule>) -> Result<Rule, Stop> {
    let mut buckets = Vec::with_capacity(seasonal.len());
    let mut per = Thresholds::Period;
    for rule in seasonal {
        let bucket = bucket(&rule)?;
        let tiers = match rule.charge {
            Charge::Unit { price, .. } => vec![Tier { up_to: None, price, flat: None }],
            Charge::Tiered { thresholds, tiers, .. } => {
                per = thresholds;
                tiers
            }
            _ => return Err(Stop::because("a season of energy that is neither a price nor tiers")),
        };
        buckets.push(BucketTiers { bucket, tiers });
    }
    let quantity = QuantityKey::usage(Unit::Kwh);
    let charge = Charge::TimeOfUseTiered { quantity, filling: Filling::ByUse, thresholds: per, buckets };
    let label = Label::english("energy").ok_or_else(|| Stop::because("a label"))?;
    Ok(Rule::new(word("energy")?, label, charge))
}
