//! Every step of every line that any test rates computes what it says; and worked derivations.

use crate::bench::{Segment, day, kwh, number, rule, rule_with, version, word};
use rating::explain::{Note, Step, StepKind, derived, line};
use rating::formula::Formula;
use rating::tariff::QuantityKey;
use rating::{BankBalance, Exemption, Past, Quantity, RateVersion, Rated};
use vocab::decimal::{self, Rounding};
use vocab::{Currency, Decimal, Language, Period, Unit};

/// The working, computed by formula arithmetic, is the step's result.
pub fn check(rated: &Rated, currency: Currency) {
    let lines = rated.lines();
    for (at, of) in lines.iter().enumerate() {
        let steps = line(lines, at, &currency);
        steps.iter().for_each(|step| computes(step, of.rounding));
        let [.., amount, rounded] = steps.as_slice() else { panic!("{steps:?}") };
        assert_eq!((amount.kind, amount.result), (StepKind::Amount, Some(of.unrounded)));
        assert_eq!(rounded.result, Some(currency.to_decimal(of.amount_minor)));
    }
    for of in rated.derived() {
        let steps = derived(of);
        steps.iter().for_each(|step| computes(step, of.rounding));
        assert_eq!(steps.last().and_then(|step| step.result), Some(of.value));
    }
}

fn computes(step: &Step, rounding: Rounding) {
    let Some(result) = step.result else { return };
    // `round` in a formula rounds the half away from zero.
    let otherwise = step.formula.starts_with("round(") && rounding != Rounding::HalfAwayFromZero;
    if step.formula.is_empty() || otherwise {
        assert!(otherwise || step.note.is_some(), "{step:?}");
        return;
    }
    let text = step.working.replace('×', "*").replace('÷', "/").replace('−', "-");
    let Ok(formula) = Formula::compile(&text, []) else {
        // More than a formula may hold: a maximum over three years of months.
        assert!(step.operands.len() > 12, "{step:?}");
        return;
    };
    let found = formula.value(&[]).unwrap();
    // A formula keeps ten decimals, or twenty digits of a large number.
    let near = decimal::div(result.abs(), Decimal::from(10_i64.pow(18))).unwrap();
    let near = near.max(Decimal::new(5, result.scale().min(10) + 1));
    let off = decimal::sub(found, result).unwrap().abs();
    assert!(off <= near, "{step}: {found} is not {result}");
}

/// Rated, proven and explained rightly.
pub fn rated(segment: &Segment) -> Rated {
    segment.rated()
}

fn shown(rated: &Rated, at: usize) -> Vec<String> {
    line(rated.lines(), at, &Currency::USD).iter().map(ToString::to_string).collect()
}

fn april(rules: &[String]) -> Segment {
    Segment::new("2026-04-01", "2026-04-30", vec![version("2020-01-01", &rules.join(","))])
}

fn tariff(json: &str) -> RateVersion {
    RateVersion::parse(json, &Currency::USD).unwrap_or_else(|faults| panic!("{faults:?}"))
}

#[test]
fn a_change_of_rates_is_shown_with_its_days() {
    let rules = |flat: &str, price: &str| {
        [
            rule("customer", &format!(r#""kind":"flat","amount":"{flat}""#)),
            rule("energy", &format!(r#""kind":"unit","quantity":{{"unit":"kwh"}},"price":"{price}""#)),
            rule("tax", r#""kind":"tax","tax":"state","percent":"6","of":"all""#),
        ]
        .join(",")
    };
    let versions =
        vec![version("2026-01-01", &rules("12.00", "0.10")), version("2026-03-16", &rules("15.00", "0.12"))];
    let rated = rated(&Segment::new("2026-03-01", "2026-03-31", versions).usage(Unit::Kwh, "131"));
    assert_eq!(
        shown(&rated, 0),
        ["12.00 × 15/31 = 5.8064516129032258064516129032", "round(5.8064516129032258064516129032, 2) = 5.81"]
    );
    assert_eq!(
        shown(&rated, 2),
        ["131 × 15/31 = 63.387097", "63.387097 × 0.10 = 6.3387097", "round(6.3387097, 2) = 6.34"]
    );
    assert_eq!(
        shown(&rated, 3),
        ["131 × 16/31 = 67.612903", "67.612903 × 0.12 = 8.11354836", "round(8.11354836, 2) = 8.11"]
    );
    assert_eq!(shown(&rated, 4)[..2], ["5.81 + 7.74 + 6.34 + 8.11 = 28", "28 × 6 ÷ 100 = 1.68"]);
}

#[test]
fn the_last_part_takes_what_the_others_leave() {
    let energy = |price: &str| {
        rule("energy", &format!(r#""kind":"unit","quantity":{{"unit":"kwh"}},"price":"{price}""#))
    };
    let versions = vec![
        version("2020-01-01", &energy("1")),
        version("2026-04-11", &energy("2")),
        version("2026-04-21", &energy("3")),
    ];
    let rated = rated(&Segment::new("2026-04-01", "2026-04-30", versions).usage(Unit::Kwh, "100"));
    assert_eq!(shown(&rated, 0)[0], "100 × 10/30 = 33.333333");
    let last = &line(rated.lines(), 2, &Currency::USD)[0];
    assert_eq!(
        (last.to_string(), last.note),
        ("100 − 66.666666 = 33.333334".to_owned(), Some(Note::Residue))
    );
}

#[test]
fn tiers_show_where_they_end_and_what_falls_into_them() {
    let tiers = r#""kind":"tiered","quantity":{"unit":"kwh"},"thresholds":{"per":"item","item":"unit"},
        "tiers":[{"up_to":"100","price":"1"},{"price":"2"}]"#;
    let mut segment =
        Segment::new("2026-01-01", "2026-02-14", vec![version("2026-01-01", &rule("energy", tiers))]);
    segment.items.push(rating::ItemCount { item: word("unit"), count: number("2") });
    let tiered = rated(&segment.usage(Unit::Kwh, "500"));
    assert_eq!(
        shown(&tiered, 0),
        ["100 × 2 × 45/30 = 300", "min(500, 300) = 300", "300 × 1 = 300", "round(300, 2) = 300.00"]
    );
    assert_eq!(shown(&tiered, 1)[0], "500 − 300 = 200");
    let volume = r#""kind":"volume","quantity":{"unit":"kwh"},"selected_by":{"unit":"kw","kind":"peak"},
        "tiers":[{"up_to":"10","price":"1"},{"up_to":"20","price":"2"},{"price":"3"}]"#;
    let segment = april(&[rule("energy", volume)]).usage(Unit::Kwh, "5");
    let rated = rated(&segment.quantity(QuantityKey::peak(Unit::Kw), "15"));
    assert_eq!(shown(&rated, 0), ["10 < 15 ≤ 20", "5 × 2 = 10", "round(10, 2) = 10.00"]);
}

#[test]
fn a_convention_of_filling_is_stated() {
    let charge = |filling: &str| {
        format!(
            r#"{{"effective_on":"2026-01-01","calendar":{{"times_of_use":[{{"id":"t","otherwise":"off","windows":[
                {{"bucket":"on","from":"12:00","to":"18:00"}}]}}]}},
               "rules":[{{"id":"energy","label":{{"en":"{{bucket}} {{tier}}: {{filling}}"}},
                "charge":{{"kind":"time_of_use_tiered","quantity":{{"unit":"kwh"}},"filling":"{filling}","buckets":[
                 {{"bucket":"on","tiers":[{{"up_to":"300","price":"0.3"}},{{"price":"0.4"}}]}},
                 {{"bucket":"off","tiers":[{{"up_to":"300","price":"0.1"}},{{"price":"0.2"}}]}}]}}}}]}}"#
        )
    };
    let filled = |filling: &str| {
        let mut segment = Segment::new("2026-04-01", "2026-04-30", vec![tariff(&charge(filling))]);
        segment.series.push(kwh(60, "2026-04-01", 30, |_, _| 1));
        rated(&segment)
    };
    let by_use = filled("by_use");
    let first = &line(by_use.lines(), 0, &Currency::USD)[1];
    assert_eq!((first.to_string(), first.note), ("300 × 180 ÷ 720 = 75".to_owned(), Some(Note::ByUse)));
    let english = Language::english();
    assert_eq!(by_use.lines()[0].sentence(&english).unwrap(), "on 1: by_use");
    let in_order = filled("in_time_order");
    let first = &line(in_order.lines(), 0, &Currency::USD)[1];
    assert_eq!((first.formula.as_str(), first.note), ("", Some(Note::InTimeOrder)));
    assert_eq!(in_order.lines()[0].sentence(&english).unwrap(), "on 1: in_time_order");
}

#[test]
fn discounts_and_minimums_show_what_they_are_about() {
    let rules = [
        rule("energy", r#""kind":"unit","quantity":{"unit":"kwh"},"price":"0.10""#),
        rule("care", r#""kind":"discount","percent":"20","cap":"15.00","of":["energy"]"#),
        rule("least", r#""kind":"minimum","amount":"90","of":"all""#),
        rule("tax", r#""kind":"tax","tax":"state","percent":"6","of":"all""#),
    ];
    let mut segment = april(&rules).usage(Unit::Kwh, "1000");
    let certificate = word("EX-1");
    segment.exemptions.push(Exemption {
        tax: word("state"),
        certificate,
        first_on: day("2026-01-01"),
        last_on: None,
    });
    let rated = rated(&segment);
    assert_eq!(shown(&rated, 1)[..2], ["100", "−max(0, min(100 × 20 ÷ 100, 15, 100)) = -15"]);
    assert_eq!(shown(&rated, 2)[..2], ["100 + (-15) = 85", "90 − 85 = 5"]);
    let tax = &line(rated.lines(), 3, &Currency::USD)[1];
    assert_eq!((tax.to_string(), tax.note), ("90 × 6 ÷ 100 × 0/1 = 0".to_owned(), Some(Note::Exempt)));
    assert!(rated.lines()[1].arguments().contains(&("cap", "15".to_owned())));
    assert!(rated.lines()[3].arguments().contains(&("certificate", "EX-1".to_owned())));
}

#[test]
fn worked_out_quantities_show_their_working() {
    let json = r#"{"effective_on":"2020-01-01","quantities":[
        {"name":"corrected","unit":"kw","decimals":2,"from":{"method":"formula",
         "with":{"kw":{"quantity":{"unit":"kw","kind":"peak"}}},"value":"max(kw, kw * 0.95 / 0.65)"}},
        {"name":"billed","unit":"kw","from":{"method":"ratchet","quantity":{"unit":"kw","kind":"peak"},
         "months":11,"percent":"80","minimum":"10"}},
        {"name":"winter","unit":"ccf","decimals":1,"from":{"method":"average","quantity":{"unit":"ccf"},
         "months":[1,2,3],"cap":"20"}}],
        "rules":[{"id":"r","label":{"en":"r"},"charge":{"kind":"unit","price":"1",
         "quantity":{"unit":"kw","kind":"level","name":"corrected"}}}]}"#;
    let past = |first_on: &str, last_on: &str, kw: &str, ccf: &str| Past {
        period: Period::new(day(first_on), day(last_on)).unwrap(),
        quantities: vec![
            Quantity { key: QuantityKey::peak(Unit::Kw), value: number(kw) },
            Quantity { key: QuantityKey::usage(Unit::Ccf), value: number(ccf) },
        ],
        charged: Vec::new(),
    };
    let mut segment = Segment::new("2026-04-01", "2026-04-30", vec![tariff(json)]);
    segment.history = vec![
        past("2026-01-01", "2026-01-31", "70", "8"),
        past("2026-02-01", "2026-02-28", "60", "7"),
        past("2026-03-01", "2026-03-31", "50", "7"),
    ];
    let rated = rated(&segment.quantity(QuantityKey::peak(Unit::Kw), "50"));
    let all: Vec<Vec<String>> =
        rated.derived().iter().map(|of| derived(of).iter().map(ToString::to_string).collect()).collect();
    let exact = "73.0769230769230769";
    assert_eq!(
        all[0],
        [format!("max(50, 50 * 0.95 / 0.65) = {exact}"), format!("round({exact}, 2) = 73.08")]
    );
    assert_eq!(all[1], ["max(70, 60, 50) = 70", "max(50, 80 × 70 ÷ 100, 10) = 56"]);
    let average = "7.3333333333333333333333333333";
    assert_eq!(
        all[2],
        [format!("min((8 + 7 + 7) ÷ 3, 20) = {average}"), format!("round({average}, 1) = 7.3")]
    );
    assert_eq!(derived(&rated.derived()[1])[0].operands[0].0, "period_2026_01_31");
}

#[test]
fn banks_show_what_they_took_in_and_keep() {
    let rules = [
        rule("energy", r#""kind":"unit","quantity":{"unit":"kwh"},"price":"0.10""#),
        rule_with(
            "export",
            r#""kind":"credit","bank":"export","of":["energy"],
               "earned":[{"quantity":{"unit":"kwh","name":"export"},"price":"0.08"}]"#,
            "",
        )
        .replace(r#""en":"export""#, r#""en":"{bank} {opening} {earned} {applied} {paid_out} {closing}""#),
    ];
    let mut segment = april(&rules).usage(Unit::Kwh, "300");
    segment.banks.push(BankBalance { bank: word("export"), bucket: None, balance: number("2.5") });
    let mut segment = segment.quantity(QuantityKey::usage(Unit::Kwh).named(word("export")), "500");
    let rated_once = rated(&segment);
    assert_eq!(
        shown(&rated_once, 1),
        [
            "30",
            "round(500 × 0.08, 2) = 40",
            "min(max(0, 30), 2.5 + 40) = 30",
            "2.5 + 40 − 30 − 0 = 12.5",
            "−30 = -30",
            "round(-30, 2) = -30.00"
        ]
    );
    let sentence = rated_once.lines()[1].sentence(&Language::english()).unwrap();
    assert_eq!(sentence, "export 2.5 40 30 0 12.5");
    // Delayed, and settled.
    let export = r#""kind":"credit","bank":"export","delayed":true,"settled":{"every":"period"},"of":["energy"],
        "earned":[{"quantity":{"unit":"kwh","name":"export"},"price":"0.08"}]"#;
    segment.versions = vec![version("2020-01-01", &[rules[0].clone(), rule("export", export)].join(","))];
    let settled = rated(&segment);
    assert_eq!(shown(&settled, 1)[2..4], ["min(max(0, 30), 2.5) = 2.5", "2.5 + 40 − 2.5 − 40 = 0"]);
    assert_eq!(shown(&settled, 2)[0], "−40 = -40");
}

#[test]
fn a_bank_of_any_size_is_explained() {
    let export = r#""kind":"credit","bank":"export","settled":{"every":"never"},"of":["energy"],
        "earned":[{"quantity":{"unit":"kwh","name":"export"},"price":"0.08"}]"#;
    let rules =
        [rule("energy", r#""kind":"unit","quantity":{"unit":"kwh"},"price":"0.10""#), rule("export", export)];
    let segment = april(&rules).usage(Unit::Kwh, "300");
    let rated = segment.quantity(QuantityKey::usage(Unit::Kwh).named(word("export")), "500").rated();
    let mut lines = rated.lines().to_vec();
    let bank = lines[1].bank.as_deref_mut().unwrap();
    bank.opening = Decimal::MAX;
    assert!(!line(&lines, 1, &Currency::USD).is_empty());
}
