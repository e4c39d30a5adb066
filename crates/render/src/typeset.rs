//! One request to one PDF.

use crate::bundle;
use crate::protocol::{Rendered, Request, Template};
use crate::world::Confined;
use std::str::FromStr;
use typst::World;
use typst::diag::{Severity, SourceDiagnostic};
use typst::foundations::{Datetime, Smart};
use typst::text::{Lang, Locale, Region};
use typst::{WorldExt, ecow::EcoString};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

/// Requests for which an unused result of the layout stays cached: what all bills of a template
/// share stays, what belongs to one bill goes.
const CACHE_AGE_MAX: usize = 5;
/// Messages told about one document.
const MESSAGES_MAX: usize = 10;

/// Renders; the error is meant for the template's author.
pub fn render(world: &mut Confined, request: Request) -> Result<Rendered, String> {
    let result = compose(world, request);
    // After failures too: a failing template would otherwise fill the memory.
    comemo::evict(CACHE_AGE_MAX);
    result
}

fn compose(world: &mut Confined, request: Request) -> Result<Rendered, String> {
    let Request { header, files } = request;
    match &header.template {
        Template::Builtin(name) => {
            let template = bundle::builtin(name).ok_or_else(|| format!("no built-in template {name:?}"))?;
            world.load(template.iter().copied(), files)?;
        }
        Template::Files(own) => {
            world.load(own.iter().map(|(name, text)| (name.as_str(), text.as_str())), files)?;
        }
    }
    let (mut document, warnings) = laid_out(world)?;
    // From here and not by the template: a title in the template would defeat the cache.
    let info = document.info_mut();
    info.title = Some(EcoString::from(header.title.as_str()));
    info.locale = Smart::Custom(locale(&header.language)?);
    let options = PdfOptions {
        ident: Smart::Custom(header.title),
        creator: Smart::Custom(Some(header.creator)),
        timestamp: Some(timestamp(header.created_at)?),
        standards: PdfStandards::new(&[PdfStandard::Ua_1]).map_err(|error| error.message().to_string())?,
        ..PdfOptions::default()
    };
    let pdf = typst_pdf::pdf(&document, &options).map_err(|errors| told(world, &errors).join("\n"))?;
    Ok(Rendered { pdf, pages: document.pages().len(), warnings })
}

/// Lays out for one page, and again when there turn out to be more.
///
/// A template that wrote "page 1 of 1" itself would need typst to lay out every document twice;
/// most bills have one page, which needs no number. `pages.json` tells which pass this is.
fn laid_out(world: &mut Confined) -> Result<(PagedDocument, Vec<String>), String> {
    let mut pages = 1;
    loop {
        world.set_pages(pages)?;
        let compiled = typst::compile::<PagedDocument>(world);
        let warnings = told(world, &compiled.warnings);
        let document = compiled.output.map_err(|errors| told(world, &errors).join("\n"))?;
        if pages > 1 || document.pages().len() == 1 {
            return Ok((document, warnings));
        }
        pages = document.pages().len();
    }
}

fn locale(tag: &str) -> Result<Locale, String> {
    let (lang, region) = tag.split_once('-').map_or((tag, None), |(lang, region)| (lang, Some(region)));
    let region = region.map(Region::from_str).transpose();
    match (Lang::from_str(lang), region) {
        (Ok(lang), Ok(region)) => Ok(Locale::new(lang, region)),
        _ => Err(format!("{tag:?} is not a language")),
    }
}

fn timestamp(unix_seconds: i64) -> Result<Timestamp, String> {
    let at = time::OffsetDateTime::from_unix_timestamp(unix_seconds).ok();
    let at = at.and_then(|at| {
        let (date, time) = (at.date(), at.time());
        let (month, day) = (u8::from(date.month()), date.day());
        Datetime::from_ymd_hms(date.year(), month, day, time.hour(), time.minute(), time.second())
    });
    at.map(Timestamp::new_utc).ok_or_else(|| format!("{unix_seconds} is not an instant"))
}

/// `main.typ:12: error: unknown variable: x (hint: …)`.
fn told(world: &Confined, messages: &[SourceDiagnostic]) -> Vec<String> {
    messages.iter().take(MESSAGES_MAX).map(|message| one(world, message)).collect()
}

fn one(world: &Confined, message: &SourceDiagnostic) -> String {
    let place = message.span.id().and_then(|id| {
        let source = world.source(id).ok()?;
        let start = world.range(message.span)?.start;
        let line = source.text().get(..start)?.matches('\n').count() + 1;
        Some(format!("{}:{line}: ", id.vpath().get_without_slash()))
    });
    let severity = match message.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let hints: String = message.hints.iter().map(|hint| format!(" (hint: {})", hint.v)).collect();
    format!("{}{severity}: {}{hints}", place.unwrap_or_default(), message.message)
}
