//! What every room that moves an account's money shares: ledger accounts, dates, applying
//! credit; and the account's balance and history as staff see them.

use crate::{App, Caller, Error, Result, Utility, accounts};
use billing::{JournalFault, PostingDates};
use payments::allocation::{AllocationError, Join, OpenCredit, OpenDebit, Policy, apply_credits};
use std::collections::{BTreeMap, HashMap};
use store::accounts::Account;
use store::ledger::HistoryRow;
use store::{Cursor, Page, Tx};
use time::Date;
use vocab::{AccountId, Code, FtId, GlAccountId, Money, Problem};

/// The largest amount of one document, in minor units: sums of thousands of them still fit.
const AMOUNT_MAX: Money = Money::from_minor(1_000_000_000_000);

/// The ledger account that the settings name, or a refusal that says which is missing.
pub(crate) fn gl(account: Option<GlAccountId>, name: &str) -> Result<GlAccountId> {
    account.ok_or_else(|| {
        let detail = format!("the settings name no general ledger account for {name}");
        Problem::new(Code::GlAccountMissing, detail).with("rule", name).into()
    })
}

/// Dates of a posting of today that is about `effective_on`.
pub(crate) fn dates(tx: &Tx<'_>, utility: &Utility, effective_on: Date) -> PostingDates {
    PostingDates { accounting_on: utility.day(tx.as_of()), effective_on, posted_at: tx.as_of() }
}

/// Refuses amounts that no single document has.
pub(crate) fn check_amount(amount: Money, pointer: &str) -> Result<()> {
    if amount > AMOUNT_MAX || amount < AMOUNT_MAX.negated()? {
        return Err(Problem::field(pointer, Code::AmountTooLarge, Code::AmountTooLarge.meaning()).into());
    }
    Ok(())
}

/// Refuses empty and overlong reasons.
pub(crate) fn check_reason(reason: &str) -> Result<()> {
    if reason.trim().is_empty() || reason.chars().count() > 500 {
        return Err(Problem::field("/reason", Code::FieldRange, "1 to 500 characters").into());
    }
    Ok(())
}

/// Refuses an empty or overlong client reference.
pub(crate) fn check_reference(reference: Option<&str>) -> Result<()> {
    match reference {
        Some(text) if text.trim().is_empty() || text.chars().count() > 100 => {
            Err(Problem::field("/client_reference", Code::FieldRange, "1 to 100 characters").into())
        }
        _ => Ok(()),
    }
}

/// Applies what is left of a locked account's credits to what is open of its debits, oldest
/// first. After every posting, so that open debits and unapplied credits never stand side by side.
pub fn settle(tx: &mut Tx<'_>, account: AccountId) -> Result<()> {
    settle_all(tx, &[account])
}

/// The same for many locked accounts at once.
pub(crate) fn settle_all(tx: &mut Tx<'_>, accounts: &[AccountId]) -> Result<()> {
    if accounts.is_empty() {
        return Ok(());
    }
    let mut credits: BTreeMap<AccountId, Vec<OpenCredit>> = BTreeMap::new();
    for credit in store::ledger::open_credits(tx, accounts)? {
        credits.entry(credit.id.owner).or_default().push(credit);
    }
    if credits.is_empty() {
        return Ok(());
    }
    let mut debits: HashMap<AccountId, Vec<OpenDebit>> = HashMap::new();
    for debit in store::ledger::open_debits(tx, accounts)? {
        debits.entry(debit.id.owner).or_default().push(debit);
    }
    let mut joins = Vec::new();
    for (account, credits) in credits {
        let debits = debits.get(&account).map_or(&[][..], Vec::as_slice);
        let applied = apply_credits(Policy::OldestFirst, debits, &credits).map_err(allocation_fault)?;
        joins.extend(applied.joins);
    }
    Ok(store::ledger::allocate(tx, &joins)?)
}

/// Joins a cancelled credit to its cancellation: what it paid is open again.
pub(crate) fn undo_credit(tx: &mut Tx<'_>, credit: FtId, cancel: FtId, amount: Money) -> Result<()> {
    store::ledger::free_credit(tx, credit)?;
    store::ledger::allocate(tx, &[Join { credit, debit: cancel, amount }])?;
    settle(tx, credit.owner)
}

/// Joins a cancelled debit to its cancellation: what had paid it pays something else.
pub(crate) fn undo_debit(tx: &mut Tx<'_>, debit: FtId, cancel: FtId, amount: Money) -> Result<()> {
    store::ledger::free_debit(tx, debit)?;
    store::ledger::allocate(tx, &[Join { credit: cancel, debit, amount }])?;
    settle(tx, debit.owner)
}

pub(crate) fn allocation_fault(error: AllocationError) -> Error {
    match error {
        AllocationError::Overflow(overflow) => overflow.into(),
        other => Error::Fault(format!("allocation: {other}")),
    }
}

pub(crate) fn journal_fault(fault: JournalFault) -> Error {
    match fault {
        JournalFault::Overflow(overflow) => overflow.into(),
        unbalanced @ JournalFault::Unbalanced(_) => Error::Fault(unbalanced.to_string()),
    }
}

/// Open debits by how long they are past due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ageing {
    /// Not yet due, or on no bill.
    pub current: Money,
    /// 1 to 30 days past due.
    pub days_1_30: Money,
    /// 31 to 60.
    pub days_31_60: Money,
    /// 61 to 90.
    pub days_61_90: Money,
    /// 91 to 120.
    pub days_91_120: Money,
    /// More.
    pub days_over_120: Money,
}

/// What an account owes.
#[derive(Debug, Clone)]
pub struct Balance {
    /// The account.
    pub account: Account,
    /// Credits that have paid nothing yet.
    pub unapplied: Money,
    /// The day that the ageing is as of.
    pub as_of_on: Date,
    /// Open debits by age.
    pub ageing: Ageing,
}

impl Ageing {
    fn add(&mut self, days_past_due: i64, amount: Money) -> Result<()> {
        let bucket = match days_past_due {
            ..=0 => &mut self.current,
            1..=30 => &mut self.days_1_30,
            31..=60 => &mut self.days_31_60,
            61..=90 => &mut self.days_61_90,
            91..=120 => &mut self.days_91_120,
            _ => &mut self.days_over_120,
        };
        *bucket = bucket.plus(amount)?;
        Ok(())
    }

    /// Everything that is past due.
    pub fn past_due(&self) -> Result<Money> {
        let buckets =
            [self.days_1_30, self.days_31_60, self.days_61_90, self.days_91_120, self.days_over_120];
        Ok(Money::sum(buckets)?)
    }
}

impl App {
    /// What an account owes today, and since when.
    pub fn balance(&self, caller: &Caller, id: AccountId) -> Result<Balance> {
        self.db().tx(|tx| {
            let account = accounts::find(tx, caller, id)?;
            let as_of_on = Utility::load(tx)?.day(tx.as_of());
            let mut ageing = Ageing::default();
            for debit in store::ledger::open_debits(tx, &[id])? {
                let days = debit.due_on.map_or(0, |due_on| (as_of_on - due_on).whole_days());
                ageing.add(days, debit.open)?;
            }
            let unapplied = store::ledger::unapplied(tx, id)?;
            Ok(Balance { account, unapplied, as_of_on, ageing })
        })
    }

    /// The financial transactions of an account, newest first.
    pub fn history(
        &self,
        caller: &Caller,
        id: AccountId,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<HistoryRow>> {
        self.db().tx(|tx| {
            accounts::find(tx, caller, id)?;
            Ok(store::ledger::history(tx, id, after, limit)?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_falls_into_one_bucket() {
        let mut ageing = Ageing::default();
        for days in [-3, 0, 1, 30, 31, 60, 61, 90, 91, 120, 121, 4000] {
            ageing.add(days, Money::from_minor(1)).unwrap();
        }
        let two = Money::from_minor(2);
        let expected = Ageing {
            current: two,
            days_1_30: two,
            days_31_60: two,
            days_61_90: two,
            days_91_120: two,
            days_over_120: two,
        };
        assert_eq!(ageing, expected);
        assert_eq!(ageing.past_due().unwrap(), Money::from_minor(10));
    }
}
