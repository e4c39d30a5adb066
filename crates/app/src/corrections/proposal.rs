//! Carrying out a proposal to bill periods again: the read holds, the register's values at the ends of the
//! periods are set by days, and every bill since the last good read is corrected.
//!
//! Late charges on what is cancelled are proposed for reversal, not reversed: a person cancels the adjustments.

use super::cancel::rebill_locked;
use super::{Contexts, Corrected, Desk};
use crate::audit::{self, Action};
use crate::places::find_point;
use crate::rebills::{self, RebillView};
use crate::{Caller, Error, Result, accounts};
use billing::RebillEvent;
use metering::Boundary;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use store::adjustments::Adjustment;
use store::bills::Segment;
use store::reads::NewRead;
use store::rebill_proposals::{self as proposals, RebillProposal};
use store::{Tx, corrections as rows};
use time::Date;
use vocab::dates::civil;
use vocab::{
    AccountId, AdjustmentPurpose, BillId, Problem, ReadQuality, ReadStatus, RebillProposalId, RegisterId,
};

/// What a proposal came to.
#[derive(Debug, Clone)]
pub struct Approved {
    /// The proposal, decided.
    pub proposal: RebillProposal,
    /// The corrections, by the days of their bills.
    pub corrections: Vec<Corrected>,
    /// Late charges posted since what was cancelled fell due.
    pub late_charges: Vec<Adjustment>,
}

/// Carries an open proposal out. What it would come to can be looked at before ([`crate::preview`]).
pub fn approve(tx: &mut Tx<'_>, caller: &Caller, id: RebillProposalId, reason: &str) -> Result<Approved> {
    let mut desk = Desk::new(tx, caller, reason)?;
    desk.proposal = Some(id);
    // Its accounts never change: they are locked before its service point.
    let found = proposals::find(tx, id)?.ok_or_else(Problem::not_found)?;
    let mut ids = found.account_ids;
    ids.sort_unstable();
    ids.dedup();
    let mut locked = HashMap::with_capacity(ids.len());
    for &account in &ids {
        locked.insert(account, accounts::lock(tx, caller, account)?);
    }
    store::billing_inputs::lock_points(tx, &ids, id.owner)?;
    find_point(tx, caller, id.owner)?;
    let found = proposals::find(tx, id)?.ok_or_else(Problem::not_found)?;
    let to = rebills::step(&found, RebillEvent::Approve)?;
    let view = rebills::view(tx, caller, found.clone())?;
    if let Some(problem) = view.problem {
        return Err(problem.into());
    }
    set_reads(tx, &desk, &view)?;
    if !proposals::decide(tx, id, to, &caller.actor(), reason)? {
        return Err(Error::Fault("a proposal changed under its lock".to_owned()));
    }
    let mut contexts = Contexts::default();
    let mut corrections = Vec::new();
    for (bill, segments) in by_bill(&view) {
        let account =
            locked.get(&bill.owner).ok_or_else(|| Error::Fault("a bill of another account".to_owned()))?;
        let row = rows::lock_bill(tx, bill)?.ok_or_else(Problem::not_found)?;
        corrections.push(rebill_locked(tx, &desk, &mut contexts, account, &row, segments)?);
    }
    let late_charges = late_charges(tx, &ids, &corrections)?;
    let after = json!({
        "kind": found.kind,
        "read": found.read(),
        "read_on": civil::format(found.read_on),
        "corrections": corrections.len(),
    });
    let (subject, reason) = (id.to_string(), Some(reason.to_owned()));
    audit::record(
        tx,
        caller,
        Action { action: "rebill.approve", subject, after: Some(after), reason, before: None },
    )?;
    let proposal = proposals::find(tx, id)?.ok_or_else(Problem::not_found)?;
    Ok(Approved { proposal, corrections, late_charges })
}

/// The segments to bill again by their bills, in the order of the days.
fn by_bill(view: &RebillView) -> Vec<(BillId, Vec<Segment>)> {
    let mut bills: BTreeMap<(Date, BillId), Vec<Segment>> = BTreeMap::new();
    let mut first: HashMap<BillId, Date> = HashMap::new();
    for (segment, _) in &view.segments {
        let bill = BillId::new(segment.account_id, segment.bill_id);
        let from = first.entry(bill).or_insert(segment.first_on);
        *from = (*from).min(segment.first_on);
    }
    for (segment, _) in &view.segments {
        let bill = BillId::new(segment.account_id, segment.bill_id);
        let from = first.get(&bill).copied().unwrap_or(segment.first_on);
        bills.entry((from, bill)).or_default().push(segment.clone());
    }
    bills.into_iter().map(|((_, bill), segments)| (bill, segments)).collect()
}

/// The read holds; values found by days become reads, in the place of what was estimated for their days.
fn set_reads(tx: &mut Tx<'_>, desk: &Desk<'_>, view: &RebillView) -> Result<()> {
    let register = view.proposal.register();
    let by = desk.caller.actor();
    let read = &view.read;
    if read.status == ReadStatus::Held {
        let day = [(register, read.read_on)];
        store::reads::supersede(tx, &day)?;
        proposals::withdraw_superseded(tx, &day, &by)?;
        let set = store::reads::set_status(
            tx,
            read.read_id(),
            ReadStatus::Held,
            ReadStatus::Valid,
            Some(desk.reason),
        )?;
        if !set {
            return Err(Error::Fault("an open proposal without its held read".to_owned()));
        }
        store::reread_orders::fulfil(tx, &[(register, read.id)])?;
    }
    let mut found: BTreeMap<Date, Boundary> = BTreeMap::new();
    let all = view.periods.iter().flat_map(|period| [period.start, period.end]).flatten();
    for boundary in all.filter(|boundary| boundary.quality == ReadQuality::Adjusted) {
        if boundary.on != read.read_on {
            found.insert(boundary.on, boundary);
        }
    }
    let days: Vec<(RegisterId, Date)> = found.keys().map(|&day| (register, day)).collect();
    store::reads::supersede(tx, &days)?;
    proposals::withdraw_superseded(tx, &days, &by)?;
    let now = tx.as_of();
    let new = |boundary: Boundary| {
        let end = desk.utility.zone.end_of(boundary.on);
        let end = end.ok_or_else(|| Error::Fault("a day without an end".to_owned()))?;
        Ok(NewRead {
            register,
            read_at: end.min(now),
            read_on: boundary.on,
            value: boundary.value,
            quality: ReadQuality::Adjusted,
            status: ReadStatus::Valid,
            source: "rebill".into(),
            import_id: None,
            reason: Some(view.proposal.proposal_id().to_string()),
        })
    };
    let reads = found.into_values().map(new).collect::<Result<Vec<NewRead>>>()?;
    store::reads::copy_in(tx, &reads)?;
    Ok(())
}

/// Late charges of accounts posted after the first of the cancelled amounts fell due.
fn late_charges(
    tx: &mut Tx<'_>,
    accounts: &[AccountId],
    corrections: &[Corrected],
) -> Result<Vec<Adjustment>> {
    let mut all = Vec::new();
    for &account in accounts {
        let own = corrections.iter().filter(|of| of.correction.account_id == account);
        let ids: Vec<(AccountId, i64)> = own
            .filter(|of| of.correction.cancelled_minor.is_positive())
            .map(|of| (account, of.correction.bill_id))
            .collect();
        let due_on = store::bills::load(tx, &ids)?.into_iter().map(|bill| bill.due_on).min();
        if let Some(due_on) = due_on {
            let purpose = AdjustmentPurpose::LateCharge;
            all.extend(store::adjustments::posted_since(tx, account, purpose, due_on)?);
        }
    }
    Ok(all)
}
