//! What can go wrong below: told apart as far as a caller can act on it.

use diesel::result::{DatabaseErrorKind, Error as Diesel};

/// Shorthand.
pub type Result<T> = std::result::Result<T, Error>;

/// A failed query or connection.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A unique constraint refused the row.
    #[error("already exists: {constraint}")]
    Exists {
        /// The constraint's name.
        constraint: String,
    },
    /// A foreign key or check refused the row.
    #[error("refused by {constraint}")]
    Refused {
        /// The constraint's name.
        constraint: String,
    },
    /// A text holds what PostgreSQL cannot store: the character NUL.
    #[error("a text holds the character NUL")]
    Unstorable,
    /// A text is longer than an index over it can take.
    #[error("a text is too long for its index")]
    TooLong,
    /// The database cannot serve now: no connection, lock waited for too long, disk full,
    /// shutting down. Trying again later may help.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A cursor that this list did not hand out.
    #[error(transparent)]
    BadCursor(#[from] crate::BadCursor),
    /// A fault of ours.
    #[error("query failed: {0}")]
    Query(Diesel),
    /// A row that this program did not write.
    #[error("a stored {what} is not readable: {why}")]
    Corrupt {
        /// Which document.
        what: &'static str,
        /// The reader's words.
        why: String,
    },
}

impl From<Diesel> for Error {
    fn from(error: Diesel) -> Self {
        match &error {
            Diesel::DatabaseError(kind, info) => {
                let constraint = info.constraint_name().unwrap_or_default().to_owned();
                match kind {
                    DatabaseErrorKind::UniqueViolation => Self::Exists { constraint },
                    DatabaseErrorKind::ForeignKeyViolation | DatabaseErrorKind::CheckViolation => {
                        Self::Refused { constraint }
                    }
                    DatabaseErrorKind::ClosedConnection
                    | DatabaseErrorKind::SerializationFailure
                    | DatabaseErrorKind::ReadOnlyTransaction => Self::Unavailable(info.message().to_owned()),
                    _ if is_unstorable(info.message()) => Self::Unstorable,
                    _ if is_too_long(info.message()) => Self::TooLong,
                    _ if is_passing(info.message()) => Self::Unavailable(info.message().to_owned()),
                    _ => Self::Query(error),
                }
            }
            Diesel::BrokenTransactionManager | Diesel::AlreadyInTransaction => {
                Self::Unavailable(error.to_string())
            }
            _ => Self::Query(error),
        }
    }
}

/// What PostgreSQL says of NUL in a text, and in a document.
fn is_unstorable(message: &str) -> bool {
    message.contains("invalid byte sequence for encoding")
        || message.contains("unsupported Unicode escape sequence")
}

/// What PostgreSQL says (SQLSTATE 54000) of a key beyond a third of a page, and beyond a whole one.
fn is_too_long(message: &str) -> bool {
    message.starts_with("index row size") || message.starts_with("index row requires")
}

/// Messages of conditions that pass by themselves; libpq hands no SQLSTATE through for these.
fn is_passing(message: &str) -> bool {
    [
        "deadlock detected",
        "lock timeout",
        "statement timeout",
        "No space left",
        "terminating connection",
        "server closed the connection",
        "the database system is",
        "could not connect",
        "no connection to the server",
        "SSL SYSCALL",
    ]
    .iter()
    .any(|part| message.contains(part))
}

impl From<r2d2::Error> for Error {
    fn from(error: r2d2::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<diesel::ConnectionError> for Error {
    fn from(error: diesel::ConnectionError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
