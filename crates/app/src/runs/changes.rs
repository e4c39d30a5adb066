//! Two tests of a run beside each other: who changed, by how much, and why.
//!
//! The accounts and the amounts are found by the database; the causes are read off the two drafts of each
//! account that is shown ([`billing::causes`]). Where only one cause is asked for, a page may come short of its
//! limit: so many accounts are looked at for one, and the next goes on behind them.

use super::{find, items};
use crate::{App, Caller, Error, Result};
use billing::{AccountChange, Draft, causes};
use std::collections::HashMap;
use store::drafts;
use store::runs::RunTest;
use store::test_changes::{self, Between, ChangeFilter, ChangeRow};
use store::{Cursor, Page, Tx};
use vocab::{AccountId, ChangeCause, Code, Currency, ItemState, Money, Problem, RunId, SiteId, TestId};

/// Accounts whose drafts are read at a time.
const BATCH: i64 = 200;
/// Most accounts that are looked at for one page.
const LOOKED_AT_MAX: usize = 5000;
/// Most accounts of one table.
const TABLE_MAX: usize = 100_000;

/// Which changes are shown.
#[derive(Debug, Clone, Default)]
pub struct ChangeQuery {
    /// The test to compare with; the one before when absent.
    pub against: Option<TestId>,
    /// Only those with this cause.
    pub cause: Option<ChangeCause>,
    /// Only accounts of this site.
    pub site: Option<SiteId>,
    /// Only where the totals lie at least so far apart.
    pub least: Money,
}

/// An account that changed from one test to another.
#[derive(Debug, Clone)]
pub struct AccountChanged {
    /// Whose.
    pub account: AccountId,
    /// Its billing site.
    pub site: SiteId,
    /// What had become of it; none when it had no draft.
    pub old_state: Option<ItemState>,
    /// What becomes of it; none when it has no draft.
    pub new_state: Option<ItemState>,
    /// New charges before.
    pub old_total: Money,
    /// New charges now.
    pub new_total: Money,
    /// New less old.
    pub difference: Money,
    /// The contracts that differ, and why.
    pub change: AccountChange,
}

/// A page of changes, with what all of them come to.
#[derive(Debug, Clone)]
pub struct TestChanges {
    /// The test that is compared.
    pub test: TestId,
    /// The test that it is compared with.
    pub against: TestId,
    /// How many accounts changed, whatever the cause.
    pub accounts: i64,
    /// The sum of their charges before.
    pub old_total: Money,
    /// The sum now.
    pub new_total: Money,
    /// The page.
    pub page: Page<AccountChanged>,
}

/// Two tests, and which of them is the earlier one.
struct Pair {
    run: RunId,
    test: RunTest,
    against: RunTest,
    filter: ChangeFilter,
}

impl Pair {
    fn find(tx: &mut Tx<'_>, caller: &Caller, run: RunId, test: TestId, query: &ChangeQuery) -> Result<Self> {
        find(tx, caller, run)?;
        if !drafts::are_kept(tx, run)? {
            return Err(Problem::not_found().into());
        }
        let tests = store::runs::tests(tx, run)?;
        let of = |id: TestId| tests.iter().find(|test| test.id == id).cloned();
        let test = of(test).ok_or_else(Problem::not_found)?;
        let against = match query.against {
            Some(id) => of(id),
            None => tests.iter().rfind(|other| other.number < test.number).cloned(),
        };
        let against = against.ok_or_else(|| {
            let detail = "against: no other test of this run";
            Problem::new(Code::MalformedParameter, detail).with("name", "against")
        })?;
        let filter =
            ChangeFilter { sites: query.site.map(|site| vec![site]), least_minor: query.least.minor() };
        Ok(Self { run, test, against, filter })
    }

    fn between(&self) -> Between {
        let (one, other) = (self.test.number, self.against.number);
        Between { low: one.min(other), high: one.max(other) }
    }

    /// Of two things of the earlier and the later test the old one first.
    fn in_order<T>(&self, low: T, high: T) -> (T, T) {
        if self.against.number <= self.test.number { (low, high) } else { (high, low) }
    }

    fn rows(&self, tx: &mut Tx<'_>, after: Option<&Cursor>, limit: i64) -> Result<Page<ChangeRow>> {
        Ok(test_changes::list(tx, self.run, self.between(), &self.filter, after, limit)?)
    }

    /// The rows with their causes: two reads of drafts for all of them.
    fn explained(&self, tx: &mut Tx<'_>, rows: &[ChangeRow]) -> Result<Vec<AccountChanged>> {
        let low: Vec<_> =
            rows.iter().filter_map(|row| row.low_test_id.map(|test| (row.account_id, test))).collect();
        let high: Vec<_> = rows.iter().map(|row| (row.account_id, row.high_test_id)).collect();
        let (low, high) = (documents(tx, self.run, &low)?, documents(tx, self.run, &high)?);
        let nothing = |of: &Draft| Draft {
            segments: Vec::new(),
            flags: Vec::new(),
            totals: Vec::new(),
            total: Money::ZERO,
            adjustments: Money::ZERO,
            ..of.clone()
        };
        rows.iter()
            .map(|row| {
                let later = high
                    .get(&row.account_id)
                    .ok_or_else(|| Error::Fault("a draft is gone that was just there".to_owned()))?;
                let empty = nothing(later);
                let earlier = low.get(&row.account_id).unwrap_or(&empty);
                let (old, new) = self.in_order(earlier, later);
                let (old_state, new_state) = self.in_order(row.low_state, Some(row.high_state));
                let (old_total, new_total) = self.in_order(row.low_minor, row.high_minor);
                Ok(AccountChanged {
                    account: row.account_id,
                    site: row.site_id,
                    old_state,
                    new_state,
                    old_total,
                    new_total,
                    difference: new_total.minus(old_total)?,
                    change: causes(old, new),
                })
            })
            .collect()
    }
}

fn documents(tx: &mut Tx<'_>, run: RunId, keys: &[(AccountId, TestId)]) -> Result<HashMap<AccountId, Draft>> {
    let rows = drafts::by_key(tx, run, keys)?;
    rows.into_iter().map(|row| Ok((row.account_id, items::read(row)?.draft))).collect()
}

fn has(of: &AccountChanged, cause: Option<ChangeCause>) -> bool {
    cause.is_none_or(|cause| of.change.causes.contains(&cause))
}

impl App {
    /// What changed from one test of a run to another, the largest difference first.
    pub fn test_changes(
        &self,
        caller: &Caller,
        run: RunId,
        test: TestId,
        query: &ChangeQuery,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<TestChanges> {
        self.db().tx(|tx| {
            let pair = Pair::find(tx, caller, run, test, query)?;
            let totals = test_changes::totals(tx, run, pair.between(), &pair.filter)?;
            let (old_total, new_total) = pair.in_order(totals.low_minor, totals.high_minor);
            let wanted = usize::try_from(limit).unwrap_or_default();
            let (mut found, mut after, mut looked_at) = (Vec::new(), after.cloned(), 0);
            let next = loop {
                let batch = if query.cause.is_some() { BATCH } else { limit };
                let rows = pair.rows(tx, after.as_ref(), batch)?;
                looked_at += rows.items.len();
                let explained = pair.explained(tx, &rows.items)?;
                let mut last = rows.next;
                for (row, of) in rows.items.iter().zip(explained) {
                    if !has(&of, query.cause) {
                        continue;
                    }
                    if found.len() == wanted {
                        break;
                    }
                    found.push(of);
                    if found.len() == wanted {
                        // The next page begins behind this one, if anything is behind it.
                        let is_last = rows.items.last().is_some_and(|end| end.account_id == row.account_id);
                        last = if is_last { last } else { Some(test_changes::cursor(row)) };
                        break;
                    }
                }
                if last.is_none() || found.len() == wanted || looked_at >= LOOKED_AT_MAX {
                    break last;
                }
                after = last;
            };
            Ok(TestChanges {
                test: pair.test.id,
                against: pair.against.id,
                accounts: totals.accounts,
                old_total,
                new_total,
                page: Page { items: found, next },
            })
        })
    }

    /// The same as a table, a row per contract; at most 100,000 accounts.
    pub fn test_changes_table(
        &self,
        caller: &Caller,
        run: RunId,
        test: TestId,
        query: &ChangeQuery,
    ) -> Result<Vec<u8>> {
        let currency = self.utility()?.currency;
        self.db().tx(|tx| {
            let pair = Pair::find(tx, caller, run, test, query)?;
            let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
            csv.write_record(COLUMNS).map_err(|error| broken(&error))?;
            let (mut after, mut count) = (None, 0);
            loop {
                let rows = pair.rows(tx, after.as_ref(), BATCH)?;
                count += rows.items.len();
                for of in pair.explained(tx, &rows.items)? {
                    if has(&of, query.cause) {
                        for cells in lines(currency, &of) {
                            csv.write_record(cells).map_err(|error| broken(&error))?;
                        }
                    }
                }
                after = rows.next;
                if after.is_none() || count >= TABLE_MAX {
                    break;
                }
            }
            csv.into_inner().map_err(|error| broken(&error))
        })
    }
}

const COLUMNS: [&str; 13] = [
    "account_id",
    "site_id",
    "contract_id",
    "commodity",
    "rate_schedule_id",
    "old_outcome",
    "new_outcome",
    "old_total",
    "new_total",
    "difference",
    "currency",
    "causes",
    "account_difference",
];

/// A row per contract; of an account none of whose contracts differ, one without a contract. Ids, numbers and words
/// of our own: nothing that a spreadsheet would run.
fn lines(currency: Currency, of: &AccountChanged) -> Vec<[String; 13]> {
    let words = |causes: &std::collections::BTreeSet<ChangeCause>| {
        causes.iter().map(|cause| cause.as_str()).collect::<Vec<_>>().join(" ")
    };
    let state = |state: Option<ItemState>| state.map(|state| state.to_string()).unwrap_or_default();
    let whole = |own: [String; 8], causes: String| {
        let [contract, commodity, rate, old_outcome, new_outcome, old, new, difference] = own;
        [
            of.account.to_string(),
            of.site.to_string(),
            contract,
            commodity,
            rate,
            old_outcome,
            new_outcome,
            old,
            new,
            difference,
            currency.code().to_owned(),
            causes,
            currency.format(of.difference),
        ]
    };
    if of.change.contracts.is_empty() {
        let (old, new) = (currency.format(of.old_total), currency.format(of.new_total));
        let (empty, difference) = (String::new, currency.format(of.difference));
        let own = [empty(), empty(), empty(), state(of.old_state), state(of.new_state), old, new, difference];
        return vec![whole(own, words(&of.change.causes))];
    }
    let outcome =
        |of: Option<vocab::SegmentOutcome>| of.map(|outcome| outcome.to_string()).unwrap_or_default();
    let contracts = of.change.contracts.iter();
    contracts
        .map(|one| {
            let difference = one.new_total.minus(one.old_total);
            let own = [
                one.contract.to_string(),
                one.commodity.to_string(),
                one.schedule.map(|id| id.to_string()).unwrap_or_default(),
                outcome(one.old_outcome),
                outcome(one.new_outcome),
                currency.format(one.old_total),
                currency.format(one.new_total),
                difference.map(|amount| currency.format(amount)).unwrap_or_default(),
            ];
            whole(own, words(&one.causes))
        })
        .collect()
}

fn broken(error: &dyn std::fmt::Display) -> Error {
    Error::Fault(format!("the table could not be written: {error}"))
}
