//! The form of a rule's proration; [`crate::proration`] computes it.

use serde::{Deserialize, Serialize};
use vocab::Decimal;

/// How a rule's per-period amounts, demand prices and thresholds follow the length of the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "basis", rename_all = "snake_case", deny_unknown_fields)]
pub enum Proration {
    /// Against a nominal number of days, with a tolerance inside which a period counts as whole.
    Nominal {
        /// Days of one month; may be fractional. Default 30.
        #[serde(default = "thirty", with = "crate::exact")]
        days: Decimal,
        /// Default 3.
        #[serde(default = "three", with = "crate::exact")]
        tolerance: Decimal,
        /// Whether the tolerance holds on first and final segments too. Default false.
        #[serde(default)]
        tolerance_on_first_and_final: bool,
    },
    /// Days ÷ days of the whole period they belong to: the stated one, else the calendar's.
    WholePeriod,
    /// Days ÷ 365.
    Year {
        /// Whether the rule's amounts are of a year (default) or of one period of the rate.
        #[serde(default)]
        amounts: YearAmounts,
    },
    /// × days.
    PerDay,
    /// Not at all: charged once, as the version in force at the end of the period says.
    Never,
}

/// What the amounts of a rule prorated by the year stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum YearAmounts {
    /// A year: amount × days ÷ 365.
    #[default]
    PerYear,
    /// One period of the rate: amount × (12 ÷ months of the period) × days ÷ 365.
    PerPeriod,
}

const fn thirty() -> Decimal {
    Decimal::from_parts(30, 0, 0, false, 0)
}

const fn three() -> Decimal {
    Decimal::from_parts(3, 0, 0, false, 0)
}

impl Default for Proration {
    fn default() -> Self {
        Self::Nominal { days: thirty(), tolerance: three(), tolerance_on_first_and_final: false }
    }
}
