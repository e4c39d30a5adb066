//! Orders to read again and interval data over HTTP: answered item by item, refused by field.

use crate::server::serve;
use serde_json::{Value, json};
use testkit::TestDatabase;
use vocab::{RegisterId, ServicePointId};

#[test]
fn orders_are_answered_one_by_one_and_long_spans_refused() {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    serve(&database, |served| {
        let token = served.admin();
        let ask = |method: &str, path: &str, more: &[&str], body: &str| {
            let head = [&[method, path, "Content-Type: application/json"][..], more].concat();
            let (status, head, body) = served.ask(&token, &head, body);
            (status, head, serde_json::from_str::<Value>(&body).unwrap_or(Value::String(body)))
        };
        let (point, register) = (ServicePointId(404), RegisterId::new(ServicePointId(404), 1));
        let orders = json!({ "items": [{ "service_point_id": point, "reason": "high" }] }).to_string();
        let (status, _, found) = ask("POST", "/v1/reread-orders", &["Idempotency-Key: one"], &orders);
        assert_eq!((status, &found["ordered"]), (200, &json!(0)), "{found}");
        let refusal = &found["items"][0]["error"];
        assert_eq!(refusal["pointer"], "/items/0/service_point_id");
        assert_eq!(refusal["code"], "unknown_reference");
        let none = json!({ "items": [] }).to_string();
        let (status, _, problem) = ask("POST", "/v1/reread-orders", &["Idempotency-Key: two"], &none);
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/items")), "{problem}");
        let (status, _, listed) = ask("GET", "/v1/reread-orders?state=open", &[], "");
        assert_eq!((status, listed), (200, json!({ "items": [] })));

        let button = format!("/v1/service-points/{point}/green-button?from=2026-01-01&to=");
        let (status, _, problem) = ask("GET", &format!("{button}2027-12-31"), &[], "");
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/to")), "{problem}");
        assert_eq!(ask("GET", &format!("{button}2026-12-31"), &[], "").0, 404);
        let sums = format!("/v1/registers/{register}/interval-sums?from=2026-01-01&to=2026-01-31&by=");
        assert_eq!(ask("GET", &format!("{sums}month"), &["Accept: text/csv"], "").0, 404);
        assert_eq!(ask("GET", &format!("{sums}year"), &[], "").0, 400);
        let history = format!("/v1/registers/{register}/interval-data/history?day=2026-01-");
        assert_eq!(ask("GET", &format!("{history}05"), &[], "").0, 404);
        assert_eq!(ask("GET", &format!("{history}32"), &[], "").0, 400);
    });
}

#[test]
fn flags_are_sorted_within_a_run_and_bounded_by_numbers() {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    serve(&database, |served| {
        let token = served.admin();
        let ask = |query: &str| {
            let (status, _, body) = served.ask(&token, &["GET", &format!("/v1/review-flags{query}")], "");
            (status, serde_json::from_str::<Value>(&body).unwrap())
        };
        assert_eq!(ask("?value[gte]=-1.5&value[lte]=22.26&sort=account"), (200, json!({ "items": [] })));
        let (status, problem) = ask("?sort=-severity");
        assert_eq!((status, &problem["code"]), (400, &json!("malformed_parameter")), "{problem}");
        assert_eq!(ask("?value[gte]=much").0, 400);
        assert_eq!(ask("?sort=loudness").0, 400);
    });
}

#[test]
fn a_usage_profile_is_replaced_by_who_has_read_it() {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    serve(&database, |served| {
        let token = served.admin();
        let profile = json!({ "class_code": "residential", "commodity": "water", "unit": "kgal",
            "per_day": vec!["0.2"; 12] });
        let put = |more: &[&str]| {
            let head = [&["PUT", "/v1/usage-profiles", "Content-Type: application/json"][..], more].concat();
            let (status, head, body) = served.ask(&token, &head, &profile.to_string());
            (
                status,
                head.to_lowercase().contains("etag: \"2\""),
                serde_json::from_str::<Value>(&body).unwrap(),
            )
        };
        let (status, _, first) = put(&[]);
        assert_eq!((status, &first["version"]), (200, &json!(1)), "{first}");
        assert_eq!(put(&[]).0, 428);
        assert_eq!(put(&["If-Match: \"7\""]).0, 412);
        let (status, is_tagged, second) = put(&["If-Match: \"1\""]);
        assert_eq!((status, is_tagged, &second["version"]), (200, true, &json!(2)), "{second}");
    });
}
