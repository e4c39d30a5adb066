//! R13: requests made from the published document, right ones and wrong ones, at a town that is
//! billed. None meets a fault, and the books hold afterwards.
//!
//! Ids that exist are planted among those that schemathesis makes up: otherwise nearly all of its
//! requests would end at "not found".

use e2e::town::{bill, invoices};
use e2e::{Client, Program, made_up};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use testkit::counterparts::schemathesis;

/// A small town, every trouble in it.
const ACCOUNTS: usize = 20;
/// A document that does not change is met with the same requests. `E2E_SEED` makes others.
const SEED: &str = "20260331";
/// Requests per operation at most; fewer are made where there is little to vary. The full size,
/// 10,000 requests, takes `E2E_EXAMPLES=65`.
const EXAMPLES: &str = "13";
/// Requests in all, so that a report that cannot be read proves nothing.
const REQUESTS_MIN: u32 = 2_000;
/// Operations that schemathesis may give up, of nearly 200.
const STUMBLES_MAX: usize = 2;
/// Streams that never end, the clock and the session that the rest needs.
const LEFT_ALONE: &str = "events|clock/move|sign-out";
/// Whose ids are planted where: fields of bodies and queries.
const FIELDS: &[(&str, &str)] = &[
    ("account_id", "accounts"),
    ("bill_id", "bills"),
    ("contract_type_id", "contract-types"),
    ("cycle_id", "bill-cycles"),
    ("gl_account_id", "gl-accounts"),
    ("location_id", "service-locations"),
    ("rate_schedule_id", "rate-schedules"),
    ("service_point_id", "service-points"),
    ("site_id", "sites"),
    ("window_id", "cycle-windows"),
];
/// The administrator who makes the requests, and others who may sign in, are not to be changed.
const NOT_PLANTED: &[&str] = &["users", "api-clients"];

/// A size, or what the environment says instead.
fn size(variable: &str, usual: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| usual.to_owned())
}

/// Ids that exist, by the collections that the document names.
fn ids(admin: &Client) -> BTreeMap<String, Vec<String>> {
    let document = Client::anonymous(admin.url()).get("/openapi.json").ok();
    let paths = document["paths"].as_object().unwrap();
    let mut found = BTreeMap::new();
    for path in paths.keys() {
        let Some(name) = path.strip_prefix("/v1/").filter(|name| !name.contains('/')) else { continue };
        let is_collection = paths.keys().any(|other| other.starts_with(&format!("{path}/{{id}}")));
        if !is_collection || NOT_PLANTED.contains(&name) {
            continue;
        }
        let items = admin.get(path).body["items"].clone();
        let ids: Vec<String> = items
            .as_array()
            .into_iter()
            .flatten()
            .take(20)
            .filter_map(|item| Some(item["id"].as_str()?.to_owned()))
            .collect();
        if !ids.is_empty() {
            found.insert(name.to_owned(), ids);
        }
    }
    found
}

/// The configuration that plants them.
fn planted(ids: &BTreeMap<String, Vec<String>>) -> String {
    let bound = |name: &str| format!("{{ dictionary = \"{name}\", probability = 0.7 }}");
    let mut text = String::from("[parameters]\n");
    for (field, name) in FIELDS.iter().filter(|(_, name)| ids.contains_key(*name)) {
        for place in ["body", "query"] {
            writeln!(text, "\"{place}.{field}\" = {}", bound(name)).unwrap();
        }
    }
    writeln!(text, "\"header.If-Match\" = {}", bound("versions")).unwrap();
    writeln!(text, "[dictionaries.versions]\nvalues = ['\"1\"', '\"2\"']").unwrap();
    for (name, values) in ids {
        // JSON's lists of plain strings are TOML's.
        writeln!(text, "[dictionaries.{name}]\nvalues = {}", json!(values)).unwrap();
    }
    for name in ids.keys() {
        writeln!(text, "[[operations]]\ninclude-path-regex = '^/v1/{name}/[{{]id'").unwrap();
        writeln!(text, "parameters = {{ \"path.id\" = {} }}", bound(name)).unwrap();
    }
    text
}

/// What came of the requests.
#[derive(Debug, Default)]
struct Answers {
    /// How often each status was answered; 0 stands for no answer.
    by_status: BTreeMap<u64, u32>,
    /// The requests that met a fault or no answer.
    faults: Vec<String>,
    /// Where schemathesis itself gave an operation up for a mistake of its own.
    stumbles: Vec<String>,
}

impl Answers {
    fn read(report: &Path) -> Self {
        let mut answers = Self::default();
        for line in std::fs::read_to_string(report).unwrap().lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            if let Some(error) = event.get("NonFatalError") {
                answers.stumbles.push(format!("{}: {}", error["label"], error["value"]));
            }
            let made = &event["ScenarioFinished"]["recorder"]["interactions"];
            for one in made.as_object().into_iter().flat_map(|made| made.values()) {
                let status = one["response"]["status_code"].as_u64().unwrap_or_default();
                *answers.by_status.entry(status).or_default() += 1;
                if !(200..500).contains(&status) {
                    answers.faults.push(format!("{status}: {:#}", one["request"]));
                }
            }
        }
        answers
    }

    fn count(&self, statuses: std::ops::Range<u64>) -> u32 {
        self.by_status.range(statuses).map(|(_, count)| count).sum()
    }
}

#[test]
fn no_request_meets_a_fault() {
    let Some(mut requests) = schemathesis() else { return };
    let program = Program::serve(1);
    made_up::found(&program, ACCOUNTS);
    let admin = program.admin();
    // Something of everything is there.
    let window = admin.all("/v1/cycle-windows?state=open").remove(0)["id"].clone();
    bill(&admin, &window);
    invoices(&admin, &window);
    let ids = ids(&admin);
    assert!(ids.len() > 15 && ids.contains_key("accounts"), "{ids:#?}");
    let (settings, report) = (program.dir.path().join("st.toml"), program.dir.path().join("st.ndjson"));
    std::fs::write(&settings, planted(&ids)).unwrap();
    let made = requests
        .arg("--config-file")
        .arg(&settings)
        .args(["run", &format!("{}/openapi.json", program.url)])
        .args(["--header", &format!("Authorization: Bearer {}", admin.token())])
        .args(["--checks", "not_a_server_error", "--continue-on-failure", "--no-shrink"])
        .args(["--max-examples", &size("E2E_EXAMPLES", EXAMPLES), "--seed", &size("E2E_SEED", SEED)])
        .args(["--phases", "fuzzing", "--workers", "1"])
        .args(["--exclude-path-regex", LEFT_ALONE, "--generation-database", "none", "--no-color"])
        .args(["--report", "ndjson", "--report-ndjson-path"])
        .arg(&report)
        .current_dir(program.dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&made.stdout);
    let answers = Answers::read(&report);
    eprintln!("answers by status: {:?}", answers.by_status);
    assert!(answers.faults.is_empty(), "{}\n{said}", answers.faults.join("\n"));
    // A mistake of its own costs it an operation, seldom, and says nothing about ours.
    assert!(answers.stumbles.len() <= STUMBLES_MAX, "{:#?}\n{said}", answers.stumbles);
    let all = answers.count(0..600);
    assert!(all >= REQUESTS_MIN, "{all} requests: {said}\n{}", String::from_utf8_lossy(&made.stderr));
    // The requests got as far as the product: signed in, understood, some of them done.
    assert!(answers.count(401..402) * 20 < all, "{:?}", answers.by_status);
    assert!(answers.count(200..300) * 10 > all, "{:?}", answers.by_status);
    assert_eq!(admin.get("/v1/ready").status, 200);
    program.assert_proven();
}
