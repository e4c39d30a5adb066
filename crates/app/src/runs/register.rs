//! The register of a run, with the proof that nothing was forgotten.

use super::find;
use crate::{App, Caller, Result};
use std::collections::BTreeMap;
use store::Tx;
use store::run_contracts::{self, Forgotten};
use store::runs::BillRun;
use store::totals::{RegisterRow, Totals};
use vocab::{ItemState, Money, Problem, RunId, SiteId, TestId};

/// How the accounts of the run add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Completeness {
    /// Accounts in the run.
    pub accounts: i64,
    /// Posted, or with a draft that bills something.
    pub billed: i64,
    /// Nothing to bill yet.
    pub deferred: i64,
    /// Kept back.
    pub held: i64,
    /// With errors.
    pub error: i64,
    /// Changed after the test.
    pub stale: i64,
    /// Nothing to bill.
    pub skipped: i64,
    /// Not tested yet.
    pub queued: i64,
}

impl Completeness {
    /// Whether the outcomes add up to the accounts that the run was created over.
    pub const fn adds_up(&self) -> bool {
        let Self { accounts, billed, deferred, held, error, stale, skipped, queued } = *self;
        billed + deferred + held + error + stale + skipped + queued == accounts
    }

    fn of(accounts: i64, counts: &[(ItemState, i64)]) -> Self {
        let mut all = Self { accounts, ..Self::default() };
        for &(state, count) in counts {
            let place = match state {
                ItemState::Drafted | ItemState::Accepted => &mut all.billed,
                ItemState::Deferred => &mut all.deferred,
                ItemState::Held => &mut all.held,
                ItemState::Error => &mut all.error,
                ItemState::Stale => &mut all.stale,
                ItemState::Skipped => &mut all.skipped,
                ItemState::Queued => &mut all.queued,
            };
            *place += count;
        }
        all
    }
}

/// What became of a site's accounts and of their contracts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteProof {
    /// The site.
    pub site: SiteId,
    /// Its accounts.
    pub accounts: Completeness,
    /// Its contracts by outcome (`stale`: of accounts that have changed since); empty when the drafts are gone.
    pub contracts: BTreeMap<String, i64>,
    /// Contracts that may be billed, and that no draft names.
    pub forgotten: i64,
}

impl SiteProof {
    /// Contracts in scope.
    pub fn in_scope(&self) -> i64 {
        self.contracts.values().sum::<i64>() + self.forgotten
    }
}

/// What became of the contracts of a run.
#[derive(Debug, Clone)]
pub struct ContractProof {
    /// By site.
    pub sites: Vec<SiteProof>,
    /// The first contracts that no draft names.
    pub forgotten: Vec<Forgotten>,
}

/// Totals by service, rate and rule, against what the window before came to.
#[derive(Debug, Clone)]
pub struct Register {
    /// The rows.
    pub rows: Vec<RegisterRow>,
    /// Their sum.
    pub total: Money,
    /// The sum of the window before.
    pub previous_total: Money,
    /// How the accounts add up.
    pub completeness: Completeness,
    /// The same by site, with the contracts.
    pub proof: ContractProof,
}

/// Contracts without an outcome that are named.
const FORGOTTEN_SHOWN: i64 = 100;

impl App {
    /// The register of a test (the latest when none is named), or of what was posted.
    pub fn register(
        &self,
        caller: &Caller,
        id: RunId,
        test: Option<TestId>,
        posted: bool,
    ) -> Result<Register> {
        self.db().tx(|tx| {
            let run = find(tx, caller, id)?;
            let previous = store::windows::before(tx, run.window_id)?.map(|window| window.id);
            let tests = store::runs::tests(tx, id)?;
            let number = match test {
                Some(test) => tests.iter().find(|of| of.id == test).ok_or_else(Problem::not_found)?.number,
                None => tests.iter().find(|of| Some(of.id) == run.latest_test_id).map_or(0, |of| of.number),
            };
            let which = if posted { Totals::Posted } else { Totals::Test(number) };
            let rows = store::totals::register(tx, id, which, previous)?;
            Ok(Register {
                total: Money::sum(rows.iter().map(|row| row.amount_minor))?,
                previous_total: Money::sum(rows.iter().map(|row| row.previous_minor))?,
                completeness: Completeness::of(run.accounts, &store::runs::item_counts(tx, id)?),
                proof: proof(tx, &run, number)?,
                rows,
            })
        })
    }
}

fn proof(tx: &mut Tx<'_>, run: &BillRun, number: i32) -> Result<ContractProof> {
    let mut states: BTreeMap<SiteId, Vec<(ItemState, i64)>> = BTreeMap::new();
    for (site, state, count) in run_contracts::account_states(tx, run.id)? {
        states.entry(site).or_default().push((state, count));
    }
    let site = |(site, counts): (SiteId, Vec<(ItemState, i64)>)| SiteProof {
        site,
        accounts: Completeness::of(counts.iter().map(|(_, count)| count).sum(), &counts),
        contracts: BTreeMap::new(),
        forgotten: 0,
    };
    let mut sites: Vec<SiteProof> = states.into_iter().map(site).collect();
    if !store::drafts::are_kept(tx, run.id)? {
        return Ok(ContractProof { sites, forgotten: Vec::new() });
    }
    let window = store::windows::find(tx, run.window_id)?.ok_or_else(Problem::not_found)?;
    for row in run_contracts::outcomes(tx, run.id, number)? {
        if let Some(of) = sites.iter_mut().find(|of| of.site == row.site_id) {
            of.contracts.insert(row.outcome, row.contracts);
        }
    }
    for row in run_contracts::forgotten_counts(tx, run.id, number, window.ends_on)? {
        if let Some(of) = sites.iter_mut().find(|of| of.site == row.site_id) {
            of.forgotten = row.contracts;
        }
    }
    let forgotten = if sites.iter().any(|of| of.forgotten > 0) {
        run_contracts::forgotten(tx, run.id, number, window.ends_on, FORGOTTEN_SHOWN)?
    } else {
        Vec::new()
    };
    Ok(ContractProof { sites, forgotten })
}
