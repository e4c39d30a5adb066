//! The list of flags: filtered, sorted, page by page.

use crate::bills::{Town, town};
use rust_decimal::Decimal;
use store::flags::{FlagFilter, FlagOrder};
use time::macros::date;
use vocab::*;

/// Flags of these codes, severities and values on one contract.
fn flagged(town: &Town) -> (RunId, RegisterId) {
    let ana = town.customer("SP-1");
    let run = town.run(town.january());
    let rows = [
        ("read_held", "block", "96.5", Some(ana.register.n)),
        ("high_usage", "warn", "1100", Some(ana.register.n)),
        ("negative", "block", "-3", None),
        ("zero_usage", "warn", "0", None),
        ("missing_address", "block", "Ana 7", None),
        ("first_bill", "inform", "22.26", None),
    ];
    for (id, (code, severity, value, register)) in (1..).zip(rows) {
        let register = register.map_or("NULL".to_owned(), |n| n.to_string());
        town.office.execute(&format!(
            "INSERT INTO flags (account_id, id, run_id, test_id, site_id, contract_id, commodity, register_id, \
             code, severity, value, compared, disposition, version) VALUES ({}, {id}, {}, 1, 1, {}, \
             'electricity', {register}, '{code}', '{severity}', '{value}', '', 'open', 1)",
            ana.account.0, run.0, ana.contract.n
        ));
    }
    (run, ana.register)
}

#[test]
fn flags_are_filtered_by_value_and_site_and_sorted_page_by_page() {
    let town = town();
    let (run, register) = flagged(&town);
    let (app, caller) = (&town.office.app, &town.office.caller);
    let of_run = FlagFilter { run: Some(run), ..FlagFilter::default() };
    // Two at a time: every page goes on where the one before it ended.
    let sorted = |order, filter: &FlagFilter| {
        let (mut after, mut values) = (None, Vec::new());
        loop {
            let page = app.flags(caller, filter.clone(), order, after.as_ref(), 2).unwrap();
            values.extend(page.items.into_iter().map(|(row, _)| row.value));
            after = page.next;
            if after.is_none() {
                return values;
            }
        }
    };
    assert_eq!(sorted(FlagOrder::Account, &of_run), ["96.5", "1100", "-3", "0", "Ana 7", "22.26"]);
    assert_eq!(sorted(FlagOrder::Value, &of_run), ["-3", "0", "22.26", "96.5", "1100", "Ana 7"]);
    assert_eq!(sorted(FlagOrder::ValueDescending, &of_run), ["1100", "96.5", "22.26", "0", "-3", "Ana 7"]);
    assert_eq!(sorted(FlagOrder::Severity, &of_run), ["22.26", "1100", "0", "96.5", "-3", "Ana 7"]);
    assert_eq!(sorted(FlagOrder::SeverityDescending, &of_run), ["96.5", "-3", "Ana 7", "1100", "0", "22.26"]);
    let between = FlagFilter {
        value_from: Some(Decimal::ZERO),
        value_to: Some(Decimal::new(965, 1)),
        ..of_run.clone()
    };
    assert_eq!(sorted(FlagOrder::Account, &between), ["96.5", "0", "22.26"]);
    assert_eq!(sorted(FlagOrder::ValueDescending, &between), ["96.5", "22.26", "0"]);
    let held = FlagFilter { code: Some(FlagCode::ReadHeld), ..of_run.clone() };
    let (row, point) = app.flags(caller, held, FlagOrder::Account, None, 2).unwrap().items.remove(0);
    assert_eq!((row.register_id, point), (Some(register.n), Some(register.owner)));
    let at = |site| FlagFilter { sites: Some(vec![SiteId(site)]), ..of_run.clone() };
    assert_eq!(sorted(FlagOrder::Account, &at(1)).len(), 6);
    assert_eq!(sorted(FlagOrder::Account, &at(2)), Vec::<String>::new());
    let foreign = town.office.clerk_of(&[SiteId(2)]);
    let code = |filter, order| app.flags(&foreign, filter, order, None, 2).unwrap_err().problem().code;
    assert_eq!(code(FlagFilter { run: None, ..at(1) }, FlagOrder::Account), Code::NotFound);
    assert_eq!(code(FlagFilter::default(), FlagOrder::Value), Code::MalformedParameter);
}

#[test]
fn the_second_month_is_compared_with_the_first() {
    let town = town();
    let (ana, ben) = (town.customer("SP-1"), town.customer("SP-2"));
    for customer in [&ana, &ben] {
        town.read(customer.register, date!(2026 - 01 - 31), 1100);
    }
    let charge = |minor, reference: &str| {
        let new = app::charges::NewCharge {
            due_on: date!(2026 - 01 - 20),
            amount: Money::from_minor(minor),
            label: [(Language::english(), "Reconnection".to_owned())].into(),
            gl: None,
            client_reference: Some(reference.to_owned()),
        };
        town.office.tx(|tx| app::charges::enter(tx, &town.office.caller, ana.contract, new)).unwrap();
    };
    charge(25_00, "one");
    let (app, caller) = (&town.office.app, &town.office.caller);
    let flags = |run| {
        let filter = FlagFilter { run: Some(run), ..FlagFilter::default() };
        let page = app.flags(caller, filter, FlagOrder::Account, None, 50).unwrap();
        let new = [FlagCode::LargeChange, FlagCode::DuplicateCharge, FlagCode::InactiveUse];
        let found = page.items.into_iter().map(|(row, _)| row).filter(|row| new.contains(&row.code));
        found.map(|row| (row.account_id, row.code, row.value, row.compared)).collect::<Vec<_>>()
    };
    town.office.execute("UPDATE business_clock SET moved_to = '2026-02-05T12:00Z'");
    let january = town.run(town.january());
    let test = town.test(january);
    assert_eq!(flags(january), []);
    let accepted = town.accept(january, test);
    assert_eq!(accepted, crate::bills::items(&[(ItemState::Accepted, 2)]));

    // Ben leaves, and his meter goes on; Ana uses much more, and is charged the same again.
    town.office.execute("UPDATE business_clock SET moved_to = '2026-03-04T12:00Z'");
    let version = app.contract(caller, ben.contract).unwrap().version;
    app.stop_contract(caller, ben.contract, version, date!(2026 - 01 - 31), None).unwrap();
    town.read(ana.register, date!(2026 - 02 - 28), 2100);
    town.read(ben.register, date!(2026 - 02 - 28), 1130);
    charge(25_00, "two");
    let february = town.run(town.window(date!(2026 - 02 - 01), date!(2026 - 02 - 28)));
    let test = town.test(february);
    let expected = [
        // 47.00 for 30 days would be 43.87 for 28.
        (ana.account, FlagCode::LargeChange, "137.00".to_owned(), "43.87".to_owned()),
        (ana.account, FlagCode::DuplicateCharge, "25.00".to_owned(), "Reconnection".to_owned()),
        (ben.account, FlagCode::InactiveUse, "30".to_owned(), "2026-01-31".to_owned()),
    ];
    assert_eq!(flags(february), expected);
    // What is only compared makes nothing stale.
    let accepted = town.accept(february, test);
    assert_eq!(accepted[&ItemState::Accepted], 1, "{accepted:?}");
    // Somebody else moves in: the use is theirs.
    town.office.execute(&format!(
        "INSERT INTO service_point_contracts VALUES ({}, 1, 1, '2026-02-01', NULL)",
        ben.register.owner.0
    ));
    let again = town.test(february);
    assert_eq!(flags(february).iter().filter(|flag| flag.1 == FlagCode::InactiveUse).count(), 0);
    let _ = again;
}
