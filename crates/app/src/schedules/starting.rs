//! Starting what is due: once, whoever looks.
//!
//! The schedule's row is locked for the whole start, and the row of the start is written with what it did in
//! one transaction. Who finds it locked passes it over: somebody is at it.

use super::{Timetable, ahead, by_window, timetable};
use crate::audit::{self, Action};
use crate::sign_in::scope;
use crate::{App, Caller, Error, Result, Utility};
use access::{Actor, Principal, SiteScope};
use serde_json::{Value, json};
use store::Tx;
use store::schedules::{self, Schedule, Start};
use store::windows::Window;
use time::OffsetDateTime;
use vocab::{Code, CycleId, Problem, Role, ScheduleId, StartState};

/// What a start made or filed: a word for the kind, and the opaque id.
pub(super) type Link = (&'static str, String);

/// What a start did.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// The window that it was about, when it was about one.
    pub window: Option<vocab::WindowId>,
    /// What it made or filed.
    pub links: Vec<Link>,
}

impl App {
    /// Starts every schedule that is due, each once; answers how many. One that fails keeps no other waiting.
    pub fn start_due_schedules(&self) -> Result<usize> {
        let (mut passed, mut started) = (Vec::new(), 0);
        while let Some((id, cycle)) = self.db().tx(|tx| {
            let as_of = tx.as_of();
            Ok::<_, Error>(schedules::due(tx, as_of, &passed)?)
        })? {
            passed.push(id);
            match self.db().tx(|tx| self.start_schedule(tx, id, cycle)) {
                Ok(did) => started += usize::from(did),
                Err(error) => tracing::warn!(schedule = %id, %error, "a schedule could not be started"),
            }
        }
        if started > 0 {
            self.wake_workers();
        }
        Ok(started)
    }

    fn start_schedule(&self, tx: &mut Tx<'_>, id: ScheduleId, cycle: Option<CycleId>) -> Result<bool> {
        let as_of = tx.as_of();
        if let Some(cycle) = cycle
            && !store::cycles::try_lock(tx, cycle)?
        {
            return Ok(false);
        }
        let Some(row) = schedules::lock_due(tx, id, as_of)? else { return Ok(false) };
        let utility = Utility::load(tx)?;
        let due = due(tx, &utility, &row)?;
        let mut started = false;
        if let Some((due_at, window)) = due
            && !schedules::has_started(tx, id, due_at)?
        {
            let start = match window {
                Some(window) if window.is_closed() => skipped(tx, &row, due_at, &window),
                window => self.start_at(tx, &row, due_at, window)?,
            };
            schedules::insert_start(tx, &start)?;
            started = start.state != StartState::Skipped;
        }
        let next_at = ahead(tx, &utility, &row, 1)?.first().map(|(at, _)| *at);
        schedules::set_next(tx, id, next_at)?;
        Ok(started)
    }

    /// Does the work; a refusal is what became of it, only a database that is away leaves it to be tried again.
    fn start_at(
        &self,
        tx: &mut Tx<'_>,
        row: &Schedule,
        due_at: OffsetDateTime,
        window: Option<Window>,
    ) -> Result<Start> {
        let of = window.as_ref().map(|window| window.id);
        let caller = caller_of(tx, row)?;
        let outcome = match &caller {
            Ok(caller) => tx.attempt(|tx| self.do_scheduled(tx, caller, row, window)),
            Err(problem) => Err(problem.clone().into()),
        };
        let mut start = Start {
            schedule_id: row.id,
            due_at,
            window_id: of,
            started_at: tx.as_of(),
            state: StartState::Started,
            code: None,
            detail: None,
            results: json!([]),
        };
        match outcome {
            Ok(done) => {
                start.window_id = of.or(done.window);
                let link = |(kind, id): &Link| json!({ "kind": kind, "id": id });
                start.results = Value::Array(done.links.iter().map(link).collect());
            }
            Err(error @ Error::Store(store::Error::Unavailable(_))) => return Err(error),
            Err(error) => {
                tracing::warn!(schedule = %row.id, %error, "a scheduled start was refused");
                let problem = error.problem();
                start.state = StartState::Refused;
                start.code = Some(problem.code.as_str().to_owned());
                start.detail = Some(problem.detail);
            }
        }
        let after = json!({ "due_at": due_at.to_string(), "state": start.state, "code": start.code, "results": start.results });
        let caller = caller.unwrap_or_else(|_| speaking_for(row.id, Role::Viewer, [].into_iter().collect()));
        let action = Action {
            action: "schedule.start",
            subject: row.id.to_string(),
            after: Some(after),
            ..Action::default()
        };
        audit::record(tx, &caller, action)?;
        Ok(start)
    }
}

/// A start whose window was closed before it came.
fn skipped(tx: &Tx<'_>, row: &Schedule, due_at: OffsetDateTime, window: &Window) -> Start {
    Start {
        schedule_id: row.id,
        due_at,
        window_id: Some(window.id),
        started_at: tx.as_of(),
        state: StartState::Skipped,
        code: Some(Code::WrongState.as_str().to_owned()),
        detail: Some("the window had been closed before".to_owned()),
        results: json!([]),
    }
}

/// Which start is due, with the window that it is counted from: of several that were missed one, that of the
/// last window that is not closed, or of the last one when all are; of a pattern the first, and its work looks for the window of today.
fn due(
    tx: &mut Tx<'_>,
    utility: &Utility,
    row: &Schedule,
) -> Result<Option<(OffsetDateTime, Option<Window>)>> {
    let (Some(since), as_of) = (row.next_at, tx.as_of()) else { return Ok(None) };
    Ok(match timetable(row)? {
        Timetable::Pattern(_) => Some((since, None)),
        Timetable::Days(from, rule) => {
            let mut missed = by_window(tx, utility, row, from, rule)?;
            missed.retain(|(at, _)| since <= *at && *at <= as_of);
            // Sorting is stable: what is not closed comes last, in the order of the starts.
            missed.sort_by_key(|(_, window)| !window.is_closed());
            missed.pop().map(|(at, window)| (at, Some(window)))
        }
    })
}

/// The schedule as an actor, with the post and the sites that its maker has now, of these its own.
fn caller_of(tx: &mut Tx<'_>, row: &Schedule) -> Result<std::result::Result<Caller, Problem>> {
    let maker = match row.created_by.parse() {
        Ok(Actor::User(id)) => store::access::user(tx, id)?
            .filter(|user| user.active)
            .map(|user| (user.role, scope(user.all_sites, &user.site_ids))),
        Ok(Actor::ApiClient(id)) => store::access::api_client(tx, id)?
            .filter(|client| client.active)
            .map(|client| (client.role, scope(client.all_sites, &client.site_ids))),
        _ => None,
    };
    let Some((role, sites)) = maker else {
        let detail = "who made the schedule is not here any more; make it anew";
        return Ok(Err(Problem::new(Code::Forbidden, detail)));
    };
    let own = row.sites().map_or(SiteScope::All, |sites| sites.into_iter().collect());
    let caller = speaking_for(row.id, role, sites.within(&own));
    Ok(caller.may(super::permission(row.work)).map(|()| caller))
}

fn speaking_for(id: ScheduleId, role: Role, sites: SiteScope) -> Caller {
    let principal = Principal { actor: Actor::Schedule(id), role, sites, session: None };
    Caller { principal, request_id: None }
}
