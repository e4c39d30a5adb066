//! One account's bill, drafted and posted at once.

use crate::body::{Body, IdempotencyKeyHeader, Once};
use crate::extract::{At, Params};
use crate::money::MoneyJson;
use crate::permissions::{May, need};
use crate::preview::Previewed;
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::routes::bills::BillJson;
use crate::routes::corrections::DryRunQuery;
use crate::{State, blocking};
use actix_web::{HttpResponse, post, web};
use app::Answer;
use app::single_bills::{self, Drafted, NewBill, Span};
use serde::{Deserialize, Serialize};
use time::Date;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{AccountId, Code, ContractId, Currency, ItemState, Problem, WindowId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(preview_account_bill).service(post_account_bill);
}

/// Which days of an account are billed: those of a window, or all up to a day.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "through_on": "2026-02-14" }))]
pub(crate) struct BillSpan {
    /// A window of the account's cycle, in the place of a bill run.
    window_id: Option<WindowId>,
    /// The last day of an off-cycle bill, which belongs to no window; not after today.
    #[serde(default, with = "civil::option")]
    through_on: Option<Date>,
    /// Only these contracts; all of the account's when absent.
    contract_ids: Option<Vec<ContractId>>,
}

/// A bill to post.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "through_on": "2026-02-14", "release_reason": "A pool was filled" }))]
pub(crate) struct NewAccountBill {
    /// A window of the account's cycle, in the place of a bill run.
    window_id: Option<WindowId>,
    /// The last day of an off-cycle bill, which belongs to no window; not after today.
    #[serde(default, with = "civil::option")]
    through_on: Option<Date>,
    /// Only these contracts; all of the account's when absent.
    contract_ids: Option<Vec<ContractId>>,
    /// Why blocking flags are released; without it they are refused.
    #[schema(min_length = 1, max_length = 500)]
    release_reason: Option<String>,
}

fn parse(
    window: Option<WindowId>,
    through_on: Option<Date>,
    contracts: Option<Vec<ContractId>>,
) -> Result<NewBill, Problem> {
    let span = match (window, through_on) {
        (Some(window), None) => Span::Window(window),
        (None, Some(through_on)) => Span::Through(through_on),
        (None, None) => {
            return Err(Problem::field("/through_on", Code::FieldRequired, "a last day, or a window"));
        }
        (Some(_), Some(_)) => {
            return Err(Problem::field("/through_on", Code::FieldRange, "a last day or a window, not both"));
        }
    };
    Ok(NewBill { span, contracts })
}

/// What an account's bill would be.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BillPreview {
    account_id: AccountId,
    state: ItemState,
    /// The first day that is not billed, or of the window.
    #[serde(with = "civil")]
    from_on: Date,
    #[serde(with = "civil")]
    through_on: Date,
    /// New charges.
    total: MoneyJson,
    /// The draft in the form of `GET /v1/bill-runs/{id}/items/{account}`: segments, flags, totals.
    #[schema(value_type = Object)]
    document: serde_json::Value,
}

impl BillPreview {
    fn of(currency: Currency, drafted: &Drafted) -> app::Result<Self> {
        Ok(Self {
            account_id: drafted.account,
            state: drafted.draft.state,
            from_on: drafted.window.starts_on,
            through_on: drafted.window.ends_on,
            total: MoneyJson::of(currency, drafted.draft.total),
            document: serde_json::to_value(&drafted.draft)?,
        })
    }
}

/// Preview an account's bill
///
/// Drafted now by the code of bill runs, and kept nowhere.
#[utoipa::path(tag = "bills", params(("id" = AccountId, Path, description = "Account")),
    request_body = BillSpan, responses((status = 200, body = BillPreview)),
    extensions(("x-permission" = json!("bills.preview"))))]
#[post("/v1/accounts/{id}/bills/preview")]
pub(crate) async fn preview_account_bill(
    may: May<need::BillsPreview>,
    state: web::Data<State>,
    id: At<AccountId>,
    body: Body<BillSpan>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, body) = (state.app.clone(), may.caller(), body.0);
    let new = parse(body.window_id, body.through_on, body.contract_ids)?;
    let preview = blocking(move || {
        let currency = app.utility()?.currency;
        BillPreview::of(currency, &app.preview_bill(&caller, id.0, &new)?)
    })
    .await?;
    Ok(HttpResponse::Ok().json(preview))
}

/// Post an account's bill
///
/// Drafted and posted at once by the code of bill runs: a bill of a window in which no live run holds the account,
/// or an off-cycle bill (a final one, or one for a customer at the counter). Errors of the draft refuse it, and so
/// do blocking flags unless `release_reason` says why they are released.
#[utoipa::path(tag = "bills",
    params(("id" = AccountId, Path, description = "Account"), DryRunQuery, IdempotencyKeyHeader),
    request_body = NewAccountBill, responses((status = 201, body = Previewed<BillJson>)),
    extensions(("x-permission" = json!("bills.accept"))))]
#[post("/v1/accounts/{id}/bills")]
pub(crate) async fn post_account_bill(
    may: May<need::BillsAccept>,
    state: web::Data<State>,
    id: At<AccountId>,
    query: Params<DryRunQuery>,
    once: Once<NewAccountBill>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, body) = (state.app.clone(), may.caller(), once.body);
    let new = parse(body.window_id, body.through_on, body.contract_ids)?;
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        app.once_or_preview(&caller, &once.key, query.0.dry_run, |tx| {
            let bill = single_bills::post(tx, &caller, id.0, &new, body.release_reason.as_deref())?;
            Answer::created(&Previewed { dry_run: query.0.dry_run, of: BillJson::of(currency, &bill) })
        })
    })
    .await?;
    Ok(respond(answer))
}
