//! End to end: one binary, a module per story.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "tests fail by panicking")]

mod account_by_hand;
mod bench;
mod collection;
mod crowds;
mod dashboard;
mod explanation;
mod interval_bills;
mod kills;
mod mail;
mod payments;
mod permissions;
mod portal;
mod published;
mod readings;
mod refusals;
mod runs;
mod schemathesis;
mod workers;
mod year;
