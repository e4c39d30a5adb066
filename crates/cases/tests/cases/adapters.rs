//! Cases of our own through every adapter; and the ones in the folder beside the project, when it
//! is there.

use cases::{Case, Outcome, Report, formats, run_folder};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn own() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/own")
}

/// The cases of our own as JSON.
pub(crate) fn own_cases() -> Vec<Value> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(own()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()).collect()
}

pub(crate) fn run(case: &Value) -> Outcome {
    let root = own();
    formats::run(&Case::from_value(case.clone(), root.parent().unwrap()).unwrap())
}

#[test]
fn our_own_cases_pass() {
    let report = run_folder(&own()).unwrap();
    assert_eq!(report.counts(), (u64::try_from(own_cases().len()).unwrap(), 0, 0), "{report}");
}

#[test]
fn every_format_has_a_case_of_our_own() {
    let cases = own_cases();
    for format in formats::names() {
        assert!(cases.iter().any(|case| case["tariff"]["format"] == format), "{format}");
    }
}

/// Every number that is expected is compared: a cent more, and the case fails.
#[test]
fn a_wrong_expectation_fails() {
    for case in own_cases() {
        let mut numbers = Vec::new();
        pointers(&case["expected"], String::new(), &mut numbers);
        let compared = |pointer: &String| {
            // A line's rate is its amount by its quantity; the load picks the row of a bill, and
            // month, period and tier pick the row of a year.
            let is_cell = pointer.starts_with("/monthly/");
            let picks = is_cell && ["/month", "/period", "/tier"].iter().any(|end| pointer.ends_with(end));
            let passed_over = picks || pointer.ends_with("/usage_ccf") || pointer.starts_with("/refusal");
            !passed_over && cent_more(&case, pointer).is_some()
        };
        for pointer in numbers.iter().filter(|pointer| compared(pointer)) {
            let wrong = cent_more(&case, pointer).unwrap();
            let outcome = run(&wrong);
            assert!(matches!(outcome, Outcome::Failed { .. }), "{} {pointer}: {outcome:?}", case["id"]);
        }
    }
}

fn cent_more(case: &Value, pointer: &str) -> Option<Value> {
    let mut wrong = case.clone();
    let value = wrong["expected"].pointer_mut(pointer)?;
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let number: i64 = whole.parse().ok()?;
    *value = format!("{}.{rest}1", number + 1).into();
    Some(wrong)
}

/// The places of all values below one.
fn pointers(value: &Value, at: String, all: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            pointers(value, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), all);
        }),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(place, value)| pointers(value, format!("{at}/{place}"), all));
        }
        _ => {}
    }
    all.push(at);
}

/// What a tariff says and no adapter knows is never passed over.
#[test]
fn unknown_keys_of_a_tariff_are_named() {
    for case in own_cases() {
        let mut unknown = case.clone();
        unknown["tariff"]["loyalty_bonus"] = json!("1 % a year");
        let outcome = run(&unknown);
        let Outcome::NotExpressible { reason } = &outcome else { panic!("{}: {outcome:?}", case["id"]) };
        let named = reason.contains("loyalty_bonus");
        assert!(named || case["tariff"].get("plan").is_some(), "{}: {reason}", case["id"]);
    }
}

#[test]
fn what_cannot_be_said_is_not_expressible() {
    let unknown =
        |tariff: Value| json!({ "id": "x", "kind": "k", "tariff": tariff, "expected": { "total": "1" } });
    for (tariff, reason) in [
        (json!({}), "the tariff format `` is not known"),
        (json!({ "format": "tea_leaves" }), "the tariff format `tea_leaves` is not known"),
        (
            json!({ "format": "components", "components": [{ "id": "a", "type": "auction" }] }),
            "`tariff.components[0].type`: `auction` is not known",
        ),
        (
            json!({ "format": "components", "components": [
                { "id": "a", "type": "fixed", "amount": "1", "per": "month", "prorate": "by the moon" }] }),
            "`tariff.components[0].prorate`: `bythemoon` is not known",
        ),
    ] {
        assert_eq!(run(&unknown(tariff)), Outcome::NotExpressible { reason: reason.to_owned() });
    }
    let mut blind = own_cases().remove(0);
    blind["tolerance"] = json!("roughly");
    assert!(matches!(run(&blind), Outcome::NotExpressible { .. }));
    blind["tolerance"] = json!("exact");
    blind["expected"] = json!({});
    let nothing = Outcome::NotExpressible { reason: "nothing that is expected can be compared".to_owned() };
    assert_eq!(run(&blind), nothing);
}

/// Every value of every case replaced by things that have no business there: no panic, and nothing
/// but the three outcomes.
#[test]
fn no_json_makes_it_panic() {
    let strange = [
        json!(null),
        json!(-1),
        json!(0),
        json!(1e308),
        json!("99999999999999999999999999999"),
        json!(""),
        json!("x"),
        json!([]),
        json!({}),
        json!([[]]),
        json!(true),
        json!("-0.0000000000000000000000000001"),
        json!("2026-13-45T99:99"),
        json!("\u{1F525}".repeat(70)),
        json!("((((((((((((((((((((((((((((((((((((1"),
        json!("1 kWh ("),
    ];
    // One simulated year without and one with generation stand for all.
    let stands = |case: &Value| {
        case["kind"] != "pysam_hourly" || case["id"] == "pysam-carried" || case["id"] == "pysam-look-back"
    };
    for case in own_cases().into_iter().filter(stands) {
        let case_id = &case["id"];
        for part in ["tariff", "inputs", "expected"] {
            let mut places = Vec::new();
            pointers(&case[part], String::new(), &mut places);
            // Of long lists the first two stand for all.
            places.retain(|place| {
                place
                    .split('/')
                    .all(|step| step.parse().is_ok_and(|n: usize| n < 2) || step.parse::<usize>().is_err())
            });
            for (number, place) in places.iter().enumerate() {
                // Every eighth of them, another eighth at the next place.
                for value in strange.iter().skip(number % 8).step_by(8) {
                    let mut odd = case.clone();
                    *odd[part].pointer_mut(place).unwrap() = value.clone();
                    let case = Case::from_value(odd, own().parent().unwrap());
                    let outcome = case.map(|case| formats::run(&case));
                    let panicked = outcome.is_ok_and(|outcome| format!("{outcome:?}").contains("panicked"));
                    assert!(!panicked, "{} {part}{place} {value}", case_id);
                }
            }
        }
    }
}

#[test]
fn the_report_has_its_form() {
    let mut report = Report::default();
    for mut case in own_cases().into_iter().take(1) {
        let root = own();
        let case_of = |case: &Value| Case::from_value(case.clone(), &root).unwrap();
        case["kind"] = json!("kind");
        let id = case_of(&case).id;
        report.add("kind", &id, Outcome::Passed { notes: Vec::new() });
        let failed = Outcome::Failed { expected: json!({ "total": 1 }), found: json!({ "total": "2" }) };
        report.add("kind", &id, failed);
        report.add("kind", &id, Outcome::NotExpressible { reason: "because".to_owned() });
        let id = &case["id"];
        let expected = json!({ "kind": {
            "passed": 1,
            "failed": [{ "id": id, "expected": { "total": 1 }, "found": { "total": "2" } }],
            "not_expressible": [{ "id": id, "reason": "because" }],
        } });
        assert_eq!(report.to_json(), expected);
        assert!(!report.is_good());
    }
}

#[test]
fn the_cases_beside_the_project_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases");
    if !folder.is_dir() {
        eprintln!("LEFT OUT: there is no {}: the rated cases of others were not run", folder.display());
        return;
    }
    let report = run_folder(&folder).unwrap();
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let cases = files.filter(|file| file.extension().is_some_and(|ending| ending == "json")).count();
    assert_eq!(report.counts(), (u64::try_from(cases).unwrap(), 0, 0), "{report}");
}

#[test]
fn a_file_that_is_no_case_fails_alone() {
    let folder = empty_folder();
    std::fs::write(folder.join("a.json"), "{").unwrap();
    std::fs::write(folder.join("b.json"), r#"{"id":"b","kind":"k","inputs":[1]}"#).unwrap();
    std::fs::copy(own().join("ratchet.json"), folder.join("c.json")).unwrap();
    let report = run_folder(&folder).unwrap();
    assert_eq!(report.counts(), (1, 2, 0), "{report}");
    let failed = &report.to_json()["unreadable"]["failed"];
    assert_eq!((&failed[0]["id"], &failed[1]["id"]), (&json!("a.json"), &json!("b.json")));
    for name in ["a.json", "b.json", "c.json"] {
        std::fs::remove_file(folder.join(name)).unwrap();
    }
    assert!(run_folder(&folder).unwrap_err().to_string().contains("no case"));
    std::fs::remove_dir(&folder).unwrap();
}

/// An empty folder of this test's own.
fn empty_folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("penstock-cases-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Loads of very different customers.
const LOADS: &[&str] = &["res_summer", "retail", "industrial", "ev_night"];

#[test]
fn the_public_tariffs_beside_the_project_price_a_year_or_are_refused_by_name() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples");
    if !samples.is_dir() {
        eprintln!("LEFT OUT: there is no {}: no public tariff was imported", samples.display());
        return;
    }
    let mut refused = Vec::new();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(samples.join("urdb")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in &files {
        let rate: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let rate = rate.get("tariff").cloned().unwrap_or(rate);
        // As the product imports it: nothing is left out.
        let form = serde_json::value::to_raw_value(&rate).unwrap();
        let terms = rating::urdb::Terms {
            effective_on: Some(time::macros::date!(2026 - 01 - 01)),
            ..rating::urdb::Terms::default()
        };
        if let Err(refusals) = rating::urdb::import(&form, &terms) {
            assert!(refusals.iter().all(|refusal| !refusal.place.to_string().is_empty()), "{refusals:?}");
            refused.push(file.clone());
            continue;
        }
        for load in LOADS {
            let path = format!("samples/loads/{load}.csv");
            let hours = std::fs::read_to_string(samples.join(format!("loads/{load}.csv"))).unwrap();
            let january: vocab::Decimal = hours.lines().filter_map(vocab::decimal::parse).take(31 * 24).sum();
            let mut tariff = rate.clone();
            tariff["format"] = json!("urdb");
            let case = json!({ "id": "sample", "kind": "pysam_hourly", "tolerance": "0", "tariff": tariff,
                "inputs": { "load_file": path, "interval_minutes": 60 },
                "expected": { "monthly": [{ "month": 1, "net_kwh": january.to_string() }] } });
            let outcome = formats::run(&Case::from_value(case, samples.parent().unwrap()).unwrap());
            assert!(matches!(outcome, Outcome::Passed { .. }), "{} with {load}: {outcome:?}", file.display());
        }
    }
    assert!(files.len() >= 50 && refused.len() <= 3, "{refused:?}");
}
