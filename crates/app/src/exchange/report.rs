//! What came of an import, as it is kept and shown.

use super::each_to_read;
use crate::{Result, Utility};
use metering::ImportReport;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use store::Tx;
use store::exchange::Import;
use vocab::dates::plus_days;
use vocab::{ReadingImportId, ServicePointId, SiteId, WindowId};

/// Missing reads that are listed; the count is always whole.
const MISSING_MAX: usize = 1_000;
/// Parts of an import that are added up at a time.
const PARTS: i64 = 50;

/// A register that should have a read in the window and has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingRead {
    /// Its site.
    pub site_id: SiteId,
    /// The service point, by the utility's code.
    pub service_point: String,
    /// The meter's number.
    pub meter_serial: String,
    /// The register on it.
    pub register: String,
}

/// What came of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What the file is called.
    pub file_name: String,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// Its length.
    pub bytes: i64,
    /// Its format.
    pub format: String,
    /// The import that took this very file before; then nothing was changed.
    pub repeats_id: Option<ReadingImportId>,
    /// Whether the import was cancelled: then it tells of what was taken before, and of no missing reads.
    #[serde(default)]
    pub cancelled: bool,
    /// Whether the totals that the file states, where it does, equal those found.
    pub totals_agree: bool,
    /// Registers that should have a read in the window and have none.
    pub missing: u64,
    /// The first of them.
    pub missing_reads: Vec<MissingRead>,
    /// Counts and lists.
    #[serde(flatten)]
    pub counts: ImportReport,
}

/// Hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Draws up the report from the parts of an import.
pub(super) fn draw_up(
    tx: &mut Tx<'_>,
    import: &Import,
    format: &str,
    sites: Option<Vec<SiteId>>,
) -> Result<Report> {
    let mut counts = add_up(tx, import)?;
    let mut missing_reads = Vec::new();
    if let Some(window) = import.window_id {
        completeness(tx, window, sites, &mut counts, &mut missing_reads)?;
    }
    Ok(Report { missing_reads, ..of_counts(import, format, counts) })
}

/// Draws up the report of an import that was cancelled: what came of the parts that were worked on. One
/// that is still worked on adds itself when it is done ([`with_late_parts`]).
pub(super) fn draw_up_cancelled(tx: &mut Tx<'_>, import: &Import, format: &str) -> Result<Report> {
    let counts = add_up(tx, import)?;
    Ok(Report { cancelled: true, ..of_counts(import, format, counts) })
}

/// A report with the parts that were done after it was drawn up.
pub(super) fn with_late_parts(tx: &mut Tx<'_>, import: &Import, mut report: Report) -> Result<Report> {
    let mut after = i64::MIN;
    loop {
        let parts = store::exchange::parts(tx, import.id, after, PARTS)?;
        let Some((last, _)) = parts.last() else { break };
        after = *last;
        for (_, part) in parts {
            report.counts.merge(serde_json::from_value(part)?)?;
        }
    }
    if after > i64::MIN {
        report.totals_agree = report.counts.totals_agree();
    }
    Ok(report)
}

fn add_up(tx: &mut Tx<'_>, import: &Import) -> Result<ImportReport> {
    let mut counts = ImportReport::default();
    loop {
        let parts = store::exchange::take_parts(tx, import.id, PARTS)?;
        if parts.is_empty() {
            return Ok(counts);
        }
        for part in parts {
            counts.merge(serde_json::from_value(part)?)?;
        }
    }
}

fn of_counts(import: &Import, format: &str, counts: ImportReport) -> Report {
    Report {
        file_name: import.file_name.clone(),
        sha256: hex(&import.sha256),
        bytes: import.bytes,
        format: format.to_owned(),
        repeats_id: import.repeats_id,
        totals_agree: import.repeats_id.is_some() || counts.totals_agree(),
        missing: counts.missing(),
        missing_reads: Vec::new(),
        cancelled: false,
        counts,
    }
}

/// Which registers of the window's services have a read in its read window.
fn completeness(
    tx: &mut Tx<'_>,
    window: WindowId,
    sites: Option<Vec<SiteId>>,
    counts: &mut ImportReport,
    missing: &mut Vec<MissingRead>,
) -> Result<()> {
    let settings = Utility::load(tx)?.settings;
    let window = super::window(tx, window)?;
    let shifted = |days: i32| plus_days(window.ends_on, i64::from(days)).unwrap_or(window.ends_on);
    let (from, to) = (shifted(-settings.read_days_before), shifted(settings.read_days_after));
    each_to_read(tx, &window, sites, |tx, services| {
        let mut points: Vec<ServicePointId> = services.iter().map(|of| of.service_point).collect();
        points.sort_unstable();
        points.dedup();
        let read: HashSet<(ServicePointId, i64)> =
            store::reads::read_between(tx, &points, from, to)?.into_iter().collect();
        let places = store::places::service_points(tx, &points)?;
        let registers = store::registers::at(tx, &points)?;
        for service in services {
            let code = places
                .binary_search_by_key(&service.service_point, |place| place.service_point_id)
                .ok()
                .and_then(|at| places.get(at))
                .map_or("", |place| place.code.as_str());
            let installed = registers.iter().filter(|row| {
                row.service_point_id == service.service_point
                    && row.removed_on.is_none()
                    && row.installed_on <= window.ends_on
            });
            for register in installed {
                let has_read = read.contains(&(register.service_point_id, register.id));
                counts.expect(service.site, has_read);
                if !has_read && missing.len() < MISSING_MAX {
                    missing.push(MissingRead {
                        site_id: service.site,
                        service_point: code.to_owned(),
                        meter_serial: register.serial.clone(),
                        register: register.code.clone(),
                    });
                }
            }
        }
        Ok(())
    })
}

impl Report {
    /// The report as rows of a table: what, which, value.
    pub fn rows(&self) -> Vec<[String; 3]> {
        let counts = &self.counts;
        let mut rows: Vec<[String; 3]> = [
            ("file_name", self.file_name.clone()),
            ("sha256", self.sha256.clone()),
            ("bytes", self.bytes.to_string()),
            ("format", self.format.clone()),
            ("repeats_id", self.repeats_id.map(|id| id.to_string()).unwrap_or_default()),
            ("cancelled", self.cancelled.to_string()),
            ("rows_read", counts.rows_read.to_string()),
            ("accepted", counts.accepted.to_string()),
            ("warned", counts.warned.to_string()),
            ("held", counts.held.to_string()),
            ("proposed", counts.proposed.to_string()),
            ("rejected", counts.rejected.count.to_string()),
            ("unknown_meters", counts.unknown_meters.count.to_string()),
            ("duplicates", counts.duplicates.to_string()),
            ("unfilled", counts.unfilled.to_string()),
            ("superseded", counts.superseded.to_string()),
            ("intervals", counts.intervals.to_string()),
            ("values_found", counts.values_found.to_string()),
            ("rows_stated", counts.stated.rows.map(|rows| rows.to_string()).unwrap_or_default()),
            ("values_stated", counts.stated.values.map(|sum| sum.to_string()).unwrap_or_default()),
            ("totals_agree", self.totals_agree.to_string()),
            ("missing", self.missing.to_string()),
        ]
        .map(|(what, value)| [what.to_owned(), String::new(), value])
        .into();
        for (rule, count) in &counts.findings {
            rows.push(["finding".to_owned(), rule.clone(), count.to_string()]);
        }
        for (site, of) in &counts.sites {
            rows.push(["site_expected".to_owned(), site.to_string(), of.expected.to_string()]);
            rows.push(["site_found".to_owned(), site.to_string(), of.found.to_string()]);
        }
        for line in &counts.rejected.first {
            rows.push(["rejected_line".to_owned(), line.line.to_string(), line.reason.clone()]);
        }
        for fault in &counts.file_faults.first {
            rows.push(["file_fault".to_owned(), fault.line.to_string(), fault.reason.clone()]);
        }
        for line in &counts.unknown_meters.first {
            rows.push(["unknown_meter".to_owned(), line.line.to_string(), line.reason.clone()]);
        }
        for read in &self.missing_reads {
            let which = format!("{} {}", read.meter_serial, read.register);
            rows.push(["missing_read".to_owned(), read.service_point.clone(), which]);
        }
        rows
    }
}
