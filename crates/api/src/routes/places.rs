//! Sites, service locations and service points.

use crate::body::{Body, IdempotencyKeyHeader, Once};
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::{At, Params};
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::{PageQuery, respond};
use crate::routes::meters::PointDetail;
use crate::routes::persons::present;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, patch, post, web};
use app::Answer;
use app::places::{LocationChanges, NewLocation, NewServicePoint};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::Page;
use store::places::{Location, LocationFilter, ServicePoint, Site};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{Code, Commodity, LocationId, Problem, ServicePointId, SiteId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(define_site)
        .service(list_sites)
        .service(read_site)
        .service(change_site)
        .service(enter_location)
        .service(list_locations)
        .service(read_location)
        .service(change_location)
        .service(enter_service_point)
        .service(list_service_points)
        .service(read_service_point)
        .service(change_service_point);
}

/// A building, community or route: the grouping by which staff divide the work.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Site)]
pub(crate) struct SiteJson {
    id: SiteId,
    /// The utility's short name for it, unique.
    code: String,
    name: String,
}

impl From<Site> for SiteJson {
    fn from(row: Site) -> Self {
        Self { id: row.id, code: row.code, name: row.name }
    }
}

/// A site to define.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSite, example = json!({ "code": "north", "name": "North Shore" }))]
pub(crate) struct NewSiteJson {
    /// The utility's short name for it, unique.
    #[schema(min_length = 1, max_length = 200)]
    code: String,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
}

/// Define a site
///
/// Only who sees every site may define one.
#[utoipa::path(tag = "places", params(IdempotencyKeyHeader), request_body = NewSiteJson,
    responses((status = 201, body = SiteJson)), extensions(("x-permission" = json!("sites.write"))))]
#[post("/v1/sites")]
pub(crate) async fn define_site(
    may: May<need::SitesWrite>,
    state: web::Data<State>,
    once: Once<NewSiteJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let site = app::places::define_site(tx, &caller, once.body.code, once.body.name)?;
            Answer::created(&SiteJson::from(site))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// List sites
///
/// Your sites, by code.
#[utoipa::path(tag = "places", params(PageQuery), responses((status = 200, body = Listed<SiteJson>)),
    extensions(("x-permission" = json!("sites.read"))))]
#[get("/v1/sites")]
pub(crate) async fn list_sites(
    may: May<need::SitesRead>,
    state: web::Data<State>,
    query: Params<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (limit, cursor) = window(query.0.limit, query.0.cursor.as_deref())?;
    let page = blocking(move || app.sites(&caller, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, SiteJson::from)))
}

/// Read a site
#[utoipa::path(tag = "places", params(("id" = SiteId, Path, description = "Site")),
    responses((status = 200, body = SiteJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("sites.read"))))]
#[get("/v1/sites/{id}")]
pub(crate) async fn read_site(
    may: May<need::SitesRead>,
    state: web::Data<State>,
    id: At<SiteId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let site = blocking(move || app.site(&caller, id.0)).await?;
    Ok(tagged(site.version, &SiteJson::from(site)))
}

/// Changes of a site: what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "North Shore and Harbour" }))]
pub(crate) struct SitePatch {
    code: Option<String>,
    name: Option<String>,
}

/// Change a site
#[utoipa::path(tag = "places", params(("id" = SiteId, Path, description = "Site"), IfMatchHeader),
    request_body = SitePatch,
    responses((status = 200, body = SiteJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("sites.write"))))]
#[patch("/v1/sites/{id}")]
pub(crate) async fn change_site(
    may: May<need::SitesWrite>,
    state: web::Data<State>,
    id: At<SiteId>,
    version: IfMatch,
    body: Body<SitePatch>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, patch) = (state.app.clone(), may.caller(), body.0);
    let site = blocking(move || app.change_site(&caller, id.0, version.0, patch.code, patch.name)).await?;
    Ok(tagged(site.version, &SiteJson::from(site)))
}

/// A point on the map, in degrees.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MapPin, example = json!({ "latitude": "39.755543", "longitude": "-105.221100" }))]
pub(crate) struct PinJson {
    /// Degrees north, at most six decimals.
    latitude: Decimal,
    /// Degrees east, at most six decimals.
    longitude: Decimal,
}

/// A service location: an address with an optional map pin.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ServiceLocation)]
pub(crate) struct LocationJson {
    id: LocationId,
    site_id: SiteId,
    line1: String,
    line2: Option<String>,
    city: String,
    region: String,
    postcode: String,
    country: String,
    pin: Option<PinJson>,
}

impl From<Location> for LocationJson {
    fn from(row: Location) -> Self {
        let pin = row.latitude.zip(row.longitude);
        Self {
            id: row.id,
            site_id: row.site_id,
            line1: row.line1,
            line2: row.line2,
            city: row.city,
            region: row.region,
            postcode: row.postcode,
            country: row.country,
            pin: pin.map(|(latitude, longitude)| PinJson { latitude, longitude }),
        }
    }
}

/// A service location to enter.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewServiceLocation, example = json!({
    "site_id": "site_04z7t", "line1": "12 Mill Lane", "city": "Penstock", "region": "CO", "postcode": "80401",
    "country": "US", "pin": { "latitude": "39.755543", "longitude": "-105.221100" }
}))]
pub(crate) struct NewLocationJson {
    site_id: SiteId,
    #[schema(min_length = 1, max_length = 200)]
    line1: String,
    line2: Option<String>,
    #[schema(min_length = 1, max_length = 200)]
    city: String,
    region: String,
    #[schema(min_length = 1, max_length = 200)]
    postcode: String,
    /// ISO 3166, two capital letters.
    #[schema(pattern = "^[A-Z]{2}$")]
    country: String,
    pin: Option<PinJson>,
}

impl From<NewLocationJson> for NewLocation {
    fn from(new: NewLocationJson) -> Self {
        Self {
            site: new.site_id,
            line1: new.line1,
            line2: new.line2,
            city: new.city,
            region: new.region,
            postcode: new.postcode,
            country: new.country,
            pin: new.pin.map(|pin| (pin.latitude, pin.longitude)),
        }
    }
}

/// Enter a service location
#[utoipa::path(tag = "places", params(IdempotencyKeyHeader), request_body = NewLocationJson,
    responses((status = 201, body = LocationJson)), extensions(("x-permission" = json!("locations.write"))))]
#[post("/v1/service-locations")]
pub(crate) async fn enter_location(
    may: May<need::LocationsWrite>,
    state: web::Data<State>,
    once: Once<NewLocationJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let entered = app::places::enter_location(tx, &caller, once.body.into())?;
            Answer::created(&LocationJson::from(entered))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Which service locations to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LocationQuery {
    /// Only this site.
    site_id: Option<SiteId>,
    /// Part of the street, city or postcode.
    #[param(max_length = 100)]
    q: Option<String>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List service locations
///
/// Those of your sites, by id.
#[utoipa::path(tag = "places", params(LocationQuery), responses((status = 200, body = Listed<LocationJson>)),
    extensions(("x-permission" = json!("locations.read"))))]
#[get("/v1/service-locations")]
pub(crate) async fn list_locations(
    may: May<need::LocationsRead>,
    state: web::Data<State>,
    query: Params<LocationQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let filter = LocationFilter {
        sites: query.site_id.map(|site| vec![site]),
        q: query.q.map(|q| q.trim().to_owned()).filter(|q| !q.is_empty()),
    };
    let page = blocking(move || app.locations(&caller, filter, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, LocationJson::from)))
}

/// Read a service location
#[utoipa::path(tag = "places", params(("id" = LocationId, Path, description = "Service location")),
    responses((status = 200, body = LocationJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("locations.read"))))]
#[get("/v1/service-locations/{id}")]
pub(crate) async fn read_location(
    may: May<need::LocationsRead>,
    state: web::Data<State>,
    id: At<LocationId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let found = blocking(move || app.location(&caller, id.0)).await?;
    Ok(tagged(found.version, &LocationJson::from(found)))
}

/// Changes of a service location: what is absent stays, `null` takes away.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ServiceLocationPatch, example = json!({ "line2": "Flat 3" }))]
pub(crate) struct LocationPatch {
    site_id: Option<SiteId>,
    line1: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    line2: Option<Option<String>>,
    city: Option<String>,
    region: Option<String>,
    postcode: Option<String>,
    country: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<PinJson>)]
    pin: Option<Option<PinJson>>,
}

/// Change a service location
///
/// Accounts keep their billing site when the location moves to another site.
#[utoipa::path(tag = "places", params(("id" = LocationId, Path, description = "Service location"), IfMatchHeader),
    request_body = LocationPatch,
    responses((status = 200, body = LocationJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("locations.write"))))]
#[patch("/v1/service-locations/{id}")]
pub(crate) async fn change_location(
    may: May<need::LocationsWrite>,
    state: web::Data<State>,
    id: At<LocationId>,
    version: IfMatch,
    body: Body<LocationPatch>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, patch) = (state.app.clone(), may.caller(), body.0);
    let changes = LocationChanges {
        site: patch.site_id,
        line1: patch.line1,
        line2: patch.line2,
        city: patch.city,
        region: patch.region,
        postcode: patch.postcode,
        country: patch.country,
        pin: patch.pin.map(|pin| pin.map(|pin| (pin.latitude, pin.longitude))),
    };
    let changed = blocking(move || app.change_location(&caller, id.0, version.0, changes)).await?;
    Ok(tagged(changed.version, &LocationJson::from(changed)))
}

/// A service point: one commodity delivered at a service location.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ServicePoint)]
pub(crate) struct ServicePointJson {
    id: ServicePointId,
    /// The utility's own name for it, unique.
    code: String,
    location_id: LocationId,
    commodity: Commodity,
    /// What factors look up, by name: tax area, meter size.
    #[schema(value_type = BTreeMap<String, String>)]
    characteristics: serde_json::Value,
}

impl From<ServicePoint> for ServicePointJson {
    fn from(row: ServicePoint) -> Self {
        Self {
            id: row.service_point_id,
            code: row.code,
            location_id: row.location_id,
            commodity: row.commodity,
            characteristics: row.characteristics,
        }
    }
}

/// A service point to enter.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewServicePoint, example = json!({
    "code": "SP-1001", "location_id": "loc_04z7t", "commodity": "water",
    "characteristics": { "meter_size": "5/8in" }
}))]
pub(crate) struct NewServicePointJson {
    /// The utility's own name for it, unique.
    #[schema(min_length = 1, max_length = 200)]
    code: String,
    location_id: LocationId,
    commodity: Commodity,
    /// What factors look up, by name.
    #[serde(default)]
    characteristics: BTreeMap<String, String>,
}

/// Enter a service point
#[utoipa::path(tag = "places", params(IdempotencyKeyHeader), request_body = NewServicePointJson,
    responses((status = 201, body = ServicePointJson)), extensions(("x-permission" = json!("service_points.write"))))]
#[post("/v1/service-points")]
pub(crate) async fn enter_service_point(
    may: May<need::ServicePointsWrite>,
    state: web::Data<State>,
    once: Once<NewServicePointJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let new = NewServicePoint {
                code: once.body.code,
                location: once.body.location_id,
                commodity: once.body.commodity,
                characteristics: once.body.characteristics,
            };
            let point = app::places::enter_service_point(tx, &caller, new)?;
            Answer::created(&ServicePointJson::from(point))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Which service points to list: those of a location, or the one with a code.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ServicePointQuery {
    /// Those of this location.
    location_id: Option<LocationId>,
    /// The one with this code.
    code: Option<String>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List service points
///
/// Those of a location, or the one with a code: name one of them.
#[utoipa::path(tag = "places", params(ServicePointQuery),
    responses((status = 200, body = Listed<ServicePointJson>)),
    extensions(("x-permission" = json!("service_points.read"))))]
#[get("/v1/service-points")]
pub(crate) async fn list_service_points(
    may: May<need::ServicePointsRead>,
    state: web::Data<State>,
    query: Params<ServicePointQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let page = blocking(move || match (query.location_id, query.code) {
        (Some(at), None) => app.service_points_at(&caller, at, cursor.as_ref(), limit),
        (None, Some(code)) => match app.service_point_by_code(&caller, &code) {
            Ok(point) => Ok(Page { items: vec![point], next: None }),
            Err(app::Error::Refused(problem)) if problem.code == Code::NotFound => {
                Ok(Page { items: Vec::new(), next: None })
            }
            Err(error) => Err(error),
        },
        _ => Err(Problem::new(Code::MalformedParameter, "location_id or code: name one of them")
            .with("name", "location_id")
            .into()),
    })
    .await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, ServicePointJson::from)))
}

/// Read a service point
///
/// With the meter that is installed now and its registers.
#[utoipa::path(tag = "places", params(("id" = ServicePointId, Path, description = "Service point")),
    responses((status = 200, body = PointDetail, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("service_points.read"))))]
#[get("/v1/service-points/{id}")]
pub(crate) async fn read_service_point(
    may: May<need::ServicePointsRead>,
    state: web::Data<State>,
    id: At<ServicePointId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let view = blocking(move || app.service_point(&caller, id.0)).await?;
    Ok(tagged(view.point.version, &PointDetail::from(view)))
}

/// Changes of a service point.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "characteristics": { "meter_size": "3/4in", "tax_area": "city" } }))]
pub(crate) struct ServicePointPatch {
    /// All of them: what is not named here is gone.
    characteristics: BTreeMap<String, String>,
}

/// Change a service point
///
/// Replaces its characteristics.
#[utoipa::path(tag = "places", params(("id" = ServicePointId, Path, description = "Service point"), IfMatchHeader),
    request_body = ServicePointPatch,
    responses((status = 200, body = ServicePointJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("service_points.write"))))]
#[patch("/v1/service-points/{id}")]
pub(crate) async fn change_service_point(
    may: May<need::ServicePointsWrite>,
    state: web::Data<State>,
    id: At<ServicePointId>,
    version: IfMatch,
    body: Body<ServicePointPatch>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, patch) = (state.app.clone(), may.caller(), body.0);
    let point =
        blocking(move || app.change_service_point(&caller, id.0, version.0, &patch.characteristics)).await?;
    Ok(tagged(point.version, &ServicePointJson::from(point)))
}
