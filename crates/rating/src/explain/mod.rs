//! The derivation of a line or of a worked-out quantity, step by step, in plain notation.
//!
//! A step is an equation. Its formula names the operands (`quantity × price × proration`), its
//! working has their values in place of the names (`150 × 0.10 × 15/30`), its result is what that
//! comes to. Everything is taken from the record alone, never from the tariff: what is explained is
//! what was charged.
//!
//! Invariant: the working computes the result, up to the decimals that the result has. What cannot
//! be computed from the record (a part that was measured from interval data) has no formula, and a
//! note says why.

mod derived;
mod line;
mod notation;

pub use derived::derived;
pub use line::line;
pub use notation::filled;

use crate::proration::Ratio;
use vocab::Decimal;

/// What a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// A register's use from its reads.
    Read,
    /// A quantity from its registers.
    Quantity,
    /// A sub-period's part of a quantity.
    Share,
    /// Where a tier ends.
    Threshold,
    /// What of a quantity falls into a tier.
    Tier,
    /// Which tier a whole quantity falls into.
    Selected,
    /// Started packages.
    Packages,
    /// What a percentage, minimum or discount is about.
    Base,
    /// The most that a discount takes off.
    Cap,
    /// The highest past value.
    Highest,
    /// A worked-out quantity before rounding.
    Value,
    /// Credits earned.
    Earned,
    /// Credits used up.
    Applied,
    /// What a bank keeps.
    Closing,
    /// The exact amount.
    Amount,
    /// The rounded amount or quantity.
    Rounded,
    /// A sum of rounded amounts.
    Sum,
}

impl StepKind {
    /// The word that it is known by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Quantity => "quantity",
            Self::Share => "share",
            Self::Threshold => "threshold",
            Self::Tier => "tier",
            Self::Selected => "selected",
            Self::Packages => "packages",
            Self::Base => "base",
            Self::Cap => "cap",
            Self::Highest => "highest",
            Self::Value => "value",
            Self::Earned => "earned",
            Self::Applied => "applied",
            Self::Closing => "closing",
            Self::Amount => "amount",
            Self::Rounded => "rounded",
            Self::Sum => "sum",
        }
    }
}

/// What a reader should know of a step besides its equation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// The last part takes what the others leave, so that nothing is lost to rounding.
    Residue,
    /// Measured from interval data on the days themselves.
    Measured,
    /// A tier is shared among the buckets of a time of use by what each of them used.
    ByUse,
    /// The buckets of a time of use fill the tiers in the order of time.
    InTimeOrder,
    /// Every day fills the tiers for itself.
    EachDay,
    /// A certificate of exemption.
    Exempt,
    /// The register went through its highest value.
    RolledOver,
    /// No period to look back at: the stated value holds.
    Default,
}

impl Note {
    /// The word that it is known by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Residue => "residue",
            Self::Measured => "measured",
            Self::ByUse => "by_use",
            Self::InTimeOrder => "in_time_order",
            Self::EachDay => "each_day",
            Self::Exempt => "exempt",
            Self::RolledOver => "rolled_over",
            Self::Default => "default",
        }
    }
}

/// One step of a derivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is about.
    pub kind: StepKind,
    /// Over the operands' names; empty when the result was measured.
    pub formula: String,
    /// Name and value in plain notation; fractions are written `15/31`.
    pub operands: Vec<(String, String)>,
    /// The formula with the values in it.
    pub working: String,
    /// What it comes to; none when the step states a condition.
    pub result: Option<Decimal>,
    /// What else a reader should know.
    pub note: Option<Note>,
}

impl Step {
    /// A step of this formula, as yet without operands.
    pub fn new(kind: StepKind, formula: impl Into<String>) -> Self {
        let formula = formula.into();
        Self { kind, formula, operands: Vec::new(), working: String::new(), result: None, note: None }
    }

    /// A result that cannot be computed from the record.
    pub fn measured(kind: StepKind, note: Note) -> Self {
        Self::new(kind, "").noted(note)
    }

    /// With one more operand.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: Decimal) -> Self {
        self.operands.push((name.into(), value.normalize().to_string()));
        self
    }

    /// With one more operand that is no decimal.
    #[must_use]
    pub fn with_text(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.operands.push((name.into(), value.to_string()));
        self
    }

    /// Times a fraction, unless that is whole.
    #[must_use]
    fn times(mut self, ratio: &Ratio) -> Self {
        if !ratio.is_whole() {
            self.formula.push_str(" × proration");
            self = self.with_text("proration", ratio);
        }
        self
    }

    /// With a note.
    #[must_use]
    pub const fn noted(mut self, note: Note) -> Self {
        self.note = Some(note);
        self
    }

    /// What it comes to; a record's own figure, kept as it is written there.
    #[must_use]
    pub fn equals(mut self, result: Decimal) -> Self {
        self.working = filled(&self.formula, &self.operands);
        self.result = Some(result);
        self
    }

    /// A condition that holds.
    #[must_use]
    pub fn holds(mut self) -> Self {
        self.working = filled(&self.formula, &self.operands);
        self
    }
}

impl std::fmt::Display for Step {
    /// `150 × 0.10 × 15/30 = 7.5`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let result = self.result.map(|result| result.to_string());
        match result {
            Some(result) if self.working.is_empty() || self.working == result => f.write_str(&result),
            Some(result) => write!(f, "{} = {result}", self.working),
            None => f.write_str(&self.working),
        }
    }
}
