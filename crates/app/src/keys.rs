//! Keys that sign access tokens: Ed25519, PEM files in a directory.
//!
//! The file whose name sorts last signs; all of them verify. Rotating a key is adding a file,
//! restarting the processes one by one, and removing the old file once its tokens have expired.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::{Digest, Sha256};
use std::io;
use std::path::Path;

/// The signing key and every verifying key.
pub struct Keys {
    signing: (String, EncodingKey),
    verifying: Vec<(String, DecodingKey)>,
    /// What seals are made with: the signing key's last.
    sealing: Vec<[u8; 32]>,
}

/// What a key for seals is derived for, so that it is of no other use.
const SEALING: &[u8] = b"penstock seal";

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The directory or a file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: String,
        /// The system's words.
        error: io::Error,
    },
    /// Not an Ed25519 private key in PKCS #8 PEM form.
    #[error("{0} is not an Ed25519 private key (PKCS #8, PEM)")]
    NotAKey(String),
    /// The directory holds no key.
    #[error("{0} holds no *.pem file; `penstock serve` makes one only for its embedded database")]
    None(String),
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids: Vec<&str> = self.verifying.iter().map(|(id, _)| id.as_str()).collect();
        f.debug_struct("Keys")
            .field("signing", &self.signing.0)
            .field("verifying", &ids)
            .finish_non_exhaustive()
    }
}

impl Keys {
    /// Reads every `*.pem` of a directory.
    pub fn load(dir: &Path) -> Result<Self, KeyError> {
        let failed = |error| KeyError::File { path: dir.display().to_string(), error };
        let mut files: Vec<_> = std::fs::read_dir(dir)
            .map_err(failed)?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "pem"))
            .collect();
        files.sort();
        let mut keys = None;
        let (mut verifying, mut sealing) = (Vec::new(), Vec::new());
        for path in files {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(&path)
                .map_err(|error| KeyError::File { path: name.clone(), error })?;
            let key = parse(&text).ok_or(KeyError::NotAKey(name))?;
            verifying.push((key.id.clone(), key.decoding));
            sealing.push(key.sealing);
            keys = Some((key.id, key.encoding));
        }
        let signing = keys.ok_or_else(|| KeyError::None(dir.display().to_string()))?;
        Ok(Self { signing, verifying, sealing })
    }

    /// Reads the directory, after making a first key when it holds none.
    pub fn load_or_create(dir: &Path) -> Result<Self, KeyError> {
        match Self::load(dir) {
            Err(KeyError::None(_)) => create(dir)?,
            Err(KeyError::File { error, .. }) if error.kind() == io::ErrorKind::NotFound => create(dir)?,
            other => return other,
        }
        Self::load(dir)
    }

    /// The id and key that sign.
    pub(crate) fn signing(&self) -> (&str, &EncodingKey) {
        (&self.signing.0, &self.signing.1)
    }

    /// A signature over a text, base64url: for links that only we can make.
    pub(crate) fn sign(&self, text: &str) -> crate::Result<String> {
        jsonwebtoken::crypto::sign(text.as_bytes(), &self.signing.1, jsonwebtoken::Algorithm::EdDSA)
            .map_err(|error| crate::Error::Fault(error.to_string()))
    }

    /// A code over bytes that only we can make: unlike a hash of something short, it cannot be guessed
    /// from.
    pub(crate) fn seal(&self, bytes: &[u8]) -> [u8; 32] {
        self.sealing.last().map_or([0; 32], |key| authenticate(key, bytes))
    }

    /// Whether one of our keys, also of before a rotation, made this seal over these bytes.
    pub(crate) fn is_seal(&self, seal: &[u8], bytes: &[u8]) -> bool {
        self.sealing.iter().any(|key| authenticate(key, bytes) == seal)
    }

    /// A secret of this installation for a purpose, the same in every process that has its keys.
    pub fn secret_for(&self, purpose: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.seal(purpose.as_bytes()))
    }

    /// The verifying key with this id.
    pub(crate) fn verifying(&self, id: &str) -> Option<&DecodingKey> {
        self.verifying.iter().find(|(known, _)| known == id).map(|(_, key)| key)
    }
}

fn create(dir: &Path) -> Result<(), KeyError> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    let failed = |error| KeyError::File { path: dir.display().to_string(), error };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
        .map_err(|_| failed(io::Error::other("no random numbers")))?;
    let body = STANDARD.encode(document.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    let path = dir.join("0001.pem");
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    io::Write::write_all(&mut file, pem.as_bytes()).map_err(failed)
}

/// A key as it comes from a file.
struct Parsed {
    id: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    sealing: [u8; 32],
}

fn parse(pem: &str) -> Option<Parsed> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(body.trim()).ok()?;
    let pair = Ed25519KeyPair::from_pkcs8(&der)
        .or_else(|_| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der))
        .ok()?;
    let public = pair.public_key().as_ref().to_vec();
    Some(Parsed {
        id: Sha256::digest(&public).iter().take(8).map(|byte| format!("{byte:02x}")).collect(),
        encoding: EncodingKey::from_ed_der(&der),
        decoding: DecodingKey::from_ed_der(&public),
        sealing: authenticate(&der, SEALING),
    })
}

/// HMAC-SHA256.
fn authenticate(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), bytes);
    let mut code = [0; 32];
    code.copy_from_slice(tag.as_ref());
    code
}

/// Random bytes from the system.
pub(crate) fn random<const N: usize>() -> crate::Result<[u8; N]> {
    let mut bytes = [0u8; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| crate::Error::Fault("no random numbers".to_owned()))?;
    Ok(bytes)
}
