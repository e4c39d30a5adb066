//! The accounts of a run, their drafts, and what a test changed.

use crate::body::{IdempotencyKeyHeader, Once};
use crate::extract::{At, Params};
use crate::money::MoneyJson;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::{PageQuery, respond};
use crate::routes::bills::BillMessageText;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, post, web};
use app::Answer;
use app::runs::{Approval, DraftView, approve};
use serde::{Deserialize, Serialize};
use store::runs::{ItemFilter, RunItem};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{AccountId, BillId, Code, Currency, ItemState, RunId, SiteId, TestId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_run_items)
        .service(approve_run_items)
        .service(read_run_draft)
        .service(list_run_changes);
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
    /// The same as a stable word: an error's code, why nothing is billed, or what an acceptance found
    /// (`changed_since_test`, `open_flags`, `flag_held`, …).
    reason_code: Option<String>,
    /// Who approved its draft.
    approved_by: Option<String>,
}

impl From<RunItem> for ItemJson {
    fn from(row: RunItem) -> Self {
        Self {
            account_id: row.account_id,
            site_id: row.site_id,
            state: row.state,
            bill_id: row.bill_id.map(|bill| BillId::new(row.account_id, bill)),
            reason: row.reason,
            reason_code: row.reason_code,
            approved_by: row.approved_by,
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
    /// Only those that stay behind for this reason.
    reason_code: Option<String>,
    /// Only of this site.
    site_id: Option<SiteId>,
    /// Only those whose drafts are approved, or are not.
    approved: Option<bool>,
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
    let filter = ItemFilter {
        state: query.state,
        reason_code: query.reason_code,
        sites: query.site_id.map(|site| vec![site]),
        approved: query.approved,
        ..ItemFilter::default()
    };
    let page = blocking(move || app.run_items(&caller, id.0, &filter, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, ItemJson::from)))
}

/// Which drafts to approve.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "account_ids": ["acct_1f00"] }))]
pub(crate) struct ApproveItems {
    /// Those of these accounts, at most 1,000.
    #[serde(default)]
    #[schema(max_items = 1000)]
    account_ids: Vec<AccountId>,
    /// Or all that match, at most 1,000 at a time.
    matching: Option<MatchingItems>,
    /// `false`: takes approvals back.
    #[serde(default = "yes")]
    #[schema(default = true)]
    approved: bool,
}

const fn yes() -> bool {
    true
}

/// Drafts of a run.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MatchingItems {
    /// Only of this site.
    site_id: Option<SiteId>,
}

/// What became of each account.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ApprovedItems {
    /// How many are approved, or not any more.
    done: usize,
    items: Vec<ApprovedItem>,
}

/// What became of one account.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ApprovedItem {
    account_id: AccountId,
    done: bool,
    /// Why not: `not_found`, or `wrong_state` where there is no draft that could be accepted.
    #[schema(value_type = Option<String>)]
    code: Option<Code>,
    detail: Option<String>,
}

/// Approve drafts of a bill run
///
/// One by one or many at once, for an acceptance of approved accounts alone (`only_approved`). A later test that
/// makes a draft anew takes its approval back.
#[utoipa::path(tag = "bill-runs", params(("id" = RunId, Path, description = "Bill run"), IdempotencyKeyHeader),
    request_body = ApproveItems, responses((status = 200, body = ApprovedItems)),
    extensions(("x-permission" = json!("bill_runs.accept"))))]
#[post("/v1/bill-runs/{id}/items/approve")]
pub(crate) async fn approve_run_items(
    may: May<need::BillRunsAccept>,
    state: web::Data<State>,
    id: At<RunId>,
    once: Once<ApproveItems>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, body) = (state.app.clone(), may.caller(), once.body);
    let matching = body
        .matching
        .map(|of| ItemFilter { sites: of.site_id.map(|site| vec![site]), ..ItemFilter::default() });
    let wanted = Approval { accounts: body.account_ids, matching, approved: body.approved };
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let items = approve(tx, &caller, id.0, wanted)?.into_iter().map(|(account_id, refused)| {
                let done = refused.is_none();
                let (code, detail) = refused.unzip();
                ApprovedItem { account_id, done, code, detail }
            });
            let items: Vec<ApprovedItem> = items.collect();
            Answer::ok(&ApprovedItems { done: items.iter().filter(|of| of.done).count(), items })
        })
    })
    .await?;
    Ok(respond(answer))
}

/// The draft of one account.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillDraft)]
pub(crate) struct DraftJson {
    account_id: AccountId,
    test_id: TestId,
    /// Against the draft before it: `new`, `same`, `amount` or `outcome`.
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
/// The one that stands after the run's latest test: made by it (`test_id`), or by an earlier one since when the
/// account has not changed.
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
/// Drafts that the latest test made and that differ from those they replaced. Any two tests:
/// `GET /v1/bill-runs/{id}/tests/{test}/changes`.
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
