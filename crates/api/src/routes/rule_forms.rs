//! The forms of rules that the settings hold: read and checked by `metering`, written here for the document.
#![allow(dead_code, reason = "for the document alone: the values are read by metering")]

use rust_decimal::Decimal;
use vocab::{Commodity, Severity};

/// How missing reads are estimated. What is absent has its default.
#[derive(utoipa::ToSchema)]
#[schema(as = EstimationRules, example = json!({
    "order": ["later_read", "last_year", "recent_average", "class_profile"], "most_in_a_row": 3,
    "recent_days": 100, "last_year_tolerance_days": 10
}))]
pub(crate) struct EstimationRulesForm {
    /// The methods, the one to try first in front; one that is not named is not used.
    #[schema(min_items = 1)]
    order: Option<Vec<EstimateByForm>>,
    /// So many estimates may follow each other; then the account is an error until somebody reads the meter.
    #[schema(default = 3, minimum = 1, maximum = 24)]
    most_in_a_row: Option<u8>,
    /// How far before the last read recent use goes back, in days.
    #[schema(default = 100, minimum = 1, maximum = 366)]
    recent_days: Option<u16>,
    /// How far a read of last year may lie from the same day, in days.
    #[schema(default = 10, minimum = 0, maximum = 31)]
    last_year_tolerance_days: Option<u8>,
}

/// Where an estimate comes from.
#[derive(utoipa::ToSchema)]
#[schema(as = EstimateBy, rename_all = "snake_case")]
pub(crate) enum EstimateByForm {
    LaterRead,
    LastYear,
    RecentAverage,
    ClassProfile,
}

/// The rules that reads are judged by.
#[derive(utoipa::ToSchema)]
#[schema(as = RuleBook, example = json!({ "rules": [
    { "commodity": "water", "rules": { "high_usage": "hold", "checks": { "high_above_percent": 200 } } },
    { "class": "industrial", "rules": { "interval_spike": "hold", "spike_times": 20 } }
] }))]
pub(crate) struct RuleBookForm {
    /// What departs from the defaults.
    #[schema(max_items = 200)]
    rules: Option<Vec<ScopedRulesForm>>,
}

/// Some rules, and for whom they are.
#[derive(utoipa::ToSchema)]
#[schema(as = ScopedRules)]
pub(crate) struct ScopedRulesForm {
    /// Code of a customer class; all when absent.
    class: Option<String>,
    /// What is delivered; anything when absent.
    commodity: Option<Commodity>,
    rules: ReadRulesForm,
}

/// Severities and thresholds; what is absent stays as a less exact entry, or the default, has it.
#[derive(utoipa::ToSchema)]
#[schema(as = ReadRules)]
pub(crate) struct ReadRulesForm {
    /// A read in the future.
    #[schema(default = "reject")]
    future_date: Option<RuleActionForm>,
    /// A read on a billed day: `hold` or `reject`. Held, it proposes to bill the day again; one that is neither
    /// off the meter nor told by the customer is rejected in any case.
    #[schema(default = "hold")]
    already_billed: Option<RuleActionForm>,
    /// An old read.
    #[schema(default = "hold")]
    stale_date: Option<RuleActionForm>,
    /// Older than so many days is old.
    #[schema(default = 60, minimum = 1)]
    stale_after_days: Option<u16>,
    /// The register was not there.
    #[schema(default = "reject")]
    not_installed: Option<RuleActionForm>,
    /// Another meter's number.
    #[schema(default = "hold")]
    serial_mismatch: Option<RuleActionForm>,
    /// What is known already; it cannot be held.
    #[schema(default = "off")]
    duplicate: Option<RuleActionForm>,
    /// Another value on the same day.
    #[schema(default = "warn")]
    conflicting: Option<RuleActionForm>,
    /// A value that the dials cannot show.
    #[schema(default = "reject")]
    beyond_dials: Option<RuleActionForm>,
    /// A fall that is no plausible rollover.
    #[schema(default = "hold")]
    decreasing: Option<RuleActionForm>,
    /// Use far above the history.
    #[schema(default = "warn")]
    high_usage: Option<RuleActionForm>,
    /// Use far below it.
    #[schema(default = "warn")]
    low_usage: Option<RuleActionForm>,
    /// No use on an active service.
    #[schema(default = "warn")]
    zero_usage: Option<RuleActionForm>,
    /// Use without a service.
    #[schema(default = "hold")]
    inactive_use: Option<RuleActionForm>,
    /// A trouble code that is not among those that hold.
    #[schema(default = "warn")]
    trouble_code: Option<RuleActionForm>,
    /// Trouble codes with which a read waits for a person at least; case does not matter.
    #[schema(max_items = 100)]
    trouble_hold: Option<Vec<String>>,
    /// A day of interval data with too few or too many intervals.
    #[schema(default = "warn")]
    gap_or_overlap: Option<RuleActionForm>,
    /// An interval far above those around it.
    #[schema(default = "warn")]
    interval_spike: Option<RuleActionForm>,
    /// Far above is more than so many times their average …
    #[schema(default = 10, minimum = 2, maximum = 1000)]
    spike_times: Option<u16>,
    /// … and above it by at least so many units.
    #[schema(default = "5")]
    spike_least_units: Option<Decimal>,
    checks: Option<ReadChecksForm>,
    rollover: Option<RolloverForm>,
}

/// When use is far above or below the history; the severities count in the review alone.
#[derive(utoipa::ToSchema)]
#[schema(as = ReadChecks)]
pub(crate) struct ReadChecksForm {
    /// High when above the expectation by more than this, percent …
    #[schema(default = 100, maximum = 10000)]
    high_above_percent: Option<u16>,
    /// … and by at least so many units.
    #[schema(default = "5")]
    high_least_units: Option<Decimal>,
    high: Option<Severity>,
    /// Low when below the expectation by more than this, percent.
    #[schema(default = 50, maximum = 100)]
    low_below_percent: Option<u8>,
    low: Option<Severity>,
    zero: Option<Severity>,
    negative: Option<Severity>,
}

/// When the money, the days and the charges of a draft are worth a look.
#[derive(utoipa::ToSchema)]
#[schema(as = ReviewChecks)]
pub(crate) struct ReviewChecksForm {
    /// Money is a large change when above the last one, for as many days, by more than this, percent …
    #[schema(default = 100, maximum = 10000)]
    money_above_percent: Option<u16>,
    /// … or below it by more than this, percent …
    #[schema(default = 50, maximum = 100)]
    money_below_percent: Option<u8>,
    /// … and by at least so much, in whole units of the currency.
    #[schema(default = "20")]
    money_least: Option<Decimal>,
    money: Option<Severity>,
    /// A segment of a monthly rate is short with fewer days, unless it is the first or the final one …
    #[schema(default = 25, maximum = 31)]
    short_below_days: Option<u16>,
    /// … and long with more.
    #[schema(default = 35, maximum = 400)]
    long_above_days: Option<u16>,
    period: Option<Severity>,
    rate_changed: Option<Severity>,
    duplicate_charge: Option<Severity>,
    inactive_use: Option<Severity>,
    nothing_billed: Option<Severity>,
}

/// When a fall is taken for a rollover.
#[derive(utoipa::ToSchema)]
#[schema(as = RolloverLimit)]
pub(crate) struct RolloverForm {
    /// Most that may have passed the register, in percent of its dial capacity.
    #[schema(default = 50, minimum = 1, maximum = 100)]
    of_capacity_percent: Option<u8>,
}

/// What follows when a rule is broken: nothing, a warning, the read waits for a person, or is not taken.
#[derive(utoipa::ToSchema)]
#[schema(as = RuleAction, rename_all = "snake_case")]
pub(crate) enum RuleActionForm {
    Off,
    Warn,
    Hold,
    Reject,
}
