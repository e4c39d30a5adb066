//! A year's lines against the simulator's months.

use super::loads::Flows;
use super::months::RatedMonth;
use super::options::Chosen;
use crate::{Case, Checks, Fields, Stop};
use rating::{Line, LineKind};
use std::collections::{BTreeMap, BTreeSet};
use vocab::{Decimal, decimal};

/// What the lines of a month come to, before any rounding.
#[derive(Default)]
struct Sums {
    /// Prices of what was taken; before credits and sales.
    gross: Decimal,
    sold: Decimal,
    /// With credits and sales, and not below zero where the simulator has a floor.
    energy: Decimal,
    fixed: Decimal,
    minimum: Decimal,
    demand_flat: Decimal,
    demand_tou: Decimal,
    true_up: Decimal,
    total: Decimal,
}

impl Sums {
    fn of(lines: &[Line]) -> Result<Self, Stop> {
        let mut sums = Self::default();
        for line in lines {
            let (rule, amount) = (line.rule.as_str(), line.unrounded);
            let add = |sum: &mut Decimal, amount: Decimal| -> Result<(), Stop> {
                *sum = decimal::add(*sum, amount)?;
                Ok(())
            };
            add(&mut sums.total, amount)?;
            if matches!(line.kind, LineKind::Bank | LineKind::Payout) {
                add(&mut sums.true_up, -amount)?;
                continue;
            }
            if is_priced(rule) {
                add(&mut sums.gross, amount)?;
            }
            if rule.starts_with("sold") {
                add(&mut sums.sold, -amount)?;
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
            add(sum, amount)?;
        }
        Ok(sums)
    }
}

/// Whether a rule prices energy that was taken.
fn is_priced(rule: &str) -> bool {
    rule.starts_with("energy") && rule != super::options::FLOOR
}

/// Compares every amount that the case states.
pub(super) fn check(
    case: &Case,
    year: &[RatedMonth],
    flows: &Flows,
    chosen: &Chosen,
    checks: &mut Checks,
) -> Result<(), Stop> {
    let expected = case.expected();
    for (place, stated) in expected.list("monthly")?.iter().enumerate() {
        let stated = Fields::of(expected.place(&format!("monthly[{place}]")), stated)?;
        let number = stated.whole("month")?.and_then(|number| usize::try_from(number).ok()).unwrap_or(0);
        let month = number.checked_sub(1).and_then(|place| year.get(place));
        let month = month.ok_or_else(|| stated.wrong("month", "1 to 12"))?;
        Month { stated, number, month, flows, chosen }.check(checks)?;
    }
    if let Some(total) = expected.get("annual_total") {
        let lines = year.iter().flat_map(|month| month.rated.lines());
        checks.number("expected.annual_total", total, decimal::sum(lines.map(|line| line.unrounded))?);
    }
    checks.finish(&expected)
}

/// A month of the case beside ours.
struct Month<'a> {
    stated: Fields<'a>,
    number: usize,
    month: &'a RatedMonth,
    flows: &'a Flows,
    chosen: &'a Chosen,
}

impl Month<'_> {
    fn check(&self, checks: &mut Checks) -> Result<(), Stop> {
        let lines = self.month.rated.lines();
        let sums = Sums::of(lines)?;
        for (name, found) in [
            ("energy", sums.energy),
            ("fixed", sums.fixed),
            ("minimum_topup", sums.minimum),
            ("demand_flat", sums.demand_flat),
            ("demand_tou", sums.demand_tou),
            ("true_up_credit", sums.true_up),
            ("total", sums.total),
            ("energy_gross", sums.gross),
        ]
        .into_iter()
        .chain(self.credits(&sums)?)
        .chain(self.quantities()?)
        {
            self.compare(checks, name, found);
        }
        if self.chosen.ratchet.is_some() {
            let billed = self.month.rated.derived().iter().find(|of| of.name.as_str() == "billed");
            if let Some(wanted) = self.stated.get("billing_demand_kw") {
                let at = self.stated.place("billing_demand_kw");
                checks.number_or_none(&at, wanted, billed.map(|of| of.value));
            }
        }
        self.energy_detail(lines, checks)?;
        self.demand_detail(lines, checks)?;
        checks.finish(&self.stated)
    }

    /// What the case states; it states no more than it knows.
    fn compare(&self, checks: &mut Checks, name: &str, found: Decimal) {
        if let Some(stated) = self.stated.get(name) {
            checks.number(&self.stated.place(name), stated, found);
        }
    }

    /// What took the energy charge down, under the name of the metering option.
    fn credits(&self, sums: &Sums) -> Result<[(&'static str, Decimal); 3], Stop> {
        let applied = decimal::sub(sums.gross, sums.energy)?;
        let only = |options: &[u64], amount: Decimal| {
            if options.contains(&self.chosen.metering) { amount } else { Decimal::ZERO }
        };
        Ok([
            ("nm_dollars_applied", only(&[0, 1], applied)),
            ("net_billing_credit", only(&[2, 3], applied)),
            ("two_meter_sales", only(&[4], sums.sold)),
        ])
    }

    /// Use and peaks. With two meters the second one's use is the simulator's net.
    fn quantities(&self) -> Result<[(&'static str, Decimal); 4], Stop> {
        let of_month = |hours: &[Decimal]| -> Vec<Decimal> {
            hours.get(self.month.hours.clone()).unwrap_or_default().to_vec()
        };
        let load = decimal::sum(of_month(&self.flows.load))?;
        let generation = decimal::sum(of_month(&self.flows.generation))?;
        let two_meters = self.chosen.metering == 4;
        let net = if two_meters { -generation } else { decimal::sub(load, generation)? };
        let peak = of_month(&self.flows.taken).into_iter().max().unwrap_or(Decimal::ZERO);
        let (peak, excess) =
            if two_meters { (Decimal::ZERO, Decimal::ZERO) } else { (peak, (-net).max(Decimal::ZERO)) };
        Ok([("net_kwh", net), ("peak_kw", peak), ("load_kwh", load), ("excess_kwh_earned", excess)])
    }

    /// kWh and amount of each period and tier; what is not listed is nothing.
    fn energy_detail(&self, lines: &[Line], checks: &mut Checks) -> Result<(), Stop> {
        if self.stated.get("energy_detail").is_none() {
            return Ok(());
        }
        let mut found: BTreeMap<(u64, u64), Cell> = BTreeMap::new();
        for line in lines {
            let rule = line.rule.as_str();
            let sold = rule.starts_with("sold");
            let Some(quantity) = line.quantity.as_ref().filter(|_| sold || is_priced(rule)) else { continue };
            let tier = line.tier.as_ref().map_or(0, |tier| u64::from(tier.number).saturating_sub(1));
            let period = match &quantity.bucket {
                Some(bucket) => super::options::period_of(bucket)?,
                // A season's rule is named by its period.
                None => super::options::period_of(&line.rule).unwrap_or(self.chosen.only_period),
            };
            let period = u64::try_from(period).map_err(|error| Stop::because(error.to_string()))?;
            let cell = found.entry((period, tier)).or_default();
            if !sold {
                cell.kwh = decimal::add(cell.kwh, quantity.value)?;
            }
            cell.amount = decimal::add(cell.amount, line.unrounded)?;
        }
        let mut listed = BTreeSet::new();
        for (place, stated) in self.stated.list("energy_detail")?.iter().enumerate() {
            let stated = Fields::of(self.stated.place(&format!("energy_detail[{place}]")), stated)?;
            let number = |key: &str| -> Result<u64, Stop> {
                let number = stated.whole(key)?.and_then(|number| u64::try_from(number).ok());
                number.ok_or_else(|| stated.wrong(key, "a number from 0"))
            };
            let key = (number("period")?, number("tier")?);
            listed.insert(key);
            let cell = found.get(&key).copied().unwrap_or_default();
            for (name, found) in [("kwh", cell.kwh), ("amount", cell.amount)] {
                if let Some(wanted) = stated.get(name) {
                    checks.number(&stated.place(name), wanted, found);
                }
            }
            checks.finish(&stated)?;
        }
        for ((period, tier), cell) in found.iter().filter(|(key, _)| !listed.contains(key)) {
            let at = format!("{}, period {period}, tier {tier}", self.stated.place("energy_detail"));
            for (name, found) in [("kwh", cell.kwh), ("amount", cell.amount)] {
                checks.number(&format!("{at}, {name}"), &0.into(), found);
            }
        }
        Ok(())
    }

    /// The highest hour of a period of demand; 0 where the month has none of its hours.
    fn peak_of(&self, period: i64) -> Decimal {
        let month = self.number.saturating_sub(1);
        let own = |hour: &usize| {
            self.chosen.demand_period(month, *hour).is_some_and(|of| i64::try_from(of) == Ok(period))
        };
        let hours = self.month.hours.clone().filter(own);
        hours.filter_map(|hour| self.flows.taken.get(hour).copied()).max().unwrap_or(Decimal::ZERO)
    }

    /// kW and amount of each period's demand; what is not listed is nothing.
    fn demand_detail(&self, lines: &[Line], checks: &mut Checks) -> Result<(), Stop> {
        if self.stated.get("demand_tou_detail").is_none() {
            return Ok(());
        }
        let mut listed = BTreeSet::new();
        for (place, stated) in self.stated.list("demand_tou_detail")?.iter().enumerate() {
            let stated = Fields::of(self.stated.place(&format!("demand_tou_detail[{place}]")), stated)?;
            let period = stated.whole("period")?.ok_or_else(|| stated.wrong("period", "a number from 0"))?;
            let rule = format!("demand-tou-{period}");
            listed.insert(rule.clone());
            let own = lines.iter().filter(|line| line.rule.as_str() == rule);
            if let Some(wanted) = stated.get("amount") {
                let amount = decimal::sum(own.clone().map(|line| line.unrounded))?;
                checks.number(&stated.place("amount"), wanted, amount);
            }
            if let Some(wanted) = stated.get("kw") {
                let priced: Vec<Decimal> =
                    own.filter_map(|line| Some(line.quantity.as_ref()?.value)).collect();
                // What is free has no line.
                let kw = if priced.is_empty() { self.peak_of(period) } else { decimal::sum(priced)? };
                checks.number(&stated.place("kw"), wanted, kw);
            }
            checks.finish(&stated)?;
        }
        let of_periods = lines.iter().filter(|line| line.rule.as_str().starts_with("demand-tou"));
        for line in of_periods.filter(|line| !listed.contains(line.rule.as_str())) {
            let at = format!("{}, {}", self.stated.place("demand_tou_detail"), line.rule);
            checks.number(&at, &0.into(), line.unrounded);
        }
        Ok(())
    }
}

/// What was taken, and what it comes to.
#[derive(Default, Clone, Copy)]
struct Cell {
    kwh: Decimal,
    amount: Decimal,
}
