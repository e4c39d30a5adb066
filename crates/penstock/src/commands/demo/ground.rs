//! The directory of a demonstration.

use crate::config::Config;
use crate::place;
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use store::embedded::ClusterError;

/// The file that says that a directory is a demonstration's, to be thrown away.
const MARK: &str = "penstock-demo";

/// The directory, empty: what an earlier demonstration left there is removed, anything else is not.
pub fn fresh(config: &Config, asked: Option<&Path>) -> Result<PathBuf> {
    let dir = match asked {
        Some(dir) => std::path::absolute(dir)?,
        None => place::home(config)?.join("demo"),
    };
    if dir.exists() {
        let is_empty = std::fs::read_dir(&dir).with_context(|| dir.display().to_string())?.next().is_none();
        ensure!(
            is_empty || dir.join(MARK).exists(),
            "{} is not a demonstration's directory: name another with --dir",
            dir.display()
        );
        match place::end_orphan(&dir) {
            Err(ClusterError::InUse(_)) => bail!(
                "a demonstration is running in {}: stop it first, or name another directory with --dir",
                dir.display()
            ),
            ended => ended?,
        }
        if !is_empty {
            println!("removing the demonstration before, in {}", dir.display());
            std::fs::remove_dir_all(&dir).with_context(|| format!("removing {}", dir.display()))?;
        }
    }
    std::fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    std::fs::write(dir.join(MARK), "Removed and made anew by `penstock demo`.\n")?;
    Ok(dir)
}
