//! What goes on after a correction, or while one is proposed.

use crate::bills::{items, town};
use crate::corrections::{all_of, latest, owed};
use app::corrections;
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
