//! Proposals to bill periods again: made with the read that puts them in doubt, shown with what would be
//! cancelled and billed instead, dismissed by a person, withdrawn when the read goes.
//!
//! Deliberately missing: carrying one out, which is a correction of bills ([`crate::corrections::approve`]).
//! Nothing here changes a bill.

use crate::audit::{self, Action};
use crate::invoice_model::calculation;
use crate::ledger::check_reason;
use crate::places::{find_point, lock_point};
use crate::read_rules::Rules;
use crate::{App, Caller, Error, Result, Utility};
use billing::{RebillEvent, transition};
use metering::{Metered, ReadUsed, Rebill};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use store::bills::Segment;
use store::reads::{Service, StoredRead};
use store::rebill_proposals::{self as proposals, RebillFilter, RebillProposal};
use store::registers::RegisterRow;
use store::{Cursor, Page, Tx};
use time::Date;
use vocab::dates::{civil, plus_days};
use vocab::{
    AccountId, Code, ContractId, Problem, ReadId, ReadStatus, RebillKind, RebillProposalId, RebillState,
    RegisterId, SiteId,
};

pub use metering::{Boundary, Rebilled};

/// A stored read that proposes something.
pub(crate) struct Proposing {
    pub(crate) register: RegisterId,
    /// The read's row id.
    pub(crate) read: i64,
    pub(crate) read_on: Date,
    pub(crate) rebill: Rebill,
    pub(crate) contracts: Vec<ContractId>,
}

/// The contracts at a service point that were billed for some of the days in question.
pub(crate) fn contracts(services: &[Service], rebill: &Rebill) -> Vec<ContractId> {
    let is_billed = |service: &&Service| {
        service.starts_on <= rebill.through_on
            && service.billed_through_on.is_some_and(|through_on| rebill.from_on <= through_on)
    };
    services.iter().filter(is_billed).map(|service| service.contract).collect()
}

/// Keeps what stored reads propose, in their order; `by` is the import or the person that brought them. Of
/// several of one register and day the last one stands.
pub(crate) fn propose(tx: &mut Tx<'_>, by: &str, all: Vec<Proposing>) -> Result<Vec<RebillProposalId>> {
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let (ids, at) = (tx.new_ids(all.len())?, tx.as_of());
    let mut last = HashMap::with_capacity(all.len());
    for (place, of) in all.iter().enumerate() {
        last.insert((of.register, of.read_on), place);
    }
    let mut rows: Vec<RebillProposal> = Vec::with_capacity(all.len());
    for (place, (of, id)) in all.into_iter().zip(ids).enumerate() {
        let against = of.rebill.against;
        let mut row = RebillProposal {
            service_point_id: of.register.owner,
            id,
            register_id: of.register.n,
            read_id: of.read,
            read_on: of.read_on,
            kind: of.rebill.kind,
            account_ids: of.contracts.iter().map(|contract| contract.owner).collect(),
            contract_ids: of.contracts.iter().map(|contract| contract.n).collect(),
            from_on: of.rebill.from_on,
            through_on: of.rebill.through_on,
            against_on: against.map(|against| against.read_on),
            against_value: against.map(|against| against.value),
            against_quality: against.map(|against| against.quality),
            state: RebillState::Open,
            created_by: by.to_owned(),
            created_at: at,
            decided_by: None,
            decided_at: None,
            decided_reason: None,
        };
        if last.get(&(of.register, of.read_on)) != Some(&place) {
            row.state = step(&row, RebillEvent::Withdraw)?;
            row.decided_by = Some(by.to_owned());
            row.decided_at = Some(at);
            row.decided_reason = Some(proposals::REPLACED.to_owned());
        }
        rows.push(row);
    }
    let ids = rows.iter().map(RebillProposal::proposal_id).collect();
    proposals::insert(tx, rows, by)?;
    Ok(ids)
}

/// Withdraws the proposal of a read that is not to be used any more, if it has an open one.
pub(crate) fn withdraw(tx: &mut Tx<'_>, caller: &Caller, read: ReadId, reason: &str) -> Result<()> {
    if let Some(id) = proposals::open_of(tx, read)? {
        let to = transition(RebillState::Open, RebillEvent::Withdraw).map_err(refused)?;
        proposals::decide(tx, id, to, &caller.actor(), reason)?;
    }
    Ok(())
}

/// The refusal to release a read that an open proposal holds.
pub(crate) fn held_by(proposal: RebillProposalId) -> Problem {
    let detail =
        format!("the read waits in the proposal {proposal} to bill again; decide about that instead");
    Problem::new(Code::RebillProposed, detail).with("proposal", proposal)
}

pub(crate) fn refused(refused: billing::Refused) -> Problem {
    Problem::new(Code::WrongState, refused.to_string()).with("state", refused.state)
}

pub(crate) fn step(row: &RebillProposal, event: RebillEvent) -> Result<RebillState> {
    Ok(transition(row.state, event).map_err(refused)?)
}

/// Decides against a proposal. A read of a billed day is rejected with it; one after the billed days stays,
/// and the bill that it stops still waits.
pub fn dismiss(tx: &mut Tx<'_>, caller: &Caller, id: RebillProposalId, reason: &str) -> Result<RebillView> {
    check_reason(reason)?;
    lock_point(tx, caller, id.owner)?;
    let found = proposals::find(tx, id)?.ok_or_else(Problem::not_found)?;
    let to = step(&found, RebillEvent::Dismiss)?;
    if !proposals::decide(tx, id, to, &caller.actor(), reason)? {
        return Err(Error::Fault("a proposal changed under its lock".to_owned()));
    }
    let rejects = found.kind != RebillKind::ActualBelowEstimate;
    if rejects
        && !store::reads::set_status(tx, found.read(), ReadStatus::Held, ReadStatus::Rejected, Some(reason))?
    {
        return Err(Error::Fault("an open proposal without its held read".to_owned()));
    }
    let after = json!({
        "kind": found.kind,
        "read": found.read(),
        "read_on": civil::format(found.read_on),
        "read_rejected": rejects,
    });
    let (subject, reason) = (id.to_string(), Some(reason.to_owned()));
    let action = Action { action: "rebill.dismiss", subject, after: Some(after), reason, before: None };
    audit::record(tx, caller, action)?;
    let decided = find(tx, caller, id)?;
    view(tx, caller, decided)
}

fn find(tx: &mut Tx<'_>, caller: &Caller, id: RebillProposalId) -> Result<RebillProposal> {
    find_point(tx, caller, id.owner)?;
    Ok(proposals::find(tx, id)?.ok_or_else(Problem::not_found)?)
}

/// A proposal and what would come of it.
#[derive(Debug, Clone)]
pub struct RebillView {
    /// The proposal.
    pub proposal: RebillProposal,
    /// Its read.
    pub read: StoredRead,
    /// Its register.
    pub register: RegisterRow,
    /// The segments that would be cancelled, each with the use of the register that it billed; those of
    /// accounts that the caller does not see are left out, and so are their periods.
    pub segments: Vec<(Segment, ReadUsed)>,
    /// What would be billed instead; places are those of `segments`.
    pub periods: Vec<Rebilled>,
    /// Why that cannot be said.
    pub problem: Option<Problem>,
}

pub(crate) fn view(tx: &mut Tx<'_>, caller: &Caller, proposal: RebillProposal) -> Result<RebillView> {
    let (point, register) = (proposal.service_point_id, proposal.register());
    let read = store::reads::find(tx, proposal.read())?
        .ok_or_else(|| Error::Fault("a proposal without its read".to_owned()))?;
    let rows = store::registers::at(tx, &[point])?;
    let row = rows
        .into_iter()
        .find(|row| row.id == register.n)
        .ok_or_else(|| Error::Fault("a proposal without its register".to_owned()))?;
    let mut segments = Vec::new();
    for segment in store::bills::frozen_since(tx, &proposal.contracts(), proposal.from_on)? {
        let used = calculation(&segment)?.reads.into_iter().find(|used| used.register == register);
        segments.extend(used.map(|used| (segment, used)));
    }
    segments.sort_by_key(|(segment, used)| (used.start_on, segment.id));
    let since = plus_days(proposal.from_on, -1).unwrap_or(Date::MIN);
    let reads = store::reads::of_register(tx, register, since)?;
    let reads: Vec<metering::Read> = reads.iter().map(StoredRead::as_metering).collect();
    let utility = Utility::load(tx)?;
    let services = store::reads::services(tx, &[point])?;
    let rules = Rules::of(&utility)?;
    let limit = rules.at(&services, row.commodity, read.read_on).rollover;
    let metered = row.as_metering()?;
    let uses: Vec<ReadUsed> = segments.iter().map(|(_, used)| used.clone()).collect();
    let known = Metered { register: &metered, reads: &reads };
    let (periods, problem) = match metering::rebilled(known, &read.as_metering(), &uses, limit) {
        Ok(periods) => (periods, None),
        Err(error) => (Vec::new(), Some(Problem::from(error))),
    };
    let mut seen = HashSet::new();
    for &account in &proposal.account_ids {
        let found = store::accounts::find(tx, account)?;
        seen.extend(found.filter(|of| caller.principal.sees_site(of.site_id)).map(|_| account));
    }
    let mut view = RebillView { proposal, read, register: row, segments, periods, problem };
    view.leave_out(&seen);
    Ok(view)
}

impl RebillView {
    /// Segments that no period takes the place of stay as they are; where no period can be given, all may
    /// have to go. Of accounts that are not seen nothing is shown.
    fn leave_out(&mut self, seen: &HashSet<AccountId>) {
        let mut places: HashMap<usize, usize> = HashMap::with_capacity(self.segments.len());
        let all = std::mem::take(&mut self.segments);
        for (place, (segment, used)) in all.into_iter().enumerate() {
            let is_touched = self.problem.is_some() || self.periods.iter().any(|of| of.place == Some(place));
            if is_touched && seen.contains(&segment.account_id) {
                places.insert(place, self.segments.len());
                self.segments.push((segment, used));
            }
        }
        self.periods.retain_mut(|period| match period.place {
            Some(place) => {
                period.place = places.get(&place).copied();
                period.place.is_some()
            }
            None => true,
        });
    }
}

impl App {
    /// Proposals that the caller may see with the values of their reads, by service point.
    pub fn rebill_proposals(
        &self,
        caller: &Caller,
        filter: RebillFilter,
        site: Option<SiteId>,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<(RebillProposal, vocab::Decimal)>> {
        self.db().tx(|tx| {
            let sites = match site {
                Some(site) => {
                    caller.find_in(site)?;
                    Some(vec![site])
                }
                None => caller.sites(),
            };
            Ok(proposals::list(tx, &RebillFilter { sites, ..filter }, after, limit)?)
        })
    }

    /// A proposal with what would come of it.
    pub fn rebill_proposal(&self, caller: &Caller, id: RebillProposalId) -> Result<RebillView> {
        self.db().tx(|tx| {
            let found = find(tx, caller, id)?;
            view(tx, caller, found)
        })
    }
}
