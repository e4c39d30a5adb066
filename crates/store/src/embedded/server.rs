//! Starting the server on a data directory, and waiting until it serves.

use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::binaries::Binaries;
use super::error::{ClusterError, io_error};
use super::initdb;
use super::options::ClusterOptions;
use super::owner::Owner;
use super::postmaster::{self, Holder, POLL, PidFile};

/// Longest path of a Unix socket, its terminating zero left out.
const SOCKET_PATH_MAX_BYTES: usize = 107;
const SOCKET_NAME: &str = ".s.PGSQL.5432";
const LOG_MAX_BYTES: u64 = 8 << 20;
const LOG_TAIL_LINES: usize = 20;
/// Between two attempts while processes of a dead server still hold its memory.
const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// How long those processes may take to notice.
const RETRY_FOR: Duration = Duration::from_secs(30);

/// Everything that is needed to run one server.
pub(super) struct Server<'a> {
    home: &'a Path,
    data: PathBuf,
    options: &'a ClusterOptions,
    owner: Owner,
    binaries: Binaries,
    name: String,
}

impl<'a> Server<'a> {
    /// `home` is canonical and locked by the caller.
    pub(super) fn new(
        home: &'a Path,
        options: &'a ClusterOptions,
        owner: Owner,
    ) -> Result<Self, ClusterError> {
        let data = home.join("data");
        let binaries = Binaries::find(&data)?;
        let name = format!("penstock-{:016x}", fingerprint(home));
        Ok(Self { home, data, options, owner, binaries, name })
    }

    /// The data directory proper.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// The server that is still running on these data, once it serves.
    pub(super) fn adopt(&self) -> Option<PidFile> {
        let started = Instant::now();
        while started.elapsed() < self.options.start_timeout {
            let file = PidFile::read(&self.data)?;
            if postmaster::holder(file.pid, &self.data) != Holder::OurServer {
                return None;
            }
            if is_serving(&file) {
                return Some(file);
            }
            thread::sleep(POLL);
        }
        None
    }

    /// Creates the data directory when there is none.
    pub(super) fn ensure_data(&self) -> Result<(), ClusterError> {
        if self.data.join("PG_VERSION").is_file() {
            return Ok(());
        }
        initdb::create(self.home, &self.data, &self.binaries, &self.owner, self.options.durability)
    }

    /// Starts the server and waits until it serves. When the former server was killed, its own
    /// processes may outlive it by moments, and PostgreSQL rightly refuses meanwhile: then try again.
    pub(super) fn launch(&self) -> Result<(PidFile, Child), ClusterError> {
        let had_pid_file = self.data.join("postmaster.pid").exists();
        let retry_until = Instant::now() + if had_pid_file { RETRY_FOR } else { Duration::ZERO };
        loop {
            postmaster::clear_stale_pid_file(&self.data, &self.name)?;
            let mut child = self.spawn()?;
            match self.wait(&mut child)? {
                Outcome::Serving(file) => return Ok((file, child)),
                Outcome::Ended(status) if Instant::now() >= retry_until => {
                    return Err(self.start_error(status.to_string()));
                }
                Outcome::Ended(_) => thread::sleep(RETRY_PAUSE),
                Outcome::TimedOut => {
                    let stopped = postmaster::stop(child.id(), &self.data, self.options.stop_timeout);
                    if stopped.is_ok() {
                        let _ = child.wait();
                    }
                    return Err(self.start_error(format!("not ready in {:?}", self.options.start_timeout)));
                }
            }
        }
    }

    fn spawn(&self) -> Result<Child, ClusterError> {
        let socket_dir = self.socket_dir()?;
        let program = self.binaries.program("postgres");
        let mut command = Command::new(&program);
        command.arg("-D").arg(&self.data);
        let place = [("listen_addresses", ""), ("port", "5432"), ("unix_socket_permissions", "0700")];
        for (name, value) in place {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command.arg("-c").arg(format!("unix_socket_directories={}", quoted(&socket_dir)));
        command.arg("-c").arg(format!("cluster_name={}", self.name));
        for (name, value) in self.options.server_settings() {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        self.owner.runs(&mut command);
        let log = self.open_log()?;
        let log_again = log.try_clone().map_err(io_error("opening", &self.log_path()))?;
        command.current_dir(self.home).stdin(Stdio::null()).stdout(log).stderr(log_again);
        command.spawn().map_err(io_error("running", &program))
    }

    fn wait(&self, child: &mut Child) -> Result<Outcome, ClusterError> {
        let started = Instant::now();
        while started.elapsed() < self.options.start_timeout {
            if let Some(status) = child.try_wait().map_err(io_error("waiting for", &self.data))? {
                return Ok(Outcome::Ended(status));
            }
            match PidFile::read(&self.data) {
                Some(file) if file.pid == child.id() && is_serving(&file) => {
                    return Ok(Outcome::Serving(file));
                }
                _ => thread::sleep(POLL),
            }
        }
        Ok(Outcome::TimedOut)
    }

    /// The cluster's own directory when the socket's path fits, otherwise a short one of the same
    /// owner and mode below the directory for temporary files.
    fn socket_dir(&self) -> Result<String, ClusterError> {
        let fits = self.home.as_os_str().len() + 1 + SOCKET_NAME.len() <= SOCKET_PATH_MAX_BYTES;
        let dir = if fits { self.home.to_owned() } else { Path::new("/tmp").join(&self.name) };
        if !fits {
            self.owner.own_dir_in_public_place(&dir)?;
        }
        dir.to_str().map(str::to_owned).ok_or(ClusterError::NotUtf8(dir))
    }

    fn log_path(&self) -> PathBuf {
        self.home.join("postgres.log")
    }

    /// Appends; a log that has grown large is put aside once, at a start.
    fn open_log(&self) -> Result<File, ClusterError> {
        let path = self.log_path();
        if fs::metadata(&path).is_ok_and(|meta| meta.len() > LOG_MAX_BYTES) {
            fs::rename(&path, path.with_extension("log.1")).map_err(io_error("putting aside", &path))?;
        }
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(0o600).open(&path).map_err(io_error("opening", &path))
    }

    fn start_error(&self, why: String) -> ClusterError {
        let log = self.log_path();
        let text = fs::read(&log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n");
        ClusterError::Start { why, log, tail }
    }
}

enum Outcome {
    Serving(PidFile),
    Ended(ExitStatus),
    TimedOut,
}

/// The pid file says ready, and somebody answers at the socket.
fn is_serving(file: &PidFile) -> bool {
    let socket = file.socket_dir.as_ref().map(|dir| dir.join(SOCKET_NAME));
    file.is_ready && socket.is_some_and(|socket| UnixStream::connect(socket).is_ok())
}

/// Tells clusters apart in process titles and below /tmp; not a secret.
fn fingerprint(home: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    home.hash(&mut hasher);
    hasher.finish()
}

/// The setting is a list: a path with a comma, a blank or a quote must be quoted.
fn quoted(dir: &str) -> String {
    format!("\"{}\"", dir.replace('"', "\"\""))
}
