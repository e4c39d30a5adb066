//! What a rule prices: unit, kind, bucket and name of a quantity.

use crate::word::Word;
use serde::{Deserialize, Serialize};
use vocab::Unit;

/// Which quantity a rule prices.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuantityKey {
    /// Unit of measure.
    pub unit: Unit,
    /// Time-of-use bucket of the register; absent for the total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Word>,
    /// Name of a quantity worked out elsewhere (`winter_average`, `eru`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Word>,
    /// Default: usage.
    #[serde(default, skip_serializing_if = "QuantityKind::is_usage")]
    pub kind: QuantityKind,
}

impl QuantityKey {
    /// The total use in a unit.
    pub const fn usage(unit: Unit) -> Self {
        Self { unit, bucket: None, name: None, kind: QuantityKind::Usage }
    }

    /// The highest demand in a unit.
    pub const fn peak(unit: Unit) -> Self {
        Self { unit, bucket: None, name: None, kind: QuantityKind::Peak }
    }

    /// The same in a time-of-use bucket.
    #[must_use]
    pub fn in_bucket(mut self, bucket: Word) -> Self {
        self.bucket = Some(bucket);
        self
    }

    /// The same under a name.
    #[must_use]
    pub fn named(mut self, name: Word) -> Self {
        self.name = Some(name);
        self
    }
}

impl std::fmt::Display for QuantityKey {
    /// `kwh usage`, `kw peak on_peak`, `kgal level winter_average`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.unit, self.kind)?;
        self.bucket.iter().chain(&self.name).try_for_each(|word| write!(f, " {word}"))
    }
}

/// What a quantity is in time, which decides what a sub-period gets of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuantityKind {
    /// Accumulates over the period: split by days, the price is not prorated.
    #[default]
    Usage,
    /// The highest of the period: not split, the price is prorated.
    Peak,
    /// A value per period (winter average, billed demand): not split, the price is prorated.
    Level,
    /// The sum of each day's highest: accumulates like usage.
    DailyPeaks,
}

impl QuantityKind {
    /// Whether it is plain usage, the default.
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Usage)
    }

    /// Whether it accumulates over the days.
    pub const fn accumulates(self) -> bool {
        matches!(self, Self::Usage | Self::DailyPeaks)
    }
}

impl std::fmt::Display for QuantityKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Usage => "usage",
            Self::Peak => "peak",
            Self::Level => "level",
            Self::DailyPeaks => "daily_peaks",
        })
    }
}
