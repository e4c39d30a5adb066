//! What is done with a run: test, accept, pause, resume, cancel, close.

use super::{RunJson, RunTestJson};
use crate::body::{IdempotencyKeyHeader, Once, OnceMaybe, OnceOnly};
use crate::extract::At;
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::routes::operations::OperationJson;
use crate::{State, blocking};
use actix_web::{HttpResponse, post, web};
use app::Answer;
use app::operations::Control;
use app::runs::TestScope;
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{AccountId, Code, Problem, RunId, SiteId, TestId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(start_bill_test)
        .service(accept_bill_run)
        .service(pause_bill_run)
        .service(resume_bill_run)
        .service(cancel_bill_run)
        .service(close_bill_run)
        .service(release_run_account);
}

/// A test that has begun, with the operation that shows its progress.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct StartedTest {
    test: RunTestJson,
    operation: OperationJson,
}

/// Which part of a run is tested again; what is absent narrows nothing.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "error_codes": ["missing_end_read"] }))]
pub(crate) struct TestPart {
    /// Only these accounts of the run, at most 1,000.
    #[schema(max_items = 1000)]
    account_ids: Option<Vec<AccountId>>,
    /// Only these sites.
    #[schema(max_items = 1000)]
    site_ids: Option<Vec<SiteId>>,
    /// Only accounts with an open error of one of these codes.
    #[schema(max_items = 100, value_type = Option<Vec<String>>)]
    error_codes: Option<Vec<Code>>,
}

impl TestPart {
    fn scope(self) -> Result<TestScope, Problem> {
        let too_many = |pointer: &str, most: usize| {
            Problem::field(pointer, Code::FieldRange, format!("at most {most} entries"))
        };
        if self.account_ids.as_ref().is_some_and(|ids| ids.len() > 1000) {
            return Err(too_many("/account_ids", 1000));
        }
        if self.site_ids.as_ref().is_some_and(|ids| ids.len() > 1000) {
            return Err(too_many("/site_ids", 1000));
        }
        if self.error_codes.as_ref().is_some_and(|codes| codes.len() > 100) {
            return Err(too_many("/error_codes", 100));
        }
        let Self { account_ids, site_ids, error_codes } = self;
        Ok(TestScope { account_ids, site_ids, error_codes })
    }
}

/// Test a bill run
///
/// Drafts every account of the run that is not yet accepted, or the part of them that the body names: the
/// others keep their drafts. Of an account that has not changed since its last draft nothing is written; the
/// operation's result says how many these are (`unchanged`). Nothing is posted; as often as wanted. The first test
/// of a run is of all its accounts.
#[utoipa::path(tag = "bill-runs", params(("id" = RunId, Path, description = "Bill run"), IdempotencyKeyHeader),
    request_body = Option<TestPart>, responses((status = 202, body = StartedTest)), extensions(("x-permission" = json!("bill_runs.test"))))]
#[post("/v1/bill-runs/{id}/tests")]
pub(crate) async fn start_bill_test(
    may: May<need::BillRunsTest>,
    state: web::Data<State>,
    id: At<RunId>,
    once: OnceMaybe<TestPart>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, once) = (state.app.clone(), may.caller(), once.0);
    let scope = once.body.scope()?;
    let answer = blocking(move || {
        app.once_filing(&caller, &once.key, |tx| {
            let (test, operation) = app::runs::start_test_of(tx, &caller, id.0, &scope)?;
            let operation = app::operations::view(tx, operation.id)?;
            Answer::accepted(&StartedTest { test: test.into(), operation: operation.into() })
        })
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
    /// Only accounts whose drafts are approved; the others wait.
    #[serde(default)]
    only_approved: bool,
}

/// Accept a test
///
/// Posts the bills of every account whose draft is clean and not stale, of the approved ones alone when asked so;
/// the others stay behind with a reason. The operation's result counts them by it (`behind`), and
/// `GET /v1/bill-runs/{id}/items?reason_code=` lists them.
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
        app.once_filing(&caller, &once.key, |tx| {
            let operation =
                app::runs::start_accept_of(tx, &caller, id.0, once.body.test_id, once.body.only_approved)?;
            Answer::accepted(&OperationJson::from(app::operations::view(tx, operation.id)?))
        })
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
        app.once_filing(&caller, &once.0, |tx| {
            let view = match what {
                Some(what) => app::runs::control(tx, &caller, id, what)?,
                None => app::runs::close(tx, &caller, id)?,
            };
            Answer::ok(&RunJson::from(view))
        })
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

/// Release an account from a bill run
///
/// An account that is not accepted is free for another run of the window; the rest of the run stays.
#[utoipa::path(tag = "bill-runs",
    params(("id" = RunId, Path, description = "Bill run"), ("account" = AccountId, Path, description = "Account"),
        IdempotencyKeyHeader),
    responses((status = 200, body = RunJson)), extensions(("x-permission" = json!("bill_runs.test"))))]
#[post("/v1/bill-runs/{id}/items/{account}/release")]
pub(crate) async fn release_run_account(
    may: May<need::BillRunsTest>,
    state: web::Data<State>,
    at: At<(RunId, AccountId)>,
    once: OnceOnly,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, (id, account)) = (state.app.clone(), may.caller(), at.0);
    let answer = blocking(move || {
        app.once(&caller, &once.0, |tx| {
            Answer::ok(&RunJson::from(app::runs::release_account(tx, &caller, id, account)?))
        })
    })
    .await?;
    Ok(respond(answer))
}
