//! How many requests a caller may make where guessing would pay: sign-in and resident look-up.

use crate::problem::ApiError;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;

/// Requests per minute.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Sign-ins per name.
    pub sign_in_per_name: NonZeroU32,
    /// Sign-ins per address.
    pub sign_in_per_address: NonZeroU32,
    /// Look-ups per address.
    pub look_up_per_address: NonZeroU32,
    /// Look-ups per account number.
    pub look_up_per_account: NonZeroU32,
    /// Look-ups by everybody.
    pub look_up_overall: NonZeroU32,
}

const fn per_minute(count: u32) -> NonZeroU32 {
    match NonZeroU32::new(count) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sign_in_per_name: per_minute(10),
            sign_in_per_address: per_minute(60),
            look_up_per_address: per_minute(30),
            look_up_per_account: per_minute(10),
            look_up_overall: per_minute(600),
        }
    }
}

/// The state of all budgets of this process.
pub(crate) struct Budgets {
    sign_in_name: DefaultKeyedRateLimiter<String>,
    sign_in_address: DefaultKeyedRateLimiter<String>,
    look_up_address: DefaultKeyedRateLimiter<String>,
    look_up_account: DefaultKeyedRateLimiter<String>,
    look_up_overall: DefaultDirectRateLimiter,
}

impl Budgets {
    pub(crate) fn new(limits: Limits) -> Self {
        let keyed = |count| RateLimiter::keyed(Quota::per_minute(count));
        Self {
            sign_in_name: keyed(limits.sign_in_per_name),
            sign_in_address: keyed(limits.sign_in_per_address),
            look_up_address: keyed(limits.look_up_per_address),
            look_up_account: keyed(limits.look_up_per_account),
            look_up_overall: RateLimiter::direct(Quota::per_minute(limits.look_up_overall)),
        }
    }

    /// One sign-in by this name from this address.
    pub(crate) fn sign_in(&self, name: &str, address: &str) -> Result<(), ApiError> {
        keyed(&self.sign_in_address, address)?;
        keyed(&self.sign_in_name, &name.to_lowercase())
    }

    /// One look-up of this number from this address.
    pub(crate) fn look_up(&self, number: &str, address: &str) -> Result<(), ApiError> {
        keyed(&self.look_up_address, address)?;
        keyed(&self.look_up_account, number)?;
        self.look_up_overall.check().map_err(|not_until| {
            ApiError::too_many(not_until.wait_time_from(DefaultClock::default().now()).as_secs() + 1)
        })
    }
}

fn keyed(limiter: &DefaultKeyedRateLimiter<String>, key: &str) -> Result<(), ApiError> {
    // Old keys are forgotten now and then, so that guesses do not fill the memory.
    if limiter.len() > 10_000 {
        limiter.retain_recent();
    }
    let key: String = key.chars().take(100).collect();
    limiter.check_key(&key).map_err(|not_until| {
        ApiError::too_many(not_until.wait_time_from(DefaultClock::default().now()).as_secs() + 1)
    })
}
