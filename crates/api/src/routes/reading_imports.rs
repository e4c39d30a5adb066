//! Imports of files of reads.

mod report;

use crate::body::{self, IdempotencyKeyHeader, Once};
use crate::extract::{At, Params};
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::routes::operations::OperationJson;
use crate::routes::reading_exports::hex;
use crate::{State, blocking};
use actix_web::http::header;
use actix_web::rt::time::timeout;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use app::exchange::{Asked, FileForm, NewImport, Preview, PreviewRow, Target, UPLOAD_BYTES_MAX, Upload};
use app::{Answer, IdempotencyKey};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;
use store::exchange::Import;
use time::{Date, OffsetDateTime};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{Code, Decimal, OperationId, Problem, ReadQuality, ReadingImportId, RegisterId, WindowId};

/// Bytes that are written to the disk at a time.
const SPOOL_BYTES: usize = 1024 * 1024;

/// Bytes of a file's beginning that a preview looks at.
const PREVIEW_BYTES: u64 = 1024 * 1024;
/// What a file of readings may come as.
const MEDIA_TYPES: [&str; 6] = [
    "text/csv",
    "text/plain",
    "application/xml",
    "text/xml",
    "application/atom+xml",
    "application/octet-stream",
];

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(preview_readings)
        .service(import_readings)
        .service(undo_reading_import)
        .service(list_reading_imports)
        .service(read_reading_import)
        .service(report::read_reading_import_report)
        .service(report::download_rejected_lines);
}

/// An import of a file of reads.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReadingImport)]
pub(crate) struct ReadingImportJson {
    id: ReadingImportId,
    /// The window whose completeness is reported.
    window_id: Option<WindowId>,
    /// The work, with its progress.
    operation_id: OperationId,
    file_name: String,
    /// SHA-256 of the file, hexadecimal.
    sha256: String,
    bytes: i64,
    /// How the file is read, in full.
    #[schema(value_type = FileForm)]
    form: serde_json::Value,
    /// The import that took this very file before; then this one changes nothing.
    repeats_id: Option<ReadingImportId>,
    /// Whether the report is there.
    finished: bool,
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When it was undone.
    #[serde(with = "time::serde::rfc3339::option")]
    undone_at: Option<OffsetDateTime>,
    undone_by: Option<String>,
    undone_reason: Option<String>,
    links: ReadingImportLinks,
}

/// Where to go on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ReadingImportLinks {
    /// Progress.
    operation: String,
    /// What came of it.
    report: String,
    /// A file of just the rejected lines.
    rejected_lines: String,
}

impl From<Import> for ReadingImportJson {
    fn from(row: Import) -> Self {
        Self {
            id: row.id,
            window_id: row.window_id,
            operation_id: row.operation_id,
            file_name: row.file_name,
            sha256: hex(&row.sha256),
            bytes: row.bytes,
            form: row.form,
            repeats_id: row.repeats_id,
            finished: row.report.is_some(),
            created_by: row.created_by,
            created_at: row.created_at,
            undone_at: row.undone_at,
            undone_by: row.undone_by,
            undone_reason: row.undone_reason,
            links: ReadingImportLinks {
                operation: format!("/v1/operations/{}", row.operation_id),
                report: format!("/v1/reading-imports/{}/report", row.id),
                rejected_lines: format!("/v1/reading-imports/{}/rejected-lines", row.id),
            },
        }
    }
}

/// An import that has begun.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ReadingImportBegun {
    reading_import: ReadingImportJson,
    operation: OperationJson,
}

/// How a file is to be imported.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NewImportQuery {
    /// The window whose completeness is to be reported.
    window_id: Option<WindowId>,
    /// What the file is called.
    #[param(max_length = 200, example = "route-7.csv")]
    file_name: Option<String>,
    /// The name of one of the utility's formats or of one that comes with the program (`nem`,
    /// `green_button`, `cmep`, `beacon`, `itron`, `d0010`, …). Told from the file itself when neither this nor
    /// `form` is there: by its beginning, or by the header's columns where one stored mapping alone fits.
    #[param(example = "nem")]
    format: Option<String>,
    /// How the file is read, in full: the JSON that a stored format has as `form`.
    #[param(
        example = "{\"format\":\"csv\",\"columns\":{\"meter_serial\":\"Meter\",\"read_on\":\"Date\",\"value\":\"Reading\"}}"
    )]
    form: Option<String>,
    /// The code of the service point that all of the file belongs to: for files that name places and meters
    /// in another system's words, like a customer's Green Button export.
    #[param(example = "PE-0000001")]
    service_point: Option<String>,
    /// The register that all of the file belongs to.
    register: Option<String>,
}

/// How a file is to be previewed.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PreviewQuery {
    /// As for an import.
    #[param(example = "nem")]
    format: Option<String>,
    /// As for an import.
    form: Option<String>,
    /// As for an import.
    service_point: Option<String>,
    /// As for an import.
    register: Option<String>,
}

/// How the sender says that a file is to be read.
fn asked(format: Option<String>, form: Option<&str>) -> Result<Asked, Problem> {
    match (format, form) {
        (Some(_), Some(_)) => {
            let detail = "`format` or `form`, not both";
            Err(Problem::new(Code::MalformedParameter, detail).with("name", "form"))
        }
        (Some(name), None) => Ok(Asked::Named(name)),
        (None, Some(form)) => serde_json::from_str(form).map(Asked::Form).map_err(|error| {
            Problem::new(Code::MalformedParameter, format!("form: {error}")).with("name", "form")
        }),
        (None, None) => Ok(Asked::Nothing),
    }
}

/// How a file would be read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ReadingPreview {
    /// The word for the format.
    format: String,
    /// The name of the stored format, or of the one that comes with the program, that fits the file.
    name: Option<String>,
    /// How the file is read in full: send it as `form`, or store it under a name.
    #[schema(value_type = FileForm)]
    form: serde_json::Value,
    /// Whether the mapping of columns is a guess by the header's names; look at it before it is used.
    is_guess: bool,
    /// The header's columns, of CSV.
    columns: Vec<String>,
    /// The first rows.
    rows: Vec<ReadingPreviewRow>,
}

/// A row as it would be read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ReadingPreviewRow {
    /// Line in the file, from 1.
    line: u64,
    /// `read`, `intervals`, `unfilled`, `totals` or `rejected`.
    kind: String,
    /// As the file writes it.
    service_point: Option<String>,
    /// As the file writes it.
    meter_serial: Option<String>,
    /// As the file writes it.
    register: Option<String>,
    /// As the file writes it.
    unit: Option<String>,
    /// The day that the value closes, or of which the interval data are.
    #[serde(with = "civil::option")]
    on: Option<Date>,
    /// The value; of interval data their sum.
    value: Option<Decimal>,
    quality: Option<ReadQuality>,
    /// Minutes of an interval.
    minutes: Option<u16>,
    /// How many intervals.
    intervals: Option<usize>,
    /// The register that the row would go to.
    register_id: Option<RegisterId>,
    /// Why it would go to none, as a word.
    code: Option<String>,
    /// The same as a sentence.
    detail: Option<String>,
}

impl ReadingPreview {
    fn of(preview: Preview) -> Result<Self, app::Error> {
        Ok(Self {
            format: preview.format,
            name: preview.name,
            form: serde_json::to_value(&preview.form)?,
            is_guess: preview.is_guess,
            columns: preview.columns,
            rows: preview.rows.into_iter().map(ReadingPreviewRow::from).collect(),
        })
    }
}

impl From<PreviewRow> for ReadingPreviewRow {
    fn from(row: PreviewRow) -> Self {
        Self {
            line: row.line,
            kind: row.kind,
            service_point: row.service_point,
            meter_serial: row.meter_serial,
            register: row.register,
            unit: row.unit,
            on: row.on,
            value: row.value,
            quality: row.quality,
            minutes: row.minutes,
            intervals: row.intervals,
            register_id: row.register_id,
            code: row.code,
            detail: row.detail,
        }
    }
}

/// Preview a file of readings
///
/// The first rows as they would be read, each with the register that it would go to or the reason why it
/// would not be taken. Nothing is filed. Send the file's beginning, up to 1 MiB; the end of it may be cut
/// anywhere. Of a CSV whose format is not known the answer guesses a mapping by the header's names
/// (`is_guess`): look at the rows, mend `form` where it is wrong, and import by it or store it.
#[utoipa::path(tag = "readings", params(PreviewQuery),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = ReadingPreview)),
    extensions(("x-permission" = json!("reads.import"))))]
#[post("/v1/reading-imports/preview")]
pub(crate) async fn preview_readings(
    may: May<need::ReadsImport>,
    state: web::Data<State>,
    query: Params<PreviewQuery>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    check_type(&request)?;
    let asked = asked(query.0.format, query.0.form.as_deref())?;
    let target = Target { service_point: query.0.service_point, register: query.0.register };
    let mut upload = spool(payload, body::patience(&request), PREVIEW_BYTES).await?;
    let heavy = state.heavy()?;
    let preview = blocking(move || {
        let _heavy = heavy;
        let beginning = upload.beginning(PREVIEW_BYTES)?;
        app.preview_import(&caller, &beginning, &asked, &target)
    })
    .await?;
    Ok(HttpResponse::Ok().json(ReadingPreview::of(preview)?))
}

/// Import a file of readings
///
/// The file comes as the body (CSV, fixed width, XML, or whatever the format is; up to 8 GiB) and is read
/// by workers, part by part: follow the operation, then read the report. Each row is taken, held for a
/// person, or rejected by itself; interval data count by the day. A later read of a day supersedes the
/// earlier one unless it has been billed. The same file a second time changes nothing: `repeats_id` names
/// the first import.
#[utoipa::path(tag = "readings", params(NewImportQuery, IdempotencyKeyHeader),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 202, body = ReadingImportBegun)), extensions(("x-permission" = json!("reads.import"))))]
#[post("/v1/reading-imports")]
pub(crate) async fn import_readings(
    may: May<need::ReadsImport>,
    state: web::Data<State>,
    query: Params<NewImportQuery>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let key = body::key_of(&request)?;
    check_type(&request)?;
    let asked = asked(query.0.format, query.0.form.as_deref())?;
    let new = NewImport {
        window: query.0.window_id,
        file_name: query.0.file_name.unwrap_or_else(|| "readings".to_owned()),
        target: Target { service_point: query.0.service_point, register: query.0.register },
    };
    let upload = spool(payload, body::patience(&request), UPLOAD_BYTES_MAX).await?;
    let route = format!("{} {}", request.method(), request.path());
    // How the file is read is part of what is asked.
    let body_hash = Sha256::new_with_prefix(upload.sha256()).chain_update(request.query_string()).finalize();
    let key = IdempotencyKey { route, key, body_hash: body_hash.into() };
    let heavy = state.heavy()?;
    let answer = blocking(move || {
        let _heavy = heavy;
        let prepared = app.prepare_import(upload, &asked)?;
        app.once_filing(&caller, &key, |tx| {
            let (import, operation) = app::exchange::start(tx, &caller, prepared, new)?;
            let operation = app::operations::view(tx, operation.id)?;
            Answer::accepted(&ReadingImportBegun {
                reading_import: import.into(),
                operation: operation.into(),
            })
        })
    })
    .await?;
    Ok(respond(answer))
}

fn check_type(request: &HttpRequest) -> Result<(), ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    if kind.is_some_and(|kind| MEDIA_TYPES.contains(&kind.as_str())) {
        return Ok(());
    }
    let detail = format!("send one of {}", MEDIA_TYPES.join(", "));
    Err(Problem::new(Code::UnsupportedMediaType, detail).into())
}

/// Writes the body to the disk as it comes in.
async fn spool(mut payload: web::Payload, patience: Duration, most: u64) -> Result<Upload, ApiError> {
    let mut upload = blocking(Upload::new).await?;
    let mut part = Vec::with_capacity(SPOOL_BYTES);
    let mut bytes: u64 = 0;
    while let Some(piece) = timeout(patience, payload.next()).await.map_err(|_| body::too_slow())? {
        let piece = piece.map_err(|_| Problem::new(Code::MalformedBody, "the body ended early"))?;
        bytes += piece.len() as u64;
        if bytes > most {
            let detail = format!("at most {most} bytes");
            return Err(Problem::new(Code::BodyTooLarge, detail).with("limit_bytes", most).into());
        }
        part.extend_from_slice(&piece);
        if part.len() >= SPOOL_BYTES {
            upload = write(upload, std::mem::take(&mut part)).await?;
        }
    }
    write(upload, part).await
}

async fn write(mut upload: Upload, part: Vec<u8>) -> Result<Upload, ApiError> {
    blocking(move || {
        upload.write(&part)?;
        Ok(upload)
    })
    .await
}

/// Which imports to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReadingImportQuery {
    /// Only this window's.
    window_id: Option<WindowId>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List imports of reads
///
/// Newest first.
#[utoipa::path(tag = "readings", params(ReadingImportQuery),
    responses((status = 200, body = Listed<ReadingImportJson>)),
    extensions(("x-permission" = json!("reads.import"))))]
#[get("/v1/reading-imports")]
pub(crate) async fn list_reading_imports(
    may: May<need::ReadsImport>,
    state: web::Data<State>,
    query: Params<ReadingImportQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (limit, cursor) = window(query.0.limit, query.0.cursor.as_deref())?;
    let page =
        blocking(move || app.reading_imports(&caller, query.0.window_id, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, ReadingImportJson::from)))
}

/// Read an import
#[utoipa::path(tag = "readings", params(("id" = ReadingImportId, Path, description = "Import")),
    responses((status = 200, body = ReadingImportJson)), extensions(("x-permission" = json!("reads.import"))))]
#[get("/v1/reading-imports/{id}")]
pub(crate) async fn read_reading_import(
    may: May<need::ReadsImport>,
    state: web::Data<State>,
    id: At<ReadingImportId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let row = blocking(move || app.reading_import(&caller, id.0)).await?;
    Ok(HttpResponse::Ok().json(ReadingImportJson::from(row)))
}

/// Why an import is undone.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UndoImport {
    #[schema(min_length = 1, max_length = 200, example = "the file was last month's")]
    reason: String,
}

/// Undo an import
///
/// As long as nothing billed rests on it: all of it in one transaction, or nothing. Its reads are rejected,
/// its interval data move to the past, and what they replaced is valid again; gaps that were filled on its
/// days go with them, and orders to read again that its reads did are open again. `read_billed` names the
/// first service point that has been billed through one of its days; an import whose interval data a later
/// one has built on waits until that one is undone. Whoever is narrowed to sites undoes only what is at these
/// alone. A short look refuses at once; the operation looks at all of it, and its result says whether the
/// import was `undone`, or else why it was `refused`.
#[utoipa::path(tag = "readings", request_body = UndoImport,
    params(("id" = ReadingImportId, Path, description = "Import"), IdempotencyKeyHeader),
    responses((status = 202, body = OperationJson)), extensions(("x-permission" = json!("reads.import"))))]
#[post("/v1/reading-imports/{id}/undo")]
pub(crate) async fn undo_reading_import(
    may: May<need::ReadsImport>,
    state: web::Data<State>,
    id: At<ReadingImportId>,
    once: Once<UndoImport>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once_filing(&caller, &once.key, |tx| {
            let operation = app::exchange::undo(tx, &caller, id.0, once.body.reason)?;
            Answer::accepted(&OperationJson::from(app::operations::view(tx, operation.id)?))
        })
    })
    .await?;
    Ok(respond(answer))
}
