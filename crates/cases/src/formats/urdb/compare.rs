//! A year's lines against the simulator's months.

use super::loads::{Flows, SCALE};
use super::months::RatedMonth;
use super::options::Chosen;
use crate::{Case, Checks, Stop};
use rating::{Line, LineKind};
use serde_json::Value;
use vocab::Decimal;

/// What the lines of a month come to, before any rounding.
#[derive(Default)]
struct Sums {
    energy: Decimal,
    fixed: Decimal,
    minimum: Decimal,
    demand_flat: Decimal,
    demand_tou: Decimal,
    true_up: Decimal,
    total: Decimal,
}

impl Sums {
    fn of(lines: &[Line]) -> Self {
        let mut sums = Self::default();
        for line in lines {
            let rule = line.rule.as_str();
            sums.total += line.unrounded;
            if matches!(line.kind, LineKind::Bank | LineKind::Payout) {
                sums.true_up -= line.unrounded;
                continue;
            }
            let energy = ["energy", "sold", "credit"].iter().any(|kind| rule.starts_with(kind));
            let sum = if energy {
                &mut sums.energy
            } else if rule.starts_with("minimum") {
                &mut sums.minimum
            } else if rule.starts_with("demand-flat") {
                &mut sums.demand_flat
            } else if rule.starts_with("demand-tou") {
                &mut sums.demand_tou
            } else {
                &mut sums.fixed
            };
            *sum += line.unrounded;
        }
        sums
    }
}

/// Compares every amount that the case states.
pub(super) fn check(
    case: &Case,
    year: &[RatedMonth],
    flows: &Flows,
    chosen: &Chosen,
    checks: &mut Checks,
) -> Result<(), Stop> {
    let expected = case
        .expected
        .get("monthly")
        .and_then(Value::as_array)
        .ok_or_else(|| Stop::because("no monthly amounts"))?;
    for stated in expected {
        let number = stated
            .get("month")
            .and_then(Value::as_u64)
            .ok_or_else(|| Stop::because("a month without its number"))?;
        let month = usize::try_from(number).ok().and_then(|number| year.get(number.checked_sub(1)?));
        let month = month.ok_or_else(|| Stop::because("a month that the year does not have"))?;
        let lines = month.rated.lines();
        let sums = Sums::of(lines);
        let named = [
            ("energy", sums.energy),
            ("fixed", sums.fixed),
            ("minimum_topup", sums.minimum),
            ("demand_flat", sums.demand_flat),
            ("demand_tou", sums.demand_tou),
            ("true_up_credit", sums.true_up),
            ("total", sums.total),
        ];
        for (name, found) in named {
            compare(checks, &format!("month {number}, {name}"), stated.get(name), found);
        }
        if !flows.has_generation {
            let used: i64 = flows.load.get(month.hours.clone()).unwrap_or_default().iter().sum();
            let at = format!("month {number}, net_kwh");
            compare(checks, &at, stated.get("net_kwh"), Decimal::new(used, SCALE));
            energy_detail(checks, number, stated, lines);
        }
        demand_detail(checks, number, stated, lines);
        if chosen.ratchet.is_some() {
            let billed = month.rated.derived().iter().find(|of| of.name.as_str() == "billed");
            if let Some(billed) = billed {
                let at = format!("month {number}, billing_demand_kw");
                compare(checks, &at, stated.get("billing_demand_kw"), billed.value);
            }
        }
    }
    Ok(())
}

/// What the case states; it states no more than it knows.
fn compare(checks: &mut Checks, what: &str, stated: Option<&Value>, found: Decimal) {
    if let Some(stated) = stated {
        checks.number(what, stated, found);
    }
}

/// kWh and amount of each period and tier.
fn energy_detail(checks: &mut Checks, month: u64, stated: &Value, lines: &[Line]) {
    let Some(cells) = stated.get("energy_detail").and_then(Value::as_array) else { return };
    for cell in cells {
        let (Some(period), Some(tier)) =
            (cell.get("period").and_then(Value::as_u64), cell.get("tier").and_then(Value::as_u64))
        else {
            continue;
        };
        let own = |line: &&Line| {
            let Some(quantity) = &line.quantity else { return false };
            let number = line.tier.as_ref().map_or(1, |tier| u64::from(tier.number));
            let bucket = quantity.bucket.as_ref().map(|bucket| bucket.as_str() == format!("e{period}"));
            line.rule.as_str().starts_with("energy") && number == tier + 1 && bucket.unwrap_or(true)
        };
        let own: Vec<&Line> = lines.iter().filter(own).collect();
        let kwh: Decimal = own.iter().filter_map(|line| Some(line.quantity.as_ref()?.value)).sum();
        let amount: Decimal = own.iter().map(|line| line.unrounded).sum();
        let at = format!("month {month}, period {period}, tier {tier}");
        compare(checks, &format!("{at}, kwh"), cell.get("kwh"), kwh);
        compare(checks, &format!("{at}, amount"), cell.get("amount"), amount);
    }
}

/// Amount of each period's demand.
fn demand_detail(checks: &mut Checks, month: u64, stated: &Value, lines: &[Line]) {
    let Some(cells) = stated.get("demand_tou_detail").and_then(Value::as_array) else { return };
    for cell in cells {
        let Some(period) = cell.get("period").and_then(Value::as_u64) else { continue };
        let own = lines.iter().filter(|line| line.rule.as_str() == format!("demand-tou-{period}"));
        let amount: Decimal = own.map(|line| line.unrounded).sum();
        let at = format!("month {month}, demand of period {period}");
        compare(checks, &at, cell.get("amount"), amount);
    }
}
