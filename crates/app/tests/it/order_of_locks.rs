//! Who works on the same things at once waits, and never for each other.

use crate::bills::{Customer, Town, town};
use crate::office::refused;
use crate::rebills::overestimated;
use app::Error;
use app::corrections;
use app::runs::NewRun;
use app::single_bills::{self, NewBill, Span};
use std::sync::{Barrier, mpsc};
use std::time::Duration;
use time::macros::date;
use vocab::*;

/// Ben has a contract at Ana's service point, and a proposal of his own about it.
fn neighbours() -> (Town, [RebillProposalId; 2]) {
    let (town, ana) = overestimated();
    let ben = town.customer("SP-2");
    let first = town.enter(&ana, date!(2026 - 03 - 31), 1400).proposal.unwrap();
    let second = town.enter(&ana, date!(2026 - 02 - 28), 1300).proposal.unwrap();
    town.office.execute(&format!(
        "UPDATE contracts SET service_point_id = {point} WHERE account_id = {ben}; \
         UPDATE rebill_proposals SET account_ids = '{{{ben}}}', contract_ids = '{{{contract}}}' WHERE id = {id}",
        point = ana.register.owner.0,
        ben = ben.account.0,
        contract = ben.contract.n,
        id = second.n,
    ));
    (town, [first, second])
}

#[test]
fn two_proposals_of_one_service_point_are_carried_out_one_after_the_other() {
    let (town, proposals) = neighbours();
    let (app, me) = (&town.office.app, &town.office.caller);
    let start = Barrier::new(2);
    let carry_out = |id| {
        start.wait();
        app.db().tx(|tx| app::preview(tx, |tx| corrections::approve(tx, me, id, "read twice")))
    };
    for round in 0..25 {
        let carry_out = &carry_out;
        std::thread::scope(|scope| {
            for at_work in proposals.map(|id| scope.spawn(move || carry_out(id))) {
                let came_to = at_work.join().unwrap();
                assert!(matches!(came_to, Ok(_) | Err(Error::Refused(_))), "round {round}: {came_to:?}");
            }
        });
    }
}

fn january_read() -> (Town, Customer, WindowId) {
    let town = town();
    let ana = town.customer("SP-1");
    town.read(ana.register, date!(2026 - 01 - 31), 1150);
    let january = town.january();
    (town, ana, january)
}

#[test]
fn a_run_that_is_made_beside_a_single_bill_does_not_take_its_account() {
    let (town, ana, january) = january_read();
    let (app, me) = (&town.office.app, &town.office.caller);
    let own = NewBill { span: Span::Window(january), contracts: Some(vec![ana.contract]) };
    let (answer, answered) = mpsc::channel();
    std::thread::scope(|scope| {
        app.db()
            .tx(|tx| {
                single_bills::post(tx, me, ana.account, &own, None)?;
                scope.spawn(|| {
                    let all = NewRun { window: january, name: "All".to_owned(), sites: None, accounts: None };
                    answer.send(app.db().tx(|tx| app::runs::create(tx, me, all))).unwrap();
                });
                let early = answered.recv_timeout(Duration::from_millis(400));
                assert!(early.is_err(), "the run does not wait for the bill: {early:?}");
                Ok::<_, Error>(())
            })
            .unwrap();
    });
    assert_eq!(refused(answered.recv().unwrap()).code, Code::EmptyScope);
    assert_eq!(town.office.count("run_items"), 0);
    town.assert_verified();
}

#[test]
fn who_waits_for_a_window_holds_no_account() {
    let (town, ana, january) = january_read();
    let (app, me) = (&town.office.app, &town.office.caller);
    let run = town.run(january);
    let test = town.test(run);
    town.accept(run, test);
    let bill = app.bills_of_account(me, ana.account, None, 1).unwrap().items.remove(0);
    let (id, other) = (BillId::new(ana.account, bill.id), town.customer("SP-2"));
    town.read(other.register, date!(2026 - 01 - 31), 1100);
    let reopen = || {
        app.db().tx(|tx| corrections::reopen(tx, me, id, None, "wrong read"))?;
        Ok(())
    };
    let complete = || {
        app.db().tx(|tx| corrections::complete(tx, me, id, None, "looked at", None))?;
        Ok(())
    };
    let single = || {
        let new = NewBill { span: Span::Window(january), contracts: None };
        app.db().tx(|tx| single_bills::post(tx, me, other.account, &new, None))?;
        Ok(())
    };
    type Work<'a> = &'a (dyn Fn() -> app::Result<()> + Sync);
    let all: [(AccountId, Work<'_>); 3] =
        [(ana.account, &reopen), (ana.account, &complete), (other.account, &single)];
    for (account, work) in all {
        let (answer, answered) = mpsc::channel();
        std::thread::scope(|scope| {
            app.db()
                .tx(|tx| {
                    store::windows::lock(tx, january)?;
                    scope.spawn(move || answer.send(work()).unwrap());
                    let early = answered.recv_timeout(Duration::from_millis(300));
                    assert!(early.is_err(), "{early:?}");
                    // It waits for the window, and for nothing else.
                    nobody_has(tx, account)
                })
                .unwrap();
        });
        answered.recv().unwrap().unwrap();
    }
    town.assert_verified();
}

/// Nobody has the account's row: it is had at once, long before a deadlock would be found.
fn nobody_has(tx: &mut store::Tx<'_>, account: AccountId) -> app::Result<()> {
    let before = std::time::Instant::now();
    store::accounts::lock(tx, &[account])?;
    assert!(before.elapsed() < Duration::from_millis(900), "somebody holds the account");
    Ok(())
}
