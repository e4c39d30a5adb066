//! The sentences, per language. English, Spanish and French are built in; any further language,
//! or a utility's own wording, is a Fluent resource given as data.

use std::collections::{BTreeMap, BTreeSet};

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;
use vocab::Language;

const BUILT_IN: [(&str, &str); 3] = [
    ("en", include_str!("../texts/en.ftl")),
    ("es", include_str!("../texts/es.ftl")),
    ("fr", include_str!("../texts/fr.ftl")),
];

/// Every text that a complete language has. Besides these a language may have `money-XXX`, how
/// amounts of the currency XXX are written.
pub const KEYS: &[&str] = &[
    "direction",
    "decimal-separator",
    "group-separator",
    "money",
    "date",
    "month-1",
    "month-2",
    "month-3",
    "month-4",
    "month-5",
    "month-6",
    "month-7",
    "month-8",
    "month-9",
    "month-10",
    "month-11",
    "month-12",
    "greeting",
    "questions",
    "closing",
    "label-account",
    "label-bill",
    "label-billed-on",
    "label-amount-due",
    "label-due-on",
    "label-draw-on",
    "label-amount",
    "label-received-on",
    "label-paid-with",
    "label-reference",
    "label-balance",
    "label-tried-on",
    "see-bill",
    "pay-bill",
    "e-bill-subject",
    "e-bill-subject-nothing-due",
    "e-bill-ready",
    "e-bill-attached",
    "e-bill-pay",
    "e-bill-nothing-due",
    "e-bill-draw",
    "receipt-subject",
    "receipt-thanks",
    "tender-cash",
    "tender-check",
    "tender-card",
    "tender-bank_debit",
    "tender-ending",
    "autopay-failed-subject",
    "autopay-failed-what",
    "autopay-failed-retry",
    "autopay-failed-pay",
    "autopay-failed-switched-off",
];

/// A resource that is not Fluent, or whose language has no tag that Fluent knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTexts {
    /// The resource cannot be read.
    #[error("the texts of {language} cannot be read near byte {at_byte}: {why}")]
    Syntax {
        /// Whose resource.
        language: Language,
        /// Where, counted from the beginning.
        at_byte: usize,
        /// What is wrong.
        why: String,
    },
    /// A text stands twice.
    #[error("the texts of {language} say something twice: {why}")]
    Twice {
        /// Whose resource.
        language: Language,
        /// What.
        why: String,
    },
    /// The language's tag.
    #[error("{language} is not a language that texts can be written in")]
    Language {
        /// The tag.
        language: Language,
    },
}

/// A text that a language lacks, or cannot say with what is given; it was said in English.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// The language asked for.
    pub language: Language,
    /// The text.
    pub key: String,
}

type Bundle = FluentBundle<FluentResource>;

/// All languages at hand.
pub struct Texts {
    /// Per language the layers, the first to be asked first.
    layers: BTreeMap<Language, Vec<Bundle>>,
}

impl Texts {
    /// English, Spanish and French.
    pub fn built_in() -> Result<Self, BadTexts> {
        BUILT_IN.iter().try_fold(Self { layers: BTreeMap::new() }, |texts, (tag, resource)| {
            let language = tag.parse().unwrap_or_else(|_| Language::english());
            texts.with(language, resource)
        })
    }

    /// The same with a further language, or with other words for one: what the resource does not
    /// say is said as before.
    pub fn with(mut self, language: Language, resource: &str) -> Result<Self, BadTexts> {
        let bundle = bundle(&language, resource)?;
        self.layers.entry(language).or_default().insert(0, bundle);
        Ok(self)
    }

    /// The languages at hand.
    pub fn languages(&self) -> impl Iterator<Item = &Language> {
        self.layers.keys()
    }

    /// The keys of [`KEYS`] that a language (its base included) does not have.
    pub fn lacks(&self, language: &Language) -> Vec<&'static str> {
        let chain = self.own(language);
        KEYS.iter().copied().filter(|key| !chain.iter().any(|bundle| bundle.has_message(key))).collect()
    }

    /// Speaks a language.
    pub(crate) fn voice<'a>(&'a self, language: &'a Language) -> Voice<'a> {
        Voice { texts: self, language, missing: BTreeSet::new() }
    }

    /// The layers of `fr-CA`, then those of `fr`.
    fn own(&self, language: &Language) -> Vec<&Bundle> {
        let mut chain: Vec<&Bundle> = self.layers.get(language).into_iter().flatten().collect();
        if language.base() != language.as_str()
            && let Some(base) =
                language.base().parse::<Language>().ok().and_then(|base| self.layers.get(&base))
        {
            chain.extend(base);
        }
        chain
    }
}

impl std::fmt::Debug for Texts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Texts").field("languages", &self.layers.keys()).finish_non_exhaustive()
    }
}

fn bundle(language: &Language, resource: &str) -> Result<Bundle, BadTexts> {
    let tag: LanguageIdentifier =
        language.as_str().parse().map_err(|_| BadTexts::Language { language: language.clone() })?;
    let resource = FluentResource::try_new(resource.to_owned()).map_err(|(_, errors)| BadTexts::Syntax {
        language: language.clone(),
        at_byte: errors.first().map_or(0, |error| error.pos.start),
        why: errors.first().map_or_else(String::new, ToString::to_string),
    })?;
    let mut bundle = Bundle::new_concurrent(vec![tag]);
    bundle.add_resource(resource).map_err(|errors| BadTexts::Twice {
        language: language.clone(),
        why: errors.first().map_or_else(String::new, ToString::to_string),
    })?;
    // Isolation marks clutter plain text; only right-to-left sentences need them around names
    // and figures of the other direction.
    let isolating = say(&bundle, "direction", &[]).is_some_and(|direction| direction == "rtl");
    bundle.set_use_isolating(isolating);
    Ok(bundle)
}

/// The text with its arguments, unless it is lacking or asks for something that is not given.
fn say(bundle: &Bundle, key: &str, arguments: &[(&str, &str)]) -> Option<String> {
    let pattern = bundle.get_message(key)?.value()?;
    let mut named = FluentArgs::with_capacity(arguments.len());
    for (name, value) in arguments {
        named.set(*name, *value);
    }
    let mut errors = Vec::new();
    let text = bundle.format_pattern(pattern, Some(&named), &mut errors).into_owned();
    errors.is_empty().then_some(text)
}

/// One language being spoken; collects what it lacks.
pub(crate) struct Voice<'a> {
    texts: &'a Texts,
    language: &'a Language,
    missing: BTreeSet<Missing>,
}

impl Voice<'_> {
    /// The language asked for.
    pub(crate) fn language(&self) -> &Language {
        self.language
    }

    /// The text, in English when the language lacks it; its key when English does too.
    pub(crate) fn say(&mut self, key: &str, arguments: &[(&str, &str)]) -> String {
        self.say_either(None, key, arguments)
    }

    /// A text that a language may do without, or else the one that it must have.
    pub(crate) fn say_either(
        &mut self,
        finer: Option<&str>,
        key: &str,
        arguments: &[(&str, &str)],
    ) -> String {
        let spoken = |language: &Language| {
            let layers = self.texts.own(language);
            let mut keys = finer.into_iter().chain([key]);
            keys.find_map(|key| layers.iter().find_map(|bundle| say(bundle, key, arguments)))
        };
        if let Some(text) = spoken(self.language) {
            return text;
        }
        let english = spoken(&Language::english());
        self.missing.insert(Missing { language: self.language.clone(), key: key.to_owned() });
        english.unwrap_or_else(|| key.to_owned())
    }

    /// What was lacking.
    pub(crate) fn missing(self) -> BTreeSet<Missing> {
        self.missing
    }
}
