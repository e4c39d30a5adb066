//! Tariffs of other forms, read into ours. Nothing is stored: the answer is there to be looked at,
//! completed (texts, accounts, taxes) and entered as a version.

use crate::{App, Error, Result, Utility};
use rating::RateVersion;
use rating::urdb::{self, Refusal, Terms};
use serde_json::Value;
use time::Date;
use vocab::{Code, FieldError, Problem};

/// A tariff to import.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// The rate in the database's form.
    pub rate: Value,
    /// First day in force; the form's own start when absent.
    pub effective_on: Option<Date>,
    /// Fields to leave out although they would change a bill.
    pub leave_out: Vec<String>,
}

/// A tariff in our form.
#[derive(Debug, Clone)]
pub struct ImportedTariff {
    /// To be entered as a version.
    pub tariff: Value,
    /// Its name, where the form has one.
    pub name: Option<String>,
    /// The utility's name, where the form has one.
    pub utility: Option<String>,
    /// What the form says and no rule has.
    pub notes: Vec<String>,
}

impl App {
    /// Reads a rate of the public Utility Rate Database. What cannot be expressed is refused with
    /// `rate_invalid`, each field by its name.
    pub fn import_tariff(&self, request: ImportRequest) -> Result<ImportedTariff> {
        let currency = self.db().tx(|tx| Ok::<_, Error>(Utility::load(tx)?.currency))?;
        let terms = Terms { leave_out: request.leave_out, ..Terms::default() };
        let mut imported = urdb::import(&request.rate, &terms).map_err(refused)?;
        if let Some(on) = request.effective_on {
            imported.tariff.effective_on = on;
        }
        let version = RateVersion::from_tariff(imported.tariff, &currency).map_err(|faults| {
            let all = faults.into_iter().map(|fault| Refusal { field: fault.pointer, reason: fault.reason });
            refused(all.collect())
        })?;
        Ok(ImportedTariff {
            tariff: serde_json::to_value(&version)?,
            name: imported.name,
            utility: imported.utility,
            notes: imported.notes,
        })
    }
}

fn refused(refusals: Vec<Refusal>) -> Error {
    let mut problem = Problem::new(Code::RateInvalid, Code::RateInvalid.meaning());
    problem.errors = refusals
        .into_iter()
        .map(|refusal| {
            let field = refusal.field.trim_start_matches('/');
            let pointer = if field.is_empty() { "/rate".to_owned() } else { format!("/rate/{field}") };
            FieldError { pointer, code: Code::RateInvalid, detail: refusal.reason }
        })
        .collect();
    problem.into()
}
