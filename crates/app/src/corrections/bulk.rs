//! Correcting many bills: by run, rate, error or list, one after the other, each as it would be by itself. One
//! that is refused stays as it was, with the reason. A preview does all of it and keeps the figures alone.

use super::cancel::rebill_in;
use super::{Contexts, Corrected, Scope, cancel, complete, credit_note, discard, reopen};
use crate::audit::{self, Action};
use crate::naming::few;
use crate::operations::{self, Control, NewOperation, OperationView};
use crate::worker::{Handler, Outcome};
use crate::{App, Caller, Error, Result, ledger, preview};
use access::{Actor, Permission, Principal, SiteScope};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::bulk_corrections::{self as items, BulkItem, BulkScope, BulkTotals};
use store::queue::{NewChunk, Operation};
use store::{Cursor, Page, Tx};
use vocab::{
    AccountId, BillId, BillState, BulkItemState, Code, CorrectionKind, OperationId, OperationKind, Problem,
    RateScheduleId, Role, RunId,
};

/// Accounts of one chunk: one transaction.
const CHUNK_ACCOUNTS: usize = 50;
/// Most bills by id.
const BILLS_MAX: usize = 1000;

/// Which bills.
#[derive(Debug, Clone)]
pub enum Selection {
    /// Those of a run.
    Run(RunId),
    /// These.
    Bills(Vec<BillId>),
}

/// Many bills to correct.
#[derive(Debug, Clone)]
pub struct NewBulk {
    /// What is done to each.
    pub kind: CorrectionKind,
    /// Which bills.
    pub selection: Selection,
    /// Only segments of this rate, and bills that have any.
    pub schedule: Option<RateScheduleId>,
    /// Only of accounts that met this error in the bill's run.
    pub error_code: Option<Code>,
    /// Whether the days of what is cancelled are to be billed.
    pub opens_days: bool,
    /// Why.
    pub reason: String,
    /// Whether to look only.
    pub is_preview: bool,
}

/// What the chunks need to know.
#[derive(Debug, Serialize, Deserialize)]
struct Params {
    kind: CorrectionKind,
    schedule: Option<RateScheduleId>,
    opens_days: bool,
    reason: String,
    is_preview: bool,
    actor: Actor,
    role: Role,
    sites: SiteScope,
}

/// A bulk correction with what it has come to so far.
#[derive(Debug, Clone)]
pub struct BulkView {
    /// The operation with its progress.
    pub operation: OperationView,
    /// What is done to each bill.
    pub kind: CorrectionKind,
    /// Whether nothing is done.
    pub is_preview: bool,
    /// What it has come to.
    pub totals: BulkTotals,
}

/// Files the correction of many bills, which are fixed now.
pub fn start(tx: &mut Tx<'_>, caller: &Caller, new: NewBulk) -> Result<BulkView> {
    ledger::check_reason(&new.reason)?;
    let mut scope = BulkScope {
        schedule: new.schedule,
        error_code: new.error_code.map(|code| code.to_string()),
        sites: caller.sites(),
        ..BulkScope::default()
    };
    match new.selection {
        Selection::Run(run) => {
            crate::runs::find(tx, caller, run).map_err(|_| {
                Problem::field("/run_id", Code::UnknownReference, "there is no such bill run")
            })?;
            scope.run = Some(run);
        }
        Selection::Bills(bills) => {
            few("/bill_ids", bills.len(), BILLS_MAX)?;
            scope.bills = Some(bills);
        }
    }
    let params = Params {
        kind: new.kind,
        schedule: new.schedule,
        opens_days: new.opens_days,
        reason: new.reason.clone(),
        is_preview: new.is_preview,
        actor: caller.principal.actor,
        role: caller.principal.role,
        sites: caller.principal.sites.clone(),
    };
    let state = match new.kind {
        CorrectionKind::Complete | CorrectionKind::Discard => BillState::Pending,
        _ => BillState::Complete,
    };
    let id = OperationId(tx.new_id()?);
    let mut accounts = items::insert(tx, id, &scope, state)?;
    if accounts.is_empty() {
        return Err(Problem::new(Code::EmptyScope, "no bill that this can be done to").into());
    }
    let total = i64::try_from(accounts.len()).ok();
    accounts.dedup();
    let operation = NewOperation {
        kind: OperationKind::BillCorrection,
        subject_id: scope.run.map(|run| run.0),
        params: serde_json::to_value(params)?,
        chunks: accounts.chunks(CHUNK_ACCOUNTS).map(NewChunk::from).collect(),
        total,
    };
    operations::file_as(tx, id, &caller.actor(), operation)?;
    let after = json!({ "kind": new.kind, "accounts": accounts.len(), "preview": new.is_preview });
    let action = Action {
        action: "bills.correct",
        subject: id.to_string(),
        after: Some(after),
        reason: Some(new.reason),
        before: None,
    };
    audit::record(tx, caller, action)?;
    view(tx, id)
}

fn view(tx: &mut Tx<'_>, id: OperationId) -> Result<BulkView> {
    let operation = operations::view(tx, id)?;
    if operation.operation.kind != OperationKind::BillCorrection {
        return Err(Problem::not_found().into());
    }
    let params: Params = serde_json::from_value(operation.operation.params.clone())?;
    let totals = items::totals(tx, id)?;
    Ok(BulkView { operation, kind: params.kind, is_preview: params.is_preview, totals })
}

/// The work of [`vocab::OperationKind::BillCorrection`].
pub struct Correcting;

impl Handler for Correcting {
    fn run(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation, accounts: &[i64]) -> Result<Outcome> {
        let params: Params = serde_json::from_value(operation.params.clone())?;
        let principal =
            Principal { actor: params.actor, role: params.role, sites: params.sites.clone(), session: None };
        let caller = Caller { principal, request_id: None };
        let ids: Vec<AccountId> = accounts.iter().copied().map(AccountId).collect();
        // All accounts before any service point.
        store::accounts::lock(tx, &ids)?;
        store::billing_inputs::hold_points(tx, &ids)?;
        let mut rows = items::queued(tx, operation.id, &ids)?;
        if matches!(params.kind, CorrectionKind::Cancel | CorrectionKind::Discard) {
            // Days are opened from an account's latest bill backwards.
            rows.sort_by_key(|row| (row.account_id, std::cmp::Reverse(row.bill_id)));
        }
        let mut contexts = Contexts::default();
        for row in &mut rows {
            let id = BillId::new(row.account_id, row.bill_id);
            let outcome = if params.is_preview {
                preview(tx, |tx| correct(tx, &caller, &mut contexts, id, &params))
            } else {
                tx.attempt(|tx| correct(tx, &caller, &mut contexts, id, &params))
            };
            match outcome {
                Ok(corrected) => done(row, &corrected, params.is_preview),
                Err(error @ Error::Refused(_)) => refuse(row, &error),
                Err(error) => return Err(error),
            }
        }
        items::settle(tx, operation.id, &rows)?;
        let refused = |row: &&BulkItem| row.state == BulkItemState::Refused;
        let failed = i32::try_from(rows.iter().filter(refused).count()).unwrap_or(i32::MAX);
        let done = i32::try_from(rows.len()).unwrap_or(i32::MAX) - failed;
        Ok(Outcome { done, failed, ..Outcome::default() })
    }

    fn give_up(
        &self,
        _: &App,
        tx: &mut Tx<'_>,
        operation: &Operation,
        account: i64,
        error: &Error,
    ) -> Result<()> {
        let mut rows = items::queued(tx, operation.id, &[AccountId(account)])?;
        for row in &mut rows {
            refuse(row, error);
        }
        Ok(items::settle(tx, operation.id, &rows)?)
    }

    fn finish(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation) -> Result<Value> {
        let of = items::totals(tx, operation.id)?;
        Ok(json!({
            "bills": of.bills,
            "done": of.done,
            "refused": of.refused,
            "net_minor": of.new_minor.minus(of.cancelled_minor)?.minor(),
        }))
    }

    fn control(&self, tx: &mut Tx<'_>, caller: &Caller, operation: &Operation, what: Control) -> Result<()> {
        caller.may(Permission::BillsCorrect)?;
        operations::visible(tx, caller, operation.id)?;
        operations::steer(tx, caller, operation.id, what)
    }
}

fn correct(
    tx: &mut Tx<'_>,
    caller: &Caller,
    contexts: &mut Contexts,
    id: BillId,
    params: &Params,
) -> Result<Corrected> {
    let scope = Scope { schedule: params.schedule, ..Scope::default() };
    let why = &params.reason;
    match params.kind {
        CorrectionKind::Cancel => cancel(tx, caller, id, &scope, params.opens_days, why),
        CorrectionKind::Rebill => rebill_in(tx, caller, contexts, id, &scope, why),
        CorrectionKind::CreditNote => credit_note(tx, caller, id, &scope, why),
        CorrectionKind::Reopen => reopen(tx, caller, id, None, why),
        CorrectionKind::Complete => complete(tx, caller, id, None, why, None),
        CorrectionKind::Discard => discard(tx, caller, id, None, why),
    }
}

fn done(row: &mut BulkItem, corrected: &Corrected, is_preview: bool) {
    row.state = BulkItemState::Done;
    row.correction_id = (!is_preview).then_some(corrected.correction.id);
    row.cancelled_minor = corrected.correction.cancelled_minor;
    row.new_minor = corrected.correction.new_minor;
}

fn refuse(row: &mut BulkItem, error: &Error) {
    let problem = error.problem();
    row.state = BulkItemState::Refused;
    row.code = Some(problem.code.to_string());
    row.detail = Some(problem.detail);
}

impl App {
    /// A bulk correction with what it has come to so far.
    pub fn bulk_correction(&self, caller: &Caller, id: OperationId) -> Result<BulkView> {
        self.db().tx(|tx| {
            let view = view(tx, id)?;
            operations::visible(tx, caller, id)?;
            Ok(view)
        })
    }

    /// The bills of a bulk correction, by account.
    pub fn bulk_correction_items(
        &self,
        caller: &Caller,
        id: OperationId,
        state: Option<BulkItemState>,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<BulkItem>> {
        self.db().tx(|tx| {
            view(tx, id)?;
            operations::visible(tx, caller, id)?;
            Ok(items::list(tx, id, state, after, limit)?)
        })
    }
}
