//! Sites, service locations and service points.
//!
//! Everything at a service location is seen by whoever sees its site; rooms that start from a
//! service point come through [`find_point`] or [`lock_point`].

use crate::audit::{self, Action};
use crate::{App, Caller, Result};
use rust_decimal::Decimal;
use serde_json::json;
use std::collections::BTreeMap;
use store::places::{Location, LocationFilter, ServicePoint, Site};
use store::{Cursor, Page, Tx};
use vocab::{Code, Commodity, FieldError, LocationId, Problem, ServicePointId, SiteId};

/// A service location to enter.
#[derive(Debug, Clone)]
pub struct NewLocation {
    /// Where it belongs.
    pub site: SiteId,
    /// Street and number.
    pub line1: String,
    /// Flat, building.
    pub line2: Option<String>,
    /// City.
    pub city: String,
    /// State or province.
    pub region: String,
    /// Postcode.
    pub postcode: String,
    /// ISO 3166 two letters.
    pub country: String,
    /// Latitude and longitude in degrees.
    pub pin: Option<(Decimal, Decimal)>,
}

/// Changes of a service location; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct LocationChanges {
    /// Where it belongs.
    pub site: Option<SiteId>,
    /// Street and number.
    pub line1: Option<String>,
    /// Flat, building; `Some(None)` takes it away.
    pub line2: Option<Option<String>>,
    /// City.
    pub city: Option<String>,
    /// State or province.
    pub region: Option<String>,
    /// Postcode.
    pub postcode: Option<String>,
    /// ISO 3166 two letters.
    pub country: Option<String>,
    /// Latitude and longitude; `Some(None)` takes them away.
    pub pin: Option<Option<(Decimal, Decimal)>>,
}

/// What factors look up at a service point, by name.
pub type Characteristics = BTreeMap<String, String>;

/// A service point to enter.
#[derive(Debug, Clone)]
pub struct NewServicePoint {
    /// The utility's own name for it, unique.
    pub code: String,
    /// Where.
    pub location: LocationId,
    /// What is delivered.
    pub commodity: Commodity,
    /// What factors look up.
    pub characteristics: Characteristics,
}

/// Defines a site. Only who sees every site may: others would not see what they made.
pub fn define_site(tx: &mut Tx<'_>, caller: &Caller, code: String, name: String) -> Result<Site> {
    if caller.sites().is_some() {
        return Err(Problem::new(Code::Forbidden, "only who sees every site may define one")
            .with("permission", access::Permission::SitesWrite)
            .into());
    }
    check_texts(&[("code", &code), ("name", &name)])?;
    let site = Site { id: SiteId(tx.new_id()?), code, name, version: 1 };
    match store::places::insert_sites(tx, std::slice::from_ref(&site)) {
        Err(store::Error::Exists { .. }) => return Err(site_exists(&site.code)),
        other => other?,
    }
    record(tx, caller, "site.define", site.id, None, site_summary(&site))?;
    Ok(site)
}

fn site_exists(code: &str) -> crate::Error {
    Problem::new(Code::AlreadyExists, format!("another site has the code {code}"))
        .with("existing", code)
        .into()
}

fn site_summary(site: &Site) -> serde_json::Value {
    json!({ "code": site.code, "name": site.name })
}

/// Finds a site that the caller may see.
pub fn find_site(tx: &mut Tx<'_>, caller: &Caller, id: SiteId) -> Result<Site> {
    caller.find_in(id)?;
    Ok(store::places::site(tx, id)?.ok_or_else(Problem::not_found)?)
}

/// Enters a service location.
pub fn enter_location(tx: &mut Tx<'_>, caller: &Caller, new: NewLocation) -> Result<Location> {
    site_in_scope(caller, new.site)?;
    let (latitude, longitude) = new.pin.unzip();
    let location = Location {
        id: LocationId(tx.new_id()?),
        site_id: new.site,
        line1: new.line1,
        line2: new.line2,
        city: new.city,
        region: new.region,
        postcode: new.postcode,
        country: new.country,
        latitude,
        longitude,
        version: 1,
    };
    check_location(&location)?;
    match store::places::insert_locations(tx, std::slice::from_ref(&location)) {
        Err(store::Error::Refused { .. }) => return Err(unknown("/site_id").into()),
        other => other?,
    }
    record(tx, caller, "location.enter", location.id, None, location_summary(&location))?;
    Ok(location)
}

fn site_in_scope(caller: &Caller, site: SiteId) -> Result<()> {
    Ok(caller.find_in(site).map_err(|_| unknown("/site_id"))?)
}

fn unknown(pointer: &str) -> Problem {
    Problem::field(pointer, Code::UnknownReference, "there is no such thing")
}

fn check_texts(fields: &[(&str, &str)]) -> std::result::Result<(), Problem> {
    let wrong: Vec<FieldError> = fields
        .iter()
        .filter(|(_, text)| text.trim().is_empty() || text.chars().count() > 200)
        .map(|(name, _)| FieldError {
            pointer: format!("/{name}"),
            code: Code::FieldRange,
            detail: "1 to 200 characters".to_owned(),
        })
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(Problem::fields(wrong)) }
}

fn check_location(location: &Location) -> std::result::Result<(), Problem> {
    check_texts(&[("line1", &location.line1), ("city", &location.city), ("postcode", &location.postcode)])?;
    let long = |text: &str| text.chars().count() > 200;
    if long(&location.region) || location.line2.as_deref().is_some_and(long) {
        return Err(Problem::field("/line2", Code::FieldRange, "line2 and region: at most 200 characters"));
    }
    if location.country.len() != 2 || !location.country.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(Problem::field("/country", Code::FieldFormat, "two capital letters"));
    }
    let outside = |degrees: Option<Decimal>, most: i64| {
        degrees.is_some_and(|degrees| degrees.abs() > Decimal::from(most) || degrees.scale() > 6)
    };
    if outside(location.latitude, 90) || outside(location.longitude, 180) {
        let detail = "degrees with at most six decimals, latitude within 90, longitude within 180";
        return Err(Problem::field("/pin", Code::FieldRange, detail));
    }
    Ok(())
}

fn location_summary(location: &Location) -> serde_json::Value {
    json!({
        "site": location.site_id,
        "line1": location.line1,
        "line2": location.line2,
        "city": location.city,
        "postcode": location.postcode,
    })
}

/// Finds a service location that the caller may see.
pub fn find_location(tx: &mut Tx<'_>, caller: &Caller, id: LocationId) -> Result<Location> {
    let location = store::places::location(tx, id)?.ok_or_else(Problem::not_found)?;
    caller.find_in(location.site_id)?;
    Ok(location)
}

/// Enters a service point.
pub fn enter_service_point(tx: &mut Tx<'_>, caller: &Caller, new: NewServicePoint) -> Result<ServicePoint> {
    find_location(tx, caller, new.location).map_err(|_| unknown("/location_id"))?;
    check_texts(&[("code", &new.code)])?;
    let point = ServicePoint {
        service_point_id: ServicePointId(tx.new_id()?),
        code: new.code,
        location_id: new.location,
        commodity: new.commodity,
        characteristics: characteristics(&new.characteristics)?,
        version: 1,
    };
    match store::places::insert_service_points(tx, std::slice::from_ref(&point)) {
        Err(store::Error::Exists { .. }) => {
            let detail = format!("another service point has the code {}", point.code);
            return Err(Problem::new(Code::AlreadyExists, detail).with("existing", &point.code).into());
        }
        other => other?,
    }
    let after = json!({ "code": point.code, "commodity": point.commodity, "location": point.location_id });
    record(tx, caller, "service_point.enter", point.service_point_id, None, after)?;
    Ok(point)
}

fn characteristics(given: &Characteristics) -> Result<serde_json::Value> {
    for (name, value) in given {
        if name.parse::<rating::Word>().is_err() || value.is_empty() || value.len() > 200 {
            let pointer = format!("/characteristics/{}", name.replace('~', "~0").replace('/', "~1"));
            let detail = "a name of 1 to 64 characters and a value of 1 to 200";
            return Err(Problem::field(pointer, Code::FieldRange, detail).into());
        }
    }
    Ok(serde_json::to_value(given)?)
}

/// Finds a service point that the caller may see.
pub fn find_point(tx: &mut Tx<'_>, caller: &Caller, id: ServicePointId) -> Result<ServicePoint> {
    let point = store::places::service_point(tx, id)?.ok_or_else(Problem::not_found)?;
    find_location(tx, caller, point.location_id)?;
    Ok(point)
}

/// Locks a service point that the caller may see, before its meters or reads are changed.
pub fn lock_point(tx: &mut Tx<'_>, caller: &Caller, id: ServicePointId) -> Result<ServicePoint> {
    let point = store::places::lock_service_point(tx, id)?.ok_or_else(Problem::not_found)?;
    find_location(tx, caller, point.location_id)?;
    Ok(point)
}

fn record(
    tx: &mut Tx<'_>,
    caller: &Caller,
    action: &str,
    subject: impl ToString,
    before: Option<serde_json::Value>,
    after: serde_json::Value,
) -> Result<()> {
    let subject = subject.to_string();
    audit::record(tx, caller, Action { action, subject, before, after: Some(after), reason: None })
}

fn stale() -> crate::Error {
    Problem::new(Code::EtagMismatch, Code::EtagMismatch.meaning()).into()
}

impl App {
    /// A list of the sites that the caller may see.
    pub fn sites(&self, caller: &Caller, after: Option<&Cursor>, limit: i64) -> Result<Page<Site>> {
        let own = caller.sites();
        self.db().tx(|tx| Ok(store::places::list_sites(tx, own.as_deref(), after, limit)?))
    }

    /// A site.
    pub fn site(&self, caller: &Caller, id: SiteId) -> Result<Site> {
        self.db().tx(|tx| find_site(tx, caller, id))
    }

    /// Changes a site that the caller read as `version`.
    pub fn change_site(
        &self,
        caller: &Caller,
        id: SiteId,
        version: i64,
        code: Option<String>,
        name: Option<String>,
    ) -> Result<Site> {
        self.db().tx(|tx| {
            let old = find_site(tx, caller, id)?;
            let mut new = old.clone();
            new.code = code.unwrap_or(new.code);
            new.name = name.unwrap_or(new.name);
            check_texts(&[("code", &new.code), ("name", &new.name)])?;
            match store::places::update_site(tx, &new, version) {
                Err(store::Error::Exists { .. }) => return Err(site_exists(&new.code)),
                Ok(false) => return Err(stale()),
                other => other?,
            };
            new.version = version + 1;
            record(tx, caller, "site.change", id, Some(site_summary(&old)), site_summary(&new))?;
            Ok(new)
        })
    }

    /// A list of the service locations that the caller may see.
    pub fn locations(
        &self,
        caller: &Caller,
        filter: LocationFilter,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<Location>> {
        let sites = match (filter.sites.clone(), caller.sites()) {
            (Some(asked), Some(own)) => Some(asked.into_iter().filter(|site| own.contains(site)).collect()),
            (asked, own) => asked.or(own),
        };
        let filter = LocationFilter { sites, ..filter };
        self.db().tx(|tx| Ok(store::places::list_locations(tx, &filter, after, limit)?))
    }

    /// A service location.
    pub fn location(&self, caller: &Caller, id: LocationId) -> Result<Location> {
        self.db().tx(|tx| find_location(tx, caller, id))
    }

    /// Changes a service location that the caller read as `version`. Accounts keep their
    /// billing site when a location moves to another one.
    pub fn change_location(
        &self,
        caller: &Caller,
        id: LocationId,
        version: i64,
        changes: LocationChanges,
    ) -> Result<Location> {
        self.db().tx(|tx| {
            let old = find_location(tx, caller, id)?;
            let (latitude, longitude) = changes.pin.map_or((old.latitude, old.longitude), Option::unzip);
            let new = Location {
                id,
                site_id: changes.site.unwrap_or(old.site_id),
                line1: changes.line1.unwrap_or_else(|| old.line1.clone()),
                line2: changes.line2.unwrap_or_else(|| old.line2.clone()),
                city: changes.city.unwrap_or_else(|| old.city.clone()),
                region: changes.region.unwrap_or_else(|| old.region.clone()),
                postcode: changes.postcode.unwrap_or_else(|| old.postcode.clone()),
                country: changes.country.unwrap_or_else(|| old.country.clone()),
                latitude,
                longitude,
                version: version + 1,
            };
            site_in_scope(caller, new.site_id)?;
            check_location(&new)?;
            match store::places::update_location(tx, &new, version) {
                Err(store::Error::Refused { .. }) => return Err(unknown("/site_id").into()),
                Ok(false) => return Err(stale()),
                other => other?,
            };
            let before = Some(location_summary(&old));
            record(tx, caller, "location.change", id, before, location_summary(&new))?;
            Ok(new)
        })
    }

    /// The service points of a location.
    pub fn service_points_at(
        &self,
        caller: &Caller,
        location: LocationId,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<ServicePoint>> {
        self.db().tx(|tx| {
            find_location(tx, caller, location)?;
            Ok(store::places::list_service_points(tx, location, after, limit)?)
        })
    }

    /// The service point with this code, if the caller may see it.
    pub fn service_point_by_code(&self, caller: &Caller, code: &str) -> Result<ServicePoint> {
        self.db().tx(|tx| {
            let id = store::places::service_point_by_code(tx, code)?.ok_or_else(Problem::not_found)?;
            find_point(tx, caller, id)
        })
    }

    /// Replaces the characteristics of a service point that the caller read as `version`.
    pub fn change_service_point(
        &self,
        caller: &Caller,
        id: ServicePointId,
        version: i64,
        new_characteristics: &Characteristics,
    ) -> Result<ServicePoint> {
        self.db().tx(|tx| {
            let old = find_point(tx, caller, id)?;
            let mut new = old.clone();
            new.characteristics = characteristics(new_characteristics)?;
            if !store::places::update_service_point(tx, &new, version)? {
                return Err(stale());
            }
            new.version = version + 1;
            let after = new.characteristics.clone();
            record(tx, caller, "service_point.change", id, Some(old.characteristics), after)?;
            Ok(new)
        })
    }
}
