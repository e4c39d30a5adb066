//! Taking an import back: what it brought goes, what it replaced is there again.
//!
//! Some thousand service points at a time, ascending; the caller has locked them.

use crate::schema::reading_imports;
use crate::{Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Date as SqlDate, Nullable, Text};
use time::macros::date;
use time::{Date, OffsetDateTime};
use vocab::{ReadingImportId, ServicePointId, SiteId};

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

/// Days among which all the interval data of an import are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub from: Date,
    /// The last.
    pub to: Date,
}

/// The days of an import, as its report, or what is kept of its parts, says: all where either does not say it,
/// which those of earlier versions do not; where there are none, the first is after the last.
pub fn days_of(tx: &mut Tx<'_>, import: ReadingImportId) -> Result<Days> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Nullable<SqlDate>)]
        first_day: Option<Date>,
        #[diesel(sql_type = Nullable<SqlDate>)]
        last_day: Option<Date>,
        #[diesel(sql_type = Bool)]
        is_known: bool,
    }
    let row: Row = diesel::sql_query(
        "SELECT min((report->>'first_day')::date) AS first_day, max((report->>'last_day')::date) AS last_day, \
         coalesce(bool_and(report ? 'first_day'), false) AS is_known FROM (\
           SELECT report FROM reading_imports WHERE id = $1 AND report IS NOT NULL \
           UNION ALL SELECT report FROM reading_import_parts WHERE import_id = $1) of",
    )
    .bind::<BigInt, _>(import.0)
    .get_result(tx.conn)?;
    let (first, last) = (date!(0001 - 01 - 01), date!(9999 - 12 - 31));
    Ok(match (row.first_day, row.last_day) {
        (Some(from), Some(to)) if row.is_known => Days { from, to },
        _ if row.is_known => Days { from: last, to: first },
        _ => Days { from: first, to: last },
    })
}

/// What an import wrote: where, and the day, of what may be billed. A day that was filled by hand since is
/// the import's, too. $1 is the import, $2 and $3 its days.
const WRITTEN: &str = "\
    SELECT service_point_id, CASE WHEN status = 'valid' THEN read_on END AS day FROM reads WHERE import_id = $1 \
    UNION ALL SELECT service_point_id, day FROM interval_days WHERE import_id = $1 AND day BETWEEN $2 AND $3 \
    UNION ALL SELECT p.service_point_id, CASE WHEN d.import_id IS NULL THEN d.day END FROM interval_days_past p \
      LEFT JOIN interval_days d ON d.service_point_id = p.service_point_id AND d.register_id = p.register_id \
        AND d.day = p.day AND d.day BETWEEN $2 AND $3 WHERE p.import_id = $1";

/// The next service points that an import wrote at.
pub fn touched(
    tx: &mut Tx<'_>,
    import: ReadingImportId,
    days: Days,
    after: ServicePointId,
    limit: i64,
) -> Result<Vec<Touched>> {
    Ok(diesel::sql_query(format!(
        "SELECT service_point_id, min(day) AS first_on FROM ({WRITTEN}) of \
         WHERE service_point_id > $4 GROUP BY service_point_id ORDER BY service_point_id LIMIT $5"
    ))
    .bind::<BigInt, _>(import.0)
    .bind::<SqlDate, _>(days.from)
    .bind::<SqlDate, _>(days.to)
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(limit)
    .load(tx.conn)?)
}

/// Some of what an import wrote that may be billed, by service point: no more than so many rows of it are
/// looked at.
pub fn some_touched(
    tx: &mut Tx<'_>,
    import: ReadingImportId,
    days: Days,
    limit: i64,
) -> Result<Vec<Touched>> {
    Ok(diesel::sql_query(format!(
        "SELECT service_point_id, min(day) AS first_on FROM (\
           SELECT service_point_id, day FROM ({WRITTEN}) of WHERE day IS NOT NULL LIMIT $4) first \
         GROUP BY service_point_id ORDER BY service_point_id"
    ))
    .bind::<BigInt, _>(import.0)
    .bind::<SqlDate, _>(days.from)
    .bind::<SqlDate, _>(days.to)
    .bind::<BigInt, _>(limit)
    .load(tx.conn)?)
}

/// Whether an import wrote at a service point outside of these sites.
pub fn reaches_beyond(
    tx: &mut Tx<'_>,
    import: ReadingImportId,
    days: Days,
    sites: &[SiteId],
) -> Result<bool> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        is_beyond: bool,
    }
    let sites: Vec<i64> = sites.iter().map(|site| site.0).collect();
    let row: Row = diesel::sql_query(format!(
        "SELECT EXISTS (SELECT 1 FROM ({WRITTEN}) of \
           JOIN service_points s ON s.service_point_id = of.service_point_id \
           JOIN service_locations l ON l.id = s.location_id WHERE l.site_id <> ALL($4)) AS is_beyond"
    ))
    .bind::<BigInt, _>(import.0)
    .bind::<SqlDate, _>(days.from)
    .bind::<SqlDate, _>(days.to)
    .bind::<Array<BigInt>, _>(sites)
    .get_result(tx.conn)?;
    Ok(row.is_beyond)
}

#[derive(QueryableByName)]
struct Later {
    #[diesel(sql_type = BigInt)]
    import_id: ReadingImportId,
    #[diesel(sql_type = SqlDate)]
    day: Date,
}

/// The later import whose data stand on a day that this one brought a part of, and the first such day: it
/// must be undone first. Gaps that were filled by hand on top of this import go with it.
pub fn built_on(
    tx: &mut Tx<'_>,
    import: ReadingImportId,
    days: Days,
) -> Result<Option<(ReadingImportId, Date)>> {
    let row: Option<Later> = diesel::sql_query(
        "SELECT coalesce(d.import_id, q.import_id) AS import_id, p.day FROM interval_days_past p \
         JOIN interval_days d ON d.service_point_id = p.service_point_id AND d.register_id = p.register_id \
           AND d.day = p.day AND d.day BETWEEN $2 AND $3 AND d.import_id IS DISTINCT FROM $1 \
         LEFT JOIN LATERAL (\
           SELECT o.import_id FROM interval_days_past o JOIN reading_imports i ON i.id = o.import_id \
           WHERE d.import_id IS NULL AND o.service_point_id = p.service_point_id \
             AND o.register_id = p.register_id AND o.day = p.day AND o.id > p.id AND o.import_id <> $1 \
             AND i.undone_at IS NULL ORDER BY o.id DESC LIMIT 1) q ON true \
         WHERE p.import_id = $1 AND coalesce(d.import_id, q.import_id) IS NOT NULL LIMIT 1",
    )
    .bind::<BigInt, _>(import.0)
    .bind::<SqlDate, _>(days.from)
    .bind::<SqlDate, _>(days.to)
    .get_result(tx.conn)
    .optional()?;
    Ok(row.map(|row| (row.import_id, row.day)))
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

/// Moves the import's days at these service points to the past, those that were filled on top of it
/// included, and brings those back that they replaced; answers how many went, how many are back, and how
/// many of those that went had been filled.
pub fn days(
    tx: &mut Tx<'_>,
    import: ReadingImportId,
    of: Days,
    points: &[ServicePointId],
) -> Result<(usize, usize, usize)> {
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
        #[diesel(sql_type = Bool)]
        is_filled: bool,
    }
    let keys: Vec<Gone> = diesel::sql_query(
        "SELECT service_point_id, register_id, day, false AS is_filled FROM interval_days \
         WHERE service_point_id = ANY($2) AND import_id = $1 AND day BETWEEN $3 AND $4 \
         UNION SELECT d.service_point_id, d.register_id, d.day, true FROM interval_days_past p \
         JOIN interval_days d ON d.service_point_id = p.service_point_id AND d.register_id = p.register_id \
           AND d.day = p.day AND d.day BETWEEN $3 AND $4 AND d.import_id IS NULL \
         WHERE p.import_id = $1 AND p.service_point_id = ANY($2) ORDER BY 1, 2, 3",
    )
    .bind::<BigInt, _>(import.0)
    .bind::<Array<BigInt>, _>(points)
    .bind::<SqlDate, _>(of.from)
    .bind::<SqlDate, _>(of.to)
    .load(tx.conn)?;
    let Some((from, to)) = keys.iter().map(|key| key.day).min().zip(keys.iter().map(|key| key.day).max())
    else {
        return Ok((0, 0, 0));
    };
    let filled = keys.iter().filter(|key| key.is_filled).count();
    let owners: Vec<i64> = keys.iter().map(|key| key.service_point_id).collect();
    let registers: Vec<i64> = keys.iter().map(|key| key.register_id).collect();
    let dates: Vec<Date> = keys.iter().map(|key| key.day).collect();
    let ids = tx.new_ids(keys.len())?;
    diesel::sql_query(format!(
        "WITH gone AS (\
           DELETE FROM interval_days d USING UNNEST($1, $2, $3, $4) AS of (service_point_id, register_id, day, id) \
           WHERE d.service_point_id = of.service_point_id AND d.register_id = of.register_id AND d.day = of.day \
           AND d.day BETWEEN $5 AND $6 RETURNING d.*, of.id) \
         INSERT INTO interval_days_past (service_point_id, id, {COLUMNS}, replaced_by_import_id) \
         SELECT service_point_id, id, {COLUMNS}, NULL FROM gone"
    ))
    .bind::<Array<BigInt>, _>(&owners)
    .bind::<Array<BigInt>, _>(&registers)
    .bind::<Array<SqlDate>, _>(&dates)
    .bind::<Array<BigInt>, _>(ids)
    .bind::<SqlDate, _>(from)
    .bind::<SqlDate, _>(to)
    .execute(tx.conn)?;
    let restored = diesel::sql_query(format!(
        "WITH back AS (\
           SELECT DISTINCT ON (p.service_point_id, p.register_id, p.day) p.service_point_id, p.id \
           FROM UNNEST($1, $2, $3) AS of (service_point_id, register_id, day) \
           JOIN interval_days_past p ON p.service_point_id = of.service_point_id \
             AND p.register_id = of.register_id AND p.day = of.day \
           WHERE p.import_id IS DISTINCT FROM $4 AND p.replaced_by_import_id = $4 \
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
    Ok((keys.len(), restored, filled))
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
