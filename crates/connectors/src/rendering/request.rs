//! What is to be rendered, and its form on the pipe.

use super::RenderError;
use invoicing::{Invoice, InvoicingError, qr_svg, template_data};
use serde::Serialize;
use std::collections::BTreeMap;
use time::OffsetDateTime;
use vocab::Language;

/// Written into every PDF.
const CREATOR: &str = "Penstock";

/// A template by name or by its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// One that the render program carries: `classic`.
    Builtin(String),
    /// A utility's own files by name; it starts in `main.typ`.
    Files(BTreeMap<String, String>),
}

impl Template {
    /// The template every utility begins with.
    pub fn classic() -> Self {
        Self::Builtin("classic".to_owned())
    }
}

/// One document. The same request gives the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderRequest {
    /// How it looks.
    pub template: Template,
    /// The document's title.
    pub title: String,
    /// The document's language.
    pub language: Language,
    /// The document's date.
    pub created_at: OffsetDateTime,
    /// The files a template may read besides its own: `data.json`, `qr.svg`, `logo.svg`.
    pub parts: Vec<(String, Vec<u8>)>,
}

#[derive(Serialize)]
struct Header<'a> {
    template: &'a Template,
    title: &'a str,
    language: &'a Language,
    creator: &'a str,
    created_at: i64,
    parts: Vec<Part<'a>>,
}

#[derive(Serialize)]
struct Part<'a> {
    name: &'a str,
    bytes: usize,
}

impl RenderRequest {
    /// An invoice in its reader's language, with a second one when asked.
    pub fn invoice(
        invoice: &Invoice,
        language: &Language,
        second: Option<&Language>,
        template: Template,
        created_at: OffsetDateTime,
    ) -> Result<Self, InvoicingError> {
        let data = template_data(invoice, language, second)?;
        // Strings, flags and small integers only: encoding them cannot fail.
        let json = serde_json::to_vec(&data).unwrap_or_default();
        let mut parts = vec![("data.json".to_owned(), json)];
        if let Some(link) = &invoice.pay_link {
            parts.push(("qr.svg".to_owned(), qr_svg(link)?.into_bytes()));
        }
        if let Some(logo) = &invoice.utility.logo_svg {
            parts.push(("logo.svg".to_owned(), logo.clone().into_bytes()));
        }
        Ok(Self { template, title: data.title, language: language.clone(), created_at, parts })
    }

    /// The bytes for the pipe.
    pub(super) fn encoded(&self) -> Result<Vec<u8>, RenderError> {
        let body: usize = self.parts.iter().map(|(_, bytes)| bytes.len()).sum();
        let header = Header {
            template: &self.template,
            title: &self.title,
            language: &self.language,
            creator: CREATOR,
            created_at: self.created_at.unix_timestamp(),
            parts: self.parts.iter().map(|(name, bytes)| Part { name, bytes: bytes.len() }).collect(),
        };
        let header = serde_json::to_vec(&header).map_err(|error| RenderError::Request(error.to_string()))?;
        let length = u32::try_from(header.len()).map_err(|error| RenderError::Request(error.to_string()))?;
        let mut bytes = Vec::with_capacity(4 + header.len() + body);
        bytes.extend(length.to_be_bytes());
        bytes.extend(header);
        for (_, part) in &self.parts {
            bytes.extend_from_slice(part);
        }
        Ok(bytes)
    }
}
