//! Opening and finding accounts.

use crate::office::{Office, pointers, refused};
use app::accounts::{Customer, NewAccount};
use app::persons::NewPerson;
use store::accounts::AccountFilter;
use testkit::noise;
use vocab::{Code, CycleId, DeliveryPreference, Language, PersonId, SiteId};

fn account(site: SiteId, customer: Customer) -> NewAccount {
    NewAccount {
        cycle: CycleId(1),
        site,
        class_code: "residential".to_owned(),
        language: Language::english(),
        delivery: DeliveryPreference::Post,
        customer,
        mailing_address: None,
        client_reference: None,
        opened_on: None,
    }
}

fn named(name: &str) -> NewPerson {
    NewPerson { name: name.to_owned(), email: None, phone: None, language: Language::english() }
}

#[test]
fn an_account_is_not_opened_for_a_person_of_foreign_sites() {
    let office = Office::open();
    let north = office.clerk_of(&[SiteId(1)]);
    let open = |caller: &app::Caller, site, customer| {
        office.tx(|tx| app::accounts::open(tx, caller, account(site, customer)))
    };
    let southern = open(&office.caller, SiteId(2), Customer::New(named("Sue South"))).unwrap().people[0].1.id;
    // As unknown as somebody who does not exist: nothing is told of her.
    for person in [southern, PersonId(404)] {
        let problem = refused(open(&north, SiteId(1), Customer::Known(person)));
        assert_eq!(problem.errors[0].code, Code::UnknownReference);
        assert_eq!(pointers(&problem), ["/customer/person_id"]);
    }
    // Who has an account of theirs, or none at all, is known to them.
    let own = open(&north, SiteId(1), Customer::New(named("Nora North"))).unwrap().people[0].1.id;
    let loose = office.tx(|tx| app::persons::enter(tx, &office.caller, named("Lou Loose"))).unwrap().id;
    for person in [own, loose] {
        open(&north, SiteId(1), Customer::Known(person)).unwrap();
    }
}

#[test]
fn texts_longer_than_an_index_takes_are_refused_by_their_field() {
    let office = Office::open();
    let person = office.tx(|tx| app::persons::enter(tx, &office.caller, named("Ana"))).unwrap();
    let changes = app::persons::PersonChanges { name: Some(noise(20_000)), ..Default::default() };
    let outcome = office.app.change_person(&office.caller, person.id, person.version, changes);
    assert_eq!(pointers(&refused(outcome)), ["/name"]);

    let new = NewAccount {
        client_reference: Some(noise(20_000)),
        ..account(SiteId(1), Customer::New(named("Ben")))
    };
    let outcome = office.tx(|tx| app::accounts::open(tx, &office.caller, new));
    assert_eq!(pointers(&refused(outcome.map(|_| ()))), ["/client_reference"]);
}

#[test]
fn a_search_by_name_loses_nobody_however_many_are_called_so() {
    let office = Office::open();
    office.execute(
        "INSERT INTO persons (id, name, language, version) \
           SELECT n, 'Smith ' || n, 'en', 1 FROM generate_series(100001, 102100) n; \
         INSERT INTO accounts (account_id, number, cycle_id, site_id, class_code, language, delivery, state, \
             opened_on, current_minor, payoff_minor, last_bill_ending_minor, autopay_failures, version) \
           SELECT n, n, 1, 1 + n % 2, 'residential', 'en', 'post', 'active', '2026-01-01', 0, 0, 0, 0, 1 \
           FROM generate_series(100001, 102100) n; \
         INSERT INTO account_persons (account_id, person_id, role, receives_bill) \
           SELECT n, n, 'main_customer', true FROM generate_series(100001, 102100) n",
    );
    let found = |caller: &app::Caller, q: &str| {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let filter = AccountFilter { q: Some(q.to_owned()), ..Default::default() };
            let page = office.app.accounts(caller, filter, cursor.as_ref(), 500).unwrap();
            found.extend(page.items.into_iter().map(|account| account.account_id.0));
            cursor = page.next;
            if cursor.is_none() {
                return found;
            }
        }
    };
    assert_eq!(found(&office.caller, "SMITH"), (100_001..=102_100).collect::<Vec<_>>());
    assert_eq!(found(&office.clerk_of(&[SiteId(1)]), "smith").len(), 1050);
    assert_eq!(found(&office.caller, "Smith 1000"), (100_001..=100_099).collect::<Vec<_>>());
}

#[test]
fn a_cursor_of_another_list_is_refused() {
    let office = Office::open();
    let cursor = store::Cursor::new(["2026-03-31", "42"]);
    let outcome = office.app.accounts(&office.caller, AccountFilter::default(), Some(&cursor), 50);
    assert_eq!(outcome.unwrap_err().problem().code, Code::MalformedCursor);
}

#[test]
fn the_audit_log_tells_nothing_of_foreign_sites() {
    let office = Office::open();
    let mut north = office.clerk_of(&[SiteId(1)]);
    north.principal.actor = access::Actor::User(vocab::UserId(99));
    let open = |site, name: &str| {
        let new = account(SiteId(site), Customer::New(named(name)));
        office.tx(|tx| app::accounts::open(tx, &office.caller, new)).unwrap().account.account_id.to_string()
    };
    let (own, foreign) = (open(1, "Nora North"), open(2, "Sue South"));
    let listed = |subject: Option<&str>| {
        let page = office.app.audit(&north, subject, None, 50).unwrap();
        page.items.into_iter().map(|entry| entry.subject).collect::<Vec<_>>()
    };
    assert_eq!(listed(Some(&own)), std::slice::from_ref(&own));
    assert!(listed(Some(&foreign)).is_empty());
    assert!(listed(None).is_empty());
    // What they did themselves they know.
    let person = office.tx(|tx| app::persons::enter(tx, &north, named("Lou"))).unwrap().id.to_string();
    assert_eq!(listed(None), [person]);
    assert_eq!(office.app.audit(&office.caller, None, None, 50).unwrap().items.len(), 3);
}
