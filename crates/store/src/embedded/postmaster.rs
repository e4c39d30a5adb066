//! The server process: its pid file, whether it lives, and how it is told to stop.
//!
//! The pid file outlives a killed server, and its number may meanwhile belong to another program (in
//! containers the same small numbers come back at every start). So a number is believed only when the
//! process carries our data directory on its command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::error::{ClusterError, io_error};

/// How often states are looked at while waiting.
pub(super) const POLL: Duration = Duration::from_millis(10);

/// What `postmaster.pid` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    /// The postmaster's process id.
    pub(super) pid: u32,
    /// Directory of its Unix socket; absent in the first instants.
    pub(super) socket_dir: Option<PathBuf>,
    /// Whether it accepts connections.
    pub(super) is_ready: bool,
}

impl PidFile {
    /// Reads the file of the cluster in `data`; `None` when it is missing or half-written.
    pub(super) fn read(data: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(data.join("postmaster.pid")).ok()?)
    }

    /// Lines: pid, data directory, start time, port, socket directory, address, memory key, status.
    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let pid = lines.first()?.parse().ok()?;
        let socket_dir = lines.get(4).filter(|line| !line.is_empty()).map(PathBuf::from);
        Some(Self { pid, socket_dir, is_ready: lines.get(7) == Some(&"ready") })
    }
}

/// What holds a process number.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// Nobody, or a dead process not yet reaped by its parent.
    Nobody,
    /// The server of this data directory.
    OurServer,
    /// A PostgreSQL process that we cannot tell: PostgreSQL itself shall judge.
    SomePostgres,
    /// A program that is not PostgreSQL.
    Stranger,
}

/// Looks at process `pid` for the cluster in `data`.
pub(super) fn holder(pid: u32, data: &Path) -> Holder {
    let proc = Path::new("/proc").join(pid.to_string());
    let Ok(command_line) = fs::read(proc.join("cmdline")) else {
        return if is_alive(pid) { Holder::SomePostgres } else { Holder::Nobody };
    };
    let program = fs::read_to_string(proc.join("comm")).unwrap_or_default();
    let is_postgres = matches!(program.trim(), "postgres" | "postmaster");
    if command_line.is_empty() {
        Holder::Nobody
    } else if !is_postgres {
        Holder::Stranger
    } else if mentions(&command_line, data.as_os_str().as_encoded_bytes()) {
        Holder::OurServer
    } else {
        Holder::SomePostgres
    }
}

/// Processes of this cluster that outlived their postmaster: they hold its shared memory.
pub(super) fn is_any_backend_left(data: &Path, cluster_name: &str) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.map(|entry| entry.path()).any(|proc| {
        let is_postgres = fs::read_to_string(proc.join("comm")).is_ok_and(|name| name.trim() == "postgres");
        is_postgres
            && fs::read(proc.join("cmdline")).is_ok_and(|line| {
                mentions(&line, cluster_name.as_bytes())
                    || mentions(&line, data.as_os_str().as_encoded_bytes())
            })
    })
}

/// Removes a pid file that PostgreSQL would respect for ever although its server is dead: the number
/// now belongs to a zombie or to another program. Safe because the caller holds the lock of the data
/// directory and no process of the cluster is left.
pub(super) fn clear_stale_pid_file(data: &Path, cluster_name: &str) -> Result<(), ClusterError> {
    let Some(file) = PidFile::read(data) else { return Ok(()) };
    let is_stale = matches!(holder(file.pid, data), Holder::Nobody | Holder::Stranger);
    if !is_stale || !is_alive(file.pid) || is_any_backend_left(data, cluster_name) {
        return Ok(());
    }
    let path = data.join("postmaster.pid");
    fs::remove_file(&path).map_err(io_error("removing", &path))
}

/// Tells the server in `data` to stop: first fast (transactions are rolled back, a checkpoint is
/// written), then, after `patience`, at once (the next start recovers from the log).
pub(super) fn stop(pid: u32, data: &Path, patience: Duration) -> Result<(), ClusterError> {
    for signal in [Signal::INT, Signal::QUIT] {
        if holder(pid, data) != Holder::OurServer {
            return Ok(());
        }
        send(pid, signal);
        if wait_until(patience, || holder(pid, data) != Holder::OurServer) {
            return Ok(());
        }
    }
    Err(ClusterError::Stop(pid))
}

/// Polls `is_done` until it says yes or time is up; tells which.
pub(super) fn wait_until(patience: Duration, mut is_done: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    loop {
        if is_done() {
            return true;
        }
        if started.elapsed() >= patience {
            return false;
        }
        thread::sleep(POLL);
    }
}

/// Sends a signal; a process that has gone meanwhile is what the sender wanted.
pub(super) fn send(pid: u32, signal: Signal) {
    if let Some(pid) = system_pid(pid) {
        let _ = kill_process(pid, signal);
    }
}

/// Zombies count as alive: the kernel, and so PostgreSQL, sees them so.
fn is_alive(pid: u32) -> bool {
    let Some(pid) = system_pid(pid) else { return false };
    matches!(test_kill_process(pid), Ok(()) | Err(rustix::io::Errno::PERM))
}

fn system_pid(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

fn mentions(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_is_read_in_every_state_of_growth() {
        let full = "4242\n/d/data\n1700000000\n5432\n/d\n\n  12345  678\nready   \n";
        let file = PidFile::parse(full).unwrap();
        assert_eq!(file, PidFile { pid: 4242, socket_dir: Some("/d".into()), is_ready: true });
        let starting = PidFile::parse(&full.replace("ready", "starting")).unwrap();
        assert!(!starting.is_ready);
        assert_eq!(PidFile::parse("4242\n/d/data\n").unwrap().socket_dir, None);
        assert_eq!(PidFile::parse(""), None);
    }

    #[test]
    fn a_number_that_belongs_to_another_program_is_a_strangers() {
        assert_eq!(holder(std::process::id(), Path::new("/nowhere/data")), Holder::Stranger);
        assert_eq!(holder(0x3fff_fff0, Path::new("/nowhere/data")), Holder::Nobody);
    }
}
