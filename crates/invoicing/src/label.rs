//! Texts in several languages, and the customer's sentence of a line.

use crate::{format::Writer, texts};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use time::Date;
use vocab::{Language, Money, Unit, dates::civil};

/// A text in the languages it exists in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LocalText(BTreeMap<Language, String>);

impl LocalText {
    /// From its languages.
    pub fn new(texts: impl IntoIterator<Item = (Language, String)>) -> Self {
        Self(texts.into_iter().collect())
    }

    /// A text known in English only.
    pub fn english(text: impl Into<String>) -> Self {
        Self::new([(Language::english(), text.into())])
    }

    /// The text in exactly this language, else in its base language.
    pub fn exactly(&self, language: &Language) -> Option<&str> {
        let base = || self.0.iter().find(|(known, _)| known.as_str() == language.base());
        self.0.get_key_value(language).or_else(base).map(|(_, text)| text.as_str())
    }

    /// The text for a reader of the language: the language, its base, English, or any at all.
    pub fn get(&self, language: &Language) -> Option<&str> {
        self.exactly(language)
            .or_else(|| self.exactly(&Language::english()))
            .or_else(|| self.0.values().next().map(String::as_str))
    }

    /// Whether no language is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a line or entry is called: the tariff author's own words, else a message of this crate.
///
/// Own words may name arguments in braces: `Service charge, {days} days`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Label {
    /// The author's words by language.
    #[serde(default, skip_serializing_if = "LocalText::is_empty")]
    pub texts: LocalText,
    /// A message key such as `tier`; used for languages that `texts` lacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What the sentence mentions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, Argument>,
}

/// A value in a sentence, written in the reader's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Argument {
    /// Taken as it is.
    Text(String),
    /// A number or percentage figure.
    Number(Decimal),
    /// A number of units.
    Quantity(Decimal, Unit),
    /// A price in major units.
    Price(Decimal),
    /// An amount.
    Amount(Money),
    /// A day.
    Date(#[serde(with = "civil")] Date),
    /// A message of this crate, by its key.
    Message(String),
}

impl Label {
    /// The author's words.
    pub fn text(texts: LocalText) -> Self {
        Self { texts, ..Self::default() }
    }

    /// A message of this crate, such as `payment` or `late-charge`.
    pub fn key(key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..Self::default() }
    }

    /// With one more argument.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: Argument) -> Self {
        self.args.insert(name.into(), value);
        self
    }

    /// The sentence. Words in the language come first, then the message, then words in any
    /// language, then the bare key: a line is never without a name.
    pub fn sentence(&self, writer: &Writer<'_>) -> String {
        let args = self.args.iter().map(|(name, value)| (name.as_str(), writer.argument(value)));
        let args: BTreeMap<&str, String> = args.collect();
        if let Some(words) = self.texts.exactly(writer.language()) {
            return filled(words, &args);
        }
        let key = self.key.as_deref().unwrap_or_default();
        texts::line(writer.language(), key, &args)
            .or_else(|| self.texts.get(writer.language()).map(|words| filled(words, &args)))
            .unwrap_or_else(|| key.replace(['_', '-'], " "))
    }
}

/// Words with their `{names}` replaced; an unknown name stays as written.
fn filled(words: &str, args: &BTreeMap<&str, String>) -> String {
    let mut out = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(open) = rest.find('{') {
        let (before, from_brace) = rest.split_at(open);
        out.push_str(before);
        let named = from_brace.find('}').and_then(|close| {
            let value = args.get(from_brace[1..close].trim())?;
            Some((value, close + 1))
        });
        let (text, taken) = named.map_or(("{", 1), |(value, taken)| (value.as_str(), taken));
        out.push_str(text);
        rest = &from_brace[taken..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_words_take_their_arguments_once() {
        let args = BTreeMap::from([("days", "31".to_owned()), ("odd", "{days}".to_owned())]);
        assert_eq!(filled("Charge, {days} days", &args), "Charge, 31 days");
        assert_eq!(filled("{odd} {unknown} {", &args), "{days} {unknown} {");
    }

    #[test]
    fn a_reader_gets_the_nearest_language() {
        let text = LocalText::new([
            (Language::english(), "Hours".to_owned()),
            ("fr".parse().unwrap(), "Heures".to_owned()),
        ]);
        assert_eq!(text.get(&"fr-CA".parse().unwrap()), Some("Heures"));
        assert_eq!(text.get(&"es".parse().unwrap()), Some("Hours"));
        assert_eq!(LocalText::default().get(&Language::english()), None);
    }
}
