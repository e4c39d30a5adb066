//! Refuses a tariff that cannot be priced, naming each fault's place.

mod calendar;
mod charge;
mod quantity;

use crate::tariff::{Charge, Derived, Proration, QuantityKey, Rule, Tariff};
use crate::version::{RuleFault, fault};
use serde::de::DeserializeOwned;
use serde_json::Value;
use vocab::decimal::STORED_SCALE;
use vocab::{Currency, Decimal};

const MOST_RULES: usize = 200;
/// Values of a characteristic that a rule is for.
const MOST_VALUES: usize = 1_000;
const NOMINAL_SCALE: u32 = 6;
/// Prices and quantities are `numeric(28,10)`: 18 digits before the point.
const LARGEST: Decimal = Decimal::from_parts(2_808_348_672, 232_830_643, 0, false, 0);
const RANGE: &str = "at most 18 digits before and 10 after the point";

struct Faults(Vec<RuleFault>);

impl Faults {
    fn unless(&mut self, good: bool, pointer: &str, reason: impl Into<String>) {
        if !good {
            self.0.push(RuleFault { pointer: pointer.to_owned(), reason: reason.into() });
        }
    }
}

/// What a rule may refer to.
#[derive(Clone, Copy)]
struct Around<'a> {
    tariff: &'a Tariff,
    /// Rules before it.
    earlier: &'a [Rule],
    /// Quantities defined before it.
    defined: &'a [Derived],
}

/// Reads the JSON form; each rule and definition that is not of the form has its own fault.
pub(crate) fn form(value: Value) -> Result<Tariff, Vec<RuleFault>> {
    let Value::Object(mut whole) = value else { return Err(vec![fault("", "a tariff is an object")]) };
    let mut faults = Vec::new();
    let rules = listed(&mut whole, "rules", &mut faults);
    let quantities = listed(&mut whole, "quantities", &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    let around: Tariff = read(Value::Object(whole)).map_err(|of| vec![of])?;
    Ok(Tariff { rules, quantities, ..around })
}

/// The entries of a list, which is left empty; each that is not of the form has its own fault.
fn listed<T: DeserializeOwned>(
    whole: &mut serde_json::Map<String, Value>,
    part: &str,
    faults: &mut Vec<RuleFault>,
) -> Vec<T> {
    let Some(list) = whole.get_mut(part) else { return Vec::new() };
    let Value::Array(entries) = std::mem::replace(list, Value::Array(Vec::new())) else {
        faults.push(fault(&format!("/{part}"), "a list is expected"));
        return Vec::new();
    };
    let mut all = Vec::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        match read(entry) {
            Ok(entry) => all.push(entry),
            Err(of) => faults.push(fault(&format!("/{part}/{index}{}", of.pointer), of.reason)),
        }
    }
    all
}

/// A value of a form, or why it is not, and where below it.
fn read<T: DeserializeOwned>(value: Value) -> Result<T, RuleFault> {
    let error = match serde_path_to_error::deserialize(value) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    let mut pointer = String::new();
    for segment in error.path() {
        use serde_path_to_error::Segment;
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1")))
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    Err(fault(&pointer, error.inner()))
}

/// Every fault of a tariff.
pub(crate) fn faults(tariff: &Tariff, currency: &Currency) -> Vec<RuleFault> {
    let mut faults = Faults(Vec::new());
    let rules = &tariff.rules;
    calendar::check(&mut faults, tariff);
    for (index, definition) in tariff.quantities.iter().enumerate().take(quantity::MOST_DEFINED) {
        let around = Around { tariff, earlier: &[], defined: &tariff.quantities[..index] };
        quantity::check(&mut faults, definition, around, &format!("/quantities/{index}"));
    }
    let few = tariff.quantities.len() <= quantity::MOST_DEFINED;
    faults.unless(few, "/quantities", format!("more than {} quantities", quantity::MOST_DEFINED));
    faults.unless(!rules.is_empty(), "/rules", "a version has at least one rule");
    faults.unless(rules.len() <= MOST_RULES, "/rules", format!("more than {MOST_RULES} rules"));
    for (index, of) in rules.iter().enumerate().take(MOST_RULES) {
        let around = Around { tariff, earlier: &rules[..index], defined: &tariff.quantities };
        rule(&mut faults, of, around, currency, &format!("/rules/{index}"));
    }
    faults.0
}

fn rule(faults: &mut Faults, rule: &Rule, around: Around<'_>, currency: &Currency, at: &str) {
    faults.unless(rule.id.is_slug(), &format!("{at}/id"), "only a-z, 0-9, `_` and `-`");
    let twice = around.earlier.iter().any(|other| other.id == rule.id);
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
    if let Some(season) = &rule.season {
        calendar::season(faults, season, around.tariff, &format!("{at}/season"));
    }
    if let Some(when) = &rule.when {
        let some = !when.is.is_empty() && when.is.len() <= MOST_VALUES;
        faults.unless(some, &format!("{at}/when/is"), format!("1 to {MOST_VALUES} values"));
    }
    if matches!(rule.charge, Charge::Bank { .. }) {
        // What the net quantity takes out of the bank is taken out of it on the bill, always.
        let reason = "a bank is shown and settled in every period, for all";
        faults.unless(rule.season.is_none(), &format!("{at}/season"), reason);
        faults.unless(rule.when.is_none(), &format!("{at}/when"), reason);
    }
    proration(faults, &rule.proration, &format!("{at}/proration"));
    charge::check(faults, &rule.charge, around, &format!("{at}/charge"));
}

fn proration(faults: &mut Faults, basis: &Proration, at: &str) {
    let Proration::Nominal { days, tolerance, .. } = basis else { return };
    let fine = |value: &Decimal| value.normalize().scale() <= NOMINAL_SCALE;
    let days_fit = *days >= Decimal::ONE && *days <= Decimal::from(366) && fine(days);
    faults.unless(days_fit, &format!("{at}/days"), "1 to 366 days, at most 6 decimals");
    let tolerance_fits = !tolerance.is_sign_negative() && tolerance < days && fine(tolerance);
    faults.unless(tolerance_fits, &format!("{at}/tolerance"), "0 to less than the days, at most 6 decimals");
}

fn fits(value: Decimal) -> bool {
    value.normalize().scale() <= STORED_SCALE && value.abs() < LARGEST
}

/// A bucket that a rule names is the calendar's, unless the calendar has no time of use: then the
/// registers' own buckets are meant.
fn key(faults: &mut Faults, key: &QuantityKey, around: Around<'_>, at: &str) {
    let calendar = &around.tariff.calendar;
    if let Some(bucket) = &key.bucket
        && !calendar.times_of_use.is_empty()
    {
        let known = calendar.home(bucket).is_some();
        let defined = around.defined.iter().any(|of| Some(&of.name) == key.name.as_ref());
        faults.unless(
            known || defined,
            &format!("{at}/bucket"),
            format!("`{bucket}` is no bucket of the calendar"),
        );
    }
    let Some(name) = &key.name else { return };
    let Some(of) = around.defined.iter().find(|of| of.name == *name) else {
        let later = around.tariff.quantities.iter().any(|of| of.name == *name);
        faults.unless(!later, at, format!("`{name}` is only defined later"));
        return;
    };
    let same = of.unit == key.unit && of.kind == key.kind;
    faults.unless(same, at, format!("`{name}` is defined as {} {}", of.unit, of.kind));
    let has = key.bucket.as_ref().is_none_or(|bucket| of.buckets().contains(bucket));
    faults.unless(has, &format!("{at}/bucket"), format!("`{name}` is not worked out by this bucket"));
}

fn month(month: u8) -> bool {
    (1..=12).contains(&month)
}
