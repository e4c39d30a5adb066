//! Time to rate a bill of three rules: a flat charge, two tiers and a tax.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use criterion::{Criterion, criterion_group, criterion_main};
use rating::{InForce, Quantity, QuantityKey, RateVersion, RatingInput, rate};
use std::hint::black_box;
use time::macros::date;
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

criterion_group!(benches, three_rules);
criterion_main!(benches);
