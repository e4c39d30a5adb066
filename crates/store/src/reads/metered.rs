//! Registers with their reads, for many service points at once.

use crate::schema::reads;
use crate::{Result, Tx};
use billing::{PointMeters, RegisterReads};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Date as SqlDate, Numeric, Text};
use metering::Read;
use rust_decimal::Decimal;
use time::Date;
use vocab::{ReadQuality, ReadStatus, RegisterId, ServicePointId};

#[derive(Queryable, QueryableByName, Selectable)]
#[diesel(table_name = reads)]
pub(super) struct ReadRow {
    #[diesel(sql_type = BigInt)]
    pub(super) service_point_id: ServicePointId,
    #[diesel(sql_type = BigInt)]
    pub(super) register_id: i64,
    #[diesel(sql_type = SqlDate)]
    read_on: Date,
    #[diesel(sql_type = Numeric)]
    value: Decimal,
    #[diesel(sql_type = Text)]
    quality: ReadQuality,
}

impl ReadRow {
    pub(super) fn as_metering(&self) -> Read {
        Read {
            read_on: self.read_on,
            value: self.value.normalize(),
            quality: self.quality,
            status: ReadStatus::Valid,
        }
    }
}

/// Days before the first that are read with it: a register that is read monthly has its latest read there, which is
/// then not looked for one register at a time.
const NEAR_DAYS: i64 = 35;

/// The registers that were installed at some time between two days, with their valid reads of
/// these days, oldest first, preceded by each register's latest valid read before `from` and,
/// where that one is not an actual read, by its latest actual read.
///
/// The answer is sorted by service point and can be searched so; service points without a
/// register are absent. Two queries; more only where nothing was read, or read off the meter, for long.
pub fn load_metered(
    tx: &mut Tx<'_>,
    service_points: &[ServicePointId],
    from: Date,
    to: Date,
) -> Result<Vec<PointMeters>> {
    let mut points = registers(tx, service_points, from, to)?;
    if points.is_empty() {
        return Ok(points);
    }
    let near = from.checked_sub(time::Duration::days(NEAR_DAYS)).unwrap_or(from);
    for row in within(tx, service_points, near, to)? {
        if let Some(of) = find(&mut points, &row) {
            of.reads.push(row.as_metering());
        }
    }
    let (mut no_valid, mut no_actual) = (Vec::new(), Vec::new());
    for of in points.iter_mut().flat_map(|point| point.registers.iter_mut()) {
        match keep_latest(&mut of.reads, from) {
            Found::Both => {}
            Found::Estimated => no_actual.push((of.register.id, near)),
            Found::None => no_valid.push((of.register.id, near)),
        }
    }
    if !no_valid.is_empty() {
        let rows = before(tx, &no_valid, Before::Valid)?;
        let estimated = rows.iter().filter(|row| row.quality != ReadQuality::Actual);
        no_actual.extend(estimated.map(|row| (RegisterId::new(row.service_point_id, row.register_id), near)));
        put_first(&mut points, &rows);
    }
    if !no_actual.is_empty() {
        let rows = actual_before(tx, &no_actual)?;
        put_first(&mut points, &rows);
    }
    Ok(points)
}

/// Grouped by service point; both levels ascending by id.
fn registers(
    tx: &mut Tx<'_>,
    service_points: &[ServicePointId],
    from: Date,
    to: Date,
) -> Result<Vec<PointMeters>> {
    let mut rows = crate::registers::at(tx, service_points)?;
    rows.retain(|row| row.installed_on <= to && row.removed_on.is_none_or(|removed_on| from <= removed_on));
    let mut points: Vec<PointMeters> = Vec::new();
    for row in rows {
        let of = RegisterReads { register: row.as_metering()?, reads: Vec::new(), days: Vec::new() };
        match points.last_mut().filter(|point| point.service_point == row.service_point_id) {
            Some(point) => point.registers.push(of),
            None => points.push(PointMeters { service_point: row.service_point_id, registers: vec![of] }),
        }
    }
    Ok(points)
}

/// By service point, register and day.
fn within(tx: &mut Tx<'_>, service_points: &[ServicePointId], from: Date, to: Date) -> Result<Vec<ReadRow>> {
    Ok(reads::table
        .filter(reads::service_point_id.eq_any(service_points))
        .filter(reads::read_on.between(from, to))
        // Written out: a plan that is kept must know that the index of valid reads will do.
        .filter(sql::<Bool>("reads.status = 'valid'"))
        .select(ReadRow::as_select())
        .order((reads::service_point_id, reads::register_id, reads::read_on))
        .load(tx.conn)?)
}

/// What is known of a register's latest read before a day.
enum Found {
    /// It, and the latest one off the meter.
    Both,
    /// It alone: it is an estimate.
    Estimated,
    /// Nothing.
    None,
}

/// Of the reads before a day keeps the latest, and the latest off the meter where that one is not.
fn keep_latest(reads: &mut Vec<Read>, from: Date) -> Found {
    let count = reads.partition_point(|read| read.read_on < from);
    let Some(latest) = count.checked_sub(1) else { return Found::None };
    let actual = reads[..count].iter().rposition(|read| read.quality == ReadQuality::Actual);
    let mut at = 0;
    reads.retain(|_| {
        at += 1;
        at > latest || Some(at - 1) == actual
    });
    if actual.is_some() { Found::Both } else { Found::Estimated }
}

/// Which read before a day.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Valid,
    Actual,
}

/// One row per register: its latest valid read off the meter before its day.
pub(super) fn actual_before(tx: &mut Tx<'_>, of: &[(RegisterId, Date)]) -> Result<Vec<ReadRow>> {
    before(tx, of, Before::Actual)
}

/// One row per register: its latest valid read before its day.
fn before(tx: &mut Tx<'_>, of: &[(RegisterId, Date)], which: Before) -> Result<Vec<ReadRow>> {
    let points: Vec<ServicePointId> = of.iter().map(|(register, _)| register.owner).collect();
    let numbers: Vec<i64> = of.iter().map(|(register, _)| register.n).collect();
    let days: Vec<Date> = of.iter().map(|(_, day)| *day).collect();
    let quality = match which {
        Before::Valid => "",
        Before::Actual => "AND reads.quality = 'actual'",
    };
    Ok(diesel::sql_query(format!(
        "SELECT last.* FROM UNNEST($1, $2, $3) AS of (service_point_id, register_id, day), \
         LATERAL (SELECT service_point_id, register_id, read_on, value, quality FROM reads \
         WHERE reads.service_point_id = of.service_point_id AND reads.register_id = of.register_id \
         AND reads.read_on < of.day AND reads.status = 'valid' {quality} \
         ORDER BY reads.read_on DESC LIMIT 1) AS last \
         ORDER BY last.service_point_id, last.register_id"
    ))
    .bind::<Array<BigInt>, _>(points)
    .bind::<Array<BigInt>, _>(numbers)
    .bind::<Array<SqlDate>, _>(days)
    .load(tx.conn)?)
}

/// Older reads of registers, one of each.
fn put_first(points: &mut [PointMeters], rows: &[ReadRow]) {
    for row in rows {
        if let Some(of) = find(points, row) {
            of.reads.insert(0, row.as_metering());
        }
    }
}

/// The register of a read; none when it was not there in these days.
fn find<'a>(points: &'a mut [PointMeters], row: &ReadRow) -> Option<&'a mut RegisterReads> {
    let at = points.binary_search_by_key(&row.service_point_id, |of| of.service_point).ok()?;
    let registers = &mut points.get_mut(at)?.registers;
    let at = registers.binary_search_by_key(&row.register_id, |of| of.register.id.n).ok()?;
    registers.get_mut(at)
}
