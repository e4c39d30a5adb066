//! Rules of a season, and rules for some customers.

use crate::bench::{Segment, kwh, rule_with, tariff, version, word};
use rating::QuantityKey;
use vocab::Unit;

const SEASONS: &str = r#""calendar":{"seasons":[
    {"id":"summer","spans":[{"from":"04-11","to":"09-30"}]},
    {"id":"winter","spans":[{"from":"10-01","to":"04-10"}]}]}"#;

fn seasonal(id: &str, change: &str, charge: &str) -> String {
    rule_with(id, charge, &format!(r#","season":"{id}","season_change":"{change}""#))
}

fn energy(change: &str) -> Vec<String> {
    let price = |price: &str| format!(r#""kind":"unit","quantity":{{"unit":"kwh"}},"price":"{price}""#);
    vec![seasonal("winter", change, &price("0.10")), seasonal("summer", change, &price("0.20"))]
}

fn april(rules: &[String]) -> Segment {
    Segment::new("2026-04-01", "2026-04-30", vec![tariff("2026-01-01", SEASONS, rules)])
}

#[test]
fn a_register_is_shared_by_the_days_of_the_seasons() {
    assert_eq!(april(&energy("by_days")).usage(Unit::Kwh, "900").amounts(), ["30.00", "120.00"]);
    assert_eq!(april(&energy("at_start")).usage(Unit::Kwh, "900").amounts(), ["90.00"]);
    assert_eq!(april(&energy("at_end")).usage(Unit::Kwh, "900").amounts(), ["180.00"]);
}

#[test]
fn interval_data_know_the_days_of_the_seasons() {
    let daily = || kwh(1_440, "2026-04-01", 30, |day, _| if day < 10 { 10 } else { 40 });
    assert_eq!(april(&energy("by_days")).series(daily()).amounts(), ["10.00", "160.00"]);
    assert_eq!(april(&energy("at_start")).series(daily()).amounts(), ["90.00"]);
}

#[test]
fn a_season_over_the_new_year() {
    let of = |first_on: &str, last_on: &str| {
        Segment::new(first_on, last_on, vec![tariff("2020-01-01", SEASONS, &energy("by_days"))])
            .usage(Unit::Kwh, "600")
            .amounts()
    };
    assert_eq!(of("2025-12-16", "2026-01-14"), ["60.00"]);
    // Eleven days to 10 April, nineteen after.
    assert_eq!(of("2026-03-31", "2026-04-29"), ["22.00", "76.00"]);
}

#[test]
fn only_one_season_charges_only_its_days() {
    let summer = &energy("by_days")[1..];
    // A third of 1,000 is no whole number of millionths: the rest is summer's.
    let segment = april(summer).usage(Unit::Kwh, "1000");
    assert_eq!(segment.priced(), ["666.666667"]);
    let demand = seasonal(
        "summer",
        "by_days",
        r#""kind":"unit","quantity":{"unit":"kw","kind":"peak"},"price":"3.00""#,
    );
    // 50 kW at 3.00 for 20 days of 30.
    assert_eq!(april(&[demand]).quantity(QuantityKey::peak(Unit::Kw), "50").amounts(), ["100.00"]);
}

#[test]
fn tiers_of_a_season_follow_its_days() {
    let tiers =
        r#""kind":"tiered","quantity":{"unit":"kwh"},"tiers":[{"up_to":"300","price":"1"},{"price":"2"}]"#;
    let segment = april(&[seasonal("summer", "by_days", tiers)]).usage(Unit::Kwh, "900");
    // 600 of 900 in 20 days, whose step is 200.
    assert_eq!(segment.amounts(), ["200.00", "800.00"]);
}

#[test]
fn a_season_and_a_change_of_rates_cut_both() {
    let dearer: Vec<String> = energy("by_days").iter().map(|rule| rule.replace("0.20", "0.30")).collect();
    let mut segment = april(&energy("by_days")).usage(Unit::Kwh, "900");
    segment.versions.push(tariff("2026-04-21", SEASONS, &dearer));
    assert_eq!(segment.amounts(), ["30.00", "60.00", "90.00"]);
}

#[test]
fn a_rule_for_some_customers() {
    let only = |id: &str, class: &str, amount: &str| {
        let when = format!(r#","when":{{"characteristic":"class","is":[{class}]}}"#);
        rule_with(id, &format!(r#""kind":"flat","amount":"{amount}""#), &when)
    };
    let rules = [only("homes", r#""home","farm""#, "5.00"), only("shops", r#""shop""#, "9.00")].join(",");
    let segment = Segment::new("2026-04-01", "2026-04-30", vec![version("2020-01-01", &rules)]);
    assert_eq!(segment.clone().characteristic("class", "farm").amounts(), ["5.00"]);
    assert_eq!(segment.clone().characteristic("class", "shop").amounts(), ["9.00"]);
    assert_eq!(segment.clone().characteristic("size", "shop").amounts(), [""; 0]);
    assert_eq!(segment.amounts(), [""; 0]);
}

#[test]
fn what_is_for_nobody_is_no_base() {
    let fee = rule_with(
        "fee",
        r#""kind":"flat","amount":"5.00""#,
        r#","when":{"characteristic":"class","is":["x"]}"#,
    );
    let half = rule_with("half", r#""kind":"percentage","percent":"50","of":["fee"]"#, "");
    let least = rule_with("least", r#""kind":"minimum","amount":"2.00","of":["fee"]"#, "");
    let rules = [fee, half, least].join(",");
    let segment = Segment::new("2026-04-01", "2026-04-30", vec![version("2020-01-01", &rules)]);
    // Half of no line is no line; the least is due for want of one.
    assert_eq!(segment.amounts(), ["2.00"]);
    assert_eq!(segment.rated().lines()[0].rule, word("least"));
}
