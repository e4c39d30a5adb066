//! Undoing an import, as long as nothing billed rests on it: all of it in one transaction, or nothing.
//!
//! Its reads are rejected, its days of interval data move to the past, and what they replaced is valid
//! again. A read that is billed stays, and so does the whole import: the bill is corrected instead. So
//! does one whose interval data a later import has built on, until that one is undone.

use crate::audit::{self, Action};
use crate::operations::{self, NewOperation};
use crate::worker::{Handler, Outcome};
use crate::{App, Caller, Error, Result, reads};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::Tx;
use store::import_undo::{self, Touched};
use store::queue::{self, Operation};
use vocab::dates::civil;
use vocab::{Code, OperationKind, OperationState, Problem, ReadingImportId, ServicePointId};

/// Service points that are looked at together.
const POINTS: i64 = 5_000;

/// What the work needs to know.
#[derive(Debug, Serialize, Deserialize)]
struct Params {
    import: ReadingImportId,
    reason: String,
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
    if let Some(problem) = refusal(tx, id)? {
        return Err(problem.into());
    }
    let params = Params { import: id, reason: reason.clone() };
    let operation = operations::file(
        tx,
        &caller.actor(),
        NewOperation {
            kind: OperationKind::ReadingImportUndo,
            subject_id: Some(id.0),
            params: serde_json::to_value(&params)?,
            chunks: vec![vec![id.0]],
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

/// Why the import cannot be undone, if so.
fn refusal(tx: &mut Tx<'_>, id: ReadingImportId) -> Result<Option<Problem>> {
    if let Some(later) = import_undo::built_on(tx, id)? {
        let detail = match later {
            Some(later) => {
                format!("the interval data of {later} stand on days of this import; undo it first")
            }
            None => "gaps of its days have been filled since".to_owned(),
        };
        return Ok(Some(Problem::new(Code::WrongState, detail).with("state", "built_on")));
    }
    let mut billed = None;
    each(tx, id, |tx, touched| {
        if billed.is_none() {
            billed = first_billed(tx, touched)?;
        }
        Ok(())
    })?;
    Ok(billed)
}

/// The service points that the import wrote at, some thousand at a time.
fn each(
    tx: &mut Tx<'_>,
    id: ReadingImportId,
    mut of: impl FnMut(&mut Tx<'_>, &[Touched]) -> Result<()>,
) -> Result<()> {
    let mut after = ServicePointId(0);
    loop {
        let touched = import_undo::touched(tx, id, after, POINTS)?;
        let Some(last) = touched.last() else { return Ok(()) };
        after = last.service_point_id;
        of(tx, &touched)?;
    }
}

/// The refusal for the first service point that has been billed through a day of the import.
fn first_billed(tx: &mut Tx<'_>, touched: &[Touched]) -> Result<Option<Problem>> {
    let points: Vec<ServicePointId> = touched.iter().map(|of| of.service_point_id).collect();
    let services = store::reads::services_by_point(tx, &points)?;
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
        let Params { import, reason } = serde_json::from_value(operation.params.clone())?;
        if !import_undo::lock(tx, import)? {
            return Ok(Outcome { done: 1, ..Outcome::default() });
        }
        // What is billed or built on is looked for under the locks, before anything is written.
        each(tx, import, |tx, touched| {
            let points: Vec<ServicePointId> = touched.iter().map(|of| of.service_point_id).collect();
            Ok(store::exchange::lock_points(tx, &points)?)
        })?;
        if let Some(problem) = refusal(tx, import)? {
            return Ok(Outcome { failed: 1, note: Some(problem.detail), ..Outcome::default() });
        }
        let why = format!("import undone: {reason}");
        let (mut gone, mut back) = (0, 0);
        each(tx, import, |tx, touched| {
            let points: Vec<ServicePointId> = touched.iter().map(|of| of.service_point_id).collect();
            for (went, came) in
                [import_undo::reads(tx, import, &points, &why)?, import_undo::days(tx, import, &points)?]
            {
                (gone, back) = (gone + went, back + came);
            }
            let by = &operation.created_by;
            store::rebill_proposals::withdraw_import(tx, import, &points, by, &why)?;
            Ok(())
        })?;
        let at = tx.as_of();
        import_undo::mark(tx, import, at, &operation.created_by, &reason)?;
        let action = "reading.import_undone";
        let after = Some(json!({ "rejected": gone, "restored": back }));
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
        Ok(json!({ "reading_import_id": import, "undone": row.undone_at.is_some() }))
    }
}
