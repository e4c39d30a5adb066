//! Acceptance: bills are completed, transactions posted, balances moved. One chunk, one
//! transaction; an account that may not be posted stays behind and is named, the rest goes on.

use super::inputs::{self, Reads};
use super::test::{context_of, decided_flag, digest, save_totals};
use super::{RunParams, estimates, finish, give_up, steering};
use crate::audit::{self, Action};
use crate::autopay::{BilledAmount, instruction};
use crate::operations::Control;
use crate::per_operation::PerOperation;
use crate::worker::{Handler, Outcome};
use crate::{App, Caller, Error, Result, Utility, ledger};
use billing::{
    AccountInputs, Completion, DecidedFlag, Draft, Flag, Ledger, LooseFt, Posting, ReviewedFlag, RunContext,
    RunEvent, Tested,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use store::accounts::Account;
use store::bills::{Bill, Segment};
use store::flags::FlagRow;
use store::payment_methods::PaymentMethod;
use store::posting::{AccountMove, ContractMove};
use store::queue::Operation;
use store::runs::ItemUpdate;
use store::{JsonText, Tx};
use vocab::{AccountId, BillId, FtId, ItemState, Problem};

/// The work of [`vocab::OperationKind::BillAccept`].
#[derive(Default)]
pub struct Accept(PerOperation<RunContext>);

/// An account whose draft may be posted.
struct Ready {
    account: Account,
    inputs: AccountInputs,
    draft: Draft,
}

impl Handler for Accept {
    fn run(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation, items: &[i64]) -> Result<Outcome> {
        let params: RunParams = serde_json::from_value(operation.params.clone())?;
        let test = store::runs::test(tx, params.test)?.ok_or_else(Problem::not_found)?;
        let context = self.0.get(tx, operation.id, |tx| context_of(tx, params, &test))?;
        let ids: Vec<AccountId> = items.iter().copied().map(AccountId).collect();
        let accounts = store::accounts::lock(tx, &ids)?;
        // No read changes between the comparison of the digests and the commit.
        store::billing_inputs::hold_points(tx, &ids)?;
        let (ready, mut updates) = judge(tx, params, &context, accounts)?;
        let (completed, refused, made) = complete(tx, &context, ready)?;
        updates.extend(refused);
        for (ready, completion) in &completed {
            updates.push(ItemUpdate {
                account: ready.account.account_id,
                state: ItemState::Accepted,
                bill: Some(completion.bill.id.n),
                reason: None,
            });
        }
        store::runs::update_items(tx, params.run, &updates)?;
        if !completed.is_empty() {
            made.store(tx)?;
            write(tx, params, &context, &completed, &operation.created_by)?;
        }
        let done = i32::try_from(completed.len()).unwrap_or(i32::MAX);
        Ok(Outcome { done, failed: Outcome::all(items).done - done, note: None })
    }

    fn give_up(
        &self,
        _: &App,
        tx: &mut Tx<'_>,
        operation: &Operation,
        item: i64,
        error: &Error,
    ) -> Result<()> {
        give_up(tx, operation, item, error)
    }

    fn finish(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation) -> Result<Value> {
        self.0.forget(operation.id);
        let (_, result) = finish(tx, operation, RunEvent::FinishAccept)?;
        Ok(result)
    }

    fn control(&self, tx: &mut Tx<'_>, caller: &Caller, operation: &Operation, what: Control) -> Result<()> {
        steering::control_work(tx, caller, operation, what)
    }

    fn stopped(&self, tx: &mut Tx<'_>, operation: &Operation) -> Result<()> {
        self.0.forget(operation.id);
        steering::stopped(tx, operation)
    }
}

/// Tells the accounts that may be posted from those that stay behind, with the reason.
fn judge(
    tx: &mut Tx<'_>,
    params: RunParams,
    context: &RunContext,
    accounts: Vec<Account>,
) -> Result<(Vec<Ready>, Vec<ItemUpdate>)> {
    let ids: Vec<AccountId> = accounts.iter().map(|account| account.account_id).collect();
    // A bill goes where its readers live now, which may be days after the test.
    let routed_on = Utility::load(tx)?.day(tx.as_of());
    let inputs = inputs::load(tx, context, &accounts, Reads::Billed, routed_on)?;
    let mut tested: HashMap<AccountId, Tested> = HashMap::new();
    for row in store::runs::draft_summaries(tx, params.run, params.test, &ids)? {
        let of = Tested { inputs: digest(row.digest)?, charges: digest(row.charges_digest)? };
        tested.insert(row.account_id, of);
    }
    let mut flags: HashMap<AccountId, Vec<ReviewedFlag>> = HashMap::new();
    for row in store::flags::of_accounts(tx, params.run, &ids)? {
        flags.entry(row.account_id).or_default().push(reviewed(row));
    }
    let mut ready = Vec::with_capacity(accounts.len());
    let mut behind = Vec::new();
    for (account, inputs) in accounts.into_iter().zip(inputs) {
        let id = account.account_id;
        let Some(tested) = tested.get(&id) else {
            behind.push(stays(id, ItemState::Stale, "the test has no draft of the account"));
            continue;
        };
        // Made again rather than read back: the digests say whether it is the reviewed one.
        let draft = billing::draft(context, &inputs);
        let flags = flags.get(&id).map_or(&[][..], Vec::as_slice);
        match billing::acceptable(&draft, &Tested::of(&draft)?, tested, flags) {
            Ok(()) => ready.push(Ready { account, inputs, draft }),
            Err(why) => behind.push(stays(id, why.item_state(), &why.to_string())),
        }
    }
    Ok((ready, behind))
}

fn stays(account: AccountId, state: ItemState, reason: &str) -> ItemUpdate {
    ItemUpdate { account, state, bill: None, reason: Some(reason.to_owned()) }
}

fn reviewed(row: FlagRow) -> ReviewedFlag {
    let (severity, schedule, commodity) = (row.severity, row.schedule_id, row.commodity);
    let compared = row.compared.clone();
    let DecidedFlag { code, contract, register, value, decision } = decided_flag(row);
    ReviewedFlag {
        flag: Flag { code, severity, contract, schedule, commodity, register, value, compared },
        decision,
    }
}

/// The completed bills, the accounts that stay behind, and the estimates that become reads.
type Completed = (Vec<(Ready, Completion)>, Vec<ItemUpdate>, estimates::Made);

/// Completes the bills in memory; those that are refused stay behind.
fn complete(tx: &mut Tx<'_>, context: &RunContext, ready: Vec<Ready>) -> Result<Completed> {
    let ids: Vec<AccountId> = ready.iter().map(|of| of.account.account_id).collect();
    let mut loose: HashMap<AccountId, Vec<LooseFt>> = HashMap::new();
    for ft in store::ledger::loose(tx, &ids)? {
        loose.entry(ft.id.owner).or_default().push(ft);
    }
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
        let ledger = Ledger {
            current: account.current_minor,
            payoff: account.payoff_minor,
            previous: of.inputs.last_bill,
            loose: loose.remove(&account.account_id).unwrap_or_default(),
        };
        let posting = Posting { bill_number: numbers.next().unwrap_or_default(), posted_at };
        let mut next = || fresh.next().unwrap_or_default();
        match billing::complete(context, &of.inputs, &of.draft, &ledger, posting, &mut next) {
            Ok(completion) if made.take(&completion) => completed.push((of, completion)),
            Ok(_) => behind.push(stays(
                account.account_id,
                ItemState::Stale,
                "another bill rests on another estimate of the same read",
            )),
            Err(refused) => {
                let problem = Problem::from(refused);
                let reason = format!("{}: {}", problem.code, problem.detail);
                behind.push(stays(account.account_id, ItemState::Error, &reason));
            }
        }
    }
    Ok((completed, behind, made))
}

/// Writes everything that completing these bills means, table by table.
fn write(
    tx: &mut Tx<'_>,
    params: RunParams,
    context: &RunContext,
    completed: &[(Ready, Completion)],
    actor: &str,
) -> Result<()> {
    store::posting::copy_bills(tx, completed.iter().map(|(_, of)| bill_row(of)).collect::<Result<_>>()?)?;
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
    let ended: Vec<_> = moves.iter().filter_map(|of| Some((of.account, of.contract, of.ended_on?))).collect();
    store::contracts::end_services(tx, &ended)?;
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
    save_totals(tx, params, context.window().id, true, completed.iter().map(|(of, _)| &of.draft))?;
    announce(tx, params, completed, actor)
}

fn bill_row(of: &Completion) -> Result<Bill> {
    let bill = &of.bill;
    Ok(Bill {
        account_id: bill.id.owner,
        id: bill.id.n,
        number: bill.number,
        window_id: Some(bill.window),
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
    })
}

fn segment_rows(completed: &[(Ready, Completion)]) -> Result<Vec<Segment>> {
    completed
        .iter()
        .flat_map(|(_, of)| &of.segments)
        .map(|segment| {
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
                document: JsonText(segment.document.to_json()?),
            })
        })
        .collect()
}

fn contract_moves(of: &Completion) -> impl Iterator<Item = ContractMove> + '_ {
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
fn announce(
    tx: &mut Tx<'_>,
    params: RunParams,
    completed: &[(Ready, Completion)],
    actor: &str,
) -> Result<()> {
    let bills: Vec<BillId> = completed.iter().map(|(_, of)| of.bill.id).collect();
    let mut hash = Sha256::new();
    for (_, of) in completed {
        hash.update(of.bill.id.owner.0.to_be_bytes());
        hash.update(of.bill.id.n.to_be_bytes());
        hash.update(of.bill.ending.minor().to_be_bytes());
    }
    store::posting::announce(tx, "bills.posted", &json!({ "run_id": params.run, "bill_ids": bills }))?;
    audit::record_chunk(
        tx,
        actor,
        Action { action: "bills.post", subject: params.run.to_string(), ..Action::default() },
        bills.len(),
        hash.finalize().into(),
    )
}
