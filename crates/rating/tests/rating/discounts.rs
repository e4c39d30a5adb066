//! Minimums of a year, maximums, discounts with caps, and sums.

use crate::bench::{Segment, rule, version};
use rating::{LineKind, QuantityKey};
use vocab::Unit;

fn base(amount: &str) -> String {
    rule("base", &format!(r#""kind":"flat","amount":"{amount}""#))
}

fn april(rules: &[String]) -> Segment {
    Segment::new("2026-04-01", "2026-04-30", vec![version("2020-01-01", &rules.join(","))])
}

fn half(mut segment: Segment) -> Segment {
    segment.period = vocab::Period::new(segment.period.first_on(), crate::bench::day("2026-04-15")).unwrap();
    segment
}

fn discount(terms: &str) -> String {
    rule("discount", &format!(r#""kind":"discount",{terms},"of":"all""#))
}

#[test]
fn a_percentage_up_to_its_cap() {
    assert_eq!(april(&[base("50"), discount(r#""percent":"20""#)]).amounts(), ["50.00", "-10.00"]);
    let capped = april(&[base("50"), discount(r#""percent":"20","cap":"8""#)]);
    assert_eq!(capped.amounts(), ["50.00", "-8.00"]);
    assert_eq!(capped.rated().lines()[1].kind, LineKind::DiscountPercent);
    // The cap is of a period, the percentage is not.
    assert_eq!(half(capped).amounts(), ["25.00", "-4.00"]);
    assert_eq!(
        half(april(&[base("30"), discount(r#""percent":"20","cap":"8""#)])).amounts(),
        ["15.00", "-3.00"]
    );
}

#[test]
fn a_discount_is_never_more_than_the_lines_come_to() {
    let fixed = april(&[base("50"), discount(r#""amount":"60""#)]);
    assert_eq!(fixed.amounts(), ["50.00", "-50.00"]);
    assert_eq!(half(april(&[base("50"), discount(r#""amount":"10""#)])).amounts(), ["25.00", "-5.00"]);
    assert_eq!(april(&[base("-5"), discount(r#""amount":"10""#)]).amounts(), ["-5.00", "0.00"]);
    assert_eq!(april(&[base("50"), discount(r#""percent":"150""#)]).amounts(), ["50.00", "-50.00"]);
    assert_eq!(april(&[base("50"), discount(r#""percent":"-20""#)]).amounts(), ["50.00", "0.00"]);
    assert_eq!(april(&[base("50"), discount(r#""amount":"10","cap":"-3""#)]).amounts(), ["50.00", "0.00"]);
}

#[test]
fn a_maximum_takes_off_what_exceeds_it() {
    let most = rule("most", r#""kind":"maximum","amount":"40","of":["base"]"#);
    assert_eq!(april(&[base("50"), most.clone()]).amounts(), ["50.00", "-10.00"]);
    assert_eq!(april(&[base("40"), most.clone()]).amounts(), ["40.00"]);
    let energy = rule("base", r#""kind":"unit","quantity":{"unit":"kwh"},"price":"0.10""#);
    let segment = half(april(&[energy, most]).usage(Unit::Kwh, "300"));
    assert_eq!(segment.amounts(), ["30.00", "-10.00"]);
}

#[test]
fn a_sum_is_shown_and_adds_nothing() {
    let rules = [
        base("50"),
        rule("tax", r#""kind":"tax","tax":"t","percent":"10","of":"all""#),
        rule("supply", r#""kind":"summary","of":["base","tax"]"#),
        rule("levy", r#""kind":"percentage","percent":"2","of":"all""#),
    ];
    let segment = april(&rules);
    assert_eq!(segment.amounts(), ["50.00", "5.00", "0.00", "1.00"]);
    assert_eq!(segment.rated().lines()[2].base.as_ref().unwrap().amount.to_string(), "55.00");
}

/// 600 a year, compared in December; months of 45 before.
fn of_a_year(first_on: &str, last_on: &str, months: &[(&str, &str)]) -> Segment {
    let least = r#""kind":"minimum","amount":"600","of":["base"],"settled":{"every":"year","month":12}"#;
    let rules = [base("40"), rule("least", least)];
    let mut segment = Segment::new(first_on, last_on, vec![version("2020-01-01", &rules.join(","))]);
    for days in months {
        segment = segment.past(*days, (QuantityKey::usage(Unit::Kwh), "1"), ("base", 45_00));
    }
    segment
}

const FROM_JANUARY: [(&str, &str); 11] = [
    ("2026-01-01", "2026-01-31"),
    ("2026-02-01", "2026-02-28"),
    ("2026-03-01", "2026-03-31"),
    ("2026-04-01", "2026-04-30"),
    ("2026-05-01", "2026-05-31"),
    ("2026-06-01", "2026-06-30"),
    ("2026-07-01", "2026-07-31"),
    ("2026-08-01", "2026-08-31"),
    ("2026-09-01", "2026-09-30"),
    ("2026-10-01", "2026-10-31"),
    ("2026-11-01", "2026-11-30"),
];

#[test]
fn a_minimum_of_the_year_is_compared_in_its_last_month() {
    let december = of_a_year("2026-12-01", "2026-12-31", &FROM_JANUARY);
    // 11 × 45 and 40 are 535 of 600.
    assert_eq!(december.amounts(), ["40.00", "65.00"]);
    let rated = december.rated();
    let base = rated.lines()[1].base.as_ref().unwrap();
    assert_eq!(
        (base.amount.to_string(), base.earlier.unwrap().to_string()),
        ("535.00".to_owned(), "495.00".to_owned())
    );
    assert_eq!(of_a_year("2026-11-01", "2026-11-30", &FROM_JANUARY[..10]).amounts(), ["40.00"]);
    // What the year before charged is settled.
    let mut before = december;
    before.history.insert(0, before.history[0].clone());
    before.history[0].period =
        vocab::Period::new(crate::bench::day("2025-12-01"), crate::bench::day("2025-12-31")).unwrap();
    assert_eq!(before.amounts(), ["40.00", "65.00"]);
}

#[test]
fn a_year_that_is_not_whole_counts_by_its_days() {
    // From July on: 184 days of 365. 600 × 184 ÷ 365 = 302.466, less 5 × 45 and 40.
    let december = of_a_year("2026-12-01", "2026-12-31", &FROM_JANUARY[6..]);
    assert_eq!(december.amounts(), ["40.00", "37.47"]);
    assert_eq!(december.rated().lines()[1].proration.to_string(), "184/365");
    // The final bill settles in September: 92 days, 151.23 less 90 and 40.
    let mut last = of_a_year("2026-09-01", "2026-09-30", &FROM_JANUARY[6..8]);
    last.is_final = true;
    assert_eq!(last.amounts(), ["40.00", "21.23"]);
}
