//! Bill messages: sentences that stand on bills.

use crate::body::{Body, IdempotencyKeyHeader, Once};
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::{At, Params};
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::{State, blocking};
use actix_web::{HttpResponse, delete, get, patch, post, web};
use app::Answer;
use app::bill_messages::{MessageChanges, Source, Wording};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use store::bill_messages::{BillMessage, MessageFilter};
use time::{Date, OffsetDateTime};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{
    AccountId, BillMessageId, Code, CycleId, FieldError, Language, MessageSource, Problem, RateScheduleId,
    WindowId,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(create_bill_message)
        .service(list_bill_messages)
        .service(read_bill_message)
        .service(change_bill_message)
        .service(delete_bill_message);
}

/// A sentence for bills.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillMessage)]
pub(crate) struct BillMessageJson {
    id: BillMessageId,
    /// On whose bills it stands.
    source: MessageSource,
    class_code: Option<String>,
    rate_schedule_id: Option<RateScheduleId>,
    cycle_id: Option<CycleId>,
    account_id: Option<AccountId>,
    window_id: Option<WindowId>,
    /// The text by language.
    texts: BTreeMap<Language, String>,
    /// First bill date.
    #[serde(with = "civil::option")]
    from_on: Option<Date>,
    /// Last bill date.
    #[serde(with = "civil::option")]
    to_on: Option<Date>,
    /// Lower stands first.
    priority: i16,
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<BillMessage> for BillMessageJson {
    fn from(row: BillMessage) -> Self {
        Self {
            id: row.id,
            source: row.source,
            class_code: row.class_code,
            rate_schedule_id: row.schedule_id,
            cycle_id: row.cycle_id,
            account_id: row.account_id,
            window_id: row.window_id,
            texts: serde_json::from_value(row.texts).unwrap_or_default(),
            from_on: row.from_on,
            to_on: row.to_on,
            priority: row.priority,
            created_by: row.created_by,
            created_at: row.created_at,
        }
    }
}

/// A sentence for bills, with what its source needs and nothing else: `customer_class` the class, `rate_schedule`
/// the rate, `cycle` the cycle, `account` the account, `bill` the account and the window.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBillMessage, example = json!({
    "source": "utility", "texts": { "en": "Our office is closed on Monday." }, "to_on": "2026-03-31"
}))]
pub(crate) struct NewBillMessageJson {
    source: MessageSource,
    class_code: Option<String>,
    rate_schedule_id: Option<RateScheduleId>,
    cycle_id: Option<CycleId>,
    account_id: Option<AccountId>,
    window_id: Option<WindowId>,
    /// The text by language; a reader of none of them gets the utility's first, or what there is.
    texts: BTreeMap<Language, String>,
    /// First bill date; no first when absent.
    #[serde(default, with = "civil::option")]
    from_on: Option<Date>,
    /// Last bill date; no last when absent.
    #[serde(default, with = "civil::option")]
    to_on: Option<Date>,
    /// Lower stands first.
    #[serde(default = "middle")]
    #[schema(default = 100, minimum = 0, maximum = 999)]
    priority: i16,
}

const fn middle() -> i16 {
    100
}

impl NewBillMessageJson {
    fn source(&self) -> Result<Source, Problem> {
        use MessageSource::{Account, Bill, CustomerClass, Cycle, RateSchedule, Utility};
        let fields = [
            ("/class_code", self.class_code.is_some(), self.source == CustomerClass),
            ("/rate_schedule_id", self.rate_schedule_id.is_some(), self.source == RateSchedule),
            ("/cycle_id", self.cycle_id.is_some(), self.source == Cycle),
            ("/account_id", self.account_id.is_some(), matches!(self.source, Account | Bill)),
            ("/window_id", self.window_id.is_some(), self.source == Bill),
        ];
        let wrong =
            fields.into_iter().filter(|(_, given, needed)| given != needed).map(|(pointer, given, _)| {
                let (code, detail) = if given {
                    (Code::FieldRange, format!("not with a message of source {}", self.source))
                } else {
                    (Code::FieldRequired, format!("needed for a message of source {}", self.source))
                };
                FieldError { pointer: pointer.to_owned(), code, detail }
            });
        let wrong: Vec<FieldError> = wrong.collect();
        let refused = || Problem::fields(wrong.clone());
        if !wrong.is_empty() {
            return Err(refused());
        }
        Ok(match self.source {
            Utility => Source::Utility,
            CustomerClass => Source::Class(self.class_code.clone().ok_or_else(refused)?),
            RateSchedule => Source::Schedule(self.rate_schedule_id.ok_or_else(refused)?),
            Cycle => Source::Cycle(self.cycle_id.ok_or_else(refused)?),
            Account => Source::Account(self.account_id.ok_or_else(refused)?),
            Bill => Source::Bill(self.account_id.ok_or_else(refused)?, self.window_id.ok_or_else(refused)?),
        })
    }
}

/// Write a bill message
///
/// It stands on the bills that are completed from now on and dated within its days, in the account's language;
/// they keep it whatever becomes of it.
#[utoipa::path(tag = "bill messages", params(IdempotencyKeyHeader), request_body = NewBillMessageJson,
    responses((status = 201, body = BillMessageJson)), extensions(("x-permission" = json!("messages.write"))))]
#[post("/v1/bill-messages")]
pub(crate) async fn create_bill_message(
    may: May<need::MessagesWrite>,
    state: web::Data<State>,
    once: Once<NewBillMessageJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let body = once.body;
            let source = body.source()?;
            let wording = Wording {
                texts: body.texts,
                from_on: body.from_on,
                to_on: body.to_on,
                priority: body.priority,
            };
            Answer::created(&BillMessageJson::from(app::bill_messages::create(tx, &caller, source, wording)?))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Which bill messages to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BillMessageQuery {
    /// Only those of this source.
    source: Option<MessageSource>,
    /// Only those of this account.
    account_id: Option<AccountId>,
    /// Only those that may stand on bills of this day.
    #[serde(default, with = "civil::option")]
    on: Option<Date>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List bill messages
///
/// Newest first; those of accounts at foreign sites are left out.
#[utoipa::path(tag = "bill messages", params(BillMessageQuery),
    responses((status = 200, body = Listed<BillMessageJson>)), extensions(("x-permission" = json!("messages.read"))))]
#[get("/v1/bill-messages")]
pub(crate) async fn list_bill_messages(
    may: May<need::MessagesRead>,
    state: web::Data<State>,
    query: Params<BillMessageQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let filter = MessageFilter { source: query.source, account: query.account_id, on: query.on, sites: None };
    let page = blocking(move || app.bill_messages(&caller, filter, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, BillMessageJson::from)))
}

/// Read a bill message
#[utoipa::path(tag = "bill messages", params(("id" = BillMessageId, Path, description = "Bill message")),
    responses((status = 200, body = BillMessageJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("messages.read"))))]
#[get("/v1/bill-messages/{id}")]
pub(crate) async fn read_bill_message(
    may: May<need::MessagesRead>,
    state: web::Data<State>,
    id: At<BillMessageId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let row = blocking(move || app.bill_message(&caller, id.0)).await?;
    Ok(tagged(row.version, &BillMessageJson::from(row)))
}

/// Changes of a bill message; what is absent stays. On whose bills it stands is not changed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BillMessageChanges, example = json!({ "to_on": "2026-04-30" }))]
pub(crate) struct BillMessageChangesJson {
    /// The text by language, all of it.
    texts: Option<BTreeMap<Language, String>>,
    /// First bill date; `null` takes it away.
    #[serde(default, deserialize_with = "day")]
    #[schema(value_type = Option<String>, format = Date)]
    from_on: Option<Option<Date>>,
    /// Last bill date; `null` takes it away.
    #[serde(default, deserialize_with = "day")]
    #[schema(value_type = Option<String>, format = Date)]
    to_on: Option<Option<Date>>,
    #[schema(minimum = 0, maximum = 999)]
    priority: Option<i16>,
}

fn day<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<Date>>, D::Error> {
    civil::option::deserialize(from).map(Some)
}

/// Change a bill message
///
/// Bills that have it keep it as it was.
#[utoipa::path(tag = "bill messages", params(("id" = BillMessageId, Path, description = "Bill message"), IfMatchHeader),
    request_body = BillMessageChangesJson,
    responses((status = 200, body = BillMessageJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("messages.write"))))]
#[patch("/v1/bill-messages/{id}")]
pub(crate) async fn change_bill_message(
    may: May<need::MessagesWrite>,
    state: web::Data<State>,
    id: At<BillMessageId>,
    version: IfMatch,
    body: Body<BillMessageChangesJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, body) = (state.app.clone(), may.caller(), body.0);
    let changes = MessageChanges {
        texts: body.texts,
        from_on: body.from_on,
        to_on: body.to_on,
        priority: body.priority,
    };
    let row = blocking(move || app.change_bill_message(&caller, id.0, version.0, changes)).await?;
    Ok(tagged(row.version, &BillMessageJson::from(row)))
}

/// Delete a bill message
///
/// Bills that have it keep it.
#[utoipa::path(tag = "bill messages", params(("id" = BillMessageId, Path, description = "Bill message")),
    responses((status = 204, description = "It is gone.")),
    extensions(("x-permission" = json!("messages.write"))))]
#[delete("/v1/bill-messages/{id}")]
pub(crate) async fn delete_bill_message(
    may: May<need::MessagesWrite>,
    state: web::Data<State>,
    id: At<BillMessageId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    blocking(move || app.delete_bill_message(&caller, id.0)).await?;
    Ok(HttpResponse::NoContent().finish())
}
