//! The port behind which payment gateways stand.
//!
//! The port is synchronous. Every call that moves money carries an [`IdempotencyKey`] that the
//! caller has stored before. An adapter never guesses: what it cannot read, or did not hear to
//! the end, is [`ChargeOutcome::Unknown`], and the caller looks it up.
//!
//! Deliberately missing: card and bank numbers (only tokens pass here) and how tokens are made:
//! the customer's browser does that with the gateway.

use std::fmt;
use vocab::{Currency, Money};

pub use crate::retry::DeclineKind;

/// Names one wish to move money, for ever: the same key never moves it twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdempotencyKey(String);

/// A key that is empty, longer than 255 characters, or not visible ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key is 1 to 255 visible ASCII characters")]
pub struct BadKey;

impl IdempotencyKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for IdempotencyKey {
    type Error = BadKey;
    fn try_from(text: String) -> Result<Self, BadKey> {
        let valid = (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if valid { Ok(Self(text)) } else { Err(BadKey) }
    }
}

impl std::str::FromStr for IdempotencyKey {
    type Err = BadKey;
    fn from_str(text: &str) -> Result<Self, BadKey> {
        Self::try_from(text.to_owned())
    }
}

impl From<IdempotencyKey> for String {
    fn from(key: IdempotencyKey) -> Self {
        key.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The gateway's own name of a charge or refund.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Reference(pub String);

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A stored way to pay, in the gateway's tokens.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Instrument {
    /// The gateway's token of the customer, where it has one. A look-up without the gateway's own
    /// reference needs it.
    pub customer: Option<String>,
    /// The gateway's token of the payment method.
    pub method: String,
}

/// A wish to collect money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeRequest {
    /// Stored before the call.
    pub key: IdempotencyKey,
    /// More than nothing.
    pub amount: Money,
    /// The utility's currency.
    pub currency: Currency,
    /// From what.
    pub instrument: Instrument,
    /// A line for people: what is paid.
    pub description: String,
    /// Names and values that the gateway keeps with the charge: bill id, account number.
    pub metadata: Vec<(String, String)>,
}

/// What came of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeOutcome {
    /// Collected.
    Succeeded {
        /// The gateway's name of it.
        reference: Reference,
    },
    /// Taken, not yet decided: a bank debit under way, or a person's work.
    Pending {
        /// The gateway's name of it.
        reference: Reference,
    },
    /// Refused: nothing was collected.
    Declined(Declined),
    /// Surely nothing was charged, and through no fault of the customer: no connection could be
    /// made, or the gateway does not take requests from us. The same key may be used again.
    NotTaken {
        /// What went wrong, for people.
        why: String,
    },
    /// Nobody knows: a time-out, a cut connection, an answer that cannot be read. To be looked
    /// up; never charged again before that, never taken for a decline.
    Unknown {
        /// What went wrong, for people.
        why: String,
    },
}

/// A refusal of the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declined {
    /// The gateway's name of the refused charge, if it kept one.
    pub reference: Option<Reference>,
    /// A word: `insufficient_funds`, `expired_card` …
    pub reason: String,
    /// Whether trying again may help.
    pub kind: DeclineKind,
    /// The gateway's sentence for people.
    pub message: String,
}

/// Which charge to look up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookUpRequest {
    /// The key of the charge.
    pub key: IdempotencyKey,
    /// From what it was collected.
    pub instrument: Instrument,
    /// The gateway's name of it, when it has told one.
    pub reference: Option<Reference>,
}

/// What a look-up found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUp {
    /// The charge is there; the outcome is one of succeeded, pending and declined.
    Found(ChargeOutcome),
    /// The gateway has no such charge. This is final only when no request can be under way any
    /// more: the caller asks later than the charge's time-out.
    NotFound,
    /// Nothing could be learned; ask again later.
    StillUnknown {
        /// What went wrong, for people.
        why: String,
    },
}

/// A wish to give money back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRequest {
    /// Stored before the call; not the key of the charge.
    pub key: IdempotencyKey,
    /// The charge.
    pub reference: Reference,
    /// More than nothing; the charge's amount at most.
    pub amount: Money,
}

/// What came of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundOutcome {
    /// Given back.
    Succeeded {
        /// The gateway's name of the refund.
        reference: Reference,
    },
    /// Under way.
    Pending {
        /// The gateway's name of the refund.
        reference: Reference,
    },
    /// Not done.
    Refused {
        /// A word.
        reason: String,
        /// The gateway's sentence for people.
        message: String,
    },
    /// Surely not done: nothing reached the gateway, or it does not take requests from us.
    NotTaken {
        /// What went wrong, for people.
        why: String,
    },
    /// Nobody knows; the same request with the same key may be sent again.
    Unknown {
        /// What went wrong, for people.
        why: String,
    },
}

/// A payment gateway.
pub trait Gateway: Send + Sync {
    /// Its name in logs and records.
    fn name(&self) -> &str;

    /// Collects money. Called at most once per key unless the outcome was
    /// [`ChargeOutcome::NotTaken`] or a look-up answered a final [`LookUp::NotFound`].
    fn charge(&self, request: &ChargeRequest) -> ChargeOutcome;

    /// Finds out what became of a charge. Moves no money.
    fn look_up(&self, request: &LookUpRequest) -> LookUp;

    /// Gives money back.
    fn refund(&self, request: &RefundRequest) -> RefundOutcome;
}

/// What a gateway tells of its own accord, its signature checked. Events come more than once and
/// out of order: `id` tells repetitions, and the caller applies only what its table of states
/// allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayEvent {
    /// The gateway's name of the event: the same id is the same event.
    pub id: String,
    /// What happened.
    pub kind: EventKind,
    /// The charge that it is about.
    pub reference: Option<Reference>,
    /// The key that the charge was made with, when the event carries it.
    pub key: Option<IdempotencyKey>,
}

/// What a gateway tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// A charge is collected.
    ChargeSucceeded {
        /// How much.
        amount: Money,
    },
    /// A charge is taken and not yet decided.
    ChargePending,
    /// A charge is refused.
    ChargeFailed(Declined),
    /// Money went back.
    Refunded {
        /// Of the charge in all, so far.
        amount: Money,
    },
    /// The customer's bank takes the money back.
    Disputed {
        /// How much.
        amount: Money,
        /// A word.
        reason: String,
    },
    /// Nothing that concerns us.
    Other {
        /// The gateway's word for it.
        word: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_short_visible_words() {
        let key: IdempotencyKey = "draw_x1-3".parse().unwrap();
        assert_eq!(serde_json::to_string(&key).unwrap(), "\"draw_x1-3\"");
        for bad in ["", "two words", "line\nbreak", "schlüssel", &"x".repeat(256)] {
            assert_eq!(bad.parse::<IdempotencyKey>(), Err(BadKey), "{bad:?}");
            assert!(serde_json::from_str::<IdempotencyKey>(&serde_json::to_string(bad).unwrap()).is_err());
        }
    }
}
