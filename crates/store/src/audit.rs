//! The audit log: append-only rows, one per action or chunk, written in the action's own transaction.

use crate::schema::audit_entries;
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use serde_json::Value;
use time::OffsetDateTime;

/// One entry.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_entries)]
pub struct AuditEntry {
    /// Row id.
    pub id: i64,
    /// Business time of the action.
    pub at: OffsetDateTime,
    /// Opaque id of the user or program, or `system`.
    pub actor: String,
    /// What was done: `account.open`.
    pub action: String,
    /// Opaque id of what it was done to.
    pub subject: String,
    /// State before, when there was one.
    pub before: Option<Value>,
    /// State after.
    pub after: Option<Value>,
    /// Why, in the actor's words.
    pub reason: Option<String>,
    /// The request that did it.
    pub request_id: Option<String>,
    /// How many things one entry stands for.
    pub items: i32,
    /// SHA-256 over the items of a chunk.
    pub digest: Option<Vec<u8>>,
}

/// Appends an entry.
pub fn append(tx: &mut Tx<'_>, entry: &AuditEntry) -> Result<()> {
    diesel::insert_into(audit_entries::table).values(entry).execute(tx.conn)?;
    Ok(())
}

/// Newest first, all or of one subject, of everybody or one actor.
pub fn list(
    tx: &mut Tx<'_>,
    subject: Option<&str>,
    actor: Option<&str>,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<AuditEntry>> {
    let mut query = audit_entries::table.select(AuditEntry::as_select()).into_boxed();
    if let Some(subject) = subject {
        query = query.filter(audit_entries::subject.eq(subject.to_owned()));
    }
    if let Some(actor) = actor {
        query = query.filter(audit_entries::actor.eq(actor.to_owned()));
    }
    if let Some(id) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(audit_entries::id.lt(id));
    }
    let rows = query.order(audit_entries::id.desc()).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row| Cursor::new([row.id])))
}

/// The entries of one action on any of these subjects, newest first, at most `limit`.
pub fn of_subjects(
    tx: &mut Tx<'_>,
    action: &str,
    subjects: &[String],
    limit: i64,
) -> Result<Vec<AuditEntry>> {
    Ok(audit_entries::table
        .filter(audit_entries::subject.eq_any(subjects).and(audit_entries::action.eq(action)))
        .select(AuditEntry::as_select())
        .order(audit_entries::id.desc())
        .limit(limit)
        .load(tx.conn)?)
}
