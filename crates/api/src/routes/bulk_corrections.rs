//! Corrections of many posted bills.

use crate::body::{IdempotencyKeyHeader, Once};
use crate::extract::{At, Params};
use crate::money::MoneyJson;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::routes::corrections::DryRunQuery;
use crate::routes::operations::OperationJson;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, post, web};
use app::Answer;
use app::corrections::{self, BulkView, NewBulk, Selection};
use serde::{Deserialize, Serialize};
use store::bulk_corrections::BulkItem;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{
    AccountId, BillId, BulkItemState, Code, CorrectionId, CorrectionKind, Currency, OperationId, Problem,
    RateScheduleId, RunId,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(start_bulk_correction).service(read_bulk_correction).service(list_bulk_correction_items);
}

/// Many bills to correct: those of a run, or up to 1,000 by id.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBulkCorrection,
    example = json!({ "kind": "rebill", "run_id": "run_1zy3yj45", "reason": "Wrong price in the version of May" }))]
pub(crate) struct NewBulkJson {
    /// What is done to each bill, as the action of this name does it.
    kind: CorrectionKind,
    /// The bills of this run.
    run_id: Option<RunId>,
    /// These bills.
    #[schema(max_items = 1000)]
    bill_ids: Option<Vec<BillId>>,
    /// Only segments of this rate, and bills that have any. Not for `reopen`, `complete` and `discard`.
    rate_schedule_id: Option<RateScheduleId>,
    /// Only of accounts that met this error in the bill's run.
    #[schema(value_type = Option<String>)]
    error_code: Option<Code>,
    /// Of `cancel`: whether the days are to be billed again by the next bill.
    #[serde(default = "yes")]
    #[schema(default = true)]
    reopen_days: bool,
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

const fn yes() -> bool {
    true
}

impl NewBulkJson {
    fn parse(self, is_preview: bool) -> Result<NewBulk, Problem> {
        let selection = match (self.run_id, self.bill_ids) {
            (Some(run), None) => Selection::Run(run),
            (None, Some(bills)) => Selection::Bills(bills),
            (None, None) => {
                return Err(Problem::field("/run_id", Code::FieldRequired, "name a run, or bills"));
            }
            (Some(_), Some(_)) => {
                return Err(Problem::field("/bill_ids", Code::FieldRange, "a run or bills, not both"));
            }
        };
        let is_whole =
            matches!(self.kind, CorrectionKind::Reopen | CorrectionKind::Complete | CorrectionKind::Discard);
        if is_whole && self.rate_schedule_id.is_some() {
            let detail = format!("{} is done to whole bills", self.kind);
            return Err(Problem::field("/rate_schedule_id", Code::FieldRange, detail));
        }
        Ok(NewBulk {
            kind: self.kind,
            selection,
            schedule: self.rate_schedule_id,
            error_code: self.error_code,
            opens_days: self.reopen_days,
            reason: self.reason,
            is_preview,
        })
    }
}

/// A correction of many bills with what it has come to so far.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BulkCorrection {
    /// Its id is the operation's: pause, resume, cancel and follow it there.
    id: OperationId,
    kind: CorrectionKind,
    /// Whether it only shows what doing it would come to.
    dry_run: bool,
    bills: i64,
    done: i64,
    /// Refused bills are as they were; `items` says why.
    refused: i64,
    /// What the reversed segments had added to balances.
    cancelled: MoneyJson,
    /// What the new segments add.
    new: MoneyJson,
    /// What it adds to balances in all: new less cancelled.
    net: MoneyJson,
    operation: OperationJson,
}

impl BulkCorrection {
    fn of(currency: Currency, view: BulkView) -> app::Result<Self> {
        let (totals, money) = (view.totals, |amount| MoneyJson::of(currency, amount));
        Ok(Self {
            id: view.operation.operation.id,
            kind: view.kind,
            dry_run: view.is_preview,
            bills: totals.bills,
            done: totals.done,
            refused: totals.refused,
            cancelled: money(totals.cancelled_minor),
            new: money(totals.new_minor),
            net: money(totals.new_minor.minus(totals.cancelled_minor)?),
            operation: OperationJson::from(view.operation),
        })
    }
}

/// Correct many bills
///
/// The bills are fixed now, and corrected one after the other by an operation, each as the action for one bill does
/// it: a bill that is refused stays as it was and is listed with the reason. With `dry_run=true` the operation does
/// all of it and takes it back, so that the net money can be looked at first.
#[utoipa::path(tag = "corrections", params(DryRunQuery, IdempotencyKeyHeader),
    request_body = NewBulkJson, responses((status = 202, body = BulkCorrection)),
    extensions(("x-permission" = json!("bills.correct"))))]
#[post("/v1/bulk-corrections")]
pub(crate) async fn start_bulk_correction(
    may: May<need::BillsCorrect>,
    state: web::Data<State>,
    query: Params<DryRunQuery>,
    once: Once<NewBulkJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let new = once.body.parse(query.0.dry_run)?;
    let mut key = once.key;
    if query.0.dry_run {
        // A preview is work of its own, to be done once under its key.
        key.route.push_str("?dry_run=true");
    }
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        app.once_filing(&caller, &key, |tx| {
            Answer::accepted(&BulkCorrection::of(currency, corrections::start_bulk(tx, &caller, new)?)?)
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Read a correction of many bills
#[utoipa::path(tag = "corrections", params(("id" = OperationId, Path, description = "Bulk correction")),
    responses((status = 200, body = BulkCorrection)), extensions(("x-permission" = json!("bills.read"))))]
#[get("/v1/bulk-corrections/{id}")]
pub(crate) async fn read_bulk_correction(
    may: May<need::BillsRead>,
    state: web::Data<State>,
    id: At<OperationId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let view = blocking(move || {
        let currency = app.utility()?.currency;
        BulkCorrection::of(currency, app.bulk_correction(&caller, id.0)?)
    })
    .await?;
    Ok(HttpResponse::Ok().json(view))
}

/// One bill of many.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BulkCorrectionItem {
    bill_id: BillId,
    account_id: AccountId,
    state: BulkItemState,
    correction_id: Option<CorrectionId>,
    /// What the reversed segments had added to the balance.
    cancelled: MoneyJson,
    /// What the new segments add.
    new: MoneyJson,
    /// Why it was refused: an error code.
    code: Option<String>,
    /// The same for people.
    detail: Option<String>,
}

impl BulkCorrectionItem {
    fn of(currency: Currency, row: BulkItem) -> Self {
        let money = |amount| MoneyJson::of(currency, amount);
        Self {
            bill_id: BillId::new(row.account_id, row.bill_id),
            account_id: row.account_id,
            state: row.state,
            correction_id: row.correction_id.map(|id| CorrectionId::new(row.account_id, id)),
            cancelled: money(row.cancelled_minor),
            new: money(row.new_minor),
            code: row.code,
            detail: row.detail,
        }
    }
}

/// Which bills of many to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BulkItemQuery {
    /// Only of this state.
    state: Option<BulkItemState>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List the bills of a correction of many
///
/// By account.
#[utoipa::path(tag = "corrections",
    params(("id" = OperationId, Path, description = "Bulk correction"), BulkItemQuery),
    responses((status = 200, body = Listed<BulkCorrectionItem>)),
    extensions(("x-permission" = json!("bills.read"))))]
#[get("/v1/bulk-corrections/{id}/items")]
pub(crate) async fn list_bulk_correction_items(
    may: May<need::BillsRead>,
    state: web::Data<State>,
    id: At<OperationId>,
    query: Params<BulkItemQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let (currency, page) = blocking(move || {
        let page = app.bulk_correction_items(&caller, id.0, query.state, cursor.as_ref(), limit)?;
        Ok((app.utility()?.currency, page))
    })
    .await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, |row| BulkCorrectionItem::of(currency, row))))
}
