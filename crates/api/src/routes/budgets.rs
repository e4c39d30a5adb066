//! Budget billing of metered contracts.

use crate::body::Body;
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::At;
use crate::money::MoneyJson;
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::{State, blocking};
use actix_web::{HttpResponse, delete, get, put, web};
use app::contracts::Terms;
use app::contracts::budget::{BudgetView, NewBudget};
use serde::{Deserialize, Serialize};
use time::Date;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{ContractId, Currency};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(read_budget).service(put_budget).service(end_budget);
}

/// A contract's budget.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Budget)]
pub(crate) struct BudgetJson {
    contract_id: ContractId,
    /// Asked with each bill; `null` without a budget.
    level: Option<MoneyJson>,
    /// Segments that begin earlier are asked as they are.
    #[serde(with = "civil::option")]
    since_on: Option<Date>,
    /// The segment of this day settles the difference.
    #[serde(with = "civil::option")]
    review_on: Option<Date>,
    /// Used and not asked yet; below nothing, asked ahead. Without a budget the next segment settles it.
    outstanding: MoneyJson,
    /// A level that follows from the use; `null` before the first segment.
    proposal: Option<BudgetProposalJson>,
}

/// A level that follows from the use.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BudgetProposal)]
pub(crate) struct BudgetProposalJson {
    /// The average of what the latest segments used, twelve at most.
    level: MoneyJson,
    /// How many segments it is of.
    segments: i64,
}

impl BudgetJson {
    fn of(currency: Currency, view: &BudgetView) -> Self {
        let money = |amount| MoneyJson::of(currency, amount);
        let (level, since_on, review_on) = match view.budget {
            Some(Terms::Budget { level, since_on, review_on }) => {
                (Some(money(level)), Some(since_on), Some(review_on))
            }
            _ => (None, None, None),
        };
        let proposal = view
            .proposal
            .as_ref()
            .map(|proposal| BudgetProposalJson { level: money(proposal.level), segments: proposal.segments });
        Self {
            contract_id: view.contract.contract_id(),
            level,
            since_on,
            review_on,
            outstanding: money(view.contract.progress_minor),
            proposal,
        }
    }
}

/// A budget to put on a contract.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBudget, example = json!({
    "level": { "amount": "85.00", "currency": "USD" }, "review_on": "2026-12-31"
}))]
pub(crate) struct NewBudgetJson {
    /// Asked with each bill.
    level: MoneyJson,
    /// Segments that begin earlier are asked as they are; the next segment on when absent.
    #[serde(default, with = "civil::option")]
    since_on: Option<Date>,
    /// The segment of this day settles the difference; not before the first day that is not charged.
    #[serde(with = "civil")]
    review_on: Date,
}

/// Read a contract's budget
///
/// With the level that its use suggests, also before there is a budget.
#[utoipa::path(tag = "contracts", params(("id" = ContractId, Path, description = "Contract")),
    responses((status = 200, body = BudgetJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("contracts.read"))))]
#[get("/v1/contracts/{id}/budget")]
pub(crate) async fn read_budget(
    may: May<need::ContractsRead>,
    state: web::Data<State>,
    id: At<ContractId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (currency, view) =
        blocking(move || Ok((app.utility()?.currency, app.budget(&caller, id.0)?))).await?;
    Ok(tagged(view.contract.version, &BudgetJson::of(currency, &view)))
}

/// Put a budget on a contract
///
/// Or review the one it has. What is outstanding stays so until it is settled: on the review day, with the
/// final segment, or after the end of the budget.
#[utoipa::path(tag = "contracts", params(("id" = ContractId, Path, description = "Contract"), IfMatchHeader),
    request_body = NewBudgetJson,
    responses((status = 200, body = BudgetJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("contracts.write"))))]
#[put("/v1/contracts/{id}/budget")]
pub(crate) async fn put_budget(
    may: May<need::ContractsWrite>,
    state: web::Data<State>,
    id: At<ContractId>,
    version: IfMatch,
    body: Body<NewBudgetJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, body) = (state.app.clone(), may.caller(), body.0);
    let (currency, view) = blocking(move || {
        let currency = app.utility()?.currency;
        let level = body.level.parse(currency, "/level")?;
        let new = NewBudget { level, since_on: body.since_on, review_on: body.review_on };
        Ok((currency, app.put_budget(&caller, id.0, version.0, new)?))
    })
    .await?;
    Ok(tagged(view.contract.version, &BudgetJson::of(currency, &view)))
}

/// End a contract's budget
///
/// The next segment asks for what it uses and what is outstanding.
#[utoipa::path(tag = "contracts", params(("id" = ContractId, Path, description = "Contract"), IfMatchHeader),
    responses((status = 200, body = BudgetJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("contracts.write"))))]
#[delete("/v1/contracts/{id}/budget")]
pub(crate) async fn end_budget(
    may: May<need::ContractsWrite>,
    state: web::Data<State>,
    id: At<ContractId>,
    version: IfMatch,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (currency, view) =
        blocking(move || Ok((app.utility()?.currency, app.end_budget(&caller, id.0, version.0)?))).await?;
    Ok(tagged(view.contract.version, &BudgetJson::of(currency, &view)))
}
