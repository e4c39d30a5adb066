//! What a contract's earlier segments leave to the next: the past quantities that averages and
//! ratchets look at, what each rule charged in the year, and what banks hold.

use crate::document::Calculation;
use crate::error::BillingError;
use crate::metered;
use metering::Consumption;
use rating::{BankBalance, DerivedQuantity, Line, OtherSegment, Past, Quantity, Word};
use time::Date;
use vocab::Period;
use vocab::decimal::{self, Overflow};

/// An earlier segment of a contract.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    /// Its days, quantities and amounts by rule.
    pub past: Past,
    /// What banks held when it ended.
    pub banks: Vec<BankBalance>,
}

/// What a segment is rated with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Memory {
    /// Earlier periods, in order of date.
    pub past: Vec<Past>,
    /// What banks hold.
    pub banks: Vec<BankBalance>,
}

impl Remembered {
    /// What a posted segment leaves.
    pub fn of(period: Period, calc: &Calculation) -> Result<Self, BillingError> {
        Self::new(period, quantities(calc)?, &calc.derived, &calc.lines)
    }

    /// What a rated period leaves: what it measured and what its tariff worked out (a ratchet may
    /// look at billed demand), what each rule charged, what banks hold.
    pub(crate) fn new(
        period: Period,
        measured: Vec<Quantity>,
        derived: &[DerivedQuantity],
        lines: &[Line],
    ) -> Result<Self, BillingError> {
        let mut quantities = measured;
        for of in derived {
            let key = of.key();
            match quantities.iter_mut().find(|known| known.key == key) {
                // Two versions in one period each worked it out: of demands the higher counts.
                Some(known) if key.kind.accumulates() => known.value = of.value,
                Some(known) => known.value = known.value.max(of.value),
                None => quantities.push(Quantity { key, value: of.value }),
            }
        }
        Ok(Self {
            past: Past::of_lines(period, quantities, lines)?,
            banks: BankBalance::closing(lines).collect(),
        })
    }
}

impl Memory {
    /// Of the segments that ended before a day, in order of date.
    pub fn before(all: &[Remembered], first_on: Date) -> Self {
        let mut memory = Self::default();
        for one in all.iter().filter(|one| one.past.period.last_on() < first_on) {
            memory.past.push(one.past.clone());
            // A rule out of its season says nothing of its bank, which keeps what it holds.
            BankBalance::carry(&mut memory.banks, one.banks.iter().cloned());
        }
        memory
    }
}

/// What a segment's reads measured, or what its master's did, under the keys that rules use.
pub(crate) fn quantities(calc: &Calculation) -> Result<Vec<Quantity>, BillingError> {
    if calc.reads.is_empty() {
        return Ok(calc.given.clone());
    }
    metered::priced(&Consumption::of_reads(calc.reads.clone())?)
}

/// What a segment measured, as those of other contracts may price it; none when it read nothing, or
/// when the code of its type can be named by no rule.
pub fn measured(of: &str, calc: &Calculation) -> Result<Option<OtherSegment>, BillingError> {
    match of.parse::<Word>() {
        Ok(of) if !calc.reads.is_empty() => Ok(Some(OtherSegment { of, quantities: quantities(calc)? })),
        _ => Ok(None),
    }
}

/// Adds what a segment measured to that of other contracts of its type.
pub fn put_beside(others: &mut Vec<OtherSegment>, one: OtherSegment) -> Result<(), Overflow> {
    let Some(known) = others.iter_mut().find(|other| other.of == one.of) else {
        others.push(one);
        return Ok(());
    };
    for quantity in one.quantities {
        match known.quantities.iter_mut().find(|other| other.key == quantity.key) {
            Some(sum) if quantity.key.kind.accumulates() => {
                sum.value = decimal::add(sum.value, quantity.value)?;
            }
            Some(highest) => highest.value = highest.value.max(quantity.value),
            None => known.quantities.push(quantity),
        }
    }
    Ok(())
}
