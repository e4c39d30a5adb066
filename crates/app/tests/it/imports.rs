//! The work of imports: stores that are away, cancelling, files that say a thing twice, many rejected lines.

use crate::exchange::{rejected, town, try_import};
use crate::load::{Place, admin};
use app::exchange::{Asked, NewImport, Report, Target, Upload, start};
use app::keys::Keys;
use app::operations::Control;
use app::{App, Parts};
use connectors::documents::{DocumentError, DocumentKey, Documents, ObjectDocuments, Stored};
use meterdata::FileForm;
use std::fmt::Write as _;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use store::exchange::Import;
use tempfile::TempDir;
use vocab::{OperationState, ReadingImportId};

const HEADER: &str = "service_point,meter_serial,register,read_on,value,quality";

/// A store that is away for a while.
struct Faltering {
    inner: ObjectDocuments,
    is_away: AtomicBool,
    asked: AtomicUsize,
}

impl Documents for Faltering {
    fn put(&self, key: &DocumentKey, bytes: Vec<u8>) -> Result<Stored, DocumentError> {
        self.inner.put(key, bytes)
    }

    fn put_from(&self, key: &DocumentKey, input: &mut dyn Read) -> Result<Stored, DocumentError> {
        self.inner.put_from(key, input)
    }

    fn get(&self, key: &DocumentKey) -> Result<Vec<u8>, DocumentError> {
        self.inner.get(key)
    }

    fn part(&self, key: &DocumentKey, range: std::ops::Range<u64>) -> Result<Vec<u8>, DocumentError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.is_away.load(Ordering::SeqCst) {
            return Err(DocumentError::Unavailable("nobody answers".to_owned()));
        }
        self.inner.part(key, range)
    }

    fn exists(&self, key: &DocumentKey) -> Result<bool, DocumentError> {
        self.inner.exists(key)
    }
}

/// The town's program with a store of its own that is away.
fn faltering(place: &Place) -> (App, Arc<Faltering>, TempDir) {
    let folder = TempDir::new().unwrap();
    let inner = ObjectDocuments::in_folder(&folder.path().join("documents")).unwrap();
    let documents = Arc::new(Faltering { inner, is_away: AtomicBool::new(true), asked: AtomicUsize::new(0) });
    let db = store::Db::connect(place.database.url(), 2).unwrap();
    let parts = Parts::new(db, Keys::load_or_create(folder.path()).unwrap()).keeping(documents.clone());
    (App::new(parts), documents, folder)
}

/// An import that nobody has worked on yet.
fn filed(app: &App, file: &str, asked: &Asked) -> Import {
    let mut upload = Upload::new().unwrap();
    upload.write(file.as_bytes()).unwrap();
    let prepared = app.prepare_import(upload, asked).unwrap();
    let new = NewImport { window: None, file_name: "route-7".to_owned(), target: Target::default() };
    app.db().tx(|tx| start(tx, &admin(), prepared, new)).unwrap().0
}

fn state(app: &App, import: &Import) -> OperationState {
    app.operation(&admin(), import.operation_id).unwrap().operation.state
}

fn report(place: &Place, id: ReadingImportId) -> Report {
    let report = place.app.reading_import_report(&admin(), id).unwrap();
    assert!(report.counts.adds_up(), "{report:?}");
    report
}

#[test]
fn an_import_waits_while_the_document_store_is_away() {
    let place = town(2);
    let (app, documents, _folder) = faltering(&place);
    let feed = "<feed xmlns=\"http://www.w3.org/2005/Atom\">\n</feed>\n";
    let lines = format!("{HEADER}\nW-0,M-0,1,2026-02-28,114,\n");
    for (file, asked) in [(lines.as_str(), Asked::Nothing), (feed, Asked::Form(FileForm::GreenButton))] {
        documents.is_away.store(true, Ordering::SeqCst);
        let import = filed(&app, file, &asked);
        let again =
            format!("UPDATE operations SET retry_at = created_at WHERE id = {}", import.operation_id.0);
        for _ in 0..7 {
            let before = documents.asked.load(Ordering::SeqCst);
            app.work_until_idle().unwrap();
            assert_eq!(state(&app, &import), OperationState::Running);
            // It is not asked again before the pause is over.
            app.work_until_idle().unwrap();
            assert_eq!(documents.asked.load(Ordering::SeqCst), before + 1);
            place.database.execute(&again).unwrap();
        }
        documents.is_away.store(false, Ordering::SeqCst);
        app.work_until_idle().unwrap();
        assert_eq!(state(&app, &import), OperationState::Done);
        assert_eq!(place.count("operations WHERE retry_at IS NOT NULL"), 0);
    }
    assert_eq!(place.count("reads WHERE import_id IS NOT NULL AND status = 'valid'"), 1);
}

#[test]
fn work_that_waits_keeps_no_other_waiting() {
    let place = town(2);
    let (app, documents, _folder) = faltering(&place);
    let waiting = filed(&app, &format!("{HEADER}\nW-0,M-0,1,2026-02-28,114,\n"), &Asked::Nothing);
    app.work_until_idle().unwrap();
    documents.is_away.store(false, Ordering::SeqCst);
    let other = filed(&app, &format!("{HEADER}\nW-1,M-1,1,2026-02-28,114,\n"), &Asked::Nothing);
    app.work_until_idle().unwrap();
    assert_eq!((state(&app, &waiting), state(&app, &other)), (OperationState::Running, OperationState::Done));
}

#[test]
fn a_cancelled_import_reports_what_was_taken() {
    let place = town(400);
    let mut file = format!("{HEADER}\nW-0,M-0,1,2026-02-30,107,\n");
    for day in 1..=28 {
        for i in 0..400 {
            writeln!(file, "W-{i},M-{i},1,2026-02-{day:02},{},", 107 + day / 4).unwrap();
        }
    }
    let import = filed(&place.app, &file, &Asked::Nothing);
    assert!(place.app.work_once().unwrap());
    place
        .app
        .db()
        .tx(|tx| place.app.control_operation(tx, &admin(), import.operation_id, Control::Cancel))
        .unwrap();
    let found = report(&place, import.id);
    let listed = place.app.reading_imports(&admin(), None, None, 10).unwrap().items;
    assert_eq!(listed[0].report, Some(serde_json::json!({})));
    assert!(found.cancelled && found.rows().iter().any(|row| row[0] == "cancelled" && row[2] == "true"));
    assert_eq!((found.counts.rows_read, found.counts.rejected.count), (10_000, 1));
    assert_eq!(rejected(&place, import.id), format!("{HEADER}\nW-0,M-0,1,2026-02-30,107,\n"));
    // A part that was worked on meanwhile is added when it is done.
    let late = "INSERT INTO reading_import_parts SELECT id, 10002, report || '{\"rejected\": {\"count\": 0, \"first\": \
                []}, \"rows_read\": 7, \"accepted\": 7, \"warned\": 0}' FROM reading_imports";
    place.database.execute(late).unwrap();
    assert_eq!(report(&place, import.id).counts.rows_read, 10_007);
    // The file may come again.
    let again = filed(&place.app, &file, &Asked::Nothing);
    assert_eq!(again.repeats_id, None);
}

#[test]
fn what_an_earlier_version_wrote_is_no_hindrance() {
    let place = town(1);
    let file = format!("{HEADER}\nW-0,M-0,1,2026-02-28,114,\n");
    let first = try_import(&place, &admin(), file.as_bytes(), &Asked::Nothing).unwrap();
    place.database.execute("UPDATE operations SET params = '{\"mapping\": 1}'").unwrap();
    let again = try_import(&place, &admin(), file.as_bytes(), &Asked::Nothing).unwrap();
    assert_eq!((again.repeats_id, report(&place, again.id).counts.duplicates), (None, 1));
    let problem = place.app.rejected_lines(&admin(), first.id).unwrap_err().problem();
    assert!(problem.detail.contains("an earlier version"), "{}", problem.detail);
}

/// Hours of a meter as Beacon writes them.
fn flows(rows: &[(&str, &str)]) -> String {
    let mut text = "Flow_Unit,Flow,Flow_Time,Meter_SN,Location_ID\n".to_owned();
    for (time, value) in rows {
        writeln!(text, "kWh,{value},2026-02-{time},M-0,W-0").unwrap();
    }
    text
}

#[test]
fn an_interval_that_a_file_says_twice_is_told() {
    let place = town(1);
    place.database.execute("UPDATE registers SET kind = 'interval', unit = 'kwh'").unwrap();
    let take = |rows: &[(&str, &str)]| {
        let import = try_import(&place, &admin(), flows(rows).as_bytes(), &Asked::Nothing).unwrap();
        report(&place, import.id).counts
    };
    let told = |counts: &metering::ImportReport| counts.findings.get("gap_or_overlap").copied().unwrap_or(0);
    // A gap in the day is a finding of its own.
    let once = take(&[("10 00:59", "1"), ("10 01:59", "2")]);
    assert_eq!((once.accepted, once.duplicates, once.superseded), (2, 0, 0), "{once:?}");
    let twice = take(&[("11 00:59", "1"), ("11 01:59", "2"), ("11 00:59", "1.0"), ("11 02:59", "3")]);
    assert_eq!((twice.accepted, twice.duplicates, twice.superseded), (3, 1, 0), "{twice:?}");
    assert_eq!(told(&twice), told(&once));
    let otherwise = take(&[("12 00:59", "1"), ("12 01:59", "2"), ("12 00:59", "5")]);
    assert_eq!((otherwise.accepted, otherwise.duplicates, otherwise.superseded), (3, 0, 1), "{otherwise:?}");
    assert_eq!(told(&otherwise), told(&once) + 1);
    assert_eq!(place.count("interval_days WHERE day = '2026-02-12' AND total = 7"), 1);
}

#[test]
fn many_rejected_lines_come_back_in_their_order() {
    let place = town(1);
    let mut file = format!("{HEADER}\n");
    // Most are told at once, some when they have been looked up.
    for n in 0..9_990 {
        let day = if n % 10 == 0 { 28 } else { 30 };
        writeln!(file, "X-{n},,1,2026-02-{day},{n},").unwrap();
    }
    let import = try_import(&place, &admin(), file.as_bytes(), &Asked::Nothing).unwrap();
    assert_eq!(report(&place, import.id).counts.rejected.count, 9_990);
    assert_eq!(rejected(&place, import.id), file);
}

#[test]
fn a_file_of_a_layout_with_one_head_is_taken_in_parts() {
    let place = town(2);
    let layout = r#"{"format":"fixed_width","name":"once","verified":false,"note":"","default_quality":"actual",
        "records":[
            {"prefix":"HDR","length":11,"role":"context","fields":[
                {"meaning":{"date":"YYYYMMDD"},"start":4,"length":8}]},
            {"prefix":"RDG","length":23,"role":"reading","fields":[
                {"meaning":"serial","start":4,"length":10},
                {"meaning":{"value":{"implied_decimals":0}},"start":14,"length":10,"align":"right"}]}]}"#;
    let form: FileForm = serde_json::from_str(layout).unwrap();
    let mut file = "HDR20260228\n".to_owned();
    for n in 0..12_000 {
        writeln!(file, "RDGX-{n:<8}{n:>10}").unwrap();
    }
    file.push_str("RDGM-1              114\n");
    let import = try_import(&place, &admin(), file.as_bytes(), &Asked::Form(form)).unwrap();
    assert_eq!(place.count(&format!("chunks WHERE operation_id = {}", import.operation_id.0)), 2);
    let counts = report(&place, import.id).counts;
    assert_eq!((counts.rows_read, counts.accepted, counts.unknown_meters.count), (12_001, 1, 12_000));
    assert_eq!(
        place.count("reads WHERE import_id IS NOT NULL AND read_on = '2026-02-28' AND value = 114"),
        1
    );
    // Each rejected record brings the head, also those of the second part.
    let last =
        "reading_import_rejections WHERE line = 12001 AND raw = E'HDR20260228\\nRDGX-11999        11999\\n'";
    assert_eq!(place.count(last), 1);
}
