//! Earlier segments of the contracts whose rates look back: averages, ratchets, banks, yearly
//! minimums. No query where no rate does.

use crate::{Error, Result};
use billing::{Calculation, Remembered, RunContext};
use std::collections::HashMap;
use store::Tx;
use store::billing_inputs::{ContractRow, PastSegment};
use time::Date;
use vocab::dates::plus_days;
use vocab::{AccountId, ContractId, Period};

/// As far back as any rate may look: three years and a bill.
const DAYS: i64 = 1_200;

/// What a bill run's contracts remember.
pub(super) fn load(
    tx: &mut Tx<'_>,
    context: &RunContext,
    contracts: &[ContractRow],
) -> Result<HashMap<ContractId, Vec<Remembered>>> {
    let looks_back = |row: &&ContractRow| {
        row.schedule_id.and_then(|id| context.schedule(id)).is_some_and(|of| of.looks_back())
    };
    let ids: Vec<(AccountId, i64)> =
        contracts.iter().filter(looks_back).map(|row| (row.account_id, row.id)).collect();
    of_contracts(tx, &ids, context.window().starts_on, context.window().ends_on)
}

/// What contracts remember in these days.
pub(crate) fn of_contracts(
    tx: &mut Tx<'_>,
    contracts: &[(AccountId, i64)],
    first_on: Date,
    last_on: Date,
) -> Result<HashMap<ContractId, Vec<Remembered>>> {
    let mut all: HashMap<ContractId, Vec<Remembered>> = HashMap::new();
    if contracts.is_empty() {
        return Ok(all);
    }
    let outside = || Error::Fault("a day outside the calendar".to_owned());
    let since_on = plus_days(first_on, -DAYS).ok_or_else(outside)?;
    store::billing_inputs::each_past_segment(tx, contracts, (since_on, last_on), |row| {
        let id = ContractId::new(row.account_id, row.contract_id);
        all.entry(id).or_default().push(remembered(&row)?);
        Ok::<_, Error>(())
    })?;
    Ok(all)
}

fn remembered(row: &PastSegment) -> Result<Remembered> {
    let corrupt = |why: String| store::Error::Corrupt { what: "segment", why };
    let calc = Calculation::parse(&row.document.0).map_err(|error| corrupt(error.to_string()))?;
    let period = Period::new(row.first_on, row.last_on)
        .ok_or_else(|| corrupt("it ends before it begins".to_owned()))?;
    Remembered::of(period, &calc).map_err(|error| corrupt(error.detail).into())
}
