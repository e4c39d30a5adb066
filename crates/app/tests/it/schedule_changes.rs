//! What has changed since a schedule was made, or since its last start: sites, windows, a run that failed.

use crate::office::refused;
use crate::schedules::{counted, make, metered, next_at, nightly, noon, starts};
use app::operations::Control;
use app::schedules::{NewSchedule, ScheduleChanges};
use time::macros::{date, datetime};
use vocab::*;

/// Kinds of what a start made, with their ids.
fn made(start: &store::schedules::Start) -> Vec<(String, String)> {
    let links = start.results.as_array().unwrap().iter();
    let text = |link: &serde_json::Value, key| link[key].as_str().unwrap().to_owned();
    links.map(|link| (text(link, "kind"), text(link, "id"))).collect()
}

#[test]
fn a_schedule_goes_on_with_the_sites_that_its_maker_has_left() {
    let town = metered();
    let window = town.january();
    let office = &town.office;
    let south = town.customer("SP-3").account;
    office.execute(&format!("UPDATE accounts SET site_id = 2 WHERE account_id = {}", south.0));
    let both = |work| NewSchedule { sites: vec![SiteId(1), SiteId(2)], ..nightly(work) };
    let test = make(office, both(ScheduledWork::BillTest));
    let payments = make(office, both(ScheduledWork::PaymentRun));
    noon(office, "2026-02-04");
    office.app.start_due_schedules().unwrap();
    office.app.work_until_idle().unwrap();
    let runs = || office.app.bill_runs(&office.caller, Some(window), None, 10).unwrap().items;
    assert_eq!(runs()[0].run.accounts, 3);
    let first = runs()[0].run.id;

    office.execute("UPDATE users SET all_sites = false, site_ids = '{1}'");
    noon(office, "2026-02-05");
    office.app.start_due_schedules().unwrap();
    office.app.work_until_idle().unwrap();
    let start = starts(office, test.id).remove(0);
    assert_eq!((start.state, start.code.as_deref()), (StartState::Started, None));
    // The run of both sites is given up, and one of the site that is left takes its place.
    let runs = runs();
    assert_eq!((runs[0].run.state, runs[0].run.accounts), (RunState::Tested, 2));
    assert_eq!((runs[1].run.id, runs[1].run.state), (first, RunState::Cancelled));
    let links = made(&start);
    assert!(links.contains(&("bill_run_given_up".to_owned(), first.to_string())), "{links:?}");
    assert!(links.contains(&("site_left_out".to_owned(), SiteId(2).to_string())), "{links:?}");
    assert_eq!(starts(office, payments.id)[0].code.as_deref(), Some("empty_scope"), "no draw is due");

    // Where none is left nothing starts.
    office.execute("UPDATE users SET site_ids = '{3}'");
    noon(office, "2026-02-06");
    office.app.start_due_schedules().unwrap();
    let start = starts(office, test.id).remove(0);
    assert_eq!((start.state, start.code.as_deref()), (StartState::Refused, Some("forbidden")));
    assert_eq!(starts(office, payments.id)[0].code.as_deref(), Some("forbidden"));
}

#[test]
fn an_own_run_that_failed_is_given_up_and_its_accounts_are_tried_again() {
    let town = metered();
    let window = town.january();
    let office = &town.office;
    let test = make(office, nightly(ScheduledWork::BillTest));
    noon(office, "2026-02-04");
    office.app.start_due_schedules().unwrap();
    office.execute("UPDATE chunks SET attempts = 5; UPDATE run_tests SET id = -id");
    office.app.work_until_idle().unwrap();
    let runs = || office.app.bill_runs(&office.caller, Some(window), None, 10).unwrap().items;
    assert_eq!(runs()[0].run.state, RunState::Failed);
    office.execute("UPDATE run_tests SET id = -id");
    noon(office, "2026-02-05");
    office.app.start_due_schedules().unwrap();
    office.app.work_until_idle().unwrap();
    let start = starts(office, test.id).remove(0);
    assert_eq!((start.state, start.code.as_deref()), (StartState::Started, None));
    let states: Vec<_> = runs().iter().map(|of| (of.run.state, of.run.accounts)).collect();
    assert_eq!(states, [(RunState::Tested, 2), (RunState::Cancelled, 2)]);
    // One of a person that failed stays theirs.
    let cancel = |run| office.tx(|tx| app::runs::control(tx, &office.caller, run, Control::Cancel));
    cancel(runs()[0].run.id).unwrap();
    let persons = town.run(window);
    office.execute(&format!("UPDATE bill_runs SET state = 'failed' WHERE id = {}", persons.0));
    noon(office, "2026-02-06");
    office.app.start_due_schedules().unwrap();
    assert_eq!(starts(office, test.id)[0].code.as_deref(), Some("runs_overlap"));
}

#[test]
fn a_start_of_a_closed_window_is_skipped_with_the_reason() {
    let town = metered();
    let january = town.january();
    let february = town.window(date!(2026 - 02 - 01), date!(2026 - 02 - 28));
    let office = &town.office;
    let test = make(office, counted(ScheduledWork::BillTest, WindowDay::EndsOn, 7));
    assert_eq!(next_at(office, test.id), Some(datetime!(2026-02-07 06:00 UTC)));
    let close = |window| {
        let version = office.app.window(window).unwrap().version;
        office.app.close_window(&office.caller, window, version, "moved elsewhere").unwrap();
    };
    // Closed before it is due: the next start is that of the next window.
    close(january);
    assert_eq!(next_at(office, test.id), Some(datetime!(2026-03-07 06:00 UTC)));
    // Closed when it was due already: it is noted.
    noon(office, "2026-03-08");
    close(february);
    assert_eq!(office.app.start_due_schedules().unwrap(), 0);
    let start = starts(office, test.id).remove(0);
    assert_eq!((start.state, start.window_id), (StartState::Skipped, Some(february)));
    assert_eq!((start.due_at, start.code.as_deref()), (datetime!(2026-03-07 06:00 UTC), Some("wrong_state")));
    assert_eq!(start.detail.as_deref(), Some("the window had been closed before"));
    assert_eq!((next_at(office, test.id), starts(office, test.id).len()), (None, 1));
    // A schedule that is off stays off.
    let off = ScheduleChanges { enabled: Some(false), ..ScheduleChanges::default() };
    office.app.change_schedule(&office.caller, test.id, test.version, off).unwrap();
    close(town.window(date!(2026 - 03 - 01), date!(2026 - 03 - 31)));
    assert_eq!(next_at(office, test.id), None);
    let gone = office.app.close_window(&office.caller, WindowId(999), 1, "no such thing");
    assert_eq!(refused(gone).code, Code::NotFound);
}
