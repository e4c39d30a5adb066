//! Schedules and their starts. Few rows; the index of what is due holds those that are ahead alone.
//!
//! Lock order: cycle → schedule → whatever the start itself locks.

use crate::schema::{schedule_starts as starts, schedules};
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use serde_json::Value;
use time::{OffsetDateTime, Time};
use vocab::{CycleId, ScheduleId, ScheduledWork, SiteId, StartState, WindowDay, WindowId};

/// Work that starts by itself.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = schedules, treat_none_as_default_value = false)]
pub struct Schedule {
    /// Row id.
    pub id: ScheduleId,
    /// For people.
    pub name: String,
    /// What it starts.
    pub work: ScheduledWork,
    /// For which cycle; none: for all.
    pub cycle_id: Option<CycleId>,
    /// Only these sites; empty: all that its maker sees.
    pub site_ids: Vec<i64>,
    /// A cron pattern.
    pub pattern: Option<String>,
    /// Otherwise the day of a window that is counted from.
    pub counted_from: Option<WindowDay>,
    /// Days after it.
    pub days: Option<i16>,
    /// When on that day.
    pub at_time: Option<Time>,
    /// Closed days move to the next business day.
    pub business_days: bool,
    /// Whether it starts anything.
    pub enabled: bool,
    /// When it is due next.
    pub next_at: Option<OffsetDateTime>,
    /// Opaque id of who made it, whose rights it has.
    pub created_by: String,
    /// Business time.
    pub created_at: OffsetDateTime,
    /// Goes up by one with every change.
    pub version: i64,
}

impl Schedule {
    /// Its sites; none: all that its maker sees.
    pub fn sites(&self) -> Option<Vec<SiteId>> {
        (!self.site_ids.is_empty()).then(|| self.site_ids.iter().copied().map(SiteId).collect())
    }
}

/// What became of one start.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = starts, treat_none_as_default_value = false)]
pub struct Start {
    /// Of which schedule.
    pub schedule_id: ScheduleId,
    /// When it was due.
    pub due_at: OffsetDateTime,
    /// The window that it is about.
    pub window_id: Option<WindowId>,
    /// When it was started.
    pub started_at: OffsetDateTime,
    /// What became of it.
    pub state: StartState,
    /// Why it was refused.
    pub code: Option<String>,
    /// The same for people.
    pub detail: Option<String>,
    /// What it made or filed: kind and opaque id each.
    pub results: Value,
}

/// Adds a schedule.
pub fn insert(tx: &mut Tx<'_>, row: &Schedule) -> Result<()> {
    diesel::insert_into(schedules::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// A schedule that has not been deleted.
pub fn find(tx: &mut Tx<'_>, id: ScheduleId) -> Result<Option<Schedule>> {
    Ok(schedules::table
        .filter(schedules::id.eq(id).and(schedules::deleted_at.is_null()))
        .select(Schedule::as_select())
        .first(tx.conn)
        .optional()?)
}

/// The same, locked.
pub fn lock(tx: &mut Tx<'_>, id: ScheduleId) -> Result<Option<Schedule>> {
    Ok(schedules::table
        .filter(schedules::id.eq(id).and(schedules::deleted_at.is_null()))
        .select(Schedule::as_select())
        .for_no_key_update()
        .first(tx.conn)
        .optional()?)
}

/// Schedules, newest first, all or of one cycle.
pub fn list(
    tx: &mut Tx<'_>,
    cycle: Option<CycleId>,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<Schedule>> {
    let mut query =
        schedules::table.filter(schedules::deleted_at.is_null()).select(Schedule::as_select()).into_boxed();
    if let Some(cycle) = cycle {
        query = query.filter(schedules::cycle_id.eq(cycle));
    }
    if let Some(id) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(schedules::id.lt(ScheduleId(id)));
    }
    let rows = query.order(schedules::id.desc()).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &Schedule| Cursor::new([row.id.0])))
}

/// Replaces name, rule, activity and what is due next when `version` is still the stored one.
pub fn update(tx: &mut Tx<'_>, row: &Schedule, version: i64) -> Result<bool> {
    let stored = schedules::table.filter(
        schedules::id.eq(row.id).and(schedules::version.eq(version)).and(schedules::deleted_at.is_null()),
    );
    let changed = diesel::update(stored)
        .set((
            schedules::name.eq(&row.name),
            schedules::pattern.eq(&row.pattern),
            schedules::counted_from.eq(row.counted_from),
            schedules::days.eq(row.days),
            schedules::at_time.eq(row.at_time),
            schedules::business_days.eq(row.business_days),
            schedules::enabled.eq(row.enabled),
            schedules::next_at.eq(row.next_at),
            schedules::version.eq(version + 1),
        ))
        .execute(tx.conn)?;
    Ok(changed == 1)
}

/// Sets when a locked schedule is due next; no change that a reader's version shows.
pub fn set_next(tx: &mut Tx<'_>, id: ScheduleId, next_at: Option<OffsetDateTime>) -> Result<()> {
    diesel::update(schedules::table.filter(schedules::id.eq(id)))
        .set(schedules::next_at.eq(next_at))
        .execute(tx.conn)?;
    Ok(())
}

/// Takes a schedule out; what it started stays known.
pub fn delete(tx: &mut Tx<'_>, id: ScheduleId, at: OffsetDateTime) -> Result<bool> {
    let stored = schedules::table.filter(schedules::id.eq(id).and(schedules::deleted_at.is_null()));
    let changed = diesel::update(stored)
        .set((
            schedules::deleted_at.eq(at),
            schedules::enabled.eq(false),
            schedules::next_at.eq(None::<OffsetDateTime>),
        ))
        .execute(tx.conn)?;
    Ok(changed == 1)
}

/// The schedule that has been due longest, but for those that were passed over.
pub fn due(
    tx: &mut Tx<'_>,
    as_of: OffsetDateTime,
    but_for: &[ScheduleId],
) -> Result<Option<(ScheduleId, Option<CycleId>)>> {
    Ok(schedules::table
        .filter(schedules::next_at.le(as_of).and(schedules::id.ne_all(but_for)))
        .select((schedules::id, schedules::cycle_id))
        .order((schedules::next_at, schedules::id))
        .first(tx.conn)
        .optional()?)
}

/// Locks a schedule that is due, unless somebody else is at it.
pub fn lock_due(tx: &mut Tx<'_>, id: ScheduleId, as_of: OffsetDateTime) -> Result<Option<Schedule>> {
    Ok(schedules::table
        .filter(schedules::id.eq(id).and(schedules::next_at.le(as_of)))
        .select(Schedule::as_select())
        .for_no_key_update()
        .skip_locked()
        .first(tx.conn)
        .optional()?)
}

/// The enabled schedules that count from windows of this cycle, locked ascending.
pub fn lock_counting(tx: &mut Tx<'_>, cycle: CycleId) -> Result<Vec<Schedule>> {
    let counts = schedules::cycle_id.eq(cycle).and(schedules::counted_from.is_not_null());
    Ok(schedules::table
        .filter(schedules::deleted_at.is_null().and(schedules::enabled).and(counts))
        .select(Schedule::as_select())
        .order(schedules::id)
        .for_no_key_update()
        .load(tx.conn)?)
}

/// Every enabled schedule, locked ascending.
pub fn lock_enabled(tx: &mut Tx<'_>) -> Result<Vec<Schedule>> {
    Ok(schedules::table
        .filter(schedules::deleted_at.is_null().and(schedules::enabled))
        .select(Schedule::as_select())
        .order(schedules::id)
        .for_no_key_update()
        .load(tx.conn)?)
}

/// Notes a start.
pub fn insert_start(tx: &mut Tx<'_>, row: &Start) -> Result<()> {
    diesel::insert_into(starts::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// Whether the start that was due then has been made.
pub fn has_started(tx: &mut Tx<'_>, id: ScheduleId, due_at: OffsetDateTime) -> Result<bool> {
    let made = starts::table.filter(starts::schedule_id.eq(id).and(starts::due_at.eq(due_at)));
    Ok(diesel::select(diesel::dsl::exists(made.select(starts::due_at))).get_result(tx.conn)?)
}

/// The starts of a schedule, newest first.
pub fn starts(tx: &mut Tx<'_>, id: ScheduleId, after: Option<&Cursor>, limit: i64) -> Result<Page<Start>> {
    let mut query = starts::table.filter(starts::schedule_id.eq(id)).select(Start::as_select()).into_boxed();
    if let Some(before) = after.map(Cursor::one::<i64>).transpose()? {
        let before = OffsetDateTime::from_unix_timestamp(before).map_err(|_| crate::BadCursor)?;
        query = query.filter(starts::due_at.lt(before));
    }
    let rows = query.order(starts::due_at.desc()).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &Start| Cursor::new([row.due_at.unix_timestamp()])))
}
