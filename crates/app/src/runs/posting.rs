//! Posting completed bills, table by table, whoever drafted them: a run's acceptance or a clerk for one account.
//! The accounts are locked, their service points held.

use super::estimates;
use super::totals::{Of, Totals};
use crate::audit::{self, Action};
use crate::autopay::{BilledAmount, instruction};
use crate::bill_messages::{self, Messages};
use crate::{Result, Utility, ledger};
use billing::{
    AccountInputs, BillReader, Completion, Draft, Ledger, LooseFt, Posting, PrintedMessage, RunContext,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use store::accounts::Account;
use store::bills::{Bill, Segment};
use store::payment_methods::PaymentMethod;
use store::posting::{AccountMove, ContractMove};
use store::runs::ItemUpdate;
use store::{JsonText, Tx};
use vocab::{AccountId, BillId, BillKind, Code, FtId, ItemState, Problem};

/// An account whose draft may be posted.
pub(crate) struct Ready {
    pub(crate) account: Account,
    pub(crate) inputs: AccountInputs,
    pub(crate) draft: Draft,
}

pub(super) fn stays(account: AccountId, state: ItemState, code: &str, reason: &str) -> ItemUpdate {
    let reason_code = Some(code.to_owned());
    ItemUpdate { account, state, bill: None, reason: Some(reason.to_owned()), reason_code }
}

/// The completed bills, the accounts that stay behind, and the estimates that become reads.
pub(crate) type Completed = (Vec<(Ready, Completion)>, Vec<ItemUpdate>, estimates::Made);

/// Completes the bills in memory; those that are refused stay behind.
pub(crate) fn complete(tx: &mut Tx<'_>, context: &RunContext, ready: Vec<Ready>) -> Result<Completed> {
    let ids: Vec<AccountId> = ready.iter().map(|of| of.account.account_id).collect();
    let mut loose: HashMap<AccountId, Vec<LooseFt>> = HashMap::new();
    for ft in store::ledger::loose(tx, &ids)? {
        loose.entry(ft.id.owner).or_default().push(ft);
    }
    let open: HashMap<AccountId, BillId> =
        store::corrections::open_bills(tx, &ids)?.into_iter().map(|bill| (bill.owner, bill)).collect();
    // A bill, and a segment with its transaction for each contract.
    let needed = ready.iter().map(|of| 1 + 2 * of.draft.segments.len()).sum();
    let mut fresh = tx.new_ids(needed)?.into_iter();
    let mut numbers = store::posting::take_bill_numbers(tx, ready.len())?.into_iter();
    let posted_at = tx.as_of();
    let mut completed = Vec::with_capacity(ready.len());
    let mut behind = Vec::new();
    let mut made = estimates::Made::default();
    for of in ready {
        let account = &of.account;
        if let Some(bill) = open.get(&account.account_id) {
            let reason = format!("the bill {bill} is open again: complete or discard it first");
            behind.push(stays(account.account_id, ItemState::Held, Code::BillOpen.as_str(), &reason));
            continue;
        }
        let ledger = Ledger {
            current: account.current_minor,
            payoff: account.payoff_minor,
            previous: of.inputs.last_bill,
            loose: loose.remove(&account.account_id).unwrap_or_default(),
        };
        let posting = Posting { bill_number: numbers.next().unwrap_or_default(), posted_at };
        let mut next = || fresh.next().unwrap_or_default();
        match billing::complete(context, &of.inputs, &of.draft, &ledger, posting, &mut next) {
            Ok(completion) if made.take(&completion.estimates) => completed.push((of, completion)),
            Ok(_) => behind.push(stays(
                account.account_id,
                ItemState::Stale,
                "estimate_conflict",
                "another bill rests on another estimate of the same read",
            )),
            Err(refused) => {
                let problem = Problem::from(refused);
                let reason = format!("{}: {}", problem.code, problem.detail);
                behind.push(stays(account.account_id, ItemState::Error, problem.code.as_str(), &reason));
            }
        }
    }
    Ok((completed, behind, made))
}

/// Writes everything that completing these bills means, table by table.
pub(crate) fn write(
    tx: &mut Tx<'_>,
    of: Of,
    messages: &Messages,
    completed: &[(Ready, Completion)],
    actor: &str,
) -> Result<()> {
    let drafts = completed.iter().map(|(of, _)| (reader(&of.inputs), &of.draft));
    let said = messages.on_bills(tx, drafts)?;
    let bills = completed.iter().map(|(_, of)| bill_row(of, said.get(&of.bill.id.owner)));
    store::posting::copy_bills(tx, bills.collect::<Result<_>>()?)?;
    store::posting::copy_segments(tx, segment_rows(completed)?)?;
    let fts: Vec<billing::Ft> = completed.iter().flat_map(|(_, of)| of.fts.iter().cloned()).collect();
    store::ledger::copy(tx, &fts)?;
    let swept: Vec<(FtId, BillId)> =
        completed.iter().flat_map(|(_, of)| of.swept.iter().map(|ft| (*ft, of.bill.id))).collect();
    if !swept.is_empty() {
        store::ledger::sweep(tx, &swept)?;
    }
    let moves: Vec<ContractMove> = completed.iter().flat_map(|(_, of)| contract_moves(of)).collect();
    store::posting::move_contracts(tx, &moves)?;
    end_services(tx, &moves)?;
    let charges: Vec<(AccountId, i64, i64)> = completed
        .iter()
        .flat_map(|(_, of)| of.charges.iter().map(|of| (of.charge.owner, of.charge.n, of.segment.n)))
        .collect();
    store::posting::mark_charges(tx, &charges)?;
    let accounts: Vec<AccountMove> = completed
        .iter()
        .map(|(of, completion)| AccountMove {
            account: of.account.account_id,
            current: completion.current,
            payoff: completion.payoff,
            bill: completion.bill.id.n,
            ending: completion.bill.ending,
        })
        .collect();
    store::posting::move_accounts(tx, &accounts)?;
    apply_credit(tx, completed)?;
    instruct_autopay(tx, completed)?;
    let mut totals = Totals::default();
    for (ready, _) in completed {
        totals.add(&ready.draft.totals)?;
    }
    totals.save(tx, of)?;
    announce(tx, of, completed, actor)
}

fn reader(inputs: &AccountInputs) -> BillReader<'_> {
    BillReader { account: inputs.account, class_code: &inputs.class_code, language: &inputs.language }
}

fn bill_row(of: &Completion, said: Option<&Vec<PrintedMessage>>) -> Result<Bill> {
    let bill = &of.bill;
    Ok(Bill {
        account_id: bill.id.owner,
        id: bill.id.n,
        number: bill.number,
        window_id: bill.window,
        run_id: bill.run,
        previous_bill_id: bill.previous_bill.map(|previous| previous.n),
        state: bill.state,
        bill_on: bill.bill_on,
        due_on: bill.due_on,
        period_first_on: bill.period.first_on(),
        period_last_on: bill.period.last_on(),
        previous_minor: bill.previous,
        swept_minor: bill.swept,
        new_minor: bill.new,
        ending_minor: bill.ending,
        routings: JsonText(serde_json::to_string(&bill.routings)?),
        completed_at: bill.completed_at,
        version: 1,
        kind: if bill.window.is_some() { BillKind::Regular } else { BillKind::OffCycle },
        reopened_at: None,
        messages: bill_messages::kept(said)?,
    })
}

fn segment_rows(completed: &[(Ready, Completion)]) -> Result<Vec<Segment>> {
    completed.iter().flat_map(|(_, of)| &of.segments).map(segment_row).collect()
}

/// A segment as it is stored.
pub(crate) fn segment_row(segment: &billing::SegmentRow) -> Result<Segment> {
    Ok(Segment {
        account_id: segment.id.owner,
        id: segment.id.n,
        bill_id: segment.bill.n,
        contract_id: segment.contract.n,
        schedule_id: segment.schedule,
        state: segment.state,
        first_on: segment.period.first_on(),
        last_on: segment.period.last_on(),
        total_minor: segment.total,
        estimated: segment.estimated,
        document: JsonText(segment.document.text()?.to_owned()),
        rebills_id: segment.rebills.map(|old| old.n),
        withdrawn: false,
    })
}

pub(crate) fn contract_moves(of: &Completion) -> impl Iterator<Item = ContractMove> + '_ {
    of.contracts.iter().map(|update| ContractMove {
        account: update.contract.owner,
        contract: update.contract.n,
        billed_through_on: update.billed_through_on,
        segments: update.segments,
        state: update.state,
        progress: update.progress,
        ended_on: update.ended_on,
    })
}

/// Contracts that have ended themselves serve their service points no longer.
pub(crate) fn end_services(tx: &mut Tx<'_>, moves: &[ContractMove]) -> Result<()> {
    let ended: Vec<_> = moves.iter().filter_map(|of| Some((of.account, of.contract, of.ended_on?))).collect();
    Ok(store::contracts::end_services(tx, &ended)?)
}

/// Joins open credits to open debits, for the accounts that have any credit: those whose balance
/// was below nothing, and those with a credit on the new bill.
fn apply_credit(tx: &mut Tx<'_>, completed: &[(Ready, Completion)]) -> Result<()> {
    let with_credit: Vec<AccountId> = completed
        .iter()
        .filter(|(of, completion)| {
            of.account.current_minor.is_negative()
                || completion.fts.iter().any(|ft| ft.current().is_negative())
        })
        .map(|(of, _)| of.account.account_id)
        .collect();
    ledger::settle_all(tx, &with_credit)
}

/// Autopay instructions for the accounts that have autopay.
fn instruct_autopay(tx: &mut Tx<'_>, completed: &[(Ready, Completion)]) -> Result<()> {
    let chosen: Vec<AccountId> = completed
        .iter()
        .filter(|(of, _)| of.account.autopay_method_id.is_some())
        .map(|(of, _)| of.account.account_id)
        .collect();
    if chosen.is_empty() {
        return Ok(());
    }
    let utility = Utility::load(tx)?;
    let methods: HashMap<(AccountId, i64), PaymentMethod> = store::payment_methods::of_accounts(tx, &chosen)?
        .into_iter()
        .map(|method| ((method.account_id, method.id), method))
        .collect();
    let mut fresh = tx.new_ids(chosen.len())?.into_iter();
    let mut draws = Vec::with_capacity(chosen.len());
    for (of, completion) in completed.iter().filter(|(of, _)| of.account.autopay_method_id.is_some()) {
        let bill = BilledAmount {
            bill: completion.bill.id,
            ending: completion.bill.ending,
            due_on: completion.bill.due_on,
            completed_at: completion.bill.completed_at,
        };
        let method = of.account.autopay_method_id.and_then(|id| methods.get(&(of.account.account_id, id)));
        draws.extend(instruction(&utility, &of.account, method, &bill, fresh.next().unwrap_or_default())?);
    }
    Ok(store::draws::insert(tx, &draws)?)
}

/// What the chunk made: one row for the outbox, one for the audit log.
fn announce(tx: &mut Tx<'_>, of: Of, completed: &[(Ready, Completion)], actor: &str) -> Result<()> {
    let bills: Vec<BillId> = completed.iter().map(|(_, of)| of.bill.id).collect();
    let mut hash = Sha256::new();
    for (_, of) in completed {
        hash.update(of.bill.id.owner.0.to_be_bytes());
        hash.update(of.bill.id.n.to_be_bytes());
        hash.update(of.bill.ending.minor().to_be_bytes());
    }
    store::posting::announce(tx, "bills.posted", &json!({ "run_id": of.run, "bill_ids": bills }))?;
    let subject = match (of.run, bills.first()) {
        (Some(run), _) => run.to_string(),
        (None, bill) => bill.map(ToString::to_string).unwrap_or_default(),
    };
    audit::record_chunk(
        tx,
        actor,
        Action { action: "bills.post", subject, ..Action::default() },
        bills.len(),
        hash.finalize().into(),
    )
}
