//! Work lists: what waits for a person, site by site.

use crate::extract::Params;
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use store::work_lists::WorkList;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::SiteId;

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(read_work_lists);
}

/// What waits for a person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct WorkLists {
    /// For whom.
    assignee: String,
    /// By site; sites where nothing waits are left out.
    items: Vec<SiteWork>,
}

/// What waits at one site.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct SiteWork {
    site_id: SiteId,
    /// Open blocking flags that the person is to look at.
    flags: WorkCount,
    /// Open blocking flags that nobody has been given; the list of them shows all.
    unassigned_flags: WorkCount,
    /// Errors that the person is to look at.
    errors: WorkCount,
    /// Errors that nobody has been given; the list of them shows all.
    unassigned_errors: WorkCount,
    /// Held reads.
    held_reads: WorkCount,
    /// Open orders to read again.
    reread_orders: WorkCount,
    /// Open proposals to bill again.
    rebill_proposals: WorkCount,
}

/// How many, and where they are listed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct WorkCount {
    count: i64,
    /// The path of the list, with its filters.
    list: String,
}

impl SiteWork {
    fn of(row: WorkList, assignee: &str) -> Self {
        let site = row.site_id;
        let person = form_urlencoded::byte_serialize(assignee.as_bytes()).collect::<String>();
        let of = |count, list: String| WorkCount { count, list };
        let flags = format!("/v1/review-flags?site_id={site}&severity=block&disposition=open");
        let errors = format!("/v1/billing-errors?site_id={site}");
        Self {
            site_id: site,
            flags: of(row.flags, format!("{flags}&assignee={person}")),
            unassigned_flags: of(row.unassigned_flags, flags),
            errors: of(row.errors, format!("{errors}&assignee={person}")),
            unassigned_errors: of(row.unassigned_errors, errors),
            held_reads: of(row.held_reads, format!("/v1/held-reads?site_id={site}")),
            reread_orders: of(row.reread_orders, format!("/v1/reread-orders?site_id={site}&state=open")),
            rebill_proposals: of(
                row.rebill_proposals,
                format!("/v1/rebill-proposals?site_id={site}&state=open"),
            ),
        }
    }
}

/// Whose work to count.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WorkListQuery {
    /// For this person; for you when absent.
    assignee: Option<String>,
}

/// Read work lists
///
/// What waits at each of your sites: open blocking flags and errors of runs that can still be accepted, yours and
/// those that nobody has been given; held reads; open orders to read again; open proposals to bill again.
#[utoipa::path(tag = "review", params(WorkListQuery), responses((status = 200, body = WorkLists)),
    extensions(("x-permission" = json!("bill_runs.read"))))]
#[get("/v1/work-lists")]
pub(crate) async fn read_work_lists(
    may: May<need::BillRunsRead>,
    state: web::Data<State>,
    query: Params<WorkListQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (assignee, rows) = blocking(move || app.work_lists(&caller, query.0.assignee)).await?;
    let items = rows.into_iter().map(|row| SiteWork::of(row, &assignee)).collect();
    Ok(HttpResponse::Ok().json(WorkLists { assignee, items }))
}
