//! What a load did.

use super::row::Fault;
use serde::Serialize;
use vocab::Money;
use vocab::decimal::Overflow;

/// Refusals that are listed. The counts are always whole.
pub const REFUSALS_MAX: usize = 10_000;

/// How many of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Written now.
    pub loaded: u64,
    /// There already; left as they were.
    pub skipped: u64,
    /// Left out, for a reason that is listed.
    pub refused: u64,
}

impl Count {
    pub(super) const fn add(&mut self, other: Self) {
        self.loaded += other.loaded;
        self.skipped += other.skipped;
        self.refused += other.refused;
    }
}

/// A line that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Refusal {
    /// The file.
    pub file: String,
    /// The line in it, from 1; 1 is the header.
    pub line: u64,
    /// The account that was left out because of it, by its reference.
    pub account: Option<String>,
    /// A sentence for people.
    pub reason: String,
}

/// What a load did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LoadReport {
    /// Sites.
    pub sites: Count,
    /// Service locations.
    pub locations: Count,
    /// Service points.
    pub service_points: Count,
    /// Accounts.
    pub accounts: Count,
    /// Meters written.
    pub meters: u64,
    /// Registers written.
    pub registers: u64,
    /// Reads written.
    pub reads: u64,
    /// Contracts written.
    pub contracts: u64,
    /// Opening balances posted.
    pub opening_balances: u64,
    /// What they add up to, in minor units.
    pub opening_balances_minor: Money,
    /// Payment methods written.
    pub payment_methods: u64,
    /// How many lines were refused.
    pub refusal_count: u64,
    /// The first of them, at most [`REFUSALS_MAX`].
    pub refusals: Vec<Refusal>,
}

impl LoadReport {
    pub(super) fn refuse(&mut self, fault: Fault, account: Option<&str>) {
        self.refusal_count += 1;
        if self.refusals.len() < REFUSALS_MAX {
            let Fault { file, line, reason } = fault;
            self.refusals.push(Refusal {
                file: file.to_owned(),
                line,
                account: account.map(str::to_owned),
                reason,
            });
        }
    }

    /// Adds what another part did.
    pub(super) fn merge(&mut self, other: Self) -> Result<(), Overflow> {
        self.sites.add(other.sites);
        self.locations.add(other.locations);
        self.service_points.add(other.service_points);
        self.accounts.add(other.accounts);
        self.meters += other.meters;
        self.registers += other.registers;
        self.reads += other.reads;
        self.contracts += other.contracts;
        self.opening_balances += other.opening_balances;
        self.opening_balances_minor = self.opening_balances_minor.plus(other.opening_balances_minor)?;
        self.payment_methods += other.payment_methods;
        self.refusal_count += other.refusal_count;
        let room = REFUSALS_MAX - self.refusals.len();
        self.refusals.extend(other.refusals.into_iter().take(room));
        Ok(())
    }
}
