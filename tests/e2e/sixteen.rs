//! Sixteen people bill sixteen sites of one window at once.

use e2e::billed::{self, Billed};
use e2e::town::{Town, text};
use e2e::{Client, Program};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Barrier;

/// People, and as many sites.
const PEOPLE: usize = 16;
/// Accounts of each site.
const EACH: usize = 2;

/// Creates a run of all that one sees and tests it, at the same moment as everybody else; answers the run's
/// path, its test and the accounts in it.
fn test(who: &Client, window: &Value, all: &Barrier) -> (String, Value, BTreeSet<String>) {
    all.wait();
    let run = who.post("/v1/bill-runs", &json!({ "window_id": window, "name": "mine" })).ok();
    assert_eq!(run["accounts"], EACH);
    let path = format!("/v1/bill-runs/{}", text(&run["id"]));
    all.wait();
    let test = who.post(&format!("{path}/tests"), &Value::Null).ok();
    who.finish(&test["operation"]);
    let items = who.all(&format!("{path}/items"));
    assert!(items.iter().all(|item| item["state"] == "drafted"), "{items:#?}");
    (
        path,
        test["test"]["id"].clone(),
        items.iter().map(|item| text(&item["account_id"]).to_owned()).collect(),
    )
}

/// Accepts, at the same moment as everybody else.
fn accept(who: &Client, path: &str, test: &Value, all: &Barrier) {
    all.wait();
    let operation = who.post(&format!("{path}/accept"), &json!({ "test_id": test })).ok();
    who.finish(&operation);
    assert_eq!(who.get(path).ok()["items"], json!({ "accepted": EACH }));
}

#[test]
fn sixteen_people_bill_sixteen_sites_at_once() {
    let program = Program::serve(2);
    let admin = program.admin();
    let codes: Vec<String> = (0..PEOPLE).map(|site| format!("site{site}")).collect();
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    let town = Town::found(&admin, &codes, "2026-02-02T15:00:00Z");
    let accounts = billed::subscribers(&admin, &town, EACH, "2026-01-02", "5.00");
    let window = town.window(&admin, "2026-01-01", "2026-01-31", "2026-02-02");
    let of = Billed { program, admin, town, accounts };
    let people: Vec<Client> =
        (0..PEOPLE).map(|site| of.staff(&format!("person{site}"), "manager", Some(site))).collect();

    let all = Barrier::new(PEOPLE);
    std::thread::scope(|scope| {
        let at_work: Vec<_> = people
            .iter()
            .zip(of.accounts.chunks(EACH))
            .map(|(who, own)| {
                let (all, window) = (&all, &window);
                scope.spawn(move || {
                    let (path, tested, accounts) = test(who, window, all);
                    let own: BTreeSet<String> = own.iter().map(|id| text(id).to_owned()).collect();
                    assert_eq!(accounts, own, "another's accounts");
                    accept(who, &path, &tested, all);
                })
            })
            .collect();
        at_work.into_iter().for_each(|one| one.join().unwrap());
    });
    assert_eq!(of.admin.all("/v1/bill-runs").len(), PEOPLE);
    assert!((0..of.accounts.len()).all(|account| of.balance(account) == "5.00"));
    of.program.assert_proven();
}
