//! Creation of the data directory, so that a kill at any moment leaves nothing half-made behind.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use super::binaries::Binaries;
use super::error::{ClusterError, io_error};
use super::options::Durability;
use super::owner::Owner;
use super::{ROLE, postmaster};

const UNFINISHED_PREFIX: &str = "data.tmp";

/// Creates `home/data`: written beside it, then renamed into place.
pub(super) fn create(
    home: &Path,
    data: &Path,
    binaries: &Binaries,
    owner: &Owner,
    durability: Durability,
) -> Result<(), ClusterError> {
    remove_unfinished(home)?;
    // The process id keeps us apart from an initdb that outlived its killed parent: it is about to die
    // of the pipe nobody reads any more, but may still write.
    let unfinished = home.join(format!("{UNFINISHED_PREFIX}.{}", std::process::id()));
    owner.own_dir(&unfinished)?;
    let mut command = Command::new(binaries.program("initdb"));
    command.arg("--pgdata").arg(&unfinished).args(["--username", ROLE, "--auth", "trust"]);
    // The order of the code points either way; "C" compares bytes, some three times as fast.
    command.args(["--encoding", "UTF8", "--locale", "C.UTF-8", "--lc-collate", "C"]);
    if durability == Durability::Throwaway {
        command.arg("--no-sync");
    }
    owner.runs(&mut command);
    command.current_dir(home).stdin(Stdio::null());
    let output = command.output().map_err(io_error("running", &binaries.program("initdb")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(ClusterError::Initdb(if said.is_empty() { output.status.to_string() } else { said }));
    }
    fs::rename(&unfinished, data).map_err(io_error("naming", data))?;
    sync_dir(home)
}

fn remove_unfinished(home: &Path) -> Result<(), ClusterError> {
    for entry in fs::read_dir(home).map_err(io_error("listing", home))?.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(UNFINISHED_PREFIX) {
            continue;
        }
        let path = entry.path();
        let mut last = Ok(());
        // An orphaned initdb may add files while we remove them.
        postmaster::wait_until(std::time::Duration::from_secs(10), || {
            last = fs::remove_dir_all(&path);
            last.is_ok() || !path.exists()
        });
        if path.exists() {
            last.map_err(io_error("removing", &path))?;
        }
    }
    Ok(())
}

/// Makes the rename itself survive a power cut.
fn sync_dir(dir: &Path) -> Result<(), ClusterError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error("syncing", dir))
}
