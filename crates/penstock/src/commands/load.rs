//! `penstock load`

use crate::config::Config;
use crate::place::Place;
use crate::{progress, wiring};
use access::{Actor, Principal, SiteScope};
use anyhow::{Context, Result, ensure};
use app::Caller;
use app::load::LoadReport;
use std::path::PathBuf;
use std::process::ExitCode;
use store::access::User;

/// Refusals shown; `--json` names more.
const SHOWN: usize = 20;

/// Bring in a utility's accounts from a directory of CSV files.
///
/// Accounts with their customers, places, meters, a history of reads, contracts, opening balances and
/// autopay; docs/load.md describes the files. The configuration they name (rates, contract types,
/// cycles) is made through the API before. An account comes in whole or not at all; what is refused
/// is listed with file, line and reason. Mend it and load the same directory again: what is there
/// already is left alone. Exits with 1 when anything was refused.
#[derive(clap::Args)]
pub struct Load {
    /// The directory
    dir: PathBuf,
    /// Who answers for it: the e-mail address of a member of staff; the audit log names them
    #[arg(long = "as", value_name = "EMAIL")]
    on_behalf_of: String,
    /// Also write the whole report into this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Load {
    pub fn run(&self, config: &Config) -> Result<ExitCode> {
        let place = Place::join(config)?;
        let wired = wiring::wire(config, &place, 0)?;
        let email = self.on_behalf_of.trim().to_lowercase();
        let user = wired.app.db().tx(|tx| store::access::user_by_email(tx, &email))?;
        let user = user.with_context(|| format!("there is no member of staff with the address {email}"))?;
        ensure!(user.active, "{email} may not sign in");
        let bar = progress::bar("loading accounts");
        let report = wired.app.load(&caller(&user), &self.dir, |at| {
            bar.set_length(at.total);
            bar.set_position(at.done);
        });
        bar.finish_and_clear();
        let report = report?;
        show(&report);
        if let Some(path) = &self.json {
            let text = serde_json::to_string_pretty(&report)?;
            std::fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))?;
        }
        drop(wired);
        place.close()?;
        Ok(if report.refusal_count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Acting for a member of staff.
pub fn caller(user: &User) -> Caller {
    let sites = if user.all_sites {
        SiteScope::All
    } else {
        SiteScope::Only(user.site_ids.iter().copied().map(vocab::SiteId).collect())
    };
    let principal = Principal { actor: Actor::User(user.id), role: user.role, sites, session: None };
    Caller { principal, request_id: None }
}

/// What a load came to.
pub fn show(report: &LoadReport) {
    println!("{:16} {:>10} {:>10} {:>10}", "", "loaded", "skipped", "refused");
    for (name, count) in [
        ("sites", report.sites),
        ("locations", report.locations),
        ("service points", report.service_points),
        ("accounts", report.accounts),
    ] {
        println!("{name:16} {:>10} {:>10} {:>10}", count.loaded, count.skipped, count.refused);
    }
    for (name, count) in [
        ("meters", report.meters),
        ("registers", report.registers),
        ("reads", report.reads),
        ("contracts", report.contracts),
        ("opening balances", report.opening_balances),
        ("payment methods", report.payment_methods),
    ] {
        println!("{name:16} {count:>10}");
    }
    for refusal in report.refusals.iter().take(SHOWN) {
        let account = refusal.account.as_deref().unwrap_or("no account");
        println!("  {}, line {} ({account}): {}", refusal.file, refusal.line, refusal.reason);
    }
}
