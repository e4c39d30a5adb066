//! Trials of other rates on what has been billed: starting them, reading what they come to.

use crate::body::{IdempotencyKeyHeader, Once};
use crate::extract::{At, Params};
use crate::files::streamed;
use crate::money::MoneyJson;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::routes::operations::OperationJson;
use crate::{State, blocking};
use actix_web::{HttpResponse, delete, get, post, web};
use app::Answer;
use app::what_if::{Figures, NewReplacement, NewWhatIf, Replacement, WhatIfView, With};
use serde::{Deserialize, Serialize};
use store::what_if::{AccountOrder, ListedResult, ResultFilter, WhatIfRun};
use time::{Date, OffsetDateTime};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{
    AccountId, AccountNumber, Currency, OperationId, RateScheduleId, RateVersionId, SiteId, WhatIfOutcome,
    WhatIfRunId,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(start_what_if_run)
        .service(list_what_if_runs)
        .service(read_what_if_run)
        .service(delete_what_if_run)
        .service(list_what_if_accounts)
        .service(download_what_if_accounts);
}

/// A trial of other rates on what has been billed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WhatIfRun)]
pub(crate) struct WhatIfRunJson {
    id: WhatIfRunId,
    name: String,
    /// Segments whose last charged day is not before this one.
    #[serde(with = "civil")]
    from_on: Date,
    /// Nor after this one.
    #[serde(with = "civil")]
    to_on: Date,
    /// `site_ids`, `class_codes` or `account_ids`; empty for all.
    scope: serde_json::Value,
    operation_id: OperationId,
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<&WhatIfRun> for WhatIfRunJson {
    fn from(run: &WhatIfRun) -> Self {
        Self {
            id: run.id,
            name: run.name.clone(),
            from_on: run.from_on,
            to_on: run.to_on,
            scope: run.scope.clone(),
            operation_id: run.operation_id,
            created_by: run.created_by.clone(),
            created_at: run.created_at,
        }
    }
}

/// A trial with its progress, in accounts, and what it comes to so far.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct WhatIfRunDetail {
    #[serde(flatten)]
    run: WhatIfRunJson,
    replacements: Vec<ReplacementJson>,
    operation: OperationJson,
    totals: WhatIfFigures,
    /// The same by customer class.
    classes: Vec<WhatIfClass>,
    links: WhatIfLinks,
}

/// What the accounts of a class come to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct WhatIfClass {
    class_code: String,
    #[serde(flatten)]
    figures: WhatIfFigures,
}

/// What accounts come to. Those that cannot be rated again are counted in `errors` and in nothing else.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct WhatIfFigures {
    /// Accounts in the sums: winners, losers and unchanged.
    accounts: i64,
    /// Accounts that would have paid less.
    winners: i64,
    /// Accounts that would have paid more.
    losers: i64,
    /// Accounts that would have paid the same.
    unchanged: i64,
    /// Accounts that cannot be rated again.
    errors: i64,
    /// What was billed.
    billed: MoneyJson,
    /// What it would have been.
    alternative: MoneyJson,
    /// How much more it would have been; negative when less.
    difference: MoneyJson,
}

impl WhatIfFigures {
    fn of(currency: Currency, figures: &Figures) -> Self {
        Self {
            accounts: figures.accounts,
            winners: figures.winners,
            losers: figures.losers,
            unchanged: figures.unchanged,
            errors: figures.errors,
            billed: MoneyJson::of(currency, figures.billed),
            alternative: MoneyJson::of(currency, figures.alternative),
            difference: MoneyJson::of(currency, figures.difference),
        }
    }
}

/// Where to go on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct WhatIfLinks {
    /// What each account comes to.
    accounts: String,
    /// The same as a CSV file.
    sheet: String,
}

impl WhatIfRunDetail {
    fn of(currency: Currency, view: WhatIfView) -> Result<Self, app::Error> {
        let id = view.run.id;
        let replacements = app::what_if::replacements_of(&view.run)?;
        let classes = view.classes.into_iter().map(|(class_code, figures)| WhatIfClass {
            class_code,
            figures: WhatIfFigures::of(currency, &figures),
        });
        Ok(Self {
            run: WhatIfRunJson::from(&view.run),
            replacements: replacements.into_iter().map(ReplacementJson::from).collect(),
            operation: view.operation.into(),
            totals: WhatIfFigures::of(currency, &view.totals),
            classes: classes.collect(),
            links: WhatIfLinks {
                accounts: format!("/v1/what-if-runs/{id}/accounts"),
                sheet: format!("/v1/what-if-runs/{id}/accounts.csv"),
            },
        })
    }
}

/// A rate to be replaced, and exactly one of what may stand in for it.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RateReplacement)]
pub(crate) struct ReplacementJson {
    /// The rate that made the segments.
    schedule_id: RateScheduleId,
    /// Another rate for the same commodity, with the versions that it has when the trial is started. The
    /// same rate rates again what its present versions say.
    #[serde(skip_serializing_if = "Option::is_none")]
    with_schedule_id: Option<RateScheduleId>,
    /// One stored version, in force on every day.
    #[serde(skip_serializing_if = "Option::is_none")]
    with_version_id: Option<RateVersionId>,
    /// A tariff in the form of a version, not stored as one, in force on every day; `effective_on` may be
    /// left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    with_tariff: Option<serde_json::Value>,
}

impl From<Replacement> for ReplacementJson {
    fn from(one: Replacement) -> Self {
        let blank = Self {
            schedule_id: one.schedule_id,
            with_schedule_id: None,
            with_version_id: None,
            with_tariff: None,
        };
        match one.with {
            With::Schedule { schedule_id, .. } => Self { with_schedule_id: Some(schedule_id), ..blank },
            With::Version { version_id, .. } => Self { with_version_id: Some(version_id), ..blank },
            With::Tariff(tariff) => Self { with_tariff: Some(tariff), ..blank },
        }
    }
}

impl From<ReplacementJson> for NewReplacement {
    fn from(one: ReplacementJson) -> Self {
        Self {
            schedule: one.schedule_id,
            with_schedule: one.with_schedule_id,
            with_version: one.with_version_id,
            with_tariff: one.with_tariff,
        }
    }
}

/// A trial to start.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Steeper summer rate", "from_on": "2026-01-01", "to_on": "2026-12-31",
    "replacements": [{ "schedule_id": "rate_0g1z", "with_tariff": { "rules": [
        { "id": "customer", "label": { "en": "Customer charge" }, "charge": { "kind": "flat", "amount": "9.00" } },
        { "id": "energy", "label": { "en": "Energy" },
          "charge": { "kind": "unit", "quantity": { "unit": "kwh" }, "price": "0.14" } }
    ] } }]
}))]
pub(crate) struct NewWhatIfRun {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Segments whose last charged day is not before this one.
    #[serde(with = "civil")]
    from_on: Date,
    /// Nor after this one.
    #[serde(with = "civil")]
    to_on: Date,
    /// Only these sites; all that you see when absent.
    site_ids: Option<Vec<SiteId>>,
    /// Only these customer classes.
    #[schema(max_items = 100)]
    class_codes: Option<Vec<String>>,
    /// Only these accounts.
    #[schema(max_items = 10_000)]
    account_ids: Option<Vec<AccountId>>,
    /// Which rates are replaced. Segments of other rates are left out.
    #[schema(min_items = 1, max_items = 50)]
    replacements: Vec<ReplacementJson>,
}

/// Start a trial of other rates
///
/// What would have been billed under other rates: the posted segments of the replaced rates are rated
/// again, each from its own reads, days, items and characteristics, with the factors of now. What a rate
/// remembers (averages, banks, the year so far) is what the trial made of the months before, and what was
/// billed before `from_on`. Nothing is posted. Charges that were passed on with a segment stay as they are.
#[utoipa::path(tag = "rates", params(IdempotencyKeyHeader), request_body = NewWhatIfRun,
    responses((status = 202, body = WhatIfRunDetail)), extensions(("x-permission" = json!("rates.write"))))]
#[post("/v1/what-if-runs")]
pub(crate) async fn start_what_if_run(
    may: May<need::RatesWrite>,
    state: web::Data<State>,
    once: Once<NewWhatIfRun>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        app.once_filing(&caller, &once.key, |tx| {
            let body = once.body;
            let new = NewWhatIf {
                name: body.name,
                from_on: body.from_on,
                to_on: body.to_on,
                sites: body.site_ids,
                classes: body.class_codes,
                accounts: body.account_ids,
                replacements: body.replacements.into_iter().map(NewReplacement::from).collect(),
            };
            let view = app::what_if::start(tx, &caller, new)?;
            Answer::accepted(&WhatIfRunDetail::of(currency, view)?)
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Which trials to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhatIfQuery {
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List trials of other rates
///
/// Newest first. Trials that reach beyond your sites are left out, so that a page may be shorter than asked.
#[utoipa::path(tag = "rates", params(WhatIfQuery), responses((status = 200, body = Listed<WhatIfRunJson>)),
    extensions(("x-permission" = json!("reports.read"))))]
#[get("/v1/what-if-runs")]
pub(crate) async fn list_what_if_runs(
    may: May<need::ReportsRead>,
    state: web::Data<State>,
    query: Params<WhatIfQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (limit, cursor) = window(query.0.limit, query.0.cursor.as_deref())?;
    let page = blocking(move || app.what_if_runs(&caller, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, |run| WhatIfRunJson::from(&run))))
}

/// Read a trial of other rates
///
/// With what it comes to so far, in all and by customer class. Its operation says when that is final.
#[utoipa::path(tag = "rates", params(("id" = WhatIfRunId, Path, description = "Trial")),
    responses((status = 200, body = WhatIfRunDetail)), extensions(("x-permission" = json!("reports.read"))))]
#[get("/v1/what-if-runs/{id}")]
pub(crate) async fn read_what_if_run(
    may: May<need::ReportsRead>,
    state: web::Data<State>,
    id: At<WhatIfRunId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let detail = blocking(move || {
        let currency = app.utility()?.currency;
        WhatIfRunDetail::of(currency, app.what_if_run(&caller, id.0)?)
    })
    .await?;
    Ok(HttpResponse::Ok().json(detail))
}

/// Throw a trial away
///
/// With its results, for ever. `wrong_state` while it is under way or can be resumed: cancel its operation first.
#[utoipa::path(tag = "rates", params(("id" = WhatIfRunId, Path, description = "Trial")),
    responses((status = 204, description = "It is gone.")),
    extensions(("x-permission" = json!("rates.write"))))]
#[delete("/v1/what-if-runs/{id}")]
pub(crate) async fn delete_what_if_run(
    may: May<need::RatesWrite>,
    state: web::Data<State>,
    id: At<WhatIfRunId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    blocking(move || app.delete_what_if_run(&caller, id.0)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What an account would have paid.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct WhatIfAccount {
    account_id: AccountId,
    number: AccountNumber,
    class_code: String,
    /// Segments that were rated again.
    segments: i32,
    outcome: WhatIfOutcome,
    /// What was billed by the replaced rates.
    billed: MoneyJson,
    /// What it would have been; absent with an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    alternative: Option<MoneyJson>,
    /// How much more; negative when less.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<MoneyJson>,
    /// What stands in the way of rating a segment again.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<WhatIfError>,
}

/// Why an account cannot be rated again.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct WhatIfError {
    /// An error code.
    code: String,
    detail: String,
}

impl WhatIfAccount {
    fn of(currency: Currency, row: ListedResult) -> Self {
        let money = |amount| MoneyJson::of(currency, amount);
        Self {
            account_id: row.account_id,
            number: row.number,
            class_code: row.class_code,
            segments: row.segments,
            outcome: row.outcome,
            billed: money(row.billed_minor),
            alternative: row.alternative_minor.map(money),
            difference: row.alternative_minor.map(|_| money(row.difference_minor)),
            error: row
                .error_code
                .map(|code| WhatIfError { code, detail: row.error_detail.unwrap_or_default() }),
        }
    }
}

/// The order of a trial's accounts.
#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[schema(as = WhatIfSort)]
pub(crate) enum SortJson {
    /// By account.
    #[serde(rename = "account")]
    Account,
    /// The greatest fall first; accounts with an error stand with the unchanged.
    #[serde(rename = "difference")]
    Difference,
    /// The greatest rise first.
    #[serde(rename = "-difference")]
    DifferenceDescending,
}

/// Which accounts of a trial, and how sorted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhatIfSheetQuery {
    /// Only accounts that fare so.
    outcome: Option<WhatIfOutcome>,
    /// Only this customer class.
    class_code: Option<String>,
    /// By account when absent.
    #[param(inline)]
    sort: Option<SortJson>,
}

/// The same, in pages.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhatIfAccountQuery {
    /// Only accounts that fare so.
    outcome: Option<WhatIfOutcome>,
    /// Only this customer class.
    class_code: Option<String>,
    /// By account when absent.
    #[param(inline)]
    sort: Option<SortJson>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before, with the same `sort`.
    cursor: Option<String>,
}

fn filter(
    outcome: Option<WhatIfOutcome>,
    class_code: Option<String>,
    sort: Option<SortJson>,
) -> ResultFilter {
    let order = match sort {
        None | Some(SortJson::Account) => AccountOrder::Account,
        Some(SortJson::Difference) => AccountOrder::Difference,
        Some(SortJson::DifferenceDescending) => AccountOrder::DifferenceDescending,
    };
    ResultFilter { outcome, class_code, order }
}

/// List what accounts would have paid
///
/// Accounts with a segment of a replaced rate, also those that cannot be rated again.
#[utoipa::path(tag = "rates", params(("id" = WhatIfRunId, Path, description = "Trial"), WhatIfAccountQuery),
    responses((status = 200, body = Listed<WhatIfAccount>)),
    extensions(("x-permission" = json!("reports.read"))))]
#[get("/v1/what-if-runs/{id}/accounts")]
pub(crate) async fn list_what_if_accounts(
    may: May<need::ReportsRead>,
    state: web::Data<State>,
    id: At<WhatIfRunId>,
    query: Params<WhatIfAccountQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let filter = filter(query.outcome, query.class_code, query.sort);
    let (currency, page) = blocking(move || {
        let currency = app.utility()?.currency;
        Ok((currency, app.what_if_accounts(&caller, id.0, &filter, cursor.as_ref(), limit)?))
    })
    .await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, |row| WhatIfAccount::of(currency, row))))
}

/// Download what accounts would have paid
///
/// CSV: `account_id`, `account_number`, `class_code`, `segments`, `outcome`, `billed`, `alternative`,
/// `difference`, `currency`, `error_code` and `error_detail`. Text that a spreadsheet would run as a
/// formula gets an apostrophe.
#[utoipa::path(tag = "rates", params(("id" = WhatIfRunId, Path, description = "Trial"), WhatIfSheetQuery),
    responses((status = 200, content_type = "text/csv", body = String)),
    extensions(("x-permission" = json!("reports.read"))))]
#[get("/v1/what-if-runs/{id}/accounts.csv")]
pub(crate) async fn download_what_if_accounts(
    may: May<need::ReportsRead>,
    state: web::Data<State>,
    id: At<WhatIfRunId>,
    query: Params<WhatIfSheetQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let filter = filter(query.outcome, query.class_code, query.sort);
    let heavy = state.heavy()?;
    let sheet = blocking(move || {
        let _heavy = heavy;
        app.what_if_sheet(&caller, id.0, &filter)
    })
    .await?;
    Ok(streamed(sheet.file, sheet.bytes, "text/csv; charset=utf-8", &format!("what-if-{}.csv", id.0)))
}
