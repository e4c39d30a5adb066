//! Passwords come from the environment or the standard input, never from the command line, where
//! every user of the machine could read them.

use anyhow::{Context, Result, ensure};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::io::{BufRead, IsTerminal};

/// The variable that may hold the first administrator's password.
pub const VARIABLE: &str = "PENSTOCK_ADMIN_PASSWORD";

/// From the variable, or the first line of the standard input (not echoed on a terminal).
pub fn read() -> Result<String> {
    if let Ok(password) = std::env::var(VARIABLE) {
        return Ok(password);
    }
    let input = std::io::stdin();
    if input.is_terminal() {
        eprint!("Password for the administrator (not shown): ");
    }
    let before = tcgetattr(&input).ok();
    if let Some(before) = &before {
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&input, OptionalActions::Now, &silent).context("hiding the password")?;
    }
    let mut line = String::new();
    let outcome = input.lock().read_line(&mut line);
    if let Some(before) = &before {
        tcsetattr(&input, OptionalActions::Now, before).context("showing input again")?;
        eprintln!();
    }
    outcome.context("reading the password")?;
    let password = line.trim_end_matches(['\r', '\n']);
    ensure!(!password.is_empty(), "no password: set {VARIABLE}, or write it to the standard input");
    Ok(password.to_owned())
}
