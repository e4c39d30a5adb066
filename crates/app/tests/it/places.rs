//! Places, meters and single reads: from a site to a settled read.

use access::{Actor, Principal, SiteScope};
use app::meters::{self, NewInstall, NewRegister, Removal};
use app::places::{self, NewLocation, NewServicePoint};
use app::reads::{self, EnteredRead, NewManualRead};
use app::{Caller, Error};
use rust_decimal::Decimal;
use store::reads::ReadFilter;
use store::{Db, Tx};
use testkit::TestDatabase;
use time::{Date, macros::date};
use vocab::{
    Code, Commodity, Problem, ReadQuality, ReadStatus, RegisterId, RegisterKind, Role, ServicePointId,
    SiteId, Unit, UserId,
};

fn caller(sites: SiteScope) -> Caller {
    let principal = Principal { actor: Actor::User(UserId(7)), role: Role::Admin, sites, session: None };
    Caller { principal, request_id: None }
}

fn everywhere() -> Caller {
    caller(SiteScope::All)
}

/// A utility whose business time stands on 10 April 2026.
fn database() -> (TestDatabase, Db) {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    database.execute("UPDATE business_clock SET moved_to = '2026-04-10 12:00:00Z'").unwrap();
    let db = Db::connect(database.url(), 2).unwrap();
    (database, db)
}

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn location(site: SiteId) -> NewLocation {
    NewLocation {
        site,
        line1: "12 Mill Lane".to_owned(),
        line2: None,
        city: "Penstock".to_owned(),
        region: "CO".to_owned(),
        postcode: "80401".to_owned(),
        country: "US".to_owned(),
        pin: Some((dec("39.755543"), dec("-105.2211"))),
    }
}

fn point(tx: &mut Tx<'_>, code: &str) -> app::Result<ServicePointId> {
    let entered = places::enter_location(tx, &everywhere(), location(SiteId(1)))?;
    let new = NewServicePoint {
        code: code.to_owned(),
        location: entered.id,
        commodity: Commodity::Electricity,
        characteristics: places::Characteristics::default(),
    };
    Ok(places::enter_service_point(tx, &everywhere(), new)?.service_point_id)
}

fn meter(serial: &str, on: Date, initial: Option<&str>) -> NewInstall {
    NewInstall {
        serial: serial.to_owned(),
        maker: None,
        installed_on: Some(on),
        registers: vec![NewRegister {
            code: "1".to_owned(),
            kind: RegisterKind::Subtractive,
            unit: Unit::Kwh,
            bucket: None,
            quantity_name: None,
            multiplier: Decimal::ONE,
            dials: 5,
            decimals: 0,
            initial_value: initial.map(dec),
        }],
    }
}

fn current(view: &meters::PointView) -> RegisterId {
    let register = &view.current().unwrap().registers[0];
    RegisterId::new(register.service_point_id, register.id)
}

/// A service point whose meter began at 1000 on 17 January.
fn metered(tx: &mut Tx<'_>) -> app::Result<(ServicePointId, RegisterId)> {
    let id = point(tx, "SP-1")?;
    let view = meters::install(tx, &everywhere(), id, meter("E-1", date!(2026 - 01 - 17), Some("1000")))?;
    Ok((id, current(&view)))
}

fn told(register: RegisterId, on: Date, value: &str) -> NewManualRead {
    NewManualRead {
        register,
        serial: None,
        read_on: Some(on),
        value: dec(value),
        quality: ReadQuality::Actual,
        trouble: None,
    }
}

fn enter(tx: &mut Tx<'_>, register: RegisterId, on: Date, value: &str) -> app::Result<EnteredRead> {
    reads::enter(tx, &everywhere(), &told(register, on, value))
}

/// Runs what must be refused, under a savepoint.
fn refused<T>(tx: &mut Tx<'_>, work: impl FnOnce(&mut Tx<'_>) -> app::Result<T>) -> Problem {
    match tx.attempt(work) {
        Err(Error::Refused(problem)) => problem,
        Err(other) => other.problem(),
        Ok(_) => Problem::new(Code::Internal, "it was not refused"),
    }
}

/// A contract that is active since 17 January and billed through a day.
fn serve(database: &TestDatabase, point: ServicePointId, through: &str) {
    database
        .execute(&format!(
            "INSERT INTO accounts (account_id, number, cycle_id, site_id, class_code, language, delivery, state, \
               opened_on, current_minor, payoff_minor, last_bill_ending_minor, autopay_failures, version) \
               VALUES (900, 1, 1, 1, 'residential', 'en', 'email', 'active', '2026-01-17', 0, 0, 0, 0, 1); \
             SET session_replication_role = replica; \
             INSERT INTO contracts (account_id, id, contract_type_id, service_point_id, location_id, starts_on, \
               billed_through_on, state, items, characteristics, segments, version) \
               SELECT 900, 901, 1, {0}, location_id, '2026-01-17', {through}, 'active', '[]', '{{}}', 0, 1 \
               FROM service_points WHERE service_point_id = {0}; \
             INSERT INTO service_point_contracts (service_point_id, account_id, contract_id, starts_on) \
               VALUES ({0}, 900, 901, '2026-01-17');",
            point.0
        ))
        .unwrap();
}

#[test]
fn codes_are_unique_and_foreign_sites_are_not_seen() {
    let (_database, db) = database();
    db.tx(|tx| {
        let id = point(tx, "SP-1")?;
        assert_eq!(refused(tx, |tx| point(tx, "SP-1")).code, Code::AlreadyExists);
        let taken =
            refused(tx, |tx| places::define_site(tx, &everywhere(), "north".to_owned(), "Again".to_owned()));
        assert_eq!(taken.code, Code::AlreadyExists);
        let south = caller(SiteScope::Only([SiteId(2)].into()));
        assert_eq!(refused(tx, |tx| places::find_point(tx, &south, id)).code, Code::NotFound);
        let foreign = refused(tx, |tx| places::enter_location(tx, &south, location(SiteId(1))));
        assert_eq!((foreign.code, foreign.errors[0].pointer.as_str()), (Code::Invalid, "/site_id"));
        let own = refused(tx, |tx| places::define_site(tx, &south, "x".to_owned(), "X".to_owned()));
        assert_eq!(own.code, Code::Forbidden);
        let wrong = NewLocation { pin: Some((dec("91"), dec("0"))), ..location(SiteId(1)) };
        assert_eq!(refused(tx, |tx| places::enter_location(tx, &everywhere(), wrong)).code, Code::Invalid);
        Ok::<_, Error>(())
    })
    .unwrap();
}

#[test]
fn an_exchange_takes_the_final_read_and_begins_anew() {
    let (database, db) = database();
    let (id, old) = db.tx(metered).unwrap();
    serve(&database, id, "NULL");
    db.tx(|tx| {
        let second = refused(tx, |tx| {
            meters::install(tx, &everywhere(), id, meter("E-2", date!(2026 - 03 - 10), None))
        });
        assert_eq!(second.code, Code::WrongState);
        let new = meter("E-2", date!(2026 - 03 - 10), Some("0"));
        let change = meters::exchange(tx, &everywhere(), id, vec![(old, dec("1400"))], new)?;
        assert_eq!(change.final_reads[0].read.status, ReadStatus::Valid);
        let installs: Vec<_> = change
            .view
            .installs
            .iter()
            .map(|view| (view.serial.as_str(), view.install.installed_on, view.install.removed_on))
            .collect();
        let day = date!(2026 - 03 - 10);
        assert_eq!(installs, [("E-1", date!(2026 - 01 - 17), Some(day)), ("E-2", day, None)]);
        // The meter that came out can go in elsewhere, not twice at once.
        let other = point(tx, "SP-2")?;
        meters::install(tx, &everywhere(), other, meter("E-1", day, None))?;
        let third = point(tx, "SP-3")?;
        let twice = refused(tx, |tx| meters::install(tx, &everywhere(), third, meter("E-1", day, None)));
        assert_eq!(twice.code, Code::WrongState);
        // What was used: 400 on the old meter, 210 on the new one.
        enter(tx, current(&change.view), date!(2026 - 03 - 31), "210")?;
        let loaded = store::reads::load_metered(tx, &[id], date!(2026 - 01 - 17), date!(2026 - 03 - 31))?;
        let values: Vec<Vec<Decimal>> =
            loaded[0].registers.iter().map(|of| of.reads.iter().map(|read| read.value).collect()).collect();
        assert_eq!(values, [vec![dec("1000"), dec("1400")], vec![dec("0"), dec("210")]]);
        Ok::<_, Error>(())
    })
    .unwrap();
}

#[test]
fn a_failed_exchange_leaves_the_old_meter() {
    let (_database, db) = database();
    let (id, old) = db.tx(metered).unwrap();
    let problem = db
        .tx(|tx| {
            let new = meter("E-2", date!(2026 - 03 - 10), Some("100000"));
            meters::exchange(tx, &everywhere(), id, vec![(old, dec("1400"))], new)
        })
        .unwrap_err()
        .problem();
    assert_eq!(problem.errors[0].pointer, "/registers/0/initial_value");
    db.tx(|tx| {
        let installs = store::meters::installs_at(tx, id)?;
        assert_eq!(installs.len(), 1);
        assert_eq!(installs[0].removed_on, None);
        assert_eq!(store::reads::of_register(tx, old, date!(2026 - 01 - 01))?.len(), 1);
        Ok::<_, Error>(())
    })
    .unwrap();
}

#[test]
fn a_meter_is_not_removed_before_its_reads_nor_in_the_future() {
    let (database, db) = database();
    let (id, register) = db.tx(metered).unwrap();
    serve(&database, id, "NULL");
    db.tx(|tx| {
        enter(tx, register, date!(2026 - 03 - 31), "1400")?;
        for day in [date!(2026 - 03 - 30), date!(2026 - 04 - 11), date!(2026 - 01 - 16)] {
            let removal = Removal { removed_on: Some(day), final_reads: Vec::new() };
            let problem = refused(tx, |tx| meters::remove(tx, &everywhere(), id, &removal));
            assert_eq!(problem.errors[0].pointer, "/removed_on", "{day}");
        }
        let removal = Removal { removed_on: Some(date!(2026 - 03 - 31)), final_reads: Vec::new() };
        let change = meters::remove(tx, &everywhere(), id, &removal)?;
        assert!(change.view.current().is_none());
        let late = refused(tx, |tx| enter(tx, register, date!(2026 - 04 - 05), "1450"));
        assert_eq!(
            (late.code, late.params.clone()),
            (Code::ReadRefused, vec![("rule", "not_installed".into())])
        );
        Ok::<_, Error>(())
    })
    .unwrap();
}

#[test]
fn reads_are_taken_replaced_held_and_refused() {
    let (database, db) = database();
    let (id, register) = db.tx(metered).unwrap();
    serve(&database, id, "NULL");
    db.tx(|tx| {
        let day = date!(2026 - 03 - 31);
        let first = enter(tx, register, day, "1150")?;
        assert_eq!((first.read.status, first.supersedes), (ReadStatus::Valid, false));
        let second = enter(tx, register, day, "1160")?;
        assert_eq!((second.read.status, second.supersedes), (ReadStatus::Valid, true));
        assert_eq!(refused(tx, |tx| enter(tx, register, day, "1160")).code, Code::DuplicateRead);
        let future = refused(tx, |tx| enter(tx, register, date!(2026 - 04 - 11), "1170"));
        assert_eq!(
            (future.code, future.params.clone()),
            (Code::ReadRefused, vec![("rule", "future_date".into())])
        );
        let beyond = refused(tx, |tx| enter(tx, register, date!(2026 - 04 - 09), "100000"));
        assert_eq!(beyond.params, [("rule", "beyond_dials".to_owned())]);
        let digits = refused(tx, |tx| enter(tx, register, date!(2026 - 04 - 09), "1170.5"));
        assert_eq!(digits.errors[0].pointer, "/value");
        // Less than nothing was used: a person looks at it.
        let held = enter(tx, register, date!(2026 - 04 - 09), "1100")?;
        assert_eq!((held.read.status, held.read.reason.as_deref()), (ReadStatus::Held, Some("decreasing")));
        let released = reads::release(tx, &everywhere(), held.read.read_id())?;
        assert_eq!(released.status, ReadStatus::Valid);
        let again = refused(tx, |tx| reads::release(tx, &everywhere(), held.read.read_id()));
        assert_eq!(again.code, Code::WrongState);
        let rejected = reads::reject(tx, &everywhere(), released.read_id(), "wrong house".to_owned())?;
        assert_eq!(rejected.reason.as_deref(), Some("wrong house"));
        let all = store::reads::list(tx, id, &ReadFilter::default(), None, 50)?;
        let statuses: Vec<ReadStatus> = all.items.iter().map(|read| read.status).collect();
        assert_eq!(
            statuses,
            [ReadStatus::Rejected, ReadStatus::Valid, ReadStatus::Superseded, ReadStatus::Valid]
        );
        Ok::<_, Error>(())
    })
    .unwrap();
}

#[test]
fn billed_reads_stay() {
    let (database, db) = database();
    let (id, register) = db.tx(metered).unwrap();
    let read = db.tx(|tx| enter(tx, register, date!(2026 - 03 - 31), "1150")).unwrap().read;
    // Where nobody is served, use waits for a person.
    assert_eq!((read.status, read.reason.as_deref()), (ReadStatus::Held, Some("inactive_use")));
    db.tx(|tx| reads::release(tx, &everywhere(), read.read_id())).unwrap();
    serve(&database, id, "'2026-03-31'");
    db.tx(|tx| {
        let reject = refused(tx, |tx| reads::reject(tx, &everywhere(), read.read_id(), "why".to_owned()));
        assert_eq!(reject.code, Code::ReadBilled);
        // Another value waits, and proposes to bill the day again.
        let other = enter(tx, register, date!(2026 - 03 - 31), "1151")?;
        assert_eq!((other.read.status, other.proposal.is_some()), (ReadStatus::Held, true));
        reads::reject(tx, &everywhere(), other.read.read_id(), "misread".to_owned())?;
        let removal = Removal { removed_on: Some(date!(2026 - 03 - 30)), final_reads: Vec::new() };
        let removed = refused(tx, |tx| meters::remove(tx, &everywhere(), id, &removal));
        assert_eq!(removed.errors[0].code, Code::ReadBilled);
        // On the last billed day itself the billed read is the final one, and no other value.
        let another = meter("E-2", date!(2026 - 03 - 31), Some("0"));
        let finals = vec![(register, dec("1151"))];
        let refusal = refused(tx, |tx| meters::exchange(tx, &everywhere(), id, finals, another));
        assert_eq!(refusal.params, [("rule", "already_billed".to_owned())]);
        let new = meter("E-2", date!(2026 - 03 - 31), Some("0"));
        let change = meters::exchange(tx, &everywhere(), id, vec![(register, dec("1150"))], new)?;
        assert!(change.final_reads.is_empty());
        let later = enter(tx, current(&change.view), date!(2026 - 04 - 09), "40")?;
        let done = reads::reject(tx, &everywhere(), later.read.read_id(), "reread".to_owned())?;
        assert_eq!(done.status, ReadStatus::Rejected);
        Ok::<_, Error>(())
    })
    .unwrap();
}
