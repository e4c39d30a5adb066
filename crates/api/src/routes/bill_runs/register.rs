//! The register of a run, with the proof that nothing was forgotten.

use crate::extract::{At, Params};
use crate::money::MoneyJson;
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, web};
use app::runs::{Completeness, Register, SiteProof};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::run_contracts::Forgotten;
use store::totals::RegisterRow;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{
    AccountId, Commodity, ContractId, Currency, RateScheduleId, RunId, ServicePointId, SiteId, TestId, Unit,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(read_run_register);
}

/// Totals by service, rate and rule, with the proof that nothing was forgotten.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillRegister)]
pub(crate) struct RegisterJson {
    total: MoneyJson,
    /// What the window before came to.
    previous_total: MoneyJson,
    /// Total less previous total.
    difference: MoneyJson,
    completeness: CompletenessJson,
    /// What became of the accounts and contracts of each site.
    sites: Vec<SiteProofJson>,
    /// Contracts that may be billed and that no draft names, at most 100: there should be none.
    forgotten: Vec<ForgottenJson>,
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

/// What became of a site's accounts and of their contracts.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SiteCompletenessProof)]
pub(crate) struct SiteProofJson {
    site_id: SiteId,
    accounts: CompletenessJson,
    /// Contracts by what became of them: `billed`, `deferred`, `held`, `error`, `blocked`, `skipped`, and `stale`
    /// where the account has changed since.
    contracts: BTreeMap<String, i64>,
    /// Contracts that may be billed and that no draft names.
    forgotten: i64,
    /// All of them.
    contracts_in_scope: i64,
    /// Whether none was forgotten.
    adds_up: bool,
}

impl From<SiteProof> for SiteProofJson {
    fn from(of: SiteProof) -> Self {
        Self {
            site_id: of.site,
            contracts_in_scope: of.in_scope(),
            adds_up: of.accounts.adds_up() && of.forgotten == 0,
            accounts: of.accounts.into(),
            contracts: of.contracts,
            forgotten: of.forgotten,
        }
    }
}

/// A contract that no draft names.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ForgottenContract)]
pub(crate) struct ForgottenJson {
    account_id: AccountId,
    contract_id: ContractId,
    site_id: SiteId,
    service_point_id: Option<ServicePointId>,
}

impl From<Forgotten> for ForgottenJson {
    fn from(row: Forgotten) -> Self {
        Self {
            account_id: row.account_id,
            contract_id: ContractId::new(row.account_id, row.contract_id),
            site_id: row.site_id,
            service_point_id: row.service_point_id,
        }
    }
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
    /// The quantity of the window before.
    #[schema(value_type = String)]
    previous_quantity: Decimal,
    /// Amount less previous amount.
    difference: MoneyJson,
    /// Quantity less previous quantity.
    #[schema(value_type = String)]
    quantity_difference: Decimal,
}

impl From<Completeness> for CompletenessJson {
    fn from(all: Completeness) -> Self {
        Self {
            accounts: all.accounts,
            billed: all.billed,
            deferred: all.deferred,
            held: all.held,
            error: all.error,
            stale: all.stale,
            skipped: all.skipped,
            queued: all.queued,
            adds_up: all.adds_up(),
        }
    }
}

impl RegisterRowJson {
    fn of(currency: Currency, row: RegisterRow) -> Result<Self, app::Error> {
        let difference = vocab::decimal::sub(row.quantity, row.previous_quantity)?;
        Ok(Self {
            commodity: row.commodity,
            rate_schedule_id: row.schedule_id,
            rule: row.rule,
            unit: row.unit,
            quantity: row.quantity.normalize(),
            amount: MoneyJson::of(currency, row.amount_minor),
            lines: row.lines,
            previous_amount: MoneyJson::of(currency, row.previous_minor),
            previous_quantity: row.previous_quantity.normalize(),
            difference: MoneyJson::of(currency, row.amount_minor.minus(row.previous_minor)?),
            quantity_difference: difference.normalize(),
        })
    }
}

impl RegisterJson {
    fn of(currency: Currency, register: Register) -> Result<Self, app::Error> {
        let rows = register.rows.into_iter().map(|row| RegisterRowJson::of(currency, row));
        Ok(Self {
            total: MoneyJson::of(currency, register.total),
            previous_total: MoneyJson::of(currency, register.previous_total),
            difference: MoneyJson::of(currency, register.total.minus(register.previous_total)?),
            completeness: register.completeness.into(),
            sites: register.proof.sites.into_iter().map(Into::into).collect(),
            forgotten: register.proof.forgotten.into_iter().map(Into::into).collect(),
            rows: rows.collect::<Result<_, _>>()?,
        })
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
///
/// Totals by service, rate and rule of a test (all that stands after it) or of what was posted, against what the
/// cycle's window before came to; what was charged only then shows zero for this window. With the proof that
/// nothing was forgotten: each account of the run is billed, deferred, held, in error, stale, skipped or queued, and
/// each of their contracts has its outcome, site by site.
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
        RegisterJson::of(currency, app.register(&caller, id.0, query.test_id, query.posted)?)
    })
    .await?;
    Ok(HttpResponse::Ok().json(register))
}
