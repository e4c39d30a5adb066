//! kill -9 of the worker at seeded moments: the run goes on, nothing is billed twice or lost, and
//! what the run writes is what an uninterrupted one writes (I11).

use e2e::Program;
use e2e::made_up::found;
use e2e::rows::written;
use e2e::town::text;
use serde_json::{Value, json};

/// Accounts of the sample; the full size is 20,000 with 200 kills.
const ACCOUNTS: usize = 2000;
/// How often the worker dies.
const KILLS: u32 = 5;

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
    found(&undisturbed, ACCOUNTS);
    bill(&undisturbed, 0);
    let killed = Program::serve(0);
    found(&killed, ACCOUNTS);
    bill(&killed, KILLS);
    killed.assert_proven();
    let (expected, found) = (written(&undisturbed), written(&killed));
    let of = |table: &str| expected.iter().filter(|((name, _), _)| *name == table).count();
    assert_eq!(of("accounts"), ACCOUNTS);
    for table in ["bills", "segments", "fts", "drafts"] {
        assert!(of(table) > ACCOUNTS * 9 / 10, "{table}: {}", of(table));
    }
    assert!(of("draws") > 0 && of("flags") > 0 && of("bill_errors") > 0);
    assert_eq!(expected.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
    for (owner, rows) in &expected {
        assert_eq!(rows, &found[owner], "{owner:?}");
    }
}
