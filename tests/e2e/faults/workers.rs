//! Worker processes die at any moment, and several work on one run.

use e2e::faults::{
    Dice, Half, Run, assert_same, chunks_begun, chunks_done, halves, is_full, lost, reach, settle, size,
    undisturbed, wait_for,
};
use e2e::made_up::found;
use e2e::{Program, Worker};
use std::time::{Duration, Instant};

#[test]
fn a_killed_worker_costs_at_most_the_chunk_in_its_hands() {
    let (accounts, tests, kills_in_all) = size((1100, 1, 6), (20_000, 7, 200));
    let mut program = Program::serve(0);
    found(&program, accounts);
    program.kill();
    let expected = undisturbed(&program, tests);
    program.start(0);
    let admin = program.admin();
    let (mut run, mut dice) = (Run::create(&admin), Dice::new(1));
    let (mut kills, mut in_work, mut done_again, mut longest) = (0, 0, 0, Duration::ZERO);
    for half in halves(tests) {
        let operation = run.begin(&admin, half);
        let mut begun = chunks_begun(&program);
        let mut worker = program.worker(1);
        let mut next = reach(&admin, &operation, 0);
        while kills < kills_in_all * (if half == Half::Accept { tests + 1 } else { tests }) / (tests + 1)
            && !next.is_done
        {
            dice.strike_within(size(600, 60));
            let before = chunks_done(&program);
            worker.kill();
            kills += 1;
            let killed_at = Instant::now();
            // What this worker had begun and not finished is done again.
            let now = chunks_begun(&program);
            let in_hand = now.iter().filter(|chunk| !begun.contains(chunk)).count();
            assert!(in_hand <= 1, "{in_hand} chunks begun and lost: {begun:?}, {now:?}");
            done_again += in_hand;
            begun = now;
            worker = program.worker(1);
            let resumed = reach(&admin, &operation, next.through + 1);
            if !resumed.is_done {
                in_work += 1;
            }
            longest = longest.max(killed_at.elapsed());
            // What was done stays done: the chunk in hand is all that is done again.
            assert_eq!(lost(&program, &before), 0, "a chunk was done again");
            next = resumed;
        }
        settle(&admin, &operation);
        worker.kill();
    }
    assert!(kills > tests, "nothing was killed");
    assert_same(&program, &expected);
    if is_full() {
        eprintln!(
            "R1: {accounts} accounts, {kills} kills, {in_work} of them before the last chunk, longest resume \
             {longest:?}, {done_again} chunks done again, at most one at each"
        );
        assert_eq!(kills, kills_in_all, "the chunks ran out");
        assert!(longest <= Duration::from_secs(10), "resumed after {longest:?}");
    }
}

#[test]
fn several_workers_share_a_run_and_no_account_is_billed_twice() {
    let workers = size(3, 4);
    let mut program = Program::serve(0);
    found(&program, size(1100, 20_000));
    program.kill();
    let expected = undisturbed(&program, 1);
    program.start(0);
    let admin = program.admin();
    let mut run = Run::create(&admin);
    for half in halves(1) {
        let operation = run.begin(&admin, half);
        // An account of each chunk is held, so that no chunk can be finished before every process has one.
        let table = if half == Half::Test { "run_items" } else { "accounts" };
        let held = program
            .database
            .hold(&format!(
                "SELECT 1 FROM {table} WHERE account_id IN (SELECT items[1] FROM chunks WHERE state = 'queued') FOR UPDATE"
            ))
            .unwrap();
        let at_work: Vec<_> = (0..workers).map(|_| program.worker(1)).collect();
        // Each process has one thread and so one chunk: as many waiting sessions are as many processes.
        wait_for("a chunk in the hands of every worker", || {
            let waiting = program
                .database
                .number(
                    "SELECT count(DISTINCT pid) AS n FROM pg_stat_activity \
                     WHERE datname = current_database() AND wait_event_type = 'Lock'",
                )
                .unwrap();
            (waiting == workers).then_some(())
        });
        drop(held);
        settle(&admin, &operation);
        at_work.into_iter().for_each(Worker::kill);
    }
    let twice = "SELECT count(*) AS n FROM (SELECT 1 FROM bills GROUP BY account_id, window_id HAVING count(*) > 1) t";
    assert_eq!(program.database.number(twice).unwrap(), 0);
    assert_same(&program, &expected);
}
