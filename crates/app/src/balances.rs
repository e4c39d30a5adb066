//! Whole balances: moved to another account, or given up. Both are adjustments, undone by cancelling them
//! ([`crate::adjustments::cancel`]).

use crate::adjustments::{NewAdjustment, known_type, post_locked};
use crate::{Caller, Result, Utility, accounts, ledger};
use store::Tx;
use store::adjustments::Adjustment;
use store::ledger_setup::AdjustmentType;
use vocab::{
    AccountId, AccountState, AdjustmentId, AdjustmentPurpose, AdjustmentTypeId, Code, Money, Problem,
};

/// Money to move from one account to another.
#[derive(Debug, Clone)]
pub struct NewTransfer {
    /// To which account.
    pub to: AccountId,
    /// A type for the purpose `transfer`.
    pub type_id: AdjustmentTypeId,
    /// A debt above nothing, a credit below; the whole balance when absent.
    pub amount: Option<Money>,
    /// Why.
    pub reason: String,
    /// The client's own name for it, unique within each account for ever.
    pub client_reference: Option<String>,
}

/// A balance to give up.
#[derive(Debug, Clone)]
pub struct NewWriteOff {
    /// A type for the purpose `write_off`.
    pub type_id: AdjustmentTypeId,
    /// How much of the balance; all of it when absent.
    pub amount: Option<Money>,
    /// Why.
    pub reason: String,
    /// The client's own name for it, unique within the account for ever.
    pub client_reference: Option<String>,
}

fn type_for(tx: &mut Tx<'_>, id: AdjustmentTypeId, purpose: AdjustmentPurpose) -> Result<AdjustmentType> {
    let kind = known_type(tx, "/type_id", id)?;
    if kind.purpose == purpose {
        return Ok(kind);
    }
    let detail = format!("the type is for the purpose {}, not {purpose}", kind.purpose);
    Err(Problem::field("/type_id", Code::FieldRange, detail).into())
}

/// Moves a debt or a credit from an account to another: the two adjustments, of the account it leaves first.
pub fn transfer(
    tx: &mut Tx<'_>,
    caller: &Caller,
    from: AccountId,
    new: NewTransfer,
) -> Result<(Adjustment, Adjustment)> {
    if new.to == from {
        return Err(Problem::field("/to_account_id", Code::FieldRange, "another account").into());
    }
    let utility = Utility::load(tx)?;
    let lock = |tx: &mut Tx<'_>, id: AccountId| match accounts::lock(tx, caller, id) {
        Err(error) if id == new.to && error.problem().code == Code::NotFound => {
            Err(Problem::field("/to_account_id", Code::UnknownReference, "there is no such account").into())
        }
        other => other,
    };
    let (first, second) = if from < new.to { (from, new.to) } else { (new.to, from) };
    let locked = [lock(tx, first)?, lock(tx, second)?];
    let balance = locked.iter().find(|row| row.account_id == from).map(|row| row.current_minor);
    let kind = type_for(tx, new.type_id, AdjustmentPurpose::Transfer)?;
    let amount = new.amount.or(balance).unwrap_or_default();
    if amount.is_zero() {
        return Err(Problem::field("/amount", Code::FieldRange, "there is nothing to move").into());
    }
    let (leaves, arrives) = (AdjustmentId::new(from, tx.new_id()?), AdjustmentId::new(new.to, tx.new_id()?));
    let mut side = |own: AdjustmentId, other: AdjustmentId, amount: Money| {
        let new = NewAdjustment {
            type_id: kind.id,
            amount,
            effective_on: None,
            reason: new.reason.clone(),
            client_reference: new.client_reference.clone(),
        };
        post_locked(tx, caller, &utility, own.owner, &kind, new, Some((own.n, other)))
    };
    let out = side(leaves, arrives, amount.negated()?)?;
    let into = side(arrives, leaves, amount)?;
    ledger::settle(tx, first)?;
    ledger::settle(tx, second)?;
    Ok((out, into))
}

/// Gives up what an account owes, or part of it. One that owes nothing any more is written off.
pub fn write_off(tx: &mut Tx<'_>, caller: &Caller, id: AccountId, new: NewWriteOff) -> Result<Adjustment> {
    let utility = Utility::load(tx)?;
    let account = accounts::lock(tx, caller, id)?;
    let kind = type_for(tx, new.type_id, AdjustmentPurpose::WriteOff)?;
    let owed = account.current_minor;
    if account.payoff_minor != owed {
        let detail = "instalments, a deposit or a budget are open: settle or stop them first";
        return Err(Problem::new(Code::WrongState, detail).with("state", account.state).into());
    }
    if !owed.is_positive() {
        return Err(Problem::new(Code::AmountNotPositive, "the account owes nothing").into());
    }
    let amount = new.amount.unwrap_or(owed);
    if !amount.is_positive() || amount > owed {
        let detail = "more than nothing, and not more than what is owed";
        return Err(Problem::field("/amount", Code::FieldRange, detail).into());
    }
    let adjustment = NewAdjustment {
        type_id: kind.id,
        amount: amount.negated()?,
        effective_on: None,
        reason: new.reason,
        client_reference: new.client_reference,
    };
    let row = post_locked(tx, caller, &utility, id, &kind, adjustment, None)?;
    ledger::settle(tx, id)?;
    let is_over =
        matches!(account.state, AccountState::Final | AccountState::Closed | AccountState::Collections);
    if amount == owed && is_over {
        store::accounts::set_state(tx, id, AccountState::WrittenOff)?;
    }
    Ok(row)
}

/// A written-off account whose write-off is cancelled is to be settled again.
pub(crate) fn owes_again(tx: &mut Tx<'_>, id: AccountId) -> Result<()> {
    let account = store::accounts::find(tx, id)?.ok_or_else(Problem::not_found)?;
    if account.state == AccountState::WrittenOff {
        store::accounts::set_state(tx, id, AccountState::Final)?;
    }
    Ok(())
}
