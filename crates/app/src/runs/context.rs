//! What all accounts of a run share.

use crate::rates::Book;
use crate::read_rules::Rules;
use crate::{Error, Result, Utility};
use billing::{RunContext, RunContextParts, RunWindow};
use metering::ReadWindow;
use store::Tx;
use store::windows::Window;
use time::Date;
use vocab::dates::plus_days;
use vocab::zone::ClockChange;
use vocab::{Period, RunId};

/// Reads the whole book and the settings.
pub(crate) fn build(
    tx: &mut Tx<'_>,
    utility: &Utility,
    window: &Window,
    run: Option<RunId>,
    as_of_on: Date,
) -> Result<RunContext> {
    let book = Book::load(tx, &utility.currency)?;
    let days = |days: i32| u16::try_from(days).map_err(|error| Error::Fault(format!("settings: {error}")));
    Ok(RunContext::new(RunContextParts {
        window: RunWindow {
            // A bill between two windows stands in none.
            id: Some(window.id).filter(|id| id.0 != 0),
            starts_on: window.starts_on,
            ends_on: window.ends_on,
            accounting_on: window.accounting_on,
            bill_on: window.bill_on,
            estimate_on: window.estimate_on,
        },
        run,
        as_of_on,
        read_window: ReadWindow {
            days_before: days(utility.settings.read_days_before)?,
            days_after: days(utility.settings.read_days_after)?,
        },
        read_rules: Rules::of(utility)?.into_inner(),
        currency: utility.currency,
        contract_types: book.contract_types,
        schedules: book.schedules,
        factors: book.factors,
        classes: book.classes,
        holidays: utility.holidays.clone(),
        gl_accounts: book.gl_accounts,
        clock_changes: clock_changes(utility, window),
        review: serde_json::from_value(utility.settings.review.clone())?,
        estimation: serde_json::from_value(utility.settings.estimation.clone())?,
        profiles: store::usage_profiles::all(tx)?.into_iter().map(|stored| stored.profile).collect(),
    }))
}

/// Every change of the clock that a segment of the window may reach over.
fn clock_changes(utility: &Utility, window: &Window) -> Vec<ClockChange> {
    let from = plus_days(window.starts_on, -super::inputs::LATEST_DAYS).unwrap_or(window.starts_on);
    let to = plus_days(window.ends_on, i64::from(utility.settings.read_days_after)).unwrap_or(window.ends_on);
    Period::new(from, to).map(|period| utility.zone.clock_changes(period)).unwrap_or_default()
}
