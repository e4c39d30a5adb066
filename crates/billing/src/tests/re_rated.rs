//! Segments rated again from their own records.

use crate::samples::*;
use crate::*;
use metering::ReadUsed;
use rating::{BankBalance, Past};
use time::macros::date;
use vocab::*;

/// The segment of a contract's draft, rated again by this rate.
fn again(
    context: &RunContext,
    segment: &DraftSegment,
    rate: &RateSchedule,
) -> Result<Option<Money>, BillingError> {
    let segment = BilledSegment {
        period: segment.period.unwrap(),
        window: Period::new(context.window().starts_on, context.window().ends_on),
        calc: segment.calc.as_ref().unwrap(),
        segments: &[],
        profile: &[],
        exemptions: &[],
        memory: &Memory::default(),
    };
    Ok(re_rate(&segment, rate, context.factors(), context.currency())?.map(|of| of.total))
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
            assert_eq!(again(&context, segment, rate), Ok(Some(segment.total)));
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
    assert_eq!(again(&context, segment, &rate), Ok(Some(Money::from_minor(56_50))));
    let rate = other(&unit("water", r#"{"unit":"kgal"}"#, "1.00"));
    assert_eq!(again(&context, segment, &rate).unwrap_err().code, Code::QuantityMissing);
}

#[test]
fn buckets_meters_and_demands_are_joined_as_when_they_were_billed() {
    let context = RunContext::new(january());
    let inputs = account();
    let mut drafted = draft(&context, &inputs);
    let segment = &mut drafted.segments[0];
    let mut calc = segment.calc.as_deref().unwrap().clone();
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
    segment.calc = Some(calc.into());
    let rules = [
        unit("peak", r#"{"unit":"kwh","bucket":"peak"}"#, "1.00"),
        unit("all", r#"{"unit":"kwh"}"#, "0.10"),
        unit("demand", r#"{"unit":"kw","kind":"peak"}"#, "2.00"),
    ];
    // Half of 3.00, 30 at 1.00, 70 at 0.10, 7 kW at half of 2.00.
    let rate = other(&rules.join(","));
    assert_eq!(again(&context, segment, &rate), Ok(Some(Money::from_minor(45_50))));
}

#[test]
fn a_segment_of_passed_on_charges_alone_is_not_rated() {
    let context = RunContext::new(january());
    let drafted = draft(&context, &full_account());
    let rate = other(&unit("energy", r#"{"unit":"kwh"}"#, "0.20"));
    let passed_on = drafted.billed().last().unwrap();
    assert_eq!(again(&context, passed_on, &rate), Ok(None));
}

#[test]
fn counts_are_those_of_the_bill() {
    let context = RunContext::new(january());
    let drafted = draft(&context, &full_account());
    let lamps =
        drafted.billed().find(|of| !of.calc.as_ref().unwrap().rated.as_ref().unwrap().items.is_empty());
    // Half a month of three lamps at 2.00 and of the base of 3.00, whatever the contract says by now.
    let rule = r#"{"id":"lamps","label":{"en":"Lamps"},
        "charge":{"kind":"item","item":"lamp","price":"2.00"}}"#;
    assert_eq!(again(&context, lamps.unwrap(), &other(rule)), Ok(Some(Money::from_minor(4_50))));
}

#[test]
fn a_bank_keeps_what_it_holds_while_nothing_is_said_of_it() {
    let month = |month: u8, balance: Option<i64>| {
        let first_on = time::Date::from_calendar_date(2026, month.try_into().unwrap(), 1).unwrap();
        let period = Period::new(first_on, first_on + time::Duration::days(27)).unwrap();
        let bank = |balance| BankBalance { bank: "sun".parse().unwrap(), bucket: None, balance };
        let banks = balance.map(Decimal::from).map(bank).into_iter().collect();
        Remembered { past: Past { period, quantities: vec![], charged: vec![] }, banks }
    };
    let summers = [month(8, Some(50)), month(9, Some(80)), month(10, None), month(11, None)];
    let held = |on| Memory::before(&summers, on).banks.iter().map(|of| of.balance).collect::<Vec<_>>();
    assert_eq!(held(date!(2026 - 12 - 01)), [Decimal::from(80)]);
    assert_eq!(held(date!(2026 - 09 - 01)), [Decimal::from(50)]);
    assert_eq!(held(date!(2026 - 08 - 01)), []);
}
