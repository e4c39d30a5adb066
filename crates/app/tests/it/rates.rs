//! Tariffs that can be priced are kept; others are refused with the place of the fault.

use crate::office::{Office, pointers, refused};
use app::rates::{Book, NewFactorValue, PriceRequest, QuantityGiven};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use time::Date;
use time::macros::date;
use vocab::*;

fn tariff(effective_on: &str, flat: &str, price: &str) -> Value {
    json!({ "effective_on": effective_on, "rules": [
        { "id": "customer", "label": { "en": "Customer charge", "es": "Cargo fijo" },
          "charge": { "kind": "flat", "amount": flat } },
        { "id": "energy", "label": { "en": "Energy {quantity} kWh", "es": "Energía {quantity} kWh" },
          "gl_account": "4100", "charge": { "kind": "unit", "quantity": { "unit": "kwh" }, "price": price } },
        { "id": "tax", "label": { "en": "Tax" },
          "charge": { "kind": "tax", "tax": "state", "percent": "6", "of": "all" } }
    ] })
}

fn request(first_on: Date, last_on: Date, kwh: &str) -> PriceRequest {
    PriceRequest {
        tariff: None,
        first_on,
        last_on,
        is_first: false,
        is_final: false,
        quantities: vec![QuantityGiven {
            unit: Unit::Kwh,
            bucket: None,
            name: None,
            kind: None,
            value: kwh.to_owned(),
        }],
        items: BTreeMap::new(),
        characteristics: BTreeMap::new(),
        language: "es".parse().unwrap(),
    }
}

#[test]
fn the_account_by_hand_is_priced_as_on_its_bills() {
    let office = Office::open();
    let schedule = office.schedule("E-1", Commodity::Electricity);
    office.add_version(schedule, tariff("2026-01-01", "12.00", "0.10")).unwrap();
    office.add_version(schedule, tariff("2026-03-16", "15.00", "0.12")).unwrap();

    let mut january = request(date!(2026 - 01 - 17), date!(2026 - 01 - 31), "150");
    january.is_first = true;
    let priced = office.app.price(schedule, &january).unwrap();
    assert_eq!(priced.total, Money::from_minor(22_26));
    assert_eq!(priced.lines[0].amount, Money::from_minor(6_00));
    assert_eq!(priced.lines[0].sentence, "Cargo fijo");
    assert_eq!(priced.lines[1].sentence, "Energía 150 kWh");
    assert_eq!(priced.lines[2].sentence, "Tax", "a language that the rule lacks falls back to English");

    let february = request(date!(2026 - 02 - 01), date!(2026 - 02 - 28), "280");
    assert_eq!(office.app.price(schedule, &february).unwrap().total, Money::from_minor(42_40));
    let march = request(date!(2026 - 03 - 01), date!(2026 - 03 - 31), "131");
    let priced = office.app.price(schedule, &march).unwrap();
    let amounts: Vec<i64> = priced.lines.iter().map(|line| line.amount.minor()).collect();
    assert_eq!(amounts, [5_81, 7_74, 6_34, 8_11, 1_68]);
    assert_eq!(priced.total, Money::from_minor(29_68));

    let before = request(date!(2025 - 12 - 01), date!(2025 - 12 - 31), "1");
    assert_eq!(refused(office.app.price(schedule, &before)).code, Code::NoRateVersion);
}

#[test]
fn a_tariff_that_cannot_be_priced_names_its_faults() {
    let office = Office::open();
    let schedule = office.schedule("E-1", Commodity::Electricity);
    let mut bad = tariff("2026-01-01", "12.00", "0.10");
    bad["rules"][1]["charge"]["price"] = json!("cheap");
    let problem = refused(office.add_version(schedule, bad));
    assert_eq!(problem.code, Code::RateInvalid);
    assert!(pointers(&problem)[0].starts_with("/rules/1"), "{problem:?}");

    let mut bad = tariff("2026-01-01", "12.00", "0.10");
    bad["rules"][1]["gl_account"] = json!("9999");
    bad["rules"][1]["charge"]["price"] = json!({ "from": "factor", "factor": "fuel" });
    let problem = refused(office.add_version(schedule, bad));
    assert_eq!(problem.code, Code::RateInvalid);
    assert_eq!(pointers(&problem), ["/rules/1/gl_account", "/rules/1/charge"]);
    assert!(office.app.rate_versions(schedule).unwrap().is_empty(), "nothing of a refused tariff is kept");

    let first = office.add_version(schedule, tariff("2026-01-01", "12.00", "0.10")).unwrap();
    let problem = refused(office.add_version(schedule, tariff("2026-01-01", "13.00", "0.10")));
    assert_eq!(problem.code, Code::AlreadyExists);
    assert_eq!(problem.params, [("existing", first.to_string())]);
}

#[test]
fn factors_are_looked_up_by_their_characteristic() {
    let office = Office::open();
    let schedule = office.schedule("E-1", Commodity::Electricity);
    let factor = office
        .tx(|tx| {
            let (code, name) = ("fuel".to_owned(), "Fuel".to_owned());
            app::rates::define_factor(tx, &office.caller, code, name, Some("zone".to_owned()))
        })
        .unwrap()
        .factor;
    let add = |zone: Option<&str>, value: &str| {
        let new = NewFactorValue {
            characteristic_value: zone.map(ToOwned::to_owned),
            effective_on: date!(2026 - 01 - 01),
            value: value.to_owned(),
        };
        office.tx(|tx| app::rates::add_factor_value(tx, &office.caller, factor.id, new))
    };
    add(Some("hill"), "0.0125").unwrap();
    assert_eq!(refused(add(Some("hill"), "0.02")).code, Code::AlreadyExists);
    assert_eq!(pointers(&refused(add(None, "0.02"))), ["/characteristic_value"]);
    assert_eq!(pointers(&refused(add(Some("dale"), "0.123456789012"))), ["/value"]);

    let tariff = json!({ "effective_on": "2026-01-01", "rules": [
        { "id": "fuel", "label": { "en": "Fuel" }, "charge": { "kind": "unit", "quantity": { "unit": "kwh" },
          "price": { "from": "factor", "factor": "fuel", "characteristic": "zone" } } }
    ] });
    office.add_version(schedule, tariff).unwrap();
    let mut month = request(date!(2026 - 01 - 01), date!(2026 - 01 - 30), "100");
    assert_eq!(refused(office.app.price(schedule, &month)).code, Code::NoFactorValue);
    month.characteristics.insert("zone".to_owned(), "hill".to_owned());
    assert_eq!(office.app.price(schedule, &month).unwrap().total, Money::from_minor(1_25));
}

#[test]
fn the_book_holds_what_billing_needs() {
    let office = Office::open();
    let schedule = office.schedule("E-1", Commodity::Electricity);
    office.add_version(schedule, tariff("2026-03-16", "15.00", "0.12")).unwrap();
    office.add_version(schedule, tariff("2026-01-01", "12.00", "0.10")).unwrap();
    let of = office.contract_type("electric", Commodity::Electricity, SegmentMethod::Metered);
    let book = office.tx(|tx| Book::load(tx, &Currency::USD)).unwrap();
    assert_eq!(book.schedules.len(), 1);
    assert_eq!(book.schedules[0].frequency, Frequency::Monthly);
    let days: Vec<Date> =
        book.schedules[0].versions.iter().map(|version| version.rules.effective_on()).collect();
    assert_eq!(days, [date!(2026 - 01 - 01), date!(2026 - 03 - 16)]);
    assert_eq!(book.contract_types[0].id, of);
    assert_eq!(book.classes[0].due_days, Some(20));
    assert!(book.gl_accounts.contains(&("4100".to_owned(), GlAccountId(4))));
}

#[test]
fn set_up_is_changed_by_who_read_it_last() {
    let office = Office::open();
    let of = office.contract_type("lamp", Commodity::Electricity, SegmentMethod::RatedItem);
    let changes = app::contract_types::ContractTypeChanges {
        minimum_days: Some(5),
        maximum: Some(Some(Money::from_minor(50_000))),
        ..Default::default()
    };
    let changed = office.app.change_contract_type(&office.caller, of, 1, changes.clone()).unwrap();
    assert_eq!((changed.minimum_days, changed.version), (5, 2));
    let again = office.app.change_contract_type(&office.caller, of, 1, changes);
    assert_eq!(refused(again).code, Code::EtagMismatch);
    let reads = app::contract_types::ContractTypeChanges {
        end_date: Some(EndDateMethod::MeterRead),
        ..Default::default()
    };
    let problem = refused(office.app.change_contract_type(&office.caller, of, 2, reads));
    assert_eq!(pointers(&problem), ["/end_date"]);

    let add = |code: &str| {
        let (code, name) = (code.to_owned(), "Commercial".to_owned());
        office.tx(|tx| app::ledger_setup::add_customer_class(tx, &office.caller, code, name, Some(30)))
    };
    assert_eq!(add("commercial").unwrap().due_days, Some(30));
    let problem = refused(add("commercial"));
    assert_eq!(
        (problem.code, problem.params),
        (Code::AlreadyExists, vec![("existing", "commercial".to_owned())])
    );
    let class = office.app.change_customer_class(&office.caller, "commercial", 1, None, Some(None)).unwrap();
    assert_eq!((class.due_days, class.version), (None, 2));
}

#[test]
fn a_tariff_is_priced_before_it_is_saved() {
    let office = Office::open();
    let schedule = office.schedule("E-1", Commodity::Electricity);
    let given = |tariff| PriceRequest {
        tariff: Some(tariff),
        ..request(date!(2026 - 01 - 01), date!(2026 - 01 - 31), "100")
    };
    let rule = |price: &str| {
        json!({ "rules": [{ "id": "energy", "label": { "en": "Energy" },
            "charge": { "kind": "unit", "quantity": { "unit": "kwh" }, "price": price } }] })
    };
    let priced = office.app.price(schedule, &given(rule("0.15"))).unwrap();
    assert_eq!((priced.total, priced.lines[0].version), (Money::from_minor(15_00), None));
    let problem = refused(office.app.price(schedule, &given(rule("cheap"))));
    assert!(pointers(&problem)[0].starts_with("/tariff/rules/0"), "{problem:?}");
    let mut unknown = rule("0.15");
    unknown["rules"][0]["gl_account"] = json!("9999");
    assert_eq!(
        pointers(&refused(office.app.price(schedule, &given(unknown)))),
        ["/tariff/rules/0/gl_account"]
    );
    assert_eq!(office.number("SELECT count(*) AS n FROM rate_versions"), 0);
}
