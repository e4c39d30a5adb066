//! Drafting an account's bill: every contract in scope gets exactly one outcome.

use crate::account::{AccountInputs, Contract};
use crate::comparisons;
use crate::context::RunContext;
use crate::dependence::{in_sequence, kept_back, master_segment};
use crate::digest::digest;
use crate::document::{DOCUMENT_VERSION, Draft, DraftSegment, Reason};
use crate::error::BillingError;
use crate::flags::Flag;
use crate::memory::{measured, put_beside};
use crate::routing;
use crate::segment::{self, Beside, Drafted};
use crate::totals::totals;
use rating::OtherSegment;
use vocab::decimal::Overflow;
use vocab::{FlagCode, ItemState, Money, Period, SegmentOutcome, Severity};

/// The account's bill as its inputs make it now. Pure: the same inputs give the same draft,
/// whatever the order of their rows.
pub fn draft(context: &RunContext, inputs: &AccountInputs) -> Draft {
    let account_hold = inputs.hold.as_ref().filter(|hold| hold.holds_on(context.as_of_on()));
    let mut segments = Vec::with_capacity(inputs.contracts.len());
    let mut flags = Vec::new();
    let looks_aside = context.looks_aside();
    let mut others = inputs.standing.clone();
    for contract in in_sequence(context, inputs) {
        let one = match account_hold {
            Some(hold) => {
                let reason = Reason::AccountHeld { until_on: hold.until_on, why: hold.reason.clone() };
                segment::held(context, contract, reason)
            }
            None => one(context, inputs, contract, Before { segments: &segments, others: &others }),
        };
        if looks_aside {
            beside(context, contract, &one.segment, &mut others);
        }
        segments.push(one.segment);
        flags.extend(one.flags);
    }
    let mut draft = Draft {
        v: DOCUMENT_VERSION,
        digest: digest(context, inputs),
        state: state(&segments),
        reason: None,
        total: Money::ZERO,
        period: None,
        segments,
        flags,
        totals: Vec::new(),
        adjustments: Money::sum(inputs.adjustments.iter().map(|(_, amount)| *amount)).unwrap_or_default(),
    };
    if account_hold.is_some() {
        draft.state = ItemState::Held;
    }
    if add_up(&mut draft).is_err() {
        too_large(&mut draft);
    }
    if draft.billed().next().is_some() {
        flag_account(context, inputs, &mut draft);
    } else if draft.state != ItemState::Error {
        let first = draft.segments.iter().find_map(|segment| segment.reason.clone());
        draft.reason = Some(first.unwrap_or(Reason::NoContract));
    }
    let found = comparisons::flags(context, inputs, &draft);
    draft.flags.extend(found);
    draft
}

/// What a segment measured, for those of later contracts that are charged by it. One that cannot be
/// added up leaves them without: their own error says so.
fn beside(context: &RunContext, contract: &Contract, segment: &DraftSegment, others: &mut Vec<OtherSegment>) {
    if let Some(of) = context.contract_type(contract.type_id)
        && let Some(calc) = &segment.calc
        && let Ok(Some(one)) = measured(&of.code, calc)
    {
        let _ = put_beside(others, one);
    }
}

/// What the contracts before have come to.
#[derive(Clone, Copy)]
struct Before<'a> {
    segments: &'a [DraftSegment],
    others: &'a [OtherSegment],
}

fn one(context: &RunContext, inputs: &AccountInputs, contract: &Contract, before: Before<'_>) -> Drafted {
    let master = master_segment(contract, before.segments);
    if let Some(hold) = contract.hold.as_ref().filter(|hold| hold.holds_on(context.as_of_on())) {
        let reason = Reason::ContractHeld { until_on: hold.until_on, why: hold.reason.clone() };
        return segment::held_beside(context, contract, reason, master);
    }
    match kept_back(context, contract, master) {
        Some((outcome, reason)) => segment::without_charge(context, contract, outcome, reason),
        None => segment::drafted(context, inputs, contract, Beside { others: before.others, master }),
    }
}

/// One failed contract keeps the account back; a held one does not.
fn state(segments: &[DraftSegment]) -> ItemState {
    let any = |outcome| segments.iter().any(|segment| segment.outcome == outcome);
    if any(SegmentOutcome::Error) || any(SegmentOutcome::Blocked) {
        ItemState::Error
    } else if any(SegmentOutcome::Billed) {
        ItemState::Drafted
    } else if any(SegmentOutcome::Held) {
        ItemState::Held
    } else if any(SegmentOutcome::Deferred) {
        ItemState::Deferred
    } else {
        ItemState::Skipped
    }
}

fn add_up(draft: &mut Draft) -> Result<(), Overflow> {
    draft.total = Money::sum(draft.billed().map(|segment| segment.total))?;
    draft.totals = totals(&draft.segments)?;
    draft.period = draft.billed().filter_map(|segment| segment.period).reduce(|a, b| {
        let first_on = a.first_on().min(b.first_on());
        Period::new(first_on, a.last_on().max(b.last_on())).unwrap_or(a)
    });
    Ok(())
}

/// The segments do not fit one bill: the last billed one takes the error.
fn too_large(draft: &mut Draft) {
    draft.state = ItemState::Error;
    draft.total = Money::ZERO;
    draft.totals.clear();
    let billed = |segment: &&mut DraftSegment| segment.outcome == SegmentOutcome::Billed;
    if let Some(segment) = draft.segments.iter_mut().rev().find(billed) {
        segment.outcome = SegmentOutcome::Error;
        segment.total = Money::ZERO;
        segment.calc = None;
        segment.error = Some(BillingError::from(Overflow));
    }
}

fn flag_account(context: &RunContext, inputs: &AccountInputs, draft: &mut Draft) {
    let total = context.currency().format(draft.total);
    let mut add = |code, severity, value: &str| {
        draft.flags.push(Flag {
            code,
            severity,
            contract: None,
            schedule: None,
            commodity: None,
            register: None,
            value: value.to_owned(),
            compared: String::new(),
        });
    };
    // An account taken over from another system has been billed before, there.
    let is_taken_over = inputs.contracts.iter().any(|contract| contract.billed_through_on.is_some());
    if inputs.last_bill.is_none() && !is_taken_over {
        add(FlagCode::FirstBill, Severity::Inform, &total);
    }
    if !draft.total.is_positive() {
        add(FlagCode::ZeroOrCreditBill, Severity::Inform, &total);
    }
    if let Some(name) = routing::unreachable(inputs) {
        add(FlagCode::MissingAddress, Severity::Block, name);
    }
}
