//! Bill runs: create, test, accept, pause, resume, cancel, close; items, drafts, errors, register.

use crate::body::{IdempotencyKeyHeader, Once, OnceOnly};
use crate::extract::{At, Params};
use crate::money::MoneyJson;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::{PageQuery, respond};
use crate::routes::operations::OperationJson;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, post, web};
use app::Answer;
use app::operations::Control;
use app::runs::{DraftView, ItemQuery, NewRun, Register, RunView};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::flags::ErrorRow;
use store::runs::{RunItem, RunTest};
use time::OffsetDateTime;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{
    AccountId, BillId, Code, Commodity, ContractId, Currency, ItemState, OperationId, Problem,
    RateScheduleId, RunId, RunState, SiteId, TestId, Unit, WindowId,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(create_bill_run)
        .service(list_bill_runs)
        .service(read_bill_run)
        .service(start_bill_test)
        .service(accept_bill_run)
        .service(pause_bill_run)
        .service(resume_bill_run)
        .service(cancel_bill_run)
        .service(close_bill_run)
        .service(list_run_items)
        .service(read_run_draft)
        .service(list_run_changes)
        .service(list_run_errors)
        .service(read_run_register);
}

/// One batch over a window and a scope.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillRun)]
pub(crate) struct RunJson {
    id: RunId,
    window_id: WindowId,
    name: String,
    /// Who owns it.
    owner: String,
    /// `site_ids` or `account_ids`; empty for all.
    scope: serde_json::Value,
    state: RunState,
    /// Accounts in it.
    accounts: i64,
    /// How many items are in each state.
    items: BTreeMap<String, i64>,
    latest_test_id: Option<TestId>,
    tests: Vec<RunTestJson>,
    /// The work under way, or the last one.
    operation_id: Option<OperationId>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

/// One test of a run.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillTest)]
pub(crate) struct RunTestJson {
    id: TestId,
    run_id: RunId,
    /// 1, 2, 3 …
    number: i32,
    /// The work that makes it.
    operation_id: OperationId,
    /// The test that it is compared with.
    previous_id: Option<TestId>,
    /// Business time that all its accounts are drafted at.
    #[serde(with = "time::serde::rfc3339")]
    as_of: OffsetDateTime,
    created_by: String,
}

impl From<RunTest> for RunTestJson {
    fn from(row: RunTest) -> Self {
        Self {
            id: row.id,
            run_id: row.run_id,
            number: row.number,
            operation_id: row.operation_id,
            previous_id: row.previous_id,
            as_of: row.as_of,
            created_by: row.created_by,
        }
    }
}

impl From<RunView> for RunJson {
    fn from(view: RunView) -> Self {
        let run = view.run;
        Self {
            id: run.id,
            window_id: run.window_id,
            name: run.name,
            owner: run.owner,
            scope: run.scope,
            state: run.state,
            accounts: run.accounts,
            items: view.items.into_iter().map(|(state, count)| (state.to_string(), count)).collect(),
            latest_test_id: run.latest_test_id,
            tests: view.tests.into_iter().map(Into::into).collect(),
            operation_id: view.operation,
            created_at: run.created_at,
        }
    }
}

/// A run to create.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBillRun, example = json!({
    "window_id": "win_1f00", "name": "January, north side", "site_ids": ["site_1f00"]
}))]
pub(crate) struct NewRunJson {
    window_id: WindowId,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Only these sites; all of yours when absent.
    site_ids: Option<Vec<SiteId>>,
    /// Only these accounts.
    #[schema(max_items = 1000)]
    account_ids: Option<Vec<AccountId>>,
}

/// Create a bill run
///
/// Its accounts are fixed now: every billable account of the scope without a bill in the window.
/// A live run of the window that holds any of them is named in a 409.
#[utoipa::path(tag = "bill-runs", params(IdempotencyKeyHeader), request_body = NewRunJson,
    responses((status = 201, body = RunJson)), extensions(("x-permission" = json!("bill_runs.test"))))]
#[post("/v1/bill-runs")]
pub(crate) async fn create_bill_run(
    may: May<need::BillRunsTest>,
    state: web::Data<State>,
    once: Once<NewRunJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, body) = (state.app.clone(), may.caller(), once.body);
    if body.account_ids.as_ref().is_some_and(|ids| ids.len() > 1000) {
        return Err(Problem::field("/account_ids", Code::FieldRange, "at most 1000 accounts").into());
    }
    let new =
        NewRun { window: body.window_id, name: body.name, sites: body.site_ids, accounts: body.account_ids };
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            Answer::created(&RunJson::from(app::runs::create(tx, &caller, new)?))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Which runs to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunQuery {
    /// Only this window.
    window_id: Option<WindowId>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List bill runs
///
/// Newest first; only runs whose accounts all lie in your sites.
#[utoipa::path(tag = "bill-runs", params(RunQuery), responses((status = 200, body = Listed<RunJson>)),
    extensions(("x-permission" = json!("bill_runs.read"))))]
#[get("/v1/bill-runs")]
pub(crate) async fn list_bill_runs(
    may: May<need::BillRunsRead>,
    state: web::Data<State>,
    query: Params<RunQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let page = blocking(move || app.bill_runs(&caller, query.window_id, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, RunJson::from)))
}

/// Read a bill run
#[utoipa::path(tag = "bill-runs", params(("id" = RunId, Path, description = "Bill run")),
    responses((status = 200, body = RunJson)), extensions(("x-permission" = json!("bill_runs.read"))))]
#[get("/v1/bill-runs/{id}")]
pub(crate) async fn read_bill_run(
    may: May<need::BillRunsRead>,
    state: web::Data<State>,
    id: At<RunId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let view = blocking(move || app.bill_run(&caller, id.0)).await?;
    Ok(HttpResponse::Ok().json(RunJson::from(view)))
}

/// A test that has begun, with the operation that shows its progress.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct StartedTest {
    test: RunTestJson,
    operation: OperationJson,
}

/// Test a bill run
///
/// Drafts every account of the run that is not yet accepted. Nothing is posted; as often as wanted.
#[utoipa::path(tag = "bill-runs", params(("id" = RunId, Path, description = "Bill run"), IdempotencyKeyHeader),
    responses((status = 202, body = StartedTest)), extensions(("x-permission" = json!("bill_runs.test"))))]
#[post("/v1/bill-runs/{id}/tests")]
pub(crate) async fn start_bill_test(
    may: May<need::BillRunsTest>,
    state: web::Data<State>,
    id: At<RunId>,
    once: OnceOnly,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let answer = app.once(&caller, &once.0, |tx| {
            let (test, operation) = app::runs::start_test(tx, &caller, id.0)?;
            let operation = app::operations::view(tx, operation.id)?;
            Answer::accepted(&StartedTest { test: test.into(), operation: operation.into() })
        });
        app.wake_workers();
        answer
    })
    .await?;
    Ok(respond(answer))
}

/// Which test to accept.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "test_id": "test_1f00" }))]
pub(crate) struct AcceptRun {
    /// The run's latest test.
    test_id: TestId,
}

/// Accept a test
///
/// Posts the bills of every account whose draft is clean and not stale; the others stay behind with a reason.
#[utoipa::path(tag = "bill-runs", params(("id" = RunId, Path, description = "Bill run"), IdempotencyKeyHeader),
    request_body = AcceptRun, responses((status = 202, body = OperationJson)),
    extensions(("x-permission" = json!("bill_runs.accept"))))]
#[post("/v1/bill-runs/{id}/accept")]
pub(crate) async fn accept_bill_run(
    may: May<need::BillRunsAccept>,
    state: web::Data<State>,
    id: At<RunId>,
    once: Once<AcceptRun>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let answer = app.once(&caller, &once.key, |tx| {
            let operation = app::runs::start_accept(tx, &caller, id.0, once.body.test_id)?;
            Answer::accepted(&OperationJson::from(app::operations::view(tx, operation.id)?))
        });
        app.wake_workers();
        answer
    })
    .await?;
    Ok(respond(answer))
}

async fn control<P: crate::permissions::Needs>(
    may: May<P>,
    state: web::Data<State>,
    id: RunId,
    once: OnceOnly,
    what: Option<Control>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let answer = app.once(&caller, &once.0, |tx| {
            let view = match what {
                Some(what) => app::runs::control(tx, &caller, id, what)?,
                None => app::runs::close(tx, &caller, id)?,
            };
            Answer::ok(&RunJson::from(view))
        });
        app.wake_workers();
        answer
    })
    .await?;
    Ok(respond(answer))
}

/// Pause a bill run
///
/// Chunks under way finish; no further one begins.
#[utoipa::path(tag = "bill-runs", params(("id" = RunId, Path, description = "Bill run"), IdempotencyKeyHeader),
    responses((status = 200, body = RunJson)), extensions(("x-permission" = json!("bill_runs.test"))))]
#[post("/v1/bill-runs/{id}/pause")]
pub(crate) async fn pause_bill_run(
    may: May<need::BillRunsTest>,
    state: web::Data<State>,
    id: At<RunId>,
    once: OnceOnly,
) -> Result<HttpResponse, ApiError> {
    control(may, state, id.0, once, Some(Control::Pause)).await
}

/// Resume a bill run
///
/// Goes on exactly where it stopped.
#[utoipa::path(tag = "bill-runs", params(("id" = RunId, Path, description = "Bill run"), IdempotencyKeyHeader),
    responses((status = 200, body = RunJson)), extensions(("x-permission" = json!("bill_runs.test"))))]
#[post("/v1/bill-runs/{id}/resume")]
pub(crate) async fn resume_bill_run(
    may: May<need::BillRunsTest>,
    state: web::Data<State>,
    id: At<RunId>,
    once: OnceOnly,
) -> Result<HttpResponse, ApiError> {
    control(may, state, id.0, once, Some(Control::Resume)).await
}

/// Cancel a bill run
///
/// Its accounts are free for other runs; what is posted stays posted.
#[utoipa::path(tag = "bill-runs", params(("id" = RunId, Path, description = "Bill run"), IdempotencyKeyHeader),
    responses((status = 200, body = RunJson)), extensions(("x-permission" = json!("bill_runs.test"))))]
#[post("/v1/bill-runs/{id}/cancel")]
pub(crate) async fn cancel_bill_run(
    may: May<need::BillRunsTest>,
    state: web::Data<State>,
    id: At<RunId>,
    once: OnceOnly,
) -> Result<HttpResponse, ApiError> {
    control(may, state, id.0, once, Some(Control::Cancel)).await
}

/// Close a bill run
///
/// What was not accepted is free for other runs; the drafts are dropped.
#[utoipa::path(tag = "bill-runs", params(("id" = RunId, Path, description = "Bill run"), IdempotencyKeyHeader),
    responses((status = 200, body = RunJson)), extensions(("x-permission" = json!("bill_runs.accept"))))]
#[post("/v1/bill-runs/{id}/close")]
pub(crate) async fn close_bill_run(
    may: May<need::BillRunsAccept>,
    state: web::Data<State>,
    id: At<RunId>,
    once: OnceOnly,
) -> Result<HttpResponse, ApiError> {
    control(may, state, id.0, once, None).await
}

/// One account in a run.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillRunItem)]
pub(crate) struct ItemJson {
    account_id: AccountId,
    site_id: SiteId,
    state: ItemState,
    /// Its posted bill.
    bill_id: Option<BillId>,
    /// Why it stays behind.
    reason: Option<String>,
}

impl From<RunItem> for ItemJson {
    fn from(row: RunItem) -> Self {
        Self {
            account_id: row.account_id,
            site_id: row.site_id,
            state: row.state,
            bill_id: row.bill_id.map(|bill| BillId::new(row.account_id, bill)),
            reason: row.reason,
        }
    }
}

/// Which items to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunItemQuery {
    /// Only this state.
    state: Option<ItemState>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List the accounts of a bill run
#[utoipa::path(tag = "bill-runs", params(("id" = RunId, Path, description = "Bill run"), RunItemQuery),
    responses((status = 200, body = Listed<ItemJson>)), extensions(("x-permission" = json!("bill_runs.read"))))]
#[get("/v1/bill-runs/{id}/items")]
pub(crate) async fn list_run_items(
    may: May<need::BillRunsRead>,
    state: web::Data<State>,
    id: At<RunId>,
    query: Params<RunItemQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let wanted = ItemQuery { state: query.state };
    let page = blocking(move || app.run_items(&caller, id.0, wanted, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, ItemJson::from)))
}

/// The draft of one account.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillDraft)]
pub(crate) struct DraftJson {
    account_id: AccountId,
    test_id: TestId,
    /// Against the test before: `new`, `same`, `amount` or `outcome`.
    changed: String,
    state: ItemState,
    /// New charges.
    total: MoneyJson,
    /// SHA-256 of everything that the draft rests on.
    digest: String,
    /// The draft as stored, version `v`: a segment per contract with its outcome, lines, reads and errors;
    /// flags; totals. Amounts inside are whole minor units, other numbers decimals in strings.
    document: serde_json::Value,
}

impl DraftJson {
    fn of(currency: Currency, view: DraftView) -> Result<Self, app::Error> {
        Ok(Self {
            account_id: view.account,
            test_id: view.test,
            changed: view.changed,
            state: view.draft.state,
            total: MoneyJson::of(currency, view.draft.total),
            digest: view.draft.digest.to_string(),
            document: serde_json::to_value(&view.draft)?,
        })
    }
}

/// Read an account's draft
///
/// Of the run's latest test.
#[utoipa::path(tag = "bill-runs",
    params(("id" = RunId, Path, description = "Bill run"), ("account" = AccountId, Path, description = "Account")),
    responses((status = 200, body = DraftJson)), extensions(("x-permission" = json!("bill_runs.read"))))]
#[get("/v1/bill-runs/{id}/items/{account}")]
pub(crate) async fn read_run_draft(
    may: May<need::BillRunsRead>,
    state: web::Data<State>,
    at: At<(RunId, AccountId)>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (id, account) = at.0;
    let draft = blocking(move || {
        let currency = app.utility()?.currency;
        DraftJson::of(currency, app.run_draft(&caller, id, account)?)
    })
    .await?;
    Ok(HttpResponse::Ok().json(draft))
}

/// List what a test changed
///
/// Drafts of the latest test that differ from the test before it.
#[utoipa::path(tag = "bill-runs", params(("id" = RunId, Path, description = "Bill run"), PageQuery),
    responses((status = 200, body = Listed<DraftJson>)), extensions(("x-permission" = json!("bill_runs.read"))))]
#[get("/v1/bill-runs/{id}/changes")]
pub(crate) async fn list_run_changes(
    may: May<need::BillRunsRead>,
    state: web::Data<State>,
    id: At<RunId>,
    query: Params<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (limit, cursor) = window(query.0.limit, query.0.cursor.as_deref())?;
    let listed = blocking(move || {
        let currency = app.utility()?.currency;
        let page = app.run_changes(&caller, id.0, None, cursor.as_ref(), limit)?;
        let next = page.next.map(|cursor| cursor.to_string());
        let items =
            page.items.into_iter().map(|view| DraftJson::of(currency, view)).collect::<app::Result<_>>()?;
        Ok(Listed { items, next })
    })
    .await?;
    Ok(HttpResponse::Ok().json(listed))
}

/// A contract's error.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillError)]
pub(crate) struct BillErrorJson {
    account_id: AccountId,
    contract_id: ContractId,
    /// The stable code.
    code: String,
    params: serde_json::Value,
    detail: String,
    #[serde(with = "time::serde::rfc3339")]
    first_seen_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    last_seen_at: OffsetDateTime,
    /// How often it was found.
    attempts: i32,
}

impl From<ErrorRow> for BillErrorJson {
    fn from(row: ErrorRow) -> Self {
        Self {
            account_id: row.account_id,
            contract_id: ContractId::new(row.account_id, row.contract_id),
            code: row.code,
            params: row.params,
            detail: row.detail,
            first_seen_at: row.first_seen_at,
            last_seen_at: row.last_seen_at,
            attempts: row.attempts,
        }
    }
}

/// Which errors to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BillErrorQuery {
    /// Only this code.
    code: Option<String>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List the open errors of a bill run
#[utoipa::path(tag = "bill-runs", params(("id" = RunId, Path, description = "Bill run"), BillErrorQuery),
    responses((status = 200, body = Listed<BillErrorJson>)), extensions(("x-permission" = json!("bill_runs.read"))))]
#[get("/v1/bill-runs/{id}/errors")]
pub(crate) async fn list_run_errors(
    may: May<need::BillRunsRead>,
    state: web::Data<State>,
    id: At<RunId>,
    query: Params<BillErrorQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let code = query
        .code
        .map(|word| {
            word.parse::<Code>().map_err(|_| {
                Problem::new(Code::MalformedParameter, "code: not an error code").with("name", "code")
            })
        })
        .transpose()?;
    let page = blocking(move || app.run_errors(&caller, id.0, code, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, BillErrorJson::from)))
}

/// Totals by service, rate and rule, with the proof that nothing was forgotten.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillRegister)]
pub(crate) struct RegisterJson {
    total: MoneyJson,
    /// What the window before came to.
    previous_total: MoneyJson,
    completeness: CompletenessJson,
    rows: Vec<RegisterRowJson>,
}

/// How the accounts of the run add up: the parts are the whole.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Completeness)]
pub(crate) struct CompletenessJson {
    accounts: i64,
    billed: i64,
    deferred: i64,
    held: i64,
    error: i64,
    stale: i64,
    skipped: i64,
    queued: i64,
    /// Whether the parts add up to the accounts.
    adds_up: bool,
}

/// A service, rate and rule.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillRegisterRow)]
pub(crate) struct RegisterRowJson {
    commodity: Commodity,
    rate_schedule_id: Option<RateScheduleId>,
    rule: String,
    unit: Option<Unit>,
    #[schema(value_type = String)]
    quantity: Decimal,
    amount: MoneyJson,
    lines: i64,
    /// What the same came to in the window before.
    previous_amount: MoneyJson,
}

impl RegisterJson {
    fn of(currency: Currency, register: Register) -> Self {
        let all = register.completeness;
        let parts = all.billed + all.deferred + all.held + all.error + all.stale + all.skipped + all.queued;
        Self {
            total: MoneyJson::of(currency, register.total),
            previous_total: MoneyJson::of(currency, register.previous_total),
            completeness: CompletenessJson {
                accounts: all.accounts,
                billed: all.billed,
                deferred: all.deferred,
                held: all.held,
                error: all.error,
                stale: all.stale,
                skipped: all.skipped,
                queued: all.queued,
                adds_up: parts == all.accounts,
            },
            rows: register
                .rows
                .into_iter()
                .map(|row| RegisterRowJson {
                    commodity: row.commodity,
                    rate_schedule_id: row.schedule_id,
                    rule: row.rule,
                    unit: row.unit,
                    quantity: row.quantity.normalize(),
                    amount: MoneyJson::of(currency, row.amount_minor),
                    lines: row.lines,
                    previous_amount: MoneyJson::of(currency, row.previous_minor),
                })
                .collect(),
        }
    }
}

/// Which register to read.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RegisterQuery {
    /// Of this test; the latest when absent.
    test_id: Option<TestId>,
    /// `true`: of what was posted.
    #[serde(default)]
    posted: bool,
}

/// Read the register of a bill run
#[utoipa::path(tag = "bill-runs", params(("id" = RunId, Path, description = "Bill run"), RegisterQuery),
    responses((status = 200, body = RegisterJson)), extensions(("x-permission" = json!("bill_runs.read"))))]
#[get("/v1/bill-runs/{id}/register")]
pub(crate) async fn read_run_register(
    may: May<need::BillRunsRead>,
    state: web::Data<State>,
    id: At<RunId>,
    query: Params<RegisterQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let register = blocking(move || {
        let currency = app.utility()?.currency;
        Ok(RegisterJson::of(currency, app.register(&caller, id.0, query.test_id, query.posted)?))
    })
    .await?;
    Ok(HttpResponse::Ok().json(register))
}
