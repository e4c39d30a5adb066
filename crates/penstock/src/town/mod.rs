//! A town that does not exist, for demonstrations and measurements: houses, flats and shops with a
//! year of reads, and troubles planted where a reviewer should find them.
//!
//! The same plan gives the same town, byte by byte. It is made account by account as a stream, so
//! that its size costs time, not memory.

mod configuration;
mod dice;
mod home;
mod tables;
mod usage;

pub use configuration::configuration;
pub use home::Home;

use anyhow::Result;
use std::collections::BTreeMap;
use std::path::Path;
use time::Date;

/// Which town.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Chooses among all towns.
    pub seed: u64,
    /// How many accounts.
    pub accounts: u64,
    /// First day of the month that is to be billed.
    pub month_on: Date,
    /// What its homes are billed for.
    pub services: Services,
}

/// What a home is billed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Services {
    /// Electricity, water, sewer, refuse and storm water.
    Five,
    /// Electricity, water and refuse, on ten lines.
    Three,
}

impl Services {
    /// Whether a service is among them.
    pub fn have(self, commodity: &str) -> bool {
        self == Self::Five || !matches!(commodity, "sewer" | "stormwater")
    }
}

/// What is planted, to be found in review and collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// The electricity read does not come.
    MissingRead,
    /// Twelve times the usual water.
    Leak,
    /// An electricity meter that stands still.
    Stopped,
    /// An electricity meter whose dials wrap around, rightly.
    Rollover,
    /// Bills by post, and no address.
    NoAddress,
    /// A bank debit that comes back.
    DeclinedDebit,
    /// A card that has expired.
    DeclinedCard,
}

impl Trouble {
    /// All, in order.
    pub const ALL: [Self; 7] = [
        Self::MissingRead,
        Self::Leak,
        Self::Stopped,
        Self::Rollover,
        Self::NoAddress,
        Self::DeclinedDebit,
        Self::DeclinedCard,
    ];
    /// One account in so many has each.
    const EVERY: u64 = 250;

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MissingRead => "missing read",
            Self::Leak => "leak",
            Self::Stopped => "stopped meter",
            Self::Rollover => "rollover",
            Self::NoAddress => "no address",
            Self::DeclinedDebit => "declined bank debit",
            Self::DeclinedCard => "expired card",
        }
    }

    /// What is planted at an account. Even the smallest town has one of each when it has 14 accounts.
    fn of(plan: &Plan, index: u64) -> Option<Self> {
        let every = Self::EVERY.min(plan.accounts).max(1);
        let place = usize::try_from(index % every).ok()?;
        // Every second account at the head of each stretch.
        Self::ALL.get(place / 2).copied().filter(|_| place % 2 == 1)
    }
}

impl Plan {
    /// Every account.
    pub fn homes(&self) -> impl Iterator<Item = Home> {
        (0..self.accounts).map(|index| Home::of(self, index))
    }

    /// Writes the directory that `penstock load` takes.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<()> {
        tables::write(self, dir)
    }

    /// How many accounts have each trouble.
    pub fn troubles(&self) -> BTreeMap<Trouble, u64> {
        let mut counts = BTreeMap::new();
        for trouble in (0..self.accounts).filter_map(|index| Trouble::of(self, index)) {
            *counts.entry(trouble).or_default() += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn plan(accounts: u64) -> Plan {
        Plan { seed: 1, accounts, month_on: date!(2026 - 03 - 01), services: Services::Five }
    }

    #[test]
    fn every_trouble_is_planted_and_few_have_any() {
        let troubles = plan(1_000).troubles();
        assert_eq!(troubles.len(), Trouble::ALL.len());
        assert!(troubles.values().all(|&count| count == 4), "{troubles:?}");
        assert_eq!(plan(14).troubles().len(), Trouble::ALL.len());
    }

    #[test]
    fn a_town_is_the_same_twice_and_as_a_part_of_a_larger_one() {
        let homes: Vec<Home> = plan(300).homes().collect();
        assert_eq!(homes, plan(300).homes().collect::<Vec<_>>());
        assert_eq!(homes[7], plan(100_000).homes().nth(7).unwrap());
        let kinds = |kind| homes.iter().filter(|home| home.kind == kind).count();
        assert!(
            kinds(home::Kind::House) > 100 && kinds(home::Kind::Flat) > 50 && kinds(home::Kind::Shop) > 5
        );
    }

    #[test]
    fn the_files_join_and_have_a_row_for_everything() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(60);
        plan.write(dir.path()).unwrap();
        let rows = |name: &str| {
            let mut reader = csv::Reader::from_path(dir.path().join(name)).unwrap();
            reader.deserialize().map(Result::unwrap).collect::<Vec<BTreeMap<String, String>>>()
        };
        let column = |name: &str, column: &str| -> std::collections::BTreeSet<String> {
            rows(name).into_iter().map(|mut row| row.remove(column).unwrap()).collect()
        };
        assert_eq!(rows("accounts.csv").len(), 60);
        assert_eq!(column("contracts.csv", "account"), column("accounts.csv", "reference"));
        assert_eq!(column("reads.csv", "meter"), column("meters.csv", "serial"));
        assert_eq!(column("meters.csv", "service_point"), column("service_points.csv", "code"));
        assert!(column("service_points.csv", "location").is_subset(&column("locations.csv", "code")));
        assert!(column("locations.csv", "site").is_subset(&column("sites.csv", "code")));
        assert!(column("autopay.csv", "account").is_subset(&column("accounts.csv", "reference")));
        let nowhere = rows("accounts.csv").iter().filter(|row| row["line1"].is_empty()).count();
        assert_eq!(u64::try_from(nowhere).unwrap(), plan.troubles()[&Trouble::NoAddress]);
    }

    #[test]
    fn the_next_reads_leave_out_what_no_reader_saw() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(250);
        plan.write(dir.path()).unwrap();
        let lines = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        let registers = lines("meters.csv").lines().count();
        let missing = plan.homes().find(|home| home.trouble == Some(Trouble::MissingRead)).unwrap();
        let unread = missing.meters[0].registers.len();
        let next = lines("next_reads.csv");
        assert_eq!(next.lines().count(), registers - unread);
        assert!(!next.contains(&missing.meters[0].serial) && next.contains(&missing.meters[1].serial));
        assert!(next.lines().skip(1).all(|line| line.contains(",2026-03-31,")));
    }
}
