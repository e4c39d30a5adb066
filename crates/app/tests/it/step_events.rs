//! What the steps of a window show: of work for one account, of plans, of what others do elsewhere.

use crate::bills::{Town, town};
use app::single_bills::{self, NewBill, Span};
use app::window_steps::Step;
use store::windows::WindowFilter;
use time::macros::date;
use vocab::*;

impl Town {
    fn step_for(&self, caller: &app::Caller, window: WindowId, step: WindowStep) -> Step {
        let steps = self.office.app.window_steps(caller, window).unwrap().steps;
        steps.into_iter().find(|of| of.step == step).unwrap()
    }
}

#[test]
fn a_bill_of_one_account_is_an_event_of_the_acceptance() {
    let town = town();
    let ana = town.customer("SP-1");
    town.read(ana.register, date!(2026 - 01 - 31), 1150);
    let window = town.january();
    let (app, me) = (&town.office.app, &town.office.caller);
    let new = NewBill { span: Span::Window(window), contracts: None };
    let bill = town.office.tx(|tx| single_bills::post(tx, me, ana.account, &new, None)).unwrap();
    let links = [("bill", BillId::new(ana.account, bill.id).to_string())];
    let last = town.step_for(me, window, WindowStep::Accept).last.unwrap();
    assert_eq!(
        (last.by.as_str(), last.count, last.links.as_slice()),
        (me.actor().as_str(), Some(1), &links[..])
    );
    let history = app.step_history(me, window, WindowStep::Accept, None, 5).unwrap().items;
    assert_eq!(history, [last]);
    // Who works elsewhere sees none of it.
    let mut south = town.office.clerk_of(&[SiteId(2)]);
    south.principal.actor = access::Actor::User(UserId(2));
    assert_eq!(town.step_for(&south, window, WindowStep::Accept).last, None);
    assert!(app.step_history(&south, window, WindowStep::Accept, None, 5).unwrap().items.is_empty());
}

#[test]
fn work_that_is_not_seen_hides_none_that_is() {
    let town = town();
    let (north, south) = (town.customer("SP-1"), town.customer("SP-2"));
    for customer in [&north, &south] {
        town.read(customer.register, date!(2026 - 01 - 31), 1100);
    }
    town.office.execute(&format!("UPDATE accounts SET site_id = 2 WHERE account_id = {}", south.account.0));
    let window = town.january();
    let mut clerk = town.office.clerk_of(&[SiteId(1)]);
    clerk.principal.actor = access::Actor::User(UserId(2));
    let run_of = |site| {
        let new =
            app::runs::NewRun { window, name: "One".to_owned(), sites: Some(vec![site]), accounts: None };
        town.office.tx(|tx| app::runs::create(tx, &town.office.caller, new)).unwrap().run.id
    };
    let own = run_of(SiteId(1));
    let test = town.test(own);
    // Five newer ones elsewhere.
    let foreign = run_of(SiteId(2));
    for _ in 0..5 {
        town.test(foreign);
    }
    let seen = town.step_for(&clerk, window, WindowStep::Test);
    let links = [("test", test.to_string()), ("bill_run", own.to_string())];
    assert_eq!(seen.last.map(|last| last.links[..2].to_vec()), Some(links.to_vec()));
    let history = town.office.app.step_history(&clerk, window, WindowStep::Test, None, 2).unwrap();
    assert_eq!((history.items.len(), history.next.is_none()), (1, true), "a page of what is seen");
    // What goes on elsewhere is not under way here.
    town.office.tx(|tx| app::runs::start_test(tx, &town.office.caller, foreign)).unwrap();
    assert_eq!(town.step_for(&town.office.caller, window, WindowStep::Test).state, StepState::InProgress);
    assert_eq!(town.step_for(&clerk, window, WindowStep::Test).state, StepState::Done);
}

#[test]
fn a_page_of_windows_counts_who_changed_cycles_as_one_window_does() {
    let town = town();
    let (ana, moved) = (town.customer("SP-1"), town.customer("SP-2"));
    for customer in [&ana, &moved] {
        town.read(customer.register, date!(2026 - 01 - 31), 1100);
    }
    let window = town.january();
    let run = town.run(window);
    let test = town.test(run);
    town.accept(run, test);
    town.office.execute(&format!(
        "INSERT INTO bill_cycles (id, code, name, version) VALUES (2, 'C2', 'Second', 1); \
         INSERT INTO cycle_windows (id, cycle_id, starts_on, ends_on, accounting_on, bill_on, state, version) VALUES \
           (80, 2, '2026-01-01', '2026-01-31', '2026-01-31', '2026-02-02', 'open', 1); \
         UPDATE accounts SET cycle_id = 2 WHERE account_id = {}",
        moved.account.0
    ));
    let (app, me) = (&town.office.app, &town.office.caller);
    let page = app.windows_with_steps(me, &WindowFilter::default(), None, 10).unwrap().items;
    assert_eq!(page.len(), 2);
    for shown in &page {
        assert_eq!(shown.steps, app.window_steps(me, shown.window.id).unwrap().steps);
        let accept = &shown.steps[4];
        let expected = if shown.window.id == window { (1, 1) } else { (0, 1) };
        assert_eq!((accept.done, accept.of), expected);
    }
}

#[test]
fn a_payment_run_that_has_drawn_nothing_is_planned_not_under_way() {
    let town = town();
    let ana = town.customer("SP-1");
    town.read(ana.register, date!(2026 - 01 - 31), 1150);
    let window = town.january();
    let run = town.run(window);
    let test = town.test(run);
    town.accept(run, test);
    let id = ana.account.0;
    town.office.execute(&format!(
        "INSERT INTO payment_methods (account_id, id, kind, gateway, customer_token, method_token, label, state, \
           created_at, version) VALUES ({id}, 5, 'card', 'stripe', 'cus_1', 'pm_1', 'Visa', 'active', \
           '2026-01-01T00:00Z', 1); \
         UPDATE accounts SET autopay_method_id = 5, autopay_rule = 'due_date' WHERE account_id = {id}; \
         INSERT INTO draws (account_id, id, bill_id, method_id, draw_on, not_before_at, state, attempts, version) \
         SELECT {id}, 6, id, 5, '2026-02-03', '2026-02-01T08:00Z', 'planned', 0, 1 FROM bills"
    ));
    let me = &town.office.caller;
    let all = app::payment_runs::RunFilter::default();
    let planned =
        town.office.tx(|tx| app::payment_runs::create(tx, me, &all, date!(2026 - 02 - 03))).unwrap().run.id;
    let step = town.step_for(me, window, WindowStep::PaymentRun);
    assert_eq!((step.state, step.done, step.of, step.can_undo), (StepState::Possible, 0, 1, false));
    let last = step.last.unwrap();
    assert_eq!((last.state.as_str(), &last.links[0].1), ("planned", &planned.to_string()));
    // Of accounts elsewhere nothing is told, also before it has work.
    let mut south = town.office.clerk_of(&[SiteId(2)]);
    south.principal.actor = access::Actor::User(UserId(2));
    assert_eq!(town.step_for(&south, window, WindowStep::PaymentRun).last, None);
}
