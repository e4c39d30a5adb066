//! The language of a person, as a BCP 47 tag.

/// A language tag such as `en`, `es` or `fr-CA`, in canonical case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
pub struct Language(String);

/// A text that is not a language tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a language tag like `en` or `fr-CA`")]
pub struct NotALanguage;

impl std::str::FromStr for Language {
    type Err = NotALanguage;
    fn from_str(text: &str) -> Result<Self, NotALanguage> {
        let (base, region) = match text.split_once('-') {
            Some((base, region)) => (base, Some(region)),
            None => (text, None),
        };
        let letters = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
            lengths.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphabetic())
        };
        if !letters(base, 2..=3) || region.is_some_and(|region| !letters(region, 2..=2)) {
            return Err(NotALanguage);
        }
        let base = base.to_ascii_lowercase();
        Ok(Self(match region {
            Some(region) => format!("{base}-{}", region.to_ascii_uppercase()),
            None => base,
        }))
    }
}

impl TryFrom<String> for Language {
    type Error = NotALanguage;
    fn try_from(text: String) -> Result<Self, NotALanguage> {
        text.parse()
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.0
    }
}

impl Language {
    /// English, the language that every text exists in.
    pub fn english() -> Self {
        Self("en".to_owned())
    }

    /// The whole tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag without its region.
    pub fn base(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }
}

impl std::fmt::Display for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(feature = "diesel")]
impl diesel::serialize::ToSql<diesel::sql_types::Text, diesel::pg::Pg> for Language {
    fn to_sql<'b>(
        &'b self,
        out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>,
    ) -> diesel::serialize::Result {
        diesel::serialize::ToSql::<diesel::sql_types::Text, diesel::pg::Pg>::to_sql(self.0.as_str(), out)
    }
}
#[cfg(feature = "diesel")]
impl diesel::deserialize::FromSql<diesel::sql_types::Text, diesel::pg::Pg> for Language {
    fn from_sql(bytes: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
        Ok(std::str::from_utf8(bytes.as_bytes())?.parse()?)
    }
}
#[cfg(feature = "utoipa")]
impl utoipa::PartialSchema for Language {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("Language tag: `en`, `es`, `fr-CA`"))
            .pattern(Some("^[A-Za-z]{2,3}(-[A-Za-z]{2})?$"))
            .examples(["en"])
            .into()
    }
}
#[cfg(feature = "utoipa")]
impl utoipa::ToSchema for Language {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_brought_to_one_form() {
        assert_eq!("FR-ca".parse::<Language>().unwrap().as_str(), "fr-CA");
        assert_eq!("fr-CA".parse::<Language>().unwrap().base(), "fr");
        for bad in ["", "e", "english", "en-", "en-USA", "e1", "en_US"] {
            assert!(bad.parse::<Language>().is_err(), "{bad}");
        }
    }
}
