//! A made-up town: written, its configuration sent to the API, its accounts loaded, its books proven.

use crate::process::{Served, penstock, run, run_with_input};
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use testkit::TestDatabase;

const EMAIL: &str = "first@example.org";
const PASSWORD: &str = "a long enough password";

/// Sends every piece in order; each id answers to its name in the pieces that follow.
fn configure(url: &str, pieces: &[Value]) {
    let client = Client::new();
    let body = json!({ "grant_type": "password", "email": EMAIL, "password": PASSWORD });
    let tokens: Value =
        client.post(format!("{url}/v1/auth/token")).json(&body).send().unwrap().json().unwrap();
    let token = tokens["access_token"].as_str().unwrap();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    let mut version: Option<String> = None;
    for (number, piece) in pieces.iter().enumerate() {
        let known = |text: &str| {
            ids.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id))
        };
        let path = known(piece["path"].as_str().unwrap());
        let body: Value = serde_json::from_str(&known(&piece["body"].to_string())).unwrap();
        let send = |request: RequestBuilder| request.bearer_auth(token).json(&body).send().unwrap();
        let answer = if piece["method"] == "PUT" {
            let request = client.put(format!("{url}{path}"));
            send(match &version {
                Some(version) => request.header("If-Match", version),
                None => request,
            })
        } else {
            send(client.post(format!("{url}{path}")).header("Idempotency-Key", format!("piece-{number}")))
        };
        let (status, etag) = (answer.status(), answer.headers().get("etag").cloned());
        let answered: Value = answer.json().unwrap();
        assert!(status.is_success(), "{path} {status}: {answered:#} to {body:#}");
        if piece["method"] == "PUT" {
            version = etag.map(|etag| etag.to_str().unwrap().to_owned());
        }
        if let Some(id) = answered["id"].as_str() {
            ids.insert(piece["name"].as_str().unwrap().to_owned(), id.to_owned());
        }
    }
}

fn rows(file: &Path) -> usize {
    std::fs::read_to_string(file).unwrap().lines().count() - 1
}

#[test]
fn a_town_is_written_configured_loaded_and_proven() {
    let database = TestDatabase::create().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (keys, town, report) = (at("keys"), at("town"), at("report.json"));
    let environment = [
        ("DATABASE_URL", database.url()),
        ("PENSTOCK_AUTH_KEYS_DIR", &keys),
        ("PENSTOCK_HTTP_LISTEN", "127.0.0.1:0"),
        ("PENSTOCK_LOG_FILTER", "warn"),
    ];
    let (ok, said, errors) = run(&mut penstock(&["town", &town, "--accounts", "60"], &environment));
    assert!(ok && said.contains("60 accounts") && said.contains("leak"), "{said} {errors}");
    assert!(run(&mut penstock(&["key"], &environment)).0);
    let admin = ["admin", EMAIL];
    assert!(run_with_input(&mut penstock(&admin, &environment), &format!("{PASSWORD}\n")).0);

    let served = Served::start(&mut penstock(&["serve"], &environment));
    let pieces = std::fs::read_to_string(Path::new(&town).join("configuration.json")).unwrap();
    configure(&served.url, &serde_json::from_str::<Vec<Value>>(&pieces).unwrap());
    served.stop();

    let load = ["load", &town, "--as", EMAIL, "--json", &report];
    let (ok, said, errors) = run(&mut penstock(&load, &environment));
    assert!(ok, "{said} {errors}");
    let loaded: Value = serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap();
    assert_eq!(loaded["accounts"], json!({ "loaded": 60, "skipped": 0, "refused": 0 }));
    let files = Path::new(&town);
    assert_eq!(loaded["reads"], rows(&files.join("reads.csv")));
    assert_eq!(loaded["contracts"], 300);
    assert_eq!(loaded["payment_methods"], rows(&files.join("autopay.csv")));
    assert_eq!(loaded["opening_balances"], rows(&files.join("opening_balances.csv")));

    let (ok, said, _) = run(&mut penstock(&load, &environment));
    let again: Value = serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap();
    assert!(ok, "{said}");
    assert_eq!(again["accounts"], json!({ "loaded": 0, "skipped": 60, "refused": 0 }));
    let (ok, said, _) = run(&mut penstock(&["verify"], &environment));
    assert!(ok, "{said}");

    let (ok, _, errors) = run(&mut penstock(&["load", &town, "--as", "nobody@example.org"], &environment));
    assert!(!ok && errors.contains("nobody@example.org"), "{errors}");
}
