//! A made-up town of `penstock town`, brought in as a client would: configured over the API, loaded
//! from its files, its meters read.

use crate::program::ADMIN;
use crate::town::text;
use crate::{Client, Program};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The town's files; the same number of accounts makes the same town.
fn files(program: &Program, accounts: usize) -> PathBuf {
    let dir = program.dir.path().join("town");
    let made = program
        .command(&["town", dir.to_str().unwrap(), "--accounts", &accounts.to_string()])
        .args(["--seed", "7", "--month", "2026-01-01"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    dir
}

/// Sends the generated configuration; each id answers to its name in the pieces that follow.
fn configure(admin: &Client, dir: &Path) {
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
}

/// Founds the town at an empty utility: its window is open, its month is read, nothing is billed.
/// A worker process beside the server imports the reads.
pub fn found(program: &Program, accounts: usize) {
    let dir = files(program, accounts);
    let admin = program.admin();
    configure(&admin, &dir);
    let window = admin.all("/v1/cycle-windows").remove(0);
    let now = format!("{}T18:00:00Z", text(&window["bill_on"]));
    admin.post("/v1/clock/move", &json!({ "to": now })).ok();
    let loaded = program.command(&["load", dir.to_str().unwrap(), "--as", ADMIN]).output().unwrap();
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
    let here = format!("/v1/cycle-windows/{}", text(&window["id"]));
    let etag = admin.get(&here).etag.unwrap();
    admin.act(&format!("{here}/open"), &Value::Null, &etag).ok();

    // The month's reads, as a file.
    let file = std::fs::read_to_string(dir.join("next_reads.csv")).unwrap();
    let path = format!("/v1/reading-imports?window_id={}", text(&window["id"]));
    let import = admin.upload(&path, &file).ok();
    let worker = program.worker(2);
    admin.finish(&import["operation"]);
    worker.kill();
}
