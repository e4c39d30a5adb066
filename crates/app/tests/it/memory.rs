//! Rates that look back at earlier bills: an average with its default, and the year's minimum.

use crate::bills::town;
use crate::office::refused;
use serde_json::json;
use std::collections::BTreeMap;
use time::macros::date;
use vocab::*;

#[test]
fn the_next_bill_remembers_what_the_last_one_measured() {
    let town = town();
    let average = json!({"unit": "kwh", "kind": "level", "name": "usual"});
    let tariff = json!({ "effective_on": "2026-01-01",
        "quantities": [{ "name": "usual", "unit": "kwh",
            "from": { "method": "average", "quantity": { "unit": "kwh" }, "months": (1..=12).collect::<Vec<_>>(),
                      "default": "40" } }],
        "rules": [
            { "id": "usual", "label": { "en": "Usual use" }, "charge": { "kind": "unit", "quantity": average,
              "price": "0.50" }, "proration": { "basis": "never" } },
            { "id": "least", "label": { "en": "Least of the year" }, "charge": { "kind": "minimum",
              "amount": "365.00", "of": "all", "settled": { "every": "year", "month": 2 } } } ] });
    town.office.add_version(town.schedule, tariff).unwrap();
    let customer = town.customer("memory");
    town.read(customer.register, date!(2026 - 01 - 31), 1100);
    let billed = |window, expected: i64| {
        let run = town.run(window);
        let test = town.test(run);
        assert_eq!(town.accept(run, test), BTreeMap::from([(ItemState::Accepted, 1)]));
        let latest = "SELECT total_minor AS n FROM segments ORDER BY first_on DESC LIMIT 1";
        assert_eq!(town.office.number(latest), expected);
    };
    // Nothing is remembered yet: 40 kWh at 0.50.
    billed(town.january(), 20_00);
    town.office.execute("UPDATE business_clock SET moved_to = '2026-03-02T12:00Z'");
    town.read(customer.register, date!(2026 - 02 - 28), 1130);
    // 100 kWh of January at 0.50 are 50.00; the year's least, for 58 of 365 days, is 58.00, of which
    // 20.00 and 50.00 are charged already: nothing is missing.
    billed(town.window(date!(2026 - 02 - 01), date!(2026 - 02 - 28)), 50_00);
}

#[test]
fn a_bank_outlives_its_season_and_forbids_an_end_without_settlement() {
    let town = town();
    // Every kWh earns 0.50; the base of 10.00 takes what it can off. The rule holds in January only.
    let tariff = json!({ "effective_on": "2026-01-01",
        "calendar": { "seasons": [{ "id": "winter", "spans": [{ "from": "01-01", "to": "01-31" }] }] },
        "rules": [
            { "id": "base", "label": { "en": "Base" }, "charge": { "kind": "flat", "amount": "10.00" },
              "proration": { "basis": "never" } },
            { "id": "sun", "label": { "en": "Sun" }, "season": "winter", "charge": { "kind": "credit", "bank": "sun",
              "earned": [{ "quantity": { "unit": "kwh" }, "price": "0.50" }], "of": ["base"] } } ] });
    town.office.add_version(town.schedule, tariff).unwrap();
    let customer = town.customer("bank");
    town.read(customer.register, date!(2026 - 01 - 31), 1100);
    let bill = |window| {
        let run = town.run(window);
        let test = town.test(run);
        assert_eq!(town.accept(run, test), BTreeMap::from([(ItemState::Accepted, 1)]));
        town.office.number("SELECT total_minor AS n FROM segments ORDER BY first_on DESC LIMIT 1")
    };
    assert_eq!(bill(town.january()), 0, "50.00 earned, 10.00 of it used");
    town.office.execute("UPDATE business_clock SET moved_to = '2026-03-02T12:00Z'");
    town.read(customer.register, date!(2026 - 02 - 28), 1130);
    assert_eq!(bill(town.window(date!(2026 - 02 - 01), date!(2026 - 02 - 28))), 10_00, "out of season");
    let (app, caller) = (&town.office.app, &town.office.caller);
    let contract =
        ContractId::new(customer.account, town.office.number("SELECT max(id) AS n FROM contracts"));
    let version = app.contract(caller, contract).unwrap().version;
    let problem = refused(app.stop_contract(caller, contract, version, date!(2026 - 02 - 28), None));
    assert_eq!(problem.code, Code::SettlementDue);
    assert_eq!(problem.params, [("bank", "sun".to_owned()), ("balance", "40".to_owned())]);
    let stopped = app.stop_contract(caller, contract, version, date!(2026 - 03 - 01), None).unwrap();
    assert_eq!(stopped.state, ContractState::Stopped, "a final bill is to come");
}
