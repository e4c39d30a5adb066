//! What holds for every tariff and quantity.

use crate::bench::{Segment, day, number, prove, rule, rule_with, version, word};
use proptest::prelude::*;
use rating::{Characteristic, ItemCount, RateVersion, Rated, RatingError};
use vocab::{Currency, Frequency, Money, Period, Unit};

fn price() -> impl Strategy<Value = String> {
    (-500_i64..5_000, 0_u32..1_000_000).prop_map(|(whole, after)| format!("{whole}.{after:06}"))
}

fn steps() -> impl Strategy<Value = String> {
    (proptest::collection::vec((1_u32..400, 0_u32..100, price()), 0..4), price()).prop_map(|(steps, last)| {
        let mut top = 0;
        let mut tiers = String::new();
        for (width, after, price) in steps {
            top += width;
            tiers.push_str(&format!(r#"{{"up_to":"{top}.{after:02}","price":"{price}"}},"#));
        }
        format!(r#"{tiers}{{"price":"{last}"}}"#)
    })
}

fn charge() -> impl Strategy<Value = String> {
    prop_oneof![
        price().prop_map(|price| format!(r#""kind":"flat","amount":"{price}""#)),
        price().prop_map(|price| format!(r#""kind":"unit","quantity":{{"unit":"kwh"}},"price":"{price}""#)),
        price().prop_map(|price| format!(r#""kind":"item","item":"lamp","price":"{price}""#)),
        (steps(), prop_oneof![Just("period"), Just("day")], prop_oneof![Just("tiered"), Just("volume")])
            .prop_map(|(tiers, per, kind)| format!(
                r#""kind":"{kind}","quantity":{{"unit":"kwh"}},"thresholds":{{"per":"{per}"}},"tiers":[{tiers}]"#
            )),
        (1_u32..50, 0_u32..50, price()).prop_map(|(size, free, price)| format!(
            r#""kind":"package","quantity":{{"unit":"kwh"}},"size":"{size}","free":"{free}.5","price":"{price}""#
        )),
        price().prop_map(|price| format!(
            r#""kind":"flat","amount":{{"from":"lookup","characteristic":"size","values":{{"1in":"{price}"}}}}"#
        )),
        Just(r#""kind":"unit","quantity":{"unit":"kwh"},"price":{"from":"factor","factor":"fuel"}"#.to_owned()),
    ]
}

fn proration() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just(r#"{"basis":"nominal"}"#),
        Just(r#"{"basis":"nominal","days":"30.4375","tolerance":"0"}"#),
        Just(r#"{"basis":"whole_period"}"#),
        Just(r#"{"basis":"year"}"#),
        Just(r#"{"basis":"per_day"}"#),
        Just(r#"{"basis":"never"}"#),
    ]
}

/// Up to five charges, then a percentage, a minimum and a tax.
fn rules() -> impl Strategy<Value = String> {
    (proptest::collection::vec((charge(), proration()), 1..6), price(), any::<bool>()).prop_map(
        |(charges, amount, each_line)| {
            let mut all: Vec<String> = charges
                .iter()
                .enumerate()
                .map(|(index, (charge, basis))| {
                    rule_with(&format!("r{index}"), charge, &format!(r#","proration":{basis}"#))
                })
                .collect();
            all.push(rule("rebate", r#""kind":"percentage","percent":"-2.5","of":["r0"]"#));
            all.push(rule("least", &format!(r#""kind":"minimum","amount":"{amount}","of":"all""#)));
            all.push(rule(
                "tax",
                &format!(r#""kind":"tax","tax":"t","percent":"6.25","of":"all","each_line":{each_line}"#),
            ));
            all.join(",")
        },
    )
}

prop_compose! {
    fn segment()(
        days in 1_i64..100,
        start in 0_i64..700,
        kwh in -1_000_000_i64..10_000_000,
        lamps in 0_i64..50,
        first in any::<bool>(),
        frequency in 0_usize..Frequency::ALL.len(),
    ) -> Segment {
        let mut segment = Segment::new("2026-01-01", "2026-01-31", Vec::new());
        let first_on = day("2025-01-01") + time::Duration::days(start);
        segment.period = Period::new(first_on, first_on + time::Duration::days(days - 1)).unwrap();
        segment.is_first = first;
        segment.frequency = Frequency::ALL[frequency];
        segment.items.push(ItemCount { item: word("lamp"), count: number(&lamps.to_string()) });
        segment.characteristics.push(Characteristic { name: word("size"), value: "1in".to_owned() });
        segment
            .usage(Unit::Kwh, &text_of(kwh))
            .factor("fuel", "2020-01-01", "0.0123")
            .factor("fuel", "2025-12-11", "0.0456")
    }
}

fn text_of(thousandths: i64) -> String {
    vocab::Decimal::new(thousandths, 3).to_string()
}

fn with(segment: &Segment, versions: Vec<RateVersion>) -> Rated {
    Segment { versions, ..segment.clone() }.rate().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn lines_add_up_and_prove_themselves(segment in segment(), before in rules(), after in rules(), cut in 0_i64..120) {
        let change_on = segment.period.first_on() + time::Duration::days(cut);
        let versions = vec![
            version("2020-01-01", &before),
            version(&vocab::dates::civil::format(change_on), &after),
        ];
        let rated = with(&segment, versions.clone());
        prop_assert_eq!(Money::sum(rated.lines().iter().map(|line| line.amount_minor)), Ok(rated.total()));
        prove(&rated, Currency::USD);
        prop_assert_eq!(with(&segment, versions), rated);
    }

    #[test]
    fn a_new_version_that_changes_nothing_changes_nothing(segment in segment(), rules in rules(), cut in 0_i64..120) {
        let change_on = segment.period.first_on() + time::Duration::days(cut);
        let one = version("2020-01-01", &rules);
        let same = version(&vocab::dates::civil::format(change_on), &rules);
        let versions = vec![one.clone(), same];
        let mut twice = with(&segment, versions).into_document().into_parts().1;
        // Only which version is named may differ, when the new one covers the whole period.
        let once = with(&segment, vec![one]).into_document().into_parts().1;
        twice.iter_mut().zip(&once).for_each(|(line, before)| line.version = before.version);
        prop_assert_eq!(twice, once);
    }

    #[test]
    fn more_use_never_costs_less_at_prices_that_are_not_negative(
        segment in segment(),
        prices in proptest::collection::vec(0_u32..100_000, 4),
        more in 0_i64..1_000_000,
    ) {
        let tiers = format!(
            r#"{{"up_to":"10.5","price":"{}.5"}},{{"up_to":"99","price":"{}"}},{{"up_to":"400","price":"{}"}},{{"price":"{}"}}"#,
            prices[0], prices[1], prices[2], prices[3]
        );
        let tiered = rule("t", &format!(r#""kind":"tiered","quantity":{{"unit":"kwh"}},"tiers":[{tiers}]"#));
        let versions = vec![version("2020-01-01", &tiered)];
        let less = with(&segment, versions.clone()).total();
        let mut larger = segment;
        larger.quantities[0].value += vocab::Decimal::new(more, 3);
        let more = with(&larger, versions).total();
        // Each of the four tiers rounds its own line.
        prop_assert!(more.minor() >= less.minor() - 2, "{:?} {:?}", less, more);
    }

    #[test]
    fn whatever_is_sent_is_answered(text in ".{0,400}", mantissa in any::<i64>(), scale in 0_u32..18, rules in rules()) {
        let _refused = RateVersion::parse(&text, &Currency::USD);
        let value = vocab::Decimal::new(mantissa, scale).to_string();
        let huge = rules.replace(".000000", &format!("{}", mantissa.unsigned_abs()));
        let json = format!(r#"{{"effective_on":"2020-01-01","rules":[{huge}]}}"#);
        let Ok(version) = RateVersion::parse(&json, &Currency::USD) else { return Ok(()) };
        let mut segment = Segment::new("0001-01-01", "9999-12-31", vec![version]).usage(Unit::Kwh, &value);
        let before_all = matches!(segment.rate(), Err(RatingError::NoRateVersion { .. }));
        prop_assert!(before_all);
        segment.period = Period::new(day("2020-01-01"), day("9999-12-31")).unwrap();
        segment.items.push(ItemCount { item: word("lamp"), count: number(&value) });
        segment.characteristics.push(Characteristic { name: word("size"), value: "1in".to_owned() });
        let segment = segment.factor("fuel", "2020-01-01", &value);
        match segment.rate() {
            Ok(rated) => prove(&rated, Currency::USD),
            Err(error) => prop_assert_eq!(error, RatingError::ArithmeticOverflow),
        }
    }

    #[test]
    fn whatever_the_tariff_and_the_account_it_is_refused_or_proven(bytes in proptest::collection::vec(any::<u8>(), 0..700)) {
        prop_assert_eq!(crate::random::run(&bytes).err(), None);
    }
}

/// The same over many seeds: most sequences of bytes that a strategy makes are refused early.
#[test]
fn random_tariffs_of_every_kind_prove_themselves() {
    let mut proven = 0;
    for seed in 0..1_000_u64 {
        let mut state = crate::random::Bytes::spread(seed);
        let bytes: Vec<u8> = (0..500)
            .map(|_| {
                state = crate::random::Bytes::spread(state);
                state.to_le_bytes()[7]
            })
            .collect();
        match crate::random::run(&bytes) {
            Ok(crate::random::Verdict::Proven { .. }) => proven += 1,
            Ok(_) => {}
            Err(fault) => panic!("seed {seed}: {fault}"),
        }
    }
    assert!(proven > 200, "{proven}");
}
