//! What an answer means. The one place that decides between declined, not taken and unknown.
//!
//! Only an answer that states an outcome in the documented words counts as one; a status alone
//! never does.

use super::KEY_METADATA;
use payments::gateway::{ChargeOutcome, DeclineKind, Declined, IdempotencyKey, Reference, RefundOutcome};
use payments::retry::classify;
use serde_json::Value;
use vocab::Money;

/// A whole JSON answer.
pub(super) struct Answer {
    status: u16,
    body: Value,
}

/// One page of a list of charges.
pub(super) struct Page {
    items: Vec<Value>,
    has_more: bool,
}

/// Codes of a refused request by which the customer's way to pay, or the amount, is at fault.
/// Any other refused request is our own mistake.
const CUSTOMERS_FAULT: &[&str] = &[
    "amount_",
    "balance_insufficient",
    "bank_account_",
    "card_",
    "expired_card",
    "payment_method_",
    "resource_missing",
];

impl Answer {
    pub(super) fn read(status: u16, body: &[u8]) -> Result<Self, String> {
        match serde_json::from_slice::<Value>(body) {
            Ok(body) if body.is_object() => Ok(Self { status, body }),
            _ => Err(format!("status {status} without a readable answer")),
        }
    }

    /// The answer to a charge of this amount.
    pub(super) fn charge(&self, amount: Money) -> ChargeOutcome {
        match self.status {
            200 | 201 if self.body["amount"].as_i64() == Some(amount.minor()) => intent(&self.body),
            200 | 201 => ChargeOutcome::Unknown { why: "the answer is not about this amount".to_owned() },
            400 | 404 => self.refused_request(),
            402 => self.declined().map_or_else(|| self.unclear(), ChargeOutcome::Declined),
            401 | 403 if self.error_type().is_some() => ChargeOutcome::NotTaken { why: self.why() },
            _ => self.unclear(),
        }
    }

    /// The answer to a look-up by reference.
    pub(super) fn looked_up(&self) -> ChargeOutcome {
        if self.status == 200 { intent(&self.body) } else { self.unclear() }
    }

    pub(super) fn page(self) -> Result<Page, String> {
        if self.status != 200 {
            return Err(self.why());
        }
        let Value::Array(items) = &self.body["data"] else {
            return Err("the answer is not a list".to_owned());
        };
        // Without the word whether there is more, "not found" could not be told.
        let has_more = self.body["has_more"].as_bool().ok_or("the list does not say whether it ends")?;
        Ok(Page { items: items.clone(), has_more })
    }

    pub(super) fn refund(&self) -> RefundOutcome {
        let reason = || {
            let word = text(&self.body["error"]["code"]).or_else(|| self.error_type());
            word.unwrap_or_else(|| "refused".to_owned())
        };
        let unclear = || RefundOutcome::Unknown { why: self.why() };
        match self.status {
            200 | 201 => refund(&self.body).unwrap_or_else(unclear),
            400 | 402 | 404 if self.is_refusal() => {
                RefundOutcome::Refused { reason: reason(), message: self.message() }
            }
            401 | 403 if self.error_type().is_some() => RefundOutcome::NotTaken { why: self.why() },
            _ => unclear(),
        }
    }

    fn refused_request(&self) -> ChargeOutcome {
        if !self.is_refusal() {
            return self.unclear();
        }
        if self.error_type().as_deref() == Some("card_error") {
            return self.declined().map_or_else(|| self.unclear(), ChargeOutcome::Declined);
        }
        match text(&self.body["error"]["code"]) {
            Some(code) if CUSTOMERS_FAULT.iter().any(|start| code.starts_with(start)) => {
                ChargeOutcome::Declined(Declined {
                    reference: self.error_reference(),
                    reason: code,
                    kind: DeclineKind::Hard,
                    message: self.message(),
                })
            }
            _ => ChargeOutcome::NotTaken { why: self.why() },
        }
    }

    /// An error that says that nothing was done. An idempotency error does not: it tells of an
    /// earlier request with the same key.
    fn is_refusal(&self) -> bool {
        self.error_type().is_some_and(|word| word == "invalid_request_error" || word == "card_error")
    }

    fn declined(&self) -> Option<Declined> {
        let error = &self.body["error"];
        let code = text(&error["code"]);
        let decline = text(&error["decline_code"]).filter(|word| word != "generic_decline");
        let reason = decline.clone().or_else(|| code.clone())?;
        let hard = [decline, code].into_iter().flatten().any(|word| classify(&word) == DeclineKind::Hard);
        let kind = if hard { DeclineKind::Hard } else { DeclineKind::Soft };
        Some(Declined { reference: self.error_reference(), reason, kind, message: self.message() })
    }

    fn error_reference(&self) -> Option<Reference> {
        text(&self.body["error"]["payment_intent"]["id"]).map(Reference)
    }

    fn error_type(&self) -> Option<String> {
        text(&self.body["error"]["type"])
    }

    fn message(&self) -> String {
        text(&self.body["error"]["message"]).unwrap_or_default()
    }

    fn why(&self) -> String {
        let kind = self.error_type().unwrap_or_else(|| "no error type".to_owned());
        format!("status {}, {kind}: {}", self.status, self.message())
    }

    fn unclear(&self) -> ChargeOutcome {
        ChargeOutcome::Unknown { why: self.why() }
    }
}

impl Page {
    pub(super) fn with_key(&self, key: &IdempotencyKey) -> Vec<ChargeOutcome> {
        let ours = |item: &&Value| item["metadata"][KEY_METADATA].as_str() == Some(key.as_str());
        self.items.iter().filter(ours).map(intent).collect()
    }

    /// The last id of the page when another follows.
    pub(super) fn next(&self) -> Option<String> {
        if self.has_more { self.items.last().and_then(|item| text(&item["id"])) } else { None }
    }
}

/// What a payment intent says.
pub(super) fn intent(body: &Value) -> ChargeOutcome {
    let id = text(&body["id"]).filter(|_| body["object"] == "payment_intent");
    let Some(reference) = id.map(Reference) else {
        return ChargeOutcome::Unknown { why: "the answer is no payment intent".to_owned() };
    };
    let status = body["status"].as_str().unwrap_or_default();
    let error = &body["last_payment_error"];
    let refused = |reason: String, kind, message: Option<String>| {
        ChargeOutcome::Declined(Declined {
            reference: Some(reference.clone()),
            reason,
            kind,
            message: message.unwrap_or_default(),
        })
    };
    match status {
        "succeeded" => ChargeOutcome::Succeeded { reference },
        "processing" => ChargeOutcome::Pending { reference },
        "requires_payment_method" => {
            let decline = text(&error["decline_code"]).filter(|word| word != "generic_decline");
            let reason = decline.or_else(|| text(&error["code"])).unwrap_or_else(|| "declined".to_owned());
            let kind = classify(&reason);
            refused(reason, kind, text(&error["message"]))
        }
        // The customer would have to act and is not there; nobody else can complete it.
        "requires_action" => refused(
            "authentication_required".to_owned(),
            DeclineKind::Hard,
            Some("the customer must confirm this payment".to_owned()),
        ),
        "canceled" => refused("canceled".to_owned(), DeclineKind::Soft, None),
        other => ChargeOutcome::Unknown { why: format!("the payment intent's status is `{other}`") },
    }
}

fn refund(body: &Value) -> Option<RefundOutcome> {
    let reference = text(&body["id"]).filter(|_| body["object"] == "refund").map(Reference)?;
    match body["status"].as_str()? {
        "succeeded" => Some(RefundOutcome::Succeeded { reference }),
        "pending" | "requires_action" => Some(RefundOutcome::Pending { reference }),
        "failed" | "canceled" => Some(RefundOutcome::Refused {
            reason: text(&body["failure_reason"]).unwrap_or_else(|| "failed".to_owned()),
            message: String::new(),
        }),
        _ => None,
    }
}

pub(super) fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answered(status: u16, body: &Value) -> ChargeOutcome {
        Answer::read(status, body.to_string().as_bytes()).unwrap().charge(Money::from_minor(4351))
    }

    fn error(status: u16, kind: &str, code: &str) -> ChargeOutcome {
        answered(status, &json!({"error": {"type": kind, "code": code, "message": "no"}}))
    }

    fn word(outcome: &ChargeOutcome) -> String {
        match outcome {
            ChargeOutcome::Succeeded { reference } => format!("succeeded {reference}"),
            ChargeOutcome::Pending { reference } => format!("pending {reference}"),
            ChargeOutcome::Declined(declined) => format!("{:?} {}", declined.kind, declined.reason),
            ChargeOutcome::NotTaken { .. } => "not taken".to_owned(),
            ChargeOutcome::Unknown { .. } => "unknown".to_owned(),
        }
    }

    #[test]
    fn the_status_of_an_intent_decides() {
        for (status, expected) in [
            ("succeeded", "succeeded pi_1"),
            ("processing", "pending pi_1"),
            ("requires_payment_method", "Soft insufficient_funds"),
            ("requires_action", "Hard authentication_required"),
            ("canceled", "Soft canceled"),
            ("requires_capture", "unknown"),
            ("requires_confirmation", "unknown"),
            ("a_new_word", "unknown"),
        ] {
            let body = json!({"object": "payment_intent", "id": "pi_1", "amount": 4351, "status": status,
                "last_payment_error": {"code": "card_declined", "decline_code": "insufficient_funds"}});
            assert_eq!(word(&answered(200, &body)), expected, "{status}");
        }
        let other = json!({"object": "payment_intent", "id": "pi_1", "amount": 1, "status": "succeeded"});
        assert_eq!(word(&answered(200, &other)), "unknown");
        let no_intent = json!({"object": "charge", "id": "ch_1", "amount": 4351, "status": "succeeded"});
        assert_eq!(word(&answered(200, &no_intent)), "unknown");
    }

    #[test]
    fn only_a_stated_refusal_is_a_decline() {
        for (status, kind, code, expected) in [
            (402, "card_error", "expired_card", "Hard expired_card"),
            (402, "card_error", "card_declined", "Soft card_declined"),
            (402, "invalid_request_error", "card_declined", "Soft card_declined"),
            (400, "invalid_request_error", "amount_too_small", "Hard amount_too_small"),
            (404, "invalid_request_error", "resource_missing", "Hard resource_missing"),
            (400, "invalid_request_error", "parameter_unknown", "not taken"),
            (401, "invalid_request_error", "", "not taken"),
            (403, "invalid_request_error", "", "not taken"),
            (400, "idempotency_error", "", "unknown"),
            (402, "card_error", "", "unknown"),
            (409, "invalid_request_error", "lock_timeout", "unknown"),
            (429, "invalid_request_error", "rate_limit", "unknown"),
            (500, "api_error", "card_declined", "unknown"),
            (502, "card_error", "card_declined", "unknown"),
            (302, "card_error", "card_declined", "unknown"),
        ] {
            assert_eq!(word(&error(status, kind, code)), expected, "{status} {kind} {code}");
        }
        for status in [400, 401, 402, 403, 404, 500] {
            assert_eq!(word(&answered(status, &json!({"detail": "a proxy says no"}))), "unknown", "{status}");
        }
        for body in ["", "{", "<html>", "[]", "null", "\"declined\""] {
            assert!(Answer::read(402, body.as_bytes()).is_err(), "{body}");
        }
    }
}
