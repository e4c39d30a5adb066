//! What all accounts of a run share, built once per operation and process.

use crate::rates::Book;
use crate::{Error, Result, Utility};
use billing::{RunContext, RunContextParts, RunWindow};
use metering::{ReadWindow, RolloverLimit};
use std::sync::{Arc, Mutex, PoisonError};
use store::Tx;
use store::windows::Window;
use time::Date;
use vocab::{OperationId, RunId};

/// The contexts of the operations that this process worked on last, each with the version of the
/// book that it was made of. A rate that changes while an acceptance is under way, or paused, decides
/// from the next chunk on: the digests say that its accounts are stale.
#[derive(Default)]
pub(super) struct Contexts(Mutex<Vec<Kept>>);

struct Kept {
    operation: OperationId,
    book: String,
    context: Arc<RunContext>,
}

/// Operations that are likely to be under way at once.
const KEPT: usize = 8;

impl Contexts {
    /// The context of an operation, made by `make` when that of the present book is not at hand.
    pub(super) fn get(
        &self,
        tx: &mut Tx<'_>,
        operation: OperationId,
        make: impl FnOnce(&mut Tx<'_>) -> Result<RunContext>,
    ) -> Result<Arc<RunContext>> {
        let book = store::rates::book_version(tx)?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of) = kept.iter().find(|of| of.operation == operation && of.book == book) {
            return Ok(of.context.clone());
        }
        let context = Arc::new(make(tx)?);
        kept.retain(|of| of.operation != operation);
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push(Kept { operation, book, context: context.clone() });
        Ok(context)
    }

    /// Forgets a finished operation.
    pub(super) fn forget(&self, operation: OperationId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|of| of.operation != operation);
    }
}

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
            id: window.id,
            starts_on: window.starts_on,
            ends_on: window.ends_on,
            accounting_on: window.accounting_on,
            bill_on: window.bill_on,
        },
        run,
        as_of_on,
        read_window: ReadWindow {
            days_before: days(utility.settings.read_days_before)?,
            days_after: days(utility.settings.read_days_after)?,
        },
        checks: serde_json::from_value(utility.settings.checks.clone())?,
        rollover: RolloverLimit::default(),
        currency: utility.currency,
        contract_types: book.contract_types,
        schedules: book.schedules,
        factors: book.factors,
        classes: book.classes,
        holidays: utility.holidays.clone(),
        gl_accounts: book.gl_accounts,
    }))
}
