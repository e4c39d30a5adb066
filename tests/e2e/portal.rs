//! What a resident learns from an account number, against bills that were really posted.

use e2e::town::text;
use e2e::{Billed, Client, Reply};
use serde_json::{Value, json};

fn look_up(nobody: &Client, number: &str) -> Reply {
    nobody.post("/v1/portal/look-up", &json!({ "account_number": number }))
}

/// A refusal without what differs from request to request.
fn uniform(reply: Reply) -> Value {
    let mut body = reply.refused(404, "not_found");
    body.as_object_mut().unwrap().remove("request_id");
    body
}

#[test]
fn a_number_tells_balance_due_date_and_status_as_they_change() {
    let of = Billed::open(&["north"], 1);
    let nobody = Client::anonymous(&of.program.url);
    let number = of.number(0);
    let told = |status: &str, amount: &str, due_on: Value| {
        let expected =
            json!({ "balance": { "amount": amount, "currency": "USD" }, "due_on": due_on, "status": status });
        assert_eq!(look_up(&nobody, &number).ok(), expected);
    };
    told("due", "30.00", json!("2026-02-23"));
    of.on("2026-02-23");
    told("due", "30.00", json!("2026-02-23"));
    of.on("2026-02-24");
    told("past_due", "30.00", json!("2026-02-23"));
    of.pays(0, "29.99");
    told("past_due", "0.01", json!("2026-02-23"));
    of.pays(0, "5.00");
    told("paid", "-4.99", Value::Null);
    // As people write it.
    let spaced = format!(" {} {} ", &number[..4], &number[4..]);
    assert_eq!(look_up(&nobody, &spaced).ok()["status"], "paid");
}

#[test]
fn guesses_are_answered_alike_and_soon_not_at_all() {
    let of = Billed::open(&["north"], 2);
    let nobody = Client::anonymous(&of.program.url);
    let number = of.number(0);
    // One digit off, nobody's, not a number, and one that a signed-in stranger asks for.
    let last = number.bytes().last().unwrap();
    let off = format!("{}{}", &number[..number.len() - 1], (last - b'0' + 1) % 10);
    let guesses = [off.as_str(), "0000000000", "acct_1f00", "", "12345678901234567890123"];
    let answers: Vec<Value> = guesses.iter().map(|guess| uniform(look_up(&nobody, guess))).collect();
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:#?}");
    let signed_in = uniform(look_up(&of.staff("vera", "viewer", None), &off));
    assert_eq!(signed_in, answers[0], "a token shows nothing more");

    // Ten a minute for one number, told how long to wait; another number is not held up by it.
    let replies: Vec<Reply> = (0..11).map(|_| look_up(&nobody, &number)).collect();
    let refused: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 429).collect();
    assert!(!refused.is_empty() && replies[..10].iter().all(|reply| reply.status == 200));
    assert!(refused.iter().all(|reply| reply.body["code"] == "too_many_requests"));
    assert!(refused.iter().all(|reply| reply.retry_after.is_some_and(|wait| (1..=60).contains(&wait))));
    assert_eq!(look_up(&nobody, &of.number(1)).ok()["status"], "due");
    // Thirty a minute for one address, whatever it asks for.
    let mut more = (0..30).map(|guess| look_up(&nobody, &format!("{guess:010}")));
    assert!(more.any(|reply| reply.status == 429));
    assert_eq!(text(&of.admin.get("/v1/dashboard").ok()["outstanding"]["amount"]), "60.00", "staff go on");
}
