//! Orders to read again.

use crate::body::{IdempotencyKeyHeader, Once};
use crate::extract::{At, Params};
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, post, web};
use app::Answer;
use app::rereads::{self, NewOrder, Ordered};
use serde::{Deserialize, Serialize};
use store::reread_orders::RereadOrder;
use time::OffsetDateTime;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{FlagId, ReadId, RegisterId, RereadOrderId, RereadState, ServicePointId, SiteId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(order_rereads)
        .service(list_reread_orders)
        .service(read_reread_order)
        .service(cancel_reread_order);
}

/// An order to read again.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RereadOrder)]
pub(crate) struct RereadOrderJson {
    id: RereadOrderId,
    service_point_id: ServicePointId,
    /// `null`: every register of the service point.
    register_id: Option<RegisterId>,
    reason: String,
    state: RereadState,
    ordered_by: String,
    #[serde(with = "time::serde::rfc3339")]
    ordered_at: OffsetDateTime,
    /// The flag whose review ordered it.
    flag_id: Option<FlagId>,
    /// The read that did it.
    read_id: Option<ReadId>,
    #[serde(with = "time::serde::rfc3339::option")]
    done_at: Option<OffsetDateTime>,
    cancelled_by: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    cancelled_at: Option<OffsetDateTime>,
    cancelled_reason: Option<String>,
}

impl From<RereadOrder> for RereadOrderJson {
    fn from(row: RereadOrder) -> Self {
        let point = row.service_point_id;
        Self {
            id: row.order_id(),
            service_point_id: point,
            register_id: row.register_id.map(|register| RegisterId::new(point, register)),
            reason: row.reason,
            state: row.state,
            ordered_by: row.ordered_by,
            ordered_at: row.ordered_at,
            flag_id: row.flag_account_id.zip(row.flag_id).map(|(account, flag)| FlagId::new(account, flag)),
            read_id: row.read_id.map(|read| ReadId::new(point, read)),
            done_at: row.done_at,
            cancelled_by: row.cancelled_by,
            cancelled_at: row.cancelled_at,
            cancelled_reason: row.cancelled_reason,
        }
    }
}

/// What is to be read again.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRereadOrder {
    service_point_id: ServicePointId,
    /// Every register of the service point when absent.
    register_id: Option<RegisterId>,
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Orders to be placed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "items": [
    { "service_point_id": "sp_04z7t9", "reason": "The value is four times that of last month." }
] }))]
pub(crate) struct NewRereadOrders {
    /// At most 1,000.
    #[schema(min_items = 1, max_items = 1000)]
    items: Vec<NewRereadOrder>,
}

/// What became of each order, in their order.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct OrderedRereads {
    /// How many were placed.
    ordered: usize,
    items: Vec<OrderedReread>,
}

/// What became of one order.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct OrderedReread {
    /// `null`: it was not placed.
    order: Option<RereadOrderJson>,
    /// Why not.
    error: Option<RereadRefusal>,
}

/// Why an order was not placed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RereadRefusal {
    /// What is at fault, as a JSON pointer into the request.
    pointer: String,
    code: String,
    detail: String,
}

impl From<Ordered> for OrderedReread {
    fn from(ordered: Ordered) -> Self {
        match ordered {
            Ok(row) => Self { order: Some(row.into()), error: None },
            Err(error) => {
                let code = error.code.as_str().to_owned();
                let error = RereadRefusal { pointer: error.pointer, code, detail: error.detail };
                Self { order: None, error: Some(error) }
            }
        }
    }
}

/// Order rereads
///
/// One or many at once, each placed by itself. An order is done by the first read off the meter, or told by
/// the customer, that is stored after it for its register (or for any register, when the order names none).
/// What has an open order gets no second one.
#[utoipa::path(tag = "reads", params(IdempotencyKeyHeader), request_body = NewRereadOrders,
    responses((status = 200, body = OrderedRereads)), extensions(("x-permission" = json!("reads.write"))))]
#[post("/v1/reread-orders")]
pub(crate) async fn order_rereads(
    may: May<need::ReadsWrite>,
    state: web::Data<State>,
    once: Once<NewRereadOrders>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let new = |of: NewRereadOrder| NewOrder {
        point: of.service_point_id,
        register: of.register_id,
        reason: of.reason,
        flag: None,
    };
    let answer = blocking(move || {
        let wanted: Vec<NewOrder> = once.body.items.into_iter().map(new).collect();
        app.once(&caller, &once.key, |tx| {
            let items: Vec<OrderedReread> =
                rereads::order(tx, &caller, wanted)?.into_iter().map(Into::into).collect();
            let ordered = items.iter().filter(|item| item.order.is_some()).count();
            Answer::ok(&OrderedRereads { ordered, items })
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Which orders to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RereadQuery {
    /// Only at service points of this site.
    site_id: Option<SiteId>,
    /// Only of this state.
    state: Option<RereadState>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List reread orders
///
/// By service point; only of your sites.
#[utoipa::path(tag = "reads", params(RereadQuery), responses((status = 200, body = Listed<RereadOrderJson>)),
    extensions(("x-permission" = json!("reads.read"))))]
#[get("/v1/reread-orders")]
pub(crate) async fn list_reread_orders(
    may: May<need::ReadsRead>,
    state: web::Data<State>,
    query: Params<RereadQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let page =
        blocking(move || app.reread_orders(&caller, query.site_id, query.state, cursor.as_ref(), limit))
            .await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, RereadOrderJson::from)))
}

/// Read a reread order
#[utoipa::path(tag = "reads", params(("id" = RereadOrderId, Path, description = "Reread order")),
    responses((status = 200, body = RereadOrderJson)), extensions(("x-permission" = json!("reads.read"))))]
#[get("/v1/reread-orders/{id}")]
pub(crate) async fn read_reread_order(
    may: May<need::ReadsRead>,
    state: web::Data<State>,
    id: At<RereadOrderId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let row = blocking(move || app.reread_order(&caller, id.0)).await?;
    Ok(HttpResponse::Ok().json(RereadOrderJson::from(row)))
}

/// Why an order is taken back.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The customer sent a photo of the dials." }))]
pub(crate) struct CancelReread {
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Cancel a reread order
///
/// Only one that is still open.
#[utoipa::path(tag = "reads", params(("id" = RereadOrderId, Path, description = "Reread order"), IdempotencyKeyHeader),
    request_body = CancelReread, responses((status = 200, body = RereadOrderJson)),
    extensions(("x-permission" = json!("reads.write"))))]
#[post("/v1/reread-orders/{id}/cancel")]
pub(crate) async fn cancel_reread_order(
    may: May<need::ReadsWrite>,
    state: web::Data<State>,
    id: At<RereadOrderId>,
    once: Once<CancelReread>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            Answer::ok(&RereadOrderJson::from(rereads::cancel(tx, &caller, id.0, once.body.reason)?))
        })
    })
    .await?;
    Ok(respond(answer))
}
