//! Queries against a real database.
#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod ledger;
mod limits;
mod reads;
mod rebills;
