//! A file on its way in or out: on the disk, not in memory.

use crate::{Error, Result};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use vocab::{Code, Problem};

/// Largest file: 8 GiB.
pub const UPLOAD_BYTES_MAX: u64 = 8 * 1024 * 1024 * 1024;

/// A file on its way.
#[derive(Debug)]
pub struct Upload {
    file: File,
    digest: Sha256,
    bytes: u64,
}

impl Upload {
    /// An empty one.
    pub fn new() -> Result<Self> {
        let file = tempfile::tempfile().map_err(|error| unspooled(&error))?;
        Ok(Self { file, digest: Sha256::new(), bytes: 0 })
    }

    /// Adds what came in.
    pub fn write(&mut self, part: &[u8]) -> Result<()> {
        self.bytes += part.len() as u64;
        if self.bytes > UPLOAD_BYTES_MAX {
            let detail = format!("at most {UPLOAD_BYTES_MAX} bytes");
            return Err(Problem::new(Code::BodyTooLarge, detail)
                .with("limit_bytes", UPLOAD_BYTES_MAX)
                .into());
        }
        self.digest.update(part);
        self.file.write_all(part).map_err(|error| unspooled(&error))
    }

    /// SHA-256 of what has come in.
    pub fn sha256(&self) -> [u8; 32] {
        self.digest.clone().finalize().into()
    }

    /// How much has come in.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The file from its beginning.
    pub fn rewound(&mut self) -> Result<BufReader<&mut File>> {
        self.file.seek(SeekFrom::Start(0)).map_err(|error| unspooled(&error))?;
        Ok(BufReader::with_capacity(256 * 1024, &mut self.file))
    }

    /// The file itself, to be read from its beginning.
    pub fn into_file(mut self) -> Result<File> {
        self.file.seek(SeekFrom::Start(0)).map_err(|error| unspooled(&error))?;
        Ok(self.file)
    }

    /// Its first bytes, as many of them as there are.
    pub fn beginning(&mut self, most: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.rewound()?.take(most).read_to_end(&mut bytes).map_err(|error| unspooled(&error))?;
        Ok(bytes)
    }
}

impl Write for Upload {
    fn write(&mut self, part: &[u8]) -> std::io::Result<usize> {
        Self::write(self, part).map_err(std::io::Error::other)?;
        Ok(part.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

fn unspooled(error: &std::io::Error) -> Error {
    Error::Fault(format!("a file could not be spooled: {error}"))
}
