//! Balance and history of an account.

use crate::extract::{At, Params};
use crate::money::MoneyJson;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::PageQuery;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, web};
use app::ledger::Balance;
use serde::Serialize;
use store::ledger::HistoryRow;
use time::{Date, OffsetDateTime};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{AccountId, AdjustmentId, BillId, Currency, FtId, FtKind, PaymentId, SegmentId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(read_balance).service(list_history);
}

/// What an account owes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Balance)]
pub(crate) struct BalanceJson {
    account_id: AccountId,
    /// Asked now.
    current: MoneyJson,
    /// Owed if closed today.
    payoff: MoneyJson,
    /// Credits that have paid nothing yet.
    unapplied_credit: MoneyJson,
    /// Everything past due.
    past_due: MoneyJson,
    /// The day that the ageing is as of.
    #[serde(with = "civil")]
    as_of_on: Date,
    ageing: AgeingJson,
}

/// Open charges by days past due.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Ageing)]
pub(crate) struct AgeingJson {
    /// Not yet due.
    current: MoneyJson,
    /// 1 to 30 days past due.
    days_1_30: MoneyJson,
    /// 31 to 60 days past due.
    days_31_60: MoneyJson,
    /// 61 to 90 days past due.
    days_61_90: MoneyJson,
    /// 91 to 120 days past due.
    days_91_120: MoneyJson,
    /// More than 120 days past due.
    days_over_120: MoneyJson,
}

impl BalanceJson {
    fn of(currency: Currency, balance: &Balance) -> app::Result<Self> {
        let money = |amount| MoneyJson::of(currency, amount);
        let ageing = balance.ageing;
        Ok(Self {
            account_id: balance.account.account_id,
            current: money(balance.account.current_minor),
            payoff: money(balance.account.payoff_minor),
            unapplied_credit: money(balance.unapplied),
            past_due: money(ageing.past_due()?),
            as_of_on: balance.as_of_on,
            ageing: AgeingJson {
                current: money(ageing.current),
                days_1_30: money(ageing.days_1_30),
                days_31_60: money(ageing.days_31_60),
                days_61_90: money(ageing.days_61_90),
                days_91_120: money(ageing.days_91_120),
                days_over_120: money(ageing.days_over_120),
            },
        })
    }
}

/// Read an account's balance
///
/// With unapplied credit and what is past due by age, as of today.
#[utoipa::path(tag = "accounts", params(("id" = AccountId, Path, description = "Account")),
    responses((status = 200, body = BalanceJson)), extensions(("x-permission" = json!("accounts.read"))))]
#[get("/v1/accounts/{id}/balance")]
pub(crate) async fn read_balance(
    may: May<need::AccountsRead>,
    state: web::Data<State>,
    id: At<AccountId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let body = blocking(move || {
        let currency = app.utility()?.currency;
        BalanceJson::of(currency, &app.balance(&caller, id.0)?)
    })
    .await?;
    Ok(HttpResponse::Ok().json(body))
}

/// A financial transaction.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = HistoryEntry)]
pub(crate) struct HistoryJson {
    id: FtId,
    kind: FtKind,
    /// The segment, adjustment or payment that it records.
    source_id: String,
    /// The bill that it stands on; absent until it is on one.
    bill_id: Option<BillId>,
    /// A charge above nothing, a credit below.
    amount: MoneyJson,
    /// The balance after it.
    balance: MoneyJson,
    #[serde(with = "civil")]
    accounting_on: Date,
    #[serde(with = "civil")]
    effective_on: Date,
    #[serde(with = "time::serde::rfc3339")]
    posted_at: OffsetDateTime,
}

impl HistoryJson {
    fn of(currency: Currency, row: &HistoryRow) -> Self {
        let (account, n) = (row.account_id, row.source_id);
        let source_id = match row.kind {
            FtKind::Segment | FtKind::SegmentCancel => SegmentId::new(account, n).to_string(),
            FtKind::Adjustment | FtKind::AdjustmentCancel => AdjustmentId::new(account, n).to_string(),
            FtKind::Payment | FtKind::PaymentCancel => PaymentId::new(account, n).to_string(),
        };
        Self {
            id: FtId::new(account, row.id),
            kind: row.kind,
            source_id,
            bill_id: row.bill_id.map(|bill| BillId::new(account, bill)),
            amount: MoneyJson::of(currency, row.current_minor),
            balance: MoneyJson::of(currency, row.balance_minor),
            accounting_on: row.accounting_on,
            effective_on: row.effective_on,
            posted_at: row.posted_at,
        }
    }
}

/// List an account's transactions
///
/// Newest first, each with the balance after it.
#[utoipa::path(tag = "accounts", params(("id" = AccountId, Path, description = "Account"), PageQuery),
    responses((status = 200, body = Listed<HistoryJson>)), extensions(("x-permission" = json!("accounts.read"))))]
#[get("/v1/accounts/{id}/history")]
pub(crate) async fn list_history(
    may: May<need::AccountsRead>,
    state: web::Data<State>,
    id: At<AccountId>,
    query: Params<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (limit, cursor) = window(query.0.limit, query.0.cursor.as_deref())?;
    let (currency, page) =
        blocking(move || Ok((app.utility()?.currency, app.history(&caller, id.0, cursor.as_ref(), limit)?)))
            .await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, |row| HistoryJson::of(currency, &row))))
}
