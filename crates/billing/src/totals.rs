//! Totals of a draft by service, rate and rule: what registers and reports add up.

use crate::document::{Calculation, DraftSegment, TotalRow};
use vocab::decimal::{self, Overflow};
use vocab::{Commodity, Decimal, Money, RateScheduleId, SegmentOutcome, Unit};

/// The rule's name of billable charges.
const CHARGE: &str = "charge";

/// One row per service, rate, rule and unit of the billed segments, in order of appearance.
pub(crate) fn totals(segments: &[DraftSegment]) -> Result<Vec<TotalRow>, Overflow> {
    let mut rows: Vec<TotalRow> = Vec::new();
    for segment in segments.iter().filter(|segment| segment.outcome == SegmentOutcome::Billed) {
        if let Some(calc) = &segment.calc {
            add_segment(&mut rows, segment.commodity, segment.schedule, calc)?;
        }
    }
    Ok(rows)
}

/// The same of one posted segment.
pub fn segment_totals(
    commodity: Commodity,
    schedule: Option<RateScheduleId>,
    calc: &Calculation,
) -> Result<Vec<TotalRow>, Overflow> {
    let mut rows = Vec::new();
    add_segment(&mut rows, commodity, schedule, calc)?;
    Ok(rows)
}

fn add_segment(
    rows: &mut Vec<TotalRow>,
    commodity: Commodity,
    schedule: Option<RateScheduleId>,
    calc: &Calculation,
) -> Result<(), Overflow> {
    for line in &calc.lines {
        let quantity = line.quantity.as_ref();
        let unit = quantity.and_then(|of| of.unit);
        let key = Key { commodity, schedule, rule: line.rule.as_str(), unit };
        add(rows, key, quantity.map_or(Decimal::ZERO, |of| of.value), line.amount_minor)?;
    }
    for charge in &calc.charges {
        let key = Key { commodity, schedule: None, rule: CHARGE, unit: None };
        add(rows, key, Decimal::ZERO, charge.amount)?;
    }
    for line in &calc.terms {
        let key = Key { commodity, schedule: None, rule: line.kind.as_str(), unit: None };
        add(rows, key, Decimal::ZERO, line.amount)?;
    }
    Ok(())
}

struct Key<'a> {
    commodity: Commodity,
    schedule: Option<RateScheduleId>,
    rule: &'a str,
    unit: Option<Unit>,
}

fn add(rows: &mut Vec<TotalRow>, key: Key<'_>, quantity: Decimal, amount: Money) -> Result<(), Overflow> {
    let same = rows.iter_mut().find(|row| {
        row.commodity == key.commodity
            && row.schedule == key.schedule
            && row.rule == key.rule
            && row.unit == key.unit
    });
    match same {
        Some(row) => {
            row.quantity = decimal::add(row.quantity, quantity)?;
            row.amount = row.amount.plus(amount)?;
            row.lines += 1;
        }
        None => rows.push(TotalRow {
            commodity: key.commodity,
            schedule: key.schedule,
            rule: key.rule.to_owned(),
            unit: key.unit,
            quantity,
            amount,
            lines: 1,
        }),
    }
    Ok(())
}
