//! What a test changed since the test before it.

use crate::digest::Digest;
use crate::document::Draft;
use vocab::{ItemState, Money};

/// What is kept at hand of an earlier draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DraftSummary {
    /// Digest of its inputs.
    pub digest: Digest,
    /// What became of the account.
    pub state: ItemState,
    /// Its new charges.
    pub total: Money,
}

impl From<&Draft> for DraftSummary {
    fn from(draft: &Draft) -> Self {
        Self { digest: draft.digest, state: draft.state, total: draft.total }
    }
}

/// How a draft differs from the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Changed {
    /// There was none before it.
    New,
    /// Same outcome, same amount.
    Same,
    /// Same outcome, another amount.
    Amount,
    /// Another outcome.
    Outcome,
}

impl Changed {
    /// The word as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Same => "same",
            Self::Amount => "amount",
            Self::Outcome => "outcome",
        }
    }
}

/// What `now` changed against the draft of the test before it.
pub fn compare(previous: Option<&DraftSummary>, now: &Draft) -> Changed {
    match previous {
        None => Changed::New,
        Some(before) if before.state != now.state => Changed::Outcome,
        Some(before) if before.total != now.total => Changed::Amount,
        Some(_) => Changed::Same,
    }
}
