//! Errors of contracts: listed and grouped over all runs, and mended many at once: made again, held, given to
//! somebody.

use super::review::{Refusal, own_sites};
use super::{TestScope, find, start_test_of};
use crate::audit::{self, Action};
use crate::contracts::{self, ContractChanges};
use crate::{App, Caller, Error, Result};
use access::Permission;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use store::bill_errors::{self, ErrorFilter, ErrorGroup, ErrorKey, ErrorRow};
use store::{Cursor, Page, Tx};
use time::Date;
use vocab::{AccountId, Code, ContractId, OperationId, Problem, RunId, SiteId};

/// Most errors of one request.
pub const ERRORS_MAX: usize = 1000;
/// Most groups of one answer.
const GROUPS_MAX: i64 = 1000;

/// Which errors to mend, and how.
#[derive(Debug, Clone)]
pub struct Fix {
    /// These.
    pub errors: Vec<ErrorKey>,
    /// Or every open one that matches, at most 1,000 at a time.
    pub matching: Option<ErrorFilter>,
    /// What is done.
    pub action: FixAction,
}

/// What is done with errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FixAction {
    /// Their accounts are tested again, in a test of their own in each run.
    Regenerate,
    /// Their contracts are held until a day: the rest of their accounts can be billed.
    Hold {
        /// The last day of the hold.
        until_on: Date,
        /// Why.
        reason: String,
    },
    /// Somebody is to look at them; nobody when absent.
    Assign {
        /// Who.
        assignee: Option<String>,
    },
}

/// What became of one error of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// Which.
    pub error: ErrorKey,
    /// The test that makes its account again.
    pub operation: Option<OperationId>,
    /// Why nothing was done.
    pub refused: Option<Refusal>,
}

impl App {
    /// Errors that the caller may see; only open ones of open runs unless the filter says otherwise.
    pub fn bill_errors(
        &self,
        caller: &Caller,
        filter: ErrorFilter,
        site: Option<SiteId>,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<ErrorRow>> {
        self.db().tx(|tx| {
            let filter = visible(tx, caller, filter, site)?;
            Ok(bill_errors::list(tx, &filter, after, limit)?)
        })
    }

    /// The same by code, cycle and rate.
    pub fn bill_error_groups(
        &self,
        caller: &Caller,
        filter: ErrorFilter,
        site: Option<SiteId>,
    ) -> Result<Vec<ErrorGroup>> {
        self.db().tx(|tx| {
            let filter = visible(tx, caller, filter, site)?;
            Ok(bill_errors::groups(tx, &filter, GROUPS_MAX)?)
        })
    }
}

fn visible(
    tx: &mut Tx<'_>,
    caller: &Caller,
    filter: ErrorFilter,
    site: Option<SiteId>,
) -> Result<ErrorFilter> {
    if let Some(run) = filter.run {
        find(tx, caller, run)?;
    }
    let sites = own_sites(caller, site.map(|site| vec![site]).or(filter.sites))?;
    Ok(ErrorFilter { sites, ..filter })
}

/// Mends errors; those of which nothing is done are answered with the reason.
pub fn fix(tx: &mut Tx<'_>, caller: &Caller, fix: Fix) -> Result<Vec<Fixed>> {
    let wanted = match fix.matching {
        Some(_) if !fix.errors.is_empty() => {
            let detail = "name errors, or what they have in common: not both";
            return Err(Problem::field("/matching", Code::FieldRange, detail).into());
        }
        Some(filter) => {
            let filter = ErrorFilter { open: Some(true), ..visible(tx, caller, filter, None)? };
            let limit = i64::try_from(ERRORS_MAX).unwrap_or(i64::MAX);
            let page = bill_errors::list(tx, &filter, None, limit)?;
            page.items.iter().map(ErrorRow::key).collect()
        }
        None if fix.errors.is_empty() || fix.errors.len() > ERRORS_MAX => {
            let detail = format!("1 to {ERRORS_MAX} errors at a time");
            return Err(Problem::field("/errors", Code::FieldRange, detail).into());
        }
        None => fix.errors,
    };
    let found: HashSet<ErrorKey> = bill_errors::by_key(tx, &wanted)?
        .into_iter()
        .filter(|(row, site)| row.open && caller.principal.sees_site(*site))
        .map(|(row, _)| row.key())
        .collect();
    let chosen: Vec<ErrorKey> = wanted.iter().filter(|key| found.contains(*key)).cloned().collect();
    let done = match fix.action {
        FixAction::Regenerate => regenerate(tx, caller, &chosen)?,
        FixAction::Hold { until_on, reason } => hold(tx, caller, &chosen, until_on, &reason)?,
        FixAction::Assign { assignee } => assign(tx, caller, &chosen, assignee.as_deref())?,
    };
    let none = || (Code::NotFound, "there is no such error that stands".to_owned());
    Ok(wanted
        .into_iter()
        .map(|error| match done.get(&error) {
            Some(Ok(operation)) => Fixed { error, operation: *operation, refused: None },
            Some(Err(refused)) => Fixed { error, operation: None, refused: Some(refused.clone()) },
            None => Fixed { error, operation: None, refused: Some(none()) },
        })
        .collect())
}

/// What was done about each error: the operation that does it, when there is one.
type Done = HashMap<ErrorKey, std::result::Result<Option<OperationId>, Refusal>>;

/// A refusal of a part is that part's own; anything else ends the request.
fn own<T>(outcome: Result<T>) -> Result<std::result::Result<T, Refusal>> {
    match outcome {
        Ok(done) => Ok(Ok(done)),
        Err(Error::Refused(problem)) => Ok(Err((problem.code, problem.detail))),
        Err(error) => Err(error),
    }
}

fn regenerate(tx: &mut Tx<'_>, caller: &Caller, chosen: &[ErrorKey]) -> Result<Done> {
    caller.may(Permission::BillRunsTest)?;
    let mut runs: BTreeMap<RunId, BTreeSet<AccountId>> = BTreeMap::new();
    for key in chosen {
        runs.entry(key.run).or_default().insert(key.account);
    }
    let mut of_run = HashMap::new();
    for (run, accounts) in runs {
        let accounts = Some(accounts.into_iter().collect());
        let scope = TestScope { account_ids: accounts, ..TestScope::default() };
        let started = tx.attempt(|tx| start_test_of(tx, caller, run, &scope));
        of_run.insert(run, own(started.map(|(_, operation)| Some(operation.id)))?);
    }
    let missing = || Err((Code::NotFound, Code::NotFound.meaning().to_owned()));
    Ok(chosen
        .iter()
        .map(|key| (key.clone(), of_run.get(&key.run).cloned().unwrap_or_else(missing)))
        .collect())
}

fn hold(tx: &mut Tx<'_>, caller: &Caller, chosen: &[ErrorKey], until_on: Date, reason: &str) -> Result<Done> {
    caller.may(Permission::ContractsWrite)?;
    contracts::check_hold_reason("/reason", reason)?;
    // Accounts are locked ascending.
    let ids: BTreeSet<ContractId> =
        chosen.iter().map(|key| ContractId::new(key.account, key.contract)).collect();
    let mut of_contract = HashMap::new();
    for id in ids {
        let changes =
            ContractChanges { hold: Some(Some((until_on, reason.to_owned()))), ..ContractChanges::default() };
        let held = tx.attempt(|tx| contracts::change(tx, caller, id, None, changes));
        of_contract.insert(id, own(held.map(|_| None))?);
    }
    Ok(chosen
        .iter()
        .filter_map(|key| {
            let id = ContractId::new(key.account, key.contract);
            Some((key.clone(), of_contract.get(&id)?.clone()))
        })
        .collect())
}

fn assign(tx: &mut Tx<'_>, caller: &Caller, chosen: &[ErrorKey], assignee: Option<&str>) -> Result<Done> {
    bill_errors::assign(tx, chosen, assignee)?;
    let subject = chosen.first().map(|key| key.account.to_string()).unwrap_or_default();
    let after = Some(json!({ "errors": chosen.len(), "assignee": assignee }));
    audit::record(tx, caller, Action { action: "errors.assign", subject, after, ..Action::default() })?;
    Ok(chosen.iter().map(|key| (key.clone(), Ok(None))).collect())
}
