//! `owrs`: California water tariffs as named values: numbers, look-ups by what the customer is,
//! formulas over other names, and tiers.
//!
//! A value is worked out by a tariff of its own: `bill` by one whose total is the bill, a charge by
//! one with that charge. Conventions: what the customer states goes before what the rate states;
//! tier starts count whole units (starts 0, 15, 41 mean tops 14 and 40); a budget and every top that
//! is made from it are rounded to whole units, halves to even. The source does not round amounts.

mod part;
mod tiers;
mod value;

use crate::bill::days_from;
use crate::{Case, Checks, Fields, Rating, Stop, number};
use rating::{Quantity, QuantityKey};
use serde_json::Value;
use std::collections::BTreeMap;
use vocab::{Period, Unit};

/// The name that formulas have for the use, whatever its unit.
const USE: &str = "usage_ccf";

/// Rates a case and compares.
pub fn run(case: &Case, checks: &mut Checks) -> Result<(), Stop> {
    let tariff = case.tariff();
    tariff.describe(&["currency", "utility", "effective_date", "bill_frequency", "customer_class"]);
    let unit = match tariff.text("bill_unit")? {
        Some("ccf" | "hcf") => Unit::Ccf,
        Some("kgal") => Unit::Kgal,
        Some("gal") => Unit::Gallon,
        Some(other) => return Err(tariff.unknown("bill_unit", other)),
        None => Unit::Item,
    };
    let inputs = case.inputs();
    let rate = tariff.object("rate")?.ok_or_else(|| Stop::because("`tariff.rate` is missing"))?;
    let customer = inputs.object("customer")?;
    let tariff_of = part::Rate { rate: &rate, customer: customer.as_ref() };
    inputs.describe(&["note"]);
    let stated = inputs.get(USE).map(|_| inputs.list(USE)).transpose()?;
    inputs.finish()?;
    tariff.finish()?;
    let expected = case.expected();
    let mut values = Values { rate: tariff_of, key: QuantityKey::usage(unit), known: BTreeMap::new() };
    let bills = expected.list("bills")?;
    if let Some(stated) = stated {
        let billed = bills.iter().map(|bill| bill.get(USE).and_then(number::read));
        if !stated.iter().map(number::read).eq(billed) {
            return Err(inputs.wrong(USE, "the use of each expected bill"));
        }
    }
    for (place, bill) in bills.iter().enumerate() {
        let bill = Fields::of(expected.place(&format!("bills[{place}]")), bill)?;
        let used = bill.need_number(USE)?;
        for name in bill.keys().filter(|name| *name != USE) {
            let Some(wanted) = bill.get(name) else { continue };
            values.check(name, used, &bill.place(name), wanted, checks)?;
        }
    }
    checks.finish(&expected)
}

/// The tariffs that were made so far, by the value that each is for.
struct Values<'a> {
    rate: part::Rate<'a>,
    key: QuantityKey,
    known: BTreeMap<String, Rating>,
}

impl Values<'_> {
    fn check(
        &mut self,
        name: &str,
        used: vocab::Decimal,
        what: &str,
        wanted: &Value,
        checks: &mut Checks,
    ) -> Result<(), Stop> {
        let in_tiers = name.strip_suffix("usage_in_tiers").map(|prefix| match prefix {
            "" => "commodity_charge".to_owned(),
            other => format!("{other}charge"),
        });
        let of = in_tiers.as_deref().unwrap_or(name);
        if !self.known.contains_key(of) {
            let mut rating = Rating::new(period()?);
            value::translate(&self.rate, of, &self.key, &mut rating)?;
            self.known.insert(of.to_owned(), rating);
        }
        let Some(rating) = self.known.get_mut(of) else { return Ok(()) };
        rating.quantities = vec![Quantity { key: self.key.clone(), value: used }];
        let bill = rating.rate()?;
        if in_tiers.is_some() {
            checks.numbers(what, wanted, &bill.used_by_tier(&crate::bill::slug(of))?);
        } else {
            checks.number(what, wanted, bill.total()?);
        }
        Ok(())
    }
}

/// Any days: nothing here follows them.
fn period() -> Result<Period, Stop> {
    let first = crate::fields::date("2018-01-01").ok_or_else(|| Stop::because("no period"))?;
    days_from(first, 30)
}
