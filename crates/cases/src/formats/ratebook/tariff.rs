//! The tariff: periods, schedule, fixed charges, minimum.

use crate::bill::{Parts, key_json, price, word};
use crate::{Fields, Stop, number};
use rating::{ItemCount, QuantityKey};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use vocab::{Decimal, Period, Unit};

/// Start of the ids of fixed charges.
pub const FIXED: &str = "fixed";
/// The id of the minimum.
pub const MINIMUM: &str = "minimum";
/// What the source itself cannot price.
const REFUSED: &[(&str, &str)] = &[
    ("demand_charge", "demand_charge"),
    ("tou_demand", "demand_charge"),
    ("flat_demand", "demand_charge"),
    ("coincident_demand", "demand_charge"),
    ("rider", "rider"),
    ("demand_normalized_tier_max", "demand_normalized_tier_max"),
    ("unmodelable", "unmodelable"),
];

/// A tier: price and adjustment per kWh, and where it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    pub rate: Decimal,
    pub adjustment: Decimal,
    pub top: Option<Decimal>,
    pub is_daily: bool,
}

/// A charge with its unit.
struct Amount {
    amount: Decimal,
    is_daily: bool,
}

/// A tariff as it is written.
pub struct Book {
    pub periods: Vec<Vec<Tier>>,
    /// Months × hours, of weekdays and weekends.
    weekday: Vec<Vec<usize>>,
    weekend: Vec<Vec<usize>>,
    fixed: Vec<Amount>,
    minimum: Option<Amount>,
    /// Why the source refuses to price it.
    pub refusal: Option<&'static str>,
}

impl Book {
    pub fn read(tariff: &Fields<'_>) -> Result<Self, Stop> {
        tariff.describe(&["currency", "identity", "effective_range", "source_documents", "provenance"]);
        if tariff.whole("schema_version")?.is_some_and(|version| version != 0) {
            return Err(tariff.wrong("schema_version", "0"));
        }
        // Use is consumption only: what is exported has no price here, however it is metered.
        tariff.describe(&["metering"]);
        let energy = tariff.object("energy")?.ok_or_else(|| Stop::because("`tariff.energy` is missing"))?;
        let mut refusal = None;
        let mut periods = Vec::new();
        for (place, of) in energy.list("periods")?.iter().enumerate() {
            let of = Fields::of(energy.place(&format!("periods[{place}]")), of)?;
            periods.push(tiers(&of, &mut refusal)?);
        }
        energy.finish()?;
        let schedule = tariff.object("schedule")?.ok_or_else(|| Stop::because("no `tariff.schedule`"))?;
        // The source's engine treats every day by its weekday, whatever the policy says.
        schedule.describe(&["holiday_policy"]);
        let (weekday, weekend) =
            (matrix(&schedule, "weekday", periods.len())?, matrix(&schedule, "weekend", periods.len())?);
        schedule.finish()?;
        for (place, of) in tariff.list("unsupported")?.iter().enumerate() {
            let of = Fields::of(tariff.place(&format!("unsupported[{place}]")), of)?;
            of.describe(&["detail"]);
            let kind = of.need_text("kind")?;
            match REFUSED.iter().find(|(name, _)| *name == kind) {
                Some((_, reason)) => refusal = refusal.or(Some(*reason)),
                None if matches!(kind, "net_metering" | "sell_rate") => {}
                None => return Err(of.unknown("kind", kind)),
            }
        }
        let mut fixed = Vec::new();
        for (place, of) in tariff.list("fixed_charges")?.iter().enumerate() {
            let of = Fields::of(tariff.place(&format!("fixed_charges[{place}]")), of)?;
            fixed.extend(amount(&of)?);
        }
        let minimum = match tariff.object("min_charge")? {
            None => None,
            Some(of) => {
                let amount = amount(&of)?;
                if amount.is_none() {
                    refusal = refusal.or(Some("annual_min_single_window"));
                }
                amount
            }
        };
        tariff.finish()?;
        Ok(Self { periods, weekday, weekend, fixed, minimum, refusal })
    }

    /// Its energy alone, with these periods.
    pub fn with_periods(&self, periods: Vec<Vec<Tier>>) -> Self {
        let (weekday, weekend) = (self.weekday.clone(), self.weekend.clone());
        Self { periods, weekday, weekend, fixed: Vec::new(), minimum: None, refusal: None }
    }

    /// The periods of a day.
    fn row(&self, day: time::Date) -> &[usize] {
        let of = if crate::bill::is_weekend(day) { &self.weekend } else { &self.weekday };
        of.get(usize::from(u8::from(day.month())) - 1).map_or(&[], Vec::as_slice)
    }

    /// Days of the window on which each period occurs.
    pub fn items(&self, window: Period) -> Result<Vec<ItemCount>, Stop> {
        (0..self.periods.len())
            .map(|period| {
                let days = days(window).filter(|day| self.row(*day).contains(&period)).count();
                Ok(ItemCount { item: word(&active(period))?, count: Decimal::from(days) })
            })
            .collect()
    }

    /// The period that prices a use of the whole window, if all of its hours have one price.
    pub fn only_price(&self, window: Period) -> Option<usize> {
        let used: BTreeSet<usize> = days(window).flat_map(|day| self.row(day).to_vec()).collect();
        let first = *used.first()?;
        let of = self.periods.get(first)?;
        let same = used.iter().all(|period| {
            self.periods.get(*period).is_some_and(|other| {
                other.len() == of.len()
                    && other.iter().zip(of).all(|(a, b)| {
                        a.rate.checked_add(a.adjustment) == b.rate.checked_add(b.adjustment)
                            && a.top == b.top
                            && a.is_daily == b.is_daily
                    })
            })
        });
        let daily = of.iter().any(|tier| tier.is_daily);
        (used.len() == 1 || (same && !daily)).then_some(first)
    }

    /// The rules and the calendar; of one period alone, when a use without hours is priced.
    pub fn parts(&self, window: Period, only: Option<usize>) -> Parts {
        let mut parts = Parts::default();
        if only.is_none() {
            parts.times_of_use.push(self.time_of_use(window));
        }
        for (place, tiers) in self.periods.iter().enumerate() {
            if only.is_some_and(|only| only != place) {
                continue;
            }
            self.energy(place, tiers, only.is_some(), &mut parts);
        }
        for (place, of) in self.fixed.iter().enumerate() {
            parts.rule(
                &format!("{FIXED}_{place}"),
                json!({ "kind": "flat", "amount": price(of.amount) }),
                basis(of),
            );
        }
        if let Some(of) = &self.minimum {
            let charge = json!({ "kind": "minimum", "amount": price(of.amount), "of": "all" });
            parts.rule(MINIMUM, charge, basis(of));
        }
        parts
    }

    fn energy(&self, place: usize, tiers: &[Tier], whole: bool, parts: &mut Parts) {
        let mut key = QuantityKey::usage(Unit::Kwh);
        if !whole && let Ok(bucket) = word(&bucket(place)) {
            key = key.in_bucket(bucket);
        }
        let daily = tiers.iter().rev().skip(1).any(|tier| tier.is_daily);
        let thresholds =
            if daily { json!({ "per": "item", "item": active(place) }) } else { json!({ "per": "period" }) };
        let of = |price_of: &dyn Fn(&Tier) -> Decimal| -> Value {
            let tiers: Vec<Value> = tiers
                .iter()
                .enumerate()
                .map(|(number, tier)| {
                    let mut made = json!({ "price": price(price_of(tier)) });
                    if let Some(top) = tier.top.filter(|_| number + 1 < tiers.len()) {
                        made["up_to"] = price(top);
                    }
                    made
                })
                .collect();
            json!({ "kind": "tiered", "quantity": key_json(&key), "thresholds": thresholds, "tiers": tiers })
        };
        parts.rule(&format!("energy_{place}"), of(&|tier| tier.rate), None);
        if tiers.iter().any(|tier| !tier.adjustment.is_zero()) {
            parts.rule(&format!("adjustment_{place}"), of(&|tier| tier.adjustment), None);
        }
    }

    /// The schedule of the window's months: hours in a row with one period are one window.
    fn time_of_use(&self, window: Period) -> Value {
        let months: BTreeSet<u8> = days(window).map(|day| u8::from(day.month())).collect();
        let mut windows = Vec::new();
        for month in months {
            for (kind, of) in [("weekday", &self.weekday), ("weekend", &self.weekend)] {
                let Some(row) = of.get(usize::from(month) - 1) else { continue };
                let mut from = 0;
                while let Some(period) = row.get(from) {
                    let same = row.iter().skip(from).take_while(|other| *other == period).count();
                    windows.push(json!({
                        "bucket": bucket(*period), "months": [month], "days": [kind],
                        "from": format!("{from:02}:00"), "to": format!("{:02}:00", from + same),
                    }));
                    from += same;
                }
            }
        }
        // A period that the window does not touch has no hours, and is priced all the same.
        let last = windows.len();
        for period in 0..self.periods.len() {
            let known = windows[..last].iter().any(|window| window["bucket"] == bucket(period));
            if !known {
                windows.push(json!({ "bucket": bucket(period) }));
            }
        }
        json!({ "id": "energy", "windows": windows })
    }

    /// Which period a rule prices.
    pub fn period_of(&self, rule: &str) -> i64 {
        rule.rsplit('_').next().and_then(|place| place.parse().ok()).unwrap_or(-1)
    }
}

/// The days of a window.
pub fn days(window: Period) -> impl Iterator<Item = time::Date> {
    std::iter::successors(Some(window.first_on()), move |day| {
        day.next_day().filter(|next| *next <= window.last_on())
    })
}

fn bucket(period: usize) -> String {
    format!("p{period}")
}

fn active(period: usize) -> String {
    format!("days of p{period}")
}

fn basis(of: &Amount) -> Option<Value> {
    of.is_daily.then(|| json!({ "basis": "per_day" }))
}

/// `None` for a year's amount, which no single window can have.
fn amount(of: &Fields<'_>) -> Result<Option<Amount>, Stop> {
    let amount = of.need_number("amount")?;
    let unit = of.need_text("unit")?;
    of.finish()?;
    match unit {
        "$/month" => Ok(Some(Amount { amount, is_daily: false })),
        "$/day" => Ok(Some(Amount { amount, is_daily: true })),
        "$/year" => Ok(None),
        other => Err(of.unknown("unit", other)),
    }
}

fn tiers(of: &Fields<'_>, refusal: &mut Option<&'static str>) -> Result<Vec<Tier>, Stop> {
    let mut tiers = Vec::new();
    for (place, tier) in of.list("tiers")?.iter().enumerate() {
        let tier = Fields::of(of.place(&format!("tiers[{place}]")), tier)?;
        // A price for what is sold back: use is consumption only.
        tier.describe(&["sell"]);
        let is_daily = match tier.text("max_unit")?.unwrap_or("kWh") {
            "kWh" => false,
            "kWh daily" => true,
            "kWh/kW" | "kWh/kVA" | "kWh/hp" | "kWh/kW daily" => {
                *refusal = refusal.or(Some("demand_normalized_tier_max"));
                false
            }
            other => return Err(tier.unknown("max_unit", other)),
        };
        tiers.push(Tier {
            rate: tier.need_number("rate")?,
            adjustment: tier.number("adj")?.unwrap_or_default(),
            top: tier.number("max")?,
            is_daily,
        });
        tier.finish()?;
    }
    of.finish()?;
    let bounded = &tiers[..tiers.len().saturating_sub(1)];
    if bounded.iter().any(|tier| tier.is_daily) && bounded.iter().any(|tier| !tier.is_daily) {
        return Err(Stop::because("tops per day and per period in one period"));
    }
    if tiers.is_empty() { Err(of.wrong("tiers", "at least one tier")) } else { Ok(tiers) }
}

fn matrix(schedule: &Fields<'_>, key: &str, periods: usize) -> Result<Vec<Vec<usize>>, Stop> {
    let wrong = || schedule.wrong(key, "12 months of 24 hours with a period each");
    let row = |row: &Value| -> Option<Vec<usize>> {
        let hours = row.as_array().filter(|hours| hours.len() == 24)?;
        let period = |hour| {
            let period = number::whole(number::read(hour)?, 1_000)?;
            usize::try_from(period).ok().filter(|period| *period < periods)
        };
        hours.iter().map(period).collect()
    };
    let rows = schedule.list(key)?;
    let rows: Option<Vec<Vec<usize>>> = rows.iter().map(row).collect();
    rows.filter(|rows| rows.len() == 12).ok_or_else(wrong)
}
