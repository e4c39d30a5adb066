//! PostgreSQL goes away and comes back, alone and together with everything else. Nobody has to help.

use e2e::faults::{
    Dice, Half, Run, assert_same, chunks_done, halves, is_full, lost, progress, reach, settle, size,
    undisturbed, wait_for,
};
use e2e::made_up::found;
use e2e::{Client, Program};
use serde_json::Value;
use std::time::{Duration, Instant};
use testkit::{Death, OwnServer};

/// How many accounts, and how often it happens.
fn sizes() -> (usize, usize) {
    size((1100, 2), (20_000, 20))
}

/// What was seen of the work before the server died.
struct Seen {
    through: u64,
    chunks: Vec<String>,
}

impl Seen {
    fn now(program: &Program, admin: &Client, operation: &Value) -> Self {
        let now = wait_for("progress", || progress(admin, operation));
        Self { through: now.through, chunks: chunks_done(program) }
    }

    /// How many chunks were lost that had been done. A test commits lazily, an acceptance loses nothing.
    fn lost(&self, program: &Program, admin: &Client, operation: &Value, half: Half) -> usize {
        let lost = lost(program, &self.chunks);
        let now = wait_for("progress", || progress(admin, operation));
        if half == Half::Accept {
            assert!(
                now.through >= self.through,
                "{} accounts were accepted, now {}",
                self.through,
                now.through
            );
            assert_eq!(lost, 0, "chunks of an acceptance were lost");
        }
        lost
    }
}

#[test]
fn work_goes_on_by_itself_when_the_database_is_back() {
    let (accounts, restarts) = sizes();
    let mut server = OwnServer::start().unwrap();
    let mut program = Program::serve_on(server.database().unwrap(), 0, &[]);
    found(&program, accounts);
    program.kill();
    let expected = undisturbed(&program, 1);
    program.start(0);
    let admin = program.admin();
    let (mut run, mut dice) = (Run::create(&admin), Dice::new(3));
    let (mut longest, mut done_again) = (Duration::ZERO, 0);
    for half in halves(1) {
        let operation = run.begin(&admin, half);
        // The API and the worker are the same processes throughout.
        let mut worker = program.worker(2);
        let mut next = reach(&admin, &operation, 0);
        for _ in 0..restarts / 2 {
            dice.strike_within(400);
            let seen = Seen::now(&program, &admin, &operation);
            server.kill(Death::Immediate).unwrap();
            server.start_again().unwrap();
            let back_at = Instant::now();
            done_again += seen.lost(&program, &admin, &operation, half);
            next = reach(&admin, &operation, next.through + 1);
            longest = longest.max(back_at.elapsed());
        }
        settle(&admin, &operation);
        assert!(worker.ended().is_none(), "the worker has ended");
        worker.kill();
    }
    assert_same(&program, &expected);
    if is_full() {
        eprintln!(
            "R3: {accounts} accounts, {restarts} restarts, longest until the next chunk was done {longest:?}, \
             {done_again} chunks of the test lost with the server and done again"
        );
    }
}

#[test]
fn everything_killed_together_and_started_again_goes_on() {
    let (accounts, falls) = sizes();
    let mut server = OwnServer::start().unwrap();
    let mut program = Program::serve_on(server.database().unwrap(), 0, &[]);
    found(&program, accounts);
    program.kill();
    let expected = undisturbed(&program, 1);
    program.start(0);
    let mut admin = program.admin();
    let (mut run, mut dice) = (Run::create(&admin), Dice::new(4));
    let (mut longest, mut done_again) = (Duration::ZERO, 0);
    for half in halves(1) {
        let operation = run.begin(&admin, half);
        let mut worker = program.worker(2);
        let mut next = reach(&admin, &operation, 0);
        for _ in 0..falls / 2 {
            dice.strike_within(600);
            let seen = Seen::now(&program, &admin, &operation);
            program.kill();
            worker.kill();
            server.kill(Death::Killed).unwrap();
            let fallen_at = Instant::now();
            server.start_again().unwrap();
            program.start(0);
            admin = program.admin();
            done_again += seen.lost(&program, &admin, &operation, half);
            worker = program.worker(2);
            next = reach(&admin, &operation, next.through + 1);
            longest = longest.max(fallen_at.elapsed());
        }
        settle(&admin, &operation);
        worker.kill();
    }
    assert_same(&program, &expected);
    if is_full() {
        eprintln!(
            "R4: {accounts} accounts, {falls} falls, longest until the next chunk was done {longest:?}, {done_again} \
             chunks of the test lost with the server and done again"
        );
    }
}
