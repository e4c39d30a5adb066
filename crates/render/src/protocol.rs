//! The pipe between a worker and its parent.
//!
//! Request: a big-endian `u32` with the length of a JSON [`Header`], the header, then the bytes
//! of each of its `parts` in order. Parts are the virtual files the template may read; one of
//! them is usually `data.json`.
//!
//! ```json
//! {"template":{"builtin":"classic"}, "title":"Bill 17", "language":"en", "creator":"Penstock",
//!  "created_at":1775088000, "parts":[{"name":"data.json","bytes":5120},{"name":"qr.svg","bytes":2048}]}
//! ```
//!
//! A utility's own template: `"template":{"files":{"main.typ":"…","parts.typ":"…"}}`; `main.typ`
//! is where it starts. `created_at` is in Unix seconds.
//!
//! Reply: a big-endian `u32` with the length of a JSON header, the header, then the PDF:
//! `{"ok":{"pages":1,"bytes":60123,"warnings":[]}}` or `{"error":"classic/main.typ:12: …"}` (no bytes follow).
//!
//! Besides its parts a template may read `pages.json`, the number of pages of the pass before.
//!
//! The end of input between two requests is the order to stop; inside one it is an error.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};

/// Longest header, a utility's template included.
const HEADER_BYTES_MAX: usize = 4 << 20;
/// All parts together.
const PARTS_BYTES_MAX: usize = 64 << 20;

/// What is to be rendered.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Which template.
    pub template: Template,
    /// The PDF's title: PDF/UA asks for one.
    pub title: String,
    /// The PDF's language, such as `en` or `fr-CA`.
    pub language: String,
    /// The PDF's creator.
    pub creator: String,
    /// The PDF's date, in Unix seconds.
    pub created_at: i64,
    /// Virtual files that follow.
    #[serde(default)]
    pub parts: Vec<Part>,
}

/// A template by name or by its text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// One that this program carries.
    Builtin(String),
    /// A utility's own files by name.
    Files(BTreeMap<String, String>),
}

/// A virtual file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// As the template calls it.
    pub name: String,
    /// Its length.
    pub bytes: usize,
}

/// A header with its parts' bytes.
#[derive(Debug)]
pub struct Request {
    /// What is asked.
    pub header: Header,
    /// Name and content.
    pub files: Vec<(String, Vec<u8>)>,
}

/// A rendered document.
#[derive(Debug)]
pub struct Rendered {
    /// The PDF.
    pub pdf: Vec<u8>,
    /// Its pages.
    pub pages: usize,
    /// What the template's author should know.
    pub warnings: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply<'a> {
    Ok { pages: usize, bytes: usize, warnings: &'a [String] },
    Error(&'a str),
}

/// The next request; `None` when the parent is gone or has no more.
pub fn read_request(input: &mut impl Read) -> anyhow::Result<Option<Request>> {
    let mut length = [0; 4];
    match input.read(&mut length[..1])? {
        0 => return Ok(None),
        _ => input.read_exact(&mut length[1..])?,
    }
    let length = u32::from_be_bytes(length) as usize;
    anyhow::ensure!(length <= HEADER_BYTES_MAX, "a header of {length} bytes is too long");
    let header: Header = serde_json::from_slice(&exactly(input, length)?)?;
    let total = header.parts.iter().try_fold(0_usize, |sum, part| sum.checked_add(part.bytes));
    anyhow::ensure!(total.is_some_and(|sum| sum <= PARTS_BYTES_MAX), "the parts are too long");
    let mut files = Vec::with_capacity(header.parts.len());
    for part in &header.parts {
        files.push((part.name.clone(), exactly(input, part.bytes)?));
    }
    Ok(Some(Request { header, files }))
}

fn exactly(input: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Answers a request.
pub fn write_reply(output: &mut impl Write, reply: Result<Rendered, String>) -> anyhow::Result<()> {
    let (header, pdf) = match &reply {
        Ok(done) => {
            let Rendered { pdf, pages, warnings } = done;
            (serde_json::to_vec(&Reply::Ok { pages: *pages, bytes: pdf.len(), warnings })?, pdf.as_slice())
        }
        Err(reason) => (serde_json::to_vec(&Reply::Error(reason))?, &[][..]),
    };
    output.write_all(&u32::try_from(header.len())?.to_be_bytes())?;
    output.write_all(&header)?;
    output.write_all(pdf)?;
    Ok(output.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(header: &str, rest: &[u8]) -> Vec<u8> {
        let mut bytes = (header.len() as u32).to_be_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(rest);
        bytes
    }

    const HEADER: &str = r#"{"template":{"builtin":"classic"},"title":"t","language":"en","creator":"c",
        "created_at":0,"parts":[{"name":"a","bytes":2},{"name":"b","bytes":1}]}"#;

    #[test]
    fn parts_follow_their_header() {
        let bytes = [framed(HEADER, b"xyz"), framed(HEADER, b"123")].concat();
        let mut input = bytes.as_slice();
        let first = read_request(&mut input).unwrap().unwrap();
        assert_eq!(first.files, [("a".to_owned(), b"xy".to_vec()), ("b".to_owned(), b"z".to_vec())]);
        assert!(read_request(&mut input).unwrap().is_some());
        assert!(read_request(&mut input).unwrap().is_none());
    }

    #[test]
    fn a_cut_or_oversized_request_is_an_error() {
        assert!(read_request(&mut framed(HEADER, b"x").as_slice()).is_err());
        assert!(read_request(&mut &[0, 0][..]).is_err());
        assert!(read_request(&mut &[255, 255, 255, 255][..]).is_err());
        let huge = HEADER.replace("\"bytes\":2", "\"bytes\":99999999999");
        assert!(read_request(&mut framed(&huge, b"").as_slice()).is_err());
    }

    #[test]
    fn an_error_carries_no_bytes() {
        let mut out = Vec::new();
        write_reply(&mut out, Err("why".to_owned())).unwrap();
        assert_eq!(&out[4..], br#"{"error":"why"}"#);
    }
}
