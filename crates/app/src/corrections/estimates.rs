//! What becomes of the estimates that reversed segments rest on, when their days are to be billed again.
//!
//! An estimate was made to end a bill. If it stayed as a read, the next bill of these days would end on it
//! instead of on what is read later. Where days are given back it stays: the contract goes on from it.

use super::Corrected;
use crate::Result;
use crate::invoice_model::calculation;
use billing::Calculation;
use std::collections::BTreeSet;
use store::Tx;
use store::bills::Segment;
use time::Date;
use vocab::{ContractId, ReadQuality, RegisterId};

/// Registers' days that end on an estimate.
type Ends = BTreeSet<(RegisterId, Date)>;

fn ends_of(calc: &Calculation) -> impl Iterator<Item = (RegisterId, Date)> {
    let estimated = calc.reads.iter().filter(|used| used.end_quality == ReadQuality::Estimated);
    estimated.map(|used| (used.register, used.end_on))
}

/// Locks the service points of an account, if segments of it that are to be reversed end on estimates. The
/// account is locked before.
pub(super) fn lock(tx: &mut Tx<'_>, segments: &[Segment]) -> Result<()> {
    for segment in segments {
        if let Some((register, _)) = ends_of(&calculation(segment)?).next() {
            // At once: what else they end on is at service points of the same account.
            return Ok(store::billing_inputs::lock_points(tx, &[segment.account_id], register.owner)?);
        }
    }
    Ok(())
}

/// The estimates that reversed segments end on are no reads any more, unless another segment that stands
/// begins or ends there, of whatever account.
pub(super) fn supersede(tx: &mut Tx<'_>, of: &Corrected) -> Result<()> {
    let mut ends = Ends::new();
    for segment in &of.cancelled {
        ends.extend(ends_of(&calculation(segment)?));
    }
    let Some(first_on) = ends.iter().map(|(_, day)| *day).min() else { return Ok(()) };
    let points: BTreeSet<_> = ends.iter().map(|(register, _)| register.owner).collect();
    let services = store::reads::services(tx, &points.into_iter().collect::<Vec<_>>())?;
    let contracts: Vec<ContractId> = services.into_iter().map(|service| service.contract).collect();
    for segment in store::bills::frozen_since(tx, &contracts, first_on)? {
        for used in calculation(&segment)?.reads {
            ends.remove(&(used.register, used.start_on));
            ends.remove(&(used.register, used.end_on));
        }
    }
    let days: Vec<(RegisterId, Date)> = ends.into_iter().collect();
    store::reads::supersede_estimates(tx, &days)?;
    Ok(())
}
