//! Why a case ends without an amount.

use rating::{RatingError, RuleFault};
use vocab::decimal::Overflow;

/// Why a case ends without an amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// What the format says cannot be said in ours, or is not known: the reason.
    NotExpressible(String),
    /// The engine took the tariff and could not rate: its words.
    Unrated(RatingError),
}

impl Stop {
    /// With this reason.
    pub fn because(reason: impl Into<String>) -> Self {
        Self::NotExpressible(reason.into())
    }
}

impl From<RatingError> for Stop {
    fn from(error: RatingError) -> Self {
        Self::Unrated(error)
    }
}

impl From<Overflow> for Stop {
    fn from(_: Overflow) -> Self {
        Self::because("a number is too large to be translated exactly")
    }
}

impl From<Vec<RuleFault>> for Stop {
    fn from(faults: Vec<RuleFault>) -> Self {
        let all: Vec<String> = faults.iter().take(3).map(ToString::to_string).collect();
        Self::because(format!("the engine refuses the tariff: {}", all.join("; ")))
    }
}
