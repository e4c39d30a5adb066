//! A test: drafts of every account, nothing posted.

use super::context;
use super::inputs::{self, Reads};
use super::{RunParams, day_of, finish, give_up, steering};
use crate::operations::Control;
use crate::per_operation::PerOperation;
use crate::worker::{Handler, Outcome};
use crate::{App, Caller, Error, Result, Utility, automatic};
use billing::{DecidedFlag, Decision, Digest, Draft, DraftSummary, RunContext, RunEvent, Tested, compare};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use store::flags::{FlagRow, FoundError};
use store::queue::Operation;
use store::runs::{DraftRow, ItemUpdate, RunTest};
use store::totals::TotalRow;
use store::{JsonText, Tx};
use vocab::{
    AccountId, Commodity, ContractId, ItemState, Money, Problem, RateScheduleId, RunId, SiteId, TestId, Unit,
    WindowId,
};

/// The work of [`vocab::OperationKind::BillTest`].
#[derive(Default)]
pub struct Test(PerOperation<RunContext>);

impl Handler for Test {
    fn run(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation, items: &[i64]) -> Result<Outcome> {
        let params: RunParams = serde_json::from_value(operation.params.clone())?;
        let test = store::runs::test(tx, params.test)?.ok_or_else(Problem::not_found)?;
        let context = self.0.get(tx, operation.id, |tx| context_of(tx, params, &test))?;
        let ids: Vec<AccountId> = items.iter().copied().map(AccountId).collect();
        let accounts = store::accounts::load(tx, &ids)?;
        let sites: HashMap<AccountId, SiteId> =
            accounts.iter().map(|account| (account.account_id, account.site_id)).collect();
        let routed_on = context.as_of_on();
        let loaded = inputs::load(tx, &context, &accounts, Reads::WithHistory, routed_on)?;
        let drafts: Vec<(AccountId, Draft)> =
            loaded.iter().map(|inputs| (inputs.account, billing::draft(&context, inputs))).collect();
        save(tx, params, &test, &ids, &drafts, &sites, context.window().id)?;
        let failed = drafts.iter().filter(|(_, draft)| draft.state == ItemState::Error).count();
        let failed = i32::try_from(failed).unwrap_or(i32::MAX);
        Ok(Outcome { done: Outcome::all(items).done - failed, failed, note: None })
    }

    fn give_up(
        &self,
        _: &App,
        tx: &mut Tx<'_>,
        operation: &Operation,
        item: i64,
        error: &Error,
    ) -> Result<()> {
        give_up(tx, operation, item, error)
    }

    fn finish(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation) -> Result<Value> {
        self.0.forget(operation.id);
        let (params, mut result) = finish(tx, operation, RunEvent::FinishTest)?;
        let changed = store::runs::changed_counts(tx, params.run, params.test)?;
        result["since_last_test"] = json!(changed.into_iter().collect::<BTreeMap<_, _>>());
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

fn save(
    tx: &mut Tx<'_>,
    params: RunParams,
    test: &RunTest,
    ids: &[AccountId],
    drafts: &[(AccountId, Draft)],
    sites: &HashMap<AccountId, SiteId>,
    window: WindowId,
) -> Result<()> {
    let before = summaries(tx, params.run, test.previous_id, ids)?;
    let rows: Vec<DraftRow> = drafts
        .iter()
        .map(|(account, draft)| {
            let tested = Tested::of(draft)?;
            Ok(DraftRow {
                run_id: params.run,
                account_id: *account,
                test_id: params.test,
                digest: tested.inputs.0.to_vec(),
                charges_digest: tested.charges.0.to_vec(),
                state: draft.state,
                total_minor: draft.total,
                changed: compare(before.get(account), draft).as_str().to_owned(),
                document: JsonText(draft.to_json()?),
            })
        })
        .collect::<Result<_>>()?;
    store::runs::copy_drafts(tx, rows)?;
    save_flags(tx, params, ids, drafts, sites)?;
    store::flags::replace_errors(tx, params.run, ids, &errors(drafts)?)?;
    let updates: Vec<ItemUpdate> = drafts.iter().map(|(account, draft)| item(*account, draft)).collect();
    store::runs::update_items(tx, params.run, &updates)?;
    save_totals(tx, params, window, false, drafts.iter().map(|(_, draft)| draft))
}

fn summaries(
    tx: &mut Tx<'_>,
    run: RunId,
    previous: Option<TestId>,
    ids: &[AccountId],
) -> Result<HashMap<AccountId, DraftSummary>> {
    let Some(previous) = previous else { return Ok(HashMap::new()) };
    let rows = store::runs::draft_summaries(tx, run, previous, ids)?;
    rows.into_iter()
        .map(|row| {
            let digest = digest(row.digest)?;
            Ok((row.account_id, DraftSummary { digest, state: row.state, total: row.total_minor }))
        })
        .collect()
}

/// A digest as stored.
pub(super) fn digest(bytes: Vec<u8>) -> Result<Digest> {
    let bytes = <[u8; 32]>::try_from(bytes);
    Ok(Digest(bytes.map_err(|_| Error::Fault("a stored digest is not 32 bytes".to_owned()))?))
}

fn item(account: AccountId, draft: &Draft) -> ItemUpdate {
    let errors = draft.segments.iter().filter_map(|segment| segment.error.as_ref());
    let codes: Vec<&str> = errors.map(|error| error.code.as_str()).collect();
    let reason = match (codes.is_empty(), &draft.reason) {
        (false, _) => Some(codes.join(", ")),
        (true, Some(reason)) => Some(reason.code().to_owned()),
        (true, None) => None,
    };
    ItemUpdate { account, state: draft.state, bill: None, reason }
}

fn errors(drafts: &[(AccountId, Draft)]) -> Result<Vec<FoundError>> {
    let mut found = Vec::new();
    for (account, draft) in drafts {
        for segment in &draft.segments {
            if let Some(error) = &segment.error {
                found.push(FoundError {
                    account: *account,
                    contract: segment.contract.n,
                    code: error.code,
                    params: serde_json::to_string(&error.params)?,
                    detail: error.detail.clone(),
                });
            }
        }
    }
    Ok(found)
}

/// Replaces the flags; a decision survives while code, contract, register and value are the same.
fn save_flags(
    tx: &mut Tx<'_>,
    params: RunParams,
    ids: &[AccountId],
    drafts: &[(AccountId, Draft)],
    sites: &HashMap<AccountId, SiteId>,
) -> Result<()> {
    let old = store::flags::lock_of_accounts(tx, params.run, ids)?;
    let had_any = !old.is_empty();
    let mut decided: HashMap<AccountId, Vec<DecidedFlag>> = HashMap::new();
    for row in old {
        decided.entry(row.account_id).or_default().push(decided_flag(row));
    }
    let count = drafts.iter().map(|(_, draft)| draft.flags.len()).sum();
    let mut fresh = tx.new_ids(count)?.into_iter();
    let mut rows = Vec::with_capacity(count);
    for (account, draft) in drafts {
        let old = decided.get(account).map_or(&[][..], Vec::as_slice);
        for reviewed in billing::carry(old, &draft.flags) {
            let site = sites.get(account).copied().ok_or_else(Problem::not_found)?;
            rows.push(FlagRow {
                account_id: *account,
                id: fresh.next().unwrap_or_default(),
                run_id: params.run,
                test_id: params.test,
                site_id: site,
                contract_id: reviewed.flag.contract.map(|contract| contract.n),
                schedule_id: reviewed.flag.schedule,
                commodity: reviewed.flag.commodity,
                register_id: reviewed.flag.register,
                code: reviewed.flag.code,
                severity: reviewed.flag.severity,
                value: reviewed.flag.value,
                compared: reviewed.flag.compared,
                disposition: reviewed.decision.disposition,
                assignee: reviewed.decision.assignee,
                decided_by: reviewed.decision.decided_by,
                decided_at: reviewed.decision.decided_at,
                reason: reviewed.decision.reason,
                version: 1,
            });
        }
    }
    Ok(store::flags::replace(tx, params.run, ids, rows, had_any)?)
}

/// A stored flag with what was decided about it.
pub(super) fn decided_flag(row: FlagRow) -> DecidedFlag {
    DecidedFlag {
        code: row.code,
        contract: row.contract_id.map(|contract| ContractId::new(row.account_id, contract)),
        register: row.register_id,
        value: row.value,
        decision: Decision {
            disposition: row.disposition,
            assignee: row.assignee,
            decided_by: row.decided_by,
            decided_at: row.decided_at,
            reason: row.reason,
        },
    }
}

/// A rate, rule and unit of one service.
type TotalKey = (Commodity, Option<RateScheduleId>, String, Option<Unit>);

/// Adds the drafts' totals up and writes a row per service, rate and rule.
pub(super) fn save_totals<'a>(
    tx: &mut Tx<'_>,
    params: RunParams,
    window: WindowId,
    posted: bool,
    drafts: impl Iterator<Item = &'a Draft>,
) -> Result<()> {
    let mut sums: BTreeMap<TotalKey, (vocab::Decimal, Money, i64)> = BTreeMap::new();
    for total in drafts.flat_map(|draft| &draft.totals) {
        let key = (total.commodity, total.schedule, total.rule.clone(), total.unit);
        let sum = sums.entry(key).or_default();
        sum.0 = vocab::decimal::add(sum.0, total.quantity)?;
        sum.1 = sum.1.plus(total.amount)?;
        sum.2 += total.lines;
    }
    let ids = tx.new_ids(sums.len())?;
    let rows: Vec<TotalRow> = sums
        .into_iter()
        .zip(ids)
        .map(|(((commodity, schedule_id, rule, unit), (quantity, amount, lines)), id)| TotalRow {
            id,
            run_id: params.run,
            window_id: window,
            test_id: params.test,
            posted,
            commodity,
            schedule_id,
            rule,
            unit,
            quantity,
            amount_minor: amount,
            lines,
        })
        .collect();
    Ok(store::totals::insert(tx, &rows)?)
}
