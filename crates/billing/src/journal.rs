//! The journal of a financial transaction: general ledger lines that sum to zero.
//!
//! Debits are positive, credits negative. There is no way to hold a journal that does not
//! balance; an account stands in it once, in ascending order, and never with nothing.

use vocab::decimal::Overflow;
use vocab::{GlAccountId, Money};

/// Ledger lines that sum to zero.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Journal(Vec<(GlAccountId, Money)>);

/// Why lines are not a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JournalFault {
    /// Debits and credits differ.
    #[error("debits and credits differ by {} minor units", .0.minor())]
    Unbalanced(Money),
    /// A sum does not fit.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

impl Journal {
    /// Groups the lines by account; refused unless they sum to zero.
    pub fn new(lines: Vec<(GlAccountId, Money)>) -> Result<Self, JournalFault> {
        let mut lines = lines;
        lines.sort_unstable_by_key(|(account, _)| *account);
        let mut grouped: Vec<(GlAccountId, Money)> = Vec::with_capacity(lines.len());
        let mut total = Money::ZERO;
        for (account, amount) in lines {
            total = total.plus(amount)?;
            match grouped.last_mut() {
                Some((last, sum)) if *last == account => *sum = sum.plus(amount)?,
                _ => grouped.push((account, amount)),
            }
        }
        if !total.is_zero() {
            return Err(JournalFault::Unbalanced(total));
        }
        grouped.retain(|(_, amount)| !amount.is_zero());
        Ok(Self(grouped))
    }

    /// One amount from one account to another: debit, credit.
    pub fn transfer(debit: GlAccountId, credit: GlAccountId, amount: Money) -> Result<Self, JournalFault> {
        Self::new(vec![(debit, amount), (credit, amount.negated()?)])
    }

    /// The same lines with debit and credit changed.
    pub fn reversed(&self) -> Result<Self, JournalFault> {
        let lines: Result<Vec<_>, Overflow> =
            self.0.iter().map(|&(account, amount)| Ok((account, amount.negated()?))).collect();
        Self::new(lines?)
    }

    /// The lines, ascending by account.
    pub fn lines(&self) -> &[(GlAccountId, Money)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_does_not_balance_is_refused() {
        let lines = vec![(GlAccountId(1), Money::from_minor(100)), (GlAccountId(2), Money::from_minor(-99))];
        assert_eq!(Journal::new(lines), Err(JournalFault::Unbalanced(Money::from_minor(1))));
        let huge =
            vec![(GlAccountId(1), Money::from_minor(i64::MAX)), (GlAccountId(1), Money::from_minor(1))];
        assert_eq!(Journal::new(huge), Err(JournalFault::Overflow(Overflow)));
        assert_eq!(Journal::new(Vec::new()), Ok(Journal::default()));
    }

    proptest! {
        #[test]
        fn a_journal_sums_to_zero_and_names_an_account_once(
            amounts in prop::collection::vec((1i64..6, -1_000_000i64..1_000_000), 0..12)
        ) {
            let total: i64 = amounts.iter().map(|(_, amount)| amount).sum();
            let mut lines: Vec<_> =
                amounts.iter().map(|&(gl, amount)| (GlAccountId(gl), Money::from_minor(amount))).collect();
            lines.push((GlAccountId(9), Money::from_minor(-total)));
            let journal = Journal::new(lines).unwrap();
            prop_assert_eq!(journal.lines().iter().map(|line| line.1.minor()).sum::<i64>(), 0);
            prop_assert!(journal.lines().windows(2).all(|pair| pair[0].0 < pair[1].0));
            prop_assert!(journal.lines().iter().all(|line| !line.1.is_zero()));
            let back = journal.reversed().unwrap().reversed().unwrap();
            prop_assert_eq!(back, journal);
        }
    }
}
