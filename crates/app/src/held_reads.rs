//! Reads that wait for a person: found over all service points and released many at once.

use crate::audit::{self, Action};
use crate::reads::billed_through;
use crate::runs::remarks::RELEASED;
use crate::{App, Caller, Error, Result};
use metering::validate::Rule;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use store::reads::{HeldFilter, HeldRead, Service, StoredRead};
use store::{Cursor, Page, Tx};
use vocab::{Code, Problem, ReadId, ReadStatus, RegisterId, ServicePointId, SiteId};

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
    let mut points: Vec<ServicePointId> = ids.iter().map(|id| id.owner).collect();
    points.sort_unstable();
    points.dedup();
    let sites = store::exchange::sites_of(tx, &points)?;
    let is_own = |(_, site): &&(ServicePointId, SiteId)| caller.principal.sees_site(*site);
    let points: Vec<ServicePointId> = sites.iter().filter(is_own).map(|(point, _)| *point).collect();
    store::exchange::lock_points(tx, &points)?;
    let own: Vec<ReadId> = ids.iter().copied().filter(|id| points.binary_search(&id.owner).is_ok()).collect();
    let found: HashMap<ReadId, StoredRead> =
        store::reads::by_id(tx, &own)?.into_iter().map(|row| (row.read_id(), row)).collect();
    let mut services: HashMap<ServicePointId, Vec<Service>> = HashMap::new();
    for service in store::reads::services(tx, &points)? {
        services.entry(service.service_point).or_default().push(service);
    }
    let mut days = HashSet::new();
    let outcomes: Vec<Released> = ids
        .into_iter()
        .map(|id| {
            let at = services.get(&id.owner).map_or(&[][..], Vec::as_slice);
            let refused = refusal(found.get(&id), at, &mut days);
            Released { read: id, refused }
        })
        .collect();
    let released: Vec<ReadId> = outcomes.iter().filter(|of| of.refused.is_none()).map(|of| of.read).collect();
    store::reads::supersede(tx, &days.into_iter().collect::<Vec<_>>())?;
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
    days: &mut HashSet<(RegisterId, time::Date)>,
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

impl App {
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
        filter.sites = match (filter.sites, caller.sites()) {
            (Some(asked), Some(own)) => Some(asked.into_iter().filter(|site| own.contains(site)).collect()),
            (asked, own) => asked.or(own),
        };
        self.db().tx(|tx| Ok(store::reads::held(tx, &filter, after, limit)?))
    }
}
