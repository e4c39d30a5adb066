//! `penstock migrate`

use crate::config::Config;
use crate::place::Place;
use anyhow::Result;
use std::process::ExitCode;

/// Bring the database's tables up to date.
///
/// Run it once before a new version's first `serve` or `worker`. Several at once are harmless: the
/// second waits for the first and finds nothing to do. The embedded database needs no such step.
#[derive(clap::Args)]
pub struct Migrate {}

impl Migrate {
    pub fn run(&self, config: &Config) -> Result<ExitCode> {
        let place = Place::join(config)?;
        let done = store::migrate(place.url())?;
        for name in &done {
            println!("migrated {name}");
        }
        println!("the tables are up to date ({} migrations ran)", done.len());
        place.close()?;
        Ok(ExitCode::SUCCESS)
    }
}
