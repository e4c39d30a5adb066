//! How files of readings are read: the utility's own formats, and those that come with the program.

use crate::body::{Body, IdempotencyKeyHeader, Once, pointer};
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::{At, Params};
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::{State, blocking};
use actix_web::{HttpResponse, delete, get, post, put, web};
use app::Answer;
use app::exchange::formats::{self, NewFormat};
use app::exchange::{ColumnMap, FileForm, Layout};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::reading_formats::StoredFormat;
use time::OffsetDateTime;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{Code, Problem, ReadingFormatId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(add_reading_format)
        .service(list_reading_formats)
        .service(list_built_in_reading_formats)
        .service(read_reading_format)
        .service(change_reading_format)
        .service(remove_reading_format);
}

/// How files are read, under a name.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReadingFormat)]
pub(crate) struct ReadingFormatJson {
    id: ReadingFormatId,
    /// What imports call it by: `?format=<name>`.
    name: String,
    /// The format with all that its files do not say themselves.
    #[schema(value_type = FileForm)]
    form: Value,
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<StoredFormat> for ReadingFormatJson {
    fn from(row: StoredFormat) -> Self {
        Self {
            id: row.id,
            name: row.name,
            form: row.form,
            created_by: row.created_by,
            created_at: row.created_at,
        }
    }
}

/// A format that comes with the program.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BuiltInReadingFormat {
    /// What imports call it by.
    name: String,
    /// The format with all that its files do not say themselves: a beginning for one of your own.
    #[schema(value_type = FileForm)]
    form: Value,
}

/// The formats that come with the program.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BuiltInReadingFormats {
    items: Vec<BuiltInReadingFormat>,
}

/// A format to be stored.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewReadingFormat, example = json!({
    "name": "handhelds", "form": {
        "format": "csv",
        "columns": { "meter_serial": "Meter", "read_on": "Date", "value": "Reading", "quality": "Code" },
        "date_format": "month_day_year", "qualities": [["A", "actual"], ["E", "estimated"]]
    }
}))]
pub(crate) struct NewReadingFormat {
    /// What imports call it by: letters, digits, `.`, `_`, `-`.
    #[schema(min_length = 1, max_length = 40)]
    name: String,
    /// `format` is `csv`, `fixed_width`, `nem`, `green_button`, `cmep`, `beacon`, `itron` or `d0010`; what
    /// else stands beside it depends on it. Of `csv`: `columns` (the file's header names of
    /// `service_point`, `meter_serial`, `register`, `read_on`, `value`, `quality`), `delimiter` (`comma`,
    /// `semicolon`, `tab`, `pipe`), `decimal_mark` (`point`, `comma`), `date_format` (`year_month_day`,
    /// `month_day_year`, `day_month_year`, `compact`), `read_time`, `qualities` (pairs of a word and a
    /// quality), `default_quality` and `control` (`marker` of a totals line). Of `fixed_width`: a layout,
    /// as `GET /v1/reading-formats/built-in` shows them.
    #[schema(value_type = FileForm)]
    form: Value,
}

impl NewReadingFormat {
    fn parse(self) -> Result<NewFormat, Problem> {
        Ok(NewFormat { name: self.name, form: form(self.form)? })
    }
}

/// A form with pointers to what is wrong in it. Behind the word for the format nobody knows any more where
/// an error is, so the word is read first.
fn form(mut value: Value) -> Result<FileForm, Problem> {
    let name = value.get("format").and_then(Value::as_str).map(str::to_owned);
    match (name.as_deref(), value.as_object_mut()) {
        (Some("csv"), Some(fields)) => {
            fields.remove("format");
            parsed::<ColumnMap>(value).map(FileForm::Csv)
        }
        (Some("fixed_width"), Some(fields)) => {
            fields.remove("format");
            parsed::<Layout>(value).map(FileForm::FixedWidth)
        }
        _ => parsed(value),
    }
}

fn parsed<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let at = format!("/form{}", pointer(error.path()));
        Problem::field(at, Code::FieldFormat, error.into_inner().to_string())
    })
}

/// Store a format of files
///
/// A mapping of columns or a layout under a name, for imports to be called by it. To begin with, preview a
/// file: its answer has a `form`.
#[utoipa::path(tag = "readings", request_body = NewReadingFormat, params(IdempotencyKeyHeader),
    responses((status = 201, body = ReadingFormatJson)), extensions(("x-permission" = json!("reads.import"))))]
#[post("/v1/reading-formats")]
pub(crate) async fn add_reading_format(
    may: May<need::ReadsImport>,
    state: web::Data<State>,
    once: Once<NewReadingFormat>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let row = formats::add(tx, &caller, once.body.parse()?)?;
            Answer::created(&ReadingFormatJson::from(row))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Which formats to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReadingFormatQuery {
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List the formats of files
///
/// The utility's own, by name.
#[utoipa::path(tag = "readings", params(ReadingFormatQuery),
    responses((status = 200, body = Listed<ReadingFormatJson>)),
    extensions(("x-permission" = json!("reads.import"))))]
#[get("/v1/reading-formats")]
pub(crate) async fn list_reading_formats(
    _may: May<need::ReadsImport>,
    state: web::Data<State>,
    query: Params<ReadingFormatQuery>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let (limit, cursor) = window(query.0.limit, query.0.cursor.as_deref())?;
    let page = blocking(move || app.reading_formats(cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, ReadingFormatJson::from)))
}

/// List the formats that come with the program
///
/// NEM12 and NEM13, Green Button, CMEP, Beacon, Itron, D0010, the house's own export, and layouts of fixed
/// width. A layout says whether it was checked against a vendor's sample.
#[utoipa::path(tag = "readings", responses((status = 200, body = BuiltInReadingFormats)),
    extensions(("x-permission" = json!("reads.import"))))]
#[get("/v1/reading-formats/built-in")]
pub(crate) async fn list_built_in_reading_formats(
    _may: May<need::ReadsImport>,
) -> Result<HttpResponse, ApiError> {
    let items = formats::built_in()
        .into_iter()
        .map(|(name, form)| Ok(BuiltInReadingFormat { name, form: serde_json::to_value(form)? }))
        .collect::<Result<_, app::Error>>()?;
    Ok(HttpResponse::Ok().json(BuiltInReadingFormats { items }))
}

/// Read a format of files
#[utoipa::path(tag = "readings", params(("id" = ReadingFormatId, Path, description = "Format")),
    responses((status = 200, body = ReadingFormatJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("reads.import"))))]
#[get("/v1/reading-formats/{id}")]
pub(crate) async fn read_reading_format(
    _may: May<need::ReadsImport>,
    state: web::Data<State>,
    id: At<ReadingFormatId>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let row = blocking(move || app.reading_format(id.0)).await?;
    Ok(tagged(row.version, &ReadingFormatJson::from(row)))
}

/// Change a format of files
///
/// Imports keep the form that they were read by.
#[utoipa::path(tag = "readings", request_body = NewReadingFormat,
    params(("id" = ReadingFormatId, Path, description = "Format"), IfMatchHeader),
    responses((status = 200, body = ReadingFormatJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("reads.import"))))]
#[put("/v1/reading-formats/{id}")]
pub(crate) async fn change_reading_format(
    may: May<need::ReadsImport>,
    state: web::Data<State>,
    id: At<ReadingFormatId>,
    version: IfMatch,
    body: Body<NewReadingFormat>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let row = blocking(move || app.change_reading_format(&caller, id.0, version.0, body.0.parse()?)).await?;
    Ok(tagged(row.version, &ReadingFormatJson::from(row)))
}

/// Remove a format of files
#[utoipa::path(tag = "readings", params(("id" = ReadingFormatId, Path, description = "Format")),
    responses((status = 204, description = "It is gone.")),
    extensions(("x-permission" = json!("reads.import"))))]
#[delete("/v1/reading-formats/{id}")]
pub(crate) async fn remove_reading_format(
    may: May<need::ReadsImport>,
    state: web::Data<State>,
    id: At<ReadingFormatId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    blocking(move || app.remove_reading_format(&caller, id.0)).await?;
    Ok(HttpResponse::NoContent().finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn forms_are_refused_where_they_are_wrong() {
        let at = |value: Value| form(value).unwrap_err().errors[0].pointer.clone();
        let field = json!({ "start": 1, "length": "8", "meaning": "serial" });
        let record = json!({ "prefix": "", "role": "reading", "length": 8, "fields": [field] });
        let layout = json!({ "format": "fixed_width", "name": "own", "verified": false, "note": "",
            "default_quality": "actual", "records": [record] });
        assert_eq!(at(layout), "/form/records/0/fields/0/length");
        let map = json!({ "format": "csv", "columns": { "read_on": "Date", "value": 7 } });
        assert_eq!(at(map), "/form/columns/value");
        assert_eq!(at(json!({ "format": "xls" })), "/form/format");
        assert_eq!(at(json!("nem")), "/form");
        assert_eq!(form(json!({ "format": "nem" })).unwrap(), FileForm::Nem);
        let map =
            json!({ "format": "csv", "columns": { "meter_serial": "M", "read_on": "D", "value": "V" } });
        assert_eq!(form(map.clone()).unwrap(), serde_json::from_value(map).unwrap());
    }
}
