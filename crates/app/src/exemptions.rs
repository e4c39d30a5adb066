//! Tax exemptions of accounts: certificates with dates, by which a tax is not charged on those days. A bill keeps
//! the certificate that it rests on in its own record; what is posted does not change with them, a correction
//! bills the days again.

use crate::audit::{self, Action};
use crate::naming::{unless_stale, unless_taken};
use crate::{App, Caller, Error, Result, accounts};
use rating::{Exemption, Word};
use serde_json::{Value, json};
use store::exemptions::{self, TaxExemption};
use store::{Cursor, Page, Tx};
use time::Date;
use vocab::dates::civil;
use vocab::{AccountId, Code, Problem, TaxExemptionId};

/// A certificate to enter.
#[derive(Debug, Clone)]
pub struct NewExemption {
    /// The tax, as tax rules name it.
    pub tax: String,
    /// Its number.
    pub certificate: String,
    /// First exempt day.
    pub first_on: Date,
    /// Last exempt day; open when absent.
    pub last_on: Option<Date>,
}

/// Enters a certificate.
pub fn enter(
    tx: &mut Tx<'_>,
    caller: &Caller,
    account: AccountId,
    new: NewExemption,
) -> Result<TaxExemption> {
    accounts::lock(tx, caller, account)?;
    check_word("/tax", &new.tax)?;
    check_word("/certificate", &new.certificate)?;
    check_days(new.first_on, new.last_on)?;
    let row = TaxExemption {
        account_id: account,
        id: tx.new_id()?,
        tax: new.tax,
        certificate: new.certificate,
        first_on: new.first_on,
        last_on: new.last_on,
        created_by: caller.actor(),
        created_at: tx.as_of(),
        version: 1,
    };
    let inserted = tx.attempt(|tx| exemptions::insert(tx, &row));
    unless_taken(inserted, &row.certificate)?;
    record(tx, caller, "tax_exemption.enter", None, Some(&row))?;
    Ok(row)
}

fn check_word(pointer: &str, text: &str) -> Result<()> {
    let word: std::result::Result<Word, _> = text.parse();
    word.map(|_| ()).map_err(|error| Problem::field(pointer, Code::FieldFormat, error.to_string()).into())
}

fn check_days(first_on: Date, last_on: Option<Date>) -> Result<()> {
    if last_on.is_some_and(|last_on| last_on < first_on) {
        return Err(Problem::field("/last_on", Code::FieldRange, "not before the first day").into());
    }
    Ok(())
}

fn record(
    tx: &mut Tx<'_>,
    caller: &Caller,
    action: &str,
    before: Option<&TaxExemption>,
    after: Option<&TaxExemption>,
) -> Result<()> {
    let subject = before.or(after).map(|row| row.exemption_id().to_string()).unwrap_or_default();
    let (before, after) = (before.map(summary), after.map(summary));
    audit::record(tx, caller, Action { action, subject, before, after, reason: None })
}

fn summary(row: &TaxExemption) -> Value {
    json!({
        "tax": row.tax,
        "certificate": row.certificate,
        "first_on": civil::format(row.first_on),
        "last_on": row.last_on.map(civil::format),
    })
}

/// As it is rated with.
pub(crate) fn as_rated(row: TaxExemption) -> Result<Exemption> {
    let corrupt = |text: &str| Error::Fault(format!("an exemption names `{text}`"));
    Ok(Exemption {
        tax: row.tax.parse().map_err(|_| corrupt(&row.tax))?,
        certificate: row.certificate.parse().map_err(|_| corrupt(&row.certificate))?,
        first_on: row.first_on,
        last_on: row.last_on,
    })
}

impl App {
    /// The certificates of an account, newest first.
    pub fn exemptions(
        &self,
        caller: &Caller,
        account: AccountId,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<TaxExemption>> {
        self.db().tx(|tx| {
            accounts::find(tx, caller, account)?;
            Ok(exemptions::list(tx, account, after, limit)?)
        })
    }

    /// One certificate.
    pub fn exemption(&self, caller: &Caller, id: TaxExemptionId) -> Result<TaxExemption> {
        self.db().tx(|tx| {
            accounts::find(tx, caller, id.owner)?;
            Ok(exemptions::find(tx, id)?.ok_or_else(Problem::not_found)?)
        })
    }

    /// Sets the last exempt day of a certificate that the caller read as `version`.
    pub fn change_exemption(
        &self,
        caller: &Caller,
        id: TaxExemptionId,
        version: i64,
        last_on: Option<Date>,
    ) -> Result<TaxExemption> {
        self.db().tx(|tx| {
            accounts::lock(tx, caller, id.owner)?;
            let old = exemptions::find(tx, id)?.ok_or_else(Problem::not_found)?;
            check_days(old.first_on, last_on)?;
            unless_stale(exemptions::set_last(tx, id, last_on, version)?)?;
            let row = TaxExemption { last_on, version: version + 1, ..old.clone() };
            record(tx, caller, "tax_exemption.change", Some(&old), Some(&row))?;
            Ok(row)
        })
    }

    /// Takes a certificate away that was entered in error.
    pub fn delete_exemption(&self, caller: &Caller, id: TaxExemptionId) -> Result<()> {
        self.db().tx(|tx| {
            accounts::lock(tx, caller, id.owner)?;
            let row = exemptions::find(tx, id)?.ok_or_else(Problem::not_found)?;
            exemptions::delete(tx, id)?;
            record(tx, caller, "tax_exemption.delete", Some(&row), None)
        })
    }
}
