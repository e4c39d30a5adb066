//! The derivation of a segment: its reads, worked-out quantities, lines and their sum, as equations
//! in plain notation. Taken from the stored record alone.

use crate::document::Calculation;
use metering::{Estimate, ReadUsed};
use rating::explain::{Note, Step, StepKind, derived, line};
use rating::tariff::QuantityKind;
use rating::{Line, LineQuantity};
use vocab::decimal;
use vocab::{Currency, Decimal, Money};

/// How a segment came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Derivation {
    /// Per read used, its step.
    pub reads: Vec<Step>,
    /// Per worked-out quantity, its steps.
    pub derived: Vec<Vec<Step>>,
    /// Per line, where its quantity comes from and its steps.
    pub lines: Vec<LineDerivation>,
    /// The rounded lines and charges, added up.
    pub sum: Step,
}

/// How a line came about.
#[derive(Debug, Clone, PartialEq)]
pub struct LineDerivation {
    /// Where its quantity comes from; none when it prices none.
    pub source: Option<QuantitySource>,
    /// From the whole period's quantity to the rounded amount.
    pub steps: Vec<Step>,
}

/// Where a priced quantity comes from; places are from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuantitySource {
    /// Registers: places among the reads.
    Reads(Vec<usize>),
    /// A worked-out quantity, by its place.
    Derived(usize),
    /// Interval data.
    Intervals,
    /// A count of items.
    Items,
    /// Handed over from elsewhere.
    Given,
}

impl QuantitySource {
    /// The word that it is known by.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Reads(_) => "reads",
            Self::Derived(_) => "derived",
            Self::Intervals => "intervals",
            Self::Items => "items",
            Self::Given => "given",
        }
    }

    /// Places among the reads.
    pub fn reads(&self) -> &[usize] {
        match self {
            Self::Reads(places) => places,
            _ => &[],
        }
    }

    /// Place among the worked-out quantities.
    pub const fn derived(&self) -> Option<usize> {
        match self {
            Self::Derived(place) => Some(*place),
            _ => None,
        }
    }
}

/// How a segment's total came about.
pub fn explain(calc: &Calculation, total: Money, currency: &Currency) -> Derivation {
    Derivation {
        reads: calc.reads.iter().map(read).collect(),
        derived: calc.derived.iter().map(derived).collect(),
        lines: (0..calc.lines.len()).map(|at| of_line(calc, at, currency)).collect(),
        sum: sum(calc, total, currency),
    }
}

/// A register's use.
fn read(used: &ReadUsed) -> Step {
    let mut step = Step::new(StepKind::Read, "").with("end", used.end_value);
    let mut formula = "end".to_owned();
    if let Some(start) = used.start_value {
        formula.push_str(" − start");
        step = step.with("start", start);
        if used.rolled_over {
            // What the register counts up to is not in the record, but follows from it.
            let moved = decimal::div(used.quantity, used.multiplier);
            let shown = decimal::sub(used.end_value, start);
            let capacity = moved.and_then(|moved| decimal::sub(moved, shown?));
            formula.push_str(" + capacity");
            step = step.with("capacity", capacity.unwrap_or_default()).noted(Note::RolledOver);
        }
    }
    if used.multiplier != Decimal::ONE {
        formula = if formula == "end" { formula } else { format!("({formula})") };
        formula.push_str(" × multiplier");
        step = step.with("multiplier", used.multiplier);
    }
    step.formula = formula;
    step.equals(used.quantity.normalize())
}

/// An estimated read: the use of the days that it closes, and what the register shows after them.
pub fn estimated(of: &Estimate) -> Vec<Step> {
    let mut steps = Vec::with_capacity(2);
    let found = &of.evidence;
    let days = (of.read_on - of.from_on).whole_days();
    if found.per_day.is_some() && days != found.period.days() {
        let step = Step::new(StepKind::Share, "quantity × days ÷ of_days")
            .with("quantity", found.quantity)
            .with("days", decimal::whole(days))
            .with("of_days", decimal::whole(found.period.days()));
        steps.push(step.equals(of.quantity));
    }
    let mut formula = "quantity".to_owned();
    let mut step = Step::new(StepKind::Rounded, "").with("quantity", of.quantity);
    if of.multiplier != Decimal::ONE {
        formula.push_str(" ÷ multiplier");
        step = step.with("multiplier", of.multiplier);
    }
    if let Some(from) = of.from_value {
        formula = format!("start + {formula}");
        step = step.with("start", from);
    }
    if let Some(capacity) = of.wrapped_at {
        formula.push_str(" − capacity");
        step = step.with("capacity", capacity).noted(Note::RolledOver);
    }
    step.formula = formula;
    steps.push(step.equals(of.value));
    steps
}

fn of_line(calc: &Calculation, at: usize, currency: &Currency) -> LineDerivation {
    let steps = line(&calc.lines, at, currency);
    let Some((of, quantity)) = calc.lines.get(at).and_then(|of| Some((of, of.quantity.as_ref()?))) else {
        return LineDerivation { source: None, steps };
    };
    let source = source(calc, of, quantity);
    let mut all = Vec::with_capacity(steps.len() + 1);
    if let QuantitySource::Reads(places) = &source {
        all.extend(from_registers(&calc.reads, places, quantity));
    }
    all.extend(steps);
    LineDerivation { source: Some(source), steps: all }
}

fn source(calc: &Calculation, line: &Line, quantity: &LineQuantity) -> QuantitySource {
    let Some(unit) = quantity.unit else { return QuantitySource::Items };
    if quantity.measured {
        return QuantitySource::Intervals;
    }
    if let Some(name) = &quantity.name {
        let place = calc.derived.iter().position(|of| {
            of.version == line.version && of.name == *name && of.unit == unit && of.bucket == quantity.bucket
        });
        return place.map_or(QuantitySource::Given, QuantitySource::Derived);
    }
    let places = |bucket: Option<&str>, any: bool| -> Vec<usize> {
        let same = |read: &&ReadUsed| any || read.tou_bucket.as_deref() == bucket;
        let of_unit = calc.reads.iter().enumerate().filter(|(_, read)| read.unit == unit && same(read));
        of_unit.map(|(at, _)| at).collect()
    };
    let bucket = quantity.bucket.as_ref().map(rating::Word::as_str);
    let mut found = places(bucket, false);
    if found.is_empty() && bucket.is_none() {
        // Registers of buckets only still have a total.
        found = places(None, true);
    }
    match added(&calc.reads, &found, quantity.kind) {
        Some(total) if total == quantity.total => QuantitySource::Reads(found),
        _ => QuantitySource::Given,
    }
}

/// What the registers come to together: uses add up, of demands the highest counts.
fn added(reads: &[ReadUsed], places: &[usize], kind: QuantityKind) -> Option<Decimal> {
    let values = places.iter().filter_map(|at| reads.get(*at)).map(|read| read.quantity);
    if places.is_empty() {
        return None;
    }
    if kind.accumulates() { decimal::sum(values).ok() } else { values.max() }
}

/// Several registers, a meter exchange say; one register's use is its read's own step.
fn from_registers(reads: &[ReadUsed], places: &[usize], quantity: &LineQuantity) -> Option<Step> {
    if places.len() < 2 {
        return None;
    }
    let names: Vec<String> = places.iter().map(|at| format!("read_{}", at + 1)).collect();
    let adds_up = quantity.kind.accumulates();
    let formula = if adds_up { names.join(" + ") } else { format!("max({})", names.join(", ")) };
    let values = places.iter().filter_map(|at| reads.get(*at)).map(|read| read.quantity);
    let step = names
        .into_iter()
        .zip(values)
        .fold(Step::new(StepKind::Quantity, formula), |step, (name, value)| step.with(name, value));
    Some(step.equals(quantity.total.normalize()))
}

fn sum(calc: &Calculation, total: Money, currency: &Currency) -> Step {
    let lines = (1..).zip(&calc.lines).map(|(number, line)| (format!("line_{number}"), line.amount_minor));
    let charges = (1..).zip(&calc.charges).map(|(number, of)| (format!("charge_{number}"), of.amount));
    let terms = (1..).zip(&calc.terms).map(|(number, of)| (format!("term_{number}"), of.amount));
    total_of(lines.chain(charges).chain(terms), total, currency)
}

/// Named amounts added up.
pub fn total_of(terms: impl IntoIterator<Item = (String, Money)>, total: Money, currency: &Currency) -> Step {
    let (names, amounts): (Vec<String>, Vec<Money>) = terms.into_iter().unzip();
    let formula = if names.is_empty() { "0".to_owned() } else { names.join(" + ") };
    let step =
        names.into_iter().zip(amounts).fold(Step::new(StepKind::Sum, formula), |step, (name, amount)| {
            step.with_text(name, currency.to_decimal(amount))
        });
    step.equals(currency.to_decimal(total))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn register(
        n: u8,
        bucket: Option<&str>,
        unit: &str,
        start: Option<&str>,
        end: &str,
        quantity: &str,
    ) -> Value {
        let register = vocab::RegisterId::new(vocab::ServicePointId(1), i64::from(n));
        let mut used = json!({
            "register": register, "serial": format!("M-{n}"), "unit": unit, "start_on": "2026-03-31",
            "start_value": start, "start_quality": start.map(|_| "actual"), "end_on": "2026-04-30",
            "end_value": end, "end_quality": "actual", "rolled_over": false, "multiplier": "1",
            "quantity": quantity
        });
        if let Some(bucket) = bucket {
            used["tou_bucket"] = json!(bucket);
        }
        used
    }

    fn line_of(unit: &str, kind: &str, total: &str) -> Value {
        let version = vocab::RateVersionId(1);
        json!({
            "rule": "r", "version": version, "kind": "unit",
            "period": { "first_on": "2026-04-01", "last_on": "2026-04-30" },
            "quantity": { "value": total, "in_period": total, "total": total, "share": "1/1", "unit": unit,
                          "kind": kind },
            "price": "0.10", "proration": "1/1", "unrounded": "28", "rounding": "half_away_from_zero",
            "decimals": 2, "amount_minor": 2800, "label": { "en": "Energy" }
        })
    }

    fn explained(reads: Vec<Value>, lines: Vec<Value>) -> Derivation {
        let total = Money::from_minor(2_800 * i64::try_from(lines.len()).unwrap());
        let calc = json!({ "v": 1, "reads": reads, "lines": lines });
        let calc = Calculation::parse(&calc.to_string()).unwrap();
        explain(&calc, total, &Currency::USD)
    }

    #[test]
    fn a_register_is_shown_from_its_reads() {
        let mut multiplied = register(1, None, "kwh", Some("1000"), "1007", "280");
        multiplied["multiplier"] = json!("40");
        let mut rolled = register(2, None, "kwh", Some("99990"), "00020", "30");
        rolled["rolled_over"] = json!(true);
        let consumptive = register(3, None, "kwh", None, "12.5", "12.5");
        let all = explained(vec![multiplied, rolled, consumptive], Vec::new());
        let shown: Vec<String> = all.reads.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["(1007 − 1000) × 40 = 280", "20 − 99990 + 100000 = 30", "12.5"]);
        assert_eq!(all.reads[1].note, Some(Note::RolledOver));
        assert_eq!(all.sum.to_string(), "0 = 0.00");
    }

    #[test]
    fn a_quantity_is_shown_from_its_registers() {
        let reads = vec![
            register(1, None, "kwh", Some("1000"), "1150", "150"),
            register(2, None, "kwh", Some("0"), "130", "130"),
            register(3, Some("on_peak"), "kw", None, "40", "40"),
            register(4, Some("off_peak"), "kw", None, "55", "55"),
        ];
        let lines =
            vec![line_of("kwh", "usage", "280"), line_of("kw", "peak", "55"), line_of("ccf", "usage", "3")];
        let all = explained(reads, lines);
        assert_eq!(all.lines[0].source, Some(QuantitySource::Reads(vec![0, 1])));
        assert_eq!(all.lines[0].steps[0].to_string(), "150 + 130 = 280");
        assert_eq!(all.lines[1].steps[0].to_string(), "max(40, 55) = 55");
        assert_eq!(all.lines[2].source, Some(QuantitySource::Given));
        assert_eq!(all.sum.to_string(), "28.00 + 28.00 + 28.00 = 84.00");
    }
}
