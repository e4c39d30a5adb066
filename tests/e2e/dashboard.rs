//! The dashboard's figures are those of the bills that were posted and the money that came.

use e2e::town::{text, usd};
use e2e::{Billed, Client};
use serde_json::{Value, json};

fn figures(who: &Client) -> Value {
    who.get("/v1/dashboard").ok()
}

/// The amounts under these names.
fn amounts<const N: usize>(figures: &Value, names: [&str; N]) -> [String; N] {
    names.map(|name| text(&figures[name]["amount"]).to_owned())
}

/// Billed and collected of a month.
fn month(figures: &Value, month_on: &str) -> [String; 2] {
    let months = figures["months"].as_array().unwrap();
    let of = months.iter().find(|month| month["month_on"] == month_on).unwrap();
    amounts(of, ["billed", "collected"])
}

#[test]
fn figures_follow_posted_bills_and_received_money() {
    let of = Billed::open(&["north"], 3);
    let now = figures(&of.admin);
    assert_eq!(amounts(&now, ["revenue_month", "revenue_year", "outstanding"]), ["90.00", "90.00", "90.00"]);
    assert_eq!((&now["accounts"], &now["delinquent_accounts"]), (&json!(3), &json!(0)));
    assert_eq!(month(&now, "2026-02-01"), ["90.00", "0.00"]);
    assert_eq!(month(&now, "2026-01-01"), ["0.00", "0.00"], "by the month of the bill, not of the service");

    // One pays, one pays too much, one pays nothing.
    of.on("2026-02-10");
    of.pays(0, "30.00");
    let too_much = of.pays(1, "50.00");
    let now = figures(&of.admin);
    assert_eq!(amounts(&now, ["outstanding", "credit"]), ["30.00", "-20.00"]);
    assert_eq!(month(&now, "2026-02-01"), ["90.00", "80.00"]);
    assert_eq!(now["delinquent_accounts"], 0, "it is not yet due");

    // Past the due date; a part that comes in March is March's.
    of.on("2026-03-05");
    let now = figures(&of.admin);
    assert_eq!(now["delinquent_accounts"], 1, "{now:#}");
    assert_eq!(amounts(&now, ["revenue_month", "revenue_year"]), ["0.00", "90.00"]);
    of.pays(2, "10.00");
    let now = figures(&of.admin);
    assert_eq!(now["delinquent_accounts"], 1, "a part does not cure it");
    assert_eq!(month(&now, "2026-03-01"), ["0.00", "10.00"]);

    // What is reversed was not collected, and is open and late again.
    of.undo(&of.admin, &format!("/v1/payments/{}", text(&too_much["payment"]["id"])), "reverse").ok();
    let now = figures(&of.admin);
    assert_eq!(amounts(&now, ["outstanding", "credit"]), ["50.00", "0.00"]);
    assert_eq!(now["delinquent_accounts"], 2, "{now:#}");
    assert_eq!(month(&now, "2026-02-01"), ["90.00", "30.00"]);
    of.pays(2, "20.00");
    assert_eq!(figures(&of.admin)["delinquent_accounts"], 1);

    // A fee raises what is owed, not what was billed.
    let fee = json!({ "code": "fee", "name": "Fee", "gl_account_id": of.town.revenue });
    let fee = of.admin.post("/v1/adjustment-types", &fee).ok();
    let charge = json!({ "type_id": fee["id"], "amount": usd("7.50"), "reason": "Returned check" });
    of.admin.post(&format!("/v1/accounts/{}/adjustments", text(&of.accounts[0])), &charge).ok();
    let now = figures(&of.admin);
    assert_eq!(amounts(&now, ["outstanding", "revenue_year"]), ["37.50", "90.00"]);
    assert_eq!(now["delinquent_accounts"], 1, "it is on no bill and has no due date");
    of.program.assert_proven();
}

#[test]
fn the_share_of_autopay_is_of_all_accounts() {
    let of = Billed::open(&["north"], 3);
    assert_eq!(figures(&of.admin)["autopay_share_percent"], "0.0");
    let account = format!("/v1/accounts/{}", text(&of.accounts[1]));
    let method = json!({
        "kind": "card", "gateway": "stripe", "customer_token": "cus_1", "method_token": "pm_card_visa",
        "label": "Visa ending 4242"
    });
    let method = of.admin.post(&format!("{account}/payment-methods"), &method).ok();
    let etag = of.admin.get(&account).etag.unwrap();
    let enrolment = json!({ "payment_method_id": method["id"], "rule": "due_date" });
    of.admin.put(&format!("{account}/autopay"), &enrolment, Some(&etag)).ok();
    let now = figures(&of.admin);
    assert_eq!((&now["autopay_accounts"], &now["autopay_share_percent"]), (&json!(1), &json!("33.3")));
}

#[test]
fn each_site_has_its_own_figures_and_balances() {
    let of = Billed::open(&["north", "south"], 2);
    of.pays(0, "10.00");
    let (north, south) = (of.staff("nora", "manager", Some(0)), of.staff("saul", "viewer", Some(1)));
    let (of_north, of_south, whole) = (figures(&north), figures(&south), figures(&of.admin));
    let names = ["revenue_month", "outstanding"];
    assert_eq!(amounts(&of_north, names), ["60.00", "50.00"]);
    assert_eq!(amounts(&of_south, names), ["60.00", "60.00"]);
    assert_eq!(amounts(&whole, names), ["120.00", "110.00"]);
    assert_eq!((&of_north["accounts"], &whole["accounts"]), (&json!(2), &json!(4)));
    assert_eq!(month(&of_south, "2026-02-01"), ["60.00", "0.00"]);

    // The most first.
    let due = north.all("/v1/dashboard/balances-due");
    let owed: Vec<&str> = due.iter().map(|row| text(&row["balance"]["amount"])).collect();
    assert_eq!(owed, ["30.00", "20.00"]);
    assert_eq!(due[1]["account_id"], of.accounts[0]);
    assert_eq!(due[1]["number"], of.number(0));
}
