//! What is said on a bill: the messages that apply to it, by priority, in the account's language.
//!
//! Messages decide no charge, so no digest holds them; they are chosen when the bill is completed and kept
//! with it, whatever becomes of the message afterwards.

use crate::document::Draft;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use vocab::{AccountId, BillMessageId, Language, RateScheduleId, SegmentOutcome};

/// On whose bills a message stands, of those in the window and on the day that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Everybody's.
    All,
    /// Those of a class of customers.
    Class(String),
    /// Those with a segment of the rate.
    Schedule(RateScheduleId),
    /// This account's.
    Account(AccountId),
}

/// A message that may stand on bills of the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillMessage {
    /// The message.
    pub id: BillMessageId,
    /// On whose bills.
    pub audience: Audience,
    /// The text by language; at least one.
    pub texts: BTreeMap<Language, String>,
    /// Lower stands first.
    pub priority: i16,
}

/// A message as it stands on a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrintedMessage {
    /// The message.
    pub message: BillMessageId,
    /// The language that the account reads it in.
    pub language: Language,
    /// The text by language, for readers of others and for a second language.
    pub texts: BTreeMap<Language, String>,
}

impl PrintedMessage {
    /// The text that the account reads.
    pub fn text(&self) -> &str {
        self.texts.get(&self.language).map_or("", String::as_str)
    }
}

/// Who reads the bill.
#[derive(Debug, Clone, Copy)]
pub struct BillReader<'a> {
    /// The account.
    pub account: AccountId,
    /// Its class of customers.
    pub class_code: &'a str,
    /// Its language.
    pub language: &'a Language,
}

/// The messages that stand on the bill, first things first. `fallback` is the utility's first language.
pub fn printed_messages<'a>(
    messages: impl IntoIterator<Item = &'a BillMessage>,
    reader: BillReader<'_>,
    draft: &Draft,
    fallback: Option<&Language>,
) -> Vec<PrintedMessage> {
    let mut chosen: Vec<&BillMessage> =
        messages.into_iter().filter(|message| applies(message, reader, draft)).collect();
    chosen.sort_by_key(|message| (message.priority, message.id));
    chosen.into_iter().filter_map(|message| printed(message, reader.language, fallback)).collect()
}

fn applies(message: &BillMessage, reader: BillReader<'_>, draft: &Draft) -> bool {
    match &message.audience {
        Audience::All => true,
        Audience::Class(code) => code == reader.class_code,
        Audience::Account(account) => *account == reader.account,
        Audience::Schedule(schedule) => draft
            .segments
            .iter()
            .any(|segment| segment.outcome == SegmentOutcome::Billed && segment.schedule == Some(*schedule)),
    }
}

/// In the language, its base, the utility's first, or any.
fn printed(
    message: &BillMessage,
    language: &Language,
    fallback: Option<&Language>,
) -> Option<PrintedMessage> {
    let texts = &message.texts;
    let base = || texts.keys().find(|known| known.as_str() == language.base());
    let first = || fallback.and_then(|fallback| texts.get_key_value(fallback)).map(|(known, _)| known);
    let known = texts
        .get_key_value(language)
        .map(|(known, _)| known)
        .or_else(base)
        .or_else(first)
        .or_else(|| texts.keys().next())?;
    Some(PrintedMessage { message: message.id, language: known.clone(), texts: texts.clone() })
}
