//! Reads: registers' values by day.
//!
//! Invariants:
//! - of a register's reads of one day at most one is valid (a partial unique index says so):
//!   whoever adds a valid read first calls [`supersede`] for its day;
//! - values never change; only a read's status and reason do.
//!
//! [`load_metered`] and [`services`] are for many service points at once: a fixed number of
//! queries however many there are.

mod around;
mod held;
mod metered;
mod services;

pub use around::{AskedOf, around};
pub use held::{HeldFilter, HeldRead, by_id, held, release};
pub use metered::load_metered;
pub use services::{Service, services, services_by_point};

use crate::schema::reads;
use crate::{Cursor, Page, Result, Tx};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Date as SqlDate};
use rust_decimal::Decimal;
use std::borrow::Cow;
use time::{Date, OffsetDateTime};
use vocab::{ReadId, ReadQuality, ReadStatus, RegisterId, ServicePointId};

/// A stored read.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = reads)]
pub struct StoredRead {
    /// Where.
    pub service_point_id: ServicePointId,
    /// Row id.
    pub id: i64,
    /// Of which register.
    pub register_id: i64,
    /// When it was taken.
    pub read_at: OffsetDateTime,
    /// The day that it closes.
    pub read_on: Date,
    /// As shown on the dials, or the consumption itself for a consumptive register.
    pub value: Decimal,
    /// How good it is.
    pub quality: ReadQuality,
    /// Whether it may be billed.
    pub status: ReadStatus,
    /// Who or what brought it: `manual`, `import`, `installation`, `estimate`.
    pub source: String,
    /// The import that brought it.
    pub import_id: Option<i64>,
    /// Why it is held, rejected or as it is.
    pub reason: Option<String>,
}

impl StoredRead {
    /// Its id with its owner.
    pub fn read_id(&self) -> ReadId {
        ReadId::new(self.service_point_id, self.id)
    }

    /// As metering sees it.
    pub fn as_metering(&self) -> metering::Read {
        metering::Read {
            read_on: self.read_on,
            value: self.value,
            quality: self.quality,
            status: self.status,
        }
    }
}

/// A read to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRead {
    /// Of which register.
    pub register: RegisterId,
    /// When it was taken.
    pub read_at: OffsetDateTime,
    /// The day that it closes.
    pub read_on: Date,
    /// As shown on the dials, or the consumption itself for a consumptive register.
    pub value: Decimal,
    /// How good it is.
    pub quality: ReadQuality,
    /// Whether it may be billed.
    pub status: ReadStatus,
    /// Who or what brought it.
    pub source: Cow<'static, str>,
    /// The import that brought it.
    pub import_id: Option<i64>,
    /// Why it is held, rejected or as it is.
    pub reason: Option<String>,
}

/// A row on its way in, borrowed.
#[derive(Insertable)]
#[diesel(table_name = reads, treat_none_as_default_value = false)]
struct Row<'a> {
    service_point_id: ServicePointId,
    id: i64,
    register_id: i64,
    read_at: OffsetDateTime,
    read_on: Date,
    value: Decimal,
    quality: ReadQuality,
    status: ReadStatus,
    source: &'a str,
    import_id: Option<i64>,
    reason: Option<&'a str>,
}

/// Stores reads by COPY, in their order; answers their row ids in the same order. A second valid
/// read of a register's day is refused: [`supersede`] the first one before.
pub fn copy_in(tx: &mut Tx<'_>, rows: &[NewRead]) -> Result<Vec<i64>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids = tx.new_ids(rows.len())?;
    let copied: Vec<Row<'_>> = rows
        .iter()
        .zip(&ids)
        .map(|(new, &id)| Row {
            service_point_id: new.register.owner,
            id,
            register_id: new.register.n,
            read_at: new.read_at,
            read_on: new.read_on,
            value: new.value,
            quality: new.quality,
            status: new.status,
            source: &new.source,
            import_id: new.import_id,
            reason: new.reason.as_deref(),
        })
        .collect();
    diesel::copy_from(reads::table).from_insertable(copied).execute(tx.conn)?;
    Ok(ids)
}

/// Marks the valid reads of these registers' days as superseded; answers how many there were.
pub fn supersede(tx: &mut Tx<'_>, days: &[(RegisterId, Date)]) -> Result<usize> {
    supersede_only(tx, days, "")
}

/// The same for those reads only that a bill's estimate had become.
pub fn supersede_estimates(tx: &mut Tx<'_>, days: &[(RegisterId, Date)]) -> Result<usize> {
    supersede_only(tx, days, "AND reads.quality = 'estimated' AND reads.source = 'estimate'")
}

fn supersede_only(tx: &mut Tx<'_>, days: &[(RegisterId, Date)], only: &str) -> Result<usize> {
    if days.is_empty() {
        return Ok(0);
    }
    let points: Vec<ServicePointId> = days.iter().map(|(register, _)| register.owner).collect();
    let registers: Vec<i64> = days.iter().map(|(register, _)| register.n).collect();
    let dates: Vec<Date> = days.iter().map(|(_, day)| *day).collect();
    Ok(diesel::sql_query(format!(
        "UPDATE reads SET status = 'superseded' \
         FROM UNNEST($1, $2, $3) AS day (service_point_id, register_id, read_on) \
         WHERE reads.service_point_id = day.service_point_id AND reads.register_id = day.register_id \
         AND reads.read_on = day.read_on AND reads.status = 'valid' {only}"
    ))
    .bind::<Array<BigInt>, _>(points)
    .bind::<Array<BigInt>, _>(registers)
    .bind::<Array<SqlDate>, _>(dates)
    .execute(tx.conn)?)
}

/// Which reads of a service point a list shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadFilter {
    /// Only this register's, by its row id.
    pub register: Option<i64>,
    /// Not before this day.
    pub from: Option<Date>,
    /// Not after this day.
    pub to: Option<Date>,
    /// Only of this status.
    pub status: Option<ReadStatus>,
}

/// The reads of a service point, newest day first.
pub fn list(
    tx: &mut Tx<'_>,
    point: ServicePointId,
    filter: &ReadFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<StoredRead>> {
    let mut query =
        reads::table.filter(reads::service_point_id.eq(point)).select(StoredRead::as_select()).into_boxed();
    if let Some(register) = filter.register {
        query = query.filter(reads::register_id.eq(register));
    }
    if let Some(from) = filter.from {
        query = query.filter(reads::read_on.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(reads::read_on.le(to));
    }
    if let Some(status) = filter.status {
        query = query.filter(reads::status.eq(status));
    }
    if let Some((day, id)) = after.map(Cursor::day_and_id).transpose()? {
        query = query.filter(reads::read_on.lt(day).or(reads::read_on.eq(day).and(reads::id.lt(id))));
    }
    let rows = query.order((reads::read_on.desc(), reads::id.desc())).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &StoredRead| {
        Cursor::new([vocab::dates::civil::format(row.read_on), row.id.to_string()])
    }))
}

/// All reads of one register from a day on, of any status, oldest first.
pub fn of_register(tx: &mut Tx<'_>, register: RegisterId, from: Date) -> Result<Vec<StoredRead>> {
    Ok(reads::table
        .filter(
            reads::service_point_id
                .eq(register.owner)
                .and(reads::register_id.eq(register.n))
                .and(reads::read_on.ge(from)),
        )
        .select(StoredRead::as_select())
        .order((reads::read_on, reads::id))
        .load(tx.conn)?)
}

/// Held reads at these service points between two days, and valid ones with a reason, by service point,
/// register and day.
pub fn remarked(tx: &mut Tx<'_>, of: &[ServicePointId], from: Date, to: Date) -> Result<Vec<StoredRead>> {
    // Written out, so that the partial index on what is valid is used.
    let mut rows: Vec<StoredRead> = reads::table
        .filter(reads::service_point_id.eq_any(of).and(reads::read_on.between(from, to)))
        .filter(sql::<Bool>("status = 'valid' AND reason IS NOT NULL"))
        .select(StoredRead::as_select())
        .load(tx.conn)?;
    rows.extend(waiting(tx, of, from, to)?);
    rows.sort_unstable_by_key(|row| (row.service_point_id, row.register_id, row.read_on, row.id));
    Ok(rows)
}

/// Held reads at these service points between two days, by service point, register and day.
pub fn waiting(tx: &mut Tx<'_>, of: &[ServicePointId], from: Date, to: Date) -> Result<Vec<StoredRead>> {
    // Written out, so that the partial index on what is not valid is used.
    Ok(reads::table
        .filter(reads::service_point_id.eq_any(of).and(reads::read_on.between(from, to)))
        .filter(sql::<Bool>("status = 'held' AND status <> 'valid'"))
        .select(StoredRead::as_select())
        .order((reads::service_point_id, reads::register_id, reads::read_on, reads::id))
        .load(tx.conn)?)
}

/// The registers at these service points that have a valid or held read between two days.
pub fn read_between(
    tx: &mut Tx<'_>,
    of: &[ServicePointId],
    from: Date,
    to: Date,
) -> Result<Vec<(ServicePointId, i64)>> {
    Ok(reads::table
        .filter(
            reads::service_point_id
                .eq_any(of)
                .and(reads::read_on.between(from, to))
                .and(reads::status.eq_any([ReadStatus::Valid, ReadStatus::Held])),
        )
        .select((reads::service_point_id, reads::register_id))
        .distinct()
        .load(tx.conn)?)
}

/// One read.
pub fn find(tx: &mut Tx<'_>, id: ReadId) -> Result<Option<StoredRead>> {
    Ok(reads::table.find((id.owner, id.n)).select(StoredRead::as_select()).first(tx.conn).optional()?)
}

/// Sets the status of a read that still has the status `old`; `false` otherwise. The reason stays
/// when none is given.
pub fn set_status(
    tx: &mut Tx<'_>,
    id: ReadId,
    old: ReadStatus,
    new: ReadStatus,
    reason: Option<&str>,
) -> Result<bool> {
    let changed = diesel::update(reads::table.find((id.owner, id.n)).filter(reads::status.eq(old)))
        .set((reads::status.eq(new), reason.map(|reason| reads::reason.eq(reason))))
        .execute(tx.conn)?;
    Ok(changed == 1)
}
