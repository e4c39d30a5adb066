//! The work of a trial: a chunk of accounts, from posted segments to what they would have come to.

use super::sums::{Sum, noted, save};
use super::trial::Trial;
use super::{figures, replacements_of};
use crate::operations::{self, Control};
use crate::per_operation::PerOperation;
use crate::worker::{Handler, Outcome};
use crate::{App, Caller, Error, Result};
use access::Permission;
use serde_json::{Value, json};
use std::collections::HashMap;
use store::Tx;
use store::queue::Operation;
use store::what_if::{self, AccountResult, SegmentsTried, WhatIfRun};
use vocab::{AccountId, Money, Problem, WhatIfRunId};

/// The work of [`vocab::OperationKind::WhatIf`].
#[derive(Default)]
pub struct ReRating(PerOperation<Trial>);

impl Handler for ReRating {
    fn run(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation, items: &[i64]) -> Result<Outcome> {
        let trial = self.0.get(tx, operation.id, |tx| {
            let (run, tried) = subject(tx, operation)?;
            Trial::load(tx, run, tried)
        })?;
        let ids: Vec<AccountId> = items.iter().copied().map(AccountId).collect();
        let sums = trial.rate(tx, &ids)?;
        let classes: HashMap<AccountId, String> = store::accounts::load(tx, &ids)?
            .into_iter()
            .map(|account| (account.account_id, account.class_code))
            .collect();
        let rows: Vec<AccountResult> = sums
            .into_iter()
            .map(|(account, sum)| {
                let class = classes.get(&account).cloned().ok_or_else(Problem::not_found)?;
                sum.result(trial.run.id, account, class)
            })
            .collect::<Result<_>>()?;
        let (failed, note) = noted(&rows);
        save(tx, trial.run.id, rows)?;
        Ok(Outcome { done: Outcome::all(items).done - failed, failed, note, ..Outcome::default() })
    }

    fn give_up(
        &self,
        _: &App,
        tx: &mut Tx<'_>,
        operation: &Operation,
        item: i64,
        error: &Error,
    ) -> Result<()> {
        let (run, tried) = subject(tx, operation)?;
        let account = AccountId(item);
        let Some((class, segments, billed)) = what_if::billed(tx, account, &tried)? else { return Ok(()) };
        let problem = error.problem();
        let sum = Sum {
            segments: i32::try_from(segments).unwrap_or(i32::MAX),
            billed,
            alternative: Money::ZERO,
            error: Some((0, problem.code, problem.detail)),
        };
        let row = sum.result(run.id, account, class)?;
        save(tx, run.id, vec![row])
    }

    fn finish(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation) -> Result<Value> {
        self.0.forget(operation.id);
        let id = run_of(operation);
        let (totals, _) = figures(tx, id)?;
        Ok(json!({
            "what_if_run_id": id,
            "accounts": totals.accounts,
            "winners": totals.winners,
            "losers": totals.losers,
            "unchanged": totals.unchanged,
            "errors": totals.errors,
        }))
    }

    fn control(&self, tx: &mut Tx<'_>, caller: &Caller, operation: &Operation, what: Control) -> Result<()> {
        caller.may(Permission::RatesWrite)?;
        operations::visible(tx, caller, operation.id)?;
        operations::steer(tx, caller, operation.id, what)
    }

    fn stopped(&self, _: &mut Tx<'_>, operation: &Operation) -> Result<()> {
        self.0.forget(operation.id);
        Ok(())
    }
}

fn run_of(operation: &Operation) -> WhatIfRunId {
    WhatIfRunId(operation.subject_id.unwrap_or_default())
}

fn subject(tx: &mut Tx<'_>, operation: &Operation) -> Result<(WhatIfRun, SegmentsTried)> {
    let run = what_if::find(tx, run_of(operation))?.ok_or_else(Problem::not_found)?;
    let schedules = replacements_of(&run)?.iter().map(|one| one.schedule_id).collect();
    let tried = SegmentsTried { from_on: run.from_on, to_on: run.to_on, schedules };
    Ok((run, tried))
}
