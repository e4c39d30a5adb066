//! How files of readings are read, under the utility's own names.

use crate::schema::reading_formats;
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use serde_json::Value;
use time::OffsetDateTime;
use vocab::ReadingFormatId;

/// How files are read, under a name.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = reading_formats)]
pub struct StoredFormat {
    /// Row id.
    pub id: ReadingFormatId,
    /// Its name.
    pub name: String,
    /// `meterdata::FileForm`.
    pub form: Value,
    /// Goes up by one with every change.
    pub version: i64,
    /// Opaque id of who made it.
    pub created_by: String,
    /// Business time.
    pub created_at: OffsetDateTime,
}

/// Stores a format; `false` when there is one of this name.
pub fn insert(tx: &mut Tx<'_>, row: &StoredFormat) -> Result<bool> {
    let inserted =
        diesel::insert_into(reading_formats::table).values(row).on_conflict_do_nothing().execute(tx.conn)?;
    Ok(inserted == 1)
}

/// Changes a format.
pub fn update(tx: &mut Tx<'_>, row: &StoredFormat) -> Result<()> {
    diesel::update(reading_formats::table.filter(reading_formats::id.eq(row.id)))
        .set(row)
        .execute(tx.conn)?;
    Ok(())
}

/// Removes a format.
pub fn delete(tx: &mut Tx<'_>, id: ReadingFormatId) -> Result<()> {
    diesel::delete(reading_formats::table.filter(reading_formats::id.eq(id))).execute(tx.conn)?;
    Ok(())
}

/// A format.
pub fn find(tx: &mut Tx<'_>, id: ReadingFormatId) -> Result<Option<StoredFormat>> {
    Ok(reading_formats::table
        .filter(reading_formats::id.eq(id))
        .select(StoredFormat::as_select())
        .first(tx.conn)
        .optional()?)
}

/// A format, locked.
pub fn lock(tx: &mut Tx<'_>, id: ReadingFormatId) -> Result<Option<StoredFormat>> {
    Ok(reading_formats::table
        .filter(reading_formats::id.eq(id))
        .select(StoredFormat::as_select())
        .for_no_key_update()
        .first(tx.conn)
        .optional()?)
}

/// The format of this name.
pub fn named(tx: &mut Tx<'_>, name: &str) -> Result<Option<StoredFormat>> {
    Ok(reading_formats::table
        .filter(reading_formats::name.eq(name))
        .select(StoredFormat::as_select())
        .first(tx.conn)
        .optional()?)
}

/// Every format, by name: a utility has a handful.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<StoredFormat>> {
    Ok(reading_formats::table.select(StoredFormat::as_select()).order(reading_formats::name).load(tx.conn)?)
}

/// Formats, by name.
pub fn list(tx: &mut Tx<'_>, after: Option<&Cursor>, limit: i64) -> Result<Page<StoredFormat>> {
    let mut query = reading_formats::table.select(StoredFormat::as_select()).into_boxed();
    if let Some(last) = after.map(Cursor::one::<String>).transpose()? {
        query = query.filter(reading_formats::name.gt(last));
    }
    let rows = query.order(reading_formats::name).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &StoredFormat| Cursor::new([row.name.clone()])))
}
