//! `penstock worker`

use crate::config::Config;
use crate::place::Place;
use crate::{signals, wiring};
use anyhow::{Context, Result};
use std::process::ExitCode;

/// Work off what runs have filed: tests, acceptances, invoices, payments, imports.
///
/// Takes one chunk of work after the other until SIGTERM or Ctrl-C, then finishes the chunks under
/// way. Start as many as the work needs, on as many machines: none gets in another's way, and one
/// that dies leaves its chunk to the others.
#[derive(clap::Args)]
pub struct Worker {
    /// Threads; worker.threads of the configuration unless given
    #[arg(long, value_name = "N")]
    threads: Option<u32>,
}

impl Worker {
    pub fn run(&self, config: &Config) -> Result<ExitCode> {
        let threads = self.threads.unwrap_or(config.worker.threads).max(1);
        let place = Place::join(config)?;
        let wired = wiring::wire(config, &place, threads)?;
        let workers = wiring::workers(&wired.app, threads)?;
        println!("working with {threads} threads");
        let asked = actix_web::rt::System::new().block_on(signals::stop_asked());
        println!("stopping");
        workers.stop();
        asked.context("listening for signals")?;
        place.close()?;
        Ok(ExitCode::SUCCESS)
    }
}
