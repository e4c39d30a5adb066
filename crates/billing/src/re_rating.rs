//! A posted segment rated again from its own record, under a rate that may be another.
//!
//! The quantities are made anew from the reads that the segment keeps, by the code that bills; counts
//! and characteristics are those it was rated with. Charges that were passed on stay what they were:
//! no rate has made them.

use crate::context::RateSchedule;
use crate::document::{Calculation, Circumstances};
use crate::error::BillingError;
use crate::memory::{Memory, Remembered, quantities};
use crate::segment::whole_period;
use rating::{Exemption, FactorTable, InForce, OtherSegment, RatingInput, Series};
use vocab::{Currency, Money, Period};

/// A posted segment, and what it is rated with besides its own record.
#[derive(Debug, Clone, Copy)]
pub struct BilledSegment<'a> {
    /// The charged days.
    pub period: Period,
    /// The window that billed it; none off cycle.
    pub window: Option<Period>,
    /// Its arithmetic.
    pub calc: &'a Calculation,
    /// What the other segments of its bill measured.
    pub segments: &'a [OtherSegment],
    /// The interval data of its days, where the rate may price them.
    pub profile: &'a [Series],
    /// Certificates of tax exemption of its account.
    pub exemptions: &'a [Exemption],
    /// What the contract's earlier segments leave.
    pub memory: &'a Memory,
}

/// What a segment comes to under a rate.
#[derive(Debug, Clone, PartialEq)]
pub struct ReRated {
    /// Its lines, and the charges and terms that were billed with it.
    pub total: Money,
    /// What it leaves to the segments after it.
    pub remembered: Remembered,
}

/// What the segment comes to under this rate; none when no rate has made it: it passes charges on.
pub fn re_rate(
    segment: &BilledSegment<'_>,
    rate: &RateSchedule,
    factors: &FactorTable,
    currency: Currency,
) -> Result<Option<ReRated>, BillingError> {
    let Some(Circumstances { is_first, is_final, items, characteristics }) = &segment.calc.rated else {
        return Ok(None);
    };
    let quantities = quantities(segment.calc)?;
    let versions: Vec<InForce<'_>> =
        rate.versions.iter().map(|version| InForce { id: version.id, version: &version.rules }).collect();
    let intervals: Vec<_> = segment.profile.iter().map(Series::lent).collect();
    let rated = rating::rate(&RatingInput {
        whole_period: segment.window.and_then(|window| whole_period(window, segment.period, rate.frequency)),
        is_first: *is_first,
        is_final: *is_final,
        quantities: &quantities,
        intervals: &intervals,
        items,
        characteristics,
        factors,
        exemptions: segment.exemptions,
        history: &segment.memory.past,
        banks: &segment.memory.banks,
        segments: segment.segments,
        ..RatingInput::new(rate.id, segment.period, rate.frequency, &versions, currency)
    })
    .map_err(|error| error.problem())?;
    let charges = segment.calc.charges.iter().map(|charge| charge.amount);
    let terms = segment.calc.terms.iter().map(|line| line.amount);
    let total = Money::sum(std::iter::once(rated.total()).chain(charges).chain(terms))?;
    let (derived, lines) = rated.into_document().into_parts();
    let remembered = Remembered::new(segment.period, quantities, &derived, &lines)?;
    Ok(Some(ReRated { total, remembered }))
}
