//! Adjustments.

use crate::body::{IdempotencyKeyHeader, Once};
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::{At, Params};
use crate::money::MoneyJson;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::{PageQuery, respond};
use crate::{State, blocking};
use actix_web::{HttpResponse, get, post, web};
use app::Answer;
use app::adjustments::NewAdjustment;
use serde::{Deserialize, Serialize};
use store::adjustments::Adjustment;
use time::{Date, OffsetDateTime};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{AccountId, AdjustmentId, AdjustmentState, AdjustmentTypeId, Currency};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(post_adjustment)
        .service(list_adjustments)
        .service(read_adjustment)
        .service(cancel_adjustment);
}

/// A charge or credit that does not come from a segment.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Adjustment)]
pub(crate) struct AdjustmentJson {
    id: AdjustmentId,
    account_id: AccountId,
    type_id: AdjustmentTypeId,
    state: AdjustmentState,
    /// A charge above nothing, a credit below.
    amount: MoneyJson,
    #[serde(with = "civil")]
    effective_on: Date,
    reason: String,
    client_reference: Option<String>,
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl AdjustmentJson {
    pub(super) fn of(currency: Currency, row: Adjustment) -> Self {
        Self {
            id: AdjustmentId::new(row.account_id, row.id),
            account_id: row.account_id,
            type_id: row.type_id,
            state: row.state,
            amount: MoneyJson::of(currency, row.amount_minor),
            effective_on: row.effective_on,
            reason: row.reason,
            client_reference: row.client_reference,
            created_by: row.created_by,
            created_at: row.created_at,
        }
    }
}

/// An adjustment to post.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAdjustment, example = json!({
    "type_id": "atyp_11h", "amount": { "amount": "-5.00", "currency": "USD" }, "reason": "Goodwill for the outage"
}))]
pub(crate) struct NewAdjustmentJson {
    type_id: AdjustmentTypeId,
    /// A charge above nothing, a credit below; never nothing.
    amount: MoneyJson,
    /// The day that it is about; today when absent.
    #[serde(default, with = "civil::option")]
    effective_on: Option<Date>,
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
    /// Your own name for it, unique within the account for ever.
    #[schema(max_length = 100)]
    client_reference: Option<String>,
}

/// Post an adjustment
///
/// A credit pays the oldest open charges; a charge is asked for by the next bill.
#[utoipa::path(tag = "adjustments", params(("id" = AccountId, Path, description = "Account"), IdempotencyKeyHeader),
    request_body = NewAdjustmentJson, responses((status = 201, body = AdjustmentJson)),
    extensions(("x-permission" = json!("adjustments.write"))))]
#[post("/v1/accounts/{id}/adjustments")]
pub(crate) async fn post_adjustment(
    may: May<need::AdjustmentsWrite>,
    state: web::Data<State>,
    id: At<AccountId>,
    once: Once<NewAdjustmentJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        let body = once.body;
        let new = NewAdjustment {
            type_id: body.type_id,
            amount: body.amount.parse(currency, "/amount")?,
            effective_on: body.effective_on,
            reason: body.reason,
            client_reference: body.client_reference,
        };
        app.once(&caller, &once.key, |tx| {
            let row = app::adjustments::post(tx, &caller, id.0, new)?;
            Answer::created(&AdjustmentJson::of(currency, row))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// List an account's adjustments
///
/// Newest first.
#[utoipa::path(tag = "adjustments", params(("id" = AccountId, Path, description = "Account"), PageQuery),
    responses((status = 200, body = Listed<AdjustmentJson>)),
    extensions(("x-permission" = json!("adjustments.read"))))]
#[get("/v1/accounts/{id}/adjustments")]
pub(crate) async fn list_adjustments(
    may: May<need::AdjustmentsRead>,
    state: web::Data<State>,
    id: At<AccountId>,
    query: Params<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (limit, cursor) = window(query.0.limit, query.0.cursor.as_deref())?;
    let (currency, page) = blocking(move || {
        Ok((app.utility()?.currency, app.adjustments(&caller, id.0, cursor.as_ref(), limit)?))
    })
    .await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, |row| AdjustmentJson::of(currency, row))))
}

/// Read an adjustment
#[utoipa::path(tag = "adjustments", params(("id" = AdjustmentId, Path, description = "Adjustment")),
    responses((status = 200, body = AdjustmentJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("adjustments.read"))))]
#[get("/v1/adjustments/{id}")]
pub(crate) async fn read_adjustment(
    may: May<need::AdjustmentsRead>,
    state: web::Data<State>,
    id: At<AdjustmentId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (currency, row) =
        blocking(move || Ok((app.utility()?.currency, app.adjustment(&caller, id.0)?))).await?;
    Ok(tagged(row.version, &AdjustmentJson::of(currency, row)))
}

/// Why a posted document is undone.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Undo, example = json!({ "reason": "Entered on the wrong account" }))]
pub(crate) struct UndoJson {
    #[schema(min_length = 1, max_length = 500)]
    pub(crate) reason: String,
}

/// Cancel an adjustment
///
/// Its transaction is turned around; what it paid is open again, what had paid it pays something
/// else.
#[utoipa::path(tag = "adjustments",
    params(("id" = AdjustmentId, Path, description = "Adjustment"), IfMatchHeader, IdempotencyKeyHeader),
    request_body = UndoJson, responses((status = 200, body = AdjustmentJson)),
    extensions(("x-permission" = json!("adjustments.write"))))]
#[post("/v1/adjustments/{id}/cancel")]
pub(crate) async fn cancel_adjustment(
    may: May<need::AdjustmentsWrite>,
    state: web::Data<State>,
    id: At<AdjustmentId>,
    version: IfMatch,
    once: Once<UndoJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        app.once(&caller, &once.key, |tx| {
            let row = app::adjustments::cancel(tx, &caller, id.0, version.0, &once.body.reason)?;
            Answer::ok(&AdjustmentJson::of(currency, row))
        })
    })
    .await?;
    Ok(respond(answer))
}
