//! Which rate stands in for which: another schedule, a version, or a tariff that nobody has saved.

use crate::naming::unknown;
use crate::rates::{always, frequency, stored_tariff, unsaved};
use crate::{Error, Result};
use billing::RateSchedule;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use store::{Tx, rates};
use vocab::{Code, Commodity, Currency, Problem, RateScheduleId, RateVersionId};

/// Most rates that one trial replaces.
const REPLACEMENTS_MAX: usize = 50;

/// A replacement as it was asked for: exactly one of the three is given.
#[derive(Debug, Clone)]
pub struct NewReplacement {
    /// The rate that made the segments.
    pub schedule: RateScheduleId,
    /// Another schedule.
    pub with_schedule: Option<RateScheduleId>,
    /// One stored version.
    pub with_version: Option<RateVersionId>,
    /// A tariff in the form of a version.
    pub with_tariff: Option<Value>,
}

/// A replacement as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Replacement {
    /// The rate that made the segments.
    pub schedule_id: RateScheduleId,
    /// What they are rated by instead.
    pub with: With,
}

/// What stands in for a rate.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum With {
    /// A schedule, with the versions that it had when the trial was started.
    Schedule {
        /// Which.
        schedule_id: RateScheduleId,
        /// Its versions, by their first days.
        version_ids: Vec<RateVersionId>,
    },
    /// One version, on every day.
    Version {
        /// Of which schedule.
        schedule_id: RateScheduleId,
        /// Which.
        version_id: RateVersionId,
    },
    /// A tariff as it was sent, on every day.
    Tariff(Value),
}

/// The replacements, when each can be tried.
pub(super) fn read(
    tx: &mut Tx<'_>,
    currency: &Currency,
    asked: Vec<NewReplacement>,
) -> Result<Vec<Replacement>> {
    if asked.is_empty() || asked.len() > REPLACEMENTS_MAX {
        let detail = format!("1 to {REPLACEMENTS_MAX}");
        return Err(Problem::field("/replacements", Code::FieldRange, detail).into());
    }
    let schedules = schedules(tx)?;
    let mut seen = HashSet::new();
    let mut read = Vec::with_capacity(asked.len());
    for (at, one) in asked.into_iter().enumerate() {
        let pointer = format!("/replacements/{at}");
        let of = format!("{pointer}/schedule_id");
        let replaced = schedules.get(&one.schedule).ok_or_else(|| unknown(&of))?;
        if !seen.insert(one.schedule) {
            return Err(Problem::field(of, Code::FieldRange, "it is replaced already").into());
        }
        let schedule_id = one.schedule;
        let with = match (one.with_schedule, one.with_version, one.with_tariff) {
            (Some(id), None, None) => by_schedule(tx, &schedules, replaced.commodity, id, &pointer)?,
            (None, Some(id), None) => by_version(tx, &schedules, replaced.commodity, id, &pointer)?,
            (None, None, Some(tariff)) => {
                unsaved(tx, &tariff, currency, &format!("{pointer}/with_tariff"))?;
                With::Tariff(tariff)
            }
            (None, None, None) => {
                let detail = "with_schedule_id, with_version_id or with_tariff";
                return Err(Problem::field(pointer, Code::FieldRequired, detail).into());
            }
            _ => {
                let detail = "only one of with_schedule_id, with_version_id and with_tariff";
                return Err(Problem::field(pointer, Code::FieldRange, detail).into());
            }
        };
        read.push(Replacement { schedule_id, with });
    }
    Ok(read)
}

type Schedules = HashMap<RateScheduleId, rates::RateSchedule>;

fn schedules(tx: &mut Tx<'_>) -> Result<Schedules> {
    Ok(rates::schedules(tx)?.into_iter().map(|row| (row.id, row)).collect())
}

fn by_schedule(
    tx: &mut Tx<'_>,
    schedules: &Schedules,
    commodity: Commodity,
    id: RateScheduleId,
    pointer: &str,
) -> Result<With> {
    let pointer = format!("{pointer}/with_schedule_id");
    let of = schedules.get(&id).ok_or_else(|| unknown(&pointer))?;
    same(&pointer, of, commodity)?;
    let version_ids: Vec<RateVersionId> = rates::versions(tx, id)?.iter().map(|row| row.id).collect();
    if version_ids.is_empty() {
        return Err(Problem::field(pointer, Code::FieldRange, "it has no version as yet").into());
    }
    Ok(With::Schedule { schedule_id: id, version_ids })
}

fn by_version(
    tx: &mut Tx<'_>,
    schedules: &Schedules,
    commodity: Commodity,
    id: RateVersionId,
    pointer: &str,
) -> Result<With> {
    let pointer = format!("{pointer}/with_version_id");
    let row = rates::versions_by_id(tx, &[id])?.pop().ok_or_else(|| unknown(&pointer))?;
    let of = schedules.get(&row.schedule_id).ok_or_else(|| unknown(&pointer))?;
    same(&pointer, of, commodity)?;
    Ok(With::Version { schedule_id: row.schedule_id, version_id: id })
}

fn same(pointer: &str, of: &rates::RateSchedule, commodity: Commodity) -> Result<()> {
    if of.commodity == commodity {
        return Ok(());
    }
    let detail = format!("it is for {}, the rate that it replaces for {commodity}", of.commodity);
    Err(Problem::field(pointer, Code::FieldRange, detail).into())
}

/// The rates that stand in, by the one that each replaces; a few queries, however many.
pub(super) fn load(
    tx: &mut Tx<'_>,
    currency: &Currency,
    replacements: &[Replacement],
) -> Result<HashMap<RateScheduleId, RateSchedule>> {
    let schedules = schedules(tx)?;
    let ids: Vec<RateVersionId> = replacements.iter().flat_map(|one| one.with.version_ids()).collect();
    let stored: HashMap<RateVersionId, Value> =
        rates::versions_by_id(tx, &ids)?.into_iter().map(|row| (row.id, row.tariff)).collect();
    let missing = |what: &str| Error::Fault(format!("a trial names a {what} that is gone"));
    let version = |id: RateVersionId, tariff: Value| {
        Ok(billing::RateVersion { id, rules: stored_tariff(tariff, currency)? })
    };
    let tariff = |id: &RateVersionId| stored.get(id).cloned().ok_or_else(|| missing("version"));
    let stand_in = |one: &Replacement| {
        let (of, versions) = match &one.with {
            With::Schedule { schedule_id, version_ids } => {
                let versions = version_ids.iter().map(|id| version(*id, tariff(id)?));
                (schedule_id, versions.collect::<Result<Vec<_>>>()?)
            }
            With::Version { schedule_id, version_id } => {
                (schedule_id, vec![version(*version_id, always(tariff(version_id)?))?])
            }
            // It has no id: its lines are never kept.
            With::Tariff(tariff) => {
                (&one.schedule_id, vec![version(RateVersionId(0), always(tariff.clone()))?])
            }
        };
        let row = schedules.get(of).ok_or_else(|| missing("schedule"))?;
        let schedule = RateSchedule {
            id: row.id,
            code: row.code.clone(),
            name: row.name.clone(),
            commodity: row.commodity,
            frequency: frequency(row)?,
            versions,
            estimation: row.estimation,
        };
        Ok((one.schedule_id, schedule))
    };
    replacements.iter().map(stand_in).collect()
}

impl With {
    fn version_ids(&self) -> Vec<RateVersionId> {
        match self {
            Self::Schedule { version_ids, .. } => version_ids.clone(),
            Self::Version { version_id, .. } => vec![*version_id],
            Self::Tariff(_) => Vec::new(),
        }
    }
}
