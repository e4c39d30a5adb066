//! A utility with one open account, and a member of staff.

use access::{Actor, Principal, SiteScope};
use app::accounts::{Customer, NewAccount};
use app::persons::NewPerson;
use app::{App, Caller, Parts, keys::Keys};
use store::{Db, Tx};
use testkit::TestDatabase;
use vocab::{AccountId, CycleId, DeliveryPreference, Language, Money, Role, SiteId, UserId};

pub struct Ground {
    pub database: TestDatabase,
    pub app: App,
    pub caller: Caller,
    _keys: tempfile::TempDir,
}

pub fn cents(minor: i64) -> Money {
    Money::from_minor(minor)
}

pub fn staff(sites: SiteScope) -> Caller {
    let actor = Actor::User(UserId(7));
    Caller { principal: Principal { actor, role: Role::Manager, sites, session: None }, request_id: None }
}

impl Ground {
    pub fn new(ports: impl FnOnce(Parts) -> Parts) -> Self {
        let database = TestDatabase::create().unwrap();
        database.lay_ground().unwrap();
        let keys = tempfile::tempdir().unwrap();
        let db = Db::connect(database.url(), 4).unwrap();
        let app = App::new(ports(Parts::new(db, Keys::load_or_create(keys.path()).unwrap())));
        Self { database, app, caller: staff(SiteScope::All), _keys: keys }
    }

    pub fn tx<T>(&self, work: impl FnOnce(&mut Tx<'_>) -> app::Result<T>) -> app::Result<T> {
        self.app.db().tx(work)
    }

    pub fn open_account(&self) -> AccountId {
        let new = NewAccount {
            cycle: CycleId(1),
            site: SiteId(1),
            class_code: "residential".to_owned(),
            language: "es".parse::<Language>().unwrap(),
            delivery: DeliveryPreference::Email,
            customer: Customer::New(NewPerson {
                name: "Ana García".to_owned(),
                email: Some("ana@example.org".to_owned()),
                phone: None,
                language: "es".parse().unwrap(),
            }),
            mailing_address: None,
            client_reference: None,
            opened_on: None,
        };
        self.tx(|tx| app::accounts::open(tx, &self.caller, new)).unwrap().account.account_id
    }

    pub fn balance(&self, id: AccountId) -> i64 {
        self.app.balance(&self.caller, id).unwrap().account.current_minor.minor()
    }

    /// I1 journals, I2 balances and I7 tenders hold.
    pub fn assert_books_hold(&self) {
        let report = app::verify::verify(self.app.db()).unwrap();
        for name in ["I1", "I2", "I7"] {
            let verdict = &report.invariants[name];
            assert!(verdict.violated == 0, "{name}: {verdict:?}");
        }
    }

    pub fn number(&self, query: &str) -> i64 {
        self.database.number(query).unwrap()
    }
}
