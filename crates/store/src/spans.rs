//! Rows of many ids at once: neighbours are fetched as a span of the key.
//!
//! What comes together has mostly been entered together, so its ids are near one another. Going down an
//! index costs several times what the next row on the same page costs; a span goes down once. Ids that
//! stand alone are spans of one, no dearer than looking each up.

use crate::{Result, Tx};
use diesel::deserialize::QueryableByName;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};

/// Two ids of one span lie at most so far apart: reading past a row that nobody asked for is cheaper than
/// going down the index again.
const GAP_MAX: i64 = 32;

/// The spans of ids that are asked for.
pub(crate) struct Spans {
    /// Ascending, each once.
    ids: Vec<i64>,
    lows: Vec<i64>,
    highs: Vec<i64>,
}

impl Spans {
    /// The spans of these ids, in any order.
    pub(crate) fn of(ids: impl IntoIterator<Item = i64>) -> Self {
        let mut ids: Vec<i64> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        let (mut lows, mut highs) = (Vec::new(), Vec::new());
        for run in ids.chunk_by(|one, next| next.saturating_sub(*one) <= GAP_MAX) {
            lows.extend(run.first());
            highs.extend(run.last());
        }
        Self { ids, lows, highs }
    }

    /// The rows of the ids that were asked for, by key.
    pub(crate) fn load<T: Spanned>(&self, tx: &mut Tx<'_>) -> Result<Vec<T>> {
        if self.ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut rows: Vec<T> = diesel::sql_query(format!(
            "SELECT {columns} FROM UNNEST($1, $2) AS span (low, high) \
             JOIN {table} ON {owner} BETWEEN span.low AND span.high",
            columns = T::COLUMNS,
            table = T::TABLE,
            owner = T::OWNER,
        ))
        .bind::<Array<BigInt>, _>(&self.lows)
        .bind::<Array<BigInt>, _>(&self.highs)
        .load(tx.conn)?;
        rows.retain(|row| self.ids.binary_search(&row.owner()).is_ok());
        rows.sort_unstable_by_key(T::key);
        Ok(rows)
    }
}

/// A row of a table that is fetched by spans of its owners.
pub(crate) trait Spanned: QueryableByName<Pg> + 'static {
    /// What a row is found by: its primary key.
    type Key: Ord + Copy;

    /// The columns that make it.
    const COLUMNS: &str;
    /// Its table.
    const TABLE: &str;
    /// The first column of the primary key.
    const OWNER: &str;

    /// The value of that column.
    fn owner(&self) -> i64;

    /// Its key.
    fn key(&self) -> Self::Key;
}

/// The row with the key, of rows as [`Spans::load`] answers them.
pub(crate) fn find<T: Spanned>(rows: &[T], key: T::Key) -> Option<&T> {
    rows.get(rows.binary_search_by_key(&key, T::key).ok()?)
}

/// A row of a table, by its primary key, whose first column it is fetched by, and the other columns that are
/// wanted.
macro_rules! spanned {
    ($row:ident of $table:ident by ($owner:ident: $owner_type:ty $(, $key:ident: $key_type:ty)*)
     with { $($field:ident: $type:ty),* $(,)? }) => {
        #[derive(diesel::QueryableByName)]
        #[diesel(table_name = $table)]
        struct $row {
            $owner: $owner_type,
            $($key: $key_type,)*
            $($field: $type,)*
        }

        impl $crate::spans::Spanned for $row {
            type Key = ($owner_type, $($key_type,)*);

            const COLUMNS: &str =
                concat!(stringify!($owner) $(, ", ", stringify!($key))* $(, ", ", stringify!($field))*);
            const TABLE: &str = stringify!($table);
            const OWNER: &str = stringify!($owner);

            fn owner(&self) -> i64 {
                self.$owner.0
            }

            fn key(&self) -> Self::Key {
                (self.$owner, $(self.$key,)*)
            }
        }
    };
}
pub(crate) use spanned;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_span() {
        let spans = Spans::of([40, 3, 1, 3, 35, 100, 500]);
        assert_eq!(
            (spans.lows.as_slice(), spans.highs.as_slice()),
            ([1, 100, 500].as_slice(), [40, 100, 500].as_slice())
        );
        assert_eq!(spans.ids, [1, 3, 35, 40, 100, 500]);
        assert!(Spans::of([]).lows.is_empty());
        assert_eq!(Spans::of([i64::MIN, i64::MAX]).lows.len(), 2);
    }
}
