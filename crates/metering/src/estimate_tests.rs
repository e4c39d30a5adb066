//! Worked estimates per method, their limits, and what holds for all of them.

use super::{estimate, *};
use crate::register::{Read, samples::*};
use proptest::prelude::*;
use vocab::{ReadQuality, ReadStatus};

fn february() -> Charged {
    Charged { period: Period::new(day("2026-02-01"), day("2026-02-28")).unwrap(), start: Start::Continuing }
}

fn wanted<'a>(charged: Charged) -> Wanted<'a> {
    Wanted {
        charged,
        since_on: day("2020-01-01"),
        until_on: day("2026-03-05"),
        profile: None,
        rollover: RolloverLimit::default(),
    }
}

fn only(by: EstimateBy) -> EstimationRules {
    EstimationRules { order: vec![by], ..EstimationRules::default() }
}

fn of_february(rules: &EstimationRules, register: &Register, reads: &[Read]) -> Result<Estimate, Error> {
    let of = Metered { register, reads };
    estimate(rules, of, &[of], wanted(february()))
}

fn profile() -> UsageProfile {
    let mut per_day = [dec("8"); 12];
    per_day[1] = dec("9.5");
    UsageProfile {
        class: "residential".into(),
        commodity: Commodity::Electricity,
        unit: Unit::Kwh,
        tou_bucket: None,
        per_day,
    }
}

/// Monthly reads of a year: 310 in January 2025, 336 in February 2025; 10 a day of late.
fn a_year() -> Vec<Read> {
    vec![
        read("2025-01-31", "1000"),
        read("2025-02-28", "1336"),
        read("2025-11-30", "4000"),
        read("2025-12-31", "4310"),
        read("2026-01-31", "4620"),
    ]
}

#[test]
fn the_account_by_hand() {
    // domain scenario: 150 in the fifteen days since 17 January make 280 in February.
    for start_on in ["2026-01-16", "2026-01-17"] {
        let reads = [read(start_on, "1000"), read("2026-01-31", "1150")];
        let register = register(1, 5);
        let of = Metered { register: &register, reads: &reads };
        let own = Wanted { since_on: day("2026-01-16"), ..wanted(february()) };
        let made = estimate(&EstimationRules::default(), of, &[of], own).unwrap();
        assert_eq!((made.value, made.quantity), (dec("1430"), dec("280")));
        assert_eq!((made.from_on, made.from_value), (day("2026-01-31"), Some(dec("1150"))));
        let expected = Found {
            by: EstimateBy::RecentAverage,
            period: Period::new(day("2026-01-17"), day("2026-01-31")).unwrap(),
            quantity: dec("150"),
            per_day: Some(dec("10")),
        };
        assert_eq!((made.evidence, made.nth), (expected, 1));
    }
}

#[test]
fn the_methods_are_tried_in_order() {
    let register = register(1, 5);
    let found = |order: &[EstimateBy], reads: &[Read], profile: Option<&UsageProfile>| {
        let rules = EstimationRules { order: order.to_vec(), ..EstimationRules::default() };
        let of = Metered { register: &register, reads };
        estimate(&rules, of, &[of], Wanted { profile, ..wanted(february()) })
            .map(|made| (made.evidence.by, made.value))
    };
    use EstimateBy::{ClassProfile, LastYear, LaterRead, RecentAverage};
    let all = EstimationRules::default().order;
    let profile = profile();
    // 336 in 28 days of last year; 10 a day of late; 9.5 a day by the profile.
    assert_eq!(found(&all, &a_year(), Some(&profile)), Ok((LastYear, dec("4956"))));
    assert_eq!(found(&[RecentAverage, LastYear], &a_year(), None), Ok((RecentAverage, dec("4900"))));
    assert_eq!(found(&[ClassProfile, LastYear], &a_year(), Some(&profile)), Ok((ClassProfile, dec("4886"))));
    // Without last February the recent days decide, without those the profile.
    let recent: Vec<Read> = a_year().split_off(2);
    assert_eq!(found(&all, &recent, Some(&profile)), Ok((RecentAverage, dec("4900"))));
    assert_eq!(found(&all, &recent[2..], Some(&profile)), Ok((ClassProfile, dec("4886"))));
    let missing = found(&all, &recent[2..], None).unwrap_err();
    assert!(
        matches!(missing, Error::MissingEndRead { from, to, .. } if from == to && to == day("2026-02-28"))
    );
    assert!(matches!(found(&all, &[], Some(&profile)), Err(Error::MissingEndRead { .. })));
    // A later read that is known is no guess: 99 in the 33 days to 5 March.
    let mut read_late = a_year();
    read_late.push(read("2026-03-05", "4719"));
    assert_eq!(found(&all, &read_late, Some(&profile)), Ok((LaterRead, dec("4704"))));
    read_late[5].read_on = day("2026-03-06");
    assert_eq!(found(&all, &read_late, Some(&profile)), Ok((LastYear, dec("4956"))));
}

#[test]
fn a_later_read_below_an_estimate_is_not_covered_up() {
    let reads = [read("2025-12-31", "1000"), estimate_read("2026-01-31", "1300"), read("2026-03-03", "1200")];
    let made = of_february(&EstimationRules::default(), &register(1, 5), &reads);
    assert!(matches!(made, Err(Error::BelowEstimate { .. })));
}

fn estimate_read(on: &str, value: &str) -> Read {
    crate::register::samples::estimate(on, value)
}

#[test]
fn only_reads_are_evidence() {
    let register = register(1, 5);
    let made = |reads: &[Read]| of_february(&only(EstimateBy::RecentAverage), &register, reads);
    let from = [read("2025-11-30", "1000"), read("2025-12-31", "1310")];
    // An estimate since then is what is gone on from, but shows nothing.
    let mut reads = from.to_vec();
    reads.push(estimate_read("2026-01-31", "2000"));
    let found = made(&reads).unwrap();
    assert_eq!((found.value, found.nth), (dec("2280"), 2));
    assert_eq!(found.evidence.period.last_on(), day("2025-12-31"));
    // Customers' reads and corrected ones do.
    for quality in [ReadQuality::Customer, ReadQuality::Adjusted] {
        reads[2] = Read { quality, ..read("2026-01-31", "1465") };
        assert_eq!(made(&reads).unwrap().evidence.quantity, dec("465"));
    }
    // What is not valid is not there.
    reads[2] = Read { status: ReadStatus::Held, ..read("2026-01-31", "9000") };
    assert!(made(&reads).is_err());
    // Somebody else's use is none.
    let of = Metered { register: &register, reads: &a_year() };
    let own = Wanted { since_on: day("2026-01-31"), ..wanted(february()) };
    assert!(matches!(
        estimate(&EstimationRules::default(), of, &[of], own),
        Err(Error::MissingEndRead { .. })
    ));
    // A fall between two reads shows no use; last year's tolerance has an edge.
    let fallen = [read("2025-12-31", "5000"), read("2026-01-31", "4000")];
    assert!(matches!(made(&fallen), Err(Error::MissingEndRead { .. })));
    for (on, near) in [("2025-02-18", true), ("2025-02-17", false)] {
        let reads = [read("2025-01-31", "1000"), read(on, "1180"), read("2026-01-31", "4620")];
        assert_eq!(of_february(&only(EstimateBy::LastYear), &register, &reads).is_ok(), near, "{on}");
    }
}

#[test]
fn so_many_in_a_row() {
    let register = register(1, 5);
    let mut reads = a_year();
    reads.truncate(3);
    reads.push(estimate_read("2025-12-31", "4310"));
    reads.push(estimate_read("2026-01-31", "4620"));
    let rules = EstimationRules::default();
    assert_eq!(of_february(&rules, &register, &reads).unwrap().nth, 3);
    // The same day twice is one estimate; a rejected one is none.
    reads.push(estimate_read("2026-01-31", "4621"));
    reads.push(Read { status: ReadStatus::Rejected, ..estimate_read("2026-02-10", "4700") });
    assert_eq!(of_february(&rules, &register, &reads).unwrap().nth, 3);
    // One within the month that is charged is of the same bill, and those of each day of one are one.
    reads.push(estimate_read("2026-02-10", "4700"));
    reads.extend((1..=9).map(|n| estimate_read(&format!("2026-01-0{n}"), "4400")));
    assert_eq!(of_february(&rules, &register, &reads).unwrap().nth, 3);
    reads.push(estimate_read("2025-11-30", "4300"));
    let refused = of_february(&rules, &register, &reads).unwrap_err();
    assert!(matches!(refused, Error::TooManyEstimates { found: 3, most: 3, .. }));
    let problem = vocab::Problem::from(refused);
    assert_eq!(problem.code, Code::TooManyEstimates);
    let names: Vec<_> = problem.params.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, Code::TooManyEstimates.params());
    // A read in between begins a new row.
    reads.push(Read { quality: ReadQuality::Customer, ..read("2026-01-15", "4500") });
    assert_eq!(of_february(&rules, &register, &reads).unwrap().nth, 2);
}

#[test]
fn a_row_is_counted_as_far_back_as_it_may_reach() {
    let register = register(1, 6);
    let rules = EstimationRules { most_in_a_row: 24, ..EstimationRules::default() };
    let (mut on, mut reads) = (february().period.first_on().previous_day().unwrap(), Vec::new());
    for n in 1..=30 {
        reads.push(estimate_read(&civil::format(on), "4000"));
        let of = Metered { register: &register, reads: &reads };
        let found = estimates_in_a_row(&rules, of, february());
        assert!(found == n + 1 || found > 25, "{found} on {on}");
        on = on.replace_day(1).unwrap().previous_day().unwrap();
    }
    // Of quarters as of months.
    let quarter =
        Charged { period: Period::new(day("2026-01-01"), day("2026-03-31")).unwrap(), ..february() };
    let ends = ["2025-12-31", "2025-09-30", "2025-06-30", "2025-03-31", "2024-12-31", "2024-09-30"];
    let reads: Vec<Read> = ends.iter().map(|on| estimate_read(on, "4000")).collect();
    let of = Metered { register: &register, reads: &reads };
    assert_eq!(estimates_in_a_row(&rules, of, quarter), 7);
}

#[test]
fn dials_decimals_and_multipliers() {
    let reads = |a: &str, b: &str| [read("2026-01-03", a), read("2026-01-31", b)];
    let rules = only(EstimateBy::RecentAverage);
    let value =
        |register: &Register, a, b| of_february(&rules, register, &reads(a, b)).map(|made| made.value);
    let five = register(1, 5);
    // 28 days as in February: as much again.
    assert_eq!(value(&five, "99000", "99600"), Ok(dec("200")));
    // Exactly round, and over by rounding.
    assert_eq!(value(&five, "99000", "99500"), Ok(dec("0")));
    assert_eq!(value(&five, "99000.4", "99500"), Ok(dec("0")));
    // Decimals of the register; a read with more of them is not gone below.
    assert_eq!(value(&five, "100", "200.4"), Ok(dec("301")));
    assert_eq!(value(&five, "200.4", "200.4"), Ok(dec("201")));
    let fine = Register { decimals: 2, multiplier: dec("40"), ..register(1, 5) };
    let made = of_february(&rules, &fine, &[read("2026-01-01", "10"), read("2026-01-31", "11")]).unwrap();
    // 40 kWh in 30 days, 28 of them: 37.33 kWh, 0.93 on the dials.
    assert_eq!((made.value, made.evidence.quantity), (dec("11.93"), dec("40")));
    assert_eq!((made.evidence.per_day, made.quantity), (Some(dec("1.333333")), dec("37.333333")));
    let nothing = Register { multiplier: dec("0"), ..register(1, 5) };
    assert!(matches!(value(&nothing, "10", "11"), Err(Error::MissingEndRead { .. })));
}

#[test]
fn a_consumptive_register_is_given_the_days_that_it_lacks() {
    let counts = Register { kind: RegisterKind::Consumptive, decimals: 1, ..register(1, 0) };
    let rules = EstimationRules::default();
    let month = [read("2025-12-31", "300"), read("2026-01-31", "310")];
    assert_eq!(of_february(&rules, &counts, &month).unwrap().value, dec("280"));
    // Half of the month is there: only the other half is estimated.
    let mut half = month.to_vec();
    half.push(read("2026-02-14", "140"));
    let made = of_february(&rules, &counts, &half).unwrap();
    assert_eq!((made.from_on, made.value), (day("2026-02-14"), dec("140")));
    // The first period of a new customer has no read at its start, and needs none.
    let of = Metered { register: &counts, reads: &month[1..] };
    let own = Wanted { since_on: day("2025-12-31"), ..wanted(february()) };
    assert_eq!(estimate(&rules, of, &[of], own).unwrap().value, dec("280"));
    // A read that came since counts these days already.
    half.push(read("2026-03-02", "150"));
    assert!(matches!(of_february(&rules, &counts, &half), Err(Error::MissingEndRead { .. })));
}

#[test]
fn a_demand_is_a_peak() {
    let demand = Register { kind: RegisterKind::Consumptive, unit: Unit::Kw, decimals: 1, ..register(1, 0) };
    let mut reads = vec![
        read("2025-01-31", "70"),
        read("2025-02-27", "55"),
        read("2025-03-31", "90"),
        read("2025-12-31", "61.5"),
        read("2026-01-31", "48"),
        estimate_read("2025-12-20", "99"),
    ];
    let rules = EstimationRules::default();
    let made = of_february(&rules, &demand, &reads).unwrap();
    assert_eq!(
        (made.value, made.evidence.by, made.evidence.per_day),
        (dec("55"), EstimateBy::LastYear, None)
    );
    // Else the highest of the recent ones, not their sum; estimates are none.
    reads.remove(1);
    let made = of_february(&rules, &demand, &reads).unwrap();
    assert_eq!((made.value, made.evidence.by), (dec("61.5"), EstimateBy::RecentAverage));
    // Else the profile's, however many days.
    let mut peaks = UsageProfile { unit: Unit::Kw, ..profile() };
    peaks.per_day[1] = dec("40");
    let of = Metered { register: &demand, reads: &[] };
    let own = Wanted { since_on: day("2026-01-31"), profile: Some(&peaks), ..wanted(february()) };
    assert_eq!(estimate(&only(EstimateBy::ClassProfile), of, &[of], own).unwrap().value, dec("40"));
}

#[test]
fn an_exchanged_meter_leaves_its_history() {
    let old = Register { removed_on: Some(day("2026-01-20")), ..register(1, 5) };
    let new = Register { installed_on: day("2026-01-20"), ..register(2, 5) };
    let a = [read("2025-12-31", "7000"), read("2026-01-20", "7100")];
    let b = [read("2026-01-20", "3"), read("2026-01-31", "58")];
    let (old, new) = (Metered { register: &old, reads: &a }, Metered { register: &new, reads: &b });
    let rules = only(EstimateBy::RecentAverage);
    // 100 and 55 in 31 days: 5 a day.
    let made = estimate(&rules, new, &[old, new], wanted(february())).unwrap();
    assert_eq!((made.value, made.evidence.quantity), (dec("198"), dec("155")));
    // Side by side they are two uses.
    let beside = register(1, 5);
    let beside = Metered { register: &beside, reads: &a };
    let made = estimate(&rules, new, &[beside, new], wanted(february())).unwrap();
    assert_eq!((made.value, made.evidence.quantity), (dec("198"), dec("55")));
}

#[test]
fn rules_and_profiles_are_checked_data() {
    let rules: EstimationRules =
        serde_json::from_str(r#"{"order":["class_profile","last_year"],"most_in_a_row":2}"#).unwrap();
    assert_eq!((rules.order.len(), rules.most_in_a_row, rules.recent_days), (2, 2, 100));
    assert!(serde_json::from_str::<EstimationRules>(r#"{"ordre":[]}"#).is_err());
    assert!(EstimationRules::default().check().is_empty());
    let bad: EstimationRules = serde_json::from_str(
        r#"{"order":["last_year","last_year"],"most_in_a_row":0,"recent_days":0,"last_year_tolerance_days":32}"#,
    )
    .unwrap();
    let pointers: Vec<String> = bad.check().into_iter().map(|fault| fault.pointer).collect();
    assert_eq!(pointers, ["/order/1", "/most_in_a_row", "/recent_days", "/last_year_tolerance_days"]);
    let mut wrong = profile();
    wrong.per_day[11] = dec("-1");
    assert_eq!(wrong.check()[0].pointer, "/per_day/11");
    for by in EstimationRules::default().order {
        assert_eq!(serde_json::to_string(&by).unwrap(), format!("\"{}\"", by.as_str()));
    }
    let made = of_february(&EstimationRules::default(), &register(1, 5), &a_year()).unwrap();
    let text = serde_json::to_string(&made).unwrap();
    assert_eq!(serde_json::from_str::<Estimate>(&text).unwrap(), made);
}

#[test]
fn older_reads_than_asked_for_decide_nothing() {
    let rules = only(EstimateBy::LastYear);
    let oldest = rules.reads_from(february().period);
    assert!(oldest <= day("2025-01-21") - time::Duration::days(1));
    let rules = EstimationRules { recent_days: 366, ..EstimationRules::default() };
    let mut reads = a_year();
    let asked_for = of_february(&rules, &register(1, 5), &reads).unwrap();
    reads.push(Read { read_on: rules.reads_from(february().period).previous_day().unwrap(), ..reads[0] });
    assert_eq!(of_february(&rules, &register(1, 5), &reads).unwrap(), asked_for);
}

/// Reads of an odometer on growing days before February, with their qualities.
fn histories() -> impl Strategy<Value = Vec<Read>> {
    prop::collection::vec((1i64..60, 0i64..4_000, 0u8..4), 1..14).prop_map(|steps| {
        let mut on = day("2026-02-20");
        let mut value = 60_000;
        let mut reads = Vec::new();
        for (days, used, quality) in steps {
            reads.push(Read {
                quality: if quality == 0 { ReadQuality::Estimated } else { ReadQuality::Actual },
                ..read("2026-01-01", &value.to_string())
            });
            reads.last_mut().unwrap().read_on = on;
            on = plus_days(on, -days).unwrap();
            value = (value - used).max(0);
        }
        reads.push(Read { read_on: day("2026-01-31").min(on), ..read("2026-01-31", &value.to_string()) });
        reads
    })
}

fn lenient() -> EstimationRules {
    EstimationRules { most_in_a_row: 24, ..EstimationRules::default() }
}

proptest! {
    #[test]
    fn an_estimate_is_not_below_the_last_read(reads in histories(), decimals in 0u8..4) {
        let profile = profile();
        let register = Register { decimals, ..register(1, 5) };
        let of = Metered { register: &register, reads: &reads };
        let wanted = Wanted { profile: Some(&profile), ..wanted(february()) };
        if let Ok(made) = estimate(&lenient(), of, &[of], wanted) {
            let from = made.from_value.unwrap();
            let last = reads.iter().filter(|read| read.read_on < wanted.on()).max_by_key(|read| read.read_on);
            prop_assert_eq!(last.unwrap().value, from);
            let wrapped = from + made.quantity >= dec("99999");
            prop_assert!(made.value >= from || wrapped);
            prop_assert_eq!(made.value < from, made.wrapped_at.is_some());
            prop_assert!(made.value < dec("100000"));
            prop_assert!(made.value.scale() <= u32::from(decimals));
        }
    }

    #[test]
    fn the_first_method_with_evidence_decides(reads in histories(), turn in 0usize..24) {
        use EstimateBy::{ClassProfile, LastYear, LaterRead, RecentAverage};
        let mut order = vec![LaterRead, LastYear, RecentAverage, ClassProfile];
        order.rotate_left(turn % 4);
        order[1..].rotate_left(turn / 4 % 3);
        let profile = profile();
        let register = register(1, 5);
        let of = Metered { register: &register, reads: &reads };
        let wanted = Wanted { profile: Some(&profile), ..wanted(february()) };
        let by = |order: Vec<EstimateBy>| {
            estimate(&EstimationRules { order, ..lenient() }, of, &[of], wanted).ok()
        };
        let first = order.iter().find_map(|one| by(vec![*one]));
        prop_assert_eq!(by(order), first);
    }

    #[test]
    fn splitting_the_days_changes_nothing(
        used in 0i64..3_000, days in 1i64..100, split in 1i64..28, decimals in 0u8..4, profiled: bool,
    ) {
        let register = Register { decimals, ..register(1, 6) };
        let since_on = plus_days(day("2026-01-31"), -days).unwrap();
        let mut reads = vec![read("2026-01-31", "5000")];
        reads.push(Read { read_on: since_on, value: dec("5000") - Decimal::from(used), ..reads[0] });
        let profile = profile();
        let rules = only(if profiled { EstimateBy::ClassProfile } else { EstimateBy::RecentAverage });
        let to = |on: Date, first_on: Date, reads: &[Read]| {
            let of = Metered { register: &register, reads };
            let charged = Charged { period: Period::new(first_on, on).unwrap(), start: Start::Continuing };
            estimate(&rules, of, &[of], Wanted { profile: Some(&profile), ..wanted(charged) }).unwrap()
        };
        let whole = to(day("2026-02-28"), day("2026-02-01"), &reads);
        let middle_on = plus_days(day("2026-01-31"), split).unwrap();
        if middle_on < day("2026-02-28") {
            let first = to(middle_on, day("2026-02-01"), &reads);
            reads.push(Read { value: first.value, quality: ReadQuality::Estimated, read_on: middle_on, ..reads[0] });
            let second = to(day("2026-02-28"), middle_on.next_day().unwrap(), &reads);
            prop_assert_eq!(second.nth, 2);
            // To the roundings of the two.
            let difference = (second.value - whole.value).abs();
            prop_assert!(difference <= Decimal::new(1, u32::from(decimals)), "{} {}", second.value, whole.value);
        }
    }
}
