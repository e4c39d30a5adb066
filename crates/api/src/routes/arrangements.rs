//! Payment arrangements.

use crate::body::{IdempotencyKeyHeader, Once};
use crate::extract::At;
use crate::money::MoneyJson;
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::routes::adjustments::AdjustmentJson;
use crate::routes::contracts::ContractJson;
use crate::{State, blocking};
use actix_web::{HttpResponse, post, web};
use app::Answer;
use app::contracts::arrangements::{NewArrangement, make};
use serde::{Deserialize, Serialize};
use time::Date;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{AccountId, AdjustmentTypeId, ContractTypeId, LocationId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(make_arrangement);
}

/// A payment arrangement to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewArrangement)]
pub(crate) struct NewArrangementJson {
    /// A type whose method is `instalment`.
    contract_type_id: ContractTypeId,
    /// What the adjustment that takes the amount out is called; its ledger account is not used.
    adjustment_type_id: AdjustmentTypeId,
    /// The address that the instalments stand for.
    location_id: LocationId,
    /// Taken out of what is asked now; not more than that.
    amount: MoneyJson,
    /// With each bill; the last is the remainder.
    per_bill: MoneyJson,
    /// First day of the instalments; today when absent.
    #[serde(default, with = "civil::option")]
    starts_on: Option<Date>,
    #[schema(min_length = 1, max_length = 500, example = "Agreed by telephone")]
    reason: String,
    /// Your own name for it, unique within the account for ever.
    #[schema(max_length = 100)]
    client_reference: Option<String>,
}

/// A payment arrangement.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Arrangement)]
pub(crate) struct ArrangementJson {
    /// What bills the instalments; it stops itself with the last.
    contract: ContractJson,
    /// What took the amount out of what is asked. It is not cancelled by itself: stop the contract, and the
    /// rest is asked at once.
    adjustment: AdjustmentJson,
}

/// Make a payment arrangement
///
/// An amount is taken out of what is asked now and comes back with the next bills, in instalments. It is
/// owed all along.
#[utoipa::path(tag = "contracts", params(("id" = AccountId, Path, description = "Account"), IdempotencyKeyHeader),
    request_body = NewArrangementJson, responses((status = 201, body = ArrangementJson)),
    extensions(("x-permission" = json!("adjustments.write"))))]
#[post("/v1/accounts/{id}/arrangements")]
pub(crate) async fn make_arrangement(
    may: May<need::AdjustmentsWrite>,
    state: web::Data<State>,
    id: At<AccountId>,
    once: Once<NewArrangementJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        let body = once.body;
        let new = NewArrangement {
            contract_type: body.contract_type_id,
            adjustment_type: body.adjustment_type_id,
            location: body.location_id,
            amount: body.amount.parse(currency, "/amount")?,
            per_bill: body.per_bill.parse(currency, "/per_bill")?,
            starts_on: body.starts_on,
            reason: body.reason,
            client_reference: body.client_reference,
        };
        app.once(&caller, &once.key, |tx| {
            let made = make(tx, &caller, id.0, new)?;
            Answer::created(&ArrangementJson {
                contract: ContractJson::of(currency, made.contract)?,
                adjustment: AdjustmentJson::of(currency, made.adjustment),
            })
        })
    })
    .await?;
    Ok(respond(answer))
}
