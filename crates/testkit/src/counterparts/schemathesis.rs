//! schemathesis: makes requests, right and wrong ones, from an OpenAPI document.

use super::{or_left_out, python};
use std::process::Command;

const PACKAGE: &str = "schemathesis==4.32.5";

/// The program `st`, or a loud word about why there is none.
#[must_use]
pub fn schemathesis() -> Option<Command> {
    let python = or_left_out(python::with(PACKAGE), "schemathesis")?;
    Some(Command::new(python.with_file_name("st")))
}
