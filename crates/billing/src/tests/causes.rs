//! Why one draft differs from another.

use crate::samples::*;
use crate::*;
use time::macros::date;
use vocab::*;

type Change = fn(&mut RunContextParts, &mut AccountInputs);

fn drafted(change: Change) -> Draft {
    let (mut parts, mut inputs) = (january(), full_account());
    change(&mut parts, &mut inputs);
    draft(&RunContext::new(parts), &inputs)
}

/// The contracts that differ after a change, with the causes.
fn differs(change: Change) -> (Vec<i64>, Vec<ChangeCause>) {
    let (old, new) = (drafted(|_, _| {}), drafted(change));
    let there = causes(&old, &new);
    let back = causes(&new, &old);
    assert_eq!(there.causes, back.causes, "the way back has the same causes");
    let contracts = there.contracts.iter().map(|of| of.contract.n).collect();
    let moved =
        Money::sum(there.contracts.iter().map(|of| of.new_total.minus(of.old_total).unwrap())).unwrap();
    assert!(
        old.state != new.state || moved == new.total.minus(old.total).unwrap(),
        "the parts are the whole"
    );
    (contracts, there.causes.into_iter().collect())
}

#[test]
fn each_change_has_its_cause() {
    use ChangeCause::*;
    let table: &[(&str, Change, &[i64], &[ChangeCause])] = &[
        ("value", |_, of| of.meters[0].registers[0].reads[1].value = Decimal::from(1151), &[1], &[Read]),
        (
            "a later read",
            |_, of| of.meters[0].registers[0].reads[1].read_on = date!(2026 - 02 - 01),
            &[1],
            &[Read],
        ),
        ("a read is missed", |_, of| of.meters[0].registers[0].reads.truncate(1), &[1], &[Read]),
        (
            "quality",
            |_, of| of.meters[0].registers[0].reads[1].quality = ReadQuality::Estimated,
            &[1],
            &[Estimate],
        ),
        ("rate", |_, of| of.contracts[1].schedule_id = Some(RESIDENTIAL), &[2], &[Rate]),
        ("version", |parts, _| parts.schedules[1].versions[0].id = RateVersionId(99), &[1], &[Rate]),
        ("price", |parts, _| parts.factors[0].value = Decimal::from(5), &[2], &[Rate]),
        ("count", |_, of| of.contracts[1].items[0].count = Decimal::from(4), &[2], &[Contract]),
        ("start", |_, of| of.contracts[1].starts_on = date!(2026 - 01 - 20), &[2], &[Contract]),
        ("a contract goes", |_, of| drop(of.contracts.remove(2)), &[3], &[Contract]),
        (
            "hold",
            |_, of| {
                of.contracts[2].hold =
                    Some(crate::Hold { until_on: date!(2026 - 02 - 28), reason: "dispute".into() });
            },
            &[3],
            &[Hold],
        ),
        ("charge", |_, of| drop(of.charges.remove(0)), &[4], &[Charge]),
        ("all charges", |_, of| of.charges.clear(), &[4], &[Charge]),
        (
            "adjustment",
            |_, of| of.adjustments.push((FtId::new(ACCOUNT, 1), Money::from_minor(5))),
            &[],
            &[Adjustment],
        ),
        (
            "two at once",
            |_, of| {
                of.meters[0].registers[0].reads[1].value = Decimal::from(1151);
                drop(of.charges.remove(0));
            },
            &[1, 4],
            &[Read, Charge],
        ),
        (
            "last bill",
            |_, of| of.last_bill = Some(LastBill { id: BillId::new(ACCOUNT, 3), ending: Money::ZERO }),
            &[],
            &[Other],
        ),
    ];
    for (what, change, contracts, causes) in table {
        assert_eq!(differs(*change), (contracts.to_vec(), causes.to_vec()), "{what}");
    }
}

#[test]
fn an_estimate_that_gives_way_to_a_read_is_told_as_that() {
    let estimated = |change: Change| {
        let (mut parts, mut inputs) = (january(), account());
        parts.window.estimate_on = Some(parts.as_of_on);
        inputs.contracts[0].starts_on = date!(2026 - 01 - 01);
        inputs.meters[0].registers[0].reads =
            vec![read(date!(2025 - 12 - 01), 800), read(date!(2025 - 12 - 31), 1000)];
        change(&mut parts, &mut inputs);
        draft(&RunContext::new(parts), &inputs)
    };
    let old = estimated(|parts, inputs| {
        inputs.contracts[0].starts_on = date!(2025 - 12 - 02);
        inputs.contracts[0].billed_through_on = Some(date!(2025 - 12 - 31));
        parts.estimation.order = vec![metering::EstimateBy::RecentAverage];
    });
    let new = estimated(|parts, inputs| {
        inputs.contracts[0].starts_on = date!(2025 - 12 - 02);
        inputs.contracts[0].billed_through_on = Some(date!(2025 - 12 - 31));
        parts.estimation.order = vec![metering::EstimateBy::RecentAverage];
        inputs.meters[0].registers[0].reads.push(read(date!(2026 - 01 - 31), 1190));
    });
    assert!(old.segments[0].estimated && !new.segments[0].estimated, "{:?}", old.segments[0].error);
    let change = causes(&old, &new);
    assert_eq!(change.causes.into_iter().collect::<Vec<_>>(), [ChangeCause::Estimate]);
    assert_eq!(change.contracts[0].new_total, new.total);
}
