//! Starts the mail server of `server.py` in a virtual environment under cargo's target folder.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

const PACKAGE: &str = "aiosmtpd==1.4.6";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/smtp/server.py");

/// A running mail server; ends when dropped.
pub struct Server {
    pub port: u16,
    folder: tempfile::TempDir,
    process: Child,
    stdin: Option<ChildStdin>,
}

impl Server {
    /// Starts one, or says loudly why there is none.
    pub fn start(arguments: &[&str]) -> Option<Self> {
        match python().and_then(|python| Self::run(&python, arguments)) {
            Ok(server) => Some(server),
            Err(reason) => {
                eprintln!("LEFT OUT: no mail server to test against: {reason}");
                None
            }
        }
    }

    fn run(python: &Path, arguments: &[&str]) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut process = Command::new(python)
            .arg(SCRIPT)
            .arg(folder.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let stdin = process.stdin.take();
        let stdout = process.stdout.take().ok_or("no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        let port = line.trim().strip_prefix("PORT ").and_then(|port| port.parse().ok());
        // From here on a fault is a failed test: the environment is there.
        let port = port.unwrap_or_else(|| panic!("the mail server did not start: {line:?}"));
        Ok(Self { port, folder, process, stdin })
    }

    /// What the server understood, in the order of arrival.
    pub fn taken(&self) -> Vec<serde_json::Value> {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A Python with the package, made once; tests in other processes wait for it.
fn python() -> Result<PathBuf, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let environment = home.join("smtp-venv");
    let (python, ready) = (environment.join("bin/python"), environment.join("ready"));
    std::fs::create_dir_all(home).map_err(|error| error.to_string())?;
    let lock = std::fs::File::create(home.join("smtp-venv.lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    if std::fs::read_to_string(&ready).is_ok_and(|package| package == PACKAGE) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", PACKAGE]))?;
    std::fs::write(&ready, PACKAGE).map_err(|error| error.to_string())?;
    Ok(python)
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
}
