//! The map of a town: sites and locations, before anything hangs on them.
//!
//! A site is known by its code. A location has no code in the database: one with the same
//! address at the same site is the same location, so that a second load finds it again.

use super::report::LoadReport;
use super::row::{Row, Sound};
use super::table::Table;
use super::{Town, files};
use crate::{App, Error, Result};
use rust_decimal::Decimal;
use std::collections::HashMap;
use std::path::Path;
use store::places::{Location, Site};
use vocab::{LocationId, SiteId};

/// Locations that are written at a time.
const CHUNK: usize = 5_000;

/// Writes the sites that are not there yet.
pub(super) fn load_sites(app: &App, town: &mut Town, directory: &Path) -> Result<LoadReport> {
    let table = Table::open(directory, &files::SITES, None, |_, _| {})?;
    let mut report = LoadReport::default();
    for fault in &table.faults {
        report.sites.refused += 1;
        report.refuse(fault.clone(), None);
    }
    let mut seen: HashMap<String, u64> = HashMap::new();
    let mut chunks = table.chunks(CHUNK)?;
    loop {
        let rows = chunks.next()?;
        if rows.is_empty() {
            return Ok(report);
        }
        let mut new = Vec::new();
        for row in &rows {
            match site(row, &mut seen) {
                Ok(site) if town.sites.contains_key(&site.code) => report.sites.skipped += 1,
                Ok(site) => new.push(site),
                Err(fault) => {
                    report.sites.refused += 1;
                    report.refuse(fault, None);
                }
            }
        }
        app.db().tx(|tx| {
            for site in &mut new {
                site.id = SiteId(tx.new_id()?);
            }
            Ok::<_, Error>(store::places::insert_sites(tx, &new)?)
        })?;
        report.sites.loaded += new.len() as u64;
        town.sites.extend(new.into_iter().map(|site| (site.code, site.id)));
    }
}

fn site(row: &Row, seen: &mut HashMap<String, u64>) -> Sound<Site> {
    row.whole()?;
    let code = row.text("code")?.to_owned();
    let name = row.text("name")?.to_owned();
    if let Some(line) = seen.insert(code.clone(), row.line()) {
        return Err(row.refuse(format!("the site {code} stands on line {line} already")));
    }
    Ok(Site { id: SiteId(0), code, name, version: 1 })
}

/// What makes two locations the same.
type Address = (SiteId, [String; 6]);

fn address(location: &Location) -> Address {
    let line2 = location.line2.clone().unwrap_or_default();
    let Location { site_id, line1, city, region, postcode, country, .. } = location.clone();
    (site_id, [line1, line2, city, region, postcode, country])
}

/// Writes the locations that are not there yet and keeps the id of every code.
pub(super) fn load_locations(app: &App, town: &mut Town, directory: &Path) -> Result<LoadReport> {
    let table = Table::open(directory, &files::LOCATIONS, None, |_, _| {})?;
    let mut report = LoadReport::default();
    for fault in &table.faults {
        report.locations.refused += 1;
        report.refuse(fault.clone(), None);
    }
    let sites: Vec<SiteId> = town.sites.values().copied().collect();
    let mut known: HashMap<Address, LocationId> = app
        .db()
        .tx(|tx| Ok::<_, Error>(store::load::locations(tx, &sites)?))?
        .iter()
        .map(|location| (address(location), location.id))
        .collect();
    let mut chunks = table.chunks(CHUNK)?;
    loop {
        let rows = chunks.next()?;
        if rows.is_empty() {
            return Ok(report);
        }
        let ids = app.db().tx(|tx| Ok::<_, Error>(tx.new_ids(rows.len())?))?;
        let mut new = Vec::new();
        for (row, id) in rows.iter().zip(ids) {
            match location(town, row, LocationId(id)) {
                Ok((code, location)) => {
                    let at = address(&location);
                    let found = known.get(&at).copied();
                    town.locations.insert(code, found.unwrap_or(location.id));
                    if found.is_some() {
                        report.locations.skipped += 1;
                    } else {
                        known.insert(at, location.id);
                        new.push(location);
                    }
                }
                Err(fault) => {
                    report.locations.refused += 1;
                    report.refuse(fault, None);
                }
            }
        }
        app.db().tx(|tx| Ok::<_, Error>(store::load::insert_locations(tx, &new)?))?;
        report.locations.loaded += new.len() as u64;
    }
}

fn location(town: &Town, row: &Row, id: LocationId) -> Sound<(String, Location)> {
    row.whole()?;
    let code = row.text("code")?;
    if town.locations.contains_key(code) {
        return Err(row.refuse(format!("the location {code} stands in the file already")));
    }
    let site = row.text("site")?;
    let site_id =
        *town.sites.get(site).ok_or_else(|| row.refuse(format!("site: there is no site `{site}`")))?;
    let country = row.text("country")?;
    if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(row.refuse("country: two capital letters"));
    }
    let location = Location {
        id,
        site_id,
        line1: row.text("line1")?.to_owned(),
        line2: row.optional("line2")?.map(str::to_owned),
        city: row.text("city")?.to_owned(),
        region: row.optional("region")?.unwrap_or_default().to_owned(),
        postcode: row.text("postcode")?.to_owned(),
        country: country.to_owned(),
        latitude: degrees(row, "latitude", 90)?,
        longitude: degrees(row, "longitude", 180)?,
        version: 1,
    };
    Ok((code.to_owned(), location))
}

fn degrees(row: &Row, column: &str, most: i64) -> Sound<Option<Decimal>> {
    let degrees = row.optional_number(column)?;
    if degrees.is_some_and(|degrees| degrees.abs() > Decimal::from(most)) {
        return Err(row.refuse(format!("{column} lies outside -{most} to {most}")));
    }
    Ok(degrees)
}
