//! Posted bills and their arithmetic; [`super::explanations`] explains it.

use crate::etag::tagged;
use crate::extract::{At, Params};
use crate::money::MoneyJson;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, web};
use app::bills::{BillView, PrintedMessage};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::bills::{Bill, BillFilter, Segment, Swept};
use time::{Date, OffsetDateTime};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{
    AccountId, BillId, BillKind, BillMessageId, BillState, Channel, ContractId, Currency, FtId, FtKind,
    Language, PersonId, RateScheduleId, RunId, SegmentId, SegmentState, WindowId,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_bills).service(read_bill).service(list_account_bills);
}

/// A posted bill: previous balance + swept + new = ending balance.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Bill)]
pub(crate) struct BillJson {
    id: BillId,
    account_id: AccountId,
    /// Printed on the document.
    number: String,
    window_id: Option<WindowId>,
    run_id: Option<RunId>,
    previous_bill_id: Option<BillId>,
    kind: BillKind,
    /// `pending`: it was opened again and is to be posted anew or given up.
    state: BillState,
    #[serde(with = "civil")]
    bill_on: Date,
    #[serde(with = "civil")]
    due_on: Date,
    /// First charged day.
    #[serde(with = "civil")]
    period_first_on: Date,
    /// Last charged day.
    #[serde(with = "civil")]
    period_last_on: Date,
    /// Ending balance of the bill before it.
    previous_balance: MoneyJson,
    /// Payments, adjustments and corrections since.
    swept: MoneyJson,
    /// Current charges.
    new_charges: MoneyJson,
    /// What the bill asks for; negative is a credit.
    ending_balance: MoneyJson,
    #[serde(with = "time::serde::rfc3339")]
    completed_at: OffsetDateTime,
    /// When it was opened again last.
    #[serde(with = "time::serde::rfc3339::option")]
    reopened_at: Option<OffsetDateTime>,
}

impl BillJson {
    pub(crate) fn of(currency: Currency, bill: &Bill) -> Self {
        let money = |amount| MoneyJson::of(currency, amount);
        Self {
            id: BillId::new(bill.account_id, bill.id),
            account_id: bill.account_id,
            number: bill.number.to_string(),
            window_id: bill.window_id,
            run_id: bill.run_id,
            previous_bill_id: bill.previous_bill_id.map(|id| BillId::new(bill.account_id, id)),
            kind: bill.kind,
            state: bill.state,
            bill_on: bill.bill_on,
            due_on: bill.due_on,
            period_first_on: bill.period_first_on,
            period_last_on: bill.period_last_on,
            previous_balance: money(bill.previous_minor),
            swept: money(bill.swept_minor),
            new_charges: money(bill.new_minor),
            ending_balance: money(bill.ending_minor),
            completed_at: bill.completed_at,
            reopened_at: bill.reopened_at,
        }
    }
}

/// A bill with its segments, what it swept up, and where it goes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BillDetail {
    #[serde(flatten)]
    bill: BillJson,
    segments: Vec<SegmentJson>,
    payments: Vec<MovementJson>,
    adjustments: Vec<MovementJson>,
    corrections: Vec<MovementJson>,
    routings: Vec<RoutingJson>,
    /// What is said on it, first things first.
    messages: Vec<BillMessageText>,
}

/// A message as it stands on a bill.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BillMessageText {
    message_id: BillMessageId,
    /// The language that the account reads it in.
    language: Language,
    text: String,
}

impl BillMessageText {
    pub(crate) fn of(said: &PrintedMessage) -> Self {
        Self { message_id: said.message, language: said.language.clone(), text: said.text().to_owned() }
    }
}

/// One contract's part of a bill.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Segment)]
pub(crate) struct SegmentJson {
    id: SegmentId,
    contract_id: ContractId,
    rate_schedule_id: Option<RateScheduleId>,
    state: SegmentState,
    #[serde(with = "civil")]
    first_on: Date,
    #[serde(with = "civil")]
    last_on: Date,
    /// The sum of its lines and charges.
    total: MoneyJson,
    estimated: bool,
    /// The reversed segment whose place it took.
    rebills_segment_id: Option<SegmentId>,
    /// The arithmetic as it is stored: reads, rated lines and charges, each line with everything
    /// that computes it again. Amounts are minor units, other numbers decimal strings. What most lines have alike is
    /// left out: a `proration`, `share` or `scale` of `1/1`, the `rounding` `half_away_from_zero`, the `kind` `usage` of a
    /// quantity, its `in_period` where that is its `value`, its `total` where that is its `in_period`, the `from` of a
    /// tier from 0; of a read the `end_quality` `actual`, `rolled_over` false and the `multiplier` 1.
    #[schema(value_type = Object)]
    calculation: Box<RawValue>,
}

impl SegmentJson {
    pub(crate) fn of(currency: Currency, segment: &Segment) -> app::Result<Self> {
        let account = segment.account_id;
        Ok(Self {
            id: SegmentId::new(account, segment.id),
            contract_id: ContractId::new(account, segment.contract_id),
            rate_schedule_id: segment.schedule_id,
            state: segment.state,
            first_on: segment.first_on,
            last_on: segment.last_on,
            total: MoneyJson::of(currency, segment.total_minor),
            estimated: segment.estimated,
            rebills_segment_id: segment.rebills_id.map(|old| SegmentId::new(account, old)),
            calculation: RawValue::from_string(segment.document.0.clone())?,
        })
    }
}

/// A payment, adjustment or correction that a bill swept up.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Movement)]
pub(crate) struct MovementJson {
    transaction_id: FtId,
    kind: FtKind,
    /// The kind of adjustment.
    adjustment_type: Option<String>,
    /// Of the kind of adjustment, or of the corrected service.
    name: Option<String>,
    /// The segment that a correction reverses or makes.
    segment_id: Option<SegmentId>,
    /// Its first charged day.
    #[serde(with = "civil::option")]
    segment_first_on: Option<Date>,
    /// Its last charged day.
    #[serde(with = "civil::option")]
    segment_last_on: Option<Date>,
    #[serde(with = "civil")]
    effective_on: Date,
    /// As it acts on the balance: payments are negative.
    amount: MoneyJson,
}

impl MovementJson {
    pub(crate) fn of(currency: Currency, ft: &Swept) -> Self {
        Self {
            transaction_id: FtId::new(ft.account_id, ft.ft_id),
            kind: ft.kind,
            adjustment_type: ft.adjustment_code.clone(),
            name: ft.adjustment_name.clone().or_else(|| ft.service_name.clone()),
            segment_id: ft.segment_first_on.map(|_| SegmentId::new(ft.account_id, ft.source_id)),
            segment_first_on: ft.segment_first_on,
            segment_last_on: ft.segment_last_on,
            effective_on: ft.effective_on,
            amount: MoneyJson::of(currency, ft.current_minor),
        }
    }
}

/// One copy of a bill: to whom and where it goes, as of its completion.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Routing)]
pub(crate) struct RoutingJson {
    person_id: PersonId,
    name: String,
    language: Language,
    channel: Channel,
    email: Option<String>,
    /// The lines of the letter's address.
    postal: Option<Vec<String>>,
}

impl BillDetail {
    fn of(currency: Currency, view: &BillView) -> Result<Self, app::Error> {
        let movements = |kinds: [FtKind; 2]| {
            let wanted = view.swept.iter().filter(|ft| kinds.contains(&ft.kind));
            wanted.map(|ft| MovementJson::of(currency, ft)).collect()
        };
        let segments = view.segments.iter().map(|(segment, _)| SegmentJson::of(currency, segment));
        let routings = view.routings.iter().map(|routing| RoutingJson {
            person_id: routing.person,
            name: routing.name.clone(),
            language: routing.language.clone(),
            channel: routing.channel,
            email: routing.email.clone(),
            postal: routing.postal.as_ref().map(|postal| {
                let line2 = postal.line2.clone();
                let place = format!("{} {} {}", postal.city, postal.region, postal.postcode);
                let lines = [Some(postal.addressee.clone()), Some(postal.line1.clone()), line2, Some(place)];
                lines.into_iter().flatten().chain([postal.country.clone()]).collect()
            }),
        });
        Ok(Self {
            segments: segments.collect::<app::Result<_>>()?,
            payments: movements([FtKind::Payment, FtKind::PaymentCancel]),
            adjustments: movements([FtKind::Adjustment, FtKind::AdjustmentCancel]),
            corrections: movements([FtKind::Segment, FtKind::SegmentCancel]),
            routings: routings.collect(),
            messages: view.messages.iter().map(BillMessageText::of).collect(),
            bill: BillJson::of(currency, &view.bill),
        })
    }
}

/// Which bills to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BillQuery {
    /// Only of this account.
    account_id: Option<AccountId>,
    /// Only of this bill run.
    run_id: Option<RunId>,
    /// Only of this cycle window.
    window_id: Option<WindowId>,
    /// Only the bill with this number.
    #[param(pattern = "^[0-9]{1,18}$")]
    number: Option<String>,
    /// Due on this day or later.
    #[serde(default, rename = "due_on[gte]", with = "civil::option")]
    #[param(rename = "due_on[gte]")]
    due_from_on: Option<Date>,
    /// Due on this day or earlier.
    #[serde(default, rename = "due_on[lte]", with = "civil::option")]
    #[param(rename = "due_on[lte]")]
    due_to_on: Option<Date>,
    /// Posted bills of which every copy has its invoice, or of which one lacks it.
    invoiced: Option<bool>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List bills
///
/// Only bills of accounts of your sites, newest first. `number` finds one bill by its number.
#[utoipa::path(tag = "bills", params(BillQuery), responses((status = 200, body = Listed<BillJson>)),
    extensions(("x-permission" = json!("bills.read"))))]
#[get("/v1/bills")]
pub(crate) async fn list_bills(
    may: May<need::BillsRead>,
    state: web::Data<State>,
    query: Params<BillQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let number = query.number.as_deref().map(number_parameter).transpose()?;
    let (currency, page) = blocking(move || {
        let currency = app.utility()?.currency;
        if let Some(number) = number {
            return Ok((currency, by_number(&app, &caller, number)?));
        }
        let filter = BillFilter {
            sites: None,
            account: query.account_id,
            run: query.run_id,
            window: query.window_id,
            due_from_on: query.due_from_on,
            due_to_on: query.due_to_on,
            invoiced: query.invoiced,
        };
        Ok((currency, app.bills(&caller, filter, cursor.as_ref(), limit)?))
    })
    .await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, |bill| BillJson::of(currency, &bill))))
}

fn number_parameter(text: &str) -> Result<i64, vocab::Problem> {
    text.parse().map_err(|_| {
        vocab::Problem::new(vocab::Code::MalformedParameter, "number: digits").with("name", "number")
    })
}

/// A list of the one bill with this number, or of none.
fn by_number(app: &app::App, caller: &app::Caller, number: i64) -> app::Result<store::Page<Bill>> {
    let items = match app.bill_by_number(caller, number) {
        Ok(bill) => vec![bill],
        Err(app::Error::Refused(problem)) if problem.code == vocab::Code::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    Ok(store::Page { items, next: None })
}

/// Pages of an account's bills.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AccountBillQuery {
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List an account's bills
///
/// Newest first.
#[utoipa::path(tag = "bills", params(("id" = AccountId, Path, description = "Account"), AccountBillQuery),
    responses((status = 200, body = Listed<BillJson>)), extensions(("x-permission" = json!("bills.read"))))]
#[get("/v1/accounts/{id}/bills")]
pub(crate) async fn list_account_bills(
    may: May<need::BillsRead>,
    state: web::Data<State>,
    id: At<AccountId>,
    query: Params<AccountBillQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (limit, cursor) = window(query.0.limit, query.0.cursor.as_deref())?;
    let (currency, page) = blocking(move || {
        Ok((app.utility()?.currency, app.bills_of_account(&caller, id.0, cursor.as_ref(), limit)?))
    })
    .await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, |bill| BillJson::of(currency, &bill))))
}

/// Read a bill
///
/// With its segments and their arithmetic, what it swept up, and where it goes.
#[utoipa::path(tag = "bills", params(("id" = BillId, Path, description = "Bill")),
    responses((status = 200, body = BillDetail, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("bills.read"))))]
#[get("/v1/bills/{id}")]
pub(crate) async fn read_bill(
    may: May<need::BillsRead>,
    state: web::Data<State>,
    id: At<BillId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (version, detail) = blocking(move || {
        let currency = app.utility()?.currency;
        let view = app.bill(&caller, id.0)?;
        Ok((view.bill.version, BillDetail::of(currency, &view)?))
    })
    .await?;
    Ok(tagged(version, &detail))
}
