//! The work of sending: mail by mail, each with transactions of its own around the call to the
//! outside.
//!
//! A delivery is marked as being sent, under the operation's name, before the mail leaves. Found
//! so when a chunk is begun again, no one knows whether it went: it has failed, and a person
//! decides. A mail that was certainly not taken is approved as before: the next sending has it. While the
//! mail server cannot be used at all the chunk is tried again, then the work stops, to be resumed. Only the holder of the chunk's lease sends for its accounts under that name.

use crate::worker::{Handler, Outcome};
use crate::{App, Error, Result, Utility};
use notifications::{
    Attachment, DeliveryEvent, EmailAddress, Line, MailId, Mailbox, OutgoingMail, SendOutcome, transition,
};
use serde_json::{Value, json};
use store::Tx;
use store::deliveries::{self, Delivery, Step};
use store::invoices;
use store::queue::Operation;
use vocab::{AccountId, Code, DeliveryId, DeliveryState, InvoiceRunId, Problem};

/// What is said of a sending that was cut off.
const INTERRUPTED: &str = "the sending was interrupted: it is not known whether it went";

/// Sends approved e-mail.
pub struct Sending;

impl Handler for Sending {
    fn run(&self, app: &App, tx: &mut Tx<'_>, operation: &Operation, items: &[i64]) -> Result<Outcome> {
        let run = operation.params["invoice_run"].as_i64().map(InvoiceRunId);
        let accounts: Vec<AccountId> = items.iter().copied().map(AccountId).collect();
        let utility = Utility::load(tx)?;
        let mark = operation.id.to_string();
        let mut failed = std::collections::BTreeMap::new();
        for left in deliveries::to_send(tx, &accounts, run, DeliveryState::Sending)? {
            if left.reason.as_deref() == Some(mark.as_str()) {
                move_on(app, &left, DeliveryEvent::Fail, Some(INTERRUPTED))?;
                failed.insert(left.account_id, note(&left, INTERRUPTED));
            }
        }
        for delivery in deliveries::to_send(tx, &accounts, run, DeliveryState::Approved)? {
            if let Some(why) = send_one(app, &utility, &delivery, &mark)? {
                failed.insert(delivery.account_id, note(&delivery, &why));
            }
        }
        let failures = i32::try_from(failed.len()).unwrap_or(i32::MAX);
        let done = i32::try_from(items.len()).unwrap_or(i32::MAX).saturating_sub(failures);
        let notes: Vec<String> = failed.into_values().collect();
        Ok(Outcome {
            done,
            failed: failures,
            note: (!notes.is_empty()).then(|| notes.join("; ")),
            ..Outcome::default()
        })
    }

    fn give_up(&self, _: &App, _: &mut Tx<'_>, _: &Operation, _: i64, _: &Error) -> Result<()> {
        // What was not sent stays approved; the next sending takes it up.
        Ok(())
    }

    fn stops_when_unavailable(&self) -> bool {
        true
    }

    fn finish(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation) -> Result<Value> {
        let progress = crate::operations::view(tx, operation.id)?.progress;
        Ok(json!({ "accounts_done": progress.done, "accounts_failed": progress.failed }))
    }
}

fn note(delivery: &Delivery, why: &str) -> String {
    let id = DeliveryId::new(delivery.account_id, delivery.id);
    format!("{id} {}: {}", Code::DeliveryFailed, why.replace(';', ","))
}

/// Sends one; answers why it did not go.
fn send_one(app: &App, utility: &Utility, delivery: &Delivery, mark: &str) -> Result<Option<String>> {
    let mailer = app.mailer()?;
    let mail = match mail(app, utility, delivery) {
        Ok(mail) => mail,
        // What can never become a mail fails; a store that is away lets the chunk be done again.
        Err(Error::Refused(problem)) if problem.code != Code::Unavailable => {
            if !move_on(app, delivery, DeliveryEvent::Send, Some(mark))? {
                return Ok(None);
            }
            let sending = Delivery { state: DeliveryState::Sending, ..delivery.clone() };
            move_on(app, &sending, DeliveryEvent::Fail, Some(&problem.detail))?;
            return Ok(Some(problem.detail));
        }
        Err(error) => return Err(error),
    };
    if !move_on(app, delivery, DeliveryEvent::Send, Some(mark))? {
        // Another sending has it.
        return Ok(None);
    }
    let outcome = mailer.send(&mail);
    let said = match &outcome {
        SendOutcome::Sent { response } => response,
        SendOutcome::Refused { reason, .. } => reason,
        SendOutcome::Away { why } | SendOutcome::Unknown { why } => why,
    };
    let sending = Delivery { state: DeliveryState::Sending, ..delivery.clone() };
    move_on(app, &sending, outcome.event(), Some(said))?;
    match &outcome {
        SendOutcome::Sent { .. } => Ok(None),
        // None of the others would go either: they wait, and this one with them.
        SendOutcome::Away { why } => Err(away(why)),
        SendOutcome::Refused { .. } | SendOutcome::Unknown { .. } => Ok(Some(said.clone())),
    }
}

fn away(why: &str) -> Error {
    Problem::new(Code::Unavailable, format!("the mail server cannot be used: {why}")).into()
}

/// One step in a transaction of its own; `false` when the delivery is no longer where it was.
fn move_on(app: &App, delivery: &Delivery, event: DeliveryEvent, reason: Option<&str>) -> Result<bool> {
    let to = transition(delivery.state, event).map_err(Problem::from)?;
    app.db().tx(|tx| {
        let at = tx.as_of();
        let step = Step { from: delivery.state, to, reason, approved_by: None, address: None, at };
        Ok(deliveries::step(tx, delivery.account_id, delivery.id, &step)?)
    })
}

/// The mail of a delivery: its message, with the invoice's PDF when it is about one.
fn mail(app: &App, utility: &Utility, delivery: &Delivery) -> Result<OutgoingMail> {
    let unfit = |what: &str| Problem::new(Code::DeliveryFailed, what.to_owned()).with("reason", what);
    let (message, document) = app.db().tx(|tx| {
        let message = match delivery.message_id {
            Some(id) => invoices::message(tx, delivery.account_id, id)?,
            None => None,
        };
        let message = message.ok_or_else(|| unfit("the delivery has no message"))?;
        let Some(id) = delivery.invoice_id else { return Ok((message, None)) };
        let invoice = invoices::find(tx, delivery.account_id, id)?.ok_or_else(Problem::not_found)?;
        let account = store::accounts::find(tx, delivery.account_id)?.ok_or_else(Problem::not_found)?;
        let number = invoices::bill_number(tx, delivery.account_id, invoice.bill_id)?.unwrap_or_default();
        Ok::<_, Error>((message, Some((invoice.document_key, format!("{}-{number}.pdf", account.number)))))
    })?;
    let mut attachments = Vec::new();
    if let Some((key, name)) = document {
        attachments.push(Attachment {
            file_name: Line::of(&name),
            media_type: "application/pdf".to_owned(),
            bytes: app.document(&key)?,
        });
    }
    let settings = &utility.settings;
    let from: EmailAddress = settings
        .contact_email
        .parse()
        .map_err(|_| unfit("the utility's own e-mail address is not usable"))?;
    let to: EmailAddress = delivery.address.parse().map_err(|_| unfit("the e-mail address is not usable"))?;
    Ok(OutgoingMail {
        message_id: MailId::from(DeliveryId::new(delivery.account_id, delivery.id)),
        from: Mailbox { name: Line::of(&settings.utility_name), address: from },
        to: Mailbox { name: Line::of(""), address: to },
        subject: Line::of(&message.subject),
        text: message.body_text,
        html: message.body_html,
        attachments,
        language: message.language,
    })
}
