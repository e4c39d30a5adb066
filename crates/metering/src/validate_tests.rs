//! Each rule broken alone, and what must not break any.

use super::*;
use crate::register::samples::*;

fn incoming(on: &str, value: &str) -> Incoming<'static> {
    Incoming {
        serial: None,
        read_on: day(on),
        value: dec(value),
        quality: ReadQuality::Actual,
        trouble: None,
        place_is_unknown: false,
    }
}

fn judge(
    reads: &[Read],
    read: Incoming<'_>,
    change: impl Fn(&mut ReadRules, &mut Known<'_>),
) -> (Outcome, Vec<Rule>, bool) {
    let register = register(1, 5);
    let mut rules = ReadRules::default();
    let mut known = Known {
        metered: Metered { register: &register, reads },
        today_on: day("2026-02-10"),
        billed_through_on: Some(day("2025-12-31")),
        service_is_active: true,
        history: &[],
    };
    change(&mut rules, &mut known);
    let verdict = validate(&rules, read, known).unwrap();
    (verdict.outcome, verdict.findings.iter().map(|finding| finding.rule).collect(), verdict.supersedes)
}

fn plain(reads: &[Read], read: Incoming<'_>) -> (Outcome, Vec<Rule>, bool) {
    judge(reads, read, |_, _| ())
}

fn december() -> Vec<Read> {
    vec![read("2025-12-31", "1000")]
}

#[test]
fn a_good_read_and_a_first_read() {
    assert_eq!(plain(&december(), incoming("2026-01-31", "1150")), (Outcome::Accept, vec![], false));
    assert_eq!(plain(&[], incoming("2026-01-31", "1150")), (Outcome::Accept, vec![], false));
}

#[test]
fn dates_out_of_bounds() {
    let found = |on| plain(&december(), incoming(on, "1150"));
    assert_eq!(found("2026-02-11"), (Outcome::Reject, vec![Rule::FutureDate], false));
    assert_eq!(found("2026-02-10").0, Outcome::Accept);
    let billed = (Outcome::Hold, vec![Rule::AlreadyBilled, Rule::Conflicting], true);
    assert_eq!(found("2025-12-31"), billed);
    let old = judge(&[], incoming("2025-12-11", "5"), |_, known| known.billed_through_on = None);
    assert_eq!(old, (Outcome::Hold, vec![Rule::StaleDate], false));
    let kept = judge(&[], incoming("2025-12-12", "5"), |_, known| known.billed_through_on = None);
    assert_eq!(kept.0, Outcome::Accept);
    let early = judge(&[], incoming("2019-12-31", "5"), |rules, known| {
        known.billed_through_on = None;
        rules.stale_date = Action::Off;
    });
    assert_eq!(early, (Outcome::Reject, vec![Rule::NotInstalled], false));
}

#[test]
fn the_same_read_again_changes_nothing() {
    let mut reads = december();
    reads.push(read("2026-01-31", "1150"));
    assert_eq!(plain(&reads, incoming("2026-01-31", "1150.00")), (Outcome::Duplicate, vec![], false));
    // Held or rejected by a person: loading the file again doesn't bring it back.
    for status in [ReadStatus::Held, ReadStatus::Rejected] {
        reads[1].status = status;
        assert_eq!(plain(&reads, incoming("2026-01-31", "1150")).0, Outcome::Duplicate);
    }
    reads[1].status = ReadStatus::Superseded;
    assert_eq!(plain(&reads, incoming("2026-01-31", "1150")).0, Outcome::Accept);
    // Also when it has been billed.
    assert_eq!(plain(&reads, incoming("2025-12-31", "1000")).0, Outcome::Duplicate);
    // An actual read that confirms an estimate to the unit is news.
    let reads = [estimate("2026-01-31", "1150")];
    assert_eq!(plain(&reads, incoming("2026-01-31", "1150")), (Outcome::Warn, vec![Rule::Conflicting], true));
}

#[test]
fn a_billed_day_is_never_changed_by_a_read_alone() {
    let with = |quality, action| {
        let read = Incoming { quality, ..incoming("2025-12-31", "1010") };
        let (outcome, rules, _) = judge(&december(), read, |rules, _| {
            rules.conflicting = Action::Off;
            rules.already_billed = action;
        });
        assert_eq!(rules, [Rule::AlreadyBilled], "{quality} {action:?}");
        outcome
    };
    for seen in [ReadQuality::Actual, ReadQuality::Customer] {
        for action in [Action::Off, Action::Warn, Action::Hold] {
            assert_eq!(with(seen, action), Outcome::Hold);
        }
        assert_eq!(with(seen, Action::Reject), Outcome::Reject);
    }
    for unseen in [ReadQuality::Estimated, ReadQuality::Adjusted] {
        assert_eq!(with(unseen, Action::Hold), Outcome::Reject);
    }
    for (action, faults) in [(Action::Off, 1), (Action::Warn, 1), (Action::Hold, 0), (Action::Reject, 0)] {
        let rules = ReadRules { already_billed: action, ..ReadRules::default() };
        assert_eq!(rules.check().len(), faults);
    }
}

#[test]
fn another_value_for_the_day_supersedes() {
    let mut reads = december();
    reads.push(read("2026-01-31", "1150"));
    let found = plain(&reads, incoming("2026-01-31", "1160"));
    assert_eq!(found, (Outcome::Warn, vec![Rule::Conflicting], true));
    let guess = Incoming { quality: ReadQuality::Estimated, ..incoming("2026-01-31", "1160") };
    assert_eq!(plain(&reads, guess).0, Outcome::Hold);
    let strict = judge(&reads, incoming("2026-01-31", "1160"), |rules, _| rules.conflicting = Action::Reject);
    assert_eq!(strict, (Outcome::Reject, vec![Rule::Conflicting], false));
}

#[test]
fn another_meters_number() {
    let with = |serial| Incoming { serial: Some(serial), ..incoming("2026-01-31", "1150") };
    assert_eq!(plain(&december(), with(" m-1 ")).0, Outcome::Accept);
    assert_eq!(plain(&december(), with("M-2")), (Outcome::Hold, vec![Rule::SerialMismatch], false));
    let elsewhere = Incoming { place_is_unknown: true, ..with("M-1") };
    assert_eq!(plain(&december(), elsewhere), (Outcome::Hold, vec![Rule::SerialMismatch], false));
}

#[test]
fn falls_are_judged_against_the_last_actual() {
    let found = |reads: &[Read], value| plain(reads, incoming("2026-01-31", value));
    assert_eq!(found(&december(), "990"), (Outcome::Hold, vec![Rule::Decreasing], false));
    let high = [read("2025-12-31", "99990")];
    assert_eq!(found(&high, "15").0, Outcome::Accept);
    // Below the estimate, above the actual: a good read.
    let estimated = [read("2025-11-30", "1000"), estimate("2025-12-31", "1300")];
    assert_eq!(found(&estimated, "1200"), (Outcome::Accept, vec![], false));
    assert_eq!(found(&estimated, "999").1, [Rule::Decreasing]);
    // A late read must also fit the actual read after it.
    let mut reads = december();
    reads.push(read("2026-02-05", "1100"));
    assert_eq!(found(&reads, "1101").1, [Rule::Decreasing]);
    assert_eq!(found(&reads, "1100").0, Outcome::Accept);
}

#[test]
fn what_the_dials_cannot_show() {
    let found = |value| plain(&december(), incoming("2026-01-31", value));
    assert_eq!(found("100000"), (Outcome::Reject, vec![Rule::BeyondDials], false));
    assert_eq!(found("-1").1, [Rule::BeyondDials]);
    assert_eq!(found("51000.5").0, Outcome::Accept);
}

#[test]
fn use_against_history_and_service() {
    let history = [Usage { quantity: dec("310"), days: 31 }];
    let found = |value: &str, active: bool| {
        let register = register(1, 5);
        let reads = december();
        let known = Known {
            metered: Metered { register: &register, reads: &reads },
            today_on: day("2026-02-10"),
            billed_through_on: None,
            service_is_active: active,
            history: &history,
        };
        let verdict = validate(&ReadRules::default(), incoming("2026-01-31", value), known).unwrap();
        verdict.findings.into_iter().map(|finding| (finding.rule, finding.compared_with)).collect::<Vec<_>>()
    };
    assert_eq!(found("1310", true), []);
    assert_eq!(found("1621", true), [(Rule::HighUsage, Some(dec("310")))]);
    assert_eq!(found("1154", true), [(Rule::LowUsage, Some(dec("310")))]);
    assert_eq!(found("1000", true), [(Rule::ZeroUsage, Some(dec("310")))]);
    assert_eq!(found("1310", false), [(Rule::InactiveUse, None)]);
    assert_eq!(found("1000", false), []);
}

#[test]
fn rules_are_data() {
    let rules: ReadRules =
        serde_json::from_str(r#"{"decreasing":"reject","rollover":{"of_capacity_percent":10}}"#).unwrap();
    assert_eq!((rules.decreasing, rules.low_usage), (Action::Reject, Action::Warn));
    assert!(serde_json::from_str::<ReadRules>(r#"{"decreasing":"maybe"}"#).is_err());
    use Rule::{Duplicate, FutureDate, GapOrOverlap, InactiveUse, IntervalSpike, TroubleCode};
    for rule in [FutureDate, Duplicate, TroubleCode, InactiveUse, GapOrOverlap, IntervalSpike] {
        assert_eq!(serde_json::to_string(&rule).unwrap(), format!("\"{}\"", rule.as_str()));
    }
}

#[test]
fn a_row_that_says_what_is_known_may_be_refused() {
    let reads = [read("2026-01-31", "1150")];
    let with = |action| judge(&reads, incoming("2026-01-31", "1150"), |rules, _| rules.duplicate = action);
    assert_eq!(with(Action::Off), (Outcome::Duplicate, vec![], false));
    assert_eq!(with(Action::Warn), (Outcome::Duplicate, vec![Rule::Duplicate], false));
    assert_eq!(with(Action::Reject), (Outcome::Reject, vec![Rule::Duplicate], false));
    let other = judge(&reads, incoming("2026-01-30", "1140"), |rules, _| rules.duplicate = Action::Reject);
    assert_eq!(other.0, Outcome::Accept);
}

#[test]
fn a_trouble_code_warns_and_some_hold() {
    let with = |code: &'static str, change: fn(&mut ReadRules)| {
        let read = Incoming { trouble: Some(code), ..incoming("2026-01-31", "1150") };
        let (outcome, rules, _) = judge(&december(), read, |rules, _| change(rules));
        (outcome, rules)
    };
    assert_eq!(with("LEAK", |_| ()), (Outcome::Warn, vec![Rule::TroubleCode]));
    assert_eq!(with("  ", |_| ()), (Outcome::Accept, vec![]));
    let tampers: fn(&mut ReadRules) = |rules| rules.trouble_hold = vec!["Tamper".into()];
    assert_eq!(with(" TAMPER ", tampers), (Outcome::Hold, vec![Rule::TroubleCode]));
    assert_eq!(with("LEAK", tampers).0, Outcome::Warn);
    // Codes that hold do so where the others are passed over, and never soften a harder rule.
    let only: fn(&mut ReadRules) = |rules| {
        rules.trouble_hold = vec!["tamper".into()];
        rules.trouble_code = Action::Off;
    };
    assert_eq!((with("LEAK", only).0, with("tamper", only).0), (Outcome::Accept, Outcome::Hold));
    let strict: fn(&mut ReadRules) = |rules| {
        rules.trouble_hold = vec!["tamper".into()];
        rules.trouble_code = Action::Reject;
    };
    assert_eq!(with("tamper", strict).0, Outcome::Reject);
}
