//! An office with a database, for the tests of what it sets up.

use access::{Actor, Principal, SiteScope};
use app::accounts::{Customer, NewAccount};
use app::contract_types::NewContractType;
use app::keys::Keys;
use app::persons::NewPerson;
use app::{App, Caller, Error, Parts};
use serde_json::{Value, json};
use store::places::{Location, ServicePoint};
use store::{Db, Tx};
use tempfile::TempDir;
use testkit::TestDatabase;
use time::macros::date;
use vocab::*;

/// The office and its only clerk, who sees every site.
pub struct Office {
    pub app: App,
    pub caller: Caller,
    database: TestDatabase,
    _keys: TempDir,
}

pub const RECEIVABLE: GlAccountId = GlAccountId(1);
pub const REVENUE: GlAccountId = GlAccountId(4);

impl Office {
    pub fn open() -> Self {
        let database = TestDatabase::create().unwrap();
        database.lay_ground().unwrap();
        let keys = tempfile::tempdir().unwrap();
        let db = Db::connect(database.url(), 4).unwrap();
        let app = App::new(Parts::new(db, Keys::load_or_create(keys.path()).unwrap()));
        let principal = Principal {
            actor: Actor::User(UserId(1)),
            role: Role::Manager,
            sites: SiteScope::All,
            session: None,
        };
        Self { app, caller: Caller { principal, request_id: None }, database, _keys: keys }
    }

    /// Writes what no use case of these rooms writes.
    pub fn execute(&self, sql: &str) {
        self.database.execute(sql).unwrap();
    }

    /// One number.
    pub fn number(&self, query: &str) -> i64 {
        self.database.number(query).unwrap()
    }

    /// How many rows a table, or a part of it, has.
    pub fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) AS n FROM {table}"))
    }

    /// A clerk who sees only these sites.
    pub fn clerk_of(&self, sites: &[SiteId]) -> Caller {
        let mut caller = self.caller.clone();
        caller.principal.sites = SiteScope::Only(sites.iter().copied().collect());
        caller
    }

    pub fn tx<T>(&self, work: impl FnOnce(&mut Tx<'_>) -> app::Result<T>) -> app::Result<T> {
        self.app.db().tx(work)
    }

    pub fn account(&self) -> AccountId {
        let person = NewPerson {
            name: "Ana García".to_owned(),
            email: None,
            phone: None,
            language: Language::english(),
        };
        let new = NewAccount {
            cycle: CycleId(1),
            site: SiteId(1),
            class_code: "residential".to_owned(),
            language: Language::english(),
            delivery: DeliveryPreference::Post,
            customer: Customer::New(person),
            mailing_address: None,
            client_reference: None,
            opened_on: Some(date!(2026 - 01 - 01)),
        };
        self.tx(|tx| app::accounts::open(tx, &self.caller, new)).unwrap().account.account_id
    }

    pub fn service_point(&self, code: &str, commodity: Commodity) -> ServicePointId {
        self.tx(|tx| {
            let location = LocationId(tx.new_id()?);
            let row = Location {
                id: location,
                site_id: SiteId(1),
                line1: "12 Mill Lane".to_owned(),
                line2: None,
                city: "Penstock".to_owned(),
                region: "CO".to_owned(),
                postcode: "80401".to_owned(),
                country: "US".to_owned(),
                latitude: None,
                longitude: None,
                version: 1,
            };
            store::places::insert_locations(tx, &[row])?;
            let id = ServicePointId(tx.new_id()?);
            let row = ServicePoint {
                service_point_id: id,
                code: code.to_owned(),
                location_id: location,
                commodity,
                characteristics: json!({}),
                version: 1,
            };
            store::places::insert_service_points(tx, &[row])?;
            Ok(id)
        })
        .unwrap()
    }

    pub fn schedule(&self, code: &str, commodity: Commodity) -> RateScheduleId {
        let (code, name) = (code.to_owned(), format!("Rate {code}"));
        self.tx(|tx| {
            app::rates::define_schedule(tx, &self.caller, code, name, commodity, Frequency::Monthly, true)
        })
        .unwrap()
        .id
    }

    pub fn add_version(&self, schedule: RateScheduleId, tariff: Value) -> app::Result<RateVersionId> {
        Ok(self.tx(|tx| app::rates::add_version(tx, &self.caller, schedule, tariff))?.id)
    }

    pub fn contract_type(&self, code: &str, commodity: Commodity, method: SegmentMethod) -> ContractTypeId {
        let end_date = match method {
            SegmentMethod::Metered => EndDateMethod::MeterRead,
            _ => EndDateMethod::CalendarPeriod,
        };
        let new = NewContractType {
            code: code.to_owned(),
            name: format!("Type {code}"),
            commodity,
            method,
            end_date,
            sequence: 10,
            minimum_days: 0,
            maximum: None,
            estimation: true,
            receivable_gl: RECEIVABLE,
            revenue_gl: REVENUE,
        };
        self.tx(|tx| app::contract_types::define(tx, &self.caller, new)).unwrap().id
    }
}

/// The refusal that a use case answered.
pub fn refused<T: std::fmt::Debug>(outcome: app::Result<T>) -> Problem {
    match outcome {
        Err(Error::Refused(problem)) => problem,
        other => panic!("not refused: {other:?}"),
    }
}

/// Places of the fields at fault.
pub fn pointers(problem: &Problem) -> Vec<&str> {
    problem.errors.iter().map(|error| error.pointer.as_str()).collect()
}
