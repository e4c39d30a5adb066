//! Collecting draws: a transaction before the gateway is asked, one after, none while it is.
//!
//! Before: the draw is `submitting` and its key is stored. After: the outcome is posted. A
//! process that dies in between leaves the draw `submitting`; whoever comes next looks it up and
//! never asks again before it knows. A key is made of the draw, the try and the amount: the same
//! wish always carries the same key.

use super::{candidate, control_work, is_settled, moved};
use crate::operations::Control;
use crate::payments::{Collected, post_collected};
use crate::worker::{Handler, Outcome};
use crate::{App, Caller, Error, Result, Utility, notices, real_time};
use ::payments::autopay::{Decision, decide};
use ::payments::gateway::{
    ChargeOutcome, ChargeRequest, Declined, Gateway, IdempotencyKey, Instrument, LookUp, LookUpRequest,
    Reference,
};
use ::payments::retry::{Decline, DeclineKind, Next, RetryPolicy, after_decline};
use ::payments::states::DrawEvent;
use notifications::{AfterFailure, AutopayFailed, Line, Notice};
use serde_json::{Value, json};
use std::sync::Arc;
use store::Tx;
use store::accounts::Account;
use store::draws::{self, CandidateFilter, Draw};
use store::payments::Payment;
use store::queue::Operation;
use time::Duration;
use vocab::{BillId, DrawId, DrawState, Money, PaymentRunId, Problem};

/// How long a request can be under way at most: longer than any adapter waits.
pub const UNDER_WAY: Duration = Duration::minutes(2);

/// The work of a payment run; items are row ids of its draws.
pub struct Collect;

impl Handler for Collect {
    fn run(&self, app: &App, tx: &mut Tx<'_>, operation: &Operation, items: &[i64]) -> Result<Outcome> {
        let run = PaymentRunId(operation.subject_id.unwrap_or_default());
        let ids = draws::of_run(tx, run, items)?;
        let mut outcome = Outcome::default();
        let mut notes = Vec::new();
        for id in ids {
            let draw = app.collect(id, &operation.created_by)?;
            if matches!(draw.state, DrawState::Failed | DrawState::Unknown) {
                outcome.failed += 1;
                notes.push(format!("{id}: {} {}", draw.state, draw.reason_code.unwrap_or_default()));
            } else {
                outcome.done += 1;
            }
        }
        outcome.note = if notes.is_empty() { None } else { Some(notes.join("; ")) };
        Ok(outcome)
    }

    fn give_up(&self, _: &App, _: &mut Tx<'_>, _: &Operation, _: i64, _: &Error) -> Result<()> {
        // The draw stays as its own transactions left it: planned, or to be looked up.
        Ok(())
    }

    fn finish(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation) -> Result<Value> {
        let run = PaymentRunId(operation.subject_id.unwrap_or_default());
        super::finish(tx, run)?;
        let totals = draws::totals_of_run(tx, run)?;
        let by_state: serde_json::Map<String, Value> = totals
            .into_iter()
            .map(|(state, draws, amount)| {
                (state.to_string(), json!({ "draws": draws, "amount_minor": amount.minor() }))
            })
            .collect();
        Ok(Value::Object(by_state))
    }

    fn control(&self, tx: &mut Tx<'_>, caller: &Caller, operation: &Operation, what: Control) -> Result<()> {
        control_work(tx, caller, operation, what)
    }
}

/// What is to be asked of the gateway about a draw.
enum Ask {
    Nothing(Box<Draw>),
    Charge(Box<ChargeRequest>, Arc<dyn Gateway>),
    LookUp,
}

impl App {
    /// Collects one draw, or finds out what became of it.
    fn collect(&self, id: DrawId, actor: &str) -> Result<Draw> {
        match self.db().tx(|tx| self.submit(tx, id))? {
            Ask::Nothing(draw) => Ok(*draw),
            Ask::LookUp => {
                self.look_draw_up(id)?;
                self.db().tx(|tx| draws::find(tx, id)?.ok_or_else(|| Problem::not_found().into()))
            }
            Ask::Charge(request, gateway) => {
                let outcome = gateway.charge(&request);
                let told = Told { key: Some(request.key.as_str()), outcome: &outcome, looked_up: false };
                self.db().tx(|tx| settle(tx, id, &told, actor))
            }
        }
    }

    /// Before: decides from the balance of now, stores key and amount.
    fn submit(&self, tx: &mut Tx<'_>, id: DrawId) -> Result<Ask> {
        store::accounts::lock(tx, &[id.owner])?;
        let draw = draws::lock(tx, id)?.ok_or_else(Problem::not_found)?;
        match draw.state {
            DrawState::Planned => {}
            DrawState::Submitting => return Ok(Ask::LookUp),
            _ => return Ok(Ask::Nothing(Box::new(draw))),
        }
        let utility = Utility::load(tx)?;
        let today = utility.day(tx.as_of());
        let filter = CandidateFilter {
            accounts: Some(vec![id.owner]),
            draw: Some(id.n),
            of_run: draw.payment_run_id,
            ..CandidateFilter::default()
        };
        let as_of = tx.as_of();
        let rows = draws::candidates(tx, &filter, today, as_of)?;
        let Some(row) = rows.into_iter().next() else { return Ok(Ask::Nothing(Box::new(draw))) };
        // A run may be planned for a day to come: nothing is drawn before the draw's own day.
        let decision = decide(&candidate(&row, today), today);
        let amount = match decision {
            Decision::Draw(amount) => amount,
            Decision::Skip(reason) => {
                let state = if reason.is_final() { moved(&draw, DrawEvent::Cancel)? } else { draw.state };
                let reason_code = Some(reason.as_str().to_owned());
                return Ok(Ask::Nothing(Box::new(saved(tx, Draw { state, reason_code, ..draw })?)));
            }
        };
        let Some(gateway) = self.gateway(row.gateway) else {
            let reason = format!("no {} gateway is configured here", row.gateway);
            let reason_code = Some("gateway_not_configured".to_owned());
            return Ok(Ask::Nothing(Box::new(saved(
                tx,
                Draw { reason_code, reason: Some(reason), ..draw },
            )?)));
        };
        let key: IdempotencyKey = format!("{id}-{}-{}", draw.attempts + 1, amount.minor())
            .parse()
            .map_err(|error: ::payments::gateway::BadKey| Error::Fault(error.to_string()))?;
        draws::remember(tx, key.as_str(), id, Some(amount))?;
        let state = moved(&draw, DrawEvent::Submit)?;
        saved(
            tx,
            Draw {
                state,
                amount_minor: Some(amount),
                idempotency_key: Some(key.as_str().to_owned()),
                gateway_reference: None,
                submitted_at: Some(real_time::now()),
                ..draw
            },
        )?;
        let request = charge_request(&utility, &row, key, amount);
        Ok(Ask::Charge(Box::new(request), gateway.clone()))
    }

    /// Looks a draw up at its gateway and posts what is found. Moves no money itself.
    pub(crate) fn look_draw_up(&self, id: DrawId) -> Result<()> {
        let (request, gateway, submitted_at) = self.db().tx(|tx| {
            let draw = draws::find(tx, id)?.ok_or_else(Problem::not_found)?;
            let method = vocab::PaymentMethodId::new(id.owner, draw.method_id);
            let method = store::payment_methods::find(tx, method)?.ok_or_else(Problem::not_found)?;
            let key = draw.idempotency_key.clone().unwrap_or_default();
            let key = key.parse().map_err(|_| Error::Fault(format!("{id} was submitted without a key")))?;
            let gateway = self.gateway(method.gateway).cloned().ok_or_else(|| {
                Problem::new(vocab::Code::GatewayUnavailable, "the method's gateway is not configured here")
            })?;
            let instrument = instrument(&method.customer_token, &method.method_token);
            let reference = draw.gateway_reference.map(Reference);
            Ok::<_, Error>((LookUpRequest { key, instrument, reference }, gateway, draw.submitted_at))
        })?;
        let found = gateway.look_up(&request);
        let key = request.key.as_str();
        self.db().tx(|tx| match found {
            LookUp::Found(outcome) => {
                let told = Told { key: Some(key), outcome: &outcome, looked_up: true };
                settle(tx, id, &told, "system").map(drop)
            }
            LookUp::NotFound if is_settled(submitted_at, real_time::now()) => found_nothing(tx, id, key),
            LookUp::NotFound => lose_track(tx, id, key, "the gateway has not heard of it yet"),
            LookUp::StillUnknown { why } => lose_track(tx, id, key, &why),
        })
    }
}

fn instrument(customer: &str, method: &str) -> Instrument {
    let customer = Some(customer.to_owned()).filter(|token| !token.is_empty());
    Instrument { customer, method: method.to_owned() }
}

fn charge_request(
    utility: &Utility,
    row: &draws::Candidate,
    key: IdempotencyKey,
    amount: Money,
) -> ChargeRequest {
    ChargeRequest {
        key,
        amount,
        currency: utility.currency,
        instrument: instrument(&row.customer_token, &row.method_token),
        description: format!("{}, bill {}", utility.settings.utility_name, row.bill_number),
        metadata: vec![
            ("bill".to_owned(), BillId::new(row.account_id, row.bill_id).to_string()),
            ("account_number".to_owned(), row.number.to_string()),
        ],
    }
}

fn saved(tx: &mut Tx<'_>, draw: Draw) -> Result<Draw> {
    draws::save(tx, &draw)?;
    Ok(Draw { version: draw.version + 1, ..draw })
}

fn locked(tx: &mut Tx<'_>, id: DrawId) -> Result<(Account, Draw)> {
    let account = store::accounts::lock(tx, &[id.owner])?.pop().ok_or_else(Problem::not_found)?;
    let draw = draws::lock(tx, id)?.ok_or_else(Problem::not_found)?;
    Ok((account, draw))
}

/// What was told about a request.
pub(crate) struct Told<'a> {
    /// The key that it was made with; none when that is not known.
    pub(crate) key: Option<&'a str>,
    /// What became of it.
    pub(crate) outcome: &'a ChargeOutcome,
    /// Whether a look-up found it.
    pub(crate) looked_up: bool,
}

impl Told<'_> {
    /// Whether it is about the draw's last request.
    pub(crate) fn is_about_last(&self, draw: &Draw) -> bool {
        self.key.is_some() && self.key == draw.idempotency_key.as_deref()
    }

    fn event(&self, state: DrawState) -> DrawEvent {
        match (self.outcome, self.looked_up) {
            (ChargeOutcome::Succeeded { .. }, _) => match state {
                DrawState::Submitting | DrawState::Pending => DrawEvent::Succeed,
                DrawState::Unknown => DrawEvent::FoundSucceeded,
                _ => DrawEvent::SucceedLate,
            },
            (ChargeOutcome::Pending { .. }, true) => DrawEvent::FoundPending,
            (ChargeOutcome::Pending { .. }, false) => DrawEvent::Await,
            (ChargeOutcome::Declined(_), true) => DrawEvent::FoundDeclined,
            (ChargeOutcome::Declined(_), false) => DrawEvent::Decline,
            (ChargeOutcome::NotTaken { .. }, _) => DrawEvent::NotTaken,
            (ChargeOutcome::Unknown { .. }, _) => DrawEvent::LoseTrack,
        }
    }
}

/// After: posts the outcome of a charge, or of a look-up.
///
/// What is told about an earlier try, and what the table of states does not allow any more (a
/// webhook was faster, an answer came twice), changes nothing: but money that was collected is
/// always posted, whatever the draw has become.
pub(crate) fn settle(tx: &mut Tx<'_>, id: DrawId, told: &Told<'_>, actor: &str) -> Result<Draw> {
    let (account, mut draw) = locked(tx, id)?;
    let is_last = told.is_about_last(&draw);
    // A look-up of a draw that a dead process left behind: first it is nobody's any more.
    if is_last && told.looked_up && draw.state == DrawState::Submitting {
        draw.state = moved(&draw, DrawEvent::LoseTrack)?;
    }
    let outcome = told.outcome;
    if let ChargeOutcome::Succeeded { reference } = outcome {
        let is_open = matches!(draw.state, DrawState::Submitting | DrawState::Pending | DrawState::Unknown);
        return match moved(&draw, told.event(draw.state)) {
            // A newer try is under way: its own outcome decides about the draw.
            Ok(state) if is_last || !is_open => {
                succeeded(tx, account, Draw { state, ..draw }, (reference, told.key), actor)
            }
            _ => {
                post_charge(tx, account, &draw, (reference, told.key), actor)?;
                Ok(draw)
            }
        };
    }
    let Ok(state) = moved(&draw, told.event(draw.state)) else { return Ok(draw) };
    if !is_last {
        return Ok(draw);
    }
    draw.state = state;
    match outcome {
        ChargeOutcome::Succeeded { .. } => Ok(draw),
        ChargeOutcome::Pending { reference } => {
            draws::remember(tx, &reference.0, id, draw.amount_minor)?;
            saved(tx, Draw { gateway_reference: Some(reference.0.clone()), ..draw })
        }
        ChargeOutcome::Declined(declined) => failed(tx, account, draw, declined),
        ChargeOutcome::NotTaken { why } | ChargeOutcome::Unknown { why } => {
            tracing::warn!(draw = %id, state = %state, why, "a draw was not decided");
            let reason_code = Some(if state == DrawState::Unknown { "unknown" } else { "not_taken" });
            let reason_code = reason_code.map(str::to_owned);
            saved(tx, Draw { reason_code, reason: Some(why.clone()), ..draw })
        }
    }
}

/// A charge by the gateway's name and, where it is told, by our key.
type Charge<'a> = (&'a Reference, Option<&'a str>);

fn succeeded(tx: &mut Tx<'_>, account: Account, draw: Draw, charge: Charge<'_>, actor: &str) -> Result<Draw> {
    store::payment_methods::set_failures(tx, account.account_id, 0)?;
    let payment = post_charge(tx, account, &draw, charge, actor)?;
    saved(
        tx,
        Draw {
            gateway_reference: Some(charge.0.0.clone()),
            amount_minor: Some(payment.amount_minor),
            payment_id: Some(payment.id),
            reason_code: None,
            reason: None,
            retry_on: None,
            ..draw
        },
    )
}

/// Posts a charge once, for what was asked under its key: a newer try may have asked for another
/// amount.
fn post_charge(
    tx: &mut Tx<'_>,
    account: Account,
    draw: &Draw,
    (reference, key): Charge<'_>,
    actor: &str,
) -> Result<Payment> {
    let id = draw.draw_id();
    let utility = Utility::load(tx)?;
    let method = vocab::PaymentMethodId::new(id.owner, draw.method_id);
    let method = store::payment_methods::find(tx, method)?.ok_or_else(Problem::not_found)?;
    let asked = draws::asked(tx, key.unwrap_or(&reference.0))?;
    let amount = asked.or(draw.amount_minor).ok_or_else(|| Error::Fault(format!("{id} has no amount")))?;
    draws::remember(tx, &reference.0, id, Some(amount))?;
    let collected = Collected {
        kind: method.kind,
        amount,
        gateway: method.gateway.as_str(),
        gateway_reference: &reference.0,
        reference: Some(method.label),
        actor: actor.to_owned(),
    };
    post_collected(tx, &utility, account, collected)
}

fn failed(tx: &mut Tx<'_>, account: Account, draw: Draw, declined: &Declined) -> Result<Draw> {
    let id = draw.draw_id();
    let utility = Utility::load(tx)?;
    let today = utility.day(tx.as_of());
    let failures = account.autopay_failures.saturating_add(1);
    let attempts = draw.attempts.saturating_add(1);
    let decline = Decline {
        kind: if declined.kind == DeclineKind::Hard { DeclineKind::Hard } else { DeclineKind::Soft },
        attempts: u16::try_from(attempts).unwrap_or(u16::MAX),
        failures_in_a_row: u16::try_from(failures).unwrap_or(u16::MAX),
        declined_on: today,
    };
    let after = after_decline(&RetryPolicy::default(), &decline, &utility.holidays);
    if after.switches_off {
        store::payment_methods::switch_autopay_off(tx, id.owner)?;
    } else {
        store::payment_methods::set_failures(tx, id.owner, failures)?;
    }
    let (retry_on, next) = match after.next {
        Next::RetryOn(retry_on) => (Some(retry_on), AfterFailure::Retry { retry_on }),
        Next::GiveUp(_) if after.switches_off => (None, AfterFailure::SwitchedOff),
        Next::GiveUp(_) => (None, AfterFailure::Pay),
    };
    let bill = draws::bill_of(tx, id.owner, draw.bill_id)?;
    let notice = Notice::AutopayFailed(AutopayFailed {
        bill: Line::of(&bill.0.to_string()),
        amount: draw.amount_minor.unwrap_or_default(),
        tried_on: today,
        due_on: bill.1,
        next,
        link: None,
    });
    notices::queue(tx, &utility, &account, &notice)?;
    if let Some(reference) = &declined.reference {
        draws::remember(tx, &reference.0, id, draw.amount_minor)?;
    }
    saved(
        tx,
        Draw {
            attempts,
            retry_on,
            gateway_reference: declined.reference.as_ref().map(|reference| reference.0.clone()),
            reason_code: Some(declined.reason.clone()),
            reason: Some(declined.message.clone()),
            ..draw
        },
    )
}

/// The gateway surely has no such charge: the draw may be taken again.
fn found_nothing(tx: &mut Tx<'_>, id: DrawId, key: &str) -> Result<()> {
    let (_, mut draw) = locked(tx, id)?;
    if draw.idempotency_key.as_deref() != Some(key) {
        return Ok(());
    }
    if draw.state == DrawState::Submitting {
        draw.state = moved(&draw, DrawEvent::LoseTrack)?;
    }
    let Ok(state) = moved(&draw, DrawEvent::FoundNothing) else { return Ok(()) };
    let reason_code = Some("not_found".to_owned());
    saved(tx, Draw { state, reason_code, reason: None, ..draw }).map(drop)
}

/// Nothing could be learned: the draw waits for another look-up.
fn lose_track(tx: &mut Tx<'_>, id: DrawId, key: &str, why: &str) -> Result<()> {
    let (_, draw) = locked(tx, id)?;
    if draw.idempotency_key.as_deref() != Some(key) {
        return Ok(());
    }
    let Ok(state) = moved(&draw, DrawEvent::LoseTrack) else { return Ok(()) };
    let (reason_code, reason) = (Some("unknown".to_owned()), Some(why.to_owned()));
    saved(tx, Draw { state, reason_code, reason, ..draw }).map(drop)
}
