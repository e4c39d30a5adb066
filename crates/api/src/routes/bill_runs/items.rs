//! The accounts of a run, their drafts, and what a test changed.

use crate::extract::{At, Params};
use crate::money::MoneyJson;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::PageQuery;
use crate::routes::bills::BillMessageText;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, web};
use app::runs::{DraftView, ItemQuery};
use serde::{Deserialize, Serialize};
use store::runs::RunItem;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{AccountId, BillId, Currency, ItemState, RunId, SiteId, TestId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_run_items).service(read_run_draft).service(list_run_changes);
}

/// One account in a run.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillRunItem)]
pub(crate) struct ItemJson {
    account_id: AccountId,
    site_id: SiteId,
    state: ItemState,
    /// Its posted bill.
    bill_id: Option<BillId>,
    /// Why it stays behind.
    reason: Option<String>,
}

impl From<RunItem> for ItemJson {
    fn from(row: RunItem) -> Self {
        Self {
            account_id: row.account_id,
            site_id: row.site_id,
            state: row.state,
            bill_id: row.bill_id.map(|bill| BillId::new(row.account_id, bill)),
            reason: row.reason,
        }
    }
}

/// Which items to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunItemQuery {
    /// Only this state.
    state: Option<ItemState>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List the accounts of a bill run
#[utoipa::path(tag = "bill-runs", params(("id" = RunId, Path, description = "Bill run"), RunItemQuery),
    responses((status = 200, body = Listed<ItemJson>)), extensions(("x-permission" = json!("bill_runs.read"))))]
#[get("/v1/bill-runs/{id}/items")]
pub(crate) async fn list_run_items(
    may: May<need::BillRunsRead>,
    state: web::Data<State>,
    id: At<RunId>,
    query: Params<RunItemQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let wanted = ItemQuery { state: query.state };
    let page = blocking(move || app.run_items(&caller, id.0, wanted, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, ItemJson::from)))
}

/// The draft of one account.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillDraft)]
pub(crate) struct DraftJson {
    account_id: AccountId,
    test_id: TestId,
    /// Against the test before: `new`, `same`, `amount` or `outcome`.
    changed: String,
    state: ItemState,
    /// New charges.
    total: MoneyJson,
    /// SHA-256 of everything that the draft rests on.
    digest: String,
    /// The draft as stored, version `v`: a segment per contract with its outcome, lines, reads and errors;
    /// flags; totals. Amounts inside are whole minor units, other numbers decimals in strings.
    document: serde_json::Value,
    /// What would be said on the bill, as things are now; only where one draft is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Vec<BillMessageText>>,
}

impl DraftJson {
    fn of(currency: Currency, view: DraftView) -> Result<Self, app::Error> {
        Ok(Self {
            account_id: view.account,
            test_id: view.test,
            changed: view.changed,
            state: view.draft.state,
            total: MoneyJson::of(currency, view.draft.total),
            digest: view.draft.digest.to_string(),
            document: serde_json::to_value(&view.draft)?,
            messages: None,
        })
    }
}

/// Read an account's draft
///
/// Of the run's latest test.
#[utoipa::path(tag = "bill-runs",
    params(("id" = RunId, Path, description = "Bill run"), ("account" = AccountId, Path, description = "Account")),
    responses((status = 200, body = DraftJson)), extensions(("x-permission" = json!("bill_runs.read"))))]
#[get("/v1/bill-runs/{id}/items/{account}")]
pub(crate) async fn read_run_draft(
    may: May<need::BillRunsRead>,
    state: web::Data<State>,
    at: At<(RunId, AccountId)>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (id, account) = at.0;
    let draft = blocking(move || {
        let currency = app.utility()?.currency;
        let view = app.run_draft(&caller, id, account)?;
        let said = app.draft_messages(&caller, id, &view)?;
        let messages = Some(said.iter().map(BillMessageText::of).collect());
        Ok(DraftJson { messages, ..DraftJson::of(currency, view)? })
    })
    .await?;
    Ok(HttpResponse::Ok().json(draft))
}

/// List what a test changed
///
/// Drafts of the latest test that differ from the test before it.
#[utoipa::path(tag = "bill-runs", params(("id" = RunId, Path, description = "Bill run"), PageQuery),
    responses((status = 200, body = Listed<DraftJson>)), extensions(("x-permission" = json!("bill_runs.read"))))]
#[get("/v1/bill-runs/{id}/changes")]
pub(crate) async fn list_run_changes(
    may: May<need::BillRunsRead>,
    state: web::Data<State>,
    id: At<RunId>,
    query: Params<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (limit, cursor) = window(query.0.limit, query.0.cursor.as_deref())?;
    let listed = blocking(move || {
        let currency = app.utility()?.currency;
        let page = app.run_changes(&caller, id.0, None, cursor.as_ref(), limit)?;
        let next = page.next.map(|cursor| cursor.to_string());
        let items =
            page.items.into_iter().map(|view| DraftJson::of(currency, view)).collect::<app::Result<_>>()?;
        Ok(Listed { items, next })
    })
    .await?;
    Ok(HttpResponse::Ok().json(listed))
}
