//! Building the two programs, and the demonstration.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{run, setup, workspace};

/// How cargo builds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// For tests.
    Debug,
    /// For use.
    Release,
}

/// The two programs, side by side as `penstock` expects them.
pub struct Programs {
    /// Everything but PDFs.
    pub penstock: PathBuf,
    /// The PDF worker.
    pub render: PathBuf,
}

/// Builds both. The same selection of packages as the tests have, so that nothing is built twice
/// with other features; the PDF worker apart, because the tests leave it out.
pub fn build(profile: Profile) -> Result<Programs> {
    let release = (profile == Profile::Release).then_some("--release");
    let main: &[&str] = match profile {
        Profile::Debug => &["--workspace", "--exclude", "render", "--bins"],
        Profile::Release => &["--package", "penstock"],
    };
    eprintln!("building penstock and penstock-render (the first time takes a while)");
    run::run(workspace::cargo().arg("build").args(main).args(release))?;
    run::run(workspace::cargo().args(["build", "--package", "render"]).args(release))?;
    let dir = workspace::target_dir()?.join(if release.is_some() { "release" } else { "debug" });
    Ok(Programs { penstock: dir.join("penstock"), render: dir.join("penstock-render") })
}

/// Runs a folder of rated cases. Its program is a crate of its own: this one links nothing of the
/// house.
pub fn cases(folder: &Path, json: Option<&Path>) -> Result<()> {
    let mut command = workspace::cargo();
    command.args(["run", "-q", "--release", "-p", "cases", "--"]);
    // Cargo runs at the workspace's root, the caller stands elsewhere.
    command.arg(std::path::absolute(folder)?);
    if let Some(file) = json {
        command.arg("--json").arg(std::path::absolute(file)?);
    }
    run::run(&mut command)
}

/// Installs, builds, and becomes `penstock demo`.
pub fn demo(arguments: &[String]) -> Result<()> {
    setup::install(setup::Purpose::Demo)?;
    let programs = build(Profile::Release)?;
    let error = Command::new(&programs.penstock).arg("demo").args(arguments).exec();
    Err(error).with_context(|| format!("running {}", programs.penstock.display()))
}
