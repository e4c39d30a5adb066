//! The record of a quantity that a tariff worked out: enough to work it out again.

use crate::line::Named;
use crate::tariff::{QuantityKey, QuantityKind};
use crate::word::Word;
use serde::{Deserialize, Serialize};
use time::Date;
use vocab::decimal::Rounding;
use vocab::{Decimal, RateVersionId, Unit};

/// A quantity that a tariff worked out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DerivedQuantity {
    /// The version whose definition it follows.
    pub version: RateVersionId,
    /// Its name.
    pub name: Word,
    /// Its unit.
    pub unit: Unit,
    /// Its kind.
    pub kind: QuantityKind,
    /// The bucket, of one that is netted by buckets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Word>,
    /// How it was worked out.
    pub working: Working,
    /// Decimals that it was rounded to.
    pub decimals: u8,
    /// How it was rounded.
    pub rounding: Rounding,
    /// Its value, rounded.
    #[serde(with = "crate::exact")]
    pub value: Decimal,
}

impl DerivedQuantity {
    /// How rules address it.
    pub fn key(&self) -> QuantityKey {
        let (unit, kind) = (self.unit, self.kind);
        QuantityKey { unit, bucket: self.bucket.clone(), name: Some(self.name.clone()), kind }
    }
}

/// How a quantity was worked out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum Working {
    /// The formula's value.
    Formula {
        /// As the tariff writes it.
        text: String,
        /// What its names stood for.
        with: Vec<Named>,
    },
    /// Σ value ÷ number, or the default of none; at most the cap.
    Average {
        /// The past periods.
        of: Vec<PastValue>,
        /// For none.
        #[serde(default, with = "crate::exact::option", skip_serializing_if = "Option::is_none")]
        default: Option<Decimal>,
        /// The most.
        #[serde(default, with = "crate::exact::option", skip_serializing_if = "Option::is_none")]
        cap: Option<Decimal>,
    },
    /// max(present, percent × highest ÷ 100, minimum).
    Ratchet {
        /// The present period's value.
        #[serde(with = "crate::exact")]
        present: Decimal,
        /// The past values that count.
        of: Vec<PastValue>,
        /// Percent of the highest past one.
        #[serde(with = "crate::exact")]
        percent: Decimal,
        /// The least.
        #[serde(default, with = "crate::exact::option", skip_serializing_if = "Option::is_none")]
        minimum: Option<Decimal>,
    },
    /// max(0, delivered − received − opening).
    Net {
        /// What the customer took.
        #[serde(with = "crate::exact")]
        delivered: Decimal,
        /// What the customer gave.
        #[serde(with = "crate::exact")]
        received: Decimal,
        /// What the bank held.
        #[serde(with = "crate::exact")]
        opening: Decimal,
    },
    /// Σ of the quantity's buckets.
    Buckets {
        /// Value by bucket.
        of: Vec<Named>,
    },
}

impl Working {
    /// The word that the record has for it.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Formula { .. } => "formula",
            Self::Average { .. } => "average",
            Self::Ratchet { .. } => "ratchet",
            Self::Net { .. } => "net",
            Self::Buckets { .. } => "buckets",
        }
    }
}

/// A value of a past period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastValue {
    /// The period's last day.
    #[serde(with = "vocab::dates::civil")]
    pub last_on: Date,
    /// Its value.
    #[serde(with = "crate::exact")]
    pub value: Decimal,
}
