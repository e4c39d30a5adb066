//! Queries against a real database.

mod ledger;
mod reads;
