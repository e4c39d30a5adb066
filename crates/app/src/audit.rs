//! The audit log: what was done, by whom, within the transaction that did it.

use crate::{App, Caller, Result};
use serde_json::Value;
use store::audit::AuditEntry;
use store::{Cursor, Page, Tx};

/// One action on one thing.
#[derive(Debug, Default)]
pub struct Action<'a> {
    /// Resource, dot, verb: `account.open`.
    pub action: &'a str,
    /// Opaque id of the thing.
    pub subject: String,
    /// State before.
    pub before: Option<Value>,
    /// State after.
    pub after: Option<Value>,
    /// Why.
    pub reason: Option<String>,
}

/// Writes an entry for a caller's action.
pub fn record(tx: &mut Tx<'_>, caller: &Caller, action: Action<'_>) -> Result<()> {
    write(tx, caller.actor(), caller.request_id.clone(), action, 1, None)
}

/// Writes one entry for a chunk of things, with a digest over them.
pub fn record_chunk(
    tx: &mut Tx<'_>,
    actor: &str,
    action: Action<'_>,
    items: usize,
    digest: [u8; 32],
) -> Result<()> {
    write(tx, actor.to_owned(), None, action, items, Some(digest.to_vec()))
}

fn write(
    tx: &mut Tx<'_>,
    actor: String,
    request_id: Option<String>,
    action: Action<'_>,
    items: usize,
    digest: Option<Vec<u8>>,
) -> Result<()> {
    let entry = AuditEntry {
        id: tx.new_id()?,
        at: tx.as_of(),
        actor,
        action: action.action.to_owned(),
        subject: action.subject,
        before: action.before,
        after: action.after,
        reason: action.reason,
        request_id,
        items: i32::try_from(items).unwrap_or(i32::MAX),
        digest,
    };
    Ok(store::audit::append(tx, &entry)?)
}

impl App {
    /// The log, newest first, all or of one subject.
    pub fn audit(
        &self,
        subject: Option<&str>,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<AuditEntry>> {
        self.db().tx(|tx| Ok(store::audit::list(tx, subject, after, limit)?))
    }
}
