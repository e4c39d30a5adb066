//! What a reviewer looks at in a run: its open errors, and the register.

use crate::extract::{At, Params};
use crate::money::MoneyJson;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, web};
use app::runs::Register;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use store::flags::ErrorRow;
use time::OffsetDateTime;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{AccountId, Code, Commodity, ContractId, Currency, Problem, RateScheduleId, RunId, TestId, Unit};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_run_errors).service(read_run_register);
}

/// A contract's error.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillError)]
pub(crate) struct BillErrorJson {
    account_id: AccountId,
    contract_id: ContractId,
    /// The stable code.
    code: String,
    params: serde_json::Value,
    detail: String,
    #[serde(with = "time::serde::rfc3339")]
    first_seen_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    last_seen_at: OffsetDateTime,
    /// How often it was found.
    attempts: i32,
}

impl From<ErrorRow> for BillErrorJson {
    fn from(row: ErrorRow) -> Self {
        Self {
            account_id: row.account_id,
            contract_id: ContractId::new(row.account_id, row.contract_id),
            code: row.code,
            params: row.params,
            detail: row.detail,
            first_seen_at: row.first_seen_at,
            last_seen_at: row.last_seen_at,
            attempts: row.attempts,
        }
    }
}

/// Which errors to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BillErrorQuery {
    /// Only this code.
    code: Option<String>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List the open errors of a bill run
#[utoipa::path(tag = "bill-runs", params(("id" = RunId, Path, description = "Bill run"), BillErrorQuery),
    responses((status = 200, body = Listed<BillErrorJson>)), extensions(("x-permission" = json!("bill_runs.read"))))]
#[get("/v1/bill-runs/{id}/errors")]
pub(crate) async fn list_run_errors(
    may: May<need::BillRunsRead>,
    state: web::Data<State>,
    id: At<RunId>,
    query: Params<BillErrorQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let code = query
        .code
        .map(|word| {
            word.parse::<Code>().map_err(|_| {
                Problem::new(Code::MalformedParameter, "code: not an error code").with("name", "code")
            })
        })
        .transpose()?;
    let page = blocking(move || app.run_errors(&caller, id.0, code, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, BillErrorJson::from)))
}

/// Totals by service, rate and rule, with the proof that nothing was forgotten.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillRegister)]
pub(crate) struct RegisterJson {
    total: MoneyJson,
    /// What the window before came to.
    previous_total: MoneyJson,
    completeness: CompletenessJson,
    rows: Vec<RegisterRowJson>,
}

/// How the accounts of the run add up: the parts are the whole.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Completeness)]
pub(crate) struct CompletenessJson {
    accounts: i64,
    billed: i64,
    deferred: i64,
    held: i64,
    error: i64,
    stale: i64,
    skipped: i64,
    queued: i64,
    /// Whether the parts add up to the accounts.
    adds_up: bool,
}

/// A service, rate and rule.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillRegisterRow)]
pub(crate) struct RegisterRowJson {
    commodity: Commodity,
    rate_schedule_id: Option<RateScheduleId>,
    rule: String,
    unit: Option<Unit>,
    #[schema(value_type = String)]
    quantity: Decimal,
    amount: MoneyJson,
    lines: i64,
    /// What the same came to in the window before.
    previous_amount: MoneyJson,
}

impl RegisterJson {
    fn of(currency: Currency, register: Register) -> Self {
        let all = register.completeness;
        Self {
            total: MoneyJson::of(currency, register.total),
            previous_total: MoneyJson::of(currency, register.previous_total),
            completeness: CompletenessJson {
                accounts: all.accounts,
                billed: all.billed,
                deferred: all.deferred,
                held: all.held,
                error: all.error,
                stale: all.stale,
                skipped: all.skipped,
                queued: all.queued,
                adds_up: all.adds_up(),
            },
            rows: register
                .rows
                .into_iter()
                .map(|row| RegisterRowJson {
                    commodity: row.commodity,
                    rate_schedule_id: row.schedule_id,
                    rule: row.rule,
                    unit: row.unit,
                    quantity: row.quantity.normalize(),
                    amount: MoneyJson::of(currency, row.amount_minor),
                    lines: row.lines,
                    previous_amount: MoneyJson::of(currency, row.previous_minor),
                })
                .collect(),
        }
    }
}

/// Which register to read.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RegisterQuery {
    /// Of this test; the latest when absent.
    test_id: Option<TestId>,
    /// `true`: of what was posted.
    #[serde(default)]
    posted: bool,
}

/// Read the register of a bill run
#[utoipa::path(tag = "bill-runs", params(("id" = RunId, Path, description = "Bill run"), RegisterQuery),
    responses((status = 200, body = RegisterJson)), extensions(("x-permission" = json!("bill_runs.read"))))]
#[get("/v1/bill-runs/{id}/register")]
pub(crate) async fn read_run_register(
    may: May<need::BillRunsRead>,
    state: web::Data<State>,
    id: At<RunId>,
    query: Params<RegisterQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let register = blocking(move || {
        let currency = app.utility()?.currency;
        Ok(RegisterJson::of(currency, app.register(&caller, id.0, query.test_id, query.posted)?))
    })
    .await?;
    Ok(HttpResponse::Ok().json(register))
}
