//! One account by hand: the specification's worked account, to the cent, through every step that posts: an
//! estimate in February, and in March a read below it.

use e2e::town::{Town, bill, invoices, text, usd};
use e2e::{Client, Program};
use serde_json::{Value, json};

/// The tariff: 12.00 and 0.10 a kWh, 15.00 and 0.12 from 16 March; 6 % tax.
fn tariff() -> [Value; 2] {
    let version = |from: &str, flat: &str, price: &str| {
        json!({ "effective_on": from, "rules": [
            { "id": "customer", "label": { "en": "Customer charge", "es": "Cargo fijo" },
              "charge": { "kind": "flat", "amount": flat } },
            { "id": "energy", "label": { "en": "Energy, {quantity} kWh" },
              "charge": { "kind": "unit", "quantity": { "unit": "kwh" }, "price": price } },
            { "id": "tax", "label": { "en": "Tax" },
              "charge": { "kind": "tax", "tax": "state", "percent": "6", "of": "all" } }
        ] })
    };
    [version("2026-01-01", "12.00", "0.10"), version("2026-03-16", "15.00", "0.12")]
}

/// A metered account: service from 17 January at 1000.
fn open(admin: &Client, town: &Town) -> (Value, Value) {
    let kind = town.contract_type(admin, "electric", "electricity", "metered");
    let rate = town.rate(admin, "E-1", "electricity", &tariff());
    let account = town.account(admin, "Ana Reyes", 0);
    let point = town.service_point(admin, "E-0001", "electricity", 0, &json!({}));
    let meter = admin
        .post(
            &format!("/v1/service-points/{}/install-meter", text(&point["id"])),
            &json!({
                "serial": "E-204519", "installed_on": "2026-01-17",
                "registers": [{ "kind": "subtractive", "unit": "kwh", "dials": 5, "initial_value": "1000" }]
            }),
        )
        .ok();
    admin
        .post(
            &format!("/v1/accounts/{}/contracts", text(&account["id"])),
            &json!({
                "contract_type_id": kind, "rate_schedule_id": rate, "service_point_id": point["id"],
                "starts_on": "2026-01-17"
            }),
        )
        .ok();
    let register = meter["installed"]["registers"][0]["id"].clone();
    (account["id"].clone(), register)
}

fn read(admin: &Client, register: &Value, on: &str, value: &str) {
    admin
        .post(
            "/v1/reads",
            &json!({ "register_id": register, "read_on": on, "value": value, "quality": "actual" }),
        )
        .ok();
}

/// A read that somebody else has estimated comes by file.
fn estimate(admin: &Client, on: &str, value: &str) {
    let file = format!(
        "service_point,meter_serial,register,read_on,value,quality\nE-0001,E-204519,1,{on},{value},estimated\n"
    );
    let import = admin.upload("/v1/reading-imports", &file).ok();
    let done = admin.finish(&import["operation"]);
    assert_eq!(done["state"], "done", "{done:#}");
}

fn last_bill(admin: &Client, account: &Value) -> Value {
    let account = admin.get(&format!("/v1/accounts/{}", text(account))).ok();
    admin.get(&format!("/v1/bills/{}", text(&account["last_bill_id"]))).ok()
}

/// Invoices, the e-bill and its mail: the amount stands in the PDF's text.
fn deliver(program: &Program, admin: &Client, window: &Value, amount: &str, shows: &[&str]) {
    let run = invoices(admin, window);
    let invoices = admin.all(&format!("/v1/invoices?invoice_run_id={}", text(&run)));
    assert_eq!(invoices.len(), 1, "{invoices:#?}");
    let pdf = admin.download(&format!("/v1/invoices/{}/pdf", text(&invoices[0]["id"])));
    let file = program.dir.path().join("bill.pdf");
    std::fs::write(&file, pdf).unwrap();
    let shown =
        std::process::Command::new("pdftotext").args(["-layout"]).arg(&file).arg("-").output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains(amount) && shown.contains("E-204519"), "{shown}");
    for text in shows {
        assert!(shown.contains(text), "{text}: {shown}");
    }

    admin.post("/v1/deliveries/approve", &json!({ "invoice_run_id": run })).ok();
    let sending = admin.post("/v1/deliveries/send", &json!({})).ok();
    admin.finish(&sending);
    let mails = std::fs::read_dir(program.dir.path().join("mail")).unwrap();
    let mails: Vec<String> =
        mails.map(|mail| std::fs::read_to_string(mail.unwrap().path()).unwrap()).collect();
    let of_bill = mails.iter().filter(|mail| mail.contains(amount)).count();
    assert_eq!(of_bill, 1, "one bill, one mail: {mails:#?}");
    assert!(mails.iter().all(|mail| mail.contains("ana.reyes@example.org")), "{mails:#?}");
}

#[test]
fn three_months_bill_to_the_cent() {
    let program = Program::serve(2);
    let admin = program.admin();
    let town = Town::found(&admin, &["north"], "2026-02-02T15:00:00Z");
    let (account, register) = open(&admin, &town);
    read(&admin, &register, "2026-01-31", "1150");

    // January: half a period, no tolerance on the first segment.
    let january = town.window(&admin, "2026-01-01", "2026-01-31", "2026-02-02");
    let run = bill(&admin, &january);
    assert_eq!(run["items"]["accepted"], 1, "{run:#}");
    let first = last_bill(&admin, &account);
    assert_eq!(first["ending_balance"]["amount"], "22.26", "{first:#}");
    // 22 February is a Sunday: due dates move forward.
    assert_eq!(first["due_on"], "2026-02-23");
    let lines = first["segments"][0]["calculation"]["lines"].as_array().unwrap();
    let amounts: Vec<i64> = lines.iter().map(|line| line["amount_minor"].as_i64().unwrap()).collect();
    assert_eq!(amounts, [600, 1500, 126]);
    deliver(&program, &admin, &january, "22.26", &["1,150"]);

    // Paid late, with a late charge.
    admin.post("/v1/clock/move", &json!({ "to": "2026-02-27T15:00:00Z" })).ok();
    let fee = admin
        .post(
            "/v1/adjustment-types",
            &json!({ "code": "late", "name": "Late charge", "gl_account_id": town.revenue,
                     "purpose": "late_charge" }),
        )
        .ok();
    admin
        .post(
            &format!("/v1/accounts/{}/adjustments", text(&account)),
            &json!({ "type_id": fee["id"], "amount": usd("1.11"), "reason": "5 % of 22.26" }),
        )
        .ok();
    let payment =
        json!({ "account_id": account, "kind": "check", "amount": usd("22.26"), "reference": "1041" });
    let paid = admin.post_once("/v1/payments", &payment, "counter-1").ok();
    let again = admin.post_once("/v1/payments", &payment, "counter-1").ok();
    assert_eq!(paid, again, "the same key gives the first answer again");
    let mut other = payment.clone();
    other["amount"] = usd("22.27");
    admin.post_once("/v1/payments", &other, "counter-1").refused(422, "idempotency_key_reused");

    // February.
    admin.post("/v1/clock/move", &json!({ "to": "2026-03-02T15:00:00Z" })).ok();
    estimate(&admin, "2026-02-28", "1430");
    let february = town.window(&admin, "2026-02-01", "2026-02-28", "2026-03-02");
    bill(&admin, &february);
    let second = last_bill(&admin, &account);
    assert_eq!(second["new_charges"]["amount"], "42.40", "{second:#}");
    assert_eq!(second["previous_balance"]["amount"], "22.26");
    assert_eq!(second["ending_balance"]["amount"], "43.51");
    let balance = admin.get(&format!("/v1/accounts/{}/balance", text(&account))).ok();
    assert_eq!(balance["current"]["amount"], "43.51", "{balance:#}");
    admin
        .post("/v1/payments", &json!({ "account_id": account, "kind": "check", "amount": usd("43.51") }))
        .ok();

    // March: the read lies below February's estimate.
    admin.post("/v1/clock/move", &json!({ "to": "2026-04-01T15:00:00Z" })).ok();
    let entered = admin
        .post(
            "/v1/reads",
            &json!({ "register_id": register, "read_on": "2026-03-31", "value": "1400", "quality": "actual" }),
        )
        .ok();
    let march = town.window(&admin, "2026-03-01", "2026-03-31", "2026-04-01");
    let stopped = bill(&admin, &march);
    assert_eq!(stopped["items"]["error"], 1, "{stopped:#}");
    let approve = format!("/v1/rebill-proposals/{}/approve", text(&entered["rebill_proposal_id"]));
    let reason = json!({ "reason": "The meter was read twice" });
    let shown = admin.post(&format!("{approve}?dry_run=true"), &reason).ok();
    assert_eq!(shown["net"]["amount"], "-17.07", "{shown:#}");
    let done = admin.post(&approve, &reason).ok();
    let february = &done["corrections"][0];
    assert_eq!(february["cancelled"]["amount"], "42.40");
    assert_eq!(february["new"]["amount"], "25.33", "{done:#}");
    assert_eq!(done["late_charges"], json!([]));
    assert_eq!(done["state"], "approved");
    let run = text(&stopped["id"]);
    let tested = admin.post(&format!("/v1/bill-runs/{run}/tests"), &json!({})).ok();
    admin.finish(&tested["operation"]);
    let latest = admin.get(&format!("/v1/bill-runs/{run}")).ok();
    let accepting = admin
        .post(&format!("/v1/bill-runs/{run}/accept"), &json!({ "test_id": latest["latest_test_id"] }))
        .ok();
    admin.finish(&accepting);
    let third = last_bill(&admin, &account);
    let lines = third["segments"][0]["calculation"]["lines"].as_array().unwrap();
    let amounts: Vec<i64> = lines.iter().map(|line| line["amount_minor"].as_i64().unwrap()).collect();
    assert_eq!(amounts, [581, 774, 634, 811, 168]);
    assert_eq!(third["new_charges"]["amount"], "29.68", "{third:#}");
    assert_eq!(third["corrections"].as_array().map(Vec::len), Some(2), "{third:#}");
    assert_eq!(third["ending_balance"]["amount"], "12.61");
    let shows = ["1,269", "1,400", "adjusted", "Feb 1, 2026 – Feb 28, 2026", "reversed", "billed again"];
    deliver(&program, &admin, &march, "12.61", &shows);

    program.assert_proven();
}
