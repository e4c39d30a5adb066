//! Places: sites, service locations and service points.

use crate::schema::{
    service_locations as locations, service_point_codes as codes, service_points as points, sites,
};
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::BTreeSet;
use vocab::{Commodity, LocationId, ServicePointId, SiteId};

/// A building, community or route: the grouping by which staff divide the work.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = sites)]
pub struct Site {
    /// Row id.
    pub id: SiteId,
    /// The utility's short name for it, unique.
    pub code: String,
    /// Full name.
    pub name: String,
    /// Goes up by one with every change.
    pub version: i64,
}

/// An address with an optional map pin.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = locations, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Location {
    /// Row id.
    pub id: LocationId,
    /// Where it belongs.
    pub site_id: SiteId,
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
    /// Degrees north.
    pub latitude: Option<Decimal>,
    /// Degrees east.
    pub longitude: Option<Decimal>,
    /// Goes up by one with every change.
    pub version: i64,
}

/// One commodity delivered at a service location.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = points, treat_none_as_default_value = false)]
pub struct ServicePoint {
    /// Row id.
    pub service_point_id: ServicePointId,
    /// The utility's own name for it, unique.
    pub code: String,
    /// Where.
    pub location_id: LocationId,
    /// What is delivered.
    pub commodity: Commodity,
    /// What factors look up: tax area, meter size.
    pub characteristics: Value,
    /// Goes up by one with every change.
    pub version: i64,
}

/// The text with LIKE's wildcards taken literally.
pub(crate) fn like_escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// Inserts sites.
pub fn insert_sites(tx: &mut Tx<'_>, rows: &[Site]) -> Result<()> {
    diesel::insert_into(sites::table).values(rows).execute(tx.conn)?;
    Ok(())
}

/// One site.
pub fn site(tx: &mut Tx<'_>, id: SiteId) -> Result<Option<Site>> {
    Ok(sites::table.filter(sites::id.eq(id)).select(Site::as_select()).first(tx.conn).optional()?)
}

/// A list of sites, by code; all, or only these.
pub fn list_sites(
    tx: &mut Tx<'_>,
    only: Option<&[SiteId]>,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<Site>> {
    let mut query = sites::table.select(Site::as_select()).into_boxed();
    if let Some(only) = only {
        query = query.filter(sites::id.eq_any(only));
    }
    if let Some(last) = after.map(Cursor::one::<String>).transpose()? {
        query = query.filter(sites::code.gt(last));
    }
    let rows = query.order(sites::code).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &Site| Cursor::new([&row.code])))
}

/// Replaces a site when `version` is still the stored one; `false` otherwise.
pub fn update_site(tx: &mut Tx<'_>, row: &Site, version: i64) -> Result<bool> {
    let changed = diesel::update(sites::table.filter(sites::id.eq(row.id).and(sites::version.eq(version))))
        .set((sites::code.eq(&row.code), sites::name.eq(&row.name), sites::version.eq(version + 1)))
        .execute(tx.conn)?;
    Ok(changed == 1)
}

/// Inserts service locations.
pub fn insert_locations(tx: &mut Tx<'_>, rows: &[Location]) -> Result<()> {
    diesel::insert_into(locations::table).values(rows).execute(tx.conn)?;
    Ok(())
}

/// One service location.
pub fn location(tx: &mut Tx<'_>, id: LocationId) -> Result<Option<Location>> {
    Ok(locations::table
        .filter(locations::id.eq(id))
        .select(Location::as_select())
        .first(tx.conn)
        .optional()?)
}

/// Service locations by id.
pub fn locations(tx: &mut Tx<'_>, ids: &[LocationId]) -> Result<Vec<Location>> {
    Ok(locations::table
        .filter(locations::id.eq_any(ids))
        .select(Location::as_select())
        .order(locations::id)
        .load(tx.conn)?)
}

/// Which service locations a list shows.
#[derive(Debug, Clone, Default)]
pub struct LocationFilter {
    /// Only these sites.
    pub sites: Option<Vec<SiteId>>,
    /// Part of the street, city or postcode.
    pub q: Option<String>,
}

/// A list of service locations, by id.
pub fn list_locations(
    tx: &mut Tx<'_>,
    filter: &LocationFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<Location>> {
    let mut query = locations::table.select(Location::as_select()).into_boxed();
    if let Some(sites) = &filter.sites {
        query = query.filter(locations::site_id.eq_any(sites));
    }
    if let Some(q) = &filter.q {
        let part = format!("%{}%", like_escaped(q));
        query = query.filter(
            locations::line1
                .ilike(part.clone())
                .or(locations::city.ilike(part.clone()))
                .or(locations::postcode.ilike(part)),
        );
    }
    if let Some(last) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(locations::id.gt(LocationId(last)));
    }
    let rows = query.order(locations::id).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &Location| Cursor::new([row.id.0])))
}

/// Replaces a service location when `version` is still the stored one; `false` otherwise. The row
/// given carries the new version.
pub fn update_location(tx: &mut Tx<'_>, row: &Location, version: i64) -> Result<bool> {
    let changed =
        diesel::update(locations::table.filter(locations::id.eq(row.id).and(locations::version.eq(version))))
            .set(row)
            .execute(tx.conn)?;
    Ok(changed == 1)
}

/// Inserts service points with their codes in the directory.
pub fn insert_service_points(tx: &mut Tx<'_>, rows: &[ServicePoint]) -> Result<()> {
    let directory: Vec<_> = rows
        .iter()
        .map(|row| (codes::code.eq(&row.code), codes::service_point_id.eq(row.service_point_id)))
        .collect();
    diesel::insert_into(codes::table).values(directory).execute(tx.conn)?;
    diesel::insert_into(points::table).values(rows).execute(tx.conn)?;
    Ok(())
}

/// One service point.
pub fn service_point(tx: &mut Tx<'_>, id: ServicePointId) -> Result<Option<ServicePoint>> {
    Ok(points::table.find(id).select(ServicePoint::as_select()).first(tx.conn).optional()?)
}

/// Locks a service point, before its meters or reads are changed, and answers it.
pub fn lock_service_point(tx: &mut Tx<'_>, id: ServicePointId) -> Result<Option<ServicePoint>> {
    Ok(points::table
        .find(id)
        .select(ServicePoint::as_select())
        .for_no_key_update()
        .first(tx.conn)
        .optional()?)
}

/// Service points by id.
pub fn service_points(tx: &mut Tx<'_>, ids: &[ServicePointId]) -> Result<Vec<ServicePoint>> {
    Ok(points::table
        .filter(points::service_point_id.eq_any(ids))
        .select(ServicePoint::as_select())
        .order(points::service_point_id)
        .load(tx.conn)?)
}

/// Service points as a meter reader walks: by site, city, street and house number, then by what is behind
/// the same door. A number is the first that stands for itself or before one letter: of `12 5th Avenue`
/// the 12.
pub fn in_walking_order(tx: &mut Tx<'_>, of: &[ServicePointId]) -> Result<Vec<ServicePointId>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        service_point_id: ServicePointId,
    }
    let by = |line: &str| {
        format!(
            "lower(btrim(regexp_replace({line}, '[0-9]+[A-Za-z]?\\M', ''))) NULLS FIRST, \
             substring({line} from '([0-9]{{1,9}})[A-Za-z]?\\M')::bigint NULLS FIRST, {line} NULLS FIRST"
        )
    };
    let rows: Vec<Row> = diesel::sql_query(format!(
        "SELECT p.service_point_id FROM UNNEST($1) AS of (service_point_id) \
         JOIN service_points p ON p.service_point_id = of.service_point_id \
         JOIN service_locations l ON l.id = p.location_id JOIN sites s ON s.id = l.site_id \
         ORDER BY s.code, lower(l.city), {}, {}, p.code, p.service_point_id",
        by("l.line1"),
        by("l.line2")
    ))
    .bind::<Array<BigInt>, _>(of)
    .load(tx.conn)?;
    Ok(rows.into_iter().map(|row| row.service_point_id).collect())
}

/// The service point with this code.
pub fn service_point_by_code(tx: &mut Tx<'_>, code: &str) -> Result<Option<ServicePointId>> {
    Ok(codes::table.find(code).select(codes::service_point_id).first(tx.conn).optional()?)
}

/// The service points with these codes, by code. Each once, in any order.
///
/// Codes that come together are mostly neighbours, as a file sorted by them: what lies between the first
/// and the last is fetched at once, unless it is much more than was asked for; what is missing then is
/// looked up by itself.
pub fn service_points_by_code(tx: &mut Tx<'_>, of: &[String]) -> Result<Vec<(String, ServicePointId)>> {
    let asked: BTreeSet<&str> = of.iter().map(String::as_str).collect();
    let (Some(&first), Some(&last)) = (asked.first(), asked.last()) else { return Ok(Vec::new()) };
    let most = i64::try_from(asked.len()).unwrap_or(i64::MAX).saturating_mul(2);
    let columns = (codes::code, codes::service_point_id);
    let mut found: Vec<(String, ServicePointId)> = codes::table
        .filter(codes::code.between(first, last))
        .select(columns)
        .order(codes::code)
        .limit(most)
        .load(tx.conn)?;
    found.retain(|(code, _)| asked.contains(code.as_str()));
    if found.len() < asked.len() {
        let known: BTreeSet<&str> = found.iter().map(|(code, _)| code.as_str()).collect();
        let missing: Vec<&str> = asked.difference(&known).copied().collect();
        let rest: Vec<(String, ServicePointId)> =
            codes::table.filter(codes::code.eq_any(missing)).select(columns).load(tx.conn)?;
        found.extend(rest);
    }
    found.sort_unstable();
    Ok(found)
}

/// The service points of a location, by id.
pub fn list_service_points(
    tx: &mut Tx<'_>,
    location: LocationId,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<ServicePoint>> {
    let mut query =
        points::table.filter(points::location_id.eq(location)).select(ServicePoint::as_select()).into_boxed();
    if let Some(last) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(points::service_point_id.gt(ServicePointId(last)));
    }
    let rows = query.order(points::service_point_id).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &ServicePoint| Cursor::new([row.service_point_id.0])))
}

/// Replaces a service point's characteristics when `version` is still the stored one; `false`
/// otherwise.
pub fn update_service_point(tx: &mut Tx<'_>, row: &ServicePoint, version: i64) -> Result<bool> {
    let changed =
        diesel::update(points::table.find(row.service_point_id).filter(points::version.eq(version)))
            .set((points::characteristics.eq(&row.characteristics), points::version.eq(version + 1)))
            .execute(tx.conn)?;
    Ok(changed == 1)
}
