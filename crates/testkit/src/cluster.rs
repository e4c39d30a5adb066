//! A database per test, cloned from a migrated template on one throw-away server.
//!
//! Test runners start a process per test, so the server is shared between processes: the first to
//! take the lock in the target directory starts it, the others adopt it, and `cargo xtask test` ends
//! it. One that is left running (a test run alone) is adopted by the next run and does no harm.
//!
//! Nothing on this server is safe: `fsync` is off and the data lie in memory when there is room.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, anyhow};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl};
use sha2::{Digest, Sha256};
use store::embedded::{Cluster, ClusterError, ClusterOptions, Databases};

/// Names the server's directory instead of our own choice.
pub const CLUSTER_DIR_VARIABLE: &str = "PENSTOCK_TEST_CLUSTER";
/// In the target directory: names the directory of the server that was left running.
pub const CLUSTER_DIR_FILE: &str = "test-cluster.path";

const MEMORY_DIR: &str = "/dev/shm";
const MEMORY_FREE_MIN_BYTES: u64 = 2 << 30;

/// A database of one test's own, dropped when the value is.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    socket_dir: String,
    url: String,
}

impl TestDatabase {
    /// A database with every migration run, and nothing in it.
    ///
    /// # Errors
    /// When the server cannot be started, or refuses, or a migration fails.
    pub fn create() -> Result<Self> {
        Self::create_with(|url| store::migrate(url).map(drop).map_err(Into::into))
    }

    /// Clones the template; `migrate` makes it when it is not there yet.
    fn create_with(migrate: impl FnOnce(&str) -> Result<()>) -> Result<Self> {
        let server = Shared::get()?;
        let template = server.template(migrate)?;
        let database = server.name_database();
        server.databases()?.create_from(&database.name, &template)?;
        Ok(database)
    }

    /// A database without any table.
    ///
    /// # Errors
    /// When the server cannot be started, or refuses.
    pub fn empty() -> Result<Self> {
        let server = Shared::get()?;
        let database = server.name_database();
        server.databases()?.ensure(&database.name)?;
        Ok(database)
    }

    /// A database on the server whose socket is there, named after this process; not made yet.
    pub(crate) fn named(socket_dir: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let url = store::embedded::socket_url(socket_dir, &name);
        Self { url, socket_dir: socket_dir.to_owned(), name }
    }

    /// Another with everything that is in this one now; nobody may be connected to this one.
    ///
    /// # Errors
    /// When somebody is, or the server refuses.
    pub fn copy(&self) -> Result<Self> {
        let copy = Self::named(&self.socket_dir);
        self.server()?.create_from(&copy.name, &self.name)?;
        Ok(copy)
    }

    /// Runs statements in a transaction and keeps it open, with its locks, until what is answered is dropped.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn hold(&self, statements: &str) -> Result<Held> {
        let mut connection = PgConnection::establish(&self.url)?;
        connection.batch_execute("BEGIN")?;
        connection.batch_execute(statements)?;
        Ok(Held { _connection: connection })
    }

    /// An administrator's connection to the server.
    pub(crate) fn server(&self) -> Result<Databases> {
        Ok(Databases::connect(&store::embedded::socket_url(&self.socket_dir, "postgres"))?)
    }

    /// Runs statements: rows that a test needs and no use case makes.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn execute(&self, statements: &str) -> Result<()> {
        Ok(PgConnection::establish(&self.url)?.batch_execute(statements)?)
    }

    /// The one number that a query answers, in a column called `n`.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn number(&self, query: &str) -> Result<i64> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            n: i64,
        }
        let row: Row = diesel::sql_query(query).get_result(&mut PgConnection::establish(&self.url)?)?;
        Ok(row.n)
    }

    /// The texts that a query answers, in a column called `t`.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn texts(&self, query: &str) -> Result<Vec<String>> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::Text)]
            t: String,
        }
        let rows: Vec<Row> = diesel::sql_query(query).load(&mut PgConnection::establish(&self.url)?)?;
        Ok(rows.into_iter().map(|row| row.t).collect())
    }

    /// Connection string.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Name on the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // What cannot be dropped now is swept when the next process comes.
        if let Ok(mut databases) = self.server() {
            let _ = databases.drop(&self.name);
        }
    }
}

/// An open transaction; it is rolled back when this is dropped.
pub struct Held {
    _connection: PgConnection,
}

/// The server that all test processes of this workspace share.
struct Shared {
    socket_dir: String,
}

impl Shared {
    fn get() -> Result<&'static Self> {
        static SERVER: OnceLock<Result<Shared, String>> = OnceLock::new();
        let server = SERVER.get_or_init(|| Self::start().map_err(|error| format!("{error:#}")));
        server.as_ref().map_err(|error| anyhow!("the test server: {error}"))
    }

    fn start() -> Result<Self> {
        let _lock = run_lock()?;
        let note = target_dir().join(CLUSTER_DIR_FILE);
        let cluster = start_somewhere(&places(&note)?, &note)?;
        let mut databases = cluster.databases()?;
        for leftover in databases.names()?.iter().filter(|name| is_leftover(name)) {
            databases.drop(leftover)?;
        }
        let socket_dir = cluster.socket_dir().to_owned();
        cluster.leave_running();
        Ok(Self { socket_dir })
    }

    fn url(&self, database: &str) -> String {
        store::embedded::socket_url(&self.socket_dir, database)
    }

    fn databases(&self) -> Result<Databases> {
        Ok(Databases::connect(&self.url("postgres"))?)
    }

    fn name_database(&self) -> TestDatabase {
        TestDatabase::named(&self.socket_dir)
    }

    /// The migrated database of the migrations as they are now. It gets its name only when it is
    /// complete, so a killed test leaves no half-migrated template.
    fn template(&self, migrate: impl FnOnce(&str) -> Result<()>) -> Result<String> {
        let name = format!("template_{}", migrations_hash(&workspace_dir().join("migrations"))?);
        let mut databases = self.databases()?;
        if databases.names()?.contains(&name) {
            return Ok(name);
        }
        let _lock = run_lock()?;
        if databases.names()?.contains(&name) {
            return Ok(name);
        }
        let unfinished = "template_unfinished";
        databases.drop(unfinished)?;
        databases.ensure(unfinished)?;
        migrate(&self.url(unfinished)).context("migrating the template database")?;
        databases.rename(unfinished, &name)?;
        Ok(name)
    }
}

/// Databases are named by the process that made them.
fn is_leftover(database: &str) -> bool {
    let maker = database.strip_prefix("test_").and_then(|rest| rest.split('_').next());
    maker.is_some_and(|pid| pid.parse() == Ok(process::id()) || !Path::new("/proc").join(pid).exists())
}

/// Held while the server or the template is being made.
fn run_lock() -> Result<File> {
    let path = target_dir().join("test-cluster.lock");
    fs::create_dir_all(target_dir())?;
    let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("opening {}", path.display()))?;
    file.lock().with_context(|| format!("locking {}", path.display()))?;
    Ok(file)
}

/// Where the server may live, best first; where it lives already comes before all.
fn places(note: &Path) -> Result<Vec<PathBuf>> {
    if let Some(wished) = std::env::var_os(CLUSTER_DIR_VARIABLE) {
        return Ok(vec![wished.into()]);
    }
    let noted = fs::read_to_string(note).ok().map(|path| PathBuf::from(path.trim()));
    if let Some(noted) = noted.filter(|path| path.is_dir()) {
        return Ok(vec![noted]);
    }
    let name = own_name()?;
    let mut places = Vec::new();
    if free_bytes(Path::new(MEMORY_DIR)) >= MEMORY_FREE_MIN_BYTES {
        places.push(Path::new(MEMORY_DIR).join(&name));
    }
    places.push(target_dir().join("test-cluster"));
    places.push(Path::new("/tmp").join(&name));
    Ok(places)
}

/// As root the server runs as another account, which some places are closed to.
fn start_somewhere(places: &[PathBuf], note: &Path) -> Result<Cluster> {
    let mut refused = None;
    for place in places {
        match Cluster::start(&ClusterOptions::throwaway(place)) {
            Err(error @ ClusterError::Unreachable { .. }) => refused = Some(error),
            Err(error) => return Err(error.into()),
            Ok(cluster) => {
                fs::write(note, place.as_os_str().as_encoded_bytes())?;
                return Ok(cluster);
            }
        }
    }
    Err(refused.map_or_else(|| anyhow!("no place for the test server"), Into::into))
}

/// One per user and checkout, so that neither meets the other's server.
fn own_name() -> Result<String> {
    let workspace = fs::canonicalize(workspace_dir())?;
    let user = fs::metadata("/proc/self").map_or(0, |meta| meta.uid());
    Ok(format!(
        "penstock-test-{user}-{}",
        &hex(&Sha256::digest(workspace.as_os_str().as_encoded_bytes()))[..12]
    ))
}

/// Over every file's path and content, in order.
fn migrations_hash(dir: &Path) -> Result<String> {
    let mut files = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).with_context(|| format!("listing {}", dir.display()))? {
            let path = entry?.path();
            if path.is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    let mut hasher = Sha256::new();
    for file in &files {
        let content = fs::read(file)?;
        let name = file.strip_prefix(dir)?.as_os_str().as_encoded_bytes();
        for part in [name, &content] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    Ok(hex(&hasher.finalize())[..16].to_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn free_bytes(dir: &Path) -> u64 {
    rustix::fs::statvfs(dir).map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
}

fn workspace_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn target_dir() -> PathBuf {
    workspace_dir().join("target")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_separate_and_vanish_with_their_test() {
        let first = TestDatabase::empty().unwrap();
        let second = TestDatabase::empty().unwrap();
        assert_ne!(first.name(), second.name());
        let mut admin = Databases::connect(second.url()).unwrap();
        assert!(admin.names().unwrap().contains(&first.name().to_owned()));
        let gone = first.name().to_owned();
        drop(first);
        assert!(!admin.names().unwrap().contains(&gone));
    }

    #[test]
    fn a_migrated_database_needs_no_migration() {
        let database = TestDatabase::create().unwrap();
        assert!(!store::migrations_pending(database.url()).unwrap());
        let empty = TestDatabase::empty().unwrap();
        assert!(store::migrations_pending(empty.url()).unwrap());
    }

    #[test]
    fn the_hash_changes_with_a_files_name_and_content() {
        let dir = tempfile::tempdir().unwrap();
        let hash = || migrations_hash(dir.path()).unwrap();
        fs::create_dir(dir.path().join("1")).unwrap();
        fs::write(dir.path().join("1/up.sql"), "a").unwrap();
        let first = hash();
        assert_eq!(first, hash());
        fs::write(dir.path().join("1/up.sql"), "b").unwrap();
        let second = hash();
        assert_ne!(first, second);
        fs::rename(dir.path().join("1/up.sql"), dir.path().join("1/down.sql")).unwrap();
        assert_ne!(second, hash());
    }

    #[test]
    fn only_databases_of_the_dead_are_left_over() {
        assert!(is_leftover("test_99999999_0"));
        assert!(!is_leftover("test_1_0"));
        assert!(!is_leftover("template_abc"));
        assert!(!is_leftover("postgres"));
    }
}
