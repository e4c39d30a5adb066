//! Stored ways to pay and enrolment in autopay. Tokens only: what looks like the number of a card
//! is refused, wherever it is written.

use crate::audit::{self, Action};
use crate::{App, Caller, Result, accounts, ledger};
use serde_json::json;
use store::Tx;
use store::accounts::Account;
use store::payment_methods::PaymentMethod;
use vocab::{
    AccountId, Code, DrawRule, GatewayKind, MethodState, Money, PaymentMethodId, Problem, TenderKind,
};

/// A way to pay to store.
#[derive(Debug, Clone)]
pub struct NewMethod {
    /// Card or bank debit.
    pub kind: TenderKind,
    /// Who collects.
    pub gateway: GatewayKind,
    /// The gateway's token of the customer, where it has one.
    pub customer_token: Option<String>,
    /// The gateway's token of the method.
    pub method_token: String,
    /// What a person calls it.
    pub label: String,
}

/// How autopay is to draw.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// From what.
    pub method: PaymentMethodId,
    /// When.
    pub rule: DrawRule,
    /// For [`DrawRule::DaysBefore`].
    pub days_before: Option<i16>,
    /// Above it nothing is drawn.
    pub maximum: Option<Money>,
}

/// Whether a text holds 12 to 19 digits, blanks and hyphens aside, that pass the check of card
/// numbers (Luhn).
pub fn holds_card_number(text: &str) -> bool {
    let mut run: Vec<u32> = Vec::new();
    for letter in text.chars().chain(std::iter::once('.')) {
        match letter.to_digit(10) {
            Some(digit) => run.push(digit),
            None if matches!(letter, ' ' | '-') => {}
            None => {
                if has_card_number(&run) {
                    return true;
                }
                run.clear();
            }
        }
    }
    false
}

/// A card number may stand among further digits: every stretch of a card's length is looked at.
fn has_card_number(digits: &[u32]) -> bool {
    let whole = digits.len();
    if whole <= 19 {
        return whole >= 12 && luhn(digits);
    }
    digits.windows(16).any(luhn)
}

fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| match (place % 2 == 1, digit * 2) {
            (false, _) => digit,
            (true, double) if double > 9 => double - 9,
            (true, double) => double,
        })
        .sum();
    sum.is_multiple_of(10)
}

fn check_token(pointer: &str, token: &str) -> Result<()> {
    let visible = (1..=255).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic());
    // A token is a word of the gateway's; digits alone are a number of something.
    if !visible || token.bytes().all(|b| b.is_ascii_digit()) {
        let detail = "a token of the gateway: 1 to 255 visible characters, not only digits";
        return Err(Problem::field(pointer, Code::FieldFormat, detail).into());
    }
    refuse_card_number(pointer, token)
}

fn refuse_card_number(pointer: &str, text: &str) -> Result<()> {
    if holds_card_number(text) {
        let detail = "this looks like a card number; only tokens of the gateway are kept";
        return Err(Problem::field(pointer, Code::FieldFormat, detail).into());
    }
    Ok(())
}

/// Stores a way to pay.
pub fn store_method(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: AccountId,
    new: NewMethod,
) -> Result<PaymentMethod> {
    if !matches!(new.kind, TenderKind::Card | TenderKind::BankDebit) {
        return Err(Problem::field("/kind", Code::FieldRange, "card or bank_debit").into());
    }
    check_token("/method_token", &new.method_token)?;
    if let Some(token) = &new.customer_token {
        check_token("/customer_token", token)?;
    }
    if new.label.trim().is_empty() || new.label.chars().count() > 60 {
        return Err(Problem::field("/label", Code::FieldRange, "1 to 60 characters").into());
    }
    refuse_card_number("/label", &new.label)?;
    let long_number = new.label.chars().filter(char::is_ascii_digit).count() > 6;
    if long_number {
        return Err(
            Problem::field("/label", Code::FieldFormat, "the last digits of a number, not more").into()
        );
    }
    accounts::find(tx, caller, id)?;
    let row = PaymentMethod {
        account_id: id,
        id: tx.new_id()?,
        kind: new.kind,
        gateway: new.gateway,
        customer_token: new.customer_token.unwrap_or_default(),
        method_token: new.method_token,
        label: new.label,
        state: MethodState::Active,
        created_at: tx.as_of(),
        version: 1,
    };
    store::payment_methods::insert(tx, &row)?;
    let subject = PaymentMethodId::new(id, row.id).to_string();
    let after = Some(json!({ "kind": row.kind, "gateway": row.gateway, "label": row.label }));
    audit::record(
        tx,
        caller,
        Action { action: "payment_method.store", subject, after, ..Action::default() },
    )?;
    Ok(row)
}

impl App {
    /// The stored ways to pay of an account.
    pub fn payment_methods(&self, caller: &Caller, id: AccountId) -> Result<Vec<PaymentMethod>> {
        self.db().tx(|tx| {
            accounts::find(tx, caller, id)?;
            Ok(store::payment_methods::of_accounts(tx, &[id])?)
        })
    }

    /// One stored way to pay.
    pub fn payment_method(&self, caller: &Caller, id: PaymentMethodId) -> Result<PaymentMethod> {
        self.db().tx(|tx| {
            accounts::find(tx, caller, id.owner)?;
            Ok(store::payment_methods::find(tx, id)?.ok_or_else(Problem::not_found)?)
        })
    }

    /// Switches a stored way to pay off; autopay from it ends.
    pub fn switch_off_method(
        &self,
        caller: &Caller,
        id: PaymentMethodId,
        version: i64,
    ) -> Result<PaymentMethod> {
        self.db().tx(|tx| {
            let account = accounts::lock(tx, caller, id.owner)?;
            let row = store::payment_methods::find(tx, id)?.ok_or_else(Problem::not_found)?;
            if !store::payment_methods::switch_off(tx, id, version)? {
                return Err(Problem::new(Code::EtagMismatch, Code::EtagMismatch.meaning()).into());
            }
            if account.autopay_method_id == Some(id.n) {
                store::payment_methods::switch_autopay_off(tx, id.owner)?;
            }
            let action =
                Action { action: "payment_method.switch_off", subject: id.to_string(), ..Action::default() };
            audit::record(tx, caller, action)?;
            Ok(PaymentMethod { state: MethodState::Inactive, version: version + 1, ..row })
        })
    }

    /// Enrols an account that the caller read as `version` in autopay, or changes how it draws.
    pub fn enrol_in_autopay(
        &self,
        caller: &Caller,
        id: AccountId,
        version: i64,
        new: &Enrolment,
    ) -> Result<Account> {
        check_enrolment(id, new)?;
        self.db().tx(|tx| {
            let old = accounts::lock(tx, caller, id)?;
            let method = store::payment_methods::find(tx, new.method)?
                .filter(|method| method.state == MethodState::Active)
                .ok_or_else(|| unknown_method("an active payment method of this account"))?;
            let days_before = if new.rule == DrawRule::DaysBefore { new.days_before } else { None };
            let account = Account {
                autopay_method_id: Some(method.id),
                autopay_rule: Some(new.rule),
                autopay_days_before: days_before,
                autopay_maximum_minor: new.maximum,
                ..old
            };
            let account = save(tx, account, version)?;
            store::payment_methods::set_failures(tx, id, 0)?;
            let after = Some(json!({ "method": new.method, "rule": new.rule, "days_before": days_before }));
            let action =
                Action { action: "autopay.enrol", subject: id.to_string(), after, ..Action::default() };
            audit::record(tx, caller, action)?;
            Ok(account)
        })
    }

    /// Ends the autopay of an account that the caller read as `version`.
    pub fn end_autopay(&self, caller: &Caller, id: AccountId, version: i64) -> Result<Account> {
        self.db().tx(|tx| {
            let old = accounts::lock(tx, caller, id)?;
            let account = Account {
                autopay_method_id: None,
                autopay_rule: None,
                autopay_days_before: None,
                autopay_maximum_minor: None,
                ..old
            };
            let account = save(tx, account, version)?;
            let action = Action { action: "autopay.end", subject: id.to_string(), ..Action::default() };
            audit::record(tx, caller, action)?;
            Ok(account)
        })
    }
}

fn unknown_method(detail: &str) -> Problem {
    Problem::field("/payment_method_id", Code::UnknownReference, detail)
}

fn check_enrolment(id: AccountId, new: &Enrolment) -> Result<()> {
    if new.method.owner != id {
        return Err(unknown_method("a payment method of this account").into());
    }
    if new.rule == DrawRule::DaysBefore && !new.days_before.is_some_and(|days| (1..=30).contains(&days)) {
        return Err(
            Problem::field("/days_before", Code::FieldRange, "1 to 30 days before the due date").into()
        );
    }
    if let Some(maximum) = new.maximum {
        if !maximum.is_positive() {
            let code = Code::AmountNotPositive;
            return Err(Problem::field("/maximum", code, code.meaning()).into());
        }
        ledger::check_amount(maximum, "/maximum")?;
    }
    Ok(())
}

fn save(tx: &mut Tx<'_>, account: Account, version: i64) -> Result<Account> {
    if !store::accounts::update(tx, &account, version)? {
        return Err(Problem::new(Code::EtagMismatch, Code::EtagMismatch.meaning()).into());
    }
    Ok(Account { version: version + 1, ..account })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_are_found_and_tokens_let_through() {
        for card in ["4242424242424242", "4242 4242 4242 4242", "5555-5555-5555-4444", "378282246310005"] {
            assert!(holds_card_number(card), "{card}");
            assert!(holds_card_number(&format!("Visa {card} of Ana")), "{card}");
        }
        for fine in
            ["pm_card_visa", "tok_1N3T00LkdIwHu7ixt44h1F8k", "Visa ending 4242", "4242424242424241", "12345"]
        {
            assert!(!holds_card_number(fine), "{fine}");
        }
        assert!(check_token("/t", "000123456789").is_err());
        assert!(check_token("/t", "pm card").is_err());
        assert!(check_token("/t", "pm_card_visa").is_ok());
    }
}
