//! Lists in pages: keyset cursors with a stable tiebreak.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::Date;
use vocab::dates::civil;

/// Where a list goes on: the sort values of the last row seen. Opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Vec<String>);

/// A text that is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor that this list handed out")]
pub struct BadCursor;

/// Longest cursor that is looked at.
const LONGEST: usize = 1024;

impl Cursor {
    /// From the sort values of a row, the tiebreak last.
    pub fn new(values: impl IntoIterator<Item = impl ToString>) -> Self {
        Self(values.into_iter().map(|value| value.to_string()).collect())
    }

    /// The value at a place, as the sort key's type.
    pub fn get<T: std::str::FromStr>(&self, place: usize) -> Result<T, BadCursor> {
        self.0.get(place).and_then(|text| text.parse().ok()).ok_or(BadCursor)
    }

    /// The value of a list that is sorted by one; a cursor of another shape is refused.
    pub fn one<T: std::str::FromStr>(&self) -> Result<T, BadCursor> {
        match self.0.len() {
            1 => self.get(0),
            _ => Err(BadCursor),
        }
    }

    /// The values of a list that is sorted by two; a cursor of another shape is refused.
    pub fn two<T: std::str::FromStr, U: std::str::FromStr>(&self) -> Result<(T, U), BadCursor> {
        match self.0.len() {
            2 => Ok((self.get(0)?, self.get(1)?)),
            _ => Err(BadCursor),
        }
    }

    /// A civil day and a tiebreak.
    pub fn day_and_id(&self) -> Result<(Date, i64), BadCursor> {
        let (day, id) = self.two::<String, i64>()?;
        Ok((civil::parse(&day).ok_or(BadCursor)?, id))
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = serde_json::to_string(&self.0).unwrap_or_default();
        f.write_str(&URL_SAFE_NO_PAD.encode(text))
    }
}

impl std::str::FromStr for Cursor {
    type Err = BadCursor;
    fn from_str(text: &str) -> Result<Self, BadCursor> {
        if text.len() > LONGEST {
            return Err(BadCursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadCursor)?;
        serde_json::from_slice(&bytes).map(Self).map_err(|_| BadCursor)
    }
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; none on the last.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// From `limit + 1` fetched rows: the extra one only tells that there are more.
    pub fn from_rows(mut items: Vec<T>, limit: i64, cursor: impl Fn(&T) -> Cursor) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }

    /// The same page of something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_travel_and_garbage_is_refused() {
        let cursor = Cursor::new(["2026-03-31", "42"]);
        let back: Cursor = cursor.to_string().parse().unwrap();
        assert_eq!(back, cursor);
        assert_eq!(back.get::<i64>(1), Ok(42));
        assert_eq!(back.get::<i64>(0), Err(BadCursor));
        assert_eq!(back.two(), Ok(("2026-03-31".to_owned(), 42_i64)));
        assert_eq!(back.one::<String>(), Err(BadCursor), "of a list sorted otherwise");
        assert_eq!(Cursor::new([42]).two::<i64, i64>(), Err(BadCursor));
        for bad in ["", "!", "bm90IGpzb24", &"a".repeat(2000)] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }
}
