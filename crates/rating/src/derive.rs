//! Works out the quantities that a tariff defines, each with its record.

use crate::error::RatingError;
use crate::formula::Formula;
use crate::history;
use crate::input::InForce;
use crate::line::Named;
use crate::measures::Measures;
use crate::tariff::{Derived, Operand, QuantityKey, Source};
use crate::word::Word;
use crate::working::{DerivedQuantity, PastValue, Working};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use vocab::Decimal;
use vocab::decimal::{self, STORED_SCALE};

/// The name that formulas always know: the charged days.
pub(crate) fn days_name() -> Option<Word> {
    static NAME: LazyLock<Option<Word>> = LazyLock::new(|| "days".parse().ok());
    NAME.clone()
}

/// Works out one definition and keeps it, or why it could not be: only a rule that needs it fails.
/// A quantity that is given overrides the definition; its record would prove what nobody priced.
pub(crate) fn work_out<'a>(
    measures: &mut Measures<'a>,
    in_force: InForce<'a>,
    at: usize,
    definition: &'a Derived,
) {
    let keys = std::iter::once(None).chain(definition.buckets().iter().cloned().map(Some));
    let given = &measures.input.quantities;
    if keys.map(|bucket| definition.key(bucket)).any(|key| given.iter().any(|of| of.key == key)) {
        return;
    }
    let keep = |measures: &mut Measures<'a>,
                bucket: Option<Word>,
                working: Result<(Working, Decimal), RatingError>| {
        let record =
            working.map(|(working, exact)| recorded(in_force, definition, bucket.clone(), working, exact));
        measures.keep(in_force.id, definition.key(bucket), record);
    };
    match &definition.from {
        Source::Formula { with, value: text } => {
            let formula = in_force.version.derived_formula(at);
            let working = by_formula(measures, in_force, with, text, formula);
            keep(measures, None, working);
        }
        Source::Average { quantity, months, default, cap } => {
            let working = average(measures, quantity, months, *default, *cap);
            keep(measures, None, working);
        }
        Source::Ratchet { .. } => {
            let working = ratchet(measures, in_force, &definition.from);
            keep(measures, None, working);
        }
        Source::Net { delivered, received, bank, buckets } => {
            if buckets.is_empty() {
                let working = net(measures, in_force, (delivered, received, bank), None);
                keep(measures, None, working);
                return;
            }
            let mut parts: Result<Vec<Named>, RatingError> = Ok(Vec::new());
            for bucket in buckets {
                let working = net(measures, in_force, (delivered, received, bank), Some(bucket));
                match (&mut parts, &working) {
                    // The buckets add up as they are priced: rounded.
                    (Ok(parts), Ok((_, exact))) => {
                        parts.push(Named { name: bucket.clone(), value: rounded(definition, *exact) });
                    }
                    (Ok(_), Err(error)) => parts = Err(error.clone()),
                    _ => {}
                }
                keep(measures, Some(bucket.clone()), working);
            }
            let total = parts.and_then(|of| {
                let sum = decimal::sum(of.iter().map(|part| part.value))?;
                Ok((Working::Buckets { of }, sum))
            });
            keep(measures, None, total);
        }
    }
}

/// Decimals that a definition is rounded to.
fn decimals(definition: &Derived) -> u8 {
    definition.decimals.unwrap_or(u8::try_from(STORED_SCALE).unwrap_or(u8::MAX))
}

fn rounded(definition: &Derived, exact: Decimal) -> Decimal {
    decimal::round(exact, u32::from(decimals(definition)), definition.rounding).normalize()
}

fn recorded(
    in_force: InForce<'_>,
    definition: &Derived,
    bucket: Option<Word>,
    working: Working,
    exact: Decimal,
) -> DerivedQuantity {
    DerivedQuantity {
        version: in_force.id,
        name: definition.name.clone(),
        unit: definition.unit,
        kind: definition.kind,
        bucket,
        working,
        decimals: decimals(definition),
        rounding: definition.rounding,
        value: rounded(definition, exact),
    }
}

fn by_formula<'a>(
    measures: &mut Measures<'a>,
    in_force: InForce<'a>,
    with: &'a BTreeMap<Word, Operand>,
    text: &str,
    formula: Option<&Formula>,
) -> Result<(Working, Decimal), RatingError> {
    let named = with
        .iter()
        .map(|(name, operand)| {
            Ok(Named { name: name.clone(), value: operand_value(measures, in_force, operand)? })
        })
        .collect::<Result<Vec<Named>, RatingError>>()?;
    let (named, value) = evaluate(formula, named, measures.input.period.days())?;
    Ok((Working::Formula { text: text.to_owned(), with: named }, value))
}

/// The formula's value; the days are named with the others where they are not yet.
pub(crate) fn evaluate(
    formula: Option<&Formula>,
    mut named: Vec<Named>,
    days: i64,
) -> Result<(Vec<Named>, Decimal), RatingError> {
    if let Some(name) = days_name()
        && named.iter().all(|of| of.name != name)
    {
        named.push(Named { name, value: decimal::whole(days) });
    }
    let values: Vec<Decimal> = named.iter().map(|of| of.value).collect();
    let value = formula.ok_or(RatingError::ArithmeticOverflow)?.value(&values)?;
    Ok((named, value))
}

/// What an operand stands for, over the whole period; a rule's lines are the caller's matter.
pub(crate) fn operand_value<'a>(
    measures: &mut Measures<'a>,
    in_force: InForce<'a>,
    operand: &Operand,
) -> Result<Decimal, RatingError> {
    let input = measures.input;
    match operand {
        Operand::Quantity(key) => measures.whole(in_force, key),
        Operand::Item(item) => input.count(item),
        Operand::Rule(rule) => Err(RatingError::QuantityMissing { quantity: format!("rule {rule}") }),
        Operand::Price(price) => input.price(price, input.period.last_on()),
        Operand::Characteristic(name) => {
            let value = input.characteristic(name).and_then(decimal::parse);
            value.ok_or_else(|| RatingError::QuantityMissing { quantity: format!("characteristic {name}") })
        }
        Operand::Segment(of) => {
            let segment = input.segments.iter().find(|segment| segment.of == of.of);
            let found = segment
                .and_then(|segment| segment.quantities.iter().find(|quantity| quantity.key == of.quantity));
            found.map(|quantity| quantity.value).ok_or_else(|| RatingError::QuantityMissing {
                quantity: format!("{} of {}", of.quantity, of.of),
            })
        }
    }
}

fn average(
    measures: &Measures<'_>,
    quantity: &QuantityKey,
    months: &[u8],
    default: Option<Decimal>,
    cap: Option<Decimal>,
) -> Result<(Working, Decimal), RatingError> {
    let input = measures.input;
    let of = history::complete_run(input.history, quantity, months, input.period.last_on());
    let exact = if of.is_empty() {
        default.ok_or_else(|| RatingError::QuantityMissing { quantity: format!("past {quantity}") })?
    } else {
        let count = i64::try_from(of.len()).map_err(|_| RatingError::ArithmeticOverflow)?;
        decimal::div(decimal::sum(of.iter().map(|past| past.value))?, decimal::whole(count))?
    };
    let capped = cap.map_or(exact, |cap| exact.min(cap));
    Ok((Working::Average { of, default, cap }, capped))
}

fn ratchet<'a>(
    measures: &mut Measures<'a>,
    in_force: InForce<'a>,
    source: &Source,
) -> Result<(Working, Decimal), RatingError> {
    let Source::Ratchet { quantity, months, in_months, percent, minimum } = source else {
        return Err(RatingError::ArithmeticOverflow);
    };
    let present = measures.whole(in_force, quantity)?;
    let input = measures.input;
    let of: Vec<PastValue> = history::look_back(input.history, quantity, *months, in_months, input.period);
    let highest = of.iter().map(|past| past.value).max().unwrap_or_default();
    let ratcheted = decimal::mul_div(highest, *percent, Decimal::ONE_HUNDRED)?;
    let billed = present.max(ratcheted).max(minimum.unwrap_or(present));
    Ok((Working::Ratchet { present, of, percent: *percent, minimum: *minimum }, billed))
}

fn net<'a>(
    measures: &mut Measures<'a>,
    in_force: InForce<'a>,
    (delivered, received, bank): (&QuantityKey, &QuantityKey, &Word),
    bucket: Option<&Word>,
) -> Result<(Working, Decimal), RatingError> {
    let of = |key: &QuantityKey| {
        bucket.map_or_else(|| key.clone(), |bucket| key.clone().in_bucket(bucket.clone()))
    };
    let delivered = measures.whole(in_force, &of(delivered))?;
    let received = measures.whole(in_force, &of(received))?;
    let opening = measures.opening(bank, bucket);
    let left = decimal::sub(decimal::sub(delivered, received)?, opening)?;
    Ok((Working::Net { delivered, received, opening }, left.max(Decimal::ZERO)))
}
