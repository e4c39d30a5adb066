//! Billable charges.

use crate::body::{IdempotencyKeyHeader, Once};
use crate::extract::{At, Params};
use crate::money::MoneyJson;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::{State, blocking};
use actix_web::{HttpResponse, delete, get, post, web};
use app::Answer;
use app::charges::NewCharge;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::charges::{Charge, ChargeFilter};
use time::{Date, OffsetDateTime};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{AccountId, ChargeId, ContractId, Currency, GlAccountId, Language, SegmentId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(enter_charge).service(list_charges).service(read_charge).service(cancel_charge);
}

/// A one-time or passed-through charge.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Charge)]
pub(crate) struct ChargeJson {
    id: ChargeId,
    contract_id: ContractId,
    /// The day from which it may be billed.
    #[serde(with = "civil")]
    due_on: Date,
    /// Negative is a credit.
    amount: MoneyJson,
    /// Its name on the bill, by language.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    label: serde_json::Value,
    /// What it credits, when that is not the contract type's revenue.
    gl_account_id: Option<GlAccountId>,
    /// The segment that it stands on; absent while it is open.
    segment_id: Option<SegmentId>,
    client_reference: Option<String>,
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl ChargeJson {
    fn of(currency: Currency, row: Charge) -> Self {
        let owner = row.account_id;
        Self {
            id: ChargeId::new(owner, row.id),
            contract_id: ContractId::new(owner, row.contract_id),
            due_on: row.due_on,
            amount: MoneyJson::of(currency, row.amount_minor),
            label: row.label,
            gl_account_id: row.gl_id,
            segment_id: row.segment_id.map(|segment| SegmentId::new(owner, segment)),
            client_reference: row.client_reference,
            created_by: row.created_by,
            created_at: row.created_at,
        }
    }
}

/// A charge to enter.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCharge, example = json!({
    "due_on": "2026-01-20", "amount": { "amount": "35.00", "currency": "USD" },
    "label": { "en": "Meter test", "es": "Prueba del medidor" }, "client_reference": "WO-5571"
}))]
pub(crate) struct NewChargeJson {
    /// The day from which it may be billed.
    #[serde(with = "civil")]
    due_on: Date,
    /// Negative is a credit.
    amount: MoneyJson,
    /// Its name on the bill, by language; English at least.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    label: BTreeMap<Language, String>,
    /// What it credits; the contract type's revenue when absent.
    gl_account_id: Option<GlAccountId>,
    /// Your own name for it, unique within the account.
    #[schema(min_length = 1, max_length = 100)]
    client_reference: Option<String>,
}

/// Enter a charge under a contract
///
/// It is billed with the contract's next segment after its date.
#[utoipa::path(tag = "charges", params(("id" = ContractId, Path, description = "Contract"), IdempotencyKeyHeader),
    request_body = NewChargeJson, responses((status = 201, body = ChargeJson)),
    extensions(("x-permission" = json!("contracts.write"))))]
#[post("/v1/contracts/{id}/charges")]
pub(crate) async fn enter_charge(
    may: May<need::ContractsWrite>,
    state: web::Data<State>,
    id: At<ContractId>,
    once: Once<NewChargeJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        app.once(&caller, &once.key, |tx| {
            let body = once.body;
            let new = NewCharge {
                due_on: body.due_on,
                amount: body.amount.parse(currency, "/amount")?,
                label: body.label,
                gl: body.gl_account_id,
                client_reference: body.client_reference,
            };
            let row = app::charges::enter(tx, &caller, id.0, new)?;
            Answer::created(&ChargeJson::of(currency, row))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Which charges to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChargeQuery {
    /// Only this contract's.
    contract_id: Option<ContractId>,
    /// `true`: only those that stand on a segment; `false`: only open ones.
    billed: Option<bool>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List an account's charges
///
/// Newest first.
#[utoipa::path(tag = "charges", params(("id" = AccountId, Path, description = "Account"), ChargeQuery),
    responses((status = 200, body = Listed<ChargeJson>)), extensions(("x-permission" = json!("contracts.read"))))]
#[get("/v1/accounts/{id}/charges")]
pub(crate) async fn list_charges(
    may: May<need::ContractsRead>,
    state: web::Data<State>,
    id: At<AccountId>,
    query: Params<ChargeQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let filter = ChargeFilter { contract: query.contract_id, billed: query.billed };
    let (currency, page) = blocking(move || {
        Ok((app.utility()?.currency, app.charges(&caller, id.0, filter, cursor.as_ref(), limit)?))
    })
    .await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, |row| ChargeJson::of(currency, row))))
}

/// Read a charge
#[utoipa::path(tag = "charges", params(("id" = ChargeId, Path, description = "Charge")),
    responses((status = 200, body = ChargeJson)), extensions(("x-permission" = json!("contracts.read"))))]
#[get("/v1/charges/{id}")]
pub(crate) async fn read_charge(
    may: May<need::ContractsRead>,
    state: web::Data<State>,
    id: At<ChargeId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (currency, row) = blocking(move || Ok((app.utility()?.currency, app.charge(&caller, id.0)?))).await?;
    Ok(HttpResponse::Ok().json(ChargeJson::of(currency, row)))
}

/// Take a charge away
///
/// While it has not been billed.
#[utoipa::path(tag = "charges", params(("id" = ChargeId, Path, description = "Charge")),
    responses((status = 204, description = "It is gone.")),
    extensions(("x-permission" = json!("contracts.write"))))]
#[delete("/v1/charges/{id}")]
pub(crate) async fn cancel_charge(
    may: May<need::ContractsWrite>,
    state: web::Data<State>,
    id: At<ChargeId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    blocking(move || app.cancel_charge(&caller, id.0)).await?;
    Ok(HttpResponse::NoContent().finish())
}
