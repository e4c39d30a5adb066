//! Review: flags, and the steps of a window.

use crate::body::{IdempotencyKeyHeader, Once};
use crate::extract::{At, Params};
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, post, web};
use app::Answer;
use app::rereads::review;
use app::runs::review::{Matching, Review};
use app::runs::{Step, WindowSteps};
use serde::{Deserialize, Serialize};
use store::flags::{FlagFilter, FlagRow};
use time::OffsetDateTime;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{
    AccountId, Commodity, ContractId, Disposition, FlagCode, FlagId, RateScheduleId, RunId, Severity, SiteId,
    TestId, WindowId, WindowState,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_flags).service(review_flags).service(read_window_steps);
}

/// What a review found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReviewFlag)]
pub(crate) struct FlagJson {
    id: FlagId,
    account_id: AccountId,
    site_id: SiteId,
    run_id: RunId,
    test_id: TestId,
    /// `null`: the whole account.
    contract_id: Option<ContractId>,
    rate_schedule_id: Option<RateScheduleId>,
    commodity: Option<Commodity>,
    code: FlagCode,
    severity: Severity,
    /// What was found.
    value: String,
    /// What it was compared with.
    compared: String,
    disposition: Disposition,
    assignee: Option<String>,
    decided_by: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    decided_at: Option<OffsetDateTime>,
    reason: Option<String>,
}

impl From<FlagRow> for FlagJson {
    fn from(row: FlagRow) -> Self {
        Self {
            id: FlagId::new(row.account_id, row.id),
            account_id: row.account_id,
            site_id: row.site_id,
            run_id: row.run_id,
            test_id: row.test_id,
            contract_id: row.contract_id.map(|contract| ContractId::new(row.account_id, contract)),
            rate_schedule_id: row.schedule_id,
            commodity: row.commodity,
            code: row.code,
            severity: row.severity,
            value: row.value,
            compared: row.compared,
            disposition: row.disposition,
            assignee: row.assignee,
            decided_by: row.decided_by,
            decided_at: row.decided_at,
            reason: row.reason,
        }
    }
}

/// Which flags to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FlagQuery {
    /// Only this run.
    run_id: Option<RunId>,
    /// Only this account.
    account_id: Option<AccountId>,
    /// Only this code.
    code: Option<FlagCode>,
    /// Only this severity.
    severity: Option<Severity>,
    /// Only this disposition.
    disposition: Option<Disposition>,
    /// Only this service.
    commodity: Option<Commodity>,
    /// Only this rate.
    rate_schedule_id: Option<RateScheduleId>,
    /// Only what this person is to look at.
    assignee: Option<String>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List review flags
///
/// By account; only flags of your sites.
#[utoipa::path(tag = "review", params(FlagQuery), responses((status = 200, body = Listed<FlagJson>)),
    extensions(("x-permission" = json!("bill_runs.read"))))]
#[get("/v1/review-flags")]
pub(crate) async fn list_flags(
    may: May<need::BillRunsRead>,
    state: web::Data<State>,
    query: Params<FlagQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let filter = FlagFilter {
        run: query.run_id,
        sites: None,
        account: query.account_id,
        code: query.code,
        severity: query.severity,
        disposition: query.disposition,
        commodity: query.commodity,
        schedule: query.rate_schedule_id,
        assignee: query.assignee,
    };
    let page = blocking(move || app.flags(&caller, filter, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, FlagJson::from)))
}

/// What to decide about which flags.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "flag_ids": ["flag_1f00"], "disposition": "released", "reason": "pool filled, customer called" }))]
pub(crate) struct ReviewJson {
    /// These flags, at most 1,000.
    #[serde(default)]
    #[schema(max_items = 1000)]
    flag_ids: Vec<FlagId>,
    /// Or every open flag of a run that matches, at most 1,000 at a time.
    matching: Option<MatchingJson>,
    /// Unchanged when absent.
    disposition: Option<Disposition>,
    /// Who is to look at it; unchanged when absent.
    assignee: Option<String>,
    /// Needed to release, hold or order a reread.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// Open flags of a run.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MatchingFlags)]
pub(crate) struct MatchingJson {
    run_id: RunId,
    code: Option<FlagCode>,
    severity: Option<Severity>,
}

/// What became of each flag.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ReviewedFlags {
    /// How many were decided.
    decided: usize,
    items: Vec<ReviewedJson>,
}

/// What became of one flag.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReviewedFlag)]
pub(crate) struct ReviewedJson {
    flag_id: FlagId,
    /// `false`: there is no such flag, or it is not yours to see.
    decided: bool,
}

/// Decide review flags
///
/// Release, hold, order a reread or assign; alone or many at once. Ordering a reread places an order for the
/// flag's register, or for its service point (`GET /v1/reread-orders`). A decision survives the next test only
/// while the value is the same.
#[utoipa::path(tag = "review", params(IdempotencyKeyHeader), request_body = ReviewJson,
    responses((status = 200, body = ReviewedFlags)), extensions(("x-permission" = json!("bill_runs.review"))))]
#[post("/v1/review-flags/decide")]
pub(crate) async fn review_flags(
    may: May<need::BillRunsReview>,
    state: web::Data<State>,
    once: Once<ReviewJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, body) = (state.app.clone(), may.caller(), once.body);
    let wanted = Review {
        flags: body.flag_ids,
        matching: body.matching.map(|of| Matching { run: of.run_id, code: of.code, severity: of.severity }),
        disposition: body.disposition,
        assignee: body.assignee,
        reason: body.reason,
    };
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let items: Vec<ReviewedJson> = review(tx, &caller, wanted)?
                .into_iter()
                .map(|of| ReviewedJson { flag_id: of.flag, decided: of.decided })
                .collect();
            let decided = items.iter().filter(|of| of.decided).count();
            Answer::ok(&ReviewedFlags { decided, items })
        })
    })
    .await?;
    Ok(respond(answer))
}

/// The eight steps of a window.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WindowSteps)]
pub(crate) struct WindowStepsJson {
    window_id: WindowId,
    state: WindowState,
    steps: Vec<StepJson>,
}

/// One step: done for n of m.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WindowStep)]
pub(crate) struct StepJson {
    /// 1 to 8.
    number: u8,
    name: &'static str,
    done: i64,
    of: i64,
    /// Whether it may be taken now.
    may_start: bool,
    /// Why not, or what is open.
    note: Option<String>,
}

impl From<Step> for StepJson {
    fn from(step: Step) -> Self {
        Self {
            number: step.number,
            name: step.name,
            done: step.done,
            of: step.of,
            may_start: step.may_start,
            note: step.note,
        }
    }
}

impl From<WindowSteps> for WindowStepsJson {
    fn from(all: WindowSteps) -> Self {
        Self {
            window_id: all.window.id,
            state: all.window.state,
            steps: all.steps.into_iter().map(Into::into).collect(),
        }
    }
}

/// Read a window's steps
///
/// Which of the eight steps are done for how many of your accounts, and what may come next.
#[utoipa::path(tag = "cycle-windows", params(("id" = WindowId, Path, description = "Cycle window")),
    responses((status = 200, body = WindowStepsJson)), extensions(("x-permission" = json!("windows.read"))))]
#[get("/v1/cycle-windows/{id}/steps")]
pub(crate) async fn read_window_steps(
    may: May<need::WindowsRead>,
    state: web::Data<State>,
    id: At<WindowId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let steps = blocking(move || app.window_steps(&caller, id.0)).await?;
    Ok(HttpResponse::Ok().json(WindowStepsJson::from(steps)))
}
