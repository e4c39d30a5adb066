//! Every arithmetic field of every line of the rating engine's golden document, changed alone.

use proof::{Checked, Violation, verify_lines};
use serde_json::{Value, json};

const GOLDEN: &str = include_str!("../../../rating/tests/golden/lines_v1.json");
/// The same lines without what most have alike.
const SHORT: &str = include_str!("../../../rating/tests/golden/lines_v2.json");

fn golden() -> Value {
    serde_json::from_str(GOLDEN).unwrap()
}

fn total(document: &Value) -> i64 {
    let lines = document["lines"].as_array().unwrap();
    lines.iter().map(|line| line["amount_minor"].as_i64().unwrap()).sum()
}

/// What is found when the total is what the untouched lines add up to.
fn found(document: &Value) -> Vec<Violation> {
    verify_lines(&document.to_string(), total(&golden()), 2).err().unwrap_or_default()
}

/// What is found when the total follows the tampered lines.
fn found_with_own_total(document: &Value) -> Vec<Violation> {
    verify_lines(&document.to_string(), total(document), 2).err().unwrap_or_default()
}

#[test]
fn the_untouched_record_holds() {
    let document = golden();
    assert_eq!(verify_lines(GOLDEN, total(&document), 2), Ok(Checked { lines: 53 }));
    assert_eq!(verify_lines(SHORT, total(&document), 2), Ok(Checked { lines: 53 }));
    assert_eq!(verify_lines(r#"{"v":1,"lines":[]}"#, 0, 2), Ok(Checked { lines: 0 }));
}

/// What is left out stands for one value: another one in its place must be found.
#[test]
fn what_is_left_out_is_not_anything() {
    let short: Value = serde_json::from_str(SHORT).unwrap();
    let lines = short["lines"].as_array().unwrap();
    let at = lines.iter().position(|line| line["kind"] == "unit" && line.get("proration").is_none()).unwrap();
    assert!(lines[at]["quantity"].get("in_period").is_none() && lines[at].get("rounding").is_none());
    for (pointer, value) in
        [("/quantity/in_period", "1"), ("/quantity/share", "1/2"), ("/proration", "30/31")]
    {
        let mut other = short.clone();
        let (place, name) = pointer.rsplit_once('/').unwrap();
        other["lines"][at].pointer_mut(place).unwrap()[name] = json!(value);
        assert_ne!(found(&other), [], "{pointer}");
    }
}

/// Pointers below a line to fields whose change must be found.
fn arithmetic(line: &Value) -> Vec<String> {
    let mut fields: Vec<String> = [
        "/price",
        "/proration",
        "/unrounded",
        "/amount_minor",
        "/decimals",
        "/quantity/value",
        "/quantity/in_period",
        "/quantity/total",
        "/quantity/share",
        "/tier/from",
        "/tier/up_to",
        "/tier/step",
        "/packages/size",
        "/packages/free",
        "/packages/started",
        "/tier/number",
        "/tier/selected_by",
        "/tier/shared/in_tier",
        "/tier/shared/all",
        "/base/amount",
        "/base/earlier",
        "/cap/price",
        "/cap/proration",
        "/formula/text",
        "/formula/with/0/value",
        "/formula/with/1/value",
        "/formula/with/2/value",
        "/bank/opening",
        "/bank/earned",
        "/bank/applied",
        "/bank/paid_out",
        "/bank/closing",
        "/bank/credits/0/quantity",
        "/bank/credits/0/price",
        "/bank/credits/1/quantity",
        "/bank/credits/1/price",
    ]
    .map(str::to_owned)
    .to_vec();
    let bases = line.pointer("/base/lines").and_then(Value::as_array).map_or(0, Vec::len);
    for base in 0..bases {
        fields.extend(["line", "rule", "share"].map(|field| format!("/base/lines/{base}/{field}")));
    }
    if line.pointer("/tier/step").is_some() {
        fields.extend(["/tier/scale", "/tier/count"].map(str::to_owned));
    }
    fields.retain(|field| line.pointer(field).is_some());
    fields
}

fn fraction(text: &str) -> Option<(i64, &str)> {
    let (above, below) = text.split_once('/')?;
    Some((above.parse().ok()?, below))
}

/// Another value of the same form.
fn changed(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_i64().unwrap() + 1),
        Value::String(text) => match fraction(text) {
            Some((above, below)) => json!(format!("{}/{below}", above + 1)),
            None => match text.strip_prefix('-') {
                Some(digits) => json!(format!("-1{digits}")),
                None if text.starts_with(|c: char| c.is_ascii_digit()) => json!(format!("1{text}")),
                None => json!(format!("{text}x")),
            },
        },
        other => panic!("{other}"),
    }
}

#[test]
fn every_changed_number_is_found() {
    let document = golden();
    let mut tried = 0;
    for (index, line) in document["lines"].as_array().unwrap().iter().enumerate() {
        for field in arithmetic(line) {
            // An exempt line charges nothing, whatever its percentage; a bank that pays nothing
            // out has a price for it all the same.
            let exempt = line.get("exemption").is_some();
            let unpaid = line["kind"] == "bank" && line["amount_minor"] == 0;
            // A discount that its cap limits is the same at a higher percentage.
            let capped = line.get("cap").is_some();
            if (exempt || unpaid || capped) && field == "/price" {
                continue;
            }
            // The number of a tier alone says nothing where tiers may be left out.
            if field == "/tier/number" && line["kind"] != "flat" {
                continue;
            }
            let pointer = format!("/lines/{index}{field}");
            let mut tampered = document.clone();
            let place = tampered.pointer_mut(&pointer).unwrap();
            *place = changed(place);
            assert!(!found_with_own_total(&tampered).is_empty(), "{pointer} of {line}");
            tried += 1;
        }
    }
    assert!(tried > 500, "{tried}");
}

#[test]
fn a_finding_names_the_line_and_the_field() {
    let mut tampered = golden();
    tampered["lines"][6]["price"] = json!("2.01");
    let findings = found(&tampered);
    assert!(matches!(findings[..], [Violation::Line { line: 6, field: "unrounded", .. }]), "{findings:?}");
}

#[test]
fn another_rounding_is_found_where_it_matters() {
    let document = golden();
    for (index, line) in document["lines"].as_array().unwrap().iter().enumerate() {
        // The rounding of a credit is that of what was earned, too.
        if line["kind"] == "credit" {
            continue;
        }
        let unrounded = line["unrounded"].as_str().unwrap();
        let decimals = unrounded.split_once('.').map_or(0, |(_, after)| after.len());
        let exact = i64::try_from(decimals).unwrap() <= line["decimals"].as_i64().unwrap();
        let caught = ["up", "down"]
            .iter()
            .filter(|mode| {
                let mut tampered = document.clone();
                tampered["lines"][index]["rounding"] = json!(mode);
                !found(&tampered).is_empty()
            })
            .count();
        assert_eq!(caught, usize::from(!exact), "{line}");
    }
}

#[test]
fn parts_that_appear_or_vanish_are_found() {
    let document = golden();
    let lines = document["lines"].as_array().unwrap();
    for (index, line) in lines.iter().enumerate() {
        for part in ["quantity", "tier", "packages", "base", "cap", "formula", "bank", "exemption"] {
            if line.get(part).is_some() {
                let mut tampered = document.clone();
                tampered["lines"][index].as_object_mut().unwrap().remove(part);
                assert!(!found(&tampered).is_empty(), "{part} of {line}");
            }
        }
        let mut without = document.clone();
        without["lines"].as_array_mut().unwrap().remove(index);
        // A line that charges nothing and that nothing stands on behind it may be missing.
        assert!(!found(&without).is_empty() || line["amount_minor"] == 0, "{line}");
        let mut twice = document.clone();
        twice["lines"].as_array_mut().unwrap().insert(index, line.clone());
        assert!(!found_with_own_total(&twice).is_empty(), "{line}");
    }
}

#[test]
fn a_base_may_not_name_a_line_twice_or_one_to_come() {
    let mut twice = golden();
    let bases = twice["lines"][13]["base"]["lines"].as_array_mut().unwrap();
    bases.push(bases[0].clone());
    assert!(!found(&twice).is_empty());
    let mut ahead = golden();
    ahead["lines"][13]["base"]["lines"][0]["line"] = json!(15);
    assert!(!found(&ahead).is_empty());
}

#[test]
fn a_wrong_total_is_found() {
    let document = golden();
    let wrong = verify_lines(GOLDEN, total(&document) + 1, 2).unwrap_err();
    let found = i128::from(total(&document));
    assert_eq!(wrong, [Violation::Total { stated: total(&document) + 1, found }]);
}

#[test]
fn other_digits_of_the_currency_are_found() {
    assert!(verify_lines(GOLDEN, total(&golden()), 0).is_err());
    assert!(verify_lines(GOLDEN, total(&golden()), 3).is_err());
}

#[test]
fn what_cannot_be_read_is_refused() {
    for text in ["", "{}", "[]", r#"{"v":1}"#, r#"{"v":1,"lines":[{}]}"#, r#"{"v":1,"lines":[],"x":1}"#] {
        let findings = verify_lines(text, 0, 2).unwrap_err();
        assert!(matches!(findings[..], [Violation::Unreadable(_)]), "{text}");
    }
    assert_eq!(verify_lines(r#"{"v":3,"lines":[]}"#, 0, 2), Err(vec![Violation::UnknownVersion(3)]));
    let mut more = golden();
    more["lines"][0]["surcharge"] = json!("1.00");
    assert!(matches!(found(&more)[..], [Violation::Unreadable(_)]));
    let mut price = golden();
    price["lines"][0]["price"] = json!("1e9");
    assert!(matches!(found(&price)[..], [Violation::Unreadable(_)]));
}

/// A line of the first half of April.
fn half_of_april(more: &Value) -> Value {
    let mut line = json!({"rule": "r", "version": "rver_11y", "kind": "flat", "price": "1",
        "period": {"first_on": "2026-04-01", "last_on": "2026-04-15"}, "proration": "1/1",
        "rounding": "half_away_from_zero", "decimals": 2, "label": {"en": "R"}});
    for (name, value) in more.as_object().unwrap() {
        line[name] = value.clone();
    }
    json!({"v": 1, "lines": [line]})
}

#[test]
fn a_hair_that_the_digits_left_decides_nothing() {
    let of = |unrounded: &str, amount: i64| {
        let line = json!({"price": unrounded, "unrounded": unrounded, "amount_minor": amount});
        found_with_own_total(&half_of_april(&line))
    };
    // 103.33… × 0.0375.
    assert_eq!(of("3.874999999999999999999999999", 3_88), []);
    assert_eq!(of("3.874999999999999999999999999", 3_87).len(), 1);
    assert_eq!(of("3.87499999999999999999", 3_87), []);
}

#[test]
fn a_part_of_the_use_does_not_fill_the_steps_of_the_whole() {
    let of = |scale: &str, up_to: &str, value: &str| {
        let amount = value.parse::<i64>().unwrap() * 100;
        found_with_own_total(&half_of_april(&json!({
            "kind": "volume", "unrounded": value, "amount_minor": amount,
            "quantity": {"value": value, "in_period": value, "total": "20", "share": "15/30", "unit": "ccf",
                "kind": "usage"},
            "tier": {"number": 1, "from": "0", "step": "20", "up_to": up_to, "scale": scale},
        })))
    };
    assert_eq!(of("15/30", "10", "10"), []);
    assert!(of("1/1", "20", "10").iter().any(|of| matches!(of, Violation::Line { field: "tier", .. })));
}
