//! Net metering: a bank of units and a bank of money over several periods.

use crate::bench::{Segment, kwh, rule, rule_with, tariff, word};
use rating::{LineBank, LineKind, QuantityKey};
use vocab::Unit;

const NET: &str = r#""quantities":[{"name":"net","unit":"kwh","kind":"usage","from":{"method":"net","bank":"solar",
    "delivered":{"unit":"kwh"},"received":{"unit":"kwh","name":"export"}}}]"#;

fn export() -> QuantityKey {
    QuantityKey::usage(Unit::Kwh).named(word("export"))
}

/// Net energy at 0.10, and a bank that pays out at 0.03 when it is settled.
fn net_rules(settled: &str) -> Vec<String> {
    vec![
        rule("energy", r#""kind":"unit","quantity":{"unit":"kwh","name":"net"},"price":"0.10""#),
        rule("bank", &format!(r#""kind":"bank","net":"net","price":"0.03","settled":{settled}"#)),
    ]
}

const IN_DECEMBER: &str = r#"{"every":"year","month":12}"#;

fn period(days: (&str, &str), delivered: &str, received: &str, opening: &str) -> Segment {
    Segment::new(days.0, days.1, vec![tariff("2026-01-01", NET, &net_rules(IN_DECEMBER))])
        .usage(Unit::Kwh, delivered)
        .quantity(export(), received)
        .bank("solar", None, opening)
}

fn bank_of(segment: &Segment) -> LineBank {
    segment.rated().lines().iter().find_map(|line| line.bank.as_deref().cloned()).unwrap()
}

fn closing(segment: &Segment) -> String {
    bank_of(segment).closing.normalize().to_string()
}

#[test]
fn kilowatt_hours_are_carried_to_the_end_of_the_year() {
    let mut opening = "0".to_owned();
    for (days, delivered, received, amounts, left) in [
        (("2026-08-01", "2026-08-31"), "300", "500", ["0.00", "0.00"], "200"),
        (("2026-09-01", "2026-09-30"), "300", "50", ["5.00", "0.00"], "0"),
        (("2026-10-01", "2026-10-31"), "100", "400", ["0.00", "0.00"], "300"),
        (("2026-11-01", "2026-11-30"), "250.5", "20", ["0.00", "0.00"], "69.5"),
        // 69.5 and 100 less 60 are left: 109.5 × 0.03 = 3.285.
        (("2026-12-01", "2026-12-31"), "60", "100", ["0.00", "-3.29"], "0"),
        (("2027-01-01", "2027-01-31"), "60", "10", ["5.00", "0.00"], "0"),
    ] {
        let segment = period(days, delivered, received, &opening);
        assert_eq!(segment.amounts(), amounts, "{days:?}");
        opening = closing(&segment);
        assert_eq!(opening, left, "{days:?}");
    }
}

#[test]
fn the_final_bill_settles_whenever_it_comes() {
    let mut last = period(("2026-06-01", "2026-06-30"), "50", "0", "200");
    assert_eq!(
        (last.amounts(), closing(&last)),
        (vec!["0.00".to_owned(), "0.00".to_owned()], "150".to_owned())
    );
    last.is_final = true;
    assert_eq!(
        (last.amounts(), closing(&last)),
        (vec!["0.00".to_owned(), "-4.50".to_owned()], "0".to_owned())
    );
    assert_eq!(bank_of(&last).paid_out.to_string(), "150");
}

#[test]
fn a_period_that_holds_the_last_of_december_settles() {
    let across = period(("2026-12-15", "2027-01-14"), "0", "100", "0");
    assert_eq!(across.amounts(), ["0.00", "-3.00"]);
    assert_eq!(period(("2026-12-01", "2026-12-30"), "0", "100", "0").amounts(), ["0.00", "0.00"]);
}

#[test]
fn settled_every_period_the_surplus_is_bought_at_once() {
    let version = tariff("2026-01-01", NET, &net_rules(r#"{"every":"period"}"#));
    let segment = Segment::new("2026-04-01", "2026-04-30", vec![version]);
    let segment = segment.usage(Unit::Kwh, "100").quantity(export(), "300");
    assert_eq!(segment.amounts(), ["0.00", "-6.00"]);
}

#[test]
fn a_bank_is_charged_once_where_the_energy_is_split() {
    let dearer: Vec<String> =
        net_rules(IN_DECEMBER).iter().map(|rule| rule.replace("0.10", "0.20")).collect();
    let mut segment = period(("2026-04-01", "2026-04-30"), "400", "50", "50");
    segment.versions.push(tariff("2026-04-11", NET, &dearer));
    // 300 net: 100 at 0.10 and 200 at 0.20; one line of the bank.
    assert_eq!(segment.amounts(), ["10.00", "40.00", "0.00"]);
}

fn by_buckets(decimals: &str) -> Segment {
    let around = format!(
        r#""calendar":{{"times_of_use":[{{"id":"e","otherwise":"off",
        "windows":[{{"bucket":"on","from":"16:00","to":"21:00"}}]}}]}},
        "quantities":[{{"name":"net","unit":"kwh","kind":"usage"{decimals},"from":{{"method":"net","bank":"solar",
        "delivered":{{"unit":"kwh"}},"received":{{"unit":"kwh","name":"export"}},"buckets":["on","off"]}}}}]"#
    );
    let energy = |bucket: &str, price: &str| {
        let quantity = format!(r#"{{"unit":"kwh","name":"net","bucket":"{bucket}"}}"#);
        rule(bucket, &format!(r#""kind":"unit","quantity":{quantity},"price":"{price}""#))
    };
    let rules = [
        energy("on", "0.40"),
        energy("off", "0.10"),
        rule("all", r#""kind":"unit","quantity":{"unit":"kwh","name":"net"},"price":"1""#),
        rule("bank", r#""kind":"bank","net":"net","price":"0.03""#),
    ];
    Segment::new("2026-04-01", "2026-04-30", vec![tariff("2026-01-01", &around, &rules)])
}

#[test]
fn buckets_are_netted_each_for_itself() {
    // By day 2 kWh in each of five hours on peak and 1 off; 3 are given back at each noon hour.
    let taken = kwh(60, "2026-04-01", 30, |_, at| if (16..21).contains(&at) { 2 } else { 1 });
    let mut given = kwh(60, "2026-04-01", 30, |_, at| if (10..14).contains(&at) { 6 } else { 0 });
    given.name = Some(word("export"));
    let segment = by_buckets("").series(taken).series(given).bank("solar", Some("on"), "40");
    // On peak 300 less a bank of 40; off peak 570 less 720: the bank gets 150.
    assert_eq!(segment.worked_out(), ["260", "0", "260"]);
    assert_eq!(segment.amounts(), ["104.00", "0.00", "260.00", "0.00", "0.00"]);
    let rated = segment.rated();
    let banks: Vec<String> = rated
        .lines()
        .iter()
        .filter_map(|line| line.bank.as_ref())
        .map(|of| format!("{} {}", of.bucket.as_ref().unwrap(), of.closing.normalize()))
        .collect();
    assert_eq!(banks, ["on 0", "off 150"]);
}

#[test]
fn rounded_buckets_add_up_to_their_total() {
    let key = |bucket: &str, name: Option<&str>| {
        let key = QuantityKey::usage(Unit::Kwh).in_bucket(word(bucket));
        name.map_or(key.clone(), |name| key.named(word(name)))
    };
    let segment = by_buckets(r#","decimals":0"#)
        .quantity(key("on", None), "10.4")
        .quantity(key("off", None), "10.4")
        .quantity(key("on", Some("export")), "0")
        .quantity(key("off", Some("export")), "0");
    assert_eq!(segment.worked_out(), ["10", "10", "20"]);
}

/// Exports earn 0.05, against the energy and the base charge.
fn credits(more: &str, settled: &str) -> Segment {
    let rules = [
        rule("base", r#""kind":"flat","amount":"10.55""#),
        rule_with(
            "credit",
            &format!(
                r#""kind":"credit","bank":"money","of":["base"],"settled":{settled},
                "earned":[{{"quantity":{{"unit":"kwh","name":"export"}},"price":"0.0525"}}]"#
            ),
            more,
        ),
    ];
    Segment::new("2026-04-01", "2026-04-30", vec![tariff("2026-01-01", r#""demand":{"minutes":60}"#, &rules)])
}

#[test]
fn credits_are_applied_and_the_rest_is_carried_on() {
    let never = r#"{"every":"never"}"#;
    let first = credits("", never).quantity(export(), "301");
    // 301 × 0.0525 = 15.8025 earned, of which 10.55 pay the base.
    assert_eq!(first.amounts(), ["10.55", "-10.55"]);
    assert_eq!(
        (bank_of(&first).earned.to_string(), closing(&first)),
        ("15.80".to_owned(), "5.25".to_owned())
    );
    let second = credits("", never).quantity(export(), "0").bank("money", None, "5.25");
    assert_eq!(second.amounts(), ["10.55", "-5.25"]);
    let third = credits("", r#"{"every":"year","month":4}"#).quantity(export(), "301");
    let third = third.bank("money", None, "5.25");
    // Settled: 21.05 are taken off, more than the base.
    assert_eq!(third.amounts(), ["10.55", "-10.55", "-10.50"]);
    assert_eq!(third.total(), "-10.50");
    assert_eq!(third.rated().lines()[1].kind, LineKind::Credit);
}

#[test]
fn a_credit_that_the_line_cannot_show_stays_in_the_bank() {
    let coarse = credits(r#","decimals":1"#, r#"{"every":"never"}"#).quantity(export(), "400");
    assert_eq!(coarse.amounts(), ["10.55", "-10.50"]);
    assert_eq!(closing(&coarse), "10.5");
}

#[test]
fn credits_that_no_money_can_hold_are_an_answer() {
    let large = credits("", r#"{"every":"never"}"#).quantity(export(), "9999999999999999999");
    assert_eq!(large.rate().unwrap_err(), rating::RatingError::ArithmeticOverflow);
}

#[test]
fn a_bank_that_no_line_shows_is_not_drawn_on() {
    let segment = |rules: &[String]| {
        let version = tariff("2026-01-01", NET, rules);
        Segment::new("2026-04-01", "2026-04-30", vec![version])
            .usage(Unit::Kwh, "300")
            .quantity(export(), "50")
    };
    let [energy, bank] = [&net_rules(IN_DECEMBER)[0], &net_rules(IN_DECEMBER)[1]];
    let both = segment(&[energy.clone(), bank.clone()]).bank("solar", None, "100");
    assert_eq!(both.amounts(), ["15.00", "0.00"]);
    let alone = segment(std::slice::from_ref(energy)).bank("solar", None, "100");
    assert_eq!(alone.amounts(), ["25.00"]);
    // The rule ends inside the period: nothing is taken out of what stays in the bank.
    let mut ends = both;
    ends.versions.push(tariff("2026-04-16", NET, std::slice::from_ref(energy)));
    assert_eq!(ends.amounts(), ["25.00"]);
}

#[test]
fn a_debt_is_charged_at_once_though_credits_are_delayed() {
    let of = |settled: &str, opening: &str| {
        let charge = format!(
            r#""kind":"credit","bank":"money","delayed":true,"of":["base"],"settled":{settled},
            "earned":[{{"quantity":{{"unit":"kwh","name":"export"}},"price":"-0.05"}}]"#
        );
        let rules = [rule("base", r#""kind":"flat","amount":"10.00""#), rule("credit", &charge)];
        let version = tariff("2026-01-01", r#""demand":{"minutes":60}"#, &rules);
        let segment = Segment::new("2026-04-01", "2026-04-30", vec![version]);
        segment.quantity(export(), "100").bank("money", None, opening)
    };
    for settled in [r#"{"every":"never"}"#, r#"{"every":"period"}"#] {
        assert_eq!(of(settled, "0").amounts(), ["10.00", "5.00"]);
        // What the bank has left after the debt pays the base.
        assert_eq!(of(settled, "7.00").amounts(), ["10.00", "-2.00"]);
        assert_eq!(closing(&of(settled, "7.00")), "0");
    }
}
