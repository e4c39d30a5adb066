//! Real time, for what is not business: tokens, kept answers, leases.

use time::OffsetDateTime;

/// The machine's clock.
#[allow(clippy::disallowed_methods, reason = "tokens and kept answers live by real time, not business time")]
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
