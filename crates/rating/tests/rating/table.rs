//! The worked table of proration, and one account's first three bills.

use crate::bench::{Segment, rule, version};
use rating::QuantityKey;
use vocab::Unit;

fn flat(amount: &str) -> String {
    rule("customer", &format!(r#""kind":"flat","amount":"{amount}""#))
}

fn energy(price: &str) -> String {
    rule("energy", &format!(r#""kind":"unit","quantity":{{"unit":"kwh"}},"price":"{price}""#))
}

fn tax(percent: &str) -> String {
    rule("tax", &format!(r#""kind":"tax","tax":"state","percent":"{percent}","of":"all""#))
}

#[test]
fn thirty_one_days_are_a_whole_month() {
    let segment = Segment::new("2026-01-01", "2026-01-31", vec![version("2026-01-01", &flat("12.00"))]);
    assert_eq!(segment.amounts(), ["12.00"]);
    assert_eq!(segment.rated().lines()[0].proration.to_string(), "31/31");
}

#[test]
fn forty_five_days_are_a_month_and_a_half() {
    let segment = Segment::new("2026-01-01", "2026-02-14", vec![version("2026-01-01", &flat("12.00"))]);
    assert_eq!(segment.amounts(), ["18.00"]);
}

#[test]
fn thresholds_follow_the_days() {
    let tiers = rule(
        "energy",
        r#""kind":"tiered","quantity":{"unit":"kwh"},
           "tiers":[{"up_to":"100","price":"1"},{"up_to":"300","price":"2"},{"price":"3"}]"#,
    );
    let segment = Segment::new("2026-01-01", "2026-02-14", vec![version("2026-01-01", &tiers)]);
    let segment = segment.usage(Unit::Kwh, "500");
    let rated = segment.rated();
    let tops: Vec<String> = rated
        .lines()
        .iter()
        .filter_map(|line| line.tier.as_ref()?.up_to)
        .map(|top| top.normalize().to_string())
        .collect();
    assert_eq!(tops, ["150", "450"]);
    assert_eq!(segment.amounts(), ["150.00", "600.00", "150.00"]);
}

#[test]
fn a_flat_charge_that_changes_is_shared_by_days() {
    let versions = vec![version("2026-01-01", &flat("12.00")), version("2026-04-21", &flat("15.00"))];
    let segment = Segment::new("2026-04-01", "2026-04-30", versions);
    assert_eq!(segment.amounts(), ["8.00", "5.00"]);
}

#[test]
fn half_a_month_of_demand_costs_half() {
    let demand = rule("demand", r#""kind":"unit","quantity":{"unit":"kw","kind":"peak"},"price":"2.00""#);
    let segment = Segment::new("2026-04-01", "2026-04-15", vec![version("2026-01-01", &demand)]);
    assert_eq!(segment.quantity(QuantityKey::peak(Unit::Kw), "50").amounts(), ["50.00"]);
}

#[test]
fn a_quantity_is_shared_by_days() {
    let versions = vec![version("2026-01-01", &energy("1")), version("2026-04-21", &energy("2"))];
    let segment = Segment::new("2026-04-01", "2026-05-30", versions).usage(Unit::Kwh, "600");
    let rated = segment.rated();
    let parts: Vec<String> = rated
        .lines()
        .iter()
        .map(|line| line.quantity.as_ref().unwrap().value.normalize().to_string())
        .collect();
    assert_eq!(parts, ["200", "400"]);
}

#[test]
fn a_percentage_that_changes_is_shared_by_days() {
    let hundred = flat("100.00");
    let versions = vec![
        version("2026-01-01", &format!("{hundred},{}", tax("6"))),
        version("2026-04-16", &format!("{hundred},{}", tax("6.5"))),
    ];
    let segment = Segment::new("2026-04-01", "2026-04-30", versions);
    assert_eq!(segment.amounts(), ["100.00", "3.00", "3.25"]);
    assert_eq!(segment.total(), "106.25");
}

fn electricity(amount: &str, price: &str) -> String {
    format!("{},{},{}", flat(amount), energy(price), tax("6"))
}

fn account(first_on: &str, last_on: &str, kwh: &str) -> Segment {
    let versions = vec![
        version("2025-01-01", &electricity("12.00", "0.10")),
        version("2026-03-16", &electricity("15.00", "0.12")),
    ];
    Segment::new(first_on, last_on, versions).usage(Unit::Kwh, kwh)
}

#[test]
fn one_account_by_hand() {
    let mut january = account("2026-01-17", "2026-01-31", "150");
    january.is_first = true;
    assert_eq!(january.amounts(), ["6.00", "15.00", "1.26"]);
    assert_eq!(january.total(), "22.26");

    let february = account("2026-02-01", "2026-02-28", "280");
    assert_eq!(february.amounts(), ["12.00", "28.00", "2.40"]);
    let corrected = account("2026-02-01", "2026-02-28", "119");
    assert_eq!(corrected.amounts(), ["12.00", "11.90", "1.43"]);
    assert_eq!(corrected.total(), "25.33");

    let march = account("2026-03-01", "2026-03-31", "131");
    assert_eq!(march.amounts(), ["5.81", "7.74", "6.34", "8.11", "1.68"]);
    assert_eq!(march.total(), "29.68");
    let rated = march.rated();
    let parts: Vec<String> =
        rated.lines().iter().filter_map(|line| Some(line.quantity.as_ref()?.value.to_string())).collect();
    assert_eq!(parts, ["63.387097", "67.612903"]);
}
