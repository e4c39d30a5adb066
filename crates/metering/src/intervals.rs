//! A day of interval data: gaps, overlaps and spikes.
//!
//! A day is a slice of values in order of time, `None` where the interval is missing; how many
//! intervals the civil day has (92 to 100 quarters of an hour) the caller says. Comparisons are
//! exact: cross-multiplied, never divided. Deliberately missing: filling what is missing, and
//! neighbours beyond midnight.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use vocab::decimal::{self, Overflow, Rounding};

use crate::{
    read_rules::ReadRules,
    validate::{Action, Rule},
};

/// Decimals of an average that is shown.
const SHOWN_PLACES: u32 = 3;

/// What a register counted on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObservedDay<'a> {
    /// The values in order of time; `None` marks a missing one.
    pub values: &'a [Option<Decimal>],
    /// How many intervals the day has.
    pub expected: usize,
    /// What the register usually counts on a day, when that is known.
    pub usual_per_day: Option<Decimal>,
}

/// Something about a day that is worth a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntervalFinding {
    /// [`Rule::GapOrOverlap`] or [`Rule::IntervalSpike`].
    pub rule: Rule,
    /// What follows.
    pub action: Action,
    /// Place of the first interval at fault, from 0.
    pub at: usize,
    /// How many intervals in a row are at fault.
    pub count: usize,
    /// The value at fault, of a spike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Decimal>,
    /// The average that a spike was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared_with: Option<Decimal>,
}

/// Applies the rules to a day: gaps and overlaps first, each in order of time.
pub fn judge(rules: &ReadRules, day: ObservedDay<'_>) -> Result<Vec<IntervalFinding>, Overflow> {
    let mut findings = Vec::new();
    if rules.gap_or_overlap != Action::Off {
        gaps(rules.gap_or_overlap, day, &mut findings);
    }
    if rules.interval_spike != Action::Off {
        spikes(rules, day, &mut findings)?;
    }
    Ok(findings)
}

/// Each run of missing intervals, what lacks at the end, and what is too much there.
fn gaps(action: Action, day: ObservedDay<'_>, findings: &mut Vec<IntervalFinding>) {
    let mut add = |at, count| {
        findings.push(IntervalFinding {
            rule: Rule::GapOrOverlap,
            action,
            at,
            count,
            value: None,
            compared_with: None,
        });
    };
    let given = day.values.len();
    let is_missing = |at: usize| day.values.get(at).is_none_or(Option::is_none);
    let mut first = None;
    for at in 0..day.expected {
        match (is_missing(at), first) {
            (true, None) => first = Some(at),
            (false, Some(from)) => {
                add(from, at - from);
                first = None;
            }
            _ => {}
        }
    }
    if let Some(from) = first {
        add(from, day.expected - from);
    }
    if given > day.expected {
        add(day.expected, given - day.expected);
    }
}

/// Values above N times the average of the day's other ones, and by the least units. Where the
/// history is known the comparison is with what it lets expect, when that is more: one use on a
/// quiet day is no spike. Amounts that flow back count by their size.
fn spikes(
    rules: &ReadRules,
    day: ObservedDay<'_>,
    findings: &mut Vec<IntervalFinding>,
) -> Result<(), Overflow> {
    let sizes = || day.values.iter().flatten().map(Decimal::abs);
    let total = decimal::sum(sizes())?;
    let others = decimal::whole(i64::try_from(sizes().count()).unwrap_or(i64::MAX) - 1);
    let expected = decimal::whole(i64::try_from(day.expected).unwrap_or(i64::MAX));
    let usual = day.usual_per_day.map(|usual| usual.abs()).filter(|_| !expected.is_zero());
    if !others.is_sign_positive() || (others.is_zero() && usual.is_none()) {
        return Ok(());
    }
    let times = Decimal::from(rules.spike_times);
    for (at, value) in day.values.iter().enumerate() {
        let Some(value) = value else { continue };
        let size = value.abs();
        let around = decimal::sub(total, size)?;
        // An average as sum and count: that of the others, or the usual one when it is higher.
        let mut average = (around, others);
        if let Some(usual) = usual
            && (others.is_zero() || decimal::mul(usual, others)? > decimal::mul(around, expected)?)
        {
            average = (usual, expected);
        }
        let (sum, count) = average;
        let found = decimal::mul(size, count)?;
        let least = decimal::mul(rules.spike_least_units, count)?;
        if found > decimal::mul(sum, times)? && decimal::sub(found, sum)? >= least {
            let shown = decimal::round(decimal::div(sum, count)?, SHOWN_PLACES, Rounding::HalfAwayFromZero);
            findings.push(IntervalFinding {
                rule: Rule::IntervalSpike,
                action: rules.interval_spike,
                at,
                count: 1,
                value: Some(*value),
                compared_with: Some(shown.normalize()),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::samples::dec;

    fn day(texts: &[&str]) -> Vec<Option<Decimal>> {
        texts.iter().map(|text| (*text != "-").then(|| dec(text))).collect()
    }

    fn found(texts: &[&str], expected: usize, usual: Option<&str>) -> Vec<(Rule, usize, usize)> {
        let values = day(texts);
        let day = ObservedDay { values: &values, expected, usual_per_day: usual.map(dec) };
        let findings = judge(&ReadRules::default(), day).unwrap();
        findings.into_iter().map(|finding| (finding.rule, finding.at, finding.count)).collect()
    }

    use Rule::{GapOrOverlap, IntervalSpike};

    #[test]
    fn a_whole_even_day_has_no_finding() {
        assert_eq!(found(&["1"; 24], 24, None), []);
        assert_eq!(found(&["0"; 24], 24, Some("0")), []);
        assert_eq!(found(&[], 0, None), []);
    }

    #[test]
    fn gaps_are_runs_and_overlaps_stand_at_the_end() {
        let texts = ["-", "1", "-", "-", "1", "-"];
        assert_eq!(
            found(&texts, 6, None),
            [(GapOrOverlap, 0, 1), (GapOrOverlap, 2, 2), (GapOrOverlap, 5, 1)]
        );
        // A spring day has 23 hours, an autumn day 25: too few and too many of the others.
        assert_eq!(found(&["1"; 24], 23, None), [(GapOrOverlap, 23, 1)]);
        assert_eq!(found(&["1"; 24], 25, None), [(GapOrOverlap, 24, 1)]);
        assert_eq!(found(&["1", "1", "-"], 5, None), [(GapOrOverlap, 2, 3)]);
        assert_eq!(found(&[], 24, None), [(GapOrOverlap, 0, 24)]);
    }

    #[test]
    fn a_spike_is_ten_times_its_neighbours_and_five_units() {
        let with = |peak: &str, usual| {
            let mut texts = vec!["1"; 24];
            texts[7] = peak;
            found(&texts, 24, usual)
        };
        assert_eq!(with("10", None), []);
        assert_eq!(with("10.001", None), [(IntervalSpike, 7, 1)]);
        assert_eq!(with("-10.001", None), [(IntervalSpike, 7, 1)]);
        // Known to be so on other days.
        assert_eq!(with("10.001", Some("48")), []);
        assert_eq!(with("20.001", Some("48")), [(IntervalSpike, 7, 1)]);
        // Below the least units nothing is one; missing ones are no neighbours.
        assert_eq!(found(&["0", "4.9", "0"], 3, None), []);
        assert_eq!(found(&["0", "5", "0"], 3, None), [(IntervalSpike, 1, 1)]);
        assert_eq!(found(&["-", "5", "0"], 3, Some("3")), [(GapOrOverlap, 0, 1)]);
        // A single value has its history only.
        assert_eq!(found(&["50"], 1, None), []);
        assert_eq!(found(&["50"], 1, Some("4")), [(IntervalSpike, 0, 1)]);
    }

    #[test]
    fn thresholds_are_data() {
        let values = day(&["1", "4", "1", "-"]);
        let day = ObservedDay { values: &values, expected: 4, usual_per_day: None };
        let rules: ReadRules = serde_json::from_str(
            r#"{"spike_times":3,"spike_least_units":"3","interval_spike":"hold","gap_or_overlap":"off"}"#,
        )
        .unwrap();
        let findings = judge(&rules, day).unwrap();
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].action, findings[0].compared_with), (Action::Hold, Some(dec("1"))));
        let huge = [Some(Decimal::MAX), Some(Decimal::MAX)];
        assert_eq!(judge(&rules, ObservedDay { values: &huge, ..day }), Err(Overflow));
    }
}
