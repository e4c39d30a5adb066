//! Why a draft differs from an earlier one of the same account, contract by contract.
//!
//! The causes are read off the two documents alone: what differs in what a segment rests on (its reads, its
//! terms, its rate, its charges), in this order. A segment that differs with none of them rests on something that
//! it does not keep: that is `other`.

use crate::document::{Calculation, Draft, DraftSegment, Reason};
use crate::terms::TermKind;
use metering::ReadUsed;
use rating::Line;
use std::collections::{BTreeMap, BTreeSet};
use vocab::{
    ChangeCause, Code, Commodity, ContractId, Decimal, Money, RateScheduleId, ReadQuality, SegmentOutcome,
};

/// How an account's draft differs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountChange {
    /// The contracts that differ, in the order of the newer draft, then those that it does not have.
    pub contracts: Vec<ContractChange>,
    /// Every cause, of the contracts and of the account itself.
    pub causes: BTreeSet<ChangeCause>,
}

/// How a contract's segment differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractChange {
    /// The contract.
    pub contract: ContractId,
    /// Its service.
    pub commodity: Commodity,
    /// Its rate, in the newer draft where it is there.
    pub schedule: Option<RateScheduleId>,
    /// What became of it before; none when it was not there.
    pub old_outcome: Option<SegmentOutcome>,
    /// What becomes of it now; none when it is not there any more.
    pub new_outcome: Option<SegmentOutcome>,
    /// What it came to before.
    pub old_total: Money,
    /// What it comes to now.
    pub new_total: Money,
    /// Why.
    pub causes: BTreeSet<ChangeCause>,
}

/// What changed from one draft to another of the same account, and why.
pub fn causes(old: &Draft, new: &Draft) -> AccountChange {
    let in_old = |of: &DraftSegment| old.segments.iter().find(|old| old.contract == of.contract);
    let is_gone = |of: &&DraftSegment| new.segments.iter().all(|new| new.contract != of.contract);
    let pairs = new.segments.iter().map(|of| (in_old(of), Some(of)));
    let gone = old.segments.iter().filter(is_gone).map(|of| (Some(of), None));
    let mut change = AccountChange::default();
    for (old, new) in pairs.chain(gone) {
        let Some(of) = new.or(old).filter(|_| old != new) else { continue };
        let causes = of_segments(old, new);
        change.causes.extend(&causes);
        change.contracts.push(ContractChange {
            contract: of.contract,
            commodity: of.commodity,
            schedule: of.schedule,
            old_outcome: old.map(|of| of.outcome),
            new_outcome: new.map(|of| of.outcome),
            old_total: old.map_or(Money::ZERO, |of| of.total),
            new_total: new.map_or(Money::ZERO, |of| of.total),
            causes,
        });
    }
    if old.adjustments != new.adjustments {
        change.causes.insert(ChangeCause::Adjustment);
    }
    if change.causes.is_empty() {
        change.causes.insert(ChangeCause::Other);
    }
    change
}

fn of_segments(old: Option<&DraftSegment>, new: Option<&DraftSegment>) -> BTreeSet<ChangeCause> {
    let mut found = BTreeSet::new();
    let (Some(old), Some(new)) = (old, new) else {
        found.insert(ChangeCause::Contract);
        return found;
    };
    if (old.outcome == SegmentOutcome::Held) != (new.outcome == SegmentOutcome::Held) {
        found.insert(ChangeCause::Hold);
        return found;
    }
    if old.schedule != new.schedule {
        found.insert(ChangeCause::Rate);
    }
    match (&old.calc, &new.calc) {
        (Some(before), Some(now)) => of_calculations((old, before), (new, now), &mut found),
        _ => {
            found.extend([old, new].into_iter().filter_map(of_failure));
            if old.outcome != new.outcome && found.is_empty() {
                found.extend([old, new].into_iter().filter_map(|of| of.reason.as_ref().map(of_reason)));
            }
        }
    }
    if found.is_empty() {
        found.insert(ChangeCause::Other);
    }
    found
}

fn of_calculations(
    (old, before): (&DraftSegment, &Calculation),
    (new, now): (&DraftSegment, &Calculation),
    found: &mut BTreeSet<ChangeCause>,
) {
    let reads_differ = before.reads != now.reads;
    if reads_differ {
        let is_estimated = |of: &ReadUsed| of.end_quality == ReadQuality::Estimated;
        let estimated = |all: &[ReadUsed]| -> BTreeSet<_> {
            all.iter()
                .filter(|of| is_estimated(of))
                .map(|of| (of.register, of.end_on, of.end_value))
                .collect()
        };
        let known = |all: &[ReadUsed]| -> Vec<ReadUsed> {
            all.iter().filter(|of| !is_estimated(of)).cloned().collect()
        };
        if estimated(&before.reads) != estimated(&now.reads) {
            found.insert(ChangeCause::Estimate);
        }
        let (was, is) = (known(&before.reads), known(&now.reads));
        // Where an estimate gave way to a read, or a read to an estimate, it is the estimate that changed.
        if !found.contains(&ChangeCause::Estimate) || (was.len() == is.len() && was != is) {
            found.insert(ChangeCause::Read);
        }
    }
    let days_differ = old.period.map(|of| of.first_on()) != new.period.map(|of| of.first_on())
        || (!reads_differ && old.period != new.period);
    if before.rated != now.rated || old.is_final != new.is_final || days_differ || terms_differ(before, now) {
        found.insert(ChangeCause::Contract);
    }
    if before.charges != now.charges {
        found.insert(ChangeCause::Charge);
    }
    if prices_differ(&before.lines, &now.lines, reads_differ || old.period != new.period) {
        found.insert(ChangeCause::Rate);
    }
}

/// Whether other terms were billed: the difference of a budget alone follows from what was used.
fn terms_differ(before: &Calculation, now: &Calculation) -> bool {
    let agreed = |calc: &Calculation| -> Vec<_> {
        let own = calc.terms.iter().map(|line| (line.kind, line.amount));
        own.filter(|(kind, _)| *kind != TermKind::Budget).collect()
    };
    let is_level = |calc: &Calculation| calc.terms.iter().any(|line| line.kind == TermKind::Budget);
    agreed(before) != agreed(now) || is_level(before) != is_level(now)
}

/// Whether rules, versions or prices differ; with another use or other days only what both price tells.
fn prices_differ(old: &[Line], new: &[Line], is_otherwise: bool) -> bool {
    type Key = (String, Option<String>);
    let prices = |lines: &[Line]| -> BTreeMap<Key, BTreeSet<(i64, Decimal)>> {
        let mut all: BTreeMap<Key, BTreeSet<(i64, Decimal)>> = BTreeMap::new();
        for line in lines {
            let tier = line.tier.as_ref().map(|tier| format!("{tier:?}"));
            let price = (line.version.0, line.price.normalize());
            all.entry((line.rule.to_string(), tier)).or_default().insert(price);
        }
        all
    };
    let (old, new) = (prices(old), prices(new));
    if is_otherwise {
        new.iter().any(|(key, prices)| old.get(key).is_some_and(|of| of != prices))
    } else {
        old != new
    }
}

/// What a segment's error says was missing.
fn of_failure(of: &DraftSegment) -> Option<ChangeCause> {
    Some(match of.error.as_ref()?.code {
        Code::MissingStartRead | Code::MissingEndRead | Code::RolloverImplausible | Code::NoRegister => {
            ChangeCause::Read
        }
        Code::TooManyEstimates => ChangeCause::Estimate,
        Code::NoRateVersion | Code::NoFactorValue | Code::RateInvalid | Code::GlAccountMissing => {
            ChangeCause::Rate
        }
        _ => return None,
    })
}

const fn of_reason(reason: &Reason) -> ChangeCause {
    match reason {
        Reason::NoChargeDue => ChangeCause::Charge,
        Reason::AccountHeld { .. } | Reason::ContractHeld { .. } | Reason::MasterHeld { .. } => {
            ChangeCause::Hold
        }
        Reason::StartsAfterWindow { .. }
        | Reason::AlreadyBilled { .. }
        | Reason::TooShort { .. }
        | Reason::NothingToCharge
        | Reason::NoAnniversary { .. }
        | Reason::NotBillable
        | Reason::PredecessorFailed { .. }
        | Reason::MasterDeferred { .. }
        | Reason::MasterSkipped { .. }
        | Reason::NoContract => ChangeCause::Contract,
    }
}
