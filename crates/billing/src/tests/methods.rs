//! Segment methods: masters and sub-contracts, terms, budgets; and the days that segments end on.

use crate::samples::*;
use crate::*;
use time::Date;
use time::macros::{date, datetime};
use vocab::*;

const SEWER: ContractTypeId = ContractTypeId(11);
const TERMS: ContractTypeId = ContractTypeId(12);
const ASIDE: ContractTypeId = ContractTypeId(13);

fn cents(minor: i64) -> Money {
    Money::from_minor(minor)
}

/// A window with types of these methods besides: sewer bills before its master by sequence.
fn with_types(mut parts: RunContextParts, method: SegmentMethod) -> RunContextParts {
    let of = |id, sequence, method| ContractType {
        id,
        sequence,
        method,
        end_date: EndDateMethod::CalendarPeriod,
        ..parts.contract_types[0].clone()
    };
    let added = [
        of(SEWER, 1, SegmentMethod::SubContract),
        of(TERMS, 50, method),
        of(ASIDE, 60, SegmentMethod::NotBillable),
    ];
    parts.contract_types.extend(added);
    parts
}

fn completed(context: &RunContext, inputs: &AccountInputs, current: i64, payoff: i64) -> Completion {
    let draft = draft(context, inputs);
    assert_eq!(draft.state, ItemState::Drafted, "{:?}", draft.segments);
    let loose = LooseFt {
        id: FtId::new(ACCOUNT, 1),
        kind: FtKind::Adjustment,
        current: cents(current),
        accounting_on: date!(2026 - 01 - 05),
    };
    let ledger =
        Ledger { current: cents(current), payoff: cents(payoff), previous: None, loose: vec![loose] };
    let posting = Posting { bill_number: 1, posted_at: datetime!(2026-02-01 12:00 UTC) };
    let mut next = 100;
    complete(context, inputs, &draft, &ledger, posting, &mut || {
        next += 1;
        next
    })
    .unwrap()
}

fn with_sewer() -> AccountInputs {
    let mut inputs = account();
    let master = inputs.contracts[0].id;
    inputs
        .contracts
        .insert(0, Contract { master: Some(master), schedule_id: Some(RESIDENTIAL), ..contract(9, SEWER) });
    inputs
}

#[test]
fn a_sub_contract_is_charged_from_its_masters_segment() {
    let context = RunContext::new(with_types(january(), SegmentMethod::Loan));
    let both = draft(&context, &with_sewer());
    let rows: Vec<_> = both.segments.iter().map(|s| (s.contract.n, s.outcome.as_str())).collect();
    assert_eq!(rows, [(1, "billed"), (9, "billed")], "the master first, whatever the sequence");
    let (master, sub) = (&both.segments[0], &both.segments[1]);
    assert_eq!((sub.period, sub.total), (master.period, master.total));
    let calc = sub.calc.as_deref().unwrap();
    assert!(calc.reads.is_empty());
    assert_eq!(calc.given[0].value, Decimal::from(150));
    // Its own record rates it again, as a trial of another rate does.
    let kept = Calculation::parse(&calc.to_json().unwrap()).unwrap();
    assert_eq!(&kept, calc);
    assert!(measured("sewer", &kept).unwrap().is_none(), "it measured nothing itself");

    // Ten days of its own: a part of what was used.
    let mut late = with_sewer();
    late.contracts[0].starts_on = date!(2026 - 01 - 22);
    let part = draft(&context, &late);
    let calc = part.segments[1].calc.as_ref().unwrap();
    assert_eq!(part.segments[1].period, Period::new(date!(2026 - 01 - 22), date!(2026 - 01 - 31)));
    assert_eq!(calc.given[0].value, Decimal::from(100));

    // The master ends: so does what rests on it.
    let mut ended = with_sewer();
    ended.contracts[1].ends_on = Some(date!(2026 - 01 - 31));
    let done = completed(&context, &ended, 0, 0);
    assert!(done.contracts.iter().all(|of| of.state == ContractState::Closed));
    let ends: Vec<_> = done.contracts.iter().map(|of| of.ended_on).collect();
    assert_eq!(ends, [None, Some(date!(2026 - 01 - 31))]);
}

#[test]
fn what_keeps_a_master_back_keeps_its_dependents_back() {
    let context = RunContext::new(with_types(january(), SegmentMethod::Loan));
    let after = |change: &dyn Fn(&mut AccountInputs)| {
        let mut inputs = with_sewer();
        change(&mut inputs);
        let draft = draft(&context, &inputs);
        let sub = draft.segments.iter().find(|of| of.contract.n == 9).unwrap();
        assert!(sub.error.is_none());
        (draft.state, sub.outcome, sub.reason.as_ref().unwrap().code())
    };
    assert_eq!(
        after(&|inputs| inputs.meters[0].registers[0].reads.truncate(1)),
        (ItemState::Error, SegmentOutcome::Blocked, "predecessor_failed")
    );
    let hold = Hold { until_on: date!(2026 - 03 - 01), reason: "broken".into() };
    assert_eq!(
        after(&|inputs| inputs.contracts[1].hold = Some(hold.clone())),
        (ItemState::Held, SegmentOutcome::Held, "master_held")
    );
    let short = |inputs: &mut AccountInputs| {
        inputs.contracts[1].starts_on = date!(2026 - 01 - 25);
        inputs.meters[0].registers[0].reads[0].read_on = date!(2026 - 01 - 24);
    };
    assert_eq!(after(&short), (ItemState::Deferred, SegmentOutcome::Deferred, "master_deferred"));
    let later = |inputs: &mut AccountInputs| inputs.contracts[1].starts_on = date!(2026 - 02 - 01);
    assert_eq!(after(&later), (ItemState::Skipped, SegmentOutcome::Skipped, "master_skipped"));

    // A contract of another method goes its own way past a master that is skipped.
    let mut pledge = full_account();
    pledge.contracts[0].starts_on = date!(2026 - 02 - 01);
    pledge.contracts[2].master = Some(pledge.contracts[0].id);
    let own = draft(&context, &pledge);
    assert_eq!(own.segments.iter().find(|of| of.contract.n == 3).unwrap().total, cents(250));
    // A cycle that slipped in ends, and is drafted in some order.
    pledge.contracts[0].master = Some(pledge.contracts[2].id);
    assert_eq!(draft(&context, &pledge).segments.len(), 4);
}

#[test]
fn a_master_does_not_end_over_a_sub_contract_that_is_held() {
    let context = RunContext::new(with_types(january(), SegmentMethod::Loan));
    let hold = Hold { until_on: date!(2026 - 03 - 01), reason: "disputed".into() };
    let blocking = |change: &dyn Fn(&mut AccountInputs)| {
        let mut inputs = with_sewer();
        inputs.contracts[0].hold = Some(hold.clone());
        change(&mut inputs);
        let draft = draft(&context, &inputs);
        assert_eq!(draft.state, ItemState::Drafted);
        let of_sub =
            |flag: &Flag| flag.severity == Severity::Block && flag.contract.is_some_and(|id| id.n == 9);
        let flag = draft.flags.into_iter().find(of_sub);
        flag.map(|flag| (flag.code, flag.value))
    };
    assert_eq!(blocking(&|_| {}), None, "the master goes on");
    let all = Some((FlagCode::NothingBilled, "2026-01-17 to 2026-01-31".to_owned()));
    assert_eq!(blocking(&|inputs| inputs.contracts[1].ends_on = Some(date!(2026 - 01 - 31))), all);
    let ten = Some((FlagCode::NothingBilled, "2026-01-17 to 2026-01-26".to_owned()));
    assert_eq!(blocking(&|inputs| inputs.contracts[0].ends_on = Some(date!(2026 - 01 - 26))), ten);
    // Charged through its end already, or no charge of the master's days at all.
    let charged = &|inputs: &mut AccountInputs| {
        inputs.contracts[1].ends_on = Some(date!(2026 - 01 - 31));
        inputs.contracts[0].billed_through_on = Some(date!(2026 - 01 - 31));
    };
    assert_eq!(blocking(charged), None);
    assert_eq!(
        blocking(&|inputs| {
            inputs.contracts[1].ends_on = Some(date!(2026 - 01 - 31));
            inputs.contracts[0].type_id = ASIDE;
        }),
        None
    );
}

#[test]
fn what_is_not_billable_is_skipped() {
    let context = RunContext::new(with_types(january(), SegmentMethod::Loan));
    let mut inputs = account();
    inputs.contracts.push(contract(9, ASIDE));
    let draft = draft(&context, &inputs);
    assert_eq!(draft.state, ItemState::Drafted);
    assert_eq!(draft.segments[1].reason, Some(Reason::NotBillable));
}

#[test]
fn segments_end_before_an_anniversary_or_on_the_bill_date() {
    let period = |method, starts_on: Date, through: Option<Date>, ends_on: Option<Date>| {
        let mut parts = parts(date!(2026 - 01 - 01), date!(2026 - 01 - 31), date!(2026 - 02 - 04));
        for of in parts.contract_types.iter_mut().filter(|of| of.id == PLEDGE) {
            of.end_date = method;
        }
        let mut inputs = full_account();
        inputs.contracts.retain(|contract| contract.id.n == 3);
        let pledge = &mut inputs.contracts[0];
        (pledge.starts_on, pledge.billed_through_on, pledge.ends_on) = (starts_on, through, ends_on);
        let draft = draft(&RunContext::new(parts), &inputs);
        draft.segments[0]
            .period
            .map(|period| (period.first_on(), period.last_on()))
            .ok_or_else(|| draft.segments[0].reason.clone().unwrap().code())
    };
    let anniversary =
        |starts_on, through, ends_on| period(EndDateMethod::Anniversary, starts_on, through, ends_on);
    let (mid, month_end) = (date!(2025 - 11 - 17), date!(2025 - 10 - 31));
    assert_eq!(
        anniversary(mid, Some(date!(2025 - 12 - 16)), None),
        Ok((date!(2025 - 12 - 17), date!(2026 - 01 - 16)))
    );
    assert_eq!(
        anniversary(month_end, Some(date!(2025 - 12 - 30)), None),
        Ok((date!(2025 - 12 - 31), date!(2026 - 01 - 30)))
    );
    assert_eq!(anniversary(date!(2026 - 01 - 10), None, None), Err("no_anniversary"));
    assert_eq!(anniversary(mid, Some(date!(2026 - 01 - 16)), None), Err("already_billed"));
    // What has ended ends on its last day.
    assert_eq!(
        anniversary(date!(2026 - 01 - 10), None, Some(date!(2026 - 01 - 25))),
        Ok((date!(2026 - 01 - 10), date!(2026 - 01 - 25)))
    );
    let as_of = |ends_on| period(EndDateMethod::AsOfDate, date!(2026 - 01 - 17), None, ends_on);
    assert_eq!(as_of(None), Ok((date!(2026 - 01 - 17), date!(2026 - 02 - 04))));
    assert_eq!(as_of(Some(date!(2026 - 02 - 02))), Ok((date!(2026 - 01 - 17), date!(2026 - 02 - 02))));
}

fn on_terms(terms: Terms, progress: i64) -> AccountInputs {
    let mut inputs = account();
    let agreed = Contract { terms: Some(terms), progress: cents(progress), ..contract(9, TERMS) };
    inputs.contracts = vec![agreed];
    inputs
}

#[test]
fn an_arrangement_comes_back_bill_by_bill_and_stops_itself() {
    let context = RunContext::new(with_types(january(), SegmentMethod::Instalment));
    let terms = Terms::Instalment { principal: cents(10_000), per_bill: cents(4_000) };
    // 100.00 were taken out of what is asked; they are owed all along.
    let done = completed(&context, &on_terms(terms.clone(), 0), -10_000, 0);
    assert_eq!((done.bill.new, done.current, done.payoff), (cents(4_000), cents(-6_000), Money::ZERO));
    assert!(done.fts[0].journal().lines().is_empty());
    let update = done.contracts[0];
    assert_eq!((update.progress, update.state, update.ended_on), (cents(4_000), ContractState::Active, None));
    // The last is the remainder.
    let last = completed(&context, &on_terms(terms.clone(), 8_000), -2_000, 0);
    assert_eq!((last.bill.new, last.current), (cents(2_000), Money::ZERO));
    assert_eq!(last.contracts[0].state, ContractState::Closed);
    assert_eq!(last.contracts[0].ended_on, Some(date!(2026 - 01 - 31)));
    // Stopped by a person: what is left is asked at once.
    let mut stopped = on_terms(terms, 4_000);
    stopped.contracts[0].ends_on = Some(date!(2026 - 01 - 31));
    assert_eq!(completed(&context, &stopped, -6_000, 0).current, Money::ZERO);
}

#[test]
fn a_deposit_is_asked_but_not_owed() {
    let context = RunContext::new(with_types(january(), SegmentMethod::Deposit));
    let terms = Terms::Deposit { required: cents(5_000), per_bill: cents(3_000) };
    let done = completed(&context, &on_terms(terms.clone(), 3_000), 0, 0);
    assert_eq!((done.current, done.payoff), (cents(2_000), Money::ZERO));
    assert_eq!((done.contracts[0].progress, done.contracts[0].state), (cents(5_000), ContractState::Closed));
    let mut stopped = on_terms(terms, 0);
    stopped.contracts[0].ends_on = Some(date!(2026 - 01 - 31));
    assert_eq!(completed(&context, &stopped, 0, 0).current, Money::ZERO);
}

/// 1200.00 at 12 % in 12 payments: the textbook payment is 106.62 (106.6185…).
fn loan() -> Terms {
    Terms::Loan {
        principal: cents(120_000),
        annual_percent: Decimal::from(12),
        payments: 12,
        principal_gl: FEES,
    }
}

#[test]
fn a_loan_is_paid_back_in_level_payments() {
    let context = RunContext::new(with_types(january(), SegmentMethod::Loan));
    let (mut progress, mut paid) = (0, Vec::new());
    let mut interest = 0;
    for _ in 0..12 {
        let done = completed(&context, &on_terms(loan(), progress), 0, 0);
        assert_eq!(done.current, done.payoff);
        let lines = &done.segments[0].document.terms;
        assert_eq!(
            lines.iter().map(|line| line.kind).collect::<Vec<_>>(),
            [TermKind::Interest, TermKind::Principal]
        );
        interest += lines[0].amount.minor();
        paid.push(done.bill.new.minor());
        let credits: Vec<_> = done.fts[0].journal().lines().to_vec();
        assert!(credits.contains(&(FEES, lines[1].amount.negated().unwrap())));
        assert!(credits.contains(&(REVENUE, lines[0].amount.negated().unwrap())));
        progress = done.contracts[0].progress.minor();
        let is_over = done.contracts[0].state == ContractState::Closed;
        assert_eq!(is_over, paid.len() == 12);
    }
    assert_eq!(progress, 120_000);
    assert!(paid[..11].iter().all(|payment| *payment == 10_662), "{paid:?}");
    assert!((10_650..=10_670).contains(&paid[11]), "{paid:?}");
    assert_eq!(paid.iter().sum::<i64>(), 120_000 + interest);
    // The first month's interest is 1 % of it all; stopped, the rest is asked with a month's interest.
    let mut stopped = on_terms(loan(), 0);
    stopped.contracts[0].ends_on = Some(date!(2026 - 01 - 31));
    assert_eq!(completed(&context, &stopped, 0, 0).current, cents(120_000 + 1_200));
}

#[test]
fn terms_that_cannot_be_billed_are_named() {
    let field = |terms: Terms| terms.fault(Currency::USD).unwrap().map(|fault| fault.field);
    assert_eq!(field(loan()), None);
    let Terms::Loan { principal, annual_percent, payments, principal_gl } = loan() else { unreachable!() };
    let tiny = Terms::Loan { principal: cents(5), annual_percent, payments, principal_gl };
    assert_eq!(field(tiny), Some("payments"));
    let endless = Terms::Loan { principal, annual_percent, payments: 481, principal_gl };
    assert_eq!(field(endless), Some("payments"));
    let usury = Terms::Loan { principal, annual_percent: Decimal::from(101), payments, principal_gl };
    assert_eq!(field(usury), Some("annual_percent"));
    let free = Terms::Loan { principal, annual_percent: Decimal::ZERO, payments: 7, principal_gl };
    assert_eq!(field(free), None);
    let dear = Terms::Instalment { principal: cents(100), per_bill: cents(101) };
    assert_eq!(field(dear), Some("per_bill"));
    let (since_on, review_on) = (date!(2026 - 05 - 01), date!(2026 - 04 - 30));
    assert_eq!(field(Terms::Budget { level: cents(1), since_on, review_on }), Some("review_on"));
}

fn budget(review_on: Date) -> Option<Terms> {
    Some(Terms::Budget { level: cents(3_000), since_on: date!(2026 - 01 - 01), review_on })
}

#[test]
fn a_budget_asks_its_level_and_owes_what_was_used() {
    let context = RunContext::new(january());
    let next_year = budget(date!(2026 - 12 - 31));
    let asked = |terms: Option<Terms>, progress: i64, ends_on: Option<Date>| {
        let mut inputs = account();
        let contract = &mut inputs.contracts[0];
        (contract.terms, contract.progress, contract.ends_on) = (terms, cents(progress), ends_on);
        let done = completed(&context, &inputs, 0, progress);
        assert_eq!(done.segments[0].total, done.current, "the segment totals what it asks");
        let difference = done.payoff.minus(done.current).unwrap();
        assert_eq!(done.contracts[0].progress, difference, "what is not asked yet is what is owed besides");
        let receivable = done.fts[0].journal().lines()[0];
        assert_eq!(receivable, (RECEIVABLE, cents(2_226)), "the ledger follows what was used");
        (done.current.minor(), difference.minor())
    };
    assert_eq!(asked(next_year.clone(), 0, None), (3_000, -774));
    assert_eq!(asked(next_year.clone(), 900, None), (3_000, 126));
    // The review day, the end of the contract and the end of the budget settle.
    assert_eq!(asked(budget(date!(2026 - 01 - 20)), 900, None), (3_126, 0));
    assert_eq!(asked(next_year, 900, Some(date!(2026 - 01 - 31))), (3_126, 0));
    assert_eq!(asked(None, -500, None), (1_726, 0));
    assert_eq!(asked(None, 0, None), (2_226, 0));
}

#[test]
fn terms_and_masters_are_part_of_the_digest() {
    let context = RunContext::new(with_types(january(), SegmentMethod::Loan));
    let mut seen = vec![digest(&context, &on_terms(loan(), 0)), digest(&context, &on_terms(loan(), 1))];
    let mut master = on_terms(loan(), 0);
    master.contracts[0].master = Some(ContractId::new(ACCOUNT, 1));
    seen.push(digest(&context, &master));
    let mut none = on_terms(loan(), 0);
    none.contracts[0].terms = None;
    seen.push(digest(&context, &none));
    let mut budgeted = on_terms(loan(), 0);
    for review_on in [date!(2026 - 12 - 01), date!(2026 - 12 - 02)] {
        budgeted.contracts[0].terms = budget(review_on);
        seen.push(digest(&context, &budgeted));
    }
    let all = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), all);
}
