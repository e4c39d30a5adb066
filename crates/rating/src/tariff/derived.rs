//! Quantities that a tariff works out from others, from the past, or from other segments.

use super::price::Price;
use super::quantity::{QuantityKey, QuantityKind};
use super::{half_away, is_half_away};
use crate::word::Word;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use vocab::decimal::Rounding;
use vocab::{Decimal, Unit};

/// A quantity that is worked out. Rules address it by unit, kind and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffQuantity))]
#[serde(deny_unknown_fields)]
pub struct Derived {
    /// Its name.
    pub name: Word,
    /// Its unit.
    pub unit: Unit,
    /// Default: level, a value per period.
    #[serde(default = "level", skip_serializing_if = "is_level")]
    pub kind: QuantityKind,
    /// How it is worked out.
    pub from: Source,
    /// Decimals that it is rounded to. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u8>,
    /// How it is rounded. Default: half away from zero.
    #[serde(default = "half_away", skip_serializing_if = "is_half_away")]
    pub rounding: Rounding,
}

const fn level() -> QuantityKind {
    QuantityKind::Level
}

fn is_level(kind: &QuantityKind) -> bool {
    *kind == QuantityKind::Level
}

impl Derived {
    /// How rules address it; one that is netted by buckets has a key for each besides.
    pub fn key(&self, bucket: Option<Word>) -> QuantityKey {
        QuantityKey { unit: self.unit, bucket, name: Some(self.name.clone()), kind: self.kind }
    }

    /// The buckets that it has a value for each of.
    pub fn buckets(&self) -> &[Word] {
        match &self.from {
            Source::Net { buckets, .. } => buckets,
            _ => &[],
        }
    }
}

/// How a quantity is worked out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffQuantitySource))]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// By a formula: power-factor correction, budgets, conversions.
    Formula {
        /// What the formula's names stand for. `days` is always known: the charged days.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        with: BTreeMap<Word, Operand>,
        /// Over these names: `+ - * /`, `min`, `max`, `abs`, `floor`, `ceil`, `round(x, decimals)` and
        /// `if(a <= b, then, else)`.
        value: String,
    },
    /// The average of past periods that ended in these months: winter average.
    Average {
        /// What is averaged.
        quantity: QuantityKey,
        /// 1 for January: the latest complete run of them counts. It may have begun up to 24 months ago.
        months: Vec<u8>,
        /// For who has no such period yet; without it, an error.
        #[serde(default, with = "crate::exact::option", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "utoipa", schema(value_type = Option<crate::schema::Exact>))]
        default: Option<Decimal>,
        /// The most that it comes to.
        #[serde(default, with = "crate::exact::option", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "utoipa", schema(value_type = Option<crate::schema::Exact>))]
        cap: Option<Decimal>,
    },
    /// The greatest of the present value, a percentage of the highest past one, and a minimum.
    Ratchet {
        /// What is ratcheted: a peak, as a rule.
        quantity: QuantityKey,
        /// How many months back.
        months: u8,
        /// Only periods that ended in these months count. Default: all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        in_months: Vec<u8>,
        /// Of the highest past one.
        #[serde(with = "crate::exact")]
        #[cfg_attr(feature = "utoipa", schema(value_type = crate::schema::Exact))]
        percent: Decimal,
        /// The least that is billed. Default: none.
        #[serde(default, with = "crate::exact::option", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "utoipa", schema(value_type = Option<crate::schema::Exact>))]
        minimum: Option<Decimal>,
    },
    /// Net metering: what was delivered less what was received and what the bank holds, never
    /// below zero; the rest goes to the bank.
    Net {
        /// What the customer took.
        delivered: QuantityKey,
        /// What the customer gave.
        received: QuantityKey,
        /// Name of the bank.
        bank: Word,
        /// Buckets that are netted each for itself. Default: all together.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        buckets: Vec<Word>,
    },
}

/// What a name in a formula stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffOperand))]
#[serde(rename_all = "snake_case")]
pub enum Operand {
    /// `{"quantity": {"unit": "kw", "kind": "peak"}}`: one that is supplied or derived before.
    Quantity(QuantityKey),
    /// `{"item": "lamps"}`: a count.
    Item(Word),
    /// `{"rule": "energy"}`: the sum of an earlier rule's lines, in major units. Not in quantities.
    Rule(Word),
    /// `{"price": "0.10"}`: a number, look-up or factor.
    Price(Price),
    /// `{"characteristic": "irrigable_area"}`: one whose value is a number.
    Characteristic(Word),
    /// `{"segment": {"of": "water", "quantity": {"unit": "ccf"}}}`: what another segment of the same
    /// bill measured.
    Segment(SegmentQuantity),
}

impl Operand {
    pub(crate) const fn price(&self) -> Option<&Price> {
        match self {
            Self::Price(price) => Some(price),
            _ => None,
        }
    }
}

/// A quantity of another segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffSegmentQuantity))]
#[serde(deny_unknown_fields)]
pub struct SegmentQuantity {
    /// Code of the other contract's type.
    pub of: Word,
    /// Which of its quantities.
    pub quantity: QuantityKey,
}
