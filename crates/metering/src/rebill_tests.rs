//! What is proposed and what is not, the account by hand, and what holds of every proposal.

use super::*;
use crate::register::samples::*;
use crate::validate::{Action, Outcome, validate};
use RebillKind::{ActualBelowEstimate, CorrectedRead, LateActual};
use proptest::prelude::*;
use vocab::ReadStatus;

const LIMIT: RolloverLimit = RolloverLimit { of_capacity_percent: 50 };

fn customer(on: &str, value: &str) -> Read {
    Read { quality: ReadQuality::Customer, ..read(on, value) }
}

/// What a read proposes where January is billed, or February too.
fn proposal(reads: &[Read], new: Read, through: &str) -> Option<(RebillKind, Date, Option<Decimal>)> {
    let register = register(1, 5);
    let known = Known {
        metered: Metered { register: &register, reads },
        today_on: day("2026-04-02"),
        billed_through_on: Some(day(through)),
        service_is_active: true,
        history: &[],
    };
    let incoming = Incoming {
        serial: None,
        read_on: new.read_on,
        value: new.value,
        quality: new.quality,
        trouble: None,
        place_is_unknown: false,
    };
    let rules = ReadRules { stale_date: Action::Off, conflicting: Action::Off, ..ReadRules::default() };
    let verdict = validate(&rules, incoming, known).unwrap();
    assert!(verdict.rebill.is_none() || verdict.outcome != Outcome::Reject);
    let found = verdict.rebill?;
    assert_eq!(found.through_on, day(through));
    let held = found.kind != ActualBelowEstimate;
    assert_eq!(verdict.outcome, if held { Outcome::Hold } else { Outcome::Accept }, "{found:?}");
    Some((found.kind, found.from_on, found.against.map(|against| against.value)))
}

#[test]
fn what_a_read_of_a_billed_day_proposes() {
    let reads = [read("2025-12-31", "1000"), read("2026-01-31", "1150"), estimate("2026-02-28", "1430")];
    let found = |new| proposal(&reads, new, "2026-02-28");
    let corrected = Some((CorrectedRead, day("2026-01-01"), Some(dec("1150"))));
    assert_eq!(found(read("2026-01-31", "1140")), corrected);
    assert_eq!(found(customer("2026-01-31", "1140")), corrected);
    // An estimate, or nothing, gives way to what somebody saw.
    let late = Some((LateActual, day("2026-02-01"), Some(dec("1430"))));
    assert_eq!(found(read("2026-02-28", "1300")), late);
    assert_eq!(found(customer("2026-02-28", "1300")), late);
    assert_eq!(found(read("2026-02-28", "1430")), late, "it confirms the estimate");
    assert_eq!(found(read("2026-02-14", "1200")), Some((LateActual, day("2026-02-01"), None)));
    // Known already, or a guess.
    assert_eq!(found(read("2026-01-31", "1150")), None);
    assert_eq!(found(estimate("2026-02-28", "1300")), None);
    // Between two good reads it would change nothing; where an estimate divides them, it would.
    assert_eq!(found(read("2026-01-10", "1060")), None);
    let beyond = Some((LateActual, day("2026-01-01"), None));
    assert_eq!(found(read("2026-01-10", "1160")), beyond, "one of the two is wrong");
    let divided = [read("2025-12-31", "1000"), estimate("2026-01-31", "1150"), read("2026-02-28", "1290")];
    let late = Some((LateActual, day("2026-01-01"), None));
    assert_eq!(proposal(&divided, read("2026-01-10", "1060"), "2026-02-28"), late);
    assert_eq!(proposal(&divided, read("2026-02-10", "1200"), "2026-02-28"), late);
    // Nothing good before: from the installation on.
    let first = proposal(&[], read("2026-01-31", "1140"), "2026-02-28");
    assert_eq!(first, Some((LateActual, day("2020-01-01"), None)));
}

#[test]
fn what_a_read_below_a_billed_estimate_proposes() {
    let january = [read("2026-01-31", "1150")];
    let with = |more: &[Read]| [&january[..], more].concat();
    let estimated = with(&[estimate("2026-02-28", "1430")]);
    let found = |reads: &[Read], new| proposal(reads, new, "2026-02-28");
    let below = Some((ActualBelowEstimate, day("2026-02-01"), Some(dec("1430"))));
    assert_eq!(found(&estimated, read("2026-03-31", "1400")), below);
    // Not below it; told by the customer; below the last good read; nothing estimated.
    assert_eq!(found(&estimated, read("2026-03-31", "1430")), None);
    assert_eq!(found(&estimated, customer("2026-03-31", "1400")), None);
    assert_eq!(found(&estimated, read("2026-03-31", "1149")), None);
    assert_eq!(found(&with(&[read("2026-02-28", "1390")]), read("2026-03-31", "1400")), None);
    // An estimate that is not billed is only an estimate.
    assert_eq!(proposal(&estimated, read("2026-03-31", "1400"), "2026-01-31"), None);
    // The first read that lies below says it; one for its own day says it again.
    let known = with(&[estimate("2026-02-28", "1430"), read("2026-03-15", "1300")]);
    assert_eq!(found(&known, read("2026-03-31", "1400")), None);
    assert_eq!(found(&known, read("2026-03-15", "1310")), below);
    assert_eq!(found(&known, read("2026-03-10", "1290")), below);
    // Seen from the last good read, both have gone through the highest value.
    let high = [read("2026-01-31", "99900"), estimate("2026-02-28", "80")];
    assert_eq!(found(&high, read("2026-03-31", "20")).map(|found| found.0), Some(ActualBelowEstimate));
    assert_eq!(found(&high, read("2026-03-31", "99990")).map(|found| found.0), Some(ActualBelowEstimate));
}

/// A billed use of register 1.
fn used(from: &Read, to: &Read) -> ReadUsed {
    let register = register(1, 5);
    ReadUsed {
        register: register.id,
        serial: register.serial,
        unit: register.unit,
        tou_bucket: None,
        quantity_name: None,
        start_on: from.read_on,
        start_value: Some(from.value),
        start_quality: Some(from.quality),
        end_on: to.read_on,
        end_value: to.value,
        end_quality: to.quality,
        rolled_over: false,
        multiplier: register.multiplier,
        quantity: decimal::sub(to.value, from.value).unwrap(),
    }
}

fn uses(reads: &[Read]) -> Vec<ReadUsed> {
    reads.windows(2).map(|pair| used(&pair[0], &pair[1])).collect()
}

/// End day, value and quality, and the quantity, of each period.
fn periods(
    reads: &[Read],
    new: &Read,
    uses: &[ReadUsed],
) -> Vec<(Option<usize>, String, ReadQuality, String)> {
    let register = register(1, 5);
    let found = rebilled(Metered { register: &register, reads }, new, uses, LIMIT).unwrap();
    let end = |of: &Rebilled| of.end.unwrap();
    found
        .iter()
        .map(|of| (of.place, end(of).value.to_string(), end(of).quality, of.quantity.to_string()))
        .collect()
}

#[test]
fn the_account_by_hand() {
    let reads = [read("2026-01-31", "1150"), estimate("2026-02-28", "1430")];
    let new = read("2026-03-31", "1400");
    let found = periods(&reads, &new, &uses(&reads));
    assert_eq!(
        found,
        [
            (Some(0), "1269".to_owned(), ReadQuality::Adjusted, "119".to_owned()),
            (None, "1400".to_owned(), ReadQuality::Actual, "131".to_owned()),
        ]
    );
}

#[test]
fn a_late_read_moves_what_is_billed_around_it() {
    let reads = [
        read("2025-12-31", "1000"),
        estimate("2026-01-31", "1310"),
        estimate("2026-02-28", "1590"),
        estimate("2026-03-31", "1900"),
    ];
    let billed = uses(&reads);
    let said = |place, value: &str, quality, quantity: &str| {
        (Some(place), value.to_owned(), quality, quantity.to_owned())
    };
    // No good read follows: March stays as much as was billed.
    let found = periods(&reads, &read("2026-02-28", "1400"), &billed);
    assert_eq!(
        found,
        [
            said(0, "1210", ReadQuality::Adjusted, "210"),
            said(1, "1400", ReadQuality::Actual, "190"),
            said(2, "1710", ReadQuality::Adjusted, "310"),
        ]
    );
    // In the middle of a period: half of February, by its days, stays too.
    let found = periods(&reads, &read("2026-02-14", "1450"), &billed);
    assert_eq!(
        found,
        [
            said(0, "1310", ReadQuality::Adjusted, "310"),
            said(1, "1590", ReadQuality::Adjusted, "280"),
            said(2, "1900", ReadQuality::Adjusted, "310"),
        ]
    );
    // A good read follows: what comes after it is not touched.
    let mut known = reads.to_vec();
    known[2] = read("2026-02-28", "1590");
    let found = periods(&known, &read("2026-01-31", "1400"), &uses(&known));
    assert_eq!(
        found,
        [said(0, "1400", ReadQuality::Actual, "400"), said(1, "1590", ReadQuality::Actual, "190")]
    );
    // A good read in the midst of a period: the period's end stays what it was.
    let mut known = reads.to_vec();
    known.push(read("2026-02-10", "1500"));
    let found = periods(&known, &read("2026-01-31", "1400"), &billed);
    assert_eq!(
        found,
        [said(0, "1400", ReadQuality::Actual, "400"), said(1, "1590", ReadQuality::Estimated, "190")]
    );
}

#[test]
fn the_first_read_may_be_the_one_that_is_corrected() {
    let reads = [read("2025-12-31", "1000"), read("2026-01-31", "1150")];
    let found = periods(&reads, &read("2025-12-31", "1010"), &uses(&reads));
    assert_eq!(found, [(Some(0), "1150".to_owned(), ReadQuality::Actual, "140".to_owned())]);
    // Nobody ever read it: the start of the first bill is what there is.
    let told = [customer("2025-12-31", "1000"), estimate("2026-01-31", "1150")];
    let found = periods(&told, &read("2026-01-31", "1100"), &uses(&told));
    assert_eq!(found, [(Some(0), "1100".to_owned(), ReadQuality::Actual, "100".to_owned())]);
    assert_eq!(periods(&reads, &read("2026-01-31", "1100"), &[]), []);
}

#[test]
fn what_cannot_be_said_is_an_error() {
    let register = register(1, 5);
    let reads = [read("2025-12-31", "1000"), read("2026-01-31", "1150")];
    let metered = Metered { register: &register, reads: &reads };
    let found = rebilled(metered, &read("2026-01-31", "990"), &uses(&reads), LIMIT);
    assert!(matches!(found, Err(Error::RolloverImplausible { .. })), "{found:?}");
}

#[test]
fn consumptions_are_summed_with_the_read_in_its_place() {
    let mut register = register(1, 0);
    register.kind = RegisterKind::Consumptive;
    let reads = [read("2026-01-15", "40"), read("2026-01-31", "60"), read("2026-02-28", "90")];
    let one = |start: &str, end: &str, quantity: &str| ReadUsed {
        start_value: None,
        quantity: dec(quantity),
        ..used(&read(start, "0"), &read(end, quantity))
    };
    let billed = [one("2025-12-31", "2026-01-31", "100"), one("2026-01-31", "2026-02-28", "90")];
    let metered = Metered { register: &register, reads: &reads };
    let found = rebilled(metered, &read("2026-01-31", "55"), &billed, LIMIT).unwrap();
    assert_eq!((found.len(), found[0].place, found[0].quantity), (1, Some(0), dec("95")));
    let found = rebilled(metered, &read("2026-02-10", "5"), &billed, LIMIT).unwrap();
    assert_eq!((found.len(), found[0].place, found[0].quantity), (1, Some(1), dec("95")));
}

proptest! {
    /// Quantities add up to what the register moved, and reads never decrease, whatever was estimated.
    #[test]
    fn periods_add_up(
        days in prop::collection::vec(1_i64..70, 1..8),
        billed in prop::collection::vec(0_u32..900, 8),
        on in 1_i64..600,
        value in 0_u32..9_000,
        after in prop::option::of((1_i64..200, 0_u32..5_000)),
        decimals in 0_u8..4,
        multiplier in prop::sample::select(vec!["1", "40", "0.1"]),
    ) {
        let mut register = register(1, 5);
        register.decimals = decimals;
        register.multiplier = dec(multiplier);
        let later = |day: Date, days: i64| plus_days(day, days).unwrap();
        let mut reads = vec![read("2025-01-01", "1000")];
        for (days, billed) in days.iter().zip(&billed) {
            let last = reads[reads.len() - 1];
            let value = decimal::add(last.value, Decimal::from(*billed)).unwrap();
            reads.push(Read { read_on: later(last.read_on, *days), value, quality: ReadQuality::Estimated, ..last });
        }
        let mut billed = uses(&reads);
        for used in &mut billed {
            used.quantity = decimal::mul(used.quantity, register.multiplier).unwrap();
        }
        let new = Read {
            read_on: later(day("2025-01-01"), on),
            value: Decimal::from(1000 + value),
            quality: ReadQuality::Actual,
            status: ReadStatus::Held,
        };
        let end_on = reads[reads.len() - 1].read_on;
        let mut known = reads.clone();
        if let Some((days, more)) = after {
            // Beyond what is billed, as the next bill would find it.
            let read_on = later(new.read_on.max(end_on), days);
            let value = decimal::add(new.value, Decimal::from(more)).unwrap();
            known.push(Read { read_on, value, quality: ReadQuality::Actual, status: ReadStatus::Valid });
        }
        let metered = Metered { register: &register, reads: &known };
        let found = rebilled(metered, &new, &billed, LIMIT).unwrap();
        let (first, last) = (found[0].start.unwrap(), found[found.len() - 1].end.unwrap());
        prop_assert_eq!((first.on, first.value), (day("2025-01-01"), dec("1000")));
        prop_assert_eq!(last.on, end_on.max(new.read_on));
        if new.read_on >= end_on {
            prop_assert_eq!(last.value, new.value);
        }
        let total = decimal::sum(found.iter().map(|of| of.quantity)).unwrap();
        let moved = decimal::sub(last.value, first.value).unwrap();
        prop_assert_eq!(total, decimal::mul(moved, register.multiplier).unwrap());
        for (pair, of) in found.windows(2).map(|pair| (pair[0].end, pair[1].start)).zip(&found) {
            prop_assert_eq!(pair.0.map(|end| (end.on, end.value)), pair.1.map(|start| (start.on, start.value)));
            prop_assert!(of.start.unwrap().value <= of.end.unwrap().value);
            prop_assert!(of.end.unwrap().value.normalize().scale() <= u32::from(decimals));
        }
    }
}
