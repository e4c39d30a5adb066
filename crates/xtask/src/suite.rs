//! The test suite: both programs built, one throw-away database server, ended afterwards.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{programs, run, setup, workspace};

/// Installs, builds, runs, tidies up. The arguments go to the runner.
pub fn test(arguments: &[String]) -> Result<()> {
    setup::install(setup::Purpose::Test)?;
    let programs = programs::build(programs::Profile::Debug)?;
    let mut command = runner(&selection(arguments));
    command.args(arguments).env("PENSTOCK_BIN", &programs.penstock).env("PENSTOCK_RENDER", &programs.render);
    let outcome = run::run(&mut command);
    let ended = end_server();
    outcome.and(ended)
}

/// nextest when it is installed (a process per test, a summary), otherwise cargo's own runner.
/// The PDF worker is left out: linking typst into test programs costs minutes, and the worker is
/// tested as what it is, a program fed over a pipe.
fn runner(selection: &[&str]) -> Command {
    let is_ci = env::var_os("CI").is_some();
    let mut command = workspace::cargo();
    if run::works(workspace::cargo().args(["nextest", "--version"])) {
        command.args(["nextest", "run"]).args(is_ci.then_some("--profile=ci"));
    } else {
        command.arg("test").args(is_ci.then_some("--no-fail-fast"));
    }
    command.args(selection);
    command
}

/// Everything, unless the caller names packages himself.
fn selection(arguments: &[String]) -> Vec<&'static str> {
    let names_package = |word: &String| word == "-p" || word.starts_with("--package");
    if arguments.iter().any(names_package) { Vec::new() } else { vec!["--workspace", "--exclude", "render"] }
}

/// Ends the server that the tests shared and removes its data.
fn end_server() -> Result<()> {
    let note = workspace::root().join("target/test-cluster.path");
    let Ok(dir) = fs::read_to_string(&note).map(|dir| PathBuf::from(dir.trim())) else { return Ok(()) };
    if let Some(pid) = server_pid(&dir) {
        // Immediate: nobody wants a checkpoint of data that are thrown away.
        run::run(Command::new("kill").args(["-QUIT", &pid]))?;
        let started = Instant::now();
        while server_pid(&dir).is_some() {
            if started.elapsed() > Duration::from_secs(20) {
                bail!("the test database server (process {pid}) does not end");
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
    if dir.join("cluster.lock").exists() {
        fs::remove_dir_all(&dir)?;
    }
    fs::remove_file(&note)?;
    Ok(())
}

/// The server's process, when that number still belongs to the server of this very directory.
fn server_pid(dir: &Path) -> Option<String> {
    let data = dir.join("data");
    let file = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid = file.lines().next()?.trim().to_owned();
    let command_line = fs::read(Path::new("/proc").join(&pid).join("cmdline")).ok()?;
    let needle = data.as_os_str().as_encoded_bytes();
    command_line.windows(needle.len()).any(|window| window == needle).then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naming_a_package_narrows_the_suite() {
        assert!(selection(&["-p".to_owned(), "store".to_owned()]).is_empty());
        assert!(selection(&["--package=store".to_owned()]).is_empty());
        assert_eq!(selection(&["some_test".to_owned()]), ["--workspace", "--exclude", "render"]);
    }
}
