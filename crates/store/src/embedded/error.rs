//! What can go wrong with the private cluster, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// The one command that installs PostgreSQL's server programs on Debian and its relatives.
pub const INSTALL_COMMAND: &str = "apt-get install postgresql";

/// Why the private PostgreSQL could not be started, reached or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No directory holding both `initdb` and `postgres` was found.
    #[error(
        "no PostgreSQL server programs (initdb, postgres) in {searched}. Install them as root with \
         `{INSTALL_COMMAND}`, or set PG_BIN_DIR to their directory, or set DATABASE_URL to a server of your own"
    )]
    NoBinaries {
        /// The places looked at, for the reader.
        searched: String,
    },
    /// The data were written by another major version than the programs found.
    #[error(
        "the data in {data} belong to PostgreSQL {wanted}, whose programs are not installed: install \
         `postgresql-{wanted}`, or move the data with pg_dump"
    )]
    WrongVersion {
        /// The data directory.
        data: PathBuf,
        /// Major version that wrote it.
        wanted: u32,
    },
    /// PostgreSQL refuses to run as root and there is no account to drop to.
    #[error("running as root, and /etc/passwd has neither `postgres` nor `nobody` to run PostgreSQL as")]
    NoUnprivilegedUser,
    /// The account PostgreSQL runs as cannot enter a parent of the data directory.
    #[error(
        "{blocked} cannot be entered by user `{user}`, which PostgreSQL runs as: choose another data directory"
    )]
    Unreachable {
        /// The first directory that bars the way.
        blocked: PathBuf,
        /// The account.
        user: String,
    },
    /// An ordinary user without a home directory.
    #[error("neither XDG_DATA_HOME nor HOME is set: say where the data shall live")]
    NoHome,
    /// Another process of ours holds this data directory.
    #[error("another penstock uses {0}: stop it first, or choose another data directory")]
    InUse(PathBuf),
    /// A path must stand in a connection string and on a command line.
    #[error("the path {0} is not UTF-8")]
    NotUtf8(PathBuf),
    /// `initdb` ended badly.
    #[error("initdb failed: {0}")]
    Initdb(String),
    /// `postgres` ended, or was not ready in time.
    #[error("postgres did not start ({why}); its log {log} ends:\n{tail}")]
    Start {
        /// Ended or timed out.
        why: String,
        /// The log file.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },
    /// The postmaster was still there after an immediate shutdown.
    #[error("postgres (process {0}) did not stop")]
    Stop(u32),
    /// A database name other than lower-case letters, digits and underscores.
    #[error("`{0}` is not a database name: lower-case letters, digits and underscores, at most 63")]
    BadName(String),
    /// The server refused a connection.
    #[error("cannot connect to the private cluster")]
    Connect(#[from] diesel::ConnectionError),
    /// The server refused a statement.
    #[error("the private cluster refused a statement")]
    Query(#[from] diesel::result::Error),
    /// The file system refused.
    #[error("{doing} {path}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// Names the file in an I/O error: "permission denied" alone helps nobody.
pub(super) fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ClusterError {
    let path = path.to_owned();
    move |source| ClusterError::Io { doing, path, source }
}
