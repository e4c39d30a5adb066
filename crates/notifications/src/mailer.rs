//! The port through which mail leaves. Adapters may block; they never retry by themselves.

use vocab::Language;

use crate::{DeliveryEvent, Line, Mailbox};

/// Our own stable name of a mail; the same for every attempt to send it, so that a reader or a
/// mail server can tell a second copy. Becomes the left part of the `Message-ID` header.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailId(String);

/// A text that cannot name a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a mail id has 1 to 100 letters, digits, `_`, `-` and single dots between them")]
pub struct NotAMailId;

impl MailId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for MailId {
    type Err = NotAMailId;
    fn from_str(text: &str) -> Result<Self, NotAMailId> {
        let part = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        if text.len() <= 100 && text.split('.').all(part) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAMailId)
        }
    }
}

impl From<vocab::DeliveryId> for MailId {
    fn from(id: vocab::DeliveryId) -> Self {
        Self(id.to_string())
    }
}

impl From<vocab::MessageId> for MailId {
    fn from(id: vocab::MessageId) -> Self {
        Self(id.to_string())
    }
}

impl std::fmt::Display for MailId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file that goes with a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its name for the reader; adapters put it in quotes or encode it.
    pub file_name: Line,
    /// Its media type: `application/pdf`.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A mail, ready to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingMail {
    /// Stable and ours.
    pub message_id: MailId,
    /// The utility.
    pub from: Mailbox,
    /// The reader.
    pub to: Mailbox,
    /// The subject.
    pub subject: Line,
    /// The body for programs that show plain text.
    pub text: String,
    /// The body for the others; says the same.
    pub html: String,
    /// Files that go with it.
    pub attachments: Vec<Attachment>,
    /// The language of the bodies.
    pub language: Language,
}

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The other side took it.
    Sent {
        /// Its answer, for the record.
        response: String,
    },
    /// The other side did not take it: it certainly did not go.
    Refused {
        /// Whether trying again is pointless.
        permanent: bool,
        /// Its answer, or what is wrong with the mail.
        reason: String,
    },
    /// The other side could not be reached, or turned everybody away: it certainly did not go, and another
    /// mail would not go either.
    Away {
        /// What happened.
        why: String,
    },
    /// No answer: it may have gone or not.
    Unknown {
        /// What happened.
        why: String,
    },
}

impl SendOutcome {
    /// What the outcome does to a delivery that is being sent.
    pub fn event(&self) -> DeliveryEvent {
        match self {
            Self::Sent { .. } => DeliveryEvent::HandOver,
            Self::Refused { permanent: true, .. } => DeliveryEvent::Bounce,
            // It may go again without being asked for: nothing was taken.
            Self::Refused { permanent: false, .. } | Self::Away { .. } => DeliveryEvent::StepBack,
            Self::Unknown { .. } => DeliveryEvent::Fail,
        }
    }
}

/// Sends mail.
pub trait Mailer: Send + Sync {
    /// Tries once; blocks until the other side has answered or time is up.
    fn send(&self, mail: &OutgoingMail) -> SendOutcome;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transition;
    use vocab::{AccountId, DeliveryId, DeliveryState};

    #[test]
    fn mail_ids_are_safe_in_headers_and_file_names() {
        assert!("dlv_1a2b3".parse::<MailId>().is_ok());
        for bad in ["", ".", "..", "a..b", ".a", "a.", "a/b", "a\\b", "a b", "a@b", "a>", "a\r\nb", "ä"] {
            assert!(bad.parse::<MailId>().is_err(), "{bad:?}");
        }
        let id = DeliveryId::new(AccountId(i64::MAX), i64::MAX);
        assert_eq!(MailId::from(id).to_string().parse(), Ok(MailId::from(id)));
    }

    #[test]
    fn outcomes_move_a_delivery() {
        let sending = DeliveryState::Sending;
        let table = [
            (SendOutcome::Sent { response: "250".into() }, DeliveryState::Sent),
            (SendOutcome::Refused { permanent: true, reason: "550".into() }, DeliveryState::Bounced),
            (SendOutcome::Refused { permanent: false, reason: "451".into() }, DeliveryState::Approved),
            (SendOutcome::Away { why: "connection refused".into() }, DeliveryState::Approved),
            (SendOutcome::Unknown { why: "time-out".into() }, DeliveryState::Failed),
        ];
        for (outcome, state) in table {
            assert_eq!(transition(sending, outcome.event()), Ok(state));
            assert!(transition(DeliveryState::Approved, outcome.event()).is_err());
        }
    }
}
