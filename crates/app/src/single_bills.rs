//! One account's bill, drafted and posted at once by the code of the runs: of a window, or off-cycle for the days
//! that are not billed yet.
//!
//! A bill of a window stands in the place of a run's: the account is in no live run of the window, and has one
//! bill there. An off-cycle bill belongs to no window; the next regular bill goes on after its days. A live run's
//! draft of the account is stale then.

use crate::audit::{self, Action};
use crate::bill_messages::Messages;
use crate::runs::inputs::{self, Reads};
use crate::runs::posting::{Ready, complete, write};
use crate::runs::totals::Of;
use crate::runs::{context, open_window};
use crate::{App, Caller, Error, Result, Utility, accounts, ledger};
use billing::{AccountInputs, Draft, RunContext, draft};
use serde_json::json;
use store::Tx;
use store::accounts::Account;
use store::bills::Bill;
use store::windows::Window;
use time::Date;
use vocab::dates::civil;
use vocab::{
    AccountId, BillId, Code, ContractId, CycleId, ItemState, Problem, Severity, WindowId, WindowState,
};

/// Which days are billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// Those of a window, as its runs would.
    Window(WindowId),
    /// All up to this day: an off-cycle bill.
    Through(Date),
}

/// A bill to make.
#[derive(Debug, Clone)]
pub struct NewBill {
    /// Which days.
    pub span: Span,
    /// Only these contracts; all of the account's when absent.
    pub contracts: Option<Vec<ContractId>>,
}

/// A draft that is kept nowhere.
#[derive(Debug, Clone)]
pub struct Drafted {
    /// Whose.
    pub account: AccountId,
    /// The days that stand for a window.
    pub window: Window,
    /// The draft.
    pub draft: Draft,
}

struct Made {
    account: Account,
    window: Window,
    context: RunContext,
    inputs: AccountInputs,
    draft: Draft,
}

/// What a bill would be now. Nothing is kept.
pub fn preview(tx: &mut Tx<'_>, caller: &Caller, id: AccountId, new: &NewBill) -> Result<Drafted> {
    let account = accounts::find(tx, caller, id)?;
    let made = make(tx, account, new, Reads::WithHistory)?;
    Ok(Drafted { account: id, window: made.window, draft: made.draft })
}

fn make(tx: &mut Tx<'_>, account: Account, new: &NewBill, reads: Reads) -> Result<Made> {
    let utility = Utility::load(tx)?;
    let today = utility.day(tx.as_of());
    let window = match new.span {
        Span::Window(id) => of_window(tx, &account, id)?,
        Span::Through(last_on) => between(tx, &account, last_on, today)?,
    };
    let context = context::build(tx, &utility, &window, None, today)?;
    let loaded = inputs::load(tx, &context, std::slice::from_ref(&account), reads, today)?;
    let mut inputs = loaded.into_iter().next().ok_or_else(Problem::not_found)?;
    if let Some(wanted) = &new.contracts {
        if let Some(at) = wanted.iter().position(|id| inputs.contract(*id).is_none()) {
            let detail = "no contract of the account that could be billed";
            return Err(Problem::field(format!("/contract_ids/{at}"), Code::UnknownReference, detail).into());
        }
        inputs.contracts.retain(|contract| wanted.contains(&contract.id));
    }
    let draft = draft(&context, &inputs);
    Ok(Made { account, window, context, inputs, draft })
}

/// The window, when the account may have a bill of its own there.
fn of_window(tx: &mut Tx<'_>, account: &Account, id: WindowId) -> Result<Window> {
    let window = open_window(tx, id)?;
    if window.cycle_id != account.cycle_id {
        let detail = "a window of the account's own cycle";
        return Err(Problem::field("/window_id", Code::FieldRange, detail).into());
    }
    if let Some(run) = store::runs::live_run_of(tx, account.account_id, id)? {
        return Err(Problem::new(Code::RunsOverlap, format!("the run “{}” holds the account", run.name))
            .with("run", run.id)
            .with("owner", run.owner)
            .with("accounts", 1)
            .into());
    }
    if let Some(bill) = store::bills::live_in_window(tx, account.account_id, id)? {
        let bill = BillId::new(account.account_id, bill);
        let detail = "the account has a bill in this window already";
        return Err(Problem::new(Code::AlreadyExists, detail).with("existing", bill).into());
    }
    Ok(window)
}

/// From the first day that is not charged through `last_on`, as a window.
fn between(tx: &mut Tx<'_>, account: &Account, last_on: Date, today: Date) -> Result<Window> {
    if last_on > today {
        let detail = format!("not after today, {}", civil::format(today));
        return Err(Problem::field("/through_on", Code::FieldRange, detail).into());
    }
    let contracts = store::billing_inputs::contracts(tx, &[account.account_id], None)?;
    let first = contracts.iter().filter_map(|row| match row.billed_through_on {
        Some(through_on) => through_on.next_day(),
        None => Some(row.starts_on),
    });
    let starts_on = first.min().map_or(last_on, |first_on| first_on.min(last_on));
    Ok(Window {
        id: WindowId(0),
        cycle_id: CycleId(account.cycle_id.0),
        starts_on,
        ends_on: last_on,
        accounting_on: today,
        bill_on: today,
        estimate_on: Some(last_on),
        state: WindowState::Open,
        closed_reason: None,
        version: 1,
    })
}

/// Drafts and posts a bill. Blocking flags are refused unless the caller says why they are released.
pub fn post(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: AccountId,
    new: &NewBill,
    released_because: Option<&str>,
) -> Result<Bill> {
    if let Some(reason) = released_because {
        ledger::check_reason(reason)
            .map_err(|_| Problem::field("/release_reason", Code::FieldRange, "1 to 500 characters"))?;
    }
    if let Span::Window(window) = new.span {
        // The window before the account; no run takes the account while its bill is made.
        accounts::find(tx, caller, id)?;
        store::windows::hold(tx, window)?;
    }
    let account = accounts::lock(tx, caller, id)?;
    store::billing_inputs::hold_points(tx, &[id])?;
    refuse_doubted(tx, id)?;
    // What is flagged is looked for in the history, as a test does.
    let Made { account, window, context, inputs, draft } = make(tx, account, new, Reads::WithHistory)?;
    check(&draft, released_because)?;
    let utility = Utility::load(tx)?;
    let messages = Messages::load(tx, &utility, &window)?;
    let (completed, behind, estimates) = complete(tx, &context, vec![Ready { account, inputs, draft }])?;
    if let Some(behind) = behind.into_iter().next() {
        let code = behind.reason_code.and_then(|code| code.parse().ok()).unwrap_or(Code::WrongState);
        return Err(Problem::new(code, behind.reason.unwrap_or_default()).into());
    }
    estimates.store(tx)?;
    let of = Of { run: None, window: context.window().id, test: None, is_posted: true };
    write(tx, of, &messages, &completed, &caller.actor())?;
    let (ready, completion) =
        completed.first().ok_or_else(|| Error::Fault("a bill came to nothing".to_owned()))?;
    let bill = completion.bill.id;
    let flags: Vec<_> = ready.draft.flags.iter().map(|flag| flag.code).collect();
    audit::record(
        tx,
        caller,
        Action {
            action: "bill.post",
            subject: bill.to_string(),
            after: Some(json!({ "ending_minor": completion.bill.ending.minor(), "flags": flags })),
            reason: released_because.map(str::to_owned),
            ..Action::default()
        },
    )?;
    Ok(store::bills::find(tx, id, bill.n)?.ok_or_else(Problem::not_found)?)
}

/// An estimate that a later read lies below is corrected first: to bill on from it would true it up, and the
/// correction once more.
fn refuse_doubted(tx: &mut Tx<'_>, id: AccountId) -> Result<()> {
    let doubting = store::rebill_proposals::doubting(tx, &[id])?;
    let Some((_, id)) = doubting.first() else { return Ok(()) };
    let detail = format!("the proposal {id} puts billed days in doubt; decide about it first");
    Err(Problem::new(Code::RebillProposed, detail).with("proposal", id).into())
}

/// Refuses a draft that may not be posted.
pub(crate) fn check(draft: &Draft, released_because: Option<&str>) -> Result<()> {
    if let Some(error) = draft.segments.iter().find_map(|segment| segment.error.as_ref()) {
        return Err(Problem::new(error.code, error.detail.clone()).into());
    }
    if draft.state != ItemState::Drafted {
        let why = draft.reason.as_ref().map_or("nothing is due", |reason| reason.code());
        let detail = format!("nothing is to be billed: {why}");
        return Err(Problem::new(Code::WrongState, detail).with("state", draft.state).into());
    }
    let blocking = draft.flags.iter().filter(|flag| flag.severity == Severity::Block);
    let codes: Vec<&str> = blocking.map(|flag| flag.code.as_str()).collect();
    if !codes.is_empty() && released_because.is_none() {
        let detail = format!("blocking flags: {}; say why they are released", codes.join(", "));
        return Err(Problem::field("/release_reason", Code::FieldRequired, detail).into());
    }
    Ok(())
}

impl App {
    /// What a bill would be now. Nothing is kept.
    pub fn preview_bill(&self, caller: &Caller, id: AccountId, new: &NewBill) -> Result<Drafted> {
        self.db().tx(|tx| preview(tx, caller, id, new))
    }
}
