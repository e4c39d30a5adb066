//! Real servers, really killed. A test that needs a second process runs itself again in one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::Integer;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use rustix::process::Signal;
use tempfile::TempDir;

use super::postmaster::{PidFile, send, wait_until};
use super::*;

const HOME: &str = "PENSTOCK_CLUSTER_UNDER_TEST";
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = Integer)]
    n: i32,
}

/// A place that the unprivileged account can reach.
fn place() -> (TempDir, ClusterOptions) {
    let dir = tempfile::Builder::new().prefix("penstock-").tempdir_in("/tmp").unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut options = ClusterOptions::throwaway(dir.path().join("cluster"));
    options.settings.push(("shared_buffers".into(), "16MB".into()));
    (dir, options)
}

fn connect(cluster: &Cluster) -> PgConnection {
    PgConnection::establish(&cluster.url("postgres")).unwrap()
}

fn remember(cluster: &Cluster, n: i32) {
    connect(cluster)
        .batch_execute(&format!("CREATE TABLE kept (n int); INSERT INTO kept VALUES ({n})"))
        .unwrap();
}

fn recall(cluster: &Cluster) -> i32 {
    sql_query("SELECT n FROM kept").get_result::<Number>(&mut connect(cluster)).unwrap().n
}

fn again(test: &str, program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["--exact", &format!("embedded::tests::{test}"), "--nocapture"]);
    command.env(HOME, home).stdout(Stdio::null()).stdin(Stdio::null());
    command
}

/// Runs `test` once more in a process of its own, which [`hold`]s the cluster in `home`.
fn holder_of(test: &str, home: &Path) -> Child {
    again(test, &std::env::current_exe().unwrap(), home).spawn().unwrap()
}

/// In the second process: own the cluster until killed.
fn hold() -> bool {
    let Some(home) = std::env::var_os(HOME) else { return false };
    let mut options = ClusterOptions::throwaway(PathBuf::from(home));
    // A kill, unlike a power cut, spares what was written but not yet synced.
    options.settings.push(("synchronous_commit".into(), "on".into()));
    options.settings.push(("shared_buffers".into(), "16MB".into()));
    let cluster = Cluster::start(&options).unwrap();
    remember(&cluster, 42);
    fs::write(options.data_dir.join("held"), "").unwrap();
    loop {
        thread::park();
    }
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn pid_of(options: &ClusterOptions) -> u32 {
    PidFile::read(&options.data_dir.join("data")).unwrap().pid
}

#[test]
fn a_second_start_finds_what_the_first_one_wrote() {
    let (_dir, options) = place();
    let cluster = Cluster::start(&options).unwrap();
    remember(&cluster, 7);
    assert!(cluster.is_running());
    cluster.stop().unwrap();
    assert!(PidFile::read(&options.data_dir.join("data")).is_none(), "a fast stop removes the pid file");

    let cluster = Cluster::start(&options).unwrap();
    assert_eq!(recall(&cluster), 7);
    let mode = fs::metadata(&options.data_dir).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn dropping_the_cluster_stops_the_server() {
    let (_dir, options) = place();
    let cluster = Cluster::start(&options).unwrap();
    let (pid, data) = (cluster.pid(), cluster.data.clone());
    drop(cluster);
    assert_ne!(postmaster::holder(pid, &data), postmaster::Holder::OurServer);
}

#[test]
fn a_second_owner_is_refused() {
    let (_dir, options) = place();
    let cluster = Cluster::start(&options).unwrap();
    assert!(matches!(Cluster::start(&options), Err(ClusterError::InUse(_))));
    assert!(cluster.is_running());
}

#[test]
fn a_killed_server_is_recovered() {
    let (_dir, mut options) = place();
    options.durability = Durability::Durable;
    let cluster = Cluster::start(&options).unwrap();
    remember(&cluster, 11);
    let busy = connect(&cluster);
    let killed = cluster.pid();
    send(killed, Signal::KILL);
    assert!(wait_until(PATIENCE, || !cluster.is_running()));
    drop(cluster);
    let cluster = Cluster::start(&options).unwrap();
    assert_ne!(cluster.pid(), killed);
    assert_eq!(recall(&cluster), 11);
    drop(busy);
}

#[test]
fn a_server_that_outlived_its_owner_is_adopted() {
    if hold() {
        return;
    }
    let (_dir, options) = place();
    let child = holder_of("a_server_that_outlived_its_owner_is_adopted", &options.data_dir);
    assert!(wait_until(PATIENCE, || options.data_dir.join("held").exists()));
    assert!(matches!(Cluster::start(&options), Err(ClusterError::InUse(_))));
    let orphan = pid_of(&options);
    kill(child);

    let cluster = Cluster::start(&options).unwrap();
    assert_eq!(cluster.pid(), orphan);
    assert_eq!(recall(&cluster), 42);
    cluster.stop().unwrap();
}

#[test]
fn nothing_committed_is_lost_when_owner_and_server_are_killed() {
    if hold() {
        return;
    }
    let (_dir, options) = place();
    let child = holder_of("nothing_committed_is_lost_when_owner_and_server_are_killed", &options.data_dir);
    assert!(wait_until(PATIENCE, || options.data_dir.join("held").exists()));
    let server = pid_of(&options);
    kill(child);
    send(server, Signal::KILL);

    let cluster = Cluster::start(&options).unwrap();
    assert_ne!(cluster.pid(), server);
    assert_eq!(recall(&cluster), 42);
}

#[test]
fn a_kill_during_initdb_leaves_nothing_in_the_way() {
    if hold() {
        return;
    }
    let (_dir, options) = place();
    let unfinished = |home: &Path| {
        let entries = fs::read_dir(home).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).find(|path| path.to_string_lossy().contains("data.tmp"))
    };
    let child = holder_of("a_kill_during_initdb_leaves_nothing_in_the_way", &options.data_dir);
    assert!(
        wait_until(PATIENCE, || unfinished(&options.data_dir).is_some_and(|dir| dir.join("base").exists()))
    );
    kill(child);
    assert!(!options.data_dir.join("data").exists());

    let cluster = Cluster::start(&options).unwrap();
    remember(&cluster, 3);
    assert_eq!(recall(&cluster), 3);
    assert_eq!(unfinished(&options.data_dir), None);
}

#[test]
fn a_pid_file_with_another_programs_number_is_no_obstacle() {
    let (_dir, options) = place();
    Cluster::start(&options).unwrap().stop().unwrap();
    // As after a container's restart: the file of a killed server, the number of somebody else.
    let file = options.data_dir.join("data/postmaster.pid");
    fs::write(&file, format!("{}\n/d\n1700000000\n5432\n/d\n\n\nready\n", std::process::id())).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(Cluster::start(&options).unwrap().is_running());
}

#[test]
fn the_server_runs_as_an_ordinary_user_whoever_starts_it() {
    if let Some(home) = std::env::var_os(HOME) {
        let cluster = Cluster::start(&ClusterOptions::throwaway(PathBuf::from(home))).unwrap();
        remember(&cluster, 5);
        assert_eq!(recall(&cluster), 5);
        return;
    }
    let (dir, options) = place();
    let cluster = Cluster::start(&options).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", cluster.pid())).unwrap();
    let uid =
        status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap().split_whitespace().next().unwrap();
    assert_ne!(uid, "0");
    if !rustix::process::geteuid().is_root() {
        return; // the cluster above was the ordinary user's own
    }
    // As root, also be an ordinary user: the same test in a process without privileges.
    let program = dir.path().join("test");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let home = dir.path().join("ordinary");
    fs::create_dir(&home).unwrap();
    let uid: u32 = uid.parse().unwrap();
    std::os::unix::fs::chown(&home, Some(uid), None).unwrap();
    let mut command =
        again("the_server_runs_as_an_ordinary_user_whoever_starts_it", &program, &home.join("cluster"));
    assert!(command.uid(uid).current_dir(dir.path()).status().unwrap().success());
}

#[test]
fn a_path_too_long_for_a_socket_gets_a_short_one() {
    let (dir, mut options) = place();
    options.data_dir = dir.path().join("long".repeat(30)).join("cluster");
    fs::create_dir_all(&options.data_dir).unwrap();
    let cluster = Cluster::start(&options).unwrap();
    remember(&cluster, 9);
    assert_eq!(recall(&cluster), 9);
    let socket_dir = cluster.socket_dir.clone();
    cluster.stop().unwrap();
    fs::remove_dir_all(socket_dir).unwrap();
}

#[test]
fn databases_are_cloned_renamed_and_dropped() {
    let (_dir, options) = place();
    let cluster = Cluster::start(&options).unwrap();
    let mut databases = cluster.databases().unwrap();
    databases.ensure("model_new").unwrap();
    databases.ensure("model_new").unwrap();
    let mut model = PgConnection::establish(&cluster.url("model_new")).unwrap();
    model.batch_execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)").unwrap();
    drop(model);
    databases.rename("model_new", "model").unwrap();
    databases.create_from("clone", "model").unwrap();
    let mut clone = PgConnection::establish(&cluster.url("clone")).unwrap();
    assert_eq!(sql_query("SELECT n FROM kept").get_result::<Number>(&mut clone).unwrap().n, 1);
    databases.drop("clone").unwrap();
    assert!(!databases.names().unwrap().contains(&"clone".to_owned()));
    assert!(databases.names().unwrap().contains(&"model".to_owned()));
}

#[test]
fn a_directory_the_account_cannot_reach_is_refused_by_name() {
    if !rustix::process::geteuid().is_root() {
        return; // an ordinary user's directories are reached by himself
    }
    let (dir, mut options) = place();
    let closed = dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    options.data_dir = closed.join("cluster");
    match Cluster::start(&options) {
        Err(ClusterError::Unreachable { blocked, .. }) => assert_eq!(blocked, closed),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn urls_escape_what_would_end_the_host() {
    assert_eq!(socket_url("/a b/c&d", "x"), "postgresql:///x?host=/a%20b/c%26d&user=penstock");
}
