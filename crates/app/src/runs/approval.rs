//! Approval of single drafts: whose bills may go out when only approved ones are accepted. A later test that
//! changes a draft takes its approval back.

use super::lock;
use super::review::{FLAGS_MAX, Refusal};
use crate::audit::{self, Action};
use crate::{Caller, Result};
use serde_json::json;
use std::collections::HashSet;
use store::Tx;
use store::runs::ItemFilter;
use vocab::{AccountId, Code, ItemState, Problem, RunId, RunState};

/// Most accounts of one request.
const ACCOUNTS_MAX: usize = FLAGS_MAX;

/// Which drafts of a run to approve.
#[derive(Debug, Clone, Default)]
pub struct Approval {
    /// Those of these accounts.
    pub accounts: Vec<AccountId>,
    /// Or those that match, at most 1,000 at a time.
    pub matching: Option<ItemFilter>,
    /// `false`: takes approvals back.
    pub approved: bool,
}

/// Approves drafts; answers each account with the reason why it was not.
pub fn approve(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: RunId,
    of: Approval,
) -> Result<Vec<(AccountId, Option<Refusal>)>> {
    let run = lock(tx, caller, id)?;
    if !matches!(run.state, RunState::Tested | RunState::Accepted | RunState::Invoiced) {
        let detail = format!("the run is {}", run.state);
        return Err(Problem::new(Code::WrongState, detail).with("state", run.state).into());
    }
    let drafted = |filter| ItemFilter { state: Some(ItemState::Drafted), ..filter };
    let asked = match of.matching {
        Some(_) if !of.accounts.is_empty() => {
            let detail = "name accounts, or what they have in common: not both";
            return Err(Problem::field("/matching", Code::FieldRange, detail).into());
        }
        Some(filter) => {
            let filter = ItemFilter { approved: Some(!of.approved), ..drafted(filter) };
            let mut found = store::runs::open_accounts(tx, id, &filter)?;
            found.truncate(ACCOUNTS_MAX);
            found.into_iter().map(AccountId).collect()
        }
        None => of.accounts,
    };
    if asked.len() > ACCOUNTS_MAX {
        let detail = format!("at most {ACCOUNTS_MAX} accounts at a time");
        return Err(Problem::field("/account_ids", Code::FieldRange, detail).into());
    }
    let filter = ItemFilter { accounts: Some(asked.clone()), ..ItemFilter::default() };
    let there: HashSet<i64> = store::runs::open_accounts(tx, id, &filter)?.into_iter().collect();
    let drafted: HashSet<i64> = store::runs::open_accounts(tx, id, &drafted(filter))?.into_iter().collect();
    let refused = |account: &AccountId| {
        if !there.contains(&account.0) {
            Some((Code::NotFound, "not an account of the run that is still to be accepted".to_owned()))
        } else if !drafted.contains(&account.0) && of.approved {
            Some((Code::WrongState, "it has no draft that could be accepted".to_owned()))
        } else {
            None
        }
    };
    let answer: Vec<_> = asked.into_iter().map(|account| (account, refused(&account))).collect();
    let chosen: Vec<AccountId> =
        answer.iter().filter(|(_, refused)| refused.is_none()).map(|(account, _)| *account).collect();
    let by = caller.actor();
    let changed = store::runs::approve(tx, id, &chosen, of.approved.then_some(by.as_str()))?;
    let after = json!({ "accounts": changed, "approved": of.approved });
    audit::record(
        tx,
        caller,
        Action {
            action: "bill_run.approve",
            subject: id.to_string(),
            after: Some(after),
            ..Action::default()
        },
    )?;
    Ok(answer)
}
