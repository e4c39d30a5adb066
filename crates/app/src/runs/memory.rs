//! Earlier segments of the contracts whose rates look back: averages, ratchets, banks, yearly
//! minimums. No query where no rate does.

use crate::{Error, Result};
use billing::{Calculation, RateSchedule, Remembered, RunContext};
use std::collections::{BTreeMap, HashMap};
use store::Tx;
use store::billing_inputs::{ContractRow, PastSegment};
use time::Date;
use vocab::dates::plus_days;
use vocab::{AccountId, ContractId, Period};

/// Months that are read besides those that a rate looks back: bills are not of calendar months, and one
/// may come late.
const MONTHS_SPARE: u8 = 2;

/// What a bill run's contracts remember: as much as each one's rate asks for.
pub(super) fn load(
    tx: &mut Tx<'_>,
    context: &RunContext,
    contracts: &[ContractRow],
) -> Result<HashMap<ContractId, Vec<Remembered>>> {
    let mut by_months: BTreeMap<u8, Vec<(AccountId, i64)>> = BTreeMap::new();
    for row in contracts {
        let schedule = row.schedule_id.and_then(|id| context.schedule(id));
        if let Some(months) = schedule.map(RateSchedule::months_back).filter(|months| *months > 0) {
            by_months.entry(months).or_default().push((row.account_id, row.id));
        }
    }
    let mut all = HashMap::new();
    for (months, contracts) in by_months {
        let window = context.window();
        all.extend(of_contracts(tx, &contracts, months, window.starts_on, window.ends_on)?);
    }
    Ok(all)
}

/// What contracts remember of these days, and of some months before them.
pub(crate) fn of_contracts(
    tx: &mut Tx<'_>,
    contracts: &[(AccountId, i64)],
    months: u8,
    first_on: Date,
    last_on: Date,
) -> Result<HashMap<ContractId, Vec<Remembered>>> {
    let mut all: HashMap<ContractId, Vec<Remembered>> = HashMap::new();
    if contracts.is_empty() {
        return Ok(all);
    }
    let outside = || Error::Fault("a day outside the calendar".to_owned());
    let since_on =
        plus_days(first_on, -31 * i64::from(months.saturating_add(MONTHS_SPARE))).ok_or_else(outside)?;
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
