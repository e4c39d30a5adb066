//! Quantities that were worked out, changed in the golden document, and what lines price of them.

use proof::{Violation, verify_lines};
use serde_json::{Value, json};

const GOLDEN: &str = include_str!("../../../rating/tests/golden/lines_v1.json");

fn golden() -> Value {
    serde_json::from_str(GOLDEN).unwrap()
}

fn found(document: &Value) -> Vec<Violation> {
    let lines = document["lines"].as_array().unwrap();
    let total = lines.iter().map(|line| line["amount_minor"].as_i64().unwrap()).sum();
    verify_lines(&document.to_string(), total, 2).err().unwrap_or_default()
}

#[test]
fn every_change_that_matters_is_found() {
    let document = golden();
    for (pointer, value) in [
        // A budget by formula: 2 × 31 ÷ 27 to one decimal.
        ("/derived/0/value", json!("2.4")),
        ("/derived/0/working/with/0/value", json!("3")),
        ("/derived/0/working/with/1/value", json!("28")),
        ("/derived/0/working/with/1/name", json!("people")),
        ("/derived/0/working/text", json!("people * days / 30")),
        ("/derived/0/working/text", json!("people * days /")),
        ("/derived/0/decimals", json!(3)),
        ("/derived/0/decimals", json!(11)),
        ("/derived/0/rounding", json!("down")),
        ("/derived/0/kind", json!("price")),
        // An average of 4 and 5, at most 4.2.
        ("/derived/1/working/cap", json!("4.3")),
        ("/derived/1/working/of/0/value", json!("2")),
        ("/derived/1/working/of/0/last_on", json!("2026-03-05")),
        ("/derived/1/working/of/1/last_on", json!("2025-12-31")),
        // A ratchet: 80 % of 4.6.
        ("/derived/2/working/percent", json!("90")),
        ("/derived/2/working/of/0/value", json!("5")),
        ("/derived/2/working/present", json!("9")),
        ("/derived/2/working/minimum", json!("8")),
        // Net by buckets.
        ("/derived/3/working/delivered", json!("140")),
        ("/derived/3/working/received", json!("1")),
        ("/derived/3/working/opening", json!("0")),
        ("/derived/3/bucket", json!("mid")),
        ("/derived/3/kind", json!("level")),
        ("/derived/4/value", json!("1")),
        ("/derived/5/value", json!("105")),
        ("/derived/5/working/of/0/value", json!("100")),
        ("/derived/5/working/of/0/name", json!("mid")),
        ("/derived/6/version", json!("rver_11y")),
    ] {
        let mut tampered = document.clone();
        let place = tampered.pointer_mut(pointer).unwrap();
        assert_ne!(*place, value, "{pointer}");
        *place = value.clone();
        let findings = found(&tampered);
        assert!(!findings.is_empty(), "{pointer} {value}");
        let named =
            findings.iter().any(|of| matches!(of, Violation::Derived { .. } | Violation::Line { .. }));
        assert!(named, "{findings:?}");
    }
}

#[test]
fn a_finding_names_the_record() {
    let mut tampered = golden();
    tampered["derived"][2]["value"] = json!("3.7");
    let findings = found(&tampered);
    assert!(matches!(findings[..], [Violation::Derived { record: 2, .. }]), "{findings:?}");
}

#[test]
fn a_record_that_lines_or_other_records_need_is_missed() {
    // The net quantity's two buckets and its sum, the winter average: all of the first version.
    for record in [1, 3, 4, 5] {
        let mut without = golden();
        without["derived"].as_array_mut().unwrap().remove(record);
        assert!(!found(&without).is_empty(), "{record}");
    }
}

#[test]
fn a_line_prices_what_was_worked_out() {
    let document = golden();
    let sewer =
        document["lines"].as_array().unwrap().iter().position(|line| line["rule"] == "sewer").unwrap();
    let mut tampered = document;
    let line = &mut tampered["lines"][sewer];
    for field in ["value", "in_period", "total"] {
        line["quantity"][field] = json!("4");
    }
    line["unrounded"] = json!("20.2");
    line["amount_minor"] = json!(2_020);
    let findings = found(&tampered);
    assert!(matches!(findings[..], [Violation::Line { field: "quantity", .. }]), "{findings:?}");
}

/// A document of one line of five units at 1.00 of a quantity that is worked out so.
fn of_working(working: &Value, value: &str) -> Vec<Violation> {
    let derived = json!({"version": "rver_11y", "name": "q", "unit": "kwh", "kind": "level",
        "working": working, "decimals": 2, "rounding": "half_away_from_zero", "value": value});
    found(&json!({"v": 1, "derived": [derived], "lines": []}))
}

#[test]
fn workings_of_every_method() {
    let past = |value: &str| json!({"last_on": "2026-01-31", "value": value});
    for (working, value) in [
        (json!({"method": "average", "of": [], "default": "7.456"}), "7.46"),
        (json!({"method": "average", "of": [past("1")], "default": "7"}), "1"),
        (json!({"method": "ratchet", "present": "3", "of": [], "percent": "80"}), "3"),
        (json!({"method": "ratchet", "present": "-3", "of": [], "percent": "80", "minimum": "-1"}), "0"),
        (
            json!({"method": "ratchet", "present": "3", "of": [past("10")], "percent": "80", "minimum": "9"}),
            "9",
        ),
        (json!({"method": "formula", "text": "1 / 3", "with": []}), "0.33"),
        (json!({"method": "formula", "text": "0.005 / 3 * 3", "with": []}), "0.01"),
    ] {
        assert_eq!(of_working(&working, value), [], "{working}");
        assert_eq!(of_working(&working, "77").len(), 1, "{working}");
    }
    assert_eq!(of_working(&json!({"method": "average", "of": []}), "0").len(), 1);
    let net = json!({"method": "net", "delivered": "1", "received": "0", "opening": "0"});
    // A net quantity is a use, not a level.
    assert_eq!(of_working(&net, "1").len(), 1);
}
