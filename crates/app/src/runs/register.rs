//! The register of a run, with the proof that nothing was forgotten.

use super::find;
use crate::{App, Caller, Result};
use store::totals::RegisterRow;
use vocab::{ItemState, Money, RunId, TestId};

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
}

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
            let rows = store::totals::register(tx, id, test.or(run.latest_test_id), posted, previous)?;
            Ok(Register {
                total: Money::sum(rows.iter().map(|row| row.amount_minor))?,
                previous_total: Money::sum(rows.iter().map(|row| row.previous_minor))?,
                completeness: Completeness::of(run.accounts, &store::runs::item_counts(tx, id)?),
                rows,
            })
        })
    }
}
