//! Sentences for bills. The shared ones are few; those of single accounts are found by account.

use crate::schema::bill_messages as messages;
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use serde_json::Value;
use time::{Date, OffsetDateTime};
use vocab::{AccountId, BillMessageId, CycleId, MessageSource, RateScheduleId, SiteId, WindowId};

/// A sentence for bills.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = messages, treat_none_as_default_value = false)]
pub struct BillMessage {
    /// Row id.
    pub id: BillMessageId,
    /// On whose bills it stands.
    pub source: MessageSource,
    /// The class.
    pub class_code: Option<String>,
    /// The rate.
    pub schedule_id: Option<RateScheduleId>,
    /// The cycle.
    pub cycle_id: Option<CycleId>,
    /// The account.
    pub account_id: Option<AccountId>,
    /// The window.
    pub window_id: Option<WindowId>,
    /// The text by language.
    pub texts: Value,
    /// First bill date.
    pub from_on: Option<Date>,
    /// Last bill date.
    pub to_on: Option<Date>,
    /// Lower stands first.
    pub priority: i16,
    /// Opaque id of who wrote it.
    pub created_by: String,
    /// Business time.
    pub created_at: OffsetDateTime,
    /// Goes up by one with every change.
    pub version: i64,
}

/// Which messages a list shows.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    /// Only those of this source.
    pub source: Option<MessageSource>,
    /// Only those of this account.
    pub account: Option<AccountId>,
    /// Only those that may stand on bills of this day.
    pub on: Option<Date>,
    /// Of accounts only those at these sites.
    pub sites: Option<Vec<SiteId>>,
}

/// Adds a message.
pub fn insert(tx: &mut Tx<'_>, row: &BillMessage) -> Result<()> {
    diesel::insert_into(messages::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// A message.
pub fn find(tx: &mut Tx<'_>, id: BillMessageId) -> Result<Option<BillMessage>> {
    Ok(messages::table
        .filter(messages::id.eq(id))
        .select(BillMessage::as_select())
        .first(tx.conn)
        .optional()?)
}

/// Messages, newest first.
pub fn list(
    tx: &mut Tx<'_>,
    filter: &MessageFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<BillMessage>> {
    use crate::schema::accounts;
    let mut query = messages::table.select(BillMessage::as_select()).into_boxed();
    if let Some(source) = filter.source {
        query = query.filter(messages::source.eq(source));
    }
    if let Some(account) = filter.account {
        query = query.filter(messages::account_id.eq(account));
    }
    if let Some(day) = filter.on {
        query = query
            .filter(messages::from_on.is_null().or(messages::from_on.le(day)))
            .filter(messages::to_on.is_null().or(messages::to_on.ge(day)));
    }
    if let Some(sites) = &filter.sites {
        let seen = accounts::table
            .filter(accounts::site_id.eq_any(sites.clone()))
            .select(accounts::account_id.nullable());
        query = query.filter(messages::account_id.is_null().or(messages::account_id.eq_any(seen)));
    }
    if let Some(id) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(messages::id.lt(BillMessageId(id)));
    }
    let rows = query.order(messages::id.desc()).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &BillMessage| Cursor::new([row.id.0])))
}

/// Replaces text, dates and priority when `version` is still the stored one.
pub fn update(tx: &mut Tx<'_>, row: &BillMessage, version: i64) -> Result<bool> {
    let stored = messages::table.filter(messages::id.eq(row.id).and(messages::version.eq(version)));
    let changed = diesel::update(stored)
        .set((
            messages::texts.eq(&row.texts),
            messages::from_on.eq(row.from_on),
            messages::to_on.eq(row.to_on),
            messages::priority.eq(row.priority),
            messages::version.eq(version + 1),
        ))
        .execute(tx.conn)?;
    Ok(changed == 1)
}

/// Takes a message out; bills that have it keep it.
pub fn delete(tx: &mut Tx<'_>, id: BillMessageId) -> Result<bool> {
    Ok(diesel::delete(messages::table.filter(messages::id.eq(id))).execute(tx.conn)? == 1)
}

/// The messages of more than one account that may stand on bills of this cycle and day.
pub fn shared(tx: &mut Tx<'_>, cycle: CycleId, bill_on: Date) -> Result<Vec<BillMessage>> {
    Ok(messages::table
        .filter(messages::account_id.is_null())
        .filter(messages::cycle_id.is_null().or(messages::cycle_id.eq(cycle)))
        .filter(messages::from_on.is_null().or(messages::from_on.le(bill_on)))
        .filter(messages::to_on.is_null().or(messages::to_on.ge(bill_on)))
        .select(BillMessage::as_select())
        .order((messages::priority, messages::id))
        .load(tx.conn)?)
}

/// Whether any account has a message of its own.
pub fn any_of_accounts(tx: &mut Tx<'_>) -> Result<bool> {
    let own = messages::table.filter(messages::account_id.is_not_null()).select(messages::id);
    Ok(diesel::select(diesel::dsl::exists(own)).get_result(tx.conn)?)
}

/// The messages of these accounts alone, for the window and day.
pub fn of_accounts(
    tx: &mut Tx<'_>,
    accounts: &[AccountId],
    window: WindowId,
    bill_on: Date,
) -> Result<Vec<BillMessage>> {
    Ok(messages::table
        .filter(messages::account_id.eq_any(accounts))
        .filter(messages::window_id.is_null().or(messages::window_id.eq(window)))
        .filter(messages::from_on.is_null().or(messages::from_on.le(bill_on)))
        .filter(messages::to_on.is_null().or(messages::to_on.ge(bill_on)))
        .select(BillMessage::as_select())
        .order((messages::priority, messages::id))
        .load(tx.conn)?)
}
