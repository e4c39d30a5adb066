//! `components`: a list of charges on named quantities, as published bills are written down.
//!
//! `fixed` (per period, day or month, with a text that says how it is prorated), `usage` (tiers with
//! cumulative inclusive `up_to`; `graduated` or `volume`, with an amount per tier), `percent`,
//! `package`, `graduated_percentage`; `derived_quantities` with formulas; use from reads; winter
//! averages. Each tier's amount is a line of ours, so a component's line is the sum of its rule's.

mod inputs;
mod rules;

use crate::bill::{Bill, slug};
use crate::{Case, Checks, Fields, Stop, number};
use inputs::Inputs;
use std::collections::BTreeSet;
use vocab::{Decimal, decimal};

/// Rates a case and compares.
pub fn run(case: &Case, checks: &mut Checks) -> Result<(), Stop> {
    let tariff = case.tariff();
    tariff.describe(&["name", "note", "notes"]);
    let inputs = Inputs::read(&case.inputs(), &tariff)?;
    let (rating, ends) = rules::translate(&tariff, inputs)?;
    let bill = rating.rate()?;
    for (rule, top) in ends {
        // A last tier with an end has no price above it.
        if bill.quantity(&rule)? > top {
            return Err(Stop::because(format!("`{rule}` has no price above {}", number::text(top))));
        }
    }
    let rules = rating.versions.iter().filter_map(|version| version["rules"].as_array()).flatten();
    let rules: BTreeSet<&str> = rules.filter_map(|rule| rule["id"].as_str()).collect();
    compare(&case.expected(), &rules, &bill, checks)
}

fn compare(
    expected: &Fields<'_>,
    rules: &BTreeSet<&str>,
    bill: &Bill,
    checks: &mut Checks,
) -> Result<(), Stop> {
    if let Some(lines) = expected.object("lines")? {
        for id in lines.keys() {
            // A component may charge nothing; what is no component has no amount, not even 0.
            let rule = Some(slug(id)).filter(|rule| rules.contains(rule.as_str()));
            let found = rule.map(|rule| bill.amount(&rule)).transpose()?;
            checks.number_or_none(&lines.place(id), lines.need(id)?, found);
        }
    }
    if let Some(tiers) = expected.object("tier_amounts")? {
        for id in tiers.keys() {
            if !rules.contains(slug(id).as_str()) {
                return Err(Stop::because(format!("`{}` is no component", tiers.place(id))));
            }
            let found = bill.by_tier(&slug(id), |line| bill.amount_of(line))?;
            checks.numbers(&tiers.place(id), tiers.need(id)?, &found);
        }
    }
    if let Some(derived) = expected.object("derived")? {
        for name in derived.keys() {
            checks.number_or_none(&derived.place(name), derived.need(name)?, bill.derived(name));
        }
    }
    if let Some(total) = expected.get("total") {
        checks.number("expected.total", total, bill.total()?);
    }
    for name in expected.keys().filter(|key| key.starts_with("winter_average_") || *key == "usage_units") {
        checks.number_or_none(&expected.place(name), expected.need(name)?, bill.derived(name));
    }
    if let Some(published) = expected.number("published_total")?
        && published != bill.total()?
    {
        checks.note(disagreement(bill, published)?);
    }
    checks.finish(expected)
}

/// The source's own total against the sum of its lines, added up for the reader.
fn disagreement(bill: &Bill, published: Decimal) -> Result<String, Stop> {
    let mut rules: Vec<&str> = bill.lines().iter().map(|line| line.rule.as_str()).collect();
    rules.dedup();
    let amounts = rules.iter().map(|rule| bill.amount(rule)).collect::<Result<Vec<_>, _>>()?;
    let terms: Vec<String> =
        rules.iter().zip(&amounts).map(|(rule, amount)| format!("{rule} {amount}")).collect();
    let total = decimal::sum(amounts)?;
    let off = decimal::sub(published, total)?;
    Ok(format!("the source prints {published}, its lines come to {total} ({off} off): {}", terms.join(" + ")))
}
