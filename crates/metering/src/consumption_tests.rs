//! Worked consumptions and the property that splitting a period changes nothing.

use super::*;
use crate::register::samples::*;
use proptest::prelude::*;

fn charged(from: &str, to: &str) -> Charged {
    Charged { period: Period::new(day(from), day(to)).unwrap(), start: Start::Continuing }
}

fn january(register: &Register, reads: &[Read]) -> Result<Consumption, Error> {
    consumption(
        POINT,
        &[Metered { register, reads }],
        charged("2026-01-01", "2026-01-31"),
        RolloverLimit::default(),
    )
}

fn used(register: &Register, start: &str, end: &str) -> Result<(String, bool), Error> {
    let reads = [read("2025-12-31", start), read("2026-01-31", end)];
    january(register, &reads).map(|found| (found.reads[0].quantity.to_string(), found.reads[0].rolled_over))
}

#[test]
fn published_reads() {
    // The page shows 8865 → 9975 as 1,110 kWh:
    // http://jcpb.com/yourHome/meters/calcBill.asp
    assert_eq!(used(&register(1, 5), "8865", "9975").unwrap(), ("1110".into(), false));
    // Winchester: 1234 → 1250 is 16 units: https://www.winchester.us/FAQ.aspx?QID=91
    assert_eq!(used(&register(1, 4), "1234", "1250").unwrap(), ("16".into(), false));
}

#[test]
fn the_account_by_hand() {
    // domain scenario: contract starts 17 January at 1000, read 31 January 1150. The start read
    // is dated the day before, or the first charged day itself.
    let register = register(1, 5);
    let first = Charged {
        period: Period::new(day("2026-01-17"), day("2026-01-31")).unwrap(),
        start: Start::OfService,
    };
    for start_on in ["2026-01-16", "2026-01-17"] {
        let reads = [read(start_on, "1000"), read("2026-01-31", "1150")];
        let metered = [Metered { register: &register, reads: &reads }];
        let found = consumption(POINT, &metered, first, RolloverLimit::default()).unwrap();
        assert_eq!(found.quantities[0].quantity, dec("150"));
        assert_eq!(found.reads[0].start_on, day(start_on));
    }
    // A later segment never starts from a read inside it: those days would be lost.
    let reads = [read("2026-01-17", "1000"), read("2026-01-31", "1150")];
    let metered = [Metered { register: &register, reads: &reads }];
    let later = Charged { start: Start::Continuing, ..first };
    assert!(matches!(
        consumption(POINT, &metered, later, RolloverLimit::default()),
        Err(Error::MissingStartRead { on, .. }) if on == day("2026-01-16")
    ));
    // A one-day period cannot start and end with the same read.
    let day_only = Charged { period: Period::new(day("2026-01-31"), day("2026-01-31")).unwrap(), ..first };
    assert!(matches!(
        consumption(POINT, &metered, day_only, RolloverLimit::default()),
        Err(Error::MissingStartRead { .. })
    ));
}

#[test]
fn rollover_edges() {
    let five = register(1, 5);
    assert_eq!(used(&five, "99990", "15").unwrap(), ("25".into(), true));
    assert_eq!(used(&five, "99999", "0").unwrap(), ("1".into(), true));
    // Equal values are no use, not a whole turn.
    assert_eq!(used(&five, "99999", "99999").unwrap(), ("0".into(), false));
    assert_eq!(used(&five, "0", "0").unwrap(), ("0".into(), false));
    // Exactly half the capacity is plausible, a unit more is not.
    assert_eq!(used(&five, "50001", "1").unwrap(), ("50000".into(), true));
    assert!(matches!(used(&five, "50000", "1"), Err(Error::RolloverImplausible { .. })));
    assert!(matches!(used(&five, "1000", "990"), Err(Error::RolloverImplausible { .. })));
    // A start that the dials can't show: 100000 → 0 is no rollover that gives a negative use.
    assert_eq!(used(&five, "100000", "0").unwrap(), ("0".into(), true));
    assert!(matches!(used(&five, "100001", "0"), Err(Error::RolloverImplausible { .. })));
    // Unknown or incomputable dials: a fall is never plausible.
    assert!(matches!(used(&register(1, 0), "9", "1"), Err(Error::RolloverImplausible { .. })));
    assert!(matches!(used(&register(1, 200), "9", "1"), Err(Error::RolloverImplausible { .. })));
    // Decimals don't move the point of wrapping.
    let fine = Register { decimals: 2, ..register(1, 3) };
    assert_eq!(used(&fine, "999.75", "0.50").unwrap(), ("0.75".into(), true));
}

#[test]
fn after_an_estimate_both_values_are_seen_from_the_last_actual_read() {
    let four = register(1, 4);
    let after = |estimated: &str, shown: &str| {
        let reads =
            [read("2025-11-30", "9950"), estimate("2025-12-31", estimated), read("2026-01-31", shown)];
        let metered = Metered { register: &four, reads: &reads };
        register_use(metered, charged("2026-01-01", "2026-01-31"), RolloverLimit::default())
            .map(|used| used.map(|used| (used.quantity.to_string(), used.rolled_over)).unwrap())
    };
    // The estimate went through the highest value: 80 units.
    assert!(matches!(after("30", "9990"), Err(Error::BelowEstimate { .. })));
    assert!(matches!(after("30", "20"), Err(Error::BelowEstimate { .. })));
    assert_eq!(after("30", "50").unwrap(), ("20".into(), false));
    // It did not, and the register did.
    assert_eq!(after("9990", "20").unwrap(), ("30".into(), true));
    assert_eq!(after("9990", "9999").unwrap(), ("9".into(), false));
    assert!(matches!(after("9990", "9960"), Err(Error::BelowEstimate { .. })));
    assert!(matches!(after("9960", "9000"), Err(Error::RolloverImplausible { .. })));
}

#[test]
fn the_limit_is_configuration() {
    let register = register(1, 5);
    let reads = [read("2025-12-31", "60000"), read("2026-01-31", "0")];
    let metered = Metered { register: &register, reads: &reads };
    let span = charged("2026-01-01", "2026-01-31");
    let limit = |of_capacity_percent| RolloverLimit { of_capacity_percent };
    assert!(register_use(metered, span, limit(39)).is_err());
    assert!(register_use(metered, span, limit(40)).unwrap().unwrap().rolled_over);
}

#[test]
fn the_multiplier_scales() {
    let ct = Register { multiplier: dec("40"), ..register(1, 5) };
    assert_eq!(used(&ct, "99990", "15").unwrap(), ("1000".into(), true));
    let huge = Register { multiplier: Decimal::MAX, ..register(1, 5) };
    assert_eq!(used(&huge, "1", "3"), Err(Error::Overflow(Overflow)));
}

#[test]
fn a_meter_exchange_gives_both_parts() {
    let old = Register { removed_on: Some(day("2026-01-12")), ..register(1, 5) };
    let new = Register { installed_on: day("2026-01-12"), multiplier: dec("10"), ..register(2, 4) };
    let old_reads = [read("2025-12-31", "4000"), read("2026-01-12", "4120")];
    let new_reads = [read("2026-01-12", "3"), read("2026-01-31", "11")];
    let both = [Metered { register: &old, reads: &old_reads }, Metered { register: &new, reads: &new_reads }];
    let span = charged("2026-01-01", "2026-01-31");
    let found = consumption(POINT, &both, span, RolloverLimit::default()).unwrap();
    assert_eq!(found.quantities.len(), 1);
    assert_eq!(found.quantities[0].quantity, dec("200"));
    assert_eq!(found.reads.len(), 2);
    assert_eq!((found.reads[1].start_on, found.reads[1].quantity), (day("2026-01-12"), dec("80")));

    // In February the old meter has no part; before its installation the new one has none.
    let february = charged("2026-02-01", "2026-02-28");
    let later = [read("2026-01-31", "11"), read("2026-02-28", "20")];
    let both = [Metered { register: &old, reads: &old_reads }, Metered { register: &new, reads: &later }];
    let found = consumption(POINT, &both, february, RolloverLimit::default()).unwrap();
    assert_eq!(found.reads.len(), 1);
    assert_eq!(found.quantities[0].quantity, dec("90"));

    // Without the final read nothing is billed.
    let only = [Metered { register: &old, reads: &old_reads[..1] }];
    assert!(matches!(
        consumption(POINT, &only, span, RolloverLimit::default()),
        Err(Error::MissingEndRead { to, .. }) if to == day("2026-01-12")
    ));
}

#[test]
fn nothing_installed_names_the_service_point() {
    let gone = Register { removed_on: Some(day("2025-06-30")), ..register(1, 5) };
    assert_eq!(january(&gone, &[]), Err(Error::NoRegister { service_point: POINT }));
    let problem = vocab::Problem::from(january(&gone, &[]).unwrap_err());
    assert_eq!(problem.code, vocab::Code::NoRegister);
    assert_eq!(problem.params, vec![("service_point", POINT.to_string())]);
}

#[test]
fn only_valid_reads_count() {
    let register = register(1, 5);
    let held = Read { status: vocab::ReadStatus::Held, ..read("2026-01-31", "900") };
    let reads = [read("2025-12-31", "100"), held];
    let problem = vocab::Problem::from(january(&register, &reads).unwrap_err());
    assert_eq!(problem.code, vocab::Code::MissingEndRead);
    let names: Vec<_> = problem.params.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, problem.code.params());
}

#[test]
fn consumptive_reads_are_added_and_demand_is_not() {
    let daily = Register { kind: RegisterKind::Consumptive, multiplier: dec("2"), ..register(1, 5) };
    let reads = [
        read("2025-12-31", "1000"),
        read("2026-01-10", "3.5"),
        estimate("2026-01-20", "4"),
        read("2026-01-31", "2.5"),
        read("2026-02-01", "1000"),
    ];
    let found = january(&daily, &reads).unwrap();
    assert_eq!(found.quantities[0].quantity, dec("20.0"));
    assert_eq!(found.reads[0].start_value, None);
    assert_eq!(found.reads[0].start_on, day("2025-12-31"));
    assert!(found.is_estimated());
    let demand = Register { unit: Unit::Kw, ..daily.clone() };
    assert_eq!(january(&demand, &reads).unwrap().quantities[0].quantity, dec("8"));
    assert!(matches!(january(&daily, &reads[..2]), Err(Error::MissingEndRead { .. })));
}

#[test]
fn buckets_stay_apart() {
    let on = Register { tou_bucket: Some("on_peak".into()), ..register(1, 5) };
    let off = Register { tou_bucket: Some("off_peak".into()), ..register(2, 5) };
    let (a, b) = (
        [read("2025-12-31", "1"), read("2026-01-31", "4")],
        [read("2025-12-31", "1"), read("2026-01-31", "8")],
    );
    let both = [Metered { register: &on, reads: &a }, Metered { register: &off, reads: &b }];
    let span = charged("2026-01-01", "2026-01-31");
    let found = consumption(POINT, &both, span, RolloverLimit::default()).unwrap();
    let by: Vec<_> =
        found.quantities.iter().map(|q| (q.tou_bucket.as_deref(), q.quantity.to_string())).collect();
    assert_eq!(by, [(Some("on_peak"), "3".to_owned()), (Some("off_peak"), "7".to_owned())]);
}

#[test]
fn a_fall_below_an_estimate_is_no_rollover() {
    // Two dials, so that the wrap would be plausible: 95 estimated, 60 actual before, 70 now.
    let two = register(1, 2);
    let reads = [read("2025-11-30", "60"), estimate("2025-12-31", "95"), read("2026-01-31", "70")];
    assert!(matches!(january(&two, &reads), Err(Error::BelowEstimate { .. })));
    // Below the last actual read too: it wrapped.
    let reads = [read("2025-11-30", "60"), estimate("2025-12-31", "95"), read("2026-01-31", "5")];
    let found = january(&two, &reads).unwrap();
    assert_eq!((found.reads[0].quantity, found.reads[0].rolled_over), (dec("10"), true));
}

#[test]
fn the_proof_is_plain_json() {
    let found = january(&register(1, 5), &[read("2025-12-31", "8865"), read("2026-01-31", "9975")]).unwrap();
    let text = serde_json::to_string(&found.reads[0]).unwrap();
    let id = RegisterId::new(POINT, 1);
    assert_eq!(
        text,
        format!(
            r#"{{"register":"{id}","serial":"M-1","unit":"kwh","start_on":"2025-12-31","start_value":"8865","start_quality":"actual","end_on":"2026-01-31","end_value":"9975","quantity":"1110"}}"#
        )
    );
    assert_eq!(serde_json::from_str::<ReadUsed>(&text).unwrap(), found.reads[0]);
}

proptest! {
    #[test]
    fn splitting_at_a_read_adds_up(
        start in 0_u32..100_000,
        steps in prop::collection::vec(0_u32..2_500, 2..20),
        at in 0_usize..18,
        cents in 1_i64..10_000,
    ) {
        // At most 19 × 2,500 = 47,500 pass the register: always a plausible rollover.
        let register = Register { multiplier: Decimal::new(cents, 2), ..register(1, 5) };
        let first = day("2026-01-01");
        let mut count = start;
        let mut reads = vec![Read { read_on: first, ..read("2026-01-01", &count.to_string()) }];
        for (n, step) in steps.iter().enumerate() {
            count = (count + step) % 100_000;
            let read_on = plus_days(first, i64::try_from(n).unwrap() + 1).unwrap();
            reads.push(Read { read_on, ..read("2026-01-01", &count.to_string()) });
        }
        let metered = Metered { register: &register, reads: &reads };
        let amount = |from: usize, to: usize| {
            let period = Period::new(plus_days(reads[from].read_on, 1).unwrap(), reads[to].read_on).unwrap();
            let charged = Charged { period, start: Start::Continuing };
            register_use(metered, charged, RolloverLimit::default()).unwrap().unwrap().quantity
        };
        let last = reads.len() - 1;
        let cut = 1 + at % (last - 1);
        let parts = decimal::add(amount(0, cut), amount(cut, last)).unwrap();
        prop_assert_eq!(parts, amount(0, last));
        let total: u32 = steps.iter().sum();
        prop_assert_eq!(amount(0, last), decimal::mul(Decimal::from(total), register.multiplier).unwrap());
    }
}
