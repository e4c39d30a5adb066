//! Keys of documents: `invoices/ab/cd/<sha256>.pdf`.

use sha2::Digest as _;

/// A SHA-256 digest; as text 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// The digest of the bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl std::fmt::Display for Sha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The place of a document: a folder, two levels of fan-out, the digest, an extension. There is
/// no other way to make one, so a key cannot point outside the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentKey {
    text: String,
    sha256: Sha256,
}

/// A text that is not the key of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a document key like `invoices/ab/cd/<sha256>.pdf`")]
pub struct BadKey;

impl DocumentKey {
    /// The key of these bytes in a folder: lower-case letters and `_`; the extension: lower-case
    /// letters and digits.
    pub fn of(folder: &str, extension: &str, bytes: &[u8]) -> Result<Self, BadKey> {
        Self::at(folder, extension, Sha256::of(bytes))
    }

    /// The key of an invoice's PDF.
    pub fn invoice(pdf: &[u8]) -> Self {
        let sha256 = Sha256::of(pdf);
        Self { text: path("invoices", "pdf", sha256), sha256 }
    }

    /// The digest of the document.
    pub const fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The key of what has this digest.
    pub fn at(folder: &str, extension: &str, sha256: Sha256) -> Result<Self, BadKey> {
        let folder_fits =
            (1..=40).contains(&folder.len()) && folder.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        let extension_fits = (1..=8).contains(&extension.len())
            && extension.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if !folder_fits || !extension_fits {
            return Err(BadKey);
        }
        Ok(Self { text: path(folder, extension, sha256), sha256 })
    }
}

fn path(folder: &str, extension: &str, sha256: Sha256) -> String {
    format!("{folder}/{:02x}/{:02x}/{sha256}.{extension}", sha256.0[0], sha256.0[1])
}

impl std::str::FromStr for DocumentKey {
    type Err = BadKey;
    /// Reads a stored key; takes only what [`DocumentKey::of`] could have written.
    fn from_str(text: &str) -> Result<Self, BadKey> {
        let (folder, rest) = text.split_once('/').ok_or(BadKey)?;
        let (_, file) = rest.rsplit_once('/').ok_or(BadKey)?;
        let (digits, extension) = file.split_once('.').ok_or(BadKey)?;
        if digits.len() != 64 || !digits.is_ascii() {
            return Err(BadKey);
        }
        let mut digest = [0u8; 32];
        for (place, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).map_err(|_| BadKey)?;
        }
        let key = Self::at(folder, extension, Sha256(digest))?;
        if key.text == text { Ok(key) } else { Err(BadKey) }
    }
}

impl std::fmt::Display for DocumentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix B.1.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_key_is_made_of_the_bytes() {
        let key = DocumentKey::invoice(b"abc");
        assert_eq!(key.as_str(), format!("invoices/ba/78/{ABC}.pdf"));
        assert_eq!(key.sha256().to_string(), ABC);
        assert_eq!(key.as_str().parse(), Ok(key.clone()));
        assert_eq!(DocumentKey::of("invoices", "pdf", b"abc"), Ok(key));
    }

    #[test]
    fn no_other_text_is_a_key() {
        for bad in [
            String::new(),
            format!("invoices/ba/79/{ABC}.pdf"),
            format!("../ba/78/{ABC}.pdf"),
            format!("invoices/../ba/78/{ABC}.pdf"),
            format!("/invoices/ba/78/{ABC}.pdf"),
            format!("invoices/ba/78/{}.pdf", ABC.to_uppercase()),
            format!("invoices/ba/78/+{}.pdf", &ABC[1..]),
            format!("invoices/ba/78/{ABC}"),
            format!("invoices/ba/78/{ABC}./x"),
            format!("invoices/ba/78/{ABC}.pdf\0"),
            format!("invoices/{ABC}.pdf"),
            "invoices/ba/78/../../../../etc/passwd".to_owned(),
        ] {
            assert_eq!(bad.parse::<DocumentKey>(), Err(BadKey), "{bad}");
        }
        for (folder, extension) in
            [("..", "pdf"), ("a/b", "pdf"), ("", "pdf"), ("A", "pdf"), ("a", "."), ("a", "")]
        {
            assert!(DocumentKey::of(folder, extension, b"").is_err(), "{folder} {extension}");
        }
    }
}
