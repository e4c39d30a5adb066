//! What a chunk of a test writes: of accounts that changed their drafts, flags, errors, items and totals; of
//! the others nothing.

use super::RunParams;
use super::totals::{Of, Totals};
use crate::{Error, Result};
use billing::{DecidedFlag, Decision, Digest, Draft, DraftSummary, Tested, compare};
use std::collections::HashMap;
use store::bill_errors::FoundError;
use store::drafts::{DraftRow, StandingDraft};
use store::flags::FlagRow;
use store::runs::ItemUpdate;
use store::{JsonText, Tx};
use vocab::{AccountId, ContractId, ItemState, SiteId, TestId, WindowId};

/// A draft that a test made, with the digest of what the review looked at besides its inputs.
pub(super) struct Made {
    pub(super) account: AccountId,
    pub(super) site: SiteId,
    pub(super) review: Digest,
    pub(super) draft: Draft,
}

/// A digest as stored.
pub(super) fn digest(bytes: &[u8]) -> Result<Digest> {
    let bytes = <[u8; 32]>::try_from(bytes);
    Ok(Digest(bytes.map_err(|_| Error::Fault("a stored digest is not 32 bytes".to_owned()))?))
}

/// Writes what a chunk made; what stood before is replaced.
pub(super) fn save(
    tx: &mut Tx<'_>,
    params: RunParams,
    window: Option<WindowId>,
    made: &[Made],
    standing: &HashMap<AccountId, StandingDraft>,
) -> Result<()> {
    if made.is_empty() {
        return Ok(());
    }
    let mut totals = Totals::default();
    let replaced: Vec<(AccountId, TestId)> =
        made.iter().filter_map(|of| standing.get(&of.account).map(|old| (of.account, old.test_id))).collect();
    for old in store::drafts::totals(tx, params.run, &replaced)? {
        let rows: Vec<billing::TotalRow> = serde_json::from_str(&old.0)
            .map_err(|error| store::Error::Corrupt { what: "draft", why: error.to_string() })?;
        totals.take_away(&rows)?;
    }
    let ids: Vec<AccountId> = made.iter().map(|of| of.account).collect();
    let rows = made.iter().map(|of| row(params, of, standing.get(&of.account))).collect::<Result<_>>()?;
    store::drafts::copy_in(tx, rows)?;
    save_flags(tx, params, &ids, made)?;
    store::bill_errors::replace(tx, params.run, &ids, &errors(made)?)?;
    let updates: Vec<ItemUpdate> = made.iter().map(item).collect();
    store::runs::update_items(tx, params.run, &updates)?;
    if !replaced.is_empty() {
        // What was approved is no more what would be posted.
        store::runs::approve(tx, params.run, &ids, None)?;
    }
    for of in made {
        totals.add(&of.draft.totals)?;
    }
    totals.save(tx, Of::test(params, window, false))
}

/// What an item says whose standing draft stays as it is: an acceptance may have left another word.
pub(super) fn as_before(standing: &StandingDraft) -> ItemUpdate {
    ItemUpdate {
        account: standing.account_id,
        state: standing.state,
        bill: None,
        reason: standing.reason.clone(),
        reason_code: standing.reason_code.clone(),
    }
}

fn row(params: RunParams, of: &Made, standing: Option<&StandingDraft>) -> Result<DraftRow> {
    let (tested, item) = (Tested::of(&of.draft), item(of));
    let summary = |old: &StandingDraft| {
        Ok::<_, Error>(DraftSummary {
            digest: digest(&old.digest)?,
            state: old.state,
            total: old.total_minor,
        })
    };
    let previous = standing.map(summary).transpose()?;
    Ok(DraftRow {
        run_id: params.run,
        account_id: of.account,
        test_id: params.test,
        digest: tested.inputs.0.to_vec(),
        charges_digest: tested.charges.0.to_vec(),
        state: of.draft.state,
        total_minor: of.draft.total,
        changed: compare(previous.as_ref(), &of.draft).as_str().to_owned(),
        document: JsonText(of.draft.to_json()?),
        review_digest: of.review.0.to_vec(),
        reason: item.reason,
        reason_code: item.reason_code,
        contracts: of.draft.segments.iter().map(|segment| segment.contract.n).collect(),
        outcomes: of.draft.segments.iter().map(|segment| segment.outcome.to_string()).collect(),
    })
}

fn item(of: &Made) -> ItemUpdate {
    let errors = of.draft.segments.iter().filter_map(|segment| segment.error.as_ref());
    let codes: Vec<&str> = errors.map(|error| error.code.as_str()).collect();
    let (reason, reason_code) = match (codes.first(), &of.draft.reason) {
        (Some(first), _) => (Some(codes.join(", ")), Some((*first).to_owned())),
        (None, Some(reason)) => (Some(reason.code().to_owned()), Some(reason.code().to_owned())),
        (None, None) => (None, None),
    };
    ItemUpdate { account: of.account, state: of.draft.state, bill: None, reason, reason_code }
}

fn errors(made: &[Made]) -> Result<Vec<FoundError>> {
    let mut found = Vec::new();
    for of in made.iter().filter(|of| of.draft.state == ItemState::Error) {
        for segment in &of.draft.segments {
            if let Some(error) = &segment.error {
                found.push(FoundError {
                    account: of.account,
                    contract: segment.contract.n,
                    schedule: segment.schedule,
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
fn save_flags(tx: &mut Tx<'_>, params: RunParams, ids: &[AccountId], made: &[Made]) -> Result<()> {
    let old = store::flags::lock_of_accounts(tx, params.run, ids)?;
    let had_any = !old.is_empty();
    let mut decided: HashMap<AccountId, Vec<DecidedFlag>> = HashMap::new();
    for row in old {
        decided.entry(row.account_id).or_default().push(decided_flag(row));
    }
    let count = made.iter().map(|of| of.draft.flags.len()).sum();
    let mut fresh = tx.new_ids(count)?.into_iter();
    let mut rows = Vec::with_capacity(count);
    for of in made {
        let old = decided.get(&of.account).map_or(&[][..], Vec::as_slice);
        for reviewed in billing::carry(old, &of.draft.flags) {
            rows.push(FlagRow {
                account_id: of.account,
                id: fresh.next().unwrap_or_default(),
                run_id: params.run,
                test_id: params.test,
                site_id: of.site,
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
