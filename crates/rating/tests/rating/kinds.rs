//! Each kind of charge, factors, exemptions, minimums and what happens at version changes.

use crate::bench::{Segment, day, kwh, number, rule, rule_with, version, word};
use rating::Series;
use rating::{
    Characteristic, Exemption, FactorValue, ItemCount, LineKind, QuantityKey, RateVersion, RatingError,
};
use vocab::{Code, Currency, RateVersionId, Unit};

fn flat(id: &str, amount: &str) -> String {
    rule(id, &format!(r#""kind":"flat","amount":"{amount}""#))
}

fn april(rules: &[String]) -> Segment {
    Segment::new("2026-04-01", "2026-04-30", vec![version("2020-01-01", &rules.join(","))])
}

fn april_changing(before: &[String], after: &[String]) -> Segment {
    let versions = vec![version("2020-01-01", &before.join(",")), version("2026-04-16", &after.join(","))];
    Segment::new("2026-04-01", "2026-04-30", versions)
}

#[test]
fn a_threshold_is_inclusive() {
    let volume = r#""kind":"volume","quantity":{"unit":"kwh"},
        "tiers":[{"up_to":"100","price":"2"},{"up_to":"200","price":"1"},{"price":"0.5"}]"#;
    for (kwh, total) in [("0", "0.00"), ("100", "200.00"), ("100.01", "100.01"), ("300", "150.00")] {
        assert_eq!(april(&[rule("energy", volume)]).usage(Unit::Kwh, kwh).total(), total, "{kwh}");
    }
    let tiered = volume.replace("volume", "tiered");
    let lines = april(&[rule("energy", &tiered)]).usage(Unit::Kwh, "100").amounts();
    assert_eq!(lines, ["200.00"]);
}

#[test]
fn the_amount_of_a_tier_is_charged_once_anything_falls_into_it() {
    let volume = r#""kind":"volume","quantity":{"unit":"item"},"tiers":[
        {"up_to":"100","price":"2","flat":"10"},{"up_to":"200","price":"1"},{"price":"0.5","flat":"50"}]"#;
    let total = |charge: &str, items: &str| {
        let rated = april(&[rule("seats", charge)]).usage(Unit::Item, items).rate().unwrap();
        Currency::USD.format(rated.total())
    };
    for (items, expected) in [("0", "0.00"), ("1", "12.00"), ("100", "210.00"), ("300", "200.00")] {
        assert_eq!(total(volume, items), expected, "{items}");
    }
    let tiered = volume.replace("volume", "tiered");
    for (items, expected) in [("0", "0.00"), ("1", "12.00"), ("101", "211.00"), ("201", "360.50")] {
        assert_eq!(total(&tiered, items), expected, "{items}");
    }
}

#[test]
fn thresholds_per_day_and_per_item() {
    let per_day = r#""kind":"tiered","quantity":{"unit":"kwh"},"thresholds":{"per":"day"},
        "tiers":[{"up_to":"10","price":"1"},{"price":"2"}]"#;
    assert_eq!(april(&[rule("energy", per_day)]).usage(Unit::Kwh, "400").amounts(), ["300.00", "200.00"]);
    let per_unit = per_day.replace(r#"{"per":"day"}"#, r#"{"per":"item","item":"dwelling_unit"}"#);
    let mut segment = april(&[rule("energy", &per_unit)]).usage(Unit::Kwh, "400");
    segment.items.push(ItemCount { item: word("dwelling_unit"), count: number("6") });
    assert_eq!(segment.amounts(), ["60.00", "680.00"]);
    segment.items[0].count = number("0");
    assert_eq!(segment.amounts(), ["800.00"]);
}

#[test]
fn started_packages_beyond_the_free_units() {
    let package = r#""kind":"package","quantity":{"unit":"item"},"size":"10","free":"10","price":"100""#;
    for (units, total) in [("10", "0.00"), ("10.1", "100.00"), ("120", "1100.00"), ("121", "1200.00")] {
        assert_eq!(april(&[rule("calls", package)]).usage(Unit::Item, units).total(), total, "{units}");
    }
}

#[test]
fn a_price_by_meter_size() {
    let meter = r#""kind":"flat","amount":
        {"from":"lookup","characteristic":"meter_size","values":{"5/8in":"20.75","1in":"33.10"}}"#;
    let mut segment = april(&[rule("meter", meter)]);
    assert_eq!(segment.rate().unwrap_err().code(), Code::NoFactorValue);
    segment.characteristics.push(Characteristic { name: word("meter_size"), value: "1in".to_owned() });
    assert_eq!(segment.amounts(), ["33.10"]);
    segment.characteristics[0].value = "2in".to_owned();
    let error = segment.rate().unwrap_err();
    assert_eq!(error.to_string(), "meter_size (meter_size = 2in) has no value on 2026-04-01");
}

fn fuel(change: &str) -> Segment {
    let rider = rule(
        "fuel",
        &format!(
            r#""kind":"unit","quantity":{{"unit":"kwh"}},"price":{{"from":"factor","factor":"fuel","change":"{change}"}}"#
        ),
    );
    april(&[rider])
        .usage(Unit::Kwh, "300")
        .factor("fuel", "2026-01-01", "0.01")
        .factor("fuel", "2026-04-11", "0.02")
        .factor("fuel", "2026-04-21", "0.02")
}

#[test]
fn a_rider_that_changes_is_weighted_by_days_or_taken_at_one_end() {
    assert_eq!(fuel("by_days").amounts(), ["1.00", "4.00"]);
    assert_eq!(fuel("at_start").amounts(), ["3.00"]);
    assert_eq!(fuel("at_end").amounts(), ["6.00"]);
    let mut without = fuel("by_days");
    without.factors.clear();
    let error = without.rate().unwrap_err();
    assert_eq!(error, RatingError::NoFactorValue { factor: "fuel".to_owned(), on: day("2026-04-01") });
    assert_eq!(error.problem().params[1], ("on", "2026-04-01".to_owned()));
}

#[test]
fn a_rider_by_tax_area() {
    let rider = r#""kind":"percentage","percent":
        {"from":"factor","factor":"franchise","characteristic":"area"},"of":"all""#;
    let mut segment = april(&[flat("base", "100.00"), rule("franchise", rider)]);
    for (area, percent) in [("north", "2"), ("south", "3.5")] {
        segment.factors.push(FactorValue {
            factor: word("franchise"),
            characteristic: Some(area.to_owned()),
            effective_on: day("2026-01-01"),
            value: number(percent),
        });
    }
    segment.characteristics.push(Characteristic { name: word("area"), value: "south".to_owned() });
    assert_eq!(segment.amounts(), ["100.00", "3.50"]);
}

#[test]
fn a_tax_on_the_sum_or_on_each_line() {
    let lines = [flat("a", "0.50"), flat("b", "0.50"), flat("c", "0.50")];
    let tax = r#""kind":"tax","tax":"sales","percent":"9","of":"all""#;
    let mut on_sum = lines.to_vec();
    on_sum.push(rule("tax", tax));
    assert_eq!(april(&on_sum).amounts()[3..], ["0.14"]);
    let mut each = lines.to_vec();
    each.push(rule("tax", &format!(r#"{tax},"each_line":true"#)));
    assert_eq!(april(&each).amounts()[3..], ["0.05", "0.05", "0.05"]);
}

#[test]
fn taxes_are_not_taxed_unless_named() {
    let rules = [
        flat("base", "100.00"),
        rule("state", r#""kind":"tax","tax":"state","percent":"6","of":"all""#),
        rule("city", r#""kind":"tax","tax":"city","percent":"1","of":"all""#),
        rule("levy", r#""kind":"tax","tax":"levy","percent":"10","of":["state","city"]"#),
    ];
    assert_eq!(april(&rules).amounts(), ["100.00", "6.00", "1.00", "0.70"]);
}

#[test]
fn a_certificate_frees_its_days_from_its_tax() {
    let rules =
        [flat("base", "100.00"), rule("tax", r#""kind":"tax","tax":"state","percent":"6","of":"all""#)];
    let mut segment = april(&rules);
    segment.exemptions.push(Exemption {
        tax: word("state"),
        certificate: word("EX-7"),
        first_on: day("2026-04-16"),
        last_on: None,
    });
    assert_eq!(segment.amounts(), ["100.00", "3.00", "0.00"]);
    assert_eq!(segment.rated().lines()[2].exemption, Some(word("EX-7")));
    segment.exemptions[0].tax = word("other");
    assert_eq!(segment.amounts(), ["100.00", "6.00"]);
}

#[test]
fn a_minimum_tops_up_the_lines_it_names() {
    let rules = [
        flat("base", "10.00"),
        rule("energy", r#""kind":"unit","quantity":{"unit":"kwh"},"price":"0.10""#),
        rule("minimum", r#""kind":"minimum","amount":"25.00","of":["base","energy"]"#),
    ];
    let low = april(&rules).usage(Unit::Kwh, "50");
    assert_eq!(low.amounts(), ["10.00", "5.00", "10.00"]);
    let rated = low.rated();
    let base = rated.lines()[2].base.as_ref().unwrap();
    assert_eq!(base.amount, number("15"));
    assert_eq!(base.lines.iter().map(|line| line.rule.as_str()).collect::<Vec<_>>(), ["base", "energy"]);
    assert_eq!(april(&rules).usage(Unit::Kwh, "150").amounts(), ["10.00", "15.00"]);
    let mut half = low;
    half.period = vocab::Period::new(day("2026-04-01"), day("2026-04-15")).unwrap();
    assert_eq!(half.amounts(), ["5.00", "5.00", "2.50"]);
}

#[test]
fn a_discount_is_a_negative_percentage() {
    let rules =
        [flat("base", "33.33"), rule("discount", r#""kind":"percentage","percent":"-15","of":["base"]"#)];
    assert_eq!(april(&rules).amounts(), ["33.33", "-5.00"]);
}

#[test]
fn rounding_and_precision_are_the_rules_own() {
    let down = rule_with("a", r#""kind":"flat","amount":"2.679""#, r#","rounding":"down""#);
    let tenth = rule_with("b", r#""kind":"flat","amount":"2.65""#, r#","decimals":1"#);
    let even = rule_with("c", r#""kind":"flat","amount":"2.665""#, r#","rounding":"half_even""#);
    let half = flat("d", "-2.665");
    assert_eq!(april(&[down, tenth, even, half]).amounts(), ["2.67", "2.70", "2.66", "-2.67"]);
}

#[test]
fn a_currency_without_minor_unit() {
    let mut segment = april(&[rule_with("a", r#""kind":"flat","amount":"120.5""#, r#","decimals":0"#)]);
    segment.currency = Currency::new("JPY", 0).unwrap();
    assert_eq!(segment.amounts(), ["121"]);
}

#[test]
fn what_is_never_prorated_is_charged_once_as_at_the_end() {
    let never = |amount: &str| {
        rule_with(
            "fee",
            &format!(r#""kind":"flat","amount":"{amount}""#),
            r#","proration":{"basis":"never"}"#,
        )
    };
    assert_eq!(april_changing(&[never("5.00")], &[never("7.00")]).amounts(), ["7.00"]);
    assert_eq!(april_changing(&[never("5.00")], &[flat("x", "2.00")]).amounts(), ["1.00"]);
}

#[test]
fn a_factor_of_what_is_never_prorated_is_that_of_the_end() {
    let never = rule_with(
        "fee",
        r#""kind":"flat","amount":{"from":"factor","factor":"fee"}"#,
        r#","proration":{"basis":"never"}"#,
    );
    let segment = april(&[never]).factor("fee", "2020-01-01", "5.00").factor("fee", "2026-04-16", "7.00");
    assert_eq!(segment.amounts(), ["7.00"]);
}

#[test]
fn use_is_priced_by_its_days_whatever_the_basis() {
    let never = |price: &str| {
        let charge = format!(r#""kind":"unit","quantity":{{"unit":"kwh"}},"price":{price}"#);
        rule_with("energy", &charge, r#","proration":{"basis":"never"}"#)
    };
    let segment = april_changing(&[never(r#""0.10""#)], &[never(r#""0.20""#)]);
    assert_eq!(segment.usage(Unit::Kwh, "100").amounts(), ["5.00", "10.00"]);
    let fuel = april(&[never(r#"{"from":"factor","factor":"fuel"}"#)]).usage(Unit::Kwh, "100");
    let fuel = fuel.factor("fuel", "2020-01-01", "0.10").factor("fuel", "2026-04-16", "0.20");
    assert_eq!(fuel.amounts(), ["5.00", "10.00"]);
}

#[test]
fn a_rule_that_stays_the_same_is_not_split() {
    let tax = rule("tax", r#""kind":"tax","tax":"state","percent":"6","of":"all""#);
    let before = [flat("customer", "10.00"), tax.clone()];
    let after = [flat("customer", "10.00"), flat("fund", "2.00"), tax];
    let segment = april_changing(&before, &after);
    assert_eq!(segment.amounts(), ["10.00", "1.00", "0.66"]);
    let rated = segment.rated();
    assert_eq!(rated.lines()[0].period, segment.period);
    assert_eq!(rated.lines()[0].version, RateVersionId(1));
    assert_eq!(rated.lines()[1].version, RateVersionId(2));
    assert_eq!(rated.lines()[2].kind, LineKind::Tax);
}

#[test]
fn a_rule_that_ends_leaves_its_later_share_uncharged() {
    let energy = rule("energy", r#""kind":"unit","quantity":{"unit":"kwh"},"price":"1""#);
    let segment = april_changing(&[flat("a", "3.00"), energy], &[flat("a", "3.00")]);
    assert_eq!(segment.usage(Unit::Kwh, "100").amounts(), ["3.00", "50.00"]);
}

#[test]
fn versions_that_depend_contrarily_are_charged_one_after_the_other() {
    let percent =
        |id: &str, of: &str| rule(id, &format!(r#""kind":"percentage","percent":"10","of":["{of}"]"#));
    let before = [flat("a", "10.00"), percent("b", "a")];
    let after = [flat("b", "20.00"), percent("a", "b")];
    assert_eq!(april_changing(&before, &after).amounts(), ["5.00", "0.50", "10.00", "1.00"]);
}

#[test]
fn buckets_are_priced_apart_and_a_missing_one_is_named() {
    let peak = rule("peak", r#""kind":"unit","quantity":{"unit":"kwh","bucket":"on_peak"},"price":"0.30""#);
    let segment = april(&[peak]).usage(Unit::Kwh, "100");
    let error = segment.rate().unwrap_err();
    assert_eq!(error.problem().params, [("quantity", "kwh usage on_peak".to_owned())]);
    let key = QuantityKey::usage(Unit::Kwh).in_bucket(word("on_peak"));
    assert_eq!(segment.quantity(key, "40").amounts(), ["12.00"]);
}

#[test]
fn a_period_before_the_first_version_is_refused() {
    let segment = Segment::new("2026-03-15", "2026-04-14", vec![version("2026-04-01", &flat("a", "1"))]);
    let error = segment.rate().unwrap_err();
    assert_eq!(error.code(), Code::NoRateVersion);
    assert_eq!(error.problem().params[1], ("on", "2026-03-15".to_owned()));
}

#[test]
fn numbers_too_large_are_an_answer() {
    let energy = rule("e", r#""kind":"unit","quantity":{"unit":"kwh"},"price":"99999999999999999""#);
    let segment = april(&[energy]).usage(Unit::Kwh, "99999999999999999");
    assert_eq!(segment.rate().unwrap_err(), RatingError::ArithmeticOverflow);
}

#[test]
fn a_line_speaks_for_itself() {
    let energy = r#"{"id":"energy","label":{"en":"First {up_to} {unit}: {quantity} at {price}","es":"Energía"},
        "charge":{"kind":"tiered","quantity":{"unit":"kwh"},
        "tiers":[{"up_to":"100","price":"0.10"},{"price":"0.2"}]}}"#;
    let rated = april(&[energy.to_owned()]).usage(Unit::Kwh, "80").rated();
    let line = &rated.lines()[0];
    assert_eq!(line.sentence(&"en".parse().unwrap()).unwrap(), "First 100 kwh: 80 at 0.1");
    assert_eq!(line.sentence(&"es".parse().unwrap()).unwrap(), "Energía");
}

#[test]
fn tiers_fill_in_the_order_of_time_by_energy_though_the_data_are_power() {
    let json = r#"{"effective_on":"2020-01-01",
        "calendar":{"times_of_use":[{"id":"energy","otherwise":"night",
            "windows":[{"bucket":"day","from":"12:00","to":"24:00"}]}]},
        "rules":[{"id":"energy","label":{"en":"Energy"},"proration":{"basis":"never"},"charge":{"kind":"time_of_use_tiered",
            "quantity":{"unit":"kwh"},"filling":"in_time_order","buckets":[
            {"bucket":"night","tiers":[{"up_to":"30","price":"1"},{"price":"2"}]},
            {"bucket":"day","tiers":[{"up_to":"30","price":"10"},{"price":"20"}]}]}}]}"#;
    let version = RateVersion::parse(json, &Currency::USD).unwrap();
    let mut segment = Segment::new("2026-04-01", "2026-04-01", vec![version]);
    // 2 kW all day in quarter hours: 24 kWh at night, then 6 below and 18 above the top of 30 kWh.
    let power = Series { unit: Unit::Kw, ..kwh(15, "2026-04-01", 1, |_, _| 2) };
    segment.series.push(power);
    let rated = segment.rate().unwrap();
    assert_eq!(Currency::USD.format(rated.total()), "444.00");
}
