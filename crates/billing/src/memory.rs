//! What a contract's earlier segments leave to the next: the past quantities that averages and
//! ratchets look at, what each rule charged in the year, and what banks hold.

use crate::document::Calculation;
use crate::error::BillingError;
use crate::metered;
use metering::Consumption;
use rating::{BankBalance, LineKind, OtherSegment, Past, Quantity, Word};
use time::Date;
use vocab::decimal;
use vocab::{Money, Period};

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
        let mut quantities = quantities(calc)?;
        // What the tariff worked out is remembered too: a ratchet may look at billed demand.
        quantities.extend(calc.derived.iter().map(|of| Quantity { key: of.key(), value: of.value }));
        let mut charged: Vec<(Word, Money)> = Vec::new();
        // What a bank paid out is no charge of the year.
        for line in calc.lines.iter().filter(|line| line.kind != LineKind::Payout) {
            match charged.iter_mut().find(|(rule, _)| *rule == line.rule) {
                Some((_, sum)) => *sum = sum.plus(line.amount_minor)?,
                None => charged.push((line.rule.clone(), line.amount_minor)),
            }
        }
        let banks = calc.lines.iter().filter_map(|line| line.bank.as_deref()).map(|bank| BankBalance {
            bank: bank.bank.clone(),
            bucket: bank.bucket.clone(),
            balance: bank.closing,
        });
        Ok(Self { past: Past { period, quantities, charged }, banks: banks.collect() })
    }
}

impl Memory {
    /// Of the segments that ended before a day, in order of date.
    pub fn before(all: &[Remembered], first_on: Date) -> Self {
        let earlier: Vec<&Remembered> =
            all.iter().filter(|one| one.past.period.last_on() < first_on).collect();
        Self {
            past: earlier.iter().map(|one| one.past.clone()).collect(),
            banks: earlier.last().map(|one| one.banks.clone()).unwrap_or_default(),
        }
    }
}

/// What a segment's reads measured, under the keys that rules use.
pub(crate) fn quantities(calc: &Calculation) -> Result<Vec<Quantity>, BillingError> {
    metered::priced(&Consumption::of_reads(calc.reads.clone())?)
}

/// Adds what a segment measured to that of other contracts of its type.
pub(crate) fn measured_besides(
    others: &mut Vec<OtherSegment>,
    of: &str,
    calc: &Calculation,
) -> Result<(), BillingError> {
    let Ok(of) = of.parse::<Word>() else { return Ok(()) };
    let own = quantities(calc)?;
    let Some(known) = others.iter_mut().find(|other| other.of == of) else {
        others.push(OtherSegment { of, quantities: own });
        return Ok(());
    };
    for quantity in own {
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
