//! Serde form of a decimal: a string in plain notation (`"-12.50"`), never a JSON number.

use serde::{Deserialize, Deserializer, Serializer};
use vocab::Decimal;
use vocab::decimal::Plain;

/// For serde.
pub(crate) fn serialize<S: Serializer>(value: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(Plain::from(*value).as_str())
}

/// For serde.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Decimal, D::Error> {
    let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
    vocab::decimal::parse(&text)
        .ok_or_else(|| serde::de::Error::custom("not a decimal in a string, like \"12.50\""))
}

/// The same for a value that may be absent.
pub(crate) mod option {
    use super::{Decimal, Deserialize, Deserializer, Serializer};

    /// For serde.
    pub(crate) fn serialize<S: Serializer>(value: &Option<Decimal>, to: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::serialize(value, to),
            None => to.serialize_none(),
        }
    }

    /// For serde.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Decimal>, D::Error> {
        Option::<std::borrow::Cow<'de, str>>::deserialize(from)?
            .map(|text| {
                vocab::decimal::parse(&text)
                    .ok_or_else(|| serde::de::Error::custom("not a decimal in a string, like \"12.50\""))
            })
            .transpose()
    }
}

/// The same for decimals by name.
pub(crate) mod table {
    use super::{Decimal, Deserialize, Deserializer, Serializer};
    use std::collections::BTreeMap;

    #[derive(Deserialize)]
    struct Entry(#[serde(with = "super")] Decimal);

    /// For serde.
    pub(crate) fn serialize<S: Serializer>(
        values: &BTreeMap<String, Decimal>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_map(values.iter().map(|(name, value)| (name, value.to_string())))
    }

    /// For serde.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<String, Decimal>, D::Error> {
        let entries = BTreeMap::<String, Entry>::deserialize(from)?;
        Ok(entries.into_iter().map(|(name, Entry(value))| (name, value)).collect())
    }
}
