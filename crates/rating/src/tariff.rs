//! The documented JSON form of a tariff: one version's rules as data.
//!
//! ```json
//! {"effective_on": "2026-01-01", "rules": [
//!   {"id": "customer", "label": {"en": "Customer charge"}, "charge": {"kind": "flat", "amount": "12.00"}},
//!   {"id": "energy", "label": {"en": "Energy"}, "service": "supply", "gl_account": "4000",
//!    "charge": {"kind": "tiered", "quantity": {"unit": "kwh"},
//!               "tiers": [{"up_to": "100", "price": "0.10"}, {"price": "0.15"}]}},
//!   {"id": "tax", "label": {"en": "Tax"}, "charge": {"kind": "tax", "tax": "state", "percent": "6", "of": "all"}}
//! ]}
//! ```
//!
//! Decimals are strings, unknown fields are refused, defaults are stated at each field.
//! Prices are decimals, look-ups by characteristic, or dated factors ([`Price`]).
//!
//! Deliberately missing here: seasons and interval data, ratchets, maxima, discounts, net
//! metering, expressions. Each is another [`Charge`] or a quantity supplied from outside.

use crate::label::Label;
use crate::word::Word;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use vocab::decimal::Rounding;
use vocab::{Decimal, Unit};

/// One rule of a tariff: what it charges, and how its lines are named, grouped and rounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// A short slug, unique in the version and the same in all versions of the schedule.
    pub id: Word,
    /// The rule's name on the bill.
    pub label: Label,
    /// What it charges.
    pub charge: Charge,
    /// How per-period amounts and thresholds follow the length of the period.
    #[serde(default)]
    pub proration: Proration,
    /// How each line is rounded. Default: half away from zero.
    #[serde(default = "half_away", skip_serializing_if = "is_half_away")]
    pub rounding: Rounding,
    /// Decimals of each line's amount; never finer than the minor unit, which is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u8>,
    /// Code of the revenue account in the general ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gl_account: Option<Word>,
    /// Tag that groups lines on the bill and in reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Word>,
}

const fn half_away() -> Rounding {
    Rounding::HalfAwayFromZero
}

fn is_half_away(rounding: &Rounding) -> bool {
    *rounding == Rounding::HalfAwayFromZero
}

/// What a rule charges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Charge {
    /// An amount per period; per day with the proration basis `per_day`.
    Flat {
        /// The amount of one period (or day).
        amount: Price,
    },
    /// Price × quantity. A peak or level is not split but its price is prorated (demand).
    Unit {
        /// Which quantity.
        quantity: QuantityKey,
        /// Per unit.
        price: Price,
    },
    /// Each tier's price for the part of the quantity inside the tier.
    Tiered {
        /// Which quantity.
        quantity: QuantityKey,
        /// How thresholds grow. Default: fixed amounts per period.
        #[serde(default)]
        thresholds: Thresholds,
        /// Ascending; only the last has no `up_to`.
        tiers: Vec<Tier>,
    },
    /// The price of the tier that the whole quantity falls in, for all of it.
    Volume {
        /// Which quantity.
        quantity: QuantityKey,
        /// How thresholds grow. Default: fixed amounts per period.
        #[serde(default)]
        thresholds: Thresholds,
        /// Ascending; only the last has no `up_to`.
        tiers: Vec<Tier>,
    },
    /// Price × number of items (lamps, dwelling units, ERUs).
    Item {
        /// Which items are counted.
        item: Word,
        /// Per item and period.
        price: Price,
    },
    /// A price for every started package of units beyond the free ones.
    Package {
        /// Which quantity.
        quantity: QuantityKey,
        /// Units in a package.
        #[serde(with = "crate::exact")]
        size: Decimal,
        /// Units per period that cost nothing. Default 0.
        #[serde(default, with = "crate::exact", skip_serializing_if = "Decimal::is_zero")]
        free: Decimal,
        /// Per started package.
        price: Price,
    },
    /// A percentage of earlier lines; negative is a discount.
    Percentage {
        /// `"6.5"` is 6.5 %.
        percent: Price,
        /// Of which lines.
        of: Bases,
    },
    /// A tax on earlier lines.
    Tax {
        /// The tax that certificates of exemption name.
        tax: Word,
        /// `"6.5"` is 6.5 %.
        percent: Price,
        /// On which lines.
        of: Bases,
        /// One tax line for each taxed line, instead of one on their sum. Default false.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        each_line: bool,
    },
    /// Tops earlier lines up to an amount per period.
    Minimum {
        /// The least of one period.
        amount: Price,
        /// Of which lines.
        of: Bases,
    },
}

/// A step of a tiered or volume charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The last quantity in the tier (inclusive, cumulative); absent in the last tier.
    #[serde(default, with = "crate::exact::option", skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Decimal>,
    /// Per unit.
    pub price: Price,
}

/// How the thresholds of tiers grow.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "per", rename_all = "snake_case", deny_unknown_fields)]
pub enum Thresholds {
    /// Per period, prorated by the rule's basis.
    #[default]
    Period,
    /// Per charged day.
    Day,
    /// Per period and item, prorated by the rule's basis.
    Item {
        /// Which items are counted (dwelling units, household members).
        item: Word,
    },
}

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
}

impl QuantityKind {
    /// Whether it accumulates.
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Usage)
    }
}

impl std::fmt::Display for QuantityKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Usage => "usage",
            Self::Peak => "peak",
            Self::Level => "level",
        })
    }
}

/// A price, percentage or amount: a decimal string, or an object naming where to find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Price {
    /// `"0.10"`.
    Fixed(Decimal),
    /// `{"from": "lookup", "characteristic": "meter_size", "values": {"1in": "20.00"}}`.
    Lookup(Lookup),
    /// `{"from": "factor", "factor": "fuel", "characteristic": "zone", "change": "by_days"}`.
    Factor(FactorUse),
}

/// A price by the value of a characteristic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// Name of the characteristic (`meter_size`, `class`).
    pub characteristic: Word,
    /// Price by value.
    #[serde(with = "crate::exact::table")]
    pub values: BTreeMap<String, Decimal>,
    /// Price of any other value; without it, another value is an error.
    #[serde(default, with = "crate::exact::option", skip_serializing_if = "Option::is_none")]
    pub default: Option<Decimal>,
}

/// A price from a dated factor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactorUse {
    /// The factor's name.
    pub factor: Word,
    /// The characteristic whose value selects among the factor's values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub characteristic: Option<Word>,
    /// What to do when the value changes inside the period. Default: by days.
    #[serde(default)]
    pub change: FactorChange,
}

/// What to do when a factor changes inside the charged days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorChange {
    /// A line per value, weighted by its days.
    #[default]
    ByDays,
    /// The value on the first day of the bill's period.
    AtStart,
    /// The value on the last day of the bill's period.
    AtEnd,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
enum PriceSource {
    Lookup(Lookup),
    Factor(FactorUse),
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(value) => crate::exact::serialize(value, to),
            Self::Lookup(lookup) => PriceSource::Lookup(lookup.clone()).serialize(to),
            Self::Factor(factor) => PriceSource::Factor(factor.clone()).serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Price;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a decimal in a string, or an object with `from`: `lookup` or `factor`")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Price, E> {
                vocab::decimal::parse(text)
                    .map(Price::Fixed)
                    .ok_or_else(|| E::custom("not a decimal in a string, like \"12.50\""))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Price, A::Error> {
                let source = PriceSource::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(match source {
                    PriceSource::Lookup(lookup) => Price::Lookup(lookup),
                    PriceSource::Factor(factor) => Price::Factor(factor),
                })
            }
        }
        from.deserialize_any(Visitor)
    }
}

/// Which earlier lines a percentage, tax or minimum is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bases {
    /// `"all"`: those of all earlier rules that are not taxes.
    All,
    /// `["energy", "customer"]`: those of these earlier rules.
    Rules(Vec<Word>),
}

impl Serialize for Bases {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => to.serialize_str("all"),
            Self::Rules(rules) => rules.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Bases {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Bases;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`all` or a list of earlier rules' ids")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Bases, E> {
                if text == "all" { Ok(Bases::All) } else { Err(E::custom("`all` or a list of rule ids")) }
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, seq: A) -> Result<Bases, A::Error> {
                Vec::deserialize(serde::de::value::SeqAccessDeserializer::new(seq)).map(Bases::Rules)
            }
        }
        from.deserialize_any(Visitor)
    }
}

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

impl Charge {
    /// Every price of the charge.
    pub fn prices(&self) -> impl Iterator<Item = &Price> {
        let (one, tiers): (Option<&Price>, &[Tier]) = match self {
            Self::Flat { amount } | Self::Minimum { amount, .. } => (Some(amount), &[]),
            Self::Unit { price, .. } | Self::Item { price, .. } | Self::Package { price, .. } => {
                (Some(price), &[])
            }
            Self::Percentage { percent, .. } | Self::Tax { percent, .. } => (Some(percent), &[]),
            Self::Tiered { tiers, .. } | Self::Volume { tiers, .. } => (None, tiers),
        };
        one.into_iter().chain(tiers.iter().map(|tier| &tier.price))
    }

    /// Which lines it is about, when it is about lines.
    pub const fn bases(&self) -> Option<&Bases> {
        match self {
            Self::Percentage { of, .. } | Self::Tax { of, .. } | Self::Minimum { of, .. } => Some(of),
            _ => None,
        }
    }

    /// Which quantity it prices, when it prices one.
    pub const fn quantity(&self) -> Option<&QuantityKey> {
        match self {
            Self::Unit { quantity, .. }
            | Self::Tiered { quantity, .. }
            | Self::Volume { quantity, .. }
            | Self::Package { quantity, .. } => Some(quantity),
            _ => None,
        }
    }
}
