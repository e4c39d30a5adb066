//! Long work: progress, polled and streamed; pause, resume, cancel.

use crate::body::{IdempotencyKeyHeader, OnceOnly};
use crate::extract::{At, Params};
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::{State, blocking, events};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use app::operations::{Control, OperationView};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{OperationId, OperationKind, OperationState};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_operations)
        .service(read_operation)
        .service(stream_operation)
        .service(list_operation_errors)
        .service(pause_operation)
        .service(resume_operation)
        .service(cancel_operation);
}

/// Long work with its progress.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Operation)]
pub(crate) struct OperationJson {
    pub(crate) id: OperationId,
    kind: OperationKind,
    pub(crate) state: OperationState,
    /// Items in all.
    total: i64,
    /// Items finished.
    done: i64,
    /// Items that failed; see `errors`.
    failed: i64,
    /// Items per second since the start, a decimal string.
    #[schema(value_type = Option<String>)]
    rate_per_s: Option<Decimal>,
    /// Seconds until the end, by the weight of what is left and the pace of those at work; none before the first
    /// chunk of it is done.
    time_left_s: Option<i64>,
    /// What came of it; its shape depends on the kind.
    result: Option<serde_json::Value>,
    /// What stopped it.
    error: Option<String>,
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    started_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    finished_at: Option<OffsetDateTime>,
    links: OperationLinks,
}

/// Where to go on.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct OperationLinks {
    /// Progress as server-sent events.
    events: String,
    /// What went wrong with items.
    errors: String,
    /// Withdraws what has not begun.
    cancel: String,
}

impl From<OperationView> for OperationJson {
    fn from(view: OperationView) -> Self {
        let rate_per_s = view.per_kilosecond().map(|rate| Decimal::new(rate, 3));
        let time_left_s = view.time_left_s();
        let operation = view.operation;
        let base = format!("/v1/operations/{}", operation.id);
        Self {
            id: operation.id,
            kind: operation.kind,
            state: operation.state,
            total: operation.total,
            done: view.progress.done,
            failed: view.progress.failed,
            rate_per_s,
            time_left_s,
            result: operation.result,
            error: operation.error,
            created_by: operation.created_by,
            created_at: operation.created_at,
            started_at: operation.started_at,
            finished_at: operation.finished_at,
            links: OperationLinks {
                events: format!("{base}/events"),
                errors: format!("{base}/errors"),
                cancel: format!("{base}/cancel"),
            },
        }
    }
}

impl OperationJson {
    /// Changes whenever a client should hear of it.
    pub(crate) fn event_id(&self) -> String {
        format!("{}-{}-{}-{}", self.state, self.total, self.done, self.failed)
    }
}

/// Which operations to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OperationQuery {
    /// Only this kind.
    kind: Option<OperationKind>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List long work
///
/// Newest first. Work on things beyond your sites is left out, so that a page may be shorter than asked.
#[utoipa::path(tag = "operations", params(OperationQuery), responses((status = 200, body = Listed<OperationJson>)),
    extensions(("x-permission" = json!("operations.read"))))]
#[get("/v1/operations")]
pub(crate) async fn list_operations(
    may: May<need::OperationsRead>,
    state: web::Data<State>,
    query: Params<OperationQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let page = blocking(move || app.operations(&caller, query.kind, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, OperationJson::from)))
}

/// Read long work
#[utoipa::path(tag = "operations", params(("id" = OperationId, Path, description = "Operation")),
    responses((status = 200, body = OperationJson)), extensions(("x-permission" = json!("operations.read"))))]
#[get("/v1/operations/{id}")]
pub(crate) async fn read_operation(
    may: May<need::OperationsRead>,
    state: web::Data<State>,
    id: At<OperationId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let view = blocking(move || app.operation(&caller, id.0)).await?;
    Ok(HttpResponse::Ok().json(OperationJson::from(view)))
}

/// Follow long work
///
/// Server-sent events named `progress`, each with the operation as data, until it has ended.
/// `Last-Event-ID` leaves out the state that the client has seen.
#[utoipa::path(tag = "operations",
    params(("id" = OperationId, Path, description = "Operation"),
        ("Last-Event-ID" = Option<String>, Header, description = "Id of the last event seen")),
    responses((status = 200, description = "A stream of events.", content_type = "text/event-stream", body = String)),
    extensions(("x-permission" = json!("operations.read"))))]
#[get("/v1/operations/{id}/events")]
pub(crate) async fn stream_operation(
    may: May<need::OperationsRead>,
    request: HttpRequest,
    state: web::Data<State>,
    id: At<OperationId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let view = blocking(move || app.operation(&caller, id.0)).await?;
    let seen =
        request.headers().get("last-event-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let stream = events::stream_of(&state.events, &state.app, view.into(), seen);
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("Cache-Control", "no-store"))
        .streaming(stream))
}

/// What went wrong with items of an operation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct OperationErrors {
    /// The first hundred notes, in order.
    items: Vec<String>,
}

/// List what went wrong in long work
#[utoipa::path(tag = "operations", params(("id" = OperationId, Path, description = "Operation")),
    responses((status = 200, body = OperationErrors)), extensions(("x-permission" = json!("operations.read"))))]
#[get("/v1/operations/{id}/errors")]
pub(crate) async fn list_operation_errors(
    may: May<need::OperationsRead>,
    state: web::Data<State>,
    id: At<OperationId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let items = blocking(move || app.operation_notes(&caller, id.0, 100)).await?;
    Ok(HttpResponse::Ok().json(OperationErrors { items }))
}

async fn control(
    may: May<need::OperationsControl>,
    state: web::Data<State>,
    id: OperationId,
    once: OnceOnly,
    what: Control,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once_filing(&caller, &once.0, |tx| {
            app.control_operation(tx, &caller, id, what)?;
            app::Answer::ok(&OperationJson::from(app::operations::view(tx, id)?))
        })
    })
    .await?;
    Ok(crate::routes::accounts::respond(answer))
}

/// Pause long work
///
/// Chunks under way finish; no further one begins. The run that it is the work of is paused with it
/// and decides: a bill run's work needs `bill_runs.test` besides, an invoice run's `invoices.generate`,
/// a trial of rates `rates.write`.
#[utoipa::path(tag = "operations", params(("id" = OperationId, Path, description = "Operation"), IdempotencyKeyHeader),
    responses((status = 200, body = OperationJson)), extensions(("x-permission" = json!("operations.control"))))]
#[post("/v1/operations/{id}/pause")]
pub(crate) async fn pause_operation(
    may: May<need::OperationsControl>,
    state: web::Data<State>,
    id: At<OperationId>,
    once: OnceOnly,
) -> Result<HttpResponse, ApiError> {
    control(may, state, id.0, once, Control::Pause).await
}

/// Resume long work
///
/// Goes on exactly where it stopped, and the run that it is the work of with it.
#[utoipa::path(tag = "operations", params(("id" = OperationId, Path, description = "Operation"), IdempotencyKeyHeader),
    responses((status = 200, body = OperationJson)), extensions(("x-permission" = json!("operations.control"))))]
#[post("/v1/operations/{id}/resume")]
pub(crate) async fn resume_operation(
    may: May<need::OperationsControl>,
    state: web::Data<State>,
    id: At<OperationId>,
    once: OnceOnly,
) -> Result<HttpResponse, ApiError> {
    control(may, state, id.0, once, Control::Resume).await
}

/// Cancel long work
///
/// Chunks under way finish; the others are withdrawn. What is done stays done. Cancelling a bill
/// run's test or acceptance cancels the run.
#[utoipa::path(tag = "operations", params(("id" = OperationId, Path, description = "Operation"), IdempotencyKeyHeader),
    responses((status = 200, body = OperationJson)), extensions(("x-permission" = json!("operations.control"))))]
#[post("/v1/operations/{id}/cancel")]
pub(crate) async fn cancel_operation(
    may: May<need::OperationsControl>,
    state: web::Data<State>,
    id: At<OperationId>,
    once: OnceOnly,
) -> Result<HttpResponse, ApiError> {
    control(may, state, id.0, once, Control::Cancel).await
}
