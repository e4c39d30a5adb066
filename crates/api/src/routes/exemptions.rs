//! Tax exemptions of accounts.

use crate::body::{Body, IdempotencyKeyHeader, Once};
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::{At, Params};
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::{State, blocking};
use actix_web::{HttpResponse, delete, get, patch, post, web};
use app::Answer;
use app::exemptions::NewExemption;
use serde::{Deserialize, Serialize};
use store::exemptions::TaxExemption;
use time::{Date, OffsetDateTime};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{AccountId, TaxExemptionId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(enter_tax_exemption)
        .service(list_tax_exemptions)
        .service(read_tax_exemption)
        .service(change_tax_exemption)
        .service(delete_tax_exemption);
}

/// A certificate by which a tax is not charged on some days.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TaxExemption)]
pub(crate) struct TaxExemptionJson {
    id: TaxExemptionId,
    account_id: AccountId,
    /// The tax, as `tax` of a rate's rules names it.
    tax: String,
    /// Number of the certificate.
    certificate: String,
    /// First exempt day.
    #[serde(with = "civil")]
    first_on: Date,
    /// Last exempt day; absent while it is open.
    #[serde(with = "civil::option")]
    last_on: Option<Date>,
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    version: i64,
}

impl From<TaxExemption> for TaxExemptionJson {
    fn from(row: TaxExemption) -> Self {
        Self {
            id: row.exemption_id(),
            account_id: row.account_id,
            tax: row.tax,
            certificate: row.certificate,
            first_on: row.first_on,
            last_on: row.last_on,
            created_by: row.created_by,
            created_at: row.created_at,
            version: row.version,
        }
    }
}

/// A certificate to enter.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTaxExemption, example = json!({
    "tax": "state", "certificate": "TX-2026-118", "first_on": "2026-01-01", "last_on": "2026-12-31"
}))]
pub(crate) struct NewTaxExemptionJson {
    /// The tax, as `tax` of a rate's rules names it.
    #[schema(min_length = 1, max_length = 64)]
    tax: String,
    /// Number of the certificate.
    #[schema(min_length = 1, max_length = 64)]
    certificate: String,
    /// First exempt day.
    #[serde(with = "civil")]
    first_on: Date,
    /// Last exempt day; open when absent.
    #[serde(default, with = "civil::option")]
    last_on: Option<Date>,
}

/// Enter a tax exemption
///
/// Bills that are made from now on charge no such tax on these days, and name the certificate. Drafts of the
/// account are stale then. What is posted stays; correct it to bill its days again.
#[utoipa::path(tag = "accounts", params(("id" = AccountId, Path, description = "Account"), IdempotencyKeyHeader),
    request_body = NewTaxExemptionJson, responses((status = 201, body = TaxExemptionJson)),
    extensions(("x-permission" = json!("contracts.write"))))]
#[post("/v1/accounts/{id}/tax-exemptions")]
pub(crate) async fn enter_tax_exemption(
    may: May<need::ContractsWrite>,
    state: web::Data<State>,
    id: At<AccountId>,
    once: Once<NewTaxExemptionJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, body) = (state.app.clone(), may.caller(), once.body);
    let new = NewExemption {
        tax: body.tax,
        certificate: body.certificate,
        first_on: body.first_on,
        last_on: body.last_on,
    };
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            Answer::created(&TaxExemptionJson::from(app::exemptions::enter(tx, &caller, id.0, new)?))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// A page of a list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TaxExemptionQuery {
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List an account's tax exemptions
///
/// Newest first.
#[utoipa::path(tag = "accounts", params(("id" = AccountId, Path, description = "Account"), TaxExemptionQuery),
    responses((status = 200, body = Listed<TaxExemptionJson>)),
    extensions(("x-permission" = json!("contracts.read"))))]
#[get("/v1/accounts/{id}/tax-exemptions")]
pub(crate) async fn list_tax_exemptions(
    may: May<need::ContractsRead>,
    state: web::Data<State>,
    id: At<AccountId>,
    query: Params<TaxExemptionQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let page = blocking(move || app.exemptions(&caller, id.0, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, TaxExemptionJson::from)))
}

/// Read a tax exemption
#[utoipa::path(tag = "accounts", params(("id" = TaxExemptionId, Path, description = "Tax exemption")),
    responses((status = 200, body = TaxExemptionJson)), extensions(("x-permission" = json!("contracts.read"))))]
#[get("/v1/tax-exemptions/{id}")]
pub(crate) async fn read_tax_exemption(
    may: May<need::ContractsRead>,
    state: web::Data<State>,
    id: At<TaxExemptionId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let row = blocking(move || app.exemption(&caller, id.0)).await?;
    Ok(tagged(row.version, &TaxExemptionJson::from(row)))
}

/// When a certificate ends.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaxExemptionEnd {
    /// Last exempt day; open when `null`.
    #[serde(with = "civil::option")]
    last_on: Option<Date>,
}

/// Set the last day of a tax exemption
#[utoipa::path(tag = "accounts",
    params(("id" = TaxExemptionId, Path, description = "Tax exemption"), IfMatchHeader),
    request_body = TaxExemptionEnd, responses((status = 200, body = TaxExemptionJson)),
    extensions(("x-permission" = json!("contracts.write"))))]
#[patch("/v1/tax-exemptions/{id}")]
pub(crate) async fn change_tax_exemption(
    may: May<need::ContractsWrite>,
    state: web::Data<State>,
    id: At<TaxExemptionId>,
    version: IfMatch,
    body: Body<TaxExemptionEnd>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, last_on) = (state.app.clone(), may.caller(), body.0.last_on);
    let row = blocking(move || app.change_exemption(&caller, id.0, version.0, last_on)).await?;
    Ok(tagged(row.version, &TaxExemptionJson::from(row)))
}

/// Take a tax exemption away
///
/// One that was entered in error; what is posted keeps the certificate in its record.
#[utoipa::path(tag = "accounts", params(("id" = TaxExemptionId, Path, description = "Tax exemption")),
    responses((status = 204, description = "It is gone.")),
    extensions(("x-permission" = json!("contracts.write"))))]
#[delete("/v1/tax-exemptions/{id}")]
pub(crate) async fn delete_tax_exemption(
    may: May<need::ContractsWrite>,
    state: web::Data<State>,
    id: At<TaxExemptionId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    blocking(move || app.delete_exemption(&caller, id.0)).await?;
    Ok(HttpResponse::NoContent().finish())
}
