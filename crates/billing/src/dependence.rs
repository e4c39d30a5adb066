//! Contracts that rest on another contract of their account.
//!
//! A master comes before whatever depends on it, whatever the billing sequences say. What keeps a
//! master back keeps its dependents back too, with a reason that names it. Cycles are refused on
//! save; a chain that never ends is followed no further than there are contracts.

use crate::account::{AccountInputs, Contract};
use crate::context::RunContext;
use crate::document::{DraftSegment, Reason};
use vocab::{SegmentMethod, SegmentOutcome};

/// Contracts in scope: masters first, else by billing sequence of their type, then by id.
pub(crate) fn in_sequence<'a>(context: &RunContext, inputs: &'a AccountInputs) -> Vec<&'a Contract> {
    let mut all: Vec<&Contract> = inputs.contracts.iter().filter(|contract| contract.in_scope()).collect();
    all.sort_by_cached_key(|contract| {
        let own = sequence(context, contract);
        let (mut latest, mut depth, mut at) = (own, 0_usize, *contract);
        while let Some(master) = master_of(inputs, at).filter(|_| depth < inputs.contracts.len()) {
            latest = latest.max(sequence(context, master));
            depth += 1;
            at = master;
        }
        (latest, depth, own, contract.id)
    });
    all
}

fn sequence(context: &RunContext, contract: &Contract) -> i32 {
    context.contract_type(contract.type_id).map_or(i32::MAX, |of| of.sequence)
}

fn master_of<'a>(inputs: &'a AccountInputs, contract: &Contract) -> Option<&'a Contract> {
    contract.master.and_then(|master| inputs.contract(master)).filter(|master| master.in_scope())
}

/// What became of a contract's master, when it has one that was drafted.
pub(crate) fn master_segment<'a>(
    contract: &Contract,
    before: &'a [DraftSegment],
) -> Option<&'a DraftSegment> {
    let master = contract.master?;
    before.iter().find(|segment| segment.contract == master)
}

/// How a master keeps a contract back, if it does: the outcome, with the reason that names it.
pub(crate) fn kept_back(
    context: &RunContext,
    contract: &Contract,
    master: Option<&DraftSegment>,
) -> Option<(SegmentOutcome, Reason)> {
    let rests =
        context.contract_type(contract.type_id).is_some_and(|of| of.method == SegmentMethod::SubContract);
    let id = contract.master?;
    let outcome = master.map_or(SegmentOutcome::Skipped, |segment| segment.outcome);
    match outcome {
        SegmentOutcome::Error | SegmentOutcome::Blocked => {
            Some((SegmentOutcome::Blocked, Reason::PredecessorFailed { contract: id }))
        }
        SegmentOutcome::Deferred => Some((outcome, Reason::MasterDeferred { contract: id })),
        SegmentOutcome::Held => Some((outcome, Reason::MasterHeld { contract: id })),
        SegmentOutcome::Skipped if rests => Some((outcome, Reason::MasterSkipped { contract: id })),
        SegmentOutcome::Skipped | SegmentOutcome::Billed => None,
    }
}
