//! A throw-away PostgreSQL for one command.
//!
//! Not the product's embedded server: that lives in `store`, which cannot be built while the table
//! definitions that this server is to yield are wrong.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{run, setup, workspace};

/// Runs until dropped.
pub struct Server {
    dir: PathBuf,
    programs: PathBuf,
    account: Option<(u32, u32)>,
}

impl Server {
    /// Creates and starts one in the directory for temporary files.
    pub fn start() -> Result<Self> {
        let programs =
            setup::postgres_bin_dir().context("no PostgreSQL server programs: run `cargo xtask setup`")?;
        let dir = PathBuf::from(format!("/tmp/penstock-schema-{}", std::process::id()));
        fs::create_dir(&dir).with_context(|| format!("creating {}", dir.display()))?;
        let server = Self { dir, programs, account: account()? };
        if let Some((uid, gid)) = server.account {
            chown(&server.dir, Some(uid), Some(gid)).context("handing over the server's directory")?;
        }
        let data = server.dir.join("data");
        let mut initdb = server.program("initdb");
        initdb.arg("-D").arg(&data).args(["-U", "penstock", "-A", "trust", "--no-sync"]);
        initdb.args(["-E", "UTF8", "--locale", "C.UTF-8"]);
        run::run(initdb.stdout(Stdio::null()))?;
        let options = format!("-F -c listen_addresses= -k {}", server.dir.display());
        let mut start = server.program("pg_ctl");
        start
            .arg("-D")
            .arg(&data)
            .args(["-w", "-o", &options])
            .arg("-l")
            .arg(server.dir.join("log"))
            .arg("start");
        run::run(start.stdout(Stdio::null()))?;
        Ok(server)
    }

    /// Creates an empty database.
    pub fn create(&self, database: &str) -> Result<()> {
        self.query("postgres", &format!("CREATE DATABASE {database}")).map(drop)
    }

    /// Runs a file in one transaction.
    pub fn apply(&self, database: &str, file: &Path) -> Result<()> {
        run::run(self.psql(database).args(["-q", "-1", "-o", "/dev/null", "-f"]).arg(file))
            .with_context(|| format!("applying {}", file.display()))
    }

    /// The answer as bare text.
    pub fn query(&self, database: &str, statement: &str) -> Result<String> {
        run::read(self.psql(database).args(["-Atqc", statement]))
    }

    /// The definitions of everything in the database.
    pub fn dump(&self, database: &str) -> Result<String> {
        let mut command = self.client("pg_dump", database);
        let text = run::read(command.args(["--schema-only", "--no-comments"]))?;
        // Newer releases frame the dump with a random key.
        let is_kept = |line: &&str| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict");
        Ok(text.lines().filter(is_kept).collect::<Vec<_>>().join("\n"))
    }

    fn psql(&self, database: &str) -> Command {
        let mut command = self.client("psql", database);
        command.args(["-X", "-v", "ON_ERROR_STOP=1"]).env("PGOPTIONS", "-c client_min_messages=warning");
        command
    }

    /// Clients run as ourselves: they read the repository's files.
    fn client(&self, name: &str, database: &str) -> Command {
        let beside = self.programs.join(name);
        let mut command = Command::new(if beside.is_file() { beside } else { PathBuf::from(name) });
        command.arg("-h").arg(&self.dir).args(["-U", "penstock", "-d", database]);
        command
    }

    /// Server programs refuse root and run as another account then.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(&self.dir);
        if let Some((uid, gid)) = self.account {
            command.gid(gid).uid(uid);
        }
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut stop = self.program("pg_ctl");
        let _ = run::works(stop.arg("-D").arg(self.dir.join("data")).args(["-w", "-m", "immediate", "stop"]));
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn account() -> Result<Option<(u32, u32)>> {
    if !workspace::is_root() {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
    for name in ["postgres", "nobody"] {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(name));
        let fields: Vec<&str> = line.map(|line| line.split(':').collect()).unwrap_or_default();
        if let (Some(uid), Some(gid)) = (fields.get(2), fields.get(3)) {
            return Ok(Some((uid.parse()?, gid.parse()?)));
        }
    }
    bail!("running as root, and there is no account `postgres` or `nobody` to run PostgreSQL as")
}
