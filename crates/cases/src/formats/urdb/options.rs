//! The simulator's options: how exports are metered.

use super::ratchet::Ratchet;
use super::seasons;
use crate::{Stop, number};
use rating::tariff::{
    Bases, BucketTiers, Charge, Derived, Earning, Filling, Price, QuantityKey, QuantityKind, Rule,
    Settlement, Source, Tariff, Tier,
};
use rating::{Label, Word};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use vocab::decimal::{self, Rounding};
use vocab::{Decimal, Unit};

/// What a case chose.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    /// 0 kWh credits, 1 money credits, 2 net billing, 3 the same carried over, 4 buy all, sell all.
    pub(super) metering: u64,
    /// The month, from 1, that credits are settled in.
    credit_month: u8,
    /// The period of all hours, where energy is not priced by time.
    pub(super) only_period: usize,
    /// The period of demand of each hour, by month, on weekdays and at weekends.
    demand_schedules: [Option<Value>; 2],
    year_end_price: Decimal,
    credit_at_once: bool,
    pub(super) ratchet: Option<Ratchet>,
}

/// The form's own words for metering options, as the simulator reads them.
const DG_RULES: &[(&str, u64)] = &[
    ("Net Metering", 0),
    ("Net Billing Instantaneous", 2),
    ("Net Billing Hourly", 3),
    ("Buy All Sell All", 4),
];

impl Chosen {
    /// The period of demand of an hour of the simulator's year, whose first day is a Monday.
    pub(super) fn demand_period(&self, month: usize, hour: usize) -> Option<u64> {
        let [weekday, weekend] = &self.demand_schedules;
        let schedule = if (hour / 24) % 7 < 5 { weekday } else { weekend };
        schedule.as_ref()?.get(month)?.get(hour % 24)?.as_u64()
    }
}

const KNOWN: &[&str] = &[
    "ur_metering_option",
    "ur_nm_credit_month",
    "ur_nm_yearend_sell_rate",
    "ur_nm_credit_rollover",
    "ur_nb_apply_credit_current_month",
    "ur_nb_credit_expire",
    "ur_enable_billing_demand",
    "ur_billing_demand_lookback_period",
    "ur_billing_demand_lookback_percentages",
    "ur_billing_demand_minimum",
    "ur_dc_billing_demand_periods",
    "ur_yearzero_usage_peaks",
];

/// What keeps energy from being charged below nothing.
pub(super) const FLOOR: &str = "energy-floor";

/// The form as the simulator reads it, and the options that stand beside it.
pub(super) fn separate(form: &Map<String, Value>) -> Result<(Value, Chosen), Stop> {
    let mut fields = form.clone();
    let options = match fields.remove("pysam") {
        None => Map::new(),
        Some(Value::Object(options)) => options,
        Some(_) => return Err(Stop::because("the simulator's options are no object")),
    };
    if let Some(unknown) = options.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(Stop::because(format!("the option `{unknown}` of the simulator")));
    }
    let whole = |name: &str, default: u64| options.get(name).map_or(Some(default), Value::as_u64);
    let number = |name: &str| options.get(name).map_or(Some(Decimal::ZERO), number::read);
    let bad = || Stop::because("an option of the simulator is not a number");
    if whole("ur_nm_credit_rollover", 0).ok_or_else(bad)? != 0 {
        return Err(Stop::because("credits that roll over the year's end in money"));
    }
    if whole("ur_nb_credit_expire", 0).ok_or_else(bad)? != 0 {
        return Err(Stop::because("credits that expire"));
    }
    let rules = fields.get("dgrules").and_then(Value::as_str);
    let said = match rules.map(|rules| DG_RULES.iter().find(|(words, _)| *words == rules)) {
        Some(None) => return Err(Stop::because(format!("`dgrules`: `{}`", rules.unwrap_or_default()))),
        Some(Some((_, option))) => Some(*option),
        None => None,
    };
    let metering = whole("ur_metering_option", said.unwrap_or(0)).ok_or_else(bad)?;
    // Net metering has two options.
    if said.is_some_and(|said| said != metering && (said, metering) != (0, 1)) {
        return Err(Stop::because(format!("`dgrules` beside metering option {metering}")));
    }
    let credit_month = whole("ur_nm_credit_month", 11).ok_or_else(bad)?;
    let credit_month = u8::try_from(credit_month).ok().filter(|month| *month <= 11);
    let credit_month = credit_month.ok_or_else(|| Stop::because("`ur_nm_credit_month` is not 0 to 11"))?;
    let ratchet = if whole("ur_enable_billing_demand", 0).ok_or_else(bad)? == 0 {
        None
    } else {
        Some(Ratchet::read(&options).ok_or_else(|| Stop::because("the options of billing demand"))?)
    };
    if metering >= 2 && last_tiers(&fields, "energyratestructure").any(is_limited) {
        return Err(Stop::because("net billing of tiers whose last has a limit"));
    }
    simulators_reading(&mut fields);
    let chosen = Chosen {
        metering,
        credit_month: credit_month + 1,
        only_period: first_period(&fields),
        demand_schedules: ["demandweekdayschedule", "demandweekendschedule"]
            .map(|name| fields.get(name).cloned()),
        year_end_price: number("ur_nm_yearend_sell_rate").ok_or_else(bad)?,
        credit_at_once: whole("ur_nb_apply_credit_current_month", 0).ok_or_else(bad)? != 0,
        ratchet,
    };
    Ok((Value::Object(fields), chosen))
}

/// The period of the year's first hour.
fn first_period(fields: &Map<String, Value>) -> usize {
    let first = fields.get("energyweekdayschedule").and_then(|months| months.get(0)?.get(0)?.as_u64());
    first.and_then(|period| usize::try_from(period).ok()).unwrap_or(0)
}

fn last_tiers<'f>(fields: &'f Map<String, Value>, name: &str) -> impl Iterator<Item = &'f Value> {
    let periods = fields.get(name).and_then(Value::as_array);
    periods.into_iter().flatten().filter_map(|tiers| tiers.as_array()?.last())
}

fn is_limited(tier: &Value) -> bool {
    let limit = tier.get("max").and_then(number::read);
    limit.is_some_and(|limit| limit < Decimal::from(1_000_000_000))
}

/// The simulator does not know demand windows and units; what lies above a last tier with a limit
/// is free; demand by time without a schedule is of one period.
fn simulators_reading(fields: &mut Map<String, Value>) {
    for name in ["demandwindow", "flatdemandunit", "flatdemandunits", "demandrateunit", "demandunits"] {
        fields.remove(name);
    }
    for name in ["energyratestructure", "flatdemandstructure", "demandratestructure"] {
        let Some(Value::Array(periods)) = fields.get_mut(name) else { continue };
        for tiers in periods.iter_mut().filter_map(Value::as_array_mut) {
            if tiers.last().is_some_and(is_limited) {
                tiers.push(serde_json::json!({"rate": 0}));
            }
        }
    }
    for kind in ["weekday", "weekend"] {
        let name = format!("demand{kind}schedule");
        if fields.contains_key("demandratestructure") && !fields.contains_key(&name) {
            fields.insert(name, serde_json::json!(vec![vec![0; 24]; 12]));
        }
    }
}

/// The tariff under the options, for the months in which a ratchet looks back for so long.
pub(super) fn rewritten(
    mut tariff: Tariff,
    form: &Value,
    chosen: &Chosen,
    has_generation: bool,
    look_back: u8,
) -> Result<Tariff, Stop> {
    if let Some(ratchet) = &chosen.ratchet {
        ratchet.rewrite(&mut tariff, look_back)?;
    }
    if matches!(chosen.metering, 1 | 3) && has_negative_price(form)? {
        return Err(Stop::because("prices below zero that earn credits"));
    }
    if matches!(chosen.metering, 2 | 4) {
        minimums_of_nothing_less(&mut tariff)?;
    }
    if has_generation {
        seasons::as_times_of_use(&mut tariff)?;
    }
    if matches!(chosen.metering, 2..=4) {
        fill_in_time_order(&mut tariff);
    }
    let sells = sell_prices(form)?;
    match chosen.metering {
        0 if has_generation => {
            keeps_credits(&tariff, form)?;
            kwh_credits(&mut tariff, chosen)?;
        }
        1 if has_generation => money_credits(&mut tariff, chosen, &sells)?,
        2 if has_generation => sold(&mut tariff, chosen, &sells)?,
        3 if has_generation => carried(&mut tariff, chosen, &sells)?,
        4 if has_generation => sold(&mut tariff, chosen, &sells)?,
        0..=4 => {}
        other => return Err(Stop::because(format!("metering option {other}"))),
    }
    if matches!(chosen.metering, 0 | 1 | 3) {
        floor(&mut tariff)?;
    }
    Ok(tariff)
}

pub(super) fn word(text: &str) -> Result<Word, Stop> {
    text.parse().map_err(|error: rating::NotAWord| Stop::because(error.to_string()))
}

pub(super) fn is_energy(rule: &Rule) -> bool {
    rule.id.as_str().starts_with("energy")
}

fn energy_rules(tariff: &Tariff) -> Vec<Word> {
    tariff.rules.iter().filter(|rule| is_energy(rule)).map(|rule| rule.id.clone()).collect()
}

fn rule(id: &str, charge: Charge) -> Result<Rule, Stop> {
    let label = Label::english(id).ok_or_else(|| Stop::because("a label"))?;
    Ok(Rule::new(word(id)?, label, charge))
}

/// Puts rules behind the last energy rule: minimums are compared with what they leave.
fn after_energy(tariff: &mut Tariff, rules: Vec<Rule>) {
    let at = tariff.rules.iter().rposition(is_energy).map_or(0, |at| at + 1);
    tariff.rules.splice(at..at, rules);
}

/// Negative energy is charged as nothing.
fn floor(tariff: &mut Tariff) -> Result<(), Stop> {
    let of = energy_rules(tariff);
    if of.is_empty() {
        return Ok(());
    }
    let amount = Price::Fixed(Decimal::ZERO);
    let charge = Charge::Minimum { amount, of: Bases::Rules(of), settled: Settlement::Period };
    after_energy(tariff, vec![rule(FLOOR, charge)?]);
    Ok(())
}

/// Options 2 and 4: a bill below zero is topped up as if it were of nothing. What it lacks is
/// counted to it before the minimums, and taken back behind them.
fn minimums_of_nothing_less(tariff: &mut Tariff) -> Result<(), Stop> {
    let is_minimum = |rule: &Rule| rule.id.as_str().starts_with("minimum");
    let first = tariff.rules.iter().position(is_minimum);
    let last = tariff.rules.iter().rposition(is_minimum);
    let (Some(first), Some(last)) = (first, last) else { return Ok(()) };
    let lacking = rule(
        "minimum-lacking",
        Charge::Minimum { amount: Price::Fixed(Decimal::ZERO), of: Bases::All, settled: Settlement::Period },
    )?;
    let of = Bases::Rules(vec![lacking.id.clone()]);
    let percent = Price::Fixed(-Decimal::ONE_HUNDRED);
    tariff.rules.insert(last + 1, rule("minimum-taken-back", Charge::Percentage { percent, of })?);
    tariff.rules.insert(first, lacking);
    Ok(())
}

fn fill_in_time_order(tariff: &mut Tariff) {
    for rule in &mut tariff.rules {
        if let Charge::TimeOfUseTiered { filling, .. } = &mut rule.charge {
            *filling = Filling::InTimeOrder;
        }
    }
}

pub(super) fn derived(name: &str, unit: Unit, kind: QuantityKind, from: Source) -> Result<Derived, Stop> {
    let rounding = Rounding::HalfAwayFromZero;
    Ok(Derived { name: word(name)?, unit, kind, from, decimals: None, rounding })
}

fn export() -> Result<QuantityKey, Stop> {
    Ok(QuantityKey::usage(Unit::Kwh).named(word("export")?))
}

/// Buckets that energy is priced by; none when there is one price for all hours.
fn buckets(tariff: &Tariff) -> Vec<Word> {
    let mut all = Vec::new();
    for rule in tariff.rules.iter().filter(|rule| is_energy(rule)) {
        match &rule.charge {
            Charge::TimeOfUseTiered { buckets, .. } => all.extend(buckets.iter().map(|of| of.bucket.clone())),
            Charge::Unit { quantity, .. } => all.extend(quantity.bucket.clone()),
            _ => {}
        }
    }
    all
}

/// Energy rules price another quantity.
fn reprice(tariff: &mut Tariff, name: &Word) {
    for rule in tariff.rules.iter_mut().filter(|rule| is_energy(rule)) {
        match &mut rule.charge {
            Charge::Unit { quantity, .. }
            | Charge::Tiered { quantity, .. }
            | Charge::TimeOfUseTiered { quantity, .. } => quantity.name = Some(name.clone()),
            _ => {}
        }
    }
}

fn net(tariff: &mut Tariff, name: &str, bank: &str, reversed: bool) -> Result<(), Stop> {
    let (took, gave) = (QuantityKey::usage(Unit::Kwh), export()?);
    let (delivered, received) = if reversed { (gave, took) } else { (took, gave) };
    let source = Source::Net { delivered, received, bank: word(bank)?, buckets: buckets(tariff) };
    tariff.quantities.push(derived(name, Unit::Kwh, QuantityKind::Usage, source)?);
    Ok(())
}

/// The simulator carries kWh credits of the periods that it finds at four hours of a month's
/// weekdays, and loses or moves those of others.
fn keeps_credits(tariff: &Tariff, form: &Value) -> Result<(), Stop> {
    let used = buckets(tariff);
    if used.is_empty() {
        return Ok(());
    }
    let months = form.get("energyweekdayschedule").and_then(Value::as_array);
    for month in months.into_iter().flatten() {
        let found: BTreeSet<u64> =
            [0, 5, 11, 17].iter().filter_map(|hour: &usize| month.get(*hour)?.as_u64()).collect();
        if found.len() != used.len() {
            return Err(Stop::because("kWh credits of periods that not every month has"));
        }
    }
    Ok(())
}

/// Option 0: what is given more than taken is a credit of kWh, by period, settled once a year.
fn kwh_credits(tariff: &mut Tariff, chosen: &Chosen) -> Result<(), Stop> {
    if buckets(tariff).len() > 1 && !chosen.year_end_price.is_zero() {
        return Err(Stop::because("the simulator pays out another sum than the credits of the periods"));
    }
    net(tariff, "net", "kwh", false)?;
    let name = word("net")?;
    reprice(tariff, &name);
    let settled = Settlement::Year { month: chosen.credit_month };
    let charge = Charge::Bank { net: name, settled, price: Price::Fixed(chosen.year_end_price) };
    tariff.rules.push(rule("bank", charge)?);
    Ok(())
}

/// Option 1: surplus of a month earns money, against energy of this month and later ones.
fn money_credits(tariff: &mut Tariff, chosen: &Chosen, sells: &[Vec<Decimal>]) -> Result<(), Stop> {
    net(tariff, "net", "none", false)?;
    net(tariff, "surplus", "none-either", true)?;
    let of = energy_rules(tariff);
    let surplus = QuantityKey::usage(Unit::Kwh).named(word("surplus")?);
    let earned = earnings(tariff, &surplus, sells, chosen)?;
    reprice(tariff, &word("net")?);
    let settled = Settlement::Year { month: chosen.credit_month };
    let charge =
        Charge::Credit { bank: word("money")?, earned, of: Bases::Rules(of), settled, delayed: false };
    after_energy(tariff, vec![rule("credit", charge)?]);
    Ok(())
}

/// Option 3: what is sold earns money, against energy of later months.
fn carried(tariff: &mut Tariff, chosen: &Chosen, sells: &[Vec<Decimal>]) -> Result<(), Stop> {
    let of = energy_rules(tariff);
    let earned = earnings(tariff, &export()?, sells, chosen)?;
    let settled = Settlement::Year { month: chosen.credit_month };
    let delayed = !chosen.credit_at_once;
    let charge = Charge::Credit { bank: word("money")?, earned, of: Bases::Rules(of), settled, delayed };
    after_energy(tariff, vec![rule("credit", charge)?]);
    Ok(())
}

/// One price per period: credits are not tiered.
fn earnings(
    tariff: &Tariff,
    of: &QuantityKey,
    sells: &[Vec<Decimal>],
    chosen: &Chosen,
) -> Result<Vec<Earning>, Stop> {
    let buckets = buckets(tariff);
    let single = |period: usize| {
        let tiers = sells.get(period).ok_or_else(|| Stop::because("a period without prices"))?;
        let first = tiers.first().copied().unwrap_or_default();
        let alike = tiers.iter().all(|sell| *sell == first);
        if alike { Ok(first) } else { Err(Stop::because("credits with a price by tier")) }
    };
    if buckets.is_empty() {
        let price = Price::Fixed(single(chosen.only_period)?);
        return Ok(vec![Earning { quantity: of.clone(), price }]);
    }
    buckets
        .into_iter()
        .map(|bucket| {
            let price = Price::Fixed(single(period_of(&bucket)?)?);
            Ok(Earning { quantity: of.clone().in_bucket(bucket), price })
        })
        .collect()
}

/// The period that a bucket of energy, or a rule of a season, is.
pub(super) fn period_of(name: &Word) -> Result<usize, Stop> {
    let digits = name.as_str().trim_start_matches(|c: char| !c.is_ascii_digit());
    digits.parse().map_err(|_| Stop::because(format!("{name} is no period")))
}

/// Options 2 and 4: what is given is bought at the sell prices, hour by hour. Buying all and
/// selling all, minimums are compared without what was sold.
fn sold(tariff: &mut Tariff, chosen: &Chosen, sells: &[Vec<Decimal>]) -> Result<(), Stop> {
    let mut rules = Vec::new();
    for of in tariff.rules.iter().filter(|rule| is_energy(rule)) {
        let charge = match &of.charge {
            Charge::Unit { quantity, .. } => {
                let period = match &quantity.bucket {
                    Some(bucket) => period_of(bucket)?,
                    None => chosen.only_period,
                };
                let price = first_price(sells, period)?;
                let quantity = QuantityKey { name: Some(word("export")?), ..quantity.clone() };
                Charge::Unit { quantity, price: Price::Fixed(-price) }
            }
            Charge::Tiered { thresholds, tiers, .. } => {
                let tiers = sold_tiers(tiers, sells, chosen.only_period)?;
                Charge::Tiered { quantity: export()?, thresholds: thresholds.clone(), tiers }
            }
            Charge::TimeOfUseTiered { thresholds, filling, buckets, .. } => {
                let buckets = buckets
                    .iter()
                    .map(|of| {
                        let tiers = sold_tiers(&of.tiers, sells, period_of(&of.bucket)?)?;
                        Ok(BucketTiers { bucket: of.bucket.clone(), tiers })
                    })
                    .collect::<Result<_, Stop>>()?;
                let thresholds = thresholds.clone();
                Charge::TimeOfUseTiered { quantity: export()?, filling: *filling, thresholds, buckets }
            }
            _ => continue,
        };
        rules.push(rule(&format!("sold-{}", of.id), charge)?);
    }
    if chosen.metering == 4 {
        tariff.rules.extend(rules);
    } else {
        after_energy(tariff, rules);
    }
    Ok(())
}

fn first_price(sells: &[Vec<Decimal>], period: usize) -> Result<Decimal, Stop> {
    let tiers = sells.get(period).ok_or_else(|| Stop::because("a period without prices"))?;
    Ok(tiers.first().copied().unwrap_or_default())
}

fn sold_tiers(tiers: &[Tier], sells: &[Vec<Decimal>], period: usize) -> Result<Vec<Tier>, Stop> {
    let prices = sells.get(period).ok_or_else(|| Stop::because("a period without prices"))?;
    let tier = |(at, tier): (usize, &Tier)| {
        let price = prices.get(at).copied().unwrap_or_default();
        Tier { price: Price::Fixed(-price), ..tier.clone() }
    };
    Ok(tiers.iter().enumerate().map(tier).collect())
}

/// Sell prices by period and tier.
fn sell_prices(form: &Value) -> Result<Vec<Vec<Decimal>>, Stop> {
    let periods = form
        .get("energyratestructure")
        .and_then(Value::as_array)
        .ok_or_else(|| Stop::because("no energy prices"))?;
    let sell = |tier: &Value| match tier.get("sell") {
        None | Some(Value::Null) => Ok(Decimal::ZERO),
        Some(value) => number::read(value).ok_or_else(|| Stop::because("a sell price is not a number")),
    };
    periods
        .iter()
        .map(|tiers| {
            tiers.as_array().ok_or_else(|| Stop::because("a period is no list"))?.iter().map(sell).collect()
        })
        .collect()
}

/// Whether a price of energy, with its adjustment, is below zero.
fn has_negative_price(form: &Value) -> Result<bool, Stop> {
    let periods = form.get("energyratestructure").and_then(Value::as_array);
    for tier in periods.into_iter().flatten().filter_map(Value::as_array).flatten() {
        let part = |name: &str| tier.get(name).and_then(number::read).unwrap_or_default();
        if decimal::add(part("rate"), part("adj"))? < Decimal::ZERO {
            return Ok(true);
        }
    }
    Ok(false)
}
