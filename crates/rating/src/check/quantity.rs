//! Faults of quantities that a tariff works out, and of formulas.

use super::calendar::MOST_BUCKETS;
use super::{Around, Faults, RANGE, fits, key, month};
use crate::tariff::{Derived, Operand, QuantityKind, Source};
use crate::version::derived_formula;
use crate::word::Word;
use std::collections::BTreeMap;
use vocab::Decimal;
use vocab::decimal::STORED_SCALE;

pub(super) const MOST_DEFINED: usize = 100;
const MOST_NAMES: usize = 50;
/// Periods are looked back at for at most this long.
const MOST_MONTHS: u8 = 36;

pub(super) fn check(faults: &mut Faults, of: &Derived, around: Around<'_>, at: &str) {
    let twice = around.defined.iter().any(|other| other.name == of.name);
    faults.unless(!twice, &format!("{at}/name"), format!("`{}` is defined already", of.name));
    let fine = of.decimals.is_none_or(|decimals| u32::from(decimals) <= STORED_SCALE);
    faults.unless(fine, &format!("{at}/decimals"), format!("at most {STORED_SCALE}"));
    let from = format!("{at}/from");
    match &of.from {
        Source::Formula { with, .. } => {
            operands(faults, with, around, false, &format!("{from}/with"));
            if let Some(Err(error)) = derived_formula(of) {
                faults.unless(false, &format!("{from}/value"), error.to_string());
            }
        }
        Source::Average { quantity, months, default, cap } => {
            key(faults, quantity, around, &format!("{from}/quantity"));
            let some = (1..=12).contains(&months.len()) && months.iter().all(|of| month(*of));
            faults.unless(some, &format!("{from}/months"), "1 to 12, at least one and each once");
            for (name, value) in [("default", default), ("cap", cap)] {
                faults.unless(value.is_none_or(fits), &format!("{from}/{name}"), RANGE);
            }
        }
        Source::Ratchet { quantity, months, in_months, percent, minimum } => {
            key(faults, quantity, around, &format!("{from}/quantity"));
            let fits_months = (1..=MOST_MONTHS).contains(months);
            faults.unless(fits_months, &format!("{from}/months"), format!("1 to {MOST_MONTHS}"));
            let known = in_months.len() <= 12 && in_months.iter().all(|of| month(*of));
            faults.unless(known, &format!("{from}/in_months"), "1 to 12, each once");
            let good = *percent >= Decimal::ZERO && fits(*percent);
            faults.unless(good, &format!("{from}/percent"), "0 or more");
            faults.unless(minimum.is_none_or(fits), &format!("{from}/minimum"), RANGE);
        }
        Source::Net { delivered, received, buckets, bank } => {
            let own = |other: &Derived| !matches!(&other.from, Source::Net { bank: of, .. } if of == bank);
            let apart = around.defined.iter().all(own);
            faults.unless(apart, &format!("{from}/bank"), format!("the bank `{bank}` is used already"));
            for (name, side) in [("delivered", delivered), ("received", received)] {
                let at = format!("{from}/{name}");
                key(faults, side, around, &at);
                let whole = side.bucket.is_none() && side.kind == QuantityKind::Usage;
                faults.unless(whole, &at, "a use without a bucket: `buckets` names them");
            }
            faults.unless(of.kind == QuantityKind::Usage, &format!("{at}/kind"), "a net quantity is usage");
            let few = buckets.len() <= MOST_BUCKETS;
            faults.unless(few, &format!("{from}/buckets"), format!("more than {MOST_BUCKETS}"));
            for (index, bucket) in buckets.iter().enumerate().take(MOST_BUCKETS) {
                let twice = buckets[..index].contains(bucket);
                faults.unless(!twice, &format!("{from}/buckets/{index}"), "named twice");
                let side = delivered.clone().in_bucket(bucket.clone());
                key(faults, &side, around, &format!("{from}/buckets/{index}"));
            }
        }
    }
}

/// What the names of a formula stand for; rules only where there are lines already.
pub(super) fn operands(
    faults: &mut Faults,
    with: &BTreeMap<Word, Operand>,
    around: Around<'_>,
    of_rule: bool,
    at: &str,
) {
    faults.unless(with.len() <= MOST_NAMES, at, format!("more than {MOST_NAMES} names"));
    for (name, operand) in with {
        let at = format!("{at}/{name}");
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let good =
            name.as_str().starts_with(|c: char| c.is_ascii_alphabetic()) && name.as_str().chars().all(plain);
        faults.unless(good, &at, "a name in a formula is made of letters, digits and `_`, a letter first");
        match operand {
            Operand::Quantity(of) => key(faults, of, around, &format!("{at}/quantity")),
            Operand::Rule(rule) => {
                let known = of_rule && around.earlier.iter().any(|earlier| earlier.id == *rule);
                faults.unless(
                    known,
                    &format!("{at}/rule"),
                    format!("`{rule}` is not the id of an earlier rule"),
                );
                super::charge::has_amount(faults, rule, around.earlier, &format!("{at}/rule"));
            }
            Operand::Price(price) => super::charge::price(faults, price, &format!("{at}/price")),
            Operand::Item(_) | Operand::Characteristic(_) | Operand::Segment(_) => {}
        }
    }
}
