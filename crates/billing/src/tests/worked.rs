//! One account by hand, January and February 2026: drafted, completed, chained to the cent.

use crate::samples::*;
use crate::*;
use time::macros::{date, datetime};
use vocab::*;

pub(super) fn posting() -> Posting {
    Posting { bill_number: 100_001, posted_at: datetime!(2026-02-02 18:00 UTC) }
}

pub(super) fn no_ledger() -> Ledger {
    Ledger { current: Money::ZERO, payoff: Money::ZERO, previous: None, loose: Vec::new() }
}

pub(super) fn counter(from: i64) -> impl FnMut() -> i64 {
    let mut next = from;
    move || {
        next += 1;
        next
    }
}

fn money(text: &str) -> Money {
    Currency::USD.parse(text).unwrap()
}

fn loose(ft: &Ft) -> LooseFt {
    LooseFt { id: ft.id(), kind: ft.kind(), current: ft.current(), accounting_on: ft.dates().accounting_on }
}

fn origin(n: i64) -> FtOrigin {
    FtOrigin { id: FtId::new(ACCOUNT, n), source: n }
}

fn dates(on: time::Date) -> PostingDates {
    PostingDates { accounting_on: on, effective_on: on, posted_at: datetime!(2026-02-20 18:00 UTC) }
}

#[test]
fn january_is_22_26_and_due_on_monday() {
    let context = RunContext::new(january());
    let inputs = account();
    let draft = draft(&context, &inputs);
    assert_eq!(draft.state, ItemState::Drafted);
    assert_eq!(draft.total, money("22.26"));
    let segment = &draft.segments[0];
    assert_eq!(segment.period, Period::new(date!(2026 - 01 - 17), date!(2026 - 01 - 31)));
    let amounts: Vec<i64> =
        segment.calc.as_ref().unwrap().lines.iter().map(|line| line.amount_minor.minor()).collect();
    assert_eq!(amounts, [600, 1500, 126]);
    let done = complete(&context, &inputs, &draft, &no_ledger(), posting(), &mut counter(0)).unwrap();
    // 31 January + 15 days is Sunday 15 February.
    assert_eq!(done.bill.due_on, date!(2026 - 02 - 16));
    assert_eq!((done.bill.previous, done.bill.swept), (Money::ZERO, Money::ZERO));
    assert_eq!(
        (done.bill.new, done.bill.ending, done.current),
        (money("22.26"), money("22.26"), money("22.26"))
    );
    assert_eq!(
        done.fts[0].journal().lines(),
        [(RECEIVABLE, money("22.26")), (TAXES, money("-1.26")), (REVENUE, money("-21.00"))]
    );
    let ft = &done.fts[0];
    assert_eq!(
        (ft.kind(), ft.source(), ft.born_on()),
        (FtKind::Segment, done.segments[0].id.n, Some(done.bill.id))
    );
    assert_eq!((ft.due_on(), ft.dates().accounting_on), (Some(done.bill.due_on), date!(2026 - 01 - 31)));
    let expected = ContractUpdate {
        progress: Money::ZERO,
        ended_on: None,
        contract: inputs.contracts[0].id,
        billed_through_on: Some(date!(2026 - 01 - 31)),
        segments: 1,
        state: ContractState::Active,
    };
    assert_eq!(done.contracts, [expected]);
    assert_eq!(done.bill.routings[0].email.as_deref(), Some("ada@example.org"));
}

#[test]
fn a_holiday_moves_the_due_date_on() {
    let parts = RunContextParts { holidays: [date!(2026 - 02 - 16)].into_iter().collect(), ..january() };
    let context = RunContext::new(parts);
    let inputs = account();
    let draft = draft(&context, &inputs);
    let done = complete(&context, &inputs, &draft, &no_ledger(), posting(), &mut counter(0)).unwrap();
    assert_eq!(done.bill.due_on, date!(2026 - 02 - 17));
}

/// The account after January's bill, with February's read.
fn after_january(last_bill: LastBill) -> AccountInputs {
    let mut inputs = account();
    inputs.contracts[0].billed_through_on = Some(date!(2026 - 01 - 31));
    inputs.contracts[0].segments = 1;
    inputs.last_bill = Some(last_bill);
    let estimate = metering::Read { quality: ReadQuality::Estimated, ..read(date!(2026 - 02 - 28), 1430) };
    inputs.meters[0].registers[0].reads.push(estimate);
    inputs
}

#[test]
fn february_chains_payment_and_late_charge_to_43_51() {
    let previous = LastBill { id: BillId::new(ACCOUNT, 1), ending: money("22.26") };
    let context = RunContext::new(february());
    let inputs = after_january(previous);
    let draft = draft(&context, &inputs);
    assert_eq!(draft.total, money("42.40"));
    assert!(draft.segments[0].estimated);
    let lines: Vec<i64> =
        draft.segments[0].calc.as_ref().unwrap().lines.iter().map(|line| line.amount_minor.minor()).collect();
    assert_eq!(lines, [1200, 2800, 240]);

    let paid =
        payment_ft(origin(50), money("22.26"), CASH, RECEIVABLE, dates(date!(2026 - 02 - 20))).unwrap();
    let late =
        adjustment_ft(origin(51), money("1.11"), RECEIVABLE, FEES, dates(date!(2026 - 02 - 19))).unwrap();
    // A payment of March stays loose.
    let next = payment_ft(origin(52), money("5.00"), CASH, RECEIVABLE, dates(date!(2026 - 03 - 01))).unwrap();
    let current = money("-3.89");
    let ledger = Ledger {
        current,
        payoff: current,
        previous: Some(previous),
        loose: vec![loose(&next), loose(&paid), loose(&late)],
    };
    let done = complete(&context, &inputs, &draft, &ledger, posting(), &mut counter(100)).unwrap();
    assert_eq!(done.bill.previous_bill, Some(previous.id));
    assert_eq!(done.bill.previous, money("22.26"));
    assert_eq!(done.bill.swept, money("-21.15"));
    assert_eq!(done.bill.new, money("42.40"));
    assert_eq!(done.bill.ending, money("43.51"));
    assert_eq!(done.swept, [paid.id(), late.id()]);
    assert_eq!(done.current, money("38.51"));
    assert_eq!(done.payoff, done.current);
}

/// With the boundary read of 28 February set to 1269, as the correction of the worked account does.
#[test]
fn february_again_and_march_across_a_rate_change() {
    let previous = LastBill { id: BillId::new(ACCOUNT, 1), ending: money("22.26") };
    let mut inputs = after_january(previous);
    let reads = &mut inputs.meters[0].registers[0].reads;
    reads.pop();
    reads.push(metering::Read { quality: ReadQuality::Adjusted, ..read(date!(2026 - 02 - 28), 1269) });
    reads.push(read(date!(2026 - 03 - 31), 1400));
    let amounts = |draft: &Draft| -> Vec<i64> {
        let calc = draft.segments[0].calc.as_ref().unwrap();
        calc.lines.iter().map(|line| line.amount_minor.minor()).collect()
    };
    let again = draft(&RunContext::new(february()), &inputs);
    assert_eq!(amounts(&again), [1200, 1190, 143]);
    assert_eq!(again.total, money("25.33"));
    inputs.contracts[0].billed_through_on = Some(date!(2026 - 02 - 28));
    let march = parts(date!(2026 - 03 - 01), date!(2026 - 03 - 31), date!(2026 - 03 - 31));
    let march = draft(&RunContext::new(march), &inputs);
    assert_eq!(amounts(&march), [581, 774, 634, 811, 168]);
    assert_eq!(march.total, money("29.68"));
}

#[test]
fn a_ledger_that_does_not_add_up_is_refused() {
    let context = RunContext::new(january());
    let inputs = account();
    let draft = draft(&context, &inputs);
    let ledger = Ledger { current: money("0.01"), ..no_ledger() };
    let refused = complete(&context, &inputs, &draft, &ledger, posting(), &mut counter(0)).unwrap_err();
    assert_eq!(refused, CompletionRefused::Unbalanced { ending: money("22.26"), ledger: money("22.27") });
}

#[test]
fn what_completion_refuses() {
    let ids = &mut counter(0);
    let complete_with = |parts: RunContextParts, inputs: &AccountInputs, ids: &mut dyn FnMut() -> i64| {
        let context = RunContext::new(parts);
        let draft = draft(&context, inputs);
        complete(&context, inputs, &draft, &no_ledger(), posting(), ids)
            .map_err(|why| Problem::from(why).code)
    };
    let no_rule = RunContextParts {
        classes: vec![CustomerClass { code: "residential".into(), due_days: None }],
        ..january()
    };
    assert_eq!(complete_with(no_rule, &account(), ids).unwrap_err(), Code::NoDueDateRule);
    let mut nowhere = account();
    nowhere.recipients[0].email = None;
    nowhere.recipients[0].postal = None;
    assert_eq!(complete_with(january(), &nowhere, ids).unwrap_err(), Code::NoRoutingAddress);
    let mut unread = account();
    unread.meters[0].registers[0].reads.truncate(1);
    assert_eq!(complete_with(january(), &unread, ids).unwrap_err(), Code::MissingEndRead);
    let mut held = account();
    held.hold = Some(Hold { until_on: date!(2026 - 12 - 31), reason: "dispute".into() });
    assert_eq!(complete_with(january(), &held, ids).unwrap_err(), Code::WrongState);
    let context = RunContext::new(january());
    let mut gone = account();
    let of_before = draft(&context, &gone);
    gone.contracts.clear();
    let refused = complete(&context, &gone, &of_before, &no_ledger(), posting(), ids).unwrap_err();
    assert_eq!(refused, CompletionRefused::Outdated);
}

#[test]
fn a_final_segment_closes_its_contract_and_charges_are_marked() {
    let context = RunContext::new(january());
    let mut inputs = full_account();
    inputs.contracts[0].ends_on = Some(date!(2026 - 01 - 31));
    inputs.contracts[0].state = ContractState::Stopped;
    inputs.contracts[1].state = ContractState::Pending;
    let draft = draft(&context, &inputs);
    let done = complete(&context, &inputs, &draft, &no_ledger(), posting(), &mut counter(0)).unwrap();
    let states: Vec<_> = done.contracts.iter().map(|update| update.state).collect();
    use ContractState::{Active, Closed};
    assert_eq!(states, [Closed, Active, Active, Active]);
    let charges: Vec<_> = done.charges.iter().map(|billed| billed.charge.n).collect();
    assert_eq!(charges, [1, 2]);
    assert_eq!(done.charges[0].segment, done.segments[3].id);
    // Charges have dates of their own.
    assert_eq!(done.contracts[3].billed_through_on, None);
    assert_eq!(
        done.fts[3].journal().lines(),
        [(RECEIVABLE, money("26.99")), (REVENUE, money("-25.00")), (FEES, money("-1.99"))]
    );
}

#[test]
fn a_segment_of_nothing_still_has_its_transaction() {
    let tariff = r#"{"effective_on":"2025-01-01","rules":[
        {"id":"energy","label":{"en":"Energy"},"charge":{"kind":"unit","quantity":{"unit":"kwh"},"price":"0.10"}}]}"#;
    let schedules = vec![schedule(RESIDENTIAL, Commodity::Electricity, &[tariff])];
    let context = RunContext::new(RunContextParts { schedules, ..january() });
    let mut inputs = account();
    inputs.meters[0].registers[0].reads[1].value = Decimal::from(1000);
    let draft = draft(&context, &inputs);
    assert_eq!((draft.state, draft.total), (ItemState::Drafted, Money::ZERO));
    let codes: Vec<_> = draft.flags.iter().map(|flag| flag.code).collect();
    for code in
        [FlagCode::ZeroUsage, FlagCode::NothingBilled, FlagCode::ZeroOrCreditBill, FlagCode::FirstBill]
    {
        assert!(codes.contains(&code), "{code}");
    }
    let done = complete(&context, &inputs, &draft, &no_ledger(), posting(), &mut counter(0)).unwrap();
    assert_eq!((done.fts.len(), done.fts[0].journal().lines().len()), (1, 0));
    assert_eq!(done.bill.ending, Money::ZERO);
}

#[test]
fn a_contract_with_a_charge_to_come_is_stopped_and_bills_it_in_its_time() {
    let mut inputs = account();
    inputs.contracts[0].ends_on = Some(date!(2026 - 01 - 31));
    inputs.charges.push(BillableCharge {
        contract: ContractId::new(ACCOUNT, 1),
        ..charge(3, date!(2026 - 02 - 10), 777)
    });
    let context = RunContext::new(january());
    let first = draft(&context, &inputs);
    let done = complete(&context, &inputs, &first, &no_ledger(), posting(), &mut counter(0)).unwrap();
    assert_eq!(done.contracts[0].state, ContractState::Stopped);
    assert!(done.charges.is_empty());

    // In February no day is left to charge, but the charge is due.
    inputs.contracts[0].state = ContractState::Stopped;
    inputs.contracts[0].billed_through_on = done.contracts[0].billed_through_on;
    let context = RunContext::new(february());
    let second = draft(&context, &inputs);
    assert_eq!((second.state, second.total), (ItemState::Drafted, money("7.77")));
    assert_eq!(second.segments[0].period, Period::new(date!(2026 - 02 - 01), date!(2026 - 02 - 28)));
    let done = complete(&context, &inputs, &second, &no_ledger(), posting(), &mut counter(0)).unwrap();
    assert_eq!(done.charges.len(), 1);
    assert_eq!(done.contracts[0].state, ContractState::Closed);
    assert_eq!(done.contracts[0].billed_through_on, Some(date!(2026 - 01 - 31)));

    // Once more: nothing is due, and it stays as it is.
    inputs.charges[0].due_on = date!(2026 - 03 - 01);
    let waiting = draft(&context, &inputs);
    assert_eq!(waiting.segments[0].reason.as_ref().unwrap().code(), "already_billed");
}
