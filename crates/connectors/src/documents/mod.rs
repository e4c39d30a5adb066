//! Where rendered documents are kept: the port, and its adapter over an object store.
//!
//! Documents are found by what they contain and never change: writing the same bytes again is
//! nothing, other bytes under the same key are refused, and what is read back is compared with
//! the digest in its key. Deleting is missing on purpose.

mod key;
mod object_store;

pub use self::key::{BadKey, DocumentKey, Sha256};
pub use self::object_store::{CannotOpen, ObjectDocuments};

use std::io::Read;
use vocab::{Code, Problem};

/// What was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Digest of the bytes.
    pub sha256: Sha256,
    /// How many.
    pub size_bytes: u64,
}

/// Why a document could not be put or got.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// There is no such document.
    #[error("there is no document {0}")]
    NotFound(DocumentKey),
    /// Another document has this key, or the bytes do not belong to the digest in the key.
    #[error("the bytes do not belong to the key {0}")]
    Different(DocumentKey),
    /// What is kept is not what was stored.
    #[error("document {0} is damaged")]
    Damaged(DocumentKey),
    /// The store did not do it; it may later.
    #[error("the document store failed: {0}")]
    Unavailable(String),
}

impl From<DocumentError> for Problem {
    fn from(error: DocumentError) -> Self {
        let code = match error {
            DocumentError::NotFound(_) => return Self::not_found(),
            DocumentError::Unavailable(_) => Code::Unavailable,
            DocumentError::Different(_) | DocumentError::Damaged(_) => Code::Internal,
        };
        Self::new(code, code.meaning())
    }
}

/// A document from its beginning on, fetched piece by piece. It is not compared with the digest.
pub struct DocumentReader<'a> {
    documents: &'a dyn Documents,
    key: DocumentKey,
    at: u64,
    end: u64,
}

impl<'a> DocumentReader<'a> {
    /// At the beginning of a document of so many bytes.
    pub fn new(documents: &'a dyn Documents, key: DocumentKey, bytes: u64) -> Self {
        Self { documents, key, at: 0, end: bytes }
    }
}

impl Read for DocumentReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let range = self.at..self.end.min(self.at + into.len() as u64);
        let part = self.documents.part(&self.key, range).map_err(std::io::Error::other)?;
        let (filled, _) = into.split_at_mut(part.len().min(into.len()));
        filled.copy_from_slice(&part[..filled.len()]);
        self.at += filled.len() as u64;
        Ok(filled.len())
    }
}

/// Keeps documents. Blocks.
pub trait Documents: Send + Sync {
    /// Keeps the bytes, durably, before it answers. The same bytes again change nothing.
    fn put(&self, key: &DocumentKey, bytes: Vec<u8>) -> Result<Stored, DocumentError>;

    /// The same from an input of any length, of which no more than some megabytes are in memory.
    fn put_from(&self, key: &DocumentKey, input: &mut dyn Read) -> Result<Stored, DocumentError>;

    /// The bytes, as they were put.
    fn get(&self, key: &DocumentKey) -> Result<Vec<u8>, DocumentError>;

    /// Some of the bytes, as many of them as there are. A part is not compared with the digest.
    fn part(&self, key: &DocumentKey, range: std::ops::Range<u64>) -> Result<Vec<u8>, DocumentError>;

    /// Whether there is such a document.
    fn exists(&self, key: &DocumentKey) -> Result<bool, DocumentError>;
}
