//! Severities and thresholds of validation, and the part of them that an exception states.
//!
//! Every field of a whole has its twin in the part: what the part leaves out stays as it is.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use vocab::{Code, codes::FieldError};

use crate::{
    consumption::RolloverLimit,
    usage::{PartialReadChecks, ReadChecks},
    validate::Action,
};

/// Trouble codes that may be listed, and characters of each.
const CODES_MAX: usize = 100;
const CODE_CHARS_MAX: usize = 40;

/// Most units of a threshold.
const UNITS_MAX: i64 = 1_000_000_000;

/// A whole, its part, and how the part is put over the whole.
macro_rules! overridable {
    (
        $(#[$whole_doc:meta])* $whole:ident, $(#[$part_doc:meta])* $part:ident,
        { $($(#[$doc:meta])* $field:ident: $type:ty = $default:expr,)* }
        nested { $($(#[$nested_doc:meta])* $nested:ident: $nested_type:ty, $nested_part:ty,)* }
    ) => {
        $(#[$whole_doc])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $whole {
            $($(#[$doc])* pub $field: $type,)*
            $($(#[$nested_doc])* pub $nested: $nested_type,)*
        }

        impl Default for $whole {
            fn default() -> Self {
                Self { $($field: $default,)* $($nested: Default::default(),)* }
            }
        }

        $(#[$part_doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $part {
            $(
                $(#[$doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
            $(
                $(#[$nested_doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $nested: Option<$nested_part>,
            )*
        }

        impl $part {
            /// Puts what is stated over the whole.
            pub fn over(&self, whole: &mut $whole) {
                $(if let Some(value) = &self.$field {
                    whole.$field.clone_from(value);
                })*
                $(if let Some(part) = &self.$nested {
                    part.over(&mut whole.$nested);
                })*
            }
        }
    };
}
pub(crate) use overridable;

overridable! {
    /// Severities and thresholds.
    ReadRules,
    /// Some of the severities and thresholds.
    PartialReadRules,
    {
        /// For a read in the future.
        future_date: Action = Action::Reject,
        /// For a read on a billed day: hold or reject. Held, it proposes to bill the day again; one that is
        /// neither off the meter nor told by the customer, or would change nothing, is rejected in any case.
        already_billed: Action = Action::Hold,
        /// For an old read.
        stale_date: Action = Action::Hold,
        /// Older than so many days is old.
        stale_after_days: u16 = 60,
        /// For a register that was not there.
        not_installed: Action = Action::Reject,
        /// For another meter's number.
        serial_mismatch: Action = Action::Hold,
        /// For a row that says what is known: off only counts it. It can't wait for a person.
        duplicate: Action = Action::Off,
        /// For another value on the same day.
        conflicting: Action = Action::Warn,
        /// For a value that the dials can't show.
        beyond_dials: Action = Action::Reject,
        /// For a fall that is no plausible rollover.
        decreasing: Action = Action::Hold,
        /// For use far above the history.
        high_usage: Action = Action::Warn,
        /// For use far below it.
        low_usage: Action = Action::Warn,
        /// For no use on an active service.
        zero_usage: Action = Action::Warn,
        /// For use without a service.
        inactive_use: Action = Action::Hold,
        /// For a trouble code that is not among those that hold.
        trouble_code: Action = Action::Warn,
        /// Trouble codes with which a read waits for a person at least; case does not matter.
        trouble_hold: Vec<String> = Vec::new(),
        /// For a day of interval data with too few or too many intervals.
        gap_or_overlap: Action = Action::Warn,
        /// For an interval far above those around it.
        interval_spike: Action = Action::Warn,
        /// Far above is more than so many times their average.
        spike_times: u16 = 10,
        /// … and above it by at least so many units.
        spike_least_units: Decimal = Decimal::from(5),
    }
    nested {
        /// Thresholds of high and low; their severities count in review only.
        checks: ReadChecks, PartialReadChecks,
        /// When a fall is a rollover.
        rollover: RolloverLimit, PartialRolloverLimit,
    }
}

/// Part of a [`RolloverLimit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PartialRolloverLimit {
    /// Most that may have passed the register, in percent of its dial capacity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_capacity_percent: Option<u8>,
}

impl PartialRolloverLimit {
    /// Puts what is stated over the whole.
    pub const fn over(&self, whole: &mut RolloverLimit) {
        if let Some(percent) = self.of_capacity_percent {
            whole.of_capacity_percent = percent;
        }
    }
}

impl ReadRules {
    /// What follows from a trouble code.
    pub(crate) fn of_trouble(&self, code: &str) -> Action {
        let holds = self.trouble_hold.iter().any(|listed| listed.trim().eq_ignore_ascii_case(code));
        if holds { self.trouble_code.max(Action::Hold) } else { self.trouble_code }
    }

    /// What is out of bounds, with pointers into the JSON form.
    pub fn check(&self) -> Vec<FieldError> {
        let bounds = [
            (self.duplicate == Action::Hold, "/duplicate", "off, warn or reject: there is nothing to hold"),
            (
                self.already_billed < Action::Hold,
                "/already_billed",
                "hold or reject: what is billed is never changed by a read alone",
            ),
            (!(1..=3_660).contains(&self.stale_after_days), "/stale_after_days", "from 1 to 3660"),
            (!(2..=1_000).contains(&self.spike_times), "/spike_times", "from 2 to 1000"),
            (
                !is_of_units(self.spike_least_units),
                "/spike_least_units",
                "from nothing to a thousand million, with at most 10 decimals",
            ),
        ];
        let mut faults = faults(&bounds);
        let below = |of: FieldError| FieldError { pointer: format!("/checks{}", of.pointer), ..of };
        faults.extend(self.checks.check().into_iter().map(below));
        faults.extend(self::faults(&[
            (
                !(1..=100).contains(&self.rollover.of_capacity_percent),
                "/rollover/of_capacity_percent",
                "from 1 to 100",
            ),
            (self.trouble_hold.len() > CODES_MAX, "/trouble_hold", "at most 100 codes"),
        ]));
        for (at, code) in self.trouble_hold.iter().enumerate().take(CODES_MAX) {
            if code.trim().is_empty() || code.chars().count() > CODE_CHARS_MAX {
                faults.push(fault(format!("/trouble_hold/{at}"), "from 1 to 40 characters"));
            }
        }
        faults
    }
}

impl PartialReadRules {
    /// What is out of bounds, with pointers into the JSON form.
    pub fn check(&self) -> Vec<FieldError> {
        // What is left out has its default, which is never out of bounds.
        let mut whole = ReadRules::default();
        self.over(&mut whole);
        whole.check()
    }
}

/// Those bounds that are broken.
pub(crate) fn faults(bounds: &[(bool, &str, &str)]) -> Vec<FieldError> {
    let broken = bounds.iter().filter(|(is_out, ..)| *is_out);
    broken.map(|(_, pointer, detail)| fault((*pointer).to_owned(), detail)).collect()
}

/// Whether a threshold is a number of units that anybody uses.
pub(crate) fn is_of_units(value: Decimal) -> bool {
    (Decimal::ZERO..=Decimal::from(UNITS_MAX)).contains(&value) && value.normalize().scale() <= 10
}

pub(crate) fn fault(pointer: String, detail: &str) -> FieldError {
    FieldError { pointer, code: Code::FieldRange, detail: detail.to_owned() }
}
