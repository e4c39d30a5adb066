//! Cycle windows.

use crate::body::{Body, IdempotencyKeyHeader, Once};
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::{At, Params};
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::routes::window_steps::StepSummaryJson;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, post, put, web};
use app::Answer;
use app::windows::{Left, MonthlyRule, WindowDates};
use serde::{Deserialize, Serialize};
use store::windows::{Window, WindowFilter};
use time::Date;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{AccountId, AccountNumber, CycleId, ItemState, RunId, WindowId, WindowState};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(plan_window)
        .service(generate_windows)
        .service(list_windows)
        .service(read_window)
        .service(reschedule_window)
        .service(open_window)
        .service(read_window_left)
        .service(close_window);
}

/// One dated occurrence of a cycle.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CycleWindow)]
pub(crate) struct WindowJson {
    id: WindowId,
    cycle_id: CycleId,
    /// First day.
    #[serde(with = "civil")]
    starts_on: Date,
    /// Last day.
    #[serde(with = "civil")]
    ends_on: Date,
    /// Accounting date of its segments.
    #[serde(with = "civil")]
    accounting_on: Date,
    /// Date of its bills.
    #[serde(with = "civil")]
    bill_on: Date,
    /// The day from which its missing reads are estimated; `null`: never.
    #[serde(with = "civil::option")]
    estimate_on: Option<Date>,
    state: WindowState,
    /// Why it was closed with what was left.
    closed_reason: Option<String>,
}

impl From<Window> for WindowJson {
    fn from(row: Window) -> Self {
        Self {
            id: row.id,
            cycle_id: row.cycle_id,
            starts_on: row.starts_on,
            ends_on: row.ends_on,
            accounting_on: row.accounting_on,
            bill_on: row.bill_on,
            estimate_on: row.estimate_on,
            state: row.state,
            closed_reason: row.closed_reason,
        }
    }
}

/// The dates of a window.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WindowDates, example = json!({
    "starts_on": "2026-01-01", "ends_on": "2026-01-31", "accounting_on": "2026-01-31", "bill_on": "2026-02-02",
    "estimate_on": "2026-02-02"
}))]
pub(crate) struct WindowDatesJson {
    /// First day.
    #[serde(with = "civil")]
    starts_on: Date,
    /// Last day.
    #[serde(with = "civil")]
    ends_on: Date,
    /// Accounting date of its segments; the last day when absent.
    #[serde(default, with = "civil::option")]
    accounting_on: Option<Date>,
    /// Date of its bills.
    #[serde(with = "civil")]
    bill_on: Date,
    /// The day from which missing reads are estimated, not before the last day; never when absent.
    #[serde(default, with = "civil::option")]
    estimate_on: Option<Date>,
}

impl From<WindowDatesJson> for WindowDates {
    fn from(dates: WindowDatesJson) -> Self {
        Self {
            starts_on: dates.starts_on,
            ends_on: dates.ends_on,
            accounting_on: dates.accounting_on.unwrap_or(dates.ends_on),
            bill_on: dates.bill_on,
            estimate_on: dates.estimate_on,
        }
    }
}

/// Plan a window of a cycle
///
/// Windows of one cycle never overlap; `window_overlap` names the other.
#[utoipa::path(tag = "cycle windows", params(("id" = CycleId, Path, description = "Bill cycle"), IdempotencyKeyHeader),
    request_body = WindowDatesJson, responses((status = 201, body = WindowJson)),
    extensions(("x-permission" = json!("windows.write"))))]
#[post("/v1/bill-cycles/{id}/windows")]
pub(crate) async fn plan_window(
    may: May<need::WindowsWrite>,
    state: web::Data<State>,
    id: At<CycleId>,
    once: Once<WindowDatesJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let row = app::windows::plan(tx, &caller, id.0, once.body.into())?;
            Answer::created(&WindowJson::from(row))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// A date rule: monthly windows one after the other.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "first_on": "2026-01-01", "months": 12, "bill_days_after": 2, "estimate_days_after": 2 }))]
pub(crate) struct MonthlyWindows {
    /// First day of the first window. Every later one begins on the same day of its month, or on the month's
    /// last day when it has no such day.
    #[serde(with = "civil")]
    first_on: Date,
    /// How many.
    #[serde(default = "year")]
    #[schema(default = 12, minimum = 1, maximum = 24)]
    months: u16,
    /// Bills are dated so many days after the window's end, moved to the next business day.
    #[serde(default = "one_day")]
    #[schema(default = 1, minimum = 0, maximum = 60)]
    bill_days_after: u16,
    /// Missing reads are estimated so many days after the window's end; never when absent.
    #[schema(minimum = 0, maximum = 60)]
    estimate_days_after: Option<u16>,
}

const fn year() -> u16 {
    12
}

const fn one_day() -> u16 {
    1
}

/// Plan a year of monthly windows
///
/// All of them or, when one overlaps a window that exists, none.
#[utoipa::path(tag = "cycle windows", params(("id" = CycleId, Path, description = "Bill cycle"), IdempotencyKeyHeader),
    request_body = MonthlyWindows, responses((status = 201, body = Listed<WindowJson>)),
    extensions(("x-permission" = json!("windows.write"))))]
#[post("/v1/bill-cycles/{id}/windows/generate")]
pub(crate) async fn generate_windows(
    may: May<need::WindowsWrite>,
    state: web::Data<State>,
    id: At<CycleId>,
    once: Once<MonthlyWindows>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let body = once.body;
            let rule = MonthlyRule {
                first_on: body.first_on,
                months: body.months,
                bill_days_after: body.bill_days_after,
                estimate_days_after: body.estimate_days_after,
            };
            let rows = app::windows::generate(tx, &caller, id.0, rule)?;
            Answer::created(&Listed::whole(rows, WindowJson::from))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// What a list of windows may come with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WindowExpand {
    /// The steps of each, done for so many of so many.
    Steps,
}

/// A window of the calendar.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CalendarWindow)]
pub(crate) struct ListedWindowJson {
    #[serde(flatten)]
    window: WindowJson,
    /// With `expand=steps`: how far each of the eight is.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<StepSummaryJson>>,
}

/// Which windows to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WindowQuery {
    /// Only this cycle.
    cycle_id: Option<CycleId>,
    /// Only this state.
    state: Option<WindowState>,
    /// Only windows that end on this day or later.
    #[serde(default, rename = "ends_on[gte]", with = "civil::option")]
    #[param(rename = "ends_on[gte]")]
    ends_from: Option<Date>,
    /// Only windows that start on this day or earlier.
    #[serde(default, rename = "starts_on[lte]", with = "civil::option")]
    #[param(rename = "starts_on[lte]")]
    starts_to: Option<Date>,
    /// `steps`: with a short summary of the steps of each window.
    #[param(inline)]
    expand: Option<WindowExpand>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List cycle windows
///
/// By first day: the calendar. With `expand=steps` each shows how far its eight steps are, for your accounts.
#[utoipa::path(tag = "cycle windows", params(WindowQuery),
    responses((status = 200, body = Listed<ListedWindowJson>)), extensions(("x-permission" = json!("windows.read"))))]
#[get("/v1/cycle-windows")]
pub(crate) async fn list_windows(
    may: May<need::WindowsRead>,
    state: web::Data<State>,
    query: Params<WindowQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let filter = WindowFilter {
        cycle: query.cycle_id,
        state: query.state,
        ends_from: query.ends_from,
        starts_to: query.starts_to,
    };
    let listed = if query.expand == Some(WindowExpand::Steps) {
        let page = blocking(move || app.windows_with_steps(&caller, &filter, cursor.as_ref(), limit)).await?;
        Listed::from_page(page, |of| ListedWindowJson {
            window: of.window.into(),
            steps: Some(of.steps.iter().map(StepSummaryJson::from).collect()),
        })
    } else {
        let page = blocking(move || app.windows(&filter, cursor.as_ref(), limit)).await?;
        Listed::from_page(page, |row| ListedWindowJson { window: row.into(), steps: None })
    };
    Ok(HttpResponse::Ok().json(listed))
}

/// Read a cycle window
#[utoipa::path(tag = "cycle windows", params(("id" = WindowId, Path, description = "Cycle window")),
    responses((status = 200, body = WindowJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("windows.read"))))]
#[get("/v1/cycle-windows/{id}")]
pub(crate) async fn read_window(
    _may: May<need::WindowsRead>,
    state: web::Data<State>,
    id: At<WindowId>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let row = blocking(move || app.window(id.0)).await?;
    Ok(tagged(row.version, &WindowJson::from(row)))
}

/// Move the dates of a cycle window
///
/// While it is planned; the day from which missing reads are estimated while it is open, too.
#[utoipa::path(tag = "cycle windows", params(("id" = WindowId, Path, description = "Cycle window"), IfMatchHeader),
    request_body = WindowDatesJson,
    responses((status = 200, body = WindowJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("windows.write"))))]
#[put("/v1/cycle-windows/{id}")]
pub(crate) async fn reschedule_window(
    may: May<need::WindowsWrite>,
    state: web::Data<State>,
    id: At<WindowId>,
    version: IfMatch,
    body: Body<WindowDatesJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let row = blocking(move || app.reschedule_window(&caller, id.0, version.0, body.0.into())).await?;
    Ok(tagged(row.version, &WindowJson::from(row)))
}

/// Open a cycle window
///
/// Work on it begins.
#[utoipa::path(tag = "cycle windows", params(("id" = WindowId, Path, description = "Cycle window"), IfMatchHeader),
    responses((status = 200, body = WindowJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("windows.write"))))]
#[post("/v1/cycle-windows/{id}/open")]
pub(crate) async fn open_window(
    may: May<need::WindowsWrite>,
    state: web::Data<State>,
    id: At<WindowId>,
    version: IfMatch,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let row = blocking(move || app.open_window(&caller, id.0, version.0)).await?;
    Ok(tagged(row.version, &WindowJson::from(row)))
}

/// Why something is done.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reason, example = json!({ "reason": "Three meters could not be reached; they are billed next month." }))]
pub(crate) struct ReasonJson {
    #[schema(min_length = 1, max_length = 500)]
    pub(crate) reason: String,
}

/// An account that a window leaves without a bill.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct UnbilledAccount {
    account_id: AccountId,
    account_number: AccountNumber,
    /// The bill run that it was in last.
    run_id: Option<RunId>,
    /// What became of it there.
    state: Option<ItemState>,
    /// Why it stayed behind.
    reason: Option<String>,
}

/// What is left in a window.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct WindowLeft {
    /// Billable accounts of the cycle without a bill.
    unbilled: i64,
    /// The first 200 of them at your sites.
    accounts: Vec<UnbilledAccount>,
    /// Of them, those with a draft that was not accepted.
    drafts: i64,
    open_errors: i64,
    open_blocking_flags: i64,
    /// Bills without an invoice; invoices can be made after closing.
    to_invoice: i64,
    /// Invoices of which nothing was sent.
    to_send: i64,
    /// Autopay that waits to be collected.
    to_collect: i64,
    /// Bill runs that are not over; they end with the window.
    runs: Vec<RunId>,
}

impl From<Left> for WindowLeft {
    fn from(left: Left) -> Self {
        let accounts = left.accounts.into_iter().map(|row| UnbilledAccount {
            account_id: row.account_id,
            account_number: row.number,
            run_id: row.run_id,
            state: row.state,
            reason: row.reason,
        });
        Self {
            unbilled: left.unbilled,
            accounts: accounts.collect(),
            drafts: left.drafts,
            open_errors: left.errors,
            open_blocking_flags: left.flags,
            to_invoice: left.to_invoice,
            to_send: left.to_send,
            to_collect: left.to_collect,
            runs: left.runs.iter().map(|run| run.id).collect(),
        }
    }
}

/// Read what is left in a cycle window
///
/// Of its whole cycle: what closing it now would leave without a bill, an invoice or a delivery.
#[utoipa::path(tag = "cycle windows", params(("id" = WindowId, Path, description = "Cycle window")),
    responses((status = 200, body = WindowLeft)), extensions(("x-permission" = json!("windows.write"))))]
#[get("/v1/cycle-windows/{id}/left")]
pub(crate) async fn read_window_left(
    may: May<need::WindowsWrite>,
    state: web::Data<State>,
    id: At<WindowId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let left = blocking(move || app.left_in_window(&caller, id.0)).await?;
    Ok(HttpResponse::Ok().json(WindowLeft::from(left)))
}

/// A closed window, with what was left in it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ClosedWindow {
    #[serde(flatten)]
    window: WindowJson,
    left: WindowLeft,
}

/// Close a cycle window
///
/// With a reason for what is left, which the answer lists. Nothing of it can be billed afterwards. Bill runs
/// that stand still end with it; one that is at work refuses it.
#[utoipa::path(tag = "cycle windows", params(("id" = WindowId, Path, description = "Cycle window"), IfMatchHeader),
    request_body = ReasonJson,
    responses((status = 200, body = ClosedWindow, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("windows.write"))))]
#[post("/v1/cycle-windows/{id}/close")]
pub(crate) async fn close_window(
    may: May<need::WindowsWrite>,
    state: web::Data<State>,
    id: At<WindowId>,
    version: IfMatch,
    body: Body<ReasonJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let closed = blocking(move || app.close_window(&caller, id.0, version.0, &body.0.reason)).await?;
    let version = closed.window.version;
    Ok(tagged(version, &ClosedWindow { window: closed.window.into(), left: closed.left.into() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::FromRequest as _;
    use actix_web::test::TestRequest;

    #[actix_web::test]
    async fn filters_are_read_from_the_query() {
        let read = |uri: &str| {
            let request = TestRequest::with_uri(uri).to_http_request();
            async move { Params::<WindowQuery>::extract(&request).await.map(|query| query.0) }
        };
        let query = read("/v1/cycle-windows?state=open&ends_on[gte]=2026-03-01&limit=5").await.unwrap();
        assert_eq!(query.state, Some(WindowState::Open));
        assert_eq!(query.ends_from, civil::parse("2026-03-01"));
        assert_eq!((query.starts_to, query.limit), (None, Some(5)));
        assert!(read("/v1/cycle-windows?ends_on[gte]=March").await.is_err());
        assert!(read("/v1/cycle-windows?colour=red").await.is_err());
    }
}
