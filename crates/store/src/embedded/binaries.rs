//! Where the system keeps PostgreSQL's server programs.
//!
//! Order: `PG_BIN_DIR`, then Debian's `/usr/lib/postgresql/*/bin` (newest first), then `PATH`. A data
//! directory that exists already decides the major version. Nothing is ever downloaded.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::ClusterError;

const DEBIAN_ROOT: &str = "/usr/lib/postgresql";

/// The directory that holds `initdb` and `postgres`.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    dir: PathBuf,
}

impl Binaries {
    /// Finds the programs for the data in `data`, or the newest when there are none yet.
    pub(super) fn find(data: &Path) -> Result<Self, ClusterError> {
        let found: Vec<PathBuf> =
            candidates(env::var_os("PG_BIN_DIR").map(PathBuf::from), Path::new(DEBIAN_ROOT))
                .into_iter()
                .filter(|dir| dir.join("initdb").is_file() && dir.join("postgres").is_file())
                .collect();
        if found.is_empty() {
            return Err(ClusterError::NoBinaries {
                searched: format!("PG_BIN_DIR, {DEBIAN_ROOT}/*/bin or PATH"),
            });
        }
        let dir = match data_version(data) {
            None => found.into_iter().next(),
            Some(wanted) => found.into_iter().find(|dir| program_version(dir) == Some(wanted)),
        };
        match (dir, data_version(data)) {
            (Some(dir), _) => Ok(Self { dir }),
            (None, wanted) => {
                Err(ClusterError::WrongVersion { data: data.to_owned(), wanted: wanted.unwrap_or_default() })
            }
        }
    }

    /// Full path of one program.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// `PG_BIN_DIR` alone when it is set (a wish, not a hint), otherwise Debian's directories, then `PATH`.
fn candidates(wished: Option<PathBuf>, debian_root: &Path) -> Vec<PathBuf> {
    if let Some(dir) = wished {
        return vec![dir];
    }
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(debian_root)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_by_key(|version| std::cmp::Reverse(version.0));
    let path = env::var_os("PATH").unwrap_or_default();
    versions.into_iter().map(|(_, dir)| dir).chain(env::split_paths(&path)).collect()
}

fn data_version(data: &Path) -> Option<u32> {
    fs::read_to_string(data.join("PG_VERSION")).ok()?.trim().parse().ok()
}

/// `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` gives 15.
fn program_version(dir: &Path) -> Option<u32> {
    let output = Command::new(dir.join("postgres")).arg("--version").output().ok()?;
    major(&String::from_utf8_lossy(&output.stdout))
}

fn major(version_line: &str) -> Option<u32> {
    let after = version_line.split("(PostgreSQL) ").nth(1)?;
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    after[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_debian_version_comes_first() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9", "15", "17", "share"] {
            fs::create_dir_all(root.path().join(version).join("bin")).unwrap();
        }
        let found = candidates(None, root.path());
        let wanted: Vec<PathBuf> =
            ["17", "15", "9"].iter().map(|v| root.path().join(v).join("bin")).collect();
        assert_eq!(found[..3], wanted[..]);
    }

    #[test]
    fn a_wished_directory_stands_alone() {
        let found = candidates(Some("/opt/pg/bin".into()), Path::new(DEBIAN_ROOT));
        assert_eq!(found, [PathBuf::from("/opt/pg/bin")]);
    }

    #[test]
    fn the_major_version_is_read_from_the_version_line() {
        assert_eq!(major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("something else"), None);
    }
}
