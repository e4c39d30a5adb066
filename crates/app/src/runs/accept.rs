//! Acceptance: bills are completed, transactions posted, balances moved. One chunk, one
//! transaction; an account that may not be posted stays behind and is named, the rest goes on.

use super::inputs::{self, Reads};
use super::posting::{Ready, complete, stays, write};
use super::saving::{decided_flag, digest};
use super::test::context_of;
use super::totals::Of;
use super::{NOT_TESTED, RunParams, finish, give_up, steering};
use crate::bill_messages::Messages;
use crate::operations::Control;
use crate::per_operation::PerOperation;
use crate::worker::{Handler, Outcome};
use crate::{App, Caller, Error, Result, Utility, automatic};
use billing::{DecidedFlag, Flag, ReviewedFlag, RunContext, RunEvent, Tested};
use serde_json::Value;
use std::collections::HashMap;
use store::Tx;
use store::accounts::Account;
use store::flags::FlagRow;
use store::queue::Operation;
use store::runs::{ItemUpdate, RunTest};
use vocab::{AccountId, Code, ItemState, Problem, RebillProposalId};

/// The work of [`vocab::OperationKind::BillAccept`].
#[derive(Default)]
pub struct Accept(PerOperation<Shared>);

/// What all accounts of an acceptance share.
struct Shared {
    context: RunContext,
    messages: Messages,
}

fn shared(tx: &mut Tx<'_>, params: RunParams, test: &RunTest) -> Result<Shared> {
    let context = context_of(tx, params, test)?;
    let utility = Utility::load(tx)?;
    let run = store::runs::find(tx, params.run)?.ok_or_else(Problem::not_found)?;
    let window = store::windows::find(tx, run.window_id)?.ok_or_else(Problem::not_found)?;
    Ok(Shared { context, messages: Messages::load(tx, &utility, &window)? })
}

impl Handler for Accept {
    fn run(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation, items: &[i64]) -> Result<Outcome> {
        let params: RunParams = serde_json::from_value(operation.params.clone())?;
        let test = store::runs::test(tx, params.test)?.ok_or_else(Problem::not_found)?;
        let shared = self.0.get(tx, operation.id, |tx| shared(tx, params, &test))?;
        let context = &shared.context;
        let ids: Vec<AccountId> = items.iter().copied().map(AccountId).collect();
        let accounts = store::accounts::lock(tx, &ids)?;
        // No read changes between the comparison of the digests and the commit.
        store::billing_inputs::hold_points(tx, &ids)?;
        let (ready, mut updates) = judge(tx, &test, context, accounts)?;
        let (completed, refused, made) = complete(tx, context, ready)?;
        updates.extend(refused);
        for (ready, completion) in &completed {
            updates.push(ItemUpdate {
                account: ready.account.account_id,
                state: ItemState::Accepted,
                bill: Some(completion.bill.id.n),
                reason: None,
                reason_code: None,
            });
        }
        store::runs::update_items(tx, params.run, &updates)?;
        if !completed.is_empty() {
            made.store(tx)?;
            let of = Of::test(params, context.window().id, true);
            write(tx, of, &shared.messages, &completed, &operation.created_by)?;
        }
        let done = i32::try_from(completed.len()).unwrap_or(i32::MAX);
        Ok(Outcome { done, failed: Outcome::all(items).done - done, ..Outcome::default() })
    }

    fn give_up(
        &self,
        _: &App,
        tx: &mut Tx<'_>,
        operation: &Operation,
        item: i64,
        error: &Error,
    ) -> Result<()> {
        give_up(tx, operation, item, error, error.problem().code.as_str())
    }

    fn finish(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation) -> Result<Value> {
        self.0.forget(operation.id);
        let (_, result) = finish(tx, operation, RunEvent::FinishAccept)?;
        Ok(result)
    }

    fn follow(&self, tx: &mut Tx<'_>, operation: &Operation) -> Result<Option<Value>> {
        let params: RunParams = serde_json::from_value(operation.params.clone())?;
        automatic::after_acceptance(tx, params.run)
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
    test: &RunTest,
    context: &RunContext,
    accounts: Vec<Account>,
) -> Result<(Vec<Ready>, Vec<ItemUpdate>)> {
    let ids: Vec<AccountId> = accounts.iter().map(|account| account.account_id).collect();
    // A bill goes where its readers live now, which may be days after the test.
    let routed_on = Utility::load(tx)?.day(tx.as_of());
    let inputs = inputs::load(tx, context, &accounts, Reads::Billed, routed_on)?;
    let mut tested: HashMap<AccountId, Tested> = HashMap::new();
    for row in store::drafts::standing(tx, test.run_id, test.number, &ids)? {
        let of = Tested { inputs: digest(&row.digest)?, charges: digest(&row.charges_digest)? };
        tested.insert(row.account_id, of);
    }
    let mut flags: HashMap<AccountId, Vec<ReviewedFlag>> = HashMap::new();
    for row in store::flags::of_accounts(tx, test.run_id, &ids)? {
        flags.entry(row.account_id).or_default().push(reviewed(row));
    }
    // Billed on from the estimate, the read would true it up, and the correction once more.
    let doubting: HashMap<AccountId, RebillProposalId> =
        store::rebill_proposals::doubting(tx, &ids)?.into_iter().collect();
    let mut ready = Vec::with_capacity(accounts.len());
    let mut behind = Vec::new();
    for (account, inputs) in accounts.into_iter().zip(inputs) {
        let id = account.account_id;
        let Some(tested) = tested.get(&id) else {
            behind.push(stays(id, ItemState::Stale, NOT_TESTED, "the test has no draft of the account"));
            continue;
        };
        // Made again rather than read back: the digests say whether it is the reviewed one.
        let draft = billing::draft(context, &inputs);
        let flags = flags.get(&id).map_or(&[][..], Vec::as_slice);
        match billing::acceptable(&draft, &Tested::of(&draft), tested, flags) {
            Ok(()) => match doubting.get(&id) {
                Some(proposal) => {
                    let reason =
                        format!("the proposal {proposal} puts billed days in doubt; decide about it first");
                    behind.push(stays(id, ItemState::Held, Code::RebillProposed.as_str(), &reason));
                }
                None => ready.push(Ready { account, inputs, draft }),
            },
            Err(why) => {
                let code = why.reason_code(draft.reason.as_ref());
                behind.push(stays(id, why.item_state(), code, &why.to_string()));
            }
        }
    }
    Ok((ready, behind))
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
