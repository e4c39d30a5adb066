//! One chunk of an import: parse its lines, judge each read, write what is taken.
//!
//! The service points of a chunk are locked, ascending, before anything known about them is
//! read: chunks that run side by side and single entries cannot both take the same day.

use super::register::{Directory, Unknown};
use super::report;
use crate::audit::{self, Action};
use crate::worker::{Handler, Outcome};
use crate::{App, Error, Result, Utility, reads};
use metering::exchange::{ColumnMap, Line, ReadingFile, ReadingRow};
use metering::validate::Known;
use metering::{ImportReport, Incoming, Metered, Read, ReadRules, Register, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use store::Tx;
use store::exchange::Rejection;
use store::meters::RegisterRow;
use store::queue::Operation;
use store::reads::{NewRead, Service};
use time::{Date, OffsetDateTime};
use vocab::dates::plus_days;
use vocab::{Code, Problem, ReadStatus, ReadingImportId, RegisterId, ServicePointId, SiteId, Zone};

/// Lines of a chunk.
pub(super) const CHUNK_LINES: i64 = 5_000;
/// How far back the own history goes, in days: thirteen months.
const HISTORY_DAYS: i64 = 400;

/// What the chunks of an import need to know.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Params {
    pub import: ReadingImportId,
    pub key: String,
    pub header: String,
    pub mapping: ColumnMap,
    /// Only lines of these sites are taken.
    pub sites: Option<Vec<SiteId>>,
    pub repeats: Option<ReadingImportId>,
}

/// The work of an import.
pub(crate) struct Importing;

impl Handler for Importing {
    fn run(&self, app: &App, tx: &mut Tx<'_>, operation: &Operation, items: &[i64]) -> Result<Outcome> {
        let params: Params = serde_json::from_value(operation.params.clone())?;
        let &[first, last, offset, length] = items else {
            return Err(Error::Fault("a chunk of an import is four numbers".to_owned()));
        };
        let unsigned = |value: i64| u64::try_from(value).unwrap_or(0);
        let key = params.key.parse().map_err(|error| Error::Fault(format!("{error}")))?;
        let range = unsigned(offset)..unsigned(offset) + unsigned(length);
        let body = app.documents()?.part(&key, range).map_err(Problem::from)?;
        let utility = Utility::load(tx)?;
        let lines = parse(&params, &utility.zone, &body, unsigned(first))?;
        let mut chunk = Chunk::new(tx, &utility, &params, lines.rows)?;
        chunk.report.merge(lines.report)?;
        chunk.rejections = lines.rejections;
        chunk.judge()?;
        let failed = i32::try_from(chunk.report.rejected.count).unwrap_or(i32::MAX);
        let all = i32::try_from(last - first + 1).unwrap_or(i32::MAX);
        let taken = chunk.report.accepted + chunk.report.held;
        chunk.write(tx, &params, first)?;
        audit::record_chunk(
            tx,
            &operation.created_by,
            Action {
                action: "reading.import_lines",
                subject: params.import.to_string(),
                after: Some(json!({ "first_line": first, "last_line": last })),
                ..Action::default()
            },
            usize::try_from(taken).unwrap_or(usize::MAX),
            Sha256::digest(&body).into(),
        )?;
        Ok(Outcome { done: all - failed.min(all), failed, note: None })
    }

    fn give_up(&self, _: &App, _: &mut Tx<'_>, _: &Operation, _: i64, _: &Error) -> Result<()> {
        // Chunks are ranges: they are done whole or again.
        Ok(())
    }

    fn divisible(&self) -> bool {
        false
    }

    fn finish(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation) -> Result<Value> {
        let params: Params = serde_json::from_value(operation.params.clone())?;
        let import = store::exchange::import(tx, params.import)?
            .ok_or_else(|| Error::Fault("an import without its row".to_owned()))?;
        let report = report::draw_up(tx, &import, params.sites)?;
        store::exchange::set_report(tx, import.id, &serde_json::to_value(&report)?)?;
        Ok(json!({
            "reading_import_id": import.id,
            "repeats_id": import.repeats_id,
            "rows_read": report.counts.rows_read,
            "accepted": report.counts.accepted,
            "held": report.counts.held,
            "rejected": report.counts.rejected.count,
            "duplicates": report.counts.duplicates,
            "missing": report.missing,
        }))
    }
}

/// What the lines of a chunk say.
struct Lines {
    rows: Vec<ReadingRow>,
    report: ImportReport,
    rejections: Vec<Rejection>,
}

/// Reads a part of a file under its header; lines are numbered as in the whole file.
fn parse(params: &Params, zone: &Zone, body: &[u8], first: u64) -> Result<Lines> {
    let mut bytes = Vec::with_capacity(params.header.len() + body.len() + 1);
    bytes.extend_from_slice(params.header.as_bytes());
    bytes.push(b'\n');
    bytes.extend_from_slice(body);
    let file = ReadingFile::open(&bytes[..], &params.mapping, zone)
        .map_err(|error| Error::Fault(format!("a kept file is not readable: {error}")))?;
    // The header stands on line 1 here.
    let number = |line: u64| line + first - 2;
    let mut lines = Lines { rows: Vec::new(), report: ImportReport::default(), rejections: Vec::new() };
    for line in file {
        match line.map_err(|error| Error::Fault(error.to_string()))? {
            Line::Row(row) => lines.rows.push(ReadingRow { line: number(row.line), ..row }),
            Line::Rejected(row) => {
                let (line, word) = (number(row.line), row.fault.as_str());
                lines.report.unreadable(line, word, row.column.as_deref());
                let detail = row.column.map_or_else(|| word.to_owned(), |column| format!("{word}: {column}"));
                lines.rejections.push(rejection(params.import, line, word, detail, &row.raw));
            }
            Line::Unfilled { .. } => lines.report.left_blank(),
            Line::Control(totals) => lines.report.state(totals),
        }
    }
    Ok(lines)
}

fn rejection(import: ReadingImportId, line: u64, code: &str, detail: String, raw: &[u8]) -> Rejection {
    Rejection {
        import_id: import,
        line: i64::try_from(line).unwrap_or(i64::MAX),
        code: code.to_owned(),
        detail,
        raw: String::from_utf8_lossy(raw).replace('\0', "\u{fffd}"),
    }
}

/// What is known of a register, the reads taken in this chunk included.
struct Book {
    register: Register,
    reads: Vec<Read>,
}

struct Chunk {
    import: ReadingImportId,
    rows: Vec<ReadingRow>,
    directory: Directory,
    books: HashMap<RegisterId, Book>,
    services: HashMap<ServicePointId, Vec<Service>>,
    rules: ReadRules,
    zone: Zone,
    now: OffsetDateTime,
    today_on: Date,
    report: ImportReport,
    rejections: Vec<Rejection>,
    new: Vec<NewRead>,
    /// Place in `new` of the valid read of a register's day.
    valid: HashMap<(RegisterId, Date), usize>,
    superseded: BTreeSet<(RegisterId, Date)>,
}

impl Chunk {
    /// Finds the registers, locks their service points and reads what is known of them.
    fn new(tx: &mut Tx<'_>, utility: &Utility, params: &Params, rows: Vec<ReadingRow>) -> Result<Self> {
        let directory = Directory::look_up(tx, &rows, params.sites.as_deref())?;
        let mut points: Vec<ServicePointId> = rows
            .iter()
            .filter_map(|row| directory.find(row).ok())
            .map(|register| register.service_point_id)
            .collect();
        points.sort_unstable();
        points.dedup();
        store::exchange::lock_points(tx, &points)?;
        let now = tx.as_of();
        let today_on = utility.day(now);
        let mut services: HashMap<ServicePointId, Vec<Service>> = HashMap::new();
        for service in store::reads::services(tx, &points)? {
            services.entry(service.service_point).or_default().push(service);
        }
        Ok(Self {
            import: params.import,
            books: books(tx, &points, &rows, today_on)?,
            rows,
            directory,
            services,
            rules: reads::rules(utility)?,
            zone: utility.zone.clone(),
            now,
            today_on,
            report: ImportReport::default(),
            rejections: Vec::new(),
            new: Vec::new(),
            valid: HashMap::new(),
            superseded: BTreeSet::new(),
        })
    }

    fn judge(&mut self) -> Result<()> {
        for row in std::mem::take(&mut self.rows) {
            match self.directory.find(&row).cloned() {
                Ok(register) => self.judge_row(&row, &register)?,
                Err(Unknown::Ambiguous) => {
                    let detail = "the meter has several registers; name one".to_owned();
                    self.refuse_unread(&row, "ambiguous_register", detail);
                }
                Err(Unknown::Meter) => {
                    let named = row.meter_serial.as_ref().or(row.service_point.as_ref());
                    let name = named.or(row.register.as_ref()).cloned().unwrap_or_default();
                    self.report.unknown_meter(row.line, row.value, &name)?;
                    let detail = format!("no meter {name} is installed");
                    let code = Code::UnknownMeter.as_str();
                    self.rejections.push(rejection(self.import, row.line, code, detail, &row.raw));
                }
            }
        }
        Ok(())
    }

    /// Refuses a row before it is judged.
    fn refuse_unread(&mut self, row: &ReadingRow, code: &str, detail: String) {
        self.report.unreadable(row.line, code, None);
        self.rejections.push(rejection(self.import, row.line, code, detail, &row.raw));
    }

    fn judge_row(&mut self, row: &ReadingRow, at: &RegisterRow) -> Result<()> {
        let id = RegisterId::new(at.service_point_id, at.id);
        let book = match self.books.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            // Installed after every day that was asked for.
            Entry::Vacant(place) => place.insert(Book { register: at.as_metering()?, reads: Vec::new() }),
        };
        let digits = reads::Arrival {
            serial: None,
            read_on: row.read_on,
            value: row.value,
            quality: row.quality,
            source: "import",
            pointer: "/value",
        };
        if let Err(error) = reads::check_digits(&book.register, &digits) {
            let detail = error.problem().detail;
            self.refuse_unread(row, "value_out_of_range", detail);
            return Ok(());
        }
        let services = self.services.get(&id.owner).map_or(&[][..], Vec::as_slice);
        let metered = Metered { register: &book.register, reads: &book.reads };
        let history: Vec<_> = reads::history(metered, row.read_on, &self.rules).into_iter().collect();
        let known = Known {
            metered,
            today_on: self.today_on,
            billed_through_on: reads::billed_through(services),
            service_is_active: services.iter().any(|service| service.covers(row.read_on)),
            history: &history,
        };
        let incoming = Incoming {
            serial: row.meter_serial.as_deref(),
            read_on: row.read_on,
            value: row.value,
            quality: row.quality,
        };
        let verdict = metering::validate(&self.rules, incoming, known)?;
        self.report.judged(row.line, row.value, &verdict)?;
        self.settle(row, id, &verdict)
    }

    /// Notes what is to be written.
    fn settle(&mut self, row: &ReadingRow, id: RegisterId, verdict: &Verdict) -> Result<()> {
        use metering::Outcome::{Accept, Duplicate, Hold, Reject, Warn};
        let words = reads::reason(&verdict.findings);
        let (status, reason) = match verdict.outcome {
            Accept => (ReadStatus::Valid, None),
            Warn => (ReadStatus::Valid, Some(words)),
            Hold => (ReadStatus::Held, Some(words)),
            Duplicate => return Ok(()),
            Reject => {
                let worst = verdict.findings.iter().max_by_key(|finding| finding.action);
                let code = worst.map_or("rejected", |finding| finding.rule.as_str());
                self.rejections.push(rejection(self.import, row.line, code, words, &row.raw));
                return Ok(());
            }
        };
        if let Some(book) = self.books.get_mut(&id) {
            if status == ReadStatus::Valid && verdict.supersedes {
                let replaced = |read: &&mut Read| read.read_on == row.read_on && read.is_valid();
                book.reads.iter_mut().filter(replaced).for_each(|read| read.status = ReadStatus::Superseded);
            }
            book.reads.push(Read { read_on: row.read_on, value: row.value, quality: row.quality, status });
        }
        if status == ReadStatus::Valid {
            let place = self.valid.insert((id, row.read_on), self.new.len());
            match place.and_then(|place| self.new.get_mut(place)) {
                Some(earlier) => earlier.status = ReadStatus::Superseded,
                None if verdict.supersedes => drop(self.superseded.insert((id, row.read_on))),
                None => {}
            }
        }
        let end = self.zone.end_of(row.read_on);
        let end = end.ok_or_else(|| Error::Fault("a day without an end".to_owned()))?;
        self.new.push(NewRead {
            register: id,
            read_at: row.read_at.unwrap_or_else(|| end.min(self.now)),
            read_on: row.read_on,
            value: row.value,
            quality: row.quality,
            status,
            source: "import".to_owned(),
            import_id: Some(self.import.0),
            reason,
        });
        Ok(())
    }

    fn write(self, tx: &mut Tx<'_>, params: &Params, first_line: i64) -> Result<()> {
        let days: Vec<(RegisterId, Date)> = self.superseded.into_iter().collect();
        store::reads::supersede(tx, &days)?;
        store::reads::copy_in(tx, &self.new)?;
        store::exchange::insert_rejections(tx, &self.rejections)?;
        let report = serde_json::to_value(&self.report)?;
        store::exchange::insert_part(tx, params.import, first_line, &report)?;
        Ok(())
    }
}

/// The registers of service points with their reads around the days of the rows, of any status.
fn books(
    tx: &mut Tx<'_>,
    points: &[ServicePointId],
    rows: &[ReadingRow],
    today_on: Date,
) -> Result<HashMap<RegisterId, Book>> {
    let days = || rows.iter().map(|row| row.read_on);
    let (Some(first_on), Some(last_on)) = (days().min(), days().max()) else { return Ok(HashMap::new()) };
    let from = plus_days(first_on, -HISTORY_DAYS).unwrap_or(Date::MIN);
    let mut books: HashMap<RegisterId, Book> =
        store::reads::load_metered(tx, points, from, last_on.max(today_on))?
            .into_iter()
            .flat_map(|point| point.registers)
            .map(|of| (of.register.id, Book { register: of.register, reads: of.reads }))
            .collect();
    for row in store::reads::not_valid(tx, points, first_on, last_on)? {
        if let Some(book) = books.get_mut(&RegisterId::new(row.service_point_id, row.register_id)) {
            book.reads.push(row.as_metering());
        }
    }
    Ok(books)
}
