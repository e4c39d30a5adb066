//! A mailer that puts each mail into a folder as `<message id>.eml`.
//!
//! A mail appears whole or not at all, and a second sending of it takes the place of the first.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use notifications::{Mailer, OutgoingMail, SendOutcome};

use super::eml;

/// Writes `.eml` files.
#[derive(Debug)]
pub struct FolderMailer {
    folder: PathBuf,
}

impl FolderMailer {
    /// Mails go into this folder; it is made when it does not exist.
    pub fn new(folder: impl Into<PathBuf>) -> std::io::Result<Self> {
        let folder = folder.into();
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The mails that lie there, ordered by message id.
    pub fn list(&self) -> std::io::Result<Vec<PathBuf>> {
        let mut mails = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "eml") {
                mails.push(path);
            }
        }
        mails.sort_unstable();
        Ok(mails)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let mut draft = tempfile::Builder::new().prefix(".draft-").tempfile_in(&self.folder)?;
        draft.write_all(bytes)?;
        draft.as_file().sync_all()?;
        draft.persist(self.folder.join(name)).map_err(|error| error.error)?;
        std::fs::File::open(&self.folder)?.sync_all()
    }
}

impl Mailer for FolderMailer {
    fn send(&self, mail: &OutgoingMail) -> SendOutcome {
        let message = match eml::message(mail) {
            Ok(message) => message,
            Err(error) => return SendOutcome::Refused { permanent: true, reason: error.to_string() },
        };
        // A message id has neither slashes nor dots at its ends: it cannot leave the folder.
        let name = format!("{}.eml", mail.message_id);
        match self.write(&name, &message.formatted()) {
            Ok(()) => SendOutcome::Sent { response: format!("written as {name}") },
            Err(error) => SendOutcome::Away { why: error.to_string() },
        }
    }
}
