//! Billing the days of reversed segments again: each bill's in the context of its own window, by the rates,
//! reads and agreements as they are now.

use super::Desk;
use super::reverse::{Side, has_ended_itself, post_totals, progress};
use crate::runs::inputs::{self, Agreed, Reads};
use crate::runs::{EstimatesMade, context, segment_row};
use crate::{Error, Result};
use billing::{
    PostedSegment, Replacement, RunContext, TermKind, bill_again, measured, progress_of, put_beside,
};
use std::collections::HashMap;
use store::accounts::Account;
use store::billing_inputs::ContractRow;
use store::bills::{Bill, Segment};
use store::posting::mark_charges;
use store::windows::Window;
use store::{Tx, corrections as rows};
use vocab::{AccountId, Code, ContractState, Money, Problem, SegmentId, WindowId, WindowState};

/// Contexts of windows that corrections have met, so that many bills of one window read the book once.
#[derive(Default)]
pub(crate) struct Contexts(HashMap<WindowId, RunContext>);

impl Contexts {
    /// The context in which a bill's days are billed.
    pub(super) fn of(&mut self, tx: &mut Tx<'_>, desk: &Desk<'_>, bill: &Bill) -> Result<&RunContext> {
        // A bill between two windows has one of its own, under a number that no window has.
        let id = bill.window_id.unwrap_or(WindowId(-bill.id));
        if let std::collections::hash_map::Entry::Vacant(entry) = self.0.entry(id) {
            let window = match bill.window_id {
                Some(window) => store::windows::find(tx, window)?.ok_or_else(Problem::not_found)?,
                None => between(bill),
            };
            let today = desk.utility.day(tx.as_of());
            entry.insert(context::build(tx, &desk.utility, &window, bill.run_id, today)?);
        }
        self.0.get(&id).ok_or_else(|| Error::Fault("a context got lost".to_owned()))
    }
}

/// The days of a bill between two windows, as a window.
pub(super) fn between(bill: &Bill) -> Window {
    Window {
        id: WindowId(0),
        cycle_id: vocab::CycleId(0),
        starts_on: bill.period_first_on,
        ends_on: bill.period_last_on,
        accounting_on: bill.bill_on,
        bill_on: bill.bill_on,
        estimate_on: None,
        state: WindowState::Open,
        closed_reason: None,
        version: 1,
    }
}

/// A segment that took another's place, and what it posted.
pub(super) struct Made {
    pub(super) rows: Vec<Segment>,
    /// Transactions by the segment whose place they take.
    pub(super) fts: Vec<(SegmentId, Vec<billing::Ft>)>,
}

/// Bills the days of reversed segments of one bill again, and posts them.
pub(super) fn again(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    contexts: &mut Contexts,
    account: &Account,
    bill: &Bill,
    reversed: &[PostedSegment],
) -> Result<Made> {
    let dates = desk.dates(tx, bill);
    let routed_on = desk.utility.day(tx.as_of());
    let context = contexts.of(tx, desk, bill)?;
    let id = account.account_id;
    let ids: Vec<i64> = reversed.iter().map(|segment| segment.id.n).collect();
    let of_contract = |contract: i64| reversed.iter().find(|segment| segment.contract.n == contract);
    let mut contracts = store::billing_inputs::all_contracts(tx, &[id])?;
    contracts.retain(|row| of_contract(row.id).is_some());
    let mut moves = Vec::new();
    for row in &mut contracts {
        let Some(segment) = of_contract(row.id) else { continue };
        if row.terms.is_some() || !segment.document.terms.is_empty() {
            refuse_settled(row, segment)?;
            moves.push(row.clone());
            if has_ended_itself(row) {
                row.ends_on = None;
            }
            row.progress_minor = progress_before(tx, row, segment)?;
        }
        // What was read since the segment began must be loaded, however far it is billed by now.
        row.billed_through_on = segment.period.first_on().previous_day();
    }
    let charges = rows::charges_of(tx, id, &ids)?.into_iter().map(|(_, row)| row).collect();
    let agreed = Agreed { contracts, charges };
    let mut loaded =
        inputs::load_agreed(tx, context, std::slice::from_ref(account), agreed, Reads::Billed, routed_on)?;
    let mut inputs = loaded.pop().ok_or_else(Problem::not_found)?;
    inputs.hold = None;
    let contracts = std::mem::take(&mut inputs.contracts);
    inputs.contracts = contracts
        .into_iter()
        .filter_map(|contract| Some(of_contract(contract.id.n)?.again(contract)))
        .collect();
    if context.looks_aside() {
        for segment in rows::standing(tx, id, &[bill.id])? {
            let code = code_of(tx, id, segment.contract_id)?;
            let calc = crate::invoice_model::calculation(&segment)?;
            if let Some(one) = measured(&code, &calc).map_err(|error| refusal(&error))? {
                put_beside(&mut inputs.standing, one)?;
            }
        }
    }
    // A segment, and at most a transaction for each due date and one for the rest.
    let needed = reversed.iter().map(|segment| segment.fts.len() + 2).sum();
    let mut fresh = tx.new_ids(needed)?.into_iter();
    let mut next = || fresh.next().unwrap_or_default();
    let made = bill_again(context, &inputs, reversed, dates, &mut next).map_err(Problem::from)?;
    move_terms(tx, &moves, reversed, &made)?;
    write(tx, id, bill, &ids, made)
}

/// A budget that has been settled is not opened again: nothing would settle it once more.
fn refuse_settled(row: &ContractRow, segment: &PostedSegment) -> Result<()> {
    let was_level = segment.document.terms.iter().any(|line| line.kind == TermKind::Budget);
    let is_over = row.state == ContractState::Closed || row.terms.is_none();
    if was_level && is_over {
        let detail = format!("the budget of {} has been settled; post an adjustment instead", segment.id);
        return Err(Problem::new(Code::WrongState, detail).with("state", row.state).into());
    }
    Ok(())
}

/// How far a contract's terms had come before a segment.
fn progress_before(tx: &mut Tx<'_>, row: &ContractRow, segment: &PostedSegment) -> Result<Money> {
    let mut before = row.progress_minor.minus(progress_of(&segment.document)?)?;
    let last_on = segment.period.last_on();
    for later in rows::later(tx, row.account_id, row.id, last_on, &[segment.id.n])? {
        before = before.minus(progress_of(&crate::invoice_model::calculation(&later)?)?)?;
    }
    Ok(before)
}

/// The terms of contracts have come as far as their new segments say.
fn move_terms(
    tx: &mut Tx<'_>,
    contracts: &[ContractRow],
    reversed: &[PostedSegment],
    made: &[Replacement],
) -> Result<()> {
    let mut moves = Vec::with_capacity(contracts.len());
    for row in contracts {
        let old = progress(reversed.iter().filter(|of| of.contract.n == row.id))?;
        let mut now = row.progress_minor.minus(old)?;
        for new in made.iter().filter(|new| new.segment.contract.n == row.id) {
            now = now.plus(progress_of(&new.segment.document)?)?;
        }
        moves.push(store::posting::ContractMove {
            account: row.account_id,
            contract: row.id,
            billed_through_on: row.billed_through_on,
            segments: row.segments,
            state: row.state,
            progress: now,
            ended_on: None,
        });
    }
    if moves.is_empty() { Ok(()) } else { Ok(store::posting::move_contracts(tx, &moves)?) }
}

fn refusal(error: &billing::BillingError) -> Problem {
    Problem::new(error.code, error.detail.clone())
}

/// The code of a contract's type.
fn code_of(tx: &mut Tx<'_>, account: AccountId, contract: i64) -> Result<String> {
    let of = store::contracts::find(tx, vocab::ContractId::new(account, contract))?;
    let of = of.ok_or_else(Problem::not_found)?;
    let kind = store::contract_types::find(tx, of.contract_type_id)?.ok_or_else(Problem::not_found)?;
    Ok(kind.code)
}

fn write(
    tx: &mut Tx<'_>,
    account: AccountId,
    bill: &Bill,
    reversed: &[i64],
    made: Vec<Replacement>,
) -> Result<Made> {
    let mut segments = Vec::with_capacity(made.len());
    let (mut fts, mut charges, mut estimates) = (Vec::new(), Vec::new(), Vec::new());
    for one in made {
        let segment = one.segment;
        charges.extend(segment.document.charges.iter().map(|of| (account, of.charge.n, segment.id.n)));
        estimates.extend(one.estimates);
        let old = segment.rebills.ok_or_else(|| Error::Fault("a replacement of nothing".to_owned()))?;
        fts.push((old, one.fts));
        segments.push(segment_row(&segment)?);
    }
    store::posting::copy_segments(tx, segments.clone())?;
    let posted: Vec<billing::Ft> = fts.iter().flat_map(|(_, fts)| fts.iter().cloned()).collect();
    store::ledger::post(tx, &posted)?;
    rows::free_charges(tx, account, reversed)?;
    mark_charges(tx, &charges)?;
    let mut reads = EstimatesMade::default();
    if !reads.take(&estimates) {
        return Err(Error::Fault("two estimates of one read".to_owned()));
    }
    reads.store(tx)?;
    post_totals(tx, bill, &segments, Side::On)?;
    Ok(Made { rows: segments, fts })
}
