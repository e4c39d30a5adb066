//! `penstock bench`: what the product costs, measured through its own API on a throw-away installation.

mod bill_run;
mod figures;
mod import;
mod invoices;
mod measure;
mod reference;

use super::town;
use crate::config::Config;
use crate::rehearsal::client::Client;
use crate::rehearsal::founding::Ids;
use crate::rehearsal::table::Table;
use crate::rehearsal::{EMAIL, Installation, PASSWORD, SEED, founding, installation};
use crate::town::{Plan, Services};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use measure::Meter;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::ExitCode;
use tempfile::TempDir;

/// Measure speed and memory on a made-up town.
///
/// Each measurement founds a town in a private PostgreSQL with the product's own durable settings,
/// works on it through the HTTP API, prints what each phase took, and removes everything again.
/// Machines are noisy: trust processor time and ratios of one run, not rates.
#[derive(Args)]
pub struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Bill a town: import, test, accept, beside merely writing naive rows of as many bills
    BillRun(bill_run::BillRun),
    /// Draw the invoices of a billed town
    Invoices(invoices::Invoices),
    /// Import readings, beside merely writing the same rows
    Import(import::Import),
}

/// What every measurement can be told.
#[derive(Args)]
struct Common {
    /// Threads that work, and connections of the reference
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: u32,
    /// Also write the figures into this file as one JSON object (docs/benchmarks.md describes it)
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where the throw-away installation is made; the system's directory for temporary files unless given
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Bench {
    pub fn run(&self, config: &Config) -> Result<ExitCode> {
        match &self.what {
            What::BillRun(bill_run) => bill_run.run(config),
            What::Invoices(invoices) => invoices.run(config),
            What::Import(import) => import.run(config),
        }
    }
}

/// A town in a throw-away installation, ready to be billed.
struct Stage {
    plan: Plan,
    client: Client,
    meter: Meter,
    /// Ids by the names of the town's configuration.
    ids: Ids,
    installation: Installation,
    dir: TempDir,
}

impl Stage {
    /// Founds the town and opens the window that is to be billed.
    fn set(config: &Config, common: &Common, accounts: u64, services: Services) -> Result<Self> {
        let mut prefix = tempfile::Builder::new();
        // The private PostgreSQL may run under another user, who must be able to reach its directory.
        prefix.prefix("penstock-bench-").permissions(Permissions::from_mode(0o755));
        let dir = match &common.dir {
            Some(dir) => prefix.tempdir_in(dir),
            None => prefix.tempdir(),
        }
        .context("a directory for the measurement")?;
        let mut config = installation::confined(config, &dir.path().join("home"), false);
        config.worker.threads = common.workers;
        config.render.processes = common.workers;
        println!("a town of {accounts} accounts in {}", dir.path().display());
        let installation = Installation::start(&config)?;
        let postgres = installation.postgres().context("the private PostgreSQL has no process id")?;
        let client = Client::sign_in(installation.server.url.clone(), EMAIL, PASSWORD)?;
        let month_on = town::last_whole_month(town::today());
        let plan = Plan { seed: SEED, accounts, month_on, services };
        let mut table = Table::default();
        let ids = founding::configure(&client, &plan, &mut table)?;
        founding::load(installation.app(), &plan, &dir.path().join("town"), &mut table)?;
        table.print();
        let stage = Self { plan, client, meter: Meter::new(postgres), ids, installation, dir };
        founding::open(&stage.client, stage.window()?)?;
        Ok(stage)
    }

    /// The window to be billed.
    fn window(&self) -> Result<&str> {
        Ok(self.ids.get("window").context("no window in the configuration")?)
    }

    /// Stops everything and removes it.
    fn strike(self) -> Result<()> {
        self.installation.stop()?;
        self.dir.close().context("removing the throw-away installation")
    }
}
