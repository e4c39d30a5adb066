//! What clients send: of any length, at any speed.

use crate::server::{serve, serve_with};
use app::staff::NewApiClient;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use testkit::TestDatabase;
use vocab::Role;

#[test]
fn what_is_asked_beside_the_documented_is_refused() {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    serve(&database, |served| {
        let token = served.admin();
        let caller = app::Caller { principal: served.app.authenticate(&token).unwrap(), request_id: None };
        let new =
            NewApiClient { name: "AMI".to_owned(), role: Role::Integration, sites: access::SiteScope::All };
        let id = served.app.register_client(&caller, new).unwrap().0.id;
        let path = format!("/v1/api-clients/{id}/withdraw");
        let ask = |query: &str| {
            served.ask(&token, &["POST", &format!("{path}{query}"), "Idempotency-Key: withdraw-1"], "")
        };
        for query in ["?dry_run=true".to_owned(), format!("?x={}", testkit::noise(20_000))] {
            let (status, _, body) = ask(&query);
            assert!(status == 400 && body.contains("malformed_parameter"), "{status} {body}");
        }
        // Nothing was done, and the key is free.
        assert_eq!(ask("").0, 200);
        for path in ["/v1/settings?expand=all", "/v1/clock?at", "/v1/no-such-thing?x=1"] {
            let (status, _, body) = served.ask(&token, &["GET", path], "");
            let expected = if path.contains("no-such") { 404 } else { 400 };
            assert!(status == expected && !body.contains("request_id\":\"\""), "{path}: {status} {body}");
        }
        assert_eq!(served.ask(&token, &["GET", "/v1/settings"], "").0, 200);
        let (status, _, body) = served.ask(&token, &["GET", "/v1/accounts?colour=red"], "");
        assert!(status == 400 && body.contains("colour: there is no such parameter; there are"), "{body}");
    });
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    let impatient = |options: &mut api::Options| options.body_patience = Duration::from_millis(200);
    serve_with(&database, impatient, |served| {
        let token = served.admin();
        for (path, kind) in [
            ("/v1/persons", "application/json"),
            ("/v1/reading-imports", "text/csv"),
            ("/v1/auth/token", "application/json"),
        ] {
            let mut stream = TcpStream::connect(served.address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: {kind}\r\n\
                 Idempotency-Key: slow\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{{"
            );
            stream.write_all(head.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("in time"), "{path}: {answer}");
        }
    });
}

#[test]
fn a_wrong_method_on_a_known_address_is_told_the_right_ones() {
    let database = TestDatabase::create().unwrap();
    serve(&database, |served| {
        let (status, head, body) = crate::server::send(served.address, &["DELETE", "/v1/accounts"], "");
        assert_eq!(status, 405, "{body}");
        assert!(head.contains("allow: get, post") && body.contains("method_not_allowed"), "{head}{body}");
        let (status, _, body) = crate::server::send(served.address, &["POST", "/v1/no-such-thing"], "");
        assert_eq!(status, 404, "{body}");
    });
}

#[test]
fn a_body_that_cannot_be_read_is_told_in_plain_words_where() {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    serve(&database, |served| {
        let token = served.admin();
        let post = |path: &str, body: &str| {
            let head = ["POST", path, "Content-Type: application/json", "Idempotency-Key: k"];
            let (status, _, body) = served.ask(&token, &head, body);
            let said: serde_json::Value = serde_json::from_str(&body).unwrap();
            let first = &said["errors"][0];
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            (status, text(&first["pointer"]), text(&first["detail"]), text(&said["detail"]))
        };
        let person = |body: &str| post("/v1/persons", body);
        let (status, pointer, detail, _) = person(r#"{"name": 5, "language": "en"}"#);
        assert_eq!((status, pointer.as_str(), detail.as_str()), (422, "/name", "expected a text, not 5"));
        let (_, pointer, detail, _) = person(r#"{"language": "en"}"#);
        assert_eq!((pointer.as_str(), detail.as_str()), ("/name", "this field is needed"));
        let (_, pointer, detail, _) = person(r#"{"name": "Ana", "language": "en", "colour": 1}"#);
        assert!(
            pointer == "/colour" && detail.starts_with("there is no such field; there are `"),
            "{detail}"
        );
        let (status, _, _, detail) = person(r#"{"name": "Ana", "#);
        assert!(
            status == 400 && detail.starts_with("the body ends before its JSON does: line 1"),
            "{detail}"
        );
        let (status, _, _, detail) = person("name=Ana");
        assert!(status == 400 && detail.starts_with("the body is not JSON: line 1"), "{detail}");
        // The character NUL is pointed at; in a path it names nothing.
        let (status, pointer, _, _) = person(r#"{"name": "A\u0000na", "language": "en"}"#);
        assert_eq!((status, pointer.as_str()), (422, "/name"));
        assert_eq!(served.ask(&token, &["GET", "/v1/operations/a%00b"], "").0, 404);
        let (status, _, body) = served.ask(&token, &["GET", "/v1/accounts?q=a%00b"], "");
        assert!(status == 400 && body.contains("q: the character NUL"), "{body}");
    });
}

#[test]
fn the_terms_of_a_contract_are_pointed_at_field_by_field() {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    serve(&database, |served| {
        let token = served.admin();
        let pointer = |terms: &str| {
            let path = format!("/v1/accounts/{}/contracts", vocab::AccountId(1));
            let body = format!(r#"{{"contract_type_id": "{}", "terms": {terms}}}"#, vocab::ContractTypeId(1));
            let head = ["POST", path.as_str(), "Content-Type: application/json", "Idempotency-Key: k"];
            let (status, _, said) = served.ask(&token, &head, &body);
            assert_eq!(status, 422, "{said}");
            let said: serde_json::Value = serde_json::from_str(&said).unwrap();
            said["errors"][0]["pointer"].as_str().unwrap().to_owned()
        };
        let fifty = r#"{"amount": "50.00", "currency": "USD"}"#;
        assert_eq!(pointer(r#"{"kind": "budget"}"#), "/terms/kind");
        assert_eq!(pointer("{}"), "/terms/kind");
        assert_eq!(pointer("5"), "/terms");
        assert_eq!(pointer(&format!(r#"{{"kind": "deposit", "required": {fifty}}}"#)), "/terms/per_bill");
        let wrong = format!(r#"{{"kind": "deposit", "required": {{"amount": 5}}, "per_bill": {fifty}}}"#);
        assert_eq!(pointer(&wrong), "/terms/required/amount");
        let more =
            format!(r#"{{"kind": "deposit", "required": {fifty}, "per_bill": {fifty}, "payments": 3}}"#);
        assert_eq!(pointer(&more), "/terms/payments");
    });
}
