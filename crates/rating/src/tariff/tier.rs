//! The steps of tiered charges.

use super::price::{Lookup, Price};
use super::quantity::QuantityKey;
use crate::word::Word;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vocab::Decimal;

/// A step of a tiered or volume charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffTier))]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The last quantity in the tier (inclusive, cumulative); absent in the last tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Top>,
    /// Per unit.
    pub price: Price,
    /// An amount per period besides, once anything falls into the tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flat: Option<Price>,
}

impl Tier {
    pub(crate) fn prices(&self) -> impl Iterator<Item = &Price> {
        std::iter::once(&self.price).chain(&self.flat)
    }
}

/// Where a tier ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Top {
    /// `"100"`.
    Fixed(Decimal),
    /// `{"from": "lookup", "characteristic": "meter_size", "values": {"1in": "17"}}`.
    Lookup(Lookup),
    /// `{"from": "quantity", "quantity": {"unit": "ccf", "name": "budget", "kind": "level"}}`: not
    /// prorated, but cut by the days that the use is cut by.
    Quantity(QuantityKey),
}

/// How the thresholds of tiers grow.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffThresholds))]
#[serde(tag = "per", rename_all = "snake_case", deny_unknown_fields)]
pub enum Thresholds {
    /// Per period, prorated by the rule's basis.
    #[default]
    Period,
    /// Per charged day.
    Day,
    /// Per day, each day filling the tiers for itself, by interval or daily data; a total that is given
    /// is priced as per day.
    EachDay,
    /// Per period and item, prorated by the rule's basis.
    Item {
        /// Which items are counted (dwelling units, household members).
        item: Word,
    },
    /// Per unit of another quantity, not prorated but cut by the days that the use is cut by: hours
    /// of a peak, shares of a budget.
    Quantity {
        /// A peak or level.
        of: QuantityKey,
    },
}

#[derive(Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
enum TopSourceOf<'a> {
    Lookup(&'a Lookup),
    Quantity { quantity: &'a QuantityKey },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TopQuantity {
    quantity: QuantityKey,
}

#[derive(Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
enum TopSource {
    Lookup(Lookup),
    Quantity(TopQuantity),
}

impl Serialize for Top {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(value) => crate::exact::serialize(value, to),
            Self::Lookup(lookup) => TopSourceOf::Lookup(lookup).serialize(to),
            Self::Quantity(quantity) => TopSourceOf::Quantity { quantity }.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Top;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a decimal in a string, or an object with `from`: `lookup` or `quantity`")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Top, E> {
                vocab::decimal::parse(text)
                    .map(Top::Fixed)
                    .ok_or_else(|| E::custom("not a decimal in a string, like \"12.50\""))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Top, A::Error> {
                let source = TopSource::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(match source {
                    TopSource::Lookup(lookup) => Top::Lookup(lookup),
                    TopSource::Quantity(of) => Top::Quantity(of.quantity),
                })
            }
        }
        from.deserialize_any(Visitor)
    }
}
