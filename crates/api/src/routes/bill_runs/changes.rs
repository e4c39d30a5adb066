//! Two tests of a run beside each other.

use crate::extract::{At, Params, prefers};
use crate::money::MoneyJson;
use crate::page::window;
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::reading_exports::csv_file;
use crate::{State, blocking};
use actix_web::{HttpRequest, HttpResponse, get, web};
use app::runs::{AccountChanged, ChangeQuery, ContractChange, TestChanges};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{
    AccountId, ChangeCause, Code, Commodity, ContractId, Currency, ItemState, Money, Problem, RateScheduleId,
    RunId, SegmentOutcome, SiteId, TestId,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_test_changes);
}

/// What changed from one test to another.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillTestChanges)]
pub(crate) struct TestChangesJson {
    test_id: TestId,
    /// The test that it is compared with.
    against_test_id: TestId,
    /// How many accounts changed, whatever the cause.
    accounts: i64,
    /// What they came to before.
    old_total: MoneyJson,
    /// What they come to now.
    new_total: MoneyJson,
    /// New less old.
    difference: MoneyJson,
    items: Vec<AccountChangeJson>,
    /// Send it as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// An account that changed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillTestChange)]
pub(crate) struct AccountChangeJson {
    account_id: AccountId,
    site_id: SiteId,
    /// `null`: it had no draft.
    old_state: Option<ItemState>,
    /// `null`: it has no draft.
    new_state: Option<ItemState>,
    old_total: MoneyJson,
    new_total: MoneyJson,
    difference: MoneyJson,
    causes: Vec<ChangeCause>,
    contracts: Vec<ContractChangeJson>,
}

/// A contract whose segment changed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BillContractChange)]
pub(crate) struct ContractChangeJson {
    contract_id: ContractId,
    commodity: Commodity,
    rate_schedule_id: Option<RateScheduleId>,
    /// `null`: it was not there.
    old_outcome: Option<SegmentOutcome>,
    /// `null`: it is not there any more.
    new_outcome: Option<SegmentOutcome>,
    old_total: MoneyJson,
    new_total: MoneyJson,
    causes: Vec<ChangeCause>,
}

impl ContractChangeJson {
    fn of(currency: Currency, of: ContractChange) -> Self {
        Self {
            contract_id: of.contract,
            commodity: of.commodity,
            rate_schedule_id: of.schedule,
            old_outcome: of.old_outcome,
            new_outcome: of.new_outcome,
            old_total: MoneyJson::of(currency, of.old_total),
            new_total: MoneyJson::of(currency, of.new_total),
            causes: of.causes.into_iter().collect(),
        }
    }
}

impl AccountChangeJson {
    fn of(currency: Currency, of: AccountChanged) -> Self {
        let contracts = of.change.contracts.into_iter();
        Self {
            account_id: of.account,
            site_id: of.site,
            old_state: of.old_state,
            new_state: of.new_state,
            old_total: MoneyJson::of(currency, of.old_total),
            new_total: MoneyJson::of(currency, of.new_total),
            difference: MoneyJson::of(currency, of.difference),
            causes: of.change.causes.into_iter().collect(),
            contracts: contracts.map(|one| ContractChangeJson::of(currency, one)).collect(),
        }
    }
}

impl TestChangesJson {
    fn of(currency: Currency, of: TestChanges) -> Result<Self, app::Error> {
        let items = of.page.items.into_iter();
        Ok(Self {
            test_id: of.test,
            against_test_id: of.against,
            accounts: of.accounts,
            old_total: MoneyJson::of(currency, of.old_total),
            new_total: MoneyJson::of(currency, of.new_total),
            difference: MoneyJson::of(currency, of.new_total.minus(of.old_total)?),
            items: items.map(|one| AccountChangeJson::of(currency, one)).collect(),
            next: of.page.next.map(|cursor| cursor.to_string()),
        })
    }
}

/// Which changes to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TestChangesQuery {
    /// The test to compare with, earlier or later; the one before when absent.
    against: Option<TestId>,
    /// Only accounts with this cause. A page may then come short of its limit and still have a `next`.
    cause: Option<ChangeCause>,
    /// Only of this site.
    site_id: Option<SiteId>,
    /// Only where old and new total lie at least so far apart, in the utility's currency.
    #[serde(rename = "difference[gte]")]
    #[param(rename = "difference[gte]", pattern = "^[0-9]+(\\.[0-9]+)?$")]
    difference_gte: Option<String>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List what changed between two tests
///
/// Accounts whose drafts differ, the largest difference first: outcome and total before and now, and per contract
/// why: another read, rate or estimate, other terms, a hold, a charge, an adjustment. What all of them come to
/// stands on top. JSON, or with `Accept: text/csv` a table of all of them with a row per contract (at most 100,000
/// accounts).
#[utoipa::path(tag = "bill-runs",
    params(("id" = RunId, Path, description = "Bill run"), ("test" = TestId, Path, description = "Test"),
        TestChangesQuery),
    responses((status = 200, content((TestChangesJson = "application/json"), (String = "text/csv")))),
    extensions(("x-permission" = json!("bill_runs.read"))))]
#[get("/v1/bill-runs/{id}/tests/{test}/changes")]
pub(crate) async fn list_test_changes(
    may: May<need::BillRunsRead>,
    state: web::Data<State>,
    at: At<(RunId, TestId)>,
    query: Params<TestChangesQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (run, test) = at.0;
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let wanted = move |currency: Currency| -> Result<ChangeQuery, Problem> {
        let least = query.difference_gte.as_deref().map(|text| least(currency, text)).transpose()?;
        Ok(ChangeQuery {
            against: query.against,
            cause: query.cause,
            site: query.site_id,
            least: least.unwrap_or_default(),
        })
    };
    if prefers(&request, "text/csv") {
        let table = blocking(move || {
            let wanted = wanted(app.utility()?.currency)?;
            app.test_changes_table(&caller, run, test, &wanted)
        });
        return Ok(csv_file(&format!("changes-{test}.csv"), table.await?));
    }
    let changes = blocking(move || {
        let currency = app.utility()?.currency;
        let wanted = wanted(currency)?;
        let found = app.test_changes(&caller, run, test, &wanted, cursor.as_ref(), limit)?;
        TestChangesJson::of(currency, found)
    });
    Ok(HttpResponse::Ok().json(changes.await?))
}

fn least(currency: Currency, text: &str) -> Result<Money, Problem> {
    currency.parse(text).filter(|amount| !amount.is_negative()).ok_or_else(|| {
        let name = "difference[gte]";
        Problem::new(Code::MalformedParameter, format!("{name}: an amount that is not negative"))
            .with("name", name)
    })
}
