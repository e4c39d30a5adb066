//! What an account number alone tells a resident: balance, due date and status, nothing else.
//!
//! A number that nobody has, one that cannot be a number and one of a closed account are
//! answered alike, after the same queries.

use crate::{App, Result, Utility};
use time::Date;
use vocab::{AccountId, AccountNumber, AccountState, Money, Problem};

/// How an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is owed.
    Paid,
    /// Something is owed, nothing is late.
    Due,
    /// Something is late.
    PastDue,
}

/// What a resident is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookUp {
    /// The balance.
    pub balance: Money,
    /// The earliest day on which something of it is due.
    pub due_on: Option<Date>,
    /// How the account stands.
    pub standing: Standing,
}

impl App {
    /// Looks an account up by what a resident typed.
    pub fn portal_look_up(&self, text: &str) -> Result<LookUp> {
        let number = text.parse::<AccountNumber>().unwrap_or_else(|_| AccountNumber::from_random(0));
        let typed_well = text.parse::<AccountNumber>().is_ok();
        self.db().tx(|tx| {
            let today = Utility::load(tx)?.day(tx.as_of());
            let id = store::accounts::id_by_number(tx, number)?.unwrap_or(AccountId(0));
            let account = store::accounts::find(tx, id)?;
            let debits = store::ledger::open_debits(tx, &[id])?;
            let shown = account.filter(|account| {
                let state = account.state;
                typed_well && !matches!(state, AccountState::Closed | AccountState::WrittenOff)
            });
            let account = shown.ok_or_else(Problem::not_found)?;
            let due_on = debits.iter().filter_map(|debit| debit.due_on).min();
            let standing = match due_on {
                _ if !account.current_minor.is_positive() => Standing::Paid,
                Some(due_on) if due_on < today => Standing::PastDue,
                _ => Standing::Due,
            };
            let due_on = due_on.filter(|_| standing != Standing::Paid);
            Ok(LookUp { balance: account.current_minor, due_on, standing })
        })
    }
}
