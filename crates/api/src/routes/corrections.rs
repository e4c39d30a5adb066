//! Corrections of posted bills.

use crate::body::{IdempotencyKeyHeader, Once};
use crate::etag::{IfMatch, IfMatchHeader};
use crate::extract::{At, Params};
use crate::money::MoneyJson;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::preview::Previewed;
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::routes::adjustments::{AdjustmentJson, UndoJson};
use crate::routes::bills::SegmentJson;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, post, web};
use app::corrections::{self, Approved, Corrected, Scope};
use app::{Answer, Caller};
use serde::{Deserialize, Serialize};
use store::Tx;
use store::corrections::Correction;
use time::OffsetDateTime;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{
    AccountId, BillId, CorrectionId, CorrectionKind, Currency, RebillProposalId, RebillState, SegmentId,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(cancel_bill)
        .service(rebill_bill)
        .service(credit_bill)
        .service(reopen_bill)
        .service(complete_bill)
        .service(discard_bill)
        .service(approve_rebill_proposal)
        .service(read_correction)
        .service(list_corrections);
}

/// What was done to a posted bill.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Correction)]
pub(crate) struct CorrectionJson {
    id: CorrectionId,
    bill_id: BillId,
    kind: CorrectionKind,
    /// The document with the reversals alone, for `credit_note`.
    credit_note_id: Option<BillId>,
    /// The proposal that was carried out by it.
    rebill_proposal_id: Option<RebillProposalId>,
    /// What the reversed segments had added to the balance.
    cancelled: MoneyJson,
    /// What the new segments add.
    new: MoneyJson,
    /// What the correction adds to the balance: new less cancelled.
    net: MoneyJson,
    reason: String,
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl CorrectionJson {
    fn of(currency: Currency, row: &Correction) -> app::Result<Self> {
        let money = |amount| MoneyJson::of(currency, amount);
        Ok(Self {
            id: row.correction_id(),
            bill_id: row.bill(),
            kind: row.kind,
            credit_note_id: row.credit_note_id.map(|note| BillId::new(row.account_id, note)),
            rebill_proposal_id: row.proposal(),
            cancelled: money(row.cancelled_minor),
            new: money(row.new_minor),
            net: money(row.new_minor.minus(row.cancelled_minor)?),
            reason: row.reason.clone(),
            created_by: row.created_by.clone(),
            created_at: row.created_at,
        })
    }
}

/// A correction with the segments that it reversed and made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CorrectionDetail {
    #[serde(flatten)]
    correction: CorrectionJson,
    /// The segments that were reversed. They stay on the document that first had them.
    cancelled_segments: Vec<SegmentJson>,
    /// The segments that were made. Those of a rebill stand under the corrected bill, and their amounts on the
    /// account's next one.
    new_segments: Vec<SegmentJson>,
}

impl CorrectionDetail {
    fn of(currency: Currency, corrected: &Corrected) -> app::Result<Self> {
        let json = |segment| SegmentJson::of(currency, segment);
        Ok(Self {
            correction: CorrectionJson::of(currency, &corrected.correction)?,
            cancelled_segments: corrected.cancelled.iter().map(json).collect::<app::Result<_>>()?,
            new_segments: corrected.made.iter().map(json).collect::<app::Result<_>>()?,
        })
    }
}

/// Whether to look only.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DryRunQuery {
    /// Answers what it would come to, with ids that will not exist; nothing is done and no key is kept.
    #[serde(default)]
    #[param(default = false)]
    pub(crate) dry_run: bool,
}

/// What of a bill is corrected, and why.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "Entered at the wrong rate" }))]
pub(crate) struct CorrectBill {
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
    /// Only these segments; all that stand under the bill when absent.
    segment_ids: Option<Vec<SegmentId>>,
}

/// Why a bill is posted anew.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "With the missed fee" }))]
pub(crate) struct CompleteBill {
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
    /// Why blocking flags are released; without it they are refused.
    #[schema(min_length = 1, max_length = 500)]
    release_reason: Option<String>,
}

/// What of a bill is reversed, and why.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The meter was read at the neighbour's" }))]
pub(crate) struct CancelBill {
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
    /// Only these segments; all that stand under the bill when absent.
    segment_ids: Option<Vec<SegmentId>>,
    /// Whether the days are to be billed again by the next bill; without it they are given back for good. Days
    /// can be opened only from the contract's latest segment backwards.
    #[serde(default = "yes")]
    #[schema(default = true)]
    reopen_days: bool,
}

const fn yes() -> bool {
    true
}

/// Corrects a bill, or shows what that would come to.
async fn correct(
    state: web::Data<State>,
    caller: Caller,
    key: app::IdempotencyKey,
    is_preview: bool,
    work: impl FnOnce(&mut Tx<'_>, &Caller) -> app::Result<Corrected> + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        app.once_or_preview(&caller, &key, is_preview, |tx| {
            let corrected = work(tx, &caller)?;
            Answer::ok(&Previewed { dry_run: is_preview, of: CorrectionDetail::of(currency, &corrected)? })
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Cancel a bill, or segments of it
///
/// Their transactions are turned around on the account's next bill, under corrections; the bill and its document
/// stay as they are. What had paid them pays what else is owed. By default their days are billed again by
/// the next bill.
#[utoipa::path(tag = "corrections",
    params(("id" = BillId, Path, description = "Bill"), DryRunQuery, IfMatchHeader, IdempotencyKeyHeader),
    request_body = CancelBill, responses((status = 200, body = Previewed<CorrectionDetail>)),
    extensions(("x-permission" = json!("bills.correct"))))]
#[post("/v1/bills/{id}/cancel")]
pub(crate) async fn cancel_bill(
    may: May<need::BillsCorrect>,
    state: web::Data<State>,
    id: At<BillId>,
    query: Params<DryRunQuery>,
    version: IfMatch,
    once: Once<CancelBill>,
) -> Result<HttpResponse, ApiError> {
    let body = once.body;
    let scope = Scope { version: Some(version.0), segments: body.segment_ids, schedule: None };
    correct(state, may.caller(), once.key, query.0.dry_run, move |tx, caller| {
        corrections::cancel(tx, caller, id.0, &scope, body.reopen_days, &body.reason)
    })
    .await
}

/// Cancel a bill and bill its days again
///
/// Each segment is reversed and its days are billed by the rates, reads and agreements as they are now, with
/// those segments of the bill that are charged by them. Both amounts fall on the account's next bill; as much as
/// was cancelled keeps its due date and its payments.
#[utoipa::path(tag = "corrections",
    params(("id" = BillId, Path, description = "Bill"), DryRunQuery, IfMatchHeader, IdempotencyKeyHeader),
    request_body = CorrectBill, responses((status = 200, body = Previewed<CorrectionDetail>)),
    extensions(("x-permission" = json!("bills.correct"))))]
#[post("/v1/bills/{id}/rebill")]
pub(crate) async fn rebill_bill(
    may: May<need::BillsCorrect>,
    state: web::Data<State>,
    id: At<BillId>,
    query: Params<DryRunQuery>,
    version: IfMatch,
    once: Once<CorrectBill>,
) -> Result<HttpResponse, ApiError> {
    let body = once.body;
    let scope = Scope { version: Some(version.0), segments: body.segment_ids, schedule: None };
    correct(state, may.caller(), once.key, query.0.dry_run, move |tx, caller| {
        corrections::rebill(tx, caller, id.0, &scope, &body.reason)
    })
    .await
}

/// Write a credit note
///
/// The segments are reversed on a document of its own, which becomes the account's latest bill. Their days are
/// not billed again.
#[utoipa::path(tag = "corrections",
    params(("id" = BillId, Path, description = "Bill"), DryRunQuery, IfMatchHeader, IdempotencyKeyHeader),
    request_body = CorrectBill, responses((status = 200, body = Previewed<CorrectionDetail>)),
    extensions(("x-permission" = json!("bills.correct"))))]
#[post("/v1/bills/{id}/credit-note")]
pub(crate) async fn credit_bill(
    may: May<need::BillsCorrect>,
    state: web::Data<State>,
    id: At<BillId>,
    query: Params<DryRunQuery>,
    version: IfMatch,
    once: Once<CorrectBill>,
) -> Result<HttpResponse, ApiError> {
    let body = once.body;
    let scope = Scope { version: Some(version.0), segments: body.segment_ids, schedule: None };
    correct(state, may.caller(), once.key, query.0.dry_run, move |tx, caller| {
        corrections::credit_note(tx, caller, id.0, &scope, &body.reason)
    })
    .await
}

/// Reopen a bill
///
/// Only the account's latest bill, while it has no invoice, autopay has not collected for it and its window is
/// open. What it had swept up is on no bill again, its routings and its autopay are gone, its segments stay. It is
/// then posted anew (`complete`) or given up (`discard`).
#[utoipa::path(tag = "corrections",
    params(("id" = BillId, Path, description = "Bill"), DryRunQuery, IfMatchHeader, IdempotencyKeyHeader),
    request_body = UndoJson, responses((status = 200, body = Previewed<CorrectionDetail>)),
    extensions(("x-permission" = json!("bills.correct"))))]
#[post("/v1/bills/{id}/reopen")]
pub(crate) async fn reopen_bill(
    may: May<need::BillsCorrect>,
    state: web::Data<State>,
    id: At<BillId>,
    query: Params<DryRunQuery>,
    version: IfMatch,
    once: Once<UndoJson>,
) -> Result<HttpResponse, ApiError> {
    correct(state, may.caller(), once.key, query.0.dry_run, move |tx, caller| {
        corrections::reopen(tx, caller, id.0, Some(version.0), &once.body.reason)
    })
    .await
}

/// Post a reopened bill anew
///
/// The account is drafted as if the bill had not been. Segments that come out the same stay; others are reversed
/// on the bill and made again. It keeps its number and takes up what has come since. Blocking flags are refused
/// unless `release_reason` says why they are released.
#[utoipa::path(tag = "corrections",
    params(("id" = BillId, Path, description = "Bill"), DryRunQuery, IfMatchHeader, IdempotencyKeyHeader),
    request_body = CompleteBill, responses((status = 200, body = Previewed<CorrectionDetail>)),
    extensions(("x-permission" = json!("bills.correct"))))]
#[post("/v1/bills/{id}/complete")]
pub(crate) async fn complete_bill(
    may: May<need::BillsCorrect>,
    state: web::Data<State>,
    id: At<BillId>,
    query: Params<DryRunQuery>,
    version: IfMatch,
    once: Once<CompleteBill>,
) -> Result<HttpResponse, ApiError> {
    let body = once.body;
    correct(state, may.caller(), once.key, query.0.dry_run, move |tx, caller| {
        let released = body.release_reason.as_deref();
        corrections::complete(tx, caller, id.0, Some(version.0), &body.reason, released)
    })
    .await
}

/// Give a reopened bill up
///
/// Its segments are reversed on it, which leaves nothing; their days are to be billed, and the account is free
/// for another run of the window.
#[utoipa::path(tag = "corrections",
    params(("id" = BillId, Path, description = "Bill"), DryRunQuery, IfMatchHeader, IdempotencyKeyHeader),
    request_body = UndoJson, responses((status = 200, body = Previewed<CorrectionDetail>)),
    extensions(("x-permission" = json!("bills.correct"))))]
#[post("/v1/bills/{id}/discard")]
pub(crate) async fn discard_bill(
    may: May<need::BillsCorrect>,
    state: web::Data<State>,
    id: At<BillId>,
    query: Params<DryRunQuery>,
    version: IfMatch,
    once: Once<UndoJson>,
) -> Result<HttpResponse, ApiError> {
    correct(state, may.caller(), once.key, query.0.dry_run, move |tx, caller| {
        corrections::discard(tx, caller, id.0, Some(version.0), &once.body.reason)
    })
    .await
}

/// What carrying a proposal out came to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ApprovedRebill {
    proposal_id: RebillProposalId,
    state: RebillState,
    /// One per bill, in the order of their days.
    corrections: Vec<CorrectionDetail>,
    /// What all of them add to balances.
    net: MoneyJson,
    /// Late charges posted since the cancelled amounts fell due: cancel those that should not have been.
    late_charges: Vec<AdjustmentJson>,
}

impl ApprovedRebill {
    fn of(currency: Currency, of: Approved) -> app::Result<Self> {
        let nets = of.corrections.iter().map(Corrected::net).collect::<app::Result<Vec<_>>>()?;
        let details = of.corrections.iter().map(|of| CorrectionDetail::of(currency, of));
        Ok(Self {
            proposal_id: of.proposal.proposal_id(),
            state: of.proposal.state,
            corrections: details.collect::<app::Result<_>>()?,
            net: MoneyJson::of(currency, vocab::Money::sum(nets)?),
            late_charges: of.late_charges.into_iter().map(|row| AdjustmentJson::of(currency, row)).collect(),
        })
    }
}

/// Carry a rebill proposal out
///
/// The read holds; the register's values at the ends of the periods are set by days (quality `adjusted`); every
/// bill since the last good read is reversed and billed again at its own rates, with what is charged by it. Drafts
/// of the accounts are stale then: test them again. `late_charges` names what was charged for paying the cancelled
/// amounts late.
#[utoipa::path(tag = "corrections",
    params(("id" = RebillProposalId, Path, description = "Rebill proposal"), DryRunQuery, IdempotencyKeyHeader),
    request_body = UndoJson, responses((status = 200, body = Previewed<ApprovedRebill>)),
    extensions(("x-permission" = json!("bills.correct"))))]
#[post("/v1/rebill-proposals/{id}/approve")]
pub(crate) async fn approve_rebill_proposal(
    may: May<need::BillsCorrect>,
    state: web::Data<State>,
    id: At<RebillProposalId>,
    query: Params<DryRunQuery>,
    once: Once<UndoJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        app.once_or_preview(&caller, &once.key, query.0.dry_run, |tx| {
            let approved = corrections::approve(tx, &caller, id.0, &once.body.reason)?;
            Answer::ok(&Previewed { dry_run: query.0.dry_run, of: ApprovedRebill::of(currency, approved)? })
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Read a correction
#[utoipa::path(tag = "corrections", params(("id" = CorrectionId, Path, description = "Correction")),
    responses((status = 200, body = CorrectionDetail)), extensions(("x-permission" = json!("bills.read"))))]
#[get("/v1/corrections/{id}")]
pub(crate) async fn read_correction(
    may: May<need::BillsRead>,
    state: web::Data<State>,
    id: At<CorrectionId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let detail = blocking(move || {
        let currency = app.utility()?.currency;
        CorrectionDetail::of(currency, &app.correction(&caller, id.0)?)
    })
    .await?;
    Ok(HttpResponse::Ok().json(detail))
}

/// Which corrections of an account to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CorrectionQuery {
    /// Only of this bill.
    bill_id: Option<BillId>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List an account's corrections
///
/// Newest first.
#[utoipa::path(tag = "corrections", params(("id" = AccountId, Path, description = "Account"), CorrectionQuery),
    responses((status = 200, body = Listed<CorrectionJson>)), extensions(("x-permission" = json!("bills.read"))))]
#[get("/v1/accounts/{id}/corrections")]
pub(crate) async fn list_corrections(
    may: May<need::BillsRead>,
    state: web::Data<State>,
    id: At<AccountId>,
    query: Params<CorrectionQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let page = blocking(move || {
        let currency = app.utility()?.currency;
        let page = app.corrections(&caller, id.0, query.bill_id, cursor.as_ref(), limit)?;
        let items = page.items.iter().map(|row| CorrectionJson::of(currency, row));
        let items = items.collect::<app::Result<Vec<_>>>()?;
        Ok(store::Page { items, next: page.next })
    })
    .await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, |row| row)))
}
