//! Stored ways to pay and autopay.

use crate::body::{Body, IdempotencyKeyHeader, Once};
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::At;
use crate::money::MoneyJson;
use crate::page::Listed;
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::{AccountJson, respond};
use crate::{State, blocking};
use actix_web::{HttpResponse, delete, get, post, put, web};
use app::Answer;
use app::payment_methods::{Enrolment, NewMethod};
use serde::{Deserialize, Serialize};
use store::payment_methods::PaymentMethod;
use time::OffsetDateTime;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{AccountId, DrawRule, GatewayKind, MethodState, PaymentMethodId, TenderKind};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(store_payment_method)
        .service(list_payment_methods)
        .service(read_payment_method)
        .service(switch_off_payment_method)
        .service(enrol_in_autopay)
        .service(end_autopay);
}

/// A stored way to pay; its tokens are never shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PaymentMethod)]
pub(crate) struct MethodJson {
    id: PaymentMethodId,
    account_id: AccountId,
    kind: TenderKind,
    gateway: GatewayKind,
    /// What a person calls it.
    label: String,
    state: MethodState,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<PaymentMethod> for MethodJson {
    fn from(row: PaymentMethod) -> Self {
        Self {
            id: PaymentMethodId::new(row.account_id, row.id),
            account_id: row.account_id,
            kind: row.kind,
            gateway: row.gateway,
            label: row.label,
            state: row.state,
            created_at: row.created_at,
        }
    }
}

/// A way to pay to store.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPaymentMethod, example = json!({
    "kind": "card", "gateway": "stripe", "customer_token": "cus_4fdAW5ftNQow1a", "method_token": "pm_card_visa",
    "label": "Visa ending 4242"
}))]
pub(crate) struct NewMethodJson {
    /// `card` or `bank_debit`.
    kind: TenderKind,
    gateway: GatewayKind,
    /// The gateway's token of the customer, where it has one.
    #[schema(max_length = 255)]
    customer_token: Option<String>,
    /// The gateway's token of the method; never a number of a card or bank account.
    #[schema(max_length = 255)]
    method_token: String,
    /// What a person calls it, with the last digits at most.
    #[schema(min_length = 1, max_length = 60)]
    label: String,
}

/// Store a way to pay
///
/// By tokens of the gateway only; what looks like the number of a card is refused.
#[utoipa::path(tag = "payment methods", params(("id" = AccountId, Path, description = "Account"), IdempotencyKeyHeader),
    request_body = NewMethodJson, responses((status = 201, body = MethodJson)),
    extensions(("x-permission" = json!("payment_methods.write"))))]
#[post("/v1/accounts/{id}/payment-methods")]
pub(crate) async fn store_payment_method(
    may: May<need::PaymentMethodsWrite>,
    state: web::Data<State>,
    id: At<AccountId>,
    once: Once<NewMethodJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let new = NewMethod {
        kind: once.body.kind,
        gateway: once.body.gateway,
        customer_token: once.body.customer_token,
        method_token: once.body.method_token,
        label: once.body.label,
    };
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let row = app::payment_methods::store_method(tx, &caller, id.0, new)?;
            Answer::created(&MethodJson::from(row))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// List an account's stored ways to pay
#[utoipa::path(tag = "payment methods", params(("id" = AccountId, Path, description = "Account")),
    responses((status = 200, body = Listed<MethodJson>)), extensions(("x-permission" = json!("payment_methods.read"))))]
#[get("/v1/accounts/{id}/payment-methods")]
pub(crate) async fn list_payment_methods(
    may: May<need::PaymentMethodsRead>,
    state: web::Data<State>,
    id: At<AccountId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let rows = blocking(move || app.payment_methods(&caller, id.0)).await?;
    let items = rows.into_iter().map(MethodJson::from).collect();
    Ok(HttpResponse::Ok().json(Listed { items, next: None }))
}

/// Read a stored way to pay
#[utoipa::path(tag = "payment methods", params(("id" = PaymentMethodId, Path, description = "Payment method")),
    responses((status = 200, body = MethodJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("payment_methods.read"))))]
#[get("/v1/payment-methods/{id}")]
pub(crate) async fn read_payment_method(
    may: May<need::PaymentMethodsRead>,
    state: web::Data<State>,
    id: At<PaymentMethodId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let row = blocking(move || app.payment_method(&caller, id.0)).await?;
    Ok(tagged(row.version, &MethodJson::from(row)))
}

/// Switch a stored way to pay off
///
/// It is kept for the record; autopay from it ends.
#[utoipa::path(tag = "payment methods",
    params(("id" = PaymentMethodId, Path, description = "Payment method"), IfMatchHeader),
    responses((status = 200, body = MethodJson)), extensions(("x-permission" = json!("payment_methods.write"))))]
#[delete("/v1/payment-methods/{id}")]
pub(crate) async fn switch_off_payment_method(
    may: May<need::PaymentMethodsWrite>,
    state: web::Data<State>,
    id: At<PaymentMethodId>,
    version: IfMatch,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let row = blocking(move || app.switch_off_method(&caller, id.0, version.0)).await?;
    Ok(tagged(row.version, &MethodJson::from(row)))
}

/// How autopay is to draw.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AutopayEnrolment, example = json!({ "payment_method_id": "pm_11h2h", "rule": "due_date" }))]
pub(crate) struct EnrolmentJson {
    payment_method_id: PaymentMethodId,
    rule: DrawRule,
    /// For `days_before`: 1 to 30.
    #[schema(minimum = 1, maximum = 30)]
    days_before: Option<i16>,
    /// Above it nothing is drawn.
    maximum: Option<MoneyJson>,
}

/// Enrol in autopay
///
/// Or change how it draws. `If-Match` carries the account's ETag.
#[utoipa::path(tag = "payment methods", params(("id" = AccountId, Path, description = "Account"), IfMatchHeader),
    request_body = EnrolmentJson, responses((status = 200, body = AccountJson)),
    extensions(("x-permission" = json!("payment_methods.write"))))]
#[put("/v1/accounts/{id}/autopay")]
pub(crate) async fn enrol_in_autopay(
    may: May<need::PaymentMethodsWrite>,
    state: web::Data<State>,
    id: At<AccountId>,
    version: IfMatch,
    body: Body<EnrolmentJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, body) = (state.app.clone(), may.caller(), body.0);
    let (currency, account) = blocking(move || {
        let currency = app.utility()?.currency;
        let maximum = body.maximum.map(|maximum| maximum.parse(currency, "/maximum")).transpose()?;
        let new = Enrolment {
            method: body.payment_method_id,
            rule: body.rule,
            days_before: body.days_before,
            maximum,
        };
        Ok((currency, app.enrol_in_autopay(&caller, id.0, version.0, &new)?))
    })
    .await?;
    Ok(tagged(account.version, &AccountJson::of(currency, account)))
}

/// End autopay
#[utoipa::path(tag = "payment methods", params(("id" = AccountId, Path, description = "Account"), IfMatchHeader),
    responses((status = 200, body = AccountJson)), extensions(("x-permission" = json!("payment_methods.write"))))]
#[delete("/v1/accounts/{id}/autopay")]
pub(crate) async fn end_autopay(
    may: May<need::PaymentMethodsWrite>,
    state: web::Data<State>,
    id: At<AccountId>,
    version: IfMatch,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (currency, account) =
        blocking(move || Ok((app.utility()?.currency, app.end_autopay(&caller, id.0, version.0)?))).await?;
    Ok(tagged(account.version, &AccountJson::of(currency, account)))
}
