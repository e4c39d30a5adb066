//! Payments, tenders and suspense.

use crate::body::{IdempotencyKeyHeader, Once};
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::{At, Params};
use crate::money::MoneyJson;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::{PageQuery, respond};
use crate::routes::adjustments::UndoJson;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, post, web};
use app::Answer;
use app::payments::{NewPayment, Payee, Taken};
use serde::{Deserialize, Serialize};
use store::payments::{Payment, PaymentFilter, Tender};
use time::{Date, OffsetDateTime};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{AccountId, Code, Currency, PaymentId, PaymentState, Problem, TenderId, TenderKind};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(take_payment)
        .service(list_payments)
        .service(read_payment)
        .service(reverse_payment)
        .service(list_suspense)
        .service(apply_tender);
}

/// Money received in one piece.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Tender)]
pub(crate) struct TenderJson {
    id: TenderId,
    kind: TenderKind,
    amount: MoneyJson,
    /// What no account has taken yet.
    suspense: MoneyJson,
    #[serde(with = "civil")]
    received_on: Date,
    reference: Option<String>,
    /// The gateway that collected it.
    gateway: Option<String>,
    gateway_reference: Option<String>,
    /// The account that the payer named, when there is none such.
    stated_account: Option<String>,
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl TenderJson {
    fn of(currency: Currency, row: Tender) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            amount: MoneyJson::of(currency, row.amount_minor),
            suspense: MoneyJson::of(currency, row.suspense_minor),
            received_on: row.received_on,
            reference: row.reference,
            gateway: row.gateway,
            gateway_reference: row.gateway_reference,
            stated_account: row.stated_account,
            created_by: row.created_by,
            created_at: row.created_at,
        }
    }
}

/// An account's share of a tender.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Payment)]
pub(crate) struct PaymentJson {
    id: PaymentId,
    account_id: AccountId,
    state: PaymentState,
    amount: MoneyJson,
    #[serde(with = "civil")]
    received_on: Date,
    reversal_reason: Option<String>,
    client_reference: Option<String>,
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl PaymentJson {
    fn of(currency: Currency, row: Payment) -> Self {
        Self {
            id: PaymentId::new(row.account_id, row.id),
            account_id: row.account_id,
            state: row.state,
            amount: MoneyJson::of(currency, row.amount_minor),
            received_on: row.received_on,
            reversal_reason: row.reversal_reason,
            client_reference: row.client_reference,
            created_by: row.created_by,
            created_at: row.created_at,
        }
    }
}

/// Money and what became of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TakenPayment)]
pub(crate) struct TakenJson {
    tender: TenderJson,
    /// Absent while the money waits in suspense.
    payment: Option<PaymentJson>,
}

impl TakenJson {
    fn of(currency: Currency, taken: Taken) -> Self {
        Self {
            tender: TenderJson::of(currency, taken.tender),
            payment: taken.payment.map(|row| PaymentJson::of(currency, row)),
        }
    }
}

/// Money to take: for `account_id` or `account_number`, one of them.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPayment, example = json!({
    "account_number": "1000000009", "kind": "check", "amount": { "amount": "43.51", "currency": "USD" },
    "received_on": "2026-03-03", "reference": "1042", "client_reference": "lockbox-2026-03-03-17"
}))]
pub(crate) struct NewPaymentJson {
    account_id: Option<AccountId>,
    /// As the payer wrote it.
    #[schema(max_length = 100)]
    account_number: Option<String>,
    kind: TenderKind,
    /// More than nothing.
    amount: MoneyJson,
    /// Today when absent.
    #[serde(default, with = "civil::option")]
    received_on: Option<Date>,
    /// What the payer or the bank calls it: a check number.
    #[schema(max_length = 100)]
    reference: Option<String>,
    /// Your own name for it, unique for ever.
    #[schema(max_length = 100)]
    client_reference: Option<String>,
    /// Keep the money in suspense when nobody has the account number.
    #[serde(default)]
    allow_suspense: bool,
}

impl NewPaymentJson {
    fn parse(self, currency: Currency) -> Result<NewPayment, Problem> {
        let payee = match (self.account_id, self.account_number) {
            (Some(id), None) => Payee::Account(id),
            (None, Some(number)) => Payee::Number(number),
            _ => {
                let detail = "account_id or account_number, one of them";
                return Err(Problem::field("/account_id", Code::FieldRequired, detail));
            }
        };
        Ok(NewPayment {
            payee,
            kind: self.kind,
            amount: self.amount.parse(currency, "/amount")?,
            received_on: self.received_on,
            reference: self.reference,
            client_reference: self.client_reference,
            allow_suspense: self.allow_suspense,
        })
    }
}

/// Take a payment
///
/// Pays the oldest open charges; the rest stays as credit. A receipt is queued.
#[utoipa::path(tag = "payments", params(IdempotencyKeyHeader), request_body = NewPaymentJson,
    responses((status = 201, body = TakenJson)), extensions(("x-permission" = json!("payments.take"))))]
#[post("/v1/payments")]
pub(crate) async fn take_payment(
    may: May<need::PaymentsTake>,
    state: web::Data<State>,
    once: Once<NewPaymentJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        let new = once.body.parse(currency)?;
        app.once(&caller, &once.key, |tx| {
            let taken = app::payments::take(tx, &caller, new)?;
            Answer::created(&TakenJson::of(currency, taken))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Which payments to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PaymentQuery {
    /// Only this account.
    account_id: Option<AccountId>,
    /// Only received on or after this day.
    #[serde(default, rename = "received_on[gte]", with = "civil::option")]
    #[param(rename = "received_on[gte]")]
    received_from: Option<Date>,
    /// Only received on or before this day.
    #[serde(default, rename = "received_on[lte]", with = "civil::option")]
    #[param(rename = "received_on[lte]")]
    received_to: Option<Date>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List payments
///
/// Of your sites' accounts, the newest day first.
#[utoipa::path(tag = "payments", params(PaymentQuery), responses((status = 200, body = Listed<TakenJson>)),
    extensions(("x-permission" = json!("payments.read"))))]
#[get("/v1/payments")]
pub(crate) async fn list_payments(
    may: May<need::PaymentsRead>,
    state: web::Data<State>,
    query: Params<PaymentQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let filter = PaymentFilter {
        sites: None,
        account: query.account_id,
        received_from: query.received_from,
        received_to: query.received_to,
    };
    let (currency, page) = blocking(move || {
        Ok((app.utility()?.currency, app.payments(&caller, filter, cursor.as_ref(), limit)?))
    })
    .await?;
    let listed = Listed::from_page(page, |(payment, tender)| {
        TakenJson::of(currency, Taken { tender, payment: Some(payment) })
    });
    Ok(HttpResponse::Ok().json(listed))
}

/// Read a payment
#[utoipa::path(tag = "payments", params(("id" = PaymentId, Path, description = "Payment")),
    responses((status = 200, body = TakenJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("payments.read"))))]
#[get("/v1/payments/{id}")]
pub(crate) async fn read_payment(
    may: May<need::PaymentsRead>,
    state: web::Data<State>,
    id: At<PaymentId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (currency, (payment, tender)) =
        blocking(move || Ok((app.utility()?.currency, app.payment(&caller, id.0)?))).await?;
    Ok(tagged(payment.version, &TakenJson::of(currency, Taken { tender, payment: Some(payment) })))
}

/// Reverse a payment
///
/// A returned check, a mistake: what it paid is open again, with its old due date.
#[utoipa::path(tag = "payments",
    params(("id" = PaymentId, Path, description = "Payment"), IfMatchHeader, IdempotencyKeyHeader),
    request_body = UndoJson, responses((status = 200, body = PaymentJson)),
    extensions(("x-permission" = json!("payments.reverse"))))]
#[post("/v1/payments/{id}/reverse")]
pub(crate) async fn reverse_payment(
    may: May<need::PaymentsReverse>,
    state: web::Data<State>,
    id: At<PaymentId>,
    version: IfMatch,
    once: Once<UndoJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        app.once(&caller, &once.key, |tx| {
            let row = app::payments::reverse(tx, &caller, id.0, version.0, &once.body.reason)?;
            Answer::ok(&PaymentJson::of(currency, row))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// List money in suspense
///
/// Tenders of which something waits for an account, newest first.
#[utoipa::path(tag = "payments", params(PageQuery), responses((status = 200, body = Listed<TenderJson>)),
    extensions(("x-permission" = json!("payments.read"))))]
#[get("/v1/suspense")]
pub(crate) async fn list_suspense(
    _may: May<need::PaymentsRead>,
    state: web::Data<State>,
    query: Params<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let (limit, cursor) = window(query.0.limit, query.0.cursor.as_deref())?;
    let (currency, page) =
        blocking(move || Ok((app.utility()?.currency, app.suspense(cursor.as_ref(), limit)?))).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, |row| TenderJson::of(currency, row))))
}

/// Where money in suspense goes.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SuspenseApplication, example = json!({ "account_id": "acct_11h" }))]
pub(crate) struct ApplyJson {
    account_id: AccountId,
    /// All that waits when absent.
    amount: Option<MoneyJson>,
}

/// Apply money in suspense
///
/// Posts a payment for the account; a receipt is queued.
#[utoipa::path(tag = "payments", params(("id" = TenderId, Path, description = "Tender"), IdempotencyKeyHeader),
    request_body = ApplyJson, responses((status = 201, body = TakenJson)),
    extensions(("x-permission" = json!("payments.take"))))]
#[post("/v1/tenders/{id}/apply")]
pub(crate) async fn apply_tender(
    may: May<need::PaymentsTake>,
    state: web::Data<State>,
    id: At<TenderId>,
    once: Once<ApplyJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        let ApplyJson { account_id, amount } = once.body;
        let amount = amount.map(|amount| amount.parse(currency, "/amount")).transpose()?;
        app.once(&caller, &once.key, |tx| {
            let taken = app::payments::apply_suspense(tx, &caller, id.0, account_id, amount)?;
            Answer::created(&TakenJson::of(currency, taken))
        })
    })
    .await?;
    Ok(respond(answer))
}
