//! What came of an import: its report, and the lines that were not taken.

use crate::extract::{At, prefers};
use crate::files::streamed;
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::reading_exports::csv_file;
use crate::{State, blocking};
use actix_web::{HttpRequest, HttpResponse, get, web};
use app::exchange::{MissingRead, Report, neutralised};
use serde::Serialize;
use std::collections::BTreeMap;
use time::Date;
use vocab::dates::civil;
use vocab::{Decimal, ReadingImportId, SiteId};

/// What came of an import. Every row read is either accepted, held, rejected, a duplicate or unfilled.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReadingImportReport)]
pub(crate) struct ReportJson {
    /// What the file is called.
    file_name: String,
    /// SHA-256 of the file, hexadecimal.
    sha256: String,
    /// Its length in bytes.
    bytes: i64,
    /// The word for its format.
    format: String,
    /// The import that took this very file before; then nothing was changed.
    repeats_id: Option<ReadingImportId>,
    /// Whether the import was cancelled: then it tells of what was taken before, and of no missing reads.
    cancelled: bool,
    /// Whether the totals that the file states, where it does, equal those found.
    totals_agree: bool,
    /// Registers that should have a read in the window and have none.
    missing: u64,
    /// The first 1000 of them.
    missing_reads: Vec<MissingReadJson>,
    /// Data rows, without header, blank and control lines.
    rows_read: u64,
    /// Rows taken, with or without warnings.
    accepted: u64,
    /// Of the accepted, those with warnings.
    warned: u64,
    /// Rows that wait for a person.
    held: u64,
    /// Of the held and accepted, those that propose to bill periods again.
    proposed: u64,
    /// Rows that were not taken, those of unknown meters included; `reason` is a word.
    rejected: LinesJson,
    /// Rows that say what is known already.
    duplicates: u64,
    /// Rows of an exported file without a read.
    unfilled: u64,
    /// Earlier reads that were replaced.
    superseded: u64,
    /// Of the rejected, rows whose meter is not known; `reason` is the number that the row names.
    unknown_meters: LinesJson,
    /// How often each rule of validation was broken, by its word (`high_usage`, `decreasing`, …), whether
    /// the row was taken, held or rejected.
    findings: BTreeMap<String, u64>,
    /// Values of interval data on the days that were taken.
    intervals: u64,
    /// The first of these days.
    #[serde(with = "civil::option")]
    first_day: Option<Date>,
    /// The last of them.
    #[serde(with = "civil::option")]
    last_day: Option<Date>,
    /// Why the file, or a part of it, could not be read on, `reason` being a sentence; what stands before
    /// was read.
    file_faults: LinesJson,
    /// Totals that the file states.
    stated: StatedTotalsJson,
    /// Sum of the values of all readable rows.
    values_found: Decimal,
    /// By site, how many registers should have a read in the window and how many have; empty without a
    /// window.
    sites: BTreeMap<SiteId, SiteCompletenessJson>,
}

/// A register that should have a read in the window and has none.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReadingImportMissingRead)]
pub(crate) struct MissingReadJson {
    /// Its site.
    site_id: SiteId,
    /// The service point, by the utility's code.
    service_point: String,
    /// The meter's number.
    meter_serial: String,
    /// The register on it.
    register: String,
}

/// Lines of the file: how many, and the first of them.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReadingImportLines)]
pub(crate) struct LinesJson {
    /// How many there are.
    count: u64,
    /// Those with the lowest line numbers, at most 1000.
    first: Vec<LineJson>,
}

/// A line of the file.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReadingImportLine)]
pub(crate) struct LineJson {
    /// Line in the file, from 1.
    line: u64,
    /// Why, up to 200 characters. Of a rejected line the word for it, and there may come to be more:
    ///
    /// - the row is not readable: `too_long`, `not_text`, `unknown_record`, `out_of_place`, `orphaned`,
    ///   `field_count`, `missing_field`, `bad_time`, `bad_number`, `bad_quality`, `quality_gaps`,
    ///   `bad_interval`, `unclosed_quote`, `missing_column`, `missing_identity`, `missing_date`, `bad_date`,
    ///   `missing_value`, `bad_value`, `value_out_of_range`, `bad_control_line`, `contradiction`;
    /// - it belongs to no register: `unknown_meter`, `unknown_register`, `ambiguous_register`,
    ///   `unit_mismatch`, `no_dials`;
    /// - it breaks a rule of validation: `future_date`, `already_billed`, `stale_date`, `not_installed`,
    ///   `serial_mismatch`, `trouble_code`, `conflicting`, `beyond_dials`, `decreasing`, `high_usage`,
    ///   `low_usage`, `zero_usage`, `inactive_use`, `gap_or_overlap`, `interval_spike`.
    ///
    /// Of an unknown meter its number; of a file that cannot be read on a sentence.
    #[schema(max_length = 200, example = "bad_value")]
    reason: String,
    /// The column at fault; absent when it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    column: Option<String>,
}

/// What the file itself says of its rows; `null` where it says nothing.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReadingImportStatedTotals)]
pub(crate) struct StatedTotalsJson {
    /// Data rows.
    rows: Option<u64>,
    /// Sum of the values.
    values: Option<Decimal>,
}

/// How complete a site is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReadingImportSite)]
pub(crate) struct SiteCompletenessJson {
    /// Registers that should have a read in the window.
    expected: u64,
    /// Of these, registers that have one that is valid or held.
    found: u64,
}

impl From<Report> for ReportJson {
    fn from(report: Report) -> Self {
        let counts = report.counts;
        // A list's type belongs to a crate that is not seen from here.
        macro_rules! lines {
            ($list:ident) => {
                LinesJson {
                    count: counts.$list.count,
                    first: counts
                        .$list
                        .first
                        .into_iter()
                        .map(|of| LineJson { line: of.line, reason: of.reason, column: of.column })
                        .collect(),
                }
            };
        }
        Self {
            file_name: report.file_name,
            sha256: report.sha256,
            bytes: report.bytes,
            format: report.format,
            repeats_id: report.repeats_id,
            cancelled: report.cancelled,
            totals_agree: report.totals_agree,
            missing: report.missing,
            missing_reads: report.missing_reads.into_iter().map(MissingReadJson::from).collect(),
            rows_read: counts.rows_read,
            accepted: counts.accepted,
            warned: counts.warned,
            held: counts.held,
            proposed: counts.proposed,
            rejected: lines!(rejected),
            duplicates: counts.duplicates,
            unfilled: counts.unfilled,
            superseded: counts.superseded,
            unknown_meters: lines!(unknown_meters),
            findings: counts.findings,
            intervals: counts.intervals,
            first_day: counts.first_day,
            last_day: counts.last_day,
            file_faults: lines!(file_faults),
            stated: StatedTotalsJson { rows: counts.stated.rows, values: counts.stated.values },
            values_found: counts.values_found,
            sites: counts
                .sites
                .into_iter()
                .map(|(site, of)| (site, SiteCompletenessJson { expected: of.expected, found: of.found }))
                .collect(),
        }
    }
}

impl From<MissingRead> for MissingReadJson {
    fn from(read: MissingRead) -> Self {
        Self {
            site_id: read.site_id,
            service_point: read.service_point,
            meter_serial: read.meter_serial,
            register: read.register,
        }
    }
}

/// Read an import's report
///
/// Rows read, accepted, warned, held, those of them that propose to bill periods again, rejected (with line
/// and reason), unknown meters, duplicates, unfilled, superseded; totals stated and found; per site how many
/// registers should have a read in the window and how many have, and those that have none. Of a cancelled
/// import it tells what was taken before (`cancelled`). JSON, or with `Accept: text/csv` a table
/// of `item`, `key` and `value`. `wrong_state` while the import is under way.
#[utoipa::path(tag = "readings", params(("id" = ReadingImportId, Path, description = "Import")),
    responses((status = 200, content((ReportJson = "application/json"), (String = "text/csv")))),
    extensions(("x-permission" = json!("reads.import"))))]
#[get("/v1/reading-imports/{id}/report")]
pub(crate) async fn read_reading_import_report(
    may: May<need::ReadsImport>,
    state: web::Data<State>,
    id: At<ReadingImportId>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let report = blocking(move || app.reading_import_report(&caller, id.0)).await?;
    if prefers(&request, "text/csv") {
        return Ok(csv_file(&format!("report-{}.csv", id.0), table(&report)));
    }
    Ok(HttpResponse::Ok().json(ReportJson::from(report)))
}

/// The report as CSV. Text that a spreadsheet would run as a formula gets an apostrophe.
fn table(report: &Report) -> Vec<u8> {
    let mut text = "item,key,value\r\n".to_owned();
    for row in report.rows() {
        let cells = row.map(|cell| {
            // A number may be negative.
            if cell.parse::<Decimal>().is_ok() {
                return cell;
            }
            let cell = neutralised(&cell);
            if cell.contains([',', '"']) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell.into_owned()
            }
        });
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text.into_bytes()
}

/// Download an import's rejected lines
///
/// The lines that were not taken, as they came, under the file's header: mend them and import the
/// file.
#[utoipa::path(tag = "readings", params(("id" = ReadingImportId, Path, description = "Import")),
    responses((status = 200, content_type = "text/csv", body = String)),
    extensions(("x-permission" = json!("reads.import"))))]
#[get("/v1/reading-imports/{id}/rejected-lines")]
pub(crate) async fn download_rejected_lines(
    may: May<need::ReadsImport>,
    state: web::Data<State>,
    id: At<ReadingImportId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let file = blocking(move || app.rejected_lines(&caller, id.0)).await?;
    Ok(streamed(file.file, file.bytes, "text/csv; charset=utf-8", &format!("rejected-{}.csv", id.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;
    use utoipa::PartialSchema as _;

    fn report() -> Value {
        let nobody = json!({"count": 0, "first": []});
        json!({
            "file_name": "route-7.csv", "sha256": "00ff", "bytes": 120, "format": "csv",
            "repeats_id": ReadingImportId(7), "cancelled": true, "totals_agree": false,
            "missing": 1,
            "missing_reads": [
                {"site_id": SiteId(3), "service_point": "PE-1", "meter_serial": "M-1", "register": "1"}
            ],
            "rows_read": 9, "accepted": 3, "warned": 1, "held": 2, "proposed": 1,
            "rejected": {"count": 2, "first": [
                {"line": 4, "reason": "bad_value", "column": "Reading"},
                {"line": 5, "reason": "unknown_meter"},
            ]},
            "duplicates": 1, "unfilled": 1, "superseded": 1,
            "unknown_meters": {"count": 1, "first": [{"line": 5, "reason": "X-9"}]},
            "findings": {"high_usage": 1},
            "intervals": 24, "first_day": "2026-02-10", "last_day": "2026-02-11",
            "file_faults": nobody,
            "stated": {"rows": 9, "values": "53.50"}, "values_found": "-1.250",
            "sites": {SiteId(3).to_string(): {"expected": 2, "found": 1}},
        })
    }

    /// The form that is published is the report as it is kept, word for word.
    #[test]
    fn the_form_is_that_of_the_report() {
        let mut bare = report();
        for at in ["/repeats_id", "/first_day", "/last_day", "/stated/rows", "/stated/values"] {
            *bare.pointer_mut(at).unwrap() = Value::Null;
        }
        for sent in [report(), bare] {
            let kept: Report = serde_json::from_value(sent.clone()).unwrap();
            assert_eq!(serde_json::to_value(&kept).unwrap(), sent);
            let text = serde_json::to_string(&kept).unwrap();
            assert_eq!(serde_json::to_string(&ReportJson::from(kept)).unwrap(), text);
        }
        let schema = serde_json::to_value(ReportJson::schema()).unwrap();
        let words = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
        assert_eq!(words(&schema["properties"]), words(&report()));
    }
}
