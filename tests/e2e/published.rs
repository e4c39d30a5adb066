//! Published bills of different kinds become tariffs, meters, reads and contracts through the API;
//! the published totals stand on the posted bills and in the text of their PDFs.
//!
//! The facts and their sources are those of the rating engine's own tests.

use e2e::town::{Town, text};
use e2e::{Client, Program};
use serde_json::{Value, json};

/// A published bill: how its service is measured, its rules, its total.
struct Published {
    name: &'static str,
    commodity: &'static str,
    measured: Measured,
    rules: Value,
    total: &'static str,
}

/// What the rules price.
enum Measured {
    /// A register's unit and its values at the ends of the month.
    Register(&'static str, &'static str, &'static str),
    /// The month's highest demand, in this unit.
    Demand(&'static str, &'static str),
    /// So many items.
    Items(&'static str, &'static str),
    /// Nothing; service from this day.
    Flat(&'static str),
}

fn rule(id: &str, charge: Value) -> Value {
    json!({ "id": id, "label": { "en": id }, "charge": charge })
}

fn flat(id: &str, amount: &str) -> Value {
    rule(id, json!({ "kind": "flat", "amount": amount }))
}

fn unit(id: &str, unit: &str, price: &str) -> Value {
    rule(id, json!({ "kind": "unit", "quantity": { "unit": unit }, "price": price }))
}

fn tiered(id: &str, unit: &str, tiers: Value) -> Value {
    rule(id, json!({ "kind": "tiered", "quantity": { "unit": unit }, "tiers": tiers }))
}

fn tax(id: &str, percent: &str, of: &str) -> Value {
    rule(id, json!({ "kind": "tax", "tax": id, "percent": percent, "of": [of] }))
}

fn water_and_other() -> Vec<Published> {
    let eru =
        |price: &str| json!([rule("stormwater", json!({ "kind": "item", "item": "eru", "price": price }))]);
    vec![
        Published {
            name: "bourbon",
            commodity: "water",
            measured: Measured::Register("kgal", "0", "8"),
            rules: json!([
                flat("service", "19.50"),
                tiered(
                    "water",
                    "kgal",
                    json!([
                        { "up_to": "3", "price": "7.05" }, { "up_to": "7", "price": "6.55" },
                        { "up_to": "15", "price": "5.80" }, { "price": "5.35" }
                    ])
                )
            ]),
            total: "72.65",
        },
        Published {
            name: "hi-desert",
            commodity: "water",
            measured: Measured::Register("ccf", "0", "8"),
            rules: json!([
                tiered("water", "ccf", json!([{ "up_to": "4", "price": "3.65" }, { "price": "6.17" }])),
                flat("fixed", "20.75")
            ]),
            total: "60.03",
        },
        Published {
            name: "texas",
            commodity: "other",
            measured: Measured::Items("household", "1"),
            rules: json!([
                flat("water", "163.48"),
                flat("sewer", "43.54"),
                flat("garbage", "9.92"),
                flat("drainage", "5.00"),
                tax("sales", "8.25", "garbage")
            ]),
            total: "222.76",
        },
        Published {
            name: "current",
            commodity: "other",
            measured: Measured::Flat("2026-04-12"),
            rules: json!([{
                "id": "base", "label": { "en": "Base" }, "charge": { "kind": "flat", "amount": "30.00" },
                "proration": { "basis": "whole_period" }
            }]),
            total: "19.00",
        },
        Published {
            name: "lawrenceville",
            commodity: "stormwater",
            measured: Measured::Items("eru", "54.45"),
            rules: eru("5.00"),
            total: "272.25",
        },
        Published {
            name: "seymour",
            commodity: "stormwater",
            measured: Measured::Items("eru", "10.6"),
            rules: eru("4.00"),
            total: "42.40",
        },
    ]
}

fn electricity() -> Vec<Published> {
    let kwh = |start, end| Measured::Register("kwh", start, end);
    let electric =
        |name, measured, rules, total| Published { name, commodity: "electricity", measured, rules, total };
    vec![
        electric(
            "jcpb",
            kwh("8865", "9975"),
            json!([unit("energy", "kwh", "0.0951"), flat("availability", "18.48")]),
            "124.04",
        ),
        electric(
            "kseb",
            kwh("0", "117"),
            json!([
                tiered(
                    "energy",
                    "kwh",
                    json!([
                        { "up_to": "50", "price": "3.15" }, { "up_to": "100", "price": "3.70" },
                        { "up_to": "150", "price": "4.80" }, { "up_to": "200", "price": "6.40" }, { "price": "7.60" }
                    ])
                ),
                tax("duty", "10", "energy"),
                flat("meter-rent", "6.00"),
                tax("gst", "18", "meter-rent"),
                tax("cess", "1", "meter-rent"),
                unit("fuel", "kwh", "0.10"),
                flat("fixed", "55.00")
            ]),
            "540.35",
        ),
        electric(
            "kseb-subsidy",
            kwh("0", "117"),
            json!([
                tiered(
                    "subsidy",
                    "kwh",
                    json!([
                        { "up_to": "20", "price": "0" }, { "up_to": "25", "price": "-1.50" },
                        { "up_to": "40", "price": "-0.35" }, { "price": "-0.50" }
                    ])
                ),
                flat("fixed-subsidy", "-20.00")
            ]),
            "-71.25",
        ),
        electric(
            "peco",
            kwh("0", "1244"),
            json!([
                flat("customer", "11.29"),
                flat("dsic", "0.15"),
                flat("state-tax-adjustment", "-0.06"),
                unit("distribution", "kwh", "0.10276"),
                unit("generation", "kwh", "0.10237"),
                unit("transmission", "kwh", "0.00787")
            ]),
            "276.35",
        ),
        electric(
            "wyzant",
            kwh("0", "1500"),
            json!([
                flat("flat", "95.00"),
                tiered("excess", "kwh", json!([{ "up_to": "1000", "price": "0" }, { "price": "0.151" }]))
            ]),
            "170.50",
        ),
        electric(
            "kva",
            Measured::Demand("kva", "1000"),
            json!([rule(
                "demand",
                json!({
                    "kind": "unit", "quantity": { "unit": "kva", "kind": "peak" }, "price": "10.00"
                })
            )]),
            "10000.00",
        ),
    ]
}

/// Sets one published bill's service up; answers its account.
fn serve(admin: &Client, town: &Town, of: &Published) -> Value {
    let method = match of.measured {
        Measured::Register(..) | Measured::Demand(..) => "metered",
        Measured::Items(..) => "rated_item",
        Measured::Flat(_) => "recurring",
    };
    let kind = town.contract_type(admin, of.name, of.commodity, method);
    let version = json!({ "effective_on": "2020-01-01", "rules": of.rules });
    let rate = town.rate(admin, of.name, of.commodity, &[version]);
    let account = town.account(admin, of.name, 0)["id"].clone();
    let point = town.service_point(admin, of.name, of.commodity, 0, &json!({}));
    let mut contract = json!({
        "contract_type_id": kind, "rate_schedule_id": rate, "location_id": point["location_id"],
        "starts_on": "2026-04-01"
    });
    let register = match of.measured {
        Measured::Register(unit, start, end) => {
            Some((json!({ "kind": "subtractive", "unit": unit, "dials": 6, "initial_value": start }), end))
        }
        Measured::Demand(unit, peak) => {
            Some((json!({ "kind": "consumptive", "unit": unit, "dials": 6 }), peak))
        }
        Measured::Items(item, count) => {
            contract["items"] = json!({ item: count });
            None
        }
        Measured::Flat(from) => {
            contract["starts_on"] = json!(from);
            None
        }
    };
    if register.is_some() {
        contract["service_point_id"] = point["id"].clone();
    }
    admin.post(&format!("/v1/accounts/{}/contracts", text(&account)), &contract).ok();
    if let Some((register, end)) = register {
        let path = format!("/v1/service-points/{}/install-meter", text(&point["id"]));
        let install = json!({ "serial": of.name, "installed_on": "2026-04-01", "registers": [register] });
        let meter = admin.post(&path, &install).ok();
        let read = json!({
            "register_id": meter["installed"]["registers"][0]["id"], "read_on": "2026-04-30", "value": end,
            "quality": "actual"
        });
        admin.post("/v1/reads", &read).ok();
    }
    account
}

/// 10000.00 as a bill writes it: 10,000.00; the sign stands apart.
fn written(total: &str) -> String {
    let digits = total.trim_start_matches('-');
    match digits.split_once('.') {
        Some((whole, cents)) if whole.len() > 3 => {
            let (thousands, rest) = whole.split_at(whole.len() - 3);
            format!("{thousands},{rest}.{cents}")
        }
        _ => digits.to_owned(),
    }
}

#[test]
fn published_totals_stand_on_bills_and_in_pdfs() {
    let program = Program::serve(2);
    let admin = program.admin();
    let town = Town::found(&admin, &["north"], "2026-05-02T18:00:00Z");
    let published: Vec<Published> = water_and_other().into_iter().chain(electricity()).collect();
    let accounts: Vec<Value> = published.iter().map(|of| serve(&admin, &town, of)).collect();
    let window = town.window(&admin, "2026-04-01", "2026-04-30", "2026-05-02");
    let run = admin.post("/v1/bill-runs", &json!({ "window_id": window, "name": "all" })).ok();
    let path = format!("/v1/bill-runs/{}", text(&run["id"]));
    let test = admin.post(&format!("{path}/tests"), &Value::Null).ok();
    admin.finish(&test["operation"]);
    // The subsidy is a credit, which a person has to release.
    let flags = admin.all(&format!("/v1/review-flags?run_id={}&severity=block", text(&run["id"])));
    assert!(!flags.is_empty() && flags.iter().all(|flag| flag["code"] == "negative"), "{flags:#?}");
    let released = json!({
        "matching": { "run_id": run["id"], "severity": "block" }, "disposition": "released", "reason": "a subsidy"
    });
    assert_eq!(admin.post("/v1/review-flags/decide", &released).ok()["decided"], flags.len());
    let accepted = admin.post(&format!("{path}/accept"), &json!({ "test_id": test["test"]["id"] })).ok();
    admin.finish(&accepted);
    let run = admin.get(&path).ok();
    assert_eq!(run["items"]["accepted"], published.len(), "{run:#}");
    let invoices = admin.post(&format!("/v1/cycle-windows/{}/invoice-runs", text(&window)), &json!({})).ok();
    admin.finish(&invoices["operation"]);
    for (of, account) in published.iter().zip(&accounts) {
        let bills = admin.all(&format!("/v1/accounts/{}/bills", text(account)));
        assert_eq!(bills[0]["new_charges"]["amount"], of.total, "{}", of.name);
        let invoices = admin.get(&format!("/v1/bills/{}/invoices", text(&bills[0]["id"]))).ok();
        let invoice = &invoices["items"][0];
        let file = program.dir.path().join("published.pdf");
        std::fs::write(&file, admin.download(&format!("/v1/invoices/{}/pdf", text(&invoice["id"])))).unwrap();
        let shown =
            std::process::Command::new("pdftotext").arg("-layout").arg(&file).arg("-").output().unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        assert!(shown.contains(&written(of.total)), "{}: {shown}", of.name);
    }
    program.assert_proven();
}
