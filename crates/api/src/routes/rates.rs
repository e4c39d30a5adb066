//! Rate schedules, their versions, and what they charge.

use crate::body::{Body, IdempotencyKeyHeader, Once};
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::At;
use crate::money::MoneyJson;
use crate::page::Listed;
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::routes::contract_types::allowed;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, patch, post, web};
use app::Answer;
use app::rates::{PriceRequest, Priced, PricedLine, QuantityGiven, TariffForm};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::rates::{RateSchedule, RateVersion};
use time::{Date, OffsetDateTime};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{Commodity, Currency, Frequency, Language, RateScheduleId, RateVersionId, Unit};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(define_rate_schedule)
        .service(list_rate_schedules)
        .service(read_rate_schedule)
        .service(rename_rate_schedule)
        .service(add_rate_version)
        .service(list_rate_versions)
        .service(read_rate_version)
        .service(price_rate_schedule);
}

/// A tariff.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RateSchedule)]
pub(crate) struct RateScheduleJson {
    id: RateScheduleId,
    code: String,
    /// Its name on the bill.
    name: String,
    commodity: Commodity,
    /// How often its per-period amounts are meant to be charged.
    frequency: Frequency,
    /// Whether missing reads may be estimated; the contract type must allow it too.
    estimation: bool,
}

impl RateScheduleJson {
    fn of(row: RateSchedule) -> Result<Self, app::Error> {
        let frequency = app::rates::frequency(&row)?;
        Ok(Self {
            id: row.id,
            code: row.code,
            name: row.name,
            commodity: row.commodity,
            frequency,
            estimation: row.estimation,
        })
    }
}

/// A tariff to define.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRateSchedule, example = json!({
    "code": "E-1", "name": "Residential electricity", "commodity": "electricity", "frequency": "monthly"
}))]
pub(crate) struct NewRateScheduleJson {
    #[schema(pattern = "^[A-Za-z0-9._-]{1,40}$")]
    code: String,
    /// Its name on the bill.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    commodity: Commodity,
    /// How often its per-period amounts are meant to be charged.
    frequency: Frequency,
    /// Whether missing reads may be estimated; the contract type must allow it too.
    #[serde(default = "allowed")]
    #[schema(default = true)]
    estimation: bool,
}

/// Define a rate schedule
///
/// Without versions as yet; it prices nothing before its first version.
#[utoipa::path(tag = "rates", params(IdempotencyKeyHeader), request_body = NewRateScheduleJson,
    responses((status = 201, body = RateScheduleJson)), extensions(("x-permission" = json!("rates.write"))))]
#[post("/v1/rate-schedules")]
pub(crate) async fn define_rate_schedule(
    may: May<need::RatesWrite>,
    state: web::Data<State>,
    once: Once<NewRateScheduleJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let new = once.body;
            let row = app::rates::define_schedule(
                tx,
                &caller,
                new.code,
                new.name,
                new.commodity,
                new.frequency,
                new.estimation,
            )?;
            Answer::created(&RateScheduleJson::of(row)?)
        })
    })
    .await?;
    Ok(respond(answer))
}

/// List rate schedules
///
/// All of them, by code.
#[utoipa::path(tag = "rates", responses((status = 200, body = Listed<RateScheduleJson>)),
    extensions(("x-permission" = json!("rates.read"))))]
#[get("/v1/rate-schedules")]
pub(crate) async fn list_rate_schedules(
    _may: May<need::RatesRead>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let rows = blocking(move || app.rate_schedules()).await?;
    let items = rows.into_iter().map(RateScheduleJson::of).collect::<Result<Vec<_>, _>>()?;
    Ok(HttpResponse::Ok().json(Listed { items, next: None }))
}

/// Read a rate schedule
#[utoipa::path(tag = "rates", params(("id" = RateScheduleId, Path, description = "Rate schedule")),
    responses((status = 200, body = RateScheduleJson,
        headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("rates.read"))))]
#[get("/v1/rate-schedules/{id}")]
pub(crate) async fn read_rate_schedule(
    _may: May<need::RatesRead>,
    state: web::Data<State>,
    id: At<RateScheduleId>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let row = blocking(move || app.rate_schedule(id.0)).await?;
    Ok(tagged(row.version, &RateScheduleJson::of(row)?))
}

/// Changes of a rate schedule: what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Residential electricity", "estimation": false }))]
pub(crate) struct RateSchedulePatch {
    /// Its name on the bill.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// Whether missing reads may be estimated; the contract type must allow it too.
    estimation: Option<bool>,
}

/// Change a rate schedule
///
/// Its name, and whether it allows estimates. Commodity and frequency stay for ever: its versions and contracts rest on them.
#[utoipa::path(tag = "rates", params(("id" = RateScheduleId, Path, description = "Rate schedule"), IfMatchHeader),
    request_body = RateSchedulePatch,
    responses((status = 200, body = RateScheduleJson,
        headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("rates.write"))))]
#[patch("/v1/rate-schedules/{id}")]
pub(crate) async fn rename_rate_schedule(
    may: May<need::RatesWrite>,
    state: web::Data<State>,
    id: At<RateScheduleId>,
    version: IfMatch,
    body: Body<RateSchedulePatch>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let patch = body.0;
    let row =
        blocking(move || app.change_rate_schedule(&caller, id.0, version.0, patch.name, patch.estimation))
            .await?;
    Ok(tagged(row.version, &RateScheduleJson::of(row)?))
}

/// A dated version of a tariff: immutable.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RateVersion)]
pub(crate) struct RateVersionJson {
    id: RateVersionId,
    rate_schedule_id: RateScheduleId,
    /// First day in force; it holds until the next version.
    #[serde(with = "civil")]
    effective_on: Date,
    /// As it was sent.
    #[schema(value_type = TariffForm)]
    tariff: serde_json::Value,
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<RateVersion> for RateVersionJson {
    fn from(row: RateVersion) -> Self {
        Self {
            id: row.id,
            rate_schedule_id: row.schedule_id,
            effective_on: row.effective_on,
            tariff: row.tariff,
            created_by: row.created_by,
            created_at: row.created_at,
        }
    }
}

/// A tariff as it came: its form is checked with its rules, so that every fault has its pointer.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct TariffSent(serde_json::Value);

/// Add a version to a rate schedule
///
/// Versions are never changed. The tariff's form has a page with an example of each kind of rule:
/// `docs/tariffs.md`. A tariff that cannot be priced is refused with `rate_invalid`; `errors` points to
/// each fault. A second version for the same day is a conflict.
#[utoipa::path(tag = "rates",
    params(("id" = RateScheduleId, Path, description = "Rate schedule"), IdempotencyKeyHeader),
    request_body(content = TariffForm, example = json!({ "effective_on": "2026-01-01", "rules": [
        { "id": "customer", "label": { "en": "Customer charge" }, "charge": { "kind": "flat", "amount": "12.00" } },
        { "id": "energy", "label": { "en": "Energy, {quantity} kWh", "es": "Energía, {quantity} kWh" },
          "charge": { "kind": "tiered", "quantity": { "unit": "kwh" },
                      "tiers": [{ "up_to": "100", "price": "0.10" }, { "price": "0.15" }] } },
        { "id": "tax", "label": { "en": "Tax" },
          "charge": { "kind": "tax", "tax": "state", "percent": "6", "of": "all" } }
    ] })),
    responses((status = 201, body = RateVersionJson)),
    extensions(("x-permission" = json!("rates.write"))))]
#[post("/v1/rate-schedules/{id}/versions")]
pub(crate) async fn add_rate_version(
    may: May<need::RatesWrite>,
    state: web::Data<State>,
    id: At<RateScheduleId>,
    once: Once<TariffSent>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let row = app::rates::add_version(tx, &caller, id.0, once.body.0)?;
            Answer::created(&RateVersionJson::from(row))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// List the versions of a rate schedule
///
/// All of them, by first day in force.
#[utoipa::path(tag = "rates", params(("id" = RateScheduleId, Path, description = "Rate schedule")),
    responses((status = 200, body = Listed<RateVersionJson>)), extensions(("x-permission" = json!("rates.read"))))]
#[get("/v1/rate-schedules/{id}/versions")]
pub(crate) async fn list_rate_versions(
    _may: May<need::RatesRead>,
    state: web::Data<State>,
    id: At<RateScheduleId>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let rows = blocking(move || app.rate_versions(id.0)).await?;
    Ok(HttpResponse::Ok().json(Listed::whole(rows, RateVersionJson::from)))
}

/// Read a version of a rate schedule
#[utoipa::path(tag = "rates",
    params(("id" = RateScheduleId, Path, description = "Rate schedule"),
        ("version_id" = RateVersionId, Path, description = "Version")),
    responses((status = 200, body = RateVersionJson)), extensions(("x-permission" = json!("rates.read"))))]
#[get("/v1/rate-schedules/{id}/versions/{version_id}")]
pub(crate) async fn read_rate_version(
    _may: May<need::RatesRead>,
    state: web::Data<State>,
    ids: At<(RateScheduleId, RateVersionId)>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let (schedule, id) = ids.0;
    let row = blocking(move || app.rate_version(schedule, id)).await?;
    Ok(HttpResponse::Ok().json(RateVersionJson::from(row)))
}

/// What to price.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PriceRequest, example = json!({
    "first_on": "2026-01-17", "last_on": "2026-01-31", "is_first": true,
    "quantities": [{ "unit": "kwh", "value": "150" }], "language": "en"
}))]
pub(crate) struct PriceRequestJson {
    /// A tariff that nobody has saved, instead of the schedule's versions, in force on every day; checked like
    /// a version, whose `effective_on` it may lack.
    #[schema(value_type = Option<TariffForm>)]
    tariff: Option<serde_json::Value>,
    /// First charged day.
    #[serde(with = "civil")]
    first_on: Date,
    /// Last charged day.
    #[serde(with = "civil")]
    last_on: Date,
    /// Whether it would be the contract's first segment.
    #[serde(default)]
    is_first: bool,
    /// Whether it would be the contract's final segment.
    #[serde(default)]
    is_final: bool,
    /// What was used.
    #[serde(default)]
    #[schema(max_items = 100)]
    quantities: Vec<QuantityJson>,
    /// Items counted: name and count, a decimal in a string.
    #[serde(default)]
    items: BTreeMap<String, String>,
    /// What look-ups and factors select by.
    #[serde(default)]
    characteristics: BTreeMap<String, String>,
    /// Language of the sentences; the utility's first when absent.
    language: Option<Language>,
}

/// A quantity to price.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = QuantityToPrice)]
pub(crate) struct QuantityJson {
    unit: Unit,
    /// Time-of-use bucket.
    bucket: Option<String>,
    /// Name of a quantity worked out elsewhere.
    name: Option<String>,
    /// `usage` when absent.
    #[schema(pattern = "^(usage|peak|level|daily_peaks)$")]
    kind: Option<String>,
    /// A decimal.
    #[schema(pattern = "^-?[0-9]+(\\.[0-9]+)?$")]
    value: String,
}

/// What it comes to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Priced)]
pub(crate) struct PricedJson {
    /// The sum of the lines, exactly.
    total: MoneyJson,
    lines: Vec<PricedLineJson>,
}

/// One row of the arithmetic.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PricedLine)]
pub(crate) struct PricedLineJson {
    /// The rule that made it.
    rule: String,
    /// Absent for a tariff that is not saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_version_id: Option<RateVersionId>,
    /// `flat`, `unit`, `tier`, `volume`, `item`, `package`, `percentage`, `tax`, `minimum`, `maximum`,
    /// `discount`, `discount_percent`, `formula`, `summary`, `bank`, `credit` or `payout`.
    kind: String,
    #[serde(with = "civil")]
    first_on: Date,
    #[serde(with = "civil")]
    last_on: Date,
    /// What the bill says.
    sentence: String,
    quantity: Option<PricedQuantityJson>,
    /// Number of the tier, from 1.
    tier: Option<u32>,
    /// Per unit, per period, or a percentage: a decimal.
    price: String,
    /// The exact factor that the price was multiplied by.
    #[schema(example = "15/30")]
    proration: String,
    /// In major units, before rounding: a decimal.
    unrounded: String,
    amount: MoneyJson,
    /// Code of the revenue account, when the rule names one.
    gl_account: Option<String>,
    /// Grouping tag.
    service: Option<String>,
}

/// The priced quantity of a line.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PricedQuantity)]
pub(crate) struct PricedQuantityJson {
    /// A decimal.
    value: String,
    /// Absent for items.
    unit: Option<Unit>,
    bucket: Option<String>,
    name: Option<String>,
}

impl PricedJson {
    fn of(currency: Currency, priced: Priced) -> Self {
        let line = |line: PricedLine| PricedLineJson {
            rule: line.rule,
            rate_version_id: line.version,
            kind: line.kind,
            first_on: line.first_on,
            last_on: line.last_on,
            sentence: line.sentence,
            quantity: line.quantity.map(|quantity| PricedQuantityJson {
                value: quantity.value.normalize().to_string(),
                unit: quantity.unit,
                bucket: quantity.bucket,
                name: quantity.name,
            }),
            tier: line.tier,
            price: line.price.normalize().to_string(),
            proration: line.proration,
            unrounded: line.unrounded.normalize().to_string(),
            amount: MoneyJson::of(currency, line.amount),
            gl_account: line.gl_account,
            service: line.service,
        };
        Self {
            total: MoneyJson::of(currency, priced.total),
            lines: priced.lines.into_iter().map(line).collect(),
        }
    }
}

/// Price quantities under a rate schedule
///
/// The same arithmetic as on a bill, line by line, with the sentences a customer would read. Nothing is stored.
#[utoipa::path(tag = "rates", params(("id" = RateScheduleId, Path, description = "Rate schedule")),
    request_body = PriceRequestJson, responses((status = 200, body = PricedJson)),
    extensions(("x-permission" = json!("rates.read"))))]
#[post("/v1/rate-schedules/{id}/price")]
pub(crate) async fn price_rate_schedule(
    _may: May<need::RatesRead>,
    state: web::Data<State>,
    id: At<RateScheduleId>,
    body: Body<PriceRequestJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, body) = (state.app.clone(), body.0);
    let quantities = body.quantities.into_iter().map(|given| QuantityGiven {
        unit: given.unit,
        bucket: given.bucket,
        name: given.name,
        kind: given.kind,
        value: given.value,
    });
    let quantities = quantities.collect();
    let priced = blocking(move || {
        let utility = app.utility()?;
        let first = || utility.languages.first().cloned().unwrap_or_else(Language::english);
        let request = PriceRequest {
            tariff: body.tariff,
            first_on: body.first_on,
            last_on: body.last_on,
            is_first: body.is_first,
            is_final: body.is_final,
            quantities,
            items: body.items,
            characteristics: body.characteristics,
            language: body.language.unwrap_or_else(first),
        };
        Ok(PricedJson::of(utility.currency, app.price(id.0, &request)?))
    })
    .await?;
    Ok(HttpResponse::Ok().json(priced))
}
