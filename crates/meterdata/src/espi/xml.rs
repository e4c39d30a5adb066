//! XML as a feed needs it: elements, their text, the attributes of links; nothing that expands.
//!
//! Invariants: no document type is taken, no entity but the five of XML itself; a tag, a text or a
//! comment has at most [`PIECE_BYTES_MAX`], elements are at most [`DEPTH_MAX`] deep and have at
//! most [`ATTRIBUTES_MAX`]; the text is UTF-8. What breaks this ends the file.

use std::io::{self, BufRead};
use std::sync::Arc;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;

use super::bounded::Bounded;
use crate::item::FileFault;
use crate::line_file::shortened;

/// Longest tag, comment or text between two tags.
pub(super) const PIECE_BYTES_MAX: usize = 16 * 1024;
/// Longest text of an element, whatever its pieces.
pub(super) const TEXT_BYTES_MAX: usize = 8 * 1024;
/// Elements inside each other.
pub(super) const DEPTH_MAX: usize = 32;
/// Attributes of an element.
pub(super) const ATTRIBUTES_MAX: usize = 32;
/// Namespace of a feed.
pub(super) const ATOM: &str = "http://www.w3.org/2005/Atom";
/// Namespace of what its entries hold.
pub(super) const ESPI: &str = "http://naesb.org/espi";
/// Of a reason that repeats what stands in the file.
const REASON_CHARS_MAX: usize = 200;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// An element begins.
    Open,
    /// The element opened last ends.
    Close,
    /// The document is over, its root closed.
    End,
}

/// Reads a document piece by piece.
pub(super) struct Xml<R> {
    reader: NsReader<Bounded<R>>,
    piece: Vec<u8>,
    name: String,
    rel: Option<String>,
    href: Option<String>,
    gathered: String,
    text: String,
    line: u64,
    depth: usize,
    /// A bit for each depth: whether the element there has had a child.
    parents: u64,
    /// Whether the element that ended last had one.
    was_parent: bool,
    has_begun: bool,
    has_root: bool,
}

impl<R: BufRead> Xml<R> {
    pub fn new(input: R) -> Self {
        let mut reader = NsReader::from_reader(Bounded::new(input));
        reader.config_mut().expand_empty_elements = true;
        Self {
            reader,
            piece: Vec::new(),
            name: String::new(),
            rel: None,
            href: None,
            gathered: String::new(),
            text: String::new(),
            line: 1,
            depth: 0,
            parents: 0,
            was_parent: false,
            has_begun: false,
            has_root: false,
        }
    }

    /// Line of the last token, from 1.
    pub const fn line(&self) -> u64 {
        self.line
    }

    /// Name of the element that began last, without its prefix; empty when it is of another
    /// vocabulary.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `rel` and `href` of the element that began last.
    pub fn link(&mut self) -> (Option<String>, Option<String>) {
        (self.rel.take(), self.href.take())
    }

    /// Text of the element that ended last: what stood in it after its last child.
    pub fn text(&self) -> &str {
        self.text.trim()
    }

    /// Whether the element that ended last had others inside, so that its text is not all of it.
    pub const fn has_children(&self) -> bool {
        self.was_parent
    }

    /// The next token. After an error there is none.
    pub fn next(&mut self) -> Result<Token, FileFault> {
        if !self.has_begun {
            self.has_begun = true;
            self.refuse_utf_16()?;
        }
        loop {
            self.piece.clear();
            self.reader.get_mut().renew(PIECE_BYTES_MAX);
            self.line = self.reader.get_ref().line();
            let line = self.line;
            let (namespace, event) = match self.reader.read_resolved_event_into(&mut self.piece) {
                Ok(found) => found,
                Err(error) => return Err(fault(error, self.reader.get_ref(), line)),
            };
            match event {
                Event::Start(start) => {
                    if self.has_root && self.depth == 0 {
                        return Err(format(line, "there is more than one root element"));
                    }
                    if self.depth == DEPTH_MAX {
                        return Err(format(line, &format!("elements are more than {DEPTH_MAX} deep")));
                    }
                    // The bit of what is outside of the root is never asked for.
                    self.parents |= 1 << self.depth;
                    (self.has_root, self.depth) = (true, self.depth + 1);
                    self.parents &= !(1 << self.depth);
                    (self.rel, self.href) = links(&start, line)?;
                    self.gathered.clear();
                    self.name.clear();
                    if matches!(
                        namespace,
                        ResolveResult::Unbound | ResolveResult::Bound(Namespace(ATOM | ESPI))
                    ) {
                        self.name.push_str(start.local_name().as_ref());
                    }
                    return Ok(Token::Open);
                }
                Event::End(_) => {
                    self.was_parent = self.parents & (1 << self.depth) != 0;
                    self.depth = self.depth.saturating_sub(1);
                    std::mem::swap(&mut self.text, &mut self.gathered);
                    self.gathered.clear();
                    return Ok(Token::Close);
                }
                Event::Text(text) => gather(&mut self.gathered, &text.xml10_content(), self.depth, line)?,
                Event::CData(text) => gather(&mut self.gathered, &text.xml10_content(), self.depth, line)?,
                Event::GeneralRef(reference) => {
                    let mut bytes = [0; 4];
                    let text = resolved(&reference, &mut bytes, line)?;
                    gather(&mut self.gathered, text, self.depth, line)?;
                }
                Event::Decl(declaration) => refuse_other_encodings(&declaration, line)?,
                Event::DocType(_) => {
                    return Err(format(line, "a document type declaration (DOCTYPE) is not taken"));
                }
                // An empty element comes as its begin and its end.
                Event::PI(_) | Event::Comment(_) | Event::Empty(_) => {}
                Event::Eof if self.depth > 0 => return Err(FileFault::CutOff { line }),
                Event::Eof if !self.has_root => return Err(FileFault::Empty),
                Event::Eof => return Ok(Token::End),
            }
        }
    }

    /// No text in UTF-8 has one of these bytes.
    fn refuse_utf_16(&mut self) -> Result<(), FileFault> {
        let input = self.reader.get_mut();
        input.renew(PIECE_BYTES_MAX);
        loop {
            match input.fill_buf() {
                Ok([0xFE | 0xFF, ..]) => return Err(FileFault::Utf16),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Checks all attributes and gives those of a link.
fn links(start: &BytesStart<'_>, line: u64) -> Result<(Option<String>, Option<String>), FileFault> {
    let (mut rel, mut href) = (None, None);
    for (count, attribute) in start.attributes().enumerate() {
        if count == ATTRIBUTES_MAX {
            return Err(format(line, &format!("an element has more than {ATTRIBUTES_MAX} attributes")));
        }
        let attribute = attribute.map_err(|error| format(line, &error.to_string()))?;
        let value = attribute
            .normalized_value_with(XmlVersion::Explicit1_0, 1, quick_xml::escape::resolve_xml_entity)
            .map_err(|error| format(line, &error.to_string()))?;
        match attribute.key.as_ref() {
            "rel" => rel = Some(value.into_owned()),
            "href" => href = Some(value.into_owned()),
            _ => {}
        }
    }
    Ok((rel, href))
}

/// Adds to an element's text.
fn gather(gathered: &mut String, text: &str, depth: usize, line: u64) -> Result<(), FileFault> {
    if depth == 0 {
        let is_blank = text.trim_start_matches('\u{feff}').trim().is_empty();
        return if is_blank { Ok(()) } else { Err(format(line, "there is text outside the root element")) };
    }
    if gathered.len() + text.len() > TEXT_BYTES_MAX {
        let blank = gathered.trim().is_empty() && text.trim().is_empty();
        let reason = format!("a text has more than {TEXT_BYTES_MAX} bytes");
        return if blank { Ok(()) } else { Err(format(line, &reason)) };
    }
    if text
        .chars()
        .any(|c| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}'))
    {
        return Err(format(line, "a text has a control character"));
    }
    gathered.push_str(text);
    Ok(())
}

/// The character of a reference, or what an entity of XML itself stands for.
fn resolved<'b>(reference: &BytesRef<'_>, bytes: &'b mut [u8; 4], line: u64) -> Result<&'b str, FileFault> {
    match reference.resolve_char_ref() {
        Ok(Some(character)) => Ok(character.encode_utf8(bytes)),
        Ok(None) => quick_xml::escape::resolve_xml_entity(reference).ok_or_else(|| {
            format(line, &format!("the entity `{}` is none of XML's own", shortened(reference, 40)))
        }),
        Err(error) => Err(format(line, &error.to_string())),
    }
}

fn refuse_other_encodings(declaration: &BytesDecl<'_>, line: u64) -> Result<(), FileFault> {
    let encoding = declaration.encoding().transpose().map_err(|error| format(line, &error.to_string()))?;
    let is_utf_8 = encoding.as_deref().is_none_or(|encoding| {
        encoding.eq_ignore_ascii_case("utf-8")
            || encoding.eq_ignore_ascii_case("utf8")
            || encoding.eq_ignore_ascii_case("us-ascii")
    });
    let found = encoding.unwrap_or_default();
    let reason = || format!("the encoding is `{}`, only UTF-8 is taken", shortened(&found, 40));
    if is_utf_8 { Ok(()) } else { Err(format(line, &reason())) }
}

/// Why the library could not read on.
fn fault<R: BufRead>(error: quick_xml::Error, input: &Bounded<R>, line: u64) -> FileFault {
    match error {
        quick_xml::Error::Io(_) if input.is_spent() => {
            format(line, &format!("a tag, a text or a comment has more than {PIECE_BYTES_MAX} bytes"))
        }
        quick_xml::Error::Io(error) => FileFault::Io(
            Arc::try_unwrap(error).unwrap_or_else(|error| io::Error::new(error.kind(), error.to_string())),
        ),
        quick_xml::Error::Syntax(_) if input.is_at_end() => FileFault::CutOff { line },
        quick_xml::Error::IllFormed(quick_xml::errors::IllFormedError::UnclosedReference)
            if input.is_at_end() =>
        {
            FileFault::CutOff { line }
        }
        quick_xml::Error::Encoding(_) => format(line, "the text is not UTF-8"),
        error => format(line, &error.to_string()),
    }
}

/// The file is none of the format.
pub(super) fn format(line: u64, reason: &str) -> FileFault {
    FileFault::Format { line, reason: shortened(reason, REASON_CHARS_MAX) }
}
