//! aiosmtpd, running the mail server of `mail_server.py`.

use super::{Process, or_left_out, python};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};

const PACKAGE: &str = "aiosmtpd==1.4.6";
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/counterparts/mail_server.py");

/// A running mail server.
#[derive(Debug)]
pub struct MailServer {
    /// On this machine.
    pub port: u16,
    folder: tempfile::TempDir,
    _process: Process,
    /// It ends when this is closed, should it not be killed.
    _stdin: Option<ChildStdin>,
}

impl MailServer {
    /// Starts one, or says loudly why there is none. `--login USER PASSWORD` and
    /// `--tls CERTIFICATE KEY` are the arguments it knows.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Option<Self> {
        or_left_out(python::with(PACKAGE), "a mail server").map(|python| Self::run(&python, arguments))
    }

    fn run(python: &Path, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(python);
        command.arg(PROGRAM).arg(folder.path()).args(arguments);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, output) = (process.stdin.take(), process.stdout.take().unwrap());
        let process = Process(process);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("PORT ").and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("the mail server did not start: {line:?}"));
        Self { port, folder, _process: process, _stdin: stdin }
    }

    /// What the server understood, in the order of arrival.
    #[must_use]
    pub fn taken(&self) -> Vec<serde_json::Value> {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()).collect()
    }
}
