//! `penstock openapi`

use anyhow::Result;
use std::process::ExitCode;

/// Print the description of the API.
///
/// The same document that a running server gives at /openapi.json. Needs no database.
#[derive(clap::Args)]
pub struct Openapi {}

impl Openapi {
    pub fn run(&self) -> Result<ExitCode> {
        print!("{}", api::document_json()?);
        Ok(ExitCode::SUCCESS)
    }
}
