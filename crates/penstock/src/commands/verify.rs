//! `penstock verify`

use crate::config::Config;
use crate::place::Place;
use anyhow::{Context, Result};
use app::verify::Report;
use std::path::PathBuf;
use std::process::ExitCode;
use store::Db;

/// Violations shown per invariant; `--json` names more.
const SHOWN: usize = 10;

/// Prove the books: check every invariant over everything stored.
///
/// Journals balance, balances are their transactions, bills join from one to the next, every line of
/// every bill computes again from its own record, money received is where it should be. Reads only;
/// may run beside a working system. Exits with 1 when anything is violated.
#[derive(clap::Args)]
pub struct Verify {
    /// Also write the findings, with the ids of what is wrong, into this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Verify {
    pub fn run(&self, config: &Config) -> Result<ExitCode> {
        let place = Place::join(config)?;
        place.check_schema()?;
        let report = app::verify::verify(&Db::connect(place.url(), 1)?)?;
        show(&report);
        if let Some(path) = &self.json {
            let text = serde_json::to_string_pretty(&report)?;
            std::fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))?;
        }
        place.close()?;
        Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The findings as a table.
pub fn show(report: &Report) {
    println!("{:4} {:56} {:>10} {:>10}", "", "invariant", "checked", "violated");
    for (name, verdict) in &report.invariants {
        println!("{name:4} {:56} {:>10} {:>10}", verdict.says, verdict.checked, verdict.violated);
        for violation in verdict.violations.iter().take(SHOWN) {
            println!("       {}: {}", violation.subject, violation.detail);
        }
    }
    println!("{}", if report.ok { "everything holds" } else { "something does not hold" });
}
