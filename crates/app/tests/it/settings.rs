//! The utility as it is set up, and whether it can be served.

use access::{Actor, Principal, SiteScope};
use app::keys::Keys;
use app::{App, Caller, Parts};
use serde_json::{Value, json};
use store::Db;
use testkit::TestDatabase;
use vocab::{Role, UserId};

fn caller() -> Caller {
    let actor = Actor::User(UserId(7));
    let principal = Principal { actor, role: Role::Admin, sites: SiteScope::All, session: None };
    Caller { principal, request_id: None }
}

#[test]
fn a_utility_with_a_pretended_gateway_is_a_sandbox() {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    let keys = tempfile::tempdir().unwrap();
    let app = |ports: fn(Parts) -> Parts| {
        let db = Db::connect(database.url(), 1).unwrap();
        App::new(ports(Parts::new(db, Keys::load_or_create(keys.path()).unwrap())))
    };
    let (pretending, real) = (app(Parts::pretending), app(|parts| parts));
    let settings = real.settings().unwrap();
    // As nobody has set it up yet.
    database.execute("DELETE FROM settings").unwrap();
    let serious = store::settings::Settings { sandbox: false, ..settings.clone() };
    let refused = pretending.put_settings(&caller(), None, serious.clone()).unwrap_err().problem();
    assert_eq!(refused.errors[0].pointer, "/sandbox");
    real.put_settings(&caller(), None, serious).unwrap();
    database.execute("DELETE FROM settings").unwrap();
    pretending.put_settings(&caller(), None, settings).unwrap();
}

#[test]
fn thresholds_have_bounds_and_the_answer_points_at_them() {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    let keys = tempfile::tempdir().unwrap();
    let db = Db::connect(database.url(), 1).unwrap();
    let app = App::new(Parts::pretending(Parts::new(db, Keys::load_or_create(keys.path()).unwrap())));
    let settings = app.settings().unwrap();
    let pointers = |checks: Value, estimation: Value, read_rules: Value| -> Vec<String> {
        let new = store::settings::Settings { checks, estimation, read_rules, ..settings.clone() };
        let problem = app.put_settings(&caller(), Some(settings.version), new).unwrap_err().problem();
        problem.errors.into_iter().map(|error| error.pointer).collect()
    };
    let found = pointers(
        json!({ "high_above_percent": 10_001, "high_least_units": "1000000001", "low_below_percent": 101 }),
        json!({ "most_in_a_row": 25, "recent_days": 367, "last_year_tolerance_days": 32 }),
        json!({ "rules": [{ "commodity": "water", "rules": { "stale_after_days": 3661,
            "spike_least_units": "0.00000000001", "checks": { "high_least_units": "-1" } } }] }),
    );
    assert_eq!(
        found,
        [
            "/checks/high_above_percent",
            "/checks/high_least_units",
            "/checks/low_below_percent",
            "/estimation/most_in_a_row",
            "/estimation/recent_days",
            "/estimation/last_year_tolerance_days",
            "/read_rules/rules/0/rules/stale_after_days",
            "/read_rules/rules/0/rules/spike_least_units",
            "/read_rules/rules/0/rules/checks/high_least_units",
        ]
    );
    assert_eq!(pointers(json!({ "hihg": 1 }), json!({}), json!({})), ["/checks"]);
}

#[test]
fn secrets_are_those_of_the_installation() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let secret = |keys: &tempfile::TempDir, purpose: &str| {
        Keys::load_or_create(keys.path()).unwrap().secret_for(purpose)
    };
    assert_eq!(secret(&one, "webhooks"), secret(&one, "webhooks"), "the same in every process");
    assert_ne!(secret(&one, "webhooks"), secret(&other, "webhooks"));
    assert_ne!(secret(&one, "webhooks"), secret(&one, "links"));
}

#[test]
fn asking_whether_it_is_ready_opens_no_connection() {
    let database = TestDatabase::create().unwrap();
    let keys = tempfile::tempdir().unwrap();
    let db = Db::connect(database.url(), 1).unwrap();
    let app = App::new(Parts::new(db, Keys::load_or_create(keys.path()).unwrap()));
    let sessions =
        || database.number("SELECT sessions AS n FROM pg_stat_database WHERE datname = current_database()");
    let before = sessions().unwrap();
    for _ in 0..20 {
        app.ready().unwrap();
    }
    // Statistics are told when a session ends or after a second; those of twenty would be there.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let opened = sessions().unwrap() - before;
    assert!(opened < 10, "{opened}");
    // A schema that is behind is seen once the last answer is old.
    database.execute("DELETE FROM __diesel_schema_migrations WHERE version = (SELECT max(version) FROM __diesel_schema_migrations)").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(700));
    assert!(app.ready().unwrap_err().to_string().contains("penstock migrate"));
}
