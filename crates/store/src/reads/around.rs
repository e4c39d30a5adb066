//! What is known of registers around the day of a read that comes in.

use crate::{Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Integer, Numeric, Text};
use rust_decimal::Decimal;
use time::Date;
use vocab::{ReadQuality, ReadStatus, RegisterId};

/// A register, and from which day on its reads matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedOf {
    /// Which.
    pub register: RegisterId,
    /// The first day that a read comes in for.
    pub first_on: Date,
    /// Whether every read of the history is wanted, as for a register whose reads add up; otherwise the
    /// oldest and the latest say all.
    pub wants_all: bool,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Integer)]
    place: i32,
    #[diesel(sql_type = SqlDate)]
    read_on: Date,
    #[diesel(sql_type = Numeric)]
    value: Decimal,
    #[diesel(sql_type = Text)]
    quality: ReadQuality,
    #[diesel(sql_type = Text)]
    status: ReadStatus,
}

/// Reads of each register, in the order asked for: those of any status from the first day on, but for what an
/// undone import brought; before
/// it the latest valid read, the latest actual one, and the oldest valid one (or all) of the last
/// `history_days`. One query; a read may be there twice.
pub fn around(tx: &mut Tx<'_>, of: &[AskedOf], history_days: i32) -> Result<Vec<Vec<metering::Read>>> {
    let mut found: Vec<Vec<metering::Read>> = of.iter().map(|_| Vec::with_capacity(3)).collect();
    for wants_all in [false, true] {
        let asked: Vec<(i32, AskedOf)> =
            (0..).zip(of.iter().copied()).filter(|(_, one)| one.wants_all == wants_all).collect();
        if asked.is_empty() {
            continue;
        }
        for row in rows(tx, &asked, wants_all, history_days)? {
            let read = metering::Read {
                read_on: row.read_on,
                value: row.value,
                quality: row.quality,
                status: row.status,
            };
            if let Some(reads) = usize::try_from(row.place).ok().and_then(|place| found.get_mut(place)) {
                reads.push(read);
            }
        }
    }
    add_actual(tx, of, &mut found)?;
    Ok(found)
}

/// Where the latest valid read is none off the meter: the latest one that is.
fn add_actual(tx: &mut Tx<'_>, of: &[AskedOf], found: &mut [Vec<metering::Read>]) -> Result<()> {
    let mut asked: Vec<(RegisterId, Date, usize)> = Vec::new();
    for (place, (one, reads)) in of.iter().zip(found.iter()).enumerate() {
        let before = reads.iter().filter(|read| read.is_valid() && read.read_on < one.first_on);
        let last = before.max_by_key(|read| read.read_on);
        if last.is_some_and(|last| last.quality != ReadQuality::Actual) {
            asked.push((one.register, one.first_on, place));
        }
    }
    if asked.is_empty() {
        return Ok(());
    }
    let ids: Vec<(RegisterId, Date)> = asked.iter().map(|(register, day, _)| (*register, *day)).collect();
    for row in super::metered::actual_before(tx, &ids)? {
        let of_row = |(register, ..): &&(RegisterId, Date, usize)| {
            register.owner == row.service_point_id && register.n == row.register_id
        };
        if let Some(reads) = asked.iter().find(of_row).and_then(|(.., place)| found.get_mut(*place)) {
            reads.push(row.as_metering());
        }
    }
    Ok(())
}

fn rows(tx: &mut Tx<'_>, asked: &[(i32, AskedOf)], wants_all: bool, history_days: i32) -> Result<Vec<Row>> {
    let places: Vec<i32> = asked.iter().map(|(place, _)| *place).collect();
    let points: Vec<i64> = asked.iter().map(|(_, one)| one.register.owner.0).collect();
    let registers: Vec<i64> = asked.iter().map(|(_, one)| one.register.n).collect();
    let days: Vec<Date> = asked.iter().map(|(_, one)| one.first_on).collect();
    let of_register =
        "FROM reads r WHERE r.service_point_id = a.service_point_id AND r.register_id = a.register_id";
    let columns = "r.read_on, r.value, r.quality, r.status";
    let oldest = if wants_all { "" } else { "ORDER BY r.read_on LIMIT 1" };
    Ok(diesel::sql_query(format!(
        "SELECT a.place, f.read_on, f.value, f.quality, f.status \
         FROM UNNEST($1, $2, $3, $4) AS a (place, service_point_id, register_id, first_on), LATERAL (\
           (SELECT {columns} {of_register} AND r.status = 'valid' AND r.read_on >= a.first_on - $5 \
              AND r.read_on < a.first_on {oldest}) \
           UNION ALL \
           (SELECT * FROM (SELECT {columns} {of_register} AND r.status = 'valid' AND r.read_on < a.first_on \
              ORDER BY r.read_on DESC LIMIT 1) l) \
           UNION ALL \
           (SELECT {columns} {of_register} AND r.status = 'valid' AND r.read_on >= a.first_on) \
           UNION ALL \
           (SELECT {columns} {of_register} AND r.status <> 'valid' AND r.read_on >= a.first_on \
              AND NOT EXISTS (SELECT 1 FROM reading_imports i WHERE i.id = r.import_id \
                AND i.undone_at IS NOT NULL))) f"
    ))
    .bind::<Array<Integer>, _>(places)
    .bind::<Array<BigInt>, _>(points)
    .bind::<Array<BigInt>, _>(registers)
    .bind::<Array<SqlDate>, _>(days)
    .bind::<Integer, _>(history_days)
    .load(tx.conn)?)
}
