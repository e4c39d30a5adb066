//! Budget billing: a metered contract is asked for a level amount, and what it used beside it is settled
//! on the review day, with its final segment, or once the budget has ended.

use super::{IN_FORCE, agreed, lock_in, save, terms};
use crate::{App, Caller, Result, Utility};
use billing::{Calculation, Terms};
use store::Tx;
use store::contracts::Contract;
use time::Date;
use vocab::decimal::{self, Rounding};
use vocab::{Code, ContractId, Money, Problem, SegmentMethod};

/// How many of the latest segments a level is proposed from: a year of months.
const SEGMENTS: i64 = 12;

/// A budget to put on a contract.
#[derive(Debug, Clone, Copy)]
pub struct NewBudget {
    /// With each bill.
    pub level: Money,
    /// Segments that begin earlier are asked as they are; from the next segment on when absent.
    pub since_on: Option<Date>,
    /// The segment of this day settles the difference.
    pub review_on: Date,
}

/// A contract's budget, if it has one, and what its use suggests.
#[derive(Debug, Clone)]
pub struct BudgetView {
    /// The contract.
    pub contract: Contract,
    /// Its terms, when it has a budget.
    pub budget: Option<Terms>,
    /// The average of its latest segments' own charges; none before there is one.
    pub proposal: Option<Proposal>,
}

/// A level that follows from what was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposal {
    /// The average.
    pub level: Money,
    /// Of how many segments.
    pub segments: i64,
}

fn view(tx: &mut Tx<'_>, contract: Contract) -> Result<BudgetView> {
    let budget = agreed(&contract)?.filter(|terms| matches!(terms, Terms::Budget { .. }));
    let proposal = proposal(tx, contract.contract_id())?;
    Ok(BudgetView { contract, budget, proposal })
}

/// The average of what the latest segments used, whatever they asked.
fn proposal(tx: &mut Tx<'_>, id: ContractId) -> Result<Option<Proposal>> {
    let currency = Utility::load(tx)?.currency;
    let rows = store::billing_inputs::latest_segments(tx, id, SEGMENTS)?;
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let corrupt = |why: String| store::Error::Corrupt { what: "segment", why };
        let calc = Calculation::parse(&row.document.0).map_err(|error| corrupt(error.to_string()))?;
        if calc.rated.is_some() {
            all.push(Money::sum(calc.lines.iter().map(|line| line.amount_minor))?);
        }
    }
    let Ok(segments @ 1..) = i64::try_from(all.len()) else { return Ok(None) };
    let total = currency.to_decimal(Money::sum(all)?);
    let average = decimal::div(total, decimal::whole(segments))?;
    Ok(Some(Proposal { level: currency.round(average, Rounding::HalfAwayFromZero)?, segments }))
}

fn lock_metered(tx: &mut Tx<'_>, caller: &Caller, id: ContractId) -> Result<Contract> {
    let row = lock_in(tx, caller, id, IN_FORCE)?;
    let of = store::contract_types::find(tx, row.contract_type_id)?;
    if of.is_some_and(|of| of.method == SegmentMethod::Metered) {
        return Ok(row);
    }
    let detail = "only a metered contract has a budget";
    Err(Problem::new(Code::WrongState, detail).with("state", row.state).into())
}

impl App {
    /// A contract's budget, and the level that its use suggests.
    pub fn budget(&self, caller: &Caller, id: ContractId) -> Result<BudgetView> {
        self.db().tx(|tx| {
            let contract = super::find(tx, caller, id)?;
            view(tx, contract)
        })
    }

    /// Puts a budget on a contract that the caller read as `version`, or reviews the one it has. What is
    /// outstanding stays so.
    pub fn put_budget(
        &self,
        caller: &Caller,
        id: ContractId,
        version: i64,
        new: NewBudget,
    ) -> Result<BudgetView> {
        self.db().tx(|tx| {
            let old = lock_metered(tx, caller, id)?;
            let next_on = old.billed_through_on.and_then(Date::next_day).unwrap_or(old.starts_on);
            let begun_on = match agreed(&old)? {
                Some(Terms::Budget { since_on, .. }) => since_on,
                _ => next_on,
            };
            let since_on = new.since_on.unwrap_or(begun_on);
            if new.review_on < next_on {
                let detail = "a day that is charged already settles nothing";
                return Err(Problem::field("/review_on", Code::FieldRange, detail).into());
            }
            let budget = Terms::Budget { level: new.level, since_on, review_on: new.review_on };
            let utility = Utility::load(tx)?;
            terms::check_terms(tx, &utility, "", &budget)?;
            let changed = Contract { terms: Some(serde_json::to_value(&budget)?), ..old.clone() };
            let row = save(tx, caller, "contract.budget", &old, changed, version, None)?;
            view(tx, row)
        })
    }

    /// Takes the budget off a contract that the caller read as `version`: its next segment asks for what
    /// it uses and what is outstanding.
    pub fn end_budget(&self, caller: &Caller, id: ContractId, version: i64) -> Result<BudgetView> {
        self.db().tx(|tx| {
            let old = lock_metered(tx, caller, id)?;
            if old.terms.is_none() {
                return Err(Problem::not_found().into());
            }
            let changed = Contract { terms: None, ..old.clone() };
            let row = save(tx, caller, "contract.budget_end", &old, changed, version, None)?;
            view(tx, row)
        })
    }
}
