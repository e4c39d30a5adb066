//! Taking money: at the counter or by API, for an account or into suspense; reversing it.

use crate::audit::{self, Action};
use crate::{App, Caller, Error, Result, Utility, accounts, ledger, notices};
use billing::{FtOrigin, payment_cancel_ft, payment_ft};
use notifications::{Line, Notice, Receipt};
use serde_json::json;
use store::accounts::Account;
use store::payments::{Payment, PaymentFilter, Tender};
use store::{Cursor, Page, Tx};
use time::Date;
use vocab::{
    AccountId, AccountNumber, Code, FtId, FtKind, GlAccountId, Money, PaymentId, PaymentState, Problem,
    TenderId, TenderKind,
};

/// For whom money came.
#[derive(Debug, Clone)]
pub enum Payee {
    /// An account by id.
    Account(AccountId),
    /// An account by what the payer wrote.
    Number(String),
}

/// Money to take.
#[derive(Debug, Clone)]
pub struct NewPayment {
    /// For whom.
    pub payee: Payee,
    /// How it came.
    pub kind: TenderKind,
    /// More than nothing.
    pub amount: Money,
    /// When it came; today when absent.
    pub received_on: Option<Date>,
    /// What the payer or the bank calls it.
    pub reference: Option<String>,
    /// The client's own name for it, unique for ever.
    pub client_reference: Option<String>,
    /// Whether money for an unknown account number is kept in suspense.
    pub allow_suspense: bool,
}

/// What became of money that was taken.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The money.
    pub tender: Tender,
    /// The account's share; none while it is in suspense.
    pub payment: Option<Payment>,
}

/// Money that a gateway collected, to be posted for an account.
pub(crate) struct Collected<'a> {
    pub kind: TenderKind,
    pub amount: Money,
    pub gateway: &'a str,
    pub gateway_reference: &'a str,
    pub reference: Option<String>,
    pub actor: String,
}

fn check(new: &NewPayment, today: Date) -> Result<()> {
    if !new.amount.is_positive() {
        return Err(
            Problem::field("/amount", Code::AmountNotPositive, Code::AmountNotPositive.meaning()).into()
        );
    }
    ledger::check_amount(new.amount, "/amount")?;
    ledger::check_reference(new.client_reference.as_deref())?;
    if new.reference.as_ref().is_some_and(|text| text.chars().count() > 100) {
        return Err(Problem::field("/reference", Code::FieldRange, "at most 100 characters").into());
    }
    if new.reference.as_deref().is_some_and(crate::payment_methods::holds_card_number) {
        return Err(Problem::field("/reference", Code::FieldFormat, "card numbers are not kept").into());
    }
    if new.received_on.is_some_and(|day| day > today) {
        return Err(
            Problem::field("/received_on", Code::FieldRange, "money is not received in the future").into()
        );
    }
    Ok(())
}

/// Takes money.
pub fn take(tx: &mut Tx<'_>, caller: &Caller, new: NewPayment) -> Result<Taken> {
    let utility = Utility::load(tx)?;
    let today = utility.day(tx.as_of());
    check(&new, today)?;
    if let Some(reference) = &new.client_reference {
        if let Some(existing) = store::payments::id_by_reference(tx, reference)? {
            return Err(duplicate().with("existing", existing).into());
        }
        // Money that went into suspense has no payment yet.
        if let Some(existing) = store::payments::tender_by_reference(tx, reference)? {
            return Err(duplicate().with("existing", existing).into());
        }
    }
    let account = match &new.payee {
        Payee::Account(id) => Some(accounts::lock(tx, caller, *id)?),
        Payee::Number(text) => by_number(tx, caller, text, new.allow_suspense)?,
    };
    let suspense = if account.is_none() { new.amount } else { Money::ZERO };
    let stated_account = match (&account, &new.payee) {
        (None, Payee::Number(text)) => Some(text.chars().take(100).collect()),
        _ => None,
    };
    let tender = Tender {
        id: TenderId(tx.new_id()?),
        kind: new.kind,
        amount_minor: new.amount,
        suspense_minor: suspense,
        received_on: new.received_on.unwrap_or(today),
        reference: new.reference,
        gateway: None,
        gateway_reference: None,
        stated_account,
        client_reference: new.client_reference.clone(),
        created_by: caller.actor(),
        created_at: tx.as_of(),
    };
    let cash = ledger::gl(utility.settings.cash_gl_id, "cash")?;
    let Some(account) = account else {
        ledger::gl(utility.settings.suspense_gl_id, "suspense")?;
        keep(tx, &tender)?;
        let subject = tender.id.to_string();
        let after = Some(json!({ "amount_minor": tender.amount_minor.minor() }));
        audit::record(tx, caller, Action { action: "payment.suspend", subject, after, ..Action::default() })?;
        return Ok(Taken { tender, payment: None });
    };
    keep(tx, &tender)?;
    let share = Share { debit: cash, amount: new.amount, client_reference: new.client_reference };
    let payment = post(tx, &utility, account, &tender, share, caller.actor())?;
    record_taken(tx, caller, &payment)?;
    Ok(Taken { tender, payment: Some(payment) })
}

/// Keeps a receipt; of two with the same client reference at once the second is refused.
fn keep(tx: &mut Tx<'_>, tender: &Tender) -> Result<()> {
    match store::payments::insert_tender(tx, tender) {
        Err(store::Error::Exists { constraint }) if constraint == "tenders_client_reference" => {
            Err(duplicate().into())
        }
        other => Ok(other?),
    }
}

fn duplicate() -> Problem {
    Problem::new(Code::DuplicateReference, "a payment with this client reference exists already")
}

fn record_taken(tx: &mut Tx<'_>, caller: &Caller, payment: &Payment) -> Result<()> {
    let subject = PaymentId::new(payment.account_id, payment.id).to_string();
    let after = Some(json!({ "account": payment.account_id, "amount_minor": payment.amount_minor.minor() }));
    audit::record(tx, caller, Action { action: "payment.take", subject, after, ..Action::default() })
}

fn by_number(tx: &mut Tx<'_>, caller: &Caller, text: &str, allow_suspense: bool) -> Result<Option<Account>> {
    let id = match text.parse::<AccountNumber>() {
        Ok(number) => store::accounts::id_by_number(tx, number)?,
        Err(_) => None,
    };
    match id {
        Some(id) => match accounts::lock(tx, caller, id) {
            // A foreign site's account is unknown to the caller; its money is not.
            Err(Error::Refused(problem)) if problem.code == Code::NotFound && allow_suspense => Ok(None),
            Err(Error::Refused(problem)) if problem.code == Code::NotFound => Err(unknown_number()),
            other => other.map(Some),
        },
        None if allow_suspense => Ok(None),
        None => Err(unknown_number()),
    }
}

fn unknown_number() -> Error {
    let detail = "no account has this number; with allow_suspense the money is kept until one is found";
    Problem::field("/account_number", Code::UnknownReference, detail).into()
}

/// The share of a tender that goes to an account.
struct Share {
    /// Where the money lies: cash, or suspense.
    debit: GlAccountId,
    amount: Money,
    client_reference: Option<String>,
}

/// Posts a share of a tender to a locked account, applies it oldest first, queues the receipt.
fn post(
    tx: &mut Tx<'_>,
    utility: &Utility,
    account: Account,
    tender: &Tender,
    share: Share,
    actor: String,
) -> Result<Payment> {
    let id = account.account_id;
    let receivable = ledger::gl(utility.settings.receivable_gl_id, "receivable")?;
    let payment = Payment {
        account_id: id,
        id: tx.new_id()?,
        tender_id: tender.id,
        state: PaymentState::Posted,
        amount_minor: share.amount,
        received_on: tender.received_on,
        reversal_reason: None,
        client_reference: share.client_reference,
        created_by: actor,
        created_at: tx.as_of(),
        version: 1,
    };
    match store::payments::insert(tx, &payment) {
        Err(store::Error::Exists { constraint }) if constraint.starts_with("payment_references") => {
            return Err(duplicate().into());
        }
        other => other?,
    }
    let origin = FtOrigin { id: FtId::new(id, tx.new_id()?), source: payment.id };
    let dates = ledger::dates(tx, utility, tender.received_on);
    let ft =
        payment_ft(origin, share.amount, share.debit, receivable, dates).map_err(ledger::journal_fault)?;
    store::ledger::post(tx, &[ft])?;
    ledger::settle(tx, id)?;
    let receipt = Notice::Receipt(Receipt {
        reference: Line::of(&PaymentId::new(id, payment.id).to_string()),
        received_on: tender.received_on,
        amount: share.amount,
        tender: tender.kind,
        ending: None,
        balance: Some(account.current_minor.minus(share.amount)?),
    });
    notices::queue(tx, utility, &account, &receipt)?;
    Ok(payment)
}

/// Posts what a gateway collected for a locked account. One charge is one tender: a second
/// posting of the same charge answers the first payment.
pub(crate) fn post_collected(
    tx: &mut Tx<'_>,
    utility: &Utility,
    account: Account,
    collected: Collected<'_>,
) -> Result<Payment> {
    if let Some(tender) =
        store::payments::tender_by_gateway(tx, collected.gateway, collected.gateway_reference)?
    {
        let known = store::payments::of_tender(tx, tender.id)?;
        return known
            .into_iter()
            .next()
            .ok_or_else(|| Error::Fault(format!("tender {} has no payment", tender.id)));
    }
    let tender = Tender {
        id: TenderId(tx.new_id()?),
        kind: collected.kind,
        amount_minor: collected.amount,
        suspense_minor: Money::ZERO,
        received_on: utility.day(tx.as_of()),
        reference: collected.reference,
        gateway: Some(collected.gateway.to_owned()),
        gateway_reference: Some(collected.gateway_reference.to_owned()),
        stated_account: None,
        client_reference: None,
        created_by: collected.actor.clone(),
        created_at: tx.as_of(),
    };
    store::payments::insert_tender(tx, &tender)?;
    let debit = ledger::gl(utility.settings.cash_gl_id, "cash")?;
    let share = Share { debit, amount: collected.amount, client_reference: None };
    post(tx, utility, account, &tender, share, collected.actor)
}

/// Applies money that waits in suspense to an account.
pub fn apply_suspense(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: TenderId,
    account: AccountId,
    amount: Option<Money>,
) -> Result<Taken> {
    let utility = Utility::load(tx)?;
    let account = accounts::lock(tx, caller, account)?;
    let tender = store::payments::tender(tx, id)?.ok_or_else(Problem::not_found)?;
    let amount = amount.unwrap_or(tender.suspense_minor);
    if !amount.is_positive() && !tender.suspense_minor.is_zero() {
        return Err(
            Problem::field("/amount", Code::AmountNotPositive, Code::AmountNotPositive.meaning()).into()
        );
    }
    if !amount.is_positive() || !store::payments::take_suspense(tx, id, amount)? {
        return Err(Problem::new(Code::WrongState, "less than that waits in suspense")
            .with("state", "applied")
            .into());
    }
    let debit = ledger::gl(utility.settings.suspense_gl_id, "suspense")?;
    let share = Share { debit, amount, client_reference: None };
    let payment = post(tx, &utility, account, &tender, share, caller.actor())?;
    record_taken(tx, caller, &payment)?;
    let suspense_minor = tender.suspense_minor.minus(amount)?;
    Ok(Taken { tender: Tender { suspense_minor, ..tender }, payment: Some(payment) })
}

/// Reverses a payment that the caller read as `version`: a returned check, a mistake.
pub fn reverse(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: PaymentId,
    version: i64,
    reason: &str,
) -> Result<Payment> {
    ledger::check_reason(reason)?;
    accounts::lock(tx, caller, id.owner)?;
    let row = store::payments::find(tx, id)?.ok_or_else(Problem::not_found)?;
    if row.version != version {
        return Err(Problem::new(Code::EtagMismatch, Code::EtagMismatch.meaning()).into());
    }
    let row = reverse_locked(tx, row, reason)?;
    let action = Action {
        action: "payment.reverse",
        subject: id.to_string(),
        reason: Some(reason.to_owned()),
        ..Action::default()
    };
    audit::record(tx, caller, action)?;
    Ok(row)
}

/// Reverses a payment of a locked account.
pub(crate) fn reverse_locked(tx: &mut Tx<'_>, row: Payment, reason: &str) -> Result<Payment> {
    let id = PaymentId::new(row.account_id, row.id);
    let next = payments::states::payment(row.state, payments::states::PaymentEvent::Reverse)
        .map_err(|_| Problem::new(Code::PaymentNotReversible, Code::PaymentNotReversible.meaning()))?;
    if !store::payments::mark_reversed(tx, id, row.version, reason)? {
        return Err(Problem::new(Code::EtagMismatch, Code::EtagMismatch.meaning()).into());
    }
    let utility = Utility::load(tx)?;
    let original = store::ledger::find_by_source(tx, id.owner, FtKind::Payment, id.n)?
        .ok_or_else(|| Error::Fault(format!("{id} has no transaction")))?;
    let origin = FtOrigin { id: FtId::new(id.owner, tx.new_id()?), source: id.n };
    let dates = ledger::dates(tx, &utility, utility.day(tx.as_of()));
    let ft = payment_cancel_ft(origin, &original.posted()?, dates).map_err(ledger::journal_fault)?;
    store::ledger::post(tx, std::slice::from_ref(&ft))?;
    ledger::undo_credit(tx, original.ft_id(), ft.id(), row.amount_minor)?;
    // Money that came out of suspense goes back there, as its journal does.
    let tender = store::payments::tender(tx, row.tender_id)?;
    if tender.is_some_and(|tender| tender.stated_account.is_some()) {
        store::payments::return_to_suspense(tx, row.tender_id, row.amount_minor)?;
    }
    let (version, reversal_reason) = (row.version + 1, Some(reason.to_owned()));
    Ok(Payment { state: next, version, reversal_reason, ..row })
}

impl App {
    /// A payment with its tender.
    pub fn payment(&self, caller: &Caller, id: PaymentId) -> Result<(Payment, Tender)> {
        self.db().tx(|tx| {
            accounts::find(tx, caller, id.owner)?;
            let payment = store::payments::find(tx, id)?.ok_or_else(Problem::not_found)?;
            let tender = store::payments::tender(tx, payment.tender_id)?
                .ok_or_else(|| Error::Fault(format!("{id} has no tender")))?;
            Ok((payment, tender))
        })
    }

    /// A list of payments, newest day first.
    pub fn payments(
        &self,
        caller: &Caller,
        filter: PaymentFilter,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<(Payment, Tender)>> {
        self.db().tx(|tx| {
            if let Some(account) = filter.account {
                accounts::find(tx, caller, account)?;
            }
            let filter = PaymentFilter { sites: caller.sites(), ..filter };
            Ok(store::payments::list(tx, &filter, after, limit)?)
        })
    }

    /// Money that waits for an account, newest first.
    pub fn suspense(&self, after: Option<&Cursor>, limit: i64) -> Result<Page<Tender>> {
        self.db().tx(|tx| Ok(store::payments::suspense(tx, after, limit)?))
    }
}
