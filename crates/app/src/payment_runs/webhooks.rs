//! What gateways tell of their own accord. Repetitions are told by the event's id; disorder is
//! harmless because a draw moves by its table of states alone.
//!
//! A refund of less than the whole charge is kept and left to staff: a payment is reversed
//! whole or not at all.

use super::collect::{Told, settle};
use crate::payments::reverse_locked;
use crate::{App, Error, Result, real_time};
use ::payments::gateway::{ChargeOutcome, EventKind, GatewayEvent, Reference};
use connectors::gateway::stripe::WebhookRefused;
use store::Tx;
use store::draws::{self, EventRow};
use vocab::{Code, DrawId, DrawState, GatewayKind, Money, PaymentState, Problem};

/// What is to be done after an event's transaction.
enum Then {
    Nothing,
    LookUp(DrawId),
}

impl App {
    /// Takes an event of the Stripe-compatible gateway; its signature is the only authority.
    pub fn take_stripe_event(&self, signature: &str, body: &[u8]) -> Result<()> {
        let Some(check) = self.webhook_check() else {
            return Err(Problem::not_found().into());
        };
        let event = check.receive(signature, body, real_time::now()).map_err(|refused| match refused {
            WebhookRefused::Unreadable => Problem::new(Code::MalformedBody, refused.to_string()),
            _ => Problem::new(Code::Unauthenticated, refused.to_string()),
        })?;
        self.take_gateway_event(GatewayKind::Stripe, &event)
    }

    fn take_gateway_event(&self, gateway: GatewayKind, event: &GatewayEvent) -> Result<()> {
        let row = |outcome: &str| EventRow {
            gateway: gateway.to_string(),
            event_id: event.id.clone(),
            received_at: real_time::now(),
            kind: word(&event.kind).to_owned(),
            reference: event.reference.as_ref().map(|reference| reference.0.clone()),
            outcome: outcome.to_owned(),
        };
        let then = self.db().tx(|tx| {
            if !draws::keep_event(tx, &row("taken"))? {
                return Ok::<_, Error>(Then::Nothing);
            }
            let (outcome, then) = apply(tx, gateway, event)?;
            match then {
                Then::Nothing => draws::set_event_outcome(tx, gateway.as_str(), &event.id, outcome)?,
                // What asks for a look-up is kept after it: until then the gateway may tell it again.
                Then::LookUp(_) => draws::forget_event(tx, gateway.as_str(), &event.id)?,
            }
            Ok(then)
        })?;
        let Then::LookUp(id) = then else { return Ok(()) };
        self.look_draw_up(id)?;
        self.db().tx(|tx| {
            let draw = draws::find(tx, id)?.ok_or_else(Problem::not_found)?;
            if draw.state == DrawState::Unknown {
                let detail = "nothing could be learned of the charge; send it again";
                return Err(Problem::new(Code::Unavailable, detail).into());
            }
            draws::keep_event(tx, &row("looked_up"))?;
            Ok(())
        })
    }
}

fn word(kind: &EventKind) -> &str {
    match kind {
        EventKind::ChargeSucceeded { .. } => "charge_succeeded",
        EventKind::ChargePending => "charge_pending",
        EventKind::ChargeFailed(_) => "charge_failed",
        EventKind::Refunded { .. } => "refunded",
        EventKind::Disputed { .. } => "disputed",
        EventKind::Other { word } => word,
    }
}

fn apply(tx: &mut Tx<'_>, gateway: GatewayKind, event: &GatewayEvent) -> Result<(&'static str, Then)> {
    let outcome = match &event.kind {
        EventKind::ChargeSucceeded { .. } | EventKind::ChargePending => {
            let Some(reference) = event.reference.clone() else { return Ok(("no_reference", Then::Nothing)) };
            if matches!(event.kind, EventKind::ChargePending) {
                ChargeOutcome::Pending { reference }
            } else {
                ChargeOutcome::Succeeded { reference }
            }
        }
        EventKind::ChargeFailed(declined) => ChargeOutcome::Declined(declined.clone()),
        EventKind::Refunded { amount } => return money_back(tx, gateway, event, *amount, "refunded"),
        EventKind::Disputed { amount, reason } => return money_back(tx, gateway, event, *amount, reason),
        EventKind::Other { .. } => return Ok(("not_ours", Then::Nothing)),
    };
    let Some(id) = draw_of(tx, event)? else { return Ok(("no_such_draw", Then::Nothing)) };
    store::accounts::lock(tx, &[id.owner])?;
    let draw = draws::lock(tx, id)?.ok_or_else(Problem::not_found)?;
    let reference = event.reference.as_ref().map(|reference| &reference.0);
    let key = match &event.key {
        Some(key) => Some(key.as_str()),
        // The gateway's own name tells the try as well.
        None if reference.is_some() && reference == draw.gateway_reference.as_ref() => {
            draw.idempotency_key.as_deref()
        }
        None => None,
    };
    let told = Told { key, outcome: &outcome, looked_up: false };
    let is_last = told.is_about_last(&draw);
    if draw.state == DrawState::Unknown && is_last {
        return Ok(("looked_up", Then::LookUp(id)));
    }
    let after = settle(tx, id, &told, "system")?;
    let word = match (&outcome, is_last) {
        (ChargeOutcome::Succeeded { .. }, _) if after.state != draw.state => "settled",
        // Of an earlier try, of a withdrawn draw, or told again: posted once by its reference.
        (ChargeOutcome::Succeeded { .. }, _) => "posted",
        (_, false) => "earlier_try",
        (_, true) if after.state != draw.state => "settled",
        (_, true) => "no_change",
    };
    Ok((word, Then::Nothing))
}

fn draw_of(tx: &mut Tx<'_>, event: &GatewayEvent) -> Result<Option<DrawId>> {
    if let Some(key) = &event.key
        && let Some(id) = draws::id_by_reference(tx, key.as_str())?
    {
        return Ok(Some(id));
    }
    match &event.reference {
        Some(Reference(reference)) => Ok(draws::id_by_reference(tx, reference)?),
        None => Ok(None),
    }
}

/// The money of a charge went back: its payment is reversed.
fn money_back(
    tx: &mut Tx<'_>,
    gateway: GatewayKind,
    event: &GatewayEvent,
    amount: Money,
    reason: &str,
) -> Result<(&'static str, Then)> {
    let Some(Reference(reference)) = &event.reference else { return Ok(("no_reference", Then::Nothing)) };
    let Some(tender) = store::payments::tender_by_gateway(tx, gateway.as_str(), reference)? else {
        // Of a charge of ours whose success is not posted yet: the gateway is to tell again.
        if draws::id_by_reference(tx, reference)?.is_some() {
            return Err(Problem::new(Code::Unavailable, "the charge is not posted yet; send it again").into());
        }
        return Ok(("no_such_charge", Then::Nothing));
    };
    if amount < tender.amount_minor {
        tracing::warn!(reference, "a part of a charge went back; staff have to adjust the account");
        return Ok(("partial_left_to_staff", Then::Nothing));
    }
    for payment in store::payments::of_tender(tx, tender.id)? {
        store::accounts::lock(tx, &[payment.account_id])?;
        let id = vocab::PaymentId::new(payment.account_id, payment.id);
        let payment = store::payments::find(tx, id)?.ok_or_else(Problem::not_found)?;
        if payment.state == PaymentState::Posted {
            reverse_locked(tx, payment, reason)?;
        }
    }
    Ok(("reversed", Then::Nothing))
}
