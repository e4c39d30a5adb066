//! Flat and time-of-use demand, and look-back demand.

use super::energy::{Period, periods};
use super::fields::{Fields, is_nothing, whole};
use super::schedule::Schedule;
use super::{Draft, word};
use crate::tariff::{Charge, Demand, Derived, Price, QuantityKey, QuantityKind, Source, Thresholds};
use vocab::decimal::{self, Rounding};
use vocab::{Decimal, Unit};

/// Months that a year's look-back covers.
const YEAR: u8 = 12;

/// Demand charges.
pub(super) fn charges(fields: &Fields, draft: &mut Draft) {
    if let Some(minutes) = fields.whole(draft, "demandwindow").filter(|minutes| *minutes > 0) {
        match u16::try_from(minutes).ok().filter(|minutes| 1_440 % minutes == 0) {
            Some(minutes) => {
                draft.tariff.demand = Some(Demand { minutes, rolling: false });
                draft.notes.push(format!("demandwindow: registers show demand over {minutes} minutes"));
            }
            None => draft.refuse("demandwindow", "not minutes that divide a day"),
        }
    }
    let Ok(lookback) = lookback(fields, draft) else { return };
    flat(fields, draft, lookback.as_ref());
    by_time(fields, draft, lookback.as_ref());
}

/// What is billed in kW or kVA; anything else, and tiers in another unit, are refused.
fn unit(
    fields: &Fields,
    draft: &mut Draft,
    names: [&str; 2],
    structure: &str,
    all: &[Period],
) -> Option<Unit> {
    let unit = stated(fields, draft, names)?;
    let own = symbol(unit).to_lowercase();
    if let Some(other) = all.iter().filter_map(|of| of.said).find(|said| *said != own) {
        draft.refuse(structure, format!("tiers in `{other}` of demand that is billed in {}", symbol(unit)));
        return None;
    }
    Some(unit)
}

fn stated(fields: &Fields, draft: &mut Draft, names: [&str; 2]) -> Option<Unit> {
    for name in names {
        let before = draft.refusals.len();
        match fields.unit(draft, name) {
            None if draft.refusals.len() > before => return None,
            None | Some("") => {}
            Some("kW") => return Some(Unit::Kw),
            Some("kVA") => return Some(Unit::Kva),
            Some(other) => {
                draft.refuse(name, format!("demand in `{other}`"));
                return None;
            }
        }
    }
    Some(Unit::Kw)
}

fn charge(period: &Period, quantity: QuantityKey) -> Charge {
    match period.tiers.as_slice() {
        [(_, price)] => Charge::Unit { quantity, price: Price::Fixed(*price) },
        _ => Charge::Tiered { quantity, thresholds: Thresholds::Period, tiers: period.tiers() },
    }
}

fn flat(fields: &Fields, draft: &mut Draft, lookback: Option<&Lookback>) {
    let name = "flatdemandstructure";
    let Some(all) = periods(fields, draft, name) else { return };
    let Some(months) = period_of_months(fields, draft, all.len()) else { return };
    if all.iter().all(Period::is_free) {
        return;
    }
    let units = ["flatdemandunit", "flatdemandunits"];
    let Some(unit) = unit(fields, draft, units, name, &all) else { return };
    let Some(quantity) = looked_back(draft, unit, lookback) else { return };
    draft.needs(&format!("demand: a register of {}", symbol(unit)), &[]);
    for (at, period) in all.iter().enumerate() {
        let own = (1..).zip(&months).filter(|(_, of)| **of == at);
        let own: Vec<u8> = own.map(|(month, _)| month).collect();
        if own.is_empty() || period.is_free() {
            continue;
        }
        let season = draft.season(&own);
        draft.rule(&format!("demand-flat-{at}"), "Demand", charge(period, quantity.clone()), season);
    }
}

const fn symbol(unit: Unit) -> &'static str {
    if matches!(unit, Unit::Kva) { "kVA" } else { "kW" }
}

/// Which of the periods each month has.
fn period_of_months(fields: &Fields, draft: &mut Draft, periods: usize) -> Option<Vec<usize>> {
    let name = "flatdemandmonths";
    let Some(value) = fields.get(name) else {
        if periods == 1 {
            return Some(vec![0; 12]);
        }
        draft.refuse(name, "it says which period each month has");
        return None;
    };
    let months: Option<Vec<usize>> = value.as_list().and_then(|all| {
        all.iter().map(|of| usize::try_from(whole(of)?).ok().filter(|of| *of < periods)).collect()
    });
    let months = months.filter(|months| months.len() == 12);
    if months.is_none() {
        draft.refuse(name, format!("not twelve whole numbers below {periods}, the count of the periods"));
    }
    months
}

fn by_time(fields: &Fields, draft: &mut Draft, lookback: Option<&Lookback>) {
    let name = "demandratestructure";
    let Some(all) = periods(fields, draft, name) else { return };
    if all.iter().all(Period::is_free) {
        return;
    }
    let Some(unit) = unit(fields, draft, ["demandrateunit", "demandunits"], name, &all) else { return };
    if lookback.is_some() {
        draft.refuse("lookbackpercent", "a look-back on demand by time of use is not clear in the form");
        return;
    }
    let key = QuantityKey::peak(unit);
    let Some(schedule) = Schedule::read(fields, draft, "demand", all.len()) else { return };
    let of_months = schedule.is_of_months();
    if !of_months {
        let Some(times) = schedule.windows("demand", "d") else { return };
        draft.tariff.calendar.times_of_use.push(times);
    }
    let mut buckets = Vec::new();
    for period in schedule.used() {
        if all[period].is_free() {
            continue;
        }
        // Whole prices are of whole months: a period is charged for the days of those that have it.
        let season = draft.season(&schedule.months(period));
        let mut quantity = key.clone();
        let mut label = "Demand".to_owned();
        if !of_months {
            let name = format!("d{period}");
            let Some(bucket) = word(&name) else { return };
            buckets.push(name);
            quantity = quantity.in_bucket(bucket);
            label = format!("Demand, period {period}");
        }
        draft.rule(&format!("demand-tou-{period}"), &label, charge(&all[period], quantity), season);
    }
    if of_months {
        draft.needs(&format!("demand: a register of {}", symbol(unit)), &[]);
    } else if !buckets.is_empty() {
        draft.needs(&format!("demand by time of use: registers of {}", symbol(unit)), &buckets);
    }
}

/// What demand is ratcheted to.
struct Lookback {
    percent: Decimal,
    /// How many months back.
    months: u8,
    /// Whose peaks count; all when empty.
    in_months: Vec<u8>,
}

/// The look-back, if the form has one; `Err` when it is refused.
fn lookback(fields: &Fields, draft: &mut Draft) -> Result<Option<Lookback>, ()> {
    let before = draft.refusals.len();
    let share = fields.number(draft, "lookbackpercent");
    if share.is_some_and(|share| share.is_zero()) {
        return Ok(None);
    }
    let range = fields.whole(draft, "lookbackrange").unwrap_or(0);
    let is_blank = fields.get("lookbackmonths").is_none_or(is_nothing);
    let marks = if is_blank { None } else { fields.monthly(draft, "lookbackmonths") }.unwrap_or_default();
    let marked = (1..).zip(&marks).filter(|(_, mark)| !mark.is_zero());
    let in_months: Vec<u8> = marked.map(|(month, _)| month).collect();
    if draft.refusals.len() > before {
        return Err(());
    }
    let reason = match share {
        None if range == 0 && in_months.is_empty() => return Ok(None),
        None => "lookbackrange or lookbackmonths need it",
        Some(share) => match (percent(share), u8::try_from(range)) {
            (None, _) => "not a share of 1 or a percentage",
            (_, Err(_)) => "lookbackrange is longer than any look-back",
            (Some(_), Ok(0)) if in_months.is_empty() => {
                "neither lookbackrange nor lookbackmonths says how far"
            }
            (Some(percent), Ok(0)) => return Ok(Some(Lookback { percent, months: YEAR, in_months })),
            (Some(percent), Ok(months)) if in_months.is_empty() => {
                return Ok(Some(Lookback { percent, months, in_months }));
            }
            (Some(_), Ok(_)) => "lookbackrange and lookbackmonths say different things",
        },
    };
    draft.refuse("lookbackpercent", reason);
    Err(())
}

/// A share of up to 1, or a percentage above.
fn percent(share: Decimal) -> Option<Decimal> {
    let of = if share <= Decimal::ONE { decimal::mul(share, Decimal::ONE_HUNDRED).ok()? } else { share };
    (of > Decimal::ZERO && of <= Decimal::ONE_HUNDRED).then_some(of)
}

/// The peak, or what it is ratcheted to.
fn looked_back(draft: &mut Draft, unit: Unit, lookback: Option<&Lookback>) -> Option<QuantityKey> {
    let peak = QuantityKey::peak(unit);
    let Some(Lookback { percent, months, in_months }) = lookback else { return Some(peak) };
    let (percent, months, in_months) = (*percent, *months, in_months.clone());
    let of = Derived {
        name: word("billed_demand")?,
        unit,
        kind: QuantityKind::Level,
        from: Source::Ratchet { quantity: peak, months, in_months, percent, minimum: None },
        decimals: None,
        rounding: Rounding::HalfAwayFromZero,
    };
    let key = of.key(None);
    draft.tariff.quantities.push(of);
    Some(key)
}
