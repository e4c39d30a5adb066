//! What goes on after a correction, or while one is proposed.

use crate::bills::{Customer, Town, address, items, town};
use crate::corrections::{all_of, latest, owed};
use app::contracts::NewContract;
use app::corrections;
use app::single_bills::{self, NewBill, Span};
use app::windows::WindowDates;
use std::collections::BTreeMap;
use time::macros::date;
use vocab::*;

#[test]
fn a_run_keeps_an_account_back_whose_charged_days_end_in_doubt() {
    let town = town();
    let (ana, ben) = (town.customer("SP-1"), town.customer("SP-2"));
    town.read(ana.register, date!(2026 - 01 - 31), 1150);
    town.read(ben.register, date!(2026 - 01 - 31), 1150);
    let both = |state| items(&[(state, 2)]);
    let run = town.run(town.window(date!(2026 - 01 - 01), date!(2026 - 01 - 31)));
    let test = town.test(run);
    assert_eq!(town.accept(run, test), both(ItemState::Accepted));
    town.office.execute(&format!(
        "UPDATE reads SET quality = 'estimated', source = 'estimate' WHERE service_point_id = {} \
         AND read_on = '2026-01-31'",
        ana.register.owner.0
    ));
    town.today("2026-03-03");
    let proposal = town.enter(&ana, date!(2026 - 02 - 10), 1100).proposal.unwrap();
    town.read(ana.register, date!(2026 - 02 - 28), 1250);
    town.read(ben.register, date!(2026 - 02 - 28), 1250);
    let run = town.run(town.window(date!(2026 - 02 - 01), date!(2026 - 02 - 28)));
    let test = town.test(run);
    // Its flags are released, and yet it waits for the proposal; the other one goes on.
    town.office.execute("UPDATE flags SET disposition = 'released', reason = 'looked at'");
    let kept = items(&[(ItemState::Accepted, 1), (ItemState::Held, 1)]);
    assert_eq!(town.accept(run, test), kept);
    let item = format!(
        "SELECT count(*) AS n FROM run_items WHERE account_id = {} \
        AND state = 'held' AND reason_code = 'rebill_proposed'",
        ana.account.0
    );
    assert_eq!(town.office.number(&item), 1);
    let me = &town.office.caller;
    town.office.tx(|tx| corrections::approve(tx, me, proposal, "read twice")).unwrap();
    let test = town.test(run);
    assert_eq!(town.accept(run, test), both(ItemState::Accepted));
    // 250 kWh from 1000 on, once, and the flat charge of two months.
    assert_eq!(owed(&town, &ana), 49_00);
    town.assert_verified();
}

#[test]
fn after_a_credit_note_a_test_compares_with_the_segment_that_stands() {
    let town = town();
    let ana = town.customer("SP-1");
    town.bill_january(&ana);
    town.today("2026-03-03");
    town.read(ana.register, date!(2026 - 02 - 28), 1300);
    town.bill_days(date!(2026 - 02 - 01), date!(2026 - 02 - 28));
    // February is given back by a document of its own, which is the last bill then.
    let me = &town.office.caller;
    let (id, february) = latest(&town, &ana);
    town.office.tx(|tx| corrections::credit_note(tx, me, id, &all_of(&february), "a gift")).unwrap();
    assert_eq!(latest(&town, &ana).1.kind, BillKind::CreditNote);
    town.today("2026-04-02");
    town.read(ana.register, date!(2026 - 03 - 31), 4000);
    let run = town.run(town.window(date!(2026 - 03 - 01), date!(2026 - 03 - 31)));
    town.test(run);
    assert_eq!(town.office.count("flags WHERE code = 'large_change'"), 1);
}

/// January by a read of 1150, February by an estimate of its own; it is 3 March.
fn february_estimated(town: &Town, ana: &Customer) {
    town.bill_january(ana);
    town.today("2026-03-03");
    let days = WindowDates {
        starts_on: date!(2026 - 02 - 01),
        ends_on: date!(2026 - 02 - 28),
        accounting_on: date!(2026 - 02 - 28),
        bill_on: date!(2026 - 03 - 03),
        estimate_on: Some(date!(2026 - 03 - 03)),
    };
    let run = town.run(town.window_of(days));
    let test = town.test(run);
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 1)]));
    assert_eq!(estimates(town, "valid"), 1);
}

fn estimates(town: &Town, status: &str) -> i64 {
    town.office.count(&format!("reads WHERE source = 'estimate' AND status = '{status}'"))
}

#[test]
fn days_that_are_to_be_billed_again_do_not_end_on_the_estimate_of_the_cancelled_bill() {
    let town = town();
    let ana = town.customer("SP-1");
    february_estimated(&town, &ana);
    let (id, february) = latest(&town, &ana);
    let me = &town.office.caller;
    town.office.tx(|tx| corrections::cancel(tx, me, id, &all_of(&february), true, "read after all")).unwrap();
    assert_eq!((estimates(&town, "valid"), estimates(&town, "superseded")), (0, 1));
    // They end on what was read the day before.
    town.read(ana.register, date!(2026 - 02 - 27), 1240);
    let new = NewBill { span: Span::Through(date!(2026 - 02 - 28)), contracts: None };
    let bill = town.office.tx(|tx| single_bills::post(tx, me, ana.account, &new, None)).unwrap();
    assert_eq!((bill.new_minor.minor(), owed(&town, &ana)), (21_00, 48_00));
    town.assert_verified();
}

#[test]
fn an_estimate_that_something_goes_on_from_stays() {
    let town = town();
    let ana = town.customer("SP-1");
    february_estimated(&town, &ana);
    let (id, february) = latest(&town, &ana);
    let me = &town.office.caller;
    // Given back: March goes on from the estimate.
    town.office.tx(|tx| corrections::cancel(tx, me, id, &all_of(&february), false, "a gift")).unwrap();
    assert_eq!(estimates(&town, "valid"), 1);
    town.today("2026-04-02");
    town.read(ana.register, date!(2026 - 03 - 31), 1500);
    town.bill_days(date!(2026 - 03 - 01), date!(2026 - 03 - 31));
    town.assert_verified();
}

#[test]
fn the_estimate_of_a_turn_over_stays_while_who_came_after_was_billed_from_it() {
    let town = town();
    let ana = town.customer("SP-1");
    february_estimated(&town, &ana);
    let (id, february) = latest(&town, &ana);
    let (office, me) = (&town.office, &town.office.caller);
    let version = office.app.contract(me, ana.contract).unwrap().version;
    office.app.stop_contract(me, ana.contract, version, date!(2026 - 02 - 28), None).unwrap();
    // Ben comes after Ana, and his first bill begins with her estimate.
    let ben = office.account();
    let home = address("12 Mill Lane", date!(2026 - 03 - 01));
    office.tx(|tx| app::accounts::add_address(tx, me, ben, home)).unwrap();
    let new = NewContract {
        contract_type: town.electric,
        schedule: Some(town.schedule),
        service_point: Some(ana.register.owner),
        location: None,
        starts_on: Some(date!(2026 - 03 - 01)),
        ends_on: None,
        items: BTreeMap::new(),
        characteristics: BTreeMap::new(),
        recurring: None,
        master: None,
        terms: None,
    };
    town.start(ben, new);
    town.today("2026-04-02");
    town.read(ana.register, date!(2026 - 03 - 31), 1500);
    let march = NewBill { span: Span::Through(date!(2026 - 03 - 31)), contracts: None };
    office.tx(|tx| single_bills::post(tx, me, ben, &march, Some("new here"))).unwrap();
    office.tx(|tx| corrections::cancel(tx, me, id, &all_of(&february), true, "once more")).unwrap();
    assert_eq!((estimates(&town, "valid"), estimates(&town, "superseded")), (1, 0));
    town.assert_verified();
}
