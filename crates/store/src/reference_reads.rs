//! The reference of imports of reads: what merely writing the same rows costs, by COPY into a table like
//! that of reads, with its indexes and what stood in it before. Used by measurements in databases of
//! their own, never by the product.

use crate::{Db, Result};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date as SqlDate, Numeric, SmallInt, Text, Timestamptz};
use time::{Date, OffsetDateTime};
use vocab::{Decimal, ReadingImportId, ServicePointId, Unit};

mod tables {
    diesel::table! {
        reference_reads (service_point_id, id) {
            service_point_id -> BigInt, id -> BigInt, register_id -> BigInt, read_at -> Timestamptz,
            read_on -> Date, value -> Numeric, quality -> Text, status -> Text, source -> Text,
            import_id -> Nullable<BigInt>, reason -> Nullable<Text>,
        }
    }
}
use tables::reference_reads;

/// A register with what it counted so far.
#[derive(Debug, Clone, QueryableByName)]
pub struct Counted {
    /// Row id of the service point, to go on from.
    #[diesel(sql_type = BigInt)]
    pub service_point_id: ServicePointId,
    /// Row id of the register, to go on from.
    #[diesel(sql_type = BigInt)]
    pub register_id: i64,
    /// The service point's code.
    #[diesel(sql_type = Text)]
    pub point: String,
    /// The meter's number.
    #[diesel(sql_type = Text)]
    pub serial: String,
    /// The register's code.
    #[diesel(sql_type = Text)]
    pub register: String,
    /// What it counts.
    #[diesel(sql_type = Text)]
    pub unit: Unit,
    /// How many registers its meter has.
    #[diesel(sql_type = BigInt)]
    pub of_registers: i64,
    /// Decimals that it shows.
    #[diesel(sql_type = SmallInt)]
    pub decimals: i16,
    /// Day of the first read.
    #[diesel(sql_type = SqlDate)]
    pub first_on: Date,
    /// Its value.
    #[diesel(sql_type = Numeric)]
    pub first: Decimal,
    /// Day of the last read.
    #[diesel(sql_type = SqlDate)]
    pub last_on: Date,
    /// Its value.
    #[diesel(sql_type = Numeric)]
    pub last: Decimal,
}

/// The next registers that have two valid reads, by service point and id.
pub fn counted(db: &Db, after: (ServicePointId, i64), limit: i64) -> Result<Vec<Counted>> {
    db.tx(|tx| {
        Ok(diesel::sql_query(
            "SELECT r.service_point_id, r.id AS register_id, p.code AS point, m.serial, r.code AS register, r.unit, \
             (SELECT count(*) FROM registers o WHERE o.service_point_id = r.service_point_id \
               AND o.install_id = r.install_id) AS of_registers, r.decimals, \
             f.read_on AS first_on, f.value AS first, l.read_on AS last_on, l.value AS last FROM registers r \
             JOIN service_points p ON p.service_point_id = r.service_point_id \
             JOIN meter_installs i ON i.service_point_id = r.service_point_id AND i.id = r.install_id \
             JOIN meters m ON m.id = i.meter_id, \
             LATERAL (SELECT read_on, value FROM reads d WHERE d.service_point_id = r.service_point_id \
               AND d.register_id = r.id AND d.status = 'valid' ORDER BY read_on LIMIT 1) f, \
             LATERAL (SELECT read_on, value FROM reads d WHERE d.service_point_id = r.service_point_id \
               AND d.register_id = r.id AND d.status = 'valid' ORDER BY read_on DESC LIMIT 1) l \
             WHERE (r.service_point_id, r.id) > ($1, $2) AND f.read_on < l.read_on AND i.removed_on IS NULL \
             ORDER BY r.service_point_id, r.id LIMIT $3",
        )
        .bind::<BigInt, _>(after.0)
        .bind::<BigInt, _>(after.1)
        .bind::<BigInt, _>(limit)
        .load(tx.conn)?)
    })
}

/// A row of an import, as small as it can be held.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = reference_reads, treat_none_as_default_value = false)]
pub struct Row {
    service_point_id: i64,
    id: i64,
    register_id: i64,
    read_at: OffsetDateTime,
    read_on: Date,
    value: Decimal,
    quality: &'static str,
    status: &'static str,
    source: &'static str,
    import_id: Option<i64>,
    reason: Option<&'static str>,
}

#[derive(QueryableByName)]
struct Stored {
    #[diesel(sql_type = BigInt)]
    service_point_id: i64,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    register_id: i64,
    #[diesel(sql_type = Timestamptz)]
    read_at: OffsetDateTime,
    #[diesel(sql_type = SqlDate)]
    read_on: Date,
    #[diesel(sql_type = Numeric)]
    value: Decimal,
}

/// Makes the table with the reads that were there before the import, and answers the import's rows in the
/// order in which they were written.
pub fn create(db: &Db, import: ReadingImportId) -> Result<Vec<Row>> {
    db.tx(|tx| {
        tx.conn.batch_execute(&format!(
            "CREATE TABLE reference_reads (LIKE reads INCLUDING ALL); \
             INSERT INTO reference_reads SELECT * FROM reads WHERE import_id IS DISTINCT FROM {}",
            import.0
        ))?;
        let rows: Vec<Stored> = diesel::sql_query(
            "SELECT service_point_id, id, register_id, read_at, read_on, value FROM reads \
             WHERE import_id = $1 ORDER BY id",
        )
        .bind::<BigInt, _>(import.0)
        .load(tx.conn)?;
        Ok(rows
            .into_iter()
            .map(|row| Row {
                service_point_id: row.service_point_id,
                id: row.id,
                register_id: row.register_id,
                read_at: row.read_at,
                read_on: row.read_on,
                value: row.value,
                quality: "actual",
                status: "valid",
                source: "import",
                import_id: Some(import.0),
                reason: None,
            })
            .collect())
    })
}

/// Writes rows in one transaction.
pub fn write(db: &Db, rows: &[Row]) -> Result<()> {
    db.tx(|tx| {
        diesel::copy_from(reference_reads::table).from_insertable(rows).execute(tx.conn)?;
        Ok(())
    })
}

/// Removes the table.
pub fn drop(db: &Db) -> Result<()> {
    db.tx(|tx| Ok(tx.conn.batch_execute("DROP TABLE reference_reads")?))
}

/// Bytes that interval data take, indexes and all.
pub fn interval_bytes(db: &Db) -> Result<i64> {
    #[derive(QueryableByName)]
    struct Bytes {
        #[diesel(sql_type = BigInt)]
        bytes: i64,
    }
    db.tx(|tx| {
        let row: Bytes = diesel::sql_query(
            "SELECT coalesce(sum(pg_total_relation_size(inhrelid)), 0)::bigint AS bytes FROM pg_inherits \
             WHERE inhparent = 'interval_days'::regclass",
        )
        .get_result(tx.conn)?;
        Ok(row.bytes)
    })
}
