//! Gaps of interval data, filled with estimates.

use crate::body::{IdempotencyKeyHeader, Once};
use crate::extract::At;
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::{State, blocking};
use actix_web::{HttpResponse, post, web};
use app::Answer;
use app::interval_gaps::{FilledDay, Filling};
use serde::{Deserialize, Serialize};
use time::Date;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{Decimal, RegisterId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(fill_interval_gaps);
}

/// Which gaps are to be filled, and why.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = IntervalGapFilling, example = json!({
    "first_on": "2026-02-08", "last_on": "2026-02-08", "reason": "the meter's radio was down"
}))]
pub(crate) struct FillingBody {
    /// From this day …
    #[serde(with = "civil")]
    first_on: Date,
    /// … to this one, at most 62 days.
    #[serde(with = "civil")]
    last_on: Date,
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
    /// Only to see what would come of it.
    #[serde(default)]
    dry_run: bool,
}

/// The days that had gaps.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FilledGaps {
    days: Vec<FilledDayJson>,
}

/// A day that had a gap.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = FilledDay)]
pub(crate) struct FilledDayJson {
    #[serde(with = "civil")]
    on: Date,
    /// Intervals that were filled.
    filled_intervals: usize,
    /// Intervals that are missing still: nothing around them tells what they were.
    missing_intervals: usize,
    /// The day's sum now.
    total: Decimal,
}

impl From<FilledDay> for FilledDayJson {
    fn from(day: FilledDay) -> Self {
        Self {
            on: day.on,
            filled_intervals: day.filled,
            missing_intervals: day.missing,
            total: day.total.normalize(),
        }
    }
}

/// Fill gaps of interval data
///
/// With estimates, so that the days can be billed: a gap of up to two hours becomes a straight line between
/// its neighbours, a longer one the average of the same hours on the nearest four whole days of its kind
/// (weekday or weekend) within 28 days. What was measured does not change; real data that come later
/// replace the estimates; a billed day is refused (`read_billed`).
#[utoipa::path(tag = "readings", request_body = FillingBody,
    params(("id" = RegisterId, Path, description = "Register"), IdempotencyKeyHeader),
    responses((status = 200, body = FilledGaps)), extensions(("x-permission" = json!("reads.write"))))]
#[post("/v1/registers/{id}/interval-gaps/fill")]
pub(crate) async fn fill_interval_gaps(
    may: May<need::ReadsWrite>,
    state: web::Data<State>,
    id: At<RegisterId>,
    once: Once<FillingBody>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let body = once.body;
        let asked = Filling {
            register: id.0,
            first_on: body.first_on,
            last_on: body.last_on,
            reason: body.reason,
            dry_run: body.dry_run,
        };
        app.once(&caller, &once.key, |tx| {
            let days = app::interval_gaps::fill(tx, &caller, &asked)?;
            Answer::ok(&FilledGaps { days: days.into_iter().map(FilledDayJson::from).collect() })
        })
    })
    .await?;
    Ok(respond(answer))
}
