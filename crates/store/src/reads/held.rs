//! Reads that wait for a person, over all service points.

use super::StoredRead;
use crate::schema::{reads, service_locations, service_points};
use crate::{Cursor, Page, Result, Tx};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Text};
use vocab::{ReadId, ServicePointId, SiteId};

/// Which held reads a list shows.
#[derive(Debug, Clone, Default)]
pub struct HeldFilter {
    /// Only at these sites.
    pub sites: Option<Vec<SiteId>>,
    /// Only of this import.
    pub import: Option<i64>,
    /// Only those that broke this rule.
    pub rule: Option<String>,
}

/// A held read and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldRead {
    /// The read.
    pub read: StoredRead,
    /// Its site.
    pub site: SiteId,
    /// The utility's code of its service point.
    pub service_point: String,
}

/// Held reads, by service point.
pub fn held(
    tx: &mut Tx<'_>,
    filter: &HeldFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<HeldRead>> {
    let mut query = reads::table
        .inner_join(service_points::table.on(service_points::service_point_id.eq(reads::service_point_id)))
        .inner_join(service_locations::table.on(service_locations::id.eq(service_points::location_id)))
        // Written out, so that the partial index on what is not valid is used.
        .filter(sql::<Bool>("reads.status = 'held' AND reads.status <> 'valid'"))
        .select((StoredRead::as_select(), service_locations::site_id, service_points::code))
        .into_boxed();
    if let Some(sites) = &filter.sites {
        query = query.filter(service_locations::site_id.eq_any(sites));
    }
    if let Some(import) = filter.import {
        query = query.filter(reads::import_id.eq(import));
    }
    if let Some(rule) = &filter.rule {
        let broken =
            sql::<Bool>("string_to_array(reads.reason, ', ') @> ARRAY[").bind::<Text, _>(rule).sql("]");
        query = query.filter(broken);
    }
    if let Some((point, id)) = after.map(Cursor::two::<i64, i64>).transpose()? {
        let point = ServicePointId(point);
        let is_next = reads::service_point_id.eq(point).and(reads::id.gt(id));
        query = query.filter(reads::service_point_id.gt(point).or(is_next));
    }
    let rows: Vec<(StoredRead, SiteId, String)> =
        query.order((reads::service_point_id, reads::id)).limit(limit + 1).load(tx.conn)?;
    let rows =
        rows.into_iter().map(|(read, site, service_point)| HeldRead { read, site, service_point }).collect();
    Ok(Page::from_rows(rows, limit, |row: &HeldRead| Cursor::new([row.read.service_point_id.0, row.read.id])))
}

/// Reads by id, in any order; those that are not there are left out.
pub fn by_id(tx: &mut Tx<'_>, ids: &[ReadId]) -> Result<Vec<StoredRead>> {
    let points: Vec<ServicePointId> = ids.iter().map(|id| id.owner).collect();
    let numbers: Vec<i64> = ids.iter().map(|id| id.n).collect();
    let rows: Vec<StoredRead> = reads::table
        .filter(reads::service_point_id.eq_any(points).and(reads::id.eq_any(numbers)))
        .select(StoredRead::as_select())
        .load(tx.conn)?;
    Ok(rows.into_iter().filter(|row| ids.contains(&row.read_id())).collect())
}

/// Makes held reads valid, with what begins their reason from now on. Whoever does so first calls
/// [`super::supersede`] for their days.
pub fn release(tx: &mut Tx<'_>, ids: &[ReadId], beginning: &str) -> Result<usize> {
    if ids.is_empty() {
        return Ok(0);
    }
    let points: Vec<ServicePointId> = ids.iter().map(|id| id.owner).collect();
    let numbers: Vec<i64> = ids.iter().map(|id| id.n).collect();
    Ok(diesel::sql_query(
        "UPDATE reads SET status = 'valid', reason = $3 || reads.reason \
         FROM UNNEST($1, $2) AS of (service_point_id, id) \
         WHERE reads.service_point_id = of.service_point_id AND reads.id = of.id AND reads.status = 'held'",
    )
    .bind::<Array<BigInt>, _>(points)
    .bind::<Array<BigInt>, _>(numbers)
    .bind::<Text, _>(beginning)
    .execute(tx.conn)?)
}
