//! Use cases: open the transaction, load, decide (pure crates), save, enqueue.
//!
//! Each module is the same room as its namesakes in `store` and `api`. Invariants:
//! - transactions are opened here and nowhere else;
//! - whoever writes an account's money first locks the account's row;
//! - calls to the outside happen after the commit, with a stored idempotency key;
//! - everything here is synchronous.

pub mod accounts;
pub mod audit;
mod caller;
mod error;
pub mod keys;
mod once;
pub mod persons;
mod real_time;
pub mod settings;
pub mod sign_in;
pub mod staff;
mod utility;

pub use caller::Caller;
pub use error::{Error, Result};
pub use once::{Answer, IdempotencyKey};
pub use utility::Utility;

use std::sync::Arc;
use store::Db;

/// The application: one utility's database and the ports to the outside.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    db: Db,
    keys: keys::Keys,
    utility: utility::Cache,
}

/// What the application is made of.
pub struct Parts {
    /// The database.
    pub db: Db,
    /// Keys that sign access tokens.
    pub keys: keys::Keys,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { db: parts.db, keys: parts.keys, utility: utility::Cache::default() }))
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// Refuses while the database does not answer or its schema is behind this program.
    pub fn ready(&self) -> Result<()> {
        if store::migrations_pending(self.db().url())? {
            let detail = "the schema is behind this program; run `penstock migrate`";
            return Err(vocab::Problem::new(vocab::Code::Unavailable, detail).into());
        }
        self.db().tx(|_| Ok(()))
    }

    /// The keys that sign access tokens.
    pub fn keys(&self) -> &keys::Keys {
        &self.0.keys
    }
}
