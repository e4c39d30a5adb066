//! Mailers against the real thing: a mail server of another make, and the file system.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests; what is left out is said")]

use std::process::Command;
use std::time::Duration;

use connectors::mail::{FolderMailer, Login, Security, SmtpMailer, SmtpSettings};
use notifications::{Attachment, Line, Mailbox, Mailer, OutgoingMail, SendOutcome};
use testkit::counterparts::MailServer as Server;

const SUBJECT: &str =
    "Su factura de Río Verde está lista: ¡$1,234.50! — vence el 23 de março, très bientôt, 水道";
const TEXT: &str = "Hola, Zoë:\n\n.a line that begins with a dot\n.\nFrom here on: ñ, é, €\nTrailing line\n";
const HTML: &str = "<!DOCTYPE html>\n<html lang=\"es\"><body><p>Hola, Zoë &amp; Ñoño: 水</p></body></html>\n";

fn mailbox(name: &str, address: &str) -> Mailbox {
    Mailbox { name: Line::of(name), address: address.parse().unwrap() }
}

/// Every byte value, line ends of all kinds, and a dot alone on its line.
fn bytes() -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    bytes.extend_from_slice(b"\n.\r\n\r\n.\n\r");
    bytes
}

fn mail(id: &str, to: &str) -> OutgoingMail {
    OutgoingMail {
        message_id: id.parse().unwrap(),
        from: mailbox("Río Verde, \"Agua\" <y> Luz", "bills@rio-verde.example"),
        to: mailbox("Zoë O'Ñez", to),
        subject: Line::of(SUBJECT),
        text: TEXT.to_owned(),
        html: HTML.to_owned(),
        attachments: vec![
            Attachment {
                file_name: Line::of("factura nº 1007 \"marzo\".pdf"),
                media_type: "application/pdf".into(),
                bytes: bytes(),
            },
            Attachment {
                file_name: Line::of("lines.csv"),
                media_type: "text/csv".into(),
                bytes: b"a,b\nc,d\r\n".to_vec(),
            },
        ],
        language: "es".parse().unwrap(),
    }
}

fn settings(port: u16) -> SmtpSettings {
    SmtpSettings {
        host: "localhost".into(),
        port,
        security: Security::None,
        login: None,
        hello_name: "billing.rio-verde.example".into(),
        timeout: Duration::from_secs(20),
        trusted_root_pem: None,
    }
}

#[test]
fn a_mail_arrives_intact() {
    let Some(server) = Server::start(&[]) else { return };
    let mailer = SmtpMailer::new(settings(server.port)).unwrap();
    let outcome = mailer.send(&mail("dlv_1a2b", "zoe@reader.example"));
    assert!(
        matches!(&outcome, SendOutcome::Sent { response } if response == "250 taken as 1"),
        "{outcome:?}"
    );

    let taken = server.taken();
    assert_eq!(taken.len(), 1);
    let got = &taken[0];
    assert_eq!(got["headers"]["subject"], SUBJECT);
    assert_eq!(got["headers"]["message-id"], "<dlv_1a2b@rio-verde.example>");
    assert_eq!(got["headers"]["content-language"], "es");
    assert_eq!(got["headers"]["auto-submitted"], "auto-generated");
    assert_eq!(got["headers"]["from"], r#""Río Verde, \"Agua\" <y> Luz" <bills@rio-verde.example>"#);
    assert_eq!(got["headers"]["to"], "Zoë O'Ñez <zoe@reader.example>");
    assert_eq!(got["envelope_from"], "bills@rio-verde.example");
    assert_eq!(got["envelope_to"], serde_json::json!(["zoe@reader.example"]));
    assert_eq!(got["hello"], "billing.rio-verde.example");
    assert_eq!(got["ascii"], true);
    assert_eq!(
        got["structure"],
        serde_json::json!([
            "multipart/mixed",
            "multipart/alternative",
            "text/plain",
            "text/html",
            "application/pdf",
            "text/csv"
        ])
    );
    let lines = |body: &serde_json::Value| body.as_str().unwrap().replace("\r\n", "\n");
    assert_eq!(lines(&got["text"]), TEXT);
    assert_eq!(lines(&got["html"]), HTML);
    assert_eq!(got["attachments"][0]["name"], "factura nº 1007 \"marzo\".pdf");
    assert_eq!(got["attachments"][0]["type"], "application/pdf");
    assert_eq!(got["attachments"][0]["bytes"], serde_json::json!(bytes()));
    assert_eq!(got["attachments"][1]["bytes"], serde_json::json!(b"a,b\nc,d\r\n"));
}

#[test]
fn a_connection_is_used_again_and_refusals_are_told_apart() {
    let Some(server) = Server::start(&[]) else { return };
    let mailer = SmtpMailer::new(settings(server.port)).unwrap();
    for id in ["m1", "m2", "m3"] {
        assert!(matches!(mailer.send(&mail(id, "zoe@reader.example")), SendOutcome::Sent { .. }));
    }
    let ports: Vec<_> = server.taken().iter().map(|mail| mail["peer_port"].clone()).collect();
    assert!(ports.len() == 3 && ports.iter().all(|port| *port == ports[0]), "{ports:?}");

    let refused = |to: &str| match mailer.send(&mail("m4", to)) {
        SendOutcome::Refused { permanent, reason } => (permanent, reason),
        other => panic!("{to}: {other:?}"),
    };
    let (permanent, reason) = refused("gone@reader.example");
    assert!(permanent && reason.contains("no such mailbox"), "{reason}");
    let (permanent, reason) = refused("later@reader.example");
    assert!(!permanent && reason.contains("try again later"), "{reason}");
    let (permanent, reason) = refused("spam@reader.example");
    assert!(permanent && reason.contains("not wanted"), "{reason}");
    let silent = mailer.send(&mail("m5", "silent@reader.example"));
    assert!(matches!(silent, SendOutcome::Unknown { .. }), "{silent:?}");
    // After all of that the next mail goes out as before.
    assert!(matches!(mailer.send(&mail("m6", "zoe@reader.example")), SendOutcome::Sent { .. }));
    assert_eq!(server.taken().len(), 4);
}

#[test]
fn a_kept_connection_to_a_server_that_went_away_is_not_trusted() {
    let Some(first) = Server::start(&[]) else { return };
    let mailer = SmtpMailer::new(settings(first.port)).unwrap();
    assert!(matches!(mailer.send(&mail("m1", "zoe@reader.example")), SendOutcome::Sent { .. }));
    drop(first);
    let outcome = mailer.send(&mail("m2", "zoe@reader.example"));
    assert!(matches!(outcome, SendOutcome::Away { .. }), "{outcome:?}");
}

#[test]
fn a_silent_server_costs_no_more_than_the_time_out() {
    // Listens, never greets.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let settings =
        SmtpSettings { timeout: Duration::from_millis(100), host: "127.0.0.1".into(), ..settings(port) };
    let outcome = SmtpMailer::new(settings).unwrap().send(&mail("m1", "zoe@reader.example"));
    assert!(matches!(outcome, SendOutcome::Away { .. }), "{outcome:?}");
}

#[test]
fn a_login_is_made_and_a_wrong_one_does_not_condemn_the_mail() {
    let Some(server) = Server::start(&["--login", "bills", "hunter2"]) else { return };
    let with = |password: &str| {
        let login = Some(Login { user: "bills".into(), password: password.into() });
        SmtpMailer::new(SmtpSettings { login, ..settings(server.port) }).unwrap()
    };
    let good = with("hunter2").send(&mail("m1", "zoe@reader.example"));
    assert!(matches!(good, SendOutcome::Sent { .. }), "{good:?}");
    assert_eq!(server.taken()[0]["user"], "bills");

    for mailer in [with("wrong"), SmtpMailer::new(settings(server.port)).unwrap()] {
        match mailer.send(&mail("m2", "zoe@reader.example")) {
            SendOutcome::Away { why } => assert!(!why.contains("wrong"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(server.taken().len(), 1);
}

#[test]
fn starttls_protects_and_foreign_certificates_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    if !made.as_ref().is_ok_and(|made| made.status.success()) {
        eprintln!("LEFT OUT: no certificate to test with: {made:?}");
        return;
    }
    let (certificate_path, key_path) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let arguments = ["--login", "bills", "hunter2", "--tls", certificate_path, key_path];
    let Some(server) = Server::start(&arguments) else { return };
    let protected = SmtpSettings {
        security: Security::StartTls,
        login: Some(Login { user: "bills".into(), password: "hunter2".into() }),
        trusted_root_pem: Some(std::fs::read(&certificate).unwrap()),
        ..settings(server.port)
    };
    let untrusted = SmtpSettings { trusted_root_pem: None, ..protected.clone() };
    let outcome = SmtpMailer::new(untrusted).unwrap().send(&mail("m1", "zoe@reader.example"));
    assert!(matches!(outcome, SendOutcome::Away { .. }), "{outcome:?}");

    let outcome = SmtpMailer::new(protected).unwrap().send(&mail("m2", "zoe@reader.example"));
    assert!(matches!(outcome, SendOutcome::Sent { .. }), "{outcome:?}");
    let taken = server.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!((&taken[0]["encrypted"], &taken[0]["user"]), (&true.into(), &"bills".into()));
}

#[test]
fn starttls_is_not_given_up_when_the_server_has_none() {
    let Some(server) = Server::start(&[]) else { return };
    let settings = SmtpSettings { security: Security::StartTls, ..settings(server.port) };
    let outcome = SmtpMailer::new(settings).unwrap().send(&mail("m1", "zoe@reader.example"));
    assert!(matches!(outcome, SendOutcome::Away { .. }), "{outcome:?}");
    assert!(server.taken().is_empty(), "nothing was said in clear");
}

#[test]
fn a_folder_takes_each_mail_once() {
    let home = tempfile::tempdir().unwrap();
    let mailer = FolderMailer::new(home.path().join("mail")).unwrap();
    for id in ["m2", "m1", "m2"] {
        let outcome = mailer.send(&mail(id, "zoe@reader.example"));
        assert!(matches!(outcome, SendOutcome::Sent { .. }), "{outcome:?}");
    }
    let listed = mailer.list().unwrap();
    let names: Vec<_> = listed.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["m1.eml", "m2.eml"]);
    assert_eq!(std::fs::read_dir(mailer.folder()).unwrap().count(), 2, "no drafts are left");
    let written = std::fs::read_to_string(&listed[0]).unwrap();
    assert!(written.contains("Message-ID: <m1@rio-verde.example>\r\n"), "{written}");
    assert!(written.is_ascii());
}

#[test]
fn what_cannot_be_written_is_refused_for_good() {
    let home = tempfile::tempdir().unwrap();
    let mailer = FolderMailer::new(home.path()).unwrap();
    let mut wrong = mail("m1", "zoe@reader.example");
    wrong.attachments[0].media_type = "pdf\r\nBcc: all@reader.example".into();
    let outcome = mailer.send(&wrong);
    assert!(matches!(outcome, SendOutcome::Refused { permanent: true, .. }), "{outcome:?}");
    assert!(mailer.list().unwrap().is_empty());
}
