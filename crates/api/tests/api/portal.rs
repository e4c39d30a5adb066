//! The resident's look-up: guesses disclose nothing and are soon too many.

use std::net::SocketAddr;
use testkit::TestDatabase;
use vocab::AccountNumber;

const CLOSED: u64 = 5;
const KNOWN: u64 = 4;

fn number(random: u64) -> AccountNumber {
    AccountNumber::from_random(random)
}

fn database() -> TestDatabase {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    for (random, state) in [(KNOWN, "active"), (CLOSED, "closed")] {
        let number = number(random).as_i64();
        database
            .execute(&format!(
                "INSERT INTO accounts (account_id, number, cycle_id, site_id, class_code, language, delivery, state, \
                   opened_on, current_minor, payoff_minor, last_bill_ending_minor, autopay_failures, version) VALUES \
                 ({random}, {number}, 1, 1, 'residential', 'en', 'post', '{state}', '2026-01-01', 4351, 4351, 0, 0, 1); \
                 INSERT INTO account_numbers (number, account_id) VALUES ({number}, {random});"
            ))
            .unwrap();
    }
    database
}

/// Status, whole head in lower case, body.
fn ask(address: SocketAddr, path: &str, body: &str) -> (u16, String, String) {
    crate::server::send(address, &["POST", path, "Content-Type: application/json"], body)
}

/// A problem without what differs from request to request.
fn uniform(body: &str) -> serde_json::Value {
    let mut problem: serde_json::Value = serde_json::from_str(body).unwrap();
    problem.as_object_mut().unwrap().remove("request_id");
    problem
}

fn look_up(address: SocketAddr, text: &str) -> (u16, String, String) {
    let body = serde_json::json!({ "account_number": text }).to_string();
    ask(address, "/v1/portal/look-up", &body)
}

fn with_server(work: impl FnOnce(SocketAddr) + Send + 'static) {
    crate::server::serve(&database(), |served| work(served.address));
}

#[test]
fn a_known_number_tells_balance_due_date_and_status_only() {
    with_server(|address| {
        let (status, head, body) = look_up(address, &number(KNOWN).to_string());
        assert_eq!(status, 200, "{body}");
        assert!(head.contains("cache-control: no-store"), "{head}");
        let told: serde_json::Value = serde_json::from_str(&body).unwrap();
        let expected = serde_json::json!({
            "balance": { "amount": "43.51", "currency": "USD" }, "due_on": null, "status": "due"
        });
        assert_eq!(told, expected);
    });
}

#[test]
fn two_hundred_guesses_disclose_nothing_and_are_too_many() {
    with_server(|address| {
        let mut answered = Vec::new();
        let mut refused = 0;
        for guess in 0..200 {
            let text = match guess % 4 {
                0 => number(1_000 + guess).to_string(),
                1 => format!("no number {guess}"),
                2 if guess == 2 => number(CLOSED).to_string(),
                _ => format!("{guess:010}"),
            };
            let (status, head, body) = look_up(address, &text);
            match status {
                404 => answered.push(uniform(&body)),
                429 => {
                    refused += 1;
                    assert!(head.contains("retry-after:"), "{head}");
                }
                other => panic!("{other}: {body}"),
            }
        }
        assert!(
            answered.len() >= 4 && answered.iter().all(|problem| *problem == answered[0]),
            "{answered:?}"
        );
        // Thirty a minute per address; a few come back while the guessing goes on.
        assert!(refused >= 100, "{refused} refused, {} answered", answered.len());
    });
}

#[test]
fn money_is_not_moved_without_a_token_nor_events_taken_without_a_signature() {
    with_server(|address| {
        for path in ["/v1/payments", "/v1/payment-runs", "/v1/draws/draw_1/retry"] {
            assert_eq!(ask(address, path, "{}").0, 401, "{path}");
        }
        // No secret is configured here: there is nobody to take the event.
        assert_eq!(ask(address, "/v1/gateways/stripe/webhook", "{}").0, 404);
    });
}

#[test]
fn residents_behind_a_trusted_proxy_do_not_share_a_budget() {
    let database = database();
    let guess = |served: &crate::server::Served, from: &str, count: u64| {
        let forwarded = format!("X-Forwarded-For: {from}");
        let head = ["POST", "/v1/portal/look-up", "Content-Type: application/json", &forwarded];
        (0..count)
            .map(|guess| {
                let body =
                    serde_json::json!({ "account_number": number(5_000 + guess).to_string() }).to_string();
                crate::server::send(served.address, &head, &body).0
            })
            .filter(|status| *status == 429)
            .count()
    };
    let trusting = |options: &mut api::Options| options.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    crate::server::serve_with(&database, trusting, move |served| {
        assert!(guess(served, "198.51.100.1", 60) > 0);
        assert_eq!(guess(served, "198.51.100.1, 198.51.100.2", 5), 0, "another resident");
        assert!(guess(served, "198.51.100.2, 198.51.100.1", 5) > 0, "what stands first is not believed");
    });
    crate::server::serve(&database, move |served| {
        assert!(guess(served, "198.51.100.1", 60) > 0);
        assert_eq!(guess(served, "198.51.100.3", 5), 5, "nobody is believed");
    });
}
