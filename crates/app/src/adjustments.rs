//! Posting and cancelling adjustments: charges and credits that do not come from a segment.

use crate::audit::{self, Action};
use crate::{App, Caller, Error, Result, Utility, accounts, ledger};
use billing::{FtOrigin, adjustment_cancel_ft, adjustment_ft, arrangement_ft};
use serde_json::json;
use store::adjustments::Adjustment;
use store::{Cursor, Page, Tx};
use time::Date;
use vocab::{AccountId, AdjustmentId, AdjustmentState, AdjustmentTypeId, Code, FtId, FtKind, Money, Problem};

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
    ledger::check_amount(new.amount, "/amount")?;
    ledger::check_reason(&new.reason)?;
    ledger::check_reference(new.client_reference.as_deref())?;
    let utility = Utility::load(tx)?;
    accounts::lock(tx, caller, id)?;
    let kind = store::ledger_setup::adjustment_type(tx, new.type_id)?.ok_or_else(|| {
        let pointer = if moves == Moves::Both { "/type_id" } else { "/adjustment_type_id" };
        Problem::field(pointer, Code::UnknownReference, "there is no such adjustment type")
    })?;
    let receivable = ledger::gl(utility.settings.receivable_gl_id, "receivable")?;
    let row = Adjustment {
        account_id: id,
        id: tx.new_id()?,
        type_id: new.type_id,
        state: AdjustmentState::Posted,
        amount_minor: new.amount,
        effective_on: new.effective_on.unwrap_or_else(|| utility.day(tx.as_of())),
        reason: new.reason,
        client_reference: new.client_reference,
        created_by: caller.actor(),
        created_at: tx.as_of(),
        version: 1,
    };
    insert(tx, &row)?;
    let origin = FtOrigin { id: FtId::new(id, tx.new_id()?), source: row.id };
    let dates = ledger::dates(tx, &utility, row.effective_on);
    let ft = match moves {
        Moves::Both => adjustment_ft(origin, row.amount_minor, receivable, kind.gl_id, dates),
        Moves::WhatIsAsked => Ok(arrangement_ft(origin, row.amount_minor, dates)),
    }
    .map_err(ledger::journal_fault)?;
    store::ledger::post(tx, &[ft])?;
    ledger::settle(tx, id)?;
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

/// Cancels an adjustment that the caller read as `version`: its transaction is turned around.
pub fn cancel(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: AdjustmentId,
    version: i64,
    reason: &str,
) -> Result<Adjustment> {
    ledger::check_reason(reason)?;
    let utility = Utility::load(tx)?;
    accounts::lock(tx, caller, id.owner)?;
    let row = store::adjustments::find(tx, id)?.ok_or_else(Problem::not_found)?;
    if row.version != version {
        return Err(Problem::new(Code::EtagMismatch, Code::EtagMismatch.meaning()).into());
    }
    let original = store::ledger::find_by_source(tx, id.owner, FtKind::Adjustment, id.n)?
        .ok_or_else(|| Error::Fault(format!("{id} has no transaction")))?;
    if original.payoff_minor != original.current_minor {
        let detail = "instalments ask for it again; stop their contract instead";
        return Err(Problem::new(Code::WrongState, detail).with("state", row.state).into());
    }
    if row.state != AdjustmentState::Posted || !store::adjustments::mark_cancelled(tx, id, version)? {
        return Err(Problem::new(Code::WrongState, "the adjustment has been cancelled already")
            .with("state", row.state)
            .into());
    }
    let origin = FtOrigin { id: FtId::new(id.owner, tx.new_id()?), source: id.n };
    let dates = ledger::dates(tx, &utility, utility.day(tx.as_of()));
    let ft = adjustment_cancel_ft(origin, &original.posted()?, dates).map_err(ledger::journal_fault)?;
    store::ledger::post(tx, std::slice::from_ref(&ft))?;
    let amount = original.current_minor;
    if amount.is_positive() {
        ledger::undo_debit(tx, original.ft_id(), ft.id(), amount)?;
    } else {
        ledger::undo_credit(tx, original.ft_id(), ft.id(), amount.negated()?)?;
    }
    let action = Action {
        action: "adjustment.cancel",
        subject: id.to_string(),
        reason: Some(reason.to_owned()),
        ..Action::default()
    };
    audit::record(tx, caller, action)?;
    Ok(Adjustment { state: AdjustmentState::Cancelled, version: version + 1, ..row })
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
