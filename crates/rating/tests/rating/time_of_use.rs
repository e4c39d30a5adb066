//! Time of use: windows, weekends, holidays and called dates from interval data, and tiers that
//! buckets fill together.

use crate::bench::{Segment, kwh, rule, scaled, tariff, word};
use rating::Series;
use rating::tariff::Filling;
use rating::{QuantityKey, RatingError};
use vocab::{Code, Unit};

/// 16:00 to 21:00 on weekdays; some holidays of every kind.
const PEAK: &str = r#""calendar":{
    "holidays":[
        {"kind":"fixed","on":"07-04","observed":"nearest_weekday"},
        {"kind":"fixed","on":"11-11"},
        {"kind":"fixed","on":"02-22","observed":"monday_after_sunday"},
        {"kind":"nth","nth":1,"weekday":"monday","month":9},
        {"kind":"nth","nth":-1,"weekday":"monday","month":5},
        {"kind":"nth","nth":4,"weekday":"thursday","month":11,"plus_days":1},
        {"kind":"easter","plus_days":-2},
        {"kind":"once","date":"2026-11-03"}],
    "times_of_use":[{"id":"energy","otherwise":"off",
        "windows":[{"bucket":"on","days":["weekday"],"from":"16:00","to":"21:00"}]}]}"#;

fn bucket(id: &str, bucket: &str, price: &str) -> String {
    let quantity = format!(r#"{{"unit":"kwh","bucket":"{bucket}"}}"#);
    rule(id, &format!(r#""kind":"unit","quantity":{quantity},"price":"{price}""#))
}

fn two_buckets() -> Vec<String> {
    vec![bucket("on", "on", "0.40"), bucket("off", "off", "0.10")]
}

/// One kWh in every hour, from interval data of these minutes.
fn one_per_hour(minutes: u16, first_on: &str, days: usize) -> Series {
    scaled(3, kwh(minutes, first_on, days, |_, _| i64::from(minutes) * 1_000 / 60))
}

#[test]
fn july_has_22_afternoons_on_peak_whatever_the_interval() {
    // 23 weekdays less the 3rd, on which the 4th is observed: 22 × 5 hours of 744.
    for minutes in [15, 30, 60] {
        let version = tariff("2026-01-01", PEAK, &two_buckets());
        let segment = Segment::new("2026-07-01", "2026-07-31", vec![version]);
        let segment = segment.series(one_per_hour(minutes, "2026-07-01", 31));
        assert_eq!(segment.priced(), ["110", "634"], "{minutes}");
        assert_eq!(segment.amounts(), ["44.00", "63.40"], "{minutes}");
    }
}

#[test]
fn holidays_are_off_peak_where_they_are_observed() {
    let hours_on_peak = |day: &str| {
        let version = tariff("2020-01-01", PEAK, &two_buckets()[..1]);
        let segment = Segment::new(day, day, vec![version]).series(one_per_hour(60, day, 1));
        segment.priced().first().cloned().unwrap()
    };
    for (day, hours) in [
        ("2026-07-02", "5"),
        ("2026-07-03", "0"), // Friday before Saturday the 4th
        ("2027-07-05", "0"), // Monday after Sunday the 4th
        ("2026-11-11", "0"), // a Wednesday, on its day
        ("2028-11-10", "5"), // the 11th is a Saturday and stays one
        ("2026-02-23", "0"), // Monday after Sunday the 22nd
        ("2025-02-21", "5"), // the 22nd is a Saturday: not moved
        ("2026-09-07", "0"), // first Monday
        ("2026-09-14", "5"),
        ("2026-05-25", "0"), // last Monday
        ("2026-05-18", "5"),
        ("2026-11-27", "0"), // the day after the fourth Thursday
        ("2026-11-26", "5"),
        ("2026-04-03", "0"), // Easter is 5 April
        ("2027-03-26", "0"), // Easter is 28 March
        ("2026-11-03", "0"), // once
        ("2027-11-03", "5"),
    ] {
        assert_eq!(hours_on_peak(day), hours, "{day}");
    }
}

#[test]
fn a_called_event_goes_before_the_other_windows() {
    let around = r#""calendar":{"times_of_use":[{"id":"energy","otherwise":"off","windows":[
        {"bucket":"event","dates":["2026-07-15","2026-07-22"],"from":"14:00","to":"18:00"},
        {"bucket":"on","days":["weekday"],"from":"16:00","to":"21:00"}]}]}"#;
    let rules = [bucket("event", "event", "1.00"), bucket("on", "on", "0.40"), bucket("off", "off", "0.10")];
    let segment = Segment::new("2026-07-13", "2026-07-19", vec![tariff("2026-01-01", around, &rules)]);
    let segment = segment.series(one_per_hour(60, "2026-07-13", 7));
    // One event of 4 hours; five afternoons of 5 hours, one of them shorter by 2; the rest of 168.
    assert_eq!(segment.priced(), ["4", "23", "141"]);
}

#[test]
fn a_window_over_midnight_has_each_days_own_hours() {
    let around = r#""calendar":{"times_of_use":[{"id":"energy","otherwise":"day",
        "windows":[{"bucket":"night","days":["weekday"],"from":"22:00","to":"06:00"}]}]}"#;
    let rules = [bucket("night", "night", "0.05"), bucket("day", "day", "0.10")];
    let of = |first_on: &str, days| {
        let version = tariff("2026-01-01", around, &rules);
        let last_on = if days == 1 { first_on } else { "2026-07-18" };
        Segment::new(first_on, last_on, vec![version]).series(one_per_hour(30, first_on, days)).priced()
    };
    // Friday has its early morning and its late evening, Saturday nothing of Friday's night.
    assert_eq!(of("2026-07-17", 1), ["8", "16"]);
    assert_eq!(of("2026-07-17", 2), ["8", "40"]);
}

#[test]
fn windows_by_month_and_by_name_of_the_day() {
    let around = r#""calendar":{"holidays":[{"kind":"once","date":"2026-08-05"}],
        "times_of_use":[{"id":"energy","windows":[
        {"bucket":"on","months":[7,8],"days":["wednesday","holiday"],"from":"10:00","to":"12:00"}]}]}"#;
    let rules =
        [bucket("on", "on", "1"), rule("all", r#""kind":"unit","quantity":{"unit":"kwh"},"price":"1""#)];
    let segment = Segment::new("2026-06-29", "2026-08-09", vec![tariff("2026-01-01", around, &rules)]);
    let segment = segment.series(one_per_hour(60, "2026-06-29", 42));
    // Wednesdays of July: 1, 8, 15, 22, 29; the 5th of August is a holiday, itself a Wednesday.
    // Hours outside are in no bucket, and still in the total of 42 days.
    assert_eq!(segment.priced(), ["12", "1008"]);
}

#[test]
fn a_change_of_rates_is_exact_by_hours_and_shared_where_only_a_register_was_read() {
    let one = |price: &str| {
        vec![rule("energy", &format!(r#""kind":"unit","quantity":{{"unit":"kwh"}},"price":"{price}""#))]
    };
    let plain = r#""calendar":{"seasons":[{"id":"x","spans":[{"from":"01-01","to":"01-02"}]}]}"#;
    let versions = vec![tariff("2026-01-01", plain, &one("0.10")), tariff("2026-04-11", plain, &one("0.20"))];
    let april = Segment::new("2026-04-01", "2026-04-30", versions);
    // 10 kWh a day, and 40 from the 11th on: 100 and 800.
    let hourly = kwh(1_440, "2026-04-01", 30, |day, _| if day < 10 { 10 } else { 40 });
    let measured = april.clone().series(hourly.clone());
    assert_eq!(measured.amounts(), ["10.00", "160.00"]);
    assert!(measured.rated().lines().iter().all(|line| line.quantity.as_ref().unwrap().measured));
    let read = april.series(hourly).usage(Unit::Kwh, "900");
    assert_eq!(read.amounts(), ["30.00", "120.00"]);
}

#[test]
fn another_calendar_after_the_change_buckets_its_own_days() {
    let noon = PEAK.replace("16:00", "12:00");
    let versions =
        vec![tariff("2026-01-01", PEAK, &two_buckets()), tariff("2026-07-16", &noon, &two_buckets())];
    let segment = Segment::new("2026-07-01", "2026-07-31", versions);
    let segment = segment.series(one_per_hour(60, "2026-07-01", 31));
    // To the 15th 10 working days of 5 hours, then 12 of 9 hours.
    assert_eq!(segment.priced(), ["50", "108", "310", "276"]);
}

fn tiers(filling: &str, per: &str) -> Vec<String> {
    let charge = format!(
        r#""kind":"time_of_use_tiered","quantity":{{"unit":"kwh"}},"filling":"{filling}",
        "thresholds":{{"per":"{per}"}},"buckets":[
        {{"bucket":"on","tiers":[{{"up_to":"100","price":"0.30"}},{{"price":"0.40"}}]}},
        {{"bucket":"off","tiers":[{{"up_to":"100","price":"0.10"}},{{"price":"0.25","flat":"2.00"}}]}}]"#
    );
    vec![rule("energy", &charge)]
}

fn in_bucket(bucket: &str) -> QuantityKey {
    QuantityKey::usage(Unit::Kwh).in_bucket(word(bucket))
}

#[test]
fn tiers_shared_by_use() {
    // 60 and 140 of 200 share the first 100 as 30 and 70, and what is above likewise.
    let version = tariff("2026-01-01", PEAK, &tiers("by_use", "period"));
    let segment = Segment::new("2026-04-01", "2026-04-30", vec![version]);
    let segment = segment.quantity(in_bucket("on"), "60").quantity(in_bucket("off"), "140");
    assert_eq!(segment.priced(), ["30", "30", "70", "70"]);
    assert_eq!(segment.amounts(), ["9.00", "12.00", "7.00", "17.50", "2.00"]);
    let rated = segment.rated();
    let shared = rated.lines()[1].tier.as_ref().unwrap().shared.as_ref().unwrap();
    assert_eq!((shared.filling, shared.all.to_string()), (Filling::ByUse, "200".to_owned()));
    // A third of each loses nothing: the last tier has the residue.
    let mut thirds = segment;
    thirds.quantities[0].value = crate::bench::number("50");
    thirds.quantities[1].value = crate::bench::number("100");
    assert_eq!(thirds.priced(), ["33.3333333333", "16.6666666667", "66.6666666667", "33.3333333333"]);
}

/// 80 kWh before 16:00, 60 on peak, 60 after 21:00.
fn working_day(minutes: u16) -> Series {
    let per_hour = 60 / usize::from(minutes);
    kwh(minutes, "2026-04-01", 1, move |_, at| match at / per_hour {
        0..16 => 5,
        16..21 => 12,
        _ => 20,
    })
}

#[test]
fn tiers_filled_in_the_order_of_time() {
    // The night's 80 and 20 of the afternoon fill the first 100.
    let version = tariff("2026-01-01", PEAK, &tiers("in_time_order", "day"));
    let day = Segment::new("2026-04-01", "2026-04-01", vec![version]);
    let hourly = day.clone().series(working_day(60));
    assert_eq!(hourly.priced(), ["20", "40", "80", "60"]);
    // The flat amount of the tier is of a period: a day of thirty.
    assert_eq!(hourly.amounts(), ["6.00", "16.00", "8.00", "15.00", "0.07"]);
    let rated = hourly.rated();
    let shared = rated.lines()[0].tier.as_ref().unwrap().shared.as_ref().unwrap();
    assert_eq!(shared.filling, Filling::InTimeOrder);
    assert_eq!((shared.in_tier.to_string(), shared.all.to_string()), ("100".to_owned(), "200".to_owned()));
    // Registers that were read besides change nothing: what fills in time was measured in time.
    let read = hourly.usage(Unit::Kwh, "201").quantity(in_bucket("on"), "61");
    assert_eq!(read.priced(), ["20", "40", "80", "60"]);
    let without = day.usage(Unit::Kwh, "200").rate().unwrap_err();
    assert_eq!(without.code(), Code::IntervalsMissing);
}

#[test]
fn tiers_in_the_order_of_time_from_half_hours_of_power() {
    let version = tariff("2026-01-01", PEAK, &tiers("in_time_order", "day"));
    let mut power = working_day(30);
    power.unit = Unit::Kw;
    let segment = Segment::new("2026-04-01", "2026-04-01", vec![version]).series(power);
    assert_eq!(segment.priced(), ["20", "40", "80", "60"]);
}

#[test]
fn what_is_given_back_comes_out_of_the_tiers_from_above() {
    let version = tariff("2026-01-01", PEAK, &tiers("in_time_order", "day"));
    let give_back = kwh(60, "2026-04-01", 1, |_, at| match at {
        10 => 130,
        17 => -40,
        22 => 20,
        _ => 0,
    });
    let segment = Segment::new("2026-04-01", "2026-04-01", vec![version]).series(give_back);
    // 130 fill 100 and 30; 40 come back out of 30 and 10; 20 fill 10 and 10.
    assert_eq!(segment.priced(), ["-10", "-30", "110", "40"]);
}

#[test]
fn interval_data_of_a_bad_form_are_missing_ones() {
    let version = tariff("2026-01-01", PEAK, &tiers("in_time_order", "day"));
    let segment = Segment::new("2026-04-01", "2026-04-01", vec![version]);
    let error = segment.series(scaled(11, working_day(60))).rate().unwrap_err();
    assert!(matches!(error, RatingError::IntervalsMissing { unit: Unit::Kwh, .. }), "{error:?}");
}

/// Afternoons from June to September, all other hours of those months, and two buckets besides.
const SUMMER: &str = r#""calendar":{"times_of_use":[{"id":"energy","otherwise":"base","windows":[
    {"bucket":"summer_on","months":[6,7,8,9],"days":["weekday"],"from":"16:00","to":"21:00"},
    {"bucket":"summer_off","months":[6,7,8,9]},
    {"bucket":"evening","from":"16:00","to":"21:00"}]}]}"#;

#[test]
fn a_bucket_that_no_day_of_the_period_has_is_nothing_when_it_is_not_supplied() {
    let usage = |name: &str| QuantityKey::usage(Unit::Kwh).in_bucket(word(name));
    let peak = r#""kind":"unit","quantity":{"unit":"kw","kind":"peak","bucket":"summer_on"},"price":"5""#;
    let rules = [
        bucket("summer_on", "summer_on", "0.40"),
        bucket("summer_off", "summer_off", "0.30"),
        bucket("evening", "evening", "0.20"),
        bucket("base", "base", "0.10"),
        rule("peak", peak),
    ];
    let of = |first_on: &str, last_on: &str| {
        let version = tariff("2026-01-01", SUMMER, &rules);
        Segment::new(first_on, last_on, vec![version]).quantity(usage("evening"), "100")
    };
    let missing = |segment: Segment, name: &str| {
        let error = segment.rate().unwrap_err();
        assert!(
            matches!(&error, RatingError::QuantityMissing { quantity } if quantity.contains(name)),
            "{error}"
        );
    };
    let november = || of("2026-11-01", "2026-11-30");
    let amounts = november().quantity(usage("base"), "200").amounts();
    assert_eq!(amounts, ["0.00", "0.00", "20.00", "20.00", "0.00"]);
    // What was read is priced, whatever the calendar says.
    let read = november().quantity(usage("base"), "200").quantity(usage("summer_on"), "10").amounts();
    assert_eq!(read[0], "4.00");
    // A bucket of these days is missed, and so is one of a single day.
    missing(november(), "base");
    let october = |first_on| of(first_on, "2026-10-29").quantity(usage("base"), "200");
    missing(october("2026-09-30"), "summer_on");
    assert_eq!(october("2026-10-01").amounts()[..2], ["0.00", "0.00"]);
}

#[test]
fn tiers_of_buckets_need_only_those_of_the_period() {
    let usage = |name: &str| QuantityKey::usage(Unit::Kwh).in_bucket(word(name));
    let tiers = r#"[{"up_to":"100","price":"1"},{"price":"2"}]"#;
    let buckets = ["summer_on", "summer_off", "evening", "base"]
        .map(|name| format!(r#"{{"bucket":"{name}","tiers":{tiers}}}"#));
    let quantity = r#""kind":"time_of_use_tiered","quantity":{"unit":"kwh"},"filling":"by_use""#;
    let all = rule("energy", &format!(r#"{quantity},"buckets":[{}]"#, buckets.join(",")));
    let version = tariff("2026-01-01", SUMMER, &[all]);
    let segment = Segment::new("2026-11-01", "2026-11-30", vec![version]);
    let segment = segment.quantity(usage("evening"), "50").quantity(usage("base"), "150");
    assert_eq!(segment.amounts(), ["25.00", "50.00", "75.00", "150.00"]);
}
