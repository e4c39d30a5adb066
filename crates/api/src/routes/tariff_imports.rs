//! Tariffs of public forms, read into ours.

use crate::body::Body;
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::{State, blocking};
use actix_web::{HttpResponse, post, web};
use app::rates::{ImportRequest, ImportedTariff, TariffForm};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use time::Date;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;

/// The route.
pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(import_tariff);
}

/// Which public form a tariff has.
#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum TariffImportFormat {
    /// The Utility Rate Database of OpenEI, API versions 3 to 8.
    Urdb,
}

/// A tariff to import.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TariffImport, example = json!({"format": "urdb", "effective_on": "2026-01-01", "rate": {
    "name": "Residential", "fixedchargefirstmeter": 12.5, "fixedchargeunits": "$/month",
    "energyratestructure": [[{"rate": 0.2208, "max": 300, "unit": "kWh"}, {"rate": 0.1014, "unit": "kWh"}]]}}))]
pub(crate) struct TariffImportJson {
    /// Its form.
    format: TariffImportFormat,
    /// The rate as the database has it: one rate's object, or an answer of its API with one rate.
    #[schema(value_type = Object)]
    rate: Box<RawValue>,
    /// First day in force; the rate's own start when absent, and required when the rate has none.
    #[serde(default, with = "civil::option")]
    effective_on: Option<Date>,
    /// Fields to leave out although they would change a bill, by name in any case. One that the rate does not have is
    /// refused, and so is one that says what another means (a unit, a schedule).
    #[serde(default)]
    #[schema(max_items = 50)]
    leave_out: Vec<String>,
}

/// A tariff in our form.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ImportedTariff)]
struct ImportedTariffJson {
    /// To be looked at, completed and entered as a version of a schedule.
    #[schema(value_type = TariffForm)]
    tariff: serde_json::Value,
    /// Its name, where the form has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The utility's name, where the form has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    utility: Option<String>,
    /// What the form says and no rule has: conditions of service, descriptions, limits; and which registers the meters
    /// need.
    notes: Vec<String>,
}

impl From<ImportedTariff> for ImportedTariffJson {
    fn from(of: ImportedTariff) -> Self {
        Self { tariff: of.tariff, name: of.name, utility: of.utility, notes: of.notes }
    }
}

/// Import a tariff of a public form
///
/// Answers the same tariff in our form. Nothing is stored: look at it, give its rules the texts, accounts and taxes
/// that they need, and add it as a version of a rate schedule. What cannot be expressed is refused with
/// `rate_invalid`; `errors` names each field. A field that is left out on purpose is named in `leave_out`.
///
/// A bill run prices interval data where the meter gives them, else registers: use and peaks of the period, by the
/// bucket that a register names. Where a tariff goes by time of use or demand, `notes` says which registers, with
/// which buckets, meters without interval data need; without them an account is listed with `quantity_missing`.
#[utoipa::path(tag = "rates", request_body = TariffImportJson, responses((status = 200, body = ImportedTariffJson)),
    extensions(("x-permission" = json!("rates.write"))))]
#[post("/v1/tariff-imports")]
pub(crate) async fn import_tariff(
    _may: May<need::RatesWrite>,
    state: web::Data<State>,
    body: Body<TariffImportJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, body) = (state.app.clone(), body.0);
    let TariffImportFormat::Urdb = body.format;
    let request =
        ImportRequest { rate: body.rate, effective_on: body.effective_on, leave_out: body.leave_out };
    let imported = blocking(move || app.import_tariff(request)).await?;
    Ok(HttpResponse::Ok().json(ImportedTariffJson::from(imported)))
}
