//! Runs that several people drive at once, and acceptance of the clean part.

use e2e::billed;
use e2e::town::{Town, text};
use e2e::{Client, Program};
use serde_json::{Value, json};

fn test_and_accept(who: &Client, run: &Value) -> Value {
    let path = format!("/v1/bill-runs/{}", text(&run["id"]));
    let test = who.post(&format!("{path}/tests"), &Value::Null).ok();
    who.finish(&test["operation"]);
    let accepted = who.post(&format!("{path}/accept"), &json!({ "test_id": test["test"]["id"] })).ok();
    who.finish(&accepted);
    who.get(&path).ok()
}

#[test]
fn two_people_bill_two_sites_of_one_window_at_once() {
    let program = Program::serve(2);
    let admin = program.admin();
    let town = Town::found(&admin, &["north", "south"], "2026-02-02T15:00:00Z");
    billed::subscribers(&admin, &town, 3, "2026-01-01", "5.00");
    let window = town.window(&admin, "2026-01-01", "2026-01-31", "2026-02-02");
    let north = billed::staff(&program, &admin, "nora", "manager", Some(&town.sites[0]));
    let south = billed::staff(&program, &admin, "saul", "manager", Some(&town.sites[1]));
    let create =
        |who: &Client, name: &str| who.post("/v1/bill-runs", &json!({ "window_id": window, "name": name }));

    let of_north = create(&north, "north").ok();
    assert_eq!(of_north["accounts"], 3);
    // The administrator sees all sites: the overlap is named.
    let refused = create(&admin, "all").refused(409, "runs_overlap");
    assert_eq!(refused["params"]["run"], of_north["id"]);
    assert_eq!(refused["params"]["accounts"], "3");
    let of_south = create(&south, "south").ok();

    // Nobody sees the other's run, accounts or flags.
    south.get(&format!("/v1/bill-runs/{}", text(&of_north["id"]))).refused(404, "not_found");
    assert!(south.all("/v1/bill-runs").iter().all(|run| run["id"] != of_north["id"]));

    let (done_north, done_south) = std::thread::scope(|scope| {
        let north = scope.spawn(|| test_and_accept(&north, &of_north));
        let south = scope.spawn(|| test_and_accept(&south, &of_south));
        (north.join().unwrap(), south.join().unwrap())
    });
    assert_eq!(done_north["items"], json!({ "accepted": 3 }));
    assert_eq!(done_south["items"], json!({ "accepted": 3 }));

    // What is billed is in no further run of the window.
    create(&admin, "again").refused(422, "empty_scope");
    let steps = admin.get(&format!("/v1/cycle-windows/{}/steps", text(&window))).ok();
    assert_eq!(steps["steps"][4]["done"], 6, "{steps:#}");
    program.assert_proven();
}

#[test]
fn a_changed_account_stays_behind_and_is_named() {
    let program = Program::serve(2);
    let admin = program.admin();
    let town = Town::found(&admin, &["north"], "2026-02-02T15:00:00Z");
    let accounts = billed::subscribers(&admin, &town, 3, "2026-01-01", "5.00");
    let window = town.window(&admin, "2026-01-01", "2026-01-31", "2026-02-02");
    let run = admin.post("/v1/bill-runs", &json!({ "window_id": window, "name": "all" })).ok();
    let path = format!("/v1/bill-runs/{}", text(&run["id"]));
    let first = admin.post(&format!("{path}/tests"), &Value::Null).ok();
    admin.finish(&first["operation"]);

    // After the test: one account is held, which its digest tells.
    let held = &accounts[1];
    let account = admin.get(&format!("/v1/accounts/{}", text(held)));
    let etag = account.etag.unwrap();
    let hold = json!({ "hold": { "until_on": "2026-02-28", "reason": "disputes the contract" } });
    admin.patch(&format!("/v1/accounts/{}", text(held)), &hold, &etag).ok();
    admin.patch(&format!("/v1/accounts/{}", text(held)), &hold, &etag).refused(412, "etag_mismatch");

    let accepted = admin.post(&format!("{path}/accept"), &json!({ "test_id": first["test"]["id"] })).ok();
    admin.finish(&accepted);
    let stale = admin.all(&format!("{path}/items?state=stale"));
    assert_eq!(stale.len(), 1, "{stale:#?}");
    assert_eq!(&stale[0]["account_id"], held);
    assert_eq!(admin.all(&format!("{path}/items?reason_code=changed_since_test")), stale);
    assert_eq!(admin.all(&format!("{path}/items?state=accepted")).len(), 2);

    // The next test drafts the rest; an older test cannot be accepted any more.
    let second = admin.post(&format!("{path}/tests"), &Value::Null).ok();
    let done = admin.finish(&second["operation"]);
    assert_eq!(done["result"]["since_last_test"]["outcome"], 1, "{done:#}");
    let changes = admin.get(&format!("{path}/tests/{}/changes", text(&second["test"]["id"]))).ok();
    assert_eq!(changes["against_test_id"], first["test"]["id"]);
    assert_eq!((&changes["accounts"], &changes["items"][0]["account_id"]), (&json!(1), held), "{changes:#}");
    assert_eq!(changes["items"][0]["causes"], json!(["hold"]));
    // A part of the run is tested again; what is accepted is no part of it.
    let part = |account: &Value| admin.post(&format!("{path}/tests"), &json!({ "account_ids": [account] }));
    let problem = part(&accounts[0]).refused(422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/account_ids/0");
    let third = part(held).ok();
    assert_eq!(admin.finish(&third["operation"])["result"]["unchanged"], 1);
    assert_eq!(third["test"]["scope"], json!({ "account_ids": [held] }));
    admin
        .post(&format!("{path}/accept"), &json!({ "test_id": first["test"]["id"] }))
        .refused(412, "test_stale");
    let register = admin.get(&format!("{path}/register?posted=true")).ok();
    // A first segment knows no tolerance: 31 of 30 days.
    assert_eq!(register["total"]["amount"], "10.34", "{register:#}");
    assert_eq!(register["completeness"]["adds_up"], true);
    assert_eq!(register["sites"][0]["adds_up"], true, "{register:#}");
    assert_eq!(register["sites"][0]["contracts"], json!({ "billed": 2, "held": 1 }));
    assert_eq!(admin.all("/v1/billing-errors"), [] as [Value; 0]);
    admin.get("/v1/billing-errors/groups").ok();
    admin.get("/v1/work-lists").ok();
    let approved = json!({ "account_ids": [held] });
    let answer = admin.post(&format!("{path}/items/approve"), &approved).ok();
    assert_eq!((&answer["done"], &answer["items"][0]["code"]), (&json!(0), &json!("wrong_state")));
    program.assert_proven();
}

#[test]
fn a_run_is_paused_and_cancelled_by_its_operation() {
    // No worker: the test stays where it is.
    let program = Program::serve(0);
    let admin = program.admin();
    let town = Town::found(&admin, &["north"], "2026-02-02T15:00:00Z");
    billed::subscribers(&admin, &town, 1, "2026-01-01", "5.00");
    let window = town.window(&admin, "2026-01-01", "2026-01-31", "2026-02-02");
    let run = admin.post("/v1/bill-runs", &json!({ "window_id": window, "name": "all" })).ok();
    let path = format!("/v1/bill-runs/{}", text(&run["id"]));
    let test = admin.post(&format!("{path}/tests"), &Value::Null).ok();
    let operation = format!("/v1/operations/{}", text(&test["operation"]["id"]));

    assert_eq!(admin.post(&format!("{operation}/pause"), &Value::Null).ok()["state"], "paused");
    assert_eq!(admin.get(&path).ok()["state"], "paused");
    assert_eq!(admin.post(&format!("{path}/resume"), &Value::Null).ok()["state"], "running");
    assert_eq!(admin.get(&operation).ok()["state"], "running");
    assert_eq!(admin.post(&format!("{operation}/cancel"), &Value::Null).ok()["state"], "cancelled");
    assert_eq!(admin.get(&path).ok()["state"], "cancelled");
    admin.post(&format!("{operation}/resume"), &Value::Null).refused(409, "wrong_state");

    // Whoever may steer long work at large may not, for that, steer a bill run.
    let user = json!({
        "email": "machine@example.org", "name": "machine", "password": "a long enough password", "role": "integration"
    });
    admin.post("/v1/users", &user).ok();
    let machine = Client::sign_in(&program.url, "machine@example.org", "a long enough password");
    let refused = machine.post(&format!("{operation}/cancel"), &Value::Null).refused(403, "forbidden");
    assert_eq!(refused["params"]["permission"], "bill_runs.test");
}
