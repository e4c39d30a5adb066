//! The public utility rate database's form (`urdb`), of the kinds `pysam_hourly` and `reopt_test`.
//!
//! The signature is that of every adapter (see [`crate::formats`]): read `case.tariff()` and
//! `case.inputs()`, translate them into [`crate::Rating`]s (a tariff in our JSON form, with period,
//! quantities and interval data), let them be rated, and compare with `case.expected()` through
//! `checks`. What cannot be said is [`Stop::because`] with the reason.

use crate::{Case, Checks, Stop};

/// Rates a case and compares.
///
/// # Errors
/// [`Stop`]: why there is nothing to compare.
pub fn run(_case: &Case, _checks: &mut Checks) -> Result<(), Stop> {
    Err(Stop::because("urdb: the format has no adapter yet"))
}
