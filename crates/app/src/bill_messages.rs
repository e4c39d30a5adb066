//! Bill messages: sentences that stand on bills from their completion on.

use crate::audit::{self, Action};
use crate::naming::{unknown, unless_stale};
use crate::{App, Caller, Error, Result, Utility, accounts};
use billing::{Audience, BillReader, Draft, PrintedMessage, printed_messages};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use store::bill_messages::{self, BillMessage, MessageFilter};
use store::windows::Window;
use store::{Cursor, JsonText, Page, Tx};
use time::Date;
use vocab::dates::civil;
use vocab::{
    AccountId, BillMessageId, Code, CycleId, Language, MessageSource, Problem, RateScheduleId, WindowId,
};

/// Longest text of a message, characters.
const TEXT_MAX: usize = 1000;
/// Priorities, first to last.
const PRIORITY_MAX: i16 = 999;

/// On whose bills a message stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Everybody's.
    Utility,
    /// Those of a class of customers.
    Class(String),
    /// Those with a segment of a rate.
    Schedule(RateScheduleId),
    /// Those of a cycle.
    Cycle(CycleId),
    /// Those of an account.
    Account(AccountId),
    /// That of an account in a window.
    Bill(AccountId, WindowId),
}

/// What a message says, when, and how far up.
#[derive(Debug, Clone)]
pub struct Wording {
    /// The text by language.
    pub texts: BTreeMap<Language, String>,
    /// First bill date.
    pub from_on: Option<Date>,
    /// Last bill date.
    pub to_on: Option<Date>,
    /// Lower stands first.
    pub priority: i16,
}

/// Changes of a message; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct MessageChanges {
    /// The text by language.
    pub texts: Option<BTreeMap<Language, String>>,
    /// First bill date; `Some(None)`: no first.
    pub from_on: Option<Option<Date>>,
    /// Last bill date; `Some(None)`: no last.
    pub to_on: Option<Option<Date>>,
    /// Lower stands first.
    pub priority: Option<i16>,
}

/// Writes a message.
pub fn create(tx: &mut Tx<'_>, caller: &Caller, source: Source, wording: Wording) -> Result<BillMessage> {
    check(tx, &wording)?;
    let mut row = BillMessage {
        id: BillMessageId(tx.new_id()?),
        source: MessageSource::Utility,
        class_code: None,
        schedule_id: None,
        cycle_id: None,
        account_id: None,
        window_id: None,
        texts: serde_json::to_value(&wording.texts)?,
        from_on: wording.from_on,
        to_on: wording.to_on,
        priority: wording.priority,
        created_by: caller.actor(),
        created_at: tx.as_of(),
        version: 1,
    };
    set_source(tx, caller, &mut row, source)?;
    bill_messages::insert(tx, &row)?;
    record(tx, caller, "bill_message.create", None, &row)?;
    Ok(row)
}

fn set_source(tx: &mut Tx<'_>, caller: &Caller, row: &mut BillMessage, source: Source) -> Result<()> {
    // What stands on bills of every site is for who works for every site.
    let shared = !matches!(source, Source::Account(_) | Source::Bill(..));
    if shared && caller.sites().is_some() {
        let detail = "you work for some sites: a message of yours is for an account, or a bill of one";
        return Err(Problem::field("/source", Code::FieldRange, detail).into());
    }
    match source {
        Source::Utility => {}
        Source::Class(code) => {
            store::ledger_setup::customer_class(tx, &code)?.ok_or_else(|| unknown("/class_code"))?;
            (row.source, row.class_code) = (MessageSource::CustomerClass, Some(code));
        }
        Source::Schedule(id) => {
            store::rates::schedule(tx, id)?.ok_or_else(|| unknown("/rate_schedule_id"))?;
            (row.source, row.schedule_id) = (MessageSource::RateSchedule, Some(id));
        }
        Source::Cycle(id) => {
            store::cycles::find(tx, id)?.ok_or_else(|| unknown("/cycle_id"))?;
            (row.source, row.cycle_id) = (MessageSource::Cycle, Some(id));
        }
        Source::Account(id) => {
            find_account(tx, caller, id)?;
            (row.source, row.account_id) = (MessageSource::Account, Some(id));
        }
        Source::Bill(account, window) => {
            find_account(tx, caller, account)?;
            store::windows::find(tx, window)?.ok_or_else(|| unknown("/window_id"))?;
            (row.source, row.account_id, row.window_id) = (MessageSource::Bill, Some(account), Some(window));
        }
    }
    Ok(())
}

fn find_account(tx: &mut Tx<'_>, caller: &Caller, id: AccountId) -> Result<()> {
    match accounts::find(tx, caller, id) {
        Err(Error::Refused(_)) => Err(unknown("/account_id").into()),
        other => other.map(drop),
    }
}

fn check(tx: &mut Tx<'_>, wording: &Wording) -> Result<()> {
    let wrong = |pointer: String, code, detail: String| Error::from(Problem::field(pointer, code, detail));
    if wording.texts.is_empty() {
        return Err(wrong(
            "/texts".to_owned(),
            Code::FieldRequired,
            "a text in one language at least".to_owned(),
        ));
    }
    let languages = Utility::load(tx)?.languages;
    for (language, text) in &wording.texts {
        let pointer = format!("/texts/{language}");
        if !languages.contains(language) {
            return Err(wrong(
                pointer,
                Code::UnknownReference,
                "bills are not written in this language".to_owned(),
            ));
        }
        let is_fit = !text.trim().is_empty()
            && text.chars().count() <= TEXT_MAX
            && !text.chars().any(|c| c.is_control() && c != '\n');
        if !is_fit {
            return Err(wrong(pointer, Code::FieldRange, format!("1 to {TEXT_MAX} characters")));
        }
    }
    if let (Some(from_on), Some(to_on)) = (wording.from_on, wording.to_on)
        && to_on < from_on
    {
        return Err(wrong("/to_on".to_owned(), Code::FieldRange, "not before the first day".to_owned()));
    }
    if !(0..=PRIORITY_MAX).contains(&wording.priority) {
        return Err(wrong("/priority".to_owned(), Code::FieldRange, format!("0 to {PRIORITY_MAX}")));
    }
    Ok(())
}

fn record(
    tx: &mut Tx<'_>,
    caller: &Caller,
    action: &str,
    old: Option<&BillMessage>,
    row: &BillMessage,
) -> Result<()> {
    let (subject, before, after) = (row.id.to_string(), old.map(summary), Some(summary(row)));
    audit::record(tx, caller, Action { action, subject, before, after, reason: None })
}

fn summary(row: &BillMessage) -> Value {
    json!({ "source": row.source, "class": row.class_code, "schedule": row.schedule_id, "cycle": row.cycle_id,
        "account": row.account_id, "window": row.window_id, "texts": row.texts, "priority": row.priority,
        "from_on": row.from_on.map(civil::format), "to_on": row.to_on.map(civil::format) })
}

/// A message that the caller may see, or change: what is for an account, as the account itself.
fn find(tx: &mut Tx<'_>, caller: &Caller, id: BillMessageId, to_change: bool) -> Result<BillMessage> {
    let row = bill_messages::find(tx, id)?.ok_or_else(Problem::not_found)?;
    match row.account_id {
        Some(account) => drop(accounts::find(tx, caller, account)?),
        None if to_change && caller.sites().is_some() => return Err(Problem::not_found().into()),
        None => {}
    }
    Ok(row)
}

impl App {
    /// The messages that the caller may see, newest first.
    pub fn bill_messages(
        &self,
        caller: &Caller,
        filter: MessageFilter,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<BillMessage>> {
        let filter = MessageFilter { sites: caller.sites(), ..filter };
        self.db().tx(|tx| Ok(bill_messages::list(tx, &filter, after, limit)?))
    }

    /// One message.
    pub fn bill_message(&self, caller: &Caller, id: BillMessageId) -> Result<BillMessage> {
        self.db().tx(|tx| find(tx, caller, id, false))
    }

    /// Changes a message that the caller read as `version`; bills that have it keep it as it was.
    pub fn change_bill_message(
        &self,
        caller: &Caller,
        id: BillMessageId,
        version: i64,
        changes: MessageChanges,
    ) -> Result<BillMessage> {
        self.db().tx(|tx| {
            let old = find(tx, caller, id, true)?;
            let wording = Wording {
                texts: match changes.texts {
                    Some(texts) => texts,
                    None => serde_json::from_value(old.texts.clone())?,
                },
                from_on: changes.from_on.unwrap_or(old.from_on),
                to_on: changes.to_on.unwrap_or(old.to_on),
                priority: changes.priority.unwrap_or(old.priority),
            };
            check(tx, &wording)?;
            let row = BillMessage {
                texts: serde_json::to_value(&wording.texts)?,
                from_on: wording.from_on,
                to_on: wording.to_on,
                priority: wording.priority,
                version: version + 1,
                ..old.clone()
            };
            unless_stale(bill_messages::update(tx, &row, version)?)?;
            record(tx, caller, "bill_message.change", Some(&old), &row)?;
            Ok(row)
        })
    }

    /// Takes a message out; bills that have it keep it.
    pub fn delete_bill_message(&self, caller: &Caller, id: BillMessageId) -> Result<()> {
        self.db().tx(|tx| {
            let row = find(tx, caller, id, true)?;
            bill_messages::delete(tx, id)?;
            record(tx, caller, "bill_message.delete", Some(&row), &row)
        })
    }
}

/// The messages that bills of one window may get: the shared ones, and whether any account has its own.
#[derive(Debug, Clone)]
pub(crate) struct Messages {
    shared: Vec<billing::BillMessage>,
    of_accounts: bool,
    fallback: Option<Language>,
    window: WindowId,
    bill_on: Date,
}

impl Messages {
    /// Loaded once for all bills of a window.
    pub(crate) fn load(tx: &mut Tx<'_>, utility: &Utility, window: &Window) -> Result<Self> {
        let shared = bill_messages::shared(tx, window.cycle_id, window.bill_on)?;
        Ok(Self {
            shared: shared.into_iter().map(parsed).collect::<Result<_>>()?,
            of_accounts: bill_messages::any_of_accounts(tx)?,
            fallback: utility.languages.first().cloned(),
            window: window.id,
            bill_on: window.bill_on,
        })
    }

    /// What stands on the bills of these accounts: one query, and none when no account has a message of its own.
    pub(crate) fn on_bills<'a>(
        &self,
        tx: &mut Tx<'_>,
        bills: impl Iterator<Item = (BillReader<'a>, &'a Draft)> + Clone,
    ) -> Result<HashMap<AccountId, Vec<PrintedMessage>>> {
        let mut own: HashMap<AccountId, Vec<billing::BillMessage>> = HashMap::new();
        if self.of_accounts {
            let accounts: Vec<AccountId> = bills.clone().map(|(reader, _)| reader.account).collect();
            for row in bill_messages::of_accounts(tx, &accounts, self.window, self.bill_on)? {
                let Some(account) = row.account_id else { continue };
                own.entry(account).or_default().push(parsed(row)?);
            }
        }
        if self.shared.is_empty() && own.is_empty() {
            return Ok(HashMap::new());
        }
        let fallback = self.fallback.as_ref();
        let printed = bills.filter_map(|(reader, draft)| {
            let own = own.get(&reader.account).into_iter().flatten();
            let said = printed_messages(self.shared.iter().chain(own), reader, draft, fallback);
            (!said.is_empty()).then_some((reader.account, said))
        });
        Ok(printed.collect())
    }
}

fn parsed(row: BillMessage) -> Result<billing::BillMessage> {
    let audience = match (row.account_id, row.class_code, row.schedule_id) {
        (Some(account), ..) => Audience::Account(account),
        (None, Some(code), _) => Audience::Class(code),
        (None, None, Some(schedule)) => Audience::Schedule(schedule),
        (None, None, None) => Audience::All,
    };
    let texts = serde_json::from_value(row.texts)?;
    Ok(billing::BillMessage { id: row.id, audience, texts, priority: row.priority })
}

/// What would stand on the bill that a draft of the window becomes, as things are now.
pub(crate) fn on_draft(
    tx: &mut Tx<'_>,
    id: AccountId,
    window: WindowId,
    draft: &Draft,
) -> Result<Vec<PrintedMessage>> {
    let window = store::windows::find(tx, window)?.ok_or_else(Problem::not_found)?;
    on_draft_in(tx, id, &window, draft)
}

/// The same for days that need not be a window's.
pub(crate) fn on_draft_in(
    tx: &mut Tx<'_>,
    id: AccountId,
    window: &Window,
    draft: &Draft,
) -> Result<Vec<PrintedMessage>> {
    let utility = Utility::load(tx)?;
    let account = store::accounts::load(tx, &[id])?.pop().ok_or_else(Problem::not_found)?;
    let reader = BillReader { account: id, class_code: &account.class_code, language: &account.language };
    let messages = Messages::load(tx, &utility, window)?;
    let mut said = messages.on_bills(tx, std::iter::once((reader, draft)))?;
    Ok(said.remove(&id).unwrap_or_default())
}

/// As kept with a bill: none when nothing is said.
pub(crate) fn kept(said: Option<&Vec<PrintedMessage>>) -> Result<Option<JsonText>> {
    said.map(|said| Ok(JsonText(serde_json::to_string(said)?))).transpose()
}

/// What a posted bill says.
pub(crate) fn of_bill(bill: &store::bills::Bill) -> Result<Vec<PrintedMessage>> {
    match &bill.messages {
        Some(said) => Ok(serde_json::from_str(&said.0)?),
        None => Ok(Vec::new()),
    }
}
