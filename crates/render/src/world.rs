//! What a template may see: its own files, the parts of the request, four fonts. Nothing else
//! exists: no disk, no packages, no network, no date; `plugin` and `eval` are taken out of the
//! library.

use anyhow::Context;
use std::collections::HashMap;
use typst::diag::{FileError, FileResult};
use typst::foundations::{Binding, Bytes, Datetime, Duration, Module, Scope};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};

const FONTS: [&[u8]; 4] = [
    include_bytes!("../fonts/Roboto-Regular.ttf"),
    include_bytes!("../fonts/Roboto-Medium.ttf"),
    include_bytes!("../fonts/Roboto-Bold.ttf"),
    include_bytes!("../fonts/OCRB.otf"),
];
/// Functions that run code which is not in the template.
const REMOVED: [&str; 2] = ["plugin", "eval"];
/// The file that tells a template how many pages the pass before has made, 1 in the first.
const PAGES: &str = "pages.json";
/// Files of a template together with the parts of a request.
const FILES_MAX: usize = 32;

/// The world of one worker, kept between requests so that what did not change stays cached.
pub struct Confined {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
    main: FileId,
    sources: HashMap<FileId, Source>,
    files: HashMap<FileId, Bytes>,
}

impl Confined {
    /// With fonts and library, without files.
    pub fn new() -> anyhow::Result<Self> {
        let mut fonts = Vec::with_capacity(FONTS.len());
        for bytes in FONTS {
            fonts.push(Font::new(Bytes::new(bytes), 0).context("an embedded font is broken")?);
        }
        Ok(Self {
            library: LazyHash::new(library()),
            book: LazyHash::new(FontBook::from_fonts(&fonts)),
            fonts,
            main: file_id("main.typ").map_err(anyhow::Error::msg)?,
            sources: HashMap::new(),
            files: HashMap::new(),
        })
    }

    /// Replaces all files. A source whose text is unchanged keeps its parsed form.
    pub fn load<'a>(
        &mut self,
        template: impl Iterator<Item = (&'a str, &'a str)>,
        parts: Vec<(String, Vec<u8>)>,
    ) -> Result<(), String> {
        let mut kept = std::mem::take(&mut self.sources);
        self.files.clear();
        for (name, text) in template {
            let id = file_id(name)?;
            let source = match kept.remove(&id) {
                Some(source) if source.text() == text => source,
                _ => Source::new(id, text.to_owned()),
            };
            self.sources.insert(id, source);
        }
        for (name, bytes) in parts {
            self.files.insert(file_id(&name)?, Bytes::new(bytes));
        }
        if self.sources.len() + self.files.len() > FILES_MAX {
            return Err(format!("a template may have at most {FILES_MAX} files"));
        }
        if !self.sources.contains_key(&self.main) {
            return Err("the template has no main.typ".to_owned());
        }
        Ok(())
    }

    /// Sets `pages.json`.
    pub fn set_pages(&mut self, pages: usize) -> Result<(), String> {
        self.files.insert(file_id(PAGES)?, Bytes::from_string(pages.to_string()));
        Ok(())
    }
}

/// A virtual file's id. Names are kept short and plain: ids are never freed.
fn file_id(name: &str) -> Result<FileId, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/');
    let fits = !name.is_empty() && name.len() <= 64 && name.chars().all(plain) && !name.contains("..");
    let path = fits.then(|| VirtualPath::new(name).ok()).flatten();
    let path = path.ok_or_else(|| format!("{name:?} is not a file name for templates"))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

/// The standard library without [`REMOVED`], and `std` without them too.
fn library() -> Library {
    let mut library = Library::default();
    let mut scope = Scope::new();
    for (name, binding) in library.global.scope().iter() {
        if !REMOVED.contains(&name.as_str()) {
            scope.bind(name.clone(), binding.clone());
        }
    }
    library.global = Module::new("global", scope);
    library.std = Binding::detached(library.global.clone());
    library
}

impl World for Confined {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.book
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        self.sources.get(&id).cloned().ok_or(FileError::AccessDenied)
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        let source = || Some(Bytes::from_string(self.sources.get(&id)?.text().to_owned()));
        self.files.get(&id).cloned().or_else(source).ok_or(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.get(index).cloned()
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_template_are_refused() {
        for bad in ["", "../a", "a/../../b", "a b", "ä.typ", &"x".repeat(65)] {
            assert!(file_id(bad).is_err(), "{bad}");
        }
        assert!(file_id("parts/head.typ").is_ok());
    }
}
