//! What the tests of faults share: sizes, seeded choices, and a bill run that is followed from outside
//! while what it rests on dies and comes back.

use crate::rows::written;
use crate::town::text;
use crate::{Client, Program};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Longer than anything here ever takes: what has not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(280);
/// Between two looks at something that is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The size of the sample, or with `PENSTOCK_FULL` set the full one.
pub fn size<T>(sample: T, full: T) -> T {
    if is_full() { full } else { sample }
}

/// Whether the full size is asked for.
pub fn is_full() -> bool {
    std::env::var_os("PENSTOCK_FULL").is_some()
}

/// Choices that are the same in every run.
pub struct Dice(u64);

impl Dice {
    /// By a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound.max(1)
    }

    /// Lets up to so many milliseconds go by: when in a chunk the fault strikes.
    pub fn strike_within(&mut self, ms: u64) {
        std::thread::sleep(Duration::from_millis(self.below(ms)));
    }
}

/// Looks until there is an answer.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE * size(1, 10), "waited in vain: {what}");
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// The two halves of a bill run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// Its test.
    Test,
    /// The acceptance of its test.
    Accept,
}

/// A bill run of the open window, started and followed over HTTP.
pub struct Run {
    path: String,
    test: Value,
}

impl Run {
    /// Fixes its accounts.
    pub fn create(admin: &Client) -> Self {
        let window = admin.all("/v1/cycle-windows?state=open").pop().unwrap();
        let run = admin.post("/v1/bill-runs", &json!({ "window_id": window["id"], "name": "all" })).ok();
        Self { path: format!("/v1/bill-runs/{}", text(&run["id"])), test: Value::Null }
    }

    /// Files a half; answers its operation.
    pub fn begin(&mut self, admin: &Client, half: Half) -> Value {
        match half {
            Half::Test => {
                let made = admin.post(&format!("{}/tests", self.path), &Value::Null).ok();
                self.test = made["test"]["id"].clone();
                made["operation"].clone()
            }
            Half::Accept => {
                admin.post(&format!("{}/accept", self.path), &json!({ "test_id": self.test })).ok()
            }
        }
    }
}

/// How far work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Accounts that are through.
    pub through: u64,
    /// Whether it has ended.
    pub is_done: bool,
}

/// How far an operation is; none while nobody can tell. What has failed never goes on: that is the end.
pub fn progress(admin: &Client, operation: &Value) -> Option<Progress> {
    let reply = admin.get(&format!("/v1/operations/{}", text(&operation["id"])));
    if reply.status == 503 {
        return None;
    }
    let now = reply.ok();
    assert!(["queued", "running", "done"].contains(&text(&now["state"])), "{now:#}");
    let through = now["done"].as_u64().unwrap() + now["failed"].as_u64().unwrap();
    Some(Progress { through, is_done: now["state"] == "done" })
}

/// Waits until so many accounts are through, or all.
pub fn reach(admin: &Client, operation: &Value, through: u64) -> Progress {
    wait_for("a chunk", || progress(admin, operation).filter(|now| now.is_done || now.through >= through))
}

/// Waits for the end.
pub fn settle(admin: &Client, operation: &Value) {
    reach(admin, operation, u64::MAX);
}

/// Chunks that are done, with the moment at which each was.
pub fn chunks_done(program: &Program) -> Vec<String> {
    let query =
        "SELECT operation_id || ' ' || seq || ' ' || finished_at AS t FROM chunks WHERE state = 'done'";
    program.database.texts(query).unwrap()
}

/// How many of these chunks are no longer done as they were: lost, or lost and done again.
pub fn lost(program: &Program, before: &[String]) -> usize {
    let after = chunks_done(program);
    before.iter().filter(|chunk| !after.contains(chunk)).count()
}

/// Chunks that somebody has begun and not finished, each with the transaction that had it in hand. Looks when
/// the sessions of the dead have ended.
pub fn chunks_begun(program: &Program) -> Vec<String> {
    let at_work = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() \
                   AND pid <> pg_backend_pid() AND state <> 'idle'";
    wait_for("the end of the sessions of the dead", || {
        (program.database.number(at_work).unwrap() == 0).then_some(())
    });
    let query = "SELECT id || ' ' || xmax AS t FROM chunks WHERE state = 'queued' AND xmax <> '0'::xid";
    program.database.texts(query).unwrap()
}

/// What a run of the town comes to when nothing happens. Nobody serves the town meanwhile.
pub fn undisturbed(town: &Program, tests: usize) -> Rows {
    undisturbed_with(town, tests, &[])
}

/// The same, the worker with more of the environment.
pub fn undisturbed_with(town: &Program, tests: usize, more: &[(&str, &str)]) -> Rows {
    let mut program = town.copy();
    program.start(0);
    let admin = program.admin();
    let mut run = Run::create(&admin);
    for half in halves(tests) {
        let operation = run.begin(&admin, half);
        let worker = program.worker_with(1, more);
        settle(&admin, &operation);
        worker.kill();
    }
    written(&program)
}

/// So many tests, the last of which is accepted.
pub fn halves(tests: usize) -> Vec<Half> {
    let mut halves = vec![Half::Test; tests];
    halves.push(Half::Accept);
    halves
}

/// What accounts own, by table and account.
pub type Rows = BTreeMap<(&'static str, String), Vec<String>>;

/// I11 and all that `penstock verify` proves: the books hold, and what was written is what a run comes to
/// in which nothing happens.
pub fn assert_same(program: &Program, expected: &Rows) {
    program.assert_proven();
    let found = written(program);
    assert_eq!(expected.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
    for (owner, rows) in expected {
        assert_eq!(rows, &found[owner], "{owner:?}");
    }
    let of = |table: &str| expected.keys().filter(|(name, _)| *name == table).count();
    let accounts = of("accounts");
    for table in ["bills", "segments", "fts", "drafts"] {
        assert!(of(table) > accounts * 9 / 10, "{table}: {} of {accounts} accounts", of(table));
    }
    assert!(of("draws") > 0 && of("flags") > 0 && of("bill_errors") > 0);
}
