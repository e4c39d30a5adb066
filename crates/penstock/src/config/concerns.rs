//! One struct per concern. The documentation of each key is its row in docs/operations.md.

use connectors::gateway::Secret;
use connectors::gateway::stripe::Dialect;
use serde::{Deserialize, Serialize, Serializer};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Secrets leave no trace in what is written.
fn hidden<T, S: Serializer>(_: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_none()
}

/// Where the data are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// A PostgreSQL to connect to; without it, penstock runs one of its own.
    #[serde(serialize_with = "hidden")]
    pub url: Option<Secret>,
    /// Directory of the embedded database, keys and documents.
    pub data_dir: Option<PathBuf>,
    /// Connections of the API; workers have one each beside these.
    pub connections: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: None, data_dir: None, connections: 8 }
    }
}

/// How the API listens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Address and port.
    pub listen: SocketAddr,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Sign-ins per minute and name.
    pub sign_ins_per_name: u32,
    /// Sign-ins per minute and address.
    pub sign_ins_per_address: u32,
    /// Resident look-ups per minute and address.
    pub look_ups_per_address: u32,
    /// Resident look-ups per minute and account number.
    pub look_ups_per_account: u32,
    /// Resident look-ups per minute by everybody.
    pub look_ups_overall: u32,
}

impl Default for Http {
    fn default() -> Self {
        let limits = api::Limits::default();
        Self {
            listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 8080),
            trusted_proxies: Vec::new(),
            sign_ins_per_name: limits.sign_in_per_name.get(),
            sign_ins_per_address: limits.sign_in_per_address.get(),
            look_ups_per_address: limits.look_up_per_address.get(),
            look_ups_per_account: limits.look_up_per_account.get(),
            look_ups_overall: limits.look_up_overall.get(),
        }
    }
}

/// Keys that sign access tokens.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Directory of the signing keys (PEM).
    pub keys_dir: Option<PathBuf>,
}

/// Where rendered documents are kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Documents {
    /// A directory that every process sees.
    pub folder: Option<PathBuf>,
}

/// How mail leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// Into a folder, as `.eml` files.
    Folder,
    /// To an SMTP server.
    Smtp,
}

/// Protection of the connection to the SMTP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailSecurity {
    /// None: a relay on the same machine.
    None,
    /// Upgraded from clear text before anything is said.
    StartTls,
    /// TLS from the first byte.
    Tls,
}

/// How mail leaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// `folder` or `smtp`.
    pub kind: MailKind,
    /// Folder of the `.eml` files.
    pub folder: Option<PathBuf>,
    /// SMTP server.
    pub host: Option<String>,
    /// Its port.
    pub port: u16,
    /// Protection of the connection.
    pub security: MailSecurity,
    /// Name to sign in with.
    pub user: Option<String>,
    /// Password to sign in with.
    #[serde(serialize_with = "hidden")]
    pub password: Option<Secret>,
    /// The name we greet the server with.
    pub hello_name: String,
    /// Seconds for connecting and for each answer.
    pub timeout_s: u64,
    /// A certificate (PEM file) trusted besides the public ones.
    pub trusted_root_file: Option<PathBuf>,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            kind: MailKind::Folder,
            folder: None,
            host: None,
            port: 587,
            security: MailSecurity::StartTls,
            user: None,
            password: None,
            hello_name: "localhost".to_owned(),
            timeout_s: 30,
            trusted_root_file: None,
        }
    }
}

/// Who collects money.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gateways {
    /// Base URL of a Stripe-compatible gateway.
    pub stripe_url: Option<String>,
    /// How much of the interface it speaks.
    pub stripe_dialect: Dialect,
    /// Its secret key.
    #[serde(serialize_with = "hidden")]
    pub stripe_secret_key: Option<Secret>,
    /// Secret that signs its webhooks.
    #[serde(serialize_with = "hidden")]
    pub stripe_webhook_secret: Option<Secret>,
    /// The webhooks' secret before the last rotation, still taken.
    #[serde(serialize_with = "hidden")]
    pub stripe_webhook_secret_old: Option<Secret>,
    /// Run a pretended gateway inside `serve`; for a sandbox only.
    pub sandbox: bool,
}

/// The PDF workers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Render {
    /// The program; `penstock-render` beside penstock unless set.
    pub program: Option<PathBuf>,
    /// Processes at once.
    pub processes: u32,
}

impl Default for Render {
    fn default() -> Self {
        Self { program: None, processes: 2 }
    }
}

/// Background work.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Worker {
    /// Threads that take chunks of work.
    pub threads: u32,
}

impl Default for Worker {
    fn default() -> Self {
        Self { threads: 2 }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

/// What is logged, and how.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `text` or `json`.
    pub format: LogFormat,
    /// Which lines, in the syntax of tracing's filters.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

impl Log {
    /// Warnings only, unless something else was asked for: for commands that tell their own story.
    pub fn speak_up_only(&mut self) {
        if self.filter == Self::default().filter {
            "warn".clone_into(&mut self.filter);
        }
    }
}
