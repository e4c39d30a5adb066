//! Faults of calendars, worked-out quantities and the charges that stand on them, each named by its
//! place.

use crate::bench::{rule, rule_with};
use rating::RateVersion;
use vocab::Currency;

fn pointers(around: &str, rules: &[String]) -> Vec<String> {
    let json = format!(r#"{{"effective_on":"2026-01-01",{around}"rules":[{}]}}"#, rules.join(","));
    let Err(faults) = RateVersion::parse(&json, &Currency::USD) else { return Vec::new() };
    faults.into_iter().map(|fault| fault.pointer).collect()
}

fn flat() -> String {
    rule("a", r#""kind":"flat","amount":"1""#)
}

/// The only fault's place.
fn only(around: &str, rules: &[String], pointer: &str) {
    assert_eq!(pointers(around, rules), [pointer], "{around} {rules:?}");
}

#[test]
fn faults_of_the_calendar() {
    let window = |more: &str| {
        format!(r#"{{"times_of_use":[{{"id":"e","otherwise":"off","windows":[{{"bucket":"on"{more}}}]}}]}}"#)
    };
    let dates = vec![r#""2026-07-15""#; 5_001].join(",");
    for (calendar, pointer) in [
        (r#"{"seasons":[{"id":"s","spans":[]}]}"#.to_owned(), "/calendar/seasons/0/spans"),
        (r#"{"seasons":[{"id":"s","spans":[{"from":"02-30","to":"03-01"}]}]}"#.to_owned(), "/calendar/seasons/0/spans/0/from"),
        (
            r#"{"seasons":[{"id":"s","spans":[{"from":"02-01","to":"03-01"}]},{"id":"s","spans":[{"from":"02-01","to":"03-01"}]}]}"#.to_owned(),
            "/calendar/seasons/1/id",
        ),
        (r#"{"holidays":[{"kind":"nth","nth":6,"weekday":"monday","month":5}]}"#.to_owned(), "/calendar/holidays/0/nth"),
        (r#"{"holidays":[{"kind":"nth","nth":1,"weekday":"weekday","month":5}]}"#.to_owned(), "/calendar/holidays/0/weekday"),
        (r#"{"holidays":[{"kind":"nth","nth":1,"weekday":"monday","month":13}]}"#.to_owned(), "/calendar/holidays/0/month"),
        (r#"{"times_of_use":[{"id":"e","windows":[]}]}"#.to_owned(), "/calendar/times_of_use/0/windows"),
        (
            r#"{"times_of_use":[{"id":"e","windows":[],"otherwise":"x"},{"id":"e","windows":[],"otherwise":"y"}]}"#.to_owned(),
            "/calendar/times_of_use/1/id",
        ),
        (
            r#"{"times_of_use":[{"id":"e","windows":[],"otherwise":"x"},{"id":"f","windows":[],"otherwise":"x"}]}"#.to_owned(),
            "/calendar/times_of_use/1/windows",
        ),
        (window(r#","season":"s""#), "/calendar/times_of_use/0/windows/0/season"),
        (window(r#","months":[0]"#), "/calendar/times_of_use/0/windows/0/months"),
        (window(r#","from":"24:00""#), "/calendar/times_of_use/0/windows/0/from"),
        (window(r#","to":"16:02""#), "/calendar/times_of_use/0/windows/0/to"),
        (window(&format!(r#","dates":[{dates}]"#)), "/calendar/times_of_use/0/windows"),
    ] {
        only(&format!(r#""calendar":{calendar},"#), &[flat()], pointer);
    }
    only(r#""demand":{"minutes":50},"#, &[flat()], "/demand/minutes");
    only(r#""demand":{"minutes":0},"#, &[flat()], "/demand/minutes");
}

#[test]
fn faults_of_what_is_worked_out() {
    let of = |more: &str, from: &str| format!(r#"{{"name":"q","unit":"kw"{more},"from":{{{from}}}}}"#);
    let formula = |text: &str| {
        of("", &format!(r#""method":"formula","with":{{"kw":{{"item":"x"}}}},"value":"{text}""#))
    };
    let average = |terms: &str| of("", &format!(r#""method":"average","quantity":{{"unit":"ccf"}},{terms}"#));
    let ratchet = |terms: &str| {
        of("", &format!(r#""method":"ratchet","quantity":{{"unit":"kw","kind":"peak"}},{terms}"#))
    };
    let net = |kind: &str, delivered: &str, buckets: &str| {
        let sides = format!(r#""delivered":{{{delivered}}},"received":{{"unit":"kwh","name":"export"}}"#);
        format!(
            r#"{{"name":"n","unit":"kwh","kind":"{kind}","from":{{"method":"net","bank":"b",{sides},"buckets":[{buckets}]}}}}"#
        )
    };
    let kwh = r#""unit":"kwh""#;
    for (quantity, pointer) in [
        (formula("kw +"), "/quantities/0/from/value"),
        (formula("kva"), "/quantities/0/from/value"),
        (
            of("", r#""method":"formula","with":{"1x":{"item":"x"}},"value":"1""#),
            "/quantities/0/from/with/1x",
        ),
        (
            of("", r#""method":"formula","with":{"e":{"rule":"a"}},"value":"e""#),
            "/quantities/0/from/with/e/rule",
        ),
        (
            of("", r#""method":"formula","with":{"p":{"price":"99999999999999999999"}},"value":"p""#),
            "/quantities/0/from/with/p/price",
        ),
        (of(r#","decimals":11"#, r#""method":"formula","value":"1""#), "/quantities/0/decimals"),
        (average(r#""months":[]"#), "/quantities/0/from/months"),
        (average(r#""months":[13]"#), "/quantities/0/from/months"),
        (average(r#""months":[1],"cap":"1000000000000000000""#), "/quantities/0/from/cap"),
        (ratchet(r#""months":0,"percent":"80""#), "/quantities/0/from/months"),
        (ratchet(r#""months":11,"in_months":[0],"percent":"80""#), "/quantities/0/from/in_months"),
        (ratchet(r#""months":11,"percent":"-1""#), "/quantities/0/from/percent"),
        (net("level", kwh, ""), "/quantities/0/kind"),
        (net("usage", r#""unit":"kwh","bucket":"on""#, ""), "/quantities/0/from/delivered"),
        (net("usage", kwh, r#""on","on""#), "/quantities/0/from/buckets/1"),
        (r#"{"name":"q","unit":"kw","from":{"method":"magic"}}"#.to_owned(), "/quantities/0/from/method"),
    ] {
        only(&format!(r#""quantities":[{quantity}],"#), &[flat()], pointer);
    }
    let twice = format!(r#""quantities":[{},{}],"#, formula("kw"), formula("kw"));
    only(&twice, &[flat()], "/quantities/1/name");
    let needs = |name: &str| {
        let quantity = format!(r#"{{"unit":"kw","kind":"level","name":"{name}"}}"#);
        format!(r#""method":"formula","with":{{"x":{{"quantity":{quantity}}}}},"value":"x""#)
    };
    let ahead =
        format!(r#""quantities":[{{"name":"p","unit":"kw","from":{{{}}}}},{}],"#, needs("q"), formula("kw"));
    only(&ahead, &[flat()], "/quantities/0/from/with/x/quantity");
    let itself = format!(r#""quantities":[{}],"#, of("", &needs("q")));
    only(&itself, &[flat()], "/quantities/0/from/with/x/quantity");
}

const TIMES: &str = r#""calendar":{"times_of_use":[{"id":"e","otherwise":"off","windows":[{"bucket":"on"}]},
    {"id":"f","otherwise":"apart","windows":[]}]},"#;

#[test]
fn faults_of_quantities_that_rules_name() {
    let unit = |quantity: &str| rule("b", &format!(r#""kind":"unit","quantity":{{{quantity}}},"price":"1""#));
    only(TIMES, &[unit(r#""unit":"kwh","bucket":"peak""#)], "/rules/0/charge/quantity/bucket");
    let defined = r#""quantities":[{"name":"q","unit":"kw","from":{"method":"formula","value":"1"}}],"#;
    only(defined, &[unit(r#""unit":"kwh","name":"q""#)], "/rules/0/charge/quantity");
    only(
        defined,
        &[unit(r#""unit":"kw","kind":"level","name":"q","bucket":"on""#)],
        "/rules/0/charge/quantity/bucket",
    );
    assert_eq!(pointers(defined, &[unit(r#""unit":"kw","kind":"level","name":"q""#)]), [""; 0]);
}

#[test]
fn faults_of_shared_tiers() {
    let open = r#""tiers":[{"price":"1"}]"#;
    let tou = |quantity: &str, terms: &str, buckets: &str| {
        rule(
            "t",
            &format!(
                r#""kind":"time_of_use_tiered","quantity":{{{quantity}}},{terms},"buckets":[{buckets}]"#
            ),
        )
    };
    let (kwh, by_use) = (r#""unit":"kwh""#, r#""filling":"by_use""#);
    let on = format!(r#"{{"bucket":"on",{open}}}"#);
    let apart = format!(r#"{{"bucket":"apart",{open}}}"#);
    for (charge, pointer) in [
        (tou(kwh, by_use, ""), "/rules/0/charge/buckets"),
        (tou(kwh, by_use, &format!("{on},{on}")), "/rules/0/charge/buckets/1/bucket"),
        (tou(kwh, by_use, &format!("{on},{apart}")), "/rules/0/charge/buckets/1/bucket"),
        (tou(kwh, by_use, r#"{"bucket":"on","tiers":[]}"#), "/rules/0/charge/buckets/0/tiers"),
        (tou(r#""unit":"kw","kind":"peak""#, by_use, &on), "/rules/0/charge/quantity/kind"),
        (
            tou(kwh, r#""filling":"by_use","thresholds":{"per":"each_day"}"#, &on),
            "/rules/0/charge/thresholds",
        ),
    ] {
        only(TIMES, &[charge], pointer);
    }
    let timed = tou(kwh, r#""filling":"in_time_order""#, &on);
    only("", &[timed], "/rules/0/charge/buckets/0/bucket");
}

#[test]
fn faults_of_tiers_and_their_thresholds() {
    let tiered = |kind: &str, quantity: &str, per: &str, first: &str| {
        let tiers = format!(r#""tiers":[{{"up_to":{first},"price":"1"}},{{"price":"2"}}]"#);
        rule("t", &format!(r#""kind":"{kind}","quantity":{{{quantity}}},"thresholds":{{{per}}},{tiers}"#))
    };
    let (kwh, period, ten) = (r#""unit":"kwh""#, r#""per":"period""#, r#""10""#);
    let of_use = r#"{"from":"quantity","quantity":{"unit":"ccf"}}"#;
    for (charge, pointer) in [
        (
            tiered("tiered", kwh, r#""per":"quantity","of":{"unit":"ccf"}"#, ten),
            "/rules/0/charge/thresholds/of",
        ),
        (
            tiered("tiered", r#""unit":"kw","kind":"peak""#, r#""per":"each_day""#, ten),
            "/rules/0/charge/thresholds",
        ),
        (tiered("volume", kwh, r#""per":"each_day""#, ten), "/rules/0/charge/thresholds"),
        (tiered("tiered", kwh, period, of_use), "/rules/0/charge/tiers/0/up_to/quantity"),
        (
            tiered("tiered", kwh, period, r#"{"from":"lookup","characteristic":"c","values":{}}"#),
            "/rules/0/charge/tiers/0/up_to/values",
        ),
        (
            rule(
                "t",
                r#""kind":"tiered","quantity":{"unit":"kwh"},"tiers":[{"price":"1","flat":"0.12345678901"}]"#,
            ),
            "/rules/0/charge/tiers/0/flat",
        ),
    ] {
        only("", &[charge], pointer);
    }
}

#[test]
fn faults_of_charges_on_lines_and_of_banks() {
    let on = |charge: &str| vec![flat(), rule("b", charge)];
    for (charge, pointer) in [
        (r#""kind":"discount","of":"all""#, "/rules/1/charge"),
        (r#""kind":"discount","percent":"1","amount":"1","of":"all""#, "/rules/1/charge"),
        (r#""kind":"discount","percent":"1","cap":"0.12345678901","of":"all""#, "/rules/1/charge/cap"),
        (r#""kind":"maximum","amount":"1","of":["c"]"#, "/rules/1/charge/of/0"),
        (r#""kind":"summary","of":[]"#, "/rules/1/charge/of"),
        (
            r#""kind":"minimum","amount":"1","of":"all","settled":{"every":"never"}"#,
            "/rules/1/charge/settled",
        ),
        (
            r#""kind":"minimum","amount":"1","of":"all","settled":{"every":"year","month":0}"#,
            "/rules/1/charge/settled/month",
        ),
        (r#""kind":"formula","amount":"1 +""#, "/rules/1/charge/amount"),
        (r#""kind":"formula","with":{"e":{"rule":"b"}},"amount":"e""#, "/rules/1/charge/with/e/rule"),
        (r#""kind":"bank","net":"n","price":"1""#, "/rules/1/charge/net"),
        (r#""kind":"credit","bank":"m","earned":[],"of":"all""#, "/rules/1/charge/earned"),
        (
            r#""kind":"credit","bank":"m","earned":[{"quantity":{"unit":"kwh"},"price":"0.12345678901"}],"of":"all""#,
            "/rules/1/charge/earned/0/price",
        ),
    ] {
        only("", &on(charge), pointer);
    }
    let when = rule_with("a", r#""kind":"flat","amount":"1""#, r#","when":{"characteristic":"c","is":[]}"#);
    only("", &[when], "/rules/0/when/is");
    let season = rule_with("a", r#""kind":"flat","amount":"1""#, r#","season":"summer""#);
    only("", &[season], "/rules/0/season");
}

#[test]
fn a_sum_that_is_only_shown_is_no_base() {
    let sum = rule("sum", r#""kind":"summary","of":["a"]"#);
    let on = |charge: &str| vec![flat(), sum.clone(), rule("b", charge)];
    for (charge, pointer) in [
        (r#""kind":"tax","tax":"t","percent":"6","of":["sum"]"#, "/rules/2/charge/of/0"),
        (r#""kind":"summary","of":["a","sum"]"#, "/rules/2/charge/of/1"),
        (r#""kind":"formula","with":{"s":{"rule":"sum"}},"amount":"s""#, "/rules/2/charge/with/s/rule"),
    ] {
        only("", &on(charge), pointer);
    }
}

#[test]
fn steps_of_peaks_and_levels_are_not_per_day() {
    let tiers = r#""thresholds":{"per":"day"},"tiers":[{"up_to":"20","price":"1"},{"price":"2"}]"#;
    let peak = r#"{"unit":"kw","kind":"peak"}"#;
    let of = |kind: &str, terms: &str| rule("t", &format!(r#""kind":"{kind}",{terms},{tiers}"#));
    let at = "/rules/0/charge/thresholds";
    only("", &[of("tiered", &format!(r#""quantity":{peak}"#))], at);
    only("", &[of("volume", &format!(r#""quantity":{peak}"#))], at);
    only("", &[of("volume", &format!(r#""quantity":{{"unit":"kwh"}},"selected_by":{peak}"#))], at);
    let by_use = of("volume", &format!(r#""quantity":{peak},"selected_by":{{"unit":"kwh"}}"#));
    assert_eq!(pointers("", &[by_use]), [""; 0]);
}

#[test]
fn a_bank_is_one_rules_own() {
    let net = |name: &str, bank: &str| {
        let sides = r#""delivered":{"unit":"kwh"},"received":{"unit":"kwh","name":"export"}"#;
        format!(
            r#"{{"name":"{name}","unit":"kwh","kind":"usage","from":{{"method":"net","bank":"{bank}",{sides}}}}}"#
        )
    };
    let bank = |id: &str, more: &str| rule_with(id, r#""kind":"bank","net":"n","price":"1""#, more);
    let credit = |id: &str, bank: &str| {
        let earned = r#""earned":[{"quantity":{"unit":"kwh"},"price":"1"}]"#;
        rule(id, &format!(r#""kind":"credit","bank":"{bank}",{earned},"of":["a"]"#))
    };
    let one = format!(r#""quantities":[{}],"#, net("n", "b"));
    only(
        &format!(r#""quantities":[{},{}],"#, net("n", "b"), net("o", "b")),
        &[flat()],
        "/quantities/1/from/bank",
    );
    only(&one, &[bank("x", ""), bank("y", "")], "/rules/1/charge/net");
    only(&one, &[flat(), credit("x", "b")], "/rules/1/charge/bank");
    only(&one, &[flat(), credit("x", "m"), credit("y", "m")], "/rules/2/charge/bank");
    only(&one, &[bank("x", r#","when":{"characteristic":"c","is":["v"]}"#)], "/rules/0/when");
    let seasons = r#""calendar":{"seasons":[{"id":"s","spans":[{"from":"02-01","to":"03-01"}]}]},"#;
    only(&format!("{seasons}{one}"), &[bank("x", r#","season":"s""#)], "/rules/0/season");
    assert_eq!(pointers(&one, &[flat(), bank("x", ""), credit("y", "m"), credit("z", "k")]), [""; 0]);
}

#[test]
fn lists_have_an_end() {
    let many = |count: usize, one: &str| vec![one; count].join(",");
    let numbered = |count: usize, of: fn(usize) -> String| (0..count).map(of).collect::<Vec<_>>().join(",");
    let window = |more: &str| {
        let windows = format!(r#""windows":[{{"bucket":"on",{more}}}]"#);
        format!(r#""calendar":{{"times_of_use":[{{"id":"e",{windows}}}]}},"#)
    };
    let at = |below: &str| format!("/calendar/times_of_use/0/windows/0/{below}");
    only(&window(&format!(r#""months":[{}]"#, many(13, "1"))), &[flat()], &at("months"));
    only(&window(&format!(r#""days":[{}]"#, many(11, r#""monday""#))), &[flat()], &at("days"));
    let dates = many(2_501, r#""2026-07-15""#);
    let times = |id: &str| format!(r#"{{"id":"{id}","windows":[{{"bucket":"{id}","dates":[{dates}]}}]}}"#);
    let two = format!(r#""calendar":{{"times_of_use":[{},{}]}},"#, times("e"), times("f"));
    only(&two, &[flat()], "/calendar/times_of_use/1/windows");
    let spans = many(101, r#"{"from":"02-01","to":"03-01"}"#);
    only(
        &format!(r#""calendar":{{"seasons":[{{"id":"s","spans":[{spans}]}}]}},"#),
        &[flat()],
        "/calendar/seasons/0/spans",
    );
    let is = many(1_001, r#""v""#);
    let when = format!(r#","when":{{"characteristic":"c","is":[{is}]}}"#);
    only("", &[rule_with("a", r#""kind":"flat","amount":"1""#, &when)], "/rules/0/when/is");
    let buckets = numbered(201, |at| format!(r#""b{at}""#));
    let sides = r#""delivered":{"unit":"kwh"},"received":{"unit":"kwh","name":"export"}"#;
    let net = format!(
        r#""quantities":[{{"name":"n","unit":"kwh","kind":"usage","from":{{"method":"net","bank":"b",{sides},"buckets":[{buckets}]}}}}],"#
    );
    only(&net, &[flat()], "/quantities/0/from/buckets");
    let average = r#""method":"average","quantity":{"unit":"ccf"}"#;
    let average = format!(r#"{{"name":"q","unit":"ccf","from":{{{average},"months":[{}]}}}}"#, many(13, "1"));
    only(&format!(r#""quantities":[{average}],"#), &[flat()], "/quantities/0/from/months");
    let earned = many(201, r#"{"quantity":{"unit":"kwh"},"price":"1"}"#);
    let credit = rule("b", &format!(r#""kind":"credit","bank":"m","earned":[{earned}],"of":["a"]"#));
    only("", &[flat(), credit], "/rules/1/charge/earned");
    let tiers = numbered(201, |at| format!(r#"{{"bucket":"b{at}","tiers":[{{"price":"1"}}]}}"#));
    let shared = r#""kind":"time_of_use_tiered","quantity":{"unit":"kwh"},"filling":"by_use""#;
    only("", &[rule("b", &format!(r#"{shared},"buckets":[{tiers}]"#))], "/rules/0/charge/buckets");
    let ids = many(201, r#""a""#);
    let sum = rule("b", &format!(r#""kind":"summary","of":[{ids}]"#));
    assert_eq!(pointers("", &[flat(), sum])[0], "/rules/1/charge/of");
}

#[test]
fn how_far_a_version_looks_back() {
    let of = |around: &str, rules: &[String]| {
        let json = format!(r#"{{"effective_on":"2026-01-01",{around}"rules":[{}]}}"#, rules.join(","));
        RateVersion::parse(&json, &Currency::USD).unwrap().months_back()
    };
    let quantity = |from: &str| format!(r#""quantities":[{{"name":"q","unit":"kw","from":{{{from}}}}}],"#);
    let ratchet = r#""method":"ratchet","quantity":{"unit":"kw","kind":"peak"},"months":11,"percent":"80""#;
    let average = r#""method":"average","quantity":{"unit":"kw","kind":"peak"},"months":[1]"#;
    let least = r#""kind":"minimum","amount":"1","of":"all""#;
    let yearly = rule("b", &format!(r#"{least},"settled":{{"every":"year","month":1}}"#));
    let credit =
        r#""kind":"credit","bank":"m","earned":[{"quantity":{"unit":"kwh"},"price":"1"}],"of":["a"]"#;
    assert_eq!(of("", &[flat(), rule("b", least)]), 0);
    assert_eq!(of(&quantity(r#""method":"formula","value":"1""#), &[flat()]), 0);
    assert_eq!(of(&quantity(ratchet), &[flat()]), 11);
    assert_eq!(of(&quantity(ratchet), &[flat(), yearly]), 13);
    assert_eq!(of(&quantity(average), &[flat()]), 24);
    assert_eq!(of(&quantity(average), &[flat(), rule("b", credit)]), 39);
}
