//! Contracts.

use crate::body::{Body, IdempotencyKeyHeader, Once};
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::{At, Params};
use crate::money::MoneyJson;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::{HoldJson, PageQuery, respond};
use crate::routes::contract_terms::{NewTermsJson, TermsJson};
use crate::routes::persons::present;
use crate::routes::windows::ReasonJson;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, patch, post, web};
use app::Answer;
use app::contracts::{ContractChanges, NewContract};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::Page;
use store::contracts::Contract;
use time::Date;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{
    AccountId, ContractId, ContractState, ContractTypeId, Currency, Language, LocationId, Problem,
    RateScheduleId, ServicePointId,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(start_contract)
        .service(list_contracts)
        .service(read_contract)
        .service(change_contract)
        .service(stop_contract)
        .service(cancel_contract);
}

/// An account's agreement for a service.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Contract)]
pub(crate) struct ContractJson {
    id: ContractId,
    account_id: AccountId,
    contract_type_id: ContractTypeId,
    rate_schedule_id: Option<RateScheduleId>,
    service_point_id: Option<ServicePointId>,
    location_id: LocationId,
    /// First charged day.
    #[serde(with = "civil")]
    starts_on: Date,
    /// Last charged day.
    #[serde(with = "civil::option")]
    ends_on: Option<Date>,
    /// Last day that has been charged.
    #[serde(with = "civil::option")]
    billed_through_on: Option<Date>,
    state: ContractState,
    /// Counts by name, decimals in strings.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    items: serde_json::Value,
    /// Characteristics by name.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    characteristics: serde_json::Value,
    /// The plain amount of a recurring contract.
    recurring: Option<RecurringJson>,
    /// The contract of the same account that it rests on.
    master_contract_id: Option<ContractId>,
    /// What it has agreed beyond its rate, and how far that has come.
    terms: Option<TermsJson>,
    /// Not billed before the day after.
    #[serde(with = "civil::option")]
    held_until_on: Option<Date>,
    hold_reason: Option<String>,
}

/// The plain amount per month of a recurring contract.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Recurring)]
pub(crate) struct RecurringJson {
    amount: MoneyJson,
    /// Its name on the bill, by language.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    label: serde_json::Value,
}

impl ContractJson {
    pub(super) fn of(currency: Currency, row: Contract) -> app::Result<Self> {
        let terms = TermsJson::of(currency, &row)?;
        let recurring = row.recurring_minor.map(|amount| RecurringJson {
            amount: MoneyJson::of(currency, amount),
            label: row.recurring_label.clone().unwrap_or_default(),
        });
        Ok(Self {
            id: row.contract_id(),
            account_id: row.account_id,
            contract_type_id: row.contract_type_id,
            rate_schedule_id: row.schedule_id,
            service_point_id: row.service_point_id,
            location_id: row.location_id,
            starts_on: row.starts_on,
            ends_on: row.ends_on,
            billed_through_on: row.billed_through_on,
            state: row.state,
            items: row.items,
            characteristics: row.characteristics,
            recurring,
            master_contract_id: row.master_contract_id.map(|master| ContractId::new(row.account_id, master)),
            terms,
            held_until_on: row.held_until_on,
            hold_reason: row.hold_reason,
        })
    }
}

/// A contract to start.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewContract)]
pub(crate) struct NewContractJson {
    contract_type_id: ContractTypeId,
    /// Needed by metered contracts and contracts for items.
    rate_schedule_id: Option<RateScheduleId>,
    /// Needed by metered contracts.
    service_point_id: Option<ServicePointId>,
    /// That of the service point when absent.
    location_id: Option<LocationId>,
    /// First charged day; today when absent.
    #[serde(default, with = "civil::option")]
    #[schema(example = "2026-01-17")]
    starts_on: Option<Date>,
    /// Last charged day, when it is known already.
    #[serde(default, with = "civil::option")]
    ends_on: Option<Date>,
    /// Counts by name, decimals in strings.
    #[serde(default)]
    #[schema(example = json!({ "lamp": "4" }))]
    items: BTreeMap<String, String>,
    /// Characteristics by name.
    #[serde(default)]
    #[schema(example = json!({ "meter_size": "5/8in" }))]
    characteristics: BTreeMap<String, String>,
    /// The plain amount of a recurring contract without a schedule.
    recurring: Option<NewRecurring>,
    /// The contract of the same account that it rests on: billed before it, and keeping it back when it
    /// fails. Needed by sub-contracts, which are charged from what it measured.
    master_contract_id: Option<ContractId>,
    /// Needed by deposits and loans.
    #[schema(value_type = Option<NewTermsJson>)]
    terms: Option<serde_json::Value>,
}

/// The plain amount per month of a recurring contract.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "amount": { "amount": "5.00", "currency": "USD" }, "label": { "en": "Trail fund" } }))]
pub(crate) struct NewRecurring {
    amount: MoneyJson,
    /// Its name on the bill, by language; English at least.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    label: BTreeMap<Language, String>,
}

impl NewContractJson {
    fn parse(self, currency: Currency) -> Result<NewContract, Problem> {
        let recurring = match self.recurring {
            Some(new) => Some((new.amount.parse(currency, "/recurring/amount")?, new.label)),
            None => None,
        };
        let terms = self.terms.map(NewTermsJson::read).transpose()?;
        Ok(NewContract {
            contract_type: self.contract_type_id,
            schedule: self.rate_schedule_id,
            service_point: self.service_point_id,
            location: self.location_id,
            starts_on: self.starts_on,
            ends_on: self.ends_on,
            items: self.items,
            characteristics: self.characteristics,
            recurring,
            master: self.master_contract_id,
            terms: terms.map(|terms| terms.parse(currency)).transpose()?,
        })
    }
}

/// Start a contract
///
/// The account becomes active. Contracts at one service point never overlap; `contracts_overlap` names the other.
#[utoipa::path(tag = "contracts", params(("id" = AccountId, Path, description = "Account"), IdempotencyKeyHeader),
    request_body = NewContractJson, responses((status = 201, body = ContractJson)),
    extensions(("x-permission" = json!("contracts.write"))))]
#[post("/v1/accounts/{id}/contracts")]
pub(crate) async fn start_contract(
    may: May<need::ContractsWrite>,
    state: web::Data<State>,
    id: At<AccountId>,
    once: Once<NewContractJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        app.once(&caller, &once.key, |tx| {
            let row = app::contracts::start(tx, &caller, id.0, once.body.parse(currency)?)?;
            Answer::created(&ContractJson::of(currency, row)?)
        })
    })
    .await?;
    Ok(respond(answer))
}

/// List an account's contracts
///
/// Oldest first, ended ones included.
#[utoipa::path(tag = "contracts", params(("id" = AccountId, Path, description = "Account"), PageQuery),
    responses((status = 200, body = Listed<ContractJson>)), extensions(("x-permission" = json!("contracts.read"))))]
#[get("/v1/accounts/{id}/contracts")]
pub(crate) async fn list_contracts(
    may: May<need::ContractsRead>,
    state: web::Data<State>,
    id: At<AccountId>,
    query: Params<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (limit, cursor) = window(query.0.limit, query.0.cursor.as_deref())?;
    let page = blocking(move || {
        let currency = app.utility()?.currency;
        let Page { items, next } = app.contracts(&caller, id.0, cursor.as_ref(), limit)?;
        let items: app::Result<_> = items.into_iter().map(|row| ContractJson::of(currency, row)).collect();
        Ok(Page::<ContractJson> { items: items?, next })
    })
    .await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, |row| row)))
}

/// Read a contract
#[utoipa::path(tag = "contracts", params(("id" = ContractId, Path, description = "Contract")),
    responses((status = 200, body = ContractJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("contracts.read"))))]
#[get("/v1/contracts/{id}")]
pub(crate) async fn read_contract(
    may: May<need::ContractsRead>,
    state: web::Data<State>,
    id: At<ContractId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let row = blocking(move || versioned(&app, app.contract(&caller, id.0)?)).await?;
    Ok(tagged(row.0, &row.1))
}

/// A contract with its version.
fn versioned(app: &app::App, row: Contract) -> app::Result<(i64, ContractJson)> {
    Ok((row.version, ContractJson::of(app.utility()?.currency, row)?))
}

/// Changes of a contract: what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "items": { "lamp": "5" } }))]
pub(crate) struct ContractPatch {
    /// Counts by name, all of them.
    items: Option<BTreeMap<String, String>>,
    /// Characteristics by name, all of them.
    characteristics: Option<BTreeMap<String, String>>,
    /// The contract of the same account that it rests on; `null` makes it rest on none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<ContractId>)]
    master_contract_id: Option<Option<ContractId>>,
    /// Holds the contract out of billing, the rest of the account is billed; `null` lifts the hold.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<HoldJson>)]
    hold: Option<Option<HoldJson>>,
}

/// Change a contract
#[utoipa::path(tag = "contracts", params(("id" = ContractId, Path, description = "Contract"), IfMatchHeader),
    request_body = ContractPatch,
    responses((status = 200, body = ContractJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("contracts.write"))))]
#[patch("/v1/contracts/{id}")]
pub(crate) async fn change_contract(
    may: May<need::ContractsWrite>,
    state: web::Data<State>,
    id: At<ContractId>,
    version: IfMatch,
    body: Body<ContractPatch>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, patch) = (state.app.clone(), may.caller(), body.0);
    let changes = ContractChanges {
        items: patch.items,
        characteristics: patch.characteristics,
        master: patch.master_contract_id,
        hold: patch.hold.map(|hold| hold.map(|hold| (hold.until_on, hold.reason))),
    };
    let row =
        blocking(move || versioned(&app, app.change_contract(&caller, id.0, version.0, changes)?)).await?;
    Ok(tagged(row.0, &row.1))
}

/// When a contract ends.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "ends_on": "2026-06-30", "reason": "Customer moves out." }))]
pub(crate) struct StopContract {
    /// Last charged day.
    #[serde(with = "civil")]
    ends_on: Date,
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

/// Stop a contract
///
/// The final segment is due unless the contract has been charged through its last day already.
#[utoipa::path(tag = "contracts", params(("id" = ContractId, Path, description = "Contract"), IfMatchHeader),
    request_body = StopContract,
    responses((status = 200, body = ContractJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("contracts.write"))))]
#[post("/v1/contracts/{id}/stop")]
pub(crate) async fn stop_contract(
    may: May<need::ContractsWrite>,
    state: web::Data<State>,
    id: At<ContractId>,
    version: IfMatch,
    body: Body<StopContract>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, stop) = (state.app.clone(), may.caller(), body.0);
    let row = blocking(move || {
        versioned(&app, app.stop_contract(&caller, id.0, version.0, stop.ends_on, stop.reason)?)
    })
    .await?;
    Ok(tagged(row.0, &row.1))
}

/// Cancel a contract
///
/// Only one that never took effect: nothing of it has been billed.
#[utoipa::path(tag = "contracts", params(("id" = ContractId, Path, description = "Contract"), IfMatchHeader),
    request_body = ReasonJson,
    responses((status = 200, body = ContractJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("contracts.write"))))]
#[post("/v1/contracts/{id}/cancel")]
pub(crate) async fn cancel_contract(
    may: May<need::ContractsWrite>,
    state: web::Data<State>,
    id: At<ContractId>,
    version: IfMatch,
    body: Body<ReasonJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let row =
        blocking(move || versioned(&app, app.cancel_contract(&caller, id.0, version.0, body.0.reason)?))
            .await?;
    Ok(tagged(row.0, &row.1))
}
