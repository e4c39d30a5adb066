//! Undoing an import, as long as nothing billed rests on it: all of it in one transaction, or nothing.
//!
//! Its reads are rejected, its days of interval data move to the past, and what they replaced is valid
//! again. A read that is billed stays, and so does the whole import: the bill is corrected instead. So
//! does one whose interval data a later import has built on, until that one is undone. Gaps that were
//! filled on top of its days go with them: the estimates stood beside its data.
//!
//! Whoever asks is refused at once by what a short look shows; the work looks at all of it.

use crate::audit::{self, Action};
use crate::operations::{self, NewOperation};
use crate::worker::{Handler, Outcome};
use crate::{App, Caller, Error, Result, reads};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::ops::ControlFlow;
use store::Tx;
use store::import_undo::{self, Days, Touched};
use store::queue::{self, NewChunk, Operation};
use vocab::dates::civil;
use vocab::{Code, OperationKind, OperationState, Problem, ReadingImportId, ServicePointId, SiteId};

/// Service points that are found together: each time, all that the import wrote is read.
const FOUND: i64 = 50_000;
/// Of these, service points that are looked at and written together.
const POINTS: usize = 500;
/// Rows that are looked at before the work is filed.
const FIRST_ROWS: i64 = 5_000;

/// What the work needs to know.
#[derive(Debug, Serialize, Deserialize)]
struct Params {
    import: ReadingImportId,
    reason: String,
    /// Only when all of it is at these sites.
    #[serde(default)]
    sites: Option<Vec<SiteId>>,
}

/// Files the undoing of an import; refused where it is known already that it cannot be.
pub fn undo(tx: &mut Tx<'_>, caller: &Caller, id: ReadingImportId, reason: String) -> Result<Operation> {
    crate::naming::check_name("/reason", &reason)?;
    let import = super::import::find(tx, caller, id)?;
    if !import_undo::lock(tx, id)? {
        return Err(wrong_state("undone", "the import has been undone"));
    }
    if let Some(first) = import.repeats_id {
        let detail = format!("the import changed nothing; undo {first}");
        return Err(wrong_state("repeats", &detail));
    }
    let work = queue::operation(tx, import.operation_id)?
        .ok_or_else(|| Error::Fault("an import without its work".to_owned()))?;
    if !matches!(work.state, OperationState::Done | OperationState::Cancelled | OperationState::Failed) {
        return Err(wrong_state(work.state.as_str(), "the import is under way; cancel it first"));
    }
    let other = queue::latest_of(tx, &[OperationKind::ReadingImportUndo], &[id.0])?;
    if other.iter().any(|other| !matches!(other.state, OperationState::Done | OperationState::Cancelled)) {
        return Err(wrong_state("undoing", "the import is being undone"));
    }
    // An import of the caller's sites alone has brought nothing elsewhere.
    let own = super::import::params_of(&work).and_then(|params| params.sites);
    let is_within = |sites: &Vec<SiteId>| own.is_some_and(|own| own.iter().all(|site| sites.contains(site)));
    let sites = caller.sites().filter(|sites| !is_within(sites));
    let params = Params { import: id, reason: reason.clone(), sites };
    let days = import_undo::days_of(tx, id)?;
    let mut problem = standing(tx, &params, days)?;
    if problem.is_none() {
        let first = import_undo::some_touched(tx, id, days, FIRST_ROWS)?;
        problem = first_billed(tx, &first)?;
    }
    if let Some(problem) = problem {
        return Err(problem.into());
    }
    let operation = operations::file(
        tx,
        &caller.actor(),
        NewOperation {
            kind: OperationKind::ReadingImportUndo,
            subject_id: Some(id.0),
            params: serde_json::to_value(&params)?,
            chunks: vec![NewChunk::from(&[id.0][..])],
            total: Some(1),
        },
    )?;
    let action = Action { action: "reading.import_undo", subject: id.to_string(), ..Action::default() };
    audit::record(tx, caller, Action { reason: Some(reason), ..action })?;
    Ok(operation)
}

fn wrong_state(state: &str, detail: &str) -> Error {
    Problem::new(Code::WrongState, detail).with("state", state).into()
}

/// Why the import cannot be undone whatever has been billed, if so.
fn standing(tx: &mut Tx<'_>, of: &Params, days: Days) -> Result<Option<Problem>> {
    if let Some(sites) = &of.sites
        && import_undo::reaches_beyond(tx, of.import, days, sites)?
    {
        let detail = "the import brought data of other sites than yours; ask somebody who sees them all";
        return Ok(Some(Problem::new(Code::WrongState, detail).with("state", "other_sites")));
    }
    Ok(import_undo::built_on(tx, of.import, days)?.map(|(later, on)| {
        let on = civil::format(on);
        let detail = format!(
            "the interval data of {later} stand on days of this import, such as {on}; undo {later} first"
        );
        Problem::new(Code::WrongState, detail).with("state", "built_on")
    }))
}

/// Why the import cannot be undone, if so: all of it is looked at.
fn refusal(tx: &mut Tx<'_>, of: &Params, days: Days) -> Result<Option<Problem>> {
    let mut problem = standing(tx, of, days)?;
    each(tx, of.import, days, |tx, touched| {
        if problem.is_none() {
            problem = first_billed(tx, touched)?;
        }
        Ok(if problem.is_none() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(problem)
}

/// The service points that the import wrote at, some hundred at a time, ascending.
fn each(
    tx: &mut Tx<'_>,
    id: ReadingImportId,
    days: Days,
    mut of: impl FnMut(&mut Tx<'_>, &[Touched]) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut after = ServicePointId(0);
    loop {
        let touched = import_undo::touched(tx, id, days, after, FOUND)?;
        let Some(last) = touched.last() else { return Ok(()) };
        after = last.service_point_id;
        for some in touched.chunks(POINTS) {
            if of(tx, some)?.is_break() {
                return Ok(());
            }
        }
    }
}

fn points_of(touched: &[Touched]) -> Vec<ServicePointId> {
    touched.iter().map(|of| of.service_point_id).collect()
}

/// The refusal for the first service point that has been billed through a day of the import.
fn first_billed(tx: &mut Tx<'_>, touched: &[Touched]) -> Result<Option<Problem>> {
    let services = store::reads::services_by_point(tx, &points_of(touched))?;
    let billed = touched.iter().find_map(|of| {
        let through_on = reads::billed_through(services.get(&of.service_point_id)?)?;
        (of.first_on? <= through_on).then_some((of.service_point_id, through_on))
    });
    Ok(billed.map(|(point, through_on)| {
        let through_on = civil::format(through_on);
        let detail = format!(
            "the service point {point} has been billed through {through_on}; correct the bill instead"
        );
        Problem::new(Code::ReadBilled, detail)
    }))
}

/// The work of undoing an import.
pub(crate) struct Undoing;

impl Handler for Undoing {
    fn run(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation, _: &[i64]) -> Result<Outcome> {
        let params: Params = serde_json::from_value(operation.params.clone())?;
        let Params { import, reason, .. } = &params;
        let import = *import;
        if !import_undo::lock(tx, import)? {
            return Ok(Outcome { done: 1, ..Outcome::default() });
        }
        let days = import_undo::days_of(tx, import)?;
        // What is billed or built on is looked for under the locks, before anything is written.
        each(tx, import, days, |tx, touched| {
            store::exchange::lock_points(tx, &points_of(touched))?;
            Ok(ControlFlow::Continue(()))
        })?;
        if let Some(problem) = refusal(tx, &params, days)? {
            return Ok(Outcome { failed: 1, note: Some(problem.detail), ..Outcome::default() });
        }
        let why = format!("import undone: {reason}");
        let (mut gone, mut back, mut filled, mut reopened) = (0, 0, 0, 0);
        each(tx, import, days, |tx, touched| {
            let points = points_of(touched);
            let (went, came) = import_undo::reads(tx, import, &points, &why)?;
            let (days_went, days_came, days_filled) = import_undo::days(tx, import, days, &points)?;
            (gone, back) = (gone + went + days_went, back + came + days_came);
            filled += days_filled;
            reopened += store::reread_orders::reopen(tx, import, &points)?;
            store::rebill_proposals::withdraw_import(tx, import, &points, &operation.created_by, &why)?;
            Ok(ControlFlow::Continue(()))
        })?;
        let at = tx.as_of();
        import_undo::mark(tx, import, at, &operation.created_by, reason)?;
        let action = "reading.import_undone";
        let after = Some(json!({
            "rejected": gone,
            "restored": back,
            "filled_days": filled,
            "rereads_reopened": reopened,
        }));
        let subject = import.to_string();
        let digest = Sha256::digest(subject.as_bytes()).into();
        let action = Action { action, subject, after, ..Action::default() };
        audit::record_chunk(tx, &operation.created_by, action, gone, digest)?;
        Ok(Outcome { done: 1, ..Outcome::default() })
    }

    fn give_up(&self, _: &App, _: &mut Tx<'_>, _: &Operation, _: i64, _: &Error) -> Result<()> {
        // Nothing was written.
        Ok(())
    }

    fn divisible(&self) -> bool {
        false
    }

    fn finish(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation) -> Result<Value> {
        let Params { import, .. } = serde_json::from_value(operation.params.clone())?;
        let row = store::exchange::import(tx, import)?
            .ok_or_else(|| Error::Fault("an import without its row".to_owned()))?;
        let why = queue::notes(tx, operation.id, 1)?.pop();
        Ok(json!({ "reading_import_id": import, "undone": row.undone_at.is_some(), "refused": why }))
    }
}
