//! E-mail addresses. Checked once, on the way in; a value of these types cannot carry a second
//! address or a header.

use crate::Line;

/// An address of the plain form `local@domain` (RFC 5321 dot-string, host name in ASCII).
///
/// Quoted local parts, address literals and non-ASCII letters are not taken: mail servers that
/// do not speak SMTPUTF8 refuse them. An internationalised domain is given in its `xn--` form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

/// A text that is not an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address like name@example.org")]
pub struct NotAnAddress;

impl EmailAddress {
    /// The whole address, the domain in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub fn local(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }

    /// What stands after the `@`.
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

/// RFC 5321 §4.5.3.1: 64 octets before the `@`, 254 in all.
const LOCAL_LONGEST: usize = 64;
const LONGEST: usize = 254;

fn is_local(local: &str) -> bool {
    let atom = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&b))
    };
    local.len() <= LOCAL_LONGEST && local.split('.').all(atom)
}

fn is_host(domain: &str) -> bool {
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    // A last label of digits would be an IPv4 address.
    let named = domain.rsplit('.').next().is_some_and(|last| last.bytes().any(|b| !b.is_ascii_digit()));
    named && domain.split('.').all(label)
}

impl std::str::FromStr for EmailAddress {
    type Err = NotAnAddress;
    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let (local, domain) = text.split_once('@').ok_or(NotAnAddress)?;
        if text.len() > LONGEST || !is_local(local) || !is_host(domain) {
            return Err(NotAnAddress);
        }
        Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = NotAnAddress;
    fn try_from(text: String) -> Result<Self, NotAnAddress> {
        text.parse()
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

impl std::fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// An address with the name of who is behind it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Mailbox {
    /// The name; may be empty.
    pub name: Line,
    /// The address.
    pub address: EmailAddress,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_taken_or_refused() {
        for good in
            ["a@b", "o'neil+bills@mail.example.org", "x_y-z@xn--mnchen-3ya.example", "a.b.c@127.example"]
        {
            assert_eq!(good.parse::<EmailAddress>().unwrap().as_str(), good);
        }
        assert_eq!("Ada.L@EXAMPLE.Org".parse::<EmailAddress>().unwrap().as_str(), "Ada.L@example.org");
        let long_local = format!("{}@example.org", "a".repeat(65));
        let long_all = format!("a@{}.org", ["b".repeat(60).as_str(); 5].join("."));
        for bad in [
            "",
            "@",
            "a@",
            "@b",
            "a",
            "a@b@c",
            "a b@c",
            "a@b c",
            ".a@b",
            "a.@b",
            "a..b@c",
            "a@-b",
            "a@b-",
            "a@b..c",
            "a@b.",
            "a@127.0.0.1",
            "a@[127.0.0.1]",
            "\"a b\"@c",
            "a<b@c",
            "a@b>",
            "a,b@c",
            "a;b@c",
            "jösé@example.org",
            "a@exämple.org",
            "a@b\r\nBcc: c@d",
            "a\n@b",
            "a@b\u{0}",
            " a@b",
            "a@b ",
            &long_local,
            &long_all,
        ] {
            assert!(bad.parse::<EmailAddress>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_taken_is_one_plain_address(text in "[ -~\r\n\u{80}-\u{ff}]{0,40}@[ -~\r\n]{0,40}") {
            if let Ok(address) = text.parse::<EmailAddress>() {
                prop_assert_eq!(address.as_str().matches('@').count(), 1);
                prop_assert!(address.as_str().bytes().all(|b| b.is_ascii_graphic()));
                prop_assert!(!address.as_str().contains(['<', '>', ',', ';', ':', '"', '(', ')', '\\']));
                prop_assert!(address.local().len() <= 64 && !address.domain().is_empty());
            }
        }
    }
}
