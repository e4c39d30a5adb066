//! Starting, killing and stopping the program.

use crate::Client;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use tempfile::TempDir;
use testkit::TestDatabase;

/// The administrator that every test database begins with.
pub const ADMIN: &str = "admin@example.org";
/// Its password.
pub const PASSWORD: &str = "a password for tests only";

/// The path of one of the two programs: named by the environment, or beside this test.
pub fn path_of(variable: &str, name: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return path.into();
    }
    let here = std::env::current_exe().unwrap();
    let path = here.parent().and_then(Path::parent).unwrap().join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo xtask test`, or build it with `cargo build -p {name}`",
        path.display()
    );
    path
}

/// A utility's database with its directory, and the processes that serve it.
pub struct Program {
    /// The database.
    pub database: TestDatabase,
    /// Keys, documents and mail.
    pub dir: TempDir,
    extra: Vec<(String, String)>,
    server: Option<Child>,
    /// Where the API is.
    pub url: String,
}

impl Program {
    /// Serves a fresh database with `workers` worker threads inside.
    pub fn serve(workers: usize) -> Self {
        Self::serve_with(workers, &[])
    }

    /// The same with more of the environment.
    pub fn serve_with(workers: usize, extra: &[(&str, &str)]) -> Self {
        Self::serve_on(TestDatabase::create().unwrap(), workers, extra)
    }

    /// The same on a given database, which is fresh.
    pub fn serve_on(database: TestDatabase, workers: usize, extra: &[(&str, &str)]) -> Self {
        let mut program = Self {
            database,
            dir: tempfile::tempdir().unwrap(),
            extra: extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            server: None,
            url: String::new(),
        };
        let made = program.command(&["key"]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let appointed =
            program.command(&["admin", ADMIN]).env("PENSTOCK_ADMIN_PASSWORD", PASSWORD).output().unwrap();
        assert!(appointed.status.success(), "{}", String::from_utf8_lossy(&appointed.stderr));
        program.start(workers);
        program
    }

    /// Another utility with everything that this one has in its database, and its keys. Nobody serves
    /// this one meanwhile, nor yet the other.
    pub fn copy(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("keys")).unwrap();
        for key in std::fs::read_dir(self.dir.path().join("keys")).unwrap() {
            let key = key.unwrap();
            std::fs::copy(key.path(), dir.path().join("keys").join(key.file_name())).unwrap();
        }
        let database = self.database.copy().unwrap();
        Self { database, dir, extra: self.extra.clone(), server: None, url: String::new() }
    }

    /// A subcommand in this utility's environment; nothing of the test run's leaks in.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(path_of("PENSTOCK_BIN", "penstock"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PENSTOCK_") {
                command.env_remove(name);
            }
        }
        let dir = |name: &str| self.dir.path().join(name).into_os_string();
        command
            .args(arguments)
            .env("DATABASE_URL", self.database.url())
            .env("PENSTOCK_HTTP_LISTEN", "127.0.0.1:0")
            .env("PENSTOCK_HTTP_SIGN_INS_PER_NAME", "1000")
            .env("PENSTOCK_HTTP_SIGN_INS_PER_ADDRESS", "1000")
            .env("PENSTOCK_AUTH_KEYS_DIR", dir("keys"))
            .env("PENSTOCK_DOCUMENTS_FOLDER", dir("documents"))
            .env("PENSTOCK_MAIL_FOLDER", dir("mail"))
            .env("PENSTOCK_RENDER_PROGRAM", path_of("PENSTOCK_RENDER", "penstock-render"))
            .env("PENSTOCK_LOG_FILTER", "warn")
            .envs(self.extra.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Starts the server and waits until it says where it serves.
    pub fn start(&mut self, workers: usize) {
        if let Err(said) = self.try_start(workers, &[]) {
            panic!("ended before it served: {said}");
        }
    }

    /// The same with more of the environment; when it ends before it serves, what it had said.
    pub fn try_start(&mut self, workers: usize, more: &[(&str, &str)]) -> Result<(), String> {
        let mut command = self.command(&["serve", "--workers", &workers.to_string()]);
        command.envs(more.iter().copied());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        loop {
            let mut line = String::new();
            if output.read_line(&mut line).unwrap() == 0 {
                child.wait().unwrap();
                self.server = Some(child);
                return Err(said);
            }
            if let Some(rest) = line.strip_prefix("serving ") {
                self.url = rest.split_whitespace().next().unwrap().to_owned();
                break;
            }
            said.push_str(&line);
        }
        // What it says later must not fill the pipe.
        std::thread::spawn(move || {
            let mut output = output;
            let _ = std::io::copy(&mut output, &mut std::io::sink());
        });
        self.server = Some(child);
        Ok(())
    }

    /// How the server has ended, once it has; none without one.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.server.as_mut()?.try_wait().unwrap()
    }

    /// kill -9: nothing is finished, nothing is said.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.server.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// A worker process beside the server.
    pub fn worker(&self, threads: usize) -> Worker {
        self.worker_with(threads, &[])
    }

    /// The same with more of the environment.
    pub fn worker_with(&self, threads: usize, more: &[(&str, &str)]) -> Worker {
        let mut command = self.command(&["worker", "--threads", &threads.to_string()]);
        Worker(command.envs(more.iter().copied()).stdout(Stdio::null()).spawn().unwrap())
    }

    /// Signed in as the administrator.
    pub fn admin(&self) -> Client {
        Client::sign_in(&self.url, ADMIN, PASSWORD)
    }

    /// `penstock verify`: its exit code and its report.
    pub fn verify(&self) -> (bool, serde_json::Value) {
        let file = self.dir.path().join("verify.json");
        let Output { status, stderr, .. } =
            self.command(&["verify", "--json", file.to_str().unwrap()]).output().unwrap();
        let text = std::fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&stderr)));
        (status.success(), serde_json::from_str(&text).unwrap())
    }

    /// Fails unless every invariant holds.
    pub fn assert_proven(&self) {
        let (ok, report) = self.verify();
        assert!(ok && report["ok"] == true, "{report:#}");
        let invariants = report["invariants"].as_object().unwrap();
        assert!(invariants.contains_key("I1") && invariants.contains_key("I6"), "{report:#}");
    }
}

/// A worker process. None outlives its test, however that ends.
pub struct Worker(Child);

impl Worker {
    /// How it has ended, once it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().unwrap()
    }

    /// kill -9, which is also what becomes of one that is dropped.
    pub fn kill(self) {}
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}
