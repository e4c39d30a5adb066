//! Taking an import back: what it brought goes, what it replaced is there again.
//!
//! Some thousand service points at a time, ascending; the caller has locked them.

use crate::schema::reading_imports;
use crate::{Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Nullable, Text};
use time::{Date, OffsetDateTime};
use vocab::{ReadingImportId, ServicePointId};

/// A service point where an import brought something that may be billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Touched {
    /// Where.
    #[diesel(sql_type = BigInt)]
    pub service_point_id: ServicePointId,
    /// The first day of a valid read or of interval data; none where only others are left.
    #[diesel(sql_type = Nullable<SqlDate>)]
    pub first_on: Option<Date>,
}

/// The next service points that an import wrote at.
pub fn touched(
    tx: &mut Tx<'_>,
    import: ReadingImportId,
    after: ServicePointId,
    limit: i64,
) -> Result<Vec<Touched>> {
    Ok(diesel::sql_query(
        "SELECT service_point_id, min(day) AS first_on FROM (\
           SELECT service_point_id, CASE WHEN status = 'valid' THEN read_on END AS day FROM reads WHERE import_id = $1 \
           UNION ALL SELECT service_point_id, day FROM interval_days WHERE import_id = $1 \
           UNION ALL SELECT service_point_id, NULL FROM interval_days_past WHERE import_id = $1) of \
         WHERE service_point_id > $2 GROUP BY service_point_id ORDER BY service_point_id LIMIT $3",
    )
    .bind::<BigInt, _>(import.0)
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(limit)
    .load(tx.conn)?)
}

#[derive(QueryableByName)]
struct Later {
    #[diesel(sql_type = Nullable<BigInt>)]
    import_id: Option<i64>,
}

/// What stands on days that this import brought a part of: a later import, which must be undone first, or
/// (none inside) gaps filled by hand.
pub fn built_on(tx: &mut Tx<'_>, import: ReadingImportId) -> Result<Option<Option<ReadingImportId>>> {
    let row: Option<Later> = diesel::sql_query(
        "SELECT d.import_id FROM interval_days_past p JOIN interval_days d \
         ON d.service_point_id = p.service_point_id AND d.register_id = p.register_id AND d.day = p.day \
         WHERE p.import_id = $1 AND d.import_id IS DISTINCT FROM $1 ORDER BY d.import_id LIMIT 1",
    )
    .bind::<BigInt, _>(import.0)
    .get_result(tx.conn)
    .optional()?;
    Ok(row.map(|row| row.import_id.map(ReadingImportId)))
}

/// Rejects the import's reads at these service points and makes those valid again that they replaced;
/// answers how many were rejected and how many are back.
pub fn reads(
    tx: &mut Tx<'_>,
    import: ReadingImportId,
    points: &[ServicePointId],
    reason: &str,
) -> Result<(usize, usize)> {
    #[derive(QueryableByName)]
    struct Back {
        #[diesel(sql_type = BigInt)]
        service_point_id: i64,
        #[diesel(sql_type = BigInt)]
        id: i64,
    }
    let back: Vec<Back> = diesel::sql_query(
        "SELECT DISTINCT ON (r.service_point_id, r.register_id, r.read_on) o.service_point_id, o.id FROM reads r \
         JOIN reads o ON o.service_point_id = r.service_point_id AND o.register_id = r.register_id \
           AND o.read_on = r.read_on AND o.status = 'superseded' AND o.import_id IS DISTINCT FROM $1 \
         WHERE r.service_point_id = ANY($2) AND r.import_id = $1 AND r.status = 'valid' \
         ORDER BY r.service_point_id, r.register_id, r.read_on, o.id DESC",
    )
    .bind::<BigInt, _>(import.0)
    .bind::<Array<BigInt>, _>(points)
    .load(tx.conn)?;
    let gone = diesel::sql_query(
        "UPDATE reads SET status = 'rejected', reason = $3 \
         WHERE service_point_id = ANY($2) AND import_id = $1 AND status IN ('valid', 'held', 'superseded')",
    )
    .bind::<BigInt, _>(import.0)
    .bind::<Array<BigInt>, _>(points)
    .bind::<Text, _>(reason)
    .execute(tx.conn)?;
    let (owners, ids): (Vec<i64>, Vec<i64>) =
        back.into_iter().map(|row| (row.service_point_id, row.id)).unzip();
    let restored = diesel::sql_query(
        "UPDATE reads SET status = 'valid' FROM UNNEST($1, $2) AS of (service_point_id, id) \
         WHERE reads.service_point_id = of.service_point_id AND reads.id = of.id",
    )
    .bind::<Array<BigInt>, _>(owners)
    .bind::<Array<BigInt>, _>(ids)
    .execute(tx.conn)?;
    Ok((gone, restored))
}

/// Moves the import's days at these service points to the past and brings those back that they replaced;
/// answers how many went and how many are back.
pub fn days(tx: &mut Tx<'_>, import: ReadingImportId, points: &[ServicePointId]) -> Result<(usize, usize)> {
    const COLUMNS: &str =
        "register_id, import_id, total, highest, packed, day, minutes, missing, estimated, is_held, rules";
    #[derive(QueryableByName)]
    struct Gone {
        #[diesel(sql_type = BigInt)]
        service_point_id: i64,
        #[diesel(sql_type = BigInt)]
        register_id: i64,
        #[diesel(sql_type = SqlDate)]
        day: Date,
    }
    let keys: Vec<Gone> = diesel::sql_query(
        "SELECT service_point_id, register_id, day FROM interval_days \
         WHERE service_point_id = ANY($2) AND import_id = $1 ORDER BY service_point_id, register_id, day",
    )
    .bind::<BigInt, _>(import.0)
    .bind::<Array<BigInt>, _>(points)
    .load(tx.conn)?;
    if keys.is_empty() {
        return Ok((0, 0));
    }
    let owners: Vec<i64> = keys.iter().map(|key| key.service_point_id).collect();
    let registers: Vec<i64> = keys.iter().map(|key| key.register_id).collect();
    let dates: Vec<Date> = keys.iter().map(|key| key.day).collect();
    let ids = tx.new_ids(keys.len())?;
    diesel::sql_query(format!(
        "WITH gone AS (\
           DELETE FROM interval_days d USING UNNEST($1, $2, $3, $4) AS of (service_point_id, register_id, day, id) \
           WHERE d.service_point_id = of.service_point_id AND d.register_id = of.register_id AND d.day = of.day \
           RETURNING d.*, of.id) \
         INSERT INTO interval_days_past (service_point_id, id, {COLUMNS}, replaced_by_import_id) \
         SELECT service_point_id, id, {COLUMNS}, NULL FROM gone"
    ))
    .bind::<Array<BigInt>, _>(&owners)
    .bind::<Array<BigInt>, _>(&registers)
    .bind::<Array<SqlDate>, _>(&dates)
    .bind::<Array<BigInt>, _>(ids)
    .execute(tx.conn)?;
    let restored = diesel::sql_query(format!(
        "WITH back AS (\
           SELECT DISTINCT ON (p.service_point_id, p.register_id, p.day) p.service_point_id, p.id \
           FROM UNNEST($1, $2, $3) AS of (service_point_id, register_id, day) \
           JOIN interval_days_past p ON p.service_point_id = of.service_point_id \
             AND p.register_id = of.register_id AND p.day = of.day \
           WHERE p.import_id IS DISTINCT FROM $4 AND p.replaced_by_import_id IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM reading_imports i WHERE i.id = p.import_id AND i.undone_at IS NOT NULL) \
           ORDER BY p.service_point_id, p.register_id, p.day, p.id DESC), \
         moved AS (DELETE FROM interval_days_past p USING back \
           WHERE p.service_point_id = back.service_point_id AND p.id = back.id RETURNING p.*) \
         INSERT INTO interval_days (service_point_id, {COLUMNS}) SELECT service_point_id, {COLUMNS} FROM moved"
    ))
    .bind::<Array<BigInt>, _>(owners)
    .bind::<Array<BigInt>, _>(registers)
    .bind::<Array<SqlDate>, _>(dates)
    .bind::<BigInt, _>(import.0)
    .execute(tx.conn)?;
    Ok((keys.len(), restored))
}

/// Keeps an import from being undone until the end of the transaction; `false` when it is undone.
pub fn share(tx: &mut Tx<'_>, import: ReadingImportId) -> Result<bool> {
    let found: Option<ReadingImportId> = reading_imports::table
        .filter(reading_imports::id.eq(import).and(reading_imports::undone_at.is_null()))
        .select(reading_imports::id)
        .for_share()
        .first(tx.conn)
        .optional()?;
    Ok(found.is_some())
}

/// Locks an import that is not undone; `false` when it is, or is not there.
pub fn lock(tx: &mut Tx<'_>, import: ReadingImportId) -> Result<bool> {
    let found: Option<ReadingImportId> = reading_imports::table
        .filter(reading_imports::id.eq(import).and(reading_imports::undone_at.is_null()))
        .select(reading_imports::id)
        .for_no_key_update()
        .first(tx.conn)
        .optional()?;
    Ok(found.is_some())
}

/// Notes that an import was undone.
pub fn mark(
    tx: &mut Tx<'_>,
    import: ReadingImportId,
    at: OffsetDateTime,
    by: &str,
    reason: &str,
) -> Result<()> {
    diesel::update(reading_imports::table.filter(reading_imports::id.eq(import)))
        .set((
            reading_imports::undone_at.eq(Some(at)),
            reading_imports::undone_by.eq(Some(by)),
            reading_imports::undone_reason.eq(Some(reason)),
        ))
        .execute(tx.conn)?;
    Ok(())
}
