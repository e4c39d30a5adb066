//! Contract types.

use crate::body::{Body, IdempotencyKeyHeader, Once};
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::At;
use crate::money::MoneyJson;
use crate::page::Listed;
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::routes::persons::present;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, patch, post, web};
use app::Answer;
use app::contract_types::{ContractTypeChanges, NewContractType};
use serde::{Deserialize, Serialize};
use store::contract_types::ContractType;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{Commodity, ContractTypeId, Currency, EndDateMethod, GlAccountId, SegmentMethod};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(define_contract_type)
        .service(list_contract_types)
        .service(read_contract_type)
        .service(change_contract_type);
}

/// How contracts of a kind bill.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ContractType)]
pub(crate) struct ContractTypeJson {
    id: ContractTypeId,
    code: String,
    name: String,
    commodity: Commodity,
    method: SegmentMethod,
    /// How the last day of a segment is found.
    end_date: EndDateMethod,
    /// Billing sequence: lower first.
    sequence: i32,
    /// A shorter segment that is not final is deferred.
    minimum_days: i16,
    /// A higher segment is flagged.
    maximum: Option<MoneyJson>,
    /// Whether missing reads may be estimated; the rate must allow it too.
    estimation: bool,
    /// What segments debit.
    receivable_gl_account_id: GlAccountId,
    /// What segments credit, unless a rule or charge names another.
    revenue_gl_account_id: GlAccountId,
}

impl ContractTypeJson {
    fn of(currency: Currency, row: ContractType) -> Self {
        Self {
            id: row.id,
            code: row.code,
            name: row.name,
            commodity: row.commodity,
            method: row.method,
            end_date: row.end_date,
            sequence: row.sequence,
            minimum_days: row.minimum_days,
            maximum: row.maximum_minor.map(|maximum| MoneyJson::of(currency, maximum)),
            estimation: row.estimation,
            receivable_gl_account_id: row.receivable_gl_id,
            revenue_gl_account_id: row.revenue_gl_id,
        }
    }
}

/// A contract type to define.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewContractType)]
pub(crate) struct NewContractTypeJson {
    #[schema(pattern = "^[A-Za-z0-9._-]{1,40}$", example = "electric")]
    code: String,
    #[schema(min_length = 1, max_length = 200, example = "Electricity, metered")]
    name: String,
    commodity: Commodity,
    method: SegmentMethod,
    /// `meter_read` for metered contracts only; `anniversary` and `as_of_date` for those without a meter.
    end_date: EndDateMethod,
    /// Billing sequence: lower first.
    #[serde(default)]
    #[schema(default = 0)]
    sequence: i32,
    /// A shorter segment that is not final is deferred.
    #[serde(default)]
    #[schema(default = 0, minimum = 0, maximum = 60)]
    minimum_days: i16,
    /// A higher segment is flagged.
    maximum: Option<MoneyJson>,
    /// Whether missing reads may be estimated; the rate must allow it too.
    #[serde(default = "allowed")]
    #[schema(default = true)]
    estimation: bool,
    /// What segments debit.
    receivable_gl_account_id: GlAccountId,
    /// What segments credit, unless a rule or charge names another.
    revenue_gl_account_id: GlAccountId,
}

pub(crate) const fn allowed() -> bool {
    true
}

/// Define a contract type
#[utoipa::path(tag = "contract types", params(IdempotencyKeyHeader), request_body = NewContractTypeJson,
    responses((status = 201, body = ContractTypeJson)),
    extensions(("x-permission" = json!("contract_types.write"))))]
#[post("/v1/contract-types")]
pub(crate) async fn define_contract_type(
    may: May<need::ContractTypesWrite>,
    state: web::Data<State>,
    once: Once<NewContractTypeJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        app.once(&caller, &once.key, |tx| {
            let body = once.body;
            let new = NewContractType {
                code: body.code,
                name: body.name,
                commodity: body.commodity,
                method: body.method,
                end_date: body.end_date,
                sequence: body.sequence,
                minimum_days: body.minimum_days,
                maximum: body.maximum.map(|maximum| maximum.parse(currency, "/maximum")).transpose()?,
                estimation: body.estimation,
                receivable_gl: body.receivable_gl_account_id,
                revenue_gl: body.revenue_gl_account_id,
            };
            let row = app::contract_types::define(tx, &caller, new)?;
            Answer::created(&ContractTypeJson::of(currency, row))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// List contract types
///
/// All of them, in billing sequence.
#[utoipa::path(tag = "contract types", responses((status = 200, body = Listed<ContractTypeJson>)),
    extensions(("x-permission" = json!("contract_types.read"))))]
#[get("/v1/contract-types")]
pub(crate) async fn list_contract_types(
    _may: May<need::ContractTypesRead>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let (currency, rows) = blocking(move || Ok((app.utility()?.currency, app.contract_types()?))).await?;
    Ok(HttpResponse::Ok().json(Listed::whole(rows, |row| ContractTypeJson::of(currency, row))))
}

/// Read a contract type
#[utoipa::path(tag = "contract types", params(("id" = ContractTypeId, Path, description = "Contract type")),
    responses((status = 200, body = ContractTypeJson,
        headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("contract_types.read"))))]
#[get("/v1/contract-types/{id}")]
pub(crate) async fn read_contract_type(
    _may: May<need::ContractTypesRead>,
    state: web::Data<State>,
    id: At<ContractTypeId>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let (currency, row) = blocking(move || Ok((app.utility()?.currency, app.contract_type(id.0)?))).await?;
    Ok(tagged(row.version, &ContractTypeJson::of(currency, row)))
}

/// Changes of a contract type: what is absent stays. Code, commodity and method stay for ever.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "minimum_days": 5, "maximum": { "amount": "2500.00", "currency": "USD" } }))]
pub(crate) struct ContractTypePatch {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    end_date: Option<EndDateMethod>,
    sequence: Option<i32>,
    #[schema(minimum = 0, maximum = 60)]
    minimum_days: Option<i16>,
    /// A higher segment is flagged; `null` takes the limit away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<MoneyJson>)]
    maximum: Option<Option<MoneyJson>>,
    /// Whether missing reads may be estimated; the rate must allow it too.
    estimation: Option<bool>,
    receivable_gl_account_id: Option<GlAccountId>,
    revenue_gl_account_id: Option<GlAccountId>,
}

/// Change a contract type
///
/// The next test of every open run bills by the change.
#[utoipa::path(tag = "contract types",
    params(("id" = ContractTypeId, Path, description = "Contract type"), IfMatchHeader),
    request_body = ContractTypePatch,
    responses((status = 200, body = ContractTypeJson,
        headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("contract_types.write"))))]
#[patch("/v1/contract-types/{id}")]
pub(crate) async fn change_contract_type(
    may: May<need::ContractTypesWrite>,
    state: web::Data<State>,
    id: At<ContractTypeId>,
    version: IfMatch,
    body: Body<ContractTypePatch>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, patch) = (state.app.clone(), may.caller(), body.0);
    let (currency, row) = blocking(move || {
        let currency = app.utility()?.currency;
        let maximum = match patch.maximum {
            Some(Some(maximum)) => Some(Some(maximum.parse(currency, "/maximum")?)),
            Some(None) => Some(None),
            None => None,
        };
        let changes = ContractTypeChanges {
            name: patch.name,
            end_date: patch.end_date,
            sequence: patch.sequence,
            minimum_days: patch.minimum_days,
            maximum,
            estimation: patch.estimation,
            receivable_gl: patch.receivable_gl_account_id,
            revenue_gl: patch.revenue_gl_account_id,
        };
        Ok((currency, app.change_contract_type(&caller, id.0, version.0, changes)?))
    })
    .await?;
    Ok(tagged(row.version, &ContractTypeJson::of(currency, row)))
}
