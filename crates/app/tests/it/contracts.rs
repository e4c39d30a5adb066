//! Contracts never overlap at a service point, say what their type needs, and carry charges.

use crate::office::{Office, pointers, refused};
use app::charges::NewCharge;
use app::contracts::{ContractChanges, NewContract};
use std::collections::BTreeMap;
use store::charges::ChargeFilter;
use store::contracts::Contract;
use time::Date;
use time::macros::date;
use vocab::*;

struct Desk {
    office: Office,
    metered: ContractTypeId,
    schedule: RateScheduleId,
    point: ServicePointId,
}

fn desk() -> Desk {
    let office = Office::open();
    let metered = office.contract_type("electric", Commodity::Electricity, SegmentMethod::Metered);
    let schedule = office.schedule("E-1", Commodity::Electricity);
    let point = office.service_point("SP-1", Commodity::Electricity);
    Desk { office, metered, schedule, point }
}

impl Desk {
    fn electric(&self, starts_on: Date, ends_on: Option<Date>) -> NewContract {
        NewContract {
            contract_type: self.metered,
            schedule: Some(self.schedule),
            service_point: Some(self.point),
            location: None,
            starts_on: Some(starts_on),
            ends_on,
            items: BTreeMap::new(),
            characteristics: BTreeMap::new(),
            recurring: None,
            master: None,
            terms: None,
        }
    }

    fn start(&self, account: AccountId, new: NewContract) -> app::Result<Contract> {
        self.office.tx(|tx| app::contracts::start(tx, &self.office.caller, account, new))
    }
}

fn texts(english: &str) -> BTreeMap<Language, String> {
    BTreeMap::from([(Language::english(), english.to_owned())])
}

#[test]
fn service_is_turned_over_without_overlap() {
    let desk = desk();
    let (app, caller) = (&desk.office.app, &desk.office.caller);
    let (ana, ben) = (desk.office.account(), desk.office.account());
    let first = desk.start(ana, desk.electric(date!(2026 - 01 - 17), None)).unwrap();
    assert_eq!(first.state, ContractState::Active);
    assert_eq!(app.account(caller, ana).unwrap().account.state, AccountState::Active);
    assert_eq!(app.account(caller, ben).unwrap().account.state, AccountState::Pending);

    let problem = refused(desk.start(ben, desk.electric(date!(2026 - 06 - 30), None)));
    assert_eq!(problem.code, Code::ContractsOverlap);
    assert_eq!(problem.params, [("contract", first.contract_id().to_string())]);
    let stopped = app.stop_contract(caller, first.contract_id(), 1, date!(2026 - 06 - 29), None).unwrap();
    assert_eq!(stopped.state, ContractState::Stopped);
    let second = desk.start(ben, desk.electric(date!(2026 - 06 - 30), None)).unwrap();
    let stop_again = app.stop_contract(caller, first.contract_id(), 2, date!(2026 - 06 - 30), None);
    assert_eq!(refused(stop_again).code, Code::WrongState);
    // Before the first one there is room, up to the day before.
    let before = desk.electric(date!(2025 - 01 - 01), Some(date!(2026 - 01 - 17)));
    assert_eq!(refused(desk.start(ben, before)).code, Code::ContractsOverlap);
    desk.start(ben, desk.electric(date!(2025 - 01 - 01), Some(date!(2026 - 01 - 16)))).unwrap();

    app.cancel_contract(caller, second.contract_id(), 1, "Never moved in.".to_owned()).unwrap();
    desk.start(ana, desk.electric(date!(2026 - 06 - 30), None)).unwrap();
    let page = app.contracts(caller, ben, None, 50).unwrap();
    let states: Vec<ContractState> = page.items.iter().map(|contract| contract.state).collect();
    assert_eq!(states, [ContractState::Cancelled, ContractState::Active]);
}

#[test]
fn a_stop_later_than_agreed_meets_the_next_customer() {
    let desk = desk();
    let (ana, ben) = (desk.office.account(), desk.office.account());
    let (app, caller) = (&desk.office.app, &desk.office.caller);
    let first = desk.start(ana, desk.electric(date!(2026 - 01 - 01), Some(date!(2026 - 03 - 31)))).unwrap();
    let second = desk.start(ben, desk.electric(date!(2026 - 04 - 02), None)).unwrap();
    let problem = refused(app.stop_contract(caller, first.contract_id(), 1, date!(2026 - 04 - 02), None));
    assert_eq!(problem.params, [("contract", second.contract_id().to_string())]);
    let stopped = app.stop_contract(caller, first.contract_id(), 1, date!(2026 - 04 - 01), None).unwrap();
    assert_eq!(stopped.ends_on, Some(date!(2026 - 04 - 01)));
}

#[test]
fn of_many_starts_at_once_one_wins() {
    let desk = desk();
    let accounts: Vec<AccountId> = (0..4).map(|_| desk.office.account()).collect();
    let outcomes = std::thread::scope(|scope| {
        let workers: Vec<_> = accounts
            .iter()
            .map(|account| scope.spawn(|| desk.start(*account, desk.electric(date!(2026 - 01 - 01), None))))
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
    });
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 3));
    for outcome in lost {
        assert_eq!(refused(outcome).code, Code::ContractsOverlap);
    }
}

#[test]
fn a_contract_says_what_its_type_needs() {
    let desk = desk();
    let account = desk.office.account();
    let day = date!(2026 - 01 - 01);
    let missing = |new: NewContract| {
        let problem = refused(desk.start(account, new));
        problem.errors[0].pointer.clone()
    };
    assert_eq!(missing(NewContract { schedule: None, ..desk.electric(day, None) }), "/rate_schedule_id");
    let nowhere = NewContract { service_point: None, ..desk.electric(day, None) };
    assert_eq!(missing(nowhere), "/location_id");
    let water = desk.office.schedule("W-1", Commodity::Water);
    assert_eq!(
        missing(NewContract { schedule: Some(water), ..desk.electric(day, None) }),
        "/rate_schedule_id"
    );
    let tap = desk.office.service_point("SP-2", Commodity::Water);
    let at_tap = NewContract { service_point: Some(tap), ..desk.electric(day, None) };
    assert_eq!(missing(at_tap), "/service_point_id");

    let lamps = desk.office.contract_type("lamp", Commodity::Electricity, SegmentMethod::RatedItem);
    let lit = NewContract { contract_type: lamps, ..desk.electric(day, None) };
    assert_eq!(missing(lit.clone()), "/items");
    let items = BTreeMap::from([("lamp".to_owned(), "-1".to_owned())]);
    assert_eq!(missing(NewContract { items, ..lit.clone() }), "/items/lamp");
    let fund = desk.office.contract_type("fund", Commodity::Electricity, SegmentMethod::Recurring);
    let pledge = NewContract { contract_type: fund, schedule: None, ..desk.electric(day, None) };
    assert_eq!(missing(pledge.clone()), "/recurring");
    let amount = Some((Money::from_minor(5_00), texts("Trail fund")));
    let both = NewContract { recurring: amount.clone(), schedule: Some(desk.schedule), ..pledge.clone() };
    assert_eq!(missing(both), "/recurring");
    let pledge = desk.start(account, NewContract { recurring: amount, ..pledge }).unwrap();
    assert_eq!(pledge.recurring_minor, Some(Money::from_minor(5_00)));

    let foreign = desk.office.clerk_of(&[SiteId(2)]);
    let outcome = desk.office.app.contract(&foreign, pledge.contract_id());
    assert_eq!(refused(outcome).code, Code::NotFound);
}

#[test]
fn items_and_holds_change_and_versions_guard_them() {
    let desk = desk();
    let (app, caller) = (&desk.office.app, &desk.office.caller);
    let account = desk.office.account();
    let contract = desk.start(account, desk.electric(date!(2026 - 01 - 01), None)).unwrap();
    let hold = ContractChanges {
        hold: Some(Some((date!(2026 - 02 - 28), "Meter disputed".to_owned()))),
        items: Some(BTreeMap::from([("dwelling_unit".to_owned(), "3.0".to_owned())])),
        ..Default::default()
    };
    let held = app.change_contract(caller, contract.contract_id(), 1, hold.clone()).unwrap();
    assert_eq!(held.held_until_on, Some(date!(2026 - 02 - 28)));
    assert_eq!(held.items, serde_json::json!({ "dwelling_unit": "3" }));
    let stale = app.change_contract(caller, contract.contract_id(), 1, hold);
    assert_eq!(refused(stale).code, Code::EtagMismatch);
    let lift = ContractChanges { hold: Some(None), ..Default::default() };
    let lifted = app.change_contract(caller, contract.contract_id(), 2, lift).unwrap();
    assert_eq!((lifted.held_until_on, lifted.hold_reason), (None, None));
    assert_eq!(lifted.items, held.items);
}

#[test]
fn charges_wait_for_a_segment_and_go_only_before_it() {
    let desk = desk();
    let (app, caller) = (&desk.office.app, &desk.office.caller);
    let account = desk.office.account();
    let contract = desk.start(account, desk.electric(date!(2026 - 01 - 01), None)).unwrap().contract_id();
    let enter = |label: &str, reference: Option<&str>| {
        let new = NewCharge {
            due_on: date!(2026 - 01 - 20),
            amount: Money::from_minor(35_00),
            label: texts(label),
            gl: Some(GlAccountId(4)),
            client_reference: reference.map(ToOwned::to_owned),
        };
        desk.office.tx(|tx| app::charges::enter(tx, caller, contract, new))
    };
    let charge = enter("Meter test", Some("WO-1")).unwrap();
    let id = ChargeId::new(account, charge.id);
    let problem = refused(enter("Meter test", Some("WO-1")));
    assert_eq!(
        (problem.code, problem.params),
        (Code::DuplicateReference, vec![("existing", id.to_string())])
    );
    assert_eq!(pointers(&refused(enter("{nonsense}", None))), ["/label"]);
    let open = |billed| {
        let filter = ChargeFilter { contract: Some(contract), billed: Some(billed) };
        app.charges(caller, account, filter, None, 50).unwrap().items.len()
    };
    assert_eq!((open(false), open(true)), (1, 0));
    let cancel = app.cancel_contract(caller, contract, 1, "Never moved in.".to_owned());
    assert_eq!(refused(cancel).code, Code::WrongState, "a charge stands under it");

    desk.office.execute(&format!("UPDATE billable_charges SET segment_id = 9 WHERE id = {}", charge.id));
    assert_eq!((open(false), open(true)), (0, 1));
    assert_eq!(refused(app.cancel_charge(caller, id)).code, Code::WrongState);
    desk.office.execute(&format!("UPDATE billable_charges SET segment_id = NULL WHERE id = {}", charge.id));
    app.cancel_charge(caller, id).unwrap();
    assert_eq!(refused(app.charge(caller, id)).code, Code::NotFound);
    app.cancel_contract(caller, contract, 1, "Never moved in.".to_owned()).unwrap();
}

#[test]
fn what_has_been_billed_is_stopped_not_cancelled() {
    let desk = desk();
    let (app, caller) = (&desk.office.app, &desk.office.caller);
    let account = desk.office.account();
    let contract = desk.start(account, desk.electric(date!(2026 - 01 - 01), None)).unwrap().contract_id();
    desk.office.execute("UPDATE contracts SET segments = 1, billed_through_on = '2026-01-31'");
    let cancel = app.cancel_contract(caller, contract, 1, "Never moved in.".to_owned());
    assert_eq!(refused(cancel).code, Code::WrongState);
    let early = app.stop_contract(caller, contract, 1, date!(2026 - 01 - 30), None);
    assert_eq!(pointers(&refused(early)), ["/ends_on"]);
    let stopped = app.stop_contract(caller, contract, 1, date!(2026 - 01 - 31), None).unwrap();
    assert_eq!(stopped.state, ContractState::Closed, "every day of it has been charged");

    let other = desk.start(account, desk.electric(date!(2026 - 02 - 01), None)).unwrap().contract_id();
    let new = NewCharge {
        due_on: date!(2026 - 04 - 20),
        amount: Money::from_minor(35_00),
        label: texts("Meter test"),
        gl: None,
        client_reference: None,
    };
    desk.office.tx(|tx| app::charges::enter(tx, caller, other, new)).unwrap();
    desk.office.execute("UPDATE contracts SET segments = 1, billed_through_on = '2026-02-28'");
    let stopped = app.stop_contract(caller, other, 1, date!(2026 - 02 - 28), None).unwrap();
    assert_eq!(stopped.state, ContractState::Stopped, "a charge waits under it");
}
