//! Bill cycles.

use crate::body::{Body, IdempotencyKeyHeader, Once};
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::At;
use crate::page::Listed;
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, patch, post, web};
use app::Answer;
use app::cycles::CycleChanges;
use serde::{Deserialize, Serialize};
use store::cycles::Cycle;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::CycleId;

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(define_cycle).service(list_cycles).service(read_cycle).service(change_cycle);
}

/// A recurring group of accounts.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillCycle)]
pub(crate) struct CycleJson {
    id: CycleId,
    code: String,
    name: String,
    /// A test in which no blocking flag and no error is open is accepted by itself.
    auto_accept: bool,
    /// The invoices of accepted bills are made by themselves.
    auto_generate: bool,
    /// The deliveries of an invoice run are approved by themselves, and its e-mail is sent.
    auto_send: bool,
}

impl From<Cycle> for CycleJson {
    fn from(row: Cycle) -> Self {
        Self {
            id: row.id,
            code: row.code,
            name: row.name,
            auto_accept: row.auto_accept,
            auto_generate: row.auto_generate,
            auto_send: row.auto_send,
        }
    }
}

/// A cycle to define.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBillCycle, example = json!({ "code": "north", "name": "Northern route, monthly" }))]
pub(crate) struct NewCycleJson {
    #[schema(pattern = "^[A-Za-z0-9._-]{1,40}$")]
    code: String,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
}

/// Define a bill cycle
#[utoipa::path(tag = "bill cycles", params(IdempotencyKeyHeader), request_body = NewCycleJson,
    responses((status = 201, body = CycleJson)), extensions(("x-permission" = json!("cycles.write"))))]
#[post("/v1/bill-cycles")]
pub(crate) async fn define_cycle(
    may: May<need::CyclesWrite>,
    state: web::Data<State>,
    once: Once<NewCycleJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let row = app::cycles::define(tx, &caller, once.body.code, once.body.name)?;
            Answer::created(&CycleJson::from(row))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// List bill cycles
///
/// All of them, by code.
#[utoipa::path(tag = "bill cycles", responses((status = 200, body = Listed<CycleJson>)),
    extensions(("x-permission" = json!("cycles.read"))))]
#[get("/v1/bill-cycles")]
pub(crate) async fn list_cycles(
    _may: May<need::CyclesRead>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let rows = blocking(move || app.cycles()).await?;
    Ok(HttpResponse::Ok().json(Listed::whole(rows, CycleJson::from)))
}

/// Read a bill cycle
#[utoipa::path(tag = "bill cycles", params(("id" = CycleId, Path, description = "Bill cycle")),
    responses((status = 200, body = CycleJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("cycles.read"))))]
#[get("/v1/bill-cycles/{id}")]
pub(crate) async fn read_cycle(
    _may: May<need::CyclesRead>,
    state: web::Data<State>,
    id: At<CycleId>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let row = blocking(move || app.cycle(id.0)).await?;
    Ok(tagged(row.version, &CycleJson::from(row)))
}

/// Changes of a cycle; what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BillCycleChanges, example = json!({ "auto_accept": true, "auto_generate": true }))]
pub(crate) struct CycleChangesJson {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// Accept a test by itself when no blocking flag and no error of it is open.
    auto_accept: Option<bool>,
    /// Make the invoices of accepted bills by itself.
    auto_generate: Option<bool>,
    /// Approve the deliveries of an invoice run and send its e-mail by itself.
    auto_send: Option<bool>,
}

/// Change a bill cycle
///
/// Its name, and its automatic mode: what follows a test, an acceptance and an invoice run without a person.
/// It is off until it is switched on; what stops it is noted on the window's step.
#[utoipa::path(tag = "bill cycles", params(("id" = CycleId, Path, description = "Bill cycle"), IfMatchHeader),
    request_body = CycleChangesJson,
    responses((status = 200, body = CycleJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("cycles.write"))))]
#[patch("/v1/bill-cycles/{id}")]
pub(crate) async fn change_cycle(
    may: May<need::CyclesWrite>,
    state: web::Data<State>,
    id: At<CycleId>,
    version: IfMatch,
    body: Body<CycleChangesJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, body) = (state.app.clone(), may.caller(), body.0);
    let changes = CycleChanges {
        name: body.name,
        auto_accept: body.auto_accept,
        auto_generate: body.auto_generate,
        auto_send: body.auto_send,
    };
    let row = blocking(move || app.change_cycle(&caller, id.0, version.0, changes)).await?;
    Ok(tagged(row.version, &CycleJson::from(row)))
}
