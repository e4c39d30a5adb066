use crate::process::{Served, penstock, run, run_with_input};
use serde_json::{Value, json};
use testkit::TestDatabase;

const PASSWORD: &str = "a long enough password";

fn sign_in(url: &str, password: &str) -> reqwest::blocking::Response {
    let body = json!({ "grant_type": "password", "email": "first@example.org", "password": password });
    reqwest::blocking::Client::new().post(format!("{url}/v1/auth/token")).json(&body).send().unwrap()
}

#[test]
fn every_subcommand_explains_itself() {
    let (ok, help, _) = run(&mut penstock(&["help"], &[]));
    assert!(ok);
    let listed = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let commands: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() >= 5, "{help}");
    for command in commands.iter().filter(|command| **command != "help") {
        let (ok, help, _) = run(&mut penstock(&[command, "--help"], &[]));
        assert!(ok && help.len() > 200, "{command}: {help}");
    }
}

#[test]
fn the_description_of_the_api_needs_no_database() {
    let (ok, text, errors) = run(&mut penstock(&["openapi"], &[]));
    assert!(ok, "{errors}");
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["openapi"].as_str().unwrap().split('.').next(), Some("3"));
    assert!(document["paths"].as_object().unwrap().contains_key("/v1/accounts"));
}

#[test]
fn a_database_is_migrated_gets_its_admin_and_is_served() {
    let database = TestDatabase::empty().unwrap();
    let keys = tempfile::tempdir().unwrap();
    let environment = [
        ("DATABASE_URL", database.url()),
        ("PENSTOCK_AUTH_KEYS_DIR", keys.path().to_str().unwrap()),
        ("PENSTOCK_HTTP_LISTEN", "127.0.0.1:0"),
        ("PENSTOCK_LOG_FORMAT", "json"),
    ];

    let (ok, _, errors) = run(&mut penstock(&["serve"], &environment));
    assert!(!ok && errors.contains("penstock migrate"), "{errors}");
    let (ok, said, errors) = run(&mut penstock(&["migrate"], &environment));
    assert!(ok && said.contains("up to date"), "{said} {errors}");
    let (_, said, _) = run(&mut penstock(&["migrate"], &environment));
    assert!(said.contains("(0 migrations ran)"), "{said}");

    // No key yet: every process of a shared database must be given the same.
    let (ok, _, errors) = run(&mut penstock(&["serve"], &environment));
    assert!(!ok && errors.contains("*.pem"), "{errors}");
    let (ok, ..) = run(&mut penstock(&["key"], &environment));
    assert!(ok);

    let admin = ["admin", "first@example.org"];
    let (ok, said, errors) = run_with_input(&mut penstock(&admin, &environment), &format!("{PASSWORD}\n"));
    assert!(ok && said.contains("first@example.org"), "{said} {errors}");
    assert!(!format!("{said}{errors}").contains(PASSWORD));
    let (ok, _, errors) = run_with_input(&mut penstock(&admin, &environment), &format!("{PASSWORD}\n"));
    assert!(!ok && errors.contains("users already"), "{errors}");

    let served = Served::start(&mut penstock(&["serve"], &environment));
    assert_eq!(sign_in(&served.url, PASSWORD).status(), 200);
    assert_eq!(sign_in(&served.url, "another long password").status(), 401);
    let docs = reqwest::blocking::get(format!("{}/docs", served.url)).unwrap();
    assert!(docs.status().is_success() && docs.text().unwrap().contains("swagger"));
    assert!(served.stop().contains("stopped"));
}

#[test]
fn without_a_database_of_ones_own_an_embedded_one_is_run() {
    // Short and open to the account that the server drops to when root runs the tests.
    let dir = tempfile::Builder::new().prefix("penstock-program-").tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let home = dir.path().join("data");
    let environment = [
        ("PENSTOCK_DATABASE_DATA_DIR", home.to_str().unwrap()),
        ("PENSTOCK_HTTP_LISTEN", "127.0.0.1:0"),
        ("PENSTOCK_ADMIN_PASSWORD", PASSWORD),
    ];
    let serve = ["serve", "--setup-admin", "first@example.org"];
    let served = Served::start(&mut penstock(&serve, &environment));
    assert_eq!(sign_in(&served.url, PASSWORD).status(), 200);
    // A second one is refused, a command that only looks joins the running database.
    let (ok, _, errors) = run(&mut penstock(&["serve"], &environment));
    assert!(!ok && errors.contains("another penstock"), "{errors}");
    let (ok, said, errors) = run(&mut penstock(&["migrate"], &environment));
    assert!(ok && said.contains("(0 migrations ran)"), "{said} {errors}");
    assert!(served.stop().contains(home.to_str().unwrap()));

    let served = Served::start(&mut penstock(&serve, &environment));
    assert_eq!(sign_in(&served.url, PASSWORD).status(), 200);
    served.stop();
}

#[test]
fn a_wrong_configuration_is_refused_before_anything_starts() {
    let (ok, _, errors) = run(&mut penstock(&["serve"], &[("PENSTOCK_HTTP_LISTN", "127.0.0.1:0")]));
    assert!(!ok && errors.contains("PENSTOCK_HTTP_LISTN"), "{errors}");
    let (ok, _, errors) = run(&mut penstock(&["serve", "--config", "/nowhere/penstock.toml"], &[]));
    assert!(!ok && errors.contains("/nowhere/penstock.toml"), "{errors}");
}
