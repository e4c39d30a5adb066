//! Windows of one cycle never overlap; they open, and close with a reason.

use crate::office::{Office, refused};
use app::windows::{MonthlyRule, WindowDates};
use store::windows::WindowFilter;
use time::Date;
use time::macros::date;
use vocab::*;

fn dates(starts_on: Date, ends_on: Date) -> WindowDates {
    WindowDates { starts_on, ends_on, accounting_on: ends_on, bill_on: ends_on, estimate_on: None }
}

#[test]
fn a_year_of_windows_is_planned_whole_or_not_at_all() {
    let office = Office::open();
    let cycle = CycleId(1);
    let june = dates(date!(2026 - 06 - 15), date!(2026 - 06 - 20));
    let planned = office.tx(|tx| app::windows::plan(tx, &office.caller, cycle, june)).unwrap();
    let rule = MonthlyRule {
        first_on: date!(2026 - 01 - 01),
        months: 12,
        bill_days_after: 1,
        estimate_days_after: None,
    };
    let generate =
        |rule: MonthlyRule| office.tx(|tx| app::windows::generate(tx, &office.caller, cycle, rule));
    let problem = refused(generate(rule));
    assert_eq!(problem.code, Code::WindowOverlap);
    assert_eq!(problem.params, [("window", planned.id.to_string())]);
    let all = || office.app.windows(&WindowFilter::default(), None, 50).unwrap().items;
    assert_eq!(all().len(), 1);

    let next = generate(MonthlyRule { first_on: date!(2027 - 01 - 01), ..rule }).unwrap();
    assert_eq!(next.len(), 12);
    assert_eq!(next[1].starts_on, date!(2027 - 02 - 01));
    assert_eq!(next[1].ends_on, date!(2027 - 02 - 28));
    assert_eq!(next[1].bill_on, date!(2027 - 03 - 01));
    let filter = WindowFilter { ends_from: Some(date!(2027 - 11 - 30)), ..Default::default() };
    let page = office.app.windows(&filter, None, 1).unwrap();
    assert_eq!(page.items[0].starts_on, date!(2027 - 11 - 01));
    let page = office.app.windows(&filter, page.next.as_ref(), 1).unwrap();
    assert_eq!(page.items[0].starts_on, date!(2027 - 12 - 01));
    assert!(page.next.is_none());
}

#[test]
fn two_plans_at_once_leave_one_window() {
    let office = Office::open();
    let january = dates(date!(2026 - 01 - 01), date!(2026 - 01 - 31));
    let plan = || office.tx(|tx| app::windows::plan(tx, &office.caller, CycleId(1), january));
    let outcomes = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(plan)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
}

#[test]
fn a_window_goes_its_way() {
    let office = Office::open();
    let january = dates(date!(2026 - 01 - 01), date!(2026 - 01 - 31));
    let (app, caller) = (&office.app, &office.caller);
    let window = office.tx(|tx| app::windows::plan(tx, caller, CycleId(1), january)).unwrap();
    let closing = "All billed.";
    let problem = refused(app.close_window(caller, window.id, 1, closing));
    assert_eq!((problem.code, problem.params), (Code::WrongState, vec![("state", "planned".to_owned())]));
    let later = dates(date!(2026 - 01 - 02), date!(2026 - 01 - 31));
    assert_eq!(app.reschedule_window(caller, window.id, 1, later).unwrap().starts_on, later.starts_on);
    assert_eq!(refused(app.open_window(caller, window.id, 1)).code, Code::EtagMismatch);
    assert_eq!(app.open_window(caller, window.id, 2).unwrap().state, WindowState::Open);
    assert_eq!(refused(app.reschedule_window(caller, window.id, 3, january)).code, Code::WrongState);
    assert_eq!(refused(app.close_window(caller, window.id, 3, " ")).code, Code::Invalid);
    let closed = app.close_window(caller, window.id, 3, closing).unwrap().window;
    assert_eq!((closed.state, closed.closed_reason), (WindowState::Closed, Some(closing.to_owned())));
    assert_eq!(refused(app.open_window(caller, window.id, 4)).code, Code::WrongState);
}
