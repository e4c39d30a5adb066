//! Saying something to a customer: composed in the account's language, queued with its cause.

use crate::{Error, Result, Utility};
use notifications::{EmailAddress, Line, Notice, Reader, Sender, Texts, compose};
use std::sync::LazyLock;
use store::Tx;
use store::accounts::Account;
use store::deliveries::Delivery;
use store::invoices::Message;
use vocab::{Channel, DeliveryState, PersonRole};

static TEXTS: LazyLock<std::result::Result<Texts, notifications::BadTexts>> = LazyLock::new(Texts::built_in);

/// Composes a notice for the main customer and queues it; sent only when there is an address.
pub(crate) fn queue(tx: &mut Tx<'_>, utility: &Utility, account: &Account, notice: &Notice) -> Result<()> {
    let texts = TEXTS.as_ref().map_err(|error| Error::Fault(error.to_string()))?;
    let links = store::accounts::account_persons(tx, &[account.account_id])?;
    let main = links.iter().find(|link| link.role == PersonRole::MainCustomer);
    let person = match main {
        Some(link) => store::accounts::person(tx, link.person_id)?,
        None => None,
    };
    let settings = &utility.settings;
    let sender = Sender {
        utility: Line::of(&settings.utility_name),
        contact: Line::of(&settings.contact_phone),
        currency: utility.currency,
    };
    let reader = Reader {
        name: Line::of(person.as_ref().map_or("", |person| &person.name)),
        account_number: account.number,
        language: account.language.clone(),
        second_language: settings.second_language.as_deref().and_then(|tag| tag.parse().ok()),
    };
    let composed = compose(texts, notice, &sender, &reader);
    let message = Message {
        account_id: account.account_id,
        id: tx.new_id()?,
        person_id: person.as_ref().map(|person| person.id),
        kind: notice.kind(),
        language: composed.language,
        subject: composed.subject.as_str().to_owned(),
        body_text: composed.text,
        body_html: composed.html,
        created_at: tx.as_of(),
    };
    let address = person.and_then(|person| person.email).filter(|text| text.parse::<EmailAddress>().is_ok());
    store::invoices::insert_messages(tx, std::slice::from_ref(&message))?;
    let Some(address) = address else { return Ok(()) };
    let delivery = Delivery {
        account_id: account.account_id,
        id: tx.new_id()?,
        invoice_id: None,
        message_id: Some(message.id),
        bill_id: None,
        channel: Channel::Email,
        address,
        state: DeliveryState::Approved,
        attempts: 0,
        reason: None,
        approved_by: Some("system".to_owned()),
        state_at: tx.as_of(),
        version: 1,
    };
    Ok(store::deliveries::insert(tx, &[delivery])?)
}
