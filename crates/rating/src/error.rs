//! Why a segment cannot be rated.

use time::Date;
use vocab::decimal::Overflow;
use vocab::{Code, Problem, RateScheduleId, Unit};

/// Why a segment cannot be rated; [`RatingError::problem`] gives the stable code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RatingError {
    /// Part of the period lies before the schedule's first version.
    #[error("no version of {rate} is in force on {on}")]
    NoRateVersion {
        /// The schedule.
        rate: RateScheduleId,
        /// The first day without one.
        on: Date,
    },
    /// A factor or look-up table has no value for the account on a day.
    #[error("{factor} has no value on {on}")]
    NoFactorValue {
        /// The factor, with the characteristic and its value where one selects.
        factor: String,
        /// The day.
        on: Date,
    },
    /// A rule prices a quantity or counts items that were not supplied.
    #[error("the quantity `{quantity}` was not supplied")]
    QuantityMissing {
        /// Unit, kind, bucket and name; or `item` and its name.
        quantity: String,
    },
    /// A rule needs interval data of a day that has none.
    #[error("there is no interval data in {unit} for {on}")]
    IntervalsMissing {
        /// Unit of the quantity.
        unit: Unit,
        /// The first day without.
        on: Date,
    },
    /// Intervals are longer than the minutes that demand is averaged over, or reach over the end of a
    /// window of the calendar.
    #[error("the interval data in {unit} of {minutes} minutes are too coarse for {on}")]
    IntervalsTooCoarse {
        /// Unit of the quantity.
        unit: Unit,
        /// Minutes of an interval.
        minutes: u16,
        /// The first day that they cannot be priced on.
        on: Date,
    },
    /// A number is too large to compute exactly, or a formula divides by zero.
    #[error("a number is too large to compute exactly")]
    ArithmeticOverflow,
}

impl From<Overflow> for RatingError {
    fn from(_: Overflow) -> Self {
        Self::ArithmeticOverflow
    }
}

impl RatingError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::NoRateVersion { .. } => Code::NoRateVersion,
            Self::NoFactorValue { .. } => Code::NoFactorValue,
            Self::QuantityMissing { .. } => Code::QuantityMissing,
            Self::IntervalsMissing { .. } | Self::IntervalsTooCoarse { .. } => Code::IntervalsMissing,
            Self::ArithmeticOverflow => Code::ArithmeticOverflow,
        }
    }

    /// The refusal with the code's parameters.
    pub fn problem(&self) -> Problem {
        let problem = Problem::new(self.code(), self.to_string());
        match self {
            Self::NoRateVersion { rate, on } => {
                problem.with("rate", rate).with("on", vocab::dates::civil::format(*on))
            }
            Self::NoFactorValue { factor, on } => {
                problem.with("factor", factor).with("on", vocab::dates::civil::format(*on))
            }
            Self::QuantityMissing { quantity } => problem.with("quantity", quantity),
            Self::IntervalsMissing { unit, on } | Self::IntervalsTooCoarse { unit, on, .. } => {
                problem.with("unit", unit).with("on", vocab::dates::civil::format(*on))
            }
            Self::ArithmeticOverflow => problem,
        }
    }
}
