//! What PostgreSQL cannot take is told apart from a fault of ours.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use store::accounts::Person;
use store::{Db, Error};
use testkit::{TestDatabase, noise};
use vocab::{Language, PersonId};

#[test]
fn a_text_beyond_its_index_is_too_long_not_a_fault() {
    let database = TestDatabase::create().unwrap();
    let db = Db::connect(database.url(), 1).unwrap();
    // A little beyond a third of a page, and beyond a whole one.
    for length in [6_000, 60_000] {
        let row = Person {
            id: PersonId(1),
            name: noise(length),
            email: None,
            phone: None,
            language: Language::english(),
            version: 1,
        };
        let outcome = db.tx(|tx| store::accounts::insert_persons(tx, &[row]));
        assert!(matches!(outcome, Err(Error::TooLong)), "{length}: {outcome:?}");
    }
}
