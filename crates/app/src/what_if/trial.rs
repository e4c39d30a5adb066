//! A trial and what its segments are rated with: the rates that stand in, what contracts remember,
//! and what the other segments of a bill measured.

use super::replacements;
use super::sums::Sum;
use crate::exemptions::as_rated;
use crate::runs::{memory, profiles};
use crate::{Error, Result, Utility, rates};
use ::rating::{Exemption, FactorTable, OtherSegment, Series};
use billing::{BilledSegment, BillingError, Calculation, Memory, PointMeters, RateSchedule, Remembered};
use std::collections::{BTreeMap, HashMap};
use store::what_if::{self, SegmentOrder, SegmentTried, SegmentsTried, WhatIfRun};
use store::{JsonText, Tx};
use vocab::dates::plus_days;
use vocab::{AccountId, ContractId, Currency, Money, Period, RateScheduleId, ServicePointId, Zone};

/// A segment that ends on the first day tried began at most so long before.
const SEGMENT_DAYS: i64 = 400;

/// What all accounts of a trial share.
pub(super) struct Trial {
    pub(super) run: WhatIfRun,
    tried: SegmentsTried,
    stand_ins: HashMap<RateScheduleId, RateSchedule>,
    /// The furthest that any stand-in looks back.
    months_back: u8,
    looks_aside: bool,
    looks_into_the_day: bool,
    zone: Zone,
    factors: FactorTable,
    currency: Currency,
}

/// What each account comes to.
pub(super) type Sums = BTreeMap<AccountId, Sum>;

impl Trial {
    pub(super) fn load(tx: &mut Tx<'_>, run: WhatIfRun, tried: SegmentsTried) -> Result<Self> {
        let utility = Utility::load(tx)?;
        let currency = utility.currency;
        let stand_ins = replacements::load(tx, &currency, &super::replacements_of(&run)?)?;
        let factors = rates::factor_table(tx)?;
        let months_back = stand_ins.values().map(RateSchedule::months_back).max().unwrap_or_default();
        let looks_aside = stand_ins.values().any(RateSchedule::looks_aside);
        let looks_into_the_day = stand_ins.values().any(RateSchedule::looks_into_the_day);
        let zone = utility.zone.clone();
        Ok(Self {
            run,
            tried,
            stand_ins,
            months_back,
            looks_aside,
            looks_into_the_day,
            zone,
            factors,
            currency,
        })
    }

    /// Rates the segments of a chunk of accounts again.
    pub(super) fn rate(&self, tx: &mut Tx<'_>, accounts: &[AccountId]) -> Result<Sums> {
        let mut known = Known {
            past: self.past(tx, accounts)?,
            beside: self.beside(tx, accounts)?,
            meters: self.meters(tx, accounts)?,
            exemptions: exemptions(tx, accounts)?,
        };
        let order = if self.months_back > 0 { SegmentOrder::ByDay } else { SegmentOrder::Any };
        let mut sums = Sums::new();
        what_if::each_segment(tx, accounts, &self.tried, order, |row| {
            if let Some(alternative) = self.alternative(&mut known, &row)? {
                sums.entry(row.account_id).or_default().add(&row, alternative);
            }
            Ok::<_, Error>(())
        })?;
        Ok(sums)
    }

    /// What contracts remember as it was billed, where a stand-in looks back.
    fn past(&self, tx: &mut Tx<'_>, accounts: &[AccountId]) -> Result<HashMap<ContractId, Vec<Remembered>>> {
        if self.months_back == 0 {
            return Ok(HashMap::new());
        }
        let contracts: Vec<(AccountId, i64)> = store::billing_inputs::all_contracts(tx, accounts)?
            .into_iter()
            .map(|row| (row.account_id, row.id))
            .collect();
        memory::of_contracts(tx, &contracts, self.months_back, self.run.from_on, self.run.to_on)
    }

    /// Interval data of the days tried, where a stand-in may price them.
    fn meters(&self, tx: &mut Tx<'_>, accounts: &[AccountId]) -> Result<HashMap<ContractId, PointMeters>> {
        if !self.looks_into_the_day {
            return Ok(HashMap::new());
        }
        let contracts = store::billing_inputs::all_contracts(tx, accounts)?;
        let mut points: Vec<ServicePointId> =
            contracts.iter().filter_map(|row| row.service_point_id).collect();
        points.sort_unstable();
        points.dedup();
        let from = plus_days(self.run.from_on, -SEGMENT_DAYS).unwrap_or(self.run.from_on);
        let meters = profiles::of_points(tx, &points, from, self.run.to_on)?;
        let at = |point: ServicePointId| {
            let place = meters.binary_search_by_key(&point, |of| of.service_point).ok()?;
            meters.get(place).cloned()
        };
        Ok(contracts
            .iter()
            .filter_map(|row| Some((ContractId::new(row.account_id, row.id), at(row.service_point_id?)?)))
            .collect())
    }

    /// What the segments of each bill measured, where a stand-in looks aside.
    fn beside(&self, tx: &mut Tx<'_>, accounts: &[AccountId]) -> Result<Beside> {
        let mut all = Beside::new();
        if !self.looks_aside {
            return Ok(all);
        }
        what_if::each_beside(tx, accounts, &self.tried, |row| {
            // One that cannot be added up leaves the others without: their own error says so.
            if let Ok(Some(one)) = billing::measured(&row.type_code, &calculation(&row.document)?) {
                all.entry((row.account_id, row.bill_id)).or_default().push((row.contract_id, one));
            }
            Ok::<_, Error>(())
        })?;
        Ok(all)
    }

    /// What a segment would have come to; none when it only passes charges on.
    fn alternative(
        &self,
        known: &mut Known,
        row: &SegmentTried,
    ) -> Result<Option<std::result::Result<Money, BillingError>>> {
        let contract = ContractId::new(row.account_id, row.contract_id);
        let calc = calculation(&row.document)?;
        let period = Period::new(row.first_on, row.last_on)
            .ok_or_else(|| Error::Fault("a segment ends before it begins".to_owned()))?;
        let window = row.window_starts_on.zip(row.window_ends_on);
        let past = known.past.get(&contract);
        let segment = BilledSegment {
            period,
            window: window.and_then(|(starts_on, ends_on)| Period::new(starts_on, ends_on)),
            calc: &calc,
            segments: &known.beside(row)?,
            profile: &self.profile(known, contract, period)?,
            exemptions: known.exemptions.get(&row.account_id).map_or(&[][..], Vec::as_slice),
            memory: &past.map(|past| Memory::before(past, row.first_on)).unwrap_or_default(),
        };
        let rate = self
            .stand_ins
            .get(&row.schedule_id)
            .ok_or_else(|| Error::Fault("a segment of a rate that is not replaced".to_owned()))?;
        let again = match billing::re_rate(&segment, rate, &self.factors, self.currency) {
            Ok(None) => return Ok(None),
            Ok(Some(again)) => again,
            Err(error) => return Ok(Some(Err(error))),
        };
        // From here on the contract remembers what the trial made of these days.
        if let Some(billed) = known
            .past
            .get_mut(&contract)
            .and_then(|past| past.iter_mut().find(|one| one.past.period == period))
        {
            *billed = again.remembered;
        }
        Ok(Some(Ok(again.total)))
    }
}

impl Trial {
    fn profile(&self, known: &Known, contract: ContractId, period: Period) -> Result<Vec<Series>> {
        let Some(point) = known.meters.get(&contract) else { return Ok(Vec::new()) };
        Ok(billing::load_profile(&point.registers, period, &self.zone.clock_changes(period))?)
    }
}

/// The certificates by which taxes are not charged, as they are now.
fn exemptions(tx: &mut Tx<'_>, accounts: &[AccountId]) -> Result<HashMap<AccountId, Vec<Exemption>>> {
    let mut all: HashMap<AccountId, Vec<Exemption>> = HashMap::new();
    for row in store::exemptions::of_accounts(tx, accounts)? {
        all.entry(row.account_id).or_default().push(as_rated(row)?);
    }
    Ok(all)
}

/// What the segments of each bill measured, with the contract that each belongs to.
type Beside = HashMap<(AccountId, i64), Vec<(i64, OtherSegment)>>;

/// What the segments of a chunk are rated with besides their own records.
struct Known {
    past: HashMap<ContractId, Vec<Remembered>>,
    beside: Beside,
    meters: HashMap<ContractId, PointMeters>,
    exemptions: HashMap<AccountId, Vec<Exemption>>,
}

impl Known {
    /// What the other contracts on the segment's bill measured.
    fn beside(&self, row: &SegmentTried) -> Result<Vec<OtherSegment>> {
        let mut others = Vec::new();
        for (contract, one) in self.beside.get(&(row.account_id, row.bill_id)).into_iter().flatten() {
            if *contract != row.contract_id {
                billing::put_beside(&mut others, one.clone())?;
            }
        }
        Ok(others)
    }
}

fn calculation(document: &JsonText) -> Result<Calculation> {
    Ok(Calculation::parse(&document.0)
        .map_err(|error| store::Error::Corrupt { what: "segment", why: error.to_string() })?)
}
