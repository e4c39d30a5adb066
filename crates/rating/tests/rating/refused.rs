//! Tariffs that cannot be priced are refused where they are at fault.

use crate::bench::{rule, rule_with};
use rating::RateVersion;
use vocab::Currency;

fn pointers(rules: &str) -> Vec<String> {
    let json = format!(r#"{{"effective_on":"2026-01-01","rules":[{rules}]}}"#);
    let Err(faults) = RateVersion::parse(&json, &Currency::USD) else { return Vec::new() };
    faults.into_iter().map(|fault| fault.pointer).collect()
}

fn flat() -> String {
    rule("a", r#""kind":"flat","amount":"1""#)
}

fn tiers(tiers: &str) -> Vec<String> {
    pointers(&rule("t", &format!(r#""kind":"tiered","quantity":{{"unit":"kwh"}},"tiers":[{tiers}]"#)))
}

#[test]
fn each_fault_is_named_by_its_place() {
    let table = [
        (String::new(), "/rules"),
        (rule("A", r#""kind":"flat","amount":"1""#), "/rules/0/id"),
        (format!("{},{}", flat(), flat()), "/rules/1/id"),
        (rule("a", r#""kind":"flat","amount":1"#), "/rules/0/charge"),
        (rule("a", r#""kind":"flat","amount":"1e3""#), "/rules/0/charge"),
        (rule("a", r#""kind":"flat","amount":"1","more":1"#), "/rules/0/charge"),
        (rule("a", r#""kind":"magic""#), "/rules/0/charge/kind"),
        (rule("a", r#""kind":"flat","amount":"0.12345678901""#), "/rules/0/charge/amount"),
        (rule("a", r#""kind":"flat","amount":"1000000000000000000""#), "/rules/0/charge/amount"),
        (
            rule("a", r#""kind":"flat","amount":{"from":"lookup","characteristic":"c","values":{}}"#),
            "/rules/0/charge/amount/values",
        ),
        (rule_with("a", r#""kind":"flat","amount":"1""#, r#","decimals":3"#), "/rules/0/decimals"),
        (
            rule_with("a", r#""kind":"flat","amount":"1""#, r#","proration":{"basis":"nominal","days":"0"}"#),
            "/rules/0/proration/days",
        ),
        (
            rule_with(
                "a",
                r#""kind":"flat","amount":"1""#,
                r#","proration":{"basis":"nominal","tolerance":"-1"}"#,
            ),
            "/rules/0/proration/tolerance",
        ),
        (rule("a", r#""kind":"percentage","percent":"1","of":"all""#), "/rules/0/charge/of"),
        (
            format!("{},{}", flat(), rule("b", r#""kind":"tax","tax":"t","percent":"1","of":["b"]"#)),
            "/rules/1/charge/of/0",
        ),
        (
            format!("{},{}", flat(), rule("b", r#""kind":"minimum","amount":"1","of":[]"#)),
            "/rules/1/charge/of",
        ),
        (
            rule("a", r#""kind":"package","quantity":{"unit":"kwh"},"size":"0","price":"1""#),
            "/rules/0/charge/size",
        ),
        (
            r#"{"id":"a","label":{"es":"Sólo"},"charge":{"kind":"flat","amount":"1"}}"#.to_owned(),
            "/rules/0/label",
        ),
    ];
    for (rules, pointer) in table {
        assert_eq!(pointers(&rules).first().map(String::as_str), Some(pointer), "{rules}");
    }
    assert_eq!(pointers(&flat()), [""; 0]);
}

#[test]
fn tiers_ascend_and_the_last_is_open() {
    let at = |place: &str| vec![format!("/rules/0/charge/tiers/{place}")];
    assert_eq!(tiers(r#"{"up_to":"5","price":"1"},{"price":"2"}"#), [""; 0]);
    assert_eq!(tiers(r#"{"up_to":"5","price":"1"}"#), at("0/up_to"));
    assert_eq!(tiers(r#"{"price":"1"},{"price":"2"}"#), at("0/up_to"));
    assert_eq!(tiers(r#"{"up_to":"5","price":"1"},{"up_to":"5","price":"1"},{"price":"2"}"#), at("1/up_to"));
    assert_eq!(tiers(r#"{"up_to":"-5","price":"1"},{"price":"2"}"#), at("0/up_to"));
}

#[test]
fn every_broken_rule_is_reported_at_once() {
    let bad = rule("a", r#""kind":"flat","amount":1"#);
    assert_eq!(pointers(&format!("{bad},{},{bad}", flat())), ["/rules/0/charge", "/rules/2/charge"]);
}

#[test]
fn a_version_is_written_as_it_is_read() {
    let json = format!(
        r#"{{"effective_on":"2026-01-01","rules":[{},{}]}}"#,
        flat(),
        rule("f", r#""kind":"flat","amount":{"from":"factor","factor":"x","change":"at_end"}"#)
    );
    let version = RateVersion::parse(&json, &Currency::USD).unwrap();
    let again = RateVersion::parse(&version.to_json().unwrap(), &Currency::USD).unwrap();
    assert_eq!(version, again);
}
