//! Payment runs, their draws, and what gateways tell.

use crate::body::{IdempotencyKeyHeader, Once, OnceOnly, Raw};
use crate::extract::{At, Params};
use crate::money::MoneyJson;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::{PageQuery, respond};
use crate::routes::operations::OperationJson;
use crate::{State, blocking};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use app::Answer;
use app::payment_runs::{RunFilter, RunView};
use serde::{Deserialize, Serialize};
use store::draws::{Draw, DrawFilter, PaymentRun};
use time::{Date, OffsetDateTime};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{
    AccountId, BillId, Currency, CycleId, DrawId, DrawState, OperationId, PaymentId, PaymentMethodId,
    PaymentRunId, PaymentRunState, RunId, SiteId, TenderKind,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(plan_payment_run)
        .service(list_payment_runs)
        .service(read_payment_run)
        .service(execute_payment_run)
        .service(cancel_payment_run)
        .service(resolve_payment_run)
        .service(list_draws)
        .service(read_draw)
        .service(retry_draw)
        .service(resolve_draw)
        .service(receive_stripe_event);
}

/// One batch that collects autopay.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PaymentRun)]
pub(crate) struct RunJson {
    id: PaymentRunId,
    state: PaymentRunState,
    /// What it was asked to collect.
    filter: serde_json::Value,
    /// Draws on or before this day.
    #[serde(with = "civil")]
    target_on: Date,
    /// The work of its execution.
    operation_id: Option<OperationId>,
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<PaymentRun> for RunJson {
    fn from(run: PaymentRun) -> Self {
        Self {
            id: run.id,
            state: run.state,
            filter: run.filter,
            target_on: run.target_on,
            operation_id: run.operation_id,
            created_by: run.created_by,
            created_at: run.created_at,
        }
    }
}

/// A payment run with its draws counted by state.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PaymentRunDetail {
    #[serde(flatten)]
    run: RunJson,
    totals: Vec<StateTotal>,
}

/// Draws in one state.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = DrawTotal)]
pub(crate) struct StateTotal {
    state: DrawState,
    draws: i64,
    amount: MoneyJson,
}

impl PaymentRunDetail {
    fn of(currency: Currency, view: RunView) -> Self {
        let totals = view.totals.into_iter().map(|(state, draws, amount)| StateTotal {
            state,
            draws,
            amount: MoneyJson::of(currency, amount),
        });
        Self { totals: totals.collect(), run: view.run.into() }
    }
}

/// What a payment run would collect.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PaymentRunPreview {
    /// By kind of method.
    methods: Vec<MethodTotal>,
}

/// Draws from one kind of method.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MethodTotal {
    kind: TenderKind,
    draws: i64,
    amount: MoneyJson,
}

/// What a payment run is to collect; what is absent does not narrow.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPaymentRun, example = json!({ "target_on": "2026-03-20", "kind": "card" }))]
pub(crate) struct NewRunJson {
    /// Draws on or before this day.
    #[serde(with = "civil")]
    target_on: Date,
    cycle_id: Option<CycleId>,
    /// Only bills of this bill run.
    run_id: Option<RunId>,
    site_ids: Option<Vec<SiteId>>,
    #[schema(max_items = 1000)]
    account_ids: Option<Vec<AccountId>>,
    /// Only this kind of method.
    kind: Option<TenderKind>,
}

/// Whether to look only.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DryRunQuery {
    /// Answers what would be collected; writes nothing.
    #[serde(default)]
    #[param(default = false)]
    dry_run: bool,
}

/// Plan a payment run
///
/// Chooses the draws of posted bills whose day has come; nothing is collected before the run is
/// executed. With `dry_run=true` it answers 200 and what would be collected.
#[utoipa::path(tag = "payment runs", params(DryRunQuery, IdempotencyKeyHeader), request_body = NewRunJson,
    responses((status = 201, body = PaymentRunDetail), (status = 200, body = PaymentRunPreview)),
    extensions(("x-permission" = json!("payment_runs.execute"))))]
#[post("/v1/payment-runs")]
pub(crate) async fn plan_payment_run(
    may: May<need::PaymentRunsExecute>,
    state: web::Data<State>,
    query: Params<DryRunQuery>,
    once: Once<NewRunJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, dry_run) = (state.app.clone(), may.caller(), query.0.dry_run);
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        let NewRunJson { target_on, cycle_id, run_id, site_ids, account_ids, kind } = once.body;
        let filter = RunFilter { cycle_id, run_id, site_ids, account_ids, kind };
        if dry_run {
            let planned = app.db().tx(|tx| app::payment_runs::preview(tx, &caller, &filter, target_on))?;
            let methods = planned.into_iter().map(|planned| MethodTotal {
                kind: planned.kind,
                draws: planned.draws,
                amount: MoneyJson::of(currency, planned.amount),
            });
            return Answer::ok(&PaymentRunPreview { methods: methods.collect() });
        }
        app.once(&caller, &once.key, |tx| {
            let view = app::payment_runs::create(tx, &caller, &filter, target_on)?;
            Answer::created(&PaymentRunDetail::of(currency, view))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// List payment runs
///
/// Newest first.
#[utoipa::path(tag = "payment runs", params(PageQuery), responses((status = 200, body = Listed<RunJson>)),
    extensions(("x-permission" = json!("payment_runs.read"))))]
#[get("/v1/payment-runs")]
pub(crate) async fn list_payment_runs(
    _may: May<need::PaymentRunsRead>,
    state: web::Data<State>,
    query: Params<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let (limit, cursor) = window(query.0.limit, query.0.cursor.as_deref())?;
    let page = blocking(move || app.payment_runs(cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, RunJson::from)))
}

/// Read a payment run
#[utoipa::path(tag = "payment runs", params(("id" = PaymentRunId, Path, description = "Payment run")),
    responses((status = 200, body = PaymentRunDetail)), extensions(("x-permission" = json!("payment_runs.read"))))]
#[get("/v1/payment-runs/{id}")]
pub(crate) async fn read_payment_run(
    _may: May<need::PaymentRunsRead>,
    state: web::Data<State>,
    id: At<PaymentRunId>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let (currency, view) = blocking(move || Ok((app.utility()?.currency, app.payment_run(id.0)?))).await?;
    Ok(HttpResponse::Ok().json(PaymentRunDetail::of(currency, view)))
}

/// Execute a payment run
///
/// Collects its draws one by one; each stands on its own, and an unclear outcome is looked up,
/// never charged again.
#[utoipa::path(tag = "payment runs", params(("id" = PaymentRunId, Path, description = "Payment run"), IdempotencyKeyHeader),
    responses((status = 202, body = OperationJson)), extensions(("x-permission" = json!("payment_runs.execute"))))]
#[post("/v1/payment-runs/{id}/execute")]
pub(crate) async fn execute_payment_run(
    may: May<need::PaymentRunsExecute>,
    state: web::Data<State>,
    id: At<PaymentRunId>,
    once: OnceOnly,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once_filing(&caller, &once.0, |tx| {
            let operation = app::payment_runs::execute(tx, &caller, id.0)?;
            Answer::accepted(&OperationJson::from(app::operations::view(tx, operation.id)?))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Give a payment run up
///
/// Its draws are free for another run. Of a run that is executed the chunks under way finish, and what
/// they collected stays.
#[utoipa::path(tag = "payment runs", params(("id" = PaymentRunId, Path, description = "Payment run"), IdempotencyKeyHeader),
    responses((status = 200, body = PaymentRunDetail)), extensions(("x-permission" = json!("payment_runs.execute"))))]
#[post("/v1/payment-runs/{id}/cancel")]
pub(crate) async fn cancel_payment_run(
    may: May<need::PaymentRunsExecute>,
    state: web::Data<State>,
    id: At<PaymentRunId>,
    once: OnceOnly,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        app.once(&caller, &once.0, |tx| {
            let view = app::payment_runs::cancel(tx, &caller, id.0)?;
            Answer::ok(&PaymentRunDetail::of(currency, view))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Look up open outcomes of a payment run
///
/// Asks the gateways about every unknown and pending draw; moves no money.
#[utoipa::path(tag = "payment runs", params(("id" = PaymentRunId, Path, description = "Payment run")),
    responses((status = 200, body = PaymentRunDetail)), extensions(("x-permission" = json!("payment_runs.execute"))))]
#[post("/v1/payment-runs/{id}/resolve")]
pub(crate) async fn resolve_payment_run(
    _may: May<need::PaymentRunsExecute>,
    state: web::Data<State>,
    id: At<PaymentRunId>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let (currency, view) = blocking(move || Ok((app.utility()?.currency, app.resolve_run(id.0)?))).await?;
    Ok(HttpResponse::Ok().json(PaymentRunDetail::of(currency, view)))
}

/// The autopay instruction of a bill and what became of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Draw)]
pub(crate) struct DrawJson {
    id: DrawId,
    account_id: AccountId,
    bill_id: BillId,
    payment_method_id: PaymentMethodId,
    #[serde(with = "civil")]
    draw_on: Date,
    /// When a failed draw is tried again; absent: not by itself.
    #[serde(with = "civil::option")]
    retry_on: Option<Date>,
    state: DrawState,
    /// How much was asked for last.
    amount: Option<MoneyJson>,
    /// Declines so far.
    attempts: i16,
    /// Why it failed or was skipped, a word.
    reason_code: Option<String>,
    reason: Option<String>,
    gateway_reference: Option<String>,
    payment_run_id: Option<PaymentRunId>,
    payment_id: Option<PaymentId>,
}

impl DrawJson {
    fn of(currency: Currency, row: Draw) -> Self {
        let account = row.account_id;
        Self {
            id: row.draw_id(),
            account_id: account,
            bill_id: BillId::new(account, row.bill_id),
            payment_method_id: PaymentMethodId::new(account, row.method_id),
            draw_on: row.draw_on,
            retry_on: row.retry_on,
            state: row.state,
            amount: row.amount_minor.map(|amount| MoneyJson::of(currency, amount)),
            attempts: row.attempts,
            reason_code: row.reason_code,
            reason: row.reason,
            gateway_reference: row.gateway_reference,
            payment_run_id: row.payment_run_id,
            payment_id: row.payment_id.map(|payment| PaymentId::new(account, payment)),
        }
    }
}

/// Which draws to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DrawQuery {
    /// Only this run.
    payment_run_id: Option<PaymentRunId>,
    /// Only this account.
    account_id: Option<AccountId>,
    /// Only in this state.
    state: Option<DrawState>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List draws
///
/// Of your sites' accounts, with states and reasons.
#[utoipa::path(tag = "payment runs", params(DrawQuery), responses((status = 200, body = Listed<DrawJson>)),
    extensions(("x-permission" = json!("payment_runs.read"))))]
#[get("/v1/draws")]
pub(crate) async fn list_draws(
    may: May<need::PaymentRunsRead>,
    state: web::Data<State>,
    query: Params<DrawQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let filter =
        DrawFilter { sites: None, run: query.payment_run_id, account: query.account_id, state: query.state };
    let (currency, page) =
        blocking(move || Ok((app.utility()?.currency, app.draws(&caller, filter, cursor.as_ref(), limit)?)))
            .await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, |row| DrawJson::of(currency, row))))
}

/// Read a draw
#[utoipa::path(tag = "payment runs", params(("id" = DrawId, Path, description = "Draw")),
    responses((status = 200, body = DrawJson)), extensions(("x-permission" = json!("payment_runs.read"))))]
#[get("/v1/draws/{id}")]
pub(crate) async fn read_draw(
    may: May<need::PaymentRunsRead>,
    state: web::Data<State>,
    id: At<DrawId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (currency, row) = blocking(move || Ok((app.utility()?.currency, app.draw(&caller, id.0)?))).await?;
    Ok(HttpResponse::Ok().json(DrawJson::of(currency, row)))
}

/// Retry a failed draw
///
/// It is planned for today: the next payment run takes it.
#[utoipa::path(tag = "payment runs", params(("id" = DrawId, Path, description = "Draw"), IdempotencyKeyHeader),
    responses((status = 200, body = DrawJson)), extensions(("x-permission" = json!("payment_runs.execute"))))]
#[post("/v1/draws/{id}/retry")]
pub(crate) async fn retry_draw(
    may: May<need::PaymentRunsExecute>,
    state: web::Data<State>,
    id: At<DrawId>,
    once: OnceOnly,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        app.once(&caller, &once.0, |tx| {
            let row = app::payment_runs::retry(tx, &caller, id.0)?;
            Answer::ok(&DrawJson::of(currency, row))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Look up the outcome of a draw
///
/// Asks the gateway what became of it; moves no money.
#[utoipa::path(tag = "payment runs", params(("id" = DrawId, Path, description = "Draw")),
    responses((status = 200, body = DrawJson)), extensions(("x-permission" = json!("payment_runs.execute"))))]
#[post("/v1/draws/{id}/resolve")]
pub(crate) async fn resolve_draw(
    may: May<need::PaymentRunsExecute>,
    state: web::Data<State>,
    id: At<DrawId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (currency, row) =
        blocking(move || Ok((app.utility()?.currency, app.resolve_draw(&caller, id.0)?))).await?;
    Ok(HttpResponse::Ok().json(DrawJson::of(currency, row)))
}

/// Receive an event of the gateway
///
/// Without a token: the `Stripe-Signature` header is the only authority. Repetitions and disorder
/// change nothing.
#[utoipa::path(tag = "payment runs",
    params(("Stripe-Signature" = String, Header, description = "Time stamp and signature")),
    request_body(content = serde_json::Value, description = "The event as the gateway signed it."),
    responses((status = 200, description = "Taken."), (status = 401, body = crate::problem::ProblemDocument,
        content_type = "application/problem+json", description = "The signature is not the gateway's.")))]
#[post("/v1/gateways/stripe/webhook")]
pub(crate) async fn receive_stripe_event(
    request: HttpRequest,
    state: web::Data<State>,
    body: Raw,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let signature = request
        .headers()
        .get("stripe-signature")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    blocking(move || app.take_stripe_event(&signature, &body.0)).await?;
    Ok(HttpResponse::Ok().finish())
}
