//! Several worker processes on one run: everybody is billed, nobody twice, and all of them work.

use e2e::Program;
use e2e::made_up::found;
use e2e::town::text;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Four chunks.
const ACCOUNTS: usize = 2000;
/// Processes, of one thread each.
const WORKERS: usize = 3;

/// The processes that have done chunks of an operation, all of whose items are done.
fn at_work(program: &Program, operation: &Value) -> BTreeSet<u32> {
    let rows = format!(
        "SELECT jsonb_build_array(c.done + c.failed, c.state, split_part(c.worker, ':', 2)::bigint)::text AS t \
         FROM chunks c JOIN operations o ON o.id = c.operation_id \
         WHERE o.subject_id = (SELECT max(id) FROM bill_runs) AND o.kind = '{}' ORDER BY c.seq",
        text(&operation["kind"])
    );
    let rows: Vec<Value> =
        program.database.texts(&rows).unwrap().iter().map(|row| serde_json::from_str(row).unwrap()).collect();
    assert!(rows.len() >= ACCOUNTS / 500, "{rows:?}");
    assert!(rows.iter().all(|row| row[1] == "done"), "{rows:?}");
    let items: i64 = rows.iter().map(|row| row[0].as_i64().unwrap()).sum();
    assert_eq!(items, operation["total"].as_i64().unwrap(), "{rows:?}");
    rows.iter().map(|row| u32::try_from(row[2].as_i64().unwrap()).unwrap()).collect()
}

#[test]
fn several_processes_bill_everybody_once() {
    // The server has no workers of its own.
    let program = Program::serve(0);
    found(&program, ACCOUNTS);
    let admin = program.admin();
    let mut workers: Vec<_> = (0..WORKERS).map(|_| program.worker(1)).collect();
    let ours: BTreeSet<u32> = workers.iter().map(std::process::Child::id).collect();
    let window = admin.all("/v1/cycle-windows?state=open").pop().unwrap();
    let run = admin.post("/v1/bill-runs", &json!({ "window_id": window["id"], "name": "all" })).ok();
    assert_eq!(run["accounts"], ACCOUNTS);
    let path = format!("/v1/bill-runs/{}", text(&run["id"]));
    let test = admin.post(&format!("{path}/tests"), &Value::Null).ok();
    let tested = admin.finish(&test["operation"]);
    let accepted = admin.post(&format!("{path}/accept"), &json!({ "test_id": test["test"]["id"] })).ok();
    let accepted = admin.finish(&accepted);
    for worker in &mut workers {
        worker.kill().unwrap();
        worker.wait().unwrap();
    }

    for operation in [&tested, &accepted] {
        let who = at_work(&program, operation);
        assert!(who.len() > 1 && who.is_subset(&ours), "{who:?} of {ours:?}");
    }
    let number = |query: &str| program.database.number(query).unwrap();
    // A draft each; a bill each but for those whom the planted troubles keep behind, every one with a reason.
    let all = i64::try_from(ACCOUNTS).unwrap();
    let drafts = number("SELECT count(*) AS n FROM drafts");
    assert_eq!((drafts, number("SELECT count(DISTINCT account_id) AS n FROM drafts")), (all, all));
    let bills = number("SELECT count(*) AS n FROM bills");
    let accepted = number("SELECT count(*) AS n FROM run_items WHERE state = 'accepted'");
    let behind =
        number("SELECT count(*) AS n FROM run_items WHERE state <> 'accepted' AND reason IS NOT NULL");
    assert!(bills > all * 9 / 10, "{bills}");
    assert_eq!((bills, accepted + behind), (accepted, all));
    assert_eq!(number("SELECT count(DISTINCT account_id) AS n FROM bills"), bills);
    program.assert_proven();
}
