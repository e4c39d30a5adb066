//! Configuration: a TOML file, overlaid by the environment, checked before anything starts.
//!
//! Invariants:
//! - every key is known: an unknown one, in the file or as `PENSTOCK_…` variable, is refused;
//! - every key has its row in docs/operations.md (a test compares);
//! - a value that would be unsafe is refused with what to do instead;
//! - secrets are never printed: not by `Debug`, not in errors.

mod concerns;
mod environment;
mod safety;
#[cfg(test)]
mod tests;

pub use concerns::{
    Auth, Database, Documents, Gateways, Http, Log, LogFormat, Mail, MailKind, MailSecurity, Render, Worker,
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Everything that may be configured, one part per concern.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the data are.
    pub database: Database,
    /// How the API listens.
    pub http: Http,
    /// Keys that sign access tokens.
    pub auth: Auth,
    /// Where rendered documents are kept.
    pub documents: Documents,
    /// How mail leaves.
    pub mail: Mail,
    /// Who collects money.
    pub gateways: Gateways,
    /// The PDF workers.
    pub render: Render,
    /// Background work.
    pub worker: Worker,
    /// What is logged, and how.
    pub log: Log,
}

impl Config {
    /// Reads the file (when there is one), lays the environment over it, and checks the whole.
    ///
    /// # Errors
    /// An unreadable file, an unknown key, a value of the wrong type, an unsafe value.
    pub fn load(file: Option<&Path>, environment: &[(String, String)]) -> Result<Self> {
        let mut table = match file {
            Some(path) => read(path)?,
            None => toml::Table::new(),
        };
        environment::overlay(&mut table, environment)?;
        // The parser's own message would show the line, and with it a secret.
        let config: Self = table.try_into().map_err(|error: toml::de::Error| {
            anyhow::anyhow!("the configuration cannot be read: {}", error.message())
        })?;
        safety::check(&config)?;
        Ok(config)
    }
}

fn read(path: &Path) -> Result<toml::Table> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("reading the configuration file {}", path.display()))?;
    text.parse().map_err(|error: toml::de::Error| {
        let line =
            error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        anyhow::anyhow!("{}, line {line}: {}", path.display(), error.message())
    })
}
