//! Text that stays on one line, and links that are safe to put into a message.

/// One line of text for a header or a sentence: no control characters, no line breaks, no
/// direction overrides, bounded. Whatever does not belong is taken out, so that a name can never
/// add a header or fake a paragraph.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Line(String);

impl Line {
    /// Characters that are kept.
    pub const LONGEST: usize = 200;

    /// What of the text fits on one line; runs of white space become one space.
    pub fn of(text: &str) -> Self {
        let mut line = String::with_capacity(text.len().min(Self::LONGEST));
        let cleaned = text.chars().map(|c| if c.is_control() || is_separator(c) { ' ' } else { c });
        let (mut kept, mut gap) = (0, false);
        for c in cleaned.filter(|&c| !is_direction_override(c)) {
            if c == ' ' {
                gap = kept > 0;
                continue;
            }
            let needed = 1 + usize::from(gap);
            if kept + needed > Self::LONGEST {
                break;
            }
            if gap {
                line.push(' ');
            }
            line.push(c);
            kept += needed;
            gap = false;
        }
        Self(line)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Unicode's line and paragraph separators.
fn is_separator(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// Embeddings and overrides can make text read as other than it is.
fn is_direction_override(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}')
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::of(&text)
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self::of(text)
    }
}

impl From<Line> for String {
    fn from(line: Line) -> Self {
        line.0
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// An `https` or `http` address of printable ASCII without quotes or angle brackets.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Link(String);

/// A text that is not a link for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an http or https address")]
pub struct NotALink;

impl Link {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Link {
    type Err = NotALink;
    fn from_str(text: &str) -> Result<Self, NotALink> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(NotALink)?;
        let fits = !rest.is_empty() && text.len() <= 2_000 && !rest.starts_with('/');
        let clean = rest.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"'`\\{}|^".contains(&b));
        if fits && clean { Ok(Self(text.to_owned())) } else { Err(NotALink) }
    }
}

impl TryFrom<String> for Link {
    type Error = NotALink;
    fn try_from(text: String) -> Result<Self, NotALink> {
        text.parse()
    }
}

impl From<Link> for String {
    fn from(link: Link) -> Self {
        link.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(Line::of("  Ada \t Lovelace ").as_str(), "Ada Lovelace");
        assert_eq!(Line::of("x\r\nBcc: all@example.org").as_str(), "x Bcc: all@example.org");
        assert_eq!(Line::of("a\u{2028}b\u{85}c\u{0}d").as_str(), "a b c d");
        assert_eq!(Line::of("pay \u{202e}00.1").as_str(), "pay 00.1");
        assert_eq!(Line::of("Zoë O’Brien-Ñúñez").as_str(), "Zoë O’Brien-Ñúñez");
        assert!(Line::of("\r\n").is_empty());
        assert_eq!(Line::of(&"é".repeat(500)).as_str().chars().count(), Line::LONGEST);
        assert_eq!(serde_json::from_str::<Line>(r#""a\nb""#).unwrap().as_str(), "a b");
    }

    #[test]
    fn links_are_web_addresses() {
        for good in ["https://pay.example/b?t=a_b-c.d&x=%20", "http://127.0.0.1:8080/"] {
            assert_eq!(good.parse::<Link>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "https://",
            "javascript:alert(1)",
            "https://a b",
            "https://a\"b",
            "https:///x",
            "https://ä.example",
            "https://a\n",
        ] {
            assert!(bad.parse::<Link>().is_err(), "{bad}");
        }
    }
}
