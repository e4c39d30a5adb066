//! From reads to posted bills: what is tested, what may change, what is posted.

use crate::office::Office;
use app::accounts::NewAddress;
use app::adjustments::NewAdjustment;
use app::contracts::NewContract;
use app::meters::{NewInstall, NewRegister};
use app::operations::Control;
use app::payments::{NewPayment, Payee};
use app::reads::NewManualRead;
use app::runs::review::Review;
use app::runs::{NewRun, RunView};
use rust_decimal::Decimal;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;
use store::contracts::Contract;
use store::flags::{FlagFilter, FlagOrder};
use time::Date;
use time::macros::date;
use vocab::*;

/// A town of metered accounts, 12.00 and 0.10 a kWh.
pub struct Town {
    pub office: Office,
    pub electric: ContractTypeId,
    pub schedule: RateScheduleId,
}

/// A customer: 1000 on 1 January.
pub struct Customer {
    pub account: AccountId,
    pub contract: ContractId,
    pub register: RegisterId,
}

pub fn town() -> Town {
    let office = Office::open();
    office.execute("UPDATE business_clock SET moved_to = '2026-02-03T12:00Z'");
    let electric = office.contract_type("electric", Commodity::Electricity, SegmentMethod::Metered);
    let schedule = office.schedule("E-1", Commodity::Electricity);
    let tariff = json!({ "effective_on": "2025-01-01", "rules": [
        { "id": "customer", "label": { "en": "Customer charge" }, "charge": { "kind": "flat", "amount": "12.00" } },
        { "id": "energy", "label": { "en": "Energy" },
          "charge": { "kind": "unit", "quantity": { "unit": "kwh" }, "price": "0.10" } } ] });
    office.add_version(schedule, tariff).unwrap();
    Town { office, electric, schedule }
}

pub fn address(line1: &str, from_on: Date) -> NewAddress {
    NewAddress {
        addressee: "Ana García".to_owned(),
        line1: line1.to_owned(),
        line2: None,
        city: "Penstock".to_owned(),
        region: "CO".to_owned(),
        postcode: "80401".to_owned(),
        country: "US".to_owned(),
        from_on: Some(from_on),
    }
}

impl Town {
    pub fn customer(&self, code: &str) -> Customer {
        let (office, caller) = (&self.office, &self.office.caller);
        let account = office.account();
        let home = address("12 Mill Lane", date!(2026 - 01 - 01));
        office.tx(|tx| app::accounts::add_address(tx, caller, account, home)).unwrap();
        let point = office.service_point(code, Commodity::Electricity);
        let register = self.install(point, code, date!(2026 - 01 - 01), 1000);
        let new = NewContract {
            contract_type: self.electric,
            schedule: Some(self.schedule),
            service_point: Some(point),
            location: None,
            starts_on: Some(date!(2026 - 01 - 02)),
            ends_on: None,
            items: BTreeMap::new(),
            characteristics: BTreeMap::new(),
            recurring: None,
            master: None,
            terms: None,
        };
        let contract = self.start(account, new).contract_id();
        Customer { account, contract, register }
    }

    pub fn start(&self, account: AccountId, new: NewContract) -> Contract {
        self.office.tx(|tx| app::contracts::start(tx, &self.office.caller, account, new)).unwrap()
    }

    fn install(&self, point: ServicePointId, serial: &str, on: Date, shows: i64) -> RegisterId {
        let register = NewRegister {
            code: "1".to_owned(),
            kind: RegisterKind::Subtractive,
            unit: Unit::Kwh,
            bucket: None,
            quantity_name: None,
            multiplier: Decimal::ONE,
            dials: 6,
            decimals: 0,
            initial_value: Some(Decimal::from(shows)),
        };
        let new = NewInstall {
            serial: serial.to_owned(),
            maker: None,
            installed_on: Some(on),
            registers: vec![register],
        };
        let view = self.office.tx(|tx| app::meters::install(tx, &self.office.caller, point, new)).unwrap();
        let row = &view.current().unwrap().registers[0];
        RegisterId::new(point, row.id)
    }

    pub fn read(&self, register: RegisterId, on: Date, value: i64) {
        let read = NewManualRead {
            register,
            serial: None,
            read_on: Some(on),
            value: Decimal::from(value),
            quality: ReadQuality::Actual,
            trouble: None,
        };
        self.office.tx(|tx| app::reads::enter(tx, &self.office.caller, &read)).unwrap();
    }

    pub fn adjust(&self, account: AccountId, minor: i64) {
        let new = NewAdjustment {
            type_id: AdjustmentTypeId(1),
            amount: Money::from_minor(minor),
            effective_on: None,
            reason: "a fee".to_owned(),
            client_reference: None,
        };
        self.office.tx(|tx| app::adjustments::post(tx, &self.office.caller, account, new)).unwrap();
    }

    pub fn pay(&self, account: AccountId, minor: i64) {
        let new = NewPayment {
            payee: Payee::Account(account),
            kind: TenderKind::Cash,
            amount: Money::from_minor(minor),
            received_on: None,
            reference: None,
            client_reference: None,
            allow_suspense: false,
        };
        self.office.tx(|tx| app::payments::take(tx, &self.office.caller, new)).unwrap();
    }

    pub fn window(&self, starts_on: Date, ends_on: Date) -> WindowId {
        let bill_on = ends_on + time::Duration::days(4);
        self.window_of(app::windows::WindowDates {
            starts_on,
            ends_on,
            accounting_on: ends_on,
            bill_on,
            estimate_on: None,
        })
    }

    pub fn window_of(&self, days: app::windows::WindowDates) -> WindowId {
        let (app, caller) = (&self.office.app, &self.office.caller);
        let window = self.office.tx(|tx| app::windows::plan(tx, caller, CycleId(1), days)).unwrap();
        app.open_window(caller, window.id, 1).unwrap();
        window.id
    }

    pub fn january(&self) -> WindowId {
        self.window(date!(2026 - 01 - 01), date!(2026 - 01 - 31))
    }

    pub fn run(&self, window: WindowId) -> RunId {
        let new = NewRun { window, name: "All".to_owned(), sites: None, accounts: None };
        self.office.tx(|tx| app::runs::create(tx, &self.office.caller, new)).unwrap().run.id
    }

    pub fn test(&self, run: RunId) -> TestId {
        let (test, _) = self.office.tx(|tx| app::runs::start_test(tx, &self.office.caller, run)).unwrap();
        self.office.app.work_until_idle().unwrap();
        test.id
    }

    pub fn accept(&self, run: RunId, test: TestId) -> BTreeMap<ItemState, i64> {
        self.office.tx(|tx| app::runs::start_accept(tx, &self.office.caller, run, test)).unwrap();
        self.office.app.work_until_idle().unwrap();
        self.view(run).items.into_iter().collect()
    }

    pub fn view(&self, run: RunId) -> RunView {
        self.office.app.bill_run(&self.office.caller, run).unwrap()
    }

    pub fn assert_verified(&self) {
        let report = app::verify::verify(self.office.app.db()).unwrap();
        let violated: Vec<_> = report.invariants.iter().filter(|(_, of)| of.violated > 0).collect();
        assert!(violated.is_empty(), "{violated:?}");
    }
}

pub fn items(all: &[(ItemState, i64)]) -> BTreeMap<ItemState, i64> {
    all.iter().copied().collect()
}

#[test]
fn a_read_that_is_under_way_is_waited_for_and_makes_its_account_stale() {
    let town = town();
    let (ana, ben) = (town.customer("SP-1"), town.customer("SP-2"));
    for customer in [&ana, &ben] {
        town.read(customer.register, date!(2026 - 01 - 31), 1100);
    }
    let run = town.run(town.january());
    let test = town.test(run);
    town.office.tx(|tx| app::runs::start_accept(tx, &town.office.caller, run, test)).unwrap();
    let (ended, end) = mpsc::channel();
    std::thread::scope(|scope| {
        town.office
            .tx(|tx| {
                let corrected = NewManualRead {
                    register: ana.register,
                    serial: None,
                    read_on: Some(date!(2026 - 01 - 31)),
                    value: Decimal::from(1101),
                    quality: ReadQuality::Actual,
                    trouble: None,
                };
                app::reads::enter(tx, &town.office.caller, &corrected)?;
                scope.spawn(|| ended.send(town.office.app.work_until_idle()));
                let early = end.recv_timeout(Duration::from_millis(500));
                assert!(early.is_err(), "the acceptance does not wait for the read");
                Ok(())
            })
            .unwrap();
        end.recv().unwrap().unwrap();
    });
    let found: BTreeMap<_, _> = town.view(run).items.into_iter().collect();
    assert_eq!(found, items(&[(ItemState::Accepted, 1), (ItemState::Stale, 1)]));
    town.assert_verified();
}

#[test]
fn a_tested_run_that_is_given_up_or_closed_leaves_the_books_in_order() {
    let town = town();
    let ana = town.customer("SP-1");
    town.read(ana.register, date!(2026 - 01 - 31), 1100);
    let window = town.january();
    let (caller, app) = (&town.office.caller, &town.office.app);
    let cancelled = town.run(window);
    town.test(cancelled);
    town.office.tx(|tx| app::runs::control(tx, caller, cancelled, Control::Cancel)).unwrap();
    town.assert_verified();

    // Another is accepted but for one account, and closed.
    town.read(town.customer("SP-2").register, date!(2026 - 01 - 31), 1100);
    let run = town.run(window);
    let test = town.test(run);
    town.read(ana.register, date!(2026 - 01 - 31), 1101);
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 1), (ItemState::Stale, 1)]));
    town.office.tx(|tx| app::runs::close(tx, caller, run)).unwrap();
    assert_eq!(app.bill_run(caller, run).unwrap().run.state, RunState::Closed);
    town.assert_verified();
}

#[test]
fn a_decision_that_is_made_while_a_test_runs_is_not_lost() {
    let town = town();
    let ana = town.customer("SP-1");
    town.read(ana.register, date!(2026 - 01 - 31), 1100);
    let run = town.run(town.january());
    town.test(run);
    let (caller, app) = (&town.office.caller, &town.office.app);
    let flags = || {
        let filter = FlagFilter { run: Some(run), ..FlagFilter::default() };
        app.flags(caller, filter, FlagOrder::Account, None, 50).unwrap().items
    };
    // Its draft is to be made again, with the same findings.
    town.adjust(ana.account, 500);
    let before = flags();
    town.office.tx(|tx| app::runs::start_test(tx, caller, run)).unwrap();
    let (ended, end) = mpsc::channel();
    std::thread::scope(|scope| {
        town.office
            .tx(|tx| {
                let review = Review {
                    flags: before.iter().map(|(row, _)| FlagId::new(row.account_id, row.id)).collect(),
                    matching: None,
                    disposition: Some(Disposition::Held),
                    assignee: None,
                    reason: Some("looked into".to_owned()),
                };
                app::runs::review::review(tx, caller, review)?;
                scope.spawn(|| ended.send(app.work_until_idle()));
                assert!(end.recv_timeout(Duration::from_millis(500)).is_err());
                Ok(())
            })
            .unwrap();
        end.recv().unwrap().unwrap();
    });
    let after = flags();
    assert!(!after.is_empty() && after[0].0.id != before[0].0.id, "the test replaced them");
    assert!(after.iter().all(|(row, _)| row.disposition == Disposition::Held));
}

#[test]
fn an_adjustment_after_the_test_makes_its_account_stale_and_a_payment_does_not() {
    let town = town();
    let customers = ["SP-1", "SP-2", "SP-3"].map(|code| town.customer(code));
    for customer in &customers {
        town.read(customer.register, date!(2026 - 01 - 31), 1100);
    }
    let run = town.run(town.january());
    let test = town.test(run);
    let [adjusted, paid, _] = &customers;
    town.adjust(adjusted.account, 500);
    town.pay(paid.account, 100);
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 2), (ItemState::Stale, 1)]));
    let last = town.test(run);
    assert_eq!(town.accept(run, last), items(&[(ItemState::Accepted, 3)]));
    town.assert_verified();
}

#[test]
fn a_bill_goes_where_its_reader_lives_at_acceptance() {
    let town = town();
    let ana = town.customer("SP-1");
    town.read(ana.register, date!(2026 - 01 - 31), 1100);
    let run = town.run(town.january());
    let test = town.test(run);
    let moved = address("7 Hill Road", date!(2026 - 02 - 05));
    let caller = &town.office.caller;
    town.office.tx(|tx| app::accounts::add_address(tx, caller, ana.account, moved)).unwrap();
    town.office.execute("UPDATE business_clock SET moved_to = '2026-02-06T12:00Z'");
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 1)]));
    let routed = town.office.number(
        "SELECT count(*) AS n FROM bills, jsonb_array_elements(routings) AS r \
         WHERE r -> 'postal' ->> 'line1' = '7 Hill Road'",
    );
    assert_eq!(routed, 1);
}

#[test]
fn what_is_flagged_does_not_depend_on_the_company() {
    let town = town();
    let (ana, late) = (town.customer("SP-1"), town.customer("SP-2"));
    // Much in summer, little in autumn, some more in January; billed through December.
    town.office.execute(
        "UPDATE contracts SET starts_on = '2025-01-01'; UPDATE meter_installs SET installed_on = '2025-01-01'; \
         DELETE FROM reads",
    );
    let months = [("2025-05-31", 1000), ("2025-09-30", 9000), ("2025-12-31", 9300), ("2026-01-31", 9600)];
    for (n, (day, value)) in (1..).zip(months) {
        for register in [ana.register, late.register] {
            town.office.execute(&format!(
                "INSERT INTO reads (service_point_id, id, register_id, read_at, read_on, value, quality, status, source) \
                 VALUES ({}, {n}, {}, '{day}', '{day}', {value}, 'actual', 'valid', 'test')",
                register.owner.0, register.n
            ));
        }
    }
    let billed = |customer: &Customer, day: &str| {
        let (account, id) = (customer.contract.owner.0, customer.contract.n);
        town.office.execute(&format!(
            "UPDATE contracts SET billed_through_on = '{day}', segments = 1 WHERE account_id = {account} AND id = {id}"
        ));
    };
    billed(&ana, "2025-12-31");
    billed(&late, "2025-05-31");
    let (caller, app) = (&town.office.caller, &town.office.app);
    let flags = |run| {
        let filter = FlagFilter { run: Some(run), account: Some(ana.account), ..FlagFilter::default() };
        let found = app.flags(caller, filter, FlagOrder::Account, None, 50).unwrap().items;
        found.into_iter().map(|(row, _)| (row.code, row.compared)).collect::<Vec<_>>()
    };
    let window = town.january();
    let new = NewRun { window, name: "Ana".to_owned(), sites: None, accounts: Some(vec![ana.account]) };
    let alone = town.office.tx(|tx| app::runs::create(tx, caller, new)).unwrap().run.id;
    town.test(alone);
    let expected = flags(alone);
    assert!(expected.iter().any(|(code, _)| *code == FlagCode::HighUsage), "{expected:?}");
    town.office.tx(|tx| app::runs::control(tx, caller, alone, Control::Cancel)).unwrap();
    let together = town.run(window);
    town.test(together);
    assert_eq!(flags(together), expected);
}

#[test]
fn what_is_wrong_in_the_books_is_found() {
    let town = town();
    let ana = town.customer("SP-1");
    town.read(ana.register, date!(2026 - 01 - 31), 1100);
    let run = town.run(town.january());
    let test = town.test(run);
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 1)]));
    town.pay(ana.account, 1000);
    town.assert_verified();
    let account = ana.account.0;
    // Each fault by itself, and what takes it back.
    let faults = [
        ("I2", "UPDATE allocations SET amount_minor = 1001", "UPDATE allocations SET amount_minor = 1000"),
        (
            "I2",
            "UPDATE allocations SET credit_ft_id = debit_ft_id, debit_ft_id = credit_ft_id",
            "UPDATE allocations SET credit_ft_id = debit_ft_id, debit_ft_id = credit_ft_id",
        ),
        (
            "I2",
            "UPDATE allocations SET freed_at = '2026-02-03T12:00Z'",
            "UPDATE allocations SET freed_at = NULL",
        ),
        (
            "I6",
            "UPDATE fts SET source_id = -source_id WHERE kind = 'segment'",
            "UPDATE fts SET source_id = -source_id WHERE kind = 'segment'",
        ),
    ];
    for (invariant, fault, repair) in faults {
        town.office.execute(fault);
        let report = app::verify::verify(town.office.app.db()).unwrap();
        let verdict = &report.invariants[invariant];
        assert!(verdict.violated > 0, "{fault}");
        assert!(verdict.violations.iter().all(|found| found.account == Some(ana.account.to_string())));
        town.office.execute(repair);
        town.assert_verified();
    }
    let register = || town.office.app.register(&town.office.caller, run, None, false).unwrap().completeness;
    assert!(register().adds_up());
    town.office.execute(&format!("DELETE FROM run_items WHERE account_id = {account}"));
    assert!(!register().adds_up(), "an account of the run is without an outcome");
}

#[test]
fn a_rate_that_changes_while_an_acceptance_waits_makes_the_rest_stale() {
    let town = town();
    for code in ["SP-1", "SP-2"] {
        town.read(town.customer(code).register, date!(2026 - 01 - 31), 1100);
    }
    let run = town.run(town.january());
    let test = town.test(run);
    let (caller, app) = (&town.office.caller, &town.office.app);
    let work = town.office.tx(|tx| app::runs::start_accept(tx, caller, run, test)).unwrap();
    // One chunk for each.
    town.office.execute(
        "INSERT INTO chunks (id, operation_id, seq, state, items, done, failed, attempts) \
         SELECT -id, operation_id, seq + 1, state, items[2:2], 0, 0, 0 FROM chunks WHERE state = 'queued'; \
         UPDATE chunks SET items = items[1:1] WHERE state = 'queued' AND id > 0",
    );
    assert!(app.work_once().unwrap());
    town.office.tx(|tx| app::runs::control(tx, caller, run, Control::Pause)).unwrap();
    let dearer = json!({ "effective_on": "2026-01-01", "rules": [
        { "id": "customer", "label": { "en": "Customer charge" }, "charge": { "kind": "flat", "amount": "13.00" } } ] });
    town.office.add_version(town.schedule, dearer).unwrap();
    town.office.tx(|tx| app::runs::control(tx, caller, run, Control::Resume)).unwrap();
    app.work_until_idle().unwrap();
    assert_eq!(app.operation(caller, work.id).unwrap().operation.state, OperationState::Done);
    let found: BTreeMap<_, _> = town.view(run).items.into_iter().collect();
    assert_eq!(found, items(&[(ItemState::Accepted, 1), (ItemState::Stale, 1)]));
}
