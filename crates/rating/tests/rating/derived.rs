//! Quantities that a tariff works out: formulas, ratchets, winter averages, other segments.

use crate::bench::{Segment, kwh, number, rule, tariff, word};
use rating::{LineKind, OtherSegment, Quantity, QuantityKey, Working};
use vocab::{Code, Unit};

fn level(unit: &str, name: &str, price: &str) -> Vec<String> {
    let quantity = format!(r#"{{"unit":"{unit}","name":"{name}","kind":"level"}}"#);
    vec![rule("r", &format!(r#""kind":"unit","quantity":{quantity},"price":"{price}""#))]
}

fn peak() -> QuantityKey {
    QuantityKey::peak(Unit::Kw)
}

#[test]
fn demand_corrected_by_the_power_factor() {
    let around = r#""quantities":[{"name":"billed","unit":"kw","decimals":1,"from":{"method":"formula",
        "with":{"kw":{"quantity":{"unit":"kw","kind":"peak"}},"pf":{"characteristic":"power_factor"}},
        "value":"if(pf < 0.9, kw * 0.9 / pf, kw)"}}]"#;
    let version = tariff("2026-01-01", around, &level("kw", "billed", "4.00"));
    let of = |pf: &str| {
        Segment::new("2026-04-01", "2026-04-30", vec![version.clone()])
            .quantity(peak(), "50")
            .characteristic("power_factor", pf)
    };
    // 50 × 0.9 ÷ 0.8 = 56.25, to one decimal.
    assert_eq!(of("0.80").worked_out(), ["56.3"]);
    assert_eq!(of("0.80").amounts(), ["225.20"]);
    assert_eq!(of("0.9").amounts(), ["200.00"]);
    let error = of("good").rate().unwrap_err();
    assert_eq!(error.problem().params, [("quantity", "characteristic power_factor".to_owned())]);
}

#[test]
fn the_last_digit_of_a_quotient_decides_nothing() {
    let around = r#""quantities":[{"name":"n","unit":"ccf","decimals":0,"rounding":"down","from":
        {"method":"formula","with":{"u":{"quantity":{"unit":"ccf"}}},"value":"u / 30 * 30"}}]"#;
    let version = tariff("2026-01-01", around, &level("ccf", "n", "1"));
    let segment = Segment::new("2026-04-01", "2026-04-30", vec![version]).usage(Unit::Ccf, "100");
    assert_eq!(segment.worked_out(), ["100"]);
}

fn ratchet(months: u8, more: &str) -> Segment {
    let around = format!(
        r#""quantities":[{{"name":"billed","unit":"kw","from":{{"method":"ratchet",
        "quantity":{{"unit":"kw","kind":"peak"}},"months":{months},"percent":"80"{more}}}}}]"#
    );
    let version = tariff("2026-01-01", &around, &level("kw", "billed", "1"));
    Segment::new("2026-03-01", "2026-03-31", vec![version])
        .past(("2025-07-01", "2025-07-31"), (peak(), "100"), ("r", 0))
        .past(("2025-08-01", "2025-08-31"), (peak(), "120"), ("r", 0))
        .past(("2025-11-01", "2025-11-30"), (peak(), "90"), ("r", 0))
}

#[test]
fn a_ratchet_looks_back_over_the_highest() {
    let of = |months, more, kw| ratchet(months, more).quantity(peak(), kw).worked_out();
    // 80 % of August's 120.
    assert_eq!(of(11, "", "60"), ["96"]);
    assert_eq!(of(11, "", "97"), ["97"]);
    // August is seven months back; six months back there is November's 90.
    assert_eq!(of(7, "", "60"), ["96"]);
    assert_eq!(of(6, "", "60"), ["72"]);
    assert_eq!(of(6, r#","minimum":"75""#, "60"), ["75"]);
    assert_eq!(of(6, r#","minimum":"75""#, "80"), ["80"]);
    // Only what ended in July counts.
    assert_eq!(of(11, r#","in_months":[6,7]"#, "60"), ["80"]);
    let mut none = ratchet(11, "").quantity(peak(), "60");
    none.history.clear();
    assert_eq!(none.worked_out(), ["60"]);
}

#[test]
fn a_ratchet_of_a_measured_peak_is_billed_by_its_bucket() {
    let around = r#""calendar":{"times_of_use":[{"id":"d","windows":[{"bucket":"on","from":"12:00","to":"18:00"}]}]},
        "quantities":[{"name":"billed","unit":"kw","from":{"method":"ratchet","months":11,"percent":"50",
        "quantity":{"unit":"kw","kind":"peak","bucket":"on"}}}]"#;
    let version = tariff("2026-01-01", around, &level("kw", "billed", "2.00"));
    let series = kwh(30, "2026-04-01", 30, |day, at| if at == 24 + day % 3 { 7 } else { 1 });
    let on = peak().in_bucket(word("on"));
    let segment = Segment::new("2026-04-01", "2026-04-30", vec![version]).series(series);
    assert_eq!(segment.worked_out(), ["14"]);
    let after = segment.past(("2025-08-01", "2025-08-31"), (on, "40"), ("r", 0));
    assert_eq!(after.amounts(), ["40.00"]);
}

fn winter(more: &str) -> Segment {
    let around = format!(
        r#""quantities":[{{"name":"winter","unit":"kgal","from":{{"method":"average",
        "quantity":{{"unit":"kgal"}},"months":[12,1,2]{more}}}}}]"#
    );
    let version = tariff("2020-01-01", &around, &level("kgal", "winter", "5.00"));
    Segment::new("2026-04-01", "2026-04-30", vec![version])
}

fn two_winters(mut segment: Segment) -> Segment {
    let kgal = || QuantityKey::usage(Unit::Kgal);
    for (first_on, last_on, value) in [
        ("2024-12-01", "2024-12-31", "3"),
        ("2025-01-01", "2025-01-31", "4"),
        ("2025-02-01", "2025-02-28", "5"),
        ("2025-07-01", "2025-07-31", "40"),
        ("2025-12-01", "2025-12-31", "6"),
        ("2026-01-01", "2026-01-31", "8"),
    ] {
        segment = segment.past((first_on, last_on), (kgal(), value), ("r", 0));
    }
    segment
}

#[test]
fn sewer_by_the_average_of_the_last_whole_winter() {
    let kgal = QuantityKey::usage(Unit::Kgal);
    let after = two_winters(winter("")).past(("2026-02-01", "2026-02-28"), (kgal, "10"), ("r", 0));
    assert_eq!(after.worked_out(), ["8"]);
    assert_eq!(after.amounts(), ["40.00"]);
    // In February the winter goes on: the one before it counts.
    let mut within = two_winters(winter(""));
    within.period =
        vocab::Period::new(crate::bench::day("2026-02-01"), crate::bench::day("2026-02-28")).unwrap();
    assert_eq!(within.worked_out(), ["4"]);
    // Whoever came in January has two months of it, whoever came in spring the default.
    assert_eq!(two_winters(winter("")).worked_out(), ["7"]);
    assert_eq!(winter(r#","default":"7.5""#).worked_out(), ["7.5"]);
    assert_eq!(two_winters(winter(r#","cap":"6""#)).worked_out(), ["6"]);
    assert_eq!(winter(r#","default":"7.5","cap":"6""#).worked_out(), ["6"]);
    let none = winter("").rate().unwrap_err();
    assert_eq!(none.problem().params, [("quantity", "past kgal usage".to_owned())]);
}

#[test]
fn an_average_of_all_months_is_that_of_the_year_before() {
    let around = r#""quantities":[{"name":"mean","unit":"kgal","decimals":2,"from":{"method":"average",
        "quantity":{"unit":"kgal"},"months":[1,2,3,4,5,6,7,8,9,10,11,12]}}]"#;
    let version = tariff("2020-01-01", around, &level("kgal", "mean", "1"));
    let segment = Segment::new("2026-01-01", "2026-01-31", vec![version]);
    // January 2025 to December 2025: 4, 5, 40 and 6 ÷ 4 = 13.75; December 2024 is too far.
    assert_eq!(two_winters(segment).worked_out(), ["13.75"]);
}

#[test]
fn sewer_from_the_water_of_the_same_bill() {
    let around = r#""quantities":[{"name":"sewage","unit":"ccf","kind":"usage","from":{"method":"formula",
        "with":{"water":{"segment":{"of":"water","quantity":{"unit":"ccf"}}}},"value":"water * 0.9"}}]"#;
    let sewer = r#""kind":"unit","quantity":{"unit":"ccf","name":"sewage"},"price":"5.00""#;
    let version = tariff("2026-01-01", around, &[rule("sewer", sewer)]);
    let mut segment = Segment::new("2026-04-01", "2026-04-30", vec![version]);
    assert_eq!(segment.rate().unwrap_err().problem().params, [("quantity", "ccf usage of water".to_owned())]);
    let quantity = Quantity { key: QuantityKey::usage(Unit::Ccf), value: number("12") };
    segment.segments.push(OtherSegment { of: word("water"), quantities: vec![quantity] });
    assert_eq!(segment.priced(), ["10.8"]);
    assert_eq!(segment.amounts(), ["54.00"]);
}

#[test]
fn each_version_works_out_its_own() {
    let around = |percent: &str| {
        format!(
            r#""quantities":[{{"name":"share","unit":"ccf","kind":"usage","from":{{"method":"formula",
            "with":{{"u":{{"quantity":{{"unit":"ccf"}}}}}},"value":"u * {percent}"}}}}]"#
        )
    };
    let sewer = rule("s", r#""kind":"unit","quantity":{"unit":"ccf","name":"share"},"price":"1""#);
    let versions = vec![
        tariff("2026-01-01", &around("0.9"), std::slice::from_ref(&sewer)),
        tariff("2026-04-11", &around("0.6"), &[sewer]),
    ];
    let segment = Segment::new("2026-04-01", "2026-04-30", versions).usage(Unit::Ccf, "100");
    // Ten days of 90 and twenty of 60.
    assert_eq!(segment.amounts(), ["30.00", "40.00"]);
    assert_eq!(segment.worked_out(), ["90", "60"]);
}

#[test]
fn a_quantity_that_is_given_is_not_worked_out() {
    let key = QuantityKey { kind: rating::QuantityKind::Level, ..QuantityKey::usage(Unit::Kgal) };
    let segment = two_winters(winter("")).quantity(key.named(word("winter")), "5");
    assert_eq!(segment.amounts(), ["25.00"]);
    assert_eq!(segment.worked_out(), [""; 0]);
}

#[test]
fn only_a_rule_that_needs_it_fails_without_it() {
    let around =
        r#""quantities":[{"name":"x","unit":"kw","from":{"method":"formula","value":"1 / (days - 30)"}}]"#;
    let flat = rule("flat", r#""kind":"flat","amount":"3.00""#);
    let needs =
        rule("needs", r#""kind":"unit","quantity":{"unit":"kw","name":"x","kind":"level"},"price":"1""#);
    let of = |rules: &[String], last_on| {
        Segment::new("2026-04-01", last_on, vec![tariff("2026-01-01", around, rules)])
    };
    assert_eq!(of(std::slice::from_ref(&flat), "2026-04-30").amounts(), ["3.00"]);
    let error = of(&[flat.clone(), needs.clone()], "2026-04-30").rate().unwrap_err();
    assert_eq!(error.code(), Code::ArithmeticOverflow);
    assert_eq!(of(&[flat, needs], "2026-04-26").amounts(), ["2.60", "-0.22"]);
}

#[test]
fn an_amount_by_formula_over_rules_and_days() {
    let energy = rule("energy", r#""kind":"unit","quantity":{"unit":"kwh"},"price":"0.10""#);
    let rider = rule(
        "rider",
        r#""kind":"formula","with":{"e":{"rule":"energy"},"kwh":{"quantity":{"unit":"kwh"}},
        "p":{"price":{"from":"factor","factor":"rider"}},"lamps":{"item":"lamp"}},
        "amount":"if(kwh > 500, e * p / 100, 0) + lamps * 0.01 * days""#,
    );
    let version = crate::bench::version("2026-01-01", &format!("{energy},{rider}"));
    let of = |kwh: &str| {
        Segment::new("2026-04-01", "2026-04-30", vec![version.clone()])
            .usage(Unit::Kwh, kwh)
            .item("lamp", "2")
            .factor("rider", "2026-01-01", "4")
            .factor("rider", "2026-04-20", "5")
    };
    // Charged once, with the factor of the period's end: 5 % of 60.00, and 2 lamps × 30 days.
    assert_eq!(of("600").amounts(), ["60.00", "3.60"]);
    assert_eq!(of("500").amounts(), ["50.00", "0.60"]);
    let rated = of("600").rated();
    assert_eq!(rated.lines()[1].kind, LineKind::Formula);
    let named = &rated.lines()[1].formula.as_ref().unwrap().with;
    let named: Vec<String> = named.iter().map(|of| format!("{} {}", of.name, of.value.normalize())).collect();
    assert_eq!(named, ["e 60", "kwh 600", "lamps 2", "p 5", "days 30"]);
}

#[test]
fn the_working_is_kept() {
    let rated = ratchet(11, "").quantity(peak(), "60").rated();
    let Working::Ratchet { present, of, percent, .. } = &rated.derived()[0].working else { panic!() };
    assert_eq!((present.to_string(), of.len(), percent.to_string()), ("60".to_owned(), 3, "80".to_owned()));
}
