//! The utility at a glance, of the sites that the caller sees.

use crate::{App, Caller, Result, Utility};
use store::dashboard::{MonthAmount, Owing, Standing};
use store::{Cursor, Page};
use time::{Date, Month};
use vocab::{AccountState, Money};

/// Months shown, the present one included.
const MONTHS: usize = 12;

/// One month's figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthFigures {
    /// First day of the month.
    pub month_on: Date,
    /// Posted on bills of the month.
    pub billed: Money,
    /// Received in the month and not reversed.
    pub collected: Money,
}

/// The figures.
#[derive(Debug, Clone)]
pub struct Dashboard {
    /// The day they are of.
    pub as_of_on: Date,
    /// Segments posted on bills of this month.
    pub revenue_month: Money,
    /// Segments posted on bills of this year.
    pub revenue_year: Money,
    /// Balances and counts.
    pub standing: Standing,
    /// Accounts by state.
    pub by_state: Vec<(AccountState, i64)>,
    /// Accounts with something past due.
    pub delinquent: i64,
    /// Twelve months, oldest first.
    pub months: Vec<MonthFigures>,
}

/// First days of the twelve months that end with the month of `today`.
fn months(today: Date) -> Vec<Date> {
    let mut all = Vec::with_capacity(MONTHS);
    let (mut year, mut month) = (today.year(), today.month());
    while all.len() < MONTHS {
        let Ok(first) = Date::from_calendar_date(year, month, 1) else { break };
        all.push(first);
        month = month.previous();
        if month == Month::December {
            year -= 1;
        }
    }
    all.reverse();
    all
}

fn of(amounts: &[MonthAmount], month_on: Date) -> Money {
    amounts.iter().find(|row| row.month_on == month_on).map_or(Money::ZERO, |row| row.amount_minor)
}

impl App {
    /// The figures, now.
    pub fn dashboard(&self, caller: &Caller) -> Result<Dashboard> {
        let sites = caller.sites();
        let sites = sites.as_deref();
        self.db().tx(|tx| {
            let today = Utility::load(tx)?.day(tx.as_of());
            let months = months(today);
            let from_on = months.first().copied().unwrap_or(today);
            let billed = store::dashboard::billed_by_month(tx, sites, from_on)?;
            let collected = store::dashboard::collected_by_month(tx, sites, from_on)?;
            let this_year = billed.iter().filter(|row| row.month_on.year() == today.year());
            let this_month = months.last().copied().unwrap_or(today);
            Ok(Dashboard {
                as_of_on: today,
                revenue_month: of(&billed, this_month),
                revenue_year: Money::sum(this_year.map(|row| row.amount_minor))?,
                standing: store::dashboard::standing(tx, sites)?,
                by_state: store::dashboard::by_state(tx, sites)?,
                delinquent: store::dashboard::delinquent(tx, sites, today)?,
                months: months
                    .into_iter()
                    .map(|month_on| MonthFigures {
                        month_on,
                        billed: of(&billed, month_on),
                        collected: of(&collected, month_on),
                    })
                    .collect(),
            })
        })
    }

    /// Accounts that owe, the most first.
    pub fn balances_due(&self, caller: &Caller, after: Option<&Cursor>, limit: i64) -> Result<Page<Owing>> {
        let sites = caller.sites();
        self.db().tx(|tx| Ok(store::dashboard::owing(tx, sites.as_deref(), after, limit)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn twelve_months_go_over_the_turn_of_the_year() {
        let months = months(date!(2026 - 02 - 28));
        assert_eq!(months.len(), 12);
        assert_eq!(
            (months[0], months[10], months[11]),
            (date!(2025 - 03 - 01), date!(2026 - 01 - 01), date!(2026 - 02 - 01))
        );
        assert!(months.is_sorted());
    }
}
