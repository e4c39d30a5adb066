//! A mailer that speaks SMTP (RFC 5321) to one server.
//!
//! The dialogue is led step by step, because what an error means depends on the step: before the
//! final dot the mail certainly did not go; after it, no answer means that nobody knows.
//! Connections are kept and used again; a kept one is tested before it is trusted with a mail.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{Certificate, SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, response::Response};
use notifications::{Mailer, OutgoingMail, SendOutcome};

use super::eml;

/// Idle connections that are kept; as many threads may send at once without a new handshake.
const IDLE_CONNECTIONS_MAX: usize = 8;

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Not at all: a relay on the same machine or in a test.
    None,
    /// Begins in clear and must be upgraded before anything is said.
    StartTls,
    /// TLS from the first byte.
    Tls,
}

/// Name and secret for the server. The secret never shows in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The secret.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("user", &self.user).field("password", &"[redacted]").finish()
    }
}

/// The server and how to speak to it.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Host name; with TLS also the name in its certificate.
    pub host: String,
    /// Usually 25, 587 (STARTTLS) or 465 (TLS).
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Only for servers that want it; never sent over an unprotected connection to another machine.
    pub login: Option<Login>,
    /// The name that we greet with.
    pub hello_name: String,
    /// For connecting and for each answer.
    pub timeout: Duration,
    /// A certificate (PEM) trusted besides the public ones: a server of the utility's own.
    pub trusted_root_pem: Option<Vec<u8>>,
}

/// Settings that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum WrongSettings {
    /// A password would travel in clear.
    #[error("a login needs a protected connection, or a server on this machine")]
    LoginInClear,
    /// The greeting is not a host name.
    #[error("the name to greet with is not a host name")]
    HelloName,
    /// Certificate or TLS library.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// Sends by SMTP.
pub struct SmtpMailer {
    settings: SmtpSettings,
    hello: ClientId,
    tls: Option<TlsParameters>,
    idle: Mutex<Vec<SmtpConnection>>,
}

impl std::fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpMailer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// How far a sending came.
enum Stopped {
    /// No usable connection: says nothing about this mail.
    Connecting(Error),
    /// The server answered no, or fell silent, before it had the mail.
    Offering(Error),
    /// The server had the mail, or part of it.
    Handing(Error),
}

impl SmtpMailer {
    /// Checks the settings; connects only when there is something to send.
    pub fn new(settings: SmtpSettings) -> Result<Self, WrongSettings> {
        let near = matches!(settings.host.as_str(), "localhost" | "127.0.0.1" | "::1");
        if settings.login.is_some() && settings.security == Security::None && !near {
            return Err(WrongSettings::LoginInClear);
        }
        let host_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'[' | b']' | b':');
        if settings.hello_name.is_empty() || !settings.hello_name.bytes().all(host_name) {
            return Err(WrongSettings::HelloName);
        }
        let tls = match settings.security {
            Security::None => None,
            Security::StartTls | Security::Tls => Some(tls(&settings)?),
        };
        let hello = ClientId::Domain(settings.hello_name.clone());
        Ok(Self { settings, hello, tls, idle: Mutex::new(Vec::new()) })
    }

    fn connection(&self) -> Result<SmtpConnection, Error> {
        while let Some(mut kept) = self.kept() {
            if kept.test_connected() {
                return Ok(kept);
            }
            kept.abort();
        }
        let from_first_byte = self.tls.as_ref().filter(|_| self.settings.security == Security::Tls);
        let server = (self.settings.host.as_str(), self.settings.port);
        let timeout = Some(self.settings.timeout);
        let mut connection = SmtpConnection::connect(server, timeout, &self.hello, from_first_byte, None)?;
        if self.settings.security == Security::StartTls
            && let Some(tls) = &self.tls
        {
            connection.starttls(tls, &self.hello)?;
        }
        if let Some(login) = &self.settings.login {
            let credentials = Credentials::new(login.user.clone(), login.password.clone());
            if let Err(error) = connection.auth(DEFAULT_MECHANISMS, &credentials) {
                connection.abort();
                return Err(error);
            }
        }
        Ok(connection)
    }

    fn kept(&self) -> Option<SmtpConnection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, mut connection: SmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_CONNECTIONS_MAX {
            idle.push(connection);
        } else {
            drop(idle);
            connection.abort();
        }
    }

    fn hand_over(&self, message: &lettre::Message) -> Result<Response, Stopped> {
        let mut connection = self.connection().map_err(Stopped::Connecting)?;
        let result = offer(&mut connection, message)
            .map_err(Stopped::Offering)
            .and_then(|()| connection.message(&message.formatted()).map_err(Stopped::Handing));
        match result {
            Ok(response) => {
                self.keep(connection);
                Ok(response)
            }
            Err(stopped) => {
                connection.abort();
                Err(stopped)
            }
        }
    }
}

impl Drop for SmtpMailer {
    fn drop(&mut self) {
        while let Some(mut kept) = self.kept() {
            kept.abort();
        }
    }
}

fn tls(settings: &SmtpSettings) -> Result<TlsParameters, WrongSettings> {
    let wrong = |error: Error| WrongSettings::Tls(error.to_string());
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(pem) = &settings.trusted_root_pem {
        builder = builder.add_root_certificate(Certificate::from_pem(pem).map_err(wrong)?);
    }
    builder.build().map_err(wrong)
}

/// Everything before the mail itself. The mail is ASCII: no parameters are needed.
fn offer(connection: &mut SmtpConnection, message: &lettre::Message) -> Result<(), Error> {
    let envelope = message.envelope();
    connection.command(Mail::new(envelope.from().cloned(), Vec::new()))?;
    for reader in envelope.to() {
        connection.command(Rcpt::new(reader.clone(), Vec::new()))?;
    }
    connection.command(Data)?;
    Ok(())
}

/// Whether the server's no is about this mail and final. A server that wants other credentials
/// (530, 534, 535, 538) says nothing about the mail.
fn is_final(error: &Error) -> bool {
    let about_login =
        error.status().is_some_and(|code| matches!(code.to_string().as_str(), "530" | "534" | "535" | "538"));
    error.is_permanent() && !about_login
}

/// Whether no other mail would have come further: the server is closing, or wants other credentials.
fn is_about_everybody(error: &Error) -> bool {
    error.status().is_some_and(|code| {
        matches!(code.to_string().as_str(), "421" | "454" | "530" | "534" | "535" | "538")
    })
}

impl Mailer for SmtpMailer {
    fn send(&self, mail: &OutgoingMail) -> SendOutcome {
        let message = match eml::message(mail) {
            Ok(message) => message,
            Err(error) => return SendOutcome::Refused { permanent: true, reason: error.to_string() },
        };
        match self.hand_over(&message) {
            Ok(response) => {
                let words: Vec<&str> = response.message().collect();
                SendOutcome::Sent { response: format!("{} {}", response.code(), words.join(" ")) }
            }
            Err(Stopped::Connecting(error)) => SendOutcome::Away { why: error.to_string() },
            Err(Stopped::Offering(error)) if is_about_everybody(&error) => {
                SendOutcome::Away { why: error.to_string() }
            }
            Err(Stopped::Offering(error)) => {
                SendOutcome::Refused { permanent: is_final(&error), reason: error.to_string() }
            }
            Err(Stopped::Handing(error)) if error.status().is_some() => {
                SendOutcome::Refused { permanent: is_final(&error), reason: error.to_string() }
            }
            Err(Stopped::Handing(error)) => SendOutcome::Unknown { why: error.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> SmtpSettings {
        SmtpSettings {
            host: "mail.example".into(),
            port: 587,
            security: Security::StartTls,
            login: Some(Login { user: "bills".into(), password: "hunter2".into() }),
            hello_name: "billing.example".into(),
            timeout: Duration::from_secs(5),
            trusted_root_pem: None,
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let mailer = SmtpMailer::new(settings()).unwrap();
        let shown = format!("{mailer:?} {:?}", settings());
        assert!(shown.contains("bills") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        let refused = |change: fn(&mut SmtpSettings)| {
            let mut settings = settings();
            change(&mut settings);
            SmtpMailer::new(settings).unwrap_err()
        };
        assert!(matches!(refused(|s| s.security = Security::None), WrongSettings::LoginInClear));
        assert!(matches!(refused(|s| s.hello_name = "a\r\nMAIL".into()), WrongSettings::HelloName));
        assert!(matches!(refused(|s| s.hello_name.clear()), WrongSettings::HelloName));
    }
}
