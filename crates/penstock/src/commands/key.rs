//! `penstock key`

use crate::config::Config;
use crate::place;
use anyhow::Result;
use app::keys::Keys;
use std::path::PathBuf;
use std::process::ExitCode;

/// Make a key that signs access tokens.
///
/// Writes an Ed25519 key into the directory, readable by its owner only, when it holds none yet.
/// Every `serve` of one utility needs the same directory or a copy of it.
#[derive(clap::Args)]
pub struct Key {
    /// Where; auth.keys_dir of the configuration unless given
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Key {
    pub fn run(&self, config: &Config) -> Result<ExitCode> {
        let dir = match self.dir.as_ref().or(config.auth.keys_dir.as_ref()) {
            Some(dir) => dir.clone(),
            None => place::home(config)?.join("keys"),
        };
        Keys::load_or_create(&dir)?;
        println!("{} holds a signing key", dir.display());
        Ok(ExitCode::SUCCESS)
    }
}
