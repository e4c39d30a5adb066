//! Interval data going out: for charts, and as Green Button.

use crate::extract::{At, Params, prefers};
use crate::files::streamed;
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::reading_exports::csv_file;
use crate::{State, blocking};
use actix_web::{HttpRequest, HttpResponse, get, web};
use app::interval_data::{IntervalDay, RegisterDays};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use store::intervals::{DaySum, MonthSum};
use time::Date;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{AccountId, ReadQuality, RegisterId, ServicePointId, Unit};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(download_green_button).service(read_interval_data).service(read_interval_sums);
}

/// From which day to which, both included.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DaysQuery {
    /// First day.
    #[serde(with = "civil")]
    from: Date,
    /// Last day.
    #[serde(with = "civil")]
    to: Date,
}

/// Whose data, and from which day to which, both included.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct GreenButtonQuery {
    /// Whose; the account served last in these days when absent.
    account_id: Option<AccountId>,
    /// First day.
    #[serde(with = "civil")]
    from: Date,
    /// Last day.
    #[serde(with = "civil")]
    to: Date,
}

/// Download a customer's data as Green Button
///
/// ESPI Atom XML of the interval data of every register of a service point, at most 400 days: those on which
/// one account was served there, never a former customer's. Days that are held and intervals
/// without a value are left out; so are the readings of dials. Units that ESPI does not have are written in
/// those that it has: hundreds of cubic feet as cubic feet.
#[utoipa::path(tag = "reads", params(("id" = ServicePointId, Path, description = "Service point"), GreenButtonQuery),
    responses((status = 200, content_type = "application/atom+xml", body = String)),
    extensions(("x-permission" = json!("reads.read"))))]
#[get("/v1/service-points/{id}/green-button")]
pub(crate) async fn download_green_button(
    may: May<need::ReadsRead>,
    state: web::Data<State>,
    id: At<ServicePointId>,
    query: Params<GreenButtonQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, of) = (state.app.clone(), may.caller(), query.0);
    let of = blocking(move || app.green_button(&caller, id.0, of.account_id, (of.from, of.to))).await?;
    Ok(streamed(of.file, of.bytes, of.media_type, &of.name))
}

/// A register's interval data.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct IntervalData {
    register_id: RegisterId,
    unit: Unit,
    /// Days that have data, oldest first.
    days: Vec<IntervalDataDay>,
}

/// A day of interval data.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct IntervalDataDay {
    #[serde(with = "civil")]
    day: Date,
    /// Minutes of an interval.
    minutes: i16,
    /// Whether the day waits for a person, and is not billed.
    is_held: bool,
    /// The intervals of the day from local midnight on: 23 or 25 hours of them where the clock changes;
    /// `null` where there is no value.
    values: Vec<Option<IntervalValue>>,
}

/// What was used in an interval.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct IntervalValue {
    value: Decimal,
    quality: ReadQuality,
}

pub(crate) fn values(data: &IntervalDay) -> Vec<Option<IntervalValue>> {
    let value = |(value, quality): (Decimal, _)| IntervalValue { value: value.normalize(), quality };
    (0..data.slots()).map(|slot| data.get(slot).map(value)).collect()
}

impl From<RegisterDays> for IntervalData {
    fn from(of: RegisterDays) -> Self {
        let days = of.days.into_iter().map(|(row, data)| IntervalDataDay {
            day: row.day,
            minutes: row.minutes,
            is_held: row.is_held,
            values: values(&data),
        });
        Self {
            register_id: RegisterId::new(of.register.service_point_id, of.register.id),
            unit: of.register.unit,
            days: days.collect(),
        }
    }
}

/// Read a register's interval data
///
/// The values of at most 31 days.
#[utoipa::path(tag = "reads", params(("id" = RegisterId, Path, description = "Register"), DaysQuery),
    responses((status = 200, body = IntervalData)), extensions(("x-permission" = json!("reads.read"))))]
#[get("/v1/registers/{id}/interval-data")]
pub(crate) async fn read_interval_data(
    may: May<need::ReadsRead>,
    state: web::Data<State>,
    id: At<RegisterId>,
    query: Params<DaysQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, days) = (state.app.clone(), may.caller(), query.0);
    let found = blocking(move || app.interval_data(&caller, id.0, days.from, days.to)).await?;
    Ok(HttpResponse::Ok().json(IntervalData::from(found)))
}

/// What is summed.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SumsBy {
    /// Each day.
    #[default]
    Day,
    /// Each month.
    Month,
}

/// Which sums.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SumsQuery {
    /// `day` when absent.
    #[serde(default)]
    #[param(inline)]
    by: SumsBy,
    /// First day.
    #[serde(with = "civil")]
    from: Date,
    /// Last day.
    #[serde(with = "civil")]
    to: Date,
}

/// Sums of a register's interval data.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct IntervalSums {
    register_id: RegisterId,
    unit: Unit,
    /// Oldest first.
    items: Vec<IntervalSum>,
}

/// What a day or a month comes to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct IntervalSum {
    /// The day, or the first of the month.
    #[serde(with = "civil")]
    starts_on: Date,
    /// Days with data.
    days: i64,
    total: Decimal,
    /// The highest interval; `null` when there is none.
    highest: Option<Decimal>,
    /// Intervals without a value.
    missing: i64,
    /// Intervals whose value nobody read off the meter.
    estimated: i64,
    /// Whether the day waits for a person, and is not billed. The sum of a month has no such days.
    is_held: bool,
}

impl From<DaySum> for IntervalSum {
    fn from(row: DaySum) -> Self {
        Self {
            starts_on: row.day,
            days: 1,
            total: row.total.normalize(),
            highest: row.highest.map(|highest| highest.normalize()),
            missing: row.missing.into(),
            estimated: row.estimated.into(),
            is_held: row.is_held,
        }
    }
}

impl From<MonthSum> for IntervalSum {
    fn from(row: MonthSum) -> Self {
        Self {
            starts_on: row.month,
            days: row.days,
            total: row.total.normalize(),
            highest: row.highest.map(|highest| highest.normalize()),
            missing: row.missing,
            estimated: row.estimated,
            is_held: false,
        }
    }
}

/// Read sums of a register's interval data
///
/// By day, at most 400 days, or by month, at most 3,660. JSON, or with `Accept: text/csv` a table.
#[utoipa::path(tag = "reads", params(("id" = RegisterId, Path, description = "Register"), SumsQuery),
    responses((status = 200, content((IntervalSums = "application/json"), (String = "text/csv")))),
    extensions(("x-permission" = json!("reads.read"))))]
#[get("/v1/registers/{id}/interval-sums")]
pub(crate) async fn read_interval_sums(
    may: May<need::ReadsRead>,
    state: web::Data<State>,
    id: At<RegisterId>,
    query: Params<SumsQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, of, id) = (state.app.clone(), may.caller(), query.0, id.0);
    let sums = blocking(move || {
        let (register, items): (_, Vec<IntervalSum>) = match of.by {
            SumsBy::Day => {
                let (register, days) = app.interval_days(&caller, id, of.from, of.to)?;
                (register, days.into_iter().map(Into::into).collect())
            }
            SumsBy::Month => {
                let (register, months) = app.interval_months(&caller, id, of.from, of.to)?;
                (register, months.into_iter().map(Into::into).collect())
            }
        };
        Ok(IntervalSums { register_id: id, unit: register.unit, items })
    })
    .await?;
    if prefers(&request, "text/csv") {
        return Ok(csv_file(&format!("interval-sums-{id}.csv"), table(&sums)));
    }
    Ok(HttpResponse::Ok().json(sums))
}

/// The sums as CSV: dates, numbers and words of our own, nothing that a spreadsheet would run.
fn table(sums: &IntervalSums) -> Vec<u8> {
    let mut text = "starts_on,days,unit,total,highest,missing,estimated,is_held\r\n".to_owned();
    for row in &sums.items {
        let highest = row.highest.map(|highest| highest.to_string()).unwrap_or_default();
        let (on, unit) = (civil::format(row.starts_on), sums.unit.as_str());
        let IntervalSum { days, total, missing, estimated, is_held, .. } = row;
        text.push_str(&format!("{on},{days},{unit},{total},{highest},{missing},{estimated},{is_held}\r\n"));
    }
    text.into_bytes()
}
