//! Sub-contracts: charges derived from what a master's segment measured.
//!
//! The charged days are those of the master's segment that fall into the contract's own life and are not
//! charged yet. What accumulates over days is taken in proportion where they are fewer.

use crate::account::Contract;
use crate::document::{DraftSegment, Reason};
use crate::error::BillingError;
use crate::memory;
use crate::period::{Charged, Due};
use crate::segment::Subject;
use rating::Quantity;
use vocab::dates::civil;
use vocab::decimal::{self, Rounding};
use vocab::{Period, SegmentOutcome};

/// Decimals of a quantity that was cut.
const CUT_DECIMALS: u32 = 6;

/// The days of the master's segment that are this contract's.
pub(crate) fn due(subject: Subject<'_>) -> Due {
    let contract = subject.contract;
    let already = || Due::Skipped(Reason::AlreadyBilled { through_on: contract.billed_through_on });
    let Some(master) = subject.beside.master.filter(|of| of.outcome == SegmentOutcome::Billed) else {
        // Only where no master is named at all: what became of one has been looked at before.
        return Due::Skipped(Reason::NothingToCharge);
    };
    let (Some(theirs), Some(first_on)) = (master.period, contract.first_charge_on()) else {
        return already();
    };
    if contract.starts_on > theirs.last_on() {
        return Due::Skipped(Reason::StartsAfterWindow { starts_on: contract.starts_on });
    }
    let last_on = contract.ends_on.map_or(theirs.last_on(), |ends_on| ends_on.min(theirs.last_on()));
    let Some(period) = Period::new(first_on.max(theirs.first_on()), last_on) else { return already() };
    Due::Days(Charged {
        period,
        is_first: contract.billed_through_on.is_none(),
        is_final: master.is_final || contract.ends_on == Some(last_on),
        estimates: false,
    })
}

/// What the master's segment measured in these days.
pub(crate) fn quantities(subject: Subject<'_>, charged: &Charged) -> Result<Vec<Quantity>, BillingError> {
    let Some((calc, theirs)) = subject.beside.master.and_then(|of| of.calc.as_ref().zip(of.period)) else {
        return Ok(Vec::new());
    };
    let mut all = memory::quantities(calc)?;
    if charged.period != theirs {
        let (days, of) = (decimal::whole(charged.period.days()), decimal::whole(theirs.days()));
        for quantity in all.iter_mut().filter(|quantity| quantity.key.kind.accumulates()) {
            let part = decimal::mul_div(quantity.value, days, of)?;
            quantity.value = decimal::round(part, CUT_DECIMALS, Rounding::HalfAwayFromZero);
        }
    }
    Ok(all)
}

/// Open days of a held contract that its master's segment is the last chance to charge: one of the two ends with
/// it. The master's later segments, if any, measure other days.
pub(crate) fn last_chance(contract: &Contract, master: &DraftSegment) -> Option<String> {
    let theirs = master.period.filter(|_| master.outcome == SegmentOutcome::Billed)?;
    let ends_on = contract.ends_on.filter(|ends_on| *ends_on <= theirs.last_on());
    if !master.is_final && ends_on.is_none() {
        return None;
    }
    let first_on = contract.first_charge_on()?.max(theirs.first_on());
    Some(shown(Period::new(first_on, ends_on.unwrap_or(theirs.last_on()))?))
}

/// Days of the contract before the master's segment that nothing charges any more: it was held while the
/// master was billed.
pub(crate) fn lost_days(subject: Subject<'_>, charged: &Charged) -> Option<String> {
    let first_on = subject.contract.first_charge_on()?;
    let last_on = charged.period.first_on().previous_day()?;
    Some(shown(Period::new(first_on, last_on)?))
}

fn shown(days: Period) -> String {
    format!("{} to {}", civil::format(days.first_on()), civil::format(days.last_on()))
}
