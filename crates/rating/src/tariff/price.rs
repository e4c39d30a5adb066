//! Where a price comes from: the tariff itself, a look-up by characteristic, or a dated factor.

use crate::word::Word;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use vocab::Decimal;

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
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffFactorChange))]
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

impl FactorChange {
    /// For serde.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) const fn is_by_days(&self) -> bool {
        matches!(self, Self::ByDays)
    }
}

#[derive(Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
enum PriceSourceOf<'a> {
    Lookup(&'a Lookup),
    Factor(&'a FactorUse),
}

#[derive(Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
enum PriceSource {
    Lookup(Lookup),
    Factor(FactorUse),
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(value) => crate::exact::serialize(value, to),
            Self::Lookup(lookup) => PriceSourceOf::Lookup(lookup).serialize(to),
            Self::Factor(factor) => PriceSourceOf::Factor(factor).serialize(to),
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
