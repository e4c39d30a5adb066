//! Single reads.

use crate::body::{IdempotencyKeyHeader, Once, OnceOnly};
use crate::extract::{At, Params};
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, post, web};
use app::Answer;
use app::reads::{EnteredRead, NewManualRead};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use store::reads::{ReadFilter, StoredRead};
use time::{Date, OffsetDateTime};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{
    Code, Problem, ReadId, ReadQuality, ReadStatus, ReadingImportId, RebillProposalId, RegisterId,
    ServicePointId,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_reads)
        .service(enter_read)
        .service(read_one_read)
        .service(reject_read)
        .service(release_read);
}

/// A register's value on a day.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Read)]
pub(crate) struct ReadJson {
    id: ReadId,
    service_point_id: ServicePointId,
    register_id: RegisterId,
    #[serde(with = "time::serde::rfc3339")]
    read_at: OffsetDateTime,
    /// The day that it closes.
    #[serde(with = "civil")]
    read_on: Date,
    /// As shown on the dials, or the consumption itself for a consumptive register.
    value: Decimal,
    quality: ReadQuality,
    /// Only valid reads are billed.
    status: ReadStatus,
    /// Who or what brought it: `manual`, `import`, `installation`, `removal`, `estimate`.
    source: String,
    import_id: Option<ReadingImportId>,
    /// Why it is held or rejected; of a valid read the warnings that it came with, `released: …` once a person
    /// released it.
    reason: Option<String>,
}

impl From<StoredRead> for ReadJson {
    fn from(row: StoredRead) -> Self {
        Self {
            id: row.read_id(),
            service_point_id: row.service_point_id,
            register_id: RegisterId::new(row.service_point_id, row.register_id),
            read_at: row.read_at,
            read_on: row.read_on,
            value: row.value.normalize(),
            quality: row.quality,
            status: row.status,
            source: row.source,
            import_id: row.import_id.map(ReadingImportId),
            reason: row.reason,
        }
    }
}

/// A rule that a read broke.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ReadFinding {
    /// The rule's code: `decreasing`, `high_usage`.
    rule: String,
    /// The value at fault.
    value: Option<Decimal>,
    /// What it was compared with.
    compared_with: Option<Decimal>,
}

/// What became of an entered read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = EnteredRead)]
pub(crate) struct EnteredReadJson {
    /// As it was stored: `valid`, or `held` until someone releases or rejects it.
    read: ReadJson,
    /// The rules that it broke.
    findings: Vec<ReadFinding>,
    /// Whether it replaced a valid read of its day.
    supersedes: bool,
    /// What it proposes to bill again: it is for a billed day, or lies below an estimate that was billed.
    rebill_proposal_id: Option<RebillProposalId>,
}

impl From<EnteredRead> for EnteredReadJson {
    fn from(entered: EnteredRead) -> Self {
        let findings = entered.findings.iter().map(|finding| ReadFinding {
            rule: finding.rule.as_str().to_owned(),
            value: finding.value,
            compared_with: finding.compared_with,
        });
        Self {
            findings: findings.collect(),
            supersedes: entered.supersedes,
            rebill_proposal_id: entered.proposal,
            read: entered.read.into(),
        }
    }
}

/// Which reads to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReadQuery {
    /// Only this register's.
    register_id: Option<RegisterId>,
    /// Not before this day.
    #[serde(default, rename = "read_on[gte]", with = "civil::option")]
    #[param(rename = "read_on[gte]")]
    read_on_gte: Option<Date>,
    /// Not after this day.
    #[serde(default, rename = "read_on[lte]", with = "civil::option")]
    #[param(rename = "read_on[lte]")]
    read_on_lte: Option<Date>,
    /// Only of this status.
    status: Option<ReadStatus>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List a service point's reads
///
/// Newest day first, of every status unless one is named.
#[utoipa::path(tag = "reads", params(("id" = ServicePointId, Path, description = "Service point"), ReadQuery),
    responses((status = 200, body = Listed<ReadJson>)), extensions(("x-permission" = json!("reads.read"))))]
#[get("/v1/service-points/{id}/reads")]
pub(crate) async fn list_reads(
    may: May<need::ReadsRead>,
    state: web::Data<State>,
    id: At<ServicePointId>,
    query: Params<ReadQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    if query.register_id.is_some_and(|register| register.owner != id.0) {
        let detail = "register_id: not a register of this service point";
        return Err(Problem::new(Code::MalformedParameter, detail).with("name", "register_id").into());
    }
    let filter = ReadFilter {
        register: query.register_id.map(|register| register.n),
        from: query.read_on_gte,
        to: query.read_on_lte,
        status: query.status,
    };
    let page = blocking(move || app.reads(&caller, id.0, &filter, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, ReadJson::from)))
}

/// A read to enter.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRead, example = json!({
    "register_id": "reg_04z7t9", "read_on": "2026-01-31", "value": "1150", "quality": "actual"
}))]
pub(crate) struct NewReadJson {
    register_id: RegisterId,
    /// The number on the meter that was read, to be compared with the one installed.
    serial: Option<String>,
    /// The day that it closes; today when absent.
    #[serde(default, with = "civil::option")]
    read_on: Option<Date>,
    value: Decimal,
    /// `actual` when read off the meter, `customer` when told by the customer.
    quality: ReadQuality,
    /// A trouble code that came with the read.
    #[schema(min_length = 1, max_length = 40)]
    trouble_code: Option<String>,
}

/// Enter a read
///
/// Validated by the rules of an import: a read that breaks a hard rule is refused with the rule's
/// code, a doubtful one is held. A valid read replaces the valid one of the same register and day. One for a
/// billed day is held and proposes to bill it again.
#[utoipa::path(tag = "reads", params(IdempotencyKeyHeader), request_body = NewReadJson,
    responses((status = 201, body = EnteredReadJson)), extensions(("x-permission" = json!("reads.write"))))]
#[post("/v1/reads")]
pub(crate) async fn enter_read(
    may: May<need::ReadsWrite>,
    state: web::Data<State>,
    once: Once<NewReadJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let new = NewManualRead {
                register: once.body.register_id,
                serial: once.body.serial,
                read_on: once.body.read_on,
                value: once.body.value,
                quality: once.body.quality,
                trouble: once.body.trouble_code,
            };
            Answer::created(&EnteredReadJson::from(app::reads::enter(tx, &caller, &new)?))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Read a read
#[utoipa::path(tag = "reads", params(("id" = ReadId, Path, description = "Read")),
    responses((status = 200, body = ReadJson)), extensions(("x-permission" = json!("reads.read"))))]
#[get("/v1/reads/{id}")]
pub(crate) async fn read_one_read(
    may: May<need::ReadsRead>,
    state: web::Data<State>,
    id: At<ReadId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let found = blocking(move || app.read(&caller, id.0)).await?;
    Ok(HttpResponse::Ok().json(ReadJson::from(found)))
}

/// Why a read is not to be used.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The reader took the neighbour's meter." }))]
pub(crate) struct RejectBody {
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Reject a read
///
/// It is not used any more, and what it proposes to bill again is withdrawn. A valid read on a billed day cannot
/// be rejected: correct the bill instead.
#[utoipa::path(tag = "reads", params(("id" = ReadId, Path, description = "Read"), IdempotencyKeyHeader),
    request_body = RejectBody, responses((status = 200, body = ReadJson)),
    extensions(("x-permission" = json!("reads.write"))))]
#[post("/v1/reads/{id}/reject")]
pub(crate) async fn reject_read(
    may: May<need::ReadsWrite>,
    state: web::Data<State>,
    id: At<ReadId>,
    once: Once<RejectBody>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            Answer::ok(&ReadJson::from(app::reads::reject(tx, &caller, id.0, once.body.reason)?))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Release a held read
///
/// It becomes valid and replaces the valid read of the same register and day. One that waits in a proposal to
/// bill again is refused, `rebill_proposed` names the proposal.
#[utoipa::path(tag = "reads", params(("id" = ReadId, Path, description = "Read"), IdempotencyKeyHeader),
    responses((status = 200, body = ReadJson)), extensions(("x-permission" = json!("reads.write"))))]
#[post("/v1/reads/{id}/release")]
pub(crate) async fn release_read(
    may: May<need::ReadsWrite>,
    state: web::Data<State>,
    id: At<ReadId>,
    once: OnceOnly,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.0, |tx| Answer::ok(&ReadJson::from(app::reads::release(tx, &caller, id.0)?)))
    })
    .await?;
    Ok(respond(answer))
}
