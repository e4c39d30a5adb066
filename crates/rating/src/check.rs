//! Refuses a tariff that cannot be priced, naming each fault's place.

use crate::tariff::{Bases, Charge, Price, Proration, Rule, Tier};
use crate::version::RuleFault;
use vocab::decimal::STORED_SCALE;
use vocab::{Currency, Decimal};

const MOST_RULES: usize = 200;
const MOST_TIERS: usize = 100;
const MOST_LOOKUP_VALUES: usize = 10_000;
const NOMINAL_SCALE: u32 = 6;
/// Prices and quantities are `numeric(28,10)`: 18 digits before the point.
const LARGEST: Decimal = Decimal::from_parts(2_808_348_672, 232_830_643, 0, false, 0);

struct Faults(Vec<RuleFault>);

impl Faults {
    fn unless(&mut self, good: bool, pointer: &str, reason: impl Into<String>) {
        if !good {
            self.0.push(RuleFault { pointer: pointer.to_owned(), reason: reason.into() });
        }
    }
}

/// Every fault of these rules.
pub(crate) fn faults(rules: &[Rule], currency: &Currency) -> Vec<RuleFault> {
    let mut faults = Faults(Vec::new());
    faults.unless(!rules.is_empty(), "/rules", "a version has at least one rule");
    faults.unless(rules.len() <= MOST_RULES, "/rules", format!("more than {MOST_RULES} rules"));
    for (index, rule) in rules.iter().enumerate().take(MOST_RULES) {
        let at = format!("/rules/{index}");
        let earlier = &rules[..index];
        faults.unless(rule.id.is_slug(), &format!("{at}/id"), "only a-z, 0-9, `_` and `-`");
        let twice = earlier.iter().any(|other| other.id == rule.id);
        faults.unless(!twice, &format!("{at}/id"), format!("`{}` is already the id of a rule", rule.id));
        if let Some(reason) = rule.label.fault() {
            faults.unless(false, &format!("{at}/label"), reason);
        }
        let finest = currency.minor_digits();
        faults.unless(
            rule.decimals.is_none_or(|decimals| decimals <= finest),
            &format!("{at}/decimals"),
            format!("finer than the currency's {finest} decimals"),
        );
        proration(&mut faults, &rule.proration, &format!("{at}/proration"));
        charge(&mut faults, &rule.charge, earlier, &format!("{at}/charge"));
    }
    faults.0
}

fn proration(faults: &mut Faults, basis: &Proration, at: &str) {
    let Proration::Nominal { days, tolerance, .. } = basis else { return };
    let fine = |value: &Decimal| value.normalize().scale() <= NOMINAL_SCALE;
    let days_fit = *days >= Decimal::ONE && *days <= Decimal::from(366) && fine(days);
    faults.unless(days_fit, &format!("{at}/days"), "1 to 366 days, at most 6 decimals");
    let tolerance_fits = !tolerance.is_sign_negative() && tolerance < days && fine(tolerance);
    faults.unless(tolerance_fits, &format!("{at}/tolerance"), "0 to less than the days, at most 6 decimals");
}

fn charge(faults: &mut Faults, charge: &Charge, earlier: &[Rule], at: &str) {
    match charge {
        Charge::Flat { amount } => price(faults, amount, &format!("{at}/amount")),
        Charge::Unit { price: unit, .. } | Charge::Item { price: unit, .. } => {
            price(faults, unit, &format!("{at}/price"));
        }
        Charge::Tiered { tiers: steps, .. } | Charge::Volume { tiers: steps, .. } => {
            tiers(faults, steps, &format!("{at}/tiers"));
        }
        Charge::Package { size, free, price: each, .. } => {
            faults.unless(*size > Decimal::ZERO && fits(*size), &format!("{at}/size"), "more than 0");
            faults.unless(*free >= Decimal::ZERO && fits(*free), &format!("{at}/free"), "0 or more");
            price(faults, each, &format!("{at}/price"));
        }
        Charge::Percentage { percent, of } | Charge::Tax { percent, of, .. } => {
            price(faults, percent, &format!("{at}/percent"));
            bases(faults, of, earlier, &format!("{at}/of"));
        }
        Charge::Minimum { amount, of } => {
            price(faults, amount, &format!("{at}/amount"));
            bases(faults, of, earlier, &format!("{at}/of"));
        }
    }
}

fn fits(value: Decimal) -> bool {
    value.normalize().scale() <= STORED_SCALE && value.abs() < LARGEST
}

const RANGE: &str = "at most 18 digits before and 10 after the point";

fn price(faults: &mut Faults, price: &Price, at: &str) {
    match price {
        Price::Fixed(value) => faults.unless(fits(*value), at, RANGE),
        Price::Factor(_) => {}
        Price::Lookup(lookup) => {
            let at = format!("{at}/values");
            let some = !lookup.values.is_empty() && lookup.values.len() <= MOST_LOOKUP_VALUES;
            faults.unless(some, &at, format!("1 to {MOST_LOOKUP_VALUES} values"));
            let good = lookup.values.values().chain(&lookup.default).all(|value| fits(*value));
            faults.unless(good, &at, RANGE);
        }
    }
}

fn tiers(faults: &mut Faults, tiers: &[Tier], at: &str) {
    let some = !tiers.is_empty() && tiers.len() <= MOST_TIERS;
    faults.unless(some, at, format!("1 to {MOST_TIERS} tiers"));
    let mut below = Decimal::ZERO;
    for (index, tier) in tiers.iter().enumerate() {
        let up_to = format!("{at}/{index}/up_to");
        let last = index + 1 == tiers.len();
        match tier.up_to {
            None => faults.unless(last, &up_to, "only the last tier is without `up_to`"),
            Some(_) if last => {
                faults.unless(false, &up_to, "the last tier is open: what lies above it could not be priced");
            }
            Some(top) => {
                faults.unless(top > below, &up_to, "each tier ends above the one before it");
                faults.unless(fits(top), &up_to, RANGE);
                below = top;
            }
        }
        price(faults, &tier.price, &format!("{at}/{index}/price"));
    }
}

fn bases(faults: &mut Faults, bases: &Bases, earlier: &[Rule], at: &str) {
    match bases {
        Bases::All => {
            let any = earlier.iter().any(|rule| !matches!(rule.charge, Charge::Tax { .. }));
            faults.unless(any, at, "there is no earlier line");
        }
        Bases::Rules(ids) => {
            faults.unless(!ids.is_empty(), at, "at least one rule");
            for (index, id) in ids.iter().enumerate() {
                let known = earlier.iter().any(|rule| rule.id == *id);
                faults.unless(
                    known,
                    &format!("{at}/{index}"),
                    format!("`{id}` is not the id of an earlier rule"),
                );
                let twice = ids[..index].contains(id);
                faults.unless(!twice, &format!("{at}/{index}"), format!("`{id}` is named twice"));
            }
        }
    }
}
