//! The sandbox, reached through the Stripe client.

use crate::contract::{self, Subject};
use crate::{client, look_up_of, request};
use connectors::gateway::sandbox::{SandboxOptions, WebhookTarget};
use connectors::gateway::stripe::{Dialect, StripeConfig, WebhookCheck};
use connectors::gateway::{ManualGateway, SandboxGateway, Secret, StripeGateway};
use payments::gateway::{
    ChargeOutcome, DeclineKind, EventKind, Gateway, GatewayEvent, LookUp, Reference, RefundOutcome,
    RefundRequest,
};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;
use vocab::Money;

const PATIENT: Duration = Duration::from_secs(30);

fn start(options: SandboxOptions) -> SandboxGateway {
    SandboxGateway::start(SandboxGateway::ANY_PORT, options).unwrap()
}

fn post(sandbox: &SandboxGateway, path: &str, form: &str) -> u16 {
    let client = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
    let request = client.post(format!("{}{path}", sandbox.url())).bearer_auth("sk_test_1");
    request.body(form.to_owned()).send().unwrap().status().as_u16()
}

#[test]
fn the_contract_holds_in_both_dialects() {
    for dialect in [Dialect::Full, Dialect::Core] {
        let sandbox = start(SandboxOptions::default());
        contract::holds(&Subject {
            gateway: &client(&sandbox.url(), dialect, PATIENT),
            customer: "cus_1".to_owned(),
            good: "pm_card_visa",
            bad: "pm_card_chargeCustomerFail",
            honours_keys: true,
        });
        sandbox.stop();
    }
}

#[test]
fn every_magic_card_is_declined_by_its_name() {
    let sandbox = start(SandboxOptions::default());
    let gateway = client(&sandbox.url(), Dialect::Full, PATIENT);
    for (method, reason, kind) in [
        ("pm_card_chargeDeclined", "card_declined", DeclineKind::Soft),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds", DeclineKind::Soft),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", DeclineKind::Soft),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", DeclineKind::Hard),
        ("pm_card_chargeDeclinedLostCard", "lost_card", DeclineKind::Hard),
        ("pm_card_chargeDeclinedStolenCard", "stolen_card", DeclineKind::Hard),
        ("pm_card_authenticationRequired", "authentication_required", DeclineKind::Hard),
        ("pm_nobody", "resource_missing", DeclineKind::Hard),
    ] {
        let outcome = gateway.charge(&request(method, 4351, "cus_1", method));
        let ChargeOutcome::Declined(declined) = outcome else { panic!("{method}: {outcome:?}") };
        assert_eq!((declined.reason.as_str(), declined.kind), (reason, kind), "{method}");
    }
    let small = gateway.charge(&request("small", 49, "cus_1", "pm_card_visa"));
    assert!(matches!(small, ChargeOutcome::Declined(declined) if declined.reason == "amount_too_small"));
}

#[test]
fn a_bank_debit_is_pending_until_it_is_settled() {
    let sandbox = start(SandboxOptions::default());
    let gateway = client(&sandbox.url(), Dialect::Full, PATIENT);
    let mut references = Vec::new();
    for (key, method) in [("d1", "pm_usBankAccount_success"), ("d2", "pm_usBankAccount_accountClosed")] {
        let charge = request(key, 4351, "cus_1", method);
        let outcome = gateway.charge(&charge);
        let ChargeOutcome::Pending { reference } = outcome.clone() else { panic!("{outcome:?}") };
        assert_eq!(gateway.look_up(&look_up_of(&charge)), LookUp::Found(outcome));
        assert_eq!(post(&sandbox, &format!("/v1/sandbox/payment_intents/{reference}/settle"), ""), 200);
        assert_eq!(post(&sandbox, &format!("/v1/sandbox/payment_intents/{reference}/settle"), ""), 400);
        references.push((charge, reference));
    }
    let (charge, reference) = &references[0];
    let succeeded = LookUp::Found(ChargeOutcome::Succeeded { reference: reference.clone() });
    assert_eq!(gateway.look_up(&look_up_of(charge)), succeeded);
    let found = gateway.look_up(&look_up_of(&references[1].0));
    let LookUp::Found(ChargeOutcome::Declined(declined)) = found else { panic!("{found:?}") };
    assert_eq!((declined.reason.as_str(), declined.kind), ("account_closed", DeclineKind::Hard));
}

#[test]
fn a_bank_debit_can_settle_by_itself() {
    let sandbox = start(SandboxOptions { settle_after: Some(Duration::ZERO), webhook: None });
    let gateway = client(&sandbox.url(), Dialect::Full, PATIENT);
    let charge = request("d1", 4351, "cus_1", "pm_usBankAccount_success");
    assert!(matches!(gateway.charge(&charge), ChargeOutcome::Pending { .. }));
    assert!(matches!(gateway.look_up(&look_up_of(&charge)), LookUp::Found(ChargeOutcome::Succeeded { .. })));
}

#[test]
fn a_lost_answer_is_unknown_and_a_look_up_tells() {
    let sandbox = start(SandboxOptions::default());
    let gateway = client(&sandbox.url(), Dialect::Full, Duration::from_millis(1500));
    for method in ["pm_sandbox_reset", "pm_sandbox_cut", "pm_sandbox_hang", "pm_sandbox_500"] {
        let charge = request(method, 4351, "cus_1", method);
        let outcome = gateway.charge(&charge);
        assert!(matches!(outcome, ChargeOutcome::Unknown { .. }), "{method}: {outcome:?}");
        let found = gateway.look_up(&look_up_of(&charge));
        assert!(matches!(found, LookUp::Found(ChargeOutcome::Succeeded { .. })), "{method}: {found:?}");
    }
    let lost = request("lost", 4351, "cus_1", "pm_sandbox_lost");
    assert!(matches!(gateway.charge(&lost), ChargeOutcome::Unknown { .. }));
    assert_eq!(gateway.look_up(&look_up_of(&lost)), LookUp::NotFound);
}

#[test]
fn a_look_up_reads_page_after_page() {
    let sandbox = start(SandboxOptions::default());
    let gateway = client(&sandbox.url(), Dialect::Full, PATIENT);
    for n in 0..205 {
        let charge = request(&format!("k{n}"), 4351, "cus_1", "pm_card_visa");
        assert!(matches!(gateway.charge(&charge), ChargeOutcome::Succeeded { .. }));
    }
    let oldest = look_up_of(&request("k0", 4351, "cus_1", "pm_card_visa"));
    assert!(matches!(gateway.look_up(&oldest), LookUp::Found(ChargeOutcome::Succeeded { .. })));
    let other_customer = look_up_of(&request("k0", 4351, "cus_2", "pm_card_visa"));
    assert_eq!(gateway.look_up(&other_customer), LookUp::NotFound);
}

#[test]
fn a_wrong_key_is_our_fault_and_a_stopped_gateway_takes_nothing() {
    let sandbox = start(SandboxOptions::default());
    let url = sandbox.url();
    let charge = request("k1", 4351, "cus_1", "pm_card_visa");
    let wrong = StripeGateway::new(StripeConfig::new(&url, Secret::new("sk_live_1"))).unwrap();
    assert!(matches!(wrong.charge(&charge), ChargeOutcome::NotTaken { .. }));
    assert!(matches!(wrong.look_up(&look_up_of(&charge)), LookUp::StillUnknown { .. }));
    let right = client(&url, Dialect::Full, PATIENT);
    assert!(matches!(right.charge(&charge), ChargeOutcome::Succeeded { .. }));
    sandbox.stop();
    let fresh = client(&url, Dialect::Full, PATIENT);
    assert!(matches!(fresh.charge(&charge), ChargeOutcome::NotTaken { .. }));
    assert!(matches!(fresh.look_up(&look_up_of(&charge)), LookUp::StillUnknown { .. }));
}

#[test]
fn many_customers_pay_at_once() {
    let sandbox = start(SandboxOptions::default());
    let gateway = client(&sandbox.url(), Dialect::Full, PATIENT);
    let references: Vec<Reference> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                let gateway = &gateway;
                scope.spawn(move || {
                    let charge = |n| match gateway.charge(&request(
                        // Every key is sent by two workers: it is charged once.
                        &format!("k{}-{n}", worker / 2),
                        4351,
                        "cus_1",
                        "pm_card_visa",
                    )) {
                        ChargeOutcome::Succeeded { reference } => reference,
                        other => panic!("{other:?}"),
                    };
                    (0..25).map(charge).collect::<Vec<_>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    let distinct: std::collections::BTreeSet<_> = references.iter().collect();
    assert_eq!((references.len(), distinct.len()), (200, 100));
}

/// Takes one request and answers 200.
fn receive(listener: &TcpListener) -> (String, Vec<u8>) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).unwrap();
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let Some(end) = text.find("\r\n\r\n") else { continue };
        let value = |name: &str| {
            let line = text[..end].lines().find(|line| line.starts_with(name)).unwrap().to_owned();
            line.split_once(':').unwrap().1.trim().to_owned()
        };
        let length: usize = value("content-length").parse().unwrap();
        if bytes.len() >= end + 4 + length {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            return (value("stripe-signature"), bytes[end + 4..].to_vec());
        }
    }
}

fn event(listener: &TcpListener, check: &WebhookCheck) -> GatewayEvent {
    let (signature, body) = receive(listener);
    // The receiver's clock is real time; the header's own stamp stands for it here.
    let stamp = signature.split(',').find_map(|part| part.strip_prefix("t=")).unwrap();
    let now = time::OffsetDateTime::from_unix_timestamp(stamp.parse().unwrap()).unwrap();
    check.receive(&signature, &body, now).unwrap()
}

#[test]
fn signed_events_tell_what_happened() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
    let secret = Secret::new("whsec_1");
    let check = WebhookCheck::new(vec![secret.clone()]);
    let sandbox = start(SandboxOptions { settle_after: None, webhook: Some(WebhookTarget { url, secret }) });
    let gateway = client(&sandbox.url(), Dialect::Full, PATIENT);

    let outcome = gateway.charge(&request("k1", 4351, "cus_1", "pm_usBankAccount_success"));
    let ChargeOutcome::Pending { reference } = outcome else { panic!("{outcome:?}") };
    assert_eq!(event(&listener, &check).kind, EventKind::ChargePending);
    assert_eq!(post(&sandbox, &format!("/v1/sandbox/payment_intents/{reference}/settle"), ""), 200);
    let succeeded = event(&listener, &check);
    assert_eq!(succeeded.kind, EventKind::ChargeSucceeded { amount: Money::from_minor(4351) });
    assert_eq!(succeeded.reference, Some(reference.clone()));
    assert_eq!(succeeded.key, Some("k1".parse().unwrap()));

    let amount = Money::from_minor(351);
    let refund = RefundRequest { key: "r1".parse().unwrap(), reference: reference.clone(), amount };
    assert!(matches!(gateway.refund(&refund), RefundOutcome::Succeeded { .. }));
    let refunded = event(&listener, &check);
    assert_eq!(refunded.kind, EventKind::Refunded { amount });
    assert_eq!((refunded.reference, refunded.key), (Some(reference.clone()), succeeded.key));

    assert_eq!(post(&sandbox, &format!("/v1/sandbox/payment_intents/{reference}/dispute"), ""), 200);
    let disputed = event(&listener, &check);
    assert!(matches!(disputed.kind, EventKind::Disputed { .. }), "{disputed:?}");

    gateway.charge(&request("k2", 4351, "cus_1", "pm_card_chargeDeclinedInsufficientFunds"));
    let failed = event(&listener, &check);
    let EventKind::ChargeFailed(declined) = failed.kind else { panic!("{failed:?}") };
    assert_eq!(declined.reason, "insufficient_funds");
    assert_ne!(failed.id, disputed.id);
}

#[test]
fn stopping_does_not_wait_for_a_receiver_that_is_gone() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let webhook = WebhookTarget { url: format!("http://{gone}/"), secret: Secret::new("whsec_1") };
    let sandbox = start(SandboxOptions { settle_after: None, webhook: Some(webhook) });
    let gateway = client(&sandbox.url(), Dialect::Full, PATIENT);
    gateway.charge(&request("k1", 4351, "cus_1", "pm_card_visa"));
    let before = std::time::Instant::now();
    sandbox.stop();
    assert!(before.elapsed() < Duration::from_secs(5), "stopping took {:?}", before.elapsed());
}

#[test]
fn a_person_settles_what_the_manual_gateway_takes() {
    let charge = request("k1", 4351, "cus_1", "counter");
    let outcome = ManualGateway.charge(&charge);
    assert!(matches!(outcome, ChargeOutcome::Pending { .. }));
    assert_eq!(ManualGateway.look_up(&look_up_of(&charge)), LookUp::Found(outcome));
}
