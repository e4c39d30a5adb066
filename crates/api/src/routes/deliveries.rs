//! Deliveries: what waits, what goes, what came back.

use crate::body::{Body, IdempotencyKeyHeader, Once};
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::{At, Params};
use crate::money::MoneyJson;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::routes::operations::OperationJson;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, post, web};
use app::Answer;
use app::deliveries::{Approved, ToApprove};
use serde::{Deserialize, Serialize};
use store::deliveries::{DeliveryFilter, Listed as Row};
use store::invoices::Message;
use time::OffsetDateTime;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{
    AccountId, AccountNumber, BillId, Channel, Code, Currency, DeliveryId, DeliveryState, InvoiceId,
    InvoiceRunId, Language, MessageId, MessageKind, PersonId, Problem, WindowId,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    // `send` and `approve` before the ids, which would take the words for one.
    config
        .service(approve_deliveries)
        .service(send_deliveries)
        .service(list_deliveries)
        .service(read_delivery)
        .service(approve_delivery)
        .service(resend_delivery)
        .service(read_message);
}

/// One sending of an invoice or message to one address.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct DeliveryJson {
    id: DeliveryId,
    account_id: AccountId,
    account_number: AccountNumber,
    /// The account's balance as of now, not of the bill.
    balance: MoneyJson,
    bill_id: Option<BillId>,
    invoice_id: Option<InvoiceId>,
    message_id: Option<MessageId>,
    channel: Channel,
    /// An e-mail address, or the lines of a letter.
    address: String,
    state: DeliveryState,
    /// How often it was tried.
    attempts: i16,
    /// The other side's last words.
    reason: Option<String>,
    approved_by: Option<String>,
    /// When it got into this state.
    #[serde(with = "time::serde::rfc3339")]
    state_at: OffsetDateTime,
}

impl DeliveryJson {
    fn of(currency: Currency, row: Row) -> Self {
        let (delivery, account) = (row.delivery, row.account_number);
        let owner = delivery.account_id;
        Self {
            id: DeliveryId::new(owner, delivery.id),
            account_id: owner,
            account_number: account,
            balance: MoneyJson::of(currency, row.balance),
            bill_id: delivery.bill_id.map(|bill| BillId::new(owner, bill)),
            invoice_id: delivery.invoice_id.map(|invoice| InvoiceId::new(owner, invoice)),
            message_id: delivery.message_id.map(|message| MessageId::new(owner, message)),
            channel: delivery.channel,
            address: delivery.address,
            state: delivery.state,
            attempts: delivery.attempts,
            reason: delivery.reason,
            approved_by: delivery.approved_by,
            state_at: delivery.state_at,
        }
    }
}

/// Which deliveries to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryQuery {
    /// Only of this account.
    account_id: Option<AccountId>,
    /// Only in this state.
    state: Option<DeliveryState>,
    /// Only for this way.
    channel: Option<Channel>,
    /// Only invoices of this run.
    invoice_run_id: Option<InvoiceRunId>,
    /// Only bills of this cycle window.
    window_id: Option<WindowId>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List deliveries
///
/// Only of accounts of your sites, by account, with the balance as of now.
#[utoipa::path(tag = "deliveries", params(DeliveryQuery), responses((status = 200, body = Listed<DeliveryJson>)),
    extensions(("x-permission" = json!("deliveries.read"))))]
#[get("/v1/deliveries")]
pub(crate) async fn list_deliveries(
    may: May<need::DeliveriesRead>,
    state: web::Data<State>,
    query: Params<DeliveryQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let filter = DeliveryFilter {
        sites: None,
        account: query.account_id,
        state: query.state,
        channel: query.channel,
        invoice_run: query.invoice_run_id,
        window: query.window_id,
    };
    let (currency, page) = blocking(move || {
        Ok((app.utility()?.currency, app.deliveries(&caller, filter, cursor.as_ref(), limit)?))
    })
    .await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, |row| DeliveryJson::of(currency, row))))
}

/// Read a delivery
#[utoipa::path(tag = "deliveries", params(("id" = DeliveryId, Path, description = "Delivery")),
    responses((status = 200, body = DeliveryJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("deliveries.read"))))]
#[get("/v1/deliveries/{id}")]
pub(crate) async fn read_delivery(
    may: May<need::DeliveriesRead>,
    state: web::Data<State>,
    id: At<DeliveryId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (currency, row) =
        blocking(move || Ok((app.utility()?.currency, app.delivery(&caller, id.0)?))).await?;
    Ok(tagged(row.delivery.version, &DeliveryJson::of(currency, row)))
}

/// Approve a delivery
#[utoipa::path(tag = "deliveries", params(("id" = DeliveryId, Path, description = "Delivery"), IfMatchHeader),
    responses((status = 200, body = DeliveryJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("deliveries.approve"))))]
#[post("/v1/deliveries/{id}/approve")]
pub(crate) async fn approve_delivery(
    may: May<need::DeliveriesApprove>,
    state: web::Data<State>,
    id: At<DeliveryId>,
    version: IfMatch,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (currency, row) =
        blocking(move || Ok((app.utility()?.currency, app.approve_delivery(&caller, id.0, version.0)?)))
            .await?;
    Ok(tagged(row.delivery.version, &DeliveryJson::of(currency, row)))
}

/// How to send again.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Resend, example = json!({ "address": "ana@example.org" }))]
pub(crate) struct ResendJson {
    /// Another e-mail address; the same as before when absent.
    address: Option<String>,
}

/// Send a delivery again
///
/// Lets a failed or bounced delivery, or one whose sending was cut off for good, go with the next sending, to
/// another e-mail address when one is given. What the mail server did not take for now needs none of this: it
/// is approved as before.
#[utoipa::path(tag = "deliveries", params(("id" = DeliveryId, Path, description = "Delivery"), IfMatchHeader),
    request_body = ResendJson,
    responses((status = 200, body = DeliveryJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("deliveries.send"))))]
#[post("/v1/deliveries/{id}/resend")]
pub(crate) async fn resend_delivery(
    may: May<need::DeliveriesSend>,
    state: web::Data<State>,
    id: At<DeliveryId>,
    version: IfMatch,
    body: Body<ResendJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (currency, row) = blocking(move || {
        let address = body.0.address.as_deref();
        Ok((app.utility()?.currency, app.resend_delivery(&caller, id.0, version.0, address)?))
    })
    .await?;
    Ok(tagged(row.delivery.version, &DeliveryJson::of(currency, row)))
}

/// Deliveries to approve: these ids, or all of an invoice run.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Approval, example = json!({ "invoice_run_id": "irun_…", "channel": "email" }))]
pub(crate) struct ApprovalJson {
    /// At most 1,000.
    #[schema(max_items = 1000)]
    delivery_ids: Option<Vec<DeliveryId>>,
    /// All that wait of this run's invoices.
    invoice_run_id: Option<InvoiceRunId>,
    /// With a run: only this way.
    channel: Option<Channel>,
}

impl ApprovalJson {
    fn parsed(self) -> Result<ToApprove, Problem> {
        match (self.delivery_ids, self.invoice_run_id) {
            (Some(ids), None) => Ok(ToApprove::Ids(ids)),
            (None, Some(run)) => Ok(ToApprove::Run(run, self.channel)),
            _ => Err(Problem::field("", Code::FieldRequired, "either delivery_ids or invoice_run_id")),
        }
    }
}

/// What became of a bulk approval.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ApprovalResult)]
pub(crate) struct ApprovalResultJson {
    /// How many are approved now.
    approved: usize,
    /// Those that were not, and why.
    refused: Vec<RefusedDelivery>,
}

/// A delivery that was not approved.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RefusedDelivery {
    delivery_id: DeliveryId,
    /// A stable code such as `wrong_state`.
    code: String,
    detail: String,
}

impl ApprovalResultJson {
    fn of(results: Vec<Approved>) -> Self {
        let approved = results.iter().filter(|one| one.refused.is_none()).count();
        let refused = results.into_iter().filter_map(|one| {
            let problem = one.refused?;
            let code = problem.code.as_str().to_owned();
            Some(RefusedDelivery { delivery_id: one.id, code, detail: problem.detail })
        });
        Self { approved, refused: refused.collect() }
    }
}

/// Approve deliveries
///
/// At most 1,000 by id, each answered for by itself, or all that wait of an invoice run.
#[utoipa::path(tag = "deliveries", params(IdempotencyKeyHeader), request_body = ApprovalJson,
    responses((status = 200, body = ApprovalResultJson)), extensions(("x-permission" = json!("deliveries.approve"))))]
#[post("/v1/deliveries/approve")]
pub(crate) async fn approve_deliveries(
    may: May<need::DeliveriesApprove>,
    state: web::Data<State>,
    once: Once<ApprovalJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let results = app::deliveries::approve(tx, &caller, once.body.parsed()?)?;
            Answer::ok(&ApprovalResultJson::of(results))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// What to send.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSending, example = json!({}))]
pub(crate) struct SendingJson {
    /// Only this run's e-bills; every approved e-mail, receipts included, when absent.
    invoice_run_id: Option<InvoiceRunId>,
}

/// Send approved e-mail
///
/// Files the sending; its operation counts accounts.
#[utoipa::path(tag = "deliveries", params(IdempotencyKeyHeader), request_body = SendingJson,
    responses((status = 202, body = OperationJson)), extensions(("x-permission" = json!("deliveries.send"))))]
#[post("/v1/deliveries/send")]
pub(crate) async fn send_deliveries(
    may: May<need::DeliveriesSend>,
    state: web::Data<State>,
    once: Once<SendingJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once_filing(&caller, &once.key, |tx| {
            let view = app::deliveries::send(tx, &caller, once.body.invoice_run_id)?;
            Answer::accepted(&OperationJson::from(view))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Something said to a person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Message)]
pub(crate) struct MessageJson {
    id: MessageId,
    account_id: AccountId,
    person_id: Option<PersonId>,
    kind: MessageKind,
    language: Language,
    subject: String,
    body_text: String,
    body_html: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<Message> for MessageJson {
    fn from(row: Message) -> Self {
        Self {
            id: MessageId::new(row.account_id, row.id),
            account_id: row.account_id,
            person_id: row.person_id,
            kind: row.kind,
            language: row.language,
            subject: row.subject,
            body_text: row.body_text,
            body_html: row.body_html,
            created_at: row.created_at,
        }
    }
}

/// Read a message
#[utoipa::path(tag = "deliveries", params(("id" = MessageId, Path, description = "Message")),
    responses((status = 200, body = MessageJson)), extensions(("x-permission" = json!("messages.read"))))]
#[get("/v1/messages/{id}")]
pub(crate) async fn read_message(
    may: May<need::MessagesRead>,
    state: web::Data<State>,
    id: At<MessageId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let row = blocking(move || app.message(&caller, id.0)).await?;
    Ok(HttpResponse::Ok().json(MessageJson::from(row)))
}
