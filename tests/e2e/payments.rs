//! Money at the counter: suspense, overpayment, reversal, adjustments; who may, and what is refused.

use e2e::Billed;
use e2e::town::{text, usd};
use serde_json::{Value, json};

fn fee(of: &Billed) -> Value {
    let kind = json!({ "code": "fee", "name": "Fee", "gl_account_id": of.town.revenue });
    of.admin.post("/v1/adjustment-types", &kind).ok()["id"].clone()
}

#[test]
fn money_for_nobody_waits_in_suspense_until_it_is_applied() {
    let of = Billed::open(&["north"], 2);
    let stray = |allowed: bool| {
        json!({
            "account_number": "No 17, Mill Lane", "kind": "check", "amount": usd("40.00"), "reference": "1042",
            "allow_suspense": allowed
        })
    };
    let refused = of.admin.post("/v1/payments", &stray(false)).refused(422, "invalid");
    assert_eq!(refused["errors"][0]["pointer"], "/account_number", "{refused:#}");
    let taken = of.admin.post("/v1/payments", &stray(true)).ok();
    assert_eq!((&taken["payment"], &taken["tender"]["suspense"]), (&Value::Null, &usd("40.00")));
    assert_eq!(taken["tender"]["stated_account"], "No 17, Mill Lane");
    assert_eq!(of.admin.all("/v1/suspense").len(), 1);

    let apply = format!("/v1/tenders/{}/apply", text(&taken["tender"]["id"]));
    let to =
        |account: usize, amount: &str| json!({ "account_id": of.accounts[account], "amount": usd(amount) });
    of.admin.post(&apply, &to(0, "40.01")).refused(409, "wrong_state");
    of.admin.post(&apply, &to(0, "0.00")).refused(422, "invalid");
    let part = of.admin.post(&apply, &to(0, "30.00")).ok();
    assert_eq!(part["tender"]["suspense"], usd("10.00"));
    assert_eq!((of.balance(0), of.balance(1)), ("0.00".to_owned(), "30.00".to_owned()));
    // What is left, without an amount.
    of.admin.post(&apply, &json!({ "account_id": of.accounts[1] })).ok();
    assert_eq!(of.balance(1), "20.00");
    assert!(of.admin.all("/v1/suspense").is_empty());

    // A payment out of suspense that is reversed goes back there.
    of.undo(&of.admin, &format!("/v1/payments/{}", text(&part["payment"]["id"])), "reverse").ok();
    assert_eq!(of.balance(0), "30.00");
    assert_eq!(of.admin.all("/v1/suspense")[0]["suspense"], usd("30.00"));
    of.program.assert_proven();
}

#[test]
fn a_payment_is_taken_once_by_those_who_may() {
    let of = Billed::open(&["north", "south"], 1);
    let money = json!({
        "account_id": of.accounts[0], "kind": "cash", "amount": usd("30.00"), "client_reference": "till-1-0007"
    });
    let viewer = of.staff("vera", "viewer", None);
    let refused = viewer.post("/v1/payments", &money).refused(403, "forbidden");
    assert_eq!(refused["params"]["permission"], "payments.take");
    let south = of.staff("saul", "clerk", Some(1));
    south.post("/v1/payments", &money).refused(404, "not_found");

    let first = of.admin.post("/v1/payments", &money).ok();
    let again = of.admin.post("/v1/payments", &money).refused(409, "duplicate_reference");
    assert_eq!(again["params"]["existing"], first["payment"]["id"], "{again:#}");
    assert_eq!(of.balance(0), "0.00");

    let with = |name: &str, value: Value| {
        let mut other = money.clone();
        other[name] = value;
        other["client_reference"] = Value::Null;
        other
    };
    for (name, value) in [
        ("amount", json!(30)),
        ("amount", usd("0.00")),
        ("amount", usd("-1.00")),
        ("amount", json!({ "amount": "1.00", "currency": "EUR" })),
        ("amount", usd("1.005")),
        ("amount", usd("99999999999999999999.00")),
        ("received_on", json!("2027-01-01")),
        ("reference", json!("4242 4242 4242 4242")),
    ] {
        let refused = of.admin.post("/v1/payments", &with(name, value)).refused(422, "invalid");
        assert!(text(&refused["errors"][0]["pointer"]).starts_with(&format!("/{name}")), "{refused:#}");
    }
    assert_eq!(of.balance(0), "0.00");
    assert_eq!(of.admin.all("/v1/payments").len(), 1);
    assert!(south.all("/v1/payments").is_empty(), "another site's money is not seen");
}

#[test]
fn a_reversed_payment_opens_again_exactly_what_it_paid() {
    let of = Billed::open(&["north"], 1);
    of.on("2026-02-20");
    let paid = of.pays(0, "30.00");
    let payment = format!("/v1/payments/{}", text(&paid["payment"]["id"]));
    let reason = json!({ "reason": "Check returned" });
    of.admin.post(&format!("{payment}/reverse"), &reason).refused(428, "precondition_missing");
    of.admin.post_if(&format!("{payment}/reverse"), &reason, "\"7\"").refused(412, "etag_mismatch");
    of.admin
        .post_if(&format!("{payment}/reverse"), &json!({ "reason": " " }), "\"1\"")
        .refused(422, "invalid");
    let cashier = of.staff("carl", "clerk", None);
    assert_eq!(of.balance(0), "0.00");

    of.on("2026-03-02");
    let reversed = of.undo(&of.admin, &payment, "reverse").ok();
    assert_eq!(
        (&reversed["state"], &reversed["reversal_reason"]),
        (&json!("reversed"), &json!("Entered by mistake"))
    );
    assert_eq!(of.balance(0), "30.00");
    of.undo(&of.admin, &payment, "reverse").refused(409, "payment_not_reversible");
    // Late since its old due date, not since today.
    assert_eq!(of.admin.get("/v1/dashboard").ok()["delinquent_accounts"], 1);
    let told = cashier.get(&payment).ok();
    assert_eq!(told["payment"]["state"], "reversed", "{told:#}");
    of.pays(0, "30.00");
    assert_eq!(of.balance(0), "0.00");
    of.program.assert_proven();
}

#[test]
fn what_is_paid_too_much_pays_the_next_charge() {
    let of = Billed::open(&["north"], 1);
    of.pays(0, "45.00");
    assert_eq!(of.balance(0), "-15.00");
    let charges = format!("/v1/accounts/{}/adjustments", text(&of.accounts[0]));
    let kind = fee(&of);
    of.admin.post(&charges, &json!({ "type_id": kind, "amount": usd("20.00"), "reason": "New lock" })).ok();
    assert_eq!(of.balance(0), "5.00");
    // The fee is on no bill yet: nothing is late, and only its rest is due.
    of.on("2026-03-02");
    let now = of.admin.get("/v1/dashboard").ok();
    assert_eq!((&now["delinquent_accounts"], &now["outstanding"]), (&json!(0), &usd("5.00")));
    of.program.assert_proven();
}

#[test]
fn an_adjustment_is_posted_and_cancelled_by_version() {
    let of = Billed::open(&["north", "south"], 1);
    let kind = fee(&of);
    let path = format!("/v1/accounts/{}/adjustments", text(&of.accounts[0]));
    let new = |amount: Value, reference: &str| json!({ "type_id": kind, "amount": amount, "reason": "Goodwill", "client_reference": reference });
    of.admin.post(&path, &new(usd("0.00"), "a")).refused(422, "invalid");
    of.admin.post(&path, &new(json!({ "amount": "1.00", "currency": "EUR" }), "a")).refused(422, "invalid");
    let credit = of.admin.post(&path, &new(usd("-12.00"), "outage-7")).ok();
    assert_eq!((&credit["state"], of.balance(0)), (&json!("posted"), "18.00".to_owned()));
    of.admin.post(&path, &new(usd("-12.00"), "outage-7")).refused(409, "duplicate_reference");
    let south = of.staff("saul", "manager", Some(1));
    south.post(&path, &new(usd("-1.00"), "b")).refused(404, "not_found");

    let document = format!("/v1/adjustments/{}", text(&credit["id"]));
    south.get(&document).refused(404, "not_found");
    of.admin
        .post_if(&format!("{document}/cancel"), &json!({ "reason": "No" }), "\"9\"")
        .refused(412, "etag_mismatch");
    let cancelled = of.undo(&of.admin, &document, "cancel").ok();
    assert_eq!((&cancelled["state"], of.balance(0)), (&json!("cancelled"), "30.00".to_owned()));
    of.undo(&of.admin, &document, "cancel").refused(409, "wrong_state");
    assert_eq!(of.admin.all(&path).len(), 1);
    of.program.assert_proven();
}
