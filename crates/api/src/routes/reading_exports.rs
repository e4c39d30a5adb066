//! Exports of the meters to read.

use crate::body::{IdempotencyKeyHeader, Once};
use crate::extract::{At, Params};
use crate::files::streamed;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::{State, blocking};
use actix_web::http::header;
use actix_web::{HttpResponse, get, post, web};
use app::Answer;
use app::exchange::NewExport;
use serde::{Deserialize, Serialize};
use store::exchange::Export;
use time::OffsetDateTime;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{ReadingExportId, SiteId, WindowId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(export_meters_to_read)
        .service(list_reading_exports)
        .service(read_reading_export)
        .service(download_reading_export);
}

/// An export of the meters to read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReadingExport)]
pub(crate) struct ReadingExportJson {
    id: ReadingExportId,
    window_id: WindowId,
    /// Only these sites; empty: all.
    site_ids: Vec<SiteId>,
    /// Registers in the file.
    rows: i64,
    /// Name of what it is written as.
    format: String,
    /// Whether it has only the registers that are to be read again.
    only_rereads: bool,
    /// SHA-256 of the file, hexadecimal.
    sha256: String,
    file_name: String,
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    links: ReadingExportLinks,
}

/// Where to go on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ReadingExportLinks {
    /// The file.
    file: String,
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl From<Export> for ReadingExportJson {
    fn from(row: Export) -> Self {
        Self {
            id: row.id,
            window_id: row.window_id,
            site_ids: row.site_ids,
            rows: row.rows,
            format: row.format,
            only_rereads: row.only_rereads,
            sha256: hex(&row.sha256),
            file_name: row.file_name,
            created_by: row.created_by,
            created_at: row.created_at,
            links: ReadingExportLinks { file: format!("/v1/reading-exports/{}/file", row.id) },
        }
    }
}

/// Which meters to export.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "site_ids": [], "format": "badger" }))]
pub(crate) struct NewReadingExport {
    /// Only these sites; empty or absent: all that you see.
    #[serde(default)]
    site_ids: Vec<SiteId>,
    /// What the file is written as: `reading-export`, the CSV, when absent; or the name of a layout of fixed
    /// width, your own or one of `GET /v1/reading-formats/built-in`. A layout that cannot say all that is to
    /// be read is refused.
    format: Option<String>,
    /// Only registers with an open order to read them again.
    #[serde(default)]
    only_rereads: bool,
}

/// Export the meters to read
///
/// A file with one row for each register of every metered service that the window bills. The CSV has its
/// previous read and the values to be expected; a layout of fixed width has the fields that the layout
/// names, those of the reading itself left blank: the value, the day and time, the quality, the trouble
/// code. Where a layout has the day in a record above the readings, it is the window's last day. Filled in,
/// the file imports unchanged by the same format. The meters can be exported again at any time; each export
/// is kept.
#[utoipa::path(tag = "readings", params(("id" = WindowId, Path, description = "Cycle window"), IdempotencyKeyHeader),
    request_body = NewReadingExport, responses((status = 201, body = ReadingExportJson)),
    extensions(("x-permission" = json!("reads.export"))))]
#[post("/v1/cycle-windows/{id}/reading-exports")]
pub(crate) async fn export_meters_to_read(
    may: May<need::ReadsExport>,
    state: web::Data<State>,
    id: At<WindowId>,
    once: Once<NewReadingExport>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let NewReadingExport { site_ids, format, only_rereads } = once.body;
        let new = NewExport { site_ids, format, only_rereads };
        app.once(&caller, &once.key, |tx| {
            let row = app::exchange::export(tx, &app, &caller, id.0, new)?;
            Answer::created(&ReadingExportJson::from(row))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// A page of a list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReadingExportQuery {
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List a window's exports
///
/// Newest first.
#[utoipa::path(tag = "readings", params(("id" = WindowId, Path, description = "Cycle window"), ReadingExportQuery),
    responses((status = 200, body = Listed<ReadingExportJson>)),
    extensions(("x-permission" = json!("reads.export"))))]
#[get("/v1/cycle-windows/{id}/reading-exports")]
pub(crate) async fn list_reading_exports(
    may: May<need::ReadsExport>,
    state: web::Data<State>,
    id: At<WindowId>,
    query: Params<ReadingExportQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (limit, cursor) = window(query.0.limit, query.0.cursor.as_deref())?;
    let page = blocking(move || app.reading_exports(&caller, id.0, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, ReadingExportJson::from)))
}

/// Read an export
#[utoipa::path(tag = "readings", params(("id" = ReadingExportId, Path, description = "Export")),
    responses((status = 200, body = ReadingExportJson)), extensions(("x-permission" = json!("reads.export"))))]
#[get("/v1/reading-exports/{id}")]
pub(crate) async fn read_reading_export(
    may: May<need::ReadsExport>,
    state: web::Data<State>,
    id: At<ReadingExportId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let row = blocking(move || app.reading_export(&caller, id.0)).await?;
    Ok(HttpResponse::Ok().json(ReadingExportJson::from(row)))
}

/// Download an export's file
///
/// By its format. CSV: `account_number`, `service_point`, `meter_serial`, `register`, `address`, `unit`,
/// `previous_on`, `previous_value`, `expected_low`, `expected_high`, and the empty columns `read_on`,
/// `value` and `quality`.
#[utoipa::path(tag = "readings", params(("id" = ReadingExportId, Path, description = "Export")),
    responses((status = 200, content((String = "text/csv"), (String = "text/plain")))),
    extensions(("x-permission" = json!("reads.export"))))]
#[get("/v1/reading-exports/{id}/file")]
pub(crate) async fn download_reading_export(
    may: May<need::ReadsExport>,
    state: web::Data<State>,
    id: At<ReadingExportId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let of = blocking(move || app.reading_export_file(&caller, id.0)).await?;
    Ok(streamed(of.file, of.bytes, of.media_type, &of.name))
}

/// A CSV file to be saved.
pub(crate) fn csv_file(name: &str, file: Vec<u8>) -> HttpResponse {
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' })
        .collect();
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(file)
}
