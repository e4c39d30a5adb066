//! What is kept for a time only, and forgotten once a day by a worker that has nothing else to do.

use crate::{App, Error, Result, real_time};
use time::Duration;

/// How long the answer to a request made once is given again.
const ANSWERS_LIVE: Duration = Duration::days(7);
/// Rows that one transaction forgets.
const BATCH: i64 = 10_000;

impl App {
    /// Forgets kept answers of more than seven days ago and refresh tokens that have expired.
    pub fn forget_expired(&self) -> Result<()> {
        let now = real_time::now();
        let answers =
            self.in_batches(|tx| store::idempotency::forget_before(tx, now - ANSWERS_LIVE, BATCH))?;
        let tokens = self.in_batches(|tx| store::access::forget_refresh_tokens(tx, now, BATCH))?;
        tracing::info!(answers, tokens, "what had expired was forgotten");
        Ok(())
    }

    fn in_batches(&self, forget: impl Fn(&mut store::Tx<'_>) -> store::Result<usize>) -> Result<usize> {
        let mut all = 0;
        loop {
            let forgotten = self.db().tx(|tx| Ok::<_, Error>(forget(tx)?))?;
            all += forgotten;
            if i64::try_from(forgotten).unwrap_or(i64::MAX) < BATCH {
                return Ok(all);
            }
        }
    }
}
