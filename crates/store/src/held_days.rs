//! Days of interval data that wait for a person, over all service points.

use crate::intervals::DaySum;
use crate::schema::{interval_days as days, service_locations, service_points};
use crate::{Cursor, Page, Result, Tx};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use time::Date;
use vocab::dates::civil;
use vocab::{ServicePointId, SiteId};

/// Which held days a list shows.
#[derive(Debug, Clone, Default)]
pub struct HeldDayFilter {
    /// Only at these sites.
    pub sites: Option<Vec<SiteId>>,
    /// Only of this import.
    pub import: Option<i64>,
}

/// A held day and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldDay {
    /// What it comes to.
    pub sum: DaySum,
    /// The import that brought it.
    pub import: Option<i64>,
    /// Its site.
    pub site: SiteId,
    /// The utility's code of its service point.
    pub service_point: String,
}

/// Held days, by service point, register and day.
pub fn list(
    tx: &mut Tx<'_>,
    filter: &HeldDayFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<HeldDay>> {
    let mut query = days::table
        .inner_join(service_points::table.on(service_points::service_point_id.eq(days::service_point_id)))
        .inner_join(service_locations::table.on(service_locations::id.eq(service_points::location_id)))
        // Written out, so that the partial index on held days is used.
        .filter(sql::<Bool>("interval_days.is_held"))
        .select((DaySum::as_select(), days::import_id, service_locations::site_id, service_points::code))
        .into_boxed();
    if let Some(sites) = &filter.sites {
        query = query.filter(service_locations::site_id.eq_any(sites));
    }
    if let Some(import) = filter.import {
        query = query.filter(days::import_id.eq(import));
    }
    if let Some(after) = after {
        let (point, register) = (ServicePointId(after.get(0)?), after.get::<i64>(1)?);
        let day: Date = civil::parse(&after.get::<String>(2)?).ok_or(crate::page::BadCursor)?;
        let same_point = days::service_point_id.eq(point);
        let later_day = same_point.and(days::register_id.eq(register)).and(days::day.gt(day));
        let later_register = same_point.and(days::register_id.gt(register));
        query = query.filter(days::service_point_id.gt(point).or(later_register).or(later_day));
    }
    let rows: Vec<(DaySum, Option<i64>, SiteId, String)> =
        query.order((days::service_point_id, days::register_id, days::day)).limit(limit + 1).load(tx.conn)?;
    let rows = rows.into_iter().map(|(sum, import, site, service_point)| HeldDay {
        sum,
        import,
        site,
        service_point,
    });
    Ok(Page::from_rows(rows.collect(), limit, |row: &HeldDay| {
        let sum = &row.sum;
        Cursor::new([sum.service_point_id.0.to_string(), sum.register_id.to_string(), civil::format(sum.day)])
    }))
}
