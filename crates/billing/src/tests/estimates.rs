//! Estimates made here: the account by hand from January to March, what allows them, what follows.

use super::worked::{counter, no_ledger, posting};
use crate::samples::*;
use crate::*;
use metering::{EstimateBy, EstimationRules, UsageProfile};
use time::macros::date;
use vocab::dates::plus_days;
use vocab::*;

fn money(text: &str) -> Money {
    Currency::USD.parse(text).unwrap()
}

fn estimating(mut parts: RunContextParts) -> RunContextParts {
    parts.window.estimate_on = Some(parts.window.bill_on);
    parts
}

fn march() -> RunContextParts {
    parts(date!(2026 - 03 - 01), date!(2026 - 03 - 31), date!(2026 - 03 - 31))
}

/// The account after January's bill; nobody has read the meter since.
pub(super) fn unread_february() -> AccountInputs {
    let mut inputs = account();
    inputs.contracts[0].billed_through_on = Some(date!(2026 - 01 - 31));
    inputs.contracts[0].segments = 1;
    inputs.last_bill = Some(LastBill { id: BillId::new(ACCOUNT, 1), ending: Money::ZERO });
    inputs
}

/// The account as it stands when a completed bill is written.
fn after(mut inputs: AccountInputs, done: &Completion) -> AccountInputs {
    for update in &done.contracts {
        let contract = inputs.contracts.iter_mut().find(|of| of.id == update.contract).unwrap();
        (contract.billed_through_on, contract.segments) = (update.billed_through_on, update.segments);
        contract.state = update.state;
    }
    for made in &done.estimates {
        let value = metering::Read {
            read_on: made.read_on,
            value: made.value,
            quality: ReadQuality::Estimated,
            status: ReadStatus::Valid,
        };
        let registers = &mut inputs.meters[0].registers;
        registers.iter_mut().find(|of| of.register.id == made.register).unwrap().reads.push(value);
    }
    inputs
}

fn completed(parts: RunContextParts, inputs: &AccountInputs) -> (Draft, Completion) {
    let context = RunContext::new(parts);
    let draft = draft(&context, inputs);
    assert_eq!(draft.segments[0].error, None);
    let done = complete(&context, inputs, &draft, &no_ledger(), posting(), &mut counter(0)).unwrap();
    (draft, done)
}

fn failed(parts: RunContextParts, inputs: &AccountInputs) -> Code {
    let draft = draft(&RunContext::new(parts), inputs);
    assert_eq!(draft.state, ItemState::Error);
    draft.segments[0].error.as_ref().unwrap().code
}

fn amounts(draft: &Draft) -> Vec<i64> {
    let calc = draft.segments[0].calc.as_ref().unwrap();
    calc.lines.iter().map(|line| line.amount_minor.minor()).collect()
}

fn put(inputs: &mut AccountInputs, read: metering::Read) {
    inputs.meters[0].registers[0].reads.push(read);
}

#[test]
fn january_to_march_with_the_estimate_made_here() {
    let inputs = account();
    let (january, done) = completed(estimating(january()), &inputs);
    assert_eq!((january.total, done.estimates.len()), (money("22.26"), 0));
    let inputs = after(inputs, &done);

    // 150 in fifteen days: 280 in February.
    let (february_draft, done) = completed(estimating(february()), &inputs);
    assert_eq!(amounts(&february_draft), [1200, 2800, 240]);
    let segment = &february_draft.segments[0];
    assert!(segment.estimated);
    assert_eq!(segment.period, Period::new(date!(2026 - 02 - 01), date!(2026 - 02 - 28)));
    let calc = segment.calc.as_ref().unwrap();
    assert_eq!(calc.estimates[0].evidence.by, EstimateBy::RecentAverage);
    assert_eq!(calc.reads[0].end_quality, ReadQuality::Estimated);
    let steps: Vec<String> = explain::estimated(&calc.estimates[0]).iter().map(ToString::to_string).collect();
    assert_eq!(steps, ["150 × 28 ÷ 15 = 280", "1150 + 280 = 1430"]);
    let register = inputs.meters[0].registers[0].register.id;
    let stored = EstimatedRead { register, read_on: date!(2026 - 02 - 28), value: Decimal::from(1430) };
    assert_eq!(done.estimates, [stored]);
    assert!(done.segments[0].estimated);
    let inputs = after(inputs, &done);

    // March's read lies below: an error that asks for a correction, estimates allowed or not.
    let mut read_in_march = inputs.clone();
    put(&mut read_in_march, read(date!(2026 - 03 - 31), 1400));
    assert_eq!(failed(estimating(march()), &read_in_march), Code::ActualBelowEstimate);
    assert_eq!(failed(march(), &read_in_march), Code::ActualBelowEstimate);

    // The correction sets the boundary by days; both months are billed again at their own rates.
    let reads = &mut read_in_march.meters[0].registers[0].reads;
    for of in reads.iter_mut().filter(|of| of.quality == ReadQuality::Estimated) {
        (of.value, of.quality) = (Decimal::from(1269), ReadQuality::Adjusted);
    }
    let (march_draft, _) = completed(estimating(march()), &read_in_march);
    assert_eq!(amounts(&march_draft), [581, 774, 634, 811, 168]);
    assert!(!march_draft.segments[0].estimated);
    read_in_march.contracts[0].billed_through_on = Some(date!(2026 - 01 - 31));
    let (again, _) = completed(estimating(february()), &read_in_march);
    assert_eq!((amounts(&again), again.total), (vec![1200, 1190, 143], money("25.33")));
}

#[test]
fn an_estimate_too_low_is_made_up_by_the_next_read() {
    let inputs = unread_february();
    let (_, done) = completed(estimating(february()), &inputs);
    let mut inputs = after(inputs, &done);
    // 1150 → 1800 in 59 days, 280 of them billed.
    put(&mut inputs, read(date!(2026 - 03 - 31), 1800));
    let (draft, _) = completed(march(), &inputs);
    let used: Decimal = draft.segments[0].calc.as_ref().unwrap().reads.iter().map(|of| of.quantity).sum();
    assert_eq!(used, Decimal::from(370));
    // It started from an estimate, and says so.
    assert!(draft.segments[0].estimated);
}

#[test]
fn all_that_must_allow_it() {
    let inputs = unread_february();
    assert_eq!(completed(estimating(february()), &inputs).1.estimates.len(), 1);
    type Change = fn(&mut RunContextParts);
    let forbidding: [(&str, Change); 4] = [
        ("type", |parts| parts.contract_types[3].estimation = false),
        ("rate", |parts| parts.schedules[1].estimation = false),
        ("no date", |parts| parts.window.estimate_on = None),
        ("date to come", |parts| parts.window.estimate_on = Some(date!(2026 - 03 - 01))),
    ];
    for (what, forbid) in forbidding {
        let mut parts = estimating(february());
        forbid(&mut parts);
        assert_eq!(failed(parts, &inputs), Code::MissingEndRead, "{what}");
    }
    // A read of the window is used where there is one, and ends the segment on its day.
    let mut is_read = inputs.clone();
    put(&mut is_read, read(date!(2026 - 02 - 25), 1300));
    let (draft, done) = completed(estimating(february()), &is_read);
    assert_eq!(draft.period.unwrap().last_on(), date!(2026 - 02 - 25));
    assert!(done.estimates.is_empty() && !draft.segments[0].estimated);
    // Nothing to go by: as before, and flagged.
    let mut new = inputs;
    new.meters[0].registers[0].reads.remove(0);
    let drafted = draft_of(estimating(february()), &new);
    let error = drafted.segments[0].error.as_ref().unwrap();
    assert_eq!(error.code, Code::MissingEndRead);
    assert_eq!(drafted.segments[0].error, draft_of(february(), &new).segments[0].error);
    assert_eq!((error.params["from"].as_str(), error.params["to"].as_str()), ("2026-02-21", "2026-03-05"));
    assert!(drafted.flags.iter().any(|flag| flag.code == FlagCode::NoRead));
}

fn draft_of(parts: RunContextParts, inputs: &AccountInputs) -> Draft {
    draft(&RunContext::new(parts), inputs)
}

#[test]
fn every_register_without_a_read_gets_one() {
    let mut inputs = unread_february();
    let day = date!(2026 - 01 - 16);
    let reads = vec![read(day, 10), read(date!(2026 - 01 - 31), 40), read(date!(2026 - 02 - 26), 90)];
    inputs.meters[0].registers.push(RegisterReads {
        register: metering::Register { tou_bucket: Some("night".into()), ..register(2) },
        reads,
        days: Vec::new(),
    });
    let (draft, done) = completed(estimating(february()), &inputs);
    assert_eq!(draft.period.unwrap().last_on(), date!(2026 - 02 - 28));
    let made: Vec<_> = done.estimates.iter().map(|of| (of.register.n, of.value)).collect();
    // The second goes on from its read of the 26th: 80 in 41 days, two of them.
    assert_eq!(made, [(1, Decimal::from(1430)), (2, Decimal::from(94))]);
    // One that was read on the day keeps its read.
    inputs.meters[0].registers[1].reads[2].read_on = date!(2026 - 02 - 28);
    let (_, done) = completed(estimating(february()), &inputs);
    assert_eq!(done.estimates.iter().map(|of| of.register.n).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_contract_that_has_ended_is_estimated_at_its_last_day() {
    let mut inputs = unread_february();
    inputs.contracts[0].ends_on = Some(date!(2026 - 02 - 10));
    inputs.contracts[0].state = ContractState::Stopped;
    let (draft, done) = completed(estimating(february()), &inputs);
    assert!(draft.segments[0].is_final);
    assert_eq!(
        (done.estimates[0].read_on, done.estimates[0].value),
        (date!(2026 - 02 - 10), Decimal::from(1250))
    );
    assert_eq!(done.contracts[0].state, ContractState::Closed);
    // One that is too short and goes on still waits.
    inputs.contracts[0].ends_on = None;
    inputs.contracts[0].billed_through_on = Some(date!(2026 - 02 - 20));
    assert_eq!(draft_of(estimating(february()), &inputs).state, ItemState::Deferred);
    // By the calendar the last day is the window's, and its read is estimated likewise.
    let mut parts = estimating(february());
    parts.contract_types[3].end_date = EndDateMethod::CalendarPeriod;
    assert_eq!(
        failed(RunContextParts { window: february().window, ..parts.clone() }, &unread_february()),
        Code::MissingEndRead
    );
    assert_eq!(completed(parts, &unread_february()).1.estimates.len(), 1);
}

#[test]
fn the_second_in_a_row_is_flagged_and_the_fourth_refused() {
    let months = [
        (date!(2026 - 02 - 01), date!(2026 - 02 - 28)),
        (date!(2026 - 03 - 01), date!(2026 - 03 - 31)),
        (date!(2026 - 04 - 01), date!(2026 - 04 - 30)),
        (date!(2026 - 05 - 01), date!(2026 - 05 - 31)),
    ];
    let window = |at: usize| estimating(parts(months[at].0, months[at].1, months[at].1));
    let mut inputs = unread_february();
    for (at, nth) in [None, Some(("2", "3")), Some(("3", "3"))].into_iter().enumerate() {
        let (draft, done) = completed(window(at), &inputs);
        let flag = draft.flags.iter().find(|flag| flag.code == FlagCode::NthEstimate);
        assert_eq!(flag.map(|flag| (flag.value.as_str(), flag.compared.as_str())), nth);
        assert!(flag.is_none_or(|flag| flag.severity == Severity::Warn && flag.register == Some(1)));
        assert!(draft.flags.iter().any(|flag| flag.code == FlagCode::Estimated));
        let calc = draft.segments[0].calc.as_ref().unwrap();
        assert_eq!(calc.estimates[0].nth as usize, at + 1);
        inputs = after(inputs, &done);
    }
    let refused = draft_of(window(3), &inputs);
    let error = refused.segments[0].error.as_ref().unwrap();
    assert_eq!((error.code, error.params["found"].as_str()), (Code::TooManyEstimates, "3"));
    assert!(refused.flags.iter().any(|flag| flag.code == FlagCode::NoRead));
    // 10 a day all along, and every read is the one before plus its days.
    let values: Vec<_> = inputs.meters[0].registers[0].reads.iter().map(|of| of.value).collect();
    assert_eq!(values, [1000, 1150, 1430, 1740, 2040].map(Decimal::from));
}

#[test]
fn estimates_that_came_in_by_file_are_counted_like_our_own() {
    let may = |most_in_a_row| {
        let parts = parts(date!(2026 - 05 - 01), date!(2026 - 05 - 31), date!(2026 - 05 - 31));
        RunContextParts {
            estimation: EstimationRules { most_in_a_row, ..EstimationRules::default() },
            ..parts
        }
    };
    let mut inputs = unread_february();
    inputs.contracts[0].billed_through_on = Some(date!(2026 - 04 - 30));
    let ends = [date!(2026 - 02 - 28), date!(2026 - 03 - 31), date!(2026 - 04 - 30), date!(2026 - 05 - 31)];
    for (on, value) in ends.into_iter().zip([1430, 1740, 2040, 2350]) {
        let estimate = metering::Read { quality: ReadQuality::Estimated, ..read(on, value) };
        inputs.meters[0].registers[0].reads.push(estimate);
    }
    let refused = draft_of(may(3), &inputs);
    let error = refused.segments[0].error.as_ref().unwrap();
    assert_eq!((error.code, error.params["found"].as_str()), (Code::TooManyEstimates, "3"));
    let allowed = draft_of(may(4), &inputs);
    let nth = allowed.flags.iter().find(|flag| flag.code == FlagCode::NthEstimate).unwrap();
    assert_eq!((nth.value.as_str(), nth.compared.as_str()), ("4", "4"));
    // The reads that are counted are asked for, and what they come to is an input.
    let context = RunContext::new(may(4));
    assert!(estimate_reads_from(&context, &inputs, &inputs.contracts[0]).unwrap() < ends[0]);
    let mut read_in_march = inputs.clone();
    read_in_march.meters[0].registers[0].reads[3].quality = ReadQuality::Actual;
    let other = draft_of(may(4), &read_in_march);
    assert_ne!(other.digest, allowed.digest);
    assert!(draft_of(may(3), &read_in_march).segments[0].error.is_none());
    // Days of interval data are not counted.
    let register = &mut inputs.meters[0].registers[0];
    register.register.kind = RegisterKind::Interval;
    register.reads = (1..=31)
        .map(|day| metering::Read {
            quality: ReadQuality::Estimated,
            ..read(date!(2026 - 04 - 30) + time::Duration::days(day), 10)
        })
        .collect();
    assert_eq!(draft_of(may(1), &inputs).segments[0].error, None);
}

#[test]
fn a_class_profile_is_the_last_resort() {
    let mut per_day = [Decimal::from(7); 12];
    per_day[1] = Decimal::from(5);
    let profile = UsageProfile {
        class: "residential".into(),
        commodity: Commodity::Electricity,
        unit: Unit::Kwh,
        tou_bucket: None,
        per_day,
    };
    let commercial = UsageProfile { class: "commercial".into(), ..profile.clone() };
    let mut inputs = unread_february();
    // The start read came with the contract of somebody else's meter: nothing of its own.
    inputs.contracts[0].starts_on = date!(2026 - 02 - 01);
    inputs.contracts[0].billed_through_on = None;
    let with = |profiles| RunContextParts { profiles, ..estimating(february()) };
    assert_eq!(failed(with(vec![commercial.clone()]), &inputs), Code::MissingEndRead);
    let (draft, done) = completed(with(vec![commercial, profile]), &inputs);
    assert_eq!(done.estimates[0].value, Decimal::from(1290));
    let found = &draft.segments[0].calc.as_ref().unwrap().estimates[0].evidence;
    assert_eq!((found.by, found.per_day), (EstimateBy::ClassProfile, Some(Decimal::from(5))));
}

#[test]
fn the_record_is_read_back_and_rated_again() {
    let context = RunContext::new(estimating(february()));
    let draft = draft(&context, &unread_february());
    assert_eq!(Draft::parse(&draft.to_json().unwrap()).unwrap(), draft);
    let segment = &draft.segments[0];
    let calc = segment.calc.as_deref().unwrap();
    assert_eq!(&Calculation::parse(&calc.to_json().unwrap()).unwrap(), calc);
    let billed = BilledSegment {
        period: segment.period.unwrap(),
        window: Period::new(context.window().starts_on, context.window().ends_on),
        calc,
        segments: &[],
        profile: &[],
        exemptions: &[],
        memory: &Memory::default(),
    };
    let rate = context.schedule(RESIDENTIAL).unwrap();
    let again = re_rate(&billed, rate, context.factors(), context.currency()).unwrap().unwrap();
    assert_eq!(again.total, segment.total);
}

#[test]
fn an_estimate_is_shown_step_by_step() {
    let mut inputs = unread_february();
    let of = &mut inputs.meters[0].registers[0];
    of.register.multiplier = Decimal::from(40);
    of.reads = vec![read(date!(2026 - 01 - 16), 99_700), read(date!(2026 - 01 - 31), 99_850)];
    let (_, done) = completed(estimating(february()), &inputs);
    let made = &done.segments[0].document.estimates[0];
    let steps: Vec<String> = explain::estimated(made).iter().map(ToString::to_string).collect();
    assert_eq!(steps, ["6000 × 28 ÷ 15 = 11200", "99850 + 11200 ÷ 40 − 100000 = 130"]);
}

type Change = (&'static str, fn(&mut RunContextParts, &mut AccountInputs));

/// Decides February's estimate: reads of this January and of last year, and the profile.
fn of(change: fn(&mut RunContextParts, &mut AccountInputs)) -> (Digest, Option<Code>) {
    let mut parts = estimating(february());
    let profile = |unit| UsageProfile {
        class: "residential".into(),
        commodity: Commodity::Electricity,
        unit,
        tou_bucket: None,
        per_day: [Decimal::from(7); 12],
    };
    parts.profiles = vec![profile(Unit::Kwh), profile(Unit::Ccf)];
    parts.window.estimate_on = Some(date!(2026 - 02 - 27));
    let mut inputs = unread_february();
    inputs.contracts[0].starts_on = date!(2024 - 06 - 01);
    put(&mut inputs, read(date!(2025 - 01 - 31), 500));
    change(&mut parts, &mut inputs);
    let context = RunContext::new(parts);
    let draft = draft(&context, &inputs);
    (draft.digest, draft.segments[0].error.as_ref().map(|error| error.code))
}

#[test]
fn interval_data_decide_no_estimate() {
    // A test loads them further back than an acceptance does.
    let day = |on| {
        let mut data = metering::IntervalDay::new(60, 24).unwrap();
        data.set(0, &[Decimal::ONE; 24], ReadQuality::Actual).unwrap();
        DayOfIntervals { on, data }
    };
    let seen = |older: bool, charged: bool| {
        let mut inputs = unread_february();
        let from = |first_on, is_there: bool| {
            (0..if is_there { 20 } else { 0 }).filter_map(move |n| plus_days(first_on, n))
        };
        let days = || from(date!(2025 - 12 - 01), older).chain(from(date!(2026 - 02 - 01), charged));
        inputs.meters[0].registers[0].days = days().map(day).collect();
        let profile = metering::Register {
            kind: RegisterKind::Interval,
            quantity_name: Some("export".into()),
            ..register(7)
        };
        let reads = days().map(|on| read(on, 24)).collect();
        inputs.meters[0].registers.push(RegisterReads { register: profile, reads, days: Vec::new() });
        digest(&RunContext::new(estimating(february())), &inputs)
    };
    assert_eq!(seen(true, true), seen(false, true));
    assert_ne!(seen(false, true), seen(false, false));
}

const DECISIVE: &[Change] = &[
    ("type", |parts, _| parts.contract_types[3].estimation = false),
    ("order", |parts, _| parts.estimation.order.reverse()),
    ("fewer methods", |parts, _| parts.estimation.order.truncate(3)),
    ("most in a row", |parts, _| parts.estimation.most_in_a_row = 2),
    ("recent days", |parts, _| parts.estimation.recent_days = 101),
    ("tolerance", |parts, _| parts.estimation.last_year_tolerance_days = 11),
    ("profile", |parts, _| parts.profiles[0].per_day[1] = Decimal::from(8)),
    ("no profile", |parts, _| drop(parts.profiles.remove(0))),
    ("decimals", |_, inputs| inputs.meters[0].registers[0].register.decimals = 1),
    ("rollover", |parts, _| {
        let book = r#"{"rules":[{"class":"residential","rules":{"rollover":{"of_capacity_percent":40}}}]}"#;
        let book = serde_json::from_str(book).unwrap();
        parts.read_rules = metering::RulesByClass::new(&book, &metering::ReadRules::default());
    }),
    ("recent read", |_, inputs| inputs.meters[0].registers[0].reads[0].value = Decimal::from(999)),
    ("its quality", |_, inputs| inputs.meters[0].registers[0].reads[0].quality = ReadQuality::Estimated),
    ("its day", |_, inputs| inputs.meters[0].registers[0].reads[0].read_on = date!(2026 - 01 - 15)),
    ("it is rejected", |_, inputs| inputs.meters[0].registers[0].reads[0].status = ReadStatus::Rejected),
    ("last year", |_, inputs| inputs.meters[0].registers[0].reads[2].value = Decimal::from(501)),
    ("another of last year", |_, inputs| put(inputs, read(date!(2025 - 02 - 28), 700))),
    ("the meter before it", |_, inputs| {
        let gone = metering::Register { removed_on: Some(date!(2025 - 06 - 01)), ..register(2) };
        inputs.meters[0].registers.push(RegisterReads {
            register: gone,
            reads: Vec::new(),
            days: Vec::new(),
        });
    }),
];

const INDIFFERENT: &[Change] = &[
    ("date has come before", |parts, _| parts.window.estimate_on = Some(date!(2026 - 02 - 01))),
    ("another's profile", |parts, _| parts.profiles[1].per_day[1] = Decimal::from(8)),
    ("order of profiles", |parts, _| parts.profiles.reverse()),
    ("order of reads", |_, inputs| inputs.meters[0].registers[0].reads.reverse()),
    ("older than is looked at", |_, inputs| put(inputs, read(date!(2024 - 07 - 01), 10))),
    ("held read", |_, inputs| {
        put(inputs, metering::Read { status: ReadStatus::Held, ..read(date!(2025 - 12 - 31), 900) });
    }),
    ("another bucket", |_, inputs| {
        let other = metering::Register {
            tou_bucket: Some("night".into()),
            removed_on: Some(date!(2025 - 06 - 01)),
            ..register(3)
        };
        inputs.meters[0].registers.push(RegisterReads {
            register: other,
            reads: Vec::new(),
            days: Vec::new(),
        });
    }),
];

#[test]
fn the_digest_has_all_that_decides_an_estimate() {
    let (before, error) = of(|_, _| {});
    assert_eq!(error, None);
    let mut seen = vec![before];
    for (what, change) in DECISIVE {
        let (after, _) = of(*change);
        assert!(!seen.contains(&after), "{what}");
        seen.push(after);
    }
    // Whatever forbids an estimate leaves the same error.
    let forbidden = of(|parts, _| parts.contract_types[3].estimation = false);
    assert_eq!(forbidden, of(|parts, _| parts.schedules[1].estimation = false));
    assert_eq!(forbidden, of(|parts, _| parts.window.estimate_on = None));
    assert_eq!(forbidden, of(|parts, _| parts.window.estimate_on = Some(date!(2026 - 03 - 01))));
    assert_eq!(forbidden.1, Some(Code::MissingEndRead));
    for (what, change) in INDIFFERENT {
        assert_eq!(of(*change).0, before, "{what}");
    }
}

#[test]
fn where_nothing_is_missing_estimation_decides_nothing() {
    let digest_of = |parts| digest(&RunContext::new(parts), &full_account());
    let before = digest_of(january());
    assert_eq!(digest_of(estimating(january())), before);
    let estimation = EstimationRules { most_in_a_row: 1, ..EstimationRules::default() };
    assert_eq!(digest_of(RunContextParts { estimation, ..estimating(january()) }), before);
}
