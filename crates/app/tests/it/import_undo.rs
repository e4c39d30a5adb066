//! Imports that are undone: what they replaced is back, what stands on them is said or goes with them.

use crate::exchange::{town, try_import};
use crate::load::{Place, admin, caller};
use access::SiteScope;
use app::exchange::{Asked, undo};
use app::interval_gaps::{Filling, fill};
use app::rereads::{NewOrder, order};
use app::{Caller, Error};
use serde_json::Value;
use store::exchange::Import;
use time::macros::date;
use vocab::{Code, Problem, RegisterId, Role, ServicePointId, SiteId};

fn number(place: &Place, query: &str) -> i64 {
    place.database.number(query).unwrap()
}

/// A town of one whose only register gives interval data.
fn metered() -> (Place, RegisterId) {
    let place = town(1);
    place.database.execute("UPDATE registers SET kind = 'interval', unit = 'kwh'").unwrap();
    let point = ServicePointId(number(&place, "SELECT service_point_id AS n FROM registers"));
    let register = RegisterId::new(point, number(&place, "SELECT id AS n FROM registers"));
    (place, register)
}

/// Days, each with its first so many hours and what every one of them used.
fn days(days: &[(u8, u8, &str)]) -> String {
    let mut text = "Flow_Unit,Flow,Flow_Time,Meter_SN,Location_ID\n".to_owned();
    for (day, hours, used) in days {
        let rows = (0..*hours).map(|hour| format!("kWh,{used},2026-02-{day} {hour:02}:59,M-0,W-0\n"));
        text.extend(rows);
    }
    text
}

fn take(place: &Place, file: &str) -> Import {
    let import = try_import(place, &admin(), file.as_bytes(), &Asked::Nothing).unwrap();
    let report = place.app.reading_import_report(&admin(), import.id).unwrap();
    assert_eq!(report.counts.rejected.count, 0, "{report:?}");
    assert!(report.counts.accepted > 0, "{report:?}");
    import
}

/// The result of the work, or the refusal.
fn undone(place: &Place, caller: &Caller, import: &Import) -> Result<Value, Problem> {
    let filed = place.app.db().tx(|tx| undo(tx, caller, import.id, "another meter's".to_owned()));
    assert!(!matches!(filed, Err(Error::Store(_))), "{filed:?}");
    let operation = filed.map_err(|error: Error| error.problem())?;
    place.app.work_until_idle().unwrap();
    let operation = place.app.operation(&admin(), operation.id).unwrap().operation;
    assert_eq!(operation.error, None);
    Ok(operation.result.unwrap())
}

fn state(problem: &Problem) -> &str {
    problem.params.iter().find(|(name, _)| *name == "state").map_or("", |(_, value)| value)
}

#[test]
fn interval_data_of_an_import_go_and_what_they_replaced_is_back() {
    let (place, _) = metered();
    let first = take(&place, &days(&[(10, 24, "1"), (11, 24, "1")]));
    let second = take(&place, &days(&[(11, 24, "2"), (12, 24, "2")]));
    let report = place.app.reading_import_report(&admin(), second.id).unwrap();
    let span = (report.counts.first_day, report.counts.last_day);
    assert_eq!(span, (Some(date!(2026 - 02 - 11)), Some(date!(2026 - 02 - 12))));

    let problem = undone(&place, &admin(), &first).unwrap_err();
    assert_eq!((problem.code, state(&problem)), (Code::WrongState, "built_on"));
    let told = format!("{} stand on days of this import, such as 2026-02-11; undo {0} first", second.id);
    assert!(problem.detail.contains(&told), "{}", problem.detail);
    assert_eq!(undone(&place, &admin(), &second).unwrap()["undone"], true);
    assert_eq!(place.count("interval_days WHERE total = 24"), 2);
    assert_eq!(place.count("interval_days"), 2);
    assert_eq!(undone(&place, &admin(), &first).unwrap()["undone"], true);
    assert_eq!((place.count("interval_days"), place.count("interval_days_past")), (0, 4));
}

#[test]
fn gaps_that_were_filled_on_an_import_go_with_it() {
    let (place, register) = metered();
    let before = take(&place, &days(&[(10, 24, "1"), (12, 24, "1")]));
    let part = take(&place, &days(&[(11, 20, "2")]));
    let fill = |on| {
        let reason = "the bill is due".to_owned();
        let asked = Filling { register, first_on: on, last_on: on, reason, dry_run: false };
        place.app.db().tx(|tx| fill(tx, &admin(), &asked)).unwrap()
    };
    let filled = fill(date!(2026 - 02 - 11));
    assert_eq!((filled.len(), filled[0].filled, filled[0].missing), (1, 4, 0));
    // The part is not on the day any more, and neither is the day of before: nothing stands on that.
    let result = undone(&place, &admin(), &part).unwrap();
    assert_eq!(result["undone"], true, "{result}");
    assert_eq!(place.count("interval_days WHERE day = '2026-02-11'"), 0);
    assert_eq!(place.count("interval_days"), 2);
    let noted = "audit_entries WHERE action = 'reading.import_undone' AND after->>'filled_days' = '1'";
    assert_eq!(place.count(noted), 1);

    // A later import that stands on a filled day is named, however the day was filled after it.
    let part = take(&place, &days(&[(11, 20, "2")]));
    fill(date!(2026 - 02 - 11));
    let later = take(&place, &days(&[(11, 10, "3")]));
    let problem = undone(&place, &admin(), &part).unwrap_err();
    assert!(problem.detail.contains(&later.id.to_string()), "{}", problem.detail);
    assert_eq!(undone(&place, &admin(), &later).unwrap()["undone"], true);
    assert_eq!(place.count("interval_days WHERE import_id IS NULL AND estimated = 4"), 1);
    assert_eq!(undone(&place, &admin(), &part).unwrap()["undone"], true);
    assert_eq!(undone(&place, &admin(), &before).unwrap()["undone"], true);
    assert_eq!(place.count("interval_days"), 0);
}

#[test]
fn a_filled_day_that_is_billed_keeps_its_import() {
    let (place, register) = metered();
    take(&place, &days(&[(10, 24, "1"), (12, 24, "1")]));
    let part = take(&place, &days(&[(11, 20, "2")]));
    let on = date!(2026 - 02 - 11);
    let asked = Filling { register, first_on: on, last_on: on, reason: "late".to_owned(), dry_run: false };
    place.app.db().tx(|tx| fill(tx, &admin(), &asked)).unwrap();
    place.database.execute("UPDATE contracts SET billed_through_on = '2026-02-11'").unwrap();
    assert_eq!(undone(&place, &admin(), &part).unwrap_err().code, Code::ReadBilled);
}

const HEADER: &str = "service_point,meter_serial,register,read_on,value,quality";

#[test]
fn what_the_short_look_passes_over_the_work_refuses() {
    let place = town(2);
    let file = format!("{HEADER}\nW-0,M-0,1,2026-02-28,114,\nW-1,M-1,1,2026-02-28,114,\n");
    let import = take(&place, &file);
    let filed = place.app.db().tx(|tx| undo(tx, &admin(), import.id, "wrong route".to_owned()));
    let filed: Result<_, Error> = filed;
    let billed = "UPDATE contracts SET billed_through_on = '2026-02-28'";
    place.database.execute(billed).unwrap();
    place.app.work_until_idle().unwrap();
    let result = place.app.operation(&admin(), filed.unwrap().id).unwrap().operation.result.unwrap();
    assert_eq!(result["undone"], false);
    assert!(result["refused"].as_str().unwrap().contains("billed through 2026-02-28"), "{result}");
    assert_eq!(undone(&place, &admin(), &import).unwrap_err().code, Code::ReadBilled);
}

#[test]
fn orders_to_read_again_that_an_import_did_are_open_again() {
    let place = town(3);
    let point = |code: &str| {
        let query = format!("SELECT service_point_id AS n FROM service_points WHERE code = '{code}'");
        ServicePointId(number(&place, &query))
    };
    let wanted =
        |code: &str| NewOrder { point: point(code), register: None, reason: "high".to_owned(), flag: None };
    let place_order = |code: &str| {
        let placed = place.app.db().tx(|tx| order(tx, &admin(), vec![wanted(code)])).unwrap();
        assert!(placed[0].is_ok(), "{placed:?}");
    };
    ["W-0", "W-1", "W-2"].into_iter().for_each(place_order);
    let row = |n: u8, on: u8| format!("W-{n},M-{n},1,2026-02-{on},114,\n");
    let import = take(&place, &format!("{HEADER}\n{}{}{}", row(0, 27), row(1, 27), row(2, 27)));
    assert_eq!(place.count("reread_orders WHERE state = 'done'"), 3);
    // One has been ordered anew, and one has another read since.
    place_order("W-1");
    take(&place, &format!("{HEADER}\n{}", row(2, 28)));
    assert_eq!(undone(&place, &admin(), &import).unwrap()["undone"], true);
    let open =
        |code: &str| format!("reread_orders WHERE state = 'open' AND service_point_id = {}", point(code).0);
    assert_eq!(["W-0", "W-1", "W-2"].map(|code| place.count(&open(code))), [1, 1, 0]);
    let by_another = "reread_orders o JOIN reads r ON r.service_point_id = o.service_point_id AND r.id = o.read_id \
                      WHERE o.state = 'done' AND r.read_on = '2026-02-28'";
    assert_eq!(place.count(by_another), 1);
}

#[test]
fn an_import_that_reaches_beyond_a_callers_sites_is_not_theirs_to_undo() {
    let place = town(2);
    let east = number(&place, "SELECT id AS n FROM sites WHERE code = 'EAST'");
    let clerk_of = |sites: SiteScope| {
        let mut clerk = caller(Role::Clerk);
        clerk.principal.sites = sites;
        clerk
    };
    let file = format!("{HEADER}\nW-0,M-0,1,2026-02-28,114,\nW-1,M-1,1,2026-02-28,114,\n");
    let import = try_import(&place, &clerk_of(SiteScope::All), file.as_bytes(), &Asked::Nothing).unwrap();
    // The clerk's own, from before they were narrowed.
    let narrowed = |site: i64| clerk_of(SiteScope::Only([SiteId(site)].into_iter().collect()));
    let problem = undone(&place, &narrowed(east + 1_000), &import).unwrap_err();
    assert_eq!((problem.code, state(&problem)), (Code::WrongState, "other_sites"));
    assert_eq!(undone(&place, &narrowed(east), &import).unwrap()["undone"], true);
    assert_eq!(place.count("reads WHERE import_id IS NOT NULL AND status = 'valid'"), 0);
}
