//! What a use case answers when it does not do what was asked.

use vocab::{Code, Problem};

/// Shorthand.
pub type Result<T> = std::result::Result<T, Error>;

/// A refusal, a failed query or a fault of ours.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule refused; the caller is told why.
    #[error(transparent)]
    Refused(#[from] Problem),
    /// The database failed; the caller learns whether trying again may help.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A fault of ours; the caller gets the request id only.
    #[error("{0}")]
    Fault(String),
}

impl Error {
    /// The refusal that the caller is told.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Refused(problem) => problem.clone(),
            Self::Store(store::Error::Exists { constraint }) => {
                Problem::new(Code::AlreadyExists, Code::AlreadyExists.meaning())
                    .with("constraint", constraint)
            }
            Self::Store(store::Error::Refused { constraint }) => {
                Problem::new(Code::UnknownReference, format!("the database refused it: {constraint}"))
            }
            Self::Store(store::Error::Unstorable) => {
                Problem::new(Code::Invalid, "a text holds the character NUL, which cannot be stored")
            }
            Self::Store(store::Error::BadCursor(_)) => {
                Problem::new(Code::MalformedCursor, Code::MalformedCursor.meaning())
            }
            Self::Store(store::Error::TooLong) => {
                Problem::new(Code::Invalid, "a text is longer than can be stored")
            }
            Self::Store(store::Error::Unavailable(_)) => {
                Problem::new(Code::Unavailable, Code::Unavailable.meaning())
            }
            Self::Store(_) | Self::Fault(_) => Problem::new(Code::Internal, Code::Internal.meaning()),
        }
    }
}

impl From<vocab::decimal::Overflow> for Error {
    fn from(overflow: vocab::decimal::Overflow) -> Self {
        Self::Refused(overflow.into())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Fault(format!("a document could not be written or read: {error}"))
    }
}
