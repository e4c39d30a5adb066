//! Virtual environments, one per pinned package.

use crate::cluster::target_dir;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

/// The interpreter of an environment with the package (`name==version`). Made once; tests in
/// other processes wait for it.
pub(super) fn with(package: &str) -> Result<PathBuf, String> {
    let home = target_dir().join("counterparts");
    // The version is part of the name: another pin is another environment.
    let environment = home.join(package.replace("==", "-"));
    let (python, ready) = (environment.join("bin/python"), environment.join("ready"));
    fs::create_dir_all(&home).map_err(|error| error.to_string())?;
    let lock = environment.with_added_extension("lock");
    let lock = File::create(lock).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    if !ready.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", package]))?;
        File::create(ready).map_err(|error| error.to_string())?;
    }
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
}
