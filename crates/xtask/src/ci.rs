//! Every check but the tests, all of them even when one fails.

use anyhow::{Result, bail};

use crate::{printed, run, schema, setup, tidy, workspace};

type Check = fn() -> Result<()>;

/// Runs the checks and names those that failed.
pub fn run() -> Result<()> {
    setup::install(setup::Purpose::Demo)?;
    add_components()?;
    let checks: [(&str, Check); 6] = [
        ("tidy", tidy::check),
        ("formatting", formatting),
        ("lints", lints),
        ("schema", || schema::run(true)),
        ("openapi", || printed::openapi(true)),
        ("error codes", || printed::errors(true)),
    ];
    let mut failed = Vec::new();
    for (name, check) in checks {
        eprintln!("== {name}");
        if let Err(error) = check() {
            eprintln!("error: {error:#}");
            failed.push(name);
        }
    }
    if failed.is_empty() {
        println!("all checks passed");
        return Ok(());
    }
    bail!("failed: {}", failed.join(", "))
}

fn formatting() -> Result<()> {
    run::run(workspace::cargo().args(["fmt", "--all", "--check"]))
}

fn lints() -> Result<()> {
    run::run(workspace::cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// A minimal toolchain lacks them; where rustup manages it they are one command away.
fn add_components() -> Result<()> {
    let has = |name: &str| run::works(workspace::cargo().args([name, "--version"]));
    if has("fmt") && has("clippy") {
        return Ok(());
    }
    let mut rustup = std::process::Command::new("rustup");
    run::run(rustup.args(["component", "add", "rustfmt", "clippy"]).current_dir(workspace::root()))
}
