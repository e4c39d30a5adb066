//! Reads that a reviewer should know of, and from when on reads are needed for an estimate.

use super::estimates::unread_february;
use crate::samples::*;
use crate::*;
use time::Date;
use time::macros::date;
use vocab::*;

fn remark(read_on: Date, is_held: bool) -> ReadRemark {
    let (register, value) = (register(1).id, Decimal::new(11_500, 1));
    ReadRemark { register, read_on, value, is_day: false, is_held, rules: "trouble_code".to_owned() }
}

fn found(inputs: &AccountInputs) -> Vec<(FlagCode, Severity, String, Option<i64>)> {
    let draft = draft(&RunContext::new(january()), inputs);
    let flags = draft.flags.into_iter();
    flags
        .filter(|flag| flag.compared == "trouble_code")
        .map(|flag| (flag.code, flag.severity, flag.value, flag.register))
        .collect()
}

#[test]
fn remarks_of_the_charged_days_become_flags_and_change_no_charge() {
    let context = RunContext::new(january());
    let plain = account();
    let remarks = vec![
        // Before the contract; within it; after the read window; at another service point.
        remark(date!(2026 - 01 - 16), true),
        remark(date!(2026 - 02 - 02), true),
        remark(date!(2026 - 01 - 20), false),
        remark(date!(2026 - 02 - 06), true),
        ReadRemark {
            register: RegisterId::new(ServicePointId(999), 1),
            ..remark(date!(2026 - 01 - 31), true)
        },
    ];
    let inputs = AccountInputs { remarks, ..plain.clone() };
    let number = Some(register(1).id.n);
    assert_eq!(
        found(&inputs),
        [
            (FlagCode::ReadWarned, Severity::Warn, "1150".to_owned(), number),
            (FlagCode::ReadHeld, Severity::Block, "1150".to_owned(), number),
        ]
    );
    let (with, without) = (draft(&context, &inputs), draft(&context, &plain));
    assert_eq!(with.segments, without.segments);
    // A read that waits is one that the review must have been shown.
    assert_ne!(with.digest, without.digest);
    let of = |remarks: &[ReadRemark]| {
        let remarks = remarks.to_vec();
        draft(&context, &AccountInputs { remarks, ..plain.clone() }).digest
    };
    let shown = &inputs.remarks;
    assert_eq!(of(&shown[1..2]), with.digest);
    for unseen in [&shown[..1], &shown[2..3], &shown[3..4], &shown[4..]] {
        assert_eq!(of(unseen), without.digest);
    }
    let hold = Some(Hold { until_on: date!(2026 - 02 - 28), reason: "dispute".into() });
    let on_hold = |remarks| AccountInputs { remarks, hold: hold.clone(), ..plain.clone() };
    assert_eq!(draft(&context, &on_hold(shown.clone())).digest, draft(&context, &on_hold(Vec::new())).digest);
    // A contract that fails for want of the read shows it, too.
    let mut unread = inputs;
    unread.meters[0].registers[0].reads.truncate(1);
    assert_eq!(found(&unread).len(), 2);
    assert!(draft(&context, &unread).segments[0].error.is_some());
}

#[test]
fn days_of_interval_data_are_one_remark_of_their_register() {
    let day = |read_on, is_held, rules: &str| ReadRemark {
        is_day: true,
        rules: rules.to_owned(),
        ..remark(read_on, is_held)
    };
    let remarks = vec![
        day(date!(2026 - 01 - 30), true, "interval_spike"),
        day(date!(2026 - 01 - 16), true, "before the contract"),
        day(date!(2026 - 01 - 28), true, "gap_or_overlap, interval_spike"),
        day(date!(2026 - 01 - 29), true, ""),
        day(date!(2026 - 01 - 20), false, "gap_or_overlap"),
        day(date!(2026 - 02 - 02), true, "of the next window"),
    ];
    let inputs = AccountInputs { remarks, ..account() };
    let context = RunContext::new(january());
    let shown: Vec<(FlagCode, String, String)> = draft(&context, &inputs)
        .flags
        .into_iter()
        .filter(|flag| matches!(flag.code, FlagCode::ReadHeld | FlagCode::ReadWarned))
        .map(|flag| (flag.code, flag.value, flag.compared))
        .collect();
    let held = "3 days 2026-01-28 to 2026-01-30: gap_or_overlap, interval_spike";
    assert_eq!(
        shown,
        [
            (FlagCode::ReadHeld, "3450".to_owned(), held.to_owned()),
            (FlagCode::ReadWarned, "1150".to_owned(), "2026-01-20: gap_or_overlap".to_owned()),
        ]
    );
    // Another held day is another input, whatever they add up to.
    let mut more = inputs.clone();
    more.remarks.push(day(date!(2026 - 01 - 18), true, ""));
    assert_ne!(draft(&context, &more).digest, draft(&context, &inputs).digest);
}

#[test]
fn older_reads_are_asked_for_only_where_an_estimate_is_to_be_made() {
    let estimating = |mut parts: RunContextParts| {
        parts.window.estimate_on = Some(parts.window.bill_on);
        RunContext::new(parts)
    };
    let of = |context: &RunContext, inputs: &AccountInputs| {
        estimate_reads_from(context, inputs, &inputs.contracts[0])
    };
    let context = estimating(february());
    let from =
        context.estimation().reads_from(Period::new(date!(2026 - 02 - 01), date!(2026 - 02 - 28)).unwrap());
    assert_eq!(of(&context, &unread_february()), Some(from));
    assert_eq!(of(&RunContext::new(february()), &unread_february()), None);
    assert_eq!(of(&estimating(january()), &account()), None);
    let mut closed = unread_february();
    closed.contracts[0].state = ContractState::Closed;
    assert_eq!(of(&context, &closed), None);
}
