//! The source's lines: labels, order, and what is compared.

use super::calendar::{months, use_rules};
use super::plan::{Component, Plan, Usage};
use super::rules::{id, is_credit, month_id};
use crate::bill::Bill;
use crate::{Checks, Fields, Stop};
use rating::Line;
use serde_json::json;
use vocab::decimal::{self, Rounding};
use vocab::{Currency, Decimal, Period};

/// A line as the source shows it.
struct Shown {
    label: String,
    register: Option<String>,
    unit: String,
    quantity: Decimal,
    /// As it stands on the bill: negative is a credit.
    amount: Decimal,
    is_credit: bool,
}

/// Compares lines and totals.
pub fn compare(
    expected: &Fields<'_>,
    plan: &Plan,
    period: Period,
    bill: &Bill,
    checks: &mut Checks,
) -> Result<(), Stop> {
    let mut shown = Vec::new();
    for kind in 0..4 {
        for (place, component) in plan.components.iter().enumerate() {
            match component {
                Component::Fixed(of) if kind == 0 => {
                    let lines: Vec<&Line> = of_rule(bill, &id(place)).collect();
                    let days = lines.iter().map(|line| line.period.days()).sum::<i64>();
                    shown.push(Shown {
                        label: capitalized(&of.label),
                        register: of.register.clone(),
                        unit: "day".to_owned(),
                        quantity: Decimal::from(days),
                        amount: bill.amount(&id(place))?,
                        is_credit: false,
                    });
                }
                Component::Usage(usage) if kind == 1 => shown.extend(used(place, usage, plan, period, bill)?),
                Component::Demand(_) if kind == 2 => {
                    let of_months = months(period).into_iter().map(|month| month_id(place, month));
                    for rule in std::iter::once(id(place)).chain(of_months) {
                        shown.push(power(&rule, bill)?);
                    }
                }
                Component::Discount { .. } if kind == 3 => shown.push(Shown {
                    label: "Discount".to_owned(),
                    register: None,
                    unit: "currency".to_owned(),
                    quantity: Decimal::ONE,
                    amount: bill.amount(&id(place))?,
                    is_credit: true,
                }),
                _ => {}
            }
        }
    }
    // A discount of nothing is no line; neither is a use of nothing.
    shown.retain(|line| !line.amount.is_zero() || (!line.quantity.is_zero() && line.unit != "currency"));
    lines(expected, &shown, checks)?;
    totals(expected, bill, &shown, checks)?;
    expected.describe(&["warnings"]);
    checks.finish(expected)
}

fn lines(expected: &Fields<'_>, shown: &[Shown], checks: &mut Checks) -> Result<(), Stop> {
    if expected.get("lines").is_none() {
        return Ok(());
    }
    let wanted = expected.list("lines")?;
    checks.equal("the number of lines", &json!(wanted.len()), shown.len().into());
    for (place, (wanted, found)) in wanted.iter().zip(shown).enumerate() {
        let wanted = Fields::of(expected.place(&format!("lines[{place}]")), wanted)?;
        let kind = if found.is_credit { "credit" } else { "cost" };
        for (key, found) in [
            ("label", json!(found.label)),
            ("register", json!(found.register)),
            ("unit", json!(found.unit)),
            ("type", json!(kind)),
        ] {
            let wanted_value = wanted.get(key).cloned().unwrap_or_default();
            checks.equal(&wanted.place(key), &wanted_value, found);
        }
        checks.number(&wanted.place("quantity"), wanted.need("quantity")?, found.quantity);
        // The source writes every line without a sign, and says which are credits.
        let amount = if found.is_credit { -found.amount } else { found.amount };
        checks.number(&wanted.place("amount"), wanted.need("amount")?, amount);
    }
    Ok(())
}

fn totals(expected: &Fields<'_>, bill: &Bill, shown: &[Shown], checks: &mut Checks) -> Result<(), Stop> {
    let total = bill.total()?;
    let of = |credit: bool| {
        let amounts = shown.iter().filter(|line| line.is_credit == credit).map(|line| line.amount);
        decimal::sum(amounts)
    };
    let cents = Currency::USD.round(total, Rounding::HalfAwayFromZero)?;
    for (key, found) in [
        ("total", total),
        ("total_rounded", Currency::USD.to_decimal(cents)),
        ("subtotal_cost", of(false)?),
        ("subtotal_credit", -of(true)?),
    ] {
        if let Some(wanted) = expected.get(key) {
            checks.number(&expected.place(key), wanted, found);
        }
    }
    Ok(())
}

fn of_rule<'b>(bill: &'b Bill, rule: &str) -> impl Iterator<Item = &'b Line> {
    bill.lines().iter().filter(move |line| line.rule.as_str() == rule)
}

/// A line, or one for each step.
fn used(place: usize, usage: &Usage, plan: &Plan, period: Period, bill: &Bill) -> Result<Vec<Shown>, Stop> {
    let rule = id(place);
    let Some(blocks) = &usage.blocks else {
        return Ok(vec![Shown {
            label: label(usage, plan, None),
            register: Some(usage.register.clone()),
            unit: usage.unit.clone(),
            quantity: bill.quantity(&rule)?,
            amount: bill.amount(&rule)?,
            is_credit: usage.rates().iter().any(|rate| is_credit(usage, *rate)),
        }]);
    };
    let (mut quantities, mut amounts) = (Vec::new(), Vec::new());
    for (rule, _) in use_rules(place, usage, period)? {
        add(&mut quantities, bill.used_by_tier(&rule)?)?;
        add(&mut amounts, bill.by_tier(&rule, |line| bill.amount_of(line))?)?;
    }
    let of_tier = |(tier, (quantity, amount)): (usize, (Decimal, Decimal))| Shown {
        label: label(usage, plan, Some(tier)),
        register: Some(usage.register.clone()),
        unit: usage.unit.clone(),
        quantity,
        amount,
        is_credit: blocks.tiers.get(tier).is_some_and(|(_, rate)| is_credit(usage, *rate)),
    };
    Ok(quantities.into_iter().zip(amounts).enumerate().map(of_tier).collect())
}

/// Adds number by number.
fn add(to: &mut Vec<Decimal>, more: Vec<Decimal>) -> Result<(), Stop> {
    to.resize(to.len().max(more.len()), Decimal::ZERO);
    for (sum, value) in to.iter_mut().zip(more) {
        *sum = decimal::add(*sum, value)?;
    }
    Ok(())
}

/// What is charged of a peak: above the threshold, where there is one.
fn power(rule: &str, bill: &Bill) -> Result<Shown, Stop> {
    let charged = of_rule(bill, rule).filter(|line| line.tier.as_ref().is_none_or(|tier| tier.number > 1));
    let quantities = charged.filter_map(|line| line.quantity.as_ref()).map(|quantity| quantity.value);
    Ok(Shown {
        label: "Demand".to_owned(),
        register: None,
        unit: "kW".to_owned(),
        quantity: decimal::sum(quantities)?,
        amount: bill.amount(rule)?,
        is_credit: false,
    })
}

fn label(usage: &Usage, plan: &Plan, tier: Option<usize>) -> String {
    let base = if let Some(label) = &usage.label {
        capitalized(label)
    } else if usage.export {
        "Export".to_owned()
    } else if usage.register.starts_with("controlled_load_") {
        capitalized(&usage.register)
    } else if usage.register == "sewerage" {
        "Sewerage".to_owned()
    } else if let Some(label) = &usage.period_label {
        label.clone()
    } else if plan.commodity == "water" {
        "Water usage".to_owned()
    } else if usage.blocks.is_some() {
        "Usage".to_owned()
    } else {
        usage.period.as_deref().map_or_else(|| "Usage".to_owned(), titled)
    };
    match tier {
        Some(tier) => format!("{base} tier {}", tier + 1),
        None if !usage.export
            && usage.period_label.is_some()
            && usage.label.is_none()
            && usage.register == "general" =>
        {
            format!("{base} import")
        }
        None => base,
    }
}

/// `water_access` as `Water access`.
fn capitalized(text: &str) -> String {
    let text = text.replace('_', " ").to_lowercase();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// `off_peak` as `Off Peak`.
fn titled(text: &str) -> String {
    text.split('_').map(capitalized).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_the_sources() {
        assert_eq!(capitalized("water_access"), "Water access");
        assert_eq!(titled("off_peak"), "Off Peak");
        assert_eq!(capitalized(""), "");
    }
}
