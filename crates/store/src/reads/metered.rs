//! Registers with their reads, for many service points at once.

use crate::{Result, Tx};
use billing::{PointMeters, RegisterReads};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Numeric, Text};
use metering::Read;
use rust_decimal::Decimal;
use time::Date;
use vocab::{ReadQuality, ReadStatus, RegisterId, ServicePointId};

#[derive(QueryableByName)]
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
    pub(super) const fn as_metering(&self) -> Read {
        Read { read_on: self.read_on, value: self.value, quality: self.quality, status: ReadStatus::Valid }
    }
}

/// The registers that were installed at some time between two days, with their valid reads of
/// these days, oldest first, preceded by each register's latest valid read before `from` and,
/// where that one is not an actual read, by its latest actual read.
///
/// The answer is sorted by service point and can be searched so; service points without a
/// register are absent. Three queries, a fourth only where estimates lie before `from`.
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
    let all: Vec<RegisterId> = points.iter().flat_map(ids).collect();
    let all: Vec<(RegisterId, Date)> = all.into_iter().map(|register| (register, from)).collect();
    let before = before(tx, &all, Before::Valid)?;
    let estimated: Vec<(RegisterId, Date)> = before
        .iter()
        .filter(|row| row.quality != ReadQuality::Actual)
        .map(|row| (RegisterId::new(row.service_point_id, row.register_id), from))
        .collect();
    if !estimated.is_empty() {
        let actual = actual_before(tx, &estimated)?;
        join(&mut points, actual);
    }
    join(&mut points, before);
    let within = within(tx, service_points, from, to)?;
    join(&mut points, within);
    Ok(points)
}

fn ids(point: &PointMeters) -> impl Iterator<Item = RegisterId> {
    point.registers.iter().map(|of| of.register.id)
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

fn within(tx: &mut Tx<'_>, service_points: &[ServicePointId], from: Date, to: Date) -> Result<Vec<ReadRow>> {
    Ok(diesel::sql_query(
        "SELECT service_point_id, register_id, read_on, value, quality FROM reads \
         WHERE service_point_id = ANY($1) AND read_on BETWEEN $2 AND $3 AND status = 'valid' \
         ORDER BY service_point_id, register_id, read_on",
    )
    .bind::<Array<BigInt>, _>(service_points)
    .bind::<SqlDate, _>(from)
    .bind::<SqlDate, _>(to)
    .load(tx.conn)?)
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

/// Appends reads to their registers. Both sides are sorted by service point and register.
fn join(points: &mut [PointMeters], rows: Vec<ReadRow>) {
    let mut registers = points.iter_mut().flat_map(|point| point.registers.iter_mut()).peekable();
    for row in rows {
        let id = RegisterId::new(row.service_point_id, row.register_id);
        while registers.next_if(|of| of.register.id < id).is_some() {}
        // A read of a register that was not there in these days finds nobody.
        if let Some(of) = registers.peek_mut().filter(|of| of.register.id == id) {
            of.reads.push(row.as_metering());
        }
    }
}
