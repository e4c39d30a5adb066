//! Autopay against a gateway that others wrote: what was charged there is paid here, once, whether
//! the gateway says so at once, a second later by a webhook, or both.

use e2e::town::{Town, bill, text};
use e2e::{Client, Program};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use testkit::counterparts::Localstripe;

const WEBHOOK_SECRET: &str = "whsec_of_these_tests";
/// Webhooks come a second after what they tell; this is for slow machines.
const HEARD_WITHIN: Duration = Duration::from_secs(60);
/// A bank account at the gateway that answers at once, and one that sends debits back later.
const GOOD_IBAN: &str = "DE89370400440532013000";
const BAD_IBAN: &str = "DE62370400440532013001";

/// Opens an account that pays by itself on its due date; answers its id.
fn payer(admin: &Client, town: &Town, there: &Client, fee: (&Value, &str), method: &Value) -> Value {
    let (kind, amount) = fee;
    let account = town.account(admin, &format!("Payer of {amount}"), 0);
    town.fee(admin, &account, kind, amount);
    let customer = there.post("/v1/customers", &json!({ "email": "payer@example.org" })).ok();
    let mut stored = json!({
        "kind": method["kind"], "gateway": "stripe", "customer_token": customer["id"],
        "method_token": method["token"], "label": "my usual"
    });
    if let Some(iban) = method["iban"].as_str() {
        let made = json!({ "type": "sepa_debit", "sepa_debit": { "iban": iban } });
        stored["method_token"] = there.post("/v1/payment_methods", &made).ok()["id"].clone();
    }
    let here = format!("/v1/accounts/{}", text(&account["id"]));
    let stored = admin.post(&format!("{here}/payment-methods"), &stored).ok();
    let etag = admin.get(&here).etag.unwrap();
    let enrolment = json!({ "payment_method_id": stored["id"], "rule": "due_date" });
    admin.put(&format!("{here}/autopay"), &enrolment, Some(&etag)).ok();
    account["id"].clone()
}

/// Collects what is to be drawn by a day; answers how many draws ended in which state.
fn collect(admin: &Client, target_on: &str) -> BTreeMap<String, i64> {
    let run = admin.post("/v1/payment-runs", &json!({ "target_on": target_on })).ok();
    let path = format!("/v1/payment-runs/{}", text(&run["id"]));
    let executed = admin.post(&format!("{path}/execute"), &Value::Null).ok();
    admin.finish(&executed);
    let totals = admin.get(&path).ok()["totals"].clone();
    let total = |total: &Value| (text(&total["state"]).to_owned(), total["draws"].as_i64().unwrap());
    totals.as_array().unwrap().iter().map(total).filter(|(_, draws)| *draws > 0).collect()
}

/// The draw of an account's only bill.
fn draw(admin: &Client, account: &Value) -> Value {
    admin.all(&format!("/v1/draws?account_id={}", text(account))).remove(0)
}

/// Amounts in cents by the gateway's own reference: what it charged, and what was paid here.
fn charged(there: &Client) -> BTreeMap<String, i64> {
    let listed = there.get("/v1/payment_intents?limit=100").ok();
    let succeeded = listed["data"].as_array().unwrap().iter().filter(|one| one["status"] == "succeeded");
    succeeded.map(|one| (text(&one["id"]).to_owned(), one["amount"].as_i64().unwrap())).collect()
}

fn paid(admin: &Client) -> BTreeMap<String, i64> {
    let taken = admin.all("/v1/payments");
    let cents = |amount: &Value| text(&amount["amount"]).replace('.', "").parse().unwrap();
    let by_reference: BTreeMap<String, i64> = taken
        .iter()
        .inspect(|one| assert_eq!(one["payment"]["state"], "posted", "{one:#}"))
        .map(|one| (text(&one["tender"]["gateway_reference"]).to_owned(), cents(&one["payment"]["amount"])))
        .collect();
    assert_eq!(by_reference.len(), taken.len(), "a charge was paid twice: {taken:#?}");
    by_reference
}

/// Waits until so many webhooks about charges have been taken.
fn hear(program: &Program, webhooks: i64) {
    let query =
        "SELECT count(*) AS n FROM gateway_events WHERE kind IN ('charge_succeeded', 'charge_failed')";
    let begun = Instant::now();
    loop {
        let heard = program.database.number(query).unwrap();
        if heard >= webhooks {
            assert_eq!(heard, webhooks, "more webhooks than charges");
            return;
        }
        assert!(begun.elapsed() < HEARD_WITHIN, "{heard} of {webhooks} webhooks");
    }
}

#[test]
fn what_the_gateway_charged_is_paid_here_once() {
    let Some(gateway) = Localstripe::start() else { return };
    let program = Program::serve_with(
        2,
        &[
            ("PENSTOCK_GATEWAYS_STRIPE_URL", gateway.url()),
            ("PENSTOCK_GATEWAYS_STRIPE_DIALECT", "core"),
            ("PENSTOCK_GATEWAYS_STRIPE_SECRET_KEY", Localstripe::SECRET_KEY),
            ("PENSTOCK_GATEWAYS_STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ],
    );
    let admin = program.admin();
    let there = Client::with_token(gateway.url(), Localstripe::SECRET_KEY);
    let ear = format!("{}/v1/gateways/stripe/webhook", program.url);
    let webhook = json!({ "url": ear, "secret": WEBHOOK_SECRET });
    there.post("/_config/webhooks/penstock", &webhook).ok();

    let town = Town::found(&admin, &["north"], "2026-02-02T15:00:00Z");
    let kind = town.contract_type(&admin, "trail", "other", "recurring");
    let card = |token: &str| json!({ "kind": "card", "token": token });
    let debit = |iban: &str| json!({ "kind": "bank_debit", "iban": iban });
    let account = |amount: &str, method: &Value| payer(&admin, &town, &there, (&kind, amount), method);
    let good: Vec<Value> =
        [("10.00", card(Localstripe::GOOD)), ("20.00", card(Localstripe::GOOD)), ("30.00", debit(GOOD_IBAN))]
            .iter()
            .map(|(amount, method)| account(amount, method))
            .collect();
    let declined = account("40.00", &card(Localstripe::BAD));
    let sent_back = account("50.00", &debit(BAD_IBAN));
    let window = town.window(&admin, "2026-01-01", "2026-01-31", "2026-02-02");
    assert_eq!(bill(&admin, &window)["items"], json!({ "accepted": 5 }));

    // The due date. The declined card is known at once; the bad debit is under way.
    admin.post("/v1/clock/move", &json!({ "to": "2026-02-23T18:00:00Z" })).ok();
    admin.post("/v1/payment-runs", &json!({ "target_on": "2026-02-20" })).refused(422, "empty_scope");
    let states = collect(&admin, "2026-02-23");
    assert_eq!(states.get("succeeded"), Some(&3), "{states:?}");
    assert_eq!(states.values().sum::<i64>(), 5, "{states:?}");
    let failed = draw(&admin, &declined);
    assert_eq!((&failed["state"], &failed["reason_code"]), (&json!("failed"), &json!("card_declined")));
    assert_eq!((&failed["attempts"], &failed["retry_on"]), (&json!(1), &json!("2026-02-24")));

    // One webhook tells the end of the debit; the others repeat what is known and change nothing.
    hear(&program, 5);
    let failed = draw(&admin, &sent_back);
    assert_eq!((&failed["state"], &failed["attempts"]), (&json!("failed"), &json!(1)), "{failed:#}");
    assert_eq!(charged(&there).len(), good.len());
    assert_eq!(paid(&admin), charged(&there));
    for account in &good {
        let balance = admin.get(&format!("/v1/accounts/{}/balance", text(account))).ok();
        assert_eq!(balance["current"]["amount"], "0.00", "{balance:#}");
        assert_eq!(draw(&admin, account)["state"], "succeeded");
    }
    program.assert_proven();

    // The next banking day both are tried again, and no other.
    admin.post("/v1/clock/move", &json!({ "to": "2026-02-24T18:00:00Z" })).ok();
    assert_eq!(collect(&admin, "2026-02-24").values().sum::<i64>(), 2);
    hear(&program, 7);
    for account in [&declined, &sent_back] {
        let again = draw(&admin, account);
        assert_eq!((&again["state"], &again["attempts"]), (&json!("failed"), &json!(2)), "{again:#}");
        let balance = admin.get(&format!("/v1/accounts/{}/balance", text(account))).ok();
        assert_ne!(balance["current"]["amount"], "0.00", "{balance:#}");
    }
    assert_eq!(charged(&there).len(), good.len());
    assert_eq!(paid(&admin), charged(&there));
    program.assert_proven();
}
