//! Documents in an object store: a local folder, or whatever the `object_store` crate reaches.
//!
//! Owns a runtime of its own; to be called from worker threads, never from asynchronous code.

use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ::object_store::local::LocalFileSystem;
use ::object_store::{Error, MultipartUpload, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, path};
use sha2::Digest as _;
use tokio::runtime::{Builder, Runtime};

use super::{DocumentError, DocumentKey, Documents, Sha256, Stored};

/// Bytes of a part of what is put from an input; object stores want five megabytes at least.
const PART_BYTES: u64 = 8 * 1024 * 1024;

/// Documents in an object store.
#[derive(Debug)]
pub struct ObjectDocuments {
    store: Arc<dyn ObjectStore>,
    /// Taken only when dropped.
    runtime: Option<Runtime>,
}

/// The store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum CannotOpen {
    /// The folder or the runtime.
    #[error("the document store cannot be opened: {0}")]
    Io(#[from] std::io::Error),
    /// The store.
    #[error("the document store cannot be opened: {0}")]
    Store(#[from] Error),
}

impl ObjectDocuments {
    /// Over any object store.
    pub fn over(store: Box<dyn ObjectStore>) -> Result<Self, CannotOpen> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { store: store.into(), runtime: Some(runtime) })
    }

    /// In a local folder, made when it does not exist; every write is on the disk before it counts.
    pub fn in_folder(folder: &Path) -> Result<Self, CannotOpen> {
        std::fs::create_dir_all(folder)?;
        Self::over(Box::new(LocalFileSystem::new_with_prefix(folder)?.with_fsync(true)))
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, DocumentError>>) -> Result<T, DocumentError> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(work),
            None => Err(DocumentError::Unavailable("the store is closed".to_owned())),
        }
    }

    async fn read(&self, key: &DocumentKey) -> Result<Vec<u8>, DocumentError> {
        let found = self.store.get(&location(key)).await.map_err(|error| failed(key, error))?;
        let bytes = found.bytes().await.map_err(|error| failed(key, error))?.to_vec();
        if Sha256::of(&bytes) == key.sha256() { Ok(bytes) } else { Err(DocumentError::Damaged(key.clone())) }
    }
}

impl Drop for ObjectDocuments {
    fn drop(&mut self) {
        // Dropping a runtime blocks, which asynchronous callers may not; nothing runs in it now.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn location(key: &DocumentKey) -> path::Path {
    path::Path::from(key.as_str())
}

fn failed(key: &DocumentKey, error: Error) -> DocumentError {
    match error {
        Error::NotFound { .. } => DocumentError::NotFound(key.clone()),
        error => DocumentError::Unavailable(error.to_string()),
    }
}

/// Hands an input on part by part; other bytes than the key's are refused.
async fn pass_on(
    key: &DocumentKey,
    input: &mut dyn Read,
    upload: &mut dyn MultipartUpload,
) -> Result<Stored, DocumentError> {
    let (mut digest, mut size_bytes) = (sha2::Sha256::new(), 0);
    loop {
        let mut part = Vec::with_capacity(PART_BYTES as usize);
        let read = input.take(PART_BYTES).read_to_end(&mut part);
        read.map_err(|error| DocumentError::Unavailable(error.to_string()))?;
        if part.is_empty() {
            break;
        }
        digest.update(&part);
        size_bytes += part.len() as u64;
        upload.put_part(part.into()).await.map_err(|error| failed(key, error))?;
    }
    let sha256 = Sha256(digest.finalize().into());
    if sha256 == key.sha256() {
        Ok(Stored { sha256, size_bytes })
    } else {
        Err(DocumentError::Different(key.clone()))
    }
}

impl Documents for ObjectDocuments {
    fn put(&self, key: &DocumentKey, bytes: Vec<u8>) -> Result<Stored, DocumentError> {
        let sha256 = Sha256::of(&bytes);
        if sha256 != key.sha256() {
            return Err(DocumentError::Different(key.clone()));
        }
        let stored = Stored { sha256, size_bytes: bytes.len() as u64 };
        self.wait(async {
            let once = PutOptions::from(PutMode::Create);
            match self.store.put_opts(&location(key), bytes.into(), once).await {
                Ok(_) => Ok(stored),
                // Kept before: good, unless it has been damaged since.
                Err(Error::AlreadyExists { .. }) => self.read(key).await.map(|_| stored),
                Err(error) => Err(failed(key, error)),
            }
        })
    }

    fn put_from(&self, key: &DocumentKey, input: &mut dyn Read) -> Result<Stored, DocumentError> {
        self.wait(async {
            let at = location(key);
            match self.store.head(&at).await {
                // Kept before: documents are found by what they contain.
                Ok(kept) => return Ok(Stored { sha256: key.sha256(), size_bytes: kept.size }),
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(failed(key, error)),
            }
            let mut upload = self.store.put_multipart(&at).await.map_err(|error| failed(key, error))?;
            match pass_on(key, input, upload.as_mut()).await {
                Ok(stored) => {
                    upload.complete().await.map_err(|error| failed(key, error))?;
                    Ok(stored)
                }
                Err(error) => {
                    // What is left of it counts for nothing; why it failed is what matters.
                    let _ = upload.abort().await;
                    Err(error)
                }
            }
        })
    }

    fn get(&self, key: &DocumentKey) -> Result<Vec<u8>, DocumentError> {
        self.wait(self.read(key))
    }

    fn part(&self, key: &DocumentKey, range: Range<u64>) -> Result<Vec<u8>, DocumentError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        self.wait(async {
            let part = self.store.get_range(&location(key), range).await;
            part.map(|bytes| bytes.to_vec()).map_err(|error| failed(key, error))
        })
    }

    fn exists(&self, key: &DocumentKey) -> Result<bool, DocumentError> {
        self.wait(async {
            match self.store.head(&location(key)).await {
                Ok(_) => Ok(true),
                Err(Error::NotFound { .. }) => Ok(false),
                Err(error) => Err(failed(key, error)),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PDF: &[u8] = b"%PDF-1.7 a bill";

    #[test]
    fn what_is_put_is_got() {
        let folder = tempfile::tempdir().unwrap();
        let documents = ObjectDocuments::in_folder(&folder.path().join("documents")).unwrap();
        let key = DocumentKey::invoice(PDF);
        assert!(!documents.exists(&key).unwrap());
        assert!(matches!(documents.get(&key), Err(DocumentError::NotFound(missing)) if missing == key));

        let stored = documents.put(&key, PDF.to_vec()).unwrap();
        assert_eq!(stored, Stored { sha256: key.sha256(), size_bytes: 15 });
        assert_eq!(documents.put(&key, PDF.to_vec()).unwrap(), stored, "again is nothing");
        assert!(documents.exists(&key).unwrap());
        assert_eq!(documents.get(&key).unwrap(), PDF);
        assert_eq!(documents.part(&key, 1..4).unwrap(), &PDF[1..4]);
        assert_eq!(documents.part(&key, 4..4).unwrap(), b"");
        assert_eq!(std::fs::read(folder.path().join("documents").join(key.as_str())).unwrap(), PDF);

        let again = ObjectDocuments::in_folder(&folder.path().join("documents")).unwrap();
        assert_eq!(again.get(&key).unwrap(), PDF);
    }

    #[test]
    fn long_inputs_are_passed_on_in_parts() {
        let folder = tempfile::tempdir().unwrap();
        let documents = ObjectDocuments::in_folder(folder.path()).unwrap();
        let long: Vec<u8> = (0..PART_BYTES + 1_000).map(|n| (n % 251) as u8).collect();
        let key = DocumentKey::of("readings", "csv", &long).unwrap();
        let other = documents.put_from(&key, &mut &long[1..]);
        assert!(matches!(other, Err(DocumentError::Different(_))));
        assert!(!documents.exists(&key).unwrap());
        for _ in 0..2 {
            let stored = documents.put_from(&key, &mut &long[..]).unwrap();
            assert_eq!(stored.size_bytes, long.len() as u64);
        }
        assert_eq!(documents.get(&key).unwrap(), long);
        let mut read = Vec::new();
        super::super::DocumentReader::new(&documents, key, long.len() as u64).read_to_end(&mut read).unwrap();
        assert_eq!(read, long);
    }

    #[test]
    fn other_bytes_and_damage_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let documents = ObjectDocuments::in_folder(folder.path()).unwrap();
        let key = DocumentKey::invoice(PDF);
        assert!(matches!(documents.put(&key, b"else".to_vec()), Err(DocumentError::Different(_))));
        assert!(!documents.exists(&key).unwrap());

        documents.put(&key, PDF.to_vec()).unwrap();
        std::fs::write(folder.path().join(key.as_str()), b"cut").unwrap();
        assert!(matches!(documents.get(&key), Err(DocumentError::Damaged(_))));
        assert!(matches!(documents.put(&key, PDF.to_vec()), Err(DocumentError::Damaged(_))));
    }

    #[test]
    fn many_threads_put_the_same_and_different_documents() {
        let folder = tempfile::tempdir().unwrap();
        let documents = ObjectDocuments::in_folder(folder.path()).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..25 {
                        let bytes = format!("bill {n}").into_bytes();
                        let key = DocumentKey::invoice(&bytes);
                        documents.put(&key, bytes.clone()).unwrap();
                        assert_eq!(documents.get(&key).unwrap(), bytes);
                    }
                });
            }
        });
    }

    #[test]
    fn a_store_that_fails_is_unavailable_not_empty() {
        let folder = tempfile::tempdir().unwrap();
        let documents = ObjectDocuments::in_folder(folder.path()).unwrap();
        std::fs::write(folder.path().join("invoices"), b"a file where a folder should be").unwrap();
        let key = DocumentKey::invoice(PDF);
        assert!(matches!(documents.put(&key, PDF.to_vec()), Err(DocumentError::Unavailable(_))));
    }
}
