//! What becomes of contracts and accounts: deferred, held, skipped, failed, final; and flags.

use crate::samples::*;
use crate::*;
use time::macros::date;
use vocab::*;

fn drafted(inputs: &AccountInputs) -> Draft {
    draft(&RunContext::new(january()), inputs)
}

fn codes(draft: &Draft) -> Vec<FlagCode> {
    draft.flags.iter().map(|flag| flag.code).collect()
}

#[test]
fn every_method_bills_in_sequence() {
    let draft = drafted(&full_account());
    assert_eq!(draft.state, ItemState::Drafted);
    let rows: Vec<_> =
        draft.segments.iter().map(|s| (s.contract.n, s.outcome.as_str(), s.total.minor())).collect();
    // Lamps 3 × 4.50 × 15/30; pledge 5.00 × 15/30; charges 25.00 + 1.99, the third not yet due.
    assert_eq!(rows, [(1, "billed", 2226), (2, "billed", 675), (3, "billed", 250), (4, "billed", 2699)]);
    assert_eq!(draft.total.minor(), 2226 + 675 + 250 + 2699);
    let totals: Vec<_> =
        draft.totals.iter().map(|row| (row.rule.as_str(), row.amount.minor(), row.lines)).collect();
    assert_eq!(
        totals,
        [
            ("customer", 600, 1),
            ("energy", 1500, 1),
            ("tax", 126, 1),
            ("lamps", 675, 1),
            ("recurring", 250, 1),
            ("charge", 2699, 2)
        ]
    );
    assert_eq!(draft.totals[1].quantity, Decimal::from(150));
    assert_eq!(draft.period, Period::new(date!(2026 - 01 - 01), date!(2026 - 01 - 31)));
}

#[test]
fn a_failing_contract_keeps_the_account_but_not_the_others() {
    let mut inputs = full_account();
    inputs.meters[0].registers[0].reads.truncate(1);
    let draft = drafted(&inputs);
    assert_eq!(draft.state, ItemState::Error);
    let error = draft.segments[0].error.as_ref().unwrap();
    assert_eq!(error.code, Code::MissingEndRead);
    assert_eq!(error.params["from"], "2026-01-24");
    assert_eq!(error.params["to"], "2026-02-05");
    assert_eq!(draft.segments[0].outcome, SegmentOutcome::Error);
    assert!(draft.segments[1..].iter().all(|segment| segment.outcome == SegmentOutcome::Billed));
    assert!(codes(&draft).contains(&FlagCode::NoRead));
    // A clerk holds that contract: the rest is billed.
    inputs.contracts[0].hold = Some(Hold { until_on: date!(2026 - 02 - 28), reason: "meter broken".into() });
    let rest = drafted(&inputs);
    assert_eq!(rest.state, ItemState::Drafted);
    assert_eq!(rest.segments[0].outcome, SegmentOutcome::Held);
    assert_eq!(rest.segments[0].reason.as_ref().unwrap().code(), "contract_held");
    assert_eq!(rest.total.minor(), 675 + 250 + 2699);
}

#[test]
fn errors_carry_the_code_of_what_is_missing() {
    let failed = |change: &dyn Fn(&mut AccountInputs)| {
        let mut inputs = account();
        change(&mut inputs);
        let draft = drafted(&inputs);
        assert_eq!((draft.state, draft.total), (ItemState::Error, Money::ZERO));
        draft.segments[0].error.as_ref().unwrap().code
    };
    assert_eq!(failed(&|inputs| inputs.contracts[0].schedule_id = None), Code::NoRateVersion);
    assert_eq!(failed(&|inputs| inputs.contracts[0].service_point = None), Code::NoRegister);
    assert_eq!(failed(&|inputs| inputs.meters.clear()), Code::NoRegister);
    assert_eq!(
        failed(&|inputs| inputs.meters[0].registers[0]
            .reads
            .retain(|read| read.value != Decimal::from(1000))),
        Code::MissingStartRead
    );
    assert_eq!(failed(&|inputs| inputs.contracts[0].type_id = ContractTypeId(99)), Code::UnknownReference);
    let fallen =
        |inputs: &mut AccountInputs| inputs.meters[0].registers[0].reads[1].value = Decimal::from(900);
    assert_eq!(failed(&fallen), Code::RolloverImplausible);
    let mut inputs = full_account();
    inputs.contracts[1].items.clear();
    let draft = draft(&RunContext::new(january()), &inputs);
    assert_eq!(draft.segments[1].error.as_ref().unwrap().code, Code::QuantityMissing);
    let parts = RunContextParts { gl_accounts: Vec::new(), ..january() };
    let draft = crate::draft(&RunContext::new(parts), &account());
    assert_eq!(draft.segments[0].error.as_ref().unwrap().code, Code::GlAccountMissing);
}

#[test]
fn short_segments_wait_unless_final() {
    let mut inputs = account();
    inputs.contracts[0].starts_on = date!(2026 - 01 - 25);
    inputs.meters[0].registers[0].reads[0].read_on = date!(2026 - 01 - 24);
    let draft = drafted(&inputs);
    assert_eq!(draft.state, ItemState::Deferred);
    let reason = draft.segments[0].reason.clone().unwrap();
    assert_eq!(reason, Reason::TooShort { days: 7, minimum_days: 10 });
    assert_eq!(draft.reason, Some(reason));
    // A read that would not have been used is not missed.
    let mut unread = inputs.clone();
    unread.meters[0].registers[0].reads.truncate(1);
    assert_eq!(drafted(&unread).state, ItemState::Deferred);
    // The final segment has no minimum.
    inputs.contracts[0].ends_on = Some(date!(2026 - 01 - 31));
    let last = drafted(&inputs);
    assert_eq!((last.state, last.segments[0].is_final), (ItemState::Drafted, true));
    assert!(codes(&last).contains(&FlagCode::FinalBill));
}

#[test]
fn a_final_segment_ends_on_the_contracts_last_day() {
    let mut inputs = account();
    inputs.contracts[0].ends_on = Some(date!(2026 - 01 - 27));
    inputs.meters[0].registers[0].reads.push(read(date!(2026 - 01 - 27), 1100));
    let draft = drafted(&inputs);
    assert_eq!(draft.segments[0].period, Period::new(date!(2026 - 01 - 17), date!(2026 - 01 - 27)));
    assert!(draft.segments[0].is_final);
    // Billed to its end: nothing is left.
    inputs.contracts[0].billed_through_on = inputs.contracts[0].ends_on;
    let nothing = drafted(&inputs);
    assert_eq!(nothing.state, ItemState::Skipped);
    assert_eq!(nothing.reason.unwrap().code(), "already_billed");
}

#[test]
fn what_is_not_yet_or_no_more_is_skipped_with_a_reason() {
    let mut inputs = account();
    inputs.contracts[0].starts_on = date!(2026 - 02 - 01);
    let draft = drafted(&inputs);
    assert_eq!((draft.state, draft.segments[0].outcome), (ItemState::Skipped, SegmentOutcome::Skipped));
    assert_eq!(draft.reason.unwrap().code(), "starts_after_window");
    inputs.contracts[0].state = ContractState::Cancelled;
    let nothing = drafted(&inputs);
    assert_eq!((nothing.segments.len(), nothing.reason), (0, Some(Reason::NoContract)));
    let mut quiet = account();
    quiet.contracts = vec![contract(3, PLEDGE), contract(4, CHARGES)];
    let draft = drafted(&quiet);
    let reasons: Vec<_> = draft.segments.iter().map(|s| s.reason.as_ref().unwrap().code()).collect();
    assert_eq!(reasons, ["nothing_to_charge", "no_charge_due"]);
    assert_eq!(codes(&draft), [FlagCode::NothingBilled]);
}

#[test]
fn a_hold_lasts_through_its_day() {
    let mut inputs = full_account();
    inputs.hold = Some(Hold { until_on: date!(2026 - 01 - 31), reason: "dispute".into() });
    let draft = drafted(&inputs);
    assert_eq!((draft.state, draft.total), (ItemState::Held, Money::ZERO));
    assert!(draft.segments.iter().all(|segment| segment.outcome == SegmentOutcome::Held));
    assert_eq!(draft.segments.len(), 4);
    inputs.hold = Some(Hold { until_on: date!(2026 - 01 - 30), reason: "dispute".into() });
    assert_eq!(drafted(&inputs).state, ItemState::Drafted);
}

#[test]
fn use_is_compared_with_its_own_history() {
    let usage = |december: i64, january: i64| {
        let mut inputs = account();
        inputs.contracts[0].starts_on = date!(2025 - 12 - 02);
        inputs.contracts[0].billed_through_on = Some(date!(2026 - 01 - 01));
        inputs.last_bill = Some(LastBill { id: BillId::new(ACCOUNT, 1), ending: Money::ZERO });
        inputs.meters[0].registers[0].reads = vec![
            read(date!(2025 - 12 - 02), 1000),
            read(date!(2026 - 01 - 01), 1000 + december),
            read(date!(2026 - 01 - 31), 1000 + december + january),
        ];
        let draft = drafted(&inputs);
        draft.flags.into_iter().map(|flag| (flag.code, flag.value, flag.compared)).collect::<Vec<_>>()
    };
    assert_eq!(usage(300, 300), []);
    assert_eq!(usage(300, 700), [(FlagCode::HighUsage, "700".to_owned(), "300".to_owned())]);
    assert_eq!(usage(300, 100), [(FlagCode::LowUsage, "100".to_owned(), "300".to_owned())]);
    assert_eq!(usage(300, 0), [(FlagCode::ZeroUsage, "0".to_owned(), "300".to_owned())]);
}

#[test]
fn what_blocks_is_flagged() {
    let mut parts = january();
    for of in &mut parts.contract_types {
        of.maximum = Some(Money::from_minor(2000));
    }
    let mut inputs = account();
    inputs.recipients[0].email = None;
    inputs.recipients[0].postal = None;
    inputs.meters[0].registers[0].reads =
        vec![read(date!(2026 - 01 - 16), 99_900), read(date!(2026 - 01 - 31), 50)];
    let draft = draft(&RunContext::new(parts), &inputs);
    let found: Vec<_> =
        draft.flags.iter().map(|f| (f.code, f.severity, f.value.as_str(), f.compared.as_str())).collect();
    assert_eq!(
        found,
        [
            (FlagCode::Rollover, Severity::Warn, "50", "99900"),
            (FlagCode::OverMaximum, Severity::Block, "22.26", "20.00"),
            (FlagCode::FirstBill, Severity::Inform, "22.26", ""),
            (FlagCode::MissingAddress, Severity::Block, "Ada Main", ""),
        ]
    );
}

fn of(draft: &Draft) -> Tested {
    Tested::of(draft)
}

#[test]
fn only_a_clean_current_draft_is_acceptable() {
    let context = RunContext::new(january());
    let mut parts = january();
    for of in &mut parts.contract_types {
        of.maximum = Some(Money::from_minor(2000));
    }
    let flagged = draft(&RunContext::new(parts), &account());
    let mut reviewed = carry(&[], &flagged.flags);
    let open = acceptable(&flagged, &of(&flagged), &of(&flagged), &reviewed);
    assert_eq!(open, Err(NotAcceptable::OpenFlags { codes: vec![FlagCode::OverMaximum] }));
    let set = |reviewed: &mut Vec<ReviewedFlag>, disposition| {
        for of in reviewed.iter_mut().filter(|of| of.flag.code == FlagCode::OverMaximum) {
            of.decision.disposition = disposition;
        }
    };
    set(&mut reviewed, Disposition::Released);
    assert_eq!(acceptable(&flagged, &of(&flagged), &of(&flagged), &reviewed), Ok(()));
    set(&mut reviewed, Disposition::RereadOrdered);
    let held = acceptable(&flagged, &of(&flagged), &of(&flagged), &reviewed).unwrap_err();
    assert_eq!(held.item_state(), ItemState::Held);

    let clean = draft(&context, &account());
    let mut later = account();
    later.meters[0].registers[0].reads[1].value = Decimal::from(1151);
    let now = draft(&context, &later);
    assert_eq!(acceptable(&now, &of(&now), &of(&clean), &[]), Err(NotAcceptable::Stale));
    // The same inputs under another arithmetic are another draft.
    let mut otherwise = clean.clone();
    otherwise.segments[0].total = Money::from_minor(1);
    assert_eq!(of(&otherwise).inputs, of(&clean).inputs);
    assert_eq!(acceptable(&otherwise, &of(&otherwise), &of(&clean), &[]), Err(NotAcceptable::Stale));
    // Every number of it counts, and what became of the contract.
    let change = |how: fn(&mut Calculation)| {
        let mut otherwise = clean.clone();
        let segment = &mut otherwise.segments[0];
        let mut calc = segment.calc.as_deref().unwrap().clone();
        how(&mut calc);
        segment.calc = Some(calc.into());
        assert_ne!(of(&otherwise).charges, of(&clean).charges);
    };
    change(|calc| calc.reads[0].quantity = Decimal::from(1));
    change(|calc| calc.reads[0].end_value = Decimal::from(1));
    change(|calc| calc.lines[0].amount_minor = Money::from_minor(1));
    change(|calc| calc.lines[0].unrounded = Decimal::from(1));
    change(|calc| calc.lines[0].price = Decimal::from(1));
    change(|calc| calc.lines[1].quantity.as_mut().unwrap().value = Decimal::from(1));
    change(|calc| calc.lines.truncate(1));
    later.meters.clear();
    let failed = draft(&context, &later);
    let errors = acceptable(&failed, &of(&failed), &of(&failed), &[]);
    assert_eq!(errors, Err(NotAcceptable::Errors { codes: vec![Code::NoRegister] }));
}

#[test]
fn a_charge_on_a_metered_contract_comes_with_its_segment() {
    let mut inputs = account();
    let on = inputs.contracts[0].id;
    inputs.charges = vec![BillableCharge { contract: on, ..charge(1, date!(2026 - 01 - 20), 2500) }];
    let draft = drafted(&inputs);
    assert_eq!((draft.segments.len(), draft.total.minor()), (1, 2226 + 2500));
}

#[test]
fn a_recurring_credit_is_negative_and_blocks() {
    let mut inputs = full_account();
    inputs.contracts[2].recurring.as_mut().unwrap().amount = Money::from_minor(-500);
    let draft = drafted(&inputs);
    assert_eq!(draft.segments[2].total.minor(), -250);
    let flag = draft.flags.iter().find(|flag| flag.code == FlagCode::Negative).unwrap();
    assert_eq!((flag.severity, flag.contract), (Severity::Block, Some(inputs.contracts[2].id)));
}

#[test]
fn time_of_use_registers_have_a_total_and_demand_its_peak() {
    let tariff = r#"{"effective_on":"2025-01-01","rules":[
        {"id":"peak","label":{"en":"On-peak"},"charge":{"kind":"unit","quantity":{"unit":"kwh","bucket":"on_peak"},"price":"0.20"}},
        {"id":"all","label":{"en":"Delivery"},"charge":{"kind":"unit","quantity":{"unit":"kwh"},"price":"0.01"}},
        {"id":"demand","label":{"en":"Demand"},"charge":{"kind":"unit","quantity":{"unit":"kw","kind":"peak"},"price":"2.00"}}]}"#;
    let schedules = vec![schedule(RESIDENTIAL, Commodity::Electricity, &[tariff])];
    let context = RunContext::new(RunContextParts { schedules, ..january() });
    let mut inputs = account();
    let of = |n, unit, bucket: Option<&str>, kind, reads| RegisterReads {
        register: metering::Register { unit, tou_bucket: bucket.map(Into::into), kind, ..register(n) },
        reads,
        days: Vec::new(),
    };
    let (first, last) = (date!(2026 - 01 - 16), date!(2026 - 01 - 31));
    use RegisterKind::{Consumptive, Subtractive};
    inputs.meters[0].registers = vec![
        of(1, Unit::Kwh, Some("on_peak"), Subtractive, vec![read(first, 10), read(last, 110)]),
        of(2, Unit::Kwh, Some("off_peak"), Subtractive, vec![read(first, 20), read(last, 320)]),
        of(3, Unit::Kw, None, Consumptive, vec![read(last, 50)]),
    ];
    let draft = draft(&context, &inputs);
    assert_eq!(draft.segments[0].error, None);
    let amounts: Vec<i64> =
        draft.segments[0].calc.as_ref().unwrap().lines.iter().map(|line| line.amount_minor.minor()).collect();
    // 100 × 0.20; 400 × 0.01; 15 days, 50 kW at 2.00 = 50.00.
    assert_eq!(amounts, [2000, 400, 5000]);
}

#[test]
fn a_test_says_what_it_changed() {
    let context = RunContext::new(january());
    let before = draft(&context, &account());
    let summary = DraftSummary::from(&before);
    assert_eq!(compare(None, &before), Changed::New);
    assert_eq!(compare(Some(&summary), &before), Changed::Same);
    let mut inputs = account();
    inputs.meters[0].registers[0].reads[1].value = Decimal::from(1151);
    assert_eq!(compare(Some(&summary), &draft(&context, &inputs)), Changed::Amount);
    inputs.meters.clear();
    assert_eq!(compare(Some(&summary), &draft(&context, &inputs)), Changed::Outcome);
}

#[test]
fn an_amount_of_a_quarter_is_not_billed_whole_each_month() {
    let tariff = r#"{"effective_on":"2025-01-01","rules":[{"id":"base","label":{"en":"Base"},
        "charge":{"kind":"flat","amount":"30.00"},"proration":{"basis":"whole_period"}}]}"#;
    let total = |frequency, first_on: time::Date, last_on: time::Date| {
        let mut parts = parts(first_on, last_on, last_on);
        let schedule = schedule(LAMP_RATE, Commodity::Electricity, &[tariff]);
        parts.schedules[0] = RateSchedule { frequency, ..schedule };
        let mut inputs = full_account();
        inputs.contracts.retain(|contract| contract.type_id == LAMPS);
        inputs.contracts[0].starts_on = date!(2025 - 12 - 01);
        inputs.contracts[0].billed_through_on = first_on.previous_day();
        inputs.charges.clear();
        draft(&RunContext::new(parts), &inputs).total.minor()
    };
    use Frequency::{Monthly, Quarterly};
    // 31, 28 and 31 of the quarter's 90 days.
    let months = [
        (date!(2026 - 01 - 01), date!(2026 - 01 - 31)),
        (date!(2026 - 02 - 01), date!(2026 - 02 - 28)),
        (date!(2026 - 03 - 01), date!(2026 - 03 - 31)),
    ];
    assert_eq!(months.map(|(first_on, last_on)| total(Quarterly, first_on, last_on)), [1033, 933, 1033]);
    assert_eq!(months.map(|(first_on, last_on)| total(Monthly, first_on, last_on)), [3000; 3]);
    let (first_on, last_on) = (date!(2026 - 01 - 01), date!(2026 - 03 - 31));
    assert_eq!((total(Quarterly, first_on, last_on), total(Monthly, first_on, last_on)), (3000, 9000));
    // A cycle's own month, from the fifth on, is a month.
    assert_eq!(total(Monthly, date!(2026 - 01 - 05), date!(2026 - 02 - 04)), 3000);
}
