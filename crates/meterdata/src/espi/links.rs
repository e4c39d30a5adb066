//! Addresses of resources: how the entries of a feed hang together.

use std::collections::{HashMap, VecDeque};

/// Longest address that is kept; a longer one is as good as none.
pub(super) const HREF_BYTES_MAX: usize = 512;

/// An address without host, query and slashes at its ends, so that one written in full is the same
/// as its path alone.
pub(super) fn path_of(href: &str) -> Option<String> {
    let href = href.trim();
    let path =
        href.split_once("://").map_or(href, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    if path.is_empty() || path.len() > HREF_BYTES_MAX { None } else { Some(path.to_owned()) }
}

/// Where the last segment of this name begins and ends.
fn segment(path: &str, name: &str) -> Option<(usize, usize)> {
    let mut end = path.len();
    for part in path.rsplit('/') {
        let start = end - part.len();
        if part == name {
            return Some((start, end));
        }
        end = start.saturating_sub(1);
    }
    None
}

/// The segment after the last of this name, and where it ends.
fn numbered<'p>(path: &'p str, name: &str) -> Option<(&'p str, usize)> {
    let (_, end) = segment(path, name)?;
    let number = path.get(end + 1..)?.split('/').next()?;
    if number.is_empty() { None } else { Some((number, end + 1 + number.len())) }
}

/// The MeterReading of a block, from the path of the block or of what is above it.
pub(super) fn meter_reading_of(path: &str) -> Option<&str> {
    let (_, end) = numbered(path, "MeterReading")?;
    path.get(..end)
}

/// The UsagePoint above a path.
pub(super) fn usage_point_of(path: &str) -> Option<&str> {
    let (_, end) = numbered(path, "UsagePoint")?;
    path.get(..end)
}

/// Number of a MeterReading below its UsagePoint.
pub(super) fn number_of(meter_reading: &str) -> Option<String> {
    numbered(meter_reading, "MeterReading").map(|(number, _)| decoded(number))
}

/// `ReadingType/7`, wherever it stands: ReadingTypes belong to no customer.
pub(super) fn reading_type_of(path: &str) -> Option<&str> {
    let (start, _) = segment(path, "ReadingType")?;
    let (_, end) = numbered(path, "ReadingType")?;
    path.get(start..end)
}

/// Whether a path is one that the writer can take as it is.
pub(super) fn is_usage_point(path: &str) -> bool {
    let plain = path.bytes().all(|byte| is_unreserved(byte) || matches!(byte, b'/' | b'%'));
    plain && path_of(path).as_deref() == Some(path) && usage_point_of(path) == Some(path)
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// As one segment of a path.
pub(super) fn encoded(text: &str) -> String {
    let mut path = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_unreserved(byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

/// What a segment says; the segment itself when it says nothing in UTF-8.
fn decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digit = |place: usize| after.get(place).and_then(|&digit| char::from(digit).to_digit(16));
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = &after[2..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => text,
        _ => segment.to_owned(),
    }
}

/// What is known by address: so many of them, then the oldest is forgotten.
pub(super) struct Known<T> {
    by_path: HashMap<String, T>,
    order: VecDeque<String>,
    most: usize,
}

impl<T> Known<T> {
    pub fn new(most: usize) -> Self {
        Self { by_path: HashMap::new(), order: VecDeque::new(), most }
    }

    pub fn get(&self, path: &str) -> Option<&T> {
        self.by_path.get(path)
    }

    /// Takes the place of what had the same address.
    pub fn insert(&mut self, path: String, what: T) {
        if self.by_path.insert(path.clone(), what).is_some() {
            return;
        }
        self.order.push_back(path);
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_path.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let block = "RetailCustomer/9/UsagePoint/01/MeterReading/02/IntervalBlock/0173";
        assert_eq!(meter_reading_of(block), Some("RetailCustomer/9/UsagePoint/01/MeterReading/02"));
        assert_eq!(usage_point_of(block), Some("RetailCustomer/9/UsagePoint/01"));
        assert_eq!(number_of(block).as_deref(), Some("02"));
        assert_eq!(reading_type_of("espi/1_1/resource/ReadingType/07"), Some("ReadingType/07"));
        assert_eq!(reading_type_of("ReadingType"), None);
        assert_eq!(meter_reading_of("UsagePoint/01/MeterReading"), None);
        assert_eq!(path_of("https://example.org/a/b/?x=1").as_deref(), Some("a/b"));
        assert_eq!(path_of("https://example.org"), None);
        assert_eq!(path_of("/a//"), Some("a".to_owned()));
        assert_eq!(path_of(&"x".repeat(HREF_BYTES_MAX + 1)), None);
    }

    #[test]
    fn segments_say_any_text() {
        for text in ["E1", "a b/c", "50 %", "Zähler", "", "%41"] {
            assert_eq!(decoded(&encoded(text)), text);
        }
        for same in ["%", "%4", "%zz", "%FF", "%0A", "a%"] {
            assert_eq!(decoded(same), same);
        }
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let mut known = Known::new(2);
        for (path, what) in [("a", 1), ("b", 2), ("a", 3), ("c", 4)] {
            known.insert(path.to_owned(), what);
        }
        assert_eq!((known.get("a"), known.get("b"), known.get("c")), (None, Some(&2), Some(&4)));
    }
}
