//! What a rule is called on a bill: a message key of the utility's own, or texts by language.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;
use vocab::Language;

/// A rule's name on the bill. Texts may hold `{argument}` marks; see [`ARGUMENTS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label(Arc<LabelText>);

/// The two forms of a [`Label`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LabelText {
    /// The key of a message in the utility's own texts.
    Key(String),
    /// Texts by language; English is always among them.
    Texts(BTreeMap<Language, String>),
}

/// The arguments that a label's text may name, filled by [`crate::Line::arguments`]. `filling` is
/// the convention by which tiers are shared among the buckets of a time of use.
pub const ARGUMENTS: &[&str] = &[
    "quantity",
    "unit",
    "bucket",
    "price",
    "from",
    "up_to",
    "tier",
    "days",
    "first_on",
    "last_on",
    "proration",
    "base",
    "packages",
    "selected_by",
    "filling",
    "cap",
    "bank",
    "opening",
    "earned",
    "applied",
    "paid_out",
    "closing",
    "certificate",
];

impl Label {
    /// A key of the utility's own texts.
    pub fn key(key: &str) -> Self {
        Self(Arc::new(LabelText::Key(key.to_owned())))
    }

    /// An English text; `None` when it cannot be a label.
    pub fn english(text: &str) -> Option<Self> {
        let label =
            Self(Arc::new(LabelText::Texts(BTreeMap::from([(Language::english(), text.to_owned())]))));
        label.fault().is_none().then_some(label)
    }

    /// Which of the two forms it has.
    pub fn text(&self) -> &LabelText {
        &self.0
    }

    /// The text in this language, else in its base language, else in English; `None` for a key.
    pub fn in_language(&self, language: &Language) -> Option<&str> {
        let LabelText::Texts(texts) = &*self.0 else { return None };
        let base = || texts.iter().find(|(of, _)| of.as_str() == language.base()).map(|(_, text)| text);
        let english = || texts.get(&Language::english());
        texts.get(language).or_else(base).or_else(english).map(String::as_str)
    }

    /// Why the label cannot be used; `None` when it can.
    pub fn fault(&self) -> Option<String> {
        match &*self.0 {
            LabelText::Key(key) if key.is_empty() || key.len() > 128 => {
                Some("a message key has 1 to 128 characters".to_owned())
            }
            LabelText::Key(_) => None,
            LabelText::Texts(texts) => {
                if !texts.contains_key(&Language::english()) {
                    return Some("an English text (`en`) is needed".to_owned());
                }
                texts.values().find_map(|text| text_fault(text))
            }
        }
    }
}

fn text_fault(text: &str) -> Option<String> {
    if text.trim().is_empty() || text.chars().count() > 200 {
        return Some("a text has 1 to 200 characters".to_owned());
    }
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let Some(length) = rest[open..].find('}') else {
            return Some("a `{` without its `}`".to_owned());
        };
        let name = &rest[open + 1..open + length];
        if !ARGUMENTS.contains(&name) {
            return Some(format!("`{{{name}}}` is not an argument of a line: {}", ARGUMENTS.join(", ")));
        }
        rest = &rest[open + length + 1..];
    }
    None
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        LabelText::deserialize(from).map(|text| Self(Arc::new(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_speaks_the_readers_language_or_english() {
        let label: Label =
            serde_json::from_str(r#"{"en":"Energy, first {up_to} kWh","es":"Energía"}"#).unwrap();
        assert_eq!(label.fault(), None);
        assert_eq!(label.in_language(&"es-MX".parse().unwrap()), Some("Energía"));
        assert_eq!(label.in_language(&"fr".parse().unwrap()), Some("Energy, first {up_to} kWh"));
        assert_eq!(Label::key("energy").in_language(&Language::english()), None);
    }

    #[test]
    fn a_label_with_an_unknown_argument_is_refused() {
        for bad in
            [r#"{"en":"{total}"}"#, r#"{"en":"{up_to"}"#, r#"{"es":"Energía"}"#, r#"{"en":" "}"#, r#""""#]
        {
            assert!(serde_json::from_str::<Label>(bad).unwrap().fault().is_some(), "{bad}");
        }
    }
}
