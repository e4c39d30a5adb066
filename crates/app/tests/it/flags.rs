//! The list of flags: filtered, sorted, page by page.

use crate::bills::{Town, town};
use rust_decimal::Decimal;
use store::flags::{FlagFilter, FlagOrder};
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
