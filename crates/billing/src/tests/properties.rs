//! What holds for every account.

use super::worked::{counter, no_ledger, posting};
use crate::samples::*;
use crate::*;
use proptest::prelude::*;
use time::macros::date;
use vocab::dates::plus_days;
use vocab::*;

#[derive(Debug, Clone)]
struct Case {
    used: i64,
    end_day: i64,
    lamps: i64,
    pledge: i64,
    charges: Vec<(i64, i64)>,
    start_day: i64,
    ends: Option<i64>,
    holds: [bool; 4],
    has_read: bool,
    estimates: bool,
    turn: usize,
}

fn cases() -> impl Strategy<Value = Case> {
    let charges = prop::collection::vec((-3i64..40, -5_000i64..50_000), 0..6);
    (
        (-200i64..4_000, -7i64..6, 0i64..500, 1i64..10_000, charges),
        (0i64..40, prop::option::of(0i64..45), prop::array::uniform4(prop::bool::weighted(0.1))),
        (prop::bool::weighted(0.7), any::<bool>(), 0usize..8),
    )
        .prop_map(
            |(
                (used, end_day, lamps, pledge, charges),
                (start_day, ends, holds),
                (has_read, estimates, turn),
            )| Case {
                used,
                end_day,
                lamps,
                pledge,
                charges,
                start_day,
                ends,
                holds,
                has_read,
                estimates,
                turn,
            },
        )
}

/// January, with a profile to estimate by where the case says so.
fn context(case: &Case) -> RunContext {
    let mut parts = january();
    parts.window.estimate_on = case.estimates.then_some(parts.window.bill_on);
    parts.profiles = vec![metering::UsageProfile {
        class: "residential".into(),
        commodity: Commodity::Electricity,
        unit: Unit::Kwh,
        tou_bucket: None,
        per_day: [Decimal::from(case.lamps); 12],
    }];
    RunContext::new(parts)
}

fn inputs(case: &Case) -> AccountInputs {
    let mut inputs = full_account();
    let day = |n| plus_days(date!(2026 - 01 - 01), n).unwrap();
    let end_on = plus_days(date!(2026 - 01 - 31), case.end_day).unwrap();
    let starts_on = day(case.start_day);
    let ends_on = case.ends.map(|n| day(case.start_day.max(n)));
    for (contract, held) in inputs.contracts.iter_mut().zip(case.holds) {
        contract.starts_on = starts_on;
        contract.ends_on = ends_on;
        contract.hold = held.then(|| Hold { until_on: date!(2026 - 12 - 31), reason: "look".into() });
    }
    inputs.contracts[1].items[0].count = Decimal::from(case.lamps);
    inputs.contracts[2].recurring.as_mut().unwrap().amount = Money::from_minor(case.pledge);
    inputs.charges = case
        .charges
        .iter()
        .enumerate()
        .map(|(n, &(due, amount))| charge(n as i64 + 1, day(due), amount))
        .collect();
    let reads = &mut inputs.meters[0].registers[0].reads;
    *reads = vec![read(plus_days(starts_on, -1).unwrap(), 1000)];
    if case.has_read {
        reads.push(read(
            ends_on.filter(|on| *on <= date!(2026 - 01 - 31)).unwrap_or(end_on),
            1000 + case.used,
        ));
    }
    inputs
}

/// The same rows in another order.
fn turned(mut inputs: AccountInputs, by: usize) -> AccountInputs {
    let contracts = inputs.contracts.len().max(1);
    inputs.contracts.rotate_left(by % contracts);
    let charges = inputs.charges.len().max(1);
    if !inputs.charges.is_empty() {
        inputs.charges.rotate_left(by % charges);
    }
    if by % 2 == 1 {
        inputs.meters[0].registers[0].reads.reverse();
    }
    inputs
}

fn check(draft: &Draft, inputs: &AccountInputs) {
    // One outcome per contract in scope (I4).
    let mut contracts: Vec<_> = draft.segments.iter().map(|segment| segment.contract).collect();
    contracts.sort_unstable();
    let mut expected: Vec<_> = inputs.contracts.iter().filter(|of| of.in_scope()).map(|of| of.id).collect();
    expected.sort_unstable();
    assert_eq!(contracts, expected);
    let mut total = 0;
    for segment in &draft.segments {
        let billed = segment.outcome == SegmentOutcome::Billed;
        assert_eq!(billed, segment.calc.is_some());
        assert_eq!(segment.outcome == SegmentOutcome::Error, segment.error.is_some());
        assert_eq!(segment.reason.is_some(), !billed && segment.error.is_none());
        let lines: i64 = segment.calc.as_ref().map_or(0, |calc| calc.total().unwrap().minor());
        assert_eq!(segment.total.minor(), lines);
        total += lines;
    }
    assert_eq!(draft.total.minor(), total);
    assert_eq!(draft.totals.iter().map(|row| row.amount.minor()).sum::<i64>(), total);
    assert_eq!(draft.reason.is_some(), draft.billed().next().is_none() && draft.state != ItemState::Error);
}

proptest! {
    #[test]
    fn drafts_add_up_and_complete_in_balance(case in cases()) {
        let context = context(&case);
        let inputs = inputs(&case);
        let draft = draft(&context, &inputs);
        check(&draft, &inputs);
        prop_assert_eq!(&Draft::parse(&draft.to_json().unwrap()).unwrap(), &draft);
        let done = complete(&context, &inputs, &draft, &no_ledger(), posting(), &mut counter(0));
        prop_assert_eq!(done.is_ok(), draft.state == ItemState::Drafted);
        let Ok(done) = done else { return Ok(()) };
        let billed = draft.billed().count();
        prop_assert_eq!((done.fts.len(), done.segments.len(), done.contracts.len()), (billed, billed, billed));
        for (ft, segment) in done.fts.iter().zip(&done.segments) {
            prop_assert_eq!(ft.journal().lines().iter().map(|line| line.1.minor()).sum::<i64>(), 0);
            prop_assert_eq!(ft.current(), segment.total);
        }
        prop_assert_eq!(done.bill.new, draft.total);
        // An account that could not be read is billed by an estimate, and only such a one.
        let metered = draft.billed().find(|segment| segment.contract_type == ELECTRIC);
        let made = metered.map_or(0, |segment| segment.calc.as_ref().unwrap().estimates.len());
        prop_assert_eq!(done.estimates.len(), made);
        prop_assert!(made == 0 || (case.estimates && metered.unwrap().estimated));
        prop_assert_eq!(done.bill.ending, done.current);
        let mut ids: Vec<i64> = done.fts.iter().map(|ft| ft.id().n).collect();
        ids.extend(done.segments.iter().map(|segment| segment.id.n));
        ids.push(done.bill.id.n);
        let given = ids.len();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), given);
    }

    #[test]
    fn the_order_of_rows_decides_nothing(case in cases()) {
        let context = context(&case);
        let inputs = inputs(&case);
        let one = draft(&context, &inputs);
        let other = draft(&context, &turned(inputs, case.turn));
        prop_assert_eq!(one, other);
    }
}
