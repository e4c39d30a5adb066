//! Penstock's own private PostgreSQL, for when no `DATABASE_URL` is given.
//!
//! The system's server programs run on a data directory of ours. Invariants:
//! - one process owns a data directory: it holds `cluster.lock` for as long as it lives;
//! - the server listens on a Unix socket in a directory closed to all others, never on the network;
//! - `data` exists only complete: `initdb` writes beside it and the result is renamed into place;
//! - a server that outlived its owner is adopted, one that died with it is recovered.
//!
//! Deliberately missing: downloads, upgrades between major versions, passwords (the directory's mode is
//! the guard), and ending the server when its owner is killed: the next start adopts it.

mod binaries;
mod databases;
mod error;
mod initdb;
mod options;
mod owner;
mod postmaster;
mod server;
#[cfg(test)]
mod tests;

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use self::error::io_error;
use self::owner::Owner;
use self::server::Server;

pub use self::databases::Databases;
pub use self::error::{ClusterError, INSTALL_COMMAND};
pub use self::options::{ClusterOptions, Durability, default_data_dir};

/// The one role of the cluster, its superuser.
pub const ROLE: &str = "penstock";

/// A running private PostgreSQL. Dropping it stops the server.
#[derive(Debug)]
pub struct Cluster {
    data: PathBuf,
    pid: u32,
    socket_dir: String,
    stop_timeout: Duration,
    // Only to reap the server when it is our child and ends before us.
    child: Option<Child>,
    is_to_be_stopped: bool,
    // Last: released after the server has stopped.
    _lock: File,
}

impl Cluster {
    /// Starts the cluster in `options.data_dir`, creating it when it is not there, adopting its server
    /// when one is still running.
    ///
    /// # Errors
    /// Every [`ClusterError`] but those of statements.
    pub fn start(options: &ClusterOptions) -> Result<Self, ClusterError> {
        let owner = Owner::decide()?;
        owner.own_dir(&options.data_dir)?;
        let home = fs::canonicalize(&options.data_dir).map_err(io_error("resolving", &options.data_dir))?;
        owner.check_reach(&home)?;
        let lock = lock(&home)?;
        let server = Server::new(&home, options, owner)?;
        let (file, child) = match server.adopt() {
            Some(file) => (file, None),
            None => {
                server.ensure_data()?;
                let (file, child) = server.launch()?;
                (file, Some(child))
            }
        };
        let is_adopted = child.is_none();
        tracing::info!(pid = file.pid, is_adopted, data_dir = %home.display(), "private PostgreSQL is ready");
        let socket_dir = file.socket_dir.unwrap_or_default();
        Ok(Self {
            data: server.data().to_owned(),
            pid: file.pid,
            socket_dir: socket_dir
                .to_str()
                .ok_or_else(|| ClusterError::NotUtf8(socket_dir.clone()))?
                .to_owned(),
            stop_timeout: options.stop_timeout,
            child,
            is_to_be_stopped: true,
            _lock: lock,
        })
    }

    /// Connection string of one database, for libpq and all that reads its strings.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        socket_url(&self.socket_dir, database)
    }

    /// Directory of the server's socket, for [`socket_url`].
    #[must_use]
    pub fn socket_dir(&self) -> &str {
        &self.socket_dir
    }

    /// An administrator's connection.
    ///
    /// # Errors
    /// [`ClusterError::Connect`].
    pub fn databases(&self) -> Result<Databases, ClusterError> {
        Databases::connect(&self.url("postgres"))
    }

    /// Process id of the postmaster.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the postmaster is still there.
    #[must_use]
    pub fn is_running(&self) -> bool {
        postmaster::holder(self.pid, &self.data) == postmaster::Holder::OurServer
    }

    /// Stops the server: open transactions are rolled back, a checkpoint is written.
    ///
    /// # Errors
    /// [`ClusterError::Stop`] when it survives even an immediate stop.
    pub fn stop(mut self) -> Result<(), ClusterError> {
        self.end()
    }

    /// Gives the cluster up without stopping its server, for the next process to adopt.
    pub fn leave_running(mut self) {
        self.is_to_be_stopped = false;
    }

    fn end(&mut self) -> Result<(), ClusterError> {
        self.is_to_be_stopped = false;
        let stopped = postmaster::stop(self.pid, &self.data, self.stop_timeout);
        if let Some(child) = self.child.as_mut().filter(|_| stopped.is_ok()) {
            let _ = child.wait();
        }
        stopped
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.is_to_be_stopped
            && let Err(error) = self.end()
        {
            tracing::error!(%error, "private PostgreSQL was left running");
        }
    }
}

/// Connection string of one database of a cluster that another process runs; none when it does not run.
#[must_use]
pub fn running_url(data_dir: &Path, database: &str) -> Option<String> {
    let data = fs::canonicalize(data_dir).ok()?.join("data");
    let file = postmaster::PidFile::read(&data)?;
    let is_ours = postmaster::holder(file.pid, &data) == postmaster::Holder::OurServer;
    let socket_dir = file.socket_dir.filter(|_| is_ours && file.is_ready)?;
    Some(socket_url(socket_dir.to_str()?, database))
}

/// Connection string of `database` on the server whose socket is in `socket_dir`.
#[must_use]
pub fn socket_url(socket_dir: &str, database: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    let host: String = socket_dir
        .bytes()
        .map(|b| if is_plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect();
    format!("postgresql:///{database}?host={host}&user={ROLE}")
}

/// The kernel frees the lock when its holder dies, however it dies.
fn lock(home: &Path) -> Result<File, ClusterError> {
    let path = home.join("cluster.lock");
    let mut options = fs::OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.map_err(io_error("opening", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ClusterError::InUse(home.to_owned())),
        Err(TryLockError::Error(source)) => Err(io_error("locking", &path)(source)),
    }
}
