//! The report of an import: counts and bounded lists, added up from chunks in any order.
//!
//! Every data row falls into exactly one of accepted, held, rejected, duplicate and unfilled;
//! warned rows are accepted ones. Deliberately missing: the rejected lines themselves, which go
//! into a file of their own, and the file's checksum.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use time::{Date, macros::date};
use vocab::{
    SiteId,
    decimal::{self, Overflow},
};

use crate::validate::{Outcome, Verdict};

/// Details kept per list: those with the lowest line numbers. Counts are always whole.
pub const DETAILS_MAX: usize = 1_000;
/// Between these are the days of interval data that nobody noted.
const FIRST_DAY: Date = date!(0001 - 01 - 01);
const LAST_DAY: Date = date!(9999 - 12 - 31);
/// Characters of a detail that are kept; the line itself is in the file of rejected lines.
const REASON_CHARS_MAX: usize = 200;

/// A line that was not taken, or a meter that is not known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LineDetail {
    /// Line number in the file, from 1.
    pub line: u64,
    /// Why: the word of a rule or of a row's fault; for an unknown meter its number.
    pub reason: String,
    /// The column at fault, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
}

/// A list that keeps its first entries and counts all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// How many there are.
    pub count: u64,
    /// Those with the lowest line numbers.
    pub first: Vec<LineDetail>,
}

impl Details {
    /// Adds one.
    pub fn push(&mut self, mut detail: LineDetail) {
        self.count += 1;
        shorten(&mut detail.reason);
        detail.column.as_mut().map(shorten);
        let at = self.first.partition_point(|known| *known <= detail);
        if at < DETAILS_MAX {
            self.first.insert(at, detail);
            self.first.truncate(DETAILS_MAX);
        }
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.first.extend(other.first);
        self.first.sort_unstable();
        self.first.truncate(DETAILS_MAX);
    }
}

fn shorten(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(REASON_CHARS_MAX) {
        text.truncate(end);
    }
}

/// Rows and the sum of their values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlTotals {
    /// Data rows.
    pub rows: Option<u64>,
    /// Sum of the values.
    pub values: Option<Decimal>,
}

/// How complete a site is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completeness {
    /// Registers that should have a read.
    pub expected: u64,
    /// Of these, registers that have one that is valid or held.
    pub found: u64,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Data rows, without header, blank and control lines.
    pub rows_read: u64,
    /// Taken, with or without warnings.
    pub accepted: u64,
    /// Of the accepted, those with warnings.
    pub warned: u64,
    /// Waiting for a person.
    pub held: u64,
    /// Of the held and accepted, those that propose to bill periods again.
    #[serde(default)]
    pub proposed: u64,
    /// Not taken, unknown meters included.
    pub rejected: Details,
    /// Known already.
    pub duplicates: u64,
    /// Rows of an exported file without a read.
    pub unfilled: u64,
    /// Earlier reads replaced.
    pub superseded: u64,
    /// Of the rejected, rows whose meter is not known; the reason is the number found.
    pub unknown_meters: Details,
    /// How often each rule was broken, by its word.
    pub findings: BTreeMap<String, u64>,
    /// Values of interval data on the days that were taken.
    #[serde(default)]
    pub intervals: u64,
    /// The first of these days.
    #[serde(default, with = "vocab::dates::civil::option")]
    pub first_day: Option<Date>,
    /// The last of them.
    #[serde(default, with = "vocab::dates::civil::option")]
    pub last_day: Option<Date>,
    /// Why the file, or a part of it, could not be read on; what stands before it was read.
    #[serde(default)]
    pub file_faults: Details,
    /// Totals that the file states.
    pub stated: ControlTotals,
    /// Sum of the values of all readable rows.
    pub values_found: Decimal,
    /// Per site.
    pub sites: BTreeMap<SiteId, Completeness>,
}

impl ImportReport {
    /// Counts a row that was judged.
    pub fn judged(&mut self, line: u64, value: Decimal, verdict: &Verdict) -> Result<(), Overflow> {
        self.readable(value)?;
        for finding in &verdict.findings {
            *self.findings.entry(finding.rule.as_str().to_owned()).or_default() += 1;
        }
        match verdict.outcome {
            Outcome::Accept => self.accepted += 1,
            Outcome::Warn => {
                self.accepted += 1;
                self.warned += 1;
            }
            Outcome::Hold => self.held += 1,
            Outcome::Duplicate => self.duplicates += 1,
            Outcome::Reject => {
                let worst = verdict.findings.iter().max_by_key(|finding| finding.action);
                let reason = worst.map_or("rejected", |finding| finding.rule.as_str()).to_owned();
                self.rejected.push(LineDetail { line, reason, column: None });
            }
        }
        self.proposed += u64::from(verdict.rebill.is_some());
        // A held read replaces nothing until a person releases it.
        if verdict.supersedes && matches!(verdict.outcome, Outcome::Accept | Outcome::Warn) {
            self.superseded += 1;
        }
        Ok(())
    }

    /// Counts a readable row, before it goes to a pile.
    pub fn found(&mut self, value: Decimal) -> Result<(), Overflow> {
        self.readable(value)
    }

    /// Puts a counted row to the rejected.
    pub fn reject_found(&mut self, line: u64, reason: &str) {
        self.rejected.push(LineDetail { line, reason: reason.to_owned(), column: None });
    }

    /// Counts a row that could not be read.
    pub fn unreadable(&mut self, line: u64, reason: &str, column: Option<&str>) {
        self.rows_read += 1;
        self.rejected.push(LineDetail { line, reason: reason.to_owned(), column: column.map(str::to_owned) });
    }

    /// Counts a readable row whose meter is not known.
    pub fn unknown_meter(&mut self, line: u64, value: Decimal, meter: &str) -> Result<(), Overflow> {
        self.readable(value)?;
        self.rejected.push(LineDetail { line, reason: "unknown_meter".to_owned(), column: None });
        self.unknown_meters.push(LineDetail { line, reason: meter.to_owned(), column: None });
        Ok(())
    }

    /// Counts a row of an exported file that nobody filled in.
    pub fn left_blank(&mut self) {
        self.rows_read += 1;
        self.unfilled += 1;
    }

    /// Notes a register that should have a read, and whether it has.
    pub fn expect(&mut self, site: SiteId, has_read: bool) {
        let site = self.sites.entry(site).or_default();
        site.expected += 1;
        site.found += u64::from(has_read);
    }

    /// Notes the totals that the file states; the last such line counts.
    pub fn state(&mut self, totals: ControlTotals) {
        self.stated = ControlTotals {
            rows: totals.rows.or(self.stated.rows),
            values: totals.values.or(self.stated.values),
        };
    }

    /// Whether stated totals, where given, equal those found.
    pub fn totals_agree(&self) -> bool {
        self.stated.rows.is_none_or(|rows| rows == self.rows_read)
            && self.stated.values.is_none_or(|values| values == self.values_found)
    }

    /// Registers that should have a read and have none.
    pub fn missing(&self) -> u64 {
        self.sites.values().map(|site| site.expected - site.found.min(site.expected)).sum()
    }

    /// Whether every row is in exactly one pile.
    pub fn adds_up(&self) -> bool {
        self.accepted + self.held + self.rejected.count + self.duplicates + self.unfilled == self.rows_read
            && self.warned <= self.accepted
            && self.unknown_meters.count <= self.rejected.count
    }

    /// Adds another part of the same import.
    pub fn merge(&mut self, other: Self) -> Result<(), Overflow> {
        self.values_found = decimal::add(self.values_found, other.values_found)?;
        self.rows_read += other.rows_read;
        self.accepted += other.accepted;
        self.warned += other.warned;
        self.held += other.held;
        self.proposed += other.proposed;
        self.rejected.merge(other.rejected);
        self.duplicates += other.duplicates;
        self.unfilled += other.unfilled;
        self.superseded += other.superseded;
        self.unknown_meters.merge(other.unknown_meters);
        self.intervals += other.intervals;
        match (other.first_day, other.last_day) {
            // Of an earlier version, which did not note them.
            (None, None) if other.intervals > 0 => self.took_days(Some(FIRST_DAY), Some(LAST_DAY)),
            (first, last) => self.took_days(first, last),
        }
        self.file_faults.merge(other.file_faults);
        for (rule, count) in other.findings {
            *self.findings.entry(rule).or_default() += count;
        }
        self.state(other.stated);
        for (site, part) in other.sites {
            let site = self.sites.entry(site).or_default();
            site.expected += part.expected;
            site.found += part.found;
        }
        Ok(())
    }

    /// Notes days of interval data that were taken.
    pub fn took_days(&mut self, first: Option<Date>, last: Option<Date>) {
        self.first_day = self.first_day.into_iter().chain(first).min();
        self.last_day = self.last_day.max(last);
    }

    fn readable(&mut self, value: Decimal) -> Result<(), Overflow> {
        self.values_found = decimal::add(self.values_found, value)?;
        self.rows_read += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        register::samples::dec,
        validate::{Action, Finding, Rule},
    };
    use proptest::prelude::*;

    fn verdict(outcome: Outcome) -> Verdict {
        let action = match outcome {
            Outcome::Accept | Outcome::Duplicate => None,
            Outcome::Warn => Some(Action::Warn),
            Outcome::Hold => Some(Action::Hold),
            Outcome::Reject => Some(Action::Reject),
        };
        let findings = action
            .map(|action| Finding { rule: Rule::Decreasing, action, value: None, compared_with: None })
            .into_iter()
            .collect();
        Verdict {
            outcome,
            findings,
            supersedes: matches!(outcome, Outcome::Warn | Outcome::Hold),
            rebill: None,
        }
    }

    #[test]
    fn every_row_is_in_one_pile() {
        let mut report = ImportReport::default();
        let outcomes = [Outcome::Accept, Outcome::Warn, Outcome::Hold, Outcome::Reject, Outcome::Duplicate];
        for (line, outcome) in (2..).zip(outcomes) {
            report.judged(line, dec("10.5"), &verdict(outcome)).unwrap();
        }
        report.unreadable(7, "bad_date", Some("read_on"));
        report.unknown_meter(8, dec("1"), "X-9").unwrap();
        report.left_blank();
        report.state(ControlTotals { rows: Some(8), values: Some(dec("53.5")) });
        assert!(report.adds_up() && report.totals_agree());
        assert_eq!((report.accepted, report.warned, report.held, report.superseded), (2, 1, 1, 1));
        assert_eq!((report.rejected.count, report.unknown_meters.count), (3, 1));
        assert_eq!(report.rejected.first[0].reason, "decreasing");
        assert_eq!(report.findings["decreasing"], 3);
        report.state(ControlTotals { rows: Some(9), values: None });
        assert!(!report.totals_agree());
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<ImportReport>(&text).unwrap(), report);
    }

    #[test]
    fn days_that_were_taken_add_up_to_their_span() {
        let (first, last) = (Some(date!(2026 - 02 - 10)), Some(date!(2026 - 02 - 12)));
        let mut report = ImportReport::default();
        report.took_days(last, last);
        let mut other = ImportReport::default();
        other.merge(report).unwrap();
        other.took_days(first, first);
        assert_eq!((other.first_day, other.last_day), (first, last));
        // A part whose days are not known hides none.
        other.merge(ImportReport { intervals: 24, ..ImportReport::default() }).unwrap();
        assert_eq!((other.first_day, other.last_day), (Some(FIRST_DAY), Some(LAST_DAY)));
    }

    #[test]
    fn missing_by_site() {
        let mut report = ImportReport::default();
        for (site, has_read) in [(1, true), (1, false), (2, false)] {
            report.expect(SiteId(site), has_read);
        }
        assert_eq!(report.missing(), 2);
        assert_eq!(report.sites[&SiteId(1)], Completeness { expected: 2, found: 1 });
    }

    proptest! {
        #[test]
        fn chunks_merge_in_any_order(lines in prop::collection::vec((1_u64..5_000, 0_usize..7), 0..60), cut in 0_usize..60) {
            let count = |rows: &[(u64, usize)]| {
                let mut report = ImportReport::default();
                for &(line, kind) in rows {
                    match kind {
                        0 => report.judged(line, dec("1"), &verdict(Outcome::Accept)).unwrap(),
                        1 => report.judged(line, dec("2"), &verdict(Outcome::Warn)).unwrap(),
                        2 => report.judged(line, dec("3"), &verdict(Outcome::Hold)).unwrap(),
                        3 => report.judged(line, dec("4"), &verdict(Outcome::Reject)).unwrap(),
                        4 => report.unreadable(line, "bad_value", None),
                        5 => report.unknown_meter(line, dec("5"), "X").unwrap(),
                        _ => report.expect(SiteId(1), line % 2 == 0),
                    }
                }
                report
            };
            let (a, b) = lines.split_at(cut.min(lines.len()));
            let whole = count(&lines);
            let (mut ab, mut ba) = (count(a), count(b));
            ab.merge(count(b)).unwrap();
            ba.merge(count(a)).unwrap();
            prop_assert!(whole.adds_up());
            prop_assert_eq!(&ab, &whole);
            prop_assert_eq!(&ba, &whole);
        }
    }

    #[test]
    fn lists_are_bounded_and_counts_are_not() {
        let mut details = Details::default();
        for line in (1..=1_500).rev() {
            details.push(LineDetail { line, reason: "bad_value".into(), column: None });
        }
        assert_eq!((details.count, details.first.len()), (1_500, DETAILS_MAX));
        assert_eq!((details.first[0].line, details.first[999].line), (1, 1_000));
        let reason = "\u{e9}".repeat(16_000);
        details.push(LineDetail { line: 0, reason, column: None });
        assert_eq!(details.first[0].reason.chars().count(), REASON_CHARS_MAX);
    }
}
