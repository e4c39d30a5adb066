//! The steps of a cycle window: how far each is, and what was done about it.

use crate::extract::{At, Params};
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::PageQuery;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, web};
use app::window_steps::{Act, Step, WindowSteps};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{StepState, WindowId, WindowState, WindowStep};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(read_window_steps).service(list_step_history);
}

/// Something that was made: its kind and its id.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Made)]
pub(crate) struct MadeJson {
    /// `reading_export`, `reading_import`, `bill_run`, `bill`, `test`, `invoice_run`, `payment_run`,
    /// `cycle_window` or `operation`. A scheduled start also has `site_left_out` (its maker sees it no more),
    /// `bill_run_given_up` (stopped by a fault, or of sites that were left out) and, by their error code, the
    /// windows that it could do nothing in. May grow.
    pub(crate) kind: String,
    pub(crate) id: String,
}

/// How far a step is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StepSummary)]
pub(crate) struct StepSummaryJson {
    step: WindowStep,
    state: StepState,
    done: i64,
    of: i64,
}

impl From<&Step> for StepSummaryJson {
    fn from(step: &Step) -> Self {
        Self { step: step.step, state: step.state, done: step.done, of: step.of }
    }
}

/// The eight steps of a window.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WindowSteps)]
pub(crate) struct WindowStepsJson {
    window_id: WindowId,
    state: WindowState,
    steps: Vec<StepJson>,
    /// The steps that may be taken now.
    next: Vec<WindowStep>,
}

/// One step: done for n of m.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WindowStepState)]
pub(crate) struct StepJson {
    /// 1 to 8.
    number: u8,
    name: WindowStep,
    state: StepState,
    done: i64,
    of: i64,
    /// Whether it may be taken now.
    may_start: bool,
    /// Why not.
    why_not: Option<String>,
    /// What is open, or has stopped the automatic mode.
    note: Option<String>,
    /// What was done about it last.
    last: Option<StepActJson>,
    undo: UndoJson,
}

/// Whether and how a step can be undone.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StepUndo)]
pub(crate) struct UndoJson {
    /// Whether anything of it can be undone now.
    possible: bool,
    /// How.
    how: &'static str,
}

/// What was done about a step.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StepAct)]
pub(crate) struct StepActJson {
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    /// Who: a user, a program, `schedule:…` or `cycle:…`.
    by: String,
    /// What it made.
    made: Vec<MadeJson>,
    /// How far the work is: an operation's state, `done` where there is none; `planned` of a payment run that has
    /// drawn nothing yet.
    state: String,
    /// What came of it: the operation's result.
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
    /// How many things it was about: rows, accounts, flags, draws.
    count: Option<i64>,
}

impl From<Act> for StepActJson {
    fn from(act: Act) -> Self {
        let made = act.links.into_iter().map(|(kind, id)| MadeJson { kind: kind.to_owned(), id });
        Self {
            at: act.at,
            by: act.by,
            made: made.collect(),
            state: act.state,
            result: act.result,
            count: act.count,
        }
    }
}

impl From<Step> for StepJson {
    fn from(step: Step) -> Self {
        Self {
            number: step.step.number(),
            name: step.step,
            state: step.state,
            done: step.done,
            of: step.of,
            may_start: step.may_start,
            why_not: step.why_not,
            note: step.note,
            last: step.last.map(Into::into),
            undo: UndoJson { possible: step.can_undo, how: step.undo },
        }
    }
}

impl From<WindowSteps> for WindowStepsJson {
    fn from(all: WindowSteps) -> Self {
        Self {
            next: all.next().collect(),
            window_id: all.window.id,
            state: all.window.state,
            steps: all.steps.into_iter().map(Into::into).collect(),
        }
    }
}

/// Read a window's steps
///
/// How far each of the eight is for your accounts, who did it last and with what result, what may come next and
/// why something may not, and how it can be undone.
#[utoipa::path(tag = "cycle windows", params(("id" = WindowId, Path, description = "Cycle window")),
    responses((status = 200, body = WindowStepsJson)), extensions(("x-permission" = json!("windows.read"))))]
#[get("/v1/cycle-windows/{id}/steps")]
pub(crate) async fn read_window_steps(
    may: May<need::WindowsRead>,
    state: web::Data<State>,
    id: At<WindowId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let steps = blocking(move || app.window_steps(&caller, id.0)).await?;
    Ok(HttpResponse::Ok().json(WindowStepsJson::from(steps)))
}

/// List what was done about a step
///
/// Newest first; work that reaches beyond your sites is left out.
#[utoipa::path(tag = "cycle windows",
    params(("id" = WindowId, Path, description = "Cycle window"), ("step" = WindowStep, Path, description = "Step"),
        PageQuery),
    responses((status = 200, body = Listed<StepActJson>)), extensions(("x-permission" = json!("windows.read"))))]
#[get("/v1/cycle-windows/{id}/steps/{step}/history")]
pub(crate) async fn list_step_history(
    may: May<need::WindowsRead>,
    state: web::Data<State>,
    at: At<(WindowId, WindowStep)>,
    query: Params<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, (id, step)) = (state.app.clone(), may.caller(), at.0);
    let (limit, cursor) = window(query.0.limit, query.0.cursor.as_deref())?;
    let page = blocking(move || app.step_history(&caller, id, step, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, StepActJson::from)))
}
