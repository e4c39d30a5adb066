//! Starting a test: of the whole run, or of the part of it that is to be made again.

use super::{RunParams, filing, lock_in_open_window, step};
use crate::audit::{self, Action};
use crate::operations::{self, NewOperation};
use crate::{Caller, Result};
use billing::RunEvent;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashSet;
use store::Tx;
use store::queue::Operation;
use store::runs::{ItemFilter, RunTest};
use vocab::{AccountId, Code, OperationKind, Problem, RunId, SiteId, TestId};

/// Which part of a run is tested again; what is absent narrows nothing. The others keep their drafts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestScope {
    /// Only these accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_ids: Option<Vec<AccountId>>,
    /// Only these sites.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_ids: Option<Vec<SiteId>>,
    /// Only accounts with an open error of one of these codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_codes: Option<Vec<Code>>,
}

impl TestScope {
    /// Whether it is the whole run.
    pub fn is_whole(&self) -> bool {
        *self == Self::default()
    }

    fn filter(&self) -> ItemFilter {
        ItemFilter {
            sites: self.site_ids.clone(),
            accounts: self.account_ids.clone(),
            errors: self.error_codes.clone(),
            ..ItemFilter::default()
        }
    }
}

/// Files a test of every account of the run that is not yet accepted.
pub fn start_test(tx: &mut Tx<'_>, caller: &Caller, id: RunId) -> Result<(RunTest, Operation)> {
    start_test_of(tx, caller, id, &TestScope::default())
}

/// The same of a part of the run. The first test of a run is of the whole: every account has an outcome.
pub fn start_test_of(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: RunId,
    scope: &TestScope,
) -> Result<(RunTest, Operation)> {
    let mut run = lock_in_open_window(tx, caller, id)?;
    let state_before = run.state;
    step(&mut run, RunEvent::StartTest)?;
    let is_whole = scope.is_whole();
    if !is_whole && run.latest_test_id.is_none() {
        let detail = "test the whole run first: a part of it is only tested again";
        return Err(Problem::new(Code::WrongState, detail).with("state", state_before).into());
    }
    let number = store::runs::tests(tx, id)?.last().map_or(1, |test| test.number + 1);
    let test = TestId(tx.new_id()?);
    let accounts = store::runs::open_accounts(tx, id, &scope.filter())?;
    if !is_whole {
        all_are_there(tx, id, scope)?;
        if accounts.is_empty() {
            return Err(Problem::new(Code::EmptyScope, "no open account of the run is meant").into());
        }
    }
    let chunks = filing::chunks_of(tx, &accounts)?;
    let operation = operations::file(
        tx,
        &caller.actor(),
        NewOperation {
            kind: OperationKind::BillTest,
            subject_id: Some(id.0),
            params: serde_json::to_value(RunParams { run: id, test })?,
            chunks,
            total: None,
        },
    )?;
    let row = RunTest {
        id: test,
        run_id: id,
        number,
        operation_id: operation.id,
        previous_id: run.latest_test_id,
        as_of: tx.as_of(),
        created_by: caller.actor(),
        scope: serde_json::to_value(scope)?,
    };
    store::runs::insert_test(tx, &row)?;
    store::runs::update(tx, &run)?;
    let after = json!({ "test": test, "number": number, "accounts": accounts.len(), "scope": row.scope });
    audit::record(
        tx,
        caller,
        Action { action: "bill_run.test", subject: id.to_string(), after: Some(after), ..Action::default() },
    )?;
    Ok((row, operation))
}

/// Refuses an account that is not in the run, or is accepted already.
fn all_are_there(tx: &mut Tx<'_>, run: RunId, scope: &TestScope) -> Result<()> {
    let Some(accounts) = &scope.account_ids else { return Ok(()) };
    let filter = ItemFilter { accounts: Some(accounts.clone()), ..ItemFilter::default() };
    let open: HashSet<i64> = store::runs::open_accounts(tx, run, &filter)?.into_iter().collect();
    match accounts.iter().position(|account| !open.contains(&account.0)) {
        None => Ok(()),
        Some(at) => {
            let detail = "not an account of the run that is still to be accepted";
            Err(Problem::field(format!("/account_ids/{at}"), Code::UnknownReference, detail).into())
        }
    }
}
