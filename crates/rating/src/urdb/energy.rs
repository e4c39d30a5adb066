//! Energy by period and tier.

use super::fields::{Fields, escaped, limit, number};
use super::json::Json;
use super::schedule::Schedule;
use super::{Draft, word};
use crate::tariff::{
    BucketTiers, Charge, Derived, Filling, Operand, Price, QuantityKey, QuantityKind, Source, Thresholds,
    Tier, Top,
};
use std::collections::BTreeMap;
use vocab::decimal::{self, Rounding};
use vocab::{Decimal, Unit};

/// A period's tiers: where each ends, and its price.
pub(super) struct Period {
    pub(super) tiers: Vec<(Option<Decimal>, Decimal)>,
    /// Of the limits; none where there is no limit.
    unit: Option<&'static str>,
    /// What a tier says that it is in, in small letters.
    pub(super) said: Option<&'static str>,
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
        value.as_list().and_then(|periods| periods.iter().map(Json::as_list).collect::<Option<Vec<_>>>());
    let Some(all) = all.filter(|all| !all.is_empty() && all.iter().all(|tiers| !tiers.is_empty())) else {
        draft.refuse(name, "a list of periods, each a list of tiers, is needed");
        return None;
    };
    let mut read = Vec::with_capacity(all.len());
    for (at, tiers) in all.into_iter().enumerate() {
        read.push(period(draft, name, at, tiers)?);
    }
    Some(read)
}

fn period(draft: &mut Draft, name: &str, number: usize, all: &[Json]) -> Option<Period> {
    let mut period = Period { tiers: Vec::with_capacity(all.len()), unit: None, said: None };
    let mut below = Decimal::ZERO;
    let plain = units(name)[0];
    let mut said = None;
    for (at, tier) in all.iter().enumerate() {
        let place = format!("/{number}/{at}");
        let Members { price, up_to, unit } = members(draft, name, &place, tier)?;
        let last = at + 1 == all.len();
        if let (Some(top), true) = (up_to, last) {
            draft.notes.push(format!("{name}: the last tier ends at {top}; what lies above is priced alike"));
        }
        let up_to = up_to.filter(|_| !last);
        match up_to {
            None if !last => {
                draft.refuse_in(name, &place, "a tier without a limit is followed by another");
                return None;
            }
            Some(top) if top <= below => {
                draft.refuse_in(name, &place, "each tier ends above the one before it");
                return None;
            }
            Some(top) => {
                below = top;
                period.unit = Some(unit.unwrap_or(plain));
            }
            None => {}
        }
        period.said = period.said.or(unit);
        // A tier without a limit needs no unit, but may not say another one.
        let unit = unit.or_else(|| up_to.map(|_| plain));
        if said.zip(unit).is_some_and(|(said, unit)| said != unit) {
            draft.refuse_in(name, &format!("{place}/unit"), "the tiers of a period have different units");
            return None;
        }
        said = said.or(unit);
        period.tiers.push((up_to, price));
    }
    Some(period)
}

/// What a tier says.
struct Members {
    price: Decimal,
    up_to: Option<Decimal>,
    /// In small letters.
    unit: Option<&'static str>,
}

/// A tier's members, by their names in any case. A tier without a rate is refused: nothing says that
/// it is free.
fn members(draft: &mut Draft, name: &str, place: &str, tier: &Json) -> Option<Members> {
    let Json::Object(all) = tier else {
        draft.refuse_in(name, place, "a tier is an object");
        return None;
    };
    let before = draft.refusals.len();
    let mut parts: BTreeMap<String, &Json> = BTreeMap::new();
    for (own, value) in all {
        let (lower, place) = (own.to_lowercase(), format!("{place}/{}", escaped(own)));
        if !["rate", "adj", "max", "unit", "sell"].contains(&lower.as_str()) {
            draft.refuse_in(name, &place, "this member of a tier is not known");
        } else if parts.insert(lower, value).is_some() {
            draft.refuse_in(name, &place, "the member is given twice");
        }
    }
    let part = |member: &str| parts.get(member).copied().filter(|value| !value.is_null());
    let Some(rate) = part("rate") else {
        draft.refuse_in(name, &format!("{place}/rate"), "a tier needs its rate");
        return None;
    };
    sold(draft, name, place, part("sell"));
    let added = part("adj").map_or(Some(Decimal::ZERO), number);
    let price = number(rate).zip(added).and_then(|(rate, added)| decimal::add(rate, added).ok());
    let (Some(price), Ok(up_to)) = (price, limit(part("max"))) else {
        draft.refuse_in(name, place, "a tier's rate, adj and max are numbers");
        return None;
    };
    let Some(unit) = part("unit").map_or(Some(""), Json::as_text) else {
        draft.refuse_in(name, place, "a tier's unit is a text");
        return None;
    };
    let unit = match unit.trim().to_lowercase().as_str() {
        "" => None,
        own => {
            let known = units(name).iter().copied().find(|known| *known == own);
            if known.is_none() {
                draft.refuse_in(name, &format!("{place}/unit"), format!("a tier in `{own}`"));
            }
            known
        }
    };
    (draft.refusals.len() == before).then_some(Members { price, up_to, unit })
}

/// The structure whose tiers are of energy.
const ENERGY: &str = "energyratestructure";

/// What the tiers of a structure may be in, in small letters; the first where they say nothing.
fn units(name: &str) -> &'static [&'static str] {
    if name == ENERGY { &["kwh", "kwh daily", "kwh/kw", "kwh/kw daily"] } else { &["kw", "kva"] }
}

/// What is paid for exports changes no charge for use: it is said once. Demand is not sold.
fn sold(draft: &mut Draft, name: &str, place: &str, sell: Option<&Json>) {
    let Some(sell) = sell.filter(|sell| number(sell).is_none_or(|price| !price.is_zero())) else { return };
    let note = format!("{name}: sell: no rule pays for what is given to the grid");
    if number(sell).is_none() {
        draft.refuse_in(name, place, "a tier's sell is a number");
    } else if name != ENERGY {
        draft.refuse_in(name, place, "demand is not sold");
    } else if !draft.notes.contains(&note) {
        draft.notes.push(note);
    }
}

/// Energy charges.
pub(super) fn charges(fields: &Fields, draft: &mut Draft) {
    let Some(periods) = periods(fields, draft, ENERGY) else { return };
    let Some(schedule) = Schedule::read(fields, draft, "energy", periods.len()) else { return };
    let used = schedule.used();
    let Some(thresholds) = thresholds(draft, used.iter().map(|period| &periods[*period])) else { return };
    if schedule.is_of_months() {
        by_season(draft, &periods, &schedule, &thresholds);
    } else {
        let Some(times) = schedule.windows("energy", "e") else { return };
        draft.tariff.calendar.times_of_use.push(times);
        let buckets: Vec<String> = used.iter().map(|period| format!("e{period}")).collect();
        draft.needs("energy by time of use: registers of kWh", &buckets);
        by_period(draft, &periods, &used, thresholds);
    }
}

/// Every hour of a month has one price: the use of a season is priced, whatever its hours. A bill over
/// the turn of a season has its tiers by the days of each.
fn by_season(draft: &mut Draft, periods: &[Period], schedule: &Schedule, thresholds: &Thresholds) {
    let used = schedule.used();
    for period in &used {
        let (quantity, of) = (QuantityKey::usage(Unit::Kwh), &periods[*period]);
        let (label, charge) = match of.tiers.as_slice() {
            [(_, price)] => ("Energy", Charge::Unit { quantity, price: Price::Fixed(*price) }),
            _ => {
                let thresholds = thresholds.clone();
                ("Energy, tier {tier}", Charge::Tiered { quantity, thresholds, tiers: of.tiers() })
            }
        };
        let id = if used.len() == 1 { "energy".to_owned() } else { format!("energy-{period}") };
        let season = draft.season(&schedule.months(*period));
        draft.rule(&id, label, charge, season);
    }
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
    let mut units: Vec<&str> = periods.filter_map(|period| period.unit).collect();
    units.sort_unstable();
    units.dedup();
    let field = ENERGY;
    let unit = match units.as_slice() {
        [] => return Some(Thresholds::Period),
        [unit] => *unit,
        _ => {
            draft.refuse(field, format!("periods with limits in different units: {}", units.join(", ")));
            return None;
        }
    };
    let kw = QuantityKey::peak(Unit::Kw);
    match unit {
        "kwh" => Some(Thresholds::Period),
        "kwh daily" => Some(Thresholds::Day),
        "kwh/kw" => {
            draft.needs("energy by hours of use: a register of demand in kW", &[]);
            Some(Thresholds::Quantity { of: kw })
        }
        "kwh/kw daily" => {
            draft.needs("energy by hours of use: a register of demand in kW", &[]);
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
/// Monthly adjustments, which stand for themselves: a form without energy prices may have them.
pub(super) fn adjustments(fields: &Fields, draft: &mut Draft) {
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
