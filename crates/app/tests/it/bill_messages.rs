//! What is said on bills: chosen at acceptance, kept with the bill, shown to who may see it.

use crate::bills::{Town, town};
use crate::office::{pointers, refused};
use app::bill_messages::{MessageChanges, Source, Wording};
use app::operations::Control;
use std::collections::BTreeMap;
use store::bill_messages::MessageFilter;
use time::macros::date;
use vocab::*;

fn wording(priority: i16, texts: &[(&str, &str)]) -> Wording {
    let texts: BTreeMap<Language, String> =
        texts.iter().map(|(language, text)| (language.parse().unwrap(), (*text).to_owned())).collect();
    Wording { texts, from_on: None, to_on: None, priority }
}

impl Town {
    fn say(&self, source: Source, wording: Wording) -> app::Result<BillMessageId> {
        let said = self.office.tx(|tx| app::bill_messages::create(tx, &self.office.caller, source, wording));
        said.map(|row| row.id)
    }

    fn said_to(&self, account: AccountId) -> Vec<String> {
        let (app, caller) = (&self.office.app, &self.office.caller);
        let bill = app.bills_of_account(caller, account, None, 1).unwrap().items.remove(0);
        let view = app.bill(caller, BillId::new(account, bill.id)).unwrap();
        view.messages.iter().map(|said| said.text().to_owned()).collect()
    }
}

#[test]
fn messages_stand_on_the_bills_that_they_are_for() {
    let town = town();
    let (ana, ben) = (town.customer("SP-1"), town.customer("SP-2"));
    for customer in [&ana, &ben] {
        town.read(customer.register, date!(2026 - 01 - 31), 1100);
    }
    town.office.execute(&format!("UPDATE accounts SET language = 'es' WHERE account_id = {}", ben.account.0));
    // Bills are dated 4 February.
    let window = town.january();
    let all = wording(50, &[("en", "Closed on Monday"), ("es", "Cerrado el lunes")]);
    let general = town.say(Source::Utility, all).unwrap();
    town.say(Source::Schedule(town.schedule), wording(10, &[("en", "A new rate")])).unwrap();
    town.say(Source::Cycle(CycleId(1)), wording(60, &[("en", "Your cycle")])).unwrap();
    town.say(Source::Class("residential".to_owned()), wording(70, &[("en", "Your class")])).unwrap();
    town.say(Source::Account(ben.account), wording(0, &[("en", "Thank you, Ben")])).unwrap();
    town.say(Source::Bill(ana.account, window), wording(99, &[("en", "This once")])).unwrap();
    let other = town.window_of(app::windows::WindowDates {
        starts_on: date!(2026 - 02 - 01),
        ends_on: date!(2026 - 02 - 28),
        accounting_on: date!(2026 - 02 - 28),
        bill_on: date!(2026 - 03 - 02),
        estimate_on: None,
    });
    town.say(Source::Bill(ana.account, other), wording(1, &[("en", "Next month")])).unwrap();
    let over = Wording { to_on: Some(date!(2026 - 02 - 03)), ..wording(1, &[("en", "Last month")]) };
    town.say(Source::Utility, over).unwrap();
    let last_day = Wording { from_on: Some(date!(2026 - 02 - 04)), ..wording(80, &[("en", "From today")]) };
    town.say(Source::Utility, last_day).unwrap();

    let run = town.run(window);
    let test = town.test(run);
    // The draft shows what would be said.
    let (app, caller) = (&town.office.app, &town.office.caller);
    let draft = app.run_draft(caller, run, ben.account).unwrap();
    let would = app.draft_messages(caller, run, &draft).unwrap();
    assert_eq!(
        would.iter().map(|said| said.text()).collect::<Vec<_>>(),
        ["Thank you, Ben", "A new rate", "Cerrado el lunes", "Your cycle", "Your class", "From today"]
    );
    town.accept(run, test);
    let to_ana = ["A new rate", "Closed on Monday", "Your cycle", "Your class", "From today", "This once"];
    assert_eq!(town.said_to(ana.account), to_ana);
    let to_ben =
        ["Thank you, Ben", "A new rate", "Cerrado el lunes", "Your cycle", "Your class", "From today"];
    assert_eq!(town.said_to(ben.account), to_ben);

    // What was said stays said.
    app.delete_bill_message(caller, general).unwrap();
    assert_eq!(town.said_to(ana.account), to_ana);
    town.assert_verified();
}

#[test]
fn messages_are_checked_and_those_of_an_account_are_its_sites() {
    let town = town();
    let ana = town.customer("SP-1");
    let of = |source, wording| pointers(&refused(town.say(source, wording))).join(" ");
    let good = || wording(1, &[("en", "x")]);
    assert_eq!(of(Source::Utility, wording(1, &[])), "/texts");
    assert_eq!(of(Source::Utility, wording(1, &[("fr", "x")])), "/texts/fr");
    assert_eq!(of(Source::Utility, wording(1, &[("en", " ")])), "/texts/en");
    assert_eq!(of(Source::Utility, wording(1000, &[("en", "x")])), "/priority");
    assert_eq!(of(Source::Class("none".to_owned()), good()), "/class_code");
    assert_eq!(of(Source::Schedule(RateScheduleId(99)), good()), "/rate_schedule_id");
    assert_eq!(of(Source::Cycle(CycleId(99)), good()), "/cycle_id");
    assert_eq!(of(Source::Account(AccountId(99)), good()), "/account_id");
    assert_eq!(of(Source::Bill(ana.account, WindowId(99)), good()), "/window_id");
    let backwards =
        Wording { from_on: Some(date!(2026 - 02 - 02)), to_on: Some(date!(2026 - 02 - 01)), ..good() };
    assert_eq!(of(Source::Utility, backwards), "/to_on");

    let own = town.say(Source::Account(ana.account), good()).unwrap();
    let shared = town.say(Source::Utility, good()).unwrap();
    let (app, caller) = (&town.office.app, &town.office.caller);
    let changes =
        MessageChanges { priority: Some(7), to_on: Some(Some(date!(2026 - 12 - 31))), ..Default::default() };
    let changed = app.change_bill_message(caller, own, 1, changes.clone()).unwrap();
    assert_eq!((changed.priority, changed.to_on, changed.version), (7, Some(date!(2026 - 12 - 31)), 2));
    assert_eq!(refused(app.change_bill_message(caller, own, 1, changes.clone())).code, Code::EtagMismatch);
    let south = town.office.clerk_of(&[SiteId(2)]);
    assert_eq!(refused(app.bill_message(&south, own)).code, Code::NotFound);
    assert_eq!(refused(app.change_bill_message(&south, shared, 1, changes)).code, Code::NotFound);
    let seen = app.bill_messages(&south, MessageFilter::default(), None, 10).unwrap().items;
    assert_eq!(seen.iter().map(|row| row.id).collect::<Vec<_>>(), [shared]);
    let everybodys = town.office.tx(|tx| app::bill_messages::create(tx, &south, Source::Utility, good()));
    assert_eq!(pointers(&refused(everybodys)), ["/source"]);
}

#[test]
fn an_acceptance_that_was_paused_goes_on_with_the_messages_of_now() {
    let town = town();
    let (ana, ben) = (town.customer("SP-1"), town.customer("SP-2"));
    for customer in [&ana, &ben] {
        town.read(customer.register, date!(2026 - 01 - 31), 1100);
    }
    let run = town.run(town.january());
    let test = town.test(run);
    let (app, caller) = (&town.office.app, &town.office.caller);
    town.office.tx(|tx| app::runs::start_accept(tx, caller, run, test)).unwrap();
    // A chunk for each account.
    town.office.execute(
        "UPDATE chunks SET items = items[1:1] WHERE state = 'queued'; \
         INSERT INTO chunks (id, operation_id, seq, state, items, done, failed, attempts) \
         SELECT id + 1000000, operation_id, seq + 1, state, ARRAY(SELECT account_id FROM accounts ORDER BY 1 DESC LIMIT 1), \
           0, 0, 0 FROM chunks WHERE state = 'queued'",
    );
    app.work_once().unwrap();
    let control = |what| town.office.tx(|tx| app::runs::control(tx, caller, run, what)).unwrap();
    control(Control::Pause);
    town.say(Source::Utility, wording(1, &[("en", "We are closed on Friday.")])).unwrap();
    control(Control::Resume);
    app.work_until_idle().unwrap();
    assert_eq!(town.said_to(ana.account), [""; 0]);
    assert_eq!(town.said_to(ben.account), ["We are closed on Friday."]);
}
