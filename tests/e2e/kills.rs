//! kill -9 of the worker at seeded moments: the run goes on, nothing is billed twice or lost, and
//! the outcome is that of an uninterrupted run.

use e2e::Program;
use e2e::town::text;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Accounts of the sample; the full size is 20,000 with 200 kills.
const ACCOUNTS: usize = 2000;
/// How often the worker dies.
const KILLS: u32 = 5;

/// A seeded town as files.
fn town_files(program: &Program) -> std::path::PathBuf {
    let dir = program.dir.path().join("town");
    let status = program
        .command(&[
            "town",
            dir.to_str().unwrap(),
            "--accounts",
            &ACCOUNTS.to_string(),
            "--seed",
            "7",
            "--month",
            "2026-01-01",
        ])
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    dir
}

/// Sends the generated configuration as a client would, then loads the town's files.
fn found(program: &Program) {
    let dir = town_files(program);
    let admin = program.admin();
    let configuration: Value =
        serde_json::from_str(&std::fs::read_to_string(dir.join("configuration.json")).unwrap()).unwrap();
    let mut names: BTreeMap<String, Value> = BTreeMap::new();
    for piece in configuration.as_array().unwrap() {
        let mut whole = piece.to_string();
        for (name, id) in &names {
            whole = whole.replace(&format!("{{{name}}}"), text(id));
        }
        let piece: Value = serde_json::from_str(&whole).unwrap();
        let (path, body) = (text(&piece["path"]), &piece["body"]);
        let reply = match text(&piece["method"]) {
            "PUT" => {
                let etag = admin.get(path).etag;
                admin.put(path, body, etag.as_deref())
            }
            _ if path.ends_with("/open") => {
                let etag = admin.get(path.trim_end_matches("/open")).etag.unwrap();
                admin.act(path, body, &etag)
            }
            _ => admin.post(path, body),
        }
        .ok();
        if let (Some(name), true) = (piece["name"].as_str(), reply["id"].is_string()) {
            names.insert(name.to_owned(), reply["id"].clone());
        }
    }
    let window = admin.all("/v1/cycle-windows").remove(0);
    let now = format!("{}T18:00:00Z", text(&window["bill_on"]));
    admin.post("/v1/clock/move", &json!({ "to": now })).ok();
    let loaded =
        program.command(&["load", dir.to_str().unwrap(), "--as", e2e::program::ADMIN]).output().unwrap();
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
    let here = format!("/v1/cycle-windows/{}", text(&window["id"]));
    let etag = admin.get(&here).etag.unwrap();
    admin.act(&format!("{here}/open"), &Value::Null, &etag).ok();

    // The month's reads, as a file.
    let mapping = "%7B%22columns%22%3A%7B%22meter_serial%22%3A%22meter%22%2C%22register%22%3A%22register%22%2C\
                   %22read_on%22%3A%22read_on%22%2C%22value%22%3A%22value%22%2C%22quality%22%3A%22quality%22%7D%7D";
    let file = std::fs::read_to_string(dir.join("next_reads.csv")).unwrap();
    let path = format!("/v1/reading-imports?window_id={}&mapping={mapping}", text(&window["id"]));
    let import = admin.upload(&path, &file).ok();
    let mut worker = program.worker(2);
    admin.finish(&import["operation"]);
    worker.kill().unwrap();
    worker.wait().unwrap();
}

/// Every account's balance by its reference: what must not depend on the kills.
fn balances(program: &Program) -> BTreeMap<String, String> {
    let admin = program.admin();
    admin
        .all("/v1/accounts")
        .iter()
        .map(|account| {
            (text(&account["client_reference"]).to_owned(), text(&account["balance"]["amount"]).to_owned())
        })
        .collect()
}

/// Bills the open window; kills the worker process `kills` times in the middle of it.
fn bill(program: &Program, kills: u32) {
    let admin = program.admin();
    let window = admin
        .all("/v1/cycle-windows?state=open")
        .pop()
        .unwrap_or_else(|| panic!("the town has no open window"));
    let run = admin.post("/v1/bill-runs", &json!({ "window_id": window["id"], "name": "all" })).ok();
    let path = format!("/v1/bill-runs/{}", text(&run["id"]));
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut work = |operation: &Value, kills: u32| {
        let id = text(&operation["id"]).to_owned();
        let total = operation["total"].as_i64().unwrap();
        for _ in 0..kills {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let stop_at = i64::try_from(seed >> 33).unwrap() % total;
            let mut worker = program.worker(2);
            // Watch the progress and strike when the seeded number of accounts is done, or sooner
            // when the work ends first.
            loop {
                let now = admin.get(&format!("/v1/operations/{id}")).ok();
                let done = now["done"].as_i64().unwrap() + now["failed"].as_i64().unwrap();
                if done >= stop_at || now["state"] == "done" {
                    break;
                }
            }
            worker.kill().unwrap();
            worker.wait().unwrap();
        }
        let mut worker = program.worker(2);
        admin.finish(operation);
        worker.kill().unwrap();
        worker.wait().unwrap();
    };
    let test = admin.post(&format!("{path}/tests"), &Value::Null).ok();
    work(&test["operation"], kills / 2);
    // Flags that block keep their accounts behind, alike in both runs.
    let accepted = admin.post(&format!("{path}/accept"), &json!({ "test_id": test["test"]["id"] })).ok();
    work(&accepted, kills - kills / 2);
}

#[test]
fn a_killed_worker_costs_nothing() {
    // The server has no workers of its own: all work is done by the processes that are killed.
    let undisturbed = Program::serve(0);
    found(&undisturbed);
    bill(&undisturbed, 0);
    let killed = Program::serve(0);
    found(&killed);
    bill(&killed, KILLS);
    killed.assert_proven();
    let (expected, found) = (balances(&undisturbed), balances(&killed));
    assert!(expected.len() >= ACCOUNTS * 9 / 10, "{}", expected.len());
    assert!(expected.values().filter(|balance| *balance != "0.00").count() > ACCOUNTS / 2);
    assert_eq!(expected, found);
}
