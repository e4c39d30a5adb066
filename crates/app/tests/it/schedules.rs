//! Schedules: what is due starts once, whoever looks; what was missed is made up for by one start; a start
//! has the rights of who made its schedule and no more.

use crate::bills::{Town, items, town};
use crate::office::{Office, pointers, refused};
use app::schedules::{NewSchedule, Rule, ScheduleChanges};
use app::windows::WindowDates;
use store::schedules::{Schedule, Start};
use time::macros::{date, datetime, time};
use time::{Date, OffsetDateTime};
use vocab::*;

pub fn nightly(work: ScheduledWork) -> NewSchedule {
    NewSchedule {
        name: "Every night".to_owned(),
        work,
        cycle: Some(CycleId(1)),
        sites: Vec::new(),
        rule: Rule::Pattern("0 2 * * *".to_owned()),
        business_days: false,
        enabled: true,
    }
}

pub fn counted(work: ScheduledWork, from: WindowDay, days: i16) -> NewSchedule {
    NewSchedule { rule: Rule::Days { from, days, at: time!(6:00) }, ..nightly(work) }
}

pub fn month(starts_on: Date, ends_on: Date) -> WindowDates {
    WindowDates { starts_on, ends_on, accounting_on: ends_on, bill_on: ends_on, estimate_on: None }
}

/// The office's clerk exists, and it is noon of that day.
pub fn staffed(office: &Office, day: &str) {
    office.execute(
        "INSERT INTO users (id, email, name, password_hash, role, all_sites, site_ids, active, created_at, version) \
         VALUES (1, 'm@example.org', 'M', 'x', 'manager', true, '{}', true, '2026-01-01T00:00Z', 1)",
    );
    noon(office, day);
}

pub fn noon(office: &Office, day: &str) {
    office.execute(&format!("UPDATE business_clock SET moved_to = '{day}T12:00Z'"));
}

pub fn make(office: &Office, new: NewSchedule) -> Schedule {
    office.tx(|tx| app::schedules::create(tx, &office.caller, new)).unwrap()
}

pub fn starts(office: &Office, id: ScheduleId) -> Vec<Start> {
    office.app.schedule_starts(&office.caller, id, None, 50).unwrap().past.items
}

pub fn next_at(office: &Office, id: ScheduleId) -> Option<OffsetDateTime> {
    office.app.schedule(&office.caller, id).unwrap().next_at
}

pub fn metered() -> Town {
    let town = town();
    staffed(&town.office, "2026-02-03");
    for code in ["SP-1", "SP-2"] {
        town.read(town.customer(code).register, date!(2026 - 01 - 31), 1100);
    }
    town
}

#[test]
fn missed_starts_are_one_and_many_workers_start_it_once() {
    let town = metered();
    let window = town.january();
    let office = &town.office;
    let schedule = make(office, nightly(ScheduledWork::BillTest));
    assert_eq!(schedule.next_at, Some(datetime!(2026-02-04 02:00 UTC)));
    assert_eq!(office.app.start_due_schedules().unwrap(), 0);

    // Five nights without a server, and then four processes at once.
    noon(office, "2026-02-08");
    let started: usize = std::thread::scope(|scope| {
        let look = || office.app.start_due_schedules().unwrap();
        let all: Vec<_> = (0..4).map(|_| scope.spawn(look)).collect();
        all.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!(started, 1);
    let made = starts(office, schedule.id);
    assert_eq!(made.len(), 1);
    let start = &made[0];
    assert_eq!((start.state, start.window_id), (StartState::Started, Some(window)));
    assert_eq!(start.due_at, datetime!(2026-02-04 02:00 UTC));
    assert_eq!(next_at(office, schedule.id), Some(datetime!(2026-02-09 02:00 UTC)));
    assert_eq!(office.app.start_due_schedules().unwrap(), 0);

    office.app.work_until_idle().unwrap();
    let runs = office.app.bill_runs(&office.caller, Some(window), None, 10).unwrap().items;
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].run.state, RunState::Tested);
    assert_eq!(runs[0].run.owner, format!("schedule:{}", schedule.id));
    let kinds: Vec<_> = start.results.as_array().unwrap().iter().map(|link| link["kind"].clone()).collect();
    assert_eq!(kinds, ["bill_run", "test", "operation"]);
    assert_eq!(start.results[0]["id"], runs[0].run.id.to_string());
    assert_eq!(office.number("SELECT count(*) AS n FROM audit_entries WHERE action = 'schedule.start'"), 1);
}

#[test]
fn a_night_test_and_a_morning_acceptance_bill_a_cycle() {
    let town = metered();
    let window = town.january();
    let office = &town.office;
    let test = make(office, nightly(ScheduledWork::BillTest));
    let morning = Rule::Pattern("0 6 * * *".to_owned());
    let accept = make(office, NewSchedule { rule: morning, ..nightly(ScheduledWork::BillAccept) });
    // A person's test is no schedule's to accept: nothing of it is posted.
    let persons = town.run(window);
    town.test(persons);
    noon(office, "2026-02-04");
    office.app.start_due_schedules().unwrap();
    office.app.work_until_idle().unwrap();
    let refusals = [&test, &accept].map(|of| starts(office, of.id)[0].code.clone().unwrap());
    assert_eq!(refusals, ["runs_overlap", "no_test"]);
    assert_eq!(office.app.start_due_schedules().unwrap(), 0, "a refusal is not tried again");

    let end = app::operations::Control::Cancel;
    office.tx(|tx| app::runs::control(tx, &office.caller, persons, end)).unwrap();
    for hour in ["02:00", "06:00"] {
        office.execute(&format!("UPDATE business_clock SET moved_to = '2026-02-05T{hour}Z'"));
        assert_eq!(office.app.start_due_schedules().unwrap(), 1);
        office.app.work_until_idle().unwrap();
    }
    let link = starts(office, accept.id)[0].results[0]["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        town.view(link).items.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        items(&[(ItemState::Accepted, 2)])
    );
    town.assert_verified();
}

#[test]
fn a_window_that_is_not_over_is_not_billed_and_an_older_one_is_not_passed_over() {
    let town = metered();
    let january = town.january();
    let february = town.window(date!(2026 - 02 - 01), date!(2026 - 02 - 28));
    let office = &town.office;
    let test = make(office, nightly(ScheduledWork::BillTest));
    noon(office, "2026-02-05");
    assert_eq!(office.app.start_due_schedules().unwrap(), 1);
    office.app.work_until_idle().unwrap();
    let runs = |window| office.app.bill_runs(&office.caller, Some(window), None, 9).unwrap().items.len();
    assert_eq!((runs(january), runs(february)), (1, 0));
    // Both are over: each is tested, the older one again.
    noon(office, "2026-03-05");
    office.app.start_due_schedules().unwrap();
    office.app.work_until_idle().unwrap();
    assert_eq!((runs(january), runs(february)), (1, 1));
    assert_eq!(starts(office, test.id)[0].code, None);
}

#[test]
fn days_are_counted_from_the_windows_of_the_cycle_as_they_are_planned() {
    let office = Office::open();
    staffed(&office, "2026-01-10");
    let (app, caller) = (&office.app, &office.caller);
    let open = make(&office, counted(ScheduledWork::OpenWindow, WindowDay::StartsOn, -2));
    assert_eq!(open.next_at, None, "no window is planned");
    let plan = |dates| office.tx(|tx| app::windows::plan(tx, caller, CycleId(1), dates)).unwrap();
    let february = plan(month(date!(2026 - 02 - 01), date!(2026 - 02 - 28)));
    let march = plan(month(date!(2026 - 03 - 01), date!(2026 - 03 - 31)));
    assert_eq!(next_at(&office, open.id), Some(datetime!(2026-01-30 06:00 UTC)));
    app.reschedule_window(caller, february.id, 1, month(date!(2026 - 02 - 05), date!(2026 - 02 - 28)))
        .unwrap();
    assert_eq!(next_at(&office, open.id), Some(datetime!(2026-02-03 06:00 UTC)));
    let ahead = app.schedule_starts(caller, open.id, None, 10).unwrap().ahead;
    assert_eq!(ahead.iter().map(|(_, window)| window.unwrap()).collect::<Vec<_>>(), [february.id, march.id]);
    // A holiday moves it, where business days are asked for.
    let changes = ScheduleChanges { business_days: Some(true), ..ScheduleChanges::default() };
    app.change_schedule(caller, open.id, open.version, changes).unwrap();
    app.put_holiday(caller, date!(2026 - 02 - 03), "Day").unwrap();
    assert_eq!(next_at(&office, open.id), Some(datetime!(2026-02-04 06:00 UTC)));

    noon(&office, "2026-02-04");
    assert_eq!(app.start_due_schedules().unwrap(), 1);
    assert_eq!(app.window(february.id).unwrap().state, WindowState::Open);
    assert_eq!(next_at(&office, open.id), Some(datetime!(2026-02-27 06:00 UTC)));

    // Of two windows that were missed the last is opened; the other waits for a person.
    let april = plan(month(date!(2026 - 04 - 01), date!(2026 - 04 - 30)));
    noon(&office, "2026-04-10");
    assert_eq!(app.start_due_schedules().unwrap(), 1);
    let state = |id| app.window(id).unwrap().state;
    assert_eq!([march.id, april.id].map(state), [WindowState::Planned, WindowState::Open]);
    let made = starts(&office, open.id);
    assert_eq!(
        made.iter().map(|start| start.window_id.unwrap()).collect::<Vec<_>>(),
        [april.id, february.id]
    );
    assert_eq!(next_at(&office, open.id), None);
    let page = app.schedule_starts(caller, open.id, None, 1).unwrap().past;
    let rest = app.schedule_starts(caller, open.id, page.next.as_ref(), 1).unwrap().past;
    assert_eq!((rest.items[0].window_id, rest.next.is_none()), (Some(february.id), true));
}

#[test]
fn a_start_is_refused_once_and_a_machine_closes_only_what_is_finished() {
    let office = Office::open();
    staffed(&office, "2026-02-03");
    let test = make(&office, nightly(ScheduledWork::BillTest));
    noon(&office, "2026-02-04");
    assert_eq!(office.app.start_due_schedules().unwrap(), 1);
    let start = starts(&office, test.id).remove(0);
    assert_eq!((start.state, start.code.as_deref()), (StartState::Refused, Some("nothing_open")));
    assert_eq!(office.app.start_due_schedules().unwrap(), 0);
    assert_eq!(office.number("SELECT count(*) AS n FROM bill_runs"), 0);

    let off = ScheduleChanges { enabled: Some(false), ..ScheduleChanges::default() };
    office.app.change_schedule(&office.caller, test.id, test.version, off).unwrap();
    office.account();
    let january = month(date!(2026 - 01 - 01), date!(2026 - 01 - 31));
    let window = office.tx(|tx| app::windows::plan(tx, &office.caller, CycleId(1), january)).unwrap();
    office.app.open_window(&office.caller, window.id, 1).unwrap();
    let close = make(&office, nightly(ScheduledWork::CloseWindow));
    let closing = |day| {
        noon(&office, day);
        office.app.start_due_schedules().unwrap();
        (starts(&office, close.id)[0].code.clone(), office.app.window(window.id).unwrap().state)
    };
    assert_eq!(closing("2026-02-05"), (Some("something_left".to_owned()), WindowState::Open));
    office.execute("UPDATE accounts SET state = 'closed'");
    assert_eq!(closing("2026-02-06"), (None, WindowState::Closed));
}

#[test]
fn a_schedule_has_the_rights_of_who_made_it() {
    let mut town = metered();
    let window = town.january();
    let away = town.customer("SP-3").account;
    town.office.execute(&format!("UPDATE accounts SET site_id = 2 WHERE account_id = {}", away.0));
    // A clerk of the north may test, not collect; nor for the south.
    town.office.execute("UPDATE users SET role = 'clerk', all_sites = false, site_ids = '{1}'");
    let manager = town.office.caller.clone();
    let mut clerk = town.office.clerk_of(&[SiteId(1)]);
    clerk.principal.role = Role::Clerk;
    let create = |new| town.office.tx(|tx| app::schedules::create(tx, &clerk, new));
    assert_eq!(refused(create(nightly(ScheduledWork::PaymentRun))).code, Code::Forbidden);
    let south = NewSchedule { sites: vec![SiteId(2)], ..nightly(ScheduledWork::BillTest) };
    assert_eq!(pointers(&refused(create(south))), ["/site_ids"]);
    let test = create(nightly(ScheduledWork::BillTest)).unwrap();
    town.office.caller = manager;
    noon(&town.office, "2026-02-04");
    town.office.app.start_due_schedules().unwrap();
    let runs = town.office.app.bill_runs(&town.office.caller, Some(window), None, 10).unwrap().items;
    assert_eq!(runs[0].run.accounts, 2, "the south is not the clerk's");
    // Whom it speaks for has left.
    town.office.execute("UPDATE users SET active = false");
    noon(&town.office, "2026-02-05");
    town.office.app.start_due_schedules().unwrap();
    assert_eq!(starts(&town.office, test.id)[0].code.as_deref(), Some("forbidden"));
    // Foreign schedules are not seen, unless one made them.
    let mut other = town.office.clerk_of(&[SiteId(2)]);
    other.principal.actor = access::Actor::User(UserId(2));
    assert_eq!(refused(town.office.app.schedule(&other, test.id)).code, Code::NotFound);
    assert!(town.office.app.schedules(&other, None, None, 10).unwrap().items.is_empty());
    assert_eq!(town.office.app.schedules(&clerk, None, None, 10).unwrap().items.len(), 1);
}

#[test]
fn what_cannot_be_is_refused_at_its_field() {
    let office = Office::open();
    staffed(&office, "2026-02-03");
    let of = |new: NewSchedule| {
        let problem = refused(office.tx(|tx| app::schedules::create(tx, &office.caller, new)));
        pointers(&problem).join(" ")
    };
    let test = || nightly(ScheduledWork::BillTest);
    let pattern = |text: &str| NewSchedule { rule: Rule::Pattern(text.to_owned()), ..test() };
    assert_eq!(of(pattern("every night")), "/pattern");
    assert_eq!(of(pattern("0 2 30 2 *")), "/pattern", "it never comes");
    assert_eq!(of(NewSchedule { name: " ".to_owned(), ..test() }), "/name");
    assert_eq!(of(NewSchedule { cycle: Some(CycleId(99)), ..test() }), "/cycle_id");
    assert_eq!(of(NewSchedule { cycle: None, ..test() }), "/cycle_id");
    assert_eq!(of(NewSchedule { sites: vec![SiteId(1), SiteId(77)], ..test() }), "/site_ids/1");
    assert_eq!(of(counted(ScheduledWork::BillTest, WindowDay::EndsOn, 61)), "/relative/days");
    let whole = NewSchedule { sites: vec![SiteId(1)], ..nightly(ScheduledWork::OpenWindow) };
    assert_eq!(of(whole), "/site_ids");

    let row = make(&office, test());
    let off = ScheduleChanges { enabled: Some(false), ..ScheduleChanges::default() };
    let changed = office.app.change_schedule(&office.caller, row.id, 1, off.clone()).unwrap();
    assert_eq!((changed.next_at, changed.version), (None, 2));
    assert_eq!(refused(office.app.change_schedule(&office.caller, row.id, 1, off)).code, Code::EtagMismatch);
    noon(&office, "2026-02-09");
    assert_eq!(office.app.start_due_schedules().unwrap(), 0);
    office.app.delete_schedule(&office.caller, row.id).unwrap();
    assert_eq!(refused(office.app.schedule(&office.caller, row.id)).code, Code::NotFound);
}

#[test]
fn workers_look_for_what_is_due_while_they_work() {
    let town = metered();
    town.january();
    let office = &town.office;
    let schedule = make(office, nightly(ScheduledWork::BillTest));
    let workers = app::worker::Workers::start(&office.app, 2).unwrap();
    noon(office, "2026-02-04");
    let tested = "SELECT count(*) AS n FROM bill_runs WHERE state = 'tested'";
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while office.number(tested) == 0 && std::time::Instant::now() < patience {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    workers.stop();
    assert_eq!((office.number(tested), starts(office, schedule.id).len()), (1, 1));
}

#[test]
fn sites_are_tested_whatever_their_cycles() {
    let town = metered();
    let office = &town.office;
    office.execute(
        "INSERT INTO bill_cycles (id, code, name, version) VALUES (2, 'C2', 'Second', 1); \
         INSERT INTO cycle_windows (id, cycle_id, starts_on, ends_on, accounting_on, bill_on, state, version) VALUES \
           (70, 1, '2026-01-01', '2026-01-31', '2026-01-31', '2026-02-02', 'open', 1), \
           (80, 2, '2026-01-01', '2026-01-31', '2026-01-31', '2026-02-02', 'open', 1), \
           (81, 2, '2026-03-01', '2026-03-31', '2026-03-31', '2026-04-02', 'open', 1)",
    );
    let (second, south) = (town.customer("SP-3").account, town.customer("SP-4").account);
    office.execute(&format!("UPDATE accounts SET cycle_id = 2 WHERE account_id = {}", second.0));
    office.execute(&format!("UPDATE accounts SET site_id = 2 WHERE account_id = {}", south.0));
    let north = |work| NewSchedule { cycle: None, sites: vec![SiteId(1)], ..nightly(work) };
    let test = make(office, north(ScheduledWork::BillTest));
    noon(office, "2026-02-04");
    assert_eq!(office.app.start_due_schedules().unwrap(), 1);
    let start = starts(office, test.id).remove(0);
    assert_eq!((start.state, start.window_id), (StartState::Started, None));
    let accounts =
        |window| office.app.bill_runs(&office.caller, Some(WindowId(window)), None, 5).unwrap().items;
    let sizes = [70, 80, 81].map(|window| accounts(window).iter().map(|of| of.run.accounts).sum::<i64>());
    assert_eq!(sizes, [2, 1, 0], "the windows that have begun, without the south");
    // Where one cycle has nothing to do, the other is done all the same.
    office.app.work_until_idle().unwrap();
    let reads = "UPDATE run_items SET live = false WHERE window_id = 80; UPDATE bill_runs SET state = 'closed' WHERE window_id = 80";
    office.execute(reads);
    office.execute("UPDATE accounts SET state = 'closed' WHERE cycle_id = 2");
    noon(office, "2026-02-05");
    office.app.start_due_schedules().unwrap();
    let start = starts(office, test.id).remove(0);
    assert_eq!((start.state, start.results.as_array().unwrap().len()), (StartState::Started, 3));
}
