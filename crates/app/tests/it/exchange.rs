//! Readings out and in: the handheld's round trip, rejections, repeats, broken files.

use crate::load::{Files, Place, admin, caller};
use access::SiteScope;
use app::exchange::{Asked, NewExport, NewImport, Report, Target, Upload};
use app::{Caller, Error};
use meterdata::FileForm;
use meterdata::csv::{ColumnMap, ControlLine};
use std::io::Read as _;
use store::exchange::{Export, Import};
use vocab::{Code, OperationState, ReadingImportId, Role, SiteId, WindowId};

pub const WINDOW: WindowId = WindowId(1);

/// A loaded town of `n` accounts whose February window is open; the day is 1 March.
pub fn town(n: usize) -> Place {
    let place = Place::new();
    let report = place.load(Files::town(n).write().path());
    assert_eq!((report.accounts.loaded, report.refusal_count), (n as u64, 0));
    place
        .database
        .execute(
            "INSERT INTO cycle_windows (id, cycle_id, starts_on, ends_on, accounting_on, bill_on, state, version) \
             VALUES (1, 2, '2026-02-01', '2026-02-28', '2026-02-28', '2026-03-02', 'open', 1)",
        )
        .unwrap();
    place
}

fn export(place: &Place) -> (Export, String) {
    let (row, name, text) = export_as(place, NewExport::default()).unwrap();
    assert_eq!(name, "meters-to-read-2026-02-28.csv");
    (row, text)
}

/// The export, the name of its file, and the file.
pub fn export_as(place: &Place, new: NewExport) -> app::Result<(Export, String, String)> {
    let caller = admin();
    let row = place.app.db().tx(|tx| app::exchange::export(tx, &place.app, &caller, WINDOW, new))?;
    let mut of = place.app.reading_export_file(&caller, row.id)?;
    let mut text = String::new();
    of.file.read_to_string(&mut text).unwrap();
    assert_eq!((of.bytes, row.bytes), (text.len() as u64, Some(text.len() as i64)));
    Ok((row, of.name, text))
}

pub fn try_import(place: &Place, caller: &Caller, file: &[u8], asked: &Asked) -> app::Result<Import> {
    let mut upload = Upload::new()?;
    for part in file.chunks(1_000) {
        upload.write(part)?;
    }
    let prepared = place.app.prepare_import(upload, asked)?;
    let new =
        NewImport { window: Some(WINDOW), file_name: "route-7.csv".to_owned(), target: Target::default() };
    let (import, _) = place.app.db().tx(|tx| app::exchange::start(tx, caller, prepared, new))?;
    assert!(place.app.reading_import_report(caller, import.id).is_err());
    place.app.work_until_idle()?;
    let operation = place.app.operation(&admin(), import.operation_id)?;
    assert_eq!(operation.operation.state, OperationState::Done, "{:?}", operation.operation.error);
    assert_eq!(operation.progress.done + operation.progress.failed, operation.operation.total);
    Ok(import)
}

fn import(place: &Place, file: &str) -> (Import, Report) {
    let import = try_import(place, &admin(), file.as_bytes(), &Asked::Nothing).unwrap();
    let report = place.app.reading_import_report(&admin(), import.id).unwrap();
    assert!(report.counts.adds_up());
    (import, report)
}

/// The file of an import's rejected lines.
pub fn rejected(place: &Place, id: ReadingImportId) -> String {
    let mut of = place.app.rejected_lines(&admin(), id).unwrap();
    let mut text = String::new();
    of.file.read_to_string(&mut text).unwrap();
    assert_eq!(of.bytes, text.len() as u64);
    text
}

/// The exported file with every register read on the window's last day, this much further.
fn filled(file: &str, further: i64) -> String {
    let mut lines = file.lines();
    let mut text = format!("{}\r\n", lines.next().unwrap());
    for line in lines {
        let previous: i64 = line.split(',').rev().nth(5).unwrap().parse().unwrap();
        let row = line.strip_suffix(",,,").unwrap();
        text.push_str(&format!("{row},2026-02-28,{},\r\n", previous + further));
    }
    text
}

const HEADER: &str = "service_point,meter_serial,register,read_on,value,quality";

#[test]
fn an_exported_file_filled_in_imports_unchanged() {
    let place = town(4);
    let (row, file) = export(&place);
    assert_eq!((row.rows, row.window_id), (4, WINDOW));
    let lines: Vec<&str> = file.lines().collect();
    assert_eq!(lines.len(), 5);
    assert!(
        lines[0].starts_with("account_number,service_point,meter_serial,register,address,unit,previous_on")
    );
    // 7 kgal in the 31 days before: 6.3 in 28; half of that to twice, on whole dials.
    let (number, rest) = lines[1].split_once(',').unwrap();
    assert_eq!(number.len(), 10);
    assert_eq!(rest, "W-0,M-0,1,\"0 Mill Lane, Millbrook\",kgal,2026-01-31,107,110,120,,,");
    assert_eq!(place.app.reading_exports(&admin(), WINDOW, None, 10).unwrap().items.len(), 1);

    let before = place.count("reads");
    let (import, report) = import(&place, &filled(&file, 7));
    assert_eq!((report.counts.rows_read, report.counts.accepted, report.counts.warned), (4, 4, 0));
    assert_eq!((report.counts.rejected.count, report.counts.held, report.missing), (0, 0, 0));
    assert_eq!(report.counts.values_found.to_string(), "456");
    let of_site = report.counts.sites.values().next().unwrap();
    assert_eq!((report.counts.sites.len(), of_site.expected, of_site.found), (1, 4, 4));
    assert_eq!(place.count("reads"), before + 4);
    let taken = "reads WHERE import_id IS NOT NULL AND status = 'valid' AND value = 114 AND read_on = '2026-02-28' \
                 AND read_at = '2026-03-01T00:00:00Z' AND quality = 'actual' AND source = 'import'";
    assert_eq!(place.count(taken), 4);
    assert_eq!(place.count("reading_import_parts"), 0);
    let header = file.lines().next().unwrap();
    assert_eq!(rejected(&place, import.id), format!("{header}\n"));

    // Exported again, for those who read again, it judges by what was known before.
    assert_eq!(export(&place).1, file);
}

#[test]
fn a_register_stands_once_for_who_is_served_at_the_end_and_rows_are_in_the_order_of_the_way() {
    let place = town(5);
    let at = |code: &str, line1: &str, line2: &str| {
        format!(
            "UPDATE service_locations SET line1 = '{line1}', line2 = {line2} WHERE id = \
             (SELECT location_id FROM service_points WHERE code = '{code}');"
        )
    };
    // Nobody moves out of W-4, whose customer takes over W-0 in the middle of the window.
    let moved = "UPDATE contracts SET ends_on = '2026-02-14', state = 'stopped' \
                 WHERE service_point_id = (SELECT service_point_id FROM service_points WHERE code = 'W-0'); \
                 UPDATE contracts SET starts_on = '2026-02-15', billed_through_on = NULL, service_point_id = \
                 (SELECT service_point_id FROM service_points WHERE code = 'W-0') \
                 WHERE service_point_id = (SELECT service_point_id FROM service_points WHERE code = 'W-4');";
    let way = [
        at("W-0", "10 Mill Lane", "NULL"),
        at("W-1", "9b Mill Lane", "'Apt 12'"),
        at("W-2", "9B Mill Lane", "'Apt 2'"),
        at("W-3", "110 5th Avenue", "NULL"),
        moved.to_owned(),
    ];
    place.database.execute(&way.concat()).unwrap();
    let (row, file) = export(&place);
    let rows: Vec<Vec<&str>> = file.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.iter().map(|row| row[1]).collect::<Vec<_>>(), ["W-3", "W-2", "W-1", "W-0"]);
    assert_eq!(row.rows, 4);
    let number = place
        .database
        .number(
            "SELECT number AS n FROM accounts a JOIN contracts c USING (account_id) \
             JOIN service_points p USING (service_point_id) WHERE p.code = 'W-0' AND c.starts_on = '2026-02-15'",
        )
        .unwrap();
    assert_eq!(rows[3][0], format!("{number:010}"));
}

#[test]
fn an_exported_layout_filled_in_by_a_handheld_imports_by_the_same_layout() {
    let place = town(3);
    let layout = |name: &str| NewExport { format: Some(name.to_owned()), ..NewExport::default() };
    let (row, name, file) = export_as(&place, layout("badger")).unwrap();
    assert_eq!(
        (row.rows, row.format.as_str(), name.as_str()),
        (3, "badger", "meters-to-read-2026-02-28.txt")
    );
    // Point of 20, serial of 12, register of 2; then the reading of 10, its day and time, quality, trouble.
    let lines: Vec<&str> = file.split_terminator("\r\n").collect();
    assert_eq!(lines[0], format!("{:<20}{:<12}1 {:35}", "W-0", "M-0", ""));
    let filled: String = lines[..2]
        .iter()
        .map(|line| format!("{}       11420260228081500R{:10}\r\n", &line[..34], ""))
        .chain([format!("{}\r\n", lines[2])])
        .collect();
    let named = Asked::Named("badger".to_owned());
    let import = try_import(&place, &admin(), filled.as_bytes(), &named).unwrap();
    let report = place.app.reading_import_report(&admin(), import.id).unwrap();
    assert_eq!((report.counts.accepted, report.counts.unfilled, report.missing), (2, 1, 1), "{report:?}");
    let taken =
        "reads WHERE import_id IS NOT NULL AND status = 'valid' AND value = 114 AND read_on = '2026-02-28'";
    assert_eq!(place.count(taken), 2);
    // A layout of records above the reading has the day there.
    let (_, _, file) = export_as(&place, layout("neptune")).unwrap();
    assert!(file.contains("ORDST20260228\r\n"), "{file}");

    let refused = |name: &str| {
        let problem = export_as(&place, layout(name)).unwrap_err().problem();
        (problem.errors[0].pointer.clone(), problem.errors[0].detail.clone())
    };
    assert_eq!(refused("nem").0, "/format");
    assert!(refused("nobody").1.contains("there is no format"));
    place.database.execute("UPDATE registers SET decimals = 2").unwrap();
    let (pointer, detail) = refused("badger");
    assert_eq!(pointer, "/format");
    assert!(detail.contains("the meter M-0") && detail.contains("/records/0/fields/3"), "{detail}");
    assert_eq!(place.count("reading_exports"), 2);
}

#[test]
fn rows_that_nobody_filled_in_are_missing_reads() {
    let place = town(3);
    let (_, file) = export(&place);
    let mut lines: Vec<String> = filled(&file, 7).lines().map(str::to_owned).collect();
    lines[2] = file.lines().nth(2).unwrap().to_owned();
    let (_, report) = import(&place, &lines.join("\n"));
    assert_eq!((report.counts.accepted, report.counts.unfilled, report.missing), (2, 1, 1));
    let missing = &report.missing_reads[0];
    assert_eq!((missing.service_point.as_str(), missing.meter_serial.as_str()), ("W-1", "M-1"));
    assert!(report.rows().contains(&["missing_read".to_owned(), "W-1".to_owned(), "M-1 1".to_owned()]));
}

#[test]
fn what_is_wrong_is_rejected_with_line_and_reason_and_can_be_loaded_again() {
    let place = town(9);
    let file = format!(
        "{HEADER}\n\
         W-0,M-0,1,2026-02-28,114,\n\
         W-99,M-99,1,2026-02-28,114,\n\
         W-1,M-1,1,2026-02-30,114,\n\
         W-2,M-2,1,2026-03-02,114,\n\
         W-3,M-3,1,2026-01-31,110,\n\
         W-4,M-4,1,2026-02-28,1000000,\n\
         W-5,M-5,1,2026-02-28,90,\n\
         W-6,M-0,1,2026-02-28,114,\n\
         W-7,M-7,1,2026-02-28,114.5,\n\
         ,M-8,,2026-02-28,114,guess\n\
         TOTAL\n"
    );
    let (import_row, report) = import(&place, &file);
    let counts = &report.counts;
    assert_eq!((counts.rows_read, counts.accepted, counts.held, counts.rejected.count), (11, 1, 3, 7));
    let reasons: Vec<(u64, &str)> =
        counts.rejected.first.iter().map(|detail| (detail.line, detail.reason.as_str())).collect();
    assert_eq!(
        reasons,
        [
            (3, "unknown_meter"),
            (4, "bad_date"),
            (5, "future_date"),
            (7, "beyond_dials"),
            (10, "value_out_of_range"),
            (11, "bad_quality"),
            (12, "missing_column"),
        ]
    );
    assert_eq!((counts.unknown_meters.count, counts.unknown_meters.first[0].reason.as_str()), (1, "M-99"));
    assert_eq!((counts.findings["decreasing"], counts.findings["serial_mismatch"]), (1, 1));
    assert_eq!(place.count("reads WHERE status = 'held' AND reason = 'decreasing'"), 1);
    assert_eq!(place.count("reading_import_rejections WHERE line = 5 AND code = 'future_date'"), 1);
    assert_eq!((counts.findings["already_billed"], counts.proposed), (1, 1));
    assert_eq!(place.count("reads WHERE import_id IS NOT NULL"), 4);

    let rejected = rejected(&place, import_row.id);
    assert_eq!(rejected.lines().count(), 8);
    let mended = rejected
        .replace("2026-02-30", "2026-02-28")
        .replace("2026-03-02", "2026-02-28")
        .replace("1000000", "114")
        .replace("114.5", "114")
        .replace("guess", "customer");
    let (_, report) = import(&place, &mended);
    assert_eq!((report.counts.accepted, report.counts.rejected.count), (5, 2));
    assert_eq!(
        place.count("reads WHERE import_id IS NOT NULL AND status = 'valid' AND quality = 'customer'"),
        1
    );
}

#[test]
fn the_same_file_twice_changes_nothing_and_says_so() {
    let place = town(3);
    let file = filled(&export(&place).1, 7);
    let (first, _) = import(&place, &file);
    let reads = place.count("reads");
    let (second, report) = import(&place, &file);
    assert_eq!((second.repeats_id, report.repeats_id), (Some(first.id), Some(first.id)));
    assert_eq!((report.counts.rows_read, report.totals_agree), (0, true));
    // Read another way it is another matter: every line says what is known already.
    let mut map = ColumnMap::reading_export();
    map.columns.quality = None;
    let third = try_import(&place, &admin(), file.as_bytes(), &Asked::Form(FileForm::Csv(map))).unwrap();
    let report = place.app.reading_import_report(&admin(), third.id).unwrap();
    assert_eq!((third.repeats_id, report.counts.duplicates, report.counts.accepted), (None, 3, 0));
    assert_eq!(place.count("reads"), reads);
}

#[test]
fn a_corrected_read_supersedes_the_earlier_one() {
    let place = town(2);
    let file = filled(&export(&place).1, 7);
    import(&place, &file);
    // The same day twice in one file: the later line counts.
    let corrected = format!("{HEADER}\nW-0,M-0,1,2026-02-28,115,\nW-0,M-0,1,2026-02-28,116,\n");
    let (_, report) = import(&place, &corrected);
    assert_eq!((report.counts.accepted, report.counts.superseded), (2, 2));
    let day = "reads WHERE read_on = '2026-02-28'";
    assert_eq!(place.count(&format!("{day} AND status = 'superseded' AND value IN (114, 115)")), 2);
    assert_eq!(place.count(&format!("{day} AND status = 'valid' AND value = 116")), 1);
}

#[test]
fn a_place_that_is_not_known_is_told_though_its_meter_is() {
    let place = town(2);
    let file =
        format!("{HEADER}\nW-9,M-0,1,2026-02-28,115,\n,M-1,1,2026-02-28,115,\nW-9,M-9,1,2026-02-28,115,\n");
    let (_, report) = import(&place, &file);
    let counts = &report.counts;
    assert_eq!((counts.held, counts.accepted, counts.unknown_meters.count), (1, 1, 1));
    assert_eq!(place.count("reads WHERE status = 'held' AND reason LIKE '%serial_mismatch%'"), 1);
}

#[test]
fn of_several_series_one_goes_to_the_register_that_all_is_meant_for() {
    let place = town(2);
    let file =
        format!("{HEADER}\nX-1,A,1,2026-02-27,113,\nX-1,A,1,2026-02-28,114,\nX-1,B,1,2026-02-28,115,\n");
    let mut upload = Upload::new().unwrap();
    upload.write(file.as_bytes()).unwrap();
    let prepared = place.app.prepare_import(upload, &Asked::Nothing).unwrap();
    let target = Target { service_point: Some("W-0".to_owned()), register: None };
    let new = NewImport { window: None, file_name: "theirs.csv".to_owned(), target };
    let (row, _) = place.app.db().tx(|tx| app::exchange::start(tx, &admin(), prepared, new)).unwrap();
    place.app.work_until_idle().unwrap();
    let counts = place.app.reading_import_report(&admin(), row.id).unwrap().counts;
    assert_eq!((counts.accepted, counts.rejected.count), (2, 1));
    assert_eq!(
        (counts.rejected.first[0].line, counts.rejected.first[0].reason.as_str()),
        (4, "ambiguous_register")
    );
    assert_eq!(place.count("reading_import_rejections WHERE detail LIKE 'X-1 B 1 is another series%'"), 1);
}

#[test]
fn a_broken_file_loads_only_its_valid_rows() {
    let place = town(3);
    let mut file = format!("{HEADER}\nW-0,M-0,1,2026-02-28,114,\n").into_bytes();
    file.extend_from_slice(&[0, 159, 146, 150, b'\n', 0xff, b',', 0xfe, b'\n']);
    file.extend_from_slice("\"W-1,M-1,1,2026-02-28,114,\n".as_bytes());
    file.extend_from_slice(&vec![b'x'; 100_000]);
    file.extend_from_slice("\r\nW-2,M-2,1,2026-02-28,114,".as_bytes());
    let row = try_import(&place, &admin(), &file, &Asked::Nothing).unwrap();
    let report = place.app.reading_import_report(&admin(), row.id).unwrap();
    assert_eq!((report.counts.accepted, report.counts.rejected.count), (2, 4));
    assert_eq!(report.counts.rejected.first[2].reason, "unclosed_quote");
    assert_eq!(report.counts.rejected.first[3].reason, "too_long");
    assert_eq!(place.count("reads WHERE import_id IS NOT NULL"), 2);
    for nothing in [&b""[..], b"no header at all\n1,2,3\n", &[0xff, 0xfe, 0, 0]] {
        let error = try_import(&place, &admin(), nothing, &Asked::Nothing).unwrap_err();
        assert_eq!(error.problem().code, Code::FileUnreadable);
    }
    assert_eq!(place.count("reading_imports"), 1);
}

#[test]
fn control_totals_are_compared() {
    let place = town(2);
    let map = ColumnMap {
        control: Some(ControlLine { marker: "TOTAL".to_owned() }),
        ..ColumnMap::reading_export()
    };
    let rows = "W-0,M-0,1,2026-02-28,114,\nW-1,M-1,1,2026-02-28,114,\n";
    for (total, agrees) in [("TOTAL,2,228", true), ("TOTAL,3,228", false)] {
        let file = format!("{HEADER}\n{rows}{total}\n");
        let row =
            try_import(&place, &admin(), file.as_bytes(), &Asked::Form(FileForm::Csv(map.clone()))).unwrap();
        let report = place.app.reading_import_report(&admin(), row.id).unwrap();
        assert_eq!(report.totals_agree, agrees, "{total}");
    }
}

#[test]
fn a_file_of_several_chunks_is_one_import() {
    let place = town(400);
    let mut file = format!("{HEADER}\n");
    for day in 1..=28 {
        for i in 0..400 {
            file.push_str(&format!("W-{i},M-{i},1,2026-02-{day:02},{},\n", 107 + day / 4));
        }
    }
    // The last line again, in the second chunk; and one far above its meter's own use in between.
    file.push_str("W-399,M-399,1,2026-02-28,114,\n");
    let (import_row, report) = import(&place, &file);
    let chunks = format!("chunks WHERE operation_id = {}", import_row.operation_id.0);
    assert_eq!(place.count(&chunks), 2);
    assert_eq!((report.counts.rows_read, report.counts.duplicates), (11_201, 1));
    assert_eq!((report.counts.accepted, report.missing), (11_200, 0));
    assert_eq!(place.count("reads WHERE import_id IS NOT NULL AND status = 'valid'"), 11_200);
}

#[test]
fn foreign_sites_are_neither_exported_nor_imported_nor_seen() {
    let place = town(2);
    let (row, file) = export(&place);
    let mut clerk = caller(Role::Clerk);
    clerk.principal.sites = SiteScope::Only([SiteId(2)].into_iter().collect());
    clerk.principal.actor = "user_zzz".parse().unwrap_or(access::Actor::User(vocab::UserId(2)));
    let empty = place
        .app
        .db()
        .tx(|tx| app::exchange::export(tx, &place.app, &clerk, WINDOW, NewExport::default()))
        .unwrap();
    assert_eq!(empty.rows, 0);
    let east = place.database.number("SELECT id AS n FROM sites WHERE code = 'EAST'").unwrap();
    let of_east = NewExport { site_ids: vec![SiteId(east)], ..NewExport::default() };
    let asked: Result<_, Error> =
        place.app.db().tx(|tx| app::exchange::export(tx, &place.app, &clerk, WINDOW, of_east));
    assert_eq!(asked.unwrap_err().problem().errors[0].pointer, "/site_ids");
    assert_eq!(place.app.reading_export(&clerk, row.id).unwrap_err().problem().code, Code::NotFound);
    assert_eq!(place.app.reading_exports(&clerk, WINDOW, None, 10).unwrap().items.len(), 1);

    let import = try_import(&place, &clerk, filled(&file, 7).as_bytes(), &Asked::Nothing).unwrap();
    let report = place.app.reading_import_report(&clerk, import.id).unwrap();
    assert_eq!((report.counts.accepted, report.counts.unknown_meters.count), (0, 2));
    assert_eq!(place.count("reads WHERE import_id IS NOT NULL"), 0);
    let other = try_import(&place, &admin(), filled(&file, 7).as_bytes(), &Asked::Nothing).unwrap();
    assert_eq!(other.repeats_id, None);
    assert_eq!(place.app.reading_import(&clerk, other.id).unwrap_err().problem().code, Code::NotFound);
}

#[test]
fn a_line_may_be_rejected_for_its_dials_and_for_its_flow() {
    let place = town(2);
    let header = "Other,Read_Unit,READ,Read_Time,Flow_Unit,Flow,Flow_Time,Meter_SN,Location_ID,\
    Estimated_Flag,Register_Number\n";
    let row = |serial: &str| {
        format!("x,CCF,227.6,2026-02-20 00:59,Gallons,5.0,2026-02-20 00:59,{serial},L-{serial},0,2\n")
    };
    let file = format!("{header}{}{}", row("X-1"), row("X-2"));
    let import = try_import(&place, &admin(), file.as_bytes(), &Asked::Nothing).unwrap();
    let report = place.app.reading_import_report(&admin(), import.id).unwrap();
    assert_eq!((report.format.as_str(), report.counts.rejected.count), ("beacon", 4));
    assert_eq!(place.count("reading_import_rejections"), 4);
    let rejected = place.app.rejected_lines(&admin(), import.id);
    assert!(rejected.is_ok());
}

#[test]
fn what_cannot_be_added_up_harms_its_own_day_only() {
    let place = town(1);
    place.database.execute("UPDATE registers SET unit = 'kwh'").unwrap();
    let day = |on: &str, value: &str| {
        let values = format!(",{value}").repeat(48);
        format!("300,{on}{values},A,,,20260301000000,\n")
    };
    let file = format!(
        "100,NEM12,202603010000,MDP1,R1\n200,W-0,1,1,1,N1,M-0,KWH,30,\n{}{}900\n",
        day("20260210", "999999999999999999"),
        day("20260212", "0.5")
    );
    let import = try_import(&place, &admin(), file.as_bytes(), &Asked::Nothing).unwrap();
    let report = place.app.reading_import_report(&admin(), import.id).unwrap();
    let reasons: Vec<&str> = report.counts.rejected.first.iter().map(|one| one.reason.as_str()).collect();
    assert!(!reasons.is_empty() && reasons.iter().all(|reason| *reason == "bad_number"), "{reasons:?}");
    assert!(place.count("interval_days") > 0);
}
