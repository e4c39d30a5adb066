//! Real counterparts that others wrote, from Python's public registry: each pinned, each in a
//! virtual environment of its own below the target directory.
//!
//! Where Python or the package is not to be had, `start` says so loudly and answers none: the test
//! leaves the counterpart out. From there on a fault is a failed test.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a counterpart that is there and does not start fails the test; what is left out is said"
)]

mod localstripe;
mod mail_server;
mod python;
mod schemathesis;

pub use localstripe::Localstripe;
pub use mail_server::MailServer;
pub use schemathesis::schemathesis;

use std::process::Child;

/// A counterpart's process; ends when dropped.
#[derive(Debug)]
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// What there is, or a loud word about what is left out.
fn or_left_out<T>(found: Result<T, String>, what: &str) -> Option<T> {
    found.inspect_err(|why| eprintln!("LEFT OUT: {what} is not to be had here: {why}")).ok()
}
