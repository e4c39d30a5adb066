//! The loaders of registers and reads, and COPY.

use rust_decimal::Decimal;
use store::meters::{self, Install, Meter, Register};
use store::places::{self, Location, ServicePoint, Site};
use store::reads::{self, NewRead, load_metered};
use store::{Db, Error, Tx};
use testkit::TestDatabase;
use time::{Date, macros::date};
use vocab::{
    Commodity, LocationId, MeterId, ReadQuality, ReadStatus, RegisterId, RegisterKind, ServicePointId,
    SiteId, Unit,
};

const WATER: ServicePointId = ServicePointId(20);
const POWER: ServicePointId = ServicePointId(10);
const EMPTY: ServicePointId = ServicePointId(30);

fn point(id: ServicePointId, commodity: Commodity) -> ServicePoint {
    ServicePoint {
        service_point_id: id,
        code: format!("SP-{}", id.0),
        location_id: LocationId(1),
        commodity,
        characteristics: serde_json::json!({}),
        version: 1,
    }
}

fn meter(id: i64) -> Meter {
    Meter { id: MeterId(id), serial: format!("M-{id}"), maker: None, version: 1 }
}

fn install(point: ServicePointId, id: i64, meter: i64, from: Date, to: Option<Date>) -> Install {
    Install { service_point_id: point, id, meter_id: MeterId(meter), installed_on: from, removed_on: to }
}

fn register(point: ServicePointId, id: i64, install: i64, unit: Unit) -> Register {
    Register {
        service_point_id: point,
        id,
        install_id: install,
        code: "1".to_owned(),
        kind: RegisterKind::Subtractive,
        unit,
        bucket: None,
        quantity_name: None,
        multiplier: Decimal::ONE,
        dials: 5,
        decimals: 0,
        peak: false,
    }
}

fn read(register: RegisterId, on: Date, value: i64) -> NewRead {
    NewRead {
        register,
        read_at: on.midnight().assume_utc(),
        read_on: on,
        value: Decimal::from(value),
        quality: ReadQuality::Actual,
        status: ReadStatus::Valid,
        source: "test".into(),
        import_id: None,
        reason: None,
    }
}

/// Water with one meter; power with a meter exchanged on 10 March; a point without a meter.
fn furnish(tx: &mut Tx<'_>) -> store::Result<()> {
    let site = Site { id: SiteId(1), code: "N".to_owned(), name: "North".to_owned(), version: 1 };
    places::insert_sites(tx, &[site])?;
    let location = Location {
        id: LocationId(1),
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
    places::insert_locations(tx, &[location])?;
    places::insert_service_points(
        tx,
        &[point(WATER, Commodity::Water), point(POWER, Commodity::Electricity), point(EMPTY, Commodity::Gas)],
    )?;
    let installs = [
        install(POWER, 1, 1, date!(2024 - 01 - 01), Some(date!(2026 - 03 - 10))),
        install(POWER, 2, 2, date!(2026 - 03 - 10), None),
        install(WATER, 3, 3, date!(2024 - 01 - 01), None),
    ];
    let registers = [
        register(POWER, 101, 1, Unit::Kwh),
        register(POWER, 102, 2, Unit::Kwh),
        register(WATER, 103, 3, Unit::Kgal),
    ];
    meters::copy_in(tx, &[meter(1), meter(2), meter(3)], &installs, &registers)
}

const OLD: RegisterId = RegisterId::new(POWER, 101);
const NEW: RegisterId = RegisterId::new(POWER, 102);
const TAP: RegisterId = RegisterId::new(WATER, 103);

fn with_db<T>(work: impl FnOnce(&mut Tx<'_>) -> store::Result<T>) -> T {
    let database = TestDatabase::create().unwrap();
    let db = Db::connect(database.url(), 1).unwrap();
    db.tx(|tx| {
        furnish(tx)?;
        work(tx)
    })
    .unwrap()
}

/// What was loaded: register and the days of its reads.
fn shape(points: &[billing::PointMeters]) -> Vec<(RegisterId, Vec<Date>)> {
    points
        .iter()
        .flat_map(|point| &point.registers)
        .map(|of| (of.register.id, of.reads.iter().map(|read| read.read_on).collect()))
        .collect()
}

#[test]
fn registers_come_with_their_reads_and_the_one_before() {
    let points = with_db(|tx| {
        let mut held = read(TAP, date!(2026 - 03 - 15), 77);
        held.status = ReadStatus::Held;
        reads::copy_in(
            tx,
            &[
                read(TAP, date!(2026 - 03 - 31), 90),
                held,
                read(TAP, date!(2026 - 02 - 28), 70),
                read(TAP, date!(2026 - 01 - 31), 50),
                read(TAP, date!(2026 - 04 - 01), 91),
                read(OLD, date!(2026 - 02 - 28), 1000),
                read(OLD, date!(2026 - 03 - 10), 1100),
                read(NEW, date!(2026 - 03 - 10), 0),
                read(NEW, date!(2026 - 03 - 31), 210),
            ],
        )?;
        load_metered(tx, &[WATER, EMPTY, POWER], date!(2026 - 03 - 01), date!(2026 - 03 - 31))
    });
    assert_eq!(
        shape(&points),
        [
            (OLD, vec![date!(2026 - 02 - 28), date!(2026 - 03 - 10)]),
            (NEW, vec![date!(2026 - 03 - 10), date!(2026 - 03 - 31)]),
            (TAP, vec![date!(2026 - 02 - 28), date!(2026 - 03 - 31)]),
        ]
    );
    let water = points.binary_search_by_key(&WATER, |point| point.service_point).unwrap();
    let tap = &points[water].registers[0];
    assert_eq!((tap.register.serial.as_str(), tap.register.unit, tap.register.dials), ("M-3", Unit::Kgal, 5));
    assert_eq!(tap.reads[1].value, Decimal::from(90));
    assert_eq!(points[0].registers[0].register.removed_on, Some(date!(2026 - 03 - 10)));
    assert_eq!(points.len(), 2);
}

#[test]
fn behind_an_estimate_stands_the_last_actual_read() {
    let points = with_db(|tx| {
        let mut guess = read(TAP, date!(2026 - 02 - 28), 70);
        guess.quality = ReadQuality::Estimated;
        let actual = read(TAP, date!(2026 - 01 - 31), 50);
        reads::copy_in(tx, &[guess, actual, read(TAP, date!(2025 - 12 - 31), 40)])?;
        load_metered(tx, &[WATER], date!(2026 - 03 - 01), date!(2026 - 03 - 31))
    });
    assert_eq!(shape(&points), [(TAP, vec![date!(2026 - 01 - 31), date!(2026 - 02 - 28)])]);
}

#[test]
fn a_meter_that_had_gone_before_is_not_loaded() {
    let points = with_db(|tx| load_metered(tx, &[POWER], date!(2026 - 03 - 11), date!(2026 - 04 - 10)));
    assert_eq!(shape(&points), [(NEW, vec![])]);
    let none = with_db(|tx| load_metered(tx, &[EMPTY], date!(2026 - 03 - 11), date!(2026 - 04 - 10)));
    assert_eq!(none, []);
}

#[test]
fn a_second_valid_read_of_a_day_needs_the_first_superseded() {
    with_db(|tx| {
        let day = date!(2026 - 03 - 31);
        let ids = reads::copy_in(tx, &[read(TAP, day, 90), read(NEW, day, 200)])?;
        let again = tx.attempt(|tx| reads::copy_in(tx, &[read(TAP, day, 95)]));
        assert!(matches!(again, Err(Error::Exists { constraint }) if constraint == "reads_valid"));
        assert_eq!(reads::supersede(tx, &[(TAP, day), (TAP, date!(2026 - 03 - 30))])?, 1);
        reads::copy_in(tx, &[read(TAP, day, 95)])?;
        let statuses: Vec<_> = reads::of_register(tx, TAP, day)?
            .into_iter()
            .map(|row| (row.id == ids[0], row.status, row.value))
            .collect();
        assert_eq!(
            statuses,
            [
                (true, ReadStatus::Superseded, Decimal::from(90)),
                (false, ReadStatus::Valid, Decimal::from(95))
            ]
        );
        Ok(())
    });
}
