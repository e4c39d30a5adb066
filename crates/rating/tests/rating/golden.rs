//! The stored form of lines, one golden file per version of the document. A golden file never
//! changes: stored bills look like it.

use crate::bench::{Segment, kwh, number, rule, rule_with, scaled, tariff, word};
use rating::{Characteristic, Exemption, ItemCount, LinesDocument, QuantityKey};
use vocab::Unit;

const V1: &str = include_str!("../golden/lines_v1.json");
const V2: &str = include_str!("../golden/lines_v2.json");

/// What rules refer to: a calendar, and quantities of every method.
const AROUND: &str = r#""calendar":{
        "seasons":[{"id":"spring","spans":[{"from":"03-20","to":"05-31"}]}],
        "times_of_use":[{"id":"energy","otherwise":"off_peak",
            "windows":[{"bucket":"on_peak","days":["weekday"],"from":"16:00","to":"21:00"}]}]},
    "demand":{"minutes":120},
    "quantities":[
        {"name":"budget","unit":"kgal","decimals":1,"from":{"method":"formula",
            "with":{"people":{"item":"dwelling_unit"}},"value":"people * days / 27"}},
        {"name":"winter","unit":"kgal","from":{"method":"average","quantity":{"unit":"kgal"},"months":[12,1,2],
            "default":"7","cap":"4.2"}},
        {"name":"billed","unit":"kw","from":{"method":"ratchet","months":11,"percent":"80","minimum":"2",
            "quantity":{"unit":"kw","kind":"peak","bucket":"on_peak"}}},
        {"name":"net","unit":"kwh","kind":"usage","decimals":2,"from":{"method":"net","bank":"solar",
            "delivered":{"unit":"kwh","name":"flow"},"received":{"unit":"kwh","name":"export"},
            "buckets":["on_peak","off_peak"]}}]"#;

/// Rules that are the same in both versions: charges on what was measured, worked out or banked.
fn later_rules() -> Vec<String> {
    let shared = |filling: &str, tops: &str| {
        format!(
            r#""kind":"time_of_use_tiered","quantity":{{"unit":"kwh","name":"flow"}},"filling":"{filling}",
            "buckets":[{{"bucket":"on_peak","tiers":[{{"up_to":"{tops}","price":"0.3"}},{{"price":"0.4","flat":"1.5"}}]}},
            {{"bucket":"off_peak","tiers":[{{"up_to":"{tops}","price":"0.1"}},{{"price":"0.2"}}]}}]"#
        )
    };
    vec![
        rule("most", r#""kind":"maximum","amount":"50","of":["customer","energy"]"#),
        rule("low", r#""kind":"discount","percent":"20","cap":"8","of":["energy"]"#),
        rule("gift", r#""kind":"discount","amount":"2","of":["customer"]"#),
        rule(
            "rider",
            r#""kind":"formula","with":{"e":{"rule":"energy"},"kwh":{"quantity":{"unit":"kwh"}}},
            "amount":"max(e * 0.03, 0.2) + kwh / 900 * days""#,
        ),
        rule(
            "steps",
            r#""kind":"tiered","quantity":{"unit":"kgal"},"tiers":[
            {"up_to":{"from":"quantity","quantity":{"unit":"kgal","name":"budget","kind":"level"}},"price":"1.1","flat":"4"},
            {"up_to":{"from":"lookup","characteristic":"size","values":{"1in":"5"}},"price":"2"},{"price":"3"}]"#,
        ),
        rule(
            "hours",
            r#""kind":"tiered","quantity":{"unit":"kwh"},
            "thresholds":{"per":"quantity","of":{"unit":"kw","name":"billed","kind":"level"}},
            "tiers":[{"up_to":"100","price":"0.02"},{"price":"0.01"}]"#,
        ),
        rule(
            "selected",
            r#""kind":"volume","quantity":{"unit":"kgal"},"selected_by":{"unit":"kw","kind":"peak","bucket":"on_peak"},
            "tiers":[{"up_to":"10","price":"0.7","flat":"1"},{"price":"0.5"}]"#,
        ),
        rule(
            "sewer",
            r#""kind":"unit","quantity":{"unit":"kgal","name":"winter","kind":"level"},"price":"5.05""#,
        ),
        rule(
            "daily",
            r#""kind":"tiered","quantity":{"unit":"kwh","name":"flow"},"thresholds":{"per":"each_day"},
            "tiers":[{"up_to":"22","price":"0.1"},{"price":"0.2"}]"#,
        ),
        rule("by-use", &shared("by_use", "300")),
        rule("in-order", &shared("in_time_order", "300")),
        rule(
            "flow-rider",
            r#""kind":"unit","quantity":{"unit":"kwh","name":"flow"},"price":{"from":"factor","factor":"fuel"}"#,
        ),
        rule(
            "peaks",
            r#""kind":"unit","quantity":{"unit":"kw","name":"flow","kind":"daily_peaks"},"price":"0.05""#,
        ),
        rule_with(
            "spring",
            r#""kind":"unit","quantity":{"unit":"kwh"},"price":"0.003""#,
            r#","season":"spring""#,
        ),
        rule(
            "net-on",
            r#""kind":"unit","quantity":{"unit":"kwh","name":"net","bucket":"on_peak"},"price":"0.25""#,
        ),
        rule("net-all", r#""kind":"unit","quantity":{"unit":"kwh","name":"net"},"price":"0.05""#),
        rule("banked", r#""kind":"bank","net":"net","settled":{"every":"year","month":3},"price":"0.031""#),
        rule(
            "credits",
            r#""kind":"credit","bank":"money","of":["lamps"],"earned":[
            {"quantity":{"unit":"kwh","name":"export","bucket":"off_peak"},"price":"0.021"},
            {"quantity":{"unit":"kwh","name":"export","bucket":"on_peak"},"price":"0.033"}]"#,
        ),
        rule(
            "yearly",
            r#""kind":"minimum","amount":"900","of":["customer","energy"],"settled":{"every":"year","month":3}"#,
        ),
        rule("sum", r#""kind":"summary","of":["customer","energy"]"#),
    ]
}

/// A segment with every kind of line, over a change of version.
pub fn every_kind() -> Segment {
    let rules = |flat: &str, step: &str| {
        let first = [
            rule_with(
                "customer",
                &format!(r#""kind":"flat","amount":"{flat}""#),
                r#","gl_account":"4000","service":"supply","rounding":"half_even""#,
            ),
            format!(
                r#"{{"id":"energy","label":{{"en":"Energy from {{from}} to {{up_to}} kWh","es":"Energía"}},
                "charge":{{"kind":"tiered","quantity":{{"unit":"kwh"}},
                "thresholds":{{"per":"item","item":"dwelling_unit"}},
                "tiers":[{{"up_to":"{step}","price":"0.10"}},{{"price":"0.1234567"}}]}}}}"#
            ),
            rule(
                "peak",
                r#""kind":"unit","quantity":{"unit":"kw","kind":"peak","bucket":"on_peak"},"price":"2.00""#,
            ),
            rule(
                "volume",
                r#""kind":"volume","quantity":{"unit":"kgal"},"tiers":[{"up_to":"5","price":"3"},{"price":"2.5"}]"#,
            ),
            rule("lamps", r#""kind":"item","item":"lamp","price":"1.25""#),
            rule(
                "calls",
                r#""kind":"package","quantity":{"unit":"item"},"size":"10","free":"5","price":"0.99""#,
            ),
            rule(
                "meter",
                r#""kind":"flat","amount":{"from":"lookup","characteristic":"size","values":{"1in":"4.10"}}"#,
            ),
            rule(
                "fuel",
                r#""kind":"unit","quantity":{"unit":"kwh"},"price":{"from":"factor","factor":"fuel"}"#,
            ),
            rule("rebate", r#""kind":"percentage","percent":"-5","of":["energy"]"#),
            rule_with("least", r#""kind":"minimum","amount":"150","of":"all""#, r#","decimals":1"#),
            rule("tax", r#""kind":"tax","tax":"state","percent":"6.5","of":"all""#),
        ];
        first.into_iter().chain(later_rules()).collect::<Vec<String>>()
    };
    let versions = vec![
        tariff("2026-01-01", AROUND, &rules("12.00", "100")),
        tariff("2026-03-16", AROUND, &rules("15.00", "120")),
    ];
    let mut segment = Segment::new("2026-03-01", "2026-03-31", versions)
        .usage(Unit::Kwh, "431")
        .usage(Unit::Kgal, "7.5")
        .usage(Unit::Item, "26")
        .quantity(QuantityKey::peak(Unit::Kw).in_bucket(word("on_peak")), "3.2")
        .factor("fuel", "2026-01-01", "0.011")
        .factor("fuel", "2026-03-05", "0.013");
    segment.items.push(ItemCount { item: word("lamp"), count: number("3") });
    segment.items.push(ItemCount { item: word("dwelling_unit"), count: number("2") });
    segment.characteristics.push(Characteristic { name: word("size"), value: "1in".to_owned() });
    segment.exemptions.push(Exemption {
        tax: word("state"),
        certificate: word("EX-1"),
        first_on: time::macros::date!(2026 - 03 - 25),
        last_on: None,
    });
    let tenths = kwh(60, "2026-03-01", 31, |day, at| if at < 16 { 8 } else { 11 + day as i64 % 4 });
    let mut flow = scaled(1, tenths);
    flow.name = Some(word("flow"));
    let export = |bucket: &str| QuantityKey::usage(Unit::Kwh).named(word("export")).in_bucket(word(bucket));
    let kgal = QuantityKey::usage(Unit::Kgal);
    let peak = QuantityKey::peak(Unit::Kw).in_bucket(word("on_peak"));
    segment
        .series(flow)
        .quantity(export("on_peak"), "20.125")
        .quantity(export("off_peak"), "700")
        .bank("solar", Some("on_peak"), "12.5")
        .bank("money", None, "1.25")
        .past(("2025-12-01", "2025-12-31"), (kgal.clone(), "4"), ("customer", 12_00))
        .past(("2026-01-01", "2026-01-31"), (peak, "4.6"), ("energy", 40_00))
        .past(("2026-02-01", "2026-02-28"), (kgal, "5"), ("customer", 12_00))
}

#[test]
fn version_two_is_written_as_ever() {
    let rated = every_kind().rated();
    assert_eq!(rated.total().minor(), 76_845);
    let text = rated.into_document().to_json().unwrap();
    let written: serde_json::Value = serde_json::from_str(&text).unwrap();
    let golden: serde_json::Value = serde_json::from_str(V2).unwrap();
    assert_eq!(written, golden, "{text}");
}

#[test]
fn both_versions_are_read_as_ever() {
    for text in [V1, V2] {
        assert_eq!(LinesDocument::parse(text).unwrap(), every_kind().rated().into_document());
    }
}

#[test]
fn an_unknown_version_or_member_is_refused() {
    assert!(LinesDocument::parse(r#"{"v":3,"lines":[]}"#).is_err());
    assert!(LinesDocument::parse(r#"{"v":2,"lines":[],"more":1}"#).is_err());
}
