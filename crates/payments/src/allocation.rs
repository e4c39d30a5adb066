//! Which debits a credit pays.
//!
//! An allocation joins part of a credit transaction to one debit transaction, so that a reversal
//! knows exactly what to reopen and a cancelled debit what to set free. All amounts here are
//! positive: the sign of a transaction is the caller's business.
//!
//! Invariants: no join is larger than what is open on its debit or left of its credit; what is
//! placed and what is left add up to what came in; the order of the input does not matter.
//!
//! Deliberately missing: policies other than oldest first. A policy is data; a further one is a
//! further variant of [`Policy`] with its own order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use time::Date;
use vocab::decimal::Overflow;
use vocab::{FtId, Money};

/// In which order a credit pays debits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// By due date, then accounting date, then number. What no bill has asked for yet comes last.
    #[default]
    OldestFirst,
}

/// A debit that is not yet fully paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenDebit {
    /// The debit transaction.
    pub id: FtId,
    /// When its bill is due; `None` while it is on no bill.
    pub due_on: Option<Date>,
    /// Its accounting date.
    pub accounting_on: Date,
    /// What is not yet paid of it; not negative.
    pub open: Money,
}

/// A credit of which something is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenCredit {
    /// The credit transaction.
    pub id: FtId,
    /// Its accounting date.
    pub accounting_on: Date,
    /// What is not yet applied of it, as a positive amount; not negative.
    pub left: Money,
}

/// Part of a credit joined to one debit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Join {
    /// Where the money comes from.
    pub credit: FtId,
    /// What it pays.
    pub debit: FtId,
    /// How much; more than nothing.
    pub amount: Money,
}

/// What one credit pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    /// What it pays, in the order of the policy: debit and amount.
    pub rows: Vec<(FtId, Money)>,
    /// What stays as an unapplied credit.
    pub unapplied: Money,
}

/// What several credits pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The joins to write.
    pub joins: Vec<Join>,
    /// What is left of each credit that is not used up.
    pub left: Vec<(FtId, Money)>,
}

/// What the cancellation of a debit does to its allocations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reallocated {
    /// The joins to the cancelled debit: they end.
    pub freed: Vec<Join>,
    /// Where the freed money goes instead.
    pub applied: Applied,
}

/// Why nothing was allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AllocationError {
    /// The credit is nothing or less.
    #[error("a credit must be more than nothing")]
    CreditNotPositive,
    /// Less than nothing is open or left.
    #[error("less than nothing is open on {0}")]
    Negative(FtId),
    /// The same transaction was given twice.
    #[error("{0} was given twice")]
    Twice(FtId),
    /// Transactions of several accounts were mixed: money never moves between accounts this way.
    #[error("{0} belongs to another account")]
    OtherAccount(FtId),
    /// A sum does not fit.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

/// What a new credit of `amount` pays.
///
/// # Errors
/// See [`AllocationError`].
pub fn allocate(policy: Policy, debits: &[OpenDebit], amount: Money) -> Result<Allocation, AllocationError> {
    if !amount.is_positive() {
        return Err(AllocationError::CreditNotPositive);
    }
    check(debits.iter().map(|debit| (debit.id, debit.open)))?;
    let mut unapplied = amount;
    let mut rows = Vec::new();
    for debit in ordered(policy, debits, None) {
        let part = debit.open.min(unapplied);
        if part.is_positive() {
            unapplied = unapplied.minus(part)?;
            rows.push((debit.id, part));
        }
    }
    Ok(Allocation { rows, unapplied })
}

/// What the unapplied credits of an account pay; the oldest credit is used first.
///
/// # Errors
/// See [`AllocationError`].
pub fn apply_credits(
    policy: Policy,
    debits: &[OpenDebit],
    credits: &[OpenCredit],
) -> Result<Applied, AllocationError> {
    apply(ordered(policy, debits, None), credits)
}

/// What becomes of the money that paid a debit which is now cancelled: it goes to the
/// replacement first, then by the policy; the rest stays unapplied.
///
/// `joins` may hold joins of other debits too; they are left alone. `debits` are the account's
/// open debits without the cancelled one, the replacement among them. A credit keeps its
/// accounting date: `credit_dates` names those of the freed credits (a credit that is not named
/// is used last).
///
/// # Errors
/// See [`AllocationError`].
pub fn reallocate(
    policy: Policy,
    cancelled: FtId,
    replacement: Option<FtId>,
    joins: &[Join],
    debits: &[OpenDebit],
    credit_dates: &BTreeMap<FtId, Date>,
) -> Result<Reallocated, AllocationError> {
    let freed: Vec<Join> = joins.iter().copied().filter(|join| join.debit == cancelled).collect();
    let mut by_credit: BTreeMap<FtId, Money> = BTreeMap::new();
    for join in &freed {
        let sum = by_credit.entry(join.credit).or_default();
        *sum = sum.plus(join.amount)?;
    }
    let credits: Vec<OpenCredit> = by_credit
        .into_iter()
        .map(|(id, left)| OpenCredit {
            id,
            accounting_on: credit_dates.get(&id).copied().unwrap_or(Date::MAX),
            left,
        })
        .collect();
    let open: Vec<OpenDebit> = debits.iter().copied().filter(|debit| debit.id != cancelled).collect();
    let applied = apply(ordered(policy, &open, replacement), &credits)?;
    Ok(Reallocated { freed, applied })
}

fn apply(debits: Vec<OpenDebit>, credits: &[OpenCredit]) -> Result<Applied, AllocationError> {
    let debit_amounts = debits.iter().map(|debit| (debit.id, debit.open));
    check(debit_amounts.chain(credits.iter().map(|credit| (credit.id, credit.left))))?;
    let mut credits = credits.to_vec();
    credits.sort_by_key(|credit| (credit.accounting_on, credit.id));
    let mut credits = credits.into_iter().filter(|credit| credit.left.is_positive()).peekable();
    let mut joins = Vec::new();
    for mut debit in debits {
        while debit.open.is_positive() {
            let Some(credit) = credits.peek_mut() else { break };
            let amount = debit.open.min(credit.left);
            debit.open = debit.open.minus(amount)?;
            credit.left = credit.left.minus(amount)?;
            joins.push(Join { credit: credit.id, debit: debit.id, amount });
            if credit.left.is_zero() {
                credits.next();
            }
        }
    }
    Ok(Applied { joins, left: credits.map(|credit| (credit.id, credit.left)).collect() })
}

fn ordered(policy: Policy, debits: &[OpenDebit], first: Option<FtId>) -> Vec<OpenDebit> {
    let mut debits = debits.to_vec();
    match policy {
        // `false` sorts first: the replacement before all, then what has a due date.
        Policy::OldestFirst => debits.sort_by_key(|debit| {
            let is_first = Reverse(first == Some(debit.id));
            (is_first, debit.due_on.is_none(), debit.due_on, debit.accounting_on, debit.id)
        }),
    }
    debits
}

fn check(amounts: impl Iterator<Item = (FtId, Money)>) -> Result<(), AllocationError> {
    let mut seen = BTreeSet::new();
    let mut owner = None;
    for (id, amount) in amounts {
        if amount.is_negative() {
            return Err(AllocationError::Negative(id));
        }
        if !seen.insert(id) {
            return Err(AllocationError::Twice(id));
        }
        if *owner.get_or_insert(id.owner) != id.owner {
            return Err(AllocationError::OtherAccount(id));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
