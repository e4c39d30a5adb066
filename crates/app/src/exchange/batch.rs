//! Rows of a chunk that are looked up and judged together, and what came of the chunk so far.

use super::judge::Books;
use super::profile;
use super::register::{Codes, Directory, Unknown};
use super::rows::{DayRow, ReadRow, Refused, by_day};
use super::target::{Meant, Target};
use super::work::Params;
use crate::read_rules::Rules;
use crate::{Error, Result, Utility};
use connectors::documents::DocumentError;
use meterdata::parts::Records;
use meterdata::{Accumulated, Channel, FileFault, FileForm, Intervals, Item, Reading};
use metering::ImportReport;
use metering::report::LineDetail;
use std::collections::HashMap;
use std::sync::Arc;
use store::Tx;
use store::exchange::Rejection;
use store::reads::Service;
use time::{Date, OffsetDateTime};
use vocab::{Code, Decimal, Problem, ReadingImportId, ServicePointId, SiteId, Zone};

/// Rows that are judged together at most.
const ROWS_MAX: usize = 20_000;
/// Values of interval data that are judged together at most.
const VALUES_MAX: usize = 400_000;
/// Rejected records, and bytes of their text, that are kept before they are written.
const REJECTIONS_MAX: usize = 5_000;
const REJECTED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a chunk has made of its rows.
pub(super) struct Work<'a> {
    pub import: ReadingImportId,
    /// Only rows of these sites are taken.
    pub sites: Option<&'a [SiteId]>,
    target: &'a Target,
    meant: Meant,
    pub zone: Zone,
    pub rules: Rules,
    pub now: OffsetDateTime,
    pub today_on: Date,
    pub report: ImportReport,
    /// Where the text of rejected records is found.
    source: Source<'a>,
    /// Those that are not written yet, and the bytes of their text.
    rejections: Vec<Rejection>,
    rejected_bytes: usize,
    /// How many there have been.
    rejected: i32,
    /// The text of the last one.
    last_rejected: String,
    reads: Vec<ReadRow>,
    days: Vec<DayRow>,
    values: usize,
}

/// The text that a chunk is read from.
pub(super) struct Source<'a> {
    pub form: &'a FileForm,
    /// None of a file that is read as a whole.
    pub text: Option<&'a [u8]>,
    /// The number of its first line, and lines that the text has above that.
    pub first_line: u64,
    pub lines_above: u64,
    /// Its lines, once a record is rejected.
    pub records: Option<Records<'a>>,
}

impl<'a> Source<'a> {
    pub const fn new(form: &'a FileForm, text: Option<&'a [u8]>, first_line: u64) -> Self {
        Self { form, text, first_line, lines_above: 0, records: None }
    }

    /// A rejected record with the lines it hangs on.
    fn record(&mut self, line: u64) -> String {
        let (Some(text), Some(at)) = (self.text, (line + 1).checked_sub(self.first_line)) else {
            return String::new();
        };
        let records = self.records.get_or_insert_with(|| Records::new(self.form, text));
        String::from_utf8_lossy(&records.at(at + self.lines_above)).replace('\0', "\u{fffd}")
    }
}

/// What is known of the service points of a batch, read after they were locked.
pub(super) struct Known {
    pub directory: Directory,
    services: HashMap<ServicePointId, Vec<Service>>,
}

impl Known {
    pub fn services(&self, point: ServicePointId) -> &[Service] {
        self.services.get(&point).map_or(&[], Vec::as_slice)
    }
}

impl<'a> Work<'a> {
    pub fn new(tx: &Tx<'_>, utility: &Utility, params: &'a Params, source: Source<'a>) -> Result<Self> {
        let now = tx.as_of();
        Ok(Self {
            import: params.import,
            sites: params.sites.as_deref(),
            target: &params.target,
            meant: params.meant.clone(),
            zone: utility.zone.clone(),
            rules: Rules::of(utility)?,
            now,
            today_on: utility.day(now),
            report: ImportReport::default(),
            source,
            rejections: Vec::new(),
            rejected_bytes: 0,
            rejected: 0,
            last_rejected: String::new(),
            reads: Vec::new(),
            days: Vec::new(),
            values: 0,
        })
    }

    /// Takes what the file says next; judges what has come together when it is much.
    pub fn take(&mut self, tx: &mut Tx<'_>, item: std::result::Result<Item, FileFault>) -> Result<()> {
        match item {
            Ok(item) => self.sort(item),
            Err(FileFault::Io(error)) => return Err(unfetched(error)),
            Err(fault) => {
                let (line, reason) = (fault.line().unwrap_or(self.source.first_line), fault.to_string());
                self.report.file_faults.push(LineDetail { line, reason, column: None });
            }
        }
        if self.reads.len() >= ROWS_MAX || self.values >= VALUES_MAX {
            self.judge(tx)?;
        }
        if self.rejections.len() >= REJECTIONS_MAX || self.rejected_bytes >= REJECTED_BYTES_MAX {
            self.write_rejections(tx)?;
        }
        Ok(())
    }

    fn sort(&mut self, item: Item) {
        match item {
            Item::Reading(reading) => {
                let line = reading.line;
                let Some(channel) = self.aim(line, &reading.channel) else { return };
                let row = ReadRow::of(Reading { channel, ..reading }, &self.zone);
                self.sort_read(line, row);
            }
            Item::Accumulated(both) => {
                let line = both.to.line;
                let Some(channel) = self.aim(line, &both.to.channel) else { return };
                let both = Accumulated { to: Reading { channel, ..both.to }, ..both };
                let row = ReadRow::of_both(both, &self.zone);
                self.sort_read(line, row);
            }
            Item::Intervals(intervals) => {
                let line = intervals.line;
                let Some(channel) = self.aim(line, &intervals.channel) else { return };
                match by_day(Intervals { channel, ..intervals }, &self.zone) {
                    Ok(days) => {
                        self.values += days.iter().map(|day| day.values.len()).sum::<usize>();
                        self.days.extend(days);
                    }
                    Err((code, detail)) => self.reject_unread(line, code, None, detail),
                }
            }
            Item::Rejected(rejected) => {
                let word = rejected.fault.as_str();
                self.reject_unread(rejected.line, word, rejected.column.as_deref(), rejected.detail);
            }
            Item::Unfilled { .. } => self.report.left_blank(),
            // A D0010 file states records of every kind: its reader compares them, these are no rows.
            Item::Totals { values, .. } if matches!(self.source.form, FileForm::D0010) => {
                self.report.state(metering::ControlTotals { rows: None, values });
            }
            Item::Totals { rows, values, .. } => self.report.state(metering::ControlTotals { rows, values }),
        }
    }

    /// The channel as the import's target has it; a second series for the same register is rejected.
    fn aim(&mut self, line: u64, channel: &Arc<Channel>) -> Option<Arc<Channel>> {
        if self.meant.admits(self.target, channel) {
            return Some(self.target.of(channel));
        }
        let name = [&channel.point, &channel.serial, &channel.register].into_iter().flatten();
        let name = name.map(String::as_str).collect::<Vec<_>>().join(" ");
        let detail = format!("{name} is another series of the file; one alone can go to a register");
        self.reject_unread(line, "ambiguous_register", None, detail);
        None
    }

    fn sort_read(&mut self, line: u64, row: std::result::Result<Option<ReadRow>, Refused>) {
        match row {
            Ok(Some(row)) => self.reads.push(row),
            Ok(None) => self.report.left_blank(),
            Err((code, detail)) => self.reject_unread(line, code, None, detail),
        }
    }

    /// Notes a rejected record, whose row is counted elsewhere.
    pub fn reject(&mut self, line: u64, code: &str, detail: String) {
        let mut raw = self.source.record(line);
        // What is wrong with several lines of one record is one record.
        if raw == self.last_rejected {
            raw.clear();
        } else {
            self.last_rejected.clone_from(&raw);
        }
        self.rejected_bytes += raw.len() + detail.len();
        self.rejections.push(Rejection {
            import_id: self.import,
            line: i64::try_from(line).unwrap_or(i64::MAX),
            place: self.rejected,
            code: code.to_owned(),
            detail,
            raw,
        });
        self.rejected = self.rejected.saturating_add(1);
    }

    fn write_rejections(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        store::exchange::insert_rejections(tx, &self.rejections)?;
        self.rejections.clear();
        self.rejected_bytes = 0;
        Ok(())
    }

    /// Counts and notes a record that was not judged.
    pub fn reject_unread(&mut self, line: u64, code: &str, column: Option<&str>, detail: String) {
        self.report.unreadable(line, code, column);
        self.reject(line, code, detail);
    }

    /// Counts and notes a row that is about no register that is known.
    pub fn reject_unknown(
        &mut self,
        line: u64,
        channel: &Channel,
        value: Decimal,
        why: Unknown,
    ) -> Result<()> {
        let (code, sentence) = why.words();
        if why == Unknown::Meter {
            let named = channel.serial.as_ref().or(channel.point.as_ref()).or(channel.register.as_ref());
            let name = named.cloned().unwrap_or_default();
            self.report.unknown_meter(line, value, &name)?;
            self.reject(line, Code::UnknownMeter.as_str(), format!("no meter {name} is installed"));
        } else {
            self.reject_unread(line, code, None, sentence.to_owned());
        }
        Ok(())
    }

    /// Judges what has come together and writes what is taken.
    ///
    /// Months are made before service points are locked, and these, ascending, before anything known
    /// about them is read: chunks that run side by side and single entries cannot both take a day.
    fn judge(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        let (reads, days) = (std::mem::take(&mut self.reads), std::mem::take(&mut self.days));
        self.values = 0;
        if reads.is_empty() && days.is_empty() {
            return Ok(());
        }
        let channels: Vec<&Arc<Channel>> =
            reads.iter().map(|row| &row.channel).chain(days.iter().map(|row| &row.channel)).collect();
        let mut distinct: Vec<&Channel> = Vec::new();
        for pair in channels.windows(2) {
            if !Arc::ptr_eq(pair[0], pair[1]) {
                distinct.push(pair[0]);
            }
        }
        distinct.extend(channels.last().map(|last| last.as_ref()));
        let (points, codes) = Directory::points(tx, &distinct, self.sites)?;
        profile::make_months(tx, &days, self.today_on)?;
        let known = lock(tx, &points, codes)?;
        if !reads.is_empty() {
            let reads = super::judge::found(&known, reads);
            let mut books = Books::load(tx, &known, &reads)?;
            books.judge(self, reads)?;
            books.write(tx, self.import)?;
        }
        if !days.is_empty() {
            profile::judge(tx, self, &known, days)?;
        }
        Ok(())
    }

    /// Judges the rest; writes the rejections and what came of the chunk.
    pub fn finish(mut self, tx: &mut Tx<'_>, first_line: i64) -> Result<ImportReport> {
        self.judge(tx)?;
        self.write_rejections(tx)?;
        store::exchange::insert_part(tx, self.import, first_line, &serde_json::to_value(&self.report)?)?;
        Ok(self.report)
    }
}

/// A file that was kept could not be fetched.
fn unfetched(error: std::io::Error) -> Error {
    let text = error.to_string();
    match error.into_inner().map(|inner| inner.downcast::<DocumentError>()) {
        Some(Ok(error)) => Problem::from(*error).into(),
        _ => Error::Fault(text),
    }
}

fn lock(tx: &mut Tx<'_>, points: &[ServicePointId], codes: Codes) -> Result<Known> {
    store::exchange::lock_points(tx, points)?;
    let directory = Directory::load(tx, points, codes)?;
    let services = store::reads::services_by_point(tx, points)?;
    Ok(Known { directory, services })
}
