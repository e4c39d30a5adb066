//! What a day of interval data was before it was replaced.

use crate::extract::{At, Params};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::interval_data::{IntervalValue, values};
use crate::{State, blocking};
use actix_web::{HttpResponse, get, web};
use app::interval_data::DayHistory;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use store::intervals::Brought;
use time::{Date, OffsetDateTime};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{ReadingImportId, RegisterId, Unit};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(read_interval_history);
}

/// Which day.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DayQuery {
    /// The day.
    #[serde(with = "civil")]
    day: Date,
}

/// A day of interval data as it is and as it was.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct IntervalDayHistory {
    register_id: RegisterId,
    unit: Unit,
    #[serde(with = "civil")]
    day: Date,
    /// The latest first, at most the day as it is and 100 earlier states.
    items: Vec<IntervalDayState>,
}

/// One state of a day.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct IntervalDayState {
    /// Whether it is the one in force.
    is_current: bool,
    /// Who brought it; `null` where gaps were filled by hand.
    brought_by: Option<BroughtJson>,
    /// The import that replaced it; `null` for what is in force, was filled, or was undone.
    replaced_by: Option<BroughtJson>,
    /// When it was replaced, where that is known.
    #[serde(with = "time::serde::rfc3339::option")]
    replaced_at: Option<OffsetDateTime>,
    /// Whether it waited for a person.
    is_held: bool,
    /// The rules that it broke, behind `released: ` when a person let it be billed.
    rules: Option<String>,
    /// Minutes of an interval.
    minutes: i16,
    /// Intervals without a value.
    missing: i16,
    /// Intervals whose value nobody read off the meter.
    estimated: i16,
    total: Decimal,
    /// The highest interval; `null` when there is none.
    highest: Option<Decimal>,
    /// From local midnight on; `null` where there is no value.
    values: Vec<Option<IntervalValue>>,
}

/// An import that brought or replaced a day.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = BroughtBy)]
pub(crate) struct BroughtJson {
    import_id: ReadingImportId,
    file_name: String,
    /// Who imported it.
    by: String,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    /// When the import was undone.
    #[serde(with = "time::serde::rfc3339::option")]
    undone_at: Option<OffsetDateTime>,
}

fn brought(imports: &[Brought], id: Option<i64>) -> Option<BroughtJson> {
    let of = imports.iter().find(|of| Some(of.id) == id)?;
    Some(BroughtJson {
        import_id: ReadingImportId(of.id),
        file_name: of.file_name.clone(),
        by: of.created_by.clone(),
        at: of.created_at,
        undone_at: of.undone_at,
    })
}

fn states(history: DayHistory) -> Vec<IntervalDayState> {
    let DayHistory { now, past, imports } = history;
    let now = now.map(|(row, data)| IntervalDayState {
        is_current: true,
        brought_by: brought(&imports, row.import_id),
        replaced_by: None,
        replaced_at: None,
        is_held: row.is_held,
        rules: row.rules,
        minutes: row.minutes,
        missing: row.missing,
        estimated: row.estimated,
        total: row.total.normalize(),
        highest: row.highest.map(|highest| highest.normalize()),
        values: values(&data),
    });
    let past = past.into_iter().map(|(row, data)| IntervalDayState {
        is_current: false,
        brought_by: brought(&imports, row.import_id),
        replaced_by: brought(&imports, row.replaced_by_import_id),
        replaced_at: row.replaced_at,
        is_held: row.is_held,
        rules: row.rules,
        minutes: row.minutes,
        missing: row.missing,
        estimated: row.estimated,
        total: row.total.normalize(),
        highest: row.highest.map(|highest| highest.normalize()),
        values: values(&data),
    });
    now.into_iter().chain(past).collect()
}

/// Read the history of a day of interval data
///
/// What is in force, and every state that later data, filled gaps or the undoing of an import replaced: who
/// brought it, when, its sums and values.
#[utoipa::path(tag = "reads", params(("id" = RegisterId, Path, description = "Register"), DayQuery),
    responses((status = 200, body = IntervalDayHistory)), extensions(("x-permission" = json!("reads.read"))))]
#[get("/v1/registers/{id}/interval-data/history")]
pub(crate) async fn read_interval_history(
    may: May<need::ReadsRead>,
    state: web::Data<State>,
    id: At<RegisterId>,
    query: Params<DayQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, day) = (state.app.clone(), may.caller(), query.0.day);
    let register_id = id.0;
    let (register, history) = blocking(move || app.interval_history(&caller, register_id, day)).await?;
    let body = IntervalDayHistory { register_id, unit: register.unit, day, items: states(history) };
    Ok(HttpResponse::Ok().json(body))
}
