//! Interval data: days of 23 and 25 hours, the leap day, demand, and tiers that fill every day.

use crate::bench::{Segment, day, kwh, rule, rule_with, scaled, tariff};
use rating::ClockChange;
use rating::Series;
use vocab::{Code, Unit};

/// Midnight to 06:00 is night.
const NIGHT: &str = r#""calendar":{"times_of_use":[{"id":"energy","otherwise":"day",
    "windows":[{"bucket":"night","to":"06:00"}]}]}"#;

fn priced(id: &str, quantity: &str, price: &str) -> String {
    rule(id, &format!(r#""kind":"unit","quantity":{{{quantity}}},"price":"{price}""#))
}

fn night_and_day() -> Vec<String> {
    vec![
        priced("night", r#""unit":"kwh","bucket":"night""#, "1"),
        priced("day", r#""unit":"kwh","bucket":"day""#, "1"),
    ]
}

/// Hours of three days, the middle one with so many, of 1, 10 and 100 kWh each.
fn three_days(first_on: &str, hours: usize, forward_minutes: i16) -> Series {
    let mut series = kwh(60, first_on, 0, |_, _| 0);
    series.values = [vec![1; 24], vec![10; hours], vec![100; 24]].concat();
    let on = day(first_on).next_day().unwrap();
    series.clock_changes.push(ClockChange { on, at_minute: 120, forward_minutes });
    series
}

#[test]
fn a_day_of_23_hours_has_a_short_night() {
    let of = |first_on: &str, last_on: &str| {
        let version = tariff("2026-01-01", NIGHT, &night_and_day());
        Segment::new(first_on, last_on, vec![version]).series(three_days("2026-03-07", 23, 60)).priced()
    };
    // There is no hour from 2 to 3.
    assert_eq!(of("2026-03-08", "2026-03-08"), ["50", "180"]);
    assert_eq!(of("2026-03-09", "2026-03-09"), ["600", "1800"]);
    assert_eq!(of("2026-03-07", "2026-03-09"), ["656", "1998"]);
}

#[test]
fn a_day_of_25_hours_has_a_long_night() {
    let of = |first_on: &str, last_on: &str| {
        let version = tariff("2026-01-01", NIGHT, &night_and_day());
        Segment::new(first_on, last_on, vec![version]).series(three_days("2026-10-31", 25, -60)).priced()
    };
    // The hour from 1 to 2 comes twice.
    assert_eq!(of("2026-11-01", "2026-11-01"), ["70", "180"]);
    assert_eq!(of("2026-11-02", "2026-11-02"), ["600", "1800"]);
    assert_eq!(of("2026-10-31", "2026-11-02"), ["676", "1998"]);
}

#[test]
fn a_change_of_the_clock_before_the_series_does_not_shift_it() {
    let version = tariff("2026-01-01", NIGHT, &night_and_day());
    let mut series = kwh(60, "2026-03-10", 2, |day, _| if day == 0 { 1 } else { 100 });
    series.clock_changes.push(ClockChange { on: day("2026-03-08"), at_minute: 120, forward_minutes: 60 });
    let segment = Segment::new("2026-03-11", "2026-03-11", vec![version]).series(series);
    assert_eq!(segment.priced(), ["600", "1800"]);
}

#[test]
fn the_leap_day_is_a_day_of_its_season() {
    let around = r#""calendar":{
        "seasons":[{"id":"spring","spans":[{"from":"02-29","to":"05-31"}]}],
        "times_of_use":[{"id":"energy","otherwise":"rest","windows":[{"bucket":"spring","season":"spring"}]}]}"#;
    let rules = [priced("spring", r#""unit":"kwh","bucket":"spring""#, "1")];
    let of = |first_on: &str, last_on: &str, days| {
        let version = tariff("2020-01-01", around, &rules);
        let series = kwh(60, first_on, days, |_, _| 1);
        Segment::new(first_on, last_on, vec![version]).series(series).priced()
    };
    assert_eq!(of("2028-02-28", "2028-03-01", 3), ["48"]);
    assert_eq!(of("2027-02-28", "2027-03-01", 2), ["24"]);
    assert_eq!(of("2028-12-31", "2028-12-31", 1), ["0"]);
}

#[test]
fn a_day_without_data_is_named() {
    let version = tariff("2026-01-01", NIGHT, &night_and_day());
    let segment = Segment::new("2026-04-01", "2026-04-03", vec![version]);
    let error = segment.clone().series(kwh(60, "2026-04-01", 2, |_, _| 1)).rate().unwrap_err();
    assert_eq!(error.code(), Code::IntervalsMissing);
    assert_eq!(error.problem().params, [("unit", "kwh".to_owned()), ("on", "2026-04-03".to_owned())]);
    let late = segment.series(kwh(60, "2026-04-02", 2, |_, _| 1)).rate().unwrap_err();
    assert_eq!(late.problem().params[1], ("on", "2026-04-01".to_owned()));
}

/// 16:00 to 21:00 is on peak.
fn demand(minutes: &str) -> String {
    format!(
        r#""calendar":{{"times_of_use":[{{"id":"energy","otherwise":"off",
        "windows":[{{"bucket":"on","from":"16:00","to":"21:00"}}]}}]}}{minutes}"#
    )
}

fn kw(bucket: &str) -> String {
    let bucket_of = if bucket == "all" { String::new() } else { format!(r#","bucket":"{bucket}""#) };
    priced(bucket, &format!(r#""unit":"kw","kind":"peak"{bucket_of}"#), "2.00")
}

/// Quarter hours: 9 kWh from 15:45, 8 from 16:00, 2 from 16:15 on a day; half of it on the others.
fn quarters() -> Series {
    let tenths = kwh(15, "2026-04-01", 30, |day, at| {
        let value = match at {
            63 => 90,
            64 => 80,
            65 => 20,
            _ => 0,
        };
        if day == 11 { value } else { value / 2 }
    });
    scaled(1, tenths)
}

#[test]
fn peaks_by_bucket_over_15_and_30_minutes() {
    for (minutes, expected) in [
        ("", ["36", "36", "32"]),
        // 15:45 alone in its half hour: 18 kW; 16:00 and 16:15 make 20.
        (r#","demand":{"minutes":30}"#, ["20", "18", "20"]),
        // The half hour from 15:45 begins off peak: 34 kW.
        (r#","demand":{"minutes":30,"rolling":true}"#, ["34", "34", "20"]),
    ] {
        let rules = [kw("all"), kw("off"), kw("on")];
        let version = tariff("2026-01-01", &demand(minutes), &rules);
        let segment = Segment::new("2026-04-01", "2026-04-30", vec![version]).series(quarters());
        assert_eq!(segment.priced(), expected, "{minutes}");
    }
}

#[test]
fn a_rolling_window_reaches_over_midnight() {
    let around = r#""demand":{"minutes":30,"rolling":true}"#;
    let late = kwh(15, "2026-04-01", 31, |day, at| match (day, at) {
        (29, 95) => 6,
        (30, 0) => 7,
        _ => 1,
    });
    let version = tariff("2026-01-01", around, &[kw("all")]);
    let segment = Segment::new("2026-04-01", "2026-04-30", vec![version]);
    assert_eq!(segment.clone().series(late.clone()).priced(), ["26"]);
    // Where the data end with the month, so does the window: 6 and the 1 before it.
    let mut ends = late;
    ends.values.truncate(30 * 96);
    assert_eq!(segment.series(ends).priced(), ["14"]);
}

#[test]
fn tiered_demand_and_a_price_for_every_days_peak() {
    let tiered = r#""kind":"tiered","quantity":{"unit":"kw","kind":"peak"},
        "tiers":[{"up_to":"20","price":"2.00"},{"price":"3.00"}]"#;
    let rules = [
        rule("demand", tiered),
        priced("daily", r#""unit":"kw","kind":"daily_peaks","bucket":"on""#, "0.10"),
    ];
    let version = tariff("2026-01-01", &demand(""), &rules);
    let segment = Segment::new("2026-04-01", "2026-04-30", vec![version]).series(quarters());
    // 36 kW: 20 and 16. On peak 32 kW on one day and 16 on 29: 496.
    assert_eq!(segment.amounts(), ["40.00", "48.00", "49.60"]);
    // Half a period: the price of the peak is prorated, its steps are not; days count for themselves.
    let mut half = segment;
    half.period = vocab::Period::new(day("2026-04-01"), day("2026-04-15")).unwrap();
    assert_eq!(half.amounts(), ["20.00", "24.00", "25.60"]);
}

#[test]
fn power_that_is_measured_as_power() {
    let rules = [kw("all"), priced("energy", r#""unit":"kwh""#, "1")];
    let mut power = quarters();
    power.unit = Unit::Kw;
    let version = tariff("2026-01-01", r#""demand":{"minutes":30}"#, &rules);
    let segment = Segment::new("2026-04-01", "2026-04-30", vec![version]).series(power);
    // (8 + 2) ÷ 2 kW; a quarter of 19 kW and of 29 × 9.5.
    assert_eq!(segment.priced(), ["5", "73.625"]);
}

fn each_day(more: &str) -> Vec<String> {
    let charge = r#""kind":"tiered","quantity":{"unit":"kwh"},"thresholds":{"per":"each_day"},
        "tiers":[{"up_to":"10","price":"1","flat":"3"},{"price":"2"}]"#;
    vec![rule_with("energy", charge, more)]
}

#[test]
fn every_day_fills_the_tiers_for_itself() {
    let plain = r#""demand":{"minutes":60}"#;
    let version = tariff("2026-01-01", plain, &each_day(r#","proration":{"basis":"never"}"#));
    let segment = Segment::new("2026-04-01", "2026-04-03", vec![version]);
    let of = |days: [i64; 3]| segment.clone().series(kwh(1_440, "2026-04-01", 3, |day, _| days[day]));
    // 5 + 10 + 10, and 2 + 10; from a register it would be 30 and 7.
    assert_eq!(of([5, 12, 20]).amounts(), ["25.00", "3.00", "24.00"]);
    assert_eq!(segment.clone().usage(Unit::Kwh, "37").amounts(), ["30.00", "3.00", "14.00"]);
    // What a day gives back is in its first tier; no use is shown, and costs nothing besides.
    assert_eq!(of([-3, 12, 5]).amounts(), ["12.00", "3.00", "4.00"]);
    assert_eq!(of([0, 0, 0]).amounts(), ["0.00"]);
}

#[test]
fn a_tier_of_each_day_that_ends_below_the_one_before_has_no_width() {
    let top =
        |value: &str| format!(r#"{{"from":"lookup","characteristic":"size","values":{{"1in":"{value}"}}}}"#);
    let charge = format!(
        r#""kind":"tiered","quantity":{{"unit":"kwh"}},"thresholds":{{"per":"each_day"}},
        "tiers":[{{"up_to":{},"price":"1"}},{{"up_to":{},"price":"2"}},{{"price":"3"}}]"#,
        top("10"),
        top("5")
    );
    let version = tariff("2026-01-01", r#""demand":{"minutes":60}"#, &[rule("energy", &charge)]);
    let series = kwh(1_440, "2026-04-01", 1, |_, _| 25);
    let segment = Segment::new("2026-04-01", "2026-04-01", vec![version]).series(series);
    assert_eq!(segment.characteristic("size", "1in").amounts(), ["10.00", "45.00"]);
}

fn too_coarse(segment: &Segment, minutes: u16) {
    let error = segment.rate().unwrap_err();
    assert_eq!(error.code(), Code::IntervalsMissing);
    let expected = format!("the interval data in kwh of {minutes} minutes are too coarse for 2026-04-01");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn demand_is_averaged_over_whole_intervals() {
    let of = |minutes: u16, rules: &[String]| {
        let around = format!(r#""demand":{{"minutes":{minutes}}}"#);
        let series = kwh(30, "2026-04-01", 30, |_, at| i64::from(at == 3));
        let version = tariff("2026-01-01", &around, rules);
        Segment::new("2026-04-01", "2026-04-30", vec![version]).series(series)
    };
    let daily = priced("daily", r#""unit":"kw","kind":"daily_peaks""#, "1");
    assert_eq!(of(60, &[kw("all"), daily.clone()]).priced(), ["1", "30"]);
    too_coarse(&of(15, &[kw("all")]), 30);
    too_coarse(&of(45, &[kw("all")]), 30);
    too_coarse(&of(15, &[daily]), 30);
    // Use does not ask for minutes of demand; without them, peaks are those of the data.
    assert_eq!(of(15, &[priced("energy", r#""unit":"kwh""#, "1")]).priced(), ["30"]);
    let version = tariff("2026-01-01", NIGHT, &[kw("all")]);
    let hourly = kwh(60, "2026-04-01", 30, |_, at| i64::from(at == 3));
    let segment = Segment::new("2026-04-01", "2026-04-30", vec![version]).series(hourly);
    assert_eq!(segment.priced(), ["1"]);
}

#[test]
fn an_interval_lies_in_one_bucket() {
    let of = |from: &str, to: &str, minutes: u16| {
        let around = format!(
            r#""calendar":{{"times_of_use":[{{"id":"energy","otherwise":"day",
            "windows":[{{"bucket":"night","days":["weekend"],"from":"{from}","to":"{to}"}}]}}]}}"#
        );
        let series = kwh(minutes, "2026-04-01", 30, |_, _| 1);
        let version = tariff("2026-01-01", &around, &night_and_day());
        Segment::new("2026-04-01", "2026-04-30", vec![version]).series(series)
    };
    let on_weekends = |segment: &Segment| {
        let error = segment.rate().unwrap_err();
        assert_eq!(error.problem().params[1], ("on", "2026-04-04".to_owned()));
    };
    on_weekends(&of("00:00", "06:00", 1_440));
    on_weekends(&of("00:00", "06:30", 60));
    // Buckets of whole days need no hours.
    assert_eq!(of("00:00", "24:00", 1_440).priced(), ["8", "22"]);
    assert_eq!(of("00:00", "06:30", 30).priced(), ["104", "1336"]);
}

#[test]
fn intervals_that_no_meter_has_are_refused() {
    let version = tariff("2026-01-01", r#""demand":{"minutes":15}"#, &[kw("all")]);
    let segment = Segment::new("2026-04-01", "2026-04-30", vec![version]);
    for minutes in [0, 7, 40, 45, 120] {
        let series = Series { minutes, ..kwh(15, "2026-04-01", 31, |_, _| 1) };
        let error = segment.clone().series(series).rate().unwrap_err();
        assert_eq!(error.problem().params[1], ("on", "2026-04-01".to_owned()), "{minutes}");
    }
}

#[test]
fn apparent_power_has_a_peak_and_no_sum() {
    let of = |quantity: &str| {
        let version = tariff("2026-01-01", r#""demand":{"minutes":30}"#, &[priced("a", quantity, "1")]);
        let power = Series { unit: Unit::Kva, ..quarters() };
        Segment::new("2026-04-01", "2026-04-30", vec![version]).series(power)
    };
    assert_eq!(of(r#""unit":"kva","kind":"peak""#).priced(), ["5"]);
    assert_eq!(of(r#""unit":"kva""#).rate().unwrap_err().code(), Code::QuantityMissing);
    assert_eq!(of(r#""unit":"kw","kind":"peak""#).rate().unwrap_err().code(), Code::QuantityMissing);
}
