//! The audit log: what was done, by whom, within the transaction that did it.

use crate::{App, Caller, Result};
use serde_json::Value;
use std::str::FromStr;
use store::audit::AuditEntry;
use store::{Cursor, Page, Tx};
use vocab::{
    AccountId, AdjustmentId, BillId, ChargeId, ContractId, DeliveryId, DrawId, FlagId, InvoiceId, PaymentId,
    PaymentMethodId,
};

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

/// The account that a subject is, or belongs to.
fn account_of(subject: &str) -> Option<AccountId> {
    fn owner<T: FromStr>(subject: &str, of: impl Fn(T) -> AccountId) -> Option<AccountId> {
        subject.parse().ok().map(of)
    }
    owner(subject, |id: AccountId| id)
        .or_else(|| owner(subject, |id: ContractId| id.owner))
        .or_else(|| owner(subject, |id: BillId| id.owner))
        .or_else(|| owner(subject, |id: AdjustmentId| id.owner))
        .or_else(|| owner(subject, |id: ChargeId| id.owner))
        .or_else(|| owner(subject, |id: PaymentId| id.owner))
        .or_else(|| owner(subject, |id: PaymentMethodId| id.owner))
        .or_else(|| owner(subject, |id: DrawId| id.owner))
        .or_else(|| owner(subject, |id: InvoiceId| id.owner))
        .or_else(|| owner(subject, |id: DeliveryId| id.owner))
        .or_else(|| owner(subject, |id: FlagId| id.owner))
}

impl App {
    /// The log, newest first, all or of one subject. Who is limited to sites sees what was done to the
    /// accounts of these, subject by subject, and beyond that only what they did themselves.
    pub fn audit(
        &self,
        caller: &Caller,
        subject: Option<&str>,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<AuditEntry>> {
        self.db().tx(|tx| {
            let sees_all = match (caller.sites(), subject.and_then(account_of)) {
                (None, _) => true,
                (Some(sites), Some(id)) => {
                    store::accounts::find(tx, id)?.is_some_and(|account| sites.contains(&account.site_id))
                }
                (Some(_), None) => false,
            };
            let actor = (!sees_all).then(|| caller.actor());
            Ok(store::audit::list(tx, subject, actor.as_deref(), after, limit)?)
        })
    }
}
