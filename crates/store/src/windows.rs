//! Cycle windows: the dated occurrences of a cycle. Windows of one cycle never overlap; who
//! plans one locks the cycle first.

use crate::schema::cycle_windows as windows;
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use time::Date;
use vocab::{CycleId, Period, WindowId, WindowState, dates::civil};

/// One dated occurrence of a cycle.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = windows, treat_none_as_default_value = false)]
pub struct Window {
    /// Row id.
    pub id: WindowId,
    /// Of which cycle.
    pub cycle_id: CycleId,
    /// First day.
    pub starts_on: Date,
    /// Last day.
    pub ends_on: Date,
    /// Accounting date of its segments.
    pub accounting_on: Date,
    /// Date of its bills.
    pub bill_on: Date,
    /// The day from which its missing reads are estimated; none: never.
    pub estimate_on: Option<Date>,
    /// Life.
    pub state: WindowState,
    /// Why it was closed with what was left.
    pub closed_reason: Option<String>,
    /// Goes up by one with every change.
    pub version: i64,
}

impl Window {
    /// Whether a person has finished it.
    pub fn is_closed(&self) -> bool {
        self.state == WindowState::Closed
    }
}

/// Which windows a list shows.
#[derive(Debug, Clone, Default)]
pub struct WindowFilter {
    /// Only this cycle.
    pub cycle: Option<CycleId>,
    /// Only this state.
    pub state: Option<WindowState>,
    /// Only windows that end on this day or later.
    pub ends_from: Option<Date>,
    /// Only windows that start on this day or earlier.
    pub starts_to: Option<Date>,
}

/// Adds windows.
pub fn insert(tx: &mut Tx<'_>, rows: &[Window]) -> Result<()> {
    diesel::insert_into(windows::table).values(rows).execute(tx.conn)?;
    Ok(())
}

/// One window.
pub fn find(tx: &mut Tx<'_>, id: WindowId) -> Result<Option<Window>> {
    Ok(windows::table.filter(windows::id.eq(id)).select(Window::as_select()).first(tx.conn).optional()?)
}

/// One window, which nobody closes or moves until the end of the transaction.
pub fn hold(tx: &mut Tx<'_>, id: WindowId) -> Result<Option<Window>> {
    Ok(windows::table
        .filter(windows::id.eq(id))
        .select(Window::as_select())
        .for_share()
        .first(tx.conn)
        .optional()?)
}

/// The same, and nobody else works on it until then: it is taken at once, never after [`hold`].
pub fn lock(tx: &mut Tx<'_>, id: WindowId) -> Result<Option<Window>> {
    Ok(windows::table
        .filter(windows::id.eq(id))
        .select(Window::as_select())
        .for_no_key_update()
        .first(tx.conn)
        .optional()?)
}

/// The windows of a cycle, or of all, in a state; by first day.
pub fn in_state(tx: &mut Tx<'_>, cycle: Option<CycleId>, state: WindowState) -> Result<Vec<Window>> {
    let mut query = windows::table.filter(windows::state.eq(state)).select(Window::as_select()).into_boxed();
    if let Some(cycle) = cycle {
        query = query.filter(windows::cycle_id.eq(cycle));
    }
    Ok(query.order((windows::starts_on, windows::id)).load(tx.conn)?)
}

/// The windows of a cycle whatever their state, by first day.
pub fn of_cycle(tx: &mut Tx<'_>, cycle: CycleId) -> Result<Vec<Window>> {
    Ok(windows::table
        .filter(windows::cycle_id.eq(cycle))
        .select(Window::as_select())
        .order((windows::starts_on, windows::id))
        .load(tx.conn)?)
}

/// The earliest window of the cycle that has some of these days, other than `except`.
pub fn overlapping(
    tx: &mut Tx<'_>,
    cycle: CycleId,
    days: Period,
    except: Option<WindowId>,
) -> Result<Option<Window>> {
    Ok(windows::table
        .filter(windows::cycle_id.eq(cycle))
        .filter(windows::starts_on.le(days.last_on()).and(windows::ends_on.ge(days.first_on())))
        .filter(windows::id.ne(except.unwrap_or(WindowId(0))))
        .select(Window::as_select())
        .order(windows::starts_on)
        .first(tx.conn)
        .optional()?)
}

/// A list of windows, by first day.
pub fn list(
    tx: &mut Tx<'_>,
    filter: &WindowFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<Window>> {
    let mut query = windows::table.select(Window::as_select()).into_boxed();
    if let Some(cycle) = filter.cycle {
        query = query.filter(windows::cycle_id.eq(cycle));
    }
    if let Some(state) = filter.state {
        query = query.filter(windows::state.eq(state));
    }
    if let Some(day) = filter.ends_from {
        query = query.filter(windows::ends_on.ge(day));
    }
    if let Some(day) = filter.starts_to {
        query = query.filter(windows::starts_on.le(day));
    }
    if let Some((day, id)) = after.map(Cursor::day_and_id).transpose()? {
        let is_next = windows::starts_on.eq(day).and(windows::id.gt(WindowId(id)));
        let later = windows::starts_on.gt(day).or(is_next);
        query = query.filter(later);
    }
    let rows = query.order((windows::starts_on, windows::id)).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &Window| {
        Cursor::new([civil::format(row.starts_on), row.id.0.to_string()])
    }))
}

/// Replaces dates, state and reason when `version` is still the stored one.
pub fn update(tx: &mut Tx<'_>, row: &Window, version: i64) -> Result<bool> {
    let stored = windows::table.filter(windows::id.eq(row.id).and(windows::version.eq(version)));
    let changed = diesel::update(stored)
        .set((
            windows::starts_on.eq(row.starts_on),
            windows::ends_on.eq(row.ends_on),
            windows::accounting_on.eq(row.accounting_on),
            windows::bill_on.eq(row.bill_on),
            windows::estimate_on.eq(row.estimate_on),
            windows::state.eq(row.state),
            windows::closed_reason.eq(&row.closed_reason),
            windows::version.eq(version + 1),
        ))
        .execute(tx.conn)?;
    Ok(changed == 1)
}

/// The window of the same cycle before this one.
pub fn before(tx: &mut Tx<'_>, id: WindowId) -> Result<Option<Window>> {
    let Some(window) = find(tx, id)? else { return Ok(None) };
    Ok(windows::table
        .filter(windows::cycle_id.eq(window.cycle_id).and(windows::starts_on.lt(window.starts_on)))
        .select(Window::as_select())
        .order(windows::starts_on.desc())
        .first(tx.conn)
        .optional()?)
}
