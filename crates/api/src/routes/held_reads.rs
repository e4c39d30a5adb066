//! Reads, and days of interval data, that wait for a person.

use crate::body::{IdempotencyKeyHeader, Once};
use crate::extract::Params;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::routes::reads::ReadJson;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, post, web};
use app::Answer;
use app::held_reads::{Released, ReleasedDay, release_many};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use store::held_days::{HeldDay, HeldDayFilter};
use store::reads::{HeldFilter, HeldRead};
use time::Date;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{Code, ReadId, ReadingImportId, RegisterId, SiteId};

/// Its path must come before that of a single read.
pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_held_reads).service(release_reads).service(list_held_days).service(release_days);
}

/// A read that waits for a person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = HeldRead)]
pub(crate) struct HeldReadJson {
    site_id: SiteId,
    /// The utility's code of the service point.
    service_point: String,
    read: ReadJson,
    /// The rules that it broke.
    rules: Vec<String>,
}

impl From<HeldRead> for HeldReadJson {
    fn from(row: HeldRead) -> Self {
        let rules = row.read.reason.as_deref().unwrap_or_default().split(", ");
        Self {
            site_id: row.site,
            service_point: row.service_point,
            rules: rules.filter(|rule| !rule.is_empty()).map(str::to_owned).collect(),
            read: row.read.into(),
        }
    }
}

/// Which held reads to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HeldReadQuery {
    /// Only at this site.
    site_id: Option<SiteId>,
    /// Only of this import.
    import_id: Option<ReadingImportId>,
    /// Only those that broke this rule: `decreasing`.
    rule: Option<String>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List held reads
///
/// Those at your sites that wait to be released or rejected, by service point.
#[utoipa::path(tag = "reads", params(HeldReadQuery),
    responses((status = 200, body = Listed<HeldReadJson>)), extensions(("x-permission" = json!("reads.read"))))]
#[get("/v1/held-reads")]
pub(crate) async fn list_held_reads(
    may: May<need::ReadsRead>,
    state: web::Data<State>,
    query: Params<HeldReadQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let filter = HeldFilter {
        sites: query.site_id.map(|site| vec![site]),
        import: query.import_id.map(|import| import.0),
        rule: query.rule,
    };
    let page = blocking(move || app.held_reads(&caller, filter, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, HeldReadJson::from)))
}

/// Which reads to release.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "read_ids": ["read_04z7t9"] }))]
pub(crate) struct ReleaseReads {
    #[schema(min_items = 1, max_items = 1000)]
    read_ids: Vec<ReadId>,
}

/// What became of each read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ReleasedReads {
    /// How many were released.
    released: usize,
    items: Vec<ReleasedReadJson>,
}

/// What became of one read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReleasedRead)]
pub(crate) struct ReleasedReadJson {
    read_id: ReadId,
    released: bool,
    /// Why not: `not_found`, `wrong_state`, `read_billed` or `rebill_proposed`.
    #[schema(value_type = Option<String>)]
    code: Option<Code>,
    detail: Option<String>,
}

impl From<Released> for ReleasedReadJson {
    fn from(of: Released) -> Self {
        let released = of.refused.is_none();
        let (code, detail) = of.refused.unzip();
        Self { read_id: of.read, released, code, detail }
    }
}

/// Release held reads
///
/// Many at once: each becomes valid and replaces the valid read of the same register and day. Those that cannot be
/// released are named with the reason; the others are released.
#[utoipa::path(tag = "reads", params(IdempotencyKeyHeader), request_body = ReleaseReads,
    responses((status = 200, body = ReleasedReads)), extensions(("x-permission" = json!("reads.write"))))]
#[post("/v1/reads/release")]
pub(crate) async fn release_reads(
    may: May<need::ReadsWrite>,
    state: web::Data<State>,
    once: Once<ReleaseReads>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let items = release_many(tx, &caller, once.body.read_ids)?;
            let items: Vec<ReleasedReadJson> = items.into_iter().map(Into::into).collect();
            let released = items.iter().filter(|of| of.released).count();
            Answer::ok(&ReleasedReads { released, items })
        })
    })
    .await?;
    Ok(respond(answer))
}

/// A day of interval data that waits for a person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = HeldIntervalDay)]
pub(crate) struct HeldDayJson {
    site_id: SiteId,
    /// The utility's code of the service point.
    service_point: String,
    register_id: RegisterId,
    #[serde(with = "civil")]
    day: Date,
    /// Minutes of an interval.
    minutes: i16,
    /// Intervals without a value.
    missing: i16,
    /// Sum of its values.
    total: Decimal,
    /// The highest of them.
    highest: Option<Decimal>,
    import_id: Option<ReadingImportId>,
    /// The rules that it broke, where they were kept.
    rules: Vec<String>,
}

impl From<HeldDay> for HeldDayJson {
    fn from(row: HeldDay) -> Self {
        let sum = row.sum;
        Self {
            site_id: row.site,
            service_point: row.service_point,
            register_id: RegisterId::new(sum.service_point_id, sum.register_id),
            day: sum.day,
            minutes: sum.minutes,
            missing: sum.missing,
            total: sum.total.normalize(),
            highest: sum.highest.map(|highest| highest.normalize()),
            import_id: row.import.map(ReadingImportId),
            rules: sum.rules.iter().flat_map(|rules| rules.split(", ")).map(str::to_owned).collect(),
        }
    }
}

/// Which held days to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HeldDayQuery {
    /// Only at this site.
    site_id: Option<SiteId>,
    /// Only of this import.
    import_id: Option<ReadingImportId>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List held days of interval data
///
/// Those at your sites that are not billed until somebody releases them, by service point, register and day.
#[utoipa::path(tag = "reads", params(HeldDayQuery),
    responses((status = 200, body = Listed<HeldDayJson>)), extensions(("x-permission" = json!("reads.read"))))]
#[get("/v1/held-interval-days")]
pub(crate) async fn list_held_days(
    may: May<need::ReadsRead>,
    state: web::Data<State>,
    query: Params<HeldDayQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let filter = HeldDayFilter {
        sites: query.site_id.map(|site| vec![site]),
        import: query.import_id.map(|import| import.0),
    };
    let page = blocking(move || app.held_days(&caller, filter, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, HeldDayJson::from)))
}

/// Which days to release.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "days": [{ "register_id": "reg_04z7t9", "day": "2026-01-31" }] }))]
pub(crate) struct ReleaseIntervalDays {
    #[schema(min_items = 1, max_items = 1000)]
    days: Vec<RegisterDay>,
}

/// A day of a register.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterDay {
    register_id: RegisterId,
    #[serde(with = "civil")]
    day: Date,
}

/// What became of each day.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ReleasedIntervalDays {
    /// How many were released.
    released: usize,
    items: Vec<ReleasedDayJson>,
}

/// What became of one day.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReleasedIntervalDay)]
pub(crate) struct ReleasedDayJson {
    register_id: RegisterId,
    #[serde(with = "civil")]
    day: Date,
    released: bool,
    /// Why not: `not_found` or `wrong_state`.
    #[schema(value_type = Option<String>)]
    code: Option<Code>,
    detail: Option<String>,
}

impl From<ReleasedDay> for ReleasedDayJson {
    fn from(of: ReleasedDay) -> Self {
        let released = of.refused.is_none();
        let (code, detail) = of.refused.unzip();
        Self { register_id: of.register, day: of.day, released, code, detail }
    }
}

/// Release held days of interval data
///
/// Many at once: they are billed from now on. Those that cannot be released are named with the reason; the others
/// are released.
#[utoipa::path(tag = "reads", params(IdempotencyKeyHeader), request_body = ReleaseIntervalDays,
    responses((status = 200, body = ReleasedIntervalDays)), extensions(("x-permission" = json!("reads.write"))))]
#[post("/v1/held-interval-days/release")]
pub(crate) async fn release_days(
    may: May<need::ReadsWrite>,
    state: web::Data<State>,
    once: Once<ReleaseIntervalDays>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let wanted = once.body.days.into_iter().map(|of| (of.register_id, of.day)).collect();
            let items = app::held_reads::release_days(tx, &caller, wanted)?;
            let items: Vec<ReleasedDayJson> = items.into_iter().map(Into::into).collect();
            let released = items.iter().filter(|of| of.released).count();
            Answer::ok(&ReleasedIntervalDays { released, items })
        })
    })
    .await?;
    Ok(respond(answer))
}
