//! localstripe: a look-alike of the Stripe-compatible interface.
//!
//! It knows only the core parameters and no idempotency keys, so it proves no single charging by
//! itself; it keeps what it charged and signs its webhooks, which it sends a second later.

use super::{Process, or_left_out, python};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

const PACKAGE: &str = "localstripe==1.15.10";

/// By itself it listens on every address of the machine, on a port it is told, and keeps what it
/// knows in a file that all of them share; here it is held to this machine, to a port that is
/// free, and to its own memory.
const PROGRAM: &str = "\
import asyncio, socket, sys
from aiohttp import web
from localstripe import resources
from localstripe.server import app
resources.store.dump_to_disk = lambda: None
sock = socket.socket()
sock.bind(('127.0.0.1', 0))
sock.listen()
print('PORT', sock.getsockname()[1], flush=True)
web.run_app(app, sock=sock, print=None)
";

/// A running one.
#[derive(Debug)]
pub struct Localstripe {
    url: String,
    _process: Process,
}

impl Localstripe {
    /// Any key of this form is taken.
    pub const SECRET_KEY: &str = "sk_test_1";
    /// A payment method that succeeds.
    pub const GOOD: &str = "pm_card_visa";
    /// One that is declined at once, softly.
    pub const BAD: &str = "pm_card_chargeCustomerFail";

    /// Starts one, or says loudly why there is none.
    #[must_use]
    pub fn start() -> Option<Self> {
        or_left_out(python::with(PACKAGE), "localstripe").map(|python| Self::run(&python))
    }

    fn run(python: &Path) -> Self {
        let mut command = Command::new(python);
        command.args(["-c", PROGRAM]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let output = process.stdout.take().unwrap();
        let process = Process(process);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("PORT ");
        let port = port.unwrap_or_else(|| panic!("localstripe did not start: {line:?}"));
        Self { url: format!("http://127.0.0.1:{port}"), _process: process }
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}
