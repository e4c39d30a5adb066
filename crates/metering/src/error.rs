//! Why no quantity or end date can be given.

use rust_decimal::Decimal;
use time::Date;
use vocab::{Code, Problem, RegisterId, ServicePointId, Unit, dates::civil, decimal::Overflow};

/// What a caller can branch on; [`Problem::from`] gives the stable code with its parameters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No valid read closes the day before the first charged day.
    #[error("meter {serial}: no valid read on {}", civil::format(*.on))]
    MissingStartRead {
        /// The register without it.
        register: RegisterId,
        /// Its meter.
        serial: String,
        /// The day that the read should close.
        on: Date,
    },
    /// No valid read ends the charged period.
    #[error("meter {serial}: no valid read from {} to {}", civil::format(*.from), civil::format(*.to))]
    MissingEndRead {
        /// The register without it.
        register: RegisterId,
        /// Its meter.
        serial: String,
        /// First day that would have done.
        from: Date,
        /// Last day that would have done.
        to: Date,
    },
    /// The register was estimated as often in a row as is allowed.
    #[error("meter {serial}: estimated {found} times in a row, at most {most} are allowed")]
    TooManyEstimates {
        /// The register.
        register: RegisterId,
        /// Its meter.
        serial: String,
        /// Estimates since somebody last read it.
        found: u32,
        /// Estimates that may follow each other.
        most: u8,
    },
    /// The value fell, and a rollover is not plausible.
    #[error("meter {serial}: the value fell from {start} to {end} and a rollover is not plausible")]
    RolloverImplausible {
        /// The register.
        register: RegisterId,
        /// Its meter.
        serial: String,
        /// Value at the start.
        start: Decimal,
        /// Value at the end.
        end: Decimal,
    },
    /// The value fell below an estimate, not below the last actual read: the estimate was too
    /// high, and the periods since the last actual read are to be corrected.
    #[error("meter {serial}: {end} lies below the estimate {start}")]
    BelowEstimate {
        /// The register.
        register: RegisterId,
        /// Its meter.
        serial: String,
        /// The estimate at the start.
        start: Decimal,
        /// Value at the end.
        end: Decimal,
    },
    /// A day of an interval register lacks data.
    #[error("meter {serial}: interval data of {} are missing or incomplete", civil::format(*.on))]
    MissingIntervals {
        /// The register.
        register: RegisterId,
        /// Its meter.
        serial: String,
        /// What it counts.
        unit: Unit,
        /// The first such day.
        on: Date,
    },
    /// Nothing was installed in the charged period.
    #[error("no meter is installed at the service point in the period")]
    NoRegister {
        /// The service point.
        service_point: ServicePointId,
    },
    /// A number does not fit.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::MissingStartRead { register, .. } => {
                Self::new(Code::MissingStartRead, detail).with("register", register)
            }
            Error::MissingEndRead { register, from, to, .. } => Self::new(Code::MissingEndRead, detail)
                .with("register", register)
                .with("from", civil::format(from))
                .with("to", civil::format(to)),
            Error::TooManyEstimates { register, found, most, .. } => {
                Self::new(Code::TooManyEstimates, detail)
                    .with("register", register)
                    .with("found", found)
                    .with("most", most)
            }
            Error::RolloverImplausible { register, start, end, .. } => {
                Self::new(Code::RolloverImplausible, detail)
                    .with("register", register)
                    .with("start", start)
                    .with("end", end)
            }
            Error::BelowEstimate { register, start, end, .. } => Self::new(Code::ActualBelowEstimate, detail)
                .with("register", register)
                .with("start", start)
                .with("end", end),
            Error::MissingIntervals { register, unit, on, .. } => Self::new(Code::IntervalsMissing, detail)
                .with("register", register)
                .with("unit", unit)
                .with("on", civil::format(on)),
            Error::NoRegister { service_point } => {
                Self::new(Code::NoRegister, detail).with("service_point", service_point)
            }
            Error::Overflow(overflow) => overflow.into(),
        }
    }
}
