//! A database server of one test's own, which it may kill.

use crate::TestDatabase;
use anyhow::{Context, Result, anyhow, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::{Duration, Instant};
use store::embedded::{Cluster, ClusterOptions};
use tempfile::TempDir;

/// Longer than a dying server ever takes.
const GONE_WITHIN: Duration = Duration::from_secs(60);

/// How the server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// What `pg_ctl stop -m immediate` does: no checkpoint, every connection is cut.
    Immediate,
    /// kill -9 of the postmaster; its processes notice that they are orphans.
    Killed,
}

/// A server that keeps what it has committed when its processes die.
///
/// It does not wait for the disk: what is written outlives processes, if not machines.
#[derive(Debug)]
pub struct OwnServer {
    cluster: Option<Cluster>,
    socket_dir: String,
    // Last: removed after the server has stopped.
    dir: TempDir,
}

impl OwnServer {
    /// Starts it in a directory of its own.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start() -> Result<Self> {
        let mut name = tempfile::Builder::new();
        // The server may run under another account, who must be able to reach the directory.
        let dir = name.prefix("penstock-own-").permissions(Permissions::from_mode(0o755)).tempdir()?;
        let cluster = Cluster::start(&Self::options(&dir))?;
        Ok(Self { socket_dir: cluster.socket_dir().to_owned(), cluster: Some(cluster), dir })
    }

    fn options(dir: &TempDir) -> ClusterOptions {
        let mut options = ClusterOptions::durable(dir.path().join("home"));
        // Commits are written before they are answered; only the disk is not waited for. Background work
        // would sit on a database that is being copied.
        for (name, value) in [("fsync", "off"), ("autovacuum", "off"), ("shared_buffers", "128MB")] {
            options.settings.push((name.to_owned(), value.to_owned()));
        }
        options
    }

    /// A database with every migration run, and nothing in it.
    ///
    /// # Errors
    /// When the server refuses, or a migration fails.
    pub fn database(&self) -> Result<TestDatabase> {
        let database = TestDatabase::named(&self.socket_dir);
        database.server()?.ensure(database.name())?;
        store::migrate(database.url())?;
        Ok(database)
    }

    /// Ends the server in mid-work; answers when its postmaster is gone.
    ///
    /// # Errors
    /// When it is not running, or outlives its death.
    pub fn kill(&mut self, death: Death) -> Result<()> {
        let cluster = self.cluster.take().context("the server is not running")?;
        let pid = i32::try_from(cluster.pid()).ok().and_then(Pid::from_raw).context("no process id")?;
        let signal = match death {
            Death::Immediate => Signal::QUIT,
            Death::Killed => Signal::KILL,
        };
        kill_process(pid, signal).map_err(|error| anyhow!("killing the server: {error}"))?;
        let killed_at = Instant::now();
        while cluster.is_running() {
            ensure!(killed_at.elapsed() < GONE_WITHIN, "the server does not die");
            thread::sleep(Duration::from_millis(5));
        }
        // It is gone already; what is left of it in the table of processes goes as well.
        Ok(cluster.stop()?)
    }

    /// Starts it again on what it has kept.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_again(&mut self) -> Result<()> {
        self.cluster = Some(Cluster::start(&Self::options(&self.dir))?);
        Ok(())
    }
}
