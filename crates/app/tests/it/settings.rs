//! Whether the utility can be served.

use app::keys::Keys;
use app::{App, Parts};
use store::Db;
use testkit::TestDatabase;

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
