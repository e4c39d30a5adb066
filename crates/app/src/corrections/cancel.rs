//! Reversing segments of a posted bill, and what follows: their days are to be billed, are given back, or are
//! billed again.

use super::again::again;
use super::reverse::{open_days, reverse, settle};
use super::{Contexts, Corrected, Desk, estimates, locked, record};
use crate::{Caller, Result};
use billing::{PostedSegment, RateSchedule};
use std::collections::HashSet;
use store::accounts::Account;
use store::billing_inputs::ContractRow;
use store::bills::{Bill, Segment};
use store::{JsonText, Tx, corrections as rows};
use vocab::{
    BillId, BillKind, BillState, Code, ContractTypeId, CorrectionKind, Money, Problem, RateScheduleId,
    SegmentId, SegmentMethod,
};

/// What of a bill is corrected.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// The version of the bill that the caller read; the bill as it is when absent.
    pub version: Option<i64>,
    /// Only these segments; all that stand when absent.
    pub segments: Option<Vec<SegmentId>>,
    /// Only segments of this rate.
    pub schedule: Option<RateScheduleId>,
}

/// Reverses segments. With `opens_days` their days are to be billed again, by the account's next bill; else
/// they are given back.
pub fn cancel(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: BillId,
    scope: &Scope,
    opens_days: bool,
    reason: &str,
) -> Result<Corrected> {
    let desk = Desk::new(tx, caller, reason)?;
    let (account, bill) = locked(tx, caller, id, scope.version)?;
    let mut chosen = chosen(tx, &bill, scope)?;
    if opens_days {
        chosen = with_dependants(tx, &desk, &mut Contexts::default(), &bill, chosen)?;
        estimates::lock(tx, &chosen)?;
    } else {
        chosen = with_sub_contracts(tx, &bill, chosen)?;
        refuse_terms(&chosen)?;
    }
    let reversed = reverse(tx, &desk, &bill, &chosen, None)?;
    if opens_days {
        open_days(tx, account.account_id, &reversed.segments)?;
    }
    settle(tx, account.account_id, reversed.freed, &[])?;
    let done = record(tx, &desk, &bill, CorrectionKind::Cancel, None, &reversed.segments, Vec::new())?;
    if opens_days {
        estimates::supersede(tx, &done)?;
    }
    Ok(done)
}

/// Reverses segments on a document of its own, which becomes the account's latest bill. Their days are not
/// billed again.
pub fn credit_note(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: BillId,
    scope: &Scope,
    reason: &str,
) -> Result<Corrected> {
    let desk = Desk::new(tx, caller, reason)?;
    let (account, bill) = locked(tx, caller, id, scope.version)?;
    let chosen = chosen(tx, &bill, scope)?;
    let chosen = with_sub_contracts(tx, &bill, chosen)?;
    refuse_terms(&chosen)?;
    let note = BillId::new(account.account_id, tx.new_id()?);
    let reversed = reverse(tx, &desk, &bill, &chosen, None)?;
    settle(tx, account.account_id, reversed.freed, &[])?;
    post_note(tx, &desk, &account, &bill, note, &reversed.segments)?;
    let swept: Vec<_> = reversed.fts.iter().map(|ft| (*ft, note)).collect();
    store::ledger::sweep(tx, &swept)?;
    record(tx, &desk, &bill, CorrectionKind::CreditNote, Some(note.n), &reversed.segments, Vec::new())
}

/// Writes the credit note: the last bill's ending balance and the reversals, which it sweeps up, make its own.
fn post_note(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    account: &Account,
    corrected: &Bill,
    note: BillId,
    reversed: &[PostedSegment],
) -> Result<()> {
    let today = desk.utility.day(tx.as_of());
    let number = store::posting::take_bill_numbers(tx, 1)?.pop().unwrap_or_default();
    let mut swept = Money::ZERO;
    for segment in reversed {
        swept = swept.minus(segment.current()?)?;
    }
    let previous = account.last_bill_ending_minor;
    let first_on = reversed.iter().map(|segment| segment.period.first_on()).min();
    let last_on = reversed.iter().map(|segment| segment.period.last_on()).max();
    let ending = previous.plus(swept)?;
    let bill = Bill {
        account_id: note.owner,
        id: note.n,
        number,
        window_id: None,
        run_id: None,
        previous_bill_id: account.last_bill_id,
        state: BillState::Complete,
        bill_on: today,
        due_on: today,
        period_first_on: first_on.unwrap_or(corrected.period_first_on),
        period_last_on: last_on.unwrap_or(corrected.period_last_on),
        previous_minor: previous,
        swept_minor: swept,
        new_minor: Money::ZERO,
        ending_minor: ending,
        routings: JsonText(serde_json::to_string(&routings(tx, account, today)?)?),
        completed_at: tx.as_of(),
        version: 1,
        kind: BillKind::CreditNote,
        reopened_at: None,
        messages: None,
    };
    store::posting::copy_bills(tx, vec![bill])?;
    Ok(rows::account_points_to(tx, note.owner, Some(note.n), ending)?)
}

/// To whom a document of today goes.
fn routings(tx: &mut Tx<'_>, account: &Account, today: time::Date) -> Result<Vec<billing::Routing>> {
    let recipients =
        crate::runs::inputs::recipients(tx, today, std::slice::from_ref(account), &[account.account_id])?;
    let own = recipients.into_values().flatten().collect::<Vec<_>>();
    Ok(billing::routings(account.delivery, &own)?)
}

/// Reverses segments and bills their days again, with those of the bill that are charged by them.
pub fn rebill(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: BillId,
    scope: &Scope,
    reason: &str,
) -> Result<Corrected> {
    rebill_in(tx, caller, &mut Contexts::default(), id, scope, reason)
}

/// The same, with what other bills of the same windows have been billed by.
pub(super) fn rebill_in(
    tx: &mut Tx<'_>,
    caller: &Caller,
    contexts: &mut Contexts,
    id: BillId,
    scope: &Scope,
    reason: &str,
) -> Result<Corrected> {
    let desk = Desk::new(tx, caller, reason)?;
    let (account, bill) = locked(tx, caller, id, scope.version)?;
    store::billing_inputs::hold_points(tx, &[account.account_id])?;
    let chosen = chosen(tx, &bill, scope)?;
    rebill_locked(tx, &desk, contexts, &account, &bill, chosen)
}

/// The same for a bill whose account and service points are locked.
pub(crate) fn rebill_locked(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    contexts: &mut Contexts,
    account: &Account,
    bill: &Bill,
    chosen: Vec<Segment>,
) -> Result<Corrected> {
    refuse_unless_posted(bill)?;
    let chosen = with_dependants(tx, desk, contexts, bill, chosen)?;
    let reversed = reverse(tx, desk, bill, &chosen, None)?;
    let made = again(tx, desk, contexts, account, bill, &reversed.segments)?;
    settle(tx, account.account_id, reversed.freed, &made.fts)?;
    record(tx, desk, bill, CorrectionKind::Rebill, None, &reversed.segments, made.rows)
}

fn refuse_unless_posted(bill: &Bill) -> Result<()> {
    if bill.state == BillState::Complete {
        return Ok(());
    }
    let detail = format!("the bill is {}", bill.state);
    Err(Problem::new(Code::WrongState, detail).with("state", bill.state).into())
}

/// What was asked by terms is still to be asked: it is not given back.
fn refuse_terms(chosen: &[Segment]) -> Result<()> {
    for segment in chosen {
        if !crate::invoice_model::calculation(segment)?.terms.is_empty() {
            let id = SegmentId::new(segment.account_id, segment.id);
            let detail = format!(
                "{id} asks for instalments, a deposit, a loan or a level amount: cancel it with its days, or leave it out"
            );
            return Err(Problem::field("/segment_ids", Code::FieldRange, detail).into());
        }
    }
    Ok(())
}

/// The standing segments that are chosen.
fn chosen(tx: &mut Tx<'_>, bill: &Bill, scope: &Scope) -> Result<Vec<Segment>> {
    refuse_unless_posted(bill)?;
    let mut standing = rows::standing(tx, bill.account_id, &[bill.id])?;
    if let Some(asked) = &scope.segments {
        if asked.is_empty() {
            return Err(
                Problem::field("/segment_ids", Code::FieldRange, "at least one, or leave it out").into()
            );
        }
        let is_one = |id: &SegmentId| standing.iter().any(|row| row.id == id.n && row.account_id == id.owner);
        if let Some(at) = asked.iter().position(|id| !is_one(id)) {
            let detail = "no standing segment of this bill";
            return Err(Problem::field(format!("/segment_ids/{at}"), Code::UnknownReference, detail).into());
        }
        let ids: HashSet<i64> = asked.iter().map(|id| id.n).collect();
        standing.retain(|row| ids.contains(&row.id));
    }
    if scope.schedule.is_some() {
        standing.retain(|row| row.schedule_id == scope.schedule);
    }
    if standing.is_empty() {
        return Err(Problem::new(Code::NothingToCorrect, Code::NothingToCorrect.meaning()).into());
    }
    Ok(standing)
}

/// The sub-contracts among these, each with its master.
fn sub_contracts(
    contracts: &[ContractRow],
    method: impl Fn(ContractTypeId) -> Option<SegmentMethod>,
) -> Vec<(i64, i64)> {
    let is_derived = |row: &&ContractRow| method(row.contract_type_id) == Some(SegmentMethod::SubContract);
    let with_master = |row: &ContractRow| Some((row.id, row.master_contract_id?));
    contracts.iter().filter(is_derived).filter_map(with_master).collect()
}

/// Adds the bill's segments that were charged by those chosen: what a master's days are given back of is no
/// more there for its sub-contracts to be charged by. A sub-contract alone leaves its master as it is.
fn with_sub_contracts(tx: &mut Tx<'_>, bill: &Bill, mut chosen: Vec<Segment>) -> Result<Vec<Segment>> {
    let contracts = store::billing_inputs::all_contracts(tx, &[bill.account_id])?;
    if contracts.iter().all(|row| row.master_contract_id.is_none()) {
        return Ok(chosen);
    }
    let types = store::contract_types::all(tx)?;
    let derived = sub_contracts(&contracts, |id| types.iter().find(|of| of.id == id).map(|of| of.method));
    let mut rest = rows::standing(tx, bill.account_id, &[bill.id])?;
    rest.retain(|row| chosen.iter().all(|known| known.id != row.id));
    // Masters may be sub-contracts themselves: each round adds a segment at least, or is the last.
    loop {
        let hangs = |row: &Segment| {
            let masters =
                derived.iter().filter(|(sub, _)| *sub == row.contract_id).map(|(_, master)| *master);
            let mut of_master =
                masters.flat_map(|master| chosen.iter().filter(move |known| known.contract_id == master));
            of_master.any(|known| known.first_on <= row.last_on && row.first_on <= known.last_on)
        };
        let (more, others): (Vec<Segment>, Vec<Segment>) = rest.into_iter().partition(hangs);
        rest = others;
        if more.is_empty() {
            break;
        }
        chosen.extend(more);
    }
    chosen.sort_unstable_by_key(|row| row.id);
    Ok(chosen)
}

/// Adds the bill's segments that hang together with those chosen: whose rates price what others measured, and
/// sub-contracts with the contracts that they take their charges from.
fn with_dependants(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    contexts: &mut Contexts,
    bill: &Bill,
    mut chosen: Vec<Segment>,
) -> Result<Vec<Segment>> {
    let context = contexts.of(tx, desk, bill)?;
    let contracts = store::billing_inputs::all_contracts(tx, &[bill.account_id])?;
    let method = |id| context.contract_type(id).map(|of| of.method);
    let derived = sub_contracts(&contracts, method);
    if derived.is_empty() && !context.looks_aside() {
        return Ok(chosen);
    }
    let looks = |id: Option<RateScheduleId>| {
        id.and_then(|id| context.schedule(id)).is_some_and(RateSchedule::looks_aside)
    };
    let known: HashSet<i64> = chosen.iter().map(|row| row.id).collect();
    let mut rest = rows::standing(tx, bill.account_id, &[bill.id])?;
    rest.retain(|row| !known.contains(&row.id));
    // Each round adds a segment at least, or is the last.
    loop {
        let has: HashSet<i64> = chosen.iter().map(|row| row.contract_id).collect();
        let hangs = |row: &Segment| {
            looks(row.schedule_id)
                || derived.iter().any(|(sub, master)| {
                    (row.contract_id == *sub && has.contains(master))
                        || (row.contract_id == *master && has.contains(sub))
                })
        };
        let (more, others): (Vec<Segment>, Vec<Segment>) = rest.into_iter().partition(hangs);
        rest = others;
        if more.is_empty() {
            break;
        }
        chosen.extend(more);
    }
    chosen.sort_unstable_by_key(|row| row.id);
    Ok(chosen)
}
