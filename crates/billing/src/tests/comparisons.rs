//! What a draft says beside the last bill.

use crate::samples::*;
use crate::*;
use time::macros::date;
use vocab::*;

/// The flags that a change of the account, billed for 15 days of January at 22.26, brings.
fn found(change: impl Fn(&mut RunContextParts, &mut AccountInputs)) -> Vec<(FlagCode, String, String)> {
    let (mut parts, mut inputs) = (january(), account());
    inputs.contracts[0].billed_through_on = Some(date!(2026 - 01 - 16));
    change(&mut parts, &mut inputs);
    let draft = draft(&RunContext::new(parts), &inputs);
    let new = [
        FlagCode::LargeChange,
        FlagCode::ShortPeriod,
        FlagCode::LongPeriod,
        FlagCode::RateChanged,
        FlagCode::DuplicateCharge,
        FlagCode::InactiveUse,
        FlagCode::NothingBilled,
    ];
    let flags = draft.flags.into_iter().filter(|flag| new.contains(&flag.code));
    flags.map(|flag| (flag.code, flag.value, flag.compared)).collect()
}

fn large(total: &str, expected: &str) -> (FlagCode, String, String) {
    (FlagCode::LargeChange, total.to_owned(), expected.to_owned())
}

#[test]
fn money_is_compared_for_as_many_days() {
    let against = |minor, least: i64| {
        let mut all = found(|parts, inputs| {
            parts.review.short_below_days = 0;
            parts.review.money_least = Decimal::new(least, 2);
            inputs.before.segments.push(last_segment(1, minor));
        });
        assert!(all.len() <= 1, "{all:?}");
        all.pop()
    };
    // 22.26 for 15 days; the last one was for 30.
    assert_eq!(against(2226, 0), None, "twice as much is not more than twice as much");
    assert_eq!(against(2224, 0), Some(large("22.26", "11.12")));
    assert_eq!(against(2224, 20_00), None, "11.14 are not enough to look at");
    assert_eq!(against(400, 20_00), Some(large("22.26", "2.00")));
    assert_eq!(against(453, 20_00), None, "19.995");
    assert_eq!(against(8904, 0), None, "half");
    assert_eq!(against(8906, 20_00), Some(large("22.26", "44.53")));
    assert_eq!(against(-2226, 20_00), Some(large("22.26", "-11.13")));
    assert_eq!(against(0, 20_00), Some(large("22.26", "0.00")));
}

#[test]
fn the_account_is_compared_where_a_contract_is_new() {
    let of = |minor| {
        found(|parts, inputs| {
            parts.review.short_below_days = 0;
            inputs.before.segments.push(last_segment(9, minor));
        })
    };
    assert_eq!(of(400), [large("22.26", "2.00")]);
    assert_eq!(of(4452), []);
}

#[test]
fn short_and_long_periods_of_monthly_rates_are_told() {
    let short = (FlagCode::ShortPeriod, "15".to_owned(), "25".to_owned());
    assert_eq!(found(|_, _| {}), [short]);
    assert_eq!(found(|_, inputs| inputs.contracts[0].billed_through_on = None), [], "the first");
    assert_eq!(found(|_, inputs| inputs.contracts[0].ends_on = Some(date!(2026 - 01 - 31))), [], "the final");
    assert_eq!(found(|parts, _| parts.schedules[1].frequency = Frequency::Quarterly), []);
    assert_eq!(found(|parts, _| parts.review.short_below_days = 15), []);
    let long = (FlagCode::LongPeriod, "15".to_owned(), "14".to_owned());
    let limits =
        |parts: &mut RunContextParts| (parts.review.short_below_days, parts.review.long_above_days) = (1, 14);
    assert_eq!(found(|parts, _| limits(parts)), std::slice::from_ref(&long));
    assert_eq!(
        found(|parts, inputs| {
            limits(parts);
            inputs.contracts[0].billed_through_on = None;
            inputs.contracts[0].starts_on = date!(2026 - 01 - 17);
        }),
        [long],
        "a first one may be too long"
    );
}

#[test]
fn another_rate_than_the_last_time_is_told() {
    let of = |schedule| {
        found(|parts, inputs| {
            parts.review.short_below_days = 0;
            inputs.before.segments.push(LastSegment { schedule, ..last_segment(1, 4452) });
        })
    };
    assert_eq!(of(Some(LAMP_RATE)), [(FlagCode::RateChanged, "R1".to_owned(), "R2".to_owned())]);
    assert_eq!(of(Some(RESIDENTIAL)), []);
}

#[test]
fn a_charge_that_is_there_twice_is_told() {
    let of = |charges: &[BillableCharge], last: &[(&str, i64)]| {
        let mut inputs = full_account();
        inputs.charges = charges.to_vec();
        let label = |(key, minor): &(&str, i64)| (rating::Label::key(key), Money::from_minor(*minor));
        inputs.before.charges = last.iter().map(label).collect();
        let draft = draft(&RunContext::new(january()), &inputs);
        let flags = draft.flags.into_iter().filter(|flag| flag.code == FlagCode::DuplicateCharge);
        flags.map(|flag| (flag.contract.unwrap().n, flag.value, flag.compared)).collect::<Vec<_>>()
    };
    let one = charge(1, date!(2026 - 01 - 20), 2500);
    let again = charge(2, date!(2026 - 01 - 21), 2500);
    let other = charge(3, date!(2026 - 01 - 21), 2501);
    let expected = [(4, "25.00".to_owned(), "reconnection".to_owned())];
    assert_eq!(of(&[one.clone(), again], &[]), expected);
    assert_eq!(of(&[one.clone(), other], &[("reconnection", 2499), ("fee", 2500)]), []);
    assert_eq!(of(&[one], &[("reconnection", 2500)]), expected);
}

#[test]
fn use_after_the_end_of_a_service_is_told() {
    let of = |on, value| {
        let mut inputs = account();
        let mut of = inputs.meters[0].registers[0].clone();
        of.reads = vec![read(date!(2026 - 01 - 10), 900), read(on, value)];
        inputs.ended.push(EndedService {
            contract: ContractId::new(ACCOUNT, 9),
            type_id: ELECTRIC,
            schedule: None,
            ends_on: date!(2026 - 01 - 10),
            registers: vec![of],
        });
        let draft = draft(&RunContext::new(january()), &inputs);
        let flag = draft.flags.into_iter().find(|flag| flag.code == FlagCode::InactiveUse);
        flag.map(|flag| (flag.contract.unwrap().n, flag.register, flag.value, flag.compared))
    };
    let expected = (9, Some(1), "30".to_owned(), "2026-01-10".to_owned());
    assert_eq!(of(date!(2026 - 01 - 31), 930), Some(expected));
    assert_eq!(of(date!(2026 - 01 - 31), 900), None, "nothing was used");
    assert_eq!(of(date!(2026 - 01 - 09), 930), None, "it was read before");
}

#[test]
fn an_active_service_without_a_charge_is_told_as_loud_as_wanted() {
    let severity = |severity| {
        let mut parts = january();
        parts.review.nothing_billed = severity;
        let mut inputs = full_account();
        inputs.contracts[2].recurring = None;
        let draft = draft(&RunContext::new(parts), &inputs);
        let mut flags = draft.flags.into_iter().filter(|flag| flag.code == FlagCode::NothingBilled);
        flags.next().map(|flag| (flag.contract.unwrap().n, flag.severity))
    };
    for expected in [Severity::Warn, Severity::Block] {
        assert_eq!(severity(expected), Some((3, expected)));
    }
}
