//! The stored form of lines, one golden file per version of the document. A golden file never
//! changes: stored bills look like it.

use crate::bench::{Segment, number, rule, rule_with, version, word};
use rating::{Characteristic, Exemption, ItemCount, LinesDocument, QuantityKey};
use vocab::Unit;

const V1: &str = include_str!("../golden/lines_v1.json");

/// A segment with every kind of line, over a change of version.
pub fn every_kind() -> Segment {
    let rules = |flat: &str, step: &str| {
        [
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
            rule("calls", r#""kind":"package","quantity":{"unit":"item"},"size":"10","free":"5","price":"0.99""#),
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
        ]
        .join(",")
    };
    let versions =
        vec![version("2026-01-01", &rules("12.00", "100")), version("2026-03-16", &rules("15.00", "120"))];
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
    segment
}

#[test]
fn version_one_is_written_as_ever() {
    let rated = every_kind().rated();
    assert_eq!(rated.total().minor(), 15_758);
    let text = rated.into_document().to_json().unwrap();
    let written: serde_json::Value = serde_json::from_str(&text).unwrap();
    let golden: serde_json::Value = serde_json::from_str(V1).unwrap();
    assert_eq!(written, golden);
}

#[test]
fn version_one_is_read_as_ever() {
    let document = LinesDocument::parse(V1).unwrap();
    assert_eq!(document, every_kind().rated().into_document());
}

#[test]
fn an_unknown_version_or_member_is_refused() {
    assert!(LinesDocument::parse(r#"{"v":2,"lines":[]}"#).is_err());
    assert!(LinesDocument::parse(r#"{"v":1,"lines":[],"more":1}"#).is_err());
}
