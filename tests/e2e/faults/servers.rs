//! PostgreSQL goes away and comes back, alone and together with everything else. Nobody has to help.

use e2e::Program;
use e2e::faults::{Dice, Run, assert_same, halves, is_full, kill, reach, settle, size, undisturbed};
use e2e::made_up::found;
use std::time::{Duration, Instant};
use testkit::{Death, OwnServer};

/// How many accounts, and how often it happens.
fn sizes() -> (usize, usize) {
    size((1100, 2), (20_000, 20))
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
    let mut longest = Duration::ZERO;
    for half in halves(1) {
        let operation = run.begin(&admin, half);
        // The API and the worker are the same processes throughout.
        let mut worker = program.worker(2);
        let mut next = reach(&admin, &operation, 0);
        for _ in 0..restarts / 2 {
            dice.strike_within(400);
            server.kill(Death::Immediate).unwrap();
            server.start_again().unwrap();
            let back_at = Instant::now();
            next = reach(&admin, &operation, next.through + 1);
            longest = longest.max(back_at.elapsed());
        }
        settle(&admin, &operation);
        assert!(worker.try_wait().unwrap().is_none(), "the worker has ended");
        kill(worker);
    }
    assert_same(&program, &expected);
    if is_full() {
        eprintln!(
            "R3: {accounts} accounts, {restarts} restarts, longest until the next chunk was done {longest:?}"
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
    let mut longest = Duration::ZERO;
    for half in halves(1) {
        let operation = run.begin(&admin, half);
        let mut worker = program.worker(2);
        let mut next = reach(&admin, &operation, 0);
        for _ in 0..falls / 2 {
            dice.strike_within(600);
            program.kill();
            kill(worker);
            server.kill(Death::Killed).unwrap();
            let fallen_at = Instant::now();
            server.start_again().unwrap();
            program.start(0);
            admin = program.admin();
            worker = program.worker(2);
            next = reach(&admin, &operation, next.through + 1);
            longest = longest.max(fallen_at.elapsed());
        }
        settle(&admin, &operation);
        kill(worker);
    }
    assert_same(&program, &expected);
    if is_full() {
        eprintln!(
            "R4: {accounts} accounts, {falls} falls, longest until the next chunk was done {longest:?}"
        );
    }
}
