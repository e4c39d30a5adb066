//! When the money, the days and the charges of a draft are worth a look: thresholds as data, like those of
//! the reads ([`metering::ReadChecks`]).

use serde::{Deserialize, Serialize};
use vocab::codes::FieldError;
use vocab::{Code, Decimal, Severity};

/// Thresholds and severities; what is absent has its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReviewChecks {
    /// Money is a large change when above the last one, for as many days, by more than this, percent …
    pub money_above_percent: u16,
    /// … or below it by more than this, percent …
    pub money_below_percent: u8,
    /// … and by at least so much, in whole units of the currency.
    pub money_least: Decimal,
    /// How loud a large change is.
    pub money: Severity,
    /// A segment of a monthly rate is short with fewer days, unless it is the first or the final one …
    pub short_below_days: u16,
    /// … and long with more.
    pub long_above_days: u16,
    /// How loud a short or long period is.
    pub period: Severity,
    /// How loud another rate than the last time is.
    pub rate_changed: Severity,
    /// How loud a charge is that seems to be there twice.
    pub duplicate_charge: Severity,
    /// How loud use is where nobody is served any more.
    pub inactive_use: Severity,
    /// How loud an active service without a charge is.
    pub nothing_billed: Severity,
}

impl Default for ReviewChecks {
    fn default() -> Self {
        Self {
            money_above_percent: 100,
            money_below_percent: 50,
            money_least: Decimal::from(20),
            money: Severity::Warn,
            short_below_days: 25,
            long_above_days: 35,
            period: Severity::Warn,
            rate_changed: Severity::Inform,
            duplicate_charge: Severity::Warn,
            inactive_use: Severity::Warn,
            nothing_billed: Severity::Warn,
        }
    }
}

impl ReviewChecks {
    /// What is out of bounds, with pointers into the JSON form.
    pub fn check(&self) -> Vec<FieldError> {
        let is_money =
            !self.money_least.is_sign_negative() && self.money_least <= Decimal::from(1_000_000_000);
        let bounds = [
            (self.money_above_percent > 10_000, "/money_above_percent", "at most 10000"),
            (self.money_below_percent > 100, "/money_below_percent", "at most 100"),
            (!is_money, "/money_least", "from nothing to a thousand million"),
            (self.short_below_days > 31, "/short_below_days", "at most 31"),
            (
                !(self.short_below_days..=400).contains(&self.long_above_days),
                "/long_above_days",
                "from `short_below_days` to 400",
            ),
        ];
        let wrong = bounds.iter().filter(|(is_wrong, ..)| *is_wrong);
        wrong
            .map(|(_, pointer, detail)| FieldError {
                pointer: (*pointer).to_owned(),
                code: Code::FieldRange,
                detail: (*detail).to_owned(),
            })
            .collect()
    }
}
