//! Factors: dated prices, percentages and amounts that tariffs name.

use crate::body::{Body, IdempotencyKeyHeader, Once};
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::At;
use crate::page::Listed;
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::routes::ledger_setup::Rename;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, patch, post, web};
use app::Answer;
use app::rates::{FactorView, NewFactorValue};
use serde::{Deserialize, Serialize};
use store::rates::{Factor, FactorValue};
use time::Date;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::FactorId;
use vocab::dates::civil;

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(define_factor)
        .service(list_factors)
        .service(read_factor)
        .service(rename_factor)
        .service(add_factor_value);
}

/// A dated price, percentage or amount.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Factor)]
pub(crate) struct FactorJson {
    id: FactorId,
    /// The name that tariffs use.
    code: String,
    name: String,
    /// The characteristic that selects among its values.
    characteristic: Option<String>,
}

impl From<Factor> for FactorJson {
    fn from(row: Factor) -> Self {
        Self { id: row.id, code: row.code, name: row.name, characteristic: row.characteristic }
    }
}

/// A factor with its values.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FactorDetail {
    #[serde(flatten)]
    factor: FactorJson,
    /// By characteristic and day.
    values: Vec<FactorValueJson>,
}

impl From<FactorView> for FactorDetail {
    fn from(view: FactorView) -> Self {
        Self { factor: view.factor.into(), values: view.values.into_iter().map(Into::into).collect() }
    }
}

/// One value of a factor from a day on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = FactorValue)]
pub(crate) struct FactorValueJson {
    /// Absent for a factor without a characteristic.
    characteristic_value: Option<String>,
    /// It holds until the next.
    #[serde(with = "civil")]
    effective_on: Date,
    /// A decimal.
    value: String,
}

impl From<FactorValue> for FactorValueJson {
    fn from(row: FactorValue) -> Self {
        Self {
            characteristic_value: Some(row.characteristic_value).filter(|value| !value.is_empty()),
            effective_on: row.effective_on,
            value: row.value.normalize().to_string(),
        }
    }
}

/// A factor to define.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewFactor, example = json!({ "code": "fuel", "name": "Fuel adjustment per kWh" }))]
pub(crate) struct NewFactorJson {
    /// The name that tariffs use.
    #[schema(pattern = "^[A-Za-z0-9._-]{1,40}$")]
    code: String,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// The characteristic that selects among its values; it cannot be changed.
    #[schema(pattern = "^[A-Za-z0-9._-]{1,40}$")]
    characteristic: Option<String>,
}

/// Define a factor
#[utoipa::path(tag = "rates", params(IdempotencyKeyHeader), request_body = NewFactorJson,
    responses((status = 201, body = FactorDetail)), extensions(("x-permission" = json!("rates.write"))))]
#[post("/v1/factors")]
pub(crate) async fn define_factor(
    may: May<need::RatesWrite>,
    state: web::Data<State>,
    once: Once<NewFactorJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let new = once.body;
            let view = app::rates::define_factor(tx, &caller, new.code, new.name, new.characteristic)?;
            Answer::created(&FactorDetail::from(view))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// List factors
///
/// All of them, by code, without their values.
#[utoipa::path(tag = "rates", responses((status = 200, body = Listed<FactorJson>)),
    extensions(("x-permission" = json!("rates.read"))))]
#[get("/v1/factors")]
pub(crate) async fn list_factors(
    _may: May<need::RatesRead>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let rows = blocking(move || app.factors()).await?;
    Ok(HttpResponse::Ok().json(Listed::whole(rows, FactorJson::from)))
}

/// Read a factor
#[utoipa::path(tag = "rates", params(("id" = FactorId, Path, description = "Factor")),
    responses((status = 200, body = FactorDetail, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("rates.read"))))]
#[get("/v1/factors/{id}")]
pub(crate) async fn read_factor(
    _may: May<need::RatesRead>,
    state: web::Data<State>,
    id: At<FactorId>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let view = blocking(move || app.factor(id.0)).await?;
    Ok(tagged(view.factor.version, &FactorDetail::from(view)))
}

/// Rename a factor
#[utoipa::path(tag = "rates", params(("id" = FactorId, Path, description = "Factor"), IfMatchHeader),
    request_body = Rename,
    responses((status = 200, body = FactorJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("rates.write"))))]
#[patch("/v1/factors/{id}")]
pub(crate) async fn rename_factor(
    may: May<need::RatesWrite>,
    state: web::Data<State>,
    id: At<FactorId>,
    version: IfMatch,
    body: Body<Rename>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let row = blocking(move || app.rename_factor(&caller, id.0, version.0, body.0.name)).await?;
    Ok(tagged(row.version, &FactorJson::from(row)))
}

/// A dated value to add.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewFactorValue, example = json!({ "effective_on": "2026-01-01", "value": "0.0125" }))]
pub(crate) struct NewFactorValueJson {
    /// Value of the selecting characteristic; absent for a factor without one.
    #[schema(min_length = 1, max_length = 200)]
    characteristic_value: Option<String>,
    /// First day of this value.
    #[serde(with = "civil")]
    effective_on: Date,
    /// A decimal with at most 10 digits after the point.
    #[schema(pattern = "^-?[0-9]+(\\.[0-9]+)?$")]
    value: String,
}

/// Add a dated value to a factor
///
/// A value for the same day and characteristic is a conflict.
#[utoipa::path(tag = "rates", params(("id" = FactorId, Path, description = "Factor"), IdempotencyKeyHeader),
    request_body = NewFactorValueJson, responses((status = 201, body = FactorValueJson)),
    extensions(("x-permission" = json!("rates.write"))))]
#[post("/v1/factors/{id}/values")]
pub(crate) async fn add_factor_value(
    may: May<need::RatesWrite>,
    state: web::Data<State>,
    id: At<FactorId>,
    once: Once<NewFactorValueJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let body = once.body;
            let new = NewFactorValue {
                characteristic_value: body.characteristic_value,
                effective_on: body.effective_on,
                value: body.value,
            };
            let row = app::rates::add_factor_value(tx, &caller, id.0, new)?;
            Answer::created(&FactorValueJson::from(row))
        })
    })
    .await?;
    Ok(respond(answer))
}
