//! What the sandbox remembers: customers, charges, answers by idempotency key.

use super::methods::Failure;
use super::webhooks::Outbox;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// Charges that are kept; further ones are refused.
const CHARGES_MAX: usize = 1_000_000;

/// Where a charge stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Unconfirmed,
    Succeeded,
    Failed(Failure),
    /// Pending since, and what it will be.
    Processing(Instant, Option<Failure>),
}

/// A payment intent.
#[derive(Debug, Clone)]
pub(super) struct Intent {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    pub customer: Option<String>,
    pub method: String,
    pub metadata: BTreeMap<String, String>,
    pub description: Option<String>,
    pub created: i64,
    pub refunded: i64,
    pub status: Status,
}

/// An answer that is given again to the same key.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// Path and body of the request.
    pub request: (String, Vec<u8>),
    pub status: u16,
    pub body: String,
}

/// All that the sandbox remembers.
#[derive(Debug)]
pub(super) struct Book {
    /// Tells the ids of one start from those of another.
    start: String,
    settle_after: Option<Duration>,
    outbox: Option<Outbox>,
    customers: BTreeMap<String, Value>,
    intents: Vec<Intent>,
    by_id: HashMap<String, usize>,
    by_customer: HashMap<String, Vec<usize>>,
    kept: HashMap<String, Kept>,
    last_number: u64,
}

/// Real time: the sandbox stands for a company outside, which knows no business time.
#[allow(clippy::disallowed_methods, reason = "the sandbox stands for another company's clock")]
pub(super) fn now_unix_s() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}

impl Book {
    pub(super) fn new(settle_after: Option<Duration>, outbox: Option<Outbox>) -> Self {
        Self {
            start: format!("{:x}", now_unix_s()),
            settle_after,
            outbox,
            customers: BTreeMap::new(),
            intents: Vec::new(),
            by_id: HashMap::new(),
            by_customer: HashMap::new(),
            kept: HashMap::new(),
            last_number: 0,
        }
    }

    pub(super) fn close_outbox(&mut self) {
        self.outbox = None;
    }

    pub(super) fn next_id(&mut self, prefix: &str) -> String {
        self.last_number += 1;
        format!("{prefix}_sandbox{}n{}", self.start, self.last_number)
    }

    pub(super) fn is_full(&self) -> bool {
        self.intents.len() >= CHARGES_MAX || self.customers.len() >= CHARGES_MAX
    }

    pub(super) fn kept(&self, key: &str) -> Option<&Kept> {
        self.kept.get(key)
    }

    pub(super) fn keep(&mut self, key: String, kept: Kept) {
        // Keys beyond the bound belong to refused charges or refunds: they are not kept.
        if self.kept.len() < CHARGES_MAX * 2 {
            self.kept.insert(key, kept);
        }
    }

    pub(super) fn add_customer(&mut self, email: Option<String>) -> Value {
        let id = self.next_id("cus");
        let customer = json!({"id": id, "object": "customer", "email": email, "created": now_unix_s()});
        self.customers.insert(id, customer.clone());
        customer
    }

    pub(super) fn customer(&self, id: &str) -> Option<&Value> {
        self.customers.get(id)
    }

    pub(super) fn add(&mut self, intent: Intent) -> String {
        let at = self.intents.len();
        let id = intent.id.clone();
        self.by_id.insert(id.clone(), at);
        if let Some(customer) = &intent.customer {
            self.by_customer.entry(customer.clone()).or_default().push(at);
        }
        self.intents.push(intent);
        self.tell(&id);
        id
    }

    /// The charge, its pending debit decided if its time has come.
    pub(super) fn intent(&mut self, id: &str) -> Option<&mut Intent> {
        let at = *self.by_id.get(id)?;
        self.ripen(at);
        self.intents.get_mut(at)
    }

    /// Newest first; the page and whether more follow.
    pub(super) fn list(
        &mut self,
        customer: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> (Vec<Value>, bool) {
        let before = after.and_then(|id| self.by_id.get(id).copied()).unwrap_or(usize::MAX);
        let older = |at: &usize| *at < before;
        let chosen: Vec<usize> = match customer {
            Some(customer) => {
                let all = self.by_customer.get(customer).map_or(&[][..], Vec::as_slice);
                all.iter().rev().copied().filter(older).take(limit + 1).collect()
            }
            None => (0..self.intents.len()).rev().filter(older).take(limit + 1).collect(),
        };
        let page: Vec<usize> = chosen.iter().copied().take(limit).collect();
        for at in &page {
            self.ripen(*at);
        }
        (page.iter().map(|at| self.intents[*at].to_json()).collect(), chosen.len() > limit)
    }

    /// Decides a pending debit; `None` when there is none.
    pub(super) fn settle(&mut self, id: &str, failure: Option<Option<Failure>>) -> Option<Value> {
        let intent = self.intent(id)?;
        let Status::Processing(_, planned) = intent.status else { return None };
        intent.status = failure.unwrap_or(planned).map_or(Status::Succeeded, Status::Failed);
        let body = intent.to_json();
        self.tell(id);
        Some(body)
    }

    /// Sends an event about the charge's present state.
    fn tell(&mut self, id: &str) {
        let Some(intent) = self.by_id.get(id).and_then(|at| self.intents.get(*at)) else { return };
        let word = match intent.status {
            Status::Succeeded => "payment_intent.succeeded",
            Status::Failed(_) => "payment_intent.payment_failed",
            Status::Processing(..) => "payment_intent.processing",
            Status::Unconfirmed => return,
        };
        let object = intent.to_json();
        self.send(word, &object);
    }

    pub(super) fn send(&mut self, word: &str, object: &Value) {
        if self.outbox.is_none() {
            return;
        }
        let id = self.next_id("evt");
        let event = json!({"id": id, "object": "event", "type": word, "created": now_unix_s(),
            "livemode": false, "data": {"object": object}});
        if let Some(outbox) = &self.outbox {
            outbox.put(event.to_string());
        }
    }

    fn ripen(&mut self, at: usize) {
        let Some(intent) = self.intents.get_mut(at) else { return };
        let Status::Processing(since, planned) = intent.status else { return };
        if self.settle_after.is_some_and(|after| since.elapsed() >= after) {
            intent.status = planned.map_or(Status::Succeeded, Status::Failed);
            let id = intent.id.clone();
            self.tell(&id);
        }
    }
}

impl Intent {
    /// The id of its charge.
    pub(super) fn charge_id(&self) -> String {
        self.id.replacen("pi_", "ch_", 1)
    }

    pub(super) fn to_json(&self) -> Value {
        let (status, error) = match self.status {
            Status::Unconfirmed => ("requires_confirmation", Value::Null),
            Status::Succeeded => ("succeeded", Value::Null),
            Status::Processing(..) => ("processing", Value::Null),
            Status::Failed(failure) => ("requires_payment_method", failure.to_json()),
        };
        let charge = if self.status == Status::Unconfirmed { Value::Null } else { json!(self.charge_id()) };
        json!({
            "id": self.id, "object": "payment_intent", "amount": self.amount, "currency": self.currency,
            "customer": self.customer, "payment_method": self.method, "metadata": self.metadata,
            "description": self.description, "created": self.created, "livemode": false,
            "status": status, "last_payment_error": error, "latest_charge": charge,
        })
    }

    /// Its charge, as events about refunds carry it.
    pub(super) fn charge_json(&self) -> Value {
        json!({
            "id": self.charge_id(), "object": "charge", "payment_intent": self.id, "amount": self.amount,
            "amount_refunded": self.refunded, "currency": self.currency, "metadata": self.metadata,
            "refunded": self.refunded == self.amount,
        })
    }
}

impl Failure {
    pub(super) fn to_json(self) -> Value {
        json!({"type": "card_error", "code": self.code, "decline_code": self.decline_code,
            "message": self.message})
    }
}
