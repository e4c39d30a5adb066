//! Lists: bounded pages with an opaque cursor.

use crate::problem::ApiError;
use serde::Serialize;
use store::{Cursor, Page};
use vocab::{Code, Problem};

/// Rows of a page when the client does not say.
pub(crate) const LIMIT_DEFAULT: i64 = 50;
/// Most rows of a page.
pub(crate) const LIMIT_MAX: i64 = 500;

/// One page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Listed<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Send it as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Listed<T> {
    /// A list that is never long.
    pub(crate) fn whole<R>(rows: Vec<R>, map: impl FnMut(R) -> T) -> Self {
        Self { items: rows.into_iter().map(map).collect(), next: None }
    }

    /// From a page of rows.
    pub(crate) fn from_page<R>(page: Page<R>, map: impl FnMut(R) -> T) -> Self {
        let page = page.map(map);
        Self { items: page.items, next: page.next.map(|cursor| cursor.to_string()) }
    }
}

/// `limit` and `cursor` as the use cases take them.
pub(crate) fn window(limit: Option<i64>, cursor: Option<&str>) -> Result<(i64, Option<Cursor>), ApiError> {
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::new(Code::MalformedParameter, format!("limit: 1 to {LIMIT_MAX}"))
            .with("name", "limit")
            .into());
    }
    let cursor = cursor
        .map(|text| {
            text.parse::<Cursor>()
                .map_err(|_| Problem::new(Code::MalformedCursor, Code::MalformedCursor.meaning()))
        })
        .transpose()?;
    Ok((limit, cursor))
}
