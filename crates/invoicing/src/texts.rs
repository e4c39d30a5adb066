//! The embedded languages: English, Spanish, French. A language that is not here reads English.

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use std::{collections::BTreeMap, sync::LazyLock};
use unic_langid::LanguageIdentifier;
use vocab::Language;

/// A language's messages.
struct Texts {
    base: &'static str,
    bundle: FluentBundle<FluentResource>,
}

const SOURCES: [(&str, &str); 3] = [
    ("en", include_str!("../texts/en.ftl")),
    ("es", include_str!("../texts/es.ftl")),
    ("fr", include_str!("../texts/fr.ftl")),
];

static TEXTS: LazyLock<[Texts; 3]> = LazyLock::new(|| {
    SOURCES.map(|(base, source)| {
        // What cannot be parsed is missing and falls back to English; a test keeps all parseable.
        let (Ok(resource) | Err((resource, _))) = FluentResource::try_new(source.to_owned());
        // The identifier decides plural rules, of which these texts use none.
        let id = base.parse::<LanguageIdentifier>().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        // Isolation marks are invisible on screens and boxes in print.
        bundle.set_use_isolating(false);
        bundle.add_resource_overriding(resource);
        Texts { base, bundle }
    })
});

/// Whether the language has texts of its own.
pub(crate) fn knows(language: &Language) -> bool {
    TEXTS.iter().any(|texts| texts.base == language.base())
}

/// A message without arguments, in the language or English; the key when there is none.
pub(crate) fn plain(language: &Language, key: &str) -> String {
    message(language, key, &BTreeMap::new())
}

/// A message with arguments, in the language or English; the key when there is none.
pub(crate) fn message(language: &Language, key: &str, args: &BTreeMap<&str, String>) -> String {
    exactly(language.base(), key, args).or_else(|| exactly("en", key, args)).unwrap_or_else(|| key.to_owned())
}

/// The sentence of a line's message key (`late_charge` and `late-charge` are the same);
/// `None` when no language knows it.
pub(crate) fn line(language: &Language, key: &str, args: &BTreeMap<&str, String>) -> Option<String> {
    let key = format!("line-{}", key.replace('_', "-"));
    exactly(language.base(), &key, args).or_else(|| exactly("en", &key, args))
}

fn exactly(base: &str, key: &str, args: &BTreeMap<&str, String>) -> Option<String> {
    let bundle = &TEXTS.iter().find(|texts| texts.base == base)?.bundle;
    let pattern = bundle.get_message(key)?.value()?;
    let args: FluentArgs<'_> = args.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut errors = Vec::new();
    Some(bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(source: &str) -> BTreeMap<String, Vec<String>> {
        let mut found = BTreeMap::new();
        for line in source.lines().filter(|line| !line.starts_with('#') && line.contains(" = ")) {
            let (key, text) = line.split_once(" = ").unwrap();
            let mut args: Vec<String> =
                text.split("{ $").skip(1).map(|rest| rest.split(' ').next().unwrap().to_owned()).collect();
            args.sort();
            assert!(found.insert(key.to_owned(), args).is_none(), "{key} twice");
        }
        found
    }

    #[test]
    fn every_language_parses_and_has_the_same_messages_and_arguments() {
        let english = messages(SOURCES[0].1);
        assert!(english.len() > 100);
        for (base, source) in SOURCES {
            assert!(FluentResource::try_new(source.to_owned()).is_ok(), "{base}");
            assert_eq!(messages(source), english, "{base}");
        }
    }

    #[test]
    fn an_unknown_language_reads_english_and_an_unknown_key_itself() {
        let german: Language = "de".parse().unwrap();
        assert_eq!(plain(&german, "amount-due"), "Amount due");
        assert_eq!(plain(&german, "nonsense"), "nonsense");
        assert_eq!(
            line(&"es-US".parse().unwrap(), "late_charge", &BTreeMap::new()).unwrap(),
            "Recargo por mora"
        );
    }
}
