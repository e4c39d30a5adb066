//! The calendar of windows: what their steps show, the automatic mode, closing, and accounts that stay behind.

use crate::bills::{Town, items, town};
use crate::invoices::{House, Words, everyone, folder_mailer, house};
use crate::office::refused;
use app::cycles::CycleChanges;
use app::runs::NewRun;
use app::schedules::{NewSchedule, Rule};
use app::window_steps::{Step, WindowSteps};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use store::windows::WindowFilter;
use time::macros::date;
use vocab::*;

impl Town {
    fn steps(&self, window: WindowId) -> WindowSteps {
        self.office.app.window_steps(&self.office.caller, window).unwrap()
    }

    fn step(&self, window: WindowId, step: WindowStep) -> Step {
        self.steps(window).steps.into_iter().find(|of| of.step == step).unwrap()
    }

    fn automatic(&self, changes: CycleChanges) {
        let cycle = self.office.app.cycle(CycleId(1)).unwrap();
        self.office.app.change_cycle(&self.office.caller, cycle.id, cycle.version, changes).unwrap();
    }

    fn read_all(&self, codes: &[&str]) {
        for code in codes {
            self.read(self.customer(code).register, date!(2026 - 01 - 31), 1100);
        }
    }

    /// A customer whose meter was not read: an error of the test.
    fn unread(&self) -> AccountId {
        self.customer("SP-unread").account
    }
}

fn states(of: &WindowSteps) -> Vec<StepState> {
    of.steps.iter().map(|step| step.state).collect()
}

#[test]
fn steps_show_who_did_what_and_what_may_come_next() {
    let town = town();
    town.read_all(&["SP-1", "SP-2"]);
    let window = town.january();
    assert_eq!(
        town.steps(window).next().collect::<Vec<_>>(),
        [WindowStep::ExportReadings, WindowStep::ImportReads, WindowStep::Test]
    );
    let run = town.run(window);
    let first = town.test(run);
    let second = town.test(run);
    let test = town.step(window, WindowStep::Test);
    assert_eq!((test.state, test.done, test.of), (StepState::Done, 2, 2));
    let last = test.last.unwrap();
    assert_eq!((last.by, last.links[0].clone()), (UserId(1).to_string(), ("test", second.to_string())));
    assert_eq!(last.links[1], ("bill_run", run.to_string()));

    town.accept(run, second);
    let accept = town.step(window, WindowStep::Accept);
    assert_eq!((accept.state, accept.done, accept.of), (StepState::Done, 2, 2));
    assert_eq!(accept.undo, "by financial correction only");
    let (app, caller) = (&town.office.app, &town.office.caller);
    let history = |step, after: Option<&store::Cursor>, limit| {
        app.step_history(caller, window, step, after, limit).unwrap()
    };
    let page = history(WindowStep::Test, None, 1);
    assert_eq!(page.items[0].links[0].1, second.to_string());
    let rest = history(WindowStep::Test, page.next.as_ref(), 5);
    assert_eq!(
        (rest.items[0].links[0].1.clone(), rest.items.len(), rest.next.is_none()),
        (first.to_string(), 1, true)
    );
    let accepted = history(WindowStep::Accept, None, 5).items;
    assert_eq!(accepted[0].at, time::macros::datetime!(2026-02-03 12:00 UTC), "business time");
    assert_eq!(accepted[0].count, Some(2));

    // The calendar shows the same for many windows at once.
    town.window(date!(2026 - 02 - 01), date!(2026 - 02 - 28));
    let page = app.windows_with_steps(caller, &WindowFilter::default(), None, 10).unwrap();
    assert_eq!(page.items.len(), 2);
    assert_eq!(page.items[0].steps, town.steps(window).steps);
    assert_eq!(page.items[1].steps[4].done, 0);
    // Who works elsewhere sees none of it.
    let south = town.office.clerk_of(&[SiteId(2)]);
    let foreign = app.window_steps(&south, window).unwrap();
    assert!(foreign.steps.iter().all(|step| step.last.is_none() && step.done == 0), "{foreign:?}");
    assert!(app.step_history(&south, window, WindowStep::Test, None, 5).unwrap().items.is_empty());
}

#[test]
fn an_acceptable_test_is_accepted_and_invoiced_by_itself() {
    let town = town();
    town.read_all(&["SP-1", "SP-2"]);
    let changes =
        CycleChanges { auto_accept: Some(true), auto_generate: Some(true), ..CycleChanges::default() };
    town.automatic(changes);
    let window = town.january();
    let run = town.run(window);
    town.office.tx(|tx| app::runs::start_test(tx, &town.office.caller, run)).unwrap();
    // The invoices themselves need a renderer, which this office has not.
    for _ in 0..8 {
        if town.office.number("SELECT count(*) AS n FROM invoice_runs") == 0 {
            town.office.app.work_once().unwrap();
        }
    }
    let done: std::collections::BTreeMap<_, _> = town.view(run).items.into_iter().collect();
    assert_eq!(done, items(&[(ItemState::Accepted, 2)]));
    assert_eq!(town.view(run).run.state, RunState::Invoicing);
    let cycle = format!("cycle:{}", CycleId(1));
    let accept = town.step(window, WindowStep::Accept).last.unwrap();
    assert_eq!(accept.by, cycle);
    assert_eq!(accept.result.unwrap()["automatic"]["step"], "generate_invoices");
    let invoices = town.step(window, WindowStep::GenerateInvoices);
    assert_eq!((invoices.state, invoices.last.unwrap().by), (StepState::InProgress, cycle.clone()));
    let by_cycle = format!("SELECT count(*) AS n FROM audit_entries WHERE actor = '{cycle}'");
    assert!(town.office.number(&by_cycle) >= 3, "acceptance, bills, invoice run");
    town.assert_verified();
}

#[test]
fn what_stops_the_automatic_mode_is_noted_and_a_person_goes_on() {
    let town = town();
    town.read_all(&["SP-1"]);
    town.unread();
    town.automatic(CycleChanges { auto_accept: Some(true), ..CycleChanges::default() });
    let window = town.january();
    let run = town.run(window);
    let test = town.test(run);
    assert_eq!(town.view(run).run.state, RunState::Tested);
    let accept = town.step(window, WindowStep::Accept);
    assert_eq!(accept.state, StepState::Blocked);
    assert!(accept.note.unwrap().contains("accounts with errors: 1"));
    assert_eq!(town.step(window, WindowStep::Test).state, StepState::Blocked);
    let stops = "SELECT count(*) AS n FROM audit_entries WHERE action = 'cycle_window.automatic_stopped'";
    assert_eq!(town.office.number(stops), 1);
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 1), (ItemState::Error, 1)]));
}

#[test]
fn invoices_are_approved_and_sent_by_itself() {
    let house = house(Arc::new(Words { refused: None }), folder_mailer);
    house.sql("UPDATE bill_cycles SET auto_send = true");
    house.rendered(&everyone());
    let count = |channel: &str, state: &str| {
        let filter = format!("channel = '{channel}' AND state = '{state}'");
        house.number(&format!("SELECT count(*) AS n FROM deliveries WHERE {filter}"))
    };
    assert_eq!((count("email", "sent"), count("postal", "approved")), (3, 2), "letters wait for a hand");
    assert_eq!(house.number("SELECT count(*) AS n FROM deliveries WHERE approved_by LIKE 'cycle:%'"), 5);
}

#[test]
fn closing_lists_what_is_left_ends_what_stands_still_and_waits_for_nobody() {
    let town = town();
    town.read_all(&["SP-1", "SP-2"]);
    let unread = town.unread();
    let window = town.january();
    let (app, caller) = (&town.office.app, &town.office.caller);
    let run = town.run(window);
    let (test, _) = town.office.tx(|tx| app::runs::start_test(tx, caller, run)).unwrap();
    let problem = refused(app.close_window(caller, window, 2, "Done."));
    assert_eq!((problem.code, problem.params), (Code::WindowBusy, vec![("run", run.to_string())]));
    app.work_until_idle().unwrap();
    let no_test = refused(town.office.tx(|tx| {
        let new = NewRun { window, name: "one".to_owned(), sites: None, accounts: Some(vec![unread]) };
        app::runs::release_account(tx, caller, run, unread)?;
        let one = app::runs::create(tx, caller, new)?.run.id;
        app::runs::start_accept(tx, caller, one, test.id)
    }));
    assert_eq!(no_test.code, Code::NoTest);
    town.accept(run, test.id);
    town.office
        .execute("UPDATE bills SET window_id = NULL WHERE account_id = (SELECT max(account_id) FROM bills)");

    let before = app.left_in_window(caller, window).unwrap();
    assert_eq!((before.unbilled, before.drafts, before.errors, before.to_invoice), (2, 0, 1, 1));
    let abroad = app.left_in_window(&town.office.clerk_of(&[SiteId(2)]), window).unwrap();
    assert_eq!((abroad.unbilled, abroad.accounts.len(), abroad.runs.len()), (2, 0, 0));
    let closed = app.close_window(caller, window, 2, "One meter could not be reached.").unwrap();
    assert_eq!(closed.window.state, WindowState::Closed);
    assert_eq!((closed.left.unbilled, closed.left.errors), (2, 1));
    let of = closed.left.accounts.iter().find(|of| of.account_id == unread).unwrap();
    assert_eq!((of.run_id, of.state), (Some(run), Some(ItemState::Error)));
    assert!(of.reason.as_deref().unwrap().contains("missing_end_read"));
    assert_eq!(town.view(run).run.state, RunState::Closed);
    assert_eq!(town.office.number("SELECT count(*) AS n FROM run_items WHERE live"), 0);
    let again = NewRun { window, name: "again".to_owned(), sites: None, accounts: None };
    let refusal = refused(town.office.tx(|tx| app::runs::create(tx, caller, again)));
    assert_eq!(refusal.code, Code::WrongState);
    assert_eq!(states(&town.steps(window))[2], StepState::Blocked);
}

#[test]
fn an_account_that_failed_is_taken_up_by_the_next_run_of_the_window() {
    let town = town();
    town.read_all(&["SP-1"]);
    let (first, second) = (town.customer("SP-2"), town.customer("SP-3"));
    let window = town.january();
    let caller = &town.office.caller;
    let run = town.run(window);
    let test = town.test(run);
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 1), (ItemState::Error, 2)]));
    for customer in [&first, &second] {
        town.read(customer.register, date!(2026 - 01 - 31), 1200);
    }
    // While the first run holds them no other takes them; one is released, then the run is closed.
    let next = |accounts: Option<Vec<AccountId>>| {
        let new = NewRun { window, name: "next".to_owned(), sites: None, accounts };
        town.office.tx(|tx| app::runs::create(tx, caller, new))
    };
    assert_eq!(refused(next(None)).code, Code::RunsOverlap);
    let release = |account| town.office.tx(|tx| app::runs::release_account(tx, caller, run, account));
    release(first.account).unwrap();
    assert_eq!(refused(release(first.account)).code, Code::WrongState);
    let alone = next(Some(vec![first.account])).unwrap().run.id;
    let test = town.test(alone);
    assert_eq!(town.accept(alone, test), items(&[(ItemState::Accepted, 1)]));
    town.office.tx(|tx| app::runs::close(tx, caller, run)).unwrap();
    let rest = next(None).unwrap();
    assert_eq!(rest.run.accounts, 1);
    let test = town.test(rest.run.id);
    assert_eq!(town.accept(rest.run.id, test), items(&[(ItemState::Accepted, 1)]));
    let accept = town.step(window, WindowStep::Accept);
    assert_eq!((accept.done, accept.of, accept.state), (3, 3, StepState::Done));
    town.assert_verified();
}

#[test]
fn schedules_export_invoice_and_send_and_the_steps_show_it() {
    let house = house(Arc::new(Words { refused: None }), folder_mailer);
    house.sql(
        "INSERT INTO bill_runs (id, window_id, name, owner, scope, state, accounts, created_at, version) \
         VALUES (70, 7, 'February', 'user', '{}', 'accepted', 4, '2026-03-02T12:00Z', 1); \
         INSERT INTO users (id, email, name, password_hash, role, all_sites, site_ids, active, created_at, version) \
         VALUES (9, 'm@example.org', 'M', 'x', 'manager', true, '{}', true, '2026-01-01T00:00Z', 1); \
         UPDATE business_clock SET moved_to = '2026-03-02T12:00Z'",
    );
    let schedule = |work, pattern: &str| {
        let new = NewSchedule {
            name: "March".to_owned(),
            work,
            cycle: Some(CycleId(1)),
            sites: Vec::new(),
            rule: Rule::Pattern(pattern.to_owned()),
            business_days: false,
            enabled: true,
        };
        house.app.db().tx(|tx| app::schedules::create(tx, &everyone(), new)).unwrap().id
    };
    let export = schedule(ScheduledWork::ExportReadings, "0 13 2 * *");
    let invoices = schedule(ScheduledWork::Invoices, "0 14 2 * *");
    let send = schedule(ScheduledWork::Send, "0 15 2 * *");
    let collect = schedule(ScheduledWork::PaymentRun, "0 16 2 * *");
    let made = |id: ScheduleId, hour: u8| {
        house.sql(&format!("UPDATE business_clock SET moved_to = '2026-03-02T{hour}:00Z'"));
        assert_eq!(house.app.start_due_schedules().unwrap(), 1);
        house.app.work_until_idle().unwrap();
        let start = house.app.schedule_starts(&everyone(), id, None, 1).unwrap().past.items.remove(0);
        start.code.unwrap_or_else(|| start.results[0]["kind"].as_str().unwrap().to_owned())
    };
    let step = |step: WindowStep| {
        let all = house.app.window_steps(&everyone(), WindowId(7)).unwrap();
        all.steps.into_iter().find(|of| of.step == step).unwrap()
    };
    assert_eq!(made(export, 13), "reading_export");
    assert_eq!(step(WindowStep::ExportReadings).last.unwrap().by, format!("schedule:{export}"));
    assert_eq!(made(invoices, 14), "invoice_run");
    assert_eq!(step(WindowStep::GenerateInvoices).state, StepState::Done);
    let run = store_invoice_run(&house);
    let approve = app::deliveries::ToApprove::Run(run, None);
    house.app.db().tx(|tx| app::deliveries::approve(tx, &everyone(), approve)).unwrap();
    assert_eq!(made(send, 15), "operation");
    let sent = step(WindowStep::Send);
    assert_eq!((sent.done, sent.of, sent.last.unwrap().by), (3, 4, format!("schedule:{send}")));
    assert_eq!(made(collect, 16), "empty_scope", "nobody pays by autopay");

    // Letters that are handed over are part of the step's history, at their business time.
    house.app.db().tx(|tx| app::invoice_runs::hand_over(tx, &everyone(), run)).unwrap();
    let sent = step(WindowStep::Send);
    assert_eq!((sent.state, sent.last.unwrap().count), (StepState::Done, Some(2)));
    let history = house.app.step_history(&everyone(), WindowId(7), WindowStep::Send, None, 9).unwrap().items;
    assert_eq!(history.iter().map(|act| act.count).collect::<Vec<_>>(), [Some(2), Some(3)]);
    // A window that is not open has nothing to read.
    house.sql("UPDATE cycle_windows SET state = 'closed'");
    assert_eq!(made_again(&house, export), "nothing_open");
}

fn store_invoice_run(house: &House) -> InvoiceRunId {
    house.app.invoice_runs(&everyone(), Some(WindowId(7)), None, 1).unwrap().items[0].id
}

/// What becomes of the start a month later.
fn made_again(house: &House, id: ScheduleId) -> String {
    house.sql("UPDATE business_clock SET moved_to = '2026-04-02T13:00Z'");
    house.app.start_due_schedules().unwrap();
    let start = house.app.schedule_starts(&everyone(), id, None, 1).unwrap().past.items.remove(0);
    start.code.unwrap_or_default()
}

#[test]
fn what_is_said_on_a_bill_stands_on_its_document_in_both_languages() {
    let house = house(Arc::new(Words { refused: None }), folder_mailer);
    let said = format!(
        r#"[{{"message":"{}","language":"en","texts":{{"en":"Closed on Monday","es":"Cerrado el lunes"}}}}]"#,
        BillMessageId(1)
    );
    house.sql(&format!("UPDATE bills SET messages = '{said}' WHERE account_id = 1 AND id = 20"));
    let keys = tempfile::tempdir().unwrap();
    let keys = app::keys::Keys::load_or_create(keys.path()).unwrap();
    let documents = house.app.db().tx(|tx| {
        let utility = app::Utility::load(tx)?;
        let rows = [(AccountId(1), 20), (AccountId(2), 20)];
        let rows = rows.map(|(account, id)| store::bills::find(tx, account, id).unwrap().unwrap());
        app::invoice_model::of_bills(tx, &utility, &keys, rows.into())
    });
    let documents = documents.unwrap();
    let text = |language: &str| {
        let message = &documents[0].copies[0].invoice.messages[0];
        message.get(&language.parse().unwrap()).unwrap().to_owned()
    };
    assert_eq!([text("en"), text("es-MX")], ["Closed on Monday", "Cerrado el lunes"]);
    assert!(documents[1].copies[0].invoice.messages.is_empty());
}

#[test]
fn nobody_begins_a_run_in_a_window_that_is_being_closed() {
    let town = town();
    town.read_all(&["SP-1"]);
    let window = town.january();
    let (office, caller) = (&town.office, &town.office.caller);
    let (ended, end) = mpsc::channel();
    let outcome = std::thread::scope(|scope| {
        office
            .tx(|tx| {
                let open = store::windows::find(tx, window)?.unwrap();
                let closed = store::windows::Window { state: WindowState::Closed, ..open };
                store::windows::update(tx, &closed, 2)?;
                scope.spawn(|| {
                    let new = NewRun { window, name: "late".to_owned(), sites: None, accounts: None };
                    ended.send(office.tx(|tx| app::runs::create(tx, caller, new))).unwrap();
                });
                assert!(end.recv_timeout(Duration::from_millis(300)).is_err(), "it does not wait");
                Ok(())
            })
            .unwrap();
        end.recv().unwrap()
    });
    assert_eq!(refused(outcome).code, Code::WrongState);
    assert_eq!(office.number("SELECT count(*) AS n FROM bill_runs"), 0);
}
