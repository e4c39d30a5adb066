//! What the sandbox answers.

use super::Shared;
use super::book::{Book, Intent, Kept, Status, now_unix_s};
use super::http::{self, NoRequest, Request};
use super::methods::{Behaviour, Failure, Fault, behaviour};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::TcpStream;
use std::time::Duration;

/// A hanging answer lets go after this at the latest.
const HANG: Duration = Duration::from_secs(120);
/// Longest page of a list.
const PAGE_MAX: usize = 100;
/// The least that a charge collects, as real gateways have one.
const AMOUNT_MIN: i64 = 50;
/// The most.
const AMOUNT_MAX: i64 = 99_999_999;

/// An answer, and what happens to it on its way.
struct Reply {
    status: u16,
    body: Value,
    fault: Option<Fault>,
}

impl Reply {
    const fn new(status: u16, body: Value) -> Self {
        Self { status, body, fault: None }
    }

    fn refused(status: u16, code: &str, message: &str) -> Self {
        let error = json!({"type": "invalid_request_error", "code": code, "message": message});
        Self::new(status, json!({ "error": error }))
    }

    fn not_found() -> Self {
        Self::refused(404, "resource_missing", "There is no such object.")
    }
}

/// Answers the requests of one connection until it ends.
pub(super) fn converse(mut stream: TcpStream, shared: &Shared) {
    let mut rest = Vec::new();
    while !shared.stopping() {
        let request = match http::read(&mut stream, &mut rest) {
            Ok(request) => request,
            Err(NoRequest::Ended) => return,
            Err(NoRequest::Malformed) => {
                let reply = Reply::refused(400, "malformed", "This is no request that is read here.");
                let _gone = http::write(&mut stream, &http::answer(400, &reply.body.to_string(), false));
                return;
            }
        };
        let reply = answer(&request, &mut shared.book());
        let bytes = http::answer(reply.status, &reply.body.to_string(), request.keep);
        let sent = match reply.fault {
            None => http::write(&mut stream, &bytes),
            Some(Fault::Reset) => return,
            Some(Fault::Cut) => {
                let _gone = http::write(&mut stream, &bytes[..bytes.len() / 2]);
                return;
            }
            Some(Fault::Hang) => return shared.hang(HANG),
            Some(Fault::ServerError) => {
                let body = json!({"error": {"type": "api_error", "message": "Something went wrong."}});
                http::write(&mut stream, &http::answer(500, &body.to_string(), request.keep))
            }
        };
        if sent.is_err() || !request.keep {
            return;
        }
    }
}

fn answer(request: &Request, book: &mut Book) -> Reply {
    if !request.key.as_deref().is_some_and(|key| key.starts_with("sk_test_")) {
        return Reply::refused(401, "", "A key that begins with sk_test_ is needed.");
    }
    let Some(key) = request.idempotency_key.clone().filter(|_| request.method == "POST") else {
        return route(request, book);
    };
    let asked = (request.path.clone(), request.body.clone());
    if let Some(kept) = book.kept(&key) {
        if kept.request != asked {
            let message = "This idempotency key came with another request before.";
            let error = json!({"type": "idempotency_error", "message": message});
            return Reply::new(400, json!({ "error": error }));
        }
        let body = serde_json::from_str(&kept.body).unwrap_or(Value::Null);
        return Reply::new(kept.status, body);
    }
    let reply = route(request, book);
    // A request that was refused before it did anything may be sent again, put right.
    let lost = reply.fault == Some(Fault::Reset) && reply.body.is_null();
    if !lost && !matches!(reply.status, 400 | 404) {
        book.keep(key, Kept { request: asked, status: reply.status, body: reply.body.to_string() });
    }
    reply
}

fn route(request: &Request, book: &mut Book) -> Reply {
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    match (request.method.as_str(), path.as_slice()) {
        ("POST", ["v1", "customers"]) if !book.is_full() => {
            let email = field(&request.form(), "email");
            Reply::new(200, book.add_customer(email))
        }
        ("GET", ["v1", "customers", id]) => {
            book.customer(id).map_or_else(Reply::not_found, |customer| Reply::new(200, customer.clone()))
        }
        ("POST", ["v1", "payment_intents"]) => charge(&request.form(), book),
        ("GET", ["v1", "payment_intents"]) => list(request, book),
        ("GET", ["v1", "payment_intents", id]) => {
            book.intent(id).map_or_else(Reply::not_found, |intent| Reply::new(200, intent.to_json()))
        }
        ("POST", ["v1", "refunds"]) => refund(&request.form(), book),
        ("POST", ["v1", "sandbox", "payment_intents", id, "settle"]) => settle(id, &request.form(), book),
        ("POST", ["v1", "sandbox", "payment_intents", id, "dispute"]) => dispute(id, &request.form(), book),
        _ => Reply::not_found(),
    }
}

fn charge(form: &[(String, String)], book: &mut Book) -> Reply {
    let Some(amount) = field(form, "amount").and_then(|amount| amount.parse::<i64>().ok()) else {
        return Reply::refused(400, "parameter_missing", "An amount in minor units is needed.");
    };
    let Some(currency) = field(form, "currency").filter(|code| code.len() == 3) else {
        return Reply::refused(400, "parameter_missing", "A currency is needed.");
    };
    if amount < AMOUNT_MIN {
        return Reply::refused(400, "amount_too_small", "The amount is below the least that is collected.");
    }
    if amount > AMOUNT_MAX {
        return Reply::refused(400, "amount_too_large", "The amount is above the most that is collected.");
    }
    let method = field(form, "payment_method").unwrap_or_default();
    let Some(behaviour) = behaviour(&method) else {
        return Reply::refused(404, "resource_missing", "There is no such payment method.");
    };
    if book.is_full() {
        return Reply::new(503, json!({"error": {"type": "api_error", "message": "The sandbox is full."}}));
    }
    let confirmed = field(form, "confirm").as_deref() == Some("true");
    let (status, fault) = match behaviour {
        _ if !confirmed => (Status::Unconfirmed, None),
        Behaviour::Succeed => (Status::Succeeded, None),
        Behaviour::Fail(failure) => (Status::Failed(failure), None),
        Behaviour::Debit(failure) => (Status::Processing(std::time::Instant::now(), failure), None),
        Behaviour::Charge(fault) => (Status::Succeeded, Some(fault)),
        Behaviour::Lose => return Reply { status: 500, body: Value::Null, fault: Some(Fault::Reset) },
    };
    let id = book.next_id("pi");
    let intent = Intent {
        id,
        amount,
        currency,
        customer: field(form, "customer"),
        method,
        metadata: metadata(form),
        description: field(form, "description"),
        created: now_unix_s(),
        refunded: 0,
        status,
    };
    let body = intent.to_json();
    book.add(intent);
    match status {
        Status::Failed(failure) => {
            let mut error = failure.to_json();
            error["payment_intent"] = body;
            Reply::new(402, json!({ "error": error }))
        }
        _ => Reply { status: 200, body, fault },
    }
}

fn list(request: &Request, book: &mut Book) -> Reply {
    let limit = match field(&request.query, "limit").map(|limit| limit.parse::<usize>()) {
        None => 10,
        Some(Ok(limit)) if (1..=PAGE_MAX).contains(&limit) => limit,
        Some(_) => return Reply::refused(400, "parameter_invalid_integer", "The limit is 1 to 100."),
    };
    let after = field(&request.query, "starting_after");
    if after.as_deref().is_some_and(|id| book.intent(id).is_none()) {
        return Reply::not_found();
    }
    let (data, has_more) = book.list(field(&request.query, "customer").as_deref(), after.as_deref(), limit);
    let url = "/v1/payment_intents";
    Reply::new(200, json!({"object": "list", "url": url, "has_more": has_more, "data": data}))
}

fn refund(form: &[(String, String)], book: &mut Book) -> Reply {
    let id = field(form, "payment_intent").unwrap_or_default();
    let Some(intent) = book.intent(&id) else { return Reply::not_found() };
    if intent.status != Status::Succeeded {
        return Reply::refused(400, "charge_not_refundable", "Nothing was collected.");
    }
    let left = intent.amount - intent.refunded;
    let amount = field(form, "amount").map_or(Some(left), |amount| amount.parse::<i64>().ok());
    let Some(amount) = amount.filter(|amount| *amount > 0) else {
        return Reply::refused(400, "parameter_invalid_integer", "The amount must be more than nothing.");
    };
    if left == 0 {
        return Reply::refused(400, "charge_already_refunded", "All of it was given back before.");
    }
    if amount > left {
        return Reply::refused(400, "amount_too_large", "The refund is more than what is left.");
    }
    intent.refunded += amount;
    let charge = intent.charge_json();
    let body = json!({"id": Value::Null, "object": "refund", "payment_intent": id, "amount": amount,
        "currency": intent.currency, "charge": intent.charge_id(), "status": "succeeded",
        "metadata": metadata(form), "created": now_unix_s()});
    let mut body = body;
    body["id"] = json!(book.next_id("re"));
    book.send("charge.refunded", &charge);
    Reply::new(200, body)
}

/// `outcome=succeeded`, `outcome=failed`, or neither for what the method does.
fn settle(id: &str, form: &[(String, String)], book: &mut Book) -> Reply {
    let failure = match field(form, "outcome").as_deref() {
        None => None,
        Some("succeeded") => Some(None),
        Some("failed") => Some(Some(Failure {
            code: "insufficient_funds",
            decline_code: None,
            message: "The account has too little money.",
        })),
        Some(_) => return Reply::refused(400, "parameter_invalid", "The outcome is succeeded or failed."),
    };
    if book.intent(id).is_none() {
        return Reply::not_found();
    }
    book.settle(id, failure).map_or_else(
        || Reply::refused(400, "payment_intent_unexpected_state", "It is not pending."),
        |body| Reply::new(200, body),
    )
}

fn dispute(id: &str, form: &[(String, String)], book: &mut Book) -> Reply {
    let reason = field(form, "reason").unwrap_or_else(|| "fraudulent".to_owned());
    let Some(intent) = book.intent(id) else { return Reply::not_found() };
    if intent.status != Status::Succeeded {
        return Reply::refused(400, "payment_intent_unexpected_state", "Nothing was collected.");
    }
    let mut body = json!({"object": "dispute", "payment_intent": id, "charge": intent.charge_id(),
        "amount": intent.amount, "currency": intent.currency, "reason": reason,
        "metadata": intent.metadata, "status": "needs_response"});
    body["id"] = json!(book.next_id("dp"));
    book.send("charge.dispute.created", &body);
    Reply::new(200, body)
}

fn field(form: &[(String, String)], name: &str) -> Option<String> {
    form.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.clone())
}

fn metadata(form: &[(String, String)]) -> BTreeMap<String, String> {
    let named = |(key, value): &(String, String)| {
        let name = key.strip_prefix("metadata[")?.strip_suffix(']')?;
        Some((name.to_owned(), value.clone()))
    };
    form.iter().filter_map(named).collect()
}
