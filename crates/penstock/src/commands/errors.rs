//! `penstock errors`

use anyhow::Result;
use std::process::ExitCode;

/// Print the error codes (Markdown).
///
/// What a running server shows at /docs/errors. Needs no database.
#[derive(clap::Args)]
pub struct Errors {}

impl Errors {
    pub fn run(&self) -> Result<ExitCode> {
        print!("{}", api::error_reference());
        Ok(ExitCode::SUCCESS)
    }
}
