//! Deliveries: approving, sending and sending again.
//!
//! Nothing goes out without approval; nothing goes out twice unless a person asks for it.

mod sending;

pub use sending::Sending;

use crate::audit::{self, Action};
use crate::operations::{self, NewOperation, OperationView};
use crate::{App, Caller, Result, accounts, persons};
use notifications::{DeliveryEvent, transition};
use serde_json::json;
use std::collections::BTreeMap;
use store::deliveries::{self, Delivery, DeliveryFilter, Listed, Step};
use store::invoices::Message;
use store::queue::NewChunk;
use store::{Cursor, Page, Tx};
use vocab::{
    AccountId, Channel, Code, DeliveryId, DeliveryState, InvoiceRunId, MessageId, OperationKind,
    OperationState, Problem,
};

/// Accounts of a chunk of sending: small, because each mail waits for the other side.
const CHUNK: usize = 20;
/// Most ids of one request.
const IDS_MAX: usize = 1000;

/// Which deliveries to approve.
#[derive(Debug, Clone)]
pub enum ToApprove {
    /// These.
    Ids(Vec<DeliveryId>),
    /// All of a run's invoices, for both ways or one.
    Run(InvoiceRunId, Option<Channel>),
}

/// What became of one of many.
#[derive(Debug, Clone)]
pub struct Approved {
    /// The delivery.
    pub id: DeliveryId,
    /// Why it was not approved.
    pub refused: Option<Problem>,
}

fn find(tx: &mut Tx<'_>, caller: &Caller, id: DeliveryId) -> Result<Delivery> {
    accounts::find(tx, caller, id.owner)?;
    Ok(deliveries::find(tx, id.owner, id.n)?.ok_or_else(Problem::not_found)?)
}

/// A delivery with its account as of now.
fn listed(tx: &mut Tx<'_>, caller: &Caller, id: DeliveryId) -> Result<Listed> {
    let account = accounts::find(tx, caller, id.owner)?;
    let delivery = find(tx, caller, id)?;
    Ok(Listed { delivery, account_number: account.number, balance: account.current_minor })
}

/// Approves many at once; each is answered for by itself.
pub fn approve(tx: &mut Tx<'_>, caller: &Caller, what: ToApprove) -> Result<Vec<Approved>> {
    let actor = caller.actor();
    let step = Step {
        from: DeliveryState::AwaitingApproval,
        to: DeliveryState::Approved,
        reason: None,
        approved_by: Some(&actor),
        address: None,
        at: tx.as_of(),
    };
    let (subject, results) = match what {
        ToApprove::Run(run, channel) => {
            crate::invoice_runs::find(tx, run)?;
            let sites = caller.sites();
            let moved = deliveries::step_run(tx, run, channel, sites.as_deref(), &step)?;
            let ok = |(account, id)| Approved { id: DeliveryId::new(account, id), refused: None };
            (run.to_string(), moved.into_iter().map(ok).collect::<Vec<_>>())
        }
        ToApprove::Ids(ids) => {
            if ids.is_empty() || ids.len() > IDS_MAX {
                let detail = format!("1 to {IDS_MAX} deliveries");
                return Err(Problem::field("/delivery_ids", Code::FieldRange, detail).into());
            }
            (format!("{} deliveries", ids.len()), approve_each(tx, caller, &ids, &step)?)
        }
    };
    let approved = results.iter().filter(|one| one.refused.is_none()).count();
    if approved > 0 {
        let after = json!({ "approved": approved });
        let action = Action { action: "delivery.approve", subject, after: Some(after), ..Action::default() };
        audit::record(tx, caller, action)?;
    }
    Ok(results)
}

fn approve_each(
    tx: &mut Tx<'_>,
    caller: &Caller,
    ids: &[DeliveryId],
    step: &Step<'_>,
) -> Result<Vec<Approved>> {
    let owners: Vec<AccountId> = ids.iter().map(|id| id.owner).collect();
    let seen: BTreeMap<AccountId, bool> = store::accounts::load(tx, &owners)?
        .into_iter()
        .map(|account| (account.account_id, caller.principal.sees_site(account.site_id)))
        .collect();
    let mut results = Vec::with_capacity(ids.len());
    for &id in ids {
        let visible = seen.get(&id.owner).copied().unwrap_or(false);
        let refused = if !visible {
            Some(Problem::not_found())
        } else if deliveries::step(tx, id.owner, id.n, step)? {
            None
        } else {
            Some(match deliveries::find(tx, id.owner, id.n)? {
                None => Problem::not_found(),
                Some(delivery) => wrong_state(delivery.state, DeliveryEvent::Approve),
            })
        };
        results.push(Approved { id, refused });
    }
    Ok(results)
}

fn wrong_state(state: DeliveryState, event: DeliveryEvent) -> Problem {
    match transition(state, event) {
        // It has just got there: someone else was quicker.
        Ok(_) => Problem::new(Code::WrongState, Code::WrongState.meaning()).with("state", state),
        Err(refused) => refused.into(),
    }
}

/// Files the sending of approved e-mail, all of it or one run's.
pub fn send(tx: &mut Tx<'_>, caller: &Caller, run: Option<InvoiceRunId>) -> Result<OperationView> {
    if let Some(run) = run {
        crate::invoice_runs::find(tx, run)?;
    }
    let sites = caller.sites();
    let ids = deliveries::accounts_to_send(tx, run, sites.as_deref())?;
    if ids.is_empty() {
        return Err(Problem::new(Code::EmptyScope, "no approved e-mail waits to be sent").into());
    }
    let work = NewOperation {
        kind: OperationKind::DeliverySend,
        subject_id: run.map(|run| run.0),
        params: operations::with_time(tx, json!({ "invoice_run": run.map(|run| run.0) }))?,
        chunks: ids.chunks(CHUNK).map(NewChunk::from).collect(),
        total: None,
    };
    let operation = operations::file(tx, &caller.actor(), work)?;
    let action = Action {
        action: "delivery.send",
        subject: operation.id.to_string(),
        after: Some(json!({ "accounts": ids.len() })),
        ..Action::default()
    };
    audit::record(tx, caller, action)?;
    operations::view(tx, operation.id)
}

/// Whether the work that marked a delivery as being sent still goes on, or may.
fn is_under_way(tx: &mut Tx<'_>, delivery: &Delivery) -> Result<bool> {
    use OperationState::{Paused, Queued, Running};
    let Some(Ok(id)) = delivery.reason.as_deref().map(str::parse) else { return Ok(false) };
    let operation = store::queue::operation(tx, id)?;
    Ok(operation.is_some_and(|operation| matches!(operation.state, Queued | Running | Paused)))
}

/// One person's act on one delivery.
fn act(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: DeliveryId,
    version: i64,
    event: DeliveryEvent,
    address: Option<&str>,
) -> Result<Listed> {
    accounts::find(tx, caller, id.owner)?;
    let old = deliveries::lock(tx, id.owner, id.n)?.ok_or_else(Problem::not_found)?;
    if old.version != version {
        return Err(Problem::new(Code::EtagMismatch, Code::EtagMismatch.meaning()).into());
    }
    let to = transition(old.state, event).map_err(Problem::from)?;
    if old.state == DeliveryState::Sending && is_under_way(tx, &old)? {
        let detail = "a worker is sending it";
        return Err(Problem::new(Code::WrongState, detail).with("state", old.state).into());
    }
    let actor = caller.actor();
    let step = Step { from: old.state, to, reason: None, approved_by: Some(&actor), address, at: tx.as_of() };
    deliveries::step(tx, id.owner, id.n, &step)?;
    let name = if event == DeliveryEvent::Resend { "delivery.resend" } else { "delivery.approve" };
    let before = json!({ "state": old.state, "address": old.address });
    let action = Action { action: name, subject: id.to_string(), before: Some(before), ..Action::default() };
    audit::record(tx, caller, action)?;
    listed(tx, caller, id)
}

impl App {
    /// A list of the deliveries that the caller may see, with balances as of now.
    pub fn deliveries(
        &self,
        caller: &Caller,
        filter: DeliveryFilter,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<Listed>> {
        let filter = DeliveryFilter { sites: caller.sites(), ..filter };
        self.db().tx(|tx| Ok(deliveries::list(tx, &filter, after, limit)?))
    }

    /// A delivery with its account's balance as of now.
    pub fn delivery(&self, caller: &Caller, id: DeliveryId) -> Result<Listed> {
        self.db().tx(|tx| listed(tx, caller, id))
    }

    /// Approves a delivery that the caller read as `version`.
    pub fn approve_delivery(&self, caller: &Caller, id: DeliveryId, version: i64) -> Result<Listed> {
        self.db().tx(|tx| act(tx, caller, id, version, DeliveryEvent::Approve, None))
    }

    /// Lets a failed or bounced delivery, or one whose sending was cut off, go again, to another e-mail address when one is given.
    pub fn resend_delivery(
        &self,
        caller: &Caller,
        id: DeliveryId,
        version: i64,
        address: Option<&str>,
    ) -> Result<Listed> {
        persons::check_email("/address", address)?;
        self.db().tx(|tx| {
            let delivery = find(tx, caller, id)?;
            if address.is_some() && delivery.channel == Channel::Postal {
                let detail = "a letter's address is that of its invoice";
                return Err(Problem::field("/address", Code::FieldFormat, detail).into());
            }
            act(tx, caller, id, version, DeliveryEvent::Resend, address)
        })
    }

    /// What was said to a person.
    pub fn message(&self, caller: &Caller, id: MessageId) -> Result<Message> {
        self.db().tx(|tx| {
            accounts::find(tx, caller, id.owner)?;
            Ok(store::invoices::message(tx, id.owner, id.n)?.ok_or_else(Problem::not_found)?)
        })
    }
}
