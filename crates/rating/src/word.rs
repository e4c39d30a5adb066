//! Short shared texts: a rule's id, a bucket, a tag. Cloning one costs no allocation, so that
//! every line can name its rule.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// A short text without control characters, 1 to 64 characters, no blank at either end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(Arc<str>);

/// A text that is not a [`Word`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a short text of 1 to 64 characters")]
pub struct NotAWord;

impl Word {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is made of small letters, digits, `_` and `-` only: the form of a rule's id.
    pub fn is_slug(&self) -> bool {
        self.0.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
    }
}

impl std::str::FromStr for Word {
    type Err = NotAWord;
    fn from_str(text: &str) -> Result<Self, NotAWord> {
        let valid = !text.is_empty()
            && text.trim() == text
            && text.chars().count() <= 64
            && !text.chars().any(char::is_control);
        if valid { Ok(Self(text.into())) } else { Err(NotAWord) }
    }
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for Word {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
