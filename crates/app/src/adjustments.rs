//! Posting and cancelling adjustments: charges and credits that do not come from a segment.

use crate::audit::{self, Action};
use crate::{App, Caller, Error, Result, Utility, accounts, balances, ledger};
use billing::{FtOrigin, adjustment_cancel_ft, adjustment_ft, arrangement_ft};
use serde_json::json;
use store::adjustments::Adjustment;
use store::ledger_setup::AdjustmentType;
use store::{Cursor, Page, Tx};
use time::Date;
use vocab::{
    AccountId, AdjustmentId, AdjustmentPurpose, AdjustmentState, AdjustmentTypeId, Code, FtId, FtKind, Money,
    Problem,
};

/// An adjustment to post.
#[derive(Debug, Clone)]
pub struct NewAdjustment {
    /// Of which type.
    pub type_id: AdjustmentTypeId,
    /// A charge above nothing, a credit below.
    pub amount: Money,
    /// The day that it is about; today when absent.
    pub effective_on: Option<Date>,
    /// Why.
    pub reason: String,
    /// The client's own name for it, unique within the account for ever.
    pub client_reference: Option<String>,
}

/// Posts an adjustment.
pub fn post(tx: &mut Tx<'_>, caller: &Caller, id: AccountId, new: NewAdjustment) -> Result<Adjustment> {
    post_as(tx, caller, id, new, Moves::Both)
}

/// Posts an adjustment that moves what is asked now and leaves what is owed.
pub(crate) fn arrange(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: AccountId,
    new: NewAdjustment,
) -> Result<Adjustment> {
    post_as(tx, caller, id, new, Moves::WhatIsAsked)
}

/// Which balances an adjustment moves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moves {
    Both,
    WhatIsAsked,
}

fn post_as(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: AccountId,
    new: NewAdjustment,
    moves: Moves,
) -> Result<Adjustment> {
    if new.amount.is_zero() {
        return Err(Problem::field("/amount", Code::FieldRange, "an adjustment is not nothing").into());
    }
    let utility = Utility::load(tx)?;
    accounts::lock(tx, caller, id)?;
    let pointer = if moves == Moves::Both { "/type_id" } else { "/adjustment_type_id" };
    let kind = known_type(tx, pointer, new.type_id)?;
    if matches!(kind.purpose, AdjustmentPurpose::WriteOff | AdjustmentPurpose::Transfer) {
        let detail = format!("a type for the purpose {} has an action of its own", kind.purpose);
        return Err(Problem::field(pointer, Code::FieldRange, detail).into());
    }
    let row = post_moving(tx, caller, &utility, id, &kind, new, (moves, None))?;
    ledger::settle(tx, id)?;
    Ok(row)
}

/// The adjustment type with this id.
pub(crate) fn known_type(tx: &mut Tx<'_>, pointer: &str, id: AdjustmentTypeId) -> Result<AdjustmentType> {
    let unknown = || Problem::field(pointer, Code::UnknownReference, "there is no such adjustment type");
    Ok(store::ledger_setup::adjustment_type(tx, id)?.ok_or_else(unknown)?)
}

/// Posts an adjustment on a locked account; its credit is not applied yet. `other` is the other side of a
/// transfer, with the row number that this side takes.
pub(crate) fn post_locked(
    tx: &mut Tx<'_>,
    caller: &Caller,
    utility: &Utility,
    id: AccountId,
    kind: &AdjustmentType,
    new: NewAdjustment,
    other: Option<(i64, AdjustmentId)>,
) -> Result<Adjustment> {
    post_moving(tx, caller, utility, id, kind, new, (Moves::Both, other))
}

fn post_moving(
    tx: &mut Tx<'_>,
    caller: &Caller,
    utility: &Utility,
    id: AccountId,
    kind: &AdjustmentType,
    new: NewAdjustment,
    (moves, other): (Moves, Option<(i64, AdjustmentId)>),
) -> Result<Adjustment> {
    ledger::check_amount(new.amount, "/amount")?;
    ledger::check_reason(&new.reason)?;
    ledger::check_reference(new.client_reference.as_deref())?;
    let receivable = ledger::gl(utility.settings.receivable_gl_id, "receivable")?;
    let number = match other {
        Some((own, _)) => own,
        None => tx.new_id()?,
    };
    let row = Adjustment {
        account_id: id,
        id: number,
        type_id: kind.id,
        state: AdjustmentState::Posted,
        amount_minor: new.amount,
        effective_on: new.effective_on.unwrap_or_else(|| utility.day(tx.as_of())),
        reason: new.reason,
        client_reference: new.client_reference,
        created_by: caller.actor(),
        created_at: tx.as_of(),
        version: 1,
        other_account_id: other.map(|(_, other)| other.owner),
        other_id: other.map(|(_, other)| other.n),
    };
    insert(tx, &row)?;
    let origin = FtOrigin { id: FtId::new(id, tx.new_id()?), source: row.id };
    let dates = ledger::dates(tx, utility, row.effective_on);
    let ft = match moves {
        Moves::Both => adjustment_ft(origin, row.amount_minor, receivable, kind.gl_id, dates),
        Moves::WhatIsAsked => Ok(arrangement_ft(origin, row.amount_minor, dates)),
    }
    .map_err(ledger::journal_fault)?;
    store::ledger::post(tx, &[ft])?;
    let subject = AdjustmentId::new(id, row.id).to_string();
    let after = json!({ "account": id, "type": kind.code, "amount_minor": row.amount_minor.minor() });
    let reason = Some(row.reason.clone());
    let action = Action { action: "adjustment.post", subject, after: Some(after), reason, before: None };
    audit::record(tx, caller, action)?;
    Ok(row)
}

fn insert(tx: &mut Tx<'_>, row: &Adjustment) -> Result<()> {
    match store::adjustments::insert(tx, row) {
        Err(store::Error::Exists { constraint }) if constraint == "adjustments_reference" => {
            Err(Problem::new(
                Code::DuplicateReference,
                "the account has an adjustment with this client reference already",
            )
            .into())
        }
        other => Ok(other?),
    }
}

/// Cancels an adjustment that the caller read as `version`: its transaction is turned around. Of a transfer
/// the other side is cancelled with it; an account whose balance was written off owes it again.
pub fn cancel(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: AdjustmentId,
    version: i64,
    reason: &str,
) -> Result<Adjustment> {
    ledger::check_reason(reason)?;
    let utility = Utility::load(tx)?;
    accounts::find(tx, caller, id.owner)?;
    // Read before its account is locked: the other side's account may have to be locked first.
    let row = store::adjustments::find(tx, id)?.ok_or_else(Problem::not_found)?;
    let mut owners = vec![id.owner];
    owners.extend(row.other_account_id);
    owners.sort_unstable();
    for owner in owners {
        accounts::lock(tx, caller, owner)?;
    }
    let row = store::adjustments::find(tx, id)?.ok_or_else(Problem::not_found)?;
    if row.version != version {
        return Err(Problem::new(Code::EtagMismatch, Code::EtagMismatch.meaning()).into());
    }
    turn_around(tx, caller, &utility, &row, reason)?;
    if let Some(other) = row.other() {
        let other = store::adjustments::find(tx, other)?
            .ok_or_else(|| Error::Fault(format!("{id} has lost its other side")))?;
        turn_around(tx, caller, &utility, &other, reason)?;
    }
    Ok(Adjustment { state: AdjustmentState::Cancelled, version: version + 1, ..row })
}

/// Turns the transaction of a locked account's adjustment around.
fn turn_around(
    tx: &mut Tx<'_>,
    caller: &Caller,
    utility: &Utility,
    row: &Adjustment,
    reason: &str,
) -> Result<()> {
    let id = AdjustmentId::new(row.account_id, row.id);
    let original = store::ledger::find_by_source(tx, id.owner, FtKind::Adjustment, id.n)?
        .ok_or_else(|| Error::Fault(format!("{id} has no transaction")))?;
    if original.payoff_minor != original.current_minor {
        let detail = "instalments ask for it again; stop their contract instead";
        return Err(Problem::new(Code::WrongState, detail).with("state", row.state).into());
    }
    if row.state != AdjustmentState::Posted || !store::adjustments::mark_cancelled(tx, id, row.version)? {
        return Err(Problem::new(Code::WrongState, "the adjustment has been cancelled already")
            .with("state", row.state)
            .into());
    }
    let origin = FtOrigin { id: FtId::new(id.owner, tx.new_id()?), source: id.n };
    let dates = ledger::dates(tx, utility, utility.day(tx.as_of()));
    let ft = adjustment_cancel_ft(origin, &original.posted()?, dates).map_err(ledger::journal_fault)?;
    store::ledger::post(tx, std::slice::from_ref(&ft))?;
    let amount = original.current_minor;
    if amount.is_positive() {
        ledger::undo_debit(tx, original.ft_id(), ft.id(), amount)?;
    } else {
        ledger::undo_credit(tx, original.ft_id(), ft.id(), amount.negated()?)?;
    }
    if known_type(tx, "/type_id", row.type_id)?.purpose == AdjustmentPurpose::WriteOff {
        balances::owes_again(tx, id.owner)?;
    }
    let subject = id.to_string();
    let reason = Some(reason.to_owned());
    audit::record(tx, caller, Action { action: "adjustment.cancel", subject, reason, ..Action::default() })
}

impl App {
    /// An adjustment.
    pub fn adjustment(&self, caller: &Caller, id: AdjustmentId) -> Result<Adjustment> {
        self.db().tx(|tx| {
            accounts::find(tx, caller, id.owner)?;
            Ok(store::adjustments::find(tx, id)?.ok_or_else(Problem::not_found)?)
        })
    }

    /// The adjustments of an account, newest first.
    pub fn adjustments(
        &self,
        caller: &Caller,
        id: AccountId,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<Adjustment>> {
        self.db().tx(|tx| {
            accounts::find(tx, caller, id)?;
            Ok(store::adjustments::list(tx, id, after, limit)?)
        })
    }
}
