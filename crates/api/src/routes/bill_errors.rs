//! Errors of contracts over all runs: listed, grouped, mended many at once.

use crate::body::{IdempotencyKeyHeader, Once};
use crate::extract::Params;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, post, web};
use app::Answer;
use app::runs::errors::{Fix, FixAction, Fixed, fix};
use serde::{Deserialize, Serialize};
use store::bill_errors::{ErrorFilter, ErrorGroup, ErrorKey, ErrorRow};
use time::{Date, OffsetDateTime};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{
    AccountId, Code, ContractId, CycleId, OperationId, Problem, RateScheduleId, RunId, SiteId, WindowId,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_bill_errors).service(group_bill_errors).service(fix_bill_errors);
}

/// A contract's error.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillError)]
pub(crate) struct BillErrorJson {
    run_id: RunId,
    account_id: AccountId,
    contract_id: ContractId,
    rate_schedule_id: Option<RateScheduleId>,
    /// The stable code.
    code: String,
    params: serde_json::Value,
    detail: String,
    #[serde(with = "time::serde::rfc3339")]
    first_seen_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    last_seen_at: OffsetDateTime,
    /// In how many drafts it was found.
    attempts: i32,
    /// Whether it stands.
    open: bool,
    /// Who is to look at it.
    assignee: Option<String>,
}

impl From<ErrorRow> for BillErrorJson {
    fn from(row: ErrorRow) -> Self {
        Self {
            run_id: row.run_id,
            account_id: row.account_id,
            contract_id: ContractId::new(row.account_id, row.contract_id),
            rate_schedule_id: row.schedule_id,
            code: row.code,
            params: row.params,
            detail: row.detail,
            first_seen_at: row.first_seen_at,
            last_seen_at: row.last_seen_at,
            attempts: row.attempts,
            open: row.open,
            assignee: row.assignee,
        }
    }
}

/// A code as a parameter.
pub(crate) fn error_code(word: &str) -> Result<Code, Problem> {
    word.parse()
        .map_err(|_| Problem::new(Code::MalformedParameter, "code: not an error code").with("name", "code"))
}

/// Which errors to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BillErrorsQuery {
    /// Only of this bill run.
    run_id: Option<RunId>,
    /// Only of runs over this window.
    window_id: Option<WindowId>,
    /// Only this code.
    code: Option<String>,
    /// Only of accounts of this site.
    site_id: Option<SiteId>,
    /// Only of contracts with this rate.
    rate_schedule_id: Option<RateScheduleId>,
    /// Only what this person is to look at.
    assignee: Option<String>,
    /// `true`, the default: those that stand; `false`: those that do not any more.
    open: Option<bool>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List billing errors
///
/// Of all runs; those of accounts of your sites.
#[utoipa::path(tag = "review", params(BillErrorsQuery), responses((status = 200, body = Listed<BillErrorJson>)),
    extensions(("x-permission" = json!("bill_runs.read"))))]
#[get("/v1/billing-errors")]
pub(crate) async fn list_bill_errors(
    may: May<need::BillRunsRead>,
    state: web::Data<State>,
    query: Params<BillErrorsQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let filter = ErrorFilter {
        run: query.run_id,
        window: query.window_id,
        code: query.code.as_deref().map(error_code).transpose()?,
        sites: None,
        schedule: query.rate_schedule_id,
        assignee: query.assignee,
        open: Some(query.open.unwrap_or(true)),
    };
    let site = query.site_id;
    let page = blocking(move || app.bill_errors(&caller, filter, site, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, BillErrorJson::from)))
}

/// Errors alike.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillErrorGroup)]
pub(crate) struct ErrorGroupJson {
    /// The stable code.
    code: String,
    cycle_id: CycleId,
    rate_schedule_id: Option<RateScheduleId>,
    /// How many errors.
    errors: i64,
    /// Of how many accounts.
    accounts: i64,
    #[serde(with = "time::serde::rfc3339")]
    first_seen_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    last_seen_at: OffsetDateTime,
}

impl From<ErrorGroup> for ErrorGroupJson {
    fn from(of: ErrorGroup) -> Self {
        Self {
            code: of.code,
            cycle_id: of.cycle_id,
            rate_schedule_id: of.schedule_id,
            errors: of.errors,
            accounts: of.accounts,
            first_seen_at: of.first_seen_at,
            last_seen_at: of.last_seen_at,
        }
    }
}

/// Which errors to group.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ErrorGroupsQuery {
    /// Only of this bill run.
    run_id: Option<RunId>,
    /// Only of runs over this window.
    window_id: Option<WindowId>,
    /// Only of accounts of this site.
    site_id: Option<SiteId>,
    /// `true`, the default: those that stand; `false`: those that do not any more.
    open: Option<bool>,
}

/// Group billing errors
///
/// By code, cycle and rate, the most frequent first; at most 1,000 groups.
#[utoipa::path(tag = "review", params(ErrorGroupsQuery), responses((status = 200, body = Listed<ErrorGroupJson>)),
    extensions(("x-permission" = json!("bill_runs.read"))))]
#[get("/v1/billing-errors/groups")]
pub(crate) async fn group_bill_errors(
    may: May<need::BillRunsRead>,
    state: web::Data<State>,
    query: Params<ErrorGroupsQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let filter = ErrorFilter {
        run: query.run_id,
        window: query.window_id,
        open: Some(query.open.unwrap_or(true)),
        ..ErrorFilter::default()
    };
    let groups = blocking(move || app.bill_error_groups(&caller, filter, query.site_id)).await?;
    Ok(HttpResponse::Ok().json(Listed::whole(groups, ErrorGroupJson::from)))
}

/// What names an error.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BillErrorName)]
pub(crate) struct ErrorNameJson {
    run_id: RunId,
    contract_id: ContractId,
    /// The stable code.
    #[schema(max_length = 100)]
    code: String,
}

impl From<ErrorNameJson> for ErrorKey {
    fn from(of: ErrorNameJson) -> Self {
        Self { run: of.run_id, account: of.contract_id.owner, contract: of.contract_id.n, code: of.code }
    }
}

/// Errors that stand.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MatchingBillErrors)]
pub(crate) struct MatchingErrorsJson {
    run_id: Option<RunId>,
    window_id: Option<WindowId>,
    #[schema(value_type = Option<String>)]
    code: Option<Code>,
    /// Only of this site.
    site_id: Option<SiteId>,
    /// Only of this rate.
    rate_schedule_id: Option<RateScheduleId>,
    /// Only what this person is to look at.
    assignee: Option<String>,
}

/// What is done with errors.
#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[schema(as = BillErrorAction)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FixActionJson {
    /// Their accounts are tested again, in a test of their own in each run. Needs `bill_runs.test`.
    Regenerate,
    /// Their contracts are held until a day, with a reason. Needs `contracts.write`.
    Hold,
    /// Somebody is to look at them.
    Assign,
}

/// Which errors to mend, and how.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "matching": { "code": "missing_end_read" }, "action": "hold", "until_on": "2026-02-28",
    "reason": "meters under repair" }))]
pub(crate) struct FixErrors {
    /// These, at most 1,000.
    #[serde(default)]
    #[schema(max_items = 1000)]
    errors: Vec<ErrorNameJson>,
    /// Or every one that stands and matches, at most 1,000 at a time.
    matching: Option<MatchingErrorsJson>,
    action: FixActionJson,
    /// The last day of the hold.
    #[serde(default, with = "civil::option")]
    until_on: Option<Date>,
    /// Why they are held.
    #[schema(max_length = 500)]
    reason: Option<String>,
    /// Who is to look at them; nobody when absent.
    assignee: Option<String>,
}

impl FixErrors {
    fn parse(self) -> Result<Fix, Problem> {
        let needed = |pointer: &str, detail: &str| Problem::field(pointer, Code::FieldRequired, detail);
        let action = match self.action {
            FixActionJson::Regenerate => FixAction::Regenerate,
            FixActionJson::Hold => FixAction::Hold {
                until_on: self.until_on.ok_or_else(|| needed("/until_on", "until when"))?,
                reason: self.reason.ok_or_else(|| needed("/reason", "say why"))?,
            },
            FixActionJson::Assign => FixAction::Assign { assignee: self.assignee },
        };
        let matching = self.matching.map(|of| ErrorFilter {
            run: of.run_id,
            window: of.window_id,
            code: of.code,
            sites: of.site_id.map(|site| vec![site]),
            schedule: of.rate_schedule_id,
            assignee: of.assignee,
            open: Some(true),
        });
        Ok(Fix { errors: self.errors.into_iter().map(Into::into).collect(), matching, action })
    }
}

/// What became of each error.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FixedErrors {
    /// Of how many something was done.
    done: usize,
    items: Vec<FixedError>,
}

/// What became of one error.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FixedError {
    error: ErrorNameJson,
    done: bool,
    /// The test that makes its account again.
    operation_id: Option<OperationId>,
    /// Why nothing was done: `not_found`, or what refused it.
    #[schema(value_type = Option<String>)]
    code: Option<Code>,
    detail: Option<String>,
}

impl From<Fixed> for FixedError {
    fn from(of: Fixed) -> Self {
        let done = of.refused.is_none();
        let (code, detail) = of.refused.unzip();
        let contract_id = ContractId::new(of.error.account, of.error.contract);
        let error = ErrorNameJson { run_id: of.error.run, contract_id, code: of.error.code };
        Self { error, done, operation_id: of.operation, code, detail }
    }
}

/// Mend billing errors
///
/// One or many at once: test their accounts again, hold their contracts (the rest of the account can be billed
/// then), or give them to somebody. Each is answered by itself.
#[utoipa::path(tag = "review", params(IdempotencyKeyHeader), request_body = FixErrors,
    responses((status = 200, body = FixedErrors)), extensions(("x-permission" = json!("bill_runs.review"))))]
#[post("/v1/billing-errors/fix")]
pub(crate) async fn fix_bill_errors(
    may: May<need::BillRunsReview>,
    state: web::Data<State>,
    once: Once<FixErrors>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let wanted = once.body.parse()?;
    let answer = blocking(move || {
        app.once_filing(&caller, &once.key, |tx| {
            let items: Vec<FixedError> = fix(tx, &caller, wanted)?.into_iter().map(Into::into).collect();
            Answer::ok(&FixedErrors { done: items.iter().filter(|of| of.done).count(), items })
        })
    })
    .await?;
    Ok(respond(answer))
}
