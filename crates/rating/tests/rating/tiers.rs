//! Tiers: where their ends come from, amounts besides the price, and tiers selected by another
//! quantity.

use crate::bench::{Segment, rule, tariff, version, word};
use rating::QuantityKey;
use vocab::Unit;

fn april(rule: String) -> Segment {
    Segment::new("2026-04-01", "2026-04-30", vec![version("2020-01-01", &rule)])
}

#[test]
fn an_amount_besides_the_price_once_something_falls_into_the_tier() {
    let charge = |kind: &str| {
        rule(
            "e",
            &format!(
                r#""kind":"{kind}","quantity":{{"unit":"kwh"}},"tiers":[{{"up_to":"100","price":"2","flat":"10"}},
                {{"up_to":"200","price":"1","flat":"0"}},{{"price":"0.5","flat":"50"}}]"#
            ),
        )
    };
    for (kwh, tiered, volume) in [
        ("0", vec!["0.00"], vec!["0.00"]),
        ("1", vec!["2.00", "10.00"], vec!["2.00", "10.00"]),
        ("101", vec!["200.00", "10.00", "1.00", "0.00"], vec!["101.00", "0.00"]),
        ("300", vec!["200.00", "10.00", "100.00", "0.00", "50.00", "50.00"], vec!["150.00", "50.00"]),
    ] {
        assert_eq!(april(charge("tiered")).usage(Unit::Kwh, kwh).amounts(), tiered, "{kwh}");
        assert_eq!(april(charge("volume")).usage(Unit::Kwh, kwh).amounts(), volume, "{kwh}");
    }
}

#[test]
fn hours_of_use_of_the_peak() {
    let charge = r#""kind":"tiered","quantity":{"unit":"kwh"},
        "thresholds":{"per":"quantity","of":{"unit":"kw","kind":"peak"}},
        "tiers":[{"up_to":"200","price":"0.10"},{"price":"0.06"}]"#;
    let segment = april(rule("e", charge)).usage(Unit::Kwh, "12000");
    let segment = segment.quantity(QuantityKey::peak(Unit::Kw), "50");
    // 200 hours of 50 kW are 10,000 kWh, also in half a month.
    assert_eq!(segment.amounts(), ["1000.00", "120.00"]);
    let mut half = segment;
    half.period = vocab::Period::new(half.period.first_on(), crate::bench::day("2026-04-15")).unwrap();
    assert_eq!(half.amounts(), ["1000.00", "120.00"]);
}

const BUDGET: &str = r#""kind":"tiered","quantity":{"unit":"ccf"},"tiers":[
    {"up_to":{"from":"quantity","quantity":{"unit":"ccf","name":"budget","kind":"level"}},"price":"1"},
    {"up_to":{"from":"lookup","characteristic":"size","values":{"1in":"20","2in":"12"}},"price":"2"},
    {"price":"5"}]"#;

#[test]
fn budget_tiers_end_at_a_quantity_and_by_meter_size() {
    let around = r#""quantities":[{"name":"budget","unit":"ccf","from":{"method":"formula",
        "with":{"people":{"item":"person"},"area":{"characteristic":"irrigable_area"}},
        "value":"people * 4 + area * 0.001"}}]"#;
    let version = tariff("2026-01-01", around, &[rule("water", BUDGET)]);
    let of = |ccf: &str, size: &str| {
        Segment::new("2026-04-01", "2026-04-30", vec![version.clone()])
            .usage(Unit::Ccf, ccf)
            .item("person", "3")
            .characteristic("irrigable_area", "1000")
            .characteristic("size", size)
    };
    assert_eq!(of("30", "1in").worked_out(), ["13"]);
    // A budget of 13, then to 20, then the rest.
    assert_eq!(of("30", "1in").amounts(), ["13.00", "14.00", "50.00"]);
    // A size whose step lies below the budget has no second tier.
    assert_eq!(of("30", "2in").amounts(), ["13.00", "85.00"]);
    // The budget is not prorated, the step by size is: 10 of half a month.
    let mut half = of("30", "1in");
    half.period = vocab::Period::new(half.period.first_on(), crate::bench::day("2026-04-15")).unwrap();
    assert_eq!(half.amounts(), ["13.00", "85.00"]);
}

#[test]
fn a_budget_below_nothing_is_none() {
    let key = QuantityKey { kind: rating::QuantityKind::Level, ..QuantityKey::usage(Unit::Ccf) };
    let segment = april(rule("water", BUDGET)).characteristic("size", "1in").usage(Unit::Ccf, "30");
    let segment = segment.quantity(key.named(word("budget")), "-4");
    assert_eq!(segment.amounts(), ["40.00", "50.00"]);
    let mut gave_back = segment;
    gave_back.quantities[0].value = crate::bench::number("-2");
    assert_eq!(gave_back.amounts(), ["-2.00"]);
}

fn by_peak() -> String {
    rule(
        "energy",
        r#""kind":"volume","quantity":{"unit":"kwh"},"selected_by":{"unit":"kw","kind":"peak"},
        "tiers":[{"up_to":"20","price":"0.10","flat":"4.00"},{"price":"0.08"}]"#,
    )
}

#[test]
fn the_tier_of_a_volume_is_selected_by_the_peak() {
    let of = |kw: &str| april(by_peak()).usage(Unit::Kwh, "1000").quantity(QuantityKey::peak(Unit::Kw), kw);
    assert_eq!(of("20").amounts(), ["100.00", "4.00"]);
    assert_eq!(of("20.1").amounts(), ["80.00"]);
    // The steps of a peak are not of time: in half a month 15 kW are below 20 still.
    let mut half = of("15");
    half.period = vocab::Period::new(half.period.first_on(), crate::bench::day("2026-04-15")).unwrap();
    assert_eq!(half.amounts(), ["100.00", "2.00"]);
}

#[test]
fn a_use_that_selects_counts_by_its_days() {
    let charge = |price: &str| {
        rule(
            "water",
            &format!(
                r#""kind":"volume","quantity":{{"unit":"ccf"}},"selected_by":{{"unit":"kwh"}},
                "tiers":[{{"up_to":"100","price":"{price}"}},{{"price":"9"}}]"#
            ),
        )
    };
    let versions = vec![version("2020-01-01", &charge("1")), version("2026-04-16", &charge("2"))];
    let segment = Segment::new("2026-04-01", "2026-04-30", versions).usage(Unit::Ccf, "10");
    // 80 kWh are 40 of each half, whose step is 50.
    assert_eq!(segment.usage(Unit::Kwh, "80").amounts(), ["5.00", "10.00"]);
}
