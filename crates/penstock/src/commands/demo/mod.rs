//! `penstock demo`: a town from nothing to its receipts, through the API as any client would go.
//!
//! Everything lies in one directory that the next demonstration throws away; nothing that the
//! configuration says about databases, mail servers or gateways is used.

mod findings;
mod ground;
mod money;
mod month;
mod readings;

use super::{town, verify};
use crate::config::Config;
use crate::rehearsal::client::Client;
use crate::rehearsal::table::Table;
use crate::rehearsal::{EMAIL, Installation, PASSWORD, SEED, founding, installation};
use crate::town::{Plan, Services};
use crate::{outside, signals};
use anyhow::{Context, Result};
use app::App;
use month::Month;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Found a made-up town, bill its last month, collect, prove the books, and serve it.
///
/// In a directory of its own with a private PostgreSQL: configuration, load, and the eight steps from
/// the export of meters to read to the payment run, all through the HTTP API, with a pretended payment
/// gateway and mail into a folder. Ends with a table of what each step took, what became of the planted
/// troubles, and the proof of the books; then serves on at http.listen. Exits with 1 when a step fails,
/// a planted trouble goes unnoticed, or the books do not hold.
#[derive(clap::Args)]
pub struct Demo {
    /// How many accounts
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u64).range(14..=9_999_999))]
    accounts: u64,
    /// Where everything goes, made anew each time; `demo` in the data directory unless given
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// End after the proof instead of serving on
    #[arg(long)]
    exit: bool,
}

impl Demo {
    pub fn run(&self, config: &Config) -> Result<ExitCode> {
        outside::check_renderer(&config.render)?;
        let dir = ground::fresh(config, self.dir.as_deref())?;
        let config = installation::confined(config, &dir, !self.exit);
        println!("a town of {} accounts in {}", self.accounts, dir.display());
        let installation = Installation::start(&config)?;
        let url = installation.server.url.clone();
        let outcome = self.show(installation.app(), &url, &dir);
        if matches!(outcome, Ok(true)) && !self.exit {
            tell(&url, &dir);
            let asked = actix_web::rt::System::new().block_on(signals::stop_asked());
            asked.context("listening for signals")?;
            println!("stopping");
        }
        installation.stop()?;
        Ok(if outcome? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// All steps; answers whether everything is as it should be.
    fn show(&self, app: &App, url: &str, dir: &Path) -> Result<bool> {
        let month_on = town::last_whole_month(town::today());
        let plan = Plan { seed: SEED, accounts: self.accounts, month_on, services: Services::Five };
        let client = Client::sign_in(url.to_owned(), EMAIL, PASSWORD)?;
        let (mut table, mut month) = (Table::default(), Month::default());
        let ids = founding::configure(&client, &plan, &mut table)?;
        founding::load(app, &plan, &dir.join("town"), &mut table)?;
        let window = ids.get("window").context("no window in the configuration")?;
        founding::open(&client, window)?;
        readings::exchange(&client, window, &dir.join("town"), &mut table)?;
        let run = month::bill(&client, window, &mut table, &mut month)?;
        month::deliver(&client, (window, &run), dir, &mut table, &mut month)?;
        let draws = money::collect(&client, &mut table, &mut month.notes)?;
        table.print();
        println!();
        for note in &month.notes {
            println!("{note}");
        }
        let is_found = findings::print(&client, &plan, &month, &draws)?;
        println!();
        let report = app::verify::verify(app.db())?;
        verify::show(&report);
        println!("\ninvoices: {}\nmail:     {}", dir.join("invoices").display(), dir.join("mail").display());
        Ok(report.ok && is_found)
    }
}

fn tell(url: &str, dir: &Path) {
    println!("\nserving {url} (stop with Ctrl-C); everything lies in {}", dir.display());
    println!("  {url}/docs                the API, operation by operation");
    println!("  {url}/v1/dashboard        the utility at a glance");
    println!("sign in as {EMAIL} with the password \"{PASSWORD}\":");
    println!("  TOKEN=$(curl -s {url}/v1/auth/token -H 'Content-Type: application/json' \\");
    println!("    -d '{{\"grant_type\":\"password\",\"email\":\"{EMAIL}\",\"password\":\"{PASSWORD}\"}}' \\");
    println!("    | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')");
    println!("  curl -s {url}/v1/dashboard -H \"Authorization: Bearer $TOKEN\"");
}
