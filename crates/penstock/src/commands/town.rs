//! `penstock town`

use crate::town::{self, Plan, Services};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::ExitCode;
use time::{Date, OffsetDateTime};
use vocab::dates::civil;

/// Write a made-up town as files: for trying out `penstock load`, and for measurements.
///
/// Houses, flats and shops with a year of monthly reads; the same seed gives the same town. Beside
/// the CSV files that `penstock load` takes, the directory gets `configuration.json` (what to send to
/// the API before loading, in order) and `next_reads.csv` (what the meters show at the end of the
/// month to be billed, with a few troubles planted). Needs no database.
#[derive(clap::Args)]
pub struct Town {
    /// Where the files go
    dir: PathBuf,
    /// How many accounts
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=9_999_999))]
    accounts: u64,
    /// Chooses among all towns
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// The month to be billed, as its first day; the last whole month unless given
    #[arg(long, value_name = "YYYY-MM-01")]
    month: Option<String>,
    /// How many services a home is billed for
    #[arg(long, value_enum, default_value_t = Services::Five)]
    services: Services,
}

impl Town {
    pub fn run(&self) -> Result<ExitCode> {
        let month_on = match &self.month {
            Some(text) => first_day(text)?,
            None => last_whole_month(today()),
        };
        let plan = Plan { seed: self.seed, accounts: self.accounts, month_on, services: self.services };
        plan.write(&self.dir)?;
        let pieces = serde_json::to_string_pretty(&town::configuration(&plan))?;
        let path = self.dir.join("configuration.json");
        std::fs::write(&path, pieces + "\n").with_context(|| format!("writing {}", path.display()))?;
        println!("{} accounts in {}; {} is to be billed", plan.accounts, self.dir.display(), month_on);
        for (trouble, count) in plan.troubles() {
            println!("  planted: {count} x {}", trouble.name());
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn first_day(text: &str) -> Result<Date> {
    match civil::parse(text) {
        Some(day) if day.day() == 1 => Ok(day),
        _ => bail!("--month is the first day of a month, like 2026-03-01"),
    }
}

/// Today, by the machine's clock.
#[allow(clippy::disallowed_methods, reason = "a default for the terminal; no business rule looks at it")]
pub fn today() -> Date {
    OffsetDateTime::now_utc().date()
}

/// The first day of the month before this day's.
pub fn last_whole_month(today: Date) -> Date {
    let first = today.replace_day(1).unwrap_or(today);
    let before = first.previous_day().unwrap_or(first);
    before.replace_day(1).unwrap_or(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn the_month_before_is_whole() {
        assert_eq!(last_whole_month(date!(2026 - 01 - 01)), date!(2025 - 12 - 01));
        assert_eq!(last_whole_month(date!(2026 - 03 - 31)), date!(2026 - 02 - 01));
        assert!(first_day("2026-03-02").is_err() && first_day("March").is_err());
    }
}
