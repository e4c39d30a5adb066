//! Death before and after each commit. Every place of the program that opens a transaction is a fault point
//! (`store::faults`, in builds for developers alone); which of them a run passes is read off an undisturbed one.

use e2e::faults::{
    Rows, Run, assert_same, halves, is_full, progress, settle, size, undisturbed_with, wait_for,
};
use e2e::made_up::found;
use e2e::town::{text, usd};
use e2e::{Billed, Client, Program};
use serde_json::json;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

/// The points of a record, in the order in which they were first passed.
fn points(record: &Path) -> Vec<String> {
    let mut points: Vec<String> = Vec::new();
    let recorded = std::fs::read_to_string(record).unwrap_or_default();
    for point in recorded.lines().filter(|point| !point.is_empty()) {
        if !points.iter().any(|known| known == point) {
            points.push(point.to_owned());
        }
    }
    points
}

/// It died of its fault point (SIGABRT), not of anything else.
fn assert_aborted(point: &str, ended: ExitStatus) {
    assert_eq!(ended.signal(), Some(6), "{point}: {ended}");
}

/// Bills the town while a worker dies at each of the points in each half; answers how many have died.
fn bill_dying(town: &Program, points: &[String], expected: &Rows) -> usize {
    let mut program = town.copy();
    program.start(0);
    let admin = program.admin();
    let mut run = Run::create(&admin);
    let mut died = 0;
    for half in halves(1) {
        let operation = run.begin(&admin, half);
        for point in points {
            let mut worker = program.worker_with(1, &[("FAULT_POINT", point)]);
            assert_aborted(point, wait_for(point, || worker.ended()));
            died += 1;
            assert!(progress(&admin, &operation).is_some());
        }
        let worker = program.worker(1);
        settle(&admin, &operation);
        worker.kill();
    }
    assert_same(&program, expected);
    died
}

#[test]
fn a_worker_may_die_before_and_after_every_commit() {
    let mut town = Program::serve(0);
    found(&town, size(300, 600));
    town.kill();
    let record = town.dir.path().join("points");
    let expected = undisturbed_with(&town, 1, &[("FAULT_RECORD", record.to_str().unwrap())]);
    let points = points(&record);
    // A chunk's commit and the one that draws the conclusion, at the least.
    let of = |moment: &str| {
        points.iter().filter(|point| point.starts_with(moment) && point.contains("worker.rs")).count()
    };
    assert!(of("before") >= 3 && of("after") >= 3, "no record of fault points; a release build? {points:?}");
    let rounds = size(1, 3);
    let died: usize = (0..rounds).map(|_| bill_dying(&town, &points, &expected)).sum();
    assert_eq!(died, points.len() * 2 * rounds);
    if is_full() {
        eprintln!(
            "R2: {} points of a worker, each in both halves, {rounds} times: {died} deaths",
            points.len()
        );
    }
}

/// Pays until there is an answer, under one key, whoever dies over it.
fn pay(program: &mut Program, token: &str, account: &str, key: &str, point: Option<&str>) -> bool {
    let body = json!({ "account_id": account, "kind": "check", "amount": usd("0.10") });
    let mut has_died = false;
    program.kill();
    let deadly: Vec<(&str, &str)> = point.map(|point| ("FAULT_POINT", point)).into_iter().collect();
    if program.try_start(0, &deadly).is_ok() {
        let client = Client::with_token(&program.url, token);
        match client.post_into_the_dark("/v1/payments", &body, key) {
            Some(reply) => _ = reply.ok(),
            None => has_died = true,
        }
    } else {
        has_died = true;
    }
    if has_died {
        let point = point.unwrap_or("no point at all");
        assert_aborted(point, wait_for(point, || program.ended()));
        program.kill();
        program.start(0);
    }
    // Whoever has no answer, or lost it, asks again under the same key.
    let client = Client::with_token(&program.url, token);
    client.post_once("/v1/payments", &body, key).ok();
    has_died
}

#[test]
fn the_api_may_die_before_and_after_every_commit_of_a_payment() {
    let Billed { mut program, admin, town: _town, accounts } = Billed::open(&["north"], 1);
    let (token, account) = (admin.token().to_owned(), text(&accounts[0]).to_owned());
    let record = program.dir.path().join("points");
    program.kill();
    program.try_start(0, &[("FAULT_RECORD", record.to_str().unwrap())]).unwrap();
    let first = json!({ "account_id": account, "kind": "check", "amount": usd("0.10") });
    Client::with_token(&program.url, &token).post_once("/v1/payments", &first, "first").ok();
    let points = points(&record);
    assert!(points.iter().any(|point| point.contains("once.rs")), "no record of fault points: {points:?}");
    let (mut paid, mut died) = (1, 0);
    for round in 0..size(1, 3) {
        for point in &points {
            died +=
                usize::from(pay(&mut program, &token, &account, &format!("{round} {point}"), Some(point)));
            paid += 1;
        }
    }
    assert!(died >= 2, "before and after the payment's commit: {died}");
    let admin = Client::with_token(&program.url, &token);
    assert_eq!(admin.all("/v1/payments").len(), paid);
    let balance = admin.get(&format!("/v1/accounts/{account}/balance")).ok();
    let owed = 3000 - 10 * i64::try_from(paid).unwrap();
    assert_eq!(text(&balance["current"]["amount"]), format!("{}.{:02}", owed / 100, owed % 100));
    program.assert_proven();
    if is_full() {
        eprintln!(
            "R2: {} points of the API, {died} deaths over {paid} payments, each taken once",
            points.len()
        );
    }
}
