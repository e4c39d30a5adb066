//! What clients send: of any length, at any speed.

use crate::server::{serve, serve_with};
use app::staff::NewApiClient;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use testkit::TestDatabase;
use vocab::Role;

#[test]
fn a_long_query_is_part_of_what_is_asked_once_not_of_its_key() {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    serve(&database, |served| {
        let token = served.admin();
        let caller = app::Caller { principal: served.app.authenticate(&token).unwrap(), request_id: None };
        let new =
            NewApiClient { name: "AMI".to_owned(), role: Role::Integration, sites: access::SiteScope::All };
        let id = served.app.register_client(&caller, new).unwrap().0.id;
        let noise = testkit::noise(20_000);
        let path = format!("/v1/api-clients/{id}/withdraw");
        let ask = |query: &str| {
            served.ask(&token, &["POST", &format!("{path}?x={query}"), "Idempotency-Key: withdraw-1"], "")
        };
        let first = ask(&noise);
        assert_eq!(first.0, 200, "{}", first.2);
        assert_eq!(ask(&noise).2, first.2);
        let other = ask("1");
        assert!(other.0 == 422 && other.2.contains("idempotency_key_reused"), "{}", other.2);
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
