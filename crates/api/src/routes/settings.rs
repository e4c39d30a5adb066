//! The utility's settings, holidays and business clock.

use crate::body::Body;
use crate::etag::{MaybeIfMatch, tagged};
use crate::extract::At;
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::rule_forms::{EstimationRulesForm, ReviewChecksForm, RuleBookForm};
use crate::{State, blocking};
use actix_web::{HttpResponse, get, post, put, web};
use serde::{Deserialize, Serialize};
use store::settings::Settings;
use time::{Date, OffsetDateTime};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{Code, GlAccountId, Language, Problem};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(read_settings)
        .service(put_settings)
        .service(list_holidays)
        .service(put_holiday)
        .service(read_clock)
        .service(move_clock);
}

/// The utility. Currency, minor digits, time zone and sandbox are fixed once set.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Settings, example = json!({
    "utility_name": "Penstock Municipal Utilities", "contact_phone": "+1 303 555 0100",
    "contact_email": "billing@penstock.example", "website": "https://penstock.example",
    "pay_address": ["Penstock Municipal Utilities", "PO Box 100", "Penstock, CO 80401"],
    "currency": "USD", "minor_digits": 2, "time_zone": "America/Denver", "languages": ["en", "es"],
    "second_language": null, "sandbox": true, "review_delay_hours": 4, "read_days_before": 7, "read_days_after": 5,
    "checks": {},
    "estimation": { "order": ["last_year", "recent_average"], "most_in_a_row": 2 },
    "read_rules": { "rules": [
        { "commodity": "water", "rules": { "high_usage": "hold", "checks": { "high_above_percent": 200 } } },
        { "class": "industrial", "rules": { "interval_spike": "hold", "spike_times": 20 } } ] },
    "review": { "money_above_percent": 150, "money_least": "25" },
    "pay_link_base": "https://penstock.example/pay"
}))]
pub(crate) struct SettingsJson {
    utility_name: String,
    contact_phone: String,
    contact_email: String,
    website: String,
    /// Lines of the address that payments are posted to.
    pay_address: Vec<String>,
    /// ISO 4217.
    currency: String,
    /// Decimals of an amount.
    minor_digits: i16,
    /// IANA name.
    time_zone: String,
    /// The first is the default.
    languages: Vec<Language>,
    /// Printed beside the customer's own.
    second_language: Option<Language>,
    /// Whether business time may be moved.
    sandbox: bool,
    /// Hours between acceptance and an autopay draw at issuance.
    #[serde(default = "review_delay")]
    #[schema(minimum = 0, maximum = 240)]
    review_delay_hours: i32,
    /// First day of the read window, days before the window's end.
    #[serde(default = "days_before")]
    #[schema(minimum = 0, maximum = 60)]
    read_days_before: i32,
    /// Last day of the read window, days after the window's end.
    #[serde(default = "days_after")]
    #[schema(minimum = 0, maximum = 60)]
    read_days_after: i32,
    /// Thresholds of the read checks; `{}` for the defaults.
    #[serde(default)]
    #[schema(value_type = Object)]
    checks: serde_json::Map<String, serde_json::Value>,
    /// How missing reads are estimated; what is absent has its default.
    #[serde(default)]
    #[schema(value_type = EstimationRulesForm)]
    estimation: serde_json::Map<String, serde_json::Value>,
    /// The rules that reads are judged by, over the defaults. A more exact entry wins over a less exact one, field by
    /// field: class and commodity, class, commodity, neither; of two that are equally exact the later one.
    #[serde(default)]
    #[schema(value_type = RuleBookForm)]
    read_rules: serde_json::Map<String, serde_json::Value>,
    /// When the money, the days and the charges of a draft are worth a look; what is absent has its default.
    #[serde(default)]
    #[schema(value_type = ReviewChecksForm)]
    review: serde_json::Map<String, serde_json::Value>,
    /// Start of the pay link in a bill's QR code.
    pay_link_base: String,
    /// Receivables where no contract type is at hand.
    receivable_gl_id: Option<GlAccountId>,
    /// Where payments are booked.
    cash_gl_id: Option<GlAccountId>,
    /// Where money without an account waits.
    suspense_gl_id: Option<GlAccountId>,
}

fn review_delay() -> i32 {
    4
}
fn days_before() -> i32 {
    7
}
fn days_after() -> i32 {
    5
}

impl SettingsJson {
    fn of(row: Settings) -> Result<Self, ApiError> {
        let language =
            |tag: String| tag.parse().map_err(|_| app::Error::Fault(format!("stored language {tag}")));
        Ok(Self {
            utility_name: row.utility_name,
            contact_phone: row.contact_phone,
            contact_email: row.contact_email,
            website: row.website,
            pay_address: row.pay_address,
            currency: row.currency,
            minor_digits: row.minor_digits,
            time_zone: row.time_zone,
            languages: row.languages.into_iter().map(language).collect::<Result<_, _>>()?,
            second_language: row.second_language.map(language).transpose()?,
            sandbox: row.sandbox,
            review_delay_hours: row.review_delay_hours,
            read_days_before: row.read_days_before,
            read_days_after: row.read_days_after,
            checks: row.checks.as_object().cloned().unwrap_or_default(),
            estimation: row.estimation.as_object().cloned().unwrap_or_default(),
            read_rules: row.read_rules.as_object().cloned().unwrap_or_default(),
            review: row.review.as_object().cloned().unwrap_or_default(),
            pay_link_base: row.pay_link_base,
            receivable_gl_id: row.receivable_gl_id,
            cash_gl_id: row.cash_gl_id,
            suspense_gl_id: row.suspense_gl_id,
        })
    }

    fn into_row(self) -> Settings {
        Settings {
            id: 1,
            utility_name: self.utility_name,
            contact_phone: self.contact_phone,
            contact_email: self.contact_email,
            website: self.website,
            pay_address: self.pay_address,
            currency: self.currency,
            minor_digits: self.minor_digits,
            time_zone: self.time_zone,
            languages: self.languages.into_iter().map(Into::into).collect(),
            second_language: self.second_language.map(Into::into),
            sandbox: self.sandbox,
            review_delay_hours: self.review_delay_hours,
            read_days_before: self.read_days_before,
            read_days_after: self.read_days_after,
            checks: self.checks.into(),
            estimation: self.estimation.into(),
            read_rules: self.read_rules.into(),
            review: self.review.into(),
            pay_link_base: self.pay_link_base,
            receivable_gl_id: self.receivable_gl_id,
            cash_gl_id: self.cash_gl_id,
            suspense_gl_id: self.suspense_gl_id,
            version: 0,
        }
    }
}

/// Read the settings
#[utoipa::path(tag = "settings",
    responses((status = 200, body = SettingsJson, headers(("ETag" = String, description = "Version for If-Match"))),
        (status = 404, body = crate::problem::ProblemDocument, content_type = "application/problem+json",
            description = "The utility has not been set up.")),
    extensions(("x-permission" = json!("settings.read"))))]
#[get("/v1/settings")]
pub(crate) async fn read_settings(
    _may: May<need::SettingsRead>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let row = blocking(move || app.settings()).await?;
    Ok(tagged(row.version, &SettingsJson::of(row)?))
}

/// Set the utility up, or replace its settings
///
/// The first call needs no `If-Match`, every later one does.
#[utoipa::path(tag = "settings", params(("If-Match" = Option<String>, Header, description = "The settings' ETag")),
    request_body = SettingsJson,
    responses((status = 200, body = SettingsJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("settings.write"))))]
#[put("/v1/settings")]
pub(crate) async fn put_settings(
    may: May<need::SettingsWrite>,
    state: web::Data<State>,
    version: MaybeIfMatch,
    body: Body<SettingsJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let row = blocking(move || app.put_settings(&caller, version.0, body.0.into_row())).await?;
    Ok(tagged(row.version, &SettingsJson::of(row)?))
}

/// A day on which utility and bank are closed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Holiday)]
pub(crate) struct HolidayJson {
    #[serde(with = "civil")]
    day: Date,
    name: String,
}

/// All holidays.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct HolidayList {
    items: Vec<HolidayJson>,
}

/// List holidays
#[utoipa::path(tag = "settings", responses((status = 200, body = HolidayList)),
    extensions(("x-permission" = json!("settings.read"))))]
#[get("/v1/holidays")]
pub(crate) async fn list_holidays(
    _may: May<need::SettingsRead>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let rows = blocking(move || app.holidays()).await?;
    let items = rows.into_iter().map(|(day, name)| HolidayJson { day, name }).collect();
    Ok(HttpResponse::Ok().json(HolidayList { items }))
}

/// A holiday's name.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HolidayName {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

/// Add or rename a holiday
#[utoipa::path(tag = "settings", params(("day" = String, Path, description = "2026-07-04", format = "date")),
    request_body = HolidayName, responses((status = 200, body = HolidayJson)),
    extensions(("x-permission" = json!("settings.write"))))]
#[put("/v1/holidays/{day}")]
pub(crate) async fn put_holiday(
    may: May<need::SettingsWrite>,
    state: web::Data<State>,
    day: At<String>,
    body: Body<HolidayName>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, name) = (state.app.clone(), may.caller(), body.0.name);
    let day = civil::parse(&day.0).ok_or_else(Problem::not_found)?;
    if name.trim().is_empty() || name.len() > 100 {
        return Err(Problem::field("/name", Code::FieldRange, "1 to 100 characters").into());
    }
    let named = name.clone();
    blocking(move || app.put_holiday(&caller, day, &named)).await?;
    Ok(HttpResponse::Ok().json(HolidayJson { day, name }))
}

/// Business time.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Clock)]
pub(crate) struct ClockJson {
    #[serde(with = "time::serde::rfc3339")]
    now: OffsetDateTime,
    /// Whether it was moved and stands still; `false`: it is real time.
    moved: bool,
}

/// Read business time
#[utoipa::path(tag = "clock", responses((status = 200, body = ClockJson)),
    extensions(("x-permission" = json!("clock.read"))))]
#[get("/v1/clock")]
pub(crate) async fn read_clock(
    _may: May<need::ClockRead>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let (now, moved) = blocking(move || app.clock()).await?;
    Ok(HttpResponse::Ok().json(ClockJson { now, moved }))
}

/// Where to move business time.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "to": "2026-02-02T15:00:00Z" }))]
pub(crate) struct MoveClock {
    #[serde(with = "time::serde::rfc3339")]
    to: OffsetDateTime,
}

/// Move business time
///
/// In a sandbox only; it then stands still. Forward only, but the first move of a sandbox without accounts may
/// go anywhere.
#[utoipa::path(tag = "clock", request_body = MoveClock, responses((status = 200, body = ClockJson)),
    extensions(("x-permission" = json!("clock.move"))))]
#[post("/v1/clock/move")]
pub(crate) async fn move_clock(
    may: May<need::ClockMove>,
    state: web::Data<State>,
    body: Body<MoveClock>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let now = blocking(move || app.move_clock(&caller, body.0.to)).await?;
    Ok(HttpResponse::Ok().json(ClockJson { now, moved: true }))
}
