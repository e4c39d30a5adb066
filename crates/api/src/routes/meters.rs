//! Meters at service points.

use crate::body::{IdempotencyKeyHeader, Once};
use crate::extract::{At, Params};
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::routes::places::ServicePointJson;
use crate::routes::reads::EnteredReadJson;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, post, web};
use app::Answer;
use app::meters::{Change, InstallView, NewInstall, NewRegister, PointView, Removal};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use store::meters::{Install, Meter};
use store::registers::RegisterRow;
use time::Date;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{MeterId, RegisterId, RegisterKind, ServicePointId, Unit};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_meters)
        .service(read_meter)
        .service(list_installed_meters)
        .service(install_meter)
        .service(remove_meter)
        .service(exchange_meter);
}

/// A service point with the meter that is installed now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ServicePointDetail)]
pub(crate) struct PointDetail {
    #[serde(flatten)]
    point: ServicePointJson,
    /// None when no meter is installed.
    installed: Option<InstalledJson>,
}

impl From<PointView> for PointDetail {
    fn from(view: PointView) -> Self {
        let installed = view.current().cloned().map(InstalledJson::from);
        Self { point: view.point.into(), installed }
    }
}

/// A meter's time at a service point.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = InstalledMeter)]
pub(crate) struct InstalledJson {
    meter_id: MeterId,
    serial: String,
    maker: Option<String>,
    #[serde(with = "civil")]
    installed_on: Date,
    /// Last day there.
    #[serde(with = "civil::option")]
    removed_on: Option<Date>,
    registers: Vec<RegisterJson>,
}

impl From<InstallView> for InstalledJson {
    fn from(view: InstallView) -> Self {
        Self {
            meter_id: view.install.meter_id,
            serial: view.serial,
            maker: view.maker,
            installed_on: view.install.installed_on,
            removed_on: view.install.removed_on,
            registers: view.registers.into_iter().map(Into::into).collect(),
        }
    }
}

/// A register of an installed meter.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Register)]
pub(crate) struct RegisterJson {
    id: RegisterId,
    /// What it is called on the meter.
    code: String,
    kind: RegisterKind,
    /// Unit of measure after the multiplier.
    unit: Unit,
    /// Time-of-use bucket.
    bucket: Option<String>,
    /// Name of its quantity in rates, when it is not what the customer took: `export`.
    quantity_name: Option<String>,
    /// Factor from dial units to the unit of measure.
    multiplier: Decimal,
    /// Whole-number positions: it wraps at 10^dials.
    dials: i16,
    /// Decimal places shown.
    decimals: i16,
}

impl From<RegisterRow> for RegisterJson {
    fn from(row: RegisterRow) -> Self {
        Self {
            id: RegisterId::new(row.service_point_id, row.id),
            code: row.code,
            kind: row.kind,
            unit: row.unit,
            bucket: row.bucket,
            quantity_name: row.quantity_name,
            multiplier: row.multiplier.normalize(),
            dials: row.dials,
            decimals: row.decimals,
        }
    }
}

/// A device.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Meter)]
pub(crate) struct MeterJson {
    id: MeterId,
    serial: String,
    maker: Option<String>,
}

impl From<Meter> for MeterJson {
    fn from(row: Meter) -> Self {
        Self { id: row.id, serial: row.serial, maker: row.maker }
    }
}

/// Where a meter was, and when.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = MeterInstallation)]
pub(crate) struct InstallJson {
    service_point_id: ServicePointId,
    #[serde(with = "civil")]
    installed_on: Date,
    /// Last day there.
    #[serde(with = "civil::option")]
    removed_on: Option<Date>,
}

impl From<Install> for InstallJson {
    fn from(row: Install) -> Self {
        Self {
            service_point_id: row.service_point_id,
            installed_on: row.installed_on,
            removed_on: row.removed_on,
        }
    }
}

/// A device with the places where it was.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MeterDetail {
    #[serde(flatten)]
    meter: MeterJson,
    /// Oldest first; only those at your sites.
    installations: Vec<InstallJson>,
}

/// The installations of a service point.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct InstalledMeters {
    /// Oldest first.
    items: Vec<InstalledJson>,
}

/// A register of a meter to install.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRegister)]
pub(crate) struct NewRegisterJson {
    /// What it is called on the meter, unique there.
    #[serde(default = "first_code")]
    #[schema(min_length = 1, max_length = 20, default = "1")]
    code: String,
    kind: RegisterKind,
    /// Unit of measure after the multiplier.
    unit: Unit,
    /// Time-of-use bucket.
    bucket: Option<String>,
    /// Name of its quantity in rates, when it is not what the customer took: `export`.
    quantity_name: Option<String>,
    /// Factor from dial units to the unit of measure.
    #[serde(default = "one")]
    #[schema(default = "1")]
    multiplier: Decimal,
    /// Whole-number positions: it wraps at 10^dials. Of no matter for a register of interval data.
    #[serde(default = "six")]
    #[schema(minimum = 1, maximum = 12, default = 6)]
    dials: i16,
    /// Decimal places shown.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 6, default = 0)]
    decimals: i16,
    /// What it shows on the first day: its first read.
    initial_value: Option<Decimal>,
}

fn first_code() -> String {
    "1".to_owned()
}

const fn six() -> i16 {
    6
}

const fn one() -> Decimal {
    Decimal::ONE
}

/// A meter to install.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewInstallation, example = json!({
    "serial": "E-204519", "installed_on": "2026-01-17",
    "registers": [{ "kind": "subtractive", "unit": "kwh", "dials": 5, "initial_value": "1000" }]
}))]
pub(crate) struct InstallBody {
    /// The meter's number; a meter that is not known yet is entered.
    #[schema(min_length = 1, max_length = 60)]
    serial: String,
    /// Who made it; for a new meter.
    maker: Option<String>,
    /// First day; today when absent.
    #[serde(default, with = "civil::option")]
    installed_on: Option<Date>,
    #[schema(min_items = 1, max_items = 24)]
    registers: Vec<NewRegisterJson>,
}

impl From<InstallBody> for NewInstall {
    fn from(body: InstallBody) -> Self {
        let registers = body.registers.into_iter().map(|new| NewRegister {
            code: new.code,
            kind: new.kind,
            unit: new.unit,
            bucket: new.bucket,
            quantity_name: new.quantity_name,
            multiplier: new.multiplier,
            dials: new.dials,
            decimals: new.decimals,
            initial_value: new.initial_value,
        });
        Self {
            serial: body.serial,
            maker: body.maker,
            installed_on: body.installed_on,
            registers: registers.collect(),
        }
    }
}

/// What a register shows on the day of removal.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FinalRead {
    register_id: RegisterId,
    value: Decimal,
}

fn pairs(reads: Vec<FinalRead>) -> Vec<(RegisterId, Decimal)> {
    reads.into_iter().map(|read| (read.register_id, read.value)).collect()
}

/// A meter to remove.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "removed_on": "2026-03-10", "final_reads": [] }))]
pub(crate) struct RemovalBody {
    /// Last day; today when absent.
    #[serde(default, with = "civil::option")]
    removed_on: Option<Date>,
    /// What its registers show on that day.
    #[serde(default)]
    final_reads: Vec<FinalRead>,
}

/// An exchange: the old meter's last day is the new one's first.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "final_reads": [],
    "new": {
        "serial": "E-311870", "installed_on": "2026-03-10",
        "registers": [{ "kind": "subtractive", "unit": "kwh", "dials": 5, "initial_value": "0" }]
    }
}))]
pub(crate) struct ExchangeBody {
    /// What the old meter's registers show on that day.
    #[serde(default)]
    final_reads: Vec<FinalRead>,
    /// The new meter; its first day is the day of the exchange.
    new: InstallBody,
}

/// What became of a service point's meter.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MeterChange {
    service_point: PointDetail,
    /// The final reads that were stored, valid or held; those known already are not among them.
    final_reads: Vec<EnteredReadJson>,
}

impl From<Change> for MeterChange {
    fn from(change: Change) -> Self {
        Self {
            service_point: change.view.into(),
            final_reads: change.final_reads.into_iter().map(Into::into).collect(),
        }
    }
}

/// Which meters to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MeterQuery {
    /// The beginning of the meter's number.
    #[param(max_length = 60)]
    serial: Option<String>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List meters
///
/// Those that are or were at your sites, by number. A page may hold fewer rows than asked for and
/// still have a next one.
#[utoipa::path(tag = "meters", params(MeterQuery), responses((status = 200, body = Listed<MeterJson>)),
    extensions(("x-permission" = json!("meters.read"))))]
#[get("/v1/meters")]
pub(crate) async fn list_meters(
    may: May<need::MetersRead>,
    state: web::Data<State>,
    query: Params<MeterQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let page = blocking(move || app.meters(&caller, query.serial.as_deref(), cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, MeterJson::from)))
}

/// Read a meter
#[utoipa::path(tag = "meters", params(("id" = MeterId, Path, description = "Meter")),
    responses((status = 200, body = MeterDetail)), extensions(("x-permission" = json!("meters.read"))))]
#[get("/v1/meters/{id}")]
pub(crate) async fn read_meter(
    may: May<need::MetersRead>,
    state: web::Data<State>,
    id: At<MeterId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (meter, installs) = blocking(move || app.meter(&caller, id.0)).await?;
    let installations = installs.into_iter().map(Into::into).collect();
    Ok(HttpResponse::Ok().json(MeterDetail { meter: meter.into(), installations }))
}

/// List a service point's meters
///
/// All installations with their registers, oldest first.
#[utoipa::path(tag = "meters", params(("id" = ServicePointId, Path, description = "Service point")),
    responses((status = 200, body = InstalledMeters)), extensions(("x-permission" = json!("meters.read"))))]
#[get("/v1/service-points/{id}/meters")]
pub(crate) async fn list_installed_meters(
    may: May<need::MetersRead>,
    state: web::Data<State>,
    id: At<ServicePointId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let view = blocking(move || app.service_point(&caller, id.0)).await?;
    let items = view.installs.into_iter().map(Into::into).collect();
    Ok(HttpResponse::Ok().json(InstalledMeters { items }))
}

/// Install a meter
///
/// Enters the meter when its number is new; stores the first reads of its registers.
#[utoipa::path(tag = "meters",
    params(("id" = ServicePointId, Path, description = "Service point"), IdempotencyKeyHeader),
    request_body = InstallBody, responses((status = 201, body = PointDetail)),
    extensions(("x-permission" = json!("meters.write"))))]
#[post("/v1/service-points/{id}/install-meter")]
pub(crate) async fn install_meter(
    may: May<need::MetersWrite>,
    state: web::Data<State>,
    id: At<ServicePointId>,
    once: Once<InstallBody>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let view = app::meters::install(tx, &caller, id.0, once.body.into())?;
            Answer::created(&PointDetail::from(view))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Remove a meter
///
/// The day is its last one at the service point; a final read that is not plausible is held.
#[utoipa::path(tag = "meters",
    params(("id" = ServicePointId, Path, description = "Service point"), IdempotencyKeyHeader),
    request_body = RemovalBody, responses((status = 200, body = MeterChange)),
    extensions(("x-permission" = json!("meters.write"))))]
#[post("/v1/service-points/{id}/remove-meter")]
pub(crate) async fn remove_meter(
    may: May<need::MetersWrite>,
    state: web::Data<State>,
    id: At<ServicePointId>,
    once: Once<RemovalBody>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let removal =
                Removal { removed_on: once.body.removed_on, final_reads: pairs(once.body.final_reads) };
            let change = app::meters::remove(tx, &caller, id.0, &removal)?;
            Answer::ok(&MeterChange::from(change))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Exchange a meter
///
/// Removes the old one and installs the new one on the same day: both or neither.
#[utoipa::path(tag = "meters",
    params(("id" = ServicePointId, Path, description = "Service point"), IdempotencyKeyHeader),
    request_body = ExchangeBody, responses((status = 201, body = MeterChange)),
    extensions(("x-permission" = json!("meters.write"))))]
#[post("/v1/service-points/{id}/exchange-meter")]
pub(crate) async fn exchange_meter(
    may: May<need::MetersWrite>,
    state: web::Data<State>,
    id: At<ServicePointId>,
    once: Once<ExchangeBody>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let ExchangeBody { final_reads, new } = once.body;
            let change = app::meters::exchange(tx, &caller, id.0, pairs(final_reads), new.into())?;
            Answer::created(&MeterChange::from(change))
        })
    })
    .await?;
    Ok(respond(answer))
}
