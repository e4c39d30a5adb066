//! Payment runs: choosing draws, previewing them, executing the run, looking outcomes up.

pub mod collect;
pub mod webhooks;

use crate::audit::{self, Action};
use crate::operations::{self, Control, NewOperation};
use crate::{App, Caller, Error, Result, Utility, accounts, real_time};
use payments::autopay::{Candidate, Decision, plan};
use payments::states::{self, DrawEvent, PaymentRunEvent};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::draws::{self, CandidateFilter, Chosen, Draw, DrawFilter, PaymentRun};
use store::queue::{NewChunk, Operation};
use store::{Cursor, Page, Tx};
use time::{Date, OffsetDateTime};
use vocab::{
    AccountId, BillId, Code, CycleId, DrawId, DrawState, Money, OperationKind, PaymentRunId, PaymentRunState,
    Problem, RunId, SiteId, TenderKind,
};

/// Draws of one chunk: few, since each may wait for a gateway while the chunk is leased.
const CHUNK_DRAWS: usize = 10;
/// The widest choice by account.
const ACCOUNTS_MAX: usize = 1000;

/// Which draws a run collects; what is absent does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFilter {
    /// Only this cycle.
    pub cycle_id: Option<CycleId>,
    /// Only bills of this bill run.
    pub run_id: Option<RunId>,
    /// Only these sites.
    pub site_ids: Option<Vec<SiteId>>,
    /// Only these accounts.
    pub account_ids: Option<Vec<AccountId>>,
    /// Only this kind of method.
    pub kind: Option<TenderKind>,
}

/// What a run would collect of one kind of method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// Card or bank debit.
    pub kind: TenderKind,
    /// How many draws.
    pub draws: i64,
    /// How much in all.
    pub amount: Money,
}

/// A run with the number and sum of its draws by state.
#[derive(Debug, Clone)]
pub struct RunView {
    /// The run.
    pub run: PaymentRun,
    /// Its draws by state.
    pub totals: Vec<(DrawState, i64, Money)>,
}

/// What is decided about one candidate, as of today.
pub(crate) fn candidate(row: &draws::Candidate, today: Date) -> Candidate {
    Candidate {
        bill: BillId::new(row.account_id, row.bill_id),
        draw_on: row.draw_on,
        bill_unpaid: row.unpaid_minor,
        balance: row.balance_minor,
        maximum: row.maximum_minor,
        autopay_on: row.autopay_on,
        method: row.method_state,
        held: row.held_until_on.is_some_and(|day| today <= day),
    }
}

fn choose(
    tx: &mut Tx<'_>,
    caller: &Caller,
    filter: &RunFilter,
    target_on: Date,
) -> Result<Vec<(draws::Candidate, Decision)>> {
    if filter.account_ids.as_ref().is_some_and(|ids| ids.len() > ACCOUNTS_MAX) {
        return Err(Problem::field("/account_ids", Code::FieldRange, "at most 1000 accounts").into());
    }
    let sites = match (filter.site_ids.clone(), caller.sites()) {
        (Some(asked), Some(own)) => Some(asked.into_iter().filter(|site| own.contains(site)).collect()),
        (asked, own) => asked.or(own),
    };
    let wanted = CandidateFilter {
        cycle: filter.cycle_id,
        bill_run: filter.run_id,
        sites,
        accounts: filter.account_ids.clone(),
        kind: filter.kind,
        draw: None,
        of_run: None,
    };
    let today = Utility::load(tx)?.day(tx.as_of());
    let as_of = tx.as_of();
    let rows = draws::candidates(tx, &wanted, target_on, as_of)?;
    let candidates: Vec<Candidate> = rows.iter().map(|row| candidate(row, today)).collect();
    let decisions = plan(&candidates, target_on);
    Ok(rows.into_iter().zip(decisions).collect())
}

/// What a run would collect, by kind of method; nothing is written.
pub fn preview(
    tx: &mut Tx<'_>,
    caller: &Caller,
    filter: &RunFilter,
    target_on: Date,
) -> Result<Vec<Planned>> {
    let mut all: Vec<Planned> = Vec::new();
    for (row, decision) in choose(tx, caller, filter, target_on)? {
        let Decision::Draw(amount) = decision else { continue };
        match all.iter_mut().find(|planned| planned.kind == row.kind) {
            Some(planned) => {
                planned.draws += 1;
                planned.amount = planned.amount.plus(amount)?;
            }
            None => all.push(Planned { kind: row.kind, draws: 1, amount }),
        }
    }
    all.sort_by_key(|planned| planned.kind);
    Ok(all)
}

/// Plans a run: takes its draws, so that no other run does.
pub fn create(tx: &mut Tx<'_>, caller: &Caller, filter: &RunFilter, target_on: Date) -> Result<RunView> {
    let chosen = choose(tx, caller, filter, target_on)?;
    let id = PaymentRunId(tx.new_id()?);
    let mut taken = Vec::new();
    let mut over = Vec::new();
    for (row, decision) in &chosen {
        let draw = Chosen { id: DrawId::new(row.account_id, row.id), version: row.version };
        match decision {
            Decision::Draw(amount) => taken.push((draw, *amount)),
            Decision::Skip(reason) if reason.is_final() => over.push((draw, reason.as_str())),
            Decision::Skip(_) => {}
        }
    }
    if taken.is_empty() {
        return Err(nothing_to_collect());
    }
    let run = PaymentRun {
        id,
        state: PaymentRunState::Planned,
        filter: serde_json::to_value(filter)?,
        target_on,
        operation_id: None,
        created_by: caller.actor(),
        created_at: tx.as_of(),
        version: 1,
    };
    draws::insert_run(tx, &run)?;
    let draws = draws::put_in_run(tx, id, &taken)?;
    if draws == 0 {
        return Err(nothing_to_collect());
    }
    draws::cancel(tx, &over)?;
    let after = Some(json!({ "draws": draws, "filter": filter }));
    let action = Action { action: "payment_run.plan", subject: id.to_string(), after, ..Action::default() };
    audit::record(tx, caller, action)?;
    let totals = draws::totals_of_run(tx, id)?;
    Ok(RunView { run, totals })
}

fn nothing_to_collect() -> Error {
    Problem::new(Code::EmptyScope, "no draw is to be collected by that day").into()
}

fn step(run: &PaymentRun, event: PaymentRunEvent) -> Result<PaymentRunState> {
    states::payment_run(run.state, event).map_err(|refused| {
        Problem::new(Code::WrongState, refused.to_string()).with("state", refused.state).into()
    })
}

/// Executes a planned run: files the work that collects it.
pub fn execute(tx: &mut Tx<'_>, caller: &Caller, id: PaymentRunId) -> Result<Operation> {
    let run = draws::lock_run(tx, id)?.ok_or_else(Problem::not_found)?;
    let state = step(&run, PaymentRunEvent::Start)?;
    let draws = draws::ids_of_run(tx, id)?;
    let items: Vec<i64> = draws.iter().map(|draw| draw.n).collect();
    let new = NewOperation {
        kind: OperationKind::PaymentRun,
        subject_id: Some(id.0),
        params: json!({}),
        chunks: items.chunks(CHUNK_DRAWS).map(NewChunk::from).collect(),
        total: None,
    };
    let operation = operations::file(tx, &caller.actor(), new)?;
    draws::set_run_state(tx, id, state, Some(operation.id))?;
    let action = Action { action: "payment_run.execute", subject: id.to_string(), ..Action::default() };
    audit::record(tx, caller, action)?;
    Ok(operation)
}

/// Gives a run up; its draws that no chunk has taken are free for another. Of a run that is
/// executed the chunks under way finish.
pub fn cancel(tx: &mut Tx<'_>, caller: &Caller, id: PaymentRunId) -> Result<RunView> {
    // The operation is locked before its run, as when it comes to its end.
    let work = draws::run(tx, id)?.and_then(|run| run.operation_id);
    let work = match work {
        Some(work) => store::queue::lock_operation(tx, work)?.filter(|work| !operations::is_over(work.state)),
        None => None,
    };
    let run = draws::lock_run(tx, id)?.ok_or_else(Problem::not_found)?;
    let state = step(&run, PaymentRunEvent::Cancel)?;
    match work {
        Some(work) => operations::steer(tx, caller, work.id, Control::Cancel)?,
        // Executed, or at its end, while the locks were waited for.
        None if run.state != PaymentRunState::Planned => {
            let detail = format!("the run is {}", run.state);
            return Err(Problem::new(Code::WrongState, detail).with("state", run.state).into());
        }
        None => {}
    }
    draws::set_run_state(tx, id, state, None)?;
    let action = Action { action: "payment_run.cancel", subject: id.to_string(), ..Action::default() };
    audit::record(tx, caller, action)?;
    let totals = draws::totals_of_run(tx, id)?;
    Ok(RunView { run: PaymentRun { state, version: run.version + 1, ..run }, totals })
}

/// Pauses, resumes or cancels the execution of a run, asked of its operation. A run that is paused
/// stays running: its draws wait.
pub(crate) fn control_work(
    tx: &mut Tx<'_>,
    caller: &Caller,
    operation: &Operation,
    what: Control,
) -> Result<()> {
    caller.may(access::Permission::PaymentRunsExecute)?;
    let id = PaymentRunId(operation.subject_id.unwrap_or_default());
    match what {
        Control::Pause | Control::Resume => operations::steer(tx, caller, operation.id, what),
        Control::Cancel => match store::queue::lock_operation(tx, operation.id)? {
            Some(work) if operations::is_over(work.state) => Err(operations::refused(work.state)),
            _ => cancel(tx, caller, id).map(drop),
        },
    }
}

/// The run comes to its end with its work.
pub(crate) fn finish(tx: &mut Tx<'_>, id: PaymentRunId) -> Result<()> {
    let run = draws::lock_run(tx, id)?.ok_or_else(Problem::not_found)?;
    let state = step(&run, PaymentRunEvent::Finish)?;
    Ok(draws::set_run_state(tx, id, state, None)?)
}

/// Moves a draw by the one table of states.
pub(crate) fn moved(draw: &Draw, event: DrawEvent) -> Result<DrawState> {
    states::draw(draw.state, event).map_err(|refused| {
        Problem::new(Code::WrongState, refused.to_string()).with("state", refused.state).into()
    })
}

/// Makes a failed draw ready for the next run, today.
pub fn retry(tx: &mut Tx<'_>, caller: &Caller, id: DrawId) -> Result<Draw> {
    let today = Utility::load(tx)?.day(tx.as_of());
    accounts::lock(tx, caller, id.owner)?;
    let draw = draws::lock(tx, id)?.ok_or_else(Problem::not_found)?;
    let state = moved(&draw, DrawEvent::Retry)?;
    let draw = Draw { state, draw_on: today, retry_on: None, payment_run_id: None, ..draw };
    draws::save(tx, &draw)?;
    let action = Action { action: "draw.retry", subject: id.to_string(), ..Action::default() };
    audit::record(tx, caller, action)?;
    Ok(Draw { version: draw.version + 1, ..draw })
}

impl App {
    /// A run with its totals.
    pub fn payment_run(&self, id: PaymentRunId) -> Result<RunView> {
        self.db().tx(|tx| {
            let run = draws::run(tx, id)?.ok_or_else(Problem::not_found)?;
            let totals = draws::totals_of_run(tx, id)?;
            Ok(RunView { run, totals })
        })
    }

    /// Runs, newest first.
    pub fn payment_runs(&self, after: Option<&Cursor>, limit: i64) -> Result<Page<PaymentRun>> {
        self.db().tx(|tx| Ok(draws::runs(tx, after, limit)?))
    }

    /// A list of draws, of the caller's sites.
    pub fn draws(
        &self,
        caller: &Caller,
        filter: DrawFilter,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<Draw>> {
        let filter = DrawFilter { sites: caller.sites(), ..filter };
        self.db().tx(|tx| Ok(draws::list(tx, &filter, after, limit)?))
    }

    /// One draw.
    pub fn draw(&self, caller: &Caller, id: DrawId) -> Result<Draw> {
        self.db().tx(|tx| {
            accounts::find(tx, caller, id.owner)?;
            Ok(draws::find(tx, id)?.ok_or_else(Problem::not_found)?)
        })
    }

    /// Looks up what became of a draw whose outcome is open; answers the draw as it is then.
    pub fn resolve_draw(&self, caller: &Caller, id: DrawId) -> Result<Draw> {
        let draw = self.draw(caller, id)?;
        if !matches!(draw.state, DrawState::Submitting | DrawState::Pending | DrawState::Unknown) {
            let detail = "only a draw whose outcome is open can be looked up";
            return Err(Problem::new(Code::WrongState, detail).with("state", draw.state).into());
        }
        self.look_draw_up(id)?;
        self.draw(caller, id)
    }

    /// Looks up every draw of a run whose outcome is open, those among them that a dead process
    /// left in the middle. One that cannot be looked up keeps no other waiting; the refusal is
    /// answered when none could be.
    pub fn resolve_run(&self, id: PaymentRunId) -> Result<RunView> {
        self.payment_run(id)?;
        let (mut looked_up, mut first_error) = (0_usize, None);
        for draw in self.open_draws(id)? {
            match self.look_draw_up(draw) {
                Ok(()) => looked_up += 1,
                Err(error @ Error::Store(store::Error::Unavailable(_))) => return Err(error),
                Err(error) => {
                    tracing::warn!(%draw, %error, "a draw could not be looked up");
                    first_error = first_error.or(Some(error));
                }
            }
        }
        match first_error {
            Some(error) if looked_up == 0 => Err(error),
            _ => self.payment_run(id),
        }
    }

    fn open_draws(&self, run: PaymentRunId) -> Result<Vec<DrawId>> {
        let now = real_time::now();
        let mut open = Vec::new();
        for state in [DrawState::Submitting, DrawState::Unknown, DrawState::Pending] {
            let filter = DrawFilter { run: Some(run), state: Some(state), ..DrawFilter::default() };
            let mut cursor = None;
            loop {
                let page =
                    self.db().tx(|tx| Ok::<_, Error>(draws::list(tx, &filter, cursor.as_ref(), 100)?))?;
                // What was submitted just now is somebody's: its answer is on the way.
                let left =
                    |draw: &&Draw| state != DrawState::Submitting || is_settled(draw.submitted_at, now);
                open.extend(page.items.iter().filter(left).map(Draw::draw_id));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
        }
        Ok(open)
    }
}

/// Whether a request made at `submitted_at` can no longer be under way.
pub(crate) fn is_settled(submitted_at: Option<OffsetDateTime>, now: OffsetDateTime) -> bool {
    submitted_at.is_none_or(|at| now - at > collect::UNDER_WAY)
}
