//! The autopay instruction of a bill: when it is drawn, and whether the bill says so.

use crate::{Error, Result, Utility};
use payments::autopay::{BANK_DEBIT_NOTICE_DAYS, DrawTerms, draw_date, is_announced};
use store::accounts::Account;
use store::draws::Draw;
use store::payment_methods::PaymentMethod;
use time::{Date, Duration, OffsetDateTime};
use vocab::{BillId, DrawState, MethodState, Money, TenderKind};

/// What is asked to be drawn for a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BilledAmount {
    /// The bill.
    pub bill: BillId,
    /// Its ending balance.
    pub ending: Money,
    /// When it is due.
    pub due_on: Date,
    /// When it was accepted.
    pub completed_at: OffsetDateTime,
}

/// The instruction for a completed bill; `None` without autopay, or when nothing would be drawn
/// (nothing owed, above the customer's maximum, the method switched off): then the bill is to be
/// paid like any other. With an instruction, the bill announces it. `id` is the draw's row number.
/// Pure: `method` is the account's autopay method as loaded with it.
pub fn instruction(
    utility: &Utility,
    account: &Account,
    method: Option<&PaymentMethod>,
    bill: &BilledAmount,
    id: i64,
) -> Result<Option<Draw>> {
    let (Some(rule), Some(method)) = (account.autopay_rule, method) else { return Ok(None) };
    let is_usable = account.autopay_method_id == Some(method.id) && method.state == MethodState::Active;
    if !is_usable || !is_announced(bill.ending, account.autopay_maximum_minor) {
        return Ok(None);
    }
    let notice_days = if method.kind == TenderKind::BankDebit { BANK_DEBIT_NOTICE_DAYS } else { 0 };
    let terms = DrawTerms {
        rule,
        days_before: account.autopay_days_before.and_then(|days| u16::try_from(days).ok()).unwrap_or(0),
        review_delay: Duration::hours(i64::from(utility.settings.review_delay_hours)),
        notice_days,
    };
    let date = draw_date(&terms, bill.completed_at, bill.due_on, &utility.zone, &utility.holidays)
        .map_err(|error| Error::Fault(error.to_string()))?;
    Ok(Some(Draw {
        account_id: account.account_id,
        id,
        bill_id: bill.bill.n,
        method_id: method.id,
        draw_on: date.draw_on,
        not_before_at: date.not_before_at,
        retry_on: None,
        state: DrawState::Planned,
        amount_minor: None,
        attempts: 0,
        idempotency_key: None,
        gateway_reference: None,
        reason_code: None,
        reason: None,
        payment_run_id: None,
        payment_id: None,
        submitted_at: None,
        version: 1,
    }))
}
