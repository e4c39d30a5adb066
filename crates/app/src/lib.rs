//! Use cases: open the transaction, load, decide (pure crates), save, enqueue.
//!
//! Each module is the same room as its namesakes in `store` and `api`. Invariants:
//! - transactions are opened here and nowhere else;
//! - whoever writes an account's money first locks the account's row;
//! - calls to the outside happen after the commit, with a stored idempotency key;
//! - everything here is synchronous.

pub mod accounts;
pub mod adjustments;
pub mod audit;
mod automatic;
pub mod autopay;
pub mod balances;
pub mod bill_messages;
pub mod bills;
mod caller;
pub mod charges;
pub mod contract_types;
pub mod contracts;
pub mod corrections;
pub mod cycles;
pub mod dashboard;
pub mod deliveries;
mod error;
pub mod exchange;
pub mod exemptions;
pub mod explanation;
pub mod held_reads;
pub mod interval_data;
pub mod interval_gaps;
pub mod invoice_model;
pub mod invoice_runs;
pub mod keys;
pub mod ledger;
pub mod ledger_setup;
pub mod load;
pub mod meters;
mod naming;
mod notices;
mod once;
pub mod operations;
pub mod payment_methods;
pub mod payment_runs;
pub mod payments;
mod per_operation;
pub mod persons;
pub mod places;
pub mod portal;
pub mod ports;
pub mod rates;
mod read_rules;
pub mod reads;
mod real_time;
pub mod rebills;
pub mod rereads;
pub mod runs;
pub mod schedules;
pub mod settings;
pub mod sign_in;
pub mod single_bills;
pub mod staff;
mod time_left;
mod upkeep;
pub mod usage_profiles;
mod utility;
pub mod verify;
pub mod what_if;
pub mod window_steps;
pub mod windows;
pub mod work_lists;
pub mod worker;

pub use caller::Caller;
pub use error::{Error, Result};
pub use once::{Answer, IdempotencyKey, preview};
pub use utility::Utility;

use connectors::gateway::stripe::WebhookCheck;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::Db;
use vocab::{GatewayKind, OperationKind};

/// The application: one utility's database and the ports to the outside.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    parts: Parts,
    utility: utility::Cache,
    signal: Arc<worker::Signal>,
    handlers: Vec<(OperationKind, Box<dyn worker::Handler>)>,
    ready_at: Mutex<Option<Instant>>,
}

/// How long "ready" is believed.
const READY_FOR: Duration = Duration::from_secs(2);

/// What the application is made of: the database, the keys, and the ports to the outside. A port
/// that is not there makes the work that needs it unavailable, nothing else.
pub struct Parts {
    /// The database.
    pub db: Db,
    /// Keys that sign access tokens.
    pub keys: keys::Keys,
    ports: ports::Ports,
    gateways: Gateways,
    webhooks: Option<WebhookCheck>,
    pretends: bool,
    handlers: Vec<(OperationKind, Box<dyn worker::Handler>)>,
}

type Gateways = BTreeMap<GatewayKind, Arc<dyn ::payments::gateway::Gateway>>;

impl Parts {
    /// Without any port to the outside.
    pub fn new(db: Db, keys: keys::Keys) -> Self {
        Self {
            db,
            keys,
            ports: ports::Ports::default(),
            gateways: Gateways::new(),
            webhooks: None,
            pretends: false,
            handlers: Vec::new(),
        }
    }

    /// With a renderer of invoices.
    #[must_use]
    pub fn rendering(mut self, renderer: Arc<dyn ports::Renderer>) -> Self {
        self.ports.renderer = Some(renderer);
        self
    }

    /// With a place for documents.
    #[must_use]
    pub fn keeping(mut self, documents: Arc<dyn connectors::documents::Documents>) -> Self {
        self.ports.documents = Some(documents);
        self
    }

    /// With a way for mail.
    #[must_use]
    pub fn mailing(mut self, mailer: Arc<dyn notifications::Mailer>) -> Self {
        self.ports.mailer = Some(mailer);
        self
    }

    /// With a gateway that collects from methods of this kind.
    #[must_use]
    pub fn collecting(mut self, kind: GatewayKind, gateway: Arc<dyn ::payments::gateway::Gateway>) -> Self {
        self.gateways.insert(kind, gateway);
        self
    }

    /// With the check of what the Stripe-compatible gateway tells.
    #[must_use]
    pub fn hearing(mut self, webhooks: WebhookCheck) -> Self {
        self.webhooks = Some(webhooks);
        self
    }

    /// With a gateway that only pretends: the utility must be a sandbox for as long as this runs.
    #[must_use]
    pub fn pretending(mut self) -> Self {
        self.pretends = true;
        self
    }

    /// Replaces the work of one kind of operation; for tests that watch the queue itself.
    #[must_use]
    pub fn handling(mut self, kind: OperationKind, handler: Box<dyn worker::Handler>) -> Self {
        self.handlers.push((kind, handler));
        self
    }
}

/// The work of every kind of operation.
fn handlers() -> Vec<(OperationKind, Box<dyn worker::Handler>)> {
    vec![
        (OperationKind::BillTest, Box::new(runs::Test::default())),
        (OperationKind::BillAccept, Box::new(runs::Accept::default())),
        (OperationKind::ReadingImport, Box::new(exchange::Importing)),
        (OperationKind::ReadingImportUndo, Box::new(exchange::Undoing)),
        (OperationKind::InvoiceRun, Box::new(invoice_runs::Rendering)),
        (OperationKind::DeliverySend, Box::new(deliveries::Sending)),
        (OperationKind::PaymentRun, Box::new(payment_runs::collect::Collect)),
        (OperationKind::BillCorrection, Box::new(corrections::Correcting)),
        (OperationKind::WhatIf, Box::new(what_if::ReRating::default())),
    ]
}

impl App {
    /// Puts the parts together.
    pub fn new(mut parts: Parts) -> Self {
        let mut all = std::mem::take(&mut parts.handlers);
        all.extend(handlers());
        Self(Arc::new(Inner {
            parts,
            utility: utility::Cache::default(),
            signal: Arc::default(),
            handlers: all,
            ready_at: Mutex::default(),
        }))
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.0.parts.db
    }

    pub(crate) fn ports(&self) -> &ports::Ports {
        &self.0.parts.ports
    }

    /// The gateway that collects from methods of this kind.
    pub(crate) fn gateway(&self, kind: GatewayKind) -> Option<&Arc<dyn ::payments::gateway::Gateway>> {
        self.0.parts.gateways.get(&kind)
    }

    pub(crate) fn pretends(&self) -> bool {
        self.0.parts.pretends
    }

    pub(crate) fn webhook_check(&self) -> Option<&WebhookCheck> {
        self.0.parts.webhooks.as_ref()
    }

    pub(crate) fn signal(&self) -> &Arc<worker::Signal> {
        &self.0.signal
    }

    /// The work of this kind of operation.
    pub(crate) fn handler(&self, kind: OperationKind) -> Result<&dyn worker::Handler> {
        let found = self.0.handlers.iter().find(|(of, _)| *of == kind);
        found
            .map(|(_, handler)| handler.as_ref())
            .ok_or_else(|| Error::Fault(format!("nobody does {kind} here")))
    }

    /// Refuses while the database does not answer or its schema is behind this program.
    ///
    /// A yes holds for two seconds, so that asking often costs nothing.
    pub fn ready(&self) -> Result<()> {
        let last = || self.0.ready_at.lock().unwrap_or_else(PoisonError::into_inner);
        if last().is_some_and(|at| at.elapsed() < READY_FOR) {
            return Ok(());
        }
        if self.db().lacks_migrations()? {
            let detail = "the schema is behind this program; run `penstock migrate`";
            return Err(vocab::Problem::new(vocab::Code::Unavailable, detail).into());
        }
        self.db().tx(|_| Ok::<_, Error>(()))?;
        *last() = Some(Instant::now());
        Ok(())
    }

    /// The keys that sign access tokens.
    pub fn keys(&self) -> &keys::Keys {
        &self.0.parts.keys
    }
}
