//! How a bill, or a draft of one, came about: as data, or as plain text for a reader.

mod form;

use crate::extract::{At, Params, prefers};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::{State, blocking};
use actix_web::{HttpRequest, HttpResponse, get, web};
use app::explanation::Explanation;
use form::ExplanationJson;
use serde::Deserialize;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{AccountId, BillId, Language, RunId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(explain_bill).service(explain_draft);
}

/// In which language to explain.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExplanationQuery {
    /// The account's own when absent.
    language: Option<Language>,
}

/// JSON, or plain text for who asks for it.
fn answer(request: &HttpRequest, explanation: Explanation) -> HttpResponse {
    if prefers(request, "text/plain") {
        return HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(explanation.text());
    }
    HttpResponse::Ok().json(ExplanationJson::of(explanation))
}

/// Explain a bill
///
/// Its whole derivation: segments with the reads they rest on, quantities that the tariff worked out, and every line
/// as the sentence that the customer reads, with the steps from the quantity to the rounded amount; then the balance.
/// The figures are those of the bill's own record. JSON, or with `Accept: text/plain` the same as text.
#[utoipa::path(tag = "bills", params(("id" = BillId, Path, description = "Bill"), ExplanationQuery),
    responses((status = 200, content((ExplanationJson = "application/json"), (String = "text/plain")))),
    extensions(("x-permission" = json!("bills.read"))))]
#[get("/v1/bills/{id}/explanation")]
pub(crate) async fn explain_bill(
    may: May<need::BillsRead>,
    state: web::Data<State>,
    id: At<BillId>,
    query: Params<ExplanationQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let explanation = blocking(move || app.bill_explanation(&caller, id.0, query.0.language)).await?;
    Ok(answer(&request, explanation))
}

/// Explain an account's draft
///
/// As a bill is explained, for the run's latest test. The balance is known when the bill is completed. JSON, or with
/// `Accept: text/plain` the same as text.
#[utoipa::path(tag = "bill-runs",
    params(("id" = RunId, Path, description = "Bill run"), ("account" = AccountId, Path, description = "Account"),
        ExplanationQuery),
    responses((status = 200, content((ExplanationJson = "application/json"), (String = "text/plain")))),
    extensions(("x-permission" = json!("bill_runs.read"))))]
#[get("/v1/bill-runs/{id}/items/{account}/explanation")]
pub(crate) async fn explain_draft(
    may: May<need::BillRunsRead>,
    state: web::Data<State>,
    at: At<(RunId, AccountId)>,
    query: Params<ExplanationQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (run, account) = at.0;
    let explanation =
        blocking(move || app.draft_explanation(&caller, run, account, query.0.language)).await?;
    Ok(answer(&request, explanation))
}
