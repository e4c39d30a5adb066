//! Exchange of readings: exports, imports, their rejected lines, and who is to be read.

use crate::schema::{
    accounts, contract_types, contracts, meter_installs, meters, reading_exports,
    reading_import_parts as parts, reading_import_rejections as rejections, reading_imports,
    service_locations, service_points,
};
use crate::{Cursor, Page, Result, Tx};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Jsonb, Nullable};
use serde_json::Value;
use time::{Date, OffsetDateTime};
use vocab::{
    AccountId, AccountNumber, ContractState, CycleId, OperationId, ReadingExportId, ReadingImportId,
    SegmentMethod, ServicePointId, SiteId, WindowId,
};

/// An export of the meters to read.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = reading_exports)]
pub struct Export {
    /// Row id.
    pub id: ReadingExportId,
    /// For which window.
    pub window_id: WindowId,
    /// Only these sites; none: all.
    pub site_ids: Vec<SiteId>,
    /// Registers in the file.
    pub rows: i64,
    /// Digest of the file.
    pub sha256: Vec<u8>,
    /// What it is called.
    pub file_name: String,
    /// Where it is kept.
    pub document_key: String,
    /// Opaque id of who made it.
    pub created_by: String,
    /// Business time.
    pub created_at: OffsetDateTime,
    /// Name of what it is written as.
    pub format: String,
    /// Whether it has only the registers that are to be read again.
    pub only_rereads: bool,
    /// Length of the file; not known of exports of long ago.
    pub bytes: Option<i64>,
}

/// An import of a file of reads.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = reading_imports, treat_none_as_default_value = false)]
pub struct Import {
    /// Row id.
    pub id: ReadingImportId,
    /// For which window.
    pub window_id: Option<WindowId>,
    /// The work.
    pub operation_id: OperationId,
    /// What the file is called.
    pub file_name: String,
    /// Its digest.
    pub sha256: Vec<u8>,
    /// Its length.
    pub bytes: i64,
    /// How it is read, `meterdata::FileForm`.
    pub form: Value,
    /// Where it is kept.
    pub document_key: String,
    /// The import that took this very file before.
    pub repeats_id: Option<ReadingImportId>,
    /// What came of it, when it has finished.
    pub report: Option<Value>,
    /// Opaque id of who made it.
    pub created_by: String,
    /// Business time.
    pub created_at: OffsetDateTime,
    /// When it was undone.
    pub undone_at: Option<OffsetDateTime>,
    /// Opaque id of who undid it.
    pub undone_by: Option<String>,
    /// Why.
    pub undone_reason: Option<String>,
}

/// A line that was not taken.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = rejections, treat_none_as_default_value = false)]
pub struct Rejection {
    /// Of which import.
    pub import_id: ReadingImportId,
    /// Line number, from 1.
    pub line: i64,
    /// Which of its part's, from 0.
    pub place: i32,
    /// Why, as a word.
    pub code: String,
    /// Why, as a sentence.
    pub detail: String,
    /// The line, with those it hangs on; empty where another rejection of the record has it.
    pub raw: String,
}

/// Notes an export.
pub fn insert_export(tx: &mut Tx<'_>, row: &Export) -> Result<()> {
    diesel::insert_into(reading_exports::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// An export.
pub fn export(tx: &mut Tx<'_>, id: ReadingExportId) -> Result<Option<Export>> {
    Ok(reading_exports::table
        .filter(reading_exports::id.eq(id))
        .select(Export::as_select())
        .first(tx.conn)
        .optional()?)
}

/// The exports of a window, newest first.
pub fn exports(
    tx: &mut Tx<'_>,
    window: WindowId,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<Export>> {
    let mut query = reading_exports::table
        .filter(reading_exports::window_id.eq(window))
        .select(Export::as_select())
        .into_boxed();
    if let Some(last) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(reading_exports::id.lt(ReadingExportId(last)));
    }
    let rows = query.order(reading_exports::id.desc()).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &Export| Cursor::new([row.id.0])))
}

/// Notes an import.
pub fn insert_import(tx: &mut Tx<'_>, row: &Import) -> Result<()> {
    diesel::insert_into(reading_imports::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// An import.
pub fn import(tx: &mut Tx<'_>, id: ReadingImportId) -> Result<Option<Import>> {
    Ok(reading_imports::table
        .filter(reading_imports::id.eq(id))
        .select(Import::as_select())
        .first(tx.conn)
        .optional()?)
}

/// Imports, newest first; all or a window's. Of their reports it says only whether they are there.
pub fn imports(
    tx: &mut Tx<'_>,
    window: Option<WindowId>,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<Import>> {
    let report = sql::<Nullable<Jsonb>>("CASE WHEN report IS NOT NULL THEN '{}'::jsonb END");
    let mut query = reading_imports::table
        .select((
            reading_imports::id,
            reading_imports::window_id,
            reading_imports::operation_id,
            reading_imports::file_name,
            reading_imports::sha256,
            reading_imports::bytes,
            reading_imports::form,
            reading_imports::document_key,
            reading_imports::repeats_id,
            report,
            reading_imports::created_by,
            reading_imports::created_at,
            reading_imports::undone_at,
            reading_imports::undone_by,
            reading_imports::undone_reason,
        ))
        .into_boxed();
    if let Some(window) = window {
        query = query.filter(reading_imports::window_id.eq(window));
    }
    if let Some(last) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(reading_imports::id.lt(ReadingImportId(last)));
    }
    let rows = query.order(reading_imports::id.desc()).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &Import| Cursor::new([row.id.0])))
}

/// The imports that took a file with this digest, oldest first.
pub fn imports_of_file(tx: &mut Tx<'_>, sha256: &[u8]) -> Result<Vec<Import>> {
    Ok(reading_imports::table
        .filter(reading_imports::sha256.eq(sha256).and(reading_imports::repeats_id.is_null()))
        .select(Import::as_select())
        .order(reading_imports::id)
        .load(tx.conn)?)
}

/// Keeps what came of an import.
pub fn set_report(tx: &mut Tx<'_>, id: ReadingImportId, report: &Value) -> Result<()> {
    diesel::update(reading_imports::table.filter(reading_imports::id.eq(id)))
        .set(reading_imports::report.eq(report))
        .execute(tx.conn)?;
    Ok(())
}

/// Keeps what came of a part of an import.
pub fn insert_part(tx: &mut Tx<'_>, id: ReadingImportId, first_line: i64, report: &Value) -> Result<()> {
    diesel::insert_into(parts::table)
        .values((parts::import_id.eq(id.0), parts::first_line.eq(first_line), parts::report.eq(report)))
        .execute(tx.conn)?;
    Ok(())
}

/// Takes away what came of so many parts of an import, for its report; none when there are no more.
pub fn take_parts(tx: &mut Tx<'_>, id: ReadingImportId, limit: i64) -> Result<Vec<Value>> {
    let next = parts::table.filter(parts::import_id.eq(id.0)).select(parts::first_line);
    let next: Vec<i64> = next.order(parts::first_line).limit(limit).load(tx.conn)?;
    let taken = parts::table.filter(parts::import_id.eq(id.0).and(parts::first_line.eq_any(next)));
    Ok(diesel::delete(taken).returning(parts::report).get_results(tx.conn)?)
}

/// What came of the parts of an import below a line, by their first lines.
pub fn parts(tx: &mut Tx<'_>, id: ReadingImportId, after: i64, limit: i64) -> Result<Vec<(i64, Value)>> {
    Ok(parts::table
        .filter(parts::import_id.eq(id.0).and(parts::first_line.gt(after)))
        .select((parts::first_line, parts::report))
        .order(parts::first_line)
        .limit(limit)
        .load(tx.conn)?)
}

/// Keeps rejected lines, by COPY.
pub fn insert_rejections(tx: &mut Tx<'_>, rows: &[Rejection]) -> Result<()> {
    if !rows.is_empty() {
        diesel::copy_from(rejections::table).from_insertable(rows).execute(tx.conn)?;
    }
    Ok(())
}

/// Rejected lines below a line and place, in the file's order: line, place and text.
pub fn rejected(
    tx: &mut Tx<'_>,
    id: ReadingImportId,
    (line, place): (i64, i32),
    limit: i64,
) -> Result<Vec<(i64, i32, String)>> {
    let is_later = rejections::line.gt(line).or(rejections::line.eq(line).and(rejections::place.gt(place)));
    Ok(rejections::table
        .filter(rejections::import_id.eq(id).and(rejections::line.ge(line)).and(is_later))
        .select((rejections::line, rejections::place, rejections::raw))
        .order((rejections::line, rejections::place))
        .limit(limit)
        .load(tx.conn)?)
}

/// A metered service that is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToRead {
    /// Whose.
    pub account: AccountId,
    /// Its number.
    pub number: AccountNumber,
    /// Its billing site.
    pub site: SiteId,
    /// Code of its customer class.
    pub class_code: String,
    /// Where.
    pub service_point: ServicePointId,
    /// First charged day.
    pub starts_on: Date,
    /// Last charged day.
    pub ends_on: Option<Date>,
}

/// Which services are to be read.
#[derive(Debug, Clone)]
pub struct ToReadFilter {
    /// Of this cycle's accounts.
    pub cycle: CycleId,
    /// Only of these sites.
    pub sites: Option<Vec<SiteId>>,
    /// In service at some time from this day …
    pub from: Date,
    /// … to this one.
    pub to: Date,
}

/// The metered services of the next accounts of a cycle; the last account that was looked at, when
/// there may be more.
pub fn to_read(
    tx: &mut Tx<'_>,
    filter: &ToReadFilter,
    after: AccountId,
    limit: i64,
) -> Result<(Vec<ToRead>, Option<AccountId>)> {
    let mut query = accounts::table
        .filter(accounts::cycle_id.eq(filter.cycle).and(accounts::account_id.gt(after)))
        .select((accounts::account_id, accounts::number, accounts::site_id, accounts::class_code))
        .into_boxed();
    if let Some(sites) = &filter.sites {
        query = query.filter(accounts::site_id.eq_any(sites.clone()));
    }
    let holders: Vec<(AccountId, AccountNumber, SiteId, String)> =
        query.order(accounts::account_id).limit(limit).load(tx.conn)?;
    let ids: Vec<AccountId> = holders.iter().map(|(id, ..)| *id).collect();
    let metered = contract_types::table
        .filter(contract_types::method.eq(SegmentMethod::Metered))
        .select(contract_types::id);
    let services: Vec<(AccountId, Option<ServicePointId>, Date, Option<Date>)> = contracts::table
        .filter(
            contracts::account_id
                .eq_any(&ids)
                .and(contracts::contract_type_id.eq_any(metered))
                .and(contracts::service_point_id.is_not_null())
                .and(contracts::starts_on.le(filter.to))
                .and(contracts::ends_on.is_null().or(contracts::ends_on.ge(filter.from)))
                .and(contracts::state.eq_any([
                    ContractState::Pending,
                    ContractState::Active,
                    ContractState::Stopped,
                ])),
        )
        .select((
            contracts::account_id,
            contracts::service_point_id,
            contracts::starts_on,
            contracts::ends_on,
        ))
        .order((contracts::account_id, contracts::id))
        .load(tx.conn)?;
    let found = services
        .into_iter()
        .filter_map(|(account, service_point, starts_on, ends_on)| {
            let at = holders.binary_search_by_key(&account, |(id, ..)| *id).ok()?;
            let (_, number, site, class_code) = holders.get(at)?;
            Some(ToRead {
                account,
                number: *number,
                site: *site,
                class_code: class_code.clone(),
                service_point: service_point?,
                starts_on,
                ends_on,
            })
        })
        .collect();
    let is_last = i64::try_from(ids.len()).is_ok_and(|found| found < limit);
    Ok((found, ids.last().copied().filter(|_| !is_last)))
}

/// The sites of service points.
pub fn sites_of(tx: &mut Tx<'_>, of: &[ServicePointId]) -> Result<Vec<(ServicePointId, SiteId)>> {
    Ok(service_points::table
        .inner_join(service_locations::table.on(service_locations::id.eq(service_points::location_id)))
        .filter(service_points::service_point_id.eq_any(of))
        .select((service_points::service_point_id, service_locations::site_id))
        .order(service_points::service_point_id)
        .load(tx.conn)?)
}

/// The service points at which meters with these numbers are or were installed.
pub fn points_of_serials(tx: &mut Tx<'_>, serials: &[String]) -> Result<Vec<(String, ServicePointId)>> {
    Ok(meters::table
        .inner_join(meter_installs::table.on(meter_installs::meter_id.eq(meters::id)))
        .filter(meters::serial.eq_any(serials))
        .select((meters::serial, meter_installs::service_point_id))
        .load(tx.conn)?)
}

/// Locks service points, ascending, before reads are written at them.
pub fn lock_points(tx: &mut Tx<'_>, of: &[ServicePointId]) -> Result<()> {
    let _: Vec<ServicePointId> = service_points::table
        .filter(service_points::service_point_id.eq_any(of))
        .select(service_points::service_point_id)
        .order(service_points::service_point_id)
        .for_no_key_update()
        .load(tx.conn)?;
    Ok(())
}
