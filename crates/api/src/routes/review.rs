//! Review: flags.

use crate::body::{IdempotencyKeyHeader, Once};
use crate::extract::Params;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, post, web};
use app::Answer;
use app::rereads::review;
use app::runs::review::{ListedFlag, Matching, Review, Reviewed};
use serde::{Deserialize, Serialize};
use store::flags::{FlagFilter, FlagOrder};
use time::OffsetDateTime;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{
    AccountId, Code, Commodity, ContractId, Decimal, Disposition, FlagCode, FlagId, Problem, RateScheduleId,
    RegisterId, RunId, ServicePointId, Severity, SiteId, TestId,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_flags).service(review_flags);
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
    /// Of the contract.
    service_point_id: Option<ServicePointId>,
    /// The register that it is about.
    register_id: Option<RegisterId>,
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

impl From<ListedFlag> for FlagJson {
    fn from((row, point): ListedFlag) -> Self {
        Self {
            id: FlagId::new(row.account_id, row.id),
            account_id: row.account_id,
            site_id: row.site_id,
            run_id: row.run_id,
            test_id: row.test_id,
            contract_id: row.contract_id.map(|contract| ContractId::new(row.account_id, contract)),
            rate_schedule_id: row.schedule_id,
            commodity: row.commodity,
            service_point_id: point,
            register_id: point.zip(row.register_id).map(|(point, register)| RegisterId::new(point, register)),
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

/// How flags are sorted.
#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[schema(as = FlagSort)]
pub(crate) enum FlagSortJson {
    /// By account.
    #[serde(rename = "account")]
    Account,
    /// The mildest first.
    #[serde(rename = "severity")]
    Severity,
    /// Those that block first.
    #[serde(rename = "-severity")]
    SeverityDescending,
    /// The least that was found first; what is no number last.
    #[serde(rename = "value")]
    Value,
    /// The most that was found first; what is no number last.
    #[serde(rename = "-value")]
    ValueDescending,
}

impl From<FlagSortJson> for FlagOrder {
    fn from(sort: FlagSortJson) -> Self {
        match sort {
            FlagSortJson::Account => Self::Account,
            FlagSortJson::Severity => Self::Severity,
            FlagSortJson::SeverityDescending => Self::SeverityDescending,
            FlagSortJson::Value => Self::Value,
            FlagSortJson::ValueDescending => Self::ValueDescending,
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
    /// Only this site.
    site_id: Option<SiteId>,
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
    /// Only where a number was found (an amount, a quantity, a read) that is not less.
    #[serde(rename = "value[gte]")]
    #[param(rename = "value[gte]", pattern = "^-?[0-9]+(\\.[0-9]+)?$")]
    value_gte: Option<String>,
    /// Only where a number was found that is not more.
    #[serde(rename = "value[lte]")]
    #[param(rename = "value[lte]", pattern = "^-?[0-9]+(\\.[0-9]+)?$")]
    value_lte: Option<String>,
    /// By account when absent; anything else needs a `run_id`.
    #[param(inline)]
    sort: Option<FlagSortJson>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List review flags
///
/// Those of your sites.
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
        sites: query.site_id.map(|site| vec![site]),
        account: query.account_id,
        code: query.code,
        severity: query.severity,
        disposition: query.disposition,
        commodity: query.commodity,
        schedule: query.rate_schedule_id,
        assignee: query.assignee,
        value_from: bound("value[gte]", query.value_gte.as_deref())?,
        value_to: bound("value[lte]", query.value_lte.as_deref())?,
    };
    let order = query.sort.map_or_else(FlagOrder::default, Into::into);
    let page = blocking(move || app.flags(&caller, filter, order, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, FlagJson::from)))
}

/// A number that bounds what was found.
fn bound(name: &'static str, text: Option<&str>) -> Result<Option<Decimal>, Problem> {
    let parsed = |text: &str| vocab::decimal::parse(text).and_then(vocab::decimal::stored);
    let wrong = || Problem::new(Code::MalformedParameter, format!("{name}: a decimal")).with("name", name);
    text.map(|text| parsed(text).ok_or_else(wrong)).transpose()
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
    /// Only this site.
    site_id: Option<SiteId>,
    code: Option<FlagCode>,
    severity: Option<Severity>,
    /// Only this service.
    commodity: Option<Commodity>,
    /// Only this rate.
    rate_schedule_id: Option<RateScheduleId>,
    /// Only what this person is to look at.
    assignee: Option<String>,
}

impl From<MatchingJson> for Matching {
    fn from(of: MatchingJson) -> Self {
        let filter = FlagFilter {
            sites: of.site_id.map(|site| vec![site]),
            code: of.code,
            severity: of.severity,
            commodity: of.commodity,
            schedule: of.rate_schedule_id,
            assignee: of.assignee,
            ..FlagFilter::default()
        };
        Self { run: of.run_id, filter }
    }
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
    decided: bool,
    /// Why not: `not_found` (there is no such flag, or it is not yours to see), or `no_register` (a reread was
    /// asked for, and there is nothing to read).
    #[schema(value_type = Option<String>)]
    code: Option<Code>,
    detail: Option<String>,
}

impl From<Reviewed> for ReviewedJson {
    fn from(of: Reviewed) -> Self {
        let decided = of.refused.is_none();
        let (code, detail) = of.refused.unzip();
        Self { flag_id: of.flag, decided, code, detail }
    }
}

/// Decide review flags
///
/// Release, hold, order a reread or assign; alone or many at once. Ordering a reread places an order for the
/// flag's register, or for its service point (`GET /v1/reread-orders`); a flag on what has no meter with dials
/// stays undecided, with the reason. A decision survives the next test only
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
        matching: body.matching.map(Into::into),
        disposition: body.disposition,
        assignee: body.assignee,
        reason: body.reason,
    };
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let items = review(tx, &caller, wanted)?;
            let items: Vec<ReviewedJson> = items.into_iter().map(Into::into).collect();
            let decided = items.iter().filter(|of| of.decided).count();
            Answer::ok(&ReviewedFlags { decided, items })
        })
    })
    .await?;
    Ok(respond(answer))
}
