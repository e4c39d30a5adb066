//! Flags of a review.

use crate::schema::flags;
use crate::{Cursor, Page, Result, Tx};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Numeric};
use rust_decimal::Decimal;
use time::OffsetDateTime;
use vocab::{AccountId, Commodity, Disposition, FlagCode, RateScheduleId, RunId, Severity, SiteId, TestId};

/// A finding with what was decided about it.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = flags, treat_none_as_default_value = false)]
pub struct FlagRow {
    /// Whose.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
    /// In which run.
    pub run_id: RunId,
    /// Of which test.
    pub test_id: TestId,
    /// The account's billing site.
    pub site_id: SiteId,
    /// On which contract; none for the whole account.
    pub contract_id: Option<i64>,
    /// The contract's rate.
    pub schedule_id: Option<RateScheduleId>,
    /// The contract's service.
    pub commodity: Option<Commodity>,
    /// Row number of the register, when it is about one.
    pub register_id: Option<i64>,
    /// What.
    pub code: FlagCode,
    /// How loud.
    pub severity: Severity,
    /// What was found.
    pub value: String,
    /// What it was compared with.
    pub compared: String,
    /// What was decided.
    pub disposition: Disposition,
    /// Who is to look at it.
    pub assignee: Option<String>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<OffsetDateTime>,
    /// Why.
    pub reason: Option<String>,
    /// Goes up by one with every change.
    pub version: i64,
}

/// Which flags a list shows.
#[derive(Debug, Clone, Default)]
pub struct FlagFilter {
    /// Only this run.
    pub run: Option<RunId>,
    /// Only these sites.
    pub sites: Option<Vec<SiteId>>,
    /// Only this account.
    pub account: Option<AccountId>,
    /// Only this code.
    pub code: Option<FlagCode>,
    /// Only this severity.
    pub severity: Option<Severity>,
    /// Only this disposition.
    pub disposition: Option<Disposition>,
    /// Only this service.
    pub commodity: Option<Commodity>,
    /// Only this rate.
    pub schedule: Option<RateScheduleId>,
    /// Only what this person is to look at.
    pub assignee: Option<String>,
    /// Only where a number was found that is not less.
    pub value_from: Option<Decimal>,
    /// Only where a number was found that is not more.
    pub value_to: Option<Decimal>,
}

/// How a list of flags is sorted; by account and id within.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FlagOrder {
    /// By nothing else.
    #[default]
    Account,
    /// The mildest first.
    Severity,
    /// Those that block first.
    SeverityDescending,
    /// The least that was found first; what is no number last.
    Value,
    /// The most that was found first; what is no number last.
    ValueDescending,
}

/// What was found, where it is a number; [`number`] says the same.
const VALUE: &str =
    "(CASE WHEN flags.value ~ '^-?[0-9]{1,18}([.][0-9]{1,10})?$' THEN flags.value::numeric END)";

impl FlagOrder {
    /// What is sorted by, and whether downwards.
    const fn key(self) -> Option<(&'static str, bool)> {
        let severity = "(CASE flags.severity WHEN 'block' THEN 2 WHEN 'warn' THEN 1 ELSE 0 END)::numeric";
        match self {
            Self::Account => None,
            Self::Severity => Some((severity, false)),
            Self::SeverityDescending => Some((severity, true)),
            Self::Value => Some((VALUE, false)),
            Self::ValueDescending => Some((VALUE, true)),
        }
    }

    /// The cursor behind a row.
    fn cursor(self, row: &FlagRow) -> Cursor {
        let key = match self {
            Self::Account => return Cursor::new([row.account_id.0, row.id]),
            Self::Severity | Self::SeverityDescending => Some(Decimal::from(match row.severity {
                Severity::Inform => 0,
                Severity::Warn => 1,
                Severity::Block => 2,
            })),
            Self::Value | Self::ValueDescending => number(&row.value),
        };
        let key = key.map(|key| key.to_string()).unwrap_or_default();
        Cursor::new([key, row.account_id.0.to_string(), row.id.to_string()])
    }
}

/// A text that is a number of at most 18 digits and 10 decimals.
fn number(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_short = (1..=18).contains(&whole.len()) && (1..=10).contains(&decimals.len());
    vocab::decimal::parse(text).filter(|_| is_short)
}

/// A decision about flags.
#[derive(Debug, Clone)]
pub struct FlagDecision {
    /// What is decided; unchanged when absent.
    pub disposition: Option<Disposition>,
    /// Who is to look at it; unchanged when absent.
    pub assignee: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// How many blocking flags of accounts that are still in the run nobody has decided.
pub fn open_blocking(tx: &mut Tx<'_>, run: RunId) -> Result<i64> {
    use crate::schema::run_items;
    let of_item = run_items::account_id.eq(flags::account_id).and(run_items::run_id.eq(run.0));
    let live = run_items::table.filter(of_item.and(run_items::live)).select(run_items::account_id);
    Ok(flags::table
        .filter(flags::run_id.eq(run).and(flags::severity.eq(Severity::Block)))
        .filter(flags::disposition.eq(Disposition::Open).and(diesel::dsl::exists(live)))
        .count()
        .get_result(tx.conn)?)
}

/// Flags of accounts in a run, ascending by account.
pub fn of_accounts(tx: &mut Tx<'_>, run: RunId, accounts: &[AccountId]) -> Result<Vec<FlagRow>> {
    Ok(flags::table
        .filter(flags::run_id.eq(run).and(flags::account_id.eq_any(accounts)))
        .select(FlagRow::as_select())
        .order((flags::account_id, flags::id))
        .load(tx.conn)?)
}

/// The same, locked in the order in which reviewers lock them: a decision waits, and finds them
/// replaced.
pub fn lock_of_accounts(tx: &mut Tx<'_>, run: RunId, accounts: &[AccountId]) -> Result<Vec<FlagRow>> {
    Ok(flags::table
        .filter(flags::run_id.eq(run).and(flags::account_id.eq_any(accounts)))
        .select(FlagRow::as_select())
        .order((flags::account_id, flags::id))
        .for_update()
        .load(tx.conn)?)
}

/// Replaces the flags of accounts in a run.
pub fn replace(
    tx: &mut Tx<'_>,
    run: RunId,
    accounts: &[AccountId],
    rows: Vec<FlagRow>,
    had_any: bool,
) -> Result<()> {
    if had_any {
        diesel::delete(flags::table.filter(flags::run_id.eq(run).and(flags::account_id.eq_any(accounts))))
            .execute(tx.conn)?;
    }
    if !rows.is_empty() {
        diesel::copy_from(flags::table).from_insertable(rows).execute(tx.conn)?;
    }
    Ok(())
}

/// A list of flags.
pub fn list(
    tx: &mut Tx<'_>,
    filter: &FlagFilter,
    order: FlagOrder,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<FlagRow>> {
    let mut query = flags::table.select(FlagRow::as_select()).into_boxed();
    if let Some(run) = filter.run {
        query = query.filter(flags::run_id.eq(run));
    }
    if let Some(sites) = &filter.sites {
        query = query.filter(flags::site_id.eq_any(sites));
    }
    if let Some(account) = filter.account {
        query = query.filter(flags::account_id.eq(account));
    }
    if let Some(code) = filter.code {
        query = query.filter(flags::code.eq(code));
    }
    if let Some(severity) = filter.severity {
        query = query.filter(flags::severity.eq(severity));
    }
    if let Some(disposition) = filter.disposition {
        query = query.filter(flags::disposition.eq(disposition));
    }
    if let Some(commodity) = filter.commodity {
        query = query.filter(flags::commodity.eq(commodity));
    }
    if let Some(schedule) = filter.schedule {
        query = query.filter(flags::schedule_id.eq(schedule));
    }
    if let Some(assignee) = &filter.assignee {
        query = query.filter(flags::assignee.eq(assignee));
    }
    if let Some(least) = filter.value_from {
        query = query.filter(sql::<Bool>(&format!("{VALUE} >= ")).bind::<Numeric, _>(least));
    }
    if let Some(most) = filter.value_to {
        query = query.filter(sql::<Bool>(&format!("{VALUE} <= ")).bind::<Numeric, _>(most));
    }
    let later = |account: i64, id: i64| {
        let same = flags::account_id.eq(AccountId(account));
        flags::account_id.gt(AccountId(account)).or(same.and(flags::id.gt(id)))
    };
    let query = match order.key() {
        None => {
            if let Some((account, id)) = after.map(Cursor::two::<i64, i64>).transpose()? {
                query = query.filter(later(account, id));
            }
            query.order((flags::account_id, flags::id))
        }
        Some((key, is_descending)) => {
            if let Some(after) = after {
                let (last, later) = (after.get::<String>(0)?, later(after.get(1)?, after.get(2)?));
                if last.is_empty() {
                    query = query.filter(sql::<Bool>(&format!("{key} IS NULL")).and(later));
                } else {
                    let last = vocab::decimal::parse(&last).ok_or(crate::page::BadCursor)?;
                    let beyond = if is_descending { "<" } else { ">" };
                    let beyond = format!("({key} IS NULL OR {key} {beyond} ");
                    let beyond = sql::<Bool>(&beyond).bind::<Numeric, _>(last).sql(")");
                    let same = sql::<Bool>(&format!("{key} = ")).bind::<Numeric, _>(last);
                    query = query.filter(beyond.or(same.and(later)));
                }
            }
            let direction = if is_descending { "DESC" } else { "ASC" };
            let by = sql::<Nullable<Numeric>>(&format!("{key} {direction} NULLS LAST"));
            query.order(by).then_order_by((flags::account_id, flags::id))
        }
    };
    let rows = query.limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &FlagRow| order.cursor(row)))
}

/// Flags by account and id, locked.
pub fn lock(tx: &mut Tx<'_>, keys: &[(AccountId, i64)]) -> Result<Vec<FlagRow>> {
    let accounts: Vec<AccountId> = keys.iter().map(|key| key.0).collect();
    let ids: Vec<i64> = keys.iter().map(|key| key.1).collect();
    Ok(flags::table
        .filter(flags::account_id.eq_any(accounts).and(flags::id.eq_any(ids)))
        .select(FlagRow::as_select())
        .order((flags::account_id, flags::id))
        .for_update()
        .load(tx.conn)?)
}

/// Decides flags that were locked.
pub fn decide(
    tx: &mut Tx<'_>,
    keys: &[(AccountId, i64)],
    decision: &FlagDecision,
    by: &str,
) -> Result<usize> {
    let accounts: Vec<AccountId> = keys.iter().map(|key| key.0).collect();
    let ids: Vec<i64> = keys.iter().map(|key| key.1).collect();
    let at = tx.as_of();
    let which = flags::account_id.eq_any(accounts).and(flags::id.eq_any(ids));
    let mut changed = 0;
    if let Some(disposition) = decision.disposition {
        changed = diesel::update(flags::table.filter(which.clone()))
            .set((
                flags::disposition.eq(disposition),
                flags::reason.eq(&decision.reason),
                flags::decided_by.eq(by),
                flags::decided_at.eq(at),
                flags::version.eq(flags::version + 1),
            ))
            .execute(tx.conn)?;
    }
    if let Some(assignee) = &decision.assignee {
        changed = diesel::update(flags::table.filter(which))
            .set((flags::assignee.eq(assignee), flags::version.eq(flags::version + 1)))
            .execute(tx.conn)?;
    }
    Ok(changed)
}
