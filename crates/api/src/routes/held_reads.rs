//! Reads that wait for a person.

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
use app::held_reads::{Released, release_many};
use serde::{Deserialize, Serialize};
use store::reads::{HeldFilter, HeldRead};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{Code, ReadId, ReadingImportId, SiteId};

/// Its path must come before that of a single read.
pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_held_reads).service(release_reads);
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
    /// Why not: `not_found`, `wrong_state` or `read_billed`.
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
