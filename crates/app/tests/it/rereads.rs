//! Orders to read again: placed, exported, done by what comes in, taken back.

use crate::exchange::{export_as, town, try_import};
use crate::load::{Place, admin, caller};
use access::SiteScope;
use app::exchange::{Asked, NewExport};
use app::reads::NewManualRead;
use app::rereads::{self, NewOrder, Ordered};
use app::runs::review::Review;
use store::reread_orders::RereadOrder;
use time::macros::date;
use vocab::{
    AccountId, Code, Decimal, Disposition, FlagId, ReadQuality, RegisterId, RereadState, Role,
    ServicePointId, SiteId,
};

fn number(place: &Place, query: &str) -> i64 {
    place.database.number(query).unwrap()
}

fn point(place: &Place, code: &str) -> ServicePointId {
    let query = format!("SELECT service_point_id AS n FROM service_points WHERE code = '{code}'");
    ServicePointId(number(place, &query))
}

fn register(place: &Place, code: &str) -> RegisterId {
    let at = point(place, code);
    let query = format!("SELECT id AS n FROM registers WHERE service_point_id = {}", at.0);
    RegisterId::new(at, number(place, &query))
}

fn wanted(point: ServicePointId, register: Option<RegisterId>) -> NewOrder {
    NewOrder { point, register, reason: "four times as much as last month".to_owned(), flag: None }
}

fn order(place: &Place, new: Vec<NewOrder>) -> Vec<Ordered> {
    place.app.db().tx(|tx| rereads::order(tx, &admin(), new)).unwrap()
}

fn orders(place: &Place, state: Option<RereadState>) -> Vec<RereadOrder> {
    place.app.reread_orders(&admin(), None, state, None, 10).unwrap().items
}

#[test]
fn an_order_is_exported_alone_and_done_by_the_read_that_comes_in() {
    let place = town(4);
    let placed = order(
        &place,
        vec![
            wanted(point(&place, "W-1"), Some(register(&place, "W-1"))),
            wanted(point(&place, "W-2"), None),
            wanted(point(&place, "W-3"), None),
        ],
    );
    assert!(placed.iter().all(Result::is_ok), "{placed:?}");
    let only = NewExport { only_rereads: true, ..NewExport::default() };
    let (row, _, file) = export_as(&place, only.clone()).unwrap();
    assert_eq!((row.rows, row.only_rereads), (3, true));
    assert!(file.contains(",W-1,M-1,1,") && !file.contains(",W-0,"), "{file}");

    // An estimate is no reread; what is read off the meter is, held or not.
    let file = "service_point,meter_serial,register,read_on,value,quality\n\
                W-0,M-0,1,2026-02-28,114,\n\
                W-1,M-1,1,2026-02-28,114,\n\
                W-2,M-2,1,2026-02-28,90,\n\
                W-3,M-3,1,2026-02-28,114,estimated\n";
    try_import(&place, &admin(), file.as_bytes(), &Asked::Nothing).unwrap();
    let done = orders(&place, Some(RereadState::Done));
    let points: Vec<ServicePointId> = done.iter().map(|row| row.service_point_id).collect();
    assert_eq!(points, [point(&place, "W-1"), point(&place, "W-2")]);
    let read = done[0].read_id.unwrap();
    assert_eq!(place.count(&format!("reads WHERE id = {read} AND value = 114 AND import_id IS NOT NULL")), 1);
    assert!(done.iter().all(|row| row.done_at.is_some()));
    let (row, _, _) = export_as(&place, only).unwrap();
    assert_eq!(row.rows, 1);
    // Done, a register may be ordered again.
    assert!(order(&place, vec![wanted(point(&place, "W-1"), None)])[0].is_ok());
}

#[test]
fn what_says_the_same_again_does_an_order_too() {
    let place = town(3);
    let enter = |code: &str| {
        let read = NewManualRead {
            register: register(&place, code),
            serial: None,
            read_on: Some(date!(2026 - 02 - 28)),
            value: Decimal::from(114),
            quality: ReadQuality::Actual,
            trouble: None,
        };
        place.app.db().tx(|tx| app::reads::enter(tx, &admin(), &read)).map(|entered| entered.read.read_id())
    };
    let ids = ["W-0", "W-1", "W-2"].map(|code| enter(code).unwrap());
    assert_eq!(enter("W-0").unwrap_err().problem().code, Code::DuplicateRead);
    order(&place, ["W-0", "W-1", "W-2"].map(|code| wanted(point(&place, code), None)).to_vec());
    assert_eq!(enter("W-0").unwrap(), ids[0]);
    assert_eq!(enter("W-0").unwrap_err().problem().code, Code::DuplicateRead);
    let file = "service_point,meter_serial,register,read_on,value,quality\n\
                W-1,M-1,1,2026-02-28,114,\n\
                W-2,M-2,1,2026-02-28,114,estimated\n";
    try_import(&place, &admin(), file.as_bytes(), &Asked::Nothing).unwrap();
    let done = orders(&place, Some(RereadState::Done));
    assert_eq!(done.iter().map(|row| row.read_id).collect::<Vec<_>>(), [Some(ids[0].n), Some(ids[1].n)]);
    assert_eq!(place.count("reads WHERE read_on = '2026-02-28'"), 3);
}

#[test]
fn a_vacant_service_point_is_exported_where_it_is_ordered_to_be_read_again() {
    let place = town(3);
    let vacant = point(&place, "W-1");
    place
        .database
        .execute(&format!(
            "UPDATE contracts SET ends_on = '2026-01-31', state = 'closed' WHERE service_point_id = {}",
            vacant.0
        ))
        .unwrap();
    order(&place, vec![wanted(vacant, None), wanted(point(&place, "W-2"), None)]);
    let only = NewExport { only_rereads: true, ..NewExport::default() };
    let (row, _, file) = export_as(&place, only.clone()).unwrap();
    assert_eq!(row.rows, 2);
    let line = file.lines().nth(1).unwrap();
    assert!(line.starts_with(",W-1,M-1,1,"), "{file}");
    assert_eq!(export_as(&place, NewExport::default()).unwrap().0.rows, 2);
    // Filled in, it does the order.
    let filled = line.strip_suffix(",,,").unwrap();
    let file = format!("{}\r\n{filled},2026-02-28,107,\r\n", file.lines().next().unwrap());
    try_import(&place, &admin(), file.as_bytes(), &Asked::Nothing).unwrap();
    assert_eq!(orders(&place, Some(RereadState::Done))[0].service_point_id, vacant);
    // Whoever is served in another cycle is not vacant.
    order(&place, vec![wanted(vacant, None)]);
    place
        .database
        .execute(
            "UPDATE contracts SET ends_on = NULL, state = 'active'; UPDATE accounts SET cycle_id = 1 \
             WHERE account_id = (SELECT account_id FROM contracts JOIN service_points p USING (service_point_id) \
             WHERE p.code = 'W-1')",
        )
        .unwrap();
    assert_eq!(export_as(&place, only).unwrap().0.rows, 1);
}

#[test]
fn orders_are_placed_each_by_itself() {
    let place = town(2);
    let (one, other) = (point(&place, "W-0"), point(&place, "W-1"));
    let found = order(
        &place,
        vec![
            wanted(one, None),
            wanted(one, None),
            wanted(ServicePointId(404), None),
            wanted(other, Some(register(&place, "W-0"))),
            NewOrder { reason: " ".to_owned(), ..wanted(other, None) },
            wanted(one, Some(register(&place, "W-0"))),
        ],
    );
    let seen: Vec<(&str, Option<Code>)> = found
        .iter()
        .map(|item| match item {
            Ok(_) => ("", None),
            Err(error) => (error.pointer.as_str(), Some(error.code)),
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("", None),
            ("/items/1", Some(Code::AlreadyExists)),
            ("/items/2/service_point_id", Some(Code::UnknownReference)),
            ("/items/3/register_id", Some(Code::UnknownReference)),
            ("/items/4/reason", Some(Code::FieldRange)),
            ("", None),
        ]
    );
    let none: app::Result<_> = place.app.db().tx(|tx| rereads::order(tx, &admin(), Vec::new()));
    assert_eq!(none.unwrap_err().problem().errors[0].pointer, "/items");

    let id = found[0].as_ref().unwrap().order_id();
    let cancel = |reason: &str| place.app.db().tx(|tx| rereads::cancel(tx, &admin(), id, reason.to_owned()));
    assert_eq!(cancel("").unwrap_err().problem().errors[0].pointer, "/reason");
    let cancelled = cancel("the customer sent a photo").unwrap();
    assert_eq!(cancelled.state, RereadState::Cancelled);
    assert_eq!(cancelled.cancelled_reason.as_deref(), Some("the customer sent a photo"));
    assert_eq!(cancel("again").unwrap_err().problem().code, Code::WrongState);
    assert_eq!(place.count("audit_entries WHERE action IN ('reread.order', 'reread.cancel')"), 2);

    let mut clerk = caller(Role::Clerk);
    clerk.principal.sites = SiteScope::Only([SiteId(2)].into_iter().collect());
    assert_eq!(place.app.reread_orders(&clerk, None, None, None, 10).unwrap().items, []);
    assert_eq!(place.app.reread_order(&clerk, id).unwrap_err().problem().code, Code::NotFound);
    let foreign = place.app.db().tx(|tx| rereads::order(tx, &clerk, vec![wanted(other, None)])).unwrap();
    assert_eq!(foreign[0].as_ref().unwrap_err().code, Code::UnknownReference);
}

#[test]
fn a_review_orders_what_its_flags_are_about() {
    let place = town(2);
    let query = "SELECT account_id AS n FROM contracts WHERE service_point_id = ";
    let account = |code: &str| AccountId(number(&place, &format!("{query}{}", point(&place, code).0)));
    let registered = register(&place, "W-0");
    for (id, code, register) in [(1, "W-0", Some(registered.n)), (2, "W-1", None)] {
        let register = register.map_or("NULL".to_owned(), |register: i64| register.to_string());
        let insert = format!(
            "INSERT INTO flags (account_id, id, run_id, test_id, site_id, contract_id, register_id, code, severity, \
             value, compared, disposition, version) \
             SELECT account_id, {id}, 1, 1, 1, id, {register}, 'high_usage', 'warn', '400', '100', 'open', 1 \
             FROM contracts WHERE service_point_id = {}",
            point(&place, code).0
        );
        place.database.execute(&insert).unwrap();
    }
    let whole = format!(
        "INSERT INTO flags (account_id, id, run_id, test_id, site_id, code, severity, value, compared, disposition, \
         version) VALUES ({}, 3, 1, 1, 1, 'high_usage', 'warn', '400', '100', 'open', 1)",
        account("W-0").0
    );
    place.database.execute(&whole).unwrap();
    let flags =
        vec![FlagId::new(account("W-0"), 1), FlagId::new(account("W-1"), 2), FlagId::new(account("W-0"), 3)];
    let decide = |disposition| {
        let wanted = Review {
            flags: flags.clone(),
            matching: None,
            disposition: Some(disposition),
            assignee: None,
            reason: Some("look again".to_owned()),
        };
        place.app.db().tx(|tx| rereads::review(tx, &admin(), wanted)).unwrap()
    };
    decide(Disposition::Held);
    assert_eq!(orders(&place, None), []);
    for _ in 0..2 {
        let reviewed = decide(Disposition::RereadOrdered);
        let refused: Vec<Option<Code>> =
            reviewed.iter().map(|of| of.refused.as_ref().map(|(code, _)| *code)).collect();
        assert_eq!(refused, [None, None, Some(Code::NoRegister)]);
        assert_eq!(place.count("flags WHERE id = 3 AND disposition = 'held'"), 1);
        let found = orders(&place, None);
        let registers: Vec<Option<i64>> = found.iter().map(|row| row.register_id).collect();
        assert_eq!(registers, [Some(registered.n), None]);
        assert_eq!((found[0].flag_account_id, found[0].flag_id), (Some(account("W-0")), Some(1)));
        assert_eq!(found[1].reason, "look again");
    }
    // Where no meter with dials is left, the flag stays as it is and the answer says so.
    place.database.execute("DELETE FROM reread_orders; UPDATE flags SET disposition = 'open'").unwrap();
    place.database.execute("UPDATE registers SET kind = 'interval'").unwrap();
    let reviewed = decide(Disposition::RereadOrdered);
    assert!(reviewed.iter().all(|of| of.refused.as_ref().unwrap().0 == Code::NoRegister), "{reviewed:?}");
    assert_eq!((orders(&place, None).len(), place.count("flags WHERE disposition = 'open'")), (0, 3));
}
