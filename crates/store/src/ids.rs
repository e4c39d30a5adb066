//! Row ids in blocks of a thousand: one `nextval` per block, the rest counted here.

use crate::Result;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use std::sync::{Arc, Mutex, PoisonError};

/// How many ids one `nextval` brings; the sequence's increment.
const BLOCK: i64 = 1000;

/// The unused rest of the block that this process holds. Gaps are allowed.
#[derive(Debug, Clone, Default)]
pub(crate) struct IdBlocks(Arc<Mutex<(i64, i64)>>);

#[derive(QueryableByName)]
struct Next {
    #[diesel(sql_type = BigInt)]
    first: i64,
}

impl IdBlocks {
    /// Leaves the rest of the block unused.
    pub(crate) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (0, 0);
    }

    /// One id.
    pub(crate) fn next(&self, conn: &mut PgConnection) -> Result<i64> {
        let mut rest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rest.0 >= rest.1 {
            let first = fetch(conn, 1)?.first().copied().unwrap_or_default();
            *rest = (first, first + BLOCK);
        }
        rest.0 += 1;
        Ok(rest.0 - 1)
    }

    /// Many ids, ascending within each block.
    pub(crate) fn take(&self, conn: &mut PgConnection, count: usize) -> Result<Vec<i64>> {
        let mut ids = Vec::with_capacity(count);
        let mut rest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while ids.len() < count && rest.0 < rest.1 {
            ids.push(rest.0);
            rest.0 += 1;
        }
        let missing = count - ids.len();
        if missing > 0 {
            let blocks = missing.div_ceil(BLOCK as usize);
            for first in fetch(conn, blocks as i64)? {
                for id in first..first + BLOCK {
                    if ids.len() < count {
                        ids.push(id);
                    } else {
                        *rest = (id, first + BLOCK);
                        break;
                    }
                }
            }
        }
        Ok(ids)
    }
}

fn fetch(conn: &mut PgConnection, blocks: i64) -> Result<Vec<i64>> {
    let rows: Vec<Next> = diesel::sql_query("SELECT nextval('row_ids') AS first FROM generate_series(1, $1)")
        .bind::<BigInt, _>(blocks)
        .load(conn)?;
    Ok(rows.into_iter().map(|row| row.first).collect())
}
