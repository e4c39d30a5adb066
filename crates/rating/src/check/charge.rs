//! Faults of what a rule charges.

use super::calendar::MOST_BUCKETS;
use super::{Around, Faults, MOST_RULES, RANGE, fits, key, month, quantity};
use crate::tariff::{
    Bases, BucketTiers, Charge, Derived, Filling, Lookup, Price, QuantityKey, QuantityKind, Rule, Settlement,
    Source, Thresholds, Tier, Top,
};
use crate::version::rule_formula;
use crate::word::Word;
use vocab::Decimal;

const MOST_TIERS: usize = 100;
const MOST_LOOKUP_VALUES: usize = 10_000;

pub(super) fn check(faults: &mut Faults, charge: &Charge, around: Around<'_>, at: &str) {
    if let Some(of) = charge.bases() {
        bases(faults, of, around.earlier, &format!("{at}/of"));
    }
    if let Some(of) = charge.quantity() {
        key(faults, of, around, &format!("{at}/quantity"));
    }
    match charge {
        Charge::Flat { amount } | Charge::Maximum { amount, .. } => {
            price(faults, amount, &format!("{at}/amount"));
        }
        Charge::Unit { price: unit, .. } | Charge::Item { price: unit, .. } => {
            price(faults, unit, &format!("{at}/price"));
        }
        Charge::Tiered { quantity, thresholds: per, tiers: steps } => {
            thresholds(faults, per, quantity, around, at);
            tiers(faults, steps, around, &format!("{at}/tiers"));
        }
        Charge::Volume { quantity, selected_by, thresholds: per, tiers: steps } => {
            thresholds(faults, per, selected_by.as_ref().unwrap_or(quantity), around, at);
            let by_days = matches!(per, Thresholds::EachDay);
            faults.unless(!by_days, &format!("{at}/thresholds"), "a whole quantity has no tier of each day");
            if let Some(of) = selected_by {
                key(faults, of, around, &format!("{at}/selected_by"));
            }
            tiers(faults, steps, around, &format!("{at}/tiers"));
        }
        Charge::TimeOfUseTiered { quantity, filling, thresholds: per, buckets } => {
            thresholds(faults, per, quantity, around, at);
            time_of_use(faults, (quantity, *filling, per), buckets, around, at);
        }
        Charge::Package { size, free, price: each, .. } => {
            faults.unless(*size > Decimal::ZERO && fits(*size), &format!("{at}/size"), "more than 0");
            faults.unless(*free >= Decimal::ZERO && fits(*free), &format!("{at}/free"), "0 or more");
            price(faults, each, &format!("{at}/price"));
        }
        Charge::Percentage { percent, .. } | Charge::Tax { percent, .. } => {
            price(faults, percent, &format!("{at}/percent"));
        }
        Charge::Minimum { amount, settled, .. } => {
            price(faults, amount, &format!("{at}/amount"));
            settlement(faults, *settled, &format!("{at}/settled"));
            let compared = *settled != Settlement::Never;
            faults.unless(
                compared,
                &format!("{at}/settled"),
                "a minimum is compared every period or every year",
            );
        }
        Charge::Discount { percent, amount, cap, .. } => {
            let one = percent.is_some() != amount.is_some();
            faults.unless(one, at, "either `percent` or `amount`");
            for (name, of) in [("percent", percent), ("amount", amount), ("cap", cap)] {
                if let Some(of) = of {
                    price(faults, of, &format!("{at}/{name}"));
                }
            }
        }
        Charge::Formula { with, .. } => {
            quantity::operands(faults, with, around, true, &format!("{at}/with"));
            formula(faults, charge, around, at);
        }
        Charge::Summary { .. } => {}
        Charge::Bank { net, settled, price: each } => {
            let defined = around.defined.iter().find(|of| of.name == *net);
            let is_net = defined.is_some_and(|of| matches!(of.from, Source::Net { .. }));
            faults.unless(is_net, &format!("{at}/net"), format!("`{net}` is not a quantity by `net`"));
            let settles = |rule: &Rule| matches!(&rule.charge, Charge::Bank { net: of, .. } if of == net);
            let twice = around.earlier.iter().any(settles);
            faults.unless(!twice, &format!("{at}/net"), format!("the bank of `{net}` is settled already"));
            settlement(faults, *settled, &format!("{at}/settled"));
            price(faults, each, &format!("{at}/price"));
        }
        Charge::Credit { bank, earned, settled, .. } => {
            let of_net = |of: &Derived| matches!(&of.from, Source::Net { bank: other, .. } if other == bank);
            let of_rule =
                |rule: &Rule| matches!(&rule.charge, Charge::Credit { bank: other, .. } if other == bank);
            let own = !around.defined.iter().any(of_net) && !around.earlier.iter().any(of_rule);
            faults.unless(own, &format!("{at}/bank"), format!("the bank `{bank}` is used already"));
            let some = !earned.is_empty() && earned.len() <= MOST_BUCKETS;
            faults.unless(some, &format!("{at}/earned"), format!("1 to {MOST_BUCKETS} quantities"));
            for (index, of) in earned.iter().enumerate().take(MOST_BUCKETS) {
                let at = format!("{at}/earned/{index}");
                key(faults, &of.quantity, around, &format!("{at}/quantity"));
                price(faults, &of.price, &format!("{at}/price"));
            }
            settlement(faults, *settled, &format!("{at}/settled"));
        }
    }
}

fn formula(faults: &mut Faults, charge: &Charge, around: Around<'_>, at: &str) {
    // The rule is the next one after the earlier ones.
    let rule = around.tariff.rules.get(around.earlier.len()).filter(|rule| rule.charge == *charge);
    if let Some(Err(error)) = rule.and_then(rule_formula) {
        faults.unless(false, &format!("{at}/amount"), error.to_string());
    }
}

fn settlement(faults: &mut Faults, settled: Settlement, at: &str) {
    if let Settlement::Year { month: of } = settled {
        faults.unless(month(of), &format!("{at}/month"), "1 to 12");
    }
}

/// The tiers' steps are those of what fills or selects them.
fn thresholds(faults: &mut Faults, per: &Thresholds, of_tiers: &QuantityKey, around: Around<'_>, at: &str) {
    match per {
        Thresholds::Quantity { of } => {
            let at = format!("{at}/thresholds/of");
            key(faults, of, around, &at);
            faults.unless(!of.kind.accumulates(), &at, "a peak or a level");
        }
        Thresholds::EachDay => {
            let daily = of_tiers.kind.accumulates();
            faults.unless(daily, &format!("{at}/thresholds"), "only what accumulates fills tiers each day");
        }
        Thresholds::Day => {
            let daily = of_tiers.kind.accumulates();
            faults.unless(daily, &format!("{at}/thresholds"), "the steps of a peak or level are not per day");
        }
        Thresholds::Period | Thresholds::Item { .. } => {}
    }
}

fn time_of_use(
    faults: &mut Faults,
    (quantity, filling, per): (&QuantityKey, Filling, &Thresholds),
    buckets: &[BucketTiers],
    around: Around<'_>,
    at: &str,
) {
    faults.unless(quantity.bucket.is_none(), &format!("{at}/quantity/bucket"), "`buckets` names them");
    let usage = quantity.kind == QuantityKind::Usage;
    faults.unless(usage, &format!("{at}/quantity/kind"), "only use is shared among buckets");
    let whole = !matches!(per, Thresholds::EachDay);
    faults.unless(whole, &format!("{at}/thresholds"), "tiers of each day are not shared among buckets");
    faults.unless(!buckets.is_empty(), &format!("{at}/buckets"), "at least one bucket");
    let home = |bucket: &BucketTiers| around.tariff.calendar.home(&bucket.bucket);
    let few = buckets.len() <= MOST_BUCKETS;
    faults.unless(few, &format!("{at}/buckets"), format!("more than {MOST_BUCKETS}"));
    for (index, bucket) in buckets.iter().enumerate().take(MOST_BUCKETS) {
        let at = format!("{at}/buckets/{index}");
        let twice = buckets[..index].iter().any(|other| other.bucket == bucket.bucket);
        faults.unless(!twice, &format!("{at}/bucket"), "named twice");
        key(faults, &quantity.clone().in_bucket(bucket.bucket.clone()), around, &at);
        let together = buckets.first().map(home) == Some(home(bucket));
        faults.unless(together, &format!("{at}/bucket"), "all buckets are of one time of use");
        let timed = filling == Filling::ByUse || home(bucket).is_some();
        faults.unless(timed, &format!("{at}/bucket"), "an order of time needs a bucket of the calendar");
        tiers(faults, &bucket.tiers, around, &format!("{at}/tiers"));
    }
}

pub(super) fn price(faults: &mut Faults, price: &Price, at: &str) {
    match price {
        Price::Fixed(value) => faults.unless(fits(*value), at, RANGE),
        Price::Factor(_) => {}
        Price::Lookup(of) => lookup(faults, of, at),
    }
}

fn lookup(faults: &mut Faults, lookup: &Lookup, at: &str) {
    let at = format!("{at}/values");
    let some = !lookup.values.is_empty() && lookup.values.len() <= MOST_LOOKUP_VALUES;
    faults.unless(some, &at, format!("1 to {MOST_LOOKUP_VALUES} values"));
    let good = lookup.values.values().chain(&lookup.default).all(|value| fits(*value));
    faults.unless(good, &at, RANGE);
}

fn tiers(faults: &mut Faults, tiers: &[Tier], around: Around<'_>, at: &str) {
    let some = !tiers.is_empty() && tiers.len() <= MOST_TIERS;
    faults.unless(some, at, format!("1 to {MOST_TIERS} tiers"));
    let mut below = Decimal::ZERO;
    for (index, tier) in tiers.iter().enumerate() {
        let up_to = format!("{at}/{index}/up_to");
        let last = index + 1 == tiers.len();
        match &tier.up_to {
            None => faults.unless(last, &up_to, "only the last tier is without `up_to`"),
            Some(_) if last => {
                faults.unless(false, &up_to, "the last tier is open: what lies above it could not be priced");
            }
            Some(Top::Fixed(top)) => {
                faults.unless(*top > below, &up_to, "each tier ends above the one before it");
                faults.unless(fits(*top), &up_to, RANGE);
                below = *top;
            }
            Some(Top::Lookup(of)) => lookup(faults, of, &up_to),
            Some(Top::Quantity(of)) => {
                key(faults, of, around, &format!("{up_to}/quantity"));
                faults.unless(!of.kind.accumulates(), &format!("{up_to}/quantity"), "a peak or a level");
            }
        }
        price(faults, &tier.price, &format!("{at}/{index}/price"));
        if let Some(flat) = &tier.flat {
            price(faults, flat, &format!("{at}/{index}/flat"));
        }
    }
}

/// A sum is shown and has no amount of its own: what stood on it would be nothing.
pub(super) fn has_amount(faults: &mut Faults, id: &Word, earlier: &[Rule], at: &str) {
    let shown = earlier.iter().any(|rule| rule.id == *id && matches!(rule.charge, Charge::Summary { .. }));
    faults.unless(!shown, at, format!("`{id}` only shows a sum: name the rules that it sums"));
}

fn bases(faults: &mut Faults, bases: &Bases, earlier: &[Rule], at: &str) {
    match bases {
        Bases::All => {
            let any = earlier.iter().any(|rule| !rule.charge.is_apart());
            faults.unless(any, at, "there is no earlier line");
        }
        Bases::Rules(ids) => {
            let some = !ids.is_empty() && ids.len() <= MOST_RULES;
            faults.unless(some, at, format!("1 to {MOST_RULES} rules"));
            for (index, id) in ids.iter().enumerate().take(MOST_RULES) {
                let known = earlier.iter().any(|rule| rule.id == *id);
                faults.unless(
                    known,
                    &format!("{at}/{index}"),
                    format!("`{id}` is not the id of an earlier rule"),
                );
                let twice = ids[..index].contains(id);
                faults.unless(!twice, &format!("{at}/{index}"), format!("`{id}` is named twice"));
                has_amount(faults, id, earlier, &format!("{at}/{index}"));
            }
        }
    }
}
