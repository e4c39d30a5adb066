//! Bill runs: creating and reading them. What is done with one is in [`work`], its accounts in
//! [`items`], what a reviewer looks at in [`review`], two tests beside each other in [`changes`].

mod changes;
mod items;
mod register;
mod review;
mod work;

use crate::body::{IdempotencyKeyHeader, Once};
use crate::extract::{At, Params};
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, post, web};
use app::Answer;
use app::runs::{NewRun, RunView};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::runs::RunTest;
use time::OffsetDateTime;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{AccountId, Code, OperationId, Problem, RunId, RunState, SiteId, TestId, WindowId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(create_bill_run).service(list_bill_runs).service(read_bill_run);
    config.configure(work::configure).configure(items::configure).configure(review::configure);
    config.configure(register::configure).configure(changes::configure);
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
    /// Which part of the run it was of: `account_ids`, `site_ids`, `error_codes`; empty for all. The others kept
    /// their drafts.
    scope: serde_json::Value,
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
            scope: row.scope,
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
