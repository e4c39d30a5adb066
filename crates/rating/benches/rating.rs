//! Time to rate a bill of three rules, and twelve bills from a year of hourly data.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use criterion::{Criterion, criterion_group, criterion_main};
use rating::{InForce, Intervals, Quantity, QuantityKey, RateVersion, RatingInput, rate};
use std::hint::black_box;
use time::macros::date;
use time::{Date, Month};
use vocab::{Currency, Decimal, Frequency, Period, RateScheduleId, RateVersionId, Unit};

const TARIFF: &str = r#"{"effective_on":"2026-01-01","rules":[
    {"id":"customer","label":{"en":"Customer charge"},"charge":{"kind":"flat","amount":"12.00"}},
    {"id":"energy","label":{"en":"Energy"},"charge":{"kind":"tiered","quantity":{"unit":"kwh"},
     "tiers":[{"up_to":"400","price":"0.10"},{"price":"0.135"}]}},
    {"id":"tax","label":{"en":"Tax"},"charge":{"kind":"tax","tax":"state","percent":"6","of":"all"}}]}"#;

fn three_rules(criterion: &mut Criterion) {
    let Ok(version) = RateVersion::parse(TARIFF, &Currency::USD) else { return };
    let Some(period) = Period::new(date!(2026 - 03 - 01), date!(2026 - 03 - 31)) else { return };
    let versions = [InForce { id: RateVersionId(1), version: &version }];
    let quantities = [Quantity { key: QuantityKey::usage(Unit::Kwh), value: Decimal::from(731) }];
    let schedule = RateScheduleId(1);
    let input = RatingInput {
        quantities: &quantities,
        ..RatingInput::new(schedule, period, Frequency::Monthly, &versions, Currency::USD)
    };
    criterion.bench_function("three rules, four lines", |bencher| {
        bencher.iter(|| rate(black_box(&input)));
    });
}

/// Three prices of energy by season and hour, demand by hour and at any time.
const BY_TIME: &str = r#"{"effective_on":"2026-01-01",
  "calendar":{"seasons":[{"id":"summer","spans":[{"from":"06-01","to":"09-30"}]}],
    "holidays":[{"kind":"fixed","on":"07-04","observed":"nearest_weekday"},{"kind":"nth","nth":1,"weekday":"monday","month":9}],
    "times_of_use":[
     {"id":"energy","otherwise":"off","windows":[
       {"bucket":"peak","season":"summer","days":["weekday"],"from":"16:00","to":"21:00"},
       {"bucket":"mid","days":["weekday"],"from":"07:00","to":"23:00"}]},
     {"id":"demand","windows":[{"bucket":"busy","days":["weekday"],"from":"12:00","to":"20:00"}]}]},
  "rules":[
    {"id":"customer","label":{"en":"Customer charge"},"charge":{"kind":"flat","amount":"65.00"}},
    {"id":"peak","label":{"en":"Peak"},"charge":{"kind":"unit","quantity":{"unit":"kwh","bucket":"peak"},"price":"0.31"}},
    {"id":"mid","label":{"en":"Mid"},"charge":{"kind":"unit","quantity":{"unit":"kwh","bucket":"mid"},"price":"0.19"}},
    {"id":"off","label":{"en":"Off"},"charge":{"kind":"unit","quantity":{"unit":"kwh","bucket":"off"},"price":"0.11"}},
    {"id":"demand","label":{"en":"Demand"},"charge":{"kind":"unit","quantity":{"unit":"kw","kind":"peak"},"price":"5.54"}},
    {"id":"busy","label":{"en":"Busy demand"},"charge":{"kind":"unit","quantity":{"unit":"kw","kind":"peak","bucket":"busy"},"price":"11.61"}}]}"#;

fn a_year_of_hours(criterion: &mut Criterion) {
    let Ok(version) = RateVersion::parse(BY_TIME, &Currency::USD) else { return };
    let versions = [InForce { id: RateVersionId(1), version: &version }];
    let values: Vec<i64> = (0..8_760).map(|hour| 20_000 + hour * 7_919 % 60_000).collect();
    let intervals = [Intervals {
        unit: Unit::Kwh,
        name: None,
        minutes: 60,
        first_on: date!(2026 - 01 - 01),
        scale: 3,
        values: &values,
        clock_changes: &[],
    }];
    let months: Vec<Period> = (1..=12_u8)
        .filter_map(|month| {
            let month = Month::try_from(month).ok()?;
            let first_on = Date::from_calendar_date(2026, month, 1).ok()?;
            let last_on = Date::from_calendar_date(2026, month, month.length(2026)).ok()?;
            Period::new(first_on, last_on)
        })
        .collect();
    criterion.bench_function("a year of hours, twelve bills by time of use and demand", |bencher| {
        bencher.iter(|| {
            for period in &months {
                let schedule = RateScheduleId(1);
                let input = RatingInput {
                    intervals: &intervals,
                    ..RatingInput::new(schedule, *period, Frequency::Monthly, &versions, Currency::USD)
                };
                let rated = rate(black_box(&input));
                assert!(rated.is_ok_and(|rated| rated.lines().len() == 6));
            }
        });
    });
}

criterion_group!(benches, three_rules, a_year_of_hours);
criterion_main!(benches);
