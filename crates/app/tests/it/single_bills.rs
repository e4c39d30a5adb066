//! One account billed by itself: between two windows, at its end, and in a window in the place of a run.

use crate::bills::{Customer, Town, items, town};
use crate::office::refused;
use app::single_bills::{self, NewBill, Span};
use store::bills::Bill;
use time::Date;
use time::macros::date;
use vocab::*;

fn through(on: Date) -> NewBill {
    NewBill { span: Span::Through(on), contracts: None }
}

fn post(town: &Town, of: &Customer, new: &NewBill, why: Option<&str>) -> app::Result<Bill> {
    town.office.app.db().tx(|tx| single_bills::post(tx, &town.office.caller, of.account, new, why))
}

#[test]
fn an_off_cycle_bill_goes_up_to_its_day_and_the_next_window_goes_on_from_there() {
    let town = town();
    let ana = town.customer("SP-1");
    town.read(ana.register, date!(2026 - 01 - 31), 1150);
    let january = town.january();
    let run = town.run(january);
    let test = town.test(run);
    let shown = town
        .office
        .tx(|tx| single_bills::preview(tx, &town.office.caller, ana.account, &through(date!(2026 - 01 - 31))))
        .unwrap();
    assert_eq!((shown.draft.state, shown.draft.total.minor()), (ItemState::Drafted, 27_00));
    assert_eq!(town.office.count("bills"), 0, "looked at, not done");
    let bill = post(&town, &ana, &through(date!(2026 - 01 - 31)), None).unwrap();
    assert_eq!((bill.kind, bill.window_id, bill.run_id), (BillKind::OffCycle, None, None));
    assert_eq!((bill.period_first_on, bill.period_last_on), (date!(2026 - 01 - 02), date!(2026 - 01 - 31)));
    assert_eq!((bill.ending_minor.minor(), bill.bill_on), (27_00, date!(2026 - 02 - 03)));
    // The run's draft is stale, and there is nothing left to bill in its window.
    assert_eq!(town.accept(run, test), items(&[(ItemState::Stale, 1)]));
    town.assert_verified();
    let again = refused(post(&town, &ana, &through(date!(2026 - 01 - 31)), None));
    assert_eq!((again.code, again.detail.contains("already_billed")), (Code::WrongState, true));
    let ahead = refused(post(&town, &ana, &through(date!(2026 - 02 - 04)), None));
    assert_eq!(ahead.errors[0].pointer, "/through_on");

    town.office.execute("UPDATE business_clock SET moved_to = '2026-03-03T12:00Z'");
    town.read(ana.register, date!(2026 - 02 - 28), 1250);
    let run = town.run(town.window(date!(2026 - 02 - 01), date!(2026 - 02 - 28)));
    let test = town.test(run);
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 1)]));
    let bills = town.office.app.bills_of_account(&town.office.caller, ana.account, None, 9).unwrap().items;
    assert_eq!((bills[0].previous_bill_id, bills[0].new_minor.minor()), (Some(bill.id), 22_00));
    town.assert_verified();
}

#[test]
fn in_a_window_it_takes_the_place_of_a_run() {
    let town = town();
    let ana = town.customer("SP-1");
    town.read(ana.register, date!(2026 - 01 - 31), 1150);
    let january = town.january();
    let own = NewBill { span: Span::Window(january), contracts: Some(vec![ana.contract]) };
    let run = town.run(january);
    let held = refused(post(&town, &ana, &own, None));
    assert_eq!((held.code, held.params[0].1.clone()), (Code::RunsOverlap, run.to_string()));
    let caller = &town.office.caller;
    town.office.tx(|tx| app::runs::control(tx, caller, run, app::operations::Control::Cancel)).unwrap();
    let foreign = NewBill { contracts: Some(vec![ContractId::new(ana.account, 99)]), ..own.clone() };
    assert_eq!(refused(post(&town, &ana, &foreign, None)).errors[0].pointer, "/contract_ids/0");
    let bill = post(&town, &ana, &own, None).unwrap();
    assert_eq!((bill.kind, bill.window_id), (BillKind::Regular, Some(january)));
    let twice = refused(post(&town, &ana, &own, None));
    assert_eq!(twice.code, Code::AlreadyExists);
    town.assert_verified();
}

#[test]
fn what_blocks_is_refused_unless_somebody_says_why_not() {
    let town = town();
    let ana = town.customer("SP-1");
    town.office.execute("UPDATE contract_types SET maximum_minor = 2000");
    town.read(ana.register, date!(2026 - 01 - 31), 1150);
    let new = through(date!(2026 - 01 - 31));
    let problem = refused(post(&town, &ana, &new, None));
    assert_eq!(problem.errors[0].pointer, "/release_reason");
    assert!(problem.errors[0].detail.contains("over_maximum"), "{problem:?}");
    assert_eq!(refused(post(&town, &ana, &new, Some(" "))).errors[0].pointer, "/release_reason");
    assert!(post(&town, &ana, &new, Some("a pool was filled")).is_ok());
    let audited = "audit_entries WHERE action = 'bill.post' AND reason = 'a pool was filled'";
    assert_eq!(town.office.count(audited), 1);
    // Errors are never released.
    town.office.execute("UPDATE contract_types SET estimation = false");
    town.office.execute("UPDATE business_clock SET moved_to = '2026-03-13T12:00Z'");
    let none = NewBill { span: Span::Through(date!(2026 - 03 - 12)), contracts: None };
    assert_eq!(refused(post(&town, &ana, &none, Some("why not"))).code, Code::MissingEndRead);
    town.assert_verified();
}
