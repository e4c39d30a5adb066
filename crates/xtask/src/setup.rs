//! What the system must have before the rest can be built, run and tested.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{run, workspace};

/// What the packages are wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Building and showing.
    Demo,
    /// All tests, those of PDFs and of counterparts in Python too.
    Test,
}

/// Something the system has or lacks.
struct Need {
    /// What is missing, for those without Debian.
    what: &'static str,
    /// Debian's packages that bring it.
    packages: &'static [&'static str],
    is_for_tests: bool,
    is_there: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need {
        what: "the PostgreSQL client library with its headers (libpq)",
        packages: &["libpq-dev"],
        is_for_tests: false,
        is_there: has_libpq,
    },
    Need {
        what: "PostgreSQL's server programs (initdb, postgres) and psql",
        packages: &["postgresql", "postgresql-client"],
        is_for_tests: false,
        is_there: || postgres_bin_dir().is_some() && has_program("psql", "--version"),
    },
    Need {
        what: "pdftotext and pdftoppm (poppler)",
        packages: &["poppler-utils"],
        is_for_tests: true,
        is_there: || has_program("pdftotext", "-v") && has_program("pdftoppm", "-v"),
    },
    Need {
        what: "qpdf",
        packages: &["qpdf"],
        is_for_tests: true,
        is_there: || has_program("qpdf", "--version"),
    },
    Need {
        what: "Python 3 with venv",
        packages: &["python3", "python3-venv"],
        is_for_tests: true,
        is_there: || run::works(Command::new("python3").args(["-c", "import venv, ensurepip"])),
    },
];

/// Installs what is missing; without the right to, says the one command that does.
pub fn install(purpose: Purpose) -> Result<()> {
    let wanted = NEEDS.iter().filter(|need| purpose == Purpose::Test || !need.is_for_tests);
    let missing: Vec<&Need> = wanted.filter(|need| !(need.is_there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages.iter().copied()).collect();
    if !has_program("apt-get", "--version") {
        let list: String = missing.iter().map(|need| format!("\n  - {}", need.what)).collect();
        bail!("please install with your system's package manager:{list}");
    }
    if !workspace::is_root() {
        bail!(
            "system packages are missing. Run this once, then try again:\n\n  sudo sh -c '{}'\n",
            by_hand(&packages)
        );
    }
    apt_install(&packages)?;
    match missing.iter().find(|need| !(need.is_there)()) {
        Some(need) => bail!("{} is still missing after installing {}", need.what, need.packages.join(", ")),
        None => Ok(()),
    }
}

/// Debian's package creates and starts a server of its own unless told not to: penstock runs its own.
const NO_CLUSTER_DIR: &str = "/etc/postgresql-common/createcluster.d";
const NO_CLUSTER_FILE: &str = "penstock.conf";
const NO_CLUSTER: &str = "create_main_cluster = false";

fn by_hand(packages: &[&str]) -> String {
    let no_cluster = format!(
        "mkdir -p {NO_CLUSTER_DIR} && echo \"{NO_CLUSTER}\" > {NO_CLUSTER_DIR}/{NO_CLUSTER_FILE} && "
    );
    let first = if packages.contains(&"postgresql") { no_cluster.as_str() } else { "" };
    format!("{first}apt-get update && apt-get install -y --no-install-recommends {}", packages.join(" "))
}

fn apt_install(packages: &[&str]) -> Result<()> {
    eprintln!("installing {}", packages.join(" "));
    let dir = Path::new(NO_CLUSTER_DIR);
    if packages.contains(&"postgresql") {
        fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
        let file = dir.join(NO_CLUSTER_FILE);
        fs::write(&file, format!("{NO_CLUSTER}\n")).with_context(|| format!("writing {}", file.display()))?;
    }
    // A mirror that cannot be reached matters only when the packages are not at hand already.
    if let Err(error) = run::run(apt_get().arg("update")) {
        eprintln!("going on with the package lists at hand: {error:#}");
    }
    run::run(apt_get().args(["install", "-y", "--no-install-recommends"]).args(packages))
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["-q", "-o", "DPkg::Lock::Timeout=300"]);
    command
}

/// Where `initdb` and `postgres` are: the same places, in the same order, as the product looks.
pub fn postgres_bin_dir() -> Option<PathBuf> {
    let has_both = |dir: &PathBuf| dir.join("initdb").is_file() && dir.join("postgres").is_file();
    if let Some(wished) = env::var_os("PG_BIN_DIR") {
        return Some(PathBuf::from(wished)).filter(has_both);
    }
    let mut debian: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    debian.sort_by_key(|version| std::cmp::Reverse(version.0));
    let path = env::var_os("PATH").unwrap_or_default();
    debian.into_iter().map(|(_, dir)| dir).chain(env::split_paths(&path)).find(has_both)
}

/// The linker needs the unversioned name, which only the development package brings.
fn has_libpq() -> bool {
    let told = run::read(Command::new("sh").args(["-c", "pg_config --libdir 2>/dev/null || true"])).ok();
    let mut dirs: Vec<PathBuf> = told.map(|dir| PathBuf::from(dir.trim())).into_iter().collect();
    dirs.extend(env::var_os("PQ_LIB_DIR").map(PathBuf::from));
    dirs.extend(["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from));
    // Debian's directories per architecture.
    dirs.extend(fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path()));
    dirs.iter().any(|dir| dir.join("libpq.so").exists() || dir.join("libpq.dylib").exists())
}

fn has_program(name: &str, harmless_argument: &str) -> bool {
    run::works(Command::new(name).arg(harmless_argument))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_by_hand_prevents_a_second_server() {
        let command = by_hand(&["libpq-dev", "postgresql"]);
        assert!(command.starts_with("mkdir -p /etc/postgresql-common/createcluster.d && echo"));
        assert!(command.ends_with("apt-get install -y --no-install-recommends libpq-dev postgresql"));
        assert!(!by_hand(&["qpdf"]).contains("createcluster"));
    }

    #[test]
    fn a_missing_program_is_noticed() {
        assert!(!has_program("penstock-no-such-program", "--version"));
    }
}
