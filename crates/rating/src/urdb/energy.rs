//! Energy by period and tier.

use super::fields::{Fields, limit, number};
use super::schedule::Schedule;
use super::{Draft, word};
use crate::tariff::{
    BucketTiers, Charge, Derived, Filling, Operand, Price, QuantityKey, QuantityKind, Source, Thresholds,
    Tier, Top,
};
use serde_json::Value;
use std::collections::BTreeMap;
use vocab::decimal::{self, Rounding};
use vocab::{Decimal, Unit};

/// A period's tiers: where each ends, and its price.
pub(super) struct Period {
    pub(super) tiers: Vec<(Option<Decimal>, Decimal)>,
    /// Of the limits; none where there is no limit.
    pub(super) unit: Option<String>,
}

impl Period {
    /// Whether it never charges.
    pub(super) fn is_free(&self) -> bool {
        self.tiers.iter().all(|(_, price)| price.is_zero())
    }

    pub(super) fn tiers(&self) -> Vec<Tier> {
        let tier = |(up_to, price): &(Option<Decimal>, Decimal)| Tier {
            up_to: up_to.map(Top::Fixed),
            price: Price::Fixed(*price),
            flat: None,
        };
        self.tiers.iter().map(tier).collect()
    }
}

/// The periods of a rate structure.
pub(super) fn periods(fields: &Fields, draft: &mut Draft, name: &str) -> Option<Vec<Period>> {
    let value = fields.get(name)?;
    let all =
        value.as_array().and_then(|periods| periods.iter().map(Value::as_array).collect::<Option<Vec<_>>>());
    let Some(all) = all.filter(|all| !all.is_empty() && all.iter().all(|tiers| !tiers.is_empty())) else {
        draft.refuse(name, "a list of periods, each a list of tiers, is needed");
        return None;
    };
    let mut read = Vec::with_capacity(all.len());
    for tiers in all {
        read.push(period(draft, name, tiers)?);
    }
    Some(read)
}

fn period(draft: &mut Draft, name: &str, all: &[Value]) -> Option<Period> {
    let mut period = Period { tiers: Vec::with_capacity(all.len()), unit: None };
    let mut below = Decimal::ZERO;
    for (at, tier) in all.iter().enumerate() {
        let Value::Object(parts) = tier else {
            draft.refuse(name, "a tier is an object");
            return None;
        };
        let known = ["rate", "adj", "max", "unit", "sell"];
        if let Some(unknown) = parts.keys().find(|part| !known.contains(&part.to_lowercase().as_str())) {
            draft.refuse(name, format!("`{unknown}` of a tier is not known"));
        }
        let money = |part: &str| match parts.get(part).filter(|value| !value.is_null()) {
            None => Some(Decimal::ZERO),
            Some(value) => number(value),
        };
        let price = money("rate").zip(money("adj")).and_then(|(rate, adj)| decimal::add(rate, adj).ok());
        let (Some(price), Ok(up_to)) = (price, limit(parts.get("max"))) else {
            draft.refuse(name, "a tier's rate, adj and max are numbers");
            return None;
        };
        let last = at + 1 == all.len();
        if let (Some(top), true) = (up_to, last) {
            draft.notes.push(format!("{name}: the last tier ends at {top}; what lies above is priced alike"));
        }
        let up_to = up_to.filter(|_| !last);
        match up_to {
            None if !last => {
                draft.refuse(name, "a tier without a limit is followed by another");
                return None;
            }
            Some(top) if top <= below => {
                draft.refuse(name, "each tier ends above the one before it");
                return None;
            }
            Some(top) => {
                below = top;
                let unit = parts.get("unit").and_then(Value::as_str).unwrap_or("").trim();
                let same = period.unit.as_ref().is_none_or(|known| known == unit);
                if !same {
                    draft.refuse(name, "the tiers of a period have different units");
                }
                period.unit = Some(unit.to_owned());
            }
            None => {}
        }
        period.tiers.push((up_to, price));
    }
    Some(period)
}

/// Energy charges and monthly adjustments.
pub(super) fn charges(fields: &Fields, draft: &mut Draft) {
    let Some(periods) = periods(fields, draft, "energyratestructure") else { return };
    let (used, schedule) = if periods.len() == 1 {
        (vec![0], None)
    } else {
        let Some(schedule) = Schedule::read(fields, draft, "energy", periods.len()) else { return };
        (schedule.used(), Some(schedule))
    };
    let Some(thresholds) = thresholds(draft, used.iter().map(|period| &periods[*period])) else { return };
    let kwh = QuantityKey::usage(Unit::Kwh);
    if let [only] = used.as_slice() {
        let period = &periods[*only];
        let charge = match period.tiers.as_slice() {
            [(_, price)] => Charge::Unit { quantity: kwh, price: Price::Fixed(*price) },
            _ => Charge::Tiered { quantity: kwh, thresholds, tiers: period.tiers() },
        };
        let label = if period.tiers.len() == 1 { "Energy" } else { "Energy, tier {tier}" };
        draft.rule("energy", label, charge, None);
    } else if let Some(schedule) = schedule {
        let Some(times) = schedule.windows("energy", "e") else { return };
        draft.tariff.calendar.times_of_use.push(times);
        by_period(draft, &periods, &used, thresholds);
    }
    adjustments(fields, draft);
}

fn by_period(draft: &mut Draft, periods: &[Period], used: &[usize], thresholds: Thresholds) {
    let kwh = QuantityKey::usage(Unit::Kwh);
    if used.iter().all(|period| periods[*period].tiers.len() == 1) {
        for period in used {
            let Some(bucket) = word(&format!("e{period}")) else { return };
            let price = Price::Fixed(periods[*period].tiers[0].1);
            let charge = Charge::Unit { quantity: kwh.clone().in_bucket(bucket), price };
            draft.rule(&format!("energy-{period}"), &format!("Energy, period {period}"), charge, None);
        }
        return;
    }
    let bucket = |period: &usize| {
        Some(BucketTiers { bucket: word(&format!("e{period}"))?, tiers: periods[*period].tiers() })
    };
    let Some(buckets) = used.iter().map(bucket).collect::<Option<Vec<_>>>() else { return };
    let charge = Charge::TimeOfUseTiered { quantity: kwh, filling: Filling::ByUse, thresholds, buckets };
    draft.rule("energy", "Energy, {bucket}, tier {tier}", charge, None);
}

/// What the limits of these periods are in; one for all of them.
fn thresholds<'p>(draft: &mut Draft, periods: impl Iterator<Item = &'p Period>) -> Option<Thresholds> {
    let mut units: Vec<&str> = periods.filter_map(|period| period.unit.as_deref()).collect();
    units.sort_unstable();
    units.dedup();
    let field = "energyratestructure";
    let unit = match units.as_slice() {
        [] => return Some(Thresholds::Period),
        [unit] => unit.to_lowercase(),
        _ => {
            draft.refuse(field, format!("periods with limits in different units: {}", units.join(", ")));
            return None;
        }
    };
    let kw = QuantityKey::peak(Unit::Kw);
    match unit.as_str() {
        "" | "kwh" => Some(Thresholds::Period),
        "kwh daily" => Some(Thresholds::Day),
        "kwh/kw" => Some(Thresholds::Quantity { of: kw }),
        "kwh/kw daily" => {
            let name = word("kw_days")?;
            let with = BTreeMap::from([(word("kw")?, Operand::Quantity(kw))]);
            let of = Derived {
                name,
                unit: Unit::Kw,
                kind: QuantityKind::Level,
                from: Source::Formula { with, value: "kw * days".to_owned() },
                decimals: None,
                rounding: Rounding::HalfAwayFromZero,
            };
            let key = of.key(None);
            draft.tariff.quantities.push(of);
            Some(Thresholds::Quantity { of: key })
        }
        other => {
            draft.refuse(field, format!("limits in `{other}`"));
            None
        }
    }
}

/// A price per kWh that is added in each month.
fn adjustments(fields: &Fields, draft: &mut Draft) {
    let Some(monthly) = fields.monthly(draft, "fueladjustmentsmonthly") else { return };
    for (at, price) in monthly.iter().enumerate() {
        if price.is_zero() || monthly[..at].contains(price) {
            continue;
        }
        let alike = (1..).zip(&monthly).filter(|(_, other)| *other == price);
        let months: Vec<u8> = alike.map(|(month, _)| month).collect();
        let season = draft.season(&months);
        let charge = Charge::Unit { quantity: QuantityKey::usage(Unit::Kwh), price: Price::Fixed(*price) };
        draft.rule(&format!("adjustment-{}", at + 1), "Fuel adjustment", charge, season);
    }
}
