//! A posted segment rated again from its own record, under a rate that may be another.
//!
//! The quantities are made anew from the reads that the segment keeps, by the code that bills.
//! What a segment does not keep (counts, characteristics) comes from the contract as it is now.
//! Charges that were passed on stay what they were: no rate has made them.

use crate::context::RateSchedule;
use crate::document::Calculation;
use crate::error::BillingError;
use crate::memory::{Memory, quantities};
use crate::segment::whole_period;
use rating::{Characteristic, Exemption, FactorTable, InForce, ItemCount, RatingInput};
use vocab::{Currency, Money, Period};

/// A posted segment, and what its contract says besides.
#[derive(Debug, Clone, Copy)]
pub struct BilledSegment<'a> {
    /// The charged days.
    pub period: Period,
    /// The window that billed it; none off cycle.
    pub window: Option<Period>,
    /// Whether it is the contract's first.
    pub is_first: bool,
    /// Whether it is the contract's final one.
    pub is_final: bool,
    /// Its arithmetic.
    pub calc: &'a Calculation,
    /// Counts by name.
    pub items: &'a [ItemCount],
    /// Characteristics by name, those of the service point included.
    pub characteristics: &'a [Characteristic],
    /// Certificates of tax exemption.
    pub exemptions: &'a [Exemption],
    /// What the contract's earlier segments leave, as they were billed.
    pub memory: &'a Memory,
}

impl BilledSegment<'_> {
    /// Whether a rate made it: a contract with a rate may also have a segment of passed-on charges alone.
    pub fn is_rated(&self) -> bool {
        !self.calc.lines.is_empty() || !self.calc.reads.is_empty() || self.calc.charges.is_empty()
    }
}

/// What the segment comes to under this rate.
pub fn re_rate(
    segment: &BilledSegment<'_>,
    rate: &RateSchedule,
    factors: &FactorTable,
    currency: Currency,
) -> Result<Money, BillingError> {
    let quantities = quantities(segment.calc)?;
    let versions: Vec<InForce<'_>> =
        rate.versions.iter().map(|version| InForce { id: version.id, version: &version.rules }).collect();
    let rated = rating::rate(&RatingInput {
        whole_period: segment.window.and_then(|window| whole_period(window, segment.period, rate.frequency)),
        is_first: segment.is_first,
        is_final: segment.is_final,
        quantities: &quantities,
        items: segment.items,
        characteristics: segment.characteristics,
        factors,
        exemptions: segment.exemptions,
        history: &segment.memory.past,
        banks: &segment.memory.banks,
        ..RatingInput::new(rate.id, segment.period, rate.frequency, &versions, currency)
    })
    .map_err(|error| error.problem())?;
    let charges = segment.calc.charges.iter().map(|charge| charge.amount);
    Ok(Money::sum(std::iter::once(rated.total()).chain(charges))?)
}
