//! The utility at a glance.

use crate::extract::Params;
use crate::money::MoneyJson;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::PageQuery;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, web};
use app::dashboard::Dashboard;
use serde::Serialize;
use store::dashboard::Owing;
use time::Date;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{AccountId, AccountNumber, AccountState, Currency, SiteId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(read_dashboard).service(list_balances_due);
}

/// The figures of your sites.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Dashboard)]
pub(crate) struct DashboardJson {
    #[serde(with = "civil")]
    as_of_on: Date,
    /// Posted on bills of this month.
    revenue_month: MoneyJson,
    /// Posted on bills of this year.
    revenue_year: MoneyJson,
    /// Sum of the balances above nothing.
    outstanding: MoneyJson,
    /// Sum of the balances below nothing.
    credit: MoneyJson,
    accounts: i64,
    accounts_by_state: Vec<StateCount>,
    /// Accounts with something past due.
    delinquent_accounts: i64,
    /// Accounts that autopay draws from.
    autopay_accounts: i64,
    /// Their share, in percent with one decimal.
    autopay_share_percent: String,
    /// Twelve months, oldest first.
    months: Vec<MonthJson>,
}

/// Accounts in one state.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AccountStateCount)]
pub(crate) struct StateCount {
    state: AccountState,
    accounts: i64,
}

/// One month.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = MonthFigures)]
pub(crate) struct MonthJson {
    /// First day of the month.
    #[serde(with = "civil")]
    month_on: Date,
    /// By month billed.
    billed: MoneyJson,
    /// By month received.
    collected: MoneyJson,
}

/// A share in percent with one decimal, rounded down.
fn share(part: i64, whole: i64) -> String {
    let per_mille = part.saturating_mul(1000).checked_div(whole).unwrap_or(0);
    format!("{}.{}", per_mille / 10, per_mille % 10)
}

impl DashboardJson {
    fn of(currency: Currency, figures: Dashboard) -> Self {
        let money = |amount| MoneyJson::of(currency, amount);
        let standing = figures.standing;
        let counts = figures.by_state.into_iter().map(|(state, accounts)| StateCount { state, accounts });
        let months = figures.months.into_iter().map(|month| MonthJson {
            month_on: month.month_on,
            billed: money(month.billed),
            collected: money(month.collected),
        });
        Self {
            as_of_on: figures.as_of_on,
            revenue_month: money(figures.revenue_month),
            revenue_year: money(figures.revenue_year),
            outstanding: money(standing.outstanding_minor),
            credit: money(standing.credit_minor),
            accounts: standing.accounts,
            accounts_by_state: counts.collect(),
            delinquent_accounts: figures.delinquent,
            autopay_accounts: standing.autopay,
            autopay_share_percent: share(standing.autopay, standing.accounts),
            months: months.collect(),
        }
    }
}

/// Read the dashboard
///
/// Revenue, balances, accounts, delinquency, autopay; billed and collected by month.
#[utoipa::path(tag = "dashboard", responses((status = 200, body = DashboardJson)),
    extensions(("x-permission" = json!("dashboard.read"))))]
#[get("/v1/dashboard")]
pub(crate) async fn read_dashboard(
    may: May<need::DashboardRead>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (currency, figures) =
        blocking(move || Ok((app.utility()?.currency, app.dashboard(&caller)?))).await?;
    Ok(HttpResponse::Ok().json(DashboardJson::of(currency, figures)))
}

/// An account that owes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BalanceDue)]
pub(crate) struct OwingJson {
    account_id: AccountId,
    number: AccountNumber,
    site_id: SiteId,
    balance: MoneyJson,
}

impl OwingJson {
    fn of(currency: Currency, row: &Owing) -> Self {
        Self {
            account_id: row.account_id,
            number: row.number,
            site_id: row.site_id,
            balance: MoneyJson::of(currency, row.balance),
        }
    }
}

/// List balances due
///
/// Accounts that owe, the most first.
#[utoipa::path(tag = "dashboard", params(PageQuery), responses((status = 200, body = Listed<OwingJson>)),
    extensions(("x-permission" = json!("dashboard.read"))))]
#[get("/v1/dashboard/balances-due")]
pub(crate) async fn list_balances_due(
    may: May<need::DashboardRead>,
    state: web::Data<State>,
    query: Params<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (limit, cursor) = window(query.0.limit, query.0.cursor.as_deref())?;
    let (currency, page) =
        blocking(move || Ok((app.utility()?.currency, app.balances_due(&caller, cursor.as_ref(), limit)?)))
            .await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, |row| OwingJson::of(currency, &row))))
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_are_of_something() {
        assert_eq!([share(1, 3), share(3, 3), share(0, 0)], ["33.3", "100.0", "0.0"]);
    }
}
