//! What is known of registers around the day of a read that comes in.

use crate::{Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Numeric, Text};
use rust_decimal::Decimal;
use std::collections::HashMap;
use time::Date;
use vocab::{ReadQuality, ReadStatus, RegisterId};

/// Reads that are not valid are few: so many among the service points asked for are fetched at once,
/// and only where there are more is each register looked at.
const NOT_VALID_MAX: i64 = 2_000;

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
    #[diesel(sql_type = BigInt)]
    service_point_id: i64,
    #[diesel(sql_type = BigInt)]
    register_id: i64,
    #[diesel(sql_type = SqlDate)]
    read_on: Date,
    #[diesel(sql_type = Numeric)]
    value: Decimal,
    #[diesel(sql_type = Text)]
    quality: ReadQuality,
    #[diesel(sql_type = Text)]
    status: ReadStatus,
}

/// What has been found of each register.
struct Found<'a> {
    of: &'a [AskedOf],
    reads: Vec<Vec<metering::Read>>,
    /// By service point and register.
    places: HashMap<(i64, i64), usize>,
}

impl<'a> Found<'a> {
    fn new(of: &'a [AskedOf]) -> Self {
        let key = |one: &AskedOf| (one.register.owner.0, one.register.n);
        Self {
            of,
            reads: of.iter().map(|_| Vec::with_capacity(3)).collect(),
            places: of.iter().enumerate().map(|(place, one)| (key(one), place)).collect(),
        }
    }

    /// The register with its reads so far, when it was asked for.
    fn at(&mut self, key: (i64, i64)) -> Option<(&AskedOf, &mut Vec<metering::Read>)> {
        let place = *self.places.get(&key)?;
        Some((self.of.get(place)?, self.reads.get_mut(place)?))
    }

    /// Keeps what lies on the days that were asked for.
    fn add(&mut self, row: &Row, is_wanted: impl Fn(&AskedOf) -> bool) {
        if let Some((_, reads)) =
            self.at((row.service_point_id, row.register_id)).filter(|(one, _)| is_wanted(one))
        {
            reads.push(metering::Read {
                read_on: row.read_on,
                value: row.value,
                quality: row.quality,
                status: row.status,
            });
        }
    }
}

/// Reads of each register, in the order asked for: those of any status from the first day on, but for what
/// an undone import brought; before it the latest valid read, the latest actual one, and the oldest valid
/// one (or all) of the last `history_days`.
///
/// Two queries as a rule: most registers have no read from the first day on, and none that is not valid.
pub fn around(tx: &mut Tx<'_>, of: &[AskedOf], history_days: i32) -> Result<Vec<Vec<metering::Read>>> {
    let mut found = Found::new(of);
    for wants_all in [false, true] {
        let asked: Vec<AskedOf> = of.iter().copied().filter(|one| one.wants_all == wants_all).collect();
        let oldest = if wants_all { "" } else { "ORDER BY r.read_on LIMIT 1" };
        let history = format!(
            "(SELECT {COLUMNS} {OF_REGISTER} AND r.status = 'valid' AND r.read_on >= a.first_on - {history_days} \
               AND r.read_on < a.first_on {oldest}) \
             UNION ALL \
             (SELECT * FROM (SELECT {COLUMNS} {OF_REGISTER} AND r.status = 'valid' \
               ORDER BY r.read_on DESC LIMIT 1) l)"
        );
        join(tx, &mut found, &asked, &history)?;
    }
    // Where the latest read comes before the first day, no other comes after it.
    let has_later = |(one, reads): &(&AskedOf, &Vec<metering::Read>)| {
        reads.iter().any(|read| read.read_on >= one.first_on)
    };
    let late: Vec<AskedOf> = of.iter().zip(&found.reads).filter(has_later).map(|(one, _)| *one).collect();
    let later = format!(
        "(SELECT * FROM (SELECT {COLUMNS} {OF_REGISTER} AND r.status = 'valid' AND r.read_on < a.first_on \
           ORDER BY r.read_on DESC LIMIT 1) l) \
         UNION ALL (SELECT {COLUMNS} {OF_REGISTER} AND r.status = 'valid' AND r.read_on >= a.first_on)"
    );
    join(tx, &mut found, &late, &later)?;
    add_actual(tx, &mut found)?;
    // Of a day at most one read is valid; several questions may have found it.
    for reads in &mut found.reads {
        reads.sort_unstable_by_key(|read| read.read_on);
        reads.dedup_by_key(|read| read.read_on);
    }
    add_not_valid(tx, &mut found)?;
    Ok(found.reads)
}

const COLUMNS: &str = "r.service_point_id, r.register_id, r.read_on, r.value, r.quality, r.status";
const OF_REGISTER: &str =
    "FROM reads r WHERE r.service_point_id = a.service_point_id AND r.register_id = a.register_id";
const NOT_UNDONE: &str =
    "NOT EXISTS (SELECT 1 FROM reading_imports i WHERE i.id = r.import_id AND i.undone_at IS NOT NULL)";

/// Adds what a lateral query finds of each register.
fn join(tx: &mut Tx<'_>, found: &mut Found<'_>, asked: &[AskedOf], lateral: &str) -> Result<()> {
    if asked.is_empty() {
        return Ok(());
    }
    let points: Vec<i64> = asked.iter().map(|one| one.register.owner.0).collect();
    let registers: Vec<i64> = asked.iter().map(|one| one.register.n).collect();
    let days: Vec<Date> = asked.iter().map(|one| one.first_on).collect();
    let rows: Vec<Row> = diesel::sql_query(format!(
        "SELECT f.* FROM UNNEST($1, $2, $3) AS a (service_point_id, register_id, first_on), LATERAL ({lateral}) f"
    ))
    .bind::<Array<BigInt>, _>(points)
    .bind::<Array<BigInt>, _>(registers)
    .bind::<Array<SqlDate>, _>(days)
    .load(tx.conn)?;
    rows.iter().for_each(|row| found.add(row, |_| true));
    Ok(())
}

/// Adds held, rejected and superseded reads from each register's first day on.
fn add_not_valid(tx: &mut Tx<'_>, found: &mut Found<'_>) -> Result<()> {
    let points = || found.of.iter().map(|one| one.register.owner.0);
    let (Some(first), Some(last)) = (points().min(), points().max()) else { return Ok(()) };
    let earliest = found.of.iter().map(|one| one.first_on).min().unwrap_or(Date::MIN);
    let rows: Vec<Row> = diesel::sql_query(format!(
        "SELECT {COLUMNS} FROM reads r \
         WHERE r.status <> 'valid' AND r.service_point_id BETWEEN $1 AND $2 AND r.read_on >= $3 AND {NOT_UNDONE} \
         LIMIT $4"
    ))
    .bind::<BigInt, _>(first)
    .bind::<BigInt, _>(last)
    .bind::<SqlDate, _>(earliest)
    .bind::<BigInt, _>(NOT_VALID_MAX + 1)
    .load(tx.conn)?;
    if i64::try_from(rows.len()).is_ok_and(|count| count > NOT_VALID_MAX) {
        let each = format!(
            "SELECT {COLUMNS} {OF_REGISTER} AND r.status <> 'valid' AND r.read_on >= a.first_on AND {NOT_UNDONE}"
        );
        return join(tx, found, found.of, &each);
    }
    rows.iter().for_each(|row| found.add(row, |one| row.read_on >= one.first_on));
    Ok(())
}

/// Where the latest valid read is none off the meter: the latest one that is.
fn add_actual(tx: &mut Tx<'_>, found: &mut Found<'_>) -> Result<()> {
    let is_estimated = |(one, reads): &(&AskedOf, &Vec<metering::Read>)| {
        let before = reads.iter().filter(|read| read.is_valid() && read.read_on < one.first_on);
        before.max_by_key(|read| read.read_on).is_some_and(|last| last.quality != ReadQuality::Actual)
    };
    let asked: Vec<(RegisterId, Date)> = found
        .of
        .iter()
        .zip(&found.reads)
        .filter(is_estimated)
        .map(|(one, _)| (one.register, one.first_on))
        .collect();
    if asked.is_empty() {
        return Ok(());
    }
    for row in super::metered::actual_before(tx, &asked)? {
        if let Some((_, reads)) = found.at((row.service_point_id.0, row.register_id)) {
            reads.push(row.as_metering());
        }
    }
    Ok(())
}
