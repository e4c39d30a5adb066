//! Meters, their times at service points, and their registers.
//!
//! A register belongs to one installation: the same meter put in elsewhere gets new ones.
//! Changes at a service point lock its row first ([`crate::places::lock_service_point`]).

use crate::schema::{meter_installs as installs, meters, registers};
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};
use rust_decimal::Decimal;
use time::Date;
use vocab::{MeterId, RegisterKind, ServicePointId, SiteId, Unit};

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = meters, treat_none_as_default_value = false)]
pub struct Meter {
    /// Row id.
    pub id: MeterId,
    /// Its number, unique in the utility.
    pub serial: String,
    /// Who made it.
    pub maker: Option<String>,
    /// Goes up by one with every change.
    pub version: i64,
}

/// A meter's time at a service point.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = installs, treat_none_as_default_value = false)]
pub struct Install {
    /// Where.
    pub service_point_id: ServicePointId,
    /// Row id.
    pub id: i64,
    /// Which meter.
    pub meter_id: MeterId,
    /// First day there.
    pub installed_on: Date,
    /// Last day there.
    pub removed_on: Option<Date>,
}

/// A register of an installed meter.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = registers, treat_none_as_default_value = false)]
pub struct Register {
    /// Where.
    pub service_point_id: ServicePointId,
    /// Row id.
    pub id: i64,
    /// During which installation.
    pub install_id: i64,
    /// What it is called on the meter: `1`, `A+`.
    pub code: String,
    /// How it counts.
    pub kind: RegisterKind,
    /// Unit of measure after the multiplier.
    pub unit: Unit,
    /// Time-of-use bucket.
    pub bucket: Option<String>,
    /// Name of its quantity in rates, when it is not what the customer took.
    pub quantity_name: Option<String>,
    /// Factor from dial units to the unit of measure.
    pub multiplier: Decimal,
    /// Whole-number positions.
    pub dials: i16,
    /// Decimal places shown.
    pub decimals: i16,
    /// Whether its values are demands, of which the highest counts.
    pub peak: bool,
}

/// Inserts meters.
pub fn insert(tx: &mut Tx<'_>, rows: &[Meter]) -> Result<()> {
    diesel::insert_into(meters::table).values(rows).execute(tx.conn)?;
    Ok(())
}

/// One meter.
pub fn find(tx: &mut Tx<'_>, id: MeterId) -> Result<Option<Meter>> {
    Ok(meters::table.filter(meters::id.eq(id)).select(Meter::as_select()).first(tx.conn).optional()?)
}

/// The meter with this number, locked so that it goes into one place at a time.
pub fn lock_by_serial(tx: &mut Tx<'_>, serial: &str) -> Result<Option<Meter>> {
    Ok(meters::table
        .filter(meters::serial.eq(serial))
        .select(Meter::as_select())
        .for_no_key_update()
        .first(tx.conn)
        .optional()?)
}

/// A list of meters, by number; all or those whose number begins so.
pub fn list(
    tx: &mut Tx<'_>,
    serial: Option<&str>,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<Meter>> {
    let mut query = meters::table.select(Meter::as_select()).into_boxed();
    if let Some(serial) = serial {
        query = query.filter(meters::serial.like(format!("{}%", crate::places::like_escaped(serial))));
    }
    if let Some(last) = after.map(Cursor::one::<String>).transpose()? {
        query = query.filter(meters::serial.gt(last));
    }
    let rows = query.order(meters::serial).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &Meter| Cursor::new([&row.serial])))
}

/// Inserts installations.
pub fn insert_installs(tx: &mut Tx<'_>, rows: &[Install]) -> Result<()> {
    diesel::insert_into(installs::table).values(rows).execute(tx.conn)?;
    Ok(())
}

/// Inserts registers.
pub fn insert_registers(tx: &mut Tx<'_>, rows: &[Register]) -> Result<()> {
    diesel::insert_into(registers::table).values(rows).execute(tx.conn)?;
    Ok(())
}

/// Adds meters, installations and registers by COPY.
pub fn copy_in(
    tx: &mut Tx<'_>,
    new_meters: &[Meter],
    new_installs: &[Install],
    new_registers: &[Register],
) -> Result<()> {
    if !new_meters.is_empty() {
        diesel::copy_from(meters::table).from_insertable(new_meters).execute(tx.conn)?;
    }
    if !new_installs.is_empty() {
        diesel::copy_from(installs::table).from_insertable(new_installs).execute(tx.conn)?;
    }
    if !new_registers.is_empty() {
        diesel::copy_from(registers::table).from_insertable(new_registers).execute(tx.conn)?;
    }
    Ok(())
}

/// The installations of a service point, oldest first.
pub fn installs_at(tx: &mut Tx<'_>, point: ServicePointId) -> Result<Vec<Install>> {
    Ok(installs::table
        .filter(installs::service_point_id.eq(point))
        .select(Install::as_select())
        .order((installs::installed_on, installs::id))
        .load(tx.conn)?)
}

/// The installations of a meter, oldest first.
pub fn installs_of(tx: &mut Tx<'_>, meter: MeterId) -> Result<Vec<Install>> {
    Ok(installs::table
        .filter(installs::meter_id.eq(meter))
        .select(Install::as_select())
        .order((installs::installed_on, installs::id))
        .load(tx.conn)?)
}

#[derive(QueryableByName)]
struct Whereabouts {
    #[diesel(sql_type = BigInt)]
    meter_id: MeterId,
    #[diesel(sql_type = BigInt)]
    site_id: SiteId,
}

/// The sites where these meters are or were, each pair once.
pub fn sites_of(tx: &mut Tx<'_>, ids: &[MeterId]) -> Result<Vec<(MeterId, SiteId)>> {
    let rows: Vec<Whereabouts> = diesel::sql_query(
        "SELECT DISTINCT i.meter_id, l.site_id FROM meter_installs i \
         JOIN service_points p ON p.service_point_id = i.service_point_id \
         JOIN service_locations l ON l.id = p.location_id \
         WHERE i.meter_id = ANY($1) ORDER BY i.meter_id, l.site_id",
    )
    .bind::<Array<BigInt>, _>(ids)
    .load(tx.conn)?;
    Ok(rows.into_iter().map(|row| (row.meter_id, row.site_id)).collect())
}

/// Ends an installation that is still open; `false` otherwise.
pub fn end_install(tx: &mut Tx<'_>, point: ServicePointId, install: i64, removed_on: Date) -> Result<bool> {
    let changed =
        diesel::update(installs::table.find((point, install)).filter(installs::removed_on.is_null()))
            .set(installs::removed_on.eq(removed_on))
            .execute(tx.conn)?;
    Ok(changed == 1)
}
