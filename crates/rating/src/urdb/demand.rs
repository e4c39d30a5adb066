//! Flat and time-of-use demand, and look-back demand.

use super::energy::{Period, periods};
use super::fields::Fields;
use super::schedule::Schedule;
use super::{Draft, word};
use crate::tariff::{Charge, Demand, Derived, Price, QuantityKey, QuantityKind, Source, Thresholds};
use vocab::decimal::{self, Rounding};
use vocab::{Decimal, Unit};

/// Months that a year's look-back covers.
const YEAR: u8 = 12;

/// Demand charges.
pub(super) fn charges(fields: &Fields, draft: &mut Draft) {
    if let Some(minutes) = fields.number(draft, "demandwindow").filter(|minutes| !minutes.is_zero()) {
        match u16::try_from(minutes).ok().filter(|minutes| 1_440 % (*minutes).max(1) == 0) {
            Some(minutes) => draft.tariff.demand = Some(Demand { minutes, rolling: false }),
            None => draft.refuse("demandwindow", "not minutes that divide a day"),
        }
    }
    flat(fields, draft);
    by_time(fields, draft);
}

/// What is billed in kW or kVA; anything else is refused.
fn unit(fields: &Fields, draft: &mut Draft, names: [&str; 2]) -> Option<Unit> {
    for name in names {
        match fields.text(name).map(str::trim) {
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

/// A demand limit is in the demand's own unit.
fn limits_fit(draft: &mut Draft, name: &str, all: &[Period]) -> bool {
    let fits = |period: &Period| {
        let unit = period.unit.as_deref().unwrap_or("").to_lowercase();
        ["", "kw", "kva"].contains(&unit.as_str())
    };
    let good = all.iter().all(fits);
    if !good {
        draft.refuse(name, "limits of demand in another unit than kW");
    }
    good
}

fn flat(fields: &Fields, draft: &mut Draft) {
    let name = "flatdemandstructure";
    let Some(all) = periods(fields, draft, name) else { return };
    let months = match fields.monthly(draft, "flatdemandmonths") {
        Some(months) => months,
        None if all.len() == 1 => vec![Decimal::ZERO; 12],
        None => {
            draft.refuse("flatdemandmonths", "it says which period each month has");
            return;
        }
    };
    if !limits_fit(draft, name, &all) {
        return;
    }
    let Some(unit) = unit(fields, draft, ["flatdemandunit", "flatdemandunits"]) else { return };
    let Some(quantity) = looked_back(fields, draft, unit) else { return };
    for (at, period) in all.iter().enumerate() {
        let number = decimal::whole(i64::try_from(at).unwrap_or(i64::MAX));
        let own = (1..).zip(&months).filter(|(_, of)| **of == number);
        let own: Vec<u8> = own.map(|(month, _)| month).collect();
        if own.is_empty() || period.is_free() {
            continue;
        }
        let season = draft.season(&own);
        draft.rule(&format!("demand-flat-{at}"), "Demand", charge(period, quantity.clone()), season);
    }
    let known = |of: &Decimal| usize::try_from(*of).is_ok_and(|of| of < all.len());
    if !months.iter().all(known) {
        draft.refuse("flatdemandmonths", format!("it names a period that is not one of the {}", all.len()));
    }
}

fn by_time(fields: &Fields, draft: &mut Draft) {
    let name = "demandratestructure";
    let Some(all) = periods(fields, draft, name) else { return };
    if all.iter().all(Period::is_free) || !limits_fit(draft, name, &all) {
        return;
    }
    let Some(unit) = unit(fields, draft, ["demandrateunit", "demandunits"]) else { return };
    if lookback(fields, draft).is_some() {
        draft.refuse("lookbackpercent", "a look-back on demand by time of use is not clear in the form");
        return;
    }
    let key = QuantityKey::peak(unit);
    let has_schedule = fields.get("demandweekdayschedule").is_some();
    if all.len() == 1 && !has_schedule {
        draft.rule("demand-tou-0", "Demand", charge(&all[0], key), None);
        return;
    }
    let Some(schedule) = Schedule::read(fields, draft, "demand", all.len()) else { return };
    let Some(times) = schedule.windows("demand", "d") else { return };
    draft.tariff.calendar.times_of_use.push(times);
    for period in schedule.used() {
        if all[period].is_free() {
            continue;
        }
        let Some(bucket) = word(&format!("d{period}")) else { return };
        let charge = charge(&all[period], key.clone().in_bucket(bucket));
        draft.rule(&format!("demand-tou-{period}"), &format!("Demand, period {period}"), charge, None);
    }
}

/// Percent, months back, and the months whose peaks count.
fn lookback(fields: &Fields, draft: &mut Draft) -> Option<(Decimal, u8, Vec<u8>)> {
    let share = fields.number(draft, "lookbackpercent").filter(|share| !share.is_zero())?;
    let percent = if share <= Decimal::ONE { decimal::mul(share, Decimal::ONE_HUNDRED).ok()? } else { share };
    let range = fields.number(draft, "lookbackrange").and_then(|range| u8::try_from(range).ok()).unwrap_or(0);
    if range > 0 {
        return Some((percent, range, Vec::new()));
    }
    let marks = fields.monthly(draft, "lookbackmonths").unwrap_or_default();
    let marked = (1..).zip(&marks).filter(|(_, mark)| !mark.is_zero());
    let months: Vec<u8> = marked.map(|(month, _)| month).collect();
    if months.is_empty() {
        draft.refuse("lookbackpercent", "neither lookbackrange nor lookbackmonths says how far");
        return None;
    }
    Some((percent, YEAR, months))
}

/// The peak, or what it is ratcheted to.
fn looked_back(fields: &Fields, draft: &mut Draft, unit: Unit) -> Option<QuantityKey> {
    let peak = QuantityKey::peak(unit);
    let before = draft.refusals.len();
    let Some((percent, months, in_months)) = lookback(fields, draft) else {
        return (draft.refusals.len() == before).then_some(peak);
    };
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
