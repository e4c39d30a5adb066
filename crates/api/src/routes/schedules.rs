//! Schedules: work that starts by itself.

use crate::body::{Body, IdempotencyKeyHeader, Once};
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::{At, Params};
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::{PageQuery, respond};
use crate::routes::window_steps::MadeJson;
use crate::{State, blocking};
use actix_web::{HttpResponse, delete, get, patch, post, web};
use app::Answer;
use app::schedules::{NewSchedule, Rule, ScheduleChanges, Starts};
use serde::{Deserialize, Serialize};
use store::schedules::{Schedule, Start};
use time::format_description::FormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, Time};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{Code, CycleId, Problem, ScheduleId, ScheduledWork, SiteId, StartState, WindowDay, WindowId};

/// A time of day.
const CLOCK: &[FormatItem<'static>] = format_description!("[hour]:[minute]");

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(create_schedule)
        .service(list_schedules)
        .service(read_schedule)
        .service(change_schedule)
        .service(delete_schedule)
        .service(list_schedule_starts);
}

/// Days from a day of each window of the cycle.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RelativeDays)]
pub(crate) struct RelativeJson {
    /// The day of the window that is counted from.
    from: WindowDay,
    /// Days after it; negative: before.
    #[schema(minimum = -60, maximum = 60)]
    days: i16,
    /// When on that day, in the utility's zone.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "06:00")]
    at: String,
}

/// Work that starts by itself.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Schedule)]
pub(crate) struct ScheduleJson {
    id: ScheduleId,
    name: String,
    work: ScheduledWork,
    /// `null`: every cycle with an open window.
    cycle_id: Option<CycleId>,
    /// Empty: all that its maker sees.
    site_ids: Vec<SiteId>,
    /// A cron pattern, or `null` when days are counted.
    pattern: Option<String>,
    relative: Option<RelativeJson>,
    /// Closed days move to the next business day.
    business_days: bool,
    enabled: bool,
    /// When it starts next; `null`: nothing is ahead.
    #[serde(with = "time::serde::rfc3339::option")]
    next_at: Option<OffsetDateTime>,
    /// Who made it, whose rights its starts have.
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<Schedule> for ScheduleJson {
    fn from(row: Schedule) -> Self {
        let relative = match (row.counted_from, row.days, row.at_time) {
            (Some(from), Some(days), Some(at)) => {
                Some(RelativeJson { from, days, at: at.format(CLOCK).unwrap_or_default() })
            }
            _ => None,
        };
        Self {
            id: row.id,
            site_ids: row.sites().unwrap_or_default(),
            name: row.name,
            work: row.work,
            cycle_id: row.cycle_id,
            pattern: row.pattern,
            relative,
            business_days: row.business_days,
            enabled: row.enabled,
            next_at: row.next_at,
            created_by: row.created_by,
            created_at: row.created_at,
        }
    }
}

/// Work to schedule, by a pattern or by days from a day of each window.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSchedule, example = json!({
    "name": "Test north every weekday night", "work": "bill_test", "cycle_id": "cyc_1f00", "pattern": "0 2 * * MON-FRI"
}))]
pub(crate) struct NewScheduleJson {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    work: ScheduledWork,
    /// For this cycle. Without it, for sites: every cycle that has a window open.
    cycle_id: Option<CycleId>,
    /// Only these sites; empty or absent: all that you see.
    #[serde(default)]
    #[schema(max_items = 200)]
    site_ids: Vec<SiteId>,
    /// A cron pattern in the utility's zone: minute, hour, day of month, month, day of week; `L` is the last
    /// day of a month. A time that the clock skips is right after the gap, one that comes twice is once.
    #[schema(example = "0 6 L * *")]
    pattern: Option<String>,
    /// Instead of a pattern: so many days from a day of each window of the cycle.
    relative: Option<RelativeJson>,
    /// Closed days move to the next business day.
    #[serde(default)]
    business_days: bool,
    /// Whether it starts anything.
    #[serde(default = "yes")]
    #[schema(default = true)]
    enabled: bool,
}

const fn yes() -> bool {
    true
}

fn rule(pattern: Option<String>, relative: Option<RelativeJson>) -> Result<Option<Rule>, Problem> {
    match (pattern, relative) {
        (Some(pattern), None) => Ok(Some(Rule::Pattern(pattern))),
        (None, Some(relative)) => {
            let wrong = |_| Problem::field("/relative/at", Code::FieldFormat, "a time of day like 06:00");
            let at = Time::parse(&relative.at, CLOCK).map_err(wrong)?;
            Ok(Some(Rule::Days { from: relative.from, days: relative.days, at }))
        }
        (Some(_), Some(_)) => {
            Err(Problem::field("/relative", Code::FieldRange, "a pattern, or days from a window's: not both"))
        }
        (None, None) => Ok(None),
    }
}

/// Schedule work
///
/// It starts with your rights, those that you have then, as `schedule:…`. Business time decides. Starts that were
/// missed are made up for by one; a start that is refused is noted and not tried again, and one that was counted
/// from a window that had been closed before is noted as skipped.
#[utoipa::path(tag = "schedules", params(IdempotencyKeyHeader), request_body = NewScheduleJson,
    responses((status = 201, body = ScheduleJson)), extensions(("x-permission" = json!("schedules.write"))))]
#[post("/v1/schedules")]
pub(crate) async fn create_schedule(
    may: May<need::SchedulesWrite>,
    state: web::Data<State>,
    once: Once<NewScheduleJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let body = once.body;
            let needed =
                || Problem::field("/pattern", Code::FieldRequired, "a pattern, or days from a window's");
            let new = NewSchedule {
                name: body.name,
                work: body.work,
                cycle: body.cycle_id,
                sites: body.site_ids,
                rule: rule(body.pattern, body.relative)?.ok_or_else(needed)?,
                business_days: body.business_days,
                enabled: body.enabled,
            };
            Answer::created(&ScheduleJson::from(app::schedules::create(tx, &caller, new)?))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Which schedules to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ScheduleQuery {
    /// Only those of this cycle.
    cycle_id: Option<CycleId>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List schedules
///
/// Newest first; those of foreign sites are left out.
#[utoipa::path(tag = "schedules", params(ScheduleQuery),
    responses((status = 200, body = Listed<ScheduleJson>)), extensions(("x-permission" = json!("schedules.read"))))]
#[get("/v1/schedules")]
pub(crate) async fn list_schedules(
    may: May<need::SchedulesRead>,
    state: web::Data<State>,
    query: Params<ScheduleQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let page = blocking(move || app.schedules(&caller, query.cycle_id, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, ScheduleJson::from)))
}

/// Read a schedule
#[utoipa::path(tag = "schedules", params(("id" = ScheduleId, Path, description = "Schedule")),
    responses((status = 200, body = ScheduleJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("schedules.read"))))]
#[get("/v1/schedules/{id}")]
pub(crate) async fn read_schedule(
    may: May<need::SchedulesRead>,
    state: web::Data<State>,
    id: At<ScheduleId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let row = blocking(move || app.schedule(&caller, id.0)).await?;
    Ok(tagged(row.version, &ScheduleJson::from(row)))
}

/// Changes of a schedule; what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ScheduleChanges, example = json!({ "enabled": false }))]
pub(crate) struct ScheduleChangesJson {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// A cron pattern, in the place of what there is.
    pattern: Option<String>,
    /// Days from a window's, in the place of what there is.
    relative: Option<RelativeJson>,
    business_days: Option<bool>,
    enabled: Option<bool>,
}

/// Change a schedule
///
/// Its rights stay those of who made it, so only who may do its work by hand changes it.
#[utoipa::path(tag = "schedules", params(("id" = ScheduleId, Path, description = "Schedule"), IfMatchHeader),
    request_body = ScheduleChangesJson,
    responses((status = 200, body = ScheduleJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("schedules.write"))))]
#[patch("/v1/schedules/{id}")]
pub(crate) async fn change_schedule(
    may: May<need::SchedulesWrite>,
    state: web::Data<State>,
    id: At<ScheduleId>,
    version: IfMatch,
    body: Body<ScheduleChangesJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, body) = (state.app.clone(), may.caller(), body.0);
    let changes = ScheduleChanges {
        name: body.name,
        rule: rule(body.pattern, body.relative)?,
        business_days: body.business_days,
        enabled: body.enabled,
    };
    let row = blocking(move || app.change_schedule(&caller, id.0, version.0, changes)).await?;
    Ok(tagged(row.version, &ScheduleJson::from(row)))
}

/// Delete a schedule
///
/// What it started goes on.
#[utoipa::path(tag = "schedules", params(("id" = ScheduleId, Path, description = "Schedule")),
    responses((status = 204, description = "It is gone.")),
    extensions(("x-permission" = json!("schedules.write"))))]
#[delete("/v1/schedules/{id}")]
pub(crate) async fn delete_schedule(
    may: May<need::SchedulesWrite>,
    state: web::Data<State>,
    id: At<ScheduleId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    blocking(move || app.delete_schedule(&caller, id.0)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What became of a start.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ScheduleStart)]
pub(crate) struct StartJson {
    /// When it was due.
    #[serde(with = "time::serde::rfc3339")]
    due_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    started_at: OffsetDateTime,
    state: StartState,
    /// The window that it was about, when it was about one.
    window_id: Option<WindowId>,
    /// Why it was refused or skipped.
    code: Option<String>,
    /// The same for people.
    detail: Option<String>,
    /// What it made or filed.
    made: Vec<MadeJson>,
}

impl From<Start> for StartJson {
    fn from(row: Start) -> Self {
        Self {
            due_at: row.due_at,
            started_at: row.started_at,
            state: row.state,
            window_id: row.window_id,
            code: row.code,
            detail: row.detail,
            made: serde_json::from_value(row.results).unwrap_or_default(),
        }
    }
}

/// A start that is ahead.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct UpcomingStart {
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    /// The window that it is counted from.
    window_id: Option<WindowId>,
}

/// What a schedule started and will start.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ScheduleStarts {
    /// Past starts, newest first.
    items: Vec<StartJson>,
    /// Send it as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// The next five, as things are now.
    upcoming: Vec<UpcomingStart>,
}

impl From<Starts> for ScheduleStarts {
    fn from(starts: Starts) -> Self {
        let Listed { items, next } = Listed::from_page(starts.past, StartJson::from);
        let upcoming = starts.ahead.into_iter().map(|(at, window_id)| UpcomingStart { at, window_id });
        Self { items, next, upcoming: upcoming.collect() }
    }
}

/// List a schedule's starts
///
/// Those that were, newest first, with what became of them, and those that are ahead.
#[utoipa::path(tag = "schedules", params(("id" = ScheduleId, Path, description = "Schedule"), PageQuery),
    responses((status = 200, body = ScheduleStarts)), extensions(("x-permission" = json!("schedules.read"))))]
#[get("/v1/schedules/{id}/starts")]
pub(crate) async fn list_schedule_starts(
    may: May<need::SchedulesRead>,
    state: web::Data<State>,
    id: At<ScheduleId>,
    query: Params<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (limit, cursor) = window(query.0.limit, query.0.cursor.as_deref())?;
    let starts = blocking(move || app.schedule_starts(&caller, id.0, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(ScheduleStarts::from(starts)))
}
