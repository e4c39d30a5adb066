//! A test: drafts of every account, nothing posted.
//!
//! A draft stands until a later test replaces it. Of an account whose inputs are those of its standing draft
//! nothing is made and nothing written.

use super::context;
use super::inputs::{self, Reads};
use super::saving::{self, Made};
use super::{NOT_TESTED, RunParams, day_of, finish, give_up, steering};
use crate::operations::Control;
use crate::per_operation::PerOperation;
use crate::worker::{Handler, Outcome};
use crate::{App, Caller, Error, Result, Utility, automatic};
use billing::{RunContext, RunEvent};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use store::Tx;
use store::drafts::StandingDraft;
use store::queue::Operation;
use store::runs::{ItemUpdate, RunTest};
use vocab::{AccountId, ItemState, Problem};

/// The work of [`vocab::OperationKind::BillTest`].
#[derive(Default)]
pub struct Test(PerOperation<RunContext>);

impl Handler for Test {
    fn run(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation, items: &[i64]) -> Result<Outcome> {
        let params: RunParams = serde_json::from_value(operation.params.clone())?;
        let test = store::runs::test(tx, params.test)?.ok_or_else(Problem::not_found)?;
        let context = self.0.get(tx, operation.id, |tx| context_of(tx, params, &test))?;
        // Nothing is posted, and the chunk is marked as done in the same commit.
        tx.commit_lazily()?;
        let ids: Vec<AccountId> = items.iter().copied().map(AccountId).collect();
        let accounts = store::accounts::load(tx, &ids)?;
        let standing = standing(tx, params, &test, &ids)?;
        let routed_on = context.as_of_on();
        let loaded = inputs::load(tx, &context, &accounts, Reads::WithHistory, routed_on)?;
        let (mut made, mut same) = (Vec::new(), Vec::new());
        for inputs in &loaded {
            let review = billing::review_digest(&context, inputs);
            match standing.get(&inputs.account) {
                // Equal digests mean equal drafts, with all that is shown of them: `billing::review_digest`.
                Some(old)
                    if old.review_digest == review.0 && old.digest == billing::digest(&context, inputs).0 =>
                {
                    same.push(old);
                }
                _ => made.push(Made {
                    account: inputs.account,
                    site: inputs.site,
                    review,
                    draft: billing::draft(&context, inputs),
                }),
            }
        }
        saving::save(tx, params, context.window().id, &made, &standing)?;
        if !same.is_empty() {
            let updates: Vec<ItemUpdate> = same.iter().map(|old| saving::as_before(old)).collect();
            store::runs::update_items(tx, params.run, &updates)?;
        }
        let states = made.iter().map(|of| of.draft.state).chain(same.iter().map(|old| old.state));
        let failed = states.filter(|state| *state == ItemState::Error).count();
        let failed = i32::try_from(failed).unwrap_or(i32::MAX);
        let unchanged = i32::try_from(same.len()).unwrap_or(i32::MAX);
        Ok(Outcome { done: Outcome::all(items).done - failed, failed, unchanged, note: None })
    }

    fn give_up(
        &self,
        _: &App,
        tx: &mut Tx<'_>,
        operation: &Operation,
        item: i64,
        error: &Error,
    ) -> Result<()> {
        give_up(tx, operation, item, error, NOT_TESTED)
    }

    fn finish(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation) -> Result<Value> {
        self.0.forget(operation.id);
        let (params, mut result) = finish(tx, operation, RunEvent::FinishTest)?;
        let changed = store::drafts::changed_counts(tx, params.run, params.test)?;
        result["since_last_test"] = json!(changed.into_iter().collect::<BTreeMap<_, _>>());
        result["unchanged"] = json!(store::queue::unchanged(tx, operation.id)?);
        Ok(result)
    }

    fn follow(&self, tx: &mut Tx<'_>, operation: &Operation) -> Result<Option<Value>> {
        let params: RunParams = serde_json::from_value(operation.params.clone())?;
        automatic::after_test(tx, params.run, params.test)
    }

    fn control(&self, tx: &mut Tx<'_>, caller: &Caller, operation: &Operation, what: Control) -> Result<()> {
        steering::control_work(tx, caller, operation, what)
    }

    fn stopped(&self, tx: &mut Tx<'_>, operation: &Operation) -> Result<()> {
        self.0.forget(operation.id);
        steering::stopped(tx, operation)
    }
}

/// The context of an operation of the run.
pub(super) fn context_of(tx: &mut Tx<'_>, params: RunParams, test: &RunTest) -> Result<RunContext> {
    let utility = Utility::load(tx)?;
    let run = store::runs::find(tx, params.run)?.ok_or_else(Problem::not_found)?;
    let window = store::windows::find(tx, run.window_id)?.ok_or_else(Problem::not_found)?;
    let as_of_on = day_of(&utility, test);
    context::build(tx, &utility, &window, Some(params.run), as_of_on)
}

/// What stands of the tests before; the first test of a run asks nobody.
fn standing(
    tx: &mut Tx<'_>,
    params: RunParams,
    test: &RunTest,
    ids: &[AccountId],
) -> Result<HashMap<AccountId, StandingDraft>> {
    if test.number == 1 {
        return Ok(HashMap::new());
    }
    let rows = store::drafts::standing(tx, params.run, test.number - 1, ids)?;
    Ok(rows.into_iter().map(|row| (row.account_id, row)).collect())
}
