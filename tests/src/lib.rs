//! The harness of the end-to-end tests: the program as it is shipped, driven over HTTP.
//!
//! A test starts `penstock serve` on a database of its own, speaks the published API and looks
//! at answers, mail and files. Nothing here links the program's crates.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test harness fails by panicking and says what it leaves out"
)]

pub mod billed;
pub mod client;
pub mod faults;
pub mod made_up;
pub mod program;
pub mod rows;
pub mod town;

pub use billed::Billed;
pub use client::{Client, Reply};
pub use program::{Program, Worker, path_of};
