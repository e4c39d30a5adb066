//! Whole balances: moved to another account, or given up.

use crate::body::{IdempotencyKeyHeader, Once};
use crate::extract::{At, Params};
use crate::money::MoneyJson;
use crate::permissions::{May, need};
use crate::preview::Previewed;
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::routes::adjustments::AdjustmentJson;
use crate::routes::corrections::DryRunQuery;
use crate::{State, blocking};
use actix_web::{HttpResponse, post, web};
use app::Answer;
use app::balances::{self, NewTransfer, NewWriteOff};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{AccountId, AdjustmentTypeId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(transfer_balance).service(write_balance_off);
}

/// Money to move to another account.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTransfer)]
pub(crate) struct NewTransferJson {
    to_account_id: AccountId,
    /// An adjustment type for the purpose `transfer`.
    type_id: AdjustmentTypeId,
    /// A debt above nothing, a credit below; the whole balance when absent.
    amount: Option<MoneyJson>,
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
    /// Your own name for it, unique within each of the accounts for ever.
    #[schema(min_length = 1, max_length = 100)]
    client_reference: Option<String>,
}

/// The two sides of a transfer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Transfer {
    /// On the account that it leaves.
    from: AdjustmentJson,
    /// On the account that it comes to.
    to: AdjustmentJson,
}

/// Move a balance to another account
///
/// A debt or a credit leaves this account and comes to the other, by an adjustment on each. Cancelling either
/// cancels both.
#[utoipa::path(tag = "adjustments",
    params(("id" = AccountId, Path, description = "Account that it leaves"), DryRunQuery, IdempotencyKeyHeader),
    request_body = NewTransferJson, responses((status = 201, body = Previewed<Transfer>)),
    extensions(("x-permission" = json!("adjustments.write"))))]
#[post("/v1/accounts/{id}/transfers")]
pub(crate) async fn transfer_balance(
    may: May<need::AdjustmentsWrite>,
    state: web::Data<State>,
    id: At<AccountId>,
    query: Params<DryRunQuery>,
    once: Once<NewTransferJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        let body = once.body;
        let new = NewTransfer {
            to: body.to_account_id,
            type_id: body.type_id,
            amount: body.amount.map(|amount| amount.parse(currency, "/amount")).transpose()?,
            reason: body.reason,
            client_reference: body.client_reference,
        };
        app.once_or_preview(&caller, &once.key, query.0.dry_run, |tx| {
            let (from, to) = balances::transfer(tx, &caller, id.0, new)?;
            let json = |row| AdjustmentJson::of(currency, row);
            let of = Transfer { from: json(from), to: json(to) };
            Answer::created(&Previewed { dry_run: query.0.dry_run, of })
        })
    })
    .await?;
    Ok(respond(answer))
}

/// A balance to give up.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWriteOff)]
pub(crate) struct NewWriteOffJson {
    /// An adjustment type for the purpose `write_off`.
    type_id: AdjustmentTypeId,
    /// How much of what is owed; all of it when absent.
    amount: Option<MoneyJson>,
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
    /// Your own name for it, unique within the account for ever.
    #[schema(min_length = 1, max_length = 100)]
    client_reference: Option<String>,
}

/// Write a balance off
///
/// What the account owes, or part of it, is given up by an adjustment. An account out of service that owes nothing
/// any more by it is `written_off`. Cancelling the adjustment takes it back.
#[utoipa::path(tag = "adjustments",
    params(("id" = AccountId, Path, description = "Account"), DryRunQuery, IdempotencyKeyHeader),
    request_body = NewWriteOffJson, responses((status = 201, body = Previewed<AdjustmentJson>)),
    extensions(("x-permission" = json!("adjustments.write"))))]
#[post("/v1/accounts/{id}/write-off")]
pub(crate) async fn write_balance_off(
    may: May<need::AdjustmentsWrite>,
    state: web::Data<State>,
    id: At<AccountId>,
    query: Params<DryRunQuery>,
    once: Once<NewWriteOffJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        let body = once.body;
        let new = NewWriteOff {
            type_id: body.type_id,
            amount: body.amount.map(|amount| amount.parse(currency, "/amount")).transpose()?,
            reason: body.reason,
            client_reference: body.client_reference,
        };
        app.once_or_preview(&caller, &once.key, query.0.dry_run, |tx| {
            let of = AdjustmentJson::of(currency, balances::write_off(tx, &caller, id.0, new)?);
            Answer::created(&Previewed { dry_run: query.0.dry_run, of })
        })
    })
    .await?;
    Ok(respond(answer))
}
