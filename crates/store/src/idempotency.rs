//! Answers kept by the key that the client chose.

use crate::schema::idempotency_keys as keys;
use crate::{Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Timestamptz};
use serde_json::Value;
use time::OffsetDateTime;

/// A kept answer.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = keys)]
pub struct KeptAnswer {
    /// Who asked.
    pub principal: String,
    /// What was asked: method and path.
    pub route: String,
    /// The client's key.
    pub key: String,
    /// A keyed code of the body, which may hold a password.
    pub body_hash: Vec<u8>,
    /// The HTTP status of the first answer.
    pub status: i16,
    /// The body of the first answer.
    pub response: Value,
    /// Real time of the first answer: keys live for seven days.
    pub created_at: OffsetDateTime,
}

#[derive(QueryableByName)]
struct Got {
    #[diesel(sql_type = Bool)]
    got: bool,
}

/// Takes the lock of a key until the end of the transaction; `false` when another request has it.
pub fn try_lock(tx: &mut Tx<'_>, lock: i64) -> Result<bool> {
    let row: Got = diesel::sql_query("SELECT pg_try_advisory_xact_lock($1) AS got")
        .bind::<BigInt, _>(lock)
        .get_result(tx.conn)?;
    Ok(row.got)
}

/// The kept answer of a key.
pub fn find(tx: &mut Tx<'_>, principal: &str, route: &str, key: &str) -> Result<Option<KeptAnswer>> {
    Ok(keys::table.find((principal, route, key)).select(KeptAnswer::as_select()).first(tx.conn).optional()?)
}

/// Keeps an answer.
pub fn keep(tx: &mut Tx<'_>, answer: &KeptAnswer) -> Result<()> {
    diesel::insert_into(keys::table).values(answer).execute(tx.conn)?;
    Ok(())
}

/// Forgets keys of before `then`, at most `limit`; answers how many.
pub fn forget_before(tx: &mut Tx<'_>, then: OffsetDateTime, limit: i64) -> Result<usize> {
    Ok(diesel::sql_query(
        "DELETE FROM idempotency_keys WHERE (principal, route, key) IN \
         (SELECT principal, route, key FROM idempotency_keys WHERE created_at < $1 LIMIT $2)",
    )
    .bind::<Timestamptz, _>(then)
    .bind::<BigInt, _>(limit)
    .execute(tx.conn)?)
}
