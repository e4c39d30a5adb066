//! The utility as it is set up, and whether it can be served.

use access::{Actor, Principal, SiteScope};
use app::keys::Keys;
use app::{App, Caller, Parts};
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
