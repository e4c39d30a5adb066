//! A gateway that answers badly: never taken for a decline, and never for success.

use crate::{client, look_up_of, request};
use connectors::gateway::stripe::Dialect;
use payments::gateway::{
    ChargeOutcome, Gateway, LookUp, LookUpRequest, Reference, RefundOutcome, RefundRequest,
};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::time::Duration;
use vocab::Money;

/// What the server does with every request.
#[derive(Clone)]
enum Fault {
    /// Reads a little, and ends the connection with the rest unread: a reset.
    Reset,
    /// Reads it all and answers these bytes, then ends the connection.
    Answer(Vec<u8>),
    /// Reads it all and never answers.
    Silence,
}

/// Serves the fault on a free port; the threads end with the test.
fn serve(fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(mut stream), fault) = (stream, fault.clone()) else { return };
            std::thread::spawn(move || {
                let mut part = [0; 8192];
                match fault {
                    Fault::Reset => drop(stream.read(&mut part[..16])),
                    Fault::Answer(bytes) => {
                        let _read = stream.read(&mut part);
                        let _sent = stream.write_all(&bytes);
                        let _ended = stream.shutdown(Shutdown::Write);
                        let _drained = stream.read(&mut part);
                    }
                    // Ends when the client gives up.
                    Fault::Silence => while stream.read(&mut part).is_ok_and(|read| read > 0) {},
                }
            });
        }
    });
    url
}

fn answer(status: &str, body: &str) -> Fault {
    let length = body.len();
    Fault::Answer(format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes())
}

fn faults() -> Vec<(&'static str, Fault)> {
    let success = r#"{"object":"payment_intent","id":"pi_1","amount":4351,"status":"succeeded"}"#;
    let declined = r#"{"error":{"type":"card_error","code":"card_declined","message":"no"}}"#;
    let cut = |status: &str, body: &str| {
        let more = body.len() + 100;
        Fault::Answer(format!("HTTP/1.1 {status}\r\nContent-Length: {more}\r\n\r\n{body}").into_bytes())
    };
    vec![
        ("reset after send", Fault::Reset),
        ("closed without an answer", Fault::Answer(Vec::new())),
        ("no answer in time", Fault::Silence),
        ("cut in the head", Fault::Answer(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec())),
        ("cut success", cut("200 OK", success)),
        ("cut decline", cut("402 Payment Required", declined)),
        ("500", answer("500 Internal Server Error", declined)),
        ("502 page", answer("502 Bad Gateway", "<html>bad gateway</html>")),
        ("503 empty", answer("503 Service Unavailable", "")),
        (
            "429",
            answer(
                "429 Too Many Requests",
                r#"{"error":{"type":"invalid_request_error","code":"rate_limit"}}"#,
            ),
        ),
        ("garbage", Fault::Answer(b"\x00\x01\x02 what is this\r\n\r\n".to_vec())),
        ("200 garbage", answer("200 OK", "card_declined")),
        ("402 garbage", answer("402 Payment Required", "card_declined")),
        ("404 page", answer("404 Not Found", "<html>no such page</html>")),
        ("200 empty object", answer("200 OK", "{}")),
        (
            "redirect",
            Fault::Answer(
                b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 2\r\n\r\n{}"
                    .to_vec(),
            ),
        ),
    ]
}

#[test]
fn a_bad_answer_is_unknown_and_never_a_decline() {
    for (name, fault) in faults() {
        let gateway = client(&serve(fault), Dialect::Full, Duration::from_millis(800));
        let charge = request("k1", 4351, "cus_1", "pm_card_visa");
        let outcome = gateway.charge(&charge);
        assert!(matches!(outcome, ChargeOutcome::Unknown { .. }), "{name}: {outcome:?}");
        assert!(!format!("{outcome:?}").contains("sk_test"), "{name}: {outcome:?}");
        let refund = RefundRequest {
            key: "r1".parse().unwrap(),
            reference: Reference("pi_1".to_owned()),
            amount: Money::from_minor(5),
        };
        let refunded = gateway.refund(&refund);
        assert!(matches!(refunded, RefundOutcome::Unknown { .. }), "{name}: {refunded:?}");
    }
}

#[test]
fn a_bad_answer_to_a_look_up_leaves_it_unknown() {
    for (name, fault) in faults() {
        let gateway = client(&serve(fault), Dialect::Full, Duration::from_millis(800));
        let by_key = look_up_of(&request("k1", 4351, "cus_1", "pm_card_visa"));
        let by_reference = LookUpRequest { reference: Some(Reference("pi_1".to_owned())), ..by_key.clone() };
        for asked in [by_key, by_reference] {
            let found = gateway.look_up(&asked);
            assert!(matches!(found, LookUp::StillUnknown { .. }), "{name}: {found:?}");
        }
    }
}

#[test]
fn a_list_that_does_not_say_whether_it_ends_proves_nothing() {
    let gateway = client(&serve(answer("200 OK", r#"{"data":[]}"#)), Dialect::Full, Duration::from_secs(5));
    let asked = look_up_of(&request("k1", 4351, "cus_1", "pm_card_visa"));
    assert!(matches!(gateway.look_up(&asked), LookUp::StillUnknown { .. }));
}
