//! What the chunks of an operation share, built once per operation and process.

use crate::Result;
use std::sync::{Arc, Mutex, PoisonError};
use store::Tx;
use vocab::OperationId;

/// What was built for the operations that this process worked on last, each with the version of the
/// book that it was made of: a rate, a window's day or a message that changes while work is under way, or
/// paused, decides from the next chunk on.
pub(crate) struct PerOperation<T>(Mutex<Vec<Kept<T>>>);

struct Kept<T> {
    operation: OperationId,
    book: String,
    built: Arc<T>,
}

/// Operations that are likely to be under way at once.
const KEPT: usize = 8;

impl<T> Default for PerOperation<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> PerOperation<T> {
    /// What was built for an operation; made by `make` when that of the present book is not at hand.
    pub(crate) fn get(
        &self,
        tx: &mut Tx<'_>,
        operation: OperationId,
        make: impl FnOnce(&mut Tx<'_>) -> Result<T>,
    ) -> Result<Arc<T>> {
        let book = store::rates::book_version(tx)?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of) = kept.iter().find(|of| of.operation == operation && of.book == book) {
            return Ok(of.built.clone());
        }
        let built = Arc::new(make(tx)?);
        kept.retain(|of| of.operation != operation);
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push(Kept { operation, book, built: built.clone() });
        Ok(built)
    }

    /// Forgets a finished operation.
    pub(crate) fn forget(&self, operation: OperationId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|of| of.operation != operation);
    }
}
