//! Bill runs: who bills which accounts of a window; tests, review, acceptance.
//!
//! A run's chunks touch only its own items. Work on the run's row (state, latest test) happens
//! when an operation is filed and when it has finished, never while chunks are under way.

mod accept;
mod approval;
mod changes;
pub(crate) mod context;
pub mod errors;
mod estimates;
mod filing;
pub(crate) mod inputs;
pub(crate) mod invoicing;
mod items;
pub(crate) mod memory;
mod past;
pub(crate) mod posting;
pub(crate) mod profiles;
mod register;
pub(crate) mod remarks;
pub mod review;
mod saving;
mod scope;
mod steering;
mod test;
pub(crate) mod totals;

pub use accept::Accept;
pub use approval::{Approval, approve};
pub use billing::ContractChange;
pub use changes::{AccountChanged, ChangeQuery, TestChanges};
pub(crate) use estimates::Made as EstimatesMade;
pub use items::DraftView;
pub(crate) use posting::{contract_moves, end_services, segment_row};
pub use register::{Completeness, ContractProof, Register, SiteProof};
pub use scope::{TestScope, start_test, start_test_of};
pub use steering::control;
pub use test::Test;

use crate::audit::{self, Action};
use crate::operations::{self, NewOperation, with_time};
use crate::{App, Caller, Error, Result, Utility};
use billing::{RunEvent, transition};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use store::queue::Operation;
use store::run_sets;
use store::runs::{BillRun, ItemFilter, ItemUpdate, RunScope, RunTest};
use store::windows::Window;
use store::{Cursor, Page, Tx};
use vocab::{
    AccountId, Code, ItemState, OperationId, OperationKind, Problem, RunId, RunState, SiteId, TestId,
    WindowId, WindowState,
};

/// A run to create.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Over which window.
    pub window: WindowId,
    /// For people.
    pub name: String,
    /// Only these sites; all that the caller sees when absent.
    pub sites: Option<Vec<SiteId>>,
    /// Only these accounts.
    pub accounts: Option<Vec<AccountId>>,
}

/// The scope as stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Scope {
    /// Only these sites.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_ids: Option<Vec<SiteId>>,
    /// Only these accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_ids: Option<Vec<AccountId>>,
}

/// What the chunks of a test or an acceptance need to know.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct RunParams {
    pub(crate) run: RunId,
    pub(crate) test: TestId,
}

/// A run with what it comes to.
#[derive(Debug, Clone)]
pub struct RunView {
    /// The run.
    pub run: BillRun,
    /// Items by state.
    pub items: Vec<(ItemState, i64)>,
    /// Its tests.
    pub tests: Vec<RunTest>,
    /// The operation under way, or the last one.
    pub operation: Option<OperationId>,
}

/// Creates a run: its items are fixed now. A live run of the window that holds any of the
/// accounts is named in the refusal.
pub fn create(tx: &mut Tx<'_>, caller: &Caller, new: NewRun) -> Result<RunView> {
    let window = lock_open_window(tx, new.window)?;
    if new.name.trim().is_empty() || new.name.len() > 200 {
        return Err(Problem::field("/name", Code::FieldRange, "1 to 200 characters").into());
    }
    let sites = match (new.sites, caller.sites()) {
        (Some(asked), Some(own)) => {
            if let Some(at) = asked.iter().position(|site| !own.contains(site)) {
                let pointer = format!("/site_ids/{at}");
                return Err(Problem::field(pointer, Code::UnknownReference, "there is no such thing").into());
            }
            Some(asked)
        }
        (asked, own) => asked.or(own),
    };
    let stored = Scope { site_ids: sites.clone(), account_ids: new.accounts.clone() };
    let scope = RunScope { sites, accounts: new.accounts };
    let mut run = BillRun {
        id: RunId(tx.new_id()?),
        window_id: window.id,
        name: new.name,
        owner: caller.actor(),
        scope: serde_json::to_value(stored)?,
        state: RunState::Scheduled,
        accounts: 0,
        latest_test_id: None,
        created_at: tx.as_of(),
        version: 1,
    };
    store::runs::insert(tx, &run)?;
    let taken = tx.attempt(|tx| store::runs::insert_items(tx, run.id, window.id, window.cycle_id, &scope));
    let count = match taken {
        Ok(count) => count,
        Err(store::Error::Exists { .. }) => return Err(overlap(tx, &window, &scope)?.into()),
        Err(error) => return Err(error.into()),
    };
    if count == 0 {
        return Err(
            Problem::new(Code::EmptyScope, "no billable account without a bill in this window").into()
        );
    }
    run.accounts = i64::try_from(count).unwrap_or(i64::MAX);
    store::runs::update(tx, &run)?;
    run.version += 1;
    audit::record(
        tx,
        caller,
        Action {
            action: "bill_run.create",
            subject: run.id.to_string(),
            after: Some(json!({ "window": run.window_id, "accounts": count, "scope": run.scope })),
            ..Action::default()
        },
    )?;
    view(tx, run)
}

fn overlap(tx: &mut Tx<'_>, window: &Window, scope: &RunScope) -> Result<Problem> {
    let problem = match store::runs::overlap(tx, window.id, window.cycle_id, scope)? {
        Some((other, held)) => Problem::new(
            Code::RunsOverlap,
            format!("the run “{}” holds {held} of these accounts", other.name),
        )
        .with("run", other.id)
        .with("owner", other.owner)
        .with("accounts", held),
        None => Problem::new(Code::RunsOverlap, "another run has just taken some of these accounts"),
    };
    Ok(problem)
}

pub(crate) fn open_window(tx: &mut Tx<'_>, id: WindowId) -> Result<Window> {
    // Held: it is not closed before this is done.
    let held = store::windows::hold(tx, id)?;
    must_be_open(held.ok_or_else(no_window)?)
}

/// For who fixes which accounts are in a run: nobody tests, or bills by hand, in the window meanwhile.
pub(crate) fn lock_open_window(tx: &mut Tx<'_>, id: WindowId) -> Result<Window> {
    let locked = store::windows::lock(tx, id)?;
    must_be_open(locked.ok_or_else(no_window)?)
}

fn no_window() -> Problem {
    Problem::field("/window_id", Code::UnknownReference, "there is no such window")
}

/// Refuses a window that is not open.
pub(crate) fn must_be_open(window: Window) -> Result<Window> {
    if window.state == WindowState::Open {
        return Ok(window);
    }
    let detail = format!("the window is {}; open it first", window.state);
    Err(Problem::new(Code::WrongState, detail).with("state", window.state).into())
}

/// A run that the caller may see: none of its accounts lies outside the caller's sites.
pub(crate) fn find(tx: &mut Tx<'_>, caller: &Caller, id: RunId) -> Result<BillRun> {
    let run = store::runs::find(tx, id)?.ok_or_else(Problem::not_found)?;
    visible(tx, caller, id)?;
    Ok(run)
}

fn lock(tx: &mut Tx<'_>, caller: &Caller, id: RunId) -> Result<BillRun> {
    let run = store::runs::lock(tx, id)?.ok_or_else(Problem::not_found)?;
    visible(tx, caller, id)?;
    Ok(run)
}

/// The window first, then the run: in the order in which a window is closed.
fn lock_in_open_window(tx: &mut Tx<'_>, caller: &Caller, id: RunId) -> Result<BillRun> {
    let run = store::runs::find(tx, id)?.ok_or_else(Problem::not_found)?;
    visible(tx, caller, id)?;
    open_window(tx, run.window_id)?;
    lock(tx, caller, id)
}

fn visible(tx: &mut Tx<'_>, caller: &Caller, id: RunId) -> Result<()> {
    match caller.sites() {
        Some(own) if store::runs::reaches_beyond(tx, id, &own)? => Err(Problem::not_found().into()),
        _ => Ok(()),
    }
}

fn view(tx: &mut Tx<'_>, run: BillRun) -> Result<RunView> {
    Ok(views(tx, vec![run])?.pop().ok_or_else(Problem::not_found)?)
}

/// What several runs come to: a query for each part, however many runs.
fn views(tx: &mut Tx<'_>, runs: Vec<BillRun>) -> Result<Vec<RunView>> {
    let ids: Vec<RunId> = runs.iter().map(|run| run.id).collect();
    let mut items: HashMap<RunId, Vec<(ItemState, i64)>> = HashMap::new();
    for (run, state, count) in run_sets::item_counts(tx, &ids)? {
        items.entry(run).or_default().push((state, count));
    }
    let mut tests: HashMap<RunId, Vec<RunTest>> = HashMap::new();
    for test in run_sets::tests(tx, &ids)? {
        tests.entry(test.run_id).or_default().push(test);
    }
    let operations = steering::latest_operations(tx, &ids)?;
    let view = |run: BillRun| RunView {
        items: items.remove(&run.id).unwrap_or_default(),
        tests: tests.remove(&run.id).unwrap_or_default(),
        operation: operations.get(&run.id).map(|operation| operation.id),
        run,
    };
    Ok(runs.into_iter().map(view).collect())
}

fn step(run: &mut BillRun, event: RunEvent) -> Result<()> {
    run.state = transition(run.state, event)
        .map_err(|refused| Problem::new(Code::WrongState, refused.to_string()).with("state", run.state))?;
    Ok(())
}

/// Files the acceptance of a named test, which must be the run's latest.
pub fn start_accept(tx: &mut Tx<'_>, caller: &Caller, id: RunId, test: TestId) -> Result<Operation> {
    start_accept_of(tx, caller, id, test, false)
}

/// The same, of those accounts alone whose drafts are approved when asked so.
pub fn start_accept_of(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: RunId,
    test: TestId,
    only_approved: bool,
) -> Result<Operation> {
    let mut run = lock_in_open_window(tx, caller, id)?;
    let state_before = run.state;
    if run.state == RunState::Scheduled || run.latest_test_id.is_none() {
        let detail = "the run has not been tested yet; test it first";
        return Err(Problem::new(Code::NoTest, detail).with("state", run.state).into());
    }
    step(&mut run, RunEvent::StartAccept)?;
    if run.latest_test_id != Some(test) {
        let latest = run.latest_test_id.map_or_else(|| "none".to_owned(), |test| test.to_string());
        return Err(Problem::new(Code::TestStale, format!("the run's latest test is {latest}"))
            .with("latest_test", latest)
            .into());
    }
    let which = ItemFilter { approved: only_approved.then_some(true), ..ItemFilter::default() };
    let mut accounts = store::runs::open_accounts(tx, id, &which)?;
    // Of these an older draft may stand: nobody has seen what the latest test would have made of them.
    let given_up = ItemFilter {
        state: Some(ItemState::Error),
        reason_code: Some(NOT_TESTED.to_owned()),
        ..ItemFilter::default()
    };
    let given_up = store::runs::open_accounts(tx, id, &given_up)?;
    accounts.retain(|account| given_up.binary_search(account).is_err());
    if only_approved && accounts.is_empty() {
        return Err(Problem::new(Code::EmptyScope, "no open account of the run is approved").into());
    }
    let chunks = filing::chunks_of(tx, &accounts)?;
    let operation = operations::file(
        tx,
        &caller.actor(),
        NewOperation {
            kind: OperationKind::BillAccept,
            subject_id: Some(id.0),
            params: with_time(tx, serde_json::to_value(RunParams { run: id, test })?)?,
            chunks,
            total: None,
        },
    )?;
    store::runs::update(tx, &run)?;
    audit::record(
        tx,
        caller,
        Action {
            action: "bill_run.accept",
            subject: id.to_string(),
            before: Some(json!({ "state": state_before })),
            after: Some(json!({ "test": test, "accounts": accounts.len(), "only_approved": only_approved })),
            reason: None,
        },
    )?;
    Ok(operation)
}

/// Lets one account of a run go that is not accepted: another run may take it.
pub fn release_account(tx: &mut Tx<'_>, caller: &Caller, id: RunId, account: AccountId) -> Result<RunView> {
    let run = lock(tx, caller, id)?;
    let stands = [RunState::Scheduled, RunState::Tested, RunState::Accepted, RunState::Invoiced];
    if !stands.contains(&run.state) {
        let detail = format!("the run is {}; its work has to end first", run.state);
        return Err(Problem::new(Code::WrongState, detail).with("state", run.state).into());
    }
    let item = store::runs::item(tx, id, account)?.ok_or_else(Problem::not_found)?;
    if !store::runs::release_item(tx, id, account)? {
        let detail = format!("the account is {} and in the run no more", item.state);
        return Err(Problem::new(Code::WrongState, detail).with("state", item.state).into());
    }
    let after = Some(json!({ "account": account }));
    let (action, subject) = ("bill_run.release_account", id.to_string());
    audit::record(tx, caller, Action { action, subject, after, ..Action::default() })?;
    view(tx, run)
}

/// Closes a run: what was not accepted is free for other runs, its drafts are dropped.
pub fn close(tx: &mut Tx<'_>, caller: &Caller, id: RunId) -> Result<RunView> {
    let mut run = lock(tx, caller, id)?;
    step(&mut run, RunEvent::Close)?;
    store::runs::release_items(tx, id)?;
    store::runs::drop_drafts(tx, id)?;
    store::runs::update(tx, &run)?;
    run.version += 1;
    audit::record(
        tx,
        caller,
        Action { action: "bill_run.close", subject: id.to_string(), ..Action::default() },
    )?;
    view(tx, run)
}

impl App {
    /// A run.
    pub fn bill_run(&self, caller: &Caller, id: RunId) -> Result<RunView> {
        self.db().tx(|tx| {
            let run = find(tx, caller, id)?;
            view(tx, run)
        })
    }

    /// The runs that the caller may see, newest first.
    pub fn bill_runs(
        &self,
        caller: &Caller,
        window: Option<WindowId>,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<RunView>> {
        self.db().tx(|tx| {
            let mut page = store::runs::list(tx, window, after, limit)?;
            if let Some(own) = caller.sites() {
                let ids: Vec<RunId> = page.items.iter().map(|run| run.id).collect();
                let hidden: HashSet<RunId> = run_sets::reaching_beyond(tx, &ids, &own)?.into_iter().collect();
                page.items.retain(|run| !hidden.contains(&run.id));
            }
            let items = views(tx, page.items)?;
            Ok(Page { items, next: page.next })
        })
    }
}

/// What an item says of which a test made no draft, be it that an older one stands.
const NOT_TESTED: &str = "not_tested";

/// Keeps an account behind that a test or an acceptance gave up because of a fault.
fn give_up(
    tx: &mut Tx<'_>,
    operation: &Operation,
    account: i64,
    error: &Error,
    reason_code: &str,
) -> Result<()> {
    let params: RunParams = serde_json::from_value(operation.params.clone())?;
    let problem = error.problem();
    let update = ItemUpdate {
        account: AccountId(account),
        state: ItemState::Error,
        bill: None,
        reason_code: Some(reason_code.to_owned()),
        reason: Some(format!("{}: {}", problem.code, problem.detail)),
    };
    Ok(store::runs::update_items(tx, params.run, &[update])?)
}

/// Moves the run on when its test or acceptance has finished; answers what it came to.
fn finish(tx: &mut Tx<'_>, operation: &Operation, event: RunEvent) -> Result<(RunParams, Value)> {
    let params: RunParams = serde_json::from_value(operation.params.clone())?;
    let mut run = store::runs::lock(tx, params.run)?.ok_or_else(Problem::not_found)?;
    step(&mut run, event)?;
    if event == RunEvent::FinishTest {
        run.latest_test_id = Some(params.test);
    }
    store::runs::update(tx, &run)?;
    run.version += 1;
    if event == RunEvent::FinishAccept {
        invoicing::settle_accepted(tx, run)?;
    }
    let items = store::runs::item_counts(tx, params.run)?;
    let items: BTreeMap<_, _> = items.into_iter().map(|(state, count)| (state.to_string(), count)).collect();
    let behind: Vec<Value> = store::runs::reason_counts(tx, params.run)?
        .into_iter()
        .map(|(state, reason, accounts)| json!({ "state": state, "reason_code": reason, "accounts": accounts }))
        .collect();
    Ok((params, json!({ "run_id": params.run, "test_id": params.test, "items": items, "behind": behind })))
}

/// The civil day of a test.
fn day_of(utility: &Utility, test: &RunTest) -> time::Date {
    utility.day(test.as_of)
}
