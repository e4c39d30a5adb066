//! E-bills through a mail server that others wrote: each arrives once, in its reader's language,
//! with its invoice attached.

use e2e::town::{Town, bill, invoices, text};
use e2e::{Client, Program};
use serde_json::{Value, json};
use testkit::counterparts::MailServer;

/// Ana and Inés read their mail; Gone has no letter box at the server any more.
const READERS: &[(&str, &str)] = &[("Ana Reyes", "en"), ("Ines Soto", "es"), ("Gone", "en")];

/// Sends what is approved; answers the operation as it ended.
fn send(admin: &Client) -> Value {
    let sending = admin.post("/v1/deliveries/send", &json!({})).ok();
    admin.finish(&sending)
}

/// The delivery to this address.
fn delivery(admin: &Client, address: &str) -> Value {
    let all = admin.all("/v1/deliveries?channel=email");
    all.into_iter().find(|one| one["address"] == address).unwrap_or_else(|| panic!("none to {address}"))
}

/// The mail to this address; exactly one.
fn mail_to(server: &MailServer, address: &str) -> Value {
    let mut taken = server.taken();
    taken.retain(|mail| mail["envelope_to"] == json!([address]));
    assert_eq!(taken.len(), 1, "mails to {address}");
    taken.remove(0)
}

/// The invoice of the delivery is attached to the mail, byte by byte, under its own name.
fn assert_attached(admin: &Client, mail: &Value, delivery: &Value) {
    let attached = mail["attachments"].as_array().unwrap();
    assert_eq!(attached.len(), 1, "{:#}", mail["structure"]);
    let bill = admin.get(&format!("/v1/bills/{}", text(&delivery["bill_id"]))).ok();
    let name = format!("{}-{}.pdf", text(&delivery["account_number"]), text(&bill["number"]));
    assert_eq!((&attached[0]["name"], &attached[0]["type"]), (&json!(name), &json!("application/pdf")));
    let pdf = admin.download(&format!("/v1/invoices/{}/pdf", text(&delivery["invoice_id"])));
    assert!(pdf.starts_with(b"%PDF-") && attached[0]["bytes"] == json!(pdf), "another file is attached");
}

#[test]
fn e_bills_arrive_with_their_pdf_and_are_marked_sent() {
    let Some(server) = MailServer::start(&[]) else { return };
    let port = server.port.to_string();
    let program = Program::serve_with(
        2,
        &[
            ("PENSTOCK_MAIL_KIND", "smtp"),
            ("PENSTOCK_MAIL_HOST", "127.0.0.1"),
            ("PENSTOCK_MAIL_PORT", &port),
            ("PENSTOCK_MAIL_SECURITY", "none"),
            ("PENSTOCK_MAIL_HELLO_NAME", "billing.penstock.example"),
        ],
    );
    let admin = program.admin();
    let town = Town::found(&admin, &["north"], "2026-02-02T15:00:00Z");
    let kind = town.contract_type(&admin, "trail", "other", "recurring");
    for (name, language) in READERS {
        town.fee(&admin, &town.account_in(&admin, name, 0, language), &kind, "10.00");
    }
    let window = town.window(&admin, "2026-01-01", "2026-01-31", "2026-02-02");
    bill(&admin, &window);
    let run = invoices(&admin, &window);

    // Nothing goes out without approval.
    admin.post("/v1/deliveries/send", &json!({})).refused(422, "empty_scope");
    assert_eq!(delivery(&admin, "ana.reyes@example.org")["state"], "awaiting_approval");
    let approved = admin.post("/v1/deliveries/approve", &json!({ "invoice_run_id": run })).ok();
    assert_eq!(approved["approved"], READERS.len(), "{approved:#}");
    let sent = send(&admin);
    assert_eq!(sent["result"], json!({ "accounts_done": 2, "accounts_failed": 1 }), "{sent:#}");

    for (address, language, greeting, subject) in [
        (
            "ana.reyes@example.org",
            "en",
            "Hello Ana Reyes,",
            "Your Penstock Municipal Utilities bill is ready: $10.33 due February 23, 2026",
        ),
        (
            "ines.soto@example.org",
            "es",
            "Hola, Ines Soto:",
            "Su factura de Penstock Municipal Utilities está lista: $10.33, vence el 23 de febrero de 2026",
        ),
    ] {
        let (mail, delivery) = (mail_to(&server, address), delivery(&admin, address));
        assert_eq!(mail["headers"]["subject"], subject);
        assert_eq!(mail["headers"]["content-language"], language);
        assert!(text(&mail["text"]).starts_with(greeting), "{}", mail["text"]);
        assert_eq!(mail["envelope_from"], "billing@penstock.example");
        assert_eq!(mail["hello"], "billing.penstock.example");
        assert_eq!(delivery["state"], "sent", "{delivery:#}");
        // The other side's own words.
        assert!(text(&delivery["reason"]).starts_with("250 taken as "), "{delivery:#}");
        assert_attached(&admin, &mail, &delivery);
    }
    // What the server refused is told in its words, and goes again where a person says.
    let refused = delivery(&admin, "gone@example.org");
    assert_eq!(refused["state"], "bounced", "{refused:#}");
    assert!(text(&refused["reason"]).contains("no such mailbox"), "{refused:#}");
    admin.post("/v1/deliveries/send", &json!({})).refused(422, "empty_scope");
    let here = format!("/v1/deliveries/{}", text(&refused["id"]));
    let etag = admin.get(&here).etag.unwrap();
    let elsewhere = json!({ "address": "found@example.org" });
    admin.act(&format!("{here}/resend"), &elsewhere, &etag).ok();
    send(&admin);
    assert_attached(&admin, &mail_to(&server, "found@example.org"), &refused);
    assert_eq!(admin.get(&here).ok()["state"], "sent");
    assert_eq!(server.taken().len(), READERS.len(), "each mail once");
    program.assert_proven();
}
