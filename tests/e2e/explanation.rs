//! A bill explained: its figures are the bill's own, in both forms, for who may see it.

use e2e::town::{Town, text};
use e2e::{Client, Program};
use serde_json::{Value, json};

/// 12.00 and tiers that follow the days; a price that changes on 22 January; 6 % tax.
fn tariff() -> [Value; 2] {
    let version = |from: &str, price: &str| {
        json!({ "effective_on": from,
            "quantities": [{ "name": "budget", "unit": "kwh", "decimals": 0, "rounding": "up",
                "from": { "method": "formula", "value": "days * 4.1" } }],
            "rules": [
            { "id": "customer", "label": { "en": "Customer charge", "es": "Cargo fijo" },
              "charge": { "kind": "flat", "amount": "12.00" } },
            { "id": "energy", "label": { "en": "Energy, {quantity} {unit}", "es": "Energía, {quantity} {unit}" },
              "charge": { "kind": "tiered", "quantity": { "unit": "kwh" },
                          "tiers": [{ "up_to": "100", "price": price }, { "price": "0.15" }] } },
            { "id": "budget", "label": { "en": "Budget of {quantity} {unit}" },
              "charge": { "kind": "unit", "price": "0.01",
                          "quantity": { "unit": "kwh", "kind": "level", "name": "budget" } } },
            { "id": "tax", "label": { "en": "Tax {price} %" },
              "charge": { "kind": "tax", "tax": "state", "percent": "6", "of": "all" } }
        ] })
    };
    [version("2026-01-01", "0.10"), version("2026-01-22", "0.11")]
}

/// A metered account with service from 17 January at 1000, read 1150 on the 31st; a run of January.
fn tested(admin: &Client, town: &Town) -> (Value, Value, Value) {
    let kind = town.contract_type(admin, "electric", "electricity", "metered");
    let rate = town.rate(admin, "E-1", "electricity", &tariff());
    let account = town.account(admin, "Ana Reyes", 0)["id"].clone();
    let point = town.service_point(admin, "E-0001", "electricity", 0, &json!({}));
    let install = json!({
        "serial": "E-204519", "installed_on": "2026-01-17",
        "registers": [{ "kind": "subtractive", "unit": "kwh", "dials": 5, "initial_value": "1000" }]
    });
    let path = format!("/v1/service-points/{}/install-meter", text(&point["id"]));
    let meter = admin.post(&path, &install).ok();
    let contract = json!({
        "contract_type_id": kind, "rate_schedule_id": rate, "service_point_id": point["id"],
        "starts_on": "2026-01-17"
    });
    admin.post(&format!("/v1/accounts/{}/contracts", text(&account)), &contract).ok();
    let register = &meter["installed"]["registers"][0]["id"];
    let read =
        json!({ "register_id": register, "read_on": "2026-01-31", "value": "1150", "quality": "actual" });
    admin.post("/v1/reads", &read).ok();
    let window = town.window(admin, "2026-01-01", "2026-01-31", "2026-02-02");
    let run = admin.post("/v1/bill-runs", &json!({ "window_id": window, "name": "January" })).ok();
    let test = admin.post(&format!("/v1/bill-runs/{}/tests", text(&run["id"])), &Value::Null).ok();
    admin.finish(&test["operation"]);
    (account, run["id"].clone(), test["test"]["id"].clone())
}

fn minor(money: &Value) -> i64 {
    text(&money["amount"]).replace('.', "").parse().unwrap()
}

/// Every figure of the explanation against the bill's own record.
fn agrees(explained: &Value, calculation: &Value, total: i64) {
    let segment = &explained["segments"][0];
    let lines = segment["lines"].as_array().unwrap();
    let recorded = calculation["lines"].as_array().unwrap();
    assert_eq!(lines.len(), recorded.len());
    for (line, record) in lines.iter().zip(recorded) {
        assert_eq!(minor(&line["amount"]), record["amount_minor"].as_i64().unwrap(), "{line:#}");
        assert_eq!((&line["unrounded"], &line["rule"]), (&record["unrounded"], &record["rule"]));
        assert_eq!(line["rate_version_id"], record["version"]);
        let steps = line["steps"].as_array().unwrap();
        let [.., amount, rounded] = steps.as_slice() else { panic!("{line:#}") };
        assert_eq!((&amount["step"], &amount["result"]), (&json!("amount"), &record["unrounded"]));
        assert_eq!(rounded["result"], line["amount"]["amount"]);
    }
    assert_eq!(minor(&segment["total"]), total);
    assert_eq!(segment["sum"]["result"], segment["total"]["amount"]);
    assert_eq!(minor(&explained["totals"]["new_charges"]), total);
}

#[test]
fn a_bill_is_explained_from_its_reads_to_its_balance() {
    let program = Program::serve(2);
    let admin = program.admin();
    let town = Town::found(&admin, &["north", "south"], "2026-02-02T15:00:00Z");
    let (account, run, test) = tested(&admin, &town);
    let run = format!("/v1/bill-runs/{}", text(&run));

    // The draft first.
    let item = format!("{run}/items/{}", text(&account));
    let draft = admin.get(&item).ok();
    let explained = admin.get(&format!("{item}/explanation")).ok();
    let segment = &draft["document"]["segments"][0];
    agrees(&explained, &segment["calc"], draft["document"]["total"].as_i64().unwrap());
    assert!(explained["bill_id"].is_null() && explained["totals"]["ending_balance"].is_null());
    let clerk = |name: &str, site: usize| {
        let email = format!("{name}@example.org");
        let user = json!({ "email": email, "name": name, "password": "a long enough password",
            "role": "clerk", "site_ids": [town.sites[site]] });
        admin.post("/v1/users", &user).ok();
        Client::sign_in(&program.url, &email, "a long enough password")
    };
    let (north, south) = (clerk("north", 0), clerk("south", 1));
    south.get(&format!("{item}/explanation")).refused(404, "not_found");

    let accepted = admin.post(&format!("{run}/accept"), &json!({ "test_id": test })).ok();
    admin.finish(&accepted);
    let account = admin.get(&format!("/v1/accounts/{}", text(&account))).ok();
    let bill_path = format!("/v1/bills/{}", text(&account["last_bill_id"]));
    let bill = admin.get(&bill_path).ok();
    let path = format!("{bill_path}/explanation");
    let explained = north.get(&path).ok();
    agrees(&explained, &bill["segments"][0]["calculation"], minor(&bill["new_charges"]));
    assert_eq!(explained["bill_id"], bill["id"]);
    for part in ["previous_balance", "swept", "new_charges", "ending_balance"] {
        assert_eq!(explained["totals"][part], bill[part], "{part}");
    }
    assert_eq!(explained["totals"]["balance"]["result"], bill["ending_balance"]["amount"]);

    let segment = &explained["segments"][0];
    assert_eq!(segment["reads"][0]["step"]["text"], "1150 − 1000 = 150");
    // 15 days of service, 5 of them before the change.
    let quantity = &segment["derived_quantities"][0]["steps"];
    assert_eq!(quantity[0]["text"], "15 * 4.1 = 61.5");
    assert_eq!(quantity[1]["text"], "round(61.5, 0) = 62");
    let line = &segment["lines"][1];
    assert_eq!(line["sentence"], "Energy, 16.667 kWh");
    let texts: Vec<&Value> = line["steps"].as_array().unwrap().iter().map(|step| &step["text"]).collect();
    assert_eq!(
        texts,
        [
            "150 × 5/15 = 50",
            "100 × 5/30 = 16.666666666666666666666666667",
            "min(50, 16.666666666666666666666666667) = 16.666666666666666666666666667",
            "16.666666666666666666666666667 × 0.10 = 1.6666666666666666666666666667",
            "round(1.6666666666666666666666666667, 2) = 1.67"
        ]
    );
    assert_eq!(line["quantity_from"], json!({ "source": "reads", "reads": [1], "derived_quantity": null }));
    let version = admin.get(text(&line["links"]["rate_version"])).ok();
    assert_eq!(version["id"], line["rate_version_id"]);
    assert_eq!(version["effective_on"], "2026-01-01");

    // In another language, as text.
    let spanish = north.get(&format!("{path}?language=es")).ok();
    assert_eq!(spanish["segments"][0]["lines"][0]["sentence"], "Cargo fijo");
    let page = north.text(&format!("{path}?language=es"), "text/plain");
    for said in ["Cargo fijo", "parte del período: 150 × 5/15 = 50 kWh", "Saldo de esta factura"] {
        assert!(page.contains(said), "{said} in\n{page}");
    }
    assert!(page.contains(text(&bill["ending_balance"]["amount"])), "{page}");

    // Not for other sites.
    south.get(&path).refused(404, "not_found");
    assert_eq!(Client::anonymous(&program.url).get(&path).status, 401);
}

#[test]
fn a_tariff_is_taken_and_given_in_its_whole_form() {
    let program = Program::serve(0);
    let admin = program.admin();
    let town = Town::found(&admin, &["north"], "2026-02-02T15:00:00Z");
    let rate = town.rate(&admin, "E-1", "electricity", &tariff());
    let path = format!("/v1/rate-schedules/{}/versions", text(&rate));
    let versions = admin.get(&path).ok();
    assert_eq!(versions["items"][0]["tariff"], tariff()[0]);
    // Every fault has its place, whether of the form or of the trade.
    let mut wrong = tariff()[1].clone();
    wrong["effective_on"] = json!("2026-03-01");
    wrong["quantities"][0]["from"]["value"] = json!("days * nights");
    wrong["rules"][2]["charge"]["quantity"]["unit"] = json!("kw");
    let refused = admin.post(&path, &wrong).refused(422, "rate_invalid");
    let pointers: Vec<&str> =
        refused["errors"].as_array().unwrap().iter().map(|error| text(&error["pointer"])).collect();
    assert_eq!(pointers, ["/quantities/0/from/value", "/rules/2/charge/quantity"]);
    wrong["extra"] = json!(1);
    admin.post(&path, &wrong).refused(422, "rate_invalid");
}
