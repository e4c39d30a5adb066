//! Tiers: starts and prices into our tiers with tops.

use super::part::{Part, Rate};
use super::value::Translation;
use crate::bill::{key_json, named, price};
use crate::{Stop, number};
use rating::QuantityKind;
use serde_json::{Value, json};
use vocab::{Decimal, Unit, decimal};

/// The charge of a tiered name: its starts and prices have the name's prefix.
pub fn charge(made: &mut Translation<'_, '_>, name: &str, by_budget: bool) -> Result<Value, Stop> {
    let prefix = name.strip_suffix("charge").and_then(|prefix| match prefix {
        "commodity_" => Some(""),
        other => other.ends_with('_').then_some(other),
    });
    let prefix = prefix.ok_or_else(|| Stop::because(format!("`{name}` has tiers of no known name")))?;
    let starts = list(made.rate, &format!("{prefix}tier_starts"))?;
    let prices = list(made.rate, &format!("{prefix}tier_prices"))?;
    if starts.0.is_empty() || starts.0.len() != prices.0.len() {
        return Err(Stop::because(format!(
            "`{prefix}tier_starts` and `{prefix}tier_prices` differ in number"
        )));
    }
    if number::read(&starts.0[0]).is_none_or(|first| !first.is_zero()) {
        return Err(Stop::because(format!("`{prefix}tier_starts` does not begin at 0")));
    }
    let mut tiers = Vec::with_capacity(starts.0.len());
    let mut below = Decimal::ZERO;
    for place in 0..starts.0.len() {
        let mut tier = json!({ "price": tier_price(made, &prices, place)? });
        if place + 1 < starts.0.len() {
            tier["up_to"] = top(made, &starts, place + 1, prefix, by_budget, &mut below)?;
        }
        tiers.push(tier);
    }
    Ok(json!({ "kind": "tiered", "quantity": key_json(made.key), "tiers": tiers }))
}

/// The values of a list, and the lists of the other customers.
type List<'a> = (&'a [Value], Option<super::part::Lookup<'a>>);

fn list<'a>(rate: &Rate<'a>, name: &str) -> Result<List<'a>, Stop> {
    match rate.part(name)? {
        Part::List(list, lookup) => Ok((list, lookup)),
        _ => Err(Stop::because(format!("`{name}` is not a list"))),
    }
}

fn tier_price(made: &mut Translation<'_, '_>, prices: &List<'_>, place: usize) -> Result<Value, Stop> {
    let own = number::read(&prices.0[place]);
    let own = own.ok_or_else(|| Stop::because(format!("the price of tier {} is not a number", place + 1)))?;
    match &prices.1 {
        None => Ok(price(own)),
        Some(lookup) => {
            made.states(lookup)?;
            Ok(lookup.price(|list| number::read(list.as_array()?.get(place)?)))
        }
    }
}

/// Where the tier before a start ends.
fn top(
    made: &mut Translation<'_, '_>,
    starts: &List<'_>,
    place: usize,
    prefix: &str,
    by_budget: bool,
    below: &mut Decimal,
) -> Result<Value, Stop> {
    let unclear = || Stop::because(format!("tier {} begins at nothing that is known", place + 1));
    let start = &starts.0[place];
    if let Some(start) = number::read(start) {
        let top = below_start(start).ok_or_else(unclear)?;
        if let Some(lookup) = &starts.1 {
            made.states(lookup)?;
            return Ok(lookup.price(|list| below_start(number::read(list.as_array()?.get(place)?)?)));
        }
        if top > *below {
            *below = top;
            return Ok(price(top));
        }
        // A tier without width: only a top that is worked out may stand no higher than the last.
        return worked_out(made, place, prefix, json!({}), &number::text(top));
    }
    let text = start.as_str().filter(|_| by_budget).ok_or_else(unclear)?;
    if let Some(percent) = text.trim().strip_suffix('%') {
        let percent = number::parse(percent).ok_or_else(unclear)?;
        let budget = made.derived(&format!("{prefix}budget"))?;
        let with = json!({ "budget": { "quantity": budget }, "percent": { "price": price(percent) } });
        return worked_out(made, place, prefix, with, "budget * percent / 100");
    }
    let share = made.derived(&text.trim().to_lowercase())?;
    worked_out(made, place, prefix, json!({ "share": { "quantity": share } }), "share")
}

/// The whole unit before a start; a start within a unit is not said by the source's convention.
fn below_start(start: Decimal) -> Option<Decimal> {
    decimal::sub(start, Decimal::ONE).ok().filter(|top| top.fract().is_zero())
}

/// A top of whole units.
fn worked_out(
    made: &mut Translation<'_, '_>,
    place: usize,
    prefix: &str,
    with: Value,
    formula: &str,
) -> Result<Value, Stop> {
    let name = format!("{prefix}top_{place}");
    made.parts.quantities.push(json!({
        "name": name, "unit": "item", "decimals": 0, "rounding": "half_even",
        "from": { "method": "formula", "with": with, "value": formula },
    }));
    let key = named(Unit::Item, QuantityKind::Level, &name)?;
    Ok(json!({ "from": "quantity", "quantity": key_json(&key) }))
}
