//! The open errors of a run; those of all runs are a room of their own
//! ([`bill_errors`](crate::routes::bill_errors)).

use crate::extract::{At, Params};
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::bill_errors::{BillErrorJson, error_code};
use crate::{State, blocking};
use actix_web::{HttpResponse, get, web};
use serde::Deserialize;
use store::bill_errors::ErrorFilter;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::RunId;

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_run_errors);
}

/// Which errors to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BillErrorQuery {
    /// Only this code.
    code: Option<String>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List the open errors of a bill run
#[utoipa::path(tag = "bill-runs", params(("id" = RunId, Path, description = "Bill run"), BillErrorQuery),
    responses((status = 200, body = Listed<BillErrorJson>)), extensions(("x-permission" = json!("bill_runs.read"))))]
#[get("/v1/bill-runs/{id}/errors")]
pub(crate) async fn list_run_errors(
    may: May<need::BillRunsRead>,
    state: web::Data<State>,
    id: At<RunId>,
    query: Params<BillErrorQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let code = query.code.as_deref().map(error_code).transpose()?;
    let filter = ErrorFilter { run: Some(id.0), code, open: Some(true), ..ErrorFilter::default() };
    let page = blocking(move || app.bill_errors(&caller, filter, None, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, BillErrorJson::from)))
}
