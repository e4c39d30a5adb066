//! Reading a tariff that was sent: its form, and what it names.

use crate::{Error, Result};
use rating::RateVersion;
use rating::tariff::{Operand, Price, Source};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use store::Tx;
use vocab::{Code, Currency, FieldError, Problem};

/// The tariff, when it can be priced: its form is right, and the ledger accounts and factors that
/// its rules name exist. Refused with `rate_invalid` and the place of each fault otherwise.
pub(crate) fn read(tx: &mut Tx<'_>, tariff: &Value, currency: &Currency) -> Result<RateVersion> {
    let version = RateVersion::from_value(tariff.clone(), currency).map_err(|faults| {
        let errors = faults.into_iter().map(|fault| FieldError {
            pointer: fault.pointer,
            code: Code::RateInvalid,
            detail: fault.reason,
        });
        refused(errors.collect())
    })?;
    let accounts: HashSet<String> =
        store::ledger_setup::gl_accounts(tx)?.into_iter().map(|account| account.code).collect();
    let factors: HashMap<String, Option<String>> =
        store::rates::factors(tx)?.into_iter().map(|factor| (factor.code, factor.characteristic)).collect();
    let errors = unknown_names(&version, &accounts, &factors);
    if errors.is_empty() { Ok(version) } else { Err(refused(errors)) }
}

/// The first day of a version that is the only one, so that it is in force on every day.
const EVER: &str = "0001-01-01";

/// The tariff as one that is in force on every day.
pub(crate) fn always(mut tariff: Value) -> Value {
    if let Some(form) = tariff.as_object_mut() {
        form.insert("effective_on".to_owned(), EVER.into());
    }
    tariff
}

/// A tariff that nobody has saved, checked like a version that is entered. A first day may be given, but
/// decides nothing. Faults point below `pointer`.
pub(crate) fn unsaved(
    tx: &mut Tx<'_>,
    tariff: &Value,
    currency: &Currency,
    pointer: &str,
) -> Result<RateVersion> {
    let mut dated = tariff.clone();
    if let Some(form) = dated.as_object_mut() {
        form.entry("effective_on").or_insert_with(|| EVER.into());
    }
    match read(tx, &dated, currency) {
        Ok(_) => stored(always(dated), currency),
        Err(Error::Refused(mut problem)) => {
            for error in &mut problem.errors {
                error.pointer = format!("{pointer}{}", error.pointer);
            }
            Err(problem.into())
        }
        Err(error) => Err(error),
    }
}

/// A stored tariff.
pub(crate) fn stored(tariff: Value, currency: &Currency) -> Result<RateVersion> {
    RateVersion::from_value(tariff, currency).map_err(|faults| {
        let why = faults.first().map(ToString::to_string).unwrap_or_default();
        store::Error::Corrupt { what: "tariff", why }.into()
    })
}

fn unknown_names(
    version: &RateVersion,
    accounts: &HashSet<String>,
    factors: &HashMap<String, Option<String>>,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut wrong = |pointer: String, detail: String| {
        errors.push(FieldError { pointer, code: Code::UnknownReference, detail });
    };
    for (at, rule) in version.rules().iter().enumerate() {
        if let Some(account) = &rule.gl_account
            && !accounts.contains(account.as_str())
        {
            wrong(format!("/rules/{at}/gl_account"), format!("no ledger account has the code `{account}`"));
        }
        for price in rule.charge.prices() {
            factor(&mut wrong, price, factors, &format!("/rules/{at}/charge"));
        }
    }
    for (at, of) in version.tariff().quantities.iter().enumerate() {
        let Source::Formula { with, .. } = &of.from else { continue };
        for (name, operand) in with {
            if let Operand::Price(price) = operand {
                factor(&mut wrong, price, factors, &format!("/quantities/{at}/from/with/{name}"));
            }
        }
    }
    errors
}

/// A factor that a price names exists, and is looked up as the factor says.
fn factor(
    wrong: &mut impl FnMut(String, String),
    price: &Price,
    factors: &HashMap<String, Option<String>>,
    at: &str,
) {
    let Price::Factor(used) = price else { return };
    let selects = used.characteristic.as_ref().map(rating::Word::as_str);
    match factors.get(used.factor.as_str()) {
        None => wrong(at.to_owned(), format!("there is no factor `{}`", used.factor)),
        Some(characteristic) if characteristic.as_deref() != selects => wrong(
            at.to_owned(),
            format!(
                "the factor `{}` is looked up by {}",
                used.factor,
                characteristic.as_deref().unwrap_or("no characteristic")
            ),
        ),
        Some(_) => {}
    }
}

fn refused(errors: Vec<FieldError>) -> Error {
    let mut problem = Problem::new(Code::RateInvalid, Code::RateInvalid.meaning());
    problem.errors = errors;
    problem.into()
}
