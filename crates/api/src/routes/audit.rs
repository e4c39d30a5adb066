//! The audit log.

use crate::extract::Params;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use store::audit::AuditEntry;
use time::OffsetDateTime;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::AuditId;

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_audit);
}

/// What was done, by whom.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct AuditJson {
    id: AuditId,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    /// Opaque id of the user or program, or `system`.
    actor: String,
    /// Resource, dot, verb.
    action: String,
    /// Opaque id of the thing.
    subject: String,
    before: Option<serde_json::Value>,
    after: Option<serde_json::Value>,
    reason: Option<String>,
    request_id: Option<String>,
    /// How many things the entry stands for.
    items: i32,
}

impl From<AuditEntry> for AuditJson {
    fn from(row: AuditEntry) -> Self {
        Self {
            id: AuditId(row.id),
            at: row.at,
            actor: row.actor,
            action: row.action,
            subject: row.subject,
            before: row.before,
            after: row.after,
            reason: row.reason,
            request_id: row.request_id,
            items: row.items,
        }
    }
}

/// Which entries to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Only what was done to this thing, by its id.
    subject: Option<String>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List the audit log
///
/// Newest first. Staff limited to sites see what was done to an account of these, or to something of it,
/// by its `subject`; otherwise only what they did themselves.
#[utoipa::path(tag = "audit", params(AuditQuery), responses((status = 200, body = Listed<AuditJson>)),
    extensions(("x-permission" = json!("audit.read"))))]
#[get("/v1/audit")]
pub(crate) async fn list_audit(
    may: May<need::AuditRead>,
    state: web::Data<State>,
    query: Params<AuditQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let page = blocking(move || app.audit(&caller, query.subject.as_deref(), cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, AuditJson::from)))
}
