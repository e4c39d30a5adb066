//! Files of others through the API: looked at, read by a mapping or as what they are, mended, undone.

use e2e::town::{Town, text};
use e2e::{Client, Program};
use serde_json::{Value, json};

/// A service point with one register: their ids.
fn meter(admin: &Client, town: &Town, code: &str, serial: &str, register: &Value) -> [Value; 2] {
    let point = town.service_point(admin, code, "electricity", 0, &json!({}));
    let install = json!({ "serial": serial, "installed_on": "2026-01-01", "registers": [register] });
    let path = format!("/v1/service-points/{}/install-meter", text(&point["id"]));
    let meter = admin.post(&path, &install).ok();
    [point["id"].clone(), meter["installed"]["registers"][0]["id"].clone()]
}

/// Imports a file; answers the import and its report.
fn import(admin: &Client, query: &str, file: &str) -> (Value, Value) {
    let begun = admin.upload(&format!("/v1/reading-imports?{query}"), file).ok();
    admin.finish(&begun["operation"]);
    let import = begun["reading_import"].clone();
    let report = admin.get(text(&import["links"]["report"])).ok();
    (import, report)
}

#[test]
fn a_strangers_csv_is_looked_at_named_imported_and_undone() {
    let program = Program::serve(2);
    let admin = program.admin();
    let town = Town::found(&admin, &["north"], "2026-02-03T18:00:00Z");
    // Nobody is served here yet: the rule that holds use without a service is data.
    let settings = admin.get("/v1/settings");
    let etag = settings.etag.clone().unwrap();
    let mut settings = settings.ok();
    settings["read_rules"] = json!({ "rules": [{ "rules": { "inactive_use": "warn" } }] });
    admin.put("/v1/settings", &settings, Some(&etag)).ok();
    let dial = json!({ "kind": "subtractive", "unit": "kwh", "dials": 5, "initial_value": "100" });
    let [point, _] = meter(&admin, &town, "P-1", "M-1", &dial);
    meter(&admin, &town, "P-2", "M-2", &dial);
    let file = "Route 7, read by hand\n\nMeter No;Date Read;Reading;Code\n\
                M-1;31.01.2026;150,0;A\nM-2;31.01.2026;180;E\nM-9;31.01.2026;12;A\n";
    admin.upload("/v1/reading-imports", file).refused(422, "file_unreadable");
    let preview = admin.upload("/v1/reading-imports/preview", file).ok();
    assert_eq!((&preview["format"], &preview["is_guess"]), (&json!("csv"), &json!(true)), "{preview:#}");
    assert_eq!(preview["columns"], json!(["Meter No", "Date Read", "Reading", "Code"]));
    assert_eq!(
        (&preview["rows"][0]["value"], &preview["rows"][0]["on"]),
        (&json!("150"), &json!("2026-01-31"))
    );
    assert_eq!(preview["rows"][2]["code"], "unknown_meter");
    let format = json!({ "name": "route-sheets", "form": preview["form"] });
    let stored = admin.post("/v1/reading-formats", &format).ok();
    admin.post("/v1/reading-formats", &format).refused(409, "already_exists");
    let broken =
        json!({ "name": "broken", "form": { "format": "csv", "columns": { "read_on": "D", "value": "D" } } });
    let problem = admin.post("/v1/reading-formats", &broken).refused(422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/form/columns/value", "{problem:#}");

    // Known by its columns now.
    let (first, report) = import(&admin, "file_name=route.csv", file);
    assert_eq!(
        (&report["accepted"], &report["unknown_meters"]["count"]),
        (&json!(2), &json!(1)),
        "{report:#}"
    );
    assert_eq!(first["form"], stored["form"]);
    let (again, _) = import(&admin, "format=route-sheets", file);
    assert_eq!(again["repeats_id"], first["id"]);
    let rejected = admin.text(text(&first["links"]["rejected_lines"]), "text/csv");
    assert_eq!(rejected, "Meter No;Date Read;Reading;Code\nM-9;31.01.2026;12;A\n");

    // A second file replaces a read; undone, the first one is valid again.
    let corrected = "Meter No;Date Read;Reading;Code\nM-1;31.01.2026;155;A\n";
    let (second, report) = import(&admin, "format=route-sheets", corrected);
    assert_eq!(report["superseded"], 1);
    let reads = |import: &Value| {
        let all = admin.all(&format!("/v1/service-points/{}/reads", text(&point)));
        let of: Vec<Value> = all.into_iter().filter(|read| read["import_id"] == import["id"]).collect();
        (of[0]["value"].clone(), of[0]["status"].clone())
    };
    let path = format!("/v1/reading-imports/{}/undo", text(&second["id"]));
    admin.post(&path, &json!({ "reason": "" })).refused(422, "invalid");
    let operation = admin.post(&path, &json!({ "reason": "wrong route" })).ok();
    let done = admin.finish(&operation);
    assert_eq!(done["result"]["undone"], true, "{done:#}");
    assert_eq!(reads(&second), (json!("155"), json!("rejected")));
    assert_eq!(reads(&first), (json!("150"), json!("valid")));
    let now = admin.get(&format!("/v1/reading-imports/{}", text(&second["id"]))).ok();
    assert_eq!(now["undone_reason"], "wrong route");
    admin.post(&path, &json!({ "reason": "again" })).refused(409, "wrong_state");
    // What was undone may come again.
    let (third, report) = import(&admin, "format=route-sheets", corrected);
    assert_eq!((&third["repeats_id"], &report["accepted"]), (&Value::Null, &json!(1)));
    program.assert_proven();
}

/// A NEM12 file of days of half hours, each with its value and a quality.
fn nem12(days: &[(&str, &str, char)]) -> String {
    let mut file = "100,NEM12,202602030000,MDP1,RETAILER1\n200,P-1,E1,E1,E1,N1,M-1,KWH,30,\n".to_owned();
    for (day, value, quality) in days {
        file.push_str(&format!("300,{day}{},{quality},,,20260203000000,\n", format!(",{value}").repeat(48)));
    }
    file + "900\n"
}

#[test]
fn a_nem12_file_with_a_bad_day_is_mended_and_its_gap_filled() {
    let program = Program::serve(2);
    let admin = program.admin();
    let town = Town::found_in(&admin, &["north"], "2026-02-03T18:00:00Z", "Australia/Brisbane");
    let [_, register] =
        meter(&admin, &town, "P-1", "M-1", &json!({ "code": "E1", "kind": "interval", "unit": "kwh" }));
    let days = [("20260110", "0.5", 'A'), ("20260111", "x", 'A'), ("20260113", "1.25", 'A')];
    let (first, report) = import(&admin, "", &nem12(&days));
    assert_eq!((&report["format"], &report["accepted"]), (&json!("nem"), &json!(2)), "{report:#}");
    assert_eq!((&report["intervals"], &report["rejected"]["count"]), (&json!(96), &json!(1)));
    assert_eq!(report["rejected"]["first"][0]["line"], 4);
    let rejected = admin.text(text(&first["links"]["rejected_lines"]), "text/csv");
    assert_eq!(rejected.lines().count(), 4, "{rejected}");
    let (_, report) = import(&admin, "", &rejected.replace(",x", ",0.75"));
    assert_eq!((&report["accepted"], &report["rejected"]["count"]), (&json!(1), &json!(0)), "{report:#}");

    // 12 January is missing. The nearest day of its kind with data is 13 January.
    let path = format!("/v1/registers/{}/interval-gaps/fill", text(&register));
    let asked =
        json!({ "first_on": "2026-01-10", "last_on": "2026-01-13", "reason": "radio", "dry_run": true });
    let filled = admin.post(&path, &asked).ok();
    assert_eq!(
        filled["days"],
        json!([{ "on": "2026-01-12", "filled_intervals": 48, "missing_intervals": 0, "total": "60" }])
    );
    let asked = json!({ "first_on": "2026-01-10", "last_on": "2026-01-13", "reason": "radio" });
    assert_eq!(admin.post(&path, &asked).ok(), filled);
    assert_eq!(admin.post(&path, &asked).ok()["days"], json!([]));
    // Real data replace the estimate.
    let (real, report) = import(&admin, "", &nem12(&[("20260112", "2", 'A')]));
    assert_eq!((&report["accepted"], &report["superseded"]), (&json!(1), &json!(1)), "{report:#}");
    let undo = json!({ "reason": "another meter's" });
    let operation = admin.post(&format!("/v1/reading-imports/{}/undo", text(&real["id"])), &undo).ok();
    assert_eq!(admin.finish(&operation)["result"]["undone"], true);
    // The estimate is back: nothing is left to fill.
    assert_eq!(admin.post(&path, &asked).ok()["days"], json!([]));
    program.assert_proven();
}
