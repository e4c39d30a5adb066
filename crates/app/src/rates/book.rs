//! Everything that all accounts of a bill run share, in the form that billing takes.

use super::{frequency, tariff};
use crate::{Error, Result};
use billing::{ContractType, CustomerClass, RateSchedule, RateVersion};
use rating::FactorValue;
use std::collections::HashMap;
use store::Tx;
use store::rates::RateBook;
use vocab::{Currency, FactorId, GlAccountId, RateScheduleId};

/// Types, tariffs, factors, classes and ledger accounts, read and checked.
#[derive(Debug, Clone)]
pub struct Book {
    /// Contract types.
    pub contract_types: Vec<ContractType>,
    /// Rate schedules with their versions.
    pub schedules: Vec<RateSchedule>,
    /// Dated factor values.
    pub factors: Vec<FactorValue>,
    /// Customer classes.
    pub classes: Vec<CustomerClass>,
    /// Ledger accounts by code.
    pub gl_accounts: Vec<(String, GlAccountId)>,
}

impl Book {
    /// Reads the whole book.
    pub fn load(tx: &mut Tx<'_>, currency: &Currency) -> Result<Self> {
        let stored = store::rates::load_all(tx)?;
        Self::from_rows(stored, currency)
    }

    fn from_rows(stored: RateBook, currency: &Currency) -> Result<Self> {
        let mut versions: HashMap<RateScheduleId, Vec<RateVersion>> = HashMap::new();
        for row in stored.versions {
            let rules = tariff::stored(row.tariff, currency)?;
            versions.entry(row.schedule_id).or_default().push(RateVersion { id: row.id, rules });
        }
        let schedules = stored.schedules.into_iter().map(|row| {
            Ok(RateSchedule {
                frequency: frequency(&row)?,
                versions: versions.remove(&row.id).unwrap_or_default(),
                id: row.id,
                code: row.code,
                name: row.name,
                commodity: row.commodity,
                estimation: row.estimation,
            })
        });
        Ok(Self {
            schedules: schedules.collect::<Result<_>>()?,
            contract_types: stored.contract_types.into_iter().map(contract_type).collect(),
            factors: factor_values(&stored.factors, stored.factor_values)?,
            classes: stored
                .classes
                .into_iter()
                .map(|row| CustomerClass { code: row.code, due_days: row.due_days.map(i64::from) })
                .collect(),
            gl_accounts: stored.gl_accounts.into_iter().map(|row| (row.code, row.id)).collect(),
        })
    }
}

fn contract_type(row: store::contract_types::ContractType) -> ContractType {
    ContractType {
        id: row.id,
        code: row.code,
        commodity: row.commodity,
        method: row.method,
        end_date: row.end_date,
        sequence: row.sequence,
        minimum_days: row.minimum_days.into(),
        maximum: row.maximum_minor,
        receivable_gl: row.receivable_gl_id,
        revenue_gl: row.revenue_gl_id,
        estimation: row.estimation,
    }
}

/// Values of factors under the names that tariffs use.
pub(super) fn factor_values(
    factors: &[store::rates::Factor],
    values: Vec<store::rates::FactorValue>,
) -> Result<Vec<FactorValue>> {
    let mut known: HashMap<FactorId, (rating::Word, bool)> = HashMap::with_capacity(factors.len());
    for factor in factors {
        let word = factor.code.parse().map_err(|error: rating::NotAWord| {
            Error::from(store::Error::Corrupt { what: "factor", why: error.to_string() })
        })?;
        known.insert(factor.id, (word, factor.characteristic.is_some()));
    }
    let named = values.into_iter().filter_map(|row| {
        let (factor, selects) = known.get(&row.factor_id)?;
        Some(FactorValue {
            factor: factor.clone(),
            characteristic: selects.then_some(row.characteristic_value),
            effective_on: row.effective_on,
            value: row.value,
        })
    });
    Ok(named.collect())
}
