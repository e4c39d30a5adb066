//! Segments rated again from their own records.

use crate::samples::*;
use crate::*;
use metering::ReadUsed;
use time::macros::date;
use vocab::*;

/// The segment of a contract's draft, rated again by this rate.
fn again(
    context: &RunContext,
    inputs: &AccountInputs,
    segment: &DraftSegment,
    rate: &RateSchedule,
) -> Result<Money, BillingError> {
    let contract = inputs.contract(segment.contract).unwrap();
    let calc = segment.calc.as_ref().unwrap();
    let segment = BilledSegment {
        period: segment.period.unwrap(),
        window: Period::new(context.window().starts_on, context.window().ends_on),
        is_first: contract.billed_through_on.is_none(),
        is_final: segment.is_final,
        calc,
        items: &contract.items,
        characteristics: &contract.characteristics,
        exemptions: &inputs.exemptions,
        memory: &Memory::default(),
    };
    assert!(segment.is_rated());
    re_rate(&segment, rate, context.factors(), context.currency())
}

/// 3.00 and 0.20 a kWh, 9.00 a kW; no tax.
fn other(rules: &str) -> RateSchedule {
    let tariff = format!(
        r#"{{"effective_on":"2025-01-01","rules":[
          {{"id":"base","label":{{"en":"Base"}},"charge":{{"kind":"flat","amount":"3.00"}}}},{rules}]}}"#
    );
    schedule(RateScheduleId(9), Commodity::Electricity, &[&tariff])
}

fn unit(id: &str, quantity: &str, price: &str) -> String {
    format!(
        r#"{{"id":"{id}","label":{{"en":"{id}"}},"charge":{{"kind":"unit","quantity":{quantity},"price":"{price}"}}}}"#
    )
}

#[test]
fn the_same_rate_gives_the_same_amounts() {
    for window in [january(), february()] {
        let context = RunContext::new(window);
        let mut inputs = full_account();
        inputs.meters[0].registers[0].reads.push(read(date!(2026 - 02 - 28), 1430));
        let drafted = draft(&context, &inputs);
        let mut rated = 0;
        for segment in drafted.billed().filter(|segment| segment.schedule.is_some()) {
            let rate = context.schedule(segment.schedule.unwrap()).unwrap();
            assert_eq!(again(&context, &inputs, segment, rate), Ok(segment.total));
            rated += 1;
        }
        assert_eq!(rated, 2, "electricity and lamps");
    }
}

#[test]
fn another_rate_prices_the_reads_and_leaves_charges_alone() {
    let context = RunContext::new(january());
    let mut inputs = account();
    let electric = inputs.contracts[0].id;
    inputs.charges.push(BillableCharge { contract: electric, ..charge(1, date!(2026 - 01 - 20), 25_00) });
    let drafted = draft(&context, &inputs);
    let segment = &drafted.segments[0];
    assert_eq!(segment.total, Money::from_minor(47_26));
    // Half a month of 3.00, 150 kWh at 0.20, and the charge of 25.00.
    let rate = other(&unit("energy", r#"{"unit":"kwh"}"#, "0.20"));
    assert_eq!(again(&context, &inputs, segment, &rate), Ok(Money::from_minor(56_50)));
    let rate = other(&unit("water", r#"{"unit":"kgal"}"#, "1.00"));
    assert_eq!(again(&context, &inputs, segment, &rate).unwrap_err().code, Code::QuantityMissing);
}

#[test]
fn buckets_meters_and_demands_are_joined_as_when_they_were_billed() {
    let context = RunContext::new(january());
    let inputs = account();
    let mut drafted = draft(&context, &inputs);
    let segment = &mut drafted.segments[0];
    let calc = segment.calc.as_mut().unwrap();
    let used = |unit, bucket: Option<&str>, quantity: i64| ReadUsed {
        unit,
        tou_bucket: bucket.map(str::to_owned),
        quantity: Decimal::from(quantity),
        ..calc.reads[0].clone()
    };
    // An exchanged meter with two buckets, and the demands of both.
    calc.reads = vec![
        used(Unit::Kwh, Some("peak"), 10),
        used(Unit::Kwh, Some("off"), 40),
        used(Unit::Kwh, Some("peak"), 20),
        used(Unit::Kw, None, 7),
        used(Unit::Kw, None, 5),
    ];
    let rules = [
        unit("peak", r#"{"unit":"kwh","bucket":"peak"}"#, "1.00"),
        unit("all", r#"{"unit":"kwh"}"#, "0.10"),
        unit("demand", r#"{"unit":"kw","kind":"peak"}"#, "2.00"),
    ];
    // Half of 3.00, 30 at 1.00, 70 at 0.10, 7 kW at half of 2.00.
    let rate = other(&rules.join(","));
    assert_eq!(again(&context, &inputs, segment, &rate), Ok(Money::from_minor(45_50)));
}

#[test]
fn a_segment_of_passed_on_charges_alone_is_not_rated() {
    let context = RunContext::new(january());
    let inputs = full_account();
    let drafted = draft(&context, &inputs);
    let is_rated = |segment: &DraftSegment| {
        let calc = segment.calc.as_ref().unwrap();
        BilledSegment {
            period: segment.period.unwrap(),
            window: None,
            is_first: true,
            is_final: false,
            calc,
            items: &[],
            characteristics: &[],
            exemptions: &[],
            memory: &Memory::default(),
        }
        .is_rated()
    };
    let rated: Vec<bool> = drafted.billed().map(is_rated).collect();
    assert_eq!(rated, [true, true, true, false]);
}
