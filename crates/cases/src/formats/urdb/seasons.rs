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

#[cfg(test)]
mod tests {
    use super::super::{checked, imported};
    use super::*;
    use rating::urdb::PerDay;
    use serde_json::{Value, json};

    /// The tariff of two seasons at these prices, by its periods.
    fn by_period(periods: Value) -> Tariff {
        let days: Vec<Vec<usize>> = (0..12).map(|month| vec![usize::from(month < 5); 24]).collect();
        let form = json!({"energyratestructure": periods, "energyweekdayschedule": days,
            "energyweekendschedule": days, "fixedchargefirstmeter": 5, "mincharge": 9});
        let mut tariff = imported(&form, PerDay::TwelfthOfYear, &[]).unwrap();
        assert!(tariff.calendar.times_of_use.is_empty());
        as_times_of_use(&mut tariff).unwrap();
        checked(tariff.clone()).unwrap();
        tariff
    }

    fn ids(tariff: &Tariff) -> Vec<&str> {
        tariff.rules.iter().map(|rule| rule.id.as_str()).collect()
    }

    #[test]
    fn a_price_of_a_season_is_of_a_bucket_on_its_days() {
        let tariff = by_period(json!([[{"rate": 0.1}], [{"rate": 0.2}]]));
        assert_eq!(ids(&tariff), ["fixed", "energy-0", "energy-1", "minimum"]);
        let windows = tariff.calendar.times_of_use[0].windows.iter();
        let windows: Vec<_> = windows.map(|of| (of.bucket.as_str(), of.season.as_ref().unwrap())).collect();
        let [first, second] = [0, 1].map(|at| &tariff.calendar.seasons[at].id);
        assert_eq!(windows, [("e0", first), ("e1", second)]);
        for (rule, name) in tariff.rules[1..3].iter().zip(["e0", "e1"]) {
            let Charge::Unit { quantity, .. } = &rule.charge else { panic!("{rule:?}") };
            assert_eq!((quantity.bucket.as_ref().unwrap().as_str(), &rule.season), (name, &None));
        }
    }

    #[test]
    fn tiers_of_seasons_are_one_rule_of_buckets() {
        let day = "kWh daily";
        let tariff =
            by_period(json!([[{"rate": 0.1}], [{"rate": 0.2, "max": 9, "unit": day}, {"rate": 0.3}]]));
        assert_eq!(ids(&tariff), ["fixed", "energy", "minimum"]);
        let Charge::TimeOfUseTiered { buckets, thresholds, .. } = &tariff.rules[1].charge else { panic!() };
        let tiers = buckets.iter().map(|of| (of.bucket.as_str(), of.tiers.len()));
        assert_eq!(tiers.collect::<Vec<_>>(), [("e0", 1), ("e1", 2)]);
        assert_eq!(*thresholds, Thresholds::Day);
    }
}
