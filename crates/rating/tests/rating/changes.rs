//! What changes inside a period or a year: tiers that end at another quantity, rules that are charged
//! once and no longer, rules for other customers, and the year of a minimum.

use crate::bench::{Segment, day, number, rule, rule_with, tariff, version, word};
use rating::{Past, QuantityKey, QuantityKind};
use vocab::{Money, Period, Unit};

fn level(unit: Unit, name: &str) -> QuantityKey {
    QuantityKey { kind: QuantityKind::Level, ..QuantityKey::usage(unit).named(word(name)) }
}

fn april(before: &str, after: &str) -> Segment {
    let versions = vec![version("2020-01-01", before), version("2026-04-16", after)];
    Segment::new("2026-04-01", "2026-04-30", versions)
}

#[test]
fn a_budget_is_cut_by_days_with_the_use_that_it_divides() {
    let budget = |price: &str| {
        let top = r#"{"from":"quantity","quantity":{"unit":"ccf","name":"budget","kind":"level"}}"#;
        let tiers =
            format!(r#"{{"up_to":{top},"price":"1"}},{{"up_to":"14","price":"2"}},{{"price":"{price}"}}"#);
        rule("water", &format!(r#""kind":"tiered","quantity":{{"unit":"ccf"}},"tiers":[{tiers}]"#))
    };
    let segment = april(&budget("5"), &budget("6")).quantity(level(Unit::Ccf, "budget"), "10");
    // Of 20 ccf each half has 10: 5 of the budget, 2 to the step, 3 above.
    let segment = segment.usage(Unit::Ccf, "20");
    assert_eq!(segment.priced(), ["5", "2", "3", "5", "2", "3"]);
    assert_eq!(segment.amounts(), ["5.00", "4.00", "15.00", "5.00", "4.00", "18.00"]);
    // A period that does not count as a whole one: the step is prorated, the budget is not.
    let mut long = segment;
    long.period = Period::new(day("2026-04-01"), day("2026-05-15")).unwrap();
    let rated = long.rated();
    let scales = rated.lines().iter().filter_map(|line| Some(line.tier.as_ref()?.scale.to_string()));
    assert_eq!(scales.collect::<Vec<_>>(), ["15/45", "15/30", "30/45", "30/30"]);
}

#[test]
fn hours_of_a_peak_are_cut_by_days_with_the_use() {
    let hours = |price: &str| {
        let per = r#""thresholds":{"per":"quantity","of":{"unit":"kw","kind":"peak"}}"#;
        let tiers = format!(r#"{{"up_to":"200","price":"0.10"}},{{"price":"{price}"}}"#);
        rule("e", &format!(r#""kind":"tiered","quantity":{{"unit":"kwh"}},{per},"tiers":[{tiers}]"#))
    };
    let segment = april(&hours("0.06"), &hours("0.05")).usage(Unit::Kwh, "12000");
    let segment = segment.quantity(QuantityKey::peak(Unit::Kw), "50");
    assert_eq!(segment.priced(), ["5000", "1000", "5000", "1000"]);
}

#[test]
fn a_whole_quantity_is_selected_by_its_part_of_a_budget() {
    let volume = |price: &str| {
        let top = r#"{"from":"quantity","quantity":{"unit":"ccf","name":"budget","kind":"level"}}"#;
        let tiers = format!(r#"{{"up_to":{top},"price":"1"}},{{"price":"{price}"}}"#);
        rule("water", &format!(r#""kind":"volume","quantity":{{"unit":"ccf"}},"tiers":[{tiers}]"#))
    };
    let segment = april(&volume("5"), &volume("6")).quantity(level(Unit::Ccf, "budget"), "10");
    assert_eq!(segment.clone().usage(Unit::Ccf, "12").amounts(), ["30.00", "36.00"]);
    assert_eq!(segment.usage(Unit::Ccf, "10").amounts(), ["5.00", "5.00"]);
}

#[test]
fn what_was_charged_once_and_no_longer_is_leaves_no_day_out() {
    let formula = r#""kind":"formula","with":{"kwh":{"quantity":{"unit":"kwh"}}},"amount":"kwh * 0.10""#;
    let unit = r#""kind":"unit","quantity":{"unit":"kwh"},"price":"0.12""#;
    let segment = april(&rule("energy", formula), &rule("energy", unit)).usage(Unit::Kwh, "100");
    assert_eq!(segment.amounts(), ["12.00"]);
    let never = r#","proration":{"basis":"never"}"#;
    let fee = |amount: &str| format!(r#""kind":"flat","amount":"{amount}""#);
    let once = rule_with("fee", &fee("12.00"), never);
    let segment = april(&once, &rule("fee", &fee("15.00")));
    assert_eq!(segment.amounts(), ["15.00"]);
    // The factors of the later rule hold on the days that it takes over.
    let fuel = r#""kind":"unit","quantity":{"unit":"kwh"},"price":{"from":"factor","factor":"fuel"}"#;
    let segment = april(&rule("energy", formula), &rule("energy", fuel)).usage(Unit::Kwh, "300");
    let segment = segment.factor("fuel", "2020-01-01", "0.10").factor("fuel", "2026-04-11", "0.20");
    assert_eq!(segment.amounts(), ["10.00", "40.00"]);
    // What the earlier rule did not charge to this customer stays uncharged.
    let shops = rule_with(
        "fee",
        &fee("12.00"),
        &format!(r#"{never},"when":{{"characteristic":"class","is":["shop"]}}"#),
    );
    let segment = april(&shops, &rule("fee", &fee("15.00")));
    assert_eq!(segment.clone().characteristic("class", "home").amounts(), ["7.50"]);
    assert_eq!(segment.characteristic("class", "shop").amounts(), ["15.00"]);
    // Three versions: by days, once, by days.
    let mut three = april(&rule("fee", &fee("9.00")), &once);
    three.versions.push(version("2026-04-21", &rule("fee", &fee("15.00"))));
    assert_eq!(three.amounts(), ["4.50", "7.50"]);
}

#[test]
fn the_prices_of_other_customers_need_not_be_known() {
    let zoned = r#""kind":"flat","amount":{"from":"factor","factor":"f","characteristic":"zone"}"#;
    let shops = rule_with("fee", zoned, r#","when":{"characteristic":"class","is":["shop"]}"#);
    let segment = Segment::new("2026-04-01", "2026-04-30", vec![version("2020-01-01", &shops)]);
    assert_eq!(segment.clone().characteristic("class", "home").amounts(), [""; 0]);
    let error = segment.characteristic("class", "shop").rate().unwrap_err();
    assert_eq!(error.code(), vocab::Code::NoFactorValue);
}

#[test]
fn a_full_tier_is_priced_as_if_it_was_divided_last() {
    let tiers = r#"{"up_to":"100","price":"0.0375"},{"price":"1"}"#;
    let charge = format!(r#""kind":"tiered","quantity":{{"unit":"kwh"}},"tiers":[{tiers}]"#);
    let mut segment =
        Segment::new("2026-01-01", "2026-01-31", vec![version("2020-01-01", &rule("e", &charge))]);
    segment.is_first = true;
    // 100 × 31/30 × 0.0375 is 3.875.
    let rated = segment.usage(Unit::Kwh, "104").rated();
    assert_eq!(rated.lines()[0].unrounded, number("3.875"));
    assert_eq!(rated.lines()[0].amount_minor, Money::from_minor(3_88));
}

const AROUND: &str = r#""demand":{"minutes":60}"#;

fn least(of: &str, month: u8) -> String {
    rule(
        "least",
        &format!(r#""kind":"minimum","amount":"365","of":{of},"settled":{{"every":"year","month":{month}}}"#),
    )
}

fn past(segment: &mut Segment, days: (&str, &str), charged: &[(&str, i64)]) {
    let charged = charged.iter().map(|(rule, amount)| (word(rule), Money::from_minor(*amount))).collect();
    let period = Period::new(day(days.0), day(days.1)).unwrap();
    segment.history.push(Past { period, quantities: Vec::new(), charged });
}

#[test]
fn the_year_of_a_minimum_goes_from_settling_day_to_settling_day() {
    let rules = [rule("base", r#""kind":"flat","amount":"10.00""#), least(r#"["base"]"#, 1)];
    let of = |first_on: &str, eve: &str, month: (&str, &str)| {
        let mut segment = Segment::new(month.0, month.1, vec![tariff("2020-01-01", AROUND, &rules)]);
        past(&mut segment, (first_on, eve), &[("base", 0)]);
        let rated = segment.rated();
        rated.lines().last().unwrap().proration.to_string()
    };
    // February 2027 to January 2028 are 365 days and whole, though 2028 is a leap year.
    assert_eq!(of("2027-02-01", "2027-12-31", ("2028-01-01", "2028-01-31")), "1/1");
    // February 2028 to January 2029 are 366; whoever came on 1 March was there for 337 of them.
    assert_eq!(of("2028-03-01", "2028-12-31", ("2029-01-01", "2029-01-31")), "337/366");
}

#[test]
fn a_yearly_minimum_of_all_counts_rules_that_were_replaced() {
    let flat = |id: &str| rule(id, r#""kind":"flat","amount":"10.00""#);
    let tax = rule("tax", r#""kind":"tax","tax":"state","percent":"6","of":"all""#);
    let before = [flat("old"), tax.clone(), least(r#""all""#, 4), flat("after")];
    let versions = |of: &str| {
        let now = [flat("new"), tax.clone(), least(of, 4), flat("after")];
        vec![tariff("2020-01-01", AROUND, &before), tariff("2026-04-01", AROUND, &now)]
    };
    let of = |of: &str| {
        let mut segment = Segment::new("2026-04-01", "2026-04-30", versions(of));
        let charged = [("old", 30_000), ("tax", 1_800), ("after", 700), ("least", 500), ("unknown", 900)];
        past(&mut segment, ("2025-05-01", "2026-03-31"), &charged);
        segment.amounts()
    };
    // 365 less 300 of the rule that was replaced and 10 of this month.
    assert_eq!(of(r#""all""#), ["10.00", "0.60", "55.00", "10.00"]);
    assert_eq!(of(r#"["new"]"#), ["10.00", "0.60", "355.00", "10.00"]);
}
