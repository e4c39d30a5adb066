//! The last charged day of a segment.
//!
//! By meter read: the latest day of the read window on which every installed register has a
//! valid read. By calendar period: the window's end. Anniversaries and other days that need more than
//! the meter are found by billing, which hands them over as the window's end. A contract that has stopped ends on its
//! last day, not after. Deliberately missing: minimum days and estimates, which billing decides.

use serde::{Deserialize, Serialize};
use time::Date;
use vocab::{EndDateMethod, ServicePointId, dates::plus_days};

use crate::{error::Error, register::Metered};

/// How far from a window's end a read may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadWindow {
    /// Days before the window's end.
    pub days_before: u16,
    /// Days after it.
    pub days_after: u16,
}

impl Default for ReadWindow {
    fn default() -> Self {
        Self { days_before: 7, days_after: 5 }
    }
}

/// What bounds the segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First charged day.
    pub first_on: Date,
    /// Last day of the cycle window.
    pub window_end_on: Date,
    /// Last charged day of the contract, when it has stopped.
    pub contract_end_on: Option<Date>,
}

/// The last charged day, or `None` when these days have been charged already.
///
/// Registers not installed on a day don't need a read on it; on the day of an exchange both
/// meters do. A missing read names the first register at fault and the days that would do.
pub fn segment_end(
    method: EndDateMethod,
    service_point: ServicePointId,
    span: Span,
    window: ReadWindow,
    registers: &[Metered<'_>],
) -> Result<Option<Date>, Error> {
    let stops_inside = span.contract_end_on.filter(|&end_on| end_on <= span.window_end_on);
    let regular_on = stops_inside.unwrap_or(span.window_end_on);
    if regular_on < span.first_on {
        return Ok(None);
    }
    match (method, stops_inside) {
        (EndDateMethod::CalendarPeriod | EndDateMethod::Anniversary | EndDateMethod::AsOfDate, _) => {
            Ok(Some(regular_on))
        }
        (EndDateMethod::MeterRead, Some(end_on)) => latest(service_point, end_on, end_on, registers),
        (EndDateMethod::MeterRead, None) => {
            let from = shifted(span.window_end_on, -i64::from(window.days_before)).max(span.first_on);
            let to = shifted(span.window_end_on, i64::from(window.days_after));
            let to = span.contract_end_on.map_or(to, |end_on| end_on.min(to));
            latest(service_point, from, to, registers)
        }
    }
}

/// Stays put at the edge of the calendar.
fn shifted(day: Date, days: i64) -> Date {
    plus_days(day, days).unwrap_or(day)
}

fn latest(
    service_point: ServicePointId,
    from: Date,
    to: Date,
    registers: &[Metered<'_>],
) -> Result<Option<Date>, Error> {
    let mut day = to;
    let mut missing = None;
    while day >= from {
        match unread_on(day, registers) {
            Coverage::Complete => return Ok(Some(day)),
            Coverage::Lacks(metered) => {
                // A register without any read in the window is the one to send somebody to.
                let never = !metered
                    .reads
                    .iter()
                    .any(|read| read.is_valid() && from <= read.read_on && read.read_on <= to);
                if never {
                    missing = Some(metered);
                    break;
                }
                missing = missing.or(Some(metered));
            }
            Coverage::NothingInstalled => {}
        }
        let Some(before) = day.previous_day() else { break };
        day = before;
    }
    match missing {
        Some(metered) => Err(Error::MissingEndRead {
            register: metered.register.id,
            serial: metered.register.serial.clone(),
            from,
            to,
        }),
        None => Err(Error::NoRegister { service_point }),
    }
}

/// Which installed register, if any, has no valid read on a day.
enum Coverage<'a> {
    Complete,
    Lacks(Metered<'a>),
    NothingInstalled,
}

fn unread_on<'a>(day: Date, registers: &[Metered<'a>]) -> Coverage<'a> {
    let mut installed = registers.iter().filter(|metered| metered.register.installed_at(day)).peekable();
    if installed.peek().is_none() {
        return Coverage::NothingInstalled;
    }
    installed
        .find(|metered| metered.valid_on(day).is_none())
        .map_or(Coverage::Complete, |metered| Coverage::Lacks(*metered))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::{Read, Register, samples::*};

    fn end(registers: &[Metered<'_>], span: Span) -> Result<Option<Date>, Error> {
        segment_end(EndDateMethod::MeterRead, POINT, span, ReadWindow::default(), registers)
    }

    fn january() -> Span {
        Span { first_on: day("2026-01-01"), window_end_on: day("2026-01-31"), contract_end_on: None }
    }

    #[test]
    fn the_latest_valid_read_of_the_window() {
        let register = register(1, 5);
        let held = Read { status: vocab::ReadStatus::Held, ..read("2026-02-05", "4") };
        let reads = [read("2026-01-24", "1"), read("2026-01-30", "2"), read("2026-02-03", "3"), held];
        let all = [Metered { register: &register, reads: &reads }];
        assert_eq!(end(&all, january()).unwrap(), Some(day("2026-02-03")));
        let calendar = EndDateMethod::CalendarPeriod;
        let found = segment_end(calendar, POINT, january(), ReadWindow::default(), &all).unwrap();
        assert_eq!(found, Some(day("2026-01-31")));
    }

    #[test]
    fn the_windows_edges_count() {
        let register = register(1, 5);
        for (on, inside) in
            [("2026-01-23", false), ("2026-01-24", true), ("2026-02-05", true), ("2026-02-06", false)]
        {
            let reads = [read(on, "1")];
            let found = end(&[Metered { register: &register, reads: &reads }], january());
            assert_eq!(found.is_ok(), inside, "{on}");
            if !inside {
                let expected = Error::MissingEndRead {
                    register: register.id,
                    serial: "M-1".into(),
                    from: day("2026-01-24"),
                    to: day("2026-02-05"),
                };
                assert_eq!(found, Err(expected));
            }
        }
    }

    #[test]
    fn all_registers_on_the_same_day() {
        let (one, two) = (register(1, 5), register(2, 5));
        let a = [read("2026-01-29", "1"), read("2026-01-31", "2")];
        let b = [read("2026-01-29", "1"), read("2026-01-30", "2")];
        let both = [Metered { register: &one, reads: &a }, Metered { register: &two, reads: &b }];
        assert_eq!(end(&both, january()).unwrap(), Some(day("2026-01-29")));
        // The register that has no read at all is named, not the one listed first.
        let both = [Metered { register: &one, reads: &a }, Metered { register: &two, reads: &[] }];
        assert!(
            matches!(end(&both, january()), Err(Error::MissingEndRead { register, .. }) if register == two.id)
        );
    }

    #[test]
    fn an_exchange_needs_only_what_is_installed() {
        let old = Register { removed_on: Some(day("2026-01-26")), ..register(1, 5) };
        let new = Register { installed_on: day("2026-01-26"), ..register(2, 5) };
        let (a, b) = ([read("2026-01-26", "9")], [read("2026-01-26", "0"), read("2026-01-31", "4")]);
        let both = [Metered { register: &old, reads: &a }, Metered { register: &new, reads: &b }];
        assert_eq!(end(&both, january()).unwrap(), Some(day("2026-01-31")));
        let both = [Metered { register: &old, reads: &a }, Metered { register: &new, reads: &b[..1] }];
        assert_eq!(end(&both, january()).unwrap(), Some(day("2026-01-26")));
        assert_eq!(end(&[], january()), Err(Error::NoRegister { service_point: POINT }));
    }

    #[test]
    fn charged_days_are_not_charged_again() {
        let register = register(1, 5);
        let reads = [read("2026-01-28", "1")];
        let all = [Metered { register: &register, reads: &reads }];
        assert_eq!(end(&all, Span { first_on: day("2026-02-04"), ..january() }).unwrap(), None);
        assert!(end(&all, Span { first_on: day("2026-01-29"), ..january() }).is_err());
    }

    #[test]
    fn a_stopped_contract_ends_on_its_last_day() {
        let register = register(1, 5);
        let reads = [read("2026-01-10", "1"), read("2026-01-31", "5"), read("2026-02-03", "6")];
        let all = [Metered { register: &register, reads: &reads }];
        let stopped = |on| Span { contract_end_on: Some(day(on)), ..january() };
        assert_eq!(end(&all, stopped("2026-01-10")).unwrap(), Some(day("2026-01-10")));
        assert!(end(&all, stopped("2026-01-12")).is_err());
        // Stopped just after the window's end: the later read belongs to somebody else.
        assert_eq!(end(&all, stopped("2026-02-02")).unwrap(), Some(day("2026-01-31")));
        let calendar = EndDateMethod::CalendarPeriod;
        let found = segment_end(calendar, POINT, stopped("2026-01-12"), ReadWindow::default(), &all);
        assert_eq!(found.unwrap(), Some(day("2026-01-12")));
    }
}
