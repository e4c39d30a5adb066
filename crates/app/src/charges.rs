//! Billable charges: entered under a contract, billed with its next segment after their date,
//! taken away only before that.

use crate::audit::{self, Action};
use crate::contracts::{label, lock_open};
use crate::ledger_setup::known_gl;
use crate::{App, Caller, Result, accounts};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::charges::{Charge, ChargeFilter};
use store::{Cursor, Page, Tx};
use time::Date;
use vocab::dates::civil;
use vocab::{AccountId, ChargeId, Code, ContractId, GlAccountId, Language, Money, Problem};

/// A charge to enter.
#[derive(Debug, Clone)]
pub struct NewCharge {
    /// The day from which it may be billed.
    pub due_on: Date,
    /// How much; negative is a credit.
    pub amount: Money,
    /// Its name on the bill.
    pub label: BTreeMap<Language, String>,
    /// What it credits, when that is not the contract type's revenue.
    pub gl: Option<GlAccountId>,
    /// The client's own name for it, unique within the account.
    pub client_reference: Option<String>,
}

/// Enters a charge under a contract.
pub fn enter(tx: &mut Tx<'_>, caller: &Caller, contract: ContractId, new: NewCharge) -> Result<Charge> {
    let contract = lock_open(tx, caller, contract)?;
    if new.amount.is_zero() {
        return Err(Problem::field("/amount", Code::FieldRange, "not nothing").into());
    }
    if let Some(gl) = new.gl {
        known_gl(tx, "/gl_account_id", gl)?;
    }
    if let Some(reference) = &new.client_reference {
        check_reference(tx, contract.account_id, reference)?;
    }
    let row = Charge {
        account_id: contract.account_id,
        id: tx.new_id()?,
        contract_id: contract.id,
        due_on: new.due_on,
        amount_minor: new.amount,
        label: label("/label", new.label)?,
        gl_id: new.gl,
        segment_id: None,
        client_reference: new.client_reference,
        created_by: caller.actor(),
        created_at: tx.as_of(),
    };
    store::charges::insert(tx, std::slice::from_ref(&row))?;
    let action = Action {
        action: "charge.enter",
        subject: ChargeId::new(row.account_id, row.id).to_string(),
        after: Some(summary(&row)),
        ..Action::default()
    };
    audit::record(tx, caller, action)?;
    Ok(row)
}

/// The account is locked, so that no second charge takes the reference meanwhile.
fn check_reference(tx: &mut Tx<'_>, account: AccountId, reference: &str) -> Result<()> {
    let fits = (1..=100).contains(&reference.chars().count()) && !reference.chars().any(char::is_control);
    if !fits {
        return Err(Problem::field("/client_reference", Code::FieldRange, "1 to 100 characters").into());
    }
    match store::charges::by_reference(tx, account, reference)? {
        None => Ok(()),
        Some(existing) => {
            let detail = "the account has a charge with this client reference";
            Err(Problem::new(Code::DuplicateReference, detail).with("existing", existing).into())
        }
    }
}

fn summary(row: &Charge) -> Value {
    json!({
        "contract": ContractId::new(row.account_id, row.contract_id),
        "due_on": civil::format(row.due_on),
        "amount_minor": row.amount_minor.minor(),
        "label": row.label,
        "gl": row.gl_id,
    })
}

impl App {
    /// One charge.
    pub fn charge(&self, caller: &Caller, id: ChargeId) -> Result<Charge> {
        self.db().tx(|tx| {
            accounts::find(tx, caller, id.owner)?;
            Ok(store::charges::find(tx, id)?.ok_or_else(Problem::not_found)?)
        })
    }

    /// The charges of an account, newest first.
    pub fn charges(
        &self,
        caller: &Caller,
        account: AccountId,
        filter: ChargeFilter,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<Charge>> {
        self.db().tx(|tx| {
            accounts::find(tx, caller, account)?;
            Ok(store::charges::of_account(tx, account, filter, after, limit)?)
        })
    }

    /// Takes a charge away while it has not been billed.
    pub fn cancel_charge(&self, caller: &Caller, id: ChargeId) -> Result<()> {
        self.db().tx(|tx| {
            accounts::lock(tx, caller, id.owner)?;
            let row = store::charges::find(tx, id)?.ok_or_else(Problem::not_found)?;
            if !store::charges::delete_open(tx, id)? {
                let detail = "the charge has been billed; correct the bill instead";
                return Err(Problem::new(Code::WrongState, detail).with("state", "billed").into());
            }
            let action = Action {
                action: "charge.cancel",
                subject: id.to_string(),
                before: Some(summary(&row)),
                ..Action::default()
            };
            audit::record(tx, caller, action)
        })
    }
}
