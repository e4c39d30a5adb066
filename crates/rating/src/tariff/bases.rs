//! Which earlier lines a rule is about.

use crate::word::Word;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Which earlier lines a percentage, tax or minimum is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bases {
    /// `"all"`: those of all earlier rules but taxes, sums and banks of units; what a bank of money
    /// pays out is left out as well.
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
