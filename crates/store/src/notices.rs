//! Messages composed for persons, and their sendings.

use crate::schema::{deliveries, messages};
use crate::{Result, Tx};
use diesel::prelude::*;
use time::OffsetDateTime;
use vocab::{AccountId, Channel, DeliveryState, Language, MessageKind, PersonId};

/// A composed message.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = messages, treat_none_as_default_value = false)]
pub struct Message {
    /// About which account.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
    /// To whom.
    pub person_id: Option<PersonId>,
    /// What it is about.
    pub kind: MessageKind,
    /// The language that it begins with.
    pub language: Language,
    /// Subject.
    pub subject: String,
    /// Plain text.
    pub body_text: String,
    /// HTML.
    pub body_html: String,
    /// Business time.
    pub created_at: OffsetDateTime,
}

/// Writes a message; with an address it is queued for sending, approved.
pub fn queue(tx: &mut Tx<'_>, message: &Message, address: Option<&str>) -> Result<()> {
    diesel::insert_into(messages::table).values(message).execute(tx.conn)?;
    let Some(address) = address else { return Ok(()) };
    let id = tx.new_id()?;
    diesel::insert_into(deliveries::table)
        .values((
            deliveries::account_id.eq(message.account_id.0),
            deliveries::id.eq(id),
            deliveries::message_id.eq(message.id),
            deliveries::channel.eq(Channel::Email),
            deliveries::address.eq(address),
            deliveries::state.eq(DeliveryState::Approved),
            deliveries::attempts.eq(0),
            deliveries::approved_by.eq("system"),
            deliveries::state_at.eq(tx.as_of()),
            deliveries::version.eq(1),
        ))
        .execute(tx.conn)?;
    Ok(())
}
