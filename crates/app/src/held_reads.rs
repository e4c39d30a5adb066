//! Reads, and days of interval data, that wait for a person: found over all service points and released
//! many at once.

use crate::audit::{self, Action};
use crate::reads::billed_through;
use crate::rebills::held_by;
use crate::runs::remarks::RELEASED;
use crate::{App, Caller, Error, Result};
use metering::validate::Rule;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use store::held_days::{HeldDay, HeldDayFilter};
use store::reads::{HeldFilter, HeldRead, Service, StoredRead};
use store::{Cursor, Page, Tx};
use time::Date;
use vocab::dates::civil;
use vocab::{Code, Problem, ReadId, ReadStatus, RebillProposalId, RegisterId, ServicePointId, SiteId};

/// Most reads of one request.
pub const RELEASES_MAX: usize = 1000;

/// What became of one read of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// Which.
    pub read: ReadId,
    /// Why it was not released.
    pub refused: Option<(Code, String)>,
}

/// Makes held reads valid; each replaces the valid read of its day. Those that cannot be released are
/// named with the reason, the others are released.
pub fn release_many(tx: &mut Tx<'_>, caller: &Caller, ids: Vec<ReadId>) -> Result<Vec<Released>> {
    if ids.is_empty() || ids.len() > RELEASES_MAX {
        let detail = format!("1 to {RELEASES_MAX} reads at a time");
        return Err(Problem::field("/read_ids", Code::FieldRange, detail).into());
    }
    let points = own_points(tx, caller, ids.iter().map(|id| id.owner))?;
    let own: Vec<ReadId> = ids.iter().copied().filter(|id| points.binary_search(&id.owner).is_ok()).collect();
    let found: HashMap<ReadId, StoredRead> =
        store::reads::by_id(tx, &own)?.into_iter().map(|row| (row.read_id(), row)).collect();
    let services = store::reads::services_by_point(tx, &points)?;
    let proposals: HashMap<ReadId, RebillProposalId> =
        store::rebill_proposals::holding(tx, &own)?.into_iter().collect();
    let mut days = HashSet::new();
    let outcomes: Vec<Released> = ids
        .into_iter()
        .map(|id| {
            let at = services.get(&id.owner).map_or(&[][..], Vec::as_slice);
            let refused = match (found.get(&id), proposals.get(&id)) {
                (Some(_), Some(proposal)) => Some((Code::RebillProposed, held_by(*proposal).detail)),
                (read, _) => refusal(read, at, &mut days),
            };
            Released { read: id, refused }
        })
        .collect();
    let released: Vec<ReadId> = outcomes.iter().filter(|of| of.refused.is_none()).map(|of| of.read).collect();
    let days: Vec<(RegisterId, Date)> = days.into_iter().collect();
    if store::reads::supersede(tx, &days)? > 0 {
        store::rebill_proposals::withdraw_superseded(tx, &days, &caller.actor())?;
    }
    let changed = store::reads::release(tx, &released, RELEASED)?;
    if changed != released.len() {
        return Err(Error::Fault("a held read changed under its lock".to_owned()));
    }
    if let Some(first) = released.first() {
        let after = json!({ "reads": released.len(), "ids": released });
        let subject = first.to_string();
        let action = Action { action: "reads.release", subject, after: Some(after), ..Action::default() };
        audit::record(tx, caller, action)?;
    }
    Ok(outcomes)
}

/// Why a read cannot be released; notes its day otherwise.
fn refusal(
    read: Option<&StoredRead>,
    services: &[Service],
    days: &mut HashSet<(RegisterId, Date)>,
) -> Option<(Code, String)> {
    let Some(read) = read else { return Some((Code::NotFound, Code::NotFound.meaning().to_owned())) };
    if read.status != ReadStatus::Held {
        return Some((Code::WrongState, format!("the read is {}", read.status)));
    }
    if billed_through(services).is_some_and(|through_on| read.read_on <= through_on) {
        return Some((Code::ReadBilled, Code::ReadBilled.meaning().to_owned()));
    }
    if !days.insert((RegisterId::new(read.service_point_id, read.register_id), read.read_on)) {
        let detail = "another read of the register's day is released with it";
        return Some((Code::WrongState, detail.to_owned()));
    }
    None
}

/// What became of one day of interval data of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleasedDay {
    /// Of which register.
    pub register: RegisterId,
    /// The day.
    pub day: Date,
    /// Why it was not released.
    pub refused: Option<(Code, String)>,
}

/// Lets held days of interval data be billed. Those that cannot be released are named with the reason, the
/// others are released.
pub fn release_days(
    tx: &mut Tx<'_>,
    caller: &Caller,
    wanted: Vec<(RegisterId, Date)>,
) -> Result<Vec<ReleasedDay>> {
    if wanted.is_empty() || wanted.len() > RELEASES_MAX {
        let detail = format!("1 to {RELEASES_MAX} days at a time");
        return Err(Problem::field("/days", Code::FieldRange, detail).into());
    }
    let points = own_points(tx, caller, wanted.iter().map(|(register, _)| register.owner))?;
    let own: Vec<(RegisterId, Date)> = wanted
        .iter()
        .copied()
        .filter(|(register, _)| points.binary_search(&register.owner).is_ok())
        .collect();
    let found: HashMap<(RegisterId, Date), bool> = store::intervals::find(tx, &own)?
        .into_iter()
        .map(|row| ((row.register(), row.day), row.is_held))
        .collect();
    let outcomes: Vec<ReleasedDay> = wanted
        .into_iter()
        .map(|(register, day)| {
            let refused = match found.get(&(register, day)) {
                None => Some((Code::NotFound, Code::NotFound.meaning().to_owned())),
                Some(false) => Some((Code::WrongState, "the day is not held".to_owned())),
                Some(true) => None,
            };
            ReleasedDay { register, day, refused }
        })
        .collect();
    let released: Vec<(RegisterId, Date)> =
        outcomes.iter().filter(|of| of.refused.is_none()).map(|of| (of.register, of.day)).collect();
    store::intervals::release(tx, &released, RELEASED)?;
    if let Some((first, _)) = released.first() {
        let days: Vec<Value> = released
            .iter()
            .map(|(register, day)| json!({ "register": register, "day": civil::format(*day) }))
            .collect();
        let (subject, after) = (first.to_string(), Some(json!({ "days": days })));
        audit::record(
            tx,
            caller,
            Action { action: "interval_days.release", subject, after, ..Action::default() },
        )?;
    }
    Ok(outcomes)
}

/// Locks those of the service points that the caller sees; ascending.
fn own_points(
    tx: &mut Tx<'_>,
    caller: &Caller,
    points: impl Iterator<Item = ServicePointId>,
) -> Result<Vec<ServicePointId>> {
    let mut points: Vec<ServicePointId> = points.collect();
    points.sort_unstable();
    points.dedup();
    let sites = store::exchange::sites_of(tx, &points)?;
    let is_own = |(_, site): &&(ServicePointId, SiteId)| caller.principal.sees_site(*site);
    let own: Vec<ServicePointId> = sites.iter().filter(is_own).map(|(point, _)| *point).collect();
    store::exchange::lock_points(tx, &own)?;
    Ok(own)
}

/// The sites asked for, as far as the caller sees them.
fn own_sites(caller: &Caller, asked: Option<Vec<SiteId>>) -> Option<Vec<SiteId>> {
    match (asked, caller.sites()) {
        (Some(asked), Some(own)) => Some(asked.into_iter().filter(|site| own.contains(site)).collect()),
        (asked, own) => asked.or(own),
    }
}

impl App {
    /// Held days of interval data at the caller's sites, by service point, register and day.
    pub fn held_days(
        &self,
        caller: &Caller,
        mut filter: HeldDayFilter,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<HeldDay>> {
        filter.sites = own_sites(caller, filter.sites);
        self.db().tx(|tx| Ok(store::held_days::list(tx, &filter, after, limit)?))
    }

    /// Held reads at the caller's sites, by service point.
    pub fn held_reads(
        &self,
        caller: &Caller,
        mut filter: HeldFilter,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<HeldRead>> {
        if let Some(rule) = &filter.rule
            && serde_json::from_value::<Rule>(Value::from(rule.as_str())).is_err()
        {
            let detail = format!("rule: there is no rule {rule:?}");
            return Err(Problem::new(Code::MalformedParameter, detail).with("name", "rule").into());
        }
        filter.sites = own_sites(caller, filter.sites);
        self.db().tx(|tx| Ok(store::reads::held(tx, &filter, after, limit)?))
    }
}
