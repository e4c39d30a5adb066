//! What is done once: kept sealed, and for a week.

use crate::office::refused;
use access::{Actor, Principal, SiteScope};
use app::keys::Keys;
use app::worker::Workers;
use app::{Answer, App, Caller, IdempotencyKey, Parts};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::time::Duration;
use store::Db;
use testkit::TestDatabase;
use vocab::{Code, Role, UserId};

fn caller() -> Caller {
    let actor = Actor::User(UserId(7));
    let principal = Principal { actor, role: Role::Admin, sites: SiteScope::All, session: None };
    Caller { principal, request_id: None }
}

fn app(database: &TestDatabase, keys: &Path) -> App {
    let db = Db::connect(database.url(), 2).unwrap();
    App::new(Parts::new(db, Keys::load_or_create(keys).unwrap()))
}

fn key(body: &str) -> IdempotencyKey {
    let body_hash = Sha256::digest(body.as_bytes()).into();
    IdempotencyKey { route: "POST /v1/users".to_owned(), key: "appoint-1".to_owned(), body_hash }
}

const BODY: &str = r#"{"password":"correct horse battery"}"#;

#[test]
fn a_body_cannot_be_guessed_from_what_is_kept_of_it() {
    let database = TestDatabase::create().unwrap();
    let keys = tempfile::tempdir().unwrap();
    let first = app(&database, keys.path());
    first.once(&caller(), &key(BODY), |_| Answer::created(&json!({ "id": 1 }))).unwrap();
    let kept = database.texts("SELECT encode(body_hash, 'hex') AS t FROM idempotency_keys").unwrap();
    let hash: String = Sha256::digest(BODY).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(kept.len() == 1 && kept[0] != hash, "{kept:?}");

    // The same body gets the first answer, also after another key has come to sign; another does not.
    let other = tempfile::tempdir().unwrap();
    Keys::load_or_create(other.path()).unwrap();
    std::fs::copy(other.path().join("0001.pem"), keys.path().join("0002.pem")).unwrap();
    let rotated = app(&database, keys.path());
    for app in [first, rotated] {
        let again = app.once(&caller(), &key(BODY), |_| Answer::created(&json!({ "id": 2 }))).unwrap();
        assert_eq!((again.status, again.body), (201, json!({ "id": 1 })));
        let changed = app.once(&caller(), &key("{}"), |_| Answer::created(&json!({ "id": 3 })));
        assert_eq!(refused(changed).code, Code::IdempotencyKeyReused);
    }
}

#[test]
fn an_idle_worker_forgets_old_answers_and_expired_tokens() {
    let database = TestDatabase::create().unwrap();
    database
        .execute(
            "INSERT INTO idempotency_keys (principal, route, key, body_hash, status, response, created_at) \
               SELECT 'user_1', 'POST /v1/users', 'key-' || n, ''::bytea, 200, '{}', \
                 clock_timestamp() - make_interval(hours => CASE WHEN n = 1 THEN 167 ELSE 169 END) \
               FROM generate_series(1, 10011) n; \
             INSERT INTO users (id, email, name, password_hash, role, all_sites, site_ids, active, created_at, version) \
               VALUES (1, 'a@example.org', 'A', '', 'clerk', true, '{}', true, clock_timestamp(), 1); \
             INSERT INTO refresh_tokens (token_hash, family, user_id, expires_at) VALUES \
               ('\\x01', 1, 1, clock_timestamp() - interval '1 hour'), ('\\x02', 1, 1, clock_timestamp() + interval '1 day')",
        )
        .unwrap();
    let keys = tempfile::tempdir().unwrap();
    let workers = Workers::start(&app(&database, keys.path()), 2).unwrap();
    let left = |table: &str| database.number(&format!("SELECT count(*) AS n FROM {table}")).unwrap();
    for _ in 0..200 {
        if left("refresh_tokens") == 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    workers.stop();
    assert_eq!((left("idempotency_keys"), left("refresh_tokens")), (1, 1));
}
