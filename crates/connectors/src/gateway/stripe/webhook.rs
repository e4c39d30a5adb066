//! Signed events from the gateway.
//!
//! The signature is an HMAC-SHA256 over the time stamp, a dot and the raw body, hex, in the
//! `Stripe-Signature` header (`t=…,v1=…`; several `v1` while secrets are being exchanged).
//!
//! Deliberately missing: memory of event ids. Repetitions and disorder are the caller's, whose
//! table of states makes them harmless.

use super::super::secret::Secret;
use super::KEY_METADATA;
use super::answer::{intent, text};
use hmac::{Hmac, KeyInit, Mac};
use payments::gateway::{ChargeOutcome, EventKind, GatewayEvent, Reference};
use serde_json::Value;
use sha2::Sha256;
use time::OffsetDateTime;
use vocab::Money;

/// Checks and reads events.
#[derive(Debug, Clone)]
pub struct WebhookCheck {
    secrets: Vec<Secret>,
    tolerance_s: i64,
}

/// Why an event is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookRefused {
    /// The header is missing parts.
    #[error("the signature header has not the documented form")]
    MalformedHeader,
    /// Signed too long ago, or in the future: possibly a repetition by someone else.
    #[error("the event was not signed just now")]
    NotFresh,
    /// No secret of ours made this signature.
    #[error("the signature does not belong to the event")]
    BadSignature,
    /// Signed, but not an event.
    #[error("the event is not of the documented form")]
    Unreadable,
}

impl WebhookCheck {
    /// With any of several secrets, so that one can be exchanged, and a tolerance of 300 s.
    pub fn new(secrets: Vec<Secret>) -> Self {
        Self { secrets, tolerance_s: 300 }
    }

    /// The same with another tolerance.
    #[must_use]
    pub const fn tolerating_s(mut self, tolerance_s: i64) -> Self {
        self.tolerance_s = tolerance_s;
        self
    }

    /// The event, when its signature is ours and fresh. `now` is real time, not business time.
    ///
    /// # Errors
    /// See [`WebhookRefused`].
    pub fn receive(
        &self,
        signature: &str,
        body: &[u8],
        now: OffsetDateTime,
    ) -> Result<GatewayEvent, WebhookRefused> {
        let mut stamp = None;
        let mut signatures = Vec::new();
        for part in signature.split(',') {
            match part.trim().split_once('=') {
                Some(("t", value)) => stamp = Some(value),
                // More than a handful is no exchange of secrets but an attempt to make us work.
                Some(("v1", value)) if signatures.len() < 8 => signatures.extend(unhex(value)),
                _ => {}
            }
        }
        let stamp = stamp.ok_or(WebhookRefused::MalformedHeader)?;
        let signed_at: i64 = stamp.parse().map_err(|_| WebhookRefused::MalformedHeader)?;
        if signatures.is_empty() {
            return Err(WebhookRefused::MalformedHeader);
        }
        if !self.secrets.iter().any(|secret| signed_by(secret, stamp, body, &signatures)) {
            return Err(WebhookRefused::BadSignature);
        }
        let age_s = now.unix_timestamp().checked_sub(signed_at).ok_or(WebhookRefused::NotFresh)?;
        if age_s.unsigned_abs() > self.tolerance_s.unsigned_abs() {
            return Err(WebhookRefused::NotFresh);
        }
        let event: Value = serde_json::from_slice(body).map_err(|_| WebhookRefused::Unreadable)?;
        read(&event).ok_or(WebhookRefused::Unreadable)
    }
}

/// The value of a `Stripe-Signature` header.
pub(in crate::gateway) fn sign(secret: &Secret, signed_at: i64, body: &[u8]) -> String {
    let stamp = signed_at.to_string();
    let Some(mac) = mac(secret, &stamp, body) else { return String::new() };
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={stamp},v1={hex}")
}

fn mac(secret: &Secret, stamp: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    // HMAC takes keys of every length; an empty secret is none.
    let key = Some(secret.reveal().as_bytes()).filter(|key| !key.is_empty())?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(stamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(mac)
}

fn signed_by(secret: &Secret, stamp: &str, body: &[u8], signatures: &[Vec<u8>]) -> bool {
    let Some(mac) = mac(secret, stamp, body) else { return false };
    // `verify_slice` compares in constant time.
    signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let whole = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    if whole { (0..64).step_by(2).map(byte).collect() } else { None }
}

fn read(event: &Value) -> Option<GatewayEvent> {
    let id = text(&event["id"])?;
    let word = text(&event["type"])?;
    let object = &event["data"]["object"];
    let amount = |name: &str| object[name].as_i64().map(Money::from_minor);
    let kind = match word.as_str() {
        "payment_intent.succeeded" => EventKind::ChargeSucceeded { amount: amount("amount")? },
        "payment_intent.processing" => EventKind::ChargePending,
        "payment_intent.payment_failed" | "payment_intent.canceled" => match intent(object) {
            ChargeOutcome::Declined(declined) => EventKind::ChargeFailed(declined),
            // An event that contradicts its own object decides nothing; a look-up does.
            _ => EventKind::Other { word: word.clone() },
        },
        "charge.refunded" => EventKind::Refunded { amount: amount("amount_refunded")? },
        "charge.dispute.created" => EventKind::Disputed {
            amount: amount("amount")?,
            reason: text(&object["reason"]).unwrap_or_else(|| "general".to_owned()),
        },
        _ => EventKind::Other { word: word.clone() },
    };
    let about_intent = word.starts_with("payment_intent.");
    let reference = if about_intent { text(&object["id"]) } else { text(&object["payment_intent"]) };
    let key = object["metadata"][KEY_METADATA].as_str().and_then(|key| key.parse().ok());
    Some(GatewayEvent { id, kind, reference: reference.map(Reference), key })
}

#[cfg(test)]
mod tests {
    use super::*;
    use payments::gateway::DeclineKind;
    use serde_json::json;
    use time::Duration;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-03-20 12:00 UTC);

    fn body() -> Vec<u8> {
        json!({"id": "evt_1", "object": "event", "type": "payment_intent.succeeded",
            "data": {"object": {"id": "pi_1", "object": "payment_intent", "amount": 4351,
                "status": "succeeded", "metadata": {"penstock_key": "draw_1-1"}}}})
        .to_string()
        .into_bytes()
    }

    fn check() -> WebhookCheck {
        WebhookCheck::new(vec![Secret::new("whsec_new"), Secret::new("whsec_old")])
    }

    #[test]
    fn either_secret_is_believed() {
        for secret in ["whsec_new", "whsec_old"] {
            let header = sign(&Secret::new(secret), NOW.unix_timestamp(), &body());
            let event = check().receive(&header, &body(), NOW).unwrap();
            assert_eq!(event.id, "evt_1");
            assert_eq!(event.kind, EventKind::ChargeSucceeded { amount: Money::from_minor(4351) });
            assert_eq!(event.reference, Some(Reference("pi_1".to_owned())));
            assert_eq!(event.key, Some("draw_1-1".parse().unwrap()));
        }
    }

    /// Computed with `openssl dgst -sha256 -hmac whsec_test` over `1774008000.{}`.
    #[test]
    fn the_signature_is_the_documented_one() {
        assert_eq!(
            sign(&Secret::new("whsec_test"), 1_774_008_000, b"{}"),
            "t=1774008000,v1=3db617c34ff1d805a55dc5bd16d37c5e71c58a6110b10e52b8f87987385d6cf9"
        );
    }

    #[test]
    fn nothing_else_is_believed() {
        let at = NOW.unix_timestamp();
        let good = sign(&Secret::new("whsec_new"), at, &body());
        let refused = |header: &str, body: &[u8], now| check().receive(header, body, now).unwrap_err();
        assert_eq!(refused(&good, b"{}", NOW), WebhookRefused::BadSignature);
        let strange = sign(&Secret::new("whsec_other"), at, &body());
        assert_eq!(refused(&strange, &body(), NOW), WebhookRefused::BadSignature);
        let moved = good.replace(&at.to_string(), &(at + 1).to_string());
        assert_eq!(refused(&moved, &body(), NOW), WebhookRefused::BadSignature);
        for header in ["", "t=1", "v1=00", "t=x,v1=", "t=1,v1=zz", "t=1,v0=00"] {
            assert_eq!(refused(header, &body(), NOW), WebhookRefused::MalformedHeader, "{header}");
        }
        assert!(check().receive(&good, &body(), NOW + Duration::seconds(300)).is_ok());
        assert_eq!(refused(&good, &body(), NOW + Duration::seconds(301)), WebhookRefused::NotFresh);
        assert_eq!(refused(&good, &body(), NOW - Duration::seconds(301)), WebhookRefused::NotFresh);
        let empty = WebhookCheck::new(vec![Secret::new("")]);
        let by_empty = format!("t={at},v1={}", "0".repeat(64));
        assert_eq!(empty.receive(&by_empty, &body(), NOW), Err(WebhookRefused::BadSignature));
        let no_event = sign(&Secret::new("whsec_new"), at, b"{}");
        assert_eq!(refused(&no_event, b"{}", NOW), WebhookRefused::Unreadable);
    }

    #[test]
    fn every_kind_is_read() {
        let event = |word: &str, object: Value| {
            read(&json!({"id": "evt_1", "type": word, "data": {"object": object}})).unwrap()
        };
        let failed = event(
            "payment_intent.payment_failed",
            json!({"object": "payment_intent", "id": "pi_1", "status": "requires_payment_method",
                "last_payment_error": {"code": "expired_card", "message": "expired"}}),
        );
        let EventKind::ChargeFailed(declined) = failed.kind else { panic!("{failed:?}") };
        assert_eq!((declined.reason.as_str(), declined.kind), ("expired_card", DeclineKind::Hard));
        let refunded = event("charge.refunded", json!({"payment_intent": "pi_1", "amount_refunded": 7}));
        assert_eq!(refunded.kind, EventKind::Refunded { amount: Money::from_minor(7) });
        assert_eq!(refunded.reference, Some(Reference("pi_1".to_owned())));
        let disputed = event("charge.dispute.created", json!({"payment_intent": "pi_1", "amount": 9}));
        assert_eq!(
            disputed.kind,
            EventKind::Disputed { amount: Money::from_minor(9), reason: "general".to_owned() }
        );
        let other = event("customer.created", json!({"id": "cus_1"}));
        assert_eq!(other.kind, EventKind::Other { word: "customer.created".to_owned() });
    }
}
