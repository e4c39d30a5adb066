//! The API over real sockets, against a real database.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it cannot go on"
)]

mod bodies;
mod calendar;
mod openapi;
mod portal;
mod rebills;
mod rereads;
mod server;
mod tariff_imports;
mod what_if;
