//! Reads that a reviewer should know of, and from when on reads are needed for an estimate.

use super::estimates::unread_february;
use crate::samples::*;
use crate::*;
use time::Date;
use time::macros::date;
use vocab::*;

fn remark(read_on: Date, is_held: bool) -> ReadRemark {
    let (register, value) = (register(1).id, Decimal::new(11_500, 1));
    ReadRemark { register, read_on, value, is_held, rules: "trouble_code".to_owned() }
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
    assert_eq!((with.digest, with.segments), (without.digest, without.segments));
    // A contract that fails for want of the read shows it, too.
    let mut unread = inputs;
    unread.meters[0].registers[0].reads.truncate(1);
    assert_eq!(found(&unread).len(), 2);
    assert!(draft(&context, &unread).segments[0].error.is_some());
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
    let from = context.estimation().reads_from(date!(2026 - 02 - 01));
    assert_eq!(of(&context, &unread_february()), Some(from));
    assert_eq!(of(&RunContext::new(february()), &unread_february()), None);
    assert_eq!(of(&estimating(january()), &account()), None);
    let mut closed = unread_february();
    closed.contracts[0].state = ContractState::Closed;
    assert_eq!(of(&context, &closed), None);
}
