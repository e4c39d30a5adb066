//! Bills that utilities, statutes and customers published, with the amounts they printed.
//! Each test names its public source; a published amount is never adjusted to ours.

use crate::bench::{Segment, number, rule, rule_with, version, word};
use rating::{Characteristic, ItemCount, QuantityKey, QuantityKind};
use vocab::{Currency, Frequency, Unit};

fn flat(id: &str, amount: &str) -> String {
    rule(id, &format!(r#""kind":"flat","amount":"{amount}""#))
}

fn unit(id: &str, quantity: &str, price: &str) -> String {
    rule(id, &format!(r#""kind":"unit","quantity":{{{quantity}}},"price":"{price}""#))
}

fn tiered(id: &str, unit: &str, tiers: &str) -> String {
    rule(id, &format!(r#""kind":"tiered","quantity":{{"unit":"{unit}"}},"tiers":[{tiers}]"#))
}

/// A month of 30 days.
fn month(rules: &[String]) -> Segment {
    Segment::new("2026-04-01", "2026-04-30", vec![version("2020-01-01", &rules.join(","))])
}

/// Arden Hills, Minnesota: quarterly water and sewer with allowances in the base charge.
/// <https://miweblink2.metro-inet.us/AHPublic/0/doc/288623/Page12.aspx> (Page8 for 10,000 gallons)
/// The page prints 500.28 and 147.73, one cent more than its own lines add up to.
#[test]
fn arden_hills_quarterly_water_and_sewer() {
    let rules = [
        flat("water-base", "41.16"),
        flat("standby", "7.71"),
        flat("water-test", "1.59"),
        tiered(
            "water",
            "kgal",
            r#"{"up_to":"10","price":"0"},{"up_to":"35","price":"3.51"},{"price":"6.15"}"#,
        ),
        flat("sewer-base", "85.55"),
        tiered("sewer", "kgal", r#"{"up_to":"15","price":"0"},{"price":"4.93"}"#),
        flat("surface-water", "11.71"),
    ];
    let mut segment = Segment::new("2026-01-01", "2026-03-31", vec![version("2020-01-01", &rules.join(","))]);
    segment.frequency = Frequency::Quarterly;
    let large = segment.clone().usage(Unit::Kgal, "50");
    assert_eq!(
        large.amounts(),
        ["41.16", "7.71", "1.59", "0.00", "87.75", "92.25", "85.55", "0.00", "172.55", "11.71"]
    );
    assert_eq!(large.total(), "500.27");
    assert_eq!(segment.usage(Unit::Kgal, "10").total(), "147.72");
}

/// Bourbon County Water District 4, Kansas: declining blocks, one row of the printed table each.
/// <https://bourboncorwd4.com/index.php/customer-service/about>
#[test]
fn bourbon_county_declining_blocks() {
    let rules = [
        flat("service", "19.50"),
        tiered(
            "water",
            "kgal",
            r#"{"up_to":"3","price":"7.05"},{"up_to":"7","price":"6.55"},
               {"up_to":"15","price":"5.80"},{"price":"5.35"}"#,
        ),
    ];
    let table = [
        ("1", "26.55"),
        ("3", "40.65"),
        ("4", "47.20"),
        ("7", "66.85"),
        ("8", "72.65"),
        ("12", "95.85"),
        ("15", "113.25"),
    ];
    for (kgal, total) in table {
        assert_eq!(month(&rules).usage(Unit::Kgal, kgal).total(), total, "{kgal} kgal");
    }
}

/// A city bill in Texas: sales tax on refuse alone.
/// <https://www.tractorbynet.com/forums/goto/post?id=2489792>
#[test]
fn texas_city_bill_taxes_refuse_alone() {
    let rules = [
        flat("water", "163.48"),
        flat("sewer", "43.54"),
        flat("garbage", "9.92"),
        flat("drainage", "5.00"),
        rule("sales-tax", r#""kind":"tax","tax":"sales","percent":"8.25","of":["garbage"]"#),
    ];
    assert_eq!(month(&rules).amounts(), ["163.48", "43.54", "9.92", "5.00", "0.82"]);
    assert_eq!(month(&rules).total(), "222.76");
}

/// A move-in on 12 April: 19 of 30 days of a base charge of 30.00.
/// <https://current.helpscoutdocs.com/article/145-why-is-my-bill-transaction-prorated>
#[test]
fn a_base_charge_for_nineteen_days_of_april() {
    let base =
        rule_with("base", r#""kind":"flat","amount":"30.00""#, r#","proration":{"basis":"whole_period"}"#);
    let mut segment = Segment::new("2025-04-12", "2025-04-30", vec![version("2025-01-01", &base)]);
    segment.is_first = true;
    assert_eq!(segment.amounts(), ["19.00"]);
}

/// City of Dover, Delaware, rates of July 2015: demand, power-factor adjustment, tax, fund.
/// <https://slideblast.com/how-to-calculate-an-electric-bill-aws_5a6456ee1723dd135c04d369.html>
#[test]
fn dover_demand_with_power_factor() {
    let rules = [
        flat("customer", "22.50"),
        unit("energy", r#""unit":"kwh""#, "0.06770"),
        unit("demand", r#""unit":"kw","kind":"peak""#, "13.90"),
        unit("power-factor", r#""unit":"kw","kind":"level","name":"power_factor_kw""#, "13.90"),
        rule("utility-tax", r#""kind":"tax","tax":"state_utility","percent":"4.25","of":"all""#),
        unit("green-fund", r#""unit":"kwh""#, "0.000178"),
    ];
    let adjustment = QuantityKey {
        kind: QuantityKind::Level,
        ..QuantityKey::peak(Unit::Kw).named(word("power_factor_kw"))
    };
    let segment = month(&rules)
        .usage(Unit::Kwh, "5000")
        .quantity(QuantityKey::peak(Unit::Kw), "50")
        .quantity(adjustment, "23.08");
    assert_eq!(segment.amounts(), ["22.50", "338.50", "695.00", "320.81", "58.51", "0.89"]);
    assert_eq!(segment.total(), "1436.21");
}

/// Goodland, Kansas: six services on a small business's bill; the meter charge by meter size.
/// <https://goodlandks.gov/about-goodland/online-bill-pay/utility-rates/>
#[test]
fn goodland_small_commercial() {
    let rules = [
        unit("electric", r#""unit":"kwh""#, "0.11"),
        flat("electric-meter", "25.00"),
        unit("sewer", r#""unit":"ccf","kind":"level","name":"winter_average""#, "1.08"),
        flat("sewer-monthly", "4.56"),
        flat("refuse", "27.00"),
        unit("water-plan", r#""unit":"kgal""#, "0.032"),
        unit("water", r#""unit":"ccf""#, "1.20"),
        rule(
            "water-meter",
            r#""kind":"flat","amount":{"from":"lookup","characteristic":"meter_size","values":{"1in":"20.00"}}"#,
        ),
    ];
    let average = QuantityKey {
        kind: QuantityKind::Level,
        ..QuantityKey::usage(Unit::Ccf).named(word("winter_average"))
    };
    let mut segment = month(&rules)
        .usage(Unit::Kwh, "1000")
        .usage(Unit::Ccf, "10")
        .usage(Unit::Kgal, "7.48")
        .quantity(average, "10");
    segment.characteristics.push(Characteristic { name: word("meter_size"), value: "1in".to_owned() });
    assert_eq!(segment.amounts(), ["110.00", "25.00", "10.80", "4.56", "27.00", "0.24", "12.00", "20.00"]);
    assert_eq!(segment.total(), "209.60");
}

/// Hi-Desert Water District: two tiers and a fixed charge. <https://www.hdwd.com/314/Water-Rates>
#[test]
fn hi_desert_two_tiers() {
    let rules =
        [tiered("water", "ccf", r#"{"up_to":"4","price":"3.65"},{"price":"6.17"}"#), flat("fixed", "20.75")];
    let segment = month(&rules).usage(Unit::Ccf, "8");
    assert_eq!(segment.amounts(), ["14.60", "24.68", "20.75"]);
    assert_eq!(segment.total(), "60.03");
}

/// JCPB: reads 8865 and 9975 at one price. <http://jcpb.com/yourHome/meters/calcBill.asp>
#[test]
fn jcpb_flat_price() {
    let rules = [unit("energy", r#""unit":"kwh""#, "0.0951"), flat("availability", "18.48")];
    let segment = month(&rules).usage(Unit::Kwh, "1110");
    assert_eq!(segment.amounts(), ["105.56", "18.48"]);
    assert_eq!(segment.total(), "124.04");
}

/// KSEB, Kerala: rising blocks, duty on energy, tax and cess on the meter's rent.
/// <https://ksebinfoportal.blogspot.com/2020/07/kseb-bill-calculation.html>
#[test]
fn kseb_blocks_duty_and_tax_on_rent() {
    let rules = [
        tiered(
            "energy",
            "kwh",
            r#"{"up_to":"50","price":"3.15"},{"up_to":"100","price":"3.70"},{"up_to":"150","price":"4.80"},
               {"up_to":"200","price":"6.40"},{"price":"7.60"}"#,
        ),
        rule("duty", r#""kind":"tax","tax":"duty","percent":"10","of":["energy"]"#),
        flat("meter-rent", "6.00"),
        rule("rent-tax", r#""kind":"tax","tax":"gst","percent":"18","of":["meter-rent"]"#),
        rule("rent-cess", r#""kind":"tax","tax":"cess","percent":"1","of":["meter-rent"]"#),
        unit("fuel", r#""unit":"kwh""#, "0.10"),
        flat("fixed", "55.00"),
    ];
    let mut segment = month(&rules).usage(Unit::Kwh, "117");
    segment.currency = Currency::new("INR", 2).unwrap();
    assert_eq!(
        segment.amounts(),
        ["157.50", "185.00", "81.60", "42.41", "6.00", "1.08", "0.06", "11.70", "55.00"]
    );
    assert_eq!(segment.total(), "540.35");
}

/// KSEB's subsidy: credits by block. Same source.
#[test]
fn kseb_subsidy_is_a_credit_by_blocks() {
    let rules = [
        tiered(
            "subsidy",
            "kwh",
            r#"{"up_to":"20","price":"0"},{"up_to":"25","price":"-1.50"},{"up_to":"40","price":"-0.35"},
               {"price":"-0.50"}"#,
        ),
        flat("fixed-subsidy", "-20.00"),
    ];
    let segment = month(&rules).usage(Unit::Kwh, "117");
    assert_eq!(segment.amounts(), ["0.00", "-7.50", "-5.25", "-38.50", "-20.00"]);
    assert_eq!(segment.total(), "-71.25");
}

fn stormwater(price: &str, units: &str) -> Segment {
    let per_unit = rule("stormwater", &format!(r#""kind":"item","item":"eru","price":"{price}""#));
    let mut segment = month(&[per_unit]);
    segment.items.push(ItemCount { item: word("eru"), count: number(units) });
    segment
}

/// Lawrenceville, Georgia: five acres are 54.45 equivalent residential units at 5.00.
/// <https://www.lawrencevillega.org/FAQ.aspx?QID=235>
#[test]
fn lawrenceville_stormwater_units() {
    assert_eq!(stormwater("5.00", "54.45").amounts(), ["272.25"]);
}

/// Seymour, Indiana: 30,000 square feet are 10.6 units at 4.00.
/// <https://codelibrary.amlegal.com/codes/seymour/latest/seymour_in/0-0-0-44881>
#[test]
fn seymour_stormwater_units() {
    assert_eq!(stormwater("4.00", "10.6").amounts(), ["42.40"]);
}

/// Mulvane, Kansas: a new customer's sewer bill on the city's average winter use.
/// <https://www.mulvanekansas.com/topic/?topicid=25&structureid=1>
#[test]
fn mulvane_sewer_on_the_default_winter_average() {
    let rules = [
        flat("customer", "21.00"),
        unit("volume", r#""unit":"kgal","kind":"level","name":"winter_average""#, "5.25"),
    ];
    let average = QuantityKey {
        kind: QuantityKind::Level,
        ..QuantityKey::usage(Unit::Kgal).named(word("winter_average"))
    };
    let segment = month(&rules).quantity(average, "4");
    assert_eq!(segment.amounts(), ["21.00", "21.00"]);
    assert_eq!(segment.total(), "42.00");
}

/// Otter Tail Power: 9.75 a month for 29 days of a twelfth of 365 days.
/// <https://www.otpco.com/pay-my-bill/how-to-read-my-bill/>
#[test]
fn otter_tail_prorates_by_the_year() {
    let customer = rule_with(
        "customer",
        r#""kind":"flat","amount":"9.75""#,
        r#","proration":{"basis":"year","amounts":"per_period"}"#,
    );
    let segment = Segment::new("2018-12-12", "2019-01-09", vec![version("2018-01-01", &customer)]);
    assert_eq!(segment.amounts(), ["9.30"]);
}

/// PECO, Pennsylvania, rate R, May 2026: an unbundled bill (ratebook-data 0.1.0, CC0).
#[test]
fn peco_unbundled() {
    let rules = [
        flat("customer", "11.29"),
        flat("dsic", "0.15"),
        flat("state-tax-adjustment", "-0.06"),
        unit("distribution", r#""unit":"kwh""#, "0.10276"),
        unit("generation", r#""unit":"kwh""#, "0.10237"),
        unit("transmission", r#""unit":"kwh""#, "0.00787"),
    ];
    let mut segment = Segment::new("2026-04-28", "2026-05-27", vec![version("2026-01-01", &rules.join(","))]);
    segment = segment.usage(Unit::Kwh, "1244");
    assert_eq!(segment.amounts()[..4], ["11.29", "0.15", "-0.06", "127.83"]);
    assert_eq!(segment.total(), "276.35");
}

/// Demand billed in kVA, and the kilowatts added for a poor power factor.
/// <https://www.foretaggroup.com/copy-of-georgia-power-demand-charge>
#[test]
fn demand_in_kva() {
    let demand = unit("demand", r#""unit":"kva","kind":"peak""#, "10.00");
    let segment = month(&[demand]).quantity(QuantityKey::peak(Unit::Kva), "1000");
    assert_eq!(segment.amounts(), ["10000.00"]);
    let penalty = unit("penalty", r#""unit":"kw","kind":"peak","name":"penalty""#, "10.00");
    let key = QuantityKey::peak(Unit::Kw).named(word("penalty"));
    assert_eq!(month(&[penalty]).quantity(key, "100").amounts(), ["1000.00"]);
}

/// A Pacific Gas and Electric delivery statement of 30 December to 29 January: time-of-use
/// registers read apart for two price seasons, baseline credits, a daily charge
/// (tariffkit 0.11.1, MIT: synthetic amounts in the real layout).
#[test]
fn pge_delivery_by_register() {
    let bucket = |id: &str, bucket: &str, price: &str| {
        unit(id, &format!(r#""unit":"kwh","bucket":"{bucket}""#), price)
    };
    let rules = [
        rule_with(
            "base-services",
            r#""kind":"flat","amount":"0.79343""#,
            r#","proration":{"basis":"per_day"}"#,
        ),
        bucket("peak1", "peak_1", "0.50"),
        bucket("off1", "off_1", "0.40"),
        bucket("baseline1", "baseline_1", "-0.05"),
        flat("credit1", "-5.00"),
        flat("pcia1", "1.00"),
        flat("ffs1", "0.10"),
        bucket("peak2", "peak_2", "0.50"),
        bucket("off2", "off_2", "0.40"),
        bucket("baseline2", "baseline_2", "-0.03448"),
        flat("credit2", "-20.00"),
        flat("pcia2", "9.00"),
        flat("ffs2", "0.90"),
    ];
    let mut segment = Segment::new("2025-12-30", "2026-01-29", vec![version("2025-01-01", &rules.join(","))]);
    let registers = [
        ("peak_1", "20"),
        ("off_1", "50"),
        ("baseline_1", "40"),
        ("peak_2", "60"),
        ("off_2", "250"),
        ("baseline_2", "290"),
    ];
    for (bucket, kwh) in registers {
        segment = segment.quantity(QuantityKey::usage(Unit::Kwh).in_bucket(word(bucket)), kwh);
    }
    assert_eq!(
        segment.amounts(),
        [
            "24.60", "10.00", "20.00", "-2.00", "-5.00", "1.00", "0.10", "30.00", "100.00", "-10.00",
            "-20.00", "9.00", "0.90"
        ]
    );
    assert_eq!(segment.total(), "158.60");
}

/// A textbook minimum block: 95.00 holds 1,000 kWh, the rest is 0.151.
/// <https://www.wyzant.com/resources/answers/82483/energy_conservation>
#[test]
fn a_block_held_by_the_flat_charge() {
    let rules =
        [flat("flat", "95.00"), tiered("excess", "kwh", r#"{"up_to":"1000","price":"0"},{"price":"0.151"}"#)];
    assert_eq!(month(&rules).usage(Unit::Kwh, "1500").total(), "170.50");
    assert_eq!(month(&rules).usage(Unit::Kwh, "980").total(), "95.00");
}
