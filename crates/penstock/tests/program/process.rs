//! Starting the program and reading what it says.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// The program with an environment of its own: nothing of the test run's leaks in.
pub fn penstock(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_penstock"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PENSTOCK_") {
            command.env_remove(name);
        }
    }
    command.env_remove("DATABASE_URL").args(arguments).envs(environment.iter().copied());
    command.stdin(Stdio::null());
    command
}

/// Runs to the end; answers whether it succeeded, its output and its errors.
pub fn run(command: &mut Command) -> (bool, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.success(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Runs to the end with this text as standard input.
pub fn run_with_input(command: &mut Command, input: &str) -> (bool, String, String) {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.success(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A running server; killed when the test ends early.
pub struct Served {
    child: Child,
    output: BufReader<ChildStdout>,
    /// Its address, `http://…`.
    pub url: String,
}

impl Served {
    /// Starts it and waits until it says where it serves.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut served = Self { child, output, url: String::new() };
        let mut said = String::new();
        while served.url.is_empty() {
            let mut line = String::new();
            assert!(served.output.read_line(&mut line).unwrap() > 0, "ended before it served: {said}");
            if let Some(rest) = line.strip_prefix("serving ") {
                served.url = rest.split_whitespace().next().unwrap().to_owned();
            }
            said.push_str(&line);
        }
        served
    }

    /// Asks it to stop; answers what it said until its good end.
    pub fn stop(mut self) -> String {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.output, &mut rest).unwrap();
        assert!(self.child.wait().unwrap().success(), "{rest}");
        rest
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
