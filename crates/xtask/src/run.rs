//! Running other programs: what failed is named, and its exit code becomes ours.

use std::fmt;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result};

/// A program that ended badly; it has said why on the terminal itself.
#[derive(Debug)]
pub struct Failed {
    program: String,
    status: ExitStatus,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` failed ({})", self.program, self.status)
    }
}

impl std::error::Error for Failed {}

/// Runs to the end with the terminal as it is, but without input: nothing may wait for an answer.
pub fn run(command: &mut Command) -> Result<()> {
    let status =
        command.stdin(Stdio::null()).status().with_context(|| format!("running `{}`", line(command)))?;
    if status.success() { Ok(()) } else { Err(Failed { program: line(command), status }.into()) }
}

/// Runs to the end and gives what it wrote; its errors go to the terminal.
pub fn read(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("running `{}`", line(command)))?;
    if !output.status.success() {
        return Err(Failed { program: line(command), status: output.status }.into());
    }
    String::from_utf8(output.stdout).with_context(|| format!("reading what `{}` wrote", line(command)))
}

/// Whether the program is there and ends well, silently.
pub fn works(command: &mut Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The exit code of the program that failed, or 1.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let failed = error.downcast_ref::<Failed>().and_then(|failed| failed.status.code());
    failed.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_of_what_failed_is_ours() {
        let error = run(Command::new("sh").args(["-c", "exit 7"])).unwrap_err();
        assert_eq!(exit_code(&error.context("building")), 7);
        assert_eq!(exit_code(&anyhow::anyhow!("else")), 1);
    }
}
