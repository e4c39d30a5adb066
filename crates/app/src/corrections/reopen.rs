//! Opening a posted bill again: what it had swept up is loose again, its frozen segments stay on it. It is
//! then posted anew, with what has changed since, or given up.

use super::again::between;
use super::reverse::{Side, has_ended_itself, open_days, post_totals, reverse, settle};
use super::{Corrected, Desk, estimates, locked, posted, record};
use crate::autopay::{BilledAmount, instruction};
use crate::runs::inputs::{self, Agreed, Reads};
use crate::runs::{EstimatesMade, context, contract_moves, end_services, must_be_open, segment_row};
use crate::single_bills::check;
use crate::{Caller, Error, Result, Utility, accounts, bill_messages};
use billing::{
    AccountInputs, BillEvent, Completion, Draft, LastBill, Ledger, OpenBill, PostedSegment, Posting,
    RunContext, complete_open, draft, progress_of, transition,
};
use std::collections::HashMap;
use store::accounts::Account;
use store::bills::{Bill, Segment};
use store::windows::Window;
use store::{JsonText, Tx, corrections as rows};
use vocab::{BillId, BillKind, Code, ContractId, CorrectionKind, DrawId, InvoiceId, Money, Problem};

/// A bill that is at the desk, a step on; it, its account and its window are locked.
struct Taken<'a> {
    desk: Desk<'a>,
    account: Account,
    bill: Bill,
    window: Option<Window>,
}

/// Locks the window before the account, and takes the bill a step on. What the window is like is not judged.
fn taken<'a>(
    tx: &mut Tx<'_>,
    caller: &'a Caller,
    id: BillId,
    version: Option<i64>,
    event: BillEvent,
    reason: &'a str,
) -> Result<Taken<'a>> {
    let desk = Desk::new(tx, caller, reason)?;
    accounts::find(tx, caller, id.owner)?;
    // The window of a bill never changes.
    let seen = store::bills::find(tx, id.owner, id.n)?.ok_or_else(Problem::not_found)?;
    let window = match seen.window_id {
        Some(window) => Some(store::windows::hold(tx, window)?.ok_or_else(Problem::not_found)?),
        None => None,
    };
    let (account, mut bill) = locked(tx, caller, id, version)?;
    bill.state = transition(bill.state, event)
        .map_err(|refused| Problem::new(Code::WrongState, refused.to_string()).with("state", bill.state))?;
    Ok(Taken { desk, account, bill, window })
}

fn id_of(bill: &Bill) -> BillId {
    BillId::new(bill.account_id, bill.id)
}

/// Opens the account's latest bill again, while it has no invoice, autopay has not collected for it, and its
/// window is open.
pub fn reopen(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: BillId,
    version: Option<i64>,
    reason: &str,
) -> Result<Corrected> {
    let Taken { desk, account, mut bill, window } =
        taken(tx, caller, id, version, BillEvent::Reopen, reason)?;
    if bill.kind == BillKind::CreditNote {
        let detail = "a credit note is not opened again; correct what it corrects";
        return Err(Problem::new(Code::WrongState, detail).with("state", bill.state).into());
    }
    if account.last_bill_id != Some(bill.id) {
        let latest = account.last_bill_id.map(|latest| BillId::new(id.owner, latest).to_string());
        let problem = Problem::new(Code::BillNotLatest, Code::BillNotLatest.meaning());
        return Err(problem.with("latest", latest.unwrap_or_default()).into());
    }
    if rows::corrected(tx, id)? {
        let latest = rows::list(tx, id.owner, Some(bill.id), None, 1)?.items.pop();
        let latest = latest.map(|row| row.correction_id().to_string()).unwrap_or_default();
        let problem = Problem::new(Code::BillCorrected, Code::BillCorrected.meaning());
        return Err(problem.with("correction", latest).into());
    }
    if let Some(other) = rows::open_bills(tx, &[id.owner])?.first() {
        return Err(Problem::new(Code::BillOpen, Code::BillOpen.meaning()).with("bill", other).into());
    }
    if let Some(invoice) = store::invoices::of_bills(tx, &[(id.owner, id.n)])?.first() {
        let problem = Problem::new(Code::BillInvoiced, Code::BillInvoiced.meaning());
        return Err(problem.with("invoice", InvoiceId::new(id.owner, invoice.id)).into());
    }
    if let Some(&draw) = rows::collected(tx, id)?.first() {
        let problem = Problem::new(Code::BillCollected, Code::BillCollected.meaning());
        return Err(problem.with("draw", DrawId::new(id.owner, draw)).into());
    }
    if let Some(window) = window {
        must_be_open(window)?;
    }
    rows::unsweep(tx, id)?;
    rows::withdraw_draws(tx, id, "bill_reopened")?;
    let before = match bill.previous_bill_id {
        Some(before) => store::bills::find(tx, id.owner, before)?.map(|before| before.ending_minor),
        None => None,
    };
    rows::account_points_to(tx, id.owner, bill.previous_bill_id, before.unwrap_or_default())?;
    bill.swept_minor = Money::ZERO;
    bill.ending_minor = bill.previous_minor.plus(bill.new_minor)?;
    bill.routings = JsonText("[]".to_owned());
    bill.messages = None;
    bill.reopened_at = Some(tx.as_of());
    rows::save_bill(tx, &bill)?;
    record(tx, &desk, &bill, CorrectionKind::Reopen, None, &[], Vec::new())
}

/// Gives an open bill up: its segments are reversed on it, their days are to be billed, the account is free
/// for another run of the window.
pub fn discard(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: BillId,
    version: Option<i64>,
    reason: &str,
) -> Result<Corrected> {
    let Taken { desk, account, mut bill, .. } = taken(tx, caller, id, version, BillEvent::Discard, reason)?;
    let standing = rows::standing(tx, id.owner, &[bill.id])?;
    estimates::lock(tx, &standing)?;
    let reversed = reverse(tx, &desk, &bill, &standing, Some(id))?;
    open_days(tx, account.account_id, &reversed.segments)?;
    settle(tx, account.account_id, reversed.freed, &[])?;
    bill.new_minor = born(tx, id)?;
    bill.ending_minor = bill.previous_minor.plus(bill.new_minor)?;
    if !bill.new_minor.is_zero() {
        return Err(Error::Fault(format!("{id} is given up, and its transactions leave something")));
    }
    rows::save_bill(tx, &bill)?;
    if let Some(run) = bill.run_id {
        store::runs::free_item(tx, run, id.owner, "bill_discarded")?;
    }
    let done = record(tx, &desk, &bill, CorrectionKind::Discard, None, &reversed.segments, Vec::new())?;
    estimates::supersede(tx, &done)?;
    Ok(done)
}

fn born(tx: &mut Tx<'_>, id: BillId) -> Result<Money> {
    Ok(Money::sum(rows::born_on(tx, id)?.into_iter().map(|(_, current)| current))?)
}

/// Posts an open bill anew: it is drafted as if it had not been; segments that come out the same stay, others
/// are reversed on the bill and made again. Blocking flags are refused unless the caller says why they are
/// released.
pub fn complete(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: BillId,
    version: Option<i64>,
    reason: &str,
    released_because: Option<&str>,
) -> Result<Corrected> {
    let Taken { desk, account, bill, window } = taken(tx, caller, id, version, BillEvent::Complete, reason)?;
    let window = match window {
        Some(window) => must_be_open(window)?,
        None => between(&bill),
    };
    store::billing_inputs::hold_points(tx, &[id.owner])?;
    let today = desk.utility.day(tx.as_of());
    let context = context::build(tx, &desk.utility, &window, bill.run_id, today)?;
    let standing = rows::standing(tx, id.owner, &[bill.id])?;
    let on_it = posted(tx, id.owner, &standing)?;
    let mut inputs = as_before(tx, &context, &account, &on_it, today)?;
    if bill.window_id.is_none() {
        // It may have been for some contracts only.
        inputs.contracts.retain(|contract| on_it.iter().any(|of| of.contract == contract.id));
    }
    let draft = draft(&context, &inputs);
    check(&draft, released_because)?;
    let is_kept = |of: &PostedSegment| draft.billed().any(|drafted| of.is_same(drafted));
    let kept: Vec<ContractId> = on_it.iter().filter(|of| is_kept(of)).map(|of| of.contract).collect();
    let changed: Vec<Segment> = standing
        .into_iter()
        .filter(|row| !kept.contains(&ContractId::new(row.account_id, row.contract_id)))
        .collect();
    let reversed = reverse(tx, &desk, &bill, &changed, Some(id))?;
    open_days(tx, id.owner, &reversed.segments)?;
    let completion = completion(tx, &context, &inputs, &draft, &bill, &kept)?;
    let made = write(tx, &bill, &completion)?;
    settle(tx, id.owner, reversed.freed, &[])?;
    let said = bill_messages::on_draft_in(tx, id.owner, &window, &draft)?;
    let posted = Bill { messages: bill_messages::kept(Some(&said))?, ..row_of(bill, &completion)? };
    rows::save_bill(tx, &posted)?;
    rows::account_points_to(tx, id.owner, Some(posted.id), posted.ending_minor)?;
    instruct_autopay(tx, &desk, &account, &completion)?;
    record(tx, &desk, &posted, CorrectionKind::Complete, None, &reversed.segments, made)
}

/// The account's inputs as they would be without the segments that stand on the bill.
fn as_before(
    tx: &mut Tx<'_>,
    context: &RunContext,
    account: &Account,
    on_it: &[PostedSegment],
    today: time::Date,
) -> Result<AccountInputs> {
    let id = account.account_id;
    let mut contracts = store::billing_inputs::all_contracts(tx, &[id])?;
    let before = |contract: i64| on_it.iter().find(|of| of.contract.n == contract);
    contracts.retain(|row| before(row.id).is_some() || !is_over(row.state));
    for row in &mut contracts {
        let Some(of) = before(row.id) else { continue };
        row.segments = row.segments.saturating_sub(1).max(0);
        if has_ended_itself(row) {
            row.ends_on = None;
        }
        if is_over(row.state) {
            row.state = vocab::ContractState::Stopped;
        }
        row.progress_minor = row.progress_minor.minus(progress_of(&of.document)?)?;
        if of.document.charges_days() {
            let is_first = of.is_first(row.starts_on);
            row.billed_through_on = of.period.first_on().previous_day().filter(|_| !is_first);
        }
    }
    let mut charges = store::billing_inputs::charges(tx, &[id])?;
    let segments: Vec<i64> = on_it.iter().map(|of| of.id.n).collect();
    charges.extend(rows::charges_of(tx, id, &segments)?.into_iter().map(|(_, row)| row));
    let agreed = Agreed { contracts, charges };
    let loaded =
        inputs::load_agreed(tx, context, std::slice::from_ref(account), agreed, Reads::WithHistory, today)?;
    let mut inputs = loaded.into_iter().next().ok_or_else(Problem::not_found)?;
    // What it remembers is of before, too.
    let own: HashMap<ContractId, time::Date> =
        on_it.iter().map(|of| (of.contract, of.period.first_on())).collect();
    for contract in &mut inputs.contracts {
        if let Some(first_on) = own.get(&contract.id) {
            contract.past.retain(|one| one.past.period.last_on() < *first_on);
        }
    }
    Ok(inputs)
}

const fn is_over(state: vocab::ContractState) -> bool {
    matches!(state, vocab::ContractState::Closed | vocab::ContractState::Cancelled)
}

fn completion(
    tx: &mut Tx<'_>,
    context: &RunContext,
    inputs: &AccountInputs,
    draft: &Draft,
    bill: &Bill,
    kept: &[ContractId],
) -> Result<Completion> {
    let id = id_of(bill);
    // The reversals have moved its balance.
    let account = store::accounts::find(tx, id.owner)?.ok_or_else(Problem::not_found)?;
    let ledger = Ledger {
        current: account.current_minor,
        payoff: account.payoff_minor,
        previous: account
            .last_bill_id
            .map(|last| LastBill { id: BillId::new(id.owner, last), ending: account.last_bill_ending_minor }),
        loose: store::ledger::loose(tx, &[id.owner])?,
    };
    let posting = Posting { bill_number: bill.number, posted_at: tx.as_of() };
    let mut fresh = tx.new_ids(2 * draft.segments.len())?.into_iter();
    let mut next = || fresh.next().unwrap_or_default();
    let today = posting_day(tx, bill)?;
    let open = OpenBill { id, kept, born: born(tx, id)?, sweeps_through_on: today };
    Ok(complete_open(context, inputs, draft, &ledger, posting, open, &mut next).map_err(Problem::from)?)
}

/// What came while it was open is swept up too.
fn posting_day(tx: &mut Tx<'_>, bill: &Bill) -> Result<time::Date> {
    Ok(Utility::load(tx)?.day(tx.as_of()).max(bill.bill_on))
}

fn write(tx: &mut Tx<'_>, bill: &Bill, of: &Completion) -> Result<Vec<Segment>> {
    let mut estimates = EstimatesMade::default();
    if !estimates.take(&of.estimates) {
        return Err(Error::Fault("two estimates of one read".to_owned()));
    }
    estimates.store(tx)?;
    let segments = of.segments.iter().map(segment_row).collect::<Result<Vec<_>>>()?;
    store::posting::copy_segments(tx, segments.clone())?;
    store::ledger::post(tx, &of.fts)?;
    let swept: Vec<_> = of.swept.iter().map(|ft| (*ft, of.bill.id)).collect();
    store::ledger::sweep(tx, &swept)?;
    let moves: Vec<_> = contract_moves(of).collect();
    store::posting::move_contracts(tx, &moves)?;
    end_services(tx, &moves)?;
    let charges: Vec<_> = of.charges.iter().map(|of| (of.charge.owner, of.charge.n, of.segment.n)).collect();
    store::posting::mark_charges(tx, &charges)?;
    post_totals(tx, bill, &segments, Side::On)?;
    Ok(segments)
}

fn row_of(bill: Bill, of: &Completion) -> Result<Bill> {
    Ok(Bill {
        due_on: of.bill.due_on,
        previous_bill_id: of.bill.previous_bill.map(|previous| previous.n),
        previous_minor: of.bill.previous,
        swept_minor: of.bill.swept,
        new_minor: of.bill.new,
        ending_minor: of.bill.ending,
        period_first_on: of.bill.period.first_on(),
        period_last_on: of.bill.period.last_on(),
        routings: JsonText(serde_json::to_string(&of.bill.routings)?),
        completed_at: of.bill.completed_at,
        ..bill
    })
}

fn instruct_autopay(tx: &mut Tx<'_>, desk: &Desk<'_>, account: &Account, of: &Completion) -> Result<()> {
    let Some(method) = account.autopay_method_id else { return Ok(()) };
    let methods = store::payment_methods::of_accounts(tx, &[account.account_id])?;
    let method = methods.iter().find(|of| of.id == method);
    let bill = BilledAmount {
        bill: of.bill.id,
        ending: of.bill.ending,
        due_on: of.bill.due_on,
        completed_at: of.bill.completed_at,
    };
    let id = tx.new_id()?;
    let draws: Vec<_> = instruction(&desk.utility, account, method, &bill, id)?.into_iter().collect();
    Ok(store::draws::insert(tx, &draws)?)
}
